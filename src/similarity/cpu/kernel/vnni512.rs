//! AVX-512 VNNI: `vpdpbusd` on registers of 512 bits adds four products of bytes to a sum of 32 bits.

use std::arch::x86_64::{
    __m512 as Floats, __m512i as Integers, __mmask16 as Mask, _CMP_GE_OQ, _kor_mask16 as or, _mm_cvtsi32_si128,
    _mm512_add_epi32 as add_integers, _mm512_add_ps as add, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps as to_floats,
    _mm512_dpbusd_epi32, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_epi32 as larger, _mm512_min_ps as min,
    _mm512_mul_ps as mul, _mm512_set1_epi32, _mm512_set1_ps as splat, _mm512_setzero_si512 as zero, _mm512_sll_epi32,
    _mm512_storeu_ps, _mm512_sub_ps as sub,
};

use super::block::{blocks, sums_of_dots};
use super::{Extreme, Extremes, Kernel, Operand, Pass, Proposal, STEP, Scanned, Section, Side};

/// Rows of a block: 12 × 2 sums leave eight of the 32 registers for operands.
const ROWS: usize = 12;
/// Columns of a block, in two registers.
const COLUMNS: usize = HALVES * LANES;
const HALVES: usize = 2;
/// Numbers of a register.
const LANES: usize = 16;

/// For processors with AVX-512 VNNI.
pub(super) const KERNEL: Kernel = Kernel {
    name: "avx512vnni",
    anchors: ROWS,
    columns: COLUMNS,
    operand: Operand::Offset,
    // SAFETY: `Kernel::available` offers this kernel only where AVX-512 F and VNNI were detected.
    scan: |pass, found| unsafe { scan(pass, found) },
    // SAFETY: likewise.
    products: |pass, all| unsafe { products(pass, all) },
};

blocks!("avx512f,avx512vnni");
sums_of_dots!("avx512f,avx512vnni");

/// Adds the products of a step to the sums.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn step(sums: &mut Pairs<Integers>, x: &[[u8; STEP]; ROWS], y: [Integers; HALVES]) {
    for (sums, &x) in sums.iter_mut().zip(x) {
        let x = _mm512_set1_epi32(i32::from_le_bytes(x));
        for half in 0..HALVES {
            sums[half] = _mm512_dpbusd_epi32(sums[half], x, y[half]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn moved_up(integers: Integers, bits: u32) -> Integers {
    _mm512_sll_epi32(integers, _mm_cvtsi32_si128(bits.cast_signed()))
}

/// Where a number is at least the other.
#[inline]
#[target_feature(enable = "avx512f")]
fn at_least(a: Floats, b: Floats) -> Mask {
    _mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b)
}

fn none() -> Mask {
    0
}

/// A bit for each number of a mask.
fn bits(mask: Mask) -> u32 {
    u32::from(mask)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn floats(numbers: &[f32; LANES]) -> Floats {
    // SAFETY: the array is as long as a register, and the load asks for no alignment.
    unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn numbers(floats: Floats) -> [f32; LANES] {
    let mut numbers = [0.0; LANES];
    // SAFETY: the array is as long as a register, and the store asks for no alignment.
    unsafe { _mm512_storeu_ps(numbers.as_mut_ptr(), floats) };
    numbers
}

#[inline]
#[target_feature(enable = "avx512f")]
fn integers(bytes: &[u8; LANES * STEP]) -> Integers {
    // SAFETY: the array is as long as a register, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}
