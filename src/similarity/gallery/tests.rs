//! Lists of products with several views against all pairs of views, by arithmetic of its own.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::similarity::cpu::Cpu;
use crate::similarity::lists::{NO_CODE, NO_LIST, NO_PRICE};

/// One product of a random shop: its views, its group, its price, whether it is refused, and whom it refuses.
#[derive(Clone, Debug)]
struct Row {
    views: Vec<Vec<f32>>,
    group: u32,
    price: u32,
    is_refused: bool,
    refuses: prop::sample::Index,
}

/// Few directions, so that ties are frequent.
fn view() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-1_i8..2, 3).prop_map(|mut view| {
        view[0] += i8::from(view == [0, 0, 0]);
        view.into_iter().map(f32::from).collect()
    })
}

fn row(most: usize) -> impl Strategy<Value = Row> {
    (
        prop::collection::vec(view(), 1..=most),
        0_u32..9,
        0_u32..4,
        prop::bool::weighted(0.1),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(views, group, price, is_refused, refuses)| Row { views, group, price, is_refused, refuses })
}

fn gallery(rows: &[Row]) -> Gallery {
    let ends = rows.iter().scan(0, |end, row| {
        *end += row.views.len();
        Some(*end)
    });
    let starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let mut vectors = Vectors::new(3, *starts.last().unwrap());
    for (place, view) in rows.iter().flat_map(|row| &row.views).enumerate() {
        vectors.insert(place, view).unwrap();
    }
    Gallery::arrange(vectors.gather_all(&starts), 0..rows.len())
}

/// What a rule asks for, but for its rows.
#[derive(Clone, Debug)]
struct Asked {
    k: usize,
    group: GroupScope,
    min_score: Option<f32>,
    caps: Option<(u32, Option<usize>)>,
    has_bands: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let group = prop::sample::select(vec![GroupScope::Other, GroupScope::Same, GroupScope::Any]);
    let min_score = prop::option::weighted(0.3, prop::sample::select(vec![-0.5_f32, 0.0, 0.5, 1.0]));
    let caps = prop::option::of((1_u32..3, prop::option::of(1_usize..5)));
    (1_usize..7, group, min_score, caps, any::<bool>()).prop_map(|(k, group, min_score, caps, has_bands)| Asked {
        k,
        group,
        min_score,
        caps,
        has_bands,
    })
}

/// Two ranges of candidates with a gap between them, ids in the opposite order of the rows, rows without vectors at the end.
fn lists(rows: &[Row], unseen: usize, asked: &[Asked]) -> Lists {
    let all = rows.len() + unseen;
    let n = u32::try_from(all).unwrap();
    let mut lists = Lists::everything(all, 1);
    lists.id_rank.reverse();
    let of_rows = |of: &dyn Fn(&Row) -> u32, other: u32| {
        rows.iter().map(of).chain(std::iter::repeat_n(other, unseen)).collect::<Vec<u32>>()
    };
    lists.group = of_rows(&|row| row.group, 9);
    lists.price_rank = of_rows(&|row| row.price, NO_PRICE);
    // One code a group, as caps with `enough` need it; some groups have none.
    lists.codes = vec![lists.group.iter().map(|group| group % 4).collect()];
    let pairs: Vec<(u32, u32)> = (0..).zip(rows).map(|(at, row)| (at, row.refuses.index(all) as u32)).collect();
    // Candidates have vectors.
    let seen = u32::try_from(rows.len()).unwrap();
    let apart: Box<[Range<u32>]> =
        [0..seen / 2, seen / 2 + 1..seen].into_iter().filter(|part| !part.is_empty()).collect();
    let plain = lists.rules[0].clone();
    let rule = |asked: &Asked| RuleLists {
        k: asked.k,
        min_score: asked.min_score.unwrap_or(f32::NEG_INFINITY),
        group: asked.group,
        scopes: vec![apart.clone(), std::iter::once(0..seen).collect()],
        scope: (0..n).map(|row| if row as usize >= rows.len() || row % 7 == 6 { NO_LIST } else { row % 2 }).collect(),
        bands: asked.has_bands.then(|| lists.price_rank.iter().map(|&price| price.min(3)..4).collect()),
        refused: Some(rows.iter().map(|row| row.is_refused).chain(std::iter::repeat_n(false, unseen)).collect()),
        refused_pairs: RefusedPairs::new(all, &pairs),
        caps: asked.caps.map(|(most, enough)| ListCaps { columns: vec![(0, most)], enough }),
        ..plain.clone()
    };
    lists.rules = asked.iter().map(rule).collect();
    lists
}

