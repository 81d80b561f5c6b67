//! Batches of a shard: handed over one after the other, tried again, split, or given up and told of.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-errors.html>

use crate::lambda::destination::{self, News};
use crate::lambda::invocation::Outcome;
use crate::lambda::mapping::post::{FAILED, Post, pause};
use crate::lambda::mapping::record::{self, Record};
use crate::lambda::mapping::verdict::{self, Verdict};
use crate::lambda::model::Mapping;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wire::{Fault, Value};

/// Records that come one after the other.
pub(super) struct Lane {
    pub(super) post: Arc<Post>,
    pub(super) shard: String,
}

#[derive(Debug)]
struct Batch {
    records: Vec<Record>,
    /// How often it was tried again.
    retries: u32,
}

/// What is to become of a batch that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    /// Each half for itself, which is no retry.
    Halves,
    Again,
    Lost,
}

fn next(mapping: &Mapping, records: usize, retries: u32) -> Next {
    if mapping.bisects && records > 1 {
        return Next::Halves;
    }
    match mapping.retries {
        Some(most) if retries >= most => Next::Lost,
        _ => Next::Again,
    }
}

/// Hands all over; whether all of it is done with, for it may have to stop before.
pub(super) async fn run(lane: Lane, records: Vec<Record>, mut stop: watch::Receiver<bool>) -> bool {
    let most = lane.post.mapping.batch as usize;
    let mut left = VecDeque::new();
    let mut records = records;
    while !records.is_empty() {
        let rest = records.split_off(record::fit(records.iter(), most));
        left.push_back(Batch { records: std::mem::replace(&mut records, rest), retries: 0 });
    }
    let mut tries = 0;
    while let Some(mut batch) = left.pop_front() {
        lane.drop_old(&mut batch).await;
        if batch.records.is_empty() {
            continue;
        }
        let (request_id, outcome) = lane.post.invoke(record::event(&batch.records)).await;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            // It was not run: that is no retry.
            Err(fault) => {
                tries += 1;
                lane.post.trouble(&fault).await;
                left.push_front(batch);
                if !pause(tries, &mut stop).await {
                    return false;
                }
                continue;
            }
        };
        let Some(from) = failed_from(&lane.post.mapping, &outcome, &batch.records) else {
            tries = 0;
            lane.post.note("OK").await;
            continue;
        };
        lane.post.note(FAILED).await;
        batch.records.drain(..from);
        match next(&lane.post.mapping, batch.records.len(), batch.retries) {
            Next::Lost => {
                let why = Lost { condition: "RetryAttemptsExhausted", request_id, outcome: Some(&outcome) };
                lane.bury(&batch, &why).await;
            }
            Next::Halves => {
                let second = batch.records.split_off(batch.records.len() / 2);
                left.push_front(Batch { records: second, retries: batch.retries });
                left.push_front(batch);
            }
            Next::Again => {
                tries += 1;
                let retries = batch.retries + 1;
                left.push_front(Batch { retries, ..batch });
                if !pause(tries, &mut stop).await {
                    return false;
                }
            }
        }
        if *stop.borrow() {
            return left.is_empty();
        }
    }
    true
}

/// The place of the first record that failed.
fn failed_from(mapping: &Mapping, outcome: &Outcome, records: &[Record]) -> Option<usize> {
    if outcome.failed {
        return Some(0);
    }
    if !mapping.reports {
        return None;
    }
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    match verdict::read(&outcome.payload, &ids) {
        Verdict::None => None,
        Verdict::All => Some(0),
        Verdict::These(failed) => failed.first().copied(),
    }
}

/// Why a batch was given up.
struct Lost<'a> {
    condition: &'static str,
    request_id: String,
    /// `None`: it was not run at last.
    outcome: Option<&'a Outcome>,
}

