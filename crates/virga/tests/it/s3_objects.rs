//! S3's objects: putting, getting, deleting, under conditions, versions and keys.

use crate::harness::{Caller, Cloud, Reply};
use auth::md5::Md5;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "123456789012";
/// MD5 of `hello world`.
const HELLO: &str = "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"";

pub(crate) fn with_bucket(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "bkt" })).ok();
    root
}

fn of(key: &str) -> Value {
    json!({ "Bucket": "bkt", "Key": key })
}

/// `base` with further members.
pub(crate) fn and(mut base: Value, more: Value) -> Value {
    let Value::Object(more) = more else { unreachable!("an object") };
    base.as_object_mut().unwrap().extend(more);
    base
}

fn put(caller: &Caller<'_>, key: &str, body: &str) -> Reply {
    caller.call("s3", "PutObject", and(of(key), json!({ "Body": body })))
}

fn get(caller: &Caller<'_>, key: &str, more: Value) -> Reply {
    caller.call("s3", "GetObject", and(of(key), more))
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn an_object_comes_back_as_it_was_put() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let made = root.call(
        "s3",
        "PutObject",
        and(
            of("dir/a b"),
            json!({
                "Body": "hello world",
                "ContentType": "text/plain",
                "CacheControl": "no-cache",
                "ContentEncoding": "gzip, aws-chunked",
                "Expires": "soon",
                "Metadata": { "Colour": "Blue", "empty": "" },
                "Tagging": "a=1&b=2",
            }),
        ),
    );
    assert_eq!(header(&made, "etag"), HELLO);
    assert_eq!(header(&made, "x-amz-server-side-encryption"), "AES256");
    assert_eq!(header(&made, "x-amz-checksum-crc64nvme"), "jSnVw/bqjr4=");
    assert_eq!(header(&made, "x-amz-checksum-type"), "FULL_OBJECT");
    assert_eq!(header(&made, "x-amz-version-id"), "");
    assert!(made.body.is_empty() && made.status == 200);
    for operation in ["GetObject", "HeadObject"] {
        let got = root.call("s3", operation, of("dir/a b"));
        assert_eq!((got.status, header(&got, "content-length")), (200, "11"), "{operation}");
        assert_eq!(header(&got, "etag"), HELLO);
        assert_eq!(header(&got, "content-type"), "text/plain");
        assert_eq!(header(&got, "cache-control"), "no-cache");
        assert_eq!(header(&got, "content-encoding"), "gzip");
        assert_eq!(header(&got, "expires"), "soon");
        assert_eq!(header(&got, "accept-ranges"), "bytes");
        assert_eq!(header(&got, "last-modified"), "Thu, 15 Jan 2026 12:00:00 GMT");
        assert_eq!(header(&got, "x-amz-meta-colour"), "Blue");
        assert_eq!(header(&got, "x-amz-tagging-count"), "2");
        assert_eq!(header(&got, "x-amz-storage-class"), "");
        assert_eq!(header(&got, "x-amz-checksum-crc64nvme"), "");
        if operation == "GetObject" {
            assert_eq!(&got.body[..], b"hello world");
        }
    }
    let got = get(&root, "dir/a b", json!({ "ChecksumMode": "ENABLED", "ResponseContentType": "x/y" }));
    assert_eq!(header(&got, "x-amz-checksum-crc64nvme"), "jSnVw/bqjr4=");
    assert_eq!(header(&got, "content-type"), "x/y");
    put(&root, "plain", "").ok();
    let got = get(&root, "plain", json!({}));
    assert_eq!(header(&got, "content-type"), "application/xml", "as the client has it");
    assert_eq!((header(&got, "content-length"), got.body.len()), ("0", 0));
}

#[test]
fn large_objects_are_read_from_anywhere() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let body: String = (0..1_000_000).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    let made = put(&root, "large", &body);
    assert_eq!(header(&made, "etag"), format!("\"{}\"", auth::md5::hex(&Md5::of(body.as_bytes()))));
    assert!(get(&root, "large", json!({})).body == body.as_bytes());
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=65535-65537", 65_535, 65_538),
        ("bytes=999999-", 999_999, 1_000_000),
        ("bytes=-700000", 300_000, 1_000_000),
        ("bytes=100-900000", 100, 900_001),
    ] {
        let got = get(&root, "large", json!({ "Range": range }));
        assert_eq!(got.status, 206, "{range}");
        assert_eq!(header(&got, "content-range"), format!("bytes {from}-{}/1000000", to - 1));
        assert!(got.body == body.as_bytes()[from..to], "{range}");
    }
    let whole = get(&root, "large", json!({ "Range": "bytes=1-2,4-5" }));
    assert_eq!((whole.status, whole.body.len()), (200, 1_000_000));
    let beyond = get(&root, "large", json!({ "Range": "bytes=1000000-" }));
    assert_eq!(beyond.value["RangeRequested"], "bytes=1000000-");
    assert_eq!(beyond.value["ActualObjectSize"], "1000000");
    beyond.refused_with(416, "InvalidRange", "The requested range is not satisfiable");
}

