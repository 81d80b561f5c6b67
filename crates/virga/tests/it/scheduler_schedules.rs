//! EventBridge Scheduler: schedules that call, as their role, what they were told to, when they were told to.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/caller";

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

/// A role that the scheduler may assume, and what it may do.
fn role(root: &Caller<'_>, actions: &str) {
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"Service":"scheduler.amazonaws.com"},
        "Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},
            "ArnLike":{"aws:SourceArn":"arn:aws:scheduler:us-east-1:123456789012:schedule-group/*"}}}}"#;
    let made = json!({ "RoleName": "caller", "AssumeRolePolicyDocument": trust });
    root.call("iam", "CreateRole", made).ok();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}}}"#
    );
    let put = json!({ "RoleName": "caller", "PolicyName": "p", "PolicyDocument": policy });
    root.call("iam", "PutRolePolicy", put).ok();
}

fn queue(root: &Caller<'_>, name: &str) -> String {
    let made = root.call("sqs", "CreateQueue", json!({ "QueueName": name })).ok();
    made["QueueUrl"].as_str().unwrap().to_owned()
}

/// A request with what differs from the least one.
fn schedule(expression: &str, target: Value, more: Value) -> Value {
    let mut all = json!({
        "Name": "s", "ScheduleExpression": expression, "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": queue_arn("q"), "RoleArn": ROLE, "Input": "hello" },
    });
    for (name, value) in target.as_object().unwrap() {
        all["Target"][name] = value.clone();
    }
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

fn received(root: &Caller<'_>, url: &str) -> Vec<(String, Value)> {
    let ask = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
    let found = root.call("sqs", "ReceiveMessage", ask).ok();
    let messages = found["Messages"].as_array().cloned().unwrap_or_default();
    for message in &messages {
        let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        root.call("sqs", "DeleteMessage", done).ok();
    }
    let text = |message: &Value| message["Body"].as_str().unwrap().to_owned();
    messages.iter().map(|message| (text(message), message["MessageAttributes"].clone())).collect()
}

fn wait(cloud: &Cloud, seconds: u64) {
    cloud.advance(Duration::from_secs(seconds));
    cloud.reconcile();
    cloud.reconcile();
}

#[test]
fn a_rate_starts_at_once_and_goes_on() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q");
    role(&root, r#""sqs:SendMessage""#);
    let input = "<aws.scheduler.scheduled-time> <aws.scheduler.schedule-arn> <aws.scheduler.attempt-number>";
    let made = root.call(
        "scheduler",
        "CreateSchedule",
        schedule("rate(5 minutes)", json!({ "Input": input }), json!({})),
    );
    let arn = format!("arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s");
    assert_eq!(made.ok(), json!({ "ScheduleArn": arn }));
    let bodies = || received(&root, &url).into_iter().map(|(body, _)| body).collect::<Vec<_>>();
    wait(&cloud, 0);
    assert_eq!(bodies(), [format!("2026-01-15T12:00:00Z {arn} 1")]);
    wait(&cloud, 299);
    assert!(bodies().is_empty());
    wait(&cloud, 1);
    assert_eq!(bodies(), [format!("2026-01-15T12:05:00Z {arn} 1")]);
    // What was missed comes once.
    wait(&cloud, 3_600);
    assert_eq!(bodies().len(), 1);
    let off = schedule("rate(5 minutes)", json!({}), json!({ "State": "DISABLED" }));
    root.call("scheduler", "UpdateSchedule", off).ok();
    wait(&cloud, 3_600);
    assert!(bodies().is_empty());
    let on =
        schedule("cron(0 9 * * ? *)", json!({}), json!({ "ScheduleExpressionTimezone": "Europe/Berlin" }));
    root.call("scheduler", "UpdateSchedule", on).ok();
    // It is after 14:00 in London, and 15:00 in Berlin.
    wait(&cloud, 17 * 3_600);
    assert!(bodies().is_empty());
    wait(&cloud, 3_600);
    assert_eq!(bodies(), ["hello"]);
}

