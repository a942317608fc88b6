//! The one place that encodes Parquet. Rows come in table order and files depend on nothing but the rows, the run id and the
//! run date, so that they are the same bytes for any split of the work. This room refuses rows out of order.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use arrow_array::{ArrayRef, Date32Array, DictionaryArray, StringArray, UInt32Array, types::Date32Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::manifest::TableFile;
use super::tables::Table;
use crate::error::Result;

/// Rows of a row group; only the last one of a file has fewer.
pub const ROW_GROUP_ROWS: usize = 122_880;

/// The `twinset.schema_version` of the tables and of the manifest. Additions keep it.
pub const SCHEMA_VERSION: &str = "1";

const ZSTD_LEVEL: i32 = 3;

/// Writes one table of a run as a folder of Parquet files, row by row.
pub struct TableWriter<T: Table> {
    rows: Rows<T>,
    encoder: Encoder<T>,
}

/// Takes the rows of a table until they are encoded.
pub struct Rows<T: Table> {
    table: T,
    full: Vec<Batch>,
}

/// [`Table::BATCH_ROWS`] rows, at the end of a table fewer: an array for each of [`Table::fields`].
type Batch = Vec<ArrayRef>;

impl<T: Table> TableWriter<T> {
    /// Creates `folder` and the table's first file in it, so that a table without rows has a file too.
    pub(super) fn create(folder: PathBuf, run_id: &str, run_date: NaiveDate) -> Result<TableWriter<T>> {
        let rows = Rows { table: T::default(), full: Vec::new() };
        Ok(TableWriter { rows, encoder: Encoder::create(folder, run_id, run_date)? })
    }

    /// Adds one row.
    ///
    /// # Errors
    /// A row that does not come after the one before it, or a file that cannot be written.
    pub fn push(&mut self, row: &T::Row<'_>) -> Result<()> {
        self.rows.push(row)?;
        self.encoder.encode(std::mem::take(&mut self.rows.full))
    }

    /// Lets `add` add rows while those that it added the time before are encoded, and gives what it gives.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn while_encoding<R: Send>(&mut self, add: impl FnOnce(&mut Rows<T>) -> R + Send) -> Result<R> {
        let full = std::mem::take(&mut self.rows.full);
        let (rows, encoder) = (&mut self.rows, &mut self.encoder);
        let (encoded, added) = rayon::join(|| encoder.encode(full), || add(rows));
        encoded.map(|()| added)
    }

    /// Encodes what is left, makes the files durable and says what they are, in order.
    ///
    /// # Errors
    /// A file that cannot be written, for example because the disk is full.
    pub fn finish(self) -> Result<Vec<TableFile>> {
        let TableWriter { mut rows, mut encoder } = self;
        if rows.table.buffered() > 0 {
            rows.full.push(rows.table.take());
        }
        encoder.encode(rows.full)?;
        encoder.finish()
    }
}

impl<T: Table> Rows<T> {
    /// Adds one row.
    ///
    /// # Errors
    /// A row that does not come after the one before it.
    pub fn push(&mut self, row: &T::Row<'_>) -> Result<()> {
        self.table.push(row).with_context(|| {
            format!(
                "rows of `{}` must come in the order of {}; this is a defect of twinset",
                T::NAME,
                T::SORTED_BY.join(", ")
            )
        })?;
        if self.table.buffered() == T::BATCH_ROWS {
            self.full.push(self.table.take());
        }
        Ok(())
    }
}

/// Encodes batches into the files of one table.
struct Encoder<T> {
    run_id: String,
    run_date: NaiveDate,
    folder: PathBuf,
    schema: SchemaRef,
    properties: WriterProperties,
    file: OpenFile,
    done: Vec<TableFile>,
    table: PhantomData<T>,
}

impl<T: Table> Encoder<T> {
    fn create(folder: PathBuf, run_id: &str, run_date: NaiveDate) -> Result<Encoder<T>> {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let mut fields =
            vec![Field::new("run_id", DataType::Utf8, false), Field::new("run_date", DataType::Date32, false)];
        fields.extend(T::fields());
        let schema = Arc::new(Schema::new(fields));
        let properties = properties::<T>(&schema, run_id);
        let file = OpenFile::create(&folder, run_id, 0, &schema, &properties)?;
        let run_id = run_id.to_owned();
        Ok(Encoder { run_id, run_date, folder, schema, properties, file, done: Vec::new(), table: PhantomData })
    }

