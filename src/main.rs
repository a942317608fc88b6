//! The command line: parses, runs one command, says how it ended.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Parser;
use serde::Serialize;
use twinset::cli::{BenchArgs, Cli, Command, DemoArgs, DevicesArgs, EvaluateArgs, ExplainArgs, InitArgs, JobArgs};
use twinset::config::Config;
use twinset::device::Fault;
use twinset::error::{Error, Result};
use twinset::evaluate::{self, Against, Kinds, Question};
use twinset::job::{self, Outcome};
use twinset::progress::Progress;
use twinset::{bench, check, demo, devices, explain, init};

/// Exit code of a night that was published with more rejects than the tolerance allows.
const MANY_REJECTS: u8 = 10;
/// Exit code of a command line that cannot be understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) if !asked.use_stderr() => asked.exit(),
        Err(wrong) => return usage(&wrong),
    };
    log_to_stderr();
    let done = match cli.command {
        Command::Run(args) => run(&args),
        Command::Check(args) => check(&args),
        Command::Explain(args) => explain(&args),
        Command::Init(args) => init(&args),
        Command::Devices(args) => devices(&args),
        Command::Bench(args) => bench(&args),
        Command::Evaluate(args) => evaluate(args),
        Command::Demo(args) => demo(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", one_line(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Says what cannot be understood; the last line is the error.
fn usage(wrong: &clap::Error) -> ExitCode {
    let text = wrong.to_string();
    let mut parts = text.splitn(2, "\n\n");
    let error = one_line(parts.next().unwrap_or_default());
    for line in parts.flat_map(str::lines).filter(|line| !line.is_empty()) {
        eprintln!("{line}");
    }
    eprintln!("{error}");
    ExitCode::from(USAGE)
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Writes to stdout what was asked for. A reader that has gone away is no failure of the night.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => Err(anyhow!("stdout cannot be written: {cause}").into()),
        _ => Ok(()),
    }
}

fn run(args: &JobArgs) -> Result<ExitCode> {
    let config = Config::resolve(args)?;
    tracing::info!("run date {}", config.run_date);
    let outcome = job::run(&config)?;
    say(&outcome.manifest.display().to_string())?;
    Ok(exit_code(&outcome))
}

fn check(args: &JobArgs) -> Result<ExitCode> {
    say(&check::check(&Config::resolve(args)?)?)?;
    Ok(ExitCode::SUCCESS)
}

fn explain(args: &ExplainArgs) -> Result<ExitCode> {
    let job = JobArgs { config: args.config.clone(), flags: args.flags.clone() };
    let explained = explain::explain(&Config::resolve(&job)?, &args.product, args.candidate.as_deref())?;
    say(&if args.json { json(&explained)? } else { explained.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

fn init(args: &InitArgs) -> Result<ExitCode> {
    let report = init::init(&args.catalog, args.images.as_deref(), &args.config)?;
    report.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    say(&report.written.display().to_string())?;
    tracing::info!("next: read it, then `twinset check {0}` and `twinset run {0}`", report.written.display());
    Ok(ExitCode::SUCCESS)
}

fn devices(args: &DevicesArgs) -> Result<ExitCode> {
    let found = devices::devices();
    say(&if args.json { json(&found)? } else { found.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

fn bench(args: &BenchArgs) -> Result<ExitCode> {
    let choice = args.device.parse().map_err(|fault: Fault| Error::Config(fault.into()))?;
    let figures = bench::bench(&choice, args.products as usize, usize::from(args.dimension))?;
    say(&if args.json { json(&figures)? } else { figures.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

fn evaluate(args: EvaluateArgs) -> Result<ExitCode> {
    let config = Config::resolve(&args.job)?;
    let against = match (args.links, args.orders) {
        (Some(path), _) => Against::Links { path, kinds: Kinds::new(&args.kinds) },
        (None, Some(path)) => Against::Orders { path, since: args.since },
        (None, None) => {
            return Err(Error::Config(anyhow!("name what to measure against: `--links FILE` or `--orders FILE`")));
        }
    };
    let question = Question { against, k: usize::from(args.k), rules: args.rules, resamples: args.resamples };
    let evaluation = evaluate::evaluate(&config, &question)?;
    say(&if args.json { json(&evaluation)? } else { evaluation.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|cause| Error::Failed(cause.into()))
}

fn demo(args: &DemoArgs) -> Result<ExitCode> {
    let shop = demo::draw_shop(&args.folder, &Progress::stage("drawing", "images"))?;
    tracing::info!("drew {} products with {} images into `{}`", shop.products, shop.images, args.folder.display());
    let config = Config::resolve(&JobArgs { config: Some(shop.config), ..JobArgs::default() })?;
    let outcome = job::run(&config)?;
    tracing::info!(
        "{} recommendations lie in `{}`; stdout names the manifest",
        outcome.recommendations,
        config.out.join("recommendations").display()
    );
    say(&outcome.manifest.display().to_string())?;
    Ok(exit_code(&outcome))
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    if outcome.many_rejects { ExitCode::from(MANY_REJECTS) } else { ExitCode::SUCCESS }
}

fn log_to_stderr() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}
