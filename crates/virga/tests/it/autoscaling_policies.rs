//! Policies of scaling: carried out for users and for alarms, with their rests and their warm-up.

use crate::autoscaling::{activities, asg, asked, group, refused, settled, template};
use crate::ec2_profiles::IMAGE;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn policy(root: &Caller<'_>, name: &str, more: Value) -> Value {
    asg(root, "PutScalingPolicy", named(name, more))
}

fn named(name: &str, more: Value) -> Value {
    let mut asked = json!({ "AutoScalingGroupName": "web", "PolicyName": name });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn watch(root: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    root.call("cloudwatch", operation, parameters).ok()
}

fn load(root: &Caller<'_>, value: f64) {
    let datum = json!({ "MetricName": "Load", "Value": value });
    watch(root, "PutMetricData", json!({ "Namespace": "App", "MetricData": [datum] }));
}

fn alarm(root: &Caller<'_>, name: &str, comparison: &str, threshold: f64, arn: &str) {
    let asked = json!({
        "AlarmName": name, "Namespace": "App", "MetricName": "Load", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": threshold, "ComparisonOperator": comparison, "AlarmActions": [arn],
    });
    watch(root, "PutMetricAlarm", asked);
}

/// A minute goes by in which the metric has a value.
fn minute(cloud: &Cloud, root: &Caller<'_>, value: f64) {
    load(root, value);
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
}

fn desired(root: &Caller<'_>) -> i64 {
    text(&group(root)["DesiredCapacity"]).parse().unwrap()
}

fn causes(root: &Caller<'_>) -> Vec<String> {
    activities(root).iter().map(|told| text(&told["Cause"])).collect()
}

fn actions(root: &Caller<'_>, alarm: &str) -> Vec<String> {
    let asked = json!({ "AlarmName": alarm, "HistoryItemType": "Action" });
    let told = watch(root, "DescribeAlarmHistory", asked);
    items(&told["AlarmHistoryItems"]).iter().map(|item| text(&item["HistorySummary"])).collect()
}

/// A group with so many instances in service, whose creation nobody rests from any more.
fn begin(more: Value) -> Cloud {
    let (cloud, _) = cloud(Simulator::new(), None);
    let size = more["DesiredCapacity"].as_u64().unwrap() as usize;
    {
        let root = cloud.root(ACCOUNT);
        template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
        asg(&root, "CreateAutoScalingGroup", asked(more));
        until(&cloud, || settled(&root, size));
        cloud.advance(Duration::from_secs(600));
    }
    cloud
}

#[test]
fn an_alarm_carries_out_a_simple_policy_and_rests() {
    let cloud = begin(json!({ "DesiredCapacity": 1 }));
    let root = cloud.root(ACCOUNT);
    let change = |by: i64, cooldown: i64| json!({ "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": by, "Cooldown": cooldown });
    let out = text(&policy(&root, "out", change(1, 150))["PolicyARN"]);
    assert!(out.starts_with("arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:"), "{out}");
    assert!(out.ends_with(":autoScalingGroupName/web:policyName/out"), "{out}");
    let back = text(&policy(&root, "in", change(-1, 0))["PolicyARN"]);
    alarm(&root, "busy", "GreaterThanThreshold", 10.0, &out);
    alarm(&root, "idle", "LessThanThreshold", 2.0, &back);
    minute(&cloud, &root, 20.0);
    assert_eq!(desired(&root), 2);
    until(&cloud, || settled(&root, 2));
    let words = "Z a monitor alarm busy in state ALARM triggered policy out changing the desired capacity from 1 to 2.  At 2026-";
    assert!(causes(&root)[0].contains(words), "{:?}", causes(&root));
    assert_eq!(actions(&root, "busy"), [format!("Successfully executed action {out}")]);

    // As long as it stands so the policy is carried out again, but not while the group rests.
    minute(&cloud, &root, 20.0);
    minute(&cloud, &root, 20.0);
    assert_eq!(desired(&root), 2);
    minute(&cloud, &root, 20.0);
    assert_eq!(desired(&root), 3);
    until(&cloud, || settled(&root, 3));

    // Suspended, the group hears of no alarm.
    asg(
        &root,
        "SuspendProcesses",
        json!({ "AutoScalingGroupName": "web", "ScalingProcesses": ["AlarmNotification"] }),
    );
    cloud.advance(Duration::from_secs(300));
    minute(&cloud, &root, 1.0);
    assert_eq!(desired(&root), 3);
    assert!(
        actions(&root, "idle")[0].starts_with("Failed to execute action"),
        "{:?}",
        actions(&root, "idle")
    );
    asg(&root, "ResumeProcesses", json!({ "AutoScalingGroupName": "web" }));
    minute(&cloud, &root, 1.0);
    assert_eq!(desired(&root), 2);
    until(&cloud, || settled(&root, 2));
    assert!(causes(&root)[0].contains(
        "alarm idle in state ALARM triggered policy in changing the desired capacity from 3 to 2."
    ));
    // Down to the least that there may be.
    for _ in 0..4 {
        minute(&cloud, &root, 1.0);
        until(&cloud, || settled(&root, desired(&root) as usize));
    }
    assert_eq!(desired(&root), 0);

    let described =
        asg(&root, "DescribePolicies", json!({ "AutoScalingGroupName": "web", "PolicyNames": ["out"] }));
    let shown = &described["ScalingPolicies"][0];
    assert_eq!(
        (&shown["PolicyType"], &shown["Cooldown"], &shown["Enabled"]),
        (&json!("SimpleScaling"), &json!("150"), &json!("true"))
    );
    assert_eq!(shown["Alarms"][0]["AlarmName"], "busy");
    // The alarm stays, without what has gone.
    asg(&root, "DeletePolicy", named("out", json!({})));
    let left = watch(&root, "DescribeAlarms", json!({ "AlarmNames": ["busy"] }));
    assert_eq!(
        (&left["MetricAlarms"][0]["AlarmActions"], &left["MetricAlarms"][0]["Threshold"]),
        (&json!([]), &json!(10.0))
    );
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web" }));
    assert!(items(&asg(&root, "DescribePolicies", json!({}))["ScalingPolicies"]).is_empty());
}

#[test]
fn a_policy_that_goes_leaves_no_alarm_behind_that_asks_for_it() {
    let cloud = begin(json!({ "DesiredCapacity": 0, "MaxSize": 2 }));
    let root = cloud.root(ACCOUNT);
    let more = json!({ "PolicyType": "SimpleScaling", "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1 });
    let arn = text(&policy(&root, "out", more)["PolicyARN"]);
    // More than CloudWatch tells of in one answer.
    for n in 0..103 {
        alarm(&root, &format!("alarm-{n}"), "GreaterThanThreshold", 10.0, &arn);
    }
    asg(&root, "DeletePolicy", named("out", json!({})));
    let left = watch(&root, "DescribeAlarms", json!({ "ActionPrefix": arn }));
    assert_eq!(items(&left["MetricAlarms"]).len(), 0);
}

#[test]
fn steps_count_what_is_warm() {
    let cloud = begin(json!({ "DesiredCapacity": 10, "MaxSize": 20, "DefaultInstanceWarmup": 200 }));
    let root = cloud.root(ACCOUNT);
    let step = |lower: Option<i64>, upper: Option<i64>, by: i64| {
        let mut step = json!({ "ScalingAdjustment": by });
        lower.inspect(|lower| step["MetricIntervalLowerBound"] = json!(lower));
        upper.inspect(|upper| step["MetricIntervalUpperBound"] = json!(upper));
        step
    };
    let out = json!({ "PolicyType": "StepScaling", "AdjustmentType": "PercentChangeInCapacity",
        "StepAdjustments": [step(Some(0), Some(10), 10), step(Some(10), None, 30)] });
    let out = text(&policy(&root, "out", out)["PolicyARN"]);
    let back = json!({ "PolicyType": "StepScaling", "AdjustmentType": "ChangeInCapacity", "EstimatedInstanceWarmup": 60,
        "StepAdjustments": [step(None, Some(0), -2)] });
    let back = text(&policy(&root, "in", back)["PolicyARN"]);
    alarm(&root, "busy", "GreaterThanOrEqualToThreshold", 60.0, &out);
    alarm(&root, "idle", "LessThanThreshold", 30.0, &back);
    minute(&cloud, &root, 60.0);
    assert_eq!(desired(&root), 11);
    until(&cloud, || settled(&root, 11));
    // The page's example: the new one does not count yet.
    minute(&cloud, &root, 62.0);
    assert_eq!(desired(&root), 11);
    minute(&cloud, &root, 70.0);
    assert_eq!(desired(&root), 13);
    until(&cloud, || settled(&root, 13));
    // Nothing is taken away while something warms up.
    load(&root, 20.0);
    let asked = json!({ "PolicyName": back, "MetricValue": 20.0, "BreachThreshold": 30.0 });
    let (code, message) = refused(&root, "ExecutePolicy", asked.clone());
    assert_eq!(code, "ScalingActivityInProgress");
    assert_eq!(
        message,
        "Auto Scaling Policy not executed because its effect does not override in-progress scaling actions"
    );
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    assert_eq!(desired(&root), 11);
    until(&cloud, || settled(&root, 11));
    asg(&root, "ExecutePolicy", asked);
    assert_eq!(desired(&root), 9);
    until(&cloud, || settled(&root, 9));
    // Those of one moment have no order.
    let asked_for = "a user request executed policy in changing the desired capacity from 11 to 9.";
    assert!(causes(&root)[..4].iter().any(|cause| cause.contains(asked_for)), "{:#?}", causes(&root));
    let none = json!({ "PolicyName": back, "MetricValue": 40.0, "BreachThreshold": 30.0 });
    let words = "No step adjustment found for metric value [40.0] and breach threshold 30.0";
    assert_eq!(refused(&root, "ExecutePolicy", none), ("ValidationError".into(), words.into()));
}

fn tracking(target: f64, more: Value) -> Value {
    let metric = json!({ "Namespace": "App", "MetricName": "Load", "Statistic": "Average" });
    let mut tracks = json!({ "TargetValue": target, "CustomizedMetricSpecification": metric });
    tracks.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "PolicyType": "TargetTrackingScaling", "EstimatedInstanceWarmup": 60, "TargetTrackingConfiguration": tracks })
}

#[test]
fn a_metric_is_kept_near_its_target() {
    let cloud = begin(json!({ "DesiredCapacity": 2, "MinSize": 1 }));
    let root = cloud.root(ACCOUNT);
    let made = policy(&root, "track", tracking(50.0, json!({})));
    let again = refused(&root, "PutScalingPolicy", named("again", tracking(60.0, json!({}))));
    let words = "Only one TargetTrackingScaling policy for a given metric specification is allowed.";
    assert_eq!(again, ("ValidationError".into(), words.into()));
    let names: Vec<String> = items(&made["Alarms"]).iter().map(|alarm| text(&alarm["AlarmName"])).collect();
    assert!(names[0].starts_with("TargetTracking-web-AlarmHigh-"), "{names:?}");
    assert!(names[1].starts_with("TargetTracking-web-AlarmLow-"), "{names:?}");
    let seen = watch(&root, "DescribeAlarms", json!({ "AlarmNames": names }));
    let numbers = |at: usize| {
        let alarm = &seen["MetricAlarms"][at];
        (alarm["Threshold"].as_f64(), alarm["EvaluationPeriods"].as_i64(), alarm["Period"].as_i64())
    };
    assert_eq!((numbers(0), numbers(1)), ((Some(50.0), Some(3), Some(60)), (Some(45.0), Some(15), Some(60))));
    for load in [50.0, 50.0, 50.0, 100.0, 100.0] {
        minute(&cloud, &root, load);
        assert_eq!(desired(&root), 2);
    }
    minute(&cloud, &root, 100.0);
    assert_eq!(desired(&root), 4);
    until(&cloud, || settled(&root, 4));
    assert!(
        causes(&root)[0]
            .contains(&format!("a monitor alarm {} in state ALARM triggered policy track", names[0]))
    );
    // A quarter of an hour later it goes back, one by one, as far as the target lets it.
    for _ in 0..14 {
        minute(&cloud, &root, 20.0);
    }
    assert_eq!(desired(&root), 4);
    for size in [3, 2, 1, 1] {
        minute(&cloud, &root, 20.0);
        until(&cloud, || settled(&root, size));
        assert_eq!(desired(&root), size as i64);
    }
    // Put again so that it never shrinks, it has one alarm.
    let again = policy(&root, "track", tracking(50.0, json!({ "DisableScaleIn": true })));
    assert_eq!((items(&again["Alarms"]).len(), &again["PolicyARN"]), (1, &made["PolicyARN"]));
    let left = watch(&root, "DescribeAlarms", json!({ "AlarmNamePrefix": "TargetTracking-" }));
    assert_eq!(items(&left["MetricAlarms"]).len(), 1);
    let by_hand = json!({ "PolicyName": again["PolicyARN"] });
    assert_eq!(refused(&root, "ExecutePolicy", by_hand).0, "ValidationError");
    asg(&root, "DeletePolicy", named("track", json!({})));
    let left = watch(&root, "DescribeAlarms", json!({ "AlarmNamePrefix": "TargetTracking-" }));
    assert!(items(&left["MetricAlarms"]).is_empty());
}

#[test]
fn what_cannot_be_a_policy() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({})));
    let predefined = json!({ "PolicyType": "TargetTrackingScaling", "TargetTrackingConfiguration": {
        "TargetValue": 50.0, "PredefinedMetricSpecification": { "PredefinedMetricType": "ALBRequestCountPerTarget" } } });
    let simple = |more: Value| {
        let mut own = json!({ "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1 });
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        own
    };
    for (more, message) in [
        (
            json!({ "AdjustmentType": "ChangeInCapacity" }),
            "Scaling increment must be specified for a SimpleScaling policy",
        ),
        (
            json!({ "ScalingAdjustment": 1 }),
            "AdjustmentType must be one of ChangeInCapacity, ExactCapacity, PercentChangeInCapacity",
        ),
        (
            simple(json!({ "EstimatedInstanceWarmup": 1 })),
            "EstimatedInstanceWarmup is not supported for policy type SimpleScaling",
        ),
        (
            simple(json!({ "PolicyType": "StepScaling" })),
            "ScalingAdjustment is not supported for policy type StepScaling",
        ),
        (
            simple(json!({ "AdjustmentType": "ExactCapacity", "ScalingAdjustment": -1 })),
            "ScalingAdjustment must not be negative for ExactCapacity",
        ),
        (
            json!({ "PolicyType": "StepScaling", "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [
                { "MetricIntervalLowerBound": 1.0, "MetricIntervalUpperBound": 2.0, "ScalingAdjustment": 1 }] }),
            "There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is null) when one StepAdjustment has a positive upper bound",
        ),
        (
            json!({ "PolicyType": "TargetTrackingScaling" }),
            "TargetTrackingConfiguration must be specified for policy type TargetTrackingScaling",
        ),
        (
            predefined,
            "The metric ALBRequestCountPerTarget is not published by this version of Virga; use CustomizedMetricSpecification.",
        ),
        (
            json!({ "PolicyType": "PredictiveScaling" }),
            "Policies of the type PredictiveScaling are not known in this version of Virga.",
        ),
    ] {
        assert_eq!(
            refused(&root, "PutScalingPolicy", named("x", more)),
            ("ValidationError".into(), message.into())
        );
    }
    let none = json!({ "AutoScalingGroupName": "web", "PolicyName": "none" });
    let words = "No scaling policy found - Policy 'none' not found";
    assert_eq!(refused(&root, "DeletePolicy", none.clone()), ("ValidationError".into(), words.into()));
    assert_eq!(refused(&root, "ExecutePolicy", none), ("ValidationError".into(), words.into()));
    assert_eq!(refused(&root, "ExecutePolicy", json!({ "PolicyName": "none" })).0, "ValidationError");
    policy(&root, "off", simple(json!({ "Enabled": false })));
    assert_eq!(refused(&root, "ExecutePolicy", named("off", json!({}))).1, "The policy off is disabled.");
    policy(&root, "on", simple(json!({})));
    let hasty = named("on", json!({ "HonorCooldown": true }));
    assert_eq!(refused(&root, "ExecutePolicy", hasty).0, "ScalingActivityInProgress");
    for at in 0..48 {
        policy(&root, &format!("p{at}"), simple(json!({})));
    }
    assert_eq!(refused(&root, "PutScalingPolicy", named("more", simple(json!({})))).0, "LimitExceeded");
    let paged = asg(&root, "DescribePolicies", json!({ "MaxRecords": 30 }));
    let rest = asg(&root, "DescribePolicies", json!({ "MaxRecords": 30, "NextToken": paged["NextToken"] }));
    assert_eq!((items(&paged["ScalingPolicies"]).len(), items(&rest["ScalingPolicies"]).len()), (30, 20));
    let types = asg(&root, "DescribeAdjustmentTypes", json!({}));
    assert_eq!(items(&types["AdjustmentTypes"]).len(), 3);
}