#[test]
fn what_is_not_there() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let missing = get(&root, "nothing", json!({}));
    assert_eq!(missing.value["Key"], "nothing");
    missing.refused_with(404, "NoSuchKey", "The specified key does not exist.");
    root.call("s3", "HeadObject", of("nothing")).refused(404, "NoSuchKey");
    let nowhere = root.call("s3", "GetObject", json!({ "Bucket": "missing", "Key": "k" }));
    assert_eq!(nowhere.value["BucketName"], "missing");
    nowhere.refused_with(404, "NoSuchBucket", "The specified bucket does not exist");
    assert_eq!(root.call("s3", "DeleteObject", of("nothing")).status, 204);
    let long = "k".repeat(1025);
    let refused = put(&root, &long, "x");
    assert_eq!((&refused.value["Size"], &refused.value["MaxSizeAllowed"]), (&json!("1025"), &json!("1024")));
    refused.refused_with(400, "KeyTooLongError", "Your key is too long");
    put(&root, &long[..1024], "x").ok();
}

#[test]
fn reads_may_be_conditional() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(&root, "k", "hello world").ok();
    let modified = "Thu, 15 Jan 2026 12:00:00 GMT";
    let earlier = "Thu, 15 Jan 2026 11:59:59 GMT";
    get(&root, "k", json!({ "IfMatch": HELLO, "IfUnmodifiedSince": earlier })).ok();
    get(&root, "k", json!({ "IfNoneMatch": "\"x\"", "IfModifiedSince": modified })).ok();
    for more in [json!({ "IfNoneMatch": HELLO }), json!({ "IfModifiedSince": modified })] {
        for operation in ["GetObject", "HeadObject"] {
            let unchanged = root.call("s3", operation, and(of("k"), more.clone()));
            assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
            assert_eq!(header(&unchanged, "etag"), HELLO);
            assert_eq!(header(&unchanged, "last-modified"), modified);
        }
    }
    for (more, condition) in [
        (json!({ "IfMatch": "\"x\"" }), "If-Match"),
        (json!({ "IfUnmodifiedSince": earlier }), "If-Unmodified-Since"),
    ] {
        let failed = get(&root, "k", more);
        assert_eq!(failed.value["Condition"], condition);
        let message = "At least one of the pre-conditions you specified did not hold";
        failed.refused_with(412, "PreconditionFailed", message);
    }
}

