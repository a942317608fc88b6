//! Runs the program as a user does, and reads what it published.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

/// The repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A run of the program with nothing inherited that decides its result.
pub fn twinset(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset"));
    let inherited = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("TWINSET_"));
    inherited.for_each(|name| {
        command.env_remove(name);
    });
    command.args(args).current_dir(folder).output().expect("the program starts")
}

/// A run that must succeed; returns the manifest.
pub fn night(args: &[&str], folder: &Path) -> serde_json::Value {
    let output = twinset(args, folder);
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "twinset {args:?}: {log}");
    let path = String::from_utf8(output.stdout).expect("a path");
    assert_eq!(path.lines().count(), 1, "stdout is one line: {path}");
    let text = std::fs::read_to_string(folder.join(path.trim())).expect("the manifest lies where stdout says");
    serde_json::from_str(&text).expect("the manifest is JSON")
}

/// A Python check that the suite must pass; the environment is made by `tests/run.sh`.
pub fn python(script: &str, args: &[&str]) -> String {
    let python =
        std::env::var("TWINSET_PYTHON").map_or_else(|_| Path::new(ROOT).join(".venv/bin/python"), PathBuf::from);
    assert!(python.exists(), "`{}` is missing: run the tests with `bash tests/run.sh`", python.display());
    let path = Path::new(ROOT).join("tests/python").join(script);
    let output = Command::new(python).arg(&path).args(args).output().expect("Python starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} {args:?}: {said}");
    said
}

/// A folder as text, for arguments.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("test folders have plain names")
}

/// All rows of one table of one night, in file order.
pub fn rows(out: &Path, table: &str) -> Vec<Row> {
    let mut files: Vec<PathBuf> = Vec::new();
    for partition in std::fs::read_dir(out.join(table)).expect("the table exists") {
        let partition = partition.expect("a folder entry").path();
        files.extend(std::fs::read_dir(partition).expect("a partition").map(|f| f.expect("a file").path()));
    }
    files.sort();
    let open = |path: &PathBuf| SerializedFileReader::new(std::fs::File::open(path).expect("opens")).expect("Parquet");
    let read = |path: &PathBuf| {
        let reader = open(path);
        assert!(reader.metadata().num_row_groups() < 1000);
        reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect::<Vec<Row>>()
    };
    files.iter().flat_map(read).collect()
}

/// A field by name.
pub fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field).expect(name)
}

/// A text field; null is `None`.
pub fn string(row: &Row, name: &str) -> Option<String> {
    match field(row, name) {
        Field::Str(text) => Some(text.clone()),
        Field::Null => None,
        other => panic!("`{name}` is {other:?}"),
    }
}

/// A whole-number field.
pub fn number(row: &Row, name: &str) -> i64 {
    match field(row, name) {
        Field::Int(n) => i64::from(*n),
        Field::Long(n) => *n,
        other => panic!("`{name}` is {other:?}"),
    }
}

/// An f32 field; null is `None`.
pub fn float(row: &Row, name: &str) -> Option<f32> {
    match field(row, name) {
        Field::Float(v) => Some(*v),
        Field::Null => None,
        other => panic!("`{name}` is {other:?}"),
    }
}

/// A field that is a list of f32.
pub fn floats(row: &Row, name: &str) -> Vec<f32> {
    let Field::ListInternal(list) = field(row, name) else { panic!("`{name}` is no list") };
    let value = |field: &Field| if let Field::Float(v) = field { *v } else { panic!("`{name}` holds {field:?}") };
    list.elements().iter().map(value).collect()
}

/// A decimal field; null is `None`.
pub fn decimal(row: &Row, name: &str) -> Option<rust_decimal::Decimal> {
    match field(row, name) {
        Field::Decimal(v) => {
            let sign = if v.data().first().is_some_and(|byte| byte >> 7 == 1) { -1_i128 } else { 0 };
            let units = v.data().iter().fold(sign, |units, &byte| units << 8 | i128::from(byte));
            Some(rust_decimal::Decimal::from_i128_with_scale(units, v.scale().unsigned_abs()))
        }
        Field::Null => None,
        other => panic!("`{name}` is {other:?}"),
    }
}

/// Every file below a folder of tables, by relative path, with its bytes; the manifest and what is private are left out.
pub fn table_bytes(out: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for table in ["recommendations", "coverage", "placements", "duplicates", "rejects", "embeddings"] {
        let mut folders = vec![out.join(table)];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.expect("a folder entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(out).expect("below").to_string_lossy().into_owned();
                    files.push((name, std::fs::read(&path).expect("readable")));
                }
            }
        }
    }
    files.sort();
    files
}
