//! Random small shops and random rules over the whole vocabulary, as proptest strategies, and their
//! text for the front door. Made to be awkward: few categories, few prices, many exact duplicates and ties, much that is
//! missing.
//!
//! Refuses what the documentation leaves open (a rule over prices with `currency = "any"`, a pool below the limit) and
//! what makes the job end with rejects (zero vectors, repeated ids).

use std::fmt::Write as _;
use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rust_decimal::Decimal;

use crate::oracle::{Bounds, Candidates, Group, OracleProduct, OracleRule, PriceFit, Rank, Similarity};

/// The attribute columns of every random shop.
pub const ATTRIBUTES: [&str; 2] = ["gender", "material"];

const NESTED: [&str; 9] = ["A/x/1", "A/x/2", "A/y/3", "A/y", "A", "B/z", "B/w", "C", "D/x/1/q"];
const FLAT: [&str; 4] = ["A", "B", "C", "x"];
const GLOBS: [&str; 10] = ["A/**", "A/*", "A/x/*", "**/1", "B/*", "C", "*", "A/**/3", "x/**", "nowhere/*"];
const PRICES: [&str; 12] =
    ["0", "0.0001", "5", "9.99", "10", "10.00", "10.4895", "10.5", "12.50", "19.98", "20", "99999999999999.9999"];
const RATIOS: [&str; 7] = ["0.1", "0.5", "1", "1.0", "1.05", "1.25", "2"];
const VALUES: [f32; 7] = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0];

/// A catalog, its rules and its map of complements.
#[derive(Clone, Debug)]
pub struct RandomShop {
    /// Ids are unique.
    pub products: Vec<OracleProduct>,
    /// 1 to 5 valid rules, names unique.
    pub rules: Vec<OracleRule>,
    /// `[complements]`, keys unique.
    pub complements: Vec<(String, Vec<String>)>,
}

/// Everything at once, 1 to 60 products of it.
pub fn shop() -> impl Strategy<Value = RandomShop> {
    shop_of(1..61)
}

/// The same with as many products as `counts` says.
pub fn shop_of(counts: Range<usize>) -> impl Strategy<Value = RandomShop> {
    (products(counts), rules(), complements()).prop_map(|(products, rules, complements)| RandomShop {
        products,
        rules,
        complements,
    })
}

/// Products of one catalog either all flat or some nested, with vectors of 1 to 19 components.
pub fn products(counts: Range<usize>) -> impl Strategy<Value = Vec<OracleProduct>> {
    (any::<bool>(), 1..20_usize, counts).prop_flat_map(|(nested, dimension, count)| {
        let categories = if nested { &NESTED[..] } else { &FLAT[..] };
        let vectors = prop::collection::vec(vector(dimension), 1..9);
        vectors.prop_flat_map(move |vectors| {
            let products = prop::collection::vec(product(categories, vectors), count);
            (products, prop::collection::vec(any::<u16>(), count)).prop_map(|(mut products, salts)| {
                for (place, (product, salt)) in products.iter_mut().zip(salts).enumerate() {
                    product.id = format!("{}{place}", ["p", "", "é", "P-", "00"][usize::from(salt) % 5]);
                }
                products
            })
        })
    })
}

/// One product without an id; its vector is one of the given few, or a scaled copy, or none.
fn product(categories: &'static [&'static str], vectors: Vec<Vec<f32>>) -> impl Strategy<Value = OracleProduct> {
    let scaled = (select(vectors), select(vec![1.0_f32, 1.0, 1.0, 2.0, 3.0]))
        .prop_map(|(vector, scale)| vector.into_iter().map(|value| value * scale).collect());
    (
        prop::option::weighted(0.9, select(categories)),
        prop::option::weighted(0.9, select(&PRICES[..])),
        prop::sample::select(vec!["USD", "USD", "USD", "EUR"]),
        prop::option::weighted(0.5, select(vec!["g1", "g2", "g3", "g4", "p1"])),
        prop::bool::weighted(0.85),
        [prop::option::weighted(0.8, select(vec!["w", "m"])), prop::option::weighted(0.8, select(vec!["gold", "tin"]))],
        prop::option::weighted(0.9, scaled),
    )
        .prop_map(|(category, price, currency, group, in_stock, values, vector)| OracleProduct {
            id: String::new(),
            category: category.map(str::to_owned),
            price: price.map(decimal),
            currency: Some(currency.to_owned()),
            group: group.map(str::to_owned),
            in_stock,
            attributes: ATTRIBUTES
                .iter()
                .zip(values)
                .map(|(&name, v)| (name.to_owned(), v.map(str::to_owned)))
                .collect(),
            vector,
        })
}

