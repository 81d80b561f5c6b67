//! Event buses with a key of KMS.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const BUS: &str = "arn:aws:events:us-east-1:123456789012:event-bus/b";
const SECRET: &str = "correct horse";

/// A key that EventBridge may use for the bus.
fn key(root: &Caller<'_>) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "kms:*", "Resource": "*" },
        {
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Resource": "*",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
            "Condition": { "StringEquals": {
                "aws:SourceArn": BUS, "aws:SourceAccount": ACCOUNT, "kms:EncryptionContext:aws:events:event-bus:arn": BUS,
            } },
        },
    ] });
    let made = root.call("kms", "CreateKey", json!({ "Policy": policy.to_string() })).ok();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn queue(root: &Caller<'_>, name: &str) -> (String, String) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    }] });
    let made = json!({ "QueueName": name, "Attributes": { "Policy": policy.to_string() } });
    let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
    (url, format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"))
}

/// A bus whose events go to a queue.
fn bus(root: &Caller<'_>, key: &str, lost: &str) -> String {
    let made = json!({ "Name": "b", "KmsKeyIdentifier": key, "DeadLetterConfig": { "Arn": lost } });
    let made = root.call("events", "CreateEventBus", made).ok();
    let given = if key.is_empty() { Value::Null } else { json!(key) };
    assert_eq!((&made["KmsKeyIdentifier"], &made["DeadLetterConfig"]["Arn"]), (&given, &json!(lost)));
    let (url, arn) = queue(root, "q");
    let pattern = json!({ "source": ["shop"] }).to_string();
    root.call("events", "PutRule", json!({ "Name": "r", "EventBusName": "b", "EventPattern": pattern })).ok();
    let targets = json!([{ "Id": "q", "Arn": arn }]);
    root.call("events", "PutTargets", json!({ "Rule": "r", "EventBusName": "b", "Targets": targets })).ok();
    url
}

fn put(root: &Caller<'_>) -> Reply {
    put_of(root, "shop")
}

fn put_of(root: &Caller<'_>, source: &str) -> Reply {
    let detail = json!({ "word": SECRET }).to_string();
    let entry = json!({ "Source": source, "DetailType": "t", "Detail": detail, "EventBusName": "b" });
    let reply = root.call("events", "PutEvents", json!({ "Entries": [entry] }));
    assert_eq!(reply.value["FailedEntryCount"], 0);
    reply
}

/// What is in a queue, which is empty then.
fn received(root: &Caller<'_>, url: &str) -> Vec<Value> {
    let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
    let got = root.call("sqs", "ReceiveMessage", asked).ok();
    let all = got["Messages"].as_array().cloned().unwrap_or_default();
    for message in &all {
        let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        root.call("sqs", "DeleteMessage", done).ok();
    }
    all
}

#[test]
fn events_lie_sealed_until_they_are_delivered() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (key, (lost, lost_arn)) = (key(&root), queue(&root, "lost"));
    let url = bus(&root, &key, &lost_arn);
    let shown = root.call("events", "DescribeEventBus", json!({ "Name": "b" })).ok();
    assert_eq!(
        (&shown["KmsKeyIdentifier"], &shown["DeadLetterConfig"]["Arn"]),
        (&json!(key), &json!(lost_arn))
    );
    put(&root);
    assert!(!cloud.holds(SECRET));
    cloud.reconcile();
    let [message] = &received(&root, &url)[..] else { panic!("not one message") };
    assert!(message["Body"].as_str().unwrap().contains(SECRET));
    // On its way when the key goes off: it waits, and is not lost.
    put(&root);
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    cloud.advance(Duration::from_secs(300));
    cloud.reconcile();
    assert!(received(&root, &url).is_empty());
    // What comes now cannot be sealed.
    put(&root);
    let [message] = &received(&root, &lost)[..] else { panic!("not one dead letter") };
    assert!(message["Body"].as_str().unwrap().contains(SECRET));
    let attribute = &message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"];
    assert!(attribute.as_str().unwrap().contains("is disabled"), "{attribute}");
    root.call("kms", "EnableKey", json!({ "KeyId": key })).ok();
    cloud.advance(Duration::from_secs(300));
    cloud.reconcile();
    assert_eq!(received(&root, &url).len(), 1);
    // Without a key it lies as it is.
    root.call("events", "UpdateEventBus", json!({ "Name": "b", "KmsKeyIdentifier": "" })).ok();
    let shown = root.call("events", "DescribeEventBus", json!({ "Name": "b" })).ok();
    assert_eq!(shown["KmsKeyIdentifier"], Value::Null);
    put(&root);
    cloud.reconcile();
    assert_eq!(received(&root, &url).len(), 1);
}

