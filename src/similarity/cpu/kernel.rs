//! The int8 kernels: for a tile of anchors and a tile of columns, the pairs whose products may reach a cut. One function, chosen
//! once by what the processor can do; [`portable`] says in plain code what each of them computes. This room refuses to know
//! what a row or a list is.
//!
//! Vectors are multiplied in *sections*. With Dₘ the sum of the products of the integers of the first m sections, in units uₘ of the
//! m-th one (see [`Section`]), and D that of all, all operations in f32 and each rounded once, a pair is proposed when
//!
//! > f = D · (sˣ · sʸ),  f + (eˣ + eʸ) ≥ min(cutˣ, cutʸ).
//!
//! After each section before the last, a block of pairs is left where no column of it has
//!
//! > max(Dₘ, 0) · ((s · uₘ²) · sʸ) ≥ min(score − t · t′, scoreʸ − tʸ · t)
//!
//! with the largest Dₘ of all anchors, the least `score` and the largest s and t of the block's anchors, and the largest t′ of its columns.
//! No pair that reaches the lower of its two scores with Dₘ · (sˣ · sʸ) + tˣ · tʸ is left so: the left side is at least its product, and
//! the right side at most its score less the product of its rests. A test of each pair would leave a few more blocks, but takes several
//! times as long.

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
    /// The steps of each chunk of a section.
    fn chunks(self, steps: usize) -> Vec<usize> {
        // Where sums have 32 bits, there is one.
        let longest = if self == Operand::Halved { CHUNK } else { steps.max(1) };
        (0..steps).step_by(longest).map(|at| longest.min(steps - at)).collect()
    }

    /// Rounds a vector, each component in its unit, to integers of which the largest is 127, or less where no component is as large as
    /// `usual`, and to smaller ones where the sums of a chunk might not fit 16 bits.
    ///
    /// A sum takes two of the four components of each step. By Cauchy and Schwarz it is at most the product of the lengths that a
    /// column's integers and an anchor's halves have there.
    pub(super) fn round(self, x: &[f32], usual: f32, sections: &Sections, integers: &mut [i8]) {
        round(x, [127.0, usual], integers);
        if self != Operand::Halved {
            return;
        }
        let mut most = 127.0;
        while let Some(longer) = longer(integers, sections) {
            most *= 0.99 / longer;
            round(x, [most, usual], integers);
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

/// How many times too long the integers of a vector are in some chunk, if they are.
fn longer(integers: &[i8], sections: &Sections) -> Option<f32> {
    let (mut longer, mut rest) = (1.0_f32, integers);
    for steps in sections.chunks() {
        let (chunk, after) = rest.split_at(rest.len().min(steps * STEP));
        rest = after;
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

/// Steps that are multiplied in one go.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Section {
    /// The steps of each chunk: products are added up chunk by chunk.
    pub(super) chunks: Vec<usize>,
    /// What an integer of this section counts, in those of the last one: a power of two.
    pub(super) unit: f32,
    /// By how many bits the sums of earlier sections are moved up, so that all count in units of this one.
    pub(super) shift: u32,
}

/// How vectors are multiplied.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sections(Vec<Section>);

impl Sections {
    /// Vectors of `dimension` components in one section.
    pub(super) fn whole(operand: Operand, dimension: usize) -> Sections {
        Sections::new(operand, &[(dimension, 0)])
    }

    /// Sections that end at some components, whole steps but for the last, with the binary logarithms of their units, which never
    /// grow and end at 0.
    pub(super) fn new(operand: Operand, ends: &[(usize, u32)]) -> Sections {
        let (mut start, mut before) = (0, ends.first().map_or(0, |first| first.1));
        let section = |&(end, unit): &(usize, u32)| {
            let end = end.div_ceil(STEP);
            let section = Section {
                chunks: operand.chunks(end - start),
                unit: 2_f32.powi(unit.cast_signed()),
                shift: 2 * (before - unit),
            };
            (start, before) = (end, unit);
            section
        };
        Sections(ends.iter().map(section).collect())
    }

    /// Steps of a vector.
    pub(super) fn steps(&self) -> usize {
        self.chunks().sum()
    }

    /// The steps of each chunk, of all sections.
    pub(super) fn chunks(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|section| section.chunks.iter().copied())
    }

    pub(super) fn all(&self) -> &[Section] {
        &self.0
    }

    /// How often it is looked at what pairs may still reach.
    pub(super) fn tests(&self) -> usize {
        self.0.len() - 1
    }

    /// The unit of each component.
    pub(super) fn units(&self) -> impl Iterator<Item = f32> {
        self.0.iter().flat_map(|section| std::iter::repeat_n(section.unit, section.steps() * STEP))
    }
}

impl Section {
    pub(super) fn steps(&self) -> usize {
        self.chunks.iter().sum()
    }
}

/// The rows of one side of a tile: one entry for each row, padded to whole blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    /// `[blocks][steps][rows of a block][STEP]`.
    pub(super) integers: &'a [u8],
    /// s.
    pub(super) scales: &'a [f32],
    /// e.
    pub(super) residuals: &'a [f32],
    /// t, `[tests][rows]`: at least how long the rest of a vector is after each section before the last.
    pub(super) rests: &'a [f32],
    /// What a product and its rests must reach after a section before the last, for the row and whatever it is off by; infinity for
    /// rows that want nothing.
    pub(super) scores: &'a [f32],
    /// What a product and its residuals must reach after the last one.
    pub(super) cuts: &'a [f32],
}

/// A tile of pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass<'a> {
    pub(super) anchors: Side<'a>,
    pub(super) columns: Side<'a>,
    pub(super) sections: &'a Sections,
    /// `[blocks of columns][chunks][columns of a block]`: what the sums start at to make up for the anchors' offset.
    /// For [`Operand::Halved`] each holds two numbers of 16 bits, for the lower and the upper two integers of each step.
    pub(super) corrections: &'a [i32],
}

