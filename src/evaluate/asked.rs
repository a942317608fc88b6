//! The file that lists are measured against, from its bytes to links between rows. This room refuses to guess what a row meant: what
//! cannot be used is counted, and a file of which nothing can be used is an error.

use std::collections::BTreeMap;

use anyhow::anyhow;

use super::links::{self, LinkFile};
use super::orders::{self, OrderFile};
use super::truth::{Read, Truth};
use super::{Against, Question};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::Prepared;
use crate::progress::Progress;
use crate::side_file::{self, Column, Need, Source};

/// A file that was read, before the catalog is.
pub(super) enum Asked {
    Links(LinkFile),
    Orders(OrderFile),
}

impl Asked {
    /// Reads the file that the question names. Rows that cannot be read are counted as incomplete.
    ///
    /// # Errors
    /// [`Error::Config`] when it cannot be used as a whole, or has no order on or after the day.
    pub(super) fn read(config: &Config, question: &Question) -> Result<Asked> {
        let progress = Progress::stage("reading", "bytes");
        let name = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match &question.against {
            Against::Links { path, kinds } => {
                let mut file = LinkFile::new(name(path), kinds.clone());
                let columns = links::COLUMNS.map(|name| {
                    let need = if name == "kind" { Need::Optional } else { Need::Required };
                    Column { name, need }
                });
                let names = BTreeMap::new();
                let source = Source { path, section: "--links", columns: &columns, names: &names, progress: &progress };
                side_file::read(&source, |_, row| {
                    file.take(row.unwrap_or_default());
                    Ok(())
                })?;
                Ok(Asked::Links(file))
            }
            Against::Orders { path, since } => {
                if !path.exists() {
                    return Err(Error::Config(anyhow!("orders `{}` does not exist: check `--orders`", path.display())));
                }
                let after = config.run_date.succ_opt().unwrap_or(config.run_date);
                let since = since.unwrap_or(after);
                let mut file = OrderFile::new(name(path), since);
                let columns = orders::COLUMNS.map(|name| Column { name, need: Need::Required });
                let names = config.orders.as_ref().map(|settings| settings.columns.clone()).unwrap_or_default();
                let source = Source { path, section: "orders", columns: &columns, names: &names, progress: &progress };
                side_file::read(&source, |_, row| {
                    file.take(row.unwrap_or_default());
                    Ok(())
                })?;
                let mut file = file.finish()?;
                if config.orders.is_some() && since < after {
                    tracing::warn!(
                        "complements are learned from orders up to {}, and orders from {since} on are measured: \
                         `--run-date` before {since} keeps them apart",
                        config.run_date
                    );
                    file.read.overlap = true;
                }
                Ok(Asked::Orders(file))
            }
        }
    }

    /// The links between the rows of tonight's plan.
    ///
    /// # Errors
    /// [`Error::Config`] when there is none.
    pub(super) fn resolve(self, prepared: &Prepared) -> Result<(Truth, Read)> {
        let plan = &prepared.plan;
        let ids = plan.products.iter().map(|&product| prepared.catalog.products[product].id.as_str());
        let (links, mut read) = match self {
            Asked::Links(file) => file.resolve(ids),
            Asked::Orders(file) => file.resolve(ids, &plan.lists.group),
        };
        if links.is_empty() {
            return Err(Error::Config(anyhow!(nothing_linked(&read))));
        }
        let (truth, links) = Truth::new(plan.products.len(), links);
        read.links = links;
        Ok((truth, read))
    }
}

/// Why a file links nothing.
fn nothing_linked(read: &Read) -> String {
    let Read { file, rows, unknown, .. } = read;
    let example = read.unknown_example.as_ref().map_or_else(String::new, |id| format!(", for example `{id}`"));
    let kind = read.unknown_kind_example.as_ref().map_or_else(String::new, |kind| {
        format!(
            "; {} of an unknown kind, for example `{kind}` (`--kind {kind}=cross_sell` says what it is)",
            read.unknown_kind
        )
    });
    let pair = if read.of == "orders" { "has two products of one order" } else { "links two products" };
    format!(
        "nothing in `{file}` {pair} of the catalog: {rows} rows, {unknown} name a product that is not in it{example}{kind}"
    )
}
