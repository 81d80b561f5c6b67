//! The source of a copy, as its header names it.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use crate::s3::access;
use crate::s3::errors::{S3Error, argument};

/// Bucket, key and version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Source {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: Option<String>,
}

/// Reads `x-amz-copy-source`.
///
/// # Errors
/// `InvalidArgument`.
pub(crate) fn read(text: &str) -> Result<Source, S3Error> {
    let name = "x-amz-copy-source";
    match access::copy_source(text) {
        _ if !wire::head::is_escaped(text) => Err(argument("Invalid copy source encoding", name, text)),
        Some((bucket, key, version)) => Ok(Source { bucket, key, version }),
        None if text.trim_matches('/').is_empty() => {
            Err(argument("Invalid copy source bucket name", name, text))
        }
        // AWS says the header's name for its value.
        None => Err(argument("Invalid copy source object key", name, name)),
    }
}
