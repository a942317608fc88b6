//! Lists of 32-bit floats, decoded to where they stay: no arrow array is made of them, and no value is copied. This room refuses
//! lists in any other layout; the batches of the room above have those.

use std::fs::File;
use std::ops::Range;

use parquet::basic::{Repetition, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::FloatType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use crate::error::Result;
use crate::tabular::TableFile;
use crate::tabular::columnar::{contained, undecodable};

/// Reads one column of vectors from the first row to the last.
pub(super) struct VectorReader<'f> {
    file: &'f TableFile,
    reader: SerializedFileReader<File>,
    leaf: usize,
    next_group: usize,
    group: Option<ColumnReaderImpl<FloatType>>,
    /// The definition level from which on a list has an element there; below it the list is empty or null.
    element: i16,
    /// The definition level of an element that is not null.
    value: i16,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl<'f> VectorReader<'f> {
    /// `None` where the column at `root` is no plain list of 32-bit floats.
    pub(super) fn open(file: &'f TableFile, schema: &SchemaDescriptor, root: usize) -> Result<Option<Self>> {
        let mut leaves = (0..schema.num_columns()).filter(|&leaf| schema.get_column_root_idx(leaf) == root);
        let (Some(leaf), None) = (leaves.next(), leaves.next()) else { return Ok(None) };
        let column = schema.column(leaf);
        if column.physical_type() != Type::FLOAT || column.max_rep_level() != 1 {
            return Ok(None);
        }
        let value = column.max_def_level();
        let is_nullable = column.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
        let handle = file.rewound()?;
        let reader = contained(file, || SerializedFileReader::new(handle))?;
        Ok(Some(VectorReader {
            file,
            reader: reader.map_err(|cause| undecodable(file, cause))?,
            leaf,
            next_group: 0,
            group: None,
            element: value - i16::from(is_nullable),
            value,
            definitions: Vec::new(),
            repetitions: Vec::new(),
        }))
    }

    /// Appends the values of the next rows, and says where those of each row lie; `None` where it has no list. A null among the
    /// values becomes NaN, which the `embedding` room refuses.
    pub(super) fn read(&mut self, rows: usize, values: &mut Vec<f32>) -> Result<Vec<Option<Range<usize>>>> {
        let mut spans = Vec::with_capacity(rows);
        while spans.len() < rows {
            let Some(group) = &mut self.group else {
                self.group = Some(self.open_group()?);
                continue;
            };
            self.definitions.clear();
            self.repetitions.clear();
            let (file, wanted, start) = (self.file, rows - spans.len(), values.len());
            let levels = (Some(&mut self.definitions), Some(&mut self.repetitions));
            let read = contained(file, || group.read_records(wanted, levels.0, levels.1, values))?;
            let (records, _, _) = read.map_err(|cause| undecodable(file, cause))?;
            if records == 0 {
                self.group = None;
                continue;
            }
            let end = self.place(start, &mut spans);
            if end != values.len() {
                self.spread(end, values);
            }
        }
        Ok(spans)
    }

    fn open_group(&mut self) -> Result<ColumnReaderImpl<FloatType>> {
        if self.next_group == self.reader.num_row_groups() {
            return Err(undecodable(self.file, "a column has fewer rows than the others"));
        }
        let (reader, group, leaf) = (&self.reader, self.next_group, self.leaf);
        self.next_group += 1;
        let opened = contained(self.file, || reader.get_row_group(group)?.get_column_reader(leaf))?;
        match opened.map_err(|cause| undecodable(self.file, cause))? {
            ColumnReader::FloatColumnReader(column) => Ok(column),
            _ => Err(undecodable(self.file, "a column has two types")),
        }
    }

    /// Adds the span of every list that the levels tell of, the first from `start` on, and gives the end of the last one.
    fn place(&self, start: usize, spans: &mut Vec<Option<Range<usize>>>) -> usize {
        let (mut at, mut from, mut guess) = (0, start, 1);
        while at < self.repetitions.len() {
            // Most lists are as long as the one before: to look for the start of the next one inside is quick then.
            let rest = &self.repetitions[at..];
            let is_guessed =
                rest.get(guess).is_none_or(|&level| level == 0) && guess <= rest.len() && !rest[1..guess].contains(&0);
            let levels = if is_guessed {
                guess
            } else {
                rest[1..].iter().position(|&level| level == 0).map_or(rest.len(), |before| before + 1)
            };
            let definition = self.definitions[at];
            let length = if definition >= self.element { levels } else { 0 };
            // An empty list is one level below its first element; a list that is null is below that.
            spans.push((definition + 1 >= self.element).then_some(from..from + length));
            (at, from, guess) = (at + levels, from + length, levels);
        }
        from
    }

    /// Moves the values up to where they belong, with NaN between them for those that are null.
    fn spread(&self, end: usize, values: &mut Vec<f32>) {
        let (mut from, mut to) = (values.len(), end);
        values.resize(end, f32::NAN);
        for &definition in self.definitions.iter().rev().filter(|&&definition| definition >= self.element) {
            to -= 1;
            values[to] = if definition == self.value {
                from -= 1;
                values[from]
            } else {
                f32::NAN
            };
        }
    }
}
