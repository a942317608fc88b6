//! Pins and blocks by rule and row. This room refuses to place a pin: it says which are in force.

use crate::catalog::Catalog;
use crate::merchandising::{Action, Merchandising};
use crate::similarity::{RefusedPairs, RuleLists};

/// The pins and blocks that are in force tonight.
#[derive(Debug, Default)]
pub struct Merchandise {
    rules: Vec<OfRule>,
    /// Whether an anchor has a pin under some rule: hardly any has. Empty where a pin is every anchor's.
    pinned: Vec<bool>,
}

#[derive(Clone, Debug, Default)]
struct OfRule {
    /// Ascending by anchor, those of every anchor last, each by position and the order of the file.
    pins: Vec<Pin>,
    /// Per anchor, where its pins begin, and at last where those of every anchor do; empty where there is no pin.
    starts: Vec<u32>,
    /// Rows that no list may hold, ascending.
    blocked: Vec<u32>,
    /// Anchors and rows that may not be in their lists, ascending.
    blocked_pairs: Vec<(u32, u32)>,
}

/// A row in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    anchor: u32,
    /// Counted from 1.
    pub position: u32,
    /// In the order of the file.
    number: u32,
    /// The pinned row.
    pub row: u32,
}

/// In [`Pin::anchor`]: every row.
const EVERY: u32 = u32::MAX;

impl OfRule {
    fn find_starts(&mut self, rows: usize) {
        if !self.pins.is_empty() {
            let mut next = 0;
            for anchor in 0..=rows {
                while next < self.pins.len() && (self.pins[next].anchor as usize) < anchor {
                    next += 1;
                }
                self.starts.push(u32::try_from(next).expect("fewer than 2^32 pins"));
            }
        }
    }

    /// The pins of an anchor, and those of every anchor.
    fn of(&self, anchor: u32) -> (&[Pin], &[Pin]) {
        let start = |row: usize| self.starts[row] as usize;
        let own = start(anchor as usize)..start(anchor as usize + 1);
        (&self.pins[own], &self.pins[start(self.starts.len() - 1)..])
    }
}

impl Merchandise {
    /// Finds the rows of tonight's decisions for `rules` rules; `row_of` gives that of an id. Says which decisions are idle, because
    /// a product is not in the catalog, or, pinned, not available.
    pub(super) fn new(
        catalog: &Catalog,
        merchandising: &Merchandising,
        rules: usize,
        row_of: impl Fn(&str) -> Option<(u32, usize)>,
    ) -> (Merchandise, Vec<String>) {
        let mut all = Merchandise { rules: vec![OfRule::default(); rules], pinned: Vec::new() };
        let mut idle = Vec::new();
        for (number, decision) in (0..).zip(&merchandising.decisions) {
            let place = format!("row {} of the merchandising file", decision.row);
            let anchor = decision.product.as_deref().map(|id| (id, row_of(id)));
            if let Some((id, None)) = anchor {
                idle.push(format!("{place}: the product `{id}` is not in the catalog"));
                continue;
            }
            let anchor = anchor.and_then(|(_, found)| found).map_or(EVERY, |(row, _)| row);
            let Some((row, product)) = row_of(&decision.recommended) else {
                idle.push(format!("{place}: the product `{}` is not in the catalog", decision.recommended));
                continue;
            };
            let chosen = decision.rule.map_or(0..rules, |rule| rule..rule + 1);
            for of_rule in &mut all.rules[chosen] {
                match decision.action {
                    Action::Block if anchor == EVERY => of_rule.blocked.push(row),
                    Action::Block => of_rule.blocked_pairs.push((anchor, row)),
                    Action::Pin { position } if catalog.products[product].is_available() => {
                        of_rule.pins.push(Pin { anchor, position, number, row });
                    }
                    Action::Pin { .. } => {}
                }
            }
            if matches!(decision.action, Action::Pin { .. }) && !catalog.products[product].is_available() {
                idle.push(format!("{place}: the product `{}` is not available tonight", decision.recommended));
            }
        }
        for of_rule in &mut all.rules {
            of_rule.pins.sort_unstable();
            of_rule.find_starts(catalog.products.len());
            of_rule.blocked.sort_unstable();
            of_rule.blocked.dedup();
            of_rule.blocked_pairs.sort_unstable();
            of_rule.blocked_pairs.dedup();
        }
        let pins = || all.rules.iter().flat_map(|of_rule| &of_rule.pins);
        if pins().all(|pin| pin.anchor != EVERY) {
            let mut pinned = vec![false; catalog.products.len()];
            for pin in pins() {
                pinned[pin.anchor as usize] = true;
            }
            all.pinned = pinned;
        }
        (all, idle)
    }

    /// Keeps what is blocked out of the lists of a rule.
    pub(super) fn keep_out(&self, rule: usize, lists: &mut RuleLists) {
        let OfRule { blocked, blocked_pairs, .. } = &self.rules[rule];
        if !blocked.is_empty() {
            let refused = lists.refused.get_or_insert_with(|| vec![false; lists.scope.len()].into());
            for &row in blocked {
                refused[row as usize] = true;
            }
        }
        lists.refused_pairs = RefusedPairs::new(lists.scope.len(), blocked_pairs);
    }

    /// Whether the rule has a pin.
    #[must_use]
    pub fn has_pins(&self, rule: usize) -> bool {
        self.rules.get(rule).is_some_and(|of| !of.pins.is_empty())
    }

    /// Whether the rule has a block.
    #[must_use]
    pub fn has_blocks(&self, rule: usize) -> bool {
        self.rules.get(rule).is_some_and(|of| !of.blocked.is_empty() || !of.blocked_pairs.is_empty())
    }

    /// Whether `row` may not be in the list of `anchor`.
    #[must_use]
    pub fn is_blocked(&self, rule: usize, anchor: u32, row: u32) -> bool {
        let is_named = |of: &OfRule| {
            of.blocked.binary_search(&row).is_ok() || of.blocked_pairs.binary_search(&(anchor, row)).is_ok()
        };
        self.rules.get(rule).is_some_and(is_named)
    }

    /// The pins in force in the list of `anchor`, each row once, by the places that they take: their positions, or the next free ones
    /// up to the limit.
    #[must_use]
    pub fn pins(&self, rule: usize, anchor: u32, limit: u32) -> Vec<Pin> {
        if self.pinned.get(anchor as usize).is_some_and(|pinned| !pinned) {
            return Vec::new();
        }
        let Some(of_rule) = self.rules.get(rule).filter(|of_rule| !of_rule.pins.is_empty()) else { return Vec::new() };
        let (own, every) = of_rule.of(anchor);
        if own.is_empty() && every.is_empty() {
            return Vec::new();
        }
        let in_force =
            |pin: &Pin| pin.position <= limit && pin.row != anchor && !self.is_blocked(rule, anchor, pin.row);
        let mut pins: Vec<Pin> = own.iter().chain(every).copied().filter(in_force).collect();
        pins.sort_unstable_by_key(|pin| (pin.position, pin.number));
        let mut placed: Vec<Pin> = Vec::with_capacity(pins.len());
        for pin in pins {
            let is_taken = |place: &u32| placed.iter().any(|other| other.position == *place);
            let free = (pin.position..=limit).find(|place| !is_taken(place));
            if let Some(position) = free.filter(|_| !placed.iter().any(|other| other.row == pin.row)) {
                placed.push(Pin { position, ..pin });
            }
        }
        placed.sort_unstable_by_key(|pin| pin.position);
        placed
    }
}
