//! Server access logs: who may deliver them where, and what stands in them.

use crate::harness::{Caller, Cloud};
use http::Request;
use kernel::Settings;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

fn bucket(name: &str) -> Value {
    json!({ "Bucket": name })
}

fn logged_to(name: &str, target: &str, more: &Value) -> Value {
    let mut enabled = json!({ "TargetBucket": target, "TargetPrefix": "log/" });
    for (member, value) in more.as_object().into_iter().flatten() {
        enabled[member] = value.clone();
    }
    json!({ "Bucket": name, "BucketLoggingStatus": { "LoggingEnabled": enabled } })
}

/// A bucket, and one for its logs whose policy lets them in.
fn pair(root: &Caller<'_>, condition: &Value) {
    for name in ["site", "logs"] {
        root.call("s3", "CreateBucket", bucket(name)).ok();
    }
    let statement = json!({
        "Effect": "Allow", "Principal": { "Service": "logging.s3.amazonaws.com" },
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*", "Condition": condition,
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "logs", "Policy": policy })).ok();
}

fn by_the_site() -> Value {
    json!({
        "ArnLike": { "aws:SourceArn": "arn:aws:s3:::site" },
        "StringEquals": { "aws:SourceAccount": ACCOUNT },
    })
}

/// Lets the logs come, and reads them: each file's key, and its lines word by word.
fn delivered(cloud: &Cloud, root: &Caller<'_>) -> Vec<(String, Vec<Vec<String>>)> {
    for name in ["s3 access logs", "s3 access log delivery"] {
        run(cloud, name);
    }
    cloud.advance(Duration::from_secs(61));
    run(cloud, "s3 access log delivery");
    let listed = root.call("s3", "ListObjectsV2", bucket("logs")).ok();
    let keys = listed["Contents"].as_array().cloned().unwrap_or_default();
    let keys = keys.iter().map(|entry| entry["Key"].as_str().unwrap().to_owned());
    keys.map(|key| {
        let got = root.call("s3", "GetObject", json!({ "Bucket": "logs", "Key": key }));
        let text = String::from_utf8(got.body.to_vec()).unwrap();
        (key, text.lines().map(words).collect())
    })
    .collect()
}

fn run(cloud: &Cloud, name: &str) {
    let work = cloud.cloud.reconcilers().iter().find(|r| r.name() == name).unwrap().clone();
    let on = std::sync::Arc::clone(&cloud.cloud);
    cloud.block_on(async move { tokio::task::spawn_blocking(move || work.run(&on)).await.unwrap().unwrap() });
}

/// The fields of a line: words, and what stands in quotes or brackets.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let close = match rest.as_bytes()[0] {
            b'"' => Some('"'),
            b'[' => Some(']'),
            _ => None,
        };
        let end = match close {
            Some(close) => rest[1..].find(close).unwrap() + 2,
            None => rest.find(' ').unwrap_or(rest.len()),
        };
        out.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    out
}

fn operations(files: &[(String, Vec<Vec<String>>)]) -> Vec<String> {
    files.iter().flat_map(|(_, lines)| lines).map(|line| line[6].clone()).collect()
}

#[test]
fn every_field_of_what_was_asked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, &by_the_site());
    root.call("s3", "PutObject", json!({ "Bucket": "site", "Key": "before", "Body": "unseen" })).ok();
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &json!({}))).ok();
    let put = root.call("s3", "PutObject", json!({ "Bucket": "site", "Key": "a b", "Body": "hello" }));
    let mut request =
        root.request("s3", "GetObject", &json!({ "Bucket": "site", "Key": "a b", "Range": "bytes=1-2" }));
    request.headers_mut().insert("referer", "http://from.here/".parse().unwrap());
    let got = cloud.send(request, root.address);
    assert_eq!((got.status, &got.body[..]), (206, &b"el"[..]));
    root.call("s3", "GetObject", json!({ "Bucket": "site", "Key": "none" })).refused(404, "NoSuchKey");
    let files = delivered(&cloud, &root);
    assert_eq!(files.len(), 1, "{files:?}");
    let (key, lines) = &files[0];
    assert!(
        key.starts_with("log/2026-01-15-12-01-01-") && key.len() == "log/2026-01-15-12-01-01-".len() + 16,
        "{key}"
    );
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.len() == 26), "{lines:?}");
    let id = |reply: &crate::harness::Reply| reply.headers["x-amz-request-id"].to_str().unwrap().to_owned();
    let owner = root.call("s3", "ListBuckets", json!({})).ok()["Owner"]["ID"].as_str().unwrap().to_owned();
    let first: Vec<&str> = lines[0].iter().map(String::as_str).collect();
    assert_eq!(first[..5], [&owner, "site", "[15/Jan/2026:12:00:00 +0000]", "127.0.0.1", &owner]);
    assert_eq!(first[5..8], [id(&put).as_str(), "REST.PUT.OBJECT", "a%20b"]);
    assert!(first[8].starts_with("\"PUT /") && first[8].ends_with(" HTTP/1.1\""), "{}", first[8]);
    assert_eq!(first[9..13], ["200", "-", "-", "5"]);
    assert!(first[13].parse::<u64>().is_ok() && first[14].parse::<u64>().is_ok());
    assert_eq!(first[15..18], ["\"-\"", "\"it/1\"", "-"]);
    assert_eq!(first[18], put.headers["x-amz-id-2"].to_str().unwrap());
    assert_eq!(first[19..], ["SigV4", "-", "AuthHeader", "s3.us-east-1.amazonaws.com", "-", "-", "-"]);
    let second = &lines[1];
    assert_eq!(second[5..8], [id(&got), "REST.GET.OBJECT".to_owned(), "a%20b".to_owned()]);
    assert_eq!(second[9..13], ["206", "-", "2", "5"]);
    assert_eq!(second[15], "\"http://from.here/\"");
    assert_eq!(lines[2][9..11], ["404", "NoSuchKey"]);
    // What is delivered is not delivered again.
    assert_eq!(delivered(&cloud, &root).len(), 1);
}

