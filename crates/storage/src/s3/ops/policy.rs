//! Bucket policies.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::canonical;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::model::bucket::arn;
use crate::s3::public_access;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource, ResourceMode};
use base::AccountId;
use kernel::{Cx, Empty, Target};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::Struct;

kernel::ops! { pub(crate) static OPS:
    DeleteBucketPolicy: delete_policy, "s3:DeleteBucketPolicy", access::on_bucket;
    GetBucketPolicy: get_policy, "s3:GetBucketPolicy", access::on_bucket;
    GetBucketPolicyStatus: get_policy_status, "s3:GetBucketPolicyStatus", access::on_bucket;
    PutBucketPolicy: put_policy, "s3:PutBucketPolicy", access::on_bucket;
}

requests! {
    PutPolicy {
        policy: String = "Policy",
        confirm: Option<bool> = "ConfirmRemoveSelfBucketAccess",
    }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct PolicyView { policy: String = "Policy" }

    #[derive(Clone, Debug)]
    pub(crate) struct StatusView { status: Status = "PolicyStatus" }

    #[derive(Clone, Debug)]
    pub(crate) struct Status { is_public: bool = "IsPublic" }
}

/// AWS: bucket policies are limited to 20 KB.
const BYTES_MAX: usize = 20 * 1024;

/// A policy is the owner's own business, whatever it says itself.
fn owners_only(cx: &Cx<'_>, owner: AccountId) -> Result<(), S3Error> {
    match cx.caller.principal.account() {
        Some(account) if account != owner => {
            Err(Refusal::MethodNotAllowed(http_method(cx.request.operation), "BUCKETPOLICY").into())
        }
        _ => Ok(()),
    }
}

fn http_method(operation: &str) -> &'static str {
    match operation {
        "PutBucketPolicy" => "PUT",
        "DeleteBucketPolicy" => "DELETE",
        _ => "GET",
    }
}

fn put_policy(cx: &mut Cx<'_>, req: PutPolicy) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    owners_only(cx, bucket.record.owner)?;
    if req.policy.len() > BYTES_MAX {
        let message = "Policy exceeds the maximum allowed document size.";
        return Err(Denial::PolicyMalformed(message.into()).into());
    }
    let policy = Policy::parse(&req.policy, PolicyKind::Resource("s3"))
        .map_err(|malformed| Denial::PolicyMalformed(malformed.message))?;
    if !policy.stays_within("s3", &req.bucket) {
        return Err(Denial::PolicyMalformed("Policy has invalid resource".into()).into());
    }
    if let Some(words) = policy.unfit_for_bucket() {
        return Err(Denial::PolicyMalformed(words.into()).into());
    }
    if policy.is_public() && public_access::of(cx.tx, &bucket.record).block_policy {
        return Err(Refusal::AccessDenied.into());
    }
    let nobody = || Denial::PolicyMalformed("Invalid principal in policy".into());
    if !policy.canonical_users().all(canonical::exists) {
        return Err(nobody().into());
    }
    let (bound, names) = cx.bind(&req.policy)?.map_err(|_| nobody())?;
    let compiled = Policy::load(&bound, PolicyKind::Resource("s3"))
        .map_err(|malformed| Denial::PolicyMalformed(malformed.message))?;
    if req.confirm != Some(true) && locks_out(cx, &req.bucket, compiled)? {
        return Err(Refusal::AccessDenied.into());
    }
    change(cx, &req.bucket, |record| {
        (record.policy, record.policy_names) = (Some(bound), names);
        Ok(Empty)
    })
}

/// Whether the caller could not change the policy any more. Its owner's root user always can.
fn locks_out(cx: &Cx<'_>, bucket: &str, policy: Policy) -> Result<bool, S3Error> {
    if cx.caller.principal.is_root() {
        return Ok(false);
    }
    let arn = arn(bucket);
    let source = PolicySource { id: arn.clone(), attached_to: arn.clone(), form: PolicyForm::Resource };
    let target = Target::on(arn).guarded((source, Arc::new(policy)), ResourceMode::Optional);
    let allowed = kernel::access::allowed(cx, "s3:PutBucketPolicy", &target, &Struct::new());
    Ok(!allowed.map_err(wire::Fault::from)?)
}

fn get_policy(cx: &mut Cx<'_>, req: OfBucket) -> Result<PolicyView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    owners_only(cx, bucket.record.owner)?;
    let policy = bucket.record.policy.as_ref().ok_or(Denial::PolicyMissing(req.bucket))?;
    Ok(PolicyView { policy: kernel::told::policy(&cx.unbind(policy, &bucket.record.policy_names)?) })
}

fn get_policy_status(cx: &mut Cx<'_>, req: OfBucket) -> Result<StatusView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    if bucket.policy.is_none() {
        return Err(Denial::PolicyMissing(req.bucket).into());
    }
    Ok(StatusView { status: Status { is_public: bucket.has_public_policy } })
}

fn delete_policy(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    owners_only(cx, load(cx, &req.bucket)?.record.owner)?;
    change(cx, &req.bucket, |record| {
        (record.policy, record.policy_names) = (None, BTreeMap::new());
        Ok(Empty)
    })
}
