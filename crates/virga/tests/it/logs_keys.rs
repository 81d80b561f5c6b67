//! Log groups whose events are encrypted under a key of KMS.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const NOW: i64 = 1_768_478_400_000;
const SECRET: &str = "correct horse";
const REFUSED: &str = "The specified KMS key does not exist or is not allowed to be used with Arn 'arn:aws:logs:us-east-1:123456789012:log-group:g'";

/// A key that the service may use for one group.
fn key(root: &Caller<'_>) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "kms:*", "Resource": "*" },
        {
            "Effect": "Allow", "Principal": { "Service": "logs.us-east-1.amazonaws.com" }, "Resource": "*",
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Condition": { "ArnEquals": {
                "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:123456789012:log-group:g",
            } },
        },
    ] });
    let made = root.call("kms", "CreateKey", json!({ "Policy": policy.to_string() })).ok();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn group(root: &Caller<'_>, key: Option<&str>) -> Reply {
    let mut asked = json!({ "logGroupName": "g" });
    if let Some(key) = key {
        asked["kmsKeyId"] = json!(key);
    }
    root.call("logs", "CreateLogGroup", asked)
}

fn put(root: &Caller<'_>, message: &str) -> Reply {
    let _ = root.call("logs", "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": "s" }));
    let events = json!([{ "timestamp": NOW, "message": message }]);
    root.call(
        "logs",
        "PutLogEvents",
        json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events }),
    )
}

fn get(root: &Caller<'_>) -> Reply {
    let asked = json!({ "logGroupName": "g", "logStreamName": "s", "startFromHead": true });
    root.call("logs", "GetLogEvents", asked)
}

fn messages(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect()
}

fn shown(root: &Caller<'_>) -> Value {
    root.call("logs", "DescribeLogGroups", json!({})).ok()["logGroups"][0]["kmsKeyId"].clone()
}

#[test]
fn events_lie_sealed_and_are_read_by_all_ways() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = key(&root);
    group(&root, Some(&key)).ok();
    assert_eq!(shown(&root), json!(key));
    put(&root, SECRET).ok();
    assert!(!cloud.holds(SECRET));
    assert_eq!(messages(&get(&root).ok()), [SECRET]);
    let filtered = json!({ "logGroupName": "g", "filterPattern": "horse" });
    let filtered = root.call("logs", "FilterLogEvents", filtered).ok();
    assert_eq!(messages(&filtered), [SECRET]);
    let query = json!({
        "logGroupName": "g", "startTime": NOW / 1000 - 60, "endTime": NOW / 1000 + 60,
        "queryString": "fields @message, @ptr | filter @message like /horse/",
    });
    let id = root.call("logs", "StartQuery", query).ok()["queryId"].clone();
    cloud.reconcile();
    let found = root.call("logs", "GetQueryResults", json!({ "queryId": id })).ok();
    assert_eq!((&found["status"], &found["results"][0][0]["value"]), (&json!("Complete"), &json!(SECRET)));
    let record = json!({ "logRecordPointer": found["results"][0][1]["value"] });
    assert_eq!(root.call("logs", "GetLogRecord", record).ok()["logRecord"]["@message"], SECRET);
    assert!(!cloud.holds(SECRET), "nor is it in what was found");
    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "g" })).ok();
    group(&root, None).ok();
    assert_eq!(shown(&root), Value::Null);
}

#[test]
fn a_key_that_is_off_closes_its_events_after_five_minutes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (first, second) = (key(&root), key(&root));
    group(&root, Some(&first)).ok();
    put(&root, SECRET).ok();
    root.call("kms", "DisableKey", json!({ "KeyId": first })).ok();
    assert_eq!(messages(&get(&root).ok()), [SECRET]);
    cloud.advance(Duration::from_secs(300));
    get(&root).refused_with(400, "InvalidParameterException", REFUSED);
    put(&root, "more").refused_with(400, "InvalidParameterException", REFUSED);
    // Another key is for what comes from now on.
    let asked = json!({ "logGroupName": "g", "kmsKeyId": second });
    root.call("logs", "AssociateKmsKey", asked).ok();
    put(&root, "battery staple").ok();
    get(&root).refused(400, "InvalidParameterException");
    root.call("kms", "EnableKey", json!({ "KeyId": first })).ok();
    assert_eq!(messages(&get(&root).ok()), [SECRET, "battery staple"]);
    root.call("logs", "DisassociateKmsKey", json!({ "logGroupName": "g" })).ok();
    assert_eq!(shown(&root), Value::Null);
    put(&root, "in the clear").ok();
    assert!(cloud.holds("in the clear") && !cloud.holds("battery staple"));
    assert_eq!(messages(&get(&root).ok()), [SECRET, "battery staple", "in the clear"]);
}

#[test]
fn keys_that_the_service_may_not_use() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let plain =
        root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    for bad in [plain.as_str(), "alias/none", "arn:aws:kms:us-east-1:123456789012:alias/none"] {
        group(&root, Some(bad)).refused_with(400, "InvalidParameterException", REFUSED);
    }
    group(&root, None).ok();
    let associate = |more: Value| root.call("logs", "AssociateKmsKey", more);
    associate(json!({ "logGroupName": "g", "kmsKeyId": plain })).refused_with(
        400,
        "InvalidParameterException",
        REFUSED,
    );
    associate(json!({ "logGroupName": "h", "kmsKeyId": plain })).refused(400, "ResourceNotFoundException");
    associate(json!({ "kmsKeyId": plain })).refused(400, "InvalidParameterException");
    let results = "arn:aws:logs:us-east-1:123456789012:query-result:*";
    associate(json!({ "resourceIdentifier": results, "kmsKeyId": plain })).refused(501, "NotImplemented");
    let off = key(&root);
    root.call("kms", "DisableKey", json!({ "KeyId": off })).ok();
    associate(json!({ "logGroupName": "g", "kmsKeyId": off })).refused_with(
        400,
        "InvalidParameterException",
        REFUSED,
    );
}
