//! Subscription filters: what of a group's events goes on to a function; and what is on its way there.

use base::{AccountId, Region, Timestamp};
use store::{Direction, Key, Read, StoreError, Table, Tx};

/// By the group's id, name.
pub(crate) const SUBSCRIPTIONS: Table<Subscription> = Table::new(0x1507, "logs/subscription-filters");
/// By when they are to be tried, number.
pub(crate) const DELIVERIES: Table<Delivery> = Table::new(0x1508, "logs/deliveries");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Subscription {
        1 => pub(crate) name: String,
        2 => pub(crate) pattern: String,
        3 => pub(crate) destination: String,
        4 => pub(crate) distribution: String,
        5 => pub(crate) created: Timestamp,
        /// Until then nothing is sent: the destination refused what came.
        6 => pub(crate) off_until: Option<Timestamp>,
    }

    /// Events of one stream on their way to a function.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Delivery {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        3 => pub(crate) group: String,
        4 => pub(crate) group_id: u64,
        5 => pub(crate) stream: String,
        6 => pub(crate) filter: String,
        7 => pub(crate) destination: String,
        8 => pub(crate) events: Vec<Sent>,
        9 => pub(crate) taken: Timestamp,
        10 => pub(crate) attempts: u32,
        /// Tells those of the same instant apart.
        11 => pub(crate) number: u64,
        /// [`Events`], sealed, of a group with a key of KMS.
        12 => pub(crate) hidden: Vec<u8>,
        /// The filter is the account's, not the group's.
        13 => pub(crate) of_account: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Events { 1 => pub(crate) all: Vec<Sent> }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Sent {
        1 => pub(crate) id: String,
        /// Milliseconds, as the events have them.
        2 => pub(crate) time: i64,
        3 => pub(crate) message: String,
    }
}

impl Subscription {
    pub(crate) fn key(group: u64, name: &str) -> Key {
        Key::global().u64(group).str(name)
    }

    pub(crate) fn save(&self, tx: &mut Tx, group: u64) {
        SUBSCRIPTIONS.put(tx, &Subscription::key(group, &self.name), self);
    }
}

/// All of a group's, by name; two at most.
pub(crate) fn of_group(from: &dyn Read, group: u64) -> Result<Vec<Subscription>, StoreError> {
    let all = SUBSCRIPTIONS.scan(from, &Key::global().u64(group), Direction::Forward);
    all.map(|pair| pair.map(|(_, filter)| filter)).collect()
}

impl Delivery {
    /// Puts it where it is tried next.
    pub(crate) fn put(&self, tx: &mut Tx, at: Timestamp) {
        DELIVERIES.put(tx, &Key::global().time(at).u64(self.number), self);
    }
}
