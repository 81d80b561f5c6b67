//! [`Tx`]: a transaction, and [`Read`], what it has in common with a [`Snapshot`].
//!
//! A transaction reads the last durable state there was when it began, and its own writes. It remembers which keys
//! and ranges it read; the sequencer accepts it only if nothing in them was written since. Transactions are
//! therefore serializable: as if each had run alone, in the order of their [`CommitSeq`](crate::CommitSeq)s.

use crate::commit::{Commit, CommitSeq, State};
use crate::conflict::ReadSet;
use crate::ending::Endings;
use crate::engine::{Pair, View};
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

    /// The state alone, to be kept.
    pub fn past(&self) -> Past {
        Past(self.base.view.clone())
    }
}

fn scan(view: &Arc<dyn View>, range: KeyRange, direction: Direction) -> Scan<'static> {
    let range = range.before(&[RESERVED]);
    Box::new(view.clone().scan(&range, direction).map(|pair| Ok(pair?)))
}

impl Read for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        if key.is_empty() {
            return Ok(None);
        }
        Ok(self.base.get(key)?)
    }

    fn scan(&self, range: KeyRange, direction: Direction) -> Scan<'_> {
        scan(&self.base.view, range, direction)
    }
}

/// A state that is kept for a while, to be read only: unlike a [`Snapshot`], the sequencer need not remember what was
/// written since.
#[derive(Clone)]
pub struct Past(Arc<dyn View>);

impl std::fmt::Debug for Past {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Past")
    }
}

impl Read for Past {
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        if key.is_empty() {
            return Ok(None);
        }
        Ok(self.0.get(key)?)
    }

    fn scan(&self, range: KeyRange, direction: Direction) -> Scan<'_> {
        scan(&self.0, range, direction)
    }
}

/// A transaction. Dropped without [`Tx::commit`] it leaves nothing behind.
pub struct Tx {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    reads: RefCell<ReadSet>,
    writes: BTreeMap<Slice, Option<Slice>>,
    /// Rows whose keys get the number of the commit.
    appended: Vec<Append>,
    /// What each write since the first savepoint replaced; empty while there is none.
    undo: Vec<(Slice, Option<Option<Slice>>)>,
    saved: bool,
    refused: Option<&'static str>,
    endings: Endings,
}

/// A row whose key is `before`, the number of its commit (8 bytes, so that later commits sort behind) and `after`.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    pub(crate) value: Slice,
}

impl Append {
    fn bytes(&self) -> usize {
        self.before.len() + size_of::<u64>() + self.after.len() + self.value.len()
    }

    pub(crate) fn into_write(self, seq: u64) -> (Slice, Option<Slice>) {
        let key = [&self.before[..], &seq.to_be_bytes(), &self.after].concat();
        (key.into(), Some(self.value))
    }
}

/// A point in a transaction to which [`Tx::rollback_to`] goes back.
#[derive(Clone, Copy, Debug)]
pub struct Savepoint {
    undo: usize,
    endings: usize,
    appended: usize,
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
            appended: Vec::new(),
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

    /// As [`Tx::get`], beside the transaction: that another changes it meanwhile is no conflict. For what is only told,
    /// and decides nothing.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn glance(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        match self.writes.get(key) {
            Some(own) => Ok(own.clone()),
            None => self.snapshot.get(key),
        }
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

    /// Adds a row to a log: its key is `before`, then the number of this transaction's commit (8 bytes, the highest
    /// first), then `after`. So the rows of a log lie in the order in which their transactions became visible, which
    /// no clock and no counter could promise without keeping writers from each other. The transaction itself does not
    /// see the row; two with one key are one row, the later.
    pub fn append(&mut self, before: impl Into<Vec<u8>>, after: impl Into<Vec<u8>>, value: impl Into<Slice>) {
        let append = Append { before: before.into(), after: after.into(), value: value.into() };
        let key = append.before.len() + size_of::<u64>() + append.after.len();
        if append.value.len() > VALUE_BYTES {
            self.refused = Some("a value is longer than 16 MiB");
        } else if self.accepts(append.before.first(), key) {
            self.appended.push(append);
        }
    }

    /// How many rows [`Tx::append`] has added: a number by which the next can be told from them.
    pub fn appended(&self) -> usize {
        self.appended.len()
    }

    /// Whether a key may be written; notes the refusal where not.
    fn accepts(&mut self, first: Option<&u8>, len: usize) -> bool {
        self.refused = match first {
            None => Some("a key is empty"),
            Some(&RESERVED) => Some("keys that begin with 0xFF are the store's own"),
            Some(_) if len > KEY_BYTES => Some("a key is longer than 16 KiB"),
            Some(_) => return true,
        };
        false
    }

    fn write(&mut self, key: Slice, value: Option<Slice>) {
        if !self.accepts(key.first(), key.len()) {
            return;
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
        Savepoint { undo: self.undo.len(), appended: self.appended.len(), endings: self.endings.len() }
    }

    /// Takes back every write since `savepoint`, and ends what waits for their end. What was read stays read.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.endings.truncate(savepoint.endings);
        self.appended.truncate(savepoint.appended);
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
        self.writes.is_empty() && self.appended.is_empty() && self.refused.is_none()
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
        if self.writes.is_empty() && self.appended.is_empty() {
            let base = self.base();
            self.endings.run(base);
            return Commit(State::Ready(Ok(base)));
        }
        let size = |(key, value): (&Slice, &Option<Slice>)| key.len() + value.as_ref().map_or(0, |v| v.len());
        let appended: usize = self.appended.iter().map(Append::bytes).sum();
        let bytes = self.writes.iter().map(size).sum::<usize>() + appended;
        if bytes > TX_BYTES {
            return Commit(State::Ready(Err(CommitError::Refused("it writes more than 64 MiB"))));
        }
        let (done, taker) = pair(Err(CommitError::Closed));
        let (base, reads) = (self.snapshot.base.base.clone(), self.reads.into_inner());
        let (writes, appended) = (self.writes.into_iter().collect(), self.appended);
        let endings = self.endings;
        // The engine may have to wait for everyone who holds a state: let go of it before it can take long.
        drop(self.snapshot);
        let request = CommitRequest { base, reads, writes, appended, bytes, done, endings };
        self.shared.submit(Request::Commit(request));
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
