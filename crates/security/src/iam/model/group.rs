//! Groups.

use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Group {
        1 => pub name: String,
        2 => pub path: String,
        /// `AGPA...`
        3 => pub id: String,
        4 => pub created: Timestamp,
        5 => pub inline: BTreeMap<String, String>,
        6 => pub attached: Vec<String>,
        /// Names of its users.
        7 => pub members: Vec<String>,
    }
}

pub const GROUPS: Table<Group> = Table::new(0x0102, "iam/groups");

impl Group {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "group", &self.path, &self.name)
    }
}
