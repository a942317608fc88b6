//! What a night holds in memory, estimated from catalog and plan. This file refuses to measure: the estimate comes first.

use std::borrow::Cow;

use anyhow::anyhow;

use crate::catalog::{Catalog, Product};
use crate::config::{Config, Duplicates};
use crate::device::Choice;
use crate::embedding::{Embedder, Views};
use crate::error::{Error, Result};
use crate::job::side::Side;
use crate::job::sight;
use crate::plan::Plan;
use crate::similarity::cpu::TILE;
use crate::similarity::gpu::kernels;
use crate::similarity::lists::NO_LIST;
use crate::similarity::{Lists, RuleLists, gallery};

/// Refuses a night that would need more than `--memory` allows, before anything is embedded. Not every night looks for duplicates.
///
/// # Errors
/// [`Error::Config`] with both sizes.
pub fn check(
    config: &Config,
    duplicates: Option<Duplicates>,
    catalog: &Catalog,
    side: &Side,
    embedder: &dyn Embedder,
) -> Result<()> {
    let Some(allowed) = config.memory else { return Ok(()) };
    let mut plan = Plan::new(catalog, &sight::expected(config, catalog), &config.rules, &side.complements);
    if let Some(wanted) = duplicates {
        plan.list_duplicates(wanted.min_similarity, wanted.limit);
    }
    let needed = estimate(config, catalog, &plan, embedder);
    if needed <= allowed {
        return Ok(());
    }
    Err(Error::Config(anyhow!(
        "the night needs about {} MiB and `--memory` allows {}: allow more, or serve fewer products or shorter lists",
        needed.div_ceil(1 << 20),
        allowed >> 20
    )))
}

/// Bytes that the program holds beside what grows with the catalog.
const PROGRAM: usize = 16 << 20;
/// Bytes that each thread needs to decode an image of some megapixels and to run the built-in network.
const PER_THREAD: usize = 32 << 20;

/// What an engine holds beside the matrix and the lists, in percent of it: the vectors in int8 are a quarter, the rest is working data.
const ENGINE_PERCENT: usize = 50;

/// Rows that a device is sent at a time, at most, and bytes that are staged for it.
const DEVICE_ROWS: usize = 256 * kernels::TILE;
const DEVICE_STAGED: usize = 64 << 20;

/// Bytes that a night holds at its peak, while it scores: the vectors once (they are read, made unit and put in order in one
/// place), what the engine adds to them, plan, lists (while they fill and when they are finished), pairs of tiles that remain,
/// products, and what each thread works with; with a device also what it is sent, but not what it holds, though an integrated
/// one shares the memory.
#[must_use]
pub fn estimate(config: &Config, catalog: &Catalog, plan: &Plan, embedder: &dyn Embedder) -> u64 {
    let (dimension, working) = match &catalog.vectors {
        Some(column) => (column.values.len() / column.spans.iter().flatten().count().max(1), 0),
        None => (embedder.dimension().unwrap_or_default(), config.threads * PER_THREAD + embedder.memory()),
    };
    let starts = sight::starts(config, catalog, plan);
    let views = starts.last().map_or(plan.seen, |&views| views as usize);
    let lists_of = |rule: &RuleLists| rule.scope.iter().filter(|&&scope| scope != NO_LIST).count();
    let held = |rule: &RuleLists| lists_of(rule) * (rule.k * (12 + 8) + (2 * rule.k).min(64) * 8 + 2 * 24 + 4);
    let lists_of_all = |lists: &Lists| lists.rules.iter().filter(|rule| rule.visual).map(held).sum::<usize>();
    // Where products have several vectors, lists of each of them fill beside those of the products.
    let lists = match gallery::expand(&plan.lists, &starts) {
        Cow::Borrowed(lists) => lists_of_all(lists),
        Cow::Owned(expanded) => lists_of_all(&plan.lists) + lists_of_all(&expanded) + expanded.bytes(),
    };
    let text = |t: &Option<String>| t.as_ref().map_or(0, String::len);
    let further = |p: &Product| p.further_images.iter().map(|image| 24 + image.len()).sum::<usize>();
    let of_product = |p: &Product| 300 + p.id.len() + text(&p.title) + text(&p.image) + further(p);
    let products: usize = catalog.products.iter().map(of_product).sum();
    let remaining = views.div_ceil(TILE).pow(2) / 8;
    let device = match config.device {
        Choice::Cpu => 0,
        _ => views.min(DEVICE_ROWS) * dimension * 4 + DEVICE_STAGED,
    };
    // Means are made beside the vectors that they are of.
    let held = |product: usize| match sight::files(config, &catalog.products[product]) {
        files @ 2.. => files + 1,
        _ => 1,
    };
    let embedded = if config.embedding.views() == Views::Mean { plan.seen_products().map(held).sum() } else { views };
    let matrix = views * dimension * 4;
    let scoring = matrix * ENGINE_PERCENT / 100;
    (embedded * dimension * 4 + scoring + plan.bytes() + lists + remaining + products + working + device + PROGRAM)
        as u64
}
