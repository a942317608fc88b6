//! `twinset devices`: what is there, whether it passes its self-test, and what `auto` picks. This room refuses to be brought
//! down by a driver: whatever one does is a line of the table.

use std::fmt;

use serde::Serialize;

use crate::bench::shop::shop;
use crate::device::adapters::{AdapterKind, enumerate};
use crate::device::{Adapter, Fault};
use crate::similarity::gpu::kernels::{Arithmetic, TILE};
use crate::similarity::gpu::{Gpu, Options, measure};

/// Rows and components of the made-up vectors that the kernels are timed on.
const ROWS: usize = 8 * TILE;
const DIMENSION: usize = 512;

/// What is there.
#[derive(Clone, Debug, Serialize)]
pub struct Devices {
    /// Every device, in the order in which `auto` tries them.
    pub devices: Vec<Device>,
    /// Why the drivers could not be asked, if so.
    pub problem: Option<String>,
    /// What `auto` picks: the index of a device, or `cpu`.
    pub auto: String,
    /// Why.
    pub why: String,
}

/// One device.
#[derive(Clone, Debug, Serialize)]
pub struct Device {
    /// Its place in the list; `--device` takes it.
    pub index: usize,
    /// Its name; `--device` takes a part of it.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `other` or `software`.
    pub kind: String,
    /// The driver's name and version.
    pub driver: String,
    /// Bytes of the largest storage binding.
    pub max_binding_bytes: u64,
    /// Bytes of the largest buffer.
    pub max_buffer_bytes: u64,
    /// Bytes of storage that a workgroup shares.
    pub workgroup_storage_bytes: u32,
    /// Whether it is the CPU in disguise, which is used only when it is named.
    pub software: bool,
    /// `passed`, or why it is refused.
    pub self_test: String,
    /// How fast it is; none when it is refused.
    pub times: Option<Times>,
}

/// Seconds that a pair of tiles of 128 × 128 rows takes, 512 components each.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    /// In f32.
    pub f32: f64,
    /// In packed int8; `None` where its driver does not take that kernel.
    pub int8: Option<f64>,
    /// The faster one.
    pub faster: &'static str,
}

/// Opens and tests every device, one after the other.
#[must_use]
pub fn devices() -> Devices {
    let options = Options::default();
    let (adapters, problem) = match enumerate(options.timeout) {
        Ok(adapters) => (adapters, None),
        Err(fault) => (Vec::new(), Some(fault.to_string())),
    };
    let devices: Vec<Device> = adapters.iter().map(|adapter| look(adapter, &options)).collect();
    let mut hardware = devices.iter().filter(|device| !device.software).peekable();
    let none = hardware.peek().is_none();
    let (auto, why) = match hardware.find(|device| device.times.is_some()) {
        Some(device) => (device.index.to_string(), format!("`{}` passed its self-test", device.name)),
        None if problem.is_some() => ("cpu".to_owned(), "the drivers could not be asked".to_owned()),
        None if none => ("cpu".to_owned(), "no hardware".to_owned()),
        None => ("cpu".to_owned(), "all hardware is refused".to_owned()),
    };
    Devices { devices, problem, auto, why }
}

fn look(adapter: &Adapter, options: &Options) -> Device {
    let facts = &adapter.facts;
    tracing::info!("testing {facts}");
    let times = times(adapter, options);
    Device {
        index: facts.index,
        name: facts.name.clone(),
        backend: facts.backend.to_string(),
        kind: facts.kind.to_string(),
        driver: facts.driver.clone(),
        max_binding_bytes: facts.limits.max_storage_buffer_binding_size,
        max_buffer_bytes: facts.limits.max_buffer_size,
        workgroup_storage_bytes: facts.limits.max_compute_workgroup_storage_size,
        software: facts.kind == AdapterKind::Software,
        self_test: times.as_ref().map_or_else(|fault| format!("refused: {fault}"), |_| "passed".to_owned()),
        times: times.ok(),
    }
}

/// Opening runs the self-test.
fn times(adapter: &Adapter, options: &Options) -> Result<Times, Fault> {
    let gpu = Gpu::open(adapter, options.clone())?;
    let (matrix, lists) = shop(ROWS, DIMENSION);
    let pair_of_tiles = |arithmetic: Arithmetic| {
        let speed = measure::tile_kernel(&gpu, &matrix, &lists, arithmetic)?;
        Ok(f64::from(1 << 14) / speed.pairs)
    };
    let f32 = pair_of_tiles(Arithmetic::F32)?;
    let int8 = gpu.offers().find(|offered| *offered == Arithmetic::Int8).map(pair_of_tiles).transpose()?;
    let faster = if int8.is_some_and(|int8| int8 < f32) { Arithmetic::Int8 } else { Arithmetic::F32 };
    Ok(Times { f32, int8, faster: faster.name() })
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.devices.iter().try_for_each(|device| writeln!(f, "{device}"))?;
        match &self.problem {
            Some(problem) => writeln!(f, "problem   the drivers could not be asked: {problem}")?,
            None if self.devices.is_empty() => f.write_str(NOTHING)?,
            None => {}
        }
        let auto = if self.auto == "cpu" { "the CPU" } else { &self.auto };
        writeln!(f, "auto      {auto}: {}", self.why)
    }
}

/// What to do where nothing is found.
const NOTHING: &str = "\
no device was found. A GPU needs its vendor's driver with Vulkan: Mesa's for AMD and Intel (`mesa-vulkan-drivers` and
`libvulkan1` on Debian and Ubuntu, which bring software Vulkan too), NVIDIA's own for NVIDIA. macOS and Windows bring Metal
and DX12.
";

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driver = if self.driver.is_empty() { "unknown" } else { &self.driver };
        writeln!(f, "device    {} `{}`", self.index, self.name)?;
        let only = if self.software { ": used only when it is named" } else { "" };
        writeln!(f, "kind      {}, {}{only}", self.backend, self.kind)?;
        writeln!(f, "driver    {driver}")?;
        writeln!(
            f,
            "limits    binding {} MiB, buffer {} MiB, workgroup storage {} KiB; memory is not told by the driver interface",
            self.max_binding_bytes >> 20,
            self.max_buffer_bytes >> 20,
            self.workgroup_storage_bytes >> 10
        )?;
        writeln!(f, "self-test {}", self.self_test)?;
        let Some(Times { f32, int8, faster }) = &self.times else { return Ok(()) };
        let f32 = 1e6 * f32;
        let int8 = int8.map_or_else(|| "no int8".to_owned(), |int8| format!("{:.2} µs in int8", 1e6 * int8));
        writeln!(f, "speed     {f32:.2} µs a pair of tiles in f32, {int8}: {faster} is used")
    }
}
