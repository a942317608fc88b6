//! The slow evaluator: every list computed pair by pair from the documentation's words, to compare the product with.
//!
//! It shares no type and no line with the product, and refuses to be clever: no blocks, no ranges, no early exit. A
//! reader can hold each function against the page that describes the rules.

mod category;
pub mod score;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::HashSet;

use rayon::prelude::*;
use rust_decimal::Decimal;

/// One row of a catalog.
#[derive(Clone, Debug)]
pub struct OracleProduct {
    /// Unique text.
    pub id: String,
    /// The category path, segments joined by `/`.
    pub category: Option<String>,
    /// What the customer pays.
    pub price: Option<Decimal>,
    /// ISO 4217 code. Products without one are taken to share a currency.
    pub currency: Option<String>,
    /// Variants of one product share it; without it the row is a group of its own.
    pub group: Option<String>,
    /// Whether it may be recommended.
    pub in_stock: bool,
    /// Attribute columns by name; an empty cell is `None`.
    pub attributes: Vec<(String, Option<String>)>,
    /// The vector as the catalog holds it, not yet of length 1.
    pub vector: Option<Vec<f32>>,
}

/// One `[[rule]]`.
#[derive(Clone, Debug)]
pub struct OracleRule {
    /// `name`.
    pub name: String,
    /// `relation`: `similar`, `cross_sell` or `upsell`. It changes no list.
    pub relation: String,
    /// Globs of `products = { category = [...] }`; `None` serves every product.
    pub products: Option<Vec<String>>,
    /// `candidates`.
    pub candidates: Candidates,
    /// `price_ratio`: bounds of candidate's price / anchor's price.
    pub price_ratio: Bounds,
    /// `price`: bounds of the candidate's price.
    pub price: Bounds,
    /// `must_match`: attributes equal to the anchor's.
    pub must_match: Vec<String>,
    /// `must_differ`: attributes different from the anchor's.
    pub must_differ: Vec<String>,
    /// `group`.
    pub group: Group,
    /// `currency = "any"`.
    pub any_currency: bool,
    /// `similarity`.
    pub similarity: Similarity,
    /// `min_similarity`.
    pub min_similarity: Option<f32>,
    /// `limit`.
    pub limit: usize,
    /// `[rule.rank]`.
    pub rank: Option<Rank>,
    /// How many of the most similar eligible entries are ranked; 5 x limit when left out.
    pub pool: Option<usize>,
}

/// Which categories candidates come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Candidates {
    /// The same full path.
    SameCategory,
    /// The same department.
    SameDepartment,
    /// By the configured map, else siblings.
    Complement,
    /// Any other path.
    OtherCategory,
    /// Every product, also one without a category.
    Any,
    /// Paths that a glob matches.
    Globs(Vec<String>),
}

/// Bounds of a price or of a ratio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Greater than.
    pub above: Option<Decimal>,
    /// At least.
    pub from: Option<Decimal>,
    /// At most.
    pub up_to: Option<Decimal>,
    /// Less than.
    pub below: Option<Decimal>,
}

/// Which variant groups candidates come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Group {
    /// Other groups, each by its best variant.
    Other,
    /// The anchor's own variants, each an entry.
    Same,
    /// Both.
    Any,
}

/// Whether looks count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Similarity {
    /// Most similar first.
    Visual,
    /// No vector is needed or looked at.
    Ignore,
}

/// The weighted mean that a list is ordered by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank {
    /// Weight of the similarity; 0 where the rule ignores it.
    pub similarity: f64,
    /// Weight of the price fit and the ratio that fits best.
    pub price_fit: Option<PriceFit>,
}

/// `price_fit = { weight, best_ratio }`.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceFit {
    /// Weight in the mean.
    pub weight: f64,
    /// The ratio whose fit is 1.
    pub best_ratio: f64,
}

/// What one rule owes one product: a row of `coverage` with its rows of `recommendations`.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleList {
    /// The anchor's id.
    pub product: String,
    /// The rule's name.
    pub rule: String,
    /// Entries that the rule allows.
    pub eligible: usize,
    /// Entries in the list.
    pub returned: usize,
    /// Why the list is shorter than the limit; `None` when it is not.
    pub reason: Option<&'static str>,
    /// The list by rank.
    pub entries: Vec<OracleEntry>,
}

/// One place of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleEntry {
    /// The candidate's id.
    pub id: String,
    /// The canonical score; `None` when the rule ignores looks.
    pub similarity: Option<f32>,
    /// What the list is ordered by; `None` when there is neither similarity nor a rank term.
    pub score: Option<f32>,
}

/// Every list, by product in catalog order, then by rule in the order given. `complements` is the configured map from
/// category globs to the globs of what completes them.
#[must_use]
pub fn evaluate(
    products: &[OracleProduct],
    rules: &[OracleRule],
    complements: &[(String, Vec<String>)],
) -> Vec<OracleList> {
    evaluate_some(products, rules, complements, &(0..products.len()).collect::<Vec<usize>>())
}

