//! What pairs are ordered by, which variant stands for a group, the pool and the rank. Refuses to know pins and caps.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::Evaluator;
use super::score::{self, Terms};
use super::shop::{Group, OracleRule, Similarity};

/// A candidate and what it is ordered by.
#[derive(Clone)]
pub struct Scored {
    pub candidate: usize,
    pub similarity: Option<f32>,
    pub score: Option<f32>,
}

impl Evaluator<'_> {
    /// The complements of the anchor's category where the rank asks for them, else nothing.
    pub fn complements_for_rank(&self, rule: &OracleRule, anchor: usize) -> Vec<Option<f64>> {
        let asked = rule.rank.as_ref().is_some_and(|rank| rank.complement.is_some());
        if asked { self.complements(anchor) } else { Vec::new() }
    }

    pub fn scored(&self, rule: &OracleRule, anchor: usize, candidate: usize, complements: &[Option<f64>]) -> Scored {
        let (a, c) = (&self.products[anchor], &self.products[candidate]);
        let similarity = match rule.similarity {
            Similarity::Visual => score::of_views(&self.units[anchor], &self.units[candidate]),
            Similarity::Ignore => None,
        };
        let score = match &rule.rank {
            None => similarity,
            Some(rank) => {
                let category = self.category_of[candidate];
                let terms = Terms {
                    similarity,
                    price_fit: rank.price_fit.as_ref().and_then(|fit| score::price_fit(a, c, fit.best_ratio)),
                    margin: rank.margin.and_then(|_| score::margin_share(&rule.relation, a, c)),
                    complement: category.and_then(|category| complements.get(category).copied().flatten()),
                };
                Some(score::weighted_mean(rank, &terms))
            }
        };
        Scored { candidate, similarity, score }
    }

    /// Most similar first, or in the final order where looks are ignored; of every other group only its first variant,
    /// every variant of the anchor's own group.
    pub fn best_of_each_group(&self, rule: &OracleRule, anchor: usize, mut allowed: Vec<Scored>) -> Vec<Scored> {
        match rule.similarity {
            Similarity::Visual => allowed.sort_by(|x, y| self.by_likeness(x, y)),
            Similarity::Ignore => allowed.sort_by(|x, y| self.by_rank(x, y)),
        }
        let mut taken = HashSet::new();
        allowed.retain(|one| {
            let group = &self.products[one.candidate].group;
            group.is_none() || self.same_group(anchor, one.candidate) || taken.insert(group)
        });
        allowed
    }

    /// Whether all variants of a candidate's group share one entry: of other groups one entry a group, of the anchor's own
    /// each an entry.
    pub fn share_an_entry(&self, rule: &OracleRule, anchor: usize, candidate: usize) -> bool {
        match rule.group {
            Group::Other => true,
            Group::Same => false,
            Group::Any => !self.same_group(anchor, candidate),
        }
    }

    /// Entries that come most similar first, in the order in which they are taken: the pool by rank, then the others by
    /// similarity. Without a rank, and where looks are ignored, all are ranked.
    pub fn rank(&self, rule: &OracleRule, entries: &mut [Scored]) {
        let has_pool = rule.rank.is_some() && rule.similarity == Similarity::Visual;
        let pool = if has_pool { rule.pool.unwrap_or(5 * rule.limit) } else { entries.len() };
        let pool = pool.min(entries.len());
        entries[..pool].sort_by(|x, y| self.by_rank(x, y));
        entries[pool..].sort_by(|x, y| self.by_likeness(x, y));
    }

    fn by_likeness(&self, x: &Scored, y: &Scored) -> Ordering {
        descending(x.similarity, y.similarity).then_with(|| self.id(x).cmp(self.id(y)))
    }

    /// Score, similarity, id; where there is neither, price with the missing ones last, id.
    fn by_rank(&self, x: &Scored, y: &Scored) -> Ordering {
        if x.score.is_some() {
            return descending(x.score, y.score).then_with(|| self.by_likeness(x, y));
        }
        let price = |one: &Scored| self.products[one.candidate].price;
        let missing_last = price(x).is_none().cmp(&price(y).is_none());
        missing_last.then_with(|| price(x).cmp(&price(y))).then_with(|| self.id(x).cmp(self.id(y)))
    }

    fn id(&self, scored: &Scored) -> &str {
        &self.products[scored.candidate].id
    }
}

fn descending(x: Option<f32>, y: Option<f32>) -> Ordering {
    y.partial_cmp(&x).expect("no score is NaN")
}
