//! `twinset evaluate`: how well the lists of a night fit links that people made, or orders that came after it. This room refuses to
//! tune a rule, to publish, and to say more than was measured.

mod asked;
mod bootstrap;
mod entries;
mod figures;
mod links;
mod measure;
mod metrics;
mod orders;
mod pairs;
mod quantiles;
mod table;
mod truth;

use std::path::PathBuf;

use anyhow::anyhow;
use chrono::NaiveDate;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::{Prepared, on_threads};
use crate::progress::Progress;
use asked::Asked;
pub use bootstrap::Estimate;
pub use figures::{Accuracy, CategoryPairs, Coverage, Evaluation, MarginGain, RuleFigures};
pub use links::Kinds;
pub use orders::MAX_LINES;
pub use quantiles::Distribution;
pub use truth::Read;

/// What is asked of a night.
#[derive(Clone, Debug)]
pub struct Question {
    /// What its lists are measured against.
    pub against: Against,
    /// Entries of a list that are looked at; at least one.
    pub k: usize,
    /// Names of the rules to measure; all when empty.
    pub rules: Vec<String>,
    /// Resamples behind each interval.
    pub resamples: u32,
}

/// What lists are measured against.
#[derive(Clone, Debug)]
pub enum Against {
    /// A file of links.
    Links {
        /// The file.
        path: PathBuf,
        /// Which relation each kind of links stands for.
        kinds: Kinds,
    },
    /// A file of orders.
    Orders {
        /// The file.
        path: PathBuf,
        /// The first day that counts; the day after the run date when left out.
        since: Option<NaiveDate>,
    },
}

/// Prepares the night, scores it and measures its lists. Nothing is published.
///
/// # Errors
/// [`Error::Config`] when a rule is unknown, when the file cannot be used, and when nothing in it links two products of the catalog;
/// see also [`Prepared::read`].
pub fn evaluate(config: &Config, question: &Question) -> Result<Evaluation> {
    on_threads(config, || evaluate_night(config, question))
}

fn evaluate_night(config: &Config, question: &Question) -> Result<Evaluation> {
    // Before the long work: what cannot be answered fails at once.
    let rules = chosen(config, &question.rules)?;
    let asked = Asked::read(config, question)?;
    let config = &held_out(config, &question.against);
    let prepared = Prepared::read(config)?;
    let (truth, read) = asked.resolve(&prepared)?;
    let found = prepared.score()?;
    let recommender = prepared.recommender(config, &found);
    let progress = Progress::stage("measuring", "products");
    Ok(Evaluation {
        twinset: env!("CARGO_PKG_VERSION"),
        run_date: config.run_date.to_string(),
        products: prepared.catalog.products.len(),
        k: question.k,
        resamples: question.resamples,
        read,
        rules: measure::measure(&recommender, &truth, &rules, question, &progress)?,
    })
}

/// The configuration under which nothing is learned from orders after the run date, where lists are measured against orders: without a
/// look-back all orders are learned from, whatever their date.
fn held_out(config: &Config, against: &Against) -> Config {
    let mut config = config.clone();
    if let (Against::Orders { .. }, Some(settings)) = (against, &mut config.orders) {
        settings.look_back = settings.look_back.or(Some(u32::MAX));
    }
    config
}

/// The places of the asked rules in the configuration, in its order.
fn chosen(config: &Config, names: &[String]) -> Result<Vec<usize>> {
    let known = || config.rules.iter().map(|rule| rule.name.as_str());
    if let Some(unknown) = names.iter().find(|name| known().all(|rule| rule != name.as_str())) {
        let known = known().collect::<Vec<_>>().join("`, `");
        return Err(Error::Config(anyhow!("`--rule {unknown}` names no rule: write one of `{known}`")));
    }
    let is_asked = |place: &usize| names.is_empty() || names.contains(&config.rules[*place].name);
    Ok((0..config.rules.len()).filter(is_asked).collect())
}

#[cfg(test)]
mod tests;
