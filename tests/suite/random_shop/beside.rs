//! What lies beside a random catalog: complements, orders, merchandising, placements. Drafts name products and rules by
//! number until both are known. Refuses dates that cannot be read where that would end the night.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use proptest::sample::select;

use super::rules::{globs, served};
use crate::oracle::shop::{
    Action, BlendPart, MerchandisingRow, OracleProduct, OracleRule, OracleShop, OrderLine, Orders, Placement, Served,
    Source,
};

/// `[complements]`, keys unique; of equal weights, all 1, or with weights of their own.
pub fn complements() -> impl Strategy<Value = Vec<(String, Vec<(String, f64)>)>> {
    let weights = prop_oneof![Just(vec![1.0]), Just(vec![0.5, 1.0, 0.25])];
    let values = (globs(), weights)
        .prop_map(|(globs, weights)| globs.into_iter().zip(weights.into_iter().cycle()).collect::<Vec<_>>());
    prop::option::weighted(0.5, (globs(), prop::collection::vec(values, 3)))
        .prop_map(|map| map.map_or_else(Vec::new, |(keys, values)| keys.into_iter().zip(values).collect()))
}

/// Orders as numbers of products.
#[derive(Clone, Debug)]
pub struct OrdersDraft {
    /// Days before the run date, and what was bought; `None` is no product of the catalog.
    orders: Vec<(Option<i64>, Vec<Option<u16>>)>,
    settings: Orders,
}

/// Mostly none; of few products' orders pairs come often enough.
pub fn orders() -> impl Strategy<Value = Option<OrdersDraft>> {
    let bought = prop::collection::vec(prop::option::weighted(0.95, any::<u16>()), 1..6);
    let order = (prop::option::weighted(0.9, -2..40_i64), bought);
    let settings = (
        prop::option::weighted(0.5, select(vec![1, 10, 30])),
        1..4_usize,
        select(vec![3_usize, 50]),
        select(vec![0.5, 2.0, 5.0]),
        1..6_usize,
    )
        .prop_map(|(look_back, fewest, max_lines, shrinkage, strongest)| Orders {
            lines: Vec::new(),
            look_back,
            fewest,
            max_lines,
            shrinkage,
            strongest,
        });
    let some = (prop::collection::vec(order, 0..40), settings);
    prop::option::weighted(0.4, some.prop_map(|(orders, settings)| OrdersDraft { orders, settings }))
}

impl OrdersDraft {
    /// The lines of a shop with these products; those of one order do not lie together.
    pub fn of(self, products: &[OracleProduct]) -> Orders {
        let mut orders = self.settings;
        let longest = self.orders.iter().map(|(_, bought)| bought.len()).max().unwrap_or(0);
        for line in 0..longest {
            for (number, (days, bought)) in self.orders.iter().enumerate() {
                let Some(product) = bought.get(line) else { continue };
                let known = product.map(|product| products[usize::from(product) % products.len()].id.clone());
                orders.lines.push(OrderLine {
                    order: format!("o{number}"),
                    product: known.unwrap_or_else(|| "gone".to_owned()),
                    date: days.map(|days| day(-days).to_string()),
                });
            }
        }
        orders
    }
}

/// Mostly some least similarity and limit.
pub fn duplicates() -> impl Strategy<Value = Option<(f32, usize)>> {
    let wanted = (select(vec![0.01_f32, 0.5, 0.8, 0.95, 0.999_999, 1.0]), select(vec![1_usize, 2, 3, 10, 1_000]));
    prop::option::weighted(0.8, wanted)
}

/// A row of the merchandising file by numbers.
#[derive(Clone, Debug)]
pub struct MerchandisingDraft {
    action: Action,
    product: Option<u16>,
    rule: Option<u8>,
    recommended: Option<u16>,
    position: Option<usize>,
    valid_from: Option<i64>,
    valid_until: Option<i64>,
}

/// Mostly none, else some pins and blocks, for one pair or for everything.
pub fn merchandising() -> impl Strategy<Value = Vec<MerchandisingDraft>> {
    let row = (
        select(vec![Action::Pin, Action::Block]),
        prop::option::weighted(0.5, any::<u16>()),
        prop::option::weighted(0.5, any::<u8>()),
        prop::option::weighted(0.95, any::<u16>()),
        prop::option::weighted(0.7, select(vec![1_usize, 1, 2, 3, 5, 11])),
        prop::option::weighted(0.2, -1..2_i64),
        prop::option::weighted(0.2, 0..3_i64),
    );
    let row = row.prop_map(|(action, product, rule, recommended, position, first, last)| MerchandisingDraft {
        action,
        product,
        rule,
        recommended,
        position: position.filter(|_| action == Action::Pin),
        valid_from: first,
        // The last day is none before the first.
        valid_until: last.map(|days| days.max(first.unwrap_or(-1)) - i64::from(first.is_none())),
    });
    prop::option::weighted(0.5, prop::collection::vec(row, 1..9)).prop_map(Option::unwrap_or_default)
}

impl MerchandisingDraft {
    pub fn of(&self, shop: &OracleShop) -> MerchandisingRow {
        let product = |number: u16| shop.products[usize::from(number) % shop.products.len()].id.clone();
        let rule = |number: u8| shop.rules[usize::from(number) % shop.rules.len()].name.clone();
        MerchandisingRow {
            action: self.action,
            product: self.product.map(product),
            rule: self.rule.map(rule),
            recommended: self.recommended.map_or_else(|| "gone".to_owned(), product),
            position: self.position,
            valid_from: self.valid_from.map(day),
            valid_until: self.valid_until.map(day),
        }
    }
}

/// A placement with rules by number.
#[derive(Clone, Debug)]
pub struct PlacementDraft {
    name: &'static str,
    slots: Option<usize>,
    products: Served,
    /// The first three numbers are relations.
    blend: Vec<(u8, Option<usize>)>,
}

/// Mostly none, else some, of which two may share a name.
pub fn placements() -> impl Strategy<Value = Vec<PlacementDraft>> {
    let part = (0..8_u8, prop::option::weighted(0.8, 0..5_usize));
    let one = (
        select(vec!["page", "page", "cart"]),
        prop::option::weighted(0.5, 1..12_usize),
        served(),
        prop::collection::vec(part, 1..4),
    );
    let one = one.prop_map(|(name, slots, products, blend)| {
        let has_slots = blend.iter().any(|(_, slots)| slots.is_some_and(|slots| slots > 0));
        PlacementDraft { name, slots: slots.or((!has_slots).then_some(4)), products, blend }
    });
    prop::option::weighted(0.4, prop::collection::vec(one, 1..4)).prop_map(Option::unwrap_or_default)
}

impl PlacementDraft {
    pub fn of(&self, rules: &[OracleRule]) -> Placement {
        let relations = ["upsell", "cross_sell", "similar"];
        let mut blend: Vec<BlendPart> = Vec::new();
        for &(number, slots) in &self.blend {
            let source = match relations.get(usize::from(number)) {
                Some(relation) => Source::Relation((*relation).to_owned()),
                None => Source::Rule(rules[usize::from(number) % rules.len()].name.clone()),
            };
            blend.push(BlendPart { source, slots });
        }
        Placement { name: self.name.to_owned(), slots: self.slots, products: self.products.clone(), blend }
    }
}

/// So many days after 22 November 2026.
fn day(after: i64) -> NaiveDate {
    let night = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date");
    let days = Days::new(after.unsigned_abs());
    let day = if after < 0 { night.checked_sub_days(days) } else { night.checked_add_days(days) };
    day.expect("days near this one exist")
}
