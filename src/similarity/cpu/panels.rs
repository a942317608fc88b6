//! The catalog's vectors as the kernels take them: one int8 copy in blocks, and a few numbers a row. This room refuses to compare
//! two vectors.

use std::ops::Range;

use rayon::prelude::*;

use super::kernel::{Kernel, Operand, Pass, STEP, Sections, Side};
use super::number;
use crate::similarity::int8::{halved, project, residual};
use crate::similarity::rotation::Rotation;
use crate::similarity::rows::Rows;
use crate::similarity::tiles::Tiles;

/// All vectors.
#[derive(Debug)]
pub(super) struct Panels {
    pub(super) kernel: Kernel,
    sections: Sections,
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
    /// See [`Panel::span`].
    span: [f32; 2],
}

/// Some vectors, as anchors.
#[derive(Clone, Debug)]
pub(super) struct Anchors {
    integers: Vec<u8>,
    numbers: Numbers,
}

/// What belongs to the integers of each row; zeros for the rows that fill up the last block.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    scales: Vec<f32>,
    residuals: Vec<f32>,
    /// `[tests][rows]`.
    rests: Vec<f32>,
}

impl Panels {
    /// Quantizes all rows.
    pub(super) fn new(rows: Rows<'_>, tiles: &Tiles<'_>, kernel: Kernel) -> Panels {
        let sections = Sections::whole(kernel.operand, rows.dimension());
        let of_tile = |tile| Panel::new(&rows.gather(tiles.range(tile)), rows.dimension(), &kernel, &sections);
        let tiles = (0..tiles.count()).into_par_iter().map(of_tile).collect();
        Panels { kernel, sections, tiles }
    }

    /// Quantizes some rows, as one tile.
    pub(super) fn of(rows: Rows<'_>, some: &[u32], kernel: Kernel) -> Panels {
        let sections = Sections::whole(kernel.operand, rows.dimension());
        let vectors = rows.gather(some.iter().map(|&row| row as usize));
        let panel = Panel::new(&vectors, rows.dimension(), &kernel, &sections);
        Panels { kernel, sections, tiles: vec![panel] }
    }

    /// Quantizes some vectors, `[n][dimension]`, as anchors; before vectors are turned.
    pub(super) fn quantize(&self, vectors: &[f32], dimension: usize) -> Anchors {
        Panel::new(vectors, dimension, &self.kernel, &self.sections).anchors(&self.kernel)
    }

    /// Looks at the products of some rows with all rows of the first tile, row by row.
    pub(super) fn with_rows<T>(&self, rows: Rows<'_>, some: &[u32], look: impl Fn(u32, &[f32]) -> T) -> Vec<T> {
        let anchors = self.quantize(&rows.gather(some.iter().map(|&row| row as usize)), rows.dimension());
        let (mut products, columns) = (Vec::new(), &self.tiles[0]);
        self.products(&anchors, 0..anchors.len(), columns, &mut products);
        let lines = some.iter().zip(products.chunks_exact(columns.columns()));
        lines.map(|(&row, line)| look(row, &line[..columns.rows])).collect()
    }

    /// The rows of a tile as anchors.
    pub(super) fn anchors(&self, tile: usize) -> Anchors {
        self.tiles[tile].anchors(&self.kernel)
    }

    /// Some rows of any tiles, of `size` rows each, as columns.
    pub(super) fn gather(&self, rows: &[u32], size: usize) -> Panel {
        let mut gathered = Panel::empty(rows.len(), &self.kernel, &self.sections);
        for (place, row) in rows.iter().map(|&row| row as usize).enumerate() {
            let panel = &self.tiles[row / size];
            gathered.take(place, panel, panel.places[row % size] as usize, &self.kernel, &self.sections);
        }
        gathered
    }

