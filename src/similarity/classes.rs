//! Bit-identical vectors as classes: a shop's placeholder image is one vector many times, and all its pairs tie.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use super::rows::Rows;

/// Which rows share a vector, bit for bit.
#[derive(Debug)]
pub(super) struct Classes<'a> {
    id_rank: &'a [u32],
    /// Per row, its class; `None` when no other row has its vector.
    class: Vec<Option<u32>>,
    /// Rows of each class.
    members: Vec<Members>,
}

/// The rows of one class, twice: at least two.
#[derive(Debug)]
struct Members {
    by_id: Vec<u32>,
    by_row: Vec<u32>,
}

impl<'a> Classes<'a> {
    pub(super) fn new(rows: Rows<'_>, id_rank: &'a [u32]) -> Classes<'a> {
        let bits = |row: u32| rows.row(row as usize).iter().map(|v| v.to_bits());
        let count = u32::try_from(rows.len()).expect("fewer than 2^32 rows");
        let mut order: Vec<(u64, u32)> = (0..count).into_par_iter().map(|row| (mix(bits(row)), row)).collect();
        order.par_sort_unstable();
        let mut classes = Classes { id_rank, class: vec![None; rows.len()], members: Vec::new() };
        for alike in order.chunk_by(|a, b| a.0 == b.0) {
            let mut rest: Vec<u32> = alike.iter().map(|&(_, row)| row).collect();
            // One turn, but for vectors whose hashes collide.
            while let [first, ..] = rest[..] {
                let (same, other): (Vec<u32>, Vec<u32>) = rest.iter().partition(|&&row| bits(row).eq(bits(first)));
                classes.add(same);
                rest = other;
            }
        }
        classes
    }

    fn add(&mut self, by_row: Vec<u32>) {
        if by_row.len() < 2 {
            return;
        }
        let number = u32::try_from(self.members.len()).expect("fewer classes than rows");
        for &row in &by_row {
            self.class[row as usize] = Some(number);
        }
        let mut by_id = by_row.clone();
        by_id.sort_unstable_by_key(|&row| self.id_rank[row as usize]);
        self.members.push(Members { by_id, by_row });
    }

    /// The class of `row`; `None` when no other row has its vector.
    pub(super) fn class(&self, row: usize) -> Option<u32> {
        self.class[row]
    }

    /// Whether two different rows have the same vector.
    pub(super) fn same(&self, a: usize, b: usize) -> bool {
        self.class[a].is_some() && self.class[a] == self.class[b]
    }

    /// Whether all rows of two ranges have one vector; neither is empty.
    pub(super) fn are_one(&self, a: Range<usize>, b: Range<usize>) -> bool {
        let first = self.class[a.start];
        first.is_some() && a.chain(b).all(|row| self.class[row] == first)
    }

    /// The rows that share the vector of `row` and may lie within `scope`, in id order, for a caller that stops after `k` that
    /// do.
    ///
    /// Where most of the class lies within, the first ones by id are found soonest by walking the class; where little of it
    /// does, that little is gathered and sorted. The guess costs the smaller of both up to a factor.
    pub(super) fn members_within(&self, row: usize, scope: &[Range<u32>], k: usize) -> impl Iterator<Item = usize> {
        let members = self.class[row].map(|class| &self.members[class as usize]);
        let rows = members.map_or(&[][..], |m| &m.by_row);
        let below = |end: u32| rows.partition_point(|&member| member < end);
        let within: usize = scope.iter().map(|r| below(r.end) - below(r.start)).sum();
        let chosen: Cow<'_, [u32]> = if within.saturating_mul(within) > k.saturating_mul(rows.len()) {
            Cow::Borrowed(members.map_or(&[][..], |m| &m.by_id))
        } else {
            let mut few: Vec<u32> = scope.iter().flat_map(|r| &rows[below(r.start)..below(r.end)]).copied().collect();
            few.sort_unstable_by_key(|&row| self.id_rank[row as usize]);
            Cow::Owned(few)
        };
        (0..chosen.len()).map(move |at| chosen[at] as usize)
    }
}

/// A quick hash (the multiply-and-rotate step of Fx), good enough to bring equal vectors together.
fn mix(bits: impl Iterator<Item = u32>) -> u64 {
    bits.fold(0_u64, |hash, word| (hash.rotate_left(5) ^ u64::from(word)).wrapping_mul(0x517c_c1b7_2722_0a95))
}
