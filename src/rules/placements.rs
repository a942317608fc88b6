//! `[[placement]]` as it is written: which lists a page shows, in which order. This room refuses to know a product.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::vocabulary::{Products, Relation, Rule};

/// The list that a page shows, blended from the lists of several rules.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The `placement` column; of several with one name the first that serves a product counts.
    pub name: String,
    /// Products that the page shows; the sum of the blend's slots when left out.
    pub slots: Option<u32>,
    /// The products whose page it is on.
    #[serde(default)]
    pub products: Products,
    /// What fills the slots, in this order.
    pub blend: Vec<Part>,
}

/// One part of a blend: the lists of a relation, or of one rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The lists of all rules of this relation, by their priority.
    pub relation: Option<Relation>,
    /// The list of the rule of this name.
    pub rule: Option<String>,
    /// The slots that it fills before the parts after it have their turn.
    #[serde(default)]
    pub slots: u32,
}

/// Slots that a page may have.
const MOST_SLOTS: u32 = 1000;

impl Placement {
    /// Products that the page shows.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots.unwrap_or_else(|| self.blend.iter().map(|part| part.slots.min(MOST_SLOTS)).sum())
    }

    /// Checks what needs no catalog.
    ///
    /// # Errors
    /// Says which key cannot be used, and what to write instead.
    pub fn validate(&self, rules: &[Rule]) -> Result<()> {
        self.validate_keys(rules).with_context(|| format!("placement `{}`", self.name))
    }

    fn validate_keys(&self, rules: &[Rule]) -> Result<()> {
        ensure!(!self.name.trim().is_empty(), "`name` is empty: give the placement a short name");
        ensure!(
            !self.blend.is_empty(),
            "`blend` is empty: name a relation or a rule, such as `{{ relation = \"upsell\" }}`"
        );
        let slots = self.slots();
        ensure!((1..=MOST_SLOTS).contains(&slots), "`slots` come to {slots}: use 1 to {MOST_SLOTS}");
        self.products.conditions.validate("products.where")?;
        for part in &self.blend {
            match (&part.relation, &part.rule) {
                (Some(_), None) => {}
                (None, Some(name)) => {
                    let is_known = rules.iter().any(|rule| rule.name == *name);
                    ensure!(is_known, "`rule = \"{name}\"` in `blend` names no rule: write the `name` of one");
                }
                _ => anyhow::bail!("a part of `blend` needs either `relation` or `rule`"),
            }
        }
        Ok(())
    }
}

/// Words of department names in which something dearer comes before what goes with it. A convention, not a finding.
const UPSELL_FIRST: [&str; 18] = [
    "electronics",
    "electronic",
    "computers",
    "computer",
    "phones",
    "phone",
    "audio",
    "cameras",
    "camera",
    "appliances",
    "appliance",
    "software",
    "plans",
    "plan",
    "subscriptions",
    "subscription",
    "warranties",
    "insurance",
];

/// The placements of a configuration that names none: cross-sell first, and upsell first.
#[must_use]
pub fn convention() -> [Placement; 2] {
    let part = |relation, slots| Part { relation: Some(relation), rule: None, slots };
    let page = |first, second| Placement {
        name: "product_page".to_owned(),
        slots: Some(8),
        products: Products::default(),
        blend: vec![part(first, 5), part(second, 3), part(Relation::Similar, 0)],
    };
    [page(Relation::CrossSell, Relation::Upsell), page(Relation::Upsell, Relation::CrossSell)]
}

/// Which of [`convention`] a product of this department has.
#[must_use]
pub fn conventional(department: Option<&str>) -> u8 {
    let mut words = department.unwrap_or_default().split(|c: char| !c.is_alphanumeric());
    u8::from(words.any(|word| UPSELL_FIRST.iter().any(|known| known.eq_ignore_ascii_case(word))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::defaults;

    fn parse(text: &str) -> Result<Placement> {
        let placement: Placement = toml::from_str(&format!("name = 'page'\n{text}"))?;
        placement.validate(&defaults()).map(|()| placement)
    }

    #[test]
    fn slots_left_out_are_those_of_the_parts() {
        let page =
            parse("blend = [{ relation = 'upsell', slots = 4 }, { rule = 'similar', slots = 2 }]").expect("a page");
        assert_eq!(page.slots(), 6);
        assert!(convention().iter().all(|page| page.validate(&defaults()).is_ok()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, said) in [
            ("blend = []", "`blend` is empty"),
            ("blend = [{ relation = 'similar' }]", "`slots` come to 0"),
            ("blend = [{ rule = 'none', slots = 3 }]", "names no rule"),
            ("blend = [{ slots = 3 }]", "either `relation` or `rule`"),
            ("blend = [{ relation = 'up', slots = 3 }]", "unknown variant `up`"),
            ("blend = [{ relation = 'upsell', slots = 3, first = true }]", "unknown field `first`"),
        ] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn electronics_and_plans_are_upsold_first() {
        for department in ["Electronics", "Home appliances", "PHONES & tablets", "Service-Plans"] {
            assert_eq!(conventional(Some(department)), 1, "{department}");
        }
        for department in [Some("Women"), Some("Plants"), Some("Phonebooks"), None] {
            assert_eq!(conventional(department), 0, "{department:?}");
        }
    }
}
