//! [`Cron`]: when a scheduled action comes again, in the five fields of Unix. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html>

use base::calendar;
use base::zone::{Moment, Zone};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    /// Bits of what fits.
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Where both the day of the month and that of the week are restricted, either will do.
    either: bool,
}

const DAY: i64 = 86_400;
/// Eight years: from one 29th of February to the next, over a year of a hundred that has none.
const DAYS_MAX: i64 = 8 * 366;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Cron {
    /// Reads minute, hour, day of month, month, day of week; none where it is not that, or never comes.
    pub fn read(text: &str) -> Option<Cron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.try_into().ok()?;
        let cron = Cron {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: field(weekdays, 0, 6, &WEEKDAYS)?,
            either: !days.starts_with('*') && !weekdays.starts_with('*'),
        };
        // 2000 has a 29th of February.
        let from = calendar::days(2000, 1, 1);
        (from..from + 366).any(|day| cron.has_day(day)).then_some(cron)
    }

    fn has_day(&self, day: i64) -> bool {
        let (_, month, of_month) = calendar::date(day);
        let has = |bits: u64, at: i64| bits >> at & 1 == 1;
        // 1970 began on a Thursday.
        let (by_month, by_week) = (has(self.days, of_month), has(self.weekdays, (day + 4).rem_euclid(7)));
        let fits = if self.either { by_month || by_week } else { by_month && by_week };
        has(self.months, month) && fits
    }

    /// The first second after `after` at which a place's clock shows it.
    pub fn next(&self, zone: &Zone, after: i64) -> Option<i64> {
        let shown = zone.shows(after)?;
        let today = shown.div_euclid(DAY);
        for day in (today..today + DAYS_MAX).filter(|day| self.has_day(*day)) {
            for hour in (0..24).filter(|hour| self.hours >> hour & 1 == 1) {
                for minute in (0..60).filter(|minute| self.minutes >> minute & 1 == 1) {
                    let time = day * DAY + hour * 3_600 + minute * 60;
                    if time + 3_600 <= shown {
                        continue;
                    }
                    // What the clock skips is left out, and what it shows twice comes once.
                    if let Moment::At(at) = zone.when(time)?
                        && at > after
                    {
                        return Some(at);
                    }
                }
            }
        }
        None
    }
}

/// `*`, `1-5`, `1,3`, `*/15`, `MON-FRI`: the bits of what is meant.
fn field(text: &str, least: u32, most: u32, names: &[&str]) -> Option<u64> {
    let number = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => least + u32::try_from(at).ok()?,
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            None => return None,
        };
        (least..=most).contains(&value).then_some(value)
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1usize),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (number(from)?, number(to)?),
            None if step > 1 => (number(range)?, most),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return None;
        }
        (from..=to).step_by(step).for_each(|value| bits |= 1 << value);
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::Cron;
    use base::Timestamp;
    use base::zone::Zone;

    fn next(cron: &str, zone: &str, after: &str) -> Option<String> {
        let at = Timestamp::parse_iso8601(after).unwrap().seconds();
        let next = Cron::read(cron).unwrap().next(&Zone::named(zone).unwrap(), at);
        next.map(|at| Timestamp::from_seconds(at).iso8601())
    }

    #[test]
    fn when_it_comes() {
        for (cron, zone, after, expected) in [
            ("0 9 * * *", "UTC", "2026-01-15T12:00:00Z", "2026-01-16T09:00:00Z"),
            ("0 9 * * *", "UTC", "2026-01-16T08:59:59Z", "2026-01-16T09:00:00Z"),
            ("0 9 * * *", "UTC", "2026-01-16T09:00:00Z", "2026-01-17T09:00:00Z"),
            ("*/15 * * * *", "UTC", "2026-01-15T12:46:00Z", "2026-01-15T13:00:00Z"),
            ("30 0 1 1,6,12 *", "UTC", "2026-01-15T12:00:00Z", "2026-06-01T00:30:00Z"),
            ("0 18 * * MON-FRI", "UTC", "2026-01-16T18:00:00Z", "2026-01-19T18:00:00Z"),
            ("0 18 * * 1-5", "UTC", "2026-01-16T18:00:00Z", "2026-01-19T18:00:00Z"),
            // The 20th, or a Sunday.
            ("0 0 20 * 0", "UTC", "2026-01-16T00:00:00Z", "2026-01-18T00:00:00Z"),
            ("0 0 20 * 0", "UTC", "2026-01-18T00:00:00Z", "2026-01-20T00:00:00Z"),
            ("0 0 29 2 *", "UTC", "2026-01-16T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 9 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"),
            ("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T06:30:00Z"),
            ("30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
        ] {
            assert_eq!(next(cron, zone, after).as_deref(), Some(expected), "{cron} {zone} after {after}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "0 0 31 2 *",
            "5-1 * * * *",
            "*/0 * * * *",
            "0 0 * * 8",
            "x * * * *",
            "+1 * * * *",
        ] {
            assert_eq!(Cron::read(text), None, "{text}");
        }
    }
}
