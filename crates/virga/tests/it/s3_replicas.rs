//! What replication's rules may say beside where to: keys of KMS, changes of replicas, owners, time and metrics; and what
//! follows a version to its copies later on.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const ROLE: &str = "arn:aws:iam::123456789012:role/copier";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"s3.amazonaws.com"}}}"#;
const COPIES: &str = "s3:GetObjectVersionForReplication";

fn and(mut a: Value, b: &Value) -> Value {
    for (name, value) in b.as_object().into_iter().flatten() {
        a[name] = value.clone();
    }
    a
}

fn versioned(caller: &Caller<'_>, bucket: &str, more: &Value) {
    caller.call("s3", "CreateBucket", and(json!({ "Bucket": bucket }), more)).ok();
    let on = json!({ "Bucket": bucket, "VersioningConfiguration": { "Status": "Enabled" } });
    caller.call("s3", "PutBucketVersioning", on).ok();
}

/// A role that S3 may assume, and that may do these things beside copying.
fn role(root: &Caller<'_>, more: &[&str]) {
    root.call("iam", "CreateRole", json!({ "RoleName": "copier", "AssumeRolePolicyDocument": TRUST })).ok();
    may(root, more);
}

fn may(root: &Caller<'_>, more: &[&str]) {
    let actions: Vec<&str> =
        [COPIES, "s3:ReplicateObject", "s3:ReplicateDelete"].iter().chain(more).copied().collect();
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    let put = json!({ "RoleName": "copier", "PolicyName": "copies", "PolicyDocument": policy });
    root.call("iam", "PutRolePolicy", put).ok();
}

/// A rule that copies everything.
fn rule(to: &str, of_rule: &Value, of_destination: &Value) -> Value {
    let rule = json!({
        "ID": format!("to-{to}"), "Status": "Enabled", "Priority": 1, "Filter": {},
        "DeleteMarkerReplication": { "Status": "Enabled" },
        "Destination": and(json!({ "Bucket": format!("arn:aws:s3:::{to}") }), of_destination),
    });
    and(rule, of_rule)
}

fn rules(caller: &Caller<'_>, bucket: &str, rules: Value) -> Reply {
    let configuration = json!({ "Role": ROLE, "Rules": rules });
    caller.call(
        "s3",
        "PutBucketReplication",
        json!({ "Bucket": bucket, "ReplicationConfiguration": configuration }),
    )
}

fn put(caller: &Caller<'_>, bucket: &str, key: &str, more: &Value) -> Value {
    caller.call("s3", "PutObject", and(json!({ "Bucket": bucket, "Key": key, "Body": "hello" }), more)).ok()
}

fn head(caller: &Caller<'_>, bucket: &str, key: &str) -> Value {
    caller.call("s3", "HeadObject", json!({ "Bucket": bucket, "Key": key })).ok()
}

fn status(caller: &Caller<'_>, bucket: &str, key: &str) -> Value {
    head(caller, bucket, key)["ReplicationStatus"].clone()
}

fn tag(caller: &Caller<'_>, bucket: &str, key: &str, value: &str) {
    let tagging = json!({ "TagSet": [{ "Key": "t", "Value": value }] });
    caller.call("s3", "PutObjectTagging", json!({ "Bucket": bucket, "Key": key, "Tagging": tagging })).ok();
}

fn tags(caller: &Caller<'_>, bucket: &str, key: &str) -> Value {
    let got = caller.call("s3", "GetObjectTagging", json!({ "Bucket": bucket, "Key": key })).ok();
    got["TagSet"][0]["Value"].clone()
}

