//! Money as exact decimals. This room refuses floats: a price never passes through one.

use std::fmt;

use rust_decimal::Decimal;

/// Decimal places that a price can have; the scale of `DECIMAL(18,4)`.
pub const PRICE_SCALE: u32 = 4;

/// A price that is zero or more, in ten-thousandths of the currency unit: at most 14 integer digits and 4 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

impl Price {
    /// The largest price, `99999999999999.9999`.
    pub const MAX: Price = Price(999_999_999_999_999_999);

    /// A price from ten-thousandths of the currency unit; `None` when negative or above [`Price::MAX`].
    #[must_use]
    pub fn from_units(units: i64) -> Option<Price> {
        (0..=Price::MAX.0).contains(&units).then_some(Price(units))
    }

    /// Ten-thousandths of the currency unit: the unscaled value of `DECIMAL(18,4)`.
    #[must_use]
    pub fn units(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Decimal::new(self.0, PRICE_SCALE);
        if self.0 % 100 == 0 { write!(f, "{}", text.round_dp(2)) } else { write!(f, "{}", text.normalize()) }
    }
}

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads a code such as `USD` in any case, with spaces around it; `None` when it is not three ASCII letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Currency> {
        let code: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_alphabetic).then(|| Currency(code.map(|c| c.to_ascii_uppercase())))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters by construction")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
