//! Rows in an order in which neighbors look alike: thresholds rise sooner, and a kernel's blocks are ruled out whole. This room
//! refuses to move a row out of a range that a list names.
//!
//! Rows between two ends of any range are alike to every list but for their prices. They are split by the nearest of a few of
//! themselves, and each part again.

use rayon::prelude::*;

use super::products::{BLOCK, Laid, Onto, multiply};
use super::rows::Rows;
use super::{Lists, Matrix, RefusedPairs, TopK};

/// Sets of at most so many rows are left as they are: they are a few tiles.
const FEW: usize = 256;

/// Per row of the new order, the row of the matrix.
pub(super) fn by_looks(matrix: &Matrix, lists: &Lists) -> Vec<u32> {
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
    sets.into_par_iter().for_each(|set| split(matrix, set));
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
pub(super) struct Nearest {
    pub(super) row: u32,
    /// Its place among the pivots.
    pub(super) pivot: usize,
    product: f32,
    /// With all pivots.
    mean: f32,
}

/// Brings rows together that are nearest to the same one of some of them, the *pivots*, and goes on inside.
fn split(matrix: &Matrix, rows: &mut [u32]) {
    if rows.len() <= FEW {
        return;
    }
    // With as many as that there is one in most of what looks alike, and it costs little beside comparing all rows.
    let count = rows.len().isqrt() / 2;
    let pivots = chain(matrix, (0..count).map(|at| rows[at * rows.len() / count]).collect());
    let pivots = Pivots::new(Rows::new(matrix, None), &pivots);
    let mut nearest: Vec<Nearest> = rows.par_chunks(BLOCK).flat_map_iter(|rows| pivots.nearest(rows)).collect();
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
        parts.into_par_iter().for_each(|part| split(matrix, part));
    }
}

/// Rows that others are compared with.
pub(super) struct Pivots<'a> {
    rows: Rows<'a>,
    vectors: Vec<f32>,
}

impl<'a> Pivots<'a> {
    pub(super) fn new(rows: Rows<'a>, pivots: &[u32]) -> Pivots<'a> {
        Pivots { rows, vectors: rows.gather(pivots.iter().map(|&row| row as usize)) }
    }

    /// Of each of some rows, the pivot that looks most like it; [`BLOCK`] rows at a time are multiplied well.
    pub(super) fn nearest(&self, rows: &[u32]) -> Vec<Nearest> {
        let d = self.rows.dimension();
        let pivots = Laid::rows(&self.vectors, d).transposed();
        let mut products = vec![0.0; rows.len() * pivots.width];
        let vectors = self.rows.gather(rows.iter().map(|&row| row as usize));
        multiply(Laid::rows(&vectors, d), pivots, Onto::Nothing, &mut products);
        let of_row = |(&row, products): (&u32, &[f32])| {
            let best = (0..products.len()).max_by(|&a, &b| products[a].total_cmp(&products[b]).then(b.cmp(&a)));
            let pivot = best.expect("some pivots");
            Nearest { row, pivot, product: products[pivot], mean: mean(products.iter().copied()) }
        };
        rows.iter().zip(products.chunks_exact(pivots.width)).map(of_row).collect()
    }
}

/// Half way between what is nearest to most rows and what any two rows have in common.
fn lonely(nearest: &[Nearest]) -> f32 {
    let mut products: Vec<f32> = nearest.iter().map(|of_row| of_row.product).collect();
    let middle = products.len() / 2;
    let (_, &mut median, _) = products.select_nth_unstable_by(middle, f32::total_cmp);
    f32::midpoint(median, mean(nearest.iter().map(|of_row| of_row.mean)))
}

#[expect(clippy::cast_precision_loss, reason = "close is enough")]
fn mean(numbers: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = numbers.len() as f32;
    numbers.sum::<f32>() / count
}

/// Rows in an order in which each is followed by the nearest one that is left.
fn chain(matrix: &Matrix, mut rows: Vec<u32>) -> Vec<u32> {
    for at in 1..rows.len() {
        let dot = |row: u32| {
            let pair = matrix.row(rows[at - 1] as usize).iter().zip(matrix.row(row as usize));
            pair.map(|(a, b)| a * b).sum::<f32>()
        };
        let next = (at..rows.len()).max_by(|&a, &b| dot(rows[a]).total_cmp(&dot(rows[b])).then(b.cmp(&a)));
        rows.swap(at, next.expect("some are left"));
    }
    rows
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
