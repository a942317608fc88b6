//! The lists of one tile while they fill: insertion in the one total order, and the score below which nothing can matter.

use super::Entry;
use super::lists::{ListCaps, Lists, NO_CODE, NO_LIST};

/// The lists of the rows of one tile.
#[derive(Debug)]
pub(super) struct TileLists {
    first_row: usize,
    rules: usize,
    lists: Vec<OpenList>,
    /// Per list, a canonical score that its entries are known to reach: nothing below it can matter.
    floors: Vec<f32>,
    /// Per list, whether nothing behind its last entry matters although it has fewer than K; empty where no rule has caps.
    closed: Vec<bool>,
}

/// One list while it fills: at most K entries, the best first.
#[derive(Debug, Default)]
struct OpenList {
    entries: Vec<Held>,
}

/// An entry with what its place depends on.
#[derive(Clone, Copy, Debug)]
struct Held {
    row: u32,
    score: f32,
    /// The group that the entry stands for, or [`ALONE`].
    group: u32,
    /// What the list's first cap counts, so that it is counted without a look elsewhere; [`NO_CODE`] where there is none.
    value: u32,
}

/// In [`Held::group`]: variants do not compete.
const ALONE: u32 = u32::MAX;

impl Held {
    fn entry(&self) -> Entry {
        Entry { row: self.row, score: self.score }
    }

    #[expect(clippy::float_cmp, reason = "scores tie when they are the same number; then the id decides")]
    fn precedes(&self, other: &Held, id_rank: &[u32]) -> bool {
        let id = |held: &Held| id_rank[held.row as usize];
        self.score > other.score || (self.score == other.score && id(self) < id(other))
    }
}

impl TileLists {
    pub(super) fn new(lists: &Lists, rows: std::ops::Range<usize>) -> TileLists {
        let rules = lists.rules.len();
        let least = rows.clone().flat_map(|_| lists.rules.iter().map(|rule| rule.min_score));
        TileLists {
            first_row: rows.start,
            rules,
            lists: std::iter::repeat_with(OpenList::default).take(rows.len() * rules).collect(),
            floors: least.collect(),
            closed: if lists.rules.iter().any(|rule| rule.caps.is_some()) {
                vec![false; rows.len() * rules]
            } else {
                Vec::new()
            },
        }
    }

    /// The lowest canonical score that could still enter the list of a row that has one.
    pub(super) fn threshold(&self, lists: &Lists, row: usize, rule: usize) -> f32 {
        let at = self.at(row, rule);
        let entries = &self.lists[at].entries;
        let last = entries.last().filter(|_| self.is_full(lists, row, rule));
        last.map_or(self.floors[at], |last| last.score.max(self.floors[at]))
    }

    /// Whether nothing behind the last entry of a list matters any more.
    pub(super) fn is_full(&self, lists: &Lists, row: usize, rule: usize) -> bool {
        let at = self.at(row, rule);
        self.lists[at].entries.len() >= lists.rules[rule].k || self.closed.get(at).is_some_and(|closed| *closed)
    }

    /// Lets nothing below `at_least` into the list any more.
    ///
    /// Exact when K entries that the list may hold at once (of different groups, where variants compete) have at least this
    /// canonical score, whether they have been offered or not: they still enter, as do ties.
    pub(super) fn raise(&mut self, row: usize, rule: usize, at_least: f32) {
        let at = self.at(row, rule);
        self.floors[at] = self.floors[at].max(at_least);
    }

    /// Offers a pair to a list of `anchor`; returns whether it entered. A pair that was offered before changes nothing.
    pub(super) fn offer(&mut self, lists: &Lists, rule: usize, anchor: usize, candidate: usize, score: f32) -> bool {
        let contract = &lists.rules[rule];
        debug_assert_ne!(contract.scope[anchor], NO_LIST);
        debug_assert_ne!(lists.group[candidate], ALONE);
        let at = self.at(anchor, rule);
        if score < self.floors[at] {
            return false;
        }
        let caps = contract.caps.as_ref().and_then(|caps| Some((caps, caps.enough?)));
        let held = Held {
            row: u32::try_from(candidate).expect("fewer than 2^32 rows"),
            score,
            group: if lists.collapses(contract, anchor, candidate) { lists.group[candidate] } else { ALONE },
            value: caps.and_then(|(caps, _)| caps.columns.first()).map_or(NO_CODE, |cap| lists.codes[cap.0][candidate]),
        };
        let list = &mut self.lists[at];
        match caps {
            Some(caps) => list.insert_within(held, contract.k, caps, lists, &mut self.closed[at]),
            None => list.insert(held, contract.k, &lists.id_rank),
        }
    }

