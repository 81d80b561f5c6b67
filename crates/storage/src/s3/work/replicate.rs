//! Replication at work: every version and marker that was made under a bucket's rules is copied to where they say,
//! with its id, by the role that they name.
//!
//! What waits stands in [`PENDING`], written in the transaction of the change. The role is assumed and asked like any
//! caller: for `s3:GetObjectVersionForReplication` here, and `s3:ReplicateObject` or `s3:ReplicateDelete` there.
//! Copies refer to the same contents. Not here: objects under keys of KMS, which AWS leaves out too unless a rule asks
//! for them; small objects under keys that callers bring fail.

use crate::piece::Piece;
use crate::s3::access;
use crate::s3::buckets::{self, Bucket};
use crate::s3::configs::REPLICATION;
use crate::s3::content::encryption;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::bucket::{Ownership, Versioning};
use crate::s3::model::object::{Encryption, StorageClass, Version};
use crate::s3::replication::{ReplicationConfiguration, ReplicationRule};
use crate::s3::versions::{self, Found};
use base::Timestamp;
use blob::ContentId;
use blob::cipher::{open_whole, seal_whole};
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{CommitError, Direction, Key, Table};
use wire::Fault;

/// As whom the role is assumed.
const SERVICE: &str = "s3.amazonaws.com";
const BATCH: usize = 32;

store::record! {
    /// A version that is to be copied.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Pending {
        1 => pub bucket: String,
        2 => pub key: String,
        /// The id of the version or marker.
        3 => pub id: String,
    }
}

/// In the order of the changes.
pub const PENDING: Table<Pending> = Table::new(0x2031, "s3/pending replicas");

pub(crate) const WAITING: &str = "PENDING";
const DONE: &str = "COMPLETED";
const FAILED: &str = "FAILED";
const REPLICA: &str = "REPLICA";

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
    if bucket.record.versioning != Versioning::Enabled || matches!(version.encryption, Encryption::Kms(_)) {
        return Ok(None);
    }
    let Some(rules) = REPLICATION.get(cx.tx, &bucket.scope)? else { return Ok(None) };
    let followed = rules.followed(key, &version.tags);
    if !followed.iter().any(|rule| !version.delete_marker || rule.takes_delete_markers()) {
        return Ok(None);
    }
    let pending = Pending { bucket: bucket.record.name.clone(), key: key.to_owned(), id: version.id() };
    PENDING.put(cx.tx, &Key::global().time(cx.now).u64(version.order).u64(cx.rng().u64()), &pending);
    Ok(Some(WAITING.to_owned()))
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
        loop {
            let snapshot = cloud.store().snapshot();
            let some = PENDING.scan(&snapshot, &Key::empty(), Direction::Forward).take(BATCH);
            let some: Vec<(Key, Pending)> = some.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
            if some.is_empty() {
                return Ok(None);
            }
            for (row, pending) in some {
                one(cloud, &row, &pending).map_err(|error| Fault::from(error).to_string())?;
            }
        }
    }
}

/// One version, to each of its destinations, in one transaction. What conflicts is found again.
fn one(cloud: &Arc<Cloud>, row: &Key, pending: &Pending) -> Result<(), S3Error> {
    let mut tx = cloud.store().begin();
    PENDING.delete(&mut tx, row);
    if let Some(source) = buckets::find(cloud, &tx, &pending.bucket)?
        && let Some(found) = versions::by_id(&tx, &source, &pending.key, &pending.id)?
        && let Some(rules) = REPLICATION.get(&tx, &source.scope)?
    {
        let savepoint = tx.savepoint();
        let status = match copies(cloud, &mut tx, &source, pending, &found, &rules) {
            Ok(()) => DONE,
            Err(fault) => {
                tx.rollback_to(savepoint);
                let fields = [("bucket", pending.bucket.as_str()), ("problem", &fault.to_string())];
                kernel::log::warn("an object could not be replicated", &fields);
                FAILED
            }
        };
        let (owner, region) = (source.record.owner, source.record.region);
        let mut found = found;
        found.version.replication = Some(status.to_owned());
        cloud.act(&mut tx, SERVICE, owner, region, |cx| versions::update(cx, &source, &pending.key, &found));
    }
    match tx.commit().wait() {
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => {
            kernel::log::error("a replica could not be saved", &[("problem", &error.to_string())]);
            Err(Refusal::Internal.into())
        }
    }
}

