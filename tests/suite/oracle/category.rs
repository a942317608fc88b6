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

/// What goes with `own` and its weight: by the configured map where one of its keys matches `own`, else what was bought
/// with it where anything was, else its siblings, whose weight is 0. What does not go with it has no weight.
pub fn complements<'a>(
    own: &'a str,
    all: &'a [&'a str],
    map: &'a [(String, Vec<(String, f64)>)],
    bought: &'a [(&'a str, f64)],
) -> impl Fn(&str) -> Option<f64> + use<'a> {
    let values: Vec<&(String, f64)> = map.iter().filter(|(key, _)| matches(key, own)).flat_map(|(_, v)| v).collect();
    let mapped = map.iter().any(|(key, _)| matches(key, own));
    let same_department = |path: &str| department(path, all) == department(own, all);
    let another_parent = move |path: &str| same_department(path) && parent(path) != parent(own);
    let has_another_parent = all.iter().any(|path| another_parent(path));
    move |other| {
        if mapped {
            let weights = values.iter().filter(|(glob, _)| matches(glob, other)).map(|(_, weight)| *weight);
            weights.reduce(f64::max)
        } else if !bought.is_empty() {
            bought.iter().find(|(path, _)| *path == other).map(|(_, weight)| *weight)
        } else if has_another_parent {
            another_parent(other).then_some(0.0)
        } else {
            (department(other, all) == department(own, all) && other != own).then_some(0.0)
        }
    }
}

/// The path without its last segment.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