    /// The entries of a list as it is now.
    pub(super) fn entries(&self, row: usize, rule: usize) -> Vec<Entry> {
        self.lists[self.at(row, rule)].entries.iter().map(Held::entry).collect()
    }

    /// Whether a finished list has fewer entries than [`Self::raise`] was promised.
    pub(super) fn is_below_floor(&self, lists: &Lists, row: usize, rule: usize) -> bool {
        let (number, at, rule) = (rule, self.at(row, rule), &lists.rules[rule]);
        self.floors[at] > rule.min_score && !self.is_full(lists, row, number)
    }

    /// The finished lists, in the order of rows, then rules.
    pub(super) fn finish(self) -> Vec<Vec<Entry>> {
        self.lists.into_iter().map(|list| list.entries.iter().map(Held::entry).collect()).collect()
    }

    fn at(&self, row: usize, rule: usize) -> usize {
        (row - self.first_row) * self.rules + rule
    }
}

impl OpenList {
    /// Inserts as [`Self::insert`] does, and lets go what is behind as many entries within the caps as are enough. It stays out for
    /// good (`closed`), so that a list is always the beginning of what was offered: up to the last of these entries, or to K.
    fn insert_within(
        &mut self,
        new: Held,
        k: usize,
        (caps, enough): (&ListCaps, usize),
        lists: &Lists,
        closed: &mut bool,
    ) -> bool {
        let last = self.entries.last().filter(|_| *closed);
        if last.is_some_and(|last| !new.precedes(last, &lists.id_rank)) {
            return false;
        }
        let before = self.entries.len();
        if !self.insert(new, k, &lists.id_rank) {
            return false;
        }
        if *closed && before < k {
            // The last one was the last within the caps that was needed. A variant that made way had the values of the new one.
            let exceed = |list: &OpenList, of: &Held| {
                let entries = list.entries.iter().map(|held| (held.row, held.value));
                caps.exceed(&lists.codes, (of.row, of.value), &entries)
            };
            if self.entries.len() > before && !exceed(self, &new) {
                self.entries.pop();
            }
            while self.entries.len() > enough && self.entries.last().is_some_and(|last| exceed(self, last)) {
                self.entries.pop();
            }
            return true;
        }
        if self.entries.len() < enough {
            return true;
        }
        let reach = caps.reach(&lists.codes, enough, self.entries.iter().map(|held| held.row));
        self.entries.truncate(reach.unwrap_or(k));
        *closed |= reach.is_some() || self.entries.len() == k;
        true
    }

