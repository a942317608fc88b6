//! The score that orders a list: the weighted mean of its terms. This file refuses to decide who is eligible.

use crate::money::{Margin, Price};
use crate::rules::{Rank, Relation, Rule, price};

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair {
    /// The canonical score, where looks count.
    pub similarity: Option<f32>,
    /// The anchor's price.
    pub anchor: Option<Price>,
    /// The candidate's price, where it is of the anchor's currency.
    pub candidate: Option<Price>,
    /// What the candidate earns; see [`gain`].
    pub gain: Option<Margin>,
    /// The weight of the candidate's category among the complements of the anchor's; 0 where it is none.
    pub complement: f64,
}

/// One term of a score.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Term {
    /// Its key under `[rule.rank]`.
    pub name: &'static str,
    /// Its weight.
    pub weight: f64,
    /// Its value; `None` where it cannot be computed, which counts 0.
    pub value: Option<f64>,
}

/// The score of a pair under `rule`: Σ weight × term / Σ weight in f64, rounded once to f32; a term that cannot be computed
/// counts 0. Without `[rule.rank]` it is the similarity.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the one rounding that the definition asks for")]
pub fn score(rule: &Rule, pair: Pair) -> Option<f32> {
    let Some(rank) = &rule.rank else { return pair.similarity };
    let (mut sum, mut weights) = (0.0, 0.0);
    for term in terms(rank, pair) {
        sum += term.weight * term.value.unwrap_or(0.0);
        weights += term.weight;
    }
    // Adding zero turns -0 into 0, so that equal scores are equal bits.
    Some((sum / weights) as f32 + 0.0)
}

/// The terms of a score, in the order in which they are summed; those without weight are not computed.
#[must_use]
pub fn terms(rank: &Rank, pair: Pair) -> [Term; 4] {
    let fit = rank.price_fit.as_ref();
    let ratio = || pair.anchor.zip(pair.candidate).and_then(|(anchor, candidate)| price::ratio(candidate, anchor));
    let term = |name, weight, value: &dyn Fn() -> Option<f64>| {
        let value = if weight > 0.0 { value() } else { None };
        Term { name, weight, value }
    };
    [
        term("similarity", rank.similarity, &|| pair.similarity.map(f64::from)),
        term("price_fit", fit.map_or(0.0, |fit| fit.weight), &|| {
            let best = fit.map_or(1.0, |fit| fit.best_ratio);
            ratio().map(|ratio| price_fit(ratio, best))
        }),
        term("margin", rank.margin, &|| margin_share(pair)),
        term("complement", rank.complement, &|| Some(pair.complement)),
    ]
}

/// What a shop gains when the customer takes the candidate: what is added to the cart earns its own margin, what replaces the
/// anchor the candidate's less the anchor's. Both margins must be of one currency.
#[must_use]
pub fn gain(relation: Relation, anchor: Option<Margin>, candidate: Option<Margin>) -> Option<Margin> {
    match relation {
        Relation::CrossSell => candidate,
        Relation::Similar | Relation::Upsell => {
            candidate.zip(anchor).and_then(|(candidate, anchor)| candidate.above(anchor))
        }
    }
}

/// The gain as a share of the anchor's price, within -1 and 1.
#[expect(clippy::cast_precision_loss, reason = "a share for a smooth score; no rule is decided by it")]
fn margin_share(pair: Pair) -> Option<f64> {
    let price = pair.anchor.filter(|price| price.units() > 0)?;
    pair.gain.map(|gain| (gain.units() as f64 / price.units() as f64).clamp(-1.0, 1.0))
}

/// The s of [`price_fit`]: `libm::log(1.2)`.
const SPREAD: f64 = 0.182_321_556_793_954_6;

/// `exp(-(ln(r / best))² / (2 s²))`, s = ln 1.2: 1 at the best ratio, symmetric in the logarithm, 0 for a free candidate.
/// Logarithm and exponential come from `libm`, so that they are the same bits everywhere.
fn price_fit(ratio: f64, best: f64) -> f64 {
    if ratio <= 0.0 {
        return 0.0;
    }
    let distance = libm::log(ratio / best) / SPREAD;
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
        let pair = Pair { similarity: Some(0.5), anchor: price(400_000), candidate: price(500_000), ..Pair::default() };
        // At the best ratio the fit is 1: (0.5 + 0.3) / 1.3.
        let best = score(upsell, pair).expect("a score");
        assert!((f64::from(best) - 0.8 / 1.3).abs() < 1e-7, "{best}");
        // One s away in the logarithm the fit is exp(-1/2).
        let away = score(upsell, Pair { candidate: price(600_000), ..pair }).expect("a score");
        assert!((f64::from(away) - (0.5 + 0.3 * (-0.5_f64).exp()) / 1.3).abs() < 1e-7, "{away}");
        let unknown = score(upsell, Pair { candidate: None, ..pair }).expect("a score");
        assert!((f64::from(unknown) - 0.5 / 1.3).abs() < 1e-7, "{unknown}");
    }

    #[test]
    fn the_spread_of_the_price_fit_is_a_logarithm() {
        assert_eq!(SPREAD.to_bits(), libm::log(1.2).to_bits());
    }

    #[test]
    fn a_margin_is_what_is_gained_as_a_share_of_the_anchors_price() {
        let [loss, two, five] = ["-1", "2", "5"].map(|text| Margin::parse(text, '.').ok());
        assert_eq!(gain(Relation::CrossSell, None, two), two);
        assert_eq!(gain(Relation::Upsell, two, five).map(Margin::units), Some(30_000));
        assert_eq!(gain(Relation::Similar, None, five), None);
        let ten = Price::from_units(100_000);
        let pair = Pair { anchor: ten, candidate: ten, gain: two, ..Pair::default() };
        assert_eq!(margin_share(pair), Some(0.2));
        assert_eq!(margin_share(Pair { gain: loss, ..pair }), Some(-0.1));
        assert_eq!(margin_share(Pair { anchor: Price::from_units(1), ..pair }), Some(1.0));
        assert_eq!(margin_share(Pair { anchor: Price::from_units(0), ..pair }), None);
    }
}