#[test]
fn writes_may_be_conditional() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let put_if = |more: Value| root.call("s3", "PutObject", and(of("k"), and(json!({ "Body": "v" }), more)));
    put_if(json!({ "IfMatch": "\"x\"" })).refused(404, "NoSuchKey");
    put_if(json!({ "IfNoneMatch": "*" })).ok();
    let again = put_if(json!({ "IfNoneMatch": "*" }));
    assert_eq!(again.value["Condition"], "If-None-Match");
    again.refused(412, "PreconditionFailed");
    put_if(json!({ "IfMatch": "\"x\"" })).refused(412, "PreconditionFailed");
    put_if(json!({ "IfMatch": "\"9e3669d19b675bd57058fd4664205d2a\"" })).ok();
    put_if(json!({ "IfNoneMatch": "\"x\"" })).refused_with(
        501,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
    );
    let delete_if = |tag: &str| root.call("s3", "DeleteObject", and(of("k"), json!({ "IfMatch": tag })));
    delete_if("\"x\"").refused(412, "PreconditionFailed");
    assert_eq!(delete_if("*").status, 204);
    delete_if("*").refused(404, "NoSuchKey");
    // Under a delete marker there is nothing either, whatever lies below it.
    let enabled = json!({ "Bucket": "bkt", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", enabled).ok();
    put_if(json!({})).ok();
    assert_eq!(delete_if("*").status, 204);
    for tag in ["*", "\"x\"", "\"9e3669d19b675bd57058fd4664205d2a\""] {
        delete_if(tag).refused_with(404, "NoSuchKey", "The specified key does not exist.");
        let delete = json!({ "Bucket": "bkt", "Delete": { "Objects": [{ "Key": "k", "ETag": tag }] } });
        let many = root.call("s3", "DeleteObjects", delete).ok();
        assert_eq!(many["Errors"][0]["Code"], "NoSuchKey", "{tag}");
    }
}

/// Measured by others against AWS: what a delete marker hides is not there, whatever its tag was.
#[test]
fn deletes_on_a_condition_do_not_look_under_a_delete_marker() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let enabled = json!({ "Bucket": "bkt", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", enabled).ok();
    let etag = root.call("s3", "PutObject", and(of("k"), json!({ "Body": "v" })));
    let etag = etag.value["ETag"].as_str().unwrap_or_default().to_owned();
    let delete_if = |tag: &str| root.call("s3", "DeleteObject", and(of("k"), json!({ "IfMatch": tag })));
    assert_eq!(delete_if(&etag).status, 204);
    for tag in ["*", "\"x\"", etag.as_str()] {
        let hidden = delete_if(tag);
        assert_eq!(hidden.value["Key"], "k");
        hidden.refused_with(404, "NoSuchKey", "The specified key does not exist.");
        let many = json!({ "Bucket": "bkt", "Delete": { "Objects": [{ "Key": "k", "ETag": tag }] } });
        let many = root.call("s3", "DeleteObjects", many);
        assert_eq!(many.value["Errors"][0]["Code"], "NoSuchKey");
    }
    let versioned = and(of("k"), json!({ "IfMatch": "*", "VersionId": "null" }));
    let versioned = root.call("s3", "DeleteObject", versioned);
    assert_eq!(versioned.value["Header"], "If-Match");
    versioned.refused(501, "NotImplemented");
}

#[test]
fn digests_are_held_against_the_body() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let put_with =
        |more: Value| root.call("s3", "PutObject", and(of("k"), and(json!({ "Body": "hello world" }), more)));
    let md5 = STANDARD.encode(Md5::of(b"hello world"));
    put_with(json!({ "ContentMD5": md5 })).ok();
    let bad = put_with(json!({ "ContentMD5": STANDARD.encode([0; 16]) }));
    assert_eq!(bad.value["CalculatedDigest"], md5);
    assert_eq!(bad.value["ExpectedDigest"], "0".repeat(32));
    bad.refused_with(400, "BadDigest", "The Content-MD5 you specified did not match what we received.");
    put_with(json!({ "ContentMD5": "short" })).refused_with(
        400,
        "InvalidDigest",
        "The Content-MD5 you specified was invalid.",
    );
    let made = put_with(json!({ "ChecksumCRC32": "DUoRhQ==" }));
    assert_eq!(header(&made, "x-amz-checksum-crc32"), "DUoRhQ==");
    assert_eq!(header(&made, "x-amz-checksum-crc64nvme"), "");
    put_with(json!({ "ChecksumCRC32": "DUoRhA==" })).refused_with(
        400,
        "BadDigest",
        "The CRC32 you specified did not match the calculated checksum.",
    );
    put_with(json!({ "ChecksumCRC32": "DUoRhQ==", "ChecksumAlgorithm": "SHA1" })).refused_with(
        400,
        "InvalidRequest",
        "Value for x-amz-sdk-checksum-algorithm header is invalid.",
    );
    put_with(json!({ "ChecksumAlgorithm": "SHA1" })).refused_with(
        400,
        "InvalidRequest",
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    );
    put_with(json!({ "ChecksumCRC32": "x" })).refused_with(
        400,
        "InvalidRequest",
        "Value for x-amz-checksum-crc32 header is invalid.",
    );
    put_with(json!({ "ChecksumCRC32": "DUoRhQ==", "ChecksumSHA1": "Kq5sNclPz7QV2+lfQIuc6R7oRu0=" }))
        .refused_with(
            400,
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        );
}

/// What the digests of `hello world` are, by implementations other than ours.
#[test]
fn every_algorithm_is_kept_told_and_copied() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    for (name, value, wrong) in [
        ("MD5", "XrY7u+Ae7tCTyyK7j1rNww==", "XrY7u+Ae7tCTyyK7j1rNwg=="),
        ("XXHASH64", "RatnNLIeaWg=", "RatnNLIeaWk="),
        ("XXHASH3", "1Eex6kDmmIs=", "1Eex6kDmmIo="),
        ("XXHASH128", "340J6T+HSQCpm4d1zBW2xw==", "340J6T+HSQCpm4d1zBW2xg=="),
    ] {
        let member = format!("Checksum{name}");
        let stated = |value: &str| {
            let mut more = json!({ "Body": "hello world" });
            more[&member] = json!(value);
            root.call("s3", "PutObject", and(of(name), more))
        };
        stated(wrong).refused_with(
            400,
            "BadDigest",
            &format!("The {name} you specified did not match the calculated checksum."),
        );
        stated("AA==").refused_with(
            400,
            "InvalidRequest",
            &format!("Value for x-amz-checksum-{} header is invalid.", name.to_ascii_lowercase()),
        );
        let made = stated(value).ok();
        assert_eq!((&made[&member], &made["ChecksumType"]), (&json!(value), &json!("FULL_OBJECT")));
        let head = root.call("s3", "HeadObject", and(of(name), json!({ "ChecksumMode": "ENABLED" }))).ok();
        assert_eq!(head[&member], value);
        let told = and(of(name), json!({ "ObjectAttributes": ["Checksum"] }));
        let told = root.call("s3", "GetObjectAttributes", told).ok();
        assert_eq!(told["Checksum"][&member], value);
        let copy = json!({ "Bucket": "bkt", "Key": "crc", "CopySource": format!("bkt/{name}"), "ChecksumAlgorithm": "CRC32" });
        assert_eq!(root.call("s3", "CopyObject", copy).ok()["CopyObjectResult"]["ChecksumCRC32"], "DUoRhQ==");
        let back =
            json!({ "Bucket": "bkt", "Key": "back", "CopySource": "bkt/crc", "ChecksumAlgorithm": name });
        assert_eq!(root.call("s3", "CopyObject", back).ok()["CopyObjectResult"][&member], value);
        let listed = root.call("s3", "ListObjectsV2", json!({ "Bucket": "bkt", "Prefix": name })).ok();
        let first = &listed["Contents"][0];
        assert_eq!((&first["ChecksumAlgorithm"], &first["Key"]), (&json!([name]), &json!(name)));
    }
    let unknown =
        json!({ "Body": "x", "ChecksumAlgorithm": "ADLER32", "ChecksumMD5": "XrY7u+Ae7tCTyyK7j1rNww==" });
    root.call("s3", "PutObject", and(of("k"), unknown)).refused(400, "InvalidRequest");
    root.call("s3", "CreateMultipartUpload", and(of("k"), json!({ "ChecksumAlgorithm": "ADLER32" }))).refused_with(
        400,
        "InvalidRequest",
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]",
    );
}

