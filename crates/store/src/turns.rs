//! [`Turns`]: transactions that keep conflicting stop racing each other and go one by one.
//!
//! Without it, optimistic transactions on one hot key starve: whoever is slow loses to newcomers for ever.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Turns {
    lane: Mutex<()>,
    /// The holder of the lane loses even so: newcomers are to queue behind it.
    urgent: AtomicBool,
}

/// Held while it is one's turn.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    _lane: MutexGuard<'a, ()>,
    urged: bool,
}

impl Turns {
    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self) -> Turn<'_> {
        Turn { turns: self, _lane: self.lane.lock().unwrap_or_else(PoisonError::into_inner), urged: false }
    }
}

impl Turn<'_> {
    pub(crate) fn urge(&mut self) {
        self.urged = true;
        self.turns.urgent.store(true, Ordering::Relaxed);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.urged {
            self.turns.urgent.store(false, Ordering::Relaxed);
        }
    }
}
