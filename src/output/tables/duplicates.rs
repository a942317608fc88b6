//! The table `duplicates`. This file refuses to know what is nearly identical.

use arrow_array::builder::{BooleanBuilder, Float32Builder};
use arrow_schema::{DataType, Field};

use super::{ListOrder, Table, keys, required, values};
use crate::output::Duplicate;
use crate::output::keys::{Dictionaries, Key};
use crate::output::parquet::Column;

/// Buffers rows of the optional `duplicates`: one per product and rank.
#[derive(Debug)]
pub struct DuplicatesTable {
    dictionaries: Dictionaries,
    order: ListOrder,
    product_id: Vec<Key>,
    rank: Vec<Key>,
    duplicate_id: Vec<Key>,
    similarity: Float32Builder,
    identical: BooleanBuilder,
    cluster_id: Vec<Key>,
}

impl DuplicatesTable {
    pub(in crate::output) fn new(dictionaries: &Dictionaries) -> DuplicatesTable {
        DuplicatesTable {
            dictionaries: dictionaries.clone(),
            order: ListOrder::default(),
            product_id: Vec::new(),
            rank: Vec::new(),
            duplicate_id: Vec::new(),
            similarity: Float32Builder::new(),
            identical: BooleanBuilder::new(),
            cluster_id: Vec::new(),
        }
    }
}

impl Table for DuplicatesTable {
    type Row<'a> = Duplicate;
    const NAME: &'static str = "duplicates";
    const SORTED_BY: &'static [&'static str] = &["product_id", "rank"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &["similarity", "identical"];
    const BATCH_ROWS: usize = 8_192;

    fn fields() -> Vec<Field> {
        vec![
            required("product_id", DataType::Utf8),
            required("rank", DataType::Int32),
            required("duplicate_id", DataType::Utf8),
            required("similarity", DataType::Float32),
            required("identical", DataType::Boolean),
            required("cluster_id", DataType::Utf8),
        ]
    }

    fn push(&mut self, row: &Duplicate) -> anyhow::Result<()> {
        self.order.advance(row.product_id, row.rank, Key::NULL)?;
        self.product_id.push(row.product_id);
        self.rank.push(row.rank);
        self.duplicate_id.push(row.duplicate_id);
        self.similarity.append_value(row.similarity);
        self.identical.append_value(row.identical);
        self.cluster_id.push(row.cluster_id);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.rank.len()
    }

    fn take(&mut self) -> Vec<Column> {
        let of = &self.dictionaries;
        vec![
            keys(&of.ids, &mut self.product_id),
            keys(&of.ranks, &mut self.rank),
            keys(&of.ids, &mut self.duplicate_id),
            values(self.similarity.finish()),
            values(self.identical.finish()),
            keys(&of.ids, &mut self.cluster_id),
        ]
    }
}
