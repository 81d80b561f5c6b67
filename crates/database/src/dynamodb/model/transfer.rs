//! Exports to S3 and imports from there: what was asked for, in whose stead, and what came of it.
//!
//! ```text
//! in progress ─▶ completed
//!            └─▶ failed
//! ```

use super::table::TableRecord;
use base::{AccountId, Arn, Region, Timestamp};
use std::time::Duration;
use store::{Key, Table};

store::record! {
    /// Who asked: S3 is called with their permissions.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Requester {
        1 => pub access_key: String,
        2 => pub sealed_token: Option<Vec<u8>>,
    }

    /// How it ended.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Ended {
        1 => pub time: Timestamp,
        /// Absent where all went well.
        2 => pub code: Option<String>,
        3 => pub message: Option<String>,
    }

    /// Where in S3.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Location {
        1 => pub bucket: String,
        2 => pub owner: Option<String>,
        3 => pub prefix: Option<String>,
    }

    /// Of an incremental export.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Window {
        1 => pub from: Timestamp,
        2 => pub to: Timestamp,
        3 => pub view: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct ExportRecord {
        /// `01693685827463-2d8752fd`
        1 => pub id: String,
        /// The table as it was.
        2 => pub table: Box<TableRecord>,
        3 => pub requester: Requester,
        4 => pub token: String,
        /// SHA-256 of what was asked for.
        5 => pub request: Vec<u8>,
        6 => pub to: Location,
        7 => pub sse: Option<String>,
        8 => pub key: Option<String>,
        /// The moment whose state is exported.
        9 => pub at: Timestamp,
        10 => pub window: Option<Window>,
        /// Under which what is worked out lies meanwhile.
        11 => pub scratch: u64,
        12 => pub started: Timestamp,
        13 => pub ended: Option<Ended>,
        14 => pub items: i64,
        15 => pub bytes: i64,
        /// The request named its type.
        16 => pub typed: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct ImportRecord {
        1 => pub id: String,
        /// The table as it was made.
        2 => pub table: Box<TableRecord>,
        3 => pub requester: Requester,
        4 => pub token: String,
        5 => pub request: Vec<u8>,
        6 => pub from: Location,
        7 => pub format: String,
        8 => pub compression: String,
        9 => pub delimiter: Option<String>,
        10 => pub headers: Vec<String>,
        11 => pub started: Timestamp,
        12 => pub ended: Option<Ended>,
        13 => pub processed: i64,
        14 => pub bytes: i64,
        15 => pub imported: i64,
        16 => pub errors: i64,
        /// There is the log [`IMPORT_LOG`] for its errors.
        17 => pub logged: bool,
    }

    /// An item that was changed in the window of an incremental export.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Changed {
        /// When it was last written in the window.
        1 => pub time: Timestamp,
        2 => pub key: Vec<u8>,
        3 => pub old: Option<Vec<u8>>,
        4 => pub new: Option<Vec<u8>>,
        /// It was changed again behind the window, which tells what it was at its end.
        5 => pub settled: bool,
    }
}

/// By account, region, table, id.
pub const EXPORTS: Table<ExportRecord> = Table::new(0x1010, "dynamodb/exports");
pub const IMPORTS: Table<ImportRecord> = Table::new(0x1011, "dynamodb/imports");

/// The log group in which the errors of imports are told.
pub const IMPORT_LOG: &str = "/aws-dynamodb/imports";

/// AWS: the pages of both operations: how long a client's token is good.
pub const TOKEN_LIFE: Duration = Duration::from_secs(8 * 3_600);

pub fn key(account: AccountId, region: Region, table: &str, id: &str) -> Key {
    Key::regional(account, region).str(table).str(id)
}

/// `IN_PROGRESS` and its successors.
pub fn status(ended: Option<&Ended>) -> &'static str {
    match ended {
        None => "IN_PROGRESS",
        Some(Ended { code: None, .. }) => "COMPLETED",
        Some(_) => "FAILED",
    }
}

impl ExportRecord {
    pub fn own_key(&self) -> Key {
        key(self.table.account, self.table.region, &self.table.name, &self.id)
    }

    pub fn arn(&self) -> String {
        format!("{}/export/{}", self.table.arn(), self.id)
    }

    /// A name below the folder of this export.
    pub fn object(&self, name: &str) -> String {
        self.to.object(&format!("{}/{name}", self.id))
    }
}

impl Location {
    /// A name below DynamoDB's folder.
    pub fn object(&self, name: &str) -> String {
        match self.prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) {
            None | Some("") => format!("AWSDynamoDB/{name}"),
            Some(prefix) => format!("{prefix}/AWSDynamoDB/{name}"),
        }
    }
}

impl ImportRecord {
    /// `arn:aws:logs:us-east-1:123456789012:log-group:/aws-dynamodb/imports:*`, once it is there.
    pub fn log_arn(&self) -> Option<String> {
        let TableRecord { account, region, .. } = *self.table;
        let group = format!("log-group:{IMPORT_LOG}:*");
        self.logged.then(|| Arn::new("logs", region.name(), account.as_str(), &group).to_string())
    }

    pub fn own_key(&self) -> Key {
        key(self.table.account, self.table.region, &self.table.name, &self.id)
    }

    pub fn arn(&self) -> String {
        format!("{}/import/{}", self.table.arn(), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn objects_lie_below_the_prefix() {
        let at = |prefix: Option<&str>| {
            let location = Location { prefix: prefix.map(str::to_owned), ..Location::default() };
            location.object("1/_started")
        };
        assert_eq!(at(None), "AWSDynamoDB/1/_started");
        assert_eq!(at(Some("")), "AWSDynamoDB/1/_started");
        assert_eq!(at(Some("a/b/")), "a/b/AWSDynamoDB/1/_started");
    }
}