    /// Quantizes the rows of some ranges as [`Self::turn`] does, a tile each.
    pub(super) fn turned<K: Ord>(
        rows: Rows<'_>,
        ranges: [Range<usize>; 2],
        rotation: &Rotation,
        kernel: Kernel,
        key: impl Fn(usize) -> K,
    ) -> Panels {
        let sections = Sections::new(kernel.operand, rotation.sections());
        let of_tile = |range| Panel::turned(rows, range, rotation, (&kernel, &sections), &key);
        Panels { kernel, tiles: ranges.map(of_tile).into(), sections }
    }

    /// Turns all vectors, and lays the rows of each tile in an order by `key`, those with the least first.
    pub(super) fn turn<K: Ord>(
        &mut self,
        rows: Rows<'_>,
        tiles: &Tiles<'_>,
        rotation: &Rotation,
        key: impl Fn(usize) -> K + Sync,
    ) {
        let kernel = &self.kernel;
        self.sections = Sections::new(kernel.operand, rotation.sections());
        let sections = &self.sections;
        self.tiles.par_iter_mut().enumerate().for_each(|(tile, panel)| {
            *panel = Panel::turned(rows, tiles.range(tile), rotation, (kernel, sections), &key);
        });
    }

    /// Writes the products of some anchors, in whole blocks, with all columns of a panel, `[anchors][columns]`; before vectors are
    /// turned.
    pub(super) fn products(&self, anchors: &Anchors, rows: Range<usize>, columns: &Panel, products: &mut Vec<f32>) {
        let nothing = vec![f32::INFINITY; columns.columns().max(rows.len())];
        let nothing = |rows: usize| [&nothing[..rows]; 2];
        products.resize(rows.len() * columns.columns(), 0.0);
        let mut pass = self.pass(anchors, nothing(rows.len()), columns, nothing(columns.columns()));
        let integers = anchors.integers.len() / anchors.len();
        pass.anchors.integers = &anchors.integers[rows.start * integers..rows.end * integers];
        pass.anchors.scales = &anchors.numbers.scales[rows.clone()];
        pass.anchors.residuals = &anchors.numbers.residuals[rows];
        self.kernel.products(&pass, products);
    }

    /// A tile of pairs, with the scores and the cuts of both sides.
    pub(super) fn pass<'a>(
        &'a self,
        anchors: &'a Anchors,
        own: [&'a [f32]; 2],
        columns: &'a Panel,
        others: [&'a [f32]; 2],
    ) -> Pass<'a> {
        Pass {
            anchors: anchors.numbers.side(&anchors.integers, own),
            columns: columns.numbers.side(&columns.integers, others),
            sections: &self.sections,
            corrections: &columns.corrections,
        }
    }

    /// The vectors of a tile.
    pub(super) fn panel(&self, tile: usize) -> &Panel {
        &self.tiles[tile]
    }
}

impl Panel {
    /// Room for some rows.
    fn empty(rows: usize, kernel: &Kernel, sections: &Sections) -> Panel {
        let padded = rows.next_multiple_of(kernel.columns);
        let halves = kernel.operand == Operand::Halved;
        Panel {
            rows,
            order: (0..number(rows)).collect(),
            places: (0..number(rows)).collect(),
            integers: vec![0; padded * sections.steps() * STEP],
            corrections: vec![0; padded * sections.chunks().count()],
            numbers: Numbers::new(padded, sections),
            of_halved: halves.then(|| Numbers::new(padded, sections)),
            span: [f32::INFINITY, 0.0],
        }
    }

