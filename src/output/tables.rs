//! The columns of each table, their order, and how a row becomes arrow values. This room refuses to know of files.

mod duplicates;
mod embeddings;

use std::cmp::Ordering;
use std::sync::Arc;

use anyhow::{Context, bail};
use arrow_array::Array;
use arrow_array::builder::{
    ArrayBuilder, Decimal64Builder, Float32Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
};
use arrow_schema::{DataType, Field};

use super::keys::{Dictionaries, Dictionary, Key};
use super::parquet::Column;
use super::{Coverage, Placed, Recommendation};
use crate::reject::Reject;
pub use duplicates::DuplicatesTable;
pub use embeddings::EmbeddingsTable;

/// One published table: its name, its columns after `run_id` and `run_date`, and the order of its rows.
///
/// An implementation is also the buffer of the rows that are not yet encoded.
pub trait Table: Send {
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

    /// Takes the buffered rows out, one column for each of [`Table::fields`].
    fn take(&mut self) -> Vec<Column>;
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
    dictionaries: Dictionaries,
    order: ListOrder,
    product_id: Vec<Key>,
    rule: Vec<Key>,
    relation: Vec<Key>,
    rank: Vec<Key>,
    recommended_id: Vec<Key>,
    similarity: Float32Builder,
    score: Float32Builder,
    price: Vec<Key>,
    recommended_price: Vec<Key>,
    currency: Vec<Key>,
    recommended_currency: Vec<Key>,
    price_ratio: Float64Builder,
    margin_gain: Decimal64Builder,
    origin: Vec<Key>,
}

impl RecommendationsTable {
    pub(super) fn new(dictionaries: &Dictionaries) -> RecommendationsTable {
        RecommendationsTable {
            dictionaries: dictionaries.clone(),
            order: ListOrder::default(),
            product_id: Vec::new(),
            rule: Vec::new(),
            relation: Vec::new(),
            rank: Vec::new(),
            recommended_id: Vec::new(),
            similarity: Float32Builder::new(),
            score: Float32Builder::new(),
            price: Vec::new(),
            recommended_price: Vec::new(),
            currency: Vec::new(),
            recommended_currency: Vec::new(),
            price_ratio: Float64Builder::new(),
            margin_gain: Decimal64Builder::new().with_data_type(MONEY),
            origin: Vec::new(),
        }
    }
}

impl Table for RecommendationsTable {
    type Row<'a> = Recommendation;
    const NAME: &'static str = "recommendations";
    const SORTED_BY: &'static [&'static str] = &["product_id", "rule", "rank"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &["similarity", "score", "price_ratio", "margin_gain"];
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
            required("origin", DataType::Utf8),
        ]
    }

    fn push(&mut self, row: &Recommendation) -> anyhow::Result<()> {
        self.order.advance(row.product_id, row.rule, row.rank)?;
        self.product_id.push(row.product_id);
        self.rule.push(row.rule);
        self.relation.push(row.relation);
        self.rank.push(row.rank);
        self.recommended_id.push(row.recommended_id);
        self.similarity.append_option(row.similarity);
        self.score.append_option(row.score);
        self.price.push(row.price);
        self.recommended_price.push(row.recommended_price);
        self.currency.push(row.currency);
        self.recommended_currency.push(row.recommended_currency);
        self.price_ratio.append_option(row.price_ratio);
        self.margin_gain.append_option(row.margin_gain);
        self.origin.push(row.origin);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.rank.len()
    }

    fn take(&mut self) -> Vec<Column> {
        let of = &self.dictionaries;
        vec![
            keys(&of.ids, &mut self.product_id),
            keys(&of.rules, &mut self.rule),
            keys(&of.relations, &mut self.relation),
            keys(&of.ranks, &mut self.rank),
            keys(&of.ids, &mut self.recommended_id),
            values(self.similarity.finish()),
            values(self.score.finish()),
            keys(&of.prices, &mut self.price),
            keys(&of.prices, &mut self.recommended_price),
            keys(&of.currencies, &mut self.currency),
            keys(&of.currencies, &mut self.recommended_currency),
            values(self.price_ratio.finish()),
            values(self.margin_gain.finish()),
            keys(&of.origins, &mut self.origin),
        ]
    }
}

/// Buffers rows of `coverage`: one per product and rule.
#[derive(Debug)]
pub struct CoverageTable {
    dictionaries: Dictionaries,
    order: ListOrder,
    product_id: Vec<Key>,
    rule: Vec<Key>,
    relation: Vec<Key>,
    list_limit: Int32Builder,
    eligible: Int64Builder,
    returned: Int32Builder,
    shortfall_reason: Vec<Key>,
    pinned: Int32Builder,
    fallback: Int32Builder,
}

impl CoverageTable {
    pub(super) fn new(dictionaries: &Dictionaries) -> CoverageTable {
        CoverageTable {
            dictionaries: dictionaries.clone(),
            order: ListOrder::default(),
            product_id: Vec::new(),
            rule: Vec::new(),
            relation: Vec::new(),
            list_limit: Int32Builder::new(),
            eligible: Int64Builder::new(),
            returned: Int32Builder::new(),
            shortfall_reason: Vec::new(),
            pinned: Int32Builder::new(),
            fallback: Int32Builder::new(),
        }
    }
}

