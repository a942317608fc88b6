//! Before a device is trusted it must find a known answer; before it is used it must show how fast it is in which arithmetic.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Gpu;
use super::drive::worth_a_strip;
use super::exchange::{EVERYTHING, NOTHING, unkey};
use super::kernels::{Arithmetic, TILE, narrow};
use super::pace::Offer;
use super::panels::Layout;
use super::session::{Dispatch, Harvest};
use super::shape::{Shape, shape};
use super::walk;
use crate::device::Fault;
use crate::embedding::Vectors;
use crate::rules::GroupScope;
use crate::similarity::int8::MAX_DIMENSION;
use crate::similarity::join::Join;
use crate::similarity::remaining::Remaining;
use crate::similarity::rows::Rows;
use crate::similarity::tiles::Tiles;
use crate::similarity::{Lists, Matrix, NO_LIST, RefusedPairs, RuleLists, canonical_score};

/// Pairs of tiles in the largest strip of a trial.
pub(super) const TRIAL_ITEMS: usize = 1 << 14;

/// Tiles that a trial multiplies with each other, again and again.
const TILES: usize = 8;

/// A strip of a trial that takes this long says enough.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

/// Rows and components of the self-test: three tiles, one of them not full; a part of a step.
const ROWS: usize = 300;
const DIMENSION: usize = 40;

/// The lowest score that the self-test asks each of its rules for. Its scores are multiples of 0.25.
const CUTS: [f32; 2] = [0.6, 0.1];

/// What the device offers for these vectors, the fastest kernel first.
pub(super) fn offers(gpu: &Gpu, join: &Join<'_>) -> Result<Vec<Offer>, Fault> {
    let wide = join.rows.dimension() > MAX_DIMENSION;
    let wanted = |&arithmetic: &Arithmetic| gpu.options.arithmetic.is_none_or(|only| only == arithmetic);
    let possible = |&arithmetic: &Arithmetic| !(wide && arithmetic == Arithmetic::Int8);
    let mut choices: Vec<Arithmetic> = gpu.offers().filter(possible).filter(wanted).collect();
    if choices.is_empty() {
        choices.push(Arithmetic::F32);
    }
    if let (&[arithmetic], Some(strip)) = (choices.as_slice(), gpu.options.strip) {
        return Ok(vec![Offer { arithmetic, item: Duration::ZERO, strip: strip.max(1) }]);
    }
    let offer = |arithmetic: Arithmetic| {
        let (items, busy) = time(gpu, join, arithmetic)?;
        let item = busy / u32::try_from(items).expect("a strip is small");
        tracing::debug!("{}: a pair of tiles takes {item:?} in {}", gpu.name(), arithmetic.name());
        // Nothing survives in a trial, and everything lies in the cache: begin with less.
        let strip = gpu.options.strip.unwrap_or_else(|| worth_a_strip(items, busy).div_ceil(4)).max(1);
        Ok(Offer { arithmetic, item, strip })
    };
    let mut offers = choices.into_iter().map(offer).collect::<Result<Vec<Offer>, Fault>>()?;
    offers.sort_by_key(|offer| offer.item);
    Ok(offers)
}

/// Pairs of tiles of a strip without survivors, and how long the device took for it.
pub(super) fn time(gpu: &Gpu, join: &Join<'_>, arithmetic: Arithmetic) -> Result<(usize, Duration), Fault> {
    let layout = Layout { join, arithmetic };
    let shape = shape(gpu, &layout, TILES);
    let (tiles, rules) = (shape.chunk, shape.rule_count);
    prepare(gpu, shape, &layout)?;
    let strip = |items: usize| Dispatch {
        chunks: (0, 0),
        first_row: [0, 0],
        rows: [tiles * TILE; 2],
        work: (0..items).map(|item| [narrow(item % tiles), narrow(item / tiles % tiles), 1, 1]).collect(),
        cuts: vec![NOTHING; rules * tiles * TILE],
    };
    // The first strip also compiles.
    run(gpu, strip(1))?;
    let mut items = 16;
    loop {
        let busy = run(gpu, strip(items))?.busy;
        if busy >= LONG_ENOUGH || items == TRIAL_ITEMS {
            return Ok((items, busy));
        }
        items *= 2;
    }
}

