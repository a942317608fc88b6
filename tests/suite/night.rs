//! What a night promises: the same bytes whatever the threads, nothing done twice, the old night or the new one.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::run::{night, rows, string, table_bytes, text, twinset};

const DATE: [&str; 2] = ["--run-date", "2026-11-22"];

/// A shop with vectors in a column: enough products for several tiles, duplicates and short lists.
pub fn shop(folder: &Path, products: usize, dearer: u64) {
    let mut csv = String::from("{\"id\":\"first\",\"category\":\"A/x\",\"price\":1,\"embedding\":[1,0,0,0]}\n");
    let mut state = 7_u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for product in 0..products {
        let vector: Vec<String> = (0..4).map(|_| (next(7) + 1).to_string()).collect();
        let (category, whole, cents) = (next(5), next(40) + dearer, next(100));
        let line = format!(
            "{{\"id\":\"p{product}\",\"category\":\"A/{category}\",\"price\":{whole}.{cents:02},\"embedding\":[{}]}}\n",
            vector.join(",")
        );
        csv.push_str(&line);
    }
    std::fs::write(folder.join("p.jsonl"), csv).expect("written");
    let config = "[catalog]\npath = 'p.jsonl'\n[embedding]\nkind = 'column'\n[duplicates]\nenabled = true\n[output]\nembeddings = true\n";
    std::fs::write(folder.join("twinset.toml"), config).expect("written");
}

#[test]
fn one_thread_and_two_publish_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path(), 700, 1);
    night(&["run", "--threads", "1", "--out", "one", DATE[0], DATE[1]], folder.path());
    night(&["run", "--threads", "2", "--out", "two", DATE[0], DATE[1]], folder.path());
    let (one, two) = (table_bytes(&folder.path().join("one")), table_bytes(&folder.path().join("two")));
    assert!(one.len() >= 6 && one.iter().all(|(_, bytes)| bytes.len() > 100), "six tables");
    assert!(one == two, "the tables differ");
}

#[test]
fn the_same_night_twice_is_a_no_op_that_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path(), 50, 1);
    let first = night(&["run", DATE[0], DATE[1]], folder.path());
    let before = std::fs::metadata(folder.path().join("out/current.json")).expect("there").modified().expect("a time");
    let output = twinset(&["run", DATE[0], DATE[1]], folder.path());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to do"));
    let after = std::fs::metadata(folder.path().join("out/current.json")).expect("there").modified().expect("a time");
    assert_eq!(before, after);
    let other = night(&["run", "--run-date", "2026-11-23"], folder.path());
    assert_ne!(first["run_id"], other["run_id"], "another date is another run");
}

#[test]
fn a_second_run_at_the_same_time_is_told_to_come_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path(), 50, 1);
    std::fs::create_dir_all(folder.path().join("out/.twinset")).expect("created");
    let lock = std::fs::File::create(folder.path().join("out/.twinset/lock")).expect("created");
    lock.try_lock().expect("free");
    let output = twinset(&["run"], folder.path());
    assert_eq!(output.status.code(), Some(75), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn killed_at_any_time_a_table_shows_the_old_night_or_the_new_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out");
    let start = Instant::now();
    shop(folder.path(), 300, 1);
    night(&["run", DATE[0], DATE[1]], folder.path());
    let usual = start.elapsed();
    let run_of = |table: &str| -> String {
        let runs: BTreeSet<String> = rows(&out, table).iter().filter_map(|row| string(row, "run_id")).collect();
        assert_eq!(runs.len(), 1, "`{table}` shows rows of {runs:?}");
        runs.into_iter().next().expect("one")
    };
    let (mut cut_off, mut under_way) = (0, 0);
    // A machine that has become slower since needs more time to come so far.
    for attempt in 0..96 {
        if attempt >= 24 && cut_off > 4 && under_way > 0 {
            break;
        }
        // Other prices every time, so that every attempt has a night to publish.
        shop(folder.path(), 300, u64::from(attempt) + 2);
        let before = ["recommendations", "coverage"].map(run_of);
        let mut run = Command::new(env!("CARGO_BIN_EXE_twinset"));
        run.args(["run", DATE[0], DATE[1]]).current_dir(folder.path());
        let mut child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(usual * attempt / 20);
        let _ = child.kill();
        cut_off += u32::from(!child.wait().expect("ends").success());
        let staged = std::fs::read_dir(out.join(".twinset/staging")).is_ok_and(|mut runs| runs.next().is_some());
        under_way += u32::from(staged || out.join(".twinset/journal.json").exists());
        let after = ["recommendations", "coverage"].map(run_of);
        let new: BTreeSet<&String> = after.iter().filter(|run| !before.contains(run)).collect();
        assert!(new.len() <= 1, "two new nights: {before:?}, {after:?}");
    }
    println!("{cut_off} runs were cut off, {under_way} of them with something staged or journaled");
    assert!(cut_off > 4 && under_way > 0, "{cut_off} cut off, {under_way} under way: the test shows little");
    shop(folder.path(), 300, 99);
    let new = night(&["run", DATE[0], DATE[1]], folder.path())["run_id"].as_str().expect("text").to_owned();
    assert!(["recommendations", "coverage"].map(run_of).iter().all(|run| *run == new));
    let staged = std::fs::read_dir(out.join(".twinset/staging")).expect("there").count();
    assert!(staged == 0 && !out.join(".twinset/journal.json").exists(), "nothing is left over");
}

#[test]
fn every_reader_sees_the_documented_tables() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path(), 200, 1);
    night(&["run", DATE[0], DATE[1]], folder.path());
    crate::run::python("read_tables.py", &[text(&folder.path().join("out"))]);
}
