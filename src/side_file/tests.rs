//! The same table in every layout, and what is said of a file that cannot be used.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;

use super::*;

const COLUMNS: [Column; 3] = [
    Column { name: "order_id", need: Need::Required },
    Column { name: "product_id", need: Need::Required },
    Column { name: "date", need: Need::Optional },
];

/// The rows of a file, cells joined by `|`, and of rows that cannot be read why; with the outcome.
fn rows(bytes: &[u8], names: &[(&str, &str)]) -> Result<(Vec<String>, Outcome)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    std::fs::write(&path, bytes).unwrap();
    rows_of(&path, names)
}

fn rows_of(path: &Path, names: &[(&str, &str)]) -> Result<(Vec<String>, Outcome)> {
    let names = names.iter().map(|&(name, called)| (name.to_owned(), called.to_owned())).collect();
    let progress = Progress::hidden();
    let source = Source { path, section: "orders", columns: &COLUMNS, names: &names, progress: &progress };
    let mut found = Vec::new();
    let outcome = read(&source, |number, row| {
        assert_eq!(number, found.len() as u64 + 1);
        found.push(match row {
            Ok(cells) => cells.iter().map(|cell| cell.unwrap_or("-")).collect::<Vec<_>>().join("|"),
            Err(what) => format!("? {what}"),
        });
        Ok(())
    })?;
    Ok((found, outcome))
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn texts(of: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(of.to_vec()))
}

#[test]
fn delimited_text_is_read_as_a_catalog_is() {
    let text =
        "\u{FEFF}Date;product_id; ORDER_ID ;note\r\n2026-11-22; A ;007;x\r\n\r\n;\"B\r\nC\";8;\r\n;;;\r\n;9;9\r\n";
    let (found, outcome) = rows(text.as_bytes(), &[]).unwrap();
    assert_eq!(found[..3], ["007|A|2026-11-22", "8|B\r\nC|-", "-|-|-"]);
    assert!(found[3].starts_with("? 3 fields in line ") && found[3].contains("but the header has 4"), "{found:?}");
    assert_eq!(outcome, Outcome { rows: 4, digest: blake3::hash(text.as_bytes()) });
    let (found, _) = rows(b"order_id,product_id\n1,\xFF\n2,b\n3\n", &[]).unwrap();
    assert_eq!(found[..2], ["? `product_id` in line 2 is not UTF-8: save the file as UTF-8", "2|b|-"]);
    assert!(found[2].starts_with("? 1 fields in line 4, but the header has 2"), "{found:?}");
    assert_eq!(rows(b"order_id\tproduct_id\n", &[]).unwrap().0, [""; 0], "a table may have no rows");
}

#[test]
fn objects_give_the_text_of_their_values() {
    let text = "{\"order_id\": 9007199254740993, \"product_id\": \" caf\\u00e9 \"}\n\n{\"Order_ID\": \"x\", \"date\": null, \
                \"product_id\": true}\nnot json\n{\"order_id\": [1], \"product_id\": \"\"}\n";
    let (found, outcome) = rows(text.as_bytes(), &[]).unwrap();
    assert_eq!(found[..2], ["9007199254740993|café|-", "x|true|-"]);
    assert!(found[2].starts_with("? line 4 is not a JSON object") && outcome.rows == 4, "{found:?}");
    assert_eq!(found[3], "? line 5 has a list or an object in `order_id`: it must be text");
}

#[test]
fn parquet_gives_the_text_of_numbers_and_dates() {
    let noon = 1_795_348_800_000_000; // 2026-11-22T12:00:00Z
    let times = |zone: Option<&str>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(vec![Some(noon), None]).with_timezone_opt(zone))
    };
    let dates: [ArrayRef; 6] = [
        Arc::new(Date32Array::from(vec![Some(20_779), None])),
        times(None),
        times(Some("UTC")),
        times(Some("Europe/Berlin")),
        times(Some("+14:00")),
        Arc::new(StringArray::from(vec![Some("2026-11-22"), Some(" ")])),
    ];
    let days = ["2026-11-22", "2026-11-22", "2026-11-22", "2026-11-22", "2026-11-23", "2026-11-22"];
    for (dates, day) in dates.into_iter().zip(days) {
        let orders: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        let bytes = parquet(vec![
            ("date", dates),
            ("skipped", texts(&["x", "y"])),
            ("order_id", orders),
            ("sku", texts(&["a", ""])),
        ]);
        let (found, outcome) = rows(&bytes, &[("product_id", "sku")]).unwrap();
        assert!(found[0].starts_with(&format!("7|a|{day}")) && found[1] == "-|-|-", "{found:?}");
        assert_eq!(outcome.digest, blake3::hash(&bytes));
    }
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"\xFF"[..], b"p"]));
    let (found, _) = rows(&parquet(vec![("order_id", texts(&["1", "2"])), ("product_id", bytes)]), &[]).unwrap();
    assert_eq!(found, ["? `product_id` is not UTF-8 text", "2|p|-"]);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let floats = parquet(vec![("order_id", floats), ("product_id", texts(&["a"]))]);
    let cut = &floats[..floats.len() - 9];
    let missing = rows_of(&folder.path().join("none.csv"), &[]);
    for (result, said) in [
        (missing, &["orders `", "none.csv` does not exist: check `path` under `[orders]`"][..]),
        (rows_of(folder.path(), &[]), &["is a folder"]),
        (rows(b"", &[]), &["is empty"]),
        (
            rows(b"order_id,sku\n1,a\n", &[]),
            &["no column `product_id`", "{ product_id = \"...\" }", "`order_id`, `sku`"],
        ),
        (rows(b"{\"order_id\": 1}\n", &[]), &["no column `product_id`", "it has `order_id`"]),
        (
            rows(b"order_id,product_id\n", &[("date", "day")]),
            &["says that `date` is `day`", "`order_id`, `product_id`"],
        ),
        (rows(b"order_id,product_id\n", &[("price", "x")]), &["maps `price`", "`order_id`, `product_id`, `date`"]),
        (rows(b"order_id,product_id,Date,DATE\n", &[]), &["more than one column for `date`"]),
        (rows(&floats, &[]), &["has Float64 in column `order_id`", "CAST(order_id AS VARCHAR)"]),
        (rows(cut, &[]), &["damaged"]),
        (rows(b"[{\"order_id\": 1}]", &[]), &["is a JSON array"]),
        (rows(b"order_id,product_id\n1,\"a\n2,b\n3,c\n", &[]), &["never closed"]),
    ] {
        let cause = result.unwrap_err();
        let text = cause.to_string();
        assert!(cause.exit_code() == 2 && !text.contains('\n'), "{text}");
        assert!(said.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn a_visitor_can_end_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    std::fs::write(&path, "order_id,product_id\n1,a\n2,b\n").unwrap();
    let (names, progress) = (BTreeMap::new(), Progress::hidden());
    let source = Source { path: &path, section: "orders", columns: &COLUMNS, names: &names, progress: &progress };
    let cause = read(&source, |row, _| Err(Error::Config(anyhow!("row {row} is odd")))).unwrap_err();
    assert_eq!(cause.to_string(), "row 1 is odd");
}
