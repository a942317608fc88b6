//! One pass of a night over a device: cuts the walk into strips, keeps some of them under way, hands what they found to the
//! lists. Rows that found no room run again, and those that find none twice are finished by the CPU.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use rayon::prelude::*;

use super::Gpu;
use super::kernels::{Arithmetic, MAX_RULES, TILE};
use super::panels::{self, Layout};
use super::session::{Dispatch, Harvest, Shape, panel_bytes};
use super::walk::{self, Item};
use super::trial;
use crate::device::{Fault, Pending};
use crate::progress::Progress;
use crate::similarity::bounds;
use crate::similarity::join::{Join, Survivor};
use crate::similarity::remaining::Remaining;
use crate::similarity::{Lists, Report, cpu};

/// What the device should be busy with at a time: long enough to be worth a launch, far below what a watchdog allows.
const STRIP_TIME: Duration = Duration::from_millis(75);

/// Strips under way: one that the device computes, one that waits, one that the CPU decides.
const DEPTH: usize = 3;

/// Tiles of a chunk at most: more would only add to what a strip moves.
const MOST_CHUNK: usize = 256;

/// Survivors per row that can be read back from a strip, on average.
const ROOM_PER_ROW: usize = 32;

/// Beyond every score of unit vectors: nothing passes, or everything. Infinities are no use, since a shader may assume that
/// there are none.
pub(super) const NOTHING: f32 = 4.0;
pub(super) const EVERYTHING: f32 = -4.0;

/// The pass.
pub(super) struct Drive<'a> {
    gpu: &'a Gpu,
    join: &'a Join<'a>,
    remaining: &'a Remaining<'a>,
    layout: Layout<'a>,
    shape: Shape,
    chunks: Vec<Range<usize>>,
    /// How far a device's value can be below a canonical score.
    margin: f32,
    /// Pairs of tiles in a strip.
    strip: usize,
    under_way: VecDeque<Strip>,
}

/// Pairs of tiles under way.
struct Strip {
    chunks: (usize, usize),
    items: Vec<Item>,
    /// Local rows that run again; `None` the first time.
    again: Option<Vec<usize>>,
    /// Its place among those under way.
    set: usize,
    launched: Pending<()>,
}

