//! The encoder: layout, order, cut into files.

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use super::*;
use crate::output::{Coverage, CoverageTable, Embedding, EmbeddingsTable, RejectsTable};
use crate::reject::{Reject, Stage};

const DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date");

#[test]
fn files_and_row_groups_are_cut_by_row_count_and_hold_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let full = ROW_GROUP_ROWS * CoverageTable::FILE_ROW_GROUPS;
    let files = coverage(folder.path(), full + ROW_GROUP_ROWS + 1);
    let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        names,
        ["coverage/run_date=2026-11-22/run-00000.parquet", "coverage/run_date=2026-11-22/run-00001.parquet"]
    );
    assert_eq!((files[0].rows, files[1].rows), (full as u64, ROW_GROUP_ROWS as u64 + 1));
    let groups = |number: usize| -> Vec<usize> {
        let reader = read(folder.path(), number);
        reader.metadata().row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap()).collect()
    };
    assert_eq!(groups(0), [ROW_GROUP_ROWS; CoverageTable::FILE_ROW_GROUPS]);
    assert_eq!(groups(1), [ROW_GROUP_ROWS, 1]);
    let last = read(folder.path(), 1).get_row_iter(None).unwrap().last().unwrap().unwrap();
    assert_eq!(last.get_string(2).unwrap(), &format!("p{:07}", full + ROW_GROUP_ROWS));
    assert_eq!(last.get_long(6).unwrap(), i64::try_from(full + ROW_GROUP_ROWS).unwrap());
}

#[test]
fn embeddings_are_cut_after_two_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = TableWriter::<EmbeddingsTable>::create(folder.path().to_owned(), "run", DATE).unwrap();
    for n in 0..=2 * ROW_GROUP_ROWS {
        table.push(&Embedding { product_id: &format!("p{n:07}"), values: &[1.0] }).unwrap();
    }
    let rows: Vec<u64> = table.finish().unwrap().iter().map(|file| file.rows).collect();
    assert_eq!(rows, [245_760, 1]);
    let groups =
        read(folder.path(), 0).metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect::<Vec<_>>();
    assert_eq!(groups, [122_880, 122_880]);
}

#[test]
fn the_footer_says_the_order_the_index_and_the_run() {
    let folder = tempfile::tempdir().unwrap();
    coverage(folder.path(), 10);
    let reader = read(folder.path(), 0);
    let metadata = reader.metadata();
    let entries = metadata.file_metadata().key_value_metadata().unwrap();
    let entries: Vec<_> = entries.iter().map(|e| (e.key.as_str(), e.value.as_deref().unwrap())).collect();
    assert_eq!(
        entries,
        [("twinset.run_id", "run"), ("twinset.schema_version", "1"), ("twinset.table", "coverage")],
        "and no arrow schema"
    );
    let sorting: Vec<_> = metadata.row_group(0).sorting_columns().unwrap().iter().map(|s| s.column_idx).collect();
    assert_eq!(sorting, [2, 3], "product_id, rule");
    for column in metadata.row_group(0).columns() {
        assert!(column.column_index_range().is_some() && column.offset_index_range().is_some());
        assert!(matches!(column.compression(), Compression::ZSTD(_)));
    }
}

#[test]
fn a_table_without_rows_has_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = coverage(folder.path(), 0);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].rows, 0);
    assert_eq!(read(folder.path(), 0).get_row_iter(None).unwrap().count(), 0);
}

#[test]
fn sizes_and_hashes_are_those_of_the_files_and_do_not_vary() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = coverage(one.path(), 20_000);
    let bytes = std::fs::read(one.path().join("run-00000.parquet")).unwrap();
    assert_eq!(files[0].bytes, bytes.len() as u64);
    assert_eq!(files[0].blake3, blake3::hash(&bytes).to_hex().as_str());
    assert_eq!(coverage(two.path(), 20_000), files);
}

#[test]
fn rows_out_of_order_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = TableWriter::<CoverageTable>::create(folder.path().join("c"), "run", DATE).unwrap();
    table.push(&row("b", "up", 0)).unwrap();
    assert!(table.push(&row("b", "up", 0)).is_err(), "the same row twice");
    assert!(table.push(&row("b", "cross", 0)).is_err());
    let refused = table.push(&row("a", "up", 0)).unwrap_err().to_string();
    assert!(refused.contains("`coverage`") && refused.contains("product_id, rule"), "{refused}");
    // UTF-8 bytes, not letters: `é` is after `z`.
    table.push(&row("z", "up", 0)).unwrap();
    table.push(&row("é", "up", 0)).unwrap();

    let reject = |row, stage, code| Reject { stage, row, id: None, code, detail: String::new() };
    let mut table = TableWriter::<RejectsTable>::create(folder.path().join("r"), "run", DATE).unwrap();
    table.push(&reject(1, Stage::Embedding, "x")).unwrap();
    table.push(&reject(1, Stage::Image, "x")).unwrap();
    assert!(table.push(&reject(1, Stage::Catalog, "x")).is_err(), "stages are in the order of their text");
    table.push(&reject(1, Stage::Image, "x")).unwrap();
}

fn coverage(folder: &Path, rows: usize) -> Vec<TableFile> {
    let mut table = TableWriter::<CoverageTable>::create(folder.to_owned(), "run", DATE).unwrap();
    for n in 0..rows {
        table.push(&row(&format!("p{n:07}"), "up", n)).unwrap();
    }
    table.finish().unwrap()
}

fn row<'a>(product_id: &'a str, rule: &'a str, eligible: usize) -> Coverage<'a> {
    let eligible = i64::try_from(eligible).unwrap();
    Coverage { product_id, rule, relation: "upsell", list_limit: 10, eligible, returned: 0, shortfall_reason: None }
}

fn read(folder: &Path, number: usize) -> SerializedFileReader<File> {
    let file = File::open(folder.join(format!("run-{number:05}.parquet"))).unwrap();
    SerializedFileReader::new(file).unwrap()
}
