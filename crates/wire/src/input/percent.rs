//! Percent-decoding of paths, query strings and forms.

use std::borrow::Cow;

/// Decodes `%2F`; a `%` that starts no pair of digits stays as it is. `None` where the result is not UTF-8.
pub fn path(text: &str) -> Option<Cow<'_, str>> {
    match memchr::memchr(b'%', text.as_bytes()) {
        None => Some(Cow::Borrowed(text)),
        Some(_) => String::from_utf8(decode(text, false)).ok().map(Cow::Owned),
    }
}

/// Decodes a part of a query string or a form, where `+` is a space. `None` where the result is not UTF-8.
pub fn form(text: &str) -> Option<Cow<'_, str>> {
    match memchr::memchr2(b'%', b'+', text.as_bytes()) {
        None => Some(Cow::Borrowed(text)),
        Some(_) => String::from_utf8(decode(text, true)).ok().map(Cow::Owned),
    }
}

fn decode(text: &str, plus: bool) -> Vec<u8> {
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
    out
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
            ("ä%41", "äA", "äA"),
        ];
        for (text, as_path, as_form) in table {
            assert_eq!(
                (path(text).as_deref(), form(text).as_deref()),
                (Some(as_path), Some(as_form)),
                "{text}"
            );
        }
        assert_eq!((path("%ff"), form("%ff+")), (None, None));
    }
}
