//! Every kernel of this processor against the plain code, bit for bit.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "random numbers of a known range, bytes on purpose, and the one rounding of a product"
)]

use proptest::prelude::*;

use super::{Kernel, Operand, Pass, Proposal, STEP, Section, Sections, Side, portable};

/// The rows of one side of a tile.
struct Rows {
    integers: Vec<Vec<i8>>,
    scales: Vec<f32>,
    residuals: Vec<f32>,
    /// `[tests][rows]`.
    rests: Vec<f32>,
    scores: Vec<f32>,
    cuts: Vec<f32>,
}

/// What a tile is made of.
#[derive(Clone, Debug)]
struct Shape {
    /// Blocks of anchors and of columns.
    blocks: [usize; 2],
    /// Of each section its steps, and by how many bits its unit is finer than that of the section before.
    sections: Vec<(usize, u32)>,
    /// Steps of a chunk, from the first on and around; fewer where products of 16 bits would not fit.
    chunks: Vec<usize>,
    integers: Integers,
    /// How many rows in 16 have scores and cuts that can be reached.
    wanted: u64,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Integers {
    Any,
    Small,
    /// The least or the largest.
    Extreme,
    /// The largest alone.
    Largest,
}

fn shape() -> impl Strategy<Value = Shape> {
    use Integers::{Any, Extreme, Largest, Small};
    let integers = prop_oneof![Just(Any), Just(Small), Just(Extreme), Just(Largest)];
    let chunks = prop::collection::vec(1_usize..=40, 1..5);
    let sections = prop::collection::vec((1_usize..=20, 0_u32..3), 1..5);
    let wanted = prop_oneof![Just(0_u64), Just(1), Just(16)];
    ([1_usize..=4, 1..=4], sections, chunks, integers, wanted, any::<u64>()).prop_map(
        |(blocks, sections, chunks, integers, wanted, seed)| Shape { blocks, sections, chunks, integers, wanted, seed },
    )
}

proptest! {
    #[test]
    fn all_kernels_propose_the_same(shape in shape()) {
        for kernel in Kernel::available() {
            compare(&kernel, &shape);
        }
    }
}

#[test]
fn the_tiles_compared_have_proposals_and_blocks_that_are_left() {
    for kernel in Kernel::available() {
        let (mut proposals, mut pairs, mut spared, mut steps) = (0, 0, 0, 0);
        for seed in 0..32 {
            let sections = vec![(4, 0), (8, 1), (12, 0)];
            let shape =
                Shape { blocks: [3; 2], sections, chunks: vec![5, 3], integers: Integers::Any, wanted: 1, seed };
            let (found, scanned) = compare(&kernel, &shape);
            proposals += found;
            pairs += 9 * kernel.anchors * kernel.columns;
            spared += scanned.spared;
            steps += scanned.steps;
        }
        println!("{}: {proposals} of {pairs} pairs, {spared} of {steps} steps spared", kernel.name);
        assert!(proposals > pairs / 1000 && proposals < pairs / 2, "{proposals} of {pairs}");
        assert!(spared > steps / 50 && spared < steps / 2, "{spared} of {steps}");
    }
}

#[test]
fn a_kernel_is_chosen_by_its_name() {
    let available = Kernel::available();
    assert_eq!(available.last().unwrap().name, "portable");
    for kernel in &available {
        assert_eq!(Kernel::named(Some(kernel.name.as_ref())).unwrap().name, kernel.name);
    }
    assert_eq!(Kernel::named(None).unwrap().name, available[0].name);
    let error = Kernel::named(Some("abacus".as_ref())).unwrap_err();
    assert!(error.contains("is `abacus`") && error.contains("`portable`"), "{error}");
}

/// The proposals that both scans have, and what they counted. Products are compared too.
fn compare(kernel: &Kernel, shape: &Shape) -> (usize, super::Scanned) {
    let mut random = Random(shape.seed);
    let (anchors, columns) = (shape.blocks[0] * kernel.anchors, shape.blocks[1] * kernel.columns);
    let smallest = if kernel.operand == Operand::Halved { -63..=64 } else { -127..=127 };
    let mut x = Rows::random(anchors, shape, smallest, &mut random);
    let mut y = Rows::random(columns, shape, -127..=127, &mut random);
    let sections = sections(kernel.operand, shape, &x, &y);
    for _ in 0..(anchors + columns) as u64 * shape.wanted / 16 {
        let (a, c) = (random.below(anchors), random.below(columns));
        let (score, cut) = reached(&sections, (&x, a), (&y, c), &mut random);
        let (of_row, row) = if random.below(2) == 0 { (&mut x, a) } else { (&mut y, c) };
        (of_row.scores[row], of_row.cuts[row]) = (score, cut);
    }
    let (packed_x, packed_y) = (x.packed(kernel.anchors, kernel.operand.offset()), y.packed(kernel.columns, 0));
    let corrections = corrections(kernel, &sections, &y.integers);
    let pass =
        Pass { anchors: x.side(&packed_x), columns: y.side(&packed_y), sections: &sections, corrections: &corrections };
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    let scanned = kernel.scan(&pass, &mut found);
    assert_eq!(scanned, portable::scan_as(kernel, &pass, &mut expected), "{} {shape:?}", kernel.name);
    let bits = |mut proposals: Vec<Proposal>| {
        proposals.sort_by_key(|proposal| (proposal.anchor, proposal.column));
        proposals.iter().map(|one| (one.anchor, one.column, one.product.to_bits())).collect::<Vec<_>>()
    };
    let count = found.len();
    assert_eq!(bits(found), bits(expected), "{} {shape:?}", kernel.name);
    let [mut products, mut expected] = [0, 1].map(|_| vec![f32::NAN; anchors * columns]);
    kernel.products(&pass, &mut products);
    portable::products_as(kernel, &pass, &mut expected);
    let bits = |all: &[f32]| all.iter().map(|product| product.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&products), bits(&expected), "{} {shape:?}", kernel.name);
    (count, scanned)
}

