//! Orders that were held out by date: what is bought together is linked in both directions. This room refuses orders that nobody
//! can date, and those that are too long to say what goes with what.

use std::collections::HashMap;

use anyhow::anyhow;
use chrono::NaiveDate;

use super::truth::{Ids, Link, Read};
use crate::error::{Error, Result};
use crate::tabular::day;

/// The columns of the file, in the order in which [`OrderFile::take`] wants their cells.
pub(super) const COLUMNS: [&str; 3] = ["order_id", "product_id", "date"];

/// Orders with more lines are skipped: they are wholesale, or a robot's.
pub const MAX_LINES: u32 = 50;

/// A file of orders, before its ids are looked up.
#[derive(Debug)]
pub(super) struct OrderFile {
    since: NaiveDate,
    numbers: HashMap<String, u32>,
    orders: Vec<Order>,
    ids: Ids,
    /// Order and product, by the numbers of their ids.
    lines: Vec<(u32, u32)>,
    pub(super) read: Read,
}

#[derive(Clone, Copy, Debug, Default)]
struct Order {
    /// The earliest readable day of its lines.
    day: Option<NaiveDate>,
    lines: u32,
}

impl OrderFile {
    /// Of orders on or after `since`.
    pub(super) fn new(file: String, since: NaiveDate) -> OrderFile {
        let read = Read { file, of: "orders", since: Some(since.to_string()), ..Read::default() };
        OrderFile { since, numbers: HashMap::new(), orders: Vec::new(), ids: Ids::default(), lines: Vec::new(), read }
    }

    /// Takes one row of the file, its cells in the order of [`COLUMNS`].
    pub(super) fn take(&mut self, cells: &[Option<&str>]) {
        let cell = |at: usize| cells.get(at).copied().flatten().map(str::trim).filter(|text| !text.is_empty());
        self.read.rows += 1;
        let (Some(order), Some(product)) = (cell(0), cell(1)) else {
            self.read.incomplete += 1;
            return;
        };
        let number = if let Some(&number) = self.numbers.get(order) {
            number
        } else {
            let next = u32::try_from(self.orders.len()).expect("fewer than 2^32 orders");
            self.numbers.insert(order.to_owned(), next);
            self.orders.push(Order::default());
            next
        };
        let order = &mut self.orders[number as usize];
        order.lines += 1;
        if let Some(day) = cell(2).and_then(day) {
            order.day = Some(order.day.map_or(day, |earlier| earlier.min(day)));
        }
        self.lines.push((number, self.ids.number(product)));
    }

    /// Leaves orders out that do not count.
    ///
    /// # Errors
    /// [`Error::Config`] when none is left.
    pub(super) fn finish(mut self) -> Result<OrderFile> {
        let count = |is: &dyn Fn(&Order) -> bool| self.orders.iter().filter(|order| is(order)).count() as u64;
        let is_late = |order: &Order| order.day.is_some_and(|day| day >= self.since);
        let (late, undated) = (count(&is_late), count(&|order| order.day.is_none()));
        if late == 0 {
            let (file, since) = (&self.read.file, self.since);
            let last = self.orders.iter().filter_map(|order| order.day).max();
            return Err(Error::Config(match last {
                Some(last) => anyhow!(
                    "`{file}` has no order on or after {since}, the last is of {last}: hold orders out with an earlier \
                     `--since`, and a `--run-date` before it"
                ),
                None => anyhow!("`{file}` has no order with a date such as `2026-11-22`, {} rows", self.read.rows),
            }));
        }
        let long = count(&|order| is_late(order) && order.lines > MAX_LINES);
        self.read = Read { orders: Some(late), long_orders: Some(long), undated_orders: Some(undated), ..self.read };
        let counts: Vec<bool> = self.orders.iter().map(|order| is_late(order) && order.lines <= MAX_LINES).collect();
        self.lines.retain(|line| counts[line.0 as usize]);
        (self.numbers, self.orders) = (HashMap::new(), Vec::new());
        Ok(self)
    }

    /// The links as rows of the plan, whose ids and groups these are: each product of an order with each of another group.
    pub(super) fn resolve<'a>(self, ids: impl Iterator<Item = &'a str>, groups: &[u32]) -> (Vec<Link>, Read) {
        let rows = self.ids.rows(ids);
        let mut read = self.read;
        let mut lines: Vec<(u32, u32)> = Vec::with_capacity(self.lines.len());
        let mut unknown = None;
        for (order, id) in self.lines {
            if let Some(row) = rows[id as usize] {
                lines.push((order, row));
            } else {
                read.unknown += 1;
                unknown = unknown.or(Some(id));
            }
        }
        read.unknown_example = unknown.and_then(|id| self.ids.name(id)).map(str::to_owned);
        lines.sort_unstable();
        lines.dedup();
        let mut links = Vec::new();
        for order in lines.chunk_by(|a, b| a.0 == b.0) {
            for &(_, from) in order {
                let others = order.iter().filter(|(_, to)| groups[*to as usize] != groups[from as usize]);
                links.extend(others.map(|&(_, to)| (None, from, to)));
            }
        }
        (links, read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(since: &str, lines: &[[&str; 3]]) -> OrderFile {
        let mut file = OrderFile::new("o.csv".to_owned(), since.parse().unwrap());
        for line in lines {
            file.take(&line.map(Some));
        }
        file
    }

    const LINES: [[&str; 3]; 8] = [
        ["1", "a", "2026-11-20"],
        ["1", "b", "2026-11-24"],
        ["2", "a", "2026-11-23T08:00:00Z"],
        ["2", "c1", "2026-11-23"],
        ["2", "c2", "soon"],
        ["2", "gone", "2026-11-23"],
        ["2", "a", "2026-11-23"],
        ["3", "b", "soon"],
    ];

    #[test]
    fn what_is_bought_together_after_a_day_is_linked_both_ways() {
        let (ids, groups) = (["a", "b", "c1", "c2"], [0, 1, 2, 2]);
        let (links, read) = file("2026-11-23", &LINES).finish().unwrap().resolve(ids.into_iter(), &groups);
        // Order 1 began before that day; variants of one product are not linked with each other.
        assert_eq!(links, [(None, 0, 2), (None, 0, 3), (None, 2, 0), (None, 3, 0)]);
        assert_eq!((read.rows, read.unknown, read.orders, read.undated_orders), (8, 1, Some(1), Some(1)));
        assert_eq!(read.unknown_example.as_deref(), Some("gone"));
    }

    #[test]
    fn long_orders_are_skipped() {
        let names: Vec<String> = (0..=MAX_LINES).map(|line| format!("p{line}")).collect();
        let lines: Vec<[&str; 3]> = names.iter().map(|name| ["1", name.as_str(), "2026-11-23"]).collect();
        let links = |lines: &[[&str; 3]]| {
            let groups: Vec<u32> = (0..=MAX_LINES).collect();
            let file = file("2026-11-23", lines).finish().unwrap();
            let (links, read) = file.resolve(names.iter().map(String::as_str), &groups);
            (links.len(), read.long_orders)
        };
        assert_eq!(links(&lines), (0, Some(1)));
        assert_eq!(links(&lines[1..]), (50 * 49, Some(0)));
    }

    #[test]
    fn no_order_that_counts_is_an_error_that_says_why() {
        let error = file("2026-11-25", &LINES).finish().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("no order on or after 2026-11-25, the last is of 2026-11-23"), "{error}");
        let error = file("2026-11-25", &LINES[7..]).finish().unwrap_err().to_string();
        assert!(error.contains("no order with a date"), "{error}");
    }
}
