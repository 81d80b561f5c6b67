//! CloudWatch: data goes in and is summed up; alarms are evaluated and act.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn put(root: &Caller<'_>, data: Value) {
    root.call("cloudwatch", "PutMetricData", json!({ "Namespace": "App", "MetricData": data })).ok();
}

fn statistics(root: &Caller<'_>, more: Value) -> Value {
    let mut asked = json!({
        "Namespace": "App", "MetricName": "Latency", "StartTime": 1_768_478_000, "EndTime": 1_768_482_000,
        "Period": 60,
    });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("cloudwatch", "GetMetricStatistics", asked).ok()
}

/// What goes in by one protocol comes out by another; RPC v2 CBOR is what boto3 speaks in `tests/`.
#[test]
fn the_query_protocol_is_spoken_too() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let form = |form: &str| root.form("cloudwatch", &format!("Version=2010-08-01&{form}"));
    form(
        "Action=PutMetricData&Namespace=App&MetricData.member.1.MetricName=Latency&MetricData.member.1.Value=4\
         &MetricData.member.1.Unit=Seconds&MetricData.member.1.Dimensions.member.1.Name=Host\
         &MetricData.member.1.Dimensions.member.1.Value=a",
    )
    .ok();
    let metric = json!({
        "Namespace": "App", "MetricName": "Latency", "Dimensions": [{ "Name": "Host", "Value": "a" }],
    });
    let listed = root.call("cloudwatch", "ListMetrics", json!({ "Namespace": "App" })).ok();
    assert_eq!(listed["Metrics"], json!([metric]));
    let listed = form("Action=ListMetrics&Namespace=App").ok();
    assert_eq!(listed["ListMetricsResult"]["Metrics"], json!([metric]));
    let sum = form(
        "Action=GetMetricStatistics&Namespace=App&MetricName=Latency&Period=3600&Statistics.member.1=Sum\
         &Dimensions.member.1.Name=Host&Dimensions.member.1.Value=a&StartTime=2026-01-15T11:00:00Z\
         &EndTime=2026-01-15T13:00:00Z",
    )
    .ok();
    let point = &sum["GetMetricStatisticsResult"]["Datapoints"][0];
    assert_eq!((&point["Sum"], &point["Unit"]), (&json!("4.0"), &json!("Seconds")));
    let alarm = "AlarmName=none&StateValue=OK&StateReason=x";
    form(&format!("Action=SetAlarmState&{alarm}")).refused(404, "ResourceNotFound");
    form("Action=ListMetrics&RecentlyActive=PT9H").refused(400, "ValidationError");
    let nobody = cloud.user(&root, "nobody", "");
    nobody.form("cloudwatch", "Version=2010-08-01&Action=ListMetrics").refused(403, "AccessDenied");
}

#[test]
fn data_is_summed_up_by_period() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, json!([{ "MetricName": "Latency", "Value": 4.0, "Unit": "Seconds" }]));
    put(
        &root,
        json!([{ "MetricName": "Latency", "Values": [1.0, 2.0], "Counts": [2.0, 1.0], "Unit": "Seconds" }]),
    );
    cloud.advance(Duration::from_secs(60));
    put(&root, json!([{ "MetricName": "Latency", "Value": 10.0, "Unit": "Seconds" }]));
    let all = json!({ "Statistics": ["Sum", "Average", "Minimum", "Maximum", "SampleCount"] });
    let points = statistics(&root, all)["Datapoints"].clone();
    assert_eq!(points.as_array().unwrap().len(), 2);
    let first = &points[0];
    assert_eq!((first["SampleCount"].as_f64(), first["Sum"].as_f64()), (Some(4.0), Some(8.0)));
    assert_eq!((first["Minimum"].as_f64(), first["Maximum"].as_f64()), (Some(1.0), Some(4.0)));
    assert_eq!(first["Unit"], "Seconds");
    let percentile = statistics(&root, json!({ "ExtendedStatistics": ["p50"], "Period": 3600 }));
    assert_eq!(percentile["Datapoints"][0]["ExtendedStatistics"]["p50"].as_f64(), Some(2.0));
    let other = statistics(&root, json!({ "Statistics": ["Sum"], "Unit": "Bytes" }));
    assert_eq!(other["Datapoints"], json!([]));
}

