//! Random products. Refuses vectors without a direction and cells that would be rejects.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::select;
use rust_decimal::Decimal;

use super::{ATTRIBUTES, FLAT, NESTED, decimal};
use crate::oracle::OracleProduct;

/// The last is as large as a price may be.
const PRICES: [&str; 12] =
    ["0", "0.0001", "5", "9.99", "10", "10.00", "10.4895", "10.5", "12.50", "19.98", "20", "99999999999999.9999"];
const COSTS: [&str; 5] = ["0", "4.50", "8", "10", "25.0001"];
const MARGINS: [&str; 6] = ["-3", "-0.0001", "0", "2.5", "4.99", "1000"];
const DAYS: [&str; 6] =
    ["2026-11-21", "2026-11-22", "2026-11-23", "2026-11-22T23:59:59Z", "2025-02-28", "2028-02-29 00:00"];
const VALUES: [f32; 7] = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0];

/// Products of one catalog either all flat or some nested, with vectors of 1 to 19 components; stock is a flag or a number.
pub fn products(counts: Range<usize>) -> impl Strategy<Value = Vec<OracleProduct>> {
    (any::<[bool; 2]>(), 1..20_usize, counts).prop_flat_map(|([nested, numbers], dimension, count)| {
        let categories = if nested { &NESTED[..] } else { &FLAT[..] };
        let vectors = prop::collection::vec(vector(dimension), 1..9);
        vectors.prop_flat_map(move |vectors| {
            let products = prop::collection::vec(product(categories, vectors), count);
            (products, prop::collection::vec(any::<u16>(), count)).prop_map(move |(mut products, salts)| {
                for (place, (product, salt)) in products.iter_mut().zip(salts).enumerate() {
                    product.id = format!("{}{place}", ["p", "", "é", "P-", "00"][usize::from(salt) % 5]);
                    if numbers {
                        let left =
                            if product.in_stock { ["1", "2", "3", "12"][usize::from(salt >> 8) % 4] } else { "0" };
                        product.attributes.push(("stock".to_owned(), Some(left.to_owned())));
                    }
                }
                products
            })
        })
    })
}

/// One product without an id; its vector is one of the given few, or a scaled copy, or none.
fn product(categories: &'static [&'static str], vectors: Vec<Vec<f32>>) -> impl Strategy<Value = OracleProduct> {
    let scaled = (select(vectors), select(vec![1.0_f32, 1.0, 1.0, 2.0, 3.0]))
        .prop_map(|(vector, scale)| vector.into_iter().map(|value| value * scale).collect());
    (
        prop::option::weighted(0.9, select(categories)),
        money(),
        prop::sample::select(vec!["USD", "USD", "USD", "EUR"]),
        prop::option::weighted(0.5, select(vec!["g1", "g2", "g3", "g4", "p1"])),
        prop::bool::weighted(0.85),
        [prop::option::weighted(0.1, select(&DAYS[..])), prop::option::weighted(0.1, select(&DAYS[..]))],
        values(),
        prop::option::weighted(0.9, scaled),
    )
        .prop_map(|(category, [price, cost, margin], currency, group, in_stock, days, values, vector)| {
            OracleProduct {
                id: String::new(),
                category: category.map(str::to_owned),
                price,
                currency: Some(currency.to_owned()),
                group: group.map(str::to_owned),
                in_stock,
                available_from: days[0].map(str::to_owned),
                available_until: days[1].map(str::to_owned),
                cost,
                margin,
                attributes: ATTRIBUTES
                    .iter()
                    .zip(values)
                    .map(|(&name, value)| (name.to_owned(), value.map(str::to_owned)))
                    .collect(),
                vector,
                further_vectors: Vec::new(),
            }
        })
}

/// Price, cost and margin; no gain is larger than a price may be.
fn money() -> impl Strategy<Value = [Option<Decimal>; 3]> {
    let one = |chance, texts| prop::option::weighted(chance, select(texts).prop_map(decimal));
    (one(0.9, &PRICES[..]), one(0.6, &COSTS[..]), one(0.3, &MARGINS[..])).prop_map(|(price, cost, margin)| {
        let is_small = price.is_none_or(|price| price < decimal("1000"));
        [price, cost.filter(|_| is_small), margin]
    })
}

/// A value of each attribute. Spaces around one count for nothing.
fn values() -> impl Strategy<Value = [Option<&'static str>; 4]> {
    let one = |texts: &[&'static str]| prop::option::weighted(0.8, select(texts.to_vec()));
    [
        one(&["w", "m"]),
        one(&["gold", "gold", "tin", " gold ", ""]),
        one(&["x", "x", "y", "z"]),
        one(&["4", "4.0", "3.99", "-1", "5", "many", "4 stars"]),
    ]
}

/// Small whole numbers and halves, where many scores tie exactly, or any direction; never zero.
fn vector(dimension: usize) -> impl Strategy<Value = Vec<f32>> {
    let few = prop::collection::vec(select(&VALUES[..]), dimension);
    let any = prop::collection::vec(-1.0_f32..1.0, dimension);
    prop_oneof![few, any].prop_map(|mut vector| {
        if vector.iter().all(|&value| value == 0.0) {
            vector[0] = 1.0;
        }
        vector
    })
}
