//! Products of matrices in f32 and f64. What comes out is close, not exact: this room refuses to decide anything by it.

/// Rows that are multiplied in one go, and so what a thread takes at a time.
pub(super) const BLOCK: usize = 128;

/// A matrix in a slice: element (i, j) is `values[i * down + j * across]`.
#[derive(Clone, Copy)]
pub(super) struct Laid<'a, T> {
    pub(super) values: &'a [T],
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) down: usize,
    pub(super) across: usize,
}

impl<'a, T> Laid<'a, T> {
    pub(super) fn rows(values: &'a [T], width: usize) -> Laid<'a, T> {
        Laid { values, height: values.len() / width, width, down: width, across: 1 }
    }

    pub(super) fn transposed(self) -> Laid<'a, T> {
        Laid { height: self.width, width: self.height, down: self.across, across: self.down, ..self }
    }
}

/// What a product is added to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Onto {
    Nothing,
    /// What is in its place.
    Product,
}

/// Puts `left` · `right` into `product`, row by row.
pub(super) fn multiply<T: Copy + From<f32> + 'static>(left: Laid<T>, right: Laid<T>, onto: Onto, product: &mut [T]) {
    for laid in [left, right] {
        assert!(laid.height > 0 && laid.width > 0, "a product of nothing");
        assert!(
            (laid.height - 1) * laid.down + (laid.width - 1) * laid.across < laid.values.len(),
            "a matrix in its slice"
        );
    }
    assert!(left.width == right.height && product.len() == left.height * right.width, "matrices that fit each other");
    let stride = |n: usize| isize::try_from(n).expect("no slice is longer than the address space");
    // SAFETY: `product` is as long as height × width, row by row, and every element of both factors is inside its slice, as
    // asserted above; `product` is borrowed mutably, so it overlaps neither. T is f32 or f64, the only two used in this file.
    unsafe {
        gemm::gemm(
            left.height,
            right.width,
            left.width,
            product.as_mut_ptr(),
            1,
            stride(right.width),
            onto == Onto::Product,
            left.values.as_ptr(),
            stride(left.across),
            stride(left.down),
            right.values.as_ptr(),
            stride(right.across),
            stride(right.down),
            T::from(1.0),
            T::from(1.0),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
