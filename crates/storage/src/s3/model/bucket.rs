//! A bucket's record.
//!
//! What every request to a bucket or an object must know stands in it, so that one read (and, between changes, one
//! comparison of bytes: [`crate::s3::buckets`]) tells it. Configurations that only their own operations and
//! background work read belong in tables of their own.

use crate::s3::model::acl::Grant;
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use store::{Index, Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct BucketRecord {
        1 => pub name: String,
        2 => pub owner: AccountId,
        /// Under which its objects lie: never used again, so a new bucket of the same name never sees old rows.
        3 => pub number: u64,
        4 => pub region: Region,
        5 => pub created: Timestamp,
        6 => pub versioning: Versioning,
        /// Object lock is possible; with a rule, also on for new objects.
        7 => pub object_lock: bool,
        8 => pub lock_rule: Option<LockRule>,
        9 => pub encryption: DefaultEncryption,
        10 => pub ownership: Ownership,
        /// The ACL. Empty grants nobody anything.
        11 => pub grants: Vec<Grant>,
        /// The public access block, where there is one.
        12 => pub public_access: Option<PublicAccess>,
        /// The policy, bound to those whom it names, and who they are.
        13 => pub policy: Option<String>,
        31 => pub policy_names: BTreeMap<String, String>,
        14 => pub tags: BTreeMap<String, String>,
        15 => pub requester_pays: bool,
        /// `Enabled` or `Suspended`.
        16 => pub accelerate: Option<String>,
        /// The ownership controls were deleted; `ownership` is then what S3 does without any.
        30 => pub no_ownership_controls: bool,
        /// Versions go, and versioning changes, with a code of root's MFA device only.
        32 => pub mfa_delete: MfaDelete,
        /// It was made in `EU` rather than in eu-west-1, which is what its location says then.
        33 => pub by_old_name: bool,
    }

    /// The default retention: days or years.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct LockRule {
        1 => pub compliance: bool,
        2 => pub days: u32,
        3 => pub years: u32,
    }

    /// What a new object is encrypted with, unless its request says otherwise.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct DefaultEncryption {
        /// KMS rather than S3's own keys.
        1 => pub kms: bool,
        /// The key as it was given; none stands for the account's `aws/s3`.
        2 => pub key: Option<String>,
        3 => pub bucket_key: bool,
        /// Kinds of encryption with which nothing new may be put, or `NONE`, as they were said.
        4 => pub blocked: Vec<String>,
        /// Somebody has said so, be it what holds anyway.
        5 => pub was_put: bool,
        /// `aws:kms:dsse`: KMS, and a second layer.
        6 => pub dual: bool,
    }

    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct PublicAccess {
        1 => pub block_acls: bool,
        2 => pub ignore_acls: bool,
        3 => pub block_policy: bool,
        4 => pub restrict: bool,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Versioning {
        1 => Never,
        2 => Enabled,
        3 => Suspended,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum MfaDelete {
        1 => Never,
        2 => Enabled,
        3 => Disabled,
    }

    /// Who owns what others upload, and whether ACLs count at all.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Ownership {
        1 => BucketOwnerEnforced,
        2 => BucketOwnerPreferred,
        3 => ObjectWriter,
    }
}

/// By name: one namespace for all accounts.
pub const BUCKETS: Table<BucketRecord> = Table::new(0x2001, "s3/buckets");
/// An account's buckets, by name.
pub const BUCKETS_OF: Index = Index::new(0x2002, "s3/buckets by owner");

/// What [`DefaultEncryption::blocked`] calls encryption under keys that callers bring.
const BY_CUSTOMER: &str = "SSE-C";

impl DefaultEncryption {
    /// AWS, since April 2026: nothing new under callers' own keys, unless the bucket's encryption says so.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-s3-c-encryption-setting-faq.html>
    pub fn of_new_buckets() -> DefaultEncryption {
        DefaultEncryption { blocked: vec![BY_CUSTOMER.to_owned()], ..DefaultEncryption::default() }
    }

    /// Whether nothing new may be put under callers' own keys.
    pub fn blocks_customers(&self) -> bool {
        self.blocked.iter().any(|kind| kind == BY_CUSTOMER)
    }
}

impl BucketRecord {
    pub fn key(name: &str) -> Key {
        Key::global().str(name)
    }

    /// Under [`BUCKETS_OF`].
    pub fn owner_key(&self) -> Key {
        Key::account(self.owner).str(&self.name)
    }

    /// What the keys of everything in the bucket begin with, in every table.
    pub fn scope(&self) -> Key {
        Key::account(self.owner).u64(self.number)
    }

    pub fn arn(&self) -> String {
        arn(&self.name)
    }

    /// Versions are kept, or were.
    pub fn is_versioned(&self) -> bool {
        self.versioning != Versioning::Never
    }
}

/// What the ARNs of buckets, and of what lies in them, begin with.
pub const ARN: &str = "arn:aws:s3:::";

/// A bucket's ARN.
pub fn arn(bucket: &str) -> String {
    [ARN, bucket].concat()
}

/// The name in a bucket's ARN.
pub fn of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix(ARN).filter(|name| !name.is_empty() && !name.contains('/'))
}

/// An object's ARN.
pub fn object_arn(bucket: &str, key: &str) -> String {
    [ARN, bucket, "/", key].concat()
}
