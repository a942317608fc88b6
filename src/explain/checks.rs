//! Every condition of a rule for one pair of products, with the numbers that it was tested on. This file refuses to rank.

use std::fmt::Display;

use serde::Serialize;

use crate::catalog::Product;
use crate::config::Config;
use crate::job::Prepared;
use crate::plan::Service;
use crate::rules::categories::{Allowed, Categories};
use crate::rules::conditions::Conditions;
use crate::rules::{Bounds, Candidates, CurrencyScope, GroupScope, Rule, price};

/// One condition and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The key of the rule, or what is asked of every pair.
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub detail: String,
}

/// What the conditions of all pairs are tested with.
#[derive(Debug)]
pub struct Checker<'a> {
    config: &'a Config,
    night: &'a Prepared,
    categories: Categories,
    /// Per rule and category, what is allowed beside it.
    allowed: Vec<Vec<Option<Allowed>>>,
}

impl<'a> Checker<'a> {
    /// Looks the categories up once.
    #[must_use]
    pub fn new(config: &'a Config, night: &'a Prepared) -> Checker<'a> {
        let categories = Categories::new(night.catalog.products.iter().filter_map(|product| product.category.as_ref()));
        let allowed = |rule: &Rule| categories.allowed(&rule.candidates, &night.side.complements);
        let allowed = config.rules.iter().map(allowed).collect();
        Checker { config, night, categories, allowed }
    }

    /// All conditions under which a rule lets a candidate into the list of an anchor (rows of the plan), blocks included. It does when
    /// all of them hold.
    #[must_use]
    pub fn checks(&self, number: usize, anchor: usize, candidate: usize) -> Vec<Check> {
        let rule = &self.config.rules[number];
        let mut all = All(Vec::new());
        self.of_anchor(&mut all, number, anchor);
        self.of_candidate(&mut all, rule, anchor, candidate);
        self.of_pair(&mut all, number, anchor, candidate);
        all.0
    }

    fn product(&self, row: usize) -> &Product {
        &self.night.catalog.products[self.night.plan.products[row]]
    }

    fn of_anchor(&self, all: &mut All, number: usize, anchor: usize) {
        let (rule, product) = (&self.config.rules[number], self.product(anchor));
        if let Some(globs) = &rule.products.category {
            let holds = product.category.as_ref().is_some_and(|own| globs.matches(own.as_str()));
            let detail = format!("{}: one of {}", text(product.category.as_ref()), globs.patterns().join(", "));
            all.push("products", holds, detail);
        }
        self.conditions(all, "products.where", product, &rule.products.conditions);
        match self.night.plan.service[number][anchor] {
            Service::Lacks(reason) => {
                all.push("anchor", false, format!("lacks what the rule needs: {}", reason.as_str()));
            }
            _ => all.push("anchor", true, "has what the rule needs".to_owned()),
        }
    }

    fn of_candidate(&self, all: &mut All, rule: &Rule, anchor: usize, candidate: usize) {
        let product = self.product(candidate);
        all.push("another product", anchor != candidate, format!("{} beside {}", product.id, self.product(anchor).id));
        let available = match (product.in_stock, product.in_season) {
            (true, true) => "in stock, within its dates",
            (false, _) => "out of stock",
            (true, false) => "outside its dates",
        };
        all.push("available", product.is_available(), available.to_owned());
        if rule.is_visual() {
            let has_vector = candidate < self.night.plan.seen;
            all.push("vector", has_vector, if has_vector { "has one" } else { "has none" }.to_owned());
        }
        self.conditions(all, "where", product, &rule.conditions);
    }

    fn of_pair(&self, all: &mut All, number: usize, anchor: usize, candidate: usize) {
        let rule = &self.config.rules[number];
        let (a, c) = (self.product(anchor), self.product(candidate));
        if rule.currency == CurrencyScope::Same {
            all.push("currency", a.currency == c.currency, beside(c.currency.as_ref(), a.currency.as_ref()));
        }
        let categories = beside(c.category.as_ref(), a.category.as_ref());
        let (holds, asked) = (self.category_allows(number, anchor, candidate), candidates(&rule.candidates));
        all.push("candidates", holds, format!("{categories}: {asked}"));
        prices(all, rule, a, c);
        for (names, key, equal) in [(&rule.must_match, "must_match", true), (&rule.must_differ, "must_differ", false)] {
            for name in names {
                let [own, other] = [a, c].map(|product| self.night.catalog.attribute(product, name));
                let holds = own.is_some() && other.is_some() && (own == other) == equal;
                all.push(key, holds, format!("{name}: {}", beside(other, own)));
            }
        }
        let groups = &self.night.plan.lists.group;
        let is_own = groups[anchor] == groups[candidate];
        let said = if is_own { "a variant of the same product" } else { "another product's" };
        match rule.group {
            GroupScope::Other => all.push("group", !is_own, format!("{said}: `other` is wanted")),
            GroupScope::Same => all.push("group", is_own, format!("{said}: `same` is wanted")),
            GroupScope::Any => {}
        }
        let [from, to] = [anchor, candidate].map(|row| u32::try_from(row).expect("fewer than 2^32 rows"));
        if self.night.plan.merchandise.is_blocked(number, from, to) {
            all.push("block", false, "blocked by hand".to_owned());
        }
    }

    fn conditions(&self, all: &mut All, key: &str, product: &Product, conditions: &Conditions) {
        for (name, condition) in conditions.iter() {
            let value = self.night.catalog.attribute(product, name);
            all.push(key, condition.holds(value), format!("{name} is {}: {condition}", text(value)));
        }
    }

    fn category_allows(&self, number: usize, anchor: usize, candidate: usize) -> bool {
        let category = &self.night.plan.category;
        let (own, other) = (category[anchor], category[candidate]);
        let Some(allowed) = &self.allowed[number][own as usize] else { return false };
        if other == self.categories.len() {
            return allowed.uncategorized;
        }
        allowed.base.iter().any(|range| range.contains(&other)) && !allowed.except.contains(&other)
    }
}

