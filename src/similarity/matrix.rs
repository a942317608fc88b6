//! The unit vectors in plan order, and the canonical score of two of them.

use crate::embedding::{Vectors, canonical_dot};

/// Unit vectors, row-major `[rows][dimension]`, in the order of the plan's rows.
#[derive(Debug)]
pub struct Matrix {
    dimension: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// A copy of the vectors of `products`, which must have one each.
    ///
    /// # Panics
    /// When a product has no vector.
    #[must_use]
    pub fn gather(vectors: &Vectors, products: impl ExactSizeIterator<Item = usize>) -> Matrix {
        Matrix::arrange(vectors.clone(), products)
    }

    /// The vectors of `products`, which must have one each, in the memory that they lie in.
    ///
    /// # Panics
    /// When a product has no vector.
    #[must_use]
    pub fn arrange(vectors: Vectors, products: impl ExactSizeIterator<Item = usize>) -> Matrix {
        Matrix { dimension: vectors.dimension(), values: vectors.arrange(products) }
    }

    /// Components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many vectors there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.dimension).unwrap_or(0)
    }

    /// One unit vector.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimension..(row + 1) * self.dimension]
    }

    /// All values, `[rows][dimension]`.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// The canonical score: [`canonical_dot`] clamped to [-1, 1] and rounded once to f32. It alone decides order and thresholds.
#[must_use]
pub fn canonical_score(x: &[f32], y: &[f32]) -> f32 {
    score(canonical_dot(x, y))
}

#[expect(clippy::cast_possible_truncation, reason = "the one rounding that the definition asks for")]
fn score(dot: f64) -> f32 {
    // Adding zero turns -0 into 0, so that equal scores are equal bits.
    dot.clamp(-1.0, 1.0) as f32 + 0.0
}

/// Vectors that are scored with one other at a time: a processor adds their products side by side.
pub(super) const ABREAST: usize = 4;

/// The canonical scores of `x` with each of some others.
///
/// # Panics
/// When the lengths differ.
pub(super) fn canonical_scores(x: &[f32], others: [&[f32]; ABREAST]) -> [f32; ABREAST] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { dots_abreast(x, others) }.map(score);
    }
    others.map(|y| canonical_score(x, y))
}

/// [`canonical_dot`] for several vectors. A product of two f32 is exact in f64, so that fusing it with its sum changes no bit.
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
    sums.map(|[s0, s1, s2, s3, s4, s5, s6, s7]| ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn scores_abreast_are_the_same_bits(values in prop::collection::vec(-1.0_f32..1.0, 5..1500)) {
            let n = values.len() / (ABREAST + 1);
            let rows: Vec<&[f32]> = values.chunks_exact(n).collect();
            let others: [&[f32]; ABREAST] = std::array::from_fn(|at| rows[at + 1]);
            let one_by_one = others.map(|y| canonical_score(rows[0], y).to_bits());
            prop_assert_eq!(canonical_scores(rows[0], others).map(f32::to_bits), one_by_one);
        }
    }
}
