//! Archives of FIFO topics, and their replays.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const DAY: Duration = Duration::from_secs(86_400);

fn topic(root: &Caller<'_>, attributes: Value) -> String {
    let mut all = json!({ "FifoTopic": "true", "ContentBasedDeduplication": "true" });
    all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    let made = root.call("sns", "CreateTopic", json!({ "Name": "news.fifo", "Attributes": all })).ok();
    made["TopicArn"].as_str().unwrap().to_owned()
}

fn archived(root: &Caller<'_>) -> String {
    topic(root, json!({ "ArchivePolicy": r#"{"MessageRetentionPeriod":"2"}"# }))
}

/// A standard queue, which takes what comes as often as it comes.
fn queue(root: &Caller<'_>, name: &str) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let asked = json!({ "QueueName": name, "Attributes": { "Policy": policy.to_string() } });
    root.call("sqs", "CreateQueue", asked).ok();
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn subscribe(root: &Caller<'_>, topic: &str, endpoint: &str, attributes: Value) -> Reply {
    let asked =
        json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes });
    root.call("sns", "Subscribe", asked)
}

fn publish(root: &Caller<'_>, topic: &str, message: &str) -> Value {
    let asked = json!({ "TopicArn": topic, "Message": message, "MessageGroupId": "g" });
    root.call("sns", "Publish", asked).ok()
}

/// What has come into a queue since it was last asked.
fn receive(root: &Caller<'_>, queue: &str) -> Vec<Value> {
    let mut out = Vec::new();
    loop {
        let asked = json!({ "QueueUrl": queue.rsplit(':').next().unwrap(), "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
        let got = root.call("sqs", "ReceiveMessage", asked).ok();
        match got.get("Messages").and_then(Value::as_array) {
            Some(all) if !all.is_empty() => out.extend(all.clone()),
            _ => return out,
        }
    }
}

fn envelopes(root: &Caller<'_>, queue: &str) -> Vec<Value> {
    receive(root, queue).iter().map(|m| serde_json::from_str(m["Body"].as_str().unwrap()).unwrap()).collect()
}

fn words(envelopes: &[Value]) -> Vec<&str> {
    envelopes.iter().map(|e| e["Message"].as_str().unwrap()).collect()
}

fn attribute(root: &Caller<'_>, operation: &str, member: &str, arn: &str, name: &str) -> Option<String> {
    let got = root.call("sns", operation, json!({ member: arn })).ok();
    let all = got["Attributes"].as_array().unwrap().clone();
    let found = all.iter().find(|entry| entry["key"] == name)?;
    found["value"].as_str().map(str::to_owned)
}

fn of_topic(root: &Caller<'_>, arn: &str, name: &str) -> Option<String> {
    attribute(root, "GetTopicAttributes", "TopicArn", arn, name)
}

fn of_subscription(root: &Caller<'_>, arn: &str, name: &str) -> Option<String> {
    attribute(root, "GetSubscriptionAttributes", "SubscriptionArn", arn, name)
}

fn set(root: &Caller<'_>, subscription: &str, policy: &str) -> Reply {
    let asked =
        json!({ "SubscriptionArn": subscription, "AttributeName": "ReplayPolicy", "AttributeValue": policy });
    root.call("sns", "SetSubscriptionAttributes", asked)
}

fn set_topic(root: &Caller<'_>, topic: &str, policy: &str) -> Reply {
    let asked = json!({ "TopicArn": topic, "AttributeName": "ArchivePolicy", "AttributeValue": policy });
    root.call("sns", "SetTopicAttributes", asked)
}

fn since(time: &str) -> String {
    json!({ "PointType": "Timestamp", "StartingPoint": time }).to_string()
}

#[test]
fn a_new_subscription_gets_what_was_published_before_it_and_then_what_comes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = archived(&root);
    let queue = queue(&root, "q");
    let begins = of_topic(&root, &topic, "BeginningArchiveTime").unwrap();
    let sent: Vec<Value> = (0..250).map(|n| publish(&root, &topic, &format!("m{n:03}"))).collect();
    let made = subscribe(&root, &topic, &queue, json!({ "ReplayPolicy": since(&begins) })).ok();
    let own = made["SubscriptionArn"].as_str().unwrap();
    assert_eq!(of_subscription(&root, own, "ReplayStatus").as_deref(), Some("Pending"));
    // While the replay waits, what is published waits for its turn.
    publish(&root, &topic, "m250");
    cloud.reconcile();
    assert_eq!(of_subscription(&root, own, "ReplayStatus").as_deref(), Some("Completed"));
    assert_eq!(of_subscription(&root, own, "ReplayPolicy"), Some(since(&begins)));
    let got = envelopes(&root, &queue);
    let expected: Vec<String> = (0..=250).map(|n| format!("m{n:03}")).collect();
    assert_eq!(words(&got), expected);
    for (one, original) in got.iter().zip(&sent) {
        assert_eq!((&one["MessageId"], &one["Replayed"]), (&original["MessageId"], &json!("true")));
        assert_eq!(one["SequenceNumber"], original["SequenceNumber"]);
    }
    publish(&root, &topic, "live");
    cloud.reconcile();
    let got = envelopes(&root, &queue);
    assert_eq!((words(&got), got[0].get("Replayed")), (vec!["live"], None));
}

#[test]
fn a_replay_that_ends_brings_what_lies_between_through_the_filter_and_then_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = archived(&root);
    let queue = queue(&root, "q");
    let own = subscribe(&root, &topic, &queue, json!({ "RawMessageDelivery": "true" })).ok();
    let own = own["SubscriptionArn"].as_str().unwrap();
    let mut times = Vec::new();
    for n in 0..6 {
        times.push(of_topic_time(&cloud));
        publish(&root, &topic, &json!({ "n": n }).to_string());
        cloud.advance(Duration::from_secs(10));
    }
    cloud.reconcile();
    assert_eq!(receive(&root, &queue).len(), 6);
    for (name, value) in
        [("FilterPolicyScope", "MessageBody"), ("FilterPolicy", r#"{"n":[{"numeric":[">",1]}]}"#)]
    {
        let asked = json!({ "SubscriptionArn": own, "AttributeName": name, "AttributeValue": value });
        root.call("sns", "SetSubscriptionAttributes", asked).ok();
    }
    let policy = json!({ "PointType": "Timestamp", "StartingPoint": times[1], "EndingPoint": times[5] });
    set(&root, own, &policy.to_string()).ok();
    cloud.reconcile();
    let got = receive(&root, &queue);
    let bodies: Vec<&str> = got.iter().map(|m| m["Body"].as_str().unwrap()).collect();
    assert_eq!(bodies, [r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#]);
    assert!(got[0].to_string().contains("Replayed"), "{}", got[0]);
    publish(&root, &topic, r#"{"n":9}"#);
    cloud.reconcile();
    assert_eq!(receive(&root, &queue), Vec::<Value>::new());
    // Without its policy the subscription gets what is published again.
    set(&root, own, "{}").ok();
    assert_eq!(of_subscription(&root, own, "ReplayStatus"), None);
    publish(&root, &topic, r#"{"n":10}"#);
    cloud.reconcile();
    assert_eq!(receive(&root, &queue).len(), 1);
}

/// Half a second back, so that what is published now lies behind it.
fn of_topic_time(cloud: &Cloud) -> String {
    cloud.cloud.clock().now().minus(Duration::from_millis(500)).iso8601_millis()
}

#[test]
fn archives_forget_what_is_older_than_they_keep_and_all_when_they_end() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = archived(&root);
    let queue = queue(&root, "q");
    let began = of_topic(&root, &topic, "BeginningArchiveTime").unwrap();
    publish(&root, &topic, "old");
    cloud.advance(DAY + DAY / 2);
    publish(&root, &topic, "new");
    cloud.advance(DAY);
    let begins = of_topic(&root, &topic, "BeginningArchiveTime").unwrap();
    assert!(begins > began, "{begins} {began}");
    let own = subscribe(&root, &topic, &queue, json!({})).ok();
    let own = own["SubscriptionArn"].as_str().unwrap();
    let words_of = |what: &str| format!("Invalid parameter: ReplayPolicy: {what}");
    let refused = |policy: &str, what: &str| {
        set(&root, own, policy).refused_with(400, "InvalidParameter", &words_of(what));
    };
    refused(&since(&began), "Invalid StartingPoint value");
    refused("{", "Unable to parse JSON");
    refused(r#"{"PointType":"Timestamp"}"#, "JSON is missing required fields");
    refused(r#"{"PointType":"Day","StartingPoint":"x"}"#, "Invalid PointType");
    cloud.reconcile();
    set(&root, own, &since(&begins)).ok();
    cloud.reconcile();
    assert_eq!(words(&envelopes(&root, &queue)), ["new"]);
    let delete = || root.call("sns", "DeleteTopic", json!({ "TopicArn": topic }));
    let words = "Invalid state: Cannot delete a topic with an ArchivePolicy";
    delete().refused_with(400, "InvalidState", words);
    set_topic(&root, &topic, "{}").ok();
    assert_eq!(of_topic(&root, &topic, "ArchivePolicy"), None);
    assert_eq!(of_topic(&root, &topic, "BeginningArchiveTime"), None);
    refused(&since(&begins), "Topic does not have an ArchivePolicy");
    cloud.reconcile();
    // A new archive has nothing of the old one.
    set_topic(&root, &topic, r#"{"MessageRetentionPeriod":1}"#).ok();
    let begins = of_topic(&root, &topic, "BeginningArchiveTime").unwrap();
    set(&root, own, &since(&begins)).ok();
    cloud.reconcile();
    assert_eq!(envelopes(&root, &queue), Vec::<Value>::new());
    set_topic(&root, &topic, "").ok();
    delete().ok();
}

#[test]
fn policies_that_no_topic_takes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root, json!({}));
    for (policy, what) in [
        ("x", "ArchivePolicy: Unable to parse JSON"),
        ("[]", "ArchivePolicy: JSON is missing required fields"),
        (r#"{"MessageRetentionPeriod":366}"#, "ArchivePolicy: MessageRetentionPeriod value is invalid"),
    ] {
        let words = format!("Invalid parameter: {what}");
        set_topic(&root, &topic, policy).refused_with(400, "InvalidParameter", &words);
    }
    let standard = root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok();
    let standard = standard["TopicArn"].as_str().unwrap();
    set_topic(&root, standard, r#"{"MessageRetentionPeriod":1}"#).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: AttributeName",
    );
    let own = subscribe(&root, standard, &queue(&root, "q"), json!({})).ok();
    set(&root, own["SubscriptionArn"].as_str().unwrap(), "{}").refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: AttributeName",
    );
}