#[test]
fn metrics_are_listed_while_they_are_fed() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let dimension = json!([{ "Name": "Host", "Value": "a" }]);
    put(&root, json!([{ "MetricName": "Load", "Value": 1.0, "Dimensions": dimension }]));
    put(&root, json!([{ "MetricName": "Free", "Value": 1.0 }]));
    let names = |asked: Value| -> Vec<String> {
        let answer = root.call("cloudwatch", "ListMetrics", asked).ok();
        let metrics = answer["Metrics"].as_array().unwrap();
        metrics.iter().map(|metric| metric["MetricName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(json!({})), ["Free", "Load"]);
    assert_eq!(names(json!({ "Namespace": "App", "MetricName": "Load" })), ["Load"]);
    assert_eq!(names(json!({ "Dimensions": [{ "Name": "Host" }] })), ["Load"]);
    assert_eq!(names(json!({ "Dimensions": [{ "Name": "Host", "Value": "b" }] })), Vec::<String>::new());
    cloud.advance(Duration::from_secs(15 * 86_400));
    assert_eq!(names(json!({})), Vec::<String>::new());
}

#[test]
fn expressions_are_reckoned() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, json!([{ "MetricName": "Errors", "Value": 5.0 }, { "MetricName": "Calls", "Value": 50.0 }]));
    let stat = |name: &str| json!({ "Metric": { "Namespace": "App", "MetricName": name }, "Period": 60, "Stat": "Sum" });
    let asked = |expression: &str| {
        json!({
            "StartTime": 1_768_478_000, "EndTime": 1_768_482_000,
            "MetricDataQueries": [
                { "Id": "before", "Expression": "errors * 100", "ReturnData": false },
                { "Id": "rate", "Expression": expression, "Label": "Error rate" },
                { "Id": "errors", "MetricStat": stat("Errors"), "ReturnData": false },
                { "Id": "calls", "MetricStat": stat("Calls"), "ReturnData": false },
            ],
        })
    };
    let answer = root.call("cloudwatch", "GetMetricData", asked("100 * errors / calls")).ok();
    let results = answer["MetricDataResults"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["Label"], "Error rate");
    assert_eq!(results[0]["Values"], json!([10.0]));
    root.call("cloudwatch", "GetMetricData", asked("errors +")).refused_with(
        400,
        "ValidationException",
        "Error in expression 'rate': unexpected end of the expression",
    );
    root.call("cloudwatch", "GetMetricData", asked("rate + 1")).refused(400, "ValidationException");
    // Of a list there are the metrics, by their own names, and a period is that of the metric.
    let told = |expression: &str| {
        let answer = root.call("cloudwatch", "GetMetricData", asked(expression)).ok();
        let results = answer["MetricDataResults"].as_array().unwrap().clone();
        results.iter().map(|one| json!([one["Label"], one["Values"][0]])).collect::<Vec<_>>()
    };
    assert_eq!(told("SUM(METRICS())"), [json!(["Error rate", 55.0])]);
    let both = [json!(["Error rate Calls", 100.0]), json!(["Error rate Errors", 10.0])];
    assert_eq!(told("METRICS() * 2"), both);
    assert_eq!(told("60 * errors / PERIOD(errors)"), [json!(["Error rate", 5.0])]);
}

#[test]
fn labels_tell_of_the_values() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, json!([{ "MetricName": "Errors", "Values": [1.0, 4.0], "Counts": [2.0, 1.0] }]));
    let label = |stat: &str, label: &str| {
        let stat =
            json!({ "Metric": { "Namespace": "App", "MetricName": "Errors" }, "Period": 60, "Stat": stat });
        let query = json!({ "Id": "e", "MetricStat": stat, "Label": label });
        let asked = json!({
            "StartTime": 1_768_478_000, "EndTime": 1_768_482_000, "MetricDataQueries": [query],
        });
        root.call("cloudwatch", "GetMetricData", asked)
    };
    let told = |stat: &str, text: &str| label(stat, text).ok()["MetricDataResults"][0]["Label"].clone();
    assert_eq!(told("Sum", "plain"), "plain");
    assert_eq!(told("Sum", "${LABEL}: ${MAX} of ${DATAPOINT_COUNT}, ${AVG}"), "Errors: 6 of 1, 6");
    assert_eq!(told("PR(1:)", "${LAST} ${PROP('Stat')} ${PROP(\"MetricName\")}"), "33.333 PR(1:) Errors");
    assert_eq!(told("Sum", "${PROP('AccountId')} ${PROP('Region')}"), "123456789012 us-east-1");
    for wrong in ["${MAX_TIME}", "${NOTHING}", "${MAX", "${PROP('Nothing')}"] {
        label("Sum", wrong).refused(400, "ValidationException");
    }
}

