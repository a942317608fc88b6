//! Which pins and blocks are in force for one list. Refuses to place anything but pins.

use super::Evaluator;
use super::shop::{Action, MerchandisingRow, OracleRule};

impl Evaluator<'_> {
    /// Whether a block keeps a product out of this list.
    pub fn is_blocked(&self, rule: &OracleRule, anchor: usize, candidate: usize) -> bool {
        let recommended = &self.products[candidate].id;
        let rows = self.shop.merchandising.iter().filter(|row| row.action == Action::Block);
        rows.filter(|row| self.concerns(row, rule, anchor)).any(|row| row.recommended == *recommended)
    }

    /// Whether a row speaks of this list tonight. An empty cell speaks of everything.
    fn concerns(&self, row: &MerchandisingRow, rule: &OracleRule, anchor: usize) -> bool {
        let tonight = self.shop.run_date;
        row.product.as_ref().is_none_or(|product| *product == self.products[anchor].id)
            && row.rule.as_ref().is_none_or(|name| *name == rule.name)
            && row.valid_from.is_none_or(|first| first <= tonight)
            && row.valid_until.is_none_or(|last| tonight <= last)
    }

    /// The pins of this list, each with its place from 0. The rule serves the anchor.
    ///
    /// By position, then in the order of the file; where a place is taken, the next free one; of one product the first.
    pub fn pins(&self, rule: &OracleRule, anchor: usize) -> Vec<(usize, usize)> {
        let rows = self.shop.merchandising.iter().filter(|row| row.action == Action::Pin);
        let mut rows: Vec<&MerchandisingRow> = rows.filter(|row| self.concerns(row, rule, anchor)).collect();
        rows.sort_by_key(|row| position(row));
        let mut placed: Vec<(usize, usize)> = Vec::new();
        for row in rows {
            let Some(pinned) = self.products.iter().position(|product| product.id == row.recommended) else { continue };
            let idle = pinned == anchor
                || !self.available[pinned]
                || self.is_blocked(rule, anchor, pinned)
                || position(row) > rule.limit;
            if idle || placed.iter().any(|(_, earlier)| *earlier == pinned) {
                continue;
            }
            let is_free = |place: &usize| placed.iter().all(|(taken, _)| taken != place);
            if let Some(place) = (position(row) - 1..rule.limit).find(is_free) {
                placed.push((place, pinned));
            }
        }
        placed
    }
}

fn position(row: &MerchandisingRow) -> usize {
    row.position.unwrap_or(1)
}
