//! `twinset.toml` and flags, resolved once into a validated [`Config`]. This room refuses defaults that are decided later.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::catalog::{Attribute, Format};
use crate::cli::JobArgs;
use crate::device::Choice;
use crate::error::{Error, Result};
use crate::money::Currency;
use crate::orders::OrdersSettings;
use crate::rules::complements::{Complement, Complements, Targets};
use crate::rules::{Rule, defaults};
use crate::similarity::gpu;

/// Share of rows or images that may be rejected before a published night exits with code 10.
const REJECT_TOLERANCE: f64 = 0.05;

/// Everything a night needs to know, with nothing left to decide.
#[derive(Clone, Debug)]
pub struct Config {
    /// The catalog file.
    pub catalog: PathBuf,
    /// How to read it; `None` decides by content.
    pub format: Option<Format>,
    /// Standard field name to the file's column name.
    pub columns: BTreeMap<String, String>,
    /// The currency where the catalog has none.
    pub currency: Option<Currency>,
    /// The decimal mark of prices written as text.
    pub decimal: char,
    /// The folder that image paths start at.
    pub images: PathBuf,
    /// Where vectors come from.
    pub embedding: Embedding,
    /// Which device may propose.
    pub device: Choice,
    /// How it does; tests set it, a night uses the default.
    pub gpu: gpu::Options,
    /// The folder that receives the tables.
    pub out: PathBuf,
    /// Whether the vectors are published too.
    pub publish_embeddings: bool,
    /// Share of rows or images that may be rejected, 0 to 1.
    pub reject_tolerance: f64,
    /// The rules, at least one; names are unique.
    pub rules: Vec<Rule>,
    /// The configured complements. What was learned is not among them: a night adds it.
    pub complements: Complements,
    /// The orders that complements are learned from.
    pub orders: Option<OrdersSettings>,
    /// The date of the night.
    pub run_date: NaiveDate,
    /// Threads of the job.
    pub threads: usize,
    /// Bytes of memory that the job may plan for.
    pub memory: Option<u64>,
}

