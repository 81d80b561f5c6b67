//! What S3 refuses of a bucket's configurations: its codes, words and arguments.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn with_bucket(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "strict" })).ok();
    root
}

fn put(root: &Caller<'_>, kind: &str, id: &str, mut configuration: Value) -> Reply {
    configuration["Id"] = json!(id);
    let member = format!("{kind}Configuration");
    root.call(
        "s3",
        &format!("PutBucket{kind}Configuration"),
        json!({ "Bucket": "strict", "Id": id, member: configuration }),
    )
}

fn lifecycle(root: &Caller<'_>, rules: &Value) -> Reply {
    let put = json!({ "Bucket": "strict", "LifecycleConfiguration": { "Rules": rules } });
    root.call("s3", "PutBucketLifecycleConfiguration", put)
}

#[test]
fn lifecycle_filters() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let wrong = [
        (
            json!({ "ObjectSizeGreaterThan": -1 }),
            "'ObjectSizeGreaterThan' should be between 0 and 1099511627776000.",
        ),
        (
            json!({ "ObjectSizeLessThan": 0 }),
            "'ObjectSizeLessThan' should be between 1 and 1099511627776000.",
        ),
        (
            json!({ "And": { "Prefix": "a", "ObjectSizeLessThan": 1_099_511_627_776_001_i64 } }),
            "'ObjectSizeLessThan' should be between 1 and 1099511627776000.",
        ),
        (
            json!({ "Tag": { "Key": "k".repeat(129), "Value": "" } }),
            "A Tag's Key must be a length between 1 and 128.",
        ),
        (
            json!({ "Tag": { "Key": "k", "Value": "v".repeat(257) } }),
            "A Tag's Value must be a length between 0 and 256.",
        ),
    ];
    for (filter, message) in wrong {
        let rule = json!([{ "Status": "Enabled", "Filter": filter, "Expiration": { "Days": 1 } }]);
        lifecycle(&root, &rule).refused_with(400, "InvalidRequest", message);
    }
    let expiring = |about: Value| {
        let mut rule = json!({ "Status": "Enabled", "Expiration": { "Days": 1 } });
        for (name, value) in about.as_object().into_iter().flatten() {
            rule[name] = value.clone();
        }
        rule
    };
    let mixed = json!([expiring(json!({ "Prefix": "a" })), expiring(json!({ "Filter": { "Prefix": "b" } }))]);
    lifecycle(&root, &mixed).refused_with(
        400,
        "InvalidRequest",
        "Filter element can only be used in Lifecycle V2.",
    );
    let both = json!([expiring(json!({ "Prefix": "a", "Filter": { "Prefix": "a" } }))]);
    lifecycle(&root, &both).refused_with(
        400,
        "InvalidRequest",
        "Base level prefix cannot be used in V2, prefixes are only supported in the Filter.",
    );
}

#[test]
fn lifecycle_actions() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let refused = |action: Value| {
        let mut rule = json!({ "Status": "Enabled", "Filter": {} });
        for (name, value) in action.as_object().into_iter().flatten() {
            rule[name] = value.clone();
        }
        lifecycle(&root, &json!([rule]))
    };
    let wrong = [
        (json!({ "Expiration": { "Days": 0 } }), "'Days' for Expiration action must be a positive integer"),
        (
            json!({ "Transitions": [{ "Days": 1, "StorageClass": "GLACIER" }, { "Days": 90, "StorageClass": "DEEP_ARCHIVE" }] }),
            "'Days' in the 'Transition' action for StorageClass 'DEEP_ARCHIVE' for filter '()' must be 90 days more than 'filter '()'' in the 'Transition' action for StorageClass 'GLACIER'",
        ),
        (
            json!({ "NoncurrentVersionTransitions": [{ "NoncurrentDays": 60, "StorageClass": "ONEZONE_IA" }, { "NoncurrentDays": 60, "StorageClass": "GLACIER" }] }),
            "'NoncurrentDays' in the 'NoncurrentVersionTransition' action for StorageClass 'GLACIER' for filter '()' must be greater than 'NoncurrentDays' in the 'NoncurrentVersionTransition' action for StorageClass 'ONEZONE_IA' for filter '()'",
        ),
        (
            json!({ "NoncurrentVersionExpiration": { "NoncurrentDays": 1, "NewerNoncurrentVersions": 0 } }),
            "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive integer",
        ),
    ];
    for (action, message) in wrong {
        refused(action).refused_with(400, "InvalidArgument", message);
    }
    refused(json!({ "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" }, { "Days": 60, "StorageClass": "GLACIER" }, { "Days": 150, "StorageClass": "DEEP_ARCHIVE" }] })).ok();
}

