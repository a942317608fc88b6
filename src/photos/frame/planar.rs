//! From planes to the square: each is resized by itself, and what is left becomes colors. Two passes, both on whole lines of
//! samples, so that compilers work on many at once; between them columns become rows. In 16 bits.

use std::ops::Range;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use crate::photos::planes::{LINE, Planes, times};

/// The weights of a filter along one direction: for each pixel of the result, of samples next to each other.
struct Weights {
    key: Key,
    /// Samples of a pixel.
    taps: usize,
    /// The first sample of each pixel, counted from the first there is.
    starts: Vec<usize>,
    /// Times 16384, `taps` a pixel: at an edge, where samples are missing, one may weigh more than 1.
    values: Vec<i16>,
}

/// What weights depend on.
#[derive(Clone, Copy, PartialEq)]
struct Key {
    /// The samples that there are.
    first: usize,
    end: usize,
    /// Pixels of the photo, and how many of them have one sample.
    pixels: usize,
    ratio: usize,
    /// Where the square begins, and its side, in pixels.
    start: f64,
    length: f64,
    side: u32,
}

impl Weights {
    /// Of the Catmull-Rom filter over the photo's pixels, each of which is, where there are fewer samples, a mean of the two samples that it
    /// lies between: what enlarging them first would come to.
    fn new(key: Key) -> Weights {
        let (scale, ratio) = (key.length / f64::from(key.side), float(key.ratio));
        // A picture that shrinks is seen through a wider filter.
        let wide = scale.max(1.0);
        let reach = 2.0 * wide;
        let window = whole((2.0 * reach).ceil()).min(key.pixels);
        let between = if key.ratio == 1 { window } else { (window - 1).div_ceil(key.ratio) + 2 };
        let taps = between.min(key.end - key.first);
        let mut weights = Weights { key, taps, starts: Vec::new(), values: Vec::new() };
        for pixel in 0..key.side {
            let center = key.start + (f64::from(pixel) + 0.5) * scale;
            let start = whole((center - reach - 0.5).ceil().max(0.0)).min(key.pixels - window);
            let own = (start..start + window).map(|pixel| catmull_rom((float(pixel) + 0.5 - center) / wide));
            let sum: f64 = own.clone().sum();
            // Where a pixel lies among samples.
            let place = |pixel: usize| ((float(pixel) + 0.5) / ratio - 0.5).max(0.0);
            let first = whole(place(start)).clamp(key.first, key.end - taps);
            let mut of_samples = vec![0.0; taps];
            for (pixel, weight) in (start..).zip(own) {
                let place = place(pixel);
                let far = place - place.floor();
                for (sample, part) in [(whole(place), 1.0 - far), (whole(place) + 1, far)] {
                    of_samples[sample.clamp(first, first + taps - 1) - first] += weight * part / sum;
                }
            }
            weights.starts.push(first - key.first);
            #[expect(clippy::cast_possible_truncation, reason = "below 2, and the nearest one is meant")]
            weights.values.extend(of_samples.iter().map(|weight| (weight * 16384.0).round() as i16));
        }
        weights
    }
}

fn float(length: usize) -> f64 {
    u32::try_from(length).map_or(f64::INFINITY, f64::from)
}

/// A length in samples or pixels, rounded down.
fn whole(length: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "lengths are positive and small")]
    let whole = length as usize;
    whole
}

