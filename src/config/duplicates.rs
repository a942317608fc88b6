//! `[duplicates]`: which products of other groups are listed as nearly the same picture. This file refuses to look for them.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

/// The least similarity where the configuration names none. `docs/duplicates.md` has the figures behind it.
const MIN_SIMILARITY: f32 = 0.9;

/// Entries of a product where the configuration does not say.
const LIMIT: u32 = 10;

/// What counts as nearly the same picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Duplicates {
    /// The least canonical score of two products that are listed, above 0 and at most 1.
    pub min_similarity: f32,
    /// Entries that a product may have, 1 to 1,000.
    pub limit: u32,
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    enabled: Option<bool>,
    min_similarity: Option<f32>,
    limit: Option<u32>,
}

impl Section {
    /// What the section asks for, if it asks for anything.
    pub(super) fn resolve(&self, by_image: bool) -> anyhow::Result<Option<Duplicates>> {
        let min_similarity = self.min_similarity.unwrap_or(MIN_SIMILARITY);
        let is_possible = min_similarity > 0.0 && min_similarity <= 1.0;
        ensure!(is_possible, "`min_similarity = {min_similarity}` under `[duplicates]` is not above 0 and at most 1");
        let limit = self.limit.unwrap_or(LIMIT);
        ensure!((1..=1_000).contains(&limit), "`limit = {limit}` under `[duplicates]` is not within 1 and 1,000");
        // Whoever writes a key means it, and vectors of a column have no default that was measured.
        ensure!(
            by_image || self.enabled.is_some() || (self.min_similarity, self.limit) == (None, None),
            "`[duplicates]` is off with `kind = \"column\"`: write `enabled = true` under it, with a `min_similarity` for these vectors"
        );
        Ok(self.enabled.unwrap_or(by_image).then_some(Duplicates { min_similarity, limit }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(section: &str, by_image: bool) -> anyhow::Result<Option<Duplicates>> {
        toml::from_str::<Section>(section).expect("a section").resolve(by_image)
    }

    #[test]
    fn pictures_are_compared_unless_it_is_said_and_vectors_of_a_column_only_then() {
        let usual = Some(Duplicates { min_similarity: MIN_SIMILARITY, limit: LIMIT });
        assert_eq!(resolved("", true).unwrap(), usual);
        assert_eq!(resolved("enabled = false\nlimit = 3", true).unwrap(), None);
        assert_eq!(resolved("", false).unwrap(), None);
        assert_eq!(resolved("enabled = true", false).unwrap(), usual);
        let said = Some(Duplicates { min_similarity: 1.0, limit: 1_000 });
        assert_eq!(resolved("min_similarity = 1\nlimit = 1000", true).unwrap(), said);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_even_where_it_is_off() {
        for (section, expected) in [
            ("min_similarity = 0", "`min_similarity = 0`"),
            ("min_similarity = 1.01", "not above 0 and at most 1"),
            ("min_similarity = nan", "not above 0 and at most 1"),
            ("enabled = false\nlimit = 0", "`limit = 0`"),
            ("limit = 1001", "not within 1 and 1,000"),
        ] {
            let error = resolved(section, true).expect_err(section).to_string();
            assert!(error.contains(expected), "{section}: {error}");
        }
        let error = resolved("limit = 3", false).expect_err("a key without a switch").to_string();
        assert!(error.contains("write `enabled = true`"), "{error}");
    }
}
