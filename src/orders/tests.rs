//! Learned maps computed by hand, and files that try to mislead.

use std::collections::BTreeSet;

use super::*;
use crate::catalog::Product;
use crate::rules::categories::Categories;
use crate::rules::complements::{Complement, Complements, Targets};

fn settings(toml: &str) -> OrdersSettings {
    toml::from_str(&format!("path = 'x'\n{toml}")).expect(toml)
}

/// A catalog of products with their groups and categories; an empty text is none.
fn catalog(products: &[(&str, &str, &str)]) -> Catalog {
    let product = |(row, &(id, group, category)): (u64, &(&str, &str, &str))| Product {
        row,
        id: id.to_owned(),
        title: None,
        category: Category::parse(category),
        price: None,
        currency: None,
        image: None,
        further_images: Box::default(),
        group: (!group.is_empty()).then(|| group.to_owned()),
        margin: None,
        in_stock: true,
        in_season: true,
        attributes: Vec::new(),
    };
    Catalog { products: (1..).zip(products).map(product).collect(), ..Catalog::default() }
}

/// Three rings, two earrings, two chains and something without a category.
fn jewelry() -> Catalog {
    catalog(&[
        ("r1", "", "Rings"),
        ("r2", "g", "Rings"),
        ("e1", "", "Earrings"),
        ("e2", "g", "Earrings"),
        ("c1", "", "Chains"),
        ("c2", "h", "Chains"),
        ("r3", "h", "Rings"),
        ("x", "", ""),
    ])
}

fn learned(catalog: &Catalog, toml: &str, lines: &str) -> Learned {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.csv");
    std::fs::write(&path, lines).unwrap();
    let settings = OrdersSettings { path, ..settings(toml) };
    learn(&settings, catalog, day("2026-11-22").unwrap(), &Progress::hidden()).unwrap()
}

/// Orders as lists of products, numbered from 1.
fn orders(of: &[&[&str]]) -> String {
    let mut lines = vec!["order_id,product_id".to_owned()];
    for (number, products) in (1..).zip(of) {
        lines.extend(products.iter().map(|product| format!("{number},{product}")));
    }
    lines.join("\n")
}

/// `Rings: Earrings 0.3691, ...`, a line a category.
fn short(learned: &Learned) -> String {
    let mut lines = Vec::new();
    for (category, all) in &learned.by_category {
        let all: Vec<String> = all.iter().map(|b| format!("{} {:.4}", b.category, b.weight)).collect();
        lines.push(format!("{category}: {}", all.join(", ")));
    }
    lines.join("\n")
}

#[test]
fn a_small_shop_is_learned_as_by_hand() {
    // Of 4 orders 2 have a ring and an earring, 1 a ring and a chain: rings are beside something 3 times, earrings 2, of 6.
    let lines = orders(&[&["r1", "e1"], &["r1", "e1"], &["r1", "c1"], &["c1"]]);
    let found = learned(&jewelry(), "shrinkage = 1", &lines);
    let [bought] = &found.by_category[&Category::parse("Rings").unwrap()][..] else { panic!("{found:?}") };
    assert_eq!((bought.orders, bought.support), (2, 0.5));
    assert!((bought.lift - 1.5).abs() < 1e-15, "(2 + 1) / (3 · 2 / 6 + 1)");
    assert!((bought.weight - 0.369_070_246_428_542_6).abs() < 1e-15, "ln 1.5 / ln 3");
    assert_eq!(short(&found), "Earrings: Rings 0.3691\nRings: Earrings 0.3691");
    assert_eq!((found.orders, found.lines, found.digest), (4, 7, blake3::hash(lines.as_bytes())));
    // Twice as often as chance would have it, without shrinkage: ln 2 / ln 3 and ln 2 / ln 6.
    let found = learned(&jewelry(), "shrinkage = 0\nmin_orders = 1", &lines);
    assert_eq!(short(&found), "Chains: Rings 0.3869\nEarrings: Rings 0.6309\nRings: Earrings 0.6309, Chains 0.3869");
    let found = learned(&jewelry(), "", &lines);
    assert_eq!(short(&found), "Earrings: Rings 0.1403\nRings: Earrings 0.1403", "ln (7 / 6) / ln 3");
    assert_eq!(short(&learned(&jewelry(), "min_orders = 3", &lines)), "");
}

