//! Dashboards: what is to be drawn, as its author wrote it.

use base::tag::Tags;
use base::{AccountId, Timestamp};
use store::{Key, Table};

/// By account, name: a dashboard is of all regions.
pub(crate) const DASHBOARDS: Table<Dashboard> = Table::new(0x1605, "cloudwatch/dashboards");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Dashboard {
        1 => pub(crate) name: String,
        /// A JSON object.
        2 => pub(crate) body: String,
        3 => pub(crate) modified: Timestamp,
        4 => pub(crate) tags: Tags,
    }
}

impl Dashboard {
    pub(crate) fn key(account: AccountId, name: &str) -> Key {
        Key::account(account).str(name)
    }
}

/// `arn:aws:cloudwatch::123456789012:dashboard/name`
pub(crate) fn dashboard_arn(account: AccountId, name: &str) -> String {
    format!("arn:aws:cloudwatch::{account}:dashboard/{name}")
}
