//! Metric filters: what log events make of metrics.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
/// The beginning of the tests' clock, in milliseconds.
const NOW: i64 = 1_768_478_400_000;

fn group(root: &Caller<'_>) {
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": "app" })).ok();
    root.call("logs", "CreateLogStream", json!({ "logGroupName": "app", "logStreamName": "s" })).ok();
}

fn filter(name: &str, pattern: &str, transformation: &Value) -> Value {
    let mut metric = json!({ "metricName": "m", "metricNamespace": "App", "metricValue": "1" });
    metric.as_object_mut().unwrap().extend(transformation.as_object().unwrap().clone());
    json!({ "logGroupName": "app", "filterName": name, "filterPattern": pattern, "metricTransformations": [metric] })
}

fn put(root: &Caller<'_>, events: &[(i64, &str)]) {
    let events: Vec<Value> =
        events.iter().map(|(at, text)| json!({ "timestamp": NOW + at, "message": text })).collect();
    let put = json!({ "logGroupName": "app", "logStreamName": "s", "logEvents": events });
    root.call("logs", "PutLogEvents", put).ok();
}

/// Time in seconds from the beginning, sum, number of samples.
fn data(root: &Caller<'_>, metric: &str, dimensions: &[(&str, &str)]) -> Vec<(f64, f64, f64)> {
    let dimensions: Vec<Value> =
        dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let asked = json!({
        "Namespace": "App", "MetricName": metric, "Dimensions": dimensions, "Period": 60,
        "StartTime": NOW / 1000 - 3600, "EndTime": NOW / 1000 + 3600, "Statistics": ["Sum", "SampleCount"],
    });
    let found = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    let number = |point: &Value, member: &str| point[member].as_f64().unwrap();
    let mut points: Vec<_> = found["Datapoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| {
            let at = number(point, "Timestamp") - (NOW / 1000) as f64;
            (at, number(point, "Sum"), number(point, "SampleCount"))
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

#[test]
fn matches_are_counted_and_defaults_told() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root);
    put(&root, &[(0, "ERROR before the filter")]);
    root.call("logs", "PutMetricFilter", filter("errors", "ERROR", &json!({ "defaultValue": 0 }))).ok();
    put(&root, &[(0, "ERROR a"), (1_000, "fine"), (2_000, "ERROR b"), (61_000, "fine")]);
    assert_eq!(data(&root, "m", &[]), [(0.0, 2.0, 2.0), (60.0, 0.0, 1.0)]);
    let groups = root.call("logs", "DescribeLogGroups", json!({})).ok();
    assert_eq!(groups["logGroups"][0]["metricFilterCount"], 1);

    root.call("logs", "DeleteMetricFilter", json!({ "logGroupName": "app", "filterName": "errors" })).ok();
    put(&root, &[(3_000, "ERROR c")]);
    assert_eq!(data(&root, "m", &[])[0], (0.0, 2.0, 2.0));
    root.call("logs", "DeleteMetricFilter", json!({ "logGroupName": "app", "filterName": "errors" }))
        .refused_with(400, "ResourceNotFoundException", "The specified metric filter does not exist.");
}

