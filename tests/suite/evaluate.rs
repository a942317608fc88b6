//! `twinset evaluate` as a user runs it: a small shop, and Luma with the links that its people made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::run::{text, twinset};
use crate::shops::shops;

/// Twelve products in two categories, in pairs that look alike: `t0` and `w0` point the same way, and so on.
fn shop(folder: &Path) {
    let mut products = String::new();
    for pair in 0..6_usize {
        for (kind, category) in [("t", "Women/Tops"), ("w", "Women/Watches")] {
            let mut vector = [0.0; 6];
            vector[pair] = 1.0;
            vector[(pair + 1) % 6] = 0.25;
            let line = format!(
                "{{\"id\":\"{kind}{pair}\",\"category\":\"{category}\",\"price\":\"{}.00\",\"currency\":\"USD\",\
                 \"embedding\":{vector:?}}}",
                20 + pair
            );
            writeln!(products, "{line}").expect("text");
        }
    }
    std::fs::write(folder.join("p.jsonl"), products).expect("written");
    let rules = "[catalog]\npath = 'p.jsonl'\n[embedding]\nkind = 'column'\n\
        [[rule]]\nname = 'goes_with'\nrelation = 'cross_sell'\ncandidates = 'other_category'\nlimit = 4\n\
        [[rule]]\nname = 'alike'\nrelation = 'similar'\ncandidates = 'same_category'\nlimit = 4\n";
    std::fs::write(folder.join("twinset.toml"), rules).expect("written");
}

/// A run that must succeed; what it prints.
fn evaluate(folder: &Path, args: &[&str]) -> String {
    let all: Vec<&str> = ["evaluate", "--run-date", "2026-11-22"].iter().chain(args).copied().collect();
    let output = twinset(&all, folder);
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "twinset {all:?}: {log}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let all: Vec<&str> = args.iter().chain(&["--json"]).copied().collect();
    serde_json::from_str(&evaluate(folder, &all)).expect("JSON")
}

/// One figure of one rule, without its interval.
fn value(evaluation: &Value, rule: &str, path: &[&str]) -> f64 {
    let rules = evaluation["rules"].as_array().expect("rules");
    let rule = rules.iter().find(|one| one["rule"] == rule).expect(rule);
    path.iter().fold(rule, |at, key| &at[key])["value"].as_f64().expect("a figure")
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

const LINKS: &str = "product,linked_product,kind\nt0,w0,crosssell\nt1,w1,cross-sell\nw2,t2,Cross Sell\nt3,w5,crosssell\n\
    t0,t1,related\nt0,t0,related\nt0,gone,crosssell\nt4,w4,spare part\n";

#[test]
fn links_are_measured_by_relation_and_twice_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path());
    std::fs::write(folder.path().join("links.csv"), LINKS).expect("written");
    let args = ["--links", "links.csv", "--k", "1"];
    let figures = json(folder.path(), &args);
    let read = &figures["read"];
    for (count, expected) in [("rows", 8), ("links", 5), ("own", 1), ("unknown", 1), ("unknown_kind", 1)] {
        assert_eq!(read[count], expected, "{count}: {read}");
    }
    // Three of four cross-sells are what looks alike in the other category; of its six products one is linked.
    assert!(near(value(&figures, "goes_with", &["hit", "found"]), 0.75), "{figures}");
    assert!(near(value(&figures, "goes_with", &["hit", "ceiling"]), 1.0));
    assert!(near(value(&figures, "goes_with", &["hit", "random"]), 1.0 / 6.0));
    // Tops are linked with watches and the other way round: 6 of the 11 other products.
    assert!(near(value(&figures, "goes_with", &["category_pairs", "chance"]), 6.0 / 11.0));
    assert!(near(value(&figures, "goes_with", &["category_pairs", "lift"]), 11.0 / 6.0));
    assert_eq!(figures["rules"][1]["sources"], 1, "the one related link is of the rule for what is similar");
    let again = ["--links", "links.csv", "--k", "1", "--threads", "1"];
    assert_eq!(evaluate(folder.path(), &args), evaluate(folder.path(), &again));
    assert_eq!(figures, json(folder.path(), &again));
    let kinds = ["--links", "links.csv", "--kind", "related=cross_sell", "--kind", "spare_part=cross_sell"];
    let figures = json(folder.path(), &[&kinds[..], &["--rule", "goes_with"]].concat());
    assert_eq!((&figures["rules"][0]["links"], figures["rules"].as_array().map(Vec::len)), (&Value::from(6), Some(1)));
    assert!(!folder.path().join("out/recommendations").exists(), "nothing is published");
}

