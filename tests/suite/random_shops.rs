//! Random shops under random rules, through the front door: what is published equals the slow evaluator's lists.

use std::ops::Deref;
use std::path::Path;

use parquet::record::{Field, Row};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::oracle::{OracleDuplicate, OracleList, OraclePlaced, OracleShop, duplicates, evaluate, placements};
use crate::random_shop::{shop, shop_of, write_files};
use crate::run::{decimal, field, float, number, rows, string};
use twinset::cli::{Flags, JobArgs};
use twinset::config::Config;
use twinset::embedding::Vectors;
use twinset::explain::Explainer;
use twinset::job::{self, Prepared};
use twinset::plan::Plan;
use twinset::progress::Progress;
use twinset::recommend::{Listed, Origin};
use twinset::rules::rank::Ranked;
use twinset::similarity::cpu::Cpu;
use twinset::similarity::{Found, Gallery, NO_LIST};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn published_lists_equal_the_documentation(shop in shop()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        publish(&shop, folder.path(), 2);
        let expected = evaluate(&shop);
        prop_assert_eq!(differing(&published(&folder.path().join("out")), &flatten(&expected)), None);
        prop_assert_eq!(placed(&folder.path().join("out")), in_order(placements(&shop, &expected)));
        if shop.duplicates.is_some() {
            prop_assert_eq!(alike(&folder.path().join("out")), duplicates(&shop));
        }
    }

    #[test]
    fn lists_do_not_depend_on_the_tile(shop in shop(), tile in 1_usize..9) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let night = Night::prepare(&shop, folder.path());
        let engine = Cpu { tile, turn: Some(tile % 2 == 0) };
        let found = night.gallery.top_k(&engine, &night.plan.lists, &Progress::hidden()).expect("lists");
        let expected = evaluate(&shop);
        prop_assert_eq!(differing(&night.lines(&found, |_| true), &flatten(&expected)), None);
    }

    /// An explanation holds every condition against the plan: all of them hold where, and only where, the plan admits the pair; and it
    /// finds a candidate in the list where the list has it.
    #[test]
    fn explanations_say_what_the_plan_does(shop in shop_of(1..25)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let night = Night::prepare(&shop, folder.path());
        let found = night.score().expect("lists");
        let explainer = Explainer::new(&night.config, &night, &found);
        let (lists, rows) = (&night.plan.lists, 0..night.plan.products.len());
        let recommender = night.recommender(&night.config, &found);
        for (anchor, candidate) in rows.clone().flat_map(|anchor| rows.clone().map(move |candidate| (anchor, candidate))) {
            let served = recommender.serve(anchor).expect("no list is short without a reason");
            let explained = explainer.explain(anchor, Some(candidate)).expect("an explanation");
            for (number, (rule, of_rule)) in lists.rules.iter().zip(&explained.rules).enumerate() {
                let pair = of_rule.pair.as_ref().expect("a pair");
                let admits = rule.scope[anchor] != NO_LIST && lists.admits(rule, anchor, candidate);
                let checks = &pair.checks;
                prop_assert_eq!(pair.eligible, admits, "rule {}, {} beside {}: {:?}", number, candidate, anchor, checks);
                let list = served.iter().find(|list| list.rule == number);
                let is_candidate = |listed: &Listed| listed.ranked.candidate as usize == candidate;
                let place = list.and_then(|list| list.entries.iter().position(is_candidate));
                prop_assert_eq!(pair.rank, place.map(|place| place + 1), "{}", pair.verdict);
                prop_assert_eq!(pair.verdict.starts_with("in the list"), place.is_some());
                prop_assert_eq!(pair.verdict.starts_with("allowed"), place.is_none() && admits && list.is_some());
            }
        }
        for anchor in rows {
            explainer.explain(anchor, None).expect("an explanation").to_string();
        }
    }
}

/// The first list that is not the expected one, and that one.
pub fn differing(found: &[Line], expected: &[Line]) -> Option<(Option<Line>, Option<Line>)> {
    let mut lists = (0..found.len().max(expected.len())).map(|at| (found.get(at), expected.get(at)));
    let (found, expected) = lists.find(|(found, expected)| found != expected)?;
    Some((found.cloned(), expected.cloned()))
}

