//! Publication cut off at every step.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::*;
use crate::output::{Coverage, Dictionary, Duplicate, Embedding, Key, Placed, Recommendation};
use crate::reject::{Reject, Stage};

const DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date");

/// File names and hashes by table: what a reader of each table can tell.
type Night = BTreeMap<&'static str, BTreeMap<String, blake3::Hash>>;

#[test]
fn a_crash_at_any_step_of_the_first_night_shows_nothing_or_all_of_it() {
    crash_everywhere(None, ("new", true));
}

#[test]
fn a_crash_at_any_step_shows_the_old_night_or_the_new_one() {
    crash_everywhere(Some(("old", false)), ("new", true));
}

#[test]
fn a_night_without_embeddings_takes_the_old_ones_away() {
    crash_everywhere(Some(("old", true)), ("new", false));
}

#[test]
fn a_damaged_partition_is_not_vouched_for_and_the_same_run_repairs_it() {
    type Damage = fn(&Path);
    let flip_a_byte: Damage = |file| {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
    };
    let shorten: Damage = |file| {
        let bytes = std::fs::read(file).unwrap();
        std::fs::write(file, &bytes[1..]).unwrap();
    };
    let add_a_file: Damage = |file| {
        std::fs::copy(file, file.with_file_name("copy.parquet")).unwrap();
    };
    let add_a_folder: Damage = |file| std::fs::create_dir(file.with_file_name("deeper")).unwrap();
    let delete: Damage = |file| std::fs::remove_file(file).unwrap();
    let delete_all: Damage = |file| std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    let put_a_file_in_its_place: Damage = |file| {
        std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file.parent().unwrap(), "").unwrap();
    };
    let exchanges: [fn(&Path, &Path) -> std::io::Result<bool>; 2] = [Steps::uninterrupted().exchange, |_, _| Ok(false)];
    for exchange in exchanges {
        for table in TABLES {
            for damage in [flip_a_byte, shorten, add_a_file, add_a_folder, delete, delete_all, put_a_file_in_its_place]
            {
                let folder = scratch();
                publish(folder.path(), ("run", true), &mut Steps::uninterrupted()).unwrap();
                let whole = seen(folder.path());
                damage(&Places::new(folder.path()).partition(table, DATE).join("run-00000.parquet"));
                let output = OutputFolder::open(folder.path()).unwrap();
                assert!(!output.already_published("run", DATE), "`{table}` is damaged");
                stage_and_publish(&output, ("run", true), DATE, &mut cut_at(usize::MAX, exchange)).unwrap();
                assert!(output.already_published("run", DATE));
                assert_eq!(seen(folder.path()), whole);
                assert_eq!(left_over(folder.path()), 0);
            }
        }
    }
}

#[test]
fn the_same_run_again_has_nothing_to_do() {
    let folder = scratch();
    publish(folder.path(), ("run", false), &mut Steps::uninterrupted()).unwrap();
    let output = OutputFolder::open(folder.path()).unwrap();
    assert!(output.already_published("run", DATE));
    assert!(!output.already_published("other", DATE));
    assert!(!output.already_published("run", DATE.succ_opt().unwrap()));
    // Embeddings that this run did not write would be read as its own.
    let stray = Places::new(folder.path()).partition("embeddings", DATE);
    std::fs::create_dir_all(&stray).unwrap();
    std::fs::write(stray.join("run-00000.parquet"), "").unwrap();
    assert!(!output.already_published("run", DATE));
}

#[test]
fn another_run_waits_and_is_told_for_whom() {
    let folder = scratch();
    let first = OutputFolder::open(folder.path()).unwrap();
    let refused = OutputFolder::open(folder.path()).unwrap_err();
    assert!(matches!(refused, Error::Temporary(_)));
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    drop(first);
    OutputFolder::open(folder.path()).unwrap();
}

#[test]
fn a_run_that_gives_up_leaves_nothing() {
    let folder = scratch();
    let output = OutputFolder::open(folder.path()).unwrap();
    let staging = output.stage("run", DATE).unwrap();
    staging.recommendations(&dictionaries()).unwrap().finish().unwrap();
    drop(staging);
    drop(output);
    assert_eq!(left_over(folder.path()), 0);
    assert_eq!(OutputFolder::open(folder.path()).unwrap().recovery(), &Recovery::default());
}

