//! The unit vectors in plan order, and the canonical score of two of them.

use crate::embedding::{ABREAST, Vectors, canonical_dot, canonical_dots};

/// Unit vectors, row-major `[rows][dimension]`, in the order of the plan's rows.
#[derive(Debug)]
pub struct Matrix {
    dimension: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// A copy of the vectors of `products`, which must have one each, or several.
    ///
    /// # Panics
    /// When a product has no vector.
    #[must_use]
    pub fn gather(vectors: &Vectors, products: impl Iterator<Item = usize>) -> Matrix {
        Matrix::arrange(vectors.clone(), products)
    }

    /// The vectors of `products`, which must have one each, or several, in the memory that they lie in.
    ///
    /// # Panics
    /// When a product has no vector.
    #[must_use]
    pub fn arrange(vectors: Vectors, products: impl Iterator<Item = usize>) -> Matrix {
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

    /// The canonical scores of a row with some others.
    #[must_use]
    pub fn scores(&self, row: usize, others: &[u32]) -> Vec<f32> {
        let vector = self.row(row);
        let of_some = |some: &[u32]| {
            let mut abreast = [vector; ABREAST];
            abreast.iter_mut().zip(some).for_each(|(other, &row)| *other = self.row(row as usize));
            canonical_scores(vector, abreast).into_iter().take(some.len())
        };
        others.chunks(ABREAST).flat_map(of_some).collect()
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

/// The canonical scores of `x` with each of some others.
///
/// # Panics
/// When the lengths differ.
pub(super) fn canonical_scores(x: &[f32], others: [&[f32]; ABREAST]) -> [f32; ABREAST] {
    canonical_dots(x, others).map(score)
}
