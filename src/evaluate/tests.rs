//! A whole evaluation of a small shop, against figures computed by hand.

use std::fmt::Write as _;

use super::links::LinkFile;
use super::truth::Truth;
use super::*;
use crate::cli::{Flags, JobArgs};
use crate::merchandising::{Action, Decision, Merchandising};

/// Id, category, price, group, whether in stock, vector.
type Row = (&'static str, &'static str, u32, &'static str, bool, [f32; 2]);

/// Beside `a` the most similar of its category are b, c2 and d.
const PRODUCTS: [Row; 8] = [
    ("a", "A/x", 10, "", true, [1.0, 0.0]),
    ("b", "A/x", 20, "", true, [0.9, 0.1]),
    ("c1", "A/x", 10, "c", true, [0.5, 0.5]),
    ("c2", "A/x", 30, "c", true, [0.8, 0.2]),
    ("d", "A/x", 40, "", true, [0.1, 0.9]),
    ("e", "A/x", 10, "", false, [1.0, 0.05]),
    ("f", "A/y", 10, "", true, [0.0, 1.0]),
    ("g", "B/z", 10, "", true, [0.0, 1.0]),
];

const CONFIG: &str = "[catalog]\npath = 'p.jsonl'\n[embedding]\nkind = 'column'\n\
    [[rule]]\nname = 'close'\nrelation = 'similar'\ncandidates = 'same_category'\nlimit = 3\n";

const LINKS: [[&str; 3]; 7] = [
    ["a", "c1", "related"],
    ["a", "f", ""],
    ["a", "e", ""],
    ["b", "a", ""],
    ["d", "f", ""],
    ["c1", "c2", ""],
    ["g", "a", "upsell"],
];

/// The figures of the one rule with k = 2.
fn figures(links: &[[&str; 3]], decisions: &[(&str, Action, &str)]) -> RuleFigures {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (id, category, price, group, in_stock, vector) in PRODUCTS {
        let group = if group.is_empty() { id } else { group };
        writeln!(
            text,
            "{{\"id\":\"{id}\",\"category\":\"{category}\",\"price\":\"{price}\",\"currency\":\"USD\",\"group_id\":\"{group}\",\
             \"in_stock\":{in_stock},\"embedding\":{vector:?}}}"
        )
        .unwrap();
    }
    std::fs::write(folder.path().join("p.jsonl"), text).unwrap();
    let path = folder.path().join("twinset.toml");
    std::fs::write(&path, CONFIG).unwrap();
    let date = NaiveDate::from_ymd_opt(2026, 11, 22);
    let config =
        Config::resolve(&JobArgs { config: Some(path), flags: Flags { run_date: date, ..Flags::default() } }).unwrap();
    let mut prepared = Prepared::read(&config).unwrap();
    let decision = |(row, &(product, action, recommended)): (u64, &(&str, Action, &str))| Decision {
        row,
        action,
        product: (!product.is_empty()).then(|| product.to_owned()),
        rule: None,
        recommended: recommended.to_owned(),
    };
    let decisions = (1..).zip(decisions).map(decision).collect();
    prepared.plan.merchandise(&prepared.catalog, &Merchandising { decisions, digest: None });
    let mut file = LinkFile::new("links".to_owned(), Kinds::new(&[]));
    for link in links {
        file.take(&link.map(Some));
    }
    let ids = prepared.plan.products.iter().map(|&product| prepared.catalog.products[product].id.as_str());
    let (truth, _) = Truth::new(PRODUCTS.len(), file.resolve(ids).0);
    let found = prepared.score().unwrap();
    let against = Against::Orders { path: PathBuf::new(), since: None };
    let question = Question { against, k: 2, rules: Vec::new(), resamples: 100 };
    let recommender = prepared.recommender(&config, &found);
    let mut all = measure::measure(&recommender, &truth, &[0], &question, &Progress::hidden()).unwrap();
    all.remove(0)
}

/// Whether lists, ceiling and random are these.
fn are(accuracy: Option<&Accuracy>, expected: [f64; 3]) -> bool {
    let accuracy = accuracy.unwrap();
    let found = [accuracy.found, accuracy.ceiling, accuracy.random].map(|estimate| estimate.value);
    println!("{found:?}, expected {expected:?}");
    found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12)
}

