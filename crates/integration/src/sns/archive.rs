//! Archives of FIFO topics: what was published stays for as many days as the topic's policy says, to be replayed.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-topic-owner.html>

use super::errors::{SnsError, invalid};
use super::model::{ARCHIVE, ARCHIVING, Archived, Archiving, TOPICS, Topic, topic_key};
use base::Timestamp;
use kernel::Cloud;
use std::time::Duration;
use store::{Direction, Key, Tx};
use wire::Value;

const DAYS_MAX: u32 = 365;
const DAY: Duration = Duration::from_secs(86_400);
/// Messages that are removed in one transaction.
const BATCH: usize = 500;

/// Sets the policy of a topic; nothing, or an empty object, ends the archive and what is in it.
///
/// # Errors
/// `InvalidParameter`.
pub(crate) fn set(topic: &mut Topic, text: &str) -> Result<(), SnsError> {
    if !topic.is_fifo() {
        return Err(invalid("AttributeName"));
    }
    let days = if text.is_empty() { 0 } else { days(text)? };
    topic.archive = (days > 0).then(|| text.to_owned());
    topic.archive_days = days;
    Ok(())
}

/// How many days a policy says; 0 where it says nothing.
fn days(text: &str) -> Result<u32, SnsError> {
    let policy = wire::json::read(text).ok_or_else(|| invalid("ArchivePolicy: Unable to parse JSON"))?;
    let missing = || invalid("ArchivePolicy: JSON is missing required fields");
    let Value::Map(members) = &policy else { return Err(missing()) };
    if members.is_empty() {
        return Ok(0);
    }
    let period = policy.entry("MessageRetentionPeriod").ok_or_else(missing)?;
    let number = match period {
        Value::Str(text) => text.parse().ok(),
        other => other.as_int().and_then(|days| u32::try_from(days).ok()),
    };
    let good = number.filter(|days| (1..=DAYS_MAX).contains(days));
    good.ok_or_else(|| invalid("ArchivePolicy: MessageRetentionPeriod value is invalid"))
}

/// Notes what a topic's new policy means: where an archive begins, or that there is one to be removed.
pub(crate) fn settle(tx: &mut Tx, before: u32, topic: &mut Topic, now: Timestamp) {
    if before == 0 && topic.archive_days > 0 {
        topic.archive_since = now;
    }
    if before != topic.archive_days {
        let Topic { account, region, name, .. } = topic.clone();
        ARCHIVING.put(tx, &topic.key(), &Archiving { account, region, topic: name });
    }
}

/// The earliest time of which the archive has messages, in milliseconds as it is shown; None without an archive.
pub(crate) fn beginning(topic: &Topic, now: Timestamp) -> Option<Timestamp> {
    let begins = topic.archive_since.max(now.minus(DAY * topic.archive_days)).micros();
    (topic.archive_days > 0).then(|| Timestamp::from_micros(begins - begins.rem_euclid(1_000)))
}

/// The place of a message in its topic's archive.
pub(crate) fn key(topic: &Topic, number: u64) -> Key {
    topic.key().u64(number)
}

pub(crate) fn keep(tx: &mut Tx, topic: &Topic, number: u64, message: &Archived) {
    if topic.archive_days > 0 {
        ARCHIVE.put(tx, &key(topic, number), message);
    }
}

/// Removes what is older than its topic's policy says, and all of the archives that were ended.
///
/// # Errors
/// The store's.
pub(crate) fn forget(cloud: &Cloud) -> Result<(), SnsError> {
    let snapshot = cloud.store().snapshot();
    for entry in ARCHIVING.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let place = entry?.1;
        while forget_some(cloud, &place)? {}
    }
    Ok(())
}

/// One batch; whether there may be more.
fn forget_some(cloud: &Cloud, place: &Archiving) -> Result<bool, SnsError> {
    let now = cloud.clock().now();
    let all = topic_key(place.account, place.region, &place.topic);
    let mut tx = cloud.store().begin();
    let begins = TOPICS.get(&tx, &all)?.and_then(|topic| beginning(&topic, now));
    let page = ARCHIVE.page(&cloud.store().snapshot(), &all, None, BATCH)?;
    let is_old = |message: &Archived| begins.is_none_or(|begins| message.time < begins);
    let count = page.items.iter().take_while(|(_, message)| is_old(message)).count();
    page.items.iter().take(count).for_each(|(key, _)| ARCHIVE.delete(&mut tx, key));
    let is_more = count == BATCH;
    if begins.is_none() && !is_more {
        ARCHIVING.delete(&mut tx, &all);
    }
    match tx.commit().wait() {
        Ok(_) => Ok(is_more),
        Err(store::CommitError::Conflict) => Ok(true),
        Err(_) => Err(SnsError::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies() {
        let mut topic = Topic { name: "t.fifo".into(), ..Topic::default() };
        for (text, days) in [
            (r#"{"MessageRetentionPeriod":"30"}"#, 30),
            (r#"{"MessageRetentionPeriod":365}"#, 365),
            ("{}", 0),
            ("", 0),
        ] {
            set(&mut topic, text).unwrap();
            assert_eq!((topic.archive_days, topic.archive.is_some()), (days, days > 0), "{text}");
        }
        for bad in [
            "x",
            "[]",
            r#"{"Days":1}"#,
            r#"{"MessageRetentionPeriod":0}"#,
            r#"{"MessageRetentionPeriod":"366"}"#,
        ] {
            assert!(matches!(set(&mut topic, bad), Err(SnsError::Invalid(_))), "{bad}");
        }
        topic.name = "t".into();
        assert_eq!(set(&mut topic, "{}").unwrap_err(), invalid("AttributeName"));
    }

    #[test]
    fn an_archive_begins_when_it_was_switched_on_or_as_many_days_ago_as_it_keeps() {
        let at = Timestamp::from_seconds;
        let topic = Topic { archive_days: 1, archive_since: at(1_000), ..Topic::default() };
        assert_eq!(beginning(&topic, at(2_000)), Some(at(1_000)));
        assert_eq!(beginning(&topic, at(86_400 + 2_000)), Some(at(2_000)));
        assert_eq!(beginning(&Topic::default(), at(5)), None);
    }
}
