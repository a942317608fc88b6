//! Conditions, rank terms, complements, orders, dates and caps, each on a shop worked out by hand.

use chrono::NaiveDate;

use super::super::orders::{learned, weight};
use super::*;

fn one_of(values: &[&str]) -> Condition {
    Condition::OneOf(values.iter().map(|&value| value.to_owned()).collect())
}

fn none_of(values: &[&str]) -> Condition {
    Condition::NoneOf(values.iter().map(|&value| value.to_owned()).collect())
}

fn only(name: &str, condition: Condition) -> Where {
    vec![(name.to_owned(), condition)]
}

#[test]
fn conditions_on_the_candidate_alone() {
    let mut shop = vec![product("0", "A", "5", 0.0)];
    for value in ["4", " 4.50 ", "3.99", "many", "-4", "1e3"] {
        shop.push(with(product(value, "A", "5", 0.0), "rating", value));
    }
    shop.push(with(product("blank", "A", "5", 0.0), "rating", " "));
    let listed =
        |condition| first(&shop, &OracleRule { conditions: only("rating", condition), ..rule(Candidates::Any) }).0;
    let bounds = |from: &str| Condition::Within(Bounds { from: Some(dec(from)), ..Bounds::default() });
    assert_eq!(listed(bounds("4")), [" 4.50 ", "4"]);
    assert_eq!(listed(bounds("-5")), [" 4.50 ", "-4", "3.99", "4"]);
    assert_eq!(listed(one_of(&["4.50", "4.0", "many"])), [" 4.50 ", "many"], "texts, not numbers");
    assert_eq!(
        listed(none_of(&["4", "many", "1e3"])),
        [" 4.50 ", "-4", "3.99", "blank"],
        "an empty cell is none of them"
    );
    let both = [only("rating", bounds("0")), only("rating", none_of(&["4"]))].concat();
    assert_eq!(first(&shop, &OracleRule { conditions: both, ..rule(Candidates::Any) }).0, [" 4.50 ", "3.99"]);
}

#[test]
fn an_anchor_that_does_not_meet_its_conditions_is_not_served() {
    let shop = [
        with(product("gold", "A", "5", 0.0), "material", "gold"),
        with(product("silver", "A", "5", 0.0), "material", "silver"),
        product("bare", "A", "5", 0.0),
    ];
    let mut some = rule(Candidates::Any);
    some.products.conditions = only("material", none_of(&["gold"]));
    let served: Vec<String> = evaluate(&shop_of(&shop, &some)).into_iter().map(|list| list.product).collect();
    assert_eq!(served, ["silver", "bare"]);
}

/// Price and margin of one piece.
fn earning(id: &str, price: &str, margin: &str) -> OracleProduct {
    OracleProduct { margin: Some(dec(margin)), ..product(id, "A", price, 0.0) }
}

#[test]
fn gains_of_what_is_added_and_of_what_replaces() {
    let mut shop = vec![
        OracleProduct { cost: Some(dec("80")), ..product("a", "A", "100", 0.0) },
        earning("b", "50", "30"),
        earning("c", "50", "500"),
        earning("d", "50", "-500"),
        product("e", "A", "50", 0.0),
        OracleProduct { currency: Some("EUR".to_owned()), ..earning("f", "50", "30") },
    ];
    let mut ranked = OracleRule { relation: "cross_sell".to_owned(), any_currency: true, ..rule(Candidates::Any) };
    ranked.rank = Some(Rank { similarity: 1.0, margin: Some(0.25), ..Rank::default() });
    let rows = |shop: &[OracleProduct], rule: &OracleRule| -> Vec<(String, Option<f32>, Option<Decimal>)> {
        let list = evaluate(&shop_of(shop, rule)).swap_remove(0);
        list.entries.into_iter().map(|entry| (entry.id, entry.score, entry.margin_gain)).collect()
    };
    let row = |id: &str, score: f32, gain: Option<&str>| (id.to_owned(), Some(score), gain.map(dec));
    // (1 + 0.25 x gain / 100) / 1.25
    assert_eq!(
        rows(&shop, &ranked),
        [
            row("c", 1.0, Some("500")),
            row("b", 0.86, Some("30")),
            row("e", 0.8, None),
            row("f", 0.8, None),
            row("d", 0.6, Some("-500"))
        ]
    );
    ranked.relation = "upsell".to_owned();
    assert_eq!(rows(&shop, &ranked)[1], row("b", 0.82, Some("10")));
    shop[0].price = Some(dec("0"));
    assert_eq!(
        rows(&shop, &ranked)[0],
        row("b", 0.8, Some("110")),
        "cost 80 at the price 0: the gain needs no price above it"
    );
    shop[0].cost = None;
    assert_eq!(rows(&shop, &ranked)[0], row("b", 0.8, None));
    ranked.rank = None;
    ranked.relation = "cross_sell".to_owned();
    assert_eq!(rows(&shop, &ranked)[0].2, Some(dec("30")), "ranked or not");
}

