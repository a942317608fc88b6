//! What was bought together: order lines into the categories that go with a category. This room refuses to know who bought
//! what, and to keep an order.

mod counts;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use anyhow::ensure;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Category};
use crate::error::Result;
use crate::progress::Progress;
use crate::side_file::{self, Column, Need, Source};
use crate::tabular::day;
use counts::{Counts, Pair};

/// `[orders]` of `twinset.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersSettings {
    /// The file of order lines. No part of what decides the lists; its bytes are.
    #[serde(skip_serializing)]
    pub path: PathBuf,
    /// How many days before the run date an order may be; all orders when left out.
    pub look_back: Option<u32>,
    /// Orders that a pair of categories needs.
    #[serde(default = "default_min_orders")]
    pub min_orders: u32,
    /// Orders with more lines are skipped.
    #[serde(default = "default_max_lines")]
    pub max_lines: u32,
    /// What is added to the orders of a pair, found and expected, so that a few orders prove little.
    #[serde(default = "default_shrinkage")]
    pub shrinkage: f64,
    /// Complements of a category, at most.
    #[serde(default = "default_strongest")]
    pub strongest: u32,
    /// `order_id`, `product_id` and `date` to what the file calls them.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

fn default_min_orders() -> u32 {
    2
}

fn default_max_lines() -> u32 {
    50
}

fn default_shrinkage() -> f64 {
    5.0
}

fn default_strongest() -> u32 {
    5
}

impl OrdersSettings {
    /// Refuses numbers that mean nothing.
    ///
    /// # Errors
    /// One line: which key of `[orders]`, and what to write instead.
    pub fn validate(&self) -> anyhow::Result<()> {
        let counts = [
            ("look_back", self.look_back, "days up to the run date, or leave it out for all orders"),
            ("min_orders", Some(self.min_orders), "orders that a pair of categories needs"),
            ("max_lines", Some(self.max_lines), "lines of an order that counts"),
            ("strongest", Some(self.strongest), "complements of a category"),
        ];
        for (key, value, meaning) in counts {
            ensure!(value != Some(0), "`{key} = 0` under `[orders]` must be at least 1: it says how many {meaning}");
        }
        let shrinkage = self.shrinkage;
        ensure!(
            shrinkage.is_finite() && shrinkage >= 0.0,
            "`shrinkage = {shrinkage}` under `[orders]` must be 0 or more, for example `shrinkage = 5.0`"
        );
        Ok(())
    }
}

/// What a file of orders says.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The complements of a category, the highest weight first, then by name. Categories without any are not in it.
    pub by_category: BTreeMap<Category, Vec<Bought>>,
    /// Orders with at least one product of the catalog: what the shares are shares of.
    pub orders: u64,
    /// Orders left out because they have no readable date; 0 without a look-back.
    pub undated: u64,
    /// Orders left out because they are outside the look-back.
    pub outside: u64,
    /// Orders left out because they have too many lines.
    pub skipped_long: u64,
    /// Orders left out because the catalog has none of their products.
    pub without_products: u64,
    /// Lines of the file.
    pub lines: u64,
    /// Lines, of whichever order, that name a product that is not in the catalog.
    pub unknown_lines: u64,
    /// Lines that cannot be read, or name no order or no product.
    pub incomplete_lines: u64,
    /// BLAKE3 of the file's bytes.
    pub digest: blake3::Hash,
}

/// A category that was bought together with another.
#[derive(Clone, Debug, PartialEq)]
pub struct Bought {
    /// The category.
    pub category: Category,
    /// Orders that have both.
    pub orders: u32,
    /// Their share of all orders.
    pub support: f64,
    /// How many times as many they are as chance would have it, shrunk.
    pub lift: f64,
    /// Normalized pointwise mutual information of the shrunk lift: above 0 and at most 1.
    pub weight: f64,
}

impl Learned {
    /// The weights alone, as [`crate::rules::complements::Complements`] takes them.
    #[must_use]
    pub fn weights(&self) -> BTreeMap<Category, Vec<(Category, f64)>> {
        let pairs = |all: &Vec<Bought>| all.iter().map(|b| (b.category.clone(), b.weight)).collect();
        self.by_category.iter().map(|(category, all)| (category.clone(), pairs(all))).collect()
    }

    /// The learned map in the form of `[complements]`, to be read, changed and pasted: the same weights to the last bit.
    #[must_use]
    pub fn to_toml(&self) -> String {
        text::to_toml(self)
    }
}

/// Reads the orders and finds what was bought together. An order has the earliest of the days that its lines name.
///
/// # Errors
/// See [`side_file::read`]. A line that cannot be used is counted and left out.
pub fn learn(
    settings: &OrdersSettings,
    catalog: &Catalog,
    run_date: NaiveDate,
    progress: &Progress,
) -> Result<Learned> {
    let date = if settings.look_back.is_some() { Need::Required } else { Need::Optional };
    let columns = [
        Column { name: "order_id", need: Need::Required },
        Column { name: "product_id", need: Need::Required },
        Column { name: "date", need: date },
    ];
    let source =
        Source { path: &settings.path, section: "orders", columns: &columns, names: &settings.columns, progress };
    let shelves = Shelves::new(catalog);
    let mut lines = Lines::default();
    let outcome = side_file::read(&source, |_, row| {
        match row {
            Ok(&[Some(order), product, date]) => lines.take(order, product, date, &shelves),
            _ => lines.incomplete += 1,
        }
        Ok(())
    })?;
    let mut learned = Learned {
        by_category: BTreeMap::new(),
        orders: 0,
        undated: 0,
        outside: 0,
        skipped_long: 0,
        without_products: 0,
        lines: outcome.rows,
        unknown_lines: lines.unknown,
        incomplete_lines: lines.incomplete,
        digest: outcome.digest,
    };
    let bought = lines.sift(settings, run_date, &mut learned);
    let counts = Counts::of(&bought, shelves.categories.len());
    learned.orders = u64::from(counts.orders);
    counts.each(settings.min_orders, settings.shrinkage, |category, pairs| {
        let complements = complements(pairs, &shelves.categories, settings.strongest);
        if !complements.is_empty() {
            learned.by_category.insert(shelves.categories[category].clone(), complements);
        }
    });
    Ok(learned)
}

