//! Plans that would explode if they were written pair by pair. The figures are printed; only the counts are asserted.

use std::time::Instant;

use twinset::catalog::{Catalog, Category, Product};
use twinset::money::{Currency, Price};
use twinset::plan::{Plan, Service, Sight};
use twinset::rules::complements::Complements;
use twinset::rules::{Rule, defaults};
use twinset::similarity::cpu::TILE;
use twinset::similarity::remaining::Remaining;
use twinset::similarity::tiles::Tiles;

fn product(row: usize, category: &str, price: i64, attributes: [String; 2]) -> Product {
    Product {
        row: row as u64 + 1,
        id: format!("p{row}"),
        title: None,
        category: Category::parse(category),
        price: Price::from_units(price * 100),
        currency: Currency::parse("USD"),
        image: None,
        further_images: Box::default(),
        group: None,
        margin: None,
        in_stock: true,
        in_season: true,
        attributes: attributes.map(Some).into(),
    }
}

fn catalog(products: Vec<Product>) -> Catalog {
    Catalog { products, attributes: vec!["gender".into(), "brand".into()], ..Catalog::default() }
}

/// Plans, prints time and memory, and returns the eligible entries of each rule.
fn plan(what: &str, catalog: &Catalog, rules: &[Rule]) -> Vec<u64> {
    let start = Instant::now();
    let plan = Plan::new(catalog, &vec![Sight::Seen; catalog.products.len()], rules, &Complements::default());
    let planned = start.elapsed();
    let pairs = Remaining::new(&Tiles::new(&plan.lists, plan.seen, TILE)).pairs();
    let tiled = start.elapsed().saturating_sub(planned);
    println!(
        "{what}: {} products, {} blocks: planned in {:.2} s, tiles in {:.2} s more, {:.1} MiB, {pairs} pairs to score",
        plan.products.len(),
        plan.blocks,
        planned.as_secs_f64(),
        tiled.as_secs_f64(),
        plan.bytes() as f64 / f64::from(1 << 20),
    );
    let eligible = |service: &Service| if let Service::Eligible(n) = service { u64::from(*n) } else { 0 };
    plan.service.iter().map(|rule| rule.iter().map(eligible).sum()).collect()
}

fn rule(text: &str) -> Rule {
    toml::from_str(&format!("name = 'r'\nrelation = 'similar'\n{text}")).expect("a rule")
}

#[test]
fn two_hundred_thousand_products_in_two_thousand_zipf_categories() {
    let weights: Vec<f64> = (1..=2000)
        .scan(0.0, |sum, rank| {
            *sum += 1.0 / f64::from(rank);
            Some(*sum)
        })
        .collect();
    let mut state = 3_u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut products = Vec::new();
    for row in 0..200_000 {
        let at = next(1 << 30) as f64 / f64::from(1 << 30) * weights[1999];
        let category = weights.partition_point(|&w| w < at);
        let price = i64::try_from(next(20_000)).expect("small") + 99;
        let attributes = [format!("g{}", next(3)), format!("b{}", next(40))];
        products.push(product(row, &format!("D{}/C{category}", category % 20), price, attributes));
    }
    let catalog = catalog(products);
    let mut rules = defaults();
    rules.push(rule("candidates = 'same_department'\nmust_match = ['gender']\nmust_differ = ['brand']"));
    rules.push(rule("candidates = 'complement'\nmust_match = ['gender', 'brand']\nprice_ratio = { up_to = 1.05 }"));
    let eligible = plan("2,000 Zipf categories, gender and brand", &catalog, &rules);
    assert!(eligible.iter().all(|&n| n > 0));
}

#[test]
fn a_hundred_thousand_categories_of_one_product() {
    let n: u64 = 100_000;
    let many = (0..n as usize).map(|row| product(row, &format!("C{row}"), 1000 + row as i64, ["g".into(), "b".into()]));
    let catalog = catalog(many.collect());
    let rules = [
        rule("candidates = 'any'"),
        rule("candidates = 'other_category'"),
        rule("candidates = 'any'\nprice_ratio = { above = 1.0 }"),
        rule("candidates = 'complement'\nprice_ratio = { up_to = 1.0 }"),
        rule("candidates = 'same_category'"),
    ];
    let eligible = plan("100,000 categories of one product", &catalog, &rules);
    // Every price is its own: half of the ordered pairs go up, half go down.
    assert_eq!(eligible, [n * (n - 1), n * (n - 1), n * (n - 1) / 2, n * (n - 1) / 2, 0]);
}

#[test]
fn one_price_shared_by_all() {
    let n: u64 = 200_000;
    let same = (0..n as usize).map(|row| product(row, &format!("D/C{}", row % 10), 1999, ["g".into(), "b".into()]));
    let catalog = catalog(same.collect());
    let eligible = plan("one price shared by all", &catalog, &defaults());
    let in_category = n / 10;
    assert_eq!(eligible, [n * (n - 1), n * (n - in_category), 0]);
}
