//! How many entries a rule allows each anchor, counted without comparing every pair.
//!
//! Anchors that share a base of candidates are taken in the order of their price bands, so that the candidates inside the band
//! form a window whose ends only move up. A row enters and leaves the window once; what is asked per anchor (distinct groups of
//! equal attributes, less those that lie wholly in the anchor's excepted categories) is kept up to date. Rules that differ
//! from the anchor in two ways at once are counted pair by pair.

use rayon::prelude::*;

use super::numbers::NumberMap;
use super::scopes::Scopes;
use crate::rules::GroupScope;
use crate::similarity::lists::{NO_CODE, NO_PRICE};
use crate::similarity::{Lists, NO_LIST, RuleLists};

/// What a candidate is kept apart by: an excepted category range, or the value of an attribute that must differ.
type Key = u32;
const NO_KEY: Key = u32::MAX;

/// Per row that has a list, the entries with at least one candidate that the rule admits.
pub(super) fn count(lists: &Lists, rule: &RuleLists, scopes: &Scopes) -> Vec<(usize, u32)> {
    let mut anchors: Vec<Vec<usize>> = vec![Vec::new(); scopes.bases.len()];
    let mut excepts: Vec<NumberMap<u32, u32>> = vec![NumberMap::default(); scopes.bases.len()];
    for (row, &scope) in rule.scope.iter().enumerate().filter(|&(_, &scope)| scope != NO_LIST) {
        anchors[scopes.parts[scope as usize].0].push(row);
    }
    for (base, except) in &scopes.parts {
        excepts[*base].extend(except.clone().map(|category| (category, except.start)));
    }
    let alone = lists.alone();
    let per_base = (0..scopes.bases.len()).into_par_iter().flat_map_iter(|base| {
        let sweep = Sweep { lists, rule, scopes, excepts: &excepts[base], alone: &alone };
        let ways = usize::from(!excepts[base].is_empty()) + rule.must_differ.len();
        if ways > 1 { sweep.by_pair(&anchors[base]) } else { sweep.by_window(base, &anchors[base]) }
    });
    per_base.collect()
}

/// The counting of one base.
struct Sweep<'a> {
    lists: &'a Lists,
    rule: &'a RuleLists,
    scopes: &'a Scopes,
    excepts: &'a NumberMap<u32, u32>,
    alone: &'a [bool],
}

impl Sweep<'_> {
    fn by_pair(&self, anchors: &[usize]) -> Vec<(usize, u32)> {
        let groups = self.lists.group.iter().max().map_or(0, |&group| group as usize + 1);
        let count = |counted_for: &mut Vec<usize>, &anchor: &usize| {
            let scope = &self.rule.scopes[self.rule.scope[anchor] as usize];
            let mut entries = 0;
            for row in scope.iter().cloned().flatten().map(|row| row as usize) {
                if self.lists.admits(self.rule, anchor, row) {
                    let counted = &mut counted_for[self.lists.group[row] as usize];
                    entries += u32::from(!self.lists.collapses(self.rule, anchor, row) || *counted != anchor);
                    *counted = anchor;
                }
            }
            (anchor, entries)
        };
        anchors.par_iter().map_init(|| vec![usize::MAX; groups], count).collect()
    }

    fn by_window(&self, base: usize, anchors: &[usize]) -> Vec<(usize, u32)> {
        let ranges = &self.scopes.bases[base];
        let mut candidates: Vec<usize> = ranges.iter().cloned().flatten().map(|row| row as usize).collect();
        candidates.retain(|&row| self.is_comparable(row));
        let mut window = Window::new(self, candidates.iter().copied());
        let Some(bands) = &self.rule.bands else {
            for &row in &candidates {
                window.enter(row);
            }
            return anchors.iter().map(|&row| (row, window.entries(row))).collect();
        };
        let rank = |row: usize| self.lists.price_rank[row];
        candidates.retain(|&row| rank(row) != NO_PRICE);
        candidates.sort_unstable_by_key(|&row| rank(row));
        let mut anchors = anchors.to_vec();
        anchors.sort_unstable_by_key(|&row| (bands[row].start, bands[row].end));
        let (mut from, mut to) = (0, 0);
        let counted = anchors.into_iter().map(|row| {
            while to < candidates.len() && rank(candidates[to]) < bands[row].end {
                window.enter(candidates[to]);
                to += 1;
            }
            while from < to && rank(candidates[from]) < bands[row].start {
                window.leave(candidates[from]);
                from += 1;
            }
            (row, window.entries(row))
        });
        counted.collect()
    }

    /// Whether a row has every attribute that the rule compares, and may be in a list.
    fn is_comparable(&self, row: usize) -> bool {
        let mut compared = self.rule.must_match.iter().chain(&self.rule.must_differ);
        compared.all(|&column| self.lists.codes[column][row] != NO_CODE) && !self.is_refused(row)
    }

    fn is_refused(&self, row: usize) -> bool {
        self.rule.refused.as_ref().is_some_and(|refused| refused[row])
    }

    fn key(&self, row: usize) -> Key {
        match self.rule.must_differ.first() {
            Some(&column) => self.lists.codes[column][row],
            None => self.excepts.get(&self.scopes.category[row]).copied().unwrap_or(NO_KEY),
        }
    }

    fn codes(&self, row: usize) -> Vec<u32> {
        self.rule.must_match.iter().map(|&column| self.lists.codes[column][row]).collect()
    }

    /// Whether the anchor itself is in its window: never where a key keeps it apart from itself.
    fn counts_itself(&self, anchor: usize) -> bool {
        let number = u32::try_from(anchor).expect("fewer than 2^32 rows");
        self.key(anchor) == NO_KEY
            && !self.is_refused(anchor)
            && self.rule.scopes[self.rule.scope[anchor] as usize].iter().any(|r| r.contains(&number))
            && self.rule.bands.as_ref().is_none_or(|bands| bands[anchor].contains(&self.lists.price_rank[anchor]))
    }
}

