//! LookupEvents: what was called, by whom, in CloudTrail's words.

use crate::harness::{Caller, Cloud, START};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn lookup(caller: &Caller<'_>, parameters: Value) -> Value {
    caller.call("cloudtrail", "LookupEvents", parameters).ok()
}

fn by(key: &str, value: &str) -> Value {
    json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]})
}

fn names(answer: &Value) -> Vec<&str> {
    answer["Events"].as_array().unwrap().iter().map(|event| event["EventName"].as_str().unwrap()).collect()
}

fn record(event: &Value) -> Value {
    serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap()
}

/// An event's record, without what differs from call to call.
fn settled(event: &Value) -> Value {
    let mut record = record(event);
    for (name, length) in [("eventID", 36), ("requestID", 36)] {
        let id = record.as_object_mut().unwrap().remove(name).unwrap();
        assert_eq!(id.as_str().unwrap().len(), length, "{name}");
    }
    record
}

#[test]
fn a_change_is_on_record_in_full() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let user = root.call("iam", "CreateUser", json!({"UserName": "eva", "Path": "/team/"})).ok();
    let answer = lookup(&root, by("EventName", "CreateUser"));
    assert_eq!(names(&answer), ["CreateUser"]);
    let event = &answer["Events"][0];
    assert_eq!(event["EventSource"], "iam.amazonaws.com");
    assert_eq!(event["ReadOnly"], "false");
    assert_eq!(event["Username"], "root");
    assert_eq!(event["AccessKeyId"], ACCOUNT);
    assert_eq!(event["EventTime"].as_f64().unwrap() as i64, START.seconds());
    assert_eq!(event["Resources"], json!([{"ResourceType": "AWS::IAM::User", "ResourceName": "eva"}]));
    assert_eq!(record(event)["eventID"], event["EventId"]);
    let mut record = settled(event);
    let made = record["responseElements"]["user"].take();
    assert_eq!((&made["userName"], &made["arn"]), (&json!("eva"), &user["User"]["Arn"]));
    assert_eq!(
        record,
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "Root",
                "principalId": ACCOUNT,
                "arn": "arn:aws:iam::123456789012:root",
                "accountId": ACCOUNT,
                "accessKeyId": ACCOUNT,
            },
            "eventTime": "2026-01-15T12:00:00Z",
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateUser",
            "awsRegion": "us-east-1",
            "sourceIPAddress": "127.0.0.1",
            "userAgent": "it/1",
            "requestParameters": {"userName": "eva", "path": "/team/"},
            "responseElements": {"user": null},
            "readOnly": false,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        })
    );
}

#[test]
fn reads_refusals_and_mistakes_are_on_record() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("sts", "GetCallerIdentity", json!({})).ok();
    root.call("iam", "GetUser", json!({"UserName": "nobody"})).refused(404, "NoSuchEntity");
    root.call("iam", "DeleteUser", json!({"UserName": "nobody"})).refused(404, "NoSuchEntity");
    root.call("iam", "CreateUser", json!({"UserName": "a b"})).refused(400, "ValidationError");
    let eva = cloud.user(&root, "eva", "");
    eva.call("iam", "DeleteUser", json!({"UserName": "x"})).refused(403, "AccessDenied");
    let expected = [
        ("GetCallerIdentity", true, Value::Null),
        ("GetUser", true, json!("NoSuchEntityException")),
        ("DeleteUser", false, json!("AccessDenied")),
        ("DeleteUser", false, json!("NoSuchEntityException")),
        ("CreateUser", false, Value::Null),
        ("CreateUser", false, json!("ValidationError")),
    ];
    let all = lookup(&root, json!({}));
    for (name, read_only, code) in expected {
        let records: Vec<_> = all["Events"].as_array().unwrap().iter().map(record).collect();
        let found = records.iter().find(|r| r["eventName"] == name && r["errorCode"] == code);
        let found = found.unwrap_or_else(|| panic!("{name} {code}"));
        assert_eq!(found["readOnly"], read_only, "{name}");
        if !code.is_null() {
            assert_eq!(found["responseElements"], Value::Null, "{name}");
            assert_ne!(found["errorMessage"], "", "{name}");
        }
    }
    let denied = lookup(&root, by("Username", "eva"));
    let identity = &record(&denied["Events"][0])["userIdentity"];
    assert_eq!((&identity["type"], &identity["userName"]), (&json!("IAMUser"), &json!("eva")));
}

#[test]
fn every_attribute_finds_its_events() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(
        &root,
        "eva",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#,
    );
    eva.call("iam", "CreateGroup", json!({"GroupName": "ops"})).ok();
    eva.call("iam", "ListUsers", json!({})).ok();
    root.call("sts", "GetCallerIdentity", json!({})).ok();
    let id =
        lookup(&root, by("EventName", "CreateGroup"))["Events"][0]["EventId"].as_str().unwrap().to_owned();
    let group = format!("arn:aws:iam::{ACCOUNT}:group/ops");
    for (key, value, expected) in [
        ("EventId", id.as_str(), &["CreateGroup"][..]),
        ("EventName", "ListUsers", &["ListUsers"]),
        ("Username", "eva", &["ListUsers", "CreateGroup"]),
        ("AccessKeyId", &eva.access_key, &["ListUsers", "CreateGroup"]),
        ("ResourceType", "AWS::IAM::Group", &["CreateGroup"]),
        ("ResourceName", "ops", &["CreateGroup"]),
        ("ResourceName", &group, &["CreateGroup"]),
        ("ResourceName", "eva", &["CreateAccessKey", "PutUserPolicy", "CreateUser"]),
        ("EventSource", "sts.amazonaws.com", &["GetCallerIdentity"]),
        ("ReadOnly", "false", &["CreateGroup", "CreateAccessKey", "PutUserPolicy", "CreateUser"]),
        ("EventName", "createuser", &[]),
    ] {
        assert_eq!(names(&lookup(&root, by(key, value))), expected, "{key} {value}");
    }
}

