//! Bad input as data: what could not be used, and why. This room refuses to end a night.

/// Where in the job something was rejected; the `stage` column of the `rejects` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A catalog row, or one field of it.
    Catalog,
    /// An image file.
    Image,
    /// A vector.
    Embedding,
}

impl Stage {
    /// The text of the `stage` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Catalog => "catalog",
            Stage::Image => "image",
            Stage::Embedding => "embedding",
        }
    }
}

/// One thing that could not be used: a row of the `rejects` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The stage that refused it.
    pub stage: Stage,
    /// The catalog's data row, counted from 1 (a header is not a row).
    pub row: u64,
    /// The product id, where the row has a usable one.
    pub id: Option<String>,
    /// A short stable code, for example `duplicate_id`.
    pub code: &'static str,
    /// What was wrong, with the offending text: one line for a person.
    pub detail: String,
}
