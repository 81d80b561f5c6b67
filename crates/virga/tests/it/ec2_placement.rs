//! Placement groups: what is refused, where machines may be, who may use one; whose hardware it is; where types are offered.

use crate::autoscaling::{asked, ids, members, template};
use crate::cloudformation_kinds::delete;
use crate::cloudformation_stacks::{created, output, physical};
use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::instance;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn both(first: Value, second: Value) -> Value {
    items(&first).into_iter().chain(items(&second)).collect()
}

fn group(caller: &Caller<'_>, name: &str, strategy: &str) -> Value {
    let asked = json!({ "GroupName": name, "Strategy": strategy });
    ec2(caller, "CreatePlacementGroup", asked)["placementGroup"].clone()
}

fn launching(kind: &str, placement: &Value) -> Value {
    json!({ "ImageId": IMAGE, "InstanceType": kind, "MinCount": 1, "MaxCount": 1, "Placement": placement })
}

fn launch(caller: &Caller<'_>, kind: &str, placement: Value) -> String {
    text(&ec2(caller, "RunInstances", launching(kind, &placement))["instancesSet"][0]["instanceId"])
}

fn refused(caller: &Caller<'_>, kind: &str, placement: Value) -> (String, String) {
    caller.call("ec2", "RunInstances", launching(kind, &placement)).error()
}

fn place(caller: &Caller<'_>, id: &str) -> Value {
    instance(caller, id)["placement"].clone()
}

fn is(cloud: &Cloud, caller: &Caller<'_>, id: &str, state: &str) {
    until(cloud, || instance(caller, id)["instanceState"]["name"] == state);
}

fn end(cloud: &Cloud, caller: &Caller<'_>, id: &str) {
    ec2(caller, "TerminateInstances", json!({ "InstanceIds": [id] }));
    is(cloud, caller, id, "terminated");
}

#[test]
fn groups_are_made_told_tagged_and_ended() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "ResourceType": "placement-group", "Tags": [{ "Key": "team", "Value": "blue" }] }]);
    let asked = json!({ "GroupName": "parts", "Strategy": "partition", "PartitionCount": 3, "TagSpecifications": tags });
    let made = ec2(&root, "CreatePlacementGroup", asked)["placementGroup"].clone();
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:placement-group/parts");
    assert_eq!(
        (&made["groupName"], &made["state"], &made["partitionCount"], &made["groupArn"]),
        (&json!("parts"), &json!("available"), &json!("3"), &json!(arn))
    );
    assert!(text(&made["groupId"]).starts_with("pg-"), "{made}");
    let spread = group(&root, "spread", "spread");
    assert_eq!((&spread["spreadLevel"], &spread["partitionCount"]), (&json!("rack"), &Value::Null));
    ec2(&root, "CreatePlacementGroup", json!({ "GroupName": "near" }));
    let named = |asked: Value| -> Vec<String> {
        let found = ec2(&root, "DescribePlacementGroups", asked);
        items(&found["placementGroupSet"]).iter().map(|group| text(&group["groupName"])).collect()
    };
    let by = |name: &str, value: &str| named(json!({ "Filters": filter(name, value) }));
    assert_eq!(by("strategy", "cluster"), ["near"]);
    assert_eq!(by("tag:team", "blue"), ["parts"]);
    assert_eq!(by("spread-level", "rack"), ["spread"]);
    assert_eq!(named(json!({ "GroupNames": ["spread"] })), ["spread"]);
    assert_eq!(named(json!({ "GroupIds": [made["groupId"]] })), ["parts"]);
    for (asked, code, message) in [
        (
            json!({ "GroupName": "near" }),
            "InvalidPlacementGroup.Duplicate",
            "The placement group 'near' already exists.",
        ),
        (json!({ "GroupName": "a", "Strategy": "far" }), "InvalidParameterValue", ""),
        (
            json!({ "GroupName": "a", "Strategy": "partition", "PartitionCount": 8 }),
            "InvalidParameterValue",
            "",
        ),
        (json!({ "GroupName": "a", "PartitionCount": 2 }), "InvalidParameterCombination", ""),
        (json!({ "GroupName": "a", "SpreadLevel": "rack" }), "InvalidParameterCombination", ""),
        (
            json!({ "GroupName": "a", "Strategy": "spread", "SpreadLevel": "host" }),
            "UnsupportedOperation",
            "",
        ),
        (json!({ "Strategy": "cluster" }), "MissingParameter", ""),
    ] {
        let (found, said) = root.call("ec2", "CreatePlacementGroup", asked.clone()).error();
        assert!(found == code && said.contains(message), "{asked}: {found} {said}");
    }
    for (operation, asked) in [
        ("DescribePlacementGroups", json!({ "GroupNames": ["none"] })),
        ("DeletePlacementGroup", json!({ "GroupName": "none" })),
    ] {
        let reply = root.call("ec2", operation, asked);
        reply.refused_with(400, "InvalidPlacementGroup.Unknown", "The Placement Group 'none' is unknown.");
    }
    ec2(&root, "DeletePlacementGroup", json!({ "GroupName": "parts" }));
    let mut left = named(json!({}));
    left.sort();
    assert_eq!(left, ["near", "spread"]);
    // Of another account nobody sees them.
    let other = cloud.root("210987654321");
    assert!(items(&ec2(&other, "DescribePlacementGroups", json!({}))["placementGroupSet"]).is_empty());
}

