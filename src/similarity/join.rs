//! What every engine decides with: the lists while they fill, and the canonical score that alone lets a pair in. This room
//! refuses to propose.
//!
//! An engine hands in *survivors*: pairs with a proven upper bound of their canonical score. Thresholds only rise, ties are
//! settled by the canonical score and the id, and a pair may come twice, so the lists depend neither on the order of the work
//! nor on who did it, as long as every pair that can enter comes once.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use rayon::prelude::*;

use super::classes::Classes;
use super::matrix::canonical_scores;
use super::rows::Rows;
use super::state::TileLists;
use super::tiles::Tiles;
use super::waiting::Candidate;
use super::{Entry, Lists, NO_LIST, TopK, canonical_score};
use crate::embedding::ABREAST;

/// A night's lists while they fill, and what deciding needs.
pub(super) struct Join<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) lists: &'a Lists,
    pub(super) tiles: &'a Tiles<'a>,
    pub(super) classes: Classes<'a>,
    state: Vec<Mutex<TileLists>>,
}

/// A candidate that may enter a list of an anchor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) candidate: Candidate,
    /// The rule of the list.
    pub(super) rule: usize,
}

/// A candidate that may enter any list of an anchor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Survivor {
    /// The candidate's row.
    pub(super) candidate: usize,
    /// At least the canonical score of the pair.
    pub(super) upper: f32,
}

impl<'a> Join<'a> {
    /// Empty lists, but for bit-identical candidates: those are settled here, and survivors among them are ignored.
    pub(super) fn new(rows: Rows<'a>, lists: &'a Lists, tiles: &'a Tiles<'a>) -> Join<'a> {
        let classes = Classes::new(rows, &lists.id_rank);
        let mut join = Join { rows, lists, tiles, classes, state: Vec::new() };
        join.state = (0..tiles.count()).into_par_iter().map(|tile| Mutex::new(join.seed(tile))).collect();
        join
    }

    /// Per rule, the finished lists by row.
    pub(super) fn into_lists(self) -> Vec<TopK> {
        let mut all: Vec<TopK> = self.lists.rules.iter().map(|_| Vec::with_capacity(self.tiles.rows())).collect();
        for tile in self.state {
            let finished = tile.into_inner().expect("a panic in another thread has already ended the night").finish();
            for (at, list) in finished.into_iter().enumerate() {
                all[at % self.lists.rules.len()].push(list);
            }
        }
        all
    }

    /// Scores candidates, the most promising first, canonically for a list of `row`, as long as one could enter whose score is so
    /// much below its bound. Says how many it scored, and what the list's entries reach then.
    pub(super) fn decide(&self, row: usize, rule: usize, waiting: &[Candidate], below: f32) -> (usize, f32) {
        let mut state = self.lock(row / self.tiles.size());
        let mut threshold = state.threshold(self.lists, row, rule);
        let mut decided = 0;
        while let Some(next) = waiting.get(decided)
            && next.upper() - below >= threshold
        {
            let some = &waiting[decided..waiting.len().min(decided + ABREAST)];
            for (candidate, score) in some.iter().zip(self.scores(row, some.iter().map(|one| one.row()))) {
                state.offer(self.lists, rule, row, candidate.row() as usize, score);
            }
            decided += some.len();
            threshold = state.threshold(self.lists, row, rule);
        }
        (decided, threshold)
    }

    /// The canonical scores of a row with at most [`ABREAST`] others, at least one.
    fn scores(&self, row: usize, others: impl Iterator<Item = u32>) -> [f32; ABREAST] {
        let mut abreast = [self.rows.row(row); ABREAST];
        abreast.iter_mut().zip(others).for_each(|(vector, other)| *vector = self.rows.row(other as usize));
        canonical_scores(self.rows.row(row), abreast)
    }

    /// Scores the candidates of the lists of a row canonically, the most promising first, as long as they may enter. Empties them.
    pub(super) fn decide_row(&self, row: usize, waiting: &mut Vec<Wanted>) {
        waiting.sort_unstable_by_key(|one| (Reverse(one.candidate), one.rule));
        let mut state = self.lock(row / self.tiles.size());
        for some in waiting.chunks(ABREAST) {
            let may_enter = |one: &Wanted| one.candidate.upper() >= state.threshold(self.lists, row, one.rule);
            if some.iter().any(may_enter) {
                let scores = self.scores(row, some.iter().map(|one| one.candidate.row()));
                for (one, score) in some.iter().zip(scores) {
                    state.offer(self.lists, one.rule, row, one.candidate.row() as usize, score);
                }
            }
        }
        waiting.clear();
    }

    /// The lists of a tile with every bit-identical candidate already settled: they share one score, so the first ones by id
    /// win and the rest never have to be looked at.
    fn seed(&self, tile: usize) -> TileLists {
        let mut state = TileLists::new(self.lists, self.tiles.range(tile));
        for row in self.tiles.range(tile).filter(|&row| self.classes.class(row).is_some()) {
            let score = canonical_score(self.rows.row(row), self.rows.row(row));
            for number in self.rules_of(row) {
                let rule = &self.lists.rules[number];
                if score < rule.min_score {
                    continue;
                }
                // In id order: what comes when the list is full is worse than all in it.
                for candidate in self.classes.members_within(row, &rule.scopes[rule.scope[row] as usize], rule.k) {
                    if self.lists.admits(rule, row, candidate) {
                        state.offer(self.lists, number, row, candidate, score);
                    }
                    if state.is_full(self.lists, row, number) {
                        break;
                    }
                }
            }
        }
        state
    }

    fn lock(&self, tile: usize) -> MutexGuard<'_, TileLists> {
        self.state[tile].lock().expect("a panic in another thread has already ended the night")
    }

    /// The rules by whose looks `row` has a list.
    pub(super) fn rules_of(&self, row: usize) -> impl Iterator<Item = usize> {
        let rules = self.lists.rules.iter().enumerate();
        rules.filter(move |(_, rule)| rule.visual && rule.scope[row] != NO_LIST).map(|(number, _)| number)
    }

    /// The lowest canonical score that could still matter to one of the open lists of `row`.
    fn lowest(&self, state: &TileLists, row: usize, open: &[usize]) -> f32 {
        open.iter().map(|&rule| state.threshold(self.lists, row, rule)).fold(f32::INFINITY, f32::min)
    }

    /// Scores survivors canonically, the most promising first, and stops where nothing can enter any more; empties them.
    fn rescore(&self, state: &mut TileLists, row: usize, open: &[usize], survivors: &mut Vec<Survivor>) {
        survivors.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper).then(a.candidate.cmp(&b.candidate)));
        let mut lowest = self.lowest(state, row, open);
        for Survivor { candidate, upper } in survivors.drain(..) {
            if upper < lowest {
                break;
            }
            if self.classes.same(row, candidate) {
                continue;
            }
            let mut score = None;
            let mut entered = false;
            for &number in open {
                let reachable = upper >= state.threshold(self.lists, row, number);
                if reachable && self.lists.admits(&self.lists.rules[number], row, candidate) {
                    let score =
                        *score.get_or_insert_with(|| canonical_score(self.rows.row(row), self.rows.row(candidate)));
                    entered |= state.offer(self.lists, number, row, candidate, score);
                }
            }
            if entered {
                lowest = self.lowest(state, row, open);
            }
        }
    }
}

