//! Table schemas, Parquet, staging and publication, the manifest. This room refuses to decide anything.

mod current;
mod durable;
mod journal;
pub mod manifest;
mod parquet;
mod places;
mod proof;
mod publish;
mod tables;

use crate::money::{Currency, Price};

pub use self::manifest::Manifest;
pub use self::parquet::{ROW_GROUP_ROWS, Rows, SCHEMA_VERSION, TableWriter};
pub use self::publish::{OutputFolder, Recovery, Staging};
pub use self::tables::{CoverageTable, EmbeddingsTable, RecommendationsTable, RejectsTable, Table, reject_order};

/// One row of the `recommendations` table.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation<'a> {
    /// The anchor.
    pub product_id: &'a str,
    /// The rule's name.
    pub rule: &'a str,
    /// `similar`, `cross_sell` or `upsell`.
    pub relation: &'a str,
    /// Place in the list, from 1.
    pub rank: i32,
    /// The candidate.
    pub recommended_id: &'a str,
    /// The canonical score; null when the rule ignores looks.
    pub similarity: Option<f32>,
    /// What the list is ordered by; null when neither similarity nor a rank term applies.
    pub score: Option<f32>,
    /// The anchor's price.
    pub price: Option<Price>,
    /// The candidate's price.
    pub recommended_price: Option<Price>,
    /// The anchor's currency.
    pub currency: Option<Currency>,
    /// The candidate's currency.
    pub recommended_currency: Option<Currency>,
    /// Candidate's price / anchor's price; null when one is missing, the anchor's is zero, or the currencies differ.
    pub price_ratio: Option<f64>,
}

/// One row of the `coverage` table.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage<'a> {
    /// The anchor.
    pub product_id: &'a str,
    /// The rule's name.
    pub rule: &'a str,
    /// `similar`, `cross_sell` or `upsell`.
    pub relation: &'a str,
    /// The rule's `limit`.
    pub list_limit: i32,
    /// Entries that the rule allows.
    pub eligible: i64,
    /// Entries in the list.
    pub returned: i32,
    /// Why `returned` is below `list_limit`; null when it is not.
    pub shortfall_reason: Option<&'a str>,
}

/// One row of the optional `embeddings` table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Embedding<'a> {
    /// The product.
    pub product_id: &'a str,
    /// Its unit vector.
    pub values: &'a [f32],
}

#[cfg(test)]
mod tests;
