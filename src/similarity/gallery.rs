//! The vectors of products that may have several, and lists in which a pair is as similar as its two most similar views. This room
//! refuses to compare two vectors for a list: engines do, and see one row a view.
//!
//! Where each row has one vector, an engine is asked as it stands. Else [`expand`] gives the engine's rows, and what it finds for the
//! views of a row is folded into the row's list.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use rayon::prelude::*;

use super::{Entry, Found, ListCaps, Lists, Matrix, RefusedPairs, RuleLists, Similarity, TopK, canonical_score};
use crate::embedding::Vectors;
use crate::error::Result;
use crate::progress::Progress;
use crate::rules::GroupScope;

/// The unit vectors of the plan's first rows, at least one a row, in plan order.
#[derive(Debug)]
pub struct Gallery {
    matrix: Matrix,
    /// See [`starts`].
    starts: Vec<u32>,
}

impl Gallery {
    /// The vectors of `products`, in the memory that they lie in.
    ///
    /// # Panics
    /// When a product has no vector.
    #[must_use]
    pub fn arrange(vectors: Vectors, products: impl Iterator<Item = usize> + Clone) -> Gallery {
        let starts = starts(products.clone().map(|product| vectors.of(product).count()));
        Gallery { matrix: Matrix::arrange(vectors, products), starts }
    }

    /// Every vector: a row of the matrix is a view.
    #[must_use]
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// How many rows have vectors.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len().checked_sub(1).unwrap_or(self.matrix.rows())
    }

    /// The views of a row: rows of the matrix.
    #[must_use]
    pub fn views(&self, row: usize) -> Range<usize> {
        if self.starts.is_empty() {
            return row..row + 1;
        }
        self.starts[row] as usize..self.starts[row + 1] as usize
    }

    /// The similarity of two rows, the greatest canonical score of any view of one with any view of the other, and the numbers of these
    /// views, from 0; the first of equals.
    #[must_use]
    pub fn closest(&self, row: usize, other: usize) -> (f32, [usize; 2]) {
        let mut best = (f32::NEG_INFINITY, [0, 0]);
        for (of_row, view) in self.views(row).enumerate() {
            for (of_other, other) in self.views(other).enumerate() {
                let score = canonical_score(self.matrix.row(view), self.matrix.row(other));
                if score > best.0 {
                    best = (score, [of_row, of_other]);
                }
            }
        }
        best
    }

    /// Whether a view of one row and a view of the other are the same, bit for bit.
    #[must_use]
    pub fn share_a_view(&self, row: usize, other: usize) -> bool {
        let bits = |view: usize| self.matrix.row(view).iter().map(|value| value.to_bits());
        self.views(row).any(|view| self.views(other).any(|other| bits(view).eq(bits(other))))
    }

    /// The similarities of a row with some others.
    #[must_use]
    pub fn scores(&self, row: usize, others: &[u32]) -> Vec<f32> {
        if self.starts.is_empty() {
            return self.matrix.scores(row, others);
        }
        let views: Vec<u32> = others.iter().flat_map(|&other| self.views(other as usize)).map(narrow).collect();
        let mut best = vec![f32::NEG_INFINITY; views.len()];
        for view in self.views(row) {
            best.iter_mut().zip(self.matrix.scores(view, &views)).for_each(|(best, score)| *best = best.max(score));
        }
        let mut rest = best.as_slice();
        let of_row = |&other: &u32| {
            let (own, after) = rest.split_at(self.views(other as usize).len());
            rest = after;
            own.iter().copied().fold(f32::NEG_INFINITY, f32::max)
        };
        others.iter().map(of_row).collect()
    }

    /// Fills the lists by an engine, as [`Similarity::top_k`] does where each row has one vector.
    ///
    /// # Errors
    /// See [`Similarity::top_k`].
    pub fn top_k(&self, engine: &dyn Similarity, lists: &Lists, progress: &Progress) -> Result<Found> {
        let found = engine.top_k(&self.matrix, &expand(lists, &self.starts), progress)?;
        if self.starts.is_empty() {
            return Ok(found);
        }
        let row_of: Vec<u32> = rows_of_views(&self.starts).collect();
        let folded = lists.rules.iter().zip(found.lists).map(|(rule, of_views)| {
            let of_row = |row: usize| {
                let entries = of_views[self.views(row)].iter().flatten();
                fold(
                    lists,
                    rule,
                    row,
                    entries.map(|entry| Entry { row: row_of[entry.row as usize], ..*entry }).collect(),
                )
            };
            (0..self.rows()).into_par_iter().map(of_row).collect::<TopK>()
        });
        Ok(Found { lists: folded.collect(), report: found.report })
    }
}

