//! Devices through the front door: what `--device` takes, that it never changes a table, and the commands that look at devices.

use std::path::Path;

use serde_json::Value;
use twinset::device::adapters::AdapterKind;

use crate::gpu::adapter;
use crate::night::shop;
use crate::run::{night, table_bytes, twinset};

/// The device to test on as `--device` takes it, and as the manifest says it.
fn device() -> (String, String) {
    let facts = adapter().facts;
    (facts.index.to_string(), format!("{} ({})", facts.name, facts.backend))
}

fn json(args: &[&str], folder: &Path) -> Value {
    let output = twinset(args, folder);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("stdout is JSON and nothing else")
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_that_is_not_there_is_exit_2_and_the_error_names_those_that_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let there = adapter().facts;
    std::fs::write(folder.path().join("p.csv"), "id,price,currency\na,1.00,USD\n").expect("written");
    let gpu = (there.kind == AdapterKind::Software).then_some("gpu");
    let wishes = gpu.into_iter().chain(["nosuch"]);
    let commands = wishes.flat_map(|wanted| [(wanted, vec!["run", "--catalog", "p.csv"]), (wanted, vec!["bench"])]);
    for (wanted, command) in commands {
        let output = twinset(&[command.as_slice(), &["--device", wanted]].concat(), folder.path());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = stderr.lines().last().unwrap_or_default();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{stderr}");
        assert!(line.starts_with("error: ") && line.contains(wanted) && line.contains(&there.name), "{stderr}");
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_and_the_cpu_publish_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path(), 700, 1);
    let (flag, name) = device();
    let run = |device: &str, out: &str| {
        let manifest = night(&["run", "--device", device, "--out", out, "--run-date", "2026-11-22"], folder.path());
        (manifest, table_bytes(&folder.path().join(out)))
    };
    let ((cpu, on_cpu), (gpu, on_gpu)) = (run("cpu", "a"), run(&flag, "b"));
    assert!(on_cpu.len() >= 4 && on_cpu == on_gpu, "the tables differ");
    assert_eq!((&cpu["device"], &gpu["device"]), (&Value::from("cpu"), &Value::from(name)));
    assert!(gpu["similarity"]["pairs_on_device"].as_u64() > Some(0) && gpu["similarity"]["fault"].is_null());
    let (cpu, gpu) = (cpu.as_object().expect("an object"), gpu.as_object().expect("an object"));
    let differ: Vec<&str> = cpu.keys().filter(|key| cpu[*key] != gpu[*key]).map(String::as_str).collect();
    assert!(differ.iter().all(|key| ["device", "similarity", "timings"].contains(key)), "{differ:?}");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_shop_without_vectors_needs_nothing_of_a_device() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("p.csv"), "id,category,price,currency\na,A/x,1.00,USD\nb,A/x,2.00,USD\n")
        .expect("written");
    let manifest = night(&["run", "--catalog", "p.csv", "--device", &device().0], folder.path());
    assert!(manifest["similarity"]["fault"].is_null(), "{manifest}");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn devices_shows_every_device_tested_and_what_auto_picks() {
    let found = json(&["devices", "--json"], Path::new("."));
    let there = adapter().facts;
    let shown = &found["devices"][there.index];
    assert_eq!((shown["name"].as_str(), shown["self_test"].as_str()), (Some(there.name.as_str()), Some("passed")));
    assert!(["f32", "int8"].iter().all(|kernel| shown["times"][kernel].as_f64() > Some(0.0)), "{shown}");
    let devices = found["devices"].as_array().expect("a list");
    let picked = devices.iter().find(|d| d["software"] == false && d["self_test"] == "passed");
    let expected = picked.map_or_else(|| "cpu".to_owned(), |d| d["index"].to_string());
    assert_eq!(found["auto"].as_str(), Some(expected.as_str()), "{found}");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn bench_measures_the_cpu_and_a_named_device() {
    let args = ["bench", "--device", &device().0, "--products", "2000", "--dimension", "64", "--json"];
    let figures = json(&args, Path::new("."));
    let engines = figures["engines"].as_array().expect("a list");
    assert_eq!((engines.len(), &engines[0]["engine"]), (2, &Value::from("cpu")));
    let positive = |value: &Value| value.as_f64().is_some_and(|rate| rate > 0.0);
    for engine in engines {
        let top_k = &engine["top_k"];
        assert!(positive(&top_k["seconds"]) && positive(&top_k["pairs_per_second"]), "{engine}");
        assert!(top_k["report"]["fault"].is_null(), "{engine}");
    }
    let kernels = engines[1]["kernels"].as_array().expect("a list");
    let names: Vec<&str> = kernels.iter().filter_map(|kernel| kernel["arithmetic"].as_str()).collect();
    assert_eq!(names, ["f32", "int8"]);
    for kernel in kernels {
        let rates = ["pairs_per_second", "multiply_adds_per_second", "peak_multiply_adds_per_second", "share_of_peak"];
        assert!(rates.iter().all(|rate| positive(&kernel[rate])), "{kernel}");
        assert!(positive(&kernel["symmetric_to_rectangular"]), "{kernel}");
    }
}
