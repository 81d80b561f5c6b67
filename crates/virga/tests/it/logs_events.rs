//! CloudWatch Logs: events go in, are read, filtered, and age.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
/// Where the cloud's clock begins, in milliseconds.
const NOW: i64 = 1_768_478_400_000;

fn stream(root: &Caller<'_>, name: &str) {
    let _ = root.call("logs", "CreateLogGroup", json!({ "logGroupName": "g" }));
    root.call("logs", "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": name })).ok();
}

fn put(root: &Caller<'_>, name: &str, events: &[(i64, &str)]) -> Reply {
    let events: Vec<Value> =
        events.iter().map(|(at, message)| json!({ "timestamp": NOW + at, "message": message })).collect();
    let asked = json!({ "logGroupName": "g", "logStreamName": name, "logEvents": events });
    root.call("logs", "PutLogEvents", asked)
}

fn with(mut base: Value, more: Value) -> Value {
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

fn get(root: &Caller<'_>, more: Value) -> Value {
    let asked = with(json!({ "logGroupName": "g", "logStreamName": "s" }), more);
    root.call("logs", "GetLogEvents", asked).ok()
}

fn messages(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect()
}

#[test]
fn events_are_read_in_both_directions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    stream(&root, "s");
    put(&root, "s", &[(1, "one"), (2, "two"), (2, "two again"), (3, "three")]).ok();
    put(&root, "s", &[(0, "zero"), (5, "five")]).ok();
    let all = get(&root, json!({ "startFromHead": true }));
    assert_eq!(messages(&all), ["zero", "one", "two", "two again", "three", "five"]);
    assert_eq!(all["events"][1], json!({ "timestamp": NOW + 1, "message": "one", "ingestionTime": NOW }));

    let tail = get(&root, json!({ "limit": 2 }));
    assert_eq!(messages(&tail), ["three", "five"]);
    let back = get(&root, json!({ "limit": 3, "nextToken": tail["nextBackwardToken"] }));
    assert_eq!(messages(&back), ["one", "two", "two again"]);
    let forth = get(&root, json!({ "nextToken": back["nextForwardToken"] }));
    assert_eq!(messages(&forth), ["three", "five"]);
    // At an end the token that was given comes back.
    let end = get(&root, json!({ "nextToken": forth["nextForwardToken"] }));
    assert_eq!(messages(&end), Vec::<&str>::new());
    assert_eq!(end["nextForwardToken"], forth["nextForwardToken"]);
    put(&root, "s", &[(9, "nine")]).ok();
    assert_eq!(messages(&get(&root, json!({ "nextToken": end["nextForwardToken"] }))), ["nine"]);

    let between = json!({ "startTime": NOW + 2, "endTime": NOW + 3, "startFromHead": true });
    assert_eq!(messages(&get(&root, between)), ["two", "two again"]);
    for token in ["x", "f/1/s", "f/99999999999999999999999999999999999999999999999999999999/s"] {
        let asked = json!({ "logGroupName": "g", "logStreamName": "s", "nextToken": token });
        root.call("logs", "GetLogEvents", asked).refused_with(
            400,
            "InvalidParameterException",
            "The specified nextToken is invalid.",
        );
    }
}

#[test]
fn batches_that_are_not_taken() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    stream(&root, "s");
    let refused = |events: &[(i64, &str)], message: &str| {
        put(&root, "s", events).refused_with(400, "InvalidParameterException", message);
    };
    refused(
        &[(2, "a"), (1, "b")],
        "Log events in a single PutLogEvents request must be in chronological order.",
    );
    refused(
        &[(-86_400_001, "a"), (0, "b")],
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
    );
    let long = "x".repeat(1_048_576 - 26);
    put(&root, "s", &[(0, &long)]).ok();
    let longer = format!("{long}x");
    refused(&[(0, &longer)], "Upload too large: 1048577 bytes exceeds limit of 1048576");
    let none = json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": [] });
    root.call("logs", "PutLogEvents", none).refused(400, "InvalidParameterException");
    put(&root, "missing", &[(0, "a")]).refused_with(
        400,
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    );
}

#[test]
fn events_out_of_time_are_told_of_and_left_out() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    stream(&root, "s");
    let day = 86_400_000;
    let old = put(&root, "s", &[(-14 * day - 1, "too old"), (-14 * day, "just")]).ok();
    assert_eq!(old["rejectedLogEventsInfo"], json!({ "tooOldLogEventEndIndex": 1 }));
    let new = put(&root, "s", &[(0, "now"), (7_200_000, "just"), (7_200_001, "too new")]).ok();
    assert_eq!(new["rejectedLogEventsInfo"], json!({ "tooNewLogEventStartIndex": 2 }));
    assert_eq!(messages(&get(&root, json!({ "startFromHead": true }))), ["just", "now", "just"]);
    let week = json!({ "logGroupName": "g", "retentionInDays": 7 });
    root.call("logs", "PutRetentionPolicy", week).ok();
    let expired = put(&root, "s", &[(-8 * day, "expired"), (-8 * day + 1, "too")]).ok();
    assert_eq!(expired["rejectedLogEventsInfo"], json!({ "expiredLogEventEndIndex": 2 }));
}

