//! Who may do what in S3: from a request to the buckets and objects that it touches, and all that may let its caller
//! in: policies of identities, the bucket's policy, ACLs, and what the public access block takes away again.
//!
//! A bucket that does not exist, or is in another region, is told before anybody is asked; a missing object only to
//! those who may list the bucket. In a bucket whose owner owns everything (the default) no ACL counts. Elsewhere an
//! object of another account is that account's: the bucket's policy can only deny there.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html> and the guide's
//! page on the permissions that each operation needs.

mod bucket;
mod existing;
mod guard;
mod keys;
mod object;
mod write;

pub use bucket::{create_bucket, list_buckets, on_account, on_bucket, put_replication};
pub use existing::find_version;
pub use guard::{allowed_on_object, denied_on_object, may_bypass_governance, may_delete};
pub use keys::header_tags;
pub use object::{get_object, on_object, restore_object};
pub use write::{
    abort_upload, copy_object, copy_source, create_upload, delete_object, delete_objects, list_parts,
    put_object, upload_part, upload_part_copy,
};

use super::buckets::{self, Bucket};
use super::errors::{Denial, Refusal, S3Error};
use auth::policy::Principal;
use base::AccountId;
use kernel::{Cx, Target};
use std::sync::Arc;
use wire::{Fault, Struct};

pub type Targets = Result<Vec<Target>, Fault>;

/// Answered from any region.
const ANYWHERE: &str = "GetBucketLocation";

/// The bucket that a request is about, once it is known to be the right one.
///
/// # Errors
/// `NoSuchBucket`, `InvalidBucketName`, `PermanentRedirect`, `AccessDenied` where its owner is not the expected one.
pub fn bucket_of(cx: &Cx<'_>, request: &Struct) -> Result<Arc<Bucket>, S3Error> {
    let bucket = named(cx, request.str("Bucket").unwrap_or_default())?;
    expected_owner(request.str("ExpectedBucketOwner"), bucket.record.owner)?;
    let pays = request.str("RequestPayer") == Some("requester") && cx.caller.principal.account().is_some();
    if bucket.record.requester_pays && !pays && !is_of(cx, bucket.record.owner) && !is_service(cx) {
        return Err(Refusal::AccessDenied.into());
    }
    Ok(bucket)
}

/// The bucket of this name, in the region of the request.
///
/// # Errors
/// As [`bucket_of`].
pub fn named(cx: &Cx<'_>, name: &str) -> Result<Arc<Bucket>, S3Error> {
    let Some(bucket) = buckets::find(cx.cloud(), cx.tx, name)? else {
        return Err(if super::name::is_conceivable(name) {
            Refusal::NoSuchBucket(name.to_owned()).into()
        } else {
            Denial::BucketName(name.to_owned()).into()
        });
    };
    let signed = cx.caller.principal.account().is_some();
    if signed && cx.region != bucket.record.region && cx.request.operation != ANYWHERE {
        let region = bucket.record.region.name();
        return Err(S3Error::from(Denial::Moved(format!("{name}.s3.{region}.amazonaws.com")))
            .with("Bucket", name)
            .header("x-amz-bucket-region", region));
    }
    Ok(bucket)
}

/// Holds `x-amz-expected-bucket-owner` and its like against the true owner.
///
/// # Errors
/// `AccessDenied`, `InvalidBucketOwnerAWSAccountID`.
pub fn expected_owner(expected: Option<&str>, owner: AccountId) -> Result<(), S3Error> {
    match expected {
        Some(text) if AccountId::parse(text).is_none() => Err(Denial::OwnerNumber(text.to_owned()).into()),
        Some(text) if text != owner.as_str() => Err(Refusal::AccessDenied.into()),
        _ => Ok(()),
    }
}

/// Whether the caller is of this account.
fn is_of(cx: &Cx<'_>, account: AccountId) -> bool {
    cx.caller.principal.account() == Some(account)
}

fn is_service(cx: &Cx<'_>) -> bool {
    matches!(cx.caller.principal, Principal::Service { .. })
}