impl Lane {
    /// Gives up what is older than it may be.
    async fn drop_old(&self, batch: &mut Batch) {
        let Some(most) = self.post.mapping.age else { return };
        let (now, most) = (self.post.cloud.clock().now(), Duration::from_secs(most.into()));
        let is_old = |record: &&Record| now.since(record.arrived) > most;
        let old = batch.records.iter().take_while(is_old).count();
        if old == 0 {
            return;
        }
        let records: Vec<Record> = batch.records.drain(..old).collect();
        let request_id = base::id::uuid(self.post.cloud.rng());
        let why = Lost { condition: "RecordAgeExceeded", request_id, outcome: None };
        self.bury(&Batch { records, retries: batch.retries }, &why).await;
    }

    /// Tells of a batch that is given up.
    async fn bury(&self, batch: &Batch, why: &Lost<'_>) {
        let mapping = &self.post.mapping;
        let arn = mapping.named().qualified_arn();
        let fields = [("function", arn.as_str()), ("reason", why.condition)];
        kernel::log::warn("records were given up", &fields);
        let Some(target) = &mapping.on_failure else { return };
        let text = wire::json::text(&self.obituary(batch, why));
        let news = News { detail_type: "Lambda Function Invocation Result - Failure", about: &arn };
        let sent: Result<(), Fault> = self.post.act(|cx| destination::send(cx, target, &text, news)).await;
        if let Err(fault) = sent {
            self.post.trouble(&fault).await;
            kernel::log::error("records were given up untold", &[("problem", &fault.to_string())]);
        }
    }

    fn obituary(&self, batch: &Batch, why: &Lost<'_>) -> Value {
        let mapping = &self.post.mapping;
        let (first, last) = (batch.records.first(), batch.records.last());
        let time = |record: Option<&Record>| {
            Value::Str(record.map(|record| record.arrived.iso8601()).unwrap_or_default())
        };
        let sequence = |record: Option<&Record>| Value::Str(record.map(|r| r.id.clone()).unwrap_or_default());
        let mut members = vec![(
            "requestContext",
            Value::map(vec![
                ("requestId", Value::str(&why.request_id)),
                ("functionArn", Value::Str(mapping.named().qualified_arn())),
                ("condition", Value::str(why.condition)),
                ("approximateInvokeCount", Value::Int(i64::from(batch.retries) + 1)),
            ]),
        )];
        if let Some(outcome) = why.outcome {
            let mut said =
                vec![("statusCode", Value::Int(200)), ("executedVersion", Value::str(&outcome.version))];
            if outcome.failed {
                said.push(("functionError", Value::str("Unhandled")));
            }
            members.push(("responseContext", Value::map(said)));
        }
        members.push(("version", Value::str("1.0")));
        members.push(("timestamp", Value::Str(self.post.cloud.clock().now().iso8601_millis())));
        members.push((
            "DDBStreamBatchInfo",
            Value::map(vec![
                ("shardId", Value::str(&self.shard)),
                ("startSequenceNumber", sequence(first)),
                ("endSequenceNumber", sequence(last)),
                ("approximateArrivalOfFirstRecord", time(first)),
                ("approximateArrivalOfLastRecord", time(last)),
                ("batchSize", Value::Int(batch.records.len() as i64)),
                ("streamArn", Value::str(&mapping.source)),
            ]),
        ));
        Value::map(members)
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, next};
    use crate::lambda::model::Mapping;

    #[test]
    fn what_becomes_of_a_batch_that_failed() {
        let endless = Mapping::default();
        assert_eq!(next(&endless, 5, 9_999), Next::Again);
        let twice = Mapping { retries: Some(2), ..Mapping::default() };
        assert_eq!((next(&twice, 5, 1), next(&twice, 5, 2)), (Next::Again, Next::Lost));
        let bisecting = Mapping { bisects: true, ..twice };
        assert_eq!((next(&bisecting, 5, 2), next(&bisecting, 1, 2)), (Next::Halves, Next::Lost));
    }
}
