//! Figures as the tables of `docs/gpu.md`. This file refuses to measure.

use std::fmt;

use super::{Engine, Figures, TileKernel, TopK};

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| date | twinset | engine, driver, host | D | N | rules | path taken | peak f32, T/s | tile f32, T/s (share) \
             | peak int8, T/s | tile int8, T/s (share) | symmetric / rectangular | all lists, s |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
        self.engines.iter().try_for_each(|engine| self.engine(f, engine))?;
        writeln!(
            f,
            "\n| engine | pairs/s | survivors/row | sent, MB | read, MB | dispatches | rows rerun | rows on the CPU |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        self.engines.iter().try_for_each(|engine| whole_run(f, engine))?;
        self.refused.iter().try_for_each(|refused| writeln!(f, "\nnot measured: {refused}"))?;
        writeln!(
            f,
            "\nT/s: 10^12 operations a second, two a multiply-add. Wall clock on this machine; others take other times."
        )
    }
}

impl Figures {
    fn engine(&self, f: &mut fmt::Formatter<'_>, engine: &Engine) -> fmt::Result {
        let host = &self.host;
        let driver = engine.driver.as_ref().map_or_else(String::new, |driver| format!(", {driver}"));
        write!(f, "| {} | {} | {}{driver}, ", self.date, self.twinset, engine.engine)?;
        write!(f, "{} ({} cores, {}) | {} | {}", host.cpu, host.cores, host.system, self.dimension, self.products)?;
        write!(f, " | 1, K = {} | {} | ", self.k, engine.top_k.report.kernel.as_deref().unwrap_or("–"))?;
        for name in ["f32", "int8"] {
            match engine.kernels.iter().find(|kernel| kernel.arithmetic == name) {
                Some(kernel) => {
                    let peak = kernel.peak_multiply_adds_per_second.map_or_else(|| "–".to_owned(), tera);
                    write!(f, "{peak} | {} | ", tile(kernel))?;
                }
                None => write!(f, "– | – | ")?,
            }
        }
        let ratios = engine.kernels.iter().filter_map(|kernel| kernel.symmetric_to_rectangular);
        let ratios: Vec<String> = ratios.map(|ratio| format!("{ratio:.2}")).collect();
        let ratios = if ratios.is_empty() { "–".to_owned() } else { ratios.join(", ") };
        writeln!(f, "{ratios} | {:.2}{} |", engine.top_k.seconds, origin(&engine.top_k))
    }
}

fn tile(kernel: &TileKernel) -> String {
    let share = kernel.share_of_peak.map_or_else(String::new, |share| format!(" ({:.0} %)", 100.0 * share));
    tera(kernel.multiply_adds_per_second) + &share
}

/// What a reader must know of the seconds of a run.
fn origin(top_k: &TopK) -> String {
    let products = top_k.measured_products;
    let from = if top_k.estimated { format!(" (estimated from {products} products)") } else { String::new() };
    let fault = top_k.report.fault.as_ref().map(|fault| format!(" (the CPU finished: {fault})"));
    from + &fault.unwrap_or_default()
}

fn whole_run(f: &mut fmt::Formatter<'_>, engine: &Engine) -> fmt::Result {
    let (top_k, report) = (&engine.top_k, &engine.top_k.report);
    write!(f, "| {} | {:.2e} | ", engine.engine, top_k.pairs_per_second)?;
    if engine.driver.is_none() {
        return writeln!(f, "– | – | – | – | – | – |");
    }
    writeln!(
        f,
        "{:.0} | {} | {} | {} | {} | {} |",
        top_k.survivors_per_row,
        report.bytes_up / 1_000_000,
        report.bytes_down / 1_000_000,
        report.dispatches,
        report.rows_rerun,
        report.rows_on_cpu
    )
}

/// Multiply-adds as 10^12 operations, two each.
fn tera(multiply_adds: f64) -> String {
    let operations = 2.0 * multiply_adds / 1e12;
    if operations < 1.0 { format!("{operations:.4}") } else { format!("{operations:.1}") }
}
