//! [`Small`]: small contents that are read again and again, as they are when they are open.
//!
//! To open one costs more than to send it. Who asks has the root that it lies under, and gets it only by that same root,
//! not by an equal one: what lies under keys that are brought or unsealed for each request never comes in. A content never
//! changes, so nothing here is ever stale. A place holds one content; whichever is read twice in a row, as seen from its
//! place, takes it.

use crate::ContentId;
use crate::cipher::{Root, WeakRoot};
use bytes::Bytes;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longer contents are opened each time.
const SIZE_MAX: usize = 4 << 10;
/// All of them are at most 2 MiB.
const PLACES: usize = 512;

#[derive(Debug, Default)]
struct Place {
    held: Option<(ContentId, Root, Bytes)>,
    /// Opened once.
    guest: Option<(ContentId, WeakRoot)>,
}

/// Small contents that lie open.
#[derive(Debug)]
pub(crate) struct Small(Box<[Mutex<Place>]>);

impl Default for Small {
    fn default() -> Small {
        Small((0..PLACES).map(|_| Mutex::default()).collect())
    }
}

impl Small {
    fn place(&self, id: ContentId) -> MutexGuard<'_, Place> {
        let (_, chance) = id.as_bytes().split_at(8);
        let number = chance.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        self.0[number % PLACES].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: ContentId, root: &Root) -> Option<Bytes> {
        let place = self.place(id);
        let (_, _, bytes) = place.held.as_ref().filter(|(held, by, _)| *held == id && by.is(root))?;
        Some(bytes.clone())
    }

    /// A content has been opened.
    pub(crate) fn opened(&self, id: ContentId, root: &Root, bytes: &Bytes) {
        if bytes.len() > SIZE_MAX {
            return;
        }
        let mut place = self.place(id);
        match place.guest.take() {
            Some((guest, by)) if guest == id && by.is(root) => {
                place.held = Some((id, root.clone(), bytes.clone()));
            }
            _ => place.guest = Some((id, root.weak())),
        }
    }

    pub(crate) fn clear(&self) {
        for place in &self.0 {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Place::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SIZE_MAX, Small};
    use crate::ContentId;
    use crate::cipher::Root;
    use base::{Rng, Timestamp};
    use bytes::Bytes;

    fn id(n: u64) -> ContentId {
        ContentId::new(Timestamp::from_micros(1), &Rng::seeded(n))
    }

    #[test]
    fn what_is_opened_twice_under_one_root_is_open() {
        let (small, root, bytes) = (Small::default(), Root::new(&[7; 32]), Bytes::from_static(b"one"));
        small.opened(id(1), &root, &bytes);
        assert_eq!(small.get(id(1), &root), None);
        small.opened(id(1), &root, &bytes);
        assert_eq!(small.get(id(1), &root), Some(bytes));
        assert_eq!(small.get(id(2), &root), None);
        assert_eq!(small.get(id(1), &Root::new(&[7; 32])), None, "an equal root is another");
        small.clear();
        assert_eq!(small.get(id(1), &root), None);
    }

    #[test]
    fn what_lies_under_a_root_of_each_request_never_comes_in() {
        let (small, bytes) = (Small::default(), Bytes::from_static(b"one"));
        for _ in 0..9 {
            let root = Root::new(&[7; 32]);
            assert_eq!(small.get(id(1), &root), None);
            small.opened(id(1), &root, &bytes);
        }
    }

    #[test]
    fn it_has_an_end() {
        let (small, root) = (Small::default(), Root::new(&[7; 32]));
        for (length, comes_in) in [(SIZE_MAX, true), (SIZE_MAX + 1, false)] {
            let bytes = Bytes::from(vec![0; length]);
            (0..2).for_each(|_| small.opened(id(3), &root, &bytes));
            assert_eq!(small.get(id(3), &root).is_some(), comes_in, "{length}");
            small.clear();
        }
        for n in 0..9999 {
            (0..2).for_each(|_| small.opened(id(n), &root, &Bytes::from_static(b"x")));
        }
        let held = small.0.iter().filter(|place| place.lock().unwrap().held.is_some()).count();
        assert!(held > small.0.len() / 2, "{held}");
    }
}
