//! Compares the CPU engine with a scan where a test would take too long: every pair of a large catalog is scored, and some
//! lists are checked against all rows. Without arguments 200,000 rows of 512 components and 2,000 lists of each kind of look.
//!
//! `cargo run --release --example exact_large -- ROWS DIMENSION LISTS`

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the shared rooms of the tests count small numbers"
)]

#[path = "../tests/suite/exact/looks.rs"]
mod looks;
#[path = "../tests/suite/exact/naive.rs"]
mod naive;

use std::time::Instant;

use anyhow::{Context, ensure};
use looks::Looks;
use naive::{everything, naive};
use rayon::prelude::*;
use twinset::progress::Progress;
use twinset::similarity::Similarity;
use twinset::similarity::cpu::Cpu;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<usize> = std::env::args()
        .skip(1)
        .map(|text| text.parse().with_context(|| format!("`{text}` is not a number")))
        .collect::<anyhow::Result<_>>()?;
    let &[rows, dimension, sampled] = (if arguments.is_empty() { &[200_000, 512, 2_000] } else { &arguments[..] })
    else {
        anyhow::bail!("three arguments: rows, dimension, lists")
    };
    ensure!((1..=rows).contains(&sampled), "`{sampled}` lists of `{rows}` rows");
    let lists = everything(rows, 20);
    for looks in [Looks::Clustered, Looks::Uniform, Looks::TwoDominating, Looks::NearDuplicates, Looks::Duplicates] {
        let matrix = looks.matrix(rows, dimension);
        let start = Instant::now();
        let found = Cpu::default().top_k(&matrix, &lists, &Progress::hidden())?.lists;
        println!("{looks:?}, {rows} × {dimension}: the engine took {:.1?}", start.elapsed());
        let start = Instant::now();
        // Every so many rows, but never the same place of a tile.
        let sample = |n: usize| n * rows / sampled + n % (rows / sampled);
        let wrong =
            (0..sampled).into_par_iter().map(sample).find_any(|&row| found[0][row] != naive(&matrix, &lists, 0, row));
        ensure!(wrong.is_none(), "{looks:?}: the list of row {wrong:?} is not the scan's");
        println!("{looks:?}: {sampled} lists equal the scan's, which took {:.1?}", start.elapsed());
    }
    Ok(())
}
