//! Operations on one object that is, or should be, there.

use super::{Targets, bucket_of, existing, guard};
use crate::s3::model::acl::Permission;
use kernel::Cx;
use wire::{Fault, Struct};

/// The action on a version that is named, where it is another than that on the current one.
fn of_version(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "GetObject" | "HeadObject" => "s3:GetObjectVersion",
        "GetObjectAcl" => "s3:GetObjectVersionAcl",
        "PutObjectAcl" => "s3:PutObjectVersionAcl",
        "GetObjectTagging" => "s3:GetObjectVersionTagging",
        "PutObjectTagging" => "s3:PutObjectVersionTagging",
        "DeleteObjectTagging" => "s3:DeleteObjectVersionTagging",
        "GetObjectTorrent" => "s3:GetObjectVersionTorrent",
        "GetObjectAttributes" => "s3:GetObjectVersionAttributes",
        _ => return None,
    })
}

fn permission(operation: &str) -> Option<Permission> {
    match operation {
        "GetObject" | "HeadObject" | "GetObjectTorrent" | "GetObjectAttributes" => Some(Permission::Read),
        "GetObjectAcl" => Some(Permission::ReadAcp),
        "PutObjectAcl" => Some(Permission::WriteAcp),
        _ => None,
    }
}

/// Every operation on one object, by `Key` and, where there is one, `VersionId`. Who may do it and may not list the
/// bucket is not told that the object is missing; who may list it is, even if he may not read the object.
///
/// # Errors
/// As [`bucket_of`].
pub fn on_object(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    let (key, id) = (request.str("Key").unwrap_or_default(), request.str("VersionId"));
    let version = existing::find_version(cx.tx, &bucket, key, id).map_err(Fault::from)?;
    let operation = cx.request.operation;
    let guarded = guard::object(&bucket, key, version.as_ref(), permission(operation));
    let action = id.and(of_version(operation));
    let mut targets = guarded.doing(action).asked_by(cx, request).targets(cx);
    if version.is_none() {
        let lists = guard::may_list(cx, &bucket, key);
        if reads(operation) && guard::all_allowed(cx, &lists, request)? {
            targets = targets.into_iter().map(|target| guard::unless_denied(cx, &bucket, target)).collect();
        }
        targets.extend(lists);
    }
    Ok(targets)
}

/// Operations whose caller learns by the right to list alone that there is nothing to read.
fn reads(operation: &str) -> bool {
    matches!(operation, "GetObject" | "HeadObject" | "GetObjectAttributes")
}

/// `GetObject`, `HeadObject`, `GetObjectAttributes`, `GetObjectTorrent`.
///
/// # Errors
/// As [`on_object`].
pub fn get_object(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = on_object(cx, request)?;
    if cx.request.operation == "GetObjectAttributes" {
        let read = if request.str("VersionId").is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let first = targets.first().cloned();
        targets.extend(first.map(|target| target.doing(read)));
    }
    Ok(targets)
}

/// `RestoreObject`.
///
/// # Errors
/// As [`on_object`].
pub fn restore_object(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    on_object(cx, request)
}
