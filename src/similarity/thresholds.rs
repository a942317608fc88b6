//! What each list is known to reach, readable while others fill the lists. This room refuses to be exact: a threshold may lag
//! behind its list, and then more is scored than need be.

use std::sync::atomic::{AtomicU32, Ordering};

use super::join::Join;

/// Per row and rule, a canonical score below which nothing can matter to the list; it only rises.
#[derive(Debug)]
pub(super) struct Thresholds {
    rules: usize,
    /// The bits of each.
    known: Vec<AtomicU32>,
}

impl Thresholds {
    /// As the lists are now.
    pub(super) fn of(join: &Join<'_>) -> Thresholds {
        let rules = join.lists.rules.len();
        let mut known = Vec::with_capacity(join.tiles.rows() * rules);
        for tile in 0..join.tiles.count() {
            join.thresholds(tile, |_, _, threshold| {
                known.push(AtomicU32::new(threshold.unwrap_or(f32::INFINITY).to_bits()));
            });
        }
        Thresholds { rules, known }
    }

    /// The lowest canonical score that may matter to the list of a row; infinity where there is none.
    pub(super) fn get(&self, row: usize, rule: usize) -> f32 {
        // Each stands for itself: nothing else is read because of it.
        f32::from_bits(self.known[row * self.rules + rule].load(Ordering::Relaxed))
    }

    /// Says that nothing below `at_least` matters; exact where [`super::state::TileLists::raise`] is.
    pub(super) fn raise(&self, row: usize, rule: usize, at_least: f32) {
        let higher = |known: u32| (at_least > f32::from_bits(known)).then_some(at_least.to_bits());
        // It fails where the threshold is as high already.
        let _ = self.known[row * self.rules + rule].fetch_update(Ordering::Relaxed, Ordering::Relaxed, higher);
    }
}
