//! What a person sees while a long stage runs: a bar with rate and remaining time on a terminal, plain lines otherwise.
//! This room refuses to write to stdout.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Seconds between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// The progress of one stage.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    plain: Option<Plain>,
}

/// The same for logs: a line now and then.
#[derive(Debug)]
struct Plain {
    stage: &'static str,
    unit: &'static str,
    total: AtomicU64,
    done: AtomicU64,
    started: Instant,
    next: Mutex<Instant>,
}

impl Progress {
    /// A stage that nobody watches (tests, benches).
    #[must_use]
    pub fn hidden() -> Progress {
        Progress { bar: ProgressBar::hidden(), plain: None }
    }

    /// A stage of the job, counted in `unit`.
    #[must_use]
    pub fn stage(stage: &'static str, unit: &'static str) -> Progress {
        let started = Instant::now();
        if !std::io::stderr().is_terminal() {
            let (total, done) = (AtomicU64::new(0), AtomicU64::new(0));
            let plain = Plain { stage, unit, total, done, started, next: Mutex::new(started + PLAIN_EVERY) };
            return Progress { bar: ProgressBar::hidden(), plain: Some(plain) };
        }
        let template =
            format!("{{prefix:>10}} {{bar:30}} {{human_pos}}/{{human_len}} {unit}, {{per_sec}}, {{eta}} left");
        let style = ProgressStyle::with_template(&template).expect("a constant template");
        let bar = ProgressBar::new(0).with_style(style).with_prefix(stage);
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar, plain: None }
    }

    /// Says how much there is to do.
    pub fn start(&self, total: u64) {
        self.bar.set_length(total);
        if let Some(plain) = &self.plain {
            plain.total.store(total, Ordering::Relaxed);
        }
    }

    /// Says that `done` of the total are done, for stages that one thread walks through.
    pub fn reach(&self, done: u64) {
        let before = self.plain.as_ref().map_or(self.bar.position(), |plain| plain.done.load(Ordering::Relaxed));
        self.advance(done.saturating_sub(before));
    }

    /// Says that `steps` more are done; callable from any thread.
    pub fn advance(&self, steps: u64) {
        self.bar.inc(steps);
        if let Some(plain) = &self.plain {
            plain.advance(steps);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Plain {
    fn advance(&self, steps: u64) {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        // Whoever finds the clock busy leaves the line to the other thread.
        let Ok(mut next) = self.next.try_lock() else { return };
        let now = Instant::now();
        if now < *next {
            return;
        }
        *next = now + PLAIN_EVERY;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let (done_f, total_f) = (done as f64, self.total.load(Ordering::Relaxed) as f64);
        let rate = done_f / (now - self.started).as_secs_f64();
        let left = ((total_f - done_f).max(0.0) / rate).ceil();
        tracing::info!("{}: {done} of {total_f} {}, {rate:.0} a second, {left:.0} s left", self.stage, self.unit);
    }
}
