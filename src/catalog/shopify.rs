//! Shopify's product export as it is: a row per variant, and rows that only add a picture. What describes the product
//! stands in its first row. This room refuses to change the export's own words.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use csv::{ByteRecord, StringRecord};

use super::assembly::{Assembly, Cell};
use super::stock::{flag, has_some};
use super::wanted::{Asker, Field, Wanted};
use crate::error::Result;
use crate::tabular::delimited::{self, Table};
use crate::tabular::{TableFile, is_same_name, position};

/// Columns of the export that the catalog is made of.
#[derive(Clone, Copy)]
enum Column {
    Handle,
    Title,
    Vendor,
    Type,
    ProductCategory,
    GoogleCategory,
    Gender,
    Published,
    Status,
    OptionName1,
    OptionName2,
    OptionName3,
    OptionValue1,
    OptionValue2,
    OptionValue3,
    Sku,
    Tracker,
    Quantity,
    Policy,
    Price,
    Cost,
    ImageSrc,
    VariantImage,
}

const COLUMNS: [&str; 23] = [
    "Handle",
    "Title",
    "Vendor",
    "Type",
    "Product Category",
    "Google Shopping / Google Product Category",
    "Google Shopping / Gender",
    "Published",
    "Status",
    "Option1 Name",
    "Option2 Name",
    "Option3 Name",
    "Option1 Value",
    "Option2 Value",
    "Option3 Value",
    "Variant SKU",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Price",
    "Cost per item",
    "Image Src",
    "Variant Image",
];

const OPTIONS: [(Column, Column); 3] = [
    (Column::OptionName1, Column::OptionValue1),
    (Column::OptionName2, Column::OptionValue2),
    (Column::OptionName3, Column::OptionValue3),
];

/// Names by which a rule may ask for a column that Shopify calls otherwise.
const ALIASES: [(&str, Column); 2] = [("brand", Column::Vendor), ("gender", Column::Gender)];

/// What Shopify calls the only option of a product that has none.
const NO_OPTION: &str = "Default Title";

/// Whether a header is that of a product export.
pub(super) fn is_export(header: &[String]) -> bool {
    [Column::Handle, Column::Title, Column::Price]
        .iter()
        .all(|&column| header.iter().any(|name| name == COLUMNS[column as usize]))
}

pub(super) fn read(file: &TableFile, wanted: &Wanted<'_>, assembly: &mut Assembly<'_>) -> Result<()> {
    let mut table = Table::open(file)?;
    if !is_export(table.header()) {
        let what = "is no Shopify product export: it needs the columns `Handle`, `Title` and `Variant Price`";
        return Err(file.unusable(what));
    }
    let kept = Kept::of(table.header(), wanted, file)?;
    let export = Export::read(&mut table, &kept, assembly)?;
    wanted.require(&kept.found(wanted, &export), table.header(), file)?;

    let mut ids = HashSet::new();
    for variant in &export.variants {
        let item = Item { kept: &kept, variant, product: &export.products[variant.product] };
        let id = item.unique_id(&mut ids);
        let cells: Vec<Cell<'_>> = (0..wanted.slots().len()).map(|slot| item.cell(slot, wanted, &id)).collect();
        assembly.take(variant.row, &cells);
    }
    Ok(())
}

/// The columns that are kept of each row; the descriptions, most of the bytes, are not.
struct Kept {
    /// Positions in the file, ascending.
    places: Vec<usize>,
    /// The kept column of each [`Column`], where the export has it.
    known: Vec<Option<usize>>,
    /// The kept column that a slot takes as it is: mapped, or an attribute that is a column.
    slots: Vec<Option<usize>>,
    /// For each kept column, whether only a product's first row fills it.
    of_product: Vec<bool>,
}

