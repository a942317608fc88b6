//! The encoder: layout, order, cut into files.

use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use super::*;
use crate::output::{
    Coverage, CoverageTable, Dictionaries, Embedding, EmbeddingsTable, Recommendation, RecommendationsTable,
    RejectsTable,
};
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
    let mut table = TableWriter::create(EmbeddingsTable::default(), folder.path().to_owned(), "run", DATE).unwrap();
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
        [("twinset.run_id", "run"), ("twinset.schema_version", "3"), ("twinset.table", "coverage")],
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
    let table = CoverageTable::new(&dictionaries(3));
    let mut table = TableWriter::create(table, folder.path().join("c"), "run", DATE).unwrap();
    table.push(&row(1, 1, 0)).unwrap();
    assert!(table.push(&row(1, 1, 0)).is_err(), "the same row twice");
    assert!(table.push(&row(1, 0, 0)).is_err());
    let refused = table.push(&row(0, 1, 0)).unwrap_err().to_string();
    assert!(refused.contains("`coverage`") && refused.contains("product_id, rule"), "{refused}");
    table.push(&row(2, 0, 0)).unwrap();

    let mut table = TableWriter::create(EmbeddingsTable::default(), folder.path().join("e"), "run", DATE).unwrap();
    table.push(&Embedding { product_id: "z", values: &[1.0] }).unwrap();
    assert!(table.push(&Embedding { product_id: "z", values: &[1.0] }).is_err());
    // UTF-8 bytes, not letters: `é` is after `z`.
    table.push(&Embedding { product_id: "é", values: &[1.0] }).unwrap();

    let reject = |row, stage, code| Reject { stage, row, id: None, code, detail: String::new() };
    let mut table = TableWriter::create(RejectsTable::default(), folder.path().join("r"), "run", DATE).unwrap();
    table.push(&reject(1, Stage::Embedding, "x")).unwrap();
    table.push(&reject(1, Stage::Image, "x")).unwrap();
    assert!(table.push(&reject(1, Stage::Catalog, "x")).is_err(), "stages are in the order of their text");
    table.push(&reject(1, Stage::Image, "x")).unwrap();
}

/// What a column of keys holds is what a reader finds: values, nulls and the bounds of every page.
#[test]
fn keys_are_read_as_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<String> = (0..50_000).map(|n| format!("{n:05}")).collect();
    let ids = Dictionary::of_text(ids.iter().map(String::as_str)).unwrap();
    let prices = Dictionary::of_i64((0..50_000).map(|n| n * n - 7)).unwrap();
    let of = Dictionaries { ids, prices, ..dictionaries(0) };
    let rows: Vec<Recommendation> = (0..ROW_GROUP_ROWS + 30_000).map(|n| recommendation(n, 50_000)).collect();
    let mut table = TableWriter::create(RecommendationsTable::new(&of), folder.path().to_owned(), "run", DATE).unwrap();
    for row in &rows {
        table.push(row).unwrap();
    }
    table.finish().unwrap();
    let reader = read(folder.path(), 0);
    let price = |key: Key| (key != Key::NULL).then(|| i64::try_from(key.place() * key.place()).unwrap() - 7);
    for (row, written) in reader.get_row_iter(None).unwrap().zip(&rows) {
        let row = row.unwrap();
        assert_eq!(row.get_string(2).unwrap(), &format!("{:05}", written.product_id.place()));
        assert_eq!(row.get_string(6).unwrap(), &format!("{:05}", written.recommended_id.place()));
        let read = row.get_decimal(9).ok().map(|price| i64::from_be_bytes(*price.data().last_chunk().unwrap()));
        assert_eq!(read, price(written.price));
        let gain = row.get_decimal(14).ok().map(|gain| i64::from_be_bytes(*gain.data().last_chunk().unwrap()));
        assert_eq!((gain, row.get_string(15).unwrap().as_str()), (written.margin_gain, "rule"));
    }
    let metadata = with_page_index(folder.path());
    let mut rest = &rows[..];
    for (group, mut left) in [(0, ROW_GROUP_ROWS), (1, 30_000)] {
        let index = metadata.page_index_for_row_group(group);
        let ColumnIndexMetaData::INT64(prices) = index.column_index(9).unwrap() else { panic!("prices are INT64") };
        let ColumnIndexMetaData::BYTE_ARRAY(ids) = index.column_index(6).unwrap() else { panic!("ids are text") };
        for page in 0..index.num_data_pages(9).unwrap() {
            let (rows, later) = rest.split_at(left.min(20_480));
            (rest, left) = (later, left - rows.len());
            let known = || rows.iter().filter_map(|row| price(row.price));
            let bounds = (prices.min_value(page).copied(), prices.max_value(page).copied());
            assert_eq!(bounds, (known().min(), known().max()));
            assert_eq!(prices.null_count(page), Some(i64::try_from(rows.len() - known().count()).unwrap()));
            let lowest = rows.iter().map(|row| row.recommended_id.place()).min().unwrap();
            assert_eq!(ids.min_value(page), Some(format!("{lowest:05}").as_bytes()));
        }
        assert_eq!(left, 0);
    }
    assert!(rest.is_empty());
}

