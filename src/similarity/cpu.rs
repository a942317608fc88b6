//! The CPU engine: proposes pairs by int8 products under a proven bound.
//!
//! Rows are cut into tiles. Every pair of tiles that some list needs is multiplied once; a pair of rows whose product plus the
//! bound of [`super::int8`] reaches the threshold of a list that admits it waits for that list, on either side. When many wait
//! for a list, those that seem to be its best are scored canonically, its threshold rises, and most others can go. First comes what
//! a list will probably hold, which shows most of what it needs. This room refuses an n × n buffer: a kernel writes down survivors only.

mod kernel;
pub mod measure;
mod order;
mod panels;
mod seeds;
mod turning;
mod wants;

use std::ops::Range;
use std::sync::Mutex;

use anyhow::anyhow;
use rayon::prelude::*;

use super::int8::{MAX_DIMENSION, bounds, kernel_slack};
use super::join::{Join, Survivor, Wanted};
use super::remaining::Remaining;
use super::rows::Rows;
use super::thresholds::Thresholds;
use super::tiles::Tiles;
use super::waiting::{Candidate, TileWaiting};
use super::{Found, Lists, Matrix, Report, Similarity};
use crate::error::{Error, Result};
use crate::progress::Progress;
use kernel::{Kernel, Proposal, Scanned};
use panels::{Anchors, Panels};
use wants::Wants;

/// Rows of a tile: whole blocks of every kernel, and two tiles of 512 components fit the L2 cache.
pub const TILE: usize = 192;

/// Tiles of a group: they are scored with a tile of columns one after the other.
const GROUP: usize = 4;

/// Tiles of columns that a thread does with a group before another one may take over.
const STRETCH: usize = 64;

/// The CPU engine. Its threads are rayon's. The lists depend on none of its fields.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// Rows of a tile, at least 1.
    pub tile: usize,
    /// Whether vectors are turned so that most pairs need not be multiplied to the end; `None` for where it pays.
    pub turn: Option<bool>,
}

impl Default for Cpu {
    fn default() -> Cpu {
        Cpu { tile: TILE, turn: None }
    }
}

impl Similarity for Cpu {
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found> {
        // In the order of prices, which the plan has, a tile is in the bands of few others; in that of looks, thresholds rise sooner.
        let has_bands = lists.rules.iter().any(|rule| rule.visual && rule.bands.is_some());
        let kernel = kernel()?;
        let order = (!has_bands && matrix.dimension() <= MAX_DIMENSION).then(|| order::by_looks(matrix, lists, kernel));
        let ordered = order.as_ref().map(|order| lists.in_order(order));
        let lists = ordered.as_ref().unwrap_or(lists);
        let tiles = Tiles::new(lists, matrix.rows(), self.tile);
        let remaining = Remaining::new(&tiles);
        let pairs = remaining.pairs();
        progress.start(pairs);
        let join = Join::new(Rows::new(matrix, order.as_deref()), lists, &tiles);
        self.finish(&join, &remaining, progress)?;
        let mut found = join.into_lists();
        if let Some(order) = &order {
            found = order::put_back(found, order);
        }
        let kernel = Some(kernel.name.to_owned());
        let report = Report { device: "cpu".to_owned(), kernel, pairs_on_cpu: pairs, ..Report::default() };
        Ok(Found { lists: found, report })
    }
}

impl Cpu {
    /// Scores every pair of tiles that remains, and leaves the marks as they are. Nobody else may score meanwhile.
    ///
    /// # Errors
    /// [`crate::error::Error::Config`] when vectors are longer than [`MAX_DIMENSION`], or the environment names a kernel that this
    /// processor cannot run.
    pub(super) fn finish(&self, join: &Join<'_>, remaining: &Remaining<'_>, progress: &Progress) -> Result<()> {
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
        let mut scan = Scan::new(join, kernel);
        let groups = join.tiles.count().div_ceil(GROUP);
        (0..groups).into_par_iter().for_each(|group| scan.seed(scan.group(group), remaining));
        scan.turn(remaining, pairs, self.turn);
        (0..groups).into_par_iter().for_each(|group| scan.pairs(group, remaining, progress));
        scan.settle();
        Ok(())
    }
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
    waiting: Vec<Mutex<TileWaiting>>,
    slack: f32,
}

