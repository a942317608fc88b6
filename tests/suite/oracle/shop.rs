//! What a shop hands in, in the evaluator's own words: products, rules, complements, orders, pins, placements. Types only;
//! what they mean is said in the rooms beside it.

use chrono::NaiveDate;
use rust_decimal::Decimal;

/// A night's whole input.
#[derive(Clone, Debug)]
pub struct OracleShop {
    /// Ids are unique.
    pub products: Vec<OracleProduct>,
    /// Names are unique.
    pub rules: Vec<OracleRule>,
    /// `[complements]`: key glob, then the globs of what goes with it and their weights.
    pub complements: Vec<(String, Vec<(String, f64)>)>,
    /// `[orders]`.
    pub orders: Option<Orders>,
    /// The rows of `[merchandising]`, in the order of the file.
    pub merchandising: Vec<MerchandisingRow>,
    /// `[[placement]]`; the default one where there is none.
    pub placements: Vec<Placement>,
    /// `[duplicates]` where it is on: `min_similarity` and `limit`.
    pub duplicates: Option<(f32, usize)>,
    /// The night's date.
    pub run_date: NaiveDate,
}

impl OracleShop {
    /// Products and rules with nothing beside them, on 22 November 2026.
    pub fn plain(products: Vec<OracleProduct>, rules: Vec<OracleRule>) -> OracleShop {
        OracleShop {
            products,
            rules,
            complements: Vec::new(),
            orders: None,
            merchandising: Vec::new(),
            placements: Vec::new(),
            duplicates: None,
            run_date: NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date"),
        }
    }
}

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
    /// Whether it is in stock.
    pub in_stock: bool,
    /// `available_from` as the catalog writes it.
    pub available_from: Option<String>,
    /// `available_until` as the catalog writes it.
    pub available_until: Option<String>,
    /// What one piece costs the shop.
    pub cost: Option<Decimal>,
    /// What the shop gains with one piece, where the catalog says it itself.
    pub margin: Option<Decimal>,
    /// Attribute columns by name; an empty cell is `None`.
    pub attributes: Vec<(String, Option<String>)>,
    /// The vector as the catalog holds it, not yet of length 1.
    pub vector: Option<Vec<f32>>,
    /// Those of its further images, where a product is seen by the best of them; none without a first one.
    pub further_vectors: Vec<Vec<f32>>,
}

impl Default for OracleProduct {
    fn default() -> OracleProduct {
        OracleProduct {
            id: String::new(),
            category: None,
            price: None,
            currency: Some("USD".to_owned()),
            group: None,
            in_stock: true,
            available_from: None,
            available_until: None,
            cost: None,
            margin: None,
            attributes: Vec::new(),
            vector: None,
            further_vectors: Vec::new(),
        }
    }
}

/// One `[[rule]]`.
#[derive(Clone, Debug)]
pub struct OracleRule {
    /// `name`.
    pub name: String,
    /// `relation`: `similar`, `cross_sell` or `upsell`.
    pub relation: String,
    /// `products`.
    pub products: Served,
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
    /// `where`: conditions on the candidate alone.
    pub conditions: Where,
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
    /// `[rule.diversity]`.
    pub diversity: Option<Diversity>,
    /// `fallback`: another rule's name.
    pub fallback: Option<String>,
    /// `min_results`.
    pub min_results: Option<usize>,
    /// `priority`; 100 when left out.
    pub priority: Option<i32>,
}

impl Default for OracleRule {
    fn default() -> OracleRule {
        OracleRule {
            name: "rule".to_owned(),
            relation: "similar".to_owned(),
            products: Served::default(),
            candidates: Candidates::Any,
            price_ratio: Bounds::default(),
            price: Bounds::default(),
            must_match: Vec::new(),
            must_differ: Vec::new(),
            conditions: Vec::new(),
            group: Group::Other,
            any_currency: false,
            similarity: Similarity::Visual,
            min_similarity: None,
            limit: 10,
            rank: None,
            pool: None,
            diversity: None,
            fallback: None,
            min_results: None,
            priority: None,
        }
    }
}