#[test]
fn what_lies_under_a_key_of_kms_goes_under_the_key_of_the_destination() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let west = root.in_region("eu-west-1");
    versioned(&root, "here", &json!({}));
    let there = json!({ "CreateBucketConfiguration": { "LocationConstraint": "eu-west-1" } });
    versioned(&west, "there", &there);
    let key =
        |caller: &Caller<'_>| caller.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].clone();
    let (here_key, there_key) = (key(&root), key(&west));
    role(&root, &["kms:Decrypt"]);
    let sealed = json!({ "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": here_key });
    // A rule that does not ask for it leaves it out.
    rules(&root, "here", json!([rule("there", &json!({}), &json!({}))])).ok();
    put(&root, "here", "left", &sealed);
    assert_eq!(status(&root, "here", "left"), Value::Null);
    let taken = json!({ "SourceSelectionCriteria": { "SseKmsEncryptedObjects": { "Status": "Enabled" } } });
    let under = |key: &Value| json!({ "EncryptionConfiguration": { "ReplicaKmsKeyID": key } });
    rules(&root, "here", json!([rule("there", &taken, &under(&there_key))])).ok();
    // The role may read, but not encrypt there.
    put(&root, "here", "refused", &sealed);
    cloud.reconcile();
    assert_eq!(status(&root, "here", "refused"), "FAILED");
    may(&root, &["kms:Decrypt", "kms:Encrypt"]);
    let big = "x".repeat(200_000);
    put(&root, "here", "small", &sealed);
    put(&root, "here", "big", &and(json!({ "Body": big, "BucketKeyEnabled": true }), &sealed));
    put(&root, "here", "double", &and(sealed, &json!({ "ServerSideEncryption": "aws:kms:dsse" })));
    put(&root, "here", "plain", &json!({}));
    cloud.reconcile();
    for (name, body, method) in [
        ("small", "hello", "aws:kms"),
        ("big", &big, "aws:kms"),
        ("double", "hello", "aws:kms:dsse"),
        ("plain", "hello", "AES256"),
    ] {
        assert_eq!(status(&root, "here", name), "COMPLETED", "{name}");
        let got = west.call("s3", "GetObject", json!({ "Bucket": "there", "Key": name })).ok();
        assert_eq!((&got["Body"], &got["ServerSideEncryption"]), (&json!(body), &json!(method)), "{name}");
        let key = if method == "AES256" { Value::Null } else { there_key.clone() };
        assert_eq!(got["SSEKMSKeyId"], key, "{name}");
    }
    west.call("s3", "GetObject", json!({ "Bucket": "there", "Key": "left" })).refused(404, "NoSuchKey");
    // The original's key is not needed any more, the replica's is.
    let eva = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", eva);
    let eva = eva.in_region("eu-west-1");
    eva.call("s3", "GetObject", json!({ "Bucket": "there", "Key": "small" })).refused(403, "AccessDenied");
    // A key that is not there is found out when it is needed.
    let none = json!("arn:aws:kms:eu-west-1:123456789012:key/none");
    rules(&root, "here", json!([rule("there", &taken, &under(&none))])).ok();
    let sealed = json!({ "ServerSideEncryption": "aws:kms" });
    put(&root, "here", "keyless", &sealed);
    cloud.reconcile();
    assert_eq!(status(&root, "here", "keyless"), "FAILED");
}

