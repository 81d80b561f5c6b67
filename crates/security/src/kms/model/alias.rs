//! Aliases.

use base::{AccountId, Region, Timestamp};
use store::{Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Alias {
        /// With `alias/`.
        1 => pub name: String,
        /// The id of the key that it names, in the same account and region.
        2 => pub key_id: String,
        3 => pub created: Timestamp,
        /// When it last came to name a key.
        4 => pub updated: Timestamp,
    }
}

pub const ALIASES: Table<Alias> = Table::new(0x0306, "kms/aliases");

/// AWS: "Quotas": aliases per key.
pub const ALIASES_PER_KEY_MAX: usize = 50;

/// What aliases of AWS's own keys begin with.
pub const RESERVED: &str = "alias/aws/";

pub fn alias_arn(account: AccountId, region: Region, name: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:{name}")
}

pub fn alias_key(account: AccountId, region: Region, name: &str) -> Key {
    Key::regional(account, region).str(name)
}
