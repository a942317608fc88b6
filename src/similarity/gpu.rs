//! The GPU engine: a device proposes, the CPU decides. This room refuses to trust: a device that cannot be used, answers
//! wrongly in its self-test or fails on the way costs time, never a list.
//!
//! What a device proposes is rescored by the same code as what the CPU engine proposes. Every pair of tiles that a device has
//! not certainly finished stays in [`Remaining`], and the CPU engine does what remains.

mod audit;
mod drive;
mod exchange;
pub mod kernels;
pub mod measure;
mod pace;
mod panels;
mod session;
mod shape;
mod trial;
mod walk;

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::cpu::Cpu;
use super::join::Join;
use super::remaining::Remaining;
use super::rows::Rows;
use super::tiles::Tiles;
use super::{Found, Lists, Matrix, Report, Similarity};
use crate::device::{self, Adapter, Fault, Faults, Worker};
use crate::error::Result;
use crate::progress::Progress;
use audit::audit;
use drive::{Drive, Pass};
use kernels::{Arithmetic, MAX_RULES, TILE};
use pace::Pace;
use session::Session;

/// How long a device may take for one strip before it is given up. Compiling the kernels for the first strip counts.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long a device may take to be closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Chunks smaller than this many tiles are not worth another try after an out-of-memory.
const LEAST_CHUNK: usize = 4;

/// A device that passed its self-test.
#[derive(Debug)]
pub struct Gpu {
    name: String,
    limits: wgpu::Limits,
    worker: Closing,
    options: Options,
    /// Why it is not asked for int8, if so.
    without_int8: Option<Fault>,
    /// Held while lists are filled: the device has buffers for one job.
    job: Mutex<()>,
}

/// The device's thread, which is closed in good order when it is dropped: drivers dislike being torn down by an exit.
#[derive(Debug)]
struct Closing(Option<Worker<Session>>);

/// What tests and benches set; a night uses the default. Nothing here changes a list.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to compute with; `None` for what a trial shows to be faster.
    pub arithmetic: Option<Arithmetic>,
    /// Tiles of a chunk; `None` for what the device's limits allow.
    pub chunk: Option<usize>,
    /// Pairs of tiles in a strip; `None` to calibrate it.
    pub strip: Option<usize>,
    /// Survivors that a row can keep in a strip; `None` for a multiple of the lists' K.
    pub slots: Option<usize>,
    /// Chunks that the device holds at a time, at least 2; `None` for as many as its memory takes.
    pub residents: Option<usize>,
    /// How long a strip may take.
    pub timeout: Duration,
    /// Whether to fill every output with garbage before each dispatch.
    pub poison: bool,
    /// Faults to inject.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            arithmetic: None,
            chunk: None,
            strip: None,
            slots: None,
            residents: None,
            timeout: TIMEOUT,
            poison: false,
            faults: Faults::default(),
        }
    }
}

impl Gpu {
    /// Opens a device, compiles the kernels and puts them to the test.
    ///
    /// # Errors
    /// Why the device cannot be used; [`Fault::WrongAnswer`] when it computes, but wrongly.
    pub fn open(adapter: &Adapter, options: Options) -> Result<Gpu, Fault> {
        let (opened, faults) = (adapter.clone(), options.faults.clone());
        let name = format!("{} ({})", adapter.facts.name, adapter.facts.backend);
        // A driver may take longer to compile all kernels than for any strip.
        let worker = Worker::spawn(&adapter.facts.name, options.timeout * 4, move || {
            Session::new(device::Gpu::open(&opened, faults)?)
        })?;
        let without_int8 = worker.start(|session| Ok(session.without_int8())).wait(options.timeout)?;
        let (limits, worker) = (adapter.facts.limits.clone(), Closing(Some(worker)));
        let gpu = Gpu { name, limits, worker, options, without_int8, job: Mutex::default() };
        trial::self_test(&gpu)?;
        Ok(gpu)
    }