#[test]
fn changes_follow_and_changes_of_replicas_go_back_where_rules_say_so() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    versioned(&root, "here", &json!({ "ObjectOwnership": "ObjectWriter" }));
    versioned(&root, "there", &json!({ "ObjectOwnership": "ObjectWriter" }));
    role(&root, &["s3:GetObjectVersionTagging"]);
    rules(&root, "here", json!([rule("there", &json!({}), &json!({}))])).ok();
    put(&root, "here", "k", &json!({ "Tagging": "t=first" }));
    cloud.reconcile();
    assert_eq!(tags(&root, "there", "k"), "first");
    tag(&root, "here", "k", "second");
    assert_eq!(status(&root, "here", "k"), "PENDING");
    cloud.reconcile();
    assert_eq!(
        (tags(&root, "there", "k"), status(&root, "here", "k")),
        (json!("second"), json!("COMPLETED"))
    );
    let acl = json!({ "Bucket": "here", "Key": "k", "ACL": "authenticated-read" });
    root.call("s3", "DeletePublicAccessBlock", json!({ "Bucket": "here" })).ok();
    root.call("s3", "PutObjectAcl", acl).ok();
    cloud.reconcile();
    let grants = root.call("s3", "GetObjectAcl", json!({ "Bucket": "there", "Key": "k" })).ok();
    assert_eq!(grants["Grants"].as_array().unwrap().len(), 2, "{grants}");
    root.call("s3", "DeleteObjectTagging", json!({ "Bucket": "here", "Key": "k" })).ok();
    cloud.reconcile();
    assert_eq!(tags(&root, "there", "k"), Value::Null);
    // The other way only by a rule that takes changes of replicas.
    rules(&root, "there", json!([rule("here", &json!({}), &json!({}))])).ok();
    tag(&root, "there", "k", "third");
    cloud.reconcile();
    assert_eq!(tags(&root, "here", "k"), Value::Null);
    let both = json!({ "SourceSelectionCriteria": { "ReplicaModifications": { "Status": "Enabled" } } });
    rules(&root, "there", json!([rule("here", &both, &json!({}))])).ok();
    tag(&root, "there", "k", "fourth");
    assert_eq!(status(&root, "there", "k"), "REPLICA");
    cloud.reconcile();
    assert_eq!((tags(&root, "here", "k"), status(&root, "here", "k")), (json!("fourth"), json!("COMPLETED")));
    cloud.reconcile();
    // A version that is gone there does not come back for a change.
    let id = head(&root, "here", "k")["VersionId"].clone();
    root.call("s3", "DeleteObject", json!({ "Bucket": "there", "Key": "k", "VersionId": id })).ok();
    tag(&root, "here", "k", "fifth");
    cloud.reconcile();
    assert_eq!(status(&root, "here", "k"), "FAILED");
    root.call("s3", "HeadObject", json!({ "Bucket": "there", "Key": "k" })).refused(404, "NoSuchKey");
    // Tags come along only where the role may read them, and nobody there minds.
    may(&root, &[]);
    put(&root, "here", "bare", &json!({ "Tagging": "t=x" }));
    cloud.reconcile();
    assert_eq!(
        (tags(&root, "there", "bare"), status(&root, "here", "bare")),
        (Value::Null, json!("COMPLETED"))
    );
    may(&root, &["s3:GetObjectVersionTagging"]);
    let no = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": { "AWS": ACCOUNT }, "Action": "s3:ReplicateTags", "Resource": "arn:aws:s3:::there/*",
    } });
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "there", "Policy": no.to_string() })).ok();
    put(&root, "here", "denied", &json!({ "Tagging": "t=x" }));
    cloud.reconcile();
    assert_eq!(
        (tags(&root, "there", "denied"), status(&root, "here", "denied")),
        (Value::Null, json!("COMPLETED"))
    );
}

#[test]
fn what_lifecycles_do_and_what_is_archived_stays_here() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    versioned(&root, "here", &json!({}));
    versioned(&root, "there", &json!({}));
    role(&root, &[]);
    rules(&root, "here", json!([rule("there", &json!({}), &json!({}))])).ok();
    put(&root, "here", "cold", &json!({ "StorageClass": "GLACIER" }));
    assert_eq!(status(&root, "here", "cold"), Value::Null);
    put(&root, "here", "old", &json!({}));
    cloud.reconcile();
    let expire =
        json!({ "ID": "e", "Status": "Enabled", "Filter": { "Prefix": "old" }, "Expiration": { "Days": 1 } });
    let expire = json!({ "Bucket": "here", "LifecycleConfiguration": { "Rules": [expire] } });
    root.call("s3", "PutBucketLifecycleConfiguration", expire).ok();
    cloud.advance(Duration::from_secs(3 * 86_400));
    (0..2).for_each(|_| cloud.reconcile());
    root.call("s3", "HeadObject", json!({ "Bucket": "here", "Key": "old" })).refused(404, "NoSuchKey");
    assert_eq!(status(&root, "there", "old"), "REPLICA");
}

#[test]
fn each_destination_is_served_by_itself_and_its_locks_are_kept() {
    let cloud = Cloud::new();
    let (root, far) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let locked = json!({ "ObjectLockEnabledForBucket": true });
    versioned(&root, "here", &json!({}));
    versioned(&root, "near", &locked);
    versioned(&far, "theirs", &json!({ "ObjectOwnership": "ObjectWriter" }));
    let default = json!({ "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": 3 } } });
    root.call(
        "s3",
        "PutObjectLockConfiguration",
        json!({ "Bucket": "near", "ObjectLockConfiguration": default }),
    )
    .ok();
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "AWS": ACCOUNT }, "Action": "s3:*", "Resource": "arn:aws:s3:::theirs/*",
    } });
    far.call("s3", "PutBucketPolicy", json!({ "Bucket": "theirs", "Policy": policy.to_string() })).ok();
    role(&root, &[]);
    let handed =
        |account: &str| json!({ "Account": account, "AccessControlTranslation": { "Owner": "Destination" } });
    let to = |account: &str| {
        let theirs = rule("theirs", &json!({ "Priority": 2 }), &handed(account));
        rules(&root, "here", json!([rule("near", &json!({}), &json!({})), theirs])).ok();
    };
    to(OTHER);
    put(&root, "here", "a", &json!({}));
    cloud.reconcile();
    // Giving a replica away is a right of its own.
    assert_eq!((status(&root, "here", "a"), status(&root, "near", "a")), (json!("FAILED"), json!("REPLICA")));
    assert_eq!(head(&root, "near", "a")["ObjectLockMode"], "GOVERNANCE");
    far.call("s3", "HeadObject", json!({ "Bucket": "theirs", "Key": "a" })).refused(404, "NoSuchKey");
    may(&root, &["s3:ObjectOwnerOverrideToBucketOwner"]);
    put(&root, "here", "b", &json!({}));
    cloud.reconcile();
    assert_eq!(status(&root, "here", "b"), "COMPLETED");
    far.call("s3", "GetObject", json!({ "Bucket": "theirs", "Key": "b" })).ok();
    // Whose the bucket is has been said otherwise.
    to(ACCOUNT);
    put(&root, "here", "c", &json!({}));
    cloud.reconcile();
    assert_eq!(status(&root, "here", "c"), "FAILED");
    // What may be locked goes only where it can be.
    versioned(&root, "safe", &locked);
    rules(&root, "safe", json!([rule("here", &json!({}), &json!({}))])).ok();
    put(&root, "safe", "d", &json!({}));
    cloud.reconcile();
    assert_eq!(status(&root, "safe", "d"), "FAILED");
    rules(&root, "safe", json!([rule("near", &json!({}), &json!({}))])).ok();
    let until = json!({ "ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": "2026-03-01T00:00:00Z", "ContentMD5": "XUFAKrxLKna5cZ2REBfFkg==" });
    put(&root, "safe", "e", &until);
    cloud.reconcile();
    assert_eq!(status(&root, "safe", "e"), "FAILED", "the role may not read retentions");
    may(&root, &["s3:GetObjectRetention", "s3:GetObjectLegalHold"]);
    put(&root, "safe", "f", &until);
    cloud.reconcile();
    assert_eq!(head(&root, "near", "f")["ObjectLockMode"], "COMPLIANCE");
    let hold = json!({ "Bucket": "safe", "Key": "f", "LegalHold": { "Status": "ON" } });
    root.call("s3", "PutObjectLegalHold", hold).ok();
    cloud.reconcile();
    assert_eq!(head(&root, "near", "f")["ObjectLockLegalHoldStatus"], "ON");
}

fn metric(root: &Caller<'_>, name: &str, statistic: &str) -> Option<f64> {
    let dimensions = [("SourceBucket", "here"), ("DestinationBucket", "there"), ("RuleId", "to-there")];
    let dimensions: Vec<Value> =
        dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let asked = json!({
        "Namespace": "AWS/S3", "MetricName": name, "Dimensions": dimensions, "Statistics": [statistic],
        "StartTime": "2026-01-15T00:00:00Z", "EndTime": "2026-01-17T00:00:00Z", "Period": 172_800,
    });
    let answer = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    answer["Datapoints"][0].get(statistic).map(|value| match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    })
}

#[test]
fn what_fails_and_what_takes_long_is_told_and_measured() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    versioned(&root, "here", &json!({}));
    versioned(&root, "there", &json!({}));
    role(&root, &[]);
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let queue = json!({ "QueueName": "q", "Attributes": { "Policy": policy.to_string() } });
    let url = root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"].clone();
    let queue = json!({ "QueueArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q"), "Events": ["s3:Replication:*"], "Id": "word" });
    let notify = json!({ "Bucket": "here", "NotificationConfiguration": { "QueueConfigurations": [queue] } });
    root.call("s3", "PutBucketNotificationConfiguration", notify).ok();
    let told = || {
        cloud.reconcile();
        let found =
            root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).ok();
        let mut records = Vec::new();
        for message in found["Messages"].as_array().cloned().unwrap_or_default() {
            let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", done).ok();
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            records.extend(body["Records"].as_array().cloned().unwrap_or_default());
        }
        records
    };
    told();
    let timed = json!({
        "Metrics": { "Status": "Enabled", "EventThreshold": { "Minutes": 15 } },
        "ReplicationTime": { "Status": "Enabled", "Time": { "Minutes": 15 } },
    });
    let given = json!([rule("there", &json!({}), &timed)]);
    rules(&root, "here", given.clone()).ok();
    let kept = root.call("s3", "GetBucketReplication", json!({ "Bucket": "here" })).ok();
    assert_eq!(kept["ReplicationConfiguration"]["Rules"][0]["Destination"], given[0]["Destination"]);
    put(&root, "here", "quick", &json!({}));
    cloud.advance(Duration::from_secs(40));
    assert_eq!(told(), Vec::<Value>::new());
    put(&root, "here", "late", &json!({}));
    cloud.advance(Duration::from_secs(20 * 60));
    cloud.reconcile();
    let names: Vec<Value> = told().iter().map(|record| record["eventName"].clone()).collect();
    let late = ["Replication:OperationMissedThreshold", "Replication:OperationReplicatedAfterThreshold"];
    assert_eq!(names, late);
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "there", "Policy": json!({
        "Version": "2012-10-17", "Statement": {
            "Effect": "Deny", "Principal": "*", "Action": "s3:ReplicateObject", "Resource": "arn:aws:s3:::there/*",
        },
    }).to_string() })).ok();
    let made = put(&root, "here", "lost", &json!({}));
    cloud.reconcile();
    let records = told();
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record["eventVersion"], "2.2");
    assert_eq!(record["eventName"], "Replication:OperationFailedReplication");
    assert_eq!(record["userIdentity"], json!({ "principalId": "s3.amazonaws.com" }));
    assert_eq!(record["s3"]["configurationId"], "word");
    assert_eq!(record["s3"]["object"]["versionId"], made["VersionId"]);
    let mut data = record["replicationEventData"].clone();
    data.as_object_mut().unwrap().remove("requestTime");
    let expected = json!({
        "replicationRuleId": "to-there", "destinationBucket": "arn:aws:s3:::there", "s3Operation": "OBJECT_PUT",
        "failureReason": "DstPutObjectNotPermitted",
    });
    assert_eq!(data, expected);
    cloud.reconcile();
    for (name, statistic, value) in [
        ("ReplicationLatency", "Maximum", 1_200.0),
        ("ReplicationLatency", "Minimum", 40.0),
        ("OperationsFailedReplication", "Sum", 1.0),
        ("OperationsPendingReplication", "Maximum", 1.0),
        ("OperationsPendingReplication", "Minimum", 0.0),
        ("BytesPendingReplication", "Maximum", 5.0),
    ] {
        assert_eq!(metric(&root, name, statistic), Some(value), "{name} {statistic}");
    }
    cloud.block_on(cloud.cloud.close()).unwrap();
}

#[test]
fn whoever_listens_there_hears_of_replicas() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    versioned(&root, "here", &json!({}));
    versioned(&root, "there", &json!({}));
    role(&root, &[]);
    rules(&root, "here", json!([rule("there", &json!({}), &json!({}))])).ok();
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let queue = json!({ "QueueName": "q", "Attributes": { "Policy": policy.to_string() } });
    let url = root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"].clone();
    let events = json!(["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]);
    let queue = json!({ "QueueArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q"), "Events": events });
    let notify =
        json!({ "Bucket": "there", "NotificationConfiguration": { "QueueConfigurations": [queue] } });
    root.call("s3", "PutBucketNotificationConfiguration", notify).ok();
    let heard = || {
        (0..2).for_each(|_| cloud.reconcile());
        let found =
            root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).ok();
        let messages = found["Messages"].as_array().cloned().unwrap_or_default();
        let mut names = Vec::new();
        for message in messages {
            let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", done).ok();
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            let record = &body["Records"][0];
            names.extend(
                record["eventName"].as_str().map(|name| format!("{name} {}", record["s3"]["object"]["key"])),
            );
        }
        names
    };
    heard();
    put(&root, "here", "k", &json!({}));
    assert_eq!(heard(), ["ObjectCreated:Put \"k\""]);
    // What only changes is no new object.
    tag(&root, "here", "k", "x");
    assert_eq!(heard(), Vec::<String>::new());
    root.call("s3", "DeleteObject", json!({ "Bucket": "here", "Key": "k" })).ok();
    assert_eq!(heard(), ["ObjectRemoved:DeleteMarkerCreated \"k\""]);
}

#[test]
fn who_configures_passes_the_role_and_says_what_goes_together() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    versioned(&root, "here", &json!({}));
    versioned(&root, "there", &json!({}));
    root.call("s3", "CreateBucket", json!({ "Bucket": "flat" })).ok();
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", all);
    let plain = || json!([rule("there", &json!({}), &json!({}))]);
    let said = rules(&eva, "here", plain()).refused(403, "AccessDenied");
    assert!(said.contains("iam:PassRole"), "{said}");
    rules(&root, "here", plain()).ok();
    for (given, code, message) in [
        (
            json!([rule("nowhere", &json!({}), &json!({}))]),
            "InvalidRequest",
            "Destination bucket must have versioning enabled.",
        ),
        (
            json!([rule("flat", &json!({}), &json!({}))]),
            "InvalidRequest",
            "Destination bucket must have versioning enabled.",
        ),
        (
            json!([rule("here", &json!({}), &json!({}))]),
            "InvalidRequest",
            "Destination bucket cannot be the same as the source bucket.",
        ),
        (
            json!([rule(
                "there",
                &json!({}),
                &json!({ "Metrics": { "Status": "Enabled", "EventThreshold": { "Minutes": 15 } } })
            )]),
            "InvalidArgument",
            "Metrics cannot contain an event threshold when ReplicationTime is not specified or Disabled",
        ),
        (
            json!([rule(
                "there",
                &json!({ "ExistingObjectReplication": { "Status": "Enabled" } }),
                &json!({})
            )]),
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
    ] {
        rules(&root, "here", given).refused_with(400, code, message);
    }
    // What is replicated keeps its versions.
    let suspend = json!({ "Bucket": "here", "VersioningConfiguration": { "Status": "Suspended" } });
    root.call("s3", "PutBucketVersioning", suspend.clone()).refused_with(
        409,
        "InvalidBucketState",
        "A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration.",
    );
    root.call("s3", "DeleteBucketReplication", json!({ "Bucket": "here" })).ok();
    root.call("s3", "PutBucketVersioning", suspend).ok();
}
