//! Delimited text into cells. This room refuses rows that the table's own reader refuses, and those alone.

use csv::ByteRecord;

use super::assembly::{Assembly, Cell};
use super::wanted::Wanted;
use crate::error::Result;
use crate::tabular::TableFile;
use crate::tabular::delimited::{Table, text};

pub(super) fn read(file: &TableFile, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) -> Result<()> {
    let mut table = Table::open(file)?;
    let places = wanted.resolve(table.header(), file)?;
    let mut record = ByteRecord::new();
    while table.next(&mut record)? {
        let row = assembly.next_row();
        if let Err(detail) = table.check_field_count(&record) {
            assembly.reject(row, "field_count", detail);
            continue;
        }
        let cells: std::result::Result<Vec<Cell<'_>>, usize> =
            places.iter().map(|place| place.map_or(Ok(Cell::Empty), |index| cell(&record, index))).collect();
        match cells {
            Ok(cells) => assembly.take(row, &cells),
            Err(column) => assembly.reject(row, "not_utf8", table.not_utf8(column)),
        }
    }
    Ok(())
}

/// The cell at a place of a record, or the place again where it is not UTF-8.
pub(super) fn cell(record: &ByteRecord, index: usize) -> std::result::Result<Cell<'_>, usize> {
    text(record, index).map(Cell::text)
}

#[cfg(test)]
mod tests {
    use crate::catalog::testing::{read_text, read_with, reasons};
    use crate::error::Error;

    #[test]
    fn awkward_but_sound_text_is_read() {
        let text = "\u{FEFF}ID;Title;price\r\n007;\"Two\r\nlines; \"\"quoted\"\"\";1299,5\r\n\r\n 8 ;  ;\r\n";
        let catalog = read_with(text, |source| source.decimal = ',').unwrap();
        let [first, second] = &catalog.products[..] else { panic!("{catalog:?}") };
        assert_eq!((first.id.as_str(), first.row), ("007", 1));
        assert_eq!(first.title.as_deref(), Some("Two\r\nlines; \"quoted\""));
        assert_eq!(first.price.unwrap().units(), 12_995_000);
        assert_eq!((second.id.as_str(), second.row, second.title.as_ref(), second.price), ("8", 2, None, None));
        assert_eq!((catalog.rows, catalog.rejects.len()), (2, 0));
        assert_eq!(catalog.digest, Some(blake3::hash(text.as_bytes())));
    }

    #[test]
    fn broken_rows_are_rejects_and_the_others_stay() {
        let mut text = b"id,title,note\na,A,\nb,B\nc,".to_vec();
        text.extend(b"\xFF\xFE,\nd,D,\xFF\na,again,\n,none,\n");
        let catalog = read_text(&text).unwrap();
        let ids: Vec<&str> = catalog.products.iter().map(|product| product.id.as_str()).collect();
        assert_eq!(ids, ["a", "d"], "bytes that are not UTF-8 hurt only in a column that is read");
        assert_eq!(
            reasons(&catalog),
            [(2, None, "field_count"), (3, None, "not_utf8"), (5, Some("a"), "duplicate_id"), (6, None, "no_id")]
        );
        assert!(catalog.rejects[2].detail.contains("row 1"), "{}", catalog.rejects[2].detail);
        assert_eq!(catalog.rows, 6);
    }

    #[test]
    fn an_open_quote_refuses_the_file() {
        let cause = read_text(b"id,title\na,A\nb,\"B\nc,C\nd,D\n").unwrap_err();
        assert!(matches!(cause, Error::Catalog(_)), "{cause}");
        assert!(cause.to_string().contains("line 3"), "{cause}");
        assert_eq!(read_text(b"id,title\na,\"A\nB\"\nb,5\" screen\n").unwrap().products.len(), 2);
    }
}
