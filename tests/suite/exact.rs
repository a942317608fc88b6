//! Every list of twenty thousand rows, for vectors that are hard on an engine in five ways, equals a scan of all pairs: ids
//! and scores, no tolerance. What engine and scan cost is printed, never asserted.

mod large;
pub mod looks;
pub mod scan;

use looks::Looks;
use scan::{every_list, naive};
use twinset::progress::Progress;
use twinset::rules::GroupScope;
use twinset::similarity::lists::NO_PRICE;
use twinset::similarity::{Entry, Lists, Matrix, RuleLists, canonical_score};

use crate::clock::{Clock, alone};
use crate::engines::engines;
use crate::oracle::score::canonical;

const ROWS: usize = 20_000;
const DIMENSIONS: [usize; 5] = [64, 100, 256, 512, 1280];
const K: usize = 20;

/// One rule over everything, every row a group of its own, ids in another order than the rows.
fn everything(rows: usize) -> Lists {
    let n = u32::try_from(rows).expect("small");
    let mut lists = Lists {
        id_rank: vec![0; rows],
        group: (0..n).rev().collect(),
        price_rank: vec![NO_PRICE; rows],
        codes: Vec::new(),
        rules: vec![RuleLists {
            visual: true,
            k: K,
            min_score: f32::NEG_INFINITY,
            group: GroupScope::Other,
            scopes: vec![std::iter::once(0..n).collect()],
            scope: vec![0; rows],
            bands: None,
            must_match: Vec::new(),
            must_differ: Vec::new(),
        }],
    };
    // A prime that divides no catalog of these tests reaches every place once.
    (0..n).for_each(|rank| lists.id_rank[rank as usize * 7919 % rows] = rank);
    lists
}

/// The first row whose list is another one.
fn differing(found: &[Vec<Entry>], expected: &[Vec<Entry>]) -> Option<String> {
    let bits = |list: &[Entry]| list.iter().map(|e| (e.row, e.score.to_bits())).collect::<Vec<_>>();
    let row = (0..expected.len()).find(|&row| found.get(row).is_none_or(|list| bits(list) != bits(&expected[row])))?;
    Some(format!("row {row}: {:?} instead of {:?}", found.get(row), expected[row]))
}

/// All dimensions of one kind.
fn every_row(looks: Looks) {
    let _guard = alone();
    let lists = everything(ROWS);
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
        let lists = everything(matrix.rows());
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
            let scores = [scan::score(x, y), canonical(x, y), canonical_score(x, y)].map(f32::to_bits);
            assert_eq!(scores, [scores[0]; 3], "{looks:?}, rows {a} and {b}");
        }
    }
}

#[test]
fn a_score_rounded_the_other_way_or_a_tie_turned_round_is_seen() {
    let (matrix, lists) = (Looks::Duplicates.matrix(400, 16), everything(400));
    let expected = every_list(&matrix, &lists.id_rank, K);
    let mut rounded = expected.clone();
    let last = rounded[399].last_mut().expect("a full list");
    last.score = last.score.next_down();
    assert!(differing(&rounded, &expected).is_some());
    let mut turned = expected.clone();
    turned[0].swap(0, 1);
    assert!(expected[0][0].score == expected[0][1].score && differing(&turned, &expected).is_some());
}