#[test]
fn values_and_dimensions_come_from_the_events() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root);
    let metric = json!({ "metricValue": "$.ms", "dimensions": { "Path": "$.path" }, "unit": "Milliseconds" });
    root.call("logs", "PutMetricFilter", filter("latency", "{ $.ms = * && $.path = * }", &metric)).ok();
    put(
        &root,
        &[
            (0, r#"{"ms": 12.5, "path": "/a"}"#),
            (1, r#"{"ms": 7.5, "path": "/a"}"#),
            (2, r#"{"ms": 3, "path": "/b"}"#),
            (3, r#"{"ms": "slow", "path": "/b"}"#),
            (4, "no JSON"),
        ],
    );
    assert_eq!(data(&root, "m", &[("Path", "/a")]), [(0.0, 20.0, 2.0)]);
    assert_eq!(data(&root, "m", &[("Path", "/b")]), [(0.0, 3.0, 1.0)]);
    assert_eq!(data(&root, "m", &[]), []);
    // An alarm would see it like any other metric.
    let listed = root.call("cloudwatch", "ListMetrics", json!({ "Namespace": "App" })).ok();
    assert_eq!(listed["Metrics"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_filter_has_its_error() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let fine = filter("f", "ERROR", &json!({}));
    root.call("logs", "PutMetricFilter", fine.clone()).refused(400, "ResourceNotFoundException");
    group(&root);
    for (pattern, metric) in [
        ("{ $.a = ", json!({})),
        ("ERROR", json!({ "metricValue": "many" })),
        ("ERROR", json!({ "metricNamespace": "AWS/EC2" })),
        ("ERROR", json!({ "dimensions": { "A": "$.a" } })),
        ("{ $.a = * }", json!({ "dimensions": { "A": "a" } })),
        ("{ $.a = * }", json!({ "dimensions": { "A": "$.a" }, "defaultValue": 0 })),
        ("{ $.a = * }", json!({ "dimensions": { "A": "$.a", "B": "$.a", "C": "$.a", "D": "$.a" } })),
    ] {
        root.call("logs", "PutMetricFilter", filter("f", pattern, &metric))
            .refused(400, "InvalidParameterException");
    }
    for n in 0..100 {
        root.call("logs", "PutMetricFilter", filter(&format!("f{n}"), "ERROR", &json!({}))).ok();
    }
    root.call("logs", "PutMetricFilter", fine).refused(400, "LimitExceededException");
    // One that is there can still be put anew.
    root.call("logs", "PutMetricFilter", filter("f5", "WARN", &json!({}))).ok();
}

#[test]
fn filters_are_listed_by_group_and_by_metric() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root);
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": "other" })).ok();
    for name in ["a1", "a2", "b"] {
        root.call("logs", "PutMetricFilter", filter(name, "ERROR", &json!({ "metricName": name }))).ok();
    }
    let mut elsewhere = filter("c", "x", &json!({ "metricName": "b" }));
    elsewhere["logGroupName"] = json!("other");
    root.call("logs", "PutMetricFilter", elsewhere).ok();
    let asked = |members: Value| {
        let found = root.call("logs", "DescribeMetricFilters", members).ok();
        let names = found["metricFilters"].as_array().unwrap().iter();
        let names: Vec<String> =
            names.map(|filter| filter["filterName"].as_str().unwrap().to_owned()).collect();
        (names, found["nextToken"].clone())
    };
    assert_eq!(asked(json!({ "logGroupName": "app", "filterNamePrefix": "a" })).0, ["a1", "a2"]);
    assert_eq!(asked(json!({ "metricName": "b", "metricNamespace": "App" })).0, ["b", "c"]);
    let (first, token) = asked(json!({ "limit": 3 }));
    assert_eq!(first, ["a1", "a2", "b"]);
    assert_eq!(asked(json!({ "nextToken": token })).0, ["c"]);
    root.call("logs", "DescribeMetricFilters", json!({ "metricName": "b" }))
        .refused(400, "InvalidParameterException");
    root.call("logs", "DescribeMetricFilters", json!({ "filterNamePrefix": "b" }))
        .refused(400, "InvalidParameterException");

    // A group that is made anew has none.
    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "app" })).ok();
    group(&root);
    assert!(asked(json!({ "logGroupName": "app" })).0.is_empty());
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*MetricFilter*",
        "Resource":"arn:aws:logs:us-east-1:123456789012:log-group:app:*"}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    eva.call("logs", "PutMetricFilter", filter("mine", "x", &json!({}))).ok();
    eva.call("logs", "DescribeMetricFilters", json!({ "logGroupName": "app" })).ok();
    let other = json!({ "logGroupName": "other", "filterName": "c" });
    eva.call("logs", "DeleteMetricFilter", other).refused(400, "AccessDeniedException");
}
