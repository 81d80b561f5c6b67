//! Filters that AWS lists: each is known, and finds what it is about.

use crate::ec2_profiles::IMAGE;
use crate::harness::Caller;
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

/// How many of a list one filter finds.
fn found(root: &Caller<'_>, operation: &str, list: &str, (name, value): (&str, &str)) -> usize {
    let mut asked = json!({ "Filters": [{ "Name": name, "Values": [value] }] });
    if operation == "DescribeLaunchTemplateVersions" {
        asked["LaunchTemplateName"] = json!("named");
    }
    items(&ec2(root, operation, asked)[list]).len()
}

#[test]
fn machines_and_what_they_have_are_found_by_what_is_said_of_them() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root("123456789012");
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    let made = ec2(&root, "RunInstances", asked)["instancesSet"][0].clone();
    let elastic = ec2(&root, "AllocateAddress", json!({ "Domain": "vpc" }));
    let card = &made["networkInterfaceSet"][0]["networkInterfaceId"];
    let linked = json!({ "AllocationId": elastic["allocationId"], "NetworkInterfaceId": card });
    let linked = ec2(&root, "AssociateAddress", linked);
    let (allocation, association) = (text(&elastic["allocationId"]), text(&linked["associationId"]));
    let data = json!({
        "ImageId": IMAGE, "EbsOptimized": true, "IamInstanceProfile": { "Name": "app" },
        "MetadataOptions": { "HttpTokens": "required", "HttpEndpoint": "disabled" },
    });
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "named", "LaunchTemplateData": data }));
    for (operation, list, filter, expected) in [
        (
            "DescribeInstances",
            "reservationSet",
            ("network-interface.association.allocation-id", &*allocation),
            1,
        ),
        (
            "DescribeInstances",
            "reservationSet",
            ("network-interface.association.association-id", &*association),
            1,
        ),
        (
            "DescribeInstances",
            "reservationSet",
            ("network-interface.association.association-id", "eipassoc-0"),
            0,
        ),
        ("DescribeInstances", "reservationSet", ("metadata-options.state", "p*"), 1),
        ("DescribeInstances", "reservationSet", ("metadata-options.http-protocol-ipv6", "disabled"), 1),
        ("DescribeNetworkInterfaces", "networkInterfaceSet", ("operator.managed", "false"), 1),
        ("DescribeNetworkInterfaces", "networkInterfaceSet", ("operator.principal", "*"), 0),
        ("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", ("ebs-optimized", "true"), 1),
        ("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", ("ebs-optimized", "false"), 0),
        ("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", ("iam-instance-profile", "app"), 1),
        ("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", ("http-tokens", "required"), 1),
        ("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", ("http-endpoint", "enabled"), 0),
        ("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", ("kernel-id", "*"), 0),
        ("DescribeAvailabilityZones", "availabilityZoneInfo", ("parent-zone-name", "*"), 0),
        ("DescribeImages", "imagesSet", ("boot-mode", "uefi"), 0),
        ("DescribeVolumeStatus", "volumeStatusSet", ("attachment-status.instance-id", "*"), 0),
        ("DescribeCapacityReservations", "capacityReservationSet", ("placement-group-arn", "*"), 0),
        ("DescribeInstanceTypes", "instanceTypeSet", ("instance-storage-info.disk.type", "ssd"), 0),
        ("DescribeInstanceTypes", "instanceTypeSet", ("nitro-enclaves-support", "supported"), 0),
    ] {
        assert_eq!(found(&root, operation, list, filter), expected, "{operation} {filter:?}");
    }
    // What AWS does not list is no filter.
    let wrong = json!({ "Filters": [{ "Name": "colour", "Values": ["red"] }] });
    for operation in ["DescribeInstances", "DescribeAvailabilityZones", "DescribeSpotInstanceRequests"] {
        root.call("ec2", operation, wrong.clone()).refused(400, "InvalidParameterValue");
    }
}

#[test]
fn a_page_of_nothing_is_refused_and_some_lists_begin_with_five() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root("123456789012");
    for (operation, max, bound) in [
        ("DescribeInstances", 4, 5),
        ("DescribeInstanceStatus", 4, 5),
        ("DescribeTags", 4, 5),
        ("DescribeVolumes", 0, 5),
        ("DescribeSnapshots", -1, 0),
    ] {
        root.call("ec2", operation, json!({ "MaxResults": max })).refused_with(
            400,
            "InvalidParameterValue",
            &format!(
                "Value ( {max} ) for parameter maxResults is invalid. Expecting a value greater than {bound}."
            ),
        );
    }
    for operation in ["DescribeInstances", "DescribeInstanceStatus", "DescribeTags"] {
        ec2(&root, operation, json!({ "MaxResults": 5 }));
    }
}

#[test]
fn spot_requests_are_found_by_what_they_would_launch() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root("123456789012");
    let disk = json!([{ "DeviceName": "/dev/sdf", "Ebs": { "VolumeSize": 3, "VolumeType": "gp2" } }]);
    let card = json!([{ "DeviceIndex": 0, "Description": "the first" }]);
    let launch: Value = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "BlockDeviceMappings": disk, "NetworkInterfaces": card });
    ec2(&root, "RequestSpotInstances", json!({ "LaunchSpecification": launch }));
    for (name, value, expected) in [
        ("launch.block-device-mapping.device-name", "/dev/sdf", 1),
        ("launch.block-device-mapping.volume-size", "3", 1),
        ("launch.block-device-mapping.volume-size", "4", 0),
        ("launch.block-device-mapping.volume-type", "gp2", 1),
        ("launch.block-device-mapping.delete-on-termination", "true", 1),
        ("network-interface.description", "the first", 1),
        ("network-interface.device-index", "0", 1),
        ("network-interface.device-index", "1", 0),
        ("network-interface.delete-on-termination", "true", 1),
        ("launch-group", "*", 0),
    ] {
        let number = found(&root, "DescribeSpotInstanceRequests", "spotInstanceRequestSet", (name, value));
        assert_eq!(number, expected, "{name} {value}");
    }
}
