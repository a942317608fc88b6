//! The int8 kernels: for a tile of anchors and a tile of columns, the pairs whose products may reach a cut. One function, chosen
//! once by what the processor can do; [`portable`] says in plain code what each of them computes. This room refuses to know
//! what a row or a list is.
//!
//! A pair is two vectors, and may be two *sketches* as well (see [`super::sketches`]). With D₀, D the products of the integers of the
//! sketches and of the vectors, all operations in f32 and each rounded once,
//!
//! > f₀ = D₀ · (s₀ˣ · s₀ʸ),  f = D · (sˣ · sʸ),
//!
//! and the pair is proposed when f₀ + ((e₀ˣ + e₀ʸ) + tˣ · tʸ) reaches the lower of the two cuts of the sketches, and f + (eˣ + eʸ) the
//! lower of the two of the vectors. Where no pair of a block passes the first test, the vectors of the block are never
//! multiplied. Without sketches there is only the second test.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod block;
#[cfg(target_arch = "aarch64")]
mod neon;
pub(super) mod peak;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni256;
#[cfg(target_arch = "x86_64")]
mod vnni512;
#[cfg(target_arch = "x86_64")]
mod ymm;

use std::ffi::OsStr;

use crate::similarity::int8::{halved, round};

/// Integers of a step: the components that one instruction multiplies and adds up.
pub(super) const STEP: usize = 4;

/// Steps of a chunk where sums have 16 bits.
const CHUNK: usize = 16;

/// A kernel that this processor can run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    pub(super) name: &'static str,
    /// Anchors of a block.
    pub(super) anchors: usize,
    /// Columns of a block.
    pub(super) columns: usize,
    /// What the integers of an anchor look like.
    pub(super) operand: Operand,
    scan: fn(&Pass<'_>, &mut Vec<Proposal>) -> Scanned,
    products: fn(&Pass<'_>, &mut [f32]),
}

/// How a kernel takes the integers of the anchors, as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// Halved, plus 64: two products fit 16 bits with their sign.
    Halved,
    /// Plus 128.
    Offset,
    /// As they are.
    Signed,
}

impl Operand {
    /// The steps of each chunk of vectors that [`Self::round`] gave.
    pub(super) fn chunks(self, steps: usize) -> Vec<usize> {
        self.in_chunks(steps, CHUNK)
    }

    /// The steps of each chunk of any integers: four products of a byte and half of one fit 16 bits with their sign.
    pub(super) fn chunks_of_any(self, steps: usize) -> Vec<usize> {
        self.in_chunks(steps, 2)
    }

    fn in_chunks(self, steps: usize, longest: usize) -> Vec<usize> {
        // Where sums have 32 bits, there is one.
        let longest = if self == Operand::Halved { longest } else { steps.max(1) };
        (0..steps).step_by(longest).map(|at| longest.min(steps - at)).collect()
    }

    /// Rounds a vector to integers, and to smaller ones where the sums of a chunk might not fit 16 bits.
    ///
    /// A sum takes two of the four components of each step. By Cauchy and Schwarz it is at most the product of the lengths that a
    /// column's integers and an anchor's halves have there.
    pub(super) fn round(self, x: &[f32], integers: &mut [i8]) {
        round(x, 127.0, integers);
        if self != Operand::Halved {
            return;
        }
        let mut most = 127.0;
        while let Some(longer) = longer(integers) {
            most *= 0.99 / longer;
            round(x, most, integers);
        }
    }

    /// An integer of an anchor as a byte.
    pub(super) fn anchor(self, q: i8) -> u8 {
        match self {
            Operand::Halved => halved(q).cast_unsigned().wrapping_add(64),
            Operand::Offset => q.cast_unsigned() ^ 0x80,
            Operand::Signed => q.cast_unsigned(),
        }
    }

    /// The integer of an anchor that is written as this byte.
    pub(super) fn component(self, byte: u8) -> i8 {
        byte.wrapping_sub(self.anchor(0)).cast_signed()
    }

