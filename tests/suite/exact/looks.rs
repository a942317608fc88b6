//! Vectors of the kinds that are hard on an engine, the same in every run. Refuses to know what they are compared by.

use rayon::prelude::*;
use twinset::embedding::Vectors;
use twinset::similarity::Matrix;

/// How the vectors of a catalog lie.
#[derive(Clone, Copy, Debug)]
pub enum Looks {
    /// Clusters of 50, as photographs of a catalog are.
    Clustered,
    /// Every direction as likely as any other.
    Uniform,
    /// Two components hold nearly all of the length, so that a common scale rounds the others away.
    TwoDominating,
    /// Families of 40: a quarter differ in the last bits of some components, the others by 1e-7 to 1e-3 of the length.
    NearDuplicates,
    /// Families of 40 with one vector, bit for bit.
    Duplicates,
}

const FAMILY: usize = 40;

impl Looks {
    /// `rows` unit vectors. Those of one cluster or family lie far apart.
    pub fn matrix(self, rows: usize, dimension: usize) -> Matrix {
        let raw: Vec<Vec<f32>> = (0..rows).into_par_iter().map(|row| self.raw(row, rows, dimension)).collect();
        let mut vectors = Vectors::new(dimension, rows);
        for (row, raw) in raw.iter().enumerate() {
            vectors.insert(row, raw).expect("finite and not zero");
        }
        Matrix::gather(&vectors, 0..rows)
    }

    /// One vector of any length above zero.
    pub fn raw(self, row: usize, rows: usize, dimension: usize) -> Vec<f32> {
        let mut own = Normal::of(1, row);
        let mut noise = |base: &[f32], scale: f32| base.iter().map(|v| v + scale * own.next()).collect::<Vec<f32>>();
        let shared = |size: usize| Normal::of(2, row % (rows / size).max(1)).take(dimension);
        match self {
            Looks::Clustered => noise(&shared(50), 0.5),
            Looks::Uniform => noise(&vec![0.0; dimension], 1.0),
            Looks::TwoDominating => {
                let mut vector = noise(&vec![0.0; dimension], 1.0);
                for (at, value) in vector.iter_mut().enumerate().filter(|(at, _)| ![0, dimension / 2].contains(at)) {
                    *value *= 0.003 * (at % 3) as f32;
                }
                vector
            }
            Looks::NearDuplicates => {
                let (mut base, member) = (shared(FAMILY), row / (rows / FAMILY).max(1));
                match member % 8 {
                    0..2 => {
                        let step = member as u32 % 5 + 1;
                        let some = base.iter_mut().skip(member % 7).step_by(dimension.div_ceil(5));
                        some.for_each(|value| *value = f32::from_bits(value.to_bits() + step));
                        base
                    }
                    order => noise(&base, [1e-7, 1e-6, 1e-5, 1e-5, 1e-4, 1e-3][order - 2]),
                }
            }
            Looks::Duplicates => shared(FAMILY),
        }
    }
}

/// Normally distributed numbers: their directions have no preference.
struct Normal(u64);

impl Normal {
    /// The stream of one row or family.
    fn of(kind: u64, number: usize) -> Normal {
        let mut stream = Normal(kind << 60 | number as u64);
        stream.0 = stream.bits();
        stream
    }

    fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Box and Muller's transform of two uniform numbers.
    fn next(&mut self) -> f32 {
        let mut uniform = || ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let (radius, turn) = (uniform(), uniform());
        ((-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()) as f32
    }

    /// `SplitMix64`.
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
