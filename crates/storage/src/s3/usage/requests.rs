//! How S3 counts requests.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorCodeBilling.html>: refusals are counted, too, but not
//! strangers who may not do what they try, and nothing that fails for S3's own sake.

use super::kinds::{TIER1, TIER2};
use super::line;
use crate::s3::buckets;
use crate::s3::errors::is_denied;
use crate::s3::model::bucket::ARN;
use kernel::meter::{Called, Kind, Line, Tariff};

#[derive(Debug)]
pub struct Requests;

/// What a request to this operation is, where nothing of the object tells. AWS: deletions and cancellations are free.
fn kind(operation: &str) -> Option<&'static Kind> {
    const WRITES: &[&str] = &["Put", "Copy", "Create", "Complete", "Upload", "List", "Post", "Restore"];
    const FREE: &[&str] = &["Delete", "Abort"];
    let begins = |words: &[&str]| words.iter().any(|word| operation.starts_with(word));
    if begins(FREE) {
        return None;
    }
    Some(if begins(WRITES) { &TIER1 } else { &TIER2 })
}

/// What usage reports call an operation.
pub(super) fn name(operation: &'static str) -> &'static str {
    match operation {
        "ListObjects" | "ListObjectsV2" => "ListBucket",
        "ListBuckets" => "ListAllMyBuckets",
        "CreateMultipartUpload" => "InitiateMultipartUpload",
        other => other,
    }
}

/// The bucket that an ARN is of or in.
fn bucket_of(arn: &str) -> &str {
    let resource = arn.strip_prefix(ARN).unwrap_or_default();
    resource.split('/').next().unwrap_or_default()
}

impl Tariff for Requests {
    fn service(&self) -> &'static str {
        "s3"
    }

    fn count(&self, call: &Called<'_>, add: &mut dyn FnMut(&Line<'_>, u64)) {
        let Some(kind) = call.kind.or_else(|| kind(call.operation)).filter(|_| call.is_charged()) else {
            return;
        };
        let (name, operation) = (bucket_of(call.resource()), name(call.operation));
        if let Some(bucket) = buckets::remembered(call.cloud, name) {
            let bucket = &bucket.record;
            let is_owner = call.caller.principal.account() == Some(bucket.owner);
            if !is_owner && call.outcome.is_err_and(is_denied) {
                return;
            }
            let pays = bucket.requester_pays && !is_owner && call.outcome.is_ok();
            return add(&line(bucket, pays.then_some(call.account), kind, operation), 1);
        }
        // Of no bucket, or of one that has just been made.
        if call.outcome.is_ok() {
            let (account, region) = (call.account, call.region);
            add(&Line { account, region, kind, operation, resource: name }, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bucket_of, kind};

    #[test]
    fn operations_have_their_tier() {
        let tier = |operation| kind(operation).map(|kind| kind.usage_type);
        for operation in ["PutObject", "CopyObject", "ListObjectsV2", "ListParts", "PutBucketPolicy"] {
            assert_eq!(tier(operation), Some("Requests-Tier1"), "{operation}");
        }
        for operation in ["GetObject", "HeadObject", "GetBucketPolicy", "SelectObjectContent"] {
            assert_eq!(tier(operation), Some("Requests-Tier2"), "{operation}");
        }
        for operation in ["DeleteObject", "DeleteObjects", "AbortMultipartUpload", "DeleteBucket"] {
            assert_eq!(tier(operation), None, "{operation}");
        }
    }

    #[test]
    fn buckets_are_found_in_arns() {
        assert_eq!(bucket_of("arn:aws:s3:::photos/2026/a.jpg"), "photos");
        assert_eq!(bucket_of("arn:aws:s3:::photos"), "photos");
        assert_eq!(bucket_of("*"), "");
    }
}
