//! The slow evaluator: every list computed pair by pair from the documentation's words, to compare the product with.
//!
//! It shares no type and no line with the product, and refuses to be clever: no blocks of work, no ranges, no early exit.
//! A reader can hold each function against a paragraph of `docs/rules.md`.

mod category;
mod conditions;
mod dates;
mod diversity;
mod duplicates;
mod eligible;
mod merchandising;
mod orders;
mod placements;
mod ranked;
pub mod score;
pub mod shop;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use rust_decimal::Decimal;

pub use duplicates::{OracleDuplicate, duplicates};
pub use placements::{OraclePlaced, placements};
use ranked::Scored;
pub use shop::{OracleProduct, OracleRule, OracleShop};

/// What one rule owes one product: a row of `coverage` with its rows of `recommendations`.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleList {
    /// The anchor's id.
    pub product: String,
    /// The rule's name.
    pub rule: String,
    /// Entries that the rule allows.
    pub eligible: usize,
    /// Entries in the list.
    pub returned: usize,
    /// Why the rule's own entries and pins are fewer than the limit, or why the list is hidden.
    pub reason: Option<&'static str>,
    /// How many of the entries are pins.
    pub pinned: usize,
    /// How many of the entries come from another rule's list.
    pub fallback: usize,
    /// The list by rank.
    pub entries: Vec<OracleEntry>,
}

/// One place of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleEntry {
    /// The candidate's id.
    pub id: String,
    /// The canonical score; `None` when the rule ignores looks.
    pub similarity: Option<f32>,
    /// What the list is ordered by; `None` when there is neither similarity nor a rank term.
    pub score: Option<f32>,
    /// `rule`, `pin` or `fallback`.
    pub origin: &'static str,
    /// The gain in money.
    pub margin_gain: Option<Decimal>,
}

/// Every list, by product in catalog order, then by rule in the order given.
#[must_use]
pub fn evaluate(shop: &OracleShop) -> Vec<OracleList> {
    evaluate_some(shop, &(0..shop.products.len()).collect::<Vec<usize>>())
}

/// The same for some of the products only.
#[must_use]
pub fn evaluate_some(shop: &OracleShop, anchors: &[usize]) -> Vec<OracleList> {
    let evaluator = Evaluator::new(shop);
    let lists = anchors.par_iter().flat_map_iter(|&anchor| {
        let served = shop.rules.iter().filter(|rule| evaluator.serves(rule, anchor));
        served.map(|rule| evaluator.published(rule, anchor)).collect::<Vec<_>>()
    });
    lists.collect()
}

/// Per rule and product, the candidates that the rule and blocks allow beside it, whatever their similarity and group mates;
/// `None` where the rule does not serve the product or the product lacks what the rule needs.
#[must_use]
pub fn allowed(shop: &OracleShop) -> Vec<Vec<Option<Vec<usize>>>> {
    let evaluator = Evaluator::new(shop);
    let of_anchor = |rule, anchor| {
        let has_list = evaluator.serves(rule, anchor) && evaluator.lacking(rule, anchor).is_none();
        let is_open = |candidate: &usize| !evaluator.is_blocked(rule, anchor, *candidate);
        has_list.then(|| evaluator.candidates(rule, anchor).into_iter().filter(is_open).collect())
    };
    let anchors = 0..shop.products.len();
    shop.rules.iter().map(|rule| anchors.clone().map(|anchor| of_anchor(rule, anchor)).collect()).collect()
}

/// A shop with what is looked up about it again and again.
struct Evaluator<'a> {
    shop: &'a OracleShop,
    products: &'a [OracleProduct],
    /// Of each product the vectors of its views.
    units: Vec<Vec<Vec<f32>>>,
    /// Which products may be recommended tonight.
    available: Vec<bool>,
    /// Every category once, and the place in it of each product's.
    categories: Vec<&'a str>,
    category_of: Vec<Option<usize>>,
    bought_together: orders::Learned<'a>,
}

/// A list before it is written down.
struct List {
    eligible: usize,
    reason: Option<&'static str>,
    entries: Vec<Entry>,
}

/// An entry and where it comes from.
#[derive(Clone)]
struct Entry {
    scored: Scored,
    origin: &'static str,
}