/// Small whole numbers and halves, where many scores tie exactly, or any direction; never zero.
fn vector(dimension: usize) -> impl Strategy<Value = Vec<f32>> {
    let few = prop::collection::vec(select(&VALUES[..]), dimension);
    let any = prop::collection::vec(-1.0_f32..1.0, dimension);
    prop_oneof![few, any].prop_map(|mut vector| {
        if vector.iter().all(|&value| value == 0.0) {
            vector[0] = 1.0;
        }
        vector
    })
}

/// 1 to 5 rules over the whole vocabulary.
pub fn rules() -> impl Strategy<Value = Vec<OracleRule>> {
    prop::collection::vec(rule(), 1..=5).prop_map(|mut rules| {
        for (place, rule) in rules.iter_mut().enumerate() {
            rule.name = format!("rule-{place}");
        }
        rules
    })
}

fn rule() -> impl Strategy<Value = OracleRule> {
    let scope = (
        select(vec!["similar", "cross_sell", "upsell"]),
        prop::option::weighted(0.3, globs()),
        candidates(),
        select(vec![Group::Other, Group::Other, Group::Same, Group::Any]),
    );
    let conditions = (bounds(0.5), bounds(0.2), attributes(), attributes(), any::<bool>());
    let order = (
        select(vec![Similarity::Visual, Similarity::Visual, Similarity::Visual, Similarity::Ignore]),
        prop::option::weighted(0.3, select(vec![-0.5_f32, 0.0, 0.25, 0.75, 1.0])),
        select(vec![1_usize, 2, 3, 10]),
        prop::option::weighted(0.5, (select(vec![1.0, 0.5, 2.5]), select(vec![0.3, 1.0]), select(vec![1.0, 1.25]))),
        prop::option::weighted(0.3, 0..4_usize),
    );
    (scope, conditions, order).prop_map(|(scope, conditions, order)| {
        let (relation, products, candidates, group) = scope;
        let (price_ratio, price, must_match, must_differ, any_currency) = conditions;
        let (similarity, min_similarity, limit, rank, more) = order;
        let visual = similarity == Similarity::Visual;
        let rank = rank.map(|(weight, fit, best_ratio)| Rank {
            similarity: if visual { weight } else { 0.0 },
            price_fit: Some(PriceFit { weight: fit, best_ratio }),
        });
        let free = price_ratio == Bounds::default() && price == Bounds::default();
        OracleRule {
            name: String::new(),
            relation: relation.to_owned(),
            products,
            candidates,
            price_ratio,
            price,
            must_differ: must_differ.into_iter().filter(|name| !must_match.contains(name)).collect(),
            must_match,
            group,
            any_currency: any_currency && free,
            similarity,
            min_similarity: min_similarity.filter(|_| visual),
            limit,
            pool: more.filter(|_| visual && rank.is_some()).map(|more| limit + more),
            rank,
        }
    })
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

/// At most one lower and one upper bound, never one that no price can meet.
fn bounds(chance: f64) -> impl Strategy<Value = Bounds> {
    let pair = subsequence(&RATIOS[..], 2).prop_map(|pair| (decimal(pair[0]), decimal(pair[1])));
    let pair = pair.prop_filter("a lower bound below the upper", |(low, high)| low < high);
    let some = (pair, any::<[bool; 2]>(), 0..3_u8).prop_map(|((low, high), [open, closed], kept)| Bounds {
        above: (open && kept != 1).then_some(low),
        from: (!open && kept != 1).then_some(low),
        up_to: (closed && kept != 2).then_some(high),
        below: (!closed && kept != 2).then_some(high),
    });
    prop::option::weighted(chance, some).prop_map(Option::unwrap_or_default)
}

fn attributes() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![3 => Just(vec![]), 1 => subsequence(&ATTRIBUTES[..], 1..=2)]
        .prop_map(|names: Vec<&str>| names.into_iter().map(str::to_owned).collect())
}

fn globs() -> impl Strategy<Value = Vec<String>> {
    subsequence(&GLOBS[..], 1..4).prop_map(|globs| globs.into_iter().map(str::to_owned).collect())
}

fn complements() -> impl Strategy<Value = Vec<(String, Vec<String>)>> {
    prop::option::weighted(0.5, (globs(), prop::collection::vec(globs(), 3)))
        .prop_map(|map| map.map_or_else(Vec::new, |(keys, targets)| keys.into_iter().zip(targets).collect()))
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("the lists above hold decimals")
}

