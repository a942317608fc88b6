//! What the lists of a tile will probably hold, from wherever it lies: scored before all else, it shows what each list needs. This
//! room refuses to be complete: whatever it overlooks is scored later, and what it found then comes a second time.
//!
//! The rows of a group of tiles are represented by a few means of rows that look alike. What the group reaches is multiplied with
//! these in int8, and for each need of a tile the rows that are nearest to its means are *chosen*. Only those are multiplied with
//! every row of the tile.

use std::cmp::Reverse;
use std::ops::Range;

use super::panels::{Anchors, Panels};
use super::{Scan, number};
use crate::similarity::int8::bounds;
use crate::similarity::remaining::Remaining;
use crate::similarity::rows::Rows;
use crate::similarity::tiles::{Need, Tiles};
use crate::similarity::waiting::{Candidate, TileWaiting};

/// Means of a group, at most: a block of anchors for most kernels.
const MEANS: usize = 12;

/// Rows that are chosen for a need, for each entry that its lists will have.
const CHOSEN: usize = 24;

/// Of what is chosen, what a row is tried with, for each entry that its list will have: variants share an entry.
const TRIED: usize = 3;

/// Rows that are chosen for all needs of a tile, at most.
const MOST: usize = 2048;

/// Tiles that are looked at for a need, at most: the nearest ones.
const LOOKED_AT: usize = 64;

/// Products that are compared at a time.
const LANES: usize = 16;

/// Means of rows that look alike.
struct Means {
    /// Up to their lengths, `[means][dimension]`.
    sums: Vec<f32>,
    /// Per row, the mean that it belongs to.
    of_rows: Vec<usize>,
}

impl Means {
    /// Every row of some tiles belongs to the one of a few that it is nearest to.
    fn new(rows: Rows<'_>, tiles: &Tiles<'_>, group: Range<usize>, panels: &Panels) -> Means {
        let (range, dimension) = (tiles.range(group.start).start..tiles.range(group.end - 1).end, rows.dimension());
        let count = MEANS.min(range.len());
        let pivots = (0..count).map(|at| range.start + (2 * at + 1) * range.len() / (2 * count));
        let pivots = panels.quantize(&rows.gather(pivots), dimension);
        let mut means = Means { sums: vec![0.0; count * dimension], of_rows: Vec::with_capacity(range.len()) };
        let mut products = Vec::new();
        for tile in group {
            panels.products(&pivots, 0..pivots.len(), panels.panel(tile), &mut products);
            let lines: Vec<&[f32]> = products.chunks_exact(panels.panel(tile).columns()).take(count).collect();
            for (place, row) in tiles.range(tile).enumerate() {
                let nearer = |&a: &usize, &b: &usize| lines[a][place].total_cmp(&lines[b][place]).then(b.cmp(&a));
                let nearest = (0..count).max_by(nearer).expect("a tile has rows");
                let sums = &mut means.sums[nearest * dimension..][..dimension];
                sums.iter_mut().zip(rows.row(row)).for_each(|(sum, v)| *sum += v);
                means.of_rows.push(nearest);
            }
        }
        means
    }
}

/// Those of many candidates whose products are largest.
struct Best {
    most: usize,
    candidates: Vec<Candidate>,
    /// What a product must exceed: that of the last one, when there are enough.
    least: f32,
}

impl Best {
    fn of(most: usize) -> Best {
        Best { most, candidates: Vec::with_capacity(2 * most), least: f32::NEG_INFINITY }
    }

    fn clear(&mut self) {
        self.candidates.clear();
        self.least = f32::NEG_INFINITY;
    }

    /// Looks at the products of candidates whose numbers begin at `first`.
    fn look(&mut self, first: usize, products: &[f32], is_allowed: impl Fn(usize) -> bool) {
        for (at, products) in products.chunks(LANES).enumerate() {
            // Mostly none is large enough; counted, because that looks at several together.
            if products.iter().filter(|product| **product > self.least).count() == 0 {
                continue;
            }
            for (candidate, &product) in (first + at * LANES..).zip(products) {
                if product > self.least && is_allowed(candidate) {
                    self.candidates.push(Candidate::new(number(candidate), product));
                    if self.candidates.len() == 2 * self.most {
                        self.select();
                    }
                }
            }
        }
    }

    /// Leaves the best, in any order.
    fn select(&mut self) -> &[Candidate] {
        if self.candidates.len() > self.most {
            let (_, &mut last, _) = self.candidates.select_nth_unstable_by_key(self.most - 1, |&one| Reverse(one));
            self.least = last.upper();
            self.candidates.truncate(self.most);
        }
        &self.candidates
    }
}

/// What is chosen for a need of a tile.
struct Choice<'a> {
    tile: usize,
    need: &'a Need,
    /// For each mean that rows with such a list belong to.
    best: Vec<(usize, Best)>,
    /// Tiles that may still be looked at.
    left: usize,
}

