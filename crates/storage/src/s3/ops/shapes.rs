//! What most requests have in common.

use crate::s3::buckets::{self, Bucket};
use crate::s3::errors::S3Error;
use crate::s3::model::bucket::{BUCKETS, BucketRecord};
use kernel::Cx;
use std::sync::Arc;

wire::shape! {
    /// A request about one bucket and nothing more.
    #[derive(Clone, Debug)]
    pub(crate) struct OfBucket {
        pub(crate) bucket: String = "Bucket",
        /// Held against the owner by [`crate::s3::access`].
        pub(crate) expected_owner: Option<String> = "ExpectedBucketOwner",
    }
}

/// Declares requests about one bucket, with the members that all of them have. Digests of the body have been held
/// against it before a handler is called, and [`crate::s3::access`] has looked at the owner.
macro_rules! requests {
    ($( $(#[$meta:meta])* $name:ident { $( $field:ident : $ty:ty = $wire:literal ),* $(,)? } )+) => {
        wire::shape! { $(
            $(#[$meta])*
            #[derive(Clone, Debug)]
            pub(crate) struct $name {
                pub(crate) bucket: String = "Bucket",
                pub(crate) expected_owner: Option<String> = "ExpectedBucketOwner",
                pub(crate) content_md5: Option<String> = "ContentMD5",
                pub(crate) checksum_algorithm: Option<String> = "ChecksumAlgorithm",
                $( pub(crate) $field: $ty = $wire, )*
            }
        )+ }
    };
}

pub(crate) use requests;

/// The bucket of a request that has been authorized.
///
/// # Errors
/// `NoSuchBucket`.
pub(crate) fn load(cx: &Cx<'_>, name: &str) -> Result<Arc<Bucket>, S3Error> {
    buckets::load(cx.cloud(), cx.tx, name)
}

/// Changes a bucket's record.
///
/// # Errors
/// `NoSuchBucket`, and those of `change`.
pub(crate) fn change<T>(
    cx: &mut Cx<'_>,
    name: &str,
    change: impl FnOnce(&mut BucketRecord) -> Result<T, S3Error>,
) -> Result<T, S3Error> {
    let bucket = load(cx, name)?;
    let mut record = bucket.record.clone();
    let done = change(&mut record)?;
    if record != bucket.record {
        BUCKETS.put(cx.tx, &BucketRecord::key(name), &record);
    }
    Ok(done)
}
