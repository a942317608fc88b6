//! The nightly job, top-down: one step per arrow of the picture in `ARCHITECTURE.md`. This room refuses the details of any stage.

pub mod memory;
mod rejects;
pub mod side;
pub mod sight;
mod stage;
mod tables;
pub mod warnings;

use std::path::PathBuf;

use crate::catalog::{self, Catalog, Source};
use crate::config::{Config, Embedding};
use crate::duplicates::Duplicates;
use crate::embedding::{Builtin, Column, Embedded, Embedder, Encoder, Images, Onnx, Vectors};
use crate::error::{Error, Result};
use crate::output::manifest::Inputs;
use crate::output::{Manifest, OutputFolder, reject_order};
use crate::plan::{Plan, Sight};
use crate::progress::Progress;
use crate::recommend::Recommender;
use crate::reject::Reject;
use crate::similarity::choose::choose;
use crate::similarity::cpu::Cpu;
use crate::similarity::{Found, Gallery};
use side::Side;
use stage::Stages;

/// To be raised when the same inputs would give other tables.
const OUTPUT_VERSION: u32 = 4;

/// How a night ended.
#[derive(Debug)]
pub struct Outcome {
    /// The manifest of the run.
    pub manifest: PathBuf,
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
    on_threads(config, || publish_night(config))
}

fn publish_night(config: &Config) -> Result<Outcome> {
    let mut stages = Stages::new();
    let out = OutputFolder::open(&config.out)?;
    say_recovered(&out);
    // Before the long work: a GPU that is demanded and not there fails at once.
    let engine = choose(&config.device, &config.gpu)?;
    let embedder = embedder(config)?;
    let mut catalog = stages.time("reading", || read(config))?;
    let side = Side::read(config, &catalog)?;
    memory::check(config, config.duplicates, &catalog, &side, embedder.as_ref())?;
    let mut warnings = warn(warnings::of(config, &catalog));
    let tried = sight::expected(config, &catalog).iter().filter(|sight| **sight == Sight::Seen).count();
    let (mut embedded, run_id) = stages.time("embedding", || -> Result<_> {
        let embedded = embed(&mut catalog, embedder.as_ref())?;
        let run_id = run_id(config, &catalog, &side, embedder.as_ref(), &embedded);
        Ok((embedded, run_id))
    })?;
    if let Some(learned) = &side.learned {
        let path = out.keep_complements(config.run_date, &learned.to_toml())?;
        tracing::info!("what was learned lies in `{}`", path.display());
    }
    let rejects = rejects(&catalog, &embedded);
    let many_rejects = rejects::too_many(config, &catalog, tried, &rejects);
    if out.already_published(&run_id, config.run_date) {
        tracing::info!("the same night of {} is already published as run {run_id}: nothing to do", config.run_date);
        let manifest = out.manifest_path(&run_id);
        let recommendations = Manifest::read(&manifest)?.counts.recommendations;
        return Ok(Outcome { manifest, many_rejects, recommendations });
    }
    let vectors = std::mem::take(&mut embedded.vectors);
    let (mut plan, gallery, idle) = stages.time("planning", || plan(config, &catalog, &side, vectors));
    if let Some(wanted) = config.duplicates {
        plan.list_duplicates(wanted.min_similarity, wanted.limit);
    }
    let mut manifest = Manifest::new(&run_id, config.run_date);
    warnings.extend(warn(warnings::of_plan(config, &plan)));
    warnings.extend(warn(idle));
    manifest.warnings = warnings;
    let mut found =
        stages.time("scoring", || gallery.top_k(&engine, &plan.lists, &Progress::stage("scoring", "pairs")))?;
    drop(engine);
    let alike = config.duplicates.and_then(|_| found.lists.pop());
    let duplicates = alike.as_ref().map(|alike| Duplicates::new(&plan, &gallery, alike));
    manifest.embedder.dimension = gallery.matrix().dimension();
    manifest.counts.vectors = gallery.rows() as u64;
    manifest.counts.views = gallery.matrix().rows() as u64;
    let staging = out.stage(&run_id, config.run_date)?;
    stages.time("writing", || {
        let placements = config.placements.as_deref();
        let recommender = Recommender::new(&catalog, &config.rules, placements, (&plan, &gallery), &found.lists);
        tables::write(config, &staging, &recommender, duplicates.as_ref(), &rejects, &mut manifest)
    })?;
    describe(config, &catalog, embedder.as_ref(), &embedded, &rejects, &mut manifest);
    manifest.device.clone_from(&found.report.device);
    manifest.similarity = found.report;
    manifest.timings = stages.finish();
    let recommendations = manifest.counts.recommendations;
    let path = staging.publish(&manifest)?;
    Ok(Outcome { manifest: path, many_rejects, recommendations })
}