fn similarity(gallery: &Gallery, row: usize, other: usize) -> f32 {
    let views = |row| gallery.views(row).map(|view| gallery.matrix().row(view));
    let scores = views(row).flat_map(|view| views(other).map(move |other| canonical_score(view, other)));
    scores.fold(f32::NEG_INFINITY, f32::max)
}

/// Every pair of rows and all their pairs of views, then the rule, then what is enough.
fn naive(gallery: &Gallery, lists: &Lists, rule: &RuleLists, anchor: usize) -> Vec<Entry> {
    if rule.scope[anchor] == NO_LIST {
        return Vec::new();
    }
    let admitted = (0..gallery.rows()).filter(|&row| lists.admits(rule, anchor, row));
    let entry = |row: usize| Entry { row: row as u32, score: similarity(gallery, anchor, row) };
    let mut all: Vec<Entry> = admitted.map(entry).filter(|entry| entry.score >= rule.min_score).collect();
    all.sort_by_key(|entry| lists.id_rank[entry.row as usize]);
    all.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap());
    let mut kept: Vec<Entry> = Vec::new();
    for entry in all {
        let group = |row: u32| lists.group[row as usize];
        let rival = kept.iter().any(|held| group(held.row) == group(entry.row));
        if !(rival && lists.collapses(rule, anchor, entry.row as usize)) {
            kept.push(entry);
        }
    }
    kept.truncate(rule.k);
    let Some(ListCaps { columns, enough: Some(enough) }) = &rule.caps else { return kept };
    let (mut within, mut of_value) = (0, HashMap::<u32, u32>::new());
    for (place, entry) in kept.iter().enumerate() {
        let value = lists.codes[0][entry.row as usize];
        let count = of_value.entry(value).or_default();
        if value == NO_CODE || *count < columns[0].1 {
            *count += 1;
            within += 1;
        }
        if within == *enough {
            kept.truncate(place + 1);
            break;
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_those_of_the_most_similar_views(
        rows in prop_oneof![4 => prop::collection::vec(row(5), 1..25), 1 => prop::collection::vec(row(1), 1..25)],
        unseen in 0_usize..4,
        asked in prop::collection::vec(asked(), 1..4),
        tile in 1_usize..9,
    ) {
        let (gallery, lists) = (gallery(&rows), lists(&rows, unseen, &asked));
        let engine = Cpu { tile, turn: Some(false) };
        let found = gallery.top_k(&engine, &lists, &Progress::hidden()).unwrap();
        for (number, rule) in lists.rules.iter().enumerate() {
            prop_assert_eq!(found.lists[number].len(), rows.len());
            for anchor in 0..rows.len() {
                let expected = naive(&gallery, &lists, rule, anchor);
                prop_assert_eq!(&found.lists[number][anchor], &expected, "rule {}, anchor {}", number, anchor);
            }
        }
    }

    #[test]
    fn scores_are_the_greatest_of_all_pairs_of_views(rows in prop::collection::vec(row(5), 1..12)) {
        let gallery = gallery(&rows);
        let others: Vec<u32> = (0..rows.len() as u32).rev().chain([0]).collect();
        for row in 0..rows.len() {
            let expected: Vec<f32> = others.iter().map(|&other| similarity(&gallery, row, other as usize)).collect();
            prop_assert_eq!(gallery.scores(row, &others), expected.clone());
            for (&other, score) in others.iter().zip(expected) {
                let (closest, [own, its]) = gallery.closest(row, other as usize);
                let [own, its] = [gallery.views(row).nth(own), gallery.views(other as usize).nth(its)].map(Option::unwrap);
                let of_views = canonical_score(gallery.matrix().row(own), gallery.matrix().row(its));
                prop_assert_eq!((closest, of_views), (score, score));
            }
        }
    }
}

#[test]
fn where_each_row_has_one_view_the_engine_sees_the_lists_themselves() {
    let lists = Lists::everything(3, 2);
    assert!(matches!(expand(&lists, &starts([1, 1, 1].into_iter())), Cow::Borrowed(_)));
    let expanded = expand(&lists, &starts([1, 3].into_iter()));
    assert_eq!(
        (expanded.rows(), &expanded.id_rank[..], &expanded.group[..]),
        (5, &[0, 1, 2, 3, 4][..], &[0, 1, 1, 1, 2][..])
    );
    assert_eq!((expanded.rules[0].scopes[0].len(), &expanded.rules[0].scopes[0][0]), (1, &(0..5)));
}

#[test]
fn a_views_list_has_room_for_all_views_of_what_comes_first() {
    let mut lists = Lists::everything(2, 2);
    let room = |lists: &Lists| expand(lists, &starts([1, 3].into_iter())).rules[0].k;
    assert_eq!(room(&lists), 2);
    for group in [GroupScope::Any, GroupScope::Same] {
        lists.rules[0].group = group;
        assert_eq!(room(&lists), 6);
    }
}
