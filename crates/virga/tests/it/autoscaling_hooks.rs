//! Lifecycle hooks and notifications: instances wait on their way in and out, until they are told or their time is over.

use crate::autoscaling::{activities, asg, asked, group, ids, members, refused, settled, template};
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
    received(root, "heard")
}

/// The messages of a queue, which are JSON.
fn received(root: &Caller<'_>, queue: &str) -> Vec<Value> {
    let url = text(&root.call("sqs", "GetQueueUrl", json!({ "QueueName": queue })).ok()["QueueUrl"]);
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

const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:told";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:news";

/// A role with permissions for queues and topics.
fn role(root: &Caller<'_>, name: &str, trusted: &str, actions: &[&str]) -> String {
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Principal": { "Service": trusted }, "Action": "sts:AssumeRole" } });
    let made = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
    let arn = text(&root.call("iam", "CreateRole", made).ok()["Role"]["Arn"]);
    let may = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } });
    let put = json!({ "RoleName": name, "PolicyName": "tells", "PolicyDocument": may.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
    arn
}

const SERVICE: &str = "autoscaling.amazonaws.com";
const ALL: [&str; 3] = ["sqs:SendMessage", "sqs:GetQueueUrl", "sns:Publish"];

fn told_by(name: &str, transition: &str, target: &str, role: &str) -> Value {
    let mut hook = named(name);
    hook["LifecycleTransition"] = json!(format!("autoscaling:EC2_INSTANCE_{transition}"));
    (hook["NotificationTargetARN"], hook["RoleARN"]) = (json!(target), json!(role));
    hook
}

fn resize(root: &Caller<'_>, size: u64) {
    asg(root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": size }));
}

fn hook(root: &Caller<'_>, name: &str) -> Value {
    let asked = json!({ "AutoScalingGroupName": "web", "LifecycleHookNames": [name] });
    asg(root, "DescribeLifecycleHooks", asked)["LifecycleHooks"][0].clone()
}

#[test]
fn a_queue_is_told_in_the_name_of_a_role() {
    let cloud = begin(0, &[]);
    let root = cloud.root(ACCOUNT);
    root.call("sqs", "CreateQueue", json!({ "QueueName": "told" })).ok();
    let role = role(&root, "tells", SERVICE, &ALL);
    let mut put = told_by("in", "LAUNCHING", QUEUE, &role);
    put["NotificationMetadata"] = json!("more");
    asg(&root, "PutLifecycleHook", put);
    let shown = hook(&root, "in");
    assert_eq!(
        (&shown["NotificationTargetARN"], &shown["RoleARN"], &shown["NotificationMetadata"]),
        (&json!(QUEUE), &json!(role), &json!("more"))
    );
    let arn = text(&group(&root)["AutoScalingGroupARN"]);
    let test = received(&root, "told");
    assert_eq!(test.len(), 1);
    assert_eq!(
        (&test[0]["Event"], &test[0]["Service"], &test[0]["AutoScalingGroupName"]),
        (&json!("autoscaling:TEST_NOTIFICATION"), &json!("AWS Auto Scaling"), &json!("web"))
    );
    assert_eq!((&test[0]["AutoScalingGroupARN"], &test[0]["AccountId"]), (&json!(arn), &json!(ACCOUNT)));
    assert!(test[0]["RequestId"].is_string() && test[0]["Time"].is_string(), "{test:?}");
    // What is said of other things is no news to the target.
    let mut longer = named("in");
    longer["HeartbeatTimeout"] = json!(60);
    asg(&root, "PutLifecycleHook", longer);
    assert!(received(&root, "told").is_empty());

    resize(&root, 1);
    until(&cloud, || stand(&root, "Pending:Wait"));
    let id = ids(&root)[0].clone();
    let told = received(&root, "told");
    assert_eq!(told.len(), 1, "{told:?}");
    let mut message = told[0].as_object().unwrap().clone();
    let token = message.remove("LifecycleActionToken").unwrap();
    assert!(message.remove("Time").unwrap().as_str().unwrap().ends_with('Z'));
    let whole = json!({
        "Origin": "EC2", "Destination": "AutoScalingGroup", "LifecycleHookName": "in", "AccountId": ACCOUNT,
        "RequestId": activities(&root)[0]["ActivityId"], "AutoScalingGroupName": "web", "EC2InstanceId": id,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "Service": "AWS Auto Scaling",
        "NotificationMetadata": "more",
    });
    assert_eq!(Value::Object(message), whole);
    let mut done = named("in");
    (done["LifecycleActionToken"], done["LifecycleActionResult"]) = (token, json!("CONTINUE"));
    asg(&root, "CompleteLifecycleAction", done);
    until(&cloud, || settled(&root, 1));

    // An empty target is none any more.
    let mut none = named("in");
    none["NotificationTargetARN"] = json!("");
    asg(&root, "PutLifecycleHook", none);
    assert_eq!(hook(&root, "in")["NotificationTargetARN"], Value::Null);
    resize(&root, 2);
    until(&cloud, || members(&root).iter().any(|member| member["LifecycleState"] == "Pending:Wait"));
    assert!(received(&root, "told").is_empty());
}

#[test]
fn a_topic_is_told_of_who_goes() {
    let cloud = begin(1, &[]);
    let root = cloud.root(ACCOUNT);
    until(&cloud, || settled(&root, 1));
    let id = ids(&root)[0].clone();
    root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok();
    listen(&root);
    let subscribe = json!({ "TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:123456789012:heard" });
    root.call("sns", "Subscribe", subscribe).ok();
    let role = role(&root, "tells", SERVICE, &ALL);
    asg(&root, "PutLifecycleHook", told_by("out", "TERMINATING", TOPIC, &role));
    resize(&root, 0);
    until(&cloud, || stand(&root, "Terminating:Wait"));
    let seen = std::cell::RefCell::new(Vec::new());
    let hears = |subject: &str| {
        seen.borrow_mut().extend(heard(&root).into_iter().filter(|one| one["Type"] == "Notification"));
        let of = |one: &Value| one["Subject"] == subject;
        let message = |one: &Value| serde_json::from_str::<Value>(&text(&one["Message"])).unwrap();
        let all = seen.borrow();
        all.iter().find(|one| of(one)).map(message)
    };
    until(&cloud, || hears("Auto Scaling: test notification for group \"web\"").is_some());
    let subject = format!("Auto Scaling:  Lifecycle action 'TERMINATING' for instance {id} in progress.");
    until(&cloud, || hears(&subject).is_some());
    let message = hears(&subject).unwrap();
    assert_eq!(
        (&message["Origin"], &message["Destination"], &message["EC2InstanceId"], &message["RequestId"]),
        (&json!("AutoScalingGroup"), &json!("EC2"), &json!(id), &activities(&root)[0]["ActivityId"])
    );
    assert!(message.get("NotificationMetadata").is_none(), "{message}");
    asg(&root, "CompleteLifecycleAction", says("out", &id, "CONTINUE"));
    until(&cloud, || ids(&root).is_empty());
}

#[test]
fn a_target_that_cannot_be_told_is_refused() {
    let cloud = begin(0, &[]);
    let root = cloud.root(ACCOUNT);
    root.call("sqs", "CreateQueue", json!({ "QueueName": "told" })).ok();
    root.call(
        "sqs",
        "CreateQueue",
        json!({ "QueueName": "told.fifo", "Attributes": { "FifoQueue": "true" } }),
    )
    .ok();
    let good = role(&root, "tells", SERVICE, &ALL);
    let no_url = role(&root, "no-url", SERVICE, &["sqs:SendMessage"]);
    let mute = role(&root, "mute", SERVICE, &["sqs:GetQueueUrl"]);
    let others = role(&root, "others", "ec2.amazonaws.com", &ALL);
    let none = format!("arn:aws:iam::{ACCOUNT}:role/none");
    let fifo = format!("{QUEUE}.fifo");
    let gone = QUEUE.replace("told", "gone");
    let far = QUEUE.replace("us-east-1", "eu-west-1");
    for (target, role) in [
        (QUEUE, &no_url),
        (QUEUE, &mute),
        (QUEUE, &others),
        (QUEUE, &none),
        (fifo.as_str(), &good),
        (gone.as_str(), &good),
        (far.as_str(), &good),
        (TOPIC, &good),
        ("arn:aws:s3:us-east-1::bucket", &good),
        ("queue", &good),
    ] {
        let message = format!(
            "Unable to publish test message to notification target {target} using IAM role {role}. Please check your target and role configuration and try to put lifecycle hook again."
        );
        let asked = told_by("in", "LAUNCHING", target, role);
        assert_eq!(refused(&root, "PutLifecycleHook", asked), ("ValidationError".into(), message));
    }
    let mut bare = told_by("in", "LAUNCHING", QUEUE, &good);
    bare.as_object_mut().unwrap().remove("RoleARN");
    assert_eq!(
        refused(&root, "PutLifecycleHook", bare),
        (
            "ValidationError".into(),
            "A NotificationTargetARN requires a RoleARN, by which the target is told.".into()
        )
    );
    let function = told_by("in", "LAUNCHING", "arn:aws:lambda:us-east-1:123456789012:function:f", &good);
    assert_eq!(
        refused(&root, "PutLifecycleHook", function),
        ("ValidationError".into(), "Functions as targets of lifecycle hooks are not built in this version of Virga; use a rule of EventBridge.".into())
    );
    let foreign = told_by("in", "LAUNCHING", QUEUE, "arn:aws:iam::210987654321:role/tells");
    assert_eq!(refused(&root, "PutLifecycleHook", foreign).0, "AccessDenied");
    assert_eq!(hook(&root, "in"), Value::Null);
    // Nor does a hook that is there change.
    asg(&root, "PutLifecycleHook", told_by("in", "LAUNCHING", QUEUE, &good));
    refused(&root, "PutLifecycleHook", told_by("in", "TERMINATING", QUEUE, &mute));
    assert_eq!(
        (&hook(&root, "in")["RoleARN"], &hook(&root, "in")["LifecycleTransition"]),
        (&json!(good), &json!("autoscaling:EC2_INSTANCE_LAUNCHING"))
    );
    assert_eq!(received(&root, "told").len(), 1);
    // A queue that goes later keeps nobody from waiting, nor from going on.
    let url = text(&root.call("sqs", "GetQueueUrl", json!({ "QueueName": "told" })).ok()["QueueUrl"]);
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": url })).ok();
    resize(&root, 1);
    until(&cloud, || stand(&root, "Pending:Wait"));
    asg(&root, "CompleteLifecycleAction", says("in", &ids(&root)[0], "CONTINUE"));
    until(&cloud, || settled(&root, 1));
}

#[test]
fn a_group_begins_with_hooks_whose_roles_are_passed() {
    let cloud = begin(0, &[]);
    let root = cloud.root(ACCOUNT);
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web" }));
    root.call("sqs", "CreateQueue", json!({ "QueueName": "told" })).ok();
    let role = role(&root, "tells", SERVICE, &ALL);
    let mut one = told_by("in", "LAUNCHING", QUEUE, &role);
    one.as_object_mut().unwrap().remove("AutoScalingGroupName");
    one["DefaultResult"] = json!("CONTINUE");
    let whole = asked(json!({ "DesiredCapacity": 1, "LifecycleHookSpecificationList": [one] }));
    let scales =
        json!({ "Effect": "Allow", "Action": ["autoscaling:*", "ec2:RunInstances"], "Resource": "*" });
    let passes = |to: &str| json!({ "Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": { "StringEquals": { "iam:PassedToService": to } } });
    let user = |name: &str, statements: Value| {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        cloud.user(&root, name, &policy)
    };
    let plain = user("plain", json!([scales, passes("ec2.amazonaws.com")]));
    let passer = user("passer", json!([scales, passes(SERVICE)]));
    let words = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/plain is not authorized to perform: iam:PassRole on resource: {role} because no identity-based policy allows the iam:PassRole action"
    );
    assert_eq!(
        refused(&plain, "CreateAutoScalingGroup", whole.clone()),
        ("AccessDenied".into(), words.clone())
    );
    let mut broken = whole.clone();
    broken["LifecycleHookSpecificationList"][0]["NotificationTargetARN"] = json!(TOPIC);
    assert_eq!(refused(&passer, "CreateAutoScalingGroup", broken).0, "ValidationError");
    assert_eq!(group(&root), Value::Null);
    asg(&passer, "CreateAutoScalingGroup", whole);
    assert_eq!(
        refused(&plain, "PutLifecycleHook", told_by("in", "LAUNCHING", QUEUE, &role)),
        ("AccessDenied".into(), words)
    );
    // Its first instance waits already.
    until(&cloud, || stand(&root, "Pending:Wait"));
    let told = received(&root, "told");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|one| one["EC2InstanceId"] == ids(&root)[0].as_str()), "{told:?}");
    assert_eq!(
        (&hook(&root, "in")["DefaultResult"], &hook(&root, "in")["RoleARN"]),
        (&json!("CONTINUE"), &json!(role))
    );
}
