//! [`Schedule`]: when something is due, by `rate(...)` or `cron(...)`, in UTC. The language of EventBridge's rules. Pure.
//!
//! Times are seconds since 1970. Seconds within a minute are never asked for: AWS's schedules know minutes only.
//!
//! Not here: `at(...)` and time zones, which only EventBridge Scheduler has.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>

mod days;
mod field;

#[cfg(test)]
mod tests;

use base::calendar;
use days::{DayOfMonth, DayOfWeek, days_in_month};
use field::Set;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
const YEARS: (u32, u32) = (1970, 2199);
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// When something is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Schedule {
    /// Every so many seconds.
    Rate(i64),
    Cron(Box<Cron>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cron {
    minutes: Set,
    hours: Set,
    days: Days,
    months: Set,
    years: Set,
}

/// One of the two fields that speak of days; the other is `?`.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Days {
    Month(Vec<DayOfMonth>),
    Week(Vec<DayOfWeek>),
}

impl Schedule {
    /// Reads an expression; none where it is not one.
    pub(crate) fn read(text: &str) -> Option<Schedule> {
        let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        match (inner("rate"), inner("cron")) {
            (Some(rate), _) => read_rate(rate).map(Schedule::Rate),
            (_, Some(cron)) => Cron::read(cron).map(|cron| Schedule::Cron(Box::new(cron))),
            _ => None,
        }
    }

    /// The first time after `after` at which it is due; a rate counts from `start`.
    pub(crate) fn next(&self, start: i64, after: i64) -> Option<i64> {
        match self {
            Schedule::Rate(every) if after < start => start.checked_add(*every),
            Schedule::Rate(every) => {
                let passed = after.checked_sub(start)? / every;
                every.checked_mul(passed.checked_add(1)?)?.checked_add(start)
            }
            Schedule::Cron(cron) => cron.next(after),
        }
    }
}

/// AWS: a value of 1 has a unit in the singular, any other one in the plural.
fn read_rate(text: &str) -> Option<i64> {
    let mut words = text.split_whitespace();
    let (value, unit) = (words.next()?, words.next()?);
    if words.next().is_some() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = value.parse().ok().filter(|value| *value > 0)?;
    let seconds = match (unit, value == 1) {
        ("minute", true) | ("minutes", false) => MINUTE,
        ("hour", true) | ("hours", false) => 3_600,
        ("day", true) | ("days", false) => DAY,
        _ => return None,
    };
    value.checked_mul(seconds)
}

impl Cron {
    fn read(text: &str) -> Option<Cron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, years] = fields.as_slice() else { return None };
        let days = match (*of_month, *of_week) {
            ("?", "?") => return None,
            (of_month, "?") => Days::Month(DayOfMonth::read(of_month)?),
            ("?", of_week) => Days::Week(DayOfWeek::read(of_week)?),
            _ => return None,
        };
        Some(Cron {
            minutes: Set::read(minutes, (0, 59), &[])?,
            hours: Set::read(hours, (0, 23), &[])?,
            days,
            months: Set::read(months, (1, 12), &MONTHS)?,
            years: Set::read(years, YEARS, &[])?,
        })
    }

    fn has_day(&self, year: i64, month: u32, day: u32) -> bool {
        match &self.days {
            Days::Month(days) => days.iter().any(|wanted| wanted.holds(year, month, day)),
            Days::Week(days) => days.iter().any(|wanted| wanted.holds(year, month, day)),
        }
    }

    /// Goes through years, months and days, and skips each that is not wanted as a whole.
    fn next(&self, after: i64) -> Option<i64> {
        let from = after.div_euclid(MINUTE).checked_add(1)?.checked_mul(MINUTE)?.max(0);
        let (first_year, _, _) = calendar::date(from.div_euclid(DAY));
        for year in first_year..=i64::from(YEARS.1) {
            if !u32::try_from(year).is_ok_and(|year| self.years.holds(year)) {
                continue;
            }
            for month in (1..=12).filter(|month| self.months.holds(*month)) {
                let last = days_in_month(year, month);
                if calendar::days(year, month, last) < from.div_euclid(DAY) {
                    continue;
                }
                for day in (1..=last).filter(|day| self.has_day(year, month, *day)) {
                    let midnight = calendar::days(year, month, day) * DAY;
                    if let Some(found) = self.within_day(midnight, from) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    fn within_day(&self, midnight: i64, from: i64) -> Option<i64> {
        let hours = (0..24).filter(|hour| self.hours.holds(*hour));
        let times = hours.flat_map(|hour| {
            let minutes = (0..60).filter(|minute| self.minutes.holds(*minute));
            minutes.map(move |minute| midnight + i64::from(hour * 60 + minute) * MINUTE)
        });
        times.into_iter().find(|time| *time >= from)
    }
}
