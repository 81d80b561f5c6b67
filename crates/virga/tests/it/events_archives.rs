//! EventBridge: archives that keep events, and replays that send them again.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:events:us-east-1:123456789012";
/// The beginning of the tests' clock.
const NOW: i64 = 1_768_478_400;

fn archive(root: &Caller<'_>, more: Value) -> crate::harness::Reply {
    let mut all = json!({ "ArchiveName": "a", "EventSourceArn": format!("{ARN}:event-bus/default") });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("events", "CreateArchive", all)
}

fn send(root: &Caller<'_>, source: &str, number: i64, time: i64) {
    let entry = json!({ "Source": source, "DetailType": "t", "Detail": json!({ "n": number }).to_string(), "Time": time });
    root.call("events", "PutEvents", json!({ "Entries": [entry] })).ok();
}

fn replay(root: &Caller<'_>, name: &str, from: i64, to: i64, rules: &[&str]) -> crate::harness::Reply {
    let mut destination = json!({ "Arn": format!("{ARN}:event-bus/default") });
    if !rules.is_empty() {
        destination["FilterArns"] = rules.iter().map(|rule| format!("{ARN}:rule/{rule}")).collect();
    }
    let ask = json!({
        "ReplayName": name, "EventSourceArn": format!("{ARN}:archive/a"), "EventStartTime": from,
        "EventEndTime": to, "Destination": destination,
    });
    root.call("events", "StartReplay", ask)
}

