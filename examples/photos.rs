//! Turns every image below a folder into the square that the network looks at, on one thread: what is timed beside other
//! programs that do the same.
//!
//! `cargo run --release --example photos -- FOLDER [PASSES [OUT]]` does it so many times, once if not said, and says how many
//! squares that were; they go to the file `OUT`, in the order of the paths, 224 * 224 * 3 bytes each.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use twinset::embedding::CROP;
use twinset::embedding::network::Variant;
use twinset::photos;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rest @ ..] = arguments.as_slice() else {
        bail!("a folder, perhaps how often, perhaps where to write")
    };
    let passes: usize = rest.first().map_or(Ok(1), |passes| passes.parse())?;
    let out = rest.get(1);
    let mut paths = Vec::new();
    find(Path::new(folder), &mut paths)?;
    paths.sort();
    let mut out = out.map(File::create).transpose()?.map(BufWriter::new);
    let side = Variant::Lite0.side();
    let mut done = 0;
    for path in std::iter::repeat_n(&paths, passes).flatten() {
        let bytes = fs::read(path)?;
        let photo = photos::decode_for(&bytes, CROP, side).with_context(|| path.display().to_string())?;
        let square = photos::crop_and_resize(&photo, CROP, side);
        if let Some(out) = &mut out {
            out.write_all(&square)?;
        }
        done += 1;
    }
    println!("{done}");
    Ok(())
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