impl Side<'_> {
    /// Rows, with those that fill up the last block.
    pub(super) fn rows(&self) -> usize {
        self.scales.len()
    }
}

impl Pass<'_> {
    /// Integers and chunks of a row.
    fn of_row(&self) -> [usize; 2] {
        [self.sections.steps() * STEP, self.sections.chunks().count()]
    }

    fn check(&self, kernel: &Kernel) {
        let [integers, chunks] = self.of_row();
        for (side, block) in [(&self.anchors, kernel.anchors), (&self.columns, kernel.columns)] {
            let rows = side.rows();
            assert!(rows.is_multiple_of(block), "rows come in whole blocks");
            assert_eq!(side.integers.len(), rows * integers, "integers for every row");
            let numbers = [side.scales, side.residuals, side.scores, side.cuts];
            assert!(numbers.iter().all(|numbers| numbers.len() == rows), "numbers for every row");
            assert_eq!(side.rests.len(), self.sections.tests() * rows, "a rest for every row and test");
        }
        assert_eq!(self.corrections.len(), self.columns.rows() * chunks, "corrections for every column");
    }
}

/// The least score, the largest scale and the largest rest of the rows of a block.
#[derive(Clone, Copy, Debug)]
struct Extreme {
    score: f32,
    scale: f32,
    rest: f32,
}

/// The extremes of the blocks of a side.
#[derive(Debug)]
struct Extremes {
    /// `[tests][blocks]`.
    all: Vec<Extreme>,
    blocks: usize,
}

impl Extremes {
    fn new(side: &Side<'_>, width: usize) -> Extremes {
        let most = |numbers: &[f32]| folded::<4>(numbers, 0.0, f32::max);
        let blocks = side.rows() / width;
        let extreme = |(at, rests): (usize, &[f32])| {
            let rows = at % blocks * width..(at % blocks + 1) * width;
            let score = folded::<4>(&side.scores[rows.clone()], f32::INFINITY, f32::min);
            Extreme { score, scale: most(&side.scales[rows]), rest: most(rests) }
        };
        Extremes { all: side.rests.chunks_exact(width).enumerate().map(extreme).collect(), blocks }
    }

    fn of(&self, block: usize, test: usize) -> Extreme {
        self.all[test * self.blocks + block]
    }
}

/// Folds some numbers, `LANES` at a time; whether `start` comes in once or more often must not matter.
pub(super) fn folded<const LANES: usize>(numbers: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut all = [start; LANES];
    for chunk in chunks {
        all.iter_mut().zip(chunk).for_each(|(all, &number)| *all = fold(*all, number));
    }
    rest.iter().chain(&all).fold(start, |all, &number| fold(all, number))
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
    /// Steps of all blocks of pairs.
    pub(super) steps: u64,
    /// Those that were never multiplied.
    pub(super) spared: u64,
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
