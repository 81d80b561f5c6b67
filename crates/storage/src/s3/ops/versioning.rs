//! Versioning, and whether deletions for good ask for a code of an MFA device ([`crate::s3::mfa`]).

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::configs::{LIFECYCLE, REPLICATION};
use crate::s3::errors::{Denial, S3Error};
use crate::s3::mfa;
use crate::s3::model::bucket::{MfaDelete, Versioning};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetBucketVersioning: get_versioning, "s3:GetBucketVersioning", access::on_bucket;
    PutBucketVersioning: put_versioning, "s3:PutBucketVersioning", access::on_bucket;
}

requests! {
    PutVersioning {
        configuration: VersioningConfiguration = "VersioningConfiguration",
        mfa: Option<String> = "MFA",
    }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct VersioningConfiguration {
        status: Option<String> = "Status",
        mfa_delete: Option<String> = "MFADelete",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct VersioningView {
        status: Option<String> = "Status",
        mfa_delete: Option<String> = "MFADelete",
    }
}

fn get_versioning(cx: &mut Cx<'_>, req: OfBucket) -> Result<VersioningView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let status = match bucket.record.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some("Enabled".to_owned()),
        Versioning::Suspended => Some("Suspended".to_owned()),
    };
    let mfa_delete = match bucket.record.mfa_delete {
        MfaDelete::Never => None,
        MfaDelete::Enabled => Some("Enabled".to_owned()),
        MfaDelete::Disabled => Some("Disabled".to_owned()),
    };
    Ok(VersioningView { status, mfa_delete })
}

fn put_versioning(cx: &mut Cx<'_>, req: PutVersioning) -> Result<Empty, S3Error> {
    let VersioningConfiguration { status, mfa_delete } = req.configuration;
    let status = status.ok_or(Denial::VersioningUnsaid)?;
    let bucket = load(cx, &req.bucket)?;
    let asks = mfa_delete.as_deref() == Some("Enabled");
    if asks || bucket.record.mfa_delete == MfaDelete::Enabled {
        mfa::check(cx, &bucket.record, req.mfa.as_deref())?;
    }
    if asks && LIFECYCLE.contains(cx.tx, &bucket.scope)? {
        return Err(Denial::MfaWithLifecycle.into());
    }
    if status != "Enabled" && REPLICATION.contains(cx.tx, &bucket.scope)? {
        let message = "A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration.";
        return Err(Denial::BucketState(message.into()).into());
    }
    change(cx, &req.bucket, |record| {
        record.versioning = match status.as_str() {
            "Enabled" => Versioning::Enabled,
            _ if record.object_lock => {
                return Err(Denial::BucketState(
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
                        .into(),
                )
                .into());
            }
            _ => Versioning::Suspended,
        };
        record.mfa_delete = match mfa_delete.as_deref() {
            Some("Enabled") => MfaDelete::Enabled,
            Some(_) => MfaDelete::Disabled,
            None => record.mfa_delete,
        };
        Ok(Empty)
    })
}
