//! Topics whose messages are encrypted under a key of KMS.

use crate::harness::{Caller, Cloud, MASTER, Reply, START};
use base::{Clock, Rng};
use kernel::Settings;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:t";
const SECRET: &str = "correct horse";

fn allow(actions: &[&str]) -> String {
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
}

/// A topic with a key, and a queue that hears of it.
fn set_up(cloud: &Cloud) -> (Caller<'_>, String, String) {
    let root = cloud.root(ACCOUNT);
    let key =
        root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let attributes = json!({ "KmsMasterKeyId": key });
    root.call("sns", "CreateTopic", json!({ "Name": "t", "Attributes": attributes })).ok();
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    }] });
    let made = json!({ "QueueName": "q", "Attributes": { "Policy": policy.to_string() } });
    let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
    let subscribed = json!({
        "TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:123456789012:q",
        "Attributes": { "RawMessageDelivery": "true" },
    });
    root.call("sns", "Subscribe", subscribed).ok();
    (root, key, url)
}

fn publish(caller: &Caller<'_>) -> Reply {
    caller.call("sns", "Publish", json!({ "TopicArn": TOPIC, "Message": SECRET }))
}

fn received(root: &Caller<'_>, url: &str) -> Vec<String> {
    let asked = json!({ "QueueUrl": url, "VisibilityTimeout": 0, "MaxNumberOfMessages": 10 });
    let got = root.call("sqs", "ReceiveMessage", asked).ok();
    let all = got["Messages"].as_array().cloned().unwrap_or_default();
    all.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn who_publishes_needs_the_key() {
    let cloud = Cloud::new();
    let (root, _, url) = set_up(&cloud);
    let sender = cloud.user(&root, "sender", &allow(&["sns:*", "kms:GenerateDataKey", "kms:Decrypt"]));
    let half = cloud.user(&root, "half", &allow(&["sns:*", "kms:GenerateDataKey"]));
    let none = cloud.user(&root, "none", &allow(&["sns:*"]));
    publish(&sender).ok();
    assert!(!cloud.holds(SECRET), "it lies sealed until it is delivered");
    cloud.reconcile();
    assert_eq!(received(&root, &url), [SECRET]);
    let words = publish(&none).refused(400, "KMSAccessDenied");
    assert!(words.contains("is not authorized to perform: kms:GenerateDataKey"), "{words}");
    let words = publish(&half).refused(400, "KMSAccessDenied");
    assert!(words.contains("is not authorized to perform: kms:Decrypt"), "{words}");
    let entries = json!([{ "Id": "a", "Message": "x" }]);
    let batch = json!({ "TopicArn": TOPIC, "PublishBatchRequestEntries": entries });
    let answer = none.call("sns", "PublishBatch", batch);
    assert!(String::from_utf8_lossy(&answer.body).contains("<Code>KMSAccessDenied</Code>"));
}

#[test]
fn a_data_key_serves_for_five_minutes() {
    let cloud = Cloud::new();
    let (root, key, url) = set_up(&cloud);
    publish(&root).ok();
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    publish(&root).ok();
    cloud.advance(Duration::from_secs(300));
    publish(&root).refused(400, "KMSDisabled");
    cloud.reconcile();
    assert_eq!(received(&root, &url), [SECRET, SECRET]);
    root.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 })).ok();
    publish(&root).refused(400, "KMSInvalidState");
    let set = |key: &str| {
        let asked = json!({ "TopicArn": TOPIC, "AttributeName": "KmsMasterKeyId", "AttributeValue": key });
        root.call("sns", "SetTopicAttributes", asked).ok();
    };
    let shown = || root.call("sns", "GetTopicAttributes", json!({ "TopicArn": TOPIC })).body;
    set("alias/none");
    assert!(String::from_utf8_lossy(&shown()).contains("<value>alias/none</value>"));
    publish(&root).refused(400, "KMSNotFound");
    // The key that SNS has itself.
    set("alias/aws/sns");
    publish(&root).ok();
    assert!(!cloud.holds("battery staple"));
    set("");
    assert!(!String::from_utf8_lossy(&shown()).contains("KmsMasterKeyId"));
    publish(&root).ok();
    assert!(cloud.holds(SECRET), "without a key it lies as it is");
}

