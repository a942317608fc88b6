//! Every list of twenty thousand rows, for vectors that are hard on an engine in five ways, equals a scan of all pairs: ids
//! and scores, no tolerance. What engine and scan cost is printed, never asserted.

mod large;
pub mod looks;
pub mod naive;
mod scan;

use looks::Looks;
use naive::{everything, naive};
use scan::every_list;
use twinset::progress::Progress;
use twinset::similarity::{Entry, Matrix, canonical_score};

use crate::clock::{Clock, alone};
use crate::engines::engines;
use crate::oracle::score::canonical;

const ROWS: usize = 20_000;
const DIMENSIONS: [usize; 5] = [64, 100, 256, 512, 1280];
const K: usize = 20;

/// The first row whose list is another one.
fn differing(found: &[Vec<Entry>], expected: &[Vec<Entry>]) -> Option<String> {
    let bits = |list: &[Entry]| list.iter().map(|e| (e.row, e.score.to_bits())).collect::<Vec<_>>();
    let row = (0..expected.len()).find(|&row| found.get(row).is_none_or(|list| bits(list) != bits(&expected[row])))?;
    Some(format!("row {row}: {:?} instead of {:?}", found.get(row), expected[row]))
}

/// All dimensions of one kind.
fn every_row(looks: Looks) {
    let _guard = alone();
    let lists = everything(ROWS, K);
    for dimension in DIMENSIONS {
        let matrix = looks.matrix(ROWS, dimension);
        let clock = Clock::start();
        let expected = every_list(&matrix, &lists.id_rank, K);
        println!("{looks:?}, {ROWS} × {dimension}: the scan took {}", clock.cost());
        for (name, engine) in engines() {
            let clock = Clock::start();
            let found = engine.top_k(&matrix, &lists, &Progress::hidden()).expect("lists").lists;
            println!("{looks:?}, {ROWS} × {dimension}: {name} took {}", clock.cost());
            if let Some(difference) = differing(&found[0], &expected) {
                panic!("{looks:?}, {ROWS} × {dimension}: {name}: {difference}");
            }
        }
    }
}

#[test]
fn clustered() {
    every_row(Looks::Clustered);
}

#[test]
fn uniform_on_the_sphere() {
    every_row(Looks::Uniform);
}

#[test]
fn two_dominating_components() {
    every_row(Looks::TwoDominating);
}

#[test]
fn near_duplicates() {
    every_row(Looks::NearDuplicates);
}

#[test]
fn exact_duplicates() {
    every_row(Looks::Duplicates);
}

const ALL: [Looks; 5] =
    [Looks::Clustered, Looks::Uniform, Looks::TwoDominating, Looks::NearDuplicates, Looks::Duplicates];

/// Sizes around blocks, panels and lanes.
fn small_cases() -> impl Iterator<Item = (Looks, Matrix)> {
    let sizes = [(1, 8), (3, 1), (63, 7), (64, 16), (65, 9), (200, 100), (481, 33)];
    sizes.into_iter().flat_map(|(rows, dimension)| ALL.map(|looks| (looks, looks.matrix(rows, dimension))))
}

#[test]
fn the_scan_leaves_nothing_out() {
    for (looks, matrix) in small_cases() {
        let lists = everything(matrix.rows(), K);
        let expected: Vec<Vec<Entry>> = (0..matrix.rows()).map(|row| naive(&matrix, &lists, 0, row)).collect();
        let found = every_list(&matrix, &lists.id_rank, K);
        assert_eq!(differing(&found, &expected), None, "{looks:?}, {} × {}", matrix.rows(), matrix.dimension());
    }
}

#[test]
fn three_ways_to_write_the_score_are_one() {
    for (looks, matrix) in small_cases() {
        for (a, b) in (0..matrix.rows()).flat_map(|a| (0..matrix.rows()).step_by(7).map(move |b| (a, b))) {
            let (x, y) = (matrix.row(a), matrix.row(b));
            let scores = [naive::score(x, y), canonical(x, y), canonical_score(x, y)].map(f32::to_bits);
            assert_eq!(scores, [scores[0]; 3], "{looks:?}, rows {a} and {b}");
        }
    }
}

#[test]
fn a_score_rounded_the_other_way_or_a_tie_turned_round_is_seen() {
    let (matrix, lists) = (Looks::Duplicates.matrix(400, 16), everything(400, K));
    let expected = every_list(&matrix, &lists.id_rank, K);
    let mut rounded = expected.clone();
    let last = rounded[399].last_mut().expect("a full list");
    last.score = last.score.next_down();
    assert!(differing(&rounded, &expected).is_some());
    let mut turned = expected.clone();
    turned[0].swap(0, 1);
    assert_eq!(expected[0][0].score.to_bits(), expected[0][1].score.to_bits(), "a tie");
    assert!(differing(&turned, &expected).is_some());
}
