//! The lifecycle rules of a bucket. They act by the clock: [`crate::s3::work`].

use super::shapes::{OfBucket, load};
use crate::s3::access;
use crate::s3::configs::{LIFECYCLE, LifecycleRecord, SMALLEST_OF_ALL, SMALLEST_VARIES};
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::lifecycle::rules::{LifecycleConfiguration, LifecycleRule};
use crate::s3::model::bucket::MfaDelete;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketLifecycle: delete_lifecycle, "s3:PutLifecycleConfiguration", access::on_bucket;
    GetBucketLifecycleConfiguration: get_lifecycle, "s3:GetLifecycleConfiguration", access::on_bucket;
    PutBucketLifecycleConfiguration: put_lifecycle, "s3:PutLifecycleConfiguration", access::on_bucket;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct PutLifecycle {
        bucket: String = "Bucket",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        checksum_algorithm: Option<String> = "ChecksumAlgorithm",
        configuration: Option<LifecycleConfiguration> = "LifecycleConfiguration",
        minimum: Option<String> = "TransitionDefaultMinimumObjectSize",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PutOutput { minimum: Option<String> = "TransitionDefaultMinimumObjectSize" }

    #[derive(Clone, Debug)]
    pub(crate) struct LifecycleView {
        rules: Vec<LifecycleRule> = "Rules",
        minimum: Option<String> = "TransitionDefaultMinimumObjectSize",
    }
}

fn put_lifecycle(cx: &mut Cx<'_>, req: PutLifecycle) -> Result<PutOutput, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let mut configuration = req.configuration.ok_or(Refusal::MalformedXml)?;
    configuration.check()?;
    configuration.name_rules(|| base::id::uuid(cx.rng()));
    if bucket.record.mfa_delete == MfaDelete::Enabled {
        let message = "Lifecycle configuration is not supported on a bucket with Mfa Authentication enabled.";
        return Err(Denial::BucketState(message.into()).into());
    }
    let minimum = req.minimum.unwrap_or_else(|| SMALLEST_OF_ALL.to_owned());
    if ![SMALLEST_OF_ALL, SMALLEST_VARIES].contains(&&*minimum) {
        let message = format!("Invalid TransitionDefaultMinimumObjectSize found: {minimum}");
        return Err(Refusal::InvalidRequest(message).into());
    }
    LIFECYCLE.put(cx.tx, &bucket.scope, &LifecycleRecord { configuration, minimum: Some(minimum.clone()) });
    Ok(PutOutput { minimum: Some(minimum) })
}

fn get_lifecycle(cx: &mut Cx<'_>, req: OfBucket) -> Result<LifecycleView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let missing = || S3Error::from(Denial::LifecycleMissing).with("BucketName", req.bucket.clone());
    let record = LIFECYCLE.get(cx.tx, &bucket.scope)?.ok_or_else(missing)?;
    Ok(LifecycleView { rules: record.configuration.rules, minimum: record.minimum })
}

fn delete_lifecycle(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    LIFECYCLE.delete(cx.tx, &bucket.scope);
    Ok(Empty)
}
