//! Delivery policies: how often, when, how fast and as what an HTTP endpoint gets its messages.

use crate::endpoint::Endpoint;
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:dead";

/// A topic with this policy.
fn topic(root: &Caller<'_>, policy: Value) -> String {
    let attributes = json!({ "DeliveryPolicy": policy.to_string() });
    let made = root.call("sns", "CreateTopic", json!({ "Name": "news", "Attributes": attributes })).ok();
    made["TopicArn"].as_str().unwrap().to_owned()
}

/// Subscribes the endpoint, which confirms; the subscription's ARN.
fn hook(cloud: &Cloud, topic: &str, endpoint: &Endpoint, attributes: Value) -> String {
    let root = cloud.root(ACCOUNT);
    let asked = json!({
        "TopicArn": topic, "Protocol": "http", "Endpoint": endpoint.url("/"), "Attributes": attributes, "ReturnSubscriptionArn": true,
    });
    let arn = root.call("sns", "Subscribe", asked).ok()["SubscriptionArn"].as_str().unwrap().to_owned();
    let confirmation = endpoint.call(cloud, 200);
    // What a policy says is about notifications.
    assert_eq!(confirmation.header("Content-Type"), Some("text/plain; charset=UTF-8"));
    let token = confirmation.document()["Token"].clone();
    root.call("sns", "ConfirmSubscription", json!({ "TopicArn": topic, "Token": token })).ok();
    arn
}

fn publish(cloud: &Cloud, topic: &str, message: &str) {
    let root = cloud.root(ACCOUNT);
    root.call("sns", "Publish", json!({ "TopicArn": topic, "Message": message })).ok();
}

/// A queue for what could not be delivered.
fn dead_letters(root: &Caller<'_>) -> Value {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let attributes = json!({ "Policy": policy.to_string() });
    root.call("sqs", "CreateQueue", json!({ "QueueName": "dead", "Attributes": attributes })).ok();
    json!(json!({ "deadLetterTargetArn": QUEUE }).to_string())
}

fn died(root: &Caller<'_>) -> usize {
    let asked = json!({ "QueueUrl": "dead", "AttributeNames": ["All"] });
    let got = root.call("sqs", "GetQueueAttributes", asked).ok();
    got["Attributes"]["ApproximateNumberOfMessages"].as_str().unwrap().parse().unwrap()
}

fn effective(caller: &Caller<'_>, operation: &str, member: &str, arn: &str) -> Value {
    let got = caller.call("sns", operation, json!({ member: arn })).ok();
    let all = got["Attributes"].as_array().unwrap();
    let found = all.iter().find(|entry| entry["key"] == "EffectiveDeliveryPolicy").unwrap();
    serde_json::from_str(found["value"].as_str().unwrap()).unwrap()
}

fn set(caller: &Caller<'_>, arn: &str, name: &str, value: &str) -> Reply {
    let asked = json!({ "SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value });
    caller.call("sns", "SetSubscriptionAttributes", asked)
}

#[test]
fn retries_come_in_their_phases_and_end_in_the_dead_letters() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let redrive = dead_letters(&root);
    let topic = topic(&root, json!({}));
    let retry = json!({
        "minDelayTarget": 2, "maxDelayTarget": 9, "numRetries": 6, "numNoDelayRetries": 1, "numMinDelayRetries": 1,
        "numMaxDelayRetries": 1, "backoffFunction": "linear",
    });
    let own = json!({ "healthyRetryPolicy": retry }).to_string();
    let endpoint = Endpoint::new();
    hook(&cloud, &topic, &endpoint, json!({ "DeliveryPolicy": own, "RedrivePolicy": redrive }));
    publish(&cloud, &topic, "hello");
    endpoint.call(&cloud, 500);
    // The whole seconds nearest to 2, 5.5 and 9 in the phase that backs off.
    for wait in [0, 2, 2, 6, 9, 9] {
        assert_eq!(died(&root), 0);
        if wait > 0 {
            cloud.advance(Duration::from_secs(wait - 1));
            assert!(endpoint.calls(&cloud, 500).is_empty(), "before {wait} seconds were over");
            cloud.advance(Duration::from_secs(1));
        }
        assert_eq!(endpoint.call(&cloud, 429).document()["Message"], "hello");
    }
    assert_eq!(died(&root), 1);
    cloud.advance(Duration::from_secs(3_600));
    assert!(endpoint.calls(&cloud, 200).is_empty());
}

#[test]
fn what_the_endpoint_refuses_is_not_tried_again() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let redrive = dead_letters(&root);
    let topic = topic(&root, json!({}));
    let endpoint = Endpoint::new();
    hook(&cloud, &topic, &endpoint, json!({ "RedrivePolicy": redrive }));
    for (count, status) in [400, 404, 301].into_iter().enumerate() {
        publish(&cloud, &topic, "hello");
        endpoint.call(&cloud, status);
        assert_eq!(died(&root), count + 1, "{status}");
    }
    cloud.advance(Duration::from_secs(3_600));
    assert!(endpoint.calls(&cloud, 200).is_empty());
}

