//! From rules to lists: rows in an order that turns rules into ranges, price bands, codes, eligible counts and reasons.
//!
//! Rows are sorted by region (what they can be), currency, category, price and id. A *block* is the run of one region, currency
//! and category; what a rule allows beside an anchor's category is then a few ranges of rows, and a price condition is a band
//! of price ranks whose ends are two cursors that only move up as the anchor's price does. This room refuses to know what a
//! relation means or how a list is ranked, and never stores anything per pair of products.

mod eligible;
mod merchandise;
mod numbers;
mod order;
mod scopes;

use std::collections::{HashMap, HashSet};

use crate::catalog::{Catalog, Product, ProductIndex};
use crate::merchandising::Merchandising;
use crate::money::Price;
use crate::rules::complements::{ComplementWeights, Complements};
use crate::rules::conditions::Conditions;
use crate::rules::globs::Globs;
use crate::rules::vocabulary::{CATEGORY, GROUP, Products};
use crate::rules::{Diversity, Looks, Rule, price};
use crate::similarity::lists::{NO_CODE, NO_LIST, NO_PRICE};
use crate::similarity::{ListCaps, Lists, RefusedPairs, RuleLists};
pub use merchandise::{Merchandise, Pin};
use order::Order;
use scopes::Scopes;

/// Why a list has fewer entries than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The anchor's image is a URL, and twinset reads files.
    ImageIsUrl,
    /// The anchor has no vector.
    NoVector,
    /// The anchor has no category, and the rule speaks of categories.
    NoCategory,
    /// The anchor has no price above zero, and the rule has a price condition.
    NoPrice,
    /// The anchor lacks an attribute that the rule compares.
    NoAttribute,
    /// The rule allows no more.
    FewEligible,
    /// What else is eligible is not similar enough.
    MinSimilarity,
    /// What else is eligible is blocked by hand.
    Blocked,
    /// What else is eligible exceeds a hard cap.
    HardCap,
    /// The list was too short to be shown.
    MinResults,
}

impl Reason {
    /// Every reason, in the order of its text.
    pub const BY_TEXT: [Reason; 10] = [
        Reason::Blocked,
        Reason::FewEligible,
        Reason::HardCap,
        Reason::ImageIsUrl,
        Reason::MinResults,
        Reason::MinSimilarity,
        Reason::NoAttribute,
        Reason::NoCategory,
        Reason::NoPrice,
        Reason::NoVector,
    ];

    /// The text of the `shortfall_reason` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::ImageIsUrl => "image_is_url",
            Reason::NoVector => "no_vector",
            Reason::NoCategory => "no_category",
            Reason::NoPrice => "no_price",
            Reason::NoAttribute => "no_attribute",
            Reason::FewEligible => "few_eligible",
            Reason::MinSimilarity => "min_similarity",
            Reason::Blocked => "blocked",
            Reason::HardCap => "hard_cap",
            Reason::MinResults => "min_results",
        }
    }
}

/// Why a product has no vector, or that it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It has a vector.
    Seen,
    /// Its image is a URL.
    Url,
    /// It has no usable image or vector.
    Unseen,
}

/// What an anchor may expect of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The rule does not serve this product.
    NotServed,
    /// The product lacks what the rule needs.
    Lacks(Reason),
    /// Entries that the rule allows.
    Eligible(u32),
}

/// A night's plan.
#[derive(Debug)]
pub struct Plan {
    /// Per row, its product.
    pub products: Vec<ProductIndex>,
    /// Rows `0..seen` have a vector.
    pub seen: usize,
    /// The contract with the engines, over rows.
    pub lists: Lists,
    /// Per rule and row, what the anchor may expect.
    pub service: Vec<Vec<Service>>,
    /// Pins and blocks.
    pub merchandise: Merchandise,
    /// Per row, the number of its category; of products without one, [`Plan::categories`].
    pub category: Vec<u32>,
    /// How many categories there are.
    pub categories: u32,
    /// How strongly categories go together; empty where no rule ranks by it.
    weights: ComplementWeights,
    /// Blocks: runs of one region, currency and category.
    pub blocks: usize,
}

