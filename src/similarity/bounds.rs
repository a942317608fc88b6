//! How far what an engine proposes with can be from the canonical score. This room refuses bounds that are not derived.
//!
//! Let x, y be stored unit vectors of dimension d. Each component was rounded once (relative 2⁻²⁴), the f64 norm before it is
//! off by less than 2⁻³⁰, so ‖x‖² ≤ 1 + 2⁻²² and |x·y| ≤ 1 + 2⁻²².

/// How far the f32 product of a pair, as the CPU computes it, can be from its canonical score.
///
/// With u = 2⁻²⁴, in any order of summation, with or without fused multiply-add, the product p satisfies
/// |p − x·y| ≤ γ ‖x‖‖y‖ with γ = d·u / (1 − d·u) (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1),
/// plus d·2⁻¹²⁶ where products underflow or are flushed. The canonical score adds [`canonical_error`].
///
/// The margin also covers one rounding where it is used: `p + margin` and `t − margin`, for a score t, are below 2 and so are
/// rounded by at most 2⁻²⁴. Therefore `p + margin` is an upper bound of the score as computed, and a score of at least t has
/// `p >= t - margin` as computed; each of the two spends the rounding for itself.
#[must_use]
pub fn margin(dimension: usize) -> f32 {
    let d = f64::from(u32::try_from(dimension).expect("a dimension fits 32 bits"));
    let u = 2_f64.powi(-24);
    let gamma = d * u / (1.0 - d * u);
    let bound = gamma * (1.0 + 2_f64.powi(-21)) + d * 2_f64.powi(-126) + canonical_error(dimension) + 2_f64.powi(-24);
    rounded_up(bound)
}

/// How far the canonical score can be from x·y: the f64 sum is off by at most d·2⁻⁵², the clamp to [-1, 1] moves it by less
/// than 2⁻²², the rounding to f32 by at most half an ulp of a value up to 1, which is 2⁻²⁵.
pub(super) fn canonical_error(dimension: usize) -> f64 {
    let d = f64::from(u32::try_from(dimension).expect("a dimension fits 32 bits"));
    d * 2_f64.powi(-52) + 2_f64.powi(-22) + 2_f64.powi(-25)
}

/// At least `bound`, as f32.
#[expect(clippy::cast_possible_truncation, reason = "rounded to nearest, then up by one")]
pub(super) fn rounded_up(bound: f64) -> f32 {
    (bound as f32).next_up()
}
