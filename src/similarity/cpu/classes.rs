//! Bit-identical vectors as classes: a shop's placeholder image is one vector many times, and all its pairs tie.

use rayon::prelude::*;

use crate::similarity::Matrix;

/// Which rows share a vector, bit for bit.
#[derive(Debug)]
pub(super) struct Classes {
    /// Per row, its class; `None` when no other row has its vector.
    class: Vec<Option<u32>>,
    /// Rows of each class in id order.
    members: Vec<Vec<u32>>,
}

impl Classes {
    pub(super) fn new(matrix: &Matrix, id_rank: &[u32]) -> Classes {
        let bits = |row: u32| matrix.row(row as usize).iter().map(|v| v.to_bits());
        let rows = u32::try_from(matrix.rows()).expect("fewer than 2^32 rows");
        let mut order: Vec<(u64, u32)> = (0..rows).into_par_iter().map(|row| (mix(bits(row)), row)).collect();
        // Vectors are only compared where their hashes meet: nearly always because they are equal.
        order.par_sort_unstable_by(|&(hash_a, a), &(hash_b, b)| {
            let vectors = || bits(a).cmp(bits(b));
            hash_a.cmp(&hash_b).then_with(vectors).then_with(|| id_rank[a as usize].cmp(&id_rank[b as usize]))
        });
        let mut classes = Classes { class: vec![None; matrix.rows()], members: Vec::new() };
        for run in order.chunk_by(|&(hash_a, a), &(hash_b, b)| hash_a == hash_b && bits(a).eq(bits(b))) {
            if run.len() > 1 {
                let number = u32::try_from(classes.members.len()).expect("fewer classes than rows");
                for &(_, row) in run {
                    classes.class[row as usize] = Some(number);
                }
                classes.members.push(run.iter().map(|&(_, row)| row).collect());
            }
        }
        classes
    }

    /// The rows that share the vector of `row`, itself included, in id order; `None` when there is no other.
    pub(super) fn members(&self, row: usize) -> Option<&[u32]> {
        self.class[row].map(|class| self.members[class as usize].as_slice())
    }

    /// Whether two different rows have the same vector.
    pub(super) fn same(&self, a: usize, b: usize) -> bool {
        self.class[a].is_some() && self.class[a] == self.class[b]
    }
}

/// A quick hash (the multiply-and-rotate step of Fx), good enough to bring equal vectors together.
fn mix(bits: impl Iterator<Item = u32>) -> u64 {
    bits.fold(0_u64, |hash, word| (hash.rotate_left(5) ^ u64::from(word)).wrapping_mul(0x517c_c1b7_2722_0a95))
}