/// The bounds on prices, tested as the plan does: in exact decimals.
fn prices(all: &mut All, rule: &Rule, anchor: &Product, candidate: &Product) {
    let none = Bounds::default();
    let only_ratio = Rule { price: none.clone(), ..rule.clone() };
    let only_price = Rule { price_ratio: none, ..rule.clone() };
    let found = match anchor.price.zip(candidate.price).and_then(|(anchor, own)| price::ratio(own, anchor)) {
        Some(ratio) => format!("{ratio:.4}"),
        None => "no ratio".to_owned(),
    };
    let ratio = format!("{} = {found}: {}", beside(candidate.price.as_ref(), anchor.price.as_ref()), rule.price_ratio);
    let own = format!("{}: {}", text(candidate.price.as_ref()), rule.price);
    let parts = [("price_ratio", &rule.price_ratio, &only_ratio, ratio), ("price", &rule.price, &only_price, own)];
    for (key, bounds, alone, detail) in parts {
        if !bounds.is_empty() {
            let prices = anchor.price.filter(|price| price.units() > 0).zip(candidate.price);
            let holds = prices.is_some_and(|(from, to)| price::allowed(alone, from).contains(&to.units()));
            all.push(key, holds, detail);
        }
    }
}

/// Conditions in the order in which they are tested.
struct All(Vec<Check>);

impl All {
    fn push(&mut self, name: &str, holds: bool, detail: String) {
        self.0.push(Check { name: name.to_owned(), holds, detail });
    }
}

fn candidates(candidates: &Candidates) -> String {
    match candidates {
        Candidates::Named(scope) => scope.as_str().to_owned(),
        Candidates::Listed(globs) => format!("one of {}", globs.patterns().join(", ")),
    }
}

fn text(value: Option<impl Display>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

/// The candidate's value and the anchor's.
fn beside(candidate: Option<impl Display>, anchor: Option<impl Display>) -> String {
    format!("{} beside {}", text(candidate), text(anchor))
}
