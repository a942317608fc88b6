//! Whether a rule can be meant: what needs no catalog. This room refuses to look at a product; it names the key to change.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use rust_decimal::Decimal;

use super::conditions::Condition;
use super::{Bounds, CurrencyScope, Rank, Rule};

/// Checks what rules need of each other: names of their own, and fallbacks that are there and end. Gives the index of the rule
/// that is at fault.
///
/// # Errors
/// Says which name cannot be used, and what to write instead.
pub fn validate_together(rules: &[Rule]) -> Result<(), (usize, anyhow::Error)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, rule) in rules.iter().enumerate() {
        if places.insert(&rule.name, place).is_some() {
            return Err((place, anyhow::anyhow!("two rules are named `{}`: give each its own name", rule.name)));
        }
    }
    for (start, rule) in rules.iter().enumerate() {
        let mut seen = BTreeSet::from([start]);
        let mut next = rule;
        while let Some(name) = &next.fallback {
            let said = |what: String| Err((start, anyhow::anyhow!("rule `{}`: {what}", rule.name)));
            let Some(&place) = places.get(name.as_str()) else {
                return said(format!("`fallback = \"{name}\"` names no rule: write the `name` of another rule"));
            };
            if !seen.insert(place) {
                return said(format!("`fallback = \"{name}\"` leads back to a rule before it: end the circle"));
            }
            next = &rules[place];
        }
    }
    Ok(())
}

impl Rule {
    /// Checks what needs no catalog.
    ///
    /// # Errors
    /// Says which key cannot be used, and what to write instead.
    pub fn validate(&self) -> Result<()> {
        self.validate_keys().with_context(|| format!("rule `{}`", self.name))
    }

    fn validate_keys(&self) -> Result<()> {
        ensure!(!self.name.trim().is_empty(), "`name` is empty: give the rule a short name");
        ensure!((1..=10_000).contains(&self.limit), "`limit = {}` is not within 1 and 10000", self.limit);
        for (key, bounds) in [("price_ratio", &self.price_ratio), ("price", &self.price)] {
            let all = [bounds.above, bounds.from, bounds.up_to, bounds.below];
            ensure!(all.iter().flatten().all(|b| !b.is_sign_negative()), "`{key}` has a negative bound");
            bounds.validate(key)?;
        }
        if self.currency == CurrencyScope::Any && self.has_price_condition() {
            bail!("`currency = \"any\"` cannot go with a price condition: prices are only compared in one currency");
        }
        if let Some(least) = self.min_similarity {
            ensure!((-1.0..=1.0).contains(&least), "`min_similarity = {least}` is not within -1 and 1");
            ensure!(self.is_visual(), "`min_similarity` cannot go with `similarity = \"ignore\"`");
        }
        for name in &self.must_match {
            ensure!(!self.must_differ.contains(name), "`{name}` is in both `must_match` and `must_differ`");
        }
        self.conditions.validate("where")?;
        self.products.conditions.validate("products.where")?;
        self.validate_sides()?;
        if let Some(diversity) = &self.diversity {
            ensure!(
                !diversity.max_per.is_empty(),
                "`max_per` in `diversity` is empty: name what is capped, or leave it out"
            );
            let zero = diversity.max_per.iter().find(|(_, most)| **most == 0);
            if let Some((name, _)) = zero {
                bail!("`max_per = {{ {name} = 0 }}` allows nothing: write 1 or more");
            }
        }
        if let Some(least) = self.min_results {
            ensure!((1..=self.limit).contains(&least), "`min_results = {least}` is not within 1 and `limit`");
        }
        self.rank.as_ref().map_or(Ok(()), |rank| self.validate_rank(rank))
    }

    /// Refuses conditions of both sides that no pair can meet together.
    fn validate_sides(&self) -> Result<()> {
        for (name, candidate) in self.conditions.iter() {
            let (Condition::OneOf(theirs), Some(Condition::OneOf(own))) =
                (candidate, self.products.conditions.of(name))
            else {
                continue;
            };
            let is_apart = theirs.iter().all(|value| !own.contains(value));
            if is_apart && self.must_match.iter().any(|matched| matched == name) {
                bail!("`must_match` wants one `{name}` on both sides, but `where` and `products.where` share no value");
            }
            let (all, one) = (theirs.iter().chain(own).collect::<BTreeSet<_>>(), theirs.first());
            if all.len() == 1 && self.must_differ.iter().any(|differing| differing == name) {
                let one = one.map_or("", String::as_str);
                bail!("`must_differ` wants another `{name}`, but `where` and `products.where` leave only `{one}`");
            }
        }
        Ok(())
    }

    fn validate_rank(&self, rank: &Rank) -> Result<()> {
        let fit = rank.price_fit.as_ref().map_or(0.0, |fit| fit.weight);
        let weights = [rank.similarity, fit, rank.margin, rank.complement];
        for weight in weights {
            ensure!((0.0..=1e6).contains(&weight), "a weight in `rank` is {weight}: use a number within 0 and 1000000");
        }
        ensure!(
            weights.iter().any(|&weight| weight > 0.0),
            "`rank` has no term with a weight above 0: give one, or leave `rank` out"
        );
        if let Some(fit) = &rank.price_fit {
            let best = fit.best_ratio;
            ensure!(best.is_finite() && best > 0.0, "`best_ratio = {best}` is not above 0");
        }
        if let Some(pool) = rank.pool {
            ensure!(self.is_visual(), "`pool` cannot go with `similarity = \"ignore\"`: every candidate is ranked");
            ensure!((self.limit..=100_000).contains(&pool), "`pool = {pool}` is not within `limit` and 100000");
        }
        ensure!(
            self.is_visual() || rank.similarity == 0.0,
            "`rank` weighs `similarity`, but the rule says `similarity = \"ignore\"`"
        );
        Ok(())
    }
}

