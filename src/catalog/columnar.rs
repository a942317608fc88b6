//! Parquet: only the wanted columns are decoded, batch by batch. This room refuses a price that was stored as a float,
//! because its decimals are already lost.

use std::borrow::Cow;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::anyhow;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::assembly::{Assembly, Cell};
use super::file::CatalogFile;
use super::wanted::{Asker, Field, Wanted};
use crate::error::{Error, Result};

const ROWS_PER_BATCH: usize = 8192;

/// Fewer rows a batch where vectors come along: 1,024 vectors of 2,048 values are 8 MiB.
const ROWS_PER_VECTOR_BATCH: usize = 1024;

pub(super) fn read(file: &CatalogFile, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) -> Result<()> {
    let builder = open(file)?;
    let schema = builder.schema().clone();
    let places = wanted.resolve(&names(&schema), file)?;
    require_usable_types(file, &schema, wanted, &places)?;

    // A projected batch has the columns in file order; `local` finds a slot's column in it.
    let mut roots: Vec<usize> = places.iter().flatten().copied().collect();
    roots.sort_unstable();
    roots.dedup();
    let local: Vec<Option<usize>> =
        places.iter().map(|place| place.and_then(|root| roots.binary_search(&root).ok())).collect();

    let rows_in_file = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    let rows = if wanted.vector_slot().is_some() { ROWS_PER_VECTOR_BATCH } else { ROWS_PER_BATCH };
    let mut reader = Batches::open(file, builder, &roots, rows)?;
    let mut is_first = true;
    while let Some(batch) = reader.next()? {
        let columns = Columns::of(&batch, &local, wanted.vector_slot()).map_err(|cause| undecodable(file, cause))?;
        if std::mem::take(&mut is_first) {
            assembly.reserve_values(columns.expected_values(rows_in_file, file));
        }
        take_batch(&batch, &columns, wanted, assembly);
    }
    Ok(())
}

/// A reader of the file's metadata, not yet of its rows.
pub(super) fn open(file: &CatalogFile) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let handle = file.rewound()?;
    contained(file, || ParquetRecordBatchReaderBuilder::try_new(handle))?.map_err(|cause| undecodable(file, cause))
}

/// Some columns of the file, a batch of rows at a time.
pub(super) struct Batches<'f> {
    file: &'f CatalogFile,
    reader: ParquetRecordBatchReader,
}

impl<'f> Batches<'f> {
    /// `roots` are positions in the schema, ascending.
    pub(super) fn open(
        file: &'f CatalogFile,
        builder: ParquetRecordBatchReaderBuilder<File>,
        roots: &[usize],
        rows: usize,
    ) -> Result<Batches<'f>> {
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
        let builder = builder.with_projection(mask).with_batch_size(rows);
        let reader = contained(file, || builder.build())?.map_err(|cause| undecodable(file, cause))?;
        Ok(Batches { file, reader })
    }

    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = contained(self.file, || self.reader.next())?;
        batch.transpose().map_err(|cause| undecodable(self.file, cause))
    }
}

/// Damaged metadata can trip an assertion inside the decoder: that too is a file that cannot be used. Nothing is
/// looked at after it, so no half-changed state is seen.
fn contained<T>(file: &CatalogFile, decode: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|_| undecodable(file, "its metadata is damaged"))
}

pub(super) fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// The type of a column's values, whatever encodes them.
pub(super) fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => value_type(values),
        DataType::RunEndEncoded(_, values) => value_type(values.data_type()),
        other => other,
    }
}

/// Whether a column can hold vectors: a list of floats in any layout.
pub(super) fn is_vector(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            item.data_type().is_floating()
        }
        _ => false,
    }
}

pub(super) fn undecodable(file: &CatalogFile, cause: impl std::fmt::Display) -> Error {
    file.unusable(format_args!("cannot be decoded as Parquet: {cause}; write it again, with zstd, snappy, gzip or lz4"))
}

