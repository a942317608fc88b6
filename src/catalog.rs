//! The shop's products as they are tonight: readers, categories, prices, rejects.
//!
//! A row that cannot be used becomes a [`Reject`]; this room refuses floats for money and never opens an image.

mod assembly;
mod columnar;
mod columns;
mod delimited;
mod images;
mod json_lines;
mod shopify;
mod stock;
#[cfg(test)]
mod testing;
mod wanted;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use assembly::Assembly;
use chrono::NaiveDate;
pub use columns::{Column, Columns, Kind, columns};
pub use images::FurtherImages;
pub(crate) use stock::flag;
use wanted::Wanted;

use crate::error::{Error, Result};
use crate::money::{Currency, Margin, Price};
use crate::progress::Progress;
use crate::reject::Reject;
use crate::tabular::delimited::Table;
use crate::tabular::{Layout, Role, TableFile};

const ROLE: Role = Role { section: "catalog", flag: Some("--catalog"), error: Error::Catalog };

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
    /// Data rows in the file, rejected ones and those that only bring an image included (a header is not a row).
    pub rows: u64,
    /// BLAKE3 of the file's bytes.
    pub digest: Option<blake3::Hash>,
}

impl Catalog {
    /// The place of an attribute among [`Catalog::attributes`].
    ///
    /// # Panics
    /// When the reader was not asked for it: it is asked for every attribute that a rule names.
    #[must_use]
    pub fn attribute_place(&self, name: &str) -> usize {
        let found = self.attributes.iter().position(|attribute| attribute == name);
        found.expect("the reader was asked for every attribute that a rule names")
    }

    /// A product's value of an attribute that the reader was asked for; `None` for an empty cell.
    #[must_use]
    pub fn attribute<'p>(&self, product: &'p Product, name: &str) -> Option<&'p str> {
        product.attributes[self.attribute_place(name)].as_deref()
    }
}

/// One row of the catalog: a product or one of its variants, with the images of the rows below it that only bring more of them.
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
    /// The currency of `price`. Products without a currency are compared only with each other.
    pub currency: Option<Currency>,
    /// The image as the catalog writes it: a path below the image root, or a URL.
    pub image: Option<String>,
    /// Further images of the product, other views of it, in the order in which the catalog gives them.
    pub further_images: Box<[String]>,
    /// Variants of one product share it; `None` makes the row a group of its own.
    pub group: Option<String>,
    /// What one piece earns: the column `margin`, else price less cost.
    pub margin: Option<Margin>,
    /// Whether there is any; what cannot be read counts as out of stock.
    pub in_stock: bool,
    /// Whether the run date lies within its dates; what cannot be read counts as outside.
    pub in_season: bool,
    /// Attribute values in the order of [`Catalog::attributes`]; empty cells are `None`.
    pub attributes: Vec<Option<String>>,
}

/// A category path: non-empty segments without surrounding spaces, joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(String);

impl Product {
    /// Whether it may be recommended tonight; what may not is still served.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.in_stock && self.in_season
    }
}

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
    /// Where images beside the one in `image` stand.
    pub further_images: &'a FurtherImages,
    /// The date of the night: products have days on which they may be recommended.
    pub run_date: NaiveDate,
    /// The columns that rules name, each once.
    pub attributes: &'a [Attribute],
    /// The column that holds vectors, if they come from the catalog.
    pub vectors: Option<&'a str>,
    /// Counts the bytes read.
    pub progress: &'a Progress,
}

/// A column that a rule or a placement looks at, and who asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute's name.
    pub name: String,
    /// The first rule or placement that names it, for a sentence.
    pub asked_by: String,
}

