//! Random rules over the whole vocabulary. Refuses circles of fallbacks, and a least number of results above the limit.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rust_decimal::Decimal;

use super::{GLOBS, decimal, owned};
use crate::oracle::OracleRule;
use crate::oracle::shop::{Bounds, Candidates, Condition, Diversity, Group, PriceFit, Rank, Served, Similarity, Where};

const RATIOS: [&str; 7] = ["0.1", "0.5", "1", "1.0", "1.05", "1.25", "2"];
const LEVELS: [&str; 5] = ["-1", "2", "3.99", "4", "12"];

/// 1 to 5 rules; they fall back on earlier ones only, or on later ones only.
pub fn rules() -> impl Strategy<Value = Vec<OracleRule>> {
    let with_fallback = (rule(), prop::option::weighted(0.35, any::<u8>()));
    (prop::collection::vec(with_fallback, 1..=5), any::<bool>()).prop_map(|(rules, on_earlier)| {
        let count = rules.len();
        let named = rules.into_iter().enumerate().map(|(place, (rule, fallback))| {
            let others: Vec<usize> = if on_earlier { (0..place).collect() } else { (place + 1..count).collect() };
            let fallback = fallback.filter(|_| !others.is_empty());
            OracleRule {
                name: format!("rule-{place}"),
                fallback: fallback.map(|at| format!("rule-{}", others[usize::from(at) % others.len()])),
                ..rule
            }
        });
        named.collect()
    })
}

fn rule() -> impl Strategy<Value = OracleRule> {
    (scope(), conditions(), order(), shape()).prop_map(|(scope, conditions, order, shape)| {
        let visual = order.similarity == Similarity::Visual;
        let free = conditions.price_ratio == Bounds::default() && conditions.price == Bounds::default();
        let rank = order.rank.filter(|rank| visual || has_other_terms(rank));
        let must_differ = conditions.must_differ.iter().filter(|name| !conditions.must_match.contains(name));
        OracleRule {
            relation: scope.relation,
            products: scope.products,
            candidates: scope.candidates,
            group: scope.group,
            must_differ: must_differ.cloned().collect(),
            any_currency: conditions.any_currency && free,
            min_similarity: order.min_similarity.filter(|_| visual),
            pool: order.pool.filter(|_| visual && rank.is_some()),
            rank: rank.map(|rank| Rank { similarity: if visual { rank.similarity } else { 0.0 }, ..rank }),
            similarity: order.similarity,
            limit: order.limit,
            diversity: shape.diversity,
            min_results: shape.min_results.filter(|&least| least <= order.limit),
            priority: shape.priority,
            ..conditions
        }
    })
}

fn has_other_terms(rank: &Rank) -> bool {
    rank.price_fit.is_some() || rank.margin.is_some() || rank.complement.is_some()
}

/// Whom a rule serves, from where, and to which end.
fn scope() -> impl Strategy<Value = OracleRule> {
    let parts = (
        select(vec!["similar", "cross_sell", "upsell"]),
        served(),
        candidates(),
        select(vec![Group::Other, Group::Other, Group::Same, Group::Any]),
    );
    parts.prop_map(|(relation, products, candidates, group)| OracleRule {
        relation: relation.to_owned(),
        products,
        candidates,
        group,
        ..OracleRule::default()
    })
}

/// What pairs and candidates must meet.
fn conditions() -> impl Strategy<Value = OracleRule> {
    let parts = (bounds(&RATIOS, 0.4), bounds(&RATIOS, 0.2), attributes(), attributes(), any::<bool>(), wheres(0.25));
    parts.prop_map(|(price_ratio, price, must_match, must_differ, any_currency, conditions)| OracleRule {
        price_ratio,
        price,
        must_match,
        must_differ,
        conditions,
        any_currency,
        ..OracleRule::default()
    })
}

/// What lists are ordered by, and how long they are.
fn order() -> impl Strategy<Value = OracleRule> {
    let fit = (select(vec![0.3, 1.0]), select(vec![1.0, 1.25]))
        .prop_map(|(weight, best_ratio)| PriceFit { weight, best_ratio });
    let rank = (
        select(vec![1.0, 0.5, 2.5]),
        prop::option::weighted(0.6, fit),
        prop::option::weighted(0.4, select(vec![0.2, 1.0, 3.0])),
        prop::option::weighted(0.4, select(vec![0.1, 1.0])),
    )
        .prop_map(|(similarity, price_fit, margin, complement)| Rank { similarity, price_fit, margin, complement });
    let parts = (
        select(vec![Similarity::Visual, Similarity::Visual, Similarity::Visual, Similarity::Ignore]),
        prop::option::weighted(0.3, select(vec![-0.5_f32, 0.0, 0.25, 0.75, 1.0])),
        select(vec![1_usize, 2, 3, 5, 10]),
        prop::option::weighted(0.5, rank),
        prop::option::weighted(0.4, 0..4_usize),
    );
    parts.prop_map(|(similarity, min_similarity, limit, rank, more)| OracleRule {
        similarity,
        min_similarity,
        limit,
        rank,
        pool: more.map(|more| limit + more),
        ..OracleRule::default()
    })
}

