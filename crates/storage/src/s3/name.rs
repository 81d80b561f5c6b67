//! Bucket names.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>

use std::net::Ipv4Addr;

const CHARS_MIN: usize = 3;
const CHARS_MAX: usize = 63;

/// Beginnings and ends that AWS keeps for itself.
const RESERVED_PREFIXES: [&str; 4] = ["xn--", "sthree-", "amzn-s3-demo-", "s3-object-lambda-"];
const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// Whether a new bucket may have this name.
pub fn is_valid(name: &str) -> bool {
    is_dns(name)
        && name.parse::<Ipv4Addr>().is_err()
        && !RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !RESERVED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Whether a bucket of this name can ever have been made: the oldest ones had longer names, capitals and underscores.
pub fn is_conceivable(name: &str) -> bool {
    const OLD_CHARS_MAX: usize = 255;
    (CHARS_MIN..=OLD_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// 3 to 63 lower-case letters, digits, hyphens and dots; dots stand between letters and digits.
fn is_dns(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (CHARS_MIN..=CHARS_MAX).contains(&bytes.len())
        && bytes.iter().all(|b| plain(*b) || matches!(b, b'-' | b'.'))
        && bytes.first().is_some_and(|b| plain(*b))
        && bytes.last().is_some_and(|b| plain(*b))
        && !["..", ".-", "-."].iter().any(|pair| name.contains(pair))
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn the_rules() {
        let long = "a".repeat(63);
        for name in ["abc", "a-b", "a.b.c", "123", "my--bucket", "1.2.3", &long] {
            assert!(is_valid(name), "{name}");
        }
        let longer = "a".repeat(64);
        let refused = [
            "",
            "ab",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a-.b",
            "a.-b",
            "a..b",
            "192.168.5.4",
            "xn--abc",
            "sthree-abc",
            "abc-s3alias",
            "abc--ol-s3",
            "abc.mrap",
            "abc--x-s3",
            "amzn-s3-demo-x",
            "a b",
            "täst",
            &longer,
        ];
        for name in refused {
            assert!(!is_valid(name), "{name}");
        }
    }
}
