//! The sequencer: the one thread that decides the order of commits.
//!
//! It takes what has queued up while the last group was being written, validates each transaction against the
//! commits that came after the state it had read (those of the same group included), writes the survivors as one
//! batch with one flush to the disk, makes the new state readable, moves the watches, and acknowledges in order.
//! The longer the disk takes, the larger the next group: throughput is bounded by the disk's flushes times the
//! group, not by calls.

use crate::commit::{CommitResult, CommitSeq};
use crate::conflict::{ReadSet, Window};
use crate::ending::Endings;
use crate::engine::{Engine, EngineSize, Unreadable, View, Write};
use crate::error::{CommitError, EngineError};
use crate::hot::Hot;
use crate::oneshot::{Giver, Taker, pair};
use crate::slice::Slice;
use crate::tx::Append;
use crate::watch::Watches;
use base::map::{Hashing, Map};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, Weak};

/// At most this many transactions are written at once.
const GROUP_COMMITS: usize = 1024;
/// A group is closed when its keys and values have this many bytes.
const GROUP_BYTES: usize = 8 << 20;
/// A commit waits for room when this many are queued.
const QUEUE_COMMITS: usize = 16 * 1024;
/// Or when the queue holds this many bytes.
const QUEUE_BYTES: usize = 128 << 20;

/// Less than this, written since it was last sorted, is not worth it.
const SETTLE_BYTES: usize = 1 << 20;

/// Engine keys that begin with this byte are the store's own.
pub(crate) const RESERVED: u8 = u8::MAX;
/// Holds the number of the last commit: it survives, and it tells after a failed write whether the group is there.
const LAST_COMMIT: &[u8] = &[RESERVED, b'c'];

/// A durable state and the commit that made it.
pub(crate) struct Published {
    pub(crate) base: Arc<Base>,
    pub(crate) view: Arc<dyn View>,
    hot: Arc<Hot>,
}

/// The number of the commit that made the state which a transaction read. Held from its beginning until it is
/// decided, longer than the state itself: it keeps the commits since then in the window.
pub(crate) struct Base(pub(crate) u64);

impl Published {
    fn new(seq: u64, view: Arc<dyn View>, hot: Arc<Hot>) -> Arc<Published> {
        Arc::new(Published { base: Arc::new(Base(seq)), view, hot })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.hot.get(self.base.0, key, || self.view.get(key))
    }

    pub(crate) fn seq(&self) -> u64 {
        self.base.0
    }
}

/// What a transaction hands over.
pub(crate) struct CommitRequest {
    pub(crate) base: Arc<Base>,
    pub(crate) reads: ReadSet,
    pub(crate) writes: Vec<Write>,
    pub(crate) appended: Vec<Append>,
    pub(crate) bytes: usize,
    pub(crate) done: Giver<CommitResult>,
    pub(crate) endings: Endings,
}

/// A commit that is decided, and who wants to know.
struct Decided {
    done: Giver<CommitResult>,
    endings: Endings,
    decision: CommitResult,
}

pub(crate) enum Request {
    Commit(CommitRequest),
    Copy(PathBuf, Giver<Result<(), EngineError>>),
    Size(Giver<EngineSize>),
    Settle(Giver<bool>),
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    bytes: usize,
    closed: bool,
    /// The sequencer sleeps; spares a system call where it does not.
    idle: bool,
    /// Threads that wait for room.
    crowded: usize,
}

/// Counters since the store was opened.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) groups: AtomicU64,
}

