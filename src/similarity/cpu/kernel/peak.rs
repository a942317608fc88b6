//! The most that a processor can multiply: a kernel's own instruction on registers alone, in assembly, because a compiler merges
//! loops over equal operands. The figure that a kernel's speed is a share of.

use std::arch::asm;
use std::time::{Duration, Instant};

use super::Kernel;

/// Billions of operations a second, two for each product and its sum; none for a kernel without an instruction of its own.
///
/// The best of some tries of a few milliseconds each.
pub(in crate::similarity::cpu) fn peak(kernel: &Kernel) -> Option<f64> {
    let (spin, products): (unsafe fn(u64), u32) = match kernel.name {
        #[cfg(target_arch = "x86_64")]
        "avx512vnni" => (vnni512, 24 * 64),
        #[cfg(target_arch = "x86_64")]
        "avxvnni" => (vnni256, 12 * 32),
        #[cfg(target_arch = "x86_64")]
        "avx2" => (avx2, 12 * 32),
        #[cfg(target_arch = "aarch64")]
        "neon" => (neon, 16 * 16),
        _ => return None,
    };
    let rounds = 1_u32 << 18;
    let once = || {
        let start = Instant::now();
        // SAFETY: the processor has the instruction, because it has the kernel.
        unsafe { spin(rounds.into()) };
        start.elapsed()
    };
    let fastest = (0..64).map(|_| once()).min().unwrap_or(Duration::MAX);
    Some(f64::from(2 * products) * f64::from(rounds) / fastest.as_secs_f64() / 1e9)
}

/// A function that goes round some lines of assembly, each in a string, as often as its argument says.
macro_rules! spin {
    ($name:ident, $features:literal, $counter:tt, $abi:tt, $($line:literal),+) => {
        #[target_feature(enable = $features)]
        fn $name(rounds: u64) {
            // SAFETY: the lines count a register down and write vector registers that the ABI gives away.
            unsafe {
                asm!("2:", $($line),+, inout($counter) rounds => _, clobber_abi($abi), options(nomem, nostack));
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
spin!(
    vnni512,
    "avx512vnni",
    "rcx",
    "sysv64",
    ".irp sum, 0,1,2,3,4,5,6,7,8,9,10,11,16,17,18,19,20,21,22,23,24,25,26,27",
    "vpdpbusd zmm\\sum, zmm14, zmm15",
    ".endr",
    "dec rcx",
    "jnz 2b"
);

#[cfg(target_arch = "x86_64")]
spin!(
    vnni256,
    "avxvnni",
    "rcx",
    "sysv64",
    ".irp sum, 0,1,2,3,4,5,6,7,8,9,10,11",
    "{{vex}} vpdpbusd ymm\\sum, ymm14, ymm15",
    ".endr",
    "dec rcx",
    "jnz 2b"
);

#[cfg(target_arch = "x86_64")]
spin!(
    avx2,
    "avx2",
    "rcx",
    "sysv64",
    ".irp sum, 0,1,2,3,4,5,6,7,8,9,10,11",
    "vpmaddubsw ymm12, ymm14, ymm15",
    "vpaddw ymm\\sum, ymm\\sum, ymm12",
    ".endr",
    "dec rcx",
    "jnz 2b"
);

#[cfg(target_arch = "aarch64")]
spin!(
    neon,
    "dotprod",
    "x9",
    "C",
    ".irp sum, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    "sdot v\\sum\\().4s, v0.16b, v1.4b[0]",
    ".endr",
    "subs x9, x9, #1",
    "b.ne 2b"
);
