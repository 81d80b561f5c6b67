//! What happens to objects by the clock: lifecycle rules, and restored copies of archived objects.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn of(bucket: &str) -> Value {
    json!({ "Bucket": bucket })
}

fn put(root: &Caller<'_>, bucket: &str, key: &str) -> Value {
    root.call("s3", "PutObject", json!({ "Bucket": bucket, "Key": key, "Body": "hello" })).ok()
}

fn rule(root: &Caller<'_>, bucket: &str, rule: Value) {
    let mut rule = rule;
    for (name, value) in [("ID", "rule"), ("Status", "Enabled"), ("Prefix", "log/")] {
        if rule.get(name).is_none() && rule.get("Filter").is_none_or(|_| name != "Prefix") {
            rule[name] = json!(value);
        }
    }
    let put = json!({ "Bucket": bucket, "LifecycleConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketLifecycleConfiguration", put).ok();
}

fn pass(cloud: &Cloud, seconds: u64) {
    cloud.advance(Duration::from_secs(seconds));
    cloud.reconcile();
}

fn keys(listed: &Value, member: &str) -> Vec<String> {
    let all = listed[member].as_array().cloned().unwrap_or_default();
    all.iter().map(|entry| entry["Key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn objects_expire_at_the_midnight_after_their_days() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", of("old")).ok();
    rule(&root, "old", json!({ "Expiration": { "Days": 2 } }));
    let made = put(&root, "old", "log/a");
    assert_eq!(made["Expiration"], "expiry-date=\"Sun, 18 Jan 2026 00:00:00 GMT\", rule-id=\"rule\"");
    put(&root, "old", "kept");
    pass(&cloud, 2 * DAY + 11 * HOUR);
    assert_eq!(keys(&root.call("s3", "ListObjectsV2", of("old")).ok(), "Contents"), ["kept", "log/a"]);
    pass(&cloud, HOUR);
    assert_eq!(keys(&root.call("s3", "ListObjectsV2", of("old")).ok(), "Contents"), ["kept"]);
}

#[test]
fn versions_expire_and_lone_markers_go() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", of("kept")).ok();
    let on = json!({ "Bucket": "kept", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", on).ok();
    rule(
        &root,
        "kept",
        json!({
            "Filter": { "Prefix": "log/" },
            "Expiration": { "Days": 1 },
            "NoncurrentVersionExpiration": { "NoncurrentDays": 3, "NewerNoncurrentVersions": 1 },
        }),
    );
    for _ in 0..4 {
        put(&root, "kept", "log/a");
    }
    pass(&cloud, 2 * DAY);
    let listed = root.call("s3", "ListObjectVersions", of("kept")).ok();
    assert_eq!((keys(&listed, "Versions").len(), keys(&listed, "DeleteMarkers").len()), (4, 1), "{listed}");
    // The three that were noncurrent from the start are over, the youngest of all noncurrent ones stays.
    pass(&cloud, 3 * DAY);
    let listed = root.call("s3", "ListObjectVersions", of("kept")).ok();
    assert_eq!(keys(&listed, "Versions").len(), 1, "{listed}");
    rule(
        &root,
        "kept",
        json!({
            "Expiration": { "ExpiredObjectDeleteMarker": true },
            "NoncurrentVersionExpiration": { "NoncurrentDays": 1 },
        }),
    );
    pass(&cloud, 2 * DAY);
    cloud.reconcile();
    let listed = root.call("s3", "ListObjectVersions", of("kept")).ok();
    assert_eq!((keys(&listed, "Versions").len(), keys(&listed, "DeleteMarkers").len()), (0, 0), "{listed}");
}

#[test]
fn tags_and_sizes_choose() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", of("chosen")).ok();
    let both =
        json!({ "Prefix": "", "Tags": [{ "Key": "old", "Value": "yes" }], "ObjectSizeGreaterThan": 3 });
    rule(&root, "chosen", json!({ "Filter": { "And": both }, "Expiration": { "Days": 1 } }));
    for (key, body, tags) in [("a", "hello", "old=yes"), ("b", "hi", "old=yes"), ("c", "hello", "old=no")] {
        let put = json!({ "Bucket": "chosen", "Key": key, "Body": body, "Tagging": tags });
        root.call("s3", "PutObject", put).ok();
    }
    pass(&cloud, 3 * DAY);
    assert_eq!(keys(&root.call("s3", "ListObjectsV2", of("chosen")).ok(), "Contents"), ["b", "c"]);
}

#[test]
fn objects_move_to_glacier_and_come_back_for_a_while() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", of("cold")).ok();
    // Sizes in the filter let small objects move too.
    let small = json!({ "ObjectSizeGreaterThan": 1 });
    let to = json!([{ "Days": 1, "StorageClass": "GLACIER" }]);
    rule(&root, "cold", json!({ "Filter": small, "Transitions": to }));
    put(&root, "cold", "a");
    let one = json!({ "Bucket": "cold", "Key": "a" });
    let restore = |days: i64, tier: &str| {
        let request = json!({ "Days": days, "GlacierJobParameters": { "Tier": tier } });
        root.call("s3", "RestoreObject", json!({ "Bucket": "cold", "Key": "a", "RestoreRequest": request }))
    };
    restore(1, "Standard").refused(403, "InvalidObjectState");
    pass(&cloud, 2 * DAY);
    let head = root.call("s3", "HeadObject", one.clone()).ok();
    assert_eq!(head["StorageClass"], "GLACIER");
    let refused = root.call("s3", "GetObject", one.clone());
    refused.refused_with(
        403,
        "InvalidObjectState",
        "The operation is not valid for the object's storage class",
    );
    assert_eq!(restore(2, "Expedited").status, 202);
    restore(2, "Expedited").refused_with(
        409,
        "RestoreAlreadyInProgress",
        "Object restore is already in progress",
    );
    let head = root.call("s3", "HeadObject", one.clone()).ok();
    assert_eq!(head["Restore"], "ongoing-request=\"true\"");
    root.call("s3", "GetObject", one.clone()).refused(403, "InvalidObjectState");
    pass(&cloud, 300);
    let got = root.call("s3", "GetObject", one.clone()).ok();
    assert_eq!(got["Body"], "hello");
    assert_eq!(got["Restore"], "ongoing-request=\"false\", expiry-date=\"Tue, 20 Jan 2026 00:00:00 GMT\"");
    let attributes = json!({ "Bucket": "cold", "OptionalObjectAttributes": ["RestoreStatus"] });
    let listed = root.call("s3", "ListObjectsV2", attributes).ok();
    assert_eq!(listed["Contents"][0]["RestoreStatus"]["IsRestoreInProgress"], false);
    assert_eq!(restore(5, "Standard").status, 200);
    pass(&cloud, 6 * DAY);
    root.call("s3", "GetObject", one).refused(403, "InvalidObjectState");
}

#[test]
fn small_objects_may_go_to_glacier() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (bucket, smallest, class) in
        [("stays", "all_storage_classes_128K", "STANDARD"), ("goes", "varies_by_storage_class", "GLACIER")]
    {
        root.call("s3", "CreateBucket", of(bucket)).ok();
        let days = json!([{ "Days": 1, "StorageClass": "GLACIER" }]);
        let rule = json!({ "ID": "r", "Status": "Enabled", "Prefix": "", "Transitions": days });
        let rules = json!({
            "Bucket": bucket, "TransitionDefaultMinimumObjectSize": smallest,
            "LifecycleConfiguration": { "Rules": [rule] },
        });
        root.call("s3", "PutBucketLifecycleConfiguration", rules).ok();
        let got = root.call("s3", "GetBucketLifecycleConfiguration", of(bucket)).ok();
        assert_eq!(got["TransitionDefaultMinimumObjectSize"], smallest);
        put(&root, bucket, "log/a");
        pass(&cloud, 2 * DAY);
        assert_eq!(root.call("s3", "ListObjectsV2", of(bucket)).ok()["Contents"][0]["StorageClass"], class);
    }
}

