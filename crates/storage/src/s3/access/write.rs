//! Operations that put objects, whole or in parts, and that delete them.

use super::guard::{self, Guarded};
use super::{Targets, bucket_of, existing, named};
use crate::s3::buckets::Bucket;
use crate::s3::canonical;
use crate::s3::errors::{Denial, S3Error};
use crate::s3::model::acl::Permission;
use crate::s3::model::upload::{UPLOADS, UploadId};
use auth::policy::Principal;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

const GRANTS: [&str; 4] = ["GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"];

fn key(request: &Struct) -> &str {
    request.str("Key").unwrap_or_default()
}

fn ask(cx: &Cx<'_>, guarded: Guarded<'_>, action: Option<&'static str>, request: &Struct) -> Vec<Target> {
    guarded.doing(action).asked_by(cx, request).targets(cx)
}

/// `s3:PutObject`, and what the headers of the new object need beside.
fn put(cx: &Cx<'_>, bucket: &Bucket, request: &Struct) -> Vec<Target> {
    let to = || guard::into(bucket, key(request));
    let mut targets = ask(cx, to(), Some("s3:PutObject"), request);
    let mut also = |action: &'static str| {
        // The ACL of the bucket lets others write, and set what they write; tags and locks it does not cover.
        let guarded = if action == "s3:PutObjectAcl" { to() } else { Guarded { acl: None, ..to() } };
        targets.extend(ask(cx, guarded, Some(action), request));
    };
    let says = |name: &str| request.get(name).is_some();
    let is_private = request.str("ACL").is_none_or(|acl| acl == "private");
    let grants = GRANTS.iter().any(|name| says(name));
    if (!is_private || grants) && !is_for_the_owner(bucket, request) {
        also("s3:PutObjectAcl");
    }
    if request.str("Tagging").is_some_and(|tags| !tags.is_empty()) {
        also("s3:PutObjectTagging");
    }
    if says("ObjectLockMode") || says("ObjectLockRetainUntilDate") {
        also("s3:PutObjectRetention");
    }
    if says("ObjectLockLegalHoldStatus") {
        also("s3:PutObjectLegalHold");
    }
    targets
}

/// Whether the headers give the bucket's owner full control, and nobody else anything. AWS: policies may ask for this
/// of those whom they allow `s3:PutObject` alone.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies-condition-keys.html>
fn is_for_the_owner(bucket: &Bucket, request: &Struct) -> bool {
    let silent = |names: &[&str]| names.iter().all(|name| request.get(name).is_none());
    match (request.str("ACL"), request.str("GrantFullControl")) {
        (Some("bucket-owner-full-control"), _) => silent(&GRANTS),
        (None, Some(grantee)) => {
            let id = grantee.strip_prefix("id=").map(|id| id.trim_matches('"'));
            silent(&GRANTS[1..]) && id.and_then(canonical::account) == Some(bucket.record.owner)
        }
        _ => false,
    }
}

/// `PutObject`.
///
/// # Errors
/// As [`bucket_of`].
pub fn put_object(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    Ok(put(cx, &bucket, request))
}

/// `CreateMultipartUpload`: as [`put_object`], but never of whoever has no credentials.
///
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
///
/// # Errors
/// As [`bucket_of`], and `AccessDenied`.
pub fn create_upload(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    if cx.caller.principal == Principal::Anonymous {
        return Err(S3Error::from(Denial::UploadOfNobody).into());
    }
    Ok(put(cx, &bucket, request))
}

/// `UploadPart` and `CompleteMultipartUpload`: the rest has been asked when the upload began.
///
/// # Errors
/// As [`bucket_of`].
pub fn upload_part(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    Ok(ask(cx, guard::into(&bucket, key(request)), Some("s3:PutObject"), request))
}

/// What a `CopySource` names: bucket, key and version.
pub fn copy_source(text: &str) -> Option<(String, String, Option<String>)> {
    if !wire::head::is_escaped(text) {
        return None;
    }
    // AWS: recorded answers take the whole URL of an object, its bucket in the path.
    let url = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let text = url.map_or(Some(text), |url| Some(url.split_once('/')?.1))?;
    let (path, version) = match text.split_once("?versionId=") {
        Some((path, version)) => (path, Some(version.to_owned())),
        None => (text, None),
    };
    // AWS: a recorded answer takes a plus for a blank, as in a query.
    let path = wire::head::percent_decoded(&path.replace('+', " "))?;
    let (bucket, key) = path.strip_prefix('/').unwrap_or(&path).split_once('/')?;
    (!bucket.is_empty() && !key.is_empty()).then(|| (bucket.to_owned(), key.to_owned(), version))
}

