//! What a plan lets into a list, pair by pair, is what the documentation's conditions allow, no more and no less; and the
//! tiles that are left unscored hold none of it.

use std::collections::HashMap;

use proptest::prelude::*;
use twinset::similarity::NO_LIST;
use twinset::similarity::remaining::Remaining;
use twinset::similarity::tiles::Tiles;

use crate::oracle::{self, OracleShop, allowed};
use crate::random_shop::shop_of;
use crate::random_shops::Night;

/// Rows by their products' places in the shop.
fn rows(night: &Night, shop: &OracleShop) -> Vec<usize> {
    let place: HashMap<&str, usize> = shop.products.iter().enumerate().map(|(at, p)| (p.id.as_str(), at)).collect();
    let mut rows = vec![usize::MAX; shop.products.len()];
    night.ids().enumerate().for_each(|(row, id)| rows[place[id]] = row);
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_admits_what_the_rules_allow(shop in prop_oneof![3 => shop_of(1..61), 1 => shop_of(61..150)]) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let night = Night::prepare(&shop, folder.path());
        let (lists, rows) = (&night.plan.lists, rows(&night, &shop));
        let expected = allowed(&shop);
        prop_assert_eq!(lists.rules.len(), shop.rules.len());
        for (number, (rule, of_rule)) in lists.rules.iter().zip(&expected).enumerate() {
            prop_assert_eq!(rule.visual, shop.rules[number].similarity == oracle::shop::Similarity::Visual);
            for (anchor, of_anchor) in of_rule.iter().enumerate() {
                let row = rows[anchor];
                prop_assert_eq!(rule.scope[row] != NO_LIST, of_anchor.is_some(), "rule {}, {}", number, anchor);
                let Some(of_anchor) = of_anchor else { continue };
                prop_assert!(!rule.visual || row < night.plan.seen, "a visual list of a row without a vector");
                let candidates = 0..shop.products.len();
                let admitted: Vec<usize> = candidates.filter(|&c| lists.admits(rule, row, rows[c])).collect();
                prop_assert_eq!(&admitted, of_anchor, "rule {}, anchor {}", number, anchor);
                for &candidate in &admitted {
                    prop_assert!(!rule.visual || rows[candidate] < night.plan.seen);
                    let group = |at: usize| shop.products[at].group.as_ref();
                    let own = group(anchor).is_some() && group(anchor) == group(candidate);
                    prop_assert_eq!(lists.collapses(rule, row, rows[candidate]), !own, "{} beside {}", candidate, anchor);
                }
            }
        }
    }

    #[test]
    fn no_admitted_pair_lies_in_tiles_that_are_never_scored(
        shop in prop_oneof![3 => shop_of(1..61), 1 => shop_of(61..150)],
        size in prop_oneof![3 => 1_usize..9, 1 => 9_usize..40],
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let night = Night::prepare(&shop, folder.path());
        let (lists, seen) = (&night.plan.lists, night.plan.seen);
        let tiles = Tiles::new(lists, seen, size);
        let remaining = Remaining::new(&tiles);
        for (number, rule) in lists.rules.iter().enumerate().filter(|(_, rule)| rule.visual) {
            for anchor in (0..seen).filter(|&anchor| rule.scope[anchor] != NO_LIST) {
                for candidate in (0..seen).filter(|&candidate| lists.admits(rule, anchor, candidate)) {
                    let (i, j) = (anchor / size, candidate / size);
                    prop_assert!(remaining.needs(i, j), "rule {number}: {anchor} needs {candidate}");
                    prop_assert!(tiles.open_rules(i, j) >> number & 1 == 1, "rule {number}: {anchor} beside {candidate}");
                    let in_work = |i, j, mutual: bool| remaining.work(i).iter().any(|w| w.0 == j && (w.1 || !mutual));
                    prop_assert!(in_work(i, j, false) || in_work(j, i, true), "{anchor} beside {candidate}");
                }
            }
        }
    }
}
