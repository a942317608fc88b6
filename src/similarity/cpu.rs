//! The CPU engine: proposes pairs by int8 products under a proven bound.
//!
//! Rows are cut into tiles. Every pair of tiles that some list needs is multiplied once; a pair of rows whose product plus the
//! bound of [`super::int8`] reaches the threshold of a list that admits it *survives*, for the lists of both rows. First, a few tiles
//! near by give every list a threshold. This room refuses an n × n buffer: a kernel writes down survivors only.

mod kernel;
pub mod measure;
mod panels;

use anyhow::anyhow;
use rayon::prelude::*;

use super::int8::{MAX_DIMENSION, kernel_slack, upper};
use super::join::{Join, Pair, Survivor};
use super::order;
use super::remaining::Remaining;
use super::rotation::Rotation;
use super::rows::Rows;
use super::state::TileLists;
use super::thresholds::Thresholds;
use super::tiles::Tiles;
use super::{Found, Lists, Matrix, Report, Similarity};
use crate::error::{Error, Result};
use crate::progress::Progress;
use kernel::{Kernel, Pass, Proposal, Scanned};
use panels::{Anchors, Panels};

/// Rows of a tile: whole blocks of every kernel, and two tiles of 512 components fit the L2 cache.
pub const TILE: usize = 192;

/// Pairs of tiles that a thread does before another one may take over.
const STRETCH: usize = 64;

/// Pairs of rows that a thread collects before it decides them: the most promising ones first, so that most others need not be.
const COLLECTED: usize = 32 * TILE;

/// How far apart the tiles of a round are: from, and up to but not including.
const ROUNDS: [(usize, usize); 3] = [(0, 2), (2, 8), (8, usize::MAX)];

/// Turning the vectors costs as much as multiplying each with so many others, a component: below that it cannot pay.
const WORTH_TURNING: u64 = 64;

/// Pairs of tiles that show whether it pays.
const LOOKS: usize = 64;

/// Tiles that a tile is scored with first, at most, to give its lists thresholds.
const SEEDS: usize = 4;

/// The CPU engine. Its threads are rayon's.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// Rows of a tile, at least 1. The lists do not depend on it.
    pub tile: usize,
}

impl Default for Cpu {
    fn default() -> Cpu {
        Cpu { tile: TILE }
    }
}

impl Similarity for Cpu {
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found> {
        let order = order::by_looks(matrix, lists);
        let ordered = lists.in_order(&order);
        let candidates = [lists, &ordered];
        let tiles = candidates.map(|lists| Tiles::new(lists, matrix.rows(), self.tile));
        let remaining = tiles.each_ref().map(Remaining::new);
        let [by_price, by_looks] = remaining.each_ref().map(Remaining::pairs);
        // Rows in the order of their looks are not in that of their prices: that can take more pairs than it saves.
        let chosen = usize::from(by_looks <= by_price / 8 * 9);
        let (lists, tiles, remaining) = (candidates[chosen], &tiles[chosen], &remaining[chosen]);
        let (pairs, order) = [(by_price, None), (by_looks, Some(order.as_slice()))][chosen];
        progress.start(pairs);
        let join = Join::new(Rows::new(matrix, order), lists, tiles);
        finish(&join, remaining, progress)?;
        let mut found = join.into_lists();
        if let Some(order) = order {
            found = order::put_back(found, order);
        }
        let kernel = Some(kernel()?.name.to_owned());
        let report = Report { device: "cpu".to_owned(), kernel, pairs_on_cpu: pairs, ..Report::default() };
        Ok(Found { lists: found, report })
    }
}