/// A score and a cut near or at what a pair reaches in one of its tests and at the end, or ones that every pair reaches.
fn reached(sections: &Sections, (x, a): (&Rows, usize), (y, c): (&Rows, usize), random: &mut Random) -> (f32, f32) {
    let test = random.below(sections.tests().max(1));
    let (mut sum, mut start, mut score) = (0, 0, f32::NEG_INFINITY);
    for (at, section) in sections.all().iter().enumerate() {
        let of_section = start..start + section.steps() * STEP;
        let of_pair = x.integers[a][of_section.clone()].iter().zip(&y.integers[c][of_section.clone()]);
        sum = (sum << section.shift) + of_pair.map(|(&x, &y)| i32::from(x) * i32::from(y)).sum::<i32>();
        start = of_section.end;
        if at == test && at < sections.tests() {
            let rests = x.rests[at * x.scales.len() + a] * y.rests[at * y.scales.len() + c];
            score = sum as f32 * (x.scales[a] * (section.unit * section.unit) * y.scales[c]) + rests;
        }
    }
    let cut = sum as f32 * (x.scales[a] * y.scales[c]) + (x.residuals[a] + y.residuals[c]);
    match random.below(8) {
        0 => (f32::NEG_INFINITY, f32::NEG_INFINITY),
        1 => (score.next_up(), cut.next_up()),
        _ => (score, cut),
    }
}

/// The sections in chunks; where sums of 16 bits hold products of halved integers, all of them fit.
fn sections(operand: Operand, shape: &Shape, x: &Rows, y: &Rows) -> Sections {
    let mut lengths = shape.chunks.iter().cycle();
    let mut start = 0;
    let mut sections = Vec::new();
    for (at, &(steps, finer)) in shape.sections.iter().enumerate() {
        let end = start + steps;
        let mut chunks = Vec::new();
        while start < end {
            let longest = *lengths.next().unwrap();
            let length = (1..=longest.min(end - start)).take_while(|&length| {
                operand != Operand::Halved || fits(&x.integers, &y.integers, start..start + length)
            });
            chunks.push(length.last().expect("two products fit"));
            start += chunks.last().unwrap();
        }
        let later: u32 = shape.sections[at + 1..].iter().map(|(_, finer)| finer).sum();
        sections.push(Section {
            chunks,
            unit: 2_f32.powi(later.cast_signed()),
            shift: if at == 0 { 0 } else { 2 * finer },
        });
    }
    Sections(sections)
}

