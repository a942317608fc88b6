//! The machine under a measurement, for its report. This file refuses to decide by it.

use serde::Serialize;

/// What a reader of a time must know of the machine.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// The CPU's model, or its architecture where the system does not tell in a file.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// The operating system.
    pub system: &'static str,
}

impl Host {
    /// Looks at this machine.
    #[must_use]
    pub fn look() -> Host {
        let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Host {
            cpu: model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: std::env::consts::OS,
        }
    }
}
