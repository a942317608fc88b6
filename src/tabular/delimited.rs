//! Delimited text with a header: the delimiter sniffed, quoted newlines kept. This room refuses to guess what a row
//! with too many or too few fields meant.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use csv::ByteRecord;

use super::TableFile;
use crate::error::Result;

/// Delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The header is looked for in this many bytes.
const HEAD_BYTES: u64 = 1 << 20;

/// The text at a place of a record, or the place again where it is not UTF-8.
pub(crate) fn text(record: &ByteRecord, index: usize) -> std::result::Result<&str, usize> {
    std::str::from_utf8(record.get(index).unwrap_or_default()).map_err(|_| index)
}

/// Records below a header.
pub(crate) struct Table<'f> {
    file: &'f TableFile,
    reader: csv::Reader<File>,
    header: Vec<String>,
    delimiter: u8,
    /// Where the last record begins in the text, and in which line.
    last: (u64, u64),
}

impl<'f> Table<'f> {
    pub(crate) fn open(file: &'f TableFile) -> Result<Table<'f>> {
        let delimiter = sniff(&file.head(HEAD_BYTES)?);
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .buffer_capacity(1 << 18)
            .from_reader(file.text()?);
        let mut table = Table { file, reader, header: Vec::new(), delimiter, last: (0, 1) };
        let mut record = ByteRecord::new();
        table.next(&mut record)?;
        for (index, name) in record.iter().enumerate() {
            let name = std::str::from_utf8(name).ok().filter(|name| !name.contains('\0'));
            let name = name.ok_or_else(|| {
                file.unusable(format_args!(
                    "has a header that is not UTF-8 text (field {}): save it as UTF-8",
                    index + 1
                ))
            })?;
            table.header.push(name.trim().to_owned());
        }
        Ok(table)
    }

    /// The names of the columns, without spaces around them.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The next record that is not blank; false at the end.
    pub(crate) fn next(&mut self, record: &mut ByteRecord) -> Result<bool> {
        loop {
            let is_record = self.reader.read_byte_record(record).map_err(|cause| self.file.unreadable(cause))?;
            if !is_record {
                self.require_closed_quotes()?;
                return Ok(false);
            }
            self.last = record.position().map_or((0, 1), |position| (position.byte(), position.line()));
            let is_blank = record.len() == 1 && record[0].trim_ascii().is_empty();
            if !is_blank {
                return Ok(true);
            }
        }
    }

    pub(crate) fn check_field_count(&self, record: &ByteRecord) -> std::result::Result<(), String> {
        let (found, expected) = (record.len(), self.header.len());
        if found == expected {
            return Ok(());
        }
        let line = self.last.1;
        Err(format!("{found} fields in line {line}, but the header has {expected}: check its quotes and delimiters"))
    }

    pub(crate) fn not_utf8(&self, column: usize) -> String {
        format!("`{}` in line {} is not UTF-8: save the file as UTF-8", self.header[column], self.last.1)
    }

    /// An open quote swallows every row behind it, and nobody can say how many: that is no reject of one row.
    fn require_closed_quotes(&self) -> Result<()> {
        let (start, line) = self.last;
        if self.reader.position().line() <= line + 1 {
            return Ok(());
        }
        let mut text = self.file.text()?;
        let mut tail = Vec::new();
        let offset = i64::try_from(start).expect("files are shorter than 2^63 bytes");
        text.seek(SeekFrom::Current(offset)).map_err(|cause| self.file.unreadable(cause))?;
        text.read_to_end(&mut tail).map_err(|cause| self.file.unreadable(cause))?;
        if ends_inside_quotes(&tail, self.delimiter) {
            return Err(self.file.unusable(format_args!(
                "has a quote in the record of line {line} that is never closed: is the file cut off, or is a `\"` not doubled"
            )));
        }
        Ok(())
    }
}

/// The delimiter that the header uses most, outside quotes.
fn sniff(head: &[u8]) -> u8 {
    let mut counts = [0_u32; DELIMITERS.len()];
    let mut in_quotes = false;
    for &byte in head.trim_ascii_start() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'\n' | b'\r' if !in_quotes => break,
            _ if in_quotes => {}
            _ => {
                if let Some(index) = DELIMITERS.iter().position(|&delimiter| delimiter == byte) {
                    counts[index] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let index = counts.iter().position(|&count| count == most).unwrap_or(0);
    DELIMITERS[index]
}

/// Whether a record is still inside quotes where the text ends; only a quote at the start of a field opens one.
fn ends_inside_quotes(record: &[u8], delimiter: u8) -> bool {
    #[derive(PartialEq)]
    enum State {
        FieldStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }
    let mut state = State::FieldStart;
    for &byte in record {
        state = match (state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) | (State::FieldStart | State::QuoteInQuoted, b'"') => State::Quoted,
            (_, byte) if byte == delimiter || matches!(byte, b'\n' | b'\r') => State::FieldStart,
            _ => State::Plain,
        };
    }
    state == State::Quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_inside_quotes_does_not_count() {
        assert_eq!(sniff(b"id;\"a,b,c,d\";price\n1,2,3,4,5,6"), b';');
        assert_eq!(sniff(b"id\tprice\n"), b'\t');
        assert_eq!(sniff(b"id|price\n"), b'|');
        assert_eq!(sniff(b"id\n"), b',');
    }
}
