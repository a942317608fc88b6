//! Which devices there are, and which of them a run may use. This room opens none.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Fault;
use super::worker::Worker;

/// The backends that twinset is built with; each system has at most two of them.
const BACKENDS: wgpu::Backends = wgpu::Backends::VULKAN.union(wgpu::Backends::METAL).union(wgpu::Backends::DX12);

/// Percent of the memory budget beyond which an allocation fails in good order.
const MEMORY_PERCENT: u8 = 90;

/// A device as its driver describes it. One GPU may be listed under two backends.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// What is known of it.
    pub facts: Facts,
    pub(super) adapter: wgpu::Adapter,
}

/// What is known of a device. No backend tells how much memory it has through safe code; `limits.max_buffer_size` is the largest
/// single buffer.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its place in the list of [`enumerate`].
    pub index: usize,
    /// Its name, such as `NVIDIA GeForce RTX 4090`.
    pub name: String,
    /// The interface through which it is reached.
    pub backend: wgpu::Backend,
    /// What it is.
    pub kind: AdapterKind,
    /// The driver's name and version, or nothing.
    pub driver: String,
    /// What it can do at most.
    pub limits: wgpu::Limits,
}

/// What a device is, the most promising first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the CPU's memory.
    Integrated,
    /// A share of a host's GPU.
    Virtual,
    /// Hardware of another kind.
    Other,
    /// The CPU in disguise; never used unless it is named.
    Software,
}

/// Which device a run may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Hardware if there is any, otherwise the CPU engine.
    #[default]
    Auto,
    /// The CPU engine.
    Cpu,
    /// Hardware or fail.
    Gpu,
    /// The device with this index (a number below 100), or with this part of a name.
    Named(String),
}

/// Lists the devices, the most promising first, in the same order every time.
///
/// # Errors
/// A driver that panics while it is asked, or gives no answer within `timeout`.
pub fn enumerate(timeout: Duration) -> Result<Vec<Adapter>, Fault> {
    let worker = Worker::spawn("adapters", timeout, || Ok(()))?;
    worker.start(|()| Ok(list())).wait(timeout)
}

/// The devices to try in turn for `choice`. For [`Choice::Auto`] there may be none, for [`Choice::Cpu`] there are none.
///
/// # Errors
/// [`Fault::Unavailable`] with the list of all devices: hardware was demanded and there is none, or no device, or more than one,
/// fits the name. Among devices of one name the first is meant.
pub fn candidates<'a>(choice: &Choice, adapters: &'a [Adapter]) -> Result<Vec<&'a Adapter>, Fault> {
    let facts: Vec<&Facts> = adapters.iter().map(|adapter| &adapter.facts).collect();
    Ok(select(choice, &facts)?.into_iter().map(|at| &adapters[at]).collect())
}

fn list() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: BACKENDS,
        // Validation layers and debug names only on demand, for example by `WGPU_VALIDATION=1`.
        flags: wgpu::InstanceFlags::empty().with_env(),
        // No threshold for the loss of a device: a heap without any budget would count as exhausted.
        memory_budget_thresholds: wgpu::MemoryBudgetThresholds {
            for_resource_creation: Some(MEMORY_PERCENT),
            for_device_loss: None,
        },
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    // The last reference to an instance unloads its drivers, on whatever thread that happens, and nothing could contain that.
    std::mem::forget(instance.clone());
    let mut found: Vec<(Adapter, (AdapterKind, u8, String, String))> = Vec::new();
    for adapter in pollster::block_on(instance.enumerate_adapters(BACKENDS)) {
        let info = adapter.get_info();
        let facts = Facts {
            index: 0,
            name: info.name.clone(),
            backend: info.backend,
            kind: info.device_type.into(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            limits: adapter.limits(),
        };
        // Metal is alone on its systems; Vulkan's translation of the kernels is the one that is tested most.
        let place = (facts.kind, u8::from(facts.backend == wgpu::Backend::Dx12), info.name, info.device_pci_bus_id);
        found.push((Adapter { facts, adapter }, place));
    }
    found.sort_by(|(_, a), (_, b)| a.cmp(b));
    for (index, (adapter, _)) in found.iter_mut().enumerate() {
        adapter.facts.index = index;
    }
    found.into_iter().map(|(adapter, _)| adapter).collect()
}

/// The places in `facts` of the devices to try.
fn select(choice: &Choice, facts: &[&Facts]) -> Result<Vec<usize>, Fault> {
    let hardware = (0..facts.len()).filter(|&at| facts[at].kind != AdapterKind::Software).collect::<Vec<_>>();
    match choice {
        Choice::Cpu => Ok(Vec::new()),
        Choice::Gpu if hardware.is_empty() => Err(unavailable("no GPU was found", facts)),
        Choice::Auto | Choice::Gpu => Ok(hardware),
        Choice::Named(wanted) => named(wanted, facts).map(|at| vec![at]),
    }
}

fn named(wanted: &str, facts: &[&Facts]) -> Result<usize, Fault> {
    if let Some(index) = wanted.parse().ok().filter(|&index: &usize| index < 100) {
        let found = facts.iter().position(|facts| facts.index == index);
        return found.ok_or_else(|| unavailable(&format!("no device has the index `{wanted}`"), facts));
    }
    let wanted_lower = wanted.to_lowercase();
    let whole = facts.iter().position(|facts| facts.name.to_lowercase() == wanted_lower);
    let mut parts = (0..facts.len()).filter(|&at| facts[at].name.to_lowercase().contains(&wanted_lower));
    let first =
        whole.or_else(|| parts.next()).ok_or_else(|| unavailable(&format!("no device is called `{wanted}`"), facts))?;
    if whole.is_none() && parts.any(|at| facts[at].name != facts[first].name) {
        return Err(unavailable(&format!("more than one device is called `{wanted}`"), facts));
    }
    Ok(first)
}