#[test]
fn keys_and_queues_that_cannot_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = |more: Value| {
        let mut all = json!({ "Name": "b" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("events", "CreateEventBus", all)
    };
    // Its policy says nothing of EventBridge.
    let plain = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].clone();
    let words = made(json!({ "KmsKeyIdentifier": plain })).refused(400, "ValidationException");
    assert!(words.contains("kms:GenerateDataKey"), "{words}");
    made(json!({ "KmsKeyIdentifier": "alias/none" })).refused(400, "ValidationException");
    made(json!({ "DeadLetterConfig": { "Arn": "arn:aws:sns:us-east-1:123456789012:t" } }))
        .refused(400, "ValidationException");
    // Archives have keys of their own, of which the same holds.
    let key = key(&root);
    made(json!({ "KmsKeyIdentifier": key })).ok();
    let archive = |more: Value| {
        let mut all = json!({ "ArchiveName": "a", "EventSourceArn": BUS });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("events", "CreateArchive", all)
    };
    archive(json!({ "KmsKeyIdentifier": plain })).refused(400, "ValidationException");
    archive(json!({})).ok();
    let shown = root.call("events", "DescribeArchive", json!({ "ArchiveName": "a" })).ok();
    assert_eq!(shown["KmsKeyIdentifier"], Value::Null);
    root.call("events", "UpdateArchive", json!({ "ArchiveName": "a", "KmsKeyIdentifier": plain }))
        .refused(400, "ValidationException");
}

#[test]
fn archived_events_lie_sealed_until_they_are_replayed() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (key, (lost, lost_arn)) = (key(&root), queue(&root, "lost"));
    let url = bus(&root, "", &lost_arn);
    let made = json!({ "ArchiveName": "a", "EventSourceArn": BUS, "KmsKeyIdentifier": key });
    root.call("events", "CreateArchive", made).ok();
    let describe = || root.call("events", "DescribeArchive", json!({ "ArchiveName": "a" })).ok();
    assert_eq!(describe()["KmsKeyIdentifier"], json!(key));
    // Of which no rule wants to hear.
    put_of(&root, "quiet");
    assert!(!cloud.holds(SECRET));
    put(&root);
    cloud.reconcile();
    assert_eq!(received(&root, &url).len(), 1);
    assert_eq!(describe()["EventCount"], 2);
    let replay = |name: &str| {
        let now = cloud.cloud.clock().now().seconds();
        let asked = json!({
            "ReplayName": name, "EventSourceArn": format!("arn:aws:events:us-east-1:{ACCOUNT}:archive/a"),
            "EventStartTime": now - 86_400, "EventEndTime": now + 1, "Destination": { "Arn": BUS },
        });
        root.call("events", "StartReplay", asked).ok();
        // It goes over the bus, and from there on its way.
        cloud.reconcile();
        cloud.reconcile();
        root.call("events", "DescribeReplay", json!({ "ReplayName": name })).ok()["State"].clone()
    };
    assert_eq!(replay("first"), "COMPLETED");
    let [message] = &received(&root, &url)[..] else { panic!("not one message") };
    assert!(message["Body"].as_str().unwrap().contains(SECRET));
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    cloud.advance(Duration::from_secs(300));
    assert_eq!(replay("second"), "FAILED", "nothing opens what is kept");
    // What comes now is delivered, and cannot be archived.
    put(&root);
    cloud.reconcile();
    assert_eq!((received(&root, &url).len(), received(&root, &lost).len()), (1, 1));
    assert_eq!(describe()["EventCount"], 2);
    // Another key, or none, is for what comes then.
    root.call("kms", "EnableKey", json!({ "KeyId": key })).ok();
    root.call("events", "UpdateArchive", json!({ "ArchiveName": "a", "KmsKeyIdentifier": "" })).ok();
    put(&root);
    assert_eq!((&describe()["EventCount"], &describe()["KmsKeyIdentifier"]), (&json!(3), &Value::Null));
    cloud.advance(Duration::from_secs(300));
    assert_eq!(replay("third"), "COMPLETED");
}
