//! `twinset explain`: why a product is recommended beside another, or why not, from the plan and the scores of a run. This room
//! refuses to publish.

mod checks;
mod text;
mod verdict;

use anyhow::anyhow;
use serde::Serialize;

pub use checks::{Check, Checker};

use crate::catalog::Catalog;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::{Prepared, on_threads};
use crate::money::{Currency, Price};
use crate::plan::Service;
use crate::recommend::{Listed, Origin, Recommender, Served};
use crate::rules::price;
use crate::rules::rank::{Ranked, Term};
use crate::similarity::Found;

/// Entries that missed a list, of each kind.
const MISSES: usize = 3;

/// Why the lists of a product are as they are.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The product being served.
    pub product: About,
    /// The product that is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<About>,
    /// By rule, in the order of the configuration.
    pub rules: Vec<RuleExplained>,
    /// What the product's pages show; nothing where a candidate is asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placements: Vec<SlotExplained>,
}

/// What is known of one product.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub title: Option<String>,
    /// Its category path.
    pub category: Option<String>,
    /// What the customer pays.
    pub price: Option<String>,
    /// In this currency.
    pub currency: Option<String>,
    /// Whether it may be recommended tonight.
    pub available: bool,
    /// Whether it has a vector.
    pub has_vector: bool,
}

/// One rule for the product, and for the candidate that is asked about.
#[derive(Clone, Debug, Serialize)]
pub struct RuleExplained {
    /// The rule's name.
    pub rule: String,
    /// `similar`, `cross_sell` or `upsell`.
    pub relation: &'static str,
    /// Whether the rule serves the product.
    pub served: bool,
    /// Entries that the rule allows.
    pub eligible: u32,
    /// Entries that the list may have.
    pub limit: u32,
    /// Why the rule's own entries and pins do not fill the list.
    pub shortfall_reason: Option<&'static str>,
    /// The list.
    pub entries: Vec<EntryExplained>,
    /// What would have come next, and what looks most alike and is not allowed; nothing where a candidate is asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<Miss>,
    /// The candidate that is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<PairExplained>,
}

/// One entry of a list.
#[derive(Clone, Debug, Serialize)]
pub struct EntryExplained {
    /// Place in the list, from 1.
    pub rank: usize,
    /// The recommended product.
    pub id: String,
    /// What people call it.
    pub title: Option<String>,
    /// `rule`, `pin` or `fallback`.
    pub origin: &'static str,
    /// The canonical score.
    pub similarity: Option<f32>,
    /// What the list is ordered by.
    pub score: Option<f32>,
    /// What the score is the weighted mean of; nothing without `[rule.rank]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
    /// What the customer pays for it.
    pub price: Option<String>,
    /// Its price / the anchor's price.
    pub price_ratio: Option<f64>,
    /// What the shop gains.
    pub margin_gain: Option<String>,
}

/// A product that is not in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Miss {
    /// The product.
    pub id: String,
    /// The canonical score.
    pub similarity: Option<f32>,
    /// Why it is not in the list.
    pub why: String,
}

/// One candidate under one rule.
#[derive(Clone, Debug, Serialize)]
pub struct PairExplained {
    /// Every condition, in the order in which they are tested.
    pub checks: Vec<Check>,
    /// Whether all of them hold.
    pub eligible: bool,
    /// The canonical score, where both have a vector.
    pub similarity: Option<f32>,
    /// The views of the product and of the candidate that it is of, numbered as in the table `embeddings`; nothing where both have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<[usize; 2]>,
    /// What the rule would order it by.
    pub score: Option<f32>,
    /// What the score is the weighted mean of; nothing without `[rule.rank]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
    /// Its place in the list, from 1.
    pub rank: Option<usize>,
    /// In words: where it is, or what keeps it out.
    pub verdict: String,
}

/// One slot of a page.
#[derive(Clone, Debug, Serialize)]
pub struct SlotExplained {
    /// The placement.
    pub placement: String,
    /// Place on the page, from 1.
    pub slot: usize,
    /// The rule whose list it comes from.
    pub rule: String,
    /// Its place in that list.
    pub rank: usize,
    /// The recommended product.
    pub id: String,
}

/// Explains all lists of a product, or those of one candidate beside it.
///
/// # Errors
/// [`Error::Config`] when the catalog has no such product; else see [`Prepared::read`].
pub fn explain(config: &Config, product: &str, candidate: Option<&str>) -> Result<Explanation> {
    on_threads(config, || {
        let mut night = Prepared::read(config)?;
        let anchor = row_of(&night, product)?;
        let candidate = candidate.map(|id| row_of(&night, id)).transpose()?;
        night.plan.keep_lists_of(anchor);
        let found = night.score()?;
        Explainer::new(config, &night, &found).explain(anchor, candidate)
    })
}

fn row_of(night: &Prepared, id: &str) -> Result<usize> {
    let Catalog { products, .. } = &night.catalog;
    let found = night.plan.products.iter().position(|&product| products[product].id == id);
    found.ok_or_else(|| {
        let like = products.iter().find(|product| product.id.eq_ignore_ascii_case(id.trim()));
        let advice = like.map_or_else(String::new, |like| format!("; there is `{}`", like.id));
        Error::Config(anyhow!("the catalog has no product `{id}`{advice}"))
    })
}

/// A night and its lists, to explain pairs of.
#[derive(Debug)]
pub struct Explainer<'a> {
    night: &'a Prepared,
    recommender: Recommender<'a>,
    checker: Checker<'a>,
}

