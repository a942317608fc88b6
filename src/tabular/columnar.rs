//! Parquet: only the wanted columns are decoded, batch by batch. This room refuses to trust a file's metadata.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::TableFile;
use crate::error::{Error, Result};

/// A reader of the file's metadata, not yet of its rows.
pub(crate) fn open(file: &TableFile) -> Result<ParquetRecordBatchReaderBuilder<File>> {
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
pub(crate) struct Batches<'f> {
    file: &'f TableFile,
    reader: ParquetRecordBatchReader,
}

impl<'f> Batches<'f> {
    /// `roots` are positions in the schema, ascending.
    pub(crate) fn open(
        file: &'f TableFile,
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

    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = contained(self.file, || self.reader.next())?;
        batch.transpose().map_err(|cause| undecodable(self.file, cause))
    }
}

/// Damaged metadata can trip an assertion inside the decoder: that too is a file that cannot be used. Nothing is
/// looked at after it, so no half-changed state is seen.
pub(crate) fn contained<T>(file: &TableFile, decode: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|_| undecodable(file, "its metadata is damaged"))
}

pub(crate) fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// The type of a column's values, whatever encodes them.
pub(crate) fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => value_type(values),
        DataType::RunEndEncoded(_, values) => value_type(values.data_type()),
        other => other,
    }
}

pub(crate) fn undecodable(file: &TableFile, cause: impl std::fmt::Display) -> Error {
    let cause = cause.to_string();
    let cause = cause.strip_prefix("Parquet error: ").unwrap_or(&cause).replace(['\r', '\n'], " ");
    file.unusable(format_args!("cannot be decoded as Parquet: {cause}; it is damaged or was cut off: write it again"))
}

fn require_known_compression(file: &TableFile, metadata: &ParquetMetaData) -> Result<()> {
    let mut columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let is_unknown = |compression| matches!(compression, Compression::BROTLI(_) | Compression::LZO);
    let Some(column) = columns.find(|column| is_unknown(column.compression())) else { return Ok(()) };
    let (path, compression) = (column.column_path().string(), column.compression());
    Err(file.unusable(format_args!(
        "has column `{path}` compressed with {compression}, which is not read: write it again, with zstd, snappy, gzip or \
         lz4"
    )))
}

/// A column's values as text: dates as `2026-11-22`, timestamps as that and the time. Those of a zone that only has a name,
/// which is how most programs write UTC, are told in UTC.
pub(crate) struct Texts {
    texts: StringArray,
    original: ArrayRef,
}

impl Texts {
    pub(crate) fn of(column: &ArrayRef) -> std::result::Result<Texts, ArrowError> {
        let texts = match column.data_type() {
            DataType::Timestamp(unit, Some(zone)) if !zone.starts_with(['+', '-']) => {
                let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
                arrow_cast::cast(&arrow_cast::cast(column, &utc)?, &DataType::Utf8)?
            }
            _ => arrow_cast::cast(column, &DataType::Utf8)?,
        };
        Ok(Texts { texts: texts.as_string::<i32>().clone(), original: column.clone() })
    }

    /// The text of a row; `None` where it is null or empty.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        (self.texts.is_valid(row) && !self.texts.value(row).is_empty()).then(|| self.texts.value(row))
    }

    /// Whether a row holds something that has no text: bytes that are not UTF-8.
    pub(crate) fn is_unreadable(&self, row: usize) -> bool {
        let held = value_type(self.original.data_type());
        let is_bytes = matches!(held, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
        is_bytes && self.texts.is_null(row) && self.original.is_valid(row)
    }
}
