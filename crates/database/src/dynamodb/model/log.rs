//! The change log of a table: what happened to its items, in the order in which it became visible.
//!
//! A change is written in the transaction that makes it, and only where somebody will read it: a stream
//! ([`super::stream`]), point-in-time recovery, or replicas in other regions. Its place is the number of its commit
//! ([`store::Tx::append`]), so writers do not meet and nothing ever appears behind a reader's back.
//!
//! ```text
//! change  table (2) · account, region · table's number (8) · commit (8) · place within the commit (4)
//! ```
//!
//! What a change of a table with a KMS key holds of its item lies sealed as the table's rows do; when, where and of
//! which kind it was does not, so that logs are trimmed and shards found without the key.

use super::rows::Unreadable;
use super::table::TableRecord;
use super::vault::{Locked, Vault};
use crate::dynamodb::codec::Corrupt;
use crate::dynamodb::item::Item;
use base::{AccountId, Region, Timestamp};
use std::time::Duration;
use store::{Key, KeyRange, Record, Table, Tx};

store::record! {
    /// How far a log was trimmed.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Trimmed {
        /// Of what was committed before this, nothing is left.
        1 => pub before: u64,
    }

    /// One item's change. Images are kept where a reader of the table's changes needs them.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Change {
        /// When the request came, by the cloud's clock.
        1 => pub time: Timestamp,
        /// Of the partition key: see [`super::keys::hash`].
        2 => pub hash: u32,
        3 => pub what: What,
        4 => pub by: By,
        /// The key's attributes.
        5 => pub key: Vec<u8>,
        6 => pub old: Option<Vec<u8>>,
        7 => pub new: Option<Vec<u8>>,
        /// [`Images`] under the table's key; the three before this are then empty.
        8 => pub sealed: Option<Vec<u8>>,
    }

    /// What is sealed of a change.
    #[derive(Clone, PartialEq, Debug)]
    struct Images {
        1 => key: Vec<u8>,
        2 => old: Option<Vec<u8>>,
        3 => new: Option<Vec<u8>>,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum What {
        1 => Insert,
        2 => Modify,
        3 => Remove,
    }

    /// Who changed it.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum By {
        1 => Caller,
        /// The item's time had come.
        2 => TimeToLive,
        /// It came from a replica in another region.
        3 => Replication,
        /// The table is being filled with what is elsewhere already: no change to tell of.
        4 => Filling,
    }
}

pub const LOG: Table<Change> = Table::new(0x1007, "dynamodb/changes");

/// By account, region and number of the table.
pub const TRIMMED: Table<Trimmed> = Table::new(0x1008, "dynamodb/changes trimmed");

/// AWS: the guide on streams: what is older is gone.
pub const STREAM_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// The place of a change: its commit, and its place within.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Position {
    pub commit: u64,
    pub within: u32,
}

/// What a table keeps of its changes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Keeps {
    pub any: bool,
    pub old: bool,
    pub new: bool,
}

impl Keeps {
    pub fn of(table: &TableRecord) -> Keeps {
        let view = table.stream.as_ref().map(|stream| stream.view.as_str());
        let recovers = table.recovery.is_some();
        Keeps {
            any: view.is_some() || recovers,
            old: recovers || matches!(view, Some("OLD_IMAGE" | "NEW_AND_OLD_IMAGES")),
            new: matches!(view, Some("NEW_IMAGE" | "NEW_AND_OLD_IMAGES")),
        }
    }
}

/// The key by which the log of a table is known.
pub fn table(account: AccountId, region: Region, number: u64) -> Key {
    Key::regional(account, region).u64(number)
}

/// The beginning of the keys of a table's changes.
pub fn prefix(account: AccountId, region: Region, number: u64) -> Vec<u8> {
    LOG.stored_key(&table(account, region, number))
}

pub fn append(tx: &mut Tx, prefix: &[u8], change: &Change) {
    let within = u32::try_from(tx.appended()).unwrap_or(u32::MAX);
    tx.append(prefix, within.to_be_bytes(), change.to_bytes());
}

impl Position {
    /// The first place within a commit.
    pub fn start_of(commit: u64) -> Position {
        Position { commit, within: 0 }
    }

    #[must_use]
    pub fn next(self) -> Position {
        match self.within.checked_add(1) {
            Some(within) => Position { within, ..self },
            None => Position::start_of(self.commit + 1),
        }
    }

