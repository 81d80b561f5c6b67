//! [`Task`]: a task that moves the messages of a dead-letter queue to where they came from, or elsewhere.

use base::{AccountId, Region, Timestamp};
use store::{Key, Table};

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Status {
        1 => Running,
        2 => Cancelling,
        3 => Cancelled,
        4 => Completed,
        5 => Failed,
    }
}

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Task {
        1 => pub id: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        /// The queue's name.
        4 => pub source: String,
        5 => pub destination_arn: Option<String>,
        /// Messages a second; as fast as it goes where there is none.
        6 => pub rate: Option<u32>,
        7 => pub status: Status,
        8 => pub moved: u64,
        9 => pub to_move: u64,
        10 => pub started: Timestamp,
        11 => pub failure: Option<String>,
    }
}

pub(crate) const TASKS: Table<Task> = Table::new(0x1208, "sqs/move tasks");

/// The tasks of a queue, latest first.
pub(crate) fn prefix(account: AccountId, region: Region, source: &str) -> Key {
    Key::regional(account, region).str(source)
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Running => "RUNNING",
            Status::Cancelling => "CANCELLING",
            Status::Cancelled => "CANCELLED",
            Status::Completed => "COMPLETED",
            Status::Failed => "FAILED",
        }
    }
}

impl Task {
    pub(crate) fn key(&self) -> Key {
        prefix(self.account, self.region, &self.source).time_descending(self.started).str(&self.id)
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.status, Status::Running | Status::Cancelling)
    }
}
