//! The owner of `shaders/`: each kernel's source, bindings and parameters as the shader declares them. A test compares both.

use std::mem::{offset_of, size_of};

use bytemuck::{Pod, Zeroable};

use crate::device::gpu::Binding::{self, Read, ReadWrite, Uniform};

/// Rules that one dispatch can serve.
pub const MAX_RULES: usize = 32;

/// Rows of a tile.
pub const TILE: usize = 128;

/// Bytes of a tile's panel per step of the tile kernels, in f32 as in packed int8: 8 words × 128 rows.
pub const STEP_BYTES: usize = 8 * TILE * 4;

/// A shader and what it expects.
#[derive(Debug)]
pub struct Kernel {
    /// Stem of its file.
    pub name: &'static str,
    /// Its source.
    pub wgsl: &'static str,
    /// Its bindings of group 0, from number 0 on.
    pub bindings: &'static [Binding],
    /// Invocations of a workgroup.
    pub workgroup: u32,
    /// Name, offset and size in bytes of each member of its parameters.
    pub params: &'static [(&'static str, usize, usize)],
    /// Bytes of its parameters.
    pub params_size: usize,
}

/// Every kernel.
pub const KERNELS: &[&Kernel] = &[&TILE_F32, &TILE_I8, &SEED_CUTS, &PACK_SURVIVORS, &PEAK_F32, &PEAK_I8];

/// Parameters of the tile kernels.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct TileParams {
    /// Steps of 8 components in f32, of 32 in int8.
    pub steps: u32,
    /// Work items of this dispatch.
    pub items: u32,
    /// Number of the first row of the anchors' and of the candidates' chunk.
    pub first_row: [u32; 2],
    /// Where the candidates' chunk starts among the local rows; 0 when both chunks are one.
    pub first_fact: u32,
    /// Local rows.
    pub rows: u32,
    /// Words of a row's facts.
    pub stride: u32,
    /// Survivors that a row can keep.
    pub slots: u32,
    /// Rules.
    pub rules: u32,
    /// 0, or buckets per list: seed them instead of keeping survivors.
    pub buckets: u32,
    /// To the alignment of what follows.
    pub gap: [u32; 2],
    /// Per rule: group scope, code columns that must match, that must differ, the first of its facts.
    pub rule: [[u32; 4]; MAX_RULES],
}

/// Parameters of the kernel that turns buckets into thresholds.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct SeedParams {
    /// Local rows × rules.
    pub lists: u32,
    /// Rules.
    pub rules: u32,
    /// Buckets per list.
    pub buckets: u32,
    /// To the alignment of what follows.
    pub gap: u32,
    /// Entries of each rule's lists.
    pub k: [u32; MAX_RULES],
}

/// Parameters of the kernel that packs survivors.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct PackParams {
    /// Local rows.
    pub rows: u32,
    /// Survivors that a row can keep.
    pub slots: u32,
    /// Survivors that the packed run can keep.
    pub room: u32,
}

/// Parameters of the kernels that measure a device's peak.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct PeakParams {
    /// Rounds of multiply-adds.
    pub rounds: u32,
    /// A number that no compiler knows.
    pub seed: u32,
}

/// Lists the members of a parameter struct as the shader must declare them.
macro_rules! members {
    ($params:ty: $($name:ident: $kind:ty),+) => {
        &[$((stringify!($name), offset_of!($params, $name), size_of::<$kind>())),+]
    };
}

/// Bindings of both tile kernels: parameters, panels of anchors and candidates, facts, cuts, scopes, work, survivors, counts.
const TILE_BINDINGS: &[Binding] = &[Uniform, Read, Read, Read, Read, Read, Read, ReadWrite, ReadWrite];

const TILE_MEMBERS: &[(&str, usize, usize)] = members!(TileParams: steps: u32, items: u32, first_row: [u32; 2],
    first_fact: u32, rows: u32, stride: u32, slots: u32, rules: u32, buckets: u32, rule: [[u32; 4]; MAX_RULES]);

