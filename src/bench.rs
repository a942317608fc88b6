//! `twinset bench`: how fast the engines of this machine are, on a made-up shop. This room refuses to claim: it measures wall
//! clock here and now, and says where it extrapolates.

mod host;
pub mod shop;
mod table;

use std::time::{Instant, SystemTime};

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::device::adapters::enumerate;
use crate::device::{Adapter, Choice, Fault};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::similarity::choose::allowed;
use crate::similarity::cpu::{self, Cpu};
use crate::similarity::gpu::kernels::Arithmetic;
use crate::similarity::gpu::measure::{self, MOST_ROWS};
use crate::similarity::gpu::{Gpu, Options};
use crate::similarity::{Report, Similarity};
use host::Host;
use shop::{K, shop};

/// A run that should take longer than this is extrapolated from a smaller one.
const LONGEST_SECONDS: f64 = 60.0;

/// How long that smaller one should take.
const SAMPLE_SECONDS: f64 = 15.0;

/// Products of the run that shows how fast the CPU is.
const FIRST_SAMPLE: usize = 4096;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The day, in UTC: YYYY-MM-DD.
    pub date: String,
    /// The version of twinset.
    pub twinset: &'static str,
    /// The machine.
    pub host: Host,
    /// Products of the made-up shop.
    pub products: usize,
    /// Components of a vector.
    pub dimension: usize,
    /// Entries of a list.
    pub k: usize,
    /// The CPU engine, then the devices.
    pub engines: Vec<Engine>,
    /// Devices that were to be measured and could not be, each with the reason.
    pub refused: Vec<String>,
}

/// The figures of one engine.
#[derive(Clone, Debug, Serialize)]
pub struct Engine {
    /// `cpu`, or the device as `twinset devices` shows it.
    pub engine: String,
    /// The device's driver.
    pub driver: Option<String>,
    /// Its tile kernels; for the CPU, on one core.
    pub kernels: Vec<TileKernel>,
    /// A whole run.
    pub top_k: TopK,
}

/// The figures of one tile kernel.
#[derive(Clone, Debug, Serialize)]
pub struct TileKernel {
    /// `f32` or `int8`.
    pub arithmetic: &'static str,
    /// Pairs of rows a second, each multiplied once and tested for both directions.
    pub pairs_per_second: f64,
    /// The same as multiply-adds of one component each.
    pub multiply_adds_per_second: f64,
    /// What the engine reaches in registers, measured; `None` for a kernel without an instruction of its own.
    pub peak_multiply_adds_per_second: Option<f64>,
    /// The part of the peak that the kernel reaches.
    pub share_of_peak: Option<f64>,
    /// The time of a square of tiles with each pair once and both directions, over that with each pair twice; of devices.
    pub symmetric_to_rectangular: Option<f64>,
}

/// The figures of a whole run: every list complete and exact.
#[derive(Clone, Debug, Serialize)]
pub struct TopK {
    /// Wall-clock seconds for all products.
    pub seconds: f64,
    /// Whether `seconds` is extrapolated, by the number of pairs, from a run over fewer products.
    pub estimated: bool,
    /// Products of the run; what follows is of it.
    pub measured_products: usize,
    /// Its wall-clock seconds.
    pub measured_seconds: f64,
    /// Pairs of rows a second.
    pub pairs_per_second: f64,
    /// Pairs that a device proposed, per product.
    pub survivors_per_row: f64,
    /// What the engine says of it.
    pub report: Report,
}

/// Measures the CPU engine and the devices that `choice` allows, for `products` products with vectors of `dimension`
/// components, from 8 to [`crate::similarity::int8::MAX_DIMENSION`].
///
/// # Errors
/// [`Error::Config`] when `choice` fits no device, with a list of those that are there; [`Error::Failed`] when a device was
/// demanded and none could be measured.
pub fn bench(choice: &Choice, products: usize, dimension: usize) -> Result<Figures> {
    let options = Options::default();
    let adapters = if *choice == Choice::Cpu { Ok(Vec::new()) } else { enumerate(options.timeout) };
    let adapters = adapters.map_err(|fault| Error::Failed(anyhow!("the devices of this machine: {fault}")))?;
    let chosen = allowed(choice, &adapters)?;
    let mut figures = Figures {
        date: DateTime::<Utc>::from(SystemTime::now()).date_naive().to_string(),
        twinset: env!("CARGO_PKG_VERSION"),
        host: Host::look(),
        products,
        dimension,
        k: K,
        engines: vec![on_cpu(products, dimension)?],
        refused: Vec::new(),
    };
    for adapter in chosen {
        match device(adapter, products, dimension, &options)? {
            Ok(engine) => figures.engines.push(engine),
            Err(fault) => {
                tracing::warn!("not measured: {}: {fault}", adapter.facts);
                figures.refused.push(format!("{}: {fault}", adapter.facts));
            }
        }
    }
    let demanded = matches!(choice, Choice::Gpu | Choice::Named(_));
    if demanded && figures.engines.len() == 1 {
        return Err(Error::Failed(anyhow!("no device could be measured: {}", figures.refused.join("; "))));
    }
    Ok(figures)
}

