//! Interfaces that are plugged into instances and pulled out again.

use crate::ec2_metadata::{inside, until_running};
use crate::ec2_profiles::IMAGE;
use crate::harness::Caller;
use crate::vpc_networks::{ec2, items, subnet, text, vpc};
use crate::vpc_plane::{Folder, cloud, linux};
use host::{Driver, HostError, Place, Simulator};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn launch(root: &Caller<'_>, kind: &str, nics: Value) -> String {
    let asked = json!({ "ImageId": IMAGE, "InstanceType": kind, "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": nics });
    text(&ec2(root, "RunInstances", asked)["instancesSet"][0]["instanceId"])
}

fn interface(root: &Caller<'_>, subnet: &str) -> String {
    let made = ec2(root, "CreateNetworkInterface", json!({ "SubnetId": subnet }));
    text(&made["networkInterface"]["networkInterfaceId"])
}

fn attach(interface: &str, instance: &str, device: i64) -> Value {
    json!({ "NetworkInterfaceId": interface, "InstanceId": instance, "DeviceIndex": device })
}

#[test]
fn what_can_be_attached_and_detached() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let zoned = |cidr: &str, zone: &str| {
        let made = json!({ "VpcId": id, "CidrBlock": cidr, "AvailabilityZone": zone });
        text(&ec2(&root, "CreateSubnet", made)["subnet"]["subnetId"])
    };
    let (here, there) = (zoned("10.0.1.0/24", "us-east-1a"), zoned("10.0.2.0/24", "us-east-1b"));
    let instance = launch(&root, "t3.micro", json!([{ "DeviceIndex": 0, "SubnetId": here }]));
    let (first, second, far) = (interface(&root, &here), interface(&root, &here), interface(&root, &there));
    let call = |operation: &str, with: Value| root.call("ec2", operation, with);
    call("AttachNetworkInterface", attach(&first, &instance, 1)).refused_with(
        400,
        "IncorrectState",
        &format!("Instance '{instance}' is not 'running' or 'stopped'."),
    );
    until_running(&cloud, &root, &instance);
    call("AttachNetworkInterface", attach(&far, &instance, 1)).refused_with(
        400,
        "InvalidParameterCombination",
        "You may not attach a network interface to an instance if they are not in the same availability zone",
    );
    call("AttachNetworkInterface", attach(&first, &instance, 0)).refused_with(
        400,
        "InvalidParameterValue",
        &format!("Instance '{instance}' already has an interface attached at device index '0'."),
    );
    call("AttachNetworkInterface", attach("eni-00000000000000000", &instance, 1))
        .refused(400, "InvalidNetworkInterfaceID.NotFound");
    let nobody = "i-00000000000000000";
    call("AttachNetworkInterface", attach(&first, nobody, 1)).refused(400, "InvalidInstanceID.NotFound");
    let made = call("AttachNetworkInterface", attach(&first, &instance, 1)).ok();
    assert_eq!(made["networkCardIndex"], "0");
    let attachment = text(&made["attachmentId"]);
    call("AttachNetworkInterface", attach(&first, &instance, 2)).refused_with(
        400,
        "InvalidParameterValue",
        &format!("Network interface '{first}' is currently in use."),
    );
    call("AttachNetworkInterface", attach(&second, &instance, 2)).refused_with(
        400,
        "AttachmentLimitExceeded",
        "Interface count 3 exceeds the limit for t3.micro",
    );
    let shown = ec2(&root, "DescribeInstances", json!({ "InstanceIds": [instance] }));
    let nics = items(&shown["reservationSet"][0]["instancesSet"][0]["networkInterfaceSet"]);
    let devices: Vec<_> = nics.iter().map(|nic| text(&nic["attachment"]["deviceIndex"])).collect();
    assert_eq!(devices, ["0", "1"]);
    assert_eq!(nics[1]["networkInterfaceId"], first.as_str());
    assert_eq!(nics[1]["attachment"]["deleteOnTermination"], "false");
    call("DetachNetworkInterface", json!({ "AttachmentId": nics[0]["attachment"]["attachmentId"] }))
        .refused_with(
            400,
            "OperationNotPermitted",
            "The network interface at device index 0 and networkCard index 0 cannot be detached.",
        );
    let missing = json!({ "AttachmentId": "eni-attach-00000000000000000" });
    call("DetachNetworkInterface", missing).refused_with(
        400,
        "InvalidAttachmentID.NotFound",
        "The attachment 'eni-attach-00000000000000000' does not exist",
    );
    // Who may: both ends are asked for.
    let only = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:DetachNetworkInterface", "Resource": format!("arn:aws:ec2:*:*:network-interface/{first}") },
    ] });
    let eva = cloud.user(&root, "eva", &only.to_string());
    let asked = json!({ "AttachmentId": attachment });
    eva.call("ec2", "DetachNetworkInterface", asked.clone()).refused(403, "UnauthorizedOperation");
    call("DetachNetworkInterface", asked).ok();
    let shown = ec2(&root, "DescribeNetworkInterfaces", json!({ "NetworkInterfaceIds": [first] }));
    assert_eq!(shown["networkInterfaceSet"][0]["status"], "available");
    // What is still there when the instance goes is left where it came from.
    call("AttachNetworkInterface", attach(&second, &instance, 1)).ok();
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [instance] }));
    for _ in 0..100 {
        cloud.reconcile();
        let shown = ec2(&root, "DescribeNetworkInterfaces", json!({ "NetworkInterfaceIds": [second] }));
        if shown["networkInterfaceSet"][0]["status"] == "available" {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{second} is still in use");
}

#[test]
fn an_interface_that_is_there_is_launched_with_as_it_is() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let there = subnet(&root, &id, "10.0.1.0/24");
    let nic = interface(&root, &there);
    let asked = |more: Value| {
        let mut plug = json!({ "DeviceIndex": 0, "NetworkInterfaceId": nic });
        plug.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": [plug] })
    };
    let of_both =
        |what: &str| format!("A network interface may not specify both a network interface ID and {what}");
    for (more, message) in [
        (json!({ "SubnetId": there }), of_both("a subnet")),
        (json!({ "Groups": ["sg-00000000000000000"] }), of_both("security groups")),
        (json!({ "Description": "d" }), of_both("a description")),
        (json!({ "PrivateIpAddress": "10.0.1.9" }), of_both("a private IP address")),
        (
            json!({ "PrivateIpAddresses": [{ "PrivateIpAddress": "10.0.1.9" }] }),
            of_both("secondary private IP addresses"),
        ),
        (json!({ "SecondaryPrivateIpAddressCount": 1 }), of_both("secondary private IP addresses")),
        (
            json!({ "AssociatePublicIpAddress": true }),
            "The associatePublicIPAddress parameter cannot be specified for a network interface with an ID."
                .to_owned(),
        ),
    ] {
        root.call("ec2", "RunInstances", asked(more)).refused_with(
            400,
            "InvalidParameterCombination",
            &message,
        );
    }
    let instance = launch(&root, "t3.micro", json!([{ "DeviceIndex": 0, "NetworkInterfaceId": nic }]));
    root.call("ec2", "RunInstances", asked(json!({}))).refused_with(
        400,
        "InvalidNetworkInterface.InUse",
        &format!("Interface: {nic} in use."),
    );
    let shown = ec2(&root, "DescribeNetworkInterfaces", json!({ "NetworkInterfaceIds": [nic] }));
    let shown = &shown["networkInterfaceSet"][0]["attachment"];
    assert_eq!((&shown["instanceId"], &shown["deleteOnTermination"]), (&json!(instance), &json!("false")));
}

