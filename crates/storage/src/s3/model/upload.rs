//! Uploads in parts, until they are completed or aborted.
//!
//! ```text
//! UPLOADS  bucket's scope · key · begun (8) · chance (8)
//! PARTS    the same · part number (4)
//! ```
//!
//! So uploads lie as `ListMultipartUploads` lists them, by key and then by time, and an upload's id holds the rest of its
//! row's key.

use super::acl::Grant;
use super::object::{Encryption, Retention, StorageClass};
use crate::piece::Piece;
use base::{AccountId, Rng, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;
use store::{Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Upload {
        1 => pub begun: Timestamp,
        /// The ARN of who began it.
        2 => pub initiator: String,
        3 => pub initiator_account: AccountId,
        /// Who will own the object.
        4 => pub owner: AccountId,
        5 => pub class: StorageClass,
        6 => pub headers: BTreeMap<String, String>,
        7 => pub metadata: BTreeMap<String, String>,
        8 => pub tags: BTreeMap<String, String>,
        9 => pub grants: Vec<Grant>,
        10 => pub encryption: Encryption,
        11 => pub retention: Option<Retention>,
        12 => pub legal_hold: bool,
        13 => pub redirect: Option<String>,
        /// The algorithm that was asked for.
        14 => pub checksum: Option<String>,
        /// `COMPOSITE` rather than `FULL_OBJECT`.
        15 => pub composite: bool,
        16 => pub initiator_name: String,
        /// An object of its key was deleted, and has left nothing that tells of it.
        17 => pub overtaken: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Part {
        1 => pub piece: Piece,
        /// Without quotes.
        2 => pub etag: String,
        3 => pub modified: Timestamp,
        /// The algorithm of the checksum that it was sent with.
        4 => pub checksum: Option<String>,
        /// The checksum by that algorithm; the piece's is by the upload's.
        5 => pub stated: Vec<u8>,
    }

    /// What became of an upload, for those who complete it a second time.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Completed {
        1 => pub at: Timestamp,
        2 => pub order: u64,
        3 => pub id: String,
    }
}

pub const UPLOADS: Table<Upload> = Table::new(0x2006, "s3/uploads");
pub const PARTS: Table<Part> = Table::new(0x2007, "s3/parts");
/// Under the keys that the uploads had.
pub const COMPLETED: Table<Completed> = Table::new(0x2008, "s3/completed uploads");

/// What tells an upload from the others of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UploadId {
    pub begun: Timestamp,
    pub chance: u64,
}

impl UploadId {
    pub fn new(now: Timestamp, rng: &Rng) -> UploadId {
        UploadId { begun: now, chance: rng.u64() }
    }

    pub fn text(&self) -> String {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.chance.to_be_bytes());
        let begun = (self.begun.micros() as u64) ^ self.chance.rotate_left(29);
        bytes[8..].copy_from_slice(&begun.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(text: &str) -> Option<UploadId> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (chance, begun) = bytes.split_first_chunk::<8>()?;
        let chance = u64::from_be_bytes(*chance);
        let begun = u64::from_be_bytes(begun.try_into().ok()?) ^ chance.rotate_left(29);
        Some(UploadId { begun: Timestamp::from_micros(begun as i64), chance })
    }

    pub fn key(&self, scope: &Key, object: &str) -> Key {
        scope.clone().str(object).time(self.begun).u64(self.chance)
    }

    pub fn part_key(&self, scope: &Key, object: &str, number: u32) -> Key {
        self.key(scope, object).u32(number)
    }
}

#[cfg(test)]
mod tests {
    use super::UploadId;
    use base::{Rng, Timestamp};

    #[test]
    fn an_id_leads_back_to_its_row() {
        let id = UploadId::new(Timestamp::from_seconds(1_768_478_400), &Rng::seeded(2));
        assert_eq!(UploadId::parse(&id.text()), Some(id));
        assert_eq!(UploadId::parse("nope"), None);
    }
}
