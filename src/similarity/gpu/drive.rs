//! One pass of a night over a device: cuts the walk into strips, keeps some of them under way, hands what they found to the
//! lists. Rows that found no room run again, on fewer pairs of tiles each time; those that find none on a single one are
//! finished by the CPU.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::Gpu;
use super::exchange::{Exchange, margin, unkey};
use super::pace::{Offer, Pace};
use super::panels::{self, Layout};
use super::session::Harvest;
use super::shape::{Shape, shape};
use super::walk::{self, Item};
use crate::device::{Fault, Pending};
use crate::progress::Progress;
use crate::similarity::Report;
use crate::similarity::join::Join;
use crate::similarity::remaining::Remaining;

/// What the device should be busy with at a time: long enough to be worth a launch, far below what a watchdog allows.
const STRIP_TIME: Duration = Duration::from_millis(75);

/// Strips under way: one that the device computes, one that waits, one that the CPU decides.
pub(super) const DEPTH: usize = 3;

/// The pass.
pub(super) struct Drive<'a> {
    gpu: &'a Gpu,
    exchange: Exchange<'a>,
    layout: Layout<'a>,
    shape: Shape,
    /// Pairs of tiles in a strip.
    strip: usize,
    under_way: VecDeque<Strip>,
    /// Parts of strips that run again.
    again: VecDeque<Work>,
    /// Chunks that are on the device.
    held: Vec<usize>,
}

/// How a pass ended that did not fail.
pub(super) enum Pass {
    /// Nothing remains.
    Complete,
    /// Another arithmetic should do the rest.
    Turned,
}

/// Pairs of tiles for one dispatch.
struct Work {
    chunks: (usize, usize),
    items: Vec<Item>,
    /// Local rows that run again, ascending; `None` for all of them, the first time.
    again: Option<Vec<usize>>,
}

/// Work that was sent to the device.
struct Strip {
    work: Work,
    /// Its place among those under way.
    set: usize,
    launched: Pending<()>,
}

