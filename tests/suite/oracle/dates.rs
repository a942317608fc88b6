//! Days of the calendar as files write them. Refuses to guess a format.

use chrono::NaiveDate;

/// `2026-11-22`, and whatever follows after these ten characters; `None` where that is no date.
pub fn read(text: &str) -> Option<NaiveDate> {
    let day: String = text.chars().take(10).collect();
    let shape: String = day.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "0000-00-00" {
        return None;
    }
    let number = |from: usize, to: usize| day[from..to].parse::<u32>().expect("digits");
    let year = i32::try_from(number(0, 4)).expect("four digits");
    NaiveDate::from_ymd_opt(year, number(5, 7), number(8, 10))
}

/// Whether a day lies between a cell that holds the first day and one that holds the last, both included. An empty cell is
/// open; one that cannot be read holds no day.
pub fn between(first: Option<&str>, last: Option<&str>, day: NaiveDate) -> bool {
    let begun = first.is_none_or(|text| read(text).is_some_and(|first| first <= day));
    let not_over = last.is_none_or(|text| read(text).is_some_and(|last| day <= last));
    begun && not_over
}
