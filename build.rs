//! Tells the tests what is there beside the repository and whether devices are to be tested, so that a test that cannot run
//! shows as ignored, never as passed.

use std::path::{Path, PathBuf};

fn main() {
    let shops = named("TWINSET_SHOPS", "../shared/data");
    println!("cargo::rustc-env=TWINSET_SHOPS_FOLDER={}", shops.display());
    declare("shops", &[&shops.join("magento_luma/products.csv")]);

    let tool = named("TWINSET_SHADER_ISA", "../shared/tools/shader-isa/shader-isa");
    println!("cargo::rustc-env=TWINSET_SHADER_ISA_TOOL={}", tool.display());
    declare("shader_isa", &[&tool, Path::new("/usr/share/vulkan/icd.d/radeon_icd.x86_64.json")]);

    // Without the feature there is nothing to test, and nothing to say.
    println!("cargo::rustc-check-cfg=cfg(onnx_runtime)");
    if std::env::var_os("CARGO_FEATURE_ONNX").is_some() {
        let library = onnx_runtime();
        println!("cargo::rustc-env=TWINSET_ONNX_RUNTIME_LIBRARY={}", library.display());
        declare("onnx_runtime", &[&library]);
    }

    println!("cargo::rustc-check-cfg=cfg(no_gpu_tests)");
    println!("cargo::rerun-if-env-changed=TWINSET_GPU_TESTS");
    if std::env::var_os("TWINSET_GPU_TESTS").is_some_and(|wish| wish == "skip") {
        println!("cargo::rustc-cfg=no_gpu_tests");
    }
}

/// The path that an environment variable names, else one relative to the repository.
fn named(variable: &str, beside: &str) -> PathBuf {
    println!("cargo::rerun-if-env-changed={variable}");
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(beside))
}

/// The library of ONNX Runtime: that of the tests' Python environment, unless the environment names another.
fn onnx_runtime() -> PathBuf {
    let packages = named("TWINSET_ONNX_RUNTIME", ".venv/lib");
    if packages.is_file() {
        return packages;
    }
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.collect::<Vec<_>>()
    };
    let folders = entries(&packages).into_iter().map(|python| python.join("site-packages/onnxruntime/capi"));
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libonnxruntime.") && !name.ends_with(".py")
    };
    let mut libraries: Vec<PathBuf> = folders.flat_map(|folder| entries(&folder)).filter(is_library).collect();
    libraries.sort();
    libraries.pop().unwrap_or_else(|| packages.join("python3/site-packages/onnxruntime/capi/libonnxruntime.so"))
}

/// Sets a cfg when all of its files are there, else warns that its tests are ignored.
fn declare(cfg: &str, files: &[&Path]) {
    println!("cargo::rustc-check-cfg=cfg({cfg})");
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        println!("cargo::warning=no {}: the tests that need `{cfg}` are ignored", missing.display());
        return;
    }
    println!("cargo::rustc-cfg={cfg}");
    // Only what is there: cargo takes a watched file that is missing for a change, and would build the package every time.
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
    }
}