impl Choice<'_> {
    /// The rows that are chosen, ascending.
    fn rows(&mut self) -> Vec<u32> {
        let mut rows: Vec<u32> =
            self.best.iter_mut().flat_map(|(_, best)| best.select()).map(|candidate| candidate.row()).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

impl<'a> Scan<'a> {
    /// Scores the rows of a group of tiles with what their lists will probably hold. Nothing may wait for these yet.
    pub(super) fn seed(&self, group: Range<usize>, remaining: &Remaining<'_>) {
        let tiles = self.join.tiles;
        let range = tiles.range(group.start).start..tiles.range(group.end - 1).end;
        let means = Means::new(self.join.rows, tiles, group.clone(), &self.panels);
        let choices =
            group.clone().flat_map(|tile| self.choices(tile, &means.of_rows[tiles.range(tile).start - range.start..]));
        let mut choices: Vec<Choice> = choices.collect();
        let mut products = Vec::new();
        self.choose(&mut choices, &means, group, remaining, &mut products);
        for of_tile in choices.chunk_by_mut(|a, b| a.tile == b.tile) {
            let tile = of_tile[0].tile;
            let anchors = self.panels.anchors(tile);
            let mut waiting = self.waiting[tile].lock().expect("a panic in another thread has already ended the night");
            for choice in of_tile {
                let chosen = choice.rows();
                if !chosen.is_empty() {
                    self.score(tile, &anchors, choice.need, &chosen, &mut waiting, &mut products);
                }
            }
        }
    }

    /// What is to be chosen for the needs of a tile, the largest first; `means` are those that its rows belong to.
    fn choices(&self, tile: usize, means: &[usize]) -> Vec<Choice<'a>> {
        let (tiles, lists) = (self.join.tiles, self.join.lists);
        let first = tiles.range(tile).start;
        let mut needs: Vec<&Need> = tiles.needs(tile).iter().collect();
        needs.sort_by_key(|need| Reverse(need.rows.len()));
        let mut choices = Vec::new();
        let mut left = MOST;
        for need in needs {
            let most = (CHOSEN * lists.rules[need.rule].usual()).min(left);
            if most == 0 {
                break;
            }
            left -= most;
            let mut belonging = [0; MEANS];
            need.lists(lists).for_each(|row| belonging[means[row - first]] += 1);
            let rows: usize = belonging.iter().sum();
            let of_mean =
                |(mean, &count): (usize, &usize)| (count > 0).then(|| (mean, Best::of((most * count).div_ceil(rows))));
            let best = belonging.iter().enumerate().filter_map(of_mean).collect();
            choices.push(Choice { tile, need, best, left: LOOKED_AT });
        }
        choices
    }

    /// Looks at the rows of the tiles that a group reaches, the nearest first.
    fn choose(
        &self,
        choices: &mut [Choice<'_>],
        means: &Means,
        group: Range<usize>,
        remaining: &Remaining<'_>,
        products: &mut Vec<f32>,
    ) {
        let (tiles, panels) = (self.join.tiles, &self.panels);
        let means = panels.quantize(&means.sums, self.join.rows.dimension());
        let mut reached: Vec<usize> =
            (0..tiles.count()).filter(|&j| group.clone().any(|i| remaining.needs(i, j))).collect();
        reached.sort_by_key(|j| j.abs_diff(group.start));
        for j in reached {
            let (columns, range) = (panels.panel(j).columns(), tiles.range(j));
            let is_open = |choice: &&mut Choice| choice.left > 0 && tiles.is_open(choice.need, j);
            let mut open = choices.iter_mut().filter(is_open).peekable();
            if open.peek().is_none() {
                continue;
            }
            panels.products(&means, 0..means.len(), panels.panel(j), products);
            for Choice { need, best, left, .. } in open {
                *left -= 1;
                for (mean, best) in best {
                    let products = &products[*mean * columns..][..range.len()];
                    best.look(range.start, products, |row| need.may_hold(self.join.lists, row));
                }
            }
        }
    }

    /// Scores the rows of a tile that have such a list with what was chosen.
    fn score(
        &self,
        tile: usize,
        anchors: &Anchors,
        need: &Need,
        chosen: &[u32],
        waiting: &mut TileWaiting,
        products: &mut Vec<f32>,
    ) {
        let Scan { join, panels, .. } = self;
        let (lists, rule) = (join.lists, &join.lists.rules[need.rule]);
        let first = join.tiles.range(tile).start;
        let block = panels.kernel.anchors;
        let rows = (need.rows.start - first) / block * block..(need.rows.end - first).next_multiple_of(block);
        let gathered = panels.gather(chosen, join.tiles.size());
        let columns = gathered.columns();
        panels.products(anchors, rows.clone(), &gathered, products);

        let [own, others] = [panels.panel(tile).residuals()[1], gathered.residuals()[1]];
        let mut best = Best::of(TRIED * rule.usual());
        for row in need.lists(lists) {
            let place = row - first;
            best.clear();
            best.look(0, &products[(place - rows.start) * columns..][..chosen.len()], |at| {
                let candidate = chosen[at] as usize;
                lists.admits(rule, row, candidate) && !join.classes.same(row, candidate)
            });
            best.select();
            best.candidates.sort_unstable_by_key(|&one| Reverse(one));
            for one in &best.candidates {
                let (at, product) = (one.row() as usize, one.upper());
                let [_, upper] = bounds(product, [own[place], others[at]], self.slack);
                // Mostly the first ones fill the list, and all others are behind it.
                if upper < self.thresholds.get(row, need.rule) {
                    break;
                }
                self.wait(waiting, (row, need.rule), Candidate::new(chosen[at], upper), own[place]);
            }
            waiting.look_through(row, need.rule, |waiting| self.look_through(row, need.rule, own[place], waiting));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_of_all_are_left_however_often_one_looks(
            products in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 1..70), 1..8), most in 1_usize..40,
        ) {
            let is_allowed = |candidate: usize| !candidate.is_multiple_of(3);
            let mut best = Best::of(most);
            let mut expected = Vec::new();
            for (at, products) in products.iter().enumerate() {
                best.look(100 * at, products, is_allowed);
                let candidates = (100 * at..).zip(products).filter(|&(candidate, _)| is_allowed(candidate));
                expected.extend(candidates.map(|(candidate, &product)| Candidate::new(number(candidate), product)));
            }
            expected.sort_unstable_by_key(|&one| Reverse(one));
            expected.truncate(most);
            let mut left = best.select().to_vec();
            left.sort_unstable_by_key(|&one| Reverse(one));
            prop_assert_eq!(left, expected);
        }
    }
}
