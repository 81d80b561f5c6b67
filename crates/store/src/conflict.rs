//! [`Window`]: which keys the recent commits wrote, so that a transaction can be told whether what it read still
//! holds.
//!
//! The window reaches back as far as the oldest transaction that is still open, and no further than a bound: a
//! transaction that is older than the window conflicts.

use crate::range::KeyRange;
use crate::slice::Slice;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// How many written keys the window holds at most. About 100 bytes each.
const WINDOW_KEYS: usize = 200_000;

/// What a transaction read.
#[derive(Default, Debug)]
pub(crate) struct ReadSet {
    pub(crate) keys: Vec<Slice>,
    pub(crate) ranges: Vec<KeyRange>,
}

/// Beyond this many reads a transaction is taken to have read everything.
const READS: usize = 100_000;

impl ReadSet {
    pub(crate) fn key(&mut self, key: &[u8]) {
        if self.len() < READS {
            self.keys.push(Slice::from(key));
        } else {
            self.everything();
        }
    }

    pub(crate) fn range(&mut self, range: KeyRange) {
        if self.len() < READS {
            self.ranges.push(range);
        } else {
            self.everything();
        }
    }

    fn len(&self) -> usize {
        self.keys.len() + self.ranges.len()
    }

    fn everything(&mut self) {
        self.keys = Vec::new();
        self.ranges = vec![KeyRange::all()];
    }
}

#[derive(Default)]
pub(crate) struct Window {
    /// Key to the commit that wrote it last.
    keys: BTreeMap<Slice, u64>,
    /// The same by age.
    ages: VecDeque<(u64, Slice)>,
    /// Commits up to this one have left the window.
    floor: u64,
}

impl Window {
    /// Whether anything in `reads`, made on the state after the commit `base`, was written since.
    pub(crate) fn conflicts(&self, base: u64, reads: &ReadSet) -> bool {
        if base < self.floor {
            return true;
        }
        reads.keys.iter().any(|key| self.keys.get(key).is_some_and(|seq| *seq > base))
            || reads.ranges.iter().any(|range| self.written_within(range, base))
    }

    fn written_within(&self, range: &KeyRange, base: u64) -> bool {
        if range.is_empty() {
            return false;
        }
        let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        self.keys.range::<Slice, _>((Bound::Included(&range.start), end)).any(|(_, seq)| *seq > base)
    }

    pub(crate) fn wrote(&mut self, seq: u64, key: &Slice) {
        self.keys.insert(key.clone(), seq);
        self.ages.push_back((seq, key.clone()));
    }

    /// Forgets the commits up to `oldest`, which no open transaction needs, and the oldest ones beyond the bound.
    pub(crate) fn trim(&mut self, oldest: u64) {
        while let Some((seq, _)) = self.ages.front() {
            if *seq > oldest && self.ages.len() <= WINDOW_KEYS {
                break;
            }
            let Some((seq, key)) = self.ages.pop_front() else { break };
            self.floor = self.floor.max(seq);
            if self.keys.get(&key) == Some(&seq) {
                self.keys.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{READS, ReadSet, WINDOW_KEYS, Window};
    use crate::range::KeyRange;
    use crate::slice::Slice;

    fn reads(keys: &[&str], ranges: &[(&str, &str)]) -> ReadSet {
        ReadSet {
            keys: keys.iter().map(|k| Slice::from(*k)).collect(),
            ranges: ranges.iter().map(|(a, b)| KeyRange::between(*a, *b)).collect(),
        }
    }

    #[test]
    fn later_writes_conflict_with_what_was_read() {
        let mut window = Window::default();
        window.wrote(5, &Slice::from("k"));
        for (base, reads, expected) in [
            (4, reads(&["k"], &[]), true),
            (5, reads(&["k"], &[]), false),
            (4, reads(&["j"], &[]), false),
            (4, reads(&[], &[("a", "k")]), false),
            (4, reads(&[], &[("k", "l")]), true),
            (5, reads(&[], &[("a", "z")]), false),
            (4, reads(&[], &[("z", "a")]), false),
        ] {
            assert_eq!(window.conflicts(base, &reads), expected, "{base} {reads:?}");
        }
    }

    #[test]
    fn what_left_the_window_conflicts() {
        let mut window = Window::default();
        window.wrote(5, &Slice::from("k"));
        window.wrote(6, &Slice::from("k"));
        window.trim(5);
        assert!(window.conflicts(4, &reads(&["other"], &[])));
        assert!(window.conflicts(5, &reads(&["k"], &[])));
        assert!(!window.conflicts(6, &reads(&["k"], &[])));
    }

    #[test]
    fn the_window_is_bounded() {
        let mut window = Window::default();
        for n in 0..WINDOW_KEYS as u64 + 10 {
            window.wrote(n + 1, &Slice::from(n.to_be_bytes().to_vec()));
        }
        window.trim(0);
        assert_eq!((window.ages.len(), window.keys.len(), window.floor), (WINDOW_KEYS, WINDOW_KEYS, 10));
    }

    #[test]
    fn too_many_reads_are_everything() {
        let mut reads = ReadSet::default();
        for n in 0..=READS {
            reads.key(&n.to_be_bytes());
        }
        assert_eq!((reads.keys.len(), &reads.ranges[..]), (0, &[KeyRange::all()][..]));
    }
}
