//! Time-based one-time passwords (RFC 6238): HMAC-SHA1, six digits, steps of thirty seconds.

use aws_lc_rs::hmac;
use base::Timestamp;

const STEP_SECONDS: i64 = 30;
/// Forty bytes, as many as AWS gives: sixty-four characters of base 32.
pub(crate) const SEED_LEN: usize = 40;

/// The step that holds an instant.
pub fn step(now: Timestamp) -> u64 {
    u64::try_from(now.seconds() / STEP_SECONDS).unwrap_or(0)
}

/// The code of a step.
pub fn code(seed: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let mac = tag.as_ref();
    // RFC 4226, section 5.3: the last half byte says which four bytes are the number.
    let at = usize::from(mac.last().copied().unwrap_or(0) & 15);
    let number = mac.iter().skip(at).take(4).fold(0u32, |n, byte| n << 8 | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The step near `now` whose code is `first` and whose successor's is `second`; the nearest to `now` of several.
pub(crate) fn synchronize(seed: &[u8], first: &str, second: &str, now: u64, window: u64) -> Option<u64> {
    let fits = |at: &u64| same(&code(seed, *at), first) && same(&code(seed, *at + 1), second);
    (now.saturating_sub(window)..=now + window).filter(fits).min_by_key(|at| at.abs_diff(now))
}

/// The step within one of `now` whose code this is.
pub(crate) fn find(seed: &[u8], given: &str, now: u64) -> Option<u64> {
    [now, now.saturating_sub(1), now + 1].into_iter().find(|at| same(&code(seed, *at), given))
}

fn same(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

/// Base 32 of RFC 4648; the seed's length needs no padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let bits = chunk.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        let digits = (chunk.len() * 8).div_ceil(5);
        out.extend((0..digits).map(|i| char::from(ALPHABET[(bits >> (35 - 5 * i)) as usize & 31])));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base32, code, find, synchronize};

    const SEED: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn the_vectors_of_the_standard() {
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000u64, "353130"),
        ];
        for (seconds, expected) in vectors {
            assert_eq!(code(SEED, seconds / 30), expected, "{seconds}");
        }
    }

    #[test]
    fn two_codes_in_a_row_tell_the_step() {
        let (first, second) = (code(SEED, 100), code(SEED, 101));
        assert_eq!(synchronize(SEED, &first, &second, 103, 3), Some(100));
        assert_eq!(synchronize(SEED, &first, &second, 104, 3), None);
        assert_eq!(synchronize(SEED, &second, &first, 100, 3), None);
        assert_eq!(synchronize(SEED, &first, &first, 100, 3), None);
    }

    #[test]
    fn a_code_is_good_for_a_step_before_and_after() {
        for (now, good) in [(98, false), (99, true), (100, true), (101, true), (102, false)] {
            assert_eq!(find(SEED, &code(SEED, 100), now), good.then_some(100), "{now}");
        }
    }

    /// RFC 4648, section 10, without padding.
    #[test]
    fn base_32() {
        let vectors = [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("fooba", "MZXW6YTB")];
        for (text, expected) in vectors {
            assert_eq!(base32(text.as_bytes()), expected);
        }
    }
}
