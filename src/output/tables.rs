//! The columns of each table, their order, and how a row becomes arrow values. This room refuses to know of files.

use std::cmp::Ordering;
use std::sync::Arc;

use anyhow::{Context, bail};
use arrow_array::builder::{
    ArrayBuilder, Decimal64Builder, Float32Builder, Float64Builder, Int32Builder, Int64Builder, ListBuilder,
    StringBuilder, UInt32Builder,
};
use arrow_array::{ArrayRef, DictionaryArray, StringArray};
use arrow_schema::{DataType, Field};

use super::{Coverage, Embedding, Recommendation};
use crate::money::{Currency, Price};
use crate::reject::Reject;

/// One published table: its name, its columns after `run_id` and `run_date`, and the order of its rows.
///
/// An implementation is also the buffer of the rows that are not yet encoded.
pub trait Table: Default + Send {
    /// What [`Table::push`] takes.
    type Row<'a>;
    /// The folder's name under the output folder.
    const NAME: &'static str;
    /// The columns that the rows are sorted by, ascending, text by its UTF-8 bytes.
    const SORTED_BY: &'static [&'static str];
    /// Columns (as Parquet paths) whose values hardly repeat, so that a dictionary would only cost.
    const WITHOUT_DICTIONARY: &'static [&'static str];
    /// Rows that are encoded together; a divisor of a row group's rows.
    const BATCH_ROWS: usize;
    /// Row groups of a file; only the last file of a table has fewer.
    const FILE_ROW_GROUPS: usize = 16;

    /// The columns after `run_id` and `run_date`.
    fn fields() -> Vec<Field>;

    /// Buffers one row.
    ///
    /// # Errors
    /// When the row does not come after the one before it, or holds a number that its column cannot.
    fn push(&mut self, row: &Self::Row<'_>) -> anyhow::Result<()>;

    /// How many rows are buffered.
    fn buffered(&self) -> usize;

    /// Takes the buffered rows out, one array for each of [`Table::fields`].
    fn take(&mut self) -> Vec<ArrayRef>;
}

/// The order of the `rejects` table: row, then stage and code by their text, then detail.
#[must_use]
pub fn reject_order(a: &Reject, b: &Reject) -> Ordering {
    let key = |r: &Reject| (r.row, r.stage.as_str(), r.code);
    key(a).cmp(&key(b)).then_with(|| a.detail.cmp(&b.detail))
}

/// Buffers rows of `recommendations`: one per product, rule and rank.
#[derive(Debug)]
pub struct RecommendationsTable {
    order: ListOrder,
    product_id: Repeated,
    rule: Repeated,
    relation: Repeated,
    rank: Int32Builder,
    recommended_id: StringBuilder,
    similarity: Float32Builder,
    score: Float32Builder,
    price: Decimal64Builder,
    recommended_price: Decimal64Builder,
    currency: Repeated,
    recommended_currency: Repeated,
    price_ratio: Float64Builder,
    margin_gain: Decimal64Builder,
}

impl Default for RecommendationsTable {
    fn default() -> Self {
        let money = || Decimal64Builder::new().with_data_type(MONEY);
        RecommendationsTable {
            order: ListOrder::default(),
            product_id: Repeated::default(),
            rule: Repeated::default(),
            relation: Repeated::default(),
            rank: Int32Builder::new(),
            recommended_id: StringBuilder::new(),
            similarity: Float32Builder::new(),
            score: Float32Builder::new(),
            price: money(),
            recommended_price: money(),
            currency: Repeated::default(),
            recommended_currency: Repeated::default(),
            price_ratio: Float64Builder::new(),
            margin_gain: money(),
        }
    }
}

