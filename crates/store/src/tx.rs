//! [`Tx`]: a transaction, and [`Read`], what it has in common with a [`Snapshot`].
//!
//! A transaction reads the last durable state there was when it began, and its own writes. It remembers which keys
//! and ranges it read; the sequencer accepts it only if nothing in them was written since. Transactions are
//! therefore serializable: as if each had run alone, in the order of their [`CommitSeq`](crate::CommitSeq)s.

use crate::commit::{Commit, CommitSeq, State};
use crate::conflict::ReadSet;
use crate::ending::Endings;
use crate::engine::Pair;
use crate::error::{CommitError, StoreError};
use crate::oneshot::pair;
use crate::range::{Direction, KeyRange};
use crate::scan::{Merge, Recorded};
use crate::sequencer::{CommitRequest, Published, RESERVED, Request, Shared};
use crate::slice::Slice;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest key, in bytes.
pub const KEY_BYTES: usize = 16 * 1024;
/// The largest value, in bytes.
pub const VALUE_BYTES: usize = 16 << 20;
/// The largest sum of keys and values that one transaction writes, in bytes.
pub const TX_BYTES: usize = 64 << 20;

/// What a scan yields.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<Pair, StoreError>> + 'a>;

/// Something that can be read: a transaction or a snapshot.
pub trait Read {
    /// # Errors
    /// When the disk cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError>;

    /// The pairs within `range`, in order. Reads as it goes.
    fn scan(&self, range: KeyRange, direction: Direction) -> Scan<'_>;
}

/// A fixed durable state.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) base: Arc<Published>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({})", self.base.seq())
    }
}

impl Snapshot {
    /// The last commit that is in it.
    pub fn seq(&self) -> CommitSeq {
        CommitSeq(self.base.seq())
    }
}

impl Read for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        if key.is_empty() {
            return Ok(None);
        }
        Ok(self.base.view.get(key)?)
    }

    fn scan(&self, range: KeyRange, direction: Direction) -> Scan<'_> {
        let range = range.before(&[RESERVED]);
        Box::new(self.base.view.clone().scan(&range, direction).map(|pair| Ok(pair?)))
    }
}

/// A transaction. Dropped without [`Tx::commit`] it leaves nothing behind.
pub struct Tx {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    reads: RefCell<ReadSet>,
    writes: BTreeMap<Slice, Option<Slice>>,
    /// What each write since the first savepoint replaced; empty while there is none.
    undo: Vec<(Slice, Option<Option<Slice>>)>,
    saved: bool,
    refused: Option<&'static str>,
    endings: Endings,
}

/// A point in a transaction to which [`Tx::rollback_to`] goes back.
#[derive(Clone, Copy, Debug)]
pub struct Savepoint {
    undo: usize,
    endings: usize,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx")
            .field("base", &self.snapshot.base.seq())
            .field("writes", &self.writes.len())
            .finish()
    }
}

impl Tx {
    pub(crate) fn new(shared: Arc<Shared>) -> Tx {
        let snapshot = Snapshot { base: shared.published() };
        Tx {
            shared,
            snapshot,
            reads: RefCell::default(),
            writes: BTreeMap::new(),
            undo: Vec::new(),
            saved: false,
            refused: None,
            endings: Endings::default(),
        }
    }

    /// The last commit that this transaction can see.
    pub fn base(&self) -> CommitSeq {
        self.snapshot.seq()
    }

