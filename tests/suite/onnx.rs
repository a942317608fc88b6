//! A shop's own network through ONNX Runtime: tiny models whose vectors are known, and the built-in network as ONNX on a real shop.
//! Without the feature `onnx` or without ONNX Runtime these tests show as ignored (see `build.rs`).

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};

use crate::run::{ROOT, floats, night, python, rows, string, table_bytes, text, twinset};
use crate::shops::shops;

/// The library that the tests load.
const LIBRARY: &str = match option_env!("TWINSET_ONNX_RUNTIME_LIBRARY") {
    Some(library) => library,
    None => "",
};
/// More than a batch of 16, and no multiple of one of 4.
const COLORS: [[u8; 3]; 18] = {
    let mut colors = [[0; 3]; 18];
    let mut at = 0;
    while at < 18 {
        let step = at as u8;
        colors[at] = [10 + step * 13, 240 - step * 11, 30 + (step * 7) % 50];
        at += 1;
    }
    colors
};

/// A shop of one-colored pictures, and the tiny models.
fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut catalog = String::from("id,category,price,currency,image\n");
    for (number, color) in COLORS.iter().enumerate() {
        let image = format!("{number}.png");
        RgbImage::from_pixel(20, 30, Rgb(*color)).save(folder.path().join(&image)).expect("written");
        writeln!(catalog, "p{number:02},A/b,{}.00,USD,{image}", number + 1).expect("written");
    }
    std::fs::write(folder.path().join("products.csv"), catalog).expect("written");
    python("onnx_models.py", &[text(folder.path())]);
    folder
}

/// Writes the configuration for a model with these keys beside it.
fn configure(folder: &Path, model: &str, keys: &str) {
    let library = if keys.contains("library") { String::new() } else { format!("library = {LIBRARY:?}\n") };
    let config = format!(
        "[catalog]\npath = 'products.csv'\n[embedding]\nkind = 'onnx'\nmodel = '{model}.onnx'\n{library}{keys}\n[output]\nembeddings = true\n"
    );
    std::fs::write(folder.join("twinset.toml"), config).expect("written");
}

/// Runs the night and returns the manifest and the vectors.
fn vectors(folder: &Path, model: &str, keys: &str) -> (serde_json::Value, Vec<Vec<f32>>) {
    configure(folder, model, keys);
    std::fs::remove_dir_all(folder.join("out")).ok();
    let manifest = night(&["run", "--run-date", "2026-11-26", "--device", "cpu"], folder);
    let table = rows(&folder.join("out"), "embeddings");
    let ids: Vec<_> = table.iter().map(|row| string(row, "product_id").expect("an id")).collect();
    assert!(ids.is_sorted() && ids.len() == COLORS.len(), "{ids:?}");
    (manifest, table.iter().map(|row| floats(row, "embedding")).collect())
}

/// What the mean colors come to, as unit vectors.
fn assert_colors(vectors: &[Vec<f32>], expected: impl Fn([f64; 3]) -> [f64; 3], tolerance: f64, what: &str) {
    for (vector, color) in vectors.iter().zip(COLORS) {
        let features = expected(color.map(f64::from));
        let length = features.iter().map(|v| v * v).sum::<f64>().sqrt();
        for (actual, feature) in vector.iter().zip(features) {
            let difference = (f64::from(*actual) - feature / length).abs();
            assert!(difference < tolerance, "{what}: {color:?}: {vector:?}");
        }
    }
}

fn refused(output: &Output, expected: &str) {
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{expected}: {log}");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains(expected), "{expected}: {log}");
}

const PLAIN: &str = "mean = [0.5, 0.25, 0.125]\nstd = [0.5, 0.25, 2.0]";

fn plain([r, g, b]: [f64; 3]) -> [f64; 3] {
    [(r / 255.0 - 0.5) / 0.5, (g / 255.0 - 0.25) / 0.25, (b / 255.0 - 0.125) / 2.0]
}

