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
        let (start, cpu_start) = (Instant::now(), cpu_seconds());
        let done = work();
        let seconds = rounded(start.elapsed().as_secs_f64());
        let cpu_seconds = cpu_seconds().zip(cpu_start).map(|(end, start)| rounded(end - start));
        tracing::info!("{stage} took {seconds:.1} s");
        self.times.push(StageTime { stage: stage.to_owned(), seconds, cpu_seconds });
        done
    }

    pub(super) fn finish(self) -> Vec<StageTime> {
        self.times
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// CPU time of all threads of the process since it started, where the system says it.
fn cpu_seconds() -> Option<f64> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::time::{ClockId, clock_gettime};
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let since_start = std::time::Duration::try_from(used).ok()?;
        Some(since_start.as_secs_f64())
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        None
    }
}
