//! Vectors turned so that the directions in which a catalog has most of its length come first: what a pair can still reach is known
//! long before it is multiplied to the end. This room refuses to be trusted: how far a turned product can be from the true one is
//! measured, however good or bad the axes are.
//!
//! Components come in *sections*. The sections up to a component span a subspace in which a sample of the rows has most of its length
//! ([`super::axes`]). Inside a section the axes are random, so that no component is much larger than its neighbors; where the sections
//! differ by more than that, their components count in different *units*, powers of two.
//!
//! # How far a turned product is from the true one
//!
//! Let Q be the stored f32 matrix, E = `QᵀQ` − I, x and y stored unit vectors, x′ = fl(Qx) = Qx + e, y′ = Qy + f. In exact
//! arithmetic x′·y′ − x·y = `xᵀEy` + Qx·f + e·Qy + e·f. With ν = 1 + 2⁻²³ ≥ ‖x‖ (see [`super::bounds`]), ‖E‖ ≤ δ,
//! ‖Q‖² ≤ 1 + δ and ‖e‖, ‖f‖ ≤ ε this is at most
//!
//! > δν² + 2 √(1 + δ) νε + ε²,
//!
//! and for y = x it bounds |‖x′‖² − ‖x‖²|.
//!
//! ε: a component of x′ adds ⌈d/c⌉ products of at most c = [`DEPTH`] terms in order. With u = 2⁻²⁴ and γₙ = nu / (1 − nu), a
//! product is off by γₙ |Q||x|, n = c, in any order of summation, with or without fused multiply-add (Higham, *Accuracy and
//! Stability of Numerical Algorithms*, 2nd ed., §3.1); the sums after the first make it n = c + ⌈d/c⌉ − 1 (the same, lemma
//! 3.3). ‖|Q||x|‖ ≤ ‖|Q|‖ ‖x‖, and ‖|Q|‖ ≤ α = √(‖Q‖₁ ‖Q‖∞), the largest sums of absolute values of a column and of a row
//! (Golub and Van Loan, corollary 2.3.2). Where a term underflows or is flushed it loses at most 2⁻¹²⁶ more for each of its
//! two factors, its product and its sum, with later roundings less than 2⁻¹²³ together. So ε = γₙ αν + √d·d·2⁻¹²³.
//!
//! δ: `QᵀQ` and `QQᵀ` have the same eigenvalues, so `‖E‖ ≤ ‖E‖_F = ‖QQᵀ − I‖_F`. The products of f32 are exact in f64 and do
//! not underflow there; their sums are off by γₙ |Q||Q|ᵀ with u = 2⁻⁵³, n = d, at most `γₙ ‖Q‖_F²` in the Frobenius norm. Each
//! sum of f64 that α and the two norms are computed with has at most d² < 2³⁵ terms of one sign, and is off by less than 2⁻¹⁷
//! of itself; what is left is covered by the rounding up to f32.

use rayon::prelude::*;

use super::axes::{Random, leading, orthonormalize};
use super::bounds::rounded_up;
use super::int8::MAX_DIMENSION;
use super::products::{BLOCK, Laid, Onto, multiply};

/// Terms of a product that are summed in one go: the error grows with the sum of this and of how many such products there are.
const DEPTH: usize = 128;

/// Orthonormal axes, those with most length of a catalog first.
#[derive(Debug)]
pub(super) struct Rotation {
    dimension: usize,
    /// Of each section, where it ends, and the binary logarithm of its unit in those of the last one.
    sections: Vec<(usize, u32)>,
    /// The axes as columns, `[dimension][dimension]`: so they need no packing to be multiplied with.
    axes: Vec<f32>,
    apart: f32,
    /// What the largest component of three rows in four does not exceed, in units.
    usual: f32,
}

