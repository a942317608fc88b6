//! The GPU engine on whatever device is there, mostly Mesa's software Vulkan: the same lists as the CPU engine, byte for byte,
//! in every shape of the work and after every fault.

use std::time::Duration;

use twinset::device::adapters::{Adapter, AdapterKind, enumerate};
use twinset::similarity::gpu::kernels::Arithmetic;
use twinset::similarity::gpu::{Gpu, Options};

use crate::engines::conformance;

/// The device to test on: software Vulkan where it is there, since it is everywhere the same.
pub fn adapter() -> Adapter {
    let mut all = enumerate(Duration::from_mins(1)).expect("an answer of the drivers");
    let software = all.iter().position(|adapter| adapter.facts.kind == AdapterKind::Software);
    assert!(
        !all.is_empty(),
        "no Vulkan, Metal or DX12 device: install Mesa's software Vulkan (on Debian `apt-get install mesa-vulkan-drivers \
         libvulkan1`), or set TWINSET_GPU_TESTS=skip"
    );
    all.swap_remove(software.unwrap_or(0))
}

/// An engine with poisoned outputs.
pub fn engine(options: Options) -> Gpu {
    Gpu::open(&adapter(), Options { poison: true, ..options }).expect("a device that passes its self-test")
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn the_gpu_engine_conforms() {
    for arithmetic in [Arithmetic::F32, Arithmetic::Int8] {
        let forced =
            |chunk, strip, slots| Options { arithmetic: Some(arithmetic), chunk, strip, slots, ..Options::default() };
        for options in [forced(None, None, None), forced(Some(1), Some(1), None), forced(Some(2), Some(3), Some(4))] {
            let shape = format!("{arithmetic:?}, {:?} {:?} {:?}", options.chunk, options.strip, options.slots);
            conformance(&engine(options)).unwrap_or_else(|why| panic!("{shape}: {why}"));
        }
    }
}