#[test]
fn orders_count_from_the_day_after_the_run_date() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path());
    let orders = "order_id,product_id,date\n1,t0,2026-11-22\n1,w5,2026-11-22\n2,t0,2026-11-23\n2,w0,2026-11-23\n2,t1,2026-11-23\n";
    std::fs::write(folder.path().join("orders.csv"), orders).expect("written");
    let figures = json(folder.path(), &["--orders", "orders.csv", "--k", "1"]);
    assert_eq!((&figures["read"]["orders"], &figures["read"]["links"]), (&Value::from(1), &Value::from(6)));
    assert!(near(value(&figures, "goes_with", &["hit", "found"]), 2.0 / 3.0), "t1 was bought with w0, not w1");
    let all = json(folder.path(), &["--orders", "orders.csv", "--since", "2026-11-01"]);
    assert_eq!((&all["read"]["orders"], &all["read"]["overlap"]), (&Value::from(2), &Value::from(false)));
    // Complements that are learned from the same days are cautioned against; the columns are called as under `[orders]`.
    let rules = std::fs::read_to_string(folder.path().join("twinset.toml")).expect("written above");
    let learn = format!("{rules}[orders]\npath = 'orders.csv'\ncolumns = {{ product_id = 'sku' }}\n");
    std::fs::write(folder.path().join("learn.toml"), learn).expect("written");
    std::fs::write(folder.path().join("orders.csv"), orders.replace("product_id", "sku")).expect("written");
    let all = json(folder.path(), &["learn.toml", "--orders", "orders.csv", "--since", "2026-11-01"]);
    assert_eq!(all["read"]["overlap"], true);
    let later = json(folder.path(), &["learn.toml", "--orders", "orders.csv"]);
    assert_eq!(later["read"]["overlap"], false);
}

#[test]
fn what_cannot_be_measured_is_one_line_and_exit_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path());
    for (name, content) in [
        ("links.csv", LINKS),
        ("odd.csv", "product,other\nt0,w0\n"),
        ("foreign.csv", "product,linked_product\nX1,X2\nt0,X2\n"),
        ("orders.csv", "order_id,product_id,date\n1,t0,2026-11-20\n"),
    ] {
        std::fs::write(folder.path().join(name), content).expect("written");
    }
    for (args, says) in [
        (&["--links", "missing.csv"][..], "links `missing.csv` does not exist: check `--links`"),
        (&["--links", "odd.csv"], "has no column `linked_product`"),
        (&["--links", "foreign.csv"], "2 rows, 2 name a product that is not in it, for example `X1`"),
        (&["--links", "links.csv", "--rule", "upsell"], "write one of `goes_with`, `alike`"),
        (&["--orders", "orders.csv"], "no order on or after 2026-11-23, the last is of 2026-11-20"),
        (&["--orders", "missing.csv"], "orders `missing.csv` does not exist: check `--orders`"),
        (&["--links", "links.csv", "--orders", "orders.csv"], "cannot be used with"),
        (&["--k", "4"], "--links"),
    ] {
        let all: Vec<&str> = ["evaluate", "--run-date", "2026-11-22"].iter().chain(args).copied().collect();
        let output = twinset(&all, folder.path());
        let log = String::from_utf8_lossy(&output.stderr);
        let line = log.lines().last().unwrap_or_default();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{args:?}: {log}");
        assert!(line.starts_with("error: ") && line.contains(says), "{args:?}: {line}");
    }
}

#[test]
#[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
fn lumas_upsells_are_nearly_all_that_its_rule_allows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shop = shops().join("magento_luma").canonicalize().expect("the shop is there");
    let (catalog, links) = (shop.join("products.csv"), shop.join("links.csv"));
    let args = ["--catalog", text(&catalog), "--links", text(&links)];
    println!("{}", evaluate(folder.path(), &args));
    let figures = json(folder.path(), &args);
    let hit = |of: &str| value(&figures, "upsell", &["hit", of]);
    assert!(hit("found") >= 0.98 * hit("ceiling"), "{} of {}", hit("found"), hit("ceiling"));
    let map = |of: &str| value(&figures, "upsell", &["map", of]);
    assert!(map("random") <= map("ceiling") && map("found") <= map("ceiling"));
}

/// Half of the cross-sell links that the shop's people made, each as an order of two lines, teach what goes with what; the other half
/// measures it: of each product's links the first, third and so on are learned from.
#[test]
#[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
fn half_of_lumas_cross_sell_links_teach_the_categories_of_the_other_half() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shop = shops().join("magento_luma").canonicalize().expect("the shop is there");
    let all = std::fs::read_to_string(shop.join("links.csv")).expect("the links");
    let (mut orders, mut rest) = ("order_id,product_id\n".to_owned(), "product,linked_product,kind\n".to_owned());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, link) in all.lines().filter(|line| line.ends_with(",crosssell")).enumerate() {
        let (from, to) = link.split_once(',').expect("three columns");
        let place = seen.entry(from).or_default();
        if place.is_multiple_of(2) {
            let to = to.trim_end_matches(",crosssell");
            write!(orders, "{number},{from}\n{number},{to}\n").expect("text");
        } else {
            writeln!(rest, "{link}").expect("text");
        }
        *place += 1;
    }
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("orders.csv", &orders);
    write("rest.csv", &rest);
    write("learned.toml", "[orders]\npath = 'orders.csv'\n");
    let catalog = shop.join("products.csv");
    let measure = |config: &[&str]| {
        let args = [config, &["--catalog", text(&catalog), "--links", "rest.csv"]].concat();
        println!("{}", evaluate(folder.path(), &args));
        json(folder.path(), &args)
    };
    let lift = |figures: &Value| value(figures, "cross_sell", &["category_pairs", "lift"]);
    let (learned, siblings) = (measure(&["learned.toml"]), measure(&[]));
    println!("category pairs against chance: {} learned, {} siblings", lift(&learned), lift(&siblings));
    assert!(lift(&learned) >= 3.0, "{}", lift(&learned));
}
