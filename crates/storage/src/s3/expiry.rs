//! `x-amz-expiration` and `x-amz-abort-date`: when a version, or an upload, goes away by the bucket's rules.

use super::buckets::Bucket;
use super::configs::LIFECYCLE;
use super::lifecycle::due::{Subject, expiration_header};
use super::model::object::Version;
use base::Timestamp;
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

/// When an upload that was begun then is aborted, and by which rule, where there is one that does.
#[derive(Clone, Default, Debug)]
pub(crate) struct Abort {
    pub(crate) at: Option<Timestamp>,
    pub(crate) rule: Option<String>,
}

/// # Errors
/// The store's.
pub(crate) fn abort(cx: &Cx<'_>, bucket: &Bucket, key: &str, begun: Timestamp) -> Result<Abort, StoreError> {
    let rules = LIFECYCLE.get(cx.tx, &bucket.scope)?;
    let due = rules.as_ref().and_then(|rules| rules.configuration.abort(key, begun));
    Ok(due.map(|due| Abort { at: Some(due.at), rule: Some(due.rule.to_owned()) }).unwrap_or_default())
}
