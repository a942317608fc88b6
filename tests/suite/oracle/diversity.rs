//! Which entries fill a list under caps on what they may share. Refuses to order them.

use super::Evaluator;
use super::conditions::attribute;
use super::ranked::Scored;
use super::shop::{Diversity, OracleRule};

impl Evaluator<'_> {
    /// The entries, given in the order in which they are taken, that fill what the pins leave free, and whether a hard cap
    /// refused one.
    pub fn diverse(&self, rule: &OracleRule, pins: &[usize], entries: Vec<Scored>) -> (Vec<Scored>, bool) {
        let free = rule.limit - pins.len();
        let Some(diversity) = &rule.diversity else { return (entries.into_iter().take(free).collect(), false) };
        let mut there = pins.to_vec();
        let (mut taken, mut left_out) = (Vec::new(), Vec::new());
        for entry in entries {
            if taken.len() == free {
                break;
            }
            if self.exceeds(diversity, &there, entry.candidate) {
                left_out.push(entry);
            } else {
                there.push(entry.candidate);
                taken.push(entry);
            }
        }
        if diversity.hard {
            return (taken, !left_out.is_empty());
        }
        let more = free - taken.len();
        taken.extend(left_out.into_iter().take(more));
        (taken, false)
    }

    /// Whether a candidate beside what is there is more than a cap allows. What has no value is not limited.
    fn exceeds(&self, diversity: &Diversity, there: &[usize], candidate: usize) -> bool {
        diversity.max_per.iter().any(|(name, most)| {
            let value = self.value(candidate, name);
            let same = there.iter().filter(|&&other| self.value(other, name) == value).count();
            value.is_some() && same >= *most
        })
    }

    fn value(&self, product: usize, name: &str) -> Option<&str> {
        let product = &self.products[product];
        match name {
            "category" => product.category.as_deref(),
            "group" => product.group.as_deref(),
            _ => attribute(product, name),
        }
    }
}
