//! Quantiles as values that occur. This file refuses to interpolate: a price ratio or a gain in money stays one that some list has.

use serde::Serialize;

/// How values are spread. A quantile is the smallest value that at least that share of the values does not exceed (the inverse of
/// the empirical distribution; definition 1 of Hyndman, Fan, "Sample quantiles in statistical packages", 1996).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distribution<T> {
    /// How many values there are.
    pub count: usize,
    /// The least.
    pub min: T,
    /// The 10 % quantile.
    pub p10: T,
    /// The 25 % quantile.
    pub p25: T,
    /// The 50 % quantile.
    pub median: T,
    /// The 75 % quantile.
    pub p75: T,
    /// The 90 % quantile.
    pub p90: T,
    /// The greatest.
    pub max: T,
}

impl<T: Clone> Distribution<T> {
    /// Of ascending values; `None` when there are none.
    pub(super) fn of(ascending: &[T]) -> Option<Distribution<T>> {
        let at = |percent: usize| at_share(ascending, (percent, 100)).cloned();
        Some(Distribution {
            count: ascending.len(),
            min: ascending.first()?.clone(),
            p10: at(10)?,
            p25: at(25)?,
            median: at(50)?,
            p75: at(75)?,
            p90: at(90)?,
            max: ascending.last()?.clone(),
        })
    }
}

impl<T> Distribution<T> {
    /// The same of what each value stands for.
    pub(super) fn map<U>(self, to: impl Fn(T) -> U) -> Distribution<U> {
        let Distribution { count, min, p10, p25, median, p75, p90, max } = self;
        let [min, p10, p25, median, p75, p90, max] = [min, p10, p25, median, p75, p90, max].map(to);
        Distribution { count, min, p10, p25, median, p75, p90, max }
    }

    /// From the least to the greatest.
    pub(super) fn values(&self) -> [&T; 7] {
        [&self.min, &self.p10, &self.p25, &self.median, &self.p75, &self.p90, &self.max]
    }
}

/// The smallest of ascending values that at least the share a / b of them does not exceed.
pub(super) fn at_share<T>(ascending: &[T], (a, b): (usize, usize)) -> Option<&T> {
    let place = (ascending.len() * a).div_ceil(b).max(1);
    ascending.get(place - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occur() {
        let values: Vec<u32> = (1..=10).collect();
        let spread = Distribution::of(&values).unwrap();
        assert_eq!(spread.values().map(|&value| value), [1, 1, 3, 5, 8, 9, 10]);
        assert_eq!(Distribution::of(&[7]).unwrap().values(), [&7; 7]);
        assert_eq!(Distribution::<u32>::of(&[]), None);
        let thousand: Vec<u32> = (1..=1000).collect();
        assert_eq!((at_share(&thousand, (1, 40)), at_share(&thousand, (39, 40))), (Some(&25), Some(&975)));
    }
}