/// Reads the catalog.
///
/// # Errors
/// See [`catalog::read`].
pub fn read(config: &Config) -> Result<Catalog> {
    let vectors = match &config.embedding {
        Embedding::Builtin { .. } | Embedding::Onnx { .. } => None,
        Embedding::Column { column } => Some(column.as_str()),
    };
    let catalog = catalog::read(&Source {
        path: &config.catalog,
        format: config.format,
        columns: &config.columns,
        currency: config.currency,
        decimal: config.decimal,
        further_images: &config.further_images,
        run_date: config.run_date,
        attributes: &config.attributes(),
        vectors,
        progress: &Progress::stage("reading", "bytes"),
    })?;
    let path = config.catalog.display();
    let further: usize = catalog.products.iter().map(|product| product.further_images.len()).sum();
    let images = if further > 0 { format!(", {further} further images") } else { String::new() };
    tracing::info!("read {} rows of `{path}`: {} products{images}", catalog.rows, catalog.products.len());
    Ok(catalog)
}

/// A night up to its plan, for commands that look at lists and publish nothing.
#[derive(Debug)]
pub struct Prepared {
    /// The products.
    pub catalog: Catalog,
    /// The side files.
    pub side: Side,
    /// The plan, with pins and blocks.
    pub plan: Plan,
    /// The vectors, in the order of the plan's first rows.
    pub gallery: Gallery,
}

impl Prepared {
    /// Reads the catalog and the side files, embeds (out of the cache, as far as it goes) and plans.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn read(config: &Config) -> Result<Prepared> {
        let embedder = embedder(config)?;
        let mut catalog = read(config)?;
        let side = Side::read(config, &catalog)?;
        memory::check(config, None, &catalog, &side, embedder.as_ref())?;
        warn(warnings::of(config, &catalog));
        let embedded = embed(&mut catalog, embedder.as_ref())?;
        let (plan, gallery, idle) = plan(config, &catalog, &side, embedded.vectors);
        warn(warnings::of_plan(config, &plan));
        warn(idle);
        Ok(Prepared { catalog, side, plan, gallery })
    }

    /// Fills the plan's lists on the CPU, which gives what every device gives.
    ///
    /// # Errors
    /// See [`Gallery::top_k`].
    pub fn score(&self) -> Result<Found> {
        self.gallery.top_k(&Cpu::default(), &self.plan.lists, &Progress::stage("scoring", "pairs"))
    }

    /// Brings the plan and what [`Prepared::score`] found together.
    #[must_use]
    pub fn recommender<'a>(&'a self, config: &'a Config, found: &'a Found) -> Recommender<'a> {
        let placements = config.placements.as_deref();
        Recommender::new(&self.catalog, &config.rules, placements, (&self.plan, &self.gallery), &found.lists)
    }
}

/// Runs work on as many threads as the configuration says.
///
/// # Errors
/// What the work fails with.
pub fn on_threads<T: Send>(config: &Config, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.threads).build();
    pool.map_err(|cause| Error::Failed(cause.into()))?.install(work)
}

/// The plan of a night with its pins and blocks, its vectors in the plan's order, and which pins and blocks are idle.
#[must_use]
pub fn plan(config: &Config, catalog: &Catalog, side: &Side, vectors: Vectors) -> (Plan, Gallery, Vec<String>) {
    let sight = sight::found(config, catalog, &vectors);
    let mut plan = Plan::new(catalog, &sight, &config.rules, &side.complements);
    let idle = plan.merchandise(catalog, &side.merchandising);
    let gallery = Gallery::arrange(vectors, plan.seen_products());
    (plan, gallery, idle)
}

