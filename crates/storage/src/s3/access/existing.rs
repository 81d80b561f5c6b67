//! The version that a request is about, read for its owner, its ACL and its tags.

use crate::s3::buckets::Bucket;
use crate::s3::errors::S3Error;
use crate::s3::model::object::{CURRENT, NULLS, VERSIONS, Version, current_key, version_key};
use crate::s3::model::version_id::{NULL, VersionId};
use store::Read;

/// The version of this id, the current one where none is named; `None` where there is none.
///
/// # Errors
/// When the store cannot be read.
pub fn find_version(
    from: &dyn Read,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
) -> Result<Option<Version>, S3Error> {
    let current = CURRENT.get(from, &current_key(&bucket.scope, key))?;
    let Some(id) = id else { return Ok(current) };
    let order = if id == NULL {
        match (current, NULLS.get(from, &current_key(&bucket.scope, key))?) {
            (Some(current), _) if current.is_null() => return Ok(Some(current)),
            (_, Some(null)) => null.order,
            (_, None) => return Ok(None),
        }
    } else {
        let Some(wanted) = VersionId::parse(id) else { return Ok(None) };
        if let Some(current) = current.filter(|current| current.order == wanted.order) {
            return Ok((current.chance == wanted.chance).then_some(current));
        }
        wanted.order
    };
    let found = VERSIONS.get(from, &version_key(&bucket.scope, key, order))?;
    Ok(found.filter(|version| version.id() == id))
}
