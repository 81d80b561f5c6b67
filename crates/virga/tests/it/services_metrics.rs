//! What queues, topics, rules, schedules, log groups and repositories tell CloudWatch of themselves.

use crate::ecr_images;
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

/// All that was told of a metric.
pub(crate) fn told(
    root: &Caller<'_>,
    namespace: &str,
    name: &str,
    dimensions: &[(&str, &str)],
    statistic: &str,
) -> Option<f64> {
    let dimensions: Vec<Value> =
        dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let asked = json!({
        "Namespace": namespace, "MetricName": name, "Dimensions": dimensions, "Statistics": [statistic],
        "StartTime": "2026-01-15T00:00:00Z", "EndTime": "2026-01-16T00:00:00Z", "Period": 86_400,
    });
    let answer = root.call("cloudwatch", "GetMetricStatistics", asked).ok();
    answer["Datapoints"][0].get(statistic).map(|value| match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    })
}

pub(crate) fn publish(cloud: &Cloud) {
    // What happens in the first run is told in the second.
    cloud.reconcile();
    cloud.reconcile();
}

fn queue(root: &Caller<'_>, name: &str) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let asked = json!({ "QueueName": name, "Attributes": { "Policy": policy.to_string() } });
    root.call("sqs", "CreateQueue", asked).ok();
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

#[test]
fn queues() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    queue(&root, "q");
    let of = |name: &str, statistic: &str| told(&root, "AWS/SQS", name, &[("QueueName", "q")], statistic);
    for body in ["1234", "12", "1"] {
        root.call("sqs", "SendMessage", json!({ "QueueUrl": "q", "MessageBody": body })).ok();
    }
    let later = json!({ "QueueUrl": "q", "MessageBody": "later", "DelaySeconds": 600 });
    root.call("sqs", "SendMessage", later).ok();
    let receive =
        || root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": "q", "MaxNumberOfMessages": 10 })).ok();
    let got = receive();
    assert_eq!(got["Messages"].as_array().unwrap().len(), 3);
    receive();
    let handle = &got["Messages"][0]["ReceiptHandle"];
    root.call("sqs", "DeleteMessage", json!({ "QueueUrl": "q", "ReceiptHandle": handle })).ok();
    cloud.advance(Duration::from_secs(60));
    publish(&cloud);
    let sums: Vec<Option<f64>> = [
        "NumberOfMessagesSent",
        "SentMessageSize",
        "NumberOfMessagesReceived",
        "NumberOfEmptyReceives",
        "NumberOfMessagesDeleted",
    ]
    .iter()
    .map(|name| of(name, "Sum"))
    .collect();
    assert_eq!(sums, [Some(4.0), Some(12.0), Some(3.0), Some(1.0), Some(1.0)]);
    assert_eq!(of("SentMessageSize", "Maximum"), Some(5.0));
    // A minute later the two that were received are visible again.
    assert_eq!(of("ApproximateNumberOfMessagesVisible", "Maximum"), Some(2.0));
    assert_eq!(of("ApproximateNumberOfMessagesDelayed", "Maximum"), Some(1.0));
    assert_eq!(of("ApproximateAgeOfOldestMessage", "Maximum"), Some(60.0));
    // A queue that nobody has used for six hours is not told of any more.
    cloud.advance(Duration::from_secs(6 * 3_600));
    publish(&cloud);
    assert_eq!(of("ApproximateNumberOfMessagesVisible", "SampleCount"), Some(1.0));
}