impl<'a> Drive<'a> {
    /// A pass with chunks of at most `most` tiles.
    pub(super) fn new(
        gpu: &'a Gpu,
        join: &'a Join<'a>,
        remaining: &'a Remaining<'a>,
        Offer { arithmetic, strip, .. }: Offer,
        most: usize,
    ) -> Drive<'a> {
        let layout = Layout { join, arithmetic };
        let shape = shape(gpu, &layout, most);
        let chunks = walk::chunks(join.tiles.count(), shape.chunk);
        let margin = margin(arithmetic, join.rows.dimension());
        let exchange = Exchange { join, remaining, chunks, slots: shape.slots, margin };
        Drive {
            gpu,
            exchange,
            layout,
            shape,
            strip,
            under_way: VecDeque::new(),
            again: VecDeque::new(),
            held: Vec::new(),
        }
    }

    /// Tiles of a chunk.
    pub(super) fn chunk(&self) -> usize {
        self.shape.chunk
    }

    /// Walks over everything that remains, or until another arithmetic should go on.
    pub(super) fn run(&mut self, pace: &mut Pace, progress: &Progress, report: &mut Report) -> Result<Pass, Fault> {
        let shape = self.shape.clone();
        self.gpu.worker.start(|session| session.prepare(shape)).wait(self.gpu.options.timeout)?;
        for (a, b) in walk::chunk_pairs(self.exchange.chunks.len()) {
            let rounds = self.exchange.rounds(a, b);
            if rounds.is_empty() {
                continue;
            }
            let (started, items) = (Instant::now(), rounds.iter().map(Vec::len).sum());
            if a == b && panels::are_complete(self.layout.join.lists) {
                self.seed(a)?;
            }
            for round in rounds {
                let mut rest = round.as_slice();
                while !rest.is_empty() {
                    let (items, later) = rest.split_at(self.strip.min(rest.len()));
                    rest = later;
                    self.launch(Work { chunks: (a, b), items: items.to_vec(), again: None })?;
                    self.settle(DEPTH - 1, progress, report)?;
                }
                // Within a chunk every round makes the next one cheaper.
                if a == b {
                    self.settle(0, progress, report)?;
                }
            }
            if a == b && pace.learn(items, started.elapsed()) {
                return Ok(Pass::Turned);
            }
        }
        self.settle(0, progress, report)?;
        Ok(Pass::Complete)
    }

    /// Settles strips until no more than `most` are under way and none has to run again.
    fn settle(&mut self, most: usize, progress: &Progress, report: &mut Report) -> Result<(), Fault> {
        while self.under_way.len() > most || !self.again.is_empty() {
            if self.under_way.len() == DEPTH || self.again.is_empty() {
                self.settle_oldest(progress, report)?;
            } else if let Some(work) = self.again.pop_front() {
                self.launch(work)?;
            }
        }
        Ok(())
    }

    /// Puts a chunk onto the device unless it is there.
    fn load(&mut self, chunk: usize, beside: usize) -> Result<(), Fault> {
        if self.held.contains(&chunk) {
            return Ok(());
        }
        let (words, timeout) = (self.layout.chunk(self.exchange.chunks[chunk].clone()), self.gpu.options.timeout);
        let loaded = self.gpu.worker.start(move |session| session.load(chunk, beside, &words, timeout));
        self.held = loaded.wait(self.gpu.options.timeout)?;
        Ok(())
    }

    /// Gives the lists of a chunk first thresholds: values that K of their entries are known to reach.
    fn seed(&mut self, chunk: usize) -> Result<(), Fault> {
        self.load(chunk, chunk)?;
        let (rules, worker, timeout) = (self.shape.rule_count, &self.gpu.worker, self.gpu.options.timeout);
        let strip = Arc::new(self.exchange.dispatch((chunk, chunk), &self.exchange.seeds(chunk), None));
        let (items, first, rows) = (strip.work.len(), strip.first_row[0], strip.local_rows());
        // A pair of tiles takes longer here, since every product is looked at.
        let part = (self.strip / 4).max(16);
        for start in (0..items).step_by(part) {
            let strip = Arc::clone(&strip);
            let part = start..(start + part).min(items);
            worker.start(move |session| session.seed(&strip, part, timeout)).wait(timeout)?;
        }
        let keys = worker.start(move |session| session.seeds(rows, timeout)).wait(timeout)?;
        let exchange = &self.exchange;
        let existing = exchange.join.rows.len() - first;
        keys.par_chunks(rules).take(existing).enumerate().for_each(|(row, keys)| {
            for (rule, &key) in keys.iter().enumerate().filter(|&(_, &key)| key != 0) {
                exchange.join.raise(rule, first + row, unkey(key) - exchange.margin);
            }
        });
        Ok(())
    }

    /// Sends a strip on its way. Its chunks may have been pushed out since, where it runs again.
    fn launch(&mut self, work: Work) -> Result<(), Fault> {
        let (a, b) = work.chunks;
        self.load(a, b)?;
        self.load(b, a)?;
        let dispatch = self.exchange.dispatch(work.chunks, &work.items, work.again.as_deref());
        let free = |set: &usize| self.under_way.iter().all(|strip| strip.set != *set);
        let set = (0..DEPTH).find(free).expect("fewer strips are under way than there are places");
        let launched = self.gpu.worker.start(move |session| session.launch(set, &dispatch));
        self.under_way.push_back(Strip { work, set, launched });
        Ok(())
    }

    /// Waits for the oldest strip under way and lets the lists have what it found.
    fn settle_oldest(&mut self, progress: &Progress, report: &mut Report) -> Result<(), Fault> {
        let Strip { work, set, launched } = self.under_way.pop_front().expect("a strip is under way");
        let timeout = self.gpu.options.timeout;
        // Nothing can be collected of a strip that was not launched.
        launched.wait(timeout)?;
        let harvest = self.gpu.worker.start(move |session| session.collect(set, timeout)).wait(timeout)?;
        report.strips += 1;
        report.dispatches += 2;
        report.survivors += harvest.places.iter().map(|&[_, count]| u64::from(count)).sum::<u64>();
        let short = self.exchange.decide(work.chunks, &harvest)?;
        if work.again.is_none() {
            report.rows_rerun += short.len() as u64;
            let pairs = work.items.iter().map(|item| self.exchange.join.tiles.pairs(item.first, item.second)).sum();
            report.pairs_on_device += pairs;
            progress.advance(pairs);
            // What the host did not have to wait for says nothing of the device, and a short strip only that it is too slow.
            let telling = harvest.busy > STRIP_TIME || work.items.len() * 2 > self.strip;
            if self.gpu.options.strip.is_none() && harvest.awaited && telling {
                self.strip = worth_a_strip(work.items.len(), harvest.busy).min(self.strip.saturating_mul(2));
            }
        }
        self.run_again(&work, &short, &harvest, report);
        Ok(())
    }

    /// Lets the rows that found no room for their survivors run again; where that did not help, on fewer pairs of tiles at a time.
    fn run_again(&mut self, work: &Work, short: &[usize], harvest: &Harvest, report: &mut Report) {
        let Work { chunks, items, again } = work;
        let left = self.exchange.items_of(*chunks, items, short);
        self.exchange.clear(items, &left);
        let parts = match again {
            None => 1,
            Some(_) if left.len() == 1 => {
                report.rows_on_cpu += short.len() as u64;
                self.exchange.finish(*chunks, &left, short);
                self.exchange.clear(&left, &[]);
                return;
            }
            Some(_) => {
                let most = short.iter().map(|&row| harvest.places[row][1] as usize).max().unwrap_or(0);
                most.div_ceil(self.shape.slots).max(2)
            }
        };
        for part in left.chunks(left.len().div_ceil(parts).max(1)) {
            self.again.push_back(Work { chunks: *chunks, items: part.to_vec(), again: Some(short.to_vec()) });
        }
    }
}

/// The number of pairs of tiles that should take [`STRIP_TIME`] when `items` of them took `busy`; at least one.
pub(super) fn worth_a_strip(items: usize, busy: Duration) -> usize {
    let factor = STRIP_TIME.as_secs_f64() / busy.as_secs_f64().max(1e-6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rough size"
    )]
    let wanted = (items as f64 * factor) as usize;
    wanted.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_is_as_long_as_the_device_is_fast() {
        assert_eq!(worth_a_strip(10, STRIP_TIME), 10);
        assert_eq!(worth_a_strip(10, 4 * STRIP_TIME), 2);
        assert_eq!(worth_a_strip(10, STRIP_TIME / 8), 80);
        assert_eq!(worth_a_strip(1, Duration::from_hours(1)), 1);
        assert!(worth_a_strip(1 << 14, Duration::ZERO) > 1 << 14);
    }
}