impl Kept {
    fn of(header: &[String], wanted: &Wanted<'_>, file: &TableFile) -> Result<Kept> {
        let known = COLUMNS.iter().map(|name| position(header, name, file)).collect::<Result<Vec<_>>>()?;
        let raw = |asked_by: Asker<'_>, column: &str| match asked_by {
            Asker::Default => Ok(None),
            Asker::Mapping(_) | Asker::Vectors | Asker::FurtherImages => position(header, column, file),
            Asker::Rule(_) => {
                Ok(position(header, column, file)?.or_else(|| alias(column).and_then(|c| known[c as usize])))
            }
        };
        let slots: Vec<Option<usize>> =
            wanted.slots().iter().map(|slot| raw(slot.asked_by, slot.column)).collect::<Result<_>>()?;
        let mut places: Vec<usize> = known.iter().chain(&slots).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        let local = |place: &Option<usize>| place.and_then(|place| places.binary_search(&place).ok());
        let is_of_variant =
            |name: &str| ["Variant ", "Image ", "Option", "Cost per item"].iter().any(|start| name.starts_with(start));
        Ok(Kept {
            known: known.iter().map(local).collect(),
            slots: slots.iter().map(local).collect(),
            of_product: places.iter().map(|&place| !is_of_variant(&header[place])).collect(),
            places,
        })
    }

    fn text<'r>(&self, record: &'r StringRecord, column: Column) -> &'r str {
        self.known[column as usize].and_then(|index| record.get(index)).unwrap_or_default().trim()
    }

    /// For each slot, whether the export can fill it.
    fn found(&self, wanted: &Wanted<'_>, export: &Export) -> Vec<bool> {
        let is_found = |(slot, raw): (usize, &Option<usize>)| match wanted.slots()[slot].asked_by {
            Asker::Default => true,
            Asker::Rule(_) => raw.is_some() || export.has_option(self, wanted.slots()[slot].column),
            Asker::Mapping(_) | Asker::Vectors | Asker::FurtherImages => raw.is_some(),
        };
        self.slots.iter().enumerate().map(is_found).collect()
    }
}

fn alias(name: &str) -> Option<Column> {
    ALIASES.iter().find(|(alias, _)| is_same_name(alias, name)).map(|&(_, column)| column)
}

struct Export {
    variants: Vec<Variant>,
    products: Vec<Parent>,
}

struct Variant {
    row: u64,
    product: usize,
    /// The kept columns.
    cells: StringRecord,
}

/// What the rows of one handle share.
struct Parent {
    /// The kept columns of its first row.
    first: StringRecord,
    variants: usize,
    /// Every picture of its rows, in their order, and those that are some variant's own.
    images: Vec<String>,
    of_variants: HashSet<String>,
}

impl Export {
    fn read(table: &mut Table<'_>, kept: &Kept, assembly: &mut Assembly<'_>) -> Result<Export> {
        let mut export = Export { variants: Vec::new(), products: Vec::new() };
        let mut handles: HashMap<String, usize> = HashMap::new();
        let mut record = ByteRecord::new();
        while table.next(&mut record)? {
            let row = assembly.next_row();
            if let Err(detail) = table.check_field_count(&record) {
                assembly.reject(row, "field_count", detail);
                continue;
            }
            if let Some(&column) = kept.places.iter().find(|&&place| delimited::text(&record, place).is_err()) {
                assembly.reject(row, "not_utf8", table.not_utf8(column));
                continue;
            }
            let kept_bytes: ByteRecord = kept.places.iter().map(|&place| &record[place]).collect();
            let cells = StringRecord::from_byte_record(kept_bytes).expect("each field was checked");
            let handle = kept.text(&cells, Column::Handle);
            if handle.is_empty() {
                assembly.reject(row, "no_id", "`Handle` is empty".into());
                continue;
            }
            let product = *handles.entry(handle.to_owned()).or_insert(export.products.len());
            export.add(row, product, cells, kept);
        }
        Ok(export)
    }

    fn add(&mut self, row: u64, product: usize, cells: StringRecord, kept: &Kept) {
        if product == self.products.len() {
            self.products.push(Parent {
                first: cells.clone(),
                variants: 0,
                images: Vec::new(),
                of_variants: HashSet::new(),
            });
        }
        let parent = &mut self.products[product];
        parent.images.extend(Some(kept.text(&cells, Column::ImageSrc).to_owned()).filter(|image| !image.is_empty()));
        parent.of_variants.insert(kept.text(&cells, Column::VariantImage).to_owned());
        let marks = [Column::Title, Column::OptionValue1, Column::Sku, Column::Price];
        if marks.iter().any(|&column| !kept.text(&cells, column).is_empty()) {
            parent.variants += 1;
            self.variants.push(Variant { row, product, cells });
        }
    }

    fn has_option(&self, kept: &Kept, name: &str) -> bool {
        let names =
            |product: &Parent| OPTIONS.iter().any(|&(column, _)| is_same_name(kept.text(&product.first, column), name));
        self.products.iter().any(names)
    }
}

