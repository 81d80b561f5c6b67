//! The state of the cloud: ordered bytes with serializable transactions, and typed tables on top.
//!
//! From below: an [`engine::Engine`] keeps ordered bytes (in memory for tests, in a folder for life); the sequencer,
//! one thread, decides the order of commits and writes them in groups with one flush each; [`Store`] begins
//! transactions on the last durable state; [`Table`]s of [`record!`]s give the bytes types.
//!
//! What it promises: transactions are serializable; what is acknowledged is on the disk; what is visible is on the
//! disk; an acknowledged commit has already moved the [`Watch`]es above it; data once written is read for ever;
//! rows that vanish from the disk are noticed when the folder is opened, not served as a shorter truth.
//!
//! Not here: accounts, services, events (the kernel writes them as records), replication, and any clock. Everything
//! blocks except [`Commit`] and [`watch::Changed`], which can also be awaited on any runtime, and [`Store::settle`].

mod cache;
pub mod commit;
mod conflict;
mod disk;
pub mod embedded;
mod ending;
pub mod engine;
pub mod error;
pub mod field;
mod hot;
pub mod key;
pub mod memory;
mod oneshot;
pub mod range;
pub mod record;
mod scan;
mod sequencer;
pub mod slice;
pub mod store;
pub mod table;
mod turns;
pub mod tx;
pub mod watch;
mod witness;

pub use commit::{Commit, CommitSeq};
pub use error::{CommitError, EngineError, OpenError, StoreError};
pub use key::{Key, Partition};
pub use range::{Direction, KeyRange};
pub use record::Record;
pub use slice::Slice;
pub use store::{Options, Stats, Store};
pub use table::{Index, Page, Table};
pub use tx::{Past, Read, Savepoint, Scan, Snapshot, Tx};
pub use watch::Watch;