impl Rotation {
    /// Fits axes to some rows, `[n][dimension]`, for sections that end at some components, ascending, the last one at all of them.
    ///
    /// # Panics
    /// When the sections do not end so, or there are no rows.
    pub(super) fn fit(rows: &[f32], dimension: usize, ends: &[usize]) -> Rotation {
        let ordered = ends.is_sorted_by(|a, b| a < b) && ends.last() == Some(&dimension);
        assert!(ordered && ends[0] > 0 && dimension <= MAX_DIMENSION, "sections of {dimension} that end at {ends:?}");
        let d = dimension;
        // Other numbers than the leading axes come from.
        let mut random = Random(1);
        let leads = ends[..ends.len() - 1].last().copied().unwrap_or(0);
        let mut axes = if leads > 0 { leading(rows, d, leads) } else { Vec::new() };
        // Where rows have few directions, some axes are nothing or much like others: a little of anything tells them apart.
        let little = 2_f32.powi(-9) / size(d).sqrt();
        axes.iter_mut().zip(random.numbers(leads * d)).for_each(|(v, number)| *v += little * number);
        axes.extend(random.numbers((d - leads) * d));
        orthonormalize(&mut axes, d);
        let mut mixed = vec![0.0; d * d];
        let starts = std::iter::once(0).chain(ends.iter().copied());
        for (start, &end) in starts.zip(ends) {
            let width = end - start;
            let mut mix = random.numbers(width * width);
            orthonormalize(&mut mix, width);
            let part = Laid::rows(&axes[start * d..end * d], d);
            multiply(Laid::rows(&mix, width), part, Onto::Nothing, &mut mixed[start * d..end * d]);
        }
        orthonormalize(&mut mixed, d);
        let mut rotation = Rotation::to(&mixed, d);
        let mut turned = vec![0.0; rows.len()];
        rotation.turn(rows, &mut turned);
        rotation.sections = units(&turned, d, ends);
        rotation.usual = rotation.largest(&turned);
        rotation
    }

    /// Turns to `axes`, `[d][d]`, one a row, in one section.
    fn to(axes: &[f32], d: usize) -> Rotation {
        let columns = (0..d * d).map(|at| axes[at % d * d + at / d]).collect();
        Rotation { dimension: d, sections: vec![(d, 0)], axes: columns, apart: apart(axes, d), usual: 0.0 }
    }

    /// What the largest component of three turned rows in four does not exceed, in units.
    fn largest(&self, turned: &[f32]) -> f32 {
        let of_row = |row: &[f32]| {
            let mut start = 0;
            let mut largest = 0.0_f32;
            for &(end, unit) in &self.sections {
                let of_section = row[start..end].iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
                largest = largest.max(of_section / 2_f32.powi(unit.cast_signed()));
                start = end;
            }
            largest
        };
        let mut all: Vec<f32> = turned.chunks_exact(self.dimension).map(of_row).collect();
        let place = all.len() * 3 / 4;
        *all.select_nth_unstable_by(place, f32::total_cmp).1
    }

    /// Turns `rows`, stored unit vectors `[n][dimension]`, into `turned`, of the same shape.
    ///
    /// # Panics
    /// When the lengths differ.
    pub(super) fn turn(&self, rows: &[f32], turned: &mut [f32]) {
        assert_eq!(rows.len(), turned.len(), "every row is turned into one row");
        let d = self.dimension;
        let mut part = Vec::new();
        for (rows, turned) in rows.chunks(BLOCK * d).zip(turned.chunks_mut(BLOCK * d)) {
            part.resize(turned.len(), 0.0);
            for start in (0..d).step_by(DEPTH) {
                let depth = DEPTH.min(d - start);
                let rows = Laid { values: &rows[start..], height: rows.len() / d, width: depth, down: d, across: 1 };
                let axes = Laid { values: &self.axes[start * d..], height: depth, width: d, down: d, across: 1 };
                if start == 0 {
                    multiply(rows, axes, Onto::Nothing, turned);
                } else {
                    multiply(rows, axes, Onto::Nothing, &mut part);
                    turned.iter_mut().zip(&part).for_each(|(sum, part)| *sum += part);
                }
            }
        }
    }

    /// Of each section, where it ends, and the binary logarithm of its unit in those of the last one.
    pub(super) fn sections(&self) -> &[(usize, u32)] {
        &self.sections
    }

    /// What the largest component of three rows in four does not exceed, in units: a step that fits them all makes their integers
    /// comparable.
    pub(super) fn usual(&self) -> f32 {
        self.usual
    }

