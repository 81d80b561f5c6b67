//! CloudWatch: alarms on what is reckoned, and what alarms do to functions and instances.

use crate::ec2_instances::until;
use crate::ec2_profiles::IMAGE;
use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::create;
use crate::vpc_networks::{ec2, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

fn put(root: &Caller<'_>, more: Value) -> Reply {
    let mut asked = json!({
        "AlarmName": "a", "EvaluationPeriods": 1, "Threshold": 10.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("cloudwatch", "PutMetricAlarm", asked)
}

fn alarm(root: &Caller<'_>) -> Value {
    root.call("cloudwatch", "DescribeAlarms", json!({})).ok()["MetricAlarms"][0].clone()
}

fn of_metric(more: Value) -> Value {
    let mut asked = json!({ "Namespace": "App", "MetricName": "m", "Statistic": "Sum", "Period": 60 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn set(cloud: &Cloud, root: &Caller<'_>, state: &str) {
    // What is told of one moment has no order.
    cloud.advance(Duration::from_secs(1));
    let asked = json!({ "AlarmName": "a", "StateValue": state, "StateReason": "a test" });
    root.call("cloudwatch", "SetAlarmState", asked).ok();
}

/// What the alarm's history says of its last action.
fn told(root: &Caller<'_>) -> String {
    let history =
        root.call("cloudwatch", "DescribeAlarmHistory", json!({ "HistoryItemType": "Action" })).ok();
    text(&history["AlarmHistoryItems"][0]["HistorySummary"])
}

fn sum(id: &str, metric: &str) -> Value {
    let metric = json!({ "Namespace": "App", "MetricName": metric, "Dimensions": [] });
    json!({ "Id": id, "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" }, "ReturnData": false })
}

fn rate(more: Value) -> Value {
    let mut rate =
        json!({ "Id": "rate", "Expression": "100 * errors / calls", "Label": "errors in a hundred" });
    rate.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rate
}

#[test]
fn an_alarm_watches_what_is_reckoned() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let queries = json!([rate(json!({})), sum("errors", "Errors"), sum("calls", "Calls")]);
    put(&root, json!({ "Metrics": queries })).ok();
    let shown = alarm(&root);
    assert_eq!(shown["Metrics"], queries);
    assert_eq!((&shown["MetricName"], &shown["Period"]), (&Value::Null, &Value::Null));
    let minute = |errors: f64, calls: f64| {
        let data = json!([
            { "MetricName": "Errors", "Value": errors },
            { "MetricName": "Calls", "Value": calls },
        ]);
        root.call("cloudwatch", "PutMetricData", json!({ "Namespace": "App", "MetricData": data })).ok();
        cloud.advance(Duration::from_secs(60));
        cloud.reconcile();
        text(&alarm(&root)["StateValue"])
    };
    assert_eq!(minute(30.0, 400.0), "OK");
    assert_eq!(minute(30.0, 200.0), "ALARM");
    let reason = text(&alarm(&root)["StateReason"]);
    assert!(
        reason.contains("[15.0 (") && reason.contains("was greater than the threshold (10.0)"),
        "{reason}"
    );
    // A division by zero leaves no point.
    assert_eq!(minute(30.0, 0.0), "ALARM");
    assert_eq!(minute(1.0, 100.0), "OK");
    // A metric alarm again.
    put(&root, of_metric(json!({}))).ok();
    let shown = alarm(&root);
    assert_eq!((&shown["MetricName"], &shown["Metrics"]), (&json!("m"), &json!([])));
}

#[test]
fn queries_that_make_no_alarm() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refused = |queries: Value, more: Value, code: &str| {
        let mut asked = json!({ "Metrics": queries });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put(&root, asked).refused(400, code)
    };
    let none = || json!({});
    let parts = || [sum("errors", "Errors"), sum("calls", "Calls")];
    let [errors, calls] = parts();
    let all = |rate: Value| json!([rate, errors, calls]);
    let message = refused(all(rate(json!({ "ReturnData": false }))), none(), "ValidationException");
    assert_eq!(message, "Exactly one element of the metrics list should return data.");
    refused(
        json!([rate(none()), rate(json!({ "Id": "other" })), errors, calls]),
        none(),
        "ValidationException",
    );
    let message = refused(all(rate(none())), json!({ "Period": 60 }), "InvalidParameterCombinationException");
    assert_eq!(message, "The parameters Metrics and Period are mutually exclusive.");
    refused(json!([rate(none()), errors]), none(), "ValidationException");
    let number = rate(json!({ "Expression": "1 + 1", "Period": 60 }));
    let message = refused(all(number), none(), "ValidationException");
    assert!(message.contains("no time series"), "{message}");
    refused(all(rate(json!({ "Expression": "100 * (" }))), none(), "ValidationException");
    refused(all(rate(json!({ "Id": "Rate" }))), none(), "ValidationException");
    refused(all(rate(json!({ "Period": 61 }))), none(), "InvalidParameterValueException");
    assert_eq!(alarm(&root), Value::Null);
}

#[test]
fn a_function_is_told_if_its_policy_lets_alarms_in() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let dimensions = json!([{ "Name": "Host", "Value": "h" }]);
    let asked = of_metric(json!({
        "AlarmActions": [FUNCTION], "Dimensions": dimensions, "AlarmDescription": "too much",
    }));
    put(&root, asked).ok();
    set(&cloud, &root, "ALARM");
    assert!(told(&root).starts_with("Failed to execute action arn:aws:lambda"), "{}", told(&root));
    assert!(told(&root).contains("AccessDeniedException"), "{}", told(&root));
    let permission = json!({
        "FunctionName": "f", "StatementId": "alarms", "Action": "lambda:InvokeFunction",
        "Principal": "lambda.alarms.cloudwatch.amazonaws.com",
        "SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a", "SourceAccount": ACCOUNT,
    });
    root.call("lambda", "AddPermission", permission).ok();
    set(&cloud, &root, "OK");
    set(&cloud, &root, "ALARM");
    assert_eq!(told(&root), format!("Successfully executed action {FUNCTION}"));
    let snapshot = cloud.cloud.store().snapshot();
    let events = compute::lambda::model::EVENTS;
    let mut waiting = events.scan(&snapshot, &store::Key::empty(), store::Direction::Forward);
    let (_, event) = waiting.next().unwrap().unwrap();
    assert!(waiting.next().is_none());
    let payload: Value = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!(
        (&payload["source"], &payload["accountId"], &payload["alarmArn"]),
        (
            &json!("aws.cloudwatch"),
            &json!(ACCOUNT),
            &json!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:a")
        )
    );
    let data = &payload["alarmData"];
    assert_eq!((&data["alarmName"], &data["state"]["value"]), (&json!("a"), &json!("ALARM")));
    assert_eq!(data["previousState"]["value"], "OK");
    assert!(text(&data["state"]["timestamp"]).ends_with("+0000"), "{data}");
    let configuration = &data["configuration"];
    assert_eq!(configuration["description"], "too much");
    let metric = json!({ "namespace": "App", "name": "m", "dimensions": { "Host": "h" } });
    let watched = &configuration["metrics"][0];
    assert_eq!(watched["metricStat"], json!({ "metric": metric, "period": 60, "stat": "Sum" }));
    assert_eq!(watched["returnData"], true);
}

#[test]
fn the_instance_that_is_watched_is_stopped_and_ended() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let launch = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    let id = text(&ec2(&root, "RunInstances", launch)["instancesSet"][0]["instanceId"]);
    until(&cloud, &root, &id, "running");
    let dimensions = json!([{ "Name": "InstanceId", "Value": id }]);
    let watch = |action: &str| {
        let asked = json!({ "AlarmActions": [action], "Dimensions": dimensions });
        put(&root, of_metric(asked)).ok();
        set(&cloud, &root, "OK");
        set(&cloud, &root, "ALARM");
        assert_eq!(told(&root), format!("Successfully executed action {action}"));
    };
    watch("arn:aws:automate:us-east-1:ec2:reboot");
    watch("arn:aws:automate:us-east-1:ec2:recover");
    watch("arn:aws:automate:us-east-1:ec2:stop");
    until(&cloud, &root, &id, "stopped");
    watch("arn:aws:swf:us-east-1:123456789012:action/actions/AWS_EC2.InstanceId.Terminate/1.0");
    until(&cloud, &root, &id, "terminated");
}

#[test]
fn what_would_never_be_done_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for action in ["arn:aws:automate:us-east-1:ec2:hibernate", "arn:aws:ssm:us-east-1:123456789012:opsitem:3"]
    {
        let message =
            put(&root, of_metric(json!({ "OKActions": [action] }))).refused(400, "ValidationException");
        assert_eq!(message, format!("Actions of this kind are not built: {action}"));
    }
    let stop = "arn:aws:automate:us-east-1:ec2:stop";
    let composite = json!({ "AlarmName": "c", "AlarmRule": "TRUE", "AlarmActions": [stop] });
    let message = root.call("cloudwatch", "PutCompositeAlarm", composite).refused(400, "ValidationException");
    assert_eq!(message, format!("The action {stop} is not supported by composite alarms."));
}
