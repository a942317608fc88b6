//! Small shops worked out by hand, so that the oracle itself is not taken on trust. Refuses any shop that does not fit on
//! a page.

mod finished;
mod pins;
mod wishes;

use super::category::{complements, department, matches};
use super::shop::*;
use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// A product in stock with a price in USD and the vector (cos, sin) of so many degrees.
fn product(id: &str, category: &str, price: &str, degrees: f64) -> OracleProduct {
    #[expect(clippy::cast_possible_truncation, reason = "test vectors")]
    let vector = vec![degrees.to_radians().cos() as f32, degrees.to_radians().sin() as f32];
    OracleProduct {
        id: id.to_owned(),
        category: (!category.is_empty()).then(|| category.to_owned()),
        price: (!price.is_empty()).then(|| dec(price)),
        vector: Some(vector),
        ..OracleProduct::default()
    }
}

fn rule(candidates: Candidates) -> OracleRule {
    OracleRule { candidates, ..OracleRule::default() }
}

/// The same products with one rule.
fn shop_of(products: &[OracleProduct], rule: &OracleRule) -> OracleShop {
    OracleShop::plain(products.to_vec(), vec![rule.clone()])
}

/// A product with one more attribute.
fn with(mut product: OracleProduct, name: &str, value: &str) -> OracleProduct {
    product.attributes.push((name.to_owned(), Some(value.to_owned())));
    product
}

/// The ids of a list.
fn ids(list: &OracleList) -> Vec<&str> {
    list.entries.iter().map(|entry| entry.id.as_str()).collect()
}

/// The list of one product under one rule.
fn list_of<'a>(lists: &'a [OracleList], product: &str, rule: &str) -> &'a OracleList {
    lists.iter().find(|list| list.product == product && list.rule == rule).expect("a list")
}

/// The first product's list: ids, eligible and reason.
fn first(products: &[OracleProduct], rule: &OracleRule) -> (Vec<String>, usize, Option<&'static str>) {
    let list = evaluate(&shop_of(products, rule)).swap_remove(0);
    assert_eq!(list.returned, list.entries.len());
    (list.entries.into_iter().map(|entry| entry.id).collect(), list.eligible, list.reason)
}

fn in_group(mut product: OracleProduct, group: &str) -> OracleProduct {
    product.group = Some(group.to_owned());
    product
}

#[test]
fn globs() {
    for (glob, path, expected) in [
        ("A/**", "A", true),
        ("A/**", "A/b/c", true),
        ("A/**", "Ab", false),
        ("A/*", "A", false),
        ("A/*", "A/b", true),
        ("A/*", "A/b/c", false),
        ("**/c", "c", true),
        ("**/c", "A/b/c", true),
        ("A/**/c", "A/c", true),
        ("A/**/c", "A/b/d", false),
        ("**", "A/b", true),
        ("*", "A/b", false),
        ("A/b", "A", false),
    ] {
        assert_eq!(matches(glob, path), expected, "{glob} on {path}");
    }
}

#[test]
fn departments_and_siblings() {
    let nested = ["W/Tops/Tees", "W/Tops/Tanks", "W/Bottoms/Pants", "G/Bags", "G/Watches"];
    assert_eq!((department("W/Tops/Tees", &nested), department("G", &nested)), ("W", "G"));
    assert_eq!(department("Bags", &["Bags", "Hats"]), "");
    let sibling = |own, other| complements(own, &nested, &[], &[])(other) == Some(0.0);
    assert!(sibling("W/Tops/Tees", "W/Bottoms/Pants"));
    assert!(!sibling("W/Tops/Tees", "W/Tops/Tanks"), "another parent exists");
    assert!(sibling("G/Bags", "G/Watches"), "one parent only: the other categories");
    assert!(!sibling("G/Bags", "G/Bags") && !sibling("G/Bags", "W/Tops/Tees"));
    assert!(complements("Bags", &["Bags", "Hats"], &[], &[])("Hats").is_some());
}

#[test]
fn the_map_comes_before_orders_and_orders_before_siblings() {
    let nested = ["W/Tops/Tees", "W/Tops/Tanks", "W/Bottoms/Pants", "G/Bags", "G/Watches"];
    let value = |glob: &str, weight| (glob.to_owned(), weight);
    let map = [
        ("W/Tops/*".to_owned(), vec![value("G/Bags", 0.5), value("G/*", 0.25)]),
        ("**/Tees".to_owned(), vec![value("W/Tops/*", 1.0), value("G/Watches", 0.75)]),
    ];
    let bought = [("G/Bags", 0.125)];
    let weight = |own, other| complements(own, &nested, &map, &bought)(other);
    assert_eq!(weight("W/Tops/Tees", "G/Bags"), Some(0.5), "the highest of the globs of one key");
    assert_eq!(weight("W/Tops/Tees", "G/Watches"), Some(0.75), "and of two keys");
    assert_eq!(weight("W/Tops/Tees", "W/Tops/Tanks"), Some(1.0));
    assert_eq!(weight("W/Tops/Tanks", "W/Bottoms/Pants"), None, "a key matches, so neither orders nor siblings");
    assert_eq!(weight("W/Bottoms/Pants", "G/Bags"), Some(0.125), "no key matches");
    assert_eq!(weight("W/Bottoms/Pants", "W/Tops/Tees"), None, "orders leave no siblings");
}

