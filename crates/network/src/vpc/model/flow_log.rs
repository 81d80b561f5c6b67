//! Flow logs, and what of them is on its way to where they go.

use base::{AccountId, Region, Timestamp};
use store::{Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct FlowLog {
        1 => pub id: String,
        /// A VPC, a subnet or an interface.
        2 => pub resource: String,
        3 => pub traffic: Traffic,
        4 => pub created: Timestamp,
        /// The ARN of a log group, or of a bucket with a folder.
        5 => pub destination: String,
        /// Of a log group; empty for a bucket.
        6 => pub group: String,
        7 => pub role: String,
        /// As it was asked for.
        8 => pub format: String,
        /// In seconds.
        9 => pub interval: u32,
        10 => pub by_hour: bool,
        /// As Hive names partitions.
        11 => pub hive: bool,
        /// Why the last delivery failed; empty where it did not.
        12 => pub trouble: String,
        /// Something has been recorded for it: who begins anew has lost what was being counted.
        13 => pub begun: bool,
    }

    /// Records of one interface's window.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Records {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub log: String,
        4 => pub interface: String,
        5 => pub lines: Vec<Line>,
        6 => pub since: Timestamp,
        7 => pub attempts: u32,
        /// Of what it is delivered with at first, whenever that is.
        8 => pub slot: Timestamp,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Line {
        /// In seconds.
        1 => pub start: i64,
        2 => pub text: String,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Traffic {
        1 => All,
        2 => Accept,
        3 => Reject,
    }
}

pub const FLOW_LOGS: Table<FlowLog> = Table::new(0x2114, "vpc/flow-logs");
/// By the time of delivery, the flow log and a number.
pub const RECORDS: Table<Records> = Table::new(0x2115, "vpc/flow-log-records");

/// What is delivered together begins with this.
pub fn records_key(due: Timestamp, account: AccountId, region: Region, log: &str) -> Key {
    Key::global().time(due).str(account.as_str()).str(region.name()).str(log)
}

impl Traffic {
    pub fn word(self) -> &'static str {
        match self {
            Traffic::All => "ALL",
            Traffic::Accept => "ACCEPT",
            Traffic::Reject => "REJECT",
        }
    }

    pub fn parse(word: &str) -> Option<Traffic> {
        [Traffic::All, Traffic::Accept, Traffic::Reject].into_iter().find(|traffic| traffic.word() == word)
    }

    pub fn has(self, accepted: bool) -> bool {
        match self {
            Traffic::All => true,
            Traffic::Accept => accepted,
            Traffic::Reject => !accepted,
        }
    }
}

impl FlowLog {
    pub fn is_to_bucket(&self) -> bool {
        self.group.is_empty()
    }

    /// Bucket and folder, which ends with a slash where there is one.
    pub fn bucket(&self) -> (&str, String) {
        let path = self.destination.strip_prefix("arn:aws:s3:::").unwrap_or_default();
        let (bucket, folder) = path.split_once('/').unwrap_or((path, ""));
        let folder = folder.trim_matches('/');
        (bucket, if folder.is_empty() { String::new() } else { format!("{folder}/") })
    }
}
