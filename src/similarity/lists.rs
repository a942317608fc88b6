//! The contract between plan and engines: every list as integers. This file refuses to know why a candidate is allowed.
//!
//! A *list* is an (anchor row, rule) pair with its own K, threshold, ranges, price band, codes and groups. Rows are sorted so
//! that what a rule allows lies in few ranges; a price is its rank among the catalog's distinct prices.

use std::ops::Range;

use crate::rules::GroupScope;

/// In [`RuleLists::scope`]: the rule does not serve the row, or the row lacks what the rule needs.
pub const NO_LIST: u32 = u32::MAX;

/// In [`Lists::price_rank`]: the row has no price. It is inside no band, and inside the absence of one.
pub const NO_PRICE: u32 = u32::MAX;

/// In [`Lists::codes`]: the row has no value of the attribute. It matches nothing and differs from nothing.
pub const NO_CODE: u32 = 0;

/// All lists of a night.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Place of each row's id among all ids by their UTF-8 bytes: settles ties.
    pub id_rank: Vec<u32>,
    /// Group of each row; rows of one number are variants of one product.
    pub group: Vec<u32>,
    /// Rank of each row's price among the distinct prices, or [`NO_PRICE`].
    pub price_rank: Vec<u32>,
    /// Per attribute that a rule names, each row's value as a code, or [`NO_CODE`].
    pub codes: Vec<Vec<u32>>,
    /// The rules, in the order of the configuration, and what else a night wants to be listed.
    pub rules: Vec<RuleLists>,
}

/// The lists of one rule.
#[derive(Clone, Debug)]
pub struct RuleLists {
    /// Whether an engine fills these lists.
    pub visual: bool,
    /// Entries a list may have.
    pub k: usize,
    /// The lowest canonical score that may be in a list, inclusive; negative infinity when there is none.
    pub min_score: f32,
    /// Which variants may be recommended.
    pub group: GroupScope,
    /// Candidate rows, as ascending ranges apart from each other; anchors share them.
    pub scopes: Vec<Box<[Range<u32>]>>,
    /// Per row, its index into `scopes`, or [`NO_LIST`].
    pub scope: Vec<u32>,
    /// Per row, the price ranks that it allows; `None` for a rule without a price condition.
    pub bands: Option<Vec<Range<u32>>>,
    /// Indices into [`Lists::codes`] whose values must be equal.
    pub must_match: Vec<usize>,
    /// Indices into [`Lists::codes`] whose values must be different.
    pub must_differ: Vec<usize>,
    /// Rows that no list may hold, if there are any.
    pub refused: Option<Box<[bool]>>,
    /// Anchors and the candidates that may not be in their lists.
    pub refused_pairs: RefusedPairs,
    /// How many entries of a list may have one value.
    pub caps: Option<ListCaps>,
}

impl Lists {
    /// One rule that allows every row every other, by looks alone: lists of `k`, no prices, no attributes, each row a group of its
    /// own, ids in the order of the rows.
    ///
    /// # Panics
    /// Beyond 2^32 rows.
    #[must_use]
    pub fn everything(rows: usize, k: usize) -> Lists {
        let count = u32::try_from(rows).expect("fewer than 2^32 rows");
        Lists {
            id_rank: (0..count).collect(),
            group: (0..count).collect(),
            price_rank: vec![NO_PRICE; rows],
            codes: Vec::new(),
            rules: vec![RuleLists::everything(rows, rows, k)],
        }
    }

