//! The embedded metric format: events that are documents with metrics in them.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
/// The beginning of the tests' clock, in milliseconds.
const NOW: i64 = 1_768_478_400_000;

fn put(root: &Caller<'_>, group: &str, messages: &[String]) {
    let events: Vec<Value> =
        messages.iter().map(|text| json!({ "timestamp": NOW, "message": text })).collect();
    let put = json!({ "logGroupName": group, "logStreamName": "s", "logEvents": events });
    root.call("logs", "PutLogEvents", put).ok();
}

fn group(root: &Caller<'_>, name: &str, class: &str) {
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": name, "logGroupClass": class })).ok();
    root.call("logs", "CreateLogStream", json!({ "logGroupName": name, "logStreamName": "s" })).ok();
}

/// Sum, number of samples and unit of what a metric has in this second or minute.
fn data(root: &Caller<'_>, namespace: &str, metric: &str, dimensions: &[(&str, &str)], period: i64) -> Value {
    let dimensions: Vec<Value> =
        dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let asked = json!({
        "Namespace": namespace, "MetricName": metric, "Dimensions": dimensions, "Period": period,
        "StartTime": NOW / 1000 - 600, "EndTime": NOW / 1000 + 600, "Statistics": ["Sum", "SampleCount"],
    });
    let found = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    let points = found["Datapoints"].as_array().unwrap();
    points.iter().map(|point| json!([point["Sum"], point["SampleCount"], point["Unit"]])).collect()
}

fn document(metrics: &Value, dimensions: &Value, more: &Value) -> String {
    let directive = json!({ "Namespace": "shop", "Dimensions": dimensions, "Metrics": metrics });
    let mut all = json!({ "_aws": { "Timestamp": NOW, "CloudWatchMetrics": [directive] } });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all.to_string()
}

#[test]
fn documents_become_metrics_and_stay_events() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "g", "STANDARD");
    let metrics =
        json!([{ "Name": "time", "Unit": "Milliseconds", "StorageResolution": 1 }, { "Name": "orders" }]);
    let sets = json!([["place"], ["place", "kind"], []]);
    let one = document(
        &metrics,
        &sets,
        &json!({ "place": "north", "kind": "a", "time": [1, 2, 2.5], "orders": 3, "id": "x" }),
    );
    let two = document(&metrics, &sets, &json!({ "place": "north", "kind": "b", "time": 10, "orders": 4 }));
    put(&root, "g", &[one.clone(), two, "plain".into()]);
    let times = |dimensions: &[(&str, &str)]| data(&root, "shop", "time", dimensions, 1);
    assert_eq!(times(&[("place", "north")]), json!([[15.5, 4.0, "Milliseconds"]]));
    assert_eq!(times(&[("place", "north"), ("kind", "a")]), json!([[5.5, 3.0, "Milliseconds"]]));
    assert_eq!(times(&[]), json!([[15.5, 4.0, "Milliseconds"]]));
    assert_eq!(data(&root, "shop", "orders", &[("place", "north")], 60), json!([[7.0, 2.0, "None"]]));
    assert_eq!(data(&root, "AWS/Logs", "EMFValidationErrors", &[("LogGroupName", "g")], 60), json!([]));
    let events = root.call("logs", "FilterLogEvents", json!({ "logGroupName": "g" })).ok();
    assert_eq!(
        (events["events"].as_array().unwrap().len(), &events["events"][0]["message"]),
        (3, &json!(one))
    );
}

#[test]
fn what_breaks_the_rules_is_counted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "g", "STANDARD");
    group(&root, "rare", "INFREQUENT_ACCESS");
    let refused = |operation: &str, what: &str, more: Value| {
        let words = format!("{what} are not available for log groups of the Infrequent Access class.");
        root.call("logs", operation, more).refused_with(400, "InvalidOperationException", &words);
    };
    let filter = json!({ "logGroupName": "rare", "filterName": "f", "filterPattern": "" });
    let (mut metrics, mut subscribes) = (filter.clone(), filter);
    metrics["metricTransformations"] =
        json!([{ "metricName": "m", "metricNamespace": "n", "metricValue": "1" }]);
    subscribes["destinationArn"] = json!("arn:aws:lambda:us-east-1:123456789012:function:f");
    refused("PutMetricFilter", "Metric filters", metrics);
    refused("PutSubscriptionFilter", "Subscription filters", subscribes);
    let metrics = json!([{ "Name": "m" }]);
    let good = document(&metrics, &json!([["d"]]), &json!({ "d": "x", "m": 1 }));
    let bad = [
        document(&metrics, &json!([["d"]]), &json!({ "d": "x" })),
        document(&metrics, &json!([["d"]]), &json!({ "d": 7, "m": 1 })),
        document(&metrics, &json!([]), &json!({ "m": 1 })),
        good.replace("shop", "AWS/EC2"),
        good.replace(&NOW.to_string(), "0"),
        good.clone() + "x",
    ];
    put(&root, "g", &bad);
    put(&root, "rare", &[good]);
    let of = |name: &str| data(&root, "AWS/Logs", name, &[("LogGroupName", "g")], 60);
    assert_eq!(of("EMFValidationErrors"), json!([[5.0, 5.0, "None"]]));
    assert_eq!(of("EMFParsingErrors"), json!([[1.0, 1.0, "None"]]));
    assert_eq!(
        root.call("cloudwatch", "ListMetrics", json!({ "Namespace": "shop" })).ok()["Metrics"],
        json!([])
    );
    assert_eq!(
        root.call("cloudwatch", "ListMetrics", json!({ "Namespace": "AWS/EC2" })).ok()["Metrics"],
        json!([])
    );
}
