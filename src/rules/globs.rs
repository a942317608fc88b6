//! Category globs: `*` is one segment or a part of one, `**` any number of segments, also none. Everything else is literal.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

/// A list of category globs; a category matches when one of them does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Globs {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Globs {
    /// Whether the category path matches one of the globs.
    #[must_use]
    pub fn matches(&self, category: &str) -> bool {
        self.set.is_match(category)
    }

    /// The globs that match none of the category paths, as they were written.
    #[must_use]
    pub fn unmatched<'a>(&self, categories: impl Iterator<Item = &'a str>) -> Vec<&str> {
        let mut matched = vec![false; self.patterns.len()];
        for category in categories {
            self.set.matches(category).into_iter().for_each(|glob| matched[glob] = true);
        }
        self.patterns.iter().zip(matched).filter(|(_, matched)| !matched).map(|(p, _)| p.as_str()).collect()
    }

    /// The globs as they were written.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

impl TryFrom<Vec<String>> for Globs {
    type Error = String;

    fn try_from(patterns: Vec<String>) -> Result<Globs, String> {
        if patterns.is_empty() {
            return Err("a list of category globs is empty: name at least one, or leave the key out".to_owned());
        }
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            let glob = GlobBuilder::new(&translate(pattern))
                .literal_separator(true)
                .backslash_escape(false)
                .empty_alternates(true)
                .build()
                .map_err(|e| format!("category glob `{pattern}` cannot be used: {}", e.kind()))?;
            set.add(glob);
        }
        let set = set.build().map_err(|e| format!("category globs cannot be used: {e}"))?;
        Ok(Globs { patterns, set })
    }
}

impl From<Globs> for Vec<String> {
    fn from(globs: Globs) -> Vec<String> {
        globs.patterns
    }
}

/// Into globset's language, where `?`, `[`, `{` mean something and a trailing `/**` does not match nothing.
fn translate(pattern: &str) -> String {
    let segments = pattern.split(['/', '>']).map(str::trim).filter(|s| !s.is_empty()).map(escape);
    let mut segments: Vec<String> = segments.collect();
    segments.dedup_by(|a, b| a == "**" && b == "**");
    let path = segments.join("/");
    match path.strip_suffix("/**") {
        Some(head) => format!("{head}{{,/**}}"),
        None => path,
    }
}

fn escape(segment: &str) -> String {
    segment.chars().map(|c| if "?[]{}".contains(c) { format!("[{c}]") } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, category: &str) -> bool {
        Globs::try_from(vec![glob.to_owned()]).expect(glob).matches(category)
    }

    #[test]
    fn stars_count_segments() {
        assert!(matches("Jewelry/*", "Jewelry/Rings"));
        assert!(!matches("Jewelry/*", "Jewelry/Rings/Gold"));
        assert!(!matches("Jewelry/*", "Jewelry"));
        assert!(matches("Jewelry/**", "Jewelry/Rings/Gold"));
        assert!(matches("Jewelry/**", "Jewelry"));
        assert!(!matches("Jewelry/**", "Jewelry2/Rings"));
        assert!(matches("**", "Jewelry/Rings/Gold"));
        assert!(matches("**/Rings", "Rings"));
        assert!(matches("A/**/**", "A") && matches("A/**/**", "A/b"));
        assert!(matches("A/**/Z", "A/Z") && matches("A/**/Z", "A/b/c/Z"));
    }

    #[test]
    fn everything_else_is_literal() {
        assert!(matches("Bags & [more]?", "Bags & [more]?"));
        assert!(!matches("Bags?", "Bagss"));
        assert!(matches("Women > Tops {new}", "Women/Tops {new}"));
        assert!(!matches("women", "Women"));
        assert!(matches("Sale!/**", "Sale!/Hats") && matches("Wow! [x]/*", "Wow! [x]/y"));
        assert!(matches("[!x]", "[!x]") && !matches("[!x]", "y") && matches("a^b", "a^b"));
    }
}
