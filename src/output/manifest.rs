//! What a run says about itself: `runs/<run>.json`. This room refuses to hold anything that the run did not do or read.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use crate::similarity::Report;

/// The manifest of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run.
    pub run_id: String,
    /// The night that the tables are for.
    #[serde(with = "iso_date")]
    pub run_date: NaiveDate,
    /// The version of twinset that ran.
    pub twinset: String,
    /// [`SCHEMA_VERSION`] of the tables and of this file.
    pub schema_version: String,
    /// What was read.
    pub inputs: Inputs,
    /// What made the vectors.
    pub embedder: EmbedderNote,
    /// What decides the lists beside catalog and pictures, as resolved; null in manifests from before it was kept.
    #[serde(default)]
    pub configuration: serde_json::Value,
    /// The rules as resolved, defaults filled in.
    pub rules: serde_json::Value,
    /// Where the similarities were computed, in words.
    pub device: String,
    /// How the lists came about; empty in manifests from before it was kept.
    #[serde(default)]
    pub similarity: Report,
    /// Threads used.
    pub threads: usize,
    /// What came out.
    pub counts: Counts,
    /// Seconds of wall clock and of CPU by stage, in the order of the stages.
    pub timings: Vec<StageTime>,
    /// What a person should know, in the order in which it was found.
    pub warnings: Vec<String>,
    /// The published table files, by table and number.
    pub files: Vec<TableFile>,
}

/// What a run read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// The catalog's file name.
    pub catalog: String,
    /// BLAKE3 of the catalog's bytes, hexadecimal.
    pub catalog_blake3: String,
    /// Data rows of the catalog.
    pub rows: u64,
    /// Products made of them.
    pub products: u64,
    /// BLAKE3 over the images in product order, hexadecimal; empty where the vectors come with the catalog.
    pub images_blake3: String,
}

/// What made the vectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmbedderNote {
    /// Network, weights and preprocessing.
    pub fingerprint: String,
    /// Components of a vector.
    pub dimension: usize,
    /// What computed them, where that may differ between machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_by: Option<String>,
}

/// What came out of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Products of the catalog.
    pub products: u64,
    /// Products with a vector.
    pub vectors: u64,
    /// Vectors of all products; more where a product has one for each of its images.
    #[serde(default)]
    pub views: u64,
    /// Vectors that were computed in this run, not found in the cache.
    pub embedded_now: u64,
    /// Rows of `recommendations`.
    pub recommendations: u64,
    /// Rows of `placements`.
    #[serde(default)]
    pub placements: u64,
    /// Rows of `duplicates`.
    #[serde(default)]
    pub duplicates: u64,
    /// Products that have rows there.
    #[serde(default)]
    pub duplicated_products: u64,
    /// Rejects by code.
    pub rejects: BTreeMap<String, u64>,
    /// Lists by rule, in the order of the rules.
    pub rules: Vec<RuleCounts>,
}

/// How the lists of one rule came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCounts {
    /// The rule's name.
    pub rule: String,
    /// `similar`, `cross_sell` or `upsell`.
    pub relation: String,
    /// Products that the rule serves.
    pub anchors: u64,
    /// Anchors that nothing is eligible for.
    pub eligible_zero: u64,
    /// Lists as long as the rule's limit.
    pub full_lists: u64,
    /// Shorter lists (empty ones too) by reason.
    pub short_lists: BTreeMap<String, u64>,
}

impl RuleCounts {
    /// Counts one row of `coverage` of this rule.
    pub fn add(&mut self, eligible: u32, shortfall_reason: Option<&str>) {
        self.anchors += 1;
        self.eligible_zero += u64::from(eligible == 0);
        match shortfall_reason {
            None => self.full_lists += 1,
            Some(reason) => *self.short_lists.entry(reason.to_owned()).or_default() += 1,
        }
    }
}

/// How long a stage took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage, for example `embedding`.
    pub stage: String,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Seconds of CPU that the process used meanwhile, user and system; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
}

/// One published file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// The table's name.
    pub table: String,
    /// Relative to the output folder, with `/` on every system.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its bytes, hexadecimal.
    pub blake3: String,
}

impl Manifest {
    /// An empty manifest of a run by this version of twinset.
    #[must_use]
    pub fn new(run_id: &str, run_date: NaiveDate) -> Manifest {
        Manifest {
            run_id: run_id.to_owned(),
            run_date,
            twinset: env!("CARGO_PKG_VERSION").to_owned(),
            schema_version: SCHEMA_VERSION.to_owned(),
            inputs: Inputs::default(),
            embedder: EmbedderNote::default(),
            configuration: serde_json::Value::Null,
            rules: serde_json::Value::Null,
            device: String::new(),
            similarity: Report::default(),
            threads: 0,
            counts: Counts::default(),
            timings: Vec::new(),
            warnings: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Reads `runs/<run>.json`.
    ///
    /// # Errors
    /// A file that cannot be read or is not a manifest.
    pub fn read(path: &Path) -> anyhow::Result<Manifest> {
        let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is not a manifest of twinset", path.display()))
    }

    /// The files of one table, in order.
    pub fn files_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a TableFile> {
        self.files.iter().filter(move |file| file.table == table)
    }
}

/// A date as `2026-11-22`, for serde.
pub(super) mod iso_date {
    use chrono::NaiveDate;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde decides the signature")]
    pub fn serialize<S: Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
