//! Instance types by their attributes: found, kept in templates, and launched by fleets and groups, neither too dear.

use crate::autoscaling::{asg, group, members, refused, settled};
use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::instance;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ACCOUNT: &str = "123456789012";

/// Two to four processors and 4 to 16 GiB, with more.
fn wanted(more: Value) -> Value {
    let mut out = json!({ "VCpuCount": { "Min": 2, "Max": 4 }, "MemoryMiB": { "Min": 4096, "Max": 16384 } });
    out.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    out
}

fn template(root: &Caller<'_>, data: Value) -> String {
    let asked = json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data });
    text(&ec2(root, "CreateLaunchTemplate", asked)["launchTemplate"]["launchTemplateId"])
}

fn found(caller: &Caller<'_>, requirements: Value) -> Vec<String> {
    let asked = json!({ "ArchitectureTypes": [architecture(caller)], "VirtualizationTypes": ["hvm"], "InstanceRequirements": requirements });
    let told = ec2(caller, "GetInstanceTypesFromInstanceRequirements", asked);
    items(&told["instanceTypeSet"]).iter().map(|one| text(&one["instanceType"])).collect()
}

pub(crate) fn architecture(caller: &Caller<'_>) -> String {
    let told = ec2(caller, "DescribeInstanceTypes", json!({ "InstanceTypes": ["m5.large"] }));
    text(&items(&told["instanceTypeSet"][0]["processorInfo"]["supportedArchitectures"])[0])
}

fn fleet(kind: &str, total: i64, default: &str, overrides: Value) -> Value {
    let by = json!({ "LaunchTemplateName": "web", "Version": "$Latest" });
    json!({ "Type": kind, "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": by, "Overrides": overrides }],
        "TargetCapacitySpecification": { "TotalTargetCapacity": total, "DefaultTargetCapacityType": default } })
}

fn in_units(mut asked: Value, unit: &str) -> Value {
    asked["TargetCapacitySpecification"]["TargetCapacityUnitType"] = json!(unit);
    asked
}

/// How many machines of each type an instant fleet has launched.
fn launched(made: &Value) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for group in items(&made["fleetInstanceSet"]) {
        *out.entry(text(&group["instanceType"])).or_default() += items(&group["instanceIds"]).len();
    }
    out
}

fn counted(all: &[(&str, usize)]) -> BTreeMap<String, usize> {
    all.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

#[test]
fn types_are_found_by_their_attributes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    assert_eq!(found(&root, wanted(json!({}))), ["m5.large", "m5.xlarge"]);
    assert_eq!(
        found(&root, wanted(json!({ "BurstablePerformance": "required", "AllowedInstanceTypes": ["t3.*"] }))),
        ["t3.large", "t3.medium", "t3.xlarge"]
    );
    assert!(found(&root, wanted(json!({ "AcceleratorCount": { "Min": 1 } }))).is_empty());
    // Prices are no matter here; pages are.
    let all = || json!({ "ArchitectureTypes": [architecture(&root)], "VirtualizationTypes": ["hvm"], "InstanceRequirements": wanted(json!({ "BurstablePerformance": "included" })) });
    let mut first = all();
    first["MaxResults"] = json!(5);
    let first = ec2(&root, "GetInstanceTypesFromInstanceRequirements", first);
    let mut rest = all();
    rest["NextToken"] = first["nextToken"].clone();
    let rest = ec2(&root, "GetInstanceTypesFromInstanceRequirements", rest);
    assert_eq!((items(&first["instanceTypeSet"]).len(), items(&rest["instanceTypeSet"]).len()), (5, 2));
    let mut elsewhere = all();
    elsewhere["VirtualizationTypes"] = json!(["paravirtual"]);
    let none = ec2(&root, "GetInstanceTypesFromInstanceRequirements", elsewhere);
    assert!(items(&none["instanceTypeSet"]).is_empty());
    for (more, says) in [
        (
            json!({ "AllowedInstanceTypes": ["a"], "ExcludedInstanceTypes": ["b"] }),
            "may not be specified together",
        ),
        (json!({ "NetworkInterfaceCount": { "Min": 3, "Max": 2 } }), "may not be more than its Max"),
    ] {
        let mut asked = all();
        asked["InstanceRequirements"] = wanted(more);
        let (code, message) = root.call("ec2", "GetInstanceTypesFromInstanceRequirements", asked).error();
        assert!(code == "InvalidParameterValue" && message.contains(says), "{code} {message}");
    }
}