/// The values of a column as text. A value that has none, bytes that are not UTF-8, becomes null where it was not.
pub(super) fn as_text(column: &ArrayRef) -> std::result::Result<StringArray, ArrowError> {
    Ok(arrow_cast::cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn require_usable_types(
    file: &CatalogFile,
    schema: &SchemaRef,
    wanted: &Wanted<'_>,
    places: &[Option<usize>],
) -> Result<()> {
    for (slot, (place, asked)) in places.iter().zip(wanted.slots()).enumerate() {
        let Some(field) = place.map(|index| schema.field(index)) else { continue };
        let (name, held) = (field.name(), value_type(field.data_type()));
        let is_vector_slot = asked.asked_by == Asker::Vectors;
        if is_vector_slot && !is_vector(field.data_type()) {
            return Err(Error::Config(anyhow!(
                "`column` under `[embedding]` is `{name}`, but in `{}` that is {held}: it must be a list of floats",
                file.path().display()
            )));
        }
        if !is_vector_slot && held.is_nested() {
            return Err(file.unusable(format_args!("has {held} in column `{name}`: write text or numbers there")));
        }
        let is_money = slot == Field::Price.slot() || slot == Field::SalePrice.slot();
        if is_money && held.is_floating() {
            return Err(file.unusable(format_args!(
                "has floats in column `{name}`, and money must be exact: write `CAST({name} AS DECIMAL(18,4))`"
            )));
        }
        if slot == Field::Id.slot() && held.is_floating() {
            return Err(file.unusable(format_args!(
                "has floats in column `{name}`, and an id must be exact: cast it to text or to an integer"
            )));
        }
    }
    Ok(())
}

fn take_batch(batch: &RecordBatch, columns: &Columns, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) {
    for index in 0..batch.num_rows() {
        let row = assembly.next_row();
        if let Some(slot) = columns.unreadable(index) {
            let column = wanted.slots()[slot].column;
            assembly.reject(row, "not_utf8", format!("`{column}` is not UTF-8 text"));
            continue;
        }
        assembly.take(row, &columns.cells(index));
    }
}

/// The wanted columns of one batch, a place for each slot.
struct Columns(Vec<Option<Values>>);

enum Values {
    Text { texts: StringArray, is_number: bool, original: ArrayRef },
    Vectors { values: Float32Array, offsets: OffsetBuffer<i64>, original: ArrayRef },
}

impl Columns {
    fn of(
        batch: &RecordBatch,
        local: &[Option<usize>],
        vectors: Option<usize>,
    ) -> std::result::Result<Columns, ArrowError> {
        let values = |(slot, place): (usize, &Option<usize>)| {
            let column = place.map(|index| batch.column(index));
            column
                .map(|column| if vectors == Some(slot) { vector_values(column) } else { text_values(column) })
                .transpose()
        };
        Ok(Columns(local.iter().enumerate().map(values).collect::<std::result::Result<_, _>>()?))
    }

    fn cells(&self, row: usize) -> Vec<Cell<'_>> {
        self.0.iter().map(|values| values.as_ref().map_or(Cell::Empty, |values| values.cell(row))).collect()
    }

    /// The first slot that holds something in this row which has no text.
    fn unreadable(&self, row: usize) -> Option<usize> {
        self.0.iter().position(|values| match values {
            Some(Values::Text { texts, original, .. }) => {
                matches!(
                    value_type(original.data_type()),
                    DataType::Binary | DataType::LargeBinary | DataType::BinaryView
                ) && texts.is_null(row)
                    && original.is_valid(row)
            }
            _ => false,
        })
    }

    /// How many vector values the whole file should have; never more than its bytes could make plausible.
    fn expected_values(&self, rows: usize, file: &CatalogFile) -> usize {
        let first = self.0.iter().flatten().find_map(|values| match values {
            Values::Vectors { offsets, .. } => offsets.lengths().next(),
            Values::Text { .. } => None,
        });
        rows.saturating_mul(first.unwrap_or(0)).min(usize::try_from(file.bytes()).unwrap_or(0))
    }
}

impl Values {
    fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Values::Text { texts, .. } if texts.is_null(row) || texts.value(row).is_empty() => Cell::Empty,
            Values::Text { texts, is_number: true, .. } => Cell::Number(Cow::Borrowed(texts.value(row))),
            Values::Text { texts, .. } => Cell::Text(Cow::Borrowed(texts.value(row))),
            Values::Vectors { original, .. } if original.is_null(row) => Cell::Empty,
            Values::Vectors { values, offsets, .. } => {
                let place = |index: usize| usize::try_from(offsets[index]).expect("offsets are never negative");
                Cell::Vector(&values.values()[place(row)..place(row + 1)])
            }
        }
    }
}

