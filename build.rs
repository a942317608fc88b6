//! Tells the tests whether the real shops are there and whether tests on a device are wanted, so that a test that cannot run
//! shows as ignored, never as passed.

use std::path::PathBuf;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shops)");
    println!("cargo::rerun-if-env-changed=TWINSET_SHOPS");
    let named = std::env::var_os("TWINSET_SHOPS").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = named.unwrap_or(beside);
    println!("cargo::rustc-env=TWINSET_SHOPS_FOLDER={}", folder.display());
    println!("cargo::rerun-if-changed={}", folder.join("README.md").display());
    if folder.join("magento_luma/products.csv").is_file() {
        println!("cargo::rustc-cfg=shops");
    } else {
        println!("cargo::warning=no real shops in {}: the tests on them are ignored", folder.display());
    }
    println!("cargo::rustc-check-cfg=cfg(no_gpu_tests)");
    println!("cargo::rerun-if-env-changed=TWINSET_GPU_TESTS");
    if std::env::var_os("TWINSET_GPU_TESTS").is_some_and(|wish| wish == "skip") {
        println!("cargo::rustc-cfg=no_gpu_tests");
    }
}