#[test]
fn templates_keep_them_and_a_launch_names_its_type() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let asked = wanted(json!({ "MemoryGiBPerVCpu": { "Min": 4.0 } }));
    template(&root, json!({ "ImageId": IMAGE, "InstanceRequirements": asked }));
    let versions = || {
        ec2(
            &root,
            "DescribeLaunchTemplateVersions",
            json!({ "LaunchTemplateName": "web", "Versions": ["$Latest"] }),
        )
    };
    let kept =
        versions()["launchTemplateVersionSet"][0]["launchTemplateData"]["instanceRequirements"].clone();
    assert_eq!(
        (&kept["vCpuCount"]["max"], &kept["memoryGiBPerVCpu"]["min"]),
        (&json!("4"), &json!("4.0")),
        "{kept}"
    );
    let launch = |more: Value| {
        let mut asked = json!({ "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "$Latest" }, "MinCount": 1, "MaxCount": 1 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "RunInstances", asked)
    };
    assert_eq!(launch(json!({})).error().0, "InvalidParameterCombination");
    launch(json!({ "InstanceType": "t3.micro" })).ok();
    // A version that names a type has no requirements any more, and the other way round.
    let version = |data: Value| json!({ "LaunchTemplateName": "web", "SourceVersion": "$Latest", "LaunchTemplateData": data });
    ec2(&root, "CreateLaunchTemplateVersion", version(json!({ "InstanceType": "m5.large" })));
    let asked = json!({ "LaunchTemplateName": "web", "LaunchTemplateData": { "InstanceType": "m5.large", "InstanceRequirements": wanted(json!({})) } });
    let (code, _) = root.call("ec2", "CreateLaunchTemplateVersion", asked).error();
    assert_eq!(code, "InvalidParameterCombination");
    let shown = ec2(
        &root,
        "DescribeLaunchTemplateVersions",
        json!({ "LaunchTemplateName": "web", "Versions": ["2"] }),
    )["launchTemplateVersionSet"][0]["launchTemplateData"]
        .clone();
    assert!(shown["instanceRequirements"].is_null() && shown["instanceType"] == "m5.large", "{shown}");
}

#[test]
fn a_fleet_launches_what_fits_and_is_not_too_dear() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.nano" }));
    let by =
        |more: Value| json!([{ "InstanceRequirements": wanted(more), "AvailabilityZone": "us-east-1a" }]);
    // Of the two, m5.xlarge costs twice as much: more than a fifth beyond.
    let made = ec2(&root, "CreateFleet", fleet("instant", 3, "on-demand", by(json!({}))));
    assert_eq!(launched(&made), counted(&[("m5.large", 3)]));
    let shown = ec2(&root, "DescribeFleets", json!({ "FleetIds": [made["fleetId"]] }));
    let over = &shown["fleetSet"][0]["launchTemplateConfigs"][0]["overrides"][0];
    assert_eq!(over["instanceRequirements"]["memoryMiB"]["min"], "4096", "{shown}");
    // Counted in processors, both cost the same for each.
    let made = ec2(&root, "CreateFleet", in_units(fleet("instant", 4, "on-demand", by(json!({}))), "vcpu"));
    assert_eq!(launched(&made), counted(&[("m5.large", 2)]));
    let made = ec2(
        &root,
        "CreateFleet",
        in_units(
            fleet("instant", 10_000, "on-demand", by(json!({ "AllowedInstanceTypes": ["m5.large"] }))),
            "memory-mib",
        ),
    );
    assert_eq!(launched(&made), counted(&[("m5.large", 2)]));
    // By its template alone.
    ec2(
        &root,
        "CreateLaunchTemplateVersion",
        json!({ "LaunchTemplateName": "web", "LaunchTemplateData": { "ImageId": IMAGE, "InstanceRequirements": wanted(json!({ "AllowedInstanceTypes": ["m5.xlarge"] })) } }),
    );
    let made = ec2(&root, "CreateFleet", fleet("instant", 1, "spot", json!([])));
    assert_eq!(launched(&made), counted(&[("m5.xlarge", 1)]));
    // Spot machines may cost what one on demand does; a share of that that none costs leaves nothing.
    let none = by(json!({ "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice": 1 }));
    let made = ec2(&root, "CreateFleet", fleet("instant", 1, "spot", none));
    assert!(launched(&made).is_empty(), "{made}");
    for (wrong, code) in [
        (fleet("instant", 1, "spot", by(json!({ "BareMetal": "required" }))), "InvalidFleetConfig"),
        (
            fleet("instant", 1, "spot", by(json!({ "NetworkInterfaceCount": { "Min": 3, "Max": 1 } }))),
            "InvalidFleetConfig",
        ),
        (
            fleet(
                "instant",
                1,
                "spot",
                json!([{ "InstanceType": "t3.micro", "InstanceRequirements": wanted(json!({})) }]),
            ),
            "InvalidParameterCombination",
        ),
        (
            in_units(fleet("instant", 1, "spot", json!([{ "InstanceType": "t3.micro" }])), "gpu"),
            "InvalidParameterValue",
        ),
    ] {
        let (found, message) = root.call("ec2", "CreateFleet", wrong.clone()).error();
        assert_eq!(found, code, "{wrong} {message}");
    }
    ec2(
        &root,
        "CreateLaunchTemplate",
        json!({ "LaunchTemplateName": "plain", "LaunchTemplateData": { "ImageId": IMAGE, "InstanceType": "t3.nano" } }),
    );
    let mut plain = in_units(fleet("instant", 1, "spot", json!([{ "InstanceType": "t3.micro" }])), "vcpu");
    plain["LaunchTemplateConfigs"][0]["LaunchTemplateSpecification"]["LaunchTemplateName"] = json!("plain");
    let (code, message) = root.call("ec2", "CreateFleet", plain).error();
    assert!(code == "InvalidParameterCombination" && message.contains("TargetCapacityUnitType"), "{message}");
}

