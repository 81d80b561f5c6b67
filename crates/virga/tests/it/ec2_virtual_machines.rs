//! Virtual machines: which instances are some, and what is refused. That they run is tested with real ones.

use crate::ec2_instances::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use compute::ec2::machinery::Machinery;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const CONTAINER: &str = "ami-0a1f5c0de0b1a0001";
const VIRTUAL: &str = "ami-0a1f5c0de0b1a0002";
const LACKS: &str = "This machine cannot run virtual machines: there is no QEMU (`virga doctor` says more)";

fn launch(image: &str) -> Value {
    json!({ "ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 })
}

fn runs(cloud: &Cloud, caller: &Caller<'_>, image: &str) -> String {
    let id = text(&ec2(caller, "RunInstances", launch(image))["instancesSet"][0]["instanceId"]);
    until(cloud, caller, &id, "running");
    id
}

#[test]
fn whoever_asks_for_the_newest_image_gets_containers() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let mut images = items(&ec2(&root, "DescribeImages", json!({ "Owners": ["amazon"] }))["imagesSet"]);
    images.sort_by_key(|image| text(&image["creationDate"]));
    let ids: Vec<String> = images.iter().map(|image| text(&image["imageId"])).collect();
    assert_eq!(ids, [VIRTUAL, CONTAINER]);
}

#[test]
fn where_there_can_be_none_they_are_refused_at_the_call() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = runs(&cloud, &root, VIRTUAL);
    let container = runs(&cloud, &root, CONTAINER);
    ec2(&root, "StopInstances", json!({ "InstanceIds": [instance, container] }));
    until(&cloud, &root, &instance, "stopped");
    until(&cloud, &root, &container, "stopped");
    let image =
        text(&ec2(&root, "CreateImage", json!({ "InstanceId": instance, "Name": "same" }))["imageId"]);
    let copied = json!({ "SourceImageId": image, "SourceRegion": "us-east-1", "Name": "copy" });
    let shown =
        || ec2(&root, "DescribeImages", json!({ "ImageIds": [image] }))["imagesSet"][0]["imageState"].clone();
    while shown() != "available" {
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
    let copy = text(&ec2(&root, "CopyImage", copied)["imageId"]);
    let state =
        || ec2(&root, "DescribeImages", json!({ "ImageIds": [copy] }))["imagesSet"][0]["imageState"].clone();
    while state() != "available" {
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
    plane.lack_guests("there is no QEMU");
    // What is made of a virtual machine is one, too.
    for of in [VIRTUAL, &image, &copy] {
        root.call("ec2", "RunInstances", launch(of)).refused_with(400, "Unsupported", LACKS);
    }
    root.call("ec2", "StartInstances", json!({ "InstanceIds": [instance] })).refused_with(
        400,
        "Unsupported",
        LACKS,
    );
    assert_eq!(items(&ec2(&root, "DescribeInstances", json!({}))["reservationSet"]).len(), 2);
    // Others go on.
    ec2(&root, "StartInstances", json!({ "InstanceIds": [container] }));
    until(&cloud, &root, &container, "running");
    runs(&cloud, &root, CONTAINER);
}

#[test]
fn all_can_be_virtual() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let before = runs(&cloud, &root, CONTAINER);
    cloud.cloud.memory::<Machinery>().make_all_virtual();
    plane.lack_guests("there is no QEMU");
    root.call("ec2", "RunInstances", launch(CONTAINER)).refused_with(400, "Unsupported", LACKS);
    // What was launched before stays what it is.
    ec2(&root, "StopInstances", json!({ "InstanceIds": [before] }));
    until(&cloud, &root, &before, "stopped");
    ec2(&root, "StartInstances", json!({ "InstanceIds": [before] }));
    until(&cloud, &root, &before, "running");
}

#[test]
fn interfaces_come_and_go_whether_it_runs_or_not() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = runs(&cloud, &root, VIRTUAL);
    let shown = || ec2(&root, "DescribeInstances", json!({ "InstanceIds": [instance] }));
    let subnet = text(&shown()["reservationSet"][0]["instancesSet"][0]["subnetId"]);
    let made = ec2(&root, "CreateNetworkInterface", json!({ "SubnetId": subnet }));
    let interface = text(&made["networkInterface"]["networkInterfaceId"]);
    let attach = json!({ "NetworkInterfaceId": interface, "InstanceId": instance, "DeviceIndex": 1 });
    let count = || {
        let all = shown()["reservationSet"][0]["instancesSet"][0]["networkInterfaceSet"].clone();
        all.as_array().map_or(1, Vec::len)
    };
    for state in ["running", "stopped"] {
        let attachment = text(&ec2(&root, "AttachNetworkInterface", attach.clone())["attachmentId"]);
        assert_eq!(count(), 2);
        ec2(&root, "DetachNetworkInterface", json!({ "AttachmentId": attachment }));
        assert_eq!(count(), 1);
        if state == "running" {
            ec2(&root, "StopInstances", json!({ "InstanceIds": [instance] }));
            until(&cloud, &root, &instance, "stopped");
        }
    }
}
