//! Unit vectors in int8, and how far their products can be from the canonical score. This room refuses to decide: an int8
//! product only proposes.
//!
//! A vector x becomes X = s·q with integers q and one scale s, and keeps a *residual* R that is at least ‖x − X‖. For a pair,
//! x·y − X·Y = (x − X)·y + X·(y − Y), so
//!
//! > |x·y − X·Y| ≤ ‖x − X‖ ‖y‖ + ‖X‖ ‖y − Y‖.
//!
//! ‖y‖ ≤ 1 + 2⁻²³ for a stored unit vector (see [`super::bounds`]). ‖X‖ ≤ (1 + 2⁻²³) ‖x‖: at the least-squares scale
//! ⟨x, q⟩ / ⟨q, q⟩, X is the projection of x, and the stored scale is that number off by less than 2⁻²³ (⟨x, q⟩ sums products
//! of one sign in f64, ⟨q, q⟩ is exact, and the rounding to f32 is 2⁻²⁴). Both factors are below 1 + 2⁻²¹ and are in R
//! already, so |x·y − X·Y| ≤ Rx + Ry.
//!
//! A kernel proposes a pair with `f32(qx·qy) * (sx * sy) + (Rx + Ry)`, which is at least the canonical score up to [`slack`];
//! with `-` for the last `+` it is at most that. Where a device seeds thresholds it takes 2 (Rx + Ry) + 2·10⁻⁶ off the first,
//! which is below the second however the three operations are rounded.

use super::bounds::{canonical_error, rounded_up};

/// The most components for which 127² times their number fits an `i32`: no sum of products overflows.
pub const MAX_DIMENSION: usize = i32::MAX as usize / (127 * 127);

/// What belongs to a quantized vector beside its integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantized {
    /// The number that the integers are multiplied with.
    pub scale: f32,
    /// At least (1 + 2⁻²¹) times the length of what quantization left.
    pub residual: f32,
}

/// Quantizes the stored unit vector `x` into `q`, of equal length; the integers are within -127 and 127.
///
/// # Panics
/// When the lengths differ, or exceed [`MAX_DIMENSION`].
#[must_use]
pub fn quantize(x: &[f32], q: &mut [i8]) -> Quantized {
    round(x, [127.0, 0.0], q);
    let (scale, squares) = project(x, q);
    Quantized { scale, residual: residual(squares) }
}

/// Rounds `x` to integers of which the largest is `most`, at most 127, or less where no component is as large as `usual`; all 0 where
/// all of `x` is next to nothing.
///
/// # Panics
/// When the lengths differ, or exceed [`MAX_DIMENSION`].
pub(super) fn round(x: &[f32], [most, usual]: [f32; 2], q: &mut [i8]) {
    assert!(x.len() == q.len() && x.len() <= MAX_DIMENSION, "{} components into {}", x.len(), q.len());
    let largest = x.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
    if largest < 2_f32.powi(-100) {
        return q.fill(0);
    }
    let step = most / largest.max(usual);
    for (&v, q) in x.iter().zip(q) {
        *q = (v * step + ONES).to_bits().to_le_bytes()[0].cast_signed();
    }
}

/// 1.5 · 2²³, where a float counts in ones: the last byte of its bits is the rounded integer.
pub(super) const ONES: f32 = 12_582_912.0;

/// Half of a quantized component, within -63 and 64: what a kernel takes that has seven bits for one of its operands.
#[must_use]
pub(super) fn halved(q: i8) -> i8 {
    (q >> 1) + (q & 1)
}

/// The least-squares scale of integers for `x`, below 2¹⁶ in any type, 0 where all of them are, and the square of the distance that is
/// left with it.
#[must_use]
pub(super) fn project<Q: Copy + Into<f64>>(x: &[f32], q: &[Q]) -> (f32, f64) {
    let [xq, qq] = [summed(x, q, |v, q| v * q), summed(x, q, |_, q| q * q)];
    #[expect(clippy::cast_possible_truncation, reason = "what is left is that of the rounded scale")]
    let scale = if qq == 0.0 { 0.0 } else { (xq / qq) as f32 };
    let of_scale = f64::from(scale);
    (scale, summed(x, q, |v, q| (v - of_scale * q) * (v - of_scale * q)))
}

/// A sum over the components, in eight partial sums.
fn summed<Q: Copy + Into<f64>>(x: &[f32], q: &[Q], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    for (x, q) in x.chunks(8).zip(q.chunks(8)) {
        for ((sum, &v), &q) in sums.iter_mut().zip(x).zip(q) {
            *sum += term(f64::from(v), q.into());
        }
    }
    sums.iter().sum()
}

/// The residual that belongs to a square of what is left: beyond the factors of the two lengths, the f64 sum and root are off by
/// less than 2⁻³⁴.
#[must_use]
pub(super) fn residual(squares: f64) -> f32 {
    rounded_up(squares.sqrt() * (1.0 + 2_f64.powi(-20)))
}

/// The dot product of two quantized vectors of equal length, as `dot4I8Packed` sums it.
#[must_use]
pub fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

