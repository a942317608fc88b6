//! Times the encoder of `kind = "onnx"` alone, from framed pictures to features, for a comparison with ONNX Runtime in Python.
//!
//! `cargo run --release --features onnx --example onnx_encode -- TWINSET.TOML THREADS PICTURES FEATURES` frames the pictures of the
//! catalog, writes them to `PICTURES` (side * side * 3 bytes each, in the order of the catalog, without those that cannot be
//! used), encodes them as a night does and writes the features to `FEATURES` (little-endian f32). The last line is JSON:
//! pictures, and seconds of wall clock and of CPU that encoding took.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::time::Instant;

use anyhow::{bail, ensure};
use rayon::prelude::*;
use twinset::cli::{Flags, JobArgs};
use twinset::config::{Config, Embedding};
use twinset::embedding::{Encoder, Onnx, open_image_root};
use twinset::job;
use twinset::photos;

/// Pictures that a night hands to an encoder at a time, at most.
const CHUNK: usize = 256;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, threads, pictures, features] = arguments.as_slice() else {
        bail!("four arguments: twinset.toml, threads, pictures, features");
    };
    let flags = Flags { threads: Some(threads.parse()?), ..Flags::default() };
    let config = Config::resolve(&JobArgs { config: Some(config.into()), flags })?;
    let Embedding::Onnx { settings, .. } = &config.embedding else {
        bail!("`kind` under `[embedding]` is not \"onnx\"")
    };
    let encoder = Onnx::open(settings, config.threads)?;
    let framed = job::on_threads(&config, || frame(&config, &encoder))?;
    fs::write(pictures, framed.concat())?;

    let count = framed.len();
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let encoded = job::on_threads(&config, || {
        let chunks = framed.chunks(CHUNK).map(|chunk| encoder.encode(chunk.to_vec(), &|| ()));
        chunks.collect::<twinset::error::Result<Vec<_>>>()
    })?;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);

    let mut file = BufWriter::new(File::create(features)?);
    let rows: Vec<Vec<f32>> = encoded.into_iter().flatten().collect();
    ensure!(rows.len() == count, "{} features of {count} pictures", rows.len());
    rows.iter().flatten().try_for_each(|value| file.write_all(&value.to_le_bytes()))?;
    println!("{}", serde_json::json!({ "images": count, "wall_s": wall, "cpu_s": cpu, "threads": config.threads }));
    Ok(())
}

/// The pictures as the encoder looks at them.
fn frame(config: &Config, encoder: &Onnx) -> twinset::error::Result<Vec<Vec<u8>>> {
    let root = open_image_root(&config.images)?;
    let catalog = job::read(config)?;
    let (crop, side) = encoder.square();
    let look = |image: &String| {
        let photo = photos::decode_for(&root.read(image).ok()?, crop, side).ok()?;
        Some(encoder.frame(&photo))
    };
    let images: Vec<&String> = catalog.products.iter().filter_map(|product| product.image.as_ref()).collect();
    Ok(images.into_par_iter().filter_map(look).collect())
}

/// CPU time of the process.
fn cpu_seconds() -> f64 {
    #[cfg(unix)]
    {
        use rustix::time::{ClockId, clock_gettime};
        let used = clock_gettime(ClockId::ProcessCPUTime);
        std::time::Duration::try_from(used).map_or(f64::NAN, |since_start| since_start.as_secs_f64())
    }
    #[cfg(not(unix))]
    {
        f64::NAN
    }
}
