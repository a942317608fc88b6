//! That random shops come to everything, so that comparing them is worth something. Refuses to count how often.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::{shop, to_toml};
use crate::oracle::{evaluate, placements};

#[test]
fn random_shops_come_to_everything() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let shop = shop().new_tree(&mut runner).expect("a shop").current();
        let text = to_toml(&shop);
        text.parse::<toml::Table>().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let lists = evaluate(&shop);
        for list in &lists {
            seen.insert(list.reason.unwrap_or("full"));
            let entries = list.entries.iter();
            entries.for_each(|entry| {
                seen.insert(entry.origin);
                seen.insert(match entry.margin_gain {
                    None => "no gain",
                    Some(gain) if gain.is_sign_negative() => "loss",
                    Some(_) => "gain",
                });
            });
            let limit = shop.rules.iter().find(|rule| rule.name == list.rule).expect("a rule").limit;
            assert!(list.entries.len() == list.returned && list.returned <= limit);
            let ids: BTreeSet<&str> = list.entries.iter().map(|entry| entry.id.as_str()).collect();
            assert!(ids.len() == list.returned && !ids.contains(list.product.as_str()), "{list:?}");
        }
        let placed = placements(&shop, &lists);
        seen.extend(
            placed.iter().filter_map(|row| ["product_page", "cart", "page"].into_iter().find(|n| *n == row.placement)),
        );
    }
    let all = "blocked cart fallback few_eligible full gain hard_cap loss min_results min_similarity no gain no_attribute \
               no_category no_price no_vector page pin product_page rule";
    assert_eq!(seen.into_iter().collect::<Vec<_>>().join(" "), all);
}
