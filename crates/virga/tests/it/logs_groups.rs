//! CloudWatch Logs: groups, streams, tags, policies.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn group(root: &Caller<'_>, name: &str) {
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": name })).ok();
}

fn names(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn groups_are_made_listed_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made =
        json!({ "logGroupName": "/app/web", "tags": { "team": "a" }, "logGroupClass": "INFREQUENT_ACCESS" });
    root.call("logs", "CreateLogGroup", made.clone()).ok();
    root.call("logs", "CreateLogGroup", made).refused_with(
        400,
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    );
    group(&root, "/app/api");
    group(&root, "other");
    let all = root.call("logs", "DescribeLogGroups", json!({})).ok();
    assert_eq!(names(&all["logGroups"], "logGroupName"), ["/app/api", "/app/web", "other"]);
    let web = &all["logGroups"][1];
    assert_eq!(web["arn"], "arn:aws:logs:us-east-1:123456789012:log-group:/app/web:*");
    assert_eq!(web["logGroupArn"], "arn:aws:logs:us-east-1:123456789012:log-group:/app/web");
    assert_eq!(web["logGroupClass"], "INFREQUENT_ACCESS");
    assert_eq!(web["creationTime"], 1_768_478_400_000_i64);
    assert_eq!(web["storedBytes"], 0);
    assert!(web.get("retentionInDays").is_none());

    let asked = |parameters: Value| {
        names(&root.call("logs", "DescribeLogGroups", parameters).ok()["logGroups"], "logGroupName")
    };
    assert_eq!(asked(json!({ "logGroupNamePrefix": "/app/w" })), ["/app/web"]);
    assert_eq!(asked(json!({ "logGroupNamePattern": "APP" })), ["/app/api", "/app/web"]);
    assert_eq!(asked(json!({ "logGroupClass": "STANDARD" })), ["/app/api", "other"]);
    assert_eq!(asked(json!({ "logGroupIdentifiers": ["other", "missing"] })), ["other"]);
    let both = json!({ "logGroupNamePrefix": "a", "logGroupNamePattern": "b" });
    root.call("logs", "DescribeLogGroups", both).refused_with(
        400,
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
    );

    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "other" })).ok();
    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "other" })).refused_with(
        400,
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    );
    assert_eq!(asked(json!({})), ["/app/api", "/app/web"]);
    let elsewhere = root.in_region("eu-west-1").call("logs", "DescribeLogGroups", json!({})).ok();
    assert_eq!(elsewhere["logGroups"], json!([]));
}

#[test]
fn lists_come_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    (0..7).for_each(|n| group(&root, &format!("g{n}")));
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let mut asked = json!({ "limit": 3 });
        if let Some(token) = token {
            asked["nextToken"] = token;
        }
        let page = root.call("logs", "DescribeLogGroups", asked).ok();
        seen.extend(names(&page["logGroups"], "logGroupName"));
        token = page.get("nextToken").cloned();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["g0", "g1", "g2", "g3", "g4", "g5", "g6"]);
    let bad = json!({ "nextToken": "made up" });
    root.call("logs", "DescribeLogGroups", bad).refused_with(
        400,
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    );
    ["/app/web", "/app/api", "my/app"].iter().for_each(|name| group(&root, name));
    for (pattern, expected) in [
        ("/app", vec!["/app/api", "/app/web", "my/app"]),
        ("^/app", vec!["/app/api", "/app/web"]),
        ("^/app/w|app/api|nothing", vec!["/app/api", "/app/web"]),
    ] {
        let listed = root.call("logs", "ListLogGroups", json!({ "logGroupNamePattern": pattern })).ok();
        assert_eq!(names(&listed["logGroups"], "logGroupName"), expected, "{pattern}");
    }
}

#[test]
fn protection_and_retention() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "g");
    let protect = |enabled: bool| {
        let asked = json!({ "logGroupIdentifier": "g", "deletionProtectionEnabled": enabled });
        root.call("logs", "PutLogGroupDeletionProtection", asked).ok();
    };
    protect(true);
    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "g" })).refused(400, "ValidationException");
    protect(false);

    let days = |days: i64| json!({ "logGroupName": "g", "retentionInDays": days });
    root.call("logs", "PutRetentionPolicy", days(7)).ok();
    let message = root.call("logs", "PutRetentionPolicy", days(8)).refused(400, "InvalidParameterException");
    assert!(message.starts_with("1 validation error detected: Value '8' at 'retentionInDays'"), "{message}");
    let shown = || root.call("logs", "DescribeLogGroups", json!({})).ok()["logGroups"][0].clone();
    assert_eq!(shown()["retentionInDays"], 7);
    root.call("logs", "DeleteRetentionPolicy", json!({ "logGroupName": "g" })).ok();
    assert!(shown().get("retentionInDays").is_none());
    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "g" })).ok();
}

