//! Ranges of bytes, in the three forms in which requests write them.

use std::ops::Range;

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// First and last byte, both given.
fn both(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..last.checked_add(1)?)
}

/// `bytes 0-1048575/*`, a part's place: `Content-Range`.
pub(super) fn of_part(text: &str) -> Option<Range<u64>> {
    let text = text.trim();
    let text = text.strip_prefix("bytes").map_or(text, str::trim_start);
    let (range, whole) = text.split_once('/').unwrap_or((text, "*"));
    (whole == "*" || number(whole).is_some()).then(|| both(range.trim())).flatten()
}

/// `0-1048575`, what a job retrieves.
pub(super) fn of_retrieval(text: &str) -> Option<Range<u64>> {
    both(text.trim())
}

/// `bytes=0-1023` of an output of `size` bytes: `Range`. `None` for what has no byte of it.
pub(super) fn of_output(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        _ => {
            let range = both(&format!("{first}-{last}"))?;
            range.start..range.end.min(size)
        }
    };
    (range.start < range.end).then_some(range)
}

/// `0-1048575`
pub(super) fn text(range: &Range<u64>) -> String {
    format!("{}-{}", range.start, range.end.saturating_sub(1))
}

/// `bytes 0-1048575/8388608`
pub(super) fn content(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}/{size}", text(range))
}

#[cfg(test)]
mod tests {
    use super::{content, of_output, of_part, of_retrieval, text};

    #[test]
    fn places_of_parts() {
        for (given, expected) in [
            ("bytes 0-4194303/*", Some(0..4_194_304)),
            ("bytes 4-4/8", Some(4..5)),
            ("0-9/*", Some(0..10)),
            ("bytes 9-8/*", None),
            ("bytes 0-/*", None),
            ("bytes 0-1/x", None),
            ("bytes", None),
            ("", None),
            ("bytes 0-18446744073709551615/*", None),
        ] {
            assert_eq!(of_part(given), expected, "{given}");
        }
    }

    #[test]
    fn what_jobs_and_outputs_are_asked_for() {
        assert_eq!(of_retrieval("2097152-4194303"), Some(2_097_152..4_194_304));
        assert_eq!(of_retrieval("bytes=0-1"), None);
        for (given, expected) in [
            ("bytes=0-1023", Some(0..100)),
            ("bytes=10-19", Some(10..20)),
            ("bytes=90-", Some(90..100)),
            ("bytes=-10", Some(90..100)),
            ("bytes=100-200", None),
            ("bytes=5-4", None),
            ("0-5", None),
            ("bytes=-", None),
        ] {
            assert_eq!(of_output(given, 100), expected, "{given}");
        }
        assert_eq!(text(&(0..10)), "0-9");
        assert_eq!(content(&(0..1024), 8_388_608), "bytes 0-1023/8388608");
    }
}