#[test]
fn who_is_refused_stands_in_the_log_too() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, &by_the_site());
    root.call("s3", "PutObject", json!({ "Bucket": "site", "Key": "k", "Body": "hello" })).ok();
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &json!({}))).ok();
    let eva = cloud.user(&root, "eva", "");
    eva.call("s3", "GetObject", json!({ "Bucket": "site", "Key": "k" })).refused(403, "AccessDenied");
    cloud.anonymous().call("s3", "ListObjectsV2", bucket("site")).refused(403, "AccessDenied");
    let wrong = cloud.caller("AKIAIOSFODNN7EXAMPLE", "wrong", None);
    wrong.call("s3", "GetObject", json!({ "Bucket": "site", "Key": "k" })).refused(403, "InvalidAccessKeyId");
    let presigned = root.presigned("s3", "GetObject", &json!({ "Bucket": "site", "Key": "k" }));
    assert_eq!(cloud.send(presigned, root.address).status, 200);
    let preflight = Request::options("/site/k").header("host", "s3.us-east-1.amazonaws.com");
    let preflight =
        preflight.header("origin", "http://a.example").header("access-control-request-method", "GET");
    assert_eq!(cloud.send(preflight.body(bytes::Bytes::new()).unwrap(), root.address).status, 403);
    let files = delivered(&cloud, &root);
    let told: Vec<[String; 6]> = files
        .iter()
        .flat_map(|(_, lines)| lines)
        .map(|line| [4, 6, 9, 10, 19, 21].map(|field: usize| line[field].clone()))
        .collect();
    let eva = format!("arn:aws:iam::{ACCOUNT}:user/eva");
    let want = [
        [eva.as_str(), "REST.GET.OBJECT", "403", "AccessDenied", "SigV4", "AuthHeader"],
        ["-", "REST.GET.BUCKET", "403", "AccessDenied", "-", "-"],
        ["-", "REST.GET.OBJECT", "403", "InvalidAccessKeyId", "SigV4", "AuthHeader"],
        [&told[3][0], "REST.GET.OBJECT", "200", "-", "SigV4", "QueryString"],
        ["-", "REST.OPTIONS.PREFLIGHT", "403", "-", "-", "-"],
    ];
    assert_eq!(told, want);
}

#[test]
fn copies_and_deletions_of_many_have_a_line_for_each() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, &by_the_site());
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &json!({}))).ok();
    for key in ["a", "b"] {
        root.call("s3", "PutObject", json!({ "Bucket": "site", "Key": key, "Body": "hello" })).ok();
    }
    let copy = json!({ "Bucket": "site", "Key": "c", "CopySource": "site/a" });
    root.call("s3", "CopyObject", copy).ok();
    let all = json!({ "Objects": [{ "Key": "a" }, { "Key": "b" }, { "Key": "none" }] });
    root.call("s3", "DeleteObjects", json!({ "Bucket": "site", "Delete": all })).ok();
    root.call("s3", "DeleteObject", json!({ "Bucket": "site", "Key": "c" })).ok();
    let files = delivered(&cloud, &root);
    let told: Vec<[&str; 4]> = files
        .iter()
        .flat_map(|(_, lines)| lines)
        .map(|line| [6, 7, 9, 12].map(|field: usize| line[field].as_str()))
        .collect();
    let want = [
        ["REST.PUT.OBJECT", "a", "200", "5"],
        ["REST.PUT.OBJECT", "b", "200", "5"],
        ["REST.COPY.OBJECT", "c", "200", "5"],
        ["REST.COPY.OBJECT_GET", "a", "200", "5"],
        ["REST.POST.MULTI_OBJECT_DELETE", "-", "200", "-"],
        ["BATCH.DELETE.OBJECT", "a", "204", "5"],
        ["BATCH.DELETE.OBJECT", "b", "204", "5"],
        ["BATCH.DELETE.OBJECT", "none", "204", "-"],
        ["REST.DELETE.OBJECT", "c", "204", "5"],
    ];
    assert_eq!(told, want);
}