#[test]
#[cfg_attr(
    not(all(feature = "onnx", onnx_runtime)),
    ignore = "needs the feature `onnx` and ONNX Runtime: bash tests/run.sh"
)]
fn pictures_go_in_and_vectors_come_out_as_the_model_and_the_configuration_say() {
    let folder = shop();
    std::fs::copy(LIBRARY, folder.path().join("own.so")).expect("copied");
    for (model, keys, tolerance) in [
        ("plain", "", 1e-6),
        ("plain", "batch = 5", 1e-6),
        ("plain", "batch = 1", 1e-6),
        ("nhwc", "", 1e-6),
        ("fixed", "", 1e-6),
        ("half", "", 2e-3),
        ("open", "size = 8\nlayout = 'nchw'", 1e-6),
        ("several", "", 1e-6),
        ("one", "batch = 1", 1e-6),
        ("plain", "library = 'own.so'", 1e-6),
        ("plain", "providers = ['cuda', 'cpu']", 1e-6),
    ] {
        let (manifest, vectors) = vectors(folder.path(), model, &format!("{PLAIN}\n{keys}"));
        assert_colors(&vectors, plain, tolerance, &format!("{model} {keys}"));
        assert_eq!(manifest["embedder"]["dimension"], 3);
        let by = manifest["embedder"]["computed_by"].as_str().expect("words");
        assert!(by.starts_with("ONNX Runtime 1.") && by.ends_with(", cpu"), "{by}");
    }
    let (_, turned) = vectors(folder.path(), "several", &format!("{PLAIN}\noutput = 'turned'"));
    assert_colors(&turned, |color| plain(color).map(|v| -v), 1e-6, "turned");
    let (_, bytes) =
        vectors(folder.path(), "plain", "range = 255\nmean = [100, 50, 25]\nstd = [10, 20, 30]\nchannels = 'bgr'");
    let expected = |[r, g, b]: [f64; 3]| [(b - 100.0) / 10.0, (g - 50.0) / 20.0, (r - 25.0) / 30.0];
    assert_colors(&bytes, expected, 1e-6, "blue first");
    let (_, outside) = vectors(folder.path(), "outside", "mean = [0, 0, 0]\nstd = [1, 1, 1]");
    assert_colors(&outside, |[r, g, b]| [r, 2.0 * g, 4.0 * b], 1e-6, "weights outside");
}

#[test]
#[cfg_attr(
    not(all(feature = "onnx", onnx_runtime)),
    ignore = "needs the feature `onnx` and ONNX Runtime: bash tests/run.sh"
)]
fn what_decides_a_vector_is_in_the_fingerprint_and_what_computes_it_is_not() {
    let folder = shop();
    let of = |model: &str, keys: &str| {
        let (manifest, _) = vectors(folder.path(), model, &format!("{PLAIN}\n{keys}"));
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        (text(&manifest["embedder"]["fingerprint"]), text(&manifest["run_id"]))
    };
    let one = of("plain", "");
    assert_eq!(
        one,
        of("plain", "batch = 3\nproviders = ['cuda', 'cpu']\nsize = 8\nlayout = 'nchw'\noutput = 'colors'")
    );
    for (model, keys) in [("several", ""), ("plain", "crop = 1"), ("plain", "channels = 'bgr'")] {
        assert_ne!(one.0, of(model, keys).0, "{model} {keys}");
    }
    let before = of("outside", "");
    std::fs::write(folder.path().join("outside.weights"), [0_u8, 0, 64, 64].repeat(3)).expect("written");
    assert_ne!(before, of("outside", ""), "other weights in the file beside the model");

    configure(folder.path(), "plain", PLAIN);
    let again = night(&["run", "--run-date", "2026-11-27", "--device", "cpu"], folder.path());
    assert_eq!(again["counts"]["embedded_now"], 18, "other models left nothing that this one may use");
    let warm = night(&["run", "--run-date", "2026-11-28", "--device", "cpu"], folder.path());
    assert_eq!(warm["counts"]["embedded_now"], 0);
}

