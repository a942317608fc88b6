//! Which of a catalog's columns is which, by their names and first values. This room refuses to guess in silence:
//! what it is not sure of becomes a warning.

use crate::catalog::{self, Column, Columns, Format, Kind};
use crate::money::{Currency, Price, PriceFault};
use crate::photos;

/// Names that shops give to the standard fields, as letters and digits in lower case, the likeliest first.
const SYNONYMS: [(&str, &[&str]); 13] = [
    (
        "id",
        &[
            "id",
            "sku",
            "productid",
            "itemid",
            "productsku",
            "articlenumber",
            "itemnumber",
            "productcode",
            "code",
            "ean",
        ],
    ),
    ("title", &["title", "name", "producttitle", "productname", "itemname"]),
    (
        "category",
        &[
            "category",
            "categorypath",
            "producttype",
            "producttypes",
            "productcategory",
            "googleproductcategory",
            "categories",
            "department",
            "type",
        ],
    ),
    ("price", &["price", "regularprice", "unitprice", "listprice", "variantprice", "productprice", "baseprice"]),
    ("sale_price", &["saleprice", "specialprice", "discountprice", "discountedprice"]),
    ("currency", &["currency", "currencycode", "pricecurrency"]),
    (
        "image",
        &[
            "image",
            "imagepath",
            "imagefile",
            "imagelink",
            "imageurl",
            "imagesrc",
            "mainimage",
            "baseimage",
            "picture",
            "photo",
            "img",
            "images",
        ],
    ),
    ("group_id", &["groupid", "itemgroupid", "parentid", "parentsku", "modelid", "styleid", "masterid"]),
    ("brand", &["brand", "manufacturer", "vendor"]),
    ("in_stock", &["instock", "available", "isinstock", "isavailable", "availability"]),
    ("stock", &["stock", "stockquantity", "quantity", "qty", "inventory"]),
    ("url", &["url", "link", "producturl", "permalink"]),
    ("cost", &["cost", "costperitem", "purchaseprice"]),
];

/// Names that shops give to columns with further images of a product, beside those of an image with a number, such as `image_2`.
const FURTHER_IMAGES: [&str; 6] =
    ["furtherimages", "additionalimages", "additionalimagelink", "additionalimagelinks", "galleryimages", "gallery"];

/// What stands between the images of a cell that holds several.
const SEPARATOR: char = ',';

/// Currencies that a column's name may end in, such as `price_usd`.
const CURRENCIES: [&str; 16] =
    ["USD", "EUR", "GBP", "CAD", "AUD", "NZD", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "JPY", "INR", "BRL", "MXN"];

/// What a catalog's columns seem to be.
#[derive(Debug)]
pub(super) struct Guess<'c> {
    columns: &'c Columns,
    /// Standard field and column, where the names differ.
    pub(super) mapping: Vec<(&'static str, &'c str)>,
    /// The columns of further images.
    pub(super) further_images: Vec<&'c str>,
    /// What stands between the images of a cell, where some cell holds several.
    pub(super) image_separator: Option<char>,
    /// The column of vectors.
    pub(super) vectors: Option<&'c str>,
    /// Whether prices are written with a decimal comma.
    pub(super) decimal_comma: bool,
}

impl<'c> Guess<'c> {
    pub(super) fn of(columns: &'c Columns) -> Guess<'c> {
        let mut guess = Guess {
            columns,
            mapping: Vec::new(),
            further_images: Vec::new(),
            image_separator: None,
            vectors: None,
            decimal_comma: false,
        };
        if columns.format != Format::Shopify {
            for (field, names) in SYNONYMS {
                let synonym = names.iter().find_map(|name| guess.named(field, name));
                if columns.find(field).is_none()
                    && let Some(column) = synonym
                {
                    guess.mapping.push((field, &column.name));
                }
            }
            guess.further_images =
                columns.columns.iter().map(|column| column.name.as_str()).filter(is_further_image).collect();
        }
        let of_images = |column: &&Column| {
            guess.further_images.contains(&column.name.as_str()) || guess.column("image").is_some_and(|i| i == *column)
        };
        let is_list = |column: &Column| column.samples.iter().any(|text| text.contains(SEPARATOR));
        guess.image_separator = columns.columns.iter().filter(of_images).any(is_list).then_some(SEPARATOR);
        let mut lists = columns.columns.iter().filter(|column| column.kind == Kind::Vector);
        guess.vectors = lists.next().map(|column| column.name.as_str());
        guess.decimal_comma = guess.column("price").is_some_and(|column| has_decimal_commas(&column.samples));
        guess
    }

    /// The column that serves a standard field.
    pub(super) fn column(&self, field: &str) -> Option<&'c Column> {
        if self.columns.format == Format::Shopify {
            let name = match field {
                "id" => "Handle",
                "title" => "Title",
                "price" => "Variant Price",
                "image" => "Image Src",
                "category" => return self.shopify_category(),
                _ => return None,
            };
            return self.columns.find(name);
        }
        let mapped = self.mapping.iter().find(|(mapped, _)| *mapped == field).map(|&(_, column)| column);
        self.columns.find(mapped.unwrap_or(field))
    }

