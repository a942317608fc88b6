//! Two nights written to a folder that the environment names, for the readers in `tests/python/read_tables.py`.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use chrono::NaiveDate;

use super::*;
use crate::money::Price;
use crate::reject::{Reject, Stage};

const PRODUCTS: usize = 4_500;
const LIMIT: i32 = 10;
const RULES: [&str; 3] = ["cross_sell", "similar", "upsell"];

/// Writes two nights and reads every table back. `tests/python/read_tables.py` reads the same folder with other programs when
/// `TWINSET_TABLES` names where to leave it.
#[test]
fn two_nights_read_back_as_they_were_written() {
    let scratch = tempfile::tempdir().unwrap();
    let root = std::env::var_os("TWINSET_TABLES").map_or_else(|| scratch.path().join("out"), PathBuf::from);
    let output = OutputFolder::open(&root).unwrap();
    let (first, second) = (date(22), date(23));
    night(&output, "first", first, true);
    night(&output, "second", second, false);

    let lists = rows(&root.join("recommendations/run_date=2026-11-22/first-00000.parquet"));
    assert_eq!(lists.len(), PRODUCTS * 3 * 10);
    let texts = |row: &Row| row.get_column_iter().map(|(name, field)| format!("{name}={field}")).collect::<Vec<_>>();
    assert_eq!(
        texts(&lists[0]),
        [
            "run_id=\"first\"",
            "run_date=2026-11-22",
            "product_id=\"000000\"",
            "rule=\"cross_sell\"",
            "relation=\"cross_sell\"",
            "rank=1",
            "recommended_id=\"é000001\"",
            "similarity=null",
            "score=null",
            "price=null",
            "recommended_price=99999999999999.9999",
            "currency=null",
            "recommended_currency=\"EUR\"",
            "price_ratio=null",
            "margin_gain=null",
            "origin=\"pin\"",
        ]
    );
    assert_eq!(field(&lists[35], "price"), &Field::Decimal(::parquet::data_type::Decimal::from_i64(10_001, 18, 4)));
    assert_eq!(field(&lists[35], "similarity"), &Field::Float(1.2 - 0.3));

    let coverage = rows(&root.join("coverage/run_date=2026-11-23/second-00000.parquet"));
    assert_eq!(coverage.len(), PRODUCTS * 3);
    assert_eq!(field(&coverage[1], "eligible"), &Field::Long(1 << 40));
    assert_eq!(field(&coverage[0], "shortfall_reason"), &Field::Str("few_eligible".to_owned()));
    assert_eq!((field(&coverage[0], "pinned"), field(&coverage[0], "fallback")), (&Field::Int(1), &Field::Int(2)));
    let gain = Field::Decimal(::parquet::data_type::Decimal::from_i64(-12_345, 18, 4));
    assert_eq!(
        (field(&lists[35], "margin_gain"), field(&lists[35], "origin").to_string()),
        (&gain, "\"rule\"".to_owned())
    );

    let placements = rows(&root.join("placements/run_date=2026-11-22/first-00000.parquet"));
    assert_eq!(placements.len(), PRODUCTS * 2);
    let slot =
        ["product_id=\"000001\"", "placement=\"page\"", "slot=1", "relation=\"upsell\"", "rule=\"similar\"", "rank=3"];
    assert_eq!(texts(&placements[3])[2..8], slot);
    assert!(!root.join("placements/run_date=2026-11-23").exists());

    let duplicates = rows(&root.join("duplicates/run_date=2026-11-22/first-00000.parquet"));
    assert_eq!(duplicates.len(), PRODUCTS / 2);
    let alike = [
        "product_id=\"000003\"",
        "rank=2",
        "duplicate_id=\"000002\"",
        "similarity=0.5",
        "identical=true",
        "cluster_id=\"000001\"",
    ];
    assert_eq!(texts(&duplicates[1])[2..], alike);
    assert_eq!(field(&duplicates[0], "identical"), &Field::Bool(false));
    assert!(!root.join("duplicates/run_date=2026-11-23").exists());

    let rejects = rows(&root.join("rejects/run_date=2026-11-22/first-00000.parquet"));
    let seen: Vec<_> =
        rejects.iter().map(|row| (field(row, "row").to_string(), field(row, "id").to_string())).collect();
    let expected = [("3", "null"), ("3", "\"x\""), ("1099511627776", "\"007\"")];
    assert_eq!(seen, expected.map(|(row, id)| (row.to_owned(), id.to_owned())));
    assert!(rows(&root.join("rejects/run_date=2026-11-23/second-00000.parquet")).is_empty());

    let vectors = rows(&root.join("embeddings/run_date=2026-11-22/first-00000.parquet"));
    assert_eq!(field(&vectors[7], "embedding").to_string(), "[7.0, 0.5, -0E0]");
    assert!(!root.join("embeddings/run_date=2026-11-23").exists());
}

