//! MFA delete: in a bucket that asks for it, versions go for good and versioning changes with root's key and a code of
//! its MFA device only, which is good once.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html>. AWS takes the header by
//! HTTPS only; here a request's way is not asked, as all of it is loopback.

use super::errors::{Denial, S3Error};
use super::model::bucket::{BucketRecord, MfaDelete};
use auth::policy::Principal;
use kernel::Cx;
use kernel::identity::Proof;

/// Holds the header `x-amz-mfa` against the device of the bucket owner's root.
///
/// # Errors
/// `AccessDenied` without the header, for others than root, and for a wrong code; `InvalidArgument`,
/// `InvalidRequest`, `NotDeviceOwnerError`.
pub(crate) fn check(cx: &mut Cx<'_>, bucket: &BucketRecord, header: Option<&str>) -> Result<(), S3Error> {
    let header = header.ok_or(Denial::MfaMissing)?;
    let (serial, code) = header
        .split_once(' ')
        .filter(|(serial, code)| !serial.is_empty() && !code.is_empty())
        .ok_or_else(|| S3Error::from(Denial::MfaMalformed).with("ArgumentName", "x-amz-mfa"))?;
    if cx.caller.session.is_some() {
        return Err(Denial::MfaWithToken.into());
    }
    let is_root = matches!(&cx.caller.principal, Principal::Root { account } if *account == bucket.owner);
    if !is_root {
        return Err(Denial::MfaOfOthers.into());
    }
    match cx.prove(serial, code)? {
        Proof::Held => Ok(()),
        Proof::WrongCode => Err(Denial::MfaWrong.into()),
        Proof::NotTheirs => Err(Denial::MfaDevice(serial.to_owned(), code.to_owned()).into()),
    }
}

/// As [`check`], where the bucket asks for it.
///
/// # Errors
/// Those of [`check`].
pub(crate) fn check_where_asked(
    cx: &mut Cx<'_>,
    bucket: &BucketRecord,
    header: Option<&str>,
) -> Result<(), S3Error> {
    if bucket.mfa_delete == MfaDelete::Enabled { check(cx, bucket, header) } else { Ok(()) }
}