#[test]
fn files_that_the_manifest_does_not_know_are_refused() {
    let folder = scratch();
    let output = OutputFolder::open(folder.path()).unwrap();
    let staging = output.stage("run", DATE).unwrap();
    let mut manifest = Manifest::new("run", DATE);
    manifest.files.extend(staging.recommendations(&dictionaries()).unwrap().finish().unwrap());
    manifest.files.extend(staging.coverage(&dictionaries()).unwrap().finish().unwrap());
    let unfinished = staging.rejects().unwrap();
    let refused = staging.publish(&manifest).unwrap_err();
    assert!(refused.to_string().contains("`rejects` is missing"), "{refused}");
    drop(unfinished);
    assert_eq!(seen(folder.path()), Night::new());
}

#[test]
fn an_output_that_is_a_file_is_a_mistake_of_the_configuration() {
    let folder = scratch();
    let path = folder.path().join("out");
    std::fs::write(&path, "").unwrap();
    assert!(matches!(OutputFolder::open(&path), Err(Error::Config(_))));
    let output = OutputFolder::open(folder.path()).unwrap();
    assert!(output.stage("../escape", DATE).is_err());
}

#[test]
fn every_date_keeps_its_own_run_and_replaced_manifests_stay() {
    let folder = scratch();
    publish(folder.path(), ("one", false), &mut Steps::uninterrupted()).unwrap();
    publish(folder.path(), ("two", false), &mut Steps::uninterrupted()).unwrap();
    let output = OutputFolder::open(folder.path()).unwrap();
    let next = DATE.succ_opt().unwrap();
    stage_and_publish(&output, ("three", false), next, &mut Steps::uninterrupted()).unwrap();
    assert_eq!(current(folder.path()), TWO_NIGHTS);
    for run in ["one", "two", "three"] {
        assert_eq!(Manifest::read(&output.manifest_path(run)).unwrap().run_id, run);
    }
}

#[test]
fn a_lost_current_json_is_rebuilt_from_what_is_there() {
    for damage in [None, Some(""), Some("{\"2026-11-22\": 3}"), Some("[]"), Some("{\n  \"2026-11-22\": \"tw")] {
        let folder = three_nights();
        let whole = current(folder.path());
        lose_current(folder.path(), damage);
        let output = OutputFolder::open(folder.path()).unwrap();
        assert_eq!(current(folder.path()), whole);
        assert_eq!(output.recovery(), &Recovery { rebuilt: true, ..Recovery::default() }, "after {damage:?}");
        assert!(output.already_published("two", DATE) && !output.already_published("one", DATE));
        drop(output);
        assert!(!OutputFolder::open(folder.path()).unwrap().recovery().rebuilt, "once is enough");
    }
}

#[test]
fn a_rebuilt_current_json_leaves_out_dates_that_no_run_accounts_for_and_says_so() {
    let folder = three_nights();
    let last = DATE + chrono::Days::new(2);
    std::fs::write(Places::new(folder.path()).partition("rejects", last).join("stray.parquet"), "").unwrap();
    // Neither is the manifest of the run that its name says.
    let runs = Places::new(folder.path()).runs();
    std::fs::copy(runs.join("one.json"), runs.join("copy.json")).unwrap();
    std::fs::write(runs.join("note.json"), "{}").unwrap();
    lose_current(folder.path(), None);
    let output = OutputFolder::open(folder.path()).unwrap();
    assert_eq!(current(folder.path()), TWO_NIGHTS);
    assert_eq!(output.recovery(), &Recovery { rebuilt: true, unnamed: vec![last], ..Recovery::default() });
    stage_and_publish(&output, ("four", false), last, &mut Steps::uninterrupted()).unwrap();
    assert_eq!(current(folder.path()), THREE_NIGHTS);
}

#[test]
fn a_current_json_that_is_lost_while_a_night_is_published_keeps_the_other_dates() {
    let next = DATE + chrono::Days::new(2);
    for step in 0.. {
        let folder = three_nights();
        let output = OutputFolder::open(folder.path()).unwrap();
        let mut cut = cut_at(step, Steps::uninterrupted().exchange);
        let done = stage_and_publish(&output, ("four", true), next, &mut cut).is_ok();
        drop(output);
        lose_current(folder.path(), None);
        let recovery = OutputFolder::open(folder.path()).unwrap().recovery().clone();
        assert!(recovery.rebuilt && recovery.unnamed.is_empty(), "{recovery:?} at step {step}");
        let decided = done || recovery.completed.is_some();
        let expected = if decided { THREE_NIGHTS.to_owned() } else { THREE_NIGHTS.replace("four", "last") };
        assert_eq!(current(folder.path()), expected, "cut off at step {step}");
        if done {
            break;
        }
    }
}

