//! Parquet written here, in the layouts that exports have.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{
    BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray,
    Float64Array, Int64Array, LargeStringArray, ListArray, StringViewArray,
};
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::*;
use crate::catalog::testing::{self, read_text, read_with, reasons};
use crate::catalog::{Catalog, FurtherImages, Product};
use crate::money::Currency;
use crate::tabular::columnar::contained;

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn ids(count: i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..count))
}

fn with_vectors(column: ArrayRef) -> Result<Catalog> {
    read_with(parquet(vec![("v", column), ("id", ids(3))]), |source| source.vectors = Some("v"))
}

#[test]
fn every_kind_of_column_is_read_exactly() {
    let prices =
        Decimal128Array::from(vec![Some(1_999_000), Some(-100), None]).with_precision_and_scale(18, 5).unwrap();
    let kinds: DictionaryArray<Int32Type> = vec!["a/b", "c", "a/b"].into_iter().collect();
    let bytes = parquet(vec![
        ("skipped", ids(3)),
        ("Id", Arc::new(LargeStringArray::from(vec!["007", "x", "y"]))),
        ("title", Arc::new(StringViewArray::from(vec![Some("T"), None, Some("")]))),
        ("price", Arc::new(prices)),
        ("sale_price", Arc::new(Int64Array::from(vec![Some(25), None, Some(3)]))),
        ("category", Arc::new(kinds)),
        ("in_stock", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("stock", Arc::new(Float64Array::from(vec![Some(0.0), Some(2.0), Some(1.5)]))),
        ("size", Arc::new(Int64Array::from(vec![Some(42), None, Some(7)]))),
    ]);
    let catalog = read_with(bytes, |source| {
        source.attributes = testing::names(&["size"]);
        source.decimal = ',';
        source.currency = Currency::parse("eur");
    })
    .unwrap();
    let [first, second, third] = &catalog.products[..] else { panic!("{catalog:?}") };
    assert_eq!((first.id.as_str(), first.title.as_deref()), ("007", Some("T")));
    assert_eq!(first.price.unwrap().to_string(), "19.99");
    assert_eq!(first.category.as_ref().unwrap().as_str(), "a/b");
    assert_eq!(first.attributes, [Some("42".to_owned())]);
    assert_eq!(first.currency.unwrap().as_str(), "EUR");
    assert_eq!([first.in_stock, second.in_stock, third.in_stock], [false; 3]);
    assert_eq!((second.price, third.price, third.title.as_ref()), (None, None, None));
    assert_eq!(reasons(&catalog), [(2, Some("x"), "bad_price"), (3, Some("y"), "bad_stock")]);
}

#[test]
fn images_come_from_lists_of_text() {
    let mut images = ListBuilder::new(StringBuilder::new());
    images.append_value([Some("a.jpg"), None, Some("b.jpg")]);
    images.append_null();
    images.append_value([None::<&str>; 0]);
    let more: LargeListArray = arrow_cast::cast(&images.finish(), &large_list()).unwrap().as_list().clone();
    let tags = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), None, None]);
    let bytes = |further: ArrayRef| parquet(vec![("id", ids(3)), ("image", Arc::new(more.clone())), ("more", further)]);
    let further_images = FurtherImages { columns: vec!["more".to_owned()], separator: None };
    let read = |further| read_with(bytes(further), |source| source.further_images = further_images.clone());
    let catalog = read(Arc::new(StringViewArray::from(vec![Some("b.jpg"), Some("c.jpg"), None]))).unwrap();
    let images = |p: &Product| p.image.iter().chain(&p.further_images).cloned().collect::<Vec<_>>();
    assert_eq!(
        catalog.products.iter().map(images).collect::<Vec<_>>(),
        [vec!["a.jpg", "b.jpg"], vec!["c.jpg"], vec![]]
    );
    let cause = read(Arc::new(tags)).unwrap_err().to_string();
    assert!(cause.contains("`more`") && cause.contains("write text or numbers there"), "{cause}");
}

fn large_list() -> DataType {
    DataType::LargeList(Arc::new(arrow_schema::Field::new_list_field(DataType::Utf8View, true)))
}

