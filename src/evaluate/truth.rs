//! What lists are measured against: links between rows of the plan, by relation. This room refuses to read a file.

use std::collections::HashMap;

use serde::Serialize;

use crate::rules::Relation;

/// The ids of a file, numbered as they come: files are read before the catalog is.
#[derive(Debug, Default)]
pub(super) struct Ids {
    numbers: HashMap<String, u32>,
}

impl Ids {
    pub(super) fn number(&mut self, id: &str) -> u32 {
        if let Some(&number) = self.numbers.get(id) {
            return number;
        }
        let next = u32::try_from(self.numbers.len()).expect("fewer than 2^32 ids");
        self.numbers.insert(id.to_owned(), next);
        next
    }

    /// Per number, the row of the product with that id; `ids` are those of the rows.
    pub(super) fn rows<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Vec<Option<u32>> {
        let mut rows = vec![None; self.numbers.len()];
        for (row, id) in (0..).zip(ids) {
            if let Some(&number) = self.numbers.get(id) {
                rows[number as usize] = Some(row);
            }
        }
        rows
    }

    /// The first id of the file that no row has.
    pub(super) fn first_unknown(&self, rows: &[Option<u32>]) -> Option<&str> {
        let first = rows.iter().position(Option::is_none)?;
        self.name(u32::try_from(first).ok()?)
    }

    /// The id of a number.
    pub(super) fn name(&self, number: u32) -> Option<&str> {
        self.numbers.iter().find(|(_, other)| **other == number).map(|(id, _)| id.as_str())
    }
}

/// What was read to measure against, in counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Read {
    /// The name of the file.
    pub file: String,
    /// `links`, or `orders`.
    pub of: &'static str,
    /// Its data rows.
    pub rows: u64,
    /// Rows that name a product that is not in the catalog.
    pub unknown: u64,
    /// Such an id.
    pub unknown_example: Option<String>,
    /// Rows without an id where one is needed.
    pub incomplete: u64,
    /// Rows of links that link a product to itself.
    pub own: u64,
    /// Rows of links whose kind is no relation.
    pub unknown_kind: u64,
    /// Such a kind.
    pub unknown_kind_example: Option<String>,
    /// Different links of one product to another, by relation.
    pub links: usize,
    /// The first day of orders that counts: YYYY-MM-DD.
    pub since: Option<String>,
    /// Orders on or after that day.
    pub orders: Option<u64>,
    /// Of these, orders with more lines than [`super::MAX_LINES`], which are skipped.
    pub long_orders: Option<u64>,
    /// Orders without a readable date, which are left out.
    pub undated_orders: Option<u64>,
    /// Whether complements are learned from orders on days that are also measured.
    pub overlap: bool,
}

/// The links between the rows of a plan.
#[derive(Debug)]
pub(super) struct Truth {
    /// Of no relation: every rule is measured against them.
    any: Links,
    /// By relation, in the order of [`Relation`].
    of: [Links; 3],
}

/// A link from one row to another; of every relation where none is given.
pub(super) type Link = (Option<Relation>, u32, u32);

impl Truth {
    /// Brings links of `rows` rows together, each once. Says how many there are.
    pub(super) fn new(rows: usize, mut links: Vec<Link>) -> (Truth, usize) {
        links.sort_unstable();
        links.dedup();
        let of = |wanted: Option<Relation>| {
            let from = links.partition_point(|link| link.0 < wanted);
            let to = links.partition_point(|link| link.0 <= wanted);
            Links::new(rows, &links[from..to])
        };
        let relations = [Relation::Similar, Relation::CrossSell, Relation::Upsell];
        (Truth { any: of(None), of: relations.map(|relation| of(Some(relation))) }, links.len())
    }

    /// The rows that a row is linked with, for a rule of this relation.
    pub(super) fn linked(&self, relation: Relation, row: usize) -> impl Iterator<Item = u32> {
        self.any.of(row).iter().chain(self.of[relation as usize].of(row)).copied()
    }
}

/// The links of one relation: those of a row lie together.
#[derive(Debug)]
struct Links {
    /// Per row, where its links begin; one more at the end. Empty where there are none at all.
    starts: Vec<usize>,
    to: Vec<u32>,
}

impl Links {
    /// Of ascending links.
    fn new(rows: usize, links: &[Link]) -> Links {
        if links.is_empty() {
            return Links { starts: Vec::new(), to: Vec::new() };
        }
        let mut starts = vec![0; rows + 1];
        for link in links {
            starts[link.1 as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        Links { starts, to: links.iter().map(|link| link.2).collect() }
    }

    fn of(&self, row: usize) -> &[u32] {
        if self.starts.is_empty() { &[] } else { &self.to[self.starts[row]..self.starts[row + 1]] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_sees_the_links_of_its_relation_and_of_none() {
        let (upsell, similar) = (Some(Relation::Upsell), Some(Relation::Similar));
        let links = vec![(upsell, 2, 1), (None, 0, 2), (upsell, 0, 1), (similar, 0, 3), (upsell, 2, 1)];
        let (truth, count) = Truth::new(4, links);
        let linked = |relation, row| truth.linked(relation, row).collect::<Vec<u32>>();
        assert_eq!(count, 4);
        assert_eq!(linked(Relation::Upsell, 0), [2, 1]);
        assert_eq!(linked(Relation::Similar, 0), [2, 3]);
        assert_eq!(linked(Relation::CrossSell, 0), [2]);
        assert_eq!((linked(Relation::Upsell, 2), linked(Relation::Upsell, 3)), (vec![1], vec![]));
    }

    #[test]
    fn ids_find_their_rows() {
        let mut ids = Ids::default();
        assert_eq!(["b", "x", "a", "b"].map(|id| ids.number(id)), [0, 1, 2, 0]);
        let rows = ids.rows(["a", "b"].into_iter());
        assert_eq!(rows, [Some(1), None, Some(0)]);
        assert_eq!(ids.first_unknown(&rows), Some("x"));
    }
}