#[test]
#[cfg_attr(
    not(all(feature = "onnx", onnx_runtime)),
    ignore = "needs the feature `onnx` and ONNX Runtime: bash tests/run.sh"
)]
fn models_and_libraries_that_cannot_be_used_end_the_night_before_any_work() {
    let folder = shop();
    std::fs::write(folder.path().join("page.onnx"), "<html>").expect("written");
    for (model, keys, expected) in [
        ("missing", "", "`model = "),
        ("page", "", "not an ONNX file"),
        ("words", "", "2 inputs (`words`, `picture`)"),
        ("bytes", "", "`picture` is u8"),
        ("open", "layout = 'nchw'", "set `size`"),
        ("open", "size = 8", "set `layout`"),
        ("plain", "size = 224", "`size = 224`"),
        ("fixed", "batch = 16", "`batch = 16`"),
        ("several", "output = 'map'", "`output = \"map\"`"),
        ("one", "", "set `batch = 1`"),
        ("plain", "providers = ['cuda']", "`cuda` under `providers` cannot be used"),
        ("plain", "library = 'nowhere.so'", "`library = "),
        ("plain", "library = 'products.csv'", "ONNX Runtime cannot be used"),
    ] {
        configure(folder.path(), model, &format!("{PLAIN}\n{keys}"));
        for command in ["run", "check"] {
            refused(&twinset(&[command, "--device", "cpu"], folder.path()), expected);
        }
        assert!(!folder.path().join("out/runs").exists());
    }
}

#[test]
#[cfg_attr(
    not(all(feature = "onnx", onnx_runtime)),
    ignore = "needs the feature `onnx` and ONNX Runtime: bash tests/run.sh"
)]
fn check_tells_what_the_model_is() {
    let folder = shop();
    configure(folder.path(), "several", PLAIN);
    let output = twinset(&["check"], folder.path());
    let said = String::from_utf8(output.stdout).expect("text");
    for expected in [
        "several.onnx`: input `picture`: 3 × 8 × 8 f32 (nchw), up to 16 at a time; output `colors`: 3 numbers (f32)",
        "named by `library`; computed by `cpu`",
    ] {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
#[cfg_attr(
    not(all(feature = "onnx", onnx_runtime, shops)),
    ignore = "needs the feature `onnx`, ONNX Runtime and the real shops: bash tests/run.sh, TWINSET_SHOPS"
)]
fn the_built_in_networks_as_onnx_give_the_vectors_of_python_on_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clothing = shops().join("clothing").canonicalize().expect("the shop is there");
    let catalog = clothing.join("products.csv");
    let publish = |network: &str, out: &str, threads: &str, batch: usize| {
        let config = format!(
            "[catalog]\npath = {:?}\n[embedding]\nkind = 'onnx'\nmodel = '{network}.onnx'\nlibrary = {LIBRARY:?}\nrange = 255\n\
             mean = [127, 127, 127]\nstd = [128, 128, 128]\nbatch = {batch}\n[output]\nembeddings = true\n",
            text(&catalog)
        );
        std::fs::write(folder.path().join("twinset.toml"), config).expect("written");
        night(&["run", "--out", out, "--threads", threads, "--run-date", "2026-11-26"], folder.path());
        table_bytes(&folder.path().join(out))
    };
    for (network, side) in [("lite0", "224"), ("lite2", "260")] {
        let model = folder.path().join(network).with_extension("onnx");
        let weights = Path::new(ROOT).join(format!("models/efficientnet-{network}.safetensors"));
        python("../../benches/peers/lite_onnx.py", &[text(&weights), text(&model)]);
        let tables = publish(network, network, "2", 16);
        let dump = folder.path().join("dump");
        let example = Path::new(env!("CARGO_BIN_EXE_twinset")).with_file_name("examples").join("dump_vectors");
        let status =
            Command::new(example).args([&catalog, &clothing, &dump]).args((side == "260").then_some("lite2")).status();
        assert!(status.expect("run all tests: `cargo test` builds the examples too").success());
        let out = folder.path().join(network);
        println!("{}", python("check_onnx.py", &[text(&model), text(&dump), text(&out), "--side", side]));
        // The smaller one again, with nothing out of the cache.
        if network == "lite0" {
            assert!(tables == publish(network, "again", "1", 7), "threads or batches decide the vectors");
        }
    }
}