#[test]
fn what_is_only_bought_together_weighs_one() {
    for count in [1, 2, 7] {
        let lines = orders(&vec![&["r1", "e1"][..]; count]);
        let found = learned(&jewelry(), "min_orders = 1\nshrinkage = 0", &lines);
        assert_eq!(short(&found), "Earrings: Rings 1.0000\nRings: Earrings 1.0000");
        assert_eq!(found.orders, count as u64);
    }
    // Two categories that only come together: no rounding takes the weight above 1, or to what is not a number.
    for others in 1..60 {
        let mut of = vec![&["r1", "e1"][..]; 7];
        of.extend(vec![&["x"][..]; others]);
        let found = learned(&jewelry(), "shrinkage = 0", &orders(&of));
        assert_eq!(short(&found), "Earrings: Rings 1.0000\nRings: Earrings 1.0000");
        assert!(found.by_category.values().flatten().all(|bought| bought.weight <= 1.0));
    }
    assert_eq!(short(&learned(&jewelry(), "", "order_id,product_id\n")), "", "no order at all");
}

#[test]
fn a_group_is_bought_once_with_the_category_of_its_first_row() {
    // `e2` is a variant of the ring `r2`, and `r3` of the chain `c2`.
    let found =
        learned(&jewelry(), "shrinkage = 0", &orders(&[&["r2", "e2"], &["e2", "r3"], &["e2", "c2", "r3"], &["x"]]));
    assert_eq!(short(&found), "Chains: Rings 1.0000\nRings: Chains 1.0000", "neither is beside anything else");
    // The first row decides, also where it has no category.
    let first = catalog(&[("a", "g", ""), ("b", "g", "Rings"), ("c", "", "Chains")]);
    let found = learned(&first, "min_orders = 1", &orders(&[&["b", "c"], &["b"], &["c"]]));
    assert_eq!((short(&found).as_str(), found.orders), ("", 3));
}

#[test]
fn orders_need_not_be_sorted_nor_sound() {
    let lines = "order_id,product_id\n\
        a,r1\nb,r1\na,nowhere\nb,r1\nc,c1\na,e1\nb,e1\nwhole,r1\n,r1\nwhole,c1\nc,\nwhole,no1\nwhole,no2\nwhole,r1\n\
        strange,no3\nshort\nd,x\nlong,r1\nlong,r1\nlong,r1\nlong,r1\nlong,r1\n c ,r1\n";
    let found = learned(&jewelry(), "shrinkage = 1\nmax_lines = 4", lines);
    // `a` and `b` have a ring and an earring, `c` a ring and a chain, `d` nothing that has a category. `whole` and `long` have
    // five lines.
    assert_eq!(short(&found), "Earrings: Rings 0.3691\nRings: Earrings 0.3691");
    let counts = (found.orders, found.skipped_long, found.without_products, found.undated, found.outside);
    assert_eq!(counts, (4, 2, 1, 0, 0));
    assert_eq!((found.lines, found.unknown_lines, found.incomplete_lines), (23, 4, 3));
    assert_eq!(learned(&jewelry(), "shrinkage = 1\nmax_lines = 5", lines).orders, 6);
    // The order of the lines decides nothing.
    let (header, rest) = lines.split_once('\n').unwrap();
    let mut reversed: Vec<&str> = rest.lines().rev().collect();
    reversed.insert(0, header);
    let other = learned(&jewelry(), "shrinkage = 1\nmax_lines = 4", &reversed.join("\n"));
    assert_eq!(Learned { digest: found.digest, ..other }, found);
}