impl Table for RecommendationsTable {
    type Row<'a> = Recommendation<'a>;
    const NAME: &'static str = "recommendations";
    const SORTED_BY: &'static [&'static str] = &["product_id", "rule", "rank"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &["similarity", "score", "price_ratio"];
    const BATCH_ROWS: usize = 8_192;

    fn fields() -> Vec<Field> {
        vec![
            required("product_id", DataType::Utf8),
            required("rule", DataType::Utf8),
            required("relation", DataType::Utf8),
            required("rank", DataType::Int32),
            required("recommended_id", DataType::Utf8),
            nullable("similarity", DataType::Float32),
            nullable("score", DataType::Float32),
            nullable("price", MONEY),
            nullable("recommended_price", MONEY),
            nullable("currency", DataType::Utf8),
            nullable("recommended_currency", DataType::Utf8),
            nullable("price_ratio", DataType::Float64),
            nullable("margin_gain", MONEY),
        ]
    }

    fn push(&mut self, row: &Recommendation<'_>) -> anyhow::Result<()> {
        self.order.advance(row.product_id, row.rule, row.rank)?;
        self.product_id.append(Some(row.product_id));
        self.rule.append(Some(row.rule));
        self.relation.append(Some(row.relation));
        self.rank.append_value(row.rank);
        self.recommended_id.append_value(row.recommended_id);
        self.similarity.append_option(row.similarity);
        self.score.append_option(row.score);
        self.price.append_option(row.price.map(Price::units));
        self.recommended_price.append_option(row.recommended_price.map(Price::units));
        self.currency.append(row.currency.as_ref().map(Currency::as_str));
        self.recommended_currency.append(row.recommended_currency.as_ref().map(Currency::as_str));
        self.price_ratio.append_option(row.price_ratio);
        self.margin_gain.append_null();
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.rank.len()
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        vec![
            self.product_id.finish(),
            self.rule.finish(),
            self.relation.finish(),
            Arc::new(self.rank.finish()),
            Arc::new(self.recommended_id.finish()),
            Arc::new(self.similarity.finish()),
            Arc::new(self.score.finish()),
            Arc::new(self.price.finish()),
            Arc::new(self.recommended_price.finish()),
            self.currency.finish(),
            self.recommended_currency.finish(),
            Arc::new(self.price_ratio.finish()),
            Arc::new(self.margin_gain.finish()),
        ]
    }
}

/// Buffers rows of `coverage`: one per product and rule.
#[derive(Debug, Default)]
pub struct CoverageTable {
    order: ListOrder,
    product_id: Repeated,
    rule: Repeated,
    relation: Repeated,
    list_limit: Int32Builder,
    eligible: Int64Builder,
    returned: Int32Builder,
    shortfall_reason: Repeated,
}

impl Table for CoverageTable {
    type Row<'a> = Coverage<'a>;
    const NAME: &'static str = "coverage";
    const SORTED_BY: &'static [&'static str] = &["product_id", "rule"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &[];
    const BATCH_ROWS: usize = 8_192;

    fn fields() -> Vec<Field> {
        vec![
            required("product_id", DataType::Utf8),
            required("rule", DataType::Utf8),
            required("relation", DataType::Utf8),
            required("list_limit", DataType::Int32),
            required("eligible", DataType::Int64),
            required("returned", DataType::Int32),
            nullable("shortfall_reason", DataType::Utf8),
        ]
    }

    fn push(&mut self, row: &Coverage<'_>) -> anyhow::Result<()> {
        self.order.advance(row.product_id, row.rule, 0)?;
        self.product_id.append(Some(row.product_id));
        self.rule.append(Some(row.rule));
        self.relation.append(Some(row.relation));
        self.list_limit.append_value(row.list_limit);
        self.eligible.append_value(row.eligible);
        self.returned.append_value(row.returned);
        self.shortfall_reason.append(row.shortfall_reason);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.returned.len()
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        vec![
            self.product_id.finish(),
            self.rule.finish(),
            self.relation.finish(),
            Arc::new(self.list_limit.finish()),
            Arc::new(self.eligible.finish()),
            Arc::new(self.returned.finish()),
            self.shortfall_reason.finish(),
        ]
    }
}

/// Buffers rows of `rejects`: one per thing that could not be used, in the order of [`reject_order`].
#[derive(Debug, Default)]
pub struct RejectsTable {
    last: Option<Reject>,
    stage: Repeated,
    row: Int64Builder,
    id: StringBuilder,
    code: Repeated,
    detail: StringBuilder,
}

impl Table for RejectsTable {
    type Row<'a> = Reject;
    const NAME: &'static str = "rejects";
    const SORTED_BY: &'static [&'static str] = &["row", "stage", "code", "detail"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &["detail"];
    const BATCH_ROWS: usize = 8_192;

    fn fields() -> Vec<Field> {
        vec![
            required("stage", DataType::Utf8),
            required("row", DataType::Int64),
            nullable("id", DataType::Utf8),
            required("code", DataType::Utf8),
            required("detail", DataType::Utf8),
        ]
    }

    fn push(&mut self, row: &Reject) -> anyhow::Result<()> {
        if let Some(last) = &self.last
            && reject_order(last, row).is_gt()
        {
            bail!(
                "the reject of row {} (`{}`) came after that of row {} (`{}`)",
                row.row,
                row.code,
                last.row,
                last.code
            );
        }
        let number = i64::try_from(row.row).with_context(|| format!("row number {} is above 2^63 - 1", row.row))?;
        self.stage.append(Some(row.stage.as_str()));
        self.row.append_value(number);
        self.id.append_option(row.id.as_deref());
        self.code.append(Some(row.code));
        self.detail.append_value(&row.detail);
        self.last = Some(row.clone());
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.row.len()
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        vec![
            self.stage.finish(),
            Arc::new(self.row.finish()),
            Arc::new(self.id.finish()),
            self.code.finish(),
            Arc::new(self.detail.finish()),
        ]
    }
}

