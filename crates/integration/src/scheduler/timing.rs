//! [`Timing`]: when a schedule is due, by `at(...)`, `rate(...)` or `cron(...)` and the clock of a place. Pure.
//!
//! Times are seconds since 1970.
//!
//! AWS: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use crate::schedule::Schedule;
use base::Timestamp;
use base::zone::{Moment, Zone};

#[derive(Debug)]
pub(super) struct Timing {
    what: What,
    zone: Zone,
}

#[derive(Debug)]
enum What {
    /// By the place's clock.
    Once(i64),
    Again(Schedule),
}

/// What bounds a schedule that comes again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// From here a rate counts; where there is no start it is when the schedule was made.
    pub(super) since: i64,
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
}

impl Timing {
    /// Reads an expression; none where it is not one.
    pub(super) fn read(expression: &str, zone: Zone) -> Option<Timing> {
        let once = expression.strip_prefix("at(").and_then(|rest| rest.strip_suffix(')'));
        let what = match once {
            Some(time) => What::Once(read_time(time)?),
            None => What::Again(Schedule::read(expression)?),
        };
        Some(Timing { what, zone })
    }

    /// The first time after `after` at which it is due.
    pub(super) fn next(&self, bounds: Bounds, after: i64) -> Option<i64> {
        let schedule = match &self.what {
            // AWS: it comes once, whatever its dates are.
            What::Once(shown) => {
                let (Moment::At(at) | Moment::Skipped(at)) = self.zone.when(*shown)?;
                return (at > after).then_some(at);
            }
            What::Again(schedule) => schedule,
        };
        let after = bounds.start.map_or(after, |start| after.max(start.saturating_sub(1)));
        let found = match schedule {
            Schedule::Rate(_) => {
                let from = bounds.start.unwrap_or(bounds.since);
                if after < from { Some(from) } else { schedule.next(from, after) }
            }
            Schedule::Cron(_) => self.by_clock(schedule, after),
        };
        found.filter(|at| bounds.end.is_none_or(|end| *at <= end))
    }

    /// AWS: what the clock skips is left out, and what it shows twice comes once.
    fn by_clock(&self, schedule: &Schedule, after: i64) -> Option<i64> {
        let mut shown = self.zone.shows(after)?;
        loop {
            shown = schedule.next(0, shown)?;
            match self.zone.when(shown)? {
                Moment::At(at) if at > after => return Some(at),
                Moment::At(_) | Moment::Skipped(_) => {}
            }
        }
    }

    pub(super) fn is_once(&self) -> bool {
        matches!(self.what, What::Once(_))
    }
}

/// `2022-11-20T13:00:00`, of any clock.
fn read_time(text: &str) -> Option<i64> {
    const FORM: &str = "0000-00-00T00:00:00";
    let fits = |(form, given): (u8, u8)| if form == b'0' { given.is_ascii_digit() } else { form == given };
    if text.len() != FORM.len() || !FORM.bytes().zip(text.bytes()).all(fits) {
        return None;
    }
    Timestamp::parse_iso8601(&format!("{text}Z")).map(Timestamp::seconds)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Timing};
    use base::Timestamp;
    use base::zone::Zone;

    fn at(text: &str) -> i64 {
        Timestamp::parse_iso8601(text).unwrap().seconds()
    }

    fn next(expression: &str, zone: &str, bounds: Bounds, after: &str) -> Option<String> {
        let timing = Timing::read(expression, Zone::named(zone).unwrap()).unwrap();
        timing.next(bounds, at(after)).map(|at| Timestamp::from_seconds(at).iso8601())
    }

    #[test]
    fn a_clock_that_skips_or_repeats_an_hour() {
        let cases = [
            // The night in which 02:00 to 03:00 is skipped, and the one in which 01:00 to 02:00 comes twice.
            ("cron(30 2 * * ? *)", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T06:30:00Z"),
            ("cron(30 1 * * ? *)", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"),
            ("cron(30 1 * * ? *)", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
            ("cron(30 1 * * ? *)", "America/New_York", "2026-11-01T06:10:00Z", "2026-11-02T06:30:00Z"),
            // Summer and winter, far beyond the table of past changes.
            ("cron(0 8 * * ? *)", "Europe/Berlin", "2150-07-01T00:00:00Z", "2150-07-01T06:00:00Z"),
            ("cron(0 8 * * ? *)", "Europe/Berlin", "2150-01-10T00:00:00Z", "2150-01-10T07:00:00Z"),
            ("cron(0 8 * * ? *)", "asia/kolkata", "2026-01-10T00:00:00Z", "2026-01-10T02:30:00Z"),
            // The date is that of the place.
            ("cron(0 0 1 * ? *)", "Pacific/Auckland", "2026-06-29T00:00:00Z", "2026-06-30T12:00:00Z"),
            ("at(2026-07-01T09:00:00)", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-07-01T07:00:00Z"),
        ];
        for (expression, zone, after, expected) in cases {
            let found = next(expression, zone, Bounds::default(), after);
            assert_eq!(found.as_deref(), Some(expected), "{expression} {zone} after {after}");
        }
    }

    #[test]
    fn dates_bound_what_comes_again() {
        let (start, end) = (at("2026-02-01T00:00:30Z"), at("2026-02-01T01:00:30Z"));
        let bounds = Bounds { since: at("2026-01-01T00:00:00Z"), start: Some(start), end: Some(end) };
        let rate = |after| next("rate(30 minutes)", "UTC", bounds, after);
        assert_eq!(rate("2026-01-01T00:00:00Z").unwrap(), "2026-02-01T00:00:30Z");
        assert_eq!(rate("2026-02-01T00:00:30Z").unwrap(), "2026-02-01T00:30:30Z");
        assert_eq!(rate("2026-02-01T00:30:30Z").unwrap(), "2026-02-01T01:00:30Z");
        assert_eq!(rate("2026-02-01T01:00:30Z"), None);
        let cron = |after| next("cron(0 * * * ? *)", "UTC", bounds, after);
        assert_eq!(cron("2026-01-01T00:00:00Z").unwrap(), "2026-02-01T01:00:00Z");
        assert_eq!(cron("2026-02-01T01:00:00Z"), None);
        let plain = Bounds { since: at("2026-01-01T00:00:10Z"), ..Bounds::default() };
        let first = next("rate(1 hour)", "UTC", plain, "2026-01-01T00:00:09Z");
        assert_eq!(first.unwrap(), "2026-01-01T00:00:10Z", "AWS: it starts at once");
    }

    #[test]
    fn what_is_no_expression() {
        let wrong = [
            "at(2026-02-30T00:00:00)",
            "at(2026-01-01 00:00:00)",
            "at(2026-01-01T00:00:00Z)",
            "rate(1 days)",
            "x",
        ];
        for text in wrong {
            assert!(Timing::read(text, Zone::named("UTC").unwrap()).is_none(), "{text}");
        }
        assert!(Zone::named("Mars/Olympus").is_none());
    }
}
