//! The demo as a user runs it.

use crate::run::{night, rows, string};

#[test]
fn the_demo_draws_a_shop_and_recommends_in_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = night(&["demo", "shop"], folder.path());
    let out = folder.path().join("shop/out");
    let recommendations = rows(&out, "recommendations");
    assert_eq!(manifest["counts"]["recommendations"].as_u64(), Some(recommendations.len() as u64));
    assert!(rows(&out, "rejects").is_empty());
    let pairs = |rule: &str| -> Vec<(String, String)> {
        let of_rule = recommendations.iter().filter(|row| string(row, "rule").as_deref() == Some(rule));
        of_rule.filter_map(|row| string(row, "product_id").zip(string(row, "recommended_id"))).collect()
    };
    let warranties = pairs("warranty");
    assert!(!warranties.is_empty() && warranties.iter().all(|(_, to)| to.starts_with("CARE-")));
    assert!(!pairs("gold_instead_of_silver").is_empty() && !pairs("larger_size").is_empty());
}
