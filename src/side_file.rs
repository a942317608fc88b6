//! Small tables beside the catalog (orders, merchandising, links), row by row as text. CSV, Parquet or JSON Lines, told apart by
//! content. This room refuses to know what a row means, and to hold more than one of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use arrow_cast::can_cast_types;
use arrow_schema::DataType;
use csv::ByteRecord;

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::tabular::columnar::{self, Batches, Texts};
use crate::tabular::delimited::{self, Table};
use crate::tabular::json_lines::{self, Keys, Lines, Value};
use crate::tabular::{Layout, Role, TableFile, list, position};

/// Rows between two looks at how far the file was read.
const ROWS_PER_STEP: u64 = 1024;

/// Rows of Parquet that are decoded at a time.
const ROWS_PER_BATCH: usize = 8192;

/// A file and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file.
    pub path: &'a Path,
    /// The section of `twinset.toml` that names it, `orders`, or the flag, `--links`: messages call the file so.
    pub section: &'static str,
    /// The columns that are read, in the order of the cells of a row.
    pub columns: &'a [Column],
    /// A column's name to what the file calls it, only where they differ: `columns` of the section.
    pub names: &'a BTreeMap<String, String>,
    /// Counts the bytes read.
    pub progress: &'a Progress,
}

/// A column that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Whether a file without it is refused.
    pub need: Need,
}

/// Whether a file must have a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A file without it is refused.
    Required,
    /// Its cells are empty where the file lacks it, unless `columns` says what it is called there.
    Optional,
}

/// The cells of a row in the order of [`Source::columns`], without spaces around them and `None` where nothing is left; or, in
/// one line, why the row cannot be read. In JSON Lines that names the line.
pub type Row<'r> = std::result::Result<&'r [Option<&'r str>], String>;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Data rows, those that cannot be read included (a header is not a row).
    pub rows: u64,
    /// BLAKE3 of the file's bytes.
    pub digest: blake3::Hash,
}

/// Reads a file, calling `visit` with each row and its number, from 1.
///
/// # Errors
/// [`Error::Config`] in one line when the file as a whole cannot be used: missing, a folder, empty, damaged, without a column that
/// is required or that `columns` names. [`Error::Temporary`] when it changed while it was read. Whatever `visit` says.
pub fn read(source: &Source<'_>, visit: impl FnMut(u64, Row<'_>) -> Result<()>) -> Result<Outcome> {
    let wanted = Wanted::new(source)?;
    let role = Role { section: source.section, flag: None, error: Error::Config };
    let file = TableFile::open(source.path, role)?;
    source.progress.start(file.bytes());
    let mut visits = Visits { file: &file, progress: source.progress, rows: 0, visit };
    match file.layout()? {
        Layout::Delimited => read_delimited(&file, &wanted, &mut visits)?,
        Layout::Parquet => read_parquet(&file, &wanted, &mut visits)?,
        Layout::JsonLines => read_json_lines(&file, &wanted, &mut visits)?,
    }
    let rows = visits.rows;
    let digest = file.digest()?;
    file.require_unchanged()?;
    Ok(Outcome { rows, digest })
}

/// What the columns are called in the file.
struct Wanted<'a> {
    source: &'a Source<'a>,
    called: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn new(source: &'a Source<'a>) -> Result<Wanted<'a>> {
        let is_wanted = |name: &str| source.columns.iter().any(|column| column.name == name);
        if let Some(unknown) = source.names.keys().find(|name| !is_wanted(name)) {
            let (section, known) = (source.section, list(source.columns.iter().map(|column| column.name)));
            return Err(Error::Config(anyhow!(
                "`columns` under `[{section}]` maps `{unknown}`, which is not read: it can map {known}"
            )));
        }
        let called = |column: &'a Column| source.names.get(column.name).map_or(column.name, String::as_str);
        Ok(Wanted { source, called: source.columns.iter().map(called).collect() })
    }

    /// Where in a header each column is.
    fn resolve(&self, header: &[String], file: &TableFile) -> Result<Vec<Option<usize>>> {
        let places = self.called.iter().map(|name| position(header, name, file)).collect::<Result<Vec<_>>>()?;
        self.require(places.iter().map(Option::is_some), header, file)?;
        Ok(places)
    }

    /// Refuses a file that lacks a column; `found` has one entry a column.
    fn require(&self, found: impl Iterator<Item = bool>, header: &[String], file: &TableFile) -> Result<()> {
        let (section, there) = (self.source.section, list(header));
        for ((column, called), _) in self.source.columns.iter().zip(&self.called).zip(found).filter(|(_, found)| !found)
        {
            let name = column.name;
            if self.source.names.contains_key(name) {
                let path = file.path().display();
                return Err(Error::Config(anyhow!(
                    "`columns` under `[{section}]` says that `{name}` is `{called}`, but `{path}` has no such column: it has \
                     {there}"
                )));
            }
            if column.need == Need::Required && section.starts_with("--") {
                return Err(
                    file.unusable(format_args!("has no column `{name}`: rename the one that holds it; it has {there}"))
                );
            }
            if column.need == Need::Required {
                return Err(file.unusable(format_args!(
                    "has no column `{name}`: say what it is called in `columns` under `[{section}]`, for example \
                     `columns = {{ {name} = \"...\" }}`; it has {there}"
                )));
            }
        }
        Ok(())
    }
}

