//! Auto Scaling groups: kept at their size and in balance, through the loss of instances and zones; and who may.

use crate::ec2_profiles::{IMAGE, profile};
use crate::ec2_zones::{set, until};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

pub(crate) fn asg(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("autoscaling", operation, parameters).ok()
}

#[track_caller]
pub(crate) fn refused(caller: &Caller<'_>, operation: &str, parameters: Value) -> (String, String) {
    caller.call("autoscaling", operation, parameters).error()
}

pub(crate) fn template(root: &Caller<'_>, data: Value) -> String {
    let made =
        ec2(root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data }));
    text(&made["launchTemplate"]["launchTemplateId"])
}

pub(crate) fn asked(more: Value) -> Value {
    let mut asked = json!({ "AutoScalingGroupName": "web", "LaunchTemplate": { "LaunchTemplateName": "web" },
        "MinSize": 0, "MaxSize": 6, "AvailabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"] });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

pub(crate) fn group(root: &Caller<'_>) -> Value {
    let found = asg(root, "DescribeAutoScalingGroups", json!({ "AutoScalingGroupNames": ["web"] }));
    found["AutoScalingGroups"][0].clone()
}

pub(crate) fn members(root: &Caller<'_>) -> Vec<Value> {
    items(&group(root)["Instances"])
}

pub(crate) fn ids(root: &Caller<'_>) -> Vec<String> {
    members(root).iter().map(|member| text(&member["InstanceId"])).collect()
}

/// How many instances in service each zone has.
fn zones(root: &Caller<'_>) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for member in members(root).iter().filter(|member| member["LifecycleState"] == "InService") {
        *out.entry(text(&member["AvailabilityZone"])).or_default() += 1;
    }
    out
}

pub(crate) fn settled(root: &Caller<'_>, size: usize) -> bool {
    let members = members(root);
    members.len() == size && members.iter().all(|member| member["LifecycleState"] == "InService")
}

pub(crate) fn activities(root: &Caller<'_>) -> Vec<Value> {
    let told = asg(root, "DescribeScalingActivities", json!({ "AutoScalingGroupName": "web" }));
    items(&told["Activities"])
}

#[test]
fn a_launch_that_fails_for_its_key_is_told_and_tried_later() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    // Groups launch by their own role, which has no rights at the key but by its policy.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}]}"#;
    let key = text(&root.call("kms", "CreateKey", json!({ "Policy": policy })).ok()["KeyMetadata"]["Arn"]);
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    let disk = json!([{ "DeviceName": "/dev/xvda", "Ebs": { "Encrypted": true, "KmsKeyId": key } }]);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "BlockDeviceMappings": disk }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 1 })));
    // Of zones alone, no subnets are told, which is not nothing.
    assert_eq!(group(&root)["VPCZoneIdentifier"], "");
    let told = || {
        let failed = |told: &&Value| told["StatusCode"] == "Cancelled";
        activities(&root).iter().filter(failed).map(|told| text(&told["StatusMessage"])).collect::<Vec<_>>()
    };
    until(&cloud, || !told().is_empty());
    let why = "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state";
    assert_eq!(told(), [why]);
    // It waits before it tries again.
    cloud.reconcile();
    cloud.reconcile();
    assert_eq!((told().len(), ids(&root).len()), (1, 0));
    root.call("kms", "EnableKey", json!({ "KeyId": key })).ok();
    cloud.advance(Duration::from_secs(5));
    until(&cloud, || settled(&root, 1));
}

