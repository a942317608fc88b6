//! Money as exact decimals. This room refuses floats: a price never passes through one.

use std::fmt;

use rust_decimal::Decimal;

/// Decimal places that a price can have; the scale of `DECIMAL(18,4)`.
pub const PRICE_SCALE: u32 = 4;

/// Digits that a price can have before the decimal mark.
const INTEGER_DIGITS: usize = 14;

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

    /// Reads a price as it is written, with `decimal` as the decimal mark, without ever passing through a float.
    ///
    /// Spaces around it and zeros at either end are fine. `1.299,00` is read where `decimal` is `,` because only
    /// one reading of it is possible there; every other thousands separator is refused.
    ///
    /// # Errors
    /// The [`PriceFault`] that says what is wrong with the text and what to do about it.
    pub fn parse(text: &str, decimal: char) -> Result<Price, PriceFault> {
        let text = text.trim();
        refuse_what_is_no_number(text)?;
        let (integer, decimals) = match decimal {
            ',' => split_at_comma(text)?,
            _ => split_at_point(text)?,
        };
        let (integer, decimals) = (integer.trim_start_matches('0'), decimals.trim_end_matches('0'));
        if integer.len() > INTEGER_DIGITS {
            return Err(PriceFault::TooLarge);
        }
        if decimals.len() > PRICE_SCALE as usize {
            return Err(PriceFault::TooManyDecimals);
        }
        let digits = integer.bytes().chain(format!("{decimals:0<4}").into_bytes());
        Ok(Price(digits.fold(0, |units, digit| units * 10 + i64::from(digit - b'0'))))
    }

    /// Ten-thousandths of the currency unit: the unscaled value of `DECIMAL(18,4)`.
    #[must_use]
    pub fn units(self) -> i64 {
        self.0
    }
}

/// What is left of a price, or what one product earns more than another: ten-thousandths of the currency unit, of either sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Margin(i64);

impl Margin {
    /// Reads a margin as it is written: a price, or one with a minus sign before it.
    ///
    /// # Errors
    /// The [`PriceFault`] that says what is wrong with the text and what to do about it.
    pub fn parse(text: &str, decimal: char) -> Result<Margin, PriceFault> {
        let text = text.trim();
        match text.strip_prefix(['-', '\u{2212}']) {
            // What follows the sign must be a number by itself: `--1` and `-nan` stay what they are.
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',') => {
                Price::parse(rest, decimal).map(|price| Margin(-price.0))
            }
            _ => Price::parse(text, decimal).map(|price| Margin(price.0)),
        }
    }

    /// What `price` leaves above `cost`.
    #[must_use]
    pub fn of(price: Price, cost: Price) -> Margin {
        Margin(price.0 - cost.0)
    }

    /// How much more this is than `other`; `None` beyond 14 integer digits.
    #[must_use]
    pub fn above(self, other: Margin) -> Option<Margin> {
        let units = self.0 - other.0;
        (units.abs() <= Price::MAX.0).then_some(Margin(units))
    }

    /// Ten-thousandths of the currency unit.
    #[must_use]
    pub fn units(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", Price(self.0.abs()))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Decimal::new(self.0, PRICE_SCALE);
        if self.0 % 100 == 0 { write!(f, "{}", text.round_dp(2)) } else { write!(f, "{}", text.normalize()) }
    }
}

