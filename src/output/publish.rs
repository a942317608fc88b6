//! One night becomes visible: staged out of sight, journaled, switched. This room refuses to run beside another run.
//!
//! Before the journal is durable a crash leaves the old night, after it the next [`OutputFolder::open`] completes the new one.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use chrono::NaiveDate;

use super::current;
use super::journal::{Steps, roll_forward, write_journal};
use super::keys::Dictionaries;
use super::manifest::{Manifest, TableFile};
use super::parquet::TableWriter;
use super::places::Places;
use super::proof::{Proof, TABLES, holds, is_optional, shows};
use super::tables::{
    CoverageTable, DuplicatesTable, EmbeddingsTable, PlacementsTable, RecommendationsTable, RejectsTable, Table,
};
use crate::durable::{create_folder, remove_file, remove_folder, sync_folder, write_atomically};
use crate::error::{Error, Result};

/// The output folder, locked for this run as long as the value lives.
#[derive(Debug)]
pub struct OutputFolder {
    places: Places,
    recovery: Recovery,
    _lock: File,
}

/// What [`OutputFolder::open`] found of an earlier run that was cut off, or of damage, and did about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The run whose publication was completed, and its date.
    pub completed: Option<(String, NaiveDate)>,
    /// Runs that had staged something and decided nothing; what they staged is removed.
    pub discarded: Vec<String>,
    /// Whether `current.json` was missing or damaged and was rebuilt from the manifests and the partitions.
    pub rebuilt: bool,
    /// After a rebuild, the dates that have partitions but no run whose files they hold exactly: `current.json` lacks them.
    pub unnamed: Vec<NaiveDate>,
}

impl OutputFolder {
    /// Creates the folder where it is missing, locks it, rebuilds a lost `current.json`, and completes or discards what an
    /// earlier run left under way.
    ///
    /// # Errors
    /// [`Error::Config`] when the path is not a folder, [`Error::Temporary`] when another run holds it, else
    /// [`Error::Failed`].
    pub fn open(path: &Path) -> Result<OutputFolder> {
        OutputFolder::open_stepwise(path, &mut Steps::uninterrupted())
    }

    /// Whether this run is the current one of its date and its tables hold exactly its files, byte for byte. Reads them all.
    #[must_use]
    pub fn already_published(&self, run_id: &str, run_date: NaiveDate) -> bool {
        // Whatever cannot be read is not published: the run that follows replaces it.
        let Ok(Some(current)) = current::read(&self.places) else { return false };
        let Ok(manifest) = Manifest::read(&self.places.manifest(run_id)) else { return false };
        current.get(&run_date.to_string()).is_some_and(|run| run == run_id)
            && manifest.run_id == run_id
            && manifest.run_date == run_date
            && shows(&self.places, &manifest, Proof::Bytes).unwrap_or(false)
    }

    /// Starts a run: what it writes stays out of sight until [`Staging::publish`].
    ///
    /// # Errors
    /// A run id that cannot name a file, or a folder that cannot be created.
    pub fn stage(&self, run_id: &str, run_date: NaiveDate) -> Result<Staging<'_>> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if run_id.is_empty() || !run_id.chars().all(allowed) {
            return Err(anyhow!("`{run_id}` cannot name files: a run id has letters, digits, `-` and `_`").into());
        }
        let folder = self.places.staged_run(run_id);
        remove_folder(&folder)?;
        create_folder(&self.places.staging())?;
        create_folder(&folder)?;
        Ok(Staging { output: self, run_id: run_id.to_owned(), run_date, abandoned: true })
    }

    /// Where the manifest of a run lies.
    #[must_use]
    pub fn manifest_path(&self, run_id: &str) -> PathBuf {
        self.places.manifest(run_id)
    }

    /// Keeps the complements that a night learned, as text to be pasted. They are no table: the tables do not need them.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep_complements(&self, run_date: NaiveDate, text: &str) -> Result<PathBuf> {
        let path = self.places.complements(run_date);
        create_folder(path.parent().unwrap_or(self.places.root()))?;
        write_atomically(&path, &self.places.temporary(), text.as_bytes())?;
        Ok(path)
    }

    /// What was found when the folder was opened.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Refuses a path that is there and is no folder; one that is missing will be created.
    ///
    /// # Errors
    /// [`Error::Config`], which says so.
    pub fn require_folder(path: &Path) -> Result<()> {
        if path.exists() && !path.is_dir() {
            let why = anyhow!("the output `{}` is a file: name a folder with --out or `[output] path`", path.display());
            return Err(Error::Config(why));
        }
        Ok(())
    }

    fn open_stepwise(path: &Path, steps: &mut Steps<'_>) -> Result<OutputFolder> {
        OutputFolder::require_folder(path)?;
        let places = Places::new(path);
        let hidden = places.hidden();
        std::fs::create_dir_all(&hidden).with_context(|| format!("cannot create `{}`", hidden.display()))?;
        let lock = lock(&places)?;
        let unnamed = current::restore(&places, steps)?;
        let completed = roll_forward(&places, steps)?;
        let recovery = Recovery {
            completed: completed.map(|manifest| (manifest.run_id, manifest.run_date)),
            discarded: discard(&places, steps)?,
            rebuilt: unnamed.is_some(),
            unnamed: unnamed.unwrap_or_default(),
        };
        Ok(OutputFolder { places, recovery, _lock: lock })
    }
}

/// What one run has written and nobody sees yet. Dropped without [`Staging::publish`], it removes what it wrote.
#[derive(Debug)]
pub struct Staging<'a> {
    output: &'a OutputFolder,
    run_id: String,
    run_date: NaiveDate,
    abandoned: bool,
}

