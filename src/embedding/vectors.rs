//! The unit vectors of a catalog, by product. This room refuses a vector that is not unit, and to hold one twice.

use std::ops::Range;

use rayon::prelude::*;

use super::unit::{VectorFault, make_unit, mean_unit, scale_to_unit};

/// BLAKE3 over many vectors. They are hashed some at a time, because BLAKE3 is fast over long input only.
#[derive(Debug, Default)]
struct Digest {
    hasher: blake3::Hasher,
    waiting: Vec<u8>,
}

impl Digest {
    const TOGETHER: usize = 1 << 17;

    fn add_length(&mut self, length: usize) {
        self.waiting.extend((length as u64).to_le_bytes());
    }

    /// Adds the values, bit for bit.
    fn add(&mut self, values: &[f32]) {
        if cfg!(target_endian = "little") {
            self.waiting.extend_from_slice(bytemuck::cast_slice(values));
        } else {
            self.waiting.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        if self.waiting.len() >= Digest::TOGETHER {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    fn finish(mut self) -> blake3::Hash {
        self.hasher.update(&self.waiting).finalize()
    }
}

/// The unit vectors of a catalog: finite, of one dimension, of length 1 up to rounding, by construction. A product has one at most, or
/// several.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    dimension: usize,
    values: Vec<f32>,
    /// By product; where some product has several vectors, all of them, product by product.
    slots: Vec<Option<u32>>,
    /// Where the slots of each product begin, and one more at the end; empty where each product has one.
    starts: Vec<u32>,
}

impl Vectors {
    /// An empty set for `products` products and vectors of `dimension` components.
    #[must_use]
    pub fn new(dimension: usize, products: usize) -> Vectors {
        Vectors { dimension, values: Vec::new(), slots: vec![None; products], starts: Vec::new() }
    }

    /// Makes the vectors of a column unit where they lie: `spans` says per product where in `values`, ascending. Spans of
    /// another length than `dimension` are left out. Also gives the products whose vectors cannot be used, ascending.
    pub(super) fn in_place(
        dimension: usize,
        mut values: Vec<f32>,
        spans: &[Option<Range<usize>>],
    ) -> (Vectors, Vec<(usize, VectorFault)>) {
        let mut slots = vec![None; spans.len()];
        let mut holders = Vec::new();
        for (product, span) in spans.iter().enumerate() {
            let Some(span) = span.clone().filter(|span| dimension > 0 && span.len() == dimension) else { continue };
            let at = holders.len() * dimension;
            if span.start != at {
                values.copy_within(span, at);
            }
            slots[product] = Some(small(holders.len()));
            holders.push(product);
        }
        values.truncate(holders.len() * dimension);
        let scaled = values.par_chunks_exact_mut(dimension.max(1)).zip(&holders);
        let faults: Vec<(usize, VectorFault)> =
            scaled.filter_map(|(vector, &product)| Some((product, scale_to_unit(vector).err()?))).collect();
        for &(product, _) in &faults {
            slots[product] = None;
        }
        (Vectors { dimension, values, slots, starts: Vec::new() }, faults)
    }

    /// Prepares for this many vectors, so that none is moved while they come.
    pub(super) fn reserve(&mut self, vectors: usize) {
        self.values.reserve_exact(vectors * self.dimension);
    }

    /// Makes `raw` unit and stores it as the vector of `product`.
    ///
    /// # Errors
    /// See [`make_unit`].
    ///
    /// # Panics
    /// When `raw` has another length than the dimension.
    pub fn insert(&mut self, product: usize, raw: &[f32]) -> Result<(), VectorFault> {
        let unit = make_unit(raw)?;
        self.insert_unit(product, &unit);
        Ok(())
    }

    /// Stores what [`make_unit`] made as the vector of `product`.
    ///
    /// # Panics
    /// When `unit` has another length than the dimension.
    pub(super) fn insert_unit(&mut self, product: usize, unit: &[f32]) {
        assert_eq!(unit.len(), self.dimension, "the caller checks lengths");
        self.slots[product] = Some(self.add(unit));
    }

    /// Gives `product` the very vector that `other` has, if it has one: the same bits, stored once.
    pub fn share(&mut self, product: usize, other: usize) {
        self.slots[product] = self.slots[other];
    }

    /// Gives each product all the vectors that there are of some: product `p` those of the products `starts[p]..starts[p + 1]` of before,
    /// which have one at most.
    ///
    /// # Panics
    /// When `starts` names a product that there is not.
    #[must_use]
    pub fn gather_all(mut self, starts: &[usize]) -> Vectors {
        self.starts.push(0);
        for of_product in starts.windows(2) {
            let there_are = self.slots[of_product[0]..of_product[1]].iter().flatten().count();
            self.starts.push(self.starts[self.starts.len() - 1] + small(there_are));
        }
        if self.starts.windows(2).any(|of_product| of_product[1] - of_product[0] > 1) {
            self.slots.retain(Option::is_some);
            return self;
        }
        self.starts.clear();
        self.gather(starts, |_, _, slots| slots.first().copied())
    }

    /// Gives each product the mean of the vectors that [`Self::gather_all`] would give it, see [`mean_unit`]; the one vector where there
    /// is one. Also says which products have none because theirs cancel each other out, ascending.
    pub(super) fn gather_mean(self, starts: &[usize]) -> (Vectors, Vec<usize>) {
        let mut canceled = Vec::new();
        let vectors = self.gather(starts, |vectors, product, slots| {
            if slots.len() < 2 {
                return slots.first().copied();
            }
            let mean = mean_unit(slots.iter().map(|&slot| vectors.at(slot)));
            if mean.is_none() {
                canceled.push(product);
            }
            mean.map(|mean| vectors.add(&mean))
        });
        (vectors, canceled)
    }

    /// Gives each product the slot that `choose` makes of those that there are of some products of before.
    fn gather(
        mut self,
        starts: &[usize],
        mut choose: impl FnMut(&mut Vectors, usize, &[u32]) -> Option<u32>,
    ) -> Vectors {
        let slots = std::mem::take(&mut self.slots);
        let mut there_are = Vec::new();
        for (product, of_product) in starts.windows(2).enumerate() {
            there_are.clear();
            there_are.extend(slots[of_product[0]..of_product[1]].iter().flatten());
            let chosen = choose(&mut self, product, &there_are);
            self.slots.push(chosen);
        }
        self
    }

    /// BLAKE3 of every product's vectors, bit for bit, in product order.
    #[must_use]
    pub fn digest(&self) -> blake3::Hash {
        let mut digest = Digest::default();
        for product in 0..self.products() {
            digest.add_length(self.of(product).map(size_of_val::<[f32]>).sum());
            self.of(product).for_each(|vector| digest.add(vector));
        }
        digest.finish()
    }

    /// Components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many products have a vector.
    #[must_use]
    pub fn count(&self) -> usize {
        (0..self.products()).filter(|&product| self.get(product).is_some()).count()
    }

    /// The unit vector of a product, the first one where it has several, if it has one.
    #[must_use]
    pub fn get(&self, product: usize) -> Option<&[f32]> {
        self.of(product).next()
    }

    /// The unit vectors of a product.
    pub fn of(&self, product: usize) -> impl Iterator<Item = &[f32]> {
        self.slots_of(product).iter().flatten().map(|&slot| self.at(slot))
    }

    fn products(&self) -> usize {
        if self.starts.is_empty() { self.slots.len() } else { self.starts.len() - 1 }
    }

    fn slots_of(&self, product: usize) -> &[Option<u32>] {
        if self.starts.is_empty() {
            return &self.slots[product..=product];
        }
        &self.slots[self.starts[product] as usize..self.starts[product + 1] as usize]
    }

    fn at(&self, slot: u32) -> &[f32] {
        &self.values[slot as usize * self.dimension..(slot as usize + 1) * self.dimension]
    }

    /// Stores a unit vector; gives its slot.
    fn add(&mut self, unit: &[f32]) -> u32 {
        let slot = self.values.len() / self.dimension;
        self.values.extend_from_slice(unit);
        small(slot)
    }

    /// The vectors of `products`, end to end in that order: `[vectors][dimension]`. They are moved where they lie, along the
    /// cycles of the permutation, so that no second copy of them is held.
    ///
    /// # Panics
    /// When a product has no vector.
    #[must_use]
    pub fn arrange(mut self, products: impl Iterator<Item = usize>) -> Vec<f32> {
        let mut asked: Vec<u32> = Vec::new();
        for product in products {
            let of_all = asked.len();
            asked.extend(self.slots_of(product).iter().flatten());
            assert!(asked.len() > of_all, "only products with a vector are arranged");
        }
        let (dimension, rows) = (self.dimension, asked.len());
        let held = self.values.len().checked_div(dimension).unwrap_or(0);
        self.values.reserve_exact(rows.saturating_sub(held) * dimension);
        // Where each row comes from: first a slot of its own, so that products with one vector get it each.
        let mut from: Vec<u32> = asked;
        let mut is_taken = vec![false; held];
        for slot in &mut from {
            let at = *slot as usize;
            if is_taken[at] {
                *slot = small(self.values.len() / dimension);
                self.values.extend_from_within(at * dimension..(at + 1) * dimension);
            } else {
                is_taken[at] = true;
            }
        }
        // Whatever is not asked for comes last and is cut off.
        from.extend((0..held).filter(|&slot| !is_taken[slot]).map(small));
        permute(&mut self.values, dimension, from);
        self.values.truncate(rows * dimension);
        self.values
    }
}

/// Puts at every row what stands at `from[row]`, a permutation.
fn permute(values: &mut [f32], dimension: usize, mut from: Vec<u32>) {
    let mut first = vec![0.0; dimension];
    for start in 0..from.len() {
        if from[start] as usize == start {
            continue;
        }
        first.copy_from_slice(&values[start * dimension..(start + 1) * dimension]);
        let mut row = start;
        loop {
            let next = std::mem::replace(&mut from[row], small(row)) as usize;
            if next == start {
                values[row * dimension..(row + 1) * dimension].copy_from_slice(&first);
                break;
            }
            values.copy_within(next * dimension..(next + 1) * dimension, row * dimension);
            row = next;
        }
    }
}

fn small(slot: usize) -> u32 {
    u32::try_from(slot).expect("fewer than 2^32 vectors")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of products 0 to 5: 0, 2 and 4 of their own, 3 shares that of 0, 5 that of 2, 1 has none.
    fn vectors() -> Vectors {
        let mut vectors = Vectors::new(2, 6);
        for (product, raw) in [(4, [1.0, 0.0]), (0, [0.0, 2.0]), (2, [-3.0, 0.0])] {
            vectors.insert(product, &raw).unwrap();
        }
        vectors.share(3, 0);
        vectors.share(5, 2);
        vectors
    }

    #[test]
    fn vectors_are_arranged_as_asked_whether_shared_or_left_out() {
        let orders: [&[usize]; 6] = [&[0, 2, 3, 4, 5], &[5, 4, 3, 2, 0], &[3, 0], &[2, 4], &[4, 5, 2, 5], &[]];
        for order in orders {
            let expected: Vec<f32> = order.iter().flat_map(|&p| vectors().get(p).unwrap().to_vec()).collect();
            assert_eq!(vectors().arrange(order.iter().copied()), expected, "{order:?}");
        }
    }

    /// The same vectors for four products: one with those of 0 to 2, one with that of 3, one with none, one with those of 4 and 5.
    const STARTS: [usize; 5] = [0, 3, 4, 4, 6];

    #[test]
    fn products_have_all_vectors_of_their_places() {
        let all = vectors().gather_all(&STARTS);
        let of = |product: usize| all.of(product).map(<[f32]>::to_vec).collect::<Vec<_>>();
        let [east, north, west] = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]].map(Vec::from);
        let expected =
            [vec![north.clone(), west.clone()], vec![north.clone()], vec![], vec![east.clone(), west.clone()]];
        assert_eq!([0, 1, 2, 3].map(of), expected);
        assert_eq!((all.count(), all.get(3)), (3, Some(&east[..])));
        let arranged = all.clone().arrange([3, 0, 1].into_iter());
        assert_eq!(arranged, [east, west.clone(), north.clone(), west, north].concat());
        assert_ne!(all.digest(), vectors().gather_all(&[0, 2, 4, 4, 6]).digest());
    }