/// The list of a row: the best entry of each product or, where variants compete, of each group, out of what its views found.
fn fold(lists: &Lists, rule: &RuleLists, row: usize, mut entries: Vec<Entry>) -> Vec<Entry> {
    let id = |entry: &Entry| lists.id_rank[entry.row as usize];
    entries.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then_with(|| id(a).cmp(&id(b))));
    let mut taken = HashSet::new();
    entries.retain(|entry| {
        let candidate = entry.row as usize;
        let is_variant = lists.collapses(rule, row, candidate);
        candidate != row && taken.insert((is_variant, if is_variant { lists.group[candidate] } else { entry.row }))
    });
    entries.truncate(rule.k);
    if let Some((caps, enough)) = rule.caps.as_ref().and_then(|caps| Some((caps, caps.enough?)))
        && let Some(reach) = caps.reach(&lists.codes, enough, entries.iter().map(|entry| entry.row))
    {
        entries.truncate(reach);
    }
    // There are millions of lists, and each was made of several.
    entries.shrink_to_fit();
    entries
}

/// Where the views of each row begin, and one more at the end, by how many each row has; nothing where each has one.
///
/// # Panics
/// Beyond 2^32 views.
#[must_use]
pub fn starts(counts: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut starts = vec![0];
    let mut end = 0;
    starts.extend(counts.map(|count| {
        end += count;
        narrow(end)
    }));
    if end + 1 == starts.len() { Vec::new() } else { starts }
}

/// The row of each view.
fn rows_of_views(starts: &[u32]) -> impl Iterator<Item = u32> {
    starts.windows(2).zip(0..).flat_map(|(of_row, row)| (of_row[0]..of_row[1]).map(move |_| row))
}

/// The same lists with a row for each view of the rows that have vectors, whose views begin at `starts`; the others stay one row each.
/// A view may have what its row may have.
///
/// The best entry of a candidate is in the list of the view of the anchor that it is most similar to, if it belongs into the anchor's list:
/// what is before it there is before it in the anchor's list too, where there are fewer than K before it. With
/// [`GroupScope::Other`] an engine keeps the best row of each group, so that K entries of a view are enough. Else, among V views of a
/// product, each of those fewer than K may stand V times before it, and V - 1 views of the anchor itself: it is among the first
/// (K - 1) V + V - 1 + 1 = K V entries.
#[must_use]
pub fn expand<'l>(lists: &'l Lists, starts: &[u32]) -> Cow<'l, Lists> {
    let Some(seen) = starts.len().checked_sub(1) else { return Cow::Borrowed(lists) };
    let views = starts[seen];
    let place = |row: u32| starts.get(row as usize).map_or_else(|| views + (row - narrow(seen)), |&start| start);
    let rows: Vec<u32> = rows_of_views(starts).chain(narrow(seen)..narrow(lists.rows())).collect();
    let most = starts.windows(2).map(|of_row| (of_row[1] - of_row[0]) as usize).max().unwrap_or(1);
    let pairs = |pairs: &RefusedPairs| {
        let views = |row: u32| place(row)..place(row + 1);
        let of_views = |(anchor, candidate)| {
            views(anchor).flat_map(move |anchor| views(candidate).map(move |candidate| (anchor, candidate)))
        };
        RefusedPairs::new(rows.len(), &pairs.iter().flat_map(of_views).collect::<Vec<_>>())
    };
    let mut expanded = lists.of_rows(&rows, pairs);
    let mut by_id = vec![0; lists.rows()];
    lists.id_rank.iter().zip(0..).for_each(|(&rank, row)| by_id[rank as usize] = row);
    let in_order = by_id.into_iter().flat_map(|row| place(row)..place(row + 1));
    in_order.zip(0..).for_each(|(view, rank)| expanded.id_rank[view as usize] = rank);
    for rule in &mut expanded.rules {
        let range = |range: &Range<u32>| place(range.start)..place(range.end);
        rule.scopes = rule.scopes.iter().map(|scope| scope.iter().map(range).collect()).collect();
        if rule.group != GroupScope::Other {
            rule.k *= most;
        }
        // Where variants compete, what is within the caps of some entries only grows with more of them, whatever their order: an entry
        // that a view's list leaves out has enough before it, and these are before it in the anchor's list too. Else views of one
        // candidate would count one by one.
        rule.caps = rule
            .caps
            .take()
            .map(|caps| ListCaps { enough: caps.enough.filter(|_| rule.group == GroupScope::Other), ..caps });
    }
    Cow::Owned(expanded)
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 views")
}

#[cfg(test)]
mod tests;
