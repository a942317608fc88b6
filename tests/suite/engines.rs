//! The conformance suite: one set of cases for every engine, against a naive scan with the canonical score. An engine that is
//! broken on purpose proves that the suite can fail.

use twinset::catalog::{Catalog, Category, Product};
use twinset::embedding::Vectors;
use twinset::error::Result;
use twinset::money::{Currency, Price};
use twinset::plan::{Plan, Sight};
use twinset::progress::Progress;
use twinset::rules::Rule;
use twinset::rules::complements::Complements;
use twinset::similarity::cpu::Cpu;
use twinset::similarity::{Entry, Found, Lists, Matrix, Similarity};

use crate::exact::naive::naive;

/// Rules that use every part of the contract: scopes of one and many ranges, bands, codes, groups, thresholds, several lists
/// per anchor.
const RULES: &str = r#"
[[rule]]
name = "everything"
relation = "similar"
candidates = "any"
limit = 7
[[rule]]
name = "dearer"
relation = "upsell"
candidates = "same_category"
price_ratio = { above = 1.0, up_to = 2.0 }
limit = 3
[[rule]]
name = "others"
relation = "cross_sell"
candidates = "other_category"
price_ratio = { up_to = 1.05 }
must_match = ["gender"]
limit = 10
[[rule]]
name = "variants"
relation = "similar"
candidates = "any"
group = "same"
must_differ = ["material"]
limit = 100
[[rule]]
name = "alike"
relation = "similar"
candidates = "same_department"
group = "any"
min_similarity = 0.9
limit = 5
"#;

#[derive(serde::Deserialize)]
struct File {
    rule: Vec<Rule>,
}

/// Numbers that look random and are the same everywhere.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    /// Within [-1, 1).
    pub fn component(&mut self) -> f32 {
        f32::from(u16::try_from(self.below(1 << 16)).expect("16 bits")) / 32768.0 - 1.0
    }
}

/// A shop of `count` products whose vectors are `distinct` different ones, some nearly equal.
pub fn shop(count: usize, dimension: usize, distinct: u64, seed: u64) -> (Matrix, Plan) {
    let mut chance = Chance(seed);
    let base: Vec<f32> = (0..dimension).map(|_| chance.component()).collect();
    let looks: Vec<Vec<f32>> = (0..distinct)
        .map(|look| {
            // Every other look lies so close to the first that only the canonical score can tell them apart.
            let scale = if look % 2 == 0 { 1.0 } else { 1e-4 };
            base.iter().map(|b| b + scale * chance.component()).collect()
        })
        .collect();
    let mut catalog = Catalog { attributes: vec!["gender".into(), "material".into()], ..Catalog::default() };
    let mut vectors = Vectors::new(dimension, count);
    let mut sight = Vec::new();
    for row in 0..count {
        let pick = |chance: &mut Chance, from: &[&str]| {
            let at = usize::try_from(chance.below(from.len() as u64)).expect("small");
            Some(from[at].to_owned()).filter(|text| !text.is_empty())
        };
        let category = pick(&mut chance, &["A/x", "A/x", "A/x", "A/y", "B/z", ""]).and_then(|c| Category::parse(&c));
        catalog.products.push(Product {
            row: row as u64 + 1,
            id: format!("{:x}-{row}", chance.below(4096)),
            title: None,
            category,
            price: Price::from_units(i64::try_from(chance.below(30)).expect("small") * 10_000),
            currency: Currency::parse(["USD", "EUR"][usize::from(chance.below(10) == 0)]),
            image: None,
            further_images: Box::default(),
            group: pick(&mut chance, &["", "", "g1", "g2", "g3"]),
            margin: None,
            in_stock: chance.below(8) > 0,
            in_season: true,
            attributes: vec![pick(&mut chance, &["f", "m", ""]), pick(&mut chance, &["gold", "silver", ""])],
        });
        if chance.below(20) == 0 {
            sight.push(Sight::Unseen);
        } else {
            let look = usize::try_from(chance.below(distinct)).expect("small");
            vectors.insert(row, &looks[look]).expect("finite and not zero");
            sight.push(Sight::Seen);
        }
    }
    let rules: File = toml::from_str(RULES).expect("rules");
    let plan = Plan::new(&catalog, &sight, &rules.rule, &Complements::default());
    (Matrix::gather(&vectors, plan.seen_products()), plan)
}

