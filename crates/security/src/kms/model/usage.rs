//! When a key was last used.

use super::key::key_of;
use base::{AccountId, Region, Timestamp};
use store::{Key, Table};

store::record! {
    /// The last successful cryptographic operation with a key. Key: the key's own.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Usage {
        1 => pub operation: String,
        2 => pub at: Timestamp,
        3 => pub request_id: String,
        /// Whose audit trail has the call.
        4 => pub account: AccountId,
    }

    /// Since when uses are kept. Key: global.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Tracking {
        1 => pub since: Timestamp,
    }
}

pub const USAGES: Table<Usage> = Table::new(0x0308, "kms/usages");
pub const TRACKING: Table<Tracking> = Table::new(0x0309, "kms/usage-tracking");

pub fn usage_key(account: AccountId, region: Region, id: &str) -> Key {
    key_of(account, region, id)
}
