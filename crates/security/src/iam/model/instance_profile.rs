//! Instance profiles: what carries a role to an EC2 instance.

use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use store::{Index, Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct InstanceProfile {
        1 => pub name: String,
        2 => pub path: String,
        /// `AIPA...`
        3 => pub id: String,
        4 => pub created: Timestamp,
        5 => pub tags: BTreeMap<String, String>,
        /// The name of its role; a profile holds at most one.
        6 => pub role: Option<String>,
    }
}

pub const INSTANCE_PROFILES: Table<InstanceProfile> = Table::new(0x0120, "iam/instance-profiles");

/// From a role ([`role_key`]) to the profiles that hold it.
pub const PROFILES_BY_ROLE: Index = Index::new(0x0121, "iam/instance-profiles-by-role");

/// The index key of the profiles that hold a role.
pub fn role_key(account: AccountId, role: &str) -> Key {
    super::named(account, role)
}

impl InstanceProfile {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "instance-profile", &self.path, &self.name)
    }
}