/// By the days of the events, or of the delivery.
#[test]
fn partitioned_keys() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, &by_the_site());
    let by = |source: &str| json!({ "TargetObjectKeyFormat": { "PartitionedPrefix": { "PartitionDateSource": source } } });
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &by("EventTime"))).ok();
    root.call("s3", "HeadBucket", bucket("site")).ok();
    run(&cloud, "s3 access logs");
    cloud.advance(Duration::from_secs(86_400));
    root.call("s3", "HeadBucket", bucket("site")).ok();
    let keys: Vec<String> = delivered(&cloud, &root).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for (key, day) in keys.iter().zip(["15", "16"]) {
        let want = format!("log/{ACCOUNT}/us-east-1/site/2026/01/{day}/2026-01-{day}-00-00-00-");
        assert!(key.starts_with(&want), "{key}");
    }
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &by("DeliveryTime"))).ok();
    root.call("s3", "HeadBucket", bucket("site")).ok();
    let keys: Vec<String> = delivered(&cloud, &root).into_iter().map(|(key, _)| key).collect();
    let last = format!("log/{ACCOUNT}/us-east-1/site/2026/01/16/2026-01-16-12-02-02-");
    assert!(keys.iter().any(|key| key.starts_with(&last)), "{keys:?}");
    let both = json!({ "TargetObjectKeyFormat": { "PartitionedPrefix": {}, "SimplePrefix": {} } });
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &both)).refused(400, "MalformedXML");
}

#[test]
fn what_the_target_must_be() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    pair(&root, &by_the_site());
    other.call("s3", "CreateBucket", bucket("theirs")).ok();
    let west =
        json!({ "Bucket": "west", "CreateBucketConfiguration": { "LocationConstraint": "eu-west-1" } });
    root.in_region("eu-west-1").call("s3", "CreateBucket", west).ok();
    let writer = json!({ "Bucket": "writers", "ObjectOwnership": "BucketOwnerPreferred" });
    root.call("s3", "CreateBucket", writer).ok();
    let put =
        |target: &str, more: Value| root.call("s3", "PutBucketLogging", logged_to("site", target, &more));
    put("none", json!({})).refused_with(
        400,
        "InvalidTargetBucketForLogging",
        "The target bucket for logging does not exist",
    );
    put("theirs", json!({})).refused(400, "InvalidTargetBucketForLogging");
    put("west", json!({})).refused_with(
        403,
        "CrossLocationLoggingProhibitted",
        "Cross S3 location logging not allowed. ",
    );
    put("writers", json!({})).refused_with(
        400,
        "InvalidTargetBucketForLogging",
        "You must give the log-delivery group WRITE and READ_ACP permissions to the target bucket",
    );
    let grants = json!({ "TargetGrants": [{
        "Grantee": { "Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers" }, "Permission": "READ",
    }] });
    put("logs", grants.clone()).refused_with(
        400,
        "AccessControlListNotSupported",
        "The bucket does not allow ACLs",
    );
    assert_eq!(root.call("s3", "GetBucketLogging", bucket("site")).ok(), json!({}));
    // With ACLs, the group of those who deliver is let in by one, and grants go to the files.
    root.call("s3", "PutBucketAcl", json!({ "Bucket": "writers", "ACL": "log-delivery-write" })).ok();
    put("writers", grants.clone()).ok();
    let enabled = root.call("s3", "GetBucketLogging", bucket("site")).ok()["LoggingEnabled"].clone();
    assert_eq!(
        (&enabled["TargetBucket"], &enabled["TargetGrants"]),
        (&json!("writers"), &grants["TargetGrants"])
    );
    root.call("s3", "HeadBucket", bucket("site")).ok();
    delivered(&cloud, &root);
    let listed = root.call("s3", "ListObjectsV2", bucket("writers")).ok();
    let key = listed["Contents"][0]["Key"].as_str().unwrap();
    let acl = root.call("s3", "GetObjectAcl", json!({ "Bucket": "writers", "Key": key })).ok();
    let permissions: Vec<&str> =
        acl["Grants"].as_array().unwrap().iter().map(|grant| grant["Permission"].as_str().unwrap()).collect();
    assert_eq!(permissions, ["FULL_CONTROL", "READ"]);
    root.call("s3", "PutBucketLogging", json!({ "Bucket": "site", "BucketLoggingStatus": {} })).ok();
    assert_eq!(root.call("s3", "GetBucketLogging", bucket("site")).ok(), json!({}));
    // Those who deliver may be let in by what is granted on the logs, in any permission that ACLs have.
    root.call("s3", "PutBucketAcl", json!({ "Bucket": "writers", "ACL": "private" })).ok();
    let group = json!({ "Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery" });
    let to = |permission: &str| json!({ "Grantee": group, "Permission": permission });
    put("writers", json!({ "TargetGrants": [to("WRITE"), to("READ_ACP")] })).ok();
    put("writers", json!({ "TargetGrants": [to("ANY")] })).refused(400, "MalformedXML");
}

