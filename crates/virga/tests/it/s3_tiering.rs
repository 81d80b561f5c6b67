//! Intelligent-Tiering by the clock: what nobody reads sinks into archives, as configured, and is restored for good.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:told";

fn of(key: &str) -> Value {
    json!({ "Bucket": "tiers", "Key": key })
}

fn and(mut one: Value, more: Value) -> Value {
    let members = more.as_object().cloned().unwrap_or_default();
    one.as_object_mut().unwrap().extend(members);
    one
}

fn pass(cloud: &Cloud, seconds: u64) {
    cloud.advance(Duration::from_secs(seconds));
    cloud.reconcile();
    cloud.reconcile();
}

fn put(root: &Caller<'_>, key: &str, size: usize, more: Value) {
    let object = json!({ "Body": "x".repeat(size), "StorageClass": "INTELLIGENT_TIERING" });
    root.call("s3", "PutObject", and(and(of(key), object), more)).ok();
}

fn configure(root: &Caller<'_>, more: Value) -> Reply {
    let tiers = json!([
        { "AccessTier": "ARCHIVE_ACCESS", "Days": 90 }, { "AccessTier": "DEEP_ARCHIVE_ACCESS", "Days": 180 },
    ]);
    let configuration = and(json!({ "Id": "all", "Status": "Enabled", "Tierings": tiers }), more);
    let put = json!({ "Bucket": "tiers", "Id": "all", "IntelligentTieringConfiguration": configuration });
    root.call("s3", "PutBucketIntelligentTieringConfiguration", put)
}

fn status(root: &Caller<'_>, key: &str) -> Option<String> {
    let head = root.call("s3", "HeadObject", of(key)).ok();
    assert_eq!(head["StorageClass"], "INTELLIGENT_TIERING");
    head["ArchiveStatus"].as_str().map(str::to_owned)
}

/// What the queue was told since it was asked last: names of events, and their data.
fn told(root: &Caller<'_>) -> Vec<(String, Value)> {
    let url = root.call("sqs", "GetQueueUrl", json!({ "QueueName": "told" })).ok()["QueueUrl"].clone();
    let mut all = Vec::new();
    loop {
        let receive = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
        let got = root.call("sqs", "ReceiveMessage", receive).ok();
        let Some(messages) = got["Messages"].as_array().filter(|found| !found.is_empty()) else { break };
        for message in messages {
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            for record in body["Records"].as_array().into_iter().flatten() {
                let name = record["eventName"].as_str().unwrap().to_owned();
                all.push((name, record["intelligentTieringEventData"]["destinationAccessTier"].clone()));
            }
            let handle = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", handle).ok();
        }
    }
    all
}

fn with_queue(root: &Caller<'_>) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sqs:SendMessage",
        "Resource": QUEUE }] });
    let queue = json!({ "QueueName": "told", "Attributes": { "Policy": policy.to_string() } });
    root.call("sqs", "CreateQueue", queue).ok();
    let events = ["s3:IntelligentTiering", "s3:ObjectRestore:*"];
    let configuration = json!({ "QueueConfigurations": [{ "QueueArn": QUEUE, "Events": events }] });
    let put = json!({ "Bucket": "tiers", "NotificationConfiguration": configuration });
    root.call("s3", "PutBucketNotificationConfiguration", put).ok();
}

fn restore(root: &Caller<'_>, key: &str, request: Value) -> Reply {
    root.call("s3", "RestoreObject", and(of(key), json!({ "RestoreRequest": request })))
}