/// What a thread works with.
#[derive(Default)]
struct Scratch {
    found: Vec<Proposal>,
    /// What the lists of both tiles want.
    wants: [Wants; 2],
}

impl<'a> Scan<'a> {
    fn new(join: &'a Join<'a>, kernel: Kernel) -> Scan<'a> {
        let waiting = |tile| Mutex::new(TileWaiting::new(join.lists, join.tiles.range(tile)));
        Scan {
            join,
            panels: Panels::new(join.rows, join.tiles, kernel),
            thresholds: Thresholds::of(join),
            waiting: (0..join.tiles.count()).map(waiting).collect(),
            slack: kernel_slack(0.0),
        }
    }

    /// The tiles of a group.
    fn group(&self, group: usize) -> Range<usize> {
        group * GROUP..((group + 1) * GROUP).min(self.join.tiles.count())
    }

    /// Scores those pairs of tiles that remain to a group.
    fn pairs(&self, group: usize, remaining: &Remaining<'_>, progress: &Progress) {
        let of_tile = |i: usize| remaining.work(i).into_iter().map(move |(j, mutual)| (j, i, mutual));
        let mut work: Vec<(usize, usize, bool)> = self.group(group).flat_map(of_tile).collect();
        work.sort_unstable();
        let by_columns: Vec<_> = work.chunk_by(|a, b| a.0 == b.0).collect();
        by_columns.par_chunks(STRETCH).for_each(|work| self.stretch(group, work, progress));
    }

    /// Scores tiles of a group with some tiles of columns: for each of those, its pairs as (column, anchor, mutual).
    fn stretch(&self, group: usize, work: &[&[(usize, usize, bool)]], progress: &Progress) {
        let mut scratch = Scratch::default();
        let tiles = self.group(group);
        let mut anchors: Vec<Option<Anchors>> = tiles.clone().map(|_| None).collect();
        for pairs in work {
            for &(j, i, mutual) in *pairs {
                progress.advance(self.join.tiles.pairs(i, j));
                // Of one picture in two whole tiles all is settled.
                if self.join.classes.are_one(self.join.tiles.range(i), self.join.tiles.range(j)) {
                    continue;
                }
                let anchors = anchors[i - tiles.start].get_or_insert_with(|| self.panels.anchors(i));
                self.pair(anchors, i, (j, mutual), &mut scratch);
            }
        }
    }

    /// Scores tile `i` with tile `j`, for the lists of `i`, and those of `j` where they need it too.
    fn pair(&self, anchors: &Anchors, i: usize, (j, mutual): (usize, bool), scratch: &mut Scratch) {
        self.propose(&self.panels, anchors, [i, j], [i, j], mutual, scratch);
        let Scratch { found, wants: [own, other] } = scratch;
        if i == j {
            // A tile has each pair of its own rows twice, and each row with itself.
            found.retain(|proposal| proposal.anchor < proposal.column);
        }
        if found.is_empty() {
            return;
        }
        self.offer((i, j), own, found, |pair| (pair.anchor, pair.column));
        if mutual || i == j {
            self.offer((j, i), other, found, |pair| (pair.column, pair.anchor));
        }
    }

    /// Finds what may enter the lists of tile `i`, and of `j` where they need it too; in `panels` they have these places.
    fn propose(
        &self,
        panels: &Panels,
        anchors: &Anchors,
        [i, j]: [usize; 2],
        places: [usize; 2],
        mutual: bool,
        scratch: &mut Scratch,
    ) -> Scanned {
        let Scratch { found, wants: [own, other] } = scratch;
        let [of_i, of_j] = places.map(|place| panels.panel(place));
        own.look(self, [i, j], [of_i, of_j], anchors.len());
        // In its own tile a row is both.
        if mutual || i == j {
            other.look(self, [j, i], [of_j, of_i], of_j.columns());
        } else {
            other.nothing(of_j.columns());
        }
        found.clear();
        panels.kernel.scan(&panels.pass(anchors, own.sides(), of_j, other.sides()), found)
    }

    /// Lets candidates of the tile `j` wait for those lists of the tile `i` that may hold them; `places` are those of a pair, in `i`
    /// and in `j`.
    fn offer(
        &self,
        (i, j): (usize, usize),
        wants: &Wants,
        pairs: &[Proposal],
        places: impl Fn(&Proposal) -> (u32, u32),
    ) {
        let (join, lists) = (self.join, self.join.lists);
        let [first, first_candidate] = [i, j].map(|tile| join.tiles.range(tile).start);
        let [rows, candidates] = [i, j].map(|tile| self.panels.panel(tile).order());
        let [own, others] = [i, j].map(|tile| self.panels.panel(tile).residuals()[1]);
        let mut waiting = self.waiting[i].lock().expect("a panic in another thread has already ended the night");
        for (rule, cuts) in &wants.by_rule {
            let contract = &lists.rules[*rule];
            for pair in pairs {
                let (place, other) = places(pair);
                let (place, other, product) = (place as usize, other as usize, pair.product);
                // Without those that only fill up a block.
                let (Some(&row), Some(&candidate)) = (rows.get(place), candidates.get(other)) else { continue };
                let residuals = [own[place], others[other]];
                if product + (residuals[0] + residuals[1]) < cuts[place] {
                    continue;
                }
                let (row, candidate) = (first + row as usize, first_candidate + candidate as usize);
                // Cheaper first: of a picture that all products show, every pair comes here.
                if join.classes.same(row, candidate) || !lists.admits(contract, row, candidate) {
                    continue;
                }
                let [_, upper] = bounds(product, residuals, self.slack);
                self.wait(&mut waiting, (row, *rule), Candidate::new(number(candidate), upper), own[place]);
            }
        }
    }

    /// Lets a candidate wait for a list of a row with this residual, and looks through the list where its room is used up.
    fn wait(&self, waiting: &mut TileWaiting, (row, rule): (usize, usize), candidate: Candidate, residual: f32) {
        if waiting.push(row, rule, candidate) {
            waiting.look_through(row, rule, |waiting| self.look_through(row, rule, residual, waiting));
        }
    }

    /// Decides those that seem to enter their list, or all where few can be let go. Says which still may enter it.
    fn look_through(&self, row: usize, rule: usize, residual: f32, waiting: &[Candidate]) -> Range<usize> {
        // Most products are nearer to their scores by far than their bounds.
        let (mut decided, mut reached) = self.join.decide(row, rule, waiting, 2.0 * residual);
        let mut may_enter = waiting.partition_point(|candidate| candidate.upper() >= reached).max(decided);
        if may_enter - decided > waiting.len() / 4 * 3 {
            (_, reached) = self.join.decide(row, rule, &waiting[decided..may_enter], 0.0);
            (decided, may_enter) = (0, 0);
        }
        self.thresholds.raise(row, rule, reached);
        decided..may_enter
    }

    /// Decides what still waits.
    fn settle(self) {
        let Scan { join, waiting, .. } = self;
        waiting.into_par_iter().enumerate().for_each_init(Vec::new, |wanted, (tile, waiting)| {
            let waiting = waiting.into_inner().expect("a panic in another thread has already ended the night");
            for row in join.tiles.range(tile) {
                for rule in join.rules_of(row) {
                    let of_list = waiting.of(row, rule).iter();
                    wanted.extend(of_list.map(|&candidate| Wanted { candidate, rule }));
                }
                join.decide_row(row, wanted);
            }
        });
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).expect("fewer than 2^32 rows")
}

#[cfg(test)]
mod tests;