/// The strongest of the pairs of a category.
fn complements(pairs: Vec<Pair>, categories: &[&Category], strongest: u32) -> Vec<Bought> {
    let name = |pair: &Pair| categories[pair.other];
    let mut pairs: Vec<Pair> = pairs.into_iter().filter(|pair| pair.weight > 0.0).collect();
    pairs.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| name(a).cmp(name(b))));
    pairs.truncate(strongest as usize);
    let bought = |pair: Pair| {
        let Pair { orders, support, lift, weight, .. } = pair;
        Bought { category: name(&pair).clone(), orders, support, lift, weight }
    };
    pairs.into_iter().map(bought).collect()
}

/// No category, among category numbers.
const NONE: u32 = u32::MAX;

/// Which category each product of the catalog is bought from.
struct Shelves<'a> {
    categories: Vec<&'a Category>,
    /// By product id: the number of its category, that of the first row of its group, or `NONE`.
    of_product: HashMap<&'a str, u32>,
}

impl<'a> Shelves<'a> {
    fn new(catalog: &'a Catalog) -> Shelves<'a> {
        let mut categories: Vec<&Category> = Vec::new();
        let mut numbers: HashMap<&Category, u32> = HashMap::new();
        let mut of_group: HashMap<&str, u32> = HashMap::new();
        let mut of_product = HashMap::with_capacity(catalog.products.len());
        for product in &catalog.products {
            let mut own = || {
                product.category.as_ref().map_or(NONE, |category| {
                    *numbers.entry(category).or_insert_with(|| {
                        categories.push(category);
                        number_of(categories.len() - 1)
                    })
                })
            };
            let shelf = match &product.group {
                Some(group) => *of_group.entry(group).or_insert_with(own),
                None => own(),
            };
            of_product.insert(product.id.as_str(), shelf);
        }
        Shelves { categories, of_product }
    }
}

/// An order, as far as its lines have told.
struct Order {
    lines: u32,
    day: Option<NaiveDate>,
}

/// The lines of all orders, in numbers.
#[derive(Default)]
struct Lines {
    orders: Vec<Order>,
    /// By the first half of the order id's BLAKE3: 128 bits stand for ids of any length.
    numbers: HashMap<[u8; 16], u32>,
    /// The order of the line before: lines of one order mostly follow each other.
    last: (String, u32),
    /// Order and category numbers, in the order of the file.
    bought: Vec<(u32, u32)>,
    unknown: u64,
    incomplete: u64,
}

impl Lines {
    fn take(&mut self, order: &str, product: Option<&str>, date: Option<&str>, shelves: &Shelves<'_>) {
        let number = self.number(order);
        let known = &mut self.orders[number as usize];
        known.lines = known.lines.saturating_add(1);
        known.day = known.day.into_iter().chain(date.and_then(day)).min();
        let Some(product) = product else {
            self.incomplete += 1;
            return;
        };
        match shelves.of_product.get(product) {
            Some(&category) => self.bought.push((number, category)),
            None => self.unknown += 1,
        }
    }

    fn number(&mut self, order: &str) -> u32 {
        if !self.orders.is_empty() && self.last.0 == order {
            return self.last.1;
        }
        let hash = blake3::hash(order.as_bytes());
        let key = *hash.as_bytes().first_chunk().expect("32 bytes hold 16");
        let number = *self.numbers.entry(key).or_insert_with(|| {
            self.orders.push(Order { lines: 0, day: None });
            number_of(self.orders.len() - 1)
        });
        order.clone_into(&mut self.last.0);
        self.last.1 = number;
        number
    }

    /// What the orders that count have bought, by order and category, each once. The others are counted in `learned`.
    fn sift(self, settings: &OrdersSettings, run_date: NaiveDate, learned: &mut Learned) -> Vec<(u32, u32)> {
        let Lines { orders, mut bought, numbers, .. } = self;
        drop(numbers);
        let first = settings
            .look_back
            .map(|days| run_date.checked_sub_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MIN));
        let mut counts = vec![false; orders.len()];
        for (order, counts) in orders.iter().zip(&mut counts) {
            match (first, order.day) {
                (Some(_), None) => learned.undated += 1,
                (Some(first), Some(day)) if day < first || day > run_date => learned.outside += 1,
                _ if order.lines > settings.max_lines => learned.skipped_long += 1,
                _ => *counts = true,
            }
        }
        let candidates = counts.iter().filter(|&&counts| counts).count() as u64;
        bought.retain(|&(order, _)| counts[order as usize]);
        bought.sort_unstable();
        bought.dedup();
        let with_products = bought.chunk_by(|a, b| a.0 == b.0).count() as u64;
        learned.without_products = candidates - with_products;
        bought
    }
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).ok().filter(|&number| number != NONE).expect("fewer than 2^32 orders and categories")
}

#[cfg(test)]
mod tests;
