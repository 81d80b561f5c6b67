//! Lifecycle rules at work: at each midnight of the cloud's clock, whenever the clock is moved, and when rules change.
//!
//! Every object, version and upload of a bucket with rules is looked at in turn, some in a transaction; what is due is
//! done. What object lock protects stays until it is free.

use crate::s3::SERVICE;
use crate::s3::buckets::{self, Bucket};
use crate::s3::configs::{LIFECYCLE, LifecycleRecord};
use crate::s3::errors::S3Error;
use crate::s3::events::{self, Happened};
use crate::s3::lifecycle::due::{Change, Due, Subject, after_days};
use crate::s3::lock;
use crate::s3::model::bucket::BUCKETS;
use crate::s3::model::object::{CURRENT, StorageClass, VERSIONS, Version};
use crate::s3::model::upload::{PARTS, UPLOADS};
use crate::s3::usage::{self, kinds};
use crate::s3::versions::{self, Found};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{CommitError, Direction, Key, Table};
use wire::Fault;

/// Rows that one transaction looks at.
const BATCH: usize = 128;

#[derive(Debug)]
pub struct Lifecycle;

impl Reconciler for Lifecycle {
    fn name(&self) -> &'static str {
        "s3 lifecycle"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![LIFECYCLE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let mut any = false;
        for pair in BUCKETS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, record) = pair.map_err(|e| e.to_string())?;
            let rules = LIFECYCLE.get(&snapshot, &record.scope()).map_err(|e| e.to_string())?;
            let Some(rules) = rules else { continue };
            any = true;
            age(cloud, &record.name, &rules).map_err(|error| Fault::from(error).to_string())?;
        }
        Ok(any.then(|| after_days(cloud.clock().now(), 0)))
    }
}

/// Everything of one bucket.
fn age(cloud: &Arc<Cloud>, name: &str, rules: &LifecycleRecord) -> Result<(), S3Error> {
    walk(cloud, name, &CURRENT, |cx, bucket, (): &mut (), rows| {
        for (key, version) in rows {
            current(cx, bucket, rules, &object_key(bucket, &key), version)?;
        }
        Ok(())
    })?;
    walk_versions(cloud, name, rules)?;
    uploads(cloud, name, rules)
}

/// The object's key, which follows the bucket's scope in a row's.
pub(super) fn object_key(bucket: &Bucket, key: &Key) -> String {
    let rest = key.as_bytes().get(bucket.scope.as_bytes().len()..).unwrap_or_default();
    store::key::KeyReader::over(rest).str().unwrap_or_default()
}

