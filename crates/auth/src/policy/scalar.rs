//! The typed values of condition operators: numbers, times and address ranges, as text gives them.

use base::Timestamp;
use std::cmp::Ordering;
use std::net::IpAddr;

/// A decimal number. Whole numbers of 64 bits are compared exactly, all others as floating point.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    pub(super) fn read(text: &str) -> Option<Number> {
        let text = text.trim();
        if let Ok(whole) = text.parse::<i64>() {
            return Some(Number::Whole(whole));
        }
        let numeric =
            text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
        let real = text.parse::<f64>().ok().filter(|real| numeric && real.is_finite())?;
        Some(Number::Real(real))
    }

    pub(super) fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => a.cmp(&b),
            // Finite, both: the order is total.
            _ => self.real().partial_cmp(&other.real()).unwrap_or(Ordering::Equal),
        }
    }

    fn real(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Real(real) => real,
        }
    }
}

/// Reads a time: whole seconds since 1970, or one of the ISO 8601 forms of <https://www.w3.org/TR/NOTE-datetime>
/// (`1997-07`, `1997-07-16`, `1997-07-16T19:20+01:00`, with seconds, with a fraction). A time without a zone is in
/// UTC. As lenient as IAM is when it stores a policy: small letters, years of any length and before our era, days
/// that their month lacks (they count on into the next).
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // Digits alone are seconds, `1997` too, though the note has years alone: so IAM reads them.
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<i64>().ok().map(Timestamp::from_seconds);
    }
    let upper = text.to_ascii_uppercase();
    let (date, time) = upper.split_once('T').map_or((upper.as_str(), ""), |halves| halves);
    if !upper.contains(['T', '-']) {
        return None;
    }
    let seconds = i128::from(read_days(date)?) * 86_400;
    let micros = seconds * 1_000_000 + i128::from(if time.is_empty() { 0 } else { read_clock(time)? });
    let limit = if micros < 0 { i64::MIN } else { i64::MAX };
    Some(Timestamp::from_micros(i64::try_from(micros).unwrap_or(limit)))
}

/// Days from 1970-01-01 to `1997`, `1997-07` or `1997-07-16`.
fn read_days(date: &str) -> Option<i64> {
    let (sign, date) = date.strip_prefix('-').map_or((1, date), |date| (-1, date));
    let mut parts = date.split('-');
    let year = sign * digits(parts.next()?, 9)?;
    let month = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Counted in years that begin in March, so that a leap day ends its year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted.div_euclid(4) - shifted.div_euclid(100)
        + shifted.div_euclid(400)
        + day_of_year;
    Some(days - 719_468)
}

/// Microseconds from midnight UTC to `19:20`, `19:20:30` or `19:20:30.45`, each with its zone.
fn read_clock(time: &str) -> Option<i64> {
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], &time[at..]),
        None => (time, ""),
    };
    let mut parts = clock.split(':');
    let hours = digits(parts.next()?, 2)?;
    let minutes = parts.next().map_or(Some(0), |part| digits(part, 2))?;
    let (seconds, micros) = parts.next().map_or(Some((0, 0)), read_seconds)?;
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let offset = read_zone(zone)?;
    Some(((hours * 60 + minutes - offset) * 60 + seconds) * 1_000_000 + micros)
}

fn read_seconds(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    Some((digits(whole, 2)?, nanos / 1_000))
}

/// Minutes east of UTC in `Z`, `+01:00`, `-0130`, `+01` or nothing.
fn read_zone(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.as_bytes().first() {
        None => return Some(0),
        Some(b'Z') => return (zone.len() == 1).then_some(0),
        Some(b'-') => (-1, &zone[1..]),
        Some(_) => (1, &zone[1..]),
    };
    let (hours, minutes) = rest.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let hours = digits(hours, 2)?;
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2)? };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// A number of one to `most` digits: IAM accepts `T2:00` and years of any length.
fn digits(text: &str, most: usize) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= most;
    (fits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// An address with the length of its network prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    address: IpAddr,
    prefix: u32,
}

