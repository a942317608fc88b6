//! The catalog's vectors as the kernels take them: one int8 copy in blocks, and a few numbers a row. This room refuses to compare
//! two vectors.

use std::ops::Range;

use rayon::prelude::*;

use super::kernel::{Kernel, Operand, Part, STEP};
use crate::similarity::int8::{halved, project, residual};
use crate::similarity::rows::Rows;
use crate::similarity::tiles::Tiles;

/// All vectors.
#[derive(Debug)]
pub(super) struct Panels {
    pub(super) kernel: Kernel,
    /// The steps of each chunk.
    chunks: Vec<usize>,
    tiles: Vec<Panel>,
}

/// The vectors of a tile, as columns.
#[derive(Debug)]
pub(super) struct Panel {
    rows: usize,
    /// `[blocks][steps][columns of a block][STEP]`.
    integers: Vec<u8>,
    corrections: Vec<i32>,
    numbers: Numbers,
    /// The same for the halved integers, where the kernel takes those.
    of_halved: Option<Numbers>,
    /// See [`Panels::span`].
    span: [f32; 2],
}

/// Some vectors, as anchors.
#[derive(Clone, Debug)]
pub(super) struct Anchors {
    pub(super) integers: Vec<u8>,
    pub(super) numbers: Numbers,
}

/// What belongs to the integers of each row; zeros for the rows that fill up the last block.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) scales: Vec<f32>,
    pub(super) residuals: Vec<f32>,
}

impl Panels {
    /// Quantizes all rows.
    pub(super) fn new(rows: Rows<'_>, tiles: &Tiles<'_>, kernel: Kernel) -> Panels {
        let chunks = kernel.operand.chunks(rows.dimension().div_ceil(STEP));
        let of_tile = |tile| {
            let range: Range<usize> = tiles.range(tile);
            let mut vectors: Vec<f32> = Vec::with_capacity(range.len() * rows.dimension());
            range.for_each(|row| vectors.extend_from_slice(rows.row(row)));
            Panel::new(&vectors, rows.dimension(), &kernel, &chunks)
        };
        let tiles = (0..tiles.count()).into_par_iter().map(of_tile).collect();
        Panels { kernel, chunks, tiles }
    }

    /// Some rows of a tile in whole blocks, at most `blocks` in each range.
    pub(super) fn blocks(&self, tile: usize, blocks: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, width) = (self.rows(tile), blocks.saturating_mul(self.kernel.columns));
        (0..rows).step_by(width).map(move |start| start..start.saturating_add(width).min(rows))
    }

    /// Some rows of a tile, in whole blocks, as columns, and their corrections; `cuts` has one of each row of the tile.
    pub(super) fn columns<'a>(&'a self, tile: usize, rows: Range<usize>, cuts: &'a [f32]) -> (Part<'a>, &'a [i32]) {
        let panel = &self.tiles[tile];
        let [integers, corrections] = [panel.integers.len(), panel.corrections.len()].map(|all| all / self.rows(tile));
        let part = Part {
            integers: &panel.integers[rows.start * integers..rows.end * integers],
            scales: &panel.numbers.scales[rows.clone()],
            residuals: &panel.numbers.residuals[rows.clone()],
            cuts: &cuts[rows.clone()],
        };
        (part, &panel.corrections[rows.start * corrections..rows.end * corrections])
    }

    /// The rows of a tile as anchors.
    pub(super) fn anchors(&self, tile: usize) -> Anchors {
        self.tiles[tile].anchors(&self.kernel)
    }

    /// Columns of a tile, with those that fill up the last block.
    pub(super) fn rows(&self, tile: usize) -> usize {
        self.tiles[tile].numbers.scales.len()
    }

    /// The steps of each chunk.
    pub(super) fn chunks(&self) -> &[usize] {
        &self.chunks
    }

    /// At least how far each row of a tile is from its integers: as a column, and in the worse of its two roles.
    pub(super) fn residuals(&self, tile: usize) -> [&[f32]; 2] {
        let panel = &self.tiles[tile];
        let as_columns = &panel.numbers.residuals;
        // Halves are further away, never nearer: `Panel::new` sees to that.
        [as_columns, panel.of_halved.as_ref().map_or(as_columns, |halves| &halves.residuals)]
    }

    /// The least of the first and the largest of the second.
    pub(super) fn span(&self, tile: usize) -> [f32; 2] {
        self.tiles[tile].span
    }
}

