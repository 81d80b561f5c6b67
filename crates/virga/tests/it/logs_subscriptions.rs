//! Subscription filters: log events go on to functions. Sandboxes are simulated: what waits for the function is looked at.

use crate::harness::{Caller, Cloud};
use crate::lambda_functions::create;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;
use store::{Direction, Key};

const ACCOUNT: &str = "123456789012";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
/// The beginning of the tests' clock, in milliseconds.
const NOW: i64 = 1_768_478_400_000;

fn prepare(root: &Caller<'_>) {
    create(root);
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": "app" })).ok();
    root.call("logs", "CreateLogStream", json!({ "logGroupName": "app", "logStreamName": "s" })).ok();
}

fn let_in(root: &Caller<'_>) {
    let permission = json!({
        "FunctionName": "f", "StatementId": "logs", "Action": "lambda:InvokeFunction", "SourceAccount": ACCOUNT,
        "Principal": "logs.amazonaws.com", "SourceArn": "arn:aws:logs:us-east-1:123456789012:log-group:app:*",
    });
    root.call("lambda", "AddPermission", permission).ok();
}

fn filter(root: &Caller<'_>, name: &str, more: Value) -> crate::harness::Reply {
    let mut all = json!({ "logGroupName": "app", "filterName": name, "filterPattern": "ERROR", "destinationArn": FUNCTION });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("logs", "PutSubscriptionFilter", all)
}

fn put(root: &Caller<'_>, messages: &[&str]) {
    let event = |(at, text): (i64, &&str)| json!({ "timestamp": NOW + at, "message": text });
    let events: Vec<Value> = (0..).zip(messages).map(event).collect();
    let put = json!({ "logGroupName": "app", "logStreamName": "s", "logEvents": events });
    root.call("logs", "PutLogEvents", put).ok();
}

/// What waits for the function, unpacked.
pub(crate) fn waiting(cloud: &Cloud) -> Vec<Value> {
    let snapshot = cloud.cloud.store().snapshot();
    let all = compute::lambda::model::EVENTS.scan(&snapshot, &Key::empty(), Direction::Forward);
    let unpack = |payload: &[u8]| {
        let outer: Value = serde_json::from_slice(payload).unwrap();
        let packed = STANDARD.decode(outer["awslogs"]["data"].as_str().unwrap()).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    all.map(|pair| unpack(&pair.unwrap().1.payload)).collect()
}

pub(crate) fn deliver(cloud: &Cloud) {
    let all = cloud.cloud.reconcilers();
    let own = all.iter().find(|reconciler| reconciler.name() == "logs subscriptions").unwrap();
    own.run(&cloud.cloud).unwrap();
}

#[test]
fn what_matches_goes_to_the_function() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    prepare(&root);
    let message = "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.";
    filter(&root, "f", json!({})).refused_with(400, "InvalidParameterException", message);
    assert!(waiting(&cloud).is_empty());
    let_in(&root);
    filter(&root, "f", json!({})).ok();
    let [control] = &waiting(&cloud)[..] else { panic!("not one message") };
    assert_eq!(
        (&control["messageType"], &control["owner"]),
        (&json!("CONTROL_MESSAGE"), &json!("CloudwatchLogs"))
    );

    put(&root, &["all is well", "ERROR one", "ERROR two"]);
    deliver(&cloud);
    let all = waiting(&cloud);
    let data: Vec<_> = all.iter().filter(|one| one["messageType"] == "DATA_MESSAGE").collect();
    let [data] = &data[..] else { panic!("not one message: {all:?}") };
    assert_eq!(
        (&data["owner"], &data["logGroup"], &data["logStream"]),
        (&json!(ACCOUNT), &json!("app"), &json!("s"))
    );
    assert_eq!(data["subscriptionFilters"], json!(["f"]));
    let events = data["logEvents"].as_array().unwrap();
    let told: Vec<_> =
        events.iter().map(|event| (event["timestamp"].as_i64(), event["message"].as_str())).collect();
    assert_eq!(told, [(Some(NOW + 1), Some("ERROR one")), (Some(NOW + 2), Some("ERROR two"))]);
    crate::services_metrics::publish(&cloud);
    let own = [("LogGroupName", "app"), ("DestinationType", "Lambda"), ("FilterName", "f")];
    let told = |name: &str| crate::services_metrics::told(&root, "AWS/Logs", name, &own, "Sum");
    assert_eq!(told("ForwardedLogEvents"), Some(2.0));
    assert!(told("ForwardedBytes") > Some(0.0));
    assert_eq!(told("DeliveryErrors"), None);
    // By its id the event is found as by `FilterLogEvents`.
    let found =
        root.call("logs", "FilterLogEvents", json!({ "logGroupName": "app", "filterPattern": "one" })).ok();
    assert_eq!(found["events"][0]["eventId"], events[0]["id"]);
}

#[test]
fn a_function_that_refuses_turns_the_filter_off_for_a_while() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    prepare(&root);
    let_in(&root);
    filter(&root, "f", json!({})).ok();
    root.call("lambda", "RemovePermission", json!({ "FunctionName": "f", "StatementId": "logs" })).ok();
    put(&root, &["ERROR lost"]);
    deliver(&cloud);
    let_in(&root);
    put(&root, &["ERROR lost too"]);
    deliver(&cloud);
    assert_eq!(waiting(&cloud).len(), 1, "the control message alone");
    cloud.advance(Duration::from_secs(600));
    put(&root, &["ERROR kept"]);
    deliver(&cloud);
    let all = waiting(&cloud);
    assert_eq!(all.len(), 2);
    assert!(all.iter().any(|one| one["logEvents"][0]["message"] == "ERROR kept"), "{all:?}");
}

#[test]
fn filters_are_put_described_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    prepare(&root);
    let_in(&root);
    for name in ["a", "b"] {
        filter(&root, name, json!({})).ok();
    }
    filter(&root, "c", json!({})).refused_with(400, "LimitExceededException", "Resource limit exceeded.");
    filter(&root, "a", json!({ "filterPattern": "" })).ok();
    let kinesis = json!({ "destinationArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s" });
    let message = "Subscriptions of the service kinesis are not built in this version of Virga.";
    filter(&root, "a", kinesis).refused_with(501, "NotImplemented", message);
    let role = json!({ "roleArn": "arn:aws:iam::123456789012:role/r" });
    filter(&root, "a", role).refused_with(
        400,
        "InvalidParameterException",
        "destinationArn for vendor lambda cannot be used with roleArn",
    );
    let ask = json!({ "logGroupName": "app", "limit": 1 });
    let page = root.call("logs", "DescribeSubscriptionFilters", ask).ok();
    let shown = &page["subscriptionFilters"][0];
    assert_eq!((&shown["filterName"], &shown["filterPattern"]), (&json!("a"), &json!("")));
    assert_eq!((&shown["distribution"], &shown["creationTime"]), (&json!("ByLogStream"), &json!(NOW)));
    let ask = json!({ "logGroupName": "app", "nextToken": page["nextToken"] });
    let rest = root.call("logs", "DescribeSubscriptionFilters", ask).ok();
    assert_eq!(rest["subscriptionFilters"][0]["filterName"], "b");
    root.call("logs", "DeleteSubscriptionFilter", json!({ "logGroupName": "app", "filterName": "b" })).ok();
    root.call("logs", "DeleteSubscriptionFilter", json!({ "logGroupName": "app", "filterName": "b" }))
        .refused_with(400, "ResourceNotFoundException", "The specified subscription filter does not exist.");
    filter(&root, "c", json!({})).ok();
}
