//! What a kernel computes, in plain code: the measure of all others, and the last resort.

use super::{Kernel, Operand, Part, Pass, Proposal, STEP, Scanned};

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
    let mut scanned = Scanned::default();
    let mut passed = Vec::new();
    let has_sketches = !blocks.pass.chunks[0].is_empty();
    for column in (0..blocks.pass.columns.rows()).step_by(blocks.columns) {
        for anchor in (0..blocks.pass.anchors.rows()).step_by(blocks.anchors) {
            for a in anchor..anchor + blocks.anchors {
                for c in column..column + blocks.columns {
                    passed.extend((!has_sketches || blocks.may_reach(a, c)).then_some((a, c)));
                }
            }
            scanned.blocks += 1;
            scanned.cut_short += u64::from(passed.is_empty());
            for (a, c) in passed.drain(..) {
                let product = blocks.product(a, c, 1);
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
    for (at, product) in all.iter_mut().enumerate() {
        *product = blocks.product(at / width, at % width, 1);
    }
}

impl Blocks<'_> {
    #[cfg(test)]
    fn of<'a>(kernel: &Kernel, pass: &'a Pass<'a>) -> Blocks<'a> {
        Blocks { pass, anchors: kernel.anchors, columns: kernel.columns, offset: kernel.operand.offset() }
    }

    /// The product of the sketches or of the vectors of a pair.
    fn product(&self, a: usize, c: usize, part: usize) -> f32 {
        let (x, y) = (&self.pass.anchors.parts[part], &self.pass.columns.parts[part]);
        let steps = self.pass.steps()[part];
        let mut sum = 0;
        for step in 0..steps {
            let x = integers(x, self.anchors, a, step, steps);
            let y = integers(y, self.columns, c, step, steps);
            for (&x, &y) in x.iter().zip(y) {
                let x = if self.offset == 0 { i32::from(x.cast_signed()) } else { i32::from(x) - self.offset };
                sum += x * i32::from(y.cast_signed());
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "rounded once, as the bound expects")]
        let sum = sum as f32;
        sum * (x.scales[a] * y.scales[c])
    }

    fn may_reach(&self, a: usize, c: usize) -> bool {
        let (x, y) = (&self.pass.anchors, &self.pass.columns);
        let ([of_x, _], [of_y, _]) = (&x.parts, &y.parts);
        let apart = (of_x.residuals[a] + of_y.residuals[c]) + x.rest[a] * y.rest[c];
        self.product(a, c, 0) + apart >= of_x.cuts[a].min(of_y.cuts[c])
    }

    fn reaches(&self, a: usize, c: usize, product: f32) -> bool {
        let ([_, x], [_, y]) = (&self.pass.anchors.parts, &self.pass.columns.parts);
        product + (x.residuals[a] + y.residuals[c]) >= x.cuts[a].min(y.cuts[c])
    }
}

/// The integers of a step of a row, in blocks of `width` rows.
fn integers<'a>(part: &Part<'a>, width: usize, row: usize, step: usize, steps: usize) -> &'a [u8] {
    let at = ((row / width * steps + step) * width + row % width) * STEP;
    &part.integers[at..at + STEP]
}
