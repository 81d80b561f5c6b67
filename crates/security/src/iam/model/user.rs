//! Users.

use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct User {
        1 => pub name: String,
        /// Begins and ends with a slash.
        2 => pub path: String,
        /// `AIDA...`
        3 => pub id: String,
        4 => pub created: Timestamp,
        5 => pub tags: BTreeMap<String, String>,
        /// The ARN of the policy that bounds its permissions.
        6 => pub boundary: Option<String>,
        /// Inline policies: name to document, as it was given.
        7 => pub inline: BTreeMap<String, String>,
        /// ARNs of attached managed policies, in the order of attachment.
        8 => pub attached: Vec<String>,
        /// Names of its groups.
        9 => pub groups: Vec<String>,
        10 => pub access_keys: Vec<String>,
        11 => pub password_last_used: Option<Timestamp>,
        /// Serial numbers of its MFA devices.
        12 => pub mfa_devices: Vec<String>,
    }
}

pub const USERS: Table<User> = Table::new(0x0101, "iam/users");

impl User {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "user", &self.path, &self.name)
    }
}
