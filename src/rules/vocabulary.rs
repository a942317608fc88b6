//! `[[rule]]` as it is written: serde types, defaults, and the checks that need no catalog.
//!
//! This file refuses to know a product: whether a rule can be met tonight is the plan's business.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use rust_decimal::Decimal;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::globs::Globs;

/// One rule: for the products it serves, which candidates it allows and how it orders them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique name; the `rule` column.
    pub name: String,
    /// What the recommendation means.
    pub relation: Relation,
    /// The anchors that the rule serves.
    #[serde(default)]
    pub products: Products,
    /// Where candidates come from.
    pub candidates: Candidates,
    /// Candidate's price / anchor's price.
    #[serde(default)]
    pub price_ratio: Bounds,
    /// The candidate's price.
    #[serde(default)]
    pub price: Bounds,
    /// Whether a candidate may be priced in another currency.
    #[serde(default)]
    pub currency: CurrencyScope,
    /// Attributes that must be equal to the anchor's.
    #[serde(default)]
    pub must_match: Vec<String>,
    /// Attributes that must be different from the anchor's.
    #[serde(default)]
    pub must_differ: Vec<String>,
    /// Which variants may be recommended.
    #[serde(default)]
    pub group: GroupScope,
    /// Whether looks count.
    #[serde(default)]
    pub similarity: Looks,
    /// The lowest rounded similarity that may be in the list, inclusive.
    pub min_similarity: Option<f32>,
    /// Entries a list may have.
    #[serde(default = "default_limit")]
    pub limit: u32,
    /// How the most similar entries are ordered; by similarity alone when left out.
    pub rank: Option<Rank>,
}

fn default_limit() -> u32 {
    10
}

/// What a recommendation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Looks alike.
    Similar,
    /// Goes with it.
    CrossSell,
    /// A better one instead.
    Upsell,
}

impl Relation {
    /// The text of the `relation` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Similar => "similar",
            Relation::CrossSell => "cross_sell",
            Relation::Upsell => "upsell",
        }
    }
}

/// The anchors that a rule serves; all when empty.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Products {
    /// Category globs.
    pub category: Option<Globs>,
}

/// Where candidates come from.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Candidates {
    /// One of the named scopes.
    Named(Scope),
    /// Category globs.
    Listed(Globs),
}

/// The named scopes of `candidates`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The same full category path.
    SameCategory,
    /// The same first segment; the whole catalog where no category is nested.
    SameDepartment,
    /// What goes with the anchor's category: the configured map, else orders, else siblings.
    Complement,
    /// Any other category of the catalog.
    OtherCategory,
    /// Everything, also products without a category.
    Any,
}

impl Candidates {
    /// Whether a product without a category can be neither anchor nor candidate.
    #[must_use]
    pub fn speaks_of_categories(&self) -> bool {
        !matches!(self, Candidates::Named(Scope::Any))
    }
}

impl<'de> Deserialize<'de> for Candidates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Candidates;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "`same_category`, `same_department`, `complement`, `other_category`, `any` or a list of category globs",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Candidates, E> {
                let name = de::value::StrDeserializer::<E>::new(text);
                Scope::deserialize(name).map(Candidates::Named).map_err(|_| {
                    E::custom(format!(
                        "unknown candidates `{text}`, expected {}",
                        "`same_category`, `same_department`, `complement`, `other_category`, `any` or a list of globs"
                    ))
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, globs: A) -> Result<Candidates, A::Error> {
                Globs::deserialize(de::value::SeqAccessDeserializer::new(globs)).map(Candidates::Listed)
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// Bounds on a price or a price ratio: `above` >, `from` ≥, `up_to` ≤, `below` <.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Greater than.
    #[serde(default, with = "super::decimal", skip_serializing_if = "Option::is_none")]
    pub above: Option<Decimal>,
    /// Greater than or equal to.
    #[serde(default, with = "super::decimal", skip_serializing_if = "Option::is_none")]
    pub from: Option<Decimal>,
    /// Less than or equal to.
    #[serde(default, with = "super::decimal", skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Decimal>,
    /// Less than.
    #[serde(default, with = "super::decimal", skip_serializing_if = "Option::is_none")]
    pub below: Option<Decimal>,
}

impl Bounds {
    /// Whether there is no bound at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Bounds::default()
    }
}

/// Whether a candidate may be priced in another currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CurrencyScope {
    /// Only the anchor's currency.
    #[default]
    Same,
    /// Any currency; such a rule cannot have a price condition.
    Any,
}