/// One variant with what its product says.
struct Item<'e> {
    kept: &'e Kept,
    variant: &'e Variant,
    product: &'e Parent,
}

impl<'e> Item<'e> {
    fn own(&self, column: Column) -> &'e str {
        self.kept.text(&self.variant.cells, column)
    }

    fn shared(&self, column: Column) -> &'e str {
        match self.own(column) {
            "" => self.kept.text(&self.product.first, column),
            own => own,
        }
    }

    /// The handle; with several variants also the option values, and what else it takes to be unique in the export.
    fn unique_id(&self, taken: &mut HashSet<String>) -> String {
        let handle = self.own(Column::Handle);
        let options = self.options().join("/");
        let mut id = if self.product.variants > 1 && !options.is_empty() {
            format!("{handle}:{options}")
        } else {
            handle.to_owned()
        };
        let sku = self.own(Column::Sku);
        if taken.contains(&id) && !sku.is_empty() {
            id = format!("{id}:{sku}");
        }
        if taken.contains(&id) {
            id = format!("{id}:{}", self.variant.row);
        }
        taken.insert(id.clone());
        id
    }

    fn options(&self) -> Vec<&'e str> {
        let values = OPTIONS.iter().map(|&(_, value)| self.own(value));
        values.filter(|value| !value.is_empty() && *value != NO_OPTION).collect()
    }

    fn option(&self, name: &str) -> Option<&'e str> {
        let names = |column| self.kept.text(&self.product.first, column);
        OPTIONS.iter().find(|&&(column, _)| is_same_name(names(column), name)).map(|&(_, value)| self.own(value))
    }

    fn cell<'s>(&'s self, slot: usize, wanted: &Wanted<'_>, id: &'s str) -> Cell<'s> {
        let asked = &wanted.slots()[slot];
        if let Asker::Rule(_) = asked.asked_by
            && let Some(value) = self.option(asked.column)
        {
            return Cell::text(value);
        }
        if let Some(index) = self.kept.slots[slot] {
            return Cell::text(self.raw(index));
        }
        let is = |field: Field| field.slot() == slot;
        match () {
            () if is(Field::Id) => Cell::text(id),
            () if is(Field::GroupId) => Cell::text(self.own(Column::Handle)),
            () if is(Field::Title) => self.title(),
            () if is(Field::Category) => Cell::text(self.category()),
            () if is(Field::Price) => Cell::text(self.own(Column::Price)),
            () if is(Field::Cost) => Cell::text(self.own(Column::Cost)),
            () if is(Field::Image) => Cell::Texts(self.images()),
            () if is(Field::InStock) => Cell::text(if self.is_offered() { "true" } else { "false" }),
            () if is(Field::Stock) => Cell::text(self.counted_stock()),
            () => Cell::Empty,
        }
    }

    fn raw(&self, index: usize) -> &'e str {
        let own = &self.variant.cells[index];
        if own.trim().is_empty() && self.kept.of_product[index] { &self.product.first[index] } else { own }
    }

    fn title(&self) -> Cell<'e> {
        let title = self.shared(Column::Title);
        let options = self.options();
        if self.product.variants < 2 || options.is_empty() {
            return Cell::text(title);
        }
        Cell::Text(Cow::Owned(format!("{title} - {}", options.join(" / "))))
    }

    fn category(&self) -> &'e str {
        let columns = [Column::Type, Column::ProductCategory, Column::GoogleCategory];
        columns.into_iter().map(|column| self.shared(column)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The variant's own picture, else the product's first; then the product's others, but for those of other variants.
    fn images(&self) -> Vec<&'e str> {
        let own = Some(self.own(Column::VariantImage)).filter(|own| !own.is_empty());
        let first = own.or(self.product.images.first().map(String::as_str));
        let of_all = |image: &&String| !self.product.of_variants.contains(*image);
        let others = self.product.images.iter().filter(of_all).map(String::as_str);
        first.into_iter().chain(others).collect()
    }

    /// Published and active; a word that is no flag hides nothing.
    fn is_offered(&self) -> bool {
        let status = self.shared(Column::Status);
        let is_active = status.is_empty() || status.eq_ignore_ascii_case("active");
        is_active && flag(self.shared(Column::Published)).unwrap_or(true)
    }

    /// The quantity where selling stops at zero, else nothing.
    fn counted_stock(&self) -> &'e str {
        let is_limited = !self.own(Column::Tracker).is_empty() && self.own(Column::Policy).eq_ignore_ascii_case("deny");
        let quantity = self.own(Column::Quantity);
        if is_limited && has_some(quantity) != Some(true) { quantity } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Format;
    use crate::catalog::testing::{names, read_with, reasons};

    const HEADER: &str = "Handle,Title,Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,\
        Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Image Src,\
        Variant Image,Status,Google Shopping / Gender,Body (HTML)\n";

    #[test]
    fn variants_inherit_what_their_product_says() {
        let text = HEADER.to_owned()
            + "ring,Ring,Acme,Rings > Gold,new,true,Color,Gold,Size,7,s1,shopify,0,deny,10.50,http://a/1.jpg,,active,Unisex,x\n"
            + "ring,,,,,,,Silver,,7,s2,shopify,0,continue,9,http://a/2.jpg,http://a/s.jpg,,,\n"
            + "ring,,,,,,,,,,,,,,,http://a/3.jpg,,,,\n"
            + "mug,Mug,Acme,,,true,Title,Default Title,,,,,,,5,,,draft,,\n"
            + "mug,,,,,,,,,,,,,,,http://a/m.jpg,,,,\n"
            + "ring,,,,,,,Silver,,7,s3,,-3,deny,9,,,,,\n"
            + "ring,,,,,,,Silver,,7,s3,,,,x,,,,,\n";
        let catalog =
            read_with(text, |source| source.attributes = names(&["color", "brand", "tags", "gender", "SIZE"])).unwrap();
        let ids: Vec<&str> = catalog.products.iter().map(|product| product.id.as_str()).collect();
        assert_eq!(ids, ["ring:Gold/7", "ring:Silver/7", "mug", "ring:Silver/7:s3", "ring:Silver/7:s3:7"][..]);
        let [gold, silver, mug, third, _] = &catalog.products[..] else { panic!("{catalog:?}") };
        assert_eq!(gold.title.as_deref(), Some("Ring - Gold / 7"));
        assert_eq!(silver.category.as_ref().unwrap().as_str(), "Rings/Gold");
        assert_eq!(silver.image.as_deref(), Some("http://a/s.jpg"));
        assert_eq!(third.image.as_deref(), Some("http://a/1.jpg"));
        let further: [&[&str]; 3] =
            [&["http://a/2.jpg", "http://a/3.jpg"], &["http://a/1.jpg", "http://a/2.jpg", "http://a/3.jpg"], &[]];
        assert_eq!([gold, silver, mug].map(|product| &product.further_images[..]), further, "no other variant's own");
        assert_eq!([gold.in_stock, silver.in_stock, mug.in_stock, third.in_stock], [false, true, false, true]);
        let expected = ["Silver", "Acme", "new", "Unisex", "7"].map(|value| Some(value.to_owned()));
        assert_eq!(silver.attributes, expected);
        assert_eq!((mug.title.as_deref(), mug.image.as_deref()), (Some("Mug"), Some("http://a/m.jpg")));
        assert_eq!((mug.group.as_deref(), mug.attributes[0].as_ref()), (Some("mug"), None));
        assert_eq!(gold.price.unwrap().to_string(), "10.50");
        assert_eq!((catalog.rows, reasons(&catalog)), (7, vec![(7, Some("ring:Silver/7:s3:7"), "bad_price")]));
    }

    #[test]
    fn a_mapped_column_wins_and_an_unknown_attribute_is_refused() {
        let text = HEADER.to_owned() + "mug,Mug,Acme,,Cups,true,Title,Default Title,,,,,,,5,,,,,\n";
        let category = ("category".to_owned(), "Tags".to_owned());
        let catalog = read_with(&text, |source| source.columns.extend([category])).unwrap();
        assert_eq!(catalog.products[0].category.as_ref().unwrap().as_str(), "Cups");
        let cause = read_with(&text, |source| source.attributes = names(&["material"])).unwrap_err();
        assert!(cause.exit_code() == 2 && cause.to_string().contains("`material`"), "{cause}");
        let cause = read_with("id\n1\n", |source| source.format = Some(Format::Shopify)).unwrap_err();
        assert!(cause.exit_code() == 3 && cause.to_string().contains("`Variant Price`"), "{cause}");
    }
}
