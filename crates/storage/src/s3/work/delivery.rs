//! Files that S3 delivers into buckets by itself: lists and analyses, as `s3.amazonaws.com`, whom the destination's policy
//! must let in.

use crate::s3::SERVICE;
use crate::s3::buckets;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::bucket::BucketRecord;
use bytes::Bytes;
use kernel::{Body, Call, Cloud};
use std::sync::Arc;
use wire::{Fault, Struct, Value};

/// Where a file goes: a bucket, and whose it must be where that is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) bucket: &'a str,
    pub(super) account: Option<&'a str>,
}

/// Puts a file about `source`. `more`: further members of the request.
///
/// # Errors
/// Those of `PutObject`; `InvalidRequest` where the destination is in another region.
pub(super) fn put(
    cloud: &Arc<Cloud>,
    source: &BucketRecord,
    to: Target<'_>,
    key: &str,
    bytes: Vec<u8>,
    more: Vec<(&'static str, Value)>,
) -> Result<(), Fault> {
    let there = buckets::load(cloud, &cloud.store().snapshot(), to.bucket).map_err(Fault::from)?;
    if there.record.region != source.region {
        let message = "The destination bucket must be in the region of its source";
        return Err(S3Error::from(Refusal::InvalidRequest(message.to_owned())).into());
    }
    let mut members = vec![
        ("Bucket", Value::str(to.bucket)),
        ("Key", Value::str(key)),
        ("ACL", Value::str("bucket-owner-full-control")),
    ];
    members.extend(to.account.map(|id| ("ExpectedBucketOwner", Value::str(id))));
    members.extend(more);
    let value = Value::Struct(members.into_iter().collect::<Struct>());
    let call = Call { service: "s3", operation: "PutObject", value };
    let body = Body::of(Bytes::from(bytes), None);
    let (owner, region, about) = (source.owner, source.region, source.arn());
    let put = cloud.stream_call(SERVICE, owner, region, Some(&about), call, body);
    cloud.wait(put).map(|_| ())
}
