//! Parquet: only the wanted columns are decoded, batch by batch. This room refuses a price that was stored as a float,
//! because its decimals are already lost.

mod vectors;

use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::anyhow;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_cast::can_cast_types;
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::assembly::{Assembly, Cell};
use super::file::CatalogFile;
use super::wanted::{Asker, Field, Wanted};
use crate::error::{Error, Result};
use vectors::VectorReader;

const ROWS_PER_BATCH: usize = 8192;

/// Fewer rows a batch where vectors come along: 1,024 vectors of 2,048 values are 8 MiB.
const ROWS_PER_VECTOR_BATCH: usize = 1024;

pub(super) fn read(file: &CatalogFile, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) -> Result<()> {
    let builder = open(file)?;
    let schema = builder.schema().clone();
    let places = wanted.resolve(&names(&schema), file)?;
    require_usable_types(file, &schema, wanted, &places)?;

    let vector_root = wanted.vector_slot().and_then(|slot| places[slot]);
    let mut vectors = match vector_root {
        Some(root) => VectorReader::open(file, builder.parquet_schema(), root)?,
        None => None,
    };
    // A projected batch has the columns in file order; `local` finds a slot's column in it.
    let mut roots: Vec<usize> = places.iter().flatten().copied().collect();
    roots.retain(|&root| vectors.is_none() || Some(root) != vector_root);
    roots.sort_unstable();
    roots.dedup();
    let local: Vec<Option<usize>> =
        places.iter().map(|place| place.and_then(|root| roots.binary_search(&root).ok())).collect();

    if let Some(root) = vector_root {
        assembly.reserve_values(expected_values(&builder, root, file));
    }
    let rows = if vector_root.is_some() { ROWS_PER_VECTOR_BATCH } else { ROWS_PER_BATCH };
    let mut reader = Batches::open(file, builder, &roots, rows)?;
    while let Some(batch) = reader.next()? {
        let columns = Columns::of(&batch, &local, wanted.vector_slot()).map_err(|cause| undecodable(file, cause))?;
        let placed = match &mut vectors {
            Some(vectors) => vectors.read(batch.num_rows(), assembly.values())?,
            None => Vec::new(),
        };
        take_batch(&batch, &columns, &placed, wanted, assembly);
    }
    Ok(())
}

/// A reader of the file's metadata, not yet of its rows.
pub(super) fn open(file: &CatalogFile) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let handle = file.rewound()?;
    let open = |handle, options| ParquetRecordBatchReaderBuilder::try_new_with_options(handle, options);
    let builder = contained(file, || open(handle, ArrowReaderOptions::new()))?;
    let builder = builder.map_err(|cause| undecodable(file, cause))?;
    let Some(plain) = without_dictionaries(builder.schema()) else { return Ok(builder) };
    let (handle, options) = (file.rewound()?, ArrowReaderOptions::new().with_schema(plain));
    // Where even that does not fit, the types as they are get their say in what is refused.
    contained(file, || open(handle, options))?.or(Ok(builder))
}

/// The schema with plain values where dictionaries hold anything but text or bytes: the decoder cannot decode all of
/// those, and the file stores plain values in any case. `None` where there are none.
fn without_dictionaries(schema: &SchemaRef) -> Option<SchemaRef> {
    let is_odd = |field: &&FieldRef| match field.data_type() {
        DataType::Dictionary(_, held) => !(held.is_string() || held.is_binary()),
        _ => false,
    };
    schema.fields().iter().find(is_odd)?;
    let plain = |field: &FieldRef| {
        let held = value_type(field.data_type()).clone();
        if is_odd(&field) { Arc::new(field.as_ref().clone().with_data_type(held)) } else { field.clone() }
    };
    let fields: Fields = schema.fields().iter().map(plain).collect();
    Some(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
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
        require_known_compression(file, builder.metadata())?;
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

/// Whether a column seems to hold vectors: lists of floats in any layout. Lists of whole numbers may as well be ids.
pub(super) fn is_vector(data_type: &DataType) -> bool {
    list_item(data_type).is_some_and(DataType::is_floating)
}

fn list_item(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

pub(super) fn undecodable(file: &CatalogFile, cause: impl std::fmt::Display) -> Error {
    let cause = cause.to_string();
    let cause = cause.strip_prefix("Parquet error: ").unwrap_or(&cause).replace(['\r', '\n'], " ");
    file.unusable(format_args!("cannot be decoded as Parquet: {cause}; it is damaged or was cut off: write it again"))
}

fn require_known_compression(file: &CatalogFile, metadata: &ParquetMetaData) -> Result<()> {
    let mut columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let is_unknown = |compression| matches!(compression, Compression::BROTLI(_) | Compression::LZO);
    let Some(column) = columns.find(|column| is_unknown(column.compression())) else { return Ok(()) };
    let (path, compression) = (column.column_path().string(), column.compression());
    Err(file.unusable(format_args!(
        "has column `{path}` compressed with {compression}, which is not read: write it again, with zstd, snappy, gzip or \
         lz4"
    )))
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
        let is_list = list_item(field.data_type()).is_some_and(|item| item.is_floating() || item.is_integer());
        if is_vector_slot && !is_list {
            return Err(Error::Config(anyhow!(
                "`column` under `[embedding]` is `{name}`, but in `{}` that is {held}: it must be a list of numbers",
                file.path().display()
            )));
        }
        if !is_vector_slot && held.is_nested() {
            return Err(file.unusable(format_args!("has {held} in column `{name}`: write text or numbers there")));
        }
        if !is_vector_slot && !can_cast_types(field.data_type(), &DataType::Utf8) {
            return Err(file.unusable(format_args!(
                "has {held} in column `{name}`, which is not read: cast it to text, for example \
                 `CAST({name} AS VARCHAR)`"
            )));
        }
        let money = [Field::Price, Field::SalePrice, Field::Cost, Field::Margin];
        let is_money = money.iter().any(|field| field.slot() == slot);
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

/// How many values the vector column says it has in all; never more than the file's bytes could make plausible.
fn expected_values(builder: &ParquetRecordBatchReaderBuilder<File>, root: usize, file: &CatalogFile) -> usize {
    let schema = builder.parquet_schema();
    let Some(leaf) = (0..schema.num_columns()).find(|&leaf| schema.get_column_root_idx(leaf) == root) else { return 0 };
    let values = |group: &RowGroupMetaData| usize::try_from(group.column(leaf).num_values()).unwrap_or(0);
    let said = builder.metadata().row_groups().iter().map(values).fold(0, usize::saturating_add);
    said.min(usize::try_from(file.bytes()).unwrap_or(0))
}

/// `placed` are the vectors of the rows, where a [`VectorReader`] has read them.
fn take_batch(
    batch: &RecordBatch,
    columns: &Columns,
    placed: &[Option<Range<usize>>],
    wanted: &Wanted<'_>,
    assembly: &mut Assembly<'_>,
) {
    for index in 0..batch.num_rows() {
        let row = assembly.next_row();
        if let Some(slot) = columns.unreadable(index) {
            let column = wanted.slots()[slot].column;
            assembly.reject(row, "not_utf8", format!("`{column}` is not UTF-8 text"));
            continue;
        }
        let mut cells = columns.cells(index);
        if let (Some(slot), Some(Some(span))) = (wanted.vector_slot(), placed.get(index)) {
            cells[slot] = Cell::Placed(span.clone());
        }
        assembly.take(row, &cells);
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
mod tests;
