//! Browser uploads: forms with policies.

use crate::harness::{Caller, Cloud, Reply};
use crate::s3_objects::with_bucket;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const BOUNDARY: &str = "----9431149156168";

/// Fields and a file, as a browser would write them.
fn form(fields: &[(&str, &str)], file: &str) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        body +=
            &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\pics\\a b.txt\"\r\n\
         Content-Type: text/html\r\n\r\n{file}\r\n--{BOUNDARY}--\r\n"
    );
    body
}

/// The same, posted to `bkt`.
fn post(cloud: &Cloud, fields: &[(&str, &str)], file: &str) -> Reply {
    let body = form(fields, file);
    send(cloud, "bkt", &format!("multipart/form-data; boundary={BOUNDARY}"), &[], body)
}

fn send(cloud: &Cloud, bucket: &str, content_type: &str, headers: &[(&str, &str)], body: String) -> Reply {
    let mut request = Request::post("/")
        .header("host", format!("{bucket}.s3.amazonaws.com"))
        .header("content-type", content_type)
        .header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    cloud.send(request.body(Bytes::from(body)).unwrap(), Ipv4Addr::LOCALHOST.into())
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

fn document(expiration: &str, conditions: Value) -> String {
    STANDARD.encode(json!({ "expiration": expiration, "conditions": conditions }).to_string())
}

/// The fields of version 4 for a policy.
fn signed(caller: &Caller<'_>, policy: &str) -> Vec<(&'static str, String)> {
    let (access_key, secret) = caller.key();
    let sign = |key: &[u8], data: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes());
    let mut key = sign(format!("AWS4{secret}").as_bytes(), "20260115");
    for step in ["us-east-1", "s3", "aws4_request"] {
        key = sign(key.as_ref(), step);
    }
    let signature = sign(key.as_ref(), policy).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("policy", policy.to_owned()),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
        ("X-Amz-Credential", format!("{access_key}/20260115/us-east-1/s3/aws4_request")),
        ("X-Amz-Date", "20260115T000000Z".to_owned()),
        ("X-Amz-Signature", signature),
    ]
}

