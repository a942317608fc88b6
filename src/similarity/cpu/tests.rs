//! The engine against a naive scan, and what its parts promise.

use proptest::prelude::*;

use super::panels::Panel;
use super::*;
use crate::embedding::Vectors;
use crate::similarity::rotation::Rotation;
use crate::similarity::testing::raw_pair;
use crate::similarity::{Entry, NO_LIST, RuleLists, TopK, canonical_score};

/// One rule over everything: rows × dimension vectors with `distinct` different ones.
fn everything(rows: usize, dimension: usize, distinct: usize) -> (Matrix, Lists) {
    let mut vectors = Vectors::new(dimension, rows);
    let mut seed = 1_u64;
    let pool: Vec<Vec<f32>> = (0..distinct)
        .map(|_| {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                f32::from(u16::try_from(seed >> 48).expect("16 bits")) / 32768.0 - 1.0
            };
            (0..dimension).map(|_| next()).collect()
        })
        .collect();
    for row in 0..rows {
        vectors.insert(row, &pool[row % distinct]).expect("finite and not zero");
    }
    (Matrix::gather(&vectors, 0..rows), one_rule(rows))
}

/// Lists of 5; ids in the opposite order of the rows, and three variants a product.
fn one_rule(rows: usize) -> Lists {
    let mut lists = Lists::everything(rows, 5);
    lists.id_rank.reverse();
    lists.group.iter_mut().for_each(|group| *group /= 3);
    lists
}

proptest! {
    /// A kernel that is told to propose what reaches the canonical score proposes the pair, turned or not, and says no less of it.
    #[test]
    fn no_pair_leaves_the_bounds_of_a_kernel((x, y) in raw_pair(4096), others in 0_usize..40, seed in any::<u64>()) {
        let dimension = x.len();
        // Others between and beside the two, so that axes are not theirs alone.
        let (others, turns) = if dimension < 400 { (others, true) } else { (0, false) };
        let mut vectors = Vectors::new(dimension, 2 + others);
        vectors.insert(0, &x).unwrap();
        vectors.insert(1, &y).unwrap();
        let mut state = seed;
        for row in 2..2 + others {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                f32::from(i16::try_from(state >> 49).expect("15 bits")) / 16384.0 - 1.0
            };
            let shares = [next(), next()];
            let noise = next();
            let pair = x.iter().zip(&y);
            let mixed: Vec<f32> = pair.map(|(x, y)| shares[0] * x + shares[1] * y + 0.1 * noise * next()).collect();
            if vectors.insert(row, &mixed).is_err() {
                vectors.insert(row, &x).unwrap();
            }
        }
        let rows = 2 + others;
        // Lists that are never full: what they need is what they are told.
        let (matrix, lists) = (Matrix::gather(&vectors, 0..rows), Lists::everything(rows, 2 * rows));
        let tiles = Tiles::new(&lists, rows, rows);
        let all = Rows::new(&matrix, None);
        let rotation = turns.then(|| Rotation::fit(matrix.values(), dimension, &turning::ends(dimension)));
        let join = Join::new(all, &lists, &tiles);
        for (kernel, turned) in Kernel::available().into_iter().flat_map(|kernel| [(kernel, false), (kernel, true)]) {
            let mut scan = Scan::new(&join, kernel);
            if turned {
                let Some(rotation) = &rotation else { continue };
                scan.panels.turn(all, &tiles, rotation, |row| (row * 7) % 5);
                scan.slack = kernel_slack(rotation.apart());
            }
            let (panel, anchors) = (scan.panels.panel(0), scan.panels.anchors(0));
            for (a, c) in (0..rows.min(6)).flat_map(|a| (0..rows.min(6)).map(move |c| (a, c))) {
                let score = canonical_score(matrix.row(a), matrix.row(c));
                // Only one row wants anything, and that is just what it gets.
                scan.thresholds = Thresholds::of(&join);
                (0..rows).for_each(|row| scan.thresholds.raise(row, 0, if row == a { score } else { f32::INFINITY }));
                let [mut own, mut others] = [0, 1].map(|_| Wants::default());
                own.look(&scan, [0, 0], [panel, panel], anchors.len());
                others.nothing(panel.columns());
                let mut found = Vec::new();
                kernel.scan(&scan.panels.pass(&anchors, own.sides(), panel, others.sides()), &mut found);
                let places = [a, c].map(|row| panel.places()[row]);
                let found = found.iter().find(|p| [p.anchor, p.column] == places);
                prop_assert!(found.is_some(), "{} loses {a}, {c} of {score}, turned: {turned}", kernel.name);
                let residuals = places.map(|place| panel.residuals()[1][place as usize]);
                let [lower, upper] = bounds(found.unwrap().product, residuals, scan.slack);
                prop_assert!(lower <= score && score <= upper, "{} {score} {lower} {upper}", kernel.name);
            }
        }
    }

    /// However the rows lie, and in whatever order.
    #[test]
    fn rows_in_the_order_of_their_looks_stay_in_every_range(
        rows in 1_usize..700, distinct in 1_usize..60, ends in prop::collection::vec(0_u32..700, 0..6),
    ) {
        let (matrix, mut lists) = everything(rows, 6, distinct);
        let n = u32::try_from(rows).unwrap();
        let ranges = ends.chunks_exact(2).map(|ends| ends[0].min(ends[1]).min(n)..ends[0].max(ends[1]).min(n));
        lists.rules[0].scopes.extend(ranges.filter(|range| !range.is_empty()).map(|range| std::iter::once(range).collect()));
        let order = order::by_looks(&matrix, &lists, kernel().unwrap());
        let mut all = order.clone();
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(0..n));
        for range in lists.rules[0].scopes.iter().flatten() {
            prop_assert!((range.start..range.end).all(|row| range.contains(&order[row as usize])), "{range:?}");
        }
        let ordered = lists.in_order(&order);
        for (at, &row) in order.iter().enumerate() {
            prop_assert_eq!((ordered.id_rank[at], ordered.group[at]), (lists.id_rank[row as usize], lists.group[row as usize]));
        }
        let entry = |row| Entry { row, score: 1.0 };
        let found: TopK = (0..n).map(|row| vec![entry(row)]).collect();
        let back = order::put_back(vec![found.clone(), Vec::new()], &order);
        prop_assert_eq!(&back, &vec![found, Vec::new()]);
    }
}

