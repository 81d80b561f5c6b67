//! [`ContentId`]: the name of bytes that are written once and never change.

use base::{Rng, Timestamp};
use std::fmt;
use store::Key;
use store::field::{Field, Input, Malformed};

/// Sixteen bytes: the time in microseconds, so that neighbours in time are neighbours on the disk, and chance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ContentId([u8; 16]);

impl ContentId {
    pub fn new(now: Timestamp, rng: &Rng) -> ContentId {
        let mut bytes: [u8; 16] = rng.bytes();
        bytes[..8].copy_from_slice(&now.micros().to_be_bytes());
        ContentId(bytes)
    }

    /// Below every id of that time.
    pub(crate) fn first_at(time: Timestamp) -> ContentId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&time.micros().to_be_bytes());
        ContentId(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From 32 lower-case hexadecimal digits, which is how [`fmt::Display`] writes it.
    pub fn parse(text: &str) -> Option<ContentId> {
        let digits = text.as_bytes();
        if digits.len() != 32 || !digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(ContentId(bytes))
    }

    /// The key of a table by content.
    pub fn key(&self) -> Key {
        let (high, low) = self.0.split_at(8);
        let number = |half: &[u8]| half.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
        Key::global().u64(number(high)).u64(number(low))
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Field for ContentId {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.0);
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        let bytes = input.rest().try_into().map_err(|_| Malformed::new("it is no content id"))?;
        Ok(ContentId(bytes))
    }

    fn absent() -> Self {
        ContentId::default()
    }

    fn is_absent(&self) -> bool {
        *self == ContentId::default()
    }
}

#[cfg(test)]
mod tests {
    use super::ContentId;
    use base::{Rng, Timestamp};

    #[test]
    fn text_and_order() {
        let rng = Rng::seeded(1);
        let first = ContentId::new(Timestamp::from_seconds(1), &rng);
        let second = ContentId::new(Timestamp::from_seconds(2), &rng);
        assert!(first < second && first.key() < second.key());
        assert_eq!(ContentId::parse(&first.to_string()), Some(first));
        assert_eq!(ContentId::parse("00"), None);
    }
}
