//! Changing the rows of objects: what a put, a delete and a copy do under each state of versioning.
//!
//! ```text
//!               versions never kept     kept                        suspended
//! put           replaces                adds, older ones stay       replaces the null version, older ones stay
//! delete        removes                 adds a marker               replaces the null version by a marker
//! delete of id  removes (only "null")   removes that version        removes that version
//! ```
//!
//! All of it within the caller's transaction. Contents are claimed by whoever made them; released here. See
//! [`super::model::object`] for where rows lie.

use super::buckets::Bucket;
use super::errors::{Refusal, S3Error, argument};
use super::model::bucket::Versioning;
use super::model::object::{CURRENT, NULLS, NullVersion, VERSIONS, Version, current_key, version_key};
use super::model::version_id::{NULL, VersionId};
use super::{overtaken, work};
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Read, StoreError};

/// A version, and whether it is the current one.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    pub version: Version,
    pub current: bool,
}

/// What a delete has done.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Deleted {
    /// A delete marker was made, or removed.
    pub marker: bool,
    /// The id of what was made or removed, where the bucket keeps versions.
    pub id: Option<String>,
}

/// The current version; `None` also where the newest one is a delete marker.
///
/// # Errors
/// The store's.
pub fn current(from: &dyn Read, bucket: &Bucket, key: &str) -> Result<Option<Version>, StoreError> {
    CURRENT.get(from, &current_key(&bucket.scope, key))
}

/// The newest version, which may be a delete marker.
///
/// # Errors
/// The store's.
pub fn newest(from: &dyn Read, bucket: &Bucket, key: &str) -> Result<Option<Version>, StoreError> {
    match current(from, bucket, key)? {
        None if bucket.record.is_versioned() => newest_other(from, bucket, key),
        found => Ok(found),
    }
}

/// The newest of those that are not in `CURRENT`.
fn newest_other(from: &dyn Read, bucket: &Bucket, key: &str) -> Result<Option<Version>, StoreError> {
    let prefix = current_key(&bucket.scope, key);
    let first = VERSIONS.scan(from, &prefix, Direction::Forward).next().transpose()?;
    Ok(first.map(|(_, version)| version))
}

/// The version with this id, be it a delete marker.
///
/// # Errors
/// `InvalidArgument` for what is no id; the store's.
pub fn by_id(from: &dyn Read, bucket: &Bucket, key: &str, id: &str) -> Result<Option<Found>, S3Error> {
    let current = current(from, bucket, key)?;
    let row = current_key(&bucket.scope, key);
    if id == NULL {
        if let Some(version) = current.filter(Version::is_null) {
            return Ok(Some(Found { version, current: true }));
        }
        let Some(null) = NULLS.get(from, &row)? else { return Ok(None) };
        let version = VERSIONS.get(from, &version_key(&bucket.scope, key, null.order))?;
        return Ok(version.map(|version| Found { version, current: false }));
    }
    let invalid = || match id {
        "" => argument("Version id cannot be the empty string", "versionId", id),
        _ => argument("Invalid version id specified", "versionId", id),
    };
    let parsed = VersionId::parse(id).ok_or_else(invalid)?;
    let is_it = |version: &Version| version.order == parsed.order && version.chance == parsed.chance;
    if let Some(version) = current.filter(|version| is_it(version)) {
        return Ok(Some(Found { version, current: true }));
    }
    let version = VERSIONS.get(from, &version_key(&bucket.scope, key, parsed.order))?;
    match version.filter(|version| is_it(version)) {
        Some(version) => Ok(Some(Found { version, current: false })),
        None if parsed.is_genuine() => Ok(None),
        None => Err(invalid()),
    }
}

/// The version that a request means: by its id, or the current one. Never a delete marker.
///
/// # Errors
/// `NoSuchKey`, `NoSuchVersion`; `MethodNotAllowed` where the id is a delete marker's.
pub fn wanted(
    from: &dyn Read,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
    method: &'static str,
) -> Result<Found, S3Error> {
    let Some(id) = id else {
        return match newest(from, bucket, key)? {
            Some(version) if !version.delete_marker => Ok(Found { version, current: true }),
            Some(marker) => Err(marked(bucket, Refusal::NoSuchKey(key.to_owned()).into(), &marker)),
            None => Err(Refusal::NoSuchKey(key.to_owned()).into()),
        };
    };
    match by_id(from, bucket, key, id)? {
        Some(found) if !found.version.delete_marker => Ok(found),
        Some(marker) => Err(is_marker(bucket, &marker.version, method)),
        None => Err(Refusal::NoSuchVersion(key.to_owned(), id.to_owned()).into()),
    }
}

