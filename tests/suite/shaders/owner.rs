//! What the tests take as the owner of the kernels until there is one: the shape of `similarity::gpu::kernels`.

/// How a kernel reaches a buffer.
pub enum Binding {
    Uniform,
    Read,
    ReadWrite,
}

/// A file of `shaders/` and what its host has to bind.
pub struct Kernel {
    pub name: &'static str,
    pub wgsl: &'static str,
    pub bindings: &'static [Binding],
    pub workgroup: u32,
    /// Name, offset and size of each parameter, in bytes.
    pub params: &'static [(&'static str, usize, usize)],
    pub params_size: usize,
}

const TILE_PARAMS: &[(&str, usize, usize)] = &[
    ("steps", 0, 4),
    ("items", 4, 4),
    ("first_row", 8, 8),
    ("first_fact", 16, 4),
    ("rows", 20, 4),
    ("stride", 24, 4),
    ("slots", 28, 4),
    ("rules", 32, 4),
    ("buckets", 36, 4),
    ("rule", 48, 512),
];

const TILE_BINDINGS: &[Binding] = &[
    Binding::Uniform,
    Binding::Read,
    Binding::Read,
    Binding::Read,
    Binding::Read,
    Binding::Read,
    Binding::Read,
    Binding::ReadWrite,
    Binding::ReadWrite,
];

const PEAK_PARAMS: &[(&str, usize, usize)] = &[("rounds", 0, 4), ("seed", 4, 4)];

pub const KERNELS: &[Kernel] = &[
    Kernel {
        name: "tile_f32",
        wgsl: include_str!("../../../shaders/tile_f32.wgsl"),
        bindings: TILE_BINDINGS,
        workgroup: 256,
        params: TILE_PARAMS,
        params_size: 560,
    },
    Kernel {
        name: "tile_i8",
        wgsl: include_str!("../../../shaders/tile_i8.wgsl"),
        bindings: TILE_BINDINGS,
        workgroup: 256,
        params: TILE_PARAMS,
        params_size: 560,
    },
    Kernel {
        name: "peak_f32",
        wgsl: include_str!("../../../shaders/peak_f32.wgsl"),
        bindings: &[Binding::Uniform, Binding::ReadWrite],
        workgroup: 256,
        params: PEAK_PARAMS,
        params_size: 8,
    },
    Kernel {
        name: "peak_i8",
        wgsl: include_str!("../../../shaders/peak_i8.wgsl"),
        bindings: &[Binding::Uniform, Binding::ReadWrite],
        workgroup: 256,
        params: PEAK_PARAMS,
        params_size: 8,
    },
];
