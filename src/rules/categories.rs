//! The catalog's categories in one order, and which of them a rule allows beside an anchor's category.
//!
//! Categories are sorted by department, parent and path, so that a department, the children of one parent and a category are
//! each one range of category numbers. This file refuses to know rows, prices or stock.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use crate::catalog::Category;
use crate::rules::complements::Complements;
use crate::rules::globs::Globs;
use crate::rules::vocabulary::{Candidates, Scope};

/// All categories of a catalog, numbered in sorted order.
#[derive(Debug)]
pub struct Categories {
    paths: Vec<Category>,
    departments: Vec<Range<u32>>,
    siblings: Vec<Range<u32>>,
}

/// The candidate categories of one anchor category.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Allowed {
    /// Ranges of category numbers, ascending and apart. Anchors of many categories share one.
    pub base: Rc<[Range<u32>]>,
    /// Category numbers within `base` that are not allowed for this anchor.
    pub except: Range<u32>,
    /// Whether products without a category are allowed as well.
    pub uncategorized: bool,
}

impl Categories {
    /// Numbers the distinct categories of `all`.
    #[must_use]
    pub fn new<'a>(all: impl Iterator<Item = &'a Category>) -> Categories {
        // Many products share few categories: most of them are known before anything is sorted.
        let distinct: HashSet<&Category> = all.collect();
        let nested = distinct.iter().any(|c| c.is_nested());
        let department = |c: &Category| if nested { c.first_segment().to_owned() } else { String::new() };
        let mut paths: Vec<Category> = distinct.into_iter().cloned().collect();
        paths.sort_by_cached_key(|c| (department(c), c.parent().to_owned(), c.clone()));
        let departments = runs(&paths, department);
        let siblings = runs(&paths, |c| (department(c), c.parent().to_owned()));
        Categories { paths, departments, siblings }
    }

    /// How many categories there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.paths.len()).expect("fewer than 2^32 categories")
    }

    /// Whether no product has a category.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The path of a category number.
    #[must_use]
    pub fn path(&self, category: u32) -> &Category {
        &self.paths[category as usize]
    }

    /// The number of every category.
    #[must_use]
    pub fn numbers(&self) -> HashMap<&Category, u32> {
        self.paths.iter().zip(0..).collect()
    }

    /// The category numbers that match a list of globs, as ranges.
    #[must_use]
    pub fn matching(&self, globs: &Globs) -> Vec<Range<u32>> {
        let mut ranges = Vec::new();
        for (path, number) in self.paths.iter().zip(0..) {
            if globs.matches(path.as_str()) {
                push_merged(&mut ranges, number..number + 1);
            }
        }
        ranges
    }

    /// For each category number, and at last for products without a category, what `candidates` allows; `None` where the
    /// rule needs a category that the product lacks.
    #[must_use]
    pub fn allowed(&self, candidates: &Candidates, complements: &Complements) -> Vec<Option<Allowed>> {
        let everything = one_range(0..self.len());
        let every_category = |allowed: &dyn Fn(u32) -> Allowed| -> Vec<Option<Allowed>> {
            (0..self.len()).map(|c| Some(allowed(c))).chain([None]).collect()
        };
        match candidates {
            Candidates::Named(Scope::SameCategory) => every_category(&|c| Allowed::only(one_range(own(c)))),
            Candidates::Named(Scope::SameDepartment) => {
                let bases = shared_bases(&self.departments);
                every_category(&|c| Allowed::only(bases[c as usize].clone()))
            }
            Candidates::Named(Scope::OtherCategory) => {
                every_category(&|c| Allowed { except: own(c), ..Allowed::only(everything.clone()) })
            }
            Candidates::Named(Scope::Complement) => {
                let bases = self.complement_weights(complements).bases();
                let departments = shared_bases(&self.departments);
                every_category(&|c| match &bases[c as usize] {
                    Some(base) => Allowed::only(base.clone()),
                    None => Allowed { except: self.not_siblings(c), ..Allowed::only(departments[c as usize].clone()) },
                })
            }
            Candidates::Named(Scope::Any) => {
                let all = Allowed { uncategorized: true, ..Allowed::only(everything) };
                vec![Some(all); self.paths.len() + 1]
            }
            Candidates::Listed(globs) => {
                let base: Rc<[Range<u32>]> = self.matching(globs).into();
                every_category(&|_| Allowed::only(base.clone()))
            }
        }
    }

    /// What is not a sibling category: the children of the own parent, or, where the department has no other parent, the
    /// own category.
    fn not_siblings(&self, category: u32) -> Range<u32> {
        let parent = &self.siblings[category as usize];
        if *parent == self.departments[category as usize] { own(category) } else { parent.clone() }
    }
}