impl<'a> Drive<'a> {
    /// A pass with chunks of at most `most` tiles, which starts with strips of `strip` pairs of tiles.
    pub(super) fn new(
        gpu: &'a Gpu,
        join: &'a Join<'a>,
        remaining: &'a Remaining<'a>,
        arithmetic: Arithmetic,
        strip: usize,
        most: usize,
    ) -> Drive<'a> {
        let layout = Layout { join, arithmetic };
        let shape = shape(gpu, &layout, most);
        let chunks = walk::chunks(join.tiles.count(), shape.chunk);
        let margin = margin(arithmetic, join.matrix.dimension());
        Drive { gpu, join, remaining, layout, shape, chunks, margin, strip, under_way: VecDeque::new() }
    }

    /// Tiles of a chunk.
    pub(super) fn chunk(&self) -> usize {
        self.shape.chunk
    }

    /// Walks over everything that remains.
    pub(super) fn run(&mut self, progress: &Progress, report: &mut Report) -> Result<(), Fault> {
        let shape = self.shape.clone();
        self.gpu.worker.start(|session| session.prepare(shape)).wait(self.patience())?;
        for (a, b) in walk::chunk_pairs(self.chunks.len()) {
            let rounds = walk::rounds(self.join.tiles, self.remaining, &self.chunks[a], &self.chunks[b]);
            if rounds.is_empty() {
                continue;
            }
            self.load(a, b)?;
            self.load(b, a)?;
            if a == b {
                self.seed(a)?;
            }
            for round in rounds {
                let mut rest = round.as_slice();
                while !rest.is_empty() {
                    let (items, later) = rest.split_at(self.strip.min(rest.len()));
                    rest = later;
                    self.launch((a, b), items.to_vec(), None)?;
                    while self.under_way.len() >= DEPTH {
                        self.settle(progress, report)?;
                    }
                }
                // Within a chunk every round makes the next one cheaper.
                while a == b && !self.under_way.is_empty() {
                    self.settle(progress, report)?;
                }
            }
        }
        while !self.under_way.is_empty() {
            self.settle(progress, report)?;
        }
        Ok(())
    }

    /// Puts a chunk onto the device unless it is there.
    fn load(&self, chunk: usize, beside: usize) -> Result<(), Fault> {
        if self.gpu.worker.start(move |session| Ok(session.holds(chunk))).wait(self.patience())? {
            return Ok(());
        }
        let words = self.layout.chunk(self.chunks[chunk].clone());
        self.gpu.worker.start(move |session| session.load(chunk, beside, &words)).wait(self.patience())
    }

    /// Gives the lists of a chunk first thresholds: values that K of their entries are known to reach.
    fn seed(&self, chunk: usize) -> Result<(), Fault> {
        let rules = self.shape.rule_count;
        let items = walk::seeds(self.join.tiles, self.remaining, &self.chunks[chunk], rules);
        let dispatch = self.dispatch((chunk, chunk), &items, None);
        let (first, timeout) = (dispatch.first_row[0], self.gpu.options.timeout);
        let keys = self.gpu.worker.start(move |session| session.seed(&dispatch, timeout)).wait(self.patience())?;
        keys.par_chunks(rules).enumerate().for_each(|(row, keys)| {
            for (rule, &key) in keys.iter().enumerate().filter(|&(_, &key)| key != 0) {
                self.join.raise(rule, first + row, unkey(key) - self.margin);
            }
        });
        Ok(())
    }

    /// Sends a strip on its way.
    fn launch(&mut self, chunks: (usize, usize), items: Vec<Item>, again: Option<Vec<usize>>) -> Result<(), Fault> {
        let dispatch = self.dispatch(chunks, &items, again.as_deref());
        let free = |set: &usize| self.under_way.iter().all(|strip| strip.set != *set);
        let set = (0..DEPTH).find(free).expect("fewer strips are under way than there are places");
        let launched = self.gpu.worker.start(move |session| session.launch(set, &dispatch));
        self.under_way.push_back(Strip { chunks, items, again, set, launched });
        Ok(())
    }

    /// Waits for the oldest strip under way and lets the lists have what it found.
    fn settle(&mut self, progress: &Progress, report: &mut Report) -> Result<(), Fault> {
        let strip = self.under_way.pop_front().expect("a strip is under way");
        let (set, timeout) = (strip.set, self.gpu.options.timeout);
        let collected = self.gpu.worker.start(move |session| session.collect(set, timeout));
        strip.launched.wait(self.patience())?;
        let harvest = collected.wait(self.patience())?;
        report.strips += 1;
        report.survivors += harvest.places.iter().map(|&[_, count]| u64::from(count)).sum::<u64>();
        let short = self.decide(&strip.chunks, &harvest)?;
        if strip.again.is_some() {
            report.rows_on_cpu += short.len() as u64;
            self.finish(&strip.chunks, &strip.items, &short);
            self.clear(&strip.items, &[]);
            return Ok(());
        }
        report.rows_rerun += short.len() as u64;
        let pairs = strip.items.iter().map(|item| self.join.tiles.pairs(item.first, item.second)).sum();
        report.pairs_on_device += pairs;
        progress.advance(pairs);
        if self.gpu.options.strip.is_none() && strip.items.len() * 2 > self.strip {
            self.strip = resized(self.strip, strip.items.len(), harvest.busy);
        }
        let again = self.items_of(&strip.chunks, &strip.items, &short);
        self.clear(&strip.items, &again);
        if !again.is_empty() {
            self.launch(strip.chunks, again, Some(short))?;
        }
        Ok(())
    }

    /// Offers the survivors to the lists; returns the local rows whose survivors did not all come.
    fn decide(&self, chunks: &(usize, usize), harvest: &Harvest) -> Result<Vec<usize>, Fault> {
        let (rows, slots) = (self.join.matrix.rows(), self.shape.slots);
        let found = |local: usize| {
            let [start, count] = harvest.places[local].map(|word| word as usize);
            let kept = count.min(slots).min(harvest.packed.len().saturating_sub(start));
            (kept == count, &harvest.packed[start.min(harvest.packed.len())..][..kept])
        };
        let unknown = harvest.packed.iter().find(|[candidate, _]| *candidate as usize >= rows);
        if let Some([candidate, _]) = unknown {
            return Err(Fault::WrongAnswer { message: format!("it proposed row {candidate} of {rows}") });
        }
        harvest.places.par_chunks(TILE).enumerate().for_each(|(tile, places)| {
            if places.iter().all(|&[_, count]| count == 0) {
                return;
            }
            let first = self.global(chunks, tile * TILE);
            self.join.decide_rows(first..(first + TILE).min(rows), |row, survivors| {
                let upper = |bits: u32| f32::from_bits(bits) + self.margin;
                let each = found(tile * TILE + row - first).1.iter();
                survivors.extend(each.map(|&[row, bits]| Survivor { candidate: row as usize, upper: upper(bits) }));
            });
        });
        Ok((0..harvest.places.len()).filter(|&local| !found(local).0).collect())
    }

    /// Scores the rows on the CPU against all tiles that their strip gives them.
    fn finish(&self, chunks: &(usize, usize), items: &[Item], rows: &[usize]) {
        rows.par_iter().for_each(|&local| {
            let row = self.global(chunks, local);
            let there = items.iter().filter(|item| item.forward != 0 && item.first == row / TILE).map(|item| item.second);
            let back = items.iter().filter(|item| item.backward != 0 && item.second == row / TILE).map(|item| item.first);
            cpu::finish_row(self.join, row, there.chain(back));
        });
    }

    /// The part of the items that serves these local rows.
    fn items_of(&self, chunks: &(usize, usize), items: &[Item], rows: &[usize]) -> Vec<Item> {
        let mut tiles: Vec<usize> = rows.iter().map(|&local| self.global(chunks, local) / TILE).collect();
        tiles.sort_unstable();
        tiles.dedup();
        let served = |tile: usize, rules: u32| if tiles.binary_search(&tile).is_ok() { rules } else { 0 };
        let part = |item: &Item| Item {
            forward: served(item.first, item.forward),
            backward: served(item.second, item.backward),
            ..*item
        };
        items.iter().map(part).filter(|item| item.forward | item.backward != 0).collect()
    }

    /// Says that the items are done, but for what runs again.
    fn clear(&self, items: &[Item], again: &[Item]) {
        let mut again = again.iter().peekable();
        for item in items {
            let later = again.next_if(|part| (part.first, part.second) == (item.first, item.second));
            let open = later.map_or((0, 0), |part| (part.forward, part.backward));
            if item.forward != 0 && open.0 == 0 {
                self.remaining.done(item.first, item.second);
            }
            if item.backward != 0 && open.1 == 0 {
                self.remaining.done(item.second, item.first);
            }
        }
    }

    /// A strip as words. With `only`, all other local rows get nothing.
    fn dispatch(&self, chunks: (usize, usize), items: &[Item], only: Option<&[usize]>) -> Dispatch {
        let (a, b) = (&self.chunks[chunks.0], &self.chunks[chunks.1]);
        let narrow = |n: usize| u32::try_from(n).expect("fewer tiles than rows");
        let work = items.iter().map(|item| {
            [narrow(item.first - a.start), narrow(item.second - b.start), item.forward, item.backward]
        });
        let tiles: Vec<usize> = a.clone().chain(b.clone().filter(|_| chunks.0 != chunks.1)).collect();
        let rows = tiles.len() * TILE;
        let mut cuts = vec![NOTHING; self.shape.rule_count * rows];
        let blocks: Vec<Vec<f32>> = tiles.par_iter().map(|&tile| self.cuts(tile)).collect();
        for (at, block) in blocks.iter().enumerate() {
            for (rule, values) in block.chunks_exact(TILE).enumerate() {
                cuts[rule * rows + at * TILE..][..TILE].copy_from_slice(values);
            }
        }
        if let Some(only) = only {
            for rule in cuts.chunks_exact_mut(rows) {
                let kept: Vec<f32> = only.iter().map(|&local| rule[local]).collect();
                rule.fill(NOTHING);
                only.iter().zip(kept).for_each(|(&local, cut)| rule[local] = cut);
            }
        }
        Dispatch {
            chunks,
            first_row: [a.start * TILE, b.start * TILE],
            rows: [a.len() * TILE, b.len() * TILE],
            work: work.collect(),
            cuts,
        }
    }

    /// The lowest value that may matter to each list of a tile: `[rule][row]`.
    fn cuts(&self, tile: usize) -> Vec<f32> {
        let mut cuts = vec![NOTHING; self.shape.rule_count * TILE];
        self.join.thresholds(tile, |row, rule, threshold| {
            if let Some(threshold) = threshold {
                cuts[rule * TILE + row % TILE] = (threshold - self.margin).clamp(EVERYTHING, NOTHING);
            }
        });
        cuts
    }

    /// The row that a local row is.
    fn global(&self, chunks: &(usize, usize), local: usize) -> usize {
        let a = &self.chunks[chunks.0];
        if local < a.len() * TILE { a.start * TILE + local } else { self.chunks[chunks.1].start * TILE + local - a.len() * TILE }
    }

    /// How long to wait for a job: those before it may each take their time.
    fn patience(&self) -> Duration {
        self.gpu.options.timeout
    }
}