/// Reading the source of a copy.
fn source(cx: &Cx<'_>, request: &Struct) -> Result<Vec<Target>, S3Error> {
    let text = request.str("CopySource").unwrap_or_default();
    // The handler says what is wrong with a source that cannot be read.
    let Some((name, key, id)) = copy_source(text) else { return Ok(Vec::new()) };
    let bucket = named_anywhere(cx, &name)?;
    super::expected_owner(request.str("ExpectedSourceBucketOwner"), bucket.record.owner)?;
    let version = existing::find_version(cx.tx, &bucket, &key, id.as_deref())?;
    let action = if id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    let nothing = Struct::new();
    let object = || guard::object(&bucket, &key, version.as_ref(), Some(Permission::Read));
    let mut targets = ask(cx, object(), Some(action), &nothing);
    let has_tags = version.as_ref().is_some_and(|version| !version.tags.is_empty());
    let takes_tags = request.str("TaggingDirective").is_none_or(|directive| directive == "COPY");
    if cx.request.operation == "CopyObject" && has_tags && takes_tags {
        let action = if id.is_some() { "s3:GetObjectVersionTagging" } else { "s3:GetObjectTagging" };
        targets.extend(ask(cx, Guarded { acl: None, ..object() }, Some(action), &nothing));
    }
    if version.is_none() {
        targets.extend(guard::may_list(cx, &bucket, &key));
    }
    Ok(targets)
}

/// The source of a copy may be in another region.
fn named_anywhere(cx: &Cx<'_>, name: &str) -> Result<std::sync::Arc<Bucket>, S3Error> {
    match crate::s3::buckets::find(cx.cloud(), cx.tx, name)? {
        Some(bucket) => Ok(bucket),
        None => named(cx, name),
    }
}

/// `CopyObject`: the source is read, the copy put. AWS: whoever has no credentials is told so, whatever he may do.
///
/// # Errors
/// As [`bucket_of`], and `AccessDenied`.
pub fn copy_object(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    if cx.caller.principal == Principal::Anonymous {
        return Err(S3Error::from(Denial::CopyOfNobody).into());
    }
    let mut targets = source(cx, request)?;
    targets.extend(put(cx, &bucket, request));
    Ok(targets)
}

/// `UploadPartCopy`.
///
/// # Errors
/// As [`bucket_of`].
pub fn upload_part_copy(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = source(cx, request)?;
    targets.extend(upload_part(cx, request)?);
    Ok(targets)
}

/// `AbortMultipartUpload`.
///
/// # Errors
/// As [`bucket_of`].
pub fn abort_upload(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    of_initiator(cx, &bucket, request, "s3:AbortMultipartUpload")
}

/// `ListParts`.
///
/// # Errors
/// As [`bucket_of`].
pub fn list_parts(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    of_initiator(cx, &bucket, request, "s3:ListMultipartUploadParts")
}

/// AWS: an ACL by which somebody may write lets nobody see or end what another has begun.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
fn of_initiator(cx: &Cx<'_>, bucket: &Bucket, request: &Struct, action: &'static str) -> Targets {
    let id = request.str("UploadId").and_then(UploadId::parse);
    let upload = match id {
        Some(id) => UPLOADS.get(cx.tx, &id.key(&bucket.scope, key(request))).map_err(S3Error::from)?,
        None => None,
    };
    let is_own = upload.is_none_or(|upload| upload.initiator == cx.caller.arn());
    let guarded = guard::into(bucket, key(request));
    let guarded = if is_own { guarded } else { Guarded { acl: None, ..guarded } };
    Ok(ask(cx, guarded, Some(action), request))
}

/// `DeleteObject`: of a version for good, or of what is current.
///
/// # Errors
/// As [`bucket_of`].
pub fn delete_object(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    let action = match request.str("VersionId") {
        Some(_) => "s3:DeleteObjectVersion",
        None => "s3:DeleteObject",
    };
    let version = existing::find_version(cx.tx, &bucket, key(request), request.str("VersionId"));
    let version = version.map_err(Fault::from)?;
    let mut guarded = guard::into(&bucket, key(request));
    guarded.target = super::keys::of_version(guarded.target, version.as_ref());
    let mut targets = ask(cx, guarded, Some(action), request);
    if request.str("VersionId").is_none() && request.str("IfMatch").is_some_and(guard::names_tag) {
        let read = guard::object(&bucket, key(request), version.as_ref(), Some(Permission::Read));
        targets.extend(ask(cx, read, Some("s3:GetObject"), request));
    }
    Ok(targets)
}

/// `DeleteObjects`: the bucket must be there; each object is decided about by itself ([`guard::may_delete`]),
/// and a refusal stands in the answer beside the others.
///
/// # Errors
/// As [`bucket_of`].
pub fn delete_objects(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    bucket_of(cx, request)?;
    let objects = request.get("Delete").and_then(|delete| delete.member("Objects")).and_then(Value::as_list);
    debug_assert!(objects.is_some(), "the model requires them");
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::copy_source;

    #[test]
    fn sources_are_read() {
        let read = |text: &str| copy_source(text);
        let some =
            |b: &str, k: &str, v: Option<&str>| Some((b.to_owned(), k.to_owned(), v.map(str::to_owned)));
        assert_eq!(read("b/k"), some("b", "k", None));
        assert_eq!(read("/b/a%20k%2Fz?versionId=x"), some("b", "a k/z", Some("x")));
        assert_eq!(read("https://s3.us-east-1.amazonaws.com/b/k/l"), some("b", "k/l", None));
        assert_eq!(read("https://b"), None);
        assert_eq!(read("b"), None);
        assert_eq!(read("b/"), None);
    }
}
