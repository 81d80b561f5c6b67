//! Storage class analyses: what may be configured, and the file that grows day by day.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const DAY: u64 = 86_400;
const HEADER: &str = "Date,ConfigId,Filter,StorageClass,ObjectAge,ObjectCount,DataUploaded_MB,Storage_MB,DataRetrieved_MB,GetRequestCount,CumulativeAccessRatio,ObjectAgeForSIATransition,RecommendedObjectAgeForSIATransition";

fn bucket(name: &str) -> Value {
    json!({ "Bucket": name })
}

fn destination(to: &str) -> Value {
    let target = json!({ "Bucket": format!("arn:aws:s3:::{to}"), "Format": "CSV", "Prefix": "told" });
    json!({ "DataExport": { "OutputSchemaVersion": "V_1", "Destination": { "S3BucketDestination": target } } })
}

fn put(root: &Caller<'_>, id: &str, filter: &Value, analysis: &Value) -> Reply {
    let mut configuration = json!({ "Id": id, "StorageClassAnalysis": analysis });
    if !filter.is_null() {
        configuration["Filter"] = filter.clone();
    }
    let put = json!({ "Bucket": "shop", "Id": id, "AnalyticsConfiguration": configuration });
    root.call("s3", "PutBucketAnalyticsConfiguration", put)
}