    /// Of a change's key behind its table's prefix.
    pub fn of_key(prefix: &[u8], key: &[u8]) -> Option<Position> {
        let (commit, rest) = key.get(prefix.len()..)?.split_first_chunk::<8>()?;
        let (within, _) = rest.split_first_chunk::<4>()?;
        Some(Position { commit: u64::from_be_bytes(*commit), within: u32::from_be_bytes(*within) })
    }

    pub fn key(self, prefix: &[u8]) -> Vec<u8> {
        [prefix, &self.commit.to_be_bytes(), &self.within.to_be_bytes()].concat()
    }
}

/// The changes from `start` on, up to the commit `end` (which is not in it).
pub fn range(prefix: &[u8], start: Position, end: Option<u64>) -> KeyRange {
    let whole = KeyRange::prefix(prefix);
    let end = end.map(|commit| Position::start_of(commit).key(prefix).into()).or(whole.end);
    KeyRange { start: start.key(prefix).into(), end }
}

impl Change {
    /// As it is written: sealed where the table's rows are.
    ///
    /// # Errors
    /// [`Locked`].
    pub fn sealed(self, vault: &Vault) -> Result<Change, Locked> {
        if vault.is_plain() {
            return Ok(self);
        }
        let Change { time, hash, what, by, key, old, new, .. } = self;
        let sealed = vault.seal(&Images { key, old, new }.to_bytes())?;
        Ok(Change { time, hash, what, by, sealed, ..Change::default() })
    }

    /// As it was before it was sealed.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn opened(self, vault: &Vault) -> Result<Change, Unreadable> {
        let Some(sealed) = &self.sealed else { return Ok(self) };
        let images = vault.open(sealed)?.ok_or(Corrupt)?;
        let Images { key, old, new } = Images::from_bytes(&images).map_err(|_| Corrupt)?;
        Ok(Change { key, old, new, sealed: None, ..self })
    }

    /// # Errors
    /// [`Corrupt`]
    pub fn key_item(&self) -> Result<Item, Corrupt> {
        Item::decode(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Position, range};
    use crate::dynamodb::model::rows::Unreadable;
    use crate::dynamodb::model::table::{Encryption, TableRecord};
    use crate::dynamodb::model::vault::{Locked, Vault};
    use base::Rng;
    use store::Record as _;

    #[test]
    fn changes_are_sealed_as_rows_are() {
        let change = Change {
            hash: 7,
            key: b"the key".to_vec(),
            old: Some(b"what it was".to_vec()),
            new: None,
            ..Change::default()
        };
        let plain = Vault::of(&TableRecord::default());
        assert_eq!(change.clone().sealed(&plain), Ok(change.clone()));
        let encryption = Encryption { key_arn: String::new(), sealed: vec![1], id: 3, inaccessible: None };
        let table = TableRecord { encryption: Some(encryption), ..TableRecord::default() };
        let (locked, open) = (Vault::of(&table), Vault::of(&table));
        open.locks()[0].unlock(&[3; 32], Rng::seeded(3));
        let sealed = change.clone().sealed(&open).unwrap();
        assert_eq!(sealed.hash, 7);
        let bytes = sealed.to_bytes();
        for clear in [&b"the key"[..], b"what it was"] {
            assert!(!bytes.windows(clear.len()).any(|part| part == clear));
        }
        assert_eq!(sealed.clone().opened(&open), Ok(change.clone()));
        assert_eq!(sealed.opened(&locked), Err(Unreadable::Locked));
        assert_eq!(change.clone().sealed(&locked), Err(Locked));
        assert_eq!(change.clone().opened(&locked), Ok(change), "from before the table had a key");
    }

    #[test]
    fn positions_are_keys() {
        let at = Position { commit: 258, within: 7 };
        let key = at.key(b"log");
        assert_eq!(Position::of_key(b"log", &key), Some(at));
        assert_eq!(Position::of_key(b"log", b"log12"), None);
        assert!(range(b"log", at, None).contains(&key));
        assert!(!range(b"log", at.next(), None).contains(&key));
        assert!(!range(b"log", Position::default(), Some(258)).contains(&key));
        assert_eq!(Position { commit: 1, within: u32::MAX }.next(), Position::start_of(2));
    }
}