impl<'a> Evaluator<'a> {
    fn new(shop: &'a OracleShop) -> Evaluator<'a> {
        let products: &[OracleProduct] = &shop.products;
        let views = |product: &'a OracleProduct| product.vector.iter().chain(&product.further_vectors);
        let units =
            products.iter().map(|product| views(product).filter_map(|view| score::unit(view)).collect()).collect();
        let available = products.iter().map(|product| {
            let (first, last) = (product.available_from.as_deref(), product.available_until.as_deref());
            product.in_stock && dates::between(first, last, shop.run_date)
        });
        let mut categories: Vec<&str> = products.iter().filter_map(|product| product.category.as_deref()).collect();
        categories.sort_unstable();
        categories.dedup();
        let place = |category: &str| categories.binary_search(&category).expect("every category is there");
        let category_of = products.iter().map(|product| product.category.as_deref().map(place)).collect();
        let learned = shop.orders.as_ref().map(|orders| orders::learned(products, orders, shop.run_date));
        Evaluator {
            shop,
            products,
            units,
            available: available.collect(),
            categories,
            category_of,
            bought_together: learned.unwrap_or_default(),
        }
    }

    fn serves(&self, rule: &OracleRule, anchor: usize) -> bool {
        conditions::serves(&rule.products, &self.products[anchor])
    }

    /// The list in the order of things: eligible, blocks, similarity, pool and rank, pins and diversity, fallback, the
    /// least number of results.
    fn list(&self, rule: &OracleRule, anchor: usize) -> List {
        let lacking = self.lacking(rule, anchor);
        let candidates = if lacking.is_none() { self.candidates(rule, anchor) } else { Vec::new() };
        let complements = self.complements_for_rank(rule, anchor);
        let scored = |&candidate: &usize| self.scored(rule, anchor, candidate, &complements);

        let mut pairs: Vec<Scored> = candidates.iter().map(scored).collect();
        let eligible = self.best_of_each_group(rule, anchor, pairs.clone()).len();

        pairs.retain(|pair| !self.is_blocked(rule, anchor, pair.candidate));
        let mut entries = self.best_of_each_group(rule, anchor, pairs);
        let blocked = entries.len() < eligible;

        let before = entries.len();
        if let Some(least) = rule.min_similarity {
            entries.retain(|entry| entry.similarity.is_none_or(|similarity| similarity >= least));
        }
        let dropped = entries.len() < before;

        self.rank(rule, &mut entries);

        let mut places: Vec<Option<Entry>> = vec![None; rule.limit];
        for (place, pinned) in self.pins(rule, anchor) {
            places[place] = Some(Entry { scored: scored(&pinned), origin: "pin" });
        }
        let pins: Vec<usize> = places.iter().flatten().map(|pin| pin.scored.candidate).collect();
        entries.retain(|entry| !self.is_there(rule, anchor, &pins, entry.candidate));
        let (chosen, refused) = self.diverse(rule, &pins, entries);
        fill(&mut places, chosen.into_iter().map(|scored| Entry { scored, origin: "rule" }));

        let short = [
            lacking,
            refused.then_some("hard_cap"),
            dropped.then_some("min_similarity"),
            blocked.then_some("blocked"),
            Some("few_eligible"),
        ];
        let mut reason = None;
        if places.iter().any(Option::is_none) {
            reason = short.into_iter().flatten().next();
            self.fall_back(rule, anchor, &mut places);
        }
        let mut entries: Vec<Entry> = places.into_iter().flatten().collect();
        if rule.min_results.is_some_and(|least| entries.len() < least) {
            entries.clear();
            reason = Some("min_results");
        }
        List { eligible, reason, entries }
    }

    /// The entries of the other rule's list that are not in the list, not variants of what is, and not blocked.
    fn fall_back(&self, rule: &OracleRule, anchor: usize, places: &mut [Option<Entry>]) {
        let Some(name) = &rule.fallback else { return };
        let other = self.shop.rules.iter().find(|other| other.name == *name).expect("the rule it falls back on exists");
        if !self.serves(other, anchor) {
            return;
        }
        for entry in self.list(other, anchor).entries {
            let candidate = entry.scored.candidate;
            let there: Vec<usize> = places.iter().flatten().map(|there| there.scored.candidate).collect();
            if !self.is_there(rule, anchor, &there, candidate) && !self.is_blocked(rule, anchor, candidate) {
                fill(places, std::iter::once(Entry { scored: entry.scored, origin: "fallback" }));
            }
        }
    }

    /// Whether a candidate is among what is there, or another variant of it where variants share one entry.
    fn is_there(&self, rule: &OracleRule, anchor: usize, there: &[usize], candidate: usize) -> bool {
        let shared = |other| self.share_an_entry(rule, anchor, candidate) && self.same_group(candidate, other);
        there.iter().any(|&other| other == candidate || shared(other))
    }

    fn same_group(&self, one: usize, other: usize) -> bool {
        let (x, y) = (&self.products[one].group, &self.products[other].group);
        one == other || (x.is_some() && x == y)
    }

    /// The list as the tables hold it.
    fn published(&self, rule: &OracleRule, anchor: usize) -> OracleList {
        let list = self.list(rule, anchor);
        let count = |origin| list.entries.iter().filter(|entry| entry.origin == origin).count();
        let entry = |entry: &Entry| {
            let candidate = &self.products[entry.scored.candidate];
            OracleEntry {
                id: candidate.id.clone(),
                similarity: entry.scored.similarity,
                score: entry.scored.score,
                origin: entry.origin,
                margin_gain: score::gain(&rule.relation, &self.products[anchor], candidate),
            }
        };
        OracleList {
            product: self.products[anchor].id.clone(),
            rule: rule.name.clone(),
            eligible: list.eligible,
            returned: list.entries.len(),
            reason: list.reason,
            pinned: count("pin"),
            fallback: count("fallback"),
            entries: list.entries.iter().map(entry).collect(),
        }
    }
}

/// Entries one after the other into the free places.
fn fill(places: &mut [Option<Entry>], entries: impl Iterator<Item = Entry>) {
    let free = places.iter_mut().filter(|place| place.is_none());
    free.zip(entries).for_each(|(place, entry)| *place = Some(entry));
}
