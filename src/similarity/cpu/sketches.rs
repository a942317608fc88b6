//! Vectors in few dimensions, so that most pairs of a group of tiles need not be multiplied in full. This room refuses to be
//! trusted: whatever axes a group has, what a sketch leaves out is measured and added to the bound.
//!
//! A group has axes C, `[AXES][dimension]`, whose rows are integers cₖ times a scale tₖ, fitted to its rows. Let `G = CCᵀ` and
//! `P = CᵀG⁻¹C`, the projection onto the span of the axes; λ ≥ ‖G‖. The eigenvalues of G are within 1/2 and 3/2, else the group
//! has no sketches. An anchor x is sketched by a ≈ G⁻¹Cx, and leaves e = x − Cᵀa; a column y by b = CY, where Y = s·q is y in
//! its integers. Then, for any a,
//!
//! > x·y = a·Cy + e·y = a·b + `Cᵀa`·(y − Y) + e·(y − Py) + Pe·y.
//!
//! - |Cᵀa·(y − Y)| ≤ ‖Cᵀa‖ Ry, with ‖Cᵀa‖² = a·Ga, and Ry the residual of y (see [`super::super::int8`]).
//! - |e·(y − Py)| ≤ ‖e‖ ‖y − Py‖, with ‖e‖² = ‖x‖² − a·Cx − a·(Cx − Ga) and ‖y − Py‖² = ‖y‖² − ‖Py‖², and
//!   ‖Py‖ ≥ ‖Cy‖ / √λ ≥ ‖b‖ / √λ − Ry.
//! - |Pe·y| ≤ ‖Pe‖ ≤ √2 ‖Ce‖, with Ce = Cx − Ga.
//!
//! Sketches become integers too: a = A + (a − A), b = B + (b − B), so a·b ≤ A·B + ‖a − A‖ ‖b‖ + ‖A‖ ‖b − B‖, with ‖b‖ ≤ √λ ‖Y‖.
//! Therefore, in the terms of [`mod@super::kernel`], e₀ˣ = √λ ‖a − A‖ + √2 ‖Cx − Ga‖, e₀ʸ = max ‖A‖ ‖b − B‖ + max ‖Cᵀa‖ Ry with the
//! largest of the group's anchors, tˣ = ‖e‖ and tʸ = ‖y − Py‖.
//!
//! What belongs to anchors is computed in f64 and is off by less than 2⁻³⁰. Columns are sketched in f32, all numbers below 1.5, by
//! sums of [`AXES`] terms: they are off by less than 2⁻¹⁶, which [`ROUNDED`] covers wherever it matters, and the kernel's own
//! arithmetic with it.

use std::ops::Range;

use super::kernel::{Kernel, Operand, Part, STEP};
use super::panels::{Anchors, Numbers, Panel, Panels, corrections, place};
use crate::embedding::canonical_dot;
use crate::similarity::axes::leading;
use crate::similarity::int8::{ONES, halved, project, residual, round};
use crate::similarity::rows::Rows;
use crate::similarity::tiles::Tiles;

/// Axes of a group: whole blocks of anchors for most kernels, and whole steps.
pub(super) const AXES: usize = 24;

/// Steps of a sketch.
const STEPS: usize = AXES / STEP;

/// Rows that axes are fitted to, at most.
const SAMPLE: usize = 256;

/// What the arithmetic of sketches can be off by; see above.
const ROUNDED: f32 = 1.0 / 32_768.0;

/// The sketches of a group of tiles.
#[derive(Debug)]
pub(super) struct Group {
    /// The axes, as anchors of the columns that are sketched.
    axes: Anchors,
    chunks: Vec<usize>,
    /// Per tile of the group.
    tiles: Vec<Sketched>,
    /// √λ.
    stretch: f32,
    /// The largest ‖A‖ and ‖Cᵀa‖.
    longest: [f32; 2],
}

/// The rows of a tile, sketched as anchors.
#[derive(Debug)]
struct Sketched {
    anchors: Anchors,
    rest: Vec<f32>,
}

