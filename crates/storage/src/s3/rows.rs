//! Walks through the rows of a bucket for listings: in order, from any bytes on, reading of each row only what a
//! listing shows.

use super::buckets::Bucket;
use super::errors::{Refusal, S3Error};
use super::model::object::{ArchiveTier, CURRENT, Restore, StorageClass, VERSIONS, Version, version_key};
use super::model::version_id::{NULL, VersionId};
use base::{AccountId, Timestamp};
use std::iter::Peekable;
use store::key::KeyReader;
use store::{Direction, Key, KeyRange, Read, Record, Slice, StoreError};

store::record! {
    /// Of [`super::model::object::Version`], with its numbers.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Listed {
        1 => pub order: u64,
        2 => pub chance: Vec<u8>,
        3 => pub delete_marker: bool,
        4 => pub modified: Timestamp,
        5 => pub size: u64,
        6 => pub etag: String,
        7 => pub class: StorageClass,
        8 => pub checksum: Option<ListedChecksum>,
        9 => pub owner: AccountId,
        19 => pub restore: Option<Restore>,
        23 => pub accessed: Option<Timestamp>,
        24 => pub archive: Option<ArchiveTier>,
    }

    /// Of [`super::model::object::Checksum`].
    #[derive(Clone, PartialEq, Debug)]
    pub struct ListedChecksum {
        1 => pub algorithm: String,
        3 => pub composite: bool,
    }
}

impl ListedChecksum {
    /// `ChecksumType`.
    pub(crate) fn kind(&self) -> &'static str {
        if self.composite { "COMPOSITE" } else { "FULL_OBJECT" }
    }
}

impl Listed {
    /// What a version's class, age and archive are told by.
    pub(crate) fn of(version: &Version) -> Listed {
        Listed {
            modified: version.modified,
            size: version.size,
            class: version.class,
            restore: version.restore.clone(),
            accessed: version.accessed,
            archive: version.archive,
            ..Listed::default()
        }
    }

    pub(crate) fn id(&self) -> String {
        match self.chance.as_slice().try_into() {
            Ok(chance) => VersionId { order: self.order, chance }.text(),
            Err(_) => NULL.to_owned(),
        }
    }
}

/// Rows by key.
pub(crate) type Rows<'a> = Box<dyn Iterator<Item = Result<(String, Listed), S3Error>> + 'a>;

/// The keys of a table that begin with the bucket's scope.
struct Space<'b> {
    scope: &'b Key,
    stored: fn(&Key) -> Vec<u8>,
}

impl Space<'_> {
    fn range(&self, start: Vec<u8>) -> KeyRange {
        KeyRange { start: Slice::from(start), end: KeyRange::prefix(&(self.stored)(self.scope)).end }
    }

    fn rows<'a>(&self, from: &'a dyn Read, range: KeyRange) -> Rows<'a> {
        let skip = (self.stored)(self.scope).len();
        Box::new(from.scan(range, Direction::Forward).map(move |pair| row(pair, skip)))
    }
}

/// Behind the table and the scope, a row's key begins with the object's.
fn row(pair: Result<(Slice, Slice), StoreError>, skip: usize) -> Result<(String, Listed), S3Error> {
    let (key, value) = pair?;
    let name = KeyReader::over(key.get(skip..).unwrap_or_default()).str();
    let listed = Listed::from_bytes(&value).map_err(|problem| {
        kernel::log::error("an object's row cannot be read", &[("problem", &problem.to_string())]);
        Refusal::Internal
    })?;
    name.map(|name| (name, listed)).ok_or_else(|| Refusal::Internal.into())
}

fn current_space(bucket: &Bucket) -> Space<'_> {
    Space { scope: &bucket.scope, stored: |key| CURRENT.stored_key(key) }
}

fn other_space(bucket: &Bucket) -> Space<'_> {
    Space { scope: &bucket.scope, stored: |key| VERSIONS.stored_key(key) }
}

/// Current objects from `start` on.
pub(crate) fn current<'a>(from: &'a dyn Read, bucket: &Bucket, start: &[u8]) -> Rows<'a> {
    let space = current_space(bucket);
    let start = CURRENT.stored_key(&bucket.scope.clone().bytes(start));
    space.rows(from, space.range(start))
}

/// Versions and delete markers, each with whether it is the newest of its key: by key, the newest first.
pub(crate) struct AllVersions<'a> {
    current: Peekable<Rows<'a>>,
    others: Peekable<Rows<'a>>,
    /// The key that came last, whose newest has been seen.
    seen: Option<String>,
}

/// All versions from the key `start` on.
pub(crate) fn versions<'a>(from: &'a dyn Read, bucket: &Bucket, start: &[u8]) -> AllVersions<'a> {
    let space = other_space(bucket);
    let others = VERSIONS.stored_key(&bucket.scope.clone().bytes(start));
    AllVersions {
        current: current(from, bucket, start).peekable(),
        others: space.rows(from, space.range(others)).peekable(),
        seen: None,
    }
}

/// What follows one version, which may be gone since: the older ones of its key, then the other keys.
pub(crate) fn versions_after<'a>(
    from: &'a dyn Read,
    bucket: &Bucket,
    key: &str,
    order: u64,
) -> Result<AllVersions<'a>, S3Error> {
    let space = other_space(bucket);
    let last = VERSIONS.stored_key(&version_key(&bucket.scope, key, order));
    // Where all that was newer is gone, the newest is yet to come.
    let newest = versions(from, bucket, key.as_bytes()).next().transpose()?;
    let is_ahead = newest.is_some_and(|(name, (listed, _))| name == key && listed.order < order);
    let start = if is_ahead { key.as_bytes().to_vec() } else { super::listing::behind_key(key) };
    Ok(AllVersions {
        current: current(from, bucket, &start).peekable(),
        others: space.rows(from, space.range(last.clone()).after(&last)).peekable(),
        seen: (!is_ahead).then(|| key.to_owned()),
    })
}

impl Iterator for AllVersions<'_> {
    type Item = Result<(String, (Listed, bool)), S3Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let takes_current = match (self.current.peek(), self.others.peek()) {
            (None, None) => return None,
            (Some(_), None) | (Some(Err(_)), _) => true,
            (None, Some(_)) | (_, Some(Err(_))) => false,
            // A current version is newer than all others of its key.
            (Some(Ok((current, _))), Some(Ok((other, _)))) => current <= other,
        };
        let (key, listed) = match if takes_current { self.current.next() } else { self.others.next() }? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let newest = self.seen.as_ref() != Some(&key);
        if newest {
            self.seen = Some(key.clone());
        }
        Some(Ok((key, (listed, newest))))
    }
}
