//! [`Store`]: the handle that everything shares.

use crate::embedded::EmbeddedEngine;
use crate::engine::{Engine, EngineSize};
use crate::error::{CommitError, EngineError, OpenError, StoreError};
use crate::memory::MemoryEngine;
use crate::sequencer::{Request, Sequencer, Shared, ask};
use crate::slice::Slice;
use crate::turns::Turns;
use crate::tx::{Read, Snapshot, Tx};
use crate::watch::Watch;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Ordered bytes with serializable transactions. Cheap to clone; the last clone to go closes it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    thread: Arc<SequencerThread>,
}

struct SequencerThread {
    shared: Arc<Shared>,
    handle: Mutex<Option<JoinHandle<()>>>,
    turns: Turns,
}

impl SequencerThread {
    fn join(&self) {
        self.shared.close();
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A waker may drop the last store on the sequencer's own thread, which cannot wait for itself.
        if let Some(handle) = handle.filter(|h| h.thread().id() != thread::current().id()) {
            // A panic there has been printed; whoever waits for a commit has been told that the store is closed.
            let _ = handle.join();
        }
    }
}

impl Drop for SequencerThread {
    fn drop(&mut self) {
        self.join();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store(commit {})", self.shared.published().seq())
    }
}

/// How often [`Store::run`] tries side by side with its rivals before it queues for a turn.
const OPTIMISTIC_TRIES: u32 = 2;
/// How often it tries in its turn while newcomers still race it; then they wait too.
const PATIENT_TRIES: u32 = 8;
/// How often it tries in all.
const TRIES: u32 = 64;

/// What a store has done and how large it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// The last commit's number.
    pub seq: u64,
    /// Since the store was opened.
    pub commits: u64,
    pub conflicts: u64,
    /// Groups written, each with one flush to the disk.
    pub groups: u64,
    pub size: EngineSize,
}

impl Store {
    /// An empty store in memory, for tests.
    ///
    /// # Panics
    /// When the operating system refuses a thread.
    pub fn memory() -> Store {
        Store::start(Box::new(MemoryEngine::default())).expect("a thread for the store in memory")
    }

    /// A store over any engine.
    ///
    /// # Errors
    /// The engine's, and the operating system's when it refuses a thread.
    pub fn start(engine: Box<dyn Engine>) -> Result<Store, EngineError> {
        let (sequencer, shared) = Sequencer::new(engine)?;
        let handle = thread::Builder::new().name("store".to_owned()).spawn(move || sequencer.run())?;
        let handle = Mutex::new(Some(handle));
        let thread = SequencerThread { shared: shared.clone(), handle, turns: Turns::default() };
        Ok(Store { shared, thread: Arc::new(thread) })
    }

    /// A transaction on the last durable state.
    pub fn begin(&self) -> Tx {
        Tx::new(self.shared.clone())
    }

    /// The last durable state, for reads that are no part of a transaction.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { base: self.shared.published() }
    }

    /// Reads one key of the last durable state.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn read(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.snapshot().get(key)
    }

    /// Runs `body` in a transaction and commits it, blocking, until it does not conflict. `body` may run several
    /// times, and must not run a transaction of its own.
    ///
    /// # Errors
    /// What `body` returns, and the commit's error; [`CommitError::Conflict`] only after 64 tries.
    pub fn run<T, E: From<CommitError>>(
        &self,
        mut body: impl FnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut turn = None;
        for attempt in 1..=TRIES {
            if turn.is_none() && (attempt > OPTIMISTIC_TRIES || self.thread.turns.is_urgent()) {
                turn = Some(self.thread.turns.take());
            }
            if let Some(turn) = &mut turn
                && attempt > PATIENT_TRIES
            {
                turn.urge();
            }
            let mut tx = self.begin();
            let value = body(&mut tx)?;
            match tx.commit().wait() {
                Ok(_) => return Ok(value),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommitError::Conflict.into())
    }

    /// A counter that moves with every commit below `prefix`.
    pub fn watch(&self, prefix: &[u8]) -> Watch {
        self.shared.watches.watch(prefix)
    }

    /// Writes a consistent copy of the last durable state into the new or empty folder `dir`; commits wait meanwhile.
    ///
    /// # Errors
    /// The file system's; `dir` may then hold a part of the copy.
    pub fn fork(&self, dir: &Path) -> Result<(), EngineError> {
        let closed = Err(EngineError::Io("the store is closed".to_owned()));
        ask(&self.shared, closed, |done| Request::Copy(dir.to_owned(), done)).wait()
    }

    /// Blocks until everything that was handed over before is decided.
    pub fn flush(&self) {
        ask(&self.shared, EngineSize::default(), Request::Size).wait();
    }

    /// Lets go of what is in memory, by one step; whether there is another, for which to ask a while later. For times when
    /// nothing happens: commits wait for a step, though for little more than for each other.
    pub async fn settle(&self) -> bool {
        ask(&self.shared, false, Request::Settle).await
    }

    pub fn stats(&self) -> Stats {
        let size = ask(&self.shared, EngineSize::default(), Request::Size).wait();
        let counters = &self.shared.counters;
        Stats {
            seq: self.shared.published().seq(),
            commits: counters.commits.load(Ordering::Relaxed),
            conflicts: counters.conflicts.load(Ordering::Relaxed),
            groups: counters.groups.load(Ordering::Relaxed),
            size,
        }
    }

    /// Decides what is queued, then accepts no more commits. Snapshots and open transactions can still read.
    pub fn close(&self) {
        self.thread.join();
    }
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Upper bound of the cache of blocks read from the disk; taken only as it is used.
    pub cache_bytes: u64,
    /// Rows not yet sorted into tables are kept in memory up to about this size. Fixed when the folder is created.
    pub write_buffer_bytes: u64,
    /// Commits are refused as [`CommitError::Full`] while the disk has less room than this.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: 48 << 20, write_buffer_bytes: 16 << 20, reserve_bytes: 64 << 20 }
    }
}

impl Store {
    /// Opens the folder `dir`, creating it when it is not there.
    ///
    /// # Errors
    /// [`OpenError`]; nothing in the folder is changed when it is in use or cannot be read.
    pub fn open(dir: &Path, options: &Options) -> Result<Store, OpenError> {
        let engine = EmbeddedEngine::open(dir, options).map_err(|error| refused(dir, error))?;
        Store::start(Box::new(engine)).map_err(|error| refused(dir, error))
    }
}

fn refused(dir: &Path, error: EngineError) -> OpenError {
    let dir = dir.to_owned();
    match error {
        EngineError::Locked => OpenError::Locked { dir },
        EngineError::Full | EngineError::Torn => OpenError::Full { dir },
        EngineError::Damaged(what) => OpenError::Damaged { dir, what },
        EngineError::Io(what) => OpenError::Io { dir, what },
        EngineError::Halted => OpenError::Io { dir, what: EngineError::Halted.to_string() },
    }
}