    fn encode(&mut self, mut batches: Vec<Batch>) -> Result<()> {
        while !batches.is_empty() {
            if self.file.rows == ROW_GROUP_ROWS * T::FILE_ROW_GROUPS {
                self.next_file()?;
            }
            let room = (ROW_GROUP_ROWS - self.file.rows % ROW_GROUP_ROWS) / T::BATCH_ROWS;
            let later = batches.split_off(room.min(batches.len()));
            let now: Vec<Batch> = batches.into_iter().map(|batch| self.of_run(batch)).collect();
            let written = self.file.write(&self.schema, &now);
            written.with_context(|| format!("cannot write `{}`", self.file.path.display()))?;
            batches = later;
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<()> {
        let number = self.done.len() + 1;
        let next = OpenFile::create(&self.folder, &self.run_id, number, &self.schema, &self.properties)?;
        let full = std::mem::replace(&mut self.file, next);
        self.done.push(full.close::<T>(self.run_date)?);
        Ok(())
    }

    /// The batch with the columns that every table begins with.
    fn of_run(&self, batch: Batch) -> Batch {
        let rows = rows_of(&batch);
        let run_id = StringArray::from(vec![self.run_id.as_str()]);
        let run_id = DictionaryArray::new(UInt32Array::from_value(0, rows), Arc::new(run_id));
        let run_date = Date32Array::from_value(Date32Type::from_naive_date(self.run_date), rows);
        let mut columns: Batch = vec![Arc::new(run_id), Arc::new(run_date)];
        columns.extend(batch);
        columns
    }

    fn finish(self) -> Result<Vec<TableFile>> {
        let Encoder { file, mut done, run_date, .. } = self;
        done.push(file.close::<T>(run_date)?);
        Ok(done)
    }
}

/// A file and its open row group, whose columns are encoded side by side.
struct OpenFile {
    writer: SerializedFileWriter<Hashed>,
    groups: ArrowRowGroupWriterFactory,
    columns: Vec<ArrowColumnWriter>,
    path: PathBuf,
    rows: usize,
}

impl OpenFile {
    fn create(
        folder: &Path,
        run_id: &str,
        number: usize,
        schema: &SchemaRef,
        properties: &WriterProperties,
    ) -> Result<OpenFile> {
        let path = folder.join(format!("{run_id}-{number:05}.parquet"));
        // Every reader takes the types from Parquet itself; the arrow schema would only repeat them.
        let options = ArrowWriterOptions::new().with_properties(properties.clone()).with_skip_arrow_metadata(true);
        let (writer, groups) = File::create_new(&path)
            .map_err(Into::into)
            .and_then(|file| ArrowWriter::try_new_with_options(Hashed::new(file), Arc::clone(schema), options))
            .and_then(ArrowWriter::into_serialized_writer)
            .with_context(|| format!("cannot create `{}`", path.display()))?;
        Ok(OpenFile { writer, groups, columns: Vec::new(), path, rows: 0 })
    }

    /// Adds batches that lie in one row group.
    fn write(&mut self, schema: &Schema, batches: &[Batch]) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            self.columns = self.groups.create_column_writers(self.rows / ROW_GROUP_ROWS)?;
        }
        let columns = self.columns.par_iter_mut().zip(&schema.fields()[..]).enumerate();
        columns.try_for_each(|(column, (writer, field))| {
            let mut leaves = batches.iter().map(|batch| compute_leaves(field, &batch[column]));
            leaves.try_for_each(|leaves| leaves?.iter().try_for_each(|leaf| writer.write(leaf)))
        })?;
        self.rows += batches.iter().map(rows_of).sum::<usize>();
        if self.rows.is_multiple_of(ROW_GROUP_ROWS) { self.end_row_group() } else { Ok(()) }
    }

    fn end_row_group(&mut self) -> Result<(), ParquetError> {
        let columns = std::mem::take(&mut self.columns);
        if columns.is_empty() {
            return Ok(());
        }
        let chunks: Vec<ArrowColumnChunk> =
            columns.into_par_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>()?;
        let mut group = self.writer.next_row_group()?;
        chunks.into_iter().try_for_each(|chunk| chunk.append_to_row_group(&mut group))?;
        group.close().map(|_| ())
    }

    fn close<T: Table>(mut self, run_date: NaiveDate) -> Result<TableFile> {
        let ended = self.end_row_group();
        let OpenFile { writer, path, rows, .. } = self;
        let (bytes, hash) = ended
            .and_then(|()| writer.into_inner())
            .map_err(anyhow::Error::from)
            .and_then(|file| Ok(file.finish()?))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        let name = path.file_name().expect("a path made by `create` ends in a name").to_string_lossy();
        Ok(TableFile {
            table: T::NAME.to_owned(),
            path: format!("{}/run_date={run_date}/{name}", T::NAME),
            rows: rows as u64,
            bytes,
            blake3: hash.to_hex().to_string(),
        })
    }
}

fn rows_of(batch: &Batch) -> usize {
    batch.first().map_or(0, |column| column.len())
}

fn properties<T: Table>(schema: &Schema, run_id: &str) -> WriterProperties {
    let sorting = T::SORTED_BY.iter().map(|name| {
        let place = schema.index_of(name).expect("a table is sorted by its own columns");
        let column_idx = i32::try_from(place).expect("a table has few columns");
        SortingColumn { column_idx, descending: false, nulls_first: false }
    });
    let entry = |key: &str, value: &str| KeyValue::new(format!("twinset.{key}"), value.to_owned());
    let metadata = vec![entry("run_id", run_id), entry("schema_version", SCHEMA_VERSION), entry("table", T::NAME)];
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).expect("a level that zstd has")))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(None)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_offset_index_disabled(false)
        .set_dictionary_enabled(true)
        .set_sorting_columns(Some(sorting.collect()))
        .set_key_value_metadata(Some(metadata));
    let without = T::WITHOUT_DICTIONARY.iter();
    without
        .fold(builder, |builder, path| {
            let path = ColumnPath::new(path.split('.').map(str::to_owned).collect());
            builder.set_column_dictionary_enabled(path, false)
        })
        .build()
}

/// A file that counts and hashes what is written to it.
struct Hashed {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Hashed {
    fn new(file: File) -> Hashed {
        Hashed { file: BufWriter::with_capacity(1 << 18, file), hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// Makes the file durable.
    fn finish(self) -> io::Result<(u64, blake3::Hash)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok((self.bytes, self.hasher.finalize()))
    }
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
