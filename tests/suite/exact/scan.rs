//! The lists of every row of a catalog by a scan of all pairs, in tolerable time: pairs that a plain f32 product proves to be
//! out are left out, and each pair is visited once for both rows. Shares no line with an engine.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;
use twinset::similarity::{Entry, Matrix};

use super::naive::score;

/// Rows of a block of pairs; its products stay in the first cache.
const SIDE: usize = 64;
/// Products that are summed at the same time: `HIGH` rows by `WIDE` rows fill the registers of any machine.
const HIGH: usize = 4;
const WIDE: usize = 8;

/// The `k` most similar other rows of every row.
pub fn every_list(matrix: &Matrix, id_rank: &[u32], k: usize) -> Vec<Vec<Entry>> {
    let mut best = Vec::new();
    best.resize_with(matrix.rows(), Mutex::default);
    let cuts = (0..matrix.rows()).map(|_| AtomicU32::new(f32::NEG_INFINITY.to_bits())).collect();
    let scan = Scan { matrix, id_rank, k, panels: panels(matrix), best, cuts };
    let blocks = matrix.rows().div_ceil(SIDE);
    let room = || vec![[0.0; SIDE]; SIDE];
    (0..blocks).into_par_iter().for_each_init(room, |products, i| {
        for j in i..blocks {
            scan.multiply(i, j, products);
            scan.decide(i, j, products);
        }
    });
    scan.best.into_iter().map(|list| list.into_inner().expect("no thread panicked")).collect()
}

struct Scan<'a> {
    matrix: &'a Matrix,
    id_rank: &'a [u32],
    k: usize,
    /// Runs of [`WIDE`] rows, `[rows / WIDE][dimension][WIDE]`, filled up with zeros to whole blocks.
    panels: Vec<[f32; WIDE]>,
    best: Vec<Mutex<Vec<Entry>>>,
    /// Per row, the f32 product that a pair must reach to matter, as bits. It only rises: an old value lets too much through.
    cuts: Vec<AtomicU32>,
}

fn panels(matrix: &Matrix) -> Vec<[f32; WIDE]> {
    let (rows, dimension) = (matrix.rows(), matrix.dimension());
    let panel = |first: usize| {
        let row = move |lane: usize| (first + lane < rows).then(|| matrix.row(first + lane));
        let lanes: [Option<&[f32]>; WIDE] = std::array::from_fn(row);
        (0..dimension).map(move |at| lanes.map(|row| row.map_or(0.0, |row| row[at])))
    };
    (0..rows.next_multiple_of(SIDE)).step_by(WIDE).flat_map(panel).collect()
}

impl Scan<'_> {
    /// f32 products of two blocks.
    fn multiply(&self, i: usize, j: usize, products: &mut [[f32; SIDE]]) {
        let (dimension, last) = (self.matrix.dimension(), self.matrix.rows() - 1);
        let panels = &self.panels[j * SIDE / WIDE * dimension..(j + 1) * SIDE / WIDE * dimension];
        for (run, lines) in products.chunks_exact_mut(HIGH).enumerate() {
            let first = i * SIDE + run * HIGH;
            let rows: [&[f32]; HIGH] = std::array::from_fn(|of| self.matrix.row((first + of).min(last)));
            for (number, panel) in panels.chunks_exact(dimension).enumerate() {
                for (line, sums) in lines.iter_mut().zip(sums(rows, panel)) {
                    line[number * WIDE..(number + 1) * WIDE].copy_from_slice(&sums);
                }
            }
        }
    }

    fn decide(&self, i: usize, j: usize, products: &[[f32; SIDE]]) {
        let rows = self.matrix.rows();
        let of_columns: [f32; SIDE] = std::array::from_fn(|column| self.cut(j * SIDE + column));
        for (line, a) in products.iter().zip(i * SIDE..rows) {
            let of_row = self.cut(a);
            let matters = |(product, cut): (&f32, &f32)| product >= cut || *product >= of_row;
            if !line.iter().zip(&of_columns).fold(false, |any, pair| any | matters(pair)) {
                continue;
            }
            for (pair, b) in line.iter().zip(&of_columns).zip(j * SIDE..rows) {
                if a < b && matters(pair) {
                    let score = score(self.matrix.row(a), self.matrix.row(b));
                    self.offer(a, b, score);
                    self.offer(b, a, score);
                }
            }
        }
    }

    /// No row, no pair: infinity beyond the end.
    fn cut(&self, row: usize) -> f32 {
        self.cuts.get(row).map_or(f32::INFINITY, |cut| f32::from_bits(cut.load(Ordering::Relaxed)))
    }

    #[expect(clippy::float_cmp, reason = "scores tie when they are the same number; then the id decides")]
    fn offer(&self, anchor: usize, candidate: usize, score: f32) {
        let mut list = self.best[anchor].lock().expect("no thread panicked");
        let id = |row: u32| self.id_rank[row as usize];
        let new = Entry { row: candidate as u32, score };
        let precedes = |held: &Entry| held.score > score || (held.score == score && id(held.row) < id(new.row));
        let place = list.partition_point(precedes);
        if place == self.k {
            return;
        }
        list.truncate(self.k - 1);
        list.insert(place, new);
        if list.len() == self.k {
            self.cuts[anchor].store((list[self.k - 1].score - self.margin()).to_bits(), Ordering::Relaxed);
        }
    }

    /// Twice what D products and sums of f32 can lose on unit vectors, D · 2⁻²⁴ in any order (Higham, Accuracy and Stability,
    /// 3.5), so that the roundings of the score and of the cut are covered too.
    fn margin(&self) -> f32 {
        (self.matrix.dimension() + 8) as f32 * f32::EPSILON
    }
}

/// Products of some rows with the rows of a panel.
fn sums(rows: [&[f32]; HIGH], panel: &[[f32; WIDE]]) -> [[f32; WIDE]; HIGH] {
    let mut sums = [[0.0; WIDE]; HIGH];
    let rows = rows.map(|row| &row[..panel.len()]);
    for (at, values) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += row[at] * value;
            }
        }
    }
    sums
}
