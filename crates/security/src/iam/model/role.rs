//! Roles.

use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Role {
        1 => pub name: String,
        2 => pub path: String,
        /// `AROA...`
        3 => pub id: String,
        4 => pub created: Timestamp,
        5 => pub tags: BTreeMap<String, String>,
        6 => pub boundary: Option<String>,
        7 => pub inline: BTreeMap<String, String>,
        8 => pub attached: Vec<String>,
        /// The trust policy, with users and roles by their unique ids.
        9 => pub trust: String,
        10 => pub description: Option<String>,
        /// 3600 to 43200.
        11 => pub session_seconds_max: u32,
        /// The service that this role is linked to: `autoscaling.amazonaws.com`.
        12 => pub linked_service: Option<String>,
        13 => pub last_used: Option<Timestamp>,
        14 => pub last_used_region: Option<String>,
        /// The unique ids in the trust policy and the ARNs that they stood for when it was given.
        15 => pub trusted: BTreeMap<String, String>,
    }
}

pub const ROLES: Table<Role> = Table::new(0x0103, "iam/roles");

impl Role {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "role", &self.path, &self.name)
    }
}