    /// The currency that the name of the price column ends in.
    pub(super) fn currency_by_name(&self) -> Option<Currency> {
        let (_, code) = split_currency(&self.column("price")?.name);
        code.and_then(Currency::parse)
    }

    /// The first image of each product that was looked at.
    pub(super) fn images(&self) -> impl Iterator<Item = &'c str> {
        let samples = self.column("image").map_or(&[][..], |column| &column.samples);
        let separator = self.image_separator;
        samples.iter().map(move |text| separator.map_or(&text[..], |c| text.split(c).next().unwrap_or(text)).trim())
    }

    pub(super) fn images_are_urls(&self) -> bool {
        self.images().any(photos::is_url)
    }

    /// What whoever runs the job should know before, a sentence each.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |text: &str| warnings.push(text.to_owned());
        let has_values = |field: &str| self.column(field).is_some_and(|column| !column.samples.is_empty());
        if self.column("id").is_none() {
            warn("no column looks like a product id: name it in `columns`, for example `columns = { id = \"sku\" }`");
        }
        match self.column("price") {
            Some(column) if column.kind == Kind::Float => warnings.push(format!(
                "`{0}` holds floats, and money must be exact: write `CAST({0} AS DECIMAL(18,4))` in the export",
                column.name
            )),
            _ if !has_values("price") => {
                warn("no column looks like a price: rules with a price condition will give empty lists (`no_price`)");
            }
            _ if self.decimal_comma => warn("prices seem to have a decimal comma, so `decimal = \",\"` is set"),
            _ => {}
        }
        let mut warn = |text: &str| warnings.push(text.to_owned());
        if !has_values("category") {
            warn(
                "no column looks like a category: rules that speak of categories will give empty lists (`no_category`)",
            );
        }
        if self.vectors.is_none() && self.images_are_urls() {
            warn(
                "images are URLs, and twinset reads files: download them first and let `image` name the files, or use \
                 vectors from a column (`kind = \"column\"`)",
            );
        } else if self.vectors.is_none() && !has_values("image") {
            warn(
                "no column looks like an image, and none holds vectors: visual rules will give empty lists (`no_vector`)",
            );
        }
        warnings
    }

    fn named(&self, field: &str, synonym: &str) -> Option<&'c Column> {
        self.columns.columns.iter().find(|column| {
            let (name, currency) = split_currency(&column.name);
            let is_price = matches!(field, "price" | "sale_price" | "cost");
            (plain(name) == synonym && (is_price || currency.is_none()))
                && (field != "in_stock" || column.samples.iter().all(|text| catalog::flag(text).is_some()))
        })
    }

    fn shopify_category(&self) -> Option<&'c Column> {
        let names = ["Type", "Product Category", "Google Shopping / Google Product Category"];
        let found = || names.iter().filter_map(|name| self.columns.find(name));
        found().find(|column| !column.samples.is_empty()).or_else(|| found().next())
    }
}

/// Letters and digits in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `price_usd` as `price_` and `usd`.
fn split_currency(name: &str) -> (&str, Option<&str>) {
    let inner = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let code = inner.len().checked_sub(3).and_then(|at| inner.split_at_checked(at)).filter(|(start, code)| {
        start.ends_with(|c: char| !c.is_alphanumeric())
            && CURRENCIES.iter().any(|known| known.eq_ignore_ascii_case(code))
    });
    code.map_or((name, None), |(start, code)| (start, Some(code)))
}

/// Whether a column's name says that it holds further images: one of those, or that of an image with a number above 1.
fn is_further_image(name: &&str) -> bool {
    let name = plain(name);
    let (word, number) = name.split_at(name.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    let images = SYNONYMS.iter().filter(|(field, _)| *field == "image").flat_map(|(_, names)| names.iter());
    FURTHER_IMAGES.contains(&&name[..])
        || (number.parse().is_ok_and(|number: u8| number > 1) && images.into_iter().any(|image| *image == word))
}

/// More commas than points: a single odd cell must not turn the meaning of all others.
fn has_decimal_commas(prices: &[String]) -> bool {
    let commas = prices.iter().filter(|text| Price::parse(text, '.') == Err(PriceFault::DecimalComma)).count();
    let points = prices.iter().filter(|text| text.contains('.') && Price::parse(text, '.').is_ok()).count();
    commas > points
}