/// The same store, of a process that remembers nothing.
fn again(store: &store::Store) -> Cloud {
    let (blobs, clock) = (Arc::new(blob::Memory::default()), Clock::frozen(START));
    let settings = Settings { strict: true, ..Settings::default() };
    let cloud = virga::wiring::cloud(store.clone(), blobs, clock, Rng::seeded(8), &MASTER, settings);
    Cloud::around(cloud.unwrap())
}

#[test]
fn what_waits_over_a_restart_waits_for_the_next_publisher() {
    let store = store::Store::memory();
    let cloud = again(&store);
    let (root, _, url) = set_up(&cloud);
    publish(&root).ok();
    drop(cloud);
    let cloud = again(&store);
    let root = cloud.root(ACCOUNT);
    // The key's policy does not speak of SNS.
    cloud.reconcile();
    assert!(received(&root, &url).is_empty());
    assert!(!cloud.holds(SECRET));
    publish(&root).ok();
    cloud.reconcile();
    assert_eq!(received(&root, &url), [SECRET, SECRET]);
}

#[test]
fn a_key_that_sns_may_use_itself_lets_it_go_on() {
    let store = store::Store::memory();
    let cloud = again(&store);
    let (root, key, url) = set_up(&cloud);
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "kms:Decrypt", "Resource": "*" },
    ] });
    root.call("kms", "PutKeyPolicy", json!({ "KeyId": key, "Policy": policy.to_string() })).ok();
    publish(&root).ok();
    drop(cloud);
    let cloud = again(&store);
    cloud.reconcile();
    assert_eq!(received(&cloud.root(ACCOUNT), &url), [SECRET]);
}

#[test]
fn archived_messages_lie_sealed_until_they_are_replayed() {
    let cloud = Cloud::new();
    let (root, key, url) = set_up(&cloud);
    let archive = r#"{"MessageRetentionPeriod":"1"}"#;
    let attributes = json!({ "FifoTopic": "true", "ArchivePolicy": archive, "KmsMasterKeyId": key });
    root.call("sns", "CreateTopic", json!({ "Name": "t.fifo", "Attributes": attributes })).ok();
    let arn = format!("{TOPIC}.fifo");
    let publish = |caller: &Caller<'_>, word: &str| {
        let group = json!({ "MessageGroupId": "g", "MessageDeduplicationId": word });
        let mut asked = json!({ "TopicArn": arn, "Message": format!("{SECRET} {word}") });
        asked.as_object_mut().unwrap().extend(group.as_object().unwrap().clone());
        caller.call("sns", "Publish", asked).ok()
    };
    let begins = cloud.cloud.clock().now().iso8601_millis();
    publish(&root, "a");
    cloud.advance(Duration::from_secs(300));
    publish(&root, "b");
    assert!(!cloud.holds(SECRET));
    let policy = json!({ "PointType": "Timestamp", "StartingPoint": begins }).to_string();
    let asked = json!({
        "TopicArn": arn, "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:123456789012:q",
        "Attributes": { "RawMessageDelivery": "true", "ReplayPolicy": policy },
    });
    let own = root.call("sns", "Subscribe", asked).ok()["SubscriptionArn"].as_str().unwrap().to_owned();
    // A process that has opened no key: SNS may not, so the replay waits for whoever publishes.
    let cloud = again(cloud.cloud.store());
    let root = cloud.root(ACCOUNT);
    cloud.advance(Duration::from_secs(310));
    cloud.reconcile();
    assert_eq!(received(&root, &url), [""; 0]);
    publish(&root, "c");
    assert!(!cloud.holds(SECRET));
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    let mut got = received(&root, &url);
    got.sort();
    assert_eq!(got, ["a", "b", "c"].map(|word| format!("{SECRET} {word}")));
    let shown = root.call("sns", "GetSubscriptionAttributes", json!({ "SubscriptionArn": own })).body;
    assert!(String::from_utf8_lossy(&shown).contains("<value>Completed</value>"));
}