/// As [`wanted`], for what belongs to a version itself (tags, locks, the ACL that is put): a delete marker on top is
/// taken for what is meant.
///
/// # Errors
/// `NoSuchKey`, `NoSuchVersion`; `MethodNotAllowed` for delete markers.
pub fn wanted_itself(
    from: &dyn Read,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
    method: &'static str,
) -> Result<Found, S3Error> {
    if id.is_none()
        && let Some(marker) = newest(from, bucket, key)?.filter(|version| version.delete_marker)
    {
        return Err(is_marker(bucket, &marker, method));
    }
    wanted(from, bucket, key, id, method)
}

fn is_marker(bucket: &Bucket, marker: &Version, method: &'static str) -> S3Error {
    let refusal = Refusal::MethodNotAllowed(method, "DeleteMarker");
    let modified = marker.modified.http_date();
    let error = S3Error::from(refusal).header("allow", "DELETE").header("last-modified", modified);
    marked(bucket, error, marker)
}

fn marked(bucket: &Bucket, error: S3Error, marker: &Version) -> S3Error {
    let error = error.header("x-amz-delete-marker", "true");
    if bucket.record.is_versioned() { error.header("x-amz-version-id", marker.id()) } else { error }
}

/// Puts a version; its order, id and time are set here. Answers it as it was put.
///
/// # Errors
/// The store's.
pub fn put(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, version: Version) -> Result<Version, StoreError> {
    put_on_top(cx, bucket, key, Version { modified: cx.now, ..version })
}

fn put_on_top(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    mut version: Version,
) -> Result<Version, StoreError> {
    let place = Place { bucket, key };
    let older = place.make_way(cx)?;
    version.order = order_after(version.modified, older);
    version.chance = chance(cx, bucket, version.order);
    version.replication = work::note_replica(cx, bucket, key, &version)?;
    CURRENT.put(cx.tx, &current_key(&bucket.scope, key), &version);
    Ok(version)
}

/// Puts a version that was completed from parts. It is of the moment at which its upload began, so what was put since is
/// newer: that stays on top, and where there is no room below it, what was completed is gone at once.
///
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html> (`Last-Modified`); recorded answers.
///
/// # Errors
/// The store's.
pub fn put_completed(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    mut version: Version,
    begun: Timestamp,
) -> Result<Version, StoreError> {
    let place = Place { bucket, key };
    version.modified = begun;
    if newest(cx.tx, bucket, key)?.is_none_or(|newest| newest.modified <= begun) {
        return put_on_top(cx, bucket, key, version);
    }
    let keeps = bucket.record.versioning;
    let null = if keeps == Versioning::Enabled { None } else { place.null(cx)? };
    if keeps == Versioning::Never || null.is_some_and(|null| null.modified > begun) {
        release(cx, &version)?;
        return Ok(version);
    }
    if keeps == Versioning::Suspended {
        place.delete_null(cx, &current_key(&bucket.scope, key))?;
    }
    let Some(order) = place.order_below(cx, begun)? else { return put_on_top(cx, bucket, key, version) };
    version.order = order;
    version.chance = chance(cx, bucket, order);
    version.noncurrent_since = Some(cx.now);
    version.replication = work::note_replica(cx, bucket, key, &version)?;
    place.put_other(cx, &version);
    Ok(version)
}

/// What tells a new version's id from others; null versions have none.
fn chance(cx: &Cx<'_>, bucket: &Bucket, order: u64) -> Vec<u8> {
    match bucket.record.versioning {
        Versioning::Enabled => VersionId::new(order, cx.rng()).chance.to_vec(),
        Versioning::Never | Versioning::Suspended => Vec::new(),
    }
}