/// Scores every pair of tiles that remains, and leaves the marks as they are. Nobody else may score meanwhile.
///
/// # Errors
/// [`crate::error::Error::Config`] when vectors are longer than [`MAX_DIMENSION`], or the environment names a kernel that this
/// processor cannot run.
pub(super) fn finish(join: &Join<'_>, remaining: &Remaining<'_>, progress: &Progress) -> Result<()> {
    let kernel = kernel()?;
    let pairs = remaining.pairs();
    if pairs == 0 {
        return Ok(());
    }
    if join.rows.dimension() > MAX_DIMENSION {
        let dimension = join.rows.dimension();
        return Err(Error::Config(anyhow!(
            "vectors of {dimension} components cannot be compared: shorten them to at most {MAX_DIMENSION}"
        )));
    }
    let (rows, dimension) = (join.rows.len() as u64, join.rows.dimension() as u64);
    let rotation = (dimension > 1 && pairs / rows >= WORTH_TURNING * dimension)
        .then(|| Rotation::fit(join.rows.matrix(), join.rows.dimension() / 2));
    let mut scan = Scan::new(join, kernel, rotation.as_ref(), Thresholds::of(join));
    (0..join.tiles.count()).into_par_iter().for_each(|i| scan.seed(i, remaining));
    let [near @ .., far] = ROUNDS;
    for round in near {
        scan.round(round, remaining, progress);
    }
    if rotation.is_some() && !scan.cuts_short(remaining) {
        // The integers in two parts go before those in one are there.
        let Scan { thresholds, panels, .. } = scan;
        drop(panels);
        scan = Scan::new(join, kernel, None, thresholds);
    }
    scan.round(far, remaining, progress);
    Ok(())
}

/// The fastest kernel of this processor, or the one that the environment names.
fn kernel() -> Result<Kernel> {
    Kernel::chosen().map_err(|why| Error::Config(anyhow!(why)))
}

/// Scores one row with every row of some tiles, for the row's own lists.
pub(super) fn finish_row(join: &Join<'_>, row: usize, candidates: impl IntoIterator<Item = usize>) {
    let mut rows = candidates.into_iter().flat_map(|tile| join.tiles.range(tile));
    join.decide_rows(row..row + 1, |_, survivors| {
        survivors.extend(rows.by_ref().map(|candidate| Survivor { candidate, upper: f32::INFINITY }));
    });
}

/// What all threads share.
struct Scan<'a> {
    join: &'a Join<'a>,
    panels: Panels,
    thresholds: Thresholds,
    slack: f32,
}