/// What the target's policy does not let in waits, and comes once it does; nothing is lost, and a bucket that is its own
/// target does not fill itself.
#[test]
fn policies_decide_and_nothing_is_lost() {
    let cloud = Cloud::with(Settings { strict: true, seed: Some(7), ..Settings::default() });
    let root = cloud.root(ACCOUNT);
    let elsewhere = json!({ "ArnLike": { "aws:SourceArn": "arn:aws:s3:::elsewhere" } });
    pair(&root, &elsewhere);
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &json!({}))).ok();
    root.call("s3", "HeadBucket", bucket("site")).ok();
    assert_eq!(delivered(&cloud, &root), []);
    let open = json!({
        "Effect": "Allow", "Principal": { "Service": "logging.s3.amazonaws.com" },
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*",
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [open] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "logs", "Policy": policy })).ok();
    let files = delivered(&cloud, &root);
    assert_eq!(operations(&files), ["REST.HEAD.BUCKET"]);
    root.call("s3", "PutBucketLogging", logged_to("logs", "logs", &json!({}))).ok();
    root.call("s3", "HeadBucket", bucket("logs")).ok();
    let before = delivered(&cloud, &root).len();
    // The delivery itself is no request; what the test has asked to see it is one.
    assert_eq!(before, 2);
    // An orderly stop writes what waits in memory.
    root.call("s3", "HeadBucket", bucket("site")).ok();
    cloud.block_on(cloud.cloud.close()).unwrap();
    let snapshot = cloud.cloud.store().snapshot();
    let waits = storage::s3::logging::keep::BLOCKS.count(&snapshot, &store::Key::empty()).unwrap();
    assert_eq!(waits, 2, "those of the two buckets");
}

/// What a website's visitors ask, and who was let in by an ACL alone.
#[test]
fn visitors_and_acls() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root, &by_the_site());
    let writer = json!({ "Rules": [{ "ObjectOwnership": "ObjectWriter" }] });
    root.call("s3", "PutBucketOwnershipControls", json!({ "Bucket": "site", "OwnershipControls": writer }))
        .ok();
    root.call("s3", "DeletePublicAccessBlock", bucket("site")).ok();
    let website = json!({ "IndexDocument": { "Suffix": "index.html" } });
    root.call("s3", "PutBucketWebsite", json!({ "Bucket": "site", "WebsiteConfiguration": website })).ok();
    let page = json!({ "Bucket": "site", "Key": "index.html", "Body": "<p>", "ACL": "public-read" });
    root.call("s3", "PutObject", page).ok();
    root.call("s3", "PutBucketLogging", logged_to("site", "logs", &json!({}))).ok();
    let visit = Request::get("/").header("host", "site.s3-website-us-east-1.amazonaws.com");
    assert_eq!(cloud.send(visit.body(bytes::Bytes::new()).unwrap(), root.address).status, 200);
    root.call("s3", "GetObject", json!({ "Bucket": "site", "Key": "index.html" })).ok();
    let files = delivered(&cloud, &root);
    let told: Vec<[&str; 3]> = files
        .iter()
        .flat_map(|(_, lines)| lines)
        .map(|line| [6, 9, 25].map(|field: usize| line[field].as_str()))
        .collect();
    assert_eq!(told, [["WEBSITE.GET.OBJECT", "200", "Yes"], ["REST.GET.OBJECT", "200", "-"]]);
}
