//! Numbers, instants and blobs as text, written straight into a buffer: no `format!`, no `String` in between.

use crate::model::{Kind, MemberRef, Shape, TimestampFormat};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The last instant that a four-digit year can write: 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

pub(crate) fn int(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// The words that JSON, XML and headers share for what is not a finite number.
pub(crate) fn non_finite(x: f64) -> Option<&'static str> {
    match x {
        _ if x.is_nan() => Some("NaN"),
        _ if x.is_finite() => None,
        _ if x > 0.0 => Some("Infinity"),
        _ => Some("-Infinity"),
    }
}

/// The shortest text that reads back as the same number; `double` tells 64 bits from 32, so that a 32-bit 1.2 is
/// not printed as 1.2000000476837158.
pub(crate) fn float(out: &mut Vec<u8>, x: f64, double: bool) {
    if let Some(word) = non_finite(x) {
        out.extend_from_slice(word.as_bytes());
    } else if double {
        out.extend_from_slice(ryu::Buffer::new().format_finite(x).as_bytes());
    } else {
        out.extend_from_slice(ryu::Buffer::new().format(x as f32).as_bytes());
    }
}

pub(crate) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    let Some(len) = base64::encoded_len(bytes.len(), true) else { return };
    out.resize(start + len, 0);
    // The slice has exactly the length that the encoder asks for, so it cannot fail.
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

/// What the use says, else what the shape says, else what the place says.
pub(crate) fn format_of(member: &MemberRef, shape: &Shape, place: TimestampFormat) -> TimestampFormat {
    let of_shape =
        if let Kind::Timestamp { format } = shape.kind { format } else { TimestampFormat::Default };
    [member.timestamp, of_shape].into_iter().find(|f| *f != TimestampFormat::Default).unwrap_or(place)
}

/// Seconds since 1970, with up to three digits of fraction: `1422172800`, `1422172800.5`.
pub(crate) fn epoch(out: &mut Vec<u8>, t: Timestamp) {
    let millis = t.micros().div_euclid(1_000);
    if millis < 0 {
        out.push(b'-');
    }
    let millis = millis.unsigned_abs();
    out.extend_from_slice(itoa::Buffer::new().format(millis / 1_000).as_bytes());
    let fraction = (millis % 1_000) as u32;
    if fraction != 0 {
        let digits = [fraction / 100, fraction / 10 % 10, fraction % 10];
        let used = digits.iter().rposition(|d| *d != 0).map_or(0, |last| last + 1);
        out.push(b'.');
        out.extend(digits[..used].iter().map(|d| b'0' + *d as u8));
    }
}

/// `2011-06-05T01:02:03Z`, or with `.000`: always where `millis`, else unless the fraction is zero.
pub(crate) fn iso8601(out: &mut Vec<u8>, t: Timestamp, millis: bool) {
    let seconds = t.seconds().clamp(0, LAST_SECOND);
    let (year, month, day) = base::calendar::date(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    // Written whole: a listing has a thousand of them.
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let fraction = t.micros().rem_euclid(1_000_000) / 1_000;
    for (at, part) in [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, of_day / 3_600),
        (14, of_day / 60 % 60),
        (17, of_day % 60),
        (21, fraction % 100),
    ] {
        text[at] = b'0' + (part / 10) as u8;
        text[at + 1] = b'0' + (part % 10) as u8;
    }
    text[20] = b'0' + (fraction / 100) as u8;
    if millis || fraction != 0 {
        out.extend_from_slice(&text);
    } else {
        out.extend_from_slice(&text[..19]);
        out.push(b'Z');
    }
}

#[cfg(test)]
mod tests {
    use super::{base64, epoch, float, iso8601};
    use base::Timestamp;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants() {
        let cases = [
            (0, "0", "1970-01-01T00:00:00Z"),
            (1_307_235_723_000_000, "1307235723", "2011-06-05T01:02:03Z"),
            (1_307_235_723_250_999, "1307235723.25", "2011-06-05T01:02:03.250Z"),
            (1_307_235_723_007_000, "1307235723.007", "2011-06-05T01:02:03.007Z"),
            (951_782_400_000_000, "951782400", "2000-02-29T00:00:00Z"),
            (4_107_542_400_000_000, "4107542400", "2100-03-01T00:00:00Z"),
        ];
        for (micros, seconds, iso) in cases {
            let t = Timestamp::from_micros(micros);
            assert_eq!(text(|o| epoch(o, t)), seconds);
            assert_eq!(text(|o| iso8601(o, t, false)), iso);
            assert_eq!(text(|o| iso8601(o, t, true)), t.iso8601_millis());
        }
        assert_eq!(text(|o| epoch(o, Timestamp::from_micros(-1_500_000))), "-1.5");
    }

    #[test]
    fn every_day_agrees_with_the_calendar_of_base() {
        for day in (0..2_932_000).step_by(37) {
            let t = Timestamp::from_seconds(day * 86_400 + 86_399);
            assert_eq!(text(|o| iso8601(o, t, false)), t.iso8601());
        }
    }

    #[test]
    fn floats() {
        let cases = [
            (1.2, true, "1.2"),
            (f64::from(1.2_f32), false, "1.2"),
            (3.0, true, "3.0"),
            (f64::NAN, true, "NaN"),
            (f64::INFINITY, false, "Infinity"),
            (f64::NEG_INFINITY, true, "-Infinity"),
        ];
        for (x, double, expected) in cases {
            assert_eq!(text(|o| float(o, x, double)), expected);
        }
    }

    #[test]
    fn blobs() {
        for (bytes, expected) in [("", ""), ("v", "dg=="), ("value", "dmFsdWU=")] {
            assert_eq!(text(|o| base64(o, bytes.as_bytes())), expected);
        }
    }
}
