//! Access keys of users and of root.

use base::{AccountId, Timestamp};
use store::Table;

store::record! {
    /// Found by its id alone, whatever the account: key `global · id`.
    #[derive(Clone, PartialEq, Debug)]
    pub struct AccessKey {
        /// `AKIA...`
        1 => pub id: String,
        2 => pub account: AccountId,
        /// The user's name; `None` for a key of the account's root.
        3 => pub user: Option<String>,
        /// Sealed under the master key for the purpose `iam/access-key`.
        4 => pub sealed_secret: Vec<u8>,
        5 => pub active: bool,
        6 => pub created: Timestamp,
        7 => pub last_used: Option<Timestamp>,
        8 => pub last_used_service: Option<String>,
        9 => pub last_used_region: Option<String>,
    }
}

pub const ACCESS_KEYS: Table<AccessKey> = Table::new(0x0104, "iam/access-keys");
