//! [`KeyRange`]: a half-open range of keys, and the direction in which it is read.

use crate::slice::Slice;

/// Which end of a range comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    Forward,
    Backward,
}

/// The keys `k` with `start <= k` and, where there is an end, `k < end`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRange {
    pub start: Slice,
    pub end: Option<Slice>,
}

impl KeyRange {
    pub fn all() -> KeyRange {
        KeyRange { start: Slice::from(&[]), end: None }
    }

    /// `start..end`.
    pub fn between(start: impl Into<Slice>, end: impl Into<Slice>) -> KeyRange {
        KeyRange { start: start.into(), end: Some(end.into()) }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        KeyRange { start: Slice::from(prefix), end: following(prefix).map(Slice::from) }
    }

    /// The part of this range that lies behind `key`, `key` itself excluded.
    #[must_use]
    pub fn after(self, key: &[u8]) -> KeyRange {
        let start = successor(key);
        if start > self.start { KeyRange { start, end: self.end } } else { self }
    }

    /// The part of this range that lies before `key`.
    #[must_use]
    pub fn before(self, key: &[u8]) -> KeyRange {
        match &self.end {
            Some(end) if end[..] <= *key => self,
            _ => KeyRange { start: self.start, end: Some(Slice::from(key)) },
        }
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.start[..] <= *key && self.end.as_ref().is_none_or(|end| *key < end[..])
    }

    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

/// The least key above `key`.
pub(crate) fn successor(key: &[u8]) -> Slice {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    Slice::from(next)
}

/// The least byte string above everything that begins with `prefix`; none above a run of 0xFF.
fn following(prefix: &[u8]) -> Option<Vec<u8>> {
    let keep = prefix.iter().rposition(|b| *b != u8::MAX)?;
    let mut next = prefix[..=keep].to_vec();
    next[keep] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::KeyRange;

    #[test]
    fn a_prefix_holds_what_begins_with_it() {
        let range = KeyRange::prefix(b"a\xff");
        assert_eq!(range.end.as_deref(), Some(b"b".as_slice()));
        assert!(range.contains(b"a\xff") && range.contains(b"a\xff\xff\xff"));
        assert!(!range.contains(b"a\xfe") && !range.contains(b"b"));
        assert_eq!(KeyRange::prefix(b"\xff\xff").end, None);
        assert_eq!(KeyRange::prefix(b""), KeyRange::all());
    }

    #[test]
    fn narrowing_never_widens() {
        let range = KeyRange::between(b"c", b"m");
        assert_eq!(range.clone().after(b"a"), range);
        assert_eq!(range.clone().before(b"z"), range);
        assert_eq!(range.clone().after(b"c").start[..], *b"c\0");
        assert!(range.after(b"m").is_empty());
    }
}