/// The cubic filter with a = -1/2 (Keys 1981): 1 at 0, 0 from 2 on.
fn catmull_rom(distance: f64) -> f64 {
    let x = distance.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// What it works in, kept from photo to photo.
#[derive(Default)]
pub struct Resizer {
    known: Vec<Weights>,
    /// A plane resized across, column by column.
    across: Vec<i16>,
    /// The same, row by row.
    turned: Vec<i16>,
    strips: [Vec<i16>; 2],
    /// Each plane as the square: rows of `side` samples and what fills a line, 16 times what they differ from the middle by.
    squares: [Vec<i16>; 3],
    pixels: Vec<[u8; 4]>,
}

/// Weights that are remembered: those of a few shapes of photos, in both directions.
const KNOWN: usize = 16;

impl Resizer {
    /// As [`crop_and_resize`](super::crop_and_resize).
    pub fn crop_and_resize(&mut self, photo: &Planes, crop: f64, side: u32) -> Vec<u8> {
        let side_length = usize::try_from(side).expect("a side fits memory");
        for number in 0..photo.all.len() {
            self.resize(photo, number, crop, side);
        }
        let is_gray = photo.all.len() == 1;
        let padded = side_length.next_multiple_of(LINE);
        let mut square = vec![0; 3 * side_length * side_length];
        self.pixels.resize(side_length, [0; 4]);
        for (row, out) in square.chunks_exact_mut(3 * side_length).enumerate() {
            let line = |plane: usize| &self.squares[plane][row * padded..][..side_length];
            if is_gray {
                grays(line(0), &mut self.pixels);
            } else {
                colors(line(0), line(1), line(2), &mut self.pixels);
            }
            pack(&self.pixels, out);
        }
        if photo.orientation == Orientation::NoTransforms {
            return square;
        }
        // It is the middle of the photo, however that is turned.
        let square = RgbImage::from_raw(side, side, square).expect("three bytes a pixel");
        let mut square = DynamicImage::from(square);
        square.apply_orientation(photo.orientation);
        square.into_rgb8().into_raw()
    }

    /// Makes a plane of a photo its square.
    fn resize(&mut self, photo: &Planes, number: usize, crop: f64, side: u32) {
        let (plane, width, height) = (&photo.all[number], f64::from(photo.width), f64::from(photo.height));
        let cropped = crop * width.min(height);
        let side_length = usize::try_from(side).expect("a side fits memory");
        let padded = side_length.next_multiple_of(LINE);
        // Blocks may reach beyond the picture.
        let key = |samples: &Range<usize>, length: usize, pixels: u32, ratio: usize| Key {
            first: samples.start,
            end: samples.end.min(length),
            pixels: usize::try_from(pixels).expect("a photo fits memory"),
            ratio,
            start: (f64::from(pixels) - cropped) / 2.0,
            length: cropped,
            side,
        };
        let columns = key(&plane.columns, plane.width, photo.width, plane.across);
        let rows = key(&plane.rows, plane.height, photo.height, plane.down);
        let of_columns = find(&mut self.known, columns);
        self.across.resize(side_length * plane.stride, 0);
        filter(plane.lines(), plane.stride / LINE, &self.known[of_columns], self.across.as_chunks_mut().0);
        self.turned.resize(plane.stride * padded, 0);
        turn(&self.across, plane.stride, (&mut self.turned, padded), &mut self.strips);
        let of_rows = find(&mut self.known, rows);
        let square = &mut self.squares[number];
        square.resize(side_length * padded, 0);
        filter(self.turned.as_chunks().0, padded / LINE, &self.known[of_rows], square.as_chunks_mut().0);
    }
}

/// The place of weights, which are made where they are not known.
fn find(known: &mut Vec<Weights>, key: Key) -> usize {
    known.iter().position(|weights| weights.key == key).unwrap_or_else(|| {
        if known.len() == KNOWN {
            known.remove(0);
        }
        known.push(Weights::new(key));
        known.len() - 1
    })
}

/// Makes each row of `lines` lines of the result of such rows of `from`, a quarter of what they come to.
fn filter(from: &[[i16; LINE]], lines: usize, weights: &Weights, out: &mut [[i16; LINE]]) {
    // Each product loses half of its last bit on average.
    let lost = i16::try_from(weights.taps / 2).unwrap_or(0);
    let rows = weights.starts.iter().zip(weights.values.chunks_exact(weights.taps));
    for (out, (&start, weights)) in out.chunks_exact_mut(lines).zip(rows) {
        let from = &from[start * lines..];
        for (at, out) in out.iter_mut().enumerate() {
            let mut sums = [lost; LINE];
            for (&weight, line) in weights.iter().zip(from[at..].iter().step_by(lines)) {
                for (sum, &sample) in sums.iter_mut().zip(line) {
                    *sum = sum.wrapping_add(times(sample, weight));
                }
            }
            *out = sums;
        }
    }
}

/// Turns rows of `stride` samples, a multiple of 8 of them, into as many columns of rows of `out_stride`.
fn turn(from: &[i16], stride: usize, (out, out_stride): (&mut [i16], usize), strips: &mut [Vec<i16>; 2]) {
    for strip in &mut *strips {
        strip.resize(8 * stride, 0);
    }
    let [a, b] = strips;
    for (number, rows) in from.chunks(8 * stride).enumerate() {
        // Three times the two halves by turns; a last strip of fewer rows has what was there before below them.
        let full = if rows.len() == 8 * stride {
            rows
        } else {
            b[..rows.len()].copy_from_slice(rows);
            b.as_slice()
        };
        by_turns(full, a);
        by_turns(a, b);
        by_turns(b, a);
        for (column, out) in a.as_chunks::<8>().0.iter().zip(out.chunks_exact_mut(out_stride)) {
            out[8 * number..][..8].copy_from_slice(column);
        }
    }
}

#[inline(never)]
fn by_turns(from: &[i16], out: &mut [i16]) {
    let (low, high) = from.split_at(from.len() / 2);
    for ((&low, &high), out) in low.iter().zip(high).zip(out.as_chunks_mut::<2>().0) {
        *out = [low, high];
    }
}

/// A row of luma and chroma as colors, by JFIF: red is luma + 1.402 red chroma, green luma - 0.344136 blue chroma - 0.714136 red
/// chroma, blue luma + 1.772 blue chroma.
#[inline(never)]
fn colors(luma: &[i16], blue: &[i16], red: &[i16], out: &mut [[u8; 4]]) {
    for (((&luma, &blue), &red), out) in luma.iter().zip(blue).zip(red).zip(out) {
        let [luma, blue, red] = [luma << 2, blue << 2, red << 2];
        let r = luma.saturating_add(red).saturating_add(times(red, 26_345));
        let g = luma.saturating_sub(times(blue, 22_554)).saturating_sub(red).saturating_add(times(red, 18_734));
        let b = luma.saturating_add(blue).saturating_add(blue).saturating_add(times(blue, -14_942));
        *out = [byte(r), byte(g), byte(b), 0];
    }
}

#[inline(never)]
fn grays(luma: &[i16], out: &mut [[u8; 4]]) {
    for (&luma, out) in luma.iter().zip(out) {
        *out = [byte(luma << 2), byte(luma << 2), byte(luma << 2), 0];
    }
}

/// A byte from 64 times what it differs from the middle by.
#[inline]
fn byte(value: i16) -> u8 {
    #[expect(clippy::cast_sign_loss, reason = "it is clamped to a byte")]
    let byte = (value.saturating_add((128 << 6) + 32) >> 6).clamp(0, 255) as u8;
    byte
}

/// Leaves out every fourth byte: eight pixels at a time where there are so many.
#[inline(never)]
fn pack(pixels: &[[u8; 4]], out: &mut [u8]) {
    let (eights, rest) = pixels.as_chunks::<8>();
    let (packed, out) = out.split_at_mut(24 * eights.len());
    for (pixels, out) in eights.iter().zip(packed.as_chunks_mut::<24>().0) {
        let mut pairs = [0_u64; 4];
        for (pair, both) in pairs.iter_mut().zip(pixels.as_flattened().as_chunks::<8>().0) {
            let both = u64::from_le_bytes(*both);
            *pair = both & 0xFF_FFFF | both >> 8 & 0xFFFF_FF00_0000;
        }
        let [a, b, c, d] = pairs;
        let words = [a | b << 48, b >> 16 | c << 32, c >> 32 | d << 16];
        for (word, out) in words.iter().zip(out.as_chunks_mut::<8>().0) {
            *out = word.to_le_bytes();
        }
    }
    for (pixel, out) in rest.iter().zip(out.as_chunks_mut::<3>().0) {
        *out = [pixel[0], pixel[1], pixel[2]];
    }
}