fn fields<'f>(own: &[(&'f str, &'f str)], signed: &'f [(&'static str, String)]) -> Vec<(&'f str, &'f str)> {
    let signed = signed.iter().map(|(name, value)| (*name, value.as_str()));
    own.iter().copied().chain(signed).collect()
}

const PUT_ONLY: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bkt/user/*"}}"#;
const LATER: &str = "2099-01-01T00:00:00.000Z";

/// What a policy of version 4 must allow of its own fields.
fn conditions(more: &[Value]) -> Value {
    let mut all = vec![
        json!({ "bucket": "bkt" }),
        json!(["starts-with", "$key", "user/"]),
        json!(["starts-with", "$x-amz-algorithm", ""]),
        json!(["starts-with", "$x-amz-credential", ""]),
        json!(["starts-with", "$x-amz-date", ""]),
    ];
    all.extend(more.iter().cloned());
    Value::Array(all)
}

#[test]
fn a_signed_form_puts_an_object() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let ann = cloud.user(&root, "ann", PUT_ONLY);
    let more = [
        json!({ "success_action_status": "201" }),
        json!({ "x-amz-meta-colour": "blue" }),
        json!(["starts-with", "$Content-Type", "text/"]),
        json!(["content-length-range", 1, 20]),
    ];
    let policy = document(LATER, conditions(&more));
    let signed = signed(&ann, &policy);
    let own = [
        ("key", "user/${filename}"),
        ("Content-Type", "text/plain"),
        ("success_action_status", "201"),
        ("x-amz-meta-colour", "blue"),
    ];
    let made = post(&cloud, &fields(&own, &signed), "hello world");
    assert_eq!((made.status, made.value["Key"].as_str()), (201, Some("user/a b.txt")), "{}", made.value);
    assert_eq!(made.value["Bucket"], "bkt");
    assert_eq!(made.value["ETag"], header(&made, "etag"));
    assert_eq!(header(&made, "location"), "https://bkt.s3.amazonaws.com/user%2Fa%20b.txt");
    let got = root.call("s3", "GetObject", json!({ "Bucket": "bkt", "Key": "user/a b.txt" }));
    assert_eq!((&got.body[..], header(&got, "content-type")), (&b"hello world"[..], "text/plain"));
    assert_eq!(header(&got, "x-amz-meta-colour"), "blue");

    let digest = |value| [&own[..], &[("x-amz-checksum-xxhash64", value)]].concat();
    let made = post(&cloud, &fields(&digest("RatnNLIeaWg="), &signed), "hello world");
    assert_eq!(
        (made.status, header(&made, "x-amz-checksum-xxhash64")),
        (201, "RatnNLIeaWg="),
        "{}",
        made.value
    );
    post(&cloud, &fields(&digest("RatnNLIeaWk="), &signed), "hello world").refused(400, "BadDigest");

    let refused = |own: &[(&str, &str)], file: &str, status: u16, code: &str| {
        post(&cloud, &fields(own, &signed), file).refused(status, code)
    };
    refused(&own, "", 400, "EntityTooSmall");
    refused(&own, &"x".repeat(21), 400, "EntityTooLarge");
    let mut other = own;
    other[0].1 = "else/where";
    assert_eq!(
        refused(&other, "x", 403, "AccessDenied"),
        "Invalid according to Policy: Policy Condition failed: [\"starts-with\", \"$key\", \"user/\"]"
    );
    let extra = [&own[..], &[("acl", "public-read")]].concat();
    assert_eq!(
        refused(&extra, "x", 403, "AccessDenied"),
        "Invalid according to Policy: Extra input fields: acl"
    );
    let mut spoilt = signed.clone();
    let other_digit = if spoilt[4].1.starts_with('0') { "1" } else { "0" };
    spoilt[4].1.replace_range(..1, other_digit);
    post(&cloud, &fields(&own, &spoilt), "x").refused(403, "SignatureDoesNotMatch");
    assert!(refused(&own[1..], "x", 400, "InvalidArgument").contains("a field named 'key'"));
}

#[test]
fn a_policy_of_version_2_still_holds_until_it_expires() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let ann = cloud.user(&root, "ann", PUT_ONLY);
    let (access_key, secret) = ann.key();
    let try_with = |expiration: &str, redirect: &[(&str, &str)]| {
        let more =
            json!([{ "bucket": "bkt" }, ["starts-with", "$key", ""], ["starts-with", "$redirect", ""]]);
        let more = if redirect.is_empty() { json!([more[0], more[1]]) } else { more };
        let policy = document(expiration, more);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, policy.as_bytes()));
        let own = [
            &[
                ("key", "user/old"),
                ("AWSAccessKeyId", access_key),
                ("Policy", &policy),
                ("Signature", &signature),
            ],
            redirect,
        ]
        .concat();
        post(&cloud, &own, "hello world")
    };
    let made = try_with(LATER, &[]);
    assert_eq!((made.status, made.body.len()), (204, 0), "{}", made.value);
    let sent = try_with(LATER, &[("redirect", "http://localhost/done")]);
    let tag = "%225eb63bbbe01eeed093cb22bb8f5acdc3%22";
    assert_eq!(sent.status, 303, "{}", sent.value);
    assert_eq!(
        header(&sent, "location"),
        format!("http://localhost/done?bucket=bkt&key=user%2Fold&etag={tag}")
    );
    try_with("2026-01-15T00:00:00Z", &[]).refused_with(
        403,
        "AccessDenied",
        "Invalid according to Policy: Policy expired.",
    );
}

#[test]
fn a_form_without_a_signature_is_anybodys() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    post(&cloud, &[("key", "x")], "y").refused(403, "AccessDenied");
    root.call("s3", "DeletePublicAccessBlock", json!({ "Bucket": "bkt" })).ok();
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::bkt/*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "bkt", "Policy": policy })).ok();
    // Metadata of forms are text, not words; other headers carry Latin-1, and a blank for what is not of it.
    let fields = [
        ("key", "words"),
        ("x-amz-meta-a", "=?UTF-8?B?YWJj?="),
        ("x-amz-meta-b", "ÄMÄZÕÑ S3"),
        ("Cache-Control", "a\u{2014}b"),
        ("Content-Disposition", "attachment; filename=\"é\""),
    ];
    assert_eq!(post(&cloud, &fields, "y").status, 204);
    let got = root.call("s3", "HeadObject", json!({ "Bucket": "bkt", "Key": "words" }));
    assert_eq!(
        ["x-amz-meta-a", "x-amz-meta-b", "cache-control"].map(|name| header(&got, name)),
        ["=?UTF-8?B?YWJj?=", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=", "a b"]
    );
    assert_eq!(got.headers["content-disposition"].as_bytes(), b"attachment; filename=\"\xE9\"");
    let big = "0123456789".repeat(50_000);
    let made = post(&cloud, &[("key", "x")], &big);
    assert_eq!(made.status, 204, "{}", made.value);
    let got = root.call("s3", "GetObject", json!({ "Bucket": "bkt", "Key": "x" }));
    assert_eq!(got.body, big.as_bytes());
    let rules = json!({ "CORSRules": [{ "AllowedMethods": ["POST"], "AllowedOrigins": ["*"] }] });
    root.call("s3", "PutBucketCors", json!({ "Bucket": "bkt", "CORSConfiguration": rules })).ok();
    let none =
        send(&cloud, "bkt", "application/x-www-form-urlencoded", &[("origin", "http://a")], "key=x".into());
    assert_eq!(header(&none, "access-control-allow-origin"), "*");
    none.refused(412, "PreconditionFailed");
    let torn = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nx\r\n");
    send(&cloud, "bkt", &format!("multipart/form-data; boundary={BOUNDARY}"), &[], torn)
        .refused(400, "MalformedPOSTRequest");
}

#[test]
fn the_old_signature_is_of_old_regions() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let made =
        json!({ "Bucket": "bkt", "CreateBucketConfiguration": { "LocationConstraint": "eu-central-1" } });
    root.call("s3", "CreateBucket", made).ok();
    let policy = document(LATER, json!([{ "bucket": "bkt" }, { "key": "k" }]));
    let (access_key, _) = root.key();
    let own = [("key", "k"), ("AWSAccessKeyId", access_key), ("policy", &policy), ("signature", "any")];
    post(&cloud, &own, "hello").refused_with(
        400,
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    );
}

#[test]
fn what_is_no_form_with_a_file_is_told_so_in_either_style() {
    let cloud = Cloud::new();
    with_bucket(&cloud);
    let urlencoded = "application/x-www-form-urlencoded";
    for (host, path, kind) in [
        ("bkt.s3.amazonaws.com", "/", urlencoded),
        ("127.0.0.1:4566", "/bkt", urlencoded),
        ("127.0.0.1:4566", "/bkt/", urlencoded),
        ("127.0.0.1:4566", "/bkt", "text/html"),
    ] {
        let request = Request::post(path)
            .header("host", host)
            .header("content-type", kind)
            .body(Bytes::from_static(b"key=k"))
            .unwrap();
        let refused = cloud.send(request, Ipv4Addr::LOCALHOST.into());
        let condition = "Bucket POST must be of the enclosure-type multipart/form-data";
        assert_eq!(refused.value["Condition"], condition, "{host}{path}");
        refused.refused(412, "PreconditionFailed");
    }
}

#[test]
fn who_sends_a_form_is_looked_at_before_the_bucket() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let mut conditions = conditions(&[]);
    conditions[0]["bucket"] = json!("elsewhere");
    let policy = document(LATER, conditions);
    let post = |signed: &[(&'static str, String)]| {
        let body = form(&fields(&[("key", "user/k")], signed), "x");
        send(&cloud, "elsewhere", &format!("multipart/form-data; boundary={BOUNDARY}"), &[], body)
    };
    let ann = cloud.user(&root, "ann", PUT_ONLY);
    let mut signed = signed(&ann, &policy);
    post(&signed).refused(404, "NoSuchBucket");
    let other_digit = if signed[4].1.starts_with('0') { "1" } else { "0" };
    signed[4].1.replace_range(..1, other_digit);
    post(&signed).refused(403, "SignatureDoesNotMatch");
}