/// A bucket, and one whose policy lets its analyses in.
fn pair(root: &Caller<'_>) {
    for name in ["shop", "files"] {
        root.call("s3", "CreateBucket", bucket(name)).ok();
    }
    let statement = json!({
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::files/*",
        "Condition": {
            "ArnLike": { "aws:SourceArn": "arn:aws:s3:::shop" },
            "StringEquals": { "aws:SourceAccount": ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control" },
        },
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "files", "Policy": policy })).ok();
}

fn run(cloud: &Cloud, name: &str) {
    let work = cloud.cloud.reconcilers().iter().find(|r| r.name() == name).unwrap().clone();
    let on = std::sync::Arc::clone(&cloud.cloud);
    cloud.block_on(async move { tokio::task::spawn_blocking(move || work.run(&on)).await.unwrap().unwrap() });
}

fn pass(cloud: &Cloud, seconds: u64) {
    cloud.advance(Duration::from_secs(seconds));
    run(cloud, "s3 storage class analyses");
}

fn object(root: &Caller<'_>, key: &str, kilobytes: usize, more: &Value) {
    let mut object = json!({ "Bucket": "shop", "Key": key, "Body": "x".repeat(kilobytes << 10) });
    for (name, value) in more.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    root.call("s3", "PutObject", object).ok();
}

fn read(root: &Caller<'_>, key: &str) {
    let got = root.call("s3", "GetObject", json!({ "Bucket": "shop", "Key": key }));
    assert!(!got.body.is_empty());
}

/// The rows that tell of something, below the header.
fn told(root: &Caller<'_>, id: &str) -> Vec<String> {
    let got =
        root.call("s3", "GetObject", json!({ "Bucket": "files", "Key": format!("told/shop/{id}.csv") }));
    assert_eq!(got.headers["content-type"], "text/csv");
    let text = String::from_utf8(got.body.to_vec()).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    let tells = |line: &&str| {
        let figures: Vec<&str> = line.rsplit(',').skip(3).take(3).collect();
        line.contains(",ALL,") || figures.iter().any(|figure| *figure != "0")
    };
    lines.filter(tells).map(str::to_owned).collect()
}

#[test]
fn a_day_is_added_at_each_midnight() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root);
    put(&root, "docs", &json!({ "Prefix": "docs/" }), &destination("files")).ok();
    object(&root, "docs/a", 512, &json!({}));
    object(&root, "docs/small", 64, &json!({}));
    object(&root, "docs/rare", 256, &json!({ "StorageClass": "STANDARD_IA" }));
    object(&root, "other", 1024, &json!({}));
    (0..3).for_each(|_| read(&root, "docs/a"));
    read(&root, "docs/small");
    read(&root, "other");
    root.call("s3", "GetObject", json!({ "Bucket": "shop", "Key": "docs/none" })).refused(404, "NoSuchKey");
    run(&cloud, "s3 storage class analyses");
    root.call("s3", "GetObject", json!({ "Bucket": "files", "Key": "told/shop/docs.csv" }))
        .refused(404, "NoSuchKey");
    // The clock begins at noon of the fifteenth.
    pass(&cloud, DAY / 2);
    let of = |date: &str, rest: &str| format!("{date},docs,prefix=docs/,{rest},,");
    let first = "01-16-2026";
    assert_eq!(
        told(&root, "docs"),
        [
            of(first, "STANDARD,000-014,,,0.5,1.5,3,3"),
            of(first, "STANDARD_IA,000-014,,,0.25,0,0,0"),
            of(first, "STANDARD,ALL,2,0.5625,0.5625,1.5625,4,2.777778"),
            of(first, "STANDARD_IA,ALL,1,0.25,0.25,0,0,0"),
        ]
    );
    // Another day, on which it has grown older: by group and then by date.
    pass(&cloud, 15 * DAY);
    read(&root, "docs/a");
    pass(&cloud, DAY);
    let rows = told(&root, "docs");
    let ages: Vec<(&str, &str)> = rows
        .iter()
        .filter(|row| row.contains(",STANDARD,"))
        .map(|row| {
            let fields: Vec<&str> = row.split(',').collect();
            (fields[0], fields[4])
        })
        .collect();
    // The day of the leap was the sixteenth; what followed belongs to the day that it ended on.
    assert_eq!(
        ages,
        [
            (first, "000-014"),
            ("01-17-2026", "015-029"),
            ("02-01-2026", "015-029"),
            (first, "ALL"),
            ("01-17-2026", "ALL"),
            ("02-01-2026", "ALL"),
        ]
    );
    assert!(rows.contains(&of("02-01-2026", "STANDARD,015-029,,,0.5,0.5,1,1")), "{rows:?}");
}

#[test]
fn counts_and_days_survive_and_go_with_their_analysis() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root);
    let red = json!({ "And": { "Prefix": "in, ", "Tags": [{ "Key": "color", "Value": "red" }] } });
    put(&root, "red", &red, &destination("files")).ok();
    object(&root, "in, a", 128, &json!({ "Tagging": "color=red" }));
    object(&root, "in, b", 128, &json!({}));
    read(&root, "in, a");
    read(&root, "in, b");
    run(&cloud, "s3 analysed requests");
    root.call("s3", "DeleteObject", json!({ "Bucket": "shop", "Key": "in, a" })).ok();
    pass(&cloud, DAY);
    // What was read is gone; that it was read is not.
    let filter = "\"prefix=in, &tag:color=red\"";
    assert_eq!(
        told(&root, "red"),
        [
            format!("01-16-2026,red,{filter},STANDARD,000-014,,,0,0.125,1,,,"),
            format!("01-16-2026,red,{filter},STANDARD,ALL,0,0.125,0,0.125,1,,,"),
        ]
    );
    let one = json!({ "Bucket": "shop", "Id": "red" });
    root.call("s3", "DeleteBucketAnalyticsConfiguration", one.clone()).ok();
    root.call("s3", "GetBucketAnalyticsConfiguration", one).refused(404, "NoSuchConfiguration");
    put(&root, "red", &Value::Null, &destination("files")).ok();
    pass(&cloud, DAY);
    assert_eq!(told(&root, "red").len(), 2, "it began anew");
}

#[test]
fn what_may_be_configured() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    pair(&root);
    // One without a file is kept, and there is nothing else to do.
    put(&root, "seen", &Value::Null, &json!({})).ok();
    let listed = root.call("s3", "ListBucketAnalyticsConfigurations", bucket("shop")).ok();
    assert_eq!(listed["AnalyticsConfigurationList"][0], json!({ "Id": "seen", "StorageClassAnalysis": {} }));
    let mut nowhere = destination("files");
    nowhere["DataExport"]["Destination"]["S3BucketDestination"]["Bucket"] = json!("files");
    put(&root, "a", &Value::Null, &nowhere).refused_with(400, "InvalidDestination", "Invalid bucket ARN.");
    let mut unnamed = destination("files");
    unnamed["DataExport"]["Destination"]["S3BucketDestination"]["Prefix"] = json!("");
    put(&root, "a", &Value::Null, &unnamed).refused_with(
        400,
        "InvalidDestination",
        "S3BucketDestination Prefix should be set with a valid non-empty value or not set at all.",
    );
    put(&root, "a b", &Value::Null, &json!({})).refused_with(
        400,
        "InvalidConfigId",
        r"Config Id does not match the pattern ^[a-zA-Z0-9\-_.]+$",
    );
    let wrong = [
        (json!({ "Prefix": "" }), "InvalidPrefix"),
        (json!({ "And": { "Tags": [{ "Key": "a", "Value": "1" }] } }), "InvalidAnd"),
        (json!({ "And": { "Prefix": "a", "Tags": [] } }), "InvalidAnd"),
        (json!({ "Tag": { "Key": "a", "Value": "" } }), "InvalidTag"),
        (json!({}), "MalformedXML"),
    ];
    for (filter, code) in wrong {
        put(&root, "a", &filter, &destination("files")).refused(400, code);
    }
    let twice = json!({ "And": { "Tags": [{ "Key": "a", "Value": "1" }, { "Key": "a", "Value": "2" }] } });
    put(&root, "a", &twice, &json!({})).ok();
    let other = json!({ "Bucket": "shop", "Id": "b", "AnalyticsConfiguration": { "Id": "a", "StorageClassAnalysis": {} } });
    root.call("s3", "PutBucketAnalyticsConfiguration", other).refused(400, "MalformedXML");
    // A destination that does not let S3 in gets nothing until it does: then it has every day.
    root.call("s3", "DeleteBucketPolicy", bucket("files")).ok();
    put(&root, "late", &Value::Null, &destination("files")).ok();
    pass(&cloud, DAY);
    root.call("s3", "HeadObject", json!({ "Bucket": "files", "Key": "told/shop/late.csv" }))
        .refused(404, "NoSuchKey");
    pair_again(&root);
    pass(&cloud, DAY);
    assert_eq!(told(&root, "late").len(), 2);
}

fn pair_again(root: &Caller<'_>) {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::files/*",
    } });
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "files", "Policy": policy.to_string() })).ok();
}
