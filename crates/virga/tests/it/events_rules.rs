//! EventBridge: buses, rules and targets as records, and who may.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:events:us-east-1:123456789012";

fn rule(root: &Caller<'_>, name: &str) {
    let rule = json!({ "Name": name, "EventPattern": r#"{"source": ["app"]}"# });
    root.call("events", "PutRule", rule).ok();
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["Name"].as_str().unwrap()).collect()
}

#[test]
fn buses_are_made_listed_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let default = root.call("events", "DescribeEventBus", json!({})).ok();
    assert_eq!(default, json!({ "Name": "default", "Arn": format!("{ARN}:event-bus/default") }));
    let made = root.call("events", "CreateEventBus", json!({ "Name": "app", "Description": "ours" })).ok();
    assert_eq!(made["EventBusArn"], format!("{ARN}:event-bus/app"));
    root.call("events", "CreateEventBus", json!({ "Name": "app" })).refused_with(
        400,
        "ResourceAlreadyExistsException",
        "Event bus app already exists.",
    );
    root.call("events", "CreateEventBus", json!({ "Name": "a/b" })).refused(400, "ValidationException");
    let listed = root.call("events", "ListEventBuses", json!({})).ok();
    assert_eq!(names(&listed["EventBuses"]), ["app", "default"]);
    let some = root.call("events", "ListEventBuses", json!({ "NamePrefix": "d" })).ok();
    assert_eq!(names(&some["EventBuses"]), ["default"]);
    root.call("events", "UpdateEventBus", json!({ "Description": "everyone's" })).ok();
    let listed = root.call("events", "ListEventBuses", json!({})).ok();
    assert_eq!(names(&listed["EventBuses"]), ["app", "default"]);

    let on_bus = json!({ "Name": "r", "EventPattern": r#"{"source": ["app"]}"#, "EventBusName": "app" });
    assert_eq!(root.call("events", "PutRule", on_bus).ok()["RuleArn"], format!("{ARN}:rule/app/r"));
    root.call("events", "DeleteEventBus", json!({ "Name": "app" })).refused(400, "ValidationException");
    root.call("events", "DeleteRule", json!({ "Name": "r", "EventBusName": "app" })).ok();
    root.call("events", "DeleteEventBus", json!({ "Name": "app" })).ok();
    root.call("events", "DeleteEventBus", json!({ "Name": "app" })).ok();
    root.call("events", "DeleteEventBus", json!({ "Name": "default" })).refused(400, "ValidationException");
    root.call("events", "DescribeEventBus", json!({ "Name": "app" })).refused_with(
        400,
        "ResourceNotFoundException",
        "Event bus app does not exist.",
    );
}

#[test]
fn rules_are_put_switched_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let given = json!({ "Name": "r", "ScheduleExpression": "rate(5 minutes)", "Description": "d", "State": "DISABLED" });
    root.call("events", "PutRule", given).ok();
    let described = root.call("events", "DescribeRule", json!({ "Name": "r" })).ok();
    assert_eq!(
        described,
        json!({
            "Name": "r", "Arn": format!("{ARN}:rule/r"), "ScheduleExpression": "rate(5 minutes)", "State": "DISABLED",
            "Description": "d", "EventBusName": "default", "CreatedBy": ACCOUNT,
        })
    );
    root.call("events", "EnableRule", json!({ "Name": "r" })).ok();
    // What is left out is gone.
    rule(&root, "r");
    let described = root.call("events", "DescribeRule", json!({ "Name": "r" })).ok();
    assert_eq!((&described["State"], described.get("Description")), (&json!("ENABLED"), None));
    root.call("events", "DisableRule", json!({ "Name": "r" })).ok();
    rule(&root, "s");
    let listed = root.call("events", "ListRules", json!({ "Limit": 1 })).ok();
    assert_eq!((names(&listed["Rules"]), &listed["Rules"][0]["State"]), (vec!["r"], &json!("DISABLED")));
    let rest = root.call("events", "ListRules", json!({ "NextToken": listed["NextToken"] })).ok();
    assert_eq!(names(&rest["Rules"]), ["s"]);
    root.call("events", "ListRules", json!({ "NextToken": "x" })).refused(400, "ValidationException");

    for (given, code) in [
        (json!({ "Name": "x" }), "ValidationException"),
        (json!({ "Name": "x", "ScheduleExpression": "rate(1 minutes)" }), "ValidationException"),
        (json!({ "Name": "x", "EventPattern": "{" }), "InvalidEventPatternException"),
        (json!({ "Name": "x", "EventPattern": r#"{"source": "app"}"# }), "InvalidEventPatternException"),
        (
            json!({ "Name": "x", "EventPattern": r#"{"source": ["a"]}"#, "EventBusName": "no" }),
            "ResourceNotFoundException",
        ),
        (
            json!({ "Name": "x", "EventPattern": r#"{"source": ["a"]}"#,
                "State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" }),
            "ValidationException",
        ),
    ] {
        root.call("events", "PutRule", given).refused(400, code);
    }
    root.call("events", "CreateEventBus", json!({ "Name": "app" })).ok();
    let scheduled = json!({ "Name": "x", "ScheduleExpression": "rate(1 minute)", "EventBusName": "app" });
    root.call("events", "PutRule", scheduled).refused_with(
        400,
        "ValidationException",
        "ScheduleExpression is supported only on the default event bus.",
    );
    root.call("events", "DescribeRule", json!({ "Name": "no" })).refused_with(
        400,
        "ResourceNotFoundException",
        "Rule no does not exist on EventBus default.",
    );
    root.call("events", "DeleteRule", json!({ "Name": "no" })).ok();
}

#[test]
fn targets_are_put_listed_and_removed() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    rule(&root, "r");
    rule(&root, "s");
    let queue = "arn:aws:sqs:us-east-1:123456789012:q";
    let target = json!({
        "Id": "1", "Arn": queue, "InputTransformer": { "InputPathsMap": { "a": "$.detail.a" }, "InputTemplate": "\"<a>\"" },
        "RetryPolicy": { "MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60 }, "DeadLetterConfig": { "Arn": queue },
    });
    let put = |targets: Value| root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": targets }));
    assert_eq!(put(json!([target])).ok(), json!({ "FailedEntryCount": 0, "FailedEntries": [] }));
    let unknown = json!({ "InputPathsMap": { "a": "$.detail.a" }, "InputTemplate": "\"<a> <b>\"" });
    put(json!([{ "Id": "1", "Arn": queue, "InputTransformer": unknown }])).refused_with(
        400,
        "ValidationException",
        "InputTemplate for target 1 contains invalid placeholder b.",
    );
    let listed = root.call("events", "ListTargetsByRule", json!({ "Rule": "r" })).ok();
    assert_eq!(listed["Targets"], json!([target]));
    let by = root.call("events", "ListRuleNamesByTarget", json!({ "TargetArn": queue })).ok();
    assert_eq!(by["RuleNames"], json!(["r"]));
    for bad in [
        json!({ "Id": "2", "Arn": "queue" }),
        json!({ "Id": "2", "Arn": "arn:aws:kinesis:us-east-1:123456789012:stream/s" }),
        json!({ "Id": "2", "Arn": queue, "Input": "{", }),
        json!({ "Id": "2", "Arn": queue, "Input": "{}", "InputPath": "$.a" }),
        json!({ "Id": "2", "Arn": queue, "InputPath": "a" }),
        json!({ "Id": "2", "Arn": format!("{queue}.fifo") }),
        json!({ "Id": "2", "Arn": queue, "SqsParameters": { "MessageGroupId": "g" } }),
        json!({ "Id": "2", "Arn": queue, "DeadLetterConfig": { "Arn": "arn:aws:sns:us-east-1:123456789012:t" } }),
        json!({ "Id": "2", "Arn": format!("{ARN}:event-bus/other") }),
    ] {
        put(json!([bad])).refused(400, "ValidationException");
    }
    let five: Vec<Value> = (2..7).map(|n| json!({ "Id": n.to_string(), "Arn": queue })).collect();
    put(json!(five)).refused(400, "LimitExceededException");
    root.call("events", "DeleteRule", json!({ "Name": "r" })).refused_with(
        400,
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    );
    let removed = json!({ "Rule": "r", "Ids": ["1", "9"] });
    let removed = root.call("events", "RemoveTargets", removed).ok();
    assert_eq!(removed["FailedEntryCount"], 1);
    assert_eq!(removed["FailedEntries"][0]["TargetId"], "9");
    root.call("events", "DeleteRule", json!({ "Name": "r" })).ok();
}

#[test]
fn patterns_can_be_tried() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let event = r#"{"id":"1","account":"1","source":"app","time":"2026-01-01T00:00:00Z","region":"r","resources":[],"detail-type":"t","detail":{"n":5}}"#;
    let test = |pattern: &str, event: &str| {
        root.call("events", "TestEventPattern", json!({ "EventPattern": pattern, "Event": event }))
    };
    assert_eq!(test(r#"{"detail": {"n": [{"numeric": [">", 3]}]}}"#, event).ok()["Result"], true);
    assert_eq!(test(r#"{"source": [{"anything-but": "app"}]}"#, event).ok()["Result"], false);
    test(r#"{"source": "app"}"#, event).refused(400, "InvalidEventPatternException");
    test(r#"{"source": ["app"]}"#, "{}").refused(400, "ValidationException");
}

#[test]
fn policies_name_buses_rules_targets_and_roles() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    rule(&root, "mine");
    rule(&root, "other");
    let queue = "arn:aws:sqs:us-east-1:123456789012:q";
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":"events:PutTargets","Resource":"{ARN}:rule/mine",
              "Condition":{{"ForAllValues:StringEquals":{{"events:TargetArn":"{queue}"}}}}}},
            {{"Effect":"Allow","Action":"events:PutEvents","Resource":"*","Condition":{{"StringEquals":{{"events:source":"app"}}}}}}]}}"#
    );
    let eva = cloud.user(&root, "eva", &policy);
    let put = |rule: &str, target: Value| {
        eva.call("events", "PutTargets", json!({ "Rule": rule, "Targets": [target] }))
    };
    put("mine", json!({ "Id": "1", "Arn": queue })).ok();
    put("other", json!({ "Id": "1", "Arn": queue })).refused(400, "AccessDeniedException");
    put("mine", json!({ "Id": "1", "Arn": format!("{queue}2") })).refused(400, "AccessDeniedException");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/r");
    let said = put("mine", json!({ "Id": "1", "Arn": queue, "RoleArn": role }))
        .refused(400, "AccessDeniedException");
    assert!(said.contains("iam:PassRole"), "{said}");
    let event = |source: &str| {
        let entry = json!({ "Source": source, "DetailType": "t", "Detail": "{}" });
        eva.call("events", "PutEvents", json!({ "Entries": [entry] }))
    };
    event("app").ok();
    event("web").refused(400, "AccessDeniedException");
    let makes = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"events:PutRule","Resource":"*","Condition":{
        "ForAllValues:StringEquals":{"events:source":["app"]},"Null":{"events:source":"false"},"StringLike":{"events:detail-type":"order *"}}}}"#;
    let ben = cloud.user(&root, "ben", makes);
    let make = |pattern: Value| {
        ben.call("events", "PutRule", json!({ "Name": "his", "EventPattern": pattern.to_string() }))
    };
    make(json!({ "source": ["app"], "detail-type": ["order placed"] })).ok();
    for pattern in [
        json!({ "source": ["app", "web"], "detail-type": ["order placed"] }),
        json!({ "source": ["app"], "detail-type": ["invoice"] }),
        json!({ "detail-type": ["order placed"] }),
    ] {
        make(pattern).refused(400, "AccessDeniedException");
    }
}

#[test]
fn a_bus_lets_others_send_as_its_policy_says() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stranger = cloud.root("210987654321");
    let entry = json!({ "Entries": [{
        "Source": "app", "DetailType": "t", "Detail": "{}", "EventBusName": format!("{ARN}:event-bus/default"),
    }] });
    stranger.call("events", "PutEvents", entry.clone()).refused(400, "AccessDeniedException");
    let permission = json!({ "Action": "events:PutEvents", "Principal": "210987654321", "StatementId": "s" });
    root.call("events", "PutPermission", permission).ok();
    assert_eq!(stranger.call("events", "PutEvents", entry.clone()).ok()["FailedEntryCount"], 0);
    let described = root.call("events", "DescribeEventBus", json!({})).ok();
    assert!(described["Policy"].as_str().unwrap().contains("\"Sid\":\"s\""), "{described}");
    root.call("events", "RemovePermission", json!({ "StatementId": "no" }))
        .refused(400, "ResourceNotFoundException");
    root.call("events", "RemovePermission", json!({ "StatementId": "s" })).ok();
    stranger.call("events", "PutEvents", entry).refused(400, "AccessDeniedException");
    root.call("events", "PutPermission", json!({ "Policy": "{}" })).refused(400, "ValidationException");
    root.call("events", "PutPermission", json!({ "StatementId": "x" })).refused(400, "ValidationException");
}

#[test]
fn buses_and_rules_have_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    rule(&root, "r");
    for arn in [format!("{ARN}:rule/r"), format!("{ARN}:event-bus/default")] {
        let tags = json!([{ "Key": "team", "Value": "a" }, { "Key": "cost", "Value": "1" }]);
        root.call("events", "TagResource", json!({ "ResourceARN": arn, "Tags": tags })).ok();
        root.call("events", "UntagResource", json!({ "ResourceARN": arn, "TagKeys": ["cost"] })).ok();
        let listed = root.call("events", "ListTagsForResource", json!({ "ResourceARN": arn })).ok();
        assert_eq!(listed["Tags"], json!([{ "Key": "team", "Value": "a" }]));
    }
    let missing = json!({ "ResourceARN": format!("{ARN}:rule/no") });
    root.call("events", "ListTagsForResource", missing).refused(400, "ResourceNotFoundException");
    root.call("events", "ListTagsForResource", json!({ "ResourceARN": "rule" }))
        .refused(400, "ValidationException");
}
