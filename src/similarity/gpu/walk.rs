//! In which order pairs of tiles go to a device: chunk by chunk, so that panels fit; in rounds, so that thresholds rise early;
//! in blocks, so that panels stay in the cache. This file refuses wgpu and vectors.

use std::ops::Range;

use rayon::prelude::*;

use super::kernels::narrow;
use crate::similarity::remaining::Remaining;
use crate::similarity::tiles::Tiles;

/// Tiles of a block along each side: its panels are read once and used eight times.
const BLOCK: usize = 8;

/// Tiles that the first round of a chunk meets at least; each further round doubles what was seen.
const FIRST_ROUND: usize = 4;

/// Rounds between two different chunks, whose rows have their lists filled by then.
const LATER_ROUNDS: u32 = 2;

/// Tiles per rule that seed the lists of a tile, beside itself.
const SEED_TILES: usize = 3;

/// A pair of tiles, and the rules whose lists need it: bit r of `forward` for the lists of `first` that may hold rows of
/// `second`, of `backward` for the other direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub first: usize,
    pub second: usize,
    pub forward: u32,
    pub backward: u32,
}

impl Item {
    /// As a kernel reads it, in chunks that start at these tiles.
    pub(super) fn words(&self, anchors: usize, candidates: usize) -> [u32; 4] {
        [narrow(self.first - anchors), narrow(self.second - candidates), self.forward, self.backward]
    }

    /// The tiles whose lists need it.
    pub(super) fn served(&self) -> impl Iterator<Item = usize> + use<> {
        let sides = [(self.first, self.forward), (self.second, self.backward)];
        sides.into_iter().filter(|&(_, rules)| rules != 0).map(|(tile, _)| tile)
    }
}

/// The runs of at most `size` tiles that `tiles` tiles are cut into.
pub(super) fn chunks(tiles: usize, size: usize) -> Vec<Range<usize>> {
    (0..tiles).step_by(size.max(1)).map(|start| start..(start + size).min(tiles)).collect()
}

/// All pairs of `count` chunks: each with itself first, then row by row, back and forth, so that neighbors share a chunk.
pub(super) fn chunk_pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    let own = (0..count).map(|chunk| (chunk, chunk));
    let row = move |a: usize| {
        let others = a + 1..count;
        let width = others.len();
        others.clone().map(move |b| if a.is_multiple_of(2) { (a, b) } else { (a, 2 * a + 1 + width - b) })
    };
    own.chain((0..count).flat_map(row))
}

/// What remains to be done between two chunks, in rounds: a device should finish one before it takes thresholds for the next.
pub(super) fn rounds(tiles: &Tiles<'_>, remaining: &Remaining, a: &Range<usize>, b: &Range<usize>) -> Vec<Vec<Item>> {
    let most = if a == b { (a.len() / FIRST_ROUND).max(1).ilog2() } else { LATER_ROUNDS };
    let round = |i: usize, j: usize| if i == j { 0 } else { 1 + most - (j - i).trailing_zeros().min(most) };
    let mut items: Vec<Item> = a.clone().into_par_iter().flat_map_iter(|i| items_of(tiles, remaining, i, b)).collect();
    // Tiles of a round are `stride` apart: a block of them is compact among those.
    items.par_sort_unstable_by_key(|&Item { first: i, second: j, .. }| {
        let round = round(i, j);
        let stride = 1_usize << (most + 1).saturating_sub(round.max(1));
        let side = BLOCK * stride;
        (round, i / side, j / side, i % stride, i, j)
    });
    items.chunk_by(|x, y| round(x.first, x.second) == round(y.first, y.second)).map(<[Item]>::to_vec).collect()
}

/// A few pairs of tiles per tile of a chunk that give its lists first thresholds: itself, and for each rule some tiles that
/// its lists reach, evenly spaced. Only pairs in ascending order, each once, with both directions.
pub(super) fn seeds(tiles: &Tiles<'_>, remaining: &Remaining, chunk: &Range<usize>, rules: usize) -> Vec<Item> {
    let of_tile = |i: usize| {
        let needed = chunk.clone().filter(|&j| remaining.needs(i, j));
        let open: Vec<(usize, u32)> = needed.map(|j| (j, tiles.open_rules(i, j))).collect();
        let mut found = vec![(i, i)];
        for rule in 0..rules {
            let reached = || open.iter().filter(|(_, open)| open >> rule & 1 == 1);
            let step = reached().count().div_ceil(SEED_TILES).max(1);
            // Not the same ones for all tiles, else their rows would be everyone's seeds.
            found.extend(reached().skip(i % step).step_by(step).map(|&(j, _)| (i.min(j), i.max(j))));
        }
        found
    };
    let mut pairs: Vec<(usize, usize)> = chunk.clone().into_par_iter().flat_map_iter(of_tile).collect();
    pairs.par_sort_unstable();
    pairs.dedup();
    pairs.into_iter().filter_map(|(i, j)| item(tiles, remaining, i, j)).collect()
}

/// The items of tile `i` with the tiles of a chunk that does not come before its own.
fn items_of(tiles: &Tiles<'_>, remaining: &Remaining, i: usize, chunk: &Range<usize>) -> Vec<Item> {
    (chunk.start.max(i)..chunk.end).filter_map(|j| item(tiles, remaining, i, j)).collect()
}

fn item(tiles: &Tiles<'_>, remaining: &Remaining, i: usize, j: usize) -> Option<Item> {
    let open = |i, j| if remaining.needs(i, j) { tiles.open_rules(i, j) } else { 0 };
    let item = Item { first: i, second: j, forward: open(i, j), backward: if i == j { 0 } else { open(j, i) } };
    (item.forward | item.backward != 0).then_some(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_chunks_comes_once_and_itself_first() {
        for count in 0..6 {
            let pairs: Vec<(usize, usize)> = chunk_pairs(count).collect();
            assert!(pairs[..count].iter().all(|(a, b)| a == b));
            let mut sorted = pairs.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!((sorted.len(), pairs.len()), (count * (count + 1) / 2, count * (count + 1) / 2));
            assert!(sorted.iter().all(|&(a, b)| a <= b && b < count), "{pairs:?}");
        }
    }
}
