//! Pins and blocks, on shops worked out by hand.

use super::*;

fn row(action: Action, product: &str, recommended: &str, position: Option<usize>) -> MerchandisingRow {
    MerchandisingRow {
        action,
        product: (!product.is_empty()).then(|| product.to_owned()),
        rule: None,
        recommended: recommended.to_owned(),
        position,
        valid_from: None,
        valid_until: None,
    }
}

fn pin(recommended: &str, position: usize) -> MerchandisingRow {
    row(Action::Pin, "a", recommended, Some(position))
}

fn block(recommended: &str) -> MerchandisingRow {
    row(Action::Block, "", recommended, None)
}

/// `a`, and beside it `b` to `f`, the less alike the later.
fn letters() -> Vec<OracleProduct> {
    let degrees = [("a", 0.0), ("b", 10.0), ("c", 20.0), ("d", 30.0), ("e", 40.0), ("f", 50.0)];
    degrees.map(|(id, degrees)| product(id, "A", "5", degrees)).to_vec()
}

fn limited(limit: usize) -> OracleRule {
    OracleRule { limit, ..rule(Candidates::Any) }
}

/// The first product's list under rows of merchandising.
fn under(products: &[OracleProduct], rule: &OracleRule, rows: &[MerchandisingRow]) -> OracleList {
    let mut shop = shop_of(products, rule);
    shop.merchandising = rows.to_vec();
    evaluate(&shop).swap_remove(0)
}

fn listed(rows: &[MerchandisingRow], limit: usize) -> Vec<String> {
    let list = under(&letters(), &limited(limit), rows);
    assert_eq!(list.eligible, 5, "pins and blocks change nothing of what is eligible");
    list.entries.into_iter().map(|entry| entry.id).collect()
}

#[test]
fn pins_take_their_places() {
    assert_eq!(listed(&[pin("f", 1)], 3), ["f", "b", "c"]);
    assert_eq!(listed(&[pin("f", 3), pin("e", 1)], 3), ["e", "b", "f"]);
    assert_eq!(listed(&[pin("f", 1), pin("e", 1)], 3), ["f", "e", "b"], "the next free place");
    assert_eq!(listed(&[pin("f", 2), pin("e", 1), pin("d", 1)], 4), ["e", "d", "f", "b"], "by position, then the file");
    assert_eq!(listed(&[pin("b", 2)], 3), ["c", "b", "d"], "not taken a second time");
    assert_eq!(listed(&[pin("f", 7)], 7), ["b", "c", "d", "e", "f"], "the list is too short: at its end");
    assert_eq!(
        listed(&[pin("f", 2), pin("f", 1)], 3),
        ["f", "b", "c"],
        "pinned twice: the first in the order of placing"
    );
    assert_eq!(listed(&[pin("f", 1), pin("e", 1), pin("d", 1)], 2), ["f", "e"], "at most as many as the limit");
    assert_eq!(listed(&[row(Action::Pin, "", "f", None)], 2), ["f", "b"], "for every product, at 1");
}

#[test]
fn idle_pins() {
    let plain = ["b", "c"];
    assert_eq!(listed(&[pin("gone", 1)], 2), plain);
    assert_eq!(listed(&[pin("a", 1)], 2), plain, "the anchor itself");
    assert_eq!(listed(&[pin("f", 3)], 2), plain, "beyond the limit");
    assert_eq!(listed(&[pin("f", 3), pin("f", 2)], 2), ["b", "f"], "an idle pin is not the first");
    assert_eq!(listed(&[pin("f", 1), block("f")], 2), plain, "blocked");
    assert_eq!(listed(&[row(Action::Pin, "b", "f", None)], 2), plain, "another product's");
    let of_rule = |name: &str| MerchandisingRow { rule: Some(name.to_owned()), ..pin("f", 1) };
    assert_eq!(listed(&[of_rule("other")], 2), plain);
    assert_eq!(listed(&[of_rule("rule")], 2), ["f", "b"]);
    let date = |text: &str| Some(text.parse().expect("a date"));
    let valid = |from, until| MerchandisingRow { valid_from: from, valid_until: until, ..pin("f", 1) };
    assert_eq!(listed(&[valid(date("2026-11-22"), date("2026-11-22"))], 2), ["f", "b"]);
    assert_eq!(listed(&[valid(date("2026-11-23"), None)], 2), plain);
    assert_eq!(listed(&[valid(None, date("2026-11-21"))], 2), plain);
    let mut sold_out = letters();
    sold_out[5].in_stock = false;
    assert_eq!(ids(&under(&sold_out, &limited(2), &[pin("f", 1)])), plain);
}

