//! JSON Lines into cells. This room refuses lines that the lines' own reader refuses, and those alone.

use std::borrow::Cow;

use super::assembly::{Assembly, Cell};
use super::wanted::Wanted;
use crate::error::Result;
use crate::tabular::TableFile;
use crate::tabular::json_lines::{Keys, Lines, Value, parse};

pub(super) fn read(file: &TableFile, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) -> Result<()> {
    let mut lines = Lines::open(file)?;
    let mut keys = Keys::default();
    let columns = wanted.columns();
    while let Some((number, line)) = lines.next()? {
        let row = assembly.next_row();
        match parse(line).and_then(|object| keys.values(&object, &columns)) {
            Ok(values) => assembly.take(row, &values.into_iter().map(Cell::from).collect::<Vec<_>>()),
            Err((code, what)) => assembly.reject(row, code, format!("line {number} {what}")),
        }
    }
    if keys.names().is_empty() {
        return Ok(()); // no object at all: the assembly says so
    }
    wanted.require(&keys.found(columns.len()), keys.names(), file)
}

impl<'a> From<Value<'a>> for Cell<'a> {
    fn from(value: Value<'a>) -> Cell<'a> {
        match value {
            Value::Empty => Cell::Empty,
            Value::Text(text) => Cell::Text(text),
            Value::Number(digits) => Cell::Number(Cow::Borrowed(digits)),
            Value::Nested(text) => Cell::Nested(text),
        }
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
