//! From finished lists to the rows of the tables: rank, limit, count, reason. This room refuses to compare vectors and to write.

use std::collections::HashSet;

use crate::catalog::{Catalog, Product};
use crate::plan::{Plan, Reason, Service};
use crate::rules::rank::{self, Pair, Ranked};
use crate::rules::{Rule, price};
use crate::similarity::{Entry, TopK};
use crate::{output, similarity};

/// One anchor's list under one rule, ready to be written.
#[derive(Debug)]
pub struct Served {
    /// Index of the rule in the configuration.
    pub rule: usize,
    /// The anchor's row in the plan.
    pub anchor: usize,
    /// Entries that the rule allows.
    pub eligible: u32,
    /// The list, best first; `candidate` is a row of the plan.
    pub entries: Vec<Ranked>,
    /// Why there are fewer entries than the limit.
    pub shortfall: Option<Reason>,
}

/// Everything that lists are made from.
#[derive(Debug)]
pub struct Recommender<'a> {
    /// The products.
    pub catalog: &'a Catalog,
    /// The rules, in the order of the configuration.
    pub rules: &'a [Rule],
    /// Tonight's plan.
    pub plan: &'a Plan,
    /// Per rule and row, what the engine found.
    pub found: &'a [TopK],
    by_name: Vec<usize>,
    by_id: Vec<usize>,
}

