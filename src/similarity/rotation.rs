//! Vectors turned so that the directions in which a catalog has most energy come first. This room refuses to be trusted: how
//! far a turned product can be from the true one is measured on the matrix at hand, however good or bad its axes are.
//!
//! The first components, the *prefix*, span the leading subspace of `XᵀX` for a sample X of rows, found by subspace iteration
//! (Golub and Van Loan, *Matrix Computations*, 4th ed., §8.2.4). Inside the prefix and inside the rest the axes are random, so
//! that no component is much larger than its neighbors.
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

use super::Matrix;
use super::bounds::rounded_up;
use super::int8::MAX_DIMENSION;
use super::products::{BLOCK, Laid, Onto, multiply, product};
use crate::embedding::canonical_dot;

/// Rows that axes are fitted to, at most.
const SAMPLE: usize = 4096;

/// Multiplications of a block of axes with the sample's products.
const ITERATIONS: usize = 4;

/// Terms of a product that are summed in one go: the error grows with the sum of this and of how many such products there are.
const DEPTH: usize = 64;

/// Rows made orthonormal one by one, before they are cleared from all others in one product.
const PANEL: usize = 32;

/// Orthonormal axes, those with most energy of a catalog first.
#[derive(Debug)]
pub(super) struct Rotation {
    dimension: usize,
    prefix: usize,
    /// The axes as columns, `[dimension][dimension]`: so they need no packing to be multiplied with.
    axes: Vec<f32>,
    apart: f32,
}

impl Rotation {
    /// Fits the first `prefix` axes to at most some 4,096 evenly spread rows of `matrix`.
    ///
    /// # Panics
    /// When the prefix is empty or the whole, or there are no rows.
    pub(super) fn fit(matrix: &Matrix, prefix: usize) -> Rotation {
        let d = matrix.dimension();
        assert!(0 < prefix && prefix < d && d <= MAX_DIMENSION && matrix.rows() > 0, "a prefix of {prefix} out of {d}");
        let mut random = Random(0);
        let energy = energy(matrix);
        let mut leading = random.rows(prefix, d);
        for _ in 0..ITERATIONS {
            orthonormalize(&mut leading, 0, d);
            leading = product(Laid::rows(&leading, d), Laid::rows(&energy, d));
        }
        orthonormalize(&mut leading, 0, d);
        let mut axes = product(Laid::rows(&random.rows(prefix, prefix), prefix), Laid::rows(&leading, d));
        orthonormalize(&mut axes, 0, d);
        axes.extend(random.rows(d - prefix, d));
        orthonormalize(&mut axes, prefix, d);
        Rotation::to(&axes, prefix, d)
    }

    /// Turns to `axes`, `[d][d]`, one a row.
    fn to(axes: &[f32], prefix: usize, d: usize) -> Rotation {
        let columns = (0..d * d).map(|at| axes[at % d * d + at / d]).collect();
        Rotation { dimension: d, prefix, axes: columns, apart: apart(axes, d) }
    }

    /// Turns `rows`, stored unit vectors `[n][dimension]`, into `turned`, of the same shape.
    ///
    /// # Panics
    /// When the lengths differ.
    pub(super) fn turn(&self, rows: &[f32], turned: &mut [f32]) {
        assert_eq!(rows.len(), turned.len(), "every row is turned into one row");
        let d = self.dimension;
        let axes = Laid::rows(&self.axes, d);
        rows.par_chunks(BLOCK * d).zip(turned.par_chunks_mut(BLOCK * d)).for_each_init(
            Vec::new,
            |part, (rows, turned)| {
                let rows = Laid::rows(rows, d);
                part.resize(turned.len(), 0.0);
                multiply(rows.columns(0, DEPTH), axes.below(0, DEPTH), Onto::Nothing, turned);
                for start in (DEPTH..d).step_by(DEPTH) {
                    multiply(rows.columns(start, DEPTH), axes.below(start, DEPTH), Onto::Nothing, part);
                    turned.iter_mut().zip(&*part).for_each(|(sum, part)| *sum += part);
                }
            },
        );
    }

    /// Components of the prefix.
    pub(super) fn prefix(&self) -> usize {
        self.prefix
    }

    /// At least |x′·y′ − x·y| for stored unit vectors x, y turned into x′, y′, with exact products; also at least
    /// |‖x′‖² − ‖x‖²|.
    pub(super) fn apart(&self) -> f32 {
        self.apart
    }
}