#[test]
fn siblings_come_from_the_whole_catalog_in_stock_or_not() {
    let mut shop = [product("a", "W/x/1", "5", 0.0), product("b", "W/x/2", "5", 0.0), product("c", "W/y/3", "5", 0.0)];
    shop[2].in_stock = false;
    assert_eq!(first(&shop, &rule(Candidates::Complement)), (vec![], 0, Some("few_eligible")));
}

#[test]
fn vectors() {
    assert_eq!(score::unit(&[3.0, 4.0]), Some(vec![0.6, 0.8]));
    assert_eq!((score::unit(&[0.0, 0.0]), score::unit(&[1.0, f32::NAN])), (None, None));
    let x = score::unit(&[1.0; 10]).expect("a direction");
    assert!((score::canonical(&x, &x) - 1.0).abs() <= f32::EPSILON);
    // Nine elements: the first and the ninth share a sum, so the large ones cancel before the small one is added.
    let (x, y) = ([1e30, 0.0, 0.0, 0.0, 1e-9, 0.0, 0.0, 0.0, -1e30], [1.0; 9]);
    assert!((f64::from(score::canonical(&x, &y)) - 1e-9).abs() < 1e-16);
}

#[test]
fn order_is_likeness_then_id() {
    let shop = [
        product("m", "A", "1", 0.0),
        product("10", "A", "1", 30.0),
        product("9", "A", "1", 30.0),
        product("far", "A", "1", 90.0),
        product("twin", "A", "1", 0.0),
    ];
    let (ids, ..) = first(&shop, &rule(Candidates::SameCategory));
    assert_eq!(ids, ["twin", "10", "9", "far"]);
}

#[test]
fn price_bounds_are_exact() {
    let mut shop = vec![product("a", "A", "9.99", 0.0)];
    for price in ["10.4894", "10.4895", "10.4896", "9.99", "9.9901", ""] {
        shop.push(product(price, "A", price, 0.0));
    }
    let mut band = rule(Candidates::SameCategory);
    let mut allowed = |above, from, up_to, below| {
        band.price_ratio = Bounds { above, from, up_to, below };
        first(&shop, &band).0
    };
    let (one, top) = (Some(dec("1.0")), Some(dec("1.05")));
    assert_eq!(allowed(one, None, top, None), ["10.4894", "10.4895", "9.9901"]);
    assert_eq!(allowed(None, one, None, top), ["10.4894", "9.99", "9.9901"]);
    band.price_ratio = Bounds::default();
    band.price.from = Some(dec("10.4895"));
    assert_eq!(first(&shop, &band).0, ["10.4895", "10.4896"]);
}

#[test]
fn what_the_anchor_lacks_comes_in_order() {
    let mut band = rule(Candidates::SameDepartment);
    band.price.from = Some(dec("1"));
    band.must_match = vec!["gender".to_owned()];
    let mut shop = [product("a", "", "0", 0.0), product("b", "A", "5", 0.0)];
    shop[0].vector = None;
    shop[1].attributes = vec![("gender".to_owned(), Some("w".to_owned()))];
    assert_eq!(first(&shop, &band).2, Some("no_vector"));
    shop[0].vector = Some(vec![1.0, 0.0]);
    assert_eq!(first(&shop, &band).2, Some("no_category"));
    shop[0].category = Some("A".to_owned());
    assert_eq!(first(&shop, &band).2, Some("no_price"));
    shop[0].price = Some(dec("5"));
    assert_eq!(first(&shop, &band), (vec![], 0, Some("no_attribute")));
    shop[0].attributes = shop[1].attributes.clone();
    assert_eq!(first(&shop, &band), (vec!["b".to_owned()], 1, Some("few_eligible")));
    band.limit = 1;
    assert_eq!(first(&shop, &band).2, None);
}

#[test]
fn a_missing_attribute_neither_matches_nor_differs() {
    let with = |id: &str, value: Option<&str>| {
        let mut product = product(id, "A", "1", 0.0);
        product.attributes = vec![("color".to_owned(), value.map(str::to_owned))];
        product
    };
    let shop = [with("a", Some("red")), with("red", Some("red")), with("blue", Some("blue")), with("none", None)];
    let mut same = rule(Candidates::Any);
    same.must_match = vec!["color".to_owned()];
    assert_eq!(first(&shop, &same).0, ["red"]);
    let mut other = rule(Candidates::Any);
    other.must_differ = vec!["color".to_owned()];
    assert_eq!(first(&shop, &other).0, ["blue"]);
}