#[test]
fn a_group_is_sized_in_processors() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.nano" }));
    let asked = |requirements: Value, distribution: Value, more: Value| {
        let by = json!({ "LaunchTemplateSpecification": { "LaunchTemplateName": "web", "Version": "$Latest" },
            "Overrides": [{ "InstanceRequirements": requirements }] });
        let policy = json!({ "LaunchTemplate": by, "InstancesDistribution": distribution });
        let mut asked = json!({ "AutoScalingGroupName": "web", "MixedInstancesPolicy": policy, "MinSize": 0,
            "MaxSize": 20, "AvailabilityZones": ["us-east-1a", "us-east-1b"] });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let vcpu = json!({ "DesiredCapacity": 8, "DesiredCapacityType": "vcpu" });
    asg(&root, "CreateAutoScalingGroup", asked(wanted(json!({})), json!({}), vcpu));
    until(&cloud, || settled(&root, 4));
    for member in members(&root) {
        let id = text(&member["InstanceId"]);
        assert_eq!(instance(&root, &id)["instanceType"], "m5.large");
        assert_eq!(member["WeightedCapacity"], "2");
    }
    let seen = group(&root);
    assert_eq!(seen["DesiredCapacityType"], "vcpu");
    let policy = &seen["MixedInstancesPolicy"];
    assert_eq!(policy["InstancesDistribution"]["OnDemandAllocationStrategy"], "lowest-price");
    let over = &policy["LaunchTemplate"]["Overrides"][0]["InstanceRequirements"];
    assert_eq!(over["VCpuCount"]["Max"], "4", "{seen}");
    // Other attributes, other machines: T types alone are judged by themselves.
    let burstable =
        wanted(json!({ "BurstablePerformance": "required", "OnDemandMaxPricePercentageOverLowestPrice": 0 }));
    let mut change = asked(burstable, json!({}), json!({ "DesiredCapacity": 10 }));
    change.as_object_mut().unwrap().remove("AvailabilityZones");
    asg(&root, "UpdateAutoScalingGroup", change);
    until(&cloud, || settled(&root, 5));
    let mut kinds: Vec<String> = members(&root).iter().map(|member| text(&member["InstanceType"])).collect();
    kinds.sort_unstable();
    // The cheapest for a processor.
    assert_eq!(kinds.last().map(String::as_str), Some("t3.medium"), "{kinds:?}");

    for (wrong, says) in [
        (
            asked(wanted(json!({})), json!({ "OnDemandAllocationStrategy": "prioritized" }), json!({})),
            "not supported with InstanceRequirements",
        ),
        (
            asked(wanted(json!({ "LocalStorage": "required" })), json!({}), json!({})),
            "No instance type of this cloud",
        ),
        (
            asked(wanted(json!({})), json!({}), json!({ "DesiredCapacityType": "gpu" })),
            "DesiredCapacityType must be",
        ),
    ] {
        let mut wrong = wrong;
        wrong["AutoScalingGroupName"] = json!("other");
        let (code, message) = refused(&root, "CreateAutoScalingGroup", wrong);
        assert!(code == "ValidationError" && message.contains(says), "{message}");
    }
    let plain = json!({ "AutoScalingGroupName": "other", "LaunchTemplate": { "LaunchTemplateName": "web" }, "MinSize": 0,
        "MaxSize": 1, "AvailabilityZones": ["us-east-1a"], "DesiredCapacityType": "vcpu" });
    let (_, message) = refused(&root, "CreateAutoScalingGroup", plain.clone());
    assert!(message.contains("only with InstanceRequirements"), "{message}");
    ec2(
        &root,
        "CreateLaunchTemplate",
        json!({ "LaunchTemplateName": "choice", "LaunchTemplateData": { "ImageId": IMAGE, "InstanceRequirements": wanted(json!({})) } }),
    );
    let mut by = plain;
    by["LaunchTemplate"]["LaunchTemplateName"] = json!("choice");
    by.as_object_mut().unwrap().remove("DesiredCapacityType");
    let (_, message) = refused(&root, "CreateAutoScalingGroup", by);
    assert!(message.contains("needs a MixedInstancesPolicy"), "{message}");
}