/// Buffers rows of the optional `embeddings`: one per product with a vector.
#[derive(Debug)]
pub struct EmbeddingsTable {
    order: ListOrder,
    product_id: StringBuilder,
    embedding: ListBuilder<Float32Builder>,
}

impl Default for EmbeddingsTable {
    fn default() -> Self {
        EmbeddingsTable {
            order: ListOrder::default(),
            product_id: StringBuilder::new(),
            embedding: ListBuilder::new(Float32Builder::new()).with_field(required("element", DataType::Float32)),
        }
    }
}

impl Table for EmbeddingsTable {
    type Row<'a> = Embedding<'a>;
    const NAME: &'static str = "embeddings";
    const SORTED_BY: &'static [&'static str] = &["product_id"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &["product_id", "embedding.list.element"];
    // A row is kilobytes: fewer of them make a batch.
    const BATCH_ROWS: usize = 512;
    // At 1,280 components these are 1.3 GB.
    const FILE_ROW_GROUPS: usize = 2;

    fn fields() -> Vec<Field> {
        let element = Arc::new(required("element", DataType::Float32));
        vec![required("product_id", DataType::Utf8), required("embedding", DataType::List(element))]
    }

    fn push(&mut self, row: &Embedding<'_>) -> anyhow::Result<()> {
        self.order.advance(row.product_id, "", 0)?;
        self.product_id.append_value(row.product_id);
        self.embedding.values().append_slice(row.values);
        self.embedding.append(true);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.embedding.len()
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        vec![Arc::new(self.product_id.finish()), Arc::new(self.embedding.finish())]
    }
}

/// Builds a column of text that repeats, as an arrow dictionary: a text that came shortly before is not copied again.
#[derive(Debug, Default)]
struct Repeated {
    values: Vec<Box<str>>,
    current: usize,
    keys: UInt32Builder,
}

impl Repeated {
    /// How many texts are looked at before one is taken for new.
    const RECENT: usize = 8;

    fn append(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.keys.append_null() };
        if self.values.get(self.current).is_none_or(|value| **value != *text) {
            let recent = self.values.iter().enumerate().rev().take(Repeated::RECENT);
            self.current =
                recent.into_iter().find(|(_, value)| ***value == *text).map_or(self.values.len(), |(at, _)| at);
            if self.current == self.values.len() {
                self.values.push(text.into());
            }
        }
        self.keys.append_value(u32::try_from(self.current).expect("no more texts than rows of a batch"));
    }

    fn finish(&mut self) -> ArrayRef {
        let values = StringArray::from_iter_values(self.values.drain(..));
        Arc::new(DictionaryArray::new(self.keys.finish(), Arc::new(values)))
    }
}

/// `DECIMAL(18,4)` in 64 bits.
const MONEY: DataType = DataType::Decimal64(18, 4);

/// The last row's place, to refuse a row that is not after it.
#[derive(Debug, Default)]
struct ListOrder {
    started: bool,
    product_id: String,
    rule: String,
    rank: i32,
}

impl ListOrder {
    fn advance(&mut self, product_id: &str, rule: &str, rank: i32) -> anyhow::Result<()> {
        let last = (self.product_id.as_str(), self.rule.as_str(), self.rank);
        let is_same_list = last.1 == rule && last.0 == product_id;
        let is_after = if is_same_list { last.2 < rank } else { last < (product_id, rule, rank) };
        if self.started && !is_after {
            bail!("the row (`{product_id}`, `{rule}`, {rank}) came after (`{}`, `{}`, {})", last.0, last.1, last.2);
        }
        self.rank = rank;
        if self.started && is_same_list {
            return Ok(());
        }
        self.started = true;
        replace(&mut self.product_id, product_id);
        replace(&mut self.rule, rule);
        Ok(())
    }
}

/// Keeps the allocation: this runs once a row.
fn replace(old: &mut String, new: &str) {
    if old != new {
        old.clear();
        old.push_str(new);
    }
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn nullable(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}
