//! Lifecycle hooks and notifications: instances wait on their way in and out, until they are told or their time is over.

use crate::autoscaling::{activities, asg, asked, ids, members, refused, settled, template};
use crate::ec2_profiles::IMAGE;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn begin(size: u64, hooks: &[(&str, &str, Value)]) -> Cloud {
    let (cloud, _) = cloud(Simulator::new(), None);
    {
        let root = cloud.root(ACCOUNT);
        template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
        asg(&root, "CreateAutoScalingGroup", asked(json!({})));
        for (name, transition, more) in hooks {
            let mut hook = named(name);
            hook["LifecycleTransition"] = json!(format!("autoscaling:EC2_INSTANCE_{transition}"));
            hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            asg(&root, "PutLifecycleHook", hook);
        }
        asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": size }));
    }
    cloud
}

fn named(hook: &str) -> Value {
    json!({ "AutoScalingGroupName": "web", "LifecycleHookName": hook })
}

fn says(hook: &str, instance: &str, result: &str) -> Value {
    let mut asked = named(hook);
    (asked["InstanceId"], asked["LifecycleActionResult"]) = (json!(instance), json!(result));
    asked
}

fn stand(root: &Caller<'_>, state: &str) -> bool {
    let members = members(root);
    !members.is_empty() && members.iter().all(|member| member["LifecycleState"] == state)
}

fn ec2_state(root: &Caller<'_>, id: &str) -> String {
    let told = ec2(root, "DescribeInstances", json!({ "InstanceIds": [id] }));
    text(&told["reservationSet"][0]["instancesSet"][0]["instanceState"]["name"])
}

/// The cloud's own events of Auto Scaling, as a queue hears them.
fn listen(root: &Caller<'_>) {
    root.call("sqs", "CreateQueue", json!({ "QueueName": "heard" })).ok();
    let arn = "arn:aws:sqs:us-east-1:123456789012:heard";
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn } });
    let url = text(&root.call("sqs", "GetQueueUrl", json!({ "QueueName": "heard" })).ok()["QueueUrl"]);
    let set = json!({ "QueueUrl": url, "Attributes": { "Policy": policy.to_string() } });
    root.call("sqs", "SetQueueAttributes", set).ok();
    let pattern = json!({ "source": ["aws.autoscaling"] }).to_string();
    root.call("events", "PutRule", json!({ "Name": "heard", "EventPattern": pattern })).ok();
    root.call("events", "PutTargets", json!({ "Rule": "heard", "Targets": [{ "Id": "q", "Arn": arn }] }))
        .ok();
}

fn heard(root: &Caller<'_>) -> Vec<Value> {
    let url = text(&root.call("sqs", "GetQueueUrl", json!({ "QueueName": "heard" })).ok()["QueueUrl"]);
    let told = root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).ok();
    items(&told["Messages"]).iter().map(|one| serde_json::from_str(&text(&one["Body"])).unwrap()).collect()
}

