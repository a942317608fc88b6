//! What people decide by hand: pins and blocks, from a file beside the catalog. This room refuses to know who is eligible.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use chrono::NaiveDate;

use crate::rules::Rule;
use crate::tabular;

/// The columns of the file, in the order in which [`Merchandising::take`] wants their cells.
pub const COLUMNS: [&str; 7] = ["action", "product", "rule", "recommended", "position", "valid_from", "valid_until"];

/// The pins and blocks that are valid tonight, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Merchandising {
    /// What is pinned or blocked.
    pub decisions: Vec<Decision>,
    /// BLAKE3 of the file's bytes.
    pub digest: Option<blake3::Hash>,
}

/// One row of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The data row it came from, counted from 1.
    pub row: u64,
    /// Pin or block.
    pub action: Action,
    /// The anchor's id; every product when there is none.
    pub product: Option<String>,
    /// Index of the rule; every rule when there is none.
    pub rule: Option<usize>,
    /// The id of what is pinned or blocked.
    pub recommended: String,
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is in the list, at this place, counted from 1.
    Pin {
        /// The place.
        position: u32,
    },
    /// It is not.
    Block,
}

impl Merchandising {
    /// The ids that the decisions name, some more than once.
    pub fn products(&self) -> impl Iterator<Item = &str> {
        let anchors = self.decisions.iter().filter_map(|decision| decision.product.as_deref());
        anchors.chain(self.decisions.iter().map(|decision| decision.recommended.as_str()))
    }

    /// Takes one row of the file, its cells in the order of [`COLUMNS`]. What is not valid on the run date is left out.
    ///
    /// # Errors
    /// What cannot be understood, and what to write instead; the caller knows the file and the row.
    pub fn take(&mut self, row: u64, cells: &[Option<&str>], rules: &[Rule], run_date: NaiveDate) -> Result<()> {
        let cell = |name: &str| {
            let at = COLUMNS.iter().position(|column| *column == name).expect("one of the columns");
            cells[at].map(str::trim).filter(|text| !text.is_empty())
        };
        let day = |name: &str| -> Result<Option<NaiveDate>> {
            let read = |text| tabular::day(text).with_context(|| format!("`{name}` is `{text}`: write `2026-11-22`"));
            cell(name).map(read).transpose()
        };
        let position = match cell("position").map(|text| text.parse::<u32>().map_err(|_| text)) {
            None => 1,
            Some(Ok(position)) if position > 0 => position,
            Some(_) => bail!("`position` is `{}`: write a whole number from 1", cell("position").unwrap_or_default()),
        };
        let action = match cell("action") {
            Some("pin") => Action::Pin { position },
            Some("block") => Action::Block,
            other => bail!("`action` is `{}`: write `pin` or `block`", other.unwrap_or_default()),
        };
        let by_name: BTreeMap<&str, usize> = rules.iter().zip(0..).map(|(rule, at)| (rule.name.as_str(), at)).collect();
        let rule = cell("rule").map(|name| {
            by_name.get(name).copied().with_context(|| {
                let known = by_name.keys().copied().collect::<Vec<_>>().join("`, `");
                format!("`rule` is `{name}`, which is none: write one of `{known}`, or leave it empty for all")
            })
        });
        let recommended = cell("recommended").context("`recommended` is empty: write the id of the product")?;
        let (from, until) = (day("valid_from")?, day("valid_until")?);
        if let (Some(from), Some(until)) = (from, until) {
            ensure!(from <= until, "`valid_from` is {from}, after `valid_until`, {until}");
        }
        let rule = rule.transpose()?;
        if from.is_none_or(|from| from <= run_date) && until.is_none_or(|until| run_date <= until) {
            let product = cell("product").map(str::to_owned);
            self.decisions.push(Decision { row, action, product, rule, recommended: recommended.to_owned() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::defaults;

    fn take(cells: [&str; 7]) -> Result<Vec<Decision>> {
        let mut all = Merchandising::default();
        let date = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date");
        let cells = cells.map(|cell| (!cell.is_empty()).then_some(cell));
        all.take(7, &cells, &defaults(), date).map(|()| all.decisions)
    }

    #[test]
    fn a_row_is_a_decision_while_it_is_valid() {
        let pin = Decision {
            row: 7,
            action: Action::Pin { position: 2 },
            product: Some("A".to_owned()),
            rule: Some(2),
            recommended: "B".to_owned(),
        };
        assert_eq!(
            take(["pin", " A ", "upsell", "B", "2", "2026-11-22", "2026-11-22"]).unwrap(),
            std::slice::from_ref(&pin)
        );
        let block = Decision { action: Action::Block, product: None, rule: None, ..pin };
        assert_eq!(take(["block", "", "", "B", "", "", ""]).unwrap(), [block]);
        assert_eq!(take(["pin", "A", "", "B", "", "2026-11-23", ""]).unwrap(), []);
        assert_eq!(take(["pin", "A", "", "B", "", "", "2026-11-21"]).unwrap(), []);
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        for (cells, said) in [
            (["", "A", "", "B", "", "", ""], "`action`"),
            (["boost", "A", "", "B", "", "", ""], "`boost`"),
            (["pin", "A", "upsel", "B", "", "", ""], "one of `cross_sell`, `similar`, `upsell`"),
            (["pin", "A", "", "", "", "", ""], "`recommended` is empty"),
            (["pin", "A", "", "B", "0", "", ""], "`position` is `0`"),
            (["pin", "A", "", "B", "first", "", ""], "`position` is `first`"),
            (["pin", "A", "", "B", "", "tomorrow", ""], "`valid_from` is `tomorrow`"),
            (["pin", "A", "", "B", "", "2026-12-01", "2026-11-30"], "after `valid_until`"),
        ] {
            let error = take(cells).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
