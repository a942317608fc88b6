//! Conditions on one product alone: globs of its category, lists and bounds of its attributes. Refuses to look at two.

use rust_decimal::Decimal;

use super::category;
use super::shop::{Bounds, Condition, OracleProduct, Served, Where};

/// Whether an anchor is served.
pub fn serves(served: &Served, product: &OracleProduct) -> bool {
    let category = match &served.category {
        None => true,
        Some(globs) => product.category.as_deref().is_some_and(|path| category::matches_any(globs, path)),
    };
    category && meets(&served.conditions, product)
}

/// Whether all conditions hold.
pub fn meets(conditions: &Where, product: &OracleProduct) -> bool {
    conditions.iter().all(|(name, condition)| holds(condition, attribute(product, name)))
}

fn holds(condition: &Condition, value: Option<&str>) -> bool {
    let is_one_of = |listed: &[String]| value.is_some_and(|value| listed.iter().any(|one| one.trim() == value));
    match condition {
        Condition::OneOf(listed) => is_one_of(listed),
        Condition::NoneOf(listed) => !is_one_of(listed),
        Condition::Within(bounds) => value.and_then(number).is_some_and(|number| within(bounds, Decimal::ONE, number)),
    }
}

/// The value without spaces around it; `None` where the cell is empty or the column is missing.
pub fn attribute<'a>(product: &'a OracleProduct, name: &str) -> Option<&'a str> {
    let (_, value) = product.attributes.iter().find(|(column, _)| column == name)?;
    value.as_deref().map(str::trim).filter(|value| !value.is_empty())
}

/// A decimal number: maybe a sign, digits, maybe a point and more digits.
fn number(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) { text.parse().ok() } else { None }
}

/// Whether `value` lies within the bounds times `unit`: multiplied, never divided.
pub fn within(bounds: &Bounds, unit: Decimal, value: Decimal) -> bool {
    bounds.above.is_none_or(|bound| value > bound * unit)
        && bounds.from.is_none_or(|bound| value >= bound * unit)
        && bounds.up_to.is_none_or(|bound| value <= bound * unit)
        && bounds.below.is_none_or(|bound| value < bound * unit)
}