/// Rows in clusters, one after the other.
fn clusters(rows: usize, dimension: usize, of: usize) -> Matrix {
    let mut state = 5_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(i16::try_from(state >> 49).expect("15 bits")) / 16384.0 - 1.0
    };
    let centers: Vec<Vec<f32>> = (0..rows.div_ceil(of)).map(|_| (0..dimension).map(|_| next()).collect()).collect();
    let mut vectors = Vectors::new(dimension, rows);
    for row in 0..rows {
        let near: Vec<f32> = centers[row / of].iter().map(|center| center + 0.2 * next()).collect();
        vectors.insert(row, &near).expect("finite and not zero");
    }
    Matrix::gather(&vectors, 0..rows)
}

#[test]
fn turned_vectors_spare_most_of_other_clusters_and_lose_no_list() {
    let matrix = clusters(1200, 256, 100);
    let lists = Lists::everything(1200, 5);
    let tiles = Tiles::new(&lists, 1200, 100);
    let join = Join::new(Rows::new(&matrix, None), &lists, &tiles);
    (0..1200).for_each(|row| join.raise(0, row, 0.8));
    for kernel in Kernel::available() {
        let scan = Scan::new(&join, kernel);
        let rotation = Rotation::fit(matrix.values(), 256, &[32, 64, 128, 256]);
        let spared = scan.spared(&rotation, &Remaining::new(&tiles));
        assert!(spared > 0.6, "{}: {spared}", kernel.name);
    }
    let found = |turn| {
        let cpu = Cpu { tile: 100, turn };
        cpu.top_k(&matrix, &lists, &Progress::hidden()).expect("lists").lists
    };
    assert_eq!(found(Some(true)), found(Some(false)));
}

fn naive(matrix: &Matrix, lists: &Lists, anchor: usize) -> Vec<(u32, f32)> {
    let rule = &lists.rules[0];
    let mut all: Vec<(u32, f32)> = (0..matrix.rows())
        .filter(|&c| lists.admits(rule, anchor, c))
        .map(|c| (u32::try_from(c).expect("small"), canonical_score(matrix.row(anchor), matrix.row(c))))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(lists.id_rank[a.0 as usize].cmp(&lists.id_rank[b.0 as usize])));
    let mut seen = std::collections::HashSet::new();
    all.retain(|entry| seen.insert(lists.group[entry.0 as usize]));
    all.truncate(rule.k);
    all
}

