//! Figures as the tables of `docs/gpu.md`. This file refuses to measure.

use std::fmt;

use super::{Engine, Figures, TopK};

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { twinset, host, products, dimension, k, .. } = self;
        writeln!(
            f,
            "twinset {twinset} on {} ({} cores, {}); {products} products × {dimension}, K = {k}. Wall clock: other machines \
             take other times.\n",
            host.cpu, host.cores, host.system
        )?;
        writeln!(
            f,
            "| device | driver | kernel | pairs/s | multiply-adds/s | peak | share | symmetric / rectangular |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        for engine in &self.engines {
            for kernel in &engine.kernels {
                writeln!(
                    f,
                    "| {} | {} | {} | {} | {} | {} | {:.0} % | {:.2} |",
                    engine.engine,
                    engine.driver.as_deref().unwrap_or("–"),
                    kernel.arithmetic,
                    scaled(kernel.pairs_per_second),
                    scaled(kernel.multiply_adds_per_second),
                    scaled(kernel.peak_multiply_adds_per_second),
                    100.0 * kernel.share_of_peak,
                    kernel.symmetric_to_rectangular
                )?;
            }
        }
        writeln!(
            f,
            "\n| engine | kernel | all lists | pairs/s | survivors/row | up | down | dispatches | rows rerun | rows on the CPU |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        self.engines.iter().try_for_each(|engine| whole_run(f, engine))?;
        self.refused.iter().try_for_each(|refused| writeln!(f, "\nnot measured: {refused}"))
    }
}

fn whole_run(f: &mut fmt::Formatter<'_>, engine: &Engine) -> fmt::Result {
    let (top_k, report) = (&engine.top_k, &engine.top_k.report);
    write!(f, "| {} | {} | ", engine.engine, report.kernel.as_deref().unwrap_or("–"))?;
    write!(f, "{:.1} s{} | {} | ", top_k.seconds, origin(top_k), scaled(top_k.pairs_per_second))?;
    if engine.driver.is_none() {
        return writeln!(f, "– | – | – | – | – | – |");
    }
    writeln!(
        f,
        "{:.0} | {} MB | {} MB | {} | {} | {} |",
        top_k.survivors_per_row,
        report.bytes_up / 1_000_000,
        report.bytes_down / 1_000_000,
        report.dispatches,
        report.rows_rerun,
        report.rows_on_cpu
    )
}

/// What a reader must know of the seconds of a run.
fn origin(top_k: &TopK) -> String {
    let products = top_k.measured_products;
    let from = if top_k.estimated { format!(" (estimated from {products} products)") } else { String::new() };
    let fault = top_k.report.fault.as_ref().map(|fault| format!(" (the CPU finished: {fault})"));
    from + &fault.unwrap_or_default()
}

/// A rate in thousands, millions and so on.
fn scaled(rate: f64) -> String {
    let units = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let (unit, name) = units.into_iter().find(|&(unit, _)| rate >= unit).unwrap_or((1.0, ""));
    format!("{:.3}{name}", rate / unit)
}