#[test]
fn a_second_brings_no_more_than_the_throttle_lets_through() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root, json!({ "http": { "defaultThrottlePolicy": { "maxReceivesPerSecond": 3 } } }));
    let (slow, free) = (Endpoint::new(), Endpoint::new());
    hook(&cloud, &topic, &slow, json!({}));
    cloud.advance(Duration::from_secs(1));
    let own = json!({ "throttlePolicy": { "maxReceivesPerSecond": 100 } }).to_string();
    hook(&cloud, &topic, &free, json!({ "DeliveryPolicy": own }));
    for n in 0..7 {
        publish(&cloud, &topic, &n.to_string());
    }
    std::thread::scope(|scope| {
        // Both are called by the same run.
        let other = scope.spawn(|| free.listen(7).len());
        assert_eq!(slow.calls(&cloud, 200).len(), 3);
        assert_eq!(other.join().unwrap(), 7);
    });
    assert_eq!(slow.calls(&cloud, 200).len(), 0);
    for left in [3, 1, 0] {
        cloud.advance(Duration::from_secs(1));
        assert_eq!(slow.calls(&cloud, 200).len(), left);
    }
}

#[test]
fn a_notification_is_what_its_policy_says() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let of = |kind: &str| json!({ "requestPolicy": { "headerContentType": kind } }).to_string();
    let topic = topic(
        &root,
        json!({ "http": { "defaultRequestPolicy": { "headerContentType": "application/json" } } }),
    );
    let endpoint = Endpoint::new();
    let arn = hook(&cloud, &topic, &endpoint, json!({}));
    let kind = || {
        publish(&cloud, &topic, "hello");
        endpoint.call(&cloud, 200).header("Content-Type").unwrap().to_owned()
    };
    assert_eq!(kind(), "application/json");
    let words = "Invalid parameter: DeliveryPolicy: requestPolicy.headerContentType: the value [text/csv] is not a valid content type. Must be one of application/json, text/plain.";
    set(&root, &arn, "DeliveryPolicy", &of("text/csv")).refused_with(400, "InvalidParameter", words);
    set(&root, &arn, "RawMessageDelivery", "true").ok();
    set(&root, &arn, "DeliveryPolicy", &of("text/csv")).ok();
    assert_eq!(kind(), "text/csv");
    set(&root, &arn, "RawMessageDelivery", "false").refused_with(400, "InvalidParameter", words);
    set(&root, &arn, "DeliveryPolicy", "").ok();
    assert_eq!(kind(), "application/json");
}

