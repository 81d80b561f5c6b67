//! What can go wrong, each with the words that a person reads.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a folder could not be opened as a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        dir: PathBuf,
    },
    /// What is in the folder cannot be read as a store.
    Damaged {
        dir: PathBuf,
        what: String,
    },
    /// The disk has no room.
    Full {
        dir: PathBuf,
    },
    Io {
        dir: PathBuf,
        what: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked { dir } => {
                write!(
                    f,
                    "the data folder {} is in use by another process; stop that one, or choose another folder",
                    dir.display()
                )
            }
            OpenError::Damaged { dir, what } => {
                write!(
                    f,
                    "the data folder {} cannot be read: {what}; nothing in it was changed",
                    dir.display()
                )
            }
            OpenError::Full { dir } => {
                write!(f, "no space left on the disk of the data folder {}", dir.display())
            }
            OpenError::Io { dir, what } => {
                write!(f, "the data folder {} cannot be opened: {what}", dir.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    Io(String),
    /// A stored value is not what its table says; names the table and the key.
    Damaged {
        table: &'static str,
        key: String,
        what: String,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Io(what) => write!(f, "the store cannot be read: {what}"),
            StoreError::Damaged { table, key, what } => {
                write!(f, "the record {key} of the table {table} cannot be read: {what}")
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// Why a commit failed. But for [`CommitError::Unknown`], nothing of the transaction was or will be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// Something that the transaction had read was changed before it committed: run it again.
    Conflict,
    /// The disk has no room. Reads go on; writes do when there is space again.
    Full,
    /// The store could not be brought back yet after its background failed. Nothing was written; the next commit
    /// tries again.
    Halted(String),
    /// A key or the whole transaction is beyond its limit, or a key is empty or reserved.
    Refused(&'static str),
    /// An earlier write to the disk failed; no commit is accepted until the process is started again.
    Poisoned(String),
    /// Writing failed in a way that leaves open whether the commit is on the disk.
    Unknown(String),
    /// The store was closed before the commit was handed over.
    Closed,
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::Conflict => f.write_str("the transaction conflicts with another one"),
            CommitError::Full => f.write_str("no space left on the disk of the data folder"),
            CommitError::Halted(what) => write!(f, "the store cannot write at the moment: {what}"),
            CommitError::Refused(what) => write!(f, "the transaction was refused: {what}"),
            CommitError::Poisoned(what) => write!(f, "the store no longer accepts writes: {what}"),
            CommitError::Unknown(what) => {
                write!(f, "it is unknown whether the commit reached the disk: {what}")
            }
            CommitError::Closed => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for CommitError {}

/// What an engine reports.
#[derive(Debug)]
pub enum EngineError {
    Locked,
    /// No room; nothing was written.
    Full,
    /// The disk became full in the middle of a write: [`recover`](crate::engine::Engine::recover) tells what is there.
    Torn,
    /// The engine's background work ended, most likely for lack of room; nothing was written, and nothing can be
    /// before [`recover`](crate::engine::Engine::recover).
    Halted,
    Damaged(String),
    Io(String),
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> EngineError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => EngineError::Full,
            _ => EngineError::Io(error.to_string()),
        }
    }
}

impl From<EngineError> for StoreError {
    fn from(error: EngineError) -> StoreError {
        StoreError::Io(error.to_string())
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineError::Locked => f.write_str("in use by another process"),
            EngineError::Full | EngineError::Torn => f.write_str("no space left on the disk"),
            EngineError::Halted => f.write_str("an earlier write in the background failed"),
            EngineError::Damaged(what) | EngineError::Io(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for EngineError {}
