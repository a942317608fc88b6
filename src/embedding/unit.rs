//! Unit vectors and the canonical score. This room refuses any other way to compare two vectors for a result.

/// The f64 dot product of two f32 vectors in eight partial sums: element i goes into sum i mod 8, and the sums are added as
/// `((0+4)+(2+6))+((1+5)+(3+7))`, so that the result is the same bits on every machine.
///
/// # Panics
/// When the lengths differ.
#[must_use]
pub fn canonical_dot(x: &[f32], y: &[f32]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { wide_dot(x, y) };
    }
    dot(x, y)
}

/// The same operations on wider registers: the same bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn wide_dot(x: &[f32], y: &[f32]) -> f64 {
    dot(x, y)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled for the caller's registers")]
fn dot(x: &[f32], y: &[f32]) -> f64 {
    assert_eq!(x.len(), y.len(), "vectors of one matrix have one length");
    let mut sums = [0.0_f64; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let (x_rest, y_rest) = (xs.remainder(), ys.remainder());
    for (a, b) in xs.zip(ys) {
        for lane in 0..8 {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    for (lane, (&a, &b)) in x_rest.iter().zip(y_rest).enumerate() {
        sums[lane] += f64::from(a) * f64::from(b);
    }
    total(sums)
}

/// Vectors that are multiplied with one other at a time: a processor adds their products side by side.
pub(crate) const ABREAST: usize = 4;

/// [`canonical_dot`] of `x` with each of some others.
///
/// # Panics
/// When the lengths differ.
pub(crate) fn canonical_dots(x: &[f32], others: [&[f32]; ABREAST]) -> [f64; ABREAST] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { dots_abreast(x, others) };
    }
    others.map(|y| canonical_dot(x, y))
}

/// The same sums. A product of two f32 is exact in f64, so that fusing it with its sum changes no bit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dots_abreast(x: &[f32], others: [&[f32]; ABREAST]) -> [f64; ABREAST] {
    const LANES: usize = 8;
    assert!(others.iter().all(|y| y.len() == x.len()), "vectors of one matrix have one length");
    let mut sums = [[0.0_f64; LANES]; ABREAST];
    let (xs, x_rest) = x.as_chunks::<LANES>();
    let ys = others.map(|y| y.as_chunks::<LANES>());
    for (at, x) in xs.iter().enumerate() {
        let x = x.map(f64::from);
        for (sums, y) in sums.iter_mut().zip(&ys) {
            let y = y.0[at].map(f64::from);
            for lane in 0..LANES {
                sums[lane] = x[lane].mul_add(y[lane], sums[lane]);
            }
        }
    }
    for (sums, y) in sums.iter_mut().zip(&ys) {
        for (lane, (&x, &y)) in x_rest.iter().zip(y.1).enumerate() {
            sums[lane] = f64::from(x).mul_add(f64::from(y), sums[lane]);
        }
    }
    sums.map(total)
}

/// The sum of the partial sums.
fn total([s0, s1, s2, s3, s4, s5, s6, s7]: [f64; 8]) -> f64 {
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

/// Why a vector cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorFault {
    /// A component is NaN or infinite.
    NonFinite,
    /// Every component is zero.
    Zero,
}

/// Scales `raw` to length 1: the f64 norm in the order of [`canonical_dot`], each component divided by it and rounded once.
///
/// # Errors
/// A vector with a non-finite component, or of norm zero.
pub fn make_unit(raw: &[f32]) -> Result<Vec<f32>, VectorFault> {
    let mut unit = raw.to_vec();
    scale_to_unit(&mut unit)?;
    Ok(unit)
}

/// The unit vector of the mean of unit vectors: their f64 sum in the order given, divided by its norm (in the order of
/// [`canonical_dot`]) and rounded once; `None` where they cancel each other out.
pub(super) fn mean_unit<'a>(vectors: impl Iterator<Item = &'a [f32]>) -> Option<Vec<f32>> {
    let mut sum: Vec<f64> = Vec::new();
    for vector in vectors {
        sum.resize(vector.len(), 0.0);
        sum.iter_mut().zip(vector).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let mut squares = [0.0_f64; 8];
    sum.iter().enumerate().for_each(|(at, value)| squares[at % 8] += value * value);
    let norm = total(squares).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "the one rounding that the definition asks for")]
    (norm > 0.0).then(|| sum.iter().map(|value| (value / norm) as f32).collect())
}

/// [`make_unit`] in place; what it refuses stays as it is.
pub(super) fn scale_to_unit(vector: &mut [f32]) -> Result<(), VectorFault> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { wide_scale(vector) };
    }
    scale(vector)
}

/// The same operations on wider registers: the same bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn wide_scale(vector: &mut [f32]) -> Result<(), VectorFault> {
    scale(vector)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled for the caller's registers")]
fn scale(vector: &mut [f32]) -> Result<(), VectorFault> {
    // Without a way out in the middle: several are looked at together.
    if !vector.iter().fold(true, |finite, v| finite & v.is_finite()) {
        return Err(VectorFault::NonFinite);
    }
    let norm = dot(vector, vector).sqrt();
    if norm == 0.0 {
        return Err(VectorFault::Zero);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the one rounding that the definition asks for")]
    for v in vector {
        *v = (f64::from(*v) / norm) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn products_abreast_are_the_same_bits(values in prop::collection::vec(-1.0_f32..1.0, 5..1500)) {
            let n = values.len() / (ABREAST + 1);
            let rows: Vec<&[f32]> = values.chunks_exact(n).collect();
            let others: [&[f32]; ABREAST] = std::array::from_fn(|at| rows[at + 1]);
            let one_by_one = others.map(|y| canonical_dot(rows[0], y).to_bits());
            prop_assert_eq!(canonical_dots(rows[0], others).map(f64::to_bits), one_by_one);
        }
    }

    proptest! {
        /// By the words of the documentation, one component at a time.
        #[test]
        fn a_mean_is_the_direction_of_the_sum_rounded_once(
            n in 2_usize..40,
            values in prop::collection::vec(0.01_f32..1.0, 40 * 5),
            count in 1_usize..6,
        ) {
            let units = values.chunks_exact(40).take(count).map(|raw| make_unit(&raw[..n]));
            let units: Vec<Vec<f32>> = units.collect::<Result<_, _>>().unwrap();
            let mean = mean_unit(units.iter().map(Vec::as_slice)).unwrap();
            let sum = |at: usize| units.iter().fold(0.0, |sum, unit| sum + f64::from(unit[at]));
            let lane = |of: usize| (of..n).step_by(8).fold(0.0, |all, at| all + sum(at) * sum(at));
            let length = (((lane(0) + lane(4)) + (lane(2) + lane(6))) + ((lane(1) + lane(5)) + (lane(3) + lane(7)))).sqrt();
            for (at, value) in mean.iter().enumerate() {
                prop_assert_eq!(value.to_bits(), ((sum(at) / length) as f32).to_bits());
            }
        }
    }

    #[test]
    fn vectors_that_cancel_each_other_out_have_no_mean() {
        let (there, back) = ([0.6, -0.8], [-0.6, 0.8]);
        assert_eq!(mean_unit([&there[..], &back[..]].into_iter()), None);
        assert_eq!(mean_unit([&there[..], &there[..], &back[..]].into_iter()).map(|mean| mean.len()), Some(2));
    }
}