/// Reads the whole catalog.
///
/// # Errors
/// [`crate::error::Error::Catalog`] when the file as a whole cannot be used: missing, a folder, empty, without a required
/// column. [`crate::error::Error::Config`] when the configuration names a column that the file lacks.
/// [`crate::error::Error::Temporary`] when the file changed while it was read.
pub fn read(source: &Source<'_>) -> Result<Catalog> {
    let wanted = Wanted::new(source)?;
    let (file, format) = open(source.path, source.format)?;
    source.progress.start(file.bytes());
    let mut assembly = Assembly::new(source, &wanted, &file);
    match format {
        Format::Csv => delimited::read(&file, &wanted, &mut assembly)?,
        Format::Parquet => columnar::read(&file, &wanted, &mut assembly)?,
        Format::Jsonl => json_lines::read(&file, &wanted, &mut assembly)?,
        Format::Shopify => shopify::read(&file, &wanted, &mut assembly)?,
    }
    let mut catalog = assembly.finish()?;
    catalog.digest = Some(file.digest()?);
    file.require_unchanged()?;
    Ok(catalog)
}

/// The file and its layout: as asked for, or decided by its content.
fn open(path: &Path, format: Option<Format>) -> Result<(TableFile, Format)> {
    let file = TableFile::open(path, ROLE)?;
    let format = match format {
        Some(format) => format,
        None => match file.layout()? {
            Layout::Parquet => Format::Parquet,
            Layout::JsonLines => Format::Jsonl,
            Layout::Delimited if shopify::is_export(Table::open(&file)?.header()) => Format::Shopify,
            Layout::Delimited => Format::Csv,
        },
    };
    Ok((file, format))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::testing::{read_path, read_text, read_with, reasons};
    use super::*;
    use crate::money::Price;

    /// A file of the real shops; `build.rs` says whether they are there.
    fn real_shop(name: &str) -> PathBuf {
        PathBuf::from(env!("TWINSET_SHOPS_FOLDER")).join(name)
    }

    #[test]
    #[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
    fn real_shops_are_read_without_a_reject() {
        for (name, rows, price) in [
            ("magento_luma/products.csv", 127, "57.00"),
            ("clothing/products.csv", 603, "13.99"),
            ("opencart/products.csv", 20, "100.00"),
            ("spree/products.csv", 37, "879.99"),
        ] {
            let catalog = read_path(&real_shop(name), |_| ()).unwrap();
            assert_eq!(
                (catalog.products.len(), catalog.rows, &catalog.rejects[..]),
                (rows, rows as u64, &[][..]),
                "{name}"
            );
            let first = &catalog.products[0];
            assert_eq!(first.price.unwrap().to_string(), price, "{name}");
            assert!(first.currency.is_some() && first.category.is_some() && first.image.is_some(), "{name}: {first:?}");
        }
    }

    #[test]
    #[cfg_attr(not(shops), ignore = "needs the real shops: set TWINSET_SHOPS")]
    fn real_shopify_exports_are_read_as_they_are() {
        for (name, variants, groups, rows) in [
            ("shopify/apparel.csv", 22, 20, 22),
            ("shopify/home-and-garden.csv", 21, 20, 21),
            ("shopify/jewelery.csv", 23, 20, 41),
        ] {
            let catalog = read_path(&real_shop(name), |source| source.currency = Currency::parse("CAD")).unwrap();
            let mut handles: Vec<_> = catalog.products.iter().map(|product| product.group.clone().unwrap()).collect();
            handles.sort();
            handles.dedup();
            assert_eq!((catalog.products.len(), handles.len(), catalog.rows), (variants, groups, rows), "{name}");
            assert_eq!(catalog.rejects, [], "{name}");
            for product in &catalog.products {
                assert!(product.price.is_some() && product.title.is_some(), "{product:?}");
                assert!(product.image.as_ref().unwrap().starts_with("https://"), "{product:?}");
            }
        }
    }

    #[test]
    fn values_are_judged_one_by_one() {
        let text = "id,price,sale_price,currency,in_stock,stock,group_id,category\n\
            a,10,8,usd,YES,1, g ,A > B /C\n\
            b,10,12,,1,0,,/\n\
            c,10,x,EUR,no,,,\n\
            d,$10,8,EUR,maybe,many,,\n\
            e,10,,dollar,,-1,,\n\
            f,\"1.299,00\",,EUR,,2.0,,\n\
            g,,,,,,,\n";
        let catalog = read_with(text, |source| source.currency = Currency::parse("GBP")).unwrap();
        let price = |index: usize| catalog.products[index].price.map(Price::units);
        assert_eq!([price(0), price(1), price(2)], [Some(80_000), Some(100_000), Some(100_000)]);
        assert_eq!([price(3), price(4), price(5), price(6)], [None; 4]);
        let currencies: Vec<_> =
            catalog.products.iter().map(|product| product.currency.map(|c| c.to_string())).collect();
        let expected = ["USD", "GBP", "EUR", "EUR", "", "EUR", "GBP"].map(|c| (!c.is_empty()).then(|| c.to_owned()));
        assert_eq!(currencies, expected);
        let stock: Vec<bool> = catalog.products.iter().map(|product| product.in_stock).collect();
        assert_eq!(stock, [true, false, false, false, false, true, true]);
        assert_eq!(catalog.products[0].group.as_deref(), Some("g"));
        assert_eq!(catalog.products[0].category.as_ref().unwrap().as_str(), "A/B/C");
        assert_eq!((catalog.products[1].group.as_ref(), catalog.products[1].category.as_ref()), (None, None));
        assert_eq!(
            reasons(&catalog),
            [
                (3, Some("c"), "bad_sale_price"),
                (4, Some("d"), "bad_price"),
                (4, Some("d"), "bad_stock"),
                (4, Some("d"), "bad_stock"),
                (5, Some("e"), "bad_currency"),
                (6, Some("f"), "bad_price"),
            ]
        );
        assert!(catalog.rejects[5].detail.contains("decimal = \",\""), "{}", catalog.rejects[5].detail);
    }

    #[test]
    fn a_file_that_is_no_catalog_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.csv");
        let mut causes = vec![read_path(folder.path(), |_| ()).unwrap_err(), read_path(&missing, |_| ()).unwrap_err()];
        let contents: [&[u8]; 9] = [
            b"",
            b" \n\r\n",
            b"\xEF\xBB\xBF",
            b"id,title\n",
            b"name,price\na,1\n",
            b"ID ,Id\n1,2\n",
            b"[{\"id\": 1}]",
            b"PK\x03\x04....",
            b"id,a\n,x\n,y\n",
        ];
        causes.extend(contents.map(|bytes| read_text(bytes).unwrap_err()));
        for cause in causes {
            assert_eq!(cause.exit_code(), 3, "{cause}");
            assert!(!cause.to_string().contains('\n'), "{cause}");
        }
    }

    #[test]
    fn the_configuration_must_fit_the_file() {
        let text = "sku,name\n1,One\n";
        let map = |field: &str, column: &str| [(field.to_owned(), column.to_owned())];
        let catalog = read_with(text, |source| source.columns.extend(map("id", "SKU"))).unwrap();
        assert_eq!(catalog.products[0].id, "1");
        for (field, column) in [("id", "ean"), ("name", "name"), ("brand", "maker")] {
            let cause = read_with(text, |source| {
                source.columns.extend(map("id", "sku"));
                source.columns.extend(map(field, column));
            });
            let cause = cause.unwrap_err();
            assert_eq!(cause.exit_code(), 2, "{cause}");
            let is_said = cause.to_string().contains("`sku`") || cause.to_string().contains("`group_id`");
            assert!(is_said, "{cause}");
        }
        let attributes = |names: &[&str]| testing::names(names);
        let cause = read_with("id\n1\n", |source| source.attributes = attributes(&["gender"])).unwrap_err();
        assert!(cause.exit_code() == 2, "{cause}");
        let said = "has no such column: use one of `id`, or map it under `columns`";
        let message = cause.to_string();
        assert!(message.contains("rule `mine` asks for the attribute `gender`") && message.contains(said), "{message}");
        let catalog = read_with("id,maker\n1,Acme\n", |source| {
            source.attributes = attributes(&["brand"]);
            source.columns.extend(map("brand", "maker"));
        });
        assert_eq!(catalog.unwrap().products[0].attributes, [Some("Acme".to_owned())]);
        let catalog = read_with("id,sex\n1,w\n", |source| {
            source.attributes = attributes(&["gender"]);
            source.columns.extend(map("gender", "sex"));
        });
        assert_eq!(catalog.unwrap().products[0].attributes, [Some("w".to_owned())]);
    }
}
