//! The fields of a list, and a row of it.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html#storage-inventory-contents>

use crate::s3::acl;
use crate::s3::canonical;
use crate::s3::lifecycle::due::Subject;
use crate::s3::lifecycle::rules::LifecycleConfiguration;
use crate::s3::listing::url_encoded;
use crate::s3::model::acl::{Grant, Grantee};
use crate::s3::model::bucket::{BucketRecord, Ownership};
use crate::s3::model::object::{Encryption, Version};
use crate::s3::rows::Listed;
use crate::s3::settings::InventoryConfiguration;
use crate::s3::tiering;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::{Struct, Value};

/// What a configuration may ask for, in the order of the columns.
const OPTIONAL: [&str; 16] = [
    "Size",
    "LastModifiedDate",
    "ETag",
    "StorageClass",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
];
/// Of the JSON that tells an ACL.
const ACL_VERSION: &str = "2022-11-10";

/// The columns, as the manifest names them.
pub fn schema(configuration: &InventoryConfiguration) -> String {
    let mut columns = vec!["Bucket", "Key"];
    if configuration.of_versions() {
        columns.extend(["VersionId", "IsLatest", "IsDeleteMarker"]);
    }
    columns.extend(OPTIONAL.into_iter().filter(|field| configuration.has(field)));
    columns.join(", ")
}

/// One version of an object.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub bucket: &'a BucketRecord,
    pub key: &'a str,
    pub version: &'a Version,
    pub latest: bool,
    /// The rules of the bucket, where the configuration asks when objects expire.
    pub rules: Option<&'a LifecycleConfiguration>,
    /// When the list is made.
    pub now: Timestamp,
}

impl Row<'_> {
    /// The line of a CSV file, with its end.
    pub fn csv(&self, configuration: &InventoryConfiguration) -> String {
        let mut fields = vec![self.bucket.name.clone(), url_encoded(self.key)];
        if configuration.of_versions() {
            fields.push(if self.bucket.is_versioned() { self.version.id() } else { String::new() });
            fields.extend([self.latest, self.version.delete_marker].map(|yes| yes.to_string()));
        }
        fields.extend(OPTIONAL.into_iter().filter(|field| configuration.has(field)).map(|f| self.field(f)));
        let quoted: Vec<String> =
            fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
        quoted.join(",") + "\n"
    }

    /// What a marker does not have is empty.
    fn field(&self, name: &str) -> String {
        let version = self.version;
        match name {
            "LastModifiedDate" => return version.modified.iso8601_millis(),
            "ReplicationStatus" => return version.replication.clone().unwrap_or_default(),
            "ObjectOwner" => return canonical::id(self.owner()),
            _ if version.delete_marker => return String::new(),
            _ => {}
        }
        let retention = version.retention.as_ref();
        match name {
            "Size" => version.size.to_string(),
            "ETag" => version.etag.clone(),
            "StorageClass" => version.class.name().to_owned(),
            "IsMultipartUploaded" => version.multipart.to_string(),
            "EncryptionStatus" => encryption(&version.encryption).to_owned(),
            "ObjectLockRetainUntilDate" => retention.map(|r| r.until.iso8601_millis()).unwrap_or_default(),
            "ObjectLockMode" => match retention {
                Some(retention) if retention.compliance => "COMPLIANCE".to_owned(),
                Some(_) => "GOVERNANCE".to_owned(),
                None => String::new(),
            },
            "ObjectLockLegalHoldStatus" if !version.hold_was_put => String::new(),
            "ObjectLockLegalHoldStatus" => if version.legal_hold { "On" } else { "Off" }.to_owned(),
            "IntelligentTieringAccessTier" => {
                let tier = tiering::tier(&Listed::of(version), self.now);
                tier.map(|tier| tier.name().to_owned()).unwrap_or_default()
            }
            "BucketKeyStatus" => match &version.encryption {
                Encryption::Kms(kms) if kms.bucket_key => "ENABLED".to_owned(),
                _ => "DISABLED".to_owned(),
            },
            "ChecksumAlgorithm" => {
                version.checksum.as_ref().map(|sum| sum.algorithm.clone()).unwrap_or_default()
            }
            "ObjectAccessControlList" => STANDARD.encode(wire::json::text(&self.acl())),
            "LifecycleExpirationDate" => self.expires(),
            _ => String::new(),
        }
    }

    fn owner(&self) -> base::AccountId {
        match self.bucket.ownership {
            Ownership::BucketOwnerEnforced => self.bucket.owner,
            _ => self.version.owner,
        }
    }

    fn acl(&self) -> Value {
        let grants = match self.bucket.ownership {
            Ownership::BucketOwnerEnforced => acl::private(self.bucket.owner),
            _ if self.version.grants.is_empty() => acl::private(self.version.owner),
            _ => self.version.grants.clone(),
        };
        let members = [
            ("version", Value::str(ACL_VERSION)),
            ("status", Value::str("AVAILABLE")),
            ("grants", Value::List(grants.iter().map(grant).collect())),
        ];
        Value::Struct(members.into_iter().collect::<Struct>())
    }

    fn expires(&self) -> String {
        let subject = Subject {
            key: self.key,
            size: self.version.size,
            tags: &self.version.tags,
            modified: self.version.modified,
            class: self.version.class.name(),
        };
        let due = self.rules.filter(|_| self.latest).and_then(|rules| rules.expiry(&subject));
        due.map(|due| due.at.iso8601_millis()).unwrap_or_default()
    }
}

fn grant(grant: &Grant) -> Value {
    let (who, kind) = match grant.grantee {
        Grantee::Account(account) => (("canonicalId", canonical::id(account)), "CanonicalUser"),
        Grantee::AllUsers => (("uri", acl::ALL_USERS.to_owned()), "Group"),
        Grantee::AuthenticatedUsers => (("uri", acl::AUTHENTICATED_USERS.to_owned()), "Group"),
        Grantee::LogDelivery => (("uri", acl::LOG_DELIVERY.to_owned()), "Group"),
    };
    let members = [
        (who.0, Value::Str(who.1)),
        ("type", Value::str(kind)),
        ("permission", Value::str(acl::permission_name(grant.permission))),
    ];
    Value::Struct(members.into_iter().collect::<Struct>())
}

fn encryption(how: &Encryption) -> &'static str {
    match how {
        Encryption::S3 => "SSE-S3",
        Encryption::Kms(kms) if kms.dual => "DSSE-KMS",
        Encryption::Kms(_) => "SSE-KMS",
        Encryption::Customer(_) => "SSE-C",
    }
}
