//! What was bought together, counted order by order as the documentation words it. Refuses any cleverness with counts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::dates;
use super::shop::{OracleProduct, OrderLine, Orders};

/// Category by category, what was bought with it and the weight, the strongest first.
pub type Learned<'a> = BTreeMap<&'a str, Vec<(&'a str, f64)>>;

/// The complements that the orders show.
pub fn learned<'a>(products: &'a [OracleProduct], orders: &Orders, run_date: NaiveDate) -> Learned<'a> {
    let mut by_order: BTreeMap<&str, Vec<&OrderLine>> = BTreeMap::new();
    for line in &orders.lines {
        by_order.entry(&line.order).or_default().push(line);
    }
    // Of every order that counts, the categories that were bought.
    let mut baskets: Vec<BTreeSet<&str>> = Vec::new();
    for lines in by_order.values() {
        if lines.len() > orders.max_lines || !is_recent(lines, orders.look_back, run_date) {
            continue;
        }
        let known: Vec<&OracleProduct> =
            lines.iter().filter_map(|line| products.iter().find(|product| product.id == line.product)).collect();
        if !known.is_empty() {
            baskets.push(known.iter().filter_map(|product| category_of_group(products, product)).collect());
        }
    }
    let categories: BTreeSet<&str> = baskets.iter().flatten().copied().collect();
    categories.iter().map(|&a| (a, complements_of(a, &categories, &baskets, orders))).collect()
}

/// Without a look-back every order counts; with one those of so many days before the run date, that date included.
fn is_recent(lines: &[&OrderLine], look_back: Option<i64>, run_date: NaiveDate) -> bool {
    let Some(days) = look_back else { return true };
    // An order has the earliest date that its lines name.
    let Some(date) = lines.iter().filter_map(|line| line.date.as_deref().and_then(dates::read)).min() else {
        return false;
    };
    (0..=days).contains(&(run_date - date).num_days())
}

/// A group counts as one product, with the category of its row that comes first in the catalog.
fn category_of_group<'a>(products: &'a [OracleProduct], product: &'a OracleProduct) -> Option<&'a str> {
    let first = match &product.group {
        None => product,
        Some(_) => products.iter().find(|other| other.group == product.group).expect("it is one itself"),
    };
    first.category.as_deref()
}

fn complements_of<'a>(
    a: &str,
    categories: &BTreeSet<&'a str>,
    baskets: &[BTreeSet<&str>],
    orders: &Orders,
) -> Vec<(&'a str, f64)> {
    let with = |names: &[&str]| baskets.iter().filter(|basket| names.iter().all(|name| basket.contains(name))).count();
    let mut found: Vec<(&str, f64)> = Vec::new();
    for &b in categories.iter().filter(|&&b| b != a) {
        let together = with(&[a, b]);
        if together == 0 || together < orders.fewest {
            continue;
        }
        // How often a category was beside another one.
        let beside = |c: &str| categories.iter().filter(|&&other| other != c).map(|other| with(&[c, other])).sum();
        let all = categories.iter().map(|c| -> usize { beside(c) }).sum();
        let weight = weight(all, beside(a), beside(b), together, orders.shrinkage);
        if weight > 0.0 {
            found.push((b, weight));
        }
    }
    found.sort_by(|(x, x_weight), (y, y_weight)| y_weight.total_cmp(x_weight).then_with(|| x.cmp(y)));
    found.truncate(orders.strongest);
    found
}

/// `ln(lift) / -ln(n_ab / N)`, at most 1, with `lift = (n_ab + k) / (n_a n_b / N + k)`.
pub fn weight(all: usize, beside_a: usize, beside_b: usize, with_both: usize, k: f64) -> f64 {
    let (n, n_ab) = (all as f64, with_both as f64);
    let lift = (n_ab + k) / (beside_a as f64 * beside_b as f64 / n + k);
    (libm::log(lift) / -libm::log(n_ab / n)).min(1.0)
}
