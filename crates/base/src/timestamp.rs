//! Instants, in microseconds since 1970-01-01T00:00:00Z, and the formats in which AWS writes them.

use crate::calendar;
use std::fmt;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time};

/// The last instant that a four-digit year can write: 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    pub const fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    /// From fractional epoch seconds; `None` when not finite or out of range.
    pub fn from_seconds_f64(seconds: f64) -> Option<Timestamp> {
        let micros = (seconds * 1e6).round();
        (micros.is_finite() && micros.abs() < 9e18).then_some(Timestamp(micros as i64))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Cut to whole seconds, which is all that most of AWS's records keep.
    pub const fn whole_seconds(self) -> Timestamp {
        Timestamp::from_seconds(self.seconds())
    }

    /// `2011-06-05T01:02:03Z`; with a fraction of three digits unless the millisecond is zero.
    pub fn iso8601(self) -> String {
        let millis = self.0.rem_euclid(1_000_000) / 1_000;
        let mut out = self.digits(["-", "-", "T", ":", ":", ""]);
        if millis != 0 {
            out.push('.');
            write_digits(&mut out, millis, 3);
        }
        out.push('Z');
        out
    }

    /// `2011-06-05T01:02:03.000Z`: always three digits of fraction, as EC2 and S3 write it.
    pub fn iso8601_millis(self) -> String {
        let text = self.iso8601();
        if text.len() == 20 { format!("{}.000Z", &text[..19]) } else { text }
    }

    /// `20110605T010203Z`, SigV4's form.
    pub fn sigv4(self) -> String {
        self.digits(["", "", "T", "", "", "Z"])
    }

    /// Year to second, each with what stands after it. Every request pays for some: `format!` would take ten times as
    /// long. Years have four digits: later instants are written as the last of 9999, and earlier ones as that of 1970.
    fn digits(self, after: [&str; 6]) -> String {
        let seconds = self.seconds().clamp(0, LAST_SECOND);
        let (year, month, day) = calendar::date(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let mut out = String::with_capacity(24);
        write_digits(&mut out, year, 4);
        for (number, after) in
            [month, day, of_day / 3_600, of_day / 60 % 60, of_day % 60].into_iter().zip(after)
        {
            out.push_str(after);
            write_digits(&mut out, number, 2);
        }
        out.push_str(after[5]);
        out
    }

    /// `Sun, 05 Jun 2011 01:02:03 GMT`.
    pub fn http_date(self) -> String {
        let since_epoch = Duration::from_secs(u64::try_from(self.seconds()).unwrap_or(0));
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_epoch)
    }

    /// Reads RFC 3339 / ISO 8601 with any offset (`2011-06-05T01:02:03.5+02:00`), a date alone, or a local time
    /// without an offset (taken as UTC).
    pub fn parse_iso8601(text: &str) -> Option<Timestamp> {
        let full = match text.len() {
            10 => format!("{text}T00:00:00Z"),
            19 => format!("{text}Z"),
            _ => text.to_owned(),
        };
        let t = OffsetDateTime::parse(&full, &Rfc3339).ok()?;
        i64::try_from(t.unix_timestamp_nanos().div_euclid(1_000)).ok().map(Timestamp)
    }

    /// Reads any of the three forms of an HTTP date.
    pub fn parse_http_date(text: &str) -> Option<Timestamp> {
        let at = httpdate::parse_http_date(text).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_micros()).ok().map(Timestamp)
    }

    /// Reads `20110605T010203Z`.
    pub fn parse_sigv4(text: &str) -> Option<Timestamp> {
        let b: &[u8; 16] = text.as_bytes().try_into().ok()?;
        let digit = |at: usize| b[at].is_ascii_digit().then(|| b[at] - b'0');
        let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
        if b[8] != b'T' || b[15] != b'Z' {
            return None;
        }
        let year = i32::from(two(0)?) * 100 + i32::from(two(2)?);
        let date = Date::from_calendar_date(year, Month::try_from(two(4)?).ok()?, two(6)?).ok()?;
        let time = Time::from_hms(two(9)?, two(11)?, two(13)?).ok()?;
        Some(Timestamp::from_seconds(date.with_time(time).assume_utc().unix_timestamp()))
    }
}

fn write_digits(out: &mut String, number: i64, width: u32) {
    for at in (0..width).rev() {
        out.push(char::from(b'0' + (number / 10_i64.pow(at) % 10) as u8));
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn the_formats_agree_with_each_other() {
        let t = Timestamp::from_seconds(1_307_235_723);
        assert_eq!(t.iso8601(), "2011-06-05T01:02:03Z");
        assert_eq!(t.iso8601_millis(), "2011-06-05T01:02:03.000Z");
        assert_eq!(t.sigv4(), "20110605T010203Z");
        assert_eq!(t.http_date(), "Sun, 05 Jun 2011 01:02:03 GMT");
        assert_eq!(Timestamp::parse_iso8601(&t.iso8601()), Some(t));
        assert_eq!(Timestamp::parse_sigv4(&t.sigv4()), Some(t));
        assert_eq!(Timestamp::parse_http_date(&t.http_date()), Some(t));
    }

    #[test]
    fn fractions_and_offsets() {
        let t = Timestamp::parse_iso8601("2011-06-05T03:02:03.25+02:00").unwrap();
        assert_eq!(t.iso8601(), "2011-06-05T01:02:03.250Z");
        assert_eq!(Timestamp::parse_iso8601("2011-06-05"), Some(Timestamp::from_seconds(1_307_232_000)));
    }

    #[test]
    fn nonsense_is_none() {
        for bad in [
            "",
            "yesterday",
            "2011-13-05T01:02:03Z",
            "20110605T010203",
            "20111305T010203Z",
            "é0110605T01020Z",
        ] {
            assert_eq!(Timestamp::parse_iso8601(bad), None, "{bad}");
            assert_eq!(Timestamp::parse_sigv4(bad), None, "{bad}");
        }
        assert_eq!(Timestamp::from_seconds_f64(f64::NAN), None);
    }
}
