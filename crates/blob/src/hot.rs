//! [`Hot`]: opened pieces of contents that are read again and again, so that they are opened once.
//!
//! A piece comes in when it is read for the second time within a while: what is read once, however large, takes no room.
//! It is found by what only the right key gives ([`Root::name`]), so that nobody reads by it what he could not open. A
//! content never changes, so nothing here is ever stale; what nobody reads any more goes, at the latest when the cloud idles.

use crate::ContentId;
use crate::cipher::Root;
use crate::pool::SIZE;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All pieces together, in bytes.
const BYTES_MAX: usize = 96 << 20;
const PIECES_MAX: usize = BYTES_MAX / SIZE;
/// Pieces that were read once and not yet twice.
const GUESTS: usize = 8 << 10;

/// What a content is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Name([u8; 16]);

impl Name {
    pub(crate) fn of(root: &Root, id: ContentId) -> Name {
        Name(root.name(id))
    }
}

/// A content, and the block that a piece begins with.
type At = (Name, u64);

#[derive(Debug, Default)]
struct Pieces {
    all: HashMap<At, (Bytes, bool)>,
    /// The oldest first.
    order: VecDeque<At>,
    guests: Vec<u32>,
}

/// Opened pieces.
#[derive(Debug, Default)]
pub(crate) struct Hot(Mutex<Pieces>);

/// Where a guest is written down, and as what.
fn guest((Name(name), block): At) -> (usize, u32) {
    let mut eight = [0; 8];
    eight.copy_from_slice(&name[..8]);
    let mixed = (u64::from_le_bytes(eight) ^ block).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> 32) as usize % GUESTS, mixed as u32 | 1)
}

impl Hot {
    fn lock(&self) -> MutexGuard<'_, Pieces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, at: At) -> Option<Bytes> {
        let mut pieces = self.lock();
        let (bytes, used) = pieces.all.get_mut(&at)?;
        *used = true;
        Some(bytes.clone())
    }

    /// A piece has been opened.
    pub(crate) fn opened(&self, at: At, bytes: &Bytes) {
        let mut pieces = self.lock();
        if pieces.guests.is_empty() {
            pieces.guests = vec![0; GUESTS];
        }
        let (place, mark) = guest(at);
        if std::mem::replace(&mut pieces.guests[place], mark) != mark || pieces.all.contains_key(&at) {
            return;
        }
        pieces.guests[place] = 0;
        while pieces.all.len() >= PIECES_MAX {
            let Some(oldest) = pieces.order.pop_front() else { break };
            match pieces.all.get_mut(&oldest) {
                // It was read since it came to the front: it stays for another round.
                Some((_, used)) if *used => {
                    *used = false;
                    pieces.order.push_back(oldest);
                }
                _ => drop(pieces.all.remove(&oldest)),
            }
        }
        pieces.all.insert(at, (bytes.clone(), false));
        pieces.order.push_back(at);
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Pieces::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{Hot, Name, PIECES_MAX};
    use bytes::Bytes;

    fn at(n: u64) -> (Name, u64) {
        (Name([7; 16]), n)
    }

    fn twice(hot: &Hot, n: u64) {
        hot.opened(at(n), &Bytes::from_static(b"x"));
        hot.opened(at(n), &Bytes::from_static(b"x"));
    }

    #[test]
    fn what_is_read_twice_comes_in() {
        let hot = Hot::default();
        hot.opened(at(1), &Bytes::from_static(b"one"));
        assert_eq!(hot.get(at(1)), None);
        hot.opened(at(1), &Bytes::from_static(b"one"));
        assert_eq!(hot.get(at(1)), Some(Bytes::from_static(b"one")));
        assert_eq!(hot.get((Name([8; 16]), 1)), None);
        hot.clear();
        assert_eq!(hot.get(at(1)), None);
    }

    #[test]
    fn what_is_read_stays_and_all_has_a_limit() {
        let hot = Hot::default();
        let all = PIECES_MAX as u64;
        for n in 0..all {
            twice(&hot, n);
        }
        assert!(hot.get(at(0)).is_some());
        for n in all..all + 10 {
            twice(&hot, n);
        }
        assert!(hot.get(at(0)).is_some() && hot.get(at(1)).is_none() && hot.get(at(all + 9)).is_some());
        assert_eq!(hot.lock().all.len(), PIECES_MAX);
    }
}
