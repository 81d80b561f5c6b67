//! What CloudWatch is told of queues, in its namespace `AWS/SQS`.
//!
//! What happens at a queue is added up at its [`Desk`], by minutes, and handed to [`Vitals`] every few seconds. How many
//! messages stand in it and how old the oldest is is told once a minute, for as long as the queue is active.
//!
//! Not here: the metrics of noisy groups of fair queues.
//!
//! AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>

use super::desk::{Desk, Desks};
use super::model::queue::Queue;
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use kernel::vitals::{Metric, Place, Source, Values, Vitals};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const SOURCE: Source = Source { service: "sqs.amazonaws.com", namespace: "AWS/SQS" };
const MINUTE: i64 = 60;
const EVERY: Duration = Duration::from_secs(5);
/// AWS: a queue is active for six hours after it was last used.
const ACTIVE: Duration = Duration::from_secs(6 * 3_600);

const SENT: Metric = Metric::count("NumberOfMessagesSent");
const SIZE: Metric = Metric { name: "SentMessageSize", unit: "Bytes" };
const DEDUPLICATED: Metric = Metric::count("NumberOfDeduplicatedSentMessages");
const RECEIVED: Metric = Metric::count("NumberOfMessagesReceived");
const EMPTY: Metric = Metric::count("NumberOfEmptyReceives");
const DELETED: Metric = Metric::count("NumberOfMessagesDeleted");
const VISIBLE: Metric = Metric::count("ApproximateNumberOfMessagesVisible");
const IN_FLIGHT: Metric = Metric::count("ApproximateNumberOfMessagesNotVisible");
const DELAYED: Metric = Metric::count("ApproximateNumberOfMessagesDelayed");
const AGE: Metric = Metric { name: "ApproximateAgeOfOldestMessage", unit: "Seconds" };

/// What was counted in one minute.
#[derive(Default, Debug)]
struct Minute {
    sent: u64,
    sizes: BTreeMap<u64, u64>,
    deduplicated: u64,
    received: u64,
    empty: u64,
    deleted: u64,
}

/// What has happened at a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happened {
    Sent {
        bytes: u64,
    },
    Deduplicated,
    /// So many messages were given out: none where a receive ends empty.
    Received(usize),
    Deleted,
}

/// What a queue has to tell.
#[derive(Debug)]
pub(crate) struct Tally {
    home: (AccountId, Region),
    name: String,
    minutes: BTreeMap<i64, Minute>,
    used: Timestamp,
    /// The last minute whose counts were told.
    told: i64,
}

impl Tally {
    pub(crate) fn new(queue: &Queue, now: Timestamp) -> Tally {
        let told = now.seconds().div_euclid(MINUTE);
        let home = (queue.account, queue.region);
        Tally { home, name: queue.name.clone(), minutes: BTreeMap::new(), used: now, told }
    }

    pub(crate) fn note(&mut self, what: Happened, now: Timestamp) {
        self.used = self.used.max(now);
        let minute = self.minutes.entry(now.seconds().div_euclid(MINUTE)).or_default();
        match what {
            Happened::Sent { bytes } => {
                minute.sent += 1;
                *minute.sizes.entry(bytes).or_default() += 1;
            }
            Happened::Deduplicated => minute.deduplicated += 1,
            Happened::Received(0) => minute.empty += 1,
            Happened::Received(count) => minute.received += count as u64,
            Happened::Deleted => minute.deleted += 1,
        }
    }

    fn place(&self) -> Place {
        Place { source: SOURCE, home: self.home, dimensions: vec![("QueueName", self.name.clone())] }
    }
}

/// So many ones.
fn ones(count: u64) -> Values {
    if count == 0 { Values::new() } else { Values::from([(1_000, count)]) }
}

fn sizes(all: BTreeMap<u64, u64>) -> Values {
    all.into_iter().map(|(bytes, count)| (i64::try_from(bytes * 1_000).unwrap_or(i64::MAX), count)).collect()
}

fn tell(desk: &Desk, vitals: &Vitals, now: Timestamp) {
    let minute = now.seconds().div_euclid(MINUTE);
    let (place, minutes, stands) = desk.tally(|tally| {
        let is_active = tally.used.plus(ACTIVE) > now;
        let stands = is_active && tally.told < minute;
        tally.told = minute;
        (tally.place(), std::mem::take(&mut tally.minutes), stands)
    });
    for (minute, own) in minutes {
        let at = Timestamp::from_seconds(minute * MINUTE);
        for (metric, values) in [
            (SENT, ones(own.sent)),
            (SIZE, sizes(own.sizes)),
            (DEDUPLICATED, ones(own.deduplicated)),
            (RECEIVED, ones(own.received)),
            (EMPTY, ones(own.empty)),
            (DELETED, ones(own.deleted)),
        ] {
            if !values.is_empty() {
                vitals.add(place.clone(), at, metric, values);
            }
        }
    }
    if stands {
        let (counts, oldest) = desk.with(|dispatcher| (dispatcher.counts(now), dispatcher.oldest()));
        let age = oldest.map_or(0, |sent| now.since(sent).as_secs());
        let samples = [
            (VISIBLE, counts.visible as f64),
            (IN_FLIGHT, counts.in_flight as f64),
            (DELAYED, counts.delayed as f64),
            (AGE, age as f64),
        ];
        vitals.note(place, now, &samples);
    }
}

/// Tells of all queues that were used.
#[derive(Debug)]
pub struct Tell;

impl Reconciler for Tell {
    fn name(&self) -> &'static str {
        "sqs metrics"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        EVERY
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let (vitals, now) = (cloud.memory::<Vitals>(), cloud.clock().now());
        cloud.memory::<Desks>().all().iter().for_each(|desk| tell(desk, &vitals, now));
        Ok(None)
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        self.run(cloud).map(drop)
    }
}
