//! What S3 tells the event bus.

use crate::harness::Cloud;
use kernel::bus::Event;
use serde_json::{Value, json};
use std::time::Duration;
use store::{Direction, KeyRange, Read, Record};

const ACCOUNT: &str = "123456789012";

/// The events on their way, in their order.
fn outbox(cloud: &Cloud) -> Vec<Event> {
    let snapshot = cloud.cloud.store().snapshot();
    // The kernel's table of them.
    let pairs = snapshot.scan(KeyRange::prefix(&[0, 2]), Direction::Forward);
    let events = pairs.map(|pair| Event::from_bytes(&pair.unwrap().1).unwrap());
    events.filter(|event| event.source == "aws.s3").collect()
}

/// Only this one runs: others would carry off what is told.
fn run(cloud: &Cloud, name: &str) {
    let found = cloud.cloud.reconcilers().iter().find(|r| r.name() == name).unwrap();
    found.run(&cloud.cloud).unwrap();
}

#[test]
fn events_reach_the_bus_in_the_documented_shape() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "loud" })).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "loud", "Key": "before", "Body": "x" })).ok();
    let bridge = json!({ "EventBridgeConfiguration": {} });
    let put = json!({ "Bucket": "loud", "NotificationConfiguration": bridge });
    root.call("s3", "PutBucketNotificationConfiguration", put).ok();
    let made = root.call("s3", "PutObject", json!({ "Bucket": "loud", "Key": "a b", "Body": "hello" })).ok();
    // Events of one moment have no order.
    cloud.advance(Duration::from_secs(1));
    root.call("s3", "DeleteObject", json!({ "Bucket": "loud", "Key": "a b" })).ok();
    cloud.advance(Duration::from_secs(1));
    // What was not there is told of as well.
    let none = json!({ "Bucket": "loud", "Delete": { "Objects": [{ "Key": "none" }] } });
    root.call("s3", "DeleteObjects", none).ok();
    cloud.advance(Duration::from_secs(1));
    root.call("s3", "PutObject", json!({ "Bucket": "loud", "Key": "old", "Body": "x" })).ok();
    let rule = json!({ "ID": "r", "Prefix": "old", "Status": "Enabled", "Expiration": { "Days": 1 } });
    let put = json!({ "Bucket": "loud", "LifecycleConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketLifecycleConfiguration", put).ok();
    cloud.advance(Duration::from_secs(3 * 86_400));
    run(&cloud, "s3 lifecycle");
    let told = outbox(&cloud);
    let details: Vec<Value> = told.iter().map(|event| serde_json::from_str(&event.detail).unwrap()).collect();
    let said: Vec<(&str, &str)> = told
        .iter()
        .zip(&details)
        .map(|(event, detail)| (event.detail_type.as_str(), detail["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            ("Object Created", "PutObject"),
            ("Object Deleted", "DeleteObject"),
            ("Object Deleted", "DeleteObject"),
            ("Object Created", "PutObject"),
            ("Object Deleted", "Lifecycle Expiration"),
        ]
    );
    assert_eq!(told[0].resources, ["arn:aws:s3:::loud"]);
    let detail = &details[0];
    assert_eq!(detail["bucket"]["name"], "loud");
    assert_eq!((&detail["object"]["key"], &detail["object"]["size"]), (&json!("a b"), &json!(5)));
    let etag = made["ETag"].as_str().unwrap().trim_matches('"').to_owned();
    assert_eq!(detail["object"]["etag"], etag);
    assert_eq!(detail["requester"], ACCOUNT);
    assert_eq!(details[1]["deletion-type"], "Permanently Deleted");
    // What S3 does by itself comes from no address.
    assert_eq!(details.iter().filter(|detail| detail.get("source-ip-address").is_some()).count(), 4);
}

/// What EventBridge is told of classes, archives and restores beside the object.
#[test]
fn the_bus_hears_of_classes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "cold" })).ok();
    let put = json!({ "Bucket": "cold", "NotificationConfiguration": { "EventBridgeConfiguration": {} } });
    root.call("s3", "PutBucketNotificationConfiguration", put).ok();
    let to = json!([{ "Days": 1, "StorageClass": "INTELLIGENT_TIERING" }]);
    let rule = json!({ "ID": "r", "Prefix": "a", "Status": "Enabled", "Transitions": to });
    let rules = json!({ "Bucket": "cold", "LifecycleConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketLifecycleConfiguration", rules).ok();
    let tiers = json!({
        "Id": "i", "Status": "Enabled", "Tierings": [{ "Days": 90, "AccessTier": "ARCHIVE_ACCESS" }],
    });
    let put = json!({ "Bucket": "cold", "Id": "i", "IntelligentTieringConfiguration": tiers });
    root.call("s3", "PutBucketIntelligentTieringConfiguration", put).ok();
    let archive = json!({ "Bucket": "cold", "Key": "b", "Body": "x", "StorageClass": "GLACIER" });
    root.call("s3", "PutObject", archive).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "cold", "Key": "a", "Body": "x".repeat(128 << 10) })).ok();
    for (days, name) in [(2, "s3 lifecycle"), (91, "s3 archive tiers")] {
        cloud.advance(Duration::from_secs(days * 86_400));
        run(&cloud, name);
    }
    let restore = json!({ "Bucket": "cold", "Key": "b", "RestoreRequest": { "Days": 1 } });
    root.call("s3", "RestoreObject", restore).ok();
    cloud.advance(Duration::from_secs(5 * 3600));
    run(&cloud, "s3 restores");
    let told = outbox(&cloud);
    let found = |kind: &str| -> Value {
        let event = told.iter().find(|event| event.detail_type == kind).unwrap_or_else(|| panic!("{kind}"));
        serde_json::from_str(&event.detail).unwrap()
    };
    let moved = found("Object Storage Class Changed");
    assert_eq!(moved["destination-storage-class"], "INTELLIGENT_TIERING");
    let changed = found("Object Access Tier Changed");
    assert_eq!(changed["destination-access-tier"], "ARCHIVE_ACCESS");
    let initiated = found("Object Restore Initiated");
    assert_eq!(initiated["source-storage-class"], "GLACIER");
    let completed = found("Object Restore Completed");
    for detail in [&moved, &changed, &initiated, &completed] {
        let object = &detail["object"];
        assert!(object["size"].is_number() && object["etag"].is_string(), "{detail}");
        assert_eq!(object.get("sequencer"), None);
    }
    assert_eq!(completed["source-storage-class"], "GLACIER");
    assert_eq!(completed["restore-expiry-time"], "2026-04-20T00:00:00Z");
}

