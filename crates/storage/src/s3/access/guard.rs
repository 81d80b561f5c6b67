//! What guards a bucket or an object: the policy, the ACL, the public access block.

use super::{existing, is_of, is_service, keys};
use crate::s3::acl;
use crate::s3::buckets::Bucket;
use crate::s3::canonical;
use crate::s3::model::acl::{Grant as AclGrant, Grantee, Permission};
use crate::s3::model::bucket::{BucketRecord, Ownership, object_arn};
use crate::s3::model::object::Version;
use crate::s3::public_access;
use auth::policy::{Grant, ResourceMode};
use base::AccountId;
use kernel::{Cx, Target};
use std::borrow::Cow;
use wire::{Fault, Struct, Value};

/// A target within a bucket, with everything that may let the caller in.
#[derive(Clone, Debug)]
pub(super) struct Guarded<'b> {
    pub(super) bucket: &'b Bucket,
    pub(super) target: Target,
    /// Who owns what is touched.
    pub(super) owner: AccountId,
    /// The ACL that counts, and what it must grant.
    pub(super) acl: Option<(Cow<'b, [AclGrant]>, Permission)>,
}

/// The bucket itself. `wanted`: the permission of its ACL that covers the action.
pub(super) fn bucket<'b>(bucket: &'b Bucket, wanted: Option<Permission>) -> Guarded<'b> {
    let record = &bucket.record;
    let acl = wanted.map(|wanted| (Cow::Borrowed(&record.grants[..]), wanted));
    Guarded { bucket, target: Target::on(record.arn()), owner: record.owner, acl }
}

/// An object. `wanted`: the permission of its own ACL that covers the action.
pub(super) fn object<'b>(
    bucket: &'b Bucket,
    key: &str,
    version: Option<&Version>,
    wanted: Option<Permission>,
) -> Guarded<'b> {
    let record = &bucket.record;
    let owner = match version {
        Some(version) if record.ownership != Ownership::BucketOwnerEnforced => version.owner,
        _ => record.owner,
    };
    let acl = match (wanted, version) {
        _ if record.ownership == Ownership::BucketOwnerEnforced => None,
        (Some(wanted), Some(version)) => Some((Cow::Owned(acl::of(version).into_owned()), wanted)),
        // What is not there has no ACL: whoever the bucket's lets list learns that it is missing.
        (Some(Permission::Read), None) => Some((Cow::Borrowed(&record.grants[..]), Permission::Read)),
        _ => None,
    };
    let target = keys::of_version(Target::on(object_arn(&record.name, key)), version);
    Guarded { bucket, target, owner, acl }
}

/// An object that is written into the bucket, which its bucket's ACL may allow.
pub(super) fn into<'b>(bucket: &'b Bucket, key: &str) -> Guarded<'b> {
    let record = &bucket.record;
    Guarded {
        bucket,
        target: Target::on(object_arn(&record.name, key)),
        owner: record.owner,
        acl: Some((Cow::Borrowed(&record.grants[..]), Permission::Write)),
    }
}

impl Guarded<'_> {
    #[must_use]
    pub(super) fn doing(mut self, action: Option<&'static str>) -> Self {
        self.target.action = action.or(self.target.action);
        self
    }

    #[must_use]
    pub(super) fn asked_by(mut self, cx: &Cx<'_>, request: &Struct) -> Self {
        self.target = keys::of_request(self.target, cx, request);
        self
    }

    /// The questions to be asked: one, or two where the bucket's policy may deny but not allow.
    pub(super) fn targets(self, cx: &Cx<'_>) -> Vec<Target> {
        let record = &self.bucket.record;
        let grant = self.acl.as_ref().and_then(|(list, wanted)| granted(cx, record, list, *wanted));
        let mut target = self.target.owned_by(self.owner).granted(grant);
        target.mode = ResourceMode::Optional;
        target.canonical_id = cx.caller.principal.account().map(canonical::id);
        let target = target.key("s3:ResourceAccount", record.owner.as_str());
        let Some(policy) = &self.bucket.policy else { return vec![target] };
        let foreign = self.owner != record.owner;
        if foreign || is_shut_out(cx, self.bucket) {
            let action = target.action;
            let denies = Target { policy: Some(policy.clone()), action, ..target.clone() };
            let denies = unless_denied(cx, self.bucket, denies);
            return vec![target, denies];
        }
        vec![Target { policy: Some(policy.clone()), ..target }]
    }
}

/// The same target, about which policies may only deny.
pub(super) fn unless_denied(cx: &Cx<'_>, bucket: &Bucket, mut target: Target) -> Target {
    target.grant = Some(Grant { id: "the policies may only deny".into(), grantee: "*".into() });
    target.account = cx.caller.principal.account().or(Some(bucket.record.owner));
    target
}

/// Whether `RestrictPublicBuckets` keeps the caller out of what a public policy allows.
fn is_shut_out(cx: &Cx<'_>, bucket: &Bucket) -> bool {
    let is_of_the_public = !is_of(cx, bucket.record.owner) && !is_service(cx);
    bucket.has_public_policy && is_of_the_public && public_access::of(cx.tx, &bucket.record).restrict
}