#[test]
fn groups_are_found_by_their_tags_and_activities_by_time_and_status() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let tags = json!([{ "Key": "stage", "Value": "production", "PropagateAtLaunch": false }]);
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 1, "Tags": tags })));
    let groups = |name: &str, value: &str| {
        let filters = json!([{ "Name": name, "Values": [value] }]);
        items(&asg(&root, "DescribeAutoScalingGroups", json!({ "Filters": filters }))["AutoScalingGroups"])
            .len()
    };
    for (name, value, expected) in [
        ("tag-key", "stage", 1),
        ("tag-key", "owner", 0),
        ("tag-value", "production", 1),
        ("tag:stage", "production", 1),
        ("tag:stage", "development", 0),
    ] {
        assert_eq!(groups(name, value), expected, "{name} {value}");
    }
    let colour = json!({ "Filters": [{ "Name": "colour", "Values": ["red"] }] });
    for operation in ["DescribeAutoScalingGroups", "DescribeScalingActivities"] {
        let (code, message) = refused(&root, operation, colour.clone());
        assert_eq!(code, "ValidationError");
        assert!(message.starts_with("Filter type colour is not correct."), "{message}");
    }
    until(&cloud, || settled(&root, 1));
    let began = cloud.cloud.clock().now();
    let told = |name: &str, value: &str| {
        let filters = json!([{ "Name": name, "Values": [value] }]);
        let asked = json!({ "AutoScalingGroupName": "web", "Filters": filters });
        items(&asg(&root, "DescribeScalingActivities", asked)["Activities"]).len()
    };
    let later = began.plus(Duration::from_secs(3600)).iso8601();
    for (name, value, expected) in [
        ("Status", "Successful", 1),
        ("Status", "Failed", 0),
        ("StartTimeUpperBound", later.as_str(), 1),
        ("StartTimeLowerBound", &later, 0),
        ("StartTimeUpperBound", "2000-01-18T16:15:00+08:00", 0),
    ] {
        assert_eq!(told(name, value), expected, "{name} {value}");
    }
    let unread = "The filter configuration isn't valid. The specified timestamp isn't valid.";
    for (name, value, words) in [
        (
            "Status",
            "Failed",
            "The Status filter requires an Auto Scaling group name. Add the AutoScalingGroupName parameter and try again.",
        ),
        ("StartTimeLowerBound", "yesterday", unread),
        ("StartTimeUpperBound", "2026-09-27", unread),
    ] {
        let asked = json!({ "Filters": [{ "Name": name, "Values": [value] }] });
        assert_eq!(
            refused(&root, "DescribeScalingActivities", asked),
            ("ValidationError".into(), words.into())
        );
    }
}

#[test]
fn activities_outlive_their_group_by_six_weeks() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let make = || asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 1 })));
    let named = json!({ "AutoScalingGroupName": "web" });
    let with_deleted = || {
        let asked = json!({ "AutoScalingGroupName": "web", "IncludeDeletedGroups": true });
        items(&asg(&root, "DescribeScalingActivities", asked)["Activities"])
    };
    make();
    until(&cloud, || settled(&root, 1));
    let member = members(&root)[0].clone();
    let seen = ec2(&root, "DescribeInstances", json!({ "InstanceIds": [member["InstanceId"]] }));
    let subnet = text(&seen["reservationSet"][0]["instancesSet"][0]["subnetId"]);
    let details = format!(
        r#"{{"Availability Zone ID":"{}","Subnet ID":"{subnet}","Availability Zone":"{}"}}"#,
        text(&member["AvailabilityZoneId"]),
        text(&member["AvailabilityZone"])
    );
    cloud.advance(Duration::from_millis(1_500));
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web", "ForceDelete": true }));
    let going = group(&root);
    assert_eq!(going["Status"], "Delete in progress");
    for size in ["MinSize", "MaxSize", "DesiredCapacity"] {
        assert_eq!(going[size], "0", "{going}");
    }
    assert_eq!(activities(&root)[0]["AutoScalingGroupState"], "InService");
    until(&cloud, || group(&root).is_null());
    let words = "AutoScalingGroup name not found - AutoScalingGroup web not found";
    assert_eq!(
        refused(&root, "DescribeScalingActivities", named.clone()),
        ("ValidationError".into(), words.into())
    );
    let told = with_deleted();
    assert_eq!(told.len(), 2);
    for told in &told {
        assert_eq!(
            (&told["AutoScalingGroupState"], text(&told["Details"])),
            (&json!("Deleted"), details.clone()),
            "{told}"
        );
        assert_eq!(text(&told["EndTime"]).len(), "2026-01-15T12:00:00Z".len(), "{told}");
    }
    let cause = text(&told[0]["Cause"]);
    let words = "a user request force deleted AutoScaling group changing the desired capacity from 1 to 0.";
    assert!(cause.contains(words), "{cause}");

    // Another group of the name has its own ones.
    cloud.advance(Duration::from_secs(1));
    make();
    until(&cloud, || settled(&root, 1));
    assert_eq!((activities(&root).len(), with_deleted().len()), (1, 3));
    let states: Vec<String> =
        with_deleted().iter().map(|told| text(&told["AutoScalingGroupState"])).collect();
    assert_eq!(states, ["InService", "Deleted", "Deleted"]);
    cloud.advance(Duration::from_secs(42 * 24 * 3_600));
    assert_eq!(with_deleted(), Vec::<Value>::new());
}