/// Takes in a version that was made in another bucket, with its id and its time: in its place among those that are
/// there. One that is there already stays. Answers whether it is new there.
///
/// # Errors
/// The store's.
pub fn receive(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    mut version: Version,
) -> Result<bool, StoreError> {
    let place = Place { bucket, key };
    let row = current_key(&bucket.scope, key);
    let old = CURRENT.get(cx.tx, &row)?;
    let top = match &old {
        Some(old) => Some(old.clone()),
        None => newest_other(cx.tx, bucket, key)?,
    };
    let same = |there: &Version| there.order == version.order;
    if top.as_ref().is_some_and(same)
        || VERSIONS.get(cx.tx, &version_key(&bucket.scope, key, version.order))?.is_some()
    {
        return release(cx, &version).map(|()| false);
    }
    if top.is_some_and(|top| top.order > version.order) {
        version.noncurrent_since = Some(cx.now);
        place.put_other(cx, &version);
        return Ok(true);
    }
    if let Some(mut old) = old {
        CURRENT.delete(cx.tx, &row);
        old.noncurrent_since = Some(cx.now);
        place.put_other(cx, &old);
    }
    version.noncurrent_since = None;
    if version.delete_marker {
        place.put_other(cx, &version);
    } else {
        CURRENT.put(cx.tx, &row, &version);
    }
    Ok(true)
}

/// Deletes an object without naming a version.
///
/// # Errors
/// The store's.
pub fn delete(cx: &mut Cx<'_>, bucket: &Bucket, key: &str) -> Result<Deleted, StoreError> {
    put_away(cx, bucket, key, true)
}

/// As [`delete`], by a lifecycle's rule: such markers are not copied to other buckets.
///
/// # Errors
/// The store's.
pub fn expire(cx: &mut Cx<'_>, bucket: &Bucket, key: &str) -> Result<Deleted, StoreError> {
    put_away(cx, bucket, key, false)
}

fn put_away(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, is_copied: bool) -> Result<Deleted, StoreError> {
    let place = Place { bucket, key };
    let older = place.make_way(cx)?;
    if !bucket.record.is_versioned() {
        // Where nothing was, nothing has gone.
        if older != 0 {
            overtaken::note(cx, bucket, key)?;
        }
        return Ok(Deleted::default());
    }
    let order = order_after(cx.now, older);
    let chance = chance(cx, bucket, order);
    let mut marker = Version {
        order,
        chance,
        delete_marker: true,
        modified: cx.now,
        owner: bucket.record.owner,
        ..Version::default()
    };
    if is_copied {
        marker.replication = work::note_replica(cx, bucket, key, &marker)?;
    }
    place.put_other(cx, &marker);
    Ok(Deleted { marker: true, id: Some(marker.id()) })
}

/// Deletes a version for good. Whoever calls has asked [`super::lock`].
///
/// # Errors
/// The store's.
pub fn delete_version(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    found: &Found,
) -> Result<Deleted, StoreError> {
    let place = Place { bucket, key };
    let version = &found.version;
    release(cx, version)?;
    if found.current {
        CURRENT.delete(cx.tx, &current_key(&bucket.scope, key));
    } else {
        place.delete_other(cx, version);
    }
    if found.current {
        overtaken::note(cx, bucket, key)?;
    }
    // An older one comes up, unless a marker is on top.
    if bucket.record.is_versioned()
        && (found.current || version.delete_marker)
        && current(cx.tx, bucket, key)?.is_none()
        && let Some(mut next) = newest_other(cx.tx, bucket, key)?
        && !next.delete_marker
    {
        place.delete_other(cx, &next);
        next.noncurrent_since = None;
        CURRENT.put(cx.tx, &current_key(&bucket.scope, key), &next);
    }
    let id = bucket.record.is_versioned().then(|| version.id());
    Ok(Deleted { marker: version.delete_marker, id })
}

/// Writes a version that was changed in place: class, restore, state.
pub fn update(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, found: &Found) {
    let version = &found.version;
    if found.current {
        CURRENT.put(cx.tx, &current_key(&bucket.scope, key), version);
    } else {
        VERSIONS.put(cx.tx, &version_key(&bucket.scope, key, version.order), version);
    }
}

/// As [`update`], of what a caller has changed (tags, ACL, retention, legal hold), which its copies follow.
///
/// # Errors
/// The store's.
pub fn change(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, found: &mut Found) -> Result<(), StoreError> {
    work::note_change(cx, bucket, key, &mut found.version)?;
    update(cx, bucket, key, found);
    Ok(())
}

/// Lets go of a version's bytes.
///
/// # Errors
/// The store's.
pub fn release(cx: &mut Cx<'_>, version: &Version) -> Result<(), StoreError> {
    version.pieces.iter().try_for_each(|piece| release_piece(cx, piece))
}

/// Lets go of a run of bytes.
///
/// # Errors
/// The store's.
pub fn release_piece(cx: &mut Cx<'_>, piece: &crate::piece::Piece) -> Result<(), StoreError> {
    if piece.inline {
        blob::inline::delete(cx.tx, piece.content);
        Ok(())
    } else {
        let wall = cx.cloud().contents().wall_now();
        blob::refs::release(cx.tx, piece.content, wall)
    }
}