#[test]
fn streams() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "g");
    let stream = |name: &str| json!({ "logGroupName": "g", "logStreamName": name });
    for name in ["b", "a/1", "a/2"] {
        root.call("logs", "CreateLogStream", stream(name)).ok();
    }
    root.call("logs", "CreateLogStream", stream("b")).refused_with(
        400,
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    );
    let missing = json!({ "logGroupName": "none", "logStreamName": "s" });
    root.call("logs", "CreateLogStream", missing).refused(400, "ResourceNotFoundException");
    let colon = root.call("logs", "CreateLogStream", stream("a:b"));
    colon.refused(400, "InvalidParameterException");

    let put = |name: &str, at: i64| {
        let events = json!([{ "timestamp": 1_768_478_400_000_i64 + at, "message": "m" }]);
        let asked = json!({ "logGroupName": "g", "logStreamName": name, "logEvents": events });
        root.call("logs", "PutLogEvents", asked).ok();
    };
    put("a/1", 5);
    put("b", 3);
    let asked = |parameters: Value| {
        let mut all = json!({ "logGroupName": "g" });
        all.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        root.call("logs", "DescribeLogStreams", all)
    };
    let list = |parameters: Value| names(&asked(parameters).ok()["logStreams"], "logStreamName");
    assert_eq!(list(json!({})), ["a/1", "a/2", "b"]);
    assert_eq!(list(json!({ "descending": true })), ["b", "a/2", "a/1"]);
    assert_eq!(list(json!({ "logStreamNamePrefix": "a/" })), ["a/1", "a/2"]);
    let by_event = json!({ "orderBy": "LastEventTime", "descending": true });
    assert_eq!(list(by_event.clone()), ["a/1", "b", "a/2"]);
    let first = asked(json!({ "orderBy": "LastEventTime", "descending": true, "limit": 2 })).ok();
    assert_eq!(names(&first["logStreams"], "logStreamName"), ["a/1", "b"]);
    let next = json!({ "orderBy": "LastEventTime", "descending": true, "nextToken": first["nextToken"] });
    assert_eq!(list(next), ["a/2"]);
    asked(json!({ "orderBy": "LastEventTime", "logStreamNamePrefix": "a" })).refused_with(
        400,
        "InvalidParameterException",
        "Cannot order by LastEventTime with a logStreamNamePrefix.",
    );
    let shown = &asked(json!({})).ok()["logStreams"][0];
    assert_eq!(shown["arn"], "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:a/1");
    assert_eq!(shown["firstEventTimestamp"], 1_768_478_400_005_i64);
    assert_eq!(shown["lastEventTimestamp"], 1_768_478_400_005_i64);

    root.call("logs", "DeleteLogStream", stream("b")).ok();
    root.call("logs", "DeleteLogStream", stream("b")).refused_with(
        400,
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    );
}

#[test]
fn tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "g");
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:g";
    root.call("logs", "TagLogGroup", json!({ "logGroupName": "g", "tags": { "a": "1" } })).ok();
    root.call("logs", "TagResource", json!({ "resourceArn": arn, "tags": { "b": "2" } })).ok();
    let listed =
        || root.call("logs", "ListTagsForResource", json!({ "resourceArn": arn })).ok()["tags"].clone();
    assert_eq!(listed(), json!({ "a": "1", "b": "2" }));
    root.call("logs", "UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] })).ok();
    root.call("logs", "UntagLogGroup", json!({ "logGroupName": "g", "tags": ["b"] })).ok();
    let old = root.call("logs", "ListTagsLogGroup", json!({ "logGroupName": "g" })).ok();
    assert_eq!(old["tags"], json!({}));
    let many: serde_json::Map<_, _> = (0..50).map(|n| (format!("k{n}"), json!("v"))).collect();
    root.call("logs", "TagResource", json!({ "resourceArn": arn, "tags": many })).ok();
    let one_more = json!({ "resourceArn": arn, "tags": { "more": "v" } });
    root.call("logs", "TagResource", one_more).refused(400, "TooManyTagsException");
    let missing = json!({ "resourceArn": format!("{arn}x") });
    root.call("logs", "ListTagsForResource", missing).refused(400, "ResourceNotFoundException");
}

