//! One rule's own list of one anchor: the pool, its order, pins and caps. This file refuses to look at another rule's list.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use anyhow::bail;

use super::{Listed, Origin, Recommender};
use crate::plan::{Reason, Service};
use crate::rules::Rank;
use crate::rules::rank::{self, Pair, Ranked, Term};
use crate::similarity::{Counts, Entry, NO_LIST};

/// A rule's own list, before another rule fills it up.
#[derive(Debug)]
pub(super) struct Own {
    /// Entries that the rule allows.
    pub(super) eligible: u32,
    /// The pins and their places.
    pub(super) pins: Vec<(u32, Ranked)>,
    /// What takes the other places, best first; after what the rule allows what another rule fills in.
    pub(super) entries: Vec<Listed>,
    /// Why there are fewer than the limit.
    pub(super) shortfall: Option<Reason>,
}

/// What a list is chosen from.
struct Pool {
    /// In the order of the list.
    ranked: Vec<Ranked>,
    /// Whether these are all entries there are: nothing that may be in the list was left out.
    is_whole: bool,
    /// Whether the list that begins it is known to exceed no cap.
    is_within_caps: bool,
}

impl Recommender<'_> {
    /// The rule's own list; `None` where it does not serve the anchor.
    ///
    /// # Errors
    /// A pool that is smaller than it must be: a defect, which ends the night rather than hide in a table.
    pub(super) fn own(&self, rule: usize, anchor: usize) -> anyhow::Result<Option<Own>> {
        let (eligible, lacks) = match self.plan.service[rule][anchor] {
            Service::NotServed => return Ok(None),
            Service::Lacks(reason) => (0, Some(reason)),
            Service::Eligible(count) => (count, None),
        };
        let pool = match lacks {
            Some(_) => Pool { ranked: Vec::new(), is_whole: true, is_within_caps: false },
            None => self.pool(rule, anchor, eligible)?,
        };
        let found = pool.ranked.len();
        let (limit, pins) = (self.rules[rule].limit as usize, self.pins(rule, anchor));
        let (chosen, refused) = if pins.is_empty() && (self.rules[rule].diversity.is_none() || pool.is_within_caps) {
            let mut ranked = pool.ranked;
            ranked.truncate(limit);
            (ranked, false)
        } else {
            self.choose(rule, anchor, &pins, &pool)
        };
        let is_short = chosen.len() + pins.len() < limit;
        let shortfall = is_short.then(|| lacks.unwrap_or_else(|| self.reason(rule, anchor, eligible, found, refused)));
        let entries = chosen.into_iter().map(|ranked| Listed { ranked, origin: Origin::Rule }).collect();
        Ok(Some(Own { eligible, pins, entries, shortfall }))
    }

    /// Why a list is short that lacks nothing: the last step that took an entry away.
    fn reason(&self, rule: usize, anchor: usize, eligible: u32, found: usize, refused: bool) -> Reason {
        let left = || {
            let has_blocks = self.plan.merchandise.has_blocks(rule);
            if has_blocks { self.unblocked(rule, anchor) } else { eligible as usize }
        };
        match () {
            () if refused => Reason::HardCap,
            () if self.rules[rule].min_similarity.is_some() && found < left() => Reason::MinSimilarity,
            () if left() < eligible as usize => Reason::Blocked,
            () => Reason::FewEligible,
        }
    }

    /// How many entries blocks leave, whatever their similarity.
    fn unblocked(&self, rule: usize, anchor: usize) -> usize {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let mut groups = HashSet::new();
        self.admitted(rule, anchor)
            .filter(|&row| !lists.collapses(contract, anchor, row as usize) || groups.insert(lists.group[row as usize]))
            .count()
    }

    /// The candidates that may be in a list, whatever their similarity, ascending by row.
    pub fn admitted(&self, rule: usize, anchor: usize) -> impl Iterator<Item = u32> {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let scope = contract.scope[anchor];
        let ranges = if scope == NO_LIST { &[][..] } else { &contract.scopes[scope as usize] };
        ranges.iter().cloned().flatten().filter(move |&row| lists.admits(contract, anchor, row as usize))
    }

    fn pool(&self, rule: usize, anchor: usize, eligible: u32) -> anyhow::Result<Pool> {
        if !self.rules[rule].is_visual() {
            // Pins and caps may want more than the list holds.
            let is_plain = self.rules[rule].diversity.is_none() && !self.plan.merchandise.has_pins(rule);
            let ranked = if is_plain { self.rank_first(rule, anchor) } else { self.rank_all(rule, anchor) };
            return Ok(Pool { ranked, is_whole: true, is_within_caps: false });
        }
        let (found, all) = (&self.found[rule][anchor], eligible as usize);
        let most = self.rules[rule].pool() as usize;
        // Where caps decide in the engine's order, it finds as many as they need, which may be all that the list can hold or more.
        let enough = self.plan.lists.rules[rule].caps.as_ref().and_then(|caps| caps.enough).unwrap_or(most);
        let may_be_short = self.rules[rule].min_similarity.is_some() || self.plan.merchandise.has_blocks(rule);
        let got = found.len();
        if got > most.min(all) || (got < enough.min(all) && !may_be_short) {
            bail!(
                "the pool of `{}` under rule `{}` has {got} entries of {}: a defect of twinset",
                self.id(anchor),
                self.rules[rule].name,
                enough.min(all)
            );
        }
        let is_whole = got < enough || got == all;
        // The engine stops at as many as caps need.
        let is_within_caps = enough < most && got == enough && !is_whole && !may_be_short;
        Ok(Pool { ranked: self.rank_found(rule, anchor, found), is_whole, is_within_caps })
    }

    /// The engine's pool, ordered by score, similarity, id.
    fn rank_found(&self, rule: usize, anchor: usize, found: &[Entry]) -> Vec<Ranked> {
        let ranked = |entry: &Entry| self.ranked(rule, anchor, entry.row, Some(entry.score));
        let mut entries: Vec<Ranked> = found.iter().map(ranked).collect();
        // Without a rank the score is the similarity, and the engine's order is that of the list.
        if self.rules[rule].rank.is_some() {
            entries.sort_unstable_by(|a, b| self.by_score(a, b));
        }
        entries
    }

    /// The order of a list whose rule ignores looks: by score where it has a term, else by price; then by id.
    fn by_price_or_score(&self, rule: usize, a: &Ranked, b: &Ranked) -> Ordering {
        let price = |entry: &Ranked| self.plan.lists.price_rank[entry.candidate as usize];
        match self.rules[rule].rank {
            Some(_) => self.by_score(a, b),
            None => price(a).cmp(&price(b)).then_with(|| self.by_id(a, b)),
        }
    }

    /// All entries of a rule that ignores looks, in the order of its list.
    fn rank_all(&self, rule: usize, anchor: usize) -> Vec<Ranked> {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let mut all: Vec<Ranked> =
            self.admitted(rule, anchor).map(|row| self.ranked(rule, anchor, row, None)).collect();
        all.sort_unstable_by(|a, b| self.by_price_or_score(rule, a, b));
        let mut groups = HashSet::new();
        all.retain(|entry| {
            let row = entry.candidate as usize;
            !lists.collapses(contract, anchor, row) || groups.insert(lists.group[row])
        });
        all
    }

    /// The first entries of [`Self::rank_all`], as many as the list has. Holds no more than those.
    fn rank_first(&self, rule: usize, anchor: usize) -> Vec<Ranked> {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let limit = self.rules[rule].limit as usize;
        let order = |a: &Ranked, b: &Ranked| self.by_price_or_score(rule, a, b);
        let mut best: Vec<Ranked> = Vec::new();
        for row in self.admitted(rule, anchor) {
            let entry = self.ranked(rule, anchor, row, None);
            if best.len() == limit && best.last().is_some_and(|last| order(last, &entry).is_lt()) {
                continue;
            }
            let group = |of: u32| lists.group[of as usize];
            let rival = |held: &Ranked| group(held.candidate) == group(row);
            if lists.collapses(contract, anchor, row as usize) {
                match best.iter().position(rival) {
                    Some(at) if order(&best[at], &entry).is_lt() => continue,
                    Some(at) => drop(best.remove(at)),
                    None => {}
                }
            }
            best.insert(best.partition_point(|held| order(held, &entry).is_lt()), entry);
            best.truncate(limit);
        }
        best
    }

    /// The pins in force, with the similarity and the score of each pair where they can be computed.
    fn pins(&self, rule: usize, anchor: usize) -> Vec<(u32, Ranked)> {
        let pins = self.plan.merchandise.pins(rule, small(anchor), self.rules[rule].limit);
        let ranked = |row: u32| self.ranked(rule, anchor, row, self.similarity(rule, anchor, row));
        pins.into_iter().map(|pin| (pin.position, ranked(pin.row))).collect()
    }

    /// The similarity of a pair where the rule asks for looks and both have a vector.
    #[must_use]
    pub fn similarity(&self, rule: usize, anchor: usize, row: u32) -> Option<f32> {
        self.closest(rule, anchor, row).map(|(similarity, _)| similarity)
    }

    /// The same, and whose it is; see [`Gallery::closest`](crate::similarity::Gallery::closest).
    #[must_use]
    pub fn closest(&self, rule: usize, anchor: usize, row: u32) -> Option<(f32, [usize; 2])> {
        let both = self.rules[rule].is_visual() && anchor < self.plan.seen && (row as usize) < self.plan.seen;
        both.then(|| self.gallery.closest(anchor, row as usize))
    }

    /// Takes entries in their order as far as caps and pins allow. Says whether a hard cap refused one.
    fn choose(&self, rule: usize, anchor: usize, pins: &[(u32, Ranked)], pool: &Pool) -> (Vec<Ranked>, bool) {
        let limit = self.rules[rule].limit as usize;
        let free = limit - pins.len();
        let is_pinned = |entry: &Ranked| {
            pins.iter().any(|(_, pin)| self.are_one_entry(rule, anchor, pin.candidate, entry.candidate))
        };
        let mut refused = false;
        let mut taken: Vec<Ranked> = Vec::new();
        let codes = &self.plan.lists.codes;
        let (Some(caps), Some(diversity)) = (&self.plan.lists.rules[rule].caps, &self.rules[rule].diversity) else {
            taken.extend(pool.ranked.iter().filter(|entry| !is_pinned(entry)).take(free));
            return (taken, false);
        };
        let mut counts = Counts::new(caps);
        for (_, pin) in pins {
            counts.count(codes, pin.candidate);
        }
        let mut left_out: Vec<Ranked> = Vec::new();
        for &entry in pool.ranked.iter().filter(|entry| !is_pinned(entry)) {
            if taken.len() == free {
                break;
            }
            if counts.take(codes, entry.candidate) {
                taken.push(entry);
            } else {
                left_out.push(entry);
            }
        }
        if taken.len() < free && !pool.is_whole {
            let mut beyond = self.beyond(rule, anchor, &pool.ranked, |row| counts.allow(codes, row));
            beyond.retain(|entry| !is_pinned(entry));
            let mut rest = beyond.as_mut_slice();
            // Mostly the first few do.
            while taken.len() < free && !rest.is_empty() {
                let first = self.bring_forward(rest);
                let (first, later) = rest.split_at_mut(first);
                rest = later;
                for entry in first {
                    if taken.len() < free && counts.take(codes, entry.candidate) {
                        taken.push(self.ranked(rule, anchor, entry.candidate, entry.similarity));
                    }
                }
            }
        }
        if diversity.hard {
            refused = taken.len() < free && !left_out.is_empty();
        } else {
            // Beyond a pool that is not whole nothing more is needed: with its pins it has at least as many as the list.
            let missing = free - taken.len();
            taken.extend(left_out.into_iter().take(missing));
        }
        (taken, refused)
    }

    /// Brings the first of some entries forward, in order; says how many.
    fn bring_forward(&self, entries: &mut [Ranked]) -> usize {
        const FIRST: usize = 64;
        if entries.len() > FIRST {
            entries.select_nth_unstable_by(FIRST, |a, b| self.by_score(a, b));
        }
        let first = entries.len().min(FIRST);
        entries[..first].sort_unstable_by(|a, b| self.by_score(a, b));
        first
    }

    /// The entries that are not in the pool, in no order; some that `may_be_taken` refuses are left out.
    fn beyond(&self, rule: usize, anchor: usize, pool: &[Ranked], may_be_taken: impl Fn(u32) -> bool) -> Vec<Ranked> {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let group = |row: u32| lists.group[row as usize];
        let sorted = |of: &dyn Fn(u32) -> u32| {
            let mut all: Vec<u32> = pool.iter().map(|entry| of(entry.candidate)).collect();
            all.sort_unstable();
            all
        };
        let (rows, groups) = (sorted(&|row| row), sorted(&group));
        let is_alone = |row: u32| self.alone.get(row as usize).is_some_and(|alone| *alone);
        let is_wanted = |&row: &u32| {
            let collapses = lists.collapses(contract, anchor, row as usize);
            let is_there =
                if collapses { groups.binary_search(&group(row)).is_ok() } else { rows.binary_search(&row).is_ok() };
            // A variant that cannot be taken may still stand for its group.
            !is_there && (may_be_taken(row) || (collapses && !is_alone(row)))
        };
        let wanted: Vec<u32> = self.admitted(rule, anchor).filter(is_wanted).collect();
        let mut entries: Vec<Ranked> = Vec::new();
        let mut place_of: HashMap<u32, usize> = HashMap::new();
        for (&row, score) in wanted.iter().zip(self.gallery.scores(anchor, &wanted)) {
            if score < contract.min_score {
                continue;
            }
            let entry = Ranked { candidate: row, similarity: Some(score), score: None };
            if is_alone(row) || !lists.collapses(contract, anchor, row as usize) {
                entries.push(entry);
                continue;
            }
            let place = *place_of.entry(group(row)).or_insert(entries.len());
            match entries.get_mut(place) {
                Some(held) if self.by_score(&entry, held).is_lt() => *held = entry,
                Some(_) => {}
                None => entries.push(entry),
            }
        }
        entries
    }

    /// All entries that blocks and `min_similarity` leave, by similarity, then id; where looks are ignored in the order of the list.
    #[must_use]
    pub fn entries(&self, rule: usize, anchor: usize) -> Vec<Ranked> {
        if !self.rules[rule].is_visual() {
            return self.rank_all(rule, anchor);
        }
        let mut entries = self.beyond(rule, anchor, &[], |_| true);
        entries.sort_unstable_by(|a, b| self.by_score(a, b));
        entries.iter().map(|entry| self.ranked(rule, anchor, entry.candidate, entry.similarity)).collect()
    }

    /// The terms of the score of a pair that have a weight.
    #[must_use]
    pub fn terms(&self, rule: usize, anchor: usize, row: usize, similarity: Option<f32>) -> Vec<Term> {
        let terms = |rank| rank::terms(rank, self.pair(rule, anchor, small(row), similarity));
        let terms = self.rules[rule].rank.as_ref().map(terms);
        terms.into_iter().flatten().filter(|term| term.weight > 0.0).collect()
    }

    /// Whether two rows would be one entry of the list of `anchor`.
    #[must_use]
    pub fn are_one_entry(&self, rule: usize, anchor: usize, a: u32, b: u32) -> bool {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let group = |row: u32| lists.group[row as usize];
        a == b || (group(a) == group(b) && lists.collapses(contract, anchor, a as usize))
    }

    /// A candidate with what a list would order it by.
    #[must_use]
    pub fn ranked(&self, rule: usize, anchor: usize, row: u32, similarity: Option<f32>) -> Ranked {
        // Prices and margins are looked up only where the score has a term of them.
        let has_terms = self.rules[rule].rank.is_some();
        let pair =
            if has_terms { self.pair(rule, anchor, row, similarity) } else { Pair { similarity, ..Pair::default() } };
        Ranked { candidate: row, similarity, score: rank::score(&self.rules[rule], pair) }
    }

    /// What the score of a pair needs.
    pub(super) fn pair(&self, rule: usize, anchor: usize, row: u32, similarity: Option<f32>) -> Pair {
        let (from, to) = (&self.facts[anchor], &self.facts[row as usize]);
        let candidate = self.price(to).filter(|_| from.currency == to.currency);
        let weighs = |weight: fn(&Rank) -> f64| self.rules[rule].rank.as_ref().is_some_and(|rank| weight(rank) > 0.0);
        Pair {
            similarity,
            anchor: self.price(from),
            candidate,
            // Looked up only where they count: there are fifty pairs for a list of ten.
            gain: if weighs(|rank| rank.margin) { self.gain(rule, anchor, row as usize) } else { None },
            complement: if weighs(|rank| rank.complement) {
                self.plan.complement_weight(anchor, row as usize)
            } else {
                0.0
            },
        }
    }

    /// The order of a list: by score, similarity, id.
    #[must_use]
    pub fn by_score(&self, a: &Ranked, b: &Ranked) -> Ordering {
        let descending = |a: Option<f32>, b: Option<f32>| {
            let known = |v: Option<f32>| v.unwrap_or(f32::NEG_INFINITY);
            known(b).total_cmp(&known(a))
        };
        let by_score = descending(a.score, b.score).then_with(|| descending(a.similarity, b.similarity));
        by_score.then_with(|| self.by_id(a, b))
    }

    fn by_id(&self, a: &Ranked, b: &Ranked) -> Ordering {
        let rank = |entry: &Ranked| self.plan.lists.id_rank[entry.candidate as usize];
        rank(a).cmp(&rank(b))
    }
}

impl Own {
    /// The list: pins in their places, entries in the others, places that stay empty closed up.
    pub(super) fn list(self) -> Vec<Listed> {
        if self.pins.is_empty() {
            return self.entries;
        }
        let mut list = Vec::with_capacity(self.pins.len() + self.entries.len());
        let (mut pins, mut entries) = (self.pins.into_iter().peekable(), self.entries.into_iter().peekable());
        loop {
            let is_due = |pin: &(u32, Ranked)| pin.0 as usize <= list.len() + 1;
            match pins.next_if(|pin| is_due(pin) || entries.peek().is_none()) {
                Some((_, ranked)) => list.push(Listed { ranked, origin: Origin::Pin }),
                None => match entries.next() {
                    Some(entry) => list.push(entry),
                    None => return list,
                },
            }
        }
    }
}

pub(super) fn small(row: usize) -> u32 {
    u32::try_from(row).expect("fewer than 2^32 rows")
}
