//! AVX-VNNI: `vpdpbusd` on registers of 256 bits adds four products of bytes to a sum of 32 bits. The processors that have it
//! without AVX-512 are Intel's since Alder Lake and AMD's since Zen 5.

use std::arch::x86_64::{_mm256_add_epi32 as add_integers, _mm256_dpbusd_avx_epi32, _mm256_set1_epi32};

use super::block::{blocks, sums_of_dots};
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

/// For processors with AVX-VNNI.
pub(super) const KERNEL: Kernel = Kernel {
    name: "avxvnni",
    anchors: ROWS,
    columns: COLUMNS,
    operand: Operand::Offset,
    // SAFETY: `Kernel::available` offers this kernel only where AVX-VNNI and AVX2 were detected.
    scan: |pass, found| unsafe { scan(pass, found) },
    // SAFETY: likewise.
    products: |pass, all| unsafe { products(pass, all) },
};

blocks!("avx2,avxvnni");
sums_of_dots!("avx2,avxvnni");

/// Adds the products of a step to the sums.
#[inline]
#[target_feature(enable = "avx2,avxvnni")]
fn step(sums: &mut Pairs<Integers>, x: &[[u8; STEP]; ROWS], y: [Integers; HALVES]) {
    for (sums, &x) in sums.iter_mut().zip(x) {
        let x = _mm256_set1_epi32(i32::from_le_bytes(x));
        for half in 0..HALVES {
            sums[half] = _mm256_dpbusd_avx_epi32(sums[half], x, y[half]);
        }
    }
}
