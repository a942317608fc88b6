//! Flags and help. This room refuses logic: it only says what can be asked for.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};

use crate::rules::Relation;

/// Turns a shop's product pictures and prices into cross-sell, upsell and similar recommendations, written as Parquet.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Example: twinset init products.csv && twinset check && twinset run\n\n\
    Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 catalog file unusable, 10 published with many rejects, \
    75 temporary (try again), 130 interrupted.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the nightly job: read the catalog, embed the images, publish the tables
    #[command(after_help = "Example: twinset run twinset.toml --run-date 2026-11-22\n\n\
        stdout carries one line, the path of the run's manifest; everything else goes to stderr.")]
    Run(JobArgs),
    /// Say what a run would read, reject, score and need, without computing
    #[command(after_help = "Example: twinset check twinset.toml")]
    Check(JobArgs),
    /// Say why products are recommended beside one, or why another is not
    #[command(after_help = "Examples: twinset explain NECK-1\n          twinset explain NECK-1 NECK-9 --json\n\n\
        From the same plan and scores as a run, with tonight's catalog, rules, pins and blocks. Nothing is written but the \
        cache of embeddings.")]
    Explain(ExplainArgs),
    /// Write a commented twinset.toml after looking at the catalog's columns
    #[command(after_help = "Example: twinset init products.csv --images photos")]
    Init(InitArgs),
    /// Show the devices of this machine, test them, and say what `--device auto` picks
    #[command(after_help = "Example: twinset devices --json\n\n\
        Every device is opened and has to find a known answer; a driver that fails costs its line, not the command.")]
    Devices(DevicesArgs),
    /// Measure the engines of this machine on a made-up shop
    #[command(after_help = "Example: twinset bench --products 20000\n\n\
        Always the CPU engine; beside it all hardware (auto, gpu), a named device (also a software one) or nothing (cpu). \
        Times are wall clock and hold for this machine only. A run that would take more than a minute is estimated from a \
        smaller one, and says so.")]
    Bench(BenchArgs),
    /// Measure the lists against links that people made, or against orders that came later
    #[command(after_help = "Example: twinset evaluate --links links.csv --k 4\n\n\
        The night is prepared and scored as by `run`, on the CPU, and nothing is published. A rule is measured over the products that \
        it serves and that have a link. Links: product, linked_product and, if there is one, kind; a rule is measured against the \
        kinds of its relation, and against links without a kind. Orders: order_id, product_id and date; what is in one order is \
        linked in both directions. Complements are learned from orders up to the run date, so by default only later orders count: \
        nothing is measured on what it was learned from. To hold orders out of the past, date the night back: --run-date \
        2026-10-31 --since 2026-11-01.")]
    Evaluate(EvaluateArgs),
    /// Draw a small shop and run the job on it
    #[command(after_help = "Example: twinset demo ./twinset-demo")]
    Demo(DemoArgs),
}

/// What `run` and `check` take.
#[derive(Args, Clone, Debug, Default)]
pub struct JobArgs {
    /// Configuration file; ./twinset.toml where it exists
    pub config: Option<PathBuf>,
    /// What beats the file.
    #[command(flatten)]
    pub flags: Flags,
}

/// What beats the configuration file. Flags beat the environment, the environment beats the file.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Catalog file (CSV, Parquet, JSON Lines or Shopify's product export)
    #[arg(long, env = "TWINSET_CATALOG", value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// Folder that the catalog's image paths start at and may not leave
    #[arg(long, env = "TWINSET_IMAGES", value_name = "FOLDER")]
    pub images: Option<PathBuf>,
    /// Folder that receives the tables
    #[arg(long, env = "TWINSET_OUT", value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// auto (a GPU that passes its self-test, else the CPU), cpu, gpu (a GPU or fail), or an index or part of a name that
    /// `twinset devices` shows
    #[arg(long, env = "TWINSET_DEVICE", value_name = "DEVICE")]
    pub device: Option<String>,
    /// Date of the night, YYYY-MM-DD; today in UTC when left out
    #[arg(long, env = "TWINSET_RUN_DATE", value_name = "DATE")]
    pub run_date: Option<NaiveDate>,
    /// Threads; one per core when left out
    #[arg(long, env = "TWINSET_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Refuse to start when the job would need more memory than this, for example 16GiB
    #[arg(long, env = "TWINSET_MEMORY", value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
    /// Read every image, also where its size and times are as they were last time
    #[arg(long)]
    pub rehash: bool,
    /// Try again to decode the images that could not be decoded before
    #[arg(long)]
    pub retry_rejects: bool,
}