/// Which variants may be recommended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupScope {
    /// Only other groups, each by its most similar eligible variant.
    #[default]
    Other,
    /// Only the anchor's own group, every variant an entry of its own.
    Same,
    /// Other groups by their most similar variant, and the variants of the own group.
    Any,
}

/// Whether looks count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Looks {
    /// By the similarity of the vectors.
    #[default]
    Visual,
    /// Not at all: warranties and add-ons.
    Ignore,
}

/// `[rule.rank]`: the weighted mean that orders the most similar entries.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rank {
    /// Weight of the similarity.
    #[serde(default)]
    pub similarity: f64,
    /// Weight and peak of the price fit.
    pub price_fit: Option<PriceFit>,
    /// How many of the most similar entries are ranked; 5 × limit when left out.
    pub pool: Option<u32>,
}

/// `exp(-(ln(r / best_ratio))² / (2 s²))` with s = ln 1.2 and r the candidate's price / the anchor's price.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PriceFit {
    /// Weight of the term.
    pub weight: f64,
    /// The ratio that fits best.
    pub best_ratio: f64,
}

impl Rule {
    /// Entries that an engine must find: `limit`, or the pool that the rank reorders.
    #[must_use]
    pub fn pool(&self) -> u32 {
        match &self.rank {
            Some(rank) => rank.pool.unwrap_or(self.limit.saturating_mul(5)).max(self.limit),
            None => self.limit,
        }
    }

    /// Whether a price decides who is eligible.
    #[must_use]
    pub fn has_price_condition(&self) -> bool {
        !self.price_ratio.is_empty() || !self.price.is_empty()
    }

    /// Whether an engine has to compare vectors.
    #[must_use]
    pub fn is_visual(&self) -> bool {
        self.similarity == Looks::Visual
    }

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
            let both = |a: Option<Decimal>, b: Option<Decimal>| a.is_some() && b.is_some();
            ensure!(!both(bounds.above, bounds.from), "`{key}` has both `above` and `from`: keep one");
            ensure!(!both(bounds.up_to, bounds.below), "`{key}` has both `up_to` and `below`: keep one");
            let all = [bounds.above, bounds.from, bounds.up_to, bounds.below];
            ensure!(all.iter().flatten().all(|b| !b.is_sign_negative()), "`{key}` has a negative bound");
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
        self.rank.as_ref().map_or(Ok(()), |rank| self.validate_rank(rank))
    }

    fn validate_rank(&self, rank: &Rank) -> Result<()> {
        let fit = rank.price_fit.as_ref().map_or(0.0, |fit| fit.weight);
        for weight in [rank.similarity, fit] {
            ensure!((0.0..=1e6).contains(&weight), "a weight in `rank` is {weight}: use a number within 0 and 1000000");
        }
        ensure!(rank.similarity + fit > 0.0, "`rank` has no term with a weight above 0: give one, or leave `rank` out");
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

/// The rules of a configuration that names none. Conventions, not facts: `notes` in the README say so.
#[must_use]
pub fn defaults() -> Vec<Rule> {
    let rule = |relation: Relation, scope| Rule {
        name: relation.as_str().to_owned(),
        relation,
        products: Products::default(),
        candidates: Candidates::Named(scope),
        price_ratio: Bounds::default(),
        price: Bounds::default(),
        currency: CurrencyScope::Same,
        must_match: Vec::new(),
        must_differ: Vec::new(),
        group: GroupScope::Other,
        similarity: Looks::Visual,
        min_similarity: None,
        limit: default_limit(),
        rank: None,
    };
    let ratio = |above, up_to| Bounds { above, up_to, ..Bounds::default() };
    vec![
        rule(Relation::Similar, Scope::SameDepartment),
        Rule { price_ratio: ratio(None, Some(Decimal::new(105, 2))), ..rule(Relation::CrossSell, Scope::Complement) },
        Rule {
            price_ratio: ratio(Some(Decimal::ONE), Some(Decimal::TWO)),
            rank: Some(Rank {
                similarity: 1.0,
                price_fit: Some(PriceFit { weight: 0.3, best_ratio: 1.25 }),
                pool: None,
            }),
            ..rule(Relation::Upsell, Scope::SameCategory)
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            let error = format!("{:#}", parse(&format!("{HEAD}{text}")).expect_err(text));
            assert!(error.contains(key), "{text}: {error}");
        }
    }
}
