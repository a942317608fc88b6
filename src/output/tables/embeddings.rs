//! The table `embeddings`. This file refuses to make a vector.

use std::sync::Arc;

use anyhow::bail;
use arrow_array::builder::{ArrayBuilder, Float32Builder, Int32Builder, ListBuilder, StringBuilder};
use arrow_schema::{DataType, Field};

use super::{Table, required, values};
use crate::output::Embedding;
use crate::output::parquet::Column;
/// Buffers rows of the optional `embeddings`: one per product and vector of it.
#[derive(Debug)]
pub struct EmbeddingsTable {
    last: Option<(String, i32)>,
    product_id: StringBuilder,
    view: Int32Builder,
    embedding: ListBuilder<Float32Builder>,
}

impl Default for EmbeddingsTable {
    fn default() -> Self {
        EmbeddingsTable {
            last: None,
            product_id: StringBuilder::new(),
            view: Int32Builder::new(),
            embedding: ListBuilder::new(Float32Builder::new()).with_field(required("element", DataType::Float32)),
        }
    }
}

impl Table for EmbeddingsTable {
    type Row<'a> = Embedding<'a>;
    const NAME: &'static str = "embeddings";
    const SORTED_BY: &'static [&'static str] = &["product_id", "view"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &["product_id", "embedding.list.element"];
    // A row is kilobytes: fewer of them make a batch.
    const BATCH_ROWS: usize = 512;
    // At 1,280 components these are 1.3 GB.
    const FILE_ROW_GROUPS: usize = 2;

    fn fields() -> Vec<Field> {
        let element = Arc::new(required("element", DataType::Float32));
        vec![
            required("product_id", DataType::Utf8),
            required("view", DataType::Int32),
            required("embedding", DataType::List(element)),
        ]
    }

    fn push(&mut self, row: &Embedding<'_>) -> anyhow::Result<()> {
        let this = (row.product_id.to_owned(), row.view);
        if self.last.as_ref() >= Some(&this) {
            bail!("the vector {this:?} came after {:?}", self.last);
        }
        self.last = Some(this);
        self.product_id.append_value(row.product_id);
        self.view.append_value(row.view);
        self.embedding.values().append_slice(row.values);
        self.embedding.append(true);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.embedding.len()
    }

    fn take(&mut self) -> Vec<Column> {
        vec![values(self.product_id.finish()), values(self.view.finish()), values(self.embedding.finish())]
    }
}
