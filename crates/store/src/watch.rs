//! [`Watch`]: a counter per key prefix that moves with every commit below it.
//!
//! The generation is one atomic load, so that a cache can ask on every request whether it still holds. The order is:
//! the new state becomes readable, then the generation moves, then the commit is acknowledged. A cache that notes
//! the generation *before* it reads is therefore never stale after an acknowledged commit.

use crate::slice::Slice;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

#[derive(Default)]
struct State {
    generation: AtomicU64,
    /// Who waits for the generation to move. Also taken to move it, so that nobody misses a wake-up.
    waiting: Mutex<Vec<Waker>>,
    moved: Condvar,
}

impl State {
    fn bump(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::Release);
        let wakers = std::mem::take(&mut *waiting);
        drop(waiting);
        self.moved.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Tells when something below a prefix was committed. Clones share the counter.
#[derive(Clone)]
pub struct Watch(Arc<State>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({})", self.generation())
    }
}

impl Watch {
    /// How many groups of commits have touched the prefix since it was first watched.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Resolves to the generation as soon as it is beyond `seen`.
    pub fn changed(&self, seen: u64) -> Changed {
        Changed { state: self.0.clone(), seen }
    }

    /// Blocks until the generation is beyond `seen` or `timeout` is over; returns the generation.
    pub fn wait_timeout(&self, seen: u64, timeout: Duration) -> u64 {
        let deadline = Instant::now().checked_add(timeout);
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while self.generation() <= seen {
            let left = deadline.map_or(timeout, |d| d.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            waiting = self.0.moved.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.generation()
    }
}

/// Future of [`Watch::changed`].
#[derive(Clone)]
pub struct Changed {
    state: Arc<State>,
    seen: u64,
}

impl std::fmt::Debug for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Changed(beyond {})", self.seen)
    }
}

impl Future for Changed {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        let mut waiting = self.state.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.state.generation.load(Ordering::Acquire);
        if generation > self.seen {
            return Poll::Ready(generation);
        }
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// All watches of a store.
#[derive(Default)]
pub(crate) struct Watches(RwLock<Registry>);

#[derive(Default)]
struct Registry {
    by_prefix: HashMap<Slice, Weak<State>>,
    /// How many prefixes there are of each length: a key is looked up once per length, not once per watch.
    lengths: BTreeMap<usize, usize>,
}

impl Registry {
    fn sweep(&mut self) {
        self.by_prefix.retain(|_, state| state.strong_count() > 0);
        self.lengths.clear();
        for prefix in self.by_prefix.keys() {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
    }
}

/// The registry forgets dropped watches whenever it has grown to a multiple of this.
const SWEEP: usize = 1024;

impl Watches {
    pub(crate) fn watch(&self, prefix: &[u8]) -> Watch {
        let mut registry = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = registry.by_prefix.get(prefix).and_then(Weak::upgrade) {
            return Watch(state);
        }
        let state = Arc::new(State::default());
        if registry.by_prefix.insert(Slice::from(prefix), Arc::downgrade(&state)).is_none() {
            *registry.lengths.entry(prefix.len()).or_default() += 1;
        }
        if registry.by_prefix.len().is_multiple_of(SWEEP) {
            registry.sweep();
        }
        Watch(state)
    }

    /// Moves each watch that lies above one of `keys` once.
    pub(crate) fn bump<'a>(&self, keys: impl Iterator<Item = &'a Slice>) {
        let registry = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if registry.by_prefix.is_empty() {
            return;
        }
        let mut touched: HashSet<&[u8]> = HashSet::new();
        for key in keys {
            for length in registry.lengths.keys().take_while(|length| **length <= key.len()) {
                let prefix = &key[..*length];
                if !touched.contains(prefix)
                    && let Some((prefix, state)) = registry.by_prefix.get_key_value(prefix)
                {
                    touched.insert(prefix);
                    if let Some(state) = state.upgrade() {
                        state.bump();
                    }
                }
            }
        }
    }
}