#[test]
fn a_group_is_told_as_it_is() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 1 })));
    until(&cloud, || settled(&root, 1));
    cloud.advance(Duration::from_millis(1_500));
    asg(&root, "SuspendProcesses", json!({ "AutoScalingGroupName": "web", "ScalingProcesses": ["Launch"] }));
    let seen = group(&root);
    for (member, expected) in [
        ("AvailabilityZoneIds", json!(["use1-az1", "use1-az2", "use1-az3"])),
        // Empty lists are empty elements.
        ("LoadBalancerNames", json!("")),
        ("TargetGroupARNs", json!("")),
        ("TrafficSources", json!("")),
        ("AvailabilityZoneDistribution", json!({ "CapacityDistributionStrategy": "balanced-best-effort" })),
        ("CapacityReservationSpecification", json!({ "CapacityReservationPreference": "default" })),
        ("InstanceLifecyclePolicy", json!({ "RetentionTriggers": { "TerminateHookAbandon": "terminate" } })),
    ] {
        assert_eq!(seen[member], expected, "{member}");
    }
    let why = text(&seen["SuspendedProcesses"][0]["SuspensionReason"]);
    assert_eq!(why.len(), "User suspended at 2026-01-15T12:00:00Z".len(), "{why}");
    let of_all = asg(&root, "DescribeAutoScalingInstances", json!({}));
    for member in [&seen["Instances"][0], &of_all["AutoScalingInstances"][0]] {
        assert!(text(&member["AvailabilityZoneId"]).starts_with("use1-az"), "{member}");
        assert!(member["ImageId"].is_null(), "{member}");
    }
    let by_function = "arn:aws:lambda:us-east-1:123456789012:function:choose";
    for (changes, words) in [
        (
            json!({ "MinSize": 3, "MaxSize": 1 }),
            "Max bound, 1, must be greater than or equal to min bound, 3",
        ),
        (
            json!({ "TerminationPolicies": ["Kindest"] }),
            "[Kindest] is not a valid termination policy. Valid termination policies are: [AllocationStrategy, ClosestToNextInstanceHour, Default, Lambda, NewestInstance, OldestInstance, OldestLaunchConfiguration, OldestLaunchTemplate].",
        ),
        (
            json!({ "TerminationPolicies": [by_function] }),
            "A termination policy by a Lambda function is not built in this version of Virga.",
        ),
    ] {
        let mut asked = json!({ "AutoScalingGroupName": "web" });
        asked.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        assert_eq!(refused(&root, "UpdateAutoScalingGroup", asked), ("ValidationError".into(), words.into()));
    }
}

#[test]
fn a_group_survives_the_loss_of_a_zone() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 3 })));
    until(&cloud, || settled(&root, 3));
    assert_eq!(zones(&root).into_values().collect::<Vec<_>>(), [1, 1, 1]);
    let lost = members(&root).into_iter().find(|member| member["AvailabilityZone"] == "us-east-1a").unwrap();
    let lost = text(&lost["InstanceId"]);

    set(&cloud, "us-east-1a", true);
    until(&cloud, || settled(&root, 3) && !ids(&root).contains(&lost));
    assert!(!zones(&root).contains_key("us-east-1a"), "{:?}", zones(&root));
    let causes: Vec<String> = activities(&root).iter().map(|told| text(&told["Cause"])).collect();
    let why = "an instance was taken out of service in response to an EC2 instance status checks failure.";
    assert!(causes.iter().any(|cause| cause.contains(why)), "{causes:?}");

    // It comes back, and the group is balanced again over all of its zones, never below its size.
    set(&cloud, "us-east-1a", false);
    until(&cloud, || settled(&root, 3) && zones(&root).len() == 3);
}

