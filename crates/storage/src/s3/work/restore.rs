//! Restores come to their end, and restored copies to theirs: both are told.
//!
//! How a version stands goes by the clock alone ([`crate::s3::restore`]); this only tells of it.

use super::lifecycle::commit;
use crate::s3::SERVICE;
use crate::s3::buckets::{self, Bucket};
use crate::s3::errors::S3Error;
use crate::s3::events::{self, Happened};
use crate::s3::model::object::Version;
use crate::s3::restore::{State, state};
use crate::s3::versions::{self, Found};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{Direction, Key, Table};
use wire::Fault;

store::record! {
    /// A restore that goes on, or a copy that is there for a while.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Waiting {
        1 => pub bucket: String,
        2 => pub key: String,
        3 => pub id: String,
        /// It has been told that the copy is there.
        4 => pub told: bool,
    }
}

/// By the time at which something is to be told.
pub const WAITING: Table<Waiting> = Table::new(0x2032, "s3/restores");

/// Has a restore told of when it is over.
pub(crate) fn wait(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, found: &Found, told: bool) {
    let Some(restore) = &found.version.restore else { return };
    let at = if told { restore.expires } else { restore.ready };
    let waiting =
        Waiting { bucket: bucket.record.name.clone(), key: key.to_owned(), id: found.version.id(), told };
    WAITING.put(cx.tx, &Key::global().time(at).u64(cx.rng().u64()), &waiting);
}

#[derive(Debug)]
pub struct Restores;

impl Reconciler for Restores {
    fn name(&self) -> &'static str {
        "s3 restores"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![WAITING.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        loop {
            let snapshot = cloud.store().snapshot();
            let first = WAITING.scan(&snapshot, &Key::empty(), Direction::Forward).next();
            let Some((row, waiting)) = first.transpose().map_err(|e| e.to_string())? else { return Ok(None) };
            let mut reader = row.reader();
            let at =
                reader.scope().and_then(|_| reader.time()).ok_or("a key of the restores cannot be read")?;
            if at > cloud.clock().now() {
                return Ok(Some(at));
            }
            one(cloud, &row, &waiting).map_err(|error| Fault::from(error).to_string())?;
        }
    }
}

/// One version, as it stands now. What conflicts is found again.
fn one(cloud: &Arc<Cloud>, row: &Key, waiting: &Waiting) -> Result<(), S3Error> {
    let mut tx = cloud.store().begin();
    WAITING.delete(&mut tx, row);
    if let Some(bucket) = buckets::find(cloud, &tx, &waiting.bucket)?
        && let Some(found) = versions::by_id(&tx, &bucket, &waiting.key, &waiting.id)?
    {
        let (owner, region) = (bucket.record.owner, bucket.record.region);
        cloud.act(&mut tx, SERVICE, owner, region, |cx| look_at(cx, &bucket, waiting, &found))?;
    }
    commit(tx).map(drop)
}

fn look_at(cx: &mut Cx<'_>, bucket: &Bucket, waiting: &Waiting, found: &Found) -> Result<(), S3Error> {
    let back = found.version.archive.is_some() && found.version.restore.is_some();
    if back && state(&found.version, cx.now).is_none() {
        return come_back(cx, bucket, waiting, found);
    }
    let (event, detail_type) = match (waiting.told, state(&found.version, cx.now)) {
        (false, Some(State::Restored(_))) => ("ObjectRestore:Completed", "Object Restore Completed"),
        (true, Some(State::Archived)) => ("ObjectRestore:Delete", "Object Restore Expired"),
        // Its end has been moved.
        (true, Some(State::Restored(_))) => {
            wait(cx, bucket, &waiting.key, found, true);
            return Ok(());
        }
        // Another restore goes on in the meantime, and waits by itself.
        _ => return Ok(()),
    };
    tell(cx, bucket, &waiting.key, &found.version, (event, detail_type))?;
    if !waiting.told {
        wait(cx, bucket, &waiting.key, found, true);
    }
    Ok(())
}

/// What was archived within Intelligent-Tiering is in its first tier again.
fn come_back(cx: &mut Cx<'_>, bucket: &Bucket, waiting: &Waiting, found: &Found) -> Result<(), S3Error> {
    let mut found = found.clone();
    found.version.accessed = found.version.restore.take().map(|restore| restore.ready);
    found.version.archive = None;
    versions::update(cx, bucket, &waiting.key, &found);
    let completed = ("ObjectRestore:Completed", "Object Restore Completed");
    tell(cx, bucket, &waiting.key, &found.version, completed)
}

fn tell(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version: &Version,
    (event, detail_type): (&'static str, &'static str),
) -> Result<(), S3Error> {
    let id = bucket.record.is_versioned().then(|| version.id());
    let (version, version_id) = (Some(version), id.as_deref());
    let what = Happened { event, detail_type, reason: "", key, version, version_id, marker: false };
    events::by_itself(cx, bucket, &what)
}
