//! Two hundred thousand rows under three rules: the lists of two thousand of them equal a scan of all rows.

use rayon::prelude::*;
use twinset::catalog::{Catalog, Category, Product};
use twinset::money::{Currency, Price};
use twinset::plan::{Plan, Sight};
use twinset::progress::Progress;
use twinset::rules::complements::Complements;
use twinset::rules::defaults;
use twinset::similarity::{Matrix, NO_LIST};

use super::looks::Looks;
use super::naive::naive;
use crate::clock::{Clock, alone};
use crate::engines::{Chance, engines};

const ROWS: usize = 200_000;
const DIMENSION: usize = 64;
const SAMPLED: usize = 2_000;

/// Departments, categories, prices and variants; what looks alike lies in all of them.
fn catalog() -> Catalog {
    let mut chance = Chance(21);
    let product = |row: usize| Product {
        row: row as u64 + 1,
        id: format!("{:x}-{row}", chance.below(1 << 20)),
        title: None,
        category: Category::parse(&format!("D{}/C{}", chance.below(12), chance.below(9))),
        price: Price::from_units(chance.below(5_000) as i64 * 100 + 9_900),
        currency: Currency::parse("USD"),
        image: None,
        further_images: Box::default(),
        group: (chance.below(3) == 0).then(|| format!("g{}", chance.below(ROWS as u64 / 6))),
        margin: None,
        in_stock: chance.below(20) > 0,
        in_season: true,
        attributes: Vec::new(),
    };
    Catalog { products: (0..ROWS).map(product).collect(), ..Catalog::default() }
}

#[test]
fn two_thousand_of_two_hundred_thousand_rows() {
    let _guard = alone();
    let catalog = catalog();
    let plan = Plan::new(&catalog, &vec![Sight::Seen; ROWS], &defaults(), &Complements::default());
    let mut vectors = twinset::embedding::Vectors::new(DIMENSION, ROWS);
    for product in 0..ROWS {
        vectors.insert(product, &Looks::Clustered.raw(product, ROWS, DIMENSION)).expect("finite and not zero");
    }
    let matrix = Matrix::gather(&vectors, plan.seen_products());
    let lists = &plan.lists;
    let sample: Vec<usize> = (0..SAMPLED).map(|n| n * ROWS / SAMPLED + n % (ROWS / SAMPLED)).collect();
    let clock = Clock::start();
    let expected: Vec<Vec<_>> = (0..lists.rules.len())
        .map(|rule| sample.par_iter().map(|&row| naive(&matrix, lists, rule, row)).collect())
        .collect();
    println!("{ROWS} × {DIMENSION}, three rules: the scan of {SAMPLED} rows took {}", clock.cost());
    for (name, engine) in engines() {
        let clock = Clock::start();
        let found = engine.top_k(&matrix, lists, &Progress::hidden()).expect("lists").lists;
        println!("{ROWS} × {DIMENSION}, three rules: {name} took {}", clock.cost());
        for (rule, expected) in expected.iter().enumerate() {
            for (&row, expected) in sample.iter().zip(expected) {
                assert_eq!(&found[rule][row], expected, "{name}, rule {rule}, row {row}");
            }
        }
    }
    let filled = |rule: usize| sample.iter().filter(|&&row| lists.rules[rule].scope[row] != NO_LIST).count();
    assert!((0..lists.rules.len()).all(|rule| filled(rule) == SAMPLED), "every sampled row has three lists");
}
