//! Server access logging: where the logs of a bucket go.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html>

use super::shapes::{OfBucket, load};
use crate::s3::access;
use crate::s3::acl;
use crate::s3::acl::document;
use crate::s3::buckets::{self, Bucket};
use crate::s3::configs::{LOGGING, LoggingRecord};
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::logging::{BucketLoggingStatus, KeyFormat, LoggingEnabled, SERVICE};
use crate::s3::model::acl::{Grant, Permission};
use crate::s3::model::bucket::Ownership;
use auth::policy::Principal;
use base::Region;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetBucketLogging: get_logging, "s3:GetBucketLogging", access::on_bucket;
    PutBucketLogging: put_logging, "s3:PutBucketLogging", access::on_bucket;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct PutLogging {
        bucket: String = "Bucket",
        status: BucketLoggingStatus = "BucketLoggingStatus",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        content_md5: Option<String> = "ContentMD5",
        checksum_algorithm: Option<String> = "ChecksumAlgorithm",
    }
}

fn put_logging(cx: &mut Cx<'_>, req: PutLogging) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let Some(enabled) = req.status.enabled else {
        LOGGING.delete(cx.tx, &bucket.scope);
        return Ok(Empty);
    };
    let there = buckets::find(cx.cloud(), cx.tx, &enabled.bucket)?.ok_or_else(|| {
        refused("The target bucket for logging does not exist").with("TargetBucket", enabled.bucket.clone())
    })?;
    if there.record.owner != bucket.record.owner {
        return Err(refused("The owner for the bucket to be logged and the target bucket must be the same."));
    }
    if there.record.region != bucket.record.region {
        let mut refusal = S3Error::from(Denial::LoggingElsewhere);
        // AWS: us-east-1 is not named as a source.
        if bucket.record.region != Region::US_EAST_1 {
            refusal = refusal.with("SourceBucketLocation", bucket.record.region.name());
        }
        return Err(refusal.with("TargetBucketLocation", there.record.region.name()));
    }
    if enabled.format.as_ref().is_some_and(|format| !is_one(format)) {
        return Err(Refusal::MalformedXml.into());
    }
    let grants = enabled.grants.unwrap_or_default().into_iter().map(document::grant);
    let grants: Vec<Grant> = grants.collect::<Result<_, _>>().map_err(of_schema)?;
    check_rights(&there, &grants)?;
    let record =
        LoggingRecord { bucket: enabled.bucket, prefix: enabled.prefix, grants, format: enabled.format };
    LOGGING.put(cx.tx, &bucket.scope, &record);
    Ok(Empty)
}

/// What is no grant is no document here; AWS: a recorded answer takes every permission that ACLs have.
fn of_schema(error: S3Error) -> S3Error {
    if error == Denial::AclMalformed.into() { Refusal::MalformedXml.into() } else { error }
}

fn refused(message: &str) -> S3Error {
    S3Error::from(Denial::LoggingTarget(message.to_owned()))
}

/// One of the two, as the schema has it.
fn is_one(format: &KeyFormat) -> bool {
    format.simple.is_some() != format.partitioned.is_some()
}

/// Whether the target can be written to at all. What its policy says is asked at each delivery.
fn check_rights(there: &Bucket, grants: &[Grant]) -> Result<(), S3Error> {
    if there.record.ownership == Ownership::BucketOwnerEnforced {
        return if grants.is_empty() { Ok(()) } else { Err(Denial::AclUnsupported.into()) };
    }
    let delivery = Principal::Service { name: SERVICE.to_owned() };
    // AWS: a recorded answer takes for the target's what the request grants on the logs.
    let granted = |wanted| {
        [&there.record.grants, grants].into_iter().any(|list| acl::grants(list, &delivery, wanted, false))
    };
    if there.policy.is_some() || (granted(Permission::Write) && granted(Permission::ReadAcp)) {
        return Ok(());
    }
    Err(refused("You must give the log-delivery group WRITE and READ_ACP permissions to the target bucket"))
}

fn get_logging(cx: &mut Cx<'_>, req: OfBucket) -> Result<BucketLoggingStatus, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let record = LOGGING.get(cx.tx, &bucket.scope)?;
    let enabled = record.map(|record| LoggingEnabled {
        bucket: record.bucket,
        prefix: record.prefix,
        grants: (!record.grants.is_empty()).then(|| document::views(&record.grants)),
        format: record.format,
    });
    Ok(BucketLoggingStatus { enabled })
}
