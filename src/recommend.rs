//! From finished pools to the lists of the tables: order, pins, caps, fallbacks, pages, reasons. This room refuses to look for
//! candidates by vectors, but for what a cap leaves open.

mod blend;
mod choosing;
mod rows;

use crate::catalog::{Catalog, Product};
use crate::money::{Currency, Margin, Price};
use crate::output::Key;
use crate::plan::{Plan, Reason};
use crate::rules::Rule;
use crate::rules::placements::Placement;
use crate::rules::rank::{self, Ranked};
use crate::similarity::{Gallery, TopK};
use blend::Pages;
pub use blend::Slot;
use choosing::{Own, small};

/// One anchor's list under one rule, ready to be written.
#[derive(Debug)]
pub struct Served {
    /// Index of the rule in the configuration.
    pub rule: usize,
    /// The anchor's row in the plan.
    pub anchor: usize,
    /// Entries that the rule allows.
    pub eligible: u32,
    /// The list; `candidate` is a row of the plan.
    pub entries: Vec<Listed>,
    /// Why the rule's own entries and pins do not fill it.
    pub shortfall: Option<Reason>,
}

/// One place of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listed {
    /// The candidate with what it is ordered by.
    pub ranked: Ranked,
    /// Why it is there.
    pub origin: Origin,
}

/// Why an entry is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The rule allows it.
    Rule,
    /// Somebody pinned it.
    Pin,
    /// The rule's own entries were too few, and another rule's list has it.
    Fallback,
}

impl Origin {
    /// Every origin, in the order of its text.
    pub const BY_TEXT: [Origin; 3] = [Origin::Fallback, Origin::Pin, Origin::Rule];

    /// The text of the `origin` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Rule => "rule",
            Origin::Pin => "pin",
            Origin::Fallback => "fallback",
        }
    }
}

impl Served {
    /// Entries of one origin.
    #[must_use]
    pub fn count(&self, origin: Origin) -> usize {
        self.entries.iter().filter(|entry| entry.origin == origin).count()
    }
}

/// Everything that lists are made from.
#[derive(Debug)]
pub struct Recommender<'a> {
    /// The products.
    pub catalog: &'a Catalog,
    /// The rules, in the order of the configuration.
    pub rules: &'a [Rule],
    /// Tonight's plan.
    pub plan: &'a Plan,
    /// The vectors of the plan's first rows.
    pub gallery: &'a Gallery,
    /// Per rule and row, what the engine found.
    pub found: &'a [TopK],
    by_name: Vec<usize>,
    by_id: Vec<usize>,
    /// Per rule, the rule that fills what is free.
    fallbacks: Vec<Option<usize>>,
    /// Rules in an order in which a rule comes after the one that it falls back on.
    by_need: Vec<usize>,
    /// Per row, whether it is the only one of its group; empty where no rule has caps.
    alone: Vec<bool>,
    pages: Pages,
    page_names: Vec<String>,
    /// Per rule, the keys of its name and its relation.
    names: Vec<(Key, Key)>,
    relations: Vec<&'static str>,
    facts: Vec<Facts>,
    prices: Vec<Price>,
    currencies: Vec<Currency>,
}

/// What tables and scores say of one row, close together: each row is looked up for every list that it is in.
#[derive(Clone, Copy, Debug)]
struct Facts {
    id: Key,
    price: Key,
    currency: Key,
    /// What one piece earns.
    margin: Option<Margin>,
}

