//! What CloudWatch is told of buckets, as its namespace `AWS/S3`: the metrics of requests ([`PublishRequests`]), and
//! once a day how much there is of what ([`Census`]).
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>. Not here: the sizes that AWS adds
//! to what lies in the classes for rare access.

use crate::s3::buckets;
use crate::s3::inventory::schedule;
use crate::s3::metering::{Meter, Metric, Minute, Values};
use crate::s3::model::bucket::{BUCKETS, BucketRecord};
use crate::s3::model::object::{CURRENT, StorageClass, VERSIONS};
use crate::s3::model::upload::{PARTS, UPLOADS};
use base::{AccountId, Region, Timestamp};
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Snapshot, StoreError, Table, Tx};
use wire::{Fault, Struct, Value};

const SERVICE: &str = "s3.amazonaws.com";
const NAMESPACE: &str = "AWS/S3";
const PUBLISH_AFTER: Duration = Duration::from_secs(5);
/// CloudWatch takes so many values of one metric at once.
const VALUES_MAX: usize = 150;
/// And so many metrics in one call.
const DATA_MAX: usize = 1_000;

fn structure(members: Vec<(&'static str, Value)>) -> Value {
    Value::Struct(members.into_iter().collect::<Struct>())
}

fn dimension(name: &str, value: &str) -> Value {
    structure(vec![("Name", Value::str(name)), ("Value", Value::str(value))])
}

/// Hands data to CloudWatch, in a transaction that the caller commits.
fn publish(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    (owner, region): (AccountId, Region),
    data: Vec<Value>,
) -> Result<(), Fault> {
    for some in data.chunks(DATA_MAX) {
        let members = vec![("Namespace", Value::str(NAMESPACE)), ("MetricData", Value::List(some.to_vec()))];
        let call = Call { service: "cloudwatch", operation: "PutMetricData", value: structure(members) };
        cloud.call(tx, SERVICE, owner, region, call)?;
    }
    Ok(())
}

/// Metrics of requests, every few seconds.
#[derive(Debug)]
pub struct PublishRequests;

impl Reconciler for PublishRequests {
    fn name(&self) -> &'static str {
        "s3 request metrics"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        PUBLISH_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        requests(cloud).map(|()| None)
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        requests(cloud)
    }
}

fn requests(cloud: &Arc<Cloud>) -> Result<(), String> {
    let meter = cloud.memory::<Meter>();
    let minutes = meter.take();
    if minutes.is_empty() {
        return Ok(());
    }
    let mut tx = cloud.store().begin();
    for (minute, metrics) in &minutes {
        let bucket =
            buckets::find(cloud, &tx, &minute.bucket).map_err(|error| Fault::from(error).to_string())?;
        // Metrics of a bucket that has gone meanwhile have nobody to tell.
        let Some(bucket) = bucket else { continue };
        let data = metrics.iter().flat_map(|(metric, values)| minute_data(minute, *metric, values)).collect();
        let place = (bucket.record.owner, bucket.record.region);
        if let Err(fault) = publish(cloud, &mut tx, place, data) {
            kernel::log::warn("metrics of requests were not taken", &[("problem", &fault.to_string())]);
        }
    }
    match tx.commit().wait() {
        Ok(_) => Ok(()),
        Err(CommitError::Conflict) => {
            meter.put_back(minutes);
            Ok(())
        }
        Err(problem) => {
            meter.put_back(minutes);
            Err(problem.to_string())
        }
    }
}

/// The values of one metric, some of them at a time.
fn minute_data(minute: &Minute, metric: Metric, values: &Values) -> Vec<Value> {
    let all: Vec<(u64, u64)> = values.iter().map(|(value, times)| (*value, *times)).collect();
    let datum = |some: &[(u64, u64)]| {
        structure(vec![
            ("MetricName", Value::str(metric.name)),
            (
                "Dimensions",
                Value::List(vec![dimension("BucketName", &minute.bucket), dimension("FilterId", &minute.id)]),
            ),
            ("Timestamp", Value::Time(Timestamp::from_seconds(minute.begun))),
            ("Values", Value::List(some.iter().map(|(value, _)| Value::Float(*value as f64)).collect())),
            ("Counts", Value::List(some.iter().map(|(_, times)| Value::Float(*times as f64)).collect())),
            ("Unit", Value::str(metric.unit)),
        ])
    };
    all.chunks(VALUES_MAX).map(datum).collect()
}

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
        let mut tx = cloud.store().begin();
        if next.is_some() {
            for bucket in &buckets {
                let data = measured(&snapshot, bucket, now).map_err(failed)?;
                if let Err(fault) = publish(cloud, &mut tx, (bucket.owner, bucket.region), data) {
                    kernel::log::warn("storage metrics were not taken", &[("problem", &fault.to_string())]);
                }
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
fn measured(snapshot: &Snapshot, bucket: &BucketRecord, now: Timestamp) -> Result<Vec<Value>, StoreError> {
    let scope = bucket.scope();
    let mut sizes: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut number = 0_u64;
    for table in [&CURRENT, &VERSIONS] {
        for pair in table.scan(snapshot, &scope, Direction::Forward) {
            let (_, version) = pair?;
            number += 1;
            if !version.delete_marker {
                *sizes.entry(storage_type(version.class)).or_default() += version.size;
            }
        }
    }
    for upload in UPLOADS.scan(snapshot, &scope, Direction::Forward) {
        let (row, upload) = upload?;
        for part in PARTS.scan(snapshot, &row, Direction::Forward) {
            number += 1;
            *sizes.entry(storage_type(upload.class)).or_default() += part?.1.piece.size;
        }
    }
    let datum = |name: &str, kind: &str, unit: &str, value: u64| {
        structure(vec![
            ("MetricName", Value::str(name)),
            (
                "Dimensions",
                Value::List(vec![dimension("BucketName", &bucket.name), dimension("StorageType", kind)]),
            ),
            ("Timestamp", Value::Time(now)),
            ("Value", Value::Float(value as f64)),
            ("Unit", Value::str(unit)),
        ])
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
        // No object has changed its tier.
        StorageClass::IntelligentTiering => "IntelligentTieringFAStorage",
        StorageClass::GlacierIr => "GlacierInstantRetrievalStorage",
        StorageClass::Glacier => "GlacierStorage",
        StorageClass::DeepArchive => "DeepArchiveStorage",
    }
}