/// What finished lists must look like.
fn shape() -> impl Strategy<Value = OracleRule> {
    let keys = vec!["brand", "category", "group", "material", "gender"];
    let caps = subsequence(keys, 1..=2).prop_flat_map(|keys| {
        let most = prop::collection::vec(1..4_usize, keys.len());
        most.prop_map(move |most| owned(&keys).into_iter().zip(most).collect())
    });
    let diversity = (caps, any::<bool>()).prop_map(|(max_per, hard)| Diversity { max_per, hard });
    let parts = (
        prop::option::weighted(0.3, diversity),
        prop::option::weighted(0.15, 1..5_usize),
        prop::option::weighted(0.3, select(vec![0, 1, 99, 100, 101])),
    );
    parts.prop_map(|(diversity, min_results, priority)| OracleRule {
        diversity,
        min_results,
        priority,
        ..OracleRule::default()
    })
}

/// Which anchors a rule or a placement serves: mostly all.
pub fn served() -> impl Strategy<Value = Served> {
    (prop::option::weighted(0.3, globs()), wheres(0.15))
        .prop_map(|(category, conditions)| Served { category, conditions })
}

/// One or two conditions, or mostly none.
fn wheres(chance: f64) -> impl Strategy<Value = Where> {
    let listed = |all: &[&'static str]| {
        let some = subsequence(all.to_vec(), 1..=2).prop_map(|some| owned(&some));
        let condition = (some, any::<bool>());
        condition.prop_map(|(some, not)| if not { Condition::NoneOf(some) } else { Condition::OneOf(some) })
    };
    let one = prop_oneof![
        listed(&["gold", "tin", "lead"]).prop_map(|condition| ("material", condition)),
        listed(&["x", "y"]).prop_map(|condition| ("brand", condition)),
        (select(vec!["rating", "stock"]), some_bounds(&LEVELS).prop_map(Condition::Within)),
        listed(&["4", "many"]).prop_map(|condition| ("rating", condition)),
    ];
    let some = prop::collection::vec(one, 1..=2).prop_map(|all| {
        let mut named: Where = Vec::new();
        for (name, condition) in all {
            if named.iter().all(|(other, _)| other != name) {
                named.push((name.to_owned(), condition));
            }
        }
        named
    });
    prop::option::weighted(chance, some).prop_map(Option::unwrap_or_default)
}

fn candidates() -> impl Strategy<Value = Candidates> {
    let words = vec![
        Candidates::SameCategory,
        Candidates::SameDepartment,
        Candidates::Complement,
        Candidates::OtherCategory,
        Candidates::Any,
    ];
    prop_oneof![5 => select(words), 1 => globs().prop_map(Candidates::Globs)]
}

fn bounds(texts: &'static [&'static str], chance: f64) -> impl Strategy<Value = Bounds> {
    prop::option::weighted(chance, some_bounds(texts)).prop_map(Option::unwrap_or_default)
}

/// One lower and one upper bound, or one of them, never ones that no number can meet.
fn some_bounds(texts: &'static [&'static str]) -> impl Strategy<Value = Bounds> {
    let pair = subsequence(texts, 2).prop_map(|pair| (decimal(pair[0]), decimal(pair[1])));
    let pair = pair.prop_filter("a lower bound below the upper", |(low, high): &(Decimal, Decimal)| low < high);
    (pair, any::<[bool; 2]>(), 0..3_u8).prop_map(|((low, high), [open, closed], kept)| Bounds {
        above: (open && kept != 1).then_some(low),
        from: (!open && kept != 1).then_some(low),
        up_to: (closed && kept != 2).then_some(high),
        below: (!closed && kept != 2).then_some(high),
    })
}

fn attributes() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        4 => Just(vec![]),
        1 => subsequence(vec!["gender", "material", "brand"], 1..=2).prop_map(|names| owned(&names)),
    ]
}

pub fn globs() -> impl Strategy<Value = Vec<String>> {
    subsequence(&GLOBS[..], 1..4).prop_map(|globs| owned(&globs))
}
