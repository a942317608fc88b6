//! AVX2 has no instruction that adds four products of bytes: `vpmaddubsw` adds two, into 16 bits, at the same rate. So products are
//! added up in 16 bits for as long as they provably fit, a *chunk*, and only then widened.
//!
//! An anchor's integers have seven bits and 64 added, so that two products fit 16 bits with their sign: 128 · 127 · 2 < 2¹⁵. The
//! sum of a chunk may wrap on the way; it starts at -64 times the sum of the column's integers and so ends at the sum of the
//! true products, which fits by the choice of the integers (see [`Operand::round`]).

use std::arch::x86_64::{
    _mm256_add_epi16, _mm256_add_epi32, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi32,
};

use super::block::blocks;
use super::ymm::{
    Floats, Integers, LANES, Mask, add, at_least, bits, floats, integers, larger, min, moved_up, mul, none, numbers,
    or, splat, sub, to_floats, zero,
};
use super::{Extreme, Extremes, Kernel, Operand, Pass, Proposal, STEP, Scanned, Section, Side};

/// Rows of a block: 6 × 2 sums leave four of the 16 registers for operands.
const ROWS: usize = 6;
/// Columns of a block, in two registers.
const COLUMNS: usize = HALVES * LANES;
const HALVES: usize = 2;

/// For processors with AVX2.
pub(super) const KERNEL: Kernel = Kernel {
    name: "avx2",
    anchors: ROWS,
    columns: COLUMNS,
    operand: Operand::Halved,
    // SAFETY: `Kernel::available` offers this kernel only where AVX2 was detected.
    scan: |pass, found| unsafe { scan(pass, found) },
    // SAFETY: likewise.
    products: |pass, all| unsafe { products(pass, all) },
};

blocks!("avx2");

/// Adds the sums of a section.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply(mut sums: Pairs<Integers>, operands: &mut Operands<'_>, section: &Section) -> Pairs<Integers> {
    if section.shift > 0 {
        for sums in &mut sums {
            for sums in sums {
                *sums = moved_up(*sums, section.shift);
            }
        }
    }
    let one = _mm256_set1_epi16(1);
    for &steps in &section.chunks {
        let (start, steps) = operands.take(steps);
        let mut narrow = [start; ROWS];
        for (x, y) in steps {
            for (narrow, &x) in narrow.iter_mut().zip(x) {
                let x = _mm256_set1_epi32(i32::from_le_bytes(x));
                for half in 0..HALVES {
                    narrow[half] = _mm256_add_epi16(narrow[half], _mm256_maddubs_epi16(x, y[half]));
                }
            }
        }
        for (sums, narrow) in sums.iter_mut().zip(narrow) {
            for half in 0..HALVES {
                sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(narrow[half], one));
            }
        }
    }
    sums
}