/// The candidates inside the current band, counted by *cell* (equal attributes and group) and by cell and key. A row that is the
/// only one of its group is a cell of its own and needs no count.
struct Window<'a> {
    sweep: &'a Sweep<'a>,
    /// Numbers the distinct values of all compared attributes together.
    matches: NumberMap<Vec<u32>, u32>,
    cells: NumberMap<(u32, u32), Cell>,
    parts: NumberMap<(u32, u32, Key), u32>,
    /// Per match, groups inside the window.
    groups: Vec<u32>,
    /// Per match and key, groups whose rows inside the window all have that key.
    only: NumberMap<(u32, Key), u32>,
}

/// The rows of one match and group inside the window.
#[derive(Clone, Copy, Default)]
struct Cell {
    rows: u32,
    /// How many different keys they have, and the sum of these keys: the key itself where there is one.
    keys: u32,
    key_sum: u64,
}

impl<'a> Window<'a> {
    fn new(sweep: &'a Sweep<'a>, candidates: impl Iterator<Item = usize>) -> Window<'a> {
        let mut matches = NumberMap::default();
        if sweep.rule.must_match.is_empty() {
            matches.insert(Vec::new(), 0);
        } else {
            for row in candidates {
                let next = u32::try_from(matches.len()).expect("fewer than 2^32 rows");
                matches.entry(sweep.codes(row)).or_insert(next);
            }
        }
        let groups = vec![0; matches.len()];
        Window {
            sweep,
            matches,
            cells: NumberMap::default(),
            parts: NumberMap::default(),
            groups,
            only: NumberMap::default(),
        }
    }

    fn place(&self, row: usize) -> Option<(u32, u32, Key)> {
        let number =
            if self.sweep.rule.must_match.is_empty() { 0 } else { *self.matches.get(&self.sweep.codes(row))? };
        Some((number, self.sweep.lists.group[row], self.sweep.key(row)))
    }

    fn enter(&mut self, row: usize) {
        let (number, group, key) = self.place(row).expect("every candidate was numbered");
        if self.sweep.alone[row] {
            self.groups[number as usize] += 1;
            if key != NO_KEY {
                *self.only.entry((number, key)).or_default() += 1;
            }
            return;
        }
        let part = self.parts.entry((number, group, key)).or_default();
        *part += 1;
        let new_key = *part == 1;
        self.change(number, group, |cell| {
            cell.rows += 1;
            if new_key {
                cell.keys += 1;
                cell.key_sum += u64::from(key);
            }
        });
    }

    fn leave(&mut self, row: usize) {
        let (number, group, key) = self.place(row).expect("every candidate was numbered");
        if self.sweep.alone[row] {
            self.groups[number as usize] -= 1;
            if key != NO_KEY {
                *self.only.get_mut(&(number, key)).expect("the row entered before") -= 1;
            }
            return;
        }
        let part = self.parts.get_mut(&(number, group, key)).expect("the row entered before");
        *part -= 1;
        let last_of_key = *part == 0;
        self.change(number, group, |cell| {
            cell.rows -= 1;
            if last_of_key {
                cell.keys -= 1;
                cell.key_sum -= u64::from(key);
            }
        });
    }

    fn change(&mut self, number: u32, group: u32, step: impl Fn(&mut Cell)) {
        let cell = self.cells.entry((number, group)).or_default();
        let before = *cell;
        step(cell);
        let after = *cell;
        let groups = &mut self.groups[number as usize];
        *groups = *groups + u32::from(after.rows > 0) - u32::from(before.rows > 0);
        if before.single_key() != after.single_key() {
            if let Some(key) = before.single_key() {
                *self.only.get_mut(&(number, key)).expect("counted when it became single") -= 1;
            }
            if let Some(key) = after.single_key() {
                *self.only.entry((number, key)).or_default() += 1;
            }
        }
    }

    /// Entries for an anchor whose band is the current window.
    fn entries(&self, anchor: usize) -> u32 {
        let Some((number, group, key)) = self.place(anchor) else { return 0 };
        let apart = |count: Option<&u32>| if key == NO_KEY { 0 } else { count.copied().unwrap_or(0) };
        let own_rows = if self.sweep.alone[anchor] {
            u32::from(self.sweep.counts_itself(anchor))
        } else {
            let own = self.cells.get(&(number, group)).copied().unwrap_or_default();
            own.rows - apart(self.parts.get(&(number, group, key)))
        };
        let all_groups = self.groups[number as usize] - apart(self.only.get(&(number, key)));
        let other_groups = all_groups - u32::from(own_rows > 0);
        let variants = own_rows - u32::from(own_rows > 0 && self.sweep.counts_itself(anchor));
        match self.sweep.rule.group {
            GroupScope::Other => other_groups,
            GroupScope::Same => variants,
            GroupScope::Any => other_groups + variants,
        }
    }
}

impl Cell {
    fn single_key(&self) -> Option<Key> {
        (self.keys == 1).then(|| Key::try_from(self.key_sum).expect("the sum of one key"))
    }
}
