//! Where rows lie: keys that sort as DynamoDB's do.
//!
//! ```text
//! item   table (2) · account, region · table's number (8) · hash (4) · partition key · sort key
//! entry  table (2) · account, region · table's number (8) · index's number (4) · hash (4)
//!                  · index partition key · index sort key · partition key · sort key
//! expiry table (2) · 00 · time (8) · the item's key
//! ```
//!
//! The hash of the partition key comes first, as in DynamoDB: scans meet partitions in no useful order, and the
//! segments of a parallel scan are ranges of hashes. Key values are escaped as in [`store::key`], so none is the
//! beginning of another and a table without sort keys has a shorter key and nothing else.

use base::{AccountId, Region, Timestamp};
use store::field::{Field, Input, Malformed};
use store::{Key, Record, Table};

/// Bytes that have their own encoding: see [`super::rows`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raw(pub Vec<u8>);

impl Field for Raw {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(&self.0);
    }

    fn read(input: Input<'_>) -> Result<Self, Malformed> {
        Vec::read(input).map(Raw)
    }

    fn absent() -> Self {
        Raw(Vec::new())
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

impl Record for Raw {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Raw(bytes.to_vec()))
    }
}

pub const ITEMS: Table<Raw> = Table::new(0x1002, "dynamodb/items");
pub const ENTRIES: Table<Raw> = Table::new(0x1003, "dynamodb/index entries");
/// When items expire. Written without reading: an entry is a hint to look at the item, not the truth about it.
pub const EXPIRIES: Table<Raw> = Table::new(0x1004, "dynamodb/expiries");

const ESCAPED_ZERO: [u8; 2] = [0x00, 0xFF];
const END: [u8; 2] = [0x00, 0x01];

/// The beginning of the keys of a table's items.
pub fn items(account: AccountId, region: Region, table: u64) -> Vec<u8> {
    ITEMS.stored_key(&Key::regional(account, region).u64(table))
}

/// The beginning of the keys of all entries of a table's indexes.
pub fn entries(account: AccountId, region: Region, table: u64) -> Vec<u8> {
    ENTRIES.stored_key(&Key::regional(account, region).u64(table))
}

/// The beginning of the keys of one index's entries.
pub fn index_entries(account: AccountId, region: Region, table: u64, index: u32) -> Vec<u8> {
    ENTRIES.stored_key(&Key::regional(account, region).u64(table).u32(index))
}

/// The key that says when an item may have expired.
pub fn expiry(at: Timestamp, item: &[u8]) -> Vec<u8> {
    let mut key = EXPIRIES.stored_key(&Key::global().time(at));
    key.extend_from_slice(item);
    key
}

/// Appends a component: its content, escaped, and its end.
pub fn push(out: &mut Vec<u8>, component: &[u8]) {
    push_beginning(out, component);
    out.extend(END);
}

/// Appends what all rows of a partition begin with: its hash and its key. Only a global index has a key of several
/// parts.
pub fn push_partition(out: &mut Vec<u8>, parts: &[Vec<u8>]) {
    if let [only] = parts {
        out.extend(hash(only).to_be_bytes());
        return push(out, only);
    }
    let mut whole = Vec::new();
    for part in parts {
        push(&mut whole, part);
    }
    out.extend(hash(&whole).to_be_bytes());
    out.extend(whole);
}

/// Appends what all components that begin so begin with.
pub fn push_beginning(out: &mut Vec<u8>, component: &[u8]) {
    let mut parts = component.split(|byte| *byte == 0);
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        out.extend(ESCAPED_ZERO);
        out.extend_from_slice(part);
    }
}

/// The place of a partition among all: FNV-1a, mixed so that its upper bits are as good as its lower ones. On the
/// disk for ever.
pub fn hash(partition: &[u8]) -> u32 {
    let fnv = partition.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    (mixed >> 32) as u32
}

/// The first hash of a segment, and the first one behind it (none behind the last).
pub fn segment(segment: u32, total: u32) -> (u32, Option<u32>) {
    let bound = |n: u32| (u64::from(n) << 32).div_ceil(u64::from(total.max(1)));
    let low = u32::try_from(bound(segment)).unwrap_or(u32::MAX);
    (low, u32::try_from(bound(segment + 1)).ok())
}

#[cfg(test)]
mod tests {
    use super::{hash, push, segment};

    #[test]
    fn hashes_stay_what_they_are() {
        assert_eq!([hash(b""), hash(b"a"), hash(b"user-1")], [0xECBA_3DF2, 0xED81_70DE, 0x37E1_A4C1]);
    }

    #[test]
    fn components_sort_as_their_contents() {
        let of = |bytes: &[u8]| {
            let mut out = Vec::new();
            push(&mut out, bytes);
            out
        };
        let sorted: [&[u8]; 6] = [b"", b"\0", b"\0\x01", b"\0\xff", b"\x01", b"a"];
        assert!(sorted.windows(2).all(|pair| of(pair[0]) < of(pair[1])));
    }

    #[test]
    fn segments_cover_every_hash_once() {
        for total in [1, 2, 3, 7, 1_000_000] {
            assert_eq!(segment(0, total).0, 0);
            assert_eq!(segment(total - 1, total).1, None);
            for n in 1..total.min(50) {
                assert_eq!(segment(n - 1, total).1, Some(segment(n, total).0));
            }
        }
    }
}
