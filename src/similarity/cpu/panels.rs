//! The catalog's vectors as the kernels take them: one int8 copy in blocks, and a few numbers a row. This room refuses to compare
//! two vectors.
//!
//! A vector comes in two parts, the second of which may be empty. With [`Rotation`] the first part holds most of the length; then
//! a kernel can often do without the second. Each part has its own scale, so the bounds of [`super::super::int8`] hold for the
//! first part and for both: a vector is at most as long as the whole, and what quantization leaves of both parts is orthogonal.

use std::ops::Range;

use rayon::prelude::*;

use super::kernel::{Kernel, Operand, STEP, Side};
use crate::similarity::int8::{halved, project, residual};
use crate::similarity::rotation::Rotation;
use crate::similarity::rows::Rows;
use crate::similarity::tiles::Tiles;

/// All vectors.
#[derive(Debug)]
pub(super) struct Panels {
    pub(super) kernel: Kernel,
    /// Per part, the steps of each chunk.
    chunks: [Vec<usize>; 2],
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
}

/// The vectors of a tile, as anchors.
#[derive(Debug)]
pub(super) struct Anchors {
    integers: Vec<u8>,
    numbers: Numbers,
}

/// What belongs to the integers of each row; zeros for the rows that fill up the last block.
#[derive(Clone, Debug)]
struct Numbers {
    scales: [Vec<f32>; 2],
    residuals: [Vec<f32>; 2],
    rest: Vec<f32>,
}

impl Panels {
    /// Quantizes all rows, turned by `rotation`, which also says where the second part begins.
    pub(super) fn new(rows: Rows<'_>, tiles: &Tiles<'_>, kernel: Kernel, rotation: Option<&Rotation>) -> Panels {
        let dimension = rows.dimension();
        let first = rotation.map_or(dimension, Rotation::prefix);
        let steps = [first, dimension - first].map(|components| components.div_ceil(STEP));
        let chunks = steps.map(|steps| kernel.operand.chunks(steps));
        let of_tile = |tile| {
            let mut panel = Panel::new(rows, tiles.range(tile), &kernel, rotation, steps);
            panel.correct(&kernel, &chunks);
            panel
        };
        let tiles = (0..tiles.count()).into_par_iter().map(of_tile).collect();
        Panels { kernel, chunks, tiles }
    }

    /// The rows of a tile as columns, with the cut of each.
    pub(super) fn columns<'a>(&'a self, tile: usize, cuts: &'a [f32]) -> (Side<'a>, &'a [i32]) {
        let panel = &self.tiles[tile];
        (panel.numbers.side(&panel.integers, cuts), &panel.corrections)
    }

    /// The rows of a tile as anchors.
    pub(super) fn anchors(&self, tile: usize) -> Anchors {
        self.tiles[tile].anchors(&self.kernel)
    }

    /// Columns of a tile, with those that fill up the last block.
    pub(super) fn rows(&self, tile: usize) -> usize {
        self.tiles[tile].numbers.rest.len()
    }

    /// Per part, the steps of each chunk.
    pub(super) fn chunks(&self) -> [&[usize]; 2] {
        [&self.chunks[0], &self.chunks[1]]
    }

    /// At least how far a row of a tile, as a column, is from its integers.
    pub(super) fn residual(&self, tile: usize, row: usize) -> f32 {
        self.tiles[tile].numbers.residuals[1][row]
    }
}

impl Panel {
    fn new(
        rows: Rows<'_>,
        range: Range<usize>,
        kernel: &Kernel,
        rotation: Option<&Rotation>,
        steps: [usize; 2],
    ) -> Panel {
        let dimension = rows.dimension();
        let first = rotation.map_or(dimension, Rotation::prefix);
        let mut vectors: Vec<f32> = Vec::with_capacity(range.len() * dimension);
        range.clone().for_each(|row| vectors.extend_from_slice(rows.row(row)));
        if let Some(rotation) = rotation {
            let mut turned = vec![0.0; vectors.len()];
            rotation.turn(&vectors, &mut turned);
            vectors = turned;
        }
        let padded = range.len().next_multiple_of(kernel.columns);
        let halves = kernel.operand == Operand::Halved;
        let mut panel = Panel {
            rows: range.len(),
            integers: vec![0; padded * (steps[0] + steps[1]) * STEP],
            corrections: Vec::new(),
            numbers: Numbers::new(padded),
            of_halved: halves.then(|| Numbers::new(padded)),
        };
        // A turned vector may be longer than 1 by as much as that.
        let stretch = 1.0 + rotation.map_or(0.0, |rotation| f64::from(rotation.apart()));
        let mut integers = vec![0_i8; dimension];
        let mut half = vec![0_i8; dimension];
        for (row, vector) in vectors.chunks_exact(dimension).enumerate() {
            let parts = [0..first, first..dimension];
            for part in &parts {
                kernel.operand.round(&vector[part.clone()], &mut integers[part.clone()]);
            }
            panel.numbers.set(row, vector, &integers, &parts, stretch);
            if let Some(of_halved) = &mut panel.of_halved {
                integers.iter().zip(&mut half).for_each(|(&q, half)| *half = halved(q));
                of_halved.set(row, vector, &half, &parts, stretch);
            }
            let mut step = 0;
            for part in parts {
                for four in integers[part].chunks(STEP) {
                    let at = place(row, step, kernel.columns, steps[0] + steps[1]);
                    four.iter().zip(&mut panel.integers[at..]).for_each(|(&q, byte)| *byte = q.cast_unsigned());
                    step += 1;
                }
            }
        }
        panel
    }

