//! How fast a device is, for `twinset bench` and `twinset devices`. This file refuses lists: nothing survives in its strips, and
//! nothing here is part of a night.

use std::time::{Duration, Instant};

use bytemuck::bytes_of;
use wgpu::BufferUsages;

use super::exchange::NOTHING;
use super::kernels::{Arithmetic, Kernel, PEAK_F32, PEAK_I8, PeakParams, TILE};
use super::panels::Layout;
use super::session::Dispatch;
use super::shape::shape;
use super::walk::{self, Item};
use super::{Gpu, trial};
use crate::device::{self, Adapter, Fault, Faults, Worker};
use crate::similarity::join::Join;
use crate::similarity::remaining::Remaining;
use crate::similarity::rows::Rows;
use crate::similarity::tiles::Tiles;
use crate::similarity::{Lists, Matrix};

/// Rows of the largest square of tiles that is measured.
pub const MOST_ROWS: usize = 32 * TILE;

/// Tiles along the side of the square that is measured on a slow device. Its diagonal, which symmetry does not halve, is 4 % of it.
const LEAST_TILES: usize = 24;

/// Pairs of tiles in the largest strip: what does not take long enough by then is fast enough to be measured all the same.
const BENCH_ITEMS: usize = 1 << 17;

/// Shorter than this, a launch and a read would count.
const LONG_ENOUGH: Duration = Duration::from_millis(50);

/// The best of so many: everything that disturbs a measurement makes it longer.
const RUNS: usize = 3;

/// Workgroups that fill any device many times over, so that the last ones do not count.
const MOST_GROUPS: u32 = 1 << 14;

/// How fast a tile kernel is.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Pairs of rows a second, each multiplied once and tested for both directions.
    pub pairs: f64,
    /// The time of a square of tiles with each pair once and both directions, over that with each pair twice, once for each.
    pub symmetric_to_rectangular: f64,
}

/// A square of tiles on the device.
struct Square<'a> {
    gpu: &'a Gpu,
    side: usize,
    rules: usize,
    /// Each pair of tiles once, for both directions.
    symmetric: Vec<[u32; 4]>,
    /// Each pair twice, once for each direction.
    rectangular: Vec<[u32; 4]>,
}

/// Times a tile kernel on a square of the tiles of `matrix`: of all of them, which should be no more than [`MOST_ROWS`] rows,
/// unless the device is slow.
///
/// # Errors
/// What the device did instead.
pub fn tile_kernel(gpu: &Gpu, matrix: &Matrix, lists: &Lists, arithmetic: Arithmetic) -> Result<Speed, Fault> {
    let tiles = Tiles::new(lists, matrix.rows(), TILE);
    let join = Join::new(Rows::new(matrix, None), lists, &tiles);
    let layout = Layout { join: &join, arithmetic };
    let mut square = Square::new(gpu, &layout, LEAST_TILES)?;
    if square.time(&square.symmetric, 1)? < LONG_ENOUGH {
        square = Square::new(gpu, &layout, tiles.count())?;
    }
    square.speed()
}

impl<'a> Square<'a> {
    fn new(gpu: &'a Gpu, layout: &Layout<'_>, most: usize) -> Result<Square<'a>, Fault> {
        let tiles = layout.join.tiles;
        let mut shape = shape(gpu, layout, most);
        shape.items = BENCH_ITEMS;
        let (side, rules) = (shape.chunk, shape.rule_count);
        trial::prepare(gpu, shape, layout)?;
        let items = walk::rounds(tiles, &Remaining::new(tiles), &(0..side), &(0..side)).concat();
        let (symmetric, rectangular) = (both_directions(&items), one_direction(&items));
        let square = Square { gpu, side, rules, symmetric, rectangular };
        // The first strip also compiles.
        square.time(&square.symmetric[..1], 1)?;
        Ok(square)
    }

    fn time(&self, items: &[[u32; 4]], times: usize) -> Result<Duration, Fault> {
        let strip = Dispatch {
            chunks: (0, 0),
            first_row: [0, 0],
            rows: [self.side * TILE; 2],
            work: items.repeat(times),
            cuts: vec![NOTHING; self.rules * self.side * TILE],
        };
        Ok(trial::run(self.gpu, strip)?.busy)
    }

    fn speed(&self) -> Result<Speed, Fault> {
        let (symmetric, rectangular) = (&self.symmetric, &self.rectangular);
        let mut times = 1;
        while self.time(symmetric, times)? < LONG_ENOUGH && 2 * times * rectangular.len() <= BENCH_ITEMS {
            times *= 2;
        }
        let (mut once, mut twice) = (Duration::MAX, Duration::MAX);
        for _ in 0..RUNS {
            once = once.min(self.time(symmetric, times)?);
            twice = twice.min(self.time(rectangular, times)?);
        }
        let pairs = (times * symmetric.len() * TILE * TILE) as u64;
        Ok(Speed { pairs: rate(pairs, once), symmetric_to_rectangular: once.as_secs_f64() / twice.as_secs_f64() })
    }
}

