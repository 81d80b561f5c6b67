//! Data keys of groups that have, or had, a key of KMS.

use store::{Direction, Key, Read, StoreError, Table};

/// By the group's id, number.
pub(crate) const DATA_KEYS: Table<DataKey> = Table::new(0x150F, "logs/data keys");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct DataKey {
        /// What events name it by.
        1 => pub(crate) number: u64,
        /// As KMS has encrypted it.
        2 => pub(crate) encrypted: Vec<u8>,
    }
}

pub(crate) fn key(group: u64, number: u64) -> Key {
    Key::global().u64(group).u64(number)
}

/// All of a group.
pub(crate) fn of_group(from: &dyn Read, group: u64) -> Result<Vec<DataKey>, StoreError> {
    let all = DATA_KEYS.scan(from, &Key::global().u64(group), Direction::Forward);
    all.map(|pair| pair.map(|(_, key)| key)).collect()
}