#[test]
fn a_stack_makes_a_group_by_attributes() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let stack = format!(
        "
Resources:
  Template: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: {IMAGE} }} }} }}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      AutoScalingGroupName: web
      MinSize: '4'
      MaxSize: '4'
      DesiredCapacityType: vcpu
      AvailabilityZones: [us-east-1a]
      MixedInstancesPolicy:
        LaunchTemplate:
          LaunchTemplateSpecification: {{ LaunchTemplateId: !Ref Template, Version: '1' }}
          Overrides:
            - InstanceRequirements:
                VCpuCount: {{ Min: 2, Max: 2 }}
                MemoryMiB: {{ Min: 1024 }}
                MemoryGiBPerVCpu: {{ Max: 2 }}
                BurstablePerformance: required
                ExcludedInstanceTypes: ['t2.*']
"
    );
    root.call("cloudformation", "CreateStack", json!({ "StackName": "chosen", "TemplateBody": stack })).ok();
    until(&cloud, || settled(&root, 2));
    // Of micro, small and medium the cheapest.
    assert!(members(&root).iter().all(|member| member["InstanceType"] == "t3.micro"), "{:?}", members(&root));
    assert_eq!(group(&root)["DesiredCapacityType"], "vcpu");
}

#[test]
fn a_spot_fleet_goes_by_attributes_as_well() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE }));
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
        "Principal": { "Service": "spotfleet.amazonaws.com" }, "Action": "sts:AssumeRole" } });
    let made = root
        .call(
            "iam",
            "CreateRole",
            json!({ "RoleName": "fleet", "AssumeRolePolicyDocument": trust.to_string() }),
        )
        .ok();
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": ["ec2:*", "iam:*"], "Resource": "*" } });
    root.call(
        "iam",
        "PutRolePolicy",
        json!({ "RoleName": "fleet", "PolicyName": "own", "PolicyDocument": policy.to_string() }),
    )
    .ok();
    let by = json!({ "LaunchTemplateName": "web", "Version": "$Latest" });
    let over = json!([{ "InstanceRequirements": wanted(json!({ "AllowedInstanceTypes": ["m5.*"] })) }]);
    let data = json!({ "IamFleetRole": made["Role"]["Arn"], "TargetCapacity": 4, "TargetCapacityUnitType": "vcpu",
        "AllocationStrategy": "lowestPrice",
        "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": by, "Overrides": over }] });
    let id = text(
        &ec2(&root, "RequestSpotFleet", json!({ "SpotFleetRequestConfig": data }))["spotFleetRequestId"],
    );
    let active = || {
        let found = ec2(&root, "DescribeSpotFleetInstances", json!({ "SpotFleetRequestId": id }));
        items(&found["activeInstanceSet"])
    };
    until(&cloud, || !active().is_empty());
    let cpus: usize = active().iter().map(|one| if one["instanceType"] == "m5.xlarge" { 4 } else { 2 }).sum();
    assert_eq!(cpus, 4, "{:?}", active());
    let told = ec2(&root, "DescribeSpotFleetRequests", json!({ "SpotFleetRequestIds": [id] }));
    let config = &told["spotFleetRequestConfigSet"][0]["spotFleetRequestConfig"];
    assert_eq!(config["targetCapacityUnitType"], "vcpu");
    let over = &config["launchTemplateConfigs"][0]["overrides"][0]["instanceRequirements"];
    assert_eq!(over["allowedInstanceTypeSet"], json!(["m5.*"]), "{over}");
}
