//! An explanation for a person to read. This file refuses to add to what it is given.

use std::fmt;

use super::{About, EntryExplained, Explanation, PairExplained, RuleExplained};
use crate::rules::rank::Term;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.product)?;
        if let Some(candidate) = &self.candidate {
            writeln!(f, "{candidate}")?;
        }
        self.rules.iter().try_for_each(|rule| rule.fmt(f))?;
        if let Some(first) = self.placements.first() {
            writeln!(f, "\npage {}", first.placement)?;
        }
        for (at, slot) in self.placements.iter().enumerate() {
            if at > 0 && slot.placement != self.placements[at - 1].placement {
                writeln!(f, "\npage {}", slot.placement)?;
            }
            writeln!(f, "{:>4}  {}  (rule {}, rank {})", slot.slot, slot.id, slot.rule, slot.rank)?;
        }
        Ok(())
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = [self.title.as_deref(), self.category.as_deref(), self.price.as_deref(), self.currency.as_deref()];
        let known: Vec<&str> = known.into_iter().flatten().collect();
        write!(f, "{}  {}", self.id, known.join(", "))?;
        write!(f, "{}", if self.available { "" } else { ", not available tonight" })?;
        write!(f, "{}", if self.has_vector { "" } else { ", no vector" })
    }
}

impl fmt::Display for RuleExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nrule {} ({}): ", self.rule, self.relation)?;
        if !self.served {
            return writeln!(f, "does not serve this product");
        }
        let short = self.shortfall_reason.map_or_else(String::new, |reason| format!(", short: {reason}"));
        writeln!(f, "{} eligible, up to {}{short}", self.eligible, self.limit)?;
        self.entries.iter().try_for_each(|entry| entry.fmt(f))?;
        if !self.misses.is_empty() {
            writeln!(f, "  not in the list:")?;
        }
        for miss in &self.misses {
            let similarity = miss.similarity.map_or_else(String::new, |value| format!("  similarity {value:.4}"));
            writeln!(f, "      {}{similarity}: {}", miss.id, miss.why)?;
        }
        self.pair.iter().try_for_each(|pair| pair.fmt(f))
    }
}

impl fmt::Display for EntryExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}  {}", self.rank, self.id)?;
        if self.origin != "rule" {
            write!(f, "  ({})", self.origin)?;
        }
        scores(f, self.similarity, self.score, &self.terms)?;
        let price = self.price.as_ref().map_or_else(String::new, |price| format!("  price {price}"));
        let ratio = self.price_ratio.map_or_else(String::new, |ratio| format!(" ({ratio:.4} times)"));
        let gain = self.margin_gain.as_ref().map_or_else(String::new, |gain| format!("  gain {gain}"));
        writeln!(f, "{price}{ratio}{gain}")
    }
}

impl fmt::Display for PairExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "  {}  {:<16}{}", if check.holds { "yes" } else { "NO " }, check.name, check.detail)?;
        }
        write!(f, "  {}", self.verdict)?;
        scores(f, self.similarity, self.score, &self.terms)?;
        if let Some([own, its]) = self.views {
            write!(f, "  (view {own} beside its view {its})")?;
        }
        writeln!(f)
    }
}

fn scores(f: &mut fmt::Formatter<'_>, similarity: Option<f32>, score: Option<f32>, terms: &[Term]) -> fmt::Result {
    if let Some(similarity) = similarity {
        write!(f, "  similarity {similarity:.4}")?;
    }
    if let Some(score) = score.filter(|_| !terms.is_empty()) {
        let term = |term: &Term| {
            let value = term.value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.4}"));
            format!("{} {value} × {}", term.name, term.weight)
        };
        let terms: Vec<String> = terms.iter().map(term).collect();
        write!(f, "  score {score:.4} ({})", terms.join(", "))?;
    }
    Ok(())
}