impl<'a> Scan<'a> {
    fn new(join: &'a Join<'a>, kernel: Kernel, rotation: Option<&Rotation>, thresholds: Thresholds) -> Scan<'a> {
        Scan {
            join,
            panels: Panels::new(join.rows, join.tiles, kernel, rotation),
            thresholds,
            slack: kernel_slack(rotation.map_or(0.0, Rotation::apart)),
        }
    }

    /// Scores the pairs of tiles that remain and are so far apart.
    fn round(&self, (near, far): (usize, usize), remaining: &Remaining<'_>, progress: &Progress) {
        (0..self.join.tiles.count()).into_par_iter().for_each(|i| {
            let work = remaining.work(i);
            let of_round: Vec<_> = work.into_iter().filter(|&(j, _)| (near..far).contains(&i.abs_diff(j))).collect();
            of_round.par_chunks(STRETCH).for_each(|work| self.tile(i, work, progress));
        });
    }

    /// Whether the second part is often enough not needed, by a look at some pairs of tiles.
    fn cuts_short(&self, remaining: &Remaining<'_>) -> bool {
        let tiles = self.join.tiles.count();
        let looks = (0..LOOKS).into_par_iter().map(|look| {
            let i = look * tiles / LOOKS;
            let work = remaining.work(i);
            let mut scanned = Scanned::default();
            if let Some(&(j, mutual)) = work.get((look * 7 + 3) % LOOKS * work.len() / LOOKS) {
                let anchors = self.panels.anchors(i);
                scanned = self.propose(&anchors, i, j, mutual, &mut Vec::new());
            }
            scanned
        });
        let sum =
            |a: Scanned, b: Scanned| Scanned { blocks: a.blocks + b.blocks, cut_short: a.cut_short + b.cut_short };
        let all = looks.reduce(Scanned::default, sum);
        all.cut_short * 4 >= all.blocks
    }

    /// Gives the lists of a tile thresholds, from the lower bounds of the pairs with a few tiles near by.
    fn seed(&self, i: usize, remaining: &Remaining<'_>) {
        let (join, tiles) = (self.join, self.join.tiles);
        let anchors = self.panels.anchors(i);
        let mut seeds = TileLists::new(join.lists, tiles.range(i));
        let mut found = Vec::new();
        for j in tiles.nearest(i, SEEDS).into_iter().filter(|&j| remaining.needs(i, j)) {
            let mut cuts = [anchors.len(), self.panels.rows(j)].map(|rows| vec![f32::INFINITY; rows]);
            for (row, rule) in tiles.open_lists(i, j) {
                let cut = &mut cuts[0][row - tiles.range(i).start];
                *cut = cut.min(seeds.threshold(join.lists, row, rule));
            }
            self.multiply(&anchors, &cuts[0], j, &cuts[1], &mut found);
            for proposal in found.drain(..) {
                let Some((row, candidate)) = self.rows(i, j, proposal) else { continue };
                let [own, other] = self.residuals(&anchors, j, proposal);
                let lower = proposal.product - (own + other) - self.slack;
                for rule in join.rules_of(row) {
                    if lower > seeds.threshold(join.lists, row, rule)
                        && join.lists.admits(&join.lists.rules[rule], row, candidate)
                    {
                        seeds.offer(join.lists, rule, row, candidate, lower);
                    }
                }
            }
        }
        for row in tiles.range(i) {
            for rule in join.rules_of(row) {
                self.thresholds.raise(row, rule, seeds.threshold(join.lists, row, rule));
            }
        }
    }

    /// Scores tile `i` with each tile of `work`; the flag says whether the other direction is needed too.
    fn tile(&self, i: usize, work: &[(usize, bool)], progress: &Progress) {
        let tiles = self.join.tiles;
        let anchors = self.panels.anchors(i);
        let (mut found, mut pairs) = (Vec::new(), Vec::new());
        for &(j, mutual) in work {
            self.propose(&anchors, i, j, mutual, &mut found);
            for proposal in found.drain(..) {
                self.collect(&anchors, i, j, proposal, &mut pairs);
            }
            if pairs.len() > COLLECTED {
                self.join.settle(&mut pairs, &self.thresholds);
            }
            progress.advance(tiles.pairs(i, j));
        }
        self.join.settle(&mut pairs, &self.thresholds);
    }

    /// Proposes pairs of two tiles for the lists of `i`, and of `j` where those need them too.
    fn propose(&self, anchors: &Anchors, i: usize, j: usize, mutual: bool, found: &mut Vec<Proposal>) -> Scanned {
        let mut cuts = [anchors.len(), self.panels.rows(j)].map(|rows| vec![f32::INFINITY; rows]);
        self.thresholds.lowest(self.join.tiles, i, j, &mut cuts[0]);
        // In its own tile a row is both.
        if mutual || i == j {
            self.thresholds.lowest(self.join.tiles, j, i, &mut cuts[1]);
        }
        for cut in cuts.iter_mut().flatten() {
            *cut -= self.slack;
        }
        self.multiply(anchors, &cuts[0], j, &cuts[1], found)
    }

    fn multiply(
        &self,
        anchors: &Anchors,
        cuts: &[f32],
        j: usize,
        columns: &[f32],
        found: &mut Vec<Proposal>,
    ) -> Scanned {
        let (columns, corrections) = self.panels.columns(j, columns);
        let pass = Pass { anchors: anchors.side(cuts), columns, chunks: self.panels.chunks(), corrections };
        self.panels.kernel.scan(&pass, found)
    }

    /// Keeps a proposal that a list admits.
    fn collect(&self, anchors: &Anchors, i: usize, j: usize, proposal: Proposal, pairs: &mut Vec<Pair>) {
        let Some((first, second)) = self.rows(i, j, proposal) else { return };
        // A tile has each pair of its own rows twice, and each row with itself.
        if (i == j && first >= second) || self.join.classes.same(first, second) {
            return;
        }
        let upper = upper(proposal.product, self.residuals(anchors, j, proposal), self.slack);
        if self.join.may_enter(first, second, upper, &self.thresholds)
            || self.join.may_enter(second, first, upper, &self.thresholds)
        {
            let number = |row| u32::try_from(row).expect("fewer than 2^32 rows");
            pairs.push(Pair { first: number(first), second: number(second), upper });
        }
    }

    /// The rows of a pair of two tiles; none where one of them only fills up a block.
    fn rows(&self, i: usize, j: usize, proposal: Proposal) -> Option<(usize, usize)> {
        let of_tile = |tile, place: u32| self.join.tiles.range(tile).nth(place as usize);
        Some((of_tile(i, proposal.anchor)?, of_tile(j, proposal.column)?))
    }

    /// How far the two of a pair are at most from their integers.
    fn residuals(&self, anchors: &Anchors, j: usize, proposal: Proposal) -> [f32; 2] {
        [anchors.residual(proposal.anchor as usize), self.panels.residual(j, proposal.column as usize)]
    }
}

#[cfg(test)]
mod tests;
