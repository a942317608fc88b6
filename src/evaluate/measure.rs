//! One pass over all anchors: every list is made once, judged and counted. This room refuses to keep lists.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rust_decimal::Decimal;

use super::Question;
use super::bootstrap::{Bootstrap, Estimate};
use super::entries::{Counter, Entry, Variants, is_allowed};
use super::figures::{Accuracy, CategoryPairs, Coverage, MarginGain, RuleFigures};
use super::metrics::{Draw, Judged, Scores, float};
use super::pairs::Pairs;
use super::quantiles::Distribution;
use super::truth::Truth;
use crate::error::Result;
use crate::money::{Currency, PRICE_SCALE};
use crate::plan::Service;
use crate::progress::Progress;
use crate::recommend::{Recommender, Served};

/// Anchors that one step takes.
const STEP: usize = 256;

/// What a pass needs to know.
struct Measure<'a> {
    recommender: &'a Recommender<'a>,
    truth: &'a Truth,
    k: usize,
    variants: &'a Variants,
    /// Per measured rule, its place in the configuration and the categories that its links link.
    rules: Vec<(usize, Pairs<'a>)>,
    /// Per measured rule and group, whether some list has it.
    is_listed: Vec<Vec<AtomicBool>>,
}

/// What is counted of one rule's lists.
#[derive(Debug, Default)]
struct Tally {
    sources: Vec<Judged>,
    links: usize,
    lists: u64,
    full: u64,
    short: BTreeMap<&'static str, u64>,
    returned: u64,
    ratios: Vec<f64>,
    gains: Vec<(Option<Currency>, i64)>,
}

/// The figures of some rules, given by their places in the configuration.
///
/// # Errors
/// See [`Recommender::serve`].
pub(super) fn measure(
    recommender: &Recommender<'_>,
    truth: &Truth,
    rules: &[usize],
    question: &Question,
    progress: &Progress,
) -> Result<Vec<RuleFigures>> {
    let (plan, catalog) = (recommender.plan, recommender.catalog);
    let variants = Variants::new(&plan.lists.group);
    let available: Vec<bool> = plan.products.iter().map(|&product| catalog.products[product].is_available()).collect();
    let pairs = |&rule: &usize| {
        let relation = recommender.rules[rule].relation;
        let is_served = |row: &usize| plan.service[rule][*row] != Service::NotServed;
        let served = (0..plan.products.len()).filter(is_served);
        let links = served.flat_map(|row| truth.linked(relation, row).map(move |to| (row, to)));
        let (category, groups) = ((&plan.category[..], plan.categories), (&plan.lists.group[..], &variants));
        (rule, Pairs::new(category, groups, &available, links))
    };
    let unlisted = || (0..variants.groups()).map(|_| AtomicBool::new(false)).collect();
    let pass = Measure {
        recommender,
        truth,
        k: question.k,
        variants: &variants,
        rules: rules.iter().map(pairs).collect(),
        is_listed: rules.iter().map(|_| unlisted()).collect(),
    };
    progress.start(recommender.anchors().len() as u64);
    let steps = recommender.anchors().par_chunks(STEP).map_init(
        || Counter::new(variants.groups()),
        |counter, anchors| {
            let tallies = pass.step(counter, anchors);
            progress.advance(anchors.len() as u64);
            tallies
        },
    );
    let steps: Vec<Vec<Tally>> = steps.collect::<anyhow::Result<_>>()?;
    let mut tallies: Vec<Tally> = rules.iter().map(|_| Tally::default()).collect();
    for step in steps {
        tallies.iter_mut().zip(step).for_each(|(tally, more)| tally.add(more));
    }
    let offered =
        (0..).take(variants.groups()).filter(|&of| variants.of(of).iter().any(|&row| available[row as usize]));
    let offered = offered.count();
    let figures = rules.iter().zip(tallies).zip(&pass.is_listed).map(|((&rule, tally), is_listed)| {
        let listed = is_listed.iter().filter(|is| is.load(Ordering::Relaxed)).count();
        let rule = &recommender.rules[rule];
        let figures =
            tally.figures(question.resamples, if offered == 0 { 0.0 } else { float(listed) / float(offered) });
        RuleFigures { rule: rule.name.clone(), relation: rule.relation.as_str(), limit: rule.limit, ..figures }
    });
    Ok(figures.collect())
}

