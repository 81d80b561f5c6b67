//! What CloudWatch is told of schedules, in its namespace `AWS/Scheduler`: by their groups, and of all together.
//!
//! AWS: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html>

use super::model::Run;
use kernel::Cloud;
use kernel::vitals::{self, Metric, Place, Source};
use store::Tx;

const SOURCE: Source = Source { service: "scheduler.amazonaws.com", namespace: "AWS/Scheduler" };

const fn count(name: &'static str) -> (Metric, f64) {
    (Metric::count(name), 1.0)
}

pub(super) const ATTEMPT: (Metric, f64) = count("InvocationAttemptCount");
pub(super) const ERROR: (Metric, f64) = count("TargetErrorCount");
pub(super) const THROTTLED: (Metric, f64) = count("TargetErrorThrottledCount");
/// It was not tried again, and is nowhere.
pub(super) const DROPPED: (Metric, f64) = count("InvocationDroppedCount");
pub(super) const BURIED: (Metric, f64) = count("InvocationsSentToDeadLetterCount");
pub(super) const NOT_BURIED: (Metric, f64) = count("InvocationsFailedToBeSentToDeadLetterCount");

pub(super) fn note(cloud: &Cloud, tx: &mut Tx, run: &Run, samples: &[(Metric, f64)]) {
    for dimensions in [vec![("ScheduleGroup", run.group.clone())], Vec::new()] {
        let place = Place { source: SOURCE, home: run.home(), dimensions };
        vitals::note_after(cloud, tx, place, cloud.clock().now(), samples.to_vec());
    }
}
