//! What counts as one entry of a list, and how many a rule leaves. This room refuses to rank.
//!
//! Where variants share an entry, a link to one of them is a link to their group, and any of them in the list is a hit. Where each
//! variant is an entry of its own, as under `group = "same"`, it is linked by itself.

use crate::plan::{Plan, Service};
use crate::recommend::Recommender;
use crate::similarity::{Lists, RuleLists};

/// What an entry of an anchor's list stands for: a group, or one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    Group(u32),
    Row(u32),
}

impl Entry {
    pub(super) fn of(lists: &Lists, rule: &RuleLists, anchor: usize, row: u32) -> Entry {
        let group = lists.group[row as usize];
        if lists.collapses(rule, anchor, row as usize) { Entry::Group(group) } else { Entry::Row(row) }
    }
}

/// The rows of each group.
#[derive(Debug)]
pub(super) struct Variants {
    /// Per group, where its rows begin; one more at the end.
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl Variants {
    pub(super) fn new(groups: &[u32]) -> Variants {
        let count = groups.iter().max().map_or(0, |&last| last as usize + 1);
        let mut starts = vec![0; count + 1];
        for &group in groups {
            starts[group as usize + 1] += 1;
        }
        for group in 0..count {
            starts[group + 1] += starts[group];
        }
        let (mut next, mut rows) = (starts.clone(), vec![0; groups.len()]);
        for (row, &group) in (0..).zip(groups) {
            rows[next[group as usize]] = row;
            next[group as usize] += 1;
        }
        Variants { starts, rows }
    }

    pub(super) fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn of(&self, group: u32) -> &[u32] {
        &self.rows[self.starts[group as usize]..self.starts[group as usize + 1]]
    }
}

/// Whether the rule allows an entry in the list of an anchor, blocks included, whatever its similarity: one of its rows is enough.
pub(super) fn is_allowed(plan: &Plan, variants: &Variants, rule: usize, anchor: usize, entry: Entry) -> bool {
    if !matches!(plan.service[rule][anchor], Service::Eligible(_)) {
        return false;
    }
    let admits = |row: u32| plan.lists.admits(&plan.lists.rules[rule], anchor, row as usize);
    match entry {
        Entry::Group(group) => variants.of(group).iter().any(|&row| admits(row)),
        Entry::Row(row) => admits(row),
    }
}

/// Counts the entries that a rule leaves its anchors after blocks; keeps a mark for each group between anchors.
#[derive(Debug)]
pub(super) struct Counter {
    /// Per group, the rule and the anchor that it was last counted for.
    counted_for: Vec<(usize, usize)>,
}

impl Counter {
    pub(super) fn new(groups: usize) -> Counter {
        Counter { counted_for: vec![(usize::MAX, usize::MAX); groups] }
    }

    /// Without blocks the plan has counted them; with blocks each candidate is looked at.
    pub(super) fn count(&mut self, recommender: &Recommender<'_>, rule: usize, anchor: usize) -> usize {
        let plan = recommender.plan;
        let Service::Eligible(eligible) = plan.service[rule][anchor] else { return 0 };
        if !plan.merchandise.has_blocks(rule) {
            return eligible as usize;
        }
        let (lists, contract) = (&plan.lists, &plan.lists.rules[rule]);
        let is_new = |&row: &u32| {
            let last = &mut self.counted_for[lists.group[row as usize] as usize];
            let is_new = *last != (rule, anchor) || !lists.collapses(contract, anchor, row as usize);
            *last = (rule, anchor);
            is_new
        };
        recommender.admitted(rule, anchor).filter(is_new).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GroupScope;

    #[test]
    fn groups_have_their_rows() {
        let variants = Variants::new(&[1, 0, 1, 2]);
        assert_eq!(
            (variants.groups(), variants.of(0), variants.of(1), variants.of(2)),
            (3, &[1][..], &[0, 2][..], &[3][..])
        );
        assert_eq!(Variants::new(&[]).groups(), 0);
    }

    #[test]
    fn variants_are_one_entry_where_they_share_it() {
        let mut lists = Lists::everything(4, 4);
        lists.group = vec![0, 0, 1, 1];
        let entry = |lists: &Lists, row| Entry::of(lists, &lists.rules[0], 0, row);
        assert_eq!([1, 2, 3].map(|row| entry(&lists, row)), [Entry::Group(0), Entry::Group(1), Entry::Group(1)]);
        lists.rules[0].group = GroupScope::Any;
        assert_eq!([1, 2, 3].map(|row| entry(&lists, row)), [Entry::Row(1), Entry::Group(1), Entry::Group(1)]);
        lists.rules[0].group = GroupScope::Same;
        assert_eq!([1, 2].map(|row| entry(&lists, row)), [Entry::Row(1), Entry::Row(2)]);
    }
}