#[test]
fn the_look_back_has_two_ends() {
    let lines = "order_id;product_id;created_at\n\
        first;r1;2026-11-12T00:00:00+02:00\nfirst;e1;\nlast;r1;\nlast;e1;2026-11-22 23:59\nlast;e1;2026-11-30\n\
        early;r1;2026-11-11\nearly;e1;2026-11-12\nlate;e1;2026-11-23\nundated;r1;soon\nundated;e1;2026-11-31\n\
        chain;c1;2026-11-15\nring;r1;2026-11-15\n";
    let columns = "columns = { date = 'created_at' }\nshrinkage = 1\n";
    let found = learned(&jewelry(), &format!("look_back = 10\n{columns}"), lines);
    assert_eq!((found.orders, found.outside, found.undated), (4, 2, 1));
    assert_eq!(short(&found), "Earrings: Rings 0.5850\nRings: Earrings 0.5850");
    let all = learned(&jewelry(), columns, lines);
    assert_eq!((all.orders, all.outside, all.undated), (7, 0, 0));
    assert_eq!(learned(&jewelry(), &format!("look_back = 4294967295\n{columns}"), lines).outside, 1);
    // A look-back needs dates, and says so.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.csv");
    std::fs::write(&path, "order_id,product_id\n1,r1\n").unwrap();
    let settings = OrdersSettings { path, ..settings("look_back = 1") };
    let cause = learn(&settings, &jewelry(), day("2026-11-22").unwrap(), &Progress::hidden()).unwrap_err();
    assert!(cause.exit_code() == 2 && cause.to_string().contains("no column `date`"), "{cause}");
}

#[test]
fn the_strongest_are_kept_and_names_settle_ties() {
    let shop = catalog(&[("a", "", "A"), ("b", "", "B"), ("d", "", "D"), ("c", "", "C"), ("x", "", "X")]);
    let of: Vec<&[&str]> = [vec![&["a", "d", "b", "c"][..]; 3], vec![&["a", "d"], &["x"], &["x"]]].concat();
    let found = learned(&shop, "shrinkage = 0\nstrongest = 2", &orders(&of));
    assert_eq!(
        short(&found),
        "A: D 0.1860, B 0.0931\nB: C 0.1346, A 0.0931\nC: B 0.1346, A 0.0931\nD: A 0.1860, B 0.0931"
    );
}

/// The definition once more, over texts: per category its complements with their weights.
fn naive(of: &[Vec<&str>], category_of: &BTreeMap<&str, &str>, k: f64) -> BTreeMap<String, Vec<(String, f64)>> {
    let sets: Vec<BTreeSet<&str>> = of.iter().map(|ids| ids.iter().map(|id| category_of[id]).collect()).collect();
    let names: BTreeSet<&str> = category_of.values().copied().collect();
    let having =
        |wanted: &[&str]| sets.iter().filter(|set| wanted.iter().all(|name| set.contains(name))).count() as f64;
    let beside = |a: &str| names.iter().filter(|b| **b != a).map(|b| having(&[a, b])).sum::<f64>();
    let n = names.iter().map(|a| beside(a)).sum::<f64>();
    let mut map = BTreeMap::new();
    for a in &names {
        let mut all = Vec::new();
        for b in names.iter().filter(|b| *b != a) {
            let both = having(&[a, b]);
            let lift = (both + k) / (beside(a) * beside(b) / n + k);
            if both >= 2.0 && lift > 1.0 {
                all.push(((*b).to_owned(), (libm::log(lift) / -libm::log(both / n)).min(1.0)));
            }
        }
        all.sort_by(|x, y| y.1.total_cmp(&x.1).then_with(|| x.0.cmp(&y.0)));
        all.truncate(5);
        if !all.is_empty() {
            map.insert((*a).to_owned(), all);
        }
    }
    map
}

