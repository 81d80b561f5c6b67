//! What nearly every request about an object has in common: its bucket, its key, and who pays.

use crate::s3::buckets::{self, Bucket};
use crate::s3::errors::{Refusal, S3Error};
use kernel::Cx;
use std::sync::Arc;

/// AWS: the longest key, in bytes of UTF-8.
const KEY_BYTES_MAX: usize = 1024;
const REQUESTER: &str = "requester";

/// The bucket of a request that has been authorized, and what `x-amz-request-charged` is to say.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) charged: Option<String>,
}

/// Opens the bucket. `payer`: `x-amz-request-payer`.
///
/// # Errors
/// `NoSuchBucket`, `KeyTooLongError`; `AccessDenied` for others than the owner who do not say that they pay.
pub(crate) fn open(cx: &Cx<'_>, bucket: &str, key: &str, payer: Option<&str>) -> Result<Door, S3Error> {
    let bucket = buckets::load(cx.cloud(), cx.tx, bucket)?;
    if key.len() > KEY_BYTES_MAX {
        return Err(Refusal::KeyTooLong(key.len()).into());
    }
    let is_owner = cx.caller.principal.account() == Some(bucket.record.owner);
    let pays = bucket.record.requester_pays && !is_owner;
    if pays && payer != Some(REQUESTER) {
        return Err(Refusal::AccessDenied.into());
    }
    Ok(Door { bucket, charged: pays.then(|| REQUESTER.to_owned()) })
}
