//! Replication at work: every version and marker that was made under a bucket's rules, and every change of one, goes to
//! where they say, by the role that they name ([`copy`]).
//!
//! What waits stands in [`PENDING`], written in the transaction of the change. Each destination is served by itself: what
//! one refuses, another may take; the version has failed then.

use crate::s3::SERVICE;
use crate::s3::buckets::{self, Bucket};
use crate::s3::configs::REPLICATION;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::bucket::Versioning;
use crate::s3::model::object::Version;
use crate::s3::replication::ReplicationRule;
use crate::s3::replication::copy::{self, Parcel, REPLICA};
use crate::s3::replication::report::{self, Backlog};
use crate::s3::versions::{self, Found};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{CommitError, Direction, Key, Table};
use wire::Fault;

const BATCH: usize = 32;

store::record! {
    /// A version that is to be copied.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Pending {
        1 => pub bucket: String,
        2 => pub key: String,
        /// The id of the version or marker.
        3 => pub id: String,
        /// It has been there for a while: its tags, its ACL or its lock have changed.
        4 => pub is_change: bool,
        /// When it was put here.
        5 => pub at: Timestamp,
    }
}

/// In the order of the changes.
pub const PENDING: Table<Pending> = Table::new(0x2031, "s3/pending replicas");

pub(crate) const WAITING: &str = "PENDING";
const DONE: &str = "COMPLETED";
const FAILED: &str = "FAILED";

/// Puts a new version on the list, where rules are about it; answers the status that it begins with.
///
/// # Errors
/// The store's.
pub(crate) fn note(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version: &Version,
) -> Result<Option<String>, store::StoreError> {
    if bucket.record.versioning != Versioning::Enabled {
        return Ok(None);
    }
    let Some(rules) = REPLICATION.get(cx.tx, &bucket.scope)? else { return Ok(None) };
    if rules.of_new(key, version).is_empty() {
        return Ok(None);
    }
    put(cx, bucket, key, version, false);
    Ok(Some(WAITING.to_owned()))
}

/// Puts a version of which something has changed on the list, where there are copies of it; a replica, where rules send
/// such changes back. What is on its way still arrives as it is by then, and what has failed stays behind.
///
/// # Errors
/// The store's.
pub(crate) fn note_change(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<(), store::StoreError> {
    let is_replica = match version.replication.as_deref() {
        Some(REPLICA) => true,
        Some(DONE) => false,
        _ => return Ok(()),
    };
    let Some(rules) = REPLICATION.get(cx.tx, &bucket.scope)? else { return Ok(()) };
    if rules.of(key, version).is_empty() {
        return Ok(());
    }
    put(cx, bucket, key, version, true);
    if !is_replica {
        version.replication = Some(WAITING.to_owned());
    }
    Ok(())
}

fn put(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, version: &Version, is_change: bool) {
    let pending = Pending {
        bucket: bucket.record.name.clone(),
        key: key.to_owned(),
        id: version.id(),
        is_change,
        at: cx.now,
    };
    PENDING.put(cx.tx, &Key::global().time(cx.now).u64(version.order).u64(cx.rng().u64()), &pending);
}

#[derive(Debug)]
pub struct Replicate;

impl Reconciler for Replicate {
    fn name(&self) -> &'static str {
        "s3 replication"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![PENDING.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let failed = |error: S3Error| Fault::from(error).to_string();
        let waits = backlogs(cloud).map_err(failed)?;
        let at = cloud.clock().now();
        waits.values().for_each(|(source, rule, waits)| report::backlog(cloud, source, rule, at, *waits));
        loop {
            let snapshot = cloud.store().snapshot();
            let some = PENDING.scan(&snapshot, &Key::empty(), Direction::Forward).take(BATCH);
            let some: Vec<(Key, Pending)> = some.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
            if some.is_empty() {
                break;
            }
            for (row, pending) in some {
                one(cloud, &row, &pending).map_err(failed)?;
            }
        }
        let at = cloud.clock().now();
        let none = Backlog::default();
        waits.values().for_each(|(source, rule, _)| report::backlog(cloud, source, rule, at, none));
        Ok(None)
    }
}

/// What waits for each rule that is measured, by bucket and rule.
type Backlogs = BTreeMap<(String, String), (Arc<Bucket>, ReplicationRule, Backlog)>;

fn backlogs(cloud: &Arc<Cloud>) -> Result<Backlogs, S3Error> {
    let snapshot = cloud.store().snapshot();
    let mut out = Backlogs::new();
    for pair in PENDING.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let (_, pending) = pair?;
        let Some(source) = buckets::find(cloud, &snapshot, &pending.bucket)? else { continue };
        let measured = |rule: &&ReplicationRule| rule.is_measured();
        let rules = REPLICATION.get(&snapshot, &source.scope)?;
        let Some(rules) = rules.filter(|rules| rules.rules.iter().any(|rule| measured(&rule))) else {
            continue;
        };
        let Some(found) = versions::by_id(&snapshot, &source, &pending.key, &pending.id)? else { continue };
        for rule in rules.of_new(&pending.key, &found.version).into_iter().filter(measured) {
            let name = (pending.bucket.clone(), rule.id.clone().unwrap_or_default());
            let entry = out.entry(name);
            let entry = entry.or_insert_with(|| (Arc::clone(&source), rule.clone(), Backlog::default()));
            entry.2.operations += 1;
            entry.2.bytes += if pending.is_change { 0 } else { found.version.size };
        }
    }
    Ok(out)
}

