//! Dates as shops write them: the day alone. This room refuses to guess which number is the month.

use chrono::NaiveDate;

/// Characters of `2026-11-22`.
const DAY: usize = 10;

/// The day that a text begins with, as in `2026-11-22` or `2026-11-22T08:00:00Z`; what follows after ten characters is ignored.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    let (day, _) = text.trim().split_at_checked(DAY)?;
    let is_day = day.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    is_day.then(|| day.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_and_what_follows_it_is_not() {
        let expected = NaiveDate::from_ymd_opt(2026, 11, 22);
        for text in ["2026-11-22", " 2026-11-22 ", "2026-11-22T08:00:00Z", "2026-11-22 08:00"] {
            assert_eq!(day(text), expected, "{text}");
        }
        for text in ["", "22.11.2026", "2026-11-2", "2026-13-01", "20261122", "+026-11-22", "é026-11-22"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
