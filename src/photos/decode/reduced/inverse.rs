//! From the lowest coefficients of a block to a few pixels: the inverse cosine transform of 1, 2, 4 or 8 points a side, which
//! is what averaging the whole block's pixels comes to, but for what high frequencies leave.

use std::ops::Range;

use super::scan::{Component, zeros};

/// What a coefficient of frequency `k` adds to pixel `x` of `N`: `BASIS[k][x]`, scaled so that a block's mean stays.
fn basis<const N: usize>() -> [[f32; N]; N] {
    let scale = |frequency| if frequency == 0 { 1.0 } else { std::f64::consts::SQRT_2 } / 8_f64.sqrt();
    std::array::from_fn(|frequency| {
        std::array::from_fn(|x| {
            let number = |value| f64::from(u32::try_from(value).unwrap_or(0));
            let angle = number((2 * x + 1) * frequency) * std::f64::consts::PI / number(2 * N);
            // From a portable library: the system's cosine may differ in the last bit between systems.
            #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is meant")]
            let factor = (scale(frequency) * libm::cos(angle)) as f32;
            factor
        })
    })
}

/// One component as pixels.
pub struct Plane {
    /// Pixels a row.
    pub stride: usize,
    pub pixels: Vec<u8>,
}

/// The blocks of a component that are looked at.
pub struct Looked {
    pub columns: Range<usize>,
    pub rows: Range<usize>,
}

/// Turns the blocks of a component that are looked at into `width` x `height` pixels each; the others stay black.
pub fn plane(
    component: &Component,
    quantum: &[u16; 64],
    (width, height): (u8, u8),
    looked: &Looked,
    memory: Option<Vec<u8>>,
) -> Plane {
    let blocks = component.nonzero.len() * usize::from(width) * usize::from(height);
    let mut plane = Plane { stride: component.stride * usize::from(width), pixels: zeros(memory, blocks) };
    let transform = match width {
        1 => of_width::<1>(height),
        2 => of_width::<2>(height),
        4 => of_width::<4>(height),
        _ => of_width::<8>(height),
    };
    transform(component, quantum, looked, &mut plane);
    plane
}

type Transform = fn(&Component, &[u16; 64], &Looked, &mut Plane);

fn of_width<const W: usize>(height: u8) -> Transform {
    match height {
        1 => transform::<W, 1>,
        2 => transform::<W, 2>,
        4 => transform::<W, 4>,
        _ => transform::<W, 8>,
    }
}

fn transform<const W: usize, const H: usize>(
    component: &Component,
    quantum: &[u16; 64],
    looked: &Looked,
    plane: &mut Plane,
) {
    let (across, down) = (basis::<W>(), basis::<H>());
    let kept = component.positions.len();
    for row in looked.rows.clone() {
        let band = &mut plane.pixels[row * H * plane.stride..(row + 1) * H * plane.stride];
        for column in looked.columns.clone() {
            let block = row * component.stride + column;
            let own = &component.coefficients[block * kept..(block + 1) * kept];
            let square = if component.nonzero[block] & component.kept == 0 {
                [[f32::from(own[0]) * f32::from(quantum[0]) / 8.0; W]; H]
            } else {
                let mut lowest = [[0.0_f32; W]; H];
                for (&position, &value) in component.positions.iter().zip(own) {
                    let position = usize::from(position);
                    lowest[position / 8][position % 8] = f32::from(value) * f32::from(quantum[position]);
                }
                inverse(&lowest, &across, &down)
            };
            for (line, pixels) in square.iter().zip(band.chunks_exact_mut(plane.stride)) {
                for (pixel, value) in pixels[column * W..(column + 1) * W].iter_mut().zip(line) {
                    *pixel = rounded(*value);
                }
            }
        }
    }
}

fn inverse<const W: usize, const H: usize>(
    lowest: &[[f32; W]; H],
    across: &[[f32; W]; W],
    down: &[[f32; H]; H],
) -> [[f32; W]; H] {
    let mut columns = [[0.0; W]; H];
    for (line, weights) in lowest.iter().zip(down) {
        for (sum, weight) in columns.iter_mut().zip(weights) {
            for (sum, value) in sum.iter_mut().zip(line) {
                *sum += value * weight;
            }
        }
    }
    let mut square = [[0.0; W]; H];
    for (sums, line) in square.iter_mut().zip(&columns) {
        for (value, weights) in line.iter().zip(across) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += value * weight;
            }
        }
    }
    square
}

/// A sample around 0 as a byte around 128.
fn rounded(value: f32) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float becomes the nearest byte")]
    let byte = (value + 128.5) as u8;
    byte
}