/// What a kernel's f32 arithmetic, the canonical score and one sum or difference with the slack can be off by together.
///
/// A device may round each operation to either neighbor (u = 2⁻²³), fuse, reassociate, and flush subnormals. By the above,
/// |sx sy (qx·qy)| = |X·Y|, Rx and Ry are each below b = 1 + 2⁻¹⁸. The errors are at most, up to a factor of 1 + 2⁻²⁰ for their
/// products:
///
/// - 3 u b: the conversion of qx·qy (exact up to 2²⁴), the product of the scales, the product of both;
/// - 2 u b: the sum of the residuals, or of one residual and the product;
/// - 3 u b: the last sum;
/// - less than 2⁻¹²⁰: flushed residuals, sums and sides of the comparison. The product is 0 or far above: the largest component
///   is at least 1 / √d up to rounding, and the scale at least its 254th part, because no integer is more than twice its
///   component in steps; with d ≤ [`MAX_DIMENSION`] that is above 2⁻¹⁷;
/// - the canonical score's own distance from x·y, see [`super::bounds`];
/// - u for the host's rounding of `upper + slack`, `threshold - slack` or `lower - slack`, all below 4. Each use spends it for
///   itself.
#[must_use]
pub fn slack() -> f32 {
    let u = 2_f64.powi(-23);
    rounded_up(8.0 * u * (1.0 + 2_f64.powi(-17)) + 2_f64.powi(-120) + canonical_error(MAX_DIMENSION) + u)
}

/// What a CPU kernel's arithmetic, the canonical score and the use of both can be off by together, for vectors whose products are off
/// by at most `apart` (at most 2⁻⁹) because they were turned.
///
/// Let u = 2⁻²⁴: each operation rounds to the nearest and flushes nothing. The errors are at most, all lengths below 1.1:
///
/// - 3 u: the conversion of the integers' product, the product of the scales and the product of both;
/// - 4 u: the sum of the residuals and the last sum;
/// - 4 u: the rounding of a cut, `threshold - slack`, which is below 4;
/// - 4 u: what is left of x is orthogonal to X up to the rounding of the scale, which [`bounds`] relies on;
/// - the canonical score's own distance from x·y, see [`super::bounds`].
///
/// With products of lengths below 1.21 that is less than 32 u = 2⁻¹⁹, and what underflows is lost in the difference. A test on the way
/// (see [`super::cpu`]'s kernels) has the first of these; 6 u for a score, two differences and a sum of residuals, below 2; 2 u for a
/// product of rests and 4 u for what it leaves of a score: less than 32 u as well.
///
/// Of turned vectors x′ and y′, ‖x′‖² is off from ‖x‖² by at most `apart` too, and residuals have that factor; x′·y′ stands for x·y
/// everywhere above.
#[must_use]
pub(super) fn kernel_slack(apart: f32) -> f32 {
    rounded_up(2_f64.powi(-19) + canonical_error(MAX_DIMENSION) + f64::from(apart))
}

/// At most and at least the canonical score of a pair with this product of its integers, which the kernel computed, and these
/// residuals.
///
/// With p = x − X and q = y − Y, x·y = X·Y + p·Y + X·q + p·q. Because p is orthogonal to X, only the part of Y that is orthogonal to X
/// meets it, of length √(‖Y‖² − (X·Y)² / ‖X‖²) ≤ √(β² − (X·Y)² / β²) with lengths at most β, and the other way round. So
///
/// > |x·y − X·Y| ≤ σ (Rx + Ry) + Rx Ry, σ² = 1 − (X·Y)² + (β² − 1)(1 + (X·Y)² / β²).
///
/// β ≤ 1 + 2⁻²¹ + `apart` / 2 ≤ 1 + `slack`, so the last term is below 8 `slack`; X·Y is off from the product by less than `slack`.
/// All f32 below are rounded by less than 2⁻²³ each, of numbers below 4: another `slack` covers them, and what they change under
/// the root, 2⁻²¹, is added there.
#[must_use]
pub(super) fn bounds(product: f32, [rx, ry]: [f32; 2], slack: f32) -> [f32; 2] {
    let apart = sine(product.abs(), slack) * (rx + ry) + rx * ry + 2.0 * slack;
    [product - apart, product + apart]
}

/// At least σ of [`bounds`] for every product that is as far from zero as `least`.
fn sine(least: f32, slack: f32) -> f32 {
    let least = (least - slack).max(0.0);
    ((1.0 - least * least).max(0.0) + 8.0 * slack + 2_f32.powi(-21)).sqrt()
}