#[test]
fn a_cluster_is_in_one_zone() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let made = group(&root, "near", "cluster");
    let first = launch(&root, "m5.large", json!({ "GroupName": "near", "AvailabilityZone": "us-east-1a" }));
    assert_eq!(
        (&place(&root, &first)["groupName"], &place(&root, &first)["groupId"]),
        (&json!("near"), &made["groupId"])
    );
    let elsewhere = json!({ "GroupId": made["groupId"], "AvailabilityZone": "us-east-1b" });
    let (code, message) = refused(&root, "m5.large", elsewhere.clone());
    assert_eq!(code, "InvalidPlacementGroup.InUse");
    assert_eq!(message, "The placement group 'near' is in use in another availability zone: us-east-1a");
    for (kind, placement, code) in [
        ("t3.micro", json!({ "GroupName": "near" }), "InvalidParameterCombination"),
        ("m5.large", json!({ "GroupName": "none" }), "InvalidPlacementGroup.Unknown"),
        (
            "m5.large",
            json!({ "GroupName": "near", "GroupId": made["groupId"] }),
            "InvalidParameterCombination",
        ),
        ("m5.large", json!({ "GroupName": "near", "PartitionNumber": 1 }), "InvalidParameterCombination"),
        ("m5.large", json!({ "PartitionNumber": 1 }), "InvalidParameterCombination"),
        ("m5.large", json!({ "Tenancy": "host" }), "UnsupportedTenancy"),
        ("m5.large", json!({ "Tenancy": "other" }), "InvalidParameterValue"),
    ] {
        let (found, message) = refused(&root, kind, placement.clone());
        assert_eq!(found, code, "{placement}: {message}");
    }
    let stops = json!({ "MarketType": "spot", "SpotOptions": { "SpotInstanceType": "persistent",
        "InstanceInterruptionBehavior": "stop" } });
    let mut asked = launching("m5.large", &json!({ "GroupName": "near" }));
    asked["InstanceMarketOptions"] = stops;
    assert_eq!(root.call("ec2", "RunInstances", asked).error().0, "InvalidParameterCombination");
    let (code, message) = root.call("ec2", "DeletePlacementGroup", json!({ "GroupName": "near" })).error();
    assert_eq!(code, "InvalidPlacementGroup.InUse");
    assert_eq!(message, "The placement group 'near' is in use and may not be deleted.");
    // Who stops gives the zone free; who starts again takes it only where it is.
    is(&cloud, &root, &first, "running");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [first] }));
    is(&cloud, &root, &first, "stopped");
    let second = launch(&root, "m5.large", elsewhere);
    let (code, _) = root.call("ec2", "StartInstances", json!({ "InstanceIds": [first] })).error();
    assert_eq!(code, "InvalidPlacementGroup.InUse");
    // It leaves the group, and may start.
    ec2(&root, "ModifyInstancePlacement", json!({ "InstanceId": first, "GroupName": "" }));
    assert_eq!(place(&root, &first)["groupName"], "");
    ec2(&root, "StartInstances", json!({ "InstanceIds": [first] }));
    let (code, _) = root
        .call("ec2", "ModifyInstancePlacement", json!({ "InstanceId": first, "GroupName": "near" }))
        .error();
    assert_eq!(code, "IncorrectInstanceState");
    end(&cloud, &root, &second);
    ec2(&root, "DeletePlacementGroup", json!({ "GroupName": "near" }));
}

#[test]
fn a_group_that_is_spread_has_seven_in_a_zone() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    group(&root, "far", "spread");
    let here = json!({ "GroupName": "far", "AvailabilityZone": "us-east-1a" });
    let mut asked = launching("t3.micro", &here);
    asked["MaxCount"] = json!(7);
    let made = ec2(&root, "RunInstances", asked);
    let first = text(&made["instancesSet"][0]["instanceId"]);
    assert_eq!(refused(&root, "t3.micro", here.clone()).0, "InsufficientInstanceCapacity");
    launch(&root, "t3.micro", json!({ "GroupName": "far", "AvailabilityZone": "us-east-1b" }));
    assert_eq!(
        refused(&root, "t3.micro", json!({ "GroupName": "far", "Tenancy": "dedicated" })).0,
        "InvalidParameterCombination"
    );
    end(&cloud, &root, &first);
    launch(&root, "t3.micro", here);
}

