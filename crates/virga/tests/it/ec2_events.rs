//! What EC2 tells the event bus.

use crate::ec2_metadata::until_running;
use crate::ec2_profiles::IMAGE;
use crate::harness::Cloud;
use crate::vpc_networks::{ec2, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use kernel::bus::Event;
use serde_json::{Value, json};
use store::{Direction, KeyRange, Read, Record};

const ACCOUNT: &str = "123456789012";

/// The events of EC2 on their way.
fn outbox(cloud: &Cloud) -> Vec<Event> {
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
    let told = |cloud: &Cloud| -> Vec<String> {
        outbox(cloud)
            .iter()
            .map(|event| {
                serde_json::from_str::<Value>(&event.detail).unwrap()["state"].as_str().unwrap().to_owned()
            })
            .collect()
    };
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
    // What arrives is what a rule on the default bus is given, each state once and in its order.
    let queue = json!({ "QueueName": "states", "Attributes": { "Policy": json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*" }],
    }).to_string() } });
    let url = text(&root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"]);
    let pattern = json!({ "source": ["aws.ec2"], "detail": { "instance-id": [id] } }).to_string();
    root.call("events", "PutRule", json!({ "Name": "states", "EventPattern": pattern })).ok();
    let target = json!({ "Id": "q", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:states"), "InputPath": "$.detail.state" });
    root.call("events", "PutTargets", json!({ "Rule": "states", "Targets": [target] })).ok();
    until_running(&cloud, &root, &id);
    let named = json!({ "InstanceIds": [id] });
    let until = |state: &str| {
        for _ in 0..500 {
            cloud.reconcile();
            let found = ec2(&root, "DescribeInstances", named.clone());
            if found["reservationSet"][0]["instancesSet"][0]["instanceState"]["name"] == state {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("never {state}");
    };
    ec2(&root, "StopInstances", named.clone());
    // Nothing changes, nothing is told.
    ec2(&root, "StopInstances", named.clone());
    until("stopped");
    ec2(&root, "StartInstances", named.clone());
    until("running");
    ec2(&root, "TerminateInstances", named.clone());
    until("terminated");
    let expected =
        ["pending", "pending", "running", "running", "shutting-down", "stopped", "stopping", "terminated"];
    let mut seen = Vec::new();
    for _ in 0..100 {
        cloud.reconcile();
        let found =
            root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).ok();
        for message in found["Messages"].as_array().into_iter().flatten() {
            seen.push(message["Body"].as_str().unwrap().trim_matches('"').to_owned());
            let done = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", done).ok();
        }
        if seen.len() >= expected.len() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, expected);
    assert!(told(&cloud).is_empty());
}
