//! Fallbacks, hidden lists and placements, on shops worked out by hand.

use super::*;

/// Two departments: the anchor `a` with `b` in one, `c`, `d` and `e` in the other, the less alike the later.
fn products() -> Vec<OracleProduct> {
    let rows = [("a", "X", 0.0), ("b", "X", 10.0), ("c", "Y", 20.0), ("d", "Y", 30.0), ("e", "Y", 40.0)];
    rows.map(|(id, category, degrees)| product(id, category, "5", degrees)).to_vec()
}

fn named(name: &str, candidates: Candidates, limit: usize, fallback: &str) -> OracleRule {
    let fallback = (!fallback.is_empty()).then(|| fallback.to_owned());
    OracleRule { name: name.to_owned(), limit, fallback, ..rule(candidates) }
}

fn row(action: Action, rule: &str, recommended: &str, position: Option<usize>) -> MerchandisingRow {
    MerchandisingRow {
        action,
        product: Some("a".to_owned()),
        rule: Some(rule.to_owned()),
        recommended: recommended.to_owned(),
        position,
        valid_from: None,
        valid_until: None,
    }
}

/// Ids with the first letter of their origin.
fn origins(list: &OracleList) -> Vec<String> {
    list.entries.iter().map(|entry| format!("{} {}", entry.id, entry.origin)).collect()
}

#[test]
fn a_fallback_fills_what_is_free_and_the_reason_stays() {
    let rules = vec![named("near", Candidates::SameCategory, 3, "all"), named("all", Candidates::Any, 4, "")];
    let mut shop = OracleShop::plain(products(), rules);
    let lists = evaluate(&shop);
    let near = list_of(&lists, "a", "near");
    assert_eq!(origins(near), ["b rule", "c fallback", "d fallback"]);
    assert_eq!((near.eligible, near.reason, near.pinned, near.fallback), (1, Some("few_eligible"), 0, 2));
    assert_eq!(near.entries[1].similarity, list_of(&lists, "a", "all").entries[1].similarity);

    shop.merchandising = vec![row(Action::Block, "near", "c", None), row(Action::Pin, "all", "e", None)];
    assert_eq!(origins(list_of(&evaluate(&shop), "a", "near")), ["b rule", "e fallback", "d fallback"]);
    shop.merchandising = vec![row(Action::Pin, "near", "e", Some(2))];
    let lists = evaluate(&shop);
    assert_eq!(origins(list_of(&lists, "a", "near")), ["b rule", "e pin", "c fallback"]);
    assert_eq!(list_of(&lists, "a", "near").reason, Some("few_eligible"));
    shop.merchandising.push(row(Action::Pin, "near", "d", Some(3)));
    assert_eq!(list_of(&evaluate(&shop), "a", "near").reason, None, "entries and pins fill the list");
    shop.merchandising.clear();
    shop.products[0].category = None;
    let lists = evaluate(&shop);
    assert_eq!(list_of(&lists, "a", "near").reason, Some("no_category"));
    assert_eq!(origins(list_of(&lists, "a", "near")), ["b fallback", "c fallback", "d fallback"]);
}

#[test]
fn a_pin_keeps_its_place_before_what_a_fallback_fills_in() {
    let rules = vec![named("near", Candidates::SameCategory, 4, "all"), named("all", Candidates::Any, 2, "")];
    let mut shop = OracleShop::plain(products(), rules);
    shop.merchandising = vec![row(Action::Pin, "near", "e", Some(3))];
    assert_eq!(origins(list_of(&evaluate(&shop), "a", "near")), ["b rule", "c fallback", "e pin"]);
}

#[test]
fn chains_hidden_lists_and_rules_that_do_not_serve() {
    let mut rules = vec![
        named("first", Candidates::Globs(vec!["nowhere".to_owned()]), 2, "second"),
        named("second", Candidates::SameCategory, 2, "third"),
        named("third", Candidates::OtherCategory, 2, ""),
    ];
    let run = |rules: &[OracleRule]| {
        let lists = evaluate(&OracleShop::plain(products(), rules.to_vec()));
        origins(list_of(&lists, "a", "first"))
    };
    assert_eq!(run(&rules), ["b fallback", "c fallback"]);
    rules[1].min_results = Some(2);
    assert_eq!(run(&rules), ["b fallback", "c fallback"], "long enough with its own fallback");
    rules[2].min_results = Some(4);
    let lists = evaluate(&OracleShop::plain(products(), rules.clone()));
    let third = list_of(&lists, "a", "third");
    assert_eq!((third.eligible, third.returned, third.reason), (3, 0, Some("min_results")));
    assert_eq!(list_of(&lists, "a", "second").reason, Some("min_results"), "nothing to fall back on");
    assert_eq!(list_of(&lists, "a", "first").reason, Some("few_eligible"));
    assert!(list_of(&lists, "a", "first").entries.is_empty());
    rules[1].min_results = None;
    rules[1].products.category = Some(vec!["Y".to_owned()]);
    assert_eq!(run(&rules), Vec::<String>::new(), "no list of the second for an anchor that it does not serve");
}

