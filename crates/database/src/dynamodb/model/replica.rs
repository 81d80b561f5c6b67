//! Global tables: which regions have a replica of a table, which of two writes is the last, and how far each region's
//! changes have gone to each other.
//!
//! Every replica is a table of its own, in its region, with the others listed in its record. A write notes when and
//! where it happened beside the item ([`VERSIONS`]; for a deleted item too), so that replicas which meet the same
//! writes in different orders end with the same one: the latest, and of two at the same time that of the region
//! whose name sorts last.

use super::keys::Raw;
use super::log::Position;
use base::{AccountId, Region, Timestamp};
use store::{Key, Read, StoreError, Table, Tx};

store::record! {
    /// A replica in another region.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Replica {
        1 => pub region: Region,
        2 => pub status: ReplicaStatus,
        3 => pub since: Timestamp,
        /// The ARN of its KMS key, where it has one.
        4 => pub key: Option<String>,
    }

    /// The next change of one region's log that another region is to get.
    #[derive(Clone, Copy, PartialEq, Debug)]
    pub struct Cursor {
        1 => pub commit: u64,
        2 => pub within: u32,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum ReplicaStatus {
        1 => Creating,
        2 => Active,
        3 => Deleting,
    }
}

impl ReplicaStatus {
    pub fn name(self) -> &'static str {
        match self {
            ReplicaStatus::Creating => "CREATING",
            ReplicaStatus::Active => "ACTIVE",
            ReplicaStatus::Deleting => "DELETING",
        }
    }
}

/// By the key of the item: time (8), name of the region.
pub const VERSIONS: Table<Raw> = Table::new(0x100D, "dynamodb/item versions");
/// By account, region and number of the table that was changed, then the region that is to get the changes.
pub const CURSORS: Table<Cursor> = Table::new(0x100E, "dynamodb/replication cursors");

/// When and where an item was last written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    pub time: Timestamp,
    pub region: String,
}

impl Version {
    /// Whether a write of this version is to be taken where `known` is the one that is there. A region's own writes
    /// come in their order, so one at the same time is the later one.
    pub fn wins_over(&self, known: Option<&Version>) -> bool {
        known.is_none_or(|known| self >= known)
    }
}

/// Of an item's key, or of what the keys of a table's items begin with.
pub fn version_key(item: &[u8]) -> Vec<u8> {
    [&VERSIONS.id().to_be_bytes()[..], item].concat()
}

/// # Errors
/// The store's.
pub fn version(from: &dyn Read, item: &[u8]) -> Result<Option<Version>, StoreError> {
    let Some(bytes) = from.get(&version_key(item))? else { return Ok(None) };
    let Some((time, region)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let time = Timestamp::from_micros(i64::from_be_bytes(*time));
    Ok(Some(Version { time, region: String::from_utf8_lossy(region).into_owned() }))
}

pub fn set_version(tx: &mut Tx, item: &[u8], version: &Version) {
    let bytes = [&version.time.micros().to_be_bytes()[..], version.region.as_bytes()].concat();
    tx.put(version_key(item), bytes);
}

pub fn cursor_key(account: AccountId, from: Region, number: u64, to: Region) -> Key {
    Key::regional(account, from).u64(number).str(to.name())
}

impl Cursor {
    pub fn at(position: Position) -> Cursor {
        Cursor { commit: position.commit, within: position.within }
    }

    pub fn position(self) -> Position {
        Position { commit: self.commit, within: self.within }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;
    use base::Timestamp;

    #[test]
    fn the_last_writer_wins_everywhere() {
        let version =
            |time, region: &str| Version { time: Timestamp::from_seconds(time), region: region.into() };
        let writes = [version(1, "b"), version(2, "a"), version(2, "b"), version(1, "a")];
        for turn in 0..writes.len() {
            let mut order = writes.to_vec();
            order.rotate_left(turn);
            let mut known: Option<Version> = None;
            for write in order {
                if write.wins_over(known.as_ref()) {
                    known = Some(write);
                }
            }
            assert_eq!(known, Some(version(2, "b")));
        }
        assert!(version(1, "a").wins_over(Some(&version(1, "a"))), "later of one region's own");
    }
}