#[test]
fn a_small_shop_has_the_figures_that_a_hand_computes() {
    let rule = figures(&LINKS, &[]);
    // The upsell of g is of another relation. Of a the group c is found by its other variant, f and e are not eligible; b finds a;
    // neither d nor c1 may have what it is linked with. Each has three eligible entries.
    assert_eq!((rule.sources, rule.links), (4, 6));
    assert!(are(rule.hit.as_ref(), [1.0 / 2.0, 1.0 / 2.0, (2.0 / 3.0 + 2.0 / 3.0) / 4.0]));
    assert!(are(
        rule.recall.as_ref(),
        [(1.0 / 3.0 + 1.0) / 4.0, (1.0 / 3.0 + 1.0) / 4.0, (2.0 / 9.0 + 2.0 / 3.0) / 4.0]
    ));
    assert!(are(rule.map.as_ref(), [(0.25 + 1.0) / 4.0, (0.5 + 1.0) / 4.0, (0.25 + 0.5) / 4.0]));
    // A/x is linked with itself and with A/y, not with B/z.
    let pairs = rule.category_pairs.unwrap();
    assert_eq!(pairs.rate, Estimate { value: 1.0, low: 1.0, high: 1.0 });
    let chance = (3.0 * 5.0 / 6.0 + 4.0 / 5.0) / 4.0;
    assert!((pairs.chance.value - chance).abs() < 1e-12 && (pairs.lift.unwrap().value - 1.0 / chance).abs() < 1e-12);
    let few = [("few_eligible", 2.0 / 8.0)];
    let coverage =
        Coverage { lists: 8, full: 6.0 / 8.0, short: few.into(), mean_returned: 18.0 / 8.0, catalog: 4.0 / 6.0 };
    assert_eq!(rule.coverage, coverage);
    let ratios = rule.price_ratio.unwrap();
    assert_eq!((ratios.count, ratios.min, ratios.median, ratios.max), (18, 0.25, 40.0 / 30.0, 4.0));
    assert_eq!(rule.margin_gain, []);
}

#[test]
fn blocks_lower_the_ceiling_and_pins_may_exceed_it() {
    // Without d two entries are left beside a and b, and a random pick takes both. One variant of c is enough.
    let rule = figures(&LINKS, &[("", Action::Block, "d"), ("a", Action::Block, "c1")]);
    assert!(are(rule.hit.as_ref(), [0.5, 0.5, 0.5]));
    // Without both variants nothing that a is linked with is allowed; what is pinned is found all the same, at the first place.
    let pin = |position| Action::Pin { position };
    let blocked = [("a", Action::Block, "c1"), ("a", Action::Block, "c2"), ("a", pin(1), "f")];
    let rule = figures(&LINKS[..3], &blocked);
    assert_eq!(rule.sources, 1);
    assert!(are(rule.hit.as_ref(), [1.0, 0.0, 0.0]));
    assert!(are(rule.map.as_ref(), [0.5, 0.0, 0.0]));
    // Two variants of one product are one finding.
    let rule = figures(&[["g", "c1", ""]], &[("g", pin(1), "c1"), ("g", pin(2), "c2")]);
    assert!(are(rule.recall.as_ref(), [1.0, 0.0, 0.0]) && are(rule.map.as_ref(), [1.0, 0.0, 0.0]));
}

#[test]
fn a_rule_without_links_has_coverage_alone() {
    let rule = figures(&LINKS[6..], &[]);
    assert_eq!((rule.sources, rule.links, rule.coverage.lists), (0, 0, 8));
    assert!(rule.hit.is_none() && rule.map.is_none() && rule.category_pairs.is_none());
}

#[test]
fn nothing_is_learned_from_orders_that_are_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twinset.toml");
    std::fs::write(&path, format!("{CONFIG}[orders]\npath = 'o.csv'\n")).unwrap();
    let config = Config::resolve(&JobArgs { config: Some(path), ..JobArgs::default() }).unwrap();
    let look_back = |against: &Against| held_out(&config, against).orders.unwrap().look_back;
    // A look-back ends at the run date; without one every order is learned from.
    assert_eq!(look_back(&Against::Orders { path: PathBuf::new(), since: None }), Some(u32::MAX));
    assert_eq!(look_back(&Against::Links { path: PathBuf::new(), kinds: Kinds::new(&[]) }), None);
}
