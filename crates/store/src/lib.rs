//! The state of the cloud: ordered bytes with serializable transactions, and typed tables on top.
pub mod commit;
mod conflict;
pub mod engine;
pub mod error;
pub mod field;
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
pub mod tx;
pub mod watch;

pub use commit::{Commit, CommitSeq};
pub use error::{CommitError, EngineError, OpenError, StoreError};
pub use key::{Key, Partition};
pub use range::{Direction, KeyRange};
pub use record::Record;
pub use slice::Slice;
pub use store::{Options, Stats, Store};
pub use table::{Index, Page, Table};
pub use tx::{Read, Savepoint, Scan, Snapshot, Tx};
pub use watch::Watch;
