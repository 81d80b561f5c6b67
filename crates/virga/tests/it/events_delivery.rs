//! EventBridge: events that arrive, by rule and by the clock, and what becomes of those that do not.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:events:us-east-1:123456789012";

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

/// A queue that rules whose names begin so may send to.
fn queue(root: &Caller<'_>, name: &str, rules: &str) -> String {
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"events.amazonaws.com"}},
            "Action":"sqs:SendMessage","Resource":"*","Condition":{{"ArnLike":{{"aws:SourceArn":"{ARN}:rule/{rules}*"}}}}}}]}}"#
    );
    let queue = json!({ "QueueName": name, "Attributes": { "Policy": policy } });
    root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"].as_str().unwrap().to_owned()
}

fn rule(root: &Caller<'_>, name: &str, pattern: &str, target: Value) {
    root.call("events", "PutRule", json!({ "Name": name, "EventPattern": pattern })).ok();
    root.call("events", "PutTargets", json!({ "Rule": name, "Targets": [target] })).ok();
}

fn send(root: &Caller<'_>, detail: &Value) -> Value {
    let entry = json!({
        "Source": "app", "DetailType": "order", "Detail": detail.to_string(), "Resources": ["arn:aws:s3:::b"],
    });
    root.call("events", "PutEvents", json!({ "Entries": [entry] })).ok()
}

/// Takes all that is in a queue: bodies and attributes.
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

#[test]
fn an_event_reaches_the_queues_whose_rules_want_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q", "orders");
    rule(
        &root,
        "orders",
        r#"{"source": ["app"], "detail": {"total": [{"numeric": [">", 10]}]}}"#,
        json!({ "Id": "1", "Arn": queue_arn("q") }),
    );
    let few = send(&root, &json!({ "total": 5 }));
    assert_eq!(few["FailedEntryCount"], 0);
    let sent = send(&root, &json!({ "total": 50 }));
    cloud.reconcile();
    let [(body, _)] = &received(&root, &url)[..] else { panic!("not one message") };
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        event,
        json!({
            "version": "0", "id": sent["Entries"][0]["EventId"], "detail-type": "order", "source": "app",
            "account": ACCOUNT, "time": "2026-01-15T12:00:00Z", "region": "us-east-1",
            "resources": ["arn:aws:s3:::b"], "detail": { "total": 50 },
        })
    );
    // A rule that is switched off sends nothing.
    root.call("events", "DisableRule", json!({ "Name": "orders" })).ok();
    send(&root, &json!({ "total": 50 }));
    cloud.reconcile();
    assert!(received(&root, &url).is_empty());
}

#[test]
fn targets_are_told_of_the_trace() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q", "");
    let any = r#"{"source": ["app"]}"#;
    rule(&root, "near", any, json!({ "Id": "1", "Arn": queue_arn("q") }));
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    for (said, told) in [(trace.to_owned(), trace), (format!("{trace};Lineage=a:1"), trace)] {
        let entry = json!({ "Source": "app", "DetailType": "order", "Detail": "{}", "TraceHeader": said });
        root.call("events", "PutEvents", json!({ "Entries": [entry] })).ok();
        cloud.reconcile();
        let ask = json!({ "QueueUrl": url, "AttributeNames": ["AWSTraceHeader"] });
        let got = root.call("sqs", "ReceiveMessage", ask).ok();
        assert_eq!(got["Messages"][0]["Attributes"], json!({ "AWSTraceHeader": told }));
    }
    send(&root, &json!({}));
    cloud.reconcile();
    let ask = json!({ "QueueUrl": url, "AttributeNames": ["AWSTraceHeader"] });
    let got = root.call("sqs", "ReceiveMessage", ask).ok();
    assert!(got["Messages"][0].get("Attributes").is_none(), "there was none");
}

#[test]
fn targets_get_what_their_transformers_make() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q", "");
    let any = r#"{"source": ["app"]}"#;
    let transformer = json!({ "InputPathsMap": { "who": "$.detail.who" }, "InputTemplate": "\"<who> by <aws.events.rule-name>\"" });
    rule(&root, "a", any, json!({ "Id": "1", "Arn": queue_arn("q"), "InputTransformer": transformer }));
    rule(&root, "b", any, json!({ "Id": "1", "Arn": queue_arn("q"), "InputPath": "$.detail" }));
    rule(&root, "c", any, json!({ "Id": "1", "Arn": queue_arn("q"), "Input": "{\"constant\": true}" }));
    send(&root, &json!({ "who": "eva" }));
    cloud.reconcile();
    let mut bodies: Vec<String> = received(&root, &url).into_iter().map(|(body, _)| body).collect();
    bodies.sort();
    assert_eq!(bodies, ["\"eva by a\"", "{\"constant\": true}", "{\"who\":\"eva\"}"]);
}