/// Where vectors come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Embedding {
    /// The built-in network looks at the images.
    Builtin,
    /// A column of the catalog holds them; no image is opened.
    Column {
        /// The column's name.
        column: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    catalog: CatalogSection,
    #[serde(default)]
    embedding: EmbeddingSection,
    #[serde(default)]
    similarity: SimilaritySection,
    #[serde(default)]
    output: OutputSection,
    #[serde(default)]
    complements: BTreeMap<String, Targets>,
    orders: Option<OrdersSettings>,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogSection {
    path: Option<PathBuf>,
    images: Option<PathBuf>,
    currency: Option<String>,
    decimal: Option<char>,
    format: Option<Format>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmbeddingSection {
    kind: Option<String>,
    column: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SimilaritySection {
    device: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputSection {
    path: Option<PathBuf>,
    embeddings: Option<bool>,
    reject_tolerance: Option<f64>,
}

impl Config {
    /// Reads the configuration file, if any, and lays the flags over it.
    ///
    /// # Errors
    /// [`Error::Config`] in one line: which key of which file, and what to write instead.
    pub fn resolve(args: &JobArgs) -> Result<Config> {
        resolve(args).map_err(Error::Config)
    }

    /// The attributes that rules name, each once, in order, with the first rule that names it.
    #[must_use]
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut seen = HashSet::new();
        let rules = self.rules.iter();
        let named =
            rules.flat_map(|rule| rule.must_match.iter().chain(&rule.must_differ).map(|name| (name, &rule.name)));
        let first = named.filter(|(name, _)| seen.insert(name.as_str()));
        first.map(|(name, rule)| Attribute { name: name.clone(), rule: rule.clone() }).collect()
    }

    /// What decides the published lists beside the catalog and the pictures: part of the run id. Paths, device, threads and
    /// memory are not.
    #[must_use]
    pub fn decisive(&self) -> serde_json::Value {
        serde_json::json!({
            "format": self.format,
            "columns": self.columns,
            "currency": self.currency.map(|c| c.to_string()),
            "decimal": self.decimal,
            "embedding": self.embedding,
            "embeddings": self.publish_embeddings,
            "rules": self.rules,
            "complements": self.complements.configured,
            "orders": self.orders,
        })
    }
}

fn resolve(args: &JobArgs) -> anyhow::Result<Config> {
    let (file, folder) = read_file(args)?;
    let beside = |path: PathBuf| folder.join(path);
    let Some(catalog) = args.catalog.clone().or(file.catalog.path.map(&beside)) else {
        bail!(
            "no catalog: name it with `--catalog FILE` or as `path` under `[catalog]` in twinset.toml \
             (`twinset init FILE` writes one)"
        );
    };
    let own_folder = catalog.parent().map(Path::to_owned).filter(|p| !p.as_os_str().is_empty());
    let images = args.images.clone().or(file.catalog.images.map(&beside)).or(own_folder);
    let currency = file.catalog.currency.map(|text| {
        Currency::parse(&text).with_context(|| format!("`currency = \"{text}\"` is not an ISO 4217 code such as `USD`"))
    });
    let decimal = file.catalog.decimal.unwrap_or('.');
    ensure!(matches!(decimal, '.' | ','), "`decimal = \"{decimal}\"` is neither `.` nor `,`");
    let device = args.device.as_deref().or(file.similarity.device.as_deref()).map(str::parse);
    let reject_tolerance = file.output.reject_tolerance.unwrap_or(REJECT_TOLERANCE);
    ensure!((0.0..=1.0).contains(&reject_tolerance), "`reject_tolerance = {reject_tolerance}` is not within 0 and 1");
    let rules = if file.rules.is_empty() { defaults() } else { file.rules };
    check_rules(&rules)?;
    Ok(Config {
        images: images.unwrap_or_else(|| PathBuf::from(".")),
        catalog,
        format: file.catalog.format,
        columns: file.catalog.columns,
        currency: currency.transpose()?,
        decimal,
        embedding: embedding(file.embedding)?,
        device: device.transpose()?.unwrap_or_default(),
        gpu: gpu::Options::default(),
        out: args.out.clone().or(file.output.path.map(&beside)).unwrap_or_else(|| beside(PathBuf::from("out"))),
        publish_embeddings: file.output.embeddings.unwrap_or(false),
        reject_tolerance,
        rules,
        complements: complements(file.complements)?,
        orders: file.orders.map(|settings| orders(settings, &folder)).transpose()?,
        run_date: args.run_date.unwrap_or_else(|| DateTime::<Utc>::from(std::time::SystemTime::now()).date_naive()),
        threads: match args.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        },
        memory: args.memory,
    })
}

/// The configuration file and the folder that its paths start at.
fn read_file(args: &JobArgs) -> anyhow::Result<(File, PathBuf)> {
    let implied = Path::new("twinset.toml");
    let path = match &args.config {
        Some(path) => path.as_path(),
        None if implied.is_file() => implied,
        None => return Ok((File::default(), PathBuf::new())),
    };
    let text = fs::read_to_string(path).with_context(|| {
        format!("configuration `{}` cannot be read (`twinset init CATALOG` writes one)", path.display())
    })?;
    let file = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        anyhow!("{}:{line}: {message}", path.display())
    })?;
    Ok((file, path.parent().map(Path::to_owned).unwrap_or_default()))
}

fn check_rules(rules: &[Rule]) -> anyhow::Result<()> {
    let mut names = HashSet::new();
    for rule in rules {
        rule.validate()?;
        ensure!(names.insert(&rule.name), "two rules are named `{}`: give each its own name", rule.name);
    }
    Ok(())
}

fn embedding(section: EmbeddingSection) -> anyhow::Result<Embedding> {
    match (section.kind.as_deref().unwrap_or("builtin"), section.column) {
        ("builtin", None) => Ok(Embedding::Builtin),
        ("builtin", Some(_)) => bail!("`column` under `[embedding]` needs `kind = \"column\"`"),
        ("column", column) => Ok(Embedding::Column { column: column.unwrap_or_else(|| "embedding".to_owned()) }),
        (other, _) => bail!("`kind = \"{other}\"` under `[embedding]` is unknown: write `builtin` or `column`"),
    }
}

