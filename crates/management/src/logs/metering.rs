//! What CloudWatch is told of log groups, in its namespace `AWS/Logs`: of each by its name, and of all together.
//!
//! Not here: what subscriptions forward, and how operations are used.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html>

use super::model::group::Group;
use kernel::Cx;
use kernel::vitals::{self, Metric, Place, Source};

const SOURCE: Source = Source { service: "logs.amazonaws.com", namespace: "AWS/Logs" };
const BYTES: Metric = Metric { name: "IncomingBytes", unit: "Bytes" };
const EVENTS: Metric = Metric { name: "IncomingLogEvents", unit: "None" };

/// A batch of events was taken.
pub(super) fn came_in(cx: &mut Cx<'_>, group: &Group, events: usize, bytes: u64) {
    if events == 0 {
        return;
    }
    let (cloud, now) = (cx.cloud().clone(), cx.now);
    for dimensions in [vec![("LogGroupName", group.name.clone())], Vec::new()] {
        let place = Place { source: SOURCE, home: (group.account, cx.region), dimensions };
        let samples = vec![(BYTES, bytes as f64), (EVENTS, events as f64)];
        vitals::note_after(&cloud, cx.tx, place, now, samples);
    }
}