#[test]
fn attributes_are_checked() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let put_with =
        |more: Value| root.call("s3", "PutObject", and(of("k"), and(json!({ "Body": "v" }), more)));
    put_with(json!({ "StorageClass": "COLD" })).refused_with(
        400,
        "InvalidStorageClass",
        "The storage class you specified is not valid",
    );
    let large = put_with(json!({ "Metadata": { "k": "x".repeat(2048) } }));
    assert_eq!((&large.value["Size"], &large.value["MaxSizeAllowed"]), (&json!("2049"), &json!("2048")));
    large.refused_with(
        400,
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
    );
    put_with(json!({ "WebsiteRedirectLocation": "elsewhere" })).refused(400, "InvalidRedirectLocation");
    put_with(json!({ "Tagging": "a=1&a=2" })).refused(400, "InvalidArgument");
    put_with(json!({ "ACL": "public-read" })).refused(400, "AccessControlListNotSupported");
    put_with(json!({ "ServerSideEncryption": "rot13" })).refused_with(
        400,
        "InvalidArgument",
        "The encryption method specified is not supported",
    );
    put_with(json!({ "SSEKMSKeyId": "k" })).refused_with(
        400,
        "InvalidArgument",
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
    );
    put_with(json!({ "ObjectLockLegalHoldStatus": "ON", "ChecksumCRC32": "a2Q7hA==" })).refused_with(
        400,
        "InvalidRequest",
        "Bucket is missing ObjectLockConfiguration",
    );
    assert_eq!(header(&put_with(json!({ "StorageClass": "STANDARD" })), "x-amz-storage-class"), "");
    assert_eq!(
        header(&put_with(json!({ "StorageClass": "STANDARD_IA" })), "x-amz-storage-class"),
        "STANDARD_IA"
    );
    assert_eq!(header(&get(&root, "k", json!({})), "x-amz-storage-class"), "STANDARD_IA");
    put_with(json!({ "StorageClass": "GLACIER" })).ok();
    let frozen = get(&root, "k", json!({}));
    assert_eq!(frozen.value["StorageClass"], "GLACIER");
    frozen.refused_with(
        403,
        "InvalidObjectState",
        "The operation is not valid for the object's storage class",
    );
    root.call("s3", "HeadObject", of("k")).ok();
}

fn versioning(root: &Caller<'_>, status: &str) {
    let configuration = json!({ "Bucket": "bkt", "VersioningConfiguration": { "Status": status } });
    root.call("s3", "PutBucketVersioning", configuration).ok();
}

#[test]
fn versions_stay_until_they_are_deleted() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(&root, "k", "null").ok();
    versioning(&root, "Enabled");
    let id = |reply: &Reply| header(reply, "x-amz-version-id").to_owned();
    let first = id(&put(&root, "k", "one"));
    let second = id(&put(&root, "k", "two"));
    assert_eq!((first.len(), second.len()), (32, 32));
    let body = |more: Value| {
        let got = get(&root, "k", more);
        assert_eq!(got.status, 200);
        (id(&got), String::from_utf8(got.body.to_vec()).unwrap())
    };
    assert_eq!(body(json!({})), (second.clone(), "two".into()));
    assert_eq!(body(json!({ "VersionId": first })), (first.clone(), "one".into()));
    assert_eq!(body(json!({ "VersionId": "null" })), ("null".into(), "null".into()));
    let marker = root.call("s3", "DeleteObject", of("k"));
    assert_eq!((marker.status, header(&marker, "x-amz-delete-marker")), (204, "true"));
    let hidden = get(&root, "k", json!({}));
    assert_eq!(header(&hidden, "x-amz-delete-marker"), "true");
    assert_eq!(id(&hidden), id(&marker));
    hidden.refused(404, "NoSuchKey");
    let named = get(&root, "k", json!({ "VersionId": id(&marker) }));
    assert_eq!((header(&named, "allow"), header(&named, "x-amz-delete-marker")), ("DELETE", "true"));
    assert_eq!(named.value["ResourceType"], "DeleteMarker");
    named.refused_with(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
    let delete = |id: &str| root.call("s3", "DeleteObject", and(of("k"), json!({ "VersionId": id })));
    let undone = delete(&id(&marker));
    assert_eq!((undone.status, header(&undone, "x-amz-delete-marker")), (204, "true"));
    assert_eq!(body(json!({})).1, "two", "it comes up again");
    assert_eq!(id(&delete(&second)), second);
    assert_eq!(body(json!({})).1, "one");
    delete(&first).ok();
    assert_eq!(body(json!({})), ("null".into(), "null".into()));
    delete("null").ok();
    get(&root, "k", json!({})).refused(404, "NoSuchKey");
    assert_eq!(delete(&first).status, 204, "once more");
    get(&root, "k", json!({ "VersionId": first })).refused_with(
        404,
        "NoSuchVersion",
        "The specified version does not exist.",
    );
    get(&root, "k", json!({ "VersionId": "nonsense" })).refused_with(
        400,
        "InvalidArgument",
        "Invalid version id specified",
    );
}

