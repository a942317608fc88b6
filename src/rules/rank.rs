//! The score that orders a list: the weighted mean of similarity and price fit. This file refuses to decide who is eligible.

use crate::money::Price;
use crate::rules::{Rule, price};

/// One entry of a list with what it is ordered by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// The candidate, in the caller's numbering.
    pub candidate: u32,
    /// The canonical score, where looks count.
    pub similarity: Option<f32>,
    /// The weighted mean of the rule's terms; the similarity where it has none.
    pub score: Option<f32>,
}

/// What the score of one pair needs.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The canonical score, where looks count.
    pub similarity: Option<f32>,
    /// The anchor's price.
    pub anchor: Option<Price>,
    /// The candidate's price.
    pub candidate: Option<Price>,
}

/// The score of a pair under `rule`: Σ weight × term / Σ weight in f64, rounded once to f32; a term that cannot be computed
/// counts 0. Without `[rule.rank]` it is the similarity.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the one rounding that the definition asks for")]
pub fn score(rule: &Rule, pair: Pair) -> Option<f32> {
    let Some(rank) = &rule.rank else { return pair.similarity };
    let mut sum = rank.similarity * f64::from(pair.similarity.unwrap_or(0.0));
    let mut weights = rank.similarity;
    if let Some(fit) = &rank.price_fit {
        let ratio = pair.anchor.zip(pair.candidate).and_then(|(anchor, candidate)| price::ratio(candidate, anchor));
        sum += fit.weight * ratio.map_or(0.0, |ratio| price_fit(ratio, fit.best_ratio));
        weights += fit.weight;
    }
    // Adding zero turns -0 into 0, so that equal scores are equal bits.
    Some((sum / weights) as f32 + 0.0)
}

/// `exp(-(ln(r / best))² / (2 s²))`, s = ln 1.2: 1 at the best ratio, symmetric in the logarithm, 0 for a free candidate.
/// Logarithm and exponential come from `libm`, so that they are the same bits everywhere.
fn price_fit(ratio: f64, best: f64) -> f64 {
    if ratio <= 0.0 {
        return 0.0;
    }
    let distance = libm::log(ratio / best) / libm::log(1.2);
    libm::exp(-(distance * distance) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::defaults;

    #[test]
    fn the_default_upsell_is_a_weighted_mean_of_similarity_and_price_fit() {
        let upsell = &defaults()[2];
        let price = |units| Price::from_units(units);
        let pair = Pair { similarity: Some(0.5), anchor: price(400_000), candidate: price(500_000) };
        // At the best ratio the fit is 1: (0.5 + 0.3) / 1.3.
        let best = score(upsell, pair).expect("a score");
        assert!((f64::from(best) - 0.8 / 1.3).abs() < 1e-7, "{best}");
        // One s away in the logarithm the fit is exp(-1/2).
        let away = score(upsell, Pair { candidate: price(600_000), ..pair }).expect("a score");
        assert!((f64::from(away) - (0.5 + 0.3 * (-0.5_f64).exp()) / 1.3).abs() < 1e-7, "{away}");
        let unknown = score(upsell, Pair { candidate: None, ..pair }).expect("a score");
        assert!((f64::from(unknown) - 0.5 / 1.3).abs() < 1e-7, "{unknown}");
    }
}