#[test]
fn variant_groups() {
    let shop = [
        in_group(product("a", "A", "1", 0.0), "g"),
        in_group(product("own-1", "A", "1", 10.0), "g"),
        in_group(product("own-2", "A", "1", 20.0), "g"),
        in_group(product("h-far", "A", "1", 40.0), "h"),
        in_group(product("h-near", "A", "1", 30.0), "h"),
        product("alone", "A", "1", 50.0),
    ];
    let mut any = rule(Candidates::Any);
    assert_eq!(first(&shop, &any), (vec!["h-near".to_owned(), "alone".to_owned()], 2, Some("few_eligible")));
    any.group = Group::Same;
    assert_eq!(first(&shop, &any).0, ["own-1", "own-2"]);
    any.group = Group::Any;
    assert_eq!(first(&shop, &any).0, ["own-1", "own-2", "h-near", "alone"]);
}

#[test]
fn the_least_similarity_is_inclusive_and_counts_nothing_out() {
    let mut shop = [product("a", "A", "1", 0.0), product("same", "A", "1", 0.0), product("less", "A", "1", 60.0)];
    shop[2].vector = Some(vec![1.0, 1.0]);
    let mut near = rule(Candidates::Any);
    near.min_similarity = Some(1.0);
    assert_eq!(first(&shop, &near), (vec!["same".to_owned()], 2, Some("min_similarity")));
}

#[test]
fn rank_weighs_likeness_and_price_within_the_pool() {
    let shop = [product("a", "A", "10", 0.0), product("twin", "A", "20", 0.0), product("fit", "A", "12.50", 36.87)];
    let mut ranked = rule(Candidates::Any);
    ranked.limit = 1;
    ranked.rank =
        Some(Rank { similarity: 1.0, price_fit: Some(PriceFit { weight: 0.3, best_ratio: 1.25 }), ..Rank::default() });
    let list = evaluate(&shop_of(&shop, &ranked)).swap_remove(0);
    // (0.8 + 0.3 x 1) / 1.3 beats (1.0 + 0.3 x 0.036) / 1.3
    assert_eq!(list.entries[0].id, "fit");
    assert!((list.entries[0].score.expect("a score") - 0.846_154).abs() < 1e-5);
    ranked.pool = Some(1);
    assert_eq!(first(&shop, &ranked).0, ["twin"], "only the most similar is in the pool");
}

#[test]
fn a_rank_term_that_cannot_be_computed_counts_nothing() {
    let shop = [product("a", "A", "", 0.0), product("b", "A", "5", 0.0)];
    let mut ranked = rule(Candidates::Any);
    ranked.rank =
        Some(Rank { similarity: 1.0, price_fit: Some(PriceFit { weight: 1.0, best_ratio: 1.0 }), ..Rank::default() });
    let list = evaluate(&shop_of(&shop, &ranked)).swap_remove(0);
    assert_eq!(list.entries[0].score, Some(0.5));
}

#[test]
fn without_looks_the_cheapest_comes_first_and_vectors_are_not_needed() {
    let mut shop = vec![product("a", "A", "10", 0.0)];
    shop.extend(["", "9", "8.5"].map(|price| product(&format!("at {price}"), "A", price, 0.0)));
    shop.extend(["30", "3"].map(|price| in_group(product(&format!("g {price}"), "A", price, 0.0), "g")));
    for product in &mut shop {
        product.vector = None;
    }
    let mut plain = rule(Candidates::SameCategory);
    plain.similarity = Similarity::Ignore;
    assert_eq!(first(&shop, &plain).0, ["g 3", "at 8.5", "at 9", "at "]);
    let list = evaluate(&shop_of(&shop, &plain)).swap_remove(0);
    assert_eq!((list.entries[0].similarity, list.entries[0].score), (None, None));

    plain.rank =
        Some(Rank { similarity: 0.0, price_fit: Some(PriceFit { weight: 2.0, best_ratio: 3.0 }), ..Rank::default() });
    let list = evaluate(&shop_of(&shop, &plain)).swap_remove(0);
    assert_eq!((list.entries[0].id.as_str(), list.entries[0].score), ("g 30", Some(1.0)));
    assert_eq!((list.eligible, list.entries[3].score), (4, Some(0.0)));
}

#[test]
fn currencies_mix_only_where_the_rule_says_so_and_names_no_price() {
    let mut shop = [product("a", "A", "10", 0.0), product("b", "A", "10", 0.0)];
    shop[1].currency = Some("EUR".to_owned());
    let mut any = rule(Candidates::Any);
    assert_eq!(first(&shop, &any).1, 0);
    any.any_currency = true;
    assert_eq!(first(&shop, &any).1, 1);
    any.price.from = Some(dec("1"));
    assert_eq!(first(&shop, &any).1, 0);
}

#[test]
fn only_matching_anchors_are_served_and_stock_counts_for_candidates_alone() {
    let mut shop = [product("a", "A/x", "1", 0.0), product("b", "B", "1", 0.0), product("c", "", "1", 0.0)];
    shop[0].in_stock = false;
    let mut some = rule(Candidates::Any);
    some.products.category = Some(vec!["A/**".to_owned()]);
    let lists = evaluate(&shop_of(&shop, &some));
    assert_eq!((lists.len(), lists[0].product.as_str(), lists[0].eligible), (1, "a", 2));
}
