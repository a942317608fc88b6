//! What the job reads beside the catalog: pins and blocks, and what was bought together. This file refuses to apply either.

use std::collections::BTreeMap;

use anyhow::anyhow;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::merchandising::{self, Merchandising};
use crate::orders::{self, Learned};
use crate::progress::Progress;
use crate::rules::complements::Complements;
use crate::side_file::{self, Column, Need, Source};

/// The side files of a night.
#[derive(Debug, Default)]
pub struct Side {
    /// Pins and blocks.
    pub merchandising: Merchandising,
    /// What goes with what: the configured map and what was learned.
    pub complements: Complements,
    /// What the orders say, if there are any.
    pub learned: Option<Learned>,
}

impl Side {
    /// Reads the side files that the configuration names.
    ///
    /// # Errors
    /// [`Error::Config`] when one cannot be read or understood.
    pub fn read(config: &Config, catalog: &Catalog) -> Result<Side> {
        let learned = config.orders.as_ref().map(|settings| {
            let progress = Progress::stage("reading orders", "bytes");
            orders::learn(settings, catalog, config.run_date, &progress)
        });
        let learned = learned.transpose()?;
        if let Some(learned) = &learned {
            say(learned);
        }
        let weights = learned.as_ref().map(Learned::weights).unwrap_or_default();
        let complements = Complements { learned: weights, ..config.complements.clone() };
        Ok(Side { merchandising: read_merchandising(config)?, complements, learned })
    }

    /// The hashes of the files' bytes, in a fixed order.
    pub(super) fn digests(&self) -> [Option<blake3::Hash>; 2] {
        [self.merchandising.digest, self.learned.as_ref().map(|learned| learned.digest)]
    }
}

fn say(learned: &Learned) {
    let (orders, categories) = (learned.orders, learned.by_category.len());
    tracing::info!("learned complements of {categories} categories from {orders} orders");
    let left_out = [
        (learned.skipped_long, "orders with too many lines"),
        (learned.outside, "orders outside of the look-back"),
        (learned.undated, "orders without a date"),
        (learned.without_products, "orders without a product of the catalog"),
        (learned.unknown_lines, "lines whose product is not in the catalog"),
        (learned.incomplete_lines, "lines without an order or a product"),
    ];
    let left_out: Vec<String> =
        left_out.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !left_out.is_empty() {
        tracing::info!("left out of the orders: {}", left_out.join(", "));
    }
}

fn read_merchandising(config: &Config) -> Result<Merchandising> {
    let mut all = Merchandising::default();
    let Some(path) = &config.merchandising else { return Ok(all) };
    let need = |name| match name {
        "action" | "recommended" => Need::Required,
        _ => Need::Optional,
    };
    let columns = merchandising::COLUMNS.map(|name| Column { name, need: need(name) });
    let progress = Progress::stage("reading pins and blocks", "bytes");
    let names = BTreeMap::new();
    let source = Source { path, section: "merchandising", columns: &columns, names: &names, progress: &progress };
    let outcome = side_file::read(&source, |row, cells| {
        let taken =
            cells.map_err(|why| anyhow!(why)).and_then(|cells| all.take(row, cells, &config.rules, config.run_date));
        taken.map_err(|why| Error::Config(why.context(format!("row {row} of `{}`", path.display()))))
    })?;
    all.digest = Some(outcome.digest);
    Ok(all)
}
