//! Queues whose messages are encrypted under a key of KMS.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn allow(actions: &[&str]) -> String {
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
}

fn set_up(cloud: &Cloud) -> (Caller<'_>, String, String) {
    let root = cloud.root(ACCOUNT);
    let key =
        root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let made = json!({ "QueueName": "q", "Attributes": { "KmsMasterKeyId": key } });
    let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
    (root, key, url)
}

fn send(caller: &Caller<'_>, url: &str) -> crate::harness::Reply {
    caller.call("sqs", "SendMessage", json!({ "QueueUrl": url, "MessageBody": "secret" }))
}

fn receive(caller: &Caller<'_>, url: &str) -> crate::harness::Reply {
    caller.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "VisibilityTimeout": 0 }))
}

#[test]
fn who_sends_and_receives_needs_the_key() {
    let cloud = Cloud::new();
    let (root, _, url) = set_up(&cloud);
    let sender = cloud.user(&root, "sender", &allow(&["sqs:*", "kms:GenerateDataKey", "kms:Decrypt"]));
    let reader = cloud.user(&root, "reader", &allow(&["sqs:*", "kms:Decrypt"]));
    let neither = cloud.user(&root, "neither", &allow(&["sqs:*"]));
    send(&sender, &url).ok();
    let refused = send(&reader, &url);
    assert_eq!(refused.headers["x-amzn-query-error"], "KMS.AccessDeniedException;Sender");
    let words = refused.refused(400, "KmsAccessDenied");
    assert!(words.contains("is not authorized to perform: kms:GenerateDataKey"), "{words}");
    assert_eq!(receive(&reader, &url).ok()["Messages"][0]["Body"], "secret");
    receive(&neither, &url).refused(400, "KmsAccessDenied");
    // It was given back.
    assert_eq!(receive(&reader, &url).ok()["Messages"][0]["Body"], "secret");
    let only = allow(&["sqs:*", "kms:GenerateDataKey"]);
    send(&cloud.user(&root, "half", &only), &url).refused(400, "KmsAccessDenied");
}

#[test]
fn a_data_key_serves_for_a_while() {
    let cloud = Cloud::new();
    let (root, key, url) = set_up(&cloud);
    send(&root, &url).ok();
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    send(&root, &url).ok();
    cloud.advance(Duration::from_secs(300));
    send(&root, &url).refused(400, "KmsDisabled");
    receive(&root, &url).refused(400, "KmsDisabled");
    root.call("kms", "EnableKey", json!({ "KeyId": key })).ok();
    assert_eq!(receive(&root, &url).ok()["Messages"][0]["Body"], "secret");
}

#[test]
fn a_key_that_is_not_there() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = json!({ "QueueName": "q", "Attributes": { "KmsMasterKeyId": "alias/none", "KmsDataKeyReusePeriodSeconds": "60" } });
    let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"] });
    let expected: Value = json!({ "KmsMasterKeyId": "alias/none", "KmsDataKeyReusePeriodSeconds": "60", "SqsManagedSseEnabled": "false" });
    assert_eq!(root.call("sqs", "GetQueueAttributes", asked).ok()["Attributes"], expected);
    send(&root, &url).refused(400, "KmsNotFound");
}
