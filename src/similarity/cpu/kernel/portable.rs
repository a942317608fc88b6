//! What a kernel computes, in plain code: the measure of all others, and the last resort.

use super::{Kernel, Operand, Pass, Proposal, STEP, Scanned, Side};

/// The kernel that every processor runs.
pub(super) const KERNEL: Kernel = Kernel {
    name: "portable",
    anchors: 4,
    columns: 8,
    operand: Operand::Signed,
    scan: |pass, found| scan(&Blocks::new(pass, 4, 8, Operand::Signed), found),
};

/// A tile of pairs in blocks of some shape.
struct Blocks<'a> {
    pass: &'a Pass<'a>,
    anchors: usize,
    columns: usize,
    offset: i32,
    steps: [usize; 2],
}

/// Scans blocks as another kernel has them.
#[cfg(test)]
pub(super) fn scan_as(kernel: &Kernel, pass: &Pass<'_>, found: &mut Vec<Proposal>) -> Scanned {
    scan(&Blocks::new(pass, kernel.anchors, kernel.columns, kernel.operand), found)
}

fn scan(blocks: &Blocks<'_>, found: &mut Vec<Proposal>) -> Scanned {
    let mut scanned = Scanned::default();
    let mut passed = Vec::new();
    for column in (0..blocks.pass.columns.cuts.len()).step_by(blocks.columns) {
        for anchor in (0..blocks.pass.anchors.cuts.len()).step_by(blocks.anchors) {
            for a in anchor..anchor + blocks.anchors {
                for c in column..column + blocks.columns {
                    let first = blocks.product(a, c, 0);
                    passed.extend((blocks.steps[1] == 0 || blocks.may_reach(a, c, first)).then_some((a, c, first)));
                }
            }
            scanned.blocks += 1;
            scanned.cut_short += u64::from(passed.is_empty());
            for (a, c, first) in passed.drain(..) {
                let product = first + blocks.product(a, c, 1);
                if blocks.reaches(a, c, product) {
                    let place = |at: usize| u32::try_from(at).expect("a tile is small");
                    found.push(Proposal { anchor: place(a), column: place(c), product });
                }
            }
        }
    }
    scanned
}

impl<'a> Blocks<'a> {
    fn new(pass: &'a Pass<'a>, anchors: usize, columns: usize, operand: Operand) -> Blocks<'a> {
        Blocks { pass, anchors, columns, offset: operand.offset(), steps: pass.steps() }
    }

    /// The product of one part of a pair.
    fn product(&self, a: usize, c: usize, part: usize) -> f32 {
        let (x, y) = (&self.pass.anchors, &self.pass.columns);
        let steps = if part == 0 { 0..self.steps[0] } else { self.steps[0]..self.steps[0] + self.steps[1] };
        let mut sum = 0;
        for step in steps {
            for (&x, &y) in self.integers(x, self.anchors, a, step).iter().zip(self.integers(y, self.columns, c, step))
            {
                let x = if self.offset == 0 { i32::from(x.cast_signed()) } else { i32::from(x) - self.offset };
                sum += x * i32::from(y.cast_signed());
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "rounded once, as the bound expects")]
        let sum = sum as f32;
        sum * (x.scales[part][a] * y.scales[part][c])
    }

    /// The integers of a step of a row, in blocks of `width` rows.
    fn integers(&self, side: &Side<'a>, width: usize, row: usize, step: usize) -> &'a [u8] {
        let at = ((row / width * (self.steps[0] + self.steps[1]) + step) * width + row % width) * STEP;
        &side.integers[at..at + STEP]
    }

    fn may_reach(&self, a: usize, c: usize, first: f32) -> bool {
        let (x, y) = (&self.pass.anchors, &self.pass.columns);
        first + ((x.residuals[0][a] + y.residuals[0][c]) + x.rest[a] * y.rest[c]) >= x.cuts[a].min(y.cuts[c])
    }

    fn reaches(&self, a: usize, c: usize, product: f32) -> bool {
        let (x, y) = (&self.pass.anchors, &self.pass.columns);
        product + (x.residuals[1][a] + y.residuals[1][c]) >= x.cuts[a].min(y.cuts[c])
    }
}
