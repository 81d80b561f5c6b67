//! Uploads that a delete has overtaken. What is deleted for good leaves no row that a completion could be held
//! against, so it is noted with the uploads of its key, which S3 then completes under no condition.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.

use super::buckets::Bucket;
use super::model::upload::{UPLOADS, Upload};
use kernel::Cx;
use store::{Direction, StoreError};

/// # Errors
/// The store's.
pub(super) fn note(cx: &mut Cx<'_>, bucket: &Bucket, key: &str) -> Result<(), StoreError> {
    let uploads = bucket.scope.clone().str(key);
    let found: Vec<_> = UPLOADS.scan(cx.tx, &uploads, Direction::Forward).collect::<Result<_, _>>()?;
    for (row, upload) in found {
        UPLOADS.put(cx.tx, &row, &Upload { overtaken: true, ..upload });
    }
    Ok(())
}