#[test]
fn what_comes_once_goes_after_its_completion() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q");
    role(&root, r#""sqs:SendMessage""#);
    let more = json!({ "ActionAfterCompletion": "DELETE", "ScheduleExpressionTimezone": "America/New_York" });
    root.call("scheduler", "CreateSchedule", schedule("at(2026-01-15T08:00:00)", json!({}), more)).ok();
    let stays = schedule("at(2026-01-15T13:00:00)", json!({}), json!({ "Name": "stays" }));
    root.call("scheduler", "CreateSchedule", stays).ok();
    wait(&cloud, 3_599);
    assert!(received(&root, &url).is_empty());
    wait(&cloud, 1);
    assert_eq!(received(&root, &url).len(), 2);
    let gone = root.call("scheduler", "GetSchedule", json!({ "Name": "s" }));
    gone.refused_with(404, "ResourceNotFoundException", "Schedule s does not exist.");
    let there = root.call("scheduler", "GetSchedule", json!({ "Name": "stays" })).ok();
    assert_eq!((&there["ActionAfterCompletion"], &there["State"]), (&json!("NONE"), &json!("ENABLED")));
    wait(&cloud, 86_400);
    assert!(received(&root, &url).is_empty());
}

#[test]
fn a_flexible_window_spreads_calls() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q");
    role(&root, r#""sqs:SendMessage""#);
    let window = json!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60 });
    for n in 0..10 {
        let more = json!({ "Name": format!("s{n}"), "FlexibleTimeWindow": window });
        root.call("scheduler", "CreateSchedule", schedule("at(2026-01-15T13:00:00)", json!({}), more)).ok();
    }
    wait(&cloud, 3_599);
    assert!(received(&root, &url).is_empty());
    wait(&cloud, 1_800);
    let first = received(&root, &url).len();
    assert!((1..10).contains(&first), "{first}");
    wait(&cloud, 1_801);
    assert_eq!(first + received(&root, &url).len(), 10);
}

