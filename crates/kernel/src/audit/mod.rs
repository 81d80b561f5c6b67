//! The audit trail: who called what, when, from where, what was decided and why. CloudTrail's event history reads it,
//! `virga why` explains from it, least-privilege policies are written from it.
//!
//! A call that changes something is recorded in its own transaction: both are on disk, or neither. Calls that change
//! nothing, calls that failed, and data events (items, objects, messages, whose records would cost more than the
//! change itself) wait in memory for about a second and are written
//! together as blocks, so that auditing a read costs no disk flush. A `kill -9` may thus lose the records of the last
//! second's reads, failures and data events, never of another change. Searches see what waits as well as what is on disk.
//!
//! The trail is bounded: by age ([`RETENTION`]), by size on disk ([`TRAIL_BYTES_MAX`], the oldest goes first), and in
//! memory ([`WAITING_BYTES_MAX`], beyond which a stalled disk leaves calls unrecorded and counted).
//!
//! A call within another's transaction that fails is recorded although the transaction is undone; if the outer call
//! then runs again because of a conflict, so does the inner one, and each run has its record.
//!
//! Not here: requests without a known caller (nobody's trail could take them), and copies for the owner of a resource
//! in another account.

mod entry;
mod identity;
mod keep;
mod telling;
mod trail;
mod walk;

pub use entry::{Decided, Entry};
pub(crate) use entry::{Note, caller_fields};
pub(crate) use identity::last_part;
pub(crate) use keep::{Flush, Trim, delete, flush};
pub use telling::{Record, Recorder};
pub use trail::Trail;
pub use walk::{Query, find, walk};

use std::time::Duration;
use store::Table;

/// CloudTrail's event history goes back this far.
/// AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
pub const RETENTION: Duration = Duration::from_secs(90 * 86_400);

/// The most that the trail takes on disk, in bytes of its records: about three hundred thousand calls, or a million and more
/// that were written together. A load test must not fill the disk; what was recorded first goes first, down to three quarters of this.
pub const TRAIL_BYTES_MAX: u64 = 256 << 20;

/// The most that waits in memory, in bytes.
pub const WAITING_BYTES_MAX: usize = 32 << 20;

/// Blocks are closed when they reach this size, so that a search decodes little that it does not want.
const BLOCK_BYTES_MAX: usize = 128 << 10;

/// So much of full blocks is written at once, before its second is over: a flush of the disk costs the same for more.
const WRITE_BYTES_MIN: usize = 2 << 20;

/// All of a block's entries lie within this of each other, so that a search backwards in time knows how far ahead of
/// a block's key its entries may be.
const BLOCK_SPAN: Duration = Duration::from_secs(1);

/// By account, region, time of the block's earliest entry, number of its first entry.
const TRAIL: Table<entry::Block> = Table::new(0x0001, "kernel/trail");

/// By that number: what was recorded first comes first, and nobody has to read the blocks to know how large they are.
const AGES: Table<entry::Age> = Table::new(0x000A, "kernel/ages of the trail");
