//! Rows in an order in which neighbors look alike: thresholds rise sooner, and a kernel's blocks are ruled out whole. This room
//! refuses to move a row out of a range that a list names.
//!
//! Rows between two ends of any range are alike to every list but for their prices. They are split by the nearest of a few of
//! themselves, and each part again.

use rayon::prelude::*;

use super::kernel::{Kernel, folded};
use super::panels::Panels;
use crate::similarity::rows::Rows;
use crate::similarity::{Lists, Matrix, RefusedPairs, TopK};

/// Sets of at most so many rows are left as they are: they are a few tiles.
const FEW: usize = 256;

/// Rows for each pivot: with fewer of these, what looks alike in small numbers has none.
const ROWS: usize = 96;

/// Pivots at a time, at most.
const MOST: usize = 2048;

/// Rows that are multiplied at a time with all pivots: what comes out is looked at while it is in the cache.
const BLOCK: usize = 48;

/// Numbers that are compared at a time.
const LANES: usize = 16;

/// Per row of the new order, the row of the matrix.
pub(super) fn by_looks(matrix: &Matrix, lists: &Lists, kernel: Kernel) -> Vec<u32> {
    let rows = narrow(matrix.rows());
    let mut order: Vec<u32> = (0..rows).collect();
    let mut sets = Vec::new();
    let mut rest = order.as_mut_slice();
    for end in ends(lists, rows) {
        let start = rows - u32::try_from(rest.len()).expect("fewer than 2^32 rows");
        let (set, after) = rest.split_at_mut((end - start) as usize);
        sets.push(set);
        rest = after;
    }
    let rows = Rows::new(matrix, None);
    sets.into_par_iter().for_each(|set| split(rows, set, kernel));
    order
}

fn narrow(rows: usize) -> u32 {
    u32::try_from(rows).expect("fewer than 2^32 rows")
}

/// Where some range begins or ends, ascending, the last one at the end of the rows.
fn ends(lists: &Lists, rows: u32) -> Vec<u32> {
    let ranges = lists.rules.iter().flat_map(|rule| rule.scopes.iter().flatten());
    let mut ends: Vec<u32> = ranges.flat_map(|range| [range.start, range.end]).filter(|&end| end < rows).collect();
    ends.push(rows);
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// A row and the pivot that looks most like it.
struct Nearest {
    row: u32,
    /// Its place in the chain of pivots.
    pivot: usize,
    product: f32,
    /// With all pivots.
    mean: f32,
}

/// Brings rows together that are nearest to the same one of some of them, the *pivots*, and goes on inside.
fn split(vectors: Rows<'_>, rows: &mut [u32], kernel: Kernel) {
    if rows.len() <= FEW {
        return;
    }
    let count = (rows.len() / ROWS).min(MOST);
    let pivots: Vec<u32> = (0..count).map(|at| rows[at * rows.len() / count]).collect();
    let panels = Panels::of(vectors, &pivots, kernel);
    let places = chain(&panels, vectors, &pivots);
    let nearest = |row, products: &[f32]| {
        let (pivot, product) = largest(products);
        Nearest { row, pivot: places[pivot], product, mean: mean(products) }
    };
    let of_block = |rows: &[u32]| panels.with_rows(vectors, rows, nearest);
    let mut nearest: Vec<Nearest> = rows.par_chunks(BLOCK).flat_map_iter(of_block).collect();
    let lonely = lonely(&nearest);
    // Rows that look like no other have low thresholds: in the end, they keep no other blocks alive.
    nearest.sort_unstable_by_key(|of_row| (of_row.product < lonely, of_row.pivot, of_row.row));
    rows.iter_mut().zip(&nearest).for_each(|(row, nearest)| *row = nearest.row);
    let mut parts = Vec::new();
    let mut rest = rows;
    for part in nearest.chunk_by(|a, b| a.pivot == b.pivot) {
        let (part, after) = rest.split_at_mut(part.len());
        parts.push(part);
        rest = after;
    }
    // Rows that all look the same do not part.
    if parts.len() > 1 {
        parts.into_par_iter().for_each(|part| split(vectors, part, kernel));
    }
}

/// Half way between what is nearest to most rows and what any two rows have in common.
fn lonely(nearest: &[Nearest]) -> f32 {
    let mut products: Vec<f32> = nearest.iter().map(|of_row| of_row.product).collect();
    let middle = products.len() / 2;
    let (_, &mut median, _) = products.select_nth_unstable_by(middle, f32::total_cmp);
    let means: Vec<f32> = nearest.iter().map(|of_row| of_row.mean).collect();
    f32::midpoint(median, mean(&means))
}

/// The largest of some numbers, the first one of equal ones, and its place.
fn largest(numbers: &[f32]) -> (usize, f32) {
    let most = folded::<LANES>(numbers, f32::NEG_INFINITY, f32::max);
    (numbers.iter().position(|number| *number >= most).expect("some numbers"), most)
}

#[expect(clippy::cast_precision_loss, reason = "close is enough")]
fn mean(numbers: &[f32]) -> f32 {
    folded::<LANES>(numbers, 0.0, |sum, number| sum + number) / numbers.len() as f32
}

/// The places of pivots, which the panels hold, in an order in which each is followed by the nearest one that is left.
fn chain(panels: &Panels, vectors: Rows<'_>, pivots: &[u32]) -> Vec<usize> {
    let of_block = |some: &[u32]| panels.with_rows(vectors, some, |_, products| products.to_vec());
    let products: Vec<Vec<f32>> = pivots.par_chunks(BLOCK).flat_map_iter(of_block).collect();
    let mut order: Vec<usize> = (0..pivots.len()).collect();
    for at in 1..order.len() {
        let of_last = &products[order[at - 1]];
        let nearer = |&a: &usize, &b: &usize| of_last[order[a]].total_cmp(&of_last[order[b]]).then(b.cmp(&a));
        let next = (at..order.len()).max_by(nearer).expect("some are left");
        order.swap(at, next);
    }
    let mut places = vec![0; order.len()];
    order.into_iter().enumerate().for_each(|(place, pivot)| places[pivot] = place);
    places
}

impl Lists {
    /// The same lists over rows in another order; `order` leaves every range as it is.
    pub(super) fn in_order(&self, order: &[u32]) -> Lists {
        let rows: Vec<u32> = order.iter().copied().chain(narrow(order.len())..narrow(self.rows())).collect();
        let mut places = vec![0; rows.len()];
        rows.iter().zip(0..).for_each(|(&row, place)| places[row as usize] = place);
        self.of_rows(&rows, |pairs| {
            let place = |(anchor, candidate): (u32, u32)| (places[anchor as usize], places[candidate as usize]);
            RefusedPairs::new(self.rows(), &pairs.iter().map(place).collect::<Vec<_>>())
        })
    }
}

/// Finished lists by the rows of the matrix.
pub(super) fn put_back(lists: Vec<TopK>, order: &[u32]) -> Vec<TopK> {
    let back = |mut of_rule: TopK| {
        if of_rule.is_empty() {
            return of_rule;
        }
        let mut by_row = vec![Vec::new(); of_rule.len()];
        for (list, &row) in of_rule.iter_mut().zip(order) {
            for entry in &mut *list {
                entry.row = order[entry.row as usize];
            }
            by_row[row as usize] = std::mem::take(list);
        }
        by_row
    };
    lists.into_iter().map(back).collect()
}
