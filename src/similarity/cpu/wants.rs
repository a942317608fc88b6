//! What the lists of a tile want of another tile, as what a pair must reach. This room refuses to look at pairs.

use super::Scan;
use super::panels::Panel;
use crate::similarity::int8::cut;

/// What the lists of a tile want of another tile.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// Per rule that has open lists, what a pair must reach for the list of each row, by its place; infinity where it is not open.
    pub(super) by_rule: Vec<(usize, Vec<f32>)>,
    /// The lowest score that matters to the list of each row, less the slack, and the lowest of the above; infinity for rows that
    /// fill up the last block.
    pub(super) lowest: [Vec<f32>; 2],
}

impl Wants {
    /// What the lists of the tile `i`, of `padded` rows with those that fill up a block, want of the tile `j`.
    pub(super) fn look(&mut self, scan: &Scan<'_>, [i, j]: [usize; 2], [own, other]: [&Panel; 2], padded: usize) {
        self.nothing(padded);
        let (first, places) = (scan.join.tiles.range(i).start, own.places());
        for (row, rule) in scan.join.tiles.open_lists(i, j) {
            if self.by_rule.last().is_none_or(|last| last.0 != rule) {
                self.by_rule.push((rule, vec![f32::INFINITY; padded]));
            }
            let cuts = &mut self.by_rule.last_mut().expect("just added").1;
            cuts[places[row - first] as usize] = scan.thresholds.get(row, rule);
        }
        let ([least, most], others) = (own.residuals(), other.span());
        let [scores, lowest] = &mut self.lowest;
        for (_, cuts) in &mut self.by_rule {
            for ((of_row, score), most) in cuts.iter().zip(&mut *scores).zip(most) {
                *score = score.min(*of_row - (most + others[1]) - scan.slack);
            }
            for (((of_row, lowest), &least), &most) in cuts.iter_mut().zip(&mut *lowest).zip(least).zip(most) {
                *of_row = cut(*of_row, [least, most], others, scan.slack);
                *lowest = lowest.min(*of_row);
            }
        }
    }

    /// What pairs must reach: see [`super::kernel::Side`].
    pub(super) fn sides(&self) -> [&[f32]; 2] {
        self.lowest.each_ref().map(Vec::as_slice)
    }

    pub(super) fn nothing(&mut self, padded: usize) {
        self.by_rule.clear();
        for lowest in &mut self.lowest {
            lowest.clear();
            lowest.resize(padded, f32::INFINITY);
        }
    }
}