/// For a device, which proposes for many tiles at once and leaves it open for which rule.
impl Join<'_> {
    /// Calls `each` with every row of a tile, every rule, and the lowest canonical score that can still enter that list;
    /// `None` where there is no list to fill.
    pub(super) fn thresholds(&self, tile: usize, mut each: impl FnMut(usize, usize, Option<f32>)) {
        let state = self.lock(tile);
        for row in self.tiles.range(tile) {
            for (number, rule) in self.lists.rules.iter().enumerate() {
                let filled = rule.visual && rule.scope[row] != NO_LIST;
                each(row, number, filled.then(|| state.threshold(self.lists, row, number)));
            }
        }
    }

    /// Whether an engine fills a list of the row.
    pub(super) fn has_list(&self, row: usize) -> bool {
        self.rules_of(row).next().is_some()
    }

    /// The lists of a row as they are now, in the order of the rules.
    pub(super) fn lists_of(&self, row: usize) -> Vec<Vec<Entry>> {
        let state = self.lock(row / self.tiles.size());
        (0..self.lists.rules.len()).map(|rule| state.entries(row, rule)).collect()
    }

    /// A row with a finished list that has fewer entries than [`Self::raise`] was promised: then the promise was wrong.
    pub(super) fn below_floor(&self) -> Option<usize> {
        (0..self.tiles.count()).into_par_iter().find_map_any(|tile| {
            let state = self.lock(tile);
            let is_below = |&row: &usize| self.rules_of(row).any(|rule| state.is_below_floor(self.lists, row, rule));
            self.tiles.range(tile).find(is_below)
        })
    }

    /// Lets nothing below `at_least` into a list any more; see [`TileLists::raise`] for when that is exact.
    pub(super) fn raise(&self, rule: usize, row: usize, at_least: f32) {
        self.lock(row / self.tiles.size()).raise(row, rule, at_least);
    }

    /// Decides survivors of any tiles for all lists of `anchors`, rows of one tile: `proposed` adds those of a row.
    pub(super) fn decide_rows(&self, anchors: Range<usize>, mut proposed: impl FnMut(usize, &mut Vec<Survivor>)) {
        let (mut survivors, mut open) = (Vec::new(), Vec::new());
        let mut state = self.lock(anchors.start / self.tiles.size());
        for row in anchors {
            proposed(row, &mut survivors);
            open.clear();
            open.extend(self.rules_of(row));
            self.rescore(&mut state, row, &open, &mut survivors);
        }
    }
}
