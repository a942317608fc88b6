//! Conditions on the attributes of one side of a pair. This room refuses to compare two products.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, ensure};
use rust_decimal::Decimal;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::vocabulary::Bounds;

/// What must hold of a product's attributes, by the attribute's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Conditions(BTreeMap<String, Condition>);

/// What must hold of one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Condition {
    /// The value is one of these texts.
    OneOf(Vec<String>),
    /// The value is none of these texts, or there is none.
    NoneOf {
        /// The texts.
        not: Vec<String>,
    },
    /// The value is a decimal number within these bounds.
    Within(Bounds),
}

impl Conditions {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attributes that are asked for, in the order of their names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Every attribute with its condition, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Condition)> {
        self.0.iter().map(|(name, condition)| (name.as_str(), condition))
    }

    /// The condition on one attribute.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Condition> {
        self.0.get(name)
    }

    /// Checks what needs no catalog; `key` is where the conditions are written.
    ///
    /// # Errors
    /// A condition that nothing can meet, or that says nothing.
    pub fn validate(&self, key: &str) -> Result<()> {
        for (name, condition) in &self.0 {
            match condition {
                Condition::OneOf(values) | Condition::NoneOf { not: values } => {
                    ensure!(!values.is_empty(), "`{name}` in `{key}` lists no value: name one, or leave it out");
                }
                Condition::Within(bounds) => {
                    ensure!(!bounds.is_empty(), "`{name}` in `{key}` has no bound: give one, or leave it out");
                    bounds.validate(&format!("{name} in {key}"))?;
                }
            }
        }
        Ok(())
    }
}

impl Condition {
    /// Whether an attribute's value meets the condition; `None` is an empty cell.
    #[must_use]
    pub fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Condition::OneOf(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Condition::NoneOf { not } => value.is_none_or(|value| !not.iter().any(|one| one == value)),
            Condition::Within(bounds) => value.and_then(number).is_some_and(|value| bounds.contain(value)),
        }
    }

    /// The values that this condition names and none of `values` is.
    #[must_use]
    pub fn unknown<'s>(&'s self, values: &BTreeSet<&str>) -> Vec<&'s String> {
        let named = match self {
            Condition::OneOf(named) | Condition::NoneOf { not: named } => named.as_slice(),
            Condition::Within(_) => &[],
        };
        named.iter().filter(|one| !values.contains(one.as_str())).collect()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::OneOf(values) => write!(f, "one of {}", values.join(", ")),
            Condition::NoneOf { not } => write!(f, "none of {}", not.join(", ")),
            Condition::Within(bounds) => write!(f, "{bounds}"),
        }
    }
}

/// A text as the decimal number that it is.
fn number(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text.trim()).ok()
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = Condition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of values, `{ not = [...] }`, or bounds such as `{ from = 4 }`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Condition, E> {
                Ok(Condition::OneOf(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Condition, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(values)).map(Condition::OneOf)
            }

            fn visit_map<A: MapAccess<'de>>(self, keys: A) -> Result<Condition, A::Error> {
                let table = Table::deserialize(de::value::MapAccessDeserializer::new(keys))?;
                let bounds = Bounds { above: table.above, from: table.from, up_to: table.up_to, below: table.below };
                match table.not {
                    Some(_) if !bounds.is_empty() => Err(de::Error::custom("`not` cannot go with bounds: keep one")),
                    Some(not) => Ok(Condition::NoneOf { not }),
                    None => Ok(Condition::Within(bounds)),
                }
            }
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            not: Option<Vec<String>>,
            #[serde(default, deserialize_with = "super::decimal::deserialize")]
            above: Option<Decimal>,
            #[serde(default, deserialize_with = "super::decimal::deserialize")]
            from: Option<Decimal>,
            #[serde(default, deserialize_with = "super::decimal::deserialize")]
            up_to: Option<Decimal>,
            #[serde(default, deserialize_with = "super::decimal::deserialize")]
            below: Option<Decimal>,
        }
        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Conditions> {
        let conditions: Conditions = toml::from_str(text)?;
        conditions.validate("where").map(|()| conditions)
    }

    #[test]
    fn a_condition_holds_for_what_it_says() {
        let all =
            parse("a = ['x', 'y']\nb = { not = ['x'] }\nc = { from = 4, below = 5.5 }\nd = 'x'").expect("conditions");
        let holds = |name, value| all.of(name).expect("a condition").holds(value);
        assert_eq!([holds("a", Some("y")), holds("a", Some("z")), holds("a", None)], [true, false, false]);
        assert_eq!([holds("b", Some("x")), holds("b", Some("y")), holds("b", None)], [false, true, true]);
        assert_eq!([holds("c", Some("4")), holds("c", Some("5.5")), holds("c", Some("4.9x"))], [true, false, false]);
        assert_eq!([holds("c", None), holds("d", Some("x"))], [false, true]);
    }

    #[test]
    fn what_says_nothing_or_can_never_hold_is_refused() {
        for (text, said) in [
            ("a = []", "`a` in `where` lists no value"),
            ("a = { not = [] }", "lists no value"),
            ("a = {}", "has no bound"),
            ("a = { from = 3, up_to = 2 }", "a in where"),
            ("a = { not = ['x'], from = 3 }", "`not` cannot go with bounds"),
            ("a = { no = ['x'] }", "unknown field `no`"),
            ("a = 3", "a list of values"),
        ] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
