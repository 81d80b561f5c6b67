//! `RestoreObject`: brings an archived object back for a while.

use super::shapes::load;
use crate::s3::access;
use crate::s3::buckets::Bucket;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::events::{self, Happened};
use crate::s3::lifecycle::due::after_days;
use crate::s3::restore::{self, State};
use crate::s3::usage::{self, kinds};
use crate::s3::versions::{self, Found};
use crate::s3::work::wait_for_restore;
use kernel::{Answer, Body, Cx, Dx};
use wire::Fault;

kernel::ops! { pub(crate) static OPS:
    RestoreObject: [data] restore_object, "s3:RestoreObject", access::on_object;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct RestoreObject {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        request: Option<RestoreRequest> = "RestoreRequest",
        payer: Option<String> = "RequestPayer",
        checksum_algorithm: Option<String> = "ChecksumAlgorithm",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct RestoreRequest {
        days: Option<i64> = "Days",
        job: Option<JobParameters> = "GlacierJobParameters",
        tier: Option<String> = "Tier",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct JobParameters { tier: String = "Tier" }

    #[derive(Clone, Debug)]
    pub(crate) struct Restored { charged: Option<String> = "RequestCharged" }
}

/// Accepted, and on its way.
const ACCEPTED: u16 = 202;
/// There already: only its end has moved.
const MOVED: u16 = 200;

async fn restore_object(dx: Dx, req: RestoreObject, _: Body) -> Result<Answer<Restored>, Fault> {
    let status = dx.transact(|cx| begin(cx, &req)).await?;
    Ok(Answer::from(Restored { charged: req.payer }).status(status))
}

fn begin(cx: &mut Cx<'_>, req: &RestoreObject) -> Result<u16, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let mut found = versions::wanted(cx.tx, &bucket, &req.key, req.version_id.as_deref(), "POST")?;
    let request = req.request.as_ref().ok_or(Refusal::MalformedXml)?;
    let version = &found.version;
    let (class, from) = (version.class, restore::archive(version.class, version.archive));
    // What was archived within its class comes back for good, so there are no days to it.
    let days = match (class.is_archive(), request.days) {
        (false, Some(_)) if from.is_some() => return Err(Refusal::MalformedXml.into()),
        (false, _) => None,
        (true, days) => Some(checked(days)?),
    };
    let tier = request.job.as_ref().map(|job| job.tier.as_str()).or(request.tier.as_deref());
    let mut retrieved = None;
    let state = restore::state(&found.version, cx.now).zip(from);
    let status = match (state, &mut found.version.restore, days) {
        (None, ..) => return Err(Denial::RestoreNeedless.into()),
        (Some((State::Ongoing, _)), ..) => return Err(Denial::RestoreOngoing.into()),
        (Some((State::Restored(_), _)), Some(restored), Some(days)) => {
            (restored.days, restored.expires) = (days, after_days(cx.now, i64::from(days)));
            MOVED
        }
        (Some((_, from)), slot, days) => {
            let tier = tier.unwrap_or("Standard");
            *slot = Some(restore::begin(from, tier, days, cx.now)?);
            // AWS: from within the class it costs nothing, but when it is to be fast.
            if class.is_archive() || tier == "Expedited" {
                let (request, bytes) = kinds::restores(class, tier);
                cx.is_a(request);
                retrieved = Some(bytes);
            }
            ACCEPTED
        }
    };
    versions::update(cx, &bucket, &req.key, &found);
    if let Some(kind) = retrieved {
        cx.meter(&usage::line(&bucket.record, None, kind, "RestoreObject"), found.version.size);
    }
    if status == ACCEPTED {
        wait_for_restore(cx, &bucket, &req.key, &found, false);
        tell(cx, &bucket, &req.key, &found)?;
    }
    Ok(status)
}

fn checked(days: Option<i64>) -> Result<u32, S3Error> {
    let days = u32::try_from(days.ok_or(Refusal::MalformedXml)?).ok().filter(|days| *days > 0);
    Ok(days.ok_or_else(|| Refusal::InvalidArgument("restoration days should be at least 1".into()))?)
}

fn tell(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, found: &Found) -> Result<(), S3Error> {
    let id = bucket.record.is_versioned().then(|| found.version.id());
    let what = Happened {
        event: "ObjectRestore:Post",
        detail_type: "Object Restore Initiated",
        reason: "",
        key,
        version: Some(&found.version),
        version_id: id.as_deref(),
        marker: false,
    };
    events::happened(cx, bucket, &what)
}
