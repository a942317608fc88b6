//! One JSON object a line. Numbers keep the text they were written with, so that 19.99 stays exact. This room refuses
//! to parse a value that nobody wants.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{TableFile, is_same_name, quoted};

/// Why a line cannot be used: the code of its reject, and what the line is or has.
pub(crate) type Fault = (&'static str, String);

/// The lines of a file that are not blank.
pub(crate) struct Lines<'f> {
    file: &'f TableFile,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl<'f> Lines<'f> {
    pub(crate) fn open(file: &'f TableFile) -> crate::error::Result<Lines<'f>> {
        Ok(Lines { file, reader: BufReader::with_capacity(1 << 18, file.text()?), line: Vec::new(), number: 0 })
    }

    /// A line and its number in the file, from 1, blank lines counted.
    pub(crate) fn next(&mut self) -> crate::error::Result<Option<(u64, &[u8])>> {
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
pub(crate) struct Object<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

/// The object of a line, or the code of its reject and what the line is or has.
pub(crate) fn parse(line: &[u8]) -> Result<Object<'_>, Fault> {
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

/// What a JSON value is in a table.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    /// Null, empty text, or no such key.
    Empty,
    /// Text; borrowed as far as it has no escapes.
    Text(Cow<'a, str>),
    /// The digits of a number, as they were written.
    Number(&'a str),
    /// An array or object, as it was written.
    Nested(&'a str),
}

/// The value of a member.
pub(crate) fn value(raw: &RawValue) -> serde_json::Result<Value<'_>> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Text<'_>>(text)?.0 {
            text if text.is_empty() => Value::Empty,
            text => Value::Text(text),
        },
        Some(b'[' | b'{') => Value::Nested(text),
        Some(b'n') | None => Value::Empty,
        Some(b't' | b'f') => Value::Text(Cow::Borrowed(text)),
        Some(_) => Value::Number(text),
    })
}

/// All keys seen so far, and which columns each can fill.
#[derive(Default)]
pub(crate) struct Keys {
    names: Vec<String>,
    slots: HashMap<String, Vec<Match>>,
}

#[derive(Clone, Copy)]
struct Match {
    slot: usize,
    is_exact: bool,
}

impl Keys {
    /// For each of the columns, the value that an object has for it: under exactly that key, else under one in another case.
    pub(crate) fn values<'a>(&mut self, object: &Object<'a>, columns: &[&str]) -> Result<Vec<Value<'a>>, Fault> {
        let mut taken: Vec<Option<(bool, &'a RawValue)>> = vec![None; columns.len()];
        for (key, value) in &object.0 {
            for found in self.matches(key, columns) {
                let place = &mut taken[found.slot];
                if found.is_exact || place.is_none_or(|(is_exact, _)| !is_exact) {
                    *place = Some((found.is_exact, value));
                }
            }
        }
        let values = taken.into_iter().map(|place| place.map_or(Ok(Value::Empty), |(_, value)| self::value(value)));
        let unreadable = |cause| ("bad_json", format!("has a text that cannot be read: {}", without_place(&cause)));
        values.collect::<serde_json::Result<_>>().map_err(unreadable)
    }

    /// All keys seen so far, in order of appearance.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    fn matches(&mut self, key: &str, columns: &[&str]) -> &[Match] {
        if !self.slots.contains_key(key) {
            let fits = |(slot, &column): (usize, &&str)| {
                is_same_name(column, key).then_some(Match { slot, is_exact: column == key })
            };
            self.slots.insert(key.to_owned(), columns.iter().enumerate().filter_map(fits).collect());
            self.names.push(key.to_owned());
        }
        &self.slots[key]
    }

    /// For each of so many columns, whether some key could fill it.
    pub(crate) fn found(&self, columns: usize) -> Vec<bool> {
        let mut found = vec![false; columns];
        for place in self.slots.values().flatten() {
            found[place.slot] = true;
        }
        found
    }
}

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object such as `{\"id\": \"A1\"}`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
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
