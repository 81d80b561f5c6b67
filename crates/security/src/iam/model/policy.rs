//! Customer managed policies and where policies are attached.

use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use store::{Index, Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct ManagedPolicy {
        1 => pub name: String,
        2 => pub path: String,
        /// `ANPA...`
        3 => pub id: String,
        4 => pub created: Timestamp,
        5 => pub updated: Timestamp,
        6 => pub description: Option<String>,
        7 => pub tags: BTreeMap<String, String>,
        /// The number of the default version: 3 for `v3`.
        8 => pub default_version: u32,
        /// At most five, by number.
        9 => pub versions: Vec<PolicyVersion>,
        /// Numbers are never used again.
        10 => pub next_version: u32,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct PolicyVersion {
        1 => pub number: u32,
        /// As it was given.
        2 => pub document: String,
        3 => pub created: Timestamp,
    }
}

pub const MANAGED_POLICIES: Table<ManagedPolicy> = Table::new(0x0105, "iam/policies");

/// From a policy's ARN to who has it, as policy or as boundary: see [`attachment_key`]. The primary key is the
/// entity's own.
pub const ATTACHMENTS: Index = Index::new(0x0106, "iam/attachments");

/// What a policy can be attached to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntityKind {
    User = 1,
    Group = 2,
    Role = 3,
}

/// The index key of the attachments of one policy in an account: narrowed to a kind of entity, and to its use as a
/// permissions boundary or as a permissions policy.
pub fn attachment_key(account: AccountId, policy_arn: &str, boundary: bool, kind: EntityKind) -> Key {
    Key::account(account).str(policy_arn).u32(u32::from(boundary)).u32(kind as u32)
}

/// The beginning of the index keys of one policy in one use, whatever the kind of entity.
pub fn attached_prefix(account: AccountId, policy_arn: &str, boundary: bool) -> Key {
    Key::account(account).str(policy_arn).u32(u32::from(boundary))
}

impl ManagedPolicy {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "policy", &self.path, &self.name)
    }

    pub fn version(&self, number: u32) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.number == number)
    }

    pub fn default_document(&self) -> &str {
        self.version(self.default_version).map_or("", |version| &version.document)
    }
}
