//! S3's copies.

use crate::harness::{Caller, Cloud, Reply};
use crate::s3_objects::{and, with_bucket};
use serde_json::{Value, json};

fn put(root: &Caller<'_>, key: &str, more: Value) {
    let base = json!({ "Bucket": "bkt", "Key": key, "Body": "hello world" });
    root.call("s3", "PutObject", and(base, more)).ok();
}

fn copy(root: &Caller<'_>, from: &str, to: &str, more: Value) -> Reply {
    let base = json!({ "Bucket": "bkt", "Key": to, "CopySource": format!("bkt/{from}") });
    root.call("s3", "CopyObject", and(base, more))
}

fn head(root: &Caller<'_>, key: &str) -> Value {
    root.call("s3", "HeadObject", json!({ "Bucket": "bkt", "Key": key })).ok()
}

#[test]
fn metadata_and_tags_come_along_or_are_replaced() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(
        &root,
        "a",
        json!({ "ContentType": "text/plain", "Metadata": { "x": "1" }, "Tagging": "t=1", "StorageClass": "STANDARD_IA",
            "WebsiteRedirectLocation": "/x", "ChecksumSHA1": "Kq5sNclPz7QV2+lfQIuc6R7oRu0=" }),
    );
    let done = copy(&root, "a", "b", json!({})).ok();
    assert_eq!(done["CopyObjectResult"]["ETag"], "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    assert_eq!(done["CopyObjectResult"]["ChecksumSHA1"], "Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
    let copied = head(&root, "b");
    assert_eq!((&copied["ContentType"], &copied["Metadata"]), (&json!("text/plain"), &json!({ "x": "1" })));
    assert_eq!(copied["TagCount"], 1);
    assert_eq!((copied.get("StorageClass"), copied.get("WebsiteRedirectLocation")), (None, None));
    let replace = json!({ "MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE", "Metadata": { "y": "2" },
        "ContentType": "a/b", "ChecksumAlgorithm": "CRC32" });
    let done = copy(&root, "a", "c", replace).ok();
    assert_eq!(done["CopyObjectResult"]["ChecksumCRC32"], "DUoRhQ==");
    let copied = head(&root, "c");
    assert_eq!((&copied["Metadata"], copied.get("TagCount")), (&json!({ "y": "2" }), None));
    copy(&root, "a", "d", json!({ "MetadataDirective": "KEEP" })).refused_with(
        400,
        "InvalidArgument",
        "Unknown metadata directive.",
    );
}