#[test]
fn many_orders_are_learned_as_the_definition_says() {
    let names = ["A", "B", "C/D", "C/E", "F", "G", "H", "I"];
    let ids: Vec<String> = (0..40).map(|id| format!("p{id}")).collect();
    let products: Vec<_> = ids.iter().enumerate().map(|(at, id)| (id.as_str(), "", names[at % 8])).collect();
    let category_of: BTreeMap<&str, &str> = products.iter().map(|&(id, _, name)| (id, name)).collect();
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for count in [3, 20, 400] {
        // What lies close together in the catalog is bought together.
        let mut order = || -> Vec<&str> {
            let near = draw(40);
            (0..=draw(5)).map(|_| ids[(near + draw(3)) as usize % 40].as_str()).collect()
        };
        let of: Vec<Vec<&str>> = (0..count).map(|_| order()).collect();
        let lines = orders(&of.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let found = learned(&catalog(&products), "shrinkage = 0.5", &lines);
        let all = |(category, all): (&Category, &Vec<(Category, f64)>)| {
            (category.to_string(), all.iter().map(|(other, weight)| (other.to_string(), *weight)).collect())
        };
        let found: BTreeMap<String, Vec<(String, f64)>> = found.weights().iter().map(all).collect();
        assert_eq!(found, naive(&of, &category_of, 0.5));
        assert!(count < 20 || !found.is_empty());
    }
}

#[test]
fn the_text_can_be_pasted() {
    let odd = ["Sale*", "Sales", "**", "A\"b\\*", "[x]/{y}?", "tab\there\nand\u{7f}", "é\\", "Rings"];
    let products: Vec<_> = odd.iter().map(|&name| (name, "", name)).collect();
    let mut lines = String::from("order_id,product_id\n");
    for (number, (a, b)) in odd.iter().zip(odd.iter().cycle().skip(1)).cycle().take(20).enumerate() {
        let quoted = |id: &str| format!("\"{}\"", id.replace('"', "\"\""));
        lines.extend([a, b].map(|id| format!("{number},{}\n", quoted(id))));
    }
    let shop = catalog(&products);
    let found = learned(&shop, "shrinkage = 0.3", &lines);
    let text = found.to_toml();
    let pasted: BTreeMap<String, BTreeMap<String, Targets>> = toml::from_str(&text).expect(&text);
    let keys = pasted["complements"].clone().into_iter();
    let configured: Vec<_> = keys.map(|(key, targets)| Complement::new(&key, targets).expect(&text)).collect();
    assert_eq!(configured.len(), odd.len());
    let categories = Categories::new(shop.products.iter().filter_map(|product| product.category.as_ref()));
    let weights = |complements: &Complements| {
        let weights = categories.complement_weights(complements);
        let all = (0..8).flat_map(|a| (0..8).map(move |b| (a, b)));
        all.map(|(a, b)| weights.weight(a, b).to_bits()).collect::<Vec<u64>>()
    };
    let pasted = weights(&Complements { configured, ..Complements::default() });
    assert_eq!(pasted, weights(&Complements { learned: found.weights(), ..Complements::default() }));
    assert!(text.contains("\n# Rings: é\\ (2 orders, support 0.1000, lift "), "{text}");
    assert_eq!(learned(&shop, "", "order_id,product_id\n").to_toml().parse::<toml::Table>().unwrap().len(), 1);
}

#[test]
fn settings_have_defaults_and_bounds() {
    let plain = settings("");
    assert_eq!((plain.look_back, plain.min_orders, plain.max_lines), (None, 2, 50));
    assert_eq!((plain.shrinkage, plain.strongest, plain.columns.len()), (5.0, 5, 0));
    plain.validate().unwrap();
    settings("look_back = 1\nmin_orders = 1\nmax_lines = 1\nshrinkage = 0\nstrongest = 1").validate().unwrap();
    for key in [
        "look_back = 0",
        "min_orders = 0",
        "max_lines = 0",
        "strongest = 0",
        "shrinkage = -0.5",
        "shrinkage = inf",
        "shrinkage = nan",
    ] {
        let said = settings(key).validate().unwrap_err().to_string();
        let name = key.split(' ').next().unwrap();
        assert!(said.contains(name) && said.contains("`[orders]`") && !said.contains('\n'), "{said}");
    }
    let unknown = toml::from_str::<OrdersSettings>("path = 'x'\nlookback = 3").unwrap_err();
    assert!(unknown.message().contains("unknown field `lookback`"), "{unknown}");
    let json = serde_json::to_value(&plain).unwrap();
    assert!(json.get("path").is_none() && json["max_lines"] == 50);
}
