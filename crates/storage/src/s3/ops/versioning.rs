//! Versioning. Deletion under MFA is refused: nothing would ask for the code.

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::model::bucket::Versioning;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetBucketVersioning: get_versioning, "s3:GetBucketVersioning", access::on_bucket;
    PutBucketVersioning: put_versioning, "s3:PutBucketVersioning", access::on_bucket;
}

requests! {
    PutVersioning { configuration: VersioningConfiguration = "VersioningConfiguration" }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct VersioningConfiguration {
        status: Option<String> = "Status",
        mfa_delete: Option<String> = "MFADelete",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct VersioningView { status: Option<String> = "Status" }
}

fn get_versioning(cx: &mut Cx<'_>, req: OfBucket) -> Result<VersioningView, S3Error> {
    let status = match load(cx, &req.bucket)?.record.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some("Enabled".to_owned()),
        Versioning::Suspended => Some("Suspended".to_owned()),
    };
    Ok(VersioningView { status })
}

fn put_versioning(cx: &mut Cx<'_>, req: PutVersioning) -> Result<Empty, S3Error> {
    let VersioningConfiguration { status, mfa_delete } = req.configuration;
    // It is disabled anyway, so saying so changes nothing.
    if mfa_delete.as_deref().is_some_and(|mfa| mfa != "Disabled") {
        return Err(Refusal::NotBuilt("MFA delete".into()).into());
    }
    let status = status.ok_or(Denial::VersioningUnsaid)?;
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
        Ok(Empty)
    })
}