impl Staging<'_> {
    /// Starts the `recommendations` table.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn recommendations(&self, dictionaries: &Dictionaries) -> Result<TableWriter<RecommendationsTable>> {
        self.table(RecommendationsTable::new(dictionaries))
    }

    /// Starts the `coverage` table.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn coverage(&self, dictionaries: &Dictionaries) -> Result<TableWriter<CoverageTable>> {
        self.table(CoverageTable::new(dictionaries))
    }

    /// Starts the optional `placements` table. A run that does not start it removes the one of its date.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn placements(&self, dictionaries: &Dictionaries) -> Result<TableWriter<PlacementsTable>> {
        self.table(PlacementsTable::new(dictionaries))
    }

    /// Starts the optional `duplicates` table. A run that does not start it removes the one of its date.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn duplicates(&self, dictionaries: &Dictionaries) -> Result<TableWriter<DuplicatesTable>> {
        self.table(DuplicatesTable::new(dictionaries))
    }

    /// Starts the `rejects` table.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn rejects(&self) -> Result<TableWriter<RejectsTable>> {
        self.table(RejectsTable::default())
    }

    /// Starts the optional `embeddings` table. A run that does not start it removes the one of its date.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn embeddings(&self) -> Result<TableWriter<EmbeddingsTable>> {
        self.table(EmbeddingsTable::default())
    }

    /// Makes the night visible and gives the manifest's path. `manifest.files` are the files that the finished writers gave.
    ///
    /// # Errors
    /// When the files are not those of the manifest, nothing is published. After any other error each table shows the old
    /// night or the new one, and the next start completes or discards.
    pub fn publish(self, manifest: &Manifest) -> Result<PathBuf> {
        self.publish_stepwise(manifest, &mut Steps::uninterrupted())
    }

    fn publish_stepwise(mut self, manifest: &Manifest, steps: &mut Steps<'_>) -> Result<PathBuf> {
        let places = &self.output.places;
        self.check(manifest).context("the run's files are not those of its manifest; this is a defect of twinset")?;
        // From here on only the next start may clean up, because only it can tell which night was decided.
        self.abandoned = false;
        steps.begin("make the staged names durable")?;
        let staged = TABLES.map(|table| places.staged(&self.run_id, table));
        let above = [places.staged_run(&self.run_id), places.staging(), places.hidden(), places.root().to_owned()];
        for folder in staged.iter().filter(|folder| folder.exists()).chain(&above) {
            sync_folder(folder).with_context(|| format!("cannot write `{}`", folder.display()))?;
        }
        steps.begin("write the journal")?;
        write_journal(places, manifest)?;
        roll_forward(places, steps)?;
        Ok(places.manifest(&self.run_id))
    }

    fn table<T: Table>(&self, table: T) -> Result<TableWriter<T>> {
        TableWriter::create(table, self.output.places.staged(&self.run_id, T::NAME), &self.run_id, self.run_date)
    }

    fn check(&self, manifest: &Manifest) -> anyhow::Result<()> {
        ensure!(manifest.run_id == self.run_id, "the manifest is of run `{}`, not `{}`", manifest.run_id, self.run_id);
        ensure!(manifest.run_date == self.run_date, "the manifest is of {}, not {}", manifest.run_date, self.run_date);
        for table in TABLES {
            let files: Vec<&TableFile> = manifest.files_of(table).collect();
            let folder = self.output.places.staged(&self.run_id, table);
            if files.is_empty() && !is_optional(table) {
                bail!("the table `{table}` is missing");
            }
            ensure!(
                holds(&folder, &files, Proof::Size)?,
                "`{}` does not hold just the {} files of the manifest",
                folder.display(),
                files.len()
            );
        }
        Ok(())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if self.abandoned {
            // What stays is discarded by the next start.
            let _ = remove_folder(&self.output.places.staged_run(&self.run_id));
        }
    }
}

fn lock(places: &Places) -> Result<File> {
    let path = places.lock();
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = open.with_context(|| format!("cannot open `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Where the system locks against reading too, the holder stays unnamed.
            let _ = file.take(32).read_to_string(&mut holder);
            let holder = if holder.is_empty() { "another run".to_owned() } else { format!("another run ({holder})") };
            let root = places.root().display();
            return Err(Error::Temporary(anyhow!(
                "{holder} holds `{root}`: try again when it has ended, or name another folder with --out"
            )));
        }
        Err(TryLockError::Error(cause)) => {
            return Err(anyhow!(cause).context(format!("cannot lock `{}`", path.display())).into());
        }
    }
    let note = file.set_len(0).and_then(|()| write!(file, "process {}", std::process::id()));
    note.with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(file)
}

/// Removes what runs staged without deciding anything.
fn discard(places: &Places, steps: &mut Steps<'_>) -> anyhow::Result<Vec<String>> {
    remove_file(&places.temporary())?;
    let staging = places.staging();
    let mut found = BTreeMap::new();
    if staging.exists() {
        for entry in std::fs::read_dir(&staging).with_context(|| format!("cannot list `{}`", staging.display()))? {
            let entry = entry.with_context(|| format!("cannot list `{}`", staging.display()))?;
            found.insert(entry.file_name().to_string_lossy().into_owned(), entry.path());
        }
    }
    for path in found.values() {
        steps.begin("discard what a run staged")?;
        remove_folder(path)?;
    }
    Ok(found.into_keys().collect())
}

#[cfg(test)]
mod tests;