#[test]
fn a_group_is_kept_at_its_size() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "of", "Value": "template" }] }]);
    let data = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "TagSpecifications": tags, "DisableApiTermination": true });
    template(&root, data);
    let tags = json!([{ "Key": "Name", "Value": "web", "PropagateAtLaunch": true }, { "Key": "own", "Value": "x", "PropagateAtLaunch": false }]);
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 2, "Tags": tags })));
    until(&cloud, || settled(&root, 2));
    let seen = ec2(&root, "DescribeInstances", json!({ "Filters": filter("tag:Name", "web") }));
    let seen = &seen["reservationSet"][0]["instancesSet"][0];
    let mut tags: Vec<String> = items(&seen["tagSet"])
        .iter()
        .map(|tag| format!("{} {}", text(&tag["key"]), text(&tag["value"])))
        .collect();
    tags.sort();
    let template =
        ec2(&root, "DescribeLaunchTemplates", json!({}))["launchTemplates"][0]["launchTemplateId"].clone();
    let by =
        [format!("aws:ec2launchtemplate:id {}", text(&template)), "aws:ec2launchtemplate:version 1".into()];
    assert_eq!(tags[..2], ["Name web", "aws:autoscaling:groupName web"], "{seen}");
    assert_eq!((&tags[2..4], &tags[4][..], tags.len()), (&by[..], "of template", 5), "{seen}");
    // All of them come with the launch.
    let marked =
        json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "CreateTags" }] });
    assert_eq!(items(&root.call("cloudtrail", "LookupEvents", marked).ok()["Events"]), Vec::<Value>::new());
    let told = activities(&root);
    assert_eq!((told.len(), &told[0]["StatusCode"]), (2, &json!("Successful")));
    let cause = text(&told[0]["Cause"]);
    assert!(
        cause.contains(
            "a user request created an AutoScalingGroup changing the desired capacity from 0 to 2."
        )
    );
    assert!(cause.contains("  At 2026-"), "{cause}");

    // What is ended behind its back is replaced.
    let first = ids(&root)[0].clone();
    let off = json!({ "InstanceId": first, "DisableApiTermination": { "Value": false } });
    ec2(&root, "ModifyInstanceAttribute", off);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [first] }));
    until(&cloud, || settled(&root, 2) && !ids(&root).contains(&first));
    // So is what its user calls unhealthy; protection from termination is no matter to the group.
    let second = ids(&root)[0].clone();
    asg(&root, "SetInstanceHealth", json!({ "InstanceId": second, "HealthStatus": "Unhealthy" }));
    until(&cloud, || settled(&root, 2) && !ids(&root).contains(&second));
    assert!(activities(&root).iter().any(|told| text(&told["Cause"]).ends_with("a user health-check.")));

    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 4 }));
    until(&cloud, || settled(&root, 4));
    let all = ids(&root);
    let keep =
        json!({ "AutoScalingGroupName": "web", "InstanceIds": [all[0]], "ProtectedFromScaleIn": true });
    asg(&root, "SetInstanceProtection", keep);
    asg(&root, "UpdateAutoScalingGroup", json!({ "AutoScalingGroupName": "web", "MaxSize": 1 }));
    until(&cloud, || settled(&root, 1));
    assert_eq!(ids(&root), [all[0].clone()]);
    asg(&root, "SuspendProcesses", json!({ "AutoScalingGroupName": "web", "ScalingProcesses": ["Launch"] }));
    let shrink = json!({ "InstanceId": all[0], "ShouldDecrementDesiredCapacity": false });
    asg(&root, "TerminateInstanceInAutoScalingGroup", shrink);
    until(&cloud, || settled(&root, 0));
    asg(&root, "ResumeProcesses", json!({ "AutoScalingGroupName": "web" }));
    until(&cloud, || settled(&root, 1));
    let details = asg(&root, "DescribeAutoScalingInstances", json!({}));
    let details = &details["AutoScalingInstances"][0];
    assert_eq!(
        (&details["HealthStatus"], &details["AutoScalingGroupName"]),
        (&json!("HEALTHY"), &json!("web"))
    );

    assert_eq!(
        refused(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web" })).0,
        "ResourceInUse"
    );
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web", "ForceDelete": true }));
    until(&cloud, || group(&root).is_null());
    for instance in items(&ec2(&root, "DescribeInstances", json!({}))["reservationSet"]) {
        assert_eq!(instance["instancesSet"][0]["instanceState"]["name"], "terminated");
    }
}

#[test]
fn a_launch_that_fails_is_told_and_tried_again() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "KeyName": "none" }));
    let words = "You must use a valid fully-formed launch template. The key pair 'none' does not exist";
    let early = refused(&root, "CreateAutoScalingGroup", asked(json!({})));
    assert_eq!(early, ("ValidationError".into(), words.into()));
    ec2(&root, "CreateKeyPair", json!({ "KeyName": "none" }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({})));
    ec2(&root, "DeleteKeyPair", json!({ "KeyName": "none" }));
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 1 }));
    cloud.reconcile();
    let told = activities(&root);
    assert_eq!((told.len(), &told[0]["StatusCode"]), (1, &json!("Failed")));
    assert_eq!(told[0]["StatusMessage"], "The key pair 'none' does not exist Launching EC2 instance failed.");
    assert!(items(&ec2(&root, "DescribeNetworkInterfaces", json!({}))["networkInterfaceSet"]).is_empty());
    ec2(&root, "CreateKeyPair", json!({ "KeyName": "none" }));
    cloud.advance(Duration::from_secs(5));
    until(&cloud, || settled(&root, 1));
    assert!(id.starts_with("lt-"));
}

