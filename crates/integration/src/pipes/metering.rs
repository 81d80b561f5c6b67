//! What CloudWatch is told of pipes, in its namespace `AWS/EventBridge/Pipes`.
//!
//! Not here: how many run at once, and executions that were throttled or took too long, of which there are none.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-monitoring.html>

use super::consumer::NAME;
use super::model::Pipe;
use base::Timestamp;
use feed::record::Record;
use kernel::Cloud;
use kernel::vitals::{Metric, Place, Source, Vitals};

const SOURCE: Source = Source { service: NAME, namespace: "AWS/EventBridge/Pipes" };

/// AWS: what is counted has no unit.
const fn number(name: &'static str) -> Metric {
    Metric { name, unit: "None" }
}

const INVOCATIONS: Metric = number("Invocations");

/// How an execution, or a stage of it, went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Went {
    Well,
    Partly,
    Wrong,
}

/// What is measured of one execution of a pipe.
#[derive(Debug)]
pub(super) struct Execution {
    began: Timestamp,
    samples: Vec<(Metric, f64)>,
}

fn truth(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

fn took(name: &'static str, from: Timestamp, to: Timestamp) -> (Metric, f64) {
    (Metric { name, unit: "Milliseconds" }, to.since(from).as_secs_f64() * 1_000.0)
}

impl Execution {
    pub(super) fn begin(now: Timestamp, records: &[Record]) -> Execution {
        let bytes: usize = records.iter().map(|record| record.json.len()).sum();
        let samples = vec![
            (INVOCATIONS, 1.0),
            (number("EventCount"), records.len() as f64),
            (Metric { name: "EventSize", unit: "Bytes" }, bytes as f64),
        ];
        Execution { began: now, samples }
    }

    pub(super) fn enriched(&mut self, from: Timestamp, to: Timestamp, failed: bool) {
        self.samples.push(took("EnrichmentStageDuration", from, to));
        self.samples.push((number("EnrichmentStageFailed"), truth(failed)));
    }

    /// The target was not asked, as nothing was left for it.
    pub(super) fn skipped(&mut self) {
        self.samples.push((number("TargetStageSkipped"), 1.0));
    }

    pub(super) fn sent(&mut self, from: Timestamp, to: Timestamp, went: Went) {
        self.samples.extend([
            took("TargetStageDuration", from, to),
            (number("TargetStageFailed"), truth(went == Went::Wrong)),
            (number("TargetStagePartiallyFailed"), truth(went == Went::Partly)),
            (number("TargetStageSkipped"), 0.0),
        ]);
    }

    pub(super) fn end(mut self, cloud: &Cloud, pipe: &Pipe, went: Went) {
        let now = cloud.clock().now();
        self.samples.extend([
            took("Duration", self.began, now),
            (number("ExecutionFailed"), truth(went == Went::Wrong)),
            (number("ExecutionPartiallyFailed"), truth(went == Went::Partly)),
        ]);
        let vitals = cloud.memory::<Vitals>();
        let place = |dimension| Place { source: SOURCE, home: pipe.home(), dimensions: vec![dimension] };
        vitals.note(place(("PipeName", pipe.name.clone())), now, &self.samples);
        vitals.note(place(("AwsAccountId", pipe.account.to_string())), now, &[(INVOCATIONS, 1.0)]);
    }
}
