//! What an anchor needs and who may stand beside it, pair by pair. Refuses to look at scores, blocks and pins.

use rust_decimal::Decimal;

use super::conditions::{attribute, meets, within};
use super::shop::{Bounds, Candidates, Group, OracleRule, Similarity};
use super::{Evaluator, category};

impl Evaluator<'_> {
    /// What the anchor lacks for this rule, the first in the documented order.
    pub fn lacking(&self, rule: &OracleRule, anchor: usize) -> Option<&'static str> {
        let product = &self.products[anchor];
        if rule.similarity == Similarity::Visual && self.units[anchor].is_empty() {
            return Some("no_vector");
        }
        if rule.candidates != Candidates::Any && product.category.is_none() {
            return Some("no_category");
        }
        if has_price_condition(rule) && product.price.is_none_or(|price| price <= Decimal::ZERO) {
            return Some("no_price");
        }
        let mut named = rule.must_match.iter().chain(&rule.must_differ);
        if named.any(|name| attribute(product, name).is_none()) {
            return Some("no_attribute");
        }
        None
    }

    /// What the rule allows. The anchor lacks nothing.
    pub fn candidates(&self, rule: &OracleRule, anchor: usize) -> Vec<usize> {
        let allowed = self.allowed_categories(rule, anchor);
        let in_category = |candidate: &usize| match self.category_of[*candidate] {
            Some(category) => allowed[category],
            None => rule.candidates == Candidates::Any,
        };
        let pairs = (0..self.products.len()).filter(in_category);
        pairs.filter(|&candidate| self.eligible(rule, anchor, candidate)).collect()
    }

    /// Whether the rule allows this pair, categories apart.
    fn eligible(&self, rule: &OracleRule, anchor: usize, candidate: usize) -> bool {
        let (a, c) = (&self.products[anchor], &self.products[candidate]);
        let group = match rule.group {
            Group::Other => !self.same_group(anchor, candidate),
            Group::Same => self.same_group(anchor, candidate),
            Group::Any => true,
        };
        let currency = a.currency == c.currency || (rule.any_currency && !has_price_condition(rule));
        anchor != candidate
            && self.available[candidate]
            && (rule.similarity == Similarity::Ignore || !self.units[candidate].is_empty())
            && group
            && currency
            && price_allows(rule, a.price, c.price)
            && rule.must_match.iter().all(|name| self.attributes_are(anchor, candidate, name, true))
            && rule.must_differ.iter().all(|name| self.attributes_are(anchor, candidate, name, false))
            && meets(&rule.conditions, c)
    }

    fn attributes_are(&self, anchor: usize, candidate: usize, name: &str, equal: bool) -> bool {
        match (attribute(&self.products[anchor], name), attribute(&self.products[candidate], name)) {
            (Some(own), Some(other)) => (own == other) == equal,
            _ => false,
        }
    }

    /// Whether candidates may be of a category, category by category.
    fn allowed_categories(&self, rule: &OracleRule, anchor: usize) -> Vec<bool> {
        let all = &self.categories;
        let Some(own) = self.products[anchor].category.as_deref() else {
            return vec![rule.candidates == Candidates::Any; all.len()];
        };
        let complements = if rule.candidates == Candidates::Complement { self.complements(anchor) } else { Vec::new() };
        let allows = |place: usize| match &rule.candidates {
            Candidates::Any => true,
            Candidates::SameCategory => own == all[place],
            Candidates::OtherCategory => own != all[place],
            Candidates::SameDepartment => category::department(own, all) == category::department(all[place], all),
            Candidates::Complement => complements[place].is_some(),
            Candidates::Globs(globs) => category::matches_any(globs, all[place]),
        };
        (0..all.len()).map(allows).collect()
    }

    /// How strongly each category goes with the anchor's; `None` where it does not.
    pub fn complements(&self, anchor: usize) -> Vec<Option<f64>> {
        let Some(own) = self.products[anchor].category.as_deref() else { return vec![None; self.categories.len()] };
        let bought: &[(&str, f64)] = self.bought_together.get(own).map_or(&[], Vec::as_slice);
        let weight = category::complements(own, &self.categories, &self.shop.complements, bought);
        self.categories.iter().map(|category| weight(category)).collect()
    }
}

fn has_price_condition(rule: &OracleRule) -> bool {
    rule.price_ratio != Bounds::default() || rule.price != Bounds::default()
}

fn price_allows(rule: &OracleRule, anchor: Option<Decimal>, candidate: Option<Decimal>) -> bool {
    if !has_price_condition(rule) {
        return true;
    }
    let (Some(anchor), Some(candidate)) = (anchor, candidate) else { return false };
    within(&rule.price_ratio, anchor, candidate) && within(&rule.price, Decimal::ONE, candidate)
}
