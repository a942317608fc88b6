//! Two nights written to a folder that the environment names, for the readers in `tests/python/read_tables.py`.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use chrono::NaiveDate;

use super::*;
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
        ]
    );
    assert_eq!(field(&lists[35], "price"), &Field::Decimal(::parquet::data_type::Decimal::from_i64(10_001, 18, 4)));
    assert_eq!(field(&lists[35], "similarity"), &Field::Float(1.2 - 0.3));

    let coverage = rows(&root.join("coverage/run_date=2026-11-23/second-00000.parquet"));
    assert_eq!(coverage.len(), PRODUCTS * 3);
    assert_eq!(field(&coverage[1], "eligible"), &Field::Long(1 << 40));
    assert_eq!(field(&coverage[0], "shortfall_reason"), &Field::Str("few_eligible".to_owned()));

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
    let (mut lists, mut coverage) = (staging.recommendations().unwrap(), staging.coverage().unwrap());
    for product in 0..PRODUCTS {
        let id = format!("{product:06}");
        for rule in RULES {
            for rank in 1..=LIMIT {
                lists.push(&recommendation(&id, product, rule, rank)).unwrap();
            }
            let shortfall_reason = (rule == "cross_sell").then_some("few_eligible");
            let (relation, list_limit, eligible) = (rule, LIMIT + i32::from(shortfall_reason.is_some()), 1 << 40);
            let row =
                Coverage { product_id: &id, rule, relation, list_limit, eligible, returned: LIMIT, shortfall_reason };
            coverage.push(&row).unwrap();
        }
    }
    manifest.files.extend(lists.finish().unwrap());
    manifest.files.extend(coverage.finish().unwrap());
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
            embeddings.push(&Embedding { product_id: &format!("{product:06}"), values: &values }).unwrap();
        }
        manifest.files.extend(embeddings.finish().unwrap());
    }
    let path = staging.publish(&manifest).unwrap();
    assert_eq!(Manifest::read(&path).unwrap(), manifest);
}

/// Every third product has no price, and with it no similarity, score and ratio, so that each nullable column has nulls.
fn recommendation<'a>(product_id: &'a str, product: usize, rule: &'a str, rank: i32) -> Recommendation<'a> {
    let known = !product.is_multiple_of(3);
    let rank_as_share = f32::from(u8::try_from(rank).unwrap()) / 20.0;
    Recommendation {
        product_id,
        rule,
        relation: rule,
        rank,
        recommended_id: if known { "second" } else { "é000001" },
        similarity: known.then_some(1.2 - rank_as_share),
        score: known.then_some(0.5),
        price: known.then(|| Price::from_units(10_000 + i64::try_from(product).unwrap()).unwrap()),
        recommended_price: if known { None } else { Some(Price::MAX) },
        currency: known.then(|| Currency::parse("usd").unwrap()),
        recommended_currency: if known { None } else { Currency::parse("EUR") },
        price_ratio: known.then_some(1.0 / 3.0),
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