#[test]
fn vectors_come_from_lists_of_every_layout() {
    let rows: [Option<Vec<Option<f32>>>; 3] = [Some(vec![Some(1.0), Some(0.5)]), None, Some(vec![Some(0.25), None])];
    let wide =
        rows.clone().map(|row| row.map(|row| row.into_iter().map(|value| value.map(f64::from)).collect::<Vec<_>>()));
    let doubles = ListArray::from_iter_primitive::<Float64Type, _, _>(wide);
    let fixed = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(rows.clone(), 2);
    let large = LargeListArray::from_iter_primitive::<Float32Type, _, _>(rows);
    for column in [Arc::new(doubles) as ArrayRef, Arc::new(fixed), Arc::new(large)] {
        let vectors = with_vectors(column).unwrap().vectors.unwrap();
        assert_eq!(vectors.spans, [Some(0..2), None, Some(2..4)]);
        assert_eq!(vectors.values[..3], [1.0, 0.5, 0.25]);
        assert!(vectors.values[3].is_nan());
    }
    assert!(matches!(with_vectors(ids(3)), Err(Error::Config(_))));
}

/// Lists of all lengths, empty ones, nulls in place of lists and of values, over many row groups and pages.
#[test]
fn ragged_vectors_lie_where_their_spans_say() {
    let value = |n: usize| f32::from(u16::try_from(n % 1_000).unwrap());
    let list = |row: usize| -> Option<Vec<Option<f32>>> {
        let length = if row < 900 { 4 } else { row % 7 };
        let values = (0..length).map(|i| (!(row * 31 + i).is_multiple_of(11) || row < 300).then(|| value(row + i)));
        (!row.is_multiple_of(13)).then(|| values.collect())
    };
    let rows = 3_000;
    let nullable = ListArray::from_iter_primitive::<Float32Type, _, _>((0..rows).map(list));
    let full = (0..rows).map(|row| list(row).into_iter().flatten().map(|v| v.unwrap_or(0.5)).collect::<Vec<f32>>());
    let full: Vec<Vec<f32>> = full.collect();
    let lengths = OffsetBuffer::<i32>::from_lengths(full.iter().map(Vec::len));
    let item = Arc::new(arrow_schema::Field::new("item", DataType::Float32, false));
    let required = ListArray::new(item, lengths, Arc::new(Float32Array::from(full.concat())), None);
    let expected_of_nullable =
        |row| list(row).map(|values| values.into_iter().map(|v| v.unwrap_or(f32::NAN)).collect());
    let is_expected = |column: ListArray, is_nullable: bool, expected: &dyn Fn(usize) -> Option<Vec<f32>>| {
        let name = arrow_schema::Field::new("v", column.data_type().clone(), is_nullable);
        // Every tenth row has the id of the one before: its vector is left out.
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..3_000).map(|n| n - i64::from(n % 10 == 9))));
        let schema = Arc::new(Schema::new(vec![name, arrow_schema::Field::new("id", DataType::Int64, false)]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(column), ids]).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(701))
            .set_data_page_row_count_limit(100)
            .set_write_batch_size(50)
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let vectors = read_with(bytes, |source| source.vectors = Some("v")).unwrap().vectors.unwrap();
        let kept = (0..rows).filter(|row| row % 10 != 9);
        assert_eq!(vectors.spans.len(), kept.clone().count());
        for (row, span) in kept.zip(vectors.spans) {
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            let read = span.map(|span| bits(&vectors.values[span]));
            assert_eq!(read, expected(row).map(|values| bits(&values)), "row {row}");
        }
    };
    is_expected(nullable, true, &expected_of_nullable);
    is_expected(required.clone(), true, &|row| Some(full[row].clone()));
    is_expected(required, false, &|row| Some(full[row].clone()));
}

#[test]
fn a_float_is_no_money_and_no_id() {
    let floats = || Arc::new(Float64Array::from(vec![1.5])) as ArrayRef;
    let cause = read_text(&parquet(vec![("id", ids(1)), ("price", floats())])).unwrap_err();
    assert!(matches!(cause, Error::Catalog(_)), "{cause}");
    assert!(cause.to_string().contains("CAST(price AS DECIMAL(18,4))"), "{cause}");
    assert!(matches!(read_text(&parquet(vec![("id", floats())])), Err(Error::Catalog(_))));
}