#[test]
fn the_groups_of_a_template_are_of_the_vpc_that_it_launches_in() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let elsewhere = text(&ec2(&root, "CreateVpc", json!({ "CidrBlock": "10.0.0.0/16" }))["vpc"]["vpcId"]);
    let made = json!({ "VpcId": elsewhere, "GroupName": "web", "Description": "web" });
    let id = text(&ec2(&root, "CreateSecurityGroup", made)["groupId"]);
    let data = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "SecurityGroupIds": [id] });
    template(&root, data);
    let words = "One or more security groups in the launch template are not linked to the VPCs configured in the Auto Scaling group";
    let wrong = refused(&root, "CreateAutoScalingGroup", asked(json!({})));
    assert_eq!(wrong, ("ValidationError".into(), words.into()));
    let inside = json!({ "VpcId": elsewhere, "CidrBlock": "10.0.1.0/24" });
    let inside = text(&ec2(&root, "CreateSubnet", inside)["subnet"]["subnetId"]);
    let there = asked(json!({ "AvailabilityZones": null, "VPCZoneIdentifier": inside }));
    asg(&root, "CreateAutoScalingGroup", there);
    let back = json!({ "AutoScalingGroupName": "web", "AvailabilityZones": ["us-east-1a"] });
    assert_eq!(refused(&root, "UpdateAutoScalingGroup", back).1, words);
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web" }));
    ec2(&root, "DeleteSecurityGroup", json!({ "GroupId": id }));
    let gone = refused(&root, "CreateAutoScalingGroup", asked(json!({})));
    let words = format!(
        "You must use a valid fully-formed launch template. The security group '{id}' does not exist"
    );
    assert_eq!(gone, ("ValidationError".into(), words));
}

#[test]
fn what_cannot_be_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let rows = [
        (asked(json!({ "MinSize": 7 })), "Max bound, 6, must be greater than or equal to min bound, 7"),
        (
            asked(json!({ "DesiredCapacity": 7 })),
            "Desired capacity:7 must be between the specified min size:0 and max size:6",
        ),
        (
            asked(json!({ "AvailabilityZones": [] })),
            "At least one Availability Zone or VPC Subnet is required.",
        ),
        (
            asked(json!({ "LaunchTemplate": { "LaunchTemplateName": "none" } })),
            "You must use a valid fully-formed launch template. The specified launch template, with template name none, does not exist.",
        ),
        (
            asked(json!({ "LaunchTemplate": null })),
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.",
        ),
        (
            asked(json!({ "HealthCheckType": "ELB" })),
            "Of health checks, only EC2 is known in this version of Virga, not ELB.",
        ),
    ];
    for (asked, message) in rows {
        assert_eq!(
            refused(&root, "CreateAutoScalingGroup", asked),
            ("ValidationError".into(), message.into())
        );
    }
    asg(&root, "CreateAutoScalingGroup", asked(json!({})));
    assert_eq!(
        refused(&root, "CreateAutoScalingGroup", asked(json!({}))),
        (
            "AlreadyExists".into(),
            "AutoScalingGroup by this name already exists - A group with the name web already exists".into()
        )
    );
    let beyond = json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 9 });
    let words = "New SetDesiredCapacity value 9 is above max value 6 for the AutoScalingGroup.";
    assert_eq!(refused(&root, "SetDesiredCapacity", beyond), ("ValidationError".into(), words.into()));
    let hasty = json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 1, "HonorCooldown": true });
    assert_eq!(refused(&root, "SetDesiredCapacity", hasty).0, "ScalingActivityInProgress");
    let none = json!({ "AutoScalingGroupName": "none", "DesiredCapacity": 1 });
    assert_eq!(refused(&root, "SetDesiredCapacity", none).0, "ValidationError");
    let none = json!({ "InstanceId": "i-00000000000000000", "HealthStatus": "Healthy" });
    assert_eq!(refused(&root, "SetInstanceHealth", none).0, "ValidationError");
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web" }));
    assert!(group(&root).is_null());
}

