//! The unit vectors in the order in which an engine works, which need not be the plan's. Nothing is copied.

use super::Matrix;

/// A matrix with its rows in some order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    matrix: &'a Matrix,
    /// Per row, the row of the matrix; its own number where there is no order.
    order: Option<&'a [u32]>,
}

impl<'a> Rows<'a> {
    /// The rows as they are, or in `order`, which names each once.
    pub(super) fn new(matrix: &'a Matrix, order: Option<&'a [u32]>) -> Rows<'a> {
        Rows { matrix, order }
    }

    /// Components of a vector.
    pub(super) fn dimension(&self) -> usize {
        self.matrix.dimension()
    }

    /// How many vectors there are.
    pub(super) fn len(&self) -> usize {
        self.matrix.rows()
    }

    /// Some unit vectors, one after the other.
    pub(super) fn gather(&self, rows: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
        let mut gathered = Vec::with_capacity(rows.len() * self.dimension());
        rows.for_each(|row| gathered.extend_from_slice(self.row(row)));
        gathered
    }

    /// One unit vector.
    pub(super) fn row(&self, row: usize) -> &'a [f32] {
        self.matrix.row(self.order.map_or(row, |order| order[row] as usize))
    }
}
