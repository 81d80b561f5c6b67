//! What has happened to alarms.

use base::{AccountId, Timestamp};
use std::time::Duration;
use store::{Key, Table, Tx};

/// By account, region, time, alarm.
pub(crate) const HISTORY: Table<Item> = Table::new(0x1604, "cloudwatch/alarm-history");

/// AWS: alarm history is kept for 30 days.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Item {
        1 => pub(crate) alarm: String,
        2 => pub(crate) time: Timestamp,
        /// `StateUpdate`, `ConfigurationUpdate`, `Action`
        3 => pub(crate) kind: String,
        4 => pub(crate) summary: String,
        /// A JSON object.
        5 => pub(crate) data: String,
        6 => pub(crate) is_composite: bool,
    }
}

/// Writes an item. `number` tells items of the same instant apart.
pub(crate) fn write(tx: &mut Tx, account: AccountId, region: &str, number: u64, item: &Item) {
    HISTORY.put(tx, &Key::account(account).str(region).time(item.time).u64(number), item);
}
