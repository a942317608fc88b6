//! Where everything lies under the output folder. This room refuses to open anything.
//!
//! What readers see: `<table>/run_date=<date>/`, `runs/<run>.json`, `current.json`. Everything temporary lies in `.twinset/`.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

/// The paths of one output folder.
#[derive(Clone, Debug)]
pub struct Places {
    root: PathBuf,
}

impl Places {
    pub fn new(root: &Path) -> Places {
        Places { root: root.to_owned() }
    }

    /// The output folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What readers list for a table: a folder of partitions.
    pub fn table(&self, table: &str) -> PathBuf {
        self.root.join(table)
    }

    /// The files of one night of a table.
    pub fn partition(&self, table: &str, run_date: NaiveDate) -> PathBuf {
        self.table(table).join(format!("run_date={run_date}"))
    }

    /// The complements that a night learned.
    pub fn complements(&self, run_date: NaiveDate) -> PathBuf {
        self.root.join("complements").join(format!("run_date={run_date}.toml"))
    }

    /// The manifests of all runs, replaced ones too.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// The manifest of one run.
    pub fn manifest(&self, run_id: &str) -> PathBuf {
        self.runs().join(format!("{run_id}.json"))
    }

    /// The newest run of each date.
    pub fn current(&self) -> PathBuf {
        self.root.join("current.json")
    }

    /// What readers never look into.
    pub fn hidden(&self) -> PathBuf {
        self.root.join(".twinset")
    }

    /// Held by the run that may write.
    pub fn lock(&self) -> PathBuf {
        self.hidden().join("lock")
    }

    /// The manifest of the publication under way.
    pub fn journal(&self) -> PathBuf {
        self.hidden().join("journal.json")
    }

    /// Where a file is written before it gets its name.
    pub fn temporary(&self) -> PathBuf {
        self.hidden().join("write.tmp")
    }

    /// The staging folders of all runs.
    pub fn staging(&self) -> PathBuf {
        self.hidden().join("staging")
    }

    /// What one run stages: a folder for each table.
    pub fn staged_run(&self, run_id: &str) -> PathBuf {
        self.staging().join(run_id)
    }

    /// A table's next partition; after the exchange, the replaced one.
    pub fn staged(&self, run_id: &str, table: &str) -> PathBuf {
        self.staged_run(run_id).join(table)
    }

    /// A partition that was moved away, until it is removed.
    pub fn retired(&self, run_id: &str, table: &str) -> PathBuf {
        self.staged_run(run_id).join(format!("{table}.replaced"))
    }
}