fn night(output: &OutputFolder, run: &str, date: NaiveDate, full: bool) {
    let staging = output.stage(run, date).unwrap();
    let mut manifest = Manifest::new(run, date);
    let of = dictionaries();
    let (mut lists, mut coverage) = (staging.recommendations(&of).unwrap(), staging.coverage(&of).unwrap());
    for product in 0..PRODUCTS {
        for (place, name) in RULES.into_iter().enumerate() {
            for rank in 1..=LIMIT {
                lists.push(&recommendation(product, Key::new(place), rank)).unwrap();
            }
            let is_short = name == "cross_sell";
            let row = Coverage {
                product_id: Key::new(product),
                rule: Key::new(place),
                relation: Key::new(place),
                list_limit: LIMIT + i32::from(is_short),
                eligible: 1 << 40,
                returned: LIMIT,
                shortfall_reason: if is_short { Key::new(0) } else { Key::NULL },
                pinned: 1,
                fallback: 2,
            };
            coverage.push(&row).unwrap();
        }
    }
    manifest.files.extend(lists.finish().unwrap());
    manifest.files.extend(coverage.finish().unwrap());
    if full {
        let mut placements = staging.placements(&of).unwrap();
        for (product, placement) in (0..PRODUCTS).flat_map(|product| [(product, 0), (product, 1)]) {
            let [product_id, placement, relation, rule, rank] = [product, placement, 2, 1, 2].map(Key::new);
            let recommended_id = Key::new(PRODUCTS);
            let slot = Placed { product_id, placement, slot: Key::new(0), relation, rule, rank, recommended_id };
            placements.push(&slot).unwrap();
        }
        manifest.files.extend(placements.finish().unwrap());
        let mut duplicates = staging.duplicates(&of).unwrap();
        for product in (1..PRODUCTS).step_by(2) {
            let [product_id, rank, duplicate_id, cluster_id] = [product, product % 4 / 2, product - 1, 1].map(Key::new);
            let identical = rank > Key::new(0);
            let row = Duplicate { product_id, rank, duplicate_id, similarity: 0.5, identical, cluster_id };
            duplicates.push(&row).unwrap();
        }
        manifest.files.extend(duplicates.finish().unwrap());
    }
    let mut rejects = staging.rejects().unwrap();
    if full {
        let reject = |stage, row, id: Option<&str>, code, detail: &str| {
            let (id, detail) = (id.map(str::to_owned), detail.to_owned());
            Reject { stage, row, id, code, detail }
        };
        rejects.push(&reject(Stage::Catalog, 3, None, "no_id", "the id is empty")).unwrap();
        rejects.push(&reject(Stage::Image, 3, Some("x"), "not_an_image", "`a\u{301}.jpg`:\nno known format")).unwrap();
        rejects.push(&reject(Stage::Catalog, 1 << 40, Some("007"), "duplicate_id", "first in row 1")).unwrap();
    }
    manifest.files.extend(rejects.finish().unwrap());
    if full {
        let mut embeddings = staging.embeddings().unwrap();
        for product in 0..1_000_u16 {
            let values = [f32::from(product), 0.5, -0.0];
            embeddings.push(&Embedding { product_id: &format!("{product:06}"), view: 1, values: &values }).unwrap();
        }
        manifest.files.extend(embeddings.finish().unwrap());
    }
    let path = staging.publish(&manifest).unwrap();
    assert_eq!(Manifest::read(&path).unwrap(), manifest);
}

fn dictionaries() -> Dictionaries {
    let ids: Vec<String> = (0..PRODUCTS).map(|product| format!("{product:06}")).collect();
    let prices = (10_000..).take(PRODUCTS).chain([Price::MAX.units()]);
    Dictionaries {
        ids: Dictionary::of_text(ids.iter().map(String::as_str).chain(["second", "é000001"])).unwrap(),
        rules: Dictionary::of_text(RULES).unwrap(),
        relations: Dictionary::of_text(RULES).unwrap(),
        ranks: Dictionary::of_i32(1..=LIMIT).unwrap(),
        prices: Dictionary::of_i64(prices).unwrap(),
        currencies: Dictionary::of_text(["EUR", "USD"]).unwrap(),
        origins: Dictionary::of_text(["pin", "rule"]).unwrap(),
        reasons: Dictionary::of_text(["few_eligible"]).unwrap(),
        placements: Dictionary::of_text(["cart", "page"]).unwrap(),
    }
}

/// Every third product has no price, and with it no similarity, score and ratio, so that each nullable column has nulls.
fn recommendation(product: usize, rule: Key, rank: i32) -> Recommendation {
    let known = !product.is_multiple_of(3);
    let rank_as_share = f32::from(u8::try_from(rank).unwrap()) / 20.0;
    let either = |if_known: usize, if_not: usize| Key::new(if known { if_known } else { if_not });
    Recommendation {
        product_id: Key::new(product),
        rule,
        relation: rule,
        rank: Key::new(usize::try_from(rank).unwrap() - 1),
        recommended_id: either(PRODUCTS, PRODUCTS + 1),
        similarity: known.then_some(1.2 - rank_as_share),
        score: known.then_some(0.5),
        price: if known { Key::new(product) } else { Key::NULL },
        recommended_price: if known { Key::NULL } else { Key::new(PRODUCTS) },
        currency: if known { Key::new(1) } else { Key::NULL },
        recommended_currency: if known { Key::NULL } else { Key::new(0) },
        price_ratio: known.then_some(1.0 / 3.0),
        margin_gain: known.then_some(-12_345),
        origin: Key::new(usize::from(known)),
    }
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
}

fn rows(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn field<'a>(row: &'a Row, column: &str) -> &'a Field {
    row.get_column_iter().find(|(name, _)| *name == column).unwrap().1
}
