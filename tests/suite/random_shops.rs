//! Random shops under random rules, through the front door: what is published equals the slow evaluator's lists.

use std::path::Path;

use parquet::record::Row;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::oracle::{OracleList, OraclePlaced, OracleShop, evaluate, placements};
use crate::random_shop::{shop, write_files};
use crate::run::{decimal, float, number, rows, string};
use twinset::catalog::Catalog;
use twinset::cli::JobArgs;
use twinset::config::Config;
use twinset::embedding::{Column, Embedder};
use twinset::job::{self, sight};
use twinset::plan::Plan;
use twinset::progress::Progress;
use twinset::recommend::Recommender;
use twinset::rules::rank::Ranked;
use twinset::similarity::cpu::Cpu;
use twinset::similarity::{Found, Matrix, Similarity};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn published_lists_equal_the_documentation(shop in shop()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        publish(&shop, folder.path(), 2);
        let expected = evaluate(&shop);
        prop_assert_eq!(published(&folder.path().join("out")), flatten(&expected));
        prop_assert_eq!(placed(&folder.path().join("out")), in_order(placements(&shop, &expected)));
    }

    #[test]
    fn lists_do_not_depend_on_the_tile(shop in shop(), tile in 1_usize..9) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let night = Night::prepare(&shop, folder.path());
        let found = Cpu { tile, sketch_from: tile as u64 % 2 * u64::MAX }.top_k(&night.matrix, &night.plan.lists, &Progress::hidden()).expect("lists");
        let expected = evaluate(&shop);
        prop_assert_eq!(night.lines(&found, |_| true), flatten(&expected));
    }
}

/// What the engines see of a shop.
pub fn contract(shop: &OracleShop, folder: &Path) -> (Matrix, Plan) {
    let night = Night::prepare(shop, folder);
    (night.matrix, night.plan)
}

/// A night up to the engine, and the lists without publication.
pub struct Night {
    config: Config,
    catalog: Catalog,
    pub matrix: Matrix,
    pub plan: Plan,
}

impl Night {
    pub fn prepare(shop: &OracleShop, folder: &Path) -> Night {
        let config = write(shop, folder, 1);
        let mut catalog = job::read(&config).expect("a catalog");
        let embedded = Column.embed(&mut catalog, &Progress::hidden()).expect("vectors");
        let sight = sight::found(&config, &catalog, &embedded.vectors);
        let plan = Plan::new(&catalog, &sight, &config.rules, &config.complements);
        Night { matrix: Matrix::gather(&embedded.vectors, plan.seen_products()), config, catalog, plan }
    }

    /// The id of every row.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.plan.products.iter().map(|&product| self.catalog.products[product].id.as_str())
    }

    /// The lists of the products whose ids are wanted, by id, then rule.
    ///
    /// Does not compare yet: origins, gains and the counts of pins and fallbacks, which the engine's side does not tell.
    pub fn lines(&self, found: &Found, wanted: impl Fn(&str) -> bool) -> Vec<Line> {
        let recommender = Recommender::new(&self.catalog, &self.config.rules, &self.plan, &found.lists);
        let id = |&row: &usize| self.catalog.products[self.plan.products[row]].id.as_str();
        let mut lines = Vec::new();
        for &anchor in recommender.anchors().iter().filter(|row| wanted(id(row))) {
            for served in recommender.serve(anchor).expect("no list is short without a reason") {
                let entry = |e: &Ranked| LineEntry {
                    id: id(&(e.candidate as usize)).to_owned(),
                    similarity: e.similarity.map(f32::to_bits),
                    score: e.score.map(f32::to_bits),
                    origin: "rule".to_owned(),
                    margin_gain: None,
                };
                lines.push(Line {
                    product: id(&anchor).to_owned(),
                    rule: self.config.rules[served.rule].name.clone(),
                    eligible: i64::from(served.eligible),
                    returned: i64::try_from(served.entries.len()).expect("few entries"),
                    reason: served.shortfall.map(|reason| reason.as_str().to_owned()),
                    pinned: 0,
                    fallback: 0,
                    entries: served.entries.iter().map(entry).collect(),
                });
            }
        }
        lines
    }
}