#[test]
fn the_weight_of_the_category_is_a_rank_term() {
    let shop = [
        product("a", "N", "5", 0.0),
        product("ear", "E", "5", 0.0),
        product("ring", "R", "5", 0.0),
        product("none", "", "5", 0.0),
    ];
    let mut ranked = rule(Candidates::Any);
    ranked.rank = Some(Rank { similarity: 1.0, complement: Some(1.0), ..Rank::default() });
    let mut shop = shop_of(&shop, &ranked);
    shop.complements = vec![("N".to_owned(), vec![("R".to_owned(), 0.5)])];
    let scores = |shop: &OracleShop| -> Vec<(String, Option<f32>)> {
        evaluate(shop).swap_remove(0).entries.into_iter().map(|entry| (entry.id, entry.score)).collect()
    };
    let row = |id: &str, score| (id.to_owned(), Some(score));
    assert_eq!(scores(&shop), [row("ring", 0.75), row("ear", 0.5), row("none", 0.5)]);
    shop.complements.clear();
    assert_eq!(scores(&shop), [row("ear", 0.5), row("none", 0.5), row("ring", 0.5)], "siblings have the weight 0");
    shop.rules[0].candidates = Candidates::Complement;
    assert_eq!(scores(&shop), [row("ear", 0.5), row("ring", 0.5)], "and are complements all the same");
}

/// Orders, each with its date and what was bought.
fn orders(all: &[(&str, &[&str])]) -> Orders {
    let lines = all.iter().enumerate().flat_map(|(number, (date, bought))| {
        bought.iter().map(move |product| OrderLine {
            order: number.to_string(),
            product: (*product).to_owned(),
            date: (!date.is_empty()).then(|| (*date).to_owned()),
        })
    });
    Orders { lines: lines.collect(), look_back: None, fewest: 1, max_lines: 50, shrinkage: 1.0, strongest: 5 }
}

fn night() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date")
}

#[test]
fn complements_from_orders() {
    let products = [
        in_group(product("a1", "A", "5", 0.0), "a"),
        in_group(product("a2", "Z", "5", 0.0), "a"),
        product("b", "B", "5", 0.0),
        product("c", "C", "5", 0.0),
        product("bare", "", "5", 0.0),
    ];
    let mut bought = orders(&[("", &["a1", "b"]), ("", &["a2", "b", "a1", "gone"]), ("", &["a1", "c"]), ("", &["c"])]);
    let of = |orders: &Orders, category: &str| {
        learned(&products, orders, night()).get(category).cloned().unwrap_or_default()
    };
    bought.fewest = 2;
    // A is beside B twice and beside C once: n_A = 3, n_B = 2, N = 6. Lift 3 / 2, weight ln 1.5 / ln 3.
    let weight = libm::log(1.5) / libm::log(3.0);
    let close = |found: &[(&str, f64)], category: &str, weight: f64| {
        assert_eq!((found.len(), found[0].0), (1, category), "{found:?}");
        assert!((found[0].1 - weight).abs() < 1e-12, "{found:?}");
    };
    close(&of(&bought, "A"), "B", weight);
    close(&of(&bought, "B"), "A", weight);
    assert!(of(&bought, "C").is_empty() && of(&bought, "Z").is_empty());
    bought.fewest = 3;
    assert!(of(&bought, "A").is_empty());
    bought.fewest = 2;
    bought.max_lines = 3;
    assert!(of(&bought, "A").is_empty(), "the order of four lines is skipped");
    bought.max_lines = 4;
    bought.lines.extend(orders(&[("", &[]), ("", &[]), ("", &[]), ("", &[]), ("", &["gone"])]).lines);
    close(&of(&bought, "A"), "B", weight);
    bought.lines.extend(orders(&[("", &[]), ("", &[]), ("", &[]), ("", &[]), ("", &[]), ("", &["bare"])]).lines);
    close(&of(&bought, "A"), "B", weight);
}

