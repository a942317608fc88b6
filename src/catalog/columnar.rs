//! Parquet into cells and vectors. This room refuses a price that was stored as a float, because its decimals are already
//! lost.

mod vectors;

use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;

use anyhow::anyhow;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, Float32Array, LargeListArray, RecordBatch, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_cast::can_cast_types;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::RowGroupMetaData;

use super::assembly::{Assembly, Cell};
use super::wanted::{Asker, Field, Wanted};
use crate::error::{Error, Result};
use crate::tabular::TableFile;
use crate::tabular::columnar::{Batches, Texts, names, open, undecodable, value_type};
use vectors::VectorReader;

const ROWS_PER_BATCH: usize = 8192;

/// Fewer rows a batch where vectors come along: 1,024 vectors of 2,048 values are 8 MiB.
const ROWS_PER_VECTOR_BATCH: usize = 1024;

pub(super) fn read(file: &TableFile, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) -> Result<()> {
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
        let columns = Columns::of(&batch, &local, wanted).map_err(|cause| undecodable(file, cause))?;
        let placed = match &mut vectors {
            Some(vectors) => vectors.read(batch.num_rows(), assembly.values())?,
            None => Vec::new(),
        };
        take_batch(&batch, &columns, &placed, wanted, assembly);
    }
    Ok(())
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

fn require_usable_types(
    file: &TableFile,
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
        let is_texts = list_item(field.data_type()).is_some_and(|item| value_type(item).is_string());
        if is_texts && wanted.image_slots().any(|image| image == slot) {
            continue;
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
fn expected_values(builder: &ParquetRecordBatchReaderBuilder<File>, root: usize, file: &TableFile) -> usize {
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
    Text { texts: Texts, is_number: bool },
    Lists { texts: StringArray, offsets: OffsetBuffer<i64>, original: ArrayRef },
    Vectors { values: Float32Array, offsets: OffsetBuffer<i64>, original: ArrayRef },
}

impl Columns {
    fn of(
        batch: &RecordBatch,
        local: &[Option<usize>],
        wanted: &Wanted<'_>,
    ) -> std::result::Result<Columns, ArrowError> {
        let values = |(slot, place): (usize, &Option<usize>)| {
            let column = place.map(|index| batch.column(index));
            let values = |column: &ArrayRef| match list_item(column.data_type()) {
                _ if wanted.vector_slot() == Some(slot) => vector_values(column),
                Some(_) => list_values(column),
                None => text_values(column),
            };
            column.map(values).transpose()
        };
        Ok(Columns(local.iter().enumerate().map(values).collect::<std::result::Result<_, _>>()?))
    }

    fn cells(&self, row: usize) -> Vec<Cell<'_>> {
        self.0.iter().map(|values| values.as_ref().map_or(Cell::Empty, |values| values.cell(row))).collect()
    }

    /// The first slot that holds something in this row which has no text.
    fn unreadable(&self, row: usize) -> Option<usize> {
        self.0.iter().position(|values| match values {
            Some(Values::Text { texts, .. }) => texts.is_unreadable(row),
            _ => false,
        })
    }
}

impl Values {
    fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Values::Text { texts, is_number } => match texts.get(row) {
                None => Cell::Empty,
                Some(text) if *is_number => Cell::Number(Cow::Borrowed(text)),
                Some(text) => Cell::Text(Cow::Borrowed(text)),
            },
            Values::Lists { original, .. } | Values::Vectors { original, .. } if original.is_null(row) => Cell::Empty,
            Values::Lists { texts, offsets, .. } => {
                Cell::Texts(place(offsets, row).filter(|&at| texts.is_valid(at)).map(|at| texts.value(at)).collect())
            }
            Values::Vectors { values, offsets, .. } => Cell::Vector(&values.values()[place(offsets, row)]),
        }
    }
}

/// Where the values of a row lie.
fn place(offsets: &OffsetBuffer<i64>, row: usize) -> Range<usize> {
    let at = |index: usize| usize::try_from(offsets[index]).expect("offsets are never negative");
    at(row)..at(row + 1)
}

fn text_values(column: &ArrayRef) -> std::result::Result<Values, ArrowError> {
    let is_number = value_type(column.data_type()).is_numeric();
    Ok(Values::Text { texts: Texts::of(column)?, is_number })
}

/// Lists of any layout as one, with such items.
fn lists_of(column: &ArrayRef, item: DataType) -> std::result::Result<LargeListArray, ArrowError> {
    let item = arrow_schema::Field::new_list_field(item, true);
    let lists = arrow_cast::cast(column, &DataType::LargeList(item.into()))?;
    Ok(lists.as_list().clone())
}

/// Lists of texts of any layout as one.
fn list_values(column: &ArrayRef) -> std::result::Result<Values, ArrowError> {
    let lists = lists_of(column, DataType::Utf8)?;
    let texts = lists.values().as_string::<i32>().clone();
    Ok(Values::Lists { texts, offsets: lists.offsets().clone(), original: column.clone() })
}

/// Lists of any layout as one. A null among the values becomes NaN, which the `embedding` room refuses.
fn vector_values(column: &ArrayRef) -> std::result::Result<Values, ArrowError> {
    let lists = lists_of(column, DataType::Float32)?;
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
