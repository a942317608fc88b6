//! One JSON object a line. Numbers keep the text they were written with, so that 19.99 stays exact. This room refuses
//! to parse a value that nobody wants.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::assembly::{Assembly, Cell, quoted};
use super::file::CatalogFile;
use super::wanted::{Wanted, is_same_name};
use crate::error::Result;

pub(super) fn read(file: &CatalogFile, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) -> Result<()> {
    let mut lines = Lines::open(file)?;
    let mut keys = Keys::default();
    while let Some((number, line)) = lines.next()? {
        let row = assembly.next_row();
        let cells = parse(line).and_then(|object| {
            let unreadable = |cause| ("bad_json", format!("has a text that cannot be read: {}", without_place(&cause)));
            keys.cells(&object, wanted).map_err(unreadable)
        });
        match cells {
            Ok(cells) => assembly.take(row, &cells),
            Err((code, what)) => assembly.reject(row, code, format!("line {number} {what}")),
        }
    }
    if keys.names.is_empty() {
        return Ok(()); // no object at all: the assembly says so
    }
    wanted.require(&keys.found(wanted), &keys.names, file)
}

/// The lines of a file that are not blank.
pub(super) struct Lines<'f> {
    file: &'f CatalogFile,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl<'f> Lines<'f> {
    pub(super) fn open(file: &'f CatalogFile) -> Result<Lines<'f>> {
        Ok(Lines { file, reader: BufReader::with_capacity(1 << 18, file.text()?), line: Vec::new(), number: 0 })
    }

    /// A line and its number in the file, from 1, blank lines counted.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        loop {
            self.line.clear();
            let length = self.reader.read_until(b'\n', &mut self.line).map_err(|cause| self.file.unreadable(cause))?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, self.line.trim_ascii_end())));
            }
        }
    }
}

/// An object's members in the order of the text, values unparsed.
pub(super) struct Object<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

/// The object of a line, or the code of its reject and what the line is or has.
pub(super) fn parse(line: &[u8]) -> std::result::Result<Object<'_>, (&'static str, String)> {
    let text = std::str::from_utf8(line).map_err(|_| ("not_utf8", "is not UTF-8".to_owned()))?;
    let object: Object<'_> = serde_json::from_str(text).map_err(|cause| {
        let (what, column) = (without_place(&cause), cause.column());
        ("bad_json", format!("is not a JSON object: {what} at column {column}"))
    })?;
    let mut seen = HashSet::with_capacity(object.0.len());
    match object.0.iter().find(|(key, _)| !seen.insert(key.as_ref())) {
        Some((key, _)) => Err(("bad_json", format!("has the key {} more than once: keep one", quoted(key)))),
        None => Ok(object),
    }
}

/// What is wrong, without where: the parser sees one line, or one value of it, and would call it the first line.
fn without_place(cause: &serde_json::Error) -> String {
    const SHOWN: usize = 160;
    let text = cause.to_string();
    let place = format!(" at line {} column {}", cause.line(), cause.column());
    text.strip_suffix(&place).unwrap_or(&text).chars().take(SHOWN).collect()
}

/// What a JSON value is to the catalog. Borrowed as far as the text has no escapes.
pub(super) fn cell(value: &RawValue) -> serde_json::Result<Cell<'_>> {
    let text = value.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Text<'_>>(text)?.0 {
            text if text.is_empty() => Cell::Empty,
            text => Cell::Text(text),
        },
        Some(b'[' | b'{') => Cell::Nested(text),
        Some(b'n') | None => Cell::Empty,
        Some(b't' | b'f') => Cell::text(text),
        Some(_) => Cell::Number(Cow::Borrowed(text)),
    })
}

/// All keys seen so far, and which slots each can fill.
#[derive(Default)]
struct Keys {
    names: Vec<String>,
    slots: HashMap<String, Vec<Match>>,
}

#[derive(Clone, Copy)]
struct Match {
    slot: usize,
    is_exact: bool,
}