#[test]
fn gaps_are_filled_over_the_whole_range() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, json!([{ "MetricName": "Errors", "Value": 5.0 }]));
    let values = |name: &str, expression: &str| {
        let stat =
            json!({ "Metric": { "Namespace": "App", "MetricName": name }, "Period": 60, "Stat": "Sum" });
        let asked = json!({
            "StartTime": 1_768_478_340, "EndTime": 1_768_478_520, "ScanBy": "TimestampAscending",
            "MetricDataQueries": [
                { "Id": "filled", "Expression": expression },
                { "Id": "a", "MetricStat": stat, "ReturnData": false },
            ],
        });
        let answer = root.call("cloudwatch", "GetMetricData", asked).ok();
        answer["MetricDataResults"][0]["Values"].clone()
    };
    assert_eq!(values("Errors", "FILL(a, 0)"), json!([0.0, 5.0, 0.0]));
    assert_eq!(values("Errors", "FILL(a, REPEAT)"), json!([5.0, 5.0]));
    assert_eq!(values("Nothing", "FILL(a, 1)"), json!([1.0, 1.0, 1.0]));
}

#[test]
fn data_comes_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stat = json!({ "Metric": { "Namespace": "App", "MetricName": "None" }, "Period": 60, "Stat": "Sum" });
    let (mut seen, mut token, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let mut asked = json!({
            "StartTime": 1_768_478_340, "EndTime": 1_768_478_520, "MaxDatapoints": 2,
            "MetricDataQueries": [
                { "Id": "a", "MetricStat": stat, "ReturnData": false },
                { "Id": "x", "Expression": "FILL(a, 1)" },
                { "Id": "y", "Expression": "FILL(a, 2) + RUNNING_SUM(x)" },
            ],
        });
        if token.is_string() {
            asked["NextToken"] = token;
        }
        let page = root.call("cloudwatch", "GetMetricData", asked).ok();
        for result in page["MetricDataResults"].as_array().unwrap() {
            let text = |member: &str| result[member].as_str().unwrap().to_owned();
            seen.push((text("Id"), text("StatusCode"), result["Values"].clone()));
        }
        (token, pages) = (page["NextToken"].clone(), pages + 1);
        if !token.is_string() {
            break;
        }
    }
    let row = |id: &str, status: &str, values: Value| (id.to_owned(), status.to_owned(), values);
    assert_eq!(
        seen,
        [
            row("x", "PartialData", json!([1.0, 1.0])),
            row("x", "Complete", json!([1.0])),
            row("y", "PartialData", json!([5.0])),
            row("y", "Complete", json!([4.0, 3.0])),
        ]
    );
    assert_eq!(pages, 3);
}

#[test]
fn an_alarm_sees_filled_gaps() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stat =
        json!({ "Metric": { "Namespace": "App", "MetricName": "Latency" }, "Period": 60, "Stat": "Sum" });
    let asked = json!({
        "AlarmName": "slow", "EvaluationPeriods": 1, "Threshold": 3.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "Metrics": [
            { "Id": "filled", "Expression": "FILL(a, 0)" },
            { "Id": "a", "MetricStat": stat, "ReturnData": false },
        ],
    });
    root.call("cloudwatch", "PutMetricAlarm", asked).ok();
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    assert_eq!(state(&root).0, "OK");
}

#[test]
fn data_that_is_not_taken() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refused = |namespace: &str, datum: Value, code: &str| {
        let asked = json!({ "Namespace": namespace, "MetricData": [datum] });
        root.call("cloudwatch", "PutMetricData", asked).refused(400, code)
    };
    refused("AWS/EC2", json!({ "MetricName": "m", "Value": 1.0 }), "InvalidParameterValueException");
    refused("App", json!({ "MetricName": "m" }), "MissingRequiredParameterException");
    let both = json!({ "MetricName": "m", "Value": 1.0, "Values": [1.0] });
    refused("App", both, "InvalidParameterCombinationException");
    let old = json!({ "MetricName": "m", "Value": 1.0, "Timestamp": 1_768_478_400 - 15 * 86_400 });
    let message = refused("App", old, "InvalidParameterValueException");
    assert!(
        message.starts_with("The parameter MetricData.member.1.Timestamp must specify a time"),
        "{message}"
    );
    refused(
        "App",
        json!({ "MetricName": "m", "Value": 1.0, "StorageResolution": 5 }),
        "InvalidParameterValueException",
    );
}