#[test]
fn a_pin_needs_nothing_of_the_rule() {
    let mut shop = letters();
    shop[0].category = None;
    shop[1].vector = None;
    shop[1].category = Some("Z".to_owned());
    let mut same = OracleRule { candidates: Candidates::SameCategory, ..limited(2) };
    let list = under(&shop, &same, &[pin("b", 1), pin("c", 1)]);
    assert_eq!((ids(&list), list.eligible, list.reason, list.pinned), (vec!["b", "c"], 0, None, 2));
    assert_eq!((list.entries[0].similarity, list.entries[0].score, list.entries[0].origin), (None, None, "pin"));
    assert!(list.entries[1].similarity.is_some() && list.entries[1].score == list.entries[1].similarity);
    let list = under(&shop, &same, &[pin("b", 1)]);
    assert_eq!((list.returned, list.reason), (1, Some("no_category")), "the pin alone does not fill the list");
    same.rank = Some(Rank { similarity: 1.0, margin: Some(1.0), ..Rank::default() });
    let list = under(&shop, &same, &[pin("b", 1)]);
    assert_eq!((list.entries[0].similarity, list.entries[0].score), (None, Some(0.0)), "terms that count 0");
}

#[test]
fn a_pin_stands_for_its_group_where_variants_share_an_entry() {
    let mut shop = letters();
    for at in [1, 4] {
        shop[at].group = Some("g".to_owned());
    }
    for at in [2, 3] {
        shop[at].group = Some("h".to_owned());
    }
    let four = limited(4);
    assert_eq!(ids(&under(&shop, &four, &[])), ["b", "c", "f"]);
    assert_eq!(ids(&under(&shop, &four, &[pin("e", 1)])), ["e", "c", "f"], "b is a variant of e");
    assert_eq!(ids(&under(&shop, &four, &[pin("e", 1), pin("b", 2)])), ["e", "b", "c", "f"], "two pins may be");
    shop[0].group = Some("g".to_owned());
    let any = OracleRule { group: Group::Any, ..four };
    assert_eq!(ids(&under(&shop, &any, &[pin("e", 1)])), ["e", "b", "c", "f"], "own variants are entries of their own");
    assert_eq!(ids(&under(&shop, &any, &[pin("d", 1)])), ["d", "b", "e", "f"]);
}

#[test]
fn blocks_take_candidates_and_whole_entries() {
    let short = |rows: &[MerchandisingRow], products: &[OracleProduct]| {
        let list = under(products, &limited(5), rows);
        (ids(&list).join(""), list.eligible, list.reason)
    };
    assert_eq!(short(&[block("b")], &letters()), ("cdef".to_owned(), 5, Some("blocked")));
    let mut shop = letters();
    shop[1].group = Some("g".to_owned());
    shop[5].group = Some("g".to_owned());
    assert_eq!(short(&[], &shop), ("bcde".to_owned(), 4, Some("few_eligible")));
    assert_eq!(short(&[block("b")], &shop), ("cdef".to_owned(), 4, Some("few_eligible")), "f stands for the group");
    assert_eq!(short(&[block("b"), block("f")], &shop), ("cde".to_owned(), 4, Some("blocked")));
    let only_for_b = row(Action::Block, "b", "c", None);
    assert_eq!(short(&[only_for_b], &letters()), ("bcdef".to_owned(), 5, None));
    let mut near = limited(5);
    near.min_similarity = Some(0.7);
    let list = under(&letters(), &near, &[block("b")]);
    assert_eq!((ids(&list), list.reason), (vec!["c", "d", "e"], Some("min_similarity")), "it comes before the block");
}

#[test]
fn pins_count_towards_caps_and_are_never_refused() {
    let shop: Vec<OracleProduct> = letters()
        .into_iter()
        .zip("-xxyyx".chars())
        .map(|(product, brand)| with(product, "brand", &brand.to_string()))
        .collect();
    let mut capped = limited(4);
    capped.diversity = Some(Diversity { max_per: vec![("brand".to_owned(), 1)], hard: true });
    let list = under(&shop, &capped, &[pin("f", 1)]);
    assert_eq!((ids(&list), list.reason), (vec!["f", "d"], Some("hard_cap")));
    let list = under(&shop, &capped, &[pin("f", 1), pin("c", 1)]);
    assert_eq!((ids(&list), list.reason), (vec!["f", "c", "d"], Some("hard_cap")));
}