#[test]
fn a_first_night_that_was_cut_off_has_lost_no_current_json() {
    for step in 0.. {
        let folder = scratch();
        if publish(folder.path(), ("run", false), &mut cut_at(step, Steps::uninterrupted().exchange)).is_ok() {
            break;
        }
        assert!(!OutputFolder::open(folder.path()).unwrap().recovery().rebuilt, "cut off at step {step}");
    }
}

const TWO_NIGHTS: &str = "{\n  \"2026-11-22\": \"two\",\n  \"2026-11-23\": \"three\"\n}\n";
const THREE_NIGHTS: &str =
    "{\n  \"2026-11-22\": \"two\",\n  \"2026-11-23\": \"three\",\n  \"2026-11-24\": \"four\"\n}\n";

/// Three dates, the first of them published twice, with and without embeddings.
fn three_nights() -> tempfile::TempDir {
    let folder = scratch();
    let output = OutputFolder::open(folder.path()).unwrap();
    let nights = [("one", true, 0), ("two", false, 0), ("three", true, 1), ("last", false, 2)];
    for (run, embeddings, day) in nights {
        let date = DATE + chrono::Days::new(day);
        stage_and_publish(&output, (run, embeddings), date, &mut Steps::uninterrupted()).unwrap();
    }
    folder
}

fn current(root: &Path) -> String {
    std::fs::read_to_string(root.join("current.json")).unwrap()
}

/// Removes `current.json` or writes something else there.
fn lose_current(root: &Path, damage: Option<&str>) {
    let path = root.join("current.json");
    // A step that was cut off may have left none.
    let _ = std::fs::remove_file(&path);
    if let Some(text) = damage {
        std::fs::write(path, text).unwrap();
    }
}

/// Cuts a publication off before each of its steps, and the recovery from that before each of its own, with and without the
/// system's exchange of folders.
fn crash_everywhere(old: Option<(&str, bool)>, new: (&str, bool)) {
    let reference = scratch();
    if let Some(old) = old {
        publish(reference.path(), old, &mut Steps::uninterrupted()).unwrap();
    }
    let before = seen(reference.path());
    publish(reference.path(), new, &mut Steps::uninterrupted()).unwrap();
    let after = seen(reference.path());
    assert_ne!(before, after);

    let none: fn(&Path, &Path) -> std::io::Result<bool> = |_, _| Ok(false);
    for (exchange, leaves_no_gap) in [(Steps::uninterrupted().exchange, cfg!(target_os = "linux")), (none, false)] {
        let mut ends = BTreeSet::new();
        let mut publish_steps = 0;
        'publication: for first in 0.. {
            for second in 0.. {
                let folder = scratch();
                if let Some(old) = old {
                    publish(folder.path(), old, &mut Steps::uninterrupted()).unwrap();
                }
                if publish(folder.path(), new, &mut cut_at(first, exchange)).is_ok() {
                    publish_steps = first;
                    break 'publication;
                }
                if leaves_no_gap {
                    for table in TABLES {
                        let now = seen(folder.path()).get(table).cloned();
                        assert!(
                            [before.get(table), after.get(table)].contains(&now.as_ref()),
                            "{table} at step {first}"
                        );
                    }
                }
                let recovered = OutputFolder::open_stepwise(folder.path(), &mut cut_at(second, exchange)).is_ok();
                let output = OutputFolder::open(folder.path()).unwrap();
                let now = seen(folder.path());
                let is_new = now == after;
                assert!(is_new || now == before, "neither night after a crash at steps {first} and {second}");
                assert_eq!(output.already_published(new.0, DATE), is_new);
                if let Some(old) = old {
                    assert_eq!(output.already_published(old.0, DATE), !is_new);
                }
                assert_eq!(left_over(folder.path()), 0);
                ends.insert(is_new);
                if recovered {
                    break;
                }
            }
        }
        assert_eq!(ends.len(), 2, "some crashes keep the old night, some complete the new one");
        assert!(publish_steps >= 8, "only {publish_steps} steps were cut");
    }
}