#[test]
fn lists_equal_a_naive_scan_over_tile_borders_duplicates_and_odd_dimensions() {
    for (rows, dimension, distinct) in [(1, 3, 1), (2, 1, 2), (129, 7, 129), (300, 17, 40), (400, 8, 1), (257, 64, 250)]
    {
        let (matrix, lists) = everything(rows, dimension, distinct);
        let found = Cpu::default().top_k(&matrix, &lists, &Progress::hidden()).expect("lists").lists.remove(0);
        assert_eq!(found.len(), rows);
        for (anchor, list) in found.iter().enumerate() {
            let list: Vec<(u32, f32)> = list.iter().map(|e| (e.row, e.score)).collect();
            assert_eq!(list, naive(&matrix, &lists, anchor), "{rows} × {dimension}, {distinct} distinct, row {anchor}");
        }
    }
}

/// What a device does, by hand: thresholds go out, floors and survivors come in, repeated and in strips.
fn by_proposals(join: &Join<'_>, rule: &RuleLists, floor: impl Fn(usize) -> Option<f32>) {
    let everyone = |row: usize, from: usize| {
        let score = move |candidate| canonical_score(join.rows.row(row), join.rows.row(candidate));
        (0..join.rows.len()).skip(from).map(move |candidate| Survivor { candidate, upper: score(candidate) })
    };
    for tile in 0..join.tiles.count() {
        for row in join.tiles.range(tile) {
            if let Some(at_least) = floor(row) {
                join.raise(0, row, at_least);
            }
            join.decide_rows(row..row + 1, |_, found| found.extend(everyone(row, row)));
        }
        let mut thresholds = Vec::new();
        join.thresholds(tile, |row, number, threshold| {
            assert_eq!((row, number), (join.tiles.range(tile).start + thresholds.len(), 0));
            assert_eq!(threshold.is_some(), rule.scope[row] != NO_LIST);
            thresholds.push(threshold.unwrap_or(f32::INFINITY));
        });
        let first = join.tiles.range(tile).start;
        join.decide_rows(join.tiles.range(tile), |row, survivors| {
            survivors.extend(everyone(row, 0).filter(|survivor| survivor.upper >= thresholds[row - first]));
        });
    }
}

#[test]
fn proposals_rows_and_taken_over_tiles_give_the_same_lists() {
    let (matrix, mut lists) = everything(150, 9, 60);
    lists.rules[0].scope[7] = NO_LIST;
    let tiles = Tiles::new(&lists, matrix.rows(), 16);
    let found = Cpu { tile: 16, ..Cpu::default() }.top_k(&matrix, &lists, &Progress::hidden()).expect("lists");
    // Tiles of 16, the last of 6, each pair once.
    let pairs = (150 * 150 + 9 * 16 * 16 + 6 * 6) / 2;
    assert_eq!(
        found.report,
        Report {
            device: "cpu".to_owned(),
            kernel: Some(kernel().unwrap().name.to_owned()),
            pairs_on_cpu: pairs,
            ..Report::default()
        }
    );
    let expected = found.lists;
    let floor = |row: usize| expected[0][row].get(lists.rules[0].k - 1).map(|last| last.score);

    let join = Join::new(Rows::new(&matrix, None), &lists, &tiles);
    by_proposals(&join, &lists.rules[0], |_| None);
    assert_eq!(join.into_lists(), expected);

    let join = Join::new(Rows::new(&matrix, None), &lists, &tiles);
    by_proposals(&join, &lists.rules[0], floor);
    assert_eq!(join.into_lists(), expected);

    // Some tiles row by row, some of the marks cleared for it, the rest taken over.
    let join = Join::new(Rows::new(&matrix, None), &lists, &tiles);
    let remaining = Remaining::new(&tiles);
    for i in (0..tiles.count()).step_by(2) {
        let some: Vec<usize> = (0..tiles.count()).filter(|j| (i + j) % 3 > 0).collect();
        tiles.range(i).for_each(|row| finish_row(&join, row, some.iter().copied()));
        some.iter().skip(1).for_each(|&j| remaining.done(i, j));
    }
    Cpu::default().finish(&join, &remaining, &Progress::hidden()).expect("a kernel");
    assert_eq!(join.into_lists(), expected);
}

#[test]
fn vectors_whose_products_might_overflow_are_refused() {
    let top_k = |dimension| {
        let (matrix, lists) = everything(4, dimension, 4);
        Cpu::default().top_k(&matrix, &lists, &Progress::hidden())
    };
    assert!(top_k(MAX_DIMENSION).is_ok());
    let error = top_k(MAX_DIMENSION + 1).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("133145 components"), "{error}");
}