/// Why a text is not a price. Its display continues a sentence that starts with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceFault {
    /// Nothing is written.
    #[error("is empty: write a number such as `19.99`")]
    Empty,
    /// `NaN`, `inf` and their kin.
    #[error("is not a finite number: leave the cell empty where there is no price")]
    NotFinite,
    /// `null`, `-` and other signs for nothing.
    #[error("is not a number: leave the cell empty where there is no price")]
    Nothing,
    /// Below zero, or zero with a minus sign.
    #[error("has a minus sign: a price is zero or more, without a sign")]
    Negative,
    /// `$19.99`, `19.99 EUR`.
    #[error("has a currency sign or letters in it: keep the number alone and put the currency in its own column")]
    Letters,
    /// `1.999e1`.
    #[error("has an exponent: write all of its digits")]
    Exponent,
    /// `19,99` or `1.299,00` where the decimal mark is a point.
    #[error("has a decimal comma: set `decimal = \",\"` under `[catalog]`, or write it with a point")]
    DecimalComma,
    /// `19.99` where the decimal mark is a comma.
    #[error("has a point but no comma although `decimal = \",\"`: write it with a comma, or take the setting out")]
    DecimalPoint,
    /// `1,299.00`, `1 299.00`.
    #[error("has thousands separators: write the digits without them")]
    Grouping,
    /// More than four places that are not zero.
    #[error("has more than 4 decimals: round it")]
    TooManyDecimals,
    /// More than 14 digits before the decimal mark.
    #[error("has more than 14 digits before the decimal mark: check its unit")]
    TooLarge,
    /// Anything else.
    #[error("is not a decimal number: write it like `19.99`")]
    Malformed,
}

fn refuse_what_is_no_number(text: &str) -> Result<(), PriceFault> {
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.trim_start_matches(['-', '+', '\u{2212}']);
    if text.is_empty() {
        return Err(PriceFault::Empty);
    }
    if matches!(unsigned, "nan" | "inf" | "infinity") {
        return Err(PriceFault::NotFinite);
    }
    let is_dash = |c: char| "-\u{2013}\u{2014}\u{2212}".contains(c);
    if matches!(&*lower, "null" | "none" | "nil" | "n/a" | "na" | "#n/a") || lower.chars().all(is_dash) {
        return Err(PriceFault::Nothing);
    }
    if lower.starts_with(['-', '\u{2212}']) {
        return Err(PriceFault::Negative);
    }
    if let Some((number, power)) = lower.split_once('e')
        && number.ends_with(|c: char| c.is_ascii_digit() || c == '.')
        && power.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit())
    {
        return Err(PriceFault::Exponent);
    }
    let is_numeric = |c: char| c.is_ascii_digit() || c.is_whitespace() || ".,'’_-+".contains(c);
    if !text.chars().all(is_numeric) {
        return Err(PriceFault::Letters);
    }
    if text.chars().any(|c| c.is_whitespace() || "'’_".contains(c)) {
        return Err(PriceFault::Grouping);
    }
    Ok(())
}

/// The digits before and after the decimal point.
fn split_at_point(text: &str) -> Result<(String, &str), PriceFault> {
    if let Some((before, after)) = text.rsplit_once(',') {
        // `1,299` and `1,299.00` group; `19,9`, `19,99` and `1.299,00` have a decimal comma.
        let groups = before.contains(',') || after.contains('.') || (after.len() == 3 && !before.contains('.'));
        return Err(if groups { PriceFault::Grouping } else { PriceFault::DecimalComma });
    }
    if text.matches('.').count() > 1 {
        return Err(PriceFault::Grouping);
    }
    let (integer, decimals) = split_once_at(text, '.')?;
    Ok((integer.to_owned(), decimals))
}

/// The digits before and after the decimal comma. Points may group the digits before it, but a point without a
/// comma is refused: `1.299` could be either number.
fn split_at_comma(text: &str) -> Result<(String, &str), PriceFault> {
    match (text.find(','), text.rfind('.')) {
        (None, Some(_)) => return Err(PriceFault::DecimalPoint),
        (Some(comma), Some(point)) if comma < point => return Err(PriceFault::Grouping),
        _ if text.matches(',').count() > 1 => return Err(PriceFault::Grouping),
        _ => {}
    }
    let (before, decimals) = text.split_once(',').unwrap_or((text, "0"));
    let mut groups = before.split('.');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    if !rest.is_empty() && (!(1..=3).contains(&first.len()) || rest.iter().any(|group| group.len() != 3)) {
        return Err(PriceFault::Malformed);
    }
    let integer = before.replace('.', "");
    require_digits(&integer, decimals)?;
    Ok((integer, decimals))
}

fn split_once_at(text: &str, mark: char) -> Result<(&str, &str), PriceFault> {
    let (integer, decimals) = text.split_once(mark).unwrap_or((text, "0"));
    require_digits(integer, decimals)?;
    Ok((integer, decimals))
}

