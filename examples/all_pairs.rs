//! Finds the most similar rows of every row of a matrix, with the library alone: no catalog, no rules, no files of results.
//!
//! `cargo run --release --example all_pairs -- VECTORS.NPY [--k 20] [--threads 2] [--device cpu] [--out LISTS]` reads an `.npy`
//! file of little-endian f32, `[rows][dimension]`, and prints one line of JSON. `--out` writes the lists: row by row the k
//! neighbors as u32, then likewise their scores as f32, little-endian; what a list lacks is `u32::MAX` and NaN.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use clap::Parser;
use twinset::device::Choice;
use twinset::embedding::Vectors;
use twinset::progress::Progress;
use twinset::similarity::choose::choose;
use twinset::similarity::gpu::Options;
use twinset::similarity::{Lists, Matrix, Similarity, TopK};

/// Finds the most similar rows of every row of a matrix.
#[derive(Parser)]
struct Arguments {
    /// An `.npy` file of little-endian f32, rows × dimension
    vectors: PathBuf,
    /// Neighbors per row
    #[arg(long, default_value_t = 20)]
    k: usize,
    /// Threads; 0 for one per core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// What searches, as `twinset run --device` takes it
    #[arg(long, default_value = "cpu")]
    device: Choice,
    /// Where to write the lists
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build()?.install(|| search(&arguments))
}

fn search(arguments: &Arguments) -> anyhow::Result<()> {
    let path = arguments.vectors.display();
    let started = Instant::now();
    let matrix = read(&arguments.vectors).with_context(|| format!("cannot read `{path}`"))?;
    let lists = Lists::everything(matrix.rows(), arguments.k);
    let load = started.elapsed();
    let started = Instant::now();
    let engine = choose(&arguments.device, &Options::default())?;
    let open = started.elapsed();

    let (started, cpu_before) = (Instant::now(), cpu_ticks());
    let found = engine.top_k(&matrix, &lists, &Progress::hidden())?;
    let (wall, cpu_after) = (started.elapsed(), cpu_ticks());

    let said = serde_json::json!({
        "rows": matrix.rows(),
        "dimension": matrix.dimension(),
        "k": arguments.k,
        "threads": rayon::current_num_threads(),
        "load_s": load.as_secs_f64(),
        "open_s": open.as_secs_f64(),
        "wall_s": wall.as_secs_f64(),
        "cpu_s": cpu_after.zip(cpu_before).map(|(after, before)| f64::from(after - before) / 100.0),
        "peak_mib": peak_mib(),
        "report": found.report,
    });
    println!("{said}");
    arguments.out.as_ref().map_or(Ok(()), |out| write(out, &found.lists[0], arguments.k))
}

/// The rows, each made unit.
fn read(path: &Path) -> anyhow::Result<Matrix> {
    let mut file = BufReader::new(File::open(path)?);
    let (rows, dimension) = shape(&mut file)?;
    let mut vectors = Vectors::new(dimension, rows);
    let mut bytes = vec![0; dimension * 4];
    for row in 0..rows {
        file.read_exact(&mut bytes)?;
        let raw: Vec<f32> = bytes.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        vectors.insert(row, &raw).map_err(|fault| anyhow!("row {row} has no direction: {fault:?}"))?;
    }
    Ok(Matrix::arrange(vectors, 0..rows))
}

/// Rows and dimension, from an `.npy` header of version 1.0.
fn shape(file: &mut impl Read) -> anyhow::Result<(usize, usize)> {
    let mut start = [0; 10];
    file.read_exact(&mut start)?;
    ensure!(start.starts_with(b"\x93NUMPY\x01"), "not an .npy file of version 1.0");
    let mut header = vec![0; usize::from(u16::from_le_bytes([start[8], start[9]]))];
    file.read_exact(&mut header)?;
    let header = String::from_utf8(header)?;
    ensure!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "not row-major f32: {header}");
    let inside = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
    let shape: Vec<usize> = inside.context("no shape")?.0.split(", ").map(str::parse).collect::<Result<_, _>>()?;
    let [rows, dimension] = shape[..] else { anyhow::bail!("not a matrix: {shape:?}") };
    ensure!(rows > 0 && dimension > 0, "an empty matrix: {shape:?}");
    Ok((rows, dimension))
}

fn write(path: &Path, lists: &TopK, k: usize) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let padded = |list: usize, place: usize| lists[list].get(place);
    let places = || (0..lists.len()).flat_map(|list| (0..k).map(move |place| (list, place)));
    for (list, place) in places() {
        file.write_all(&padded(list, place).map_or(u32::MAX, |entry| entry.row).to_le_bytes())?;
    }
    for (list, place) in places() {
        file.write_all(&padded(list, place).map_or(f32::NAN, |entry| entry.score).to_le_bytes())?;
    }
    Ok(file.flush()?)
}

/// User and system time of this process so far in 1/100 s, where the system has Linux's `/proc`.
fn cpu_ticks() -> Option<u32> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in parentheses, may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?)
}

/// The most memory that this process ever had, likewise.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? / 1024)
}