#[test]
fn entries_that_are_no_events_are_told_one_by_one() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let entries = json!([
        { "Source": "app", "DetailType": "t", "Detail": "{}" },
        { "DetailType": "t", "Detail": "{}" },
        { "Source": "app", "DetailType": "t", "Detail": "[1]" },
        { "Source": "aws.ec2", "DetailType": "t", "Detail": "{}" },
        { "Source": "app", "DetailType": "t", "Detail": "{}", "EventBusName": "no" },
    ]);
    let outcome = root.call("events", "PutEvents", json!({ "Entries": entries })).ok();
    assert_eq!(outcome["FailedEntryCount"], 4);
    let codes: Vec<_> =
        outcome["Entries"].as_array().unwrap().iter().map(|entry| entry["ErrorCode"].as_str()).collect();
    assert_eq!(
        codes,
        [
            None,
            Some("InvalidArgument"),
            Some("MalformedDetail"),
            Some("NotAuthorizedForSourceException"),
            Some("ResourceNotFoundException")
        ]
    );
    let of = |bytes: usize| json!({ "x": "y".repeat(bytes) }).to_string();
    let large = of(1 << 20);
    let large = json!({ "Entries": [{ "Source": "app", "DetailType": "t", "Detail": large }] });
    root.call("events", "PutEvents", large).refused(400, "ValidationException");
    let good = json!({ "Entries": [{ "Source": "app", "DetailType": "t", "Detail": of(1_000_000) }] });
    assert_eq!(root.call("events", "PutEvents", good).ok()["FailedEntryCount"], 0);
}

#[test]
fn what_a_target_refuses_goes_to_the_dead_letters() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let closed = queue(&root, "closed", "nobody");
    let dead = queue(&root, "dead", "");
    let target =
        json!({ "Id": "1", "Arn": queue_arn("closed"), "DeadLetterConfig": { "Arn": queue_arn("dead") } });
    rule(&root, "r", r#"{"source": ["app"]}"#, target);
    send(&root, &json!({ "n": 1 }));
    cloud.reconcile();
    assert!(received(&root, &closed).is_empty());
    let [(body, attributes)] = &received(&root, &dead)[..] else { panic!("not one message") };
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["detail"], json!({ "n": 1 }));
    let text = |name: &str| attributes[name]["StringValue"].as_str().unwrap().to_owned();
    assert_eq!(text("RULE_ARN"), format!("{ARN}:rule/r"));
    assert_eq!(text("TARGET_ARN"), queue_arn("closed"));
    assert_eq!((text("ERROR_CODE"), text("RETRY_ATTEMPTS")), ("NO_PERMISSIONS".into(), "0".into()));
    // A queue that is not there, and a role that is not EventBridge's.
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    let made = json!({ "RoleName": "other", "AssumeRolePolicyDocument": trust });
    let other = root.call("iam", "CreateRole", made).ok()["Role"]["Arn"].clone();
    for (target, code) in [
        (json!({ "Arn": queue_arn("none") }), "NO_RESOURCE"),
        (json!({ "Arn": queue_arn("closed"), "RoleArn": other }), "FAILED_TO_ASSUME_ROLE"),
    ] {
        let mut all = json!({ "Id": "1", "DeadLetterConfig": { "Arn": queue_arn("dead") } });
        all.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": [all] })).ok();
        send(&root, &json!({}));
        cloud.reconcile();
        let told = received(&root, &dead);
        assert_eq!((told.len(), told[0].1["ERROR_CODE"]["StringValue"].as_str()), (1, Some(code)));
    }
}

#[test]
fn schedules_come_due_by_the_clouds_clock() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q", "");
    root.call("events", "PutRule", json!({ "Name": "r", "ScheduleExpression": "rate(5 minutes)" })).ok();
    let target = json!({ "Id": "1", "Arn": queue_arn("q") });
    root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": [target] })).ok();
    let tick = |seconds: u64| {
        cloud.advance(Duration::from_secs(seconds));
        cloud.reconcile();
        cloud.reconcile();
        received(&root, &url)
    };
    assert!(tick(299).is_empty());
    let [(body, _)] = &tick(1)[..] else { panic!("not one message") };
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.events"), &json!("Scheduled Event")));
    assert_eq!(event["resources"], json!([format!("{ARN}:rule/r")]));
    assert_eq!((&event["time"], &event["detail"]), (&json!("2026-01-15T12:05:00Z"), &json!({})));
    // What was missed comes once.
    assert_eq!(tick(3_600).len(), 1);
    root.call("events", "DisableRule", json!({ "Name": "r" })).ok();
    assert!(tick(3_600).is_empty());
    root.call("events", "PutRule", json!({ "Name": "r", "ScheduleExpression": "cron(0 8 * * ? *)" })).ok();
    assert!(tick(3_600).is_empty());
    assert_eq!(tick(86_400).len(), 1);
}