impl Plan {
    /// Plans the lists of every product under `rules`. `sight` says per product whether it has a vector.
    ///
    /// The attributes that rules name must be in `catalog.attributes`.
    #[must_use]
    pub fn new(catalog: &Catalog, sight: &[Sight], rules: &[Rule], complements: &Complements) -> Plan {
        let order = Order::new(catalog, sight);
        let mut lists = Lists {
            id_rank: order.id_ranks(catalog),
            group: order.groups(catalog),
            price_rank: order.price_ranks(catalog),
            codes: (0..catalog.attributes.len()).map(|a| order.codes(catalog, a)).collect(),
            rules: Vec::new(),
        };
        let cap_columns = CapColumns::new(&order, rules, &mut lists);
        let mut service = Vec::new();
        for rule in rules {
            let scopes = Scopes::new(&order, rule, complements);
            let bands = rule.has_price_condition().then(|| bands(&order, &lists.price_rank, rule));
            let column = |name: &String| catalog.attribute_place(name);
            let mut planned = RuleLists {
                visual: rule.is_visual(),
                k: rule.pool() as usize,
                min_score: rule.min_similarity.unwrap_or(f32::NEG_INFINITY),
                group: rule.group,
                scope: scopes.of_row.clone(),
                scopes: scopes.ranges.clone(),
                bands,
                must_match: rule.must_match.iter().map(column).collect(),
                must_differ: rule.must_differ.iter().map(column).collect(),
                refused: refused(catalog, &order, rule),
                refused_pairs: RefusedPairs::default(),
                caps: rule.diversity.as_ref().map(|diversity| cap_columns.caps(catalog, &lists, rule, diversity)),
            };
            let mut expected = serve(catalog, sight, &order, rule, &lists, &mut planned);
            for (row, count) in eligible::count(&lists, &planned, &scopes) {
                expected[row] = Service::Eligible(count);
            }
            lists.rules.push(planned);
            service.push(expected);
        }
        let categories = order.categories.len();
        let ranks_complements = |rule: &Rule| rule.rank.as_ref().is_some_and(|rank| rank.complement > 0.0);
        let weights = if rules.iter().any(ranks_complements) {
            order.categories.complement_weights(complements)
        } else {
            ComplementWeights::default()
        };
        let category = order.places.iter().map(|place| place.1).collect();
        let (seen, blocks, products) = (order.seen, order.blocks(), order.products);
        Plan {
            products,
            seen,
            lists,
            service,
            merchandise: Merchandise::default(),
            category,
            categories,
            weights,
            blocks,
        }
    }

    /// Adds lists that hold, beside every product with a vector, those of other groups that look nearly the same, whatever else is said
    /// of them. They come last in [`Plan::lists`] and belong to no rule: nothing is served, pinned or blocked there.
    pub fn list_duplicates(&mut self, min_similarity: f32, limit: u32) {
        let everything = RuleLists::everything(self.products.len(), self.seen, limit as usize);
        self.lists.rules.push(RuleLists { min_score: min_similarity, ..everything });
    }

    /// Takes pins and blocks in: from now on no list holds what is blocked from it. What anchors may expect was counted without them.
    /// Says which decisions are idle tonight.
    pub fn merchandise(&mut self, catalog: &Catalog, merchandising: &Merchandising) -> Vec<String> {
        if merchandising.decisions.is_empty() {
            return Vec::new();
        }
        let named: HashSet<&str> = merchandising.products().collect();
        let rows: HashMap<&str, (u32, ProductIndex)> = (0..)
            .zip(&self.products)
            .map(|(row, &product)| (catalog.products[product].id.as_str(), (row, product)))
            .filter(|(id, _)| named.contains(id))
            .collect();
        let rules = self.service.len();
        let (merchandise, idle) = Merchandise::new(catalog, merchandising, rules, |id| rows.get(id).copied());
        for (rule, lists) in self.lists.rules[..rules].iter_mut().enumerate() {
            merchandise.keep_out(rule, lists);
        }
        self.merchandise = merchandise;
        idle
    }

    /// The weight of the candidate's category among the complements of the anchor's (both rows); 0 where it is none.
    #[must_use]
    pub fn complement_weight(&self, anchor: usize, candidate: usize) -> f64 {
        self.weights.weight(self.category[anchor], self.category[candidate])
    }

    /// Takes every list away but those of one row, for an engine that need not fill them.
    pub fn keep_lists_of(&mut self, anchor: usize) {
        for rule in &mut self.lists.rules {
            let kept = rule.scope[anchor];
            rule.scope.fill(NO_LIST);
            rule.scope[anchor] = kept;
        }
    }

    /// Bytes that the plan holds, without the catalog.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.products.len() * (8 + 8 * self.service.len()) + self.lists.bytes()
    }

    /// The products that have a vector, in the order of the rows.
    #[must_use]
    pub fn seen_products(&self) -> impl ExactSizeIterator<Item = ProductIndex> + Clone + '_ {
        self.products[..self.seen].iter().copied()
    }
}

/// Where the codes of categories and groups are, for caps that speak of them.
struct CapColumns {
    category: usize,
    group: usize,
}

impl CapColumns {
    /// Adds these codes behind those of the attributes, as far as a cap speaks of them.
    fn new(order: &Order, rules: &[Rule], lists: &mut Lists) -> CapColumns {
        let is_capped =
            |name: &str| rules.iter().filter_map(|rule| rule.diversity.as_ref()).any(|d| d.max_per.contains_key(name));
        let mut columns = CapColumns { category: usize::MAX, group: usize::MAX };
        if is_capped(CATEGORY) {
            let none = order.categories.len();
            let code = |&(_, category): &(u32, u32)| if category == none { NO_CODE } else { category + 1 };
            columns.category = lists.codes.len();
            lists.codes.push(order.places.iter().map(code).collect());
        }
        if is_capped(GROUP) {
            columns.group = lists.codes.len();
            lists.codes.push(lists.group.iter().map(|group| group + 1).collect());
        }
        columns
    }

