//! Batches of a shard: handed over one after the other, tried again, split, or given up and told of.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-errors.html>

use crate::post::{Post, pause};
use crate::record::{self, Record};
use crate::verdict::Verdict;
use crate::{Handed, Lost, Remains};
use bytes::Bytes;
use kernel::Body;
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

fn next(bisects: bool, most: Option<u32>, records: usize, retries: u32) -> Next {
    if bisects && records > 1 {
        return Next::Halves;
    }
    match most {
        Some(most) if retries >= most => Next::Lost,
        _ => Next::Again,
    }
}

/// Hands all over; whether all of it is done with, for it may have to stop before.
pub(super) async fn run(lane: Lane, records: Vec<Record>, mut stop: watch::Receiver<bool>) -> bool {
    let most = lane.post.feed.batch as usize;
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
        let handed = match lane.post.hand_over(&batch.records).await {
            Ok(handed) => handed,
            // It was not tried: that is no retry.
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
        lane.post.note(&handed.note).await;
        let Some(from) = failed_from(&handed.verdict) else {
            tries = 0;
            continue;
        };
        batch.records.drain(..from);
        let feed = &lane.post.feed;
        match next(feed.bisects, feed.retries, batch.records.len(), batch.retries) {
            Next::Lost => {
                lane.bury(&batch, "RetryAttemptsExhausted", Some(&handed)).await;
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
fn failed_from(verdict: &Verdict) -> Option<usize> {
    match verdict {
        Verdict::None => None,
        Verdict::All => Some(0),
        Verdict::These(failed) => failed.first().copied(),
    }
}

impl Lane {
    /// Gives up what is older than it may be.
    async fn drop_old(&self, batch: &mut Batch) {
        let Some(most) = self.post.feed.age else { return };
        let (now, most) = (self.post.cloud.clock().now(), Duration::from_secs(most.into()));
        let is_old = |record: &&Record| now.since(record.arrived) > most;
        let old = batch.records.iter().take_while(is_old).count();
        if old == 0 {
            return;
        }
        let records: Vec<Record> = batch.records.drain(..old).collect();
        self.bury(&Batch { records, retries: batch.retries }, "RecordAgeExceeded", None).await;
    }

    /// Tells of a batch that is given up.
    async fn bury(&self, batch: &Batch, condition: &'static str, handed: Option<&Handed>) {
        let arn = self.post.consumer.arn();
        kernel::log::warn("records were given up", &[("of", arn.as_str()), ("reason", condition)]);
        let Some(target) = &self.post.feed.on_failure else { return };
        let lost = Lost {
            condition,
            retries: batch.retries,
            handed,
            batch_info: self.info(batch),
            records: &batch.records,
        };
        let sent = match self.post.consumer.remains(&self.post.cloud, target, &lost) {
            Some(remains) => self.keep(remains).await,
            None => self.post.act(|cx| self.post.consumer.tell(cx, target, &lost)).await,
        };
        if let Err(fault) = sent {
            self.post.trouble(&fault).await;
            kernel::log::error("records were given up untold", &[("problem", &fault.to_string())]);
        }
    }

    /// Puts what remains into its bucket, as the consumer's role.
    async fn keep(&self, remains: Remains) -> Result<(), Fault> {
        let members = vec![("Bucket", Value::Str(remains.bucket)), ("Key", Value::Str(remains.key))];
        let body = Body::of(Bytes::from(remains.bytes), None);
        self.post.stream("s3", "PutObject", members, body).await.map(drop)
    }

    fn info(&self, batch: &Batch) -> Value {
        let (first, last) = (batch.records.first(), batch.records.last());
        let time = |record: Option<&Record>| {
            Value::Str(record.map(|record| record.arrived.iso8601()).unwrap_or_default())
        };
        let sequence = |record: Option<&Record>| Value::Str(record.map(|r| r.id.clone()).unwrap_or_default());
        Value::map(vec![
            ("shardId", Value::str(&self.shard)),
            ("startSequenceNumber", sequence(first)),
            ("endSequenceNumber", sequence(last)),
            ("approximateArrivalOfFirstRecord", time(first)),
            ("approximateArrivalOfLastRecord", time(last)),
            ("batchSize", Value::Int(batch.records.len() as i64)),
            ("streamArn", Value::str(&self.post.feed.source)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, next};

    #[test]
    fn what_becomes_of_a_batch_that_failed() {
        assert_eq!(next(false, None, 5, 9_999), Next::Again);
        assert_eq!((next(false, Some(2), 5, 1), next(false, Some(2), 5, 2)), (Next::Again, Next::Lost));
        assert_eq!((next(true, Some(2), 5, 2), next(true, Some(2), 1, 2)), (Next::Halves, Next::Lost));
    }
}
