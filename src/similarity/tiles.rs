//! Which pairs of row tiles some list needs: what no rule can reach is never scored. This file refuses to score.
//!
//! Rows are cut into tiles of equal size. Tile J is *reached* by tile I when a list of a row of I may hold a row of J: a range
//! of the list's scope touches J, and its price band touches J's prices. Both are necessary, so nothing is missed.

use std::ops::Range;

use super::lists::{Lists, NO_LIST, NO_PRICE, touches};

/// The tiling of the rows that have a vector.
#[derive(Debug)]
pub struct Tiles<'a> {
    lists: &'a Lists,
    rows: usize,
    size: usize,
    needs: Vec<Vec<Need>>,
    prices: Vec<Option<Range<u32>>>,
}

/// What the lists of one tile, rule and scope need together.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) rule: usize,
    pub(super) scope: usize,
    /// From the first to the last of their rows.
    pub(super) rows: Range<usize>,
    /// Union of the rows' price bands; `None` without a price condition.
    band: Option<Range<u32>>,
}

impl Need {
    /// The rows with such a list.
    pub(super) fn lists(&self, lists: &Lists) -> impl Iterator<Item = usize> {
        let scope = &lists.rules[self.rule].scope;
        self.rows.clone().filter(move |&row| scope[row] as usize == self.scope)
    }

    /// Whether one of the lists may hold a row, by its place and its price.
    pub(super) fn may_hold(&self, lists: &Lists, row: usize) -> bool {
        let scope = &lists.rules[self.rule].scopes[self.scope];
        self.band.as_ref().is_none_or(|band| band.contains(&lists.price_rank[row])) && touches(scope, &(row..row + 1))
    }
}

impl<'a> Tiles<'a> {
    /// Cuts `rows` rows, those with a vector, into tiles of `size`.
    #[must_use]
    pub fn new(lists: &'a Lists, rows: usize, size: usize) -> Tiles<'a> {
        let mut tiles = Tiles { lists, rows, size, needs: Vec::new(), prices: Vec::new() };
        tiles.needs = (0..tiles.count()).map(|tile| needs(lists, tiles.range(tile))).collect();
        tiles.prices = (0..tiles.count()).map(|tile| price_span(lists, tiles.range(tile))).collect();
        tiles
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows of a tile; the last one may have fewer.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many tiles there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.div_ceil(self.size)
    }

    /// The rows of a tile.
    #[must_use]
    pub fn range(&self, tile: usize) -> Range<usize> {
        tile * self.size..((tile + 1) * self.size).min(self.rows)
    }

    /// The tiles that `anchors` reaches, ascending: a list of one of its rows may hold a row of theirs.
    pub(super) fn reached(&self, anchors: usize) -> Vec<usize> {
        let mut reached = vec![false; self.count()];
        for need in &self.needs[anchors] {
            for range in &self.lists.rules[need.rule].scopes[need.scope] {
                let end = (range.end as usize).min(self.rows);
                let touched = range.start as usize / self.size..end.div_ceil(self.size);
                for (tile, reached) in touched.clone().zip(&mut reached[touched]) {
                    *reached = *reached || self.band_touches(need, tile);
                }
            }
        }
        (0..self.count()).filter(|&tile| reached[tile]).collect()
    }

    /// The first 32 rules as bits: those of which a list of a row of `anchors` may hold a row of `candidates` (both tiles).
    #[must_use]
    pub fn open_rules(&self, anchors: usize, candidates: usize) -> u32 {
        self.open(anchors, candidates).filter(|need| need.rule < 32).fold(0, |rules, need| rules | 1 << need.rule)
    }

    /// What the lists of `anchors` need of which a list may hold a row of `candidates` (both tiles).
    pub(super) fn open(&self, anchors: usize, candidates: usize) -> impl Iterator<Item = &Need> {
        self.needs[anchors].iter().filter(move |need| self.is_open(need, candidates))
    }

    /// What the lists of a tile need.
    pub(super) fn needs(&self, anchors: usize) -> &[Need] {
        &self.needs[anchors]
    }

    /// Whether a list of a need may hold a row of `candidates`.
    pub(super) fn is_open(&self, need: &Need, candidates: usize) -> bool {
        let scope = &self.lists.rules[need.rule].scopes[need.scope];
        touches(scope, &self.range(candidates)) && self.band_touches(need, candidates)
    }

    /// The rows of `anchors` with a list that may hold a row of `candidates` (both tiles), and the rule of the list.
    pub(super) fn open_lists(&self, anchors: usize, candidates: usize) -> impl Iterator<Item = (usize, usize)> {
        let prices = self.prices[candidates].clone();
        self.open(anchors, candidates).flat_map(move |need| {
            let (rule, prices) = (&self.lists.rules[need.rule], prices.clone());
            let is_open = move |&row: &usize| {
                let in_band =
                    |bands: &Vec<Range<u32>>| prices.as_ref().is_some_and(|prices| overlap(&bands[row], prices));
                rule.bands.as_ref().is_none_or(in_band)
            };
            need.lists(self.lists).filter(is_open).map(|row| (row, need.rule))
        })
    }

    /// Pairs of rows in a pair of tiles.
    #[must_use]
    pub fn pairs(&self, i: usize, j: usize) -> u64 {
        self.range(i).len() as u64 * self.range(j).len() as u64
    }

    fn band_touches(&self, need: &Need, tile: usize) -> bool {
        match (&need.band, &self.prices[tile]) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(band), Some(prices)) => overlap(band, prices),
        }
    }
}

/// Whether two half-open ranges share an element.
fn overlap(a: &Range<u32>, b: &Range<u32>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

/// The needs of the rows of a tile, one per rule and scope; neighbors mostly share a scope.
fn needs(lists: &Lists, rows: Range<usize>) -> Vec<Need> {
    let mut all: Vec<Need> = Vec::new();
    for (number, rule) in lists.rules.iter().enumerate().filter(|(_, rule)| rule.visual) {
        for row in rows.clone().filter(|&row| rule.scope[row] != NO_LIST) {
            let scope = rule.scope[row] as usize;
            let band = rule.bands.as_ref().map(|bands| bands[row].clone());
            match all.last_mut() {
                Some(last) if last.rule == number && last.scope == scope => {
                    last.band = hull(last.band.take(), band);
                    last.rows.end = row + 1;
                }
                _ => all.push(Need { rule: number, scope, rows: row..row + 1, band }),
            }
        }
    }
    all
}

/// The smallest range that holds both; empty ranges add nothing.
fn hull(a: Option<Range<u32>>, b: Option<Range<u32>>) -> Option<Range<u32>> {
    let (a, b) = (a?, b?);
    Some(match (a.is_empty(), b.is_empty()) {
        (true, _) => b,
        (_, true) => a,
        _ => a.start.min(b.start)..a.end.max(b.end),
    })
}

/// Lowest to highest price rank of the rows; `None` when none has a price.
fn price_span(lists: &Lists, rows: Range<usize>) -> Option<Range<u32>> {
    let ranks = || lists.price_rank[rows.clone()].iter().copied().filter(|&rank| rank != NO_PRICE);
    Some(ranks().min()?..ranks().max()? + 1)
}