fn with_page_index(folder: &Path) -> ParquetMetaData {
    let file = File::open(folder.join("run-00000.parquet")).unwrap();
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required).parse_and_finish(&file).unwrap()
}

fn coverage(folder: &Path, rows: usize) -> Vec<TableFile> {
    let table = CoverageTable::new(&dictionaries(rows));
    let mut table = TableWriter::create(table, folder.to_owned(), "run", DATE).unwrap();
    for n in 0..rows {
        table.push(&row(n, 1, n)).unwrap();
    }
    table.finish().unwrap()
}

fn dictionaries(products: usize) -> Dictionaries {
    let ids: Vec<String> = (0..products).map(|n| format!("p{n:07}")).collect();
    let text = |values: &[&'static str]| Dictionary::of_text(values.iter().copied()).unwrap();
    Dictionaries {
        ids: Dictionary::of_text(ids.iter().map(String::as_str)).unwrap(),
        rules: text(&["cross", "up"]),
        relations: text(&["upsell"]),
        ranks: Dictionary::of_i32(1..=100).unwrap(),
        prices: Dictionary::of_i64([]).unwrap(),
        currencies: text(&["USD"]),
        origins: text(&["rule"]),
        reasons: text(&[]),
        placements: text(&[]),
    }
}

fn row(product: usize, rule: usize, eligible: usize) -> Coverage {
    Coverage {
        product_id: Key::new(product),
        rule: Key::new(rule),
        relation: Key::new(0),
        list_limit: 10,
        eligible: i64::try_from(eligible).unwrap(),
        returned: 0,
        shortfall_reason: Key::NULL,
        pinned: 0,
        fallback: 0,
    }
}

/// The n-th row of lists of 100, whose candidates and prices jump about and are missing now and then.
fn recommendation(n: usize, values: usize) -> Recommendation {
    let jump = n * 7_919 % values;
    Recommendation {
        product_id: Key::new(n / 100),
        rule: Key::new(0),
        relation: Key::new(0),
        rank: Key::new(n % 100),
        recommended_id: Key::new(if n < 20_000 { jump } else { values - 1 - jump / 2 }),
        similarity: None,
        score: Some(0.5),
        price: if n.is_multiple_of(3) || n / 20_480 == 1 { Key::NULL } else { Key::new(jump) },
        recommended_price: Key::NULL,
        currency: Key::new(0),
        recommended_currency: Key::NULL,
        price_ratio: None,
        margin_gain: (!n.is_multiple_of(5)).then(|| i64::try_from(jump).unwrap() - 25_000),
        origin: Key::new(0),
    }
}

fn read(folder: &Path, number: usize) -> SerializedFileReader<File> {
    let file = File::open(folder.join(format!("run-{number:05}.parquet"))).unwrap();
    SerializedFileReader::new(file).unwrap()
}