/// A folder in memory where the system has one: hundreds of nights wait for the disk otherwise.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn cut_at(n: usize, exchange: fn(&Path, &Path) -> std::io::Result<bool>) -> Steps<'static> {
    let count = Cell::new(0);
    let before = move |name: &'static str| {
        count.set(count.get() + 1);
        ensure!(count.get() <= n, "cut off before `{name}`");
        Ok(())
    };
    Steps { before: Box::new(before), exchange }
}

/// Opens the folder and publishes a night of the run `night.0`, with embeddings if `night.1`.
fn publish(root: &Path, night: (&str, bool), steps: &mut Steps<'_>) -> Result<PathBuf> {
    stage_and_publish(&OutputFolder::open(root)?, night, DATE, steps)
}

fn stage_and_publish(
    output: &OutputFolder,
    (run, embeddings): (&str, bool),
    date: NaiveDate,
    steps: &mut Steps<'_>,
) -> Result<PathBuf> {
    let staging = output.stage(run, date)?;
    let mut manifest = Manifest::new(run, date);
    let of = dictionaries();
    let mut lists = staging.recommendations(&of)?;
    let first = Key::new(0);
    lists.push(&Recommendation {
        product_id: first,
        rule: first,
        relation: first,
        rank: first,
        recommended_id: Key::new(1),
        similarity: Some(0.5),
        score: None,
        price: first,
        recommended_price: Key::new(1),
        currency: first,
        recommended_currency: first,
        price_ratio: Some(1.5),
        margin_gain: Some(-1),
        origin: first,
    })?;
    manifest.files.extend(lists.finish()?);
    let mut coverage = staging.coverage(&of)?;
    coverage.push(&Coverage {
        product_id: first,
        rule: first,
        relation: first,
        list_limit: 2,
        eligible: 1,
        returned: 1,
        shortfall_reason: first,
        pinned: 0,
        fallback: 1,
    })?;
    manifest.files.extend(coverage.finish()?);
    let mut placements = staging.placements(&of)?;
    placements.push(&Placed {
        product_id: first,
        placement: first,
        slot: Key::new(0),
        relation: first,
        rule: first,
        rank: first,
        recommended_id: Key::new(1),
    })?;
    manifest.files.extend(placements.finish()?);
    let mut duplicates = staging.duplicates(&of)?;
    duplicates.push(&Duplicate {
        product_id: first,
        rank: first,
        duplicate_id: Key::new(1),
        similarity: 1.0,
        identical: true,
        cluster_id: first,
    })?;
    manifest.files.extend(duplicates.finish()?);
    let mut rejects = staging.rejects()?;
    rejects.push(&Reject { stage: Stage::Catalog, row: 7, id: None, code: "no_id", detail: run.to_owned() })?;
    manifest.files.extend(rejects.finish()?);
    if embeddings {
        let mut table = staging.embeddings()?;
        table.push(&Embedding { product_id: "a", view: 1, values: &[1.0, 0.0] })?;
        manifest.files.extend(table.finish()?);
    }
    staging.publish_stepwise(&manifest, steps)
}

fn dictionaries() -> Dictionaries {
    let text = |values: &[&'static str]| Dictionary::of_text(values.iter().copied()).unwrap();
    Dictionaries {
        ids: text(&["a", "b"]),
        rules: text(&["up"]),
        relations: text(&["upsell"]),
        ranks: Dictionary::of_i32([1]).unwrap(),
        prices: Dictionary::of_i64([10_000, 15_000]).unwrap(),
        currencies: text(&["USD"]),
        origins: text(&["fallback"]),
        reasons: text(&["few_eligible"]),
        placements: text(&["page"]),
    }
}

fn seen(root: &Path) -> Night {
    let partition = |table| Places::new(root).partition(table, DATE);
    let tables = TABLES.into_iter().filter(|&table| partition(table).exists());
    tables
        .map(|table| {
            let files = std::fs::read_dir(partition(table)).unwrap().map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name().into_string().unwrap(), blake3::hash(&std::fs::read(entry.path()).unwrap()))
            });
            (table, files.collect())
        })
        .collect()
}

/// What lies under `.twinset` beside the lock.
fn left_over(root: &Path) -> usize {
    let hidden = Places::new(root).hidden();
    let list = |folder: &Path| std::fs::read_dir(folder).map_or(0, Iterator::count);
    list(&hidden.join("staging"))
        + std::fs::read_dir(&hidden)
            .unwrap()
            .filter(|entry| !["lock", "staging"].contains(&&*entry.as_ref().unwrap().file_name().to_string_lossy()))
            .count()
}