/// Counts rows and hands them on.
struct Visits<'a, V> {
    file: &'a TableFile,
    progress: &'a Progress,
    rows: u64,
    visit: V,
}

impl<V: FnMut(u64, Row<'_>) -> Result<()>> Visits<'_, V> {
    fn next(&mut self, row: Row<'_>) -> Result<()> {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS_PER_STEP) {
            self.progress.reach(self.file.position());
        }
        (self.visit)(self.rows, row)
    }
}

fn read_delimited<V>(file: &TableFile, wanted: &Wanted<'_>, visits: &mut Visits<'_, V>) -> Result<()>
where
    V: FnMut(u64, Row<'_>) -> Result<()>,
{
    let mut table = Table::open(file)?;
    let places = wanted.resolve(table.header(), file)?;
    let mut record = ByteRecord::new();
    while table.next(&mut record)? {
        let text = |place: &Option<usize>| place.map_or(Ok(None), |index| delimited::text(&record, index).map(filled));
        let cells = table.check_field_count(&record).and_then(|()| {
            places.iter().map(text).collect::<std::result::Result<Vec<_>, _>>().map_err(|column| table.not_utf8(column))
        });
        visits.next(cells.as_deref().map_err(Clone::clone))?;
    }
    Ok(())
}

fn read_json_lines<V>(file: &TableFile, wanted: &Wanted<'_>, visits: &mut Visits<'_, V>) -> Result<()>
where
    V: FnMut(u64, Row<'_>) -> Result<()>,
{
    let mut lines = Lines::open(file)?;
    let mut keys = Keys::default();
    while let Some((number, line)) = lines.next()? {
        let values = json_lines::parse(line).and_then(|object| keys.values(&object, &wanted.called));
        let texts = values.map_err(|(_, what)| what).and_then(|values| {
            let texts = values.into_iter().zip(&wanted.called).map(|(value, called)| match value {
                Value::Empty => Ok(None),
                Value::Text(text) => Ok(Some(text)),
                Value::Number(digits) => Ok(Some(Cow::Borrowed(digits))),
                Value::Nested(_) => Err(format!("has a list or an object in `{called}`: it must be text")),
            });
            texts.collect::<std::result::Result<Vec<_>, _>>()
        });
        match texts {
            Ok(texts) => {
                let cells: Vec<_> = texts.iter().map(|text| text.as_deref().and_then(filled)).collect();
                visits.next(Ok(&cells))?;
            }
            Err(what) => visits.next(Err(format!("line {number} {what}")))?,
        }
    }
    wanted.require(keys.found(wanted.called.len()).into_iter(), keys.names(), file)
}

fn read_parquet<V>(file: &TableFile, wanted: &Wanted<'_>, visits: &mut Visits<'_, V>) -> Result<()>
where
    V: FnMut(u64, Row<'_>) -> Result<()>,
{
    let builder = columnar::open(file)?;
    let schema = builder.schema().clone();
    let places = wanted.resolve(&columnar::names(&schema), file)?;
    let mut roots: Vec<usize> = places.iter().flatten().copied().collect();
    roots.sort_unstable();
    roots.dedup();
    for &root in &roots {
        let field = schema.field(root);
        let (name, held) = (field.name(), columnar::value_type(field.data_type()));
        if held.is_nested() || held.is_floating() || !can_cast_types(field.data_type(), &DataType::Utf8) {
            return Err(file.unusable(format_args!(
                "has {held} in column `{name}`: write text, whole numbers or dates there, for example \
                 `CAST({name} AS VARCHAR)`"
            )));
        }
    }
    // A projected batch has the columns in file order.
    let local = |place: &Option<usize>| place.and_then(|root| roots.binary_search(&root).ok());
    let local: Vec<Option<usize>> = places.iter().map(local).collect();
    let mut batches = Batches::open(file, builder, &roots, ROWS_PER_BATCH)?;
    while let Some(batch) = batches.next()? {
        let texts = batch.columns().iter().map(Texts::of).collect::<std::result::Result<Vec<_>, _>>();
        let texts = texts.map_err(|cause| columnar::undecodable(file, cause))?;
        let mut cells = Vec::with_capacity(local.len());
        for row in 0..batch.num_rows() {
            if let Some(unreadable) = texts.iter().position(|texts| texts.is_unreadable(row)) {
                let name = schema.field(roots[unreadable]).name();
                visits.next(Err(format!("`{name}` is not UTF-8 text")))?;
                continue;
            }
            cells.clear();
            cells.extend(local.iter().map(|place| place.and_then(|index| texts[index].get(row)).and_then(filled)));
            visits.next(Ok(&cells))?;
        }
    }
    Ok(())
}

fn filled(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
