//! The CPU engine: proposes pairs by blocked f32 products.
//!
//! Rows are cut into tiles. Every pair of tiles that some list needs is multiplied once; a pair of rows whose product plus the
//! proven error bound reaches the threshold of a list that may hold it *survives*. This room refuses an n × n buffer: a thread
//! holds one tile of products.

mod propose;

use std::ops::Range;

use rayon::prelude::*;

use super::bounds::margin;
use super::join::{Join, Survivor};
use super::remaining::Remaining;
use super::tiles::Tiles;
use super::{Found, Lists, Matrix, Report, Similarity};
use crate::error::Result;
use crate::progress::Progress;
use propose::Products;

/// Rows of a tile: its products, 64 KiB, stay in the L2 cache.
pub const TILE: usize = 128;

/// The CPU engine. Its threads are rayon's.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// Rows of a tile, at least 1. The lists do not depend on it.
    pub tile: usize,
}

impl Default for Cpu {
    fn default() -> Cpu {
        Cpu { tile: TILE }
    }
}

impl Similarity for Cpu {
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found> {
        let tiles = Tiles::new(lists, matrix.rows(), self.tile);
        let remaining = Remaining::new(&tiles);
        let pairs = remaining.pairs();
        progress.start(pairs);
        let join = Join::new(matrix, lists, &tiles);
        finish(&join, &remaining, progress);
        let report = Report { device: "cpu".to_owned(), pairs_on_cpu: pairs, ..Report::default() };
        Ok(Found { lists: join.into_lists(), report })
    }
}

/// Scores every pair of tiles that remains, and leaves the marks as they are. Nobody else may score meanwhile.
pub(super) fn finish(join: &Join<'_>, remaining: &Remaining<'_>, progress: &Progress) {
    // The own tile first: it holds a row's neighbors in category and price, so thresholds rise early.
    let own = |i| if remaining.needs(i, i) { vec![(i, false)] } else { Vec::new() };
    let others = |i| remaining.work(i).into_iter().filter(|&(j, _)| j != i).collect::<Vec<_>>();
    let tiles = join.tiles.count();
    (0..tiles).into_par_iter().for_each(|i| score(join, i, &own(i), progress));
    (0..tiles).into_par_iter().for_each(|i| score(join, i, &others(i), progress));
}

/// Scores one row with every row of some tiles, for the row's own lists.
pub(super) fn finish_row(join: &Join<'_>, row: usize, candidates: impl IntoIterator<Item = usize>) {
    let mut products = Products::new(1, join.tiles.size());
    for tile in candidates {
        products.multiply(join.matrix, row..row + 1, join.tiles.range(tile));
        decide(join, row..row + 1, tile, &products);
    }
}

/// Scores tile `i` with each tile of `work`; the flag says whether the other direction is needed too.
fn score(join: &Join<'_>, i: usize, work: &[(usize, bool)], progress: &Progress) {
    let tiles = join.tiles;
    let mut products = Products::new(tiles.size(), tiles.size());
    for &(j, mutual) in work {
        products.multiply(join.matrix, tiles.range(i), tiles.range(j));
        decide(join, tiles.range(i), j, &products);
        if mutual {
            products.transpose();
            decide(join, tiles.range(j), i, &products);
        }
        progress.advance(tiles.pairs(i, j));
    }
}

