//! What a person sees while a long stage runs: a bar with rate and remaining time on a terminal, plain lines otherwise.
//! This room refuses to write to stdout.

/// The progress of one stage.
#[derive(Debug)]
pub struct Progress {
    bar: indicatif::ProgressBar,
}

impl Progress {
    /// A stage that nobody watches (tests, benches).
    #[must_use]
    pub fn hidden() -> Progress {
        Progress { bar: indicatif::ProgressBar::hidden() }
    }

    /// Says how much there is to do.
    pub fn start(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// Says that `steps` more are done; callable from any thread.
    pub fn advance(&self, steps: u64) {
        self.bar.inc(steps);
    }
}