/// Runs both tile kernels over a small made-up shop whose answer is known, through every condition that a kernel tests.
pub(super) fn self_test(gpu: &Gpu) -> Result<(), Fault> {
    let (matrix, lists) = shop();
    let tiles = Tiles::new(&lists, matrix.rows(), TILE);
    let join = Join::new(Rows::new(&matrix, None), &lists, &tiles);
    for arithmetic in gpu.offers() {
        let wrong =
            |what: String| Fault::WrongAnswer { message: format!("{} in the self-test: {what}", arithmetic.name()) };
        let layout = Layout { join: &join, arithmetic };
        let mut shape = shape(gpu, &layout, tiles.count());
        (shape.slots, shape.room, shape.poison) = (ROWS, 2 * ROWS * ROWS, true);
        let k = shape.k;
        prepare(gpu, shape, &layout)?;
        let survivors = survivors(&run(gpu, strip(&join, CUTS))?)?;
        compare(&join, &survivors).map_err(wrong)?;
        let (strip, timeout) = (strip(&join, [EVERYTHING; 2]), gpu.options.timeout);
        let seeded = gpu.worker.start(move |session| {
            // In two parts, as in a night.
            let (half, all) = (strip.work.len() / 2, strip.work.len());
            session.seed(&strip, 0..half, timeout)?;
            session.seed(&strip, half..all, timeout)?;
            session.seeds(strip.local_rows(), timeout)
        });
        let keys = seeded.wait(timeout)?;
        compare_seeds(&join, &keys, &k).map_err(wrong)?;
    }
    let timeout = gpu.options.timeout;
    gpu.worker.start(move |session| Ok(session.finish(timeout))).wait(timeout).map(drop)
}

pub(super) fn prepare(gpu: &Gpu, shape: Shape, layout: &Layout<'_>) -> Result<(), Fault> {
    let (chunk, timeout) = (layout.chunk(0..shape.chunk), gpu.options.timeout);
    let prepared = gpu.worker.start(move |session| {
        session.prepare(shape)?;
        session.load(0, 0, &chunk, timeout)
    });
    prepared.wait(timeout).map(drop)
}

pub(super) fn run(gpu: &Gpu, strip: Dispatch) -> Result<Harvest, Fault> {
    let timeout = gpu.options.timeout;
    let done = gpu.worker.start(move |session| {
        session.launch(0, &strip)?;
        session.collect(0, timeout)
    });
    done.wait(timeout)
}

/// Every pair of tiles of the made-up shop, with one cut for all lists of a rule.
fn strip(join: &Join<'_>, cuts: [f32; 2]) -> Dispatch {
    let remaining = Remaining::new(join.tiles);
    let all = 0..join.tiles.count();
    let items = walk::rounds(join.tiles, &remaining, &all, &all).concat();
    let rows = join.tiles.count() * TILE;
    let cut = |rule: usize, row: usize| {
        let listed = row < ROWS && join.lists.rules[rule].scope[row] != NO_LIST;
        if listed { cuts[rule] } else { NOTHING }
    };
    Dispatch {
        chunks: (0, 0),
        first_row: [0, 0],
        rows: [rows; 2],
        work: items.iter().map(|item| item.words(0, 0)).collect(),
        cuts: (0..2).flat_map(|rule| (0..rows).map(move |row| cut(rule, row))).collect(),
    }
}

/// The pairs that came, with their values' distance from the canonical score forgotten: (anchor, candidate, in quarters).
fn survivors(harvest: &Harvest) -> Result<BTreeSet<(usize, usize, i32)>, Fault> {
    let mut found = BTreeSet::new();
    for (anchor, &[start, count]) in harvest.places.iter().enumerate() {
        let (start, end) = (start as usize, start as usize + count as usize);
        let Some(own) = harvest.packed.get(start..end) else {
            return Err(Fault::WrongAnswer { message: format!("{count} survivors of row {anchor} in the self-test") });
        };
        found.extend(own.iter().map(|&[row, bits]| (anchor, row as usize, quarters(f32::from_bits(bits)))));
    }
    Ok(found)
}

/// Compares with what the definition of a survivor gives.
fn compare(join: &Join<'_>, found: &BTreeSet<(usize, usize, i32)>) -> Result<(), String> {
    let mut expected = BTreeSet::new();
    for (anchor, candidate) in (0..ROWS * ROWS).map(|pair| (pair / ROWS, pair % ROWS)) {
        let score = canonical_score(join.rows.row(anchor), join.rows.row(candidate));
        let mut rules = join.lists.rules.iter().zip(CUTS);
        let wanted = |(rule, cut): (&RuleLists, f32)| {
            score >= cut && rule.scope[anchor] != NO_LIST && join.lists.admits(rule, anchor, candidate)
        };
        if !join.classes.same(anchor, candidate) && rules.any(wanted) {
            expected.insert((anchor, candidate, quarters(score)));
        }
    }
    match expected.symmetric_difference(found).next() {
        None => Ok(()),
        Some(&(anchor, candidate, score)) => {
            let (came, due) = (found.len(), expected.len());
            Err(format!(
                "row {candidate} for row {anchor} with {score}/4 is on one side only; {came} pairs came, {due} were due"
            ))
        }
    }
}

