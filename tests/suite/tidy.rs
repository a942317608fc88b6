//! The house rules that no compiler checks.

use std::path::{Path, PathBuf};

use crate::run::ROOT;

/// Files of the repository below some folders, with one of these endings.
fn files(folders: &[&str], endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|f| Path::new(ROOT).join(f)).filter(|f| f.exists()).collect();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                open.push(path);
            } else if endings.contains(&ending.as_str()) {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path.strip_prefix(ROOT).expect("below").to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

#[test]
fn every_file_says_what_its_room_is_for() {
    for (path, text) in files(&["src", "tests", "benches", "examples"], &["rs"]) {
        assert!(text.starts_with("//! "), "{} does not begin with `//!`", path.display());
        assert!(path.file_name().is_some_and(|n| n != "mod.rs"), "{}: write `foo.rs` beside `foo/`", path.display());
    }
}

#[test]
fn no_room_is_called_by_what_it_is_not() {
    for (path, text) in files(&["src"], &["rs"]) {
        let name = path.file_stem().and_then(|n| n.to_str()).expect("a name");
        assert!(!["util", "utils", "common", "helpers", "misc"].contains(&name), "{}", path.display());
        for word in ["Manager", "Handler", "Helper"] {
            assert!(!text.contains(word), "{} speaks of a {word}", path.display());
        }
    }
}

#[test]
fn no_file_outgrows_its_reader() {
    for (path, text) in files(&["src", "tests"], &["rs"]) {
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines: it is two rooms", path.display());
    }
}

#[test]
fn what_is_unsafe_or_unfinished_is_where_it_may_be() {
    for (path, text) in files(&["src"], &["rs"]) {
        let may = [
            "src/embedding/network/layers.rs",
            "src/embedding/unit.rs",
            "src/similarity/cpu/kernel/avx2.rs",
            "src/similarity/cpu/kernel/neon.rs",
            "src/similarity/cpu/kernel/peak.rs",
            "src/similarity/cpu/kernel/vnni256.rs",
            "src/similarity/cpu/kernel/vnni512.rs",
            "src/similarity/cpu/kernel/ymm.rs",
            "src/similarity/products.rs",
        ];
        let name = path.to_string_lossy().replace('\\', "/");
        assert!(may.contains(&name.as_str()) || !text.contains("unsafe {"), "{name} holds `unsafe`");
        for word in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("] {
            assert!(!text.contains(word), "{name} holds {word}");
        }
    }
}

/// `rules` and `plan` must not touch vectors, `similarity` must not know products: rooms stay apart by their imports.
#[test]
fn rooms_import_only_what_they_may_know() {
    let forbidden = [
        ("src/similarity", "crate::catalog"),
        ("src/similarity", "crate::money"),
        ("src/similarity", "crate::output"),
        ("src/device", "crate::catalog"),
        ("src/device", "crate::rules"),
        ("src/device", "crate::similarity"),
        ("src/rules", "crate::similarity"),
        ("src/rules", "crate::embedding"),
        ("src/plan", "crate::embedding"),
        ("src/plan", "crate::output"),
        ("src/catalog", "crate::photos"),
        ("src/tabular", "crate::catalog"),
        ("src/output", "crate::plan"),
        ("src/output", "crate::rules"),
    ];
    for (path, text) in files(&["src"], &["rs"]) {
        let name = path.to_string_lossy().replace('\\', "/");
        for (room, import) in forbidden {
            let inside = name.starts_with(&format!("{room}/")) || name == format!("{room}.rs");
            let uses = text.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(import));
            assert!(!(inside && uses), "{name} uses {import}");
        }
    }
}
