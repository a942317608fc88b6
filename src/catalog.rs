//! The shop's products as they are tonight: readers, categories, prices, rejects.
//!
//! A row that cannot be used becomes a [`Reject`]; this room refuses floats for money and never opens an image.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::error::Result;
use crate::money::{Currency, Price};
use crate::reject::Reject;

/// A product's index in [`Catalog::products`]: file order, without the rejected rows.
pub type ProductIndex = usize;

/// Everything read from one catalog file.
#[derive(Debug, Default)]
pub struct Catalog {
    /// The usable products in file order; ids are unique.
    pub products: Vec<Product>,
    /// Names of the attribute columns asked for by [`Source::attributes`], in that order.
    pub attributes: Vec<String>,
    /// The vector column, when [`Source::vectors`] asked for one.
    pub vectors: Option<VectorColumn>,
    /// Every row, or field of a row, that could not be used, by row.
    pub rejects: Vec<Reject>,
    /// Data rows in the file, rejected ones included (a header is not a row).
    pub rows: u64,
    /// BLAKE3 of the file's bytes.
    pub digest: Option<blake3::Hash>,
}

/// One row of the catalog: a product or one of its variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The data row it came from, counted from 1.
    pub row: u64,
    /// Unique text; `007` stays `007`.
    pub id: String,
    /// What people call it.
    pub title: Option<String>,
    /// The one category path.
    pub category: Option<Category>,
    /// What the customer pays: the sale price where it is lower.
    pub price: Option<Price>,
    /// The currency of `price`.
    pub currency: Option<Currency>,
    /// The image as the catalog writes it: a path below the image root, or a URL.
    pub image: Option<String>,
    /// Variants of one product share it; `None` makes the row a group of its own.
    pub group: Option<String>,
    /// Whether it may be recommended tonight; a product out of stock is still served.
    pub in_stock: bool,
    /// Attribute values in the order of [`Catalog::attributes`]; empty cells are `None`.
    pub attributes: Vec<Option<String>>,
}

/// A category path: non-empty segments without surrounding spaces, joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(String);

impl Category {
    /// Splits at `/` and `>`, trims the segments and drops empty ones; `None` when nothing is left.
    #[must_use]
    pub fn parse(text: &str) -> Option<Category> {
        let segments: Vec<&str> = text.split(['/', '>']).map(str::trim).filter(|s| !s.is_empty()).collect();
        (!segments.is_empty()).then(|| Category(segments.join("/")))
    }

    /// The path, `Women/Tops/Tees`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment, `Women`.
    #[must_use]
    pub fn first_segment(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The path without its last segment, `Women/Tops`; empty for a path of one segment.
    #[must_use]
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// Whether the path has more than one segment.
    #[must_use]
    pub fn is_nested(&self) -> bool {
        self.0.contains('/')
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The vectors of a catalog column, ragged as they were written; the `embedding` room validates them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorColumn {
    /// All values of all rows, end to end.
    pub values: Vec<f32>,
    /// Per product, where its values lie; `None` for an empty cell.
    pub spans: Vec<Option<std::ops::Range<usize>>>,
}

/// The layout of a catalog file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Delimited text with a header.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line.
    Jsonl,
    /// Shopify's product export.
    Shopify,
}

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The catalog file.
    pub path: &'a Path,
    /// `None` decides by content.
    pub format: Option<Format>,
    /// Standard field name to the file's column name, only where they differ.
    pub columns: &'a BTreeMap<String, String>,
    /// The currency where the file has no currency column, or an empty cell in it.
    pub currency: Option<Currency>,
    /// The decimal mark of prices written as text, `.` or `,`.
    pub decimal: char,
    /// The columns that rules name.
    pub attributes: &'a [String],
    /// The column that holds vectors, if they come from the catalog.
    pub vectors: Option<&'a str>,
}

/// Reads the whole catalog.
///
/// # Errors
/// [`crate::error::Error::Catalog`] when the file as a whole cannot be used: missing, a folder, empty, without a required
/// column. [`crate::error::Error::Config`] when the configuration names a column that the file lacks.
pub fn read(source: &Source<'_>) -> Result<Catalog> {
    let _ = source;
    Err(anyhow::anyhow!("not written yet").into())
}