/// Tags and ACLs of an object that is there.
#[test]
fn what_only_touches_an_object_is_told_too() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "loud", "ObjectOwnership": "ObjectWriter" })).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "loud", "Key": "k", "Body": "x" })).ok();
    let put = json!({ "Bucket": "loud", "NotificationConfiguration": { "EventBridgeConfiguration": {} } });
    root.call("s3", "PutBucketNotificationConfiguration", put).ok();
    let of = json!({ "Bucket": "loud", "Key": "k" });
    let with = |more: Value| {
        let mut all = of.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let tags = json!({ "Tagging": { "TagSet": [{ "Key": "a", "Value": "b" }] } });
    root.call("s3", "PutObjectTagging", with(tags)).ok();
    cloud.advance(Duration::from_secs(1));
    root.call("s3", "DeleteObjectTagging", of.clone()).ok();
    cloud.advance(Duration::from_secs(1));
    root.call("s3", "DeletePublicAccessBlock", json!({ "Bucket": "loud" })).ok();
    for acl in ["private", "public-read", "public-read"] {
        // The first is what it has anyway, and the last changes nothing.
        root.call("s3", "PutObjectAcl", with(json!({ "ACL": acl }))).ok();
    }
    let told = outbox(&cloud);
    let types: Vec<&str> = told.iter().map(|event| event.detail_type.as_str()).collect();
    assert_eq!(types, ["Object Tags Added", "Object Tags Deleted", "Object ACL Updated"]);
    for event in &told {
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        assert_eq!(detail["object"], json!({ "key": "k", "etag": "9dd4e461268c8034f5c8564e155c67a6" }));
        assert_eq!(detail.get("reason"), None);
    }
}

