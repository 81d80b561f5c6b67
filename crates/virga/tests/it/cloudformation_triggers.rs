//! Rollback triggers: alarms that turn a stack back while it is worked on, and for a while afterwards.

use crate::cloudformation_stacks::{ACCOUNT, create, describe, events, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const QUEUE: &str = "Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 1 } } }";

fn alarm(root: &Caller<'_>, name: &str) -> String {
    let asked = json!({ "AlarmName": name, "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold" });
    root.call("cloudwatch", "PutMetricAlarm", asked).ok();
    format!("arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}")
}

fn set(root: &Caller<'_>, name: &str, state: &str) {
    let asked = json!({ "AlarmName": name, "StateValue": state, "StateReason": "said so" });
    root.call("cloudwatch", "SetAlarmState", asked).ok();
}

fn watched(arns: &[&str], minutes: u32) -> Value {
    let one = |arn: &&str| json!({ "Arn": arn, "Type": "AWS::CloudWatch::Alarm" });
    let triggers: Vec<Value> = arns.iter().map(one).collect();
    json!({ "RollbackConfiguration": { "RollbackTriggers": triggers, "MonitoringTimeInMinutes": minutes } })
}

fn update(root: &Caller<'_>, delay: u32, more: Value) {
    let template = QUEUE.replace("DelaySeconds: 1", &format!("DelaySeconds: {delay}"));
    let mut asked = json!({ "StackName": "s", "TemplateBody": template });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("cloudformation", "UpdateStack", asked).ok();
}

fn status(root: &Caller<'_>) -> Value {
    describe(root, "s")["StackStatus"].clone()
}

#[test]
fn a_stack_is_watched_for_a_while_and_turned_back_by_an_alarm() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = alarm(&root, "bad");
    create(&root, "s", QUEUE, watched(&[&arn], 3));
    cloud.reconcile();
    assert_eq!(status(&root), "CREATE_IN_PROGRESS", "everything is there, and it is watched");
    assert!(events(&root, "s").contains(&"Q CREATE_COMPLETE".to_owned()));
    cloud.advance(Duration::from_secs(179));
    cloud.reconcile();
    assert_eq!(status(&root), "CREATE_IN_PROGRESS");
    cloud.advance(Duration::from_secs(2));
    cloud.reconcile();
    assert_eq!(status(&root), "CREATE_COMPLETE", "{:#?}", events(&root, "s"));
    let shown = describe(&root, "s")["RollbackConfiguration"].clone();
    assert_eq!(
        (&shown["MonitoringTimeInMinutes"], &shown["RollbackTriggers"][0]["Arn"]),
        (&json!("3"), &json!(arn))
    );
    // An update without a word of them is watched by the same.
    update(&root, 2, json!({}));
    cloud.reconcile();
    assert_eq!(status(&root), "UPDATE_IN_PROGRESS");
    set(&root, "bad", "ALARM");
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    let why = format!("The following rollback trigger(s) are in ALARM state: [{arn}].");
    assert!(
        events(&root, "s").contains(&format!("s UPDATE_ROLLBACK_IN_PROGRESS {why}")),
        "{:#?}",
        events(&root, "s")
    );
    // None are watched once none are named.
    update(&root, 2, watched(&[], 0));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert!(describe(&root, "s")["RollbackConfiguration"].get("RollbackTriggers").is_none());
}

#[test]
fn an_alarm_that_is_not_there_turns_the_stack_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = format!("arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:none");
    let id = create(&root, "s", QUEUE, watched(&[&arn], 0));
    assert_eq!(settle(&cloud, &root, &id), "ROLLBACK_COMPLETE");
    let why = format!(
        "s ROLLBACK_IN_PROGRESS The following rollback trigger(s) do not exist: [{arn}]. Rollback requested by user."
    );
    assert!(events(&root, "s").contains(&why), "{:#?}", events(&root, "s"));
}

#[test]
fn who_may_not_look_at_the_alarms_makes_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = alarm(&root, "well");
    let eva = cloud.user(&root, "eva", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:*","sqs:*"],"Resource":"*"}]}"#);
    create(&eva, "s", QUEUE, watched(&[&arn], 0));
    assert_eq!(settle(&cloud, &root, "s"), "ROLLBACK_COMPLETE");
    let told = events(&root, "s");
    assert!(told.iter().any(|event| event.contains("cloudwatch:DescribeAlarms")), "{told:#?}");
}

#[test]
fn a_change_set_brings_its_triggers() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = alarm(&root, "bad");
    set(&root, "bad", "ALARM");
    let mut asked =
        json!({ "StackName": "s", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": QUEUE });
    asked.as_object_mut().unwrap().extend(watched(&[&arn], 1).as_object().unwrap().clone());
    root.call("cloudformation", "CreateChangeSet", asked).ok();
    let named = json!({ "StackName": "s", "ChangeSetName": "c" });
    let told = root.call("cloudformation", "DescribeChangeSet", named.clone()).ok();
    assert_eq!(told["RollbackConfiguration"]["MonitoringTimeInMinutes"], "1");
    root.call("cloudformation", "ExecuteChangeSet", named).ok();
    assert_eq!(settle(&cloud, &root, "s"), "ROLLBACK_COMPLETE");
}

#[test]
fn triggers_that_are_none_are_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refused = |more: Value| {
        let mut asked = json!({ "StackName": "s", "TemplateBody": QUEUE });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("cloudformation", "CreateStack", asked).refused(400, "ValidationError")
    };
    assert_eq!(
        refused(watched(&["arn:aws:sns:us-east-1:123456789012:t"], 0)),
        "Invalid rollback trigger ARN arn:aws:sns:us-east-1:123456789012:t"
    );
    let own =
        json!({ "Arn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a", "Type": "AWS::SNS::Topic" });
    let other = json!({ "RollbackConfiguration": { "RollbackTriggers": [own] } });
    assert_eq!(refused(other), "Invalid rollback trigger type AWS::SNS::Topic");
}
