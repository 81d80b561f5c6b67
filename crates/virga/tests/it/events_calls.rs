//! API calls on the default bus, as CloudTrail records them.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn set_up<'c>(cloud: &'c Cloud, pattern: &Value) -> Caller<'c> {
    let root = cloud.root(ACCOUNT);
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let queue = json!({ "QueueName": "q", "Attributes": { "Policy": policy.to_string() } });
    root.call("sqs", "CreateQueue", queue).ok();
    root.call("events", "PutRule", json!({ "Name": "r", "EventPattern": pattern.to_string() })).ok();
    let target = json!([{ "Id": "1", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q") }]);
    root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": target })).ok();
    root
}

/// What came into the queue since it was last asked.
fn told(cloud: &Cloud, root: &Caller<'_>) -> Vec<Value> {
    cloud.reconcile();
    cloud.reconcile();
    let mut out = Vec::new();
    loop {
        let asked = json!({ "QueueUrl": "q", "MaxNumberOfMessages": 10 });
        let got = root.call("sqs", "ReceiveMessage", asked).ok();
        let Some(all) = got.get("Messages").and_then(Value::as_array).filter(|all| !all.is_empty()) else {
            return out;
        };
        for message in all {
            out.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
            let handle = json!({ "QueueUrl": "q", "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", handle).ok();
        }
    }
}

#[test]
fn changes_are_told_with_their_records_and_reads_are_not() {
    let cloud = Cloud::new();
    let pattern = json!({
        "source": ["aws.iam"], "detail-type": ["AWS API Call via CloudTrail"],
        "detail": { "eventName": ["CreateUser", "GetUser"] },
    });
    let root = set_up(&cloud, &pattern);
    root.call("iam", "CreateUser", json!({ "UserName": "eva" })).ok();
    root.call("iam", "GetUser", json!({ "UserName": "eva" })).ok();
    root.call("iam", "CreateGroup", json!({ "GroupName": "g" })).ok();
    let got = told(&cloud, &root);
    assert_eq!(got.len(), 1, "{got:?}");
    let event = &got[0];
    assert_eq!((&event["source"], &event["account"]), (&json!("aws.iam"), &json!(ACCOUNT)));
    let detail = &event["detail"];
    assert_eq!(
        (&detail["eventSource"], &detail["eventName"]),
        (&json!("iam.amazonaws.com"), &json!("CreateUser"))
    );
    assert_eq!(detail["requestParameters"]["userName"], "eva");
    assert_eq!(detail["responseElements"]["user"]["userName"], "eva");
    assert_eq!(detail["userIdentity"]["type"], "Root");
    // It is the event that the history has.
    let by_name = json!([{ "AttributeKey": "EventName", "AttributeValue": "CreateUser" }]);
    let looked = root.call("cloudtrail", "LookupEvents", json!({ "LookupAttributes": by_name })).ok();
    assert_eq!(looked["Events"][0]["EventId"], detail["eventID"]);
    // One that was refused is told of, too.
    root.call("iam", "CreateUser", json!({ "UserName": "eva" })).refused(409, "EntityAlreadyExists");
    let got = told(&cloud, &root);
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!(got[0]["detail"]["errorCode"], "EntityAlreadyExistsException");
    // Nobody listens any more.
    root.call("events", "DisableRule", json!({ "Name": "r" })).ok();
    root.call("iam", "CreateUser", json!({ "UserName": "ada" })).ok();
    assert_eq!(told(&cloud, &root), Vec::<Value>::new());
}

#[test]
fn a_rule_of_all_events_hears_no_data_events_and_nothing_of_itself() {
    let cloud = Cloud::new();
    let root = set_up(&cloud, &json!({ "account": [ACCOUNT] }));
    root.call("s3", "CreateBucket", json!({ "Bucket": "shop" })).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": "k", "Body": "x" })).ok();
    root.call("kms", "CreateKey", json!({})).ok();
    let names = |all: &[Value]| -> Vec<String> {
        all.iter().map(|event| event["detail"]["eventName"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let got = names(&told(&cloud, &root));
    for name in ["CreateBucket", "CreateKey"] {
        assert!(got.iter().any(|own| own == name), "{name}: {got:?}");
    }
    assert!(!got.iter().any(|name| name == "PutObject" || name == "SendMessage"), "{got:?}");
    // What the delivery itself does calls for no further one.
    assert_eq!(told(&cloud, &root), Vec::<Value>::new());
    // Another account's calls are on its own bus.
    cloud.root("210987654321").call("kms", "CreateKey", json!({})).ok();
    assert_eq!(told(&cloud, &root), Vec::<Value>::new());
}