    /// Its name and backend.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arithmetic that its kernels offer.
    pub fn offers(&self) -> impl Iterator<Item = Arithmetic> {
        [Arithmetic::F32, Arithmetic::Int8].into_iter().take(if self.without_int8.is_some() { 1 } else { 2 })
    }

    /// Proposes what it can on the device. What `remaining` still holds afterwards is left to the CPU.
    fn propose(
        &self,
        join: &Join<'_>,
        remaining: &Remaining<'_>,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), Fault> {
        report.refused.extend(self.without_int8.iter().map(|fault| format!("{} in int8: {fault}", self.name)));
        let mut pace = Pace::new(trial::offers(self, join)?);
        let mut most = self.options.chunk.unwrap_or(usize::MAX);
        loop {
            report.uses(pace.current().arithmetic.name());
            let mut drive = Drive::new(self, join, remaining, pace.current(), most);
            let chunk = drive.chunk();
            let outcome = drive.run(&mut pace, progress, report);
            let timeout = self.options.timeout;
            let traffic = self.worker.start(move |session| Ok(session.finish(timeout))).wait(timeout);
            if let Ok(traffic) = traffic {
                report.bytes_up += traffic.bytes_up;
                report.bytes_down += traffic.bytes_down;
            }
            match outcome {
                Err(fault @ Fault::OutOfMemory { .. }) if chunk > LEAST_CHUNK => {
                    most = chunk / 2;
                    tracing::info!("{}: {fault}; trying again with {most} tiles at a time", self.name);
                }
                Err(fault) => return Err(fault),
                Ok(Pass::Complete) => return Ok(()),
                Ok(Pass::Turned) => {
                    let arithmetic = pace.current().arithmetic.name();
                    tracing::debug!("{}: going on in {arithmetic}, which should be faster here", self.name);
                }
            }
        }
    }

    /// Says what the CPU has to do, and why.
    fn say(&self, fault: &Fault, total: u64, report: &mut Report) {
        let left = report.pairs_on_cpu;
        tracing::warn!("{}: {fault}; the CPU does {left} of {total} pairs", self.name);
        report.fault = Some(fault.to_string());
    }
}

impl Deref for Closing {
    type Target = Worker<Session>;

    fn deref(&self) -> &Worker<Session> {
        self.0.as_ref().expect("only a drop takes it")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(Err(fault)) = self.0.take().map(|worker| worker.close(CLOSE_TIMEOUT)) {
            tracing::debug!("a device was not closed: {fault}");
        }
    }
}

impl Similarity for Gpu {
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found> {
        let _job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        let tiles = Tiles::new(lists, matrix.rows(), TILE);
        let join = Join::new(Rows::new(matrix, None), lists, &tiles);
        let remaining = Remaining::new(&tiles);
        let total = remaining.pairs();
        progress.start(total);
        let mut report = Report { device: self.name.clone(), ..Report::default() };
        let outcome = match lists.rules.len() {
            _ if total == 0 => Ok(()),
            0..=MAX_RULES => self.propose(&join, &remaining, progress, &mut report),
            many => {
                Err(Fault::Unavailable { message: format!("the kernels serve up to {MAX_RULES} rules, not {many}") })
            }
        };
        let trusted = !matches!(outcome, Err(Fault::WrongAnswer { .. }));
        report.pairs_on_cpu = if trusted { remaining.pairs() } else { total };
        if let Err(fault) = outcome {
            self.say(&fault, total, &mut report);
        }
        if total == 0 {
            return Ok(Found { lists: join.into_lists(), report });
        }
        if trusted {
            Cpu::default().finish(&join, &remaining, progress)?;
            match audit(&join) {
                Ok(()) => return Ok(Found { lists: join.into_lists(), report }),
                Err(fault) => {
                    report.pairs_on_cpu = total;
                    self.say(&fault, total, &mut report);
                }
            }
        }
        // Nothing that the device said is kept; nor are two nights' lists held at a time.
        drop(join);
        let join = Join::new(Rows::new(matrix, None), lists, &tiles);
        Cpu::default().finish(&join, &Remaining::new(&tiles), &Progress::hidden())?;
        Ok(Found { lists: join.into_lists(), report })
    }
}