#[test]
fn every_kind_of_target_is_called_as_the_role() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q");
    role(&root, r#""sqs:*","sns:Publish","events:PutEvents","logs:CreateLogGroup""#);
    let made = root.call("sns", "CreateTopic", json!({ "Name": "t" })).ok();
    let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}}"#;
    let open = json!({ "QueueUrl": url, "Attributes": { "Policy": allow } });
    root.call("sqs", "SetQueueAttributes", open).ok();
    let subscribe = json!({
        "TopicArn": made["TopicArn"], "Protocol": "sqs", "Endpoint": queue_arn("q"),
        "Attributes": { "RawMessageDelivery": "true" },
    });
    root.call("sns", "Subscribe", subscribe).ok();
    let rule = json!({ "Name": "r", "EventPattern": r#"{"source":["app"]}"# });
    root.call("events", "PutRule", rule).ok();
    let to = json!({ "Id": "1", "Arn": queue_arn("q"), "InputPath": "$.detail" });
    root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": [to] })).ok();
    let sdk = |name: &str| format!("arn:aws:scheduler:::aws-sdk:{name}");
    let targets = [
        json!({ "Arn": made["TopicArn"], "Input": "by topic" }),
        json!({
            "Arn": format!("arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"), "Input": r#"{"by":"bus"}"#,
            "EventBridgeParameters": { "Source": "app", "DetailType": "t" },
        }),
        json!({
            "Arn": sdk("sqs:sendMessage"),
            "Input": json!({ "QueueUrl": url, "MessageBody": "by <aws.scheduler.attempt-number>" }).to_string(),
        }),
        json!({ "Arn": sdk("cloudwatchlogs:createLogGroup"), "Input": r#"{"LogGroupName":"made"}"# }),
    ];
    for (n, target) in targets.into_iter().enumerate() {
        let more = json!({ "Name": format!("s{n}") });
        root.call("scheduler", "CreateSchedule", schedule("at(2026-01-15T12:01:00)", target, more)).ok();
    }
    wait(&cloud, 60);
    wait(&cloud, 0);
    let mut bodies: Vec<String> = received(&root, &url).into_iter().map(|(body, _)| body).collect();
    bodies.sort();
    assert_eq!(bodies, ["by 1", "by topic", r#"{"by":"bus"}"#]);
    let groups = root.call("logs", "DescribeLogGroups", json!({})).ok();
    assert_eq!(groups["logGroups"][0]["logGroupName"], "made");
}

#[test]
fn a_call_that_is_refused_is_in_the_dead_letter_queue() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "dead");
    role(&root, r#""sqs:SendMessage""#);
    let target = json!({ "Arn": queue_arn("none"), "DeadLetterConfig": { "Arn": queue_arn("dead") } });
    root.call("scheduler", "CreateSchedule", schedule("at(2026-01-15T12:01:00)", target, json!({}))).ok();
    wait(&cloud, 60);
    let [(body, attributes)] = &received(&root, &url)[..] else { panic!("not one message") };
    assert_eq!(body, "hello");
    let text = |name: &str| attributes[name]["StringValue"].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("ERROR_CODE"), "QueueDoesNotExist");
    assert_eq!(text("SCHEDULE_ARN"), format!("arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s"));
    assert_eq!((text("TARGET_ARN"), text("RETRY_ATTEMPTS")), (queue_arn("none"), "0".to_owned()));
    assert_eq!(
        (text("SCHEDULED_TIME").as_str(), text("IS_PAYLOAD_TRUNCATED").as_str()),
        ("2026-01-15T12:01:00Z", "false")
    );
    assert_eq!(text("EXECUTION_ID").len(), 16);
    // The role may not publish.
    let target = json!({
        "Arn": format!("arn:aws:sns:us-east-1:{ACCOUNT}:t"), "DeadLetterConfig": { "Arn": queue_arn("dead") },
    });
    let again = schedule("at(2026-01-15T12:02:00)", target, json!({ "Name": "topic" }));
    root.call("scheduler", "CreateSchedule", again).ok();
    wait(&cloud, 60);
    let [(_, attributes)] = &received(&root, &url)[..] else { panic!("not one message") };
    assert_eq!(attributes["ERROR_CODE"]["StringValue"], "AuthorizationError");
}

#[test]
fn what_no_schedule_can_be_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, r#""sqs:SendMessage""#);
    let refused = |expression: &str, target: Value, more: Value, status: u16, code: &str, message: &str| {
        let request = schedule(expression, target, more);
        root.call("scheduler", "CreateSchedule", request).refused_with(status, code, message);
    };
    let none = || json!({});
    let invalid = |expression: &str, target: Value, more: Value, message: &str| {
        refused(expression, target, more, 400, "ValidationException", message);
    };
    invalid("rate(1 minutes)", none(), none(), "Invalid Schedule Expression rate(1 minutes).");
    let zone = json!({ "ScheduleExpressionTimezone": "Mars/Olympus" });
    invalid("rate(1 minute)", none(), zone, "Invalid Schedule Expression Timezone Mars/Olympus.");
    let long_ago = json!({ "StartDate": 1_768_477_000 });
    invalid(
        "rate(1 minute)",
        none(),
        long_ago,
        "The StartDate you specify cannot be earlier than 5 minutes ago.",
    );
    invalid(
        "rate(1 minute)",
        json!({ "RoleArn": "arn:aws:iam::123456789012:role/nobody" }),
        none(),
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    );
    invalid(
        "rate(1 minute)",
        json!({ "Arn": "arn:aws:scheduler:::aws-sdk:sqs:getQueueURL", "Input": "{}" }),
        none(),
        "The API action sqs:getQueueURL is not supported as a target.",
    );
    invalid(
        "rate(1 minute)",
        json!({ "Arn": format!("{}.fifo", queue_arn("q")) }),
        none(),
        "SqsParameters with a MessageGroupId are required for a FIFO queue.",
    );
    refused(
        "rate(1 minute)",
        json!({ "Arn": "arn:aws:kinesis:us-east-1:123456789012:stream/s" }),
        none(),
        501,
        "NotImplemented",
        "A target of the service kinesis is not built in this version of Virga.",
    );
    refused(
        "rate(1 minute)",
        json!({ "Arn": "arn:aws:scheduler:::aws-sdk:s3:putObject", "Input": "{}" }),
        none(),
        501,
        "NotImplemented",
        "The target s3:putObject is not built in this version of Virga.",
    );
    let group = json!({ "GroupName": "g" });
    refused(
        "rate(1 minute)",
        none(),
        group,
        404,
        "ResourceNotFoundException",
        "Schedule group g does not exist.",
    );
    root.call("scheduler", "CreateSchedule", schedule("rate(1 day)", none(), none())).ok();
    refused("rate(1 day)", none(), none(), 409, "ConflictException", "Schedule s already exists.");
}

#[test]
fn a_token_tells_a_repeated_request() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, r#""sqs:SendMessage""#);
    let request = schedule("rate(1 day)", json!({}), json!({ "ClientToken": "once" }));
    root.call("scheduler", "CreateSchedule", request.clone()).ok();
    root.call("scheduler", "CreateSchedule", request).ok();
    let other = schedule("rate(2 days)", json!({}), json!({ "ClientToken": "once" }));
    root.call("scheduler", "CreateSchedule", other).refused(409, "ConflictException");
    for _ in 0..2 {
        root.call("scheduler", "DeleteSchedule", json!({ "Name": "s", "ClientToken": "once" })).ok();
    }
    wait(&cloud, 86_400);
    root.call("scheduler", "DeleteSchedule", json!({ "Name": "s", "ClientToken": "once" })).refused_with(
        404,
        "ResourceNotFoundException",
        "Schedule s does not exist.",
    );
}

#[test]
fn whoever_makes_a_schedule_must_be_allowed_to_pass_its_role() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, r#""sqs:SendMessage""#);
    let policy = |passed: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Effect":"Allow","Action":"scheduler:CreateSchedule","Resource":"arn:aws:scheduler:*:*:schedule/default/s"}},
                {{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",
                  "Condition":{{"StringEquals":{{"iam:PassedToService":"{passed}"}}}}}}]}}"#
        )
    };
    let (no, yes) = (policy("lambda.amazonaws.com"), policy("scheduler.amazonaws.com"));
    let request = || schedule("rate(1 day)", json!({}), json!({}));
    let message = cloud.user(&root, "no", &no).call("scheduler", "CreateSchedule", request());
    let message = message.refused(403, "AccessDeniedException");
    assert!(message.contains("iam:PassRole"), "{message}");
    cloud.user(&root, "yes", &yes).call("scheduler", "CreateSchedule", request()).ok();
}

