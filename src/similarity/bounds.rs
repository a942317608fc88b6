//! How far what an engine proposes with can be from the canonical score. This room refuses bounds that are not derived.
//!
//! Let x, y be stored unit vectors of dimension d. Each component was rounded once (relative 2⁻²⁴), the f64 norm before it is
//! off by less than 2⁻³⁰, so ‖x‖ ≤ 1 + 2⁻²³, ‖x‖² ≤ 1 + 2⁻²² and |x·y| ≤ 1 + 2⁻²². The bound of int8 products is in
//! [`super::int8`].

/// How far the f32 product of a pair, as a device computes it, can be from its canonical score.
///
/// A shader may round each operation to either neighbor, so u = 2⁻²³. In any order of summation, with or without fused
/// multiply-add, the product p satisfies |p − x·y| ≤ γ ‖x‖‖y‖ with γ = d·u / (1 − d·u) (Higham, *Accuracy and Stability of
/// Numerical Algorithms*, 2nd ed., §3.1); components padded with zeros add nothing. It may flush subnormal inputs and results: each
/// of the d terms loses at most 2⁻¹²⁶ (1 + 2⁻²³) for each of its two factors, 2⁻¹²⁶ for the product and 2⁻¹²⁶ for the sum, and the
/// comparison as much again for each side, all together less than d·2⁻¹²³. The canonical score adds its own error.
///
/// The margin also covers one rounding where it is used: `p + margin` and `t - margin`, for a score t, are below 2 and so are
/// rounded by at most 2⁻²⁴. Therefore `p + margin` is an upper bound of the score as computed, and a score of at least t has
/// `p >= t - margin` as computed; each of the two spends the rounding for itself.
#[must_use]
pub fn gpu_margin(dimension: usize) -> f32 {
    let (d, u) = (f64::from(u32::try_from(dimension).expect("a dimension fits 32 bits")), 2_f64.powi(-23));
    let gamma = d * u / (1.0 - d * u);
    let lost = d * 2_f64.powi(-123);
    rounded_up(gamma * (1.0 + 2_f64.powi(-21)) + lost + canonical_error(dimension) + 2_f64.powi(-24))
}

/// How far the canonical score can be from x·y: the f64 sum is off by at most d·2⁻⁵², the clamp to [-1, 1] moves it by less
/// than 2⁻²², the rounding to f32 by at most half an ulp of a value up to 1, which is 2⁻²⁵.
pub(super) fn canonical_error(dimension: usize) -> f64 {
    let d = f64::from(u32::try_from(dimension).expect("a dimension fits 32 bits"));
    d * 2_f64.powi(-52) + 2_f64.powi(-22) + 2_f64.powi(-25)
}

/// The first f32 above the one nearest to `bound`: at least `bound`.
#[expect(clippy::cast_possible_truncation, reason = "rounded to nearest, then up by one")]
pub(super) fn rounded_up(bound: f64) -> f32 {
    (bound as f32).next_up()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::embedding::make_unit;
    use crate::similarity::canonical_score;
    use crate::similarity::testing::{above, below, raw_pair};

    /// What a device may make of a result: the neighbor on the wrong side, nothing of a subnormal.
    fn worst(exact: f64, up: bool) -> f32 {
        let rounded = if up { above(exact) } else { below(exact) };
        if rounded.is_subnormal() { 0.0 } else { rounded }
    }

    proptest! {
        #[test]
        fn a_device_that_rounds_the_wrong_way_stays_within_its_margin((x, y) in raw_pair(700), up in any::<bool>()) {
            let (x, y) = (make_unit(&x).unwrap(), make_unit(&y).unwrap());
            let flushed = |v: f32| if v.is_subnormal() { 0.0 } else { f64::from(v) };
            let product = x.iter().zip(&y).fold(0.0_f32, |sum, (&a, &b)| {
                worst(f64::from(sum) + f64::from(worst(flushed(a) * flushed(b), up)), up)
            });
            let (score, margin) = (canonical_score(&x, &y), gpu_margin(x.len()));
            if up {
                prop_assert!(product - margin <= score, "{product} {score} {margin}");
            } else {
                prop_assert!(product + margin >= score, "{product} {score} {margin}");
                prop_assert!(product >= score - margin, "{product} {score} {margin}");
            }
        }
    }
}