    /// The correction of a column with one more step.
    pub(super) fn correct(self, correction: i32, [a, b, c, d]: [i8; STEP]) -> i32 {
        let pair = |a: i8, b: i8| i32::from(a) + i32::from(b);
        match self {
            Operand::Halved => {
                let [lower, upper]: [i16; 2] = bytemuck::cast(correction);
                let less = |sum: i16, pair: i32| sum.wrapping_sub(i16::try_from(64 * pair).expect("two bytes"));
                bytemuck::cast([less(lower, pair(a, b)), less(upper, pair(c, d))])
            }
            // It may wrap on the way, as the sums do, which end at the sum of the true products.
            Operand::Offset => correction.wrapping_sub(128 * (pair(a, b) + pair(c, d))),
            Operand::Signed => 0,
        }
    }

    /// What was added to the integers of an anchor.
    #[cfg(test)]
    fn offset(self) -> i32 {
        match self {
            Operand::Halved => 64,
            Operand::Offset => 128,
            Operand::Signed => 0,
        }
    }
}

/// The greatest squared lengths of a column's integers and of an anchor's halves in a sum of a chunk: their product fits.
const FITS: [u32; 2] = [65_000, 16_500];
const _: () = assert!(FITS[0] as u64 * FITS[1] as u64 <= (i16::MAX as u64).pow(2));

/// How many times too long the integers of a part are in some chunk, if they are.
fn longer(integers: &[i8]) -> Option<f32> {
    let mut longer = 1.0_f32;
    for chunk in integers.chunks(CHUNK * STEP) {
        // Of the lower and the upper two components of each step.
        let mut squares = [[0; 2]; 2];
        for (at, &q) in chunk.iter().enumerate() {
            let of_pair = &mut squares[at % STEP / 2];
            for (square, q) in of_pair.iter_mut().zip([q, halved(q)]) {
                *square += u32::from(q.unsigned_abs()).pow(2);
            }
        }
        for of_pair in squares {
            for (square, fits) in of_pair.into_iter().zip(FITS).filter(|(square, fits)| square > fits) {
                #[expect(clippy::cast_precision_loss, reason = "a guess for the next try")]
                let ratio = (square as f32 / fits as f32).sqrt();
                longer = longer.max(ratio);
            }
        }
    }
    (longer > 1.0).then_some(longer)
}

/// Integers of the rows of one side of a tile, and what belongs to them: one entry for each row, padded to whole blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part<'a> {
    /// `[blocks][steps][rows of a block][STEP]`.
    pub(super) integers: &'a [u8],
    /// s.
    pub(super) scales: &'a [f32],
    /// e.
    pub(super) residuals: &'a [f32],
    /// What a product must reach; infinity for rows that want nothing.
    pub(super) cuts: &'a [f32],
}

/// One side of a tile of pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side<'a> {
    /// The sketches, which may be empty, and the vectors.
    pub(super) parts: [Part<'a>; 2],
    /// t: at least how long what a sketch leaves out is.
    pub(super) rest: &'a [f32],
}

/// A tile of pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass<'a> {
    pub(super) anchors: Side<'a>,
    pub(super) columns: Side<'a>,
    /// Of the sketches and of the vectors, the steps of each chunk: products are added up chunk by chunk.
    pub(super) chunks: [&'a [usize]; 2],
    /// Of both, `[blocks of columns][chunks][columns of a block]`: what the sums start at to make up for the anchors' offset.
    /// For [`Operand::Halved`] each holds two numbers of 16 bits, for the lower and the upper two integers of each step.
    pub(super) corrections: [&'a [i32]; 2],
}

impl Side<'_> {
    /// Rows, with those that fill up the last block.
    pub(super) fn rows(&self) -> usize {
        self.parts[1].scales.len()
    }
}

