//! Scheduled actions and the metrics of groups: both by the cloud's clock.

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

fn begin(more: Value) -> Cloud {
    let (cloud, _) = cloud(Simulator::new(), None);
    {
        let root = cloud.root(ACCOUNT);
        template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
        asg(&root, "CreateAutoScalingGroup", asked(more));
    }
    cloud
}

fn action(name: &str, more: Value) -> Value {
    let mut asked = json!({ "AutoScalingGroupName": "web", "ScheduledActionName": name });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn put(root: &Caller<'_>, name: &str, more: Value) {
    asg(root, "PutScheduledUpdateGroupAction", action(name, more));
}

fn sizes(root: &Caller<'_>) -> [String; 3] {
    let group = group(root);
    ["MinSize", "MaxSize", "DesiredCapacity"].map(|name| text(&group[name]))
}

fn actions(root: &Caller<'_>, more: Value) -> Vec<Value> {
    items(&asg(root, "DescribeScheduledActions", more)["ScheduledUpdateGroupActions"])
}

fn passes(cloud: &Cloud, hours: u64) {
    cloud.advance(Duration::from_secs(hours * 3_600));
    cloud.reconcile();
}

/// It is the 15th of January 2026, 12:00.
#[test]
fn actions_come_by_the_clock() {
    let cloud = begin(json!({ "MinSize": 1, "MaxSize": 3 }));
    let root = cloud.root(ACCOUNT);
    until(&cloud, || settled(&root, 1));
    put(&root, "once", json!({ "StartTime": "2026-01-15T14:00:00Z", "DesiredCapacity": 2 }));
    // 09:00 in Berlin is 08:00, until the 17th.
    let daily = json!({ "Recurrence": "0 9 * * *", "TimeZone": "Europe/Berlin", "EndTime": "2026-01-17T12:00:00Z",
        "MinSize": 3, "MaxSize": 5 });
    put(&root, "daily", daily);
    let seen = actions(&root, json!({ "AutoScalingGroupName": "web" }));
    let times: Vec<String> = seen.iter().map(|action| text(&action["StartTime"])).collect();
    assert_eq!(times, ["2026-01-16T08:00:00Z", "2026-01-15T14:00:00Z"]);
    let arn = text(&seen[1]["ScheduledActionARN"]);
    assert!(
        arn.contains(":scheduledUpdateGroupAction:")
            && arn.ends_with(":autoScalingGroupName/web:scheduledActionName/once")
    );
    assert_eq!(actions(&root, json!({ "EndTime": "2026-01-15T23:00:00Z" })).len(), 1);
    // Times are told in whole seconds.
    put(&root, "finely", json!({ "StartTime": "2026-01-15T22:00:00.750Z", "DesiredCapacity": 2 }));
    let finely = actions(&root, json!({ "ScheduledActionNames": ["finely"] }));
    for member in ["StartTime", "Time"] {
        assert_eq!(finely[0][member], "2026-01-15T22:00:00Z", "{finely:?}");
    }
    asg(
        &root,
        "DeleteScheduledAction",
        json!({ "AutoScalingGroupName": "web", "ScheduledActionName": "finely" }),
    );

    passes(&cloud, 1);
    assert_eq!(sizes(&root), ["1", "3", "1"]);
    passes(&cloud, 1);
    assert_eq!(sizes(&root), ["1", "3", "2"]);
    until(&cloud, || settled(&root, 2));
    let cause = text(&activities(&root)[0]["Cause"]);
    let words = "At 2026-01-15T14:00:00Z a scheduled action update of AutoScalingGroup constraints to min: 1, max: 3, desired: 2 changing the desired capacity from 1 to 2.  At 2026-01-15T14:00:00Z the scheduled action once executed. Setting desired capacity from 1 to 2.";
    assert!(cause.starts_with(words), "{cause}");
    assert_eq!(actions(&root, json!({})).len(), 1);

    passes(&cloud, 18);
    assert_eq!(sizes(&root), ["3", "5", "3"]);
    assert_eq!(text(&actions(&root, json!({}))[0]["StartTime"]), "2026-01-17T08:00:00Z");
    // Suspended, it passes by; after its end it is no more.
    asg(
        &root,
        "UpdateAutoScalingGroup",
        json!({ "AutoScalingGroupName": "web", "MinSize": 0, "DesiredCapacity": 0 }),
    );
    asg(
        &root,
        "SuspendProcesses",
        json!({ "AutoScalingGroupName": "web", "ScalingProcesses": ["ScheduledActions"] }),
    );
    passes(&cloud, 24);
    assert_eq!(sizes(&root), ["0", "5", "0"]);
    assert!(actions(&root, json!({})).is_empty());
}

#[test]
fn actions_in_batches_and_those_that_cannot_be() {
    let cloud = begin(json!({}));
    let root = cloud.root(ACCOUNT);
    let one = |name: &str, more: Value| {
        let mut one = json!({ "ScheduledActionName": name });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one
    };
    let batch = json!({ "AutoScalingGroupName": "web", "ScheduledUpdateGroupActions": [
        one("a", json!({ "Recurrence": "0 1 * * *", "MinSize": 1 })),
        one("b", json!({ "Recurrence": "0 1 * * *", "MinSize": 1 })),
        one("c", json!({ "Recurrence": "never", "MinSize": 1 })),
    ] });
    let told = asg(&root, "BatchPutScheduledUpdateGroupAction", batch);
    let failed: Vec<(String, String)> = items(&told["FailedScheduledUpdateGroupActions"])
        .iter()
        .map(|one| (text(&one["ScheduledActionName"]), text(&one["ErrorCode"])))
        .collect();
    assert_eq!(failed, [("b".into(), "AlreadyExists".into()), ("c".into(), "ValidationError".into())]);
    for (more, message) in [
        (
            json!({ "Recurrence": "0 2 * * *" }),
            "At least one of MinSize, MaxSize and DesiredCapacity must be specified.",
        ),
        (json!({ "MinSize": 1 }), "StartTime or Recurrence must be specified."),
        (json!({ "MinSize": 1, "StartTime": "2026-01-15T11:00:00Z" }), "Given start time is in the past"),
        (json!({ "MinSize": 1, "Recurrence": "0 2 * *" }), "Given recurrence string:0 2 * * is invalid"),
        (
            json!({ "MinSize": 1, "Recurrence": "0 2 * * *", "TimeZone": "Mars" }),
            "Given time zone:Mars is invalid",
        ),
        (
            json!({ "MinSize": 2, "MaxSize": 1, "Recurrence": "0 2 * * *" }),
            "Min bound must be less than or equal to max bound",
        ),
    ] {
        assert_eq!(
            refused(&root, "PutScheduledUpdateGroupAction", action("x", more)),
            ("ValidationError".into(), message.into())
        );
    }
    let names = json!({ "AutoScalingGroupName": "web", "ScheduledActionNames": ["a", "none"] });
    let told = asg(&root, "BatchDeleteScheduledAction", names);
    assert_eq!(told["FailedScheduledActions"][0]["ScheduledActionName"], "none");
    assert!(actions(&root, json!({})).is_empty());
    let none = action("none", json!({}));
    let words = "Scheduled action name not found - Scheduled action 'none' not found";
    assert_eq!(refused(&root, "DeleteScheduledAction", none), ("ValidationError".into(), words.into()));
    // They go with their group.
    put(&root, "a", json!({ "Recurrence": "0 1 * * *", "MinSize": 1 }));
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web" }));
    assert!(actions(&root, json!({})).is_empty());
}

#[test]
fn groups_tell_of_themselves() {
    let cloud = begin(json!({ "DesiredCapacity": 2 }));
    let root = cloud.root(ACCOUNT);
    until(&cloud, || settled(&root, 2));
    let named = |more: Value| {
        let mut asked = json!({ "AutoScalingGroupName": "web" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let metrics = json!(["GroupInServiceInstances", "GroupMaxSize", "GroupTotalCapacity"]);
    asg(&root, "EnableMetricsCollection", named(json!({ "Metrics": metrics, "Granularity": "1Minute" })));
    assert_eq!(items(&group(&root)["EnabledMetrics"]).len(), 3);
    for _ in 0..3 {
        cloud.reconcile();
    }
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    let sums = |name: &str| -> Vec<(f64, f64)> {
        let asked = json!({ "Namespace": "AWS/AutoScaling", "MetricName": name, "Period": 60,
            "Dimensions": [{ "Name": "AutoScalingGroupName", "Value": "web" }], "Statistics": ["Sum", "SampleCount"],
            "StartTime": 1_768_478_000, "EndTime": 1_768_482_000 });
        let told = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
        let points = items(&told["Datapoints"]);
        points
            .iter()
            .map(|one| (one["Sum"].as_f64().unwrap(), one["SampleCount"].as_f64().unwrap()))
            .collect()
    };
    assert_eq!(sums("GroupInServiceInstances"), [(2.0, 1.0), (2.0, 1.0)]);
    assert_eq!(sums("GroupTotalCapacity"), [(2.0, 1.0), (2.0, 1.0)]);
    assert_eq!(sums("GroupMaxSize"), [(6.0, 1.0), (6.0, 1.0)]);
    assert!(sums("GroupMinSize").is_empty());
    asg(&root, "DisableMetricsCollection", named(json!({})));
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    assert_eq!(sums("GroupMaxSize").len(), 2);
    let types = asg(&root, "DescribeMetricCollectionTypes", json!({}));
    assert_eq!(
        (items(&types["Metrics"]).len(), &types["Granularities"][0]["Granularity"]),
        (13, &json!("1Minute"))
    );
    let coarse = named(json!({ "Granularity": "5Minutes" }));
    assert_eq!(refused(&root, "EnableMetricsCollection", coarse).0, "ValidationError");
    let unknown = named(json!({ "Metrics": ["GroupMood"], "Granularity": "1Minute" }));
    assert_eq!(
        refused(&root, "EnableMetricsCollection", unknown),
        ("ValidationError".into(), "Unknown metric: GroupMood".into())
    );
}