#[test]
fn the_weight_of_a_pair() {
    assert!((weight(4, 2, 2, 2, 0.0) - 1.0).abs() < 1e-12, "every order holds both");
    assert!((weight(8, 2, 2, 2, 0.0) - 1.0).abs() < 1e-12, "without shrinkage what always comes together weighs 1");
    assert!(weight(8, 4, 4, 2, 3.0).abs() < 1e-12, "as often as chance has it");
    assert!(weight(8, 4, 4, 1, 3.0) < 0.0);
}

#[test]
fn the_strongest_and_the_look_back() {
    let products = ["A", "B", "C", "D"].map(|name| product(name, name, "5", 0.0));
    let mut bought = orders(&[
        ("2026-11-22T23:00", &["A", "C"]),
        ("2026-11-20", &["A", "B"]),
        ("2026-11-19", &["D"]),
        ("2026-11-23", &["D"]),
        ("soon", &["A", "D"]),
        ("", &["D"]),
    ]);
    bought.shrinkage = 0.0;
    let names = |orders: &Orders| -> Vec<String> {
        let all = learned(&products, orders, night());
        all.get("A").map_or_else(Vec::new, |found| found.iter().map(|(name, _)| (*name).to_owned()).collect())
    };
    assert_eq!(names(&bought), ["B", "C", "D"], "equal weights: by name");
    bought.strongest = 1;
    assert_eq!(names(&bought), ["B"]);
    bought.strongest = 5;
    bought.look_back = Some(2);
    assert_eq!(names(&bought), ["B", "C"], "D has no day that can be read");
    bought.look_back = Some(1);
    assert_eq!(names(&bought), ["C"]);
}

#[test]
fn orders_decide_where_the_map_is_silent() {
    let products = ["D/x/1", "D/y/2", "E/3", "E/4"].map(|path| product(path, path, "5", 0.0));
    let mut shop = shop_of(&products, &rule(Candidates::Complement));
    assert_eq!(ids(&evaluate(&shop)[0]), ["D/y/2"], "siblings");
    shop.orders = Some(orders(&[("", &["D/x/1", "E/3"]), ("", &["E/4"])]));
    assert_eq!(ids(&evaluate(&shop)[0]), ["E/3"]);
    assert_eq!(ids(&evaluate(&shop)[1]), ["D/x/1"], "nothing was bought with it");
    shop.complements = vec![("D/**".to_owned(), vec![("E/4".to_owned(), 0.5)])];
    assert_eq!(ids(&evaluate(&shop)[0]), ["E/4"]);
}

