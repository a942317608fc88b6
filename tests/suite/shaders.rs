//! What can be held against the kernels without a device: plain WebGPU, translations to Metal and DX12, one Rust owner each.

mod isa;
mod reflected;

use std::path::Path;

use naga::back::{hlsl, msl};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use twinset::device::gpu::Binding;
use twinset::similarity::gpu::kernels::KERNELS;

use reflected::{Shader, shaders};

/// Writes a translation where a person can look at it; `what` is the ending of its name.
fn lay_down(shader: &Shader, what: &str, text: &str) {
    assert!(text.contains("main"), "{}: no entry point in the {what}", shader.stem);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("shaders");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(format!("{}.{what}", shader.stem)), text).expect("written");
}

#[test]
fn shaders_need_nothing_but_plain_webgpu() {
    let limits = wgpu::Limits::defaults();
    for shader in shaders() {
        let name = &shader.stem;
        let entries: Vec<_> = shader.module.entry_points.iter().map(|e| (e.stage, e.name.as_str())).collect();
        assert_eq!(entries, [(naga::ShaderStage::Compute, "main")], "{name}: one kernel a file");
        let invocations: u32 = shader.module.entry_points[0].workgroup_size.iter().product();
        assert!(invocations <= limits.max_compute_invocations_per_workgroup, "{name}: {invocations} invocations");
        let shared = shader.workgroup_bytes();
        assert!(shared <= limits.max_compute_workgroup_storage_size, "{name}: {shared} bytes of a workgroup");
        let storage = shader.bindings().iter().filter(|b| b.kind != "uniform").count();
        assert!(storage <= limits.max_storage_buffers_per_shader_stage as usize, "{name}: {storage} storage buffers");
        let uniform = u64::from(shader.params_size());
        assert!(uniform <= limits.max_uniform_buffer_binding_size, "{name}: {uniform} bytes of parameters");
        let enables = shader.text.lines().any(|line| line.trim_start().starts_with("enable"));
        assert!(!enables, "{name}: an optional feature");
    }
}

#[test]
fn shaders_translate_to_metal() {
    for shader in shaders() {
        let mut slots = msl::EntryPointResources { sizes_buffer: Some(30), ..Default::default() };
        for (slot, binding) in (0..).zip(shader.bindings()) {
            let mutable = binding.kind == "read_write";
            slots.resources.insert(binding.at, msl::BindTarget { buffer: Some(slot), mutable, ..Default::default() });
        }
        // As wgpu asks for it when a shader is created safely.
        let options = msl::Options {
            lang_version: (2, 4),
            per_entry_point_map: [("main".to_owned(), slots)].into(),
            fake_missing_bindings: false,
            bounds_check_policies: BoundsCheckPolicies {
                index: BoundsCheckPolicy::Restrict,
                buffer: BoundsCheckPolicy::Restrict,
                image_load: BoundsCheckPolicy::Restrict,
                binding_array: BoundsCheckPolicy::Unchecked,
            },
            ..Default::default()
        };
        let written = msl::write_string(&shader.module, &shader.info, &options, &msl::PipelineOptions::default());
        let (text, translation) = written.unwrap_or_else(|e| panic!("{}: {e}", shader.stem));
        assert!(translation.entry_point_names[0].is_ok(), "{}: {:?}", shader.stem, translation.entry_point_names);
        lay_down(&shader, "metal", &text);
    }
}

#[test]
fn shaders_translate_to_dx12() {
    for shader in shaders() {
        for (shader_model, ending) in [(hlsl::ShaderModel::V5_1, "5_1.hlsl"), (hlsl::ShaderModel::V6_4, "6_4.hlsl")] {
            let registers = (0..).zip(shader.bindings());
            let target = |register| hlsl::BindTarget { register, restrict_indexing: true, ..Default::default() };
            let options = hlsl::Options {
                shader_model,
                binding_map: registers.map(|(register, binding)| (binding.at, target(register))).collect(),
                fake_missing_bindings: false,
                special_constants_binding: Some(hlsl::BindTarget { space: 1, ..Default::default() }),
                ..Default::default()
            };
            let mut text = String::new();
            let pipeline = hlsl::PipelineOptions::default();
            let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(&shader.module, &shader.info, None);
            let written = written.unwrap_or_else(|e| panic!("{} for {ending}: {e}", shader.stem));
            assert!(written.entry_point_names[0].is_ok(), "{}: {:?}", shader.stem, written.entry_point_names);
            lay_down(&shader, ending, &text);
        }
    }
}

#[test]
fn tile_kernels_differ_in_their_products_alone() {
    let tiles: Vec<Shader> = shaders().into_iter().filter(|s| s.stem.starts_with("tile_")).collect();
    assert!(tiles.len() >= 2);
    let shared = |tile: &Shader| {
        let (_, rest) =
            tile.text.split_once("\n// --- What follows").unwrap_or_else(|| panic!("{}: no mark", tile.stem));
        rest.to_owned()
    };
    for tile in &tiles[1..] {
        assert!(shared(tile) == shared(&tiles[0]), "{} and {} differ after the mark", tile.stem, tiles[0].stem);
        assert_eq!(tile.params(), tiles[0].params(), "{} and {}", tile.stem, tiles[0].stem);
    }
}

#[test]
fn every_shader_is_what_its_owner_says() {
    let shaders = shaders();
    let stems: Vec<&str> = shaders.iter().map(|s| s.stem.as_str()).collect();
    let mut owned: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
    owned.sort_unstable();
    assert_eq!(stems, owned, "files of shaders/ and the kernels that the owner knows");
    for shader in &shaders {
        let name = &shader.stem;
        let kernel = KERNELS.iter().find(|kernel| kernel.name == name).expect("compared above");
        assert!(kernel.wgsl == shader.text, "{name}: the owner embeds another text");
        assert_eq!(shader.module.entry_points[0].workgroup_size, [kernel.workgroup, 1, 1], "{name}");
        let kind = |binding: &Binding| match binding {
            Binding::Uniform => "uniform",
            Binding::Read => "read",
            Binding::ReadWrite => "read_write",
        };
        let said: Vec<_> = (0..).zip(kernel.bindings.iter().map(kind)).collect();
        let found: Vec<_> = shader.bindings().iter().map(|b| (b.at.binding, b.kind)).collect();
        assert_eq!(found, said, "{name}: number and kind of each binding");
        let members: Vec<_> = shader.params().into_iter().map(|m| (m.name, m.offset, m.size)).collect();
        let said: Vec<_> = kernel.params.iter().map(|&(name, offset, size)| (name.to_owned(), offset, size)).collect();
        assert_eq!(members, said, "{name}: name, offset and size of each parameter");
        assert_eq!(shader.params_size() as usize, kernel.params_size, "{name}: size of the parameters");
    }
}