#[test]
fn groups_hold_schedules_and_take_them_along() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, r#""sqs:SendMessage""#);
    let tags = json!([{ "Key": "team", "Value": "blue" }]);
    let made = root.call("scheduler", "CreateScheduleGroup", json!({ "Name": "g", "Tags": tags })).ok();
    let arn = made["ScheduleGroupArn"].as_str().unwrap();
    assert_eq!(arn, "arn:aws:scheduler:us-east-1:123456789012:schedule-group/g");
    let told = root.call("scheduler", "ListTagsForResource", json!({ "ResourceArn": arn })).ok();
    assert_eq!(told["Tags"], tags);
    root.call("scheduler", "CreateScheduleGroup", json!({ "Name": "g" })).refused_with(
        409,
        "ConflictException",
        "Schedule group g already exists.",
    );
    for (name, group) in [("a", "g"), ("b", "g"), ("a", "default")] {
        let request = schedule("rate(1 day)", json!({}), json!({ "Name": name, "GroupName": group }));
        root.call("scheduler", "CreateSchedule", request).ok();
    }
    let names = |ask: Value| -> Vec<String> {
        let found = root.call("scheduler", "ListSchedules", ask).ok();
        let all = found["Schedules"].as_array().unwrap();
        let name =
            |one: &Value| format!("{}/{}", one["GroupName"].as_str().unwrap(), one["Name"].as_str().unwrap());
        all.iter().map(name).collect()
    };
    assert_eq!(names(json!({})), ["default/a", "g/a", "g/b"]);
    assert_eq!(names(json!({ "GroupName": "g" })), ["g/a", "g/b"]);
    assert_eq!(names(json!({ "NamePrefix": "a" })), ["default/a", "g/a"]);
    let page = root.call("scheduler", "ListSchedules", json!({ "MaxResults": 2 })).ok();
    assert_eq!(names(json!({ "NextToken": page["NextToken"] })), ["g/b"]);
    root.call("scheduler", "ListSchedules", json!({ "GroupName": "none" })).refused_with(
        404,
        "ResourceNotFoundException",
        "Schedule group none does not exist.",
    );
    root.call("scheduler", "DeleteScheduleGroup", json!({ "Name": "default" }))
        .refused(400, "ValidationException");
    root.call("scheduler", "DeleteScheduleGroup", json!({ "Name": "g" })).ok();
    let leaving = root.call("scheduler", "GetScheduleGroup", json!({ "Name": "g" })).ok();
    assert_eq!(leaving["State"], "DELETING");
    let late = schedule("rate(1 day)", json!({}), json!({ "GroupName": "g" }));
    root.call("scheduler", "CreateSchedule", late).refused(409, "ConflictException");
    wait(&cloud, 0);
    root.call("scheduler", "GetScheduleGroup", json!({ "Name": "g" })).refused_with(
        404,
        "ResourceNotFoundException",
        "Schedule group g does not exist.",
    );
    assert_eq!(names(json!({})), ["default/a"]);
    let groups = root.call("scheduler", "ListScheduleGroups", json!({})).ok();
    assert_eq!(groups["ScheduleGroups"][0]["Name"], "default");
}