    /// Puts what is at a place of another panel into a place of this one.
    fn take(&mut self, to: usize, other: &Panel, from: usize, kernel: &Kernel, sections: &Sections) {
        let (width, steps, chunks) = (kernel.columns, sections.steps(), sections.chunks().count());
        let start = |at: usize| place(at, 0, width, steps) / STEP;
        let integers = other.integers.as_chunks::<STEP>().0[start(from)..].iter().step_by(width);
        let own = self.integers.as_chunks_mut::<STEP>().0[start(to)..].iter_mut().step_by(width);
        own.zip(integers).take(steps).for_each(|(own, integers)| *own = *integers);
        let correction = |at: usize, chunk: usize| (at / width * chunks + chunk) * width + at % width;
        for chunk in 0..chunks {
            self.corrections[correction(to, chunk)] = other.corrections[correction(from, chunk)];
        }
        self.numbers.take(to, &other.numbers, from);
        if let (Some(own), Some(other)) = (&mut self.of_halved, &other.of_halved) {
            own.take(to, other, from);
        }
    }

    /// Quantizes `vectors`, `[rows][dimension]`.
    fn new(vectors: &[f32], dimension: usize, kernel: &Kernel, sections: &Sections) -> Panel {
        Panel::of(vectors, dimension, [0.0; 2], kernel, sections)
    }

    /// Turns some rows and lays them in an order by `key`, those with the least first.
    fn turned<K: Ord>(
        rows: Rows<'_>,
        range: Range<usize>,
        rotation: &Rotation,
        (kernel, sections): (&Kernel, &Sections),
        key: impl Fn(usize) -> K,
    ) -> Panel {
        let mut order: Vec<usize> = range.clone().collect();
        order.sort_by_cached_key(|&row| key(row));
        let mut turned = vec![0.0; order.len() * rows.dimension()];
        rotation.turn(&rows.gather(order.iter().copied()), &mut turned);
        let mut panel = Panel::of(&turned, rows.dimension(), [rotation.apart(), rotation.usual()], kernel, sections);
        for (place, row) in order.into_iter().map(|row| row - range.start).enumerate() {
            panel.order[place] = number(row);
            panel.places[row] = number(place);
        }
        panel
    }

    /// Quantizes vectors whose squared lengths are off from 1 by at most `apart`; see [`Operand::round`] for `usual`.
    fn of(vectors: &[f32], dimension: usize, [apart, usual]: [f32; 2], kernel: &Kernel, sections: &Sections) -> Panel {
        let (rows, steps) = (vectors.len() / dimension, sections.steps());
        let mut panel = Panel::empty(rows, kernel, sections);
        let units: Vec<f32> = sections.units().take(dimension).collect();
        let mut integers = vec![0_i8; dimension];
        let mut counted = vec![0.0_f32; dimension];
        for (row, vector) in vectors.chunks_exact(dimension).enumerate() {
            counted.iter_mut().zip(vector).zip(&units).for_each(|((counted, v), unit)| *counted = v / unit);
            kernel.operand.round(&counted, usual, sections, &mut integers);
            let mut set = |numbers: &mut Numbers, of_one: fn(i8) -> i8| {
                let all = counted.iter_mut().zip(&integers).zip(&units);
                all.for_each(|((counted, &q), unit)| *counted = f32::from(of_one(q)) * unit);
                numbers.set(row, vector, &counted, apart, sections);
            };
            set(&mut panel.numbers, |q| q);
            let mut most = panel.numbers.residuals[row];
            panel.span[0] = panel.span[0].min(most);
            if let Some(of_halved) = &mut panel.of_halved {
                set(of_halved, halved);
                most = most.max(of_halved.residuals[row]);
                of_halved.residuals[row] = most;
            }
            panel.span[1] = panel.span[1].max(most);
            for (step, four) in integers.chunks(STEP).enumerate() {
                let at = place(row, step, kernel.columns, steps);
                four.iter().zip(&mut panel.integers[at..]).for_each(|(&q, byte)| *byte = q.cast_unsigned());
            }
        }
        panel.corrections = corrections(&panel.integers, kernel, sections);
        panel
    }

    /// Columns, with those that fill up the last block.
    pub(super) fn columns(&self) -> usize {
        self.numbers.scales.len()
    }

