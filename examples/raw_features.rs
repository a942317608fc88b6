//! Writes what a built-in network says of images before their mean is taken off, for `scripts/fit_mean.py` and the benches.
//!
//! `cargo run --release --example raw_features -- lite0|lite2 LIST OUT` reads the paths of images from a file, one a line, and writes
//! 1,280 f32, little-endian, for each.

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use anyhow::{Context, anyhow, bail};
use rayon::prelude::*;
use twinset::embedding::CROP;
use twinset::embedding::network::{Network, Scratch, Variant};
use twinset::photos;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [variant, list, out] = arguments.as_slice() else { bail!("three arguments: lite0 or lite2, list, out") };
    let variant = match variant.as_str() {
        "lite0" => Variant::Lite0,
        "lite2" => Variant::Lite2,
        other => bail!("`{other}` is neither lite0 nor lite2"),
    };
    let paths = fs::read_to_string(list).with_context(|| format!("cannot read `{list}`"))?;
    let network = Network::built_in(variant);
    let features = |scratch: &mut Scratch, path: &str| -> anyhow::Result<Vec<f32>> {
        let bytes = fs::read(path).with_context(|| format!("cannot read `{path}`"))?;
        let photo = photos::decode_for(&bytes, CROP, variant.side()).map_err(|fault| anyhow!("`{path}`: {fault}"))?;
        Ok(network.features(&photos::crop_and_resize(&photo, CROP, variant.side()), scratch))
    };
    let paths: Vec<&str> = paths.lines().collect();
    let rows: Vec<Vec<f32>> = paths
        .par_iter()
        .map_init(Scratch::default, |scratch, path| features(scratch, path))
        .collect::<Result<_, _>>()?;
    let mut file = BufWriter::new(File::create(out)?);
    for value in rows.into_iter().flatten() {
        file.write_all(&value.to_le_bytes())?;
    }
    Ok(file.flush()?)
}
