//! The f32 proposal: a tile of approximate products and the scan for survivors.

use std::ops::Range;

use crate::similarity::Matrix;

/// A tile of products, `[anchors][candidates]`.
pub(super) struct Products {
    values: Vec<f32>,
    turned: Vec<f32>,
    height: usize,
    width: usize,
}

impl Products {
    /// Room for `height` × `width` products.
    pub(super) fn new(height: usize, width: usize) -> Products {
        Products { values: vec![0.0; height * width], turned: vec![0.0; height * width], height: 0, width: 0 }
    }

    /// Multiplies two runs of rows: `values[i][j]` is close to the dot product of rows `anchors[i]` and `candidates[j]`.
    pub(super) fn multiply(&mut self, matrix: &Matrix, anchors: Range<usize>, candidates: Range<usize>) {
        let d = matrix.dimension();
        (self.height, self.width) = (anchors.len(), candidates.len());
        let lhs = &matrix.values()[anchors.start * d..anchors.end * d];
        let rhs = &matrix.values()[candidates.start * d..candidates.end * d];
        let dst = &mut self.values[..self.height * self.width];
        let stride = |n: usize| isize::try_from(n).expect("a tile is far smaller than the address space");
        // SAFETY: `dst` is height × width row-major, `lhs` height × d row-major and `rhs` width × d row-major, read as its
        // transpose; the slices above have exactly these lengths, and `dst` overlaps neither.
        unsafe {
            gemm::gemm(
                self.height,
                self.width,
                d,
                dst.as_mut_ptr(),
                1,
                stride(self.width),
                false,
                lhs.as_ptr(),
                1,
                stride(d),
                rhs.as_ptr(),
                stride(d),
                1,
                0.0_f32,
                1.0_f32,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }

    /// Swaps anchors and candidates.
    pub(super) fn transpose(&mut self) {
        for (i, line) in self.values[..self.height * self.width].chunks_exact(self.width).enumerate() {
            for (j, &value) in line.iter().enumerate() {
                self.turned[j * self.height + i] = value;
            }
        }
        std::mem::swap(&mut self.values, &mut self.turned);
        std::mem::swap(&mut self.height, &mut self.width);
    }

    /// The products of one anchor.
    pub(super) fn line(&self, anchor: usize) -> &[f32] {
        &self.values[anchor * self.width..(anchor + 1) * self.width]
    }
}

/// Calls `found` for every value of at least `cut`, in order.
pub(super) fn survivors(line: &[f32], cut: f32, mut found: impl FnMut(usize, f32)) {
    // Most runs of 16 hold nothing: one comparison of all, without branches, rules them out.
    const RUN: usize = 16;
    for (run, values) in line.chunks(RUN).enumerate() {
        if values.iter().map(|&value| u32::from(value >= cut)).sum::<u32>() > 0 {
            for (column, &value) in values.iter().enumerate().filter(|&(_, &value)| value >= cut) {
                found(run * RUN + column, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::{Vectors, canonical_dot};
    use crate::similarity::bounds::margin;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_stay_within_the_margin(
            dimension in 1_usize..600,
            spread in 0_i32..40,
            seed in any::<u64>(),
        ) {
            // Components over many binary orders of magnitude, with cancellation.
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let bits = state >> 40;
                let size = 2_f32.powi(-i32::try_from(bits % u64::try_from(spread + 1).unwrap()).unwrap());
                if bits & (1 << 20) == 0 { size } else { -size }
            };
            let mut vectors = Vectors::new(dimension, 2);
            for product in 0..2 {
                let raw: Vec<f32> = (0..dimension).map(|_| next()).collect();
                vectors.insert(product, &raw).unwrap();
            }
            let matrix = Matrix::gather(&vectors, 0..2);
            let mut products = Products::new(2, 2);
            products.multiply(&matrix, 0..2, 0..2);
            for i in 0..2 {
                for j in 0..2 {
                    let exact = canonical_dot(matrix.row(i), matrix.row(j));
                    let error = (f64::from(products.line(i)[j]) - exact).abs();
                    prop_assert!(error <= f64::from(margin(dimension)), "{error} at {dimension}");
                }
            }
        }
    }
}