    fn insert(&mut self, new: Held, k: usize, id_rank: &[u32]) -> bool {
        let full = self.entries.len() >= k;
        if full && self.entries.last().is_none_or(|last| !new.precedes(last, id_rank)) {
            return false;
        }
        let place = self.entries.partition_point(|held| held.precedes(&new, id_rank));
        if self.entries.get(place).is_some_and(|held| held.row == new.row) {
            return false;
        }
        if new.group != ALONE
            && let Some(at) = self.entries.iter().position(|held| held.group == new.group)
        {
            if !new.precedes(&self.entries[at], id_rank) {
                return false;
            }
            self.entries.remove(at);
        }
        if self.entries.len() == k {
            self.entries.pop();
        }
        if self.entries.len() == self.entries.capacity() {
            // Doubling, but never beyond K: there are millions of lists.
            self.entries.reserve_exact(self.entries.len().max(4).min(k - self.entries.len()));
        }
        // Whatever left the list was behind this place.
        self.entries.insert(place, new);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::GroupScope;
    use crate::similarity::lists::NO_PRICE;
    use crate::similarity::{RefusedPairs, RuleLists};

    /// One anchor, row 0 of group 0, and a candidate per group.
    fn one_list(groups: &[u32], scope: GroupScope, k: usize, min_score: f32) -> Lists {
        let rows = groups.len() + 1;
        let n = u32::try_from(rows).unwrap();
        Lists {
            id_rank: (0..n).rev().collect(),
            group: std::iter::once(0).chain(groups.iter().copied()).collect(),
            price_rank: vec![NO_PRICE; rows],
            codes: Vec::new(),
            rules: vec![RuleLists {
                visual: true,
                k,
                min_score,
                group: scope,
                scopes: vec![std::iter::once(0..n).collect()],
                scope: vec![0; rows],
                bands: None,
                must_match: Vec::new(),
                must_differ: Vec::new(),
                refused: None,
                refused_pairs: RefusedPairs::default(),
                caps: None,
            }],
        }
    }

    fn filled(lists: &Lists, offers: &[(usize, f32)], raises: impl Fn(usize) -> Option<f32>) -> Vec<Entry> {
        let mut state = TileLists::new(lists, 0..1);
        for (turn, &(candidate, score)) in offers.iter().enumerate() {
            if let Some(at_least) = raises(turn) {
                state.raise(0, 0, at_least);
            }
            if lists.admits(&lists.rules[0], 0, candidate) {
                let matters = score >= state.threshold(lists, 0, 0);
                assert!(state.offer(lists, 0, 0, candidate, score) <= matters);
            }
        }
        state.finish().remove(0)
    }

    proptest! {
        /// Few scores and groups, so that ties and variants are frequent.
        #[test]
        fn neither_repetition_nor_order_nor_a_proven_floor_changes_a_list(
            candidates in prop::collection::vec((0_u32..5, 0_u8..6), 1..24),
            scope in prop::sample::select(vec![GroupScope::Other, GroupScope::Same, GroupScope::Any]),
            k in 1_usize..6,
            least in prop::option::of(0_u8..6),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
            floors in prop::collection::vec(prop::option::of((0_u8..6, any::<bool>())), 90),
        ) {
            let score = |of: u8| f32::from(of) / 8.0;
            let groups: Vec<u32> = candidates.iter().map(|&(group, _)| group).collect();
            let lists = one_list(&groups, scope, k, least.map_or(f32::NEG_INFINITY, score));
            let once: Vec<(usize, f32)> =
                candidates.iter().enumerate().map(|(at, &(_, of))| (at + 1, score(of))).collect();
            let plain = filled(&lists, &once, |_| None);
            // Any pairs any number of times in any order, and then all of them.
            let mut often: Vec<(usize, f32)> = order.iter().map(|index| once[index.index(once.len())]).collect();
            often.extend(once.iter().rev());
            prop_assert_eq!(&filled(&lists, &often, |_| None), &plain);
            // What K entries are known to reach, exactly or below.
            let proven = if plain.len() == k { plain[k - 1].score } else { f32::NEG_INFINITY };
            let raised = filled(&lists, &often, |turn| {
                floors[turn].map(|(below, exact)| if exact { proven } else { proven - score(below) })
            });
            prop_assert_eq!(&raised, &plain);
        }
    }

    proptest! {
        /// One value a group, few of them, so that most lists have entries beyond the cap.
        #[test]
        fn a_list_ends_where_enough_of_its_entries_are_within_the_cap(
            candidates in prop::collection::vec((0_u32..12, 0_u8..8), 1..40),
            most in 1_u32..4,
            enough in 1_usize..6,
            more in 0_usize..8,
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let groups: Vec<u32> = candidates.iter().map(|&(group, _)| group + 1).collect();
            let mut lists = one_list(&groups, GroupScope::Other, enough + more, f32::NEG_INFINITY);
            // The first value is none: it is never too many.
            lists.codes = vec![lists.group.iter().map(|group| group % 4).collect()];
            let caps = ListCaps { columns: vec![(0, most)], enough: None };
            lists.rules[0].caps = Some(caps.clone());
            let once: Vec<(usize, f32)> =
                candidates.iter().enumerate().map(|(at, &(_, of))| (at + 1, f32::from(of) / 8.0)).collect();
            let mut whole = filled(&lists, &once, |_| None);
            whole.truncate(caps.reach(&lists.codes, enough, whole.iter().map(|entry| entry.row)).unwrap_or(enough + more));
            lists.rules[0].caps = Some(ListCaps { enough: Some(enough), ..caps });
            let mut often: Vec<(usize, f32)> = order.iter().map(|index| once[index.index(once.len())]).collect();
            often.extend(once.iter().rev());
            prop_assert_eq!(filled(&lists, &once, |_| None), &whole[..]);
            prop_assert_eq!(filled(&lists, &often, |_| None), &whole[..]);
        }
    }

    #[test]
    fn a_floor_that_is_not_proven_loses_entries() {
        let lists = one_list(&[1, 2, 3], GroupScope::Other, 2, f32::NEG_INFINITY);
        let offers = [(1, 0.25), (2, 0.5), (3, 0.125)];
        assert_eq!(filled(&lists, &offers, |_| None).len(), 2);
        assert_eq!(filled(&lists, &offers, |_| Some(0.5)), [Entry { row: 2, score: 0.5 }]);
    }
}