/// AWS's order: by key, then the newest first, be it a version or a delete marker; common prefixes at the end.
#[test]
fn versions_and_markers_are_written_in_one_order() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    versioning(&root, "Enabled");
    let delete = |key: &str| root.call("s3", "DeleteObject", of(key)).ok();
    put(&root, "b", "1").ok();
    delete("b");
    put(&root, "b", "2").ok();
    delete("b");
    put(&root, "a", "1").ok();
    delete("c");
    put(&root, "d/e", "1").ok();
    let listed = root.call("s3", "ListObjectVersions", json!({ "Bucket": "bkt", "Delimiter": "/" }));
    let text = String::from_utf8(listed.body.to_vec()).unwrap();
    let tags = [
        "<Name>",
        "<Prefix>",
        "<KeyMarker>",
        "<VersionIdMarker>",
        "<MaxKeys>",
        "<Delimiter>",
        "<IsTruncated>",
    ];
    let places: Vec<usize> = tags.iter().map(|tag| text.find(tag).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    let mut found = Vec::new();
    for (at, _) in text.match_indices("<Key>") {
        let kind = text[..at].rsplit('<').next().unwrap();
        found.push(format!("{kind}{}", &text[at + 5..at + 6]));
    }
    assert_eq!(
        found,
        ["Version>a", "DeleteMarker>b", "Version>b", "DeleteMarker>b", "Version>b", "DeleteMarker>c"]
    );
    assert!(text.ends_with(
        "</DeleteMarker><CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes></ListVersionsResult>"
    ));
    let value = listed.ok();
    assert_eq!(value["Versions"].as_array().map(Vec::len), Some(3));
    assert_eq!(value["DeleteMarkers"].as_array().map(Vec::len), Some(3));
    let next = root.call("s3", "ListObjectVersions", json!({ "Bucket": "bkt", "MaxKeys": 2 })).ok();
    assert_eq!((&next["NextKeyMarker"], &next["IsTruncated"]), (&json!("b"), &json!(true)));
}

#[test]
fn suspended_versioning_replaces_the_null_version_only() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    versioning(&root, "Enabled");
    let kept = header(&put(&root, "k", "kept"), "x-amz-version-id").to_owned();
    versioning(&root, "Suspended");
    for body in ["a", "b"] {
        assert_eq!(header(&put(&root, "k", body), "x-amz-version-id"), "");
    }
    let listed = |what: &str| {
        let all = root.call("s3", "ListObjectVersions", json!({ "Bucket": "bkt" })).ok();
        all[what].as_array().map_or(0, Vec::len)
    };
    assert_eq!(listed("Versions"), 2);
    let marker = root.call("s3", "DeleteObject", of("k"));
    assert_eq!(header(&marker, "x-amz-version-id"), "null");
    assert_eq!((listed("Versions"), listed("DeleteMarkers")), (1, 1));
    put(&root, "k", "c").ok();
    assert_eq!((listed("Versions"), listed("DeleteMarkers")), (2, 0));
    versioning(&root, "Enabled");
    put(&root, "k", "d").ok();
    assert_eq!(&get(&root, "k", json!({ "VersionId": "null" })).body[..], b"c");
    assert_eq!(&get(&root, "k", json!({ "VersionId": kept })).body[..], b"kept");
    versioning(&root, "Suspended");
    put(&root, "k", "e").ok();
    assert_eq!(&get(&root, "k", json!({ "VersionId": "null" })).body[..], b"e");
    assert_eq!(listed("Versions"), 3);
}

