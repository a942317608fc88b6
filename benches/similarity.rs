//! From vectors to finished lists: the CPU engine beside a naive scan, and the planning before both.

use divan::Bencher;
use divan::counter::ItemsCount;
use twinset::catalog::{Catalog, Category, Product};
use twinset::embedding::Vectors;
use twinset::money::{Currency, Price};
use twinset::plan::{Plan, Sight};
use twinset::progress::Progress;
use twinset::rules::complements::Complements;
use twinset::rules::defaults;
use twinset::similarity::cpu::Cpu;
use twinset::similarity::{Matrix, NO_LIST, Similarity, canonical_score};

const DIMENSION: usize = 512;
const CATEGORIES: u64 = 20;

fn main() {
    divan::main();
}

/// Products in categories that look alike inside; the same numbers every time.
fn shop(count: usize) -> (Catalog, Vectors) {
    let mut state = 11_u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut component = |_: usize| f32::from(u16::try_from(next(1 << 16)).expect("16 bits")) / 32768.0 - 1.0;
    let centers: Vec<Vec<f32>> = (0..CATEGORIES).map(|_| (0..DIMENSION).map(&mut component).collect()).collect();
    let mut catalog = Catalog::default();
    let mut vectors = Vectors::new(DIMENSION, count);
    for product in 0..count {
        let category = product % centers.len();
        let look: Vec<f32> = centers[category].iter().map(|c| c + 0.8 * component(0)).collect();
        vectors.insert(product, &look).expect("finite and not zero");
        catalog.products.push(Product {
            row: product as u64 + 1,
            id: format!("p{product}"),
            title: None,
            category: Category::parse(&format!("D{}/C{category}", category % 4)),
            price: Price::from_units(i64::try_from(product * 7919 % 20_000 + 99).expect("small") * 100),
            currency: Currency::parse("USD"),
            image: None,
            further_images: Box::default(),
            group: None,
            margin: None,
            in_stock: true,
            in_season: true,
            attributes: Vec::new(),
        });
    }
    (catalog, vectors)
}

fn planned(count: usize) -> (Matrix, Plan) {
    let (catalog, vectors) = shop(count);
    let plan = Plan::new(&catalog, &vec![Sight::Seen; count], &defaults(), &Complements::default());
    (Matrix::gather(&vectors, plan.seen_products()), plan)
}

#[divan::bench(args = [10_000, 100_000])]
fn plan_the_default_rules(bencher: Bencher, count: usize) {
    let (catalog, _) = shop(count);
    let sight = vec![Sight::Seen; count];
    bencher.counter(ItemsCount::new(count)).bench(|| Plan::new(&catalog, &sight, &defaults(), &Complements::default()));
}

#[divan::bench(args = [2_000, 10_000], sample_count = 5)]
fn cpu_engine(bencher: Bencher, count: usize) {
    let (matrix, plan) = planned(count);
    bencher.counter(ItemsCount::new(count)).bench(|| Cpu::default().top_k(&matrix, &plan.lists, &Progress::hidden()));
}

/// Every admitted pair scored canonically, without lists: the least that a scan without bounds would cost.
#[divan::bench(args = [2_000], sample_count = 5)]
fn naive_scan(bencher: Bencher, count: usize) {
    let (matrix, plan) = planned(count);
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let mut best = f32::NEG_INFINITY;
        for anchor in 0..matrix.rows() {
            for candidate in 0..matrix.rows() {
                let admits = |rule: &twinset::similarity::RuleLists| {
                    rule.scope[anchor] != NO_LIST && plan.lists.admits(rule, anchor, candidate)
                };
                if plan.lists.rules.iter().any(admits) {
                    best = best.max(canonical_score(matrix.row(anchor), matrix.row(candidate)));
                }
            }
        }
        best
    });
}
