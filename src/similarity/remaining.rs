//! Which pairs of tiles are still to be scored, so that one engine can take over from another. This room refuses to score.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::tiles::Tiles;

/// Pairs in a word.
const WORD: usize = 64;

/// One bit for each ordered pair of tiles (i, j): whether lists of i still have to see the rows of j. With T tiles that is
/// about T² / 8 bytes, 8 MiB for a million rows in tiles of 128.
#[derive(Debug)]
pub struct Remaining<'a> {
    tiles: &'a Tiles<'a>,
    /// Words of a tile's bits.
    stride: usize,
    bits: Vec<AtomicU64>,
}

impl<'a> Remaining<'a> {
    /// Everything that some list needs: nothing is done yet.
    #[must_use]
    pub fn new(tiles: &'a Tiles<'a>) -> Remaining<'a> {
        let stride = tiles.count().div_ceil(WORD);
        let mut bits = Vec::new();
        bits.resize_with(tiles.count() * stride, AtomicU64::default);
        bits.par_chunks_mut(stride.max(1)).enumerate().for_each(|(i, row)| {
            for j in tiles.reached(i) {
                *row[j / WORD].get_mut() |= 1 << (j % WORD);
            }
        });
        Remaining { tiles, stride, bits }
    }

    /// Whether lists of the tile `i` still have to see the rows of `j`.
    #[must_use]
    pub fn needs(&self, i: usize, j: usize) -> bool {
        // Each bit stands for itself: nothing else is read because of it.
        self.bits[i * self.stride + j / WORD].load(Ordering::Relaxed) >> (j % WORD) & 1 == 1
    }

    /// Says that the lists of the tile `i` have seen the rows of `j`; callable from any thread.
    pub fn done(&self, i: usize, j: usize) {
        self.bits[i * self.stride + j / WORD].fetch_and(!(1 << (j % WORD)), Ordering::Relaxed);
    }

    /// The tiles that the tile `i` must still be scored with, ascending, each with whether its lists need the pair too. A pair
    /// that both directions need belongs to the smaller tile.
    ///
    /// While other threads call [`Self::done`], a pair may be in the work of both of its tiles.
    #[must_use]
    pub fn work(&self, i: usize) -> Vec<(usize, bool)> {
        let mutual = |j: usize| (j, j != i && self.needs(j, i));
        let needed = (0..self.tiles.count()).filter(|&j| self.needs(i, j));
        needed.map(mutual).filter(|&(j, mutual)| !(mutual && j < i)).collect()
    }

    /// Pairs of rows that are still to be scored: the measure of the night's work.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        let of_tile = |i| self.work(i).iter().map(|&(j, _)| self.tiles.pairs(i, j)).sum::<u64>();
        (0..self.tiles.count()).into_par_iter().map(of_tile).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::GroupScope;
    use crate::similarity::{Lists, NO_LIST, RefusedPairs, RuleLists};

    /// Rows of which each may reach a range of rows, or has no list.
    fn reaching(ranges: &[Option<(u32, u32)>]) -> Lists {
        let rows = ranges.len();
        let mut scopes = Vec::new();
        let mut scope = Vec::new();
        for range in ranges {
            scope.push(range.map_or(NO_LIST, |_| u32::try_from(scopes.len()).unwrap()));
            scopes.extend(range.map(|(from, to)| std::iter::once(from..to).collect()));
        }
        Lists {
            id_rank: (0..u32::try_from(rows).unwrap()).collect(),
            group: vec![0; rows],
            price_rank: vec![0; rows],
            codes: Vec::new(),
            rules: vec![RuleLists {
                visual: true,
                k: 1,
                min_score: f32::NEG_INFINITY,
                group: GroupScope::Any,
                scopes,
                scope,
                bands: None,
                must_match: Vec::new(),
                must_differ: Vec::new(),
                refused: None,
                refused_pairs: RefusedPairs::default(),
                caps: None,
            }],
        }
    }

    proptest! {
        #[test]
        fn work_covers_what_remains_and_nothing_twice(
            ranges in prop::collection::vec(prop::option::of((0_u32..300, 1_u32..40)), 1..300),
            size in 1_usize..5,
            done in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..200),
        ) {
            let n = u32::try_from(ranges.len()).unwrap();
            let ranges: Vec<_> =
                ranges.iter().map(|r| r.map(|(from, len)| (from % n, (from % n + len).min(n)))).collect();
            let lists = reaching(&ranges);
            let tiles = Tiles::new(&lists, ranges.len(), size);
            let remaining = Remaining::new(&tiles);
            let count = tiles.count();
            let mut expected = vec![vec![false; count]; count];
            for (row, range) in ranges.iter().enumerate() {
                for column in range.map_or(0..0, |(from, to)| from as usize..to as usize) {
                    expected[row / size][column / size] = true;
                }
            }
            for (i, j) in done {
                let (i, j) = (i.index(count), j.index(count));
                remaining.done(i, j);
                expected[i][j] = false;
            }
            let mut pairs = 0;
            let mut covered = vec![vec![false; count]; count];
            let mut cover = |i: usize, j: usize| !std::mem::replace(&mut covered[i][j], true);
            for i in 0..count {
                for (j, mutual) in remaining.work(i) {
                    prop_assert!(cover(i, j));
                    prop_assert!(!mutual || (i < j && cover(j, i)));
                    pairs += tiles.pairs(i, j);
                }
            }
            prop_assert_eq!(&covered, &expected);
            prop_assert_eq!(remaining.pairs(), pairs);
            let needs = |i| (0..count).map(|j| remaining.needs(i, j)).collect::<Vec<_>>();
            prop_assert_eq!((0..count).map(needs).collect::<Vec<_>>(), expected);
        }
    }
}