    /// Reads a key, own writes included.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        if let Some(own) = self.writes.get(key) {
            return Ok(own.clone());
        }
        self.reads.borrow_mut().key(key);
        self.snapshot.get(key)
    }

    /// The pairs within `range`, own writes included. What was read is what conflicts: a scan that stops early has
    /// read up to the last pair that it yielded.
    pub fn scan(&self, range: KeyRange, direction: Direction) -> Scan<'_> {
        let range = range.before(&[RESERVED]);
        let base = self.snapshot.base.view.clone().scan(&range, direction);
        let merged = Merge::new(base, &self.writes, &range, direction);
        Box::new(Recorded::new(merged, &self.reads, range, direction))
    }

    /// Sets a key. What is beyond a limit is refused when the transaction commits.
    pub fn put(&mut self, key: impl Into<Slice>, value: impl Into<Slice>) {
        let (key, value) = (key.into(), value.into());
        if value.len() > VALUE_BYTES {
            self.refused = Some("a value is longer than 16 MiB");
            return;
        }
        self.write(key, Some(value));
    }

    /// Deletes a key; does nothing where there is none.
    pub fn delete(&mut self, key: impl Into<Slice>) {
        self.write(key.into(), None);
    }

    fn write(&mut self, key: Slice, value: Option<Slice>) {
        match key.first() {
            None => return self.refused = Some("a key is empty"),
            Some(&RESERVED) => return self.refused = Some("keys that begin with 0xFF are the store's own"),
            Some(_) if key.len() > KEY_BYTES => return self.refused = Some("a key is longer than 16 KiB"),
            Some(_) => {}
        }
        if self.saved {
            let before = self.writes.insert(key.clone(), value);
            self.undo.push((key, before));
        } else {
            self.writes.insert(key, value);
        }
    }

    /// A point to go back to.
    pub fn savepoint(&mut self) -> Savepoint {
        self.saved = true;
        Savepoint { undo: self.undo.len(), endings: self.endings.len() }
    }

    /// Takes back every write since `savepoint`, and ends what waits for their end. What was read stays read.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.endings.truncate(savepoint.endings);
        while self.undo.len() > savepoint.undo {
            match self.undo.pop() {
                Some((key, Some(before))) => drop(self.writes.insert(key, before)),
                Some((key, None)) => drop(self.writes.remove(&key)),
                None => break,
            }
        }
    }

    /// Whether it has written anything.
    pub fn is_read_only(&self) -> bool {
        self.writes.is_empty() && self.refused.is_none()
    }

    /// Runs `work` once it is decided what becomes of this transaction: with its number when it is on the disk and can
    /// be read, before its commit is acknowledged; with none when it will never happen (it lost, failed, was dropped
    /// or rolled back).
    ///
    /// For what lives in memory beside the store and follows it. It may run on the thread that decides all commits,
    /// so it is short and does not wait.
    pub fn on_end(&mut self, work: impl FnOnce(Option<CommitSeq>) + Send + 'static) {
        self.endings.push(Box::new(work));
    }

    /// Hands the transaction over. One that wrote nothing is committed at once, without touching the disk.
    ///
    /// Blocks only while the queue is full.
    pub fn commit(self) -> Commit {
        if let Some(what) = self.refused {
            return Commit(State::Ready(Err(CommitError::Refused(what))));
        }
        if self.writes.is_empty() {
            let base = self.base();
            self.endings.run(base);
            return Commit(State::Ready(Ok(base)));
        }
        let size = |(key, value): (&Slice, &Option<Slice>)| key.len() + value.as_ref().map_or(0, |v| v.len());
        let bytes = self.writes.iter().map(size).sum();
        if bytes > TX_BYTES {
            return Commit(State::Ready(Err(CommitError::Refused("it writes more than 64 MiB"))));
        }
        let (done, taker) = pair(Err(CommitError::Closed));
        let (base, reads) = (self.snapshot.base.base.clone(), self.reads.into_inner());
        let writes = self.writes.into_iter().collect();
        let endings = self.endings;
        // The engine may have to wait for everyone who holds a state: let go of it before it can take long.
        drop(self.snapshot);
        self.shared.submit(Request::Commit(CommitRequest { base, reads, writes, bytes, done, endings }));
        Commit(State::Waiting(taker))
    }
}

impl Read for Tx {
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        Tx::get(self, key)
    }

    fn scan(&self, range: KeyRange, direction: Direction) -> Scan<'_> {
        Tx::scan(self, range, direction)
    }
}