#[test]
fn many_are_deleted_at_once() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    for key in ["a", "b", "c"] {
        put(&root, key, key).ok();
    }
    let delete = |objects: Value, quiet: bool| {
        let delete = json!({ "Objects": objects, "Quiet": quiet });
        root.call("s3", "DeleteObjects", json!({ "Bucket": "bkt", "Delete": delete }))
    };
    let done = delete(json!([{ "Key": "a" }, { "Key": "missing" }]), false).ok();
    assert_eq!(done["Deleted"], json!([{ "Key": "a" }, { "Key": "missing" }]));
    assert_eq!(delete(json!([{ "Key": "b" }]), true).ok().get("Deleted"), None);
    let mixed = delete(json!([{ "Key": "c", "ETag": "x" }]), false).ok();
    assert_eq!(mixed["Errors"][0]["Code"], "PreconditionFailed");
    get(&root, "c", json!({})).ok();
    let many: Vec<Value> = (0..1001).map(|n| json!({ "Key": n.to_string() })).collect();
    delete(json!(many), false).refused(400, "MalformedXML");
    versioning(&root, "Enabled");
    let marked = delete(json!([{ "Key": "c" }]), false).ok();
    let id = marked["Deleted"][0]["DeleteMarkerVersionId"].clone();
    assert_eq!(marked["Deleted"][0]["DeleteMarker"], true);
    let undone = delete(json!([{ "Key": "c", "VersionId": id }]), false).ok();
    assert_eq!(
        undone["Deleted"],
        json!([{ "Key": "c", "VersionId": id, "DeleteMarker": true, "DeleteMarkerVersionId": id }])
    );
    let eva = cloud.user(&root, "eva", "");
    let refused = eva.call(
        "s3",
        "DeleteObjects",
        json!({ "Bucket": "bkt", "Delete": { "Objects": [{ "Key": "c" }] } }),
    );
    let refused = refused.ok();
    assert_eq!(
        refused["Errors"],
        json!([{ "Key": "c", "Code": "AccessDenied", "Message": "Access Denied" }])
    );
    get(&root, "c", json!({})).ok();
}

fn customer(key: &[u8], prefix: &str) -> Value {
    json!({
        format!("{prefix}SSECustomerAlgorithm"): "AES256",
        format!("{prefix}SSECustomerKey"): STANDARD.encode(key),
        format!("{prefix}SSECustomerKeyMD5"): STANDARD.encode(Md5::of(key)),
    })
}

/// New buckets take nothing under callers' keys.
fn allow_keys_of_callers(root: &Caller<'_>) {
    let rules = json!({ "Rules": [{ "BlockedEncryptionTypes": { "EncryptionType": ["NONE"] } }] });
    let allow = json!({ "Bucket": "bkt", "ServerSideEncryptionConfiguration": rules });
    root.call("s3", "PutBucketEncryption", allow).ok();
}

#[test]
fn keys_of_callers() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let refused = and(of("k"), and(json!({ "Body": "x" }), customer(&[1; 32], "")));
    root.call("s3", "PutObject", refused).refused_with(403, "AccessDenied", "Access Denied");
    allow_keys_of_callers(&root);
    let body = "secret".repeat(20_000);
    let mine = customer(&[1; 32], "");
    let put = and(of("k"), and(json!({ "Body": body }), mine.clone()));
    let made = root.call("s3", "PutObject", put);
    assert_eq!(header(&made, "x-amz-server-side-encryption-customer-algorithm"), "AES256");
    assert_eq!(header(&made, "x-amz-server-side-encryption"), "");
    assert_ne!(header(&made, "etag"), format!("\"{}\"", auth::md5::hex(&Md5::of(body.as_bytes()))));
    let got = get(&root, "k", and(mine.clone(), json!({ "Range": "bytes=65530-65550" })));
    assert!(got.body == body.as_bytes()[65_530..65_551]);
    get(&root, "k", json!({})).refused_with(
        400,
        "InvalidRequest",
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.",
    );
    root.call("s3", "HeadObject", of("k")).refused(400, "InvalidRequest");
    get(&root, "k", customer(&[2; 32], "")).refused_with(
        403,
        "AccessDenied",
        "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
    );
    self::put(&root, "plain", "x").ok();
    get(&root, "plain", mine.clone()).refused_with(
        400,
        "InvalidRequest",
        "The encryption parameters are not applicable to this object.",
    );
    let both = and(and(of("k"), json!({ "Body": "v", "ServerSideEncryption": "AES256" })), mine);
    root.call("s3", "PutObject", both).refused_with(
        400,
        "InvalidArgument",
        "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
    );
}

