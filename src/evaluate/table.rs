//! Figures as aligned text for people. This file refuses to measure.

use std::fmt;

use super::bootstrap::Estimate;
use super::figures::{Accuracy, Evaluation, RuleFigures};
use super::quantiles::Distribution;
use super::truth::Read;

/// The width of a row's name, and of a quantile.
const NAME: usize = 15;
const QUANTILE: usize = 10;

/// Figures that are all below this are written with more decimals.
const SMALL: f64 = 0.001;

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read.fmt(f)?;
        writeln!(
            f,
            "the night of {}, {} products; k = {}; 95 % intervals from {} resamples of the sources",
            self.run_date, self.products, self.k, self.resamples
        )?;
        self.rules.iter().try_for_each(|rule| rule.write(f, self.k))
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} rows", self.file, self.rows)?;
        if let (Some(orders), Some(since)) = (self.orders, &self.since) {
            write!(f, ", {orders} orders on or after {since}")?;
        }
        writeln!(f, ", {} links between products of the catalog", self.links)?;
        let example =
            |example: &Option<String>| example.as_ref().map_or_else(String::new, |e| format!(", such as `{e}`"));
        let left_out = [
            (Some(self.unknown), "rows name a product that is not in the catalog", example(&self.unknown_example)),
            (Some(self.unknown_kind), "rows are of a kind that is no relation", example(&self.unknown_kind_example)),
            (Some(self.own), "rows link a product to itself", String::new()),
            (Some(self.incomplete), "rows lack an id or cannot be read", String::new()),
            (self.long_orders, "of these orders are too long and are skipped", String::new()),
            (self.undated_orders, "orders have no readable date", String::new()),
        ];
        for (count, what, example) in left_out {
            if let Some(count) = count.filter(|&count| count > 0) {
                writeln!(f, "left out: {count} {what}{example}")?;
            }
        }
        if self.overlap {
            writeln!(f, "caution: complements are learned from orders on days that are also measured")?;
        }
        Ok(())
    }
}

impl RuleFigures {
    fn write(&self, f: &mut fmt::Formatter<'_>, k: usize) -> fmt::Result {
        let RuleFigures { rule, relation, sources, links, .. } = self;
        writeln!(f, "\n{rule} ({relation}): {sources} products with {links} links")?;
        let mut rows: Vec<(String, Vec<String>)> = Vec::new();
        if self.hit.is_some() {
            rows.push(titles(&["lists", "ceiling", "random", "lists - random"]));
        }
        for (name, accuracy) in [("hit", &self.hit), ("recall", &self.recall), ("MAP", &self.map)] {
            if let Some(Accuracy { found, ceiling, random, above_random }) = accuracy {
                let cells = [found, ceiling, random, above_random].map(ToString::to_string);
                rows.push((format!("{name}@{k}"), cells.to_vec()));
            }
        }
        if let Some(pairs) = &self.category_pairs {
            rows.push(titles(&["lists", "chance", "lists / chance"]));
            let lift = pairs.lift.map_or_else(|| "–".to_owned(), |lift| lift.to_string());
            rows.push(("category pairs".to_owned(), vec![pairs.rate.to_string(), pairs.chance.to_string(), lift]));
        }
        let cells = rows.iter().flat_map(|(_, cells)| cells);
        let column = cells.map(|cell| cell.chars().count()).max().unwrap_or(0) + 2;
        for (name, cells) in rows {
            let line = cells.iter().fold(format!("  {name:<NAME$}"), |line, cell| line + &format!("{cell:<column$}"));
            writeln!(f, "{}", line.trim_end())?;
        }
        let coverage = &self.coverage;
        write!(f, "  {:<NAME$}{}, {} full", "all lists", coverage.lists, percent(coverage.full))?;
        coverage.short.iter().try_for_each(|(reason, share)| write!(f, ", {} {reason}", percent(*share)))?;
        let mean = coverage.mean_returned;
        writeln!(f, "; {mean:.2} of {} entries; {} of the catalog", self.limit, percent(coverage.catalog))?;
        self.spreads(f)
    }

    fn spreads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.price_ratio.is_none() && self.margin_gain.is_empty() {
            return Ok(());
        }
        spread(f, "", &["min", "10 %", "25 %", "median", "75 %", "90 %", "max"].map(str::to_owned), "entries")?;
        if let Some(ratios) = &self.price_ratio {
            spread(f, "price ratio", &ratios.values().map(|ratio| format!("{ratio:.3}")), &ratios.count.to_string())?;
        }
        for of_currency in &self.margin_gain {
            let name = format!("gain {}", of_currency.currency.as_deref().unwrap_or_default());
            let gain: &Distribution<String> = &of_currency.gain;
            spread(f, name.trim(), &gain.values().map(|money| cents(money).to_owned()), &gain.count.to_string())?;
        }
        Ok(())
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = [self.value, self.low, self.high].map(f64::abs).into_iter().fold(0.0, f64::max);
        let decimals = if largest > 0.0 && largest < SMALL { 6 } else { 4 };
        // A negative figure that rounds to nothing is nothing.
        let nothing = 0.5 * 0.1_f64.powi(decimals);
        let [value, low, high] = [self.value, self.low, self.high].map(|x| if x.abs() < nothing { 0.0 } else { x });
        let decimals = usize::try_from(decimals).unwrap_or_default();
        write!(f, "{value:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
    }
}

fn titles(columns: &[&str]) -> (String, Vec<String>) {
    (String::new(), columns.iter().map(ToString::to_string).collect())
}

fn spread(f: &mut fmt::Formatter<'_>, name: &str, cells: &[String; 7], count: &str) -> fmt::Result {
    write!(f, "  {name:<NAME$}")?;
    cells.iter().try_for_each(|cell| write!(f, "{cell:>QUANTILE$}"))?;
    writeln!(f, "{count:>QUANTILE$}")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Money with two decimals where it needs no more.
fn cents(money: &str) -> &str {
    money.strip_suffix("00").unwrap_or(money)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_figures_keep_their_digits_and_nothing_has_no_sign() {
        let said = |value, low, high| Estimate { value, low, high }.to_string();
        assert_eq!(said(0.5, 0.25, 1.0), "0.5000 [0.2500, 1.0000]");
        assert_eq!(said(0.000_21, 0.000_2, 0.000_3), "0.000210 [0.000200, 0.000300]");
        assert_eq!(said(-1e-9, -0.000_01, 0.02), "0.0000 [0.0000, 0.0200]");
        assert_eq!(said(0.0, 0.0, 0.0), "0.0000 [0.0000, 0.0000]");
        assert_eq!((cents("12.3400"), cents("12.3450")), ("12.34", "12.3450"));
    }
}
