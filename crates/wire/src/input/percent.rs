//! Percent-decoding of paths, query strings and forms.

use memchr::memchr;
use std::borrow::Cow;

/// Decodes `%2F`; a `%` that starts no pair of digits stays as it is, and bytes that are not UTF-8 become U+FFFD.
pub fn path(text: &str) -> Cow<'_, str> {
    if memchr(b'%', text.as_bytes()).is_none() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(decode(text, false))
    }
}

/// Decodes a value of a query string or a form, where `+` is a space.
pub fn form(text: &str) -> Cow<'_, str> {
    match memchr::memchr2(b'%', b'+', text.as_bytes()) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(decode(text, true)),
    }
}

fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = || Some((digit(*bytes.get(at + 1)?)?, digit(*bytes.get(at + 2)?)?));
        match (byte, if *byte == b'%' { pair() } else { None }) {
            (b'%', Some((high, low))) => {
                out.push(high << 4 | low);
                at += 2;
            }
            (b'+', _) if plus => out.push(b' '),
            _ => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::{form, path};

    #[test]
    fn decoding() {
        let table = [
            ("plain", "plain", "plain"),
            ("a%20b+c", "a b+c", "a b c"),
            ("%C3%A4%2f", "ä/", "ä/"),
            ("100%", "100%", "100%"),
            ("%zz%4", "%zz%4", "%zz%4"),
            ("%ff", "\u{fffd}", "\u{fffd}"),
            ("ä%41", "äA", "äA"),
        ];
        for (text, as_path, as_form) in table {
            assert_eq!((&*path(text), &*form(text)), (as_path, as_form), "{text}");
        }
    }
}
