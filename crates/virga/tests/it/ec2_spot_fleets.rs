//! Spot Fleets: the same as fleets, with the rights of the role that they are given, and under names of their own.

use crate::ec2_fleets::template;
use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::instance;
use crate::ec2_spot_interruptions::interrupt;
use crate::ec2_zones::until;
use crate::harness::Caller;
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

/// A role that Spot Fleet may assume, with some rights.
fn role(root: &Caller<'_>, actions: Value) -> String {
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
        "Principal": { "Service": "spotfleet.amazonaws.com" }, "Action": "sts:AssumeRole" } });
    let asked = json!({ "RoleName": "fleet", "AssumeRolePolicyDocument": trust.to_string() });
    let made = root.call("iam", "CreateRole", asked).ok();
    allow(root, actions);
    text(&made["Role"]["Arn"])
}

fn allow(root: &Caller<'_>, actions: Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } });
    let put = json!({ "RoleName": "fleet", "PolicyName": "own", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
}

fn asked(role: &str, total: i64, more: Value) -> Value {
    let by = json!({ "LaunchTemplateName": "fleet", "Version": "$Latest" });
    let mut data = json!({ "IamFleetRole": role, "TargetCapacity": total, "AllocationStrategy": "priceCapacityOptimized",
        "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": by, "Overrides": [{ "InstanceType": "t3.micro" }] }] });
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "SpotFleetRequestConfig": data })
}

fn told(root: &Caller<'_>, id: &str) -> Value {
    let found = ec2(root, "DescribeSpotFleetRequests", json!({ "SpotFleetRequestIds": [id] }));
    found["spotFleetRequestConfigSet"][0].clone()
}

fn ids(root: &Caller<'_>, id: &str) -> Vec<String> {
    let found = ec2(root, "DescribeSpotFleetInstances", json!({ "SpotFleetRequestId": id }));
    items(&found["activeInstanceSet"]).iter().map(|one| text(&one["instanceId"])).collect()
}

fn history(root: &Caller<'_>, id: &str, kind: &str) -> Vec<String> {
    let asked = json!({ "SpotFleetRequestId": id, "StartTime": "2020-01-01T00:00:00Z", "EventType": kind });
    let found = ec2(root, "DescribeSpotFleetRequestHistory", asked);
    items(&found["historyRecordSet"])
        .iter()
        .map(|one| text(&one["eventInformation"]["eventSubType"]))
        .collect()
}