    #[test]
    fn where_no_product_has_several_vectors_nothing_is_added() {
        // The second place of product 0 has none.
        let starts = [0, 2, 3, 4, 5, 6];
        let all = vectors().gather_all(&starts);
        assert!(all.starts.is_empty());
        let mut plain = Vectors::new(2, 5);
        for (product, place) in [0, 2, 3, 4, 5].into_iter().enumerate() {
            plain.insert(product, vectors().get(place).unwrap()).unwrap();
        }
        assert_eq!((all.digest(), all.count()), (plain.digest(), 5));
        assert_eq!(vectors().gather_mean(&starts).0.digest(), plain.digest());
    }

    #[test]
    fn a_mean_is_stored_once_and_none_where_vectors_cancel_out() {
        let (means, canceled) = vectors().gather_mean(&STARTS);
        assert_eq!(canceled, [3]);
        let half = std::f64::consts::FRAC_1_SQRT_2 as f32;
        let expected = [Some(&[-half, half][..]), Some(&[0.0, 1.0][..]), None, None];
        assert_eq!([0, 1, 2, 3].map(|product| means.get(product)), expected);
        assert_eq!(means.arrange([1, 0].into_iter()), [0.0, 1.0, -half, half]);
    }

    #[test]
    fn every_permutation_of_four_rows_is_followed() {
        let rows: [u32; 4] = [0, 1, 2, 3];
        for from in (0..256_u32).map(|n| [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6]) {
            if rows.iter().any(|row| !from.contains(row)) {
                continue;
            }
            let mut values = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5];
            permute(&mut values, 2, from.to_vec());
            #[expect(clippy::cast_precision_loss, reason = "numbers up to 3")]
            let expected: Vec<f32> = from.iter().flat_map(|&row| [row as f32, row as f32 + 0.5]).collect();
            assert_eq!(values[..], expected[..], "{from:?}");
        }
    }

    #[test]
    fn a_digest_is_the_hash_of_lengths_and_bits() {
        let (mut digest, mut bytes) = (Digest::default(), Vec::new());
        for n in 0..40_000_u16 {
            let values = [f32::from(n), -0.0, f32::NAN];
            let values = &values[..usize::from(n % 4).min(3)];
            digest.add_length(values.len());
            digest.add(values);
            bytes.extend((values.len() as u64).to_le_bytes());
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        assert!(bytes.len() > Digest::TOGETHER);
        assert_eq!(digest.finish(), blake3::hash(&bytes));
    }
}