/// `XᵀX` of the sampled rows X over their number, and a little of the identity: no axis vanishes when it is multiplied, however
/// few directions the rows have.
fn energy(matrix: &Matrix) -> Vec<f32> {
    let d = matrix.dimension();
    let step = matrix.rows().div_ceil(SAMPLE);
    let count = matrix.rows().div_ceil(step);
    let sample = Laid { values: matrix.values(), height: count, width: d, down: step * d, across: 1 };
    let mut energy = product(sample.transposed(), sample);
    #[expect(clippy::cast_precision_loss, reason = "both are far below 2²⁴")]
    let (count, floor) = (count as f32, 2_f32.powi(-8) / d as f32);
    for v in &mut energy {
        *v /= count;
    }
    for v in energy.iter_mut().step_by(d + 1) {
        *v += floor;
    }
    energy
}

/// Makes the rows `[n][d]` from `done` on orthonormal, and orthogonal to those before, which are orthonormal already.
///
/// Gram-Schmidt by panels. Twice is enough (Giraud, Langou and Rozložník, *Comput. Math. Appl.* 50, 2005).
fn orthonormalize(rows: &mut [f32], done: usize, d: usize) {
    let (done, open) = rows.split_at_mut(done * d);
    for _ in 0..2 {
        clear(open, done, d);
        let mut rest = &mut *open;
        while !rest.is_empty() {
            let (panel, after) = rest.split_at_mut(rest.len().min(PANEL * d));
            orthonormalize_one_by_one(panel, d);
            clear(after, panel, d);
            rest = after;
        }
    }
}

/// Takes what `rows` have of the orthonormal `axes` off them.
fn clear(rows: &mut [f32], axes: &[f32], d: usize) {
    if !axes.is_empty() {
        let axes = Laid::rows(axes, d);
        rows.par_chunks_mut(BLOCK * d).for_each(|rows| {
            let mut shares = vec![0.0; rows.len() / d * axes.height];
            multiply(Laid::rows(rows, d), axes.transposed(), Onto::Nothing, &mut shares);
            for share in &mut shares {
                *share = -*share;
            }
            multiply(Laid::rows(&shares, axes.height), axes, Onto::Product, rows);
        });
    }
}