fn alarm(root: &Caller<'_>, more: Value) {
    let mut asked = json!({
        "AlarmName": "slow", "Namespace": "App", "MetricName": "Latency", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 3.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("cloudwatch", "PutMetricAlarm", asked).ok();
}

fn state(root: &Caller<'_>) -> (String, String) {
    let answer = root.call("cloudwatch", "DescribeAlarms", json!({ "AlarmNames": ["slow"] })).ok();
    let alarm = &answer["MetricAlarms"][0];
    (alarm["StateValue"].as_str().unwrap().into(), alarm["StateReason"].as_str().unwrap().into())
}

#[test]
fn alarms_go_by_the_clock_and_the_data() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    alarm(&root, json!({}));
    assert_eq!(state(&root).0, "INSUFFICIENT_DATA");
    put(&root, json!([{ "MetricName": "Latency", "Value": 5.0 }]));
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    let (value, reason) = state(&root);
    assert_eq!(value, "ALARM");
    assert_eq!(
        reason,
        "Threshold Crossed: 1 out of the last 1 datapoint [5.0 (15/01/26 12:00:00)] was greater than the threshold \
         (3.0) (minimum 1 datapoint for OK -> ALARM transition)."
    );
    put(&root, json!([{ "MetricName": "Latency", "Value": 1.0 }]));
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    assert_eq!(state(&root).0, "OK");
    cloud.advance(Duration::from_secs(600));
    cloud.reconcile();
    assert_eq!(state(&root).0, "INSUFFICIENT_DATA");
    let history =
        root.call("cloudwatch", "DescribeAlarmHistory", json!({ "HistoryItemType": "StateUpdate" })).ok();
    let summaries: Vec<&str> = history["AlarmHistoryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["HistorySummary"].as_str().unwrap())
        .collect();
    assert_eq!(
        summaries,
        [
            "Alarm updated from OK to INSUFFICIENT_DATA",
            "Alarm updated from ALARM to OK",
            "Alarm updated from INSUFFICIENT_DATA to ALARM",
        ]
    );
}

#[test]
fn missing_data_counts_as_the_alarm_says() {
    for (treat, expected) in [
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
        ("ignore", "INSUFFICIENT_DATA"),
        ("missing", "INSUFFICIENT_DATA"),
    ] {
        let cloud = Cloud::new();
        let root = cloud.root(ACCOUNT);
        alarm(&root, json!({ "TreatMissingData": treat }));
        cloud.advance(Duration::from_secs(60));
        cloud.reconcile();
        assert_eq!(state(&root).0, expected, "{treat}");
    }
}

#[test]
fn a_state_can_be_set_and_actions_that_cannot_be_taken_are_recorded_as_failed() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    alarm(&root, json!({ "AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"] }));
    let set = json!({ "AlarmName": "slow", "StateValue": "ALARM", "StateReason": "a test" });
    root.call("cloudwatch", "SetAlarmState", set.clone()).ok();
    assert_eq!(state(&root), ("ALARM".into(), "a test".into()));
    let actions = json!({ "HistoryItemType": "Action" });
    let history = root.call("cloudwatch", "DescribeAlarmHistory", actions).ok();
    let summary = history["AlarmHistoryItems"][0]["HistorySummary"].as_str().unwrap();
    assert!(summary.starts_with("Failed to execute action arn:aws:automate:us-east-1:ec2:stop"), "{summary}");
    root.call("cloudwatch", "DeleteAlarms", json!({ "AlarmNames": ["slow"] })).ok();
    root.call("cloudwatch", "SetAlarmState", set).refused_with(404, "ResourceNotFound", "Unknown alarm slow");
}

