//! Vectors turned for a catalog of which each row is multiplied with many others: most blocks are then left before they are multiplied
//! to the end. This room refuses to turn where a look at some pairs of tiles says that it does not pay.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::kernel::{STEP, Scanned};
use super::panels::Panels;
use super::{Scan, Scratch};
use crate::similarity::int8::kernel_slack;
use crate::similarity::join::Join;
use crate::similarity::remaining::Remaining;
use crate::similarity::rotation::Rotation;
use crate::similarity::thresholds::Thresholds;
use crate::similarity::waiting::Candidate;

/// Where sections end, in eighths of a vector, before the last one does: unlike rows are left early, those that are a little alike
/// later.
const ENDS: [usize; 4] = [1, 2, 4, 6];

/// Rows that axes are fitted to, at most.
const SAMPLE: usize = 2048;

/// Pairs of tiles that are looked at, about.
const LOOKED_AT: usize = 24;

/// What turning a component costs for each component, in multiplications of a kernel.
const COST: usize = 12;

/// The least share of all products that is worth the trouble.
const WORTH: f64 = 0.05;

/// How far turned products may be from the true ones: bounds allow for more, but with that much they are no good.
const MOST_APART: f32 = 1.0 / 512.0;

impl Scan<'_> {
    /// Turns all vectors if `turn` says so, or where that pays for so many pairs.
    pub(super) fn turn(&mut self, remaining: &Remaining<'_>, pairs: u64, turn: Option<bool>) {
        let (rows, dimension) = (self.join.rows, self.join.rows.dimension());
        #[expect(clippy::cast_precision_loss, reason = "a guess")]
        let cost = (COST * dimension * rows.len()) as f64 / pairs as f64;
        // Of all products, turning hardly spares more than half.
        if !turn.unwrap_or(cost < 0.15) {
            return;
        }
        let sample = rows.gather((0..rows.len()).step_by(rows.len().div_ceil(SAMPLE)));
        let rotation = Rotation::fit(&sample, dimension, &ends(dimension));
        if rotation.apart() > MOST_APART || turn.is_none() && self.spared(&rotation, remaining) < cost + WORTH {
            return;
        }
        self.slack = kernel_slack(rotation.apart());
        let Scan { join, panels, thresholds, .. } = self;
        panels.turn(rows, join.tiles, &rotation, |row| Reverse(lowest(join, thresholds, row)));
    }

    /// The share of its products that turning would spare the night, by a look at some pairs of tiles.
    #[expect(clippy::cast_precision_loss, reason = "a guess")]
    pub(super) fn spared(&self, rotation: &Rotation, remaining: &Remaining<'_>) -> f64 {
        let (tiles, kernel) = (self.join.tiles, self.panels.kernel);
        let of_tile = |i: usize| {
            let work = remaining.work(i);
            // The further on the tile, the further on its partner: some are near, some are far.
            let (j, mutual) = *work.get(i * work.len() / tiles.count())?;
            let ranges = [i, j].map(|tile| tiles.range(tile));
            let panels = Panels::turned(self.join.rows, ranges, rotation, kernel, |row| {
                Reverse(lowest(self.join, &self.thresholds, row))
            });
            Some(self.propose(&panels, &panels.anchors(0), [i, j], [0, 1], mutual, &mut Scratch::default()))
        };
        let step = tiles.count().div_ceil(LOOKED_AT);
        let add = |a: Scanned, b: Scanned| Scanned { steps: a.steps + b.steps, spared: a.spared + b.spared };
        let some = (0..tiles.count()).into_par_iter().step_by(step).filter_map(of_tile);
        let Scanned { steps, spared } = some.reduce(Scanned::default, add);
        let share = spared as f64 / steps.max(1) as f64;
        tracing::debug!("turned vectors would spare {share:.3} of all products");
        share
    }
}

/// Where the sections of vectors end, in components: all but the last after whole steps.
pub(super) fn ends(dimension: usize) -> Vec<usize> {
    let ends = ENDS.map(|eighths| eighths * dimension.div_ceil(STEP) / 8 * STEP);
    let mut ends: Vec<usize> = ends.into_iter().filter(|end| (1..dimension).contains(end)).chain([dimension]).collect();
    ends.dedup();
    ends
}

/// The lowest threshold of a row's lists, as a number with an order.
fn lowest(join: &Join<'_>, thresholds: &Thresholds, row: usize) -> Candidate {
    let of_lists = join.rules_of(row).map(|rule| thresholds.get(row, rule));
    Candidate::new(0, of_lists.fold(f32::INFINITY, f32::min))
}
