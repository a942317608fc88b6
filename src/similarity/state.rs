//! The lists of one tile while they fill: insertion in the one total order, and the score below which nothing can matter.

use super::Entry;
use super::lists::{Lists, NO_LIST};

/// The lists of the rows of one tile.
#[derive(Debug)]
pub(super) struct TileLists {
    first_row: usize,
    rules: usize,
    lists: Vec<OpenList>,
}

/// One list while it fills: at most K entries, the best first.
#[derive(Debug, Default)]
pub(super) struct OpenList {
    entries: Vec<Held>,
}

/// An entry with what its place depends on.
#[derive(Clone, Copy, Debug)]
struct Held {
    row: u32,
    score: f32,
    id_rank: u32,
    /// The group that the entry stands for; `None` when variants do not compete.
    group: Option<u32>,
}

impl Held {
    #[expect(clippy::float_cmp, reason = "scores tie when they are the same number; then the id decides")]
    fn precedes(&self, other: &Held) -> bool {
        self.score > other.score || (self.score == other.score && self.id_rank < other.id_rank)
    }
}

impl TileLists {
    pub(super) fn new(lists: &Lists, rows: std::ops::Range<usize>) -> TileLists {
        let rules = lists.rules.len();
        TileLists {
            first_row: rows.start,
            rules,
            lists: std::iter::repeat_with(OpenList::default).take(rows.len() * rules).collect(),
        }
    }

    pub(super) fn list(&mut self, row: usize, rule: usize) -> &mut OpenList {
        &mut self.lists[(row - self.first_row) * self.rules + rule]
    }

    /// The lowest canonical score that could still enter the list of a row that has one.
    pub(super) fn threshold(&mut self, lists: &Lists, row: usize, rule: usize) -> f32 {
        let (k, least) = (lists.rules[rule].k, lists.rules[rule].min_score);
        self.list(row, rule).threshold(k, least)
    }

    /// Offers a pair to a list of `anchor`; returns whether it entered.
    pub(super) fn offer(&mut self, lists: &Lists, rule: usize, anchor: usize, candidate: usize, score: f32) -> bool {
        let contract = &lists.rules[rule];
        debug_assert_ne!(contract.scope[anchor], NO_LIST);
        if score < contract.min_score {
            return false;
        }
        let held = Held {
            row: u32::try_from(candidate).expect("fewer than 2^32 rows"),
            score,
            id_rank: lists.id_rank[candidate],
            group: lists.collapses(contract, anchor, candidate).then(|| lists.group[candidate]),
        };
        self.list(anchor, rule).insert(held, contract.k)
    }

    /// The finished lists, in the order of rows, then rules.
    pub(super) fn finish(self) -> Vec<Vec<Entry>> {
        let entry = |held: &Held| Entry { row: held.row, score: held.score };
        self.lists.into_iter().map(|list| list.entries.iter().map(entry).collect()).collect()
    }
}

impl OpenList {
    fn threshold(&self, k: usize, least: f32) -> f32 {
        if self.entries.len() < k { least } else { self.entries.last().map_or(least, |last| last.score) }
    }

    fn insert(&mut self, new: Held, k: usize) -> bool {
        let full = self.entries.len() >= k;
        if full && self.entries.last().is_none_or(|last| !new.precedes(last)) {
            return false;
        }
        if new.group.is_some()
            && let Some(at) = self.entries.iter().position(|held| held.group == new.group)
        {
            if !new.precedes(&self.entries[at]) {
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
        let at = self.entries.partition_point(|held| held.precedes(&new));
        self.entries.insert(at, new);
        true
    }
}
