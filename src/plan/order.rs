//! The order of the rows, and each row's integers: group, price rank, codes, place of its id.

use std::collections::HashMap;
use std::ops::Range;

use rayon::prelude::*;

use super::Sight;
use crate::catalog::{Catalog, ProductIndex};
use crate::money::{Currency, Price};
use crate::rules::categories::Categories;
use crate::similarity::lists::{NO_CODE, NO_PRICE};

// Regions: what a row can be, by whether it has a vector and is in stock. Rows with a vector come first: they are the matrix.

/// Has a vector and may be recommended.
pub(super) const SEEN_IN_STOCK: usize = 0;
const SEEN_SOLD_OUT: usize = 1;
/// Has no vector and may be recommended by rules that ignore looks.
pub(super) const UNSEEN_IN_STOCK: usize = 2;
const UNSEEN_SOLD_OUT: usize = 3;

/// Products sorted by region, currency, category, price (missing last) and id.
#[derive(Debug)]
pub(super) struct Order {
    pub products: Vec<ProductIndex>,
    pub seen: usize,
    pub categories: Categories,
    /// Distinct currencies; `None` is the currency of products that have none.
    pub currencies: Vec<Option<Currency>>,
    /// Distinct prices in ten-thousandths, ascending.
    pub prices: Vec<i64>,
    /// Per row, its currency's and its category's number; products without a category come after the last one.
    pub places: Vec<(u32, u32)>,
    /// Each block's region, currency and category with its first row, ascending.
    blocks: Vec<((u32, u32, u32), u32)>,
}

impl Order {
    pub(super) fn new(catalog: &Catalog, sight: &[Sight]) -> Order {
        let all = &catalog.products;
        let categories = Categories::new(all.iter().filter_map(|p| p.category.as_ref()));
        let mut currencies: Vec<Option<Currency>> = all.iter().map(|p| p.currency).collect();
        sort_distinct(&mut currencies);
        let mut prices: Vec<i64> = all.iter().filter_map(|p| p.price.map(Price::units)).collect();
        sort_distinct(&mut prices);
        let numbers = categories.numbers();
        let mut keyed: Vec<(u32, u32, u32, i64, ProductIndex)> = Vec::with_capacity(all.len());
        for (product, item) in all.iter().enumerate() {
            let currency = currencies.partition_point(|c| *c < item.currency);
            let region = match (sight[product], item.is_available()) {
                (Sight::Seen, true) => SEEN_IN_STOCK,
                (Sight::Seen, false) => SEEN_SOLD_OUT,
                (_, true) => UNSEEN_IN_STOCK,
                (_, false) => UNSEEN_SOLD_OUT,
            };
            let category = item.category.as_ref().map_or(categories.len(), |c| numbers[c]);
            let price = item.price.map_or(i64::MAX, Price::units);
            keyed.push((small(region), small(currency), category, price, product));
        }
        keyed.par_sort_unstable_by(|a, b| {
            let id = |product: ProductIndex| all[product].id.as_str();
            (a.0, a.1, a.2, a.3).cmp(&(b.0, b.1, b.2, b.3)).then_with(|| id(a.4).cmp(id(b.4)))
        });
        let block = |row: &(u32, u32, u32, i64, ProductIndex)| (row.0, row.1, row.2);
        let mut blocks: Vec<((u32, u32, u32), u32)> = Vec::new();
        for (row, place) in keyed.iter().map(block).enumerate() {
            if blocks.last().is_none_or(|last| last.0 != place) {
                blocks.push((place, small(row)));
            }
        }
        drop(numbers);
        Order {
            seen: keyed.partition_point(|row| row.0 as usize <= SEEN_SOLD_OUT),
            places: keyed.iter().map(|row| (row.1, row.2)).collect(),
            products: keyed.into_iter().map(|row| row.4).collect(),
            categories,
            currencies,
            prices,
            blocks,
        }
    }

    /// Runs of one region, currency and category.
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The rows of a region and currency whose category number lies in `categories`.
    pub(super) fn rows(&self, region: usize, currency: u32, categories: &Range<u32>) -> Range<u32> {
        let at = |category| {
            let next = self.blocks.partition_point(|block| block.0 < (small(region), currency, category));
            self.blocks.get(next).map_or(small(self.products.len()), |block| block.1)
        };
        at(categories.start)..at(categories.end)
    }

    pub(super) fn id_ranks(&self, catalog: &Catalog) -> Vec<u32> {
        let id = |row: usize| catalog.products[self.products[row]].id.as_bytes();
        // Most comparisons are settled by the first bytes, without a look at the product.
        let mut by_id: Vec<(u128, usize)> = (0..self.products.len()).map(|row| (first_bytes(id(row)), row)).collect();
        by_id.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(id(b.1))));
        let mut ranks = vec![0; by_id.len()];
        for (rank, (_, row)) in by_id.into_iter().enumerate() {
            ranks[row] = small(rank);
        }
        ranks
    }

    pub(super) fn groups(&self, catalog: &Catalog) -> Vec<u32> {
        let mut named: HashMap<&str, u32> = HashMap::new();
        let mut count = 0;
        let mut number = || {
            count += 1;
            count - 1
        };
        let mut of = |&product: &ProductIndex| match &catalog.products[product].group {
            Some(name) => *named.entry(name).or_insert_with(&mut number),
            None => number(),
        };
        self.products.iter().map(&mut of).collect()
    }

    pub(super) fn price_ranks(&self, catalog: &Catalog) -> Vec<u32> {
        let rank = |&product: &ProductIndex| {
            let price = catalog.products[product].price;
            price.map_or(NO_PRICE, |price| small(self.prices.partition_point(|&p| p < price.units())))
        };
        self.products.iter().map(rank).collect()
    }

    pub(super) fn codes(&self, catalog: &Catalog, attribute: usize) -> Vec<u32> {
        let mut codes: HashMap<&str, u32> = HashMap::new();
        let mut code = |&product: &ProductIndex| {
            let value = catalog.products[product].attributes[attribute].as_deref();
            value.map_or(NO_CODE, |value| {
                let next = small(codes.len()) + 1;
                *codes.entry(value).or_insert(next)
            })
        };
        self.products.iter().map(&mut code).collect()
    }
}

/// The first 16 bytes as a number that orders as they do; zeros where there are fewer.
fn first_bytes(text: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = text.len().min(16);
    first[..length].copy_from_slice(&text[..length]);
    u128::from_be_bytes(first)
}

fn small(n: usize) -> u32 {
    u32::try_from(n).expect("fewer than 2^32 products")
}

fn sort_distinct<T: Ord>(values: &mut Vec<T>) {
    values.dedup();
    values.sort_unstable();
    values.dedup();
}