/// The columns of a tile, sketched for a group.
#[derive(Debug, Default)]
pub(super) struct Columns {
    products: Vec<f32>,
    integers: Vec<u8>,
    corrections: Vec<i32>,
    numbers: Numbers,
    rest: Vec<f32>,
}

impl Group {
    /// Sketches the rows of some tiles as anchors; none where their axes are not good enough.
    pub(super) fn new(rows: Rows<'_>, tiles: &Tiles<'_>, group: Range<usize>, panels: &Panels) -> Option<Group> {
        let kernel = &panels.kernel;
        let all = tiles.range(group.start).start..tiles.range(group.end - 1).end;
        let sample = all.clone().step_by(all.len().div_ceil(SAMPLE));
        let axes = leading(&rows.gather(sample), rows.dimension(), AXES);
        let axes = Axes::new(&axes, rows.dimension(), kernel)?;
        let mut sketched = Group {
            chunks: kernel.operand.chunks_of_any(STEPS),
            tiles: Vec::new(),
            stretch: up(axes.stretch),
            longest: [0.0; 2],
            axes: axes.as_anchors.clone(),
        };
        for tile in group {
            let first = tiles.range(tile).start;
            let vectors = panels.order(tile).iter().map(|&row| rows.row(first + row as usize));
            let of_tile = sketched.anchors(&axes, vectors, &panels.kernel);
            sketched.tiles.push(of_tile);
        }
        Some(sketched)
    }

    fn anchors<'v>(
        &mut self,
        axes: &Axes,
        vectors: impl ExactSizeIterator<Item = &'v [f32]>,
        kernel: &Kernel,
    ) -> Sketched {
        let padded = vectors.len().next_multiple_of(kernel.anchors);
        let mut sketched = Sketched {
            anchors: Anchors { integers: vec![0; padded * AXES], numbers: Numbers::new(padded) },
            rest: vec![0.0; padded],
        };
        let mut integers = [0_i8; AXES];
        for (at, vector) in vectors.enumerate() {
            let Anchor { sketch, span, left, unsolved } = axes.anchor(vector);
            round(&sketch, 127.0, &mut integers);
            let taken = if kernel.operand == Operand::Halved { integers.map(halved) } else { integers };
            let (scale, squares) = project(&sketch, &taken);
            let length: f64 = taken.iter().map(|&q| f64::from(q).powi(2)).sum::<f64>().sqrt() * f64::from(scale);
            self.longest = [self.longest[0].max(up(length)), self.longest[1].max(up(span))];
            let Numbers { scales, residuals } = &mut sketched.anchors.numbers;
            scales[at] = scale;
            residuals[at] = up(axes.stretch * f64::from(residual(squares)) + 1.5 * unsolved);
            sketched.rest[at] = up(left);
            for (step, four) in integers.as_chunks::<STEP>().0.iter().enumerate() {
                let to = place(at, step, kernel.anchors, STEPS);
                sketched.anchors.integers[to..to + STEP].copy_from_slice(&four.map(|q| kernel.operand.anchor(q)));
            }
        }
        sketched
    }

    /// The sketches of a tile of the group, with the cut of each row.
    pub(super) fn part<'a>(&'a self, tile: usize, cuts: &'a [f32]) -> (Part<'a>, &'a [f32]) {
        let Sketched { anchors, rest } = &self.tiles[tile];
        (anchors.part(cuts), rest)
    }

    /// The steps of each chunk of a sketch.
    pub(super) fn chunks(&self) -> &[usize] {
        &self.chunks
    }

    /// Sketches the rows of a tile as columns.
    pub(super) fn sketch(&self, panels: &Panels, tile: usize, into: &mut Columns) {
        let columns = panels.rows(tile);
        let Columns { products, integers, corrections: starts, numbers, rest } = into;
        panels.products(&self.axes, 0..self.axes.len(), panels.panel(tile), products);
        let sketches = &products[..AXES * columns];
        let lines = || sketches.chunks_exact(columns);

        let mut most = vec![f32::MIN_POSITIVE; columns];
        for line in lines() {
            most.iter_mut().zip(line).for_each(|(most, b)| *most = most.max(b.abs()));
        }
        let steps: Vec<f32> = most.iter().map(|most| if *most < 1e-20 { 0.0 } else { 127.0 / most }).collect();
        // Of each column: b·b, b·q and q·q.
        let [mut bb, mut bq, mut qq] = [0, 1, 2].map(|_| vec![0.0_f32; columns]);
        integers.clear();
        integers.resize(columns * AXES, 0);
        for (axis, line) in lines().enumerate() {
            for (column, (&b, step)) in line.iter().zip(&steps).enumerate() {
                let q = (b * step + ONES) - ONES;
                bb[column] += b * b;
                bq[column] += b * q;
                qq[column] += q * q;
            }
            for (block, (line, steps)) in
                line.chunks_exact(panels.kernel.columns).zip(steps.chunks_exact(panels.kernel.columns)).enumerate()
            {
                let at = place(block * panels.kernel.columns, axis / STEP, panels.kernel.columns, STEPS) + axis % STEP;
                let to = integers[at..].iter_mut().step_by(STEP);
                for ((to, b), step) in to.zip(line).zip(steps) {
                    *to = (b * step + ONES).to_bits().to_le_bytes()[0];
                }
            }
        }
        let scales: Vec<f32> = bq.iter().zip(&qq).map(|(bq, qq)| if *qq > 0.0 { bq / qq } else { 0.0 }).collect();
        let mut left = vec![0.0_f32; columns];
        for line in lines() {
            for (column, b) in line.iter().enumerate() {
                let q = (b * steps[column] + ONES) - ONES;
                let apart = b - scales[column] * q;
                left[column] += apart * apart;
            }
        }
        let [residuals, _] = panels.residuals(tile);
        let [of_anchors, of_span] = self.longest;
        let more = |squares: f32| (squares * (1.0 + ROUNDED)).sqrt();
        numbers.residuals.clear();
        numbers.residuals.extend(
            left.iter().zip(residuals).map(|(&left, own)| of_anchors * more(left) + of_span * own + 2.0 * ROUNDED),
        );
        rest.clear();
        rest.extend(bb.iter().zip(residuals).map(|(&bb, own)| {
            let seen = (bb.sqrt() * (1.0 - ROUNDED) / self.stretch - own - ROUNDED).max(0.0);
            (1.0 + ROUNDED - seen * seen).max(0.0).sqrt()
        }));
        numbers.scales = scales;
        *starts = corrections(integers, &panels.kernel, &self.chunks);
    }
}

