//! `twinset.toml` and flags, resolved once into a validated [`Config`]. This room refuses defaults that are decided later.

mod duplicates;
mod embedding;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use toml::Spanned;

use crate::catalog::{Attribute, Format, FurtherImages};
use crate::cli::JobArgs;
use crate::device::Choice;
use crate::error::{Error, Result};
use crate::money::Currency;
use crate::orders::OrdersSettings;
use crate::rules::complements::{Complement, Complements, Targets};
use crate::rules::placements::Placement;
use crate::rules::validate::validate_together;
use crate::rules::{Rule, defaults};
use crate::similarity::gpu;
pub use duplicates::Duplicates;
pub use embedding::Embedding;

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
    /// Where images beside the one in `image` stand.
    pub further_images: FurtherImages,
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
    /// Where each rule stands, as `twinset.toml:12`; nothing where the rules are the default ones.
    pub rule_places: Vec<String>,
    /// What pages show; `None` where the configuration does not say, and nothing where it wants none.
    pub placements: Option<Vec<Placement>>,
    /// What counts as nearly the same picture; `None` where nobody asks.
    pub duplicates: Option<Duplicates>,
    /// The file of pins and blocks.
    pub merchandising: Option<PathBuf>,
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
    /// Whether every image is read, also where its size and times are as they were.
    pub rehash: bool,
    /// Whether images that could not be decoded are tried again.
    pub retry_rejects: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    catalog: CatalogSection,
    #[serde(default)]
    embedding: embedding::Section,
    #[serde(default)]
    similarity: SimilaritySection,
    #[serde(default)]
    output: OutputSection,
    #[serde(default)]
    complements: BTreeMap<String, Targets>,
    orders: Option<OrdersSettings>,
    merchandising: Option<MerchandisingSection>,
    duplicates: Option<Spanned<duplicates::Section>>,
    #[serde(default, rename = "rule")]
    rules: Vec<Spanned<Rule>>,
    #[serde(default, rename = "placement")]
    placements: Vec<Spanned<Placement>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MerchandisingSection {
    path: PathBuf,
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
    #[serde(default)]
    further_images: Vec<String>,
    image_separator: Option<char>,
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
    placements: Option<bool>,
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

    /// The attributes that rules and placements name, each once, in order, with the first that names it.
    #[must_use]
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut seen = HashSet::new();
        let rules = self.rules.iter();
        let of_rules = rules.flat_map(|rule| rule.attributes().map(|name| (name, format!("rule `{}`", rule.name))));
        let pages = self.placements.iter().flatten();
        let of_pages = pages
            .flat_map(|page| page.products.conditions.names().map(|name| (name, format!("placement `{}`", page.name))));
        let first = of_rules.chain(of_pages).filter(|(name, _)| seen.insert(name.as_str()));
        first.map(|(name, asked_by)| Attribute { name: name.clone(), asked_by }).collect()
    }

    /// Where a rule stands, as the beginning of a sentence; nothing for a default rule.
    #[must_use]
    pub fn place_of_rule(&self, rule: usize) -> String {
        self.rule_places.get(rule).map_or_else(String::new, |place| format!("{place}: "))
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
            "further_images": self.further_images,
            "embedding": self.embedding,
            "embeddings": self.publish_embeddings,
            "rules": self.rules,
            "complements": self.complements.configured,
            "orders": self.orders,
            "placements": self.placements,
            "duplicates": self.duplicates,
        })
    }
}

fn resolve(args: &JobArgs) -> anyhow::Result<Config> {
    let (file, text, folder) = read_file(args)?;
    let beside = |path: PathBuf| folder.join(path);
    let Some(catalog) = args.flags.catalog.clone().or(file.catalog.path.map(&beside)) else {
        bail!(
            "no catalog: name it with `--catalog FILE` or as `path` under `[catalog]` in twinset.toml \
             (`twinset init FILE` writes one)"
        );
    };
    let own_folder = catalog.parent().map(Path::to_owned).filter(|p| !p.as_os_str().is_empty());
    let images = args.flags.images.clone().or(file.catalog.images.map(&beside)).or(own_folder);
    let currency = file.catalog.currency.map(|text| {
        Currency::parse(&text).with_context(|| format!("`currency = \"{text}\"` is not an ISO 4217 code such as `USD`"))
    });
    let decimal = file.catalog.decimal.unwrap_or('.');
    ensure!(matches!(decimal, '.' | ','), "`decimal = \"{decimal}\"` is neither `.` nor `,`");
    let device = args.flags.device.as_deref().or(file.similarity.device.as_deref()).map(str::parse);
    let reject_tolerance = file.output.reject_tolerance.unwrap_or(REJECT_TOLERANCE);
    ensure!((0.0..=1.0).contains(&reject_tolerance), "`reject_tolerance = {reject_tolerance}` is not within 0 and 1");
    let (rules, rule_places) = text.rules(file.rules)?;
    let placements = match file.output.placements {
        Some(false) => Some(Vec::new()),
        _ => text.placements(file.placements, &rules)?,
    };
    let embedding = file.embedding.resolve(&folder)?;
    let duplicates = text.duplicates(file.duplicates.as_ref(), embedding.by_image())?;
    Ok(Config {
        images: images.unwrap_or_else(|| PathBuf::from(".")),
        catalog,
        format: file.catalog.format,
        columns: file.catalog.columns,
        currency: currency.transpose()?,
        decimal,
        further_images: FurtherImages { columns: file.catalog.further_images, separator: file.catalog.image_separator },
        embedding,
        device: device.transpose()?.unwrap_or_default(),
        gpu: gpu::Options::default(),
        out: args.flags.out.clone().or(file.output.path.map(&beside)).unwrap_or_else(|| beside(PathBuf::from("out"))),
        publish_embeddings: file.output.embeddings.unwrap_or(false),
        reject_tolerance,
        rules,
        rule_places,
        placements,
        duplicates,
        merchandising: file.merchandising.map(|section| beside(section.path)),
        complements: complements(file.complements)?,
        orders: file.orders.map(|settings| orders(settings, &folder)).transpose()?,
        run_date: args
            .flags
            .run_date
            .unwrap_or_else(|| DateTime::<Utc>::from(std::time::SystemTime::now()).date_naive()),
        threads: match args.flags.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        },
        memory: args.flags.memory,
        rehash: args.flags.rehash,
        retry_rejects: args.flags.retry_rejects,
    })
}

