//! The inverse cosine transform of a block, in the factors of Arai, Agui and Nakajima (1988), in 16 bits, as JPEG decoders have
//! done it for decades. Written so that compilers work on eight columns at once: loops over slices, no branch, no shuffling
//! but one that they know.

use crate::photos::planes::times;

/// Eight lines of eight numbers.
pub type Block = [[i16; 8]; 8];

/// What each coefficient is multiplied with before, by its frequency in one direction: √2 cos(k π / 16), 1 for k = 0; all of it
/// twice, so that a sample comes out as 32 times what it differs from the middle by (4 times, and 8 by the transform itself).
pub const SCALE: [f64; 8] = [
    2.0,
    2.0 * 1.387_039_845,
    2.0 * 1.306_562_965,
    2.0 * 1.175_875_602,
    2.0,
    2.0 * 0.785_694_958,
    2.0 * 0.541_196_100,
    2.0 * 0.275_899_379,
];

/// Samples of a plane for one that a block has, so that filters have bits behind the point.
const FINER: u32 = 3;

/// Turns a block of coefficients by row and column into samples, and puts them into lines of `stride`: a line is a column of the
/// picture. Leaves zeros in the block.
#[inline(never)]
pub fn put(block: &mut Block, out: &mut [i16], stride: usize) {
    let (mut once, mut turned) = ([[0; 8]; 8], [[0; 8]; 8]);
    pass(block, &mut once);
    transpose(&once, &mut turned);
    pass(&turned, block);
    for sample in block.as_flattened_mut() {
        *sample = finer(*sample);
    }
    for (line, samples) in block.iter().enumerate() {
        out[line * stride..][..8].copy_from_slice(samples);
    }
    *block = [[0; 8]; 8];
}

/// The same for a block that has only a mean.
#[inline(never)]
pub fn put_flat(mean: i16, out: &mut [i16], stride: usize) {
    let samples = [finer(mean); 8];
    for line in 0..8 {
        out[line * stride..][..8].copy_from_slice(&samples);
    }
}

/// 256 times what differs from the middle, of 32 times.
#[inline]
fn finer(value: i16) -> i16 {
    value.clamp(-(128 << 5), (128 << 5) - 1) << FINER
}

/// Transforms all columns. The numbers are 2 cos(π/4) - 1 and, in the last third, of 2 cos(π/8) and 2 cos(π/8) ± 2 cos(3π/8)
/// what is not whole.
#[inline(never)]
fn pass(from: &Block, out: &mut Block) {
    let (plus, minus) = (i16::wrapping_add, i16::wrapping_sub);
    for i in 0..8 {
        let (sum, difference) = (plus(from[0][i], from[4][i]), minus(from[0][i], from[4][i]));
        let even = plus(from[2][i], from[6][i]);
        let other = minus(from[2][i], from[6][i]);
        let odd = minus(plus(other, times(other, 27_146)), even);
        let (e0, e3, e1, e2) = (plus(sum, even), minus(sum, even), plus(difference, odd), minus(difference, odd));

        let (a, b) = (plus(from[5][i], from[3][i]), minus(from[5][i], from[3][i]));
        let (c, d) = (plus(from[1][i], from[7][i]), minus(from[1][i], from[7][i]));
        let o7 = plus(c, a);
        let other = minus(c, a);
        let middle = plus(other, times(other, 27_146));
        let both = plus(b, d);
        let common = plus(plus(both, both), times(both, -9_977));
        let low = minus(common, plus(d, times(d, 5_400)));
        let high = minus(common, plus(plus(plus(b, b), b), times(b, -25_354)));
        let o6 = minus(high, o7);
        let o5 = minus(middle, o6);
        let o4 = minus(low, o5);

        out[0][i] = plus(e0, o7);
        out[1][i] = plus(e1, o6);
        out[2][i] = plus(e2, o5);
        out[3][i] = plus(e3, o4);
        out[4][i] = minus(e3, o4);
        out[5][i] = minus(e2, o5);
        out[6][i] = minus(e1, o6);
        out[7][i] = minus(e0, o7);
    }
}

/// Rows become columns: three times the two halves by turns.
#[inline]
fn transpose(from: &Block, out: &mut Block) {
    let (mut once, mut twice) = ([[0; 8]; 8], [[0; 8]; 8]);
    by_turns(from, &mut once);
    by_turns(&once, &mut twice);
    by_turns(&twice, out);
}

#[inline(never)]
fn by_turns(from: &Block, out: &mut Block) {
    let (low, high) = from.as_flattened().split_at(32);
    for ((&low, &high), out) in low.iter().zip(high).zip(out.as_flattened_mut().as_chunks_mut::<2>().0) {
        *out = [low, high];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, in f64: ¼ Σ c(u) c(v) F(v, u) cos((2x + 1) u π / 16) cos((2y + 1) v π / 16).
    fn defined(coefficients: &[[i32; 8]; 8], x: usize, y: usize) -> f64 {
        let wave = |k: usize, at: usize| {
            let c = if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
            c * (f64::from(u32::try_from((2 * at + 1) * k).unwrap()) * std::f64::consts::PI / 16.0).cos()
        };
        let terms = (0..64).map(|at| f64::from(coefficients[at / 8][at % 8]) * wave(at % 8, x) * wave(at / 8, y));
        terms.sum::<f64>() / 4.0
    }

    #[test]
    fn blocks_are_transformed_by_the_definition() {
        let mut dice = 1_u32;
        let mut roll = |most: i32| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i32::try_from(dice >> 8).unwrap() % (2 * most + 1) - most
        };
        let mut worst = 0.0_f64;
        for turn in 0..2000 {
            let mut coefficients = [[0; 8]; 8];
            coefficients[0][0] = roll(600);
            for _ in 0..turn % 12 {
                let (row, column) = (roll(3) + 3, roll(3) + 4);
                coefficients[usize::try_from(row).unwrap()][usize::try_from(column).unwrap()] = roll(100);
            }
            let mut block = [[0; 8]; 8];
            for at in 0..64 {
                let scale = SCALE[at / 8] * SCALE[at % 8];
                let value = f64::from(coefficients[at / 8][at % 8]) * scale;
                block[at / 8][at % 8] = i16::try_from(value.round() as i32).unwrap();
            }
            let mut out = [0; 64];
            put(&mut block, &mut out, 8);
            assert_eq!(block, [[0; 8]; 8]);
            for x in 0..8 {
                for y in 0..8 {
                    let expected = defined(&coefficients, x, y).clamp(-128.0, 127.97);
                    worst = worst.max((f64::from(out[8 * x + y]) / 256.0 - expected).abs());
                }
            }
        }
        assert!(worst < 0.6, "{worst}");
    }

    #[test]
    fn a_flat_block_is_what_a_mean_comes_to() {
        for mean in [-4096, -777, 0, 5, 4095] {
            let mut block = [[0; 8]; 8];
            block[0][0] = mean;
            let (mut out, mut flat) = ([0; 64], [0; 64]);
            put(&mut block, &mut out, 8);
            put_flat(mean, &mut flat, 8);
            assert_eq!(out, flat);
        }
    }
}
