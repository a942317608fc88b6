//! Rolling a publication forward. Once the journal is durable the night is decided: every step here can be repeated after a
//! crash at any instant and ends in the same tables. This room refuses to go back.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};

use super::current;
use super::manifest::{Manifest, TableFile};
use super::places::Places;
use super::proof::{Proof, TABLES, holds};
use crate::durable::{create_folder, exchange, remove_file, remove_folder, sync_folder, write_json};

/// How a publication does its steps: the seam at which tests cut it off.
pub struct Steps<'a> {
    /// Called before each step that changes what is on disk; an error stops right there, as a crash would.
    pub before: Box<dyn FnMut(&'static str) -> anyhow::Result<()> + 'a>,
    /// Swaps two folders as one step, or says that the system cannot.
    pub exchange: fn(&Path, &Path) -> io::Result<bool>,
}

impl Steps<'_> {
    pub fn uninterrupted() -> Steps<'static> {
        Steps { before: Box::new(|_| Ok(())), exchange }
    }

    pub fn begin(&mut self, name: &'static str) -> anyhow::Result<()> {
        (self.before)(name)
    }
}

/// Decides the night: from here on the next start completes it.
pub fn write_journal(places: &Places, manifest: &Manifest) -> anyhow::Result<()> {
    write_json(&places.journal(), &places.temporary(), manifest)
}

/// Completes the publication that the journal holds, if there is one, and removes what it replaced.
pub fn roll_forward(places: &Places, steps: &mut Steps<'_>) -> anyhow::Result<Option<Manifest>> {
    if !places.journal().exists() {
        return Ok(None);
    }
    let manifest = Manifest::read(&places.journal()).with_context(|| {
        format!("the publication under way cannot be completed: remove `{}` and run again", places.hidden().display())
    })?;
    for table in TABLES {
        show(places, &manifest, table, steps)?;
    }
    steps.begin("write the manifest")?;
    create_folder(&places.runs())?;
    write_json(&places.manifest(&manifest.run_id), &places.temporary(), &manifest)?;
    steps.begin("name the run in current.json")?;
    current::name(places, &manifest)?;
    steps.begin("remove what was replaced")?;
    remove_folder(&places.staged_run(&manifest.run_id))?;
    steps.begin("remove the journal")?;
    remove_file(&places.journal())?;
    sync_folder(&places.hidden()).with_context(|| format!("cannot write `{}`", places.hidden().display()))?;
    Ok(Some(manifest))
}

/// Makes a table show this run's partition. The file names carry the run id, so a partition of another run is told apart
/// without reading it; one of the same run is read, because it is replaced only where it was damaged.
fn show(places: &Places, manifest: &Manifest, table: &'static str, steps: &mut Steps<'_>) -> anyhow::Result<()> {
    let files: Vec<&TableFile> = manifest.files_of(table).collect();
    let partition = places.partition(table, manifest.run_date);
    let staged = places.staged(&manifest.run_id, table);
    let retired = places.retired(&manifest.run_id, table);
    if files.is_empty() {
        if partition.exists() {
            steps.begin("retire a partition")?;
            remove_folder(&retired)?;
            rename(&partition, &retired)?;
        }
        return Ok(());
    }
    if holds(&partition, &files, Proof::Bytes)? {
        // The run that switched it may have ended before the new name was durable.
        return sync_parents(&partition, &partition);
    }
    if !holds(&staged, &files, Proof::Size)? {
        bail!(
            "the publication under way cannot be completed, for `{}` is not as it was staged: remove `{}` and run again",
            staged.display(),
            places.hidden().display()
        );
    }
    steps.begin("create a table's folder")?;
    create_folder(&places.table(table))?;
    steps.begin("switch a partition")?;
    if partition.exists() {
        let exchanged = (steps.exchange)(&staged, &partition)
            .with_context(|| format!("cannot exchange `{}` and `{}`", staged.display(), partition.display()))?;
        if exchanged {
            return sync_parents(&staged, &partition);
        }
        remove_folder(&retired)?;
        rename(&partition, &retired)?;
        steps.begin("fill the gap of a system without exchange")?;
    }
    rename(&staged, &partition)
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot move `{}` to `{}`", from.display(), to.display()))?;
    sync_parents(from, to)
}

fn sync_parents(a: &Path, b: &Path) -> anyhow::Result<()> {
    for folder in [a.parent(), b.parent()].into_iter().flatten() {
        sync_folder(folder).with_context(|| format!("cannot write `{}`", folder.display()))?;
    }
    Ok(())
}
