//! [`Queue`]: a queue's record.

use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use std::time::Duration;
use store::{Key, Table, Tx};

/// AWS: `CreateQueue`: the defaults of the attributes.
pub(crate) const VISIBILITY_DEFAULT: u32 = 30;
pub(crate) const RETENTION_DEFAULT: u32 = 345_600;
pub(crate) const MESSAGE_BYTES_MAX: u32 = 1 << 20;
pub(crate) const KMS_REUSE_DEFAULT: u32 = 300;
/// What ends the name of a FIFO queue.
pub(crate) const FIFO: &str = ".fifo";

store::record! {
    /// A queue. Times in seconds.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Queue {
        /// Of this queue alone: one that is made again under the same name is another.
        1 => pub uid: u64,
        2 => pub account: AccountId,
        3 => pub region: Region,
        4 => pub name: String,
        5 => pub created: Timestamp,
        6 => pub modified: Timestamp,
        7 => pub visibility: u32,
        8 => pub bytes_max: u32,
        9 => pub retention: u32,
        10 => pub delay: u32,
        11 => pub wait: u32,
        12 => pub content_deduplication: bool,
        /// Deduplication ids are of a message group, not of the whole queue.
        13 => pub deduplicates_by_group: bool,
        /// High throughput: the limit is of a message group, not of the whole queue.
        14 => pub limited_by_group: bool,
        15 => pub policy: Option<String>,
        /// As it was given.
        16 => pub redrive: Option<String>,
        17 => pub redrive_allow: Option<String>,
        18 => pub kms_key: Option<String>,
        19 => pub kms_reuse: u32,
        20 => pub managed_encryption: bool,
        21 => pub tags: Tags,
        /// The last purge, and the last message that it took.
        22 => pub purged: Option<Timestamp>,
        23 => pub purged_to: u64,
    }

    /// A name that may not be used again yet.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Grave {
        1 => pub deleted: Timestamp,
    }

    /// The messages of a queue that is gone, or that were purged.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Rubbish {
        /// The last one that is to go.
        1 => pub to: u64,
        /// The queue is gone, and what else belongs to it goes too.
        2 => pub whole: bool,
    }
}

pub(crate) const QUEUES: Table<Queue> = Table::new(0x1201, "sqs/queues");
pub(crate) const GRAVES: Table<Grave> = Table::new(0x1202, "sqs/graves");
pub(crate) const RUBBISH: Table<Rubbish> = Table::new(0x1203, "sqs/rubbish");

/// The name's entry in a table of queues.
pub(crate) fn key(account: AccountId, region: Region, name: &str) -> Key {
    Key::regional(account, region).str(name)
}

pub(crate) fn arn(account: AccountId, region: Region, name: &str) -> String {
    base::Arn::new("sqs", region.name(), account.as_str(), name).to_string()
}

impl Queue {
    pub(crate) fn key(&self) -> Key {
        key(self.account, self.region, &self.name)
    }

    pub(crate) fn arn(&self) -> String {
        arn(self.account, self.region, &self.name)
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO)
    }

    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(self.retention.into())
    }

    pub(crate) fn save(&self, tx: &mut Tx) {
        QUEUES.put(tx, &self.key(), self);
    }

    /// Marks messages for deletion in the background.
    pub(crate) fn discard(&self, tx: &mut Tx, to: u64, whole: bool) {
        RUBBISH.put(tx, &Key::global().u64(self.uid).u64(to), &Rubbish { to, whole });
    }
}