impl Bounds {
    /// Refuses bounds that no number lies within; `key` is where they are written.
    ///
    /// # Errors
    /// Says which bounds contradict each other.
    pub fn validate(&self, key: &str) -> Result<()> {
        let both = |a: Option<Decimal>, b: Option<Decimal>| a.is_some() && b.is_some();
        ensure!(!both(self.above, self.from), "`{key}` has both `above` and `from`: keep one");
        ensure!(!both(self.up_to, self.below), "`{key}` has both `up_to` and `below`: keep one");
        if let (Some(low), Some(high)) = (self.above.or(self.from), self.up_to.or(self.below)) {
            let is_closed = self.from.is_some() && self.up_to.is_some();
            ensure!(low < high || (low == high && is_closed), "`{key}` is empty: nothing is {self}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GroupScope;

    fn parse(text: &str) -> Result<Rule> {
        let rule: Rule = toml::from_str(text)?;
        rule.validate().map(|()| rule)
    }

    const HEAD: &str = "name = 'r'\nrelation = 'upsell'\n";

    #[test]
    fn keys_left_out_have_the_documented_defaults() {
        let rule = parse(&format!("{HEAD}candidates = 'any'")).expect("a rule");
        assert_eq!((rule.limit, rule.pool(), rule.group), (10, 10, GroupScope::Other));
        assert!(rule.is_visual() && !rule.has_price_condition() && rule.rank.is_none());
    }

    #[test]
    fn bounds_are_the_decimals_that_were_written() {
        let rule =
            parse(&format!("{HEAD}candidates = 'any'\nprice_ratio = {{ above = 1.05, up_to = '2' }}")).expect("a rule");
        assert_eq!(rule.price_ratio.above, Some(Decimal::new(105, 2)));
        assert_eq!(rule.price_ratio.up_to, Some(Decimal::TWO));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        for (text, key) in [
            ("candidates = 'anything'", "anything"),
            ("candidates = 'any'\nlimit = 0", "limit"),
            ("candidates = 'any'\ncurrency = 'any'\nprice = { from = 5 }", "currency"),
            ("candidates = 'any'\nprice_ratio = { above = 1, from = 1 }", "above"),
            ("candidates = 'any'\nprice_ratio = { least = 1 }", "least"),
            ("candidates = 'any'\nsimilarity = 'ignore'\nmin_similarity = 0.3", "min_similarity"),
            ("candidates = 'any'\nrank = { similarity = 0.0 }", "rank"),
            ("candidates = 'any'\nmargins = 1", "margins"),
            ("candidates = 'any'\nprice = { from = 12345678901234.5678 }", "quotes"),
            ("candidates = 'any'\nprice_ratio = { above = true }", "a decimal number"),
            ("candidates = ['Je[welry/**']\nprice = { from = -1 }", "negative"),
            ("candidates = 'any'\nprice_ratio = { above = 2, up_to = 1.5 }", "`price_ratio` is empty"),
            ("candidates = 'any'\nprice = { from = 2, below = 2 }", "`price` is empty"),
            ("candidates = 'any'\nwhere = { material = [] }", "`material` in `where`"),
            ("candidates = 'any'\nproducts = { where = { stock = {} } }", "`stock` in `products.where`"),
            (
                "candidates = 'any'\nmust_match = ['m']\nwhere = { m = ['a'] }\nproducts = { where = { m = ['b'] } }",
                "share no value",
            ),
            (
                "candidates = 'any'\nmust_differ = ['m']\nwhere = { m = ['a'] }\nproducts = { where = { m = ['a'] } }",
                "leave only `a`",
            ),
            ("candidates = 'any'\ndiversity = { max_per = {} }", "`max_per`"),
            ("candidates = 'any'\ndiversity = { max_per = { brand = 0 } }", "brand = 0"),
            ("candidates = 'any'\nmin_results = 11", "`min_results = 11`"),
            ("candidates = 'any'\nrank = { margin = -1 }", "a weight in `rank` is -1"),
            ("candidates = 'any'\nrank = { margin = 0.0, complement = 0.0 }", "no term"),
        ] {
            let error = format!("{:#}", parse(&format!("{HEAD}{text}")).expect_err(text));
            assert!(error.contains(key), "{text}: {error}");
        }
    }

    #[test]
    fn rules_need_names_of_their_own_and_fallbacks_that_end() {
        let rule = |name: &str, fallback: Option<&str>| {
            let rule = parse(&format!("{HEAD}candidates = 'any'")).expect("a rule");
            Rule { name: name.to_owned(), fallback: fallback.map(str::to_owned), ..rule }
        };
        let chain = [rule("a", Some("b")), rule("b", Some("c")), rule("c", None)];
        assert!(validate_together(&chain).is_ok());
        for (rules, at, said) in [
            (vec![rule("a", None), rule("a", None)], 1, "two rules are named `a`"),
            (vec![rule("a", Some("x"))], 0, "names no rule"),
            (vec![rule("a", Some("a"))], 0, "circle"),
            (vec![rule("z", None), rule("a", Some("b")), rule("b", Some("a"))], 1, "circle"),
        ] {
            let (place, error) = validate_together(&rules).expect_err(said);
            assert!(place == at && error.to_string().contains(said), "{place}: {error}");
        }
    }
}