impl Range {
    /// `203.0.113.0/24`, `2001:db8::/32`, or an address alone, which is a range of one.
    pub(super) fn read(text: &str) -> Option<Range> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(p) if !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit()) => {
                p.parse().ok()?
            }
            Some(_) => return None,
        };
        (prefix <= bits).then_some(Range { address, prefix })
    }

    /// Whether all of `other` lies inside; families never mix.
    pub(super) fn covers(&self, other: &Range) -> bool {
        match (self.address, other.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let shift = 32 - self.prefix;
                other.prefix >= self.prefix
                    && u32::from(a).checked_shr(shift).unwrap_or(0)
                        == u32::from(b).checked_shr(shift).unwrap_or(0)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let shift = 128 - self.prefix;
                other.prefix >= self.prefix
                    && u128::from(a).checked_shr(shift).unwrap_or(0)
                        == u128::from(b).checked_shr(shift).unwrap_or(0)
            }
            _ => false,
        }
    }

    /// Bits of the network prefix, and whether the address is of the fourth version.
    pub(super) fn prefix(&self) -> (u32, bool) {
        (self.prefix, self.address.is_ipv4())
    }

    /// Whether it lies in one of the ranges that RFC 1918 sets aside for private networks.
    pub(super) fn is_private(&self) -> bool {
        let private = [([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];
        private
            .iter()
            .any(|(octets, prefix)| Range { address: IpAddr::from(*octets), prefix: *prefix }.covers(self))
    }
}

#[cfg(test)]
mod tests {
    use super::{Number, Range, read_time};
    use base::Timestamp;
    use std::cmp::Ordering;

    #[test]
    fn times() {
        let cases = [
            ("0", Some(0)),
            ("1307235723", Some(1_307_235_723)),
            ("1970-01-01", Some(0)),
            ("2011-06", Some(1_306_886_400)),
            ("2011-06-05T01:02:03Z", Some(1_307_235_723)),
            ("2011-06-05t01:02:03z", Some(1_307_235_723)),
            ("2011-06-05T01:02:03", Some(1_307_235_723)),
            ("2011-06-05T01:02Z", Some(1_307_235_720)),
            ("2011-06-05T03:02:03+02:00", Some(1_307_235_723)),
            ("2011-06-04T23:02:03-0200", Some(1_307_235_723)),
            ("2024-02-29", Some(1_709_164_800)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2023-02-29", Some(1_677_628_800)),
            ("01T", Some(-62_135_596_800)),
            ("2016-12-13t2:00:00.593194+1", None),
            ("2016-12-13T2:00:00+23", Some(1_481_511_600)),
            ("2016-12-13t2:00:00.1999999999+10:59", None),
            ("234-13", None),
            ("2011-13-01", None),
            ("2011-06-05T24:00:00Z", None),
            ("2011-06-05T01:02:03X", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(read_time(text), seconds.map(Timestamp::from_seconds), "{text}");
        }
        assert_eq!(read_time("1970-01-01T00:00:00.25Z"), Some(Timestamp::from_micros(250_000)));
        assert_eq!(read_time("9".repeat(40).as_str()), None);
    }

    #[test]
    fn numbers() {
        let order = |a, b| Number::read(a).unwrap().compare(Number::read(b).unwrap());
        assert_eq!(order("9007199254740993", "9007199254740992"), Ordering::Greater);
        assert_eq!(order("1.50", "1.5"), Ordering::Equal);
        assert_eq!(order("-1", "0.5"), Ordering::Less);
        for bad in ["", "x", "NaN", "inf", "1,5", "0x10"] {
            assert_eq!(Number::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges() {
        let cases = [
            ("203.0.113.0/24", "203.0.113.9", true),
            ("203.0.113.0/24", "203.0.114.9", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "2001:db9::", true),
            ("10.0.0.0/8", "10.0.0.0/7", false),
        ];
        for (range, address, expected) in cases {
            assert_eq!(
                Range::read(range).unwrap().covers(&Range::read(address).unwrap()),
                expected,
                "{range} {address}"
            );
        }
        for bad in ["", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "::/129", "1.2.3.4/+8"] {
            assert_eq!(Range::read(bad), None, "{bad}");
        }
    }
}
