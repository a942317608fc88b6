//! Between lists and words: what a strip asks of a device, and what its answer means. This file refuses to wait for one.

use std::ops::Range;

use rayon::prelude::*;

use super::kernels::{Arithmetic, TILE};
use super::session::{Dispatch, Harvest};
use super::walk::{self, Item};
use crate::device::Fault;
use crate::similarity::join::{Join, Survivor};
use crate::similarity::remaining::Remaining;
use crate::similarity::{bounds, cpu, int8};

/// Beyond every score of unit vectors: nothing passes, or everything. Infinities are no use, since a shader may assume that
/// there are none.
pub(super) const NOTHING: f32 = 4.0;
pub(super) const EVERYTHING: f32 = -4.0;

/// The lists of a night, and the chunks in which a device sees their rows.
pub(super) struct Exchange<'a> {
    pub join: &'a Join<'a>,
    pub remaining: &'a Remaining<'a>,
    pub chunks: Vec<Range<usize>>,
    /// Survivors that a row can keep in a strip.
    pub slots: usize,
    /// How far a device's value can be below a canonical score.
    pub margin: f32,
}

impl Exchange<'_> {
    /// What remains between two chunks, in rounds.
    pub(super) fn rounds(&self, a: usize, b: usize) -> Vec<Vec<Item>> {
        walk::rounds(self.join.tiles, self.remaining, &self.chunks[a], &self.chunks[b])
    }

    /// The pairs of tiles that seed the lists of a chunk.
    pub(super) fn seeds(&self, chunk: usize) -> Vec<Item> {
        walk::seeds(self.join.tiles, self.remaining, &self.chunks[chunk], self.join.lists.rules.len())
    }

    /// Offers the survivors to the lists; returns the local rows whose survivors did not all come.
    pub(super) fn decide(&self, chunks: (usize, usize), harvest: &Harvest) -> Result<Vec<usize>, Fault> {
        let (rows, slots) = (self.join.rows.len(), self.slots);
        let found = |local: usize| {
            let [start, count] = harvest.places[local].map(|word| word as usize);
            let kept = count.min(slots).min(harvest.packed.len().saturating_sub(start));
            (kept == count, &harvest.packed[start.min(harvest.packed.len())..][..kept])
        };
        let nobody = |local: usize| harvest.places[local][1] > 0 && self.global(chunks, local) >= rows;
        if let Some(local) = (0..harvest.places.len()).find(|&local| nobody(local)) {
            let row = self.global(chunks, local);
            return Err(Fault::WrongAnswer { message: format!("it proposed for row {row} of {rows}") });
        }
        let unknown = harvest.packed.iter().find(|[candidate, _]| *candidate as usize >= rows);
        if let Some([candidate, _]) = unknown {
            return Err(Fault::WrongAnswer { message: format!("it proposed row {candidate} of {rows}") });
        }
        harvest.places.par_chunks(TILE).enumerate().for_each(|(tile, places)| {
            if places.iter().all(|&[_, count]| count == 0) {
                return;
            }
            let first = self.global(chunks, tile * TILE);
            self.join.decide_rows(first..(first + TILE).min(rows), |row, survivors| {
                let upper = |bits: u32| f32::from_bits(bits) + self.margin;
                let each = found(tile * TILE + row - first).1.iter();
                survivors.extend(each.map(|&[row, bits]| Survivor { candidate: row as usize, upper: upper(bits) }));
            });
        });
        Ok((0..harvest.places.len()).filter(|&local| !found(local).0).collect())
    }

    /// Scores the rows on the CPU against all tiles that their strip gives them.
    pub(super) fn finish(&self, chunks: (usize, usize), items: &[Item], rows: &[usize]) {
        rows.par_iter().for_each(|&local| {
            let row = self.global(chunks, local);
            let there =
                items.iter().filter(|item| item.forward != 0 && item.first == row / TILE).map(|item| item.second);
            let back =
                items.iter().filter(|item| item.backward != 0 && item.second == row / TILE).map(|item| item.first);
            cpu::finish_row(self.join, row, there.chain(back));
        });
    }

    /// The part of the items that serves these local rows.
    pub(super) fn items_of(&self, chunks: (usize, usize), items: &[Item], rows: &[usize]) -> Vec<Item> {
        let mut tiles: Vec<usize> = rows.iter().map(|&local| self.global(chunks, local) / TILE).collect();
        tiles.sort_unstable();
        tiles.dedup();
        let served = |tile: usize, rules: u32| if tiles.binary_search(&tile).is_ok() { rules } else { 0 };
        let part = |item: &Item| Item {
            forward: served(item.first, item.forward),
            backward: served(item.second, item.backward),
            ..*item
        };
        items.iter().map(part).filter(|item| item.forward | item.backward != 0).collect()
    }

    /// Says that the items are done, but for what runs again.
    pub(super) fn clear(&self, items: &[Item], again: &[Item]) {
        let mut again = again.iter().peekable();
        for item in items {
            let later = again.next_if(|part| (part.first, part.second) == (item.first, item.second));
            let open = later.map_or((0, 0), |part| (part.forward, part.backward));
            if item.forward != 0 && open.0 == 0 {
                self.remaining.done(item.first, item.second);
            }
            if item.backward != 0 && open.1 == 0 {
                self.remaining.done(item.second, item.first);
            }
        }
    }

    /// A strip as words. With `only`, local rows, all others get nothing.
    pub(super) fn dispatch(&self, chunks: (usize, usize), items: &[Item], only: Option<&[usize]>) -> Dispatch {
        let (a, b) = (&self.chunks[chunks.0], &self.chunks[chunks.1]);
        let tiles: Vec<usize> = a.clone().chain(b.clone().filter(|_| chunks.0 != chunks.1)).collect();
        let rows = tiles.len() * TILE;
        let mut served = vec![false; self.join.tiles.count()];
        for tile in items.iter().flat_map(Item::served) {
            served[tile] = true;
        }
        let blocks: Vec<Option<Vec<f32>>> =
            tiles.par_iter().map(|&tile| served[tile].then(|| self.cuts(tile))).collect();
        let mut cuts = vec![NOTHING; self.join.lists.rules.len() * rows];
        for (at, block) in blocks.iter().enumerate() {
            for (rule, values) in block.iter().flat_map(|block| block.chunks_exact(TILE).enumerate()) {
                cuts[rule * rows + at * TILE..][..TILE].copy_from_slice(values);
            }
        }
        if let Some(only) = only {
            let mut wanted = vec![false; rows];
            for &row in only {
                wanted[row] = true;
            }
            for of_rule in cuts.chunks_exact_mut(rows) {
                of_rule.iter_mut().zip(&wanted).filter(|(_, wanted)| !**wanted).for_each(|(cut, _)| *cut = NOTHING);
            }
        }
        Dispatch {
            chunks,
            first_row: [a.start * TILE, b.start * TILE],
            rows: [a.len() * TILE, b.len() * TILE],
            work: items.iter().map(|item| item.words(a.start, b.start)).collect(),
            cuts,
        }
    }

    /// The lowest value that may matter to each list of a tile: `[rule][row]`.
    fn cuts(&self, tile: usize) -> Vec<f32> {
        let mut cuts = vec![NOTHING; self.join.lists.rules.len() * TILE];
        self.join.thresholds(tile, |row, rule, threshold| {
            if let Some(threshold) = threshold {
                cuts[rule * TILE + row % TILE] = (threshold - self.margin).clamp(EVERYTHING, NOTHING);
            }
        });
        cuts
    }

    /// The row that a local row is.
    fn global(&self, chunks: (usize, usize), local: usize) -> usize {
        let a = &self.chunks[chunks.0];
        if local < a.len() * TILE {
            a.start * TILE + local
        } else {
            self.chunks[chunks.1].start * TILE + local - a.len() * TILE
        }
    }
}

/// How far a device's value can be below the canonical score.
pub(super) fn margin(arithmetic: Arithmetic, dimension: usize) -> f32 {
    match arithmetic {
        Arithmetic::F32 => bounds::gpu_margin(dimension),
        Arithmetic::Int8 => int8::slack(),
    }
}

/// The value whose bits, made ascending, are the key.
pub(super) fn unkey(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & 0x7fff_ffff } else { !key })
}
