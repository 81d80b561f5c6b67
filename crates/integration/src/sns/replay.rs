//! Replays: what lies in a FIFO topic's archive goes to one subscription again, in its order.
//!
//! While a subscription's replay runs, what is published is not put on its way to it: it comes out of the archive in
//! its turn. So nothing is overtaken, missed or doubled where the replay meets the present.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html>

use super::archive;
use super::errors::{SnsError, invalid};
use super::model::{ARCHIVE, REPLAYS, Replay, SUBSCRIPTIONS, Subscription, TOPICS, Topic, topic_key};
use super::publishing::{self, Accepted, Parcel};
use super::sealing;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use store::{CommitError, Direction, Key, Tx};
use wire::{Fault, Value};

/// Messages that are looked at in one transaction.
const BATCH: usize = 100;

/// From when to when.
type Window = (Timestamp, Option<Timestamp>);

/// What a policy asks for; None where it asks for nothing.
fn read(topic: &Topic, text: &str, now: Timestamp) -> Result<Option<Window>, SnsError> {
    let of = |what: &str| invalid(format!("ReplayPolicy: {what}"));
    if text.is_empty() {
        return Ok(None);
    }
    let policy = wire::json::read(text).ok_or_else(|| of("Unable to parse JSON"))?;
    let Value::Map(members) = &policy else { return Err(of("JSON is missing required fields")) };
    if members.is_empty() {
        return Ok(None);
    }
    let (Some(kind), Some(start)) = (policy.entry("PointType"), policy.entry("StartingPoint")) else {
        return Err(of("JSON is missing required fields"));
    };
    if kind.as_str() != Some("Timestamp") {
        return Err(of("Invalid PointType"));
    }
    let Some(begins) = archive::beginning(topic, now) else {
        return Err(of("Topic does not have an ArchivePolicy"));
    };
    let time = |value: &Value| value.as_str().and_then(Timestamp::parse_iso8601);
    let from = time(start).filter(|from| (begins..=now).contains(from));
    let from = from.ok_or_else(|| of("Invalid StartingPoint value"))?;
    let to = match policy.entry("EndingPoint") {
        None => None,
        Some(end) => {
            let to = time(end).filter(|to| (from..=now).contains(to));
            Some(to.ok_or_else(|| of("Invalid EndingPoint value"))?)
        }
    };
    Ok(Some((from, to)))
}

/// Starts a replay, in the place of one that runs; or stops it.
///
/// # Errors
/// `InvalidParameter`.
pub(crate) fn set(
    tx: &mut Tx,
    topic: &Topic,
    subscription: &mut Subscription,
    text: &str,
    now: Timestamp,
) -> Result<(), SnsError> {
    if !topic.is_fifo() {
        return Err(invalid("AttributeName"));
    }
    let Some((from, to)) = read(topic, text, now)? else {
        REPLAYS.delete(tx, &subscription.key());
        subscription.replay = None;
        subscription.replay_status.clear();
        subscription.replay_ends = false;
        return Ok(());
    };
    let Subscription { account, region, topic, id, .. } = subscription.clone();
    let replay = Replay { account, region, topic, subscription: id, from, to, position: 0 };
    REPLAYS.put(tx, &subscription.key(), &replay);
    subscription.replay = Some(text.to_owned());
    "Pending".clone_into(&mut subscription.replay_status);
    subscription.replay_ends = to.is_some();
    Ok(())
}

/// Takes replays forward.
#[derive(Debug)]
pub struct Replays;

impl Reconciler for Replays {
    fn name(&self) -> &'static str {
        "sns replays"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![REPLAYS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        replay_all(cloud).map_err(|error| Fault::from(error).to_string())
    }
}

/// What is left of a replay after a step.
enum Left {
    Nothing,
    Some,
    /// Its next message cannot be opened before then.
    SomeAt(Timestamp),
}

/// When to look again, where a replay waits for a key.
fn replay_all(cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, SnsError> {
    let mut again: Option<Timestamp> = None;
    let snapshot = cloud.store().snapshot();
    for entry in REPLAYS.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let (key, _) = entry?;
        loop {
            let mut tx = cloud.store().begin();
            // Anew: it may have been replaced or stopped.
            let Some(replay) = REPLAYS.get(&tx, &key)? else { break };
            let left = step(cloud, &mut tx, &key, replay)?;
            match tx.commit().wait() {
                Ok(_) if matches!(left, Left::Nothing) => break,
                Ok(_) if let Left::SomeAt(time) = left => {
                    again = Some(again.map_or(time, |again| again.min(time)));
                    break;
                }
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(error) => {
                    kernel::log::error("a replay could not be saved", &[("problem", &error.to_string())]);
                    return Err(SnsError::Internal);
                }
            }
        }
    }
    Ok(again)
}