    /// Works out what the sums of each chunk start at.
    fn correct(&mut self, kernel: &Kernel, chunks: &[Vec<usize>; 2]) {
        let chunks = chunks.concat();
        let (columns, steps) = (kernel.columns, chunks.iter().sum::<usize>());
        self.corrections = vec![0; self.numbers.rest.len() * chunks.len()];
        for (block, corrections) in self.corrections.chunks_mut(chunks.len() * columns).enumerate() {
            let mut integers = &self.integers[block * columns * steps * STEP..];
            for (&chunk, corrections) in chunks.iter().zip(corrections.chunks_mut(columns)) {
                let (of_chunk, rest) = integers.split_at(chunk * columns * STEP);
                integers = rest;
                for (place, four) in of_chunk.as_chunks::<STEP>().0.iter().enumerate() {
                    let sum = &mut corrections[place % columns];
                    *sum = kernel.operand.correct(*sum, four.map(u8::cast_signed));
                }
            }
        }
    }

    fn anchors(&self, kernel: &Kernel) -> Anchors {
        let padded = self.rows.next_multiple_of(kernel.anchors);
        let steps = self.integers.len() / (self.numbers.rest.len() * STEP);
        let mut integers = vec![0; padded * steps * STEP];
        for row in 0..self.rows {
            for step in 0..steps {
                let from = place(row, step, kernel.columns, steps);
                let to = place(row, step, kernel.anchors, steps);
                let four: [u8; STEP] = self.integers[from..from + STEP].try_into().expect("a step");
                integers[to..to + STEP].copy_from_slice(&four.map(|q| kernel.operand.anchor(q.cast_signed())));
            }
        }
        Anchors { integers, numbers: self.of_halved.as_ref().unwrap_or(&self.numbers).resized(padded) }
    }
}

impl Anchors {
    /// The rows, with the cut of each.
    pub(super) fn side<'a>(&'a self, cuts: &'a [f32]) -> Side<'a> {
        self.numbers.side(&self.integers, cuts)
    }

    /// How many rows there are, with those that fill up the last block.
    pub(super) fn len(&self) -> usize {
        self.numbers.rest.len()
    }

    /// At least how far the row is from its integers.
    pub(super) fn residual(&self, row: usize) -> f32 {
        self.numbers.residuals[1][row]
    }
}

impl Numbers {
    fn new(rows: usize) -> Numbers {
        let zeros = || vec![0.0; rows];
        Numbers { scales: [zeros(), zeros()], residuals: [zeros(), zeros()], rest: zeros() }
    }

    fn set(&mut self, row: usize, vector: &[f32], integers: &[i8], parts: &[Range<usize>; 2], stretch: f64) {
        let mut left = 0.0;
        for (at, part) in parts.iter().enumerate() {
            let (scale, squares) = project(&vector[part.clone()], &integers[part.clone()]);
            left += squares * stretch * stretch;
            self.scales[at][row] = scale;
            self.residuals[at][row] = residual(left);
        }
        let second = &vector[parts[1].clone()];
        self.rest[row] = residual(second.iter().map(|&v| f64::from(v) * f64::from(v)).sum());
    }

    fn resized(&self, rows: usize) -> Numbers {
        let resized = |of: &Vec<f32>| {
            let mut of = of.clone();
            of.resize(rows, 0.0);
            of
        };
        Numbers {
            scales: self.scales.each_ref().map(resized),
            residuals: self.residuals.each_ref().map(resized),
            rest: resized(&self.rest),
        }
    }

    fn side<'a>(&'a self, integers: &'a [u8], cuts: &'a [f32]) -> Side<'a> {
        Side {
            integers,
            scales: self.scales.each_ref().map(Vec::as_slice),
            residuals: self.residuals.each_ref().map(Vec::as_slice),
            rest: &self.rest,
            cuts,
        }
    }
}

/// Where the integers of a step of a row begin, in blocks of `width` rows.
fn place(row: usize, step: usize, width: usize, steps: usize) -> usize {
    ((row / width * steps + step) * width + row % width) * STEP
}
