//! The versions of an object, and where their rows lie.
//!
//! ```text
//! CURRENT   bucket's scope · key                    the version that a plain GET answers
//! VERSIONS  bucket's scope · key · ¬order (8)       all others, newest first: noncurrent ones, and delete markers
//! NULLS     bucket's scope · key                    the order of the null version, while it is not the current one
//! ```
//!
//! The scope is [`super::bucket::BucketRecord::scope`]; keys sort as their UTF-8 bytes. A listing of objects is a walk through
//! `CURRENT` and costs what it lists, however many versions and markers there are; a listing of versions walks both
//! tables side by side. A current version is always newer than every other of its key. A key whose newest version
//! is a delete marker has no row in `CURRENT`. A bucket whose versions were never kept has rows in `CURRENT` only.
//!
//! INVARIANT: rows change only in [`crate::s3::versions`].

use super::acl::Grant;
use super::version_id::{NULL, VersionId};
use crate::piece::Piece;
use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use store::{Key, Table};

store::record! {
    /// One version. The fields that listings read come first, so that a reader may stop early.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Version {
        /// Among the versions of its key: later ones are higher. Microseconds, or more where the clock did not move.
        1 => pub order: u64,
        /// The 16 bytes of its id; empty for the null version.
        2 => pub chance: Vec<u8>,
        3 => pub delete_marker: bool,
        4 => pub modified: Timestamp,
        5 => pub size: u64,
        /// Without quotes: `d41d8cd98f00b204e9800998ecf8427e-3`.
        6 => pub etag: String,
        7 => pub class: StorageClass,
        8 => pub checksum: Option<Checksum>,
        /// Who owns it: the uploader, or the bucket's owner.
        9 => pub owner: AccountId,
        10 => pub pieces: Vec<Piece>,
        /// `content-type`, `cache-control`, ... by their headers' lower-case names.
        11 => pub headers: BTreeMap<String, String>,
        /// User metadata, names without `x-amz-meta-`, in lower case.
        12 => pub metadata: BTreeMap<String, String>,
        13 => pub tags: BTreeMap<String, String>,
        /// The ACL. Empty stands for: the owner has full control.
        14 => pub grants: Vec<Grant>,
        15 => pub encryption: Encryption,
        16 => pub retention: Option<Retention>,
        17 => pub legal_hold: bool,
        /// `x-amz-website-redirect-location`
        18 => pub redirect: Option<String>,
        19 => pub restore: Option<Restore>,
        /// `PENDING`, `COMPLETED`, `FAILED`, `REPLICA`.
        20 => pub replication: Option<String>,
        /// It was completed from parts.
        21 => pub multipart: bool,
        /// When it stopped being the current version.
        22 => pub noncurrent_since: Option<Timestamp>,
        /// When it was read last, or came into its class, where its access tier goes by that.
        23 => pub accessed: Option<Timestamp>,
        /// The archive of Intelligent-Tiering that it lies in.
        24 => pub archive: Option<ArchiveTier>,
        /// A legal hold was put at some time, be it `OFF` now.
        30 => pub hold_was_put: bool,
    }

    /// What S3 reports as the object's checksum.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Checksum {
        /// `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1`, `SHA256`.
        1 => pub algorithm: String,
        /// Before base64.
        2 => pub value: Vec<u8>,
        /// Of the parts' checksums rather than of all bytes.
        3 => pub composite: bool,
    }

    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Retention {
        1 => pub compliance: bool,
        2 => pub until: Timestamp,
    }

    /// A copy of an archived object that can be read for a while.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Restore {
        /// When the copy is there.
        1 => pub ready: Timestamp,
        2 => pub days: u32,
        3 => pub expires: Timestamp,
        4 => pub tier: String,
    }

    /// Under a key of KMS.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct KmsEncryption {
        /// The key's ARN.
        1 => pub key: String,
        /// The data key as KMS sealed it.
        2 => pub sealed: Vec<u8>,
        3 => pub bucket_key: bool,
        /// Context of the caller beside S3's own.
        4 => pub context: BTreeMap<String, String>,
        /// `aws:kms:dsse`.
        5 => pub dual: bool,
    }
}

store::record_enum! {
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub enum Encryption {
        /// Under S3's own keys, `AES256`.
        1 => S3,
        2 => Kms(KmsEncryption),
        /// Under a key that the caller brings each time: the MD5 of it, salted, by which it is recognized.
        3 => Customer(Vec<u8>),
    }

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub enum StorageClass {
        1 => Standard,
        2 => ReducedRedundancy,
        3 => StandardIa,
        4 => OnezoneIa,
        5 => IntelligentTiering,
        6 => Glacier,
        7 => DeepArchive,
        8 => GlacierIr,
    }
}

store::record_enum! {
    /// Where what is archived lies: the deeper, the longer it takes to come back.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub enum ArchiveTier {
        1 => Archive,
        2 => Deep,
    }
}

pub const CURRENT: Table<Version> = Table::new(0x2003, "s3/objects");
pub const VERSIONS: Table<Version> = Table::new(0x2004, "s3/versions");
pub const NULLS: Table<NullVersion> = Table::new(0x2005, "s3/null versions");

store::record! {
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct NullVersion {
        1 => pub order: u64,
    }
}

/// The key of an object's row in [`CURRENT`] and [`NULLS`].
pub fn current_key(scope: &Key, key: &str) -> Key {
    scope.clone().str(key)
}

/// The key of a version's row in [`VERSIONS`].
pub fn version_key(scope: &Key, key: &str, order: u64) -> Key {
    scope.clone().str(key).u64(!order)
}

impl Version {
    pub fn is_null(&self) -> bool {
        self.chance.is_empty()
    }

    /// The id that callers see: `null`, or 32 characters.
    pub fn id(&self) -> String {
        match self.chance.as_slice().try_into() {
            Ok(chance) => VersionId { order: self.order, chance }.text(),
            Err(_) => NULL.to_owned(),
        }
    }
}

impl StorageClass {
    pub const ALL: [StorageClass; 8] = [
        StorageClass::Standard,
        StorageClass::ReducedRedundancy,
        StorageClass::StandardIa,
        StorageClass::OnezoneIa,
        StorageClass::IntelligentTiering,
        StorageClass::Glacier,
        StorageClass::DeepArchive,
        StorageClass::GlacierIr,
    ];

    pub fn name(self) -> &'static str {
        match self {
            StorageClass::Standard => "STANDARD",
            StorageClass::ReducedRedundancy => "REDUCED_REDUNDANCY",
            StorageClass::StandardIa => "STANDARD_IA",
            StorageClass::OnezoneIa => "ONEZONE_IA",
            StorageClass::IntelligentTiering => "INTELLIGENT_TIERING",
            StorageClass::Glacier => "GLACIER",
            StorageClass::DeepArchive => "DEEP_ARCHIVE",
            StorageClass::GlacierIr => "GLACIER_IR",
        }
    }

    /// As headers tell it: of the usual class they are silent.
    pub(crate) fn told(self) -> Option<String> {
        (self != StorageClass::Standard).then(|| self.name().to_owned())
    }

    pub fn parse(name: &str) -> Option<StorageClass> {
        StorageClass::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Its objects, all of them, cannot be read until they are restored.
    pub fn is_archive(self) -> bool {
        matches!(self, StorageClass::Glacier | StorageClass::DeepArchive)
    }
}
