//! Server access logging: where the logs of a bucket are to go. It is kept; nothing writes the logs yet, and whoever
//! puts it is told so: the configuration is no declared member of the request.

use super::shapes::{OfBucket, load};
use crate::s3::access;
use crate::s3::acl::document;
use crate::s3::buckets;
use crate::s3::configs::{LOGGING, LoggingRecord};
use crate::s3::errors::{Denial, S3Error};
use crate::s3::logging::{BucketLoggingStatus, LoggingEnabled};
use kernel::{Cx, Empty};
use wire::{FromValue, Member, Mismatch, Value};

kernel::ops! { pub(crate) static OPS:
    GetBucketLogging: get_logging, "s3:GetBucketLogging", access::on_bucket;
    PutBucketLogging: put_logging, "s3:PutBucketLogging", access::on_bucket;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Declared {
        bucket: String = "Bucket",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        content_md5: Option<String> = "ContentMD5",
        checksum_algorithm: Option<String> = "ChecksumAlgorithm",
    }
}

const STATUS: &str = "BucketLoggingStatus";

/// The request, whose configuration is read and not declared.
#[derive(Clone, Debug)]
pub(crate) struct PutLogging {
    declared: Declared,
    status: BucketLoggingStatus,
}

impl FromValue for PutLogging {
    const MEMBERS: Option<&'static [Member]> = Declared::MEMBERS;

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        let Value::Struct(mut members) = value else { return Err(Mismatch::expected("a structure")) };
        let status = members.take(STATUS).unwrap_or_else(|| Value::Struct(wire::Struct::new()));
        let status = BucketLoggingStatus::from_value(status).map_err(|m| m.in_member(STATUS))?;
        Ok(PutLogging { declared: Declared::from_value(Value::Struct(members))?, status })
    }
}

fn put_logging(cx: &mut Cx<'_>, req: PutLogging) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.declared.bucket)?;
    let Some(enabled) = req.status.enabled else {
        LOGGING.delete(cx.tx, &bucket.scope);
        return Ok(Empty);
    };
    let refused = |message: &str| S3Error::from(Denial::LoggingTarget(message.to_owned()));
    let there = buckets::find(cx.cloud(), cx.tx, &enabled.bucket)?;
    let there = there.ok_or_else(|| {
        refused("The target bucket for logging does not exist").with("TargetBucket", enabled.bucket.clone())
    })?;
    if there.record.owner != bucket.record.owner {
        return Err(refused("The owner for the bucket to be logged and the target bucket must be the same."));
    }
    if there.record.region != bucket.record.region {
        return Err(Denial::LoggingElsewhere.into());
    }
    let grants = enabled.grants.unwrap_or_default().into_iter().map(document::grant);
    let record = LoggingRecord {
        bucket: enabled.bucket,
        prefix: enabled.prefix,
        grants: grants.collect::<Result<_, _>>()?,
        format: enabled.format,
    };
    LOGGING.put(cx.tx, &bucket.scope, &record);
    Ok(Empty)
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
