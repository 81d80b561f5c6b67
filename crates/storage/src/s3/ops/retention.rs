//! Retention and legal hold of an object's version.

use super::shapes::{load, requests};
use crate::s3::access;
use crate::s3::buckets::Bucket;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::lock;
use crate::s3::versions::{self, Found};
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    GetObjectLegalHold: [event] get_hold, "s3:GetObjectLegalHold", access::on_object;
    GetObjectRetention: [event] get_retention, "s3:GetObjectRetention", access::on_object;
    PutObjectLegalHold: [event] put_hold, "s3:PutObjectLegalHold", access::on_object;
    PutObjectRetention: [event] put_retention, "s3:PutObjectRetention", access::on_object;
}

requests! {
    PutRetention {
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        retention: Option<RetentionView> = "Retention",
        bypass: Option<bool> = "BypassGovernanceRetention",
        payer: Option<String> = "RequestPayer",
    }

    PutHold {
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        hold: Option<HoldView> = "LegalHold",
        payer: Option<String> = "RequestPayer",
    }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct OfObject {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct RetentionView {
        mode: Option<String> = "Mode",
        until: Option<Timestamp> = "RetainUntilDate",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct HoldView { status: Option<String> = "Status" }

    #[derive(Clone, Debug)]
    pub(crate) struct GotRetention { retention: RetentionView = "Retention" }

    #[derive(Clone, Debug)]
    pub(crate) struct GotHold { hold: HoldView = "LegalHold" }

    #[derive(Clone, Debug)]
    pub(crate) struct Charged { charged: Option<String> = "RequestCharged" }
}

fn lockable(bucket: &Bucket) -> Result<(), S3Error> {
    if bucket.record.object_lock { Ok(()) } else { Err(Denial::LockNone.into()) }
}

fn find(
    cx: &Cx<'_>,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
    method: &'static str,
) -> Result<Found, S3Error> {
    lockable(bucket)?;
    versions::wanted_itself(cx.tx, bucket, key, id, method)
}

fn get_retention(cx: &mut Cx<'_>, req: OfObject) -> Result<GotRetention, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let found = find(cx, &bucket, &req.key, req.version_id.as_deref(), "GET")?;
    let retention = found.version.retention.ok_or(Denial::LockOfObjectMissing)?;
    let mode = Some(lock::mode_name(retention.compliance).to_owned());
    Ok(GotRetention { retention: RetentionView { mode, until: Some(retention.until) } })
}

fn put_retention(cx: &mut Cx<'_>, req: PutRetention) -> Result<Charged, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    lockable(&bucket)?;
    let stated = req.retention.ok_or(Refusal::MissingRequestBody)?;
    let new = lock::retention(stated.mode.as_deref(), stated.until, cx.now)?;
    let mut found = find(cx, &bucket, &req.key, req.version_id.as_deref(), "PUT")?;
    let bypass = req.bypass == Some(true) && access::may_bypass_governance(cx, &bucket, &req.key)?;
    lock::check_change(&found.version, new.as_ref(), cx.now, bypass)?;
    found.version.retention = new;
    versions::change(cx, &bucket, &req.key, &mut found)?;
    Ok(Charged { charged: req.payer })
}

fn get_hold(cx: &mut Cx<'_>, req: OfObject) -> Result<GotHold, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let found = find(cx, &bucket, &req.key, req.version_id.as_deref(), "GET")?;
    let status = lock::hold_name(&found.version).ok_or(Denial::LockOfObjectMissing)?;
    Ok(GotHold { hold: HoldView { status: Some(status.to_owned()) } })
}

fn put_hold(cx: &mut Cx<'_>, req: PutHold) -> Result<Charged, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    // AWS: recorded answers: that there is no document is told before that the bucket locks nothing.
    let hold = req.hold.ok_or(Refusal::MalformedXml)?;
    lockable(&bucket)?;
    let status = hold.status.ok_or(Refusal::MalformedXml)?;
    let mut found = find(cx, &bucket, &req.key, req.version_id.as_deref(), "PUT")?;
    found.version.legal_hold = status == "ON";
    found.version.hold_was_put = true;
    versions::change(cx, &bucket, &req.key, &mut found)?;
    Ok(Charged { charged: req.payer })
}