/// Proposes what is near enough among `products` (anchors × candidates).
fn decide(join: &Join<'_>, anchors: Range<usize>, candidates: usize, products: &Products) {
    let margin = margin(join.matrix.dimension());
    let (first_row, first_column) = (anchors.start, join.tiles.range(candidates).start);
    join.decide(anchors, candidates, |row, threshold, survivors| {
        propose::survivors(products.line(row - first_row), threshold - margin, |column, product| {
            survivors.push(Survivor { candidate: first_column + column, upper: product + margin });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GroupScope;
    use crate::similarity::lists::NO_PRICE;
    use crate::similarity::{NO_LIST, RuleLists, canonical_score};

    /// One rule over everything: rows × dimension vectors with `distinct` different ones.
    fn everything(rows: usize, dimension: usize, distinct: usize) -> (Matrix, Lists) {
        let mut vectors = crate::embedding::Vectors::new(dimension, rows);
        let mut seed = 1_u64;
        let pool: Vec<Vec<f32>> = (0..distinct)
            .map(|_| {
                let mut next = || {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    f32::from(u16::try_from(seed >> 48).expect("16 bits")) / 32768.0 - 1.0
                };
                (0..dimension).map(|_| next()).collect()
            })
            .collect();
        for row in 0..rows {
            vectors.insert(row, &pool[row % distinct]).expect("finite and not zero");
        }
        let n = u32::try_from(rows).expect("small");
        let lists = Lists {
            id_rank: (0..n).rev().collect(),
            group: (0..n).map(|row| row / 3).collect(),
            price_rank: vec![NO_PRICE; rows],
            codes: Vec::new(),
            rules: vec![RuleLists {
                visual: true,
                k: 5,
                min_score: f32::NEG_INFINITY,
                group: GroupScope::Other,
                scopes: vec![std::iter::once(0..n).collect()],
                scope: vec![0; rows],
                bands: None,
                must_match: Vec::new(),
                must_differ: Vec::new(),
            }],
        };
        (Matrix::gather(&vectors, 0..rows), lists)
    }

    fn naive(matrix: &Matrix, lists: &Lists, anchor: usize) -> Vec<(u32, f32)> {
        let rule = &lists.rules[0];
        let mut all: Vec<(u32, f32)> = (0..matrix.rows())
            .filter(|&c| lists.admits(rule, anchor, c))
            .map(|c| (u32::try_from(c).expect("small"), canonical_score(matrix.row(anchor), matrix.row(c))))
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(lists.id_rank[a.0 as usize].cmp(&lists.id_rank[b.0 as usize])));
        let mut seen = std::collections::HashSet::new();
        all.retain(|entry| seen.insert(lists.group[entry.0 as usize]));
        all.truncate(rule.k);
        all
    }

    #[test]
    fn lists_equal_a_naive_scan_over_tile_borders_duplicates_and_odd_dimensions() {
        for (rows, dimension, distinct) in
            [(1, 3, 1), (2, 1, 2), (129, 7, 129), (300, 17, 40), (400, 8, 1), (257, 64, 250)]
        {
            let (matrix, lists) = everything(rows, dimension, distinct);
            let found = Cpu::default().top_k(&matrix, &lists, &Progress::hidden()).expect("lists").lists.remove(0);
            assert_eq!(found.len(), rows);
            for (anchor, list) in found.iter().enumerate() {
                let list: Vec<(u32, f32)> = list.iter().map(|e| (e.row, e.score)).collect();
                assert_eq!(
                    list,
                    naive(&matrix, &lists, anchor),
                    "{rows} × {dimension}, {distinct} distinct, row {anchor}"
                );
            }
        }
    }

    /// What a device does, by hand: thresholds go out, floors and survivors come in, repeated and in strips.
    fn by_proposals(join: &Join<'_>, rule: &RuleLists, floor: impl Fn(usize) -> Option<f32>) {
        let everyone = |row: usize, from: usize| {
            let score = move |candidate| canonical_score(join.matrix.row(row), join.matrix.row(candidate));
            (0..join.matrix.rows()).skip(from).map(move |candidate| Survivor { candidate, upper: score(candidate) })
        };
        for tile in 0..join.tiles.count() {
            for row in join.tiles.range(tile) {
                if let Some(at_least) = floor(row) {
                    join.raise(0, row, at_least);
                }
                join.decide_row(row, &mut everyone(row, row).collect());
            }
            let mut thresholds = Vec::new();
            join.thresholds(tile, |row, number, threshold| {
                assert_eq!((row, number), (join.tiles.range(tile).start + thresholds.len(), 0));
                assert_eq!(threshold.is_some(), rule.scope[row] != NO_LIST);
                thresholds.push(threshold.unwrap_or(f32::INFINITY));
            });
            let first = join.tiles.range(tile).start;
            join.decide_rows(join.tiles.range(tile), |row, survivors| {
                survivors.extend(everyone(row, 0).filter(|survivor| survivor.upper >= thresholds[row - first]));
            });
        }
    }

    #[test]
    fn proposals_rows_and_taken_over_tiles_give_the_same_lists() {
        let (matrix, mut lists) = everything(150, 9, 60);
        lists.rules[0].scope[7] = NO_LIST;
        let tiles = Tiles::new(&lists, matrix.rows(), 16);
        let found = Cpu { tile: 16 }.top_k(&matrix, &lists, &Progress::hidden()).expect("lists");
        // Tiles of 16, the last of 6, each pair once.
        let pairs = (150 * 150 + 9 * 16 * 16 + 6 * 6) / 2;
        assert_eq!(found.report, Report { device: "cpu".to_owned(), pairs_on_cpu: pairs, ..Report::default() });
        let expected = found.lists;
        let floor = |row: usize| expected[0][row].get(lists.rules[0].k - 1).map(|last| last.score);

        let join = Join::new(&matrix, &lists, &tiles);
        by_proposals(&join, &lists.rules[0], |_| None);
        assert_eq!(join.into_lists(), expected);

        let join = Join::new(&matrix, &lists, &tiles);
        by_proposals(&join, &lists.rules[0], floor);
        assert_eq!(join.into_lists(), expected);

        // Some tiles row by row, some of the marks cleared for it, the rest taken over.
        let join = Join::new(&matrix, &lists, &tiles);
        let remaining = Remaining::new(&tiles);
        for i in (0..tiles.count()).step_by(2) {
            let some: Vec<usize> = (0..tiles.count()).filter(|j| (i + j) % 3 > 0).collect();
            tiles.range(i).for_each(|row| finish_row(&join, row, some.iter().copied()));
            some.iter().skip(1).for_each(|&j| remaining.done(i, j));
        }
        finish(&join, &remaining, &Progress::hidden());
        assert_eq!(join.into_lists(), expected);
    }
}