    fn caps(&self, catalog: &Catalog, lists: &Lists, rule: &Rule, diversity: &Diversity) -> ListCaps {
        let column = |(name, &most): (&String, &u32)| match name.as_str() {
            CATEGORY => (self.category, most),
            GROUP => (self.group, most),
            attribute => (catalog.attribute_place(attribute), most),
        };
        let columns: Vec<(usize, u32)> = diversity.max_per.iter().map(column).collect();
        // With a rank the engine's order is not that of the list. With several caps, or where a better variant has another value than
        // the one that it replaces, a better entry may leave fewer within the caps: what is enough would depend on who came first.
        let is_steady =
            rule.rank.is_none() && columns.len() == 1 && is_one_per_group(&lists.codes[columns[0].0], &lists.group);
        ListCaps { columns, enough: is_steady.then_some(rule.limit as usize) }
    }
}

/// Whether the rows of each group have one code.
fn is_one_per_group(codes: &[u32], groups: &[u32]) -> bool {
    let mut of_group = vec![None; groups.iter().max().map_or(0, |&last| last as usize + 1)];
    codes.iter().zip(groups).all(|(&code, &group)| *of_group[group as usize].get_or_insert(code) == code)
}

/// Says for every row whether the rule serves it and what it lacks, and takes the lists away of those that lack something.
fn serve(
    catalog: &Catalog,
    sight: &[Sight],
    order: &Order,
    rule: &Rule,
    lists: &Lists,
    planned: &mut RuleLists,
) -> Vec<Service> {
    let priced = rule.has_price_condition();
    let compared: Vec<usize> = planned.must_match.iter().chain(&planned.must_differ).copied().collect();
    let mut all = Vec::with_capacity(order.products.len());
    for (row, &product) in order.products.iter().enumerate() {
        let item = &catalog.products[product];
        let served = serves(catalog, item, &rule.products);
        let lacks = match sight[product] {
            Sight::Url if rule.similarity == Looks::Visual => Some(Reason::ImageIsUrl),
            Sight::Unseen if rule.similarity == Looks::Visual => Some(Reason::NoVector),
            _ if item.category.is_none() && rule.candidates.speaks_of_categories() => Some(Reason::NoCategory),
            _ if priced && item.price.is_none_or(|price| price.units() == 0) => Some(Reason::NoPrice),
            _ if compared.iter().any(|&column| lists.codes[column][row] == NO_CODE) => Some(Reason::NoAttribute),
            _ => None,
        };
        if !served || lacks.is_some() {
            planned.scope[row] = NO_LIST;
        }
        all.push(match lacks {
            _ if !served => Service::NotServed,
            Some(reason) => Service::Lacks(reason),
            None => Service::Eligible(0),
        });
    }
    all
}

/// The rows whose own attributes a rule does not want, if it says anything about them.
fn refused(catalog: &Catalog, order: &Order, rule: &Rule) -> Option<Box<[bool]>> {
    let is_refused = |&product: &ProductIndex| !meets(catalog, &catalog.products[product], &rule.conditions);
    (!rule.conditions.is_empty()).then(|| order.products.iter().map(is_refused).collect())
}

/// Whether a product is one of those that a rule or a placement serves.
#[must_use]
pub fn serves(catalog: &Catalog, product: &Product, served: &Products) -> bool {
    let is_in = |globs: &Globs| product.category.as_ref().is_some_and(|own| globs.matches(own.as_str()));
    served.category.as_ref().is_none_or(is_in) && meets(catalog, product, &served.conditions)
}

/// Whether a product's attributes meet conditions.
fn meets(catalog: &Catalog, product: &Product, conditions: &Conditions) -> bool {
    conditions.iter().all(|(name, condition)| condition.holds(catalog.attribute(product, name)))
}

/// Per row, the price ranks that the rule allows beside it: found once for each distinct price.
fn bands(order: &Order, price_rank: &[u32], rule: &Rule) -> Vec<std::ops::Range<u32>> {
    let rank = |prices: usize| u32::try_from(prices).expect("fewer than 2^32 prices");
    let band = |&anchor: &i64| {
        let allowed = price::allowed(rule, Price::from_units(anchor).expect("the units of a price"));
        let from = order.prices.partition_point(|&p| p < *allowed.start());
        let to = order.prices.partition_point(|&p| p <= *allowed.end());
        rank(from)..rank(to.max(from))
    };
    let of_price: Vec<std::ops::Range<u32>> = order.prices.iter().map(band).collect();
    let of_row = |&price: &u32| if price == NO_PRICE { 0..0 } else { of_price[price as usize].clone() };
    price_rank.iter().map(of_row).collect()
}