#[test]
fn variants_share_an_entry_as_under_the_falling_rule() {
    let mut shop = OracleShop::plain(
        vec![
            in_group(product("a", "X", "5", 0.0), "own"),
            in_group(product("a2", "X", "5", 5.0), "own"),
            in_group(product("a3", "X", "5", 6.0), "own"),
            in_group(product("g1", "X", "5", 10.0), "g"),
            in_group(product("g2", "Y", "6", 20.0), "g"),
        ],
        vec![named("near", Candidates::SameCategory, 4, "all"), named("all", Candidates::Any, 4, "")],
    );
    shop.rules[1].group = Group::Any;
    shop.rules[1].price.from = Some(dec("5"));
    shop.merchandising = vec![row(Action::Pin, "all", "g2", None)];
    assert_eq!(ids(list_of(&evaluate(&shop), "a", "all")), ["g2", "a2", "a3"]);
    assert_eq!(origins(list_of(&evaluate(&shop), "a", "near")), ["g1 rule", "a2 fallback"]);
    shop.rules[0].group = Group::Any;
    assert_eq!(origins(list_of(&evaluate(&shop), "a", "near")), ["a2 rule", "a3 rule", "g1 rule"]);
}

/// What a page of `a` shows, as slot, rule, rank and product.
fn page(shop: &OracleShop, name: &str) -> Vec<String> {
    let rows = placements(shop, &evaluate(shop)).into_iter();
    let rows = rows.filter(|row| row.product == "a" && row.placement == name);
    rows.map(|row| format!("{} {} {} {}", row.slot, row.rule, row.rank, row.recommended)).collect()
}

fn part(source: Source, slots: Option<usize>) -> BlendPart {
    BlendPart { source, slots }
}

fn relation(name: &str, slots: Option<usize>) -> BlendPart {
    part(Source::Relation(name.to_owned()), slots)
}

fn placed(name: &str, slots: Option<usize>, blend: Vec<BlendPart>) -> Placement {
    Placement { name: name.to_owned(), slots, products: Served::default(), blend }
}

#[test]
fn a_blend_takes_its_parts_in_turn_and_then_fills_up() {
    let mut rules = vec![
        named("near", Candidates::SameCategory, 2, ""),
        named("cross", Candidates::OtherCategory, 3, ""),
        named("up", Candidates::Globs(vec!["Y".to_owned()]), 1, ""),
    ];
    rules[1].relation = "cross_sell".to_owned();
    rules[2].relation = "cross_sell".to_owned();
    let mut shop = OracleShop::plain(products(), rules);
    let blend = vec![relation("cross_sell", Some(1)), relation("similar", None)];
    shop.placements = vec![placed("page", Some(3), blend.clone())];
    assert_eq!(page(&shop, "page"), ["1 cross 1 c", "2 cross 2 d", "3 cross 3 e"]);
    shop.placements[0].slots = None;
    assert_eq!(page(&shop, "page"), ["1 cross 1 c"], "the sum of the blend's slots");
    shop.placements[0] = placed("page", Some(9), blend);
    assert_eq!(page(&shop, "page"), ["1 cross 1 c", "2 cross 2 d", "3 cross 3 e", "4 near 1 b"]);
    shop.rules[2].priority = Some(99);
    assert_eq!(page(&shop, "page")[..2], ["1 up 1 c", "2 cross 2 d"], "the lower priority first, no product twice");
    let of_rule = part(Source::Rule("near".to_owned()), Some(5));
    shop.placements = vec![placed("page", Some(2), vec![of_rule, relation("cross_sell", Some(1))])];
    assert_eq!(page(&shop, "page"), ["1 near 1 b", "2 up 1 c"]);
    shop.rules[0].min_results = Some(2);
    assert_eq!(page(&shop, "page"), ["1 up 1 c", "2 cross 2 d"], "a hidden list gives nothing");
}