#[test]
fn packets_follow_interfaces_and_addresses_of_a_running_machine() {
    let Some(linux) = linux() else { return };
    let folder = Folder::new("interfaces");
    let (cloud, plane) = cloud(linux, Some(folder.to_path_buf()));
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let zoned = |cidr: &str| {
        let made = json!({ "VpcId": id, "CidrBlock": cidr, "AvailabilityZone": "us-east-1a" });
        text(&ec2(&root, "CreateSubnet", made)["subnet"]["subnetId"])
    };
    let (one, two) = (zoned("10.0.1.0/24"), zoned("10.0.2.0/24"));
    // The second interface and its further address are there from the launch on.
    let nics = json!([
        { "DeviceIndex": 0, "SubnetId": one },
        { "DeviceIndex": 1, "SubnetId": two, "PrivateIpAddresses": [
            { "PrivateIpAddress": "10.0.2.20", "Primary": true }, { "PrivateIpAddress": "10.0.2.21" },
        ] },
    ]);
    let server = launch(&root, "t3.small", nics);
    let client = launch(&root, "t3.micro", json!([{ "DeviceIndex": 0, "SubnetId": one }]));
    until_running(&cloud, &root, &server);
    until_running(&cloud, &root, &client);
    let at = |machine: &str| Place::Machine(machine.to_owned());
    let reaches = |address: &str| {
        let to = format!("{address}:8080").parse().unwrap();
        let Ok(listener) = plane.listen(&at(&server), to) else { return false };
        match plane.connect(&at(&client), to, Duration::from_millis(700)) {
            Ok(_) => listener.accept().is_ok(),
            Err(HostError::Unreachable(_)) => false,
            Err(why) => panic!("{why}"),
        }
    };
    assert!(reaches("10.0.2.20"));
    assert!(reaches("10.0.2.21"));
    // A third interface while it runs, and an address more on the second.
    let wanted = json!({ "SubnetId": two, "PrivateIpAddress": "10.0.2.30" });
    let third = ec2(&root, "CreateNetworkInterface", wanted);
    let third = text(&third["networkInterface"]["networkInterfaceId"]);
    let made = ec2(&root, "AttachNetworkInterface", attach(&third, &server, 2));
    cloud.reconcile();
    assert!(reaches("10.0.2.30"));
    let mac = inside(&plane, &server, "cat /sys/class/net/eth2/address");
    let shown = ec2(&root, "DescribeNetworkInterfaces", json!({ "NetworkInterfaceIds": [third] }));
    assert_eq!(mac.trim(), text(&shown["networkInterfaceSet"][0]["macAddress"]));
    let by = json!([{ "Name": "private-ip-address", "Values": ["10.0.2.20"] }]);
    let second = ec2(&root, "DescribeNetworkInterfaces", json!({ "Filters": by }));
    let second = text(&second["networkInterfaceSet"][0]["networkInterfaceId"]);
    for (operation, address, there) in [
        ("AssignPrivateIpAddresses", "10.0.2.22", true),
        ("UnassignPrivateIpAddresses", "10.0.2.22", false),
        ("AssignPrivateIpAddresses", "10.0.2.22", true),
    ] {
        ec2(&root, operation, json!({ "NetworkInterfaceId": second, "PrivateIpAddresses": [address] }));
        cloud.reconcile();
        assert_eq!(reaches(address), there, "{operation}");
        assert!(reaches("10.0.2.21"));
    }
    ec2(&root, "DetachNetworkInterface", json!({ "AttachmentId": made["attachmentId"] }));
    cloud.reconcile();
    assert!(!reaches("10.0.2.30"));
    assert_eq!(inside(&plane, &server, "ls /sys/class/net | grep -c eth2").trim(), "0");
    // And back, at another device.
    ec2(&root, "AttachNetworkInterface", attach(&third, &server, 2));
    cloud.reconcile();
    assert!(reaches("10.0.2.30"));
    for machine in [&server, &client] {
        ec2(&root, "TerminateInstances", json!({ "InstanceIds": [machine] }));
    }
    cloud.reconcile();
}
