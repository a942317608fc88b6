//! Unit vectors, the canonical score, gains and the weighted mean, as the documentation words them. Refuses any shortcut.

use rust_decimal::Decimal;

use super::shop::{OracleProduct, Rank};

/// The vector of length 1, or `None` where it has no direction: not finite, or zero.
pub fn unit(raw: &[f32]) -> Option<Vec<f32>> {
    let norm = dot(raw, raw).sqrt();
    let usable = norm > 0.0 && norm.is_finite();
    usable.then(|| raw.iter().map(|&value| round(f64::from(value) / norm)).collect())
}

/// The canonical score of two unit vectors.
pub fn canonical(x: &[f32], y: &[f32]) -> f32 {
    round(dot(x, y).clamp(-1.0, 1.0))
}

/// The similarity of two products: the greatest canonical score of any view of one with any view of the other.
pub fn of_views(xs: &[Vec<f32>], ys: &[Vec<f32>]) -> Option<f32> {
    let scores = xs.iter().flat_map(|x| ys.iter().map(move |y| canonical(x, y)));
    scores.max_by(f32::total_cmp)
}

/// What the mean is made of; what cannot be computed is `None`.
pub struct Terms {
    /// The canonical score.
    pub similarity: Option<f32>,
    /// exp(-(ln(r / best))^2 / (2 s^2)).
    pub price_fit: Option<f64>,
    /// The gain as a share of the anchor's price.
    pub margin: Option<f64>,
    /// The weight of the candidate's category.
    pub complement: Option<f64>,
}

/// The weighted mean of the terms, rounded once; a term that cannot be computed counts 0.
pub fn weighted_mean(rank: &Rank, terms: &Terms) -> f32 {
    let mut sum = rank.similarity * terms.similarity.map_or(0.0, f64::from);
    let mut weights = rank.similarity;
    let others = [
        (rank.price_fit.as_ref().map(|fit| fit.weight), terms.price_fit),
        (rank.margin, terms.margin),
        (rank.complement, terms.complement),
    ];
    for (weight, term) in others {
        if let Some(weight) = weight {
            sum += weight * term.unwrap_or(0.0);
            weights += weight;
        }
    }
    round(sum / weights)
}

/// exp(-(ln(r/best))^2 / (2 s^2)), s = ln 1.2. Needs both prices above zero and one currency.
pub fn price_fit(anchor: &OracleProduct, candidate: &OracleProduct, best_ratio: f64) -> Option<f64> {
    let (own, other) = (above_zero(anchor.price)?, above_zero(candidate.price)?);
    if anchor.currency != candidate.currency {
        return None;
    }
    let distance = libm::log(units(other) / units(own) / best_ratio);
    let spread = libm::log(1.2);
    Some(libm::exp(-(distance * distance) / (2.0 * spread * spread)))
}

/// The gain as a share of the anchor's price, within -1 and 1.
pub fn margin_share(relation: &str, anchor: &OracleProduct, candidate: &OracleProduct) -> Option<f64> {
    let (gain, price) = (gain(relation, anchor, candidate)?, above_zero(anchor.price)?);
    Some((units(gain) / units(price)).clamp(-1.0, 1.0))
}

/// What is added to the cart gains the candidate's margin, what replaces the anchor that less the anchor's; nothing is
/// known across currencies.
pub fn gain(relation: &str, anchor: &OracleProduct, candidate: &OracleProduct) -> Option<Decimal> {
    if anchor.currency != candidate.currency {
        return None;
    }
    match relation {
        "cross_sell" => margin(candidate),
        _ => Some(margin(candidate)? - margin(anchor)?),
    }
}

/// The column `margin`, else price - cost.
fn margin(product: &OracleProduct) -> Option<Decimal> {
    product.margin.or_else(|| Some(product.price? - product.cost?))
}

fn above_zero(price: Option<Decimal>) -> Option<Decimal> {
    price.filter(|price| *price > Decimal::ZERO)
}

/// Ten-thousandths of the currency unit, so that the quotient of two amounts is rounded once.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ten-thousandths, and f32 scores do not see it above")]
fn units(amount: Decimal) -> f64 {
    let mut amount = amount;
    amount.rescale(4);
    amount.mantissa() as f64
}

/// Element i into sum i mod 8; the sums added as ((0+4)+(2+6))+((1+5)+(3+7)).
fn dot(x: &[f32], y: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    for i in 0..x.len() {
        sums[i % 8] += f64::from(x[i]) * f64::from(y[i]);
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

#[expect(clippy::cast_possible_truncation, reason = "the rounding that the documentation asks for")]
fn round(value: f64) -> f32 {
    value as f32
}