/// The permission that an ACL gives the caller.
fn granted(cx: &Cx<'_>, bucket: &BucketRecord, list: &[AclGrant], wanted: Permission) -> Option<Grant> {
    if bucket.ownership == Ownership::BucketOwnerEnforced {
        return None;
    }
    let ignores = acl::is_public(list) && public_access::of(cx.tx, bucket).ignore_acls;
    let principal = &cx.caller.principal;
    let covers = |grant: &&AclGrant| acl::grants(std::slice::from_ref(*grant), principal, wanted, ignores);
    let grant = list.iter().find(covers)?;
    let grantee = match grant.grantee {
        Grantee::Account(account) if account != AccountId::ANONYMOUS => {
            format!("arn:aws:iam::{account}:root")
        }
        Grantee::Account(_) | Grantee::AllUsers | Grantee::AuthenticatedUsers | Grantee::LogDelivery => {
            "*".to_owned()
        }
    };
    Some(Grant { id: format!("acl:{}", acl::permission_name(grant.permission)), grantee })
}

/// Whether every one of these is allowed.
pub(super) fn all_allowed(cx: &Cx<'_>, targets: &[Target], request: &Struct) -> Result<bool, Fault> {
    for target in targets {
        let action = target.action.unwrap_or_default();
        if !kernel::access::allowed(cx, action, target, request).map_err(Fault::from)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the caller may do `action` to one object of a request about many.
///
/// # Errors
/// When the store cannot be read.
pub fn allowed_on_object(
    cx: &Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version_id: Option<&str>,
    action: &'static str,
) -> Result<bool, Fault> {
    allowed_if(cx, bucket, key, (version_id, None), action)
}

/// Whether somebody denies the caller `action` on an object by name, rather than that nobody allows it.
///
/// # Errors
/// When the store cannot be read.
pub fn denied_on_object(
    cx: &Cx<'_>,
    bucket: &Bucket,
    key: &str,
    action: &'static str,
) -> Result<bool, Fault> {
    let request = Struct::new();
    let targets = object(bucket, key, None, None).doing(Some(action)).asked_by(cx, &request).targets(cx);
    let targets: Vec<Target> = targets.into_iter().map(|target| unless_denied(cx, bucket, target)).collect();
    Ok(!all_allowed(cx, &targets, &request)?)
}

/// Whether the caller may delete one object of a request about many.
///
/// # Errors
/// When the store cannot be read.
pub fn may_delete(
    cx: &Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version_id: Option<&str>,
    if_match: Option<&str>,
) -> Result<bool, Fault> {
    let action = if version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
    let reads = version_id.is_none() && if_match.is_some_and(names_tag);
    Ok(allowed_if(cx, bucket, key, (version_id, if_match), action)?
        && (!reads || allowed_if(cx, bucket, key, (None, if_match), "s3:GetObject")?))
}

/// AWS: a delete that compares an entity tag needs `s3:GetObject` beside; one that asks for any object does not.
pub(super) fn names_tag(if_match: &str) -> bool {
    if_match.trim() != "*"
}

/// As [`allowed_on_object`], on a condition.
fn allowed_if(
    cx: &Cx<'_>,
    bucket: &Bucket,
    key: &str,
    (version_id, if_match): (Option<&str>, Option<&str>),
    action: &'static str,
) -> Result<bool, Fault> {
    let version = existing::find_version(cx.tx, bucket, key, version_id)?;
    let guarded = match action {
        "s3:DeleteObject" | "s3:PutObject" => into(bucket, key),
        "s3:GetObject" => object(bucket, key, version.as_ref(), Some(Permission::Read)),
        _ => object(bucket, key, version.as_ref(), None),
    };
    let request = Struct::new();
    let mut guarded = guarded.doing(Some(action)).asked_by(cx, &request);
    if let Some(id) = version_id {
        guarded.target = guarded.target.key("s3:VersionId", id);
    }
    if let Some(tag) = if_match {
        guarded.target = guarded.target.key("s3:if-match", tag);
    }
    all_allowed(cx, &guarded.targets(cx), &request)
}

/// Whether the caller may pass a governance retention of this object.
///
/// # Errors
/// When the store cannot be read.
pub fn may_bypass_governance(cx: &Cx<'_>, bucket: &Bucket, key: &str) -> Result<bool, Fault> {
    allowed_on_object(cx, bucket, key, None, "s3:BypassGovernanceRetention")
}

/// `s3:ListBucket` of what begins with `key`, which a caller needs to learn that there is no such object.
pub(super) fn may_list(cx: &Cx<'_>, of: &Bucket, key: &str) -> Vec<Target> {
    let mut listing = Struct::new();
    listing.push("Prefix", Value::str(key));
    let guarded = bucket(of, Some(Permission::Read)).doing(Some("s3:ListBucket")).asked_by(cx, &listing);
    guarded.targets(cx)
}