#[test]
fn newest_first_whatever_the_clock_does_and_before_and_after_the_flush() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let mut expected = Vec::new();
    for (step, millis) in [0, 0, 400, 900, 0, 86_400_000, 1, 5_000].into_iter().enumerate() {
        cloud.advance(Duration::from_millis(millis));
        // Writes have blocks of their own; reads share some.
        let (operation, parameters) = if step % 2 == 0 {
            ("CreateGroup", json!({"GroupName": format!("g{step}")}))
        } else {
            ("ListGroups", json!({}))
        };
        root.call("iam", operation, parameters).ok();
        expected.insert(0, operation);
        if step == 3 {
            cloud.reconcile();
        }
    }
    let wanted =
        json!({"LookupAttributes": [{"AttributeKey": "EventSource", "AttributeValue": "iam.amazonaws.com"}]});
    assert_eq!(names(&lookup(&root, wanted.clone())), expected);
    cloud.reconcile();
    assert_eq!(names(&lookup(&root, wanted)), expected);
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for number in 0..7 {
        root.call("iam", "CreateGroup", json!({"GroupName": format!("g{number}")})).ok();
    }
    let mut parameters = by("EventName", "CreateGroup");
    parameters["MaxResults"] = 3.into();
    let mut seen = Vec::new();
    for expected in [3, 3, 1] {
        let page = lookup(&root, parameters.clone());
        assert_eq!(page["Events"].as_array().unwrap().len(), expected);
        seen.extend(
            page["Events"].as_array().unwrap().iter().map(|e| e["Resources"][0]["ResourceName"].clone()),
        );
        match page.get("NextToken") {
            Some(token) => parameters["NextToken"] = token.clone(),
            None => assert_eq!(expected, 1),
        }
    }
    assert_eq!(seen, ["g6", "g5", "g4", "g3", "g2", "g1", "g0"]);
}

#[test]
fn spans_are_inclusive_and_end_after_ninety_days() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("iam", "CreateGroup", json!({"GroupName": "old"})).ok();
    cloud.advance(Duration::from_secs(60));
    root.call("iam", "DeleteGroup", json!({"GroupName": "old"})).ok();
    let at = START.seconds();
    let span = |start: i64, end: i64| names_of(&lookup(&root, json!({"StartTime": start, "EndTime": end})));
    assert_eq!(span(at, at), ["CreateGroup"]);
    assert_eq!(span(at + 60, at + 60)[..1], ["LookupEvents"]);
    assert!(span(at + 1, at + 59).is_empty());
    assert_eq!(span(at, at + 60).last().unwrap(), "CreateGroup");
    cloud.advance(Duration::from_secs(90 * 86_400 - 30));
    let all = lookup(&root, json!({}));
    assert!(names(&all).contains(&"DeleteGroup") && !names(&all).contains(&"CreateGroup"));
    cloud.advance(Duration::from_secs(3_600));
    cloud.reconcile();
    assert!(!names(&lookup(&root, json!({}))).contains(&"DeleteGroup"));
}

fn names_of(answer: &Value) -> Vec<String> {
    names(answer).into_iter().map(str::to_owned).collect()
}

#[test]
fn global_services_are_in_one_region_and_others_in_theirs() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let west = root.in_region("eu-west-1");
    west.call("iam", "CreateGroup", json!({"GroupName": "ops"})).ok();
    lookup(&west, json!({}));
    assert_eq!(names(&lookup(&west, json!({}))), ["LookupEvents"]);
    assert_eq!(names(&lookup(&root, json!({}))), ["CreateGroup"]);
    // Nobody sees another account's events.
    assert!(names(&lookup(&cloud.root("210987654321"), json!({}))).is_empty());
}

#[test]
fn what_is_wrong_is_named() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refused = |parameters: Value, code: &str, message: &str| {
        root.call("cloudtrail", "LookupEvents", parameters).refused_with(400, code, message);
    };
    refused(
        json!({"StartTime": 2, "EndTime": 1}),
        "InvalidTimeRangeException",
        "The start time must not be after the end time.",
    );
    let one = json!({"AttributeKey": "EventName", "AttributeValue": "x"});
    refused(
        json!({"LookupAttributes": [one, one]}),
        "InvalidLookupAttributesException",
        "The list of lookup attributes can contain only one item.",
    );
    let mut insight = by("Username", "eva");
    insight["EventCategory"] = "insight".into();
    refused(insight, "InvalidLookupAttributesException", "Insights events cannot be looked up by Username.");
    for max in [0, 51] {
        refused(
            json!({"MaxResults": max}),
            "InvalidMaxResultsException",
            &format!("A max results value of {max} is invalid. Specify max results between 1 and 50."),
        );
    }
    refused(
        json!({"NextToken": "AAAA"}),
        "InvalidNextTokenException",
        "The next token is invalid, or belongs to a lookup with other parameters.",
    );
    assert_eq!(lookup(&root, json!({"EventCategory": "insight"})), json!({"Events": []}));
}

#[test]
fn it_needs_its_permission() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", "");
    let message = eva.call("cloudtrail", "LookupEvents", json!({})).refused(400, "AccessDeniedException");
    assert!(
        message.ends_with("because no identity-based policy allows the cloudtrail:LookupEvents action"),
        "{message}"
    );
    let record = record(&lookup(&root, by("Username", "eva"))["Events"][0]);
    assert_eq!(record["errorCode"], "AccessDenied");
}