/// Runs `each` over batches of rows, each in a transaction; one that loses to others runs again, from the state that it
/// began with.
pub(super) fn walk<R: store::Record, S: Clone + Default>(
    cloud: &Arc<Cloud>,
    name: &str,
    table: &Table<R>,
    each: impl Fn(&mut Cx<'_>, &Bucket, &mut S, Vec<(Key, R)>) -> Result<(), S3Error>,
) -> Result<(), S3Error> {
    let mut after: Option<Key> = None;
    let mut state = S::default();
    loop {
        let mut tx = cloud.store().begin();
        let Some(bucket) = buckets::find(cloud, &tx, name)? else { return Ok(()) };
        let page = table.page(&tx, &bucket.scope, after.as_ref(), BATCH)?;
        let next = page.next;
        let (owner, region) = (bucket.record.owner, bucket.record.region);
        let mut reached = state.clone();
        cloud.act(&mut tx, SERVICE, owner, region, |cx| each(cx, &bucket, &mut reached, page.items))?;
        if !commit(tx)? {
            continue;
        }
        state = reached;
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Commits; false where somebody else was faster.
pub(super) fn commit(tx: store::Tx) -> Result<bool, S3Error> {
    if tx.is_read_only() {
        return Ok(true);
    }
    match tx.commit().wait() {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(error) => {
            kernel::log::error(
                "what S3 does by itself could not be saved",
                &[("problem", &error.to_string())],
            );
            Err(crate::s3::errors::Refusal::Internal.into())
        }
    }
}

fn subject<'a>(key: &'a str, version: &'a Version) -> Subject<'a> {
    Subject {
        key,
        size: version.size,
        tags: &version.tags,
        modified: version.modified,
        class: version.class.name(),
    }
}

/// The last of the changes that are due.
fn reached<'d>(changes: &'d [Due<'_>], now: Timestamp) -> Option<&'d Due<'d>> {
    changes.iter().take_while(|due| due.at <= now).last()
}

fn current(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    rules: &LifecycleRecord,
    key: &str,
    version: Version,
) -> Result<(), S3Error> {
    let looked_at = version.clone();
    let subject = subject(key, &looked_at);
    let changes = rules.configuration.current(&subject, rules.smallest());
    match reached(&changes, cx.now).map(|due| due.change) {
        None => Ok(()),
        Some(Change::Move(class)) => transition(cx, bucket, key, Found { version, current: true }, class),
        Some(Change::Expire)
            if !bucket.record.is_versioned() && lock::is_protected(&version, cx.now, false) =>
        {
            Ok(())
        }
        Some(Change::Expire) => {
            let deleted = versions::expire(cx, bucket, key)?;
            tell(cx, bucket, key, &version, deleted.id.as_deref(), deleted.marker)
        }
    }
}

fn transition(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    mut found: Found,
    class: &str,
) -> Result<(), S3Error> {
    let Some(class) = StorageClass::parse(class) else { return Ok(()) };
    found.version.class = class;
    found.version.restore = None;
    found.version.archive = None;
    // In Intelligent-Tiering it begins as if it had just been read.
    found.version.accessed = (class == StorageClass::IntelligentTiering).then_some(cx.now);
    versions::update(cx, bucket, key, &found);
    let (kind, operation) = kinds::moves(class);
    cx.meter(&usage::line(&bucket.record, None, kind, operation), 1);
    let id = bucket.record.is_versioned().then(|| found.version.id());
    let what = Happened {
        event: "LifecycleTransition",
        detail_type: "Object Storage Class Changed",
        reason: "Lifecycle Transition",
        key,
        version: Some(&found.version),
        version_id: id.as_deref(),
        marker: false,
    };
    note(cx, bucket, &what)
}

/// Tells that a rule has let something expire.
fn tell(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version: &Version,
    id: Option<&str>,
    marker: bool,
) -> Result<(), S3Error> {
    let event = if marker { "LifecycleExpiration:DeleteMarkerCreated" } else { "LifecycleExpiration:Delete" };
    let what = Happened {
        event,
        detail_type: "Object Deleted",
        reason: "Lifecycle Expiration",
        key,
        version: Some(version),
        version_id: id,
        marker,
    };
    note(cx, bucket, &what)
}

fn note(cx: &mut Cx<'_>, bucket: &Bucket, what: &Happened<'_>) -> Result<(), S3Error> {
    events::by_itself(cx, bucket, what)
}

/// What is known of the key that the walk is at: rows of one key follow each other, the newest first.
#[derive(Clone, Default)]
struct OfKey {
    key: String,
    /// There is a current version, which has no row here.
    current: bool,
    /// When the next newer version was made, at which the one behind it became noncurrent.
    newer_made: Option<Timestamp>,
    /// Noncurrent versions so far.
    noncurrent: usize,
}

fn walk_versions(cloud: &Arc<Cloud>, name: &str, rules: &LifecycleRecord) -> Result<(), S3Error> {
    walk(cloud, name, &VERSIONS, |cx, bucket, at: &mut OfKey, rows| {
        for (row, version) in rows {
            let key = object_key(bucket, &row);
            if key != at.key {
                let current = versions::current(cx.tx, bucket, &key)?;
                *at = OfKey {
                    key,
                    current: current.is_some(),
                    newer_made: current.map(|current| current.modified),
                    noncurrent: 0,
                };
            }
            other(cx, bucket, rules, at, version)?;
        }
        Ok(())
    })
}

/// A version that is not in `CURRENT`: a noncurrent one, or the marker on top.
fn other(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    rules: &LifecycleRecord,
    at: &mut OfKey,
    version: Version,
) -> Result<(), S3Error> {
    let since = version.noncurrent_since.or(at.newer_made);
    at.newer_made = Some(version.modified);
    let Some(since) = since else {
        // The newest version of its key is a marker; alone, it may go.
        let lone =
            rules.configuration.lone_marker(&at.key, version.modified).is_some_and(|due| due.at <= cx.now);
        let last = || -> Result<bool, S3Error> {
            let rows = crate::s3::model::object::current_key(&bucket.scope, &at.key);
            Ok(VERSIONS.scan(cx.tx, &rows, Direction::Forward).take(2).count() == 1)
        };
        if version.delete_marker && !at.current && lone && last()? {
            return remove(cx, bucket, &at.key, version);
        }
        return Ok(());
    };
    let newer = at.noncurrent;
    at.noncurrent += 1;
    let looked_at = version.clone();
    let subject = subject(&at.key, &looked_at);
    let changes = rules.configuration.noncurrent(&subject, since, newer, rules.smallest());
    match reached(&changes, cx.now).map(|due| due.change) {
        Some(Change::Expire) if !lock::is_protected(&version, cx.now, false) => {
            remove(cx, bucket, &at.key, version)
        }
        Some(Change::Move(class)) if !version.delete_marker => {
            transition(cx, bucket, &at.key, Found { version, current: false }, class)
        }
        _ => Ok(()),
    }
}

fn remove(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, version: Version) -> Result<(), S3Error> {
    let found = Found { version, current: false };
    versions::delete_version(cx, bucket, key, &found)?;
    let id = found.version.id();
    tell(cx, bucket, key, &found.version, Some(&id), false)
}

/// Uploads that nobody has completed in time.
fn uploads(cloud: &Arc<Cloud>, name: &str, rules: &LifecycleRecord) -> Result<(), S3Error> {
    walk(cloud, name, &UPLOADS, |cx, bucket, (): &mut (), rows| {
        for (key, upload) in rows {
            let object = object_key(bucket, &key);
            if rules.configuration.abort(&object, upload.begun).is_none_or(|due| due.at > cx.now) {
                continue;
            }
            let parts: Vec<_> = PARTS.scan(cx.tx, &key, Direction::Forward).collect::<Result<_, _>>()?;
            for (part_key, part) in parts {
                versions::release_piece(cx, &part.piece)?;
                PARTS.delete(cx.tx, &part_key);
            }
            UPLOADS.delete(cx.tx, &key);
        }
        Ok(())
    })
}
