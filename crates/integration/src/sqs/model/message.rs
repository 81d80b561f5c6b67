//! [`Message`]: a message's record, and what is known of its last receive.
//!
//! A message is written once, when it is sent, and deleted once. Each receive writes a small record of its own beside
//! it. Neither is read by the transactions that write it, so senders and receivers of one queue never lose to each
//! other.

use crate::sqs::dispatch::{Arrival, Lease, Seq};
use base::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Key, Table, Tx};

store::record_enum! {
    /// How a body lies on the disk.
    #[derive(Clone, PartialEq, Debug)]
    pub enum Sealing {
        1 => Plain,
        /// Under the cloud's own key: SSE-SQS.
        2 => Managed,
        /// Under a data key of KMS.
        3 => Kms(DataKey),
    }
}

store::record! {
    /// The data key of a message.
    #[derive(Clone, PartialEq, Debug)]
    pub struct DataKey {
        /// As KMS has encrypted it.
        1 => pub encrypted: Vec<u8>,
        /// The queue that the encryption context names.
        2 => pub queue_arn: String,
    }

    /// A message attribute's value.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Attribute {
        1 => pub data_type: String,
        2 => pub text: Option<String>,
        3 => pub binary: Option<Vec<u8>>,
    }

    /// What of a message is sealed.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Content {
        1 => pub body: String,
        2 => pub attributes: BTreeMap<String, Attribute>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Message {
        1 => pub id: String,
        2 => pub sent: Timestamp,
        3 => pub visible_at: Timestamp,
        /// [`Content`], sealed as `sealing` says.
        4 => pub content: Vec<u8>,
        5 => pub sealing: Sealing,
        /// MD5 of the body.
        6 => pub body_digest: String,
        7 => pub sender: String,
        8 => pub group: Option<String>,
        9 => pub deduplication: Option<String>,
        10 => pub trace: Option<String>,
        /// The queue from which it came here as a dead letter.
        11 => pub dead_letter_source: Option<String>,
        /// Of the body and the attributes, in bytes, as the limits count.
        12 => pub size: u64,
        /// The position that a FIFO queue has told the sender.
        13 => pub number: Option<u64>,
    }

    /// A message's last receive.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Receive {
        1 => pub nonce: u64,
        2 => pub count: u32,
        3 => pub first: Timestamp,
        4 => pub received: Timestamp,
        5 => pub until: Timestamp,
    }

    /// A deduplication id that was used.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Used {
        1 => pub at: Timestamp,
        2 => pub message_id: String,
        3 => pub number: u64,
    }

    /// When a deduplication id may be forgotten.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Forget {
        1 => pub queue: u64,
        2 => pub group: String,
        3 => pub id: String,
        4 => pub at: Timestamp,
    }
}

pub(crate) const MESSAGES: Table<Message> = Table::new(0x1204, "sqs/messages");
pub(crate) const RECEIVES: Table<Receive> = Table::new(0x1205, "sqs/receives");
pub(crate) const USED: Table<Used> = Table::new(0x1206, "sqs/deduplication ids");
pub(crate) const FORGET: Table<Forget> = Table::new(0x1207, "sqs/deduplication ends");

/// A message, or its receive.
pub(crate) fn key(queue: u64, seq: Seq) -> Key {
    Key::global().u64(queue).u64(seq)
}

/// All messages of a queue.
pub(crate) fn prefix(queue: u64) -> Key {
    Key::global().u64(queue)
}

/// A deduplication id; `group` is empty where ids are of the whole queue.
pub(crate) fn used_key(queue: u64, group: &str, id: &str) -> Key {
    Key::global().u64(queue).str(group).str(id)
}

impl Message {
    pub(crate) fn arrival(&self, seq: Seq, lease: Option<Lease>) -> Arrival {
        let group = self.group.as_deref().map(Arc::from);
        Arrival { seq, sent: self.sent, visible_at: self.visible_at, group, lease }
    }
}

impl Receive {
    pub(crate) fn of(lease: &Lease) -> Receive {
        let Lease { nonce, count, first, received, until } = *lease;
        Receive { nonce, count, first, received, until }
    }

    pub(crate) fn lease(&self) -> Lease {
        let Receive { nonce, count, first, received, until } = *self;
        Lease { nonce, count, first, received, until }
    }
}

/// Takes a message off the disk.
pub(crate) fn delete(tx: &mut Tx, queue: u64, seq: Seq) {
    let key = key(queue, seq);
    MESSAGES.delete(tx, &key);
    RECEIVES.delete(tx, &key);
}
