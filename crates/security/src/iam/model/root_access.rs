//! Centralized root access: what an organization lets its management do to the root users of its members.

use store::{Key, Table};

store::record! {
    /// Key: global, organization.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct RootAccess {
        /// `RootCredentialsManagement`
        1 => pub credentials: bool,
        /// `RootSessions`
        2 => pub sessions: bool,
    }
}

pub const ROOT_ACCESS: Table<RootAccess> = Table::new(0x0126, "iam/root-access");

pub fn root_access_key(organization: &str) -> Key {
    Key::global().str(organization)
}