#[test]
fn bytes_without_a_text_type_are_text_where_they_are_utf8() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"ok"[..]), Some(b"\xFF"), None]));
    let catalog = read_text(&parquet(vec![("id", ids(3)), ("title", bytes)])).unwrap();
    assert_eq!(catalog.products[0].title.as_deref(), Some("ok"));
    assert_eq!(catalog.products.len(), 2);
    assert_eq!(reasons(&catalog), [(2, None, "not_utf8")]);
}

#[test]
fn the_usual_compressions_are_read() {
    let batch = RecordBatch::try_from_iter([("id", ids(3))]).unwrap();
    let (gzip, zstd) = (GzipLevel::default(), ZstdLevel::default());
    for compression in [Compression::SNAPPY, Compression::GZIP(gzip), Compression::LZ4_RAW, Compression::ZSTD(zstd)] {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        assert_eq!(read_text(&bytes).unwrap().products.len(), 3, "{compression}");
    }
}

#[test]
fn a_broken_file_is_refused_in_one_line() {
    let whole = parquet(vec![("id", ids(5000))]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), &whole).unwrap();
    let file = TableFile::open(&folder.path().join("x"), crate::catalog::ROLE).unwrap();
    let cause = contained(&file, || panic!("an assertion of the decoder")).unwrap_err();
    assert!(matches!(cause, Error::Catalog(_)), "{cause}");
    for bytes in [&whole[..whole.len() - 9], &whole[..8], &parquet(vec![("id", ids(0))])[..]] {
        let cause = read_text(bytes).unwrap_err();
        assert!(matches!(cause, Error::Catalog(_)), "{cause}");
        assert!(!cause.to_string().contains('\n'), "{cause}");
    }
}

#[test]
fn dictionaries_of_decimals_are_prices() {
    for precision in [9, 18, 38] {
        let decimals = Decimal128Array::from(vec![1999, 50]).with_precision_and_scale(precision, 2).unwrap();
        let keys = arrow_array::Int32Array::from(vec![Some(0), None, Some(1)]);
        let prices = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(decimals)).unwrap();
        let bytes = parquet(vec![("id", ids(3)), ("price", Arc::new(prices))]);
        let catalog = read_text(&bytes).unwrap();
        let read: Vec<_> = catalog.products.iter().map(|product| product.price.map(|p| p.to_string())).collect();
        assert_eq!(read, [Some("19.99".to_owned()), None, Some("0.50".to_owned())], "{precision}");
        assert_eq!(catalog.rejects, []);
    }
}

#[test]
fn whole_numbers_are_vectors_too() {
    let rows = || [Some(vec![Some(1), Some(-2)]), None, Some(vec![Some(3), Some(4)])];
    let narrow = ListArray::from_iter_primitive::<Int32Type, _, _>(rows());
    let wide = ListArray::from_iter_primitive::<Int64Type, _, _>(
        rows().map(|row| row.map(|row| row.into_iter().map(|v| v.map(i64::from)).collect::<Vec<_>>())),
    );
    for column in [Arc::new(narrow) as ArrayRef, Arc::new(wide)] {
        let vectors = with_vectors(column).unwrap().vectors.unwrap();
        assert_eq!(vectors.spans, [Some(0..2), None, Some(2..4)]);
        assert_eq!(vectors.values, [1.0, -2.0, 3.0, 4.0]);
    }
}

#[test]
fn advice_fits_what_is_wrong() {
    let refusal = |bytes: &[u8]| {
        let cause = read_text(bytes).unwrap_err();
        assert!(matches!(cause, Error::Catalog(_)), "{cause}");
        cause.to_string()
    };
    let uuids = FixedSizeBinaryArray::try_from_iter([[7_u8; 16]].iter()).unwrap();
    let message = refusal(&parquet(vec![("id", Arc::new(uuids))]));
    assert!(
        message.contains("FixedSizeBinary(16) in column `id`") && message.contains("CAST(id AS VARCHAR)"),
        "{message}"
    );
    let mut cut = parquet(vec![("id", ids(9))]);
    cut.truncate(cut.len() - 4);
    let message = refusal(&cut);
    assert!(message.contains("damaged") && !message.contains("zstd"), "{message}");
}