/// Compares the seeds with the K-th best bucket of each list.
fn compare_seeds(join: &Join<'_>, keys: &[u32], k: &[u32]) -> Result<(), String> {
    let lists = join.lists;
    for (list, &key) in keys.iter().enumerate().take(ROWS * lists.rules.len()) {
        let (row, number) = (list / lists.rules.len(), list % lists.rules.len());
        let rule = &lists.rules[number];
        // A group is a bucket of its own here: there are fewer groups than buckets.
        let mut best: Vec<Option<i32>> = vec![None; ROWS];
        for candidate in (0..ROWS).filter(|&c| rule.scope[row] != NO_LIST && lists.admits(rule, row, c)) {
            if !join.classes.same(row, candidate) {
                let score = quarters(canonical_score(join.rows.row(row), join.rows.row(candidate)));
                let held = &mut best[lists.group[candidate] as usize];
                *held = (*held).max(Some(score));
            }
        }
        best.sort_unstable_by(|a, b| b.cmp(a));
        let expected = best[k[number] as usize - 1];
        let came = (key != 0).then(|| quarters(unkey(key)));
        if came != expected {
            return Err(format!("rule {number}, row {row}: seed {came:?}/4 instead of {expected:?}/4"));
        }
    }
    Ok(())
}

/// A score as a number of quarters; one that is not near any spoils the comparison.
#[expect(clippy::cast_possible_truncation, reason = "far from the limits, or wrong")]
fn quarters(score: f32) -> i32 {
    let near = (4.0 * score).round();
    if (4.0 * score - near).abs() < 1e-3 { near as i32 } else { i32::MAX }
}

/// A shop with a known answer: vectors with four components of ±1/2, so that every score is a multiple of 1/4 and exact in
/// any arithmetic, and two rules that use every condition.
fn shop() -> (Matrix, Lists) {
    let mut vectors = Vectors::new(DIMENSION, ROWS);
    let mut state = 1_u32;
    let mut below = |n: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % n
    };
    for row in 0..ROWS {
        let mut raw = [0.0_f32; DIMENSION];
        while raw.iter().filter(|v| **v != 0.0).count() < 4 {
            // Half of the components are never set in one half of the rows, so that some pairs have nothing in common.
            raw[(below(10) * 4 + below(2)) as usize] = if below(4) == 0 { -0.5 } else { 0.5 };
        }
        vectors.insert(row, &raw).expect("finite and not zero");
    }
    let mut column = |n: u32| (0..ROWS).map(|_| below(n)).collect::<Vec<u32>>();
    let (price_rank, codes, starts) = (column(20), vec![column(3), column(4)], column(15));
    let everything = RuleLists {
        visual: true,
        k: 5,
        min_score: f32::NEG_INFINITY,
        group: GroupScope::Other,
        scopes: vec![std::iter::once(0..narrow(ROWS)).collect()],
        scope: vec![0; ROWS],
        bands: None,
        must_match: Vec::new(),
        must_differ: Vec::new(),
        refused: None,
        refused_pairs: RefusedPairs::default(),
        caps: None,
    };
    let picky = RuleLists {
        k: 2,
        min_score: f32::NEG_INFINITY,
        group: GroupScope::Any,
        scopes: vec![Box::from([3..100, 120..260]), Box::from([0..5, 7..9, 50..130, 290..299])],
        scope: (0..ROWS).map(|row| if row % 7 == 0 { NO_LIST } else { narrow(row % 2) }).collect(),
        bands: Some(starts.iter().map(|&start| start..start + 9).collect()),
        must_match: vec![0],
        must_differ: vec![1],
        ..everything.clone()
    };
    let lists = Lists {
        id_rank: (0..narrow(ROWS)).collect(),
        group: (0..narrow(ROWS)).map(|row| row / 24).collect(),
        price_rank,
        codes,
        rules: vec![everything, picky],
    };
    (Matrix::gather(&vectors, 0..ROWS), lists)
}