impl<'a> Recommender<'a> {
    /// Brings a plan and an engine's lists together. Without `placements` pages follow the convention.
    #[must_use]
    pub fn new(
        catalog: &'a Catalog,
        rules: &'a [Rule],
        placements: Option<&[Placement]>,
        (plan, gallery): (&'a Plan, &'a Gallery),
        found: &'a [TopK],
    ) -> Recommender<'a> {
        let mut by_name: Vec<usize> = (0..rules.len()).collect();
        by_name.sort_by(|&a, &b| rules[a].name.cmp(&rules[b].name));
        let mut relations: Vec<&str> = rules.iter().map(|rule| rule.relation.as_str()).collect();
        relations.sort_unstable();
        relations.dedup();
        let mut names = vec![(Key::NULL, Key::NULL); rules.len()];
        for (place, &rule) in by_name.iter().enumerate() {
            let relation = relations.partition_point(|&relation| relation < rules[rule].relation.as_str());
            names[rule] = (Key::new(place), Key::new(relation));
        }
        let mut currencies: Vec<Currency> = Vec::new();
        let mut prices: Vec<Price> = Vec::new();
        for product in &catalog.products {
            // Most products have the currency of the one before.
            if let Some(currency) = product.currency
                && let Err(place) = currencies.binary_search(&currency)
            {
                currencies.insert(place, currency);
            }
        }
        let lists = &plan.lists;
        let mut by_id = vec![0; plan.products.len()];
        let mut facts = Vec::with_capacity(by_id.len());
        for (row, &product) in plan.products.iter().enumerate() {
            by_id[lists.id_rank[row] as usize] = row;
            let &Product { price, currency, margin, .. } = &catalog.products[product];
            let rank = lists.price_rank[row] as usize;
            let price_key = price.map_or(Key::NULL, |price| {
                prices.resize(prices.len().max(rank + 1), price);
                prices[rank] = price;
                Key::new(rank)
            });
            let place = currency.and_then(|currency| currencies.binary_search(&currency).ok());
            let currency = place.map_or(Key::NULL, Key::new);
            facts.push(Facts { id: Key::new(lists.id_rank[row] as usize), price: price_key, currency, margin });
        }
        let alone = if rules.iter().any(|rule| rule.diversity.is_some()) { lists.alone() } else { Vec::new() };
        let place = |name: &String| rules.iter().position(|rule| rule.name == *name);
        let fallbacks: Vec<Option<usize>> = rules.iter().map(|rule| rule.fallback.as_ref().and_then(place)).collect();
        let (pages, page_names) = Pages::new(placements, rules, catalog, plan);
        Recommender {
            catalog,
            rules,
            plan,
            gallery,
            found,
            by_name,
            by_id,
            by_need: by_need(&fallbacks),
            fallbacks,
            alone,
            pages,
            page_names,
            names,
            relations,
            facts,
            prices,
            currencies,
        }
    }

    /// The anchors in the order of the tables.
    #[must_use]
    pub fn anchors(&self) -> &[usize] {
        &self.by_id
    }

    /// The lists of some anchors, one after the other, as [`Recommender::serve`] gives those of one.
    ///
    /// # Errors
    /// See [`Recommender::serve`].
    pub fn serve_together(&self, anchors: &[usize]) -> anyhow::Result<Vec<Vec<Served>>> {
        // Found lists lie far apart in memory. A look at each of them first lets the processor wait for all together.
        for found in self.found {
            let first = |&anchor: &usize| found.get(anchor)?.first().map(|entry| entry.row);
            std::hint::black_box(anchors.iter().filter_map(first).max());
        }
        anchors.iter().map(|&anchor| self.serve(anchor)).collect()
    }

    /// The lists of one anchor in the order of the tables: by the name of the rule.
    ///
    /// # Errors
    /// A list that is shorter than it must be: a defect, which ends the night rather than hide in a table.
    pub fn serve(&self, anchor: usize) -> anyhow::Result<Vec<Served>> {
        let mut finished: Vec<Option<Served>> = self.rules.iter().map(|_| None).collect();
        for &rule in &self.by_need {
            let Some(mut own) = self.own(rule, anchor)? else { continue };
            if let Some(filler) = self.fallbacks[rule].and_then(|other| finished[other].as_ref()) {
                self.fill(rule, anchor, &mut own, &filler.entries);
            }
            let (eligible, shortfall) = (own.eligible, own.shortfall);
            let mut served = Served { rule, anchor, eligible, entries: own.list(), shortfall };
            if self.rules[rule].min_results.is_some_and(|least| served.entries.len() < least as usize) {
                served = Served { entries: Vec::new(), shortfall: Some(Reason::MinResults), ..served };
            }
            finished[rule] = Some(served);
        }
        Ok(self.by_name.iter().filter_map(|&rule| finished[rule].take()).collect())
    }

    /// Fills what is free in a list with entries of another rule's list.
    fn fill(&self, rule: usize, anchor: usize, list: &mut Own, other: &[Listed]) {
        let free = self.rules[rule].limit as usize - list.pins.len();
        for entry in other {
            let row = entry.ranked.candidate;
            if list.entries.len() == free {
                break;
            }
            let is_there = |held: &Ranked| self.are_one_entry(rule, anchor, held.candidate, row);
            let mut held = list.pins.iter().map(|(_, pin)| pin).chain(list.entries.iter().map(|entry| &entry.ranked));
            if !held.any(is_there) && !self.plan.merchandise.is_blocked(rule, small(anchor), row) {
                list.entries.push(Listed { origin: Origin::Fallback, ..*entry });
            }
        }
    }

    fn id(&self, row: usize) -> &str {
        &self.catalog.products[self.plan.products[row]].id
    }

    fn price(&self, of: &Facts) -> Option<Price> {
        (of.price != Key::NULL).then(|| self.prices[of.price.place()])
    }

    /// What the shop gains when the customer takes the row; see [`rank::gain`].
    #[must_use]
    pub fn gain(&self, rule: usize, anchor: usize, row: usize) -> Option<Margin> {
        let (anchor, candidate) = (&self.facts[anchor], &self.facts[row]);
        let is_comparable = anchor.currency == candidate.currency;
        if is_comparable { rank::gain(self.rules[rule].relation, anchor.margin, candidate.margin) } else { None }
    }
}

/// Rules in an order in which each comes after the one that it falls back on; there are no circles.
fn by_need(fallbacks: &[Option<usize>]) -> Vec<usize> {
    let depth =
        |rule: usize| std::iter::successors(Some(rule), |&rule| fallbacks[rule]).take(fallbacks.len() + 1).count();
    let mut order: Vec<usize> = (0..fallbacks.len()).collect();
    order.sort_by_key(|&rule| (depth(rule), rule));
    order
}