/// The multiply-adds a second that a device reaches in registers: what its tile kernel is held against.
///
/// # Errors
/// What the device did instead.
pub fn peak(adapter: &Adapter, arithmetic: Arithmetic, timeout: Duration) -> Result<f64, Fault> {
    let opened = adapter.clone();
    let open = move || device::Gpu::open(&opened, Faults::default());
    let worker = Worker::spawn(&adapter.facts.name, timeout, open)?;
    let measured = worker.start(move |gpu| measure_peak(gpu, arithmetic, timeout)).wait(timeout)?;
    worker.close(timeout)?;
    Ok(measured)
}

fn measure_peak(gpu: &mut device::Gpu, arithmetic: Arithmetic, timeout: Duration) -> Result<f64, Fault> {
    let (kernel, per_round) = peak_kernel(arithmetic);
    let pipeline = gpu.kernel(kernel.name, kernel.wgsl, kernel.bindings)?;
    let params = gpu.buffer("parameters", kernel.params_size as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
    let invocations = |groups: u32| u64::from(groups) * u64::from(kernel.workgroup);
    let results = gpu.buffer("results", 4 * invocations(MOST_GROUPS), BufferUsages::STORAGE)?;
    let bound = gpu.bind(&pipeline, &[&params, &results].map(wgpu::Buffer::as_entire_binding));
    let mut time = |groups: u32, rounds: u32| {
        gpu.upload(&params, 0, bytes_of(&PeakParams { rounds, seed: groups }))?;
        let start = Instant::now();
        let submission = gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &bound, &[]);
            pass.dispatch_workgroups(groups, 1, 1);
        })?;
        gpu.wait(submission, timeout)?;
        Ok(start.elapsed())
    };
    let (mut groups, mut rounds) = (16, 16);
    // The first launch also compiles.
    time(groups, rounds)?;
    while time(groups, rounds)? < LONG_ENOUGH {
        if groups < MOST_GROUPS {
            groups *= 2;
        } else {
            rounds *= 2;
        }
    }
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        best = best.min(time(groups, rounds)?);
    }
    Ok(rate(invocations(groups) * u64::from(rounds) * per_round, best))
}

/// The kernel that measures a peak, and the multiply-adds of an invocation in a round, as its head comment says.
fn peak_kernel(arithmetic: Arithmetic) -> (&'static Kernel, u64) {
    match arithmetic {
        Arithmetic::F32 => (&PEAK_F32, 512),
        Arithmetic::Int8 => (&PEAK_I8, 2_048),
    }
}

/// Each pair of tiles once, as a night does it.
fn both_directions(items: &[Item]) -> Vec<[u32; 4]> {
    items.iter().map(|item| item.words(0, 0)).collect()
}

/// Each pair of tiles twice, in the same order.
fn one_direction(items: &[Item]) -> Vec<[u32; 4]> {
    let twice = |&item: &Item| {
        let there = Item { backward: 0, ..item };
        let back = Item { first: item.second, second: item.first, forward: item.backward, backward: 0 };
        [Some(there), Some(back).filter(|_| item.first != item.second)]
    };
    items.iter().flat_map(twice).flatten().map(|item| item.words(0, 0)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_does_what_the_head_of_its_shader_says() {
        for arithmetic in [Arithmetic::F32, Arithmetic::Int8] {
            let (kernel, per_round) = peak_kernel(arithmetic);
            let head = kernel.wgsl.lines().take_while(|line| line.starts_with("//")).collect::<String>();
            assert!(head.replace(',', "").contains(&format!("does {per_round} multiply-adds a round")), "{head}");
        }
    }

    #[test]
    fn a_rectangle_is_the_square_with_every_pair_twice_and_the_diagonal_once() {
        let item = |first, second| Item { first, second, forward: 1, backward: u32::from(first != second) };
        let items = [item(0, 0), item(0, 1), item(1, 1)];
        assert_eq!(both_directions(&items), [[0, 0, 1, 0], [0, 1, 1, 1], [1, 1, 1, 0]]);
        assert_eq!(one_direction(&items), [[0, 0, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]]);
    }
}
