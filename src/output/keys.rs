//! Values that many rows share, once, and the short names by which rows speak of them. This room refuses values out of order.

use std::sync::Arc;

use anyhow::ensure;
use parquet::basic::Type;

/// A value's place in its [`Dictionary`]. Keys of one dictionary are in the order of their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u32);

impl Key {
    /// No value.
    pub const NULL: Key = Key(u32::MAX);

    /// The key of the value at `place`.
    ///
    /// # Panics
    /// Beyond 2^32 - 2.
    #[must_use]
    pub fn new(place: usize) -> Key {
        let key = u32::try_from(place).map(Key).ok().filter(|&key| key != Key::NULL);
        key.expect("fewer than 2^32 - 1 values")
    }

    /// The value's place.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

/// Distinct values in ascending order, each as Parquet's plain encoding writes it.
#[derive(Debug)]
pub struct Dictionary {
    physical: Type,
    plain: Vec<u8>,
    ends: Vec<usize>,
}

impl Dictionary {
    /// A dictionary of text, in the order of its UTF-8 bytes.
    ///
    /// # Errors
    /// Text that does not come after the one before it, or has 2^32 bytes.
    pub fn of_text<'t>(values: impl IntoIterator<Item = &'t str>) -> anyhow::Result<Arc<Dictionary>> {
        let mut all = Dictionary { physical: Type::BYTE_ARRAY, plain: Vec::new(), ends: Vec::new() };
        let mut last: Option<&str> = None;
        for value in values {
            ensure!(last < Some(value), "`{value}` is not after `{}`; this is a defect of twinset", last.unwrap_or(""));
            all.plain.extend(u32::try_from(value.len())?.to_le_bytes());
            all.push(value.as_bytes());
            last = Some(value);
        }
        Ok(Arc::new(all))
    }

    /// A dictionary of numbers of 32 bits.
    ///
    /// # Errors
    /// A number that does not come after the one before it.
    pub fn of_i32(values: impl IntoIterator<Item = i32>) -> anyhow::Result<Arc<Dictionary>> {
        Dictionary::of_numbers(Type::INT32, values, i32::to_le_bytes)
    }

    /// A dictionary of numbers of 64 bits.
    ///
    /// # Errors
    /// A number that does not come after the one before it.
    pub fn of_i64(values: impl IntoIterator<Item = i64>) -> anyhow::Result<Arc<Dictionary>> {
        Dictionary::of_numbers(Type::INT64, values, i64::to_le_bytes)
    }

    fn of_numbers<T: Copy + Ord, const BYTES: usize>(
        physical: Type,
        values: impl IntoIterator<Item = T>,
        bytes: fn(T) -> [u8; BYTES],
    ) -> anyhow::Result<Arc<Dictionary>> {
        let mut all = Dictionary { physical, plain: Vec::new(), ends: Vec::new() };
        let mut last = None;
        for value in values {
            ensure!(last < Some(value), "a dictionary's numbers do not ascend; this is a defect of twinset");
            all.push(&bytes(value));
            last = Some(value);
        }
        Ok(Arc::new(all))
    }

    fn push(&mut self, value: &[u8]) {
        self.plain.extend_from_slice(value);
        self.ends.push(self.plain.len());
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Parquet's physical type of the values.
    pub(super) fn physical(&self) -> Type {
        self.physical
    }

    /// A value in plain encoding.
    pub(super) fn plain(&self, key: Key) -> &[u8] {
        let start = key.place().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.plain[start..self.ends[key.place()]]
    }

    /// A value's own bytes: as [`Dictionary::plain`], without the length of text.
    pub(super) fn value(&self, key: Key) -> &[u8] {
        let plain = self.plain(key);
        if self.physical == Type::BYTE_ARRAY { &plain[size_of::<u32>()..] } else { plain }
    }
}

/// The values that rows of `recommendations`, `coverage`, `placements` and `duplicates` speak of.
#[derive(Clone, Debug)]
pub struct Dictionaries {
    /// Ids of products.
    pub ids: Arc<Dictionary>,
    /// Names of rules.
    pub rules: Arc<Dictionary>,
    /// `cross_sell`, `similar`, `upsell`: those that rules have.
    pub relations: Arc<Dictionary>,
    /// Places in a list or on a page, from 1.
    pub ranks: Arc<Dictionary>,
    /// Prices in ten-thousandths.
    pub prices: Arc<Dictionary>,
    /// Codes of currencies.
    pub currencies: Arc<Dictionary>,
    /// `fallback`, `pin`, `rule`.
    pub origins: Arc<Dictionary>,
    /// Why lists are short.
    pub reasons: Arc<Dictionary>,
    /// Names of placements.
    pub placements: Arc<Dictionary>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_keys() {
        let texts = Dictionary::of_text(["", "a", "z", "é"]).unwrap();
        assert_eq!((texts.len(), texts.value(Key::new(3))), (4, "é".as_bytes()));
        assert_eq!((texts.plain(Key::new(0)), texts.plain(Key::new(1))), (&[0; 4][..], &[1, 0, 0, 0, b'a'][..]));
        let numbers = Dictionary::of_i64([-1, 0, 258]).unwrap();
        assert_eq!(numbers.value(Key::new(2)), [2, 1, 0, 0, 0, 0, 0, 0]);
        assert!(Dictionary::of_i32([]).unwrap().is_empty());
    }

    #[test]
    fn values_out_of_order_are_refused() {
        assert!(Dictionary::of_text(["é", "z"]).is_err(), "by bytes, not by letters");
        assert!(Dictionary::of_text(["a", "a"]).is_err());
        assert!(Dictionary::of_i32([2, 1]).is_err());
    }
}