#[test]
fn a_copy_onto_itself_must_change_something() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(&root, "a", json!({}));
    copy(&root, "a", "a", json!({})).refused_with(
        400,
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
    copy(&root, "a", "a", json!({ "MetadataDirective": "REPLACE", "Metadata": { "x": "1" } })).ok();
    copy(&root, "a", "a", json!({ "StorageClass": "STANDARD_IA" })).ok();
    assert_eq!(
        (&head(&root, "a")["Metadata"], &head(&root, "a")["StorageClass"]),
        (&json!({ "x": "1" }), &json!("STANDARD_IA"))
    );
    // That the copy would be of the usual class is no change that was asked for.
    copy(&root, "a", "a", json!({})).refused(400, "InvalidRequest");
    // That it would be under S3's own key is one.
    put(&root, "locked", json!({ "ServerSideEncryption": "aws:kms" }));
    copy(&root, "locked", "locked", json!({})).ok();
    assert_eq!(head(&root, "locked")["ServerSideEncryption"], "AES256");
    // A version that is named is brought back, be it the current one.
    let versioned = json!({ "Bucket": "bkt", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", versioned).ok();
    put(&root, "b", json!({}));
    let id = head(&root, "b")["VersionId"].as_str().unwrap().to_owned();
    copy(&root, "b", "b", json!({})).refused(400, "InvalidRequest");
    copy(&root, &format!("b?versionId={id}"), "b", json!({})).ok();
    assert_ne!(head(&root, "b")["VersionId"], id);
}

#[test]
fn large_contents_are_shared_and_outlive_their_source() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let body = "0123456789".repeat(20_000);
    root.call("s3", "PutObject", json!({ "Bucket": "bkt", "Key": "a", "Body": body })).ok();
    copy(&root, "a", "b", json!({})).ok();
    copy(&root, "b", "b", json!({ "StorageClass": "STANDARD_IA" })).ok();
    root.call("s3", "DeleteObject", json!({ "Bucket": "bkt", "Key": "a" })).ok();
    cloud.reconcile();
    let got = root.call("s3", "GetObject", json!({ "Bucket": "bkt", "Key": "b" }));
    assert!(got.body == body.as_bytes());
    // Under another key it is written anew.
    let key = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].clone();
    copy(&root, "b", "c", json!({ "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key })).ok();
    root.call("s3", "DeleteObject", json!({ "Bucket": "bkt", "Key": "b" })).ok();
    let got = root.call("s3", "GetObject", json!({ "Bucket": "bkt", "Key": "c" }));
    assert!(got.body == body.as_bytes());
    root.call("s3", "DeleteObject", json!({ "Bucket": "bkt", "Key": "c" })).ok();
    let store = cloud.cloud.store().snapshot();
    let left = blob::refs::CONTENTS.count(&store, &store::Key::empty()).unwrap();
    assert_eq!(left, 0, "nobody refers to anything");
}

#[test]
fn conditions_and_sources() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(&root, "a", json!({}));
    let etag = "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"";
    copy(&root, "a", "b", json!({ "CopySourceIfMatch": etag })).ok();
    copy(&root, "a", "b", json!({ "CopySourceIfModifiedSince": "Thu, 15 Jan 2037 12:00:00 GMT" })).ok();
    for (more, condition) in [
        (json!({ "CopySourceIfMatch": "x" }), "x-amz-copy-source-If-Match"),
        (json!({ "CopySourceIfNoneMatch": etag }), "x-amz-copy-source-If-None-Match"),
        (
            json!({ "CopySourceIfUnmodifiedSince": "Wed, 15 Jan 2025 12:00:00 GMT" }),
            "x-amz-copy-source-If-Unmodified-Since",
        ),
        (
            json!({ "CopySourceIfModifiedSince": "Thu, 15 Jan 2026 12:00:00 GMT" }),
            "x-amz-copy-source-If-Modified-Since",
        ),
    ] {
        let failed = copy(&root, "a", "b", more);
        assert_eq!(failed.value["Condition"], condition);
        failed.refused(412, "PreconditionFailed");
    }
    copy(&root, "missing", "b", json!({})).refused(404, "NoSuchKey");
    copy(&root, "", "b", json!({})).refused(400, "InvalidArgument");
    let elsewhere = json!({ "Bucket": "bkt", "Key": "x", "CopySource": "nowhere/x" });
    root.call("s3", "CopyObject", elsewhere).refused(404, "NoSuchBucket");
    put(&root, "cold", json!({ "StorageClass": "DEEP_ARCHIVE" }));
    copy(&root, "cold", "b", json!({})).refused(403, "InvalidObjectState");
    // The class is looked at before the source is, and told in the answer.
    for source in ["missing", "cold", "a"] {
        copy(&root, source, "b", json!({ "StorageClass": "COLD" })).refused(400, "InvalidStorageClass");
    }
    let class = |more: Value| copy(&root, "a", "c", more).headers.get("x-amz-storage-class").cloned();
    assert_eq!(class(json!({ "StorageClass": "GLACIER" })).unwrap(), "GLACIER");
    assert_eq!(class(json!({})), None);
    copy(&root, "a", "b", json!({ "IfNoneMatch": "*" })).refused(412, "PreconditionFailed");
}

#[test]
fn versions_can_be_brought_back() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let enabled = json!({ "Bucket": "bkt", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", enabled).ok();
    let put =
        |body: &str| root.call("s3", "PutObject", json!({ "Bucket": "bkt", "Key": "a", "Body": body })).ok();
    let old = put("old")["VersionId"].as_str().unwrap().to_owned();
    put("new");
    let done = copy(&root, &format!("a?versionId={old}"), "a", json!({})).ok();
    assert_eq!(done["CopySourceVersionId"], old);
    assert_ne!(done["VersionId"], old);
    let got = root.call("s3", "GetObject", json!({ "Bucket": "bkt", "Key": "a" }));
    assert_eq!(&got.body[..], b"old");
    let marker = root.call("s3", "DeleteObject", json!({ "Bucket": "bkt", "Key": "a" })).ok();
    let marker = marker["VersionId"].as_str().unwrap();
    copy(&root, &format!("a?versionId={marker}"), "b", json!({})).refused_with(
        400,
        "InvalidRequest",
        "The source of a copy request may not specifically refer to a delete marker by version id.",
    );
    copy(&root, "a", "b", json!({})).refused(404, "NoSuchKey");
}

#[test]
fn the_first_use_of_the_aws_managed_key_makes_it_for_good() {
    let cloud = Cloud::new();
    for (account, way) in [("111111111111", "put"), ("222222222222", "copy")] {
        let root = cloud.root(account);
        let bucket = format!("managed-{way}");
        root.call("s3", "CreateBucket", json!({ "Bucket": bucket })).ok();
        let mut put =
            json!({ "Bucket": bucket, "Key": "a", "Body": "text", "ServerSideEncryption": "aws:kms" });
        if way == "copy" {
            put.as_object_mut().unwrap().remove("ServerSideEncryption");
        }
        root.call("s3", "PutObject", put).ok();
        if way == "copy" {
            let copy = json!({
                "Bucket": bucket, "Key": "b", "CopySource": format!("{bucket}/a"), "ServerSideEncryption": "aws:kms",
            });
            root.call("s3", "CopyObject", copy).ok();
        }
        let key = if way == "copy" { "b" } else { "a" };
        let got = root.call("s3", "GetObject", json!({ "Bucket": bucket, "Key": key }));
        assert_eq!((got.status, got.body.as_ref()), (200, b"text".as_slice()), "{way}");
        let described = root.call("kms", "DescribeKey", json!({ "KeyId": "alias/aws/s3" })).ok();
        let named = got.headers.get("x-amz-server-side-encryption-aws-kms-key-id").unwrap().to_str().unwrap();
        assert_eq!(described["KeyMetadata"]["Arn"], named);
    }
}

#[test]
fn a_plus_in_a_source_is_a_blank() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(&root, "a b", json!({ "ContentType": "of/blank" }));
    put(&root, "a+b", json!({ "ContentType": "of/plus" }));
    for (from, to, kind) in [("a+b", "c", "of/blank"), ("a%20b", "d", "of/blank"), ("a%2Bb", "e", "of/plus")]
    {
        copy(&root, from, to, json!({})).ok();
        assert_eq!(head(&root, to)["ContentType"], kind, "{from}");
    }
    copy(&root, "c+d", "e", json!({})).refused_with(404, "NoSuchKey", "The specified key does not exist.");
}

#[test]
fn a_copy_tells_the_time_first_and_the_kind_of_checksum_last() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(&root, "a", json!({ "ChecksumCRC32": "DUoRhQ==" }));
    let document = String::from_utf8(copy(&root, "a", "b", json!({})).body.to_vec()).unwrap();
    let at = |name: &str| document.find(&format!("<{name}>")).unwrap_or_else(|| panic!("{document}"));
    assert!(at("LastModified") < at("ETag"), "{document}");
    assert!(at("ETag") < at("ChecksumCRC32") && at("ChecksumCRC32") < at("ChecksumType"), "{document}");
}

#[test]
fn an_algorithm_that_there_is_not_is_told_before_the_source_is_looked_for() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    copy(&root, "missing", "b", json!({ "ChecksumAlgorithm": "CRC1" })).refused_with(
        400,
        "InvalidRequest",
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]",
    );
}