fn text_values(column: &ArrayRef) -> std::result::Result<Values, ArrowError> {
    let is_number = value_type(column.data_type()).is_numeric();
    Ok(Values::Text { texts: as_text(column)?, is_number, original: column.clone() })
}

/// Lists of any layout as one. A null among the values becomes NaN, which the `embedding` room refuses.
fn vector_values(column: &ArrayRef) -> std::result::Result<Values, ArrowError> {
    let item = arrow_schema::Field::new_list_field(DataType::Float32, true);
    let lists = arrow_cast::cast(column, &DataType::LargeList(item.into()))?;
    let lists = lists.as_list::<i64>();
    let values = lists.values().as_primitive::<Float32Type>();
    let values = if values.null_count() == 0 {
        values.clone()
    } else {
        values.iter().map(|value| Some(value.unwrap_or(f32::NAN))).collect()
    };
    Ok(Values::Vectors { values, offsets: lists.offsets().clone(), original: column.clone() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::{Float64Type, Int32Type};
    use arrow_array::{
        BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, FixedSizeListArray, Float64Array, Int64Array,
        LargeStringArray, ListArray, StringViewArray,
    };
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, GzipLevel, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::catalog::Catalog;
    use crate::catalog::testing::{self, read_text, read_with, reasons};
    use crate::money::Currency;

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
    fn vectors_come_from_lists_of_every_layout() {
        let rows: [Option<Vec<Option<f32>>>; 3] =
            [Some(vec![Some(1.0), Some(0.5)]), None, Some(vec![Some(0.25), None])];
        let wide = rows
            .clone()
            .map(|row| row.map(|row| row.into_iter().map(|value| value.map(f64::from)).collect::<Vec<_>>()));
        let doubles = ListArray::from_iter_primitive::<Float64Type, _, _>(wide);
        let fixed = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(rows.clone(), 2);
        let large = arrow_array::LargeListArray::from_iter_primitive::<Float32Type, _, _>(rows);
        for column in [Arc::new(doubles) as ArrayRef, Arc::new(fixed), Arc::new(large)] {
            let vectors = with_vectors(column).unwrap().vectors.unwrap();
            assert_eq!(vectors.spans, [Some(0..2), None, Some(2..4)]);
            assert_eq!(vectors.values[..3], [1.0, 0.5, 0.25]);
            assert!(vectors.values[3].is_nan());
        }
        assert!(matches!(with_vectors(ids(3)), Err(Error::Config(_))));
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
        for compression in [Compression::SNAPPY, Compression::GZIP(gzip), Compression::LZ4_RAW, Compression::ZSTD(zstd)]
        {
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
        let file = CatalogFile::open(&folder.path().join("x"), None).unwrap();
        let cause = contained(&file, || panic!("an assertion of the decoder")).unwrap_err();
        assert!(matches!(cause, Error::Catalog(_)), "{cause}");
        for bytes in [&whole[..whole.len() - 9], &whole[..8], &parquet(vec![("id", ids(0))])[..]] {
            let cause = read_text(bytes).unwrap_err();
            assert!(matches!(cause, Error::Catalog(_)), "{cause}");
            assert!(!cause.to_string().contains('\n'), "{cause}");
        }
    }
}
