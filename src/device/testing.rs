//! The device that tests compute on: software Vulkan where it is installed, so that every machine tests the same.

use std::time::Duration;

use super::adapters::{Adapter, AdapterKind, enumerate};
use super::{Fault, Faults, Gpu, Worker};

/// Longer than anything in a test takes.
pub(crate) const LONG: Duration = Duration::from_mins(10);

/// All devices, at least one.
pub(crate) fn adapters() -> Vec<Adapter> {
    let adapters = enumerate(LONG).unwrap();
    assert!(
        !adapters.is_empty(),
        "no Vulkan driver: `apt-get install mesa-vulkan-drivers libvulkan1` on Debian or Ubuntu, \
         or set TWINSET_GPU_TESTS=skip"
    );
    adapters
}

/// The software device, or else the first one.
pub(crate) fn adapter() -> Adapter {
    let adapters = adapters();
    let software = adapters.iter().find(|adapter| adapter.facts.kind == AdapterKind::Software);
    software.unwrap_or(&adapters[0]).clone()
}

/// A worker that has opened [`adapter`].
pub(crate) fn open(faults: Faults) -> Result<Worker<Gpu>, Fault> {
    let adapter = adapter();
    Worker::spawn("test", LONG, move || Gpu::open(&adapter, faults))
}
