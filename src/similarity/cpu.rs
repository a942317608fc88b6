//! The CPU engine: proposes pairs by blocked f32 products, decides them with the canonical score.
//!
//! Rows are cut into tiles. Every pair of tiles that some list needs is multiplied once; a pair of rows whose product plus the
//! proven error bound reaches the threshold of a list that may hold it *survives* and is scored canonically. Thresholds only
//! rise, and ties are settled by the canonical score and the id alone, so the result depends neither on the order of the work
//! nor on the number of threads. This room refuses an n × n buffer: a thread holds one tile of products.

mod classes;
mod propose;

use std::sync::Mutex;

use rayon::prelude::*;

use super::lists::touches;
use super::state::TileLists;
use super::tiles::{Tiles, overlap, price_span};
use super::{Lists, Matrix, NO_LIST, Similarity, TopK, canonical_score};
use crate::error::Result;
use crate::progress::Progress;
use classes::Classes;
use propose::{Products, margin};

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
        let classes = Classes::new(matrix, &lists.id_rank);
        let join = Join { matrix, lists, tiles: &tiles, classes: &classes, margin: margin(matrix.dimension()) };
        let state: Vec<Mutex<TileLists>> =
            (0..tiles.count()).into_par_iter().map(|tile| Mutex::new(join.seed(tile))).collect();
        // The own tile first: it holds a row's neighbors in category and price, so thresholds rise early.
        let own = |i| if tiles.reaches(i, i) { vec![(i, false)] } else { Vec::new() };
        let others = |i| tiles.work(i).into_iter().filter(|&(j, _)| j != i).collect();
        (0..tiles.count()).into_par_iter().for_each(|i| join.run(i, own(i), &state, progress));
        (0..tiles.count()).into_par_iter().for_each(|i| join.run(i, others(i), &state, progress));
        Ok(collect(lists, &tiles, state))
    }
}

/// Everything that a pair of tiles needs.
struct Join<'a> {
    matrix: &'a Matrix,
    lists: &'a Lists,
    tiles: &'a Tiles<'a>,
    classes: &'a Classes<'a>,
    margin: f32,
}

/// A pair of rows that may enter a list of its anchor.
#[derive(Clone, Copy)]
struct Survivor {
    candidate: usize,
    product: f32,
}

