//! Percent-encoding and hexadecimal as Signature Version 4 wants them.

use std::borrow::Cow;

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";
const HEX_LOWER: &[u8; 16] = b"0123456789abcdef";

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Every byte but `A-Z a-z 0-9 - . _ ~` becomes `%XY` in capitals; `/` stays when `keep_slash`.
pub fn uri_encode_into(out: &mut Vec<u8>, bytes: impl Iterator<Item = u8>, keep_slash: bool) {
    for byte in bytes {
        if is_unreserved(byte) || (keep_slash && byte == b'/') {
            out.push(byte);
        } else {
            out.extend_from_slice(&[
                b'%',
                HEX_UPPER[usize::from(byte >> 4)],
                HEX_UPPER[usize::from(byte & 15)],
            ]);
        }
    }
}

/// The bytes behind percent escapes. A `%` that starts no escape stands for itself.
#[derive(Debug, Clone)]
pub(super) struct Decoded<'a> {
    rest: &'a [u8],
    plus_is_space: bool,
}

pub(super) fn decode(raw: &str, plus_is_space: bool) -> Decoded<'_> {
    Decoded { rest: raw.as_bytes(), plus_is_space }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        if first == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (nibble(*high), nibble(*low))
        {
            self.rest = after;
            return Some(high << 4 | low);
        }
        self.rest = rest;
        Some(if first == b'+' && self.plus_is_space { b' ' } else { first })
    }
}

/// A query name or value as text; bytes that are no UTF-8 become U+FFFD.
pub(super) fn decode_text(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(raw);
    }
    let bytes: Vec<u8> = decode(raw, true).collect();
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(fault) => String::from_utf8_lossy(fault.as_bytes()).into_owned(),
    })
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

pub(super) fn hex_into(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(&[HEX_LOWER[usize::from(byte >> 4)], HEX_LOWER[usize::from(byte & 15)]]);
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(HEX_LOWER[usize::from(byte >> 4)]));
        out.push(char::from(HEX_LOWER[usize::from(byte & 15)]));
    }
    out
}

/// Bytes from hexadecimal of either case; `None` when a digit is wrong or missing.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() / 2];
    unhex_into(text, &mut out)?;
    Some(out)
}

/// As [`unhex`], of so many bytes.
pub(super) fn unhex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    unhex_into(text, &mut out)?;
    Some(out)
}

fn unhex_into(text: &str, out: &mut [u8]) -> Option<()> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !rest.is_empty() {
        return None;
    }
    for ([high, low], byte) in pairs.iter().zip(out) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(())
}

/// S3 shows what it hashed as `41 57 53 ...`.
pub(super) fn spaced_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        out.push_str(&hex(&[*byte]));
    }
    out
}
