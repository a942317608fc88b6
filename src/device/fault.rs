//! What can go wrong with a device, and the one seam through which tests make it go wrong. This room knows no wgpu.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Why a device did not do what it was asked. Nothing it answered since its last success can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An allocation failed; a smaller one may succeed.
    #[error("the device has no memory left for {what}")]
    OutOfMemory {
        /// What was to be allocated.
        what: String,
    },
    /// The device is gone, and everything on it.
    #[error("the device was lost: {message}")]
    Lost {
        /// What the driver said.
        message: String,
    },
    /// wgpu refused an operation: a defect of the caller, or a driver that keeps less than it promised.
    #[error("the device refused {what}: {message}")]
    Validation {
        /// What was refused.
        what: String,
        /// Why.
        message: String,
    },
    /// The driver, wgpu or the job panicked on the device thread.
    #[error("the device thread panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// No answer in time. What was asked may still be running.
    #[error("{what} gave no answer within {} s", after.as_secs_f64())]
    TimedOut {
        /// Who was asked.
        what: String,
        /// How long the wait was.
        after: Duration,
    },
    /// The device computes, but not what it should.
    #[error("the device computes wrongly: {message}")]
    WrongAnswer {
        /// What was expected and what came.
        message: String,
    },
    /// There is no such device, or it cannot be opened.
    #[error("{message}")]
    Unavailable {
        /// What was asked for, and what there is.
        message: String,
    },
}

/// The places at which a fault can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A device was opened.
    Open,
    /// A buffer is about to be allocated.
    Allocate,
    /// Bytes are about to go to the device, once per chunk.
    Upload,
    /// A kernel is about to be compiled.
    Compile,
    /// Commands are about to be submitted.
    Submit,
    /// The end of a submission is about to be awaited.
    Poll,
    /// A result is about to be read.
    Read,
    /// What a strip found has been read.
    Answer,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The device thread panics.
    Panic,
    /// The device is destroyed, so that wgpu's own paths after a loss run.
    Lose,
    /// The operation reports that memory is exhausted, as an error scope would.
    OutOfMemory,
    /// An invalid operation is made outside of every error scope.
    Invalid,
    /// The device thread sleeps.
    Hang(Duration),
    /// The answer is spoiled; only [`Point::Answer`] heeds it.
    WrongAnswer,
}

/// One thing that goes wrong once.
#[derive(Clone, Copy, Debug)]
pub struct Injection {
    /// Where.
    pub at: Point,
    /// How many passes of that point go well first.
    pub after: usize,
    /// What.
    pub what: Kind,
}

/// The faults that a test injects. Production passes the default, which is none. Clones count their passes together.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    injections: Arc<[(Injection, AtomicUsize)]>,
}

impl Faults {
    /// Faults at the given places, each counted from its first pass.
    #[must_use]
    pub fn new(injections: &[Injection]) -> Faults {
        Faults { injections: injections.iter().map(|&injection| (injection, AtomicUsize::new(0))).collect() }
    }

    /// Counts a pass of `point` and says what is to go wrong at it.
    #[must_use]
    pub fn pass(&self, point: Point) -> Option<Kind> {
        let here = self.injections.iter().filter(|(injection, _)| injection.at == point);
        // Every injection counts every pass, also when another one is due.
        here.fold(None, |due, (injection, passes)| {
            let now = passes.fetch_add(1, Ordering::Relaxed) == injection.after;
            due.or(now.then_some(injection.what))
        })
    }

    /// Whether the answer that was just read is to be spoiled.
    #[must_use]
    pub fn wrong_answer(&self) -> bool {
        self.pass(Point::Answer) == Some(Kind::WrongAnswer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injection_is_due_once_after_its_passes_and_clones_count_together() {
        let faults = Faults::new(&[
            Injection { at: Point::Submit, after: 2, what: Kind::Lose },
            Injection { at: Point::Submit, after: 1, what: Kind::Panic },
        ]);
        let clone = faults.clone();
        assert_eq!(faults.pass(Point::Submit), None);
        assert_eq!(faults.pass(Point::Read), None);
        assert_eq!(clone.pass(Point::Submit), Some(Kind::Panic));
        assert_eq!(faults.pass(Point::Submit), Some(Kind::Lose));
        assert_eq!(clone.pass(Point::Submit), None);
        assert_eq!(Faults::default().pass(Point::Submit), None);
    }
}
