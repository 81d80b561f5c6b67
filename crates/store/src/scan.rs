//! A transaction's scan: the state it began with under its own writes, and a note of how far it was read.

use crate::conflict::ReadSet;
use crate::engine::{Pair, ViewScan};
use crate::error::{EngineError, StoreError};
use crate::range::{Direction, KeyRange, successor};
use crate::slice::Slice;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;

/// The overlay's part of the range, in either direction.
enum Own<'a> {
    Forward(btree_map::Range<'a, Slice, Option<Slice>>),
    Backward(std::iter::Rev<btree_map::Range<'a, Slice, Option<Slice>>>),
    Empty,
}

impl<'a> Iterator for Own<'a> {
    type Item = (&'a Slice, &'a Option<Slice>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Own::Forward(iter) => iter.next(),
            Own::Backward(iter) => iter.next(),
            Own::Empty => None,
        }
    }
}

/// Two ordered sources as one; the overlay wins, and hides what it deletes.
pub(crate) struct Merge<'a> {
    base: Peekable<ViewScan>,
    own: Peekable<Own<'a>>,
    direction: Direction,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(
        base: ViewScan,
        writes: &'a BTreeMap<Slice, Option<Slice>>,
        range: &KeyRange,
        direction: Direction,
    ) -> Merge<'a> {
        let own = if range.is_empty() {
            Own::Empty
        } else {
            let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let part = writes.range::<Slice, _>((Bound::Included(&range.start), end));
            match direction {
                Direction::Forward => Own::Forward(part),
                Direction::Backward => Own::Backward(part.rev()),
            }
        };
        Merge { base: base.peekable(), own: own.peekable(), direction }
    }

    /// Which source comes first; `Equal` when both hold the key.
    fn order(&mut self) -> Option<Ordering> {
        match (self.base.peek(), self.own.peek()) {
            (None, None) => None,
            (Some(_), None) | (Some(Err(_)), _) => Some(Ordering::Less),
            (None, Some(_)) => Some(Ordering::Greater),
            (Some(Ok((base, _))), Some((own, _))) => Some(match self.direction {
                Direction::Forward => base.cmp(own),
                Direction::Backward => (*own).cmp(base),
            }),
        }
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Pair, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.order()? {
                Ordering::Less => return self.base.next(),
                Ordering::Equal => drop(self.base.next()),
                Ordering::Greater => {}
            }
            if let (key, Some(value)) = self.own.next()? {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

/// Notes, when it is dropped, the range that was read.
pub(crate) struct Recorded<'a> {
    inner: Merge<'a>,
    reads: &'a RefCell<ReadSet>,
    range: KeyRange,
    direction: Direction,
    last: Option<Slice>,
    exhausted: bool,
}

impl<'a> Recorded<'a> {
    pub(crate) fn new(
        inner: Merge<'a>,
        reads: &'a RefCell<ReadSet>,
        range: KeyRange,
        direction: Direction,
    ) -> Recorded<'a> {
        Recorded { inner, reads, range, direction, last: None, exhausted: false }
    }
}

impl Iterator for Recorded<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.inner.next() {
            Some(Ok(pair)) => {
                self.last = Some(pair.0.clone());
                Some(Ok(pair))
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => {
                self.exhausted = true;
                None
            }
        }
    }
}

impl Drop for Recorded<'_> {
    fn drop(&mut self) {
        let range = self.range.clone();
        let read = match (&self.last, self.direction) {
            _ if self.exhausted => range,
            (None, _) => return,
            (Some(last), Direction::Forward) => range.before(&successor(last)),
            (Some(last), Direction::Backward) => KeyRange { start: last.clone(), end: range.end },
        };
        if !read.is_empty() {
            self.reads.borrow_mut().range(read);
        }
    }
}
