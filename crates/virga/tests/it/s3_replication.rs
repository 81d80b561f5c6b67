//! Replication: versions and markers that follow a bucket's rules to another one, by a role that is asked.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const ROLE: &str = "arn:aws:iam::123456789012:role/copier";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"s3.amazonaws.com"}}}"#;

fn versioned(caller: &Caller<'_>, bucket: &str) {
    versioned_in(caller, bucket, "us-east-1");
}

fn versioned_in(caller: &Caller<'_>, bucket: &str, region: &str) {
    let mut create = json!({ "Bucket": bucket });
    if region != "us-east-1" {
        create["CreateBucketConfiguration"] = json!({ "LocationConstraint": region });
    }
    caller.call("s3", "CreateBucket", create).ok();
    let on = json!({ "Bucket": bucket, "VersioningConfiguration": { "Status": "Enabled" } });
    caller.call("s3", "PutBucketVersioning", on).ok();
}

/// A role that S3 may assume, with these actions.
fn role(root: &Caller<'_>, actions: Value) {
    root.call("iam", "CreateRole", json!({ "RoleName": "copier", "AssumeRolePolicyDocument": TRUST })).ok();
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    let put = json!({ "RoleName": "copier", "PolicyName": "copies", "PolicyDocument": policy });
    root.call("iam", "PutRolePolicy", put).ok();
}

fn rules(root: &Caller<'_>, to: &str, markers: &str) {
    let rule = json!({
        "ID": "all", "Status": "Enabled", "Priority": 1, "Filter": { "Prefix": "copied/" },
        "DeleteMarkerReplication": { "Status": markers },
        "Destination": { "Bucket": format!("arn:aws:s3:::{to}"), "StorageClass": "STANDARD_IA" },
    });
    let configuration = json!({ "Role": ROLE, "Rules": [rule] });
    let put = json!({ "Bucket": "here", "ReplicationConfiguration": configuration });
    root.call("s3", "PutBucketReplication", put).ok();
}

fn all() -> Value {
    json!(["s3:GetObjectVersionForReplication", "s3:ReplicateObject", "s3:ReplicateDelete"])
}

#[test]
fn versions_and_markers_are_copied_to_another_region() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let west = root.in_region("eu-west-1");
    versioned(&root, "here");
    versioned_in(&west, "there", "eu-west-1");
    role(&root, all());
    rules(&root, "there", "Enabled");
    let big = "x".repeat(200_000);
    let put = |key: &str, body: &str| {
        let one = json!({
            "Bucket": "here", "Key": key, "Body": body, "Tagging": "a=b", "Metadata": { "m": "1" },
            "ContentType": "text/plain",
        });
        root.call("s3", "PutObject", one).ok()
    };
    let small = put("copied/small", "hello");
    put("copied/big", &big);
    put("stays", "hello");
    let head = |bucket: &str, key: &str| json!({ "Bucket": bucket, "Key": key });
    let before = root.call("s3", "HeadObject", head("here", "copied/small")).ok();
    assert_eq!(before["ReplicationStatus"], "PENDING");
    cloud.reconcile();
    let after = root.call("s3", "HeadObject", head("here", "copied/small")).ok();
    assert_eq!(after["ReplicationStatus"], "COMPLETED");
    let copy = west.call("s3", "GetObject", head("there", "copied/small")).ok();
    for (member, value) in [
        ("Body", json!("hello")),
        ("VersionId", small["VersionId"].clone()),
        ("ETag", small["ETag"].clone()),
        ("ReplicationStatus", json!("REPLICA")),
        ("StorageClass", json!("STANDARD_IA")),
        ("ContentType", json!("text/plain")),
        ("Metadata", json!({ "m": "1" })),
    ] {
        assert_eq!(copy[member], value, "{member}");
    }
    assert_eq!(west.call("s3", "GetObject", head("there", "copied/big")).ok()["Body"], big);
    west.call("s3", "GetObject", head("there", "stays")).refused(404, "NoSuchKey");
    assert!(root.call("s3", "HeadObject", head("here", "stays")).ok().get("ReplicationStatus").is_none());
    root.call("s3", "DeleteObject", head("here", "copied/small")).ok();
    cloud.reconcile();
    west.call("s3", "GetObject", head("there", "copied/small")).refused(404, "NoSuchKey");
    let listed = west.call("s3", "ListObjectVersions", json!({ "Bucket": "there" })).ok();
    assert_eq!(listed["DeleteMarkers"].as_array().unwrap().len(), 1);
    // The original may go for good; the copy stays, and so do its bytes.
    let gone = json!({ "Bucket": "here", "Key": "copied/big", "VersionId": head_id(&root, "copied/big") });
    root.call("s3", "DeleteObject", gone).ok();
    cloud.reconcile();
    assert_eq!(west.call("s3", "GetObject", head("there", "copied/big")).ok()["Body"], big);
}

fn head_id(root: &Caller<'_>, key: &str) -> Value {
    root.call("s3", "HeadObject", json!({ "Bucket": "here", "Key": key })).ok()["VersionId"].clone()
}

#[test]
fn markers_stay_where_the_rule_says_so() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    versioned(&root, "here");
    versioned(&root, "there");
    role(&root, all());
    rules(&root, "there", "Disabled");
    root.call("s3", "PutObject", json!({ "Bucket": "here", "Key": "copied/a", "Body": "x" })).ok();
    root.call("s3", "DeleteObject", json!({ "Bucket": "here", "Key": "copied/a" })).ok();
    cloud.reconcile();
    root.call("s3", "GetObject", json!({ "Bucket": "there", "Key": "copied/a" })).ok();
}

#[test]
fn a_role_that_may_not_copies_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    versioned(&root, "here");
    versioned(&root, "there");
    role(&root, json!(["s3:GetObjectVersionForReplication"]));
    rules(&root, "there", "Enabled");
    root.call("s3", "PutObject", json!({ "Bucket": "here", "Key": "copied/a", "Body": "x" })).ok();
    cloud.reconcile();
    let head = root.call("s3", "HeadObject", json!({ "Bucket": "here", "Key": "copied/a" })).ok();
    assert_eq!(head["ReplicationStatus"], "FAILED");
    root.call("s3", "GetObject", json!({ "Bucket": "there", "Key": "copied/a" })).refused(404, "NoSuchKey");
}

#[test]
fn another_account_must_let_the_role_in() {
    let cloud = Cloud::new();
    let (root, far) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    versioned(&root, "here");
    versioned(&far, "theirs");
    role(&root, all());
    rules(&root, "theirs", "Enabled");
    let put =
        |key: &str| root.call("s3", "PutObject", json!({ "Bucket": "here", "Key": key, "Body": "x" })).ok();
    put("copied/refused");
    cloud.reconcile();
    let listed = || far.call("s3", "ListObjectsV2", json!({ "Bucket": "theirs" })).ok()["KeyCount"].clone();
    assert_eq!(listed(), 0);
    let statement = json!({
        "Effect": "Allow", "Principal": { "AWS": ROLE }, "Action": "s3:Replicate*", "Resource": "arn:aws:s3:::theirs/*",
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    far.call("s3", "PutBucketPolicy", json!({ "Bucket": "theirs", "Policy": policy })).ok();
    put("copied/taken");
    cloud.reconcile();
    assert_eq!(listed(), 1);
    // Whoever owns the bucket owns what is in it.
    far.call("s3", "GetObject", json!({ "Bucket": "theirs", "Key": "copied/taken" })).ok();
}
