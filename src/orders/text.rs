//! The learned map as a person reads it and pastes it into `twinset.toml`. This room refuses to round a weight.

use std::fmt::Write;

use super::Learned;
use crate::catalog::Category;
use crate::rules::globs::Globs;

/// A `[complements]` table. Support and lift stand above each key.
pub(super) fn to_toml(learned: &Learned) -> String {
    let mut text = format!(
        "# Categories that were bought together in {} orders, as twinset uses them where `[complements]` has no key for a\n\
         # category. Support is the share of the orders that have both, lift how many times as often one is beside the other as it\n\
         # is beside anything, less where the orders are few.\n\
         [complements]\n",
        learned.orders
    );
    for (category, all) in &learned.by_category {
        let said = all.iter().map(|b| {
            format!("{} ({} orders, support {:.4}, lift {:.2})", line(&b.category), b.orders, b.support, b.lift)
        });
        let weights = all.iter().map(|b| format!("{} = {:?}", key(&b.category), b.weight));
        let (said, weights) = (said.collect::<Vec<_>>().join(", "), weights.collect::<Vec<_>>().join(", "));
        write!(text, "\n# {}: {said}\n{} = {{ {weights} }}\n", line(category), key(category)).expect("memory takes it");
    }
    text
}

/// The category as a comment may have it.
fn line(category: &Category) -> String {
    category.as_str().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The glob of the category alone, as a quoted key.
fn key(category: &Category) -> String {
    let mut key = String::from("\"");
    for c in Globs::literal(category).chars() {
        match c {
            '"' | '\\' => key.extend(['\\', c]),
            c if c.is_control() => write!(key, "\\u{:04X}", u32::from(c)).expect("memory takes it"),
            c => key.push(c),
        }
    }
    key.push('"');
    key
}
