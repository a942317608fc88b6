//! What pages show: finished lists blended, slot by slot. Refuses to look at scores.

use super::conditions;
use super::shop::{BlendPart, OracleProduct, OracleShop, Placement, Served, Source};
use super::{OracleEntry, OracleList};

/// Words of a department where the better product comes first.
const TECHNICAL: [&str; 18] = [
    "electronics",
    "electronic",
    "computers",
    "computer",
    "phones",
    "phone",
    "audio",
    "cameras",
    "camera",
    "appliances",
    "appliance",
    "software",
    "plans",
    "plan",
    "subscriptions",
    "subscription",
    "warranties",
    "insurance",
];

/// A row of `placements`.
#[derive(Clone, Debug, PartialEq)]
pub struct OraclePlaced {
    /// The anchor's id.
    pub product: String,
    /// The placement's name.
    pub placement: String,
    /// The place on the page, from 1.
    pub slot: usize,
    /// The rule's relation.
    pub relation: String,
    /// The rule's name.
    pub rule: String,
    /// The entry's rank in the rule's list.
    pub rank: usize,
    /// The id of what is shown.
    pub recommended: String,
}

/// Every placement of every product, from the finished lists of all rules.
#[must_use]
pub fn placements(shop: &OracleShop, lists: &[OracleList]) -> Vec<OraclePlaced> {
    let mut rows = Vec::new();
    for product in &shop.products {
        let all = if shop.placements.is_empty() { vec![default_placement(product)] } else { shop.placements.clone() };
        let serving: Vec<&Placement> = all.iter().filter(|one| conditions::serves(&one.products, product)).collect();
        for (at, placement) in serving.iter().enumerate() {
            // Of one name the first that serves the product.
            if serving[..at].iter().all(|earlier| earlier.name != placement.name) {
                rows.extend(page(shop, lists, product, placement));
            }
        }
    }
    rows
}

/// 8 slots: in technical departments 5 of upsell and 3 of cross-sell, elsewhere 5 of cross-sell and 3 of upsell; similar
/// fills what is left.
fn default_placement(product: &OracleProduct) -> Placement {
    let department = product.category.as_deref().map_or("", |path| path.split('/').next().unwrap_or(path));
    let department = department.to_lowercase();
    let mut words = department.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let order =
        if words.any(|word| TECHNICAL.contains(&word)) { ["upsell", "cross_sell"] } else { ["cross_sell", "upsell"] };
    let part = |relation: &str, slots| BlendPart { source: Source::Relation(relation.to_owned()), slots };
    Placement {
        name: "product_page".to_owned(),
        slots: Some(8),
        products: Served::default(),
        blend: vec![part(order[0], Some(5)), part(order[1], Some(3)), part("similar", None)],
    }
}

/// One page: each part's entries up to its slots, then the parts again without their bound while slots are free.
fn page(shop: &OracleShop, lists: &[OracleList], anchor: &OracleProduct, placement: &Placement) -> Vec<OraclePlaced> {
    let bounds = placement.blend.iter().map(|part| part.slots.unwrap_or(0));
    let slots = placement.slots.unwrap_or_else(|| bounds.clone().sum());
    let mut shown: Vec<OraclePlaced> = Vec::new();
    let bounded = placement.blend.iter().zip(bounds);
    let unbounded = placement.blend.iter().map(|part| (part, usize::MAX));
    for (part, most) in bounded.chain(unbounded) {
        let mut taken = 0;
        for row in of_part(shop, lists, anchor, placement, part) {
            let is_free = shown.len() < slots && taken < most;
            if is_free && may_come(shop, anchor, &shown, &row.recommended) {
                shown.push(OraclePlaced { slot: shown.len() + 1, ..row });
                taken += 1;
            }
        }
    }
    shown
}

/// Everything that a part could show, in its order: its rules by priority, then as the file has them; each list by rank.
fn of_part(
    shop: &OracleShop,
    lists: &[OracleList],
    anchor: &OracleProduct,
    placement: &Placement,
    part: &BlendPart,
) -> Vec<OraclePlaced> {
    let mut rules: Vec<_> = match &part.source {
        Source::Rule(name) => shop.rules.iter().filter(|rule| rule.name == *name).collect(),
        Source::Relation(relation) => shop.rules.iter().filter(|rule| rule.relation == *relation).collect(),
    };
    rules.sort_by_key(|rule| rule.priority.unwrap_or(100));
    let mut rows = Vec::new();
    for rule in rules {
        let of_rule = |list: &&OracleList| list.product == anchor.id && list.rule == rule.name;
        let entries: &[OracleEntry] = lists.iter().find(of_rule).map_or(&[], |list| &list.entries);
        rows.extend(entries.iter().enumerate().map(|(at, entry)| OraclePlaced {
            product: anchor.id.clone(),
            placement: placement.name.clone(),
            slot: 0,
            relation: rule.relation.clone(),
            rule: rule.name.clone(),
            rank: at + 1,
            recommended: entry.id.clone(),
        }));
    }
    rows
}

/// No product twice, nor another variant of one that is there, nor the anchor; the anchor's own variants each once.
fn may_come(shop: &OracleShop, anchor: &OracleProduct, shown: &[OraclePlaced], id: &str) -> bool {
    let group = |id: &str| shop.products.iter().find(|product| product.id == id).and_then(|found| found.group.as_ref());
    let is_own = anchor.group.is_some() && group(id) == anchor.group.as_ref();
    let is_variant = |other: &str| !is_own && group(id).is_some() && group(id) == group(other);
    id != anchor.id && shown.iter().all(|row| row.recommended != id && !is_variant(&row.recommended))
}
