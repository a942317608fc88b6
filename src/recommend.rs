//! From finished lists to the rows of the tables: rank, limit, count, reason. This room refuses to compare vectors and to write.

use std::cmp::Ordering;

use anyhow::bail;

use crate::catalog::{Catalog, Product};
use crate::money::{Currency, Price};
use crate::output::{self, Dictionaries, Dictionary, Key};
use crate::plan::{Plan, Reason, Service};
use crate::rules::rank::{self, Pair, Ranked};
use crate::rules::{Rule, price};
use crate::similarity::{Entry, TopK};

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
    /// Per rule, the keys of its name and its relation.
    names: Vec<(Key, Key)>,
    relations: Vec<&'static str>,
    facts: Vec<Facts>,
    prices: Vec<Price>,
    currencies: Vec<Currency>,
}

/// What the tables say of one row, close together: each row is looked up for every list that it is in.
#[derive(Clone, Copy, Debug)]
struct Facts {
    id: Key,
    price: Key,
    currency: Key,
}

impl<'a> Recommender<'a> {
    /// Brings a plan and an engine's lists together.
    #[must_use]
    pub fn new(catalog: &'a Catalog, rules: &'a [Rule], plan: &'a Plan, found: &'a [TopK]) -> Recommender<'a> {
        let mut by_name: Vec<usize> = (0..rules.len()).collect();
        by_name.sort_by(|&a, &b| rules[a].name.cmp(&rules[b].name));
        let mut relations: Vec<&str> = rules.iter().map(|rule| rule.relation.as_str()).collect();
        relations.sort_unstable();
        relations.dedup();
        let mut names = vec![(Key::NULL, Key::NULL); rules.len()];
        for (place, &rule) in by_name.iter().enumerate() {
            let relation = relations.partition_point(|&relation| relation < rules[rule].relation.as_str());
            names[rule] = (Key::new(place), Key::new(relation));
        }
        let mut currencies: Vec<Currency> = Vec::new();
        let mut prices: Vec<Price> = Vec::new();
        for product in &catalog.products {
            // Most products have the currency of the one before.
            if let Some(currency) = product.currency
                && let Err(place) = currencies.binary_search(&currency)
            {
                currencies.insert(place, currency);
            }
        }
        let lists = &plan.lists;
        let mut by_id = vec![0; plan.products.len()];
        let mut facts = Vec::with_capacity(by_id.len());
        for (row, &product) in plan.products.iter().enumerate() {
            by_id[lists.id_rank[row] as usize] = row;
            let Product { price, currency, .. } = &catalog.products[product];
            let rank = lists.price_rank[row] as usize;
            let price_key = price.map_or(Key::NULL, |price| {
                prices.resize(prices.len().max(rank + 1), price);
                prices[rank] = price;
                Key::new(rank)
            });
            let place = currency.and_then(|currency| currencies.binary_search(&currency).ok());
            let currency = place.map_or(Key::NULL, Key::new);
            facts.push(Facts { id: Key::new(lists.id_rank[row] as usize), price: price_key, currency });
        }
        Recommender { catalog, rules, plan, found, by_name, by_id, names, relations, facts, prices, currencies }
    }

    /// What the keys of the rows stand for.
    ///
    /// # Errors
    /// Ids, rules or prices out of order: a defect.
    pub fn dictionaries(&self) -> anyhow::Result<Dictionaries> {
        let id = |&row: &usize| self.catalog.products[self.plan.products[row]].id.as_str();
        let limit = self.rules.iter().map(limit).max().unwrap_or(0);
        Ok(Dictionaries {
            ids: Dictionary::of_text(self.by_id.iter().map(id))?,
            rules: Dictionary::of_text(self.by_name.iter().map(|&rule| self.rules[rule].name.as_str()))?,
            relations: Dictionary::of_text(self.relations.iter().copied())?,
            ranks: Dictionary::of_i32(1..=limit)?,
            prices: Dictionary::of_i64(self.prices.iter().map(|price| price.units()))?,
            currencies: Dictionary::of_text(self.currencies.iter().map(Currency::as_str))?,
            reasons: Dictionary::of_text(Reason::BY_TEXT.map(Reason::as_str))?,
        })
    }

    /// The anchors in the order of the tables.
    #[must_use]
    pub fn anchors(&self) -> &[usize] {
        &self.by_id
    }

    /// The lists of some anchors, as [`Recommender::serve`] gives those of one.
    ///
    /// # Errors
    /// See [`Recommender::serve`].
    pub fn serve_together(&self, anchors: &[usize]) -> anyhow::Result<Vec<Served>> {
        // Found lists lie far apart in memory. A look at each of them first lets the processor wait for all together.
        for found in self.found {
            let first = |&anchor: &usize| found.get(anchor)?.first().map(|entry| entry.row);
            std::hint::black_box(anchors.iter().filter_map(first).max());
        }
        let lists = anchors.iter().flat_map(|&anchor| self.by_name.iter().map(move |&rule| (rule, anchor)));
        lists.filter_map(|(rule, anchor)| self.serve_rule(rule, anchor).transpose()).collect()
    }

    /// The lists of one anchor in the order of the tables: by the name of the rule.
    ///
    /// # Errors
    /// A list that is shorter than it must be: a defect, which ends the night rather than hide in a table.
    pub fn serve(&self, anchor: usize) -> anyhow::Result<Vec<Served>> {
        self.by_name.iter().filter_map(|&rule| self.serve_rule(rule, anchor).transpose()).collect()
    }

    fn serve_rule(&self, rule: usize, anchor: usize) -> anyhow::Result<Option<Served>> {
        let eligible = match self.plan.service[rule][anchor] {
            Service::NotServed => return Ok(None),
            Service::Lacks(reason) => {
                return Ok(Some(Served { rule, anchor, eligible: 0, entries: Vec::new(), shortfall: Some(reason) }));
            }
            Service::Eligible(count) => count,
        };
        let entries = if self.rules[rule].is_visual() {
            self.rank_found(rule, anchor, &self.found[rule][anchor])
        } else {
            self.rank_all(rule, anchor)
        };
        let limit = self.rules[rule].limit as usize;
        let (returned, allowed) = (entries.len(), eligible as usize);
        let shortfall = match returned {
            _ if returned == limit && returned <= allowed => None,
            _ if returned == allowed && returned < limit => Some(Reason::FewEligible),
            _ if returned < limit.min(allowed) && self.rules[rule].min_similarity.is_some() => {
                Some(Reason::MinSimilarity)
            }
            _ => bail!(
                "the list of `{}` under rule `{}` has {returned} entries of {allowed} eligible ones: a defect of twinset",
                self.id(anchor),
                self.rules[rule].name
            ),
        };
        Ok(Some(Served { rule, anchor, eligible, entries, shortfall }))
    }

    /// The engine's pool, ordered by score, similarity, id.
    fn rank_found(&self, rule: usize, anchor: usize, found: &[Entry]) -> Vec<Ranked> {
        let ranked = |entry: &Entry| self.ranked(rule, anchor, entry.row, Some(entry.score));
        let limit = self.rules[rule].limit as usize;
        if self.rules[rule].rank.is_none() {
            // The score is the similarity, and the engine's order is that of the list.
            return found.iter().take(limit).map(ranked).collect();
        }
        let mut entries: Vec<Ranked> = found.iter().map(ranked).collect();
        entries.sort_unstable_by(|a, b| self.by_score(a, b));
        entries.truncate(limit);
        entries
    }

    /// The best of all admitted candidates of a rule that ignores looks: by score where it has a term, else by price; then by
    /// id. Holds no more than the list.
    fn rank_all(&self, rule: usize, anchor: usize) -> Vec<Ranked> {
        let (lists, contract) = (&self.plan.lists, &self.plan.lists.rules[rule]);
        let limit = self.rules[rule].limit as usize;
        let by_score = self.rules[rule].rank.is_some();
        let order = |a: &Ranked, b: &Ranked| {
            let price = |entry: &Ranked| lists.price_rank[entry.candidate as usize];
            if by_score { self.by_score(a, b) } else { price(a).cmp(&price(b)).then_with(|| self.by_id(a, b)) }
        };
        let mut best: Vec<Ranked> = Vec::new();
        for row in contract.scopes[contract.scope[anchor] as usize].iter().cloned().flatten() {
            if !lists.admits(contract, anchor, row as usize) {
                continue;
            }
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

    fn ranked(&self, rule: usize, anchor: usize, row: u32, similarity: Option<f32>) -> Ranked {
        let rule = &self.rules[rule];
        let prices = || {
            let (from, to) = (&self.facts[anchor], &self.facts[row as usize]);
            (self.price(from), self.price(to).filter(|_| from.currency == to.currency))
        };
        // Prices are looked up only where the score has a term of them.
        let (from, to) = if rule.rank.is_some() { prices() } else { (None, None) };
        let pair = Pair { similarity, anchor: from, candidate: to };
        Ranked { candidate: row, similarity, score: rank::score(rule, pair) }
    }

    fn id(&self, row: usize) -> &str {
        &self.catalog.products[self.plan.products[row]].id
    }

    fn price(&self, of: &Facts) -> Option<Price> {
        (of.price != Key::NULL).then(|| self.prices[of.price.place()])
    }

    fn by_score(&self, a: &Ranked, b: &Ranked) -> Ordering {
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

    /// The rows of the `recommendations` table for one list.
    pub fn recommendations<'s>(&'s self, served: &'s Served) -> impl Iterator<Item = output::Recommendation> {
        let (anchor, (rule, relation)) = (self.facts[served.anchor], self.names[served.rule]);
        let price = self.price(&anchor);
        // First all of them, so that the processor waits for them together and not one by one.
        let candidates: Vec<Facts> = served.entries.iter().map(|entry| self.facts[entry.candidate as usize]).collect();
        let costs: Vec<Option<Price>> = candidates.iter().map(|candidate| self.price(candidate)).collect();
        let entries = served.entries.iter().zip(candidates).zip(costs).enumerate();
        entries.map(move |(place, ((entry, candidate), cost))| {
            let prices = price.zip(cost).filter(|_| anchor.currency == candidate.currency);
            output::Recommendation {
                product_id: anchor.id,
                rule,
                relation,
                rank: Key::new(place),
                recommended_id: candidate.id,
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
    pub fn coverage(&self, served: &Served) -> output::Coverage {
        let (rule, relation) = self.names[served.rule];
        let reason = |reason: Reason| Reason::BY_TEXT.iter().position(|&known| known == reason);
        output::Coverage {
            product_id: self.facts[served.anchor].id,
            rule,
            relation,
            list_limit: limit(&self.rules[served.rule]),
            eligible: i64::from(served.eligible),
            returned: i32::try_from(served.entries.len()).expect("at most the limit"),
            shortfall_reason: served.shortfall.and_then(reason).map_or(Key::NULL, Key::new),
        }
    }
}

fn limit(rule: &Rule) -> i32 {
    i32::try_from(rule.limit).expect("validated to at most 10,000")
}
