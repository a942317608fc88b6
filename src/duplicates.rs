//! Nearly identical pictures of different products: the lists that an engine found as rows of a table, and the clusters that they
//! make. This room refuses to look for them, to decide what is nearly identical, and to write.

use crate::output::{Dictionaries, Dictionary, Duplicate, Key};
use crate::plan::Plan;
use crate::similarity::{Gallery, TopK};

/// The lists of [`Plan::list_duplicates`], found.
#[derive(Debug)]
pub struct Duplicates<'a> {
    id_rank: &'a [u32],
    gallery: &'a Gallery,
    found: &'a TopK,
    /// Per place of an id among all ids, that of the first id of its cluster.
    clusters: Vec<u32>,
}

impl<'a> Duplicates<'a> {
    /// Brings what an engine found together with the plan's order of ids.
    #[must_use]
    pub fn new(plan: &'a Plan, gallery: &'a Gallery, found: &'a TopK) -> Duplicates<'a> {
        let id_rank = plan.lists.id_rank.as_slice();
        Duplicates { id_rank, gallery, found, clusters: clusters(found, id_rank) }
    }

    /// What the keys of the rows stand for: the ids of the other tables, and ranks of these lists.
    ///
    /// # Errors
    /// A list of 2^31 entries.
    pub fn dictionaries(&self, others: Dictionaries) -> anyhow::Result<Dictionaries> {
        let longest = i32::try_from(self.found.iter().map(Vec::len).max().unwrap_or(0))?;
        Ok(Dictionaries { ranks: Dictionary::of_i32(1..=longest)?, ..others })
    }

    /// The rows of the `duplicates` table for one row of the plan, none where nothing looks like it.
    pub fn of(&self, row: usize) -> impl Iterator<Item = Duplicate> {
        let key = |place: u32| Key::new(place as usize);
        let id = self.id_rank[row];
        self.found.get(row).into_iter().flatten().enumerate().map(move |(place, entry)| Duplicate {
            product_id: key(id),
            rank: Key::new(place),
            duplicate_id: key(self.id_rank[entry.row as usize]),
            similarity: entry.score,
            identical: self.gallery.share_a_view(row, entry.row as usize),
            cluster_id: key(self.clusters[id as usize]),
        })
    }
}

/// Per place of an id among all ids, the first place among those that entries connect with it, whichever way round.
fn clusters(found: &TopK, id_rank: &[u32]) -> Vec<u32> {
    // A place's next one towards the first of its cluster, which is its own.
    let mut towards: Vec<u32> = (0..).take(id_rank.len()).collect();
    for (row, list) in found.iter().enumerate() {
        for entry in list {
            let [one, other] = [row, entry.row as usize].map(|row| first(&mut towards, id_rank[row]));
            towards[one.max(other) as usize] = one.min(other);
        }
    }
    // Everything leads to an earlier place, and that one is done.
    for place in 0..towards.len() {
        towards[place] = towards[towards[place] as usize];
    }
    towards
}

/// The first place of a cluster. Halves the way to it, so that all ways together stay short.
fn first(towards: &mut [u32], mut place: u32) -> u32 {
    while towards[place as usize] != place {
        let next = towards[place as usize];
        towards[place as usize] = towards[next as usize];
        place = next;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::Entry;

    fn found(lists: &[&[u32]]) -> TopK {
        lists.iter().map(|list| list.iter().map(|&row| Entry { row, score: 1.0 }).collect()).collect()
    }

    #[test]
    fn a_cluster_is_what_rows_connect_whichever_way_round() {
        let in_order: Vec<u32> = (0..7).collect();
        // 5 names 3 and 3 names nobody; 3 and 1 meet through 4; 6 stands alone.
        let lists = found(&[&[], &[4], &[0], &[4], &[], &[3], &[]]);
        assert_eq!(clusters(&lists, &in_order), [0, 1, 0, 1, 1, 1, 6]);
        // The first is the first by id, not by row.
        assert_eq!(clusters(&found(&[&[1], &[], &[]]), &[2, 1, 0]), [0, 1, 1]);
        assert_eq!(clusters(&found(&[]), &[1, 0]), [0, 1], "a night without a vector");
    }

    #[test]
    fn chains_in_any_order_are_one_cluster() {
        let rows = 100_000_u32;
        let id_rank: Vec<u32> = (0..rows).map(|row| row * 7_919 % rows).collect();
        let chain: TopK = (0..rows).map(|row| vec![Entry { row: (row + 1) % rows, score: 1.0 }]).collect();
        assert!(clusters(&chain, &id_rank).iter().all(|&first| first == 0));
    }
}
