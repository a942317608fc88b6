//! What a kernel computes, in plain code: the measure of all others, and the last resort.

use super::{Extreme, Extremes, Kernel, Operand, Pass, Proposal, STEP, Scanned, Section};

/// The kernel that every processor runs.
pub(super) const KERNEL: Kernel = Kernel {
    name: "portable",
    anchors: 4,
    columns: 8,
    operand: Operand::Signed,
    scan: |pass, found| scan(&Blocks { pass, anchors: 4, columns: 8, offset: 0 }, found),
    products: |pass, all| products(&Blocks { pass, anchors: 4, columns: 8, offset: 0 }, all),
};

/// A tile of pairs in blocks of some shape.
struct Blocks<'a> {
    pass: &'a Pass<'a>,
    anchors: usize,
    columns: usize,
    offset: i32,
}

/// Scans blocks as another kernel has them.
#[cfg(test)]
pub(super) fn scan_as(kernel: &Kernel, pass: &Pass<'_>, found: &mut Vec<Proposal>) -> Scanned {
    scan(&Blocks::of(kernel, pass), found)
}

/// The products of blocks as another kernel has them.
#[cfg(test)]
pub(super) fn products_as(kernel: &Kernel, pass: &Pass<'_>, all: &mut [f32]) {
    products(&Blocks::of(kernel, pass), all);
}

fn scan(blocks: &Blocks<'_>, found: &mut Vec<Proposal>) -> Scanned {
    let (anchors, columns) = (&blocks.pass.anchors, &blocks.pass.columns);
    let extremes = [Extremes::new(anchors, blocks.anchors), Extremes::new(columns, blocks.columns)];
    let tests = blocks.pass.sections.tests();
    let mut scanned = Scanned::default();
    for column in (0..blocks.pass.columns.rows()).step_by(blocks.columns) {
        'blocks: for anchor in (0..blocks.pass.anchors.rows()).step_by(blocks.anchors) {
            let mut block = Block::new(blocks, anchor, column);
            scanned.steps += block.left();
            for (test, section) in blocks.pass.sections.all().iter().enumerate() {
                block.multiply(section);
                if test < tests && !block.may_reach(test, section.unit, &extremes) {
                    scanned.spared += block.left();
                    continue 'blocks;
                }
            }
            for (a, c, sum) in block.pairs() {
                let product = blocks.product(a, c, sum);
                if blocks.reaches(a, c, product) {
                    let place = |at: usize| u32::try_from(at).expect("a tile is small");
                    found.push(Proposal { anchor: place(a), column: place(c), product });
                }
            }
        }
    }
    scanned
}

fn products(blocks: &Blocks<'_>, all: &mut [f32]) {
    let width = blocks.pass.columns.rows();
    for column in (0..width).step_by(blocks.columns) {
        for anchor in (0..blocks.pass.anchors.rows()).step_by(blocks.anchors) {
            let mut block = Block::new(blocks, anchor, column);
            blocks.pass.sections.all().iter().for_each(|section| block.multiply(section));
            for (a, c, sum) in block.pairs() {
                all[a * width + c] = blocks.product(a, c, sum);
            }
        }
    }
}

impl Blocks<'_> {
    #[cfg(test)]
    fn of<'a>(kernel: &Kernel, pass: &'a Pass<'a>) -> Blocks<'a> {
        Blocks { pass, anchors: kernel.anchors, columns: kernel.columns, offset: kernel.operand.offset() }
    }

    /// f of a pair.
    fn product(&self, a: usize, c: usize, sum: i32) -> f32 {
        float(sum) * (self.pass.anchors.scales[a] * self.pass.columns.scales[c])
    }

    fn reaches(&self, a: usize, c: usize, product: f32) -> bool {
        let (x, y) = (&self.pass.anchors, &self.pass.columns);
        product + (x.residuals[a] + y.residuals[c]) >= x.cuts[a].min(y.cuts[c])
    }
}

/// A block on its way.
struct Block<'a> {
    blocks: &'a Blocks<'a>,
    anchor: usize,
    column: usize,
    /// Steps that are done.
    done: usize,
    /// `[anchors][columns]`.
    sums: Vec<i32>,
}

impl Block<'_> {
    fn new<'a>(blocks: &'a Blocks<'a>, anchor: usize, column: usize) -> Block<'a> {
        Block { blocks, anchor, column, done: 0, sums: vec![0; blocks.anchors * blocks.columns] }
    }

    /// Steps that are left.
    fn left(&self) -> u64 {
        (self.blocks.pass.sections.steps() - self.done) as u64
    }

    fn multiply(&mut self, section: &Section) {
        let Blocks { pass, anchors, columns, offset } = *self.blocks;
        let steps = pass.sections.steps();
        for (at, sum) in self.sums.iter_mut().enumerate() {
            let (a, c) = (self.anchor + at / columns, self.column + at % columns);
            *sum <<= section.shift;
            for step in self.done..self.done + section.steps() {
                let x = integers(pass.anchors.integers, anchors, a, step, steps);
                let y = integers(pass.columns.integers, columns, c, step, steps);
                for (&x, &y) in x.iter().zip(y) {
                    let x = if offset == 0 { i32::from(x.cast_signed()) } else { i32::from(x) - offset };
                    *sum += x * i32::from(y.cast_signed());
                }
            }
        }
        self.done += section.steps();
    }

    fn may_reach(&self, test: usize, unit: f32, [of_anchors, of_columns]: &[Extremes; 2]) -> bool {
        let (y, columns) = (&self.blocks.pass.columns, self.blocks.columns);
        let Extreme { score, scale, rest } = of_anchors.of(self.anchor / self.blocks.anchors, test);
        let least = score - rest * of_columns.of(self.column / columns, test).rest;
        (0..columns).any(|at| {
            let c = self.column + at;
            let most = self.sums.iter().skip(at).step_by(columns).fold(0, |most, &sum| most.max(sum));
            let product = float(most) * ((scale * (unit * unit)) * y.scales[c]);
            product >= least.min(y.scores[c] - y.rests[test * y.rows() + c] * rest)
        })
    }

    /// Each pair as (anchor, column, sum).
    fn pairs(&self) -> impl Iterator<Item = (usize, usize, i32)> {
        let columns = self.blocks.columns;
        self.sums
            .iter()
            .enumerate()
            .map(move |(at, &sum)| (self.anchor + at / columns, self.column + at % columns, sum))
    }
}

#[expect(clippy::cast_precision_loss, reason = "rounded once, as the bound expects")]
fn float(sum: i32) -> f32 {
    sum as f32
}

/// The integers of a step of a row, in blocks of `width` rows.
fn integers(all: &[u8], width: usize, row: usize, step: usize, steps: usize) -> &[u8] {
    let at = ((row / width * steps + step) * width + row % width) * STEP;
    &all[at..at + STEP]
}
