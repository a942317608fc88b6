//! Decimals in TOML. A float is taken as its shortest decimal text, which is what was written for up to 15 digits; longer ones
//! must be quoted.

use std::fmt;

use rust_decimal::Decimal;
use serde::de::{self, Visitor};
use serde::{Deserializer, Serializer};

/// Digits that survive the way through a TOML float unharmed.
const FLOAT_DIGITS: u32 = 15;

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = Decimal;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a decimal number such as 1.05, or the same in quotes")
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
            let value: Decimal = self.visit_str(&number.to_string())?;
            if value.normalize().mantissa().unsigned_abs() < 10_u128.pow(FLOAT_DIGITS) {
                return Ok(value);
            }
            Err(E::custom(format!("`{number}` has more than {FLOAT_DIGITS} digits: write it in quotes to keep them")))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
            let fits = |d: &Decimal| d.scale() <= 8 && d.mantissa().unsigned_abs() < 10_u128.pow(18);
            Decimal::from_str_exact(text).ok().filter(fits).ok_or_else(|| {
                E::custom(format!("`{text}` is not a decimal number of at most 18 digits, 8 of them decimals"))
            })
        }
    }
    deserializer.deserialize_any(Number).map(Some)
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(decimal) => serializer.collect_str(&decimal.normalize()),
        None => serializer.serialize_none(),
    }
}
