//! The unit vectors in plan order, and the canonical score of two of them.

use crate::embedding::{Vectors, canonical_dot};

/// Unit vectors, row-major `[rows][dimension]`, in the order of the plan's rows.
#[derive(Debug)]
pub struct Matrix {
    dimension: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Collects the vectors of `products`, which must have one each.
    ///
    /// # Panics
    /// When a product has no vector.
    #[must_use]
    pub fn gather(vectors: &Vectors, products: impl ExactSizeIterator<Item = usize>) -> Matrix {
        let dimension = vectors.dimension();
        let mut values = Vec::with_capacity(products.len() * dimension);
        for product in products {
            values.extend_from_slice(vectors.get(product).expect("the plan puts only products with a vector here"));
        }
        Matrix { dimension, values }
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
#[expect(clippy::cast_possible_truncation, reason = "the one rounding that the definition asks for")]
pub fn canonical_score(x: &[f32], y: &[f32]) -> f32 {
    // Adding zero turns -0 into 0, so that equal scores are equal bits.
    canonical_dot(x, y).clamp(-1.0, 1.0) as f32 + 0.0
}