/// What `explain` takes.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The id of the product being served
    pub product: String,
    /// The id of a product that is recommended beside it, or is not; all lists when left out
    pub candidate: Option<String>,
    /// Configuration file; ./twinset.toml where it exists
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What beats the file.
    #[command(flatten)]
    pub flags: Flags,
}

/// What `init` takes.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Catalog file to look at
    pub catalog: PathBuf,
    /// Folder that the catalog's image paths start at; the catalog's own when left out
    #[arg(long, value_name = "FOLDER")]
    pub images: Option<PathBuf>,
    /// Configuration file to write; an existing one is never overwritten
    #[arg(long, value_name = "FILE", default_value = "twinset.toml")]
    pub config: PathBuf,
}

/// What `demo` takes.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder to draw the shop into
    #[arg(default_value = "./twinset-demo")]
    pub folder: PathBuf,
}

/// What `devices` takes.
#[derive(Args, Debug)]
pub struct DevicesArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `bench` takes.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Which devices to measure beside the CPU: auto, cpu, gpu, or an index or part of a name that `twinset devices` shows
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// Products of the made-up shop
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..))]
    pub products: u32,
    /// Components of a vector
    #[arg(long, value_name = "D", default_value_t = 512, value_parser = clap::value_parser!(u16).range(8..=16384))]
    pub dimension: u16,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `evaluate` takes.
#[derive(Args, Debug)]
pub struct EvaluateArgs {
    /// The night.
    #[command(flatten)]
    pub job: JobArgs,
    /// File of links to measure against, with the columns `product`, `linked_product` and perhaps `kind` (CSV, Parquet or JSON Lines)
    #[arg(long, value_name = "FILE", required_unless_present = "orders", conflicts_with = "orders")]
    pub links: Option<PathBuf>,
    /// File of orders to measure against, with the columns `order_id`, `product_id` and `date` (CSV, Parquet or JSON Lines)
    #[arg(long, value_name = "FILE")]
    pub orders: Option<PathBuf>,
    /// First day of orders that count; the day after the run date when left out
    #[arg(long, value_name = "DATE", conflicts_with = "links")]
    pub since: Option<NaiveDate>,
    /// What a kind of links stands for, for example `related=cross_sell`; known are `cross_sell`, `upsell`, `similar` and
    /// `related` (similar), however they are joined
    #[arg(long = "kind", value_name = "KIND=RELATION", value_parser = parse_kind, conflicts_with = "orders")]
    pub kinds: Vec<(String, Relation)>,
    /// Entries of a list that are looked at
    #[arg(long, value_name = "K", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub k: u16,
    /// Rule to measure, may be repeated; all when left out
    #[arg(long = "rule", value_name = "NAME")]
    pub rules: Vec<String>,
    /// Resamples behind each interval
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub resamples: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads `related=cross_sell`.
fn parse_kind(text: &str) -> Result<(String, Relation), String> {
    let all = [Relation::Similar, Relation::CrossSell, Relation::Upsell];
    let read = |(kind, relation): (&str, &str)| {
        let relation = all.into_iter().find(|known| known.as_str() == relation.trim())?;
        (!kind.trim().is_empty()).then(|| (kind.trim().to_owned(), relation))
    };
    let read = text.split_once('=').and_then(read);
    read.ok_or_else(|| {
        "write a kind, `=` and `similar`, `cross_sell` or `upsell`, for example related=cross_sell".to_owned()
    })
}

/// Reads `16GiB`, `900MB`, `1073741824`.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit: u64 = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        other => return Err(format!("unknown unit `{other}`: write for example 16GiB or 900MB")),
    };
    let size = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    size.filter(|&n| n > 0).ok_or_else(|| "not a size: write for example 16GiB or 900MB".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("16GiB"), Ok(16 << 30));
        assert_eq!(parse_size("900 MB"), Ok(900_000_000));
        assert!(parse_size("lots").is_err() && parse_size("0").is_err() && parse_size("1PB").is_err());
    }

    #[test]
    fn kinds_have_relations() {
        assert_eq!(parse_kind("related = cross_sell"), Ok(("related".to_owned(), Relation::CrossSell)));
        assert!(parse_kind("related").is_err() && parse_kind("=upsell").is_err() && parse_kind("a=b").is_err());
    }
}
