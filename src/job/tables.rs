//! The lists into the tables, in table order, through the one encoder.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::config::Config;
use crate::duplicates::Duplicates;
use crate::error::Result;
use crate::output::manifest::RuleCounts;
use crate::output::{self, Manifest, Placed, Staging};
use crate::plan::Reason;
use crate::progress::Progress;
use crate::recommend::{Recommender, Served};
use crate::reject::Reject;

/// Anchors whose lists are made at a time: bounds what waits for the encoder.
const ANCHORS: usize = 2048;

/// Anchors whose lists are looked up together: few enough that the processor still has the first when it looks up the last.
const TOGETHER: usize = 64;

/// Writes every table of the night, those of pages, duplicates and vectors if they are wanted, and counts what it writes into the manifest.
pub(super) fn write(
    config: &Config,
    staging: &Staging<'_>,
    recommender: &Recommender<'_>,
    duplicates: Option<&Duplicates<'_>>,
    rejects: &[Reject],
    manifest: &mut Manifest,
) -> Result<()> {
    let dictionaries = recommender.dictionaries()?;
    let mut recommendations = staging.recommendations(&dictionaries)?;
    let mut coverage = staging.coverage(&dictionaries)?;
    let mut placements = recommender.has_pages().then(|| staging.placements(&dictionaries)).transpose()?;
    let mut by_rule: BTreeMap<usize, RuleCounts> = BTreeMap::new();
    let progress = Progress::stage("writing", "products");
    progress.start(recommender.anchors().len() as u64);
    for anchors in recommender.anchors().chunks(ANCHORS) {
        recommendations.while_encoding(|rows| -> Result<()> {
            let served: Vec<(Vec<Vec<Served>>, Vec<Placed>)> = anchors
                .par_chunks(TOGETHER)
                .map(|anchors| {
                    let lists = recommender.serve_together(anchors)?;
                    let pages = anchors.iter().zip(&lists);
                    let placed = pages.flat_map(|(&anchor, lists)| recommender.placed(anchor, lists)).collect();
                    Ok((lists, placed))
                })
                .collect::<anyhow::Result<_>>()?;
            for served in served.iter().flat_map(|(lists, _)| lists).flatten() {
                for row in recommender.recommendations(served) {
                    rows.push(&row)?;
                    manifest.counts.recommendations += 1;
                }
                coverage.push(&recommender.coverage(served))?;
                let counts = by_rule.entry(served.rule).or_default();
                counts.add(served.eligible, served.shortfall.map(Reason::as_str));
            }
            let Some(placements) = &mut placements else { return Ok(()) };
            for placed in served.iter().flat_map(|(_, placed)| placed) {
                placements.push(placed)?;
                manifest.counts.placements += 1;
            }
            Ok(())
        })??;
        progress.advance(anchors.len() as u64);
    }
    for (rule, text) in config.rules.iter().enumerate() {
        let counts = by_rule.remove(&rule).unwrap_or_default();
        let (rule, relation) = (text.name.clone(), text.relation.as_str().to_owned());
        manifest.counts.rules.push(RuleCounts { rule, relation, ..counts });
    }
    manifest.files.extend(recommendations.finish()?);
    manifest.files.extend(coverage.finish()?);
    if let Some(placements) = placements {
        manifest.files.extend(placements.finish()?);
    }
    if let Some(duplicates) = duplicates {
        let counts = &mut manifest.counts;
        let mut table = staging.duplicates(&duplicates.dictionaries(dictionaries)?)?;
        for &row in recommender.anchors() {
            let before = counts.duplicates;
            for duplicate in duplicates.of(row) {
                table.push(&duplicate)?;
                counts.duplicates += 1;
            }
            counts.duplicated_products += u64::from(counts.duplicates > before);
        }
        if counts.duplicated_products > 0 {
            let products = counts.duplicated_products;
            tracing::info!(
                "{products} products show nearly the same picture as another one: see the table `duplicates`"
            );
        }
        manifest.files.extend(table.finish()?);
    }
    let mut table = staging.rejects()?;
    rejects.iter().try_for_each(|reject| table.push(reject))?;
    manifest.files.extend(table.finish()?);
    if config.publish_embeddings {
        let gallery = recommender.gallery;
        let mut table = staging.embeddings()?;
        for &row in recommender.anchors().iter().filter(|&&row| row < gallery.rows()) {
            let product = &recommender.catalog.products[recommender.plan.products[row]];
            for (view, place) in (1..).zip(gallery.views(row)) {
                let values = gallery.matrix().row(place);
                table.push(&output::Embedding { product_id: &product.id, view, values })?;
            }
        }
        manifest.files.extend(table.finish()?);
    }
    Ok(())
}
