//! Log groups.

use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use store::{Key, Read, StoreError, Table, Tx};

/// By account, region, name.
pub(crate) const GROUPS: Table<Group> = Table::new(0x1501, "logs/groups");

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
pub(crate) const GROUPS_MAX: usize = 1_000_000;

/// The days that a retention may have.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub(crate) const RETENTION_DAYS: [u32; 23] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    3654,
];

/// The class that costs less and can less.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html>
pub(crate) const INFREQUENT: &str = "INFREQUENT_ACCESS";

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Group {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: String,
        3 => pub(crate) name: String,
        /// Names the group's streams and events. A group that is made anew under an old name has another.
        4 => pub(crate) id: u64,
        5 => pub(crate) created: Timestamp,
        /// Events are kept for ever where there is none.
        6 => pub(crate) retention_days: Option<u32>,
        /// `STANDARD`, `INFREQUENT_ACCESS`
        7 => pub(crate) class: String,
        8 => pub(crate) tags: Tags,
        9 => pub(crate) protected: bool,
        /// How many there are.
        10 => pub(crate) metric_filters: u32,
        11 => pub(crate) subscriptions: u32,
        /// As it was named.
        12 => pub(crate) kms_key: Option<String>,
        /// The number of the data key for what comes in; 0: there is none.
        13 => pub(crate) data_key: u64,
    }
}

impl Group {
    pub(crate) fn key(account: AccountId, region: Region, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(crate) fn load(
        from: &dyn Read,
        account: AccountId,
        region: Region,
        name: &str,
    ) -> Result<Option<Group>, StoreError> {
        GROUPS.get(from, &Group::key(account, region, name))
    }

    pub(crate) fn own_key(&self) -> Key {
        Key::account(self.account).str(&self.region).str(&self.name)
    }

    pub(crate) fn save(&self, tx: &mut Tx) {
        GROUPS.put(tx, &self.own_key(), self);
    }

    /// `arn:aws:logs:us-east-1:123456789012:log-group:name`
    pub(crate) fn arn(&self) -> String {
        group_arn(self.account, &self.region, &self.name)
    }

    pub(crate) fn is_infrequent(&self) -> bool {
        self.class == INFREQUENT
    }

    /// Events before this time have left.
    pub(crate) fn keeps_since(&self, now: Timestamp) -> Option<Timestamp> {
        let days = self.retention_days?;
        Some(now.minus(std::time::Duration::from_secs(u64::from(days) * 86_400)))
    }
}

pub(crate) fn group_arn(account: AccountId, region: &str, name: &str) -> String {
    format!("arn:aws:logs:{region}:{account}:log-group:{name}")
}
