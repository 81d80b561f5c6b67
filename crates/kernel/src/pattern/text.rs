//! Texts with stars, and blocks of addresses.

use std::net::IpAddr;

/// `*.example.com`: a star stands for any run of characters; `\*` is a star.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wildcard {
    /// What stands between the stars.
    parts: Vec<String>,
}

impl Wildcard {
    /// None where two stars meet, or a backslash stands before anything but a star and itself.
    pub(super) fn read(text: &str) -> Option<Wildcard> {
        let mut parts = vec![String::new()];
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '*' if letters.peek() == Some(&'*') => return None,
                '*' => parts.push(String::new()),
                '\\' => {
                    let escaped = letters.next().filter(|next| matches!(next, '*' | '\\'))?;
                    parts.last_mut()?.push(escaped);
                }
                other => parts.last_mut()?.push(other),
            }
        }
        Some(Wildcard { parts })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

/// `10.0.0.0/8`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cidr {
    bits: u128,
    mask: u128,
    v6: bool,
}

/// An address as the top bits of a number.
fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, false),
        IpAddr::V6(v6) => (v6.to_bits(), true),
    }
}

impl Cidr {
    pub(super) fn read(text: &str) -> Option<Cidr> {
        let (address, length) = text.split_once('/')?;
        let (bits, v6) = bits(address.parse().ok()?);
        let length: u32 = length.parse().ok()?;
        if length > if v6 { 128 } else { 32 } {
            return None;
        }
        let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
        Some(Cidr { bits: bits & mask, mask, v6 })
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        let Ok(address) = text.parse() else { return false };
        let (bits, v6) = bits(address);
        v6 == self.v6 && bits & self.mask == self.bits
    }
}
