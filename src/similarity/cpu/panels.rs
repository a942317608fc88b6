//! The catalog's vectors as the kernels take them: one int8 copy in blocks, and a few numbers a row. This room refuses to compare
//! two vectors.

use std::ops::Range;

use rayon::prelude::*;

use super::kernel::{Kernel, Operand, Part, Pass, STEP};
use super::number;
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
    /// Per place, the row that is there, and per row its place; without the rows that fill up the last block. All below is by place.
    order: Vec<u32>,
    places: Vec<u32>,
    /// `[blocks][steps][columns of a block][STEP]`.
    integers: Vec<u8>,
    /// `[blocks][chunks][columns of a block]`.
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
        let of_tile = |tile| Panel::new(&rows.gather(tiles.range(tile)), rows.dimension(), &kernel, &chunks);
        let tiles = (0..tiles.count()).into_par_iter().map(of_tile).collect();
        Panels { kernel, chunks, tiles }
    }

    /// The rows of a tile as columns, with the cut of each, and their corrections.
    pub(super) fn columns<'a>(&'a self, tile: usize, cuts: &'a [f32]) -> (Part<'a>, &'a [i32]) {
        self.tiles[tile].part(cuts)
    }

    /// The rows of a tile as anchors.
    pub(super) fn anchors(&self, tile: usize) -> Anchors {
        self.tiles[tile].anchors(&self.kernel)
    }

    /// Some rows of any tiles, of `size` rows each, as columns.
    pub(super) fn gather(&self, rows: &[u32], size: usize) -> Panel {
        let mut gathered = Panel::empty(rows.len(), &self.kernel, &self.chunks);
        for (place, row) in rows.iter().map(|&row| row as usize).enumerate() {
            let panel = &self.tiles[row / size];
            gathered.take(place, panel, panel.places[row % size] as usize, &self.kernel, &self.chunks);
        }
        gathered
    }

    /// Lays the rows of each tile in an order by `key`, those with the least first.
    pub(super) fn arrange<K: Ord>(&mut self, key: impl Fn(usize, u32) -> K + Sync) {
        let (kernel, chunks) = (&self.kernel, &self.chunks);
        self.tiles.par_iter_mut().enumerate().for_each(|(tile, panel)| {
            let mut rows = panel.order.clone();
            rows.sort_by_key(|&row| key(tile, row));
            let mut arranged = Panel::empty(panel.rows, kernel, chunks);
            for (place, &row) in rows.iter().enumerate() {
                arranged.take(place, panel, panel.places[row as usize] as usize, kernel, chunks);
                arranged.places[row as usize] = number(place);
            }
            *panel = Panel { order: rows, span: panel.span, ..arranged };
        });
    }

    /// Writes the products of some anchors, in whole blocks, with all columns of a panel, `[anchors][columns]`.
    pub(super) fn products(&self, anchors: &Anchors, rows: Range<usize>, columns: &Panel, products: &mut Vec<f32>) {
        let width = columns.columns();
        let nothing = vec![f32::INFINITY; width.max(rows.len())];
        let (part, corrections) = columns.part(&nothing[..width]);
        let some = anchors.some(rows.clone(), &nothing[..rows.len()]);
        products.resize(rows.len() * width, 0.0);
        self.kernel.products(&Pass::of_vectors(some, part, &self.chunks, corrections), products);
    }

    /// The vectors of a tile.
    pub(super) fn panel(&self, tile: usize) -> &Panel {
        &self.tiles[tile]
    }

    /// Per place in a tile, the row of the tile that is there.
    pub(super) fn order(&self, tile: usize) -> &[u32] {
        &self.tiles[tile].order
    }

    /// Per row of a tile, its place.
    pub(super) fn places(&self, tile: usize) -> &[u32] {
        &self.tiles[tile].places
    }

    /// Columns of a tile, with those that fill up the last block.
    pub(super) fn rows(&self, tile: usize) -> usize {
        self.tiles[tile].columns()
    }

    /// The steps of each chunk.
    pub(super) fn chunks(&self) -> &[usize] {
        &self.chunks
    }

    /// See [`Panel::residuals`].
    pub(super) fn residuals(&self, tile: usize) -> [&[f32]; 2] {
        self.tiles[tile].residuals()
    }

    /// The least of the first and the largest of the second.
    pub(super) fn span(&self, tile: usize) -> [f32; 2] {
        self.tiles[tile].span
    }
}

