//! Every feature of the rules: a section of docs/rules.md, a small shop, and the tables that come out of it.
//!
//! With `TWINSET_BLESS=1` the tables are written anew: read the difference before you keep it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use parquet::record::{Field, Row};

use crate::run::{ROOT, field, float, night, number, rows, string};

/// The folder of the small shops.
fn features() -> PathBuf {
    Path::new(ROOT).join("tests/features")
}

/// The names of the folders.
fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(features()).expect("the folder of features");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name")).collect()
}

#[test]
fn every_section_of_the_rules_has_a_shop_and_every_shop_a_section() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/rules.md")).expect("docs/rules.md");
    let sections = text.lines().filter_map(|line| line.strip_prefix("## "));
    let about_one = sections.filter(|title| title.chars().next().is_some_and(char::is_lowercase));
    let sections: BTreeSet<String> = about_one.map(|title| title.replace(' ', "-")).collect();
    assert_eq!(sections, names());
}

#[test]
fn every_feature_gives_the_tables_that_are_written_down() {
    let bless = std::env::var_os("TWINSET_BLESS").is_some();
    let mut wrong = Vec::new();
    for name in names() {
        let (shop, work) = (features().join(&name), tempfile::tempdir().expect("a temporary folder"));
        for entry in std::fs::read_dir(&shop).expect("a shop") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, work.path().join(path.file_name().expect("a name"))).expect("copied");
        }
        night(&["run", "--run-date", "2026-11-22"], work.path());
        let found = tables(&work.path().join("out"));
        let kept = shop.join("expected.txt");
        if bless {
            std::fs::write(&kept, &found).expect("written");
        }
        let expected = std::fs::read_to_string(&kept).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "other tables than expected.txt has:\n{}", wrong.join("\n"));
}

/// The tables of a night as text.
fn tables(out: &Path) -> String {
    let mut text = String::new();
    let entries = rows(out, "recommendations");
    for list in rows(out, "coverage") {
        let of = |row: &Row| (string(row, "product_id"), string(row, "rule"));
        let reason = string(&list, "shortfall_reason").map_or_else(String::new, |reason| format!(", {reason}"));
        let mine: Vec<&Row> = entries.iter().filter(|row| of(row) == of(&list)).collect();
        let shown: Vec<String> = mine.iter().map(|row| entry(row)).collect();
        assert_eq!(number(&list, "returned"), i64::try_from(mine.len()).expect("few"));
        let origins = |origin: &str| mine.iter().filter(|row| string(row, "origin").as_deref() == Some(origin)).count();
        let counted = (number(&list, "pinned"), number(&list, "fallback"));
        assert_eq!(counted, (origins("pin").try_into().expect("few"), origins("fallback").try_into().expect("few")));
        let (product, rule) = (string(&list, "product_id").expect("an id"), string(&list, "rule").expect("a rule"));
        let (returned, eligible) = (number(&list, "returned"), number(&list, "eligible"));
        writeln!(text, "{product} {rule}: {returned} of {eligible} eligible{reason}").expect("a string");
        shown.iter().for_each(|line| writeln!(text, "    {line}").expect("a string"));
    }
    for slot in if out.join("placements").exists() { rows(out, "placements") } else { Vec::new() } {
        let word = |name: &str| string(&slot, name).expect("required");
        let (page, at, rank) = (word("placement"), number(&slot, "slot"), number(&slot, "rank"));
        let (product, id, rule, relation) =
            (word("product_id"), word("recommended_id"), word("rule"), word("relation"));
        writeln!(text, "{page} of {product}, {at}: {id} ({relation}, {rule} {rank})").expect("a string");
    }
    for reject in rows(out, "rejects") {
        let id = string(&reject, "id").unwrap_or_default();
        writeln!(text, "reject {id}: {}", string(&reject, "code").expect("required")).expect("a string");
    }
    let learned = out.join("complements/run_date=2026-11-22.toml");
    if learned.exists() {
        text.push_str(&std::fs::read_to_string(learned).expect("text"));
    }
    text
}

fn entry(row: &Row) -> String {
    let mut line = string(row, "recommended_id").expect("required");
    for name in ["similarity", "score"] {
        if let Some(value) = float(row, name) {
            write!(line, " {name} {value:.4}").expect("a string");
        }
    }
    if let Field::Double(ratio) = field(row, "price_ratio") {
        write!(line, " ratio {ratio:.4}").expect("a string");
    }
    if let gain @ Field::Decimal(_) = field(row, "margin_gain") {
        write!(line, " gain {gain}").expect("a string");
    }
    let origin = string(row, "origin").expect("required");
    if origin != "rule" {
        write!(line, " ({origin})").expect("a string");
    }
    line
}
