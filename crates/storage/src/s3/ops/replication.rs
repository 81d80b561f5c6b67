//! The replication rules of a bucket. [`crate::s3::work`] follows them.

use super::shapes::{OfBucket, load, requests};
use crate::s3::access;
use crate::s3::buckets;
use crate::s3::configs::REPLICATION;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::model::bucket::Versioning;
use crate::s3::replication::ReplicationConfiguration;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketReplication: delete_replication, "s3:PutReplicationConfiguration", access::on_bucket;
    GetBucketReplication: get_replication, "s3:GetReplicationConfiguration", access::on_bucket;
    PutBucketReplication: put_replication, "s3:PutReplicationConfiguration", access::put_replication;
}

requests! {
    PutReplication { configuration: ReplicationConfiguration = "ReplicationConfiguration" }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ReplicationView { configuration: ReplicationConfiguration = "ReplicationConfiguration" }
}

fn put_replication(cx: &mut Cx<'_>, req: PutReplication) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    if bucket.record.versioning != Versioning::Enabled {
        let message = "Versioning must be 'Enabled' on the bucket to apply a replication configuration";
        return Err(Refusal::InvalidRequest(message.into()).into());
    }
    let mut configuration = req.configuration;
    configuration.check(&bucket.record.name)?;
    configuration.name_rules(|| base::id::uuid(cx.rng()));
    for rule in &configuration.rules {
        // AWS: recorded answers say the same of a bucket that is not there.
        let there = buckets::find(cx.cloud(), cx.tx, rule.bucket())?;
        if there.is_none_or(|there| there.record.versioning != Versioning::Enabled) {
            let message = "Destination bucket must have versioning enabled.";
            return Err(Refusal::InvalidRequest(message.into()).into());
        }
    }
    REPLICATION.put(cx.tx, &bucket.scope, &configuration);
    Ok(Empty)
}

fn get_replication(cx: &mut Cx<'_>, req: OfBucket) -> Result<ReplicationView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let missing = || S3Error::from(Denial::ReplicationMissing).with("BucketName", req.bucket.clone());
    Ok(ReplicationView { configuration: REPLICATION.get(cx.tx, &bucket.scope)?.ok_or_else(missing)? })
}

fn delete_replication(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    REPLICATION.delete(cx.tx, &bucket.scope);
    Ok(Empty)
}