/// The configuration file, its text and the folder that its paths start at.
fn read_file(args: &JobArgs) -> anyhow::Result<(File, Text, PathBuf)> {
    let implied = Path::new("twinset.toml");
    let path = match &args.config {
        Some(path) => path.as_path(),
        None if implied.is_file() => implied,
        None => return Ok((File::default(), Text::default(), PathBuf::new())),
    };
    let text = fs::read_to_string(path).with_context(|| {
        format!("configuration `{}` cannot be read (`twinset init CATALOG` writes one)", path.display())
    })?;
    let text = Text { path: path.display().to_string(), text };
    let file = toml::from_str(&text.text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        anyhow!("{}: {message}", text.place(error.span().map_or(0, |span| span.start)))
    })?;
    Ok((file, text, path.parent().map(Path::to_owned).unwrap_or_default()))
}

/// The text of the configuration file, to say where something stands in it.
#[derive(Debug, Default)]
struct Text {
    path: String,
    text: String,
}

impl Text {
    /// File and line of a byte.
    fn place(&self, byte: usize) -> String {
        format!("{}:{}", self.path, self.text[..byte].matches('\n').count() + 1)
    }

    fn rules(&self, rules: Vec<Spanned<Rule>>) -> anyhow::Result<(Vec<Rule>, Vec<String>)> {
        if rules.is_empty() {
            return Ok((defaults(), Vec::new()));
        }
        let places: Vec<String> = rules.iter().map(|rule| self.place(rule.span().start)).collect();
        let rules: Vec<Rule> = rules.into_iter().map(Spanned::into_inner).collect();
        for (rule, place) in rules.iter().zip(&places) {
            rule.validate().with_context(|| place.clone())?;
        }
        validate_together(&rules).map_err(|(rule, error)| error.context(places[rule].clone()))?;
        Ok((rules, places))
    }

    fn placements(&self, all: Vec<Spanned<Placement>>, rules: &[Rule]) -> anyhow::Result<Option<Vec<Placement>>> {
        for placement in &all {
            let place = || self.place(placement.span().start);
            placement.get_ref().validate(rules).with_context(place)?;
        }
        let all: Vec<Placement> = all.into_iter().map(Spanned::into_inner).collect();
        Ok((!all.is_empty()).then_some(all))
    }

    fn duplicates(
        &self,
        section: Option<&Spanned<duplicates::Section>>,
        by_image: bool,
    ) -> anyhow::Result<Option<Duplicates>> {
        match section {
            Some(section) => section.get_ref().resolve(by_image).with_context(|| self.place(section.span().start)),
            None => duplicates::Section::default().resolve(by_image),
        }
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
    use crate::cli::Flags;

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
        let args = JobArgs { config: Some(path), flags: Flags { out: Some("elsewhere".into()), ..Flags::default() } };
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
            (
                "[catalog]\npath = 'p.csv'\n[[rule]]\nname = 'a'\nrelation = 'upsell'\ncandidates = 'any'\n\
                 price_ratio = { above = 2, up_to = 1 }",
                "toml:3: rule `a`: `price_ratio` is empty",
            ),
            (
                "[catalog]\npath = 'p.csv'\n[[rule]]\nname = 'a'\nrelation = 'upsell'\ncandidates = 'any'\n\n\
                 [[rule]]\nname = 'b'\nrelation = 'upsell'\ncandidates = 'any'\nfallback = 'c'",
                "toml:8: rule `b`: `fallback = \"c\"` names no rule",
            ),
            (
                "[catalog]\npath = 'p.csv'\n[[placement]]\nname = 'page'\nblend = []",
                "toml:3: placement `page`: `blend` is empty",
            ),
            ("[catalog]\npath = 'p.csv'\ncurency = 'USD'", "toml:3: unknown field `curency`"),
            (
                "[catalog]\npath = 'p.csv'\n[[rule]]\nname = 'a'\nrelation = 'upsell'\ncandidates = 'any'\nlimits = 3",
                "toml:",
            ),
            ("[catalog]\npath = 'p.csv'\n[embedding]\nquality = 'best'", "toml:4: unknown variant `best`"),
            ("[catalog]\npath = 'p.csv'\n[embedding]\nviews = 'all'", "toml:4: unknown variant `all`"),
            ("[catalog]\npath = 'p.csv'\n[embedding]\nkind = 'column'\nquality = 'high'", "`kind = \"builtin\"`"),
            ("[catalog]\npath = 'p.csv'\ncurrency = 'dollars'", "ISO 4217"),
            ("[output]\npath = 'o'", "no catalog"),
            ("[catalog]\npath = 'p.csv'\n[duplicates]\nlimits = 3", "toml:4: unknown field `limits`"),
            ("[catalog]\npath = 'p.csv'\n[duplicates]\nlimit = 0", "toml:3: `limit = 0` under `[duplicates]`"),
            ("[catalog]\npath = 'p.csv'\n[duplicates]\nlimit = -1", "toml:4: invalid value"),
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