impl<'a> Explainer<'a> {
    /// Brings together what explanations need; `found` has the lists of the anchors that will be asked about.
    #[must_use]
    pub fn new(config: &'a Config, night: &'a Prepared, found: &'a Found) -> Explainer<'a> {
        Explainer { night, recommender: night.recommender(config, found), checker: Checker::new(config, night) }
    }

    /// Explains the lists of a row, or a candidate (both rows of the plan) under each rule.
    ///
    /// # Errors
    /// A list that is shorter than it must be: a defect.
    pub fn explain(&self, anchor: usize, candidate: Option<usize>) -> Result<Explanation> {
        let lists = self.recommender.serve(anchor)?;
        let rules = (0..self.recommender.rules.len()).map(|rule| {
            let served = lists.iter().find(|list| list.rule == rule);
            self.rule(rule, anchor, candidate, served)
        });
        let slots = if candidate.is_some() { Vec::new() } else { self.recommender.slots(anchor, &lists) };
        let slot = |slot: &crate::recommend::Slot| SlotExplained {
            placement: self.recommender.placement_name(slot).to_owned(),
            slot: slot.slot,
            rule: self.recommender.rules[slot.rule].name.clone(),
            rank: slot.rank,
            id: self.id(slot.candidate as usize),
        };
        Ok(Explanation {
            product: self.about(anchor),
            candidate: candidate.map(|row| self.about(row)),
            rules: rules.collect(),
            placements: slots.iter().map(slot).collect(),
        })
    }

    fn rule(&self, rule: usize, anchor: usize, candidate: Option<usize>, served: Option<&Served>) -> RuleExplained {
        let contract = &self.recommender.rules[rule];
        let entries = served.map_or(&[][..], |served| &served.entries);
        let is_asked = candidate.is_some();
        let listed = (1..).zip(entries).map(|(rank, entry)| self.entry(rule, anchor, rank, entry));
        RuleExplained {
            rule: contract.name.clone(),
            relation: contract.relation.as_str(),
            served: served.is_some(),
            eligible: served.map_or(0, |served| served.eligible),
            limit: contract.limit,
            shortfall_reason: served.and_then(|served| served.shortfall).map(crate::plan::Reason::as_str),
            entries: if is_asked { Vec::new() } else { listed.collect() },
            misses: served.filter(|_| !is_asked).map_or_else(Vec::new, |served| self.misses(rule, anchor, served)),
            pair: candidate.map(|candidate| self.pair(rule, anchor, candidate, served)),
        }
    }

    fn entry(&self, rule: usize, anchor: usize, rank: usize, entry: &Listed) -> EntryExplained {
        let Ranked { candidate, similarity, score } = entry.ranked;
        let (row, product) = (candidate as usize, self.product(candidate as usize));
        let prices = self.product(anchor).price.zip(product.price);
        let prices = prices.filter(|_| self.product(anchor).currency == product.currency);
        EntryExplained {
            rank,
            id: product.id.clone(),
            title: product.title.clone(),
            origin: entry.origin.as_str(),
            similarity,
            score,
            // What another rule filled in has that rule's score.
            terms: if entry.origin == Origin::Fallback {
                Vec::new()
            } else {
                self.recommender.terms(rule, anchor, row, similarity)
            },
            price: product.price.map(|price| price.to_string()),
            price_ratio: prices.and_then(|(from, to)| price::ratio(to, from)),
            margin_gain: self.recommender.gain(rule, anchor, row).map(|gain| gain.to_string()),
        }
    }

    fn pair(&self, rule: usize, anchor: usize, candidate: usize, served: Option<&Served>) -> PairExplained {
        let checks = self.checker.checks(rule, anchor, candidate);
        let row = u32::try_from(candidate).expect("fewer than 2^32 rows");
        let closest = self.recommender.closest(rule, anchor, row);
        let similarity = closest.map(|(similarity, _)| similarity);
        let has_several = |row: usize| self.night.gallery.views(row).len() > 1;
        let closest = closest.filter(|_| has_several(anchor) || has_several(candidate));
        let rank = served.and_then(|served| served.entries.iter().position(|entry| entry.ranked.candidate == row));
        PairExplained {
            eligible: checks.iter().all(|check| check.holds),
            similarity,
            views: closest.map(|(_, views)| views.map(|view| view + 1)),
            score: self.recommender.ranked(rule, anchor, row, similarity).score,
            terms: self.recommender.terms(rule, anchor, candidate, similarity),
            rank: rank.map(|place| place + 1),
            verdict: self.verdict(rule, anchor, row, served, &checks),
            checks,
        }
    }

    fn about(&self, row: usize) -> About {
        let product = self.product(row);
        About {
            id: product.id.clone(),
            title: product.title.clone(),
            category: product.category.as_ref().map(ToString::to_string),
            price: product.price.as_ref().map(Price::to_string),
            currency: product.currency.as_ref().map(Currency::to_string),
            available: product.is_available(),
            has_vector: row < self.night.plan.seen,
        }
    }

    fn is_served(&self, rule: usize, anchor: usize) -> bool {
        matches!(self.night.plan.service[rule][anchor], Service::Eligible(_))
    }

    fn product(&self, row: usize) -> &crate::catalog::Product {
        &self.night.catalog.products[self.night.plan.products[row]]
    }

    fn id(&self, row: usize) -> String {
        self.product(row).id.clone()
    }
}