/// The same for some of the products only.
#[must_use]
pub fn evaluate_some(
    products: &[OracleProduct],
    rules: &[OracleRule],
    complements: &[(String, Vec<String>)],
    anchors: &[usize],
) -> Vec<OracleList> {
    let shop = Shop::new(products, complements);
    let lists = anchors.par_iter().flat_map_iter(|&anchor| {
        let served = rules.iter().filter(|rule| shop.serves(rule, anchor));
        served.map(|rule| shop.list(rule, anchor)).collect::<Vec<_>>()
    });
    lists.collect()
}

/// Per rule and product, the candidates that the rule allows beside it, whatever their similarity and group mates; `None`
/// where the rule does not serve the product or the product lacks what the rule needs.
#[must_use]
pub fn allowed(
    products: &[OracleProduct],
    rules: &[OracleRule],
    complements: &[(String, Vec<String>)],
) -> Vec<Vec<Option<Vec<usize>>>> {
    let shop = Shop::new(products, complements);
    let of_anchor = |rule, anchor| {
        let has_list = shop.serves(rule, anchor) && shop.lacking(rule, anchor).is_none();
        has_list.then(|| shop.candidates(rule, anchor))
    };
    rules.iter().map(|rule| (0..products.len()).map(|anchor| of_anchor(rule, anchor)).collect()).collect()
}

struct Shop<'a> {
    products: &'a [OracleProduct],
    units: Vec<Option<Vec<f32>>>,
    complements: &'a [(String, Vec<String>)],
    /// Every category once, and the place in it of each product's.
    categories: Vec<&'a str>,
    category_of: Vec<Option<usize>>,
}

/// An eligible candidate and what it is ordered by.
#[derive(Clone)]
struct Scored {
    candidate: usize,
    similarity: Option<f32>,
    score: Option<f32>,
}