#[test]
fn partitions_are_filled_evenly() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let asked = json!({ "GroupName": "parts", "Strategy": "partition", "PartitionCount": 3 });
    ec2(&root, "CreatePlacementGroup", asked);
    let named = launch(&root, "t3.micro", json!({ "GroupName": "parts", "PartitionNumber": 2 }));
    assert_eq!(place(&root, &named)["partitionNumber"], "2");
    let mut asked = launching("t3.micro", &json!({ "GroupName": "parts" }));
    asked["MaxCount"] = json!(3);
    let made = ec2(&root, "RunInstances", asked);
    let of = |instance: &Value| text(&instance["placement"]["partitionNumber"]);
    let parts: Vec<String> = items(&made["instancesSet"]).iter().map(of).collect();
    assert_eq!(parts, ["1", "3", "1"]);
    let (code, _) = refused(&root, "t3.micro", json!({ "GroupName": "parts", "PartitionNumber": 4 }));
    assert_eq!(code, "InvalidParameterValue");
    let (code, _) = refused(&root, "t3.micro", json!({ "GroupName": "parts", "Tenancy": "dedicated" }));
    assert_eq!(code, "InvalidParameterCombination", "three are too many on dedicated hardware");
    let found = ec2(
        &root,
        "DescribeInstances",
        json!({ "Filters": both(filter("placement-group-name", "parts"), filter("placement-partition-number", "1")) }),
    );
    assert_eq!(items(&found["reservationSet"]).len(), 1);
}

#[test]
fn tenancy_is_told_by_templates_and_to_reservations() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    group(&root, "far", "spread");
    let data = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro",
        "Placement": { "GroupName": "far", "AvailabilityZone": "us-east-1b" } });
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data }));
    // Of the place each says its part.
    let by = json!({ "LaunchTemplate": { "LaunchTemplateName": "web" }, "MinCount": 1, "MaxCount": 1,
        "Placement": { "AvailabilityZone": "us-east-1a" } });
    let made = ec2(&root, "RunInstances", by)["instancesSet"][0].clone();
    assert_eq!(
        (&made["placement"]["groupName"], &made["placement"]["availabilityZone"]),
        (&json!("far"), &json!("us-east-1a"))
    );
    let asked = json!({ "InstanceType": "t3.micro", "InstancePlatform": "Linux/UNIX",
        "AvailabilityZone": "us-east-1a", "InstanceCount": 5 });
    ec2(&root, "CreateCapacityReservation", asked);
    let own = launch(&root, "t3.micro", json!({ "Tenancy": "dedicated", "AvailabilityZone": "us-east-1a" }));
    assert_eq!(place(&root, &own)["tenancy"], "dedicated");
    assert!(instance(&root, &own)["capacityReservationId"].is_null());
    let like = ec2(&root, "GetLaunchTemplateData", json!({ "InstanceId": own }));
    assert_eq!(like["launchTemplateData"]["placement"]["tenancy"], "dedicated");
    let found = ec2(&root, "DescribeInstances", json!({ "Filters": filter("tenancy", "dedicated") }));
    assert_eq!(items(&found["reservationSet"]).len(), 1);
}

#[test]
fn policies_are_asked_about_the_group_and_the_tenancy() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    group(&root, "far", "spread");
    group(&root, "near", "cluster");
    let allow =
        |resource: &str| json!({ "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": resource });
    let of = |more: Value| {
        let deny = json!({ "Effect": "Deny", "Action": "*" });
        let mut statement = deny.as_object().unwrap().clone();
        statement.extend(more.as_object().unwrap().clone());
        json!({ "Version": "2012-10-17", "Statement": [allow("*"), statement] }).to_string()
    };
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:placement-group/far");
    let by_resource = cloud.user(&root, "resource", &of(json!({ "Resource": arn })));
    let by_key = cloud.user(
        &root,
        "key",
        &of(json!({ "Resource": "*", "Condition": { "ArnEquals": { "ec2:PlacementGroup": arn } } })),
    );
    let by_tenancy = cloud.user(
        &root,
        "tenancy",
        &of(json!({ "Resource": "*", "Condition": { "StringEquals": { "ec2:Tenancy": "dedicated" } } })),
    );
    for user in [&by_resource, &by_key] {
        assert_eq!(refused(user, "m5.large", json!({ "GroupName": "far" })).0, "UnauthorizedOperation");
        launch(user, "m5.large", json!({ "GroupName": "near", "AvailabilityZone": "us-east-1a" }));
    }
    assert_eq!(
        refused(&by_tenancy, "m5.large", json!({ "Tenancy": "dedicated" })).0,
        "UnauthorizedOperation"
    );
    launch(&by_tenancy, "m5.large", json!({ "Tenancy": "default" }));
    let deletes = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:DeletePlacementGroup", "Resource": "*",
          "Condition": { "StringEquals": { "ec2:PlacementGroupStrategy": "spread" } } }] });
    let deleter = cloud.user(&root, "deleter", &deletes.to_string());
    let (code, _) = deleter.call("ec2", "DeletePlacementGroup", json!({ "GroupName": "near" })).error();
    assert_eq!(code, "UnauthorizedOperation");
    ec2(&deleter, "DeletePlacementGroup", json!({ "GroupName": "far" }));
}