    /// Bytes that they hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let ranges = |rule: &RuleLists| rule.scopes.iter().map(|scope| 16 + 8 * scope.len()).sum::<usize>();
        let of_rule = |rule: &RuleLists| self.rows() * (4 + if rule.bands.is_some() { 8 } else { 0 }) + ranges(rule);
        self.rows() * (12 + 4 * self.codes.len()) + self.rules.iter().map(of_rule).sum::<usize>()
    }

    /// Rows of the plan.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.id_rank.len()
    }

    /// Whether `rule` allows `candidate` in the list of `anchor`, whatever their similarity.
    ///
    /// The anchor must have a list: `rule.scope[anchor] != NO_LIST`.
    #[must_use]
    #[inline]
    pub fn admits(&self, rule: &RuleLists, anchor: usize, candidate: usize) -> bool {
        let number = u32::try_from(candidate).expect("fewer than 2^32 rows");
        rule.bands.as_ref().is_none_or(|bands| bands[anchor].contains(&self.price_rank[candidate]))
            && anchor != candidate
            && within(&rule.scopes[rule.scope[anchor] as usize], number)
            && match rule.group {
                GroupScope::Other => self.group[anchor] != self.group[candidate],
                GroupScope::Same => self.group[anchor] == self.group[candidate],
                GroupScope::Any => true,
            }
            && self.codes_agree(rule, anchor, candidate)
            && !rule.refuses(anchor, candidate)
    }

    /// The same lists over other rows, each of which is like one of these; ranges stay as they are, and so does what is refused by
    /// pairs but for what `pairs` makes of it.
    pub(super) fn of_rows(&self, rows: &[u32], pairs: impl Fn(&RefusedPairs) -> RefusedPairs) -> Lists {
        fn picked<T: Clone>(of_row: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&row| of_row[row as usize].clone()).collect()
        }
        let rules = self.rules.iter().map(|rule| RuleLists {
            scope: picked(&rule.scope, rows),
            refused: rule.refused.as_ref().map(|refused| picked(refused, rows).into()),
            refused_pairs: pairs(&rule.refused_pairs),
            bands: rule.bands.as_ref().map(|bands| picked(bands, rows)),
            ..rule.clone()
        });
        Lists {
            id_rank: picked(&self.id_rank, rows),
            group: picked(&self.group, rows),
            price_rank: picked(&self.price_rank, rows),
            codes: self.codes.iter().map(|codes| picked(codes, rows)).collect(),
            rules: rules.collect(),
        }
    }

    /// Per row, whether it is the only one of its group.
    #[must_use]
    pub fn alone(&self) -> Vec<bool> {
        let mut rows = vec![0_u32; self.group.iter().max().map_or(0, |&last| last as usize + 1)];
        self.group.iter().for_each(|&of| rows[of as usize] += 1);
        self.group.iter().map(|&of| rows[of as usize] == 1).collect()
    }

    /// Whether a candidate competes with its variants for one entry in the list of `anchor`.
    #[must_use]
    pub fn collapses(&self, rule: &RuleLists, anchor: usize, candidate: usize) -> bool {
        match rule.group {
            GroupScope::Other => true,
            GroupScope::Same => false,
            GroupScope::Any => self.group[anchor] != self.group[candidate],
        }
    }

    /// The attribute conditions of [`Self::admits`].
    fn codes_agree(&self, rule: &RuleLists, anchor: usize, candidate: usize) -> bool {
        let pair = |column: &usize| (self.codes[*column][anchor], self.codes[*column][candidate]);
        rule.must_match.iter().map(pair).all(|(a, c)| a == c && a != NO_CODE)
            && rule.must_differ.iter().map(pair).all(|(a, c)| a != c && a != NO_CODE && c != NO_CODE)
    }
}

impl RuleLists {
    /// Allows each of the first `seen` of `rows` rows every other one of these, but for its variants, by looks alone: lists of `k`, no
    /// prices, no attributes.
    ///
    /// # Panics
    /// Beyond 2^32 rows, or where `seen` is more than `rows`.
    #[must_use]
    pub fn everything(rows: usize, seen: usize, k: usize) -> RuleLists {
        let mut scope = vec![NO_LIST; rows];
        scope[..seen].fill(0);
        RuleLists {
            visual: true,
            k,
            min_score: f32::NEG_INFINITY,
            group: GroupScope::Other,
            scopes: vec![std::iter::once(0..u32::try_from(seen).expect("fewer than 2^32 rows")).collect()],
            scope,
            bands: None,
            must_match: Vec::new(),
            must_differ: Vec::new(),
            refused: None,
            refused_pairs: RefusedPairs::default(),
            caps: None,
        }
    }