impl Columns {
    /// The sketches, with the cut of each column.
    pub(super) fn part<'a>(&'a self, cuts: &'a [f32]) -> (Part<'a>, &'a [f32], &'a [i32]) {
        let Numbers { scales, residuals } = &self.numbers;
        (Part { integers: &self.integers, scales, residuals, cuts }, &self.rest, &self.corrections)
    }
}

/// Axes as they are multiplied: in integers.
struct Axes {
    as_anchors: Anchors,
    /// cₖ, `[AXES][dimension]`.
    integers: Vec<f32>,
    /// tₖ.
    scales: Vec<f64>,
    /// G and its inverse.
    gram: Vec<f64>,
    inverse: Vec<f64>,
    /// √λ.
    stretch: f64,
}

/// An anchor in sketch.
struct Anchor {
    /// a.
    sketch: [f32; AXES],
    /// ‖Cᵀa‖.
    span: f64,
    /// ‖e‖.
    left: f64,
    /// ‖Cx − Ga‖.
    unsolved: f64,
}

impl Axes {
    fn new(axes: &[f32], dimension: usize, kernel: &Kernel) -> Option<Axes> {
        let chunks = kernel.operand.chunks(dimension.div_ceil(STEP));
        let as_anchors = Panel::new(axes, dimension, kernel, &chunks).anchors(kernel);
        let steps = dimension.div_ceil(STEP);
        let mut integers = Vec::with_capacity(AXES * dimension);
        for axis in 0..AXES {
            let bytes = (0..steps).flat_map(|step| {
                let at = place(axis, step, kernel.anchors, steps);
                as_anchors.integers[at..at + STEP].iter().map(|&byte| kernel.operand.component(byte))
            });
            integers.extend(bytes.take(dimension).map(f32::from));
        }
        let scales: Vec<f64> = as_anchors.numbers.scales[..AXES].iter().copied().map(f64::from).collect();
        let axis = |k: usize| &integers[k * dimension..(k + 1) * dimension];
        let mut gram = vec![0.0; AXES * AXES];
        for k in 0..AXES {
            for l in 0..=k {
                let product = scales[k] * scales[l] * canonical_dot(axis(k), axis(l));
                gram[k * AXES + l] = product;
                gram[l * AXES + k] = product;
            }
        }
        // An axis of nothing has no share in anything.
        (0..AXES).filter(|k| scales[*k] == 0.0).for_each(|k| gram[k * AXES + k] = 1.0);
        // Gershgorin: eigenvalues are no further from the diagonal than a row's other elements add up to.
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for (k, line) in gram.chunks_exact(AXES).enumerate() {
            let others = line.iter().map(|v| v.abs()).sum::<f64>() - line[k].abs();
            if !others.is_finite() {
                return None;
            }
            (least, most) = (least.min(line[k] - others), most.max(line[k] + others));
        }
        if least < 0.5 || most > 1.5 {
            return None;
        }
        let inverse = inverse(&gram);
        Some(Axes { as_anchors, integers, scales, gram, inverse, stretch: most.sqrt() })
    }

