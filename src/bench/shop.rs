//! A made-up shop of looks alone: unit vectors in clusters under one rule. The same numbers every time. This file refuses the
//! clock and the system's randomness.

use crate::embedding::Vectors;
use crate::similarity::{Lists, Matrix};

/// Entries of a list.
pub const K: usize = 20;

/// Products that look alike; they lie together, as a category's do in a plan.
const CLUSTER: usize = 100;

/// `products` unit vectors of `dimension` components, and one rule that allows everyone everything.
///
/// # Panics
/// Beyond 2^32 products.
#[must_use]
pub fn shop(products: usize, dimension: usize) -> (Matrix, Lists) {
    let mut state = 11_u64;
    let mut component = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (f32::from((state >> 48) as u16) + 0.5) / 32768.0 - 1.0
    };
    let mut vectors = Vectors::new(dimension, products);
    let mut center = Vec::new();
    for product in 0..products {
        if product % CLUSTER == 0 {
            center = (0..dimension).map(|_| component()).collect();
        }
        // Some are nearly the center, others hardly of the cluster.
        let own = 0.6 + 0.5 * component();
        let look: Vec<f32> = center.iter().map(|c| c + own * component()).collect();
        vectors.insert(product, &look).expect("finite and, with several components, not zero");
    }
    (Matrix::arrange(vectors, 0..products), Lists::everything(products, K))
}