fn complements(map: BTreeMap<String, Targets>) -> anyhow::Result<Complements> {
    let complement = |(key, targets): (String, Targets)| {
        Complement::new(&key, targets).map_err(|cause| anyhow!("`[complements]`: {cause}"))
    };
    let configured = map.into_iter().map(complement).collect::<anyhow::Result<_>>()?;
    Ok(Complements { configured, ..Complements::default() })
}

fn orders(settings: OrdersSettings, folder: &Path) -> anyhow::Result<OrdersSettings> {
    settings.validate()?;
    Ok(OrdersSettings { path: folder.join(&settings.path), ..settings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<Config> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("twinset.toml");
        fs::write(&path, text).expect("written");
        Config::resolve(&JobArgs { config: Some(path), ..JobArgs::default() })
    }

    #[test]
    fn paths_start_at_the_file_and_flags_at_the_current_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("twinset.toml");
        fs::write(&path, "[catalog]\npath = 'data/p.csv'\n[output]\npath = 'o'\n[orders]\npath = 'data/o.csv'")
            .expect("written");
        let args = JobArgs { config: Some(path), out: Some("elsewhere".into()), ..JobArgs::default() };
        let config = Config::resolve(&args).expect("a configuration");
        assert_eq!(config.catalog, folder.path().join("data/p.csv"));
        assert_eq!(config.images, folder.path().join("data"));
        assert_eq!(config.orders.expect("orders").path, folder.path().join("data/o.csv"));
        assert_eq!(config.out, Path::new("elsewhere"));
    }

    #[test]
    fn what_decides_lists_is_told_from_where_it_lies() {
        let decisive = |complements: &str, orders: &str| {
            let text = format!("[catalog]\npath = 'p'\n[complements]\n'A' = {complements}\n[orders]\npath = {orders}");
            resolved(&text).expect("a configuration").decisive()
        };
        let plain = decisive("['B']", "'a.csv'");
        assert_eq!(plain, decisive("{ 'B' = 1 }", "'b.csv'\nmin_orders = 2"));
        assert_ne!(plain, decisive("{ 'B' = 0.5 }", "'a.csv'"));
        assert_ne!(plain, decisive("['B']", "'a.csv'\nlook_back = 9"));
    }

    #[test]
    fn an_unusable_key_is_named_with_its_line() {
        for (text, expected) in [
            ("[catalog]\npath = 'p.csv'\ncurency = 'USD'", "toml:3: unknown field `curency`"),
            (
                "[catalog]\npath = 'p.csv'\n[[rule]]\nname = 'a'\nrelation = 'upsell'\ncandidates = 'any'\nlimits = 3",
                "toml:",
            ),
            ("[catalog]\npath = 'p.csv'\ncurrency = 'dollars'", "ISO 4217"),
            ("[output]\npath = 'o'", "no catalog"),
            ("[catalog]\npath = 'p.csv'\n[similarity]\ndevice = ' '", "a device must be named"),
            ("[catalog]\npath = 'p.csv'\n[embedding]\nkind = 'clip'", "`kind = \"clip\"`"),
            ("[catalog]\npath = 'p.csv'\n[complements]\n'A' = []", "`[complements]`: `A` names no category"),
            ("[catalog]\npath = 'p.csv'\n[complements]\n'A' = { 'B' = 2 }", "`A` gives `B` the weight 2"),
            ("[catalog]\npath = 'p.csv'\n[orders]\nlook_back = 3", "missing field `path`"),
            ("[catalog]\npath = 'p.csv'\n[orders]\npath = 'o.csv'\nmax_lines = 0", "`max_lines = 0` under `[orders]`"),
        ] {
            let error = resolved(text).expect_err(text);
            assert_eq!(error.exit_code(), 2);
            let message = error.to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{text}: {message}");
        }
    }
}
