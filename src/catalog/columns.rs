//! The columns of a catalog file with a few of their values, for whoever writes a configuration for it. This room
//! refuses to judge a value.

use std::path::Path;

use csv::ByteRecord;

use super::Format;
use super::columnar::is_vector;
use crate::error::Result;
use crate::tabular::json_lines::Value;
use crate::tabular::{TableFile, columnar, delimited, is_same_name, json_lines};

/// How many rows are looked at.
const ROWS: usize = 500;

/// How many values are kept of each column.
const SAMPLES: usize = 20;

/// The layout of a file and its columns, in file order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// What the file holds.
    pub format: Format,
    /// In JSON Lines, the keys of the first rows in order of appearance.
    pub columns: Vec<Column>,
}

/// One column of a catalog file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name without spaces around it.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// Its first values that are not empty, as text; none of a vector column.
    pub samples: Vec<String>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, or a number that is exact.
    Text,
    /// Numbers that Parquet stores as floats; no price can come from them.
    Float,
    /// Lists of numbers.
    Vector,
}

impl Columns {
    /// The column of this name: exactly, else in another case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Column> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| self.columns.iter().find(|column| is_same_name(&column.name, name)))
    }

    fn push(&mut self, name: &str, kind: Kind) {
        self.columns.push(Column { name: name.trim().to_owned(), kind, samples: Vec::new() });
    }
}

impl Column {
    fn sample(&mut self, text: &str) {
        let text = text.trim();
        if self.samples.len() < SAMPLES && !text.is_empty() {
            self.samples.push(text.to_owned());
        }
    }
}

/// Looks at the first rows of a catalog; `format` as in [`super::Source`].
///
/// # Errors
/// [`crate::error::Error::Catalog`] when the file cannot be used at all.
pub fn columns(path: &Path, format: Option<Format>) -> Result<Columns> {
    let (file, format) = super::open(path, format)?;
    let mut found = Columns { format, columns: Vec::new() };
    match format {
        Format::Csv | Format::Shopify => look_at_delimited(&file, &mut found)?,
        Format::Jsonl => look_at_json_lines(&file, &mut found)?,
        Format::Parquet => look_at_parquet(&file, &mut found)?,
    }
    Ok(found)
}

fn look_at_delimited(file: &TableFile, found: &mut Columns) -> Result<()> {
    let mut table = delimited::Table::open(file)?;
    for name in table.header() {
        found.push(name, Kind::Text);
    }
    let mut record = ByteRecord::new();
    for _ in 0..ROWS {
        if !table.next(&mut record)? {
            break;
        }
        for (column, bytes) in found.columns.iter_mut().zip(&record) {
            column.sample(&String::from_utf8_lossy(bytes));
        }
    }
    Ok(())
}

fn look_at_json_lines(file: &TableFile, found: &mut Columns) -> Result<()> {
    let mut lines = json_lines::Lines::open(file)?;
    for _ in 0..ROWS {
        let Some((_, line)) = lines.next()? else { break };
        let Ok(object) = json_lines::parse(line) else { continue };
        for (key, value) in &object.0 {
            let index = found.columns.iter().position(|column| column.name == key.trim()).unwrap_or_else(|| {
                found.push(key, Kind::Text);
                found.columns.len() - 1
            });
            let column = &mut found.columns[index];
            match json_lines::value(value) {
                Ok(Value::Text(text)) => column.sample(&text),
                Ok(Value::Number(text)) => column.sample(text),
                Ok(Value::Nested(text)) if is_list_of_numbers(text) => column.kind = Kind::Vector,
                _ => {}
            }
        }
    }
    Ok(())
}

fn is_list_of_numbers(json: &str) -> bool {
    serde_json::from_str::<Vec<f64>>(json).is_ok_and(|values| values.len() > 1)
}

fn look_at_parquet(file: &TableFile, found: &mut Columns) -> Result<()> {
    let builder = columnar::open(file)?;
    let schema = builder.schema().clone();
    let mut readable = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let held = columnar::value_type(field.data_type());
        let kind = match held {
            _ if is_vector(field.data_type()) => Kind::Vector,
            _ if held.is_floating() => Kind::Float,
            _ => Kind::Text,
        };
        found.push(field.name(), kind);
        if !held.is_nested() {
            readable.push(index);
        }
    }
    let Some(batch) = columnar::Batches::open(file, builder, &readable, ROWS)?.next()? else { return Ok(()) };
    for (&index, values) in readable.iter().zip(batch.columns()) {
        let Ok(texts) = columnar::Texts::of(values) else { continue }; // a type without text says nothing about the others
        (0..values.len()).filter_map(|row| texts.get(row)).for_each(|text| found.columns[index].sample(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> Columns {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog");
        std::fs::write(&path, text).unwrap();
        columns(&path, None).unwrap()
    }

    #[test]
    fn columns_have_their_first_values() {
        let found = look("id; Title \n1;\n2;Two\n");
        let [id, title] = &found.columns[..] else { panic!("{found:?}") };
        assert_eq!(
            (id.samples.as_slice(), title.samples.as_slice()),
            (&["1".into(), "2".into()][..], &["Two".into()][..])
        );
        assert_eq!(found.find("title").unwrap().name, "Title");
        assert_eq!(look("Handle,Title,Variant Price\n").format, Format::Shopify);
    }

    #[test]
    fn keys_of_all_lines_count_and_lists_of_numbers_are_vectors() {
        let found = look("{\"id\": 1}\nnot json\n{\"v\": [0.5, 1e-3], \"tags\": [\"a\"], \"id\": 2}\n");
        let kinds: Vec<_> = found.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
        assert_eq!(kinds, [("id", Kind::Text), ("v", Kind::Vector), ("tags", Kind::Text)]);
        assert_eq!(found.format, Format::Jsonl);
    }
}
