//! Which categories are linked with which, and how often chance would meet such a pair. This room refuses products without a
//! category: they are in no pair.

use super::entries::Variants;
use super::metrics::float;

/// The pairs of categories that links make, and what chance needs to know.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    /// Per row, the number of its category; from `categories` on it has none.
    category: &'a [u32],
    groups: &'a [u32],
    variants: &'a Variants,
    available: &'a [bool],
    /// From one category to another, ascending.
    linked: Vec<(u32, u32)>,
    /// Per category, the available rows whose category it is linked with.
    reach: Vec<usize>,
    /// Available rows.
    candidates: usize,
}

impl<'a> Pairs<'a> {
    /// Of the rows that `links` link. `category` and `groups` are by row, as is `available`.
    pub(super) fn new(
        (category, categories): (&'a [u32], u32),
        (groups, variants): (&'a [u32], &'a Variants),
        available: &'a [bool],
        links: impl Iterator<Item = (usize, u32)>,
    ) -> Pairs<'a> {
        let pair = |(from, to): (usize, u32)| (category[from], category[to as usize]);
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let mut room = 1024;
        for pair in links.map(pair).filter(|&(from, to)| from < categories && to < categories) {
            pairs.push(pair);
            if pairs.len() == room {
                sort_distinct(&mut pairs);
                room = 1024.max(2 * pairs.len());
            }
        }
        sort_distinct(&mut pairs);
        let mut of_category = vec![0; categories as usize + 1];
        let is_available = |row: &usize| available[*row];
        (0..category.len())
            .filter(is_available)
            .for_each(|row| of_category[category[row].min(categories) as usize] += 1);
        let mut reach = vec![0; categories as usize + 1];
        for &(from, to) in &pairs {
            reach[from as usize] += of_category[to as usize];
        }
        let candidates = available.iter().filter(|is| **is).count();
        Pairs { category, groups, variants, available, linked: pairs, reach, candidates }
    }

    /// Whether the categories of two rows are linked.
    pub(super) fn holds(&self, from: usize, to: u32) -> bool {
        self.linked.binary_search(&(self.category[from], self.category[to as usize])).is_ok()
    }

    /// The chance that a random row that is available and of another group than `from` is in a category linked with its own: the
    /// share of such rows, exactly. 0 where there is no such row.
    pub(super) fn chance(&self, from: usize) -> f64 {
        let own = self.variants.of(self.groups[from]).iter().filter(|&&row| self.available[row as usize]);
        let (own, own_reached) =
            own.fold((0, 0), |(all, reached), &row| (all + 1, reached + usize::from(self.holds(from, row))));
        let others = self.candidates - own;
        if others == 0 {
            return 0.0;
        }
        float(self.reach[self.category[from] as usize] - own_reached) / float(others)
    }
}

fn sort_distinct(pairs: &mut Vec<(u32, u32)>) {
    pairs.sort_unstable();
    pairs.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_the_share_of_other_candidates_in_a_linked_category() {
        // Rows 0 to 6: categories 0 0 1 1 1 2 and none; rows 2 and 3 are variants; row 4 is sold out.
        let (category, groups) = ([0, 0, 1, 1, 1, 2, 3], [0, 1, 2, 2, 3, 4, 5]);
        let variants = Variants::new(&groups);
        let available = [true, true, true, true, false, true, true];
        let links = [(0, 2), (0, 3), (2, 4), (0, 6), (6, 0)];
        let pairs = Pairs::new((&category, 3), (&groups, &variants), &available, links.into_iter());
        assert!(pairs.holds(1, 4) && pairs.holds(5 - 1, 2) && !pairs.holds(0, 1) && !pairs.holds(0, 6));
        // Beside row 0 there are rows 1, 2, 3, 5 and 6, of which 2 and 3 are in category 1.
        assert_eq!(pairs.chance(0), 2.0 / 5.0);
        // Beside row 2 there are rows 0, 1, 5 and 6: its own variants do not count, and row 4 is not available.
        assert_eq!(pairs.chance(2), 0.0);
        // Row 4 is not available and is still served: rows 2 and 3 are of other groups.
        assert_eq!(pairs.chance(4), 2.0 / 6.0);
        assert_eq!((pairs.chance(5), pairs.chance(6)), (0.0, 0.0));
    }

    #[test]
    fn nothing_beside_a_row_has_no_chance() {
        let variants = Variants::new(&[0, 0]);
        let pairs = Pairs::new((&[0, 0], 1), (&[0, 0], &variants), &[true, true], [(0, 1)].into_iter());
        assert_eq!(pairs.chance(0), 0.0);
    }
}
