//! `current.json`: the run that each date shows. It says nothing that manifests and partitions do not say too, so a lost one
//! is rebuilt from them. This room refuses to name a run whose files are not all that its partitions hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;

use super::journal::Steps;
use super::manifest::Manifest;
use super::places::Places;
use super::proof::{Proof, TABLES, shows};
use crate::durable::write_json;

/// Run ids by date.
pub type Current = BTreeMap<String, String>;

/// What `current.json` says; `None` when it is missing or is not what twinset wrote.
pub fn read(places: &Places) -> anyhow::Result<Option<Current>> {
    let path = places.current();
    match fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Names a run as the one of its date.
pub fn name(places: &Places, manifest: &Manifest) -> anyhow::Result<()> {
    let mut current = match read(places)? {
        Some(current) => current,
        None => rebuild(places, &manifests(places)?)?,
    };
    current.insert(manifest.run_date.to_string(), manifest.run_id.clone());
    write_json(&places.current(), &places.temporary(), &current)
}

/// Rebuilds a lost `current.json` before a publication under way is completed. `None` when nothing was lost, else the dates
/// that have partitions and no run: they stay unnamed.
pub fn restore(places: &Places, steps: &mut Steps<'_>) -> anyhow::Result<Option<Vec<NaiveDate>>> {
    if read(places)?.is_some() {
        return Ok(None);
    }
    // The publication under way is named when it is completed; a first night that was cut off has lost nothing.
    let under_way = Manifest::read(&places.journal()).ok().map(|manifest| manifest.run_date);
    let mut manifests = manifests(places)?;
    manifests.retain(|manifest| under_way != Some(manifest.run_date));
    let current = rebuild(places, &manifests)?;
    let mut unnamed: Vec<NaiveDate> = dates(places)?.into_iter().collect();
    unnamed.retain(|date| under_way != Some(*date) && !current.contains_key(&date.to_string()));
    if current.is_empty() && unnamed.is_empty() && !places.current().exists() {
        return Ok(None);
    }
    steps.begin("rebuild current.json")?;
    write_json(&places.current(), &places.temporary(), &current)?;
    Ok(Some(unnamed))
}

/// Each date's run, by what its partitions hold. No two runs can claim a date, for files are named by their run.
fn rebuild(places: &Places, manifests: &[Manifest]) -> anyhow::Result<Current> {
    let mut current = Current::new();
    for manifest in manifests {
        // Sizes do: this only tells runs apart, and `already_published` still reads the bytes of the night it vouches for.
        if shows(places, manifest, Proof::Size)? {
            current.insert(manifest.run_date.to_string(), manifest.run_id.clone());
        }
    }
    Ok(current)
}

/// The manifests in `runs/`, but for files that are not the manifest of the run that their name says.
fn manifests(places: &Places) -> anyhow::Result<Vec<Manifest>> {
    let read = entries(&places.runs())?.into_iter().filter_map(|path| Manifest::read(&path).ok().map(|m| (path, m)));
    Ok(read.filter(|(path, manifest)| places.manifest(&manifest.run_id) == *path).map(|(_, m)| m).collect())
}

/// The dates that any table has a partition of.
fn dates(places: &Places) -> anyhow::Result<BTreeSet<NaiveDate>> {
    let mut dates = BTreeSet::new();
    for table in TABLES {
        let partitions = entries(&places.table(table))?;
        let names = partitions.iter().filter_map(|path| path.file_name()?.to_str()?.strip_prefix("run_date="));
        dates.extend(names.filter_map(|date| date.parse::<NaiveDate>().ok()));
    }
    Ok(dates)
}

/// What lies in a folder, by name; nothing when it is not there.
fn entries(folder: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let list = || -> io::Result<_> { fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect() };
    match list() {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        other => other.with_context(|| format!("cannot list `{}`", folder.display())),
    }
}
