//! What CloudWatch is told of topics, in its namespace `AWS/SNS`.
//!
//! Not here: text messages and their cost, mobile push by application, archives and replays.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html>

use super::model::{Delivery, Subscription, Topic};
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use kernel::vitals::{self, Metric, Place, Source};
use store::Tx;

const SOURCE: Source = Source { service: "sns.amazonaws.com", namespace: "AWS/SNS" };

const SIZE: Metric = Metric { name: "PublishSize", unit: "Bytes" };
const PUBLISHED: Metric = Metric::count("NumberOfMessagesPublished");
const FILTERED: Metric = Metric::count("NumberOfNotificationsFilteredOut");
const DELIVERED: Metric = Metric::count("NumberOfNotificationsDelivered");
const FAILED: Metric = Metric::count("NumberOfNotificationsFailed");
const REDRIVEN: Metric = Metric::count("NumberOfNotificationsRedrivenToDlq");
const NOT_REDRIVEN: Metric = Metric::count("NumberOfNotificationsFailedToRedriveToDlq");

fn place(account: AccountId, region: Region, topic: &str) -> Place {
    Place { source: SOURCE, home: (account, region), dimensions: vec![("TopicName", topic.to_owned())] }
}

fn of_topic(topic: &Topic) -> Place {
    place(topic.account, topic.region, &topic.name)
}

pub(crate) fn published(cloud: &Cloud, tx: &mut Tx, topic: &Topic, bytes: usize, now: Timestamp) {
    let samples = vec![(PUBLISHED, 1.0), (SIZE, bytes as f64)];
    vitals::note_after(cloud, tx, of_topic(topic), now, samples);
}

/// A subscription's filter wanted a message less.
pub(crate) fn filtered(
    cloud: &Cloud,
    tx: &mut Tx,
    topic: &Topic,
    (to, has_attributes): (&Subscription, bool),
    now: Timestamp,
) {
    let why = match (to.filters_body, has_attributes) {
        (true, _) => "NumberOfNotificationsFilteredOut-MessageBody",
        (false, true) => "NumberOfNotificationsFilteredOut-MessageAttributes",
        (false, false) => "NumberOfNotificationsFilteredOut-NoMessageAttributes",
    };
    let samples = vec![(FILTERED, 1.0), (Metric::count(why), 1.0)];
    vitals::note_after(cloud, tx, of_topic(topic), now, samples);
}

/// How a notification ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    Delivered,
    /// Nobody takes it.
    Failed,
    Redriven,
    NotRedriven,
}

/// Notes how a delivery ended; what only asks for confirmation is no notification.
pub(crate) fn ended(cloud: &Cloud, tx: &mut Tx, delivery: &Delivery, how: Ended) {
    if delivery.token.is_some() {
        return;
    }
    let samples = match how {
        Ended::Delivered => vec![(DELIVERED, 1.0)],
        Ended::Failed => vec![(FAILED, 1.0)],
        Ended::Redriven => vec![(FAILED, 1.0), (REDRIVEN, 1.0)],
        Ended::NotRedriven => vec![(FAILED, 1.0), (NOT_REDRIVEN, 1.0)],
    };
    let place = place(delivery.account, delivery.region, &delivery.topic);
    vitals::note_after(cloud, tx, place, cloud.clock().now(), samples);
}
