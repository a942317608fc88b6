//! What a page shows: the finished lists of one anchor, blended. This file refuses to look for a candidate.

use super::{Recommender, Served};
use crate::catalog::{Catalog, Category};
use crate::plan::{Plan, serves};
use crate::rules::Rule;
use crate::rules::placements::{Part, Placement, convention, conventional};

/// The placements of a night.
#[derive(Debug)]
pub(super) enum Pages {
    /// There are none.
    None,
    /// Those of the configuration.
    Configured(Vec<Page>),
    /// The two of the convention, and per number of a category which of them its department has.
    Convention(Box<[Page; 2]>, Vec<u8>),
}

/// One placement with its rules found.
#[derive(Debug)]
pub(super) struct Page {
    placement: Placement,
    /// Place of its name among the names of all placements.
    pub(super) name: usize,
    /// Per part of the blend, its rules in the order of their turn, and the slots that it fills first.
    parts: Vec<(Vec<usize>, usize)>,
}

/// One slot of a page: an entry of a finished list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Place of the placement's name among all.
    pub placement: usize,
    /// Counted from 1.
    pub slot: usize,
    /// Index of the rule.
    pub rule: usize,
    /// Place in the rule's list, counted from 1.
    pub rank: usize,
    /// The candidate's row.
    pub candidate: u32,
}

impl Pages {
    /// The pages of a configuration; `None` is one that names none. Gives the names of the placements too, in their order.
    pub(super) fn new(
        placements: Option<&[Placement]>,
        rules: &[Rule],
        catalog: &Catalog,
        plan: &Plan,
    ) -> (Pages, Vec<String>) {
        let conventions = convention();
        let all = placements.unwrap_or(&conventions);
        let mut names: Vec<String> = all.iter().map(|placement| placement.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let page = |placement: &Placement| Page {
            placement: placement.clone(),
            name: names.partition_point(|name| *name < placement.name),
            parts: placement.blend.iter().map(|part| (turns(part, rules), part.slots as usize)).collect(),
        };
        let pages = match placements {
            Some([]) => Pages::None,
            Some(all) => Pages::Configured(all.iter().map(page).collect()),
            None => Pages::Convention(Box::new(conventions.each_ref().map(page)), of_category(catalog, plan)),
        };
        (pages, names)
    }
}

/// Per number of a category, which page of the convention its products have.
fn of_category(catalog: &Catalog, plan: &Plan) -> Vec<u8> {
    let mut pages = vec![conventional(None); plan.categories as usize + 1];
    let mut last = plan.categories;
    for (&product, &category) in plan.products.iter().zip(&plan.category) {
        // Rows of one category come together.
        if category != last {
            let department = catalog.products[product].category.as_ref().map(Category::first_segment);
            pages[category as usize] = conventional(department);
            last = category;
        }
    }
    pages
}

/// The rules of a part, in the order of their turn.
fn turns(part: &Part, rules: &[Rule]) -> Vec<usize> {
    let belongs = |rule: &Rule| match (part.relation, &part.rule) {
        (Some(relation), _) => rule.relation == relation,
        (None, name) => name.as_ref() == Some(&rule.name),
    };
    let mut turns: Vec<usize> = (0..rules.len()).filter(|&rule| belongs(&rules[rule])).collect();
    turns.sort_by_key(|&rule: &usize| (rules[rule].priority, rule));
    turns
}

impl Recommender<'_> {
    /// Whether there is a page at all.
    #[must_use]
    pub fn has_pages(&self) -> bool {
        !matches!(self.pages, Pages::None)
    }

    /// What the pages of one anchor show, by the name of the placement, then slot; `lists` are all of its lists.
    #[must_use]
    pub fn slots(&self, anchor: usize, lists: &[Served]) -> Vec<Slot> {
        match &self.pages {
            Pages::None => Vec::new(),
            Pages::Configured(pages) => {
                let product = &self.catalog.products[self.plan.products[anchor]];
                let shows = |page: &&Page| serves(self.catalog, product, &page.placement.products);
                let mut pages: Vec<&Page> = pages.iter().filter(shows).collect();
                pages.sort_by_key(|page| page.name);
                pages.dedup_by_key(|page| page.name);
                pages.into_iter().flat_map(|page| self.blend(anchor, page, lists)).collect()
            }
            Pages::Convention(pages, of_category) => {
                let page = of_category[self.plan.category[anchor] as usize];
                self.blend(anchor, &pages[usize::from(page)], lists)
            }
        }
    }

    /// The most slots that a page has.
    pub(super) fn most_slots(&self) -> u32 {
        let pages = match &self.pages {
            Pages::None => &[][..],
            Pages::Configured(pages) => pages,
            Pages::Convention(pages, _) => &pages[..],
        };
        pages.iter().map(|page| page.placement.slots()).max().unwrap_or(0)
    }

    /// The name of a slot's placement.
    #[must_use]
    pub fn placement_name(&self, slot: &Slot) -> &str {
        &self.page_names[slot.placement]
    }

    fn blend(&self, anchor: usize, page: &Page, lists: &[Served]) -> Vec<Slot> {
        let most = page.placement.slots() as usize;
        let groups = &self.plan.lists.group;
        let mut shown: Vec<Slot> = Vec::with_capacity(most);
        let mut shown_groups: Vec<u32> = Vec::with_capacity(most);
        let bounds = page.parts.iter().map(|part| (part, part.1)).chain(page.parts.iter().map(|part| (part, most)));
        for ((rules, _), bound) in bounds {
            if shown.len() == most {
                break;
            }
            let end = most.min(shown.len() + bound);
            let lists = rules.iter().filter_map(|&rule| lists.iter().find(|list| list.rule == rule));
            for list in lists {
                for (rank, entry) in (1..).zip(&list.entries) {
                    if shown.len() == end {
                        break;
                    }
                    let candidate = entry.ranked.candidate;
                    let group = groups[candidate as usize];
                    // Variants of the anchor itself are told apart, as larger sizes are.
                    let is_shown = if group == groups[anchor] {
                        shown.iter().any(|slot| slot.candidate == candidate)
                    } else {
                        shown_groups.contains(&group)
                    };
                    if !is_shown {
                        let slot = shown.len() + 1;
                        shown.push(Slot { placement: page.name, slot, rule: list.rule, rank, candidate });
                        shown_groups.push(group);
                    }
                }
            }
        }
        shown
    }
}