#[test]
fn both_days_of_availability_are_included() {
    let mut shop = vec![product("0", "A", "5", 0.0)];
    let from = |text: &str| OracleProduct { available_from: Some(text.to_owned()), ..product(text, "A", "5", 0.0) };
    let until = |text: &str| OracleProduct { available_until: Some(text.to_owned()), ..product(text, "A", "5", 0.0) };
    shop.extend(["2026-11-22", "2026-11-22T09:00", "2026-11-23", "2026-02-30", "22.11.2026"].map(from));
    let all = rule(Candidates::Any);
    assert_eq!(
        first(&shop, &all),
        (vec!["2026-11-22".to_owned(), "2026-11-22T09:00".to_owned()], 2, Some("few_eligible"))
    );
    shop.truncate(1);
    shop.extend(["2026-11-22", "2026-11-21", "2027", "2026-11-22x"].map(until));
    assert_eq!(first(&shop, &all).0, ["2026-11-22", "2026-11-22x"]);
    let lists = evaluate(&shop_of(&shop, &all));
    assert_eq!((lists.len(), ids(&lists[2])), (5, vec!["0", "2026-11-22", "2026-11-22x"]), "served all the same");
}

/// A brand, and the less alike the more degrees.
fn branded(id: &str, brand: &str, degrees: f64) -> OracleProduct {
    with(product(id, "A", "5", degrees), "brand", brand)
}

fn capped(name: &str, most: usize, hard: bool, limit: usize) -> OracleRule {
    let diversity = Some(Diversity { max_per: vec![(name.to_owned(), most)], hard });
    OracleRule { limit, diversity, ..rule(Candidates::Any) }
}

#[test]
fn caps_leave_out_and_soft_ones_fill_up() {
    let shop = [
        product("0", "A", "5", 0.0),
        branded("x1", "x", 1.0),
        branded("x2", " x", 2.0),
        branded("x3", "x", 3.0),
        branded("y1", "y", 4.0),
        branded("none-1", "", 5.0),
        product("none-2", "A", "5", 6.0),
    ];
    let list = |most, hard, limit| first(&shop, &capped("brand", most, hard, limit));
    assert_eq!(list(1, false, 3).0, ["x1", "y1", "none-1"]);
    assert_eq!(list(2, true, 4), (["x1", "x2", "y1", "none-1"].map(str::to_owned).to_vec(), 6, None));
    assert_eq!(list(1, false, 5).0, ["x1", "y1", "none-1", "none-2", "x2"]);
    let (short, eligible, reason) = list(1, true, 5);
    assert_eq!(
        (short, eligible, reason),
        (["x1", "y1", "none-1", "none-2"].map(str::to_owned).to_vec(), 6, Some("hard_cap"))
    );
    assert_eq!(list(3, true, 7).2, Some("few_eligible"), "nothing was refused");
    assert_eq!(first(&shop, &capped("category", 2, true, 5)).0, ["x1", "x2"]);
}

#[test]
fn the_pool_deepens_and_what_was_left_out_of_it_comes_first() {
    let shop = [
        product("0", "A", "10", 0.0),
        OracleProduct { price: Some(dec("20")), ..branded("x1", "x", 1.0) },
        OracleProduct { price: Some(dec("10")), ..branded("x2", "x", 2.0) },
        branded("x3", "x", 3.0),
        branded("y1", "y", 4.0),
        branded("y2", "y", 5.0),
    ];
    let mut deep = capped("brand", 1, false, 2);
    let price_fit = Some(PriceFit { weight: 1.0, best_ratio: 1.0 });
    deep.rank = Some(Rank { similarity: 1.0, price_fit, ..Rank::default() });
    deep.pool = Some(2);
    assert_eq!(first(&shop, &deep).0, ["x2", "y1"], "the pool is ranked by price, then the next by similarity");
    deep.limit = 4;
    deep.pool = Some(4);
    // The pool by rank: x2, then the others of the price 10 come after it only by similarity.
    let (listed, ..) = first(&shop, &deep);
    assert_eq!(listed[..2], ["x2", "y1"]);
    assert_eq!(listed[2..], ["x1", "x3"], "left out of the pool, in its order");
    deep.diversity.as_mut().expect("caps").hard = true;
    assert_eq!(first(&shop, &deep), (vec!["x2".to_owned(), "y1".to_owned()], 5, Some("hard_cap")));
}