impl Measure<'_> {
    /// The tallies of the measured rules over some anchors.
    fn step(&self, counter: &mut Counter, anchors: &[usize]) -> anyhow::Result<Vec<Tally>> {
        let mut tallies: Vec<Tally> = self.rules.iter().map(|_| Tally::default()).collect();
        for served in self.recommender.serve_together(anchors)?.iter().flatten() {
            let Some(place) = self.rules.iter().position(|(rule, _)| *rule == served.rule) else { continue };
            let tally = &mut tallies[place];
            self.count(place, served, tally);
            let relation = self.recommender.rules[served.rule].relation;
            let linked: Vec<u32> = self.truth.linked(relation, served.anchor).collect();
            if !linked.is_empty() {
                tally.links += linked.len();
                tally.sources.push(self.judge(counter, &self.rules[place].1, served, &linked));
            }
        }
        Ok(tallies)
    }

    fn count(&self, place: usize, served: &Served, tally: &mut Tally) {
        let (recommender, plan) = (self.recommender, self.recommender.plan);
        tally.lists += 1;
        tally.returned += served.entries.len() as u64;
        if served.entries.len() < recommender.rules[served.rule].limit as usize {
            let reason = served.shortfall.map_or("unknown", crate::plan::Reason::as_str);
            *tally.short.entry(reason).or_default() += 1;
        } else {
            tally.full += 1;
        }
        for entry in &served.entries {
            let group = plan.lists.group[entry.ranked.candidate as usize];
            self.is_listed[place][group as usize].store(true, Ordering::Relaxed);
        }
        let currency = recommender.catalog.products[plan.products[served.anchor]].currency;
        for row in recommender.recommendations(served) {
            tally.ratios.extend(row.price_ratio);
            tally.gains.extend(row.margin_gain.map(|gain| (currency, gain)));
        }
    }

    fn judge(&self, counter: &mut Counter, pairs: &Pairs<'_>, served: &Served, linked: &[u32]) -> Judged {
        let (plan, rule, anchor) = (self.recommender.plan, served.rule, served.anchor);
        let entry = |row: u32| Entry::of(&plan.lists, &plan.lists.rules[rule], anchor, row);
        let mut linked: Vec<Entry> = linked.iter().map(|&row| entry(row)).collect();
        linked.sort_unstable();
        linked.dedup();
        let first = &served.entries[..served.entries.len().min(self.k)];
        let mut is_free = vec![true; linked.len()];
        let mut is_linked = |row: u32| {
            let found = linked.binary_search(&entry(row));
            // Pins may bring two variants of one product into a list: the second finds nothing new.
            found.is_ok_and(|at| std::mem::take(&mut is_free[at]))
        };
        let is_linked: Vec<bool> = first.iter().map(|listed| is_linked(listed.ranked.candidate)).collect();
        let draw = Draw {
            linked: linked.len(),
            eligible: counter.count(self.recommender, rule, anchor),
            eligible_linked: linked.iter().filter(|&&e| is_allowed(plan, self.variants, rule, anchor, e)).count(),
            k: self.k,
            places: self.k.min(self.recommender.rules[rule].limit as usize),
        };
        let entries = float(first.len());
        let in_pair = first.iter().filter(|listed| pairs.holds(anchor, listed.ranked.candidate)).count();
        let in_pair_by_chance = entries * pairs.chance(anchor);
        Judged { entries, in_pair: float(in_pair), in_pair_by_chance, ..draw.judge(&is_linked) }
    }
}

impl Tally {
    fn add(&mut self, more: Tally) {
        self.sources.extend(more.sources);
        self.links += more.links;
        self.lists += more.lists;
        self.full += more.full;
        for (reason, lists) in more.short {
            *self.short.entry(reason).or_default() += lists;
        }
        self.returned += more.returned;
        self.ratios.extend(more.ratios);
        self.gains.extend(more.gains);
    }

    /// The figures, but for what the rule says of itself.
    fn figures(mut self, resamples: u32, catalog: f64) -> RuleFigures {
        let sums = Bootstrap::new(&self.sources, resamples);
        self.ratios.par_sort_unstable_by(f64::total_cmp);
        self.gains.par_sort_unstable();
        let share = |lists: u64| if self.lists == 0 { 0.0 } else { wide(lists) / wide(self.lists) };
        RuleFigures {
            rule: String::new(),
            relation: "",
            limit: 0,
            sources: self.sources.len(),
            links: self.links,
            hit: accuracy(&sums, |judged| judged.hit),
            recall: accuracy(&sums, |judged| judged.recall),
            map: accuracy(&sums, |judged| judged.precision),
            category_pairs: category_pairs(&sums),
            coverage: Coverage {
                lists: self.lists,
                full: share(self.full),
                short: self.short.iter().map(|(&reason, &lists)| (reason, share(lists))).collect(),
                mean_returned: share(self.returned),
                catalog,
            },
            price_ratio: Distribution::of(&self.ratios),
            margin_gain: self.gains.chunk_by(|a, b| a.0 == b.0).filter_map(margin_gain).collect(),
        }
    }
}

fn accuracy(sums: &Bootstrap, of: impl Fn(&Judged) -> Scores) -> Option<Accuracy> {
    Some(Accuracy {
        found: sums.mean(|judged| of(judged).found)?,
        ceiling: sums.mean(|judged| of(judged).ceiling)?,
        random: sums.mean(|judged| of(judged).random)?,
        above_random: sums.mean(|judged| of(judged).found - of(judged).random)?,
    })
}

fn category_pairs(sums: &Bootstrap) -> Option<CategoryPairs> {
    let of_entries = |of: fn(&Judged) -> f64| -> Option<Estimate> { sums.ratio(of, |judged| judged.entries) };
    Some(CategoryPairs {
        rate: of_entries(|judged| judged.in_pair)?,
        chance: of_entries(|judged| judged.in_pair_by_chance)?,
        lift: sums.ratio(|judged| judged.in_pair, |judged| judged.in_pair_by_chance),
    })
}

/// Of ascending gains of one currency.
fn margin_gain(gains: &[(Option<Currency>, i64)]) -> Option<MarginGain> {
    let gain = Distribution::of(gains)?.map(|(_, units)| Decimal::new(units, PRICE_SCALE).to_string());
    Some(MarginGain { currency: gains.first()?.0.map(|currency| currency.to_string()), gain })
}

#[expect(clippy::cast_precision_loss, reason = "counts of lists are far below 2^53")]
fn wide(count: u64) -> f64 {
    count as f64
}
