//! The nightly job, top-down: one step per arrow of the picture in `ARCHITECTURE.md`. This room refuses the details of any stage.

pub mod memory;
mod stage;
pub mod warnings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::catalog::{self, Catalog, Source};
use crate::config::{Config, Embedding};
use crate::embedding::{Builtin, Column, Embedded, Embedder};
use crate::error::{Error, Result};
use crate::output::manifest::{EmbedderNote, Inputs, RuleCounts};
use crate::output::{self, Manifest, OutputFolder, Staging, reject_order};
use crate::photos;
use crate::plan::{Plan, Sight};
use crate::progress::Progress;
use crate::recommend::{Recommender, Served};
use crate::reject::{Reject, Stage};
use crate::similarity::{Matrix, Similarity, TopK, cpu::Cpu};
use stage::Stages;

/// Anchors whose lists are made at a time: bounds what waits for the one Parquet encoder.
const ANCHORS: usize = 8192;

/// To be raised when the same inputs would give other tables.
const OUTPUT_VERSION: u32 = 1;

/// How a night ended.
#[derive(Debug)]
pub struct Outcome {
    /// The manifest of the run.
    pub manifest: PathBuf,
    /// Whether the same night was already published.
    pub unchanged: bool,
    /// Whether more rows or images were rejected than the tolerance allows.
    pub many_rejects: bool,
    /// Rows of the `recommendations` table.
    pub recommendations: u64,
}

/// Runs the job and publishes the night.
///
/// # Errors
/// See [`Error`]: nothing is published then, and the tables show the previous night.
pub fn run(config: &Config) -> Result<Outcome> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.threads).build();
    pool.map_err(|cause| Error::Failed(cause.into()))?.install(|| publish_night(config))
}

fn publish_night(config: &Config) -> Result<Outcome> {
    let mut stages = Stages::new();
    let out = OutputFolder::open(&config.out)?;
    say_recovered(&out);
    let mut catalog = stages.time("reading", || read(config))?;
    let embedder = embedder(config);
    let embedded = stages.time("embedding", || embed(&catalog, embedder.as_ref()))?;
    // The column has served: the unit vectors are made.
    catalog.vectors = None;
    let rejects = rejects(&catalog, &embedded);
    let run_id = run_id(config, &catalog, embedder.as_ref(), &embedded);
    if out.already_published(&run_id, config.run_date) {
        return unchanged(config, &out, &run_id, &catalog, &rejects);
    }
    let sight = sight(&catalog, &embedded);
    let plan = stages.time("planning", || Plan::new(&catalog, &sight, &config.rules, &config.complements));
    memory::check(config, &catalog, &plan, embedded.vectors.dimension())?;
    let mut warnings = warnings::of(config, &catalog);
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let engine = Cpu;
    let found = stages.time("scoring", || score(&engine, &plan, &embedded))?;
    let staging = out.stage(&run_id, config.run_date)?;
    let mut manifest = Manifest::new(&run_id, config.run_date);
    stages.time("writing", || {
        let recommender = Recommender::new(&catalog, &config.rules, &plan, &found);
        write(config, &staging, &recommender, &embedded, &rejects, &mut manifest)
    })?;
    describe(config, &catalog, embedder.as_ref(), &embedded, &rejects, &mut manifest);
    manifest.device = engine.name();
    manifest.warnings.append(&mut warnings);
    manifest.timings = stages.finish();
    let recommendations = manifest.counts.recommendations;
    let path = staging.publish(&manifest)?;
    let many_rejects = too_many(config, &catalog, &rejects);
    Ok(Outcome { manifest: path, unchanged: false, many_rejects, recommendations })
}

/// Reads the catalog.
///
/// # Errors
/// See [`catalog::read`].
pub fn read(config: &Config) -> Result<Catalog> {
    let vectors = match &config.embedding {
        Embedding::Builtin => None,
        Embedding::Column { column } => Some(column.as_str()),
    };
    let catalog = catalog::read(&Source {
        path: &config.catalog,
        format: config.format,
        columns: &config.columns,
        currency: config.currency,
        decimal: config.decimal,
        attributes: &config.attributes(),
        vectors,
        progress: &Progress::stage("reading", "bytes"),
    })?;
    let path = config.catalog.display();
    tracing::info!("read {} rows of `{path}`: {} products", catalog.rows, catalog.products.len());
    Ok(catalog)
}

/// The embedder that the configuration asks for.
#[must_use]
pub fn embedder(config: &Config) -> Box<dyn Embedder> {
    match &config.embedding {
        Embedding::Builtin => Box::new(Builtin::new(&config.images, Some(config.out.join("cache/embeddings")))),
        Embedding::Column { .. } => Box::new(Column),
    }
}

fn embed(catalog: &Catalog, embedder: &dyn Embedder) -> Result<Embedded> {
    let embedded = embedder.embed(catalog, &Progress::stage("embedding", "products"))?;
    let (count, computed) = (embedded.vectors.count(), embedded.computed);
    tracing::info!("{count} products have a vector, {computed} were computed now");
    Ok(embedded)
}

/// What each product can be seen by.
fn sight(catalog: &Catalog, embedded: &Embedded) -> Vec<Sight> {
    let see = |(product, item): (usize, &catalog::Product)| match &item.image {
        _ if embedded.vectors.get(product).is_some() => Sight::Seen,
        Some(image) if photos::is_url(image) => Sight::Url,
        _ => Sight::Unseen,
    };
    catalog.products.iter().enumerate().map(see).collect()
}

fn score(engine: &dyn Similarity, plan: &Plan, embedded: &Embedded) -> Result<Vec<TopK>> {
    let matrix = Matrix::gather(&embedded.vectors, plan.seen_products());
    engine.top_k(&matrix, &plan.lists, &Progress::stage("scoring", "pairs"))
}

