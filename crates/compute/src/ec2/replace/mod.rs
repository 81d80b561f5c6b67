//! Roots of machines that run, replaced by others: as they were at the launch, as a snapshot of them was, or as an image is.
//!
//! ```text
//! pending (the new volume is made) ─▶ in-progress (the machine is off, its old root goes, the new one comes) ─▶ succeeded
//! ```
//!
//! The instance is `running` all the while, and keeps its addresses, its interfaces and its other volumes: to it this is a
//! reboot. The old root stays as a volume, unless it is to be deleted.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html>

pub mod work;

use base::Timestamp;
use std::collections::BTreeMap;
use store::{Direction, Key, Read, StoreError, Table, Tx};

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Task {
        1 => pub id: String,
        2 => pub instance: String,
        3 => pub started: Timestamp,
        4 => pub ended: Option<Timestamp>,
        /// AWS's word.
        5 => pub state: String,
        /// [`stage`]
        6 => pub stage: i64,
        7 => pub image: Option<String>,
        8 => pub snapshot: Option<String>,
        /// The old root is deleted.
        9 => pub deletes: bool,
        10 => pub old: String,
        11 => pub new: String,
        /// The new root goes with the instance, as the old one would have.
        12 => pub goes: bool,
        /// The new root is empty: what the cloud's own image is shows through.
        13 => pub is_empty: bool,
        /// The new root's data key, as [`ec2::disk::DiskAttachment`] has it.
        14 => pub key: Vec<u8>,
    }
}

pub(crate) const TASKS: Table<Task> = Table::new(0x2280, "compute/replacements-of-roots");

pub(crate) const PENDING: &str = "pending";
pub(crate) const IN_PROGRESS: &str = "in-progress";
pub(crate) const SUCCEEDED: &str = "succeeded";
pub(crate) const FAILED: &str = "failed";
pub(crate) const FAILED_DETACHED: &str = "failed-detached";

/// What a task waits for.
pub(crate) mod stage {
    /// That its volume is there.
    pub(crate) const MAKE: i64 = 0;
    /// That its machine is off.
    pub(crate) const HALT: i64 = 1;
    /// To let go of the old root.
    pub(crate) const OFF: i64 = 2;
    /// That the old root is gone.
    pub(crate) const PULL: i64 = 3;
    /// That the new root is there.
    pub(crate) const PLUG: i64 = 4;
}

impl Task {
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }
}

/// Tasks for which machines are to be off, by instance.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn under_way(from: &dyn Read) -> Result<BTreeMap<String, Key>, StoreError> {
    let mut out = BTreeMap::new();
    for pair in TASKS.scan(from, &Key::empty(), Direction::Forward) {
        let (at, task) = pair?;
        if task.state == IN_PROGRESS {
            out.insert(task.instance, at);
        }
    }
    Ok(out)
}

/// The machine of a task is off.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn is_off(tx: &mut Tx, at: &Key) -> Result<(), StoreError> {
    if let Some(mut task) = TASKS.get(tx, at)?.filter(|task| task.stage == stage::HALT) {
        task.stage = stage::OFF;
        TASKS.put(tx, at, &task);
    }
    Ok(())
}