fn publish(shop: &OracleShop, folder: &Path, threads: u16) {
    job::run(&write(shop, folder, threads)).expect("a night");
}

fn write(shop: &OracleShop, folder: &Path, threads: u16) -> Config {
    write_files(shop, folder);
    let args = JobArgs {
        config: Some(folder.join("twinset.toml")),
        run_date: Some(shop.run_date),
        threads: Some(threads),
        ..JobArgs::default()
    };
    Config::resolve(&args).expect("a configuration")
}

/// A list in comparable form, the scores as their bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    product: String,
    rule: String,
    eligible: i64,
    returned: i64,
    reason: Option<String>,
    pinned: i64,
    fallback: i64,
    entries: Vec<LineEntry>,
}

/// An entry of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LineEntry {
    id: String,
    similarity: Option<u32>,
    score: Option<u32>,
    origin: String,
    margin_gain: Option<Decimal>,
}

fn published(out: &Path) -> Vec<Line> {
    let mut lines: Vec<Line> = rows(out, "coverage")
        .iter()
        .map(|row| Line {
            product: string(row, "product_id").expect("required"),
            rule: string(row, "rule").expect("required"),
            eligible: number(row, "eligible"),
            returned: number(row, "returned"),
            reason: string(row, "shortfall_reason"),
            pinned: number(row, "pinned"),
            fallback: number(row, "fallback"),
            entries: Vec::new(),
        })
        .collect();
    for row in rows(out, "recommendations") {
        let text = |name| string(&row, name).expect("required");
        let at = lines.iter().position(|line| line.product == text("product_id") && line.rule == text("rule"));
        let line = &mut lines[at.expect("every list has a coverage row")];
        line.entries.push(LineEntry {
            id: text("recommended_id"),
            similarity: float(&row, "similarity").map(f32::to_bits),
            score: float(&row, "score").map(f32::to_bits),
            origin: text("origin"),
            margin_gain: decimal(&row, "margin_gain"),
        });
        assert_eq!(usize::try_from(number(&row, "rank")).expect("positive"), line.entries.len());
    }
    lines
}

/// The evaluator's lists in the same form and order.
pub fn flatten(lists: &[OracleList]) -> Vec<Line> {
    let count = |count: usize| i64::try_from(count).expect("small");
    let mut lines: Vec<Line> = lists
        .iter()
        .map(|list| {
            let entries = list.entries.iter().map(|entry| LineEntry {
                id: entry.id.clone(),
                similarity: entry.similarity.map(f32::to_bits),
                score: entry.score.map(f32::to_bits),
                origin: entry.origin.to_owned(),
                margin_gain: entry.margin_gain,
            });
            Line {
                product: list.product.clone(),
                rule: list.rule.clone(),
                eligible: count(list.eligible),
                returned: count(list.returned),
                reason: list.reason.map(str::to_owned),
                pinned: count(list.pinned),
                fallback: count(list.fallback),
                entries: entries.collect(),
            }
        })
        .collect();
    lines.sort_by(|a, b| (&a.product, &a.rule).cmp(&(&b.product, &b.rule)));
    lines
}

/// The table of placements, in the order of its file.
fn placed(out: &Path) -> Vec<OraclePlaced> {
    let whole = |row: &Row, name| usize::try_from(number(row, name)).expect("positive");
    let read = |row: &Row| OraclePlaced {
        product: string(row, "product_id").expect("required"),
        placement: string(row, "placement").expect("required"),
        slot: whole(row, "slot"),
        relation: string(row, "relation").expect("required"),
        rule: string(row, "rule").expect("required"),
        rank: whole(row, "rank"),
        recommended: string(row, "recommended_id").expect("required"),
    };
    rows(out, "placements").iter().map(read).collect()
}

/// The evaluator's placements by product, then placement, then slot.
fn in_order(mut placed: Vec<OraclePlaced>) -> Vec<OraclePlaced> {
    placed.sort_by(|a, b| (&a.product, &a.placement, a.slot).cmp(&(&b.product, &b.placement, b.slot)));
    placed
}
