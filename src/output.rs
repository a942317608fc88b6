//! Table schemas, Parquet, staging and publication, the manifest. This room refuses to decide anything.

mod current;
mod journal;
mod keys;
pub mod manifest;
mod parquet;
mod places;
mod proof;
mod publish;
mod tables;

pub use self::keys::{Dictionaries, Dictionary, Key};
pub use self::manifest::Manifest;
pub use self::parquet::{Column, ROW_GROUP_ROWS, Rows, SCHEMA_VERSION, TableWriter};
pub use self::publish::{OutputFolder, Recovery, Staging};
pub use self::tables::{
    CoverageTable, DuplicatesTable, EmbeddingsTable, PlacementsTable, RecommendationsTable, RejectsTable, Table,
    reject_order,
};

/// One row of the `recommendations` table: keys into the [`Dictionaries`] of its writer, and numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// The anchor, among the ids.
    pub product_id: Key,
    /// The rule.
    pub rule: Key,
    /// What it means: `similar`, `cross_sell` or `upsell`.
    pub relation: Key,
    /// Place in the list.
    pub rank: Key,
    /// The candidate, among the ids.
    pub recommended_id: Key,
    /// The canonical score; null when the rule ignores looks.
    pub similarity: Option<f32>,
    /// What the list is ordered by; null when neither similarity nor a rank term applies.
    pub score: Option<f32>,
    /// The anchor's price, if it has one.
    pub price: Key,
    /// The candidate's price, if it has one.
    pub recommended_price: Key,
    /// The anchor's currency, if it has one.
    pub currency: Key,
    /// The candidate's currency, if it has one.
    pub recommended_currency: Key,
    /// Candidate's price / anchor's price; null when one is missing, the anchor's is zero, or the currencies differ.
    pub price_ratio: Option<f64>,
    /// What the shop gains, in ten-thousandths; null where a margin is unknown or the currencies differ.
    pub margin_gain: Option<i64>,
    /// Why it is in the list: `rule`, `pin` or `fallback`.
    pub origin: Key,
}

/// One row of the `coverage` table: keys into the [`Dictionaries`] of its writer, and numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// The anchor, among the ids.
    pub product_id: Key,
    /// The rule.
    pub rule: Key,
    /// What it means: `similar`, `cross_sell` or `upsell`.
    pub relation: Key,
    /// The rule's `limit`.
    pub list_limit: i32,
    /// Entries that the rule allows.
    pub eligible: i64,
    /// Entries in the list.
    pub returned: i32,
    /// Why the rule's own entries and pins do not fill the list; null when they do.
    pub shortfall_reason: Key,
    /// Entries of the list that are pinned.
    pub pinned: i32,
    /// Entries of the list that another rule filled in.
    pub fallback: i32,
}

/// One row of the `placements` table: keys into the [`Dictionaries`] of its writer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// The anchor, among the ids.
    pub product_id: Key,
    /// The placement's name.
    pub placement: Key,
    /// Place on the page, among the ranks.
    pub slot: Key,
    /// What it means: `similar`, `cross_sell` or `upsell`.
    pub relation: Key,
    /// The rule whose list it comes from.
    pub rule: Key,
    /// Its place in that list.
    pub rank: Key,
    /// The candidate, among the ids.
    pub recommended_id: Key,
}

/// One row of the optional `duplicates` table: keys into the [`Dictionaries`] of its writer, and what was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duplicate {
    /// The product, among the ids.
    pub product_id: Key,
    /// Place among the product's duplicates.
    pub rank: Key,
    /// A product of another group that looks nearly the same, among the ids.
    pub duplicate_id: Key,
    /// The canonical score.
    pub similarity: f32,
    /// Whether both vectors are the same, bit for bit.
    pub identical: bool,
    /// The first id of all products that are connected by rows of the table, among the ids.
    pub cluster_id: Key,
}

/// One row of the optional `embeddings` table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Embedding<'a> {
    /// The product.
    pub product_id: &'a str,
    /// The number of the vector among those of the product, from 1.
    pub view: i32,
    /// The unit vector.
    pub values: &'a [f32],
}

#[cfg(test)]
mod tests;
