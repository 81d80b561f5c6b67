//! A value that one thread leaves for another, which may block for it or await it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

struct Slot<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
    /// A thread blocks on the condition variable; spares the system call where none does.
    blocked: bool,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The giving end. Dropped unused, it leaves the value it was made with.
pub(crate) struct Giver<T>(Option<T>, Arc<Slot<T>>);

/// The taking end.
pub(crate) struct Taker<T>(Arc<Slot<T>>);

/// A pair; `fallback` is what is taken when the giver is dropped without having given.
pub(crate) fn pair<T>(fallback: T) -> (Giver<T>, Taker<T>) {
    let state = Mutex::new(State { value: None, waker: None, blocked: false });
    let slot = Arc::new(Slot { state, filled: Condvar::new() });
    (Giver(Some(fallback), slot.clone()), Taker(slot))
}

impl<T> Giver<T> {
    pub(crate) fn give(mut self, value: T) {
        self.0 = Some(value);
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        let mut state = self.1.lock();
        state.value = self.0.take();
        let (waker, blocked) = (state.waker.take(), state.blocked);
        drop(state);
        if blocked {
            self.1.filled.notify_one();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Taker<T> {
    pub(crate) fn wait(self) -> T {
        let mut state = self.0.lock();
        loop {
            if let Some(value) = state.value.take() {
                return value;
            }
            state.blocked = true;
            state = self.0.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Future for Taker<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.0.lock();
        match state.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                match &mut state.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => state.waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pair;
    use std::thread;

    #[test]
    fn what_is_given_is_taken() {
        let (giver, taker) = pair(0);
        let waiting = thread::spawn(move || taker.wait());
        giver.give(7);
        assert_eq!(waiting.join().unwrap(), 7);
    }

    #[test]
    fn a_dropped_giver_leaves_its_fallback() {
        let (giver, taker) = pair(3);
        drop(giver);
        assert_eq!(taker.wait(), 3);
    }
}
