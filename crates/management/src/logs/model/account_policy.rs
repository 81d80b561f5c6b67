//! Account policies: subscriptions of all groups of an account.

use super::subscription::Subscription;
use base::{AccountId, Region, Timestamp};
use store::{Direction, Key, Read, StoreError, Table, Tx};

/// By account, region, name.
pub(crate) const ACCOUNT_POLICIES: Table<AccountPolicy> = Table::new(0x1510, "logs/account-policies");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct AccountPolicy {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        3 => pub(crate) name: String,
        /// As it was given.
        4 => pub(crate) document: String,
        5 => pub(crate) criteria: Option<String>,
        6 => pub(crate) updated: Timestamp,
        /// What it says.
        7 => pub(crate) pattern: String,
        8 => pub(crate) destination: String,
        9 => pub(crate) distribution: String,
        /// The groups that it is not about.
        10 => pub(crate) without: Vec<String>,
        /// Until then nothing is sent: the destination refused what came.
        11 => pub(crate) off_until: Option<Timestamp>,
    }
}

impl AccountPolicy {
    pub(crate) fn key(account: AccountId, region: Region, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(crate) fn save(&self, tx: &mut Tx) {
        ACCOUNT_POLICIES.put(tx, &AccountPolicy::key(self.account, self.region, &self.name), self);
    }

    /// What it is for one group.
    pub(crate) fn subscription(self) -> Subscription {
        Subscription {
            name: self.name,
            pattern: self.pattern,
            destination: self.destination,
            distribution: self.distribution,
            created: self.updated,
            off_until: self.off_until,
        }
    }
}

/// All of an account, by name.
pub(crate) fn of_account(
    from: &dyn Read,
    account: AccountId,
    region: Region,
) -> Result<Vec<AccountPolicy>, StoreError> {
    let all = ACCOUNT_POLICIES.scan(from, &Key::regional(account, region), Direction::Forward);
    all.map(|pair| pair.map(|(_, policy)| policy)).collect()
}