fn fits(x: &[Vec<i8>], y: &[Vec<i8>], steps: std::ops::Range<usize>) -> bool {
    let pairs = || x.iter().flat_map(|x| y.iter().map(move |y| (x, y)));
    (0..2).all(|half| {
        pairs().all(|(x, y)| {
            let places = steps.clone().flat_map(|step| [step * STEP + 2 * half, step * STEP + 2 * half + 1]);
            let sum: i32 = places.map(|at| i32::from(x[at]) * i32::from(y[at])).sum();
            i16::try_from(sum).is_ok()
        })
    })
}

/// What the sums of each block, chunk and column start at.
fn corrections(kernel: &Kernel, sections: &Sections, y: &[Vec<i8>]) -> Vec<i32> {
    let mut corrections = Vec::new();
    for block in y.chunks(kernel.columns) {
        let mut start = 0;
        for steps in sections.chunks() {
            for column in block {
                let of_chunk = &column[start * STEP..(start + steps) * STEP];
                let sum = |places: &[usize]| -> i32 {
                    let of_step = |step: &[i8]| places.iter().map(|&at| i32::from(step[at])).sum::<i32>();
                    -kernel.operand.offset() * of_chunk.chunks(STEP).map(of_step).sum::<i32>()
                };
                corrections.push(match kernel.operand {
                    Operand::Halved => sum(&[0, 1]) & 0xFFFF | sum(&[2, 3]) << 16,
                    Operand::Offset | Operand::Signed => sum(&[0, 1, 2, 3]),
                });
            }
            start += steps;
        }
    }
    corrections
}

impl Rows {
    /// Rows that want nothing.
    fn random(rows: usize, shape: &Shape, range: std::ops::RangeInclusive<i8>, random: &mut Random) -> Rows {
        let (least, largest) = range.into_inner();
        let integer = |random: &mut Random| match shape.integers {
            Integers::Any => least.wrapping_add(random.below(usize::from(largest.abs_diff(least)) + 1) as i8),
            Integers::Small => random.below(21) as i8 - 10,
            Integers::Extreme => [least, largest][random.below(2)],
            Integers::Largest => largest,
        };
        let places = STEP * shape.sections.iter().map(|(steps, _)| steps).sum::<usize>();
        let integers = (0..rows).map(|_| (0..places).map(|_| integer(random)).collect()).collect();
        let mut numbers =
            |count: usize, largest: f32| -> Vec<f32> { (0..count).map(|_| largest * random.fraction()).collect() };
        Rows {
            integers,
            scales: numbers(rows, 0.01),
            residuals: numbers(rows, 0.05),
            rests: numbers(rows * (shape.sections.len() - 1), 1.0),
            scores: vec![f32::INFINITY; rows],
            cuts: vec![f32::INFINITY; rows],
        }
    }

    /// The integers in blocks of `width` rows.
    fn packed(&self, width: usize, offset: i32) -> Vec<u8> {
        let steps = self.integers[0].len() / STEP;
        let mut packed = vec![0; self.integers.len() * steps * STEP];
        for (row, integers) in self.integers.iter().enumerate() {
            for (place, &q) in integers.iter().enumerate() {
                let at = ((row / width * steps + place / STEP) * width + row % width) * STEP + place % STEP;
                packed[at] = (i32::from(q) + offset) as u8;
            }
        }
        packed
    }

    fn side<'a>(&'a self, integers: &'a [u8]) -> Side<'a> {
        let Rows { scales, residuals, rests, scores, cuts, .. } = self;
        Side { integers, scales, residuals, rests, scores, cuts }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn fraction(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }
}
