//! For every list, its most similar candidates, exactly. This room refuses products, prices and files: it sees rows,
//! integers and unit vectors.
//!
//! An engine *proposes* pairs under a proven error bound and *decides* with the canonical score alone, so every engine gives
//! the same lists. [`Lists`] is the contract that the plan fills and every engine reads.

mod axes;
pub mod bounds;
pub mod choose;
mod classes;
pub mod cpu;
pub mod gallery;
pub mod gpu;
pub mod int8;
mod join;
pub mod lists;
pub mod matrix;
mod products;
pub mod remaining;
mod report;
mod rotation;
mod rows;
mod state;
#[cfg(test)]
mod testing;
mod thresholds;
pub mod tiles;
mod waiting;

use crate::error::Result;
use crate::progress::Progress;

pub use gallery::Gallery;
pub use lists::{Counts, ListCaps, Lists, NO_LIST, RefusedPairs, RuleLists};
pub use matrix::{Matrix, canonical_score};
pub use report::{Found, Report};

/// One entry of a finished list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The candidate's row.
    pub row: u32,
    /// The canonical score.
    pub score: f32,
}

/// The finished lists of one rule, by anchor row; each at most K entries, by score descending, then id.
pub type TopK = Vec<Vec<Entry>>;

/// An engine that fills lists.
pub trait Similarity: Sync {
    /// Fills every list of every visual rule, in the order of [`Lists::rules`]; rules without looks get no lists.
    ///
    /// `matrix` holds one unit vector per row that has one: rows `0..matrix.rows()` of `lists`. `progress` counts pairs
    /// of rows as [`remaining::Remaining::pairs`] does.
    ///
    /// # Errors
    /// Only what no engine can mend.
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found>;
}
