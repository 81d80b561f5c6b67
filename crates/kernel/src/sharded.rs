//! [`Sharded`]: what many threads add to all the time and somebody seldom collects.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Threads add to a part of their own, as long as there are not more of them, so that they do not wait for each other.
const SHARDS: usize = 16;

/// Parts of one thing.
#[derive(Default, Debug)]
pub struct Sharded<T>([Mutex<T>; SHARDS]);

fn own() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    OWN.with(|own| *own)
}

impl<T: Default> Sharded<T> {
    /// The part of this thread.
    pub fn own(&self) -> MutexGuard<'_, T> {
        self.0[own()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out all parts, and leaves empty ones.
    pub fn take(&self) -> impl Iterator<Item = T> + '_ {
        self.0.iter().map(|part| std::mem::take(&mut *part.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}