#[test]
fn an_instance_waits_on_its_way_in_and_out() {
    let hooks = [
        ("in", "LAUNCHING", json!({ "HeartbeatTimeout": 60, "NotificationMetadata": "more" })),
        ("out", "TERMINATING", json!({ "HeartbeatTimeout": 60 })),
    ];
    let cloud = begin(0, &hooks);
    let root = cloud.root(ACCOUNT);
    listen(&root);
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 1 }));
    until(&cloud, || stand(&root, "Pending:Wait"));
    let id = ids(&root)[0].clone();
    cloud.reconcile();
    let event =
        heard(&root).into_iter().find(|one| one["detail-type"] == "EC2 Instance-launch Lifecycle Action");
    let detail = event.unwrap()["detail"].clone();
    assert_eq!((&detail["EC2InstanceId"], &detail["LifecycleHookName"]), (&json!(id), &json!("in")));
    assert_eq!(
        (&detail["NotificationMetadata"], &detail["Destination"]),
        (&json!("more"), &json!("AutoScalingGroup"))
    );
    // Heartbeats keep it waiting.
    for _ in 0..3 {
        cloud.advance(Duration::from_secs(50));
        let mut beat = named("in");
        beat["LifecycleActionToken"] = detail["LifecycleActionToken"].clone();
        asg(&root, "RecordLifecycleActionHeartbeat", beat);
        cloud.reconcile();
        assert!(stand(&root, "Pending:Wait"));
    }
    asg(&root, "CompleteLifecycleAction", says("in", &id, "CONTINUE"));
    until(&cloud, || settled(&root, 1));
    assert_eq!(activities(&root)[0]["StatusCode"], "Successful");
    cloud.reconcile();
    let event = heard(&root).into_iter().find(|one| one["detail-type"] == "EC2 Instance Launch Successful");
    let detail = event.unwrap()["detail"].clone();
    assert_eq!(
        (&detail["EC2InstanceId"], &detail["AutoScalingGroupName"], &detail["ActivityId"]),
        (&json!(id), &json!("web"), &activities(&root)[0]["ActivityId"])
    );
    let words = format!("No active Lifecycle Action found with instance ID {id}");
    assert_eq!(
        refused(&root, "CompleteLifecycleAction", says("in", &id, "CONTINUE")),
        ("ValidationError".into(), words)
    );

    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 0 }));
    until(&cloud, || stand(&root, "Terminating:Wait"));
    assert_eq!(
        (ec2_state(&root, &id), &activities(&root)[0]["StatusCode"]),
        ("running".into(), &json!("InProgress"))
    );
    // What the default says is no matter on the way out: it goes when its time is over.
    cloud.advance(Duration::from_secs(61));
    until(&cloud, || ids(&root).is_empty());
    assert_eq!(
        (ec2_state(&root, &id), &activities(&root)[0]["StatusCode"]),
        ("terminated".into(), &json!("Successful"))
    );
    cloud.reconcile();
    // There are more than come at once.
    let told: Vec<Value> = (0..3).flat_map(|_| heard(&root)).map(|one| one["detail-type"].clone()).collect();
    assert!(told.contains(&json!("EC2 Instance Terminate Successful")), "{told:?}");
}

#[test]
fn who_is_abandoned_is_replaced() {
    let cloud = begin(1, &[("in", "LAUNCHING", json!({ "HeartbeatTimeout": 30 }))]);
    let root = cloud.root(ACCOUNT);
    until(&cloud, || stand(&root, "Pending:Wait"));
    let first = ids(&root)[0].clone();
    asg(&root, "CompleteLifecycleAction", says("in", &first, "ABANDON"));
    until(&cloud, || stand(&root, "Pending:Wait") && !ids(&root).contains(&first));
    let told = activities(&root);
    let cancelled = told.iter().find(|one| one["StatusCode"] == "Cancelled").unwrap();
    let words = text(&cancelled["StatusMessage"]);
    assert!(
        words
            .starts_with("Instance failed to complete user's Lifecycle Action: Lifecycle Action with token "),
        "{words}"
    );
    assert!(words.ends_with(" was abandoned: Lifecycle Action Completed with ABANDON Result"), "{words}");
    // So is who says nothing in time, unless the default lets it in.
    let second = ids(&root)[0].clone();
    cloud.advance(Duration::from_secs(31));
    until(&cloud, || stand(&root, "Pending:Wait") && !ids(&root).contains(&second));
    let mut kinder = named("in");
    kinder["DefaultResult"] = json!("CONTINUE");
    asg(&root, "PutLifecycleHook", kinder);
    // It counts for those who begin to wait from now on.
    let third = ids(&root)[0].clone();
    cloud.advance(Duration::from_secs(31));
    until(&cloud, || stand(&root, "Pending:Wait") && !ids(&root).contains(&third));
    cloud.advance(Duration::from_secs(31));
    until(&cloud, || settled(&root, 1));
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web", "ForceDelete": true }));
    until(&cloud, || ids(&root).is_empty());
}

