//! Registers of 256 bits, as the blocks of AVX2 and AVX-VNNI take them. Nothing here knows what the numbers mean.

pub(super) use std::arch::x86_64::{
    __m256 as Floats, __m256 as Mask, __m256i as Integers, _mm256_add_ps as add, _mm256_cvtepi32_ps as to_floats,
    _mm256_max_epi32 as larger, _mm256_min_ps as min, _mm256_mul_ps as mul, _mm256_or_ps as or,
    _mm256_set1_ps as splat, _mm256_setzero_ps as none, _mm256_setzero_si256 as zero, _mm256_sub_ps as sub,
};
use std::arch::x86_64::{
    _CMP_GE_OQ, _mm_cvtsi32_si128, _mm256_cmp_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_movemask_ps,
    _mm256_sll_epi32,
};

/// Numbers of a register.
pub(super) const LANES: usize = 8;

/// A register with its integers some bits up.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn moved_up(integers: Integers, bits: u32) -> Integers {
    _mm256_sll_epi32(integers, _mm_cvtsi32_si128(bits.cast_signed()))
}

/// Where a number is at least the other.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn at_least(a: Floats, b: Floats) -> Mask {
    _mm256_cmp_ps::<_CMP_GE_OQ>(a, b)
}

/// A bit for each number of a mask.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn bits(mask: Mask) -> u32 {
    _mm256_movemask_ps(mask).cast_unsigned()
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn floats(numbers: &[f32; LANES]) -> Floats {
    // SAFETY: the array is as long as a register, and the load asks for no alignment.
    unsafe { _mm256_loadu_ps(numbers.as_ptr()) }
}

pub(super) fn numbers(floats: Floats) -> [f32; LANES] {
    bytemuck::cast(floats)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn integers(bytes: &[u8; LANES * 4]) -> Integers {
    // SAFETY: the array is as long as a register, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}