#[test]
fn archive_tiers() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let tiers = |of: &[(&str, i64)]| {
        let all: Vec<Value> =
            of.iter().map(|(tier, days)| json!({ "AccessTier": tier, "Days": days })).collect();
        json!({ "Status": "Enabled", "Tierings": all })
    };
    let (archive, deep) = ("ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS");
    let wrong = [
        (tiers(&[(archive, 89)]), "Days specified in ARCHIVE_ACCESS tier should not be less than 90."),
        (tiers(&[(deep, 731)]), "Days specified in DEEP_ARCHIVE_ACCESS tier should not be more than 730."),
        (
            tiers(&[(archive, 90), (archive, 91)]),
            "All Access Tiers in a configuration must be unique. Found duplicate entry for ARCHIVE_ACCESS.",
        ),
        (
            tiers(&[(archive, 180), (deep, 180)]),
            "Days specified in DEEP_ARCHIVE_ACCESS should be greater than days specified in ARCHIVE_ACCESS",
        ),
    ];
    for (configuration, message) in wrong {
        put(&root, "IntelligentTiering", "a", configuration).refused_with(400, "InvalidAccessTier", message);
    }
    let filters = [
        (json!({}), "MalformedXML"),
        (json!({ "Prefix": "" }), "InvalidPrefix"),
        (json!({ "And": { "Tags": [{ "Key": "a", "Value": "1" }] } }), "InvalidAnd"),
        (
            json!({ "And": { "Tags": [{ "Key": "a", "Value": "1" }, { "Key": "a", "Value": "2" }] } }),
            "InvalidAnd",
        ),
    ];
    for (filter, code) in filters {
        let mut configuration = tiers(&[(archive, 90)]);
        configuration["Filter"] = filter;
        put(&root, "IntelligentTiering", "a", configuration).refused(400, code);
    }
    put(&root, "IntelligentTiering", &"a".repeat(65), tiers(&[(archive, 90)])).refused_with(
        400,
        "InvalidConfigId",
        "Config Id should be more than 1 character and less than 64 characters in length.",
    );
    put(&root, "IntelligentTiering", "a", tiers(&[(deep, 181), (archive, 180)])).ok();
}

#[test]
fn metrics_and_inventories() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    for filter in [json!({ "Prefix": "" }), json!({ "And": { "Prefix": "a", "Tags": [] } })] {
        put(&root, "Metrics", "a", json!({ "Filter": filter })).refused(400, "MalformedXML");
    }
    put(&root, "Metrics", "a b", json!({})).refused(400, "MalformedXML");
    let inventory = |prefix: &str, key: &str| {
        let to = json!({ "Bucket": "arn:aws:s3:::lists", "Format": "CSV", "Encryption": { "SSEKMS": { "KeyId": key } } });
        json!({
            "IsEnabled": true, "IncludedObjectVersions": "Current", "Schedule": { "Frequency": "Daily" },
            "Filter": { "Prefix": prefix }, "Destination": { "S3BucketDestination": to },
        })
    };
    let key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    put(&root, "Inventory", "a", inventory("", key)).refused(400, "MalformedXML");
    put(&root, "Inventory", "a/b", inventory("p", key)).refused(400, "MalformedXML");
    put(&root, "Inventory", "a", inventory("p", "alias/mine")).refused(400, "InvalidKmskeyId");
    put(&root, "Inventory", "a", inventory("p", key)).ok();
}

#[test]
fn destinations_of_notifications() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let told = |queues: Value| {
        let put =
            json!({ "Bucket": "strict", "NotificationConfiguration": { "QueueConfigurations": queues } });
        root.call("s3", "PutBucketNotificationConfiguration", put)
    };
    let queue = |id: &str, region: &str, name: &str, event: &str| json!({ "Id": id, "QueueArn": format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}"), "Events": [event] });
    let (made, gone) = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*");
    told(json!([queue("a", "us-east-1", "q", made), queue("a", "us-east-1", "q", gone)])).refused_with(
        400,
        "InvalidArgument",
        "Same ID used for multiple configurations. IDs must be unique.",
    );
    told(json!([queue("a", "us-east-1", "q.fifo", made)])).refused_with(
        400,
        "InvalidArgument",
        "FIFO SQS queues are not supported.",
    );
    told(json!([queue("a", "eu-west-1", "q", made)])).refused_with(
        400,
        "InvalidArgument",
        "The notification destination service region is not valid for the bucket location constraint",
    );
}

#[test]
fn what_a_new_bucket_tells() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let locked = json!({ "Bucket": "locked", "ObjectLockEnabledForBucket": true });
    assert_eq!(root.call("s3", "CreateBucket", locked).ok()["BucketArn"], "arn:aws:s3:::locked");
    let of = json!({ "Bucket": "locked" });
    assert_eq!(root.call("s3", "HeadBucket", of.clone()).ok()["BucketArn"], "arn:aws:s3:::locked");
    let told = root.call("s3", "GetBucketVersioning", of).ok();
    assert_eq!(told, json!({ "Status": "Enabled", "MFADelete": "Disabled" }));
}
