//! In words: where a candidate is, or what keeps it out. This file refuses to test a condition again.

use super::{Check, Explainer, MISSES, Miss};
use crate::recommend::{Origin, Served};
use crate::rules::rank::Ranked;

impl Explainer<'_> {
    /// Where a candidate is in a list, or what keeps it out.
    pub(super) fn verdict(
        &self,
        rule: usize,
        anchor: usize,
        candidate: u32,
        served: Option<&Served>,
        checks: &[Check],
    ) -> String {
        let name = &self.recommender.rules[rule].name;
        let Some(served) = served else { return format!("rule `{name}` does not serve this product") };
        if let Some(place) = served.entries.iter().position(|entry| entry.ranked.candidate == candidate) {
            let how = match served.entries[place].origin {
                Origin::Rule => "",
                Origin::Pin => ", pinned",
                Origin::Fallback => ", filled in by the fallback",
            };
            return format!("in the list at rank {}{how}", place + 1);
        }
        let failing: Vec<&str> = checks.iter().filter(|check| !check.holds).map(|check| check.name.as_str()).collect();
        if !failing.is_empty() {
            return format!("not allowed: {}", failing.join(", "));
        }
        if served.entries.is_empty() && served.shortfall == Some(crate::plan::Reason::MinResults) {
            return "allowed, but the list is hidden: it has fewer than `min_results` entries".to_owned();
        }
        self.displaced(rule, anchor, candidate, served)
    }

    /// What keeps an allowed candidate out of a list.
    fn displaced(&self, rule: usize, anchor: usize, candidate: u32, served: &Served) -> String {
        let contract = &self.recommender.rules[rule];
        let order = self.recommender.entries(rule, anchor);
        let Some(place) = order.iter().position(|entry| entry.candidate == candidate) else {
            return self.not_an_entry(rule, anchor, candidate, &order);
        };
        let of = order.len();
        let pool = if contract.is_visual() && contract.rank.is_some() { contract.pool() as usize } else { of };
        if place >= pool {
            let last = &order[pool - 1];
            return format!(
                "allowed, but outside of the pool: the {} most similar of {of} entries, and the pool holds {pool}, the last of \
                 them {} with {}",
                ordinal(place + 1),
                self.id(last.candidate as usize),
                figure(last.similarity)
            );
        }
        let mut ranked = order[..pool.min(of)].to_vec();
        if contract.is_visual() {
            ranked.sort_unstable_by(|a, b| self.recommender.by_score(a, b));
        }
        let place = ranked.iter().position(|entry| entry.candidate == candidate).map_or(0, |place| place + 1);
        let score = ranked.get(place.wrapping_sub(1)).and_then(|entry| entry.score);
        let last = served.entries.iter().rev().find(|entry| entry.origin == Origin::Rule);
        if contract.diversity.is_some()
            && last.is_some_and(|last| {
                ranked
                    .iter()
                    .position(|entry| entry.candidate == last.ranked.candidate)
                    .is_none_or(|of_last| of_last + 1 > place)
            })
        {
            return format!(
                "allowed, and {} of {}, but left out by the caps of `diversity`",
                ordinal(place),
                ranked.len()
            );
        }
        match last {
            Some(last) => {
                let (by, with) = match score {
                    Some(_) => {
                        (format!("its score of {}", figure(score)), format!(" with {}", figure(last.ranked.score)))
                    }
                    None => ("its price".to_owned(), String::new()),
                };
                let (place, of, last) = (ordinal(place), ranked.len(), self.id(last.ranked.candidate as usize));
                format!("allowed, but displaced: {place} of {of} by {by}, and the last of the list is {last}{with}")
            }
            None => format!("allowed, and {} of {}, but pins fill the list", ordinal(place), ranked.len()),
        }
    }

    /// Why an allowed candidate does not stand for an entry.
    fn not_an_entry(&self, rule: usize, anchor: usize, candidate: u32, order: &[Ranked]) -> String {
        let own = self.recommender.similarity(rule, anchor, candidate);
        let stands = |entry: &&Ranked| self.recommender.are_one_entry(rule, anchor, entry.candidate, candidate);
        if let Some(other) = order.iter().find(stands) {
            format!(
                "allowed, but its variant {} stands for both of them: {} against {}",
                self.id(other.candidate as usize),
                figure(other.similarity.or(other.score)),
                figure(own)
            )
        } else {
            let least = self.recommender.rules[rule].min_similarity;
            format!("allowed, but its similarity of {} is below `min_similarity`, {}", figure(own), figure(least))
        }
    }

    /// What would have come next, and what looks most alike and is not allowed.
    pub(super) fn misses(&self, rule: usize, anchor: usize, served: &Served) -> Vec<Miss> {
        if !self.is_served(rule, anchor) {
            return Vec::new();
        }
        let is_listed = |row: u32| served.entries.iter().any(|entry| entry.ranked.candidate == row);
        let miss = |row: u32, similarity| {
            let checks = self.checker.checks(rule, anchor, row as usize);
            let why = self.verdict(rule, anchor, row, Some(served), &checks);
            Miss { id: self.id(row as usize), similarity, why }
        };
        let mut order = self.recommender.entries(rule, anchor);
        if self.recommender.rules[rule].is_visual() {
            let beyond = order.split_off(order.len().min(self.recommender.rules[rule].pool() as usize));
            order.sort_unstable_by(|a, b| self.recommender.by_score(a, b));
            order.extend(beyond);
        }
        let next = order.iter().filter(|entry| !is_listed(entry.candidate)).take(MISSES);
        let mut misses: Vec<Miss> = next.map(|entry| miss(entry.candidate, entry.similarity)).collect();
        misses.extend(self.most_alike(rule, anchor, is_listed).into_iter().map(|(row, score)| miss(row, Some(score))));
        misses
    }

    /// The rows that look most like the anchor and are not allowed, by similarity, then id.
    fn most_alike(&self, rule: usize, anchor: usize, is_listed: impl Fn(u32) -> bool) -> Vec<(u32, f32)> {
        let (plan, mut best) = (&self.night.plan, Vec::<(u32, f32)>::new());
        if !self.recommender.rules[rule].is_visual() {
            return best;
        }
        let lists = &plan.lists;
        let ahead = |a: &(u32, f32), b: &(u32, f32)| {
            b.1.total_cmp(&a.1).then_with(|| lists.id_rank[a.0 as usize].cmp(&lists.id_rank[b.0 as usize]))
        };
        for row in (0..plan.seen).filter(|&row| row != anchor) {
            let number = u32::try_from(row).expect("fewer than 2^32 rows");
            if lists.admits(&lists.rules[rule], anchor, row) || is_listed(number) {
                continue;
            }
            let Some(score) = self.recommender.similarity(rule, anchor, number) else { continue };
            let at = best.partition_point(|held| ahead(held, &(number, score)).is_lt());
            if at < MISSES {
                best.insert(at, (number, score));
                best.truncate(MISSES);
            }
        }
        best
    }
}

fn figure(value: Option<f32>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"))
}

fn ordinal(n: usize) -> String {
    let ending = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}