/// `twinset.toml` for a catalog `products.jsonl` beside it, vectors in the column `embedding`, tables in `out`.
#[must_use]
pub fn to_toml(rules: &[OracleRule], complements: &[(String, Vec<String>)]) -> String {
    let mut text = String::from(
        "[catalog]\npath = \"products.jsonl\"\n\n[embedding]\nkind = \"column\"\ncolumn = \"embedding\"\n\n\
         [similarity]\ndevice = \"cpu\"\n\n[output]\npath = \"out\"\n",
    );
    if !complements.is_empty() {
        text.push_str("\n[complements]\n");
    }
    for (key, globs) in complements {
        line(&mut text, &format!("{key:?}"), &format!("{globs:?}"));
    }
    for rule in rules {
        write_rule(&mut text, rule);
    }
    text
}

fn write_rule(text: &mut String, rule: &OracleRule) {
    text.push_str("\n[[rule]]\n");
    line(text, "name", &format!("{:?}", rule.name));
    line(text, "relation", &format!("{:?}", rule.relation));
    if let Some(globs) = &rule.products {
        line(text, "products", &format!("{{ category = {globs:?} }}"));
    }
    let candidates = match &rule.candidates {
        Candidates::SameCategory => "\"same_category\"".to_owned(),
        Candidates::SameDepartment => "\"same_department\"".to_owned(),
        Candidates::Complement => "\"complement\"".to_owned(),
        Candidates::OtherCategory => "\"other_category\"".to_owned(),
        Candidates::Any => "\"any\"".to_owned(),
        Candidates::Globs(globs) => format!("{globs:?}"),
    };
    line(text, "candidates", &candidates);
    write_bounds(text, "price_ratio", &rule.price_ratio);
    write_bounds(text, "price", &rule.price);
    for (key, names) in [("must_match", &rule.must_match), ("must_differ", &rule.must_differ)] {
        if !names.is_empty() {
            line(text, key, &format!("{names:?}"));
        }
    }
    match rule.group {
        Group::Other => {}
        Group::Same => line(text, "group", "\"same\""),
        Group::Any => line(text, "group", "\"any\""),
    }
    if rule.any_currency {
        line(text, "currency", "\"any\"");
    }
    if rule.similarity == Similarity::Ignore {
        line(text, "similarity", "\"ignore\"");
    }
    if let Some(least) = rule.min_similarity {
        line(text, "min_similarity", &format!("{least:?}"));
    }
    line(text, "limit", &rule.limit.to_string());
    if let Some(rank) = &rule.rank {
        text.push_str("[rule.rank]\n");
        if let Some(pool) = rule.pool {
            line(text, "pool", &pool.to_string());
        }
        if rule.similarity == Similarity::Visual {
            line(text, "similarity", &format!("{:?}", rank.similarity));
        }
        if let Some(fit) = &rank.price_fit {
            let fit = format!("{{ weight = {:?}, best_ratio = {:?} }}", fit.weight, fit.best_ratio);
            line(text, "price_fit", &fit);
        }
    }
}

fn write_bounds(text: &mut String, key: &str, bounds: &Bounds) {
    let named = [("above", bounds.above), ("from", bounds.from), ("up_to", bounds.up_to), ("below", bounds.below)];
    let given: Vec<String> =
        named.iter().filter_map(|(name, bound)| bound.map(|bound| format!("{name} = {bound}"))).collect();
    if !given.is_empty() {
        line(text, key, &format!("{{ {} }}", given.join(", ")));
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    writeln!(text, "{key} = {value}").expect("a string takes any text");
}

/// The catalog as JSON Lines: every key in every row, null where there is nothing; prices as JSON numbers in decimal
/// text; vector components so that reading them as f64 or as f32 gives the same f32 back.
#[must_use]
pub fn to_jsonl(products: &[OracleProduct]) -> String {
    let mut text = String::new();
    for product in products {
        let price = product.price.map_or_else(|| "null".to_owned(), |price| price.to_string());
        let vector = product.vector.as_ref().map(|vector| vector.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>());
        let mut fields = vec![
            ("id", quoted(Some(&product.id))),
            ("title", quoted(Some(&product.id))),
            ("category", quoted(product.category.as_ref())),
            ("price", price),
            ("currency", quoted(product.currency.as_ref())),
            ("group_id", quoted(product.group.as_ref())),
            ("in_stock", product.in_stock.to_string()),
        ];
        fields.extend(product.attributes.iter().map(|(name, value)| (name.as_str(), quoted(value.as_ref()))));
        fields.push(("embedding", vector.map_or_else(|| "null".to_owned(), |vector| format!("{vector:?}"))));
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        writeln!(text, "{{{}}}", fields.join(", ")).expect("a string takes any text");
    }
    text
}

/// A JSON string, or null. The texts made here hold nothing that JSON escapes.
fn quoted(text: Option<&String>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""))
}