fn copies(
    cloud: &Arc<Cloud>,
    tx: &mut store::Tx,
    source: &Arc<Bucket>,
    pending: &Pending,
    found: &Found,
    rules: &ReplicationConfiguration,
) -> Result<(), Fault> {
    let (owner, region) = (source.record.owner, source.record.region);
    cloud.act_as_role(tx, SERVICE, &rules.role, (owner, region), |cx| {
        let version = &found.version;
        for rule in rules.followed(&pending.key, &version.tags) {
            if !version.delete_marker || rule.takes_delete_markers() {
                copy(cx, source, &pending.key, version, rule)?;
            }
        }
        Ok::<_, Fault>(())
    })?
}

fn copy(
    cx: &mut Cx<'_>,
    source: &Bucket,
    key: &str,
    version: &Version,
    rule: &ReplicationRule,
) -> Result<(), Fault> {
    let denied = || Fault::from(S3Error::from(Refusal::AccessDenied));
    let there = buckets::find(cx.cloud(), cx.tx, rule.bucket())?
        .ok_or_else(|| Fault::from(S3Error::from(Refusal::NoSuchBucket(rule.bucket().to_owned()))))?;
    if there.record.versioning != Versioning::Enabled {
        return Err(S3Error::from(Refusal::InvalidRequest(
            "Destination bucket must have versioning enabled.".into(),
        ))
        .into());
    }
    let id = version.id();
    let reads = "s3:GetObjectVersionForReplication";
    let writes = if version.delete_marker { "s3:ReplicateDelete" } else { "s3:ReplicateObject" };
    if !access::allowed_on_object(cx, source, key, Some(&id), reads)?
        || !access::allowed_on_object(cx, &there, key, None, writes)?
    {
        return Err(denied());
    }
    if matches!(version.encryption, Encryption::Customer(_)) && there.record.encryption.blocks_customers() {
        return Err(denied());
    }
    let mut replica = version.clone();
    replica.pieces =
        version.pieces.iter().map(|piece| again(cx, version, piece)).collect::<Result<_, _>>()?;
    replica.replication = Some(REPLICA.to_owned());
    replica.restore = None;
    replica.archive = None;
    replica.accessed = None;
    if let Some(class) = rule.destination.class.as_deref().and_then(StorageClass::parse) {
        replica.class = class;
    }
    if rule.destination.translation.is_some() || there.record.ownership == Ownership::BucketOwnerEnforced {
        replica.owner = there.record.owner;
        replica.grants.clear();
    }
    versions::receive(cx, &there, key, replica).map_err(|error| S3Error::from(error).into())
}

/// A further reference to the same bytes; small ones are written again, sealed for their new id.
fn again(cx: &mut Cx<'_>, version: &Version, piece: &Piece) -> Result<Piece, Fault> {
    let gone = || Fault::from(S3Error::from(Refusal::Internal));
    if !piece.inline {
        let shared = blob::refs::share(cx.tx, piece.content).map_err(S3Error::from)?;
        return if shared { Ok(piece.clone()) } else { Err(gone()) };
    }
    if version.encryption != Encryption::S3 {
        return Err(
            S3Error::from(Refusal::NotBuilt("Replicating small objects under callers' keys".into())).into()
        );
    }
    let root = encryption::own(cx);
    let sealed = blob::inline::get(cx.tx, piece.content).map_err(S3Error::from)?.ok_or_else(gone)?;
    let bytes = open_whole(&root.cipher(piece.content), &sealed, piece.size).map_err(|_| gone())?;
    let content = ContentId::new(cx.now, cx.rng());
    blob::inline::put(cx.tx, content, &seal_whole(&root.cipher(content), &bytes));
    Ok(Piece { content, ..piece.clone() })
}
