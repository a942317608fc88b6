//! The rule vocabulary as data, what a rule allows, how a list is ranked. This room refuses to touch a vector.

pub mod categories;
pub mod complements;
mod decimal;
pub mod globs;
pub mod price;
pub mod rank;
pub mod vocabulary;

pub use vocabulary::{Bounds, Candidates, CurrencyScope, GroupScope, Looks, PriceFit, Rank, Relation, Rule, defaults};
