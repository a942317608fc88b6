//! The demo as a user runs it: what the published tables say of the pairs that the shop is made of.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use parquet::record::Row;

use crate::run::{field, night, rows, string, twinset};

/// The demo, drawn and run once for all tests; removed by the system with its temporary folder.
static DEMO: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = night(&["demo", "shop"], folder.path());
    let out = folder.path().join("shop/out");
    let recommendations = rows(&out, "recommendations");
    assert_eq!(manifest["counts"]["recommendations"].as_u64(), Some(recommendations.len() as u64));
    assert_eq!(manifest["counts"]["placements"].as_u64(), Some(rows(&out, "placements").len() as u64));
    assert!(rows(&out, "rejects").is_empty());
    (folder, out)
});

fn out() -> &'static Path {
    &DEMO.1
}

/// The lists of one rule in the published table: anchor, rank, recommended.
fn lists(rule: &str) -> Vec<(String, Row, String)> {
    let of_rule = rows(out(), "recommendations").into_iter().filter(|row| string(row, "rule").as_deref() == Some(rule));
    let lists: Vec<(String, Row, String)> = of_rule
        .map(|row| {
            let text = |name| string(&row, name).expect("required");
            (text("product_id"), row.clone(), text("recommended_id"))
        })
        .collect();
    assert!(!lists.is_empty(), "no list of `{rule}`");
    lists
}

fn is_first(row: &Row) -> bool {
    crate::run::number(row, "rank") == 1
}

fn ratio(row: &Row) -> f64 {
    field(row, "price_ratio").to_string().parse().expect("both have a price")
}

/// The parts of an id such as `NECK-HEART-GOLD`.
fn parts(id: &str) -> Vec<&str> {
    id.split('-').collect()
}

#[test]
fn a_necklace_finds_its_earrings_by_their_look() {
    let first: Vec<_> = lists("matching_earrings").into_iter().filter(|(_, row, _)| is_first(row)).collect();
    let motif = |id: &str| parts(id)[1].to_owned();
    let metal = |id: &str| parts(id)[2].to_owned();
    assert!(first.iter().all(|(necklace, _, earrings)| metal(necklace) == metal(earrings)), "the rule says so");
    let matching = first.iter().filter(|(necklace, _, earrings)| motif(necklace) == motif(earrings)).count();
    println!("{matching} of {} necklaces have earrings of the same motif in the first place", first.len());
    assert!(
        first.len() == 32 && matching * 10 >= first.len() * 8,
        "{matching} of {}: one in eight by chance",
        first.len()
    );
    let page = rows(out(), "placements");
    let of_heart: Vec<&Row> =
        page.iter().filter(|row| string(row, "product_id").as_deref() == Some("NECK-HEART-SILVER")).collect();
    assert_eq!(string(of_heart[0], "rule").as_deref(), Some("matching_earrings"), "the page shows them first");
    assert_eq!(of_heart.len(), 8);
}

#[test]
fn silver_finds_gold_of_the_same_piece() {
    let all = lists("gold_instead_of_silver");
    let silver = all.iter().filter(|(anchor, ..)| anchor.ends_with("-SILVER"));
    for (anchor, row, gold) in silver.clone() {
        assert!(gold.ends_with("-GOLD") && ratio(row) > 1.0 && ratio(row) <= 3.0, "{anchor}: {gold}");
    }
    let first: Vec<_> = silver.filter(|(_, row, _)| is_first(row)).collect();
    let is_same = |pair: &&&(String, Row, String)| parts(&pair.0)[..2] == parts(&pair.2)[..2];
    let same = first.iter().filter(is_same).count();
    println!("{same} of {} silver pieces have the same piece in gold in the first place", first.len());
    assert!(same * 2 >= first.len(), "{same} of {}: one in sixteen by chance", first.len());
}

#[test]
fn a_phone_finds_its_warranty() {
    let all = lists("warranty");
    for (phone, row, care) in &all {
        assert!(phone.starts_with("PHONE-") && care.starts_with("CARE-"), "{phone}: {care}");
        assert!(ratio(row) <= 0.25 && string(row, "relation").as_deref() == Some("cross_sell"));
        assert_eq!(field(row, "similarity").to_string(), "null", "a warranty has no look");
    }
    let page = rows(out(), "placements");
    let shows_care = |row: &&Row| string(row, "product_id").as_deref() == Some("PHONE-PRO-MINT-128");
    let shown: Vec<String> =
        page.iter().filter(shows_care).map(|row| string(row, "recommended_id").expect("required")).collect();
    assert!(shown.iter().any(|id| id.starts_with("CARE-")), "a phone's page offers care: {shown:?}");
    assert!(shown[0].starts_with("PHONE-"), "a phone's page begins with a better phone: {shown:?}");
}

#[test]
fn a_small_poster_finds_the_larger_ones() {
    let all = lists("larger_size");
    assert!(all.iter().all(|(_, row, _)| ratio(row) > 1.0));
    let size = |id: &str| ["-S", "-M", "-L"].iter().position(|size| id.ends_with(size)).expect(id);
    let design = |id: &str| id.rsplit_once('-').expect("a size").0.to_owned();
    for (small, _, large) in &all {
        assert!(design(small) == design(large) && size(large) > size(small), "{small}: {large}");
    }
    let of_small = all.iter().filter(|(anchor, ..)| anchor.ends_with("-S")).count();
    assert!(of_small > 0, "a small one has a larger one");
}

#[test]
fn an_explanation_says_what_the_tables_say() {
    let folder = DEMO.0.path().join("shop");
    let explained = twinset(&["explain", "NECK-HEART-SILVER", "--json"], &folder);
    assert_eq!(explained.status.code(), Some(0), "{}", String::from_utf8_lossy(&explained.stderr));
    let explained: serde_json::Value = serde_json::from_slice(&explained.stdout).expect("JSON");
    let mut found = 0;
    for rule in explained["rules"].as_array().expect("rules") {
        let name = rule["rule"].as_str().expect("a name");
        let published = rows(out(), "recommendations").into_iter().filter(|row| {
            string(row, "product_id").as_deref() == Some("NECK-HEART-SILVER")
                && string(row, "rule").as_deref() == Some(name)
        });
        let published: Vec<String> = published.map(|row| string(&row, "recommended_id").expect("required")).collect();
        let said = rule["entries"].as_array().expect("entries").iter();
        let said: Vec<String> = said.map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(said, published, "{name}");
        found += said.len();
    }
    assert!(found > 30);
    let pair = twinset(&["explain", "NECK-HEART-SILVER", "NECK-HEART-GOLD"], &folder);
    let text = String::from_utf8(pair.stdout).expect("text");
    for said in ["NO   price_ratio     161.92 beside 73.60 = 2.2000: above 1, up to 2", "in the list at rank 1"] {
        assert!(text.contains(said), "{text}");
    }
    let care = twinset(&["explain", "PHONE-MAX-MINT-128", "CARE-FULL-2Y"], &folder);
    let text = String::from_utf8(care.stdout).expect("text");
    let said = "displaced: 5th of 5 by its price, and the last of the list is CARE-ACCIDENT-1Y";
    assert!(text.contains(said), "{text}");
    let missing = twinset(&["explain", "neck-heart-silver"], &folder);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is `NECK-HEART-SILVER`"));
}
