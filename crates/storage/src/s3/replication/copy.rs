//! Bringing a version, a marker, or what has changed of one to another bucket, as the role of the rules.
//!
//! Copies refer to the same contents. What lies under a key of KMS stays under its data key, which is sealed anew
//! under the key of the destination. AWS:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>. Not here: small objects
//! under keys that callers bring, whose bytes would have to be written again.

use super::ReplicationRule;
use super::reason::Reason;
use crate::piece::Piece;
use crate::s3::SERVICE;
use crate::s3::access;
use crate::s3::buckets::{self, Bucket};
use crate::s3::content::encryption;
use crate::s3::events::{self, Happened};
use crate::s3::lock;
use crate::s3::model::bucket::{Ownership, Versioning};
use crate::s3::model::object::{Encryption, StorageClass, Version};
use crate::s3::versions;
use blob::ContentId;
use blob::cipher::{Root, open_whole, seal_whole};
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::Tx;

pub(crate) const REPLICA: &str = "REPLICA";

/// What is on its way to a destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parcel<'a> {
    pub(crate) source: &'a Bucket,
    pub(crate) key: &'a str,
    pub(crate) version: &'a Version,
    /// Its bytes are there already; its tags, its ACL or its lock have changed.
    pub(crate) is_change: bool,
}

/// Delivers it by one rule.
///
/// # Errors
/// Why not.
pub(crate) fn deliver(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    role: &str,
    parcel: Parcel<'_>,
    rule: &ReplicationRule,
) -> Result<(), Reason> {
    let home = (parcel.source.record.owner, parcel.source.record.region);
    let done = cloud.act_as_role(tx, SERVICE, role, home, |cx| {
        let there = destination(cx, parcel, rule)?;
        permitted(cx, parcel, &there, rule)?;
        if parcel.is_change { change(cx, parcel, &there, rule) } else { copy(cx, parcel, &there, role, rule) }
    });
    done.map_err(|_| Reason::AssumeRoleNotPermitted)?
}

fn destination(cx: &Cx<'_>, parcel: Parcel<'_>, rule: &ReplicationRule) -> Result<Arc<Bucket>, Reason> {
    let there = buckets::find(cx.cloud(), cx.tx, rule.bucket()).map_err(|_| Reason::Internal)?;
    let there = there.ok_or(Reason::DstBucketNotFound)?;
    if there.record.versioning != Versioning::Enabled {
        return Err(Reason::DstBucketUnversioned);
    }
    let account = rule.destination.account.as_deref().filter(|account| !account.is_empty());
    if account.is_some_and(|account| account != there.record.owner.as_str()) {
        return Err(Reason::DstPutObjectNotPermitted);
    }
    if parcel.source.record.object_lock && !there.record.object_lock {
        return Err(Reason::DstBucketObjectLockConfigMissing);
    }
    Ok(there)
}

/// Whether the role may read it here and write it there.
fn permitted(cx: &Cx<'_>, parcel: Parcel<'_>, there: &Bucket, rule: &ReplicationRule) -> Result<(), Reason> {
    let version = parcel.version;
    let reads = |action, or| {
        if may_read(cx, parcel, action)? { Ok(()) } else { Err(or) }
    };
    let writes = |action, or| {
        let may = access::allowed_on_object(cx, there, parcel.key, None, action);
        if may.map_err(|_| Reason::Internal)? { Ok(()) } else { Err(or) }
    };
    reads("s3:GetObjectVersionForReplication", Reason::SrcGetObjectNotPermitted)?;
    if version.delete_marker {
        return writes("s3:ReplicateDelete", Reason::DstDelObjNotPermitted);
    }
    if version.retention.is_some() {
        reads("s3:GetObjectRetention", Reason::SrcGetRetentionNotPermitted)?;
    }
    if lock::hold_name(version).is_some() {
        reads("s3:GetObjectLegalHold", Reason::SrcGetLegalHoldNotPermitted)?;
    }
    if rule.destination.translation.is_some() {
        writes("s3:ObjectOwnerOverrideToBucketOwner", Reason::DstPutObjectNotPermitted)?;
    }
    if matches!(version.encryption, Encryption::Customer(_)) && there.record.encryption.blocks_customers() {
        return Err(Reason::DstPutObjectNotPermitted);
    }
    writes("s3:ReplicateObject", Reason::DstPutObjectNotPermitted)
}

fn may_read(cx: &Cx<'_>, parcel: Parcel<'_>, action: &'static str) -> Result<bool, Reason> {
    let id = parcel.version.id();
    let may = access::allowed_on_object(cx, parcel.source, parcel.key, Some(&id), action);
    may.map_err(|_| Reason::Internal)
}

/// AWS: tags come along where the role may read them; the right to put the object includes them, unless somebody
/// denies just that.
fn takes_tags(cx: &Cx<'_>, parcel: Parcel<'_>, there: &Bucket) -> Result<bool, Reason> {
    if parcel.version.tags.is_empty() && !parcel.is_change {
        return Ok(false);
    }
    let denied = access::denied_on_object(cx, there, parcel.key, "s3:ReplicateTags");
    Ok(may_read(cx, parcel, "s3:GetObjectVersionTagging")? && !denied.map_err(|_| Reason::Internal)?)
}

/// Whoever owns the bucket there owns the replica, too.
fn is_handed_over(there: &Bucket, rule: &ReplicationRule) -> bool {
    rule.destination.translation.is_some() || there.record.ownership == Ownership::BucketOwnerEnforced
}