/// What the threads that use a store share with its sequencer.
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    room: Condvar,
    published: RwLock<Arc<Published>>,
    pub(crate) watches: Watches,
    pub(crate) counters: Counters,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, published: Arc<Published>) {
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = published;
    }

    /// Queues a request, waiting for room; dropped (and so answered by its fallback) when the store is closed.
    pub(crate) fn submit(&self, request: Request) {
        let bytes = request.bytes();
        let mut queue = self.queue();
        while !queue.closed && !queue.requests.is_empty() && queue.is_crowded(bytes) {
            queue.crowded += 1;
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.crowded -= 1;
        }
        if queue.closed {
            drop(queue);
            drop(request);
            return;
        }
        queue.bytes += bytes;
        queue.requests.push_back(request);
        let idle = std::mem::take(&mut queue.idle);
        drop(queue);
        if idle {
            self.work.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// The next group, or none when the store is closed and everything is done.
    fn take(&self) -> Option<Vec<Request>> {
        let mut queue = self.queue();
        while queue.requests.is_empty() {
            if queue.closed {
                return None;
            }
            queue.idle = true;
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < GROUP_COMMITS && bytes < GROUP_BYTES {
            let Some(request) = queue.requests.pop_front() else { break };
            bytes += request.bytes();
            group.push(request);
        }
        queue.bytes -= bytes;
        if queue.crowded > 0 {
            self.room.notify_all();
        }
        Some(group)
    }
}

impl Queue {
    fn is_crowded(&self, bytes: usize) -> bool {
        self.requests.len() >= QUEUE_COMMITS || self.bytes + bytes > QUEUE_BYTES
    }
}

impl Request {
    fn bytes(&self) -> usize {
        match self {
            Request::Commit(commit) => commit.bytes,
            Request::Copy(..) | Request::Size(_) | Request::Settle(_) => 0,
        }
    }
}

enum Health {
    Good,
    /// A write met a full disk half way, or the engine's background ended: it is to be brought back before it is
    /// written again.
    Down,
    /// The disk failed: nothing it says can be trusted before the process starts anew.
    Poisoned(String),
}

/// How often the engine is asked to come back before the commit fails.
const RECOVER_TRIES: u32 = 5;

pub(crate) struct Sequencer {
    shared: Arc<Shared>,
    engine: Box<dyn Engine>,
    hot: Arc<Hot>,
    window: Window,
    /// The states that open transactions may have read, oldest first.
    states: VecDeque<(u64, Weak<Base>)>,
    /// The last number given out, whether its commit succeeded or not.
    last: u64,
    health: Health,
    /// Bytes written since what waits in memory was last sorted by [`Sequencer::settle`].
    unsorted: usize,
    /// It was, and the engine still holds states from before.
    stale: bool,
}

/// Reads the number of the last commit.
fn last_commit(view: &dyn View) -> Result<u64, EngineError> {
    match view.get(LAST_COMMIT)? {
        None => Ok(0),
        Some(value) => value[..]
            .try_into()
            .map(u64::from_be_bytes)
            .map_err(|_| EngineError::Damaged("the number of the last commit is not eight bytes".to_owned())),
    }
}

/// The number of the last commit, which may not lie before what the engine remembers.
fn checked_last_commit(view: &dyn View, engine: &dyn Engine) -> Result<u64, EngineError> {
    let (last, witness) = (last_commit(view)?, engine.witness());
    if last < witness {
        return Err(EngineError::Damaged(format!(
            "its rows end at commit {last}, and commit {witness} was on the disk; \
             to go on with what is left, remove the file `last`"
        )));
    }
    Ok(last)
}

impl Sequencer {
    /// Reads the engine's state; the returned sequencer is to be [run](Sequencer::run) on a thread of its own.
    pub(crate) fn new(mut engine: Box<dyn Engine>) -> Result<(Sequencer, Arc<Shared>), EngineError> {
        let view = engine.snapshot();
        let seq = checked_last_commit(&*view, &*engine)?;
        let hot = Arc::<Hot>::default();
        let published = Published::new(seq, view, Arc::clone(&hot));
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            published: RwLock::new(published.clone()),
            watches: Watches::default(),
            counters: Counters::default(),
        });
        let states = VecDeque::from([(seq, Arc::downgrade(&published.base))]);
        let sequencer = Sequencer {
            shared: shared.clone(),
            engine,
            hot,
            window: Window::default(),
            states,
            last: seq,
            health: Health::Good,
            unsorted: 0,
            stale: false,
        };
        Ok((sequencer, shared))
    }

    /// Works until the store is closed and the queue is empty.
    pub(crate) fn run(mut self) {
        while let Some(group) = self.shared.take() {
            let mut commits = Vec::with_capacity(group.len());
            for request in group {
                // Whatever else is asked is answered from the state after the commits before it.
                if !matches!(request, Request::Commit(_)) {
                    self.commit(std::mem::take(&mut commits));
                }
                match request {
                    Request::Commit(commit) => commits.push(commit),
                    Request::Copy(dir, done) => done.give(self.engine.copy_to(&dir)),
                    Request::Size(done) => done.give(self.engine.size()),
                    Request::Settle(done) => done.give(self.settle()),
                }
            }
            self.commit(commits);
        }
    }

    fn commit(&mut self, commits: Vec<CommitRequest>) {
        if commits.is_empty() {
            return;
        }
        let (batch, decided) = self.validate(commits);
        let outcome = if batch.is_empty() { Ok(()) } else { self.write(&batch) };
        self.shared.counters.groups.fetch_add(1, Ordering::Relaxed);
        if outcome.is_ok() {
            self.shared.watches.bump(batch.iter().map(|(key, _)| key));
        }
        for Decided { done, endings, decision } in decided {
            let counter = if decision.is_ok() {
                &self.shared.counters.commits
            } else {
                &self.shared.counters.conflicts
            };
            counter.fetch_add(1, Ordering::Relaxed);
            let result = match (&outcome, decision) {
                // What a conflict was found with may itself have failed; running it again is right either way.
                (_, Err(error)) => Err(error),
                (Err(error), Ok(_)) => Err(error.clone()),
                (Ok(()), Ok(seq)) => Ok(seq),
            };
            match &result {
                Ok(seq) => endings.run(*seq),
                Err(_) => drop(endings),
            }
            done.give(result);
        }
        self.trim();
    }

    /// Decides for each commit in order, and merges what the accepted ones write.
    fn validate(&mut self, commits: Vec<CommitRequest>) -> (Vec<Write>, Vec<Decided>) {
        let mut batch: Vec<Write> = Vec::with_capacity(commits.len() + 1);
        let mut places: Map<Slice, usize> = Map::with_capacity_and_hasher(commits.len(), Hashing::default());
        let mut decided = Vec::with_capacity(commits.len());
        for commit in commits {
            let (done, endings) = (commit.done, commit.endings);
            if self.window.conflicts(commit.base.0, &commit.reads) {
                decided.push(Decided { done, endings, decision: Err(CommitError::Conflict) });
                continue;
            }
            self.last += 1;
            let appended = commit.appended.into_iter().map(|append| append.into_write(self.last));
            for (key, value) in commit.writes.into_iter().chain(appended) {
                self.window.wrote(self.last, &key);
                match places.get(&key) {
                    Some(place) => batch[*place].1 = value,
                    None => {
                        places.insert(key.clone(), batch.len());
                        batch.push((key, value));
                    }
                }
            }
            decided.push(Decided { done, endings, decision: Ok(CommitSeq(self.last)) });
        }
        if !batch.is_empty() {
            batch.push((Slice::from(LAST_COMMIT), Some(Slice::from(&self.last.to_be_bytes()))));
        }
        (batch, decided)
    }

    /// One step of letting go of what is in memory; whether another one is to be asked for, later.
    ///
    /// The engine holds each state that a view may show, with the rows that waited in memory then. So once these are
    /// sorted they stay, until there is a state behind that, somebody reads it, and the engine looks: by itself that is
    /// when the next buffer is full, which never comes where nothing happens. A row that says what it said before is
    /// written for it.
    fn settle(&mut self) -> bool {
        if !matches!(self.health, Health::Good) {
            return false;
        }
        if self.engine.is_sorting() {
            return true;
        }
        if self.unsorted >= SETTLE_BYTES {
            self.stale = true;
            self.unsorted = 0;
            return self.engine.sort().is_ok();
        }
        if std::mem::take(&mut self.stale) {
            let same = (Slice::from(LAST_COMMIT), Some(Slice::from(&self.last.to_be_bytes())));
            // What is not let go of now is with the next settling; a broken engine is told by the next commit.
            let _ = self.write(&[same]).is_ok() && self.engine.sort().is_ok();
            self.trim();
        }
        self.engine.cool();
        false
    }

    /// Puts a batch on the disk and publishes the state after it.
    fn write(&mut self, batch: &[Write]) -> Result<(), CommitError> {
        self.unsorted +=
            batch.iter().map(|(k, v)| k.len() + v.as_ref().map_or(0, |v| v.len())).sum::<usize>();
        // Also what is not written then: that it is asked for once more is all that it costs.
        self.hot.forget(batch.iter().map(|(key, _)| key), self.last);
        let outcome = match &self.health {
            Health::Good => self.apply(batch),
            Health::Down => self.revive().and_then(|()| self.apply(batch)),
            Health::Poisoned(what) => Err(CommitError::Poisoned(what.clone())),
        };
        // Also after a failure: the numbers that were given out are behind us, with nothing written under them.
        let view = match self.health {
            Health::Poisoned(_) => self.shared.published().view.clone(),
            Health::Good | Health::Down => self.engine.snapshot(),
        };
        self.publish(view);
        outcome
    }

    fn publish(&mut self, view: Arc<dyn View>) {
        let published = Published::new(self.last, view, Arc::clone(&self.hot));
        self.states.push_back((self.last, Arc::downgrade(&published.base)));
        self.shared.publish(published);
    }

    fn apply(&mut self, batch: &[Write]) -> Result<(), CommitError> {
        let mut result = self.engine.apply(batch, self.last);
        if let Err(EngineError::Halted) = result {
            self.health = Health::Down;
            self.revive()?;
            result = self.engine.apply(batch, self.last);
        }
        match result {
            Ok(()) => Ok(()),
            Err(EngineError::Full) => Err(CommitError::Full),
            Err(EngineError::Halted) => {
                self.health = Health::Down;
                Err(CommitError::Halted(EngineError::Halted.to_string()))
            }
            Err(EngineError::Torn) => {
                self.health = Health::Down;
                // The number of the last commit is part of the batch: it tells whether the batch is on the disk.
                match self.recover() {
                    Ok(()) if last_commit(&*self.engine.snapshot()).is_ok_and(|seq| seq == self.last) => {
                        Ok(())
                    }
                    Ok(()) => Err(CommitError::Full),
                    Err(error) => Err(CommitError::Unknown(error.to_string())),
                }
            }
            Err(other) => {
                self.health = Health::Poisoned(other.to_string());
                Err(CommitError::Unknown(other.to_string()))
            }
        }
    }

    /// Brings the engine back before anything of a batch is written.
    fn revive(&mut self) -> Result<(), CommitError> {
        self.recover().map_err(|error| match error {
            EngineError::Full => CommitError::Full,
            EngineError::Locked => CommitError::Halted("transactions still read the state before".to_owned()),
            other => CommitError::Halted(other.to_string()),
        })
    }

    /// Brings the engine back. Transactions that still read the old state are in its way: they
    /// get a moment to end, and the next commit tries again.
    fn recover(&mut self) -> Result<(), EngineError> {
        self.publish(Arc::new(Unreadable));
        let mut tries = 0;
        loop {
            match self.engine.recover() {
                Ok(()) => {
                    checked_last_commit(&*self.engine.snapshot(), &*self.engine)?;
                    self.health = Health::Good;
                    return Ok(());
                }
                Err(EngineError::Locked) if tries < RECOVER_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the window forget what no open transaction can still conflict with.
    fn trim(&mut self) {
        while self.states.len() > 1 && self.states.front().is_some_and(|(_, state)| state.strong_count() == 0)
        {
            self.states.pop_front();
        }
        let oldest = self.states.front().map_or(self.last, |(seq, _)| *seq);
        self.window.trim(oldest);
    }
}

/// Asks the sequencer for something other than a commit; `fallback` when the store is closed.
pub(crate) fn ask<T>(shared: &Shared, fallback: T, request: impl FnOnce(Giver<T>) -> Request) -> Taker<T> {
    let (giver, taker) = pair(fallback);
    shared.submit(request(giver));
    taker
}
