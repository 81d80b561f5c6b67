//! Partners' event sources: offered, taken by a bus, and what their partners put.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const PARTNER: &str = "111111111111";
const ACCOUNT: &str = "222222222222";
const NAME: &str = "aws.partner/example.com/orders";
const ARN: &str = "arn:aws:events:us-east-1::event-source/aws.partner/example.com/orders";

fn offer(partner: &Caller<'_>) -> Value {
    partner.call("events", "CreatePartnerEventSource", json!({ "Name": NAME, "Account": ACCOUNT })).ok()
}

fn state(taker: &Caller<'_>) -> Value {
    taker.call("events", "DescribeEventSource", json!({ "Name": NAME })).ok()["State"].clone()
}

fn bus(taker: &Caller<'_>) -> crate::harness::Reply {
    taker.call("events", "CreateEventBus", json!({ "Name": NAME, "EventSourceName": NAME }))
}

/// A queue that hears of all that comes over the bus.
fn listen(taker: &Caller<'_>) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    }] });
    let made = json!({ "QueueName": "q", "Attributes": { "Policy": policy.to_string() } });
    let url = taker.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
    let pattern = json!({ "source": [{ "prefix": "aws.partner/" }] }).to_string();
    taker
        .call("events", "PutRule", json!({ "Name": "r", "EventBusName": NAME, "EventPattern": pattern }))
        .ok();
    let target = json!([{ "Id": "q", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q") }]);
    taker.call("events", "PutTargets", json!({ "Rule": "r", "EventBusName": NAME, "Targets": target })).ok();
    url
}

fn put(partner: &Caller<'_>, source: &str, detail: &str) -> Value {
    let entry = json!({ "Source": source, "DetailType": "order", "Detail": detail });
    partner.call("events", "PutPartnerEvents", json!({ "Entries": [entry] })).ok()
}

fn heard(cloud: &Cloud, taker: &Caller<'_>, url: &str) -> Vec<Value> {
    cloud.reconcile();
    let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
    let got = taker.call("sqs", "ReceiveMessage", asked).ok();
    let all = got["Messages"].as_array().cloned().unwrap_or_default();
    all.iter().map(|one| serde_json::from_str(one["Body"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn a_source_is_offered_taken_and_heard() {
    let cloud = Cloud::new();
    let (partner, taker) = (cloud.root(PARTNER), cloud.root(ACCOUNT));
    assert_eq!(offer(&partner), json!({ "EventSourceArn": ARN }));
    partner
        .call("events", "CreatePartnerEventSource", json!({ "Name": NAME, "Account": ACCOUNT }))
        .refused(400, "ResourceAlreadyExistsException");
    assert_eq!(state(&taker), "PENDING");
    let listed = taker.call("events", "ListEventSources", json!({ "NamePrefix": "aws.partner" })).ok();
    let source = &listed["EventSources"][0];
    assert_eq!((&source["Arn"], &source["CreatedBy"]), (&json!(ARN), &json!(PARTNER)));
    assert!(source["ExpirationTime"].is_number());
    // Nobody hears of it yet.
    assert_eq!(put(&partner, NAME, "{}")["FailedEntryCount"], 0);
    bus(&taker).ok();
    assert_eq!(state(&taker), "ACTIVE");
    let url = listen(&taker);
    let told = put(&partner, NAME, r#"{"n":1}"#);
    let [event] = &heard(&cloud, &taker, &url)[..] else { panic!("not one event") };
    assert_eq!((&event["source"], &event["account"]), (&json!(NAME), &json!(ACCOUNT)));
    assert_eq!((&event["detail"], &event["id"]), (&json!({ "n": 1 }), &told["Entries"][0]["EventId"]));
    let of = |operation: &str, asked: Value| partner.call("events", operation, asked).ok();
    assert_eq!(
        of("DescribePartnerEventSource", json!({ "Name": NAME })),
        json!({ "Arn": ARN, "Name": NAME })
    );
    let sources = of("ListPartnerEventSources", json!({ "NamePrefix": "aws.partner/example.com/" }));
    assert_eq!(sources["PartnerEventSources"], json!([{ "Arn": ARN, "Name": NAME }]));
    let accounts = of("ListPartnerEventSourceAccounts", json!({ "EventSourceName": NAME }));
    let account = &accounts["PartnerEventSourceAccounts"][0];
    assert_eq!((&account["Account"], &account["State"]), (&json!(ACCOUNT), &json!("ACTIVE")));
    // Off and on.
    taker.call("events", "DeactivateEventSource", json!({ "Name": NAME })).ok();
    assert_eq!(state(&taker), "PENDING");
    put(&partner, NAME, r#"{"n":2}"#);
    taker.call("events", "ActivateEventSource", json!({ "Name": NAME })).ok();
    taker
        .call("events", "ActivateEventSource", json!({ "Name": NAME }))
        .refused(400, "InvalidStateException");
    put(&partner, NAME, r#"{"n":3}"#);
    let heard = heard(&cloud, &taker, &url);
    assert_eq!(heard.iter().map(|event| event["detail"]["n"].clone()).collect::<Vec<_>>(), [json!(3)]);
    // Its partner takes it back, and at last the bus goes.
    partner.call("events", "DeletePartnerEventSource", json!({ "Name": NAME, "Account": ACCOUNT })).ok();
    assert_eq!(state(&taker), "DELETED");
    taker.call("events", "RemoveTargets", json!({ "Rule": "r", "EventBusName": NAME, "Ids": ["q"] })).ok();
    taker.call("events", "DeleteRule", json!({ "Name": "r", "EventBusName": NAME })).ok();
    taker.call("events", "DeleteEventBus", json!({ "Name": NAME })).ok();
    taker
        .call("events", "DescribeEventSource", json!({ "Name": NAME }))
        .refused(400, "ResourceNotFoundException");
}

#[test]
fn what_is_no_partners_and_what_waits_too_long() {
    let cloud = Cloud::new();
    let (partner, taker) = (cloud.root(PARTNER), cloud.root(ACCOUNT));
    bus(&taker).refused(400, "ResourceNotFoundException");
    taker.call("events", "CreateEventBus", json!({ "Name": NAME })).refused(400, "ValidationException");
    offer(&partner);
    let told = put(&taker, NAME, "{}");
    assert_eq!(told["Entries"][0]["ErrorCode"], "NotAuthorizedForSourceException");
    assert_eq!(put(&partner, NAME, "no json")["Entries"][0]["ErrorCode"], "MalformedDetail");
    taker
        .call("events", "ActivateEventSource", json!({ "Name": NAME }))
        .refused(400, "InvalidStateException");
    taker
        .call("events", "DescribePartnerEventSource", json!({ "Name": NAME }))
        .refused(400, "ResourceNotFoundException");
    cloud.advance(Duration::from_secs(14 * 86_400));
    bus(&taker).refused(400, "ResourceNotFoundException");
    let listed = taker.call("events", "ListEventSources", json!({})).ok();
    assert_eq!(listed["EventSources"], json!([]));
    // It can be offered anew.
    offer(&partner);
    bus(&taker).ok();
}
