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
use super::tiles::Tiles;
use super::{Lists, Matrix, Similarity, TopK};
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
    fn name(&self) -> String {
        "cpu".to_owned()
    }

    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Vec<TopK>> {
        let tiles = Tiles::new(lists, matrix.rows(), self.tile);
        progress.start(tiles.count_pairs());
        let join = Join::new(matrix, lists, &tiles);
        // The own tile first: it holds a row's neighbors in category and price, so thresholds rise early.
        let own = |i| if tiles.reaches(i, i) { vec![(i, false)] } else { Vec::new() };
        let others = |i| tiles.work(i).into_iter().filter(|&(j, _)| j != i).collect::<Vec<_>>();
        (0..tiles.count()).into_par_iter().for_each(|i| score(&join, i, &own(i), progress));
        (0..tiles.count()).into_par_iter().for_each(|i| score(&join, i, &others(i), progress));
        Ok(join.into_lists())
    }
}

/// Scores one row with every row of some tiles, for the row's own lists.
#[cfg_attr(not(test), expect(dead_code, reason = "no device leaves single rows yet"))]
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
    use crate::similarity::{RuleLists, canonical_score};

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
            let found = Cpu::default().top_k(&matrix, &lists, &Progress::hidden()).expect("lists").remove(0);
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
}
