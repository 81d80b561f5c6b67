//! What CloudWatch is told of buckets once a day, in its namespace `AWS/S3`: how much there is of what.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>. Not here: the sizes that AWS adds
//! to what lies in the classes for rare access.

use crate::s3::holdings::{self, Held};
use crate::s3::inventory::schedule;
use crate::s3::metering::SOURCE;
use crate::s3::model::bucket::{BUCKETS, BucketRecord};
use crate::s3::model::object::StorageClass;
use crate::s3::tiering::{self, AccessTier};
use crate::s3::usage::kinds;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use kernel::vitals::{self, Metric};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{CommitError, Direction, Key, StoreError, Table};
use wire::Value;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct NextCensus { 1 => pub at: Timestamp }
}

/// When all buckets are measured next: one row, once there has been a bucket.
pub const NEXT_CENSUS: Table<NextCensus> = Table::new(0x2036, "s3/next census");

/// Sizes and numbers, once a day, at midnight.
#[derive(Debug)]
pub struct Census;

impl Reconciler for Census {
    fn name(&self) -> &'static str {
        "s3 storage metrics"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![BUCKETS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let failed = |problem: StoreError| problem.to_string();
        let next = NEXT_CENSUS.get(&snapshot, &Key::global()).map_err(failed)?;
        if let Some(next) = next.as_ref().filter(|next| next.at > now) {
            return Ok(Some(next.at));
        }
        let buckets: Vec<BucketRecord> = BUCKETS
            .scan(&snapshot, &Key::empty(), Direction::Forward)
            .map(|pair| pair.map(|(_, record)| record))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        if buckets.is_empty() {
            return Ok(None);
        }
        drop(snapshot);
        let mut measures = Vec::new();
        if next.is_some() {
            for bucket in &buckets {
                measures.push((bucket, measured(cloud, bucket, now)?));
            }
        }
        let mut tx = cloud.store().begin();
        for (bucket, data) in measures {
            let home = (bucket.owner, bucket.region);
            if let Err(fault) = vitals::put(cloud, &mut tx, SOURCE, home, &data) {
                kernel::log::warn("storage metrics were not taken", &[("problem", &fault.to_string())]);
            }
        }
        let at = schedule::next("Daily", now);
        NEXT_CENSUS.put(&mut tx, &Key::global(), &NextCensus { at });
        match tx.commit().wait() {
            Ok(_) => Ok(Some(at)),
            Err(CommitError::Conflict) => Ok(Some(now)),
            Err(problem) => Err(problem.to_string()),
        }
    }
}

/// What a bucket holds: versions and markers, and the parts of uploads that nobody has completed.
fn measured(cloud: &Cloud, bucket: &BucketRecord, now: Timestamp) -> Result<Vec<Value>, String> {
    let mut sizes: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut number = 0_u64;
    holdings::each(cloud, bucket, |held| {
        number += 1;
        match held {
            Held::Version(listed) if listed.delete_marker => {}
            Held::Version(listed) => {
                let kind = tiering::tier(listed, now).map_or(storage_type(listed.class), kinds::stored_in);
                *sizes.entry(kind).or_default() += listed.size;
            }
            Held::Part(class, size) => *sizes.entry(storage_type(class)).or_default() += size,
        }
    })?;
    let datum = |name, kind: &str, unit, value: u64| {
        let dimensions = [("BucketName", bucket.name.clone()), ("StorageType", kind.to_owned())];
        let value = [("Value", Value::Float(value as f64))];
        vitals::datum(&dimensions, now, Metric { name, unit }, value)
    };
    let mut data = vec![datum("NumberOfObjects", "AllStorageTypes", "Count", number)];
    data.extend(sizes.into_iter().map(|(kind, size)| datum("BucketSizeBytes", kind, "Bytes", size)));
    Ok(data)
}

/// `StorageType`
fn storage_type(class: StorageClass) -> &'static str {
    match class {
        StorageClass::Standard => "StandardStorage",
        StorageClass::ReducedRedundancy => "ReducedRedundancyStorage",
        StorageClass::StandardIa => "StandardIAStorage",
        StorageClass::OnezoneIa => "OneZoneIAStorage",
        StorageClass::IntelligentTiering => kinds::stored_in(AccessTier::Frequent),
        StorageClass::GlacierIr => "GlacierInstantRetrievalStorage",
        StorageClass::Glacier => "GlacierStorage",
        StorageClass::DeepArchive => "DeepArchiveStorage",
    }
}
