//! What an engine says of its work, for the manifest. Nothing here decides a list.

use serde::{Deserialize, Serialize};

use super::TopK;

/// What an engine found.
#[derive(Debug)]
pub struct Found {
    /// Per rule, in the order of the contract, its lists by anchor row; empty ones for rules without looks.
    pub lists: Vec<TopK>,
    /// How they came about.
    pub report: Report,
}

/// How the lists of a night came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where the similarities were computed, in words; `cpu` when no device took part.
    pub device: String,
    /// The kernel that proposed: the device's, or the CPU's where no device took part. Where the device turned to another one on
    /// the way, both, separated by a comma.
    pub kernel: Option<String>,
    /// Devices and kernels that were tried and not used, each with the reason.
    pub refused: Vec<String>,
    /// Why the device stopped before the end; the CPU finished.
    pub fault: Option<String>,
    /// Strips of pairs of tiles that the device finished.
    pub strips: u64,
    /// Kernel launches.
    pub dispatches: u64,
    /// Pairs of rows that the device proposed from.
    pub pairs_on_device: u64,
    /// Pairs of rows that the CPU proposed from.
    pub pairs_on_cpu: u64,
    /// Pairs that the device proposed and the CPU decided.
    pub survivors: u64,
    /// Bytes sent to the device.
    pub bytes_up: u64,
    /// Bytes read back from the device.
    pub bytes_down: u64,
    /// Rows that the device was given again, because they had more survivors than slots.
    pub rows_rerun: u64,
    /// Rows that the CPU finished one by one, because a single pair of tiles had more survivors than slots.
    pub rows_on_cpu: u64,
}

impl Report {
    /// Says that this kernel proposes from now on.
    pub(super) fn uses(&mut self, kernel: &str) {
        match &mut self.kernel {
            Some(kernels) if kernels.split(", ").any(|known| known == kernel) => {}
            Some(kernels) => kernels.extend([", ", kernel]),
            None => self.kernel = Some(kernel.to_owned()),
        }
    }
}
