//! Publication cut off at every step.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::*;
use crate::money::{Currency, Price};
use crate::output::{Coverage, Embedding, Recommendation};
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
fn the_same_run_repairs_a_damaged_partition() {
    let folder = scratch();
    publish(folder.path(), ("run", false), &mut Steps::uninterrupted()).unwrap();
    let whole = seen(folder.path());
    let file = folder.path().join("coverage/run_date=2026-11-22/run-00000.parquet");
    let size = std::fs::metadata(&file).unwrap().len();
    std::fs::write(&file, vec![0_u8; usize::try_from(size).unwrap()]).unwrap();
    assert_ne!(seen(folder.path()), whole);
    publish(folder.path(), ("run", false), &mut Steps::uninterrupted()).unwrap();
    assert_eq!(seen(folder.path()), whole);
}

#[test]
fn the_same_run_again_has_nothing_to_do_until_a_file_is_missing_or_short() {
    let folder = scratch();
    publish(folder.path(), ("run", false), &mut Steps::uninterrupted()).unwrap();
    let output = OutputFolder::open(folder.path()).unwrap();
    assert!(output.already_published("run", DATE));
    assert!(!output.already_published("other", DATE));
    assert!(!output.already_published("run", DATE.succ_opt().unwrap()));
    let file = folder.path().join("rejects/run_date=2026-11-22/run-00000.parquet");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[1..]).unwrap();
    assert!(!output.already_published("run", DATE));
    std::fs::write(&file, &bytes).unwrap();
    assert!(output.already_published("run", DATE));
    std::fs::remove_file(&file).unwrap();
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
    staging.recommendations().unwrap().finish().unwrap();
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
    manifest.files.extend(staging.recommendations().unwrap().finish().unwrap());
    manifest.files.extend(staging.coverage().unwrap().finish().unwrap());
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
    let current = std::fs::read_to_string(folder.path().join("current.json")).unwrap();
    assert_eq!(current, "{\n  \"2026-11-22\": \"two\",\n  \"2026-11-23\": \"three\"\n}\n");
    for run in ["one", "two", "three"] {
        assert_eq!(Manifest::read(&output.manifest_path(run)).unwrap().run_id, run);
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
    let mut lists = staging.recommendations()?;
    lists.push(&Recommendation {
        product_id: "a",
        rule: "up",
        relation: "upsell",
        rank: 1,
        recommended_id: "b",
        similarity: Some(0.5),
        score: None,
        price: Price::from_units(10_000),
        recommended_price: Price::from_units(15_000),
        currency: Currency::parse("USD"),
        recommended_currency: Currency::parse("USD"),
        price_ratio: Some(1.5),
    })?;
    manifest.files.extend(lists.finish()?);
    let mut coverage = staging.coverage()?;
    let (product_id, rule, relation) = ("a", "up", "upsell");
    let shortfall_reason = Some("few_eligible");
    coverage.push(&Coverage {
        product_id,
        rule,
        relation,
        list_limit: 2,
        eligible: 1,
        returned: 1,
        shortfall_reason,
    })?;
    manifest.files.extend(coverage.finish()?);
    let mut rejects = staging.rejects()?;
    rejects.push(&Reject { stage: Stage::Catalog, row: 7, id: None, code: "no_id", detail: run.to_owned() })?;
    manifest.files.extend(rejects.finish()?);
    if embeddings {
        let mut table = staging.embeddings()?;
        table.push(&Embedding { product_id: "a", values: &[1.0, 0.0] })?;
        manifest.files.extend(table.finish()?);
    }
    staging.publish_stepwise(&manifest, steps)
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
