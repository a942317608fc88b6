//! Category paths, departments, complements and globs, as the documentation words them. Text only.

/// Whether any of the globs matches the path.
pub fn matches_any(globs: &[String], path: &str) -> bool {
    globs.iter().any(|glob| matches(glob, path))
}

/// `*` stands for one segment, `**` for any number of them, also none; other segments for themselves.
pub fn matches(glob: &str, path: &str) -> bool {
    let glob: Vec<&str> = glob.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    segments_match(&glob, &path)
}

fn segments_match(glob: &[&str], path: &[&str]) -> bool {
    match (glob.split_first(), path.split_first()) {
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skipped| segments_match(rest, &path[skipped..])),
        (Some((&segment, glob)), Some((&name, path))) => {
            (segment == "*" || segment == name) && segments_match(glob, path)
        }
        (None, None) => true,
        _ => false,
    }
}

/// The first segment; where no category of the catalog is nested, the whole catalog is one department.
pub fn department<'a>(path: &'a str, all: &[&str]) -> &'a str {
    if all.iter().any(|other| other.contains('/')) { path.split('/').next().unwrap_or(path) } else { "" }
}

/// What completes `own`: by the configured map where one of its keys matches `own`, else its siblings.
pub fn complements<'a>(
    own: &'a str,
    all: &'a [&'a str],
    map: &'a [(String, Vec<String>)],
) -> impl Fn(&str) -> bool + use<'a> {
    let keys: Vec<&Vec<String>> = map.iter().filter(|(key, _)| matches(key, own)).map(|(_, globs)| globs).collect();
    let same_department = |path: &str| department(path, all) == department(own, all);
    let another_parent = move |path: &str| same_department(path) && parent(path) != parent(own);
    let has_another_parent = all.iter().any(|path| another_parent(path));
    move |other| {
        if !keys.is_empty() {
            keys.iter().any(|globs| matches_any(globs, other))
        } else if has_another_parent {
            another_parent(other)
        } else {
            department(other, all) == department(own, all) && other != own
        }
    }
}

/// The path without its last segment.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