fn copy(
    cx: &mut Cx<'_>,
    parcel: Parcel<'_>,
    there: &Bucket,
    role: &str,
    rule: &ReplicationRule,
) -> Result<(), Reason> {
    let version = parcel.version;
    let mut replica = version.clone();
    let root = match &version.encryption {
        Encryption::S3 => Some(encryption::own(cx)),
        Encryption::Customer(_) => None,
        Encryption::Kms(_) => Some(seal_anew(cx, parcel, there, role, rule, &mut replica)?),
    };
    replica.pieces =
        version.pieces.iter().map(|piece| again(cx, root.as_ref(), piece)).collect::<Result<_, _>>()?;
    if let Some(class) = rule.destination.class.as_deref().and_then(StorageClass::parse) {
        replica.class = class;
    }
    replica.replication = Some(REPLICA.to_owned());
    replica.restore = None;
    replica.archive = None;
    replica.accessed = (replica.class == StorageClass::IntelligentTiering).then_some(cx.now);
    if !takes_tags(cx, parcel, there)? {
        replica.tags.clear();
    }
    if replica.retention.is_none() && !replica.delete_marker {
        replica.retention = lock::default_retention(&there.record, cx.now);
    }
    if is_handed_over(there, rule) {
        replica.owner = there.record.owner;
        replica.grants.clear();
    }
    let is_new = versions::receive(cx, there, parcel.key, replica.clone())?;
    if is_new { tell(cx, there, parcel.key, &replica) } else { Ok(()) }
}

/// AWS: whoever listens there hears of a replica as of any other object.
fn tell(cx: &mut Cx<'_>, there: &Bucket, key: &str, replica: &Version) -> Result<(), Reason> {
    let (event, detail_type, reason) = if replica.delete_marker {
        ("ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "DeleteObject")
    } else {
        ("ObjectCreated:Put", "Object Created", "PutObject")
    };
    let id = replica.id();
    let what = Happened {
        event,
        detail_type,
        reason,
        key,
        version: (!replica.delete_marker).then_some(replica),
        version_id: Some(&id),
        marker: replica.delete_marker,
    };
    events::happened(cx, there, &what).map_err(|_| Reason::Internal)
}

/// Brings what has changed of a version to the one there.
fn change(cx: &mut Cx<'_>, parcel: Parcel<'_>, there: &Bucket, rule: &ReplicationRule) -> Result<(), Reason> {
    let version = parcel.version;
    let found = versions::by_id(cx.tx, there, parcel.key, &version.id()).map_err(|_| Reason::Internal)?;
    let mut found = found.ok_or(Reason::DstVersionNotFound)?;
    if takes_tags(cx, parcel, there)? {
        found.version.tags.clone_from(&version.tags);
    }
    if !is_handed_over(there, rule) {
        found.version.grants.clone_from(&version.grants);
    }
    if version.retention.is_some() && version.retention != found.version.retention {
        lock::check_change(&found.version, version.retention.as_ref(), cx.now, true)
            .map_err(|_| Reason::DstPutRetentionNotPermitted)?;
        found.version.retention.clone_from(&version.retention);
    }
    found.version.legal_hold = version.legal_hold;
    found.version.hold_was_put |= version.hold_was_put;
    versions::update(cx, there, parcel.key, &found);
    Ok(())
}

/// Seals the data key of a version for its replica, under the key that the rule names. Answers what its contents lie
/// under, here as there.
fn seal_anew(
    cx: &mut Cx<'_>,
    parcel: Parcel<'_>,
    there: &Bucket,
    role: &str,
    rule: &ReplicationRule,
    replica: &mut Version,
) -> Result<Root, Reason> {
    let Encryption::Kms(kms) = &parcel.version.encryption else { return Err(Reason::Internal) };
    let named = rule.destination.encryption.as_ref().and_then(|encryption| encryption.key.as_deref());
    let named = named.ok_or(Reason::DstKmsKeyNotFound)?;
    let data = encryption::data_key(cx, parcel.source, parcel.key, kms)
        .map_err(|error| Reason::of_source_key(&error.into()))?;
    // The key there is asked in its own region.
    let (cloud, account) = (Arc::clone(cx.cloud()), parcel.source.record.owner);
    let sealed = cloud.act_as_role(cx.tx, SERVICE, role, (account, there.record.region), |cx| {
        encryption::seal_for(cx, there, parcel.key, kms, named, &data)
    });
    let sealed = sealed.map_err(|_| Reason::AssumeRoleNotPermitted)?;
    replica.encryption = Encryption::Kms(sealed.map_err(|error| Reason::of_replica_key(&error.into()))?);
    Ok(encryption::by_data_key(cx, &data, kms.dual))
}

/// A further reference to the same bytes; small ones are written again, sealed for their new id.
fn again(cx: &mut Cx<'_>, root: Option<&Root>, piece: &Piece) -> Result<Piece, Reason> {
    if !piece.inline {
        return if blob::refs::share(cx.tx, piece.content)? {
            Ok(piece.clone())
        } else {
            Err(Reason::Internal)
        };
    }
    let root = root.ok_or(Reason::SrcObjectNotEligible)?;
    let sealed = blob::inline::get(cx.tx, piece.content)?.ok_or(Reason::Internal)?;
    let bytes = open_whole(&root.cipher(piece.content), &sealed, piece.size).map_err(|_| Reason::Internal)?;
    let content = ContentId::new(cx.now, cx.rng());
    blob::inline::put(cx.tx, content, &seal_whole(&root.cipher(content), &bytes));
    Ok(Piece { content, ..piece.clone() })
}