impl Panel {
    /// Quantizes `vectors`, `[rows][dimension]`.
    pub(super) fn new(vectors: &[f32], dimension: usize, kernel: &Kernel, chunks: &[usize]) -> Panel {
        let (rows, steps) = (vectors.len() / dimension, dimension.div_ceil(STEP));
        let padded = rows.next_multiple_of(kernel.columns);
        let halves = kernel.operand == Operand::Halved;
        let mut panel = Panel {
            rows,
            integers: vec![0; padded * steps * STEP],
            corrections: Vec::new(),
            numbers: Numbers::new(padded),
            of_halved: halves.then(|| Numbers::new(padded)),
            span: [f32::INFINITY, 0.0],
        };
        let mut integers = vec![0_i8; dimension];
        let mut half = vec![0_i8; dimension];
        for (row, vector) in vectors.chunks_exact(dimension).enumerate() {
            kernel.operand.round(vector, &mut integers);
            panel.numbers.set(row, vector, &integers);
            let mut most = panel.numbers.residuals[row];
            panel.span[0] = panel.span[0].min(most);
            if let Some(of_halved) = &mut panel.of_halved {
                integers.iter().zip(&mut half).for_each(|(&q, half)| *half = halved(q));
                of_halved.set(row, vector, &half);
                most = most.max(of_halved.residuals[row]);
                of_halved.residuals[row] = most;
            }
            panel.span[1] = panel.span[1].max(most);
            for (step, four) in integers.chunks(STEP).enumerate() {
                let at = place(row, step, kernel.columns, steps);
                four.iter().zip(&mut panel.integers[at..]).for_each(|(&q, byte)| *byte = q.cast_unsigned());
            }
        }
        panel.corrections = corrections(&panel.integers, kernel, chunks);
        panel
    }

    pub(super) fn anchors(&self, kernel: &Kernel) -> Anchors {
        let padded = self.rows.next_multiple_of(kernel.anchors);
        let steps = self.integers.len() / (self.numbers.scales.len() * STEP);
        let mut integers = vec![[0_u8; STEP]; padded * steps];
        let columns = self.integers.as_chunks::<STEP>().0;
        for row in 0..self.rows {
            let from = columns[place(row, 0, kernel.columns, steps) / STEP..].iter().step_by(kernel.columns);
            let to = integers[place(row, 0, kernel.anchors, steps) / STEP..].iter_mut().step_by(kernel.anchors);
            for (to, from) in to.zip(from).take(steps) {
                *to = from.map(|q| kernel.operand.anchor(q.cast_signed()));
            }
        }
        let numbers = self.of_halved.as_ref().unwrap_or(&self.numbers);
        Anchors { integers: integers.into_flattened(), numbers: numbers.resized(padded) }
    }
}

/// What the sums of each chunk start at.
pub(super) fn corrections(integers: &[u8], kernel: &Kernel, chunks: &[usize]) -> Vec<i32> {
    let (columns, steps) = (kernel.columns, chunks.iter().sum::<usize>());
    let blocks = integers.len() / (columns * steps * STEP);
    let mut all = vec![0; blocks * columns * chunks.len()];
    for (block, corrections) in all.chunks_mut(chunks.len() * columns).enumerate() {
        let mut integers = &integers[block * columns * steps * STEP..];
        for (&chunk, corrections) in chunks.iter().zip(corrections.chunks_mut(columns)) {
            let (of_chunk, rest) = integers.split_at(chunk * columns * STEP);
            integers = rest;
            for step in of_chunk.as_chunks::<STEP>().0.chunks(columns) {
                for (sum, four) in corrections.iter_mut().zip(step) {
                    *sum = kernel.operand.correct(*sum, four.map(u8::cast_signed));
                }
            }
        }
    }
    all
}

impl Anchors {
    /// The rows, with the cut of each.
    pub(super) fn part<'a>(&'a self, cuts: &'a [f32]) -> Part<'a> {
        let Numbers { scales, residuals } = &self.numbers;
        Part { integers: &self.integers, scales, residuals, cuts }
    }

    /// How many rows there are, with those that fill up the last block.
    pub(super) fn len(&self) -> usize {
        self.numbers.scales.len()
    }
}

impl Numbers {
    pub(super) fn new(rows: usize) -> Numbers {
        Numbers { scales: vec![0.0; rows], residuals: vec![0.0; rows] }
    }

    fn set(&mut self, row: usize, vector: &[f32], integers: &[i8]) {
        let (scale, left) = project(vector, integers);
        self.scales[row] = scale;
        self.residuals[row] = residual(left);
    }

    fn resized(&self, rows: usize) -> Numbers {
        let mut resized = self.clone();
        resized.scales.resize(rows, 0.0);
        resized.residuals.resize(rows, 0.0);
        resized
    }
}

/// Where the integers of a step of a row begin, in blocks of `width` rows.
pub(super) fn place(row: usize, step: usize, width: usize, steps: usize) -> usize {
    ((row / width * steps + step) * width + row % width) * STEP
}
