//! Category globs: `*` is one segment or a part of one, `**` any number of segments, also none, and `\*` a star. Everything else
//! is literal.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::catalog::Category;

/// How a glob writes a star that is none of its own.
const STAR: &str = "\\*";

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

    /// The positions of the globs that match a category path, ascending.
    #[must_use]
    pub fn matching(&self, category: &str) -> Vec<usize> {
        self.set.matches(category)
    }

    /// The one path that each glob matches; `None` where a glob has a wildcard.
    #[must_use]
    pub fn literals(&self) -> Option<Vec<String>> {
        let is_literal = |pattern: &String| !pattern.replace(STAR, "").contains('*');
        let path = |pattern: &String| segments(pattern).collect::<Vec<_>>().join("/").replace(STAR, "*");
        self.patterns.iter().all(is_literal).then(|| self.patterns.iter().map(path).collect())
    }

    /// The glob that matches a category and no other.
    #[must_use]
    pub fn literal(category: &Category) -> String {
        category.as_str().replace('*', STAR)
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

fn segments(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split(['/', '>']).map(str::trim).filter(|segment| !segment.is_empty())
}

/// Into globset's language, where `?`, `[`, `{` mean something and a trailing `/**` does not match nothing.
fn translate(pattern: &str) -> String {
    let mut segments: Vec<String> = segments(pattern).map(escape).collect();
    segments.dedup_by(|a, b| a == "**" && b == "**");
    let path = segments.join("/");
    match path.strip_suffix("/**") {
        Some(head) => format!("{head}{{,/**}}"),
        None => path,
    }
}

fn escape(segment: &str) -> String {
    let mut escaped = String::with_capacity(segment.len());
    let mut rest = segment.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next_if_eq(&'*').is_some() => escaped.push_str("[*]"),
            '?' | '[' | ']' | '{' | '}' => escaped.extend(['[', c, ']']),
            _ => escaped.push(c),
        }
    }
    escaped
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

    #[test]
    fn any_category_has_a_glob_of_its_own() {
        let texts = ["Sale*", "**", "A/*/b", "a\\*b", "a\\\\*", "[*]/{x,y}?", "tail\\", "\\/x", "[!a]*", "Rings"];
        let all: Vec<Category> = texts.iter().filter_map(|text| Category::parse(text)).collect();
        for category in &all {
            let glob = Globs::literal(category);
            assert_eq!(Globs::try_from(vec![glob.clone()]).unwrap().literals().unwrap(), [category.as_str()]);
            for other in &all {
                assert_eq!(matches(&glob, other.as_str()), category == other, "{glob} {other}");
            }
        }
        assert!(matches("a\\**", "a*b") && !matches("a\\**", "ab") && matches("a\\b*", "a\\bc"));
        let literals = |patterns: &[&str]| {
            Globs::try_from(patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>()).unwrap().literals()
        };
        assert_eq!(literals(&[" A > b /", "c"]), Some(vec!["A/b".to_owned(), "c".to_owned()]));
        assert_eq!([literals(&["a", "b*"]), literals(&["a\\**"])], [None, None]);
    }
}
