//! The instruction mix of the kernels on an AMD GPU that is not there. It guards against a loss, and claims no speed.
//!
//! Without the tool or the driver that compiles for it the test shows as ignored (see `build.rs`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::reflected::shaders;
use crate::run::ROOT;

/// How far a figure may get worse before somebody has to say why.
const SLACK: f64 = 0.05;

/// What the tool prints of a kernel; `share` is math among the instructions that the hottest loop issues, in percent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    instructions: f64,
    vgprs: f64,
    subgroups: f64,
    share: f64,
}

/// `shaders/figures.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Committed {
    mesa: String,
    family: String,
    kernel: BTreeMap<String, Figures>,
}

/// Compiles a kernel for the family and reads what the driver says of it; spills fail at once.
fn figures(stem: &str, family: &str) -> Figures {
    let mut tool = Command::new(env!("TWINSET_SHADER_ISA_TOOL"));
    // The tool builds itself: nothing of the cargo that runs this test may decide how.
    let kept = ["CARGO_HOME", "CARGO_HTTP", "CARGO_NET", "CARGO_REGISTR"];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let of_cargo = name.starts_with("CARGO") && !kept.iter().any(|k| name.starts_with(k));
        if of_cargo || ["RUSTFLAGS", "RUSTDOCFLAGS", "RADV_ICD"].contains(&name.as_ref()) {
            tool.env_remove(name.as_ref());
        }
    }
    tool.env("FAMILY", family);
    tool.env("SHADER_ISA_BUILD", Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("shader-isa"));
    let output =
        tool.arg(Path::new(ROOT).join(format!("shaders/{stem}.wgsl"))).arg("main").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stem}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let number = |label: &str| -> f64 {
        let value = said.lines().find_map(|line| line.trim().strip_prefix(label)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("{stem}: no `{label}` in {said}"))
    };
    for spilled in ["Spilled SGPRs", "Spilled VGPRs", "Scratch size"] {
        assert!(number(spilled) == 0.0, "{stem}: {spilled} {}", number(spilled));
    }
    let words: Vec<&str> = said.lines().find(|l| l.starts_with("loop")).expect("a loop").split_whitespace().collect();
    let after =
        |label: &str| words[words.iter().position(|w| *w == label).unwrap_or_else(|| panic!("{label}: {said}")) + 1];
    let count = |word: &str| -> f64 { word.split('+').next().and_then(|n| n.parse().ok()).expect("a count") };
    let share = 100.0 * count(after("math")) / (count(after("loop")) - count(after("delay")));
    Figures {
        instructions: number("Instructions"),
        vgprs: number("VGPRs"),
        subgroups: number("Subgroups per SIMD"),
        share,
    }
}

#[test]
#[cfg_attr(not(shader_isa), ignore = "needs Debian's Mesa and the shader-isa tool: set TWINSET_SHADER_ISA")]
fn kernels_keep_their_instruction_mix() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("shaders/figures.toml")).expect("the figures are there");
    let committed: Committed = toml::from_str(&text).expect("the figures are TOML");
    let query = Command::new("dpkg-query").args(["-W", "-f", "${Version}", "mesa-vulkan-drivers"]).output();
    let mesa = query.map_or(String::new(), |o| String::from_utf8_lossy(&o.stdout).into_owned());
    let comparable = mesa.split('-').next() == Some(committed.mesa.as_str());
    if !comparable {
        println!("Mesa is `{mesa}`, the committed figures are of {}: only the limits are held", committed.mesa);
    }
    let kernels = shaders().into_iter().map(|s| s.stem).filter(|s| s.starts_with("tile_") || s.starts_with("peak_"));
    let kernels: Vec<String> = kernels.collect();
    assert!(kernels.iter().eq(committed.kernel.keys()), "shaders/figures.toml is of other kernels than {kernels:?}");
    for stem in &kernels {
        let now = figures(stem, &committed.family);
        println!("{stem}: {now:?}");
        let least = match stem.as_str() {
            peak if peak.starts_with("peak_") => 95.0,
            "tile_i8" => 82.0,
            _ => 84.0,
        };
        assert!(now.share >= least, "{stem}: {:.1} % of the loop is math, and {least} % are asked for", now.share);
        assert!(now.vgprs <= 112.0, "{stem}: {} registers", now.vgprs);
        assert!(now.subgroups >= 12.0, "{stem}: {} subgroups per SIMD", now.subgroups);
        assert!(now.instructions <= 2200.0, "{stem}: {} instructions", now.instructions);
        if comparable {
            let then = &committed.kernel[stem];
            let worse = [
                ("instructions", now.instructions / then.instructions),
                ("vgprs", now.vgprs / then.vgprs),
                ("subgroups", then.subgroups / now.subgroups),
                ("share", then.share / now.share),
            ];
            for (what, ratio) in worse {
                assert!(ratio <= 1.0 + SLACK, "{stem}: {what} are worse than in shaders/figures.toml: {now:?}");
            }
        }
    }
}
