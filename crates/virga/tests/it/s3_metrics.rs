//! What CloudWatch is told of buckets: metrics of requests by their configurations, and of storage once a day.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn bucket(name: &str) -> Value {
    json!({ "Bucket": name })
}

fn run(cloud: &Cloud, name: &str) {
    let work = cloud.cloud.reconcilers().iter().find(|r| r.name() == name).unwrap().clone();
    let on = std::sync::Arc::clone(&cloud.cloud);
    cloud.block_on(async move { tokio::task::spawn_blocking(move || work.run(&on)).await.unwrap().unwrap() });
}

fn put(root: &Caller<'_>, id: &str, filter: &Value) -> crate::harness::Reply {
    let mut configuration = json!({ "Id": id });
    if !filter.is_null() {
        configuration["Filter"] = filter.clone();
    }
    let put = json!({ "Bucket": "shop", "Id": id, "MetricsConfiguration": configuration });
    root.call("s3", "PutBucketMetricsConfiguration", put)
}

/// The minute that begins a minute after the clock's beginning; and the days around it.
const MINUTE: (&str, &str, u32) = ("2026-01-15T12:01:00Z", "2026-01-15T12:02:00Z", 60);
const DAYS: (&str, &str, u32) = ("2026-01-15T00:00:00Z", "2026-01-18T00:00:00Z", 259_200);

/// The sum, or another statistic, of one metric in a time.
fn asked(
    root: &Caller<'_>,
    (start, end, period): (&str, &str, u32),
    name: &str,
    dimensions: &[(&str, &str)],
    statistic: &str,
) -> Option<f64> {
    let dimensions: Vec<Value> =
        dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let asked = json!({
        "Namespace": "AWS/S3", "MetricName": name, "Dimensions": dimensions, "Statistics": [statistic],
        "StartTime": start, "EndTime": end, "Period": period,
    });
    let answer = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    answer["Datapoints"][0].get(statistic).map(|value| match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    })
}

#[test]
fn requests_by_configuration() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("shop")).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": "in/before", "Body": "12" })).ok();
    put(&root, "in", &json!({ "Prefix": "in/" })).ok();
    put(&root, "all", &Value::Null).ok();
    // Putting a configuration is a request, too; what is asked below begins after that minute.
    cloud.advance(Duration::from_secs(60));
    for key in ["in/a", "out"] {
        root.call("s3", "PutObject", json!({ "Bucket": "shop", "Key": key, "Body": "hello" })).ok();
        let got = root.call("s3", "GetObject", json!({ "Bucket": "shop", "Key": key }));
        assert_eq!(&got.body[..], b"hello");
    }
    root.call("s3", "GetObject", json!({ "Bucket": "shop", "Key": "out/none" })).refused(404, "NoSuchKey");
    root.call("s3", "ListObjectsV2", bucket("shop")).ok();
    root.call("s3", "HeadObject", json!({ "Bucket": "shop", "Key": "in/a" })).ok();
    root.call("s3", "CopyObject", json!({ "Bucket": "shop", "Key": "in/b", "CopySource": "shop/out" })).ok();
    root.call("s3", "DeleteObject", json!({ "Bucket": "shop", "Key": "in/b" })).ok();
    run(&cloud, "metrics of services");
    let of = |id: &str, name: &str, statistic: &str| {
        asked(&root, MINUTE, name, &[("BucketName", "shop"), ("FilterId", id)], statistic)
    };
    let sums = [
        ("AllRequests", Some(9.0), Some(5.0)),
        ("GetRequests", Some(4.0), Some(1.0)),
        ("PutRequests", Some(3.0), Some(2.0)),
        ("ListRequests", Some(1.0), None),
        ("HeadRequests", Some(1.0), Some(1.0)),
        ("DeleteRequests", Some(1.0), Some(1.0)),
        ("PostRequests", None, None),
        ("4xxErrors", Some(1.0), Some(0.0)),
        ("5xxErrors", Some(0.0), Some(0.0)),
        ("BytesUploaded", Some(10.0), Some(5.0)),
    ];
    for (name, all, within) in sums {
        assert_eq!((of("all", name, "Sum"), of("in", name, "Sum")), (all, within), "{name}");
    }
    assert_eq!(of("all", "4xxErrors", "SampleCount"), Some(9.0));
    assert!(of("in", "BytesDownloaded", "Minimum").is_some_and(|bytes| bytes == 5.0));
    assert_eq!(of("all", "FirstByteLatency", "SampleCount"), Some(9.0));
    assert_eq!(of("all", "TotalRequestLatency", "SampleCount"), Some(9.0));
    // Without a configuration nothing is counted.
    root.call("s3", "DeleteBucketMetricsConfiguration", json!({ "Bucket": "shop", "Id": "all" })).ok();
    root.call("s3", "HeadBucket", bucket("shop")).ok();
    cloud.block_on(cloud.cloud.close()).unwrap();
}

