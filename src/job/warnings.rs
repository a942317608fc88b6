//! What is allowed but probably not meant. This file refuses to end a night: a category may be empty tonight.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Category};
use crate::config::Config;
use crate::plan::{Plan, Service};
use crate::rules::conditions::Conditions;
use crate::rules::globs::Globs;
use crate::rules::{Candidates, Rule};

/// What the configuration speaks of and tonight's catalog has not, one line each, rules with their line of it. Known before the
/// long work.
#[must_use]
pub fn of(config: &Config, catalog: &Catalog) -> Vec<String> {
    let mut idle = Idle {
        catalog,
        categories: catalog.products.iter().filter_map(|p| p.category.as_ref().map(Category::as_str)).collect(),
        warnings: Vec::new(),
    };
    if !config.embedding.views().is_first() && catalog.products.iter().all(|product| product.further_images.is_empty())
    {
        let warning = "`views` under `[embedding]` changes nothing: no product has a further image";
        idle.warnings.push(warning.to_owned());
    }
    let has_margins = catalog.products.iter().any(|product| product.margin.is_some());
    for (number, rule) in config.rules.iter().enumerate() {
        let place = place(config, number);
        idle.rule(&place, rule);
        if rule.rank.as_ref().is_some_and(|rank| rank.margin > 0.0) && !has_margins {
            idle.warnings
                .push(format!("{place}: `margin` in `rank` counts nothing: no product has a margin or a cost"));
        }
    }
    for page in config.placements.iter().flatten() {
        let place = format!("placement `{}`", page.name);
        idle.globs(&place, "products", page.products.category.as_ref());
        idle.conditions(&place, "products.where", &page.products.conditions);
    }
    for complement in &config.complements.configured {
        let place = format!("complements of `{}`", complement.from.patterns().join("`, `"));
        idle.globs(&place, "complements", Some(&complement.from));
        idle.globs(&place, "complements", Some(&complement.to));
    }
    idle.warnings
}

/// The rules that come to nothing under tonight's plan, one line each.
#[must_use]
pub fn of_plan(config: &Config, plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    for (number, service) in plan.service.iter().enumerate() {
        let place = place(config, number);
        if service.iter().all(|service| *service == Service::NotServed) {
            warnings.push(format!("{place}: serves no product of the catalog"));
        } else if !service.iter().any(|service| matches!(service, Service::Eligible(1..))) {
            warnings.push(format!("{place}: allows no candidate beside any product"));
        }
    }
    warnings
}

/// The file, the line and the name of a rule, as the beginning of a sentence.
fn place(config: &Config, rule: usize) -> String {
    format!("{}rule `{}`", config.place_of_rule(rule), config.rules[rule].name)
}

/// What the catalog has nothing for.
struct Idle<'a> {
    catalog: &'a Catalog,
    categories: BTreeSet<&'a str>,
    warnings: Vec<String>,
}

impl Idle<'_> {
    fn rule(&mut self, place: &str, rule: &Rule) {
        self.globs(place, "products", rule.products.category.as_ref());
        if let Candidates::Listed(globs) = &rule.candidates {
            self.globs(place, "candidates", Some(globs));
        }
        self.conditions(place, "products.where", &rule.products.conditions);
        self.conditions(place, "where", &rule.conditions);
    }

    fn globs(&mut self, place: &str, key: &str, globs: Option<&Globs>) {
        let unmatched = globs.map(|globs| globs.unmatched(self.categories.iter().copied())).unwrap_or_default();
        for glob in unmatched {
            self.warnings.push(format!("{place}: `{glob}` in `{key}` matches no category of the catalog"));
        }
    }

    fn conditions(&mut self, place: &str, key: &str, conditions: &Conditions) {
        for (name, condition) in conditions.iter() {
            let values = self.catalog.products.iter().filter_map(|product| self.catalog.attribute(product, name));
            let values: BTreeSet<&str> = values.collect();
            for value in condition.unknown(&values) {
                self.warnings.push(format!("{place}: no product has the value `{value}` of `{name}` in `{key}`"));
            }
        }
    }
}