    /// At least |x′·y′ − x·y| for stored unit vectors x, y turned into x′, y′, with exact products; also at least
    /// |‖x′‖² − ‖x‖²|.
    pub(super) fn apart(&self) -> f32 {
        self.apart
    }
}

#[expect(clippy::cast_precision_loss, reason = "close is enough")]
fn size(n: usize) -> f32 {
    n as f32
}

/// Each section with a unit that fits what its components are like in some turned rows.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
fn units(turned: &[f32], d: usize, ends: &[usize]) -> Vec<(usize, u32)> {
    let mut start = 0;
    let of_section = |&end: &usize| {
        let squares: f32 = turned.chunks_exact(d).flat_map(|row| &row[start..end]).map(|v| v * v).sum();
        let mean = squares / size(turned.len() / d * (end - start));
        start = end;
        mean.sqrt()
    };
    let sizes: Vec<f32> = ends.iter().map(of_section).collect();
    let times = |pair: &[f32]| (pair[0] / pair[1]).log2().round().clamp(0.0, 4.0) as u32;
    // Sums of products of integers up to 127, each in units of the last section, fit 32 bits.
    let mut bits = (MAX_DIMENSION / d).ilog2() / 2;
    let mut units = vec![0];
    for pair in sizes.windows(2).rev() {
        let finer = if pair[1] > 0.0 { times(pair).min(bits) } else { 0 };
        bits -= finer;
        units.push(units[units.len() - 1] + finer);
    }
    ends.iter().copied().zip(units.into_iter().rev()).collect()
}

/// The bound of the room's description.
fn apart(axes: &[f32], d: usize) -> f32 {
    let size = |n: usize| f64::from(u32::try_from(n).expect("a dimension fits 32 bits"));
    let gamma = |n: usize, u: f64| size(n) * u / (1.0 - size(n) * u);
    let covered = 1.0 + 2_f64.powi(-17);

    let exact: Vec<f64> = axes.iter().copied().map(f64::from).collect();
    let starts: Vec<usize> = (0..d).step_by(BLOCK).collect();
    let squares = |&start: &usize| {
        let rows = Laid { values: &exact[start * d..], height: BLOCK.min(d - start), width: d, down: d, across: 1 };
        // QQᵀ is symmetric: what is left of the diagonal block counts twice.
        let known = Laid::rows(&exact[..(start + rows.height) * d], d);
        let mut products = vec![0.0; rows.height * known.height];
        multiply(rows, known.transposed(), Onto::Nothing, &mut products);
        let mut sum = 0.0;
        for (i, line) in products.chunks_exact(known.height).enumerate() {
            for (j, product) in line.iter().enumerate() {
                let off = product - if j == start + i { 1.0 } else { 0.0 };
                sum += off * off * if j < start { 2.0 } else { 1.0 };
            }
        }
        sum
    };
    let squares: f64 = starts.par_iter().map(squares).collect::<Vec<f64>>().iter().sum();

    let (mut of_columns, mut of_row, mut of_all) = (vec![0.0_f64; d], 0.0_f64, 0.0);
    for row in exact.chunks_exact(d) {
        of_columns.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.abs());
        of_row = of_row.max(row.iter().map(|v| v.abs()).sum());
        of_all += row.iter().map(|v| v * v).sum::<f64>();
    }
    let of_column = of_columns.into_iter().fold(0.0, f64::max);

    let delta = (squares.sqrt() + gamma(d, 2_f64.powi(-53)) * of_all) * covered;
    let alpha = (of_column * of_row).sqrt() * covered;
    let nu = 1.0 + 2_f64.powi(-23);
    let depth = DEPTH.min(d) + d.div_ceil(DEPTH) - 1;
    let epsilon = gamma(depth, 2_f64.powi(-24)) * alpha * nu + size(d).powf(1.5) * 2_f64.powi(-123);
    rounded_up(delta * nu * nu + 2.0 * (1.0 + delta).sqrt() * nu * epsilon + epsilon * epsilon)
}

#[cfg(test)]
mod tests;
