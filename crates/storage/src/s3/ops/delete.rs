//! Deleting objects: one, or up to a thousand at once.

use crate::s3::access;
use crate::s3::buckets::Bucket;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::events::{self, Happened};
use crate::s3::lock;
use crate::s3::mfa;
use crate::s3::request::conditions::matches;
use crate::s3::request::door;
use crate::s3::versions::{self, Deleted};
use base::Timestamp;
use kernel::Cx;
use kernel::witness::Thing;

kernel::ops! { pub(crate) static OPS:
    DeleteObject: [event] delete_object, "s3:DeleteObject", access::delete_object;
    DeleteObjects: [event] delete_objects, "s3:DeleteObject", access::delete_objects;
}

/// AWS: in one request.
const OBJECTS_MAX: usize = 1000;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct DeleteObject {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        mfa: Option<String> = "MFA",
        bypass: Option<bool> = "BypassGovernanceRetention",
        if_match: Option<String> = "IfMatch",
        if_modified: Option<Timestamp> = "IfMatchLastModifiedTime",
        if_size: Option<i64> = "IfMatchSize",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeleteObjectResult {
        marker: Option<bool> = "DeleteMarker",
        version_id: Option<String> = "VersionId",
        charged: Option<String> = "RequestCharged",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeleteObjects {
        bucket: String = "Bucket",
        delete: Delete = "Delete",
        mfa: Option<String> = "MFA",
        bypass: Option<bool> = "BypassGovernanceRetention",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        algorithm: Option<String> = "ChecksumAlgorithm",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Delete {
        objects: Vec<Identifier> = "Objects",
        quiet: Option<bool> = "Quiet",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Identifier {
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        etag: Option<String> = "ETag",
        modified: Option<Timestamp> = "LastModifiedTime",
        size: Option<i64> = "Size",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeleteObjectsResult {
        deleted: Vec<DeletedView> = "Deleted",
        charged: Option<String> = "RequestCharged",
        errors: Vec<ErrorView> = "Errors",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeletedView {
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        marker: Option<bool> = "DeleteMarker",
        marker_id: Option<String> = "DeleteMarkerVersionId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ErrorView {
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        code: String = "Code",
        message: String = "Message",
    }
}

/// One object that is to go.
struct Wanted<'a> {
    key: &'a str,
    version_id: Option<&'a str>,
    if_match: Option<&'a str>,
    /// Conditions of directory buckets only.
    other_conditions: bool,
    bypass: bool,
}

fn delete_object(cx: &mut Cx<'_>, req: DeleteObject) -> Result<DeleteObjectResult, S3Error> {
    let door = door::open(cx, &req.bucket, &req.key, req.payer.as_deref())?;
    check_bypass(&door.bucket, req.bypass)?;
    if req.version_id.is_some() {
        mfa::check_where_asked(cx, &door.bucket.record, req.mfa.as_deref())?;
    }
    let bypass = req.bypass == Some(true) && access::may_bypass_governance(cx, &door.bucket, &req.key)?;
    let wanted = Wanted {
        key: &req.key,
        version_id: req.version_id.as_deref(),
        if_match: req.if_match.as_deref(),
        other_conditions: req.if_modified.is_some() || req.if_size.is_some(),
        bypass,
    };
    let thing = told(cx, &door.bucket, &req.key, wanted.version_id)?;
    let deleted = delete(cx, &door.bucket, &wanted)?;
    note(cx, thing.into_iter().collect());
    Ok(DeleteObjectResult {
        marker: deleted.marker.then_some(true),
        version_id: deleted.id,
        charged: door.charged,
    })
}

/// AWS: the header is refused where nothing is locked, whatever it says.
fn check_bypass(bucket: &Bucket, bypass: Option<bool>) -> Result<(), S3Error> {
    if bypass.is_none() || bucket.record.object_lock {
        return Ok(());
    }
    let message = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.";
    let refusal = S3Error::from(Refusal::InvalidArgument(message.to_owned()));
    Err(refusal.with("ArgumentName", "x-amz-bypass-governance-retention"))
}

fn delete(cx: &mut Cx<'_>, bucket: &Bucket, wanted: &Wanted<'_>) -> Result<Deleted, S3Error> {
    if wanted.other_conditions || (wanted.if_match.is_some() && wanted.version_id.is_some()) {
        return Err(Refusal::NotImplemented("If-Match").into());
    }
    if let Some(tags) = wanted.if_match {
        // Under a delete marker nothing is there to match: AWS's guide says 412 of that, S3 was seen to answer 404.
        match versions::current(cx.tx, bucket, wanted.key)? {
            None => return Err(Refusal::NoSuchKey(wanted.key.to_owned()).into()),
            Some(version) if !matches(tags, &version.etag) => {
                return Err(Refusal::PreconditionFailed("If-Match").into());
            }
            Some(_) => {}
        }
    }
    let Some(id) = wanted.version_id else {
        let deleted = versions::delete(cx, bucket, wanted.key)?;
        // AWS: recorded answers tell of what was not there as well.
        tell(cx, bucket, wanted.key, deleted.marker, deleted.id.as_deref())?;
        return Ok(deleted);
    };
    let Some(found) = versions::by_id(cx.tx, bucket, wanted.key, id)? else {
        // As in AWS, what is not there is as good as deleted.
        return Ok(Deleted { marker: false, id: Some(id.to_owned()) });
    };
    lock::check_delete(&found.version, cx.now, wanted.bypass)?;
    let deleted = versions::delete_version(cx, bucket, wanted.key, &found)?;
    tell(cx, bucket, wanted.key, false, deleted.id.as_deref())?;
    Ok(deleted)
}

/// What somebody may want to know of an object that is to go; nothing where nobody does.
fn told(cx: &Cx<'_>, bucket: &Bucket, key: &str, id: Option<&str>) -> Result<Option<Thing>, S3Error> {
    if cx.request.trace.is_none() {
        return Ok(None);
    }
    let version = match id {
        // What is no id is told by the delete itself.
        Some(id) => versions::by_id(cx.tx, bucket, key, id).ok().flatten().map(|found| found.version),
        None => versions::current(cx.tx, bucket, key)?,
    };
    Ok(Some(Thing {
        name: key.to_owned(),
        version: id.map(str::to_owned),
        size: version.as_ref().map(|version| version.size),
        refused: None,
        tags: version.map(|version| version.tags),
    }))
}

fn note(cx: &Cx<'_>, things: Vec<Thing>) {
    if let Some(trace) = &cx.request.trace {
        trace.note(|facts| facts.things = things);
    }
}

/// Notes that an object went, or went out of sight.
fn tell(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    marker: bool,
    version_id: Option<&str>,
) -> Result<(), S3Error> {
    let event = if marker { "ObjectRemoved:DeleteMarkerCreated" } else { "ObjectRemoved:Delete" };
    let (detail_type, reason) = ("Object Deleted", "DeleteObject");
    let what = Happened { event, detail_type, reason, key, version: None, version_id, marker };
    events::happened(cx, bucket, &what)
}

fn delete_objects(cx: &mut Cx<'_>, req: DeleteObjects) -> Result<DeleteObjectsResult, S3Error> {
    let door = door::open(cx, &req.bucket, "", req.payer.as_deref())?;
    check_bypass(&door.bucket, req.bypass)?;
    if req.delete.objects.is_empty() || req.delete.objects.len() > OBJECTS_MAX {
        return Err(Refusal::MalformedXml.into());
    }
    // AWS: one version among them, or a code that is given, decides about the whole request.
    let of_versions = req.delete.objects.iter().any(|object| object.version_id.is_some());
    if of_versions || req.mfa.is_some() {
        mfa::check_where_asked(cx, &door.bucket.record, req.mfa.as_deref())?;
    }
    let quiet = req.delete.quiet == Some(true);
    let mut result = DeleteObjectsResult { deleted: Vec::new(), charged: door.charged, errors: Vec::new() };
    let mut things = Vec::new();
    for object in req.delete.objects {
        let id = object.version_id.as_deref().filter(|id| !id.is_empty());
        let thing = told(cx, &door.bucket, &object.key, id)?;
        let outcome = delete_one(cx, &door.bucket, &object, req.bypass == Some(true));
        let refused = outcome.as_ref().err().map(|error| (error.status(), error.code().to_owned()));
        things.extend(thing.map(|thing| Thing { refused, ..thing }));
        match outcome {
            Ok(_) if quiet => {}
            Ok(deleted) => result.deleted.push(shown(object, deleted)),
            Err(error) if error.status() >= 500 && error.code() != "NotImplemented" => return Err(error),
            Err(error) => result.errors.push(ErrorView {
                key: object.key,
                version_id: object.version_id,
                code: error.code().to_owned(),
                message: error.message().to_owned(),
            }),
        }
    }
    note(cx, things);
    Ok(result)
}

fn delete_one(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    object: &Identifier,
    bypass: bool,
) -> Result<Deleted, S3Error> {
    let id = object.version_id.as_deref().filter(|id| !id.is_empty());
    let allowed = access::may_delete(cx, bucket, &object.key, id, object.etag.as_deref());
    if !allowed.map_err(S3Error::from)? {
        return Err(Refusal::AccessDenied.into());
    }
    let wanted = Wanted {
        key: &object.key,
        version_id: id,
        if_match: object.etag.as_deref(),
        other_conditions: object.modified.is_some() || object.size.is_some(),
        bypass: bypass && access::may_bypass_governance(cx, bucket, &object.key).map_err(S3Error::from)?,
    };
    // What one object has written before it was refused must not stay.
    let savepoint = cx.tx.savepoint();
    let outcome = delete(cx, bucket, &wanted);
    if outcome.is_err() {
        cx.tx.rollback_to(savepoint);
    }
    match (outcome, id) {
        // AWS: among many, what is no id at all is a version that is not there.
        (Err(error), Some(id)) if error.code() == "InvalidArgument" => {
            Err(Refusal::NoSuchVersion(object.key.clone(), id.to_owned()).into())
        }
        (outcome, _) => outcome,
    }
}

fn shown(object: Identifier, deleted: Deleted) -> DeletedView {
    let version_id = object.version_id.filter(|id| !id.is_empty());
    DeletedView {
        key: object.key,
        version_id,
        marker: deleted.marker.then_some(true),
        marker_id: if deleted.marker { deleted.id } else { None },
    }
}