#[test]
fn keys_of_kms() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let key = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].clone();
    let put = |caller: &Caller<'_>, name: &str, more: Value| {
        let kms =
            json!({ "Body": "x".repeat(70_000), "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key });
        caller.call("s3", "PutObject", and(of(name), and(kms, more)))
    };
    let context = STANDARD.encode(r#"{"team":"blue"}"#);
    let made = put(&root, "k", json!({ "SSEKMSEncryptionContext": context }));
    assert_eq!(header(&made, "x-amz-server-side-encryption-aws-kms-key-id"), key.as_str().unwrap());
    assert_eq!(header(&made, "x-amz-server-side-encryption"), "aws:kms");
    assert_eq!(header(&made, "x-amz-server-side-encryption-context"), context);
    let got = get(&root, "k", json!({}));
    assert_eq!((got.body.len(), header(&got, "x-amz-server-side-encryption")), (70_000, "aws:kms"));
    assert_eq!(header(&got, "x-amz-server-side-encryption-context"), "");
    // Reading the object is not enough.
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
    let eva = cloud.user(&root, "eva", &policy.to_string());
    let refused = get(&eva, "k", json!({}));
    assert!(refused.error().1.contains("kms:Decrypt"), "{}", refused.value);
    refused.refused(403, "AccessDenied");
    put(&eva, "k2", json!({})).refused(403, "AccessDenied");
    let bucket_key = put(&root, "k3", json!({ "BucketKeyEnabled": true }));
    assert_eq!(header(&bucket_key, "x-amz-server-side-encryption-bucket-key-enabled"), "true");
    assert_eq!(get(&root, "k3", json!({})).body.len(), 70_000);
    put(&root, "k4", json!({ "SSEKMSEncryptionContext": "!" })).refused(400, "InvalidArgument");
    let missing = json!({ "Body": "x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "fake-key-id" });
    root.call("s3", "PutObject", and(of("k5"), missing)).refused_with(
        400,
        "KMS.NotFoundException",
        "Invalid keyId 'fake-key-id'",
    );
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    let disabled = get(&root, "k", json!({}));
    let message = format!("{} is disabled.", key.as_str().unwrap());
    disabled.refused_with(400, "KMS.DisabledException", &message);
}

#[test]
fn two_layers_under_a_key_of_kms() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let key = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"].clone();
    let dual = json!({ "ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": key["KeyId"] });
    // There are no bucket keys with it.
    let more = json!({ "Body": "x".repeat(70_000), "BucketKeyEnabled": true });
    let made = root.call("s3", "PutObject", and(of("k"), and(dual.clone(), more)));
    let told = |reply: &Reply| {
        let name = |tail: &str| header(reply, &format!("x-amz-server-side-encryption{tail}")).to_owned();
        (name(""), name("-aws-kms-key-id"), name("-bucket-key-enabled"))
    };
    let expected = ("aws:kms:dsse".into(), key["Arn"].as_str().unwrap().into(), String::new());
    assert_eq!(told(&made), expected, "{}", made.value);
    let got = get(&root, "k", json!({ "Range": "bytes=65530-65545" }));
    assert_eq!((&got.body[..], told(&got)), (&b"x".repeat(16)[..], expected.clone()));
    let copy = and(json!({ "Bucket": "bkt", "Key": "copy", "CopySource": "bkt/k" }), dual.clone());
    assert_eq!(told(&root.call("s3", "CopyObject", copy)), expected);
    assert_eq!(get(&root, "copy", json!({})).body.len(), 70_000);
    let one = and(
        json!({ "Bucket": "bkt", "Key": "one", "CopySource": "bkt/copy" }),
        json!({ "ServerSideEncryption": "AES256" }),
    );
    root.call("s3", "CopyObject", one).ok();
    assert_eq!(get(&root, "one", json!({})).body.len(), 70_000);

    let upload = root.call("s3", "CreateMultipartUpload", and(of("parts"), dual.clone()));
    assert_eq!(told(&upload), expected);
    let of_upload = and(of("parts"), json!({ "UploadId": upload.ok()["UploadId"] }));
    let part = json!({ "PartNumber": 1, "Body": "y".repeat(200_000) });
    let part = root.call("s3", "UploadPart", and(of_upload.clone(), part)).ok();
    let parts = json!({ "MultipartUpload": { "Parts": [{ "PartNumber": 1, "ETag": part["ETag"] }] } });
    assert_eq!(told(&root.call("s3", "CompleteMultipartUpload", and(of_upload, parts))), expected);
    assert_eq!(&get(&root, "parts", json!({})).body[..], "y".repeat(200_000).as_bytes());

    // Both the object and its key are needed, as under one layer.
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
    let eva = cloud.user(&root, "eva", &policy.to_string());
    get(&eva, "k", json!({})).refused(403, "AccessDenied");
    root.call("kms", "DisableKey", json!({ "KeyId": key["KeyId"] })).ok();
    get(&root, "k", json!({})).refused(400, "KMS.DisabledException");

    // A bucket may want it of everybody, and be of it by default.
    let wanted = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bkt/*",
        "Condition": { "StringNotEqualsIfExists": { "s3:x-amz-server-side-encryption": "aws:kms:dsse" } } }] });
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "bkt", "Policy": wanted.to_string() })).ok();
    let single = json!({ "Body": "x", "ServerSideEncryption": "aws:kms" });
    root.call("s3", "PutObject", and(of("k2"), single)).refused(403, "AccessDenied");
    let managed = json!({ "Body": "x", "ServerSideEncryption": "aws:kms:dsse" });
    root.call("s3", "PutObject", and(of("k2"), managed)).ok();
    root.call("s3", "DeleteBucketPolicy", json!({ "Bucket": "bkt" }));
    let rule = json!({ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms:dsse" }, "BucketKeyEnabled": true });
    let configuration = json!({ "Rules": [rule], });
    let put_default = |configuration: &Value| {
        let put = json!({ "Bucket": "bkt", "ServerSideEncryptionConfiguration": configuration });
        root.call("s3", "PutBucketEncryption", put)
    };
    put_default(&configuration).ok();
    let kept = root.call("s3", "GetBucketEncryption", json!({ "Bucket": "bkt" })).ok();
    let rule = &kept["ServerSideEncryptionConfiguration"]["Rules"][0];
    assert_eq!(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "aws:kms:dsse");
    let by_default = put(&root, "k3", "x");
    let (algorithm, _, bucket_key) = told(&by_default);
    assert_eq!((algorithm.as_str(), bucket_key.as_str()), ("aws:kms:dsse", ""), "{}", by_default.value);
    let unknown = json!({ "Rules": [{ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "rot13" } }] });
    put_default(&unknown).refused(400, "MalformedXML");
}

#[test]
fn default_encryption_of_the_bucket() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let key = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"].clone();
    let rule = json!({ "ApplyServerSideEncryptionByDefault": {
        "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["KeyId"] }, "BucketKeyEnabled": true });
    let configuration = json!({ "Bucket": "bkt", "ServerSideEncryptionConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketEncryption", configuration).ok();
    let made = put(&root, "k", "x");
    assert_eq!(header(&made, "x-amz-server-side-encryption-aws-kms-key-id"), key["Arn"].as_str().unwrap());
    assert_eq!(header(&made, "x-amz-server-side-encryption-bucket-key-enabled"), "true");
    let own =
        root.call("s3", "PutObject", and(of("k"), json!({ "Body": "x", "ServerSideEncryption": "AES256" })));
    assert_eq!(header(&own, "x-amz-server-side-encryption"), "AES256");
    assert_eq!(&get(&root, "k", json!({})).body[..], b"x");
}

#[test]
fn what_attributes_tell() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    put(&root, "k", "hello world").ok();
    let names = json!(["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]);
    let told = root.call("s3", "GetObjectAttributes", and(of("k"), json!({ "ObjectAttributes": names })));
    let told = told.ok();
    assert_eq!(told["ETag"], HELLO.trim_matches('"'));
    assert_eq!(
        told["Checksum"],
        json!({ "ChecksumCRC64NVME": "jSnVw/bqjr4=", "ChecksumType": "FULL_OBJECT" })
    );
    assert_eq!((&told["StorageClass"], &told["ObjectSize"]), (&json!("STANDARD"), &json!(11)));
    assert_eq!(told.get("ObjectParts"), None);
    let none = and(of("k"), json!({ "ObjectAttributes": [] }));
    root.call("s3", "GetObjectAttributes", none).refused_with(
        400,
        "InvalidRequest",
        "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
    );
}

#[test]
fn raw_requests() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    // Virtual hosts, and names that need escapes.
    let mut request = Request::put("/caf%C3%A9%2Fx%20y").body(Bytes::from_static(b"body")).unwrap();
    request.headers_mut().insert("host", "bkt.s3.us-east-1.amazonaws.com".parse().unwrap());
    root.sign(&mut request, "s3");
    let made = cloud.send(request, root.address);
    assert_eq!(made.status, 200, "{}", made.value);
    assert_eq!(&get(&root, "café/x y", json!({})).body[..], b"body");
    // What is not UTF-8 is nobody's key.
    let request = Request::get("/bkt/%ff").body(Bytes::new()).unwrap();
    cloud.send(request, root.address).refused_with(400, "InvalidURI", "Couldn't parse the specified URI.");
    // Whoever does not sign is nobody.
    let nobody = cloud.anonymous();
    get(&nobody, "café/x y", json!({})).refused_with(403, "AccessDenied", "Access Denied");
}

#[test]
fn an_empty_type_is_kept() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    root.call("s3", "PutObject", and(of("k"), json!({ "Body": "x", "ContentType": "" }))).ok();
    for operation in ["GetObject", "HeadObject"] {
        let got = root.call("s3", operation, of("k"));
        assert_eq!(
            got.headers.get("content-type").map(|value| value.as_bytes()),
            Some(&b""[..]),
            "{operation}"
        );
    }
}

#[test]
fn a_part_that_no_object_has_is_told_before_the_object_is_looked_for() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    for number in [0, 10_001] {
        let part = json!({ "Bucket": "bkt", "Key": "missing", "PartNumber": number });
        root.call("s3", "GetObject", part.clone()).refused_with(
            400,
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
        );
        assert_eq!(root.call("s3", "HeadObject", part).status, 400);
    }
}
