//! Whole nights of the real shops: the same tables, byte for byte, with and without a device.

use std::path::{Path, PathBuf};

use twinset::cli::{Flags, JobArgs};
use twinset::config::Config;
use twinset::job;
use twinset::similarity::gpu::Options;
use twinset::similarity::gpu::kernels::Arithmetic;

use super::{adapter, sizes};
use crate::run::{table_bytes, text};
use crate::shops::shops;

/// Runs the default rules on a shop, vectors published too; returns the output folder and the manifest.
pub fn night(folder: &Path, out: &str, device: &str, gpu: Options) -> (PathBuf, serde_json::Value) {
    let flags = Flags {
        out: Some(folder.join(out)),
        device: Some(device.to_owned()),
        run_date: Some("2026-11-22".parse().expect("a date")),
        ..Flags::default()
    };
    let args = JobArgs { config: Some(folder.join("twinset.toml")), flags };
    let config = Config { gpu, ..Config::resolve(&args).expect("a configuration") };
    let outcome = job::run(&config).expect("a night");
    let manifest = std::fs::read_to_string(outcome.manifest).expect("the manifest was written");
    (folder.join(out), serde_json::from_str(&manifest).expect("JSON"))
}

/// Lets a night find the features that another one computed.
fn share_cache(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
        if path.is_dir() {
            share_cache(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).expect("copied");
        }
    }
}

fn compare(shop: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let catalog = shops().join(shop).join("products.csv").canonicalize().expect("the shop is there");
    let config = format!("[catalog]\npath = {:?}\n[output]\npath = \"out\"\nembeddings = true\n", text(&catalog));
    std::fs::write(folder.path().join("twinset.toml"), config).expect("written");
    let (cpu, _) = night(folder.path(), "cpu", "cpu", Options::default());
    let name = adapter().facts.name;
    for arithmetic in [Arithmetic::F32, Arithmetic::Int8] {
        let out = arithmetic.name();
        share_cache(&cpu.join("cache"), &folder.path().join(out).join("cache"));
        let gpu = Options { arithmetic: Some(arithmetic), poison: true, ..sizes(2, 2, 3, 64) };
        let (out, manifest) = night(folder.path(), out, &name, gpu);
        let report = &manifest["similarity"];
        println!("{shop}: {report}");
        assert!(report["fault"].is_null() && report["kernel"] == arithmetic.name(), "{shop}: {report}");
        assert!(report["pairs_on_device"].as_u64() > Some(0) && report["pairs_on_cpu"] == 0, "{shop}: {report}");
        let tables = table_bytes(&out);
        assert!(
            tables.len() >= 3 && tables == table_bytes(&cpu),
            "{shop}: tables by {arithmetic:?} and the CPU differ"
        );
    }
}

#[test]
#[cfg_attr(any(no_gpu_tests, not(shops)), ignore = "needs the real shops and a device: see build.rs")]
fn real_shops_get_the_same_tables() {
    for shop in ["magento_luma", "clothing", "opencart", "spree"] {
        compare(shop);
    }
}