/// `.99` is how some databases write it; `5.` looks cut off.
fn require_digits(integer: &str, decimals: &str) -> Result<(), PriceFault> {
    let all_digits = integer.bytes().chain(decimals.bytes()).all(|b| b.is_ascii_digit());
    if all_digits && !decimals.is_empty() { Ok(()) } else { Err(PriceFault::Malformed) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, decimal: char) -> Result<i64, PriceFault> {
        Price::parse(text, decimal).map(Price::units)
    }

    #[test]
    fn exact_decimals_are_read() {
        for (text, expected) in [
            ("19.99", 199_900),
            (" 7 ", 70_000),
            ("0", 0),
            ("0.0001", 1),
            (".99", 9_900),
            ("007.50", 75_000),
            ("19.990000000000000000000", 199_900),
            ("99999999999999.9999", Price::MAX.units()),
            ("00099999999999999.9999", Price::MAX.units()),
        ] {
            assert_eq!(units(text, '.'), Ok(expected), "{text}");
        }
        for (text, expected) in
            [("19,99", 199_900), ("1.299,00", 12_990_000), ("1.234.567,8", 12_345_678_000), ("5", 50_000)]
        {
            assert_eq!(units(text, ','), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_margin_may_be_negative() {
        let units = |text| Margin::parse(text, '.').map(Margin::units);
        assert_eq!([units("-3.5"), units(" 3.5 "), units("\u{2212}0.0001")], [Ok(-35_000), Ok(35_000), Ok(-1)]);
        assert_eq!(
            [units("--1"), units("-"), units("-nan")],
            [Err(PriceFault::Negative), Err(PriceFault::Nothing), Err(PriceFault::NotFinite)]
        );
        let [ten, twelve] = [100_000, 120_000].map(|units| Price::from_units(units).unwrap());
        let most = Margin::of(Price::MAX, Price(0));
        assert_eq!(most.above(Margin::of(Price(0), Price(1))), None);
        let (loss, gain) = (Margin::of(ten, twelve), Margin::of(twelve, ten));
        assert_eq!((loss.to_string(), gain.above(loss).unwrap().to_string()), ("-2.00".to_owned(), "4.00".to_owned()));
    }

    #[test]
    fn every_fault_is_named() {
        use PriceFault as F;
        for (text, fault) in [
            ("", F::Empty),
            ("NaN", F::NotFinite),
            ("-inf", F::NotFinite),
            ("NULL", F::Nothing),
            ("n/a", F::Nothing),
            ("-", F::Nothing),
            ("\u{2014}", F::Nothing),
            ("-1", F::Negative),
            ("-0.00", F::Negative),
            ("\u{2212}5", F::Negative),
            ("$19.99", F::Letters),
            ("19.99 €", F::Letters),
            ("19.99 EUR", F::Letters),
            ("free", F::Letters),
            ("٣", F::Letters),
            ("1e3", F::Exponent),
            ("1.5E-2", F::Exponent),
            ("19,99", F::DecimalComma),
            ("1.299,00", F::DecimalComma),
            ("1,299.00", F::Grouping),
            ("1,299", F::Grouping),
            ("1 299.00", F::Grouping),
            ("1.299.00", F::Grouping),
            ("1'299.00", F::Grouping),
            ("0.00001", F::TooManyDecimals),
            ("100000000000000", F::TooLarge),
            ("5.", F::Malformed),
            (".", F::Malformed),
            ("1-2", F::Malformed),
        ] {
            assert_eq!(units(text, '.'), Err(fault), "{text}");
        }
        for (text, fault) in [
            ("1.299", F::DecimalPoint),
            ("19.99", F::DecimalPoint),
            ("1,299.00", F::Grouping),
            ("1,2,3", F::Grouping),
            ("12.99,00", F::Malformed),
            ("1234.567,00", F::Malformed),
        ] {
            assert_eq!(units(text, ','), Err(fault), "{text}");
        }
        assert!(F::DecimalComma.to_string().contains("decimal = \",\""));
    }
}