#[test]
fn who_may_carry_out_a_policy_is_asked_about_its_group() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "Tags": [{ "Key": "team", "Value": "a" }] })));
    let change = json!({ "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1 });
    let arn = text(&policy(&root, "out", change)["PolicyARN"]);
    let may = |team: &str| {
        let condition = json!({ "StringEquals": { "autoscaling:ResourceTag/team": team } });
        let resource =
            "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web";
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "autoscaling:ExecutePolicy",
            "Resource": resource, "Condition": condition } })
        .to_string()
    };
    let (ours, theirs) = (cloud.user(&root, "ours", &may("a")), cloud.user(&root, "theirs", &may("b")));
    assert_eq!(refused(&theirs, "ExecutePolicy", json!({ "PolicyName": arn })).0, "AccessDenied");
    asg(&ours, "ExecutePolicy", json!({ "PolicyName": arn }));
    assert_eq!(desired(&root), 1);
}

#[test]
fn a_group_is_kept_near_a_load_of_its_own() {
    let cloud = begin(json!({ "DesiredCapacity": 1, "MinSize": 1 }));
    let root = cloud.root(ACCOUNT);
    let tracks = json!({ "TargetValue": 50.0, "PredefinedMetricSpecification": { "PredefinedMetricType": "ASGAverageCPUUtilization" } });
    let made = policy(
        &root,
        "cpu",
        json!({ "PolicyType": "TargetTrackingScaling", "TargetTrackingConfiguration": tracks }),
    );
    let names: Vec<String> = items(&made["Alarms"]).iter().map(|alarm| text(&alarm["AlarmName"])).collect();
    let seen = watch(&root, "DescribeAlarms", json!({ "AlarmNames": names }));
    let alarm = &seen["MetricAlarms"][0];
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("AWS/EC2"), &json!("CPUUtilization")));
    assert_eq!(alarm["Dimensions"], json!([{ "Name": "AutoScalingGroupName", "Value": "web" }]));
    let told = asg(&root, "DescribePolicies", json!({}))["ScalingPolicies"][0]["TargetTrackingConfiguration"]
        .clone();
    assert_eq!(
        text(&told["PredefinedMetricSpecification"]["PredefinedMetricType"]),
        "ASGAverageCPUUtilization"
    );
    assert!(told["CustomizedMetricSpecification"].is_null(), "{told}");
    // What its machines do is told of the group.
    for _ in 0..11 {
        cloud.advance(Duration::from_secs(60));
        cloud.reconcile();
    }
    let asked = json!({ "Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": [{ "Name": "AutoScalingGroupName", "Value": "web" }] });
    let metrics = watch(&root, "ListMetrics", asked);
    assert_eq!(items(&metrics["Metrics"]).len(), 1, "{metrics}");
}
