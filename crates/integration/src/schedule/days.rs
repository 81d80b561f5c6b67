//! Days: the calendar, and what a cron expression may say about a day of a month or of a week.

use super::field::{Set, named, number};

const WEEK: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Days since 1970 of a date. Howard Hinnant's algorithm.
pub(super) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date (year, month, day) of a number of days since 1970.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

pub(super) fn days_in_month(year: i64, month: u32) -> u32 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 1 is Sunday.
fn weekday(year: i64, month: u32, day: u32) -> u32 {
    // The first of January 1970 was a Thursday.
    u32::try_from((days_from_civil(year, month, day) + 4).rem_euclid(7)).unwrap_or_default() + 1
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DayOfMonth {
    Plain(Set),
    /// `L`
    Last,
    /// `3W`: the weekday of the same month that is nearest to the 3rd.
    Nearest(u32),
}

impl DayOfMonth {
    pub(super) fn read(text: &str) -> Option<Vec<DayOfMonth>> {
        let one = |part: &str| match (part, part.strip_suffix('W')) {
            ("L", _) => Some(DayOfMonth::Last),
            (_, Some(day)) => number(day).filter(|day| (1..=31).contains(day)).map(DayOfMonth::Nearest),
            (plain, None) => Set::read(plain, (1, 31), &[]).map(DayOfMonth::Plain),
        };
        text.split(',').map(one).collect()
    }

    pub(super) fn holds(&self, year: i64, month: u32, day: u32) -> bool {
        let last = days_in_month(year, month);
        match self {
            DayOfMonth::Plain(days) => days.holds(day),
            DayOfMonth::Last => day == last,
            DayOfMonth::Nearest(wanted) if *wanted > last => false,
            DayOfMonth::Nearest(wanted) => {
                let nearest = match weekday(year, month, *wanted) {
                    7 if *wanted == 1 => 3,
                    7 => wanted - 1,
                    1 if *wanted == last => wanted - 2,
                    1 => wanted + 1,
                    _ => *wanted,
                };
                day == nearest
            }
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DayOfWeek {
    Plain(Set),
    /// `5L`: the last one of the month.
    Last(u32),
    /// `3#2`: the second one of the month.
    Nth(u32, u32),
}

impl DayOfWeek {
    pub(super) fn read(text: &str) -> Option<Vec<DayOfWeek>> {
        let name = |text: &str| named(text, (1, 7), &WEEK);
        let one = |part: &str| match (part, part.split_once('#'), part.strip_suffix('L')) {
            ("L", _, _) => Some(DayOfWeek::Plain(Set::read("7", (1, 7), &[])?)),
            (_, Some((day, nth)), _) => {
                Some(DayOfWeek::Nth(name(day)?, number(nth).filter(|nth| (1..=5).contains(nth))?))
            }
            (_, None, Some(day)) => name(day).map(DayOfWeek::Last),
            (plain, None, None) => Set::read(plain, (1, 7), &WEEK).map(DayOfWeek::Plain),
        };
        text.split(',').map(one).collect()
    }

    pub(super) fn holds(&self, year: i64, month: u32, day: u32) -> bool {
        let today = weekday(year, month, day);
        match self {
            DayOfWeek::Plain(days) => days.holds(today),
            DayOfWeek::Last(wanted) => today == *wanted && day + 7 > days_in_month(year, month),
            DayOfWeek::Nth(wanted, nth) => today == *wanted && (day - 1) / 7 + 1 == *nth,
        }
    }
}