#[test]
fn of_one_name_the_first_that_serves_counts() {
    let mut shop = OracleShop::plain(products(), vec![named("near", Candidates::Any, 4, "")]);
    let only_y = Served { category: Some(vec!["Y".to_owned()]), conditions: Vec::new() };
    let blend = |slots| vec![relation("similar", Some(slots))];
    shop.placements = vec![
        Placement { products: only_y, ..placed("page", None, blend(1)) },
        placed("page", None, blend(2)),
        placed("page", None, blend(3)),
        placed("cart", None, blend(4)),
    ];
    let count = |product: &str, name: &str| {
        let rows = placements(&shop, &evaluate(&shop)).into_iter();
        rows.filter(|row| row.product == product && row.placement == name).count()
    };
    assert_eq!((count("a", "page"), count("c", "page"), count("a", "cart")), (2, 1, 4));
}

#[test]
fn variants_share_a_slot_but_the_anchors_own() {
    let mut shop = OracleShop::plain(
        products(),
        vec![
            OracleRule { group: Group::Any, ..named("any", Candidates::Any, 9, "") },
            OracleRule {
                similarity: Similarity::Ignore,
                ..named("cheap", Candidates::Globs(vec!["Y".to_owned()]), 9, "")
            },
        ],
    );
    for (at, group) in [(0, "own"), (1, "own"), (2, "own"), (3, "g"), (4, "g")] {
        shop.products[at].group = Some(group.to_owned());
    }
    shop.products[4].price = Some(dec("4"));
    assert_eq!(ids(list_of(&evaluate(&shop), "a", "any")), ["b", "c", "d"]);
    assert_eq!(ids(list_of(&evaluate(&shop), "a", "cheap")), ["e"]);
    let blend = vec![part(Source::Rule("cheap".to_owned()), Some(1)), relation("similar", Some(8))];
    shop.placements = vec![placed("page", None, blend)];
    assert_eq!(page(&shop, "page"), ["1 cheap 1 e", "2 any 1 b", "3 any 2 c"], "d is a variant of e");
}

#[test]
fn without_placements_there_is_a_product_page() {
    let first = |category: &str| {
        let mut rows = vec![product("a", category, "5", 0.0)];
        rows.extend((0..20).map(|n| product(&format!("p{n:02}"), category, "5", 10.0 + f64::from(n))));
        let of = |relation: &str, at: usize| OracleRule {
            relation: relation.to_owned(),
            price_ratio: Bounds::default(),
            conditions: vec![("lot".to_owned(), Condition::OneOf(vec![at.to_string()]))],
            ..named(relation, Candidates::Any, 6, "")
        };
        let rules = vec![of("similar", 0), of("cross_sell", 1), of("upsell", 2)];
        for (at, row) in rows.iter_mut().enumerate() {
            row.attributes = vec![("lot".to_owned(), Some((at % 3).to_string()))];
        }
        let shop = OracleShop::plain(rows, rules);
        page(&shop, "product_page")
            .iter()
            .map(|row| row.split(' ').nth(1).expect("a rule").to_owned())
            .collect::<Vec<_>>()
    };
    let run = |relations: [&'static str; 2]| {
        let mut all = vec![relations[0]; 5];
        all.extend([relations[1]; 3]);
        all
    };
    for department in ["Electronics/TV", "Phones & Tablets/x", "Home Audio", "care PLANS/y"] {
        assert_eq!(first(department), run(["upsell", "cross_sell"]), "{department}");
    }
    for department in ["Headphones/x", "Clothes/Electronics", "", "Planters"] {
        assert_eq!(first(department), run(["cross_sell", "upsell"]), "{department}");
    }
}

#[test]
fn similar_fills_what_the_product_page_has_left() {
    let mut rules = vec![named("near", Candidates::Any, 3, ""), named("cross", Candidates::OtherCategory, 1, "")];
    rules[1].relation = "cross_sell".to_owned();
    let shop = OracleShop::plain(products(), rules);
    assert_eq!(page(&shop, "product_page"), ["1 cross 1 c", "2 near 1 b", "3 near 3 d"]);
}