#[test]
fn who_makes_a_group_may_launch_and_hand_the_role_over() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    profile(&root, "app");
    template(
        &root,
        json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "IamInstanceProfile": { "Name": "app" } }),
    );
    let policy = |actions: Value| {
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } }).to_string()
    };
    let scales = cloud.user(&root, "scales", &policy(json!(["autoscaling:*"])));
    let launches = cloud.user(&root, "launches", &policy(json!(["autoscaling:*", "ec2:RunInstances"])));
    let passes =
        cloud.user(&root, "passes", &policy(json!(["autoscaling:*", "ec2:RunInstances", "iam:PassRole"])));
    let words = "You are not authorized to use launch template: web";
    for caller in [&scales, &launches] {
        assert_eq!(
            refused(caller, "CreateAutoScalingGroup", asked(json!({}))),
            ("AccessDenied".into(), words.into())
        );
    }
    // The role by which groups act is there, or made by who may.
    let role = json!({ "AWSServiceName": "autoscaling.amazonaws.com" });
    root.call("iam", "CreateServiceLinkedRole", role).ok();
    asg(&passes, "CreateAutoScalingGroup", asked(json!({})));
}

#[test]
fn tags_change_and_policies_choose_who_goes() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let one_zone = json!({ "AvailabilityZones": ["us-east-1a"], "TerminationPolicies": ["NewestInstance"], "DesiredCapacity": 1 });
    asg(&root, "CreateAutoScalingGroup", asked(one_zone));
    until(&cloud, || settled(&root, 1));
    let first = ids(&root);
    cloud.advance(Duration::from_secs(60));
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 2 }));
    until(&cloud, || settled(&root, 2));
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 1 }));
    until(&cloud, || settled(&root, 1));
    assert_eq!(ids(&root), first);
    assert_eq!(group(&root)["TerminationPolicies"], json!(["NewestInstance"]));
    let types = asg(&root, "DescribeTerminationPolicyTypes", json!({}));
    assert_eq!(items(&types["TerminationPolicyTypes"]).len(), 7);

    let tag = |key: &str, value: Option<&str>| json!({ "ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": key, "Value": value, "PropagateAtLaunch": true });
    let tags = |filter: Value| items(&asg(&root, "DescribeTags", json!({ "Filters": filter }))["Tags"]);
    asg(&root, "CreateOrUpdateTags", json!({ "Tags": [tag("a", Some("1")), tag("b", Some("2"))] }));
    asg(&root, "CreateOrUpdateTags", json!({ "Tags": [tag("a", Some("3"))] }));
    let of_a = tags(json!([{ "Name": "key", "Values": ["a"] }]));
    assert_eq!(
        (of_a.len(), &of_a[0]["Value"], &of_a[0]["PropagateAtLaunch"]),
        (1, &json!("3"), &json!("true"))
    );
    // A value that is named must be the tag's.
    asg(&root, "DeleteTags", json!({ "Tags": [tag("a", Some("1")), tag("b", Some("2"))] }));
    assert_eq!(tags(json!([])).len(), 1);
    let other = json!({ "Tags": [{ "ResourceId": "none", "ResourceType": "auto-scaling-group", "Key": "a", "Value": "1" }] });
    assert_eq!(refused(&root, "CreateOrUpdateTags", other).0, "ValidationError");
    let wrong = json!({ "Filters": [{ "Name": "mood", "Values": ["x"] }] });
    assert_eq!(refused(&root, "DescribeTags", wrong).0, "ValidationError");
    let limits = asg(&root, "DescribeAccountLimits", json!({}));
    assert_eq!(
        (&limits["MaxNumberOfAutoScalingGroups"], &limits["NumberOfAutoScalingGroups"]),
        (&json!("500"), &json!("1"))
    );
    assert_eq!(items(&asg(&root, "DescribeScalingProcessTypes", json!({}))["Processes"]).len(), 9);
    // Who may tag is asked about the tags.
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "autoscaling:CreateOrUpdateTags",
        "Resource": "*", "Condition": { "ForAllValues:StringEquals": { "aws:TagKeys": ["team"] } } } });
    let tagger = cloud.user(&root, "tagger", &policy.to_string());
    assert_eq!(
        refused(&tagger, "CreateOrUpdateTags", json!({ "Tags": [tag("a", Some("9"))] })).0,
        "AccessDenied"
    );
    asg(&tagger, "CreateOrUpdateTags", json!({ "Tags": [tag("team", Some("x"))] }));
}