/// The rows of one key.
#[derive(Clone, Copy)]
struct Place<'a> {
    bucket: &'a Bucket,
    key: &'a str,
}

impl Place<'_> {
    /// Makes the row in `CURRENT` free for a new version, or for none under a marker: what must stay moves, what is
    /// replaced goes. Answers the order of the newest version that there was.
    fn make_way(self, cx: &mut Cx<'_>) -> Result<u64, StoreError> {
        let Place { bucket, key } = self;
        let row = current_key(&bucket.scope, key);
        let old = CURRENT.get(cx.tx, &row)?;
        let mut newest = old.as_ref().map_or(0, |old| old.order);
        if !bucket.record.is_versioned() {
            if let Some(old) = old {
                release(cx, &old)?;
                CURRENT.delete(cx.tx, &row);
            }
            return Ok(newest);
        }
        if newest == 0 {
            newest = newest_other(cx.tx, bucket, key)?.map_or(0, |marker| marker.order);
        }
        let replaces_null = bucket.record.versioning == Versioning::Suspended;
        if replaces_null {
            self.delete_null(cx, &row)?;
        }
        if let Some(mut old) = old {
            CURRENT.delete(cx.tx, &row);
            if replaces_null && old.is_null() {
                release(cx, &old)?;
            } else {
                old.noncurrent_since = Some(cx.now);
                self.put_other(cx, &old);
            }
        }
        Ok(newest)
    }

    /// Removes a null version that is not the current one.
    fn delete_null(self, cx: &mut Cx<'_>, row: &store::Key) -> Result<(), StoreError> {
        let Some(null) = NULLS.get(cx.tx, row)? else { return Ok(()) };
        let version = VERSIONS.get(cx.tx, &version_key(&self.bucket.scope, self.key, null.order))?;
        if let Some(version) = version {
            release(cx, &version)?;
            self.delete_other(cx, &version);
        }
        Ok(())
    }

    fn put_other(self, cx: &mut Cx<'_>, version: &Version) {
        VERSIONS.put(cx.tx, &version_key(&self.bucket.scope, self.key, version.order), version);
        if version.is_null() {
            let row = current_key(&self.bucket.scope, self.key);
            NULLS.put(cx.tx, &row, &NullVersion { order: version.order });
        }
    }

    fn delete_other(self, cx: &mut Cx<'_>, version: &Version) {
        VERSIONS.delete(cx.tx, &version_key(&self.bucket.scope, self.key, version.order));
        if version.is_null() {
            NULLS.delete(cx.tx, &current_key(&self.bucket.scope, self.key));
        }
    }

    /// The null version, current or not.
    fn null(self, cx: &Cx<'_>) -> Result<Option<Version>, StoreError> {
        if let Some(version) = current(cx.tx, self.bucket, self.key)?.filter(Version::is_null) {
            return Ok(Some(version));
        }
        let row = current_key(&self.bucket.scope, self.key);
        match NULLS.get(cx.tx, &row)? {
            Some(null) => VERSIONS.get(cx.tx, &version_key(&self.bucket.scope, self.key, null.order)),
            None => Ok(None),
        }
    }

    /// The order of a version of this moment, below all newer ones. None where no order is left between its neighbours,
    /// which takes versions that were made while the clock stood still.
    fn order_below(self, cx: &Cx<'_>, moment: Timestamp) -> Result<Option<u64>, StoreError> {
        let mut upper = current(cx.tx, self.bucket, self.key)?.map(|version| version.order);
        let mut lower = 0;
        let prefix = current_key(&self.bucket.scope, self.key);
        for pair in VERSIONS.scan(cx.tx, &prefix, Direction::Forward) {
            let (_, version) = pair?;
            if version.modified <= moment {
                lower = version.order;
                break;
            }
            upper = Some(version.order);
        }
        let order = order_after(moment, lower);
        Ok(upper.is_some_and(|upper| order < upper).then_some(order))
    }
}

/// Above an older version of the key, even where the clock did not move.
fn order_after(moment: Timestamp, older: u64) -> u64 {
    u64::try_from(moment.micros()).unwrap_or(0).max(older + 1)
}

/// Whether a time is what a caller takes it for: S3 shows whole seconds.
pub fn same_second(a: Timestamp, b: Timestamp) -> bool {
    a.seconds() == b.seconds()
}
