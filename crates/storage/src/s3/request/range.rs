//! `Range`, and `partNumber`: which bytes of an object are asked for.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>: one range per request. What is no such range
//! (several, other units, an end before its start) is not looked at, and the whole object is answered.

use crate::s3::errors::{Refusal, S3Error};
use std::ops::Range;

/// The bytes that `header` asks for of an object of `size` bytes; `None` where it asks for all.
///
/// # Errors
/// `InvalidRange` for a range that has no byte of the object.
pub(crate) fn read(header: &str, size: u64) -> Result<Option<Range<u64>>, S3Error> {
    let Some((first, last)) = parse(header) else { return Ok(None) };
    let range = match (first, last) {
        (Some(first), last) => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
        (None, Some(suffix)) => size.saturating_sub(suffix)..size,
        (None, None) => return Ok(None),
    };
    if range.start >= size || range.is_empty() {
        return Err(Refusal::InvalidRange(header.to_owned(), size).into());
    }
    Ok(Some(range))
}

/// First and last byte; of a suffix only its length, as the last.
fn parse(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let spec = header.trim().strip_prefix("bytes=")?;
    let (first, last) = spec.split_once('-')?;
    let number = |text: &str| -> Option<Option<u64>> {
        if text.is_empty() {
            return Some(None);
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
    };
    let (first, last) = (number(first)?, number(last)?);
    match (first, last) {
        (Some(first), Some(last)) if first > last => None,
        (None, None) => None,
        pair => Some(pair),
    }
}

/// `bytes 0-4/11`
pub(crate) fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

/// The range of a copy's source: `bytes=first-last`, both given and both within.
///
/// # Errors
/// `InvalidArgument`; `InvalidRequest` where it begins beyond the source.
pub(crate) fn of_copy(header: &str, size: u64) -> Result<Range<u64>, S3Error> {
    let invalid = || {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy";
        crate::s3::errors::argument(message, "x-amz-copy-source-range", header)
    };
    let Some((Some(first), Some(last))) = parse(header) else { return Err(invalid()) };
    if first >= size {
        let message = "The specified copy range is invalid for the source object size";
        return Err(Refusal::InvalidRequest(message.to_owned()).into());
    }
    if last >= size {
        let message = format!("Range specified is not valid for source object of size: {size}");
        return Err(crate::s3::errors::argument(message, "x-amz-copy-source-range", header));
    }
    Ok(first..last + 1)
}

#[cfg(test)]
mod tests {
    use super::{of_copy, read};

    #[test]
    fn what_a_header_asks_for() {
        for (header, size, expected) in [
            ("bytes=0-4", 11, Some(0..5)),
            ("bytes=0-", 11, Some(0..11)),
            ("bytes=4-100", 11, Some(4..11)),
            ("bytes=-3", 11, Some(8..11)),
            ("bytes=-100", 11, Some(0..11)),
            ("bytes=10-10", 11, Some(10..11)),
            ("bytes=5-2", 11, None),
            ("bytes=0-1,3-4", 11, None),
            ("items=0-1", 11, None),
            ("bytes=", 11, None),
            ("bytes=-", 11, None),
            ("bytes=a-b", 11, None),
            ("bytes= -1", 11, None),
            ("bytes=0 - 4", 11, None),
            ("bytes=0-99999999999999999999999", 11, Some(0..11)),
        ] {
            assert_eq!(read(header, size).unwrap(), expected, "{header}");
        }
        for (header, size) in
            [("bytes=11-", 11), ("bytes=40-50", 11), ("bytes=-0", 11), ("bytes=0-", 0), ("bytes=-1", 0)]
        {
            assert_eq!(read(header, size).unwrap_err().code(), "InvalidRange", "{header}");
        }
    }

    #[test]
    fn a_copy_has_both_ends() {
        assert_eq!(of_copy("bytes=0-4", 5).unwrap(), 0..5);
        for header in [
            "0-2",
            "bytes=0",
            "bytes=hello-world",
            "bytes=0-bar",
            "bytes=hello-",
            "bytes=0-2,3-5",
            "bytes=1-",
        ] {
            assert_eq!(of_copy(header, 5).unwrap_err().code(), "InvalidArgument", "{header}");
        }
        assert_eq!(of_copy("bytes=0-5", 5).unwrap_err().code(), "InvalidArgument");
        assert_eq!(of_copy("bytes=5-6", 5).unwrap_err().code(), "InvalidRequest");
    }
}