impl<'a> Pass<'a> {
    /// A pass over vectors without sketches.
    pub(super) fn of_vectors(
        anchors: Part<'a>,
        columns: Part<'a>,
        chunks: &'a [usize],
        corrections: &'a [i32],
    ) -> Pass<'a> {
        let side = |vectors| Side { parts: [Part::default(), vectors], rest: &[] };
        let (anchors, columns) = (side(anchors), side(columns));
        Pass { anchors, columns, chunks: [&[], chunks], corrections: [&[], corrections] }
    }

    /// Steps of the sketches and of the vectors.
    pub(super) fn steps(&self) -> [usize; 2] {
        self.chunks.map(|chunks| chunks.iter().sum())
    }

    fn check(&self, kernel: &Kernel) {
        for (side, block) in [(&self.anchors, kernel.anchors), (&self.columns, kernel.columns)] {
            let rows = side.rows();
            assert!(rows.is_multiple_of(block), "rows come in whole blocks");
            for (part, steps) in side.parts.iter().zip(self.steps()).filter(|&(_, steps)| steps > 0) {
                assert_eq!(part.integers.len(), rows * steps * STEP, "integers for every row");
                let numbers = [part.scales, part.residuals, part.cuts];
                assert!(numbers.iter().all(|numbers| numbers.len() == rows), "numbers for every row");
            }
            assert!(self.chunks[0].is_empty() || side.rest.len() == rows, "a rest for every sketch");
        }
        for (corrections, chunks) in self.corrections.iter().zip(self.chunks) {
            assert_eq!(corrections.len(), self.columns.rows() * chunks.len(), "corrections for every column");
        }
    }
}

/// A pair that may reach its cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Proposal {
    /// Place of the anchor in its tile.
    pub(super) anchor: u32,
    /// Place of the column in its tile.
    pub(super) column: u32,
    /// f of the module's documentation.
    pub(super) product: f32,
}

/// What a scan did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Blocks of pairs.
    pub(super) blocks: u64,
    /// Those whose vectors were never multiplied.
    pub(super) cut_short: u64,
}

impl Kernel {
    /// Adds the proposals of a tile of pairs to `found`, in any order.
    ///
    /// # Panics
    /// When a slice is not as long as the others say.
    pub(super) fn scan(&self, pass: &Pass<'_>, found: &mut Vec<Proposal>) -> Scanned {
        pass.check(self);
        (self.scan)(pass, found)
    }

    /// Writes f of every pair of a tile, `[anchors][columns]`.
    ///
    /// # Panics
    /// When a slice is not as long as the others say.
    pub(super) fn products(&self, pass: &Pass<'_>, products: &mut [f32]) {
        pass.check(self);
        assert_eq!(products.len(), pass.anchors.rows() * pass.columns.rows(), "a product for every pair");
        (self.products)(pass, products);
    }

    /// The kernels of this processor, the fastest first; the last one runs everywhere.
    pub(super) fn available() -> Vec<Kernel> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            all.extend((has!("avx512f") && has!("avx512vnni")).then_some(vnni512::KERNEL));
            all.extend((has!("avx2") && has!("avxvnni")).then_some(vnni256::KERNEL));
            all.extend(has!("avx2").then_some(avx2::KERNEL));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(std::arch::is_aarch64_feature_detected!("dotprod").then_some(neon::KERNEL));
        all.push(portable::KERNEL);
        all
    }

    /// The kernel that the environment variable `TWINSET_KERNEL` names, else the fastest of this processor.
    ///
    /// # Errors
    /// When this processor has no kernel of that name.
    pub(super) fn chosen() -> Result<Kernel, String> {
        Kernel::named(std::env::var_os("TWINSET_KERNEL").as_deref())
    }

    fn named(name: Option<&OsStr>) -> Result<Kernel, String> {
        let available = Kernel::available();
        let Some(name) = name else { return Ok(available[0]) };
        available.iter().find(|kernel| *name == *kernel.name).copied().ok_or_else(|| {
            let names: Vec<_> = available.iter().map(|kernel| format!("`{}`", kernel.name)).collect();
            format!("`TWINSET_KERNEL` is `{}`: set it to one of {}", name.display(), names.join(", "))
        })
    }
}
