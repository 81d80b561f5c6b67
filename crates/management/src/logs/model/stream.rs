//! Log streams: sequences of events from one source.

use super::group::Group;
use base::Timestamp;
use store::{Key, Read, StoreError, Table, Tx};

/// By group id, name.
pub(crate) const STREAMS: Table<Stream> = Table::new(0x1502, "logs/streams");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Stream {
        1 => pub(crate) name: String,
        2 => pub(crate) id: u64,
        3 => pub(crate) created: Timestamp,
        /// Milliseconds, as the events have them; `None` while there is no event.
        4 => pub(crate) first: Option<i64>,
        5 => pub(crate) last: Option<i64>,
        6 => pub(crate) ingested: Option<Timestamp>,
        /// Of the events, as they are counted towards limits and bills.
        7 => pub(crate) bytes: u64,
        /// The number of the next event.
        8 => pub(crate) next: u64,
    }
}

/// The streams of a group.
pub(crate) fn prefix(group: u64) -> Key {
    Key::global().u64(group)
}

impl Stream {
    pub(crate) fn load(from: &dyn Read, group: u64, name: &str) -> Result<Option<Stream>, StoreError> {
        STREAMS.get(from, &prefix(group).str(name))
    }

    pub(crate) fn save(&self, tx: &mut Tx, group: u64) {
        STREAMS.put(tx, &prefix(group).str(&self.name), self);
    }

    pub(crate) fn arn(&self, group: &Group) -> String {
        format!("{}:log-stream:{}", group.arn(), self.name)
    }
}
