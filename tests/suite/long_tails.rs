//! Catalogs that are uneven where catalogs are: one image many times, one huge category, one price, tiny categories. Sampled
//! lists equal the slow evaluator's; what each costs is printed beside an even catalog of the same size, never asserted.

use std::collections::HashSet;
use std::fmt::Write;

use rust_decimal::Decimal;
use twinset::progress::Progress;

use crate::clock::{Clock, alone};
use crate::engines::{Chance, engines};
use crate::exact::looks::Looks;
use crate::oracle::shop::{Bounds, Candidates, PriceFit, Rank};
use crate::oracle::{OracleProduct, OracleRule, OracleShop, evaluate_some};
use crate::random_shops::{Night, flatten};

const ROWS: usize = 50_000;
const DIMENSION: usize = 64;
const SAMPLED: usize = 500;

/// The rules of a configuration that names none, as the documentation lists them.
fn default_rules() -> Vec<OracleRule> {
    let ratio = |above: Option<&str>, up_to: &str| Bounds {
        above: above.map(decimal),
        up_to: Some(decimal(up_to)),
        ..Bounds::default()
    };
    let rule = |name: &str, candidates, price_ratio| OracleRule {
        name: name.to_owned(),
        relation: name.to_owned(),
        candidates,
        price_ratio,
        ..OracleRule::default()
    };
    let rank = Rank { similarity: 1.0, price_fit: Some(PriceFit { weight: 0.3, best_ratio: 1.25 }), ..Rank::default() };
    vec![
        rule("similar", Candidates::SameDepartment, Bounds::default()),
        rule("cross_sell", Candidates::Complement, ratio(None, "1.05")),
        OracleRule { rank: Some(rank), ..rule("upsell", Candidates::SameCategory, ratio(Some("1"), "2")) },
    ]
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// `rows` products: 6 departments of 9 categories, 20,000 prices, a third in groups of about two, clustered looks.
fn even(rows: usize) -> Vec<OracleProduct> {
    let mut chance = Chance(31);
    let product = |row: usize| OracleProduct {
        id: format!("{:x}-{row}", chance.below(1 << 20)),
        category: Some(format!("D{}/C{}", chance.below(6), chance.below(9))),
        price: Some(Decimal::new(chance.below(20_000) as i64 + 100, 2)),
        currency: Some("USD".to_owned()),
        group: (chance.below(3) == 0).then(|| format!("g{}", chance.below(rows as u64 / 6 + 1))),
        in_stock: chance.below(20) > 0,
        vector: Some(Looks::Clustered.raw(row, rows, DIMENSION)),
        ..OracleProduct::default()
    };
    (0..rows).map(product).collect()
}

/// An even catalog with one thing changed.
fn uneven(rows: usize, mut change: impl FnMut(usize, &mut OracleProduct)) -> Vec<OracleProduct> {
    let mut products = even(rows);
    products.iter_mut().enumerate().for_each(|(row, product)| change(row, product));
    products
}

/// Compares sampled lists under the default rules, `limit` entries each, and prints what the engines took.
fn judge(what: &str, products: Vec<OracleProduct>, limit: usize) {
    let rules = default_rules().into_iter().map(|rule| OracleRule { limit, ..rule }).collect::<Vec<_>>();
    // At their own limit the rules are left to the program's defaults.
    let named = if limit == 10 { Vec::new() } else { rules.clone() };
    let mut shop = OracleShop::plain(products, named);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = Clock::start();
    let night = Night::prepare(&shop, folder.path());
    let mut line = format!("{what}: {} products, read and planned in {}", shop.products.len(), clock.cost());
    let rows = shop.products.len();
    let sample: Vec<usize> = (0..SAMPLED).map(|n| n * rows / SAMPLED + n % (rows / SAMPLED)).collect();
    let ids: HashSet<String> = sample.iter().map(|&at| shop.products[at].id.clone()).collect();
    shop.rules = rules;
    let clock = Clock::start();
    let expected = flatten(&evaluate_some(&shop, &sample));
    write!(line, ", {SAMPLED} rows evaluated in {}", clock.cost()).expect("memory");
    for (name, engine) in engines() {
        let clock = Clock::start();
        let found = night.gallery.top_k(engine.as_ref(), &night.plan.lists, &Progress::hidden()).expect("lists");
        write!(line, ", {name} took {}", clock.cost()).expect("memory");
        let lines = night.lines(&found, |id| ids.contains(id));
        assert_eq!(lines.len(), expected.len(), "{what}: {name}");
        for (found, expected) in lines.iter().zip(&expected) {
            assert_eq!(found, expected, "{what}: {name}");
        }
    }
    println!("{line}");
}

#[test]
fn looks_that_are_all_alike() {
    let _guard = alone();
    judge("even", even(ROWS), 10);
    let image = Looks::Uniform.raw(0, ROWS, DIMENSION);
    judge("one image", uneven(ROWS, |_, product| product.vector = Some(image.clone())), 10);
    let last_bits = |row: usize, product: &mut OracleProduct| {
        let mut own = image.clone();
        for (at, value) in own.iter_mut().enumerate().filter(|(at, _)| row >> (at % 16) & 1 == 1) {
            *value = f32::from_bits(value.to_bits() + 1 + (at as u32 >> 5));
        }
        product.vector = Some(own);
    };
    judge("images that differ in the last bits", uneven(ROWS, last_bits), 10);
    let thousandth = |row: usize, product: &mut OracleProduct| {
        let noise = Looks::Uniform.raw(row, ROWS, DIMENSION);
        product.vector = Some(image.iter().zip(noise).map(|(value, noise)| value + 1e-3 * noise).collect());
    };
    judge("images that differ by 1e-3", uneven(ROWS, thousandth), 10);
}

#[test]
fn one_category_or_one_price_for_most() {
    let _guard = alone();
    judge("even", even(ROWS), 10);
    let ninety = |row: usize, product: &mut OracleProduct| {
        if !row.is_multiple_of(10) {
            product.category = Some("D0/C0".to_owned());
        }
    };
    judge("nine tenths in one category", uneven(ROWS, ninety), 10);
    judge("one price", uneven(ROWS, |_, product| product.price = Some(decimal("19.99"))), 10);
}

#[test]
fn lists_longer_than_what_is_eligible() {
    let _guard = alone();
    judge("even, K = 10", even(ROWS), 10);
    let tiny = |row: usize, product: &mut OracleProduct| {
        // Departments of two categories of thirty.
        product.category = Some(format!("D{}/C{}", row % (ROWS / 60), row / (ROWS / 60) % 2));
    };
    judge("categories of 30, K = 10", uneven(ROWS, tiny), 10);
    judge("categories of 30, K = 1,000", uneven(ROWS, tiny), 1_000);
}

#[test]
fn a_category_for_every_product() {
    let _guard = alone();
    judge("even", even(2 * ROWS), 10);
    let own = |row: usize, product: &mut OracleProduct| product.category = Some(format!("D{}/C{row}", row % 6));
    judge("a category each", uneven(2 * ROWS, own), 10);
}