impl Join<'_> {
    /// The lists of a tile with every bit-identical candidate already settled: they share one score, so the first ones by id
    /// win and the rest never have to be looked at.
    fn seed(&self, tile: usize) -> TileLists {
        let mut state = TileLists::new(self.lists, self.tiles.range(tile));
        for row in self.tiles.range(tile) {
            if !self.classes.is_shared(row) {
                continue;
            }
            let score = canonical_score(self.matrix.row(row), self.matrix.row(row));
            for (number, rule) in self.lists.rules.iter().enumerate() {
                if !rule.visual || rule.scope[row] == NO_LIST || score < rule.min_score {
                    continue;
                }
                // In id order: each entry after the K-th is worse than all before it.
                let mut entries = 0;
                for candidate in self.classes.members_within(row, &rule.scopes[rule.scope[row] as usize], rule.k) {
                    if self.lists.admits(rule, row, candidate) {
                        entries += usize::from(state.offer(self.lists, number, row, candidate, score));
                    }
                    if entries == rule.k {
                        break;
                    }
                }
            }
        }
        state
    }

    /// Scores tile `i` with each tile of `work`; the flag says whether the other direction is needed too.
    fn run(&self, i: usize, work: Vec<(usize, bool)>, state: &[Mutex<TileLists>], progress: &Progress) {
        let mut products = Products::new(self.tiles.size());
        for (j, mutual) in work {
            products.multiply(self.matrix, self.tiles.range(i), self.tiles.range(j));
            self.decide(i, j, &products, state);
            if mutual {
                products.transpose();
                self.decide(j, i, &products, state);
            }
            progress.advance(self.tiles.pairs(i, j));
        }
    }

    /// Offers the survivors among `products` (anchors × candidates) to the anchors' lists.
    fn decide(&self, anchors: usize, candidates: usize, products: &Products, state: &[Mutex<TileLists>]) {
        let columns = self.tiles.range(candidates);
        let prices = price_span(self.lists, columns.clone());
        let mut survivors = Vec::new();
        let mut open = Vec::new();
        let mut lists = state[anchors].lock().expect("a panic in another thread has already ended the night");
        for (line, row) in self.tiles.range(anchors).enumerate() {
            self.open_lists(row, &columns, prices.as_ref(), &mut open);
            if open.is_empty() {
                continue;
            }
            let cut = self.cut(&mut lists, row, &open);
            propose::survivors(products.line(line), cut, |column, product| {
                survivors.push(Survivor { candidate: columns.start + column, product });
            });
            self.rescore(&mut lists, row, &open, &mut survivors);
            survivors.clear();
        }
    }

    /// The rules whose list of `row` may hold one of the columns.
    fn open_lists(
        &self,
        row: usize,
        columns: &std::ops::Range<usize>,
        prices: Option<&std::ops::Range<u32>>,
        open: &mut Vec<usize>,
    ) {
        open.clear();
        for (number, rule) in self.lists.rules.iter().enumerate() {
            if !rule.visual || rule.scope[row] == NO_LIST {
                continue;
            }
            let scope = &rule.scopes[rule.scope[row] as usize];
            let in_band =
                rule.bands.as_ref().is_none_or(|bands| prices.is_some_and(|prices| overlap(&bands[row], prices)));
            if touches(scope, columns) && in_band {
                open.push(number);
            }
        }
    }

    /// The lowest product that could still matter to one of the open lists of `row`.
    fn cut(&self, lists: &mut TileLists, row: usize, open: &[usize]) -> f32 {
        let lowest = open.iter().map(|&rule| lists.threshold(self.lists, row, rule));
        lowest.fold(f32::INFINITY, f32::min) - self.margin
    }

    /// Scores survivors canonically, the most promising first, and stops where nothing can enter any more.
    fn rescore(&self, lists: &mut TileLists, row: usize, open: &[usize], survivors: &mut [Survivor]) {
        survivors.sort_unstable_by(|a, b| b.product.total_cmp(&a.product).then(a.candidate.cmp(&b.candidate)));
        let mut cut = f32::NEG_INFINITY;
        for survivor in survivors {
            if survivor.product < cut {
                break;
            }
            let candidate = survivor.candidate;
            if self.classes.same(row, candidate) {
                continue;
            }
            let mut score = None;
            let mut entered = false;
            for &number in open {
                let reachable = survivor.product >= lists.threshold(self.lists, row, number) - self.margin;
                if reachable && self.lists.admits(&self.lists.rules[number], row, candidate) {
                    let score =
                        *score.get_or_insert_with(|| canonical_score(self.matrix.row(row), self.matrix.row(candidate)));
                    entered |= lists.offer(self.lists, number, row, candidate, score);
                }
            }
            if entered || cut == f32::NEG_INFINITY {
                cut = self.cut(lists, row, open);
            }
        }
    }
}

/// Per rule, the finished lists by row.
fn collect(lists: &Lists, tiles: &Tiles<'_>, state: Vec<Mutex<TileLists>>) -> Vec<TopK> {
    let mut all: Vec<TopK> = lists.rules.iter().map(|_| Vec::with_capacity(tiles.rows())).collect();
    for tile in state {
        let finished = tile.into_inner().expect("a panic in another thread has already ended the night").finish();
        for (at, list) in finished.into_iter().enumerate() {
            all[at % lists.rules.len()].push(list);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GroupScope;
    use crate::similarity::RuleLists;
    use crate::similarity::lists::NO_PRICE;

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
