//! What waits for the end of a transaction: see [`Tx::on_end`](crate::Tx::on_end).
//!
//! Each piece of work runs exactly once, whatever becomes of the transaction: dropping it unrun is the end that says
//! "never".

use crate::commit::CommitSeq;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) type Work = Box<dyn FnOnce(Option<CommitSeq>) + Send>;

struct Ending(Option<Work>);

impl Ending {
    fn run(&mut self, seq: Option<CommitSeq>) {
        if let Some(work) = self.0.take() {
            // The panic has been printed. The sequencer must outlive it, for everybody else's sake.
            let _ = catch_unwind(AssertUnwindSafe(|| work(seq)));
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.run(None);
    }
}

/// The works of one transaction, in the order in which they were registered.
#[derive(Default)]
pub(crate) struct Endings(Vec<Ending>);

impl Endings {
    pub(crate) fn push(&mut self, work: Work) {
        self.0.push(Ending(Some(work)));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Ends those that were registered since there were `len`: they never happen.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub(crate) fn run(self, seq: CommitSeq) {
        for mut ending in self.0 {
            ending.run(Some(seq));
        }
    }
}
