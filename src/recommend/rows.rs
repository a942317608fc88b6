//! The rows of the tables for a list or a page, and the dictionaries that their keys speak of. This file refuses to decide anything.

use super::{Facts, Listed, Origin, Recommender, Served};
use crate::money::{Currency, Margin, Price};
use crate::output::{self, Dictionaries, Dictionary, Key};
use crate::plan::Reason;
use crate::rules::{Rule, price};

impl Recommender<'_> {
    /// What the keys of the rows stand for.
    ///
    /// # Errors
    /// Ids, rules or prices out of order: a defect.
    pub fn dictionaries(&self) -> anyhow::Result<Dictionaries> {
        let id = |&row: &usize| self.catalog.products[self.plan.products[row]].id.as_str();
        let limit = self.rules.iter().map(|rule| rule.limit).max().unwrap_or(0);
        let most = i32::try_from(limit.max(self.most_slots())).expect("validated to at most 10,000");
        Ok(Dictionaries {
            ids: Dictionary::of_text(self.by_id.iter().map(id))?,
            rules: Dictionary::of_text(self.by_name.iter().map(|&rule| self.rules[rule].name.as_str()))?,
            relations: Dictionary::of_text(self.relations.iter().copied())?,
            ranks: Dictionary::of_i32(1..=most)?,
            prices: Dictionary::of_i64(self.prices.iter().map(|price| price.units()))?,
            currencies: Dictionary::of_text(self.currencies.iter().map(Currency::as_str))?,
            origins: Dictionary::of_text(Origin::BY_TEXT.map(Origin::as_str))?,
            reasons: Dictionary::of_text(Reason::BY_TEXT.map(Reason::as_str))?,
            placements: Dictionary::of_text(self.page_names.iter().map(String::as_str))?,
        })
    }

    /// The rows of the `recommendations` table for one list.
    pub fn recommendations<'s>(&'s self, served: &'s Served) -> impl Iterator<Item = output::Recommendation> {
        let (anchor, (rule, relation)) = (self.facts[served.anchor], self.names[served.rule]);
        let price = self.price(&anchor);
        // First all of them, so that the processor waits for them together and not one by one.
        let facts = |entry: &Listed| self.facts[entry.ranked.candidate as usize];
        let candidates: Vec<Facts> = served.entries.iter().map(facts).collect();
        let costs: Vec<Option<Price>> = candidates.iter().map(|candidate| self.price(candidate)).collect();
        let gain = |entry: &Listed| self.gain(served.rule, served.anchor, entry.ranked.candidate as usize);
        let gains: Vec<Option<Margin>> = served.entries.iter().map(gain).collect();
        let entries = served.entries.iter().zip(candidates).zip(costs).zip(gains).enumerate();
        entries.map(move |(place, (((entry, candidate), cost), gain))| {
            let prices = price.zip(cost).filter(|_| anchor.currency == candidate.currency);
            output::Recommendation {
                product_id: anchor.id,
                rule,
                relation,
                rank: Key::new(place),
                recommended_id: candidate.id,
                similarity: entry.ranked.similarity,
                score: entry.ranked.score,
                price: anchor.price,
                recommended_price: candidate.price,
                currency: anchor.currency,
                recommended_currency: candidate.currency,
                price_ratio: prices.and_then(|(anchor, candidate)| price::ratio(candidate, anchor)),
                margin_gain: gain.map(Margin::units),
                origin: key_of(&Origin::BY_TEXT, &entry.origin),
            }
        })
    }

    /// The row of the `coverage` table for one list.
    #[must_use]
    pub fn coverage(&self, served: &Served) -> output::Coverage {
        let (rule, relation) = self.names[served.rule];
        let count = |count: usize| i32::try_from(count).expect("at most the limit");
        output::Coverage {
            product_id: self.facts[served.anchor].id,
            rule,
            relation,
            list_limit: limit(&self.rules[served.rule]),
            eligible: i64::from(served.eligible),
            returned: count(served.entries.len()),
            shortfall_reason: served.shortfall.map_or(Key::NULL, |reason| key_of(&Reason::BY_TEXT, &reason)),
            pinned: count(served.count(Origin::Pin)),
            fallback: count(served.count(Origin::Fallback)),
        }
    }

    /// The rows of the `placements` table for one anchor; `lists` are all of its lists.
    pub fn placed(&self, anchor: usize, lists: &[Served]) -> impl Iterator<Item = output::Placed> {
        let product_id = self.facts[anchor].id;
        self.slots(anchor, lists).into_iter().map(move |slot| {
            let (rule, relation) = self.names[slot.rule];
            output::Placed {
                product_id,
                placement: Key::new(slot.placement),
                slot: Key::new(slot.slot - 1),
                relation,
                rule,
                rank: Key::new(slot.rank - 1),
                recommended_id: self.facts[slot.candidate as usize].id,
            }
        })
    }
}

fn key_of<T: PartialEq>(all: &[T], one: &T) -> Key {
    all.iter().position(|other| other == one).map_or(Key::NULL, Key::new)
}

fn limit(rule: &Rule) -> i32 {
    i32::try_from(rule.limit).expect("validated to at most 10,000")
}