    /// At least how far each row is from its integers: as a column, and in the worse of its two roles.
    pub(super) fn residuals(&self) -> [&[f32]; 2] {
        let as_columns = &self.numbers.residuals;
        // Halves are further away, never nearer: `Panel::of` sees to that.
        [as_columns, self.of_halved.as_ref().map_or(as_columns, |halves| &halves.residuals)]
    }

    /// Per place, the row of the tile that is there.
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Per row of the tile, its place.
    pub(super) fn places(&self) -> &[u32] {
        &self.places
    }

    /// The least and the largest of all residuals.
    pub(super) fn span(&self) -> [f32; 2] {
        self.span
    }

    fn anchors(&self, kernel: &Kernel) -> Anchors {
        let padded = self.rows.next_multiple_of(kernel.anchors);
        let steps = self.integers.len() / (self.numbers.scales.len() * STEP);
        let mut integers = vec![[kernel.operand.anchor(0); STEP]; padded * steps];
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
fn corrections(integers: &[u8], kernel: &Kernel, sections: &Sections) -> Vec<i32> {
    let (columns, steps, chunks) = (kernel.columns, sections.steps(), sections.chunks().count());
    let blocks = integers.len() / (columns * steps * STEP);
    let mut all = vec![0; blocks * columns * chunks];
    for (block, corrections) in all.chunks_mut(chunks * columns).enumerate() {
        let mut integers = &integers[block * columns * steps * STEP..];
        for (chunk, corrections) in sections.chunks().zip(corrections.chunks_mut(columns)) {
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
    /// How many rows there are, with those that fill up the last block.
    pub(super) fn len(&self) -> usize {
        self.numbers.scales.len()
    }
}

impl Numbers {
    fn new(rows: usize, sections: &Sections) -> Numbers {
        let zeros = |rows| vec![0.0; rows];
        Numbers { scales: zeros(rows), residuals: zeros(rows), rests: zeros(rows * sections.tests()) }
    }

    /// What belongs to a vector with these integers, in units of the last section. Its squared length is off from 1 by at most `apart`,
    /// and so is that of the vectors that it is multiplied with.
    fn set(&mut self, row: usize, vector: &[f32], integers: &[f32], apart: f32, sections: &Sections) {
        let (scale, left) = project(vector, integers);
        self.scales[row] = scale;
        self.residuals[row] = residual(left * (1.0 + f64::from(apart)));
        let (rows, mut start) = (self.scales.len(), 0);
        for (test, section) in sections.all()[..sections.tests()].iter().enumerate() {
            start += section.steps() * STEP;
            let squares = vector[start..].iter().map(|&v| f64::from(v) * f64::from(v)).sum();
            self.rests[test * rows + row] = residual(squares);
        }
    }

    fn take(&mut self, to: usize, other: &Numbers, from: usize) {
        self.scales[to] = other.scales[from];
        self.residuals[to] = other.residuals[from];
        let tests = self.rests.chunks_mut(self.scales.len()).zip(other.rests.chunks(other.scales.len()));
        tests.for_each(|(own, other)| own[to] = other[from]);
    }

    fn resized(&self, rows: usize) -> Numbers {
        let resized = |numbers: &[f32]| {
            let mut numbers = numbers.to_vec();
            numbers.resize(rows, 0.0);
            numbers
        };
        Numbers {
            scales: resized(&self.scales),
            residuals: resized(&self.residuals),
            rests: self.rests.chunks(self.scales.len()).flat_map(resized).collect(),
        }
    }

    fn side<'a>(&'a self, integers: &'a [u8], [scores, cuts]: [&'a [f32]; 2]) -> Side<'a> {
        let Numbers { scales, residuals, rests } = self;
        Side { integers, scales, residuals, rests, scores, cuts }
    }
}

/// Where the integers of a step of a row begin, in blocks of `width` rows.
fn place(row: usize, step: usize, width: usize, steps: usize) -> usize {
    ((row / width * steps + step) * width + row % width) * STEP
}
