//! [`Engine`]: what the store needs from the thing that keeps its bytes.
//!
//! One thread (the sequencer) writes; snapshots are read from anywhere. An engine knows nothing of transactions,
//! conflicts or tables: it keeps ordered bytes, applies a batch atomically and durably, and shows fixed states.

use crate::error::EngineError;
use crate::range::{Direction, KeyRange};
use crate::slice::Slice;
use std::path::Path;
use std::sync::Arc;

/// A key and its new value; `None` deletes it.
pub type Write = (Slice, Option<Slice>);

/// What a scan yields.
pub type Pair = (Slice, Slice);

/// Ordered bytes that survive the process.
pub trait Engine: Send {
    /// The state after the last batch that was applied.
    fn snapshot(&mut self) -> Arc<dyn View>;

    /// Applies all of `batch` (each key at most once) or nothing, and returns when it is on the disk. `last` is the
    /// number of the last commit in it.
    ///
    /// # Errors
    /// [`EngineError::Full`] when the disk has no room and nothing was written; [`EngineError::Torn`] when the outcome
    /// is open until [`Engine::recover`] succeeds; [`EngineError::Halted`]; any other error is final.
    fn apply(&mut self, batch: &[Write], last: u64) -> Result<(), EngineError>;

    /// The last commit that is known to have been on the disk, by a note that is kept apart from the rows: when they
    /// end before it, some were lost.
    fn witness(&self) -> u64;

    /// After [`EngineError::Torn`] or [`EngineError::Halted`]: goes back to what the disk holds. Views taken before may have to be dropped first.
    ///
    /// # Errors
    /// When the engine cannot be brought back; it may be asked again.
    fn recover(&mut self) -> Result<(), EngineError>;

    /// A consistent copy of the current state in the new or empty folder `dir`, which opens as an engine of its own.
    ///
    /// # Errors
    /// The file system's; `dir` may then hold a part of the copy.
    fn copy_to(&mut self, dir: &Path) -> Result<(), EngineError>;

    /// Bytes on the disk and in the write buffer.
    fn size(&self) -> EngineSize;

    /// Begins to sort what waits in memory into its place on the disk, in the background, and lets go of states that
    /// were before and that no view shows any more. An engine that keeps nothing back has nothing to do.
    ///
    /// # Errors
    /// [`EngineError::Halted`]; nothing is lost by any.
    fn sort(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Lets go of what was read and is kept to be read faster.
    fn cool(&mut self) {}

    /// Whether the background is still at what [`Engine::sort`] began.
    fn is_sorting(&self) -> bool {
        false
    }
}

/// A fixed state of an engine.
pub trait View: Send + Sync {
    /// # Errors
    /// When the disk cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Slice>, EngineError>;

    fn scan(self: Arc<Self>, range: &KeyRange, direction: Direction) -> ViewScan;
}

/// Pairs in order; keeps its own hold on the state.
pub type ViewScan = Box<dyn Iterator<Item = Result<Pair, EngineError>> + Send>;

/// How large an engine is, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EngineSize {
    pub disk: u64,
    pub write_buffer: u64,
    pub cache: u64,
}

/// What can be read while an engine is being brought back after a torn write: nothing.
pub(crate) struct Unreadable;

impl Unreadable {
    fn error() -> EngineError {
        EngineError::Io("a write failed, and the store is being read back from the disk".to_owned())
    }
}

impl View for Unreadable {
    fn get(&self, _key: &[u8]) -> Result<Option<Slice>, EngineError> {
        Err(Unreadable::error())
    }

    fn scan(self: Arc<Self>, _range: &KeyRange, _direction: Direction) -> ViewScan {
        Box::new(std::iter::once(Err(Unreadable::error())))
    }
}
