//! Bytes that are no UTF-8 within text: how a header of an object goes out in a byte of Latin-1.
//!
//! Each of these bytes is one of the last characters that Unicode has, which are for private use. Text that holds none of
//! them is what it was.

use std::borrow::Cow;

/// The character of byte 0, which is never used: bytes below 0x80 are characters of their own.
const FIRST: u32 = 0x10_FF00;

/// The character that holds a byte, which is itself below 0x80.
pub fn held(byte: u8) -> char {
    if byte.is_ascii() { char::from(byte) } else { char::from_u32(FIRST + u32::from(byte)).unwrap_or('?') }
}

/// The bytes of text, with those that it holds.
pub fn bytes(text: &[u8]) -> Cow<'_, [u8]> {
    // What all of these characters begin with.
    if !text.contains(&0xF4) {
        return Cow::Borrowed(text);
    }
    let Ok(text) = std::str::from_utf8(text) else { return Cow::Borrowed(text) };
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) if !byte.is_ascii() => out.push(byte),
            _ => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{bytes, held};

    #[test]
    fn what_is_held_comes_back() {
        let text: String = [b'a', 0xE9, 0x80, 0xFF].map(held).iter().collect();
        assert_eq!(*bytes(text.as_bytes()), [b'a', 0xE9, 0x80, 0xFF]);
        for plain in ["", "abc", "\u{E9}\u{FF1A}\u{10FF00}"] {
            assert_eq!(*bytes(plain.as_bytes()), *plain.as_bytes());
        }
    }
}