impl Panel {
    /// Room for some rows.
    fn empty(rows: usize, kernel: &Kernel, chunks: &[usize]) -> Panel {
        let padded = rows.next_multiple_of(kernel.columns);
        let halves = kernel.operand == Operand::Halved;
        Panel {
            rows,
            order: (0..number(rows)).collect(),
            places: (0..number(rows)).collect(),
            integers: vec![0; padded * chunks.iter().sum::<usize>() * STEP],
            corrections: vec![0; padded * chunks.len()],
            numbers: Numbers::new(padded),
            of_halved: halves.then(|| Numbers::new(padded)),
            span: [f32::INFINITY, 0.0],
        }
    }

    /// Puts what is at a place of another panel into a place of this one.
    fn take(&mut self, to: usize, other: &Panel, from: usize, kernel: &Kernel, chunks: &[usize]) {
        let (width, steps) = (kernel.columns, chunks.iter().sum::<usize>());
        let start = |at: usize| place(at, 0, width, steps) / STEP;
        let integers = other.integers.as_chunks::<STEP>().0[start(from)..].iter().step_by(width);
        let own = self.integers.as_chunks_mut::<STEP>().0[start(to)..].iter_mut().step_by(width);
        own.zip(integers).take(steps).for_each(|(own, integers)| *own = *integers);
        let correction = |at: usize, chunk: usize| (at / width * chunks.len() + chunk) * width + at % width;
        for chunk in 0..chunks.len() {
            self.corrections[correction(to, chunk)] = other.corrections[correction(from, chunk)];
        }
        self.numbers.take(to, &other.numbers, from);
        if let (Some(own), Some(other)) = (&mut self.of_halved, &other.of_halved) {
            own.take(to, other, from);
        }
    }

    /// Quantizes `vectors`, `[rows][dimension]`.
    pub(super) fn new(vectors: &[f32], dimension: usize, kernel: &Kernel, chunks: &[usize]) -> Panel {
        let (rows, steps) = (vectors.len() / dimension, dimension.div_ceil(STEP));
        let mut panel = Panel::empty(rows, kernel, chunks);
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

    /// Columns, with those that fill up the last block.
    pub(super) fn columns(&self) -> usize {
        self.numbers.scales.len()
    }

    /// At least how far each row is from its integers: as a column, and in the worse of its two roles.
    pub(super) fn residuals(&self) -> [&[f32]; 2] {
        let as_columns = &self.numbers.residuals;
        // Halves are further away, never nearer: `Panel::new` sees to that.
        [as_columns, self.of_halved.as_ref().map_or(as_columns, |halves| &halves.residuals)]
    }

    /// The columns, with the cut of each, and their corrections.
    fn part<'a>(&'a self, cuts: &'a [f32]) -> (Part<'a>, &'a [i32]) {
        let Numbers { scales, residuals } = &self.numbers;
        (Part { integers: &self.integers, scales, residuals, cuts }, &self.corrections)
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

    /// Some of the rows in whole blocks, with the cut of each.
    fn some<'a>(&'a self, rows: Range<usize>, cuts: &'a [f32]) -> Part<'a> {
        let Numbers { scales, residuals } = &self.numbers;
        let integers = self.integers.len() / self.len();
        Part {
            integers: &self.integers[rows.start * integers..rows.end * integers],
            scales: &scales[rows.clone()],
            residuals: &residuals[rows],
            cuts,
        }
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

    fn take(&mut self, to: usize, other: &Numbers, from: usize) {
        self.scales[to] = other.scales[from];
        self.residuals[to] = other.residuals[from];
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