impl Keys {
    fn cells<'a>(&mut self, object: &Object<'a>, wanted: &Wanted<'_>) -> serde_json::Result<Vec<Cell<'a>>> {
        let mut taken: Vec<Option<(bool, &'a RawValue)>> = vec![None; wanted.slots().len()];
        for (key, value) in &object.0 {
            for found in self.matches(key, wanted) {
                let place = &mut taken[found.slot];
                if found.is_exact || place.is_none_or(|(is_exact, _)| !is_exact) {
                    *place = Some((found.is_exact, value));
                }
            }
        }
        taken.into_iter().map(|place| place.map_or(Ok(Cell::Empty), |(_, value)| cell(value))).collect()
    }

    fn matches(&mut self, key: &str, wanted: &Wanted<'_>) -> &[Match] {
        if !self.slots.contains_key(key) {
            let fits = |(slot, column): (usize, &str)| {
                is_same_name(column, key).then_some(Match { slot, is_exact: column == key })
            };
            let columns = wanted.slots().iter().map(|slot| slot.column).enumerate();
            self.slots.insert(key.to_owned(), columns.filter_map(fits).collect());
            self.names.push(key.to_owned());
        }
        &self.slots[key]
    }

    /// For each slot, whether some key could fill it.
    fn found(&self, wanted: &Wanted<'_>) -> Vec<bool> {
        let mut found = vec![false; wanted.slots().len()];
        for place in self.slots.values().flatten() {
            found[place.slot] = true;
        }
        found
    }
}

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object such as `{\"id\": \"A1\"}`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((key.0, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::testing::{names, read_text, read_with, reasons};
    use crate::error::Error;

    #[test]
    fn numbers_keep_their_text() {
        let text = concat!(
            "\u{FEFF}{\"id\": 9007199254740993, \"price\": 99999999999999.9999, \"TITLE\": \"caf\\u00e9\"}\r\n\n",
            "{\"id\": \"007\", \"price\": \"19,99\", \"in_stock\": false, \"stock\": 3, \"category\": null}\n",
            "{\"Id\": \"x\", \"id\": \"exact\", \"price\": 1.5e1}",
        );
        let catalog = read_with(text, |source| source.decimal = ',').unwrap();
        let [first, second, third] = &catalog.products[..] else { panic!("{catalog:?}") };
        assert_eq!(first.id, "9007199254740993");
        assert_eq!(first.price.unwrap().to_string(), "99999999999999.9999");
        assert_eq!(first.title.as_deref(), Some("café"));
        assert_eq!((second.id.as_str(), second.price.unwrap().units(), second.in_stock), ("007", 199_900, false));
        assert_eq!((third.id.as_str(), third.row), ("exact", 3));
        assert_eq!(reasons(&catalog), [(3, Some("exact"), "bad_price")]);
    }

    #[test]
    fn broken_lines_are_rejects() {
        let mut text = b"{\"id\": \"a\", \"category\": [\"x\"]}\n{\"id\": \n[1]\n".to_vec();
        text.extend(b"{\"id\": \"\xFF\"}\n{\"id\": \"\\ud800\"}\n{\"id\": {}}\n{\"id\": \"b\", \"price\": NaN}\n");
        let catalog = read_text(&text).unwrap();
        assert_eq!(
            reasons(&catalog),
            [
                (1, Some("a"), "not_text"),
                (2, None, "bad_json"),
                (3, None, "bad_json"),
                (4, None, "not_utf8"),
                (5, None, "bad_json"),
                (6, None, "no_id"),
                (7, None, "bad_json"),
            ]
        );
        assert_eq!((catalog.products.len(), catalog.rows), (1, 7));
    }

    #[test]
    fn a_reject_says_the_line_of_the_file() {
        let catalog = read_text(
            b"\n{\"id\": 1}\r\n \n  {\"id\": 2,}\n{\"id\": 3, \"x\": 1, \"\\u0078\": 2}\n{\"title\": \"\\ud800\", \"id\": 4}\n\"\xFF\"",
        )
        .unwrap();
        let details: Vec<_> = catalog.rejects.iter().map(|reject| reject.detail.as_str()).collect();
        let [comma, repeated, surrogate, bytes] = details[..] else { panic!("{details:?}") };
        assert_eq!(comma, "line 4 is not a JSON object: trailing comma at column 12");
        assert_eq!(repeated, "line 5 has the key `x` more than once: keep one");
        assert!(surrogate.starts_with("line 6 has a text that cannot be read: ") && !surrogate.contains("line 1"));
        assert_eq!(bytes, "line 7 is not UTF-8");
        assert_eq!(catalog.rejects[0].row, 2);
    }

    #[test]
    fn vectors_and_attributes_come_along() {
        let text = concat!(
            "{\"id\": \"a\", \"v\": [0.1, -2, 3e-1], \"tags\": [\"x\", \"y\"]}\n",
            "{\"id\": \"b\", \"Color\": \" red \"}\n",
            "{\"id\": \"c\", \"v\": [1, null]}\n{\"id\": \"d\", \"v\": 5}\n{\"id\": \"e\", \"v\": []}\n{\"id\": \"a\", \"v\": [9]}\n",
        );
        let catalog = read_with(text, |source| {
            source.vectors = Some("v");
            source.attributes = names(&["color", "tags"]);
        })
        .unwrap();
        let vectors = catalog.vectors.as_ref().unwrap();
        assert_eq!(vectors.values, [0.1, -2.0, 0.3]);
        assert_eq!(vectors.spans, [Some(0..3), None, None, None, Some(3..3)]);
        assert_eq!(catalog.products[0].attributes, [None, Some("[\"x\", \"y\"]".into())]);
        assert_eq!(catalog.products[1].attributes, [Some("red".into()), None]);
        let bad = "bad_vector";
        assert_eq!(reasons(&catalog), [(3, Some("c"), bad), (4, Some("d"), bad), (6, Some("a"), "duplicate_id")]);
    }

    #[test]
    fn absent_columns_are_named_with_those_there() {
        let cause = read_text(b"{\"sku\": 1}\n{\"name\": 2}\n").unwrap_err();
        assert!(matches!(cause, Error::Catalog(_)), "{cause}");
        assert!(cause.to_string().contains("no column `id`") && cause.to_string().contains("`sku`, `name`"), "{cause}");
        let cause = read_with("{\"id\": 1}\n", |source| source.attributes = names(&["gender"])).unwrap_err();
        assert!(matches!(cause, Error::Config(_)), "{cause}");
        let cause = read_text(b"{ not json\n{ at all\n").unwrap_err();
        assert!(matches!(cause, Error::Catalog(_)), "{cause}");
    }
}