    /// Entries that most lists will have.
    pub(super) fn usual(&self) -> usize {
        self.caps.as_ref().and_then(|caps| caps.enough).unwrap_or(self.k)
    }

    /// Whether a row is kept out of a list by name, whatever else is said of it.
    #[must_use]
    #[inline]
    pub fn refuses(&self, anchor: usize, candidate: usize) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused[candidate]) || self.refused_pairs.has(anchor, candidate)
    }
}

/// How many entries of a list may have one value. Whoever finishes a list decides by them; an engine only finds enough.
#[derive(Clone, Debug, Default)]
pub struct ListCaps {
    /// Indices into [`Lists::codes`], each with the most entries of one value. Rows without a value are not limited.
    pub columns: Vec<(usize, u32)>,
    /// So many entries within the caps are enough: a list that has them needs nothing behind the last of them, however far it is
    /// from K. `None` where the order of the list is not that of the engine.
    pub enough: Option<usize>,
}

impl ListCaps {
    /// Whether some entries, `entry` among them, have a value of it more often than they may. Each is a row and its value for the
    /// first cap.
    #[inline]
    pub(super) fn exceed(
        &self,
        codes: &[Vec<u32>],
        entry: (u32, u32),
        entries: &(impl Iterator<Item = (u32, u32)> + Clone),
    ) -> bool {
        self.columns.iter().enumerate().any(|(place, &(column, most))| {
            let value = |(row, first): (u32, u32)| if place == 0 { first } else { codes[column][row as usize] };
            let own = value(entry);
            own != NO_CODE && entries.clone().filter(|&other| value(other) == own).count() > most as usize
        })
    }

    /// How many of some entries, best first, there must be for so many within the caps; `None` where there are fewer.
    pub(super) fn reach(&self, codes: &[Vec<u32>], enough: usize, entries: impl Iterator<Item = u32>) -> Option<usize> {
        let mut counts = Counts::new(self);
        let mut within = 0;
        for (place, row) in entries.enumerate() {
            if counts.take(codes, row) {
                within += 1;
                if within == enough {
                    return Some(place + 1);
                }
            }
        }
        None
    }
}

/// How often each value is in a list.
#[derive(Debug)]
pub struct Counts<'c> {
    caps: &'c ListCaps,
    /// The entries so far, of each its value for every cap. Lists are short: these are counted millions of times, and mostly
    /// without memory of their own.
    taken: [u32; SHORT],
    count: usize,
    /// What `taken` has no room for.
    more: Vec<u32>,
}

/// Values that [`Counts`] holds without memory of its own.
const SHORT: usize = 32;

