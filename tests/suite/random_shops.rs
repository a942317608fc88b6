//! Random shops under random rules, through the front door: what is published equals the slow evaluator's lists.

use std::path::Path;

use proptest::prelude::*;

use crate::oracle::{OracleList, evaluate};
use crate::random_shop::{RandomShop, shop, to_jsonl, to_toml};
use crate::run::{float, number, rows, string};
use twinset::catalog::Catalog;
use twinset::cli::{Flags, JobArgs};
use twinset::config::Config;
use twinset::embedding::{Column, Embedder};
use twinset::job::{self, sight};
use twinset::plan::Plan;
use twinset::progress::Progress;
use twinset::recommend::{Listed, Recommender};
use twinset::rules::rank::Ranked;
use twinset::similarity::cpu::Cpu;
use twinset::similarity::{Found, Matrix, Similarity};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn published_lists_equal_the_documentation(shop in shop()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        publish(&shop, folder.path(), 2);
        let expected = evaluate(&shop.products, &shop.rules, &shop.complements);
        prop_assert_eq!(published(&folder.path().join("out")), flatten(&expected));
    }

    #[test]
    fn lists_do_not_depend_on_the_tile(shop in shop(), tile in 1_usize..9) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let night = Night::prepare(&shop, folder.path());
        let found = Cpu { tile, sketch_from: tile as u64 % 2 * u64::MAX }.top_k(&night.matrix, &night.plan.lists, &Progress::hidden()).expect("lists");
        let expected = evaluate(&shop.products, &shop.rules, &shop.complements);
        prop_assert_eq!(night.lines(&found, |_| true), flatten(&expected));
    }
}

/// What the engines see of a shop.
pub fn contract(shop: &RandomShop, folder: &Path) -> (Matrix, Plan) {
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
    pub fn prepare(shop: &RandomShop, folder: &Path) -> Night {
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
    pub fn lines(&self, found: &Found, wanted: impl Fn(&str) -> bool) -> Vec<Line> {
        let recommender =
            Recommender::new(&self.catalog, &self.config.rules, None, (&self.plan, &self.matrix), &found.lists);
        let id = |&row: &usize| self.catalog.products[self.plan.products[row]].id.as_str();
        let mut lines = Vec::new();
        for &anchor in recommender.anchors().iter().filter(|row| wanted(id(row))) {
            for served in recommender.serve(anchor).expect("no list is short without a reason") {
                let bits = |value: Option<f32>| value.map(f32::to_bits);
                let entry = |e: &Listed| {
                    let Ranked { candidate, similarity, score } = e.ranked;
                    (id(&(candidate as usize)).to_owned(), bits(similarity), bits(score))
                };
                lines.push((
                    id(&anchor).to_owned(),
                    self.config.rules[served.rule].name.clone(),
                    i64::from(served.eligible),
                    i64::try_from(served.entries.len()).expect("few entries"),
                    served.shortfall.map(|reason| reason.as_str().to_owned()),
                    served.entries.iter().map(entry).collect(),
                ));
            }
        }
        lines
    }
}

fn publish(shop: &RandomShop, folder: &Path, threads: u16) {
    job::run(&write(shop, folder, threads)).expect("a night");
}

fn write(shop: &RandomShop, folder: &Path, threads: u16) -> Config {
    std::fs::write(folder.join("twinset.toml"), to_toml(&shop.rules, &shop.complements)).expect("written");
    std::fs::write(folder.join("products.jsonl"), to_jsonl(&shop.products)).expect("written");
    let flags =
        Flags { run_date: Some("2026-11-22".parse().expect("a date")), threads: Some(threads), ..Flags::default() };
    let args = JobArgs { config: Some(folder.join("twinset.toml")), flags };
    Config::resolve(&args).expect("a configuration")
}

/// A comparable line per list: product, rule, eligible, returned, reason, entries with the bits of their scores.
pub type Line = (String, String, i64, i64, Option<String>, Vec<(String, Option<u32>, Option<u32>)>);

fn published(out: &Path) -> Vec<Line> {
    let mut lines: Vec<Line> = rows(out, "coverage")
        .iter()
        .map(|row| {
            let text = |name| string(row, name).expect("required");
            let reason = string(row, "shortfall_reason");
            (text("product_id"), text("rule"), number(row, "eligible"), number(row, "returned"), reason, Vec::new())
        })
        .collect();
    for row in rows(out, "recommendations") {
        let text = |name| string(&row, name).expect("required");
        let at = lines.iter().position(|line| line.0 == text("product_id") && line.1 == text("rule"));
        let line = &mut lines[at.expect("every list has a coverage row")];
        line.5.push((
            text("recommended_id"),
            float(&row, "similarity").map(f32::to_bits),
            float(&row, "score").map(f32::to_bits),
        ));
        assert_eq!(usize::try_from(number(&row, "rank")).expect("positive"), line.5.len());
    }
    lines
}

/// The evaluator's lists in the same form and order.
pub fn flatten(lists: &[OracleList]) -> Vec<Line> {
    let mut lines: Vec<Line> = lists
        .iter()
        .map(|list| {
            let entries = list.entries.iter();
            let entries = entries.map(|e| (e.id.clone(), e.similarity.map(f32::to_bits), e.score.map(f32::to_bits)));
            (
                list.product.clone(),
                list.rule.clone(),
                i64::try_from(list.eligible).expect("small"),
                i64::try_from(list.returned).expect("small"),
                list.reason.map(str::to_owned),
                entries.collect(),
            )
        })
        .collect();
    lines.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    lines
}
