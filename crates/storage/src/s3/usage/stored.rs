//! What buckets hold, by storage class: all versions, the parts of uploads that are under way, copies of archived objects
//! that can be read for a while, and what AWS adds to objects of some classes.

use super::kinds::{self, DEEP_STAGING, GLACIER_STAGING, STANDARD};
use super::line;
use crate::s3::holdings::{self, Held};
use crate::s3::model::bucket::{BUCKETS, BucketRecord};
use crate::s3::model::object::StorageClass;
use crate::s3::restore::{State, state_of};
use crate::s3::rows::Listed;
use crate::s3::tiering::{self, AccessTier};
use base::Timestamp;
use kernel::Cloud;
use kernel::meter::{Gauge, Kind, Line};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Direction, Key};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>: objects of the classes for what is
/// seldom read are counted as at least so large.
const SMALL: u64 = 128 << 10;
/// AWS: for each archived object: its name and metadata in S3 Standard, its index in the archive.
const ARCHIVED_NAME: u64 = 8 << 10;
const ARCHIVED_INDEX: u64 = 32 << 10;

/// Bytes by usage type and operation. The usage types of classes are statics, so their addresses tell them apart.
type Sums = BTreeMap<(&'static str, &'static str), (&'static Kind, u64)>;

#[derive(Debug)]
pub struct Stored;

impl Gauge for Stored {
    fn name(&self) -> &'static str {
        "buckets"
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        let snapshot = cloud.store().snapshot();
        let all: Vec<(Key, BucketRecord)> = BUCKETS
            .scan(&snapshot, &Key::empty(), Direction::Forward)
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        drop(snapshot);
        for (_, bucket) in all {
            for ((_, operation), (kind, bytes)) in sums(cloud, &bucket)? {
                tell(&line(&bucket, None, kind, operation), bytes);
            }
        }
        Ok(())
    }
}

fn sums(cloud: &Cloud, bucket: &BucketRecord) -> Result<Sums, String> {
    let now = cloud.clock().now();
    let mut sums = Sums::new();
    holdings::each(cloud, bucket, |held| match held {
        Held::Version(listed) if listed.delete_marker => {}
        Held::Version(listed) => version(&mut sums, listed, now),
        Held::Part(class, size) => {
            let (kind, operation) = under_way(class);
            add(&mut sums, kind, operation, size);
        }
    })?;
    Ok(sums)
}

fn add(sums: &mut Sums, kind: &'static Kind, operation: &'static str, bytes: u64) {
    sums.entry((kind.usage_type, operation)).or_insert((kind, 0)).1 += bytes;
}

/// AWS: parts on their way to an archive are kept beside it.
fn under_way(class: StorageClass) -> (&'static Kind, &'static str) {
    match class {
        StorageClass::Glacier => (&GLACIER_STAGING, "GlacierStagingStorage"),
        StorageClass::DeepArchive => (&DEEP_STAGING, "DeepArchiveStagingStorage"),
        class => (&kinds::of(class).stored, kinds::of(class).stored_by),
    }
}

fn version(sums: &mut Sums, listed: &Listed, now: Timestamp) {
    let of = kinds::of(listed.class);
    let tier = tiering::tier(listed, now);
    let (stored, stored_by) = tier.map_or((&of.stored, of.stored_by), kinds::tiered);
    add(sums, stored, stored_by, listed.size);
    if let Some((kind, operation)) = &of.small {
        let missing = SMALL.saturating_sub(listed.size);
        if missing > 0 {
            add(sums, kind, operation, missing);
        }
    }
    let (name, index, restored) = match (listed.class, tier) {
        (StorageClass::Glacier, _) => ("GlacierS3ObjectOverhead", "GlacierObjectOverhead", "RestoreObject"),
        (StorageClass::DeepArchive, _) => {
            ("DeepArchiveS3ObjectOverhead", "DeepArchiveObjectOverhead", "DeepArchiveRestoreObject")
        }
        (_, Some(AccessTier::Archive)) => ("IntAAS3ObjectOverhead", "IntAAObjectOverhead", ""),
        (_, Some(AccessTier::DeepArchive)) => ("IntDAAS3ObjectOverhead", "IntDAAObjectOverhead", ""),
        _ => return,
    };
    add(sums, &STANDARD, name, ARCHIVED_NAME);
    add(sums, stored, index, ARCHIVED_INDEX);
    if let Some(State::Restored(_)) = state_of(listed, now) {
        add(sums, &STANDARD, restored, listed.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(class: StorageClass, size: u64) -> Vec<(&'static str, &'static str, u64)> {
        let mut sums = Sums::new();
        let listed = Listed { class, size, ..Listed::default() };
        version(&mut sums, &listed, Timestamp::from_seconds(0));
        sums.into_iter().map(|((usage_type, operation), (_, bytes))| (usage_type, operation, bytes)).collect()
    }

    #[test]
    fn classes_add_what_aws_adds() {
        assert_eq!(counted(StorageClass::Standard, 7), [("TimedStorage-ByteHrs", "StandardStorage", 7)]);
        assert_eq!(
            counted(StorageClass::StandardIa, 1_000),
            [
                ("TimedStorage-SIA-ByteHrs", "StandardIAStorage", 1_000),
                ("TimedStorage-SIA-SmObjects", "StandardIASizeOverhead", 130_072),
            ]
        );
        assert_eq!(
            counted(StorageClass::StandardIa, SMALL),
            [("TimedStorage-SIA-ByteHrs", "StandardIAStorage", SMALL)]
        );
        let archive = Some(crate::s3::model::object::ArchiveTier::Deep);
        let listed =
            Listed { class: StorageClass::IntelligentTiering, size: SMALL, archive, ..Listed::default() };
        let mut sums = Sums::new();
        version(&mut sums, &listed, Timestamp::from_seconds(0));
        let counted_so: Vec<_> =
            sums.into_iter().map(|((_, operation), (_, bytes))| (operation, bytes)).collect();
        assert_eq!(
            counted_so,
            [
                ("IntDAAS3ObjectOverhead", 8_192),
                ("IntDAAObjectOverhead", 32_768),
                ("IntelligentTieringDAAStorage", SMALL),
            ]
        );
        assert_eq!(
            counted(StorageClass::Glacier, 5),
            [
                ("TimedStorage-ByteHrs", "GlacierS3ObjectOverhead", 8_192),
                ("TimedStorage-GlacierByteHrs", "GlacierObjectOverhead", 32_768),
                ("TimedStorage-GlacierByteHrs", "GlacierStorage", 5),
            ]
        );
    }
}
