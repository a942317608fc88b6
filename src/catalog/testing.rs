//! What the tests of the readers share: a catalog from bytes, and its rejects in short.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use chrono::NaiveDate;

use super::{Attribute, Catalog, Format, FurtherImages, Source, read};
use crate::error::Result;
use crate::money::Currency;
use crate::progress::Progress;

/// What a test asks for: a [`Source`] that owns its parts.
pub(super) struct Settings {
    pub(super) format: Option<Format>,
    pub(super) columns: BTreeMap<String, String>,
    pub(super) currency: Option<Currency>,
    pub(super) decimal: char,
    pub(super) attributes: Vec<Attribute>,
    pub(super) vectors: Option<&'static str>,
    pub(super) further_images: FurtherImages,
}

pub(super) fn read_text(bytes: &[u8]) -> Result<Catalog> {
    read_with(bytes, |_| ())
}

/// Reads bytes as a catalog file; `adjust` changes what is asked for.
pub(super) fn read_with(bytes: impl AsRef<[u8]>, adjust: impl FnOnce(&mut Settings)) -> Result<Catalog> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes.as_ref()).unwrap();
    read_path(file.path(), adjust)
}

pub(super) fn read_path(path: &Path, adjust: impl FnOnce(&mut Settings)) -> Result<Catalog> {
    let mut settings = Settings {
        format: None,
        columns: BTreeMap::new(),
        currency: None,
        decimal: '.',
        attributes: Vec::new(),
        vectors: None,
        further_images: FurtherImages::default(),
    };
    adjust(&mut settings);
    read(&Source {
        path,
        format: settings.format,
        columns: &settings.columns,
        currency: settings.currency,
        decimal: settings.decimal,
        further_images: &settings.further_images,
        run_date: NaiveDate::from_ymd_opt(2026, 11, 22).unwrap(),
        attributes: &settings.attributes,
        vectors: settings.vectors,
        progress: &Progress::hidden(),
    })
}

/// Attributes that the rule `mine` compares.
pub(super) fn names(of: &[&str]) -> Vec<Attribute> {
    of.iter().map(|&name| Attribute { name: name.to_owned(), asked_by: "rule `mine`".to_owned() }).collect()
}

/// Row, id and code of each reject.
pub(super) fn reasons(catalog: &Catalog) -> Vec<(u64, Option<&str>, &'static str)> {
    catalog.rejects.iter().map(|reject| (reject.row, reject.id.as_deref(), reject.code)).collect()
}