#[test]
fn what_is_not_read_is_archived_and_restored_for_good() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "tiers" })).ok();
    with_queue(&root);
    put(&root, "idle", 128 << 10, json!({}));
    put(&root, "read", 128 << 10, json!({}));
    put(&root, "small", 1000, json!({}));
    restore(&root, "idle", json!({})).refused(403, "InvalidObjectState");
    configure(&root, json!({})).ok();
    pass(&cloud, 80 * DAY);
    root.call("s3", "GetObject", of("read")).ok();
    pass(&cloud, 10 * DAY);
    assert_eq!(status(&root, "idle"), None, "the ninetieth day is not over");
    pass(&cloud, DAY);
    assert_eq!(status(&root, "idle").as_deref(), Some("ARCHIVE_ACCESS"));
    assert_eq!((status(&root, "read"), status(&root, "small")), (None, None));
    let archived = (String::from("IntelligentTiering"), json!("ARCHIVE_ACCESS"));
    let told_so: Vec<_> = told(&root).into_iter().filter(|(name, _)| name == "IntelligentTiering").collect();
    assert_eq!(told_so, [archived]);
    // It cannot be read, nor copied.
    let refused = root.call("s3", "GetObject", of("idle"));
    assert!(String::from_utf8_lossy(&refused.body).contains("<AccessTier>ARCHIVE_ACCESS</AccessTier>"));
    refused.refused(403, "InvalidObjectState");
    let copy = and(of("copy"), json!({ "CopySource": "tiers/idle" }));
    root.call("s3", "CopyObject", copy).refused(403, "InvalidObjectState");
    // It comes back for good, so there are no days.
    restore(&root, "idle", json!({ "Days": 1 })).refused(400, "MalformedXML");
    assert_eq!(restore(&root, "idle", json!({})).status, 202);
    restore(&root, "idle", json!({})).refused(409, "RestoreAlreadyInProgress");
    let head = root.call("s3", "HeadObject", of("idle")).ok();
    assert_eq!(head["Restore"], "ongoing-request=\"true\"");
    assert_eq!(head["ArchiveStatus"], "ARCHIVE_ACCESS");
    pass(&cloud, 5 * HOUR);
    let got = root.call("s3", "GetObject", of("idle")).ok();
    assert!(got.get("Restore").is_none());
    assert_eq!(status(&root, "idle"), None);
    let names: Vec<_> = told(&root).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ObjectRestore:Post", "ObjectRestore:Completed"]);
    // From then on it counts as read.
    pass(&cloud, 89 * DAY);
    assert_eq!(status(&root, "idle"), None);
    pass(&cloud, 3 * DAY);
    assert_eq!(status(&root, "idle").as_deref(), Some("ARCHIVE_ACCESS"));
    pass(&cloud, 90 * DAY);
    assert_eq!(status(&root, "idle").as_deref(), Some("DEEP_ARCHIVE_ACCESS"));
    let expedited = json!({ "GlacierJobParameters": { "Tier": "Expedited" } });
    restore(&root, "idle", expedited).refused(400, "InvalidArgument");
    // What is archived stays there when the configuration goes.
    let all = json!({ "Bucket": "tiers", "Id": "all" });
    root.call("s3", "DeleteBucketIntelligentTieringConfiguration", all).ok();
    pass(&cloud, DAY);
    assert_eq!(status(&root, "idle").as_deref(), Some("DEEP_ARCHIVE_ACCESS"));
    let bulk = json!({ "GlacierJobParameters": { "Tier": "Bulk" } });
    assert_eq!(restore(&root, "idle", bulk).status, 202);
    pass(&cloud, 47 * HOUR);
    root.call("s3", "GetObject", of("idle")).refused(403, "InvalidObjectState");
    pass(&cloud, HOUR);
    root.call("s3", "GetObject", of("idle")).ok();
}

#[test]
fn filters_and_versions_choose() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "tiers" })).ok();
    let on = json!({ "Bucket": "tiers", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", on).ok();
    put(&root, "a", 128 << 10, json!({ "Tagging": "cold=yes" }));
    let older = root.call("s3", "HeadObject", of("a")).ok()["VersionId"].clone();
    put(&root, "a", 128 << 10, json!({ "Tagging": "cold=no" }));
    put(&root, "b", 128 << 10, json!({ "Tagging": "cold=yes" }));
    configure(&root, json!({ "Filter": { "Tag": { "Key": "cold", "Value": "yes" } } })).ok();
    pass(&cloud, 181 * DAY);
    assert_eq!((status(&root, "a"), status(&root, "b").as_deref()), (None, Some("DEEP_ARCHIVE_ACCESS")));
    let old = root.call("s3", "HeadObject", and(of("a"), json!({ "VersionId": older }))).ok();
    assert_eq!(old["ArchiveStatus"], "DEEP_ARCHIVE_ACCESS");
    // A disabled configuration moves nothing.
    configure(&root, json!({ "Status": "Disabled" })).ok();
    put(&root, "c", 128 << 10, json!({}));
    pass(&cloud, 181 * DAY);
    assert_eq!((status(&root, "a"), status(&root, "c")), (None, None));
    let shallow = json!({ "Tierings": [{ "AccessTier": "DEEP_ARCHIVE_ACCESS", "Days": 90 }] });
    configure(&root, shallow).refused(400, "InvalidAccessTier");
}
