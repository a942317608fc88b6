//! Arm's dot product: `sdot` adds four products of bytes with their signs to a sum of 32 bits, on registers of 128 bits.

use std::arch::aarch64::{
    float32x4_t as Floats, int32x4_t as Integers, uint32x4_t as Mask, vaddq_f32 as add, vaddq_s32 as add_integers,
    vaddvq_u32, vandq_u32, vcgeq_f32 as at_least, vcvtq_f32_s32 as to_floats, vdupq_n_f32 as splat, vdupq_n_s32,
    vdupq_n_u32, vld1q_f32, vld1q_u8, vld1q_u32, vmaxq_s32 as larger, vminq_f32 as min, vmulq_f32 as mul,
    vorrq_u32 as or, vreinterpretq_s32_u8, vshlq_s32, vst1q_f32, vsubq_f32 as sub,
};
use std::arch::asm;

use super::block::{blocks, sums_of_dots};
use super::{Extreme, Extremes, Kernel, Operand, Pass, Proposal, STEP, Scanned, Section, Side};

/// Rows of a block: 8 × 2 sums are as many as the widest processors have under way, and take 20 of the 32 registers with the
/// operands.
const ROWS: usize = 8;
/// Columns of a block, in two registers.
const COLUMNS: usize = HALVES * LANES;
const HALVES: usize = 2;
/// Numbers of a register.
const LANES: usize = 4;

/// For processors with the dot product instructions.
pub(super) const KERNEL: Kernel = Kernel {
    name: "neon",
    anchors: ROWS,
    columns: COLUMNS,
    operand: Operand::Signed,
    // SAFETY: `Kernel::available` offers this kernel only where the dot product was detected.
    scan: |pass, found| unsafe { scan(pass, found) },
    // SAFETY: likewise.
    products: |pass, all| unsafe { products(pass, all) },
};

blocks!("neon,dotprod");
sums_of_dots!("neon,dotprod");

/// Adds the products of a step to the sums.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn step(sums: &mut Pairs<Integers>, x: &[[u8; STEP]; ROWS], y: [Integers; HALVES]) {
    for (sums, x) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(x.as_chunks::<LANES>().0) {
        let x = integers(bytemuck::cast_ref(x));
        for half in 0..HALVES {
            sums[0][half] = dot::<0>(sums[0][half], y[half], x);
            sums[1][half] = dot::<1>(sums[1][half], y[half], x);
            sums[2][half] = dot::<2>(sums[2][half], y[half], x);
            sums[3][half] = dot::<3>(sums[3][half], y[half], x);
        }
    }
}

/// `vdotq_laneq_s32`, which is not stable in Rust.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot<const LANE: u32>(mut sums: Integers, y: Integers, x: Integers) -> Integers {
    // SAFETY: the instruction reads and writes the named registers alone.
    unsafe {
        asm!(
            "sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[{3}]",
            inout(vreg) sums, in(vreg) y, in(vreg) x, const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

#[inline]
#[target_feature(enable = "neon")]
fn zero() -> Integers {
    vdupq_n_s32(0)
}

#[inline]
#[target_feature(enable = "neon")]
fn moved_up(integers: Integers, bits: u32) -> Integers {
    vshlq_s32(integers, vdupq_n_s32(bits.cast_signed()))
}

#[inline]
#[target_feature(enable = "neon")]
fn none() -> Mask {
    vdupq_n_u32(0)
}

/// A bit for each number of a mask.
#[inline]
#[target_feature(enable = "neon")]
fn bits(mask: Mask) -> u32 {
    // SAFETY: the array is as long as a register.
    vaddvq_u32(vandq_u32(mask, unsafe { vld1q_u32([1, 2, 4, 8].as_ptr()) }))
}

#[inline]
#[target_feature(enable = "neon")]
fn floats(numbers: &[f32; LANES]) -> Floats {
    // SAFETY: the array is as long as a register, and the load asks for no alignment.
    unsafe { vld1q_f32(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
fn numbers(floats: Floats) -> [f32; LANES] {
    let mut numbers = [0.0; LANES];
    // SAFETY: the array is as long as a register.
    unsafe { vst1q_f32(numbers.as_mut_ptr(), floats) };
    numbers
}

#[inline]
#[target_feature(enable = "neon")]
fn integers(bytes: &[u8; LANES * STEP]) -> Integers {
    // SAFETY: the array is as long as a register, and the load asks for the alignment of a byte.
    unsafe { vreinterpretq_s32_u8(vld1q_u8(bytes.as_ptr())) }
}