#[expect(clippy::cast_possible_truncation, reason = "working precision: what is lost is measured at the end")]
fn orthonormalize_one_by_one(panel: &mut [f32], d: usize) {
    let mut rest = panel;
    while let Some((axis, after)) = rest.split_at_mut_checked(d).filter(|(axis, _)| !axis.is_empty()) {
        let length = canonical_dot(axis, axis).sqrt() as f32;
        if length > 0.0 {
            for v in &mut *axis {
                *v /= length;
            }
        }
        for row in after.chunks_exact_mut(d) {
            let share = canonical_dot(row, axis) as f32;
            row.iter_mut().zip(&*axis).for_each(|(v, axis)| *v -= share * axis);
        }
        rest = after;
    }
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

/// Random numbers that are the same everywhere: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn rows(&mut self, rows: usize, d: usize) -> Vec<f32> {
        (0..rows * d).map(|_| self.next()).collect()
    }

    /// Between -1 and 1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits")]
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 * 2_f32.powi(-23) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::embedding::{Vectors, make_unit};
    use crate::similarity::testing::raw_pair;

    fn matrix(raw: &[f32], d: usize) -> Matrix {
        let mut vectors = Vectors::new(d, raw.len() / d);
        for (product, row) in raw.chunks_exact(d).enumerate() {
            vectors.insert(product, row).unwrap();
        }
        Matrix::gather(&vectors, 0..raw.len() / d)
    }

    fn turned(rotation: &Rotation, rows: &[f32]) -> Vec<f32> {
        let mut turned = vec![f32::NAN; rows.len()];
        rotation.turn(rows, &mut turned);
        turned
    }

    fn one_hot(rows: usize, d: usize) -> Vec<f32> {
        (0..rows * d).map(|at| if at / d == at % d { 1.0 } else { 0.0 }).collect()
    }

    fn holds(rotation: &Rotation, x: &[f32], y: &[f32]) -> Result<(), TestCaseError> {
        let (of_x, of_y) = (turned(rotation, x), turned(rotation, y));
        for (x, y, of_x, of_y) in [(x, y, &of_x, &of_y), (x, x, &of_x, &of_x), (y, y, &of_y, &of_y)] {
            let apart = (canonical_dot(of_x, of_y) - canonical_dot(x, y)).abs();
            prop_assert!(apart <= f64::from(rotation.apart()) + 1e-12, "{apart} apart, bound {}", rotation.apart());
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_pair_leaves_the_bound((x, y) in raw_pair(700), part in 0.0..1.0_f64, scale in prop::option::of(-0.1..0.1_f32)) {
            let d = x.len();
            prop_assume!(d > 1);
            let (x, y) = (make_unit(&x).unwrap(), make_unit(&y).unwrap());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
            let prefix = ((d as f64 * part) as usize).clamp(1, d - 1);
            let rotation = Rotation::fit(&matrix(&[&*x, &*y].concat(), d), prefix);
            prop_assert!(rotation.apart() < 3e-4, "{}", rotation.apart());
            holds(&rotation, &x, &y)?;
            if let Some(scale) = scale {
                let mut axes = rotation.axes;
                axes[..d].iter_mut().for_each(|v| *v *= 1.0 + scale);
                holds(&Rotation::to(&axes, d / 2, d), &x, &y)?;
            }
        }
    }

    #[test]
    fn long_vectors_stay_within_the_bound() {
        let d = 1500;
        let matrix = matrix(&Random(1).rows(3, d), d);
        let rotation = Rotation::fit(&matrix, 400);
        assert!(rotation.apart() < 4e-4, "{}", rotation.apart());
        holds(&rotation, matrix.row(0), matrix.row(2)).unwrap();
    }

    #[test]
    fn what_is_not_orthogonal_is_measured() {
        let d = 300;
        let mut axes = one_hot(d, d);
        let clean = Rotation::to(&axes, d / 2, d);
        assert!((f64::from(clean.apart()) * 2_f64.powi(23) - 68.0).abs() < 0.1, "{}", clean.apart());
        // QQᵀ has 0.01 twice, off the diagonal and outside its blocks.
        axes[250] = 0.01;
        let tilted = Rotation::to(&axes, d / 2, d);
        assert!((tilted.apart() - clean.apart() - 0.01 * 2_f32.sqrt()).abs() < 1e-5, "{}", tilted.apart());
        let rows = one_hot(d, d);
        holds(&tilted, &rows[..d], &rows[250 * d..251 * d]).unwrap();
    }

    #[test]
    fn the_prefix_holds_what_the_best_one_would() {
        let (d, prefix, rows) = (256, 32, 5000);
        let mut raw = Random(2).rows(rows, d);
        let planted = |at: usize| at % d % 8 == 3;
        raw.iter_mut().enumerate().filter(|&(at, _)| !planted(at)).for_each(|(_, v)| *v *= 0.3);
        let matrix = matrix(&raw, d);
        let turned = turned(&Rotation::fit(&matrix, prefix), matrix.values());
        let (mut best, mut found) = (0.0, 0.0);
        for (at, (x, of_x)) in matrix.values().iter().zip(&turned).enumerate() {
            best += if planted(at) { x * x } else { 0.0 };
            found += if at % d < prefix { of_x * of_x } else { 0.0 };
        }
        assert!(found > 0.98 * best, "{found} of {best}");
    }

    #[test]
    fn no_component_stands_out_of_its_part() {
        let (d, prefix) = (256, 64);
        let mut raw = Random(3).rows(1000, d);
        raw.iter_mut().enumerate().filter(|(at, _)| at % d != 0 && at % d != d / 2).for_each(|(_, v)| *v *= 0.003);
        let matrix = matrix(&raw, d);
        let turned = turned(&Rotation::fit(&matrix, prefix), matrix.values());
        for (part, n) in turned.chunks_exact(d).flat_map(|row| [(&row[..prefix], 64.0_f64), (&row[prefix..], 192.0)]) {
            let largest = part.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
            // The largest of 192 normal numbers is above 5 once in 10,000 parts; of one component left alone it is 8 or more.
            assert!(f64::from(largest) < 5.0 * (canonical_dot(part, part) / n).sqrt(), "{part:?}");
        }
    }

    #[test]
    fn samples_of_few_directions_give_axes_as_good() {
        let alike = |rows: usize, d: usize| [1.0].repeat(rows * d);
        let samples = [
            (alike(1, 2), 2, 1),
            (one_hot(2, 2), 2, 1),
            (alike(5000, 40), 40, 39),
            (alike(10, 200), 200, 100),
            (one_hot(150, 150), 150, 70),
            (one_hot(3, 333), 333, 332),
            (Random(4).rows(20, 513), 513, 256),
        ];
        for (raw, d, prefix) in samples {
            let rotation = Rotation::fit(&matrix(&raw, d), prefix);
            for (i, x) in rotation.axes.chunks_exact(d).enumerate() {
                for (j, y) in rotation.axes.chunks_exact(d).enumerate() {
                    let off = canonical_dot(x, y) - if i == j { 1.0 } else { 0.0 };
                    assert!(off.abs() < 1e-6, "axes {i} and {j} of {d} with prefix {prefix}: {off}");
                }
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let d = 300;
        let matrix = matrix(&Random(5).rows(700, d), d);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let rotation = Rotation::fit(&matrix, 100);
                let turned = turned(&rotation, matrix.values());
                rotation
                    .axes
                    .iter()
                    .chain(&turned)
                    .chain([&rotation.apart()])
                    .map(|v| v.to_bits())
                    .collect::<Vec<u32>>()
            })
        };
        assert_eq!(with(1), with(2));
        assert_eq!(with(2), with(2));
    }
}
