//! How far figures would move with other sources: percentile bootstrap intervals. This file refuses the clock and the system's
//! randomness: the same sources give the same interval.

use rayon::prelude::*;
use serde::Serialize;

use super::metrics::{Judged, float};
use super::quantiles::at_share;

/// The seed of every evaluation.
pub(super) const SEED: u64 = 0x7715_E7E5_2026_1122;

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure over all sources.
    pub value: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end of its 95 % interval.
    pub high: f64,
}

/// The sums over all sources, and over each resample of them.
#[derive(Debug)]
pub(super) struct Bootstrap {
    sources: usize,
    whole: Judged,
    resampled: Vec<Judged>,
}

impl Bootstrap {
    /// Draws `resamples` times as many sources as there are, with replacement (Efron, Tibshirani, "An Introduction to the
    /// Bootstrap", 1993, chapters 6 and 13). All figures come from the same draws, so differences of figures are paired.
    pub(super) fn new(sources: &[Judged], resamples: u32) -> Bootstrap {
        let resample = |times: &mut Vec<u32>, number: u32| {
            times.clear();
            times.resize(sources.len(), 0);
            let mut dice = Dice::new(SEED ^ u64::from(number));
            (0..sources.len()).for_each(|_| times[dice.below(sources.len())] += 1);
            weighted(sources.iter().zip(times.iter().copied()))
        };
        let resampled = (0..resamples).into_par_iter().map_init(Vec::new, resample).collect();
        let whole = weighted(sources.iter().zip(std::iter::repeat(1)));
        Bootstrap { sources: sources.len(), whole, resampled }
    }

    /// The mean over sources of what `of` takes from each; it must be linear. `None` without sources.
    pub(super) fn mean(&self, of: impl Fn(&Judged) -> f64) -> Option<Estimate> {
        let sources = float(self.sources);
        self.ratio(of, |_| sources)
    }

    /// The quotient of two sums. `None` where the second is 0; resamples in which it is are left out.
    pub(super) fn ratio(&self, of: impl Fn(&Judged) -> f64, to: impl Fn(&Judged) -> f64) -> Option<Estimate> {
        let quotient = |sums: &Judged| {
            let divisor = to(sums);
            (divisor != 0.0).then(|| of(sums) / divisor)
        };
        let value = quotient(&self.whole)?;
        let mut values: Vec<f64> = self.resampled.iter().filter_map(quotient).collect();
        values.sort_unstable_by(f64::total_cmp);
        let [low, high] = [(1, 40), (39, 40)].map(|share| at_share(&values, share).copied().unwrap_or(value));
        Some(Estimate { value, low, high })
    }
}

/// The sum of sources, each so many times. Counting draws first and summing in the order of the sources keeps memory in order.
fn weighted<'a>(sources: impl Iterator<Item = (&'a Judged, u32)>) -> Judged {
    let mut sum = Judged::default();
    for (source, times) in sources.filter(|(_, times)| *times > 0) {
        sum.add_times(source, f64::from(times));
    }
    sum
}

/// `SplitMix64` (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
struct Dice {
    state: u64,
}

impl Dice {
    /// A generator of its own for each seed: the first number decides where it starts, so that seeds side by side do not overlap.
    fn new(seed: u64) -> Dice {
        let mut first = Dice { state: seed };
        Dice { state: first.next() }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, by multiplying instead of dividing (Lemire, "Fast random integer generation in an interval", 2019),
    /// without its rejections: no number is more likely than another by more than `bound` in 2^64.
    fn below(&mut self, bound: usize) -> usize {
        let scaled = (u128::from(self.next()) * bound as u128) >> 64;
        usize::try_from(scaled).expect("below a usize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::Scores;

    fn sources(hits: &[f64]) -> Vec<Judged> {
        let source = |&found: &f64| Judged { hit: Scores { found, ..Scores::default() }, ..Judged::default() };
        hits.iter().map(source).collect()
    }

    #[test]
    fn one_source_leaves_nothing_to_vary() {
        let estimate = Bootstrap::new(&sources(&[1.0]), 100).mean(|sums| sums.hit.found);
        assert_eq!(estimate, Some(Estimate { value: 1.0, low: 1.0, high: 1.0 }));
        assert_eq!(Bootstrap::new(&[], 100).mean(|sums| sums.hit.found), None);
        let none = Bootstrap::new(&sources(&[1.0]), 100).ratio(|sums| sums.in_pair, |sums| sums.entries);
        assert_eq!(none, None, "a share of nothing");
    }

    #[test]
    fn the_interval_of_a_share_is_that_of_the_binomial() {
        let hits: Vec<f64> = (0..100).map(|source| f64::from(u8::from(source % 5 != 0))).collect();
        let estimate = Bootstrap::new(&sources(&hits), 10_000).mean(|sums| sums.hit.found).unwrap();
        // Of 100 draws with the chance 0.8 the 2.5 % and 97.5 % quantiles are 72 and 87 or 88.
        assert_eq!(estimate.value, 0.8);
        assert!((0.71..=0.73).contains(&estimate.low) && (0.87..=0.88).contains(&estimate.high), "{estimate:?}");
    }

    #[test]
    fn the_same_sources_give_the_same_interval_on_any_threads() {
        let hits: Vec<f64> = (0..37).map(|source| f64::from(source % 7) / 7.0).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bootstrap::new(&sources(&hits), 1000).mean(|sums| sums.hit.found))
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn numbers_below_a_bound_are_all_met() {
        let mut dice = Dice::new(SEED);
        let mut met = [0; 6];
        (0..6000).for_each(|_| met[dice.below(6)] += 1);
        assert!(met.iter().all(|&times| (850..1150).contains(&times)), "{met:?}");
    }
}
