//! From the cells of one row to a product: money, stock, categories, images, duplicates. Every reader ends here, so that a
//! value means the same in every format. This room refuses to know which format a row came from.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use chrono::NaiveDate;

use super::images::Images;
use super::stock;
use super::wanted::{Field, Wanted};
use super::{Catalog, Category, Product, ProductIndex, Source, VectorColumn};
use crate::error::Result;
use crate::money::{Currency, Margin, Price, PriceFault};
use crate::reject::{Reject, Stage};
use crate::tabular::{TableFile, day, quoted};

/// Rows between two looks at how far the file was read.
const ROWS_PER_STEP: u64 = 1024;

/// What stands in one place of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Cell<'a> {
    /// Nothing: no such column, null, or empty text.
    #[default]
    Empty,
    /// Text as it was written.
    Text(Cow<'a, str>),
    /// The digits of a number whose decimal mark is known to be a point.
    Number(Cow<'a, str>),
    /// A JSON array or object, as it was written.
    Nested(&'a str),
    /// A list of texts.
    Texts(Vec<&'a str>),
    /// A vector.
    Vector(&'a [f32]),
    /// A vector that already lies among the catalog's values, there.
    Placed(Range<usize>),
}

impl<'a> Cell<'a> {
    pub(super) fn text(text: &'a str) -> Cell<'a> {
        if text.is_empty() { Cell::Empty } else { Cell::Text(Cow::Borrowed(text)) }
    }

    /// Whether it holds nothing, or nothing but spaces.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Cell::Empty => true,
            Cell::Text(text) => text.trim().is_empty(),
            Cell::Texts(texts) => texts.iter().all(|text| text.trim().is_empty()),
            Cell::Number(_) | Cell::Nested(_) | Cell::Vector(_) | Cell::Placed(_) => false,
        }
    }
}

/// Takes rows, gives the catalog.
pub(super) struct Assembly<'a> {
    source: &'a Source<'a>,
    wanted: &'a Wanted<'a>,
    file: &'a TableFile,
    catalog: Catalog,
    /// The product of each id, by the first half of the id's BLAKE3: 128 bits stand for ids of any length.
    seen: HashMap<[u8; 16], ProductIndex>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(source: &'a Source<'a>, wanted: &'a Wanted<'a>, file: &'a TableFile) -> Assembly<'a> {
        let catalog = Catalog {
            attributes: source.attributes.iter().map(|attribute| attribute.name.clone()).collect(),
            vectors: source.vectors.map(|_| VectorColumn::default()),
            ..Catalog::default()
        };
        Assembly { source, wanted, file, catalog, seen: HashMap::new() }
    }

    /// Counts a data row and gives its number, from 1.
    pub(super) fn next_row(&mut self) -> u64 {
        self.catalog.rows += 1;
        if self.catalog.rows.is_multiple_of(ROWS_PER_STEP) {
            self.source.progress.reach(self.file.position());
        }
        self.catalog.rows
    }

    /// Takes one row; `cells` has one entry for each slot of [`Wanted`].
    pub(super) fn take(&mut self, row: u64, cells: &[Cell<'_>]) {
        let Some(id) = self.id(row, &cells[Field::Id.slot()]) else { return };
        let next = self.catalog.products.len();
        let product = *self.seen.entry(key(&id)).or_insert(next);
        if product != next {
            self.take_again(row, &id, product, cells);
            return;
        }
        let (image, further_images) = self.images(row, &id, cells).split();
        let mut fields =
            Fields { row, id: &id, cells, decimal: self.source.decimal, rejects: &mut self.catalog.rejects };
        let (price, currency) = fields.money(self.source.currency);
        let product = Product {
            row,
            title: fields.text(Field::Title),
            category: fields.text(Field::Category).as_deref().and_then(Category::parse),
            price,
            currency,
            image,
            further_images,
            group: fields.text(Field::GroupId),
            margin: fields.margin(price),
            in_stock: fields.is_in_stock(),
            in_season: fields.is_in_season(self.source.run_date),
            attributes: cells[self.wanted.attribute_slots()].iter().map(attribute).collect(),
            id,
        };
        if let Some(slot) = self.wanted.vector_slot() {
            self.take_vector(row, &product.id, &cells[slot]);
        }
        self.catalog.products.push(product);
    }

    /// Takes another row of a product: it may bring images, and nothing else.
    fn take_again(&mut self, row: u64, id: &str, product: ProductIndex, cells: &[Cell<'_>]) {
        if self.wanted.holds_images_alone(cells) {
            let images = self.images(row, id, cells);
            let product = &mut self.catalog.products[product];
            let known = (product.image.take(), std::mem::take(&mut product.further_images));
            (product.image, product.further_images) = images.after(known).split();
            return;
        }
        let first = self.catalog.products[product].row;
        let detail = format!(
            "id {} is already in row {first}, which is kept: a further row of a product may hold its id and images alone",
            quoted(id)
        );
        self.reject_field(row, id, "duplicate_id", detail);
    }

    /// The images of a row, in the order of their columns.
    fn images(&mut self, row: u64, id: &str, cells: &[Cell<'_>]) -> Images {
        let mut images = Images::default();
        for slot in self.wanted.image_slots() {
            if let Err(what) = images.add(&cells[slot], self.source.further_images.separator) {
                let detail = format!("`{}` {what}", self.wanted.slots()[slot].column);
                self.reject_field(row, id, "not_text", detail);
            }
        }
        images
    }

    /// Refuses a field of a row.
    fn reject_field(&mut self, row: u64, id: &str, code: &'static str, detail: String) {
        self.catalog.rejects.push(reject_of(row, id, code, detail));
    }

    /// Refuses a whole row.
    pub(super) fn reject(&mut self, row: u64, code: &'static str, detail: String) {
        self.catalog.rejects.push(Reject { stage: Stage::Catalog, row, id: None, code, detail });
    }

    /// Prepares for vectors of this many values in all.
    pub(super) fn reserve_values(&mut self, values: usize) {
        if let Some(vectors) = &mut self.catalog.vectors {
            vectors.values.reserve_exact(values);
        }
    }

    /// The values of all vectors, for a reader that places them itself; nothing where no vectors are wanted.
    pub(super) fn values(&mut self) -> &mut Vec<f32> {
        &mut self.catalog.vectors.get_or_insert_default().values
    }

    /// The catalog, or why the file as a whole cannot be used.
    pub(super) fn finish(mut self) -> Result<Catalog> {
        let file = self.file;
        self.catalog.rejects.sort_by_key(|reject| reject.row);
        if self.catalog.rows == 0 {
            return Err(file.unusable("has no rows: check the export that writes it"));
        }
        if self.catalog.products.is_empty() {
            let rows = self.catalog.rows;
            let first = self
                .catalog
                .rejects
                .first()
                .map_or_else(String::new, |reject| format!(": row {}: {}", reject.row, reject.detail));
            return Err(file.unusable(format_args!("has no usable row among {rows}{first}")));
        }
        Ok(self.catalog)
    }

    fn id(&mut self, row: u64, cell: &Cell<'_>) -> Option<String> {
        let id = match cell {
            Cell::Text(text) | Cell::Number(text) => text.trim(),
            Cell::Empty => "",
            Cell::Nested(_) | Cell::Texts(_) | Cell::Vector(_) | Cell::Placed(_) => {
                self.reject(row, "no_id", "`id` is a list or an object: it must be text".into());
                return None;
            }
        };
        if id.is_empty() {
            self.reject(row, "no_id", "`id` is empty".into());
            return None;
        }
        Some(id.to_owned())
    }

    fn take_vector(&mut self, row: u64, id: &str, cell: &Cell<'_>) {
        let Some(vectors) = &mut self.catalog.vectors else { return };
        let start = vectors.values.len();
        let outcome = match cell {
            Cell::Empty => {
                vectors.spans.push(None);
                return;
            }
            Cell::Vector(values) => {
                vectors.values.extend_from_slice(values);
                Ok(())
            }
            Cell::Placed(span) => {
                vectors.spans.push(Some(span.clone()));
                return;
            }
            Cell::Text(text) => read_vector(text, &mut vectors.values),
            Cell::Nested(text) => read_vector(text, &mut vectors.values),
            Cell::Number(text) => Err(format!("{} is a number, not a list of numbers", quoted(text))),
            Cell::Texts(_) => Err("the list is one of texts, not of numbers".to_owned()),
        };
        if let Err(detail) = outcome {
            vectors.values.truncate(start);
            vectors.spans.push(None);
            self.reject_field(row, id, "bad_vector", detail);
            return;
        }
        vectors.spans.push(Some(start..vectors.values.len()));
    }
}

/// The fields of one row whose id is known.
struct Fields<'r> {
    row: u64,
    id: &'r str,
    cells: &'r [Cell<'r>],
    decimal: char,
    rejects: &'r mut Vec<Reject>,
}

impl Fields<'_> {
    /// The field as text without spaces around it; `None` when nothing is left.
    fn text(&mut self, field: Field) -> Option<String> {
        match &self.cells[field.slot()] {
            Cell::Empty => None,
            Cell::Text(text) | Cell::Number(text) => non_empty(text),
            Cell::Nested(_) | Cell::Texts(_) | Cell::Vector(_) | Cell::Placed(_) => {
                let detail = format!("`{}` is a list or an object: it must be text", field.name());
                self.reject("not_text", detail);
                None
            }
        }
    }

    fn money(&mut self, default: Option<Currency>) -> (Option<Price>, Option<Currency>) {
        let regular = self.price(Field::Price, "bad_price");
        let sale = self.price(Field::SalePrice, "bad_sale_price");
        let price = match (regular, sale) {
            (Some(regular), Some(sale)) => Some(regular.min(sale)),
            (regular, _) => regular,
        };
        let Some(text) = self.text(Field::Currency) else { return (price, default) };
        let currency = Currency::parse(&text);
        if currency.is_none() {
            let detail = format!("currency {} is not a code of three letters such as `USD`", quoted(&text));
            self.reject("bad_currency", detail);
            return (None, None);
        }
        (price, currency)
    }

    fn price(&mut self, field: Field, code: &'static str) -> Option<Price> {
        self.amount(field, code, Price::parse)
    }

    fn amount<T>(
        &mut self,
        field: Field,
        code: &'static str,
        parse: fn(&str, char) -> std::result::Result<T, PriceFault>,
    ) -> Option<T> {
        let decimal = if matches!(self.cells[field.slot()], Cell::Number(_)) { '.' } else { self.decimal };
        let text = self.text(field)?;
        match parse(&text, decimal) {
            Ok(amount) => Some(amount),
            Err(fault) => {
                self.reject(code, format!("{} {} {fault}", field.name(), quoted(&text)));
                None
            }
        }
    }

    /// The column `margin`, else what the price leaves above the cost.
    fn margin(&mut self, price: Option<Price>) -> Option<Margin> {
        let cost = self.price(Field::Cost, "bad_cost");
        let margin = self.amount(Field::Margin, "bad_margin", Margin::parse);
        margin.or_else(|| price.zip(cost).map(|(price, cost)| Margin::of(price, cost)))
    }

    /// Whether the run date lies within the product's dates; what cannot be read does not.
    fn is_in_season(&mut self, run_date: NaiveDate) -> bool {
        let from = self.date(Field::AvailableFrom, |date| date <= run_date);
        let until = self.date(Field::AvailableUntil, |date| date >= run_date);
        from && until
    }

    fn date(&mut self, field: Field, holds: impl FnOnce(NaiveDate) -> bool) -> bool {
        let Some(text) = self.text(field) else { return true };
        let date = day(&text);
        if date.is_none() {
            let (name, text) = (field.name(), quoted(&text));
            let detail = format!("{name} {text} cannot be read, so it is not recommended: write `2026-11-22`");
            self.reject("bad_date", detail);
        }
        date.is_some_and(holds)
    }

    fn is_in_stock(&mut self) -> bool {
        let flag = self.stock(Field::InStock, stock::flag, "write `true` or `false`");
        let count = self.stock(Field::Stock, stock::stock, "write a whole number");
        flag && count
    }

    /// What cannot be read is not in stock: a customer must not be shown what may be sold out.
    fn stock(&mut self, field: Field, read: fn(&str) -> Option<bool>, advice: &str) -> bool {
        let text = match &self.cells[field.slot()] {
            Cell::Empty => return true,
            Cell::Text(text) | Cell::Number(text) => text.trim(),
            Cell::Nested(text) => text,
            Cell::Texts(_) | Cell::Vector(_) | Cell::Placed(_) => "a list",
        };
        let is_in_stock = if text.is_empty() { Some(true) } else { read(text) };
        is_in_stock.unwrap_or_else(|| {
            let (name, text) = (field.name(), quoted(text));
            self.reject("bad_stock", format!("{name} {text} cannot be read, so it is not recommended: {advice}"));
            false
        })
    }

    fn reject(&mut self, code: &'static str, detail: String) {
        self.rejects.push(reject_of(self.row, self.id, code, detail));
    }
}

/// The reject of a field of a row whose id is known.
fn reject_of(row: u64, id: &str, code: &'static str, detail: String) -> Reject {
    Reject { stage: Stage::Catalog, row, id: Some(id.to_owned()), code, detail }
}

/// What stands for an id.
fn key(id: &str) -> [u8; 16] {
    *blake3::hash(id.as_bytes()).as_bytes().first_chunk().expect("32 bytes hold 16")
}

fn attribute(cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text(text) | Cell::Number(text) => non_empty(text),
        Cell::Nested(text) => non_empty(text),
        Cell::Empty | Cell::Texts(_) | Cell::Vector(_) | Cell::Placed(_) => None,
    }
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Appends the numbers of a JSON array. Each is rounded once, from its text to the nearest f32.
fn read_vector(text: &str, values: &mut Vec<f32>) -> std::result::Result<(), String> {
    let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("{} is not a list of numbers such as `[0.1, 0.2]`", quoted(text)))?;
    if inner.trim().is_empty() {
        return Ok(());
    }
    for number in inner.split(',').map(str::trim) {
        let value = number.parse().map_err(|_| format!("{} in a vector is not a number", quoted(number)))?;
        values.push(value);
    }
    Ok(())
}
