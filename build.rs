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
