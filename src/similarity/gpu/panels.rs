//! What a device reads, in its own layout: vectors as panels of tiles, rows and rules as words. This file refuses wgpu.

use std::ops::Range;

use rayon::prelude::*;

use super::kernels::{Arithmetic, MAX_RULES, STEP_BYTES, TILE, narrow};
use crate::rules::GroupScope;
use crate::similarity::int8::{Quantized, quantize};
use crate::similarity::join::Join;
use crate::similarity::rows::Rows;
use crate::similarity::{Lists, NO_LIST, RuleLists};

/// Words of a row's facts before the codes: group, class, price rank. The shaders name them.
const FIXED_FACTS: usize = 3;

/// Words of a row's facts per rule: scope, first price rank, price rank after the last.
const RULE_FACTS: usize = 3;

/// A price band that everything is inside of, also what has no price.
const NO_BAND: Range<u32> = 0..u32::MAX;

/// A run of tiles in a device's layout.
#[derive(Debug)]
pub(super) struct Chunk {
    /// `[tile][step × 8][row]` words of a tile: the bits of an f32, or four int8.
    pub panels: Vec<u32>,
    /// `[row][stride]` words; the rows of the last tile that do not exist hold zeros.
    pub facts: Vec<u32>,
    /// In int8, per row the scale, then per row the residual.
    pub quantized: Vec<f32>,
}

/// How rows become words.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub join: &'a Join<'a>,
    pub arithmetic: Arithmetic,
}

impl Layout<'_> {
    /// Words of a row's facts.
    pub(super) fn stride(&self) -> usize {
        let lists = self.join.lists;
        FIXED_FACTS + lists.codes.len() + RULE_FACTS * lists.rules.len()
    }

    /// Steps of a tile kernel.
    pub(super) fn steps(&self) -> usize {
        self.arithmetic.steps(self.join.rows.dimension())
    }

    /// The tiles `tiles` as a device reads them.
    pub(super) fn chunk(&self, tiles: Range<usize>) -> Chunk {
        let (panel, stride) = (self.steps() * STEP_BYTES / 4, self.stride());
        let rows = tiles.len() * TILE;
        let mut panels = vec![0; tiles.len() * panel];
        let mut facts = vec![0; rows * stride];
        // A row that does not exist is short and exact: no kernel divides by nothing.
        let mut quantized = vec![Quantized { scale: 1.0, residual: 0.0 }; rows];
        let written = panels.par_chunks_mut(panel).zip(facts.par_chunks_mut(TILE * stride));
        written.zip(quantized.par_chunks_mut(TILE)).zip(tiles).for_each(|(((panel, facts), quantized), tile)| {
            let first = tile * TILE;
            let rows = first..(first + TILE).min(self.join.rows.len());
            for (at, row) in rows.enumerate() {
                self.write_facts(row, &mut facts[at * stride..(at + 1) * stride]);
                match self.arithmetic {
                    Arithmetic::F32 => write_f32(self.join.rows, row, &mut panel[at..]),
                    Arithmetic::Int8 => quantized[at] = write_int8(self.join.rows, row, &mut panel[at..]),
                }
            }
        });
        let scales = quantized.iter().map(|row| row.scale);
        let quantized = match self.arithmetic {
            Arithmetic::F32 => Vec::new(),
            Arithmetic::Int8 => scales.chain(quantized.iter().map(|row| row.residual)).collect(),
        };
        Chunk { panels, facts, quantized }
    }

    fn write_facts(&self, row: usize, facts: &mut [u32]) {
        let lists = self.join.lists;
        facts[0] = lists.group[row];
        facts[1] = self.join.classes.class(row).map_or(0, |class| class + 1);
        facts[2] = lists.price_rank[row];
        let mut rest = facts[FIXED_FACTS..].iter_mut();
        let mut push = |word: u32| *rest.next().expect("the stride counts every word") = word;
        lists.codes.iter().for_each(|codes| push(codes[row]));
        let mut first_scope = 0;
        for rule in &lists.rules {
            let has_list = rule.visual && rule.scope[row] != NO_LIST;
            push(if has_list { first_scope + rule.scope[row] } else { 0 });
            let band = rule.bands.as_ref().map_or(NO_BAND, |bands| bands[row].clone());
            push(band.start);
            push(band.end);
            first_scope += narrow(rule.scopes.len());
        }
    }
}

/// Per scope of every rule where its ranges start and end in this array; then the ranges. Never empty.
pub(super) fn scopes(lists: &Lists) -> Vec<[u32; 2]> {
    let all = || lists.rules.iter().flat_map(|rule| &rule.scopes);
    let mut start = narrow(all().count());
    let mut words = Vec::new();
    for scope in all() {
        let end = start + narrow(scope.len());
        words.push([start, end]);
        start = end;
    }
    words.extend(all().flat_map(|scope| scope.iter().map(|range| [range.start, range.end])));
    if words.is_empty() { vec![[0, 0]] } else { words }
}

/// Whether [`rules`] says everything of the rules: otherwise a kernel lets more through, and may not promise a list anything.
pub(super) fn are_complete(lists: &Lists) -> bool {
    let is_said = |rule: &RuleLists| {
        let has_codes = rule.must_match.iter().chain(&rule.must_differ).all(|&column| column < 32);
        has_codes && rule.refused.is_none() && rule.refused_pairs.is_empty()
    };
    lists.rules.iter().all(is_said)
}

/// What the tile kernels know of each rule. Codes beyond the 32nd are left to the CPU, which tests everything again.
pub(super) fn rules(lists: &Lists) -> [[u32; 4]; MAX_RULES] {
    let mut words = [[0; 4]; MAX_RULES];
    let bits = |columns: &[usize]| columns.iter().filter(|&&c| c < 32).fold(0, |bits, c| bits | 1 << c);
    let first = FIXED_FACTS + lists.codes.len();
    for (number, (rule, words)) in lists.rules.iter().zip(&mut words).enumerate() {
        let group = match rule.group {
            GroupScope::Other => 0,
            GroupScope::Same => 1,
            GroupScope::Any => 2,
        };
        *words = [group, bits(&rule.must_match), bits(&rule.must_differ), narrow(first + RULE_FACTS * number)];
    }
    words
}

/// Writes a vector as one row of a panel whose rows are `TILE` words apart.
fn write_f32(rows: Rows<'_>, row: usize, panel: &mut [u32]) {
    for (word, value) in panel.iter_mut().step_by(TILE).zip(rows.row(row)) {
        *word = value.to_bits();
    }
}

/// The same in int8.
fn write_int8(rows: Rows<'_>, row: usize, panel: &mut [u32]) -> Quantized {
    let mut values = vec![0; rows.dimension()];
    let quantized = quantize(rows.row(row), &mut values);
    for (word, four) in panel.iter_mut().step_by(TILE).zip(values.chunks(4)) {
        let byte = |at: usize| four.get(at).map_or(0, |value| value.cast_unsigned());
        *word = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
    }
    quantized
}