/// A queue with a rule that sends it all that comes of `app`.
fn queue(root: &Caller<'_>, name: &str) -> String {
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}}"#;
    let made = json!({ "QueueName": name, "Attributes": { "Policy": policy } });
    let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
    root.call("events", "PutRule", json!({ "Name": name, "EventPattern": r#"{"source":["app"]}"# })).ok();
    let target = json!({ "Id": "1", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}") });
    root.call("events", "PutTargets", json!({ "Rule": name, "Targets": [target] })).ok();
    url
}

/// The numbers of the events in a queue, with the names of their replays.
fn received(root: &Caller<'_>, url: &str) -> Vec<(i64, Option<String>)> {
    let mut all = Vec::new();
    loop {
        let found =
            root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).ok();
        let Some(messages) = found["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
            all.sort();
            return all;
        };
        for message in messages {
            let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            all.push((
                event["detail"]["n"].as_i64().unwrap(),
                event["replay-name"].as_str().map(str::to_owned),
            ));
            let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", done).ok();
        }
    }
}

fn count(root: &Caller<'_>) -> i64 {
    let told = root.call("events", "DescribeArchive", json!({ "ArchiveName": "a" })).ok();
    told["EventCount"].as_i64().unwrap()
}

#[test]
fn events_are_sent_again_to_the_rules_that_are_named() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = archive(&root, json!({ "EventPattern": r#"{"source":["app"]}"#, "Description": "d" })).ok();
    assert_eq!(
        (&made["ArchiveArn"], &made["State"]),
        (&json!(format!("{ARN}:archive/a")), &json!("ENABLED"))
    );
    let (first, second) = (queue(&root, "first"), queue(&root, "second"));
    for number in 0..120 {
        send(&root, "app", number, NOW + number);
    }
    send(&root, "other", 1, NOW);
    cloud.reconcile();
    assert_eq!(count(&root), 120);
    assert_eq!((received(&root, &first).len(), received(&root, &second).len()), (120, 120));

    let started = replay(&root, "again", NOW + 10, NOW + 110, &["first"]).ok();
    assert_eq!(started["State"], "STARTING");
    cloud.reconcile();
    cloud.reconcile();
    let expected: Vec<_> = (10..110).map(|number| (number, Some("again".to_owned()))).collect();
    assert_eq!(received(&root, &first), expected);
    assert!(received(&root, &second).is_empty());
    let told = root.call("events", "DescribeReplay", json!({ "ReplayName": "again" })).ok();
    assert_eq!((&told["State"], &told["EventLastReplayedTime"]), (&json!("COMPLETED"), &json!(NOW + 109)));
    assert_eq!(told["Destination"]["FilterArns"], json!([format!("{ARN}:rule/first")]));
    assert_eq!(count(&root), 120, "what is replayed is not archived again");
    replay(&root, "again", NOW, NOW + 1, &[]).refused_with(
        400,
        "ResourceAlreadyExistsException",
        "Replay again already exists.",
    );
    root.call("events", "CancelReplay", json!({ "ReplayName": "again" })).refused_with(
        400,
        "IllegalStatusException",
        "Replay again is not in a valid state for this operation.",
    );
}

#[test]
fn a_replay_is_cancelled() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    archive(&root, json!({})).ok();
    let url = queue(&root, "q");
    send(&root, "app", 1, NOW);
    cloud.reconcile();
    assert_eq!(received(&root, &url).len(), 1);
    replay(&root, "r", NOW - 1, NOW + 1, &[]).ok();
    let told = root.call("events", "CancelReplay", json!({ "ReplayName": "r" })).ok();
    assert_eq!(told["State"], "CANCELLING");
    cloud.reconcile();
    assert!(received(&root, &url).is_empty());
    let listed = root.call("events", "ListReplays", json!({ "State": "CANCELLED" })).ok();
    assert_eq!(listed["Replays"][0]["ReplayName"], "r");
    assert!(listed["Replays"][0]["ReplayEndTime"].is_number());
}

#[test]
fn archived_events_leave_when_their_days_are_over() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = r#"{"source":["app"]}"#;
    archive(&root, json!({ "RetentionDays": 2, "EventPattern": own })).ok();
    for number in 0..60 {
        send(&root, "app", number, NOW);
    }
    cloud.advance(Duration::from_secs(86_400));
    send(&root, "app", 60, NOW);
    cloud.reconcile();
    assert_eq!(count(&root), 61);
    cloud.advance(Duration::from_secs(86_401));
    cloud.reconcile();
    assert_eq!(count(&root), 1);
    root.call("events", "UpdateArchive", json!({ "ArchiveName": "a", "RetentionDays": 0 })).ok();
    cloud.advance(Duration::from_secs(10 * 86_400));
    cloud.reconcile();
    assert_eq!(count(&root), 1);
    root.call("events", "DeleteArchive", json!({ "ArchiveName": "a" })).ok();
    cloud.reconcile();
    // One that is made under the same name begins empty.
    archive(&root, json!({})).ok();
    assert_eq!(count(&root), 0);
}

#[test]
fn what_is_no_archive_or_replay_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    archive(&root, json!({ "EventPattern": "{" })).refused(400, "InvalidEventPatternException");
    let elsewhere = json!({ "EventSourceArn": format!("{ARN}:event-bus/none") });
    archive(&root, elsewhere).refused(400, "ResourceNotFoundException");
    archive(&root, json!({})).ok();
    archive(&root, json!({})).refused_with(
        400,
        "ResourceAlreadyExistsException",
        "Archive a already exists.",
    );
    root.call("events", "DescribeArchive", json!({ "ArchiveName": "b" })).refused_with(
        400,
        "ResourceNotFoundException",
        "Archive b does not exist.",
    );
    replay(&root, "r", NOW, NOW, &[]).refused_with(
        400,
        "ValidationException",
        "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
    );
    root.call("events", "CreateEventBus", json!({ "Name": "other" })).ok();
    let ask = json!({
        "ReplayName": "r", "EventSourceArn": format!("{ARN}:archive/a"), "EventStartTime": NOW,
        "EventEndTime": NOW + 1, "Destination": { "Arn": format!("{ARN}:event-bus/other") },
    });
    root.call("events", "StartReplay", ask).refused_with(
        400,
        "ValidationException",
        "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
    );
    let listed = root.call("events", "ListArchives", json!({ "NamePrefix": "a" })).ok();
    assert_eq!(listed["Archives"][0]["ArchiveName"], "a");
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"events:StartReplay","Resource":"arn:aws:events:*:*:replay/*"}}"#;
    let half = cloud.user(&root, "half", policy);
    replay(&half, "r", NOW, NOW + 1, &[]).refused(400, "AccessDeniedException");
}
