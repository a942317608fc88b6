//! What is allowed but probably not meant. This file refuses to end a night: a category may be empty tonight.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Category};
use crate::config::Config;
use crate::rules::Candidates;
use crate::rules::globs::Globs;

/// Warnings about tonight's catalog and rules, one line each.
#[must_use]
pub fn of(config: &Config, catalog: &Catalog) -> Vec<String> {
    let categories: BTreeSet<&str> =
        catalog.products.iter().filter_map(|p| p.category.as_ref().map(Category::as_str)).collect();
    let mut warnings = Vec::new();
    let mut check = |place: &str, key: &str, globs: &Globs| {
        for glob in globs.unmatched(categories.iter().copied()) {
            warnings.push(format!("{place}: `{glob}` in `{key}` matches no category of the catalog"));
        }
    };
    for rule in &config.rules {
        let place = format!("rule `{}`", rule.name);
        if let Some(globs) = &rule.products.category {
            check(&place, "products", globs);
        }
        if let Candidates::Listed(globs) = &rule.candidates {
            check(&place, "candidates", globs);
        }
    }
    for complement in &config.complements.configured {
        let place = format!("complements of `{}`", complement.from.patterns().join("`, `"));
        check(&place, "complements", &complement.from);
        check(&place, "complements", &complement.to);
    }
    warnings
}