/// What the engines see of a shop, its further vectors too.
pub fn contract(shop: &OracleShop, folder: &Path) -> (Gallery, Plan) {
    let mut night = Night::prepare(shop, folder);
    night.hang(shop);
    if let Some(wanted) = night.config.duplicates {
        night.prepared.plan.list_duplicates(wanted.min_similarity, wanted.limit);
    }
    (night.prepared.gallery, night.prepared.plan)
}

/// A night up to the engine, and the lists without publication.
pub struct Night {
    pub config: Config,
    prepared: Prepared,
}

impl Deref for Night {
    type Target = Prepared;

    fn deref(&self) -> &Prepared {
        &self.prepared
    }
}

impl Night {
    pub fn prepare(shop: &OracleShop, folder: &Path) -> Night {
        let config = write(shop, folder, 1);
        Night { prepared: Prepared::read(&config).expect("a night"), config }
    }

    /// Gives products their further vectors, as several images of them do: a column has one a product.
    pub fn hang(&mut self, shop: &OracleShop) {
        let Prepared { catalog, plan, gallery, .. } = &mut self.prepared;
        if shop.products.iter().all(|product| product.further_vectors.is_empty()) {
            return;
        }
        let mut starts = vec![0];
        let mut all: Vec<Vec<f32>> = Vec::new();
        for (product, read) in shop.products.iter().zip(&catalog.products) {
            assert_eq!(product.id, read.id, "every product was read");
            all.extend(product.vector.iter().chain(&product.further_vectors).cloned());
            starts.push(all.len());
        }
        let mut vectors = Vectors::new(gallery.matrix().dimension(), all.len());
        all.iter().enumerate().for_each(|(place, view)| vectors.insert(place, view).expect("finite and not zero"));
        *gallery = Gallery::arrange(vectors.gather_all(&starts), plan.seen_products());
    }

    /// The id of every row.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.plan.products.iter().map(|&product| self.catalog.products[product].id.as_str())
    }

    /// The lists of the products whose ids are wanted, by id, then rule.
    pub fn lines(&self, found: &Found, wanted: impl Fn(&str) -> bool) -> Vec<Line> {
        let recommender = self.recommender(&self.config, found);
        let id = |&row: &usize| self.catalog.products[self.plan.products[row]].id.as_str();
        let count = |count: usize| i64::try_from(count).expect("few entries");
        let mut lines = Vec::new();
        for &anchor in recommender.anchors().iter().filter(|row| wanted(id(row))) {
            for served in recommender.serve(anchor).expect("no list is short without a reason") {
                let entry = |listed: &Listed| {
                    let Ranked { candidate, similarity, score } = listed.ranked;
                    let gain = recommender.gain(served.rule, anchor, candidate as usize);
                    LineEntry {
                        id: id(&(candidate as usize)).to_owned(),
                        similarity: similarity.map(f32::to_bits),
                        score: score.map(f32::to_bits),
                        origin: listed.origin.as_str().to_owned(),
                        margin_gain: gain.map(|gain| Decimal::new(gain.units(), 4)),
                    }
                };
                lines.push(Line {
                    product: id(&anchor).to_owned(),
                    rule: self.config.rules[served.rule].name.clone(),
                    eligible: i64::from(served.eligible),
                    returned: count(served.entries.len()),
                    reason: served.shortfall.map(|reason| reason.as_str().to_owned()),
                    pinned: count(served.count(Origin::Pin)),
                    fallback: count(served.count(Origin::Fallback)),
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
    let flags = Flags { run_date: Some(shop.run_date), threads: Some(threads), ..Flags::default() };
    let args = JobArgs { config: Some(folder.join("twinset.toml")), flags };
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

/// The table of duplicates, in the order of its file.
pub fn alike(out: &Path) -> Vec<OracleDuplicate> {
    let read = |row: &Row| OracleDuplicate {
        product: string(row, "product_id").expect("required"),
        rank: usize::try_from(number(row, "rank")).expect("positive"),
        duplicate: string(row, "duplicate_id").expect("required"),
        similarity: float(row, "similarity").expect("required"),
        identical: *field(row, "identical") == Field::Bool(true),
        cluster: string(row, "cluster_id").expect("required"),
    };
    rows(out, "duplicates").iter().map(read).collect()
}

/// The evaluator's placements by product, then placement, then slot.
fn in_order(mut placed: Vec<OraclePlaced>) -> Vec<OraclePlaced> {
    placed.sort_by(|a, b| (&a.product, &a.placement, a.slot).cmp(&(&b.product, &b.placement, b.slot)));
    placed
}