/// All integers of one sign and full size: what a kernel adds up goes furthest.
#[test]
fn the_longest_vectors_of_one_sign_are_compared() {
    let mut vectors = Vectors::new(MAX_DIMENSION, 3);
    for row in 0..3 {
        let mut raw = vec![1.0; MAX_DIMENSION];
        raw[row] = 0.5;
        vectors.insert(row, &raw).expect("finite and not zero");
    }
    let (matrix, lists) = (Matrix::gather(&vectors, 0..3), Lists::everything(3, 2));
    let found = Cpu::default().top_k(&matrix, &lists, &Progress::hidden()).expect("lists").lists.remove(0);
    for (anchor, list) in found.iter().enumerate() {
        let list: Vec<(u32, f32)> = list.iter().map(|e| (e.row, e.score)).collect();
        assert_eq!(list, naive(&matrix, &lists, anchor));
    }
}

proptest! {
    #[test]
    fn gathered_rows_keep_their_products(rows in 2_usize..90, dimension in 1_usize..200, some in prop::collection::vec(any::<prop::sample::Index>(), 1..60)) {
        let (matrix, lists) = everything(rows, dimension, rows);
        let tiles = Tiles::new(&lists, rows, 50);
        let some: Vec<u32> = some.iter().map(|index| number(index.index(rows))).collect();
        for kernel in Kernel::available() {
            let panels = Panels::new(Rows::new(&matrix, None), &tiles, kernel);
            let anchors = panels.anchors(0);
            let products = |panel: &Panel| {
                let mut products = Vec::new();
                panels.products(&anchors, 0..anchors.len(), panel, &mut products);
                products
            };
            let (gathered, all) = (panels.gather(&some, 50), [0, tiles.count() - 1].map(|tile| products(panels.panel(tile))));
            let of_some = products(&gathered);
            for (place, row) in some.iter().map(|&row| row as usize).enumerate() {
                let panel = panels.panel(row / 50);
                prop_assert_eq!(gathered.residuals().map(|of_role| of_role[place]), panel.residuals().map(|of_role| of_role[row % 50]));
                for anchor in 0..tiles.range(0).len() {
                    let expected = all[row / 50][anchor * panel.columns() + row % 50];
                    prop_assert_eq!(of_some[anchor * gathered.columns() + place].to_bits(), expected.to_bits());
                }
            }
        }
    }
}

/// Half of what looks like the rows of a tile lies far away.
#[test]
fn seeds_show_what_most_lists_need() {
    let matrix = clusters(1200, 64, 100);
    let lists = Lists::everything(1200, 5);
    let halves: Vec<u32> = (0..1200).map(|at| at % 600 / 50 * 100 + at / 600 * 50 + at % 50).collect();
    let tiles = Tiles::new(&lists, 1200, 50);
    let join = Join::new(Rows::new(&matrix, Some(&halves)), &lists, &tiles);
    let remaining = Remaining::new(&tiles);
    let scan = Scan::new(&join, kernel().unwrap());
    (0..tiles.count().div_ceil(GROUP)).for_each(|group| scan.seed(scan.group(group), &remaining));
    let thresholds: Vec<f32> = (0..1200).map(|row| scan.thresholds.get(row, 0)).collect();
    Cpu::default().finish(&join, &remaining, &Progress::hidden()).expect("a kernel");
    let found = join.into_lists().remove(0);
    let shown = |known: &[f32]| {
        let nearly = found.iter().zip(known).filter(|(list, known)| **known > list[4].score - 0.003);
        nearly.count()
    };
    assert!(found.iter().zip(&thresholds).all(|(list, known)| *known <= list[4].score));
    // As many rows from everywhere say far less.
    let spread: Vec<u32> = (0..120).map(|at| at * 10).collect();
    let of_spread = |row: &u32| {
        let mut scores = matrix.scores(*row as usize, &spread);
        scores.sort_by(|a, b| b.total_cmp(a));
        scores[4]
    };
    let by_spread: Vec<f32> = halves.iter().map(of_spread).collect();
    assert!(
        shown(&thresholds) > 1100 && shown(&by_spread) < 400,
        "{} and {} of 1200",
        shown(&thresholds),
        shown(&by_spread)
    );
}
