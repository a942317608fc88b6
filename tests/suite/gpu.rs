//! The GPU engine on whatever device is there, mostly Mesa's software Vulkan: the same lists as the CPU engine, byte for byte,
//! in every shape of the work and after every fault.

mod faults;
mod large;
pub mod night;
mod random;

use std::sync::Mutex;
use std::time::Duration;

use twinset::device::adapters::{Adapter, AdapterKind, enumerate};
use twinset::embedding::Vectors;
use twinset::error::Result;
use twinset::progress::Progress;
use twinset::rules::GroupScope;
use twinset::similarity::cpu::Cpu;
use twinset::similarity::gpu::kernels::{Arithmetic, TILE};
use twinset::similarity::gpu::{Gpu, Options};
use twinset::similarity::lists::NO_PRICE;
use twinset::similarity::remaining::Remaining;
use twinset::similarity::tiles::Tiles;
use twinset::similarity::{Found, Lists, Matrix, RefusedPairs, Report, RuleLists, Similarity, TopK};

use crate::engines::{Chance, conformance};

/// The device to test on: software Vulkan where it is there, since it is everywhere the same.
pub fn adapter() -> Adapter {
    let mut all = enumerate(Duration::from_mins(1)).expect("an answer of the drivers");
    let software = all.iter().position(|adapter| adapter.facts.kind == AdapterKind::Software);
    assert!(
        !all.is_empty(),
        "no Vulkan, Metal or DX12 device: install Mesa's software Vulkan (on Debian `apt-get install mesa-vulkan-drivers \
         libvulkan1`), or set TWINSET_GPU_TESTS=skip"
    );
    all.swap_remove(software.unwrap_or(0))
}

/// An engine with poisoned outputs.
pub fn engine(options: Options) -> Gpu {
    Gpu::open(&adapter(), Options { poison: true, ..options }).expect("a device that passes its self-test")
}

/// The sizes of the work: tiles of a chunk, chunks on the device, pairs of tiles in a strip, slots of a row.
pub fn sizes(chunk: usize, residents: usize, strip: usize, slots: usize) -> Options {
    Options {
        chunk: Some(chunk),
        residents: Some(residents),
        strip: Some(strip),
        slots: Some(slots),
        ..Options::default()
    }
}

/// Pairs of rows that a device has to propose from.
pub fn work(matrix: &Matrix, lists: &Lists) -> u64 {
    Remaining::new(&Tiles::new(lists, matrix.rows(), TILE)).pairs()
}

/// The lists of the CPU engine.
pub fn by_cpu(matrix: &Matrix, lists: &Lists) -> Vec<TopK> {
    Cpu::default().top_k(matrix, lists, &Progress::hidden()).expect("lists").lists
}

/// Says where two engines differ, if they do.
pub fn differing(found: &[TopK], expected: &[TopK]) -> Option<String> {
    assert_eq!(found.len(), expected.len());
    let rules = found.iter().zip(expected).enumerate();
    let mut lists = rules.flat_map(|(rule, (found, expected))| {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).enumerate().map(move |(row, pair)| (rule, row, pair))
    });
    let (rule, row, (list, due)) = lists.find(|(_, _, (list, due))| list != due)?;
    Some(format!("rule {rule}, row {row}: {list:?} instead of {due:?}"))
}

/// A device that must do everything itself; adds up its reports.
pub struct Watched<'a> {
    gpu: &'a Gpu,
    total: Mutex<Report>,
}

impl<'a> Watched<'a> {
    pub fn new(gpu: &'a Gpu) -> Watched<'a> {
        Watched { gpu, total: Mutex::default() }
    }
}

impl Similarity for Watched<'_> {
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found> {
        let found = self.gpu.top_k(matrix, lists, progress)?;
        let report = &found.report;
        assert_eq!(report.fault, None);
        assert_eq!((report.pairs_on_device, report.pairs_on_cpu), (work(matrix, lists), 0));
        let mut total = self.total.lock().expect("no test thread panicked");
        total.strips += report.strips;
        total.rows_rerun += report.rows_rerun;
        total.rows_on_cpu += report.rows_on_cpu;
        Ok(found)
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn the_gpu_engine_conforms() {
    for arithmetic in [Arithmetic::F32, Arithmetic::Int8] {
        let shapes = [Options::default(), sizes(1, 2, 1, 128), sizes(2, 2, 3, 4), sizes(1, 2, 1, 1)];
        for (at, shape) in shapes.into_iter().enumerate() {
            let tight = shape.slots == Some(1);
            let gpu = engine(Options { arithmetic: Some(arithmetic), ..shape });
            let watched = Watched::new(&gpu);
            conformance(&watched).unwrap_or_else(|why| panic!("{arithmetic:?}, shape {at}: {why}"));
            let total = watched.total.into_inner().expect("no test thread panicked");
            let overflow = (total.rows_rerun, total.rows_on_cpu);
            println!("{arithmetic:?}, shape {at}: {} strips, rows again and on the CPU: {overflow:?}", total.strips);
            assert!(!tight || (overflow.0 > 0 && overflow.1 > 0), "one slot must overflow, again and again");
        }
    }
}

/// Looks of which some have one large component, beside which the small ones that tell them apart round to nothing in int8; the
/// others have only small ones. Each tile is recommended the other kind.
#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn what_quantization_loses_still_decides() {
    const ROWS: u32 = 1000;
    const DIMENSION: usize = 200;
    let mut chance = Chance(21);
    let base: Vec<f32> = (0..DIMENSION).map(|_| chance.component().signum()).collect();
    let mut vectors = Vectors::new(DIMENSION, ROWS as usize);
    for row in 0..ROWS as usize {
        let mut look: Vec<f32> = base.iter().map(|b| b + 0.5 * chance.component()).collect();
        look[0] = if (row / TILE).is_multiple_of(2) { 500.0 } else { 0.0 };
        vectors.insert(row, &look).expect("finite and not zero");
    }
    let matrix = Matrix::gather(&vectors, 0..ROWS as usize);
    let other_half = RuleLists {
        visual: true,
        k: 5,
        min_score: f32::NEG_INFINITY,
        group: GroupScope::Other,
        scopes: vec![std::iter::once(0..ROWS).collect()],
        scope: vec![0; ROWS as usize],
        bands: None,
        must_match: Vec::new(),
        must_differ: vec![0],
        refused: None,
        refused_pairs: RefusedPairs::default(),
        caps: None,
    };
    let lists = Lists {
        id_rank: (0..ROWS).collect(),
        group: (0..ROWS).collect(),
        price_rank: vec![NO_PRICE; ROWS as usize],
        codes: vec![(0..ROWS).map(|row| 1 + row / 128 % 2).collect()],
        rules: vec![other_half],
    };
    let expected = by_cpu(&matrix, &lists);
    // Late strips meet lists that are filled on both sides.
    for shape in [Options::default(), sizes(8, 2, 1, 64)] {
        let gpu = engine(Options { arithmetic: Some(Arithmetic::Int8), ..shape });
        let found = Watched::new(&gpu).top_k(&matrix, &lists, &Progress::hidden()).expect("lists");
        assert_eq!(differing(&found.lists, &expected), None);
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_shop_without_vectors_is_no_work() {
    let nothing = Matrix::gather(&Vectors::new(0, 0), 0..0);
    let gpu = engine(Options::default());
    let found = gpu.top_k(&nothing, &Lists::default(), &Progress::hidden()).expect("lists");
    assert_eq!((found.lists.len(), found.report.fault, found.report.strips), (0, None, 0));
}