/// Puts the next messages on their way.
fn step(cloud: &Arc<Cloud>, tx: &mut Tx, key: &Key, mut replay: Replay) -> Result<Left, SnsError> {
    let all = topic_key(replay.account, replay.region, &replay.topic);
    let Some(mut subscription) = SUBSCRIPTIONS.get(tx, &all.clone().str(&replay.subscription))? else {
        REPLAYS.delete(tx, key);
        return Ok(Left::Nothing);
    };
    let topic = TOPICS.get(tx, &all)?.filter(|topic| topic.archive_days > 0);
    let Some(topic) = topic else {
        end(tx, key, &mut subscription, "Failed");
        return Ok(Left::Nothing);
    };
    // Read in this transaction: a message that is published meanwhile makes it run anew, so none is missed.
    let page = ARCHIVE.page(tx, &all, Some(&archive::key(&topic, replay.position)), BATCH)?;
    let now = cloud.clock().now();
    let (mut is_over, mut wait) = (page.next.is_none(), None);
    for (place, message) in page.items {
        if replay.to.is_some_and(|to| message.time > to) {
            is_over = true;
            break;
        }
        let mut reader = place.reader();
        let number = reader.regional().and_then(|_| reader.str()).and_then(|_| reader.u64());
        let number = number.ok_or(SnsError::Internal)?;
        if message.time < replay.from {
            replay.position = number;
            continue;
        }
        let (message, sealed_by) = match sealing::unarchived(cloud, &topic, message) {
            Ok(opened) => opened,
            Err(again) => {
                wait = Some(again);
                break;
            }
        };
        replay.position = number;
        let accepted = Accepted {
            message_id: message.message_id.clone(),
            time: message.time,
            origin: message.origin.clone(),
            number: Some(replay.position),
            deduplication: message.deduplication.clone(),
            chain: None,
            replayed: true,
            key: sealed_by,
        };
        let parcel = Parcel::of_archive(message);
        publishing::send(cloud, tx, (&topic, &subscription), &parcel, &accepted, now)?;
    }
    if is_over && wait.is_none() {
        end(tx, key, &mut subscription, "Completed");
        Ok(Left::Nothing)
    } else {
        REPLAYS.put(tx, key, &replay);
        if subscription.replay_status == "Pending" {
            "In progress".clone_into(&mut subscription.replay_status);
            SUBSCRIPTIONS.put(tx, &subscription.key(), &subscription);
        }
        Ok(wait.map_or(Left::Some, Left::SomeAt))
    }
}

fn end(tx: &mut Tx, key: &Key, subscription: &mut Subscription, status: &str) {
    REPLAYS.delete(tx, key);
    status.clone_into(&mut subscription.replay_status);
    SUBSCRIPTIONS.put(tx, &subscription.key(), subscription);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_may_ask_for() {
        let at = Timestamp::from_seconds;
        let topic = Topic { archive_days: 1, archive_since: at(1_000), ..Topic::default() };
        let now = at(5_000);
        let read = |text: &str| read(&topic, text, now);
        let of = |what: &str| Err(invalid(format!("ReplayPolicy: {what}")));
        let policy = |from: i64, to: i64| {
            format!(
                r#"{{"PointType":"Timestamp","StartingPoint":"{}","EndingPoint":"{}"}}"#,
                at(from).iso8601(),
                at(to).iso8601()
            )
        };
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("{}"), Ok(None));
        assert_eq!(read(&policy(2_000, 3_000)), Ok(Some((at(2_000), Some(at(3_000))))));
        assert_eq!(read("{"), of("Unable to parse JSON"));
        assert_eq!(read(r#"{"PointType":"Timestamp"}"#), of("JSON is missing required fields"));
        assert_eq!(read(r#"{"PointType":"Number","StartingPoint":"1"}"#), of("Invalid PointType"));
        assert_eq!(read(&policy(999, 3_000)), of("Invalid StartingPoint value"));
        assert_eq!(read(&policy(5_001, 6_000)), of("Invalid StartingPoint value"));
        assert_eq!(read(&policy(2_000, 1_999)), of("Invalid EndingPoint value"));
        assert_eq!(read(&policy(2_000, 5_001)), of("Invalid EndingPoint value"));
        let none = super::read(&Topic::default(), &policy(2_000, 3_000), now);
        assert_eq!(none, of("Topic does not have an ArchivePolicy"));
    }
}