impl<'a> Shop<'a> {
    fn new(products: &'a [OracleProduct], complements: &'a [(String, Vec<String>)]) -> Shop<'a> {
        let units = products.iter().map(|product| product.vector.as_deref().and_then(score::unit)).collect();
        let mut categories: Vec<&str> = products.iter().filter_map(|product| product.category.as_deref()).collect();
        categories.sort_unstable();
        categories.dedup();
        let place = |category: &str| categories.binary_search(&category).expect("every category is there");
        let category_of = products.iter().map(|product| product.category.as_deref().map(place)).collect();
        Shop { products, units, complements, categories, category_of }
    }

    fn serves(&self, rule: &OracleRule, anchor: usize) -> bool {
        let Some(globs) = &rule.products else { return true };
        self.category(anchor).is_some_and(|path| category::matches_any(globs, path))
    }

    fn list(&self, rule: &OracleRule, anchor: usize) -> OracleList {
        let lacking = self.lacking(rule, anchor);
        let mut allowed: Vec<Scored> = Vec::new();
        if lacking.is_none() {
            let candidates = self.candidates(rule, anchor).into_iter();
            allowed = candidates.map(|candidate| self.scored(rule, anchor, candidate)).collect();
        }
        let mut entries = self.best_of_each_group(rule, anchor, allowed);
        let eligible = entries.len();
        if let Some(least) = rule.min_similarity {
            entries.retain(|entry| entry.similarity.is_none_or(|similarity| similarity >= least));
        }
        if rule.rank.is_some() && rule.similarity == Similarity::Visual {
            entries.truncate(rule.pool.unwrap_or(5 * rule.limit));
        }
        entries.sort_by(|x, y| self.by_rank(x, y));
        entries.truncate(rule.limit);

        let returned = entries.len();
        let short = if returned == eligible { "few_eligible" } else { "min_similarity" };
        OracleList {
            product: self.products[anchor].id.clone(),
            rule: rule.name.clone(),
            eligible,
            returned,
            reason: if returned == rule.limit { None } else { Some(lacking.unwrap_or(short)) },
            entries: entries.iter().map(|entry| self.entry(entry)).collect(),
        }
    }

    /// What the anchor lacks for this rule, the first in the documented order.
    fn lacking(&self, rule: &OracleRule, anchor: usize) -> Option<&'static str> {
        let product = &self.products[anchor];
        if rule.similarity == Similarity::Visual && self.units[anchor].is_none() {
            return Some("no_vector");
        }
        if rule.candidates != Candidates::Any && product.category.is_none() {
            return Some("no_category");
        }
        if has_price_condition(rule) && product.price.is_none_or(|price| price <= Decimal::ZERO) {
            return Some("no_price");
        }
        let mut named = rule.must_match.iter().chain(&rule.must_differ);
        if named.any(|name| self.attribute(anchor, name).is_none()) {
            return Some("no_attribute");
        }
        None
    }

    /// What the rule allows. The anchor lacks nothing.
    fn candidates(&self, rule: &OracleRule, anchor: usize) -> Vec<usize> {
        let category_allows = self.category_allows(rule, anchor);
        let pairs = (0..self.products.len()).filter(|&candidate| category_allows(candidate));
        pairs.filter(|&candidate| self.eligible(rule, anchor, candidate)).collect()
    }

    /// Whether the rule allows this pair, categories apart.
    fn eligible(&self, rule: &OracleRule, anchor: usize, candidate: usize) -> bool {
        let (a, c) = (&self.products[anchor], &self.products[candidate]);
        let group = match rule.group {
            Group::Other => !self.same_group(anchor, candidate),
            Group::Same => self.same_group(anchor, candidate),
            Group::Any => true,
        };
        let currency = a.currency == c.currency || (rule.any_currency && !has_price_condition(rule));
        anchor != candidate
            && c.in_stock
            && (rule.similarity == Similarity::Ignore || self.units[candidate].is_some())
            && group
            && currency
            && price_allows(rule, a.price, c.price)
            && rule.must_match.iter().all(|name| self.attributes_are(anchor, candidate, name, true))
            && rule.must_differ.iter().all(|name| self.attributes_are(anchor, candidate, name, false))
    }

    /// Whether a candidate is in a category that the rule allows.
    fn category_allows<'s>(&'s self, rule: &'s OracleRule, anchor: usize) -> Box<dyn Fn(usize) -> bool + 's> {
        let all = &self.categories;
        if rule.candidates == Candidates::Any {
            return Box::new(|_| true);
        }
        let Some(own) = self.category(anchor) else { return Box::new(|_| false) };
        let allows: Box<dyn Fn(&str) -> bool + 's> = match &rule.candidates {
            Candidates::SameCategory => Box::new(move |other| own == other),
            Candidates::OtherCategory => Box::new(move |other| own != other),
            Candidates::SameDepartment => {
                Box::new(move |other| category::department(own, all) == category::department(other, all))
            }
            Candidates::Complement => Box::new(category::complements(own, all, self.complements)),
            Candidates::Globs(globs) => Box::new(|other| category::matches_any(globs, other)),
            Candidates::Any => unreachable!("returned above"),
        };
        let allowed: Vec<bool> = all.iter().map(|category| allows(category)).collect();
        Box::new(move |candidate| self.category_of[candidate].is_some_and(|category| allowed[category]))
    }

    fn attributes_are(&self, anchor: usize, candidate: usize, name: &str, equal: bool) -> bool {
        match (self.attribute(anchor, name), self.attribute(candidate, name)) {
            (Some(own), Some(other)) => (own == other) == equal,
            _ => false,
        }
    }

    fn scored(&self, rule: &OracleRule, anchor: usize, candidate: usize) -> Scored {
        let (a, c) = (&self.products[anchor], &self.products[candidate]);
        let similarity = match (rule.similarity, &self.units[anchor], &self.units[candidate]) {
            (Similarity::Visual, Some(x), Some(y)) => Some(score::canonical(x, y)),
            _ => None,
        };
        let score = match &rule.rank {
            None => similarity,
            Some(rank) => {
                let prices = if a.currency == c.currency { a.price.zip(c.price) } else { None };
                Some(score::weighted_mean(rank, similarity, prices))
            }
        };
        Scored { candidate, similarity, score }
    }

    /// Most similar first, or in the final order where looks are ignored; of every other group only its first variant,
    /// every variant of the anchor's own group.
    fn best_of_each_group(&self, rule: &OracleRule, anchor: usize, mut allowed: Vec<Scored>) -> Vec<Scored> {
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

    fn same_group(&self, one: usize, other: usize) -> bool {
        let (x, y) = (&self.products[one].group, &self.products[other].group);
        one == other || (x.is_some() && x == y)
    }

    fn category(&self, product: usize) -> Option<&str> {
        self.products[product].category.as_deref()
    }

    fn attribute(&self, product: usize, name: &str) -> Option<&str> {
        let mut all = self.products[product].attributes.iter();
        all.find(|(column, _)| column == name).and_then(|(_, value)| value.as_deref())
    }

    fn id(&self, scored: &Scored) -> &str {
        &self.products[scored.candidate].id
    }

    fn entry(&self, scored: &Scored) -> OracleEntry {
        OracleEntry { id: self.id(scored).to_owned(), similarity: scored.similarity, score: scored.score }
    }
}

fn has_price_condition(rule: &OracleRule) -> bool {
    rule.price_ratio != Bounds::default() || rule.price != Bounds::default()
}

fn price_allows(rule: &OracleRule, anchor: Option<Decimal>, candidate: Option<Decimal>) -> bool {
    if !has_price_condition(rule) {
        return true;
    }
    let (Some(anchor), Some(candidate)) = (anchor, candidate) else { return false };
    within(&rule.price_ratio, anchor, candidate) && within(&rule.price, Decimal::ONE, candidate)
}

/// Whether `price` lies within the bounds times `unit`: multiplied, never divided.
fn within(bounds: &Bounds, unit: Decimal, price: Decimal) -> bool {
    bounds.above.is_none_or(|bound| price > bound * unit)
        && bounds.from.is_none_or(|bound| price >= bound * unit)
        && bounds.up_to.is_none_or(|bound| price <= bound * unit)
        && bounds.below.is_none_or(|bound| price < bound * unit)
}

fn descending(x: Option<f32>, y: Option<f32>) -> Ordering {
    y.partial_cmp(&x).expect("no score is NaN")
}
