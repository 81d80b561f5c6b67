//! Days: the calendar, and what a cron expression may say about a day of a month or of a week.

use super::field::{Set, named, number};
use base::calendar;

const WEEK: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

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
    u32::try_from((calendar::days(year, month, day) + 4).rem_euclid(7)).unwrap_or_default() + 1
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
