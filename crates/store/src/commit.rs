//! [`Commit`]: the outcome of a transaction that has been handed over.

use crate::error::CommitError;
use crate::oneshot::Taker;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The place of a commit in the order of all commits of a store. Grows for ever, across restarts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommitSeq(pub(crate) u64);

impl CommitSeq {
    pub fn number(self) -> u64 {
        self.0
    }
}

pub(crate) type CommitResult = Result<CommitSeq, CommitError>;

/// Resolves when the transaction is on the disk and visible, or has failed.
///
/// Dropping it does not take the commit back.
#[must_use = "a commit may fail; await it or call wait()"]
pub struct Commit(pub(crate) State);

pub(crate) enum State {
    Ready(CommitResult),
    Waiting(Taker<CommitResult>),
}

impl std::fmt::Debug for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            State::Ready(result) => write!(f, "Commit({result:?})"),
            State::Waiting(_) => f.write_str("Commit(waiting)"),
        }
    }
}

impl Commit {
    /// Blocks until the outcome is known.
    ///
    /// # Errors
    /// [`CommitError`]; [`CommitError::Conflict`] asks to run the transaction again.
    pub fn wait(self) -> Result<CommitSeq, CommitError> {
        match self.0 {
            State::Ready(result) => result,
            State::Waiting(taker) => taker.wait(),
        }
    }
}

impl Future for Commit {
    type Output = Result<CommitSeq, CommitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(result.clone()),
            State::Waiting(taker) => Pin::new(taker).poll(cx),
        }
    }
}
