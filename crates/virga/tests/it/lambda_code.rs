//! Code that lies in S3.

use crate::harness::{Caller, Cloud};
use crate::lambda_functions::{ROLE, role, zipped};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

/// Puts an archive of one file there; gives the object's version.
pub(crate) fn put(
    cloud: &Cloud,
    root: &Caller<'_>,
    (bucket, key): (&str, &str),
    file: (&str, &str),
) -> String {
    // Its body is not signed, so that it may be bytes.
    let mut request = root.presigned("s3", "PutObject", &json!({ "Bucket": bucket, "Key": key }));
    *request.body_mut() = STANDARD.decode(zipped(file.0, file.1)).unwrap().into();
    let reply = cloud.send(request, "127.0.0.1".parse().unwrap());
    assert_eq!(reply.status, 200);
    let version = reply.headers.get("x-amz-version-id");
    version.map(|version| version.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn put_app(cloud: &Cloud, root: &Caller<'_>, text: &str) -> String {
    put(cloud, root, ("code", "f.zip"), ("app.py", text))
}

fn input(code: Value) -> Value {
    json!({
        "FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler", "Code": code,
    })
}

fn hash(text: &str) -> String {
    let zip = STANDARD.decode(zipped("app.py", text)).unwrap();
    STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &zip))
}

fn bucket(root: &Caller<'_>) {
    role(root);
    root.call("s3", "CreateBucket", json!({ "Bucket": "code" })).ok();
    let versioned = json!({ "Bucket": "code", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", versioned).ok();
}

#[test]
fn a_function_of_an_object_and_of_a_version_of_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    bucket(&root);
    let first = put_app(&cloud, &root, "one");
    put_app(&cloud, &root, "two");
    let made =
        root.call("lambda", "CreateFunction", input(json!({ "S3Bucket": "code", "S3Key": "f.zip" }))).ok();
    assert_eq!(made["CodeSha256"], hash("two"));
    let change = json!({
        "FunctionName": "f", "S3Bucket": "code", "S3Key": "f.zip", "S3ObjectVersion": first,
    });
    let changed = root.call("lambda", "UpdateFunctionCode", change).ok();
    assert_eq!(changed["CodeSha256"], hash("one"));
    let large = "x".repeat(700_000);
    // Not compressible, so that it lies among the files and in several pieces.
    let noise: String = large.chars().enumerate().map(|(at, _)| noise(at)).collect();
    put_app(&cloud, &root, &noise);
    let change = json!({ "FunctionName": "f", "S3Bucket": "code", "S3Key": "f.zip" });
    assert_eq!(root.call("lambda", "UpdateFunctionCode", change).ok()["CodeSha256"], hash(&noise));
}

fn noise(at: usize) -> char {
    let mixed = (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    char::from(b'!' + (mixed % 90) as u8)
}

#[test]
fn what_cannot_be_read_is_no_code() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    bucket(&root);
    put_app(&cloud, &root, "one");
    for (code, message) in [
        (
            json!({ "S3Bucket": "code", "S3Key": "g.zip" }),
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        ),
        (
            json!({ "S3Bucket": "nobody-has-it", "S3Key": "g.zip" }),
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
        ),
        (json!({ "S3Bucket": "code" }), "S3Bucket and S3Key are both required for code from Amazon S3."),
        (
            json!({ "S3Bucket": "code", "S3Key": "f.zip", "ZipFile": "bm8gemlw" }),
            "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        ),
        (json!({}), "Please provide a source for function code."),
    ] {
        root.call("lambda", "CreateFunction", input(code)).refused_with(
            400,
            "InvalidParameterValueException",
            message,
        );
    }
    let moved = root.in_region("eu-west-1");
    let there =
        moved.call("lambda", "CreateFunction", input(json!({ "S3Bucket": "code", "S3Key": "f.zip" })));
    let message = there.refused(400, "InvalidParameterValueException");
    assert!(message.contains("S3 Error Code: PermanentRedirect"), "{message}");
}

#[test]
fn the_caller_must_be_let_read_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    bucket(&root);
    put_app(&cloud, &root, "one");
    let policy = |actions: Value| {
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } })
            .to_string()
    };
    let code = || input(json!({ "S3Bucket": "code", "S3Key": "f.zip" }));
    let blind = cloud.user(&root, "blind", &policy(json!(["lambda:*", "iam:PassRole"])));
    let message = blind.call("lambda", "CreateFunction", code()).refused(403, "AccessDeniedException");
    let begin = "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for code/f.zip. S3 Error Code: AccessDenied.";
    assert!(message.starts_with(begin), "{message}");
    let sees = cloud.user(&root, "sees", &policy(json!(["lambda:*", "iam:PassRole", "s3:GetObject"])));
    sees.call("lambda", "CreateFunction", code()).ok();
}
