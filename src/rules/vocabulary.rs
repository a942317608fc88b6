//! `[[rule]]` as it is written: serde types and defaults.
//!
//! This file refuses to judge: whether a rule can be meant is said by `validate`, whether it can be met tonight by the plan.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::conditions::Conditions;
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
    /// What must hold of the candidate's own attributes.
    #[serde(default, rename = "where", skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
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
    /// At most how many entries may have one brand, category and so on.
    pub diversity: Option<Diversity>,
    /// The rule whose list fills what is free.
    pub fallback: Option<String>,
    /// A list with fewer entries is hidden.
    pub min_results: Option<u32>,
    /// Which of several rules of a relation comes first in a placement: the lowest.
    #[serde(default = "default_priority")]
    pub priority: u32,
}

fn default_limit() -> u32 {
    10
}

fn default_priority() -> u32 {
    100
}

/// What a recommendation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
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
    /// What must hold of the anchor's own attributes.
    #[serde(default, rename = "where", skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
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

impl Scope {
    /// The word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::SameCategory => "same_category",
            Scope::SameDepartment => "same_department",
            Scope::Complement => "complement",
            Scope::OtherCategory => "other_category",
            Scope::Any => "any",
        }
    }
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

    /// Whether a number lies within them.
    #[must_use]
    pub fn contain(&self, value: Decimal) -> bool {
        self.above.is_none_or(|bound| value > bound)
            && self.from.is_none_or(|bound| value >= bound)
            && self.up_to.is_none_or(|bound| value <= bound)
            && self.below.is_none_or(|bound| value < bound)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [("above", self.above), ("from", self.from), ("up to", self.up_to), ("below", self.below)];
        let given: Vec<String> =
            all.iter().filter_map(|(word, bound)| bound.map(|bound| format!("{word} {}", bound.normalize()))).collect();
        f.write_str(&given.join(", "))
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
    /// Weight of the gain as a share of the anchor's price.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub margin: f64,
    /// Weight of how well the categories complete each other.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub complement: f64,
    /// How many of the most similar entries are ranked; 5 × limit when left out.
    pub pool: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde decides the signature")]
fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

/// `[rule.diversity]`: how many entries of a list may be alike.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Diversity {
    /// The most entries of one value, by `category`, `group` or an attribute's name.
    pub max_per: BTreeMap<String, u32>,
    /// Whether a list may stay short for it.
    #[serde(default)]
    pub hard: bool,
}

/// In [`Diversity::max_per`]: the category path.
pub const CATEGORY: &str = "category";
/// In [`Diversity::max_per`]: the group of variants.
pub const GROUP: &str = "group";

impl Diversity {
    /// The attributes that caps speak of.
    pub fn attributes(&self) -> impl Iterator<Item = &String> {
        self.max_per.keys().filter(|name| *name != CATEGORY && *name != GROUP)
    }
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
            // At most so much for what caps leave out. Lists do not depend on it: what is missing is looked for one list at a time.
            None if self.diversity.is_some() => self.limit.saturating_mul(2),
            None => self.limit,
        }
    }

    /// Every attribute that the rule speaks of, in the order of its keys; some more than once.
    pub fn attributes(&self) -> impl Iterator<Item = &String> {
        let conditions = self.products.conditions.names().chain(self.conditions.names());
        let capped = self.diversity.iter().flat_map(Diversity::attributes);
        self.must_match.iter().chain(&self.must_differ).chain(conditions).chain(capped)
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
        conditions: Conditions::default(),
        group: GroupScope::Other,
        similarity: Looks::Visual,
        min_similarity: None,
        limit: default_limit(),
        rank: None,
        diversity: None,
        fallback: None,
        min_results: None,
        priority: default_priority(),
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
                margin: 0.0,
                complement: 0.0,
                pool: None,
            }),
            ..rule(Relation::Upsell, Scope::SameCategory)
        },
    ]
}
