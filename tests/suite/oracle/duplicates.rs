//! The table of nearly identical pictures as `docs/duplicates.md` words it: every pair is scored, and clusters grow until nothing
//! changes. Refuses any shortcut.

use std::collections::BTreeMap;

use super::shop::OracleShop;
use super::{Evaluator, score};

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleDuplicate {
    /// The product's id.
    pub product: String,
    /// From 1.
    pub rank: usize,
    /// The other one's id.
    pub duplicate: String,
    /// The greatest canonical score of their views.
    pub similarity: f32,
    /// Whether both have a vector of length 1 in common.
    pub identical: bool,
    /// The first id of the cluster.
    pub cluster: String,
}

/// The whole table in its order; nothing where the shop does not ask for it.
#[must_use]
pub fn duplicates(shop: &OracleShop) -> Vec<OracleDuplicate> {
    let Some((least, limit)) = shop.duplicates else { return Vec::new() };
    let evaluator = Evaluator::new(shop);
    let mut rows = Vec::new();
    for (product, own) in evaluator.units.iter().enumerate() {
        let mut alike = Vec::new();
        for (other, units) in evaluator.units.iter().enumerate() {
            let Some(similarity) = score::of_views(own, units) else { continue };
            if similarity >= least && !evaluator.same_group(product, other) {
                alike.push((other, similarity, own.iter().any(|unit| units.contains(unit))));
            }
        }
        let id = |other: usize| &shop.products[other].id;
        alike.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| id(a.0).cmp(id(b.0))));
        let mut one_of_each_group: Vec<(usize, f32, bool)> = Vec::new();
        for entry in alike {
            if !one_of_each_group.iter().any(|there| evaluator.same_group(there.0, entry.0)) {
                one_of_each_group.push(entry);
            }
        }
        let kept = one_of_each_group.into_iter().take(limit).zip(1..);
        rows.extend(kept.map(|((other, similarity, identical), rank)| OracleDuplicate {
            product: id(product).clone(),
            rank,
            duplicate: id(other).clone(),
            similarity,
            identical,
            cluster: String::new(),
        }));
    }
    spread_clusters(&mut rows);
    rows.sort_by(|a, b| (&a.product, a.rank).cmp(&(&b.product, b.rank)));
    rows
}

/// Products of one row share the first of their clusters, over and over until nothing changes.
fn spread_clusters(rows: &mut [OracleDuplicate]) {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut changed = true;
    while changed {
        changed = false;
        for OracleDuplicate { product, duplicate, .. } in &*rows {
            let [one, other] = [product, duplicate].map(|id| first.get(id).unwrap_or(id).clone());
            changed |= one != other;
            let both = one.min(other);
            first.extend([product, duplicate].map(|id| (id.clone(), both.clone())));
        }
    }
    for row in rows {
        row.cluster.clone_from(&first[&row.product]);
    }
}