/// One version, to each of its destinations, in one transaction. What conflicts is found again.
fn one(cloud: &Arc<Cloud>, row: &Key, pending: &Pending) -> Result<(), S3Error> {
    let mut tx = cloud.store().begin();
    PENDING.delete(&mut tx, row);
    if let Some(source) = buckets::find(cloud, &tx, &pending.bucket)?
        && let Some(found) = versions::by_id(&tx, &source, &pending.key, &pending.id)?
    {
        let status = send(cloud, &mut tx, &source, pending, &found)?;
        let (owner, region) = (source.record.owner, source.record.region);
        let mut found = found;
        if found.version.replication.as_deref() != Some(REPLICA) {
            found.version.replication = Some(status.to_owned());
            cloud.act(&mut tx, SERVICE, owner, region, |cx| {
                versions::update(cx, &source, &pending.key, &found);
            });
        }
    }
    match tx.commit().wait() {
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => {
            kernel::log::error("a replica could not be saved", &[("problem", &error.to_string())]);
            Err(Refusal::Internal.into())
        }
    }
}

/// Sends a version to each of its destinations. Answers the status that it has then.
fn send(
    cloud: &Arc<Cloud>,
    tx: &mut store::Tx,
    source: &Bucket,
    pending: &Pending,
    found: &Found,
) -> Result<&'static str, S3Error> {
    let version = &found.version;
    let parcel = Parcel { source, key: &pending.key, version, is_change: pending.is_change };
    let Some(rules) = REPLICATION.get(tx, &source.scope)? else { return Ok(FAILED) };
    let followed = rules.of(&pending.key, version);
    // The rules that it waited for may have gone.
    let mut status = if followed.is_empty() { FAILED } else { DONE };
    for rule in followed {
        let savepoint = tx.savepoint();
        let failure = copy::deliver(cloud, tx, &rules.role, parcel, rule).err();
        if let Some(reason) = failure {
            tx.rollback_to(savepoint);
            status = FAILED;
            let told = [
                ("bucket", pending.bucket.as_str()),
                ("destination", rule.bucket()),
                ("problem", reason.name()),
            ];
            kernel::log::warn("an object could not be replicated", &told);
        }
        report::outcome(cloud, tx, parcel, rule, pending.at, failure)?;
    }
    Ok(status)
}
