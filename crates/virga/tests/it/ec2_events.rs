//! What EC2 tells the event bus.

use crate::ec2_instances::until;
use crate::ec2_profiles::IMAGE;
use crate::harness::Cloud;
use crate::vpc_networks::{ec2, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use kernel::bus::Event;
use serde_json::{Value, json};
use std::time::Duration;
use store::{Direction, KeyRange, Read, Record};

const ACCOUNT: &str = "123456789012";

/// The events of EC2 on their way.
pub(crate) fn outbox(cloud: &Cloud) -> Vec<Event> {
    let snapshot = cloud.cloud.store().snapshot();
    // The kernel's table of them.
    let pairs = snapshot.scan(KeyRange::prefix(&[0, 2]), Direction::Forward);
    let events = pairs.map(|pair| Event::from_bytes(&pair.unwrap().1).unwrap());
    events.filter(|event| event.source == "aws.ec2").collect()
}

#[test]
fn each_change_of_state_is_an_event() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    let first = outbox(&cloud);
    assert_eq!(first.len(), 1);
    let event = &first[0];
    assert_eq!(
        (event.detail_type.as_str(), event.region.as_str(), event.account.as_str(), &event.resources),
        (
            "EC2 Instance State-change Notification",
            "us-east-1",
            ACCOUNT,
            &vec![format!("arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{id}")]
        )
    );
    let detail: Value = serde_json::from_str(&event.detail).unwrap();
    assert_eq!(detail, json!({ "instance-id": id, "state": "pending" }));
    // What arrives is what a rule on the default bus is given: each state once, at its time.
    let queue = json!({ "QueueName": "states", "Attributes": { "Policy": json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*" }],
    }).to_string() } });
    let url = text(&root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"]);
    let pattern = json!({ "source": ["aws.ec2"], "detail": { "instance-id": [id] } }).to_string();
    root.call("events", "PutRule", json!({ "Name": "states", "EventPattern": pattern })).ok();
    let target = json!({ "Id": "q", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:states") });
    root.call("events", "PutTargets", json!({ "Rule": "states", "Targets": [target] })).ok();
    // Events tell their time in seconds: no two changes are in the same.
    let later = || cloud.advance(Duration::from_secs(1));
    later();
    until(&cloud, &root, &id, "running");
    let named = json!({ "InstanceIds": [id] });
    for (operation, state) in
        [("StopInstances", "stopped"), ("StartInstances", "running"), ("TerminateInstances", "terminated")]
    {
        later();
        ec2(&root, operation, named.clone());
        // Nothing changes, nothing is told.
        ec2(&root, operation, named.clone());
        later();
        until(&cloud, &root, &id, state);
    }
    let expected =
        ["pending", "running", "stopping", "stopped", "pending", "running", "shutting-down", "terminated"];
    let mut seen = Vec::new();
    for _ in 0..100 {
        cloud.reconcile();
        let found =
            root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).ok();
        for message in found["Messages"].as_array().into_iter().flatten() {
            let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            seen.push((text(&event["time"]), text(&event["detail"]["state"])));
            let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", done).ok();
        }
        if seen.len() >= expected.len() {
            break;
        }
    }
    // A queue keeps no order; the events do.
    seen.sort();
    let states: Vec<&str> = seen.iter().map(|(_, state)| state.as_str()).collect();
    assert_eq!(states, expected);
    assert!(outbox(&cloud).is_empty());
}