#[test]
fn a_topic_may_have_the_last_word() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let redrive = dead_letters(&root);
    let http = |no_overrides: bool| json!({ "http": { "defaultHealthyRetryPolicy": { "numRetries": 0 }, "disableSubscriptionOverrides": no_overrides } });
    let topic = topic(&root, http(true));
    let endpoint = Endpoint::new();
    let own = json!({ "healthyRetryPolicy": { "numRetries": 5 } }).to_string();
    let arn = hook(&cloud, &topic, &endpoint, json!({ "DeliveryPolicy": own, "RedrivePolicy": redrive }));
    let retries = || {
        let effective = effective(&root, "GetSubscriptionAttributes", "SubscriptionArn", &arn);
        effective["healthyRetryPolicy"]["numRetries"].clone()
    };
    assert_eq!(retries(), 0);
    let shown = effective(&root, "GetTopicAttributes", "TopicArn", &topic);
    assert_eq!(shown["http"]["disableSubscriptionOverrides"], true);
    assert_eq!(
        shown["http"]["defaultHealthyRetryPolicy"],
        json!({
            "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 0, "numMaxDelayRetries": 0,
            "numNoDelayRetries": 0, "numMinDelayRetries": 0, "backoffFunction": "linear",
        })
    );
    publish(&cloud, &topic, "hello");
    endpoint.call(&cloud, 500);
    assert_eq!(died(&root), 1);
    let asked = json!({ "TopicArn": topic, "AttributeName": "DeliveryPolicy", "AttributeValue": http(false).to_string() });
    root.call("sns", "SetTopicAttributes", asked).ok();
    assert_eq!(retries(), 5);
    publish(&cloud, &topic, "hello");
    endpoint.call(&cloud, 500);
    assert_eq!(died(&root), 1);
}

#[test]
fn policies_that_cannot_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let make = |policy: &str| {
        let attributes = json!({ "DeliveryPolicy": policy });
        root.call("sns", "CreateTopic", json!({ "Name": "other", "Attributes": attributes }))
    };
    let refuse = |reply: Reply, words: &str| {
        reply.refused_with(400, "InvalidParameter", &format!("Invalid parameter: {words}"));
    };
    let many = r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}"#;
    let words = "DeliveryPolicy: http.defaultHealthyRetryPolicy.numRetries must be less than or equal to 100";
    refuse(make(many), &format!("Attributes Reason: {words}"));
    let topic = topic(&root, json!({}));
    let change = |policy: &str| {
        let asked = json!({ "TopicArn": topic, "AttributeName": "DeliveryPolicy", "AttributeValue": policy });
        root.call("sns", "SetTopicAttributes", asked)
    };
    refuse(change(many), words);
    refuse(change("{"), "DeliveryPolicy: failed to parse JSON.");
    refuse(
        change(r#"{"throttlePolicy":{"maxReceivesPerSecond":1}}"#),
        "DeliveryPolicy: Unexpected JSON member: throttlePolicy",
    );
    let subscribe = |protocol: &str, endpoint: &str, policy: &str| {
        let asked = json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": { "DeliveryPolicy": policy } });
        root.call("sns", "Subscribe", asked)
    };
    let none = r#"{"healthyRetryPolicy":{"minDelayTarget":0}}"#;
    let words = "DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be greater than or equal to 1";
    refuse(subscribe("http", "http://127.0.0.1:1/", none), &format!("Attributes Reason: {words}"));
    // Of a queue it is kept, though nothing follows from it.
    let kept = r#"{"healthyRetryPolicy":{"numRetries":1}}"#;
    let made = subscribe("sqs", QUEUE, kept).ok();
    let asked = json!({ "SubscriptionArn": made["SubscriptionArn"] });
    let told = root.call("sns", "GetSubscriptionAttributes", asked).ok();
    assert!(told.to_string().contains("numRetries"), "{told}");
    let endpoint = Endpoint::new();
    let arn = hook(&cloud, &topic, &endpoint, json!({}));
    refuse(set(&root, &arn, "DeliveryPolicy", none), words);
    let eva = cloud.user(&root, "eva", "");
    set(&eva, &arn, "DeliveryPolicy", "{}").refused(403, "AuthorizationError");
}