#[test]
fn a_hook_that_goes_lets_go() {
    let cloud = begin(1, &[("out", "TERMINATING", json!({}))]);
    let root = cloud.root(ACCOUNT);
    until(&cloud, || settled(&root, 1));
    let asked = json!({ "AutoScalingGroupName": "web" });
    let hook = asg(&root, "DescribeLifecycleHooks", asked)["LifecycleHooks"][0].clone();
    assert_eq!(
        (&hook["HeartbeatTimeout"], &hook["GlobalTimeout"], &hook["DefaultResult"]),
        (&json!("3600"), &json!("172800"), &json!("ABANDON"))
    );
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 0 }));
    until(&cloud, || stand(&root, "Terminating:Wait"));
    asg(&root, "DeleteLifecycleHook", named("out"));
    until(&cloud, || ids(&root).is_empty());
    let none = refused(&root, "DeleteLifecycleHook", named("out"));
    assert_eq!(none, ("ValidationError".into(), "No Lifecycle Hook found with name: out".into()));
    for (more, message) in [
        (json!({}), "LifecycleTransition is required for new lifecycle hooks."),
        (json!({ "LifecycleTransition": "autoscaling:x" }), "Invalid lifecycle transition: autoscaling:x"),
        (
            json!({ "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "HeartbeatTimeout": 29 }),
            "HeartbeatTimeout must be from 30 to 7200 seconds.",
        ),
        (
            json!({ "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "DefaultResult": "STAY" }),
            "The result must be CONTINUE or ABANDON, not STAY.",
        ),
        (
            json!({ "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "NotificationTargetARN": "arn:aws:sns:us-east-1:123456789012:t" }),
            "Notification targets of lifecycle hooks are not known in this version of Virga; use a rule of EventBridge.",
        ),
    ] {
        let mut asked = named("new");
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(refused(&root, "PutLifecycleHook", asked), ("ValidationError".into(), message.into()));
    }
    let types = asg(&root, "DescribeLifecycleHookTypes", json!({}));
    assert_eq!(items(&types["LifecycleHookTypes"]).len(), 2);
}

#[test]
fn topics_are_told() {
    let cloud = begin(0, &[]);
    let root = cloud.root(ACCOUNT);
    let topic = "arn:aws:sns:us-east-1:123456789012:told";
    let put = |kinds: Value| json!({ "AutoScalingGroupName": "web", "TopicARN": topic, "NotificationTypes": kinds });
    let kinds = json!(["autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_TERMINATE"]);
    assert_eq!(refused(&root, "PutNotificationConfiguration", put(kinds.clone())).0, "ValidationError");
    root.call("sns", "CreateTopic", json!({ "Name": "told" })).ok();
    listen(&root);
    let queue = "arn:aws:sqs:us-east-1:123456789012:heard";
    let raw = json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "Attributes": { "RawMessageDelivery": "true" } });
    root.call("sns", "Subscribe", raw).ok();
    let mood = refused(&root, "PutNotificationConfiguration", put(json!(["autoscaling:MOOD"])));
    assert_eq!(mood, ("ValidationError".into(), "Invalid notification type: autoscaling:MOOD".into()));
    asg(&root, "PutNotificationConfiguration", put(kinds));
    let told = asg(&root, "DescribeNotificationConfigurations", json!({ "AutoScalingGroupNames": ["web"] }));
    assert_eq!(items(&told["NotificationConfigurations"]).len(), 2);
    let size = |size: i64| {
        asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": size }))
    };
    let seen = std::cell::RefCell::new(Vec::new());
    let hears = |kind: &str| {
        let told = heard(&root).into_iter().filter(|one| one["Service"] == "AWS Auto Scaling");
        seen.borrow_mut().extend(told);
        seen.borrow().iter().any(|one: &Value| one["Event"] == kind)
    };
    until(&cloud, || hears("autoscaling:TEST_NOTIFICATION"));
    size(1);
    until(&cloud, || hears("autoscaling:EC2_INSTANCE_LAUNCH"));
    size(0);
    until(&cloud, || hears("autoscaling:EC2_INSTANCE_TERMINATE"));
    let away = json!({ "AutoScalingGroupName": "web", "TopicARN": topic });
    asg(&root, "DeleteNotificationConfiguration", away);
    let told = asg(&root, "DescribeNotificationConfigurations", json!({}));
    assert!(items(&told["NotificationConfigurations"]).is_empty());
    let types = asg(&root, "DescribeAutoScalingNotificationTypes", json!({}));
    assert_eq!(items(&types["AutoScalingNotificationTypes"]).len(), 5);
}
