//! Operations on buckets.

use super::{Targets, bucket_of, guard};
use crate::s3::SERVICE;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::acl::Permission;
use crate::s3::model::bucket::arn;
use base::AccountId;
use kernel::{Cx, Target};
use wire::{Struct, Value};

/// Where the bucket is. AWS: HeadBucket answers it with 403, too, and clients find buckets by that.
const REGION: &str = "x-amz-bucket-region";

/// What an operation needs of the bucket's ACL, where that can allow it at all.
fn permission(operation: &str) -> Option<Permission> {
    match operation {
        "HeadBucket" | "ListObjects" | "ListObjectsV2" | "ListObjectVersions" | "ListMultipartUploads" => {
            Some(Permission::Read)
        }
        "GetBucketAcl" => Some(Permission::ReadAcp),
        "PutBucketAcl" => Some(Permission::WriteAcp),
        _ => None,
    }
}

/// Every operation on one bucket that is there.
///
/// # Errors
/// As [`bucket_of`].
pub fn on_bucket(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let bucket = bucket_of(cx, request)?;
    // Whatever the policy says: its owner's root user can always read, change and delete it.
    let on_policy =
        matches!(cx.request.operation, "GetBucketPolicy" | "PutBucketPolicy" | "DeleteBucketPolicy");
    if on_policy && cx.caller.principal.is_root() && super::is_of(cx, bucket.record.owner) {
        return Ok(vec![Target::on(bucket.record.arn())]);
    }
    let guarded = guard::bucket(&bucket, permission(cx.request.operation));
    let mut targets = guarded.asked_by(cx, request).targets(cx);
    targets.iter_mut().for_each(|target| target.header = Some((REGION, bucket.record.region.name())));
    Ok(targets)
}

/// `PutBucketReplication`, which hands a role to S3.
///
/// # Errors
/// As [`bucket_of`].
pub fn put_replication(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = on_bucket(cx, request)?;
    let role =
        request.get("ReplicationConfiguration").and_then(|it| it.member("Role")).and_then(Value::as_str);
    // What is no role is refused for that. One of another account cannot be passed.
    if let Some(role) = role
        && let Some(owner) = role_account(role)
    {
        let pass = Target::on(role).owned_by(owner).doing("iam:PassRole");
        targets.push(pass.key("iam:PassedToService", SERVICE));
    }
    Ok(targets)
}

/// Whose a role is, by its ARN.
fn role_account(arn: &str) -> Option<AccountId> {
    let mut parts = arn.splitn(6, ':').skip(4);
    let account = AccountId::parse(parts.next()?)?;
    parts.next()?.starts_with("role/").then_some(account)
}

/// `ListBuckets`: of the caller's account.
///
/// # Errors
/// Never.
pub fn list_buckets(_: &mut Cx<'_>, _: &Struct) -> Targets {
    Ok(vec![Target::any()])
}

/// What is kept of an account, which nobody of another one sees.
///
/// # Errors
/// `AccessDenied`.
pub fn on_account(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    if request.str("AccountId") != Some(cx.account.as_str()) {
        return Err(S3Error::from(Refusal::AccessDenied).into());
    }
    Ok(vec![Target::any()])
}

/// `CreateBucket`, and what its headers do beside.
///
/// # Errors
/// Never.
pub fn create_bucket(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let arn = arn(request.str("Bucket").unwrap_or_default());
    let configuration = request.get("CreateBucketConfiguration");
    let constraint = configuration.and_then(|c| c.member("LocationConstraint")).and_then(Value::as_str);
    let target = |action: Option<&'static str>| {
        let target = super::keys::of_request(Target::on(arn.clone()), cx, request);
        let target = match constraint {
            Some(constraint) => target.key("s3:LocationConstraint", constraint),
            None => target,
        };
        Target { action, ..target }
    };
    let mut targets = vec![target(None)];
    let grants = ["GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"];
    let is_private = request.str("ACL").is_none_or(|acl| acl == "private");
    if !is_private || grants.iter().any(|name| request.get(name).is_some()) {
        targets.push(target(Some("s3:PutBucketAcl")));
    }
    if request.get("ObjectLockEnabledForBucket").and_then(Value::as_bool) == Some(true) {
        targets.push(target(Some("s3:PutBucketVersioning")));
        targets.push(target(Some("s3:PutBucketObjectLockConfiguration")));
    }
    if request.get("ObjectOwnership").is_some() {
        targets.push(target(Some("s3:PutBucketOwnershipControls")));
    }
    let tags = configuration.and_then(|c| c.member("Tags")).and_then(Value::as_list);
    if tags.is_some_and(|tags| !tags.is_empty()) {
        targets.push(target(Some("s3:TagResource")));
    }
    Ok(targets)
}
