//! Account policies: what comes into any group of an account goes on to a function.

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::create;
use crate::logs_subscriptions::{deliver, waiting};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const NOW: i64 = 1_768_478_400_000;
const KIND: &str = "SUBSCRIPTION_FILTER_POLICY";

pub(crate) fn document(pattern: &str) -> String {
    json!({ "DestinationArn": FUNCTION, "FilterPattern": pattern, "Distribution": "Random" }).to_string()
}

fn policy(caller: &Caller<'_>, more: Value) -> Reply {
    let mut all =
        json!({ "policyName": "p", "policyType": KIND, "scope": "ALL", "policyDocument": document("ERROR") });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("logs", "PutAccountPolicy", all)
}

pub(crate) fn let_in(root: &Caller<'_>) {
    let permission = json!({
        "FunctionName": "f", "StatementId": "logs", "Action": "lambda:InvokeFunction", "SourceAccount": ACCOUNT,
        "Principal": "logs.amazonaws.com", "SourceArn": "arn:aws:logs:us-east-1:123456789012:log-group:*",
    });
    root.call("lambda", "AddPermission", permission).ok();
}

fn put(root: &Caller<'_>, group: &str, message: &str) {
    let _ = root.call("logs", "CreateLogGroup", json!({ "logGroupName": group }));
    let _ = root.call("logs", "CreateLogStream", json!({ "logGroupName": group, "logStreamName": "s" }));
    let events = json!([{ "timestamp": NOW, "message": message }]);
    let put = json!({ "logGroupName": group, "logStreamName": "s", "logEvents": events });
    root.call("logs", "PutLogEvents", put).ok();
}

fn told(cloud: &Cloud) -> Vec<(Value, Value, Value)> {
    let all = waiting(cloud).into_iter().filter(|one| one["messageType"] == "DATA_MESSAGE");
    let one = |one: Value| {
        (one["logGroup"].clone(), one["logEvents"][0]["message"].clone(), one["policyLevel"].clone())
    };
    all.map(one).collect()
}

#[test]
fn what_comes_into_any_group_goes_to_the_function() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    policy(&root, json!({})).refused(400, "InvalidParameterException");
    let_in(&root);
    let criteria = r#"LogGroupName NOT IN ["quiet"]"#;
    let made = policy(&root, json!({ "selectionCriteria": criteria })).ok()["accountPolicy"].clone();
    let expected = json!({
        "policyName": "p", "policyType": KIND, "scope": "ALL", "policyDocument": document("ERROR"),
        "selectionCriteria": criteria, "accountId": ACCOUNT, "lastUpdatedTime": NOW,
    });
    assert_eq!(made, expected);
    let asked = json!({ "policyType": KIND });
    let described = root.call("logs", "DescribeAccountPolicies", asked.clone()).ok();
    assert_eq!(described["accountPolicies"], json!([expected]));
    put(&root, "a", "ERROR one");
    put(&root, "a", "fine");
    put(&root, "b", "ERROR two");
    put(&root, "quiet", "ERROR three");
    deliver(&cloud);
    let level = json!("ACCOUNT_LEVEL_POLICY");
    let both = [(json!("a"), json!("ERROR one"), level.clone()), (json!("b"), json!("ERROR two"), level)];
    assert_eq!(told(&cloud), both);
    // Another region has its own.
    let elsewhere = root.in_region("eu-west-1").call("logs", "DescribeAccountPolicies", asked.clone()).ok();
    assert_eq!(elsewhere["accountPolicies"], json!([]));
    root.call("logs", "DeleteAccountPolicy", json!({ "policyName": "p", "policyType": KIND })).ok();
    put(&root, "a", "ERROR four");
    deliver(&cloud);
    assert_eq!(told(&cloud), both);
    assert_eq!(root.call("logs", "DescribeAccountPolicies", asked).ok()["accountPolicies"], json!([]));
}

#[test]
fn policies_that_cannot_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let_in(&root);
    policy(&root, json!({ "policyDocument": "{}" })).refused(400, "InvalidParameterException");
    policy(&root, json!({ "selectionCriteria": "LogGroupName IN []" }))
        .refused(400, "InvalidParameterException");
    policy(&root, json!({ "policyType": "DATA_PROTECTION_POLICY" })).refused(501, "NotImplemented");
    let kinesis = document("").replace("lambda", "kinesis");
    policy(&root, json!({ "policyDocument": kinesis })).refused(501, "NotImplemented");
    policy(&root, json!({})).ok();
    // The same again is a change, another one is one too many.
    policy(&root, json!({ "policyDocument": document("WARN") })).ok();
    policy(&root, json!({ "policyName": "q" })).refused(400, "LimitExceededException");
    let gone = json!({ "policyName": "q", "policyType": KIND });
    root.call("logs", "DeleteAccountPolicy", gone.clone()).refused(400, "ResourceNotFoundException");
    root.call("logs", "DescribeAccountPolicies", gone).refused(400, "ResourceNotFoundException");
    let allow = |actions: Value| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
            .to_string()
    };
    let half = cloud.user(&root, "half", &allow(json!(["logs:PutAccountPolicy"])));
    let words = policy(&half, json!({})).refused(400, "AccessDeniedException");
    assert!(words.contains("logs:PutSubscriptionFilter"), "{words}");
    let both = allow(json!(["logs:PutAccountPolicy", "logs:PutSubscriptionFilter"]));
    policy(&cloud.user(&root, "whole", &both), json!({})).ok();
}

#[test]
fn fields_of_a_group_and_groups_of_a_query() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, "a", r#"{"level":"info","user":{"id":7}}"#);
    put(&root, "a", "in plain words");
    let fields = |more: Value| {
        let mut all = json!({ "logGroupName": "a" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = root.call("logs", "GetLogGroupFields", all).ok()["logGroupFields"].clone();
        let one = |field: &Value| format!("{} {}", field["name"].as_str().unwrap(), field["percent"]);
        found.as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    let all = [
        "@ingestionTime 100",
        "@log 100",
        "@logStream 100",
        "@message 100",
        "@timestamp 100",
        "level 50",
        "user.id 50",
    ];
    assert_eq!(fields(json!({})), all);
    assert_eq!(fields(json!({ "time": NOW / 1000 + 400 })), all);
    assert_eq!(fields(json!({ "time": NOW / 1000 + 3600 })), Vec::<String>::new());
    root.call("logs", "GetLogGroupFields", json!({ "logGroupName": "none" }))
        .refused(400, "ResourceNotFoundException");
    put(&root, "b", "x");
    let query = json!({
        "logGroupNames": ["b", "a"], "startTime": NOW / 1000 - 60, "endTime": NOW / 1000, "queryString": "fields @message",
    });
    let id = root.call("logs", "StartQuery", query).ok()["queryId"].clone();
    let listed = root.call("logs", "ListLogGroupsForQuery", json!({ "queryId": id })).ok();
    let arn = |name: &str| format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}");
    assert_eq!(listed["logGroupIdentifiers"], json!([arn("a"), arn("b")]));
    root.call("logs", "ListLogGroupsForQuery", json!({ "queryId": "none" }))
        .refused(400, "ResourceNotFoundException");
}
