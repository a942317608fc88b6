//! Every kernel of this processor against the plain code, bit for bit.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "random numbers of a known range, bytes on purpose, and the one rounding of a product"
)]

use proptest::prelude::*;

use super::{Kernel, Operand, Part, Pass, Proposal, STEP, Side, portable};

/// The rows of one side of a tile: sketches, then vectors.
struct Rows {
    integers: [Vec<Vec<i8>>; 2],
    scales: [Vec<f32>; 2],
    residuals: [Vec<f32>; 2],
    cuts: [Vec<f32>; 2],
    rest: Vec<f32>,
}

/// What a tile is made of.
#[derive(Clone, Debug)]
struct Shape {
    /// Blocks of anchors and of columns.
    blocks: [usize; 2],
    /// Steps of the sketches, which may be none, and of the vectors.
    steps: [usize; 2],
    /// Steps of a chunk, from the first on and around; fewer where products of 16 bits would not fit.
    chunks: Vec<usize>,
    integers: Integers,
    /// How many rows in 16 have a cut that can be reached.
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
    let steps = [0_usize..=40, 1..=40];
    ([1_usize..=4, 1..=4], steps, chunks, integers, prop_oneof![Just(0_u64), Just(1), Just(16)], any::<u64>()).prop_map(
        |(blocks, steps, chunks, integers, wanted, seed)| Shape { blocks, steps, chunks, integers, wanted, seed },
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
fn the_tiles_compared_have_proposals_and_blocks_cut_short() {
    for kernel in Kernel::available() {
        let (mut proposals, mut pairs, mut cut_short, mut blocks) = (0, 0, 0, 0);
        for seed in 0..32 {
            let steps = [12, 12];
            let shape = Shape { blocks: [3; 2], steps, chunks: vec![5, 3], integers: Integers::Any, wanted: 1, seed };
            let (found, scanned) = compare(&kernel, &shape);
            proposals += found;
            pairs += 9 * kernel.anchors * kernel.columns;
            cut_short += scanned.cut_short;
            blocks += scanned.blocks;
        }
        println!("{}: {proposals} of {pairs} pairs, {cut_short} of {blocks} blocks cut short", kernel.name);
        assert!(proposals > pairs / 1000 && proposals < pairs / 2, "{proposals} of {pairs}");
        assert!(cut_short > 0 && cut_short < blocks, "{cut_short} of {blocks}");
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
    for _ in 0..(anchors + columns) as u64 * shape.wanted / 16 {
        let (a, c) = (random.below(anchors), random.below(columns));
        for part in 0..2 {
            let cut = some_cut(&x, a, &y, c, part, &mut random);
            if random.below(2) == 0 { x.cuts[part][a] = cut } else { y.cuts[part][c] = cut }
        }
    }
    let chunks = chunks(kernel.operand, shape, &x, &y);
    let (packed_x, packed_y) = (x.packed(kernel.anchors, kernel.operand.offset()), y.packed(kernel.columns, 0));
    let corrections = [0, 1].map(|part| corrections(kernel, &chunks[part], &y.integers[part]));
    let pass = Pass {
        anchors: x.side(&packed_x),
        columns: y.side(&packed_y),
        chunks: [&chunks[0], &chunks[1]],
        corrections: [&corrections[0], &corrections[1]],
    };
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

/// A cut near or at what a pair reaches by its sketches or its vectors, or one that every pair reaches.
fn some_cut(x: &Rows, a: usize, y: &Rows, c: usize, part: usize, random: &mut Random) -> f32 {
    let of_pair = x.integers[part][a].iter().zip(&y.integers[part][c]);
    let sum: i32 = of_pair.map(|(&x, &y)| i32::from(x) * i32::from(y)).sum();
    let mut apart = x.residuals[part][a] + y.residuals[part][c];
    if part == 0 {
        apart += x.rest[a] * y.rest[c];
    }
    let reached = sum as f32 * (x.scales[part][a] * y.scales[part][c]) + apart;
    match random.below(8) {
        0 => f32::NEG_INFINITY,
        1 => reached.next_up(),
        _ => reached,
    }
}

/// The steps of sketches and vectors in chunks; where sums of 16 bits hold products of halved integers, all of them fit.
fn chunks(operand: Operand, shape: &Shape, x: &Rows, y: &Rows) -> [Vec<usize>; 2] {
    let mut lengths = shape.chunks.iter().cycle();
    [0, 1].map(|part| {
        let (mut start, end) = (0, shape.steps[part]);
        let mut chunks = Vec::new();
        while start < end {
            let longest = *lengths.next().unwrap();
            let length = (1..=longest.min(end - start)).take_while(|&length| {
                operand != Operand::Halved || fits(&x.integers[part], &y.integers[part], start..start + length)
            });
            chunks.push(length.last().expect("two products fit"));
            start += chunks.last().unwrap();
        }
        chunks
    })
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
fn corrections(kernel: &Kernel, chunks: &[usize], y: &[Vec<i8>]) -> Vec<i32> {
    let mut corrections = Vec::new();
    for block in y.chunks(kernel.columns) {
        let mut start = 0;
        for steps in chunks {
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
        let integers = shape.steps.map(|steps| {
            (0..rows).map(|_| (0..steps * STEP).map(|_| integer(random)).collect()).collect::<Vec<Vec<i8>>>()
        });
        let mut numbers = |largest: f32| -> Vec<f32> { (0..rows).map(|_| largest * random.fraction()).collect() };
        Rows {
            integers,
            scales: [numbers(0.01), numbers(0.01)],
            residuals: [numbers(0.05), numbers(0.05)],
            cuts: [0, 1].map(|_| vec![f32::INFINITY; rows]),
            rest: numbers(1.0),
        }
    }

    /// The integers in blocks of `width` rows.
    fn packed(&self, width: usize, offset: i32) -> [Vec<u8>; 2] {
        self.integers.each_ref().map(|rows| {
            let steps = rows[0].len() / STEP;
            let mut packed = vec![0; rows.len() * steps * STEP];
            for (row, integers) in rows.iter().enumerate() {
                for (place, &q) in integers.iter().enumerate() {
                    let at = ((row / width * steps + place / STEP) * width + row % width) * STEP + place % STEP;
                    packed[at] = (i32::from(q) + offset) as u8;
                }
            }
            packed
        })
    }

    fn side<'a>(&'a self, integers: &'a [Vec<u8>; 2]) -> Side<'a> {
        let part = |part: usize| Part {
            integers: &integers[part],
            scales: &self.scales[part],
            residuals: &self.residuals[part],
            cuts: &self.cuts[part],
        };
        Side { parts: [part(0), part(1)], rest: &self.rest }
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