#[test]
fn alarms_that_make_no_sense() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let base = json!({
        "AlarmName": "a", "Namespace": "App", "MetricName": "m", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "LessThanThreshold",
    });
    let with = |member: &str, value: Value| {
        let mut asked = base.clone();
        asked[member] = value;
        root.call("cloudwatch", "PutMetricAlarm", asked)
    };
    with("Period", json!(61)).refused(400, "InvalidParameterValueException");
    with("DatapointsToAlarm", json!(2)).refused(400, "ValidationException");
    with("EvaluationPeriods", json!(1441)).refused(400, "ValidationException");
    with("TreatMissingData", json!("whatever")).refused(400, "ValidationException");
    with("ExtendedStatistic", json!("p90")).refused(400, "InvalidParameterCombinationException");
    with("AlarmActions", json!(["not an arn"])).refused(400, "ValidationException");
    let why = "Alarms on anomaly detection bands are not built.";
    with("ComparisonOperator", json!("LessThanLowerThreshold")).refused_with(400, "ValidationException", why);
    with("AlarmDescription", json!("fine")).ok();
    let arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a";
    let tags = json!({ "ResourceARN": arn, "Tags": [{ "Key": "k", "Value": "v" }] });
    root.call("cloudwatch", "TagResource", tags).ok();
    let listed = root.call("cloudwatch", "ListTagsForResource", json!({ "ResourceARN": arn })).ok();
    assert_eq!(listed["Tags"], json!([{ "Key": "k", "Value": "v" }]));
}

#[test]
fn a_search_finds_metrics_by_schema_and_words() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let datum = |name: &str, host: &str, value: f64| json!({ "MetricName": name, "Value": value, "Dimensions": [{ "Name": "Host", "Value": host }] });
    put(
        &root,
        json!([
            datum("CPUUtilization", "a", 1.0),
            datum("CPUUtilization", "b", 5.0),
            datum("DiskReads", "a", 7.0),
            { "MetricName": "CPUUtilization", "Value": 9.0 },
        ]),
    );
    let asked = |expression: &str, more: Value| {
        let mut query = json!({ "Id": "e1", "Expression": expression });
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "StartTime": 1_768_478_000, "EndTime": 1_768_482_000, "MetricDataQueries": [query] })
    };
    let told = |expression: &str, more: Value| -> Vec<(String, Value)> {
        let answer = root.call("cloudwatch", "GetMetricData", asked(expression, more)).ok();
        let all = answer["MetricDataResults"].as_array().unwrap().clone();
        assert!(all.iter().all(|one| one["Id"] == "e1"), "{answer}");
        all.into_iter()
            .map(|one| (one["Label"].as_str().unwrap().to_owned(), one["Values"].clone()))
            .collect()
    };
    let pair = |label: &str, value: f64| (label.to_owned(), json!([value]));
    let cpu = "SEARCH('{App,Host} MetricName=\"CPUUtilization\"', 'Average', 60)";
    assert_eq!(told(cpu, json!({})), [pair("a", 1.0), pair("b", 5.0)]);
    assert_eq!(told(cpu, json!({ "Label": "CPU" })), [pair("CPU a", 1.0), pair("CPU b", 5.0)]);
    assert_eq!(told(cpu, json!({ "Label": "${LABEL}: ${MAX}" })), [pair("a: 1", 1.0), pair("b: 5", 5.0)]);
    let worst = format!("SORT({cpu}, MAX, DESC, 1)");
    assert_eq!(told(&worst, json!({})), [pair("b", 5.0)]);
    assert_eq!(told(&format!("SUM({cpu})"), json!({})), [pair("e1", 6.0)]);
    let all = told("SEARCH('{App,Host} cpu OR disk', 'Sum')", json!({ "Period": 300 }));
    assert_eq!(all, [pair("a CPUUtilization", 1.0), pair("b CPUUtilization", 5.0), pair("a DiskReads", 7.0)]);
    assert_eq!(told("SEARCH('{App} utilization', 'Maximum', 60)", json!({})), [pair("CPUUtilization", 9.0)]);
    assert!(told("SEARCH('nothing', 'Sum', 60)", json!({})).is_empty());
    for wrong in [
        "SEARCH('', 'Sum', 60)",
        "SEARCH('a', 'Some', 60)",
        "SEARCH('a', 'Sum', 7)",
        "SEARCH('(a', 'Sum', 60)",
    ] {
        root.call("cloudwatch", "GetMetricData", asked(wrong, json!({}))).refused(400, "ValidationException");
    }
    let metrics = json!([{ "Id": "e1", "Expression": format!("SUM({cpu})") }]);
    let alarm = json!({ "AlarmName": "no", "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold", "Metrics": metrics });
    root.call("cloudwatch", "PutMetricAlarm", alarm).refused_with(
        400,
        "ValidationException",
        "SEARCH is not supported on Metric Alarms.",
    );
}
