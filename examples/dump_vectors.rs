//! Writes what a built-in network sees and says (its mean not taken off), for comparison with another implementation of it.
//!
//! `cargo run --release --example dump_vectors -- PRODUCTS.CSV IMAGE_ROOT OUT [lite2]` writes, in the order of the catalog and
//! without the images that cannot be used: `OUT/ids.txt`, `OUT/inputs.bin` (224 * 224 * 3 bytes each, 260 * 260 * 3 of the larger
//! network), `OUT/vectors.bin` (1280 unit f32, little-endian, each).

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use rayon::prelude::*;
use twinset::embedding::network::{Network, Scratch, Variant};
use twinset::embedding::{CROP, make_unit};
use twinset::photos::{self, ImageRoot};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (catalog, root, out, variant) = match arguments.as_slice() {
        [catalog, root, out] => (catalog, root, out, Variant::Lite0),
        [catalog, root, out, variant] if variant == "lite2" => (catalog, root, out, Variant::Lite2),
        _ => bail!("three arguments: products.csv, image root, out; then perhaps lite2"),
    };
    let images = images_of(Path::new(catalog))?;
    let root = ImageRoot::open(Path::new(root)).with_context(|| format!("cannot open the image root `{root}`"))?;
    let out = Path::new(out);
    fs::create_dir_all(out)?;

    let network = Network::built_in(variant);
    let computed: Vec<_> = images
        .par_iter()
        .map_init(Scratch::default, |scratch, (_, image)| embed(&root, &network, scratch, image))
        .collect();

    let mut ids = BufWriter::new(File::create(out.join("ids.txt"))?);
    let mut inputs = BufWriter::new(File::create(out.join("inputs.bin"))?);
    let mut vectors = BufWriter::new(File::create(out.join("vectors.bin"))?);
    for ((id, image), result) in images.iter().zip(computed) {
        match result {
            Ok((input, vector)) => {
                writeln!(ids, "{id}")?;
                inputs.write_all(&input)?;
                vector.iter().try_for_each(|v| vectors.write_all(&v.to_le_bytes()))?;
            }
            Err(cause) => eprintln!("{id}: {image}: {cause:#}"),
        }
    }
    Ok(())
}

fn images_of(catalog: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_path(catalog).with_context(|| format!("cannot read `{}`", catalog.display()))?;
    let header = reader.headers()?.clone();
    let column = |name| header.iter().position(|h| h == name).with_context(|| format!("no column `{name}`"));
    let (id, image) = (column("id")?, column("image")?);
    reader.records().map(|row| row.map(|row| (row[id].to_owned(), row[image].to_owned())).map_err(Into::into)).collect()
}

fn embed(
    root: &ImageRoot,
    network: &Network,
    scratch: &mut Scratch,
    image: &str,
) -> anyhow::Result<(Vec<u8>, Vec<f32>)> {
    let side = u32::try_from(network.side())?;
    let photo = photos::decode_for(&root.read(image)?, CROP, side)?;
    let input = photos::crop_and_resize(&photo, CROP, side);
    let features = network.features(&input, scratch);
    let unit = make_unit(&features).map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
    Ok((input, unit))
}
