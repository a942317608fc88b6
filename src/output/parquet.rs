//! The one place that encodes Parquet. Rows come in table order and files depend on nothing but the rows, the run id and the
//! run date, so that they are the same bytes for any split of the work. This room refuses rows out of order.

mod keyed;
mod runs;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use arrow_array::ArrayRef;
use arrow_array::types::Date32Type;
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

use super::keys::{Dictionary, Key};
use super::manifest::TableFile;
use super::tables::Table;
use crate::error::Result;
use keyed::KeyedColumn;

/// Rows of a row group; only the last one of a file has fewer.
pub const ROW_GROUP_ROWS: usize = 122_880;

/// The `twinset.schema_version` of the tables and of the manifest. Additions keep it.
pub const SCHEMA_VERSION: &str = "3";

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

/// [`Table::BATCH_ROWS`] rows, at the end of a table fewer: a column for each of [`Table::fields`].
type Batch = Vec<Column>;

/// Some rows of one column. A column comes in one way throughout a table.
#[derive(Clone, Debug)]
pub enum Column {
    /// The values themselves.
    Values(ArrayRef),
    /// Keys into one dictionary, the same for all rows of a table.
    Keys(Arc<Dictionary>, Vec<Key>),
}

impl Column {
    fn rows(&self) -> usize {
        match self {
            Column::Values(values) => values.len(),
            Column::Keys(_, keys) => keys.len(),
        }
    }
}

impl<T: Table> TableWriter<T> {
    /// Creates `folder` and the table's first file in it, so that a table without rows has a file too.
    pub(super) fn create(table: T, folder: PathBuf, run_id: &str, run_date: NaiveDate) -> Result<TableWriter<T>> {
        let rows = Rows { table, full: Vec::new() };
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
    /// What every table begins with: columns of one value.
    of_run: [Arc<Dictionary>; 2],
    folder: PathBuf,
    schema: SchemaRef,
    properties: WriterProperties,
    /// Per column, its encoder where it comes as keys; made by the first batch.
    keyed: Vec<Option<KeyedColumn>>,
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
        let of_run = [Dictionary::of_text([run_id])?, Dictionary::of_i32([Date32Type::from_naive_date(run_date)])?];
        let (run_id, keyed, done) = (run_id.to_owned(), Vec::new(), Vec::new());
        Ok(Encoder { run_id, run_date, of_run, folder, schema, properties, keyed, file, done, table: PhantomData })
    }

    fn encode(&mut self, mut batches: Vec<Batch>) -> Result<()> {
        while !batches.is_empty() {
            if self.file.rows == ROW_GROUP_ROWS * T::FILE_ROW_GROUPS {
                self.next_file()?;
            }
            let room = (ROW_GROUP_ROWS - self.file.rows % ROW_GROUP_ROWS) / T::BATCH_ROWS;
            let later = batches.split_off(room.min(batches.len()));
            let now: Vec<Batch> = batches.into_iter().map(|batch| self.of_run(batch)).collect();
            if self.keyed.is_empty() {
                let columns = now[0].iter().zip(self.schema.fields());
                self.keyed = columns.map(|(column, field)| keyed_column(column, field)).collect::<Result<_>>()?;
            }
            let written = self.file.write(&self.schema, &mut self.keyed, &now);
            written.with_context(|| format!("cannot write `{}`", self.file.path.display()))?;
            batches = later;
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<()> {
        let number = self.done.len() + 1;
        let next = OpenFile::create(&self.folder, &self.run_id, number, &self.schema, &self.properties)?;
        let full = std::mem::replace(&mut self.file, next);
        self.done.push(full.close::<T>(&mut self.keyed, self.run_date)?);
        Ok(())
    }

    /// The batch with the columns that every table begins with.
    fn of_run(&self, batch: Batch) -> Batch {
        let keys = vec![Key::new(0); rows_of(&batch)];
        let mut columns: Batch = self.of_run.iter().map(|of| Column::Keys(Arc::clone(of), keys.clone())).collect();
        columns.extend(batch);
        columns
    }

    fn finish(self) -> Result<Vec<TableFile>> {
        let Encoder { file, mut keyed, mut done, run_date, .. } = self;
        done.push(file.close::<T>(&mut keyed, run_date)?);
        Ok(done)
    }
}

fn keyed_column(column: &Column, field: &Field) -> Result<Option<KeyedColumn>> {
    let Column::Keys(dictionary, _) = column else { return Ok(None) };
    let keyed = KeyedColumn::new(Arc::clone(dictionary), field.is_nullable());
    Ok(Some(keyed.context("cannot prepare the compression of a column")?))
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
    fn write(
        &mut self,
        schema: &Schema,
        keyed: &mut [Option<KeyedColumn>],
        batches: &[Batch],
    ) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            self.columns = self.groups.create_column_writers(self.rows / ROW_GROUP_ROWS)?;
        }
        let columns = self.columns.par_iter_mut().zip(keyed.par_iter_mut()).zip(&schema.fields()[..]).enumerate();
        columns.try_for_each(|(at, ((writer, keyed), field))| {
            batches.iter().try_for_each(|batch| match (&batch[at], &mut *keyed) {
                (Column::Keys(_, keys), Some(keyed)) => keyed.write(keys),
                (Column::Values(values), None) => {
                    compute_leaves(field, values)?.iter().try_for_each(|leaf| writer.write(leaf))
                }
                _ => Err(ParquetError::General("a column came as keys and as values".to_owned())),
            })
        })?;
        self.rows += batches.iter().map(rows_of).sum::<usize>();
        if self.rows.is_multiple_of(ROW_GROUP_ROWS) { self.end_row_group(keyed) } else { Ok(()) }
    }

    fn end_row_group(&mut self, keyed: &mut [Option<KeyedColumn>]) -> Result<(), ParquetError> {
        let columns = std::mem::take(&mut self.columns);
        if columns.is_empty() {
            return Ok(());
        }
        let schema = self.writer.schema_descr();
        let columns = columns.into_par_iter().zip(keyed).enumerate();
        let chunks: Vec<Chunk> = columns
            .map(|(at, (writer, keyed))| match keyed {
                Some(keyed) => keyed.end(schema.column(at)).map(Chunk::OfKeys),
                None => writer.close().map(Chunk::OfValues),
            })
            .collect::<Result<_, ParquetError>>()?;
        let mut group = self.writer.next_row_group()?;
        for chunk in chunks {
            match chunk {
                Chunk::OfKeys((bytes, closed)) => group.append_column(&bytes, closed)?,
                Chunk::OfValues(chunk) => chunk.append_to_row_group(&mut group)?,
            }
        }
        group.close().map(|_| ())
    }

    fn close<T: Table>(mut self, keyed: &mut [Option<KeyedColumn>], run_date: NaiveDate) -> Result<TableFile> {
        let ended = self.end_row_group(keyed);
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

/// A finished column of a row group.
enum Chunk {
    OfKeys(keyed::Chunk),
    OfValues(ArrowColumnChunk),
}

fn rows_of(batch: &Batch) -> usize {
    batch.first().map_or(0, Column::rows)
}

fn zstd() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).expect("a level that zstd has"))
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
        .set_compression(zstd())
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
