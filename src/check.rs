//! `twinset check`: what a run would read, reject, score and need. This room refuses to open an image, to score and to write.

use std::fmt::Write as _;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::embedding::{Embedder, open_image_root};
use crate::error::Result;
use crate::job::side::Side;
use crate::job::{self, memory, sight, warnings};
use crate::output::OutputFolder;
use crate::plan::{Plan, Service, Sight};
use crate::similarity::remaining::Remaining;
use crate::similarity::tiles::Tiles;
use crate::similarity::{cpu, gallery};

/// Reads the catalog, plans the rules and says what a run would come to, as text for a person.
///
/// Images are taken to be readable where the catalog names a file: whether they are is found out by the run.
///
/// # Errors
/// See [`job::read`].
pub fn check(config: &Config) -> Result<String> {
    let embedder = job::embedder(config)?;
    let catalog = job::read(config)?;
    let sight = sight::expected(config, &catalog);
    if config.embedding.by_image() {
        open_image_root(&config.images)?;
    }
    OutputFolder::require_folder(&config.out)?;
    let side = Side::read(config, &catalog)?;
    let mut plan = Plan::new(&catalog, &sight, &config.rules, &side.complements);
    let idle = plan.merchandise(&catalog, &side.merchandising);
    if let Some(wanted) = config.duplicates {
        plan.list_duplicates(wanted.min_similarity, wanted.limit);
    }
    let mut text = String::new();
    // Writing into a string cannot fail.
    let warnings = [warnings::of(config, &catalog), warnings::of_plan(config, &plan), idle].concat();
    let _ = describe(&mut text, config, (&catalog, embedder.as_ref()), &sight, &plan, &warnings);
    Ok(text)
}

fn describe(
    text: &mut String,
    config: &Config,
    (catalog, embedder): (&Catalog, &dyn Embedder),
    sight: &[Sight],
    plan: &Plan,
    warnings: &[String],
) -> Result<(), std::fmt::Error> {
    let path = config.catalog.display();
    let urls = sight.iter().filter(|s| **s == Sight::Url).count();
    writeln!(text, "catalog   {path}: {} rows, {} products", catalog.rows, catalog.products.len())?;
    writeln!(text, "rejects   {} in the catalog; images and vectors are looked at by the run", catalog.rejects.len())?;
    for reject in catalog.rejects.iter().take(5) {
        writeln!(text, "          row {}: {}: {}", reject.row, reject.code, reject.detail)?;
    }
    for line in embedder.describe() {
        writeln!(text, "model     {line}")?;
    }
    let starts = sight::starts(config, catalog, plan);
    let vectors = starts.last().map_or(plan.seen, |&vectors| vectors as usize);
    writeln!(text, "vectors   {vectors} expected; {urls} images are URLs, which are not fetched")?;
    writeln!(text, "blocks    {} of one currency and category, in {} rows", plan.blocks, plan.products.len())?;
    for (rule, service) in config.rules.iter().zip(&plan.service) {
        let eligible =
            service.iter().filter_map(|s| if let Service::Eligible(n) = s { Some(u64::from(*n)) } else { None });
        let lists = eligible.clone().count();
        let short = eligible.clone().filter(|&n| n < u64::from(rule.limit)).count();
        let lacking = service.iter().filter(|s| matches!(s, Service::Lacks(_))).count();
        writeln!(
            text,
            "rule      {}: {lists} lists of up to {}, {} eligible entries, {short} lists that cannot be full, \
             {lacking} products that lack what it needs",
            rule.name,
            rule.limit,
            eligible.sum::<u64>()
        )?;
    }
    for warning in warnings {
        writeln!(text, "warning   {warning}")?;
    }
    let lists = gallery::expand(&plan.lists, &starts);
    let pairs = Remaining::new(&Tiles::new(&lists, vectors, cpu::TILE)).pairs();
    let all = if config.duplicates.is_some() { "; for `duplicates`, every pair there is" } else { "" };
    writeln!(text, "scoring   {pairs} pairs of vectors, in tiles of {0} × {0}{all}", cpu::TILE)?;
    writeln!(text, "memory    about {} MiB", memory::estimate(config, catalog, plan, embedder).div_ceil(1 << 20))
}