#[test]
fn topics() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = root.call("sns", "CreateTopic", json!({ "Name": "t" })).ok();
    let topic = topic["TopicArn"].as_str().unwrap();
    let (good, dead) = (queue(&root, "good"), queue(&root, "dead"));
    let none = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:none");
    let redrive = json!({ "deadLetterTargetArn": dead }).to_string();
    for (endpoint, attributes) in [
        (&good, json!({})),
        (&none, json!({ "RedrivePolicy": redrive })),
        (&dead, json!({ "FilterPolicy": r#"{"colour":["red"]}"# })),
    ] {
        let asked =
            json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes });
        root.call("sns", "Subscribe", asked).ok();
    }
    root.call("sns", "Publish", json!({ "TopicArn": topic, "Message": "12345" })).ok();
    publish(&cloud);
    let of = |name: &str| told(&root, "AWS/SNS", name, &[("TopicName", "t")], "Sum");
    for (name, expected) in [
        ("NumberOfMessagesPublished", 1.0),
        ("PublishSize", 5.0),
        ("NumberOfNotificationsDelivered", 1.0),
        ("NumberOfNotificationsFailed", 1.0),
        ("NumberOfNotificationsRedrivenToDlq", 1.0),
        ("NumberOfNotificationsFilteredOut", 1.0),
        ("NumberOfNotificationsFilteredOut-NoMessageAttributes", 1.0),
    ] {
        assert_eq!(of(name), Some(expected), "{name}");
    }
    assert_eq!(of("NumberOfNotificationsFailedToRedriveToDlq"), None);
    // What nobody gets is counted, too: it leaves nothing in the store.
    let quiet = root.call("sns", "CreateTopic", json!({ "Name": "quiet" })).ok()["TopicArn"].clone();
    let filtered = json!({ "TopicArn": quiet, "Protocol": "sqs", "Endpoint": dead,
        "Attributes": { "FilterPolicy": r#"{"colour":["red"]}"# } });
    root.call("sns", "Subscribe", filtered).ok();
    root.call("sns", "Publish", json!({ "TopicArn": quiet, "Message": "x" })).ok();
    publish(&cloud);
    for name in ["NumberOfMessagesPublished", "NumberOfNotificationsFilteredOut"] {
        assert_eq!(told(&root, "AWS/SNS", name, &[("TopicName", "quiet")], "Sum"), Some(1.0), "{name}");
    }
}

#[test]
fn rules_and_schedules() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (good, dead) = (queue(&root, "good"), queue(&root, "dead"));
    let none = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:none");
    root.call("events", "CreateEventBus", json!({ "Name": "own" })).ok();
    let rule = json!({ "Name": "r", "EventBusName": "own", "EventPattern": r#"{"source":["app"]}"# });
    root.call("events", "PutRule", rule).ok();
    let targets =
        json!([{ "Id": "1", "Arn": good }, { "Id": "2", "Arn": none, "DeadLetterConfig": { "Arn": dead } }]);
    root.call("events", "PutTargets", json!({ "Rule": "r", "EventBusName": "own", "Targets": targets })).ok();
    let event = json!({ "Source": "app", "DetailType": "d", "Detail": "{}", "EventBusName": "own" });
    root.call("events", "PutEvents", json!({ "Entries": [event] })).ok();
    let timed = json!({ "Name": "timed", "ScheduleExpression": "rate(1 minute)" });
    root.call("events", "PutRule", timed).ok();
    root.call("events", "PutTargets", json!({ "Rule": "timed", "Targets": [{ "Id": "1", "Arn": good }] }))
        .ok();
    cloud.advance(Duration::from_secs(60));
    publish(&cloud);
    let own = [("EventBusName", "own"), ("RuleName", "r")];
    for (name, expected) in [
        ("MatchedEvents", 1.0),
        ("TriggeredRules", 1.0),
        ("Invocations", 2.0),
        ("InvocationAttempts", 2.0),
        ("SuccessfulInvocationAttempts", 1.0),
        ("FailedInvocations", 1.0),
        ("InvocationsSentToDlq", 1.0),
    ] {
        assert_eq!(told(&root, "AWS/Events", name, &own, "Sum"), Some(expected), "{name}");
    }
    let timed = |name: &str| told(&root, "AWS/Events", name, &[("RuleName", "timed")], "Sum");
    assert_eq!((timed("TriggeredRules"), timed("MatchedEvents")), (Some(1.0), None));

    let trust = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "scheduler.amazonaws.com" }, "Action": "sts:AssumeRole",
    } });
    let role = json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust.to_string() });
    let role = root.call("iam", "CreateRole", role).ok()["Role"]["Arn"].clone();
    let may = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let policy = json!({ "RoleName": "r", "PolicyName": "p", "PolicyDocument": may.to_string() });
    root.call("iam", "PutRolePolicy", policy).ok();
    for (name, arn) in [("a", &good), ("b", &none)] {
        let schedule = json!({
            "Name": name, "ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": { "Arn": arn, "RoleArn": role, "RetryPolicy": { "MaximumRetryAttempts": 0 } },
        });
        root.call("scheduler", "CreateSchedule", schedule).ok();
    }
    cloud.advance(Duration::from_secs(60));
    publish(&cloud);
    for dimensions in [vec![("ScheduleGroup", "default")], Vec::new()] {
        let of = |name: &str| told(&root, "AWS/Scheduler", name, &dimensions, "Sum");
        let all = ["InvocationAttemptCount", "TargetErrorCount", "InvocationDroppedCount"].map(of);
        assert_eq!(all, [Some(2.0), Some(1.0), Some(1.0)], "{dimensions:?}");
    }
}

#[test]
fn log_groups() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let now = cloud.cloud.clock().now().micros() / 1_000;
    for group in ["a", "b"] {
        root.call("logs", "CreateLogGroup", json!({ "logGroupName": group })).ok();
        let stream = json!({ "logGroupName": group, "logStreamName": "s" });
        root.call("logs", "CreateLogStream", stream).ok();
        let events = json!([{ "timestamp": now, "message": "1234" }, { "timestamp": now, "message": "12" }]);
        let put = json!({ "logGroupName": group, "logStreamName": "s", "logEvents": events });
        root.call("logs", "PutLogEvents", put).ok();
    }
    publish(&cloud);
    let of = |name: &str, dimensions: &[(&str, &str)]| told(&root, "AWS/Logs", name, dimensions, "Sum");
    let own = [("LogGroupName", "a")];
    // AWS counts 26 bytes more for each event.
    assert_eq!((of("IncomingBytes", &own), of("IncomingLogEvents", &own)), (Some(58.0), Some(2.0)));
    assert_eq!((of("IncomingBytes", &[]), of("IncomingLogEvents", &[])), (Some(116.0), Some(4.0)));
}

#[test]
fn repositories() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("ecr", "CreateRepository", json!({ "repositoryName": "aa" })).ok();
    ecr_images::push(&root, "aa", "one", "v1");
    let pull = |ids: Value| {
        root.call("ecr", "BatchGetImage", json!({ "repositoryName": "aa", "imageIds": ids })).ok();
    };
    pull(json!([{ "imageTag": "none" }]));
    publish(&cloud);
    let pulls = |name| told(&root, "AWS/ECR", "RepositoryPullCount", &[("RepositoryName", name)], "Sum");
    assert_eq!(pulls("aa"), None);
    pull(json!([{ "imageTag": "v1" }]));
    pull(json!([{ "imageTag": "v1" }, { "imageTag": "none" }]));
    publish(&cloud);
    assert_eq!(pulls("aa"), Some(2.0));
}
