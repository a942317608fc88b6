//! What an evaluation says, as it is written in JSON. This file refuses to compute.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bootstrap::Estimate;
use super::quantiles::Distribution;
use super::truth::Read;

/// The figures of every rule.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The version of twinset.
    pub twinset: &'static str,
    /// The date of the night: YYYY-MM-DD.
    pub run_date: String,
    /// Products of the catalog.
    pub products: usize,
    /// Entries of a list that are looked at.
    pub k: usize,
    /// Resamples behind each interval.
    pub resamples: u32,
    /// What lists were measured against.
    pub read: Read,
    /// The rules, in the order of the configuration.
    pub rules: Vec<RuleFigures>,
}

/// The figures of one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleFigures {
    /// Its name.
    pub rule: String,
    /// Its relation: links of other relations are not looked at.
    pub relation: &'static str,
    /// Entries that its lists may have.
    pub limit: u32,
    /// Products that the rule serves and that have at least one link; `hit` to `category_pairs` are over these.
    pub sources: usize,
    /// Their links.
    pub links: usize,
    /// The share of sources with at least one linked entry among the first k.
    pub hit: Option<Accuracy>,
    /// The share of a source's linked entries that are among the first k; the mean over sources.
    pub recall: Option<Accuracy>,
    /// Average precision cut at k, divided by the lower of k and the number of linked entries; the mean over sources.
    pub map: Option<Accuracy>,
    /// How often the first k are in categories that are linked with the source's; `None` where they have no entry.
    pub category_pairs: Option<CategoryPairs>,
    /// How full the lists are, of all products that the rule serves.
    pub coverage: Coverage,
    /// Candidate's price / anchor's price, over the entries of all lists where both prices are known and of one currency.
    pub price_ratio: Option<Distribution<f64>>,
    /// What the shop gains, over the entries of all lists where it is known, by currency.
    pub margin_gain: Vec<MarginGain>,
}

/// A figure beside what is possible and what is blind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Of the lists as they are shown, pins and what a fallback fills in included.
    pub found: Estimate,
    /// Of the best order of what the rule allows, blocks included: no ranking can exceed it, a pin or a fallback can.
    pub ceiling: Estimate,
    /// The exact expectation for a random pick, in random order, of what the rule allows.
    pub random: Estimate,
    /// `found` less `random`, in the same resamples.
    pub above_random: Estimate,
}

/// Entries in linked categories. Two categories are linked when some link of the measured ones leads from one to the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryPairs {
    /// The share of all first k entries of all sources whose category is linked with the source's.
    pub rate: Estimate,
    /// The same with a random product, available tonight and of another group, in each place: an exact expectation.
    pub chance: Estimate,
    /// `rate` / `chance`; `None` where chance has none.
    pub lift: Option<Estimate>,
}

/// How full lists are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Lists: one for each product that the rule serves.
    pub lists: u64,
    /// The share of lists with as many entries as the limit.
    pub full: f64,
    /// The shares of lists with fewer, by `shortfall_reason`.
    pub short: BTreeMap<&'static str, f64>,
    /// Entries of a list, on average.
    pub mean_returned: f64,
    /// The share of the catalog's available products that are in some list; variants are one product.
    pub catalog: f64,
}

/// What a shop gains with the entries of one currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarginGain {
    /// ISO 4217; `None` for products without one.
    pub currency: Option<String>,
    /// Decimal text.
    pub gain: Distribution<String>,
}