#[test]
fn restores_are_told_from_their_beginning_to_the_end_of_the_copy() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "cold" })).ok();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},
        "Action":"sqs:SendMessage","Resource":"*"}]}"#;
    let queue = json!({ "QueueName": "q", "Attributes": { "Policy": policy } });
    let url = root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"].as_str().unwrap().to_owned();
    let notify = |events: Value| {
        let queue = json!({ "QueueArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q"), "Events": events });
        let put =
            json!({ "Bucket": "cold", "NotificationConfiguration": { "QueueConfigurations": [queue] } });
        root.call("s3", "PutBucketNotificationConfiguration", put)
    };
    // What nobody would tell is refused.
    notify(json!(["s3:Replication:OperationNotTracked"])).refused(501, "NotImplemented");
    notify(json!(["s3:ObjectRestore:*"])).ok();
    let told = || {
        (0..2).for_each(|_| cloud.reconcile());
        let ask = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
        let found = root.call("sqs", "ReceiveMessage", ask).ok();
        let mut records = Vec::new();
        for message in found["Messages"].as_array().cloned().unwrap_or_default() {
            let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", done).ok();
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            records.extend(body["Records"].as_array().cloned().unwrap_or_default());
        }
        records
    };
    let cold = json!({ "Bucket": "cold", "Key": "a", "Body": "hello", "StorageClass": "GLACIER" });
    root.call("s3", "PutObject", cold).ok();
    let request = json!({ "Days": 1, "GlacierJobParameters": { "Tier": "Expedited" } });
    let restore = json!({ "Bucket": "cold", "Key": "a", "RestoreRequest": request });
    assert_eq!(root.call("s3", "RestoreObject", restore).status, 202);
    let begun = told();
    assert_eq!((begun.len(), &begun[0]["eventName"]), (1, &json!("ObjectRestore:Post")));
    assert!(begun[0]["s3"]["object"]["sequencer"].is_string() && begun[0]["eventVersion"] == "2.1");
    // The account's customer id, whose root asked.
    let owner = begun[0]["s3"]["bucket"]["ownerIdentity"]["principalId"].as_str().unwrap().to_owned();
    assert!(owner.starts_with('A') && owner.len() == 14, "{owner}");
    assert_eq!(begun[0]["userIdentity"]["principalId"], owner);
    assert!(told().is_empty());
    cloud.advance(Duration::from_secs(300));
    let [done] = &told()[..] else { panic!("not one record") };
    assert_eq!(
        (&done["eventName"], &done["s3"]["object"]["key"]),
        (&json!("ObjectRestore:Completed"), &json!("a"))
    );
    assert_eq!(done["userIdentity"]["principalId"], format!("AmazonCustomer:{owner}"));
    let data = &done["glacierEventData"]["restoreEventData"];
    assert_eq!(data["lifecycleRestoreStorageClass"], "GLACIER");
    assert_eq!(data["lifecycleRestorationExpiryTime"], "2026-01-17T00:00:00.000Z");
    cloud.advance(Duration::from_secs(3 * 86_400));
    let [gone] = &told()[..] else { panic!("not one record") };
    assert_eq!((&gone["eventName"], &gone["eventVersion"]), (&json!("ObjectRestore:Delete"), &json!("2.3")));
}

/// What lifecycles do is S3's own doing.
#[test]
fn queues_hear_of_lifecycles() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "aging" })).ok();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},
        "Action":"sqs:SendMessage","Resource":"*"}]}"#;
    let queue = json!({ "QueueName": "q", "Attributes": { "Policy": policy } });
    let url = root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"].as_str().unwrap().to_owned();
    let events = json!(["s3:LifecycleTransition", "s3:LifecycleExpiration:*", "s3:ObjectTagging:*"]);
    let queue = json!({ "QueueArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q"), "Events": events });
    let put = json!({ "Bucket": "aging", "NotificationConfiguration": { "QueueConfigurations": [queue] } });
    root.call("s3", "PutBucketNotificationConfiguration", put).ok();
    // What is smaller stays in its class.
    let put = json!({ "Bucket": "aging", "Key": "a", "Body": "x".repeat(128 << 10) });
    let etag = root.call("s3", "PutObject", put).ok()["ETag"].as_str().unwrap().trim_matches('"').to_owned();
    root.call("s3", "DeleteObjectTagging", json!({ "Bucket": "aging", "Key": "a" })).ok();
    let rule = json!({
        "ID": "r", "Prefix": "a", "Status": "Enabled", "Expiration": { "Days": 9 },
        "Transitions": [{ "Days": 1, "StorageClass": "GLACIER" }],
    });
    let rules = json!({ "Bucket": "aging", "LifecycleConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketLifecycleConfiguration", rules).ok();
    let mut told = Vec::new();
    // A queue keeps messages for four days.
    for days in [2, 10] {
        cloud.advance(Duration::from_secs(days * 86_400));
        run(&cloud, "s3 lifecycle");
        (0..2).for_each(|_| cloud.reconcile());
        let ask = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
        let found = root.call("sqs", "ReceiveMessage", ask).ok();
        for message in found["Messages"].as_array().unwrap() {
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            told.extend(body["Records"].as_array().cloned().unwrap_or_default());
        }
    }
    let of = |name: &str| -> &Value {
        told.iter().find(|record| record["eventName"] == name).unwrap_or_else(|| panic!("{name}: {told:?}"))
    };
    let touched = json!({ "key": "a", "eTag": etag });
    assert_eq!(of("ObjectTagging:Delete")["s3"]["object"], touched);
    let moved = of("LifecycleTransition");
    let to = json!({ "transitionEventData": { "destinationStorageClass": "GLACIER" } });
    assert_eq!(moved["lifecycleEventData"], to);
    for record in [moved, of("LifecycleExpiration:Delete")] {
        assert_eq!(record["eventVersion"], "2.3");
        assert_eq!(record["userIdentity"], json!({ "principalId": "s3.amazonaws.com" }));
        assert_eq!(record["requestParameters"], json!({ "sourceIPAddress": "s3.amazonaws.com" }));
    }
}