fn unavailable(problem: &str, facts: &[&Facts]) -> Fault {
    let all = facts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let there = if all.is_empty() { "no device at all; is a Vulkan driver installed?".to_owned() } else { all };
    Fault::Unavailable { message: format!("{problem}; there is {there}") }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` ({}, {})", self.index, self.name, self.backend, self.kind)
    }
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AdapterKind::Discrete => "discrete",
            AdapterKind::Integrated => "integrated",
            AdapterKind::Virtual => "virtual",
            AdapterKind::Other => "other",
            AdapterKind::Software => "software",
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Choice::Auto => "auto",
            Choice::Cpu => "cpu",
            Choice::Gpu => "gpu",
            Choice::Named(name) => name,
        })
    }
}

impl From<wgpu::DeviceType> for AdapterKind {
    fn from(device: wgpu::DeviceType) -> AdapterKind {
        match device {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Other => AdapterKind::Other,
            wgpu::DeviceType::Cpu => AdapterKind::Software,
        }
    }
}

impl FromStr for Choice {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Choice, Fault> {
        match text.trim() {
            "" => Err(Fault::Unavailable {
                message: "a device must be named: `auto`, `cpu`, `gpu`, an index or part of a name".to_owned(),
            }),
            "auto" => Ok(Choice::Auto),
            "cpu" => Ok(Choice::Cpu),
            "gpu" => Ok(Choice::Gpu),
            name => Ok(Choice::Named(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(index: usize, name: &str, backend: wgpu::Backend, kind: AdapterKind) -> Facts {
        Facts { index, name: name.to_owned(), backend, kind, driver: String::new(), limits: wgpu::Limits::default() }
    }

    /// One GPU under two backends, a sibling whose name begins alike, and two pieces of software.
    fn machine() -> Vec<Facts> {
        vec![
            facts(0, "Radeon 7900", wgpu::Backend::Vulkan, AdapterKind::Discrete),
            facts(1, "Radeon 7900", wgpu::Backend::Dx12, AdapterKind::Discrete),
            facts(2, "Radeon 7900 XT", wgpu::Backend::Vulkan, AdapterKind::Discrete),
            facts(3, "Arc 2 Graphics", wgpu::Backend::Vulkan, AdapterKind::Integrated),
            facts(4, "llvmpipe", wgpu::Backend::Vulkan, AdapterKind::Software),
        ]
    }

    fn selected(choice: &str, facts: &[Facts]) -> Result<Vec<usize>, String> {
        let facts: Vec<&Facts> = facts.iter().collect();
        choice.parse().and_then(|choice| select(&choice, &facts)).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_choice_is_read_from_its_name() {
        assert_eq!("auto".parse(), Ok(Choice::Auto));
        assert_eq!(" cpu ".parse(), Ok(Choice::Cpu));
        assert_eq!("gpu".parse(), Ok(Choice::Gpu));
        assert_eq!("2".parse(), Ok(Choice::Named("2".to_owned())));
        assert!(" ".parse::<Choice>().is_err());
    }

    #[test]
    fn only_hardware_is_chosen_unasked() {
        assert_eq!(selected("auto", &machine()), Ok(vec![0, 1, 2, 3]));
        assert_eq!(selected("gpu", &machine()), Ok(vec![0, 1, 2, 3]));
        assert_eq!(selected("cpu", &machine()), Ok(vec![]));
        let software = [machine().remove(4)];
        assert_eq!(selected("auto", &software), Ok(vec![]));
        assert_eq!(
            selected("gpu", &software).unwrap_err(),
            "no GPU was found; there is 4 `llvmpipe` (vulkan, software)"
        );
        assert!(selected("gpu", &[]).unwrap_err().contains("driver"));
    }

    #[test]
    fn a_named_device_is_found_by_index_whole_name_or_part() {
        assert_eq!(selected("1", &machine()), Ok(vec![1]));
        assert_eq!(selected("LLVM", &machine()), Ok(vec![4]));
        assert_eq!(selected("radeon 7900", &machine()), Ok(vec![0]), "the whole name, under its first backend");
        assert_eq!(selected("7900 xt", &machine()), Ok(vec![2]));
    }

    #[test]
    fn an_index_is_exact_and_an_unclear_name_is_an_error_that_lists_the_devices() {
        let error = selected("5", &machine()).unwrap_err();
        assert!(
            error.starts_with("no device has the index `5`; there is 0 `Radeon 7900` (vulkan, discrete), "),
            "{error}"
        );
        let error = selected("7900", &machine()).unwrap_err();
        assert!(error.starts_with("more than one device is called `7900`"), "{error}");
        let error = selected("GeForce", &machine()).unwrap_err();
        assert!(error.starts_with("no device is called `GeForce`"), "{error}");
    }

    #[test]
    #[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
    fn the_devices_of_this_machine_are_listed_in_order() {
        let adapters = crate::device::testing::adapters();
        let facts: Vec<&Facts> = adapters.iter().map(|adapter| &adapter.facts).collect();
        assert!(facts.iter().enumerate().all(|(at, facts)| facts.index == at));
        assert!(facts.is_sorted_by_key(|facts| facts.kind));
        let again = enumerate(crate::device::testing::LONG).unwrap();
        assert!(again.iter().map(|adapter| &adapter.facts.name).eq(facts.iter().map(|facts| &facts.name)));
    }
}
