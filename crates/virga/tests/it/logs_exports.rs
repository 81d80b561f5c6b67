//! Exports: a group's events are written into a bucket, as its policy lets CloudWatch Logs.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
/// The beginning of the tests' clock, in milliseconds.
const NOW: i64 = 1_768_478_400_000;
const GRANT: &str = "GetBucketAcl call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.";
const WRITE: &str = "PutObject call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.";

fn policy(root: &Caller<'_>, principal: &str, actions: &Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": actions, "Principal": { "Service": principal },
        "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
        "Condition": {
            "StringEquals": { "aws:SourceAccount": ACCOUNT },
            "ArnLike": { "aws:SourceArn": format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*") },
        },
    }] });
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "logs", "Policy": document.to_string() })).ok();
}

fn begin(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "logs" })).ok();
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": "g" })).ok();
    for (stream, texts) in [("2026/01/a", ["one", "two"]), ("b", ["three", "four"])] {
        root.call("logs", "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": stream })).ok();
        let events: Vec<Value> = (0..)
            .zip(texts)
            .map(|(at, text)| json!({ "timestamp": NOW + at * 1_000, "message": text }))
            .collect();
        let put = json!({ "logGroupName": "g", "logStreamName": stream, "logEvents": events });
        root.call("logs", "PutLogEvents", put).ok();
    }
    root
}

fn create(caller: &Caller<'_>, more: Value) -> Reply {
    let mut all = json!({ "logGroupName": "g", "from": NOW, "to": NOW + 1_000, "destination": "logs" });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("logs", "CreateExportTask", all)
}

fn task(root: &Caller<'_>, id: &Value) -> Value {
    root.call("logs", "DescribeExportTasks", json!({ "taskId": id })).ok()["exportTasks"][0].clone()
}

fn keys(root: &Caller<'_>) -> Vec<String> {
    let listed = root.call("s3", "ListObjectsV2", json!({ "Bucket": "logs" })).ok();
    let all = listed["Contents"].as_array().cloned().unwrap_or_default();
    all.iter().map(|object| object["Key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn events_come_into_a_bucket() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let may = json!(["s3:GetBucketAcl", "s3:PutObject"]);
    policy(&root, "logs.us-east-1.amazonaws.com", &may);
    let id = create(&root, json!({ "taskName": "t", "destinationPrefix": "p/q" })).ok()["taskId"].clone();
    let seen = task(&root, &id);
    assert_eq!(
        (&seen["status"]["code"], &seen["executionInfo"]["creationTime"]),
        (&json!("PENDING"), &json!(NOW))
    );
    create(&root, json!({})).refused_with(400, "LimitExceededException", "Resource limit exceeded.");
    cloud.reconcile();
    let seen = task(&root, &id);
    assert_eq!(seen["status"], json!({ "code": "COMPLETED", "message": "Completed successfully" }));
    assert_eq!(seen["executionInfo"]["completionTime"], NOW);
    let own = id.as_str().unwrap();
    assert_eq!(
        keys(&root),
        [
            format!("p/q/{own}/2026-01-a/000000.gz"),
            format!("p/q/{own}/b/000000.gz"),
            "p/q/aws-logs-write-test".into()
        ]
    );
    let over = root.call("logs", "CancelExportTask", json!({ "taskId": id }));
    over.refused_with(400, "InvalidOperationException", "The specified export task has already finished.");
    // Some streams, and a time; by the principal without a region.
    policy(&root, "logs.amazonaws.com", &may);
    let id = create(&root, json!({ "logStreamNamePrefix": "b", "to": NOW })).ok()["taskId"].clone();
    cloud.reconcile();
    assert_eq!(task(&root, &id)["status"]["code"], "COMPLETED");
    let key = format!("exportedlogs/{}/b/000000.gz", id.as_str().unwrap());
    assert!(keys(&root).contains(&key));
    let found = root.call("logs", "DescribeExportTasks", json!({ "statusCode": "COMPLETED" })).ok();
    assert_eq!(found["exportTasks"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_cancelled_refused_or_fails() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let refused = |reply: Reply, words: &str| reply.refused_with(400, "InvalidParameterException", words);
    refused(create(&root, json!({})), GRANT);
    refused(create(&root, json!({ "destination": "nowhere" })), GRANT);
    policy(&root, "logs.us-east-1.amazonaws.com", &json!("s3:GetBucketAcl"));
    refused(create(&root, json!({})), WRITE);
    policy(&root, "logs.us-east-1.amazonaws.com", &json!("s3:*"));
    refused(
        create(&root, json!({ "from": NOW + 2_000 })),
        "The 'from' time must not be later than the 'to' time.",
    );
    create(&root, json!({ "logGroupName": "none" })).refused(400, "ResourceNotFoundException");
    // Who may not write there cannot let others.
    let own = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "logs:*", "Resource": "*" } });
    let user = cloud.user(&root, "user", &own.to_string());
    refused(create(&user, json!({})), WRITE);
    let id = create(&root, json!({})).ok()["taskId"].clone();
    root.call("logs", "CancelExportTask", json!({ "taskId": id })).ok();
    assert_eq!(task(&root, &id)["status"]["code"], "PENDING_CANCEL");
    cloud.reconcile();
    assert_eq!(task(&root, &id)["status"]["code"], "CANCELLED");
    let id = create(&root, json!({})).ok()["taskId"].clone();
    root.call("s3", "DeleteBucketPolicy", json!({ "Bucket": "logs" })).ok();
    cloud.reconcile();
    let seen = task(&root, &id);
    assert_eq!(seen["status"]["code"], "FAILED");
    let none = root.call("logs", "CancelExportTask", json!({ "taskId": "none" }));
    none.refused_with(400, "ResourceNotFoundException", "The specified export task does not exist.");
}