/// What product + (Rx + Ry) must reach, as a kernel computes it, so that the upper of the [`bounds`] may be `threshold`; residuals
/// lie between the two numbers of `own` and of `others`.
///
/// An upper bound of t or more has product ≥ t − 1.01 (Rx + Ry) − Rx Ry − 2 `slack`, since σ < 1.01. Where that is positive, it bounds
/// σ, and product ≥ t − σ (Rx + Ry) − Rx Ry − 2 `slack`. The third `slack` is for the roundings here and in the kernel.
pub(super) fn cut(threshold: f32, own: [f32; 2], others: [f32; 2], slack: f32) -> f32 {
    let [least, most] = [0, 1].map(|at| own[at] + others[at]);
    let product = own[1] * others[1];
    let nearest = threshold - 1.01 * most - product - 2.0 * slack;
    let share = 1.0 - sine(nearest.max(0.0), slack);
    let spared = (share * least).min(share * most);
    threshold + spared - product - 3.0 * slack
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::embedding::{canonical_dot, make_unit};
    use crate::similarity::canonical_score;
    use crate::similarity::testing::{above, below, raw_pair};

    fn quantized(x: &[f32]) -> (Vec<i8>, Quantized) {
        let mut q = vec![0; x.len()];
        let quantized = quantize(x, &mut q);
        (q, quantized)
    }

    /// The kernel's proposal with every operation rounded to the neighbor on the wrong side: down for an upper bound, up for a
    /// lower one.
    fn proposed(product: i32, x: Quantized, y: Quantized, upper: bool) -> f32 {
        let toward = |exact: f64, up: bool| f64::from(if up { above(exact) } else { below(exact) });
        let product = toward(f64::from(product), !upper);
        let scales = toward(f64::from(x.scale) * f64::from(y.scale), upper == (product < 0.0));
        let near = toward(product * scales, !upper);
        let residuals = toward(f64::from(x.residual) + f64::from(y.residual), false);
        if upper { below(near + residuals) } else { above(near - residuals) }
    }

    fn holds(x: &[f32], y: &[f32]) -> Result<(), TestCaseError> {
        let ((q, of_x), (p, of_y)) = (quantized(x), quantized(y));
        let product = dot(&q, &p);
        prop_assert!(q.iter().chain(&p).all(|&q| q > i8::MIN));
        let near = f64::from(product) * f64::from(of_x.scale) * f64::from(of_y.scale);
        let residuals = f64::from(of_x.residual) + f64::from(of_y.residual);
        let apart = (canonical_dot(x, y) - near).abs();
        prop_assert!(apart <= residuals + 1e-12, "{apart} apart, residuals {residuals}");
        let score = canonical_score(x, y);
        let (upper, lower) = (proposed(product, of_x, of_y, true), proposed(product, of_x, of_y, false));
        prop_assert!(upper >= score - slack() && upper + slack() >= score, "{upper} {score}");
        prop_assert!(lower - slack() <= score, "{lower} {score}");
        Ok(())
    }

    proptest! {
        #[test]
        fn no_pair_leaves_the_bound((x, y) in raw_pair(4096)) {
            let (x, y) = (make_unit(&x).unwrap(), make_unit(&y).unwrap());
            holds(&x, &y)?;
            holds(&x, &x)?;
            holds(&x, &y.iter().map(|v| -v).collect::<Vec<_>>())?;
            // Where the bound is nearest to what is lost: along the residual.
            let (q, of_x) = quantized(&x);
            let left: Vec<f32> = x.iter().zip(&q).map(|(v, &q)| v - of_x.scale * f32::from(q)).collect();
            if let Ok(left) = make_unit(&left) {
                holds(&x, &left)?;
                holds(&left.iter().map(|v| -v).collect::<Vec<_>>(), &x)?;
            }
        }
    }

    proptest! {
        /// Whatever is cut off could not have reached the threshold.
        #[test]
        fn a_cut_leaves_out_only_what_stays_below(
            product in -1.1_f32..1.1, threshold in -1.1_f32..1.1, near in any::<bool>(),
            largest in prop_oneof![Just(0.05_f32), Just(0.9)],
            own in (0.0_f32..1.0, 0.0_f32..1.0), others in (0.0_f32..1.0, 0.0_f32..1.0), share in 0.0_f32..=1.0,
        ) {
            let span = |(a, b): (f32, f32)| [a.min(b) * largest, a.max(b) * largest];
            let (own, others, slack) = (span(own), span(others), kernel_slack(0.0));
            // Thresholds at random are mostly far from what a product reaches.
            let product = if near { threshold - share * (own[1] + others[1]) } else { product };
            let within = |[least, most]: [f32; 2]| least + share * (most - least);
            let residuals = [within(own), within(others)];
            let [_, upper] = bounds(product, residuals, slack);
            if upper >= threshold {
                prop_assert!(product + (residuals[0] + residuals[1]) >= cut(threshold, own, others, slack));
            }
        }
    }

    #[test]
    fn the_longest_vectors_do_not_overflow() {
        let alike = make_unit(&vec![1.0; MAX_DIMENSION]).unwrap();
        let (q, of_q) = quantized(&alike);
        assert_eq!(dot(&q, &q), i32::try_from(127 * 127 * MAX_DIMENSION).unwrap());
        assert!(of_q.scale > 2_f32.powi(-17) && of_q.residual < 1e-4);
        holds(&alike, &alike).unwrap();
    }

    #[test]
    fn one_component_is_exact_up_to_its_scale() {
        let (q, of_q) = quantized(&[0.0, -1.0, 0.003]);
        assert_eq!(q, [0, -127, 0]);
        assert!((of_q.residual - 0.003).abs() < 1e-6);
    }
}
