//! Inventories: what may be configured, and the lists that come of it.

use crate::harness::{Caller, Cloud};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const DAY: Duration = Duration::from_secs(86_400);

fn bucket(name: &str) -> Value {
    json!({ "Bucket": name })
}

fn configuration(more: &Value) -> Value {
    let mut out = json!({
        "Destination": { "S3BucketDestination": { "Bucket": "arn:aws:s3:::lists", "Format": "CSV", "Prefix": "in" } },
        "IsEnabled": true, "Id": "all", "IncludedObjectVersions": "Current", "Schedule": { "Frequency": "Daily" },
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        out[member] = value.clone();
    }
    out
}

fn put(more: &Value) -> Value {
    json!({ "Bucket": "shop", "Id": "all", "InventoryConfiguration": configuration(more) })
}

/// A bucket, and one for its lists whose policy lets them in as AWS's documentation has it.
fn pair(root: &Caller<'_>, source: &str) {
    for name in ["shop", "lists"] {
        root.call("s3", "CreateBucket", bucket(name)).ok();
    }
    let statement = json!({
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::lists/*",
        "Condition": {
            "ArnLike": { "aws:SourceArn": source },
            "StringEquals": { "aws:SourceAccount": ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control" },
        },
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "lists", "Policy": policy })).ok();
}

fn run(cloud: &Cloud) {
    let work = cloud.cloud.reconcilers().iter().find(|r| r.name() == "s3 inventories").unwrap().clone();
    let on = std::sync::Arc::clone(&cloud.cloud);
    cloud.block_on(async move { tokio::task::spawn_blocking(move || work.run(&on)).await.unwrap().unwrap() });
}

fn keys(root: &Caller<'_>) -> Vec<String> {
    let listed = root.call("s3", "ListObjectsV2", bucket("lists")).ok();
    let all = listed["Contents"].as_array().cloned().unwrap_or_default();
    all.iter().map(|entry| entry["Key"].as_str().unwrap().to_owned()).collect()
}

fn text(root: &Caller<'_>, key: &str) -> String {
    let got = root.call("s3", "GetObject", json!({ "Bucket": "lists", "Key": key }));
    String::from_utf8(got.body.to_vec()).unwrap()
}

/// The manifest of the newest list, and the rows of all its files.
fn newest(root: &Caller<'_>) -> (Value, Vec<Vec<String>>) {
    let manifests: Vec<String> =
        keys(root).into_iter().filter(|key| key.ends_with("/manifest.json")).collect();
    let manifest: Value = serde_json::from_str(&text(root, manifests.last().unwrap())).unwrap();
    let mut rows = Vec::new();
    for file in manifest["files"].as_array().unwrap() {
        let key = file["key"].as_str().unwrap();
        let got = root.call("s3", "GetObject", json!({ "Bucket": "lists", "Key": key }));
        assert_eq!(file["size"], got.body.len());
        assert_eq!(got.headers["etag"].to_str().unwrap().trim_matches('"'), file["MD5checksum"]);
        let mut plain = String::new();
        GzDecoder::new(&got.body[..]).read_to_string(&mut plain).unwrap();
        let fields = |line: &str| line[1..line.len() - 1].split("\",\"").map(str::to_owned).collect();
        rows.extend(plain.lines().map(fields).collect::<Vec<Vec<String>>>());
    }
    (manifest, rows)
}

#[test]
fn a_list_each_day() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, "arn:aws:s3:::shop");
    for (key, body) in [("a b", "hello"), ("c,\"d", ""), ("other", "x")] {
        root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": key, "Body": body })).ok();
    }
    let fields = [
        "Size",
        "LastModifiedDate",
        "ETag",
        "StorageClass",
        "IsMultipartUploaded",
        "EncryptionStatus",
        "BucketKeyStatus",
        "ReplicationStatus",
        "ObjectLockMode",
        "IntelligentTieringAccessTier",
        "ChecksumAlgorithm",
    ];
    root.call("s3", "PutBucketInventoryConfiguration", put(&json!({ "OptionalFields": fields }))).ok();
    let kept =
        root.call("s3", "GetBucketInventoryConfiguration", json!({ "Bucket": "shop", "Id": "all" })).ok();
    assert_eq!(kept["InventoryConfiguration"], configuration(&json!({ "OptionalFields": fields })));
    run(&cloud);
    assert_eq!(keys(&root), Vec::<String>::new(), "not before midnight");
    cloud.advance(Duration::from_secs(12 * 3_600));
    run(&cloud);
    let found = keys(&root);
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(found[0], "in/shop/all/2026-01-16T00-00Z/manifest.checksum");
    assert_eq!(found[1], "in/shop/all/2026-01-16T00-00Z/manifest.json");
    assert!(found[2].starts_with("in/shop/all/data/") && found[2].ends_with(".csv.gz"), "{}", found[2]);
    assert_eq!(found[3], "in/shop/all/hive/dt=2026-01-16-00-00/symlink.txt");
    assert_eq!(text(&root, &found[3]), format!("s3://lists/{}", found[2]));
    let head = root.call("s3", "HeadObject", json!({ "Bucket": "lists", "Key": found[1] }));
    assert_eq!(head.headers["etag"].to_str().unwrap().trim_matches('"'), text(&root, &found[0]));
    let (manifest, rows) = newest(&root);
    assert_eq!(
        (&manifest["sourceBucket"], &manifest["destinationBucket"], &manifest["version"]),
        (&json!("shop"), &json!("arn:aws:s3:::lists"), &json!("2016-11-30"))
    );
    assert_eq!(
        (&manifest["fileFormat"], &manifest["creationTimestamp"]),
        (&json!("CSV"), &json!("1768521600000"))
    );
    assert_eq!(
        manifest["fileSchema"],
        "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded, ReplicationStatus, \
         EncryptionStatus, ObjectLockMode, IntelligentTieringAccessTier, BucketKeyStatus, ChecksumAlgorithm"
    );
    let first = [
        "shop",
        "a%20b",
        "5",
        "2026-01-15T12:00:00.000Z",
        "5d41402abc4b2a76b9719d911017c592",
        "STANDARD",
        "false",
        "",
        "SSE-S3",
        "",
        "",
        "DISABLED",
    ];
    assert_eq!(rows[0][..12], first);
    assert_eq!(rows.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(), ["a%20b", "c%2C%22d", "other"]);
    // Once a day, and no more.
    run(&cloud);
    assert_eq!(keys(&root).len(), 4);
    cloud.advance(DAY);
    run(&cloud);
    assert_eq!(keys(&root).len(), 8);
    root.call("s3", "DeleteBucketInventoryConfiguration", json!({ "Bucket": "shop", "Id": "all" })).ok();
    cloud.advance(DAY);
    run(&cloud);
    assert_eq!(keys(&root).len(), 8);
}

#[test]
fn versions_prefixes_owners_and_expiry() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, "arn:aws:s3:::shop");
    let enabled = json!({ "Bucket": "shop", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", enabled).ok();
    let rule = json!({ "ID": "r", "Prefix": "", "Status": "Enabled", "Expiration": { "Days": 10 } });
    let rules = json!({ "Bucket": "shop", "LifecycleConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketLifecycleConfiguration", rules).ok();
    let mut ids = Vec::new();
    for body in ["1", "22"] {
        let made =
            root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": "in/a", "Body": body })).ok();
        ids.push(made["VersionId"].as_str().unwrap().to_owned());
    }
    root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": "in/b", "Body": "x" })).ok();
    root.call("s3", "DeleteObject", json!({ "Bucket": "shop", "Key": "in/b" })).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": "out", "Body": "x" })).ok();
    let fields = ["ObjectOwner", "Size", "ObjectAccessControlList", "LifecycleExpirationDate"];
    let more =
        json!({ "IncludedObjectVersions": "All", "Filter": { "Prefix": "in/" }, "OptionalFields": fields });
    root.call("s3", "PutBucketInventoryConfiguration", put(&more)).ok();
    cloud.advance(DAY);
    run(&cloud);
    let (manifest, rows) = newest(&root);
    assert_eq!(
        manifest["fileSchema"],
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ObjectAccessControlList, ObjectOwner, \
         LifecycleExpirationDate"
    );
    let told: Vec<[&str; 4]> =
        rows.iter().map(|row| [1, 3, 4, 5].map(|field: usize| row[field].as_str())).collect();
    let want = [
        ["in/a", "true", "false", "2"],
        ["in/a", "false", "false", "1"],
        ["in/b", "true", "true", ""],
        ["in/b", "false", "false", "1"],
    ];
    assert_eq!(told, want);
    assert_eq!((&rows[0][2], &rows[1][2]), (&ids[1], &ids[0]));
    let owner = root.call("s3", "ListBuckets", json!({})).ok()["Owner"]["ID"].as_str().unwrap().to_owned();
    assert_eq!(rows[0][7], owner);
    assert_eq!((rows[0][8].as_str(), rows[1][8].as_str()), ("2026-01-26T00:00:00.000Z", ""));
    use base64::Engine;
    let acl = base64::engine::general_purpose::STANDARD.decode(&rows[0][6]).unwrap();
    let acl: Value = serde_json::from_slice(&acl).unwrap();
    let full = json!({ "canonicalId": owner, "type": "CanonicalUser", "permission": "FULL_CONTROL" });
    assert_eq!(acl, json!({ "version": "2022-11-10", "status": "AVAILABLE", "grants": [full] }));
}

/// Weekly ones come on Sundays; a policy for another source lets nothing in; keys of KMS are used.
#[test]
fn weeks_policies_and_keys() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, "arn:aws:s3:::another");
    root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": "k", "Body": "x" })).ok();
    root.call("s3", "PutBucketInventoryConfiguration", put(&json!({}))).ok();
    cloud.advance(DAY);
    run(&cloud);
    assert_eq!(keys(&root), Vec::<String>::new());
    let everything = json!({
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::lists/*",
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [everything] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "lists", "Policy": policy })).ok();
    let statements = json!([
        { "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "kms:GenerateDataKey", "Resource": "*" },
    ]);
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let key = root.call("kms", "CreateKey", json!({ "Policy": policy })).ok()["KeyMetadata"]["Arn"].clone();
    let to = json!({ "S3BucketDestination": {
        "Bucket": "arn:aws:s3:::lists", "Format": "CSV", "Encryption": { "SSEKMS": { "KeyId": key } },
    } });
    let weekly = json!({ "Schedule": { "Frequency": "Weekly" }, "Destination": to });
    root.call("s3", "PutBucketInventoryConfiguration", put(&weekly)).ok();
    // From Friday noon to Saturday noon, and to Sunday.
    cloud.advance(DAY);
    run(&cloud);
    assert_eq!(keys(&root), Vec::<String>::new());
    cloud.advance(DAY);
    run(&cloud);
    let found = keys(&root);
    assert!(found.contains(&"shop/all/2026-01-18T12-00Z/manifest.json".to_owned()), "{found:?}");
    for key_of in &found {
        let head = root.call("s3", "HeadObject", json!({ "Bucket": "lists", "Key": key_of })).ok();
        assert_eq!((&head["ServerSideEncryption"], &head["SSEKMSKeyId"]), (&json!("aws:kms"), &key));
    }
}

#[test]
fn what_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, "arn:aws:s3:::shop");
    let refused = |more: Value, status, code| {
        root.call("s3", "PutBucketInventoryConfiguration", put(&more)).refused(status, code);
    };
    let to = |member: &str, value: Value| {
        let mut to = json!({ "Bucket": "arn:aws:s3:::lists", "Format": "CSV" });
        to[member] = value;
        json!({ "Destination": { "S3BucketDestination": to } })
    };
    refused(to("Format", json!("ORC")), 501, "NotImplemented");
    refused(to("Format", json!("Parquet")), 501, "NotImplemented");
    refused(to("Bucket", json!("lists")), 400, "InvalidS3DestinationBucket");
    refused(to("Encryption", json!({})), 400, "MalformedXML");
    refused(json!({ "Id": "else" }), 400, "IdMismatch");
    let get = json!({ "Bucket": "shop", "Id": "all" });
    root.call("s3", "GetBucketInventoryConfiguration", get).refused(404, "NoSuchConfiguration");
}