    #[expect(clippy::cast_possible_truncation, reason = "any sketch will do: what it leaves is measured")]
    fn anchor(&self, x: &[f32]) -> Anchor {
        let mut shares = [0.0; AXES];
        for ((share, axis), scale) in shares.iter_mut().zip(self.integers.chunks_exact(x.len())).zip(&self.scales) {
            *share = scale * canonical_dot(axis, x);
        }
        let sketch = times(&self.inverse, &shares).map(|v| v as f32);
        let exact = sketch.map(f64::from);
        let back = times(&self.gram, &exact);
        let dot = |a: &[f64; AXES], b: &[f64; AXES]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut unsolved = shares;
        unsolved.iter_mut().zip(&back).for_each(|(share, back)| *share -= back);
        let left = canonical_dot(x, x) - dot(&exact, &shares) - dot(&exact, &unsolved);
        Anchor {
            sketch,
            span: dot(&exact, &back).max(0.0).sqrt() + 1e-9,
            left: (left.max(0.0) + 1e-9).sqrt(),
            unsolved: dot(&unsolved, &unsolved).sqrt() + 1e-9,
        }
    }
}

fn times(matrix: &[f64], vector: &[f64; AXES]) -> [f64; AXES] {
    let mut product = [0.0; AXES];
    // The matrices are symmetric: column by column, so that sums grow side by side.
    for (line, v) in matrix.chunks_exact(AXES).zip(vector) {
        product.iter_mut().zip(line).for_each(|(sum, m)| *sum += m * v);
    }
    product
}

/// The inverse of a matrix near the identity, by Gauss and Jordan; how good it is is measured with every anchor.
fn inverse(matrix: &[f64]) -> Vec<f64> {
    let mut rest = matrix.to_vec();
    let mut inverse = vec![0.0; AXES * AXES];
    (0..AXES).for_each(|k| inverse[k * AXES + k] = 1.0);
    for k in 0..AXES {
        let pivot = rest[k * AXES + k];
        for matrix in [&mut rest, &mut inverse] {
            matrix[k * AXES..(k + 1) * AXES].iter_mut().for_each(|v| *v /= pivot);
        }
        for row in (0..AXES).filter(|&row| row != k) {
            let share = rest[row * AXES + k];
            for matrix in [&mut rest, &mut inverse] {
                for column in 0..AXES {
                    matrix[row * AXES + column] -= share * matrix[k * AXES + column];
                }
            }
        }
    }
    inverse
}

/// The number in f32, rounded up, and a little more.
#[expect(clippy::cast_possible_truncation, reason = "rounded to the nearest, then up")]
fn up(exact: f64) -> f32 {
    (exact * (1.0 + 1e-6)) as f32
}