#[test]
fn retention_goes_by_the_clouds_clock() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    stream(&root, "s");
    put(&root, "s", &[(0, "first"), (3_600_000, "later")]).ok();
    let bytes = || {
        root.call("logs", "DescribeLogGroups", json!({})).ok()["logGroups"][0]["storedBytes"]
            .as_i64()
            .unwrap()
    };
    assert_eq!(bytes(), 10 + 52);
    root.call("logs", "PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 1 })).ok();
    cloud.advance(Duration::from_secs(86_400 + 1));
    // Not shown, whether or not anybody has cleaned up.
    assert_eq!(messages(&get(&root, json!({ "startFromHead": true }))), ["later"]);
    cloud.reconcile();
    assert_eq!(bytes(), 5 + 26);
    root.call("logs", "DeleteRetentionPolicy", json!({ "logGroupName": "g" })).ok();
    assert_eq!(messages(&get(&root, json!({ "startFromHead": true }))), ["later"], "it is gone for good");
}

#[test]
fn what_is_deleted_is_swept_away() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    stream(&root, "s");
    stream(&root, "t");
    put(&root, "s", &[(0, "one")]).ok();
    put(&root, "t", &[(0, "two")]).ok();
    let events = || {
        use store::Read;
        let range = store::KeyRange::prefix(&[0x15, 0x03]);
        cloud.cloud.store().snapshot().scan(range, store::Direction::Forward).count()
    };
    assert_eq!(events(), 2);
    root.call("logs", "DeleteLogStream", json!({ "logGroupName": "g", "logStreamName": "t" })).ok();
    cloud.reconcile();
    assert_eq!(events(), 1);
    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "g" })).ok();
    stream(&root, "s");
    assert_eq!(
        messages(&get(&root, json!({}))),
        Vec::<&str>::new(),
        "a new group has nothing of the old one"
    );
    cloud.reconcile();
    assert_eq!(events(), 0);
}

#[test]
fn filters_span_streams_and_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    ["a", "b", "c"].iter().for_each(|name| stream(&root, name));
    put(&root, "a", &[(1, "ERROR one"), (4, "fine")]).ok();
    put(&root, "b", &[(1, "ERROR two"), (3, "ERROR three")]).ok();
    put(&root, "c", &[(2, "ERROR four"), (9, r#"{"status":500}"#)]).ok();
    let filter =
        |more: Value| root.call("logs", "FilterLogEvents", with(json!({ "logGroupName": "g" }), more));
    let found = |more: Value| {
        let answer = filter(more).ok();
        messages(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let errors = ["ERROR one", "ERROR two", "ERROR four", "ERROR three"];
    assert_eq!(found(json!({ "filterPattern": "ERROR" })), errors);
    assert_eq!(found(json!({ "filterPattern": "{ $.status >= 500 }" })), [r#"{"status":500}"#]);
    assert_eq!(
        found(json!({ "logStreamNames": ["c", "a"], "filterPattern": "ERROR" })),
        ["ERROR one", "ERROR four"]
    );
    assert_eq!(found(json!({ "logStreamNamePrefix": "b" })), ["ERROR two", "ERROR three"]);
    assert_eq!(found(json!({ "startTime": NOW + 2, "endTime": NOW + 3 })), ["ERROR four", "ERROR three"]);

    let (mut seen, mut token) = (Vec::new(), None::<Value>);
    loop {
        let mut asked = json!({ "filterPattern": "ERROR", "limit": 1 });
        if let Some(token) = &token {
            asked["nextToken"] = token.clone();
        }
        let page = filter(asked).ok();
        assert_eq!(page["searchedLogStreams"], json!([]));
        seen.extend(page["events"].as_array().unwrap().iter().map(|e| e["message"].clone()));
        token = page.get("nextToken").cloned();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, errors);

    let both = json!({ "logStreamNames": ["a"], "logStreamNamePrefix": "b" });
    filter(both).refused(400, "InvalidParameterException");
    filter(json!({ "logStreamNames": ["missing"] })).refused(400, "ResourceNotFoundException");
    filter(json!({ "filterPattern": "a-b" })).refused_with(
        400,
        "InvalidParameterException",
        "Invalid character(s) in term 'a-b'",
    );
}

#[test]
fn an_event_is_found_by_its_pointer_by_its_owner_only() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    stream(&root, "s");
    put(&root, "s", &[(1, "one")]).ok();
    let found = root.call("logs", "FilterLogEvents", json!({ "logGroupName": "g" })).ok();
    let pointer = json!({ "logRecordPointer": found["events"][0]["eventId"] });
    let record = root.call("logs", "GetLogRecord", pointer.clone()).ok()["logRecord"].clone();
    assert_eq!(record["@message"], "one");
    assert_eq!(record["@log"], "123456789012:g");
    let stranger = cloud.root("210987654321");
    stranger.call("logs", "GetLogRecord", pointer).refused(400, "ResourceNotFoundException");
}

#[test]
fn patterns_can_be_tried() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let asked = json!({
        "filterPattern": "[ip, ..., status=4*, bytes]",
        "logEventMessages": ["1.1.1.1 - x 200 1", "2.2.2.2 - x 404 2"],
    });
    let answer = root.call("logs", "TestMetricFilter", asked).ok();
    assert_eq!(answer["matches"].as_array().unwrap().len(), 1);
    assert_eq!(answer["matches"][0]["eventNumber"], 2);
    assert_eq!(answer["matches"][0]["extractedValues"]["$status"], "404");
}
