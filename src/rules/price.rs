//! Price bounds as exact integer intervals. This file refuses floats and divisions of prices by prices.

use std::ops::RangeInclusive;

use rust_decimal::Decimal;

use super::Rule;
use crate::money::{PRICE_SCALE, Price};

/// The prices, in ten-thousandths, that `rule` allows beside an anchor that costs `anchor`; empty when none does.
///
/// A candidate c passes a ratio bound b when c ≥ b × anchor (>, ≤, <), in exact arithmetic: the smallest or largest integer
/// c that passes follows from b's numerator and power of ten without rounding.
#[must_use]
pub fn allowed(rule: &Rule, anchor: Price) -> RangeInclusive<i64> {
    let anchor = i128::from(anchor.units());
    let unit = 10_i128.pow(PRICE_SCALE);
    let (mut low, mut high) = (0_i128, i128::from(Price::MAX.units()));
    for (bounds, factor) in [(&rule.price_ratio, anchor), (&rule.price, unit)] {
        if let Some(b) = bounds.above {
            low = low.max(floor_times(b, factor) + 1);
        }
        if let Some(b) = bounds.from {
            low = low.max(-floor_times(-b, factor));
        }
        if let Some(b) = bounds.up_to {
            high = high.min(floor_times(b, factor));
        }
        if let Some(b) = bounds.below {
            high = high.min(-floor_times(-b, factor) - 1);
        }
    }
    let narrow = |v: i128| i64::try_from(v.clamp(-1, i128::from(i64::MAX))).expect("clamped to the range of i64");
    narrow(low)..=narrow(high)
}

/// ⌊bound × factor⌋ without rounding in between: 18 digits times 18 fit an i128.
fn floor_times(bound: Decimal, factor: i128) -> i128 {
    (bound.mantissa() * factor).div_euclid(10_i128.pow(bound.scale()))
}

/// Candidate's price / anchor's price as the nearest f64; `None` when the anchor is free.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio for people and for the smooth price fit; no rule is tested with it"
)]
pub fn ratio(candidate: Price, anchor: Price) -> Option<f64> {
    (anchor.units() > 0).then(|| candidate.units() as f64 / anchor.units() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Bounds, defaults};

    fn price(units: i64) -> Price {
        Price::from_units(units).expect("a price")
    }

    fn with(price_ratio: Bounds, price: Bounds) -> Rule {
        Rule { price_ratio, price, ..defaults().remove(0) }
    }

    #[test]
    fn every_bound_is_tight_by_one_ten_thousandth() {
        let b = Decimal::new(105, 2);
        let none = Bounds::default;
        let anchor = price(333_333);
        // 1.05 × 33.3333 = 34.999965, between 34.9999 and 35.0000
        let cases = [
            (Bounds { above: Some(b), ..none() }, 350_000..=Price::MAX.units()),
            (Bounds { from: Some(b), ..none() }, 350_000..=Price::MAX.units()),
            (Bounds { up_to: Some(b), ..none() }, 0..=349_999),
            (Bounds { below: Some(b), ..none() }, 0..=349_999),
        ];
        for (bounds, expected) in cases {
            assert_eq!(allowed(&with(bounds, none()), anchor), expected);
        }
        let whole = price(100_000); // 1.05 × 10 = 10.5 exactly: inclusive and exclusive differ
        let cases = [
            (Bounds { above: Some(b), ..none() }, 105_001..=Price::MAX.units()),
            (Bounds { from: Some(b), ..none() }, 105_000..=Price::MAX.units()),
            (Bounds { up_to: Some(b), ..none() }, 0..=105_000),
            (Bounds { below: Some(b), ..none() }, 0..=104_999),
        ];
        for (bounds, expected) in cases {
            assert_eq!(allowed(&with(bounds, none()), whole), expected);
        }
    }

    #[test]
    fn absolute_bounds_and_the_largest_prices() {
        let five = Bounds { from: Some(Decimal::new(5, 0)), ..Bounds::default() };
        assert_eq!(*allowed(&with(Bounds::default(), five), price(1)).start(), 50_000);
        let twice = Bounds { up_to: Some(Decimal::TWO), ..Bounds::default() };
        assert_eq!(*allowed(&with(twice, Bounds::default()), Price::MAX).end(), Price::MAX.units());
        let huge = Bounds { above: Some(Decimal::from(99_999_999_999_999_i64)), ..Bounds::default() };
        assert!(allowed(&with(huge, Bounds::default()), Price::MAX).is_empty());
    }
}