#[test]
fn a_spot_fleet_is_maintained_by_its_role() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let role = role(&root, json!("ec2:Describe*"));
    let more = json!({ "OnDemandTargetCapacity": 1, "ExcessCapacityTerminationPolicy": "Default", "TagSpecifications": [{ "ResourceType": "spot-fleet-request", "Tags": [{ "Key": "a", "Value": "b" }] }] });
    let made = ec2(&root, "RequestSpotFleet", asked(&role, 2, more));
    let id = text(&made["spotFleetRequestId"]);
    assert!(id.starts_with("sfr-"), "{id}");
    // The role may not launch, and that is told.
    cloud.reconcile();
    assert_eq!(
        told(&root, &id)["activityStatus"],
        "error",
        "{} {:?}",
        told(&root, &id),
        history(&root, &id, "error")
    );
    assert_eq!(history(&root, &id, "error"), ["iamFleetRoleInvalid"]);
    assert!(ids(&root, &id).is_empty());
    allow(&root, json!("ec2:*"));
    cloud.advance(Duration::from_secs(300));
    until(&cloud, || told(&root, &id)["activityStatus"] == "fulfilled" && ids(&root, &id).len() == 2);
    let seen = told(&root, &id);
    assert_eq!((&seen["spotFleetRequestState"], &seen["tagSet"][0]["key"]), (&json!("active"), &json!("a")));
    let data = &seen["spotFleetRequestConfig"];
    for (member, value) in [
        ("allocationStrategy", "priceCapacityOptimized"),
        ("onDemandAllocationStrategy", "lowestPrice"),
        ("iamFleetRole", role.as_str()),
        ("type", "maintain"),
        ("excessCapacityTerminationPolicy", "default"),
    ] {
        assert_eq!(data[member], value, "{data}");
    }
    let of_fleet = |tag: &&Value| {
        tag["key"] != "aws:ec2launchtemplate:id" && tag["key"] != "aws:ec2launchtemplate:version"
    };
    let tags: Vec<Value> = ids(&root, &id)
        .iter()
        .flat_map(|one| {
            items(&instance(&root, one)["tagSet"]).iter().filter(of_fleet).cloned().collect::<Vec<_>>()
        })
        .collect();
    assert!(
        tags.iter().all(|tag| *tag == json!({ "key": "aws:ec2spot:fleet-request-id", "value": id })),
        "{tags:?}"
    );
    // It is none of EC2's fleets.
    assert!(items(&ec2(&root, "DescribeFleets", json!({}))["fleetSet"]).is_empty());

    let lost =
        ids(&root, &id).into_iter().find(|one| instance(&root, one)["instanceLifecycle"] == "spot").unwrap();
    until(&cloud, || text(&instance(&root, &lost)["instanceState"]["name"]) == "running");
    interrupt(&cloud, &lost).unwrap();
    cloud.advance(Duration::from_secs(121));
    until(&cloud, || ids(&root, &id).len() == 2 && !ids(&root, &id).contains(&lost));
    ec2(&root, "ModifySpotFleetRequest", json!({ "SpotFleetRequestId": id, "TargetCapacity": 3 }));
    assert_eq!(told(&root, &id)["spotFleetRequestState"], "modifying");
    until(&cloud, || ids(&root, &id).len() == 3 && told(&root, &id)["spotFleetRequestState"] == "active");
    let changes = history(&root, &id, "fleetRequestChange");
    assert_eq!(changes, ["submitted", "active", "modify_in_progress", "modify_succeeded"]);

    let gone = ec2(
        &root,
        "CancelSpotFleetRequests",
        json!({ "SpotFleetRequestIds": [id, "sfr-1"], "TerminateInstances": true }),
    );
    let done = &gone["successfulFleetRequestSet"][0];
    assert_eq!(
        (&done["currentSpotFleetRequestState"], &done["previousSpotFleetRequestState"]),
        (&json!("cancelled_terminating"), &json!("active"))
    );
    assert_eq!(gone["unsuccessfulFleetRequestSet"][0]["error"]["code"], "fleetRequestIdMalformed");
    until(&cloud, || told(&root, &id)["spotFleetRequestState"] == "cancelled");
    let (code, _) = root.call("ec2", "ModifySpotFleetRequest", json!({ "SpotFleetRequestId": id })).error();
    assert_eq!(code, "FleetNotInModifiableState");
}

#[test]
fn what_a_spot_fleet_cannot_be() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let role = role(&root, json!("ec2:*"));
    let alone = |more: Value| {
        let mut specification = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" });
        specification.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "LaunchSpecifications": [specification], "LaunchTemplateConfigs": [] })
    };
    let both = json!({ "LaunchSpecifications": [{ "ImageId": IMAGE, "InstanceType": "t3.micro" }] });
    let mut on_demand = alone(json!({}));
    on_demand["OnDemandTargetCapacity"] = json!(1);
    let no_image =
        json!({ "LaunchSpecifications": [{ "InstanceType": "t3.micro" }], "LaunchTemplateConfigs": [] });
    for (wanted, code) in [
        (asked("fleet", 1, json!({})), "InvalidSpotFleetRequestConfig"),
        (asked(&role, 1, json!({ "Type": "instant" })), "InvalidSpotFleetRequestConfig"),
        (asked(&role, 1, both), "InvalidSpotFleetRequestConfig"),
        (asked(&role, 1, on_demand), "InvalidSpotFleetRequestConfig"),
        (asked(&role, 1, no_image), "MissingParameter"),
        (asked(&role, 1, alone(json!({ "InstanceType": "x1.large" }))), "InvalidParameterValue"),
        (
            asked(&role, 1, alone(json!({ "Placement": { "AvailabilityZone": "us-east-1a, us-east-1x" } }))),
            "InvalidZone.NotFound",
        ),
        (asked(&role, 1, alone(json!({ "SubnetId": "subnet-12345678" }))), "InvalidSubnetID.NotFound"),
        (
            asked(&role, 1, json!({ "AllocationStrategy": "diversified", "InstancePoolsToUseCount": 2 })),
            "InvalidParameterCombination",
        ),
        (asked(&role, 1, json!({ "OnDemandTargetCapacity": 2 })), "InvalidParameterValue"),
        (asked(&role, 1, json!({ "SpotPrice": "0.001" })), "InvalidParameterValue"),
    ] {
        let (found, message) = root.call("ec2", "RequestSpotFleet", wanted.clone()).error();
        assert_eq!(found, code, "{wanted} {message}");
    }
    // Who makes one hands its role over.
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": ["ec2:*", "iam:CreateServiceLinkedRole"], "Resource": "*" } });
    let maker = cloud.user(&root, "maker", &policy.to_string());
    let (code, message) = maker.call("ec2", "RequestSpotFleet", asked(&role, 1, json!({}))).error();
    assert!(code == "UnauthorizedOperation" && message.contains("iam:PassRole"), "{code} {message}");
    let none = json!({ "SpotFleetRequestIds": ["sfr-123f8fc2-11aa-22bb-33cc-123456789abc"] });
    let (code, message) = root.call("ec2", "DescribeSpotFleetRequests", none).error();
    assert_eq!(code, "InvalidSpotFleetRequestId.NotFound", "{message}");
}

