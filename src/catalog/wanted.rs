//! What the job wants from a catalog file, and which of its columns hold it. This room refuses to read a row.

use std::ops::Range;

use anyhow::anyhow;

use super::assembly::Cell;
use super::{Attribute, Source};
use crate::error::{Error, Result};
use crate::tabular::{TableFile, list, position};

/// The standard fields that become part of a product. The order is that of the first slots of [`Wanted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Title,
    Category,
    Price,
    SalePrice,
    Currency,
    Image,
    GroupId,
    InStock,
    Stock,
    Cost,
    Margin,
    AvailableFrom,
    AvailableUntil,
}

const FIELDS: [&str; 14] = [
    "id",
    "title",
    "category",
    "price",
    "sale_price",
    "currency",
    "image",
    "group_id",
    "in_stock",
    "stock",
    "cost",
    "margin",
    "available_from",
    "available_until",
];

/// Standard fields that can be mapped, although nothing reads them unless a rule names them.
const TOLERATED: [&str; 2] = ["brand", "url"];

impl Field {
    pub(super) fn slot(self) -> usize {
        self as usize
    }

    pub(super) fn name(self) -> &'static str {
        FIELDS[self.slot()]
    }
}

/// The list of wanted columns: a slot for each [`Field`], then the attributes, the vectors and the further images.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    slots: Vec<Slot<'a>>,
    attributes: usize,
    vectors: Option<usize>,
    further_images: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Slot<'a> {
    /// The column's name in the file.
    pub(super) column: &'a str,
    /// Who asks for it.
    pub(super) asked_by: Asker<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker<'a> {
    /// A standard field under its own name.
    Default,
    /// A standard field mapped by `columns`.
    Mapping(&'a str),
    /// A rule that compares the attribute.
    Rule(&'a Attribute),
    /// `[embedding] column`.
    Vectors,
    /// `[catalog] further_images`.
    FurtherImages,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(source: &Source<'a>) -> Result<Wanted<'a>> {
        let is_standard = |name: &str| FIELDS.contains(&name) || TOLERATED.contains(&name);
        let is_compared = |name: &str| source.attributes.iter().any(|attribute| attribute.name == name);
        if let Some(unknown) = source.columns.keys().find(|name| !is_standard(name) && !is_compared(name)) {
            let known = list(FIELDS.iter().chain(&TOLERATED));
            return Err(Error::Config(anyhow!(
                "`columns` under `[catalog]` maps `{unknown}`, which is no standard field and which no rule asks for: it can map {known}"
            )));
        }
        let slot = |name: &'a str, default: Asker<'a>| match source.columns.get(name) {
            Some(column) => Slot { column, asked_by: Asker::Mapping(name) },
            None => Slot { column: name, asked_by: default },
        };
        let mut slots: Vec<Slot<'a>> = FIELDS.iter().map(|&name| slot(name, Asker::Default)).collect();
        slots.extend(source.attributes.iter().map(|attribute| slot(&attribute.name, Asker::Rule(attribute))));
        let vectors = source.vectors.map(|column| {
            slots.push(Slot { column, asked_by: Asker::Vectors });
            slots.len() - 1
        });
        let first = slots.len();
        let further = source.further_images.columns.iter();
        slots.extend(further.map(|column| Slot { column, asked_by: Asker::FurtherImages }));
        let further_images = first..slots.len();
        for name in TOLERATED {
            if source.columns.contains_key(name) {
                slots.push(slot(name, Asker::Default));
            }
        }
        Ok(Wanted { slots, attributes: source.attributes.len(), vectors, further_images })
    }

    pub(super) fn slots(&self) -> &[Slot<'a>] {
        &self.slots
    }

    /// The name of each slot's column.
    pub(super) fn columns(&self) -> Vec<&'a str> {
        self.slots.iter().map(|slot| slot.column).collect()
    }

    /// The slots of the attributes, in the order of [`Source::attributes`].
    pub(super) fn attribute_slots(&self) -> Range<usize> {
        FIELDS.len()..FIELDS.len() + self.attributes
    }

    /// The slots that hold images, in their order.
    pub(super) fn image_slots(&self) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(Field::Image.slot()).chain(self.further_images.clone())
    }

    /// Whether a row has an image, and nothing beside it but its id.
    pub(super) fn holds_images_alone(&self, cells: &[Cell<'_>]) -> bool {
        let is_image = |slot: usize| slot == Field::Image.slot() || self.further_images.contains(&slot);
        let mut others = (0..cells.len()).filter(|&slot| slot != Field::Id.slot() && !is_image(slot));
        self.image_slots().any(|slot| !cells[slot].is_blank()) && others.all(|slot| cells[slot].is_blank())
    }

    pub(super) fn vector_slot(&self) -> Option<usize> {
        self.vectors
    }

    /// Which column of a header each slot takes: the same name, else the same name in another case.
    pub(super) fn resolve(&self, header: &[String], file: &TableFile) -> Result<Vec<Option<usize>>> {
        let places = self.slots.iter().map(|slot| position(header, slot.column, file)).collect::<Result<Vec<_>>>()?;
        let found: Vec<bool> = places.iter().map(Option::is_some).collect();
        self.require(&found, header, file)?;
        Ok(places)
    }

    /// Refuses a file in which a column that somebody asked for is absent; `found` has one entry a slot.
    pub(super) fn require(&self, found: &[bool], columns: &[String], file: &TableFile) -> Result<()> {
        let there = list(columns);
        let path = file.path().display();
        for (slot, _) in self.slots.iter().zip(found).filter(|(_, found)| !**found) {
            let column = slot.column;
            match slot.asked_by {
                Asker::Default if column == "id" => {
                    return Err(file.unusable(format_args!(
                        "has no column `id`: name it in `columns` under `[catalog]`, for example \
                         `columns = {{ id = \"sku\" }}`; it has {there}"
                    )));
                }
                Asker::Default => {}
                Asker::Mapping(field) => {
                    return Err(Error::Config(anyhow!(
                        "`columns` under `[catalog]` says that `{field}` is `{column}`, but `{path}` has no such \
                         column: it has {there}"
                    )));
                }
                Asker::Rule(Attribute { name, asked_by }) => {
                    return Err(Error::Config(anyhow!(
                        "{asked_by} asks for the attribute `{name}`, but `{path}` has no such column: use one of \
                         {there}, or map it under `columns`"
                    )));
                }
                Asker::FurtherImages => {
                    return Err(Error::Config(anyhow!(
                        "`further_images` under `[catalog]` names `{column}`, but `{path}` has no such column: it has {there}"
                    )));
                }
                Asker::Vectors => {
                    return Err(Error::Config(anyhow!(
                        "`column` under `[embedding]` is `{column}`, but `{path}` has no such column: it has {there}"
                    )));
                }
            }
        }
        Ok(())
    }
}
