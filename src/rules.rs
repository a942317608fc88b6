//! The rule vocabulary as data, what a rule allows, how a list is ranked. This room refuses to touch a vector.

pub mod categories;
pub mod complements;
pub mod conditions;
mod decimal;
pub mod globs;
pub mod placements;
pub mod price;
pub mod rank;
pub mod validate;
pub mod vocabulary;

pub use vocabulary::{
    Bounds, Candidates, CurrencyScope, Diversity, GroupScope, Looks, PriceFit, Rank, Relation, Rule, defaults,
};
