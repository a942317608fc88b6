//! Files that hold a table, whoever reads them: what a file is, its columns by name, its rows as delimited text, Parquet or
//! JSON Lines. This room refuses to know what a column means.

pub(crate) mod columnar;
mod day;
pub(crate) mod delimited;
mod file;
pub(crate) mod json_lines;

pub(crate) use day::day;
pub(crate) use file::{Layout, Role, TableFile};

use crate::error::Result;

/// The position of a column by its exact name, else by its name in another case and without spaces around it.
pub(crate) fn position(header: &[String], name: &str, file: &TableFile) -> Result<Option<usize>> {
    let all = |is_match: &dyn Fn(&str) -> bool| -> Vec<usize> {
        header.iter().enumerate().filter(|(_, column)| is_match(column)).map(|(index, _)| index).collect()
    };
    let mut found = all(&|column| column == name);
    if found.is_empty() {
        found = all(&|column| is_same_name(column, name));
    }
    match found[..] {
        [] => Ok(None),
        [index] => Ok(Some(index)),
        _ => {
            let columns = list(found.iter().map(|&index| &header[index]));
            Err(file.unusable(format_args!("has more than one column for `{name}`: {columns}; rename or drop one")))
        }
    }
}

/// Whether two column names differ only in case and in spaces around them.
pub(crate) fn is_same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// Names for a sentence, `` `id`, `title` ``; a long list is cut.
pub(crate) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 60;
    let names: Vec<String> = names.into_iter().map(|name| quoted(name.as_ref())).collect();
    match names.len() {
        0 => "no columns".into(),
        1..=SHOWN => names.join(", "),
        more => format!("{} and {} more", names[..SHOWN].join(", "), more - SHOWN),
    }
}

/// A text in backquotes, cut where it is too long for a line.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let line: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("`{line}{cut}`")
}
