//! Diversity caps of one rule: how many entries of a list may have one value. This file refuses to know an order.

use crate::plan::Plan;
use crate::rules::Diversity;
use crate::rules::vocabulary::{CATEGORY, GROUP};
use crate::similarity::lists::NO_CODE;

/// The caps of one rule.
#[derive(Debug)]
pub(super) struct Caps<'a> {
    columns: Vec<Column<'a>>,
    /// Whether a list may stay short for them.
    pub(super) hard: bool,
}

#[derive(Debug)]
struct Column<'a> {
    /// Per row, a number that stands for its value.
    values: &'a [u32],
    /// The number of rows without a value, which are not limited.
    none: u32,
    most: u32,
}

/// How often each value of each cap is in a list.
#[derive(Debug)]
pub(super) struct Counts<'c, 'a> {
    caps: &'c Caps<'a>,
    /// The entries so far, of each its value for every cap; lists are short.
    taken: Vec<u32>,
}

impl<'a> Caps<'a> {
    /// The caps of a rule; `place` gives the place of an attribute among the codes.
    pub(super) fn new(plan: &'a Plan, diversity: &Diversity, place: impl Fn(&str) -> usize) -> Caps<'a> {
        let column = |(name, &most): (&String, &u32)| {
            let (values, none) = match name.as_str() {
                CATEGORY => (&plan.category, plan.categories),
                GROUP => (&plan.lists.group, u32::MAX),
                attribute => (&plan.lists.codes[place(attribute)], NO_CODE),
            };
            Column { values, none, most }
        };
        Caps { columns: diversity.max_per.iter().map(column).collect(), hard: diversity.hard }
    }

    pub(super) fn counts(&self) -> Counts<'_, 'a> {
        Counts { caps: self, taken: Vec::with_capacity(16 * self.columns.len()) }
    }
}

impl Counts<'_, '_> {
    /// Whether another entry with the values of `row` exceeds no cap.
    pub(super) fn allow(&self, row: u32) -> bool {
        let columns = &self.caps.columns;
        columns.iter().enumerate().all(|(place, column)| {
            let value = column.values[row as usize];
            let taken = self.taken.iter().skip(place).step_by(columns.len());
            value == column.none || taken.filter(|&&other| other == value).count() < column.most as usize
        })
    }

    /// Counts an entry, whether it exceeds a cap or not.
    pub(super) fn count(&mut self, row: u32) {
        self.taken.extend(self.caps.columns.iter().map(|column| column.values[row as usize]));
    }
}
