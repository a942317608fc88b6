//! Shops of many tiles, and shops whose products look all the same: figures are printed, lists are compared with the CPU's.

use std::time::Instant;

use twinset::catalog::{Catalog, Category, Product};
use twinset::embedding::Vectors;
use twinset::money::{Currency, Price};
use twinset::plan::{Plan, Sight};
use twinset::progress::Progress;
use twinset::rules::defaults;
use twinset::similarity::gpu::kernels::Arithmetic;
use twinset::similarity::gpu::{Gpu, Options};
use twinset::similarity::{Matrix, Similarity, TopK};

use super::{adapter, by_cpu, differing, sizes, work};
use crate::engines::Chance;

/// A shop under the default rules: departments, categories, prices, brands.
fn plan(count: usize, chance: &mut Chance) -> Plan {
    let mut catalog = Catalog { attributes: vec!["brand".into()], ..Catalog::default() };
    for row in 0..count {
        let (department, category) = (chance.below(6), chance.below(9));
        catalog.products.push(Product {
            row: row as u64 + 1,
            id: format!("{:x}-{row}", chance.below(1 << 20)),
            title: None,
            category: Category::parse(&format!("D{department}/C{category}")),
            price: Price::from_units(i64::try_from(chance.below(20_000)).expect("small") * 100 + 99),
            currency: Currency::parse("USD"),
            image: None,
            group: (chance.below(3) == 0).then(|| format!("g{}", chance.below(count as u64 / 6 + 1))),
            in_stock: chance.below(20) > 0,
            attributes: vec![Some(format!("b{}", chance.below(40)))],
        });
    }
    Plan::new(&catalog, &vec![Sight::Seen; count], &defaults(), &[])
}

/// `count` products in clusters, as photographs of a catalog are.
pub fn clustered(count: usize, dimension: usize) -> (Matrix, Plan) {
    let mut chance = Chance(11);
    let plan = plan(count, &mut chance);
    let mut vector = |spread: f32| (0..dimension).map(|_| spread * chance.component()).collect::<Vec<f32>>();
    let centers: Vec<Vec<f32>> = (0..count / 50).map(|_| vector(1.0)).collect();
    let mut vectors = Vectors::new(dimension, count);
    for row in 0..count {
        let near = centers[row * 7 % centers.len()].iter().zip(vector(0.5)).map(|(c, v)| c + v);
        vectors.insert(row, &near.collect::<Vec<f32>>()).expect("finite and not zero");
    }
    (Matrix::gather(&vectors, plan.seen_products()), plan)
}

/// `count` products of which `same` share one vector and as many as `near` differ from it in the last bits only.
fn placeholders(count: usize, same: usize, near: usize, dimension: usize) -> (Matrix, Plan) {
    let mut chance = Chance(12);
    let plan = plan(count, &mut chance);
    let look: Vec<f32> = (0..dimension).map(|_| chance.component()).collect();
    let mut vectors = Vectors::new(dimension, count);
    for row in 0..count {
        let mut own = look.clone();
        match row * 7 % count {
            place if place < same => {}
            place if place < same + near => {
                let at = usize::try_from(chance.below(dimension as u64)).expect("small");
                let steps = chance.below(4) as u32 + 1;
                own[at] = f32::from_bits(own[at].to_bits() + steps);
            }
            _ => own.fill_with(|| chance.component()),
        }
        vectors.insert(row, &own).expect("finite and not zero");
    }
    (Matrix::gather(&vectors, plan.seen_products()), plan)
}

/// Runs a shop in both arithmetics and in each shape of the work, and prints how it went.
fn compare(what: &str, (matrix, plan): &(Matrix, Plan), shapes: &[Options]) {
    let start = Instant::now();
    let expected: Vec<TopK> = by_cpu(matrix, &plan.lists);
    println!("{what}: {} pairs, CPU {:.2?}", work(matrix, &plan.lists), start.elapsed());
    for arithmetic in [Arithmetic::F32, Arithmetic::Int8] {
        for shape in shapes {
            let options = Options { arithmetic: Some(arithmetic), ..shape.clone() };
            let gpu = Gpu::open(&adapter(), options).expect("a device that passes its self-test");
            let start = Instant::now();
            let found = gpu.top_k(matrix, &plan.lists, &Progress::hidden()).expect("lists");
            let (took, report) = (start.elapsed(), found.report);
            println!(
                "{what}, {arithmetic:?}, chunk {:?}, strip {:?}, slots {:?}: {took:.2?}, {:.1} survivors a row, {:.1} MB up, \
                 {:.1} MB down, {} dispatches, {} strips, {} rows again, {} rows on the CPU",
                shape.chunk,
                shape.strip,
                shape.slots,
                report.survivors as f64 / matrix.rows() as f64,
                report.bytes_up as f64 / 1e6,
                report.bytes_down as f64 / 1e6,
                report.dispatches,
                report.strips,
                report.rows_rerun,
                report.rows_on_cpu,
            );
            assert_eq!((report.fault, report.pairs_on_cpu), (None, 0));
            assert_eq!(report.pairs_on_device, work(matrix, &plan.lists));
            assert_eq!(report.kernel.as_deref(), Some(arithmetic.name()));
            if let Some(difference) = differing(&found.lists, &expected) {
                panic!("{what}, {arithmetic:?}, {shape:?}: {difference}");
            }
            if shape.slots.is_some_and(|slots| slots < 10) {
                assert!(report.rows_rerun > 0 && report.rows_on_cpu > 0, "so few slots must overflow");
            }
        }
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_shop_of_two_thousand() {
    let shapes = [Options::default(), sizes(5, 2, 20, 4)];
    compare("2,000 products", &clustered(2000, 64), &shapes);
}

#[test]
#[ignore = "takes minutes on software Vulkan"]
fn a_shop_of_twenty_thousand() {
    let shapes = [Options::default(), sizes(32, 3, 40, 128), sizes(64, 2, 200, 4)];
    compare("20,000 products", &clustered(20_000, 64), &shapes);
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_thousand_placeholders() {
    compare("1,500 products, 1,200 alike", &placeholders(1500, 1200, 120, 32), &[Options::default()]);
}

#[test]
#[ignore = "takes minutes on software Vulkan"]
fn ten_thousand_placeholders() {
    compare("12,000 products, 10,000 alike", &placeholders(12_000, 10_000, 1000, 32), &[Options::default()]);
}