#[test]
fn the_clouds_own_events_are_on_the_default_bus() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = queue(&root, "q", "");
    rule(
        &root,
        "r",
        r#"{"source": ["aws.ssm"], "detail": {"operation": ["Create"]}}"#,
        json!({ "Id": "1", "Arn": queue_arn("q") }),
    );
    root.call("ssm", "PutParameter", json!({ "Name": "/a", "Value": "x", "Type": "String" })).ok();
    cloud.reconcile();
    cloud.reconcile();
    let [(body, _)] = &received(&root, &url)[..] else { panic!("not one message") };
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!(event["detail-type"], "Parameter Store Change");
    assert_eq!(event["resources"], json!([format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/a")]));
    assert_eq!(event["detail"]["name"], "/a");
}

#[test]
fn topics_groups_and_buses_are_targets() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    // A topic whose policy lets the rule publish.
    let topic =
        root.call("sns", "CreateTopic", json!({ "Name": "t" })).ok()["TopicArn"].as_str().unwrap().to_owned();
    root.call(
        "sns",
        "Subscribe",
        json!({ "TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com" }),
    )
    .ok();
    let open = |service: &str, action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"{action}","Resource":"{resource}"}}]}}"#
        )
    };
    let policy = json!({
        "TopicArn": topic, "AttributeName": "Policy", "AttributeValue": open("events.amazonaws.com", "sns:Publish", &topic),
    });
    root.call("sns", "SetTopicAttributes", policy).ok();
    // A log group that the account's policy opens.
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": "/aws/events/all" })).ok();
    let group = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/all");
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"events.amazonaws.com"}},"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"{group}:*"}}]}}"#
    );
    root.call("logs", "PutResourcePolicy", json!({ "policyName": "p", "policyDocument": document })).ok();
    // Another bus, by a role, with a rule of its own.
    root.call("events", "CreateEventBus", json!({ "Name": "other" })).ok();
    let other = format!("{ARN}:event-bus/other");
    let url = queue(&root, "q", "other/");
    let on_other =
        json!({ "Name": "far", "EventBusName": "other", "EventPattern": r#"{"source": ["app"]}"# });
    root.call("events", "PutRule", on_other).ok();
    let far =
        json!({ "Rule": "far", "EventBusName": "other", "Targets": [{ "Id": "1", "Arn": queue_arn("q") }] });
    root.call("events", "PutTargets", far).ok();
    let trust = open("events.amazonaws.com", "sts:AssumeRole", "*").replace(r#","Resource":"*""#, "");
    let role = json!({ "RoleName": "forward", "AssumeRolePolicyDocument": trust });
    let role = root.call("iam", "CreateRole", role).ok()["Role"]["Arn"].as_str().unwrap().to_owned();
    let targets = json!([
        { "Id": "topic", "Arn": topic }, { "Id": "group", "Arn": group }, { "Id": "bus", "Arn": other, "RoleArn": role },
    ]);
    root.call("events", "PutRule", json!({ "Name": "r", "EventPattern": r#"{"source": ["app"]}"# })).ok();
    root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": targets })).ok();

    send(&root, &json!({ "n": 1 }));
    cloud.reconcile();
    cloud.reconcile();
    let logged = root.call("logs", "FilterLogEvents", json!({ "logGroupName": "/aws/events/all" })).ok();
    let message = logged["events"][0]["message"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(message).unwrap()["detail"], json!({ "n": 1 }));
    // Without a right the role sends nothing on.
    assert!(received(&root, &url).is_empty());
    let right = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"events:PutEvents","Resource":"{other}"}}]}}"#
    );
    let right = json!({ "RoleName": "forward", "PolicyName": "p", "PolicyDocument": right });
    root.call("iam", "PutRolePolicy", right).ok();
    send(&root, &json!({ "n": 2 }));
    (0..3).for_each(|_| cloud.reconcile());
    let [(body, _)] = &received(&root, &url)[..] else { panic!("not one message") };
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["detail"], json!({ "n": 2 }));
}