impl<'c> Counts<'c> {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new(caps: &'c ListCaps) -> Counts<'c> {
        Counts { caps, taken: [0; SHORT], count: 0, more: Vec::new() }
    }

    /// Whether another entry with the values of `row` exceeds no cap; `codes` are those of [`Lists::codes`].
    #[must_use]
    pub fn allow(&self, codes: &[Vec<u32>], row: u32) -> bool {
        let mut columns = self.caps.columns.iter().enumerate();
        columns.all(|(place, &(column, most))| self.leaves_room(place, codes[column][row as usize], most))
    }

    /// Counts an entry, whether it exceeds a cap or not.
    pub fn count(&mut self, codes: &[Vec<u32>], row: u32) {
        for &(column, _) in &self.caps.columns {
            self.push(codes[column][row as usize]);
        }
    }

    /// Counts an entry unless it exceeds a cap; says whether it did.
    pub fn take(&mut self, codes: &[Vec<u32>], row: u32) -> bool {
        if let &[(column, most)] = self.caps.columns.as_slice() {
            let value = codes[column][row as usize];
            let allowed = self.leaves_room(0, value, most);
            if allowed {
                self.push(value);
            }
            return allowed;
        }
        let allowed = self.allow(codes, row);
        if allowed {
            self.count(codes, row);
        }
        allowed
    }

    /// Whether fewer than `most` entries have this value for the cap at `place`.
    fn leaves_room(&self, place: usize, value: u32, most: u32) -> bool {
        let (most, held) = (most as usize, &self.taken[..self.count.min(SHORT)]);
        let is_same = |other: &&u32| **other == value;
        let same = if self.caps.columns.len() == 1 {
            held.iter().filter(is_same).count() + self.more.iter().filter(is_same).count()
        } else {
            held.iter().chain(&self.more).skip(place).step_by(self.caps.columns.len()).filter(is_same).count()
        };
        value == NO_CODE || same < most
    }

    fn push(&mut self, value: u32) {
        match self.taken.get_mut(self.count) {
            Some(place) => *place = value,
            None => self.more.push(value),
        }
        self.count += 1;
    }
}

/// Pairs of an anchor and a candidate. Nearly every pair that is asked for is none of them, and most anchors have none.
#[derive(Clone, Debug, Default)]
pub struct RefusedPairs {
    /// Per anchor, whether it has any; empty where there is no pair.
    has_any: Vec<bool>,
    /// Per anchor, where its candidates begin.
    starts: Vec<u32>,
    candidates: Vec<u32>,
}

impl RefusedPairs {
    /// Takes pairs of rows, of which there are `rows`.
    ///
    /// # Panics
    /// Beyond 2^32 rows or pairs.
    #[must_use]
    pub fn new(rows: usize, pairs: &[(u32, u32)]) -> RefusedPairs {
        if pairs.is_empty() {
            return RefusedPairs::default();
        }
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        let start = |anchor: usize| pairs.partition_point(|pair| (pair.0 as usize) < anchor);
        let starts: Vec<u32> =
            (0..=rows).map(|anchor| u32::try_from(start(anchor)).expect("fewer than 2^32 pairs")).collect();
        let has_any = starts.windows(2).map(|bounds| bounds[0] < bounds[1]).collect();
        RefusedPairs { has_any, starts, candidates: pairs.iter().map(|pair| pair.1).collect() }
    }

    /// Whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Whether a pair is one of them.
    #[must_use]
    #[inline]
    pub fn has(&self, anchor: usize, candidate: usize) -> bool {
        self.has_any.get(anchor).is_some_and(|&any| any)
            && self.of(anchor).iter().any(|&other| other as usize == candidate)
    }

    /// The candidates of an anchor.
    #[cold]
    fn of(&self, anchor: usize) -> &[u32] {
        &self.candidates[self.starts[anchor] as usize..self.starts[anchor + 1] as usize]
    }

    /// All pairs, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let of = |(bounds, anchor): (&[u32], u32)| {
            let candidates = &self.candidates[bounds[0] as usize..bounds[1] as usize];
            candidates.iter().map(move |&candidate| (anchor, candidate))
        };
        self.starts.windows(2).zip(0..).flat_map(of)
    }
}

/// Whether one of the ascending ranges holds one of the rows.
pub(super) fn touches(ranges: &[Range<u32>], rows: &Range<usize>) -> bool {
    let after = ranges.partition_point(|r| r.end as usize <= rows.start);
    ranges.get(after).is_some_and(|r| (r.start as usize) < rows.end)
}

/// Whether one of the ascending ranges holds the row.
fn within(ranges: &[Range<u32>], row: u32) -> bool {
    let after = ranges.partition_point(|r| r.end <= row);
    ranges.get(after).is_some_and(|r| r.contains(&row))
}
