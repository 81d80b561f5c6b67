//! Queries, what they found, and queries that are kept by name.

use base::{AccountId, Region, Timestamp};
use store::{Key, Table, Tx};

/// By account, region, id.
pub(crate) const QUERIES: Table<Asked> = Table::new(0x1509, "logs/queries");
/// Queries that are still to run, by when they were asked, account, region, id.
pub(crate) const WAITING: Table<Named> = Table::new(0x150A, "logs/waiting queries");
/// By account, region, id, number.
pub(crate) const RESULTS: Table<Found> = Table::new(0x150B, "logs/query results");
/// By when they are forgotten, account, region, id.
pub(crate) const ENDS: Table<Named> = Table::new(0x150C, "logs/ends of queries");
/// By account, region, id.
pub(crate) const DEFINITIONS: Table<Definition> = Table::new(0x150D, "logs/query definitions");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Asked {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        3 => pub(crate) id: String,
        4 => pub(crate) text: String,
        /// Names.
        5 => pub(crate) groups: Vec<String>,
        /// Milliseconds, both included.
        6 => pub(crate) since: i64,
        7 => pub(crate) until: i64,
        8 => pub(crate) limit: u32,
        /// `Scheduled`, `Complete`, `Failed`, `Cancelled`
        9 => pub(crate) status: String,
        10 => pub(crate) created: Timestamp,
        11 => pub(crate) ended: Option<Timestamp>,
        12 => pub(crate) scanned: u64,
        13 => pub(crate) bytes: u64,
        14 => pub(crate) matched: u64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Named {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        3 => pub(crate) id: String,
    }

    /// A row.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Found {
        1 => pub(crate) cells: Vec<Cell>,
        /// The same, sealed.
        2 => pub(crate) hidden: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Cell {
        1 => pub(crate) field: String,
        2 => pub(crate) value: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Definition {
        1 => pub(crate) id: String,
        2 => pub(crate) name: String,
        3 => pub(crate) text: String,
        4 => pub(crate) groups: Vec<String>,
        5 => pub(crate) modified: Timestamp,
        /// With which it was made.
        6 => pub(crate) token: Option<String>,
    }
}

pub(crate) fn key(account: AccountId, region: Region, id: &str) -> Key {
    Key::regional(account, region).str(id)
}

impl Asked {
    pub(crate) fn key(&self) -> Key {
        key(self.account, self.region, &self.id)
    }

    pub(crate) fn save(&self, tx: &mut Tx) {
        QUERIES.put(tx, &self.key(), self);
    }

    /// Puts its name into a table that is ordered by time.
    pub(crate) fn name_in(&self, table: &Table<Named>, tx: &mut Tx, at: Timestamp) {
        let named = Named { account: self.account, region: self.region, id: self.id.clone() };
        let key = Key::global().time(at).str(self.account.as_str()).str(self.region.name()).str(&self.id);
        table.put(tx, &key, &named);
    }
}