/// All rejects of the night in the order of their table.
fn rejects(catalog: &Catalog, embedded: &Embedded) -> Vec<Reject> {
    let mut all: Vec<Reject> = catalog.rejects.iter().chain(&embedded.rejects).cloned().collect();
    all.sort_by(reject_order);
    all
}

/// BLAKE3 over everything that decides the tables.
fn run_id(config: &Config, catalog: &Catalog, embedder: &dyn Embedder, embedded: &Embedded) -> String {
    let mut hash = blake3::Hasher::new();
    let parts = [
        OUTPUT_VERSION.to_string(),
        config.run_date.to_string(),
        catalog.digest.map_or_else(String::new, |digest| digest.to_string()),
        config.decisive().to_string(),
        embedder.fingerprint(),
        embedded.inputs.to_string(),
    ];
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hash.finalize().to_hex()[..32].to_owned()
}

fn write(
    config: &Config,
    staging: &Staging<'_>,
    recommender: &Recommender<'_>,
    embedded: &Embedded,
    rejects: &[Reject],
    manifest: &mut Manifest,
) -> Result<()> {
    let mut recommendations = staging.recommendations()?;
    let mut coverage = staging.coverage()?;
    let mut by_rule: BTreeMap<usize, RuleCounts> = BTreeMap::new();
    let progress = Progress::stage("writing", "products");
    progress.start(recommender.anchors().len() as u64);
    for anchors in recommender.anchors().chunks(ANCHORS) {
        let lists: Vec<Vec<Served>> = anchors.par_iter().map(|&anchor| recommender.serve(anchor)).collect();
        for served in lists.iter().flatten() {
            for row in recommender.recommendations(served) {
                recommendations.push(&row)?;
                manifest.counts.recommendations += 1;
            }
            let row = recommender.coverage(served);
            coverage.push(&row)?;
            by_rule.entry(served.rule).or_default().add(&row);
        }
        progress.advance(anchors.len() as u64);
    }
    for (rule, text) in config.rules.iter().enumerate() {
        let counts = by_rule.remove(&rule).unwrap_or_default();
        let (rule, relation) = (text.name.clone(), text.relation.as_str().to_owned());
        manifest.counts.rules.push(RuleCounts { rule, relation, ..counts });
    }
    manifest.files.extend(recommendations.finish()?);
    manifest.files.extend(coverage.finish()?);
    let mut table = staging.rejects()?;
    rejects.iter().try_for_each(|reject| table.push(reject))?;
    manifest.files.extend(table.finish()?);
    if config.publish_embeddings {
        let mut table = staging.embeddings()?;
        for &row in recommender.anchors() {
            let product = recommender.plan.products[row];
            if let Some(values) = embedded.vectors.get(product) {
                table.push(&output::Embedding { product_id: &recommender.catalog.products[product].id, values })?;
            }
        }
        manifest.files.extend(table.finish()?);
    }
    Ok(())
}

/// What the manifest says of the inputs and counts.
fn describe(
    config: &Config,
    catalog: &Catalog,
    embedder: &dyn Embedder,
    embedded: &Embedded,
    rejects: &[Reject],
    manifest: &mut Manifest,
) {
    manifest.inputs = Inputs {
        catalog: config.catalog.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        catalog_blake3: catalog.digest.map_or_else(String::new, |digest| digest.to_string()),
        rows: catalog.rows,
        products: catalog.products.len() as u64,
        images_blake3: embedded.inputs.to_string(),
    };
    manifest.embedder = EmbedderNote { fingerprint: embedder.fingerprint(), dimension: embedded.vectors.dimension() };
    manifest.configuration = config.decisive();
    manifest.rules = manifest.configuration["rules"].clone();
    manifest.threads = config.threads;
    manifest.counts.products = catalog.products.len() as u64;
    manifest.counts.vectors = embedded.vectors.count() as u64;
    manifest.counts.embedded_now = embedded.computed as u64;
    for reject in rejects {
        *manifest.counts.rejects.entry(reject.code.to_owned()).or_default() += 1;
    }
}

fn too_many(config: &Config, catalog: &Catalog, rejects: &[Reject]) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a share that is compared with a tolerance")]
    let above = |count: usize, of: u64| count as f64 > config.reject_tolerance * of as f64;
    let rows = rejects.iter().filter(|r| r.stage == Stage::Catalog).count();
    let images = rejects.iter().filter(|r| r.stage != Stage::Catalog).count();
    let many = above(rows, catalog.rows) || above(images, catalog.products.len() as u64);
    if many {
        tracing::warn!(
            "{rows} of {} rows and {images} images or vectors were rejected, above the tolerance: see the table `rejects`",
            catalog.rows
        );
    }
    many
}

fn unchanged(
    config: &Config,
    out: &OutputFolder,
    run_id: &str,
    catalog: &Catalog,
    rejects: &[Reject],
) -> Result<Outcome> {
    let manifest = out.manifest_path(run_id);
    tracing::info!("the same night of {} is already published as run {run_id}: nothing to do", config.run_date);
    let recommendations = Manifest::read(&manifest)?.counts.recommendations;
    Ok(Outcome { manifest, unchanged: true, many_rejects: too_many(config, catalog, rejects), recommendations })
}

fn say_recovered(out: &OutputFolder) {
    let recovery = out.recovery();
    if let Some((run, date)) = &recovery.completed {
        tracing::warn!("completed the publication of run {run} of {date}, which had been cut off");
    }
    for run in &recovery.discarded {
        tracing::warn!("discarded what run {run} had staged before it was cut off");
    }
}
