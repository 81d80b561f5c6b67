//! What tells of the files of a list, and where all of it lies.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>

use crate::s3::settings::InventoryConfiguration;
use base::Timestamp;
use wire::{Struct, Value};

/// A file of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    pub key: String,
    pub size: u64,
    /// In hexadecimal digits.
    pub md5: String,
}

/// The folder of a configuration: `prefix/source bucket/id`.
pub fn folder(configuration: &InventoryConfiguration, source: &str) -> String {
    let prefix = configuration.destination.bucket.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map(|prefix| format!("{}/", prefix.trim_end_matches('/'))).unwrap_or_default();
    format!("{prefix}{source}/{}", configuration.id)
}

/// Within it, the folder of a list that was begun then: `2026-01-16T00-00Z`.
pub fn dated(begun: Timestamp) -> String {
    let iso = begun.iso8601();
    format!("{}Z", iso[..16].replace(':', "-"))
}

/// Within it, the list of the files for Hive: `hive/dt=2026-01-16-00-00/symlink.txt`.
pub fn symlinks(begun: Timestamp) -> String {
    format!("hive/dt={}/symlink.txt", begun.iso8601()[..16].replace(['T', ':'], "-"))
}

/// `manifest.json`
pub fn text(
    configuration: &InventoryConfiguration,
    source: &str,
    begun: Timestamp,
    files: &[File],
) -> String {
    let structure =
        |members: Vec<(&'static str, Value)>| Value::Struct(members.into_iter().collect::<Struct>());
    let file = |file: &File| {
        structure(vec![
            ("key", Value::str(file.key.as_str())),
            ("size", Value::Int(i64::try_from(file.size).unwrap_or(i64::MAX))),
            ("MD5checksum", Value::str(file.md5.as_str())),
        ])
    };
    let to = &configuration.destination.bucket;
    let manifest = structure(vec![
        ("sourceBucket", Value::str(source)),
        ("destinationBucket", Value::str(to.bucket.as_str())),
        ("version", Value::str("2016-11-30")),
        ("creationTimestamp", Value::Str((begun.micros() / 1_000).to_string())),
        ("fileFormat", Value::str(to.format.as_str())),
        ("fileSchema", Value::Str(super::row::schema(configuration))),
        ("files", Value::List(files.iter().map(file).collect())),
    ]);
    wire::json::text(&manifest)
}