/// How far a device's value can be below the canonical score.
pub(super) fn margin(arithmetic: Arithmetic, dimension: usize) -> f32 {
    match arithmetic {
        Arithmetic::F32 => bounds::device_margin(dimension),
        Arithmetic::Int8 => bounds::int8_slack(dimension),
    }
}

/// The sizes of a pass whose chunks have at most `most` tiles.
pub(super) fn shape(gpu: &Gpu, layout: &Layout<'_>, most: usize) -> Shape {
    let (lists, options) = (layout.join.lists, &gpu.options);
    let (steps, stride, rule_count) = (layout.steps(), layout.stride(), lists.rules.len());
    let visual = || lists.rules.iter().filter(|rule| rule.visual).map(|rule| rule.k);
    let slots = options.slots.unwrap_or_else(|| (4 * visual().sum::<usize>()).next_power_of_two().clamp(64, 256));
    let buckets = (4 * visual().max().unwrap_or(1)).next_power_of_two().clamp(16, 256);
    let binding = gpu.limits.max_storage_buffer_binding_size;
    // Bytes per tile of the largest buffers: panels, survivors, facts and keys.
    let per_tile = [
        panel_bytes(1, steps),
        (2 * TILE * slots * 8) as u64,
        (2 * TILE * stride * 4) as u64,
        (TILE * rule_count * buckets * 4) as u64,
    ];
    let fitting = per_tile.iter().map(|&bytes| usize::try_from(binding / bytes.max(1)).unwrap_or(usize::MAX));
    let chunk = fitting.fold(most, usize::min).min(MOST_CHUNK).min(layout.join.tiles.count()).max(1);
    Shape {
        arithmetic: layout.arithmetic,
        steps,
        stride,
        rules: panels::rules(lists),
        k: entries(lists),
        rule_count,
        scopes: panels::scopes(lists),
        chunk,
        items: (chunk * chunk).max(trial::MOST_ITEMS),
        slots,
        room: 2 * chunk * TILE * slots.min(ROOM_PER_ROW),
        buckets,
        depth: DEPTH,
        residents: options.residents.unwrap_or(usize::MAX).max(2),
        poison: options.poison,
    }
}

/// K of each rule.
fn entries(lists: &Lists) -> [u32; MAX_RULES] {
    let mut all = [u32::MAX; MAX_RULES];
    for (k, rule) in all.iter_mut().zip(&lists.rules).filter(|(_, rule)| rule.visual) {
        *k = u32::try_from(rule.k).unwrap_or(u32::MAX);
    }
    all
}

/// The number of pairs of tiles that should take [`STRIP_TIME`] when `items` of them took `busy`.
pub(super) fn resized(strip: usize, items: usize, busy: Duration) -> usize {
    let factor = STRIP_TIME.as_secs_f64() / busy.as_secs_f64().max(1e-6);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rough size")]
    let wanted = (items as f64 * factor.min(1e6)) as usize;
    wanted.clamp(strip.div_ceil(2), strip.saturating_mul(2)).max(1)
}

/// The value whose bits, made ascending, are the key.
pub(super) fn unkey(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & 0x7fff_ffff } else { !key })
}
