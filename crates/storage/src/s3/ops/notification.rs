//! The notification configuration of a bucket. [`crate::s3::events`] tells by it.

use super::shapes::{OfBucket, load};
use crate::s3::access;
use crate::s3::configs::NOTIFICATION;
use crate::s3::errors::S3Error;
use crate::s3::events;
use crate::s3::notification::NotificationConfiguration;
use base64::Engine;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetBucketNotificationConfiguration: get_notification, "s3:GetBucketNotification", access::on_bucket;
    PutBucketNotificationConfiguration: put_notification, "s3:PutBucketNotification", access::on_bucket;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct PutNotification {
        bucket: String = "Bucket",
        configuration: NotificationConfiguration = "NotificationConfiguration",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        skip_validation: Option<bool> = "SkipDestinationValidation",
    }
}

fn put_notification(cx: &mut Cx<'_>, req: PutNotification) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let mut configuration = req.configuration;
    configuration.check(bucket.record.region.name())?;
    if configuration.is_empty() {
        NOTIFICATION.delete(cx.tx, &bucket.scope);
        return Ok(Empty);
    }
    configuration.spell();
    configuration.name(|| base64::engine::general_purpose::STANDARD.encode(base::id::uuid(cx.rng())));
    if req.skip_validation != Some(true) {
        // Those that were there have been asked then.
        let before = NOTIFICATION.get(cx.tx, &bucket.scope)?.unwrap_or_default();
        let new = configuration.destinations().filter(|d| !before.destinations().any(|old| old.arn == d.arn));
        let unreachable: Vec<_> = new.filter_map(|d| events::greet(cx, &bucket, &d).err()).collect();
        if !unreachable.is_empty() {
            return Err(events::refusal(&unreachable));
        }
    }
    NOTIFICATION.put(cx.tx, &bucket.scope, &configuration);
    Ok(Empty)
}

fn get_notification(cx: &mut Cx<'_>, req: OfBucket) -> Result<NotificationConfiguration, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    Ok(NOTIFICATION.get(cx.tx, &bucket.scope)?.unwrap_or_default())
}