/// The embedder that the configuration asks for.
///
/// # Errors
/// [`Error::Config`] when the shop's own model cannot be used.
pub fn embedder(config: &Config) -> Result<Box<dyn Embedder>> {
    let embedder: Box<dyn Embedder> = match &config.embedding {
        Embedding::Builtin { quality, .. } => Box::new(images(config, Builtin::new(*quality))),
        Embedding::Onnx { settings, .. } => Box::new(images(config, Onnx::open(settings, config.threads)?)),
        Embedding::Column { .. } => Box::new(Column),
    };
    for line in embedder.describe() {
        tracing::info!("{line}");
    }
    Ok(embedder)
}

/// Images seen by an encoder, with the cache of the output folder.
fn images<E: Encoder>(config: &Config, encoder: E) -> Images<E> {
    Images::new(encoder, &config.images, Some(config.out.join("cache/embeddings")))
        .views(config.embedding.views())
        .rehash(config.rehash)
        .retry_rejects(config.retry_rejects)
}

fn embed(catalog: &mut Catalog, embedder: &dyn Embedder) -> Result<Embedded> {
    let embedded = embedder.embed(catalog, &Progress::stage("embedding", "images or vectors"))?;
    let (count, computed) = (embedded.vectors.count(), embedded.computed);
    tracing::info!("{count} products have a vector, {computed} were computed now");
    Ok(embedded)
}

/// All rejects of the night in the order of their table.
fn rejects(catalog: &Catalog, embedded: &Embedded) -> Vec<Reject> {
    let mut all: Vec<Reject> = catalog.rejects.iter().chain(&embedded.rejects).cloned().collect();
    all.sort_by(reject_order);
    all
}

/// BLAKE3 over everything that decides the tables.
fn run_id(config: &Config, catalog: &Catalog, side: &Side, embedder: &dyn Embedder, embedded: &Embedded) -> String {
    let mut hash = blake3::Hasher::new();
    let parts = [
        OUTPUT_VERSION.to_string(),
        config.run_date.to_string(),
        hex(catalog.digest),
        config.decisive().to_string(),
        embedder.fingerprint(),
        hex(embedded.inputs),
        // The network computes in f32: another kind of CPU may give other bits from the same pictures.
        hex(embedded.inputs.map(|_| embedded.vectors.digest())),
    ];
    for part in parts.into_iter().chain(side.digests().map(hex)) {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hash.finalize().to_hex()[..32].to_owned()
}

/// The hash as text; nothing where there is none.
fn hex(hash: Option<blake3::Hash>) -> String {
    hash.map_or_else(String::new, |hash| hash.to_string())
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
        catalog_blake3: hex(catalog.digest),
        rows: catalog.rows,
        products: catalog.products.len() as u64,
        images_blake3: hex(embedded.inputs),
    };
    manifest.embedder.fingerprint = embedder.fingerprint();
    manifest.embedder.computed_by = embedder.computed_by();
    manifest.configuration = config.decisive();
    manifest.rules = manifest.configuration["rules"].clone();
    manifest.threads = config.threads;
    manifest.counts.products = catalog.products.len() as u64;
    manifest.counts.embedded_now = embedded.computed as u64;
    for reject in rejects {
        *manifest.counts.rejects.entry(reject.code.to_owned()).or_default() += 1;
    }
}

/// Says warnings, and gives them back for the manifest.
fn warn(warnings: Vec<String>) -> Vec<String> {
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    warnings
}

fn say_recovered(out: &OutputFolder) {
    let recovery = out.recovery();
    if let Some((run, date)) = &recovery.completed {
        tracing::warn!("completed the publication of run {run} of {date}, which had been cut off");
    }
    if recovery.rebuilt {
        tracing::warn!("rebuilt current.json, which was missing or damaged, from the manifests and partitions");
    }
    for date in &recovery.unnamed {
        tracing::warn!("the tables of {date} are of no run that has a manifest: run that date again");
    }
    for run in &recovery.discarded {
        tracing::warn!("discarded what run {run} had staged before it was cut off");
    }
}
