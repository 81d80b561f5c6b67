//! What CloudWatch is told of log groups, in its namespace `AWS/Logs`: of each by its name, and of all together.
//!
//! What subscription filters forward is told of by group, kind of destination and filter.
//!
//! What comes in is counted for bills, by the bytes that it is charged for; what is stored is not.
//!
//! Not here: how operations are used.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html>

use super::model::group::Group;
use super::model::subscription::Delivery;
use base::Timestamp;
use kernel::meter::{Kind, Line};
use kernel::vitals::{self, Metric, Place, Source};
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::Tx;

const SOURCE: Source = Source { service: "logs.amazonaws.com", namespace: "AWS/Logs" };
const BYTES: Metric = Metric { name: "IncomingBytes", unit: "Bytes" };
const EVENTS: Metric = Metric { name: "IncomingLogEvents", unit: "None" };

/// AWS: <https://aws.amazon.com/cloudwatch/pricing/>
static STANDARD: Kind = ingested("DataProcessing-Bytes", 500_000);
static INFREQUENT: Kind = ingested("DataProcessingIA-Bytes", 250_000);

/// Counted in bytes.
const fn ingested(usage_type: &'static str, micros: u64) -> Kind {
    Kind { per: 1 << 30, ..Kind::new("AmazonCloudWatch", usage_type, "GB").at(micros, 1) }
}

/// A batch of events was taken.
pub(super) fn came_in(cx: &mut Cx<'_>, group: &Group, events: usize, bytes: u64) {
    if events == 0 {
        return;
    }
    let (cloud, now) = (cx.cloud().clone(), cx.now);
    let kind = if group.is_infrequent() { &INFREQUENT } else { &STANDARD };
    let (account, region, resource) = (group.account, cx.region, group.arn());
    let line = Line { account, region, kind, operation: "PutLogEvents", resource: &resource };
    cloud.meter().add_with(cx.tx, now, &line, bytes);
    for dimensions in [vec![("LogGroupName", group.name.clone())], Vec::new()] {
        let place = Place { source: SOURCE, home: (group.account, cx.region), dimensions };
        let samples = vec![(BYTES, bytes as f64), (EVENTS, events as f64)];
        vitals::note_after(&cloud, cx.tx, place, now, samples);
    }
}

/// What a subscription filter sent, as many events in as many bytes; or that it could not.
pub(super) fn forwarded(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &Delivery,
    now: Timestamp,
    sent: Option<(usize, usize)>,
) {
    let named = if delivery.of_account { "PolicyLevel" } else { "FilterName" };
    let name = if delivery.of_account { "AccountPolicy".to_owned() } else { delivery.filter.clone() };
    let dimensions = vec![
        ("LogGroupName", delivery.group.clone()),
        ("DestinationType", "Lambda".to_owned()),
        (named, name),
    ];
    let none = |name| Metric { name, unit: "None" };
    let samples = match sent {
        Some((events, bytes)) => vec![
            (none("ForwardedLogEvents"), events as f64),
            (Metric { name: "ForwardedBytes", unit: "Bytes" }, bytes as f64),
        ],
        None => vec![(none("DeliveryErrors"), 1.0)],
    };
    let place = Place { source: SOURCE, home: (delivery.account, delivery.region), dimensions };
    vitals::note_after(cloud, tx, place, now, samples);
}