impl<'a> Recommender<'a> {
    /// Brings a plan and an engine's lists together.
    #[must_use]
    pub fn new(catalog: &'a Catalog, rules: &'a [Rule], plan: &'a Plan, found: &'a [TopK]) -> Recommender<'a> {
        let mut by_name: Vec<usize> = (0..rules.len()).collect();
        by_name.sort_by(|&a, &b| rules[a].name.cmp(&rules[b].name));
        let mut by_id: Vec<usize> = (0..plan.products.len()).collect();
        by_id.sort_unstable_by_key(|&row| plan.lists.id_rank[row]);
        Recommender { catalog, rules, plan, found, by_name, by_id }
    }

    /// The anchors in the order of the tables.
    #[must_use]
    pub fn anchors(&self) -> &[usize] {
        &self.by_id
    }

    /// The lists of one anchor in the order of the tables: by the name of the rule.
    #[must_use]
    pub fn serve(&self, anchor: usize) -> Vec<Served> {
        self.by_name.iter().filter_map(|&rule| self.serve_rule(rule, anchor)).collect()
    }

    fn serve_rule(&self, rule: usize, anchor: usize) -> Option<Served> {
        let eligible = match self.plan.service[rule][anchor] {
            Service::NotServed => return None,
            Service::Lacks(reason) => {
                return Some(Served { rule, anchor, eligible: 0, entries: Vec::new(), shortfall: Some(reason) });
            }
            Service::Eligible(count) => count,
        };
        let entries = if self.rules[rule].is_visual() {
            self.rank_found(rule, anchor, &self.found[rule][anchor])
        } else {
            self.rank_all(rule, anchor)
        };
        let limit = self.rules[rule].limit as usize;
        let shortfall = match entries.len() {
            returned if returned >= limit => None,
            returned if returned == eligible as usize => Some(Reason::FewEligible),
            _ => Some(Reason::MinSimilarity),
        };
        Some(Served { rule, anchor, eligible, entries, shortfall })
    }

    /// The engine's pool, ordered by score, similarity, id.
    fn rank_found(&self, rule: usize, anchor: usize, found: &[Entry]) -> Vec<Ranked> {
        let ranked = |entry: &Entry| self.ranked(rule, anchor, entry.row, Some(entry.score));
        let mut entries: Vec<Ranked> = found.iter().map(ranked).collect();
        self.sort_by_score(&mut entries);
        entries.truncate(self.rules[rule].limit as usize);
        entries
    }

    /// All admitted candidates of a rule that ignores looks: by score where it has a term, else by price; then by id.
    fn rank_all(&self, rule: usize, anchor: usize) -> Vec<Ranked> {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let scope = &contract.scopes[contract.scope[anchor] as usize];
        let rows = scope.iter().cloned().flatten().filter(|&row| lists.admits(contract, anchor, row as usize));
        let mut entries: Vec<Ranked> = rows.map(|row| self.ranked(rule, anchor, row, None)).collect();
        if self.rules[rule].rank.is_some() {
            self.sort_by_score(&mut entries);
        } else {
            let key = |entry: &Ranked| (lists.price_rank[entry.candidate as usize], self.id_rank(entry));
            entries.sort_unstable_by_key(key);
        }
        let mut groups = HashSet::new();
        entries.retain(|entry| {
            let row = entry.candidate as usize;
            !lists.collapses(contract, anchor, row) || groups.insert(lists.group[row])
        });
        entries.truncate(self.rules[rule].limit as usize);
        entries
    }

    fn ranked(&self, rule: usize, anchor: usize, row: u32, similarity: Option<f32>) -> Ranked {
        let (from, to) = (self.product(anchor), self.product(row as usize));
        let comparable = from.currency == to.currency;
        let pair = Pair { similarity, anchor: from.price, candidate: to.price.filter(|_| comparable) };
        Ranked { candidate: row, similarity, score: rank::score(&self.rules[rule], pair) }
    }

    fn product(&self, row: usize) -> &'a Product {
        &self.catalog.products[self.plan.products[row]]
    }

    fn sort_by_score(&self, entries: &mut [Ranked]) {
        let descending = |a: Option<f32>, b: Option<f32>| {
            let known = |v: Option<f32>| v.unwrap_or(f32::NEG_INFINITY);
            known(b).total_cmp(&known(a))
        };
        entries.sort_unstable_by(|a, b| {
            let by_score = descending(a.score, b.score).then_with(|| descending(a.similarity, b.similarity));
            by_score.then_with(|| self.id_rank(a).cmp(&self.id_rank(b)))
        });
    }

    fn id_rank(&self, entry: &Ranked) -> u32 {
        self.plan.lists.id_rank[entry.candidate as usize]
    }

    /// The rows of the `recommendations` table for one list.
    pub fn recommendations<'s>(&'s self, served: &'s Served) -> impl Iterator<Item = output::Recommendation<'s>> {
        let (anchor, rule) = (self.product(served.anchor), &self.rules[served.rule]);
        served.entries.iter().zip(1..).map(move |(entry, rank)| {
            let candidate = self.product(entry.candidate as usize);
            let comparable = anchor.currency == candidate.currency;
            let prices = anchor.price.zip(candidate.price).filter(|_| comparable);
            output::Recommendation {
                product_id: &anchor.id,
                rule: &rule.name,
                relation: rule.relation.as_str(),
                rank,
                recommended_id: &candidate.id,
                similarity: entry.similarity,
                score: entry.score,
                price: anchor.price,
                recommended_price: candidate.price,
                currency: anchor.currency,
                recommended_currency: candidate.currency,
                price_ratio: prices.and_then(|(anchor, candidate)| price::ratio(candidate, anchor)),
            }
        })
    }

    /// The row of the `coverage` table for one list.
    #[must_use]
    pub fn coverage<'s>(&'s self, served: &Served) -> output::Coverage<'s> {
        let rule = &self.rules[served.rule];
        output::Coverage {
            product_id: &self.product(served.anchor).id,
            rule: &rule.name,
            relation: rule.relation.as_str(),
            list_limit: i32::try_from(rule.limit).expect("validated to at most 10,000"),
            eligible: i64::from(served.eligible),
            returned: i32::try_from(served.entries.len()).expect("at most the limit"),
            shortfall_reason: served.shortfall.map(Reason::as_str),
        }
    }
}

/// Lists that no engine has to fill: for plans without a visual rule, or without a vector.
#[must_use]
pub fn empty_lists(lists: &similarity::Lists) -> Vec<TopK> {
    lists.rules.iter().map(|_| vec![Vec::new(); lists.rows()]).collect()
}