#[test]
fn a_spot_fleet_launches_by_specifications_of_its_own() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let role = role(&root, json!(["ec2:*"]));
    let made = ec2(&root, "CreateSecurityGroup", json!({ "GroupName": "web", "GroupDescription": "web" }));
    let group = text(&made["groupId"]);
    let tags = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "of", "Value": "fleet" }] }]);
    let specification = json!({ "ImageId": IMAGE, "InstanceType": "t3.small", "WeightedCapacity": 2.0,
        "Placement": { "AvailabilityZone": "us-east-1b, us-east-1c" }, "SecurityGroups": [{ "GroupId": group }],
        "Monitoring": { "Enabled": true }, "TagSpecifications": tags, "UserData": "IyEvYmluL3NoCg==" });
    let other = json!({ "ImageId": IMAGE, "InstanceType": "m5.large", "SpotPrice": "0.0011" });
    let more = json!({ "LaunchSpecifications": [specification, other], "LaunchTemplateConfigs": [] });
    let id = text(&ec2(&root, "RequestSpotFleet", asked(&role, 4, more))["spotFleetRequestId"]);
    until(&cloud, || ids(&root, &id).len() == 2);
    for one in ids(&root, &id) {
        let seen = instance(&root, &one);
        assert_eq!((&seen["instanceType"], &seen["instanceLifecycle"]), (&json!("t3.small"), &json!("spot")));
        assert_eq!(seen["groupSet"][0]["groupId"], group.as_str());
        assert_eq!(seen["monitoring"]["state"], "enabled");
        let zone = text(&seen["placement"]["availabilityZone"]);
        assert!(["us-east-1b", "us-east-1c"].contains(&zone.as_str()), "{zone}");
        assert!(items(&seen["tagSet"]).contains(&json!({ "key": "of", "value": "fleet" })), "{seen}");
    }
    let config = told(&root, &id)["spotFleetRequestConfig"].clone();
    let shown = items(&config["launchSpecifications"]);
    assert_eq!(shown[0]["placement"]["availabilityZone"], "us-east-1b, us-east-1c");
    assert_eq!((&shown[0]["weightedCapacity"], &shown[1]["spotPrice"]), (&json!("2.0"), &json!("0.0011")));
    assert!(config["launchTemplateConfigs"].is_null() || items(&config["launchTemplateConfigs"]).is_empty());
    // What ends is replaced; a template it has none.
    let lost = ids(&root, &id)[0].clone();
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [lost] }));
    until(&cloud, || ids(&root, &id).len() == 2 && !ids(&root, &id).contains(&lost));
    template(&root);
    let by = json!({ "LaunchTemplateName": "fleet", "Version": "$Latest" });
    let change =
        json!({ "SpotFleetRequestId": id, "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": by }] });
    let (code, message) = root.call("ec2", "ModifySpotFleetRequest", change).error();
    assert!(
        code == "InvalidSpotFleetRequestConfig" && message.contains("no LaunchTemplateConfigs"),
        "{message}"
    );
}
