//! The command line: parses, runs one command, says how it ended.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use twinset::cli::{Cli, Command, DemoArgs, InitArgs, JobArgs};
use twinset::config::Config;
use twinset::error::Result;
use twinset::job::{self, Outcome};
use twinset::progress::Progress;
use twinset::{check, demo, init};

/// Exit code of a night that was published with more rejects than the tolerance allows.
const MANY_REJECTS: u8 = 10;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let done = match cli.command {
        Command::Run(args) => run(&args),
        Command::Check(args) => check(&args),
        Command::Init(args) => init(&args),
        Command::Demo(args) => demo(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: &JobArgs) -> Result<ExitCode> {
    let config = Config::resolve(args)?;
    tracing::info!("run date {}", config.run_date);
    let outcome = job::run(&config)?;
    println!("{}", outcome.manifest.display());
    Ok(exit_code(&outcome))
}

fn check(args: &JobArgs) -> Result<ExitCode> {
    print!("{}", check::check(&Config::resolve(args)?)?);
    Ok(ExitCode::SUCCESS)
}

fn init(args: &InitArgs) -> Result<ExitCode> {
    let report = init::init(&args.catalog, args.images.as_deref(), &args.config)?;
    report.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    println!("{}", report.written.display());
    tracing::info!("next: read it, then `twinset check {0}` and `twinset run {0}`", report.written.display());
    Ok(ExitCode::SUCCESS)
}

fn demo(args: &DemoArgs) -> Result<ExitCode> {
    let shop = demo::draw_shop(&args.folder, &Progress::stage("drawing", "images"))?;
    tracing::info!("drew {} products with {} images into `{}`", shop.products, shop.images, args.folder.display());
    let config = Config::resolve(&JobArgs { config: Some(shop.config), ..JobArgs::default() })?;
    let outcome = job::run(&config)?;
    tracing::info!(
        "{} recommendations lie in `{}`; the manifest is",
        outcome.recommendations,
        config.out.join("recommendations").display()
    );
    println!("{}", outcome.manifest.display());
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