#[test]
fn who_may_is_decided_by_group_stream_and_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for name in ["mine", "theirs"] {
        let tags = json!({ "owner": name });
        root.call("logs", "CreateLogGroup", json!({ "logGroupName": name, "tags": tags })).ok();
        root.call("logs", "CreateLogStream", json!({ "logGroupName": name, "logStreamName": "s" })).ok();
    }
    let by_arn = cloud.user(
        &root,
        "by-arn",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:*",
            "Resource":"arn:aws:logs:us-east-1:123456789012:log-group:mine:*"}}"#,
    );
    let by_tag = cloud.user(
        &root,
        "by-tag",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*",
            "Condition":{"StringEquals":{"aws:ResourceTag/owner":"mine"}}}}"#,
    );
    for user in [&by_arn, &by_tag] {
        for (operation, member) in [("DescribeLogStreams", None), ("GetLogEvents", Some("s"))] {
            let asked = |group: &str| {
                let mut asked = json!({ "logGroupName": group });
                if let Some(stream) = member {
                    asked["logStreamName"] = stream.into();
                }
                user.call("logs", operation, asked)
            };
            asked("mine").ok();
            let message = asked("theirs").refused(400, "AccessDeniedException");
            let stream = member.unwrap_or_default();
            let resource =
                format!("arn:aws:logs:us-east-1:123456789012:log-group:theirs:log-stream:{stream}");
            assert!(message.contains(&format!("logs:{operation} on resource: {resource}")), "{message}");
        }
    }
}

#[test]
fn resource_policies_let_services_in() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "dns");
    root.call("logs", "CreateLogStream", json!({ "logGroupName": "dns", "logStreamName": "s" })).ok();
    let put = || {
        let account = base::AccountId::parse(ACCOUNT).unwrap();
        let mut tx = cloud.cloud.store().begin();
        let event = [("timestamp", wire::Value::Int(1_768_478_400_000)), ("message", wire::Value::str("m"))];
        let members = [
            ("logGroupName", wire::Value::str("dns")),
            ("logStreamName", wire::Value::str("s")),
            ("logEvents", wire::Value::List(vec![wire::Value::Struct(event.into_iter().collect())])),
        ];
        let value = wire::Value::Struct(members.into_iter().collect());
        let call = kernel::Call { service: "logs", operation: "PutLogEvents", value };
        let outcome =
            cloud.cloud.call(&mut tx, "route53.amazonaws.com", account, base::Region::US_EAST_1, call);
        outcome.map(|_| ()).map_err(|fault| fault.code)
    };
    let policy = |service: &str| {
        let document = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": service }, "Action": "logs:PutLogEvents",
            "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:dns:*" }] });
        json!({ "policyName": "p", "policyDocument": document.to_string() })
    };
    root.call("logs", "PutResourcePolicy", policy("es.amazonaws.com")).ok();
    assert_eq!(put(), Err("AccessDeniedException".to_owned()));
    root.call("logs", "PutResourcePolicy", policy("route53.amazonaws.com")).ok();
    assert_eq!(put(), Ok(()));
    let listed = root.call("logs", "DescribeResourcePolicies", json!({})).ok();
    assert_eq!(names(&listed["resourcePolicies"], "policyName"), ["p"]);
    // It is told in AWS's order, which is not the one in which it was put.
    let told = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"route53.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"arn:aws:logs:us-east-1:123456789012:log-group:dns:*"}]}"#;
    assert_eq!(listed["resourcePolicies"][0]["policyDocument"], told);
    let malformed = json!({ "policyName": "p", "policyDocument": "{}" });
    root.call("logs", "PutResourcePolicy", malformed).refused(400, "InvalidParameterException");
    root.call("logs", "DeleteResourcePolicy", json!({ "policyName": "p" })).ok();
    root.call("logs", "DeleteResourcePolicy", json!({ "policyName": "p" })).refused_with(
        400,
        "ResourceNotFoundException",
        "Policy with name [p] does not exist.",
    );
    cloud.advance(Duration::from_secs(1));
}
