//! All that a bucket holds, thing by thing: what storage is counted and measured by.

use super::model::bucket::BucketRecord;
use super::model::object::{CURRENT, StorageClass, VERSIONS};
use super::model::upload::{PARTS, Part, UPLOADS, Upload};
use super::rows::Listed;
use kernel::Cloud;
use kernel::meter::each_row;
use store::{Key, KeyRange, Record};

/// One thing in a bucket.
#[derive(Debug)]
pub(crate) enum Held<'r> {
    /// A version, or a delete marker.
    Version(&'r Listed),
    /// A part of an upload that nobody has completed, and its size.
    Part(StorageClass, u64),
}

/// Visits all of it, in no state of the store for long.
///
/// # Errors
/// The store's, worded.
pub(crate) fn each(
    cloud: &Cloud,
    bucket: &BucketRecord,
    mut visit: impl FnMut(Held<'_>),
) -> Result<(), String> {
    let scope = bucket.scope();
    for stored in [CURRENT.stored_key(&scope), VERSIONS.stored_key(&scope)] {
        each_row(cloud, KeyRange::prefix(&stored), |_, row| {
            visit(Held::Version(&Listed::from_bytes(row).map_err(|e| e.to_string())?));
            Ok(())
        })?;
    }
    let mut uploads = Vec::new();
    let skip = UPLOADS.stored_key(&Key::empty()).len();
    each_row(cloud, KeyRange::prefix(&UPLOADS.stored_key(&scope)), |key, row| {
        let upload = Upload::from_bytes(row).map_err(|e| e.to_string())?;
        uploads.push((Key::of_stored(key.get(skip..).unwrap_or_default()), upload.class));
        Ok(())
    })?;
    for (key, class) in uploads {
        each_row(cloud, KeyRange::prefix(&PARTS.stored_key(&key)), |_, row| {
            visit(Held::Part(class, Part::from_bytes(row).map_err(|e| e.to_string())?.piece.size));
            Ok(())
        })?;
    }
    Ok(())
}