impl Table for CoverageTable {
    type Row<'a> = Coverage;
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
            required("pinned", DataType::Int32),
            required("fallback", DataType::Int32),
        ]
    }

    fn push(&mut self, row: &Coverage) -> anyhow::Result<()> {
        self.order.advance(row.product_id, row.rule, Key::NULL)?;
        self.product_id.push(row.product_id);
        self.rule.push(row.rule);
        self.relation.push(row.relation);
        self.list_limit.append_value(row.list_limit);
        self.eligible.append_value(row.eligible);
        self.returned.append_value(row.returned);
        self.shortfall_reason.push(row.shortfall_reason);
        self.pinned.append_value(row.pinned);
        self.fallback.append_value(row.fallback);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.rule.len()
    }

    fn take(&mut self) -> Vec<Column> {
        let of = &self.dictionaries;
        vec![
            keys(&of.ids, &mut self.product_id),
            keys(&of.rules, &mut self.rule),
            keys(&of.relations, &mut self.relation),
            values(self.list_limit.finish()),
            values(self.eligible.finish()),
            values(self.returned.finish()),
            keys(&of.reasons, &mut self.shortfall_reason),
            values(self.pinned.finish()),
            values(self.fallback.finish()),
        ]
    }
}

/// Buffers rows of the optional `placements`: one per product, placement and slot.
#[derive(Debug)]
pub struct PlacementsTable {
    dictionaries: Dictionaries,
    order: ListOrder,
    product_id: Vec<Key>,
    placement: Vec<Key>,
    slot: Vec<Key>,
    relation: Vec<Key>,
    rule: Vec<Key>,
    rank: Vec<Key>,
    recommended_id: Vec<Key>,
}

impl PlacementsTable {
    pub(super) fn new(dictionaries: &Dictionaries) -> PlacementsTable {
        PlacementsTable {
            dictionaries: dictionaries.clone(),
            order: ListOrder::default(),
            product_id: Vec::new(),
            placement: Vec::new(),
            slot: Vec::new(),
            relation: Vec::new(),
            rule: Vec::new(),
            rank: Vec::new(),
            recommended_id: Vec::new(),
        }
    }
}

impl Table for PlacementsTable {
    type Row<'a> = Placed;
    const NAME: &'static str = "placements";
    const SORTED_BY: &'static [&'static str] = &["product_id", "placement", "slot"];
    const WITHOUT_DICTIONARY: &'static [&'static str] = &[];
    const BATCH_ROWS: usize = 8_192;

    fn fields() -> Vec<Field> {
        vec![
            required("product_id", DataType::Utf8),
            required("placement", DataType::Utf8),
            required("slot", DataType::Int32),
            required("relation", DataType::Utf8),
            required("rule", DataType::Utf8),
            required("rank", DataType::Int32),
            required("recommended_id", DataType::Utf8),
        ]
    }

    fn push(&mut self, row: &Placed) -> anyhow::Result<()> {
        self.order.advance(row.product_id, row.placement, row.slot)?;
        self.product_id.push(row.product_id);
        self.placement.push(row.placement);
        self.slot.push(row.slot);
        self.relation.push(row.relation);
        self.rule.push(row.rule);
        self.rank.push(row.rank);
        self.recommended_id.push(row.recommended_id);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.rule.len()
    }

    fn take(&mut self) -> Vec<Column> {
        let of = &self.dictionaries;
        vec![
            keys(&of.ids, &mut self.product_id),
            keys(&of.placements, &mut self.placement),
            keys(&of.ranks, &mut self.slot),
            keys(&of.relations, &mut self.relation),
            keys(&of.rules, &mut self.rule),
            keys(&of.ranks, &mut self.rank),
            keys(&of.ids, &mut self.recommended_id),
        ]
    }
}

/// Buffers rows of `rejects`: one per thing that could not be used, in the order of [`reject_order`].
#[derive(Debug, Default)]
pub struct RejectsTable {
    last: Option<Reject>,
    stage: StringBuilder,
    row: Int64Builder,
    id: StringBuilder,
    code: StringBuilder,
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
        self.stage.append_value(row.stage.as_str());
        self.row.append_value(number);
        self.id.append_option(row.id.as_deref());
        self.code.append_value(row.code);
        self.detail.append_value(&row.detail);
        self.last = Some(row.clone());
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.row.len()
    }

    fn take(&mut self) -> Vec<Column> {
        vec![
            values(self.stage.finish()),
            values(self.row.finish()),
            values(self.id.finish()),
            values(self.code.finish()),
            values(self.detail.finish()),
        ]
    }
}

/// `DECIMAL(18,4)` in 64 bits.
const MONEY: DataType = DataType::Decimal64(18, 4);

/// The last row's place, to refuse a row that is not after it.
#[derive(Debug, Default)]
struct ListOrder(Option<(Key, Key, Key)>);

impl ListOrder {
    fn advance(&mut self, product: Key, rule: Key, rank: Key) -> anyhow::Result<()> {
        let (last, this) = (self.0, Some((product, rule, rank)));
        if last >= this {
            bail!("the row {this:?} came after {last:?}");
        }
        self.0 = this;
        Ok(())
    }
}

fn keys(dictionary: &Arc<Dictionary>, buffered: &mut Vec<Key>) -> Column {
    let next = Vec::with_capacity(buffered.len());
    Column::Keys(Arc::clone(dictionary), std::mem::replace(buffered, next))
}

fn values(array: impl Array + 'static) -> Column {
    Column::Values(Arc::new(array))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn nullable(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}
