//! Real shops, from images to Parquet. Without the shops these tests show as ignored (see `build.rs`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rust_decimal::Decimal;
use twinset::catalog::{self, FurtherImages, Source};
use twinset::progress::Progress;

use crate::run::{night, number, python, rows, string, table_bytes, text};

/// The folder of the real shops.
pub fn shops() -> PathBuf {
    PathBuf::from(env!("TWINSET_SHOPS_FOLDER"))
}

/// Runs the default rules on a shop, vectors published too; returns the output folder.
fn publish(shop: &str, folder: &Path, out: &str, threads: &str) -> PathBuf {
    let catalog = shops().join(shop).join("products.csv").canonicalize().expect("the shop is there");
    let config = format!("[catalog]\npath = {:?}\n[output]\npath = \"out\"\nembeddings = true\n", text(&catalog));
    std::fs::write(folder.join("twinset.toml"), config).expect("written");
    let manifest = night(&["run", "--out", out, "--threads", threads, "--run-date", "2026-11-22"], folder);
    println!("{shop}: {}", manifest["counts"]);
    folder.join(out)
}

/// Handle and price of every variant, as the catalog room reads them.
fn prices_read(export: &Path) -> Vec<(String, Decimal)> {
    let columns = BTreeMap::new();
    let source = Source {
        path: export,
        format: None,
        columns: &columns,
        currency: None,
        decimal: '.',
        further_images: &FurtherImages::default(),
        run_date: "2026-11-22".parse().expect("a date"),
        attributes: &[],
        vectors: None,
        progress: &Progress::hidden(),
    };
    let catalog = catalog::read(&source).expect("a catalog");
    let price = |p: &catalog::Product| Decimal::new(p.price.expect("every variant has one").units(), 4);
    catalog.products.iter().map(|p| (p.group.clone().expect("the handle"), price(p).normalize())).collect()
}

/// The same, straight from the file.
fn prices_written(export: &Path) -> Vec<(String, Decimal)> {
    let mut file = csv::Reader::from_path(export).expect("opens");
    let header = file.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|h| h == name).expect(name);
    let (handle, price) = (column("Handle"), column("Variant Price"));
    let rows = file.records().map(|row| row.expect("a row")).filter(|row| !row[price].is_empty());
    rows.map(|row| (row[handle].to_owned(), row[price].parse::<Decimal>().expect("decimal").normalize())).collect()
}

/// Published lists recomputed from products.csv by DuckDB, and read by three readers.
fn check(shop: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = publish(shop, folder.path(), "out", "2");
    let catalog = shops().join(shop).join("products.csv");
    println!("{}", python("check_rules.py", &[text(&out), text(&catalog)]));
    println!("{}", python("read_tables.py", &[text(&out)]));
    (folder, out)
}

#[test]
#[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
fn luma_obeys_every_rule_equals_a_naive_scan_and_finds_the_shops_own_upsells() {
    let (folder, out) = check("magento_luma");
    println!("{}", python("check_naive.py", &[text(&out), text(&shops().join("magento_luma/products.csv"))]));
    println!("{}", python("luma_upsell.py", &[text(&out), text(&shops())]));
    let one = publish("magento_luma", folder.path(), "one", "1");
    assert!(table_bytes(&one) == table_bytes(&out), "one thread and two differ");
}

#[test]
#[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
fn clothing_obeys_every_rule_and_equals_a_naive_scan() {
    let (folder, out) = check("clothing");
    println!("{}", python("check_naive.py", &[text(&out), text(&shops().join("clothing/products.csv"))]));
    let one = publish("clothing", folder.path(), "one", "1");
    assert!(table_bytes(&one) == table_bytes(&out), "one thread and two differ");
}

#[test]
#[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
fn opencart_and_spree_obey_every_rule() {
    check("opencart");
    check("spree");
}

#[test]
#[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
fn the_built_in_networks_agree_with_an_independent_one() {
    let clothing = shops().join("clothing");
    let catalog = clothing.join("products.csv");
    let example = Path::new(env!("CARGO_BIN_EXE_twinset")).with_file_name("examples").join("dump_vectors");
    for (variant, flag, images) in [("lite0", None, "300"), ("lite2", Some("lite2"), "24")] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut dump = Command::new(&example);
        let dump = dump.args([&catalog, &clothing, &folder.path().to_owned()]).args(flag).status();
        assert!(dump.expect("run all tests: `cargo test` builds the examples too").success());
        let asked = [text(&catalog), text(folder.path()), "--variant", variant, "--images", images];
        println!("{variant}: {}", python("check_network.py", &asked));
    }
}

#[test]
#[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
fn shopify_exports_are_read_as_they_are() {
    for (file, variants) in [("apparel.csv", 22), ("home-and-garden.csv", 21), ("jewelery.csv", 23)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = shops().join("shopify").join(file).canonicalize().expect("the export is there");
        night(&["run", "--catalog", text(&path)], folder.path());
        let coverage = rows(&folder.path().join("out"), "coverage");
        let products: std::collections::BTreeSet<_> = coverage.iter().map(|r| string(r, "product_id")).collect();
        assert_eq!(products.len(), variants, "{file}");
        for row in &coverage {
            assert_eq!(string(row, "shortfall_reason").as_deref(), Some("image_is_url"), "{file}");
            assert_eq!(number(row, "returned"), 0);
        }
        assert!(rows(&folder.path().join("out"), "rejects").is_empty(), "a URL is no reject");
        assert_eq!(prices_read(&path), prices_written(&path), "{file}");
    }
}