#[test]
fn uploads_that_nobody_completes_are_aborted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", of("parts")).ok();
    rule(&root, "parts", json!({ "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 1 } }));
    for key in ["log/a", "b"] {
        root.call("s3", "CreateMultipartUpload", json!({ "Bucket": "parts", "Key": key })).ok();
    }
    pass(&cloud, 2 * DAY);
    let left = root.call("s3", "ListMultipartUploads", of("parts")).ok();
    assert_eq!(keys(&left, "Uploads"), ["b"]);
}

#[test]
fn locked_versions_outlive_the_rules() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "held", "ObjectLockEnabledForBucket": true })).ok();
    rule(&root, "held", json!({ "NoncurrentVersionExpiration": { "NoncurrentDays": 1 } }));
    let first = put(&root, "held", "log/a");
    put(&root, "held", "log/a");
    let hold = |status: &str| {
        let id = &first["VersionId"];
        let one =
            json!({ "Bucket": "held", "Key": "log/a", "VersionId": id, "LegalHold": { "Status": status } });
        root.call("s3", "PutObjectLegalHold", one).ok();
    };
    hold("ON");
    let delete = json!({ "Bucket": "held", "Key": "log/a", "VersionId": first["VersionId"] });
    root.call("s3", "DeleteObject", delete).refused_with(
        403,
        "AccessDenied",
        "Access Denied because object protected by object lock.",
    );
    pass(&cloud, 3 * DAY);
    let versions = || keys(&root.call("s3", "ListObjectVersions", of("held")).ok(), "Versions").len();
    assert_eq!(versions(), 2);
    hold("OFF");
    pass(&cloud, DAY);
    assert_eq!(versions(), 1);
}

