//! Random small shops and random rules over the whole vocabulary, as proptest strategies, and their
//! text for the front door. Made to be awkward: few categories, few prices, many exact duplicates and ties, much that is
//! missing.
//!
//! Refuses what the documentation leaves open (a rule over prices with `currency = "any"`, a pool below the limit, a gain
//! of more than 14 digits), what it calls an error (rules that fall back on each other in a circle) and what makes the job
//! end with rejects (zero vectors, repeated ids, dates that cannot be read).

mod beside;
mod files;
mod products;
mod rules;
#[cfg(test)]
mod tests;
mod text;

use std::ops::Range;

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::oracle::OracleShop;
use crate::oracle::shop::Condition;
pub use files::write_files;
pub use text::to_toml;

/// The attribute columns of every random shop; half of the shops have `stock` too.
const ATTRIBUTES: [&str; 4] = ["gender", "material", "brand", "rating"];

const NESTED: [&str; 9] = ["A/x/1", "A/x/2", "A/y/3", "A/y", "A", "B/z", "Phones & co/w", "C", "D/x/1/q"];
const FLAT: [&str; 4] = ["A", "B", "Care Plans", "x"];
const GLOBS: [&str; 10] = ["A/**", "A/*", "A/x/*", "**/1", "B/*", "C", "*", "A/**/3", "x/**", "nowhere/*"];

/// Everything at once, 1 to 60 products of it, 1 to 5 rules.
pub fn shop() -> impl Strategy<Value = OracleShop> {
    shop_of(1..61)
}

/// The same with as many products as `counts` says.
pub fn shop_of(counts: Range<usize>) -> impl Strategy<Value = OracleShop> {
    let beside = (beside::complements(), beside::orders(), beside::merchandising(), beside::placements());
    let everything = (products::products(counts), rules::rules(), beside, beside::duplicates());
    everything.prop_map(|(products, rules, beside, duplicates)| {
        let (complements, orders, merchandising, placements) = beside;
        let mut shop = OracleShop::plain(products, rules);
        shop.complements = complements;
        shop.orders = orders.map(|orders| orders.of(&shop.products));
        shop.merchandising = merchandising.iter().map(|row| row.of(&shop)).collect();
        shop.placements = placements.iter().map(|placement| placement.of(&shop.rules)).collect();
        shop.duplicates = duplicates;
        name_only_columns_that_are_there(&mut shop);
        shop
    })
}

/// The same where products that have a vector have up to four further ones, each that of some product, as it is or halved.
pub fn shop_of_views(counts: Range<usize>) -> impl Strategy<Value = OracleShop> {
    let picks = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..5);
    (shop_of(counts), prop::collection::vec(picks, 1..9)).prop_map(|(mut shop, picks)| {
        let vectors: Vec<Vec<f32>> = shop.products.iter().filter_map(|product| product.vector.clone()).collect();
        let seen = shop.products.iter_mut().filter(|product| product.vector.is_some());
        for (product, picks) in seen.zip(picks.iter().cycle()) {
            let pick = |&(at, halved): &(prop::sample::Index, bool)| {
                vectors[at.index(vectors.len())].iter().map(|value| if halved { value / 2.0 } else { *value }).collect()
            };
            product.further_vectors = picks.iter().map(pick).collect();
        }
        shop
    })
}

/// Conditions on the stock are left out where the catalog has no such column.
fn name_only_columns_that_are_there(shop: &mut OracleShop) {
    if shop.products.iter().any(|product| product.attributes.iter().any(|(name, _)| name == "stock")) {
        return;
    }
    let of_rules = shop.rules.iter_mut().flat_map(|rule| [&mut rule.conditions, &mut rule.products.conditions]);
    let of_placements = shop.placements.iter_mut().map(|placement| &mut placement.products.conditions);
    for conditions in of_rules.chain(of_placements) {
        conditions.retain(|(name, _): &(String, Condition)| name != "stock");
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("the lists of this room hold decimals")
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
