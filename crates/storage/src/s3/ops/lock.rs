//! The object lock configuration of a bucket.

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::errors::{Denial, S3Error};
use crate::s3::lock;
use crate::s3::model::bucket::{LockRule, Versioning};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetObjectLockConfiguration: get_lock, "s3:GetBucketObjectLockConfiguration", access::on_bucket;
    PutObjectLockConfiguration: put_lock, "s3:PutBucketObjectLockConfiguration", access::on_bucket;
}

requests! {
    PutLock {
        configuration: Option<LockConfiguration> = "ObjectLockConfiguration",
        payer: Option<String> = "RequestPayer",
    }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct LockConfiguration {
        enabled: Option<String> = "ObjectLockEnabled",
        rule: Option<Rule> = "Rule",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Rule { retention: Option<DefaultRetention> = "DefaultRetention" }

    #[derive(Clone, Debug)]
    pub(crate) struct DefaultRetention {
        mode: Option<String> = "Mode",
        days: Option<i64> = "Days",
        years: Option<i64> = "Years",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct LockView { configuration: LockConfiguration = "ObjectLockConfiguration" }
}

fn put_lock(cx: &mut Cx<'_>, req: PutLock) -> Result<Empty, S3Error> {
    use crate::s3::errors::Refusal::{MalformedXml, MissingRequestBody};
    let configuration = req.configuration.ok_or(MissingRequestBody)?;
    if configuration.enabled.is_none() {
        return Err(MalformedXml.into());
    }
    let rule = match configuration.rule {
        None => None,
        Some(rule) => {
            let retention = rule.retention.ok_or(MalformedXml)?;
            Some(lock::rule(retention.mode.as_deref(), retention.days, retention.years)?)
        }
    };
    change(cx, &req.bucket, |record| {
        if record.versioning != Versioning::Enabled {
            let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
            return Err(Denial::BucketState(message.into()).into());
        }
        record.object_lock = true;
        record.lock_rule = rule;
        Ok(Empty)
    })
}

fn view(rule: &LockRule) -> Rule {
    let number = |n: u32| (n > 0).then_some(i64::from(n));
    let mode = Some(lock::mode_name(rule.compliance).to_owned());
    Rule { retention: Some(DefaultRetention { mode, days: number(rule.days), years: number(rule.years) }) }
}

fn get_lock(cx: &mut Cx<'_>, req: OfBucket) -> Result<LockView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    if !bucket.record.object_lock {
        return Err(Denial::LockMissing(req.bucket).into());
    }
    let rule = bucket.record.lock_rule.as_ref().map(view);
    Ok(LockView { configuration: LockConfiguration { enabled: Some("Enabled".to_owned()), rule } })
}
