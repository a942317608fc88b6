//! Unit vectors, the canonical score and the weighted mean, as the documentation words them. Refuses any shortcut.

use rust_decimal::Decimal;

use super::Rank;

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

/// The weighted mean of the terms, rounded once; a term that cannot be computed counts 0. `prices` are the anchor's and
/// the candidate's, where both are known and of one currency.
pub fn weighted_mean(rank: &Rank, similarity: Option<f32>, prices: Option<(Decimal, Decimal)>) -> f32 {
    let mut sum = rank.similarity * similarity.map_or(0.0, f64::from);
    let mut weights = rank.similarity;
    if let Some(fit) = &rank.price_fit {
        sum += fit.weight * prices.map_or(0.0, |(anchor, candidate)| price_fit(anchor, candidate, fit.best_ratio));
        weights += fit.weight;
    }
    round(sum / weights)
}

/// exp(-(ln(r/best))^2 / (2 s^2)), s = ln 1.2; 0 where there is no ratio.
fn price_fit(anchor: Decimal, candidate: Decimal, best_ratio: f64) -> f64 {
    if anchor <= Decimal::ZERO || candidate <= Decimal::ZERO {
        return 0.0;
    }
    let distance = libm::log(units(candidate) / units(anchor) / best_ratio);
    let spread = libm::log(1.2);
    libm::exp(-(distance * distance) / (2.0 * spread * spread))
}

/// Ten-thousandths of the currency unit, so that the quotient of two prices is rounded once.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ten-thousandths, and f32 scores do not see it above")]
fn units(price: Decimal) -> f64 {
    let mut price = price;
    price.rescale(4);
    price.mantissa() as f64
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
