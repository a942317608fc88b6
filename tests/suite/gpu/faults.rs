//! Whatever goes wrong with a device, whenever it does, costs time and never a list, and the log says so in one line.

use std::io::{self, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;
use twinset::catalog::{Catalog, Category, Product};
use twinset::device::fault::{Injection, Kind, Point};
use twinset::device::{Fault, Faults};
use twinset::embedding::Vectors;
use twinset::money::{Currency, Price};
use twinset::plan::{Plan, Sight};
use twinset::progress::Progress;
use twinset::rules::complements::Complements;
use twinset::rules::defaults;
use twinset::similarity::gpu::kernels::Arithmetic;
use twinset::similarity::gpu::{Gpu, Options};
use twinset::similarity::{Matrix, Report, Similarity, TopK};

use super::{adapter, by_cpu, differing, sizes, work};
use crate::engines::Chance;

const POINTS: [Point; 5] = [Point::Allocate, Point::Upload, Point::Submit, Point::Poll, Point::Read];

/// A shop, and what its lists must be.
struct Bench {
    matrix: Matrix,
    plan: Plan,
    expected: Vec<TopK>,
}

/// What a fault must lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The report names the fault in one of these ways, and the CPU does the rest.
    Fault(&'static [&'static str]),
    /// The device finds a way.
    Mended,
}

impl Bench {
    fn new(tiles: usize) -> Bench {
        let (matrix, plan) = clustered(128 * tiles - 7, 12);
        let expected = by_cpu(&matrix, &plan.lists);
        Bench { matrix, plan, expected }
    }

    /// Runs with faults injected, checks that no list changed and what was said; returns the report and the info lines.
    fn run(&self, options: &Options, injections: &[Injection], end: End, what: &str) -> (Report, usize) {
        let gpu = open(options, Faults::new(injections)).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).without_time().finish();
        let start = Instant::now();
        let found = tracing::subscriber::with_default(subscriber, || {
            gpu.top_k(&self.matrix, &self.plan.lists, &Progress::hidden()).expect("lists")
        });
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: hung for {:?}", start.elapsed());
        if let Some(difference) = differing(&found.lists, &self.expected) {
            panic!("{what}: {difference}");
        }
        let (warned, said) = (log.lines("WARN"), log.lines("INFO"));
        let (report, total) = (found.report, work(&self.matrix, &self.plan.lists));
        println!("{what}: {} of {total} pairs on the CPU; {}", report.pairs_on_cpu, warned.join(" | "));
        assert!(report.pairs_on_device + report.pairs_on_cpu >= total, "{what}: {report:?}");
        match end {
            End::Mended => {
                assert_eq!((&report.fault, warned.len(), report.pairs_on_cpu), (&None, 0, 0), "{what}: {warned:?}");
            }
            End::Fault(texts) => {
                let fault = report.fault.as_deref().unwrap_or_else(|| panic!("{what}: no fault"));
                assert!(texts.iter().any(|text| fault.contains(text)), "{what}: `{fault}` says none of {texts:?}");
                assert!(report.pairs_on_cpu > 0, "{what}: nothing was left to the CPU");
                assert_eq!(warned.len(), 1, "{what}: {warned:?}");
                assert!(warned[0].contains(fault) && warned[0].contains("the CPU does"), "{warned:?}");
            }
        }
        (report, said.len())
    }

    /// How often a run with these options passes each point: while the device is opened, and all in all.
    fn passes(&self, options: &Options) -> [(usize, usize); 5] {
        // Naps too short to matter, each of its own length, tell how many there were.
        let mark = |at| move |after| Injection { at, after, what: Kind::Hang(Duration::from_nanos(after as u64)) };
        let faults = Faults::new(&POINTS.iter().flat_map(|&at| (0..4000).map(mark(at))).collect::<Vec<_>>());
        let mut seen = 0;
        let mut count = |at| match faults.pass(at) {
            Some(Kind::Hang(nap)) => {
                seen += 1;
                // The look itself was a pass.
                usize::try_from(nap.as_nanos()).expect("a short nap") - (seen - 1) / POINTS.len()
            }
            other => panic!("{other:?} at {at:?}: more passes than expected"),
        };
        let gpu = open(options, faults.clone()).expect("a device that passes its self-test");
        let opened = POINTS.map(&mut count);
        let found = gpu.top_k(&self.matrix, &self.plan.lists, &Progress::hidden()).expect("lists");
        assert_eq!(found.report.fault, None);
        let done = POINTS.map(count);
        std::array::from_fn(|at| (opened[at], done[at]))
    }
}

fn open(options: &Options, faults: Faults) -> Result<Gpu, Fault> {
    Gpu::open(&adapter(), Options { faults, poison: true, ..options.clone() })
}

fn full(at: Point, after: usize) -> Injection {
    Injection { at, after, what: Kind::OutOfMemory }
}

fn options(chunk: usize, strip: usize, arithmetic: Arithmetic) -> Options {
    Options { arithmetic: Some(arithmetic), slots: None, ..sizes(chunk, 9, strip, 0) }
}

