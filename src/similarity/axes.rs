//! The directions in which some vectors have most of their length. This room refuses to be exact: whoever uses axes measures what
//! they are good for.

use super::products::{Laid, Onto, multiply};
use crate::embedding::canonical_dot;

/// Multiplications with the vectors' own products: each brings the axes nearer to the best ones.
const ITERATIONS: usize = 2;

/// Axes made orthonormal one by one, before they are cleared from all others in one product.
const PANEL: usize = 32;

/// About orthonormal axes, `[count][dimension]`, that hold most of the length of `rows`, `[n][dimension]`: subspace iteration
/// (Golub and Van Loan, *Matrix Computations*, 4th ed., §8.2.4) from random combinations of the rows. Where rows have fewer
/// directions than there are axes, some axes may be zero.
///
/// # Panics
/// When there are no rows or no axes.
pub(super) fn leading(rows: &[f32], dimension: usize, count: usize) -> Vec<f32> {
    let rows = Laid::rows(rows, dimension);
    let mut axes = vec![0.0; count * dimension];
    let mut shares = Random(0).numbers(count * rows.height);
    for iteration in 0..=ITERATIONS {
        if iteration > 0 {
            multiply(Laid::rows(&axes, dimension), rows.transposed(), Onto::Nothing, &mut shares);
        }
        multiply(Laid::rows(&shares, rows.height), rows, Onto::Nothing, &mut axes);
        orthonormalize(&mut axes, dimension);
    }
    axes
}

/// Gram-Schmidt by panels. Twice is enough (Giraud, Langou and Rozložník, *Comput. Math. Appl.* 50, 2005).
pub(super) fn orthonormalize(axes: &mut [f32], dimension: usize) {
    for _ in 0..2 {
        let mut rest = &mut *axes;
        while !rest.is_empty() {
            let (panel, after) = rest.split_at_mut(rest.len().min(PANEL * dimension));
            one_by_one(panel, dimension);
            clear(after, panel, dimension);
            rest = after;
        }
    }
}

/// Takes what `axes` have of the orthonormal `panel` off them.
fn clear(axes: &mut [f32], panel: &[f32], dimension: usize) {
    if axes.is_empty() {
        return;
    }
    let panel = Laid::rows(panel, dimension);
    let mut shares = vec![0.0; axes.len() / dimension * panel.height];
    multiply(Laid::rows(axes, dimension), panel.transposed(), Onto::Nothing, &mut shares);
    for share in &mut shares {
        *share = -*share;
    }
    multiply(Laid::rows(&shares, panel.height), panel, Onto::Product, axes);
}

#[expect(clippy::cast_possible_truncation, reason = "working precision")]
fn one_by_one(panel: &mut [f32], dimension: usize) {
    let mut rest = panel;
    while let Some((axis, after)) = rest.split_at_mut_checked(dimension).filter(|(axis, _)| !axis.is_empty()) {
        let length = canonical_dot(axis, axis).sqrt() as f32;
        if length > 0.0 {
            for v in &mut *axis {
                *v /= length;
            }
        }
        for row in after.chunks_exact_mut(dimension) {
            let share = canonical_dot(row, axis) as f32;
            row.iter_mut().zip(&*axis).for_each(|(v, axis)| *v -= share * axis);
        }
        rest = after;
    }
}

/// Random numbers that are the same everywhere: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Between -1 and 1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits")]
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 * 2_f32.powi(-23) - 1.0
    }
}
