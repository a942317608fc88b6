//! Whether folders hold what a manifest says. This room refuses to change anything.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::Context;

use super::manifest::{Manifest, TableFile};
use super::places::Places;
use super::tables::{
    CoverageTable, DuplicatesTable, EmbeddingsTable, PlacementsTable, RecommendationsTable, RejectsTable, Table,
};

/// Every table, in the order of publication.
pub const TABLES: [&str; 6] = [
    RecommendationsTable::NAME,
    CoverageTable::NAME,
    PlacementsTable::NAME,
    DuplicatesTable::NAME,
    RejectsTable::NAME,
    EmbeddingsTable::NAME,
];

/// Whether a night may do without a table.
pub fn is_optional(table: &str) -> bool {
    [PlacementsTable::NAME, DuplicatesTable::NAME, EmbeddingsTable::NAME].contains(&table)
}

/// How [`holds`] knows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Size,
    Bytes,
}

/// Whether the partitions of the manifest's date hold its files and no others.
pub fn shows(places: &Places, manifest: &Manifest, proof: Proof) -> anyhow::Result<bool> {
    for table in TABLES {
        let files: Vec<&TableFile> = manifest.files_of(table).collect();
        let complete = !files.is_empty() || is_optional(table);
        if !complete || !holds(&places.partition(table, manifest.run_date), &files, proof)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `folder` holds `files` and nothing else; one that is not there holds nothing.
pub fn holds(folder: &Path, files: &[&TableFile], proof: Proof) -> anyhow::Result<bool> {
    // Readers take whatever lies in a partition, so one file too many is as wrong as one that is missing.
    let wanted: BTreeSet<OsString> = files.iter().map(|file| OsString::from(file_name(file))).collect();
    if names(folder)? != Some(wanted) {
        return Ok(false);
    }
    for file in files {
        let path = folder.join(file_name(file));
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() == file.bytes => {}
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(cause).with_context(|| format!("cannot look at `{}`", path.display()));
            }
            _ => return Ok(false),
        }
        if proof == Proof::Bytes && hash(&path)?.to_hex().as_str() != file.blake3 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn file_name(file: &TableFile) -> &str {
    file.path.rsplit('/').next().unwrap_or_default()
}

/// What lies in a folder; `None` for what is no folder.
fn names(folder: &Path) -> anyhow::Result<Option<BTreeSet<OsString>>> {
    let list = || -> io::Result<_> { fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect() };
    match list() {
        Ok(names) => Ok(Some(names)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Some(BTreeSet::new())),
        Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(cause) => Err(cause).with_context(|| format!("cannot list `{}`", folder.display())),
    }
}

fn hash(path: &Path) -> anyhow::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(|_| ()));
    read.with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(hasher.finalize())
}
