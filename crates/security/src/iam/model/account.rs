//! What IAM keeps of an account as a whole, and the aliases of all accounts.

use base::{AccountId, Timestamp};
use store::{Key, Table};

store::record! {
    /// Key: the account. An account without a record has none of these.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Account {
        /// The one alias that an account may have.
        1 => pub alias: Option<String>,
        2 => pub password_policy: Option<PasswordPolicy>,
        /// Access keys of root.
        3 => pub access_keys: Vec<String>,
        /// Session tokens of the global endpoint are version 2.
        4 => pub token_version_2: bool,
        /// The property `RoleManager/Enabled`.
        5 => pub role_manager: bool,
    }

    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>
    #[derive(Clone, PartialEq, Debug)]
    pub struct PasswordPolicy {
        1 => pub length_min: u32,
        2 => pub needs_symbol: bool,
        3 => pub needs_number: bool,
        4 => pub needs_uppercase: bool,
        5 => pub needs_lowercase: bool,
        6 => pub users_may_change: bool,
        /// `None`: passwords do not expire.
        7 => pub age_days_max: Option<u32>,
        /// How many earlier passwords may not come again.
        8 => pub reuse_prevention: Option<u32>,
        /// Whether an expired password can only be replaced by an administrator.
        9 => pub hard_expiry: Option<bool>,
    }

    /// The credential report that was made last. Key: the account.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Report {
        1 => pub csv: String,
        2 => pub generated: Timestamp,
    }

    /// Key: global, the alias. Aliases are unique in the whole cloud, as they are in AWS.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Alias {
        1 => pub account: AccountId,
    }
}

pub const ACCOUNTS: Table<Account> = Table::new(0x0110, "iam/accounts");
pub const REPORTS: Table<Report> = Table::new(0x0118, "iam/credential-reports");
pub const ALIASES: Table<Alias> = Table::new(0x0111, "iam/aliases");

impl Account {
    /// # Errors
    /// The store's own.
    pub fn of(tx: &store::Tx, account: AccountId) -> Result<Account, store::StoreError> {
        Ok(ACCOUNTS.get(tx, &Key::account(account))?.unwrap_or_default())
    }

    pub fn save(&self, tx: &mut store::Tx, account: AccountId) {
        ACCOUNTS.put(tx, &Key::account(account), self);
    }
}
