//! The stages of a night and how long each took.

use std::time::Instant;

use crate::output::manifest::StageTime;

/// Times stages in the order in which they run.
#[derive(Debug, Default)]
pub(super) struct Stages {
    times: Vec<StageTime>,
}

impl Stages {
    pub(super) fn new() -> Stages {
        Stages::default()
    }

    /// Runs a stage.
    pub(super) fn time<T>(&mut self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        let seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        tracing::info!("{stage} took {seconds:.1} s");
        self.times.push(StageTime { stage: stage.to_owned(), seconds });
        done
    }

    pub(super) fn finish(self) -> Vec<StageTime> {
        self.times
    }
}
