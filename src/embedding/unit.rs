//! Unit vectors and the canonical score. This room refuses any other way to compare two vectors for a result.

/// The f64 dot product of two f32 vectors in eight partial sums: element i goes into sum i mod 8, and the sums are added as
/// `((0+4)+(2+6))+((1+5)+(3+7))`, so that the result is the same bits on every machine.
///
/// # Panics
/// When the lengths differ.
#[must_use]
pub fn canonical_dot(x: &[f32], y: &[f32]) -> f64 {
    assert_eq!(x.len(), y.len(), "vectors of one matrix have one length");
    let mut sums = [0.0_f64; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let (x_rest, y_rest) = (xs.remainder(), ys.remainder());
    for (a, b) in xs.zip(ys) {
        for lane in 0..8 {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    for (lane, (&a, &b)) in x_rest.iter().zip(y_rest).enumerate() {
        sums[lane] += f64::from(a) * f64::from(b);
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

/// Why a vector cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorFault {
    /// A component is NaN or infinite.
    NonFinite,
    /// Every component is zero.
    Zero,
}

/// Scales `raw` to length 1: the f64 norm in the order of [`canonical_dot`], each component divided by it and rounded once.
///
/// # Errors
/// A vector with a non-finite component, or of norm zero.
pub fn make_unit(raw: &[f32]) -> Result<Vec<f32>, VectorFault> {
    if raw.iter().any(|v| !v.is_finite()) {
        return Err(VectorFault::NonFinite);
    }
    let norm = canonical_dot(raw, raw).sqrt();
    if norm == 0.0 {
        return Err(VectorFault::Zero);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the one rounding that the definition asks for")]
    Ok(raw.iter().map(|&v| (f64::from(v) / norm) as f32).collect())
}

/// The unit vectors of a catalog: finite, of one dimension, of length 1 up to rounding, by construction.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    dimension: usize,
    values: Vec<f32>,
    slots: Vec<Option<u32>>,
}

impl Vectors {
    /// An empty set for `products` products and vectors of `dimension` components.
    #[must_use]
    pub fn new(dimension: usize, products: usize) -> Vectors {
        Vectors { dimension, values: Vec::new(), slots: vec![None; products] }
    }

    /// Makes `raw` unit and stores it as the vector of `product`.
    ///
    /// # Errors
    /// See [`make_unit`].
    ///
    /// # Panics
    /// When `raw` has another length than the dimension.
    pub fn insert(&mut self, product: usize, raw: &[f32]) -> Result<(), VectorFault> {
        assert_eq!(raw.len(), self.dimension, "the caller checks lengths");
        let unit = make_unit(raw)?;
        let slot = self.values.len() / self.dimension;
        self.slots[product] = Some(u32::try_from(slot).expect("fewer than 2^32 products"));
        self.values.extend_from_slice(&unit);
        Ok(())
    }

    /// Gives `product` the very vector that `other` has, if it has one: the same bits, stored once.
    pub fn share(&mut self, product: usize, other: usize) {
        self.slots[product] = self.slots[other];
    }

    /// BLAKE3 of every product's vector, bit for bit, in product order.
    #[must_use]
    pub fn digest(&self) -> blake3::Hash {
        let mut hash = blake3::Hasher::new();
        let mut bytes = Vec::with_capacity(self.dimension * 4);
        for product in 0..self.slots.len() {
            bytes.clear();
            bytes.extend(self.get(product).unwrap_or_default().iter().flat_map(|v| v.to_le_bytes()));
            hash.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
        }
        hash.finalize()
    }

    /// Components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many products have a vector.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// The unit vector of a product, if it has one.
    #[must_use]
    pub fn get(&self, product: usize) -> Option<&[f32]> {
        let slot = self.slots[product]? as usize;
        Some(&self.values[slot * self.dimension..(slot + 1) * self.dimension])
    }
}