#[test]
fn requests_by_the_tags_of_their_objects() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("shop")).ok();
    let red = json!({ "Key": "color", "Value": "red" });
    put(&root, "red", &json!({ "Tag": red })).ok();
    put(&root, "in", &json!({ "And": { "Prefix": "in/", "Tags": [red] } })).ok();
    cloud.advance(Duration::from_secs(60));
    for (key, tags) in
        [("in/red", "color=red&size=s"), ("in/blue", "color=blue"), ("red", "color=red"), ("bare", "")]
    {
        let object = json!({ "Bucket": "shop", "Key": key, "Body": "hello", "Tagging": tags });
        root.call("s3", "PutObject", object).ok();
        let got = root.call("s3", "GetObject", json!({ "Bucket": "shop", "Key": key }));
        assert_eq!(&got.body[..], b"hello");
    }
    // Others from now on; and what goes has had its tags.
    let blue = json!({ "TagSet": [{ "Key": "color", "Value": "blue" }] });
    root.call("s3", "PutObjectTagging", json!({ "Bucket": "shop", "Key": "red", "Tagging": blue })).ok();
    root.call("s3", "HeadObject", json!({ "Bucket": "shop", "Key": "red" })).ok();
    root.call("s3", "CopyObject", json!({ "Bucket": "shop", "Key": "in/copy", "CopySource": "shop/in/red" }))
        .ok();
    for key in ["in/red", "in/blue", "red"] {
        root.call("s3", "DeleteObject", json!({ "Bucket": "shop", "Key": key })).ok();
    }
    root.call("s3", "ListObjectsV2", bucket("shop")).ok();
    run(&cloud, "metrics of services");
    let of =
        |id: &str, name: &str| asked(&root, MINUTE, name, &[("BucketName", "shop"), ("FilterId", id)], "Sum");
    let sums = [
        ("AllRequests", Some(6.0), Some(4.0)),
        ("PutRequests", Some(3.0), Some(2.0)),
        ("GetRequests", Some(3.0), Some(2.0)),
        ("DeleteRequests", Some(1.0), Some(1.0)),
        ("HeadRequests", None, None),
        ("ListRequests", None, None),
    ];
    for (name, red, within) in sums {
        assert_eq!((of("red", name), of("in", name)), (red, within), "{name}");
    }
    cloud.block_on(cloud.cloud.close()).unwrap();
}

#[test]
fn what_a_configuration_may_say() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("shop")).ok();
    put(&root, "m", &json!({ "Prefix": "a", "Tag": { "Key": "k", "Value": "v" } }))
        .refused(400, "MalformedXML");
    put(&root, "m", &json!({ "AccessPointArn": "arn:aws:s3:us-east-1:123456789012:accesspoint/p" }))
        .refused_with(
            501,
            "NotImplemented",
            "A metrics filter by access points is not built in this version of Virga.",
        );
    let missing = json!({ "Bucket": "shop", "Id": "m" });
    root.call("s3", "GetBucketMetricsConfiguration", missing.clone()).refused(404, "NoSuchConfiguration");
    put(&root, "m", &json!({ "Prefix": "a" })).ok();
    let kept = root.call("s3", "GetBucketMetricsConfiguration", missing).ok();
    assert_eq!(kept["MetricsConfiguration"], json!({ "Id": "m", "Filter": { "Prefix": "a" } }));
}

#[test]
fn storage_once_a_day() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("shop")).ok();
    run(&cloud, "s3 storage metrics");
    for (key, class) in [("a", "STANDARD"), ("b", "STANDARD"), ("c", "STANDARD_IA")] {
        let object = json!({ "Bucket": "shop", "Key": key, "Body": "hello", "StorageClass": class });
        root.call("s3", "PutObject", object).ok();
    }
    let upload = root.call("s3", "CreateMultipartUpload", json!({ "Bucket": "shop", "Key": "big" })).ok();
    let part = json!({ "Bucket": "shop", "Key": "big", "UploadId": upload["UploadId"], "PartNumber": 1, "Body": "part" });
    root.call("s3", "UploadPart", part).ok();
    run(&cloud, "s3 storage metrics");
    let of = |name: &str, kind: &str| {
        asked(&root, DAYS, name, &[("BucketName", "shop"), ("StorageType", kind)], "Maximum")
    };
    assert_eq!(of("NumberOfObjects", "AllStorageTypes"), None, "not before midnight");
    cloud.advance(Duration::from_secs(86_400));
    run(&cloud, "s3 storage metrics");
    assert_eq!(of("NumberOfObjects", "AllStorageTypes"), Some(4.0));
    assert_eq!(of("BucketSizeBytes", "StandardStorage"), Some(14.0));
    assert_eq!(of("BucketSizeBytes", "StandardIAStorage"), Some(5.0));
    assert_eq!(of("BucketSizeBytes", "GlacierStorage"), None);
}