fn on_cpu(products: usize, dimension: usize) -> Result<Engine> {
    let engine = Cpu::default();
    tracing::info!("measuring the CPU engine");
    let (matrix, lists) = shop(2 * cpu::TILE, dimension);
    let speed = cpu::measure::tile_kernel(&matrix, &lists)?;
    let multiply_adds = speed.pairs * float(dimension as u64);
    let kernel = TileKernel {
        arithmetic: Arithmetic::Int8.name(),
        pairs_per_second: speed.pairs,
        multiply_adds_per_second: multiply_adds,
        peak_multiply_adds_per_second: speed.peak,
        share_of_peak: speed.peak.map(|peak| multiply_adds / peak),
        symmetric_to_rectangular: None,
    };
    let sample = run(&engine, products.min(FIRST_SAMPLE), dimension)?;
    let top_k = top_k(&engine, sample.pairs_per_second, products, dimension)?;
    Ok(Engine { engine: "cpu".to_owned(), driver: None, kernels: vec![kernel], top_k })
}

/// The figures of a device, or why it has none.
fn device(adapter: &Adapter, products: usize, dimension: usize, options: &Options) -> Result<Result<Engine, Fault>> {
    tracing::info!("measuring {}", adapter.facts);
    let opened = Gpu::open(adapter, options.clone()).and_then(|gpu| {
        let kernels = tile_kernels(&gpu, adapter, dimension, options)?;
        Ok((gpu, kernels))
    });
    let (gpu, kernels) = match opened {
        Ok(opened) => opened,
        Err(fault) => return Ok(Err(fault)),
    };
    let fastest = kernels.iter().map(|kernel| kernel.pairs_per_second).fold(0.0, f64::max);
    let top_k = top_k(&gpu, fastest, products, dimension)?;
    let (engine, driver) = (adapter.facts.to_string(), Some(adapter.facts.driver.clone()));
    Ok(Ok(Engine { engine, driver, kernels, top_k }))
}

fn tile_kernels(gpu: &Gpu, adapter: &Adapter, dimension: usize, options: &Options) -> Result<Vec<TileKernel>, Fault> {
    let (matrix, lists) = shop(MOST_ROWS, dimension);
    let measure = |arithmetic: Arithmetic| {
        tracing::info!("measuring the {} kernel", arithmetic.name());
        let speed = measure::tile_kernel(gpu, &matrix, &lists, arithmetic)?;
        let peak = measure::peak(adapter, arithmetic, options.timeout)?;
        let multiply_adds = speed.pairs * float(dimension as u64);
        Ok(TileKernel {
            arithmetic: arithmetic.name(),
            pairs_per_second: speed.pairs,
            multiply_adds_per_second: multiply_adds,
            peak_multiply_adds_per_second: Some(peak),
            share_of_peak: Some(multiply_adds / peak),
            symmetric_to_rectangular: Some(speed.symmetric_to_rectangular),
        })
    };
    gpu.offers().map(measure).collect()
}

/// A run over all products, or over as many as a device with this rate should take some seconds for.
fn top_k(engine: &dyn Similarity, pairs_per_second: f64, products: usize, dimension: usize) -> Result<TopK> {
    let all = pairs(products);
    if all / pairs_per_second < LONGEST_SECONDS {
        return run(engine, products, dimension);
    }
    let mut fewer = products;
    while pairs(fewer) / pairs_per_second > SAMPLE_SECONDS {
        fewer = fewer * 9 / 10;
    }
    let sample = run(engine, fewer, dimension)?;
    Ok(TopK { seconds: sample.seconds * all / pairs(fewer), estimated: true, ..sample })
}

fn run(engine: &dyn Similarity, products: usize, dimension: usize) -> Result<TopK> {
    let (matrix, lists) = shop(products, dimension);
    let start = Instant::now();
    let report = engine.top_k(&matrix, &lists, &Progress::stage("scoring", "pairs"))?.report;
    let seconds = start.elapsed().as_secs_f64();
    Ok(TopK {
        seconds,
        estimated: false,
        measured_products: products,
        measured_seconds: seconds,
        pairs_per_second: pairs(products) / seconds,
        survivors_per_row: float(report.survivors) / float(products as u64),
        report,
    })
}

/// Pairs of `products` products.
fn pairs(products: usize) -> f64 {
    float(products as u64) * float(products as u64 + 1) / 2.0
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(count: u64) -> f64 {
    count as f64
}