/// Per category, the range of its run as a shared base.
fn shared_bases(runs: &[Range<u32>]) -> Vec<Rc<[Range<u32>]>> {
    let mut shared: HashMap<Range<u32>, Rc<[Range<u32>]>> = HashMap::new();
    runs.iter().map(|run| shared.entry(run.clone()).or_insert_with(|| one_range(run.clone())).clone()).collect()
}

impl Allowed {
    fn only(base: Rc<[Range<u32>]>) -> Allowed {
        Allowed { base, except: 0..0, uncategorized: false }
    }
}

fn own(category: u32) -> Range<u32> {
    category..category + 1
}

fn one_range(range: Range<u32>) -> Rc<[Range<u32>]> {
    std::iter::once(range).collect()
}

/// Appends a range that starts no earlier than the last one, merging neighbors and overlaps.
pub fn push_merged(ranges: &mut Vec<Range<u32>>, next: Range<u32>) {
    match ranges.last_mut() {
        Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
        _ if next.is_empty() => {}
        _ => ranges.push(next),
    }
}

/// For each element of a sorted slice, the range of the elements that share its key.
fn runs<K: PartialEq>(paths: &[Category], key: impl Fn(&Category) -> K) -> Vec<Range<u32>> {
    let mut all = Vec::with_capacity(paths.len());
    for run in paths.chunk_by(|a, b| key(a) == key(b)) {
        let start = u32::try_from(all.len()).expect("fewer than 2^32 categories");
        let end = start + u32::try_from(run.len()).expect("fewer than 2^32 categories");
        all.extend(run.iter().map(|_| start..end));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categories(paths: &[&str]) -> Categories {
        let parsed: Vec<Category> = paths.iter().filter_map(|p| Category::parse(p)).collect();
        Categories::new(parsed.iter())
    }

    fn names(all: &Categories, scope: Scope, anchor: &str) -> Vec<String> {
        let number = all.numbers()[&Category::parse(anchor).expect("a path")];
        let allowed = all.allowed(&Candidates::Named(scope), &Complements::default())[number as usize]
            .clone()
            .expect("has a category");
        let mut names: Vec<String> = (allowed.base.iter().cloned().flatten())
            .filter(|c| !allowed.except.contains(c))
            .map(|c| all.path(c).to_string())
            .collect();
        names.sort();
        names
    }

    const SHOP: [&str; 6] = [
        "Women/Tops/Tees",
        "Women/Tops/Bras",
        "Women/Bottoms/Pants",
        "Gear/Bags",
        "Gear/Watches",
        "Women/Tops/Tees/Long",
    ];

    #[test]
    fn siblings_are_the_departments_categories_under_another_parent() {
        let shop = categories(&SHOP);
        let tees = names(&shop, Scope::Complement, "Women/Tops/Tees");
        assert_eq!(tees, ["Women/Bottoms/Pants", "Women/Tops/Tees/Long"]);
        assert_eq!(names(&shop, Scope::Complement, "Gear/Bags"), ["Gear/Watches"]);
    }

    #[test]
    fn a_flat_catalog_is_one_department() {
        let shop = categories(&["Hat", "Dress", "Shoes"]);
        assert_eq!(names(&shop, Scope::SameDepartment, "Hat"), ["Dress", "Hat", "Shoes"]);
        assert_eq!(names(&shop, Scope::Complement, "Hat"), ["Dress", "Shoes"]);
        let mixed = categories(&["Hat", "Dress", "Home/Lamps"]);
        assert_eq!(names(&mixed, Scope::SameDepartment, "Hat"), ["Hat"]);
    }

    #[test]
    fn any_includes_products_without_a_category() {
        let shop = categories(&SHOP);
        let any = shop.allowed(&Candidates::Named(Scope::Any), &Complements::default());
        assert!(any.last().is_some_and(|last| last.as_ref().is_some_and(|a| a.uncategorized)));
        let other = shop.allowed(&Candidates::Named(Scope::OtherCategory), &Complements::default());
        assert!(other.last().is_some_and(Option::is_none));
    }
}