#[test]
fn types_are_offered_by_region_and_zone() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let of =
        |asked: Value| items(&ec2(&root, "DescribeInstanceTypeOfferings", asked)["instanceTypeOfferingSet"]);
    let small = filter("instance-type", "t3.micro");
    let found = of(json!({ "Filters": small }));
    assert_eq!(
        found,
        [json!({ "instanceType": "t3.micro", "locationType": "region", "location": "us-east-1" })]
    );
    let zones = of(json!({ "LocationType": "availability-zone", "Filters": small }));
    assert!(zones.len() > 2 && zones.iter().any(|one| one["location"] == "us-east-1a"), "{zones:?}");
    let ids = of(json!({ "LocationType": "availability-zone-id",
        "Filters": both(filter("instance-type", "t3.*"), filter("location", "use1-az1")) }));
    assert!(ids.len() > 2 && ids.iter().all(|one| one["location"] == "use1-az1"), "{ids:?}");
    assert!(of(json!({ "LocationType": "outpost" })).is_empty());
    let first = ec2(&root, "DescribeInstanceTypeOfferings", json!({ "MaxResults": 5 }));
    let rest = ec2(&root, "DescribeInstanceTypeOfferings", json!({ "NextToken": first["nextToken"] }));
    let all = of(json!({})).len();
    assert_eq!(
        (items(&first["instanceTypeOfferingSet"]).len(), items(&rest["instanceTypeOfferingSet"]).len()),
        (5, all - 5)
    );
    let (code, _) =
        root.call("ec2", "DescribeInstanceTypeOfferings", json!({ "LocationType": "moon" })).error();
    assert_eq!(code, "InvalidParameterValue");
    let told = ec2(&root, "DescribeInstanceTypes", json!({ "InstanceTypes": ["t3.micro"] }));
    let strategies = items(&told["instanceTypeSet"][0]["placementGroupInfo"]["supportedStrategies"]);
    assert_eq!(strategies, ["partition", "spread"]);
}

#[test]
fn groups_of_instances_and_stacks_launch_into_it() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    group(&root, "near", "cluster");
    template(
        &root,
        json!({ "ImageId": IMAGE, "InstanceType": "m5.large", "Placement": { "Tenancy": "dedicated" } }),
    );
    let more = json!({ "PlacementGroup": "near", "AvailabilityZones": ["us-east-1a"], "MinSize": 2 });
    let unknown = asked(json!({ "PlacementGroup": "none" }));
    let (code, message) = root.call("autoscaling", "CreateAutoScalingGroup", unknown).error();
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationError", "The Placement Group 'none' is unknown.")
    );
    root.call("autoscaling", "CreateAutoScalingGroup", asked(more)).ok();
    until(&cloud, || members(&root).len() == 2);
    for id in ids(&root) {
        let place = place(&root, &id);
        assert_eq!((&place["groupName"], &place["tenancy"]), (&json!("near"), &json!("dedicated")));
    }
    let told = root.call("autoscaling", "DescribeAutoScalingGroups", json!({})).ok();
    assert_eq!(told["AutoScalingGroups"][0]["PlacementGroup"], "near");
    let text = "
Resources:
  Far: { Type: 'AWS::EC2::PlacementGroup', Properties: { Strategy: partition, PartitionCount: 2, Tags: [{ Key: a, Value: b }] } }
  Machine: { Type: 'AWS::EC2::Instance', Properties: { ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, PlacementGroupName: !Ref Far, Tenancy: dedicated } }
Outputs:
  Id: { Value: !GetAtt Far.GroupId }
";
    let stack = created(&cloud, &root, "placed", text);
    let name = physical(&root, "placed", "Far");
    let machine = place(&root, &physical(&root, "placed", "Machine"));
    assert_eq!(machine["groupId"], output(&stack, "Id").as_str());
    assert_eq!((&machine["groupName"], &machine["tenancy"]), (&json!(name), &json!("dedicated")));
    delete(&cloud, &root, "placed");
    let (code, _) = root.call("ec2", "DescribePlacementGroups", json!({ "GroupNames": [name] })).error();
    assert_eq!(code, "InvalidPlacementGroup.Unknown");
}