#[test]
fn retention_binds_root_too() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "bound", "ObjectLockEnabledForBucket": true })).ok();
    let made = put(&root, "bound", "a");
    let id = made["VersionId"].clone();
    let retain = |mode: &str, until: &str, bypass: bool| {
        root.call(
            "s3",
            "PutObjectRetention",
            json!({
                "Bucket": "bound", "Key": "a", "VersionId": id, "BypassGovernanceRetention": bypass,
                "Retention": { "Mode": mode, "RetainUntilDate": until },
            }),
        )
    };
    let one = json!({ "Bucket": "bound", "Key": "a", "VersionId": id });
    root.call("s3", "GetObjectRetention", one.clone()).refused_with(
        404,
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
    );
    retain("GOVERNANCE", "2020-01-01T00:00:00Z", false).refused_with(
        400,
        "InvalidArgument",
        "The retain until date must be in the future!",
    );
    retain("GOVERNANCE", "2026-02-01T00:00:00Z", false).ok();
    retain("GOVERNANCE", "2026-01-20T00:00:00Z", false).refused(403, "AccessDenied");
    retain("GOVERNANCE", "2026-01-20T00:00:00Z", true).ok();
    let got = root.call("s3", "GetObjectRetention", one.clone()).ok();
    assert_eq!(got["Retention"]["Mode"], "GOVERNANCE");
    retain("COMPLIANCE", "2026-01-20T00:00:00Z", true).ok();
    retain("GOVERNANCE", "2026-03-01T00:00:00Z", true).refused(403, "AccessDenied");
    let mut delete = one.clone();
    delete["BypassGovernanceRetention"] = json!(true);
    root.call("s3", "DeleteObject", delete.clone()).refused(403, "AccessDenied");
    // A marker may lie on top of it.
    root.call("s3", "DeleteObject", json!({ "Bucket": "bound", "Key": "a" })).ok();
    cloud.advance(Duration::from_secs(6 * DAY));
    root.call("s3", "DeleteObject", delete).ok();
}
