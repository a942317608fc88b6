//! Category ranges turned into row ranges: per anchor row, the candidates that a rule's categories and currency allow.

use std::collections::HashMap;
use std::ops::Range;

use super::order::{Order, SEEN_IN_STOCK, UNSEEN_IN_STOCK};
use crate::rules::categories::{Allowed, push_merged};
use crate::rules::complements::Complements;
use crate::rules::{CurrencyScope, Rule};
use crate::similarity::NO_LIST;

/// The scopes of one rule.
#[derive(Debug)]
pub(super) struct Scopes {
    /// Candidate rows; what is allowed, without the exceptions.
    pub ranges: Vec<Box<[Range<u32>]>>,
    /// Per row, its index into `ranges`, or `NO_LIST`.
    pub of_row: Vec<u32>,
    /// Candidate rows before the exceptions are taken out: anchors of many categories share one.
    pub bases: Vec<Box<[Range<u32>]>>,
    /// Per scope, its base and the exception.
    pub parts: Vec<(usize, Except)>,
    /// Per row, the number of its category.
    pub category: Vec<u32>,
}

/// The categories that a scope leaves out of its base.
pub(super) type Except = Range<u32>;

impl Scopes {
    pub(super) fn new(order: &Order, rule: &Rule, complements: &Complements) -> Scopes {
        let regions: &[usize] = if rule.is_visual() { &[SEEN_IN_STOCK] } else { &[SEEN_IN_STOCK, UNSEEN_IN_STOCK] };
        let allowed = order.categories.allowed(&rule.candidates, complements);
        let mut scopes = Scopes {
            ranges: Vec::new(),
            of_row: Vec::new(),
            bases: Vec::new(),
            parts: Vec::new(),
            category: Vec::new(),
        };
        let mut of_place: HashMap<(Option<u32>, u32), u32> = HashMap::new();
        // Anchors of many categories share one base: it is told apart by its place, never by comparing its ranges. Anchors
        // with and without an exception are counted apart.
        let mut of_base: HashMap<(Option<u32>, *const Range<u32>, bool), usize> = HashMap::new();
        let mut of_content: HashMap<(usize, Except), u32> = HashMap::new();
        let mut last = None;
        for &place in &order.places {
            let (currency, category) = place;
            scopes.category.push(category);
            // A block is looked up once.
            if let Some((_, scope)) = last.filter(|&(of, _)| of == place) {
                scopes.of_row.push(scope);
                continue;
            }
            let currency = (rule.currency == CurrencyScope::Same).then_some(currency);
            let scope = *of_place.entry((currency, category)).or_insert_with(|| {
                let Some(allowed) = &allowed[category as usize] else { return NO_LIST };
                let base_key = (currency, allowed.base.as_ptr(), allowed.except.is_empty());
                let base = *of_base.entry(base_key).or_insert_with(|| {
                    scopes.bases.push(rows(order, regions, currency, allowed, &(0..0)));
                    scopes.bases.len() - 1
                });
                *of_content.entry((base, allowed.except.clone())).or_insert_with(|| {
                    scopes.ranges.push(rows(order, regions, currency, allowed, &allowed.except));
                    scopes.parts.push((base, allowed.except.clone()));
                    u32::try_from(scopes.ranges.len() - 1).expect("fewer than 2^32 scopes")
                })
            });
            scopes.of_row.push(scope);
            last = Some((place, scope));
        }
        scopes
    }
}

/// The candidate rows of `allowed` without the categories of `except`, ascending and merged.
fn rows(
    order: &Order,
    regions: &[usize],
    currency: Option<u32>,
    allowed: &Allowed,
    except: &Range<u32>,
) -> Box<[Range<u32>]> {
    let currencies = match currency {
        Some(only) => only..only + 1,
        None => 0..u32::try_from(order.currencies.len()).expect("a handful of currencies"),
    };
    let none = order.categories.len();
    let uncategorized = allowed.uncategorized.then_some(none..none + 1);
    let mut ranges = Vec::new();
    for &region in regions {
        for currency in currencies.clone() {
            for base in allowed.base.iter().chain(&uncategorized) {
                for part in without(base, except) {
                    push_merged(&mut ranges, order.rows(region, currency, &part));
                }
            }
        }
    }
    ranges.into()
}

/// `base` without `except`: at most two ranges.
fn without(base: &Range<u32>, except: &Range<u32>) -> impl Iterator<Item = Range<u32>> {
    let (start, end) = if except.is_empty() { (base.end, base.end) } else { (except.start, except.end) };
    [base.start..start.clamp(base.start, base.end), end.clamp(base.start, base.end)..base.end]
        .into_iter()
        .filter(|part| !part.is_empty())
}
