//! What is told of replication by the rules that want it: metrics in CloudWatch, and events of what fails or takes
//! long.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html>. Not here: word of what is no
//! longer tracked, since everything is.

use super::ReplicationRule;
use super::copy::Parcel;
use super::reason::Reason;
use crate::s3::SERVICE;
use crate::s3::buckets::Bucket;
use crate::s3::configs::NOTIFICATION;
use crate::s3::events::{self, Actor, Happened};
use crate::s3::metering::SOURCE;
use base::Timestamp;
use kernel::Cloud;
use kernel::vitals::{self, Metric, Place};
use std::sync::Arc;
use std::time::Duration;
use store::{StoreError, Tx};
use wire::{Struct, Value};

const LATENCY: Metric = Metric { name: "ReplicationLatency", unit: "Seconds" };
const BYTES_PENDING: Metric = Metric { name: "BytesPendingReplication", unit: "Bytes" };
const PENDING: Metric = Metric::count("OperationsPendingReplication");
const FAILED: Metric = Metric::count("OperationsFailedReplication");
/// AWS: a quarter of an hour, by which time control measures.
const THRESHOLD: Duration = Duration::from_secs(15 * 60);

/// What waits for one rule.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Backlog {
    pub(crate) operations: u64,
    pub(crate) bytes: u64,
}

fn place(source: &Bucket, rule: &ReplicationRule) -> Place {
    let dimensions = vec![
        ("SourceBucket", source.record.name.clone()),
        ("DestinationBucket", rule.bucket().to_owned()),
        ("RuleId", rule.id.clone().unwrap_or_default()),
    ];
    Place { source: SOURCE, home: (source.record.owner, source.record.region), dimensions }
}

/// How much waits.
pub(crate) fn backlog(
    cloud: &Cloud,
    source: &Bucket,
    rule: &ReplicationRule,
    at: Timestamp,
    backlog: Backlog,
) {
    let samples = [(BYTES_PENDING, backlog.bytes as f64), (PENDING, backlog.operations as f64)];
    cloud.memory::<vitals::Vitals>().note(place(source, rule), at, &samples);
}

/// How it went with one version by one rule. `noted`: when it was put on the list.
///
/// # Errors
/// The store's.
pub(crate) fn outcome(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    parcel: Parcel<'_>,
    rule: &ReplicationRule,
    noted: Timestamp,
    failure: Option<Reason>,
) -> Result<(), StoreError> {
    if !rule.is_measured() {
        return Ok(());
    }
    let now = cloud.clock().now();
    let latency = now.since(noted);
    let mut samples = vec![(FAILED, f64::from(u8::from(failure.is_some())))];
    if failure.is_none() {
        samples.push((LATENCY, latency.as_secs_f64()));
    }
    vitals::note_after(cloud, tx, place(parcel.source, rule), now, samples);
    let is_late = rule.is_timed() && latency > THRESHOLD;
    if is_late {
        let missed = (noted, noted.plus(THRESHOLD));
        tell(cloud, tx, parcel, rule, missed, "Replication:OperationMissedThreshold", None)?;
    }
    let event = match failure {
        Some(_) => "Replication:OperationFailedReplication",
        None if is_late => "Replication:OperationReplicatedAfterThreshold",
        None => return Ok(()),
    };
    tell(cloud, tx, parcel, rule, (noted, now), event, failure)
}

fn tell(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    parcel: Parcel<'_>,
    rule: &ReplicationRule,
    (noted, now): (Timestamp, Timestamp),
    event: &'static str,
    failure: Option<Reason>,
) -> Result<(), StoreError> {
    let Some(configuration) = NOTIFICATION.get(tx, &parcel.source.scope)? else { return Ok(()) };
    let version = parcel.version;
    let id = version.id();
    let what = Happened {
        event,
        detail_type: "",
        reason: "",
        key: parcel.key,
        version: Some(version),
        version_id: Some(&id),
        marker: version.delete_marker,
    };
    let request_id = base::id::uuid(cloud.rng());
    let actor = Actor {
        now,
        principal: SERVICE,
        requester: SERVICE,
        address: SERVICE,
        request_id: &request_id,
        chain: None,
    };
    let operation = if version.delete_marker { "OBJECT_DELETE" } else { "OBJECT_PUT" };
    let mut data = vec![
        ("replicationRuleId", Value::str(rule.id.as_deref().unwrap_or_default())),
        ("destinationBucket", Value::str(rule.destination.bucket.as_str())),
        ("s3Operation", Value::str(operation)),
        ("requestTime", Value::Str(noted.iso8601_millis())),
    ];
    data.extend(failure.map(|reason| ("failureReason", Value::str(reason.name()))));
    let data = Value::Struct(data.into_iter().collect::<Struct>());
    events::write_down(cloud, tx, parcel.source, &configuration, &what, &actor, Some(&data));
    Ok(())
}