/// Scores tiles in f32.
pub const TILE_F32: Kernel = Kernel {
    name: "tile_f32",
    wgsl: include_str!("../../../shaders/tile_f32.wgsl"),
    bindings: TILE_BINDINGS,
    workgroup: 256,
    params: TILE_MEMBERS,
    params_size: size_of::<TileParams>(),
};

/// Scores tiles in packed int8.
pub const TILE_I8: Kernel = Kernel { name: "tile_i8", wgsl: include_str!("../../../shaders/tile_i8.wgsl"), ..TILE_F32 };

/// Turns buckets into thresholds. Bindings: parameters, keys, seeds.
pub const SEED_CUTS: Kernel = Kernel {
    name: "seed_cuts",
    wgsl: include_str!("../../../shaders/seed_cuts.wgsl"),
    bindings: &[Uniform, Read, ReadWrite],
    workgroup: 64,
    params: members!(SeedParams: lists: u32, rules: u32, buckets: u32, k: [u32; MAX_RULES]),
    params_size: size_of::<SeedParams>(),
};

/// Packs survivors. Bindings: parameters, survivors, counts, used, places, packed.
pub const PACK_SURVIVORS: Kernel = Kernel {
    name: "pack_survivors",
    wgsl: include_str!("../../../shaders/pack_survivors.wgsl"),
    bindings: &[Uniform, Read, Read, ReadWrite, ReadWrite, ReadWrite],
    workgroup: 64,
    params: members!(PackParams: rows: u32, slots: u32, room: u32),
    params_size: size_of::<PackParams>(),
};

/// Multiply-adds in registers only, in f32. Bindings: parameters, one result per invocation.
pub const PEAK_F32: Kernel = Kernel {
    name: "peak_f32",
    wgsl: include_str!("../../../shaders/peak_f32.wgsl"),
    bindings: &[Uniform, ReadWrite],
    workgroup: 256,
    params: members!(PeakParams: rounds: u32, seed: u32),
    params_size: size_of::<PeakParams>(),
};

/// The same in packed int8.
pub const PEAK_I8: Kernel = Kernel { name: "peak_i8", wgsl: include_str!("../../../shaders/peak_i8.wgsl"), ..PEAK_F32 };

/// What the tile kernels compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// The vectors as they are.
    F32,
    /// Quantized vectors: a quarter of the bytes, and four products an instruction where the device has it.
    Int8,
}

impl Arithmetic {
    /// As the manifest says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Arithmetic::F32 => "f32",
            Arithmetic::Int8 => "int8",
        }
    }

    /// Its tile kernel.
    #[must_use]
    pub fn kernel(self) -> &'static Kernel {
        match self {
            Arithmetic::F32 => &TILE_F32,
            Arithmetic::Int8 => &TILE_I8,
        }
    }

    /// Steps that a tile kernel takes over vectors of `dimension` components.
    #[must_use]
    pub fn steps(self, dimension: usize) -> usize {
        match self {
            Arithmetic::F32 => dimension.div_ceil(8),
            Arithmetic::Int8 => dimension.div_ceil(32),
        }
    }
}

/// How many workgroups to dispatch in x and y so that there are at least `wanted`; the kernels ignore those beyond.
#[must_use]
pub fn groups(wanted: usize) -> (u32, u32) {
    const MOST: usize = 65_535;
    let y = wanted.div_ceil(MOST).max(1);
    (narrow(wanted.div_ceil(y)), narrow(y))
}

/// A number as a word of a device.
pub(super) fn narrow(n: usize) -> u32 {
    u32::try_from(n).expect("a strip, a plan and their parts are smaller than 2^32 in every measure")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workgroups_are_enough_and_within_the_limit() {
        for wanted in [0, 1, 65_535, 65_536, 1_000_000] {
            let (x, y) = groups(wanted);
            assert!(x <= 65_535 && y <= 65_535 && x as usize * y as usize >= wanted, "{wanted}: {x} × {y}");
        }
    }
}
