//! What a night holds in memory, estimated from catalog and plan. This file refuses to measure: the estimate comes first.

use anyhow::anyhow;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::similarity::RuleLists;
use crate::similarity::lists::NO_LIST;

/// Refuses a night that would need more than `--memory` allows.
///
/// # Errors
/// [`Error::Config`] with both sizes.
pub fn check(config: &Config, catalog: &Catalog, plan: &Plan, dimension: usize) -> Result<()> {
    let needed = estimate(catalog, plan, dimension);
    match config.memory {
        Some(allowed) if needed > allowed => Err(Error::Config(anyhow!(
            "the night needs about {} MiB and `--memory` allows {}: allow more, or serve fewer products or shorter lists",
            needed >> 20,
            allowed >> 20
        ))),
        _ => Ok(()),
    }
}

/// Bytes that a night holds at its peak: vectors of `dimension` components twice (by product and by row), plan, lists (while
/// they fill and when they are finished) and products.
#[must_use]
pub fn estimate(catalog: &Catalog, plan: &Plan, dimension: usize) -> u64 {
    let lists_of = |rule: &RuleLists| rule.scope.iter().filter(|&&scope| scope != NO_LIST).count();
    let held = |rule: &RuleLists| lists_of(rule) * (rule.k * (24 + 8) + 2 * 24);
    let lists: usize = plan.lists.rules.iter().filter(|rule| rule.visual).map(held).sum();
    let text = |t: &Option<String>| t.as_ref().map_or(0, String::len);
    let products: usize = catalog.products.iter().map(|p| 300 + p.id.len() + text(&p.title) + text(&p.image)).sum();
    (plan.seen * dimension * 4 * 2 + plan.bytes() + lists + products) as u64
}
