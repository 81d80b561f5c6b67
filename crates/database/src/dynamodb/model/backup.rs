//! Backups, and how past states are kept.
//!
//! A backup copies nothing. It is a mark on its table: from then on the first write of each item saves the row as it
//! was ([`SAVED`]), into the latest backup only. The state of a backup is, item by item, the first row that it or a
//! later backup has saved, and else the table's own. So a backup is whole at once, whatever the table's size, and
//! costs what changes afterwards. The rows of a table that is deleted stay as long as it has backups.
//!
//! ```text
//! saved  table (2) · account, region · table's number (8) · backup's order (4) · the item's key behind its table's prefix
//! ```

use super::keys::Raw;
use super::table::TableRecord;
use base::{AccountId, Region, Timestamp};
use std::time::Duration;
use store::{Direction, Key, Read, StoreError, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct BackupRecord {
        /// `01768478400000-1a2b3c4d`
        1 => pub id: String,
        2 => pub name: String,
        /// The table as it was.
        3 => pub table: Box<TableRecord>,
        /// Among the backups of the same table, oldest first.
        4 => pub order: u32,
        5 => pub created: Timestamp,
        /// Made by the service when the table was deleted; goes by itself.
        6 => pub expires: Option<Timestamp>,
        7 => pub items: i64,
        8 => pub bytes: i64,
        /// Deleted; what it has saved is being handed to the backup before it.
        9 => pub deleting: bool,
    }

    /// Point-in-time recovery.
    #[derive(Clone, Copy, PartialEq, Debug)]
    pub struct Recovery {
        1 => pub since: Timestamp,
        2 => pub days: u32,
    }

    /// What a table is being made of.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Restoring {
        /// Where the rows are: the source's account, region and number.
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub number: u64,
        4 => pub table_arn: String,
        5 => pub backup: Option<String>,
        /// The backup's order; none for a point in time.
        6 => pub order: Option<u32>,
        /// The moment whose state is restored.
        7 => pub at: Timestamp,
        /// Everything that was there when the restore began.
        8 => pub latest: bool,
        /// The source as it was, by which its rows are read.
        9 => pub source: Option<Box<TableRecord>>,
        /// It becomes a replica of its source.
        10 => pub replica: bool,
    }
}

/// By account, region, table, id.
pub const BACKUPS: Table<BackupRecord> = Table::new(0x100B, "dynamodb/backups");
pub const SAVED: Table<Raw> = Table::new(0x100C, "dynamodb/saved rows");

/// AWS: the guide on backups: how long the backup of a deleted table stays, and the longest window.
pub const DAYS_MAX: u32 = 35;

impl BackupRecord {
    pub fn key(account: AccountId, region: Region, table: &str, id: &str) -> Key {
        Key::regional(account, region).str(table).str(id)
    }

    pub fn own_key(&self) -> Key {
        BackupRecord::key(self.table.account, self.table.region, &self.table.name, &self.id)
    }

    pub fn arn(&self) -> String {
        format!("{}/backup/{}", self.table.arn(), self.id)
    }

    pub fn is_system(&self) -> bool {
        self.expires.is_some()
    }
}

impl Recovery {
    /// The earliest moment that can be restored.
    pub fn earliest(&self, now: Timestamp) -> Timestamp {
        self.since.max(now.minus(self.window()))
    }

    pub fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.days) * 86_400)
    }
}

/// The beginning of the keys of what all backups of a table have saved.
pub fn all_saved(account: AccountId, region: Region, table: u64) -> Vec<u8> {
    SAVED.stored_key(&Key::regional(account, region).u64(table))
}

/// The beginning of the keys of what a backup has saved.
pub fn saved(account: AccountId, region: Region, table: u64, order: u32) -> Vec<u8> {
    SAVED.stored_key(&Key::regional(account, region).u64(table).u32(order))
}

/// All backups of the table with this name, whichever table that was, deleted ones that are being handed over
/// included.
///
/// # Errors
/// The store's.
pub fn of_name(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    name: &str,
) -> Result<Vec<BackupRecord>, StoreError> {
    let prefix = Key::regional(account, region).str(name);
    BACKUPS.scan(from, &prefix, Direction::Forward).map(|pair| pair.map(|(_, backup)| backup)).collect()
}

/// All backups of this very table, oldest first.
///
/// # Errors
/// The store's.
pub fn of_table(from: &dyn Read, table: &TableRecord) -> Result<Vec<BackupRecord>, StoreError> {
    let mut all = of_name(from, table.account, table.region, &table.name)?;
    all.retain(|backup| backup.table.number == table.number);
    all.sort_by_key(|backup| backup.order);
    Ok(all)
}