/// `products = { category = [...], where = { ... } }`: which anchors are served; all where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Globs of the anchor's category.
    pub category: Option<Vec<String>>,
    /// Conditions on the anchor.
    pub conditions: Where,
}

/// Conditions by attribute, which must all hold.
pub type Where = Vec<(String, Condition)>;

/// One condition on one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The value is one of these.
    OneOf(Vec<String>),
    /// The value is none of these, or there is none.
    NoneOf(Vec<String>),
    /// The value is a decimal number within these bounds.
    Within(Bounds),
}

/// Which categories candidates come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Candidates {
    /// The same full path.
    SameCategory,
    /// The same department.
    SameDepartment,
    /// By the configured map, else by orders, else siblings.
    Complement,
    /// Any other path.
    OtherCategory,
    /// Every product, also one without a category.
    Any,
    /// Paths that a glob matches.
    Globs(Vec<String>),
}

/// Bounds of a number.
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rank {
    /// Weight of the similarity; 0 where the rule ignores it.
    pub similarity: f64,
    /// Weight of the price fit and the ratio that fits best.
    pub price_fit: Option<PriceFit>,
    /// Weight of the gain.
    pub margin: Option<f64>,
    /// Weight of the complement's weight.
    pub complement: Option<f64>,
}

/// `price_fit = { weight, best_ratio }`.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceFit {
    /// Weight in the mean.
    pub weight: f64,
    /// The ratio whose fit is 1.
    pub best_ratio: f64,
}

/// `[rule.diversity]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Diversity {
    /// `category`, `group` or an attribute, and how many entries may share a value of it.
    pub max_per: Vec<(String, usize)>,
    /// Whether a list rather stays short than holds more.
    pub hard: bool,
}

/// `[orders]` and the lines of its file.
#[derive(Clone, Debug)]
pub struct Orders {
    /// All lines, in the order of the file.
    pub lines: Vec<OrderLine>,
    /// Days up to the run date; all orders where there is none.
    pub look_back: Option<i64>,
    /// `min_orders`: orders that a pair of categories needs.
    pub fewest: usize,
    /// Orders with more lines are skipped.
    pub max_lines: usize,
    /// What is added to both sides of the lift.
    pub shrinkage: f64,
    /// Complements of a category, at most.
    pub strongest: usize,
}

/// One line of an order.
#[derive(Clone, Debug)]
pub struct OrderLine {
    /// Lines of one order share it.
    pub order: String,
    /// What was bought, maybe not of the catalog.
    pub product: String,
    /// The date as the file writes it.
    pub date: Option<String>,
}

/// One row of the merchandising file. An empty cell is `None`.
#[derive(Clone, Debug)]
pub struct MerchandisingRow {
    /// Pin or block.
    pub action: Action,
    /// The anchor; every product where there is none.
    pub product: Option<String>,
    /// The rule; every rule where there is none.
    pub rule: Option<String>,
    /// What is pinned or blocked, maybe not of the catalog.
    pub recommended: String,
    /// A pin's place, from 1; 1 where there is none.
    pub position: Option<usize>,
    /// The first day.
    pub valid_from: Option<NaiveDate>,
    /// The last day.
    pub valid_until: Option<NaiveDate>,
}

/// What a merchandising row asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Into the list.
    Pin,
    /// Out of the list.
    Block,
}

/// One `[[placement]]`.
#[derive(Clone, Debug)]
pub struct Placement {
    /// `name`; several may share it.
    pub name: String,
    /// `slots`; the sum of the blend's where left out.
    pub slots: Option<usize>,
    /// `products`.
    pub products: Served,
    /// `blend`.
    pub blend: Vec<BlendPart>,
}

/// One part of a blend.
#[derive(Clone, Debug)]
pub struct BlendPart {
    /// Where its entries come from.
    pub source: Source,
    /// How many in its own turn; 0 where left out.
    pub slots: Option<usize>,
}

/// What a part of a blend takes its entries from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// All rules of one relation.
    Relation(String),
    /// One rule.
    Rule(String),
}
