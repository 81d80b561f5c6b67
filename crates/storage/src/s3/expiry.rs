//! `x-amz-expiration`: when a version goes away by the bucket's rules.

use super::buckets::Bucket;
use super::configs::LIFECYCLE;
use super::lifecycle::due::{Subject, expiration_header};
use super::model::object::Version;
use kernel::Cx;
use store::StoreError;

/// The header, where a rule will let the version expire.
///
/// # Errors
/// The store's.
pub(crate) fn header(
    cx: &Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version: &Version,
) -> Result<Option<String>, StoreError> {
    let Some(rules) = LIFECYCLE.get(cx.tx, &bucket.scope)? else { return Ok(None) };
    let subject = Subject {
        key,
        size: version.size,
        tags: &version.tags,
        modified: version.modified,
        class: version.class.name(),
    };
    Ok(rules.configuration.expiry(&subject).map(|due| expiration_header(&due)))
}
