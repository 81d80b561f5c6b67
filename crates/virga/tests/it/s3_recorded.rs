//! What S3 was seen to answer where its documentation is silent.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn with_bucket<'c>(cloud: &'c Cloud, name: &str) -> Caller<'c> {
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": name })).ok();
    root
}

fn ids(listed: &Value) -> Vec<(String, bool)> {
    let versions = listed["Versions"].as_array().cloned().unwrap_or_default();
    let one = |v: &Value| (v["VersionId"].as_str().unwrap().to_owned(), v["IsLatest"] == json!(true));
    versions.iter().map(one).collect()
}

/// Who empties a bucket page by page goes on behind versions that are gone by then.
#[test]
fn pages_go_on_behind_versions_that_are_gone() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud, "paged");
    let kept = json!({ "Bucket": "paged", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", kept).ok();
    let made: Vec<String> = (0..5)
        .map(|_| root.call("s3", "PutObject", json!({ "Bucket": "paged", "Key": "k" })).ok())
        .map(|put| put["VersionId"].as_str().unwrap().to_owned())
        .collect();
    root.call("s3", "PutObject", json!({ "Bucket": "paged", "Key": "l" })).ok();
    let after = |id: &str| {
        let page = json!({ "Bucket": "paged", "KeyMarker": "k", "VersionIdMarker": id, "Prefix": "k" });
        ids(&root.call("s3", "ListObjectVersions", page).ok())
    };
    let delete = |id: &str| {
        root.call("s3", "DeleteObject", json!({ "Bucket": "paged", "Key": "k", "VersionId": id })).ok();
    };
    let rest = |latest: bool| vec![(made[1].clone(), latest), (made[0].clone(), false)];
    assert_eq!(after(&made[2]), rest(false));
    delete(&made[2]);
    assert_eq!(after(&made[2]), rest(false));
    delete(&made[3]);
    delete(&made[4]);
    assert_eq!(after(&made[2]), rest(true));
    // Under a marker no version is the newest.
    root.call("s3", "DeleteObject", json!({ "Bucket": "paged", "Key": "k" })).ok();
    assert_eq!(after(&made[2]), rest(false));
}

#[test]
fn rules_of_filters_are_spelt_by_aws() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud, "spelt");
    let rules = json!([{ "Name": "suffix", "Value": ".txt" }, { "Name": "PREFIX", "Value": "a" }]);
    let queue = json!({
        "QueueArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q"), "Events": ["s3:ObjectCreated:*"],
        "Filter": { "Key": { "FilterRules": rules } },
    });
    let put = json!({
        "Bucket": "spelt", "SkipDestinationValidation": true,
        "NotificationConfiguration": { "QueueConfigurations": [queue] },
    });
    root.call("s3", "PutBucketNotificationConfiguration", put).ok();
    let told = root.call("s3", "GetBucketNotificationConfiguration", json!({ "Bucket": "spelt" })).ok();
    let rules = &told["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"];
    let expected = json!([{ "Name": "Suffix", "Value": ".txt" }, { "Name": "Prefix", "Value": "a" }]);
    assert_eq!(rules, &expected);
}

#[test]
fn documents_of_tags_without_a_list_put_none() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud, "tagged");
    root.call("s3", "PutObject", json!({ "Bucket": "tagged", "Key": "k", "Tagging": "a=b" })).ok();
    let tags = json!({ "TagSet": [{ "Key": "a", "Value": "b" }] });
    root.call("s3", "PutBucketTagging", json!({ "Bucket": "tagged", "Tagging": tags })).ok();
    root.call("s3", "PutBucketTagging", json!({ "Bucket": "tagged", "Tagging": {} })).ok();
    root.call("s3", "GetBucketTagging", json!({ "Bucket": "tagged" })).refused(404, "NoSuchTagSet");
    let key = json!({ "Bucket": "tagged", "Key": "k" });
    root.call("s3", "PutObjectTagging", json!({ "Bucket": "tagged", "Key": "k", "Tagging": {} })).ok();
    assert_eq!(root.call("s3", "GetObjectTagging", key).ok()["TagSet"], json!([]));
}

#[test]
fn a_bucket_is_not_made_again_with_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let with = |tags: Value| {
        let place = json!({ "Bucket": "again", "CreateBucketConfiguration": { "Tags": tags } });
        root.call("s3", "CreateBucket", place)
    };
    let tags = json!([{ "Key": "a", "Value": "b" }]);
    with(tags.clone()).ok();
    with(json!([])).ok();
    root.call("s3", "CreateBucket", json!({ "Bucket": "again" })).ok();
    for other in [tags.clone(), json!([{ "Key": "c", "Value": "d" }])] {
        with(other).refused(409, "BucketAlreadyOwnedByYou");
    }
    assert_eq!(root.call("s3", "GetBucketTagging", json!({ "Bucket": "again" })).ok()["TagSet"], tags);
}

#[test]
fn what_is_looked_at_first() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud, "with.dots");
    root.call("s3", "CreateBucket", json!({ "Bucket": "plain" })).ok();
    let accelerate = |bucket: &str, status: &str| {
        let put = json!({ "Bucket": bucket, "AccelerateConfiguration": { "Status": status } });
        root.call("s3", "PutBucketAccelerateConfiguration", put)
    };
    let words = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names";
    accelerate("with.dots", "random").refused_with(400, "InvalidRequest", words);
    accelerate("plain", "enabled").refused(400, "MalformedXML");
    accelerate("plain", "Enabled").ok();
    let rules = |bucket: &str| {
        let put = json!({ "Bucket": bucket, "ServerSideEncryptionConfiguration": { "Rules": [] } });
        root.call("s3", "PutBucketEncryption", put)
    };
    rules("nowhere").refused(404, "NoSuchBucket");
    rules("plain").refused(400, "MalformedXML");
    // An empty token is none, and a region that is none is told without its value.
    let page = json!({ "ContinuationToken": "", "MaxBuckets": 1 });
    let first = root.call("s3", "ListBuckets", page).ok();
    assert_eq!(
        (&first["Buckets"][0]["Name"], first["ContinuationToken"].is_string()),
        (&json!("plain"), true)
    );
    let odd = root.call("s3", "ListBuckets", json!({ "BucketRegion": "eu-east-1" }));
    assert_eq!(odd.value["ArgumentName"], "bucket-region");
    assert_eq!(odd.value.get("ArgumentValue"), None);
    odd.refused_with(400, "InvalidArgument", "Argument value eu-east-1 is not a valid AWS Region");
}

#[test]
fn policies_come_back_in_the_order_of_aws() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud, "told");
    let policy = r#"{ "Statement": [{ "Action": "s3:GetObject", "Effect": "Deny", "Resource": "arn:aws:s3:::told/*",
        "Principal": { "AWS": "*" } }], "Version": "2012-10-17" }"#;
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "told", "Policy": policy })).ok();
    let told = root.call("s3", "GetBucketPolicy", json!({ "Bucket": "told" }));
    assert_eq!(
        String::from_utf8_lossy(&told.body),
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::told/*"}]}"#
    );
}
