//! The state of the cloud: ordered bytes with serializable transactions, and typed tables on top.
pub mod commit;
mod conflict;
pub mod engine;
pub mod error;
pub mod memory;
mod oneshot;
pub mod range;
mod scan;
mod sequencer;
pub mod slice;
pub mod store;
pub mod tx;
pub mod watch;

pub use commit::{Commit, CommitSeq};
pub use error::{CommitError, EngineError, OpenError, StoreError};
pub use range::{Direction, KeyRange};
pub use slice::Slice;
pub use store::{Options, Stats, Store};
pub use tx::{Read, Savepoint, Scan, Snapshot, Tx};
pub use watch::Watch;