/// Every configuration that must give the same lists on this machine, by name; each is run on the largest catalogs.
pub fn engines() -> Vec<(String, Box<dyn Similarity>)> {
    let engine = |turn| Box::new(Cpu { turn: Some(turn), ..Cpu::default() });
    vec![("the CPU".to_owned(), engine(false)), ("the CPU with turned vectors".to_owned(), engine(true))]
}

/// The first list in which an engine differs from the naive scan, over all cases.
pub fn conformance(engine: &dyn Similarity) -> Result<(), String> {
    // Awkward sizes around a tile, dimensions that fill no lane, all alike, all different.
    let cases =
        [(1, 1, 1), (2, 3, 2), (60, 5, 60), (127, 16, 30), (128, 8, 128), (129, 7, 3), (400, 33, 1), (700, 20, 350)];
    for (seed, (count, dimension, distinct)) in (1..).zip(cases) {
        let (matrix, plan) = shop(count, dimension, distinct, seed);
        let found = engine.top_k(&matrix, &plan.lists, &Progress::hidden()).map_err(|e| e.to_string())?;
        for (rule, lists) in found.lists.iter().enumerate() {
            for (anchor, list) in lists.iter().enumerate() {
                let expected = naive(&matrix, &plan.lists, rule, anchor);
                if *list != expected {
                    return Err(format!(
                        "case {seed} ({count} × {dimension}, {distinct} looks), rule {rule}, anchor {anchor}: \
                         {list:?} instead of {expected:?}"
                    ));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_cpu_engine_conforms() {
    for tile in [1, 7, 128, 1000] {
        for turn in [false, true] {
            let engine = Cpu { tile, turn: Some(turn) };
            conformance(&engine).unwrap_or_else(|why| panic!("{engine:?}: {why}"));
        }
    }
}

/// The kernels that some processor can run; `TWINSET_KERNEL` names one.
const KERNELS: [&str; 5] = ["avx512vnni", "avxvnni", "avx2", "neon", "portable"];

/// The engine reads the environment, so each kernel has a process of its own: the conformance suite, and random shops as
/// the documentation has them.
#[test]
fn every_kernel_of_this_processor_conforms() {
    let mut conforming = Vec::new();
    for kernel in KERNELS {
        let tests = ["engines::the_cpu_engine_conforms", "random_shops::lists_do_not_depend_on_the_tile"];
        let run = std::process::Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "--test-threads", "1"])
            .args(tests)
            .env("TWINSET_KERNEL", kernel)
            .output()
            .expect("the tests start");
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        if said.contains(&format!("`TWINSET_KERNEL` is `{kernel}`")) {
            println!("this processor cannot run `{kernel}`");
            continue;
        }
        assert!(run.status.success() && said.contains("2 passed"), "{kernel}: {said}");
        conforming.push(kernel);
    }
    assert!(conforming.contains(&"portable"), "{conforming:?}");
    println!("conform: {}", conforming.join(", "));
}

/// What a defect does to a finished list.
type Defect = fn(&Lists, &mut Vec<Entry>);

/// The CPU engine with one defect.
struct Broken(Defect);

impl Similarity for Broken {
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found> {
        let mut found = Cpu::default().top_k(matrix, lists, progress)?;
        found.lists.iter_mut().flatten().for_each(|list| (self.0)(lists, list));
        Ok(found)
    }
}

#[test]
fn broken_engines_do_not_conform() {
    let defects: [(&str, Defect); 4] = [
        ("loses the last entry of a long list", |_, list| list.truncate(9)),
        ("settles ties by row", |_, list| {
            list.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        }),
        ("rounds one score the other way", |_, list| {
            if let Some(entry) = list.first_mut() {
                entry.score = entry.score.next_down();
            }
        }),
        ("lets a variant in twice", |lists, list| {
            if let [first, .., last] = list.as_mut_slice()
                && lists.group[first.row as usize] != lists.group[last.row as usize]
            {
                *last = *first;
            }
        }),
    ];
    for (defect, broken) in defects {
        assert!(conformance(&Broken(broken)).is_err(), "an engine that {defect} passed");
    }
}