/// What is logged on the thread of a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, level: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().expect("no panic while writing").clone()).expect("UTF-8");
        text.lines().filter(|line| line.trim_start().starts_with(level)).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_that_fails_leaves_the_rest_to_the_cpu() {
    let bench = Bench::new(5);
    let (panic, lose, invalid) = (Kind::Panic, Kind::Lose, Kind::Invalid);
    for (arithmetic, kinds) in [
        // At the first pass of a point, at one in the middle, and at the last.
        (Arithmetic::F32, [&[panic, lose][..], &[panic, lose, invalid], &[lose]]),
        (Arithmetic::Int8, [&[][..], &[lose], &[]]),
    ] {
        let options = options(2, 2, arithmetic);
        for (at, (opened, done)) in POINTS.into_iter().zip(bench.passes(&options)) {
            for (after, kinds) in [opened, usize::midpoint(opened, done), done - 1].into_iter().zip(kinds) {
                for &what in kinds {
                    let end = End::Fault(match what {
                        Kind::Panic => &["the device thread panicked: injected at"],
                        // What was under way may be refused before wgpu says why.
                        Kind::Lose => &["the device was lost", "the device refused a read"],
                        _ => &["the device refused an operation"],
                    });
                    let row = format!("{arithmetic:?} {what:?} at {at:?} {after} of {opened}..{done}");
                    bench.run(&options, &[Injection { at, after, what }], end, &row);
                }
            }
        }
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_that_answers_wrongly_after_its_self_test_is_not_believed() {
    let bench = Bench::new(5);
    let wrong = |after| Injection { at: Point::Answer, after, what: Kind::WrongAnswer };
    // Each arithmetic's self-test looks at one answer.
    let all: Vec<_> = (2..1000).map(wrong).collect();
    let end = End::Fault(&["the CPU finds other lists"]);
    let (report, _) = bench.run(&options(5, 8, Arithmetic::F32), &all, end, "every strip finds nothing");
    assert_eq!(report.pairs_on_cpu, work(&bench.matrix, &bench.plan.lists), "something was kept");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn memory_that_runs_out_is_asked_for_in_smaller_pieces() {
    let bench = Bench::new(5);
    for arithmetic in [Arithmetic::F32, Arithmetic::Int8] {
        let options = options(5, 8, arithmetic);
        for (at, (opened, done)) in POINTS.into_iter().zip(bench.passes(&options)) {
            // Every allocation; the first, a middle and the last pass of the other points. In int8 only the scales are new.
            let step = match (at, arithmetic) {
                (Point::Allocate, Arithmetic::F32) => 1,
                (_, Arithmetic::F32) => (done - opened - 1).div_ceil(2),
                (Point::Allocate, Arithmetic::Int8) => done - opened - 1,
                _ => continue,
            };
            for after in (opened..done).step_by(step) {
                let row = format!("{arithmetic:?} memory full at {at:?} {after} of {opened}..{done}");
                let (_, said) = bench.run(&options, &[full(at, after)], End::Mended, &row);
                assert_eq!(said, 1, "{row}: trying again is said once");
            }
        }
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn memory_that_runs_out_again_is_asked_for_in_even_smaller_pieces() {
    let bench = Bench::new(10);
    let options = options(10, 16, Arithmetic::F32);
    let (opened, done) = bench.passes(&options)[0];
    // At the first allocation, and at some of the second attempt, of which the last one finds a chunk to take the place of.
    for later in (opened + 1..done + 3).step_by(4) {
        let row = format!("memory full at Allocate {opened} and {later}");
        let injections = [full(Point::Allocate, opened), full(Point::Allocate, later)];
        let (_, said) = bench.run(&options, &injections, End::Mended, &row);
        assert_eq!(said, 2, "{row}");
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_chunk_that_finds_no_memory_takes_the_place_of_another() {
    let bench = Bench::new(5);
    let options = options(1, 2, Arithmetic::F32);
    let (opened, done) = bench.passes(&options)[0];
    // Five chunks of two buffers each come last. The first two must fit: a strip needs both of its chunks.
    for after in done - 6..done {
        let row = format!("memory full at Allocate {after} of {opened}..{done}");
        let (_, said) = bench.run(&options, &[full(Point::Allocate, after)], End::Mended, &row);
        assert_eq!(said, 0, "{row}: another chunk made room");
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn memory_that_stays_full_ends_the_device() {
    let bench = Bench::new(5);
    let options = options(5, 8, Arithmetic::F32);
    for (at, (opened, _)) in POINTS.into_iter().zip(bench.passes(&options)) {
        let injections: Vec<_> = (opened..opened + 2000).map(|after| full(at, after)).collect();
        let row = format!("memory always full at {at:?}");
        let (_, said) = bench.run(&options, &injections, End::Fault(&["no memory left"]), &row);
        assert_eq!(said, 1, "{row}: five tiles a chunk, then two");
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_that_hangs_is_given_up_in_time() {
    let bench = Bench::new(5);
    // What is compiled by now lies in the driver's cache.
    let plain = options(2, 2, Arithmetic::F32);
    let passes = bench.passes(&plain);
    let start = Instant::now();
    drop(open(&plain, Faults::default()).expect("a device that passes its self-test"));
    let options = Options { timeout: Duration::from_millis(500) + 4 * start.elapsed(), ..plain };
    for at in [Point::Submit, Point::Poll, Point::Read] {
        let place = POINTS.iter().position(|&point| point == at).expect("a point");
        let (opened, done) = passes[place];
        let after = usize::midpoint(opened, done);
        let row = format!("hangs at {at:?} {after} of {opened}..{done}, given up after {:?}", options.timeout);
        let injection = Injection { at, after, what: Kind::Hang(Duration::from_mins(1)) };
        bench.run(&options, &[injection], End::Fault(&["gave no answer"]), &row);
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_that_fails_while_it_is_opened_is_not_used() {
    let first = |at, what| [Injection { at, after: 0, what }];
    let cases = [
        (Point::Open, Kind::Lose, "the device was lost"),
        (Point::Compile, Kind::Panic, "injected at Compile"),
        (Point::Compile, Kind::Invalid, "the device refused"),
        (Point::Allocate, Kind::OutOfMemory, "no memory left"),
        (Point::Submit, Kind::Lose, "the device was lost"),
        (Point::Answer, Kind::WrongAnswer, "computes wrongly: f32 in the self-test"),
    ];
    for (at, what, text) in cases {
        let fault = open(&Options::default(), Faults::new(&first(at, what))).expect_err("a device that fails");
        println!("{what:?} at {at:?} while it is opened: {fault}");
        assert!(fault.to_string().contains(text), "{what:?} at {at:?}: {fault}");
        assert_eq!(matches!(fault, Fault::WrongAnswer { .. }), what == Kind::WrongAnswer);
    }
    let second = [Injection { at: Point::Answer, after: 1, what: Kind::WrongAnswer }];
    let fault = open(&Options::default(), Faults::new(&second)).expect_err("a device that fails");
    assert!(fault.to_string().contains("int8 in the self-test"), "{fault}");
}

/// One row of the table in a process of its own, to see what it prints.
#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_contained_panic_prints_nothing() {
    const CHILD: &str = "TWINSET_TEST_PANIC";
    if std::env::var_os(CHILD).is_some() {
        let bench = Bench::new(5);
        let options = options(2, 2, Arithmetic::F32);
        let after = bench.passes(&options)[3].0;
        let injection = Injection { at: Point::Poll, after, what: Kind::Panic };
        bench.run(&options, &[injection], End::Fault(&["injected at Poll"]), "a panic");
        return;
    }
    let name = "gpu::faults::a_contained_panic_prints_nothing";
    let mut child = Command::new(std::env::current_exe().expect("the path of this test"));
    let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().expect("the test starts");
    let printed = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {printed}{said}", output.status);
    assert!(!printed.contains("panicked"), "{printed}");
}

/// A shop under the default rules: departments, categories, prices, brands.
fn plan(count: usize, chance: &mut Chance) -> Plan {
    let mut catalog = Catalog { attributes: vec!["brand".into()], ..Catalog::default() };
    for row in 0..count {
        let (department, category) = (chance.below(6), chance.below(9));
        catalog.products.push(Product {
            row: row as u64 + 1,
            id: format!("{:x}-{row}", chance.below(1 << 20)),
            title: None,
            category: Category::parse(&format!("D{department}/C{category}")),
            price: Price::from_units(i64::try_from(chance.below(20_000)).expect("small") * 100 + 99),
            currency: Currency::parse("USD"),
            image: None,
            further_images: Box::default(),
            group: (chance.below(3) == 0).then(|| format!("g{}", chance.below(count as u64 / 6 + 1))),
            margin: None,
            in_stock: chance.below(20) > 0,
            in_season: true,
            attributes: vec![Some(format!("b{}", chance.below(40)))],
        });
    }
    Plan::new(&catalog, &vec![Sight::Seen; count], &defaults(), &Complements::default())
}

/// `count` products in clusters, as photographs of a catalog are.
fn clustered(count: usize, dimension: usize) -> (Matrix, Plan) {
    let mut chance = Chance(11);
    let plan = plan(count, &mut chance);
    let mut vector = |spread: f32| (0..dimension).map(|_| spread * chance.component()).collect::<Vec<f32>>();
    let centers: Vec<Vec<f32>> = (0..count / 50).map(|_| vector(1.0)).collect();
    let mut vectors = Vectors::new(dimension, count);
    for row in 0..count {
        let near = centers[row * 7 % centers.len()].iter().zip(vector(0.5)).map(|(c, v)| c + v);
        vectors.insert(row, &near.collect::<Vec<f32>>()).expect("finite and not zero");
    }
    (Matrix::gather(&vectors, plan.seen_products()), plan)
}
