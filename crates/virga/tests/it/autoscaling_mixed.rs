//! Groups of several types and markets: what they launch, what counts how much, and what comes after an interruption.

use crate::autoscaling::{asg, group, ids, members, refused, settled, template};
use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::instance;
use crate::ec2_spot_interruptions::interrupt;
use crate::ec2_zones::{set, until};
use crate::harness::Caller;
use crate::vpc_networks::{items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

/// A request for a group, by its overrides and its distribution.
fn asked(overrides: Value, distribution: Value, more: Value) -> Value {
    let by = json!({ "LaunchTemplateSpecification": { "LaunchTemplateName": "web", "Version": "$Latest" },
        "Overrides": overrides });
    let policy = json!({ "LaunchTemplate": by, "InstancesDistribution": distribution });
    let mut asked = json!({ "AutoScalingGroupName": "web", "MixedInstancesPolicy": policy, "MinSize": 0,
        "MaxSize": 20, "AvailabilityZones": ["us-east-1a", "us-east-1b"] });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn ready(root: &Caller<'_>) {
    template(root, json!({ "ImageId": IMAGE, "InstanceType": "m5.large" }));
}

/// How many instances there are of each type and market.
fn kinds(root: &Caller<'_>) -> BTreeMap<(String, bool), usize> {
    let mut out = BTreeMap::new();
    for id in ids(root) {
        let seen = instance(root, &id);
        *out.entry((text(&seen["instanceType"]), seen["instanceLifecycle"] == "spot")).or_default() += 1;
    }
    out
}

fn counted(all: &[(&str, bool, usize)]) -> BTreeMap<(String, bool), usize> {
    all.iter().map(|(kind, spot, count)| (((*kind).to_owned(), *spot), *count)).collect()
}

fn resize(root: &Caller<'_>, desired: i64) {
    asg(root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": desired }));
}

#[test]
fn a_group_has_a_base_on_demand_and_the_rest_to_spare() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    let overrides = json!([{ "InstanceType": "t3.small" }, { "InstanceType": "t3.micro" }]);
    let distribution = json!({ "OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 50,
        "SpotAllocationStrategy": "price-capacity-optimized" });
    asg(&root, "CreateAutoScalingGroup", asked(overrides, distribution, json!({ "DesiredCapacity": 4 })));
    until(&cloud, || settled(&root, 4));
    // One, and half of the other three, rounded up: by priority on demand, by price to spare.
    let found = kinds(&root);
    assert_eq!(found.get(&("t3.small".to_owned(), false)), Some(&3), "{found:?}");
    assert_eq!(
        found.iter().filter(|((_, spot), _)| *spot).map(|(_, count)| count).sum::<usize>(),
        1,
        "{found:?}"
    );
    let seen = group(&root);
    assert!(seen["LaunchTemplate"].is_null(), "{seen}");
    let policy = &seen["MixedInstancesPolicy"];
    assert_eq!(policy["LaunchTemplate"]["LaunchTemplateSpecification"]["LaunchTemplateName"], "web");
    assert_eq!(items(&policy["LaunchTemplate"]["Overrides"]).len(), 2);
    let told = &policy["InstancesDistribution"];
    for (member, value) in [
        ("OnDemandAllocationStrategy", "prioritized"),
        ("OnDemandBaseCapacity", "1"),
        ("OnDemandPercentageAboveBaseCapacity", "50"),
        ("SpotAllocationStrategy", "price-capacity-optimized"),
    ] {
        assert_eq!(told[member], value, "{told}");
    }

    // What is changed of the policy changes what comes; what is not said stays.
    let change = json!({ "AutoScalingGroupName": "web",
        "MixedInstancesPolicy": { "InstancesDistribution": { "OnDemandPercentageAboveBaseCapacity": 0 } } });
    asg(&root, "UpdateAutoScalingGroup", change);
    resize(&root, 3);
    until(&cloud, || settled(&root, 3));
    resize(&root, 2);
    until(&cloud, || settled(&root, 2));
    // The base is left, and one to spare: what was too much on demand went first.
    let found = kinds(&root);
    assert_eq!(found.get(&("t3.small".to_owned(), false)), Some(&1), "{found:?}");
    // A template alone takes the policy's place.
    asg(
        &root,
        "UpdateAutoScalingGroup",
        json!({ "AutoScalingGroupName": "web", "LaunchTemplate": { "LaunchTemplateName": "web" } }),
    );
    resize(&root, 3);
    until(&cloud, || settled(&root, 3));
    assert_eq!(kinds(&root).get(&("m5.large".to_owned(), false)), Some(&1));
    assert!(group(&root)["MixedInstancesPolicy"].is_null());
}

#[test]
fn weights_count_towards_the_size() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    let overrides = json!([{ "InstanceType": "m5.xlarge", "WeightedCapacity": "4" }, { "InstanceType": "m5.large", "WeightedCapacity": "2" }]);
    asg(&root, "CreateAutoScalingGroup", asked(overrides, json!({}), json!({ "DesiredCapacity": 10 })));
    // Three of four are twelve: nothing goes, as without any of them it would be too little.
    until(&cloud, || settled(&root, 3));
    (0..3).for_each(|_| cloud.reconcile());
    assert_eq!(kinds(&root), counted(&[("m5.xlarge", false, 3)]));
    assert_eq!(members(&root)[0]["WeightedCapacity"], "4");
    let found = asg(&root, "DescribeAutoScalingInstances", json!({}));
    assert_eq!(found["AutoScalingInstances"][0]["WeightedCapacity"], "4");
    resize(&root, 8);
    until(&cloud, || settled(&root, 2));
    (0..3).for_each(|_| cloud.reconcile());
    assert!(settled(&root, 2));
    // One that its user takes away takes its units along.
    let first = ids(&root).remove(0);
    let end = json!({ "InstanceId": first, "ShouldDecrementDesiredCapacity": true });
    asg(&root, "TerminateInstanceInAutoScalingGroup", end);
    assert_eq!(group(&root)["DesiredCapacity"], "4");
    let second = ids(&root).into_iter().find(|id| *id != first).unwrap();
    let rest = json!({ "AutoScalingGroupName": "web", "InstanceIds": [second], "ShouldDecrementDesiredCapacity": true });
    asg(&root, "EnterStandby", rest);
    assert_eq!(group(&root)["DesiredCapacity"], "0");
}

#[test]
fn what_is_interrupted_is_replaced() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    let distribution =
        json!({ "OnDemandPercentageAboveBaseCapacity": 0, "SpotAllocationStrategy": "lowest-price" });
    let overrides = json!([{ "InstanceType": "t3.micro" }, { "InstanceType": "t3.small" }]);
    asg(&root, "CreateAutoScalingGroup", asked(overrides, distribution, json!({ "DesiredCapacity": 2 })));
    until(&cloud, || settled(&root, 2));
    let first = ids(&root).remove(0);
    interrupt(&cloud, &first).unwrap();
    (0..3).for_each(|_| cloud.reconcile());
    assert!(settled(&root, 2) && ids(&root).contains(&first), "it has two minutes");
    cloud.advance(Duration::from_secs(121));
    until(&cloud, || settled(&root, 2) && !ids(&root).contains(&first));

    // With rebalancing another comes first.
    let change = json!({ "AutoScalingGroupName": "web", "CapacityRebalance": true });
    asg(&root, "UpdateAutoScalingGroup", change);
    assert_eq!(group(&root)["CapacityRebalance"], "true");
    let second = ids(&root).remove(0);
    interrupt(&cloud, &second).unwrap();
    until(&cloud, || members(&root).len() == 3);
    let old = members(&root).into_iter().find(|one| text(&one["InstanceId"]) == second).unwrap();
    assert_eq!(old["LifecycleState"], "InService");
    assert_eq!(instance(&root, &second)["instanceState"]["name"], "running");
    until(&cloud, || settled(&root, 2) && !ids(&root).contains(&second));
    assert_eq!(kinds(&root).iter().filter(|((_, spot), _)| *spot).map(|(_, count)| count).sum::<usize>(), 2);
}

#[test]
fn mixed_groups_are_balanced_over_their_zones() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    let distribution = json!({ "OnDemandBaseCapacity": 2, "OnDemandPercentageAboveBaseCapacity": 0 });
    asg(&root, "CreateAutoScalingGroup", asked(json!([]), distribution, json!({ "DesiredCapacity": 4 })));
    until(&cloud, || settled(&root, 4));
    set(&cloud, "us-east-1a", true);
    let zones = || members(&root).iter().map(|one| text(&one["AvailabilityZone"])).collect::<Vec<_>>();
    until(&cloud, || settled(&root, 4) && zones().iter().all(|zone| zone == "us-east-1b"));
    set(&cloud, "us-east-1a", false);
    until(&cloud, || settled(&root, 4) && zones().iter().filter(|zone| *zone == "us-east-1a").count() == 2);
    (0..5).for_each(|_| cloud.reconcile());
    assert_eq!(kinds(&root), counted(&[("m5.large", false, 2), ("m5.large", true, 2)]));
}

#[test]
fn a_price_that_is_too_low_launches_nothing_and_says_so() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    let distribution = json!({ "OnDemandPercentageAboveBaseCapacity": 0, "SpotMaxPrice": "0.0011" });
    asg(&root, "CreateAutoScalingGroup", asked(json!([]), distribution, json!({ "DesiredCapacity": 1 })));
    cloud.reconcile();
    let told = asg(&root, "DescribeScalingActivities", json!({ "AutoScalingGroupName": "web" }));
    let first = &told["Activities"][0];
    assert_eq!(first["StatusCode"], "Failed");
    assert!(
        text(&first["StatusMessage"])
            .contains("is lower than the minimum required Spot request fulfillment price"),
        "{first}"
    );
    assert!(members(&root).is_empty());
}

#[test]
fn what_does_not_fit_is_refused() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    for (overrides, distribution, words) in [
        (json!([{ "InstanceType": "x1.large" }]), json!({}), "valid instance type"),
        (json!([{ "InstanceType": "t3.micro", "WeightedCapacity": "0" }]), json!({}), "from 1 to 999"),
        (
            json!([{ "InstanceType": "t3.micro", "WeightedCapacity": "1" }, { "InstanceType": "t3.small" }]),
            json!({}),
            "for all overrides, or for none",
        ),
        (
            json!([{ "InstanceType": "t3.micro" }, { "InstanceType": "t3.micro" }]),
            json!({}),
            "one override only",
        ),
        (
            json!([{ "InstanceType": "t3.micro", "InstanceRequirements": { "VCpuCount": { "Min": 1 }, "MemoryMiB": { "Min": 1 } } }]),
            json!({}),
            "InstanceRequirements",
        ),
        (json!([]), json!({ "SpotAllocationStrategy": "diversified" }), "SpotAllocationStrategy"),
        (json!([]), json!({ "OnDemandAllocationStrategy": "cheapest" }), "OnDemandAllocationStrategy"),
        (json!([]), json!({ "SpotInstancePools": 21 }), "SpotInstancePools"),
        (json!([]), json!({ "OnDemandPercentageAboveBaseCapacity": 101 }), "from 0 to 100"),
        (json!([]), json!({ "SpotMaxPrice": "cheap" }), "SpotMaxPrice"),
    ] {
        let wanted = asked(overrides, distribution, json!({}));
        let (code, message) = refused(&root, "CreateAutoScalingGroup", wanted);
        assert!(code == "ValidationError" && message.contains(words), "{words}: {code} {message}");
    }
    let mut both = asked(json!([]), json!({}), json!({}));
    both["LaunchTemplate"] = json!({ "LaunchTemplateName": "web" });
    assert_eq!(refused(&root, "CreateAutoScalingGroup", both).0, "ValidationError");
    asg(&root, "CreateAutoScalingGroup", asked(json!([]), json!({}), json!({})));
}

/// A refresh of the group, with what it shall become; its id.
fn refresh(root: &Caller<'_>, wanted: Option<Value>, preferences: Value) -> String {
    let mut asked = json!({ "AutoScalingGroupName": "web", "Preferences": preferences });
    if let Some(policy) = wanted {
        asked["DesiredConfiguration"] = json!({ "MixedInstancesPolicy": policy });
    }
    text(&asg(root, "StartInstanceRefresh", asked)["InstanceRefreshId"])
}

fn told(root: &Caller<'_>, id: &str) -> Value {
    let asked = json!({ "AutoScalingGroupName": "web", "InstanceRefreshIds": [id] });
    asg(root, "DescribeInstanceRefreshes", asked)["InstanceRefreshes"][0].clone()
}

fn policy(version: &str, overrides: Value) -> Value {
    let by = json!({ "LaunchTemplateName": "web", "Version": version });
    json!({ "LaunchTemplate": { "LaunchTemplateSpecification": by, "Overrides": overrides } })
}

#[test]
fn a_refresh_brings_a_mixed_group_to_other_types_by_units() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    let data = json!({ "ImageId": IMAGE, "InstanceType": "t3.nano" });
    let version = json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data });
    crate::vpc_networks::ec2(&root, "CreateLaunchTemplateVersion", version);
    let mut wanted = asked(json!([]), json!({}), json!({ "DesiredCapacity": 8 }));
    wanted["MixedInstancesPolicy"] =
        policy("1", json!([{ "InstanceType": "t3.micro", "WeightedCapacity": "2" }]));
    asg(&root, "CreateAutoScalingGroup", wanted);
    until(&cloud, || settled(&root, 4));
    // Towards machines that count four each, half of the units at a time.
    let bigger = || policy("2", json!([{ "InstanceType": "t3.small", "WeightedCapacity": "4" }]));
    let id = refresh(&root, Some(bigger()), json!({ "MinHealthyPercentage": 50, "InstanceWarmup": 0 }));
    let shown = told(&root, &id)["DesiredConfiguration"]["MixedInstancesPolicy"]["LaunchTemplate"].clone();
    assert_eq!(shown["Overrides"][0]["InstanceType"], "t3.small");
    until(&cloud, || {
        let units = |one: &Value| text(&one["WeightedCapacity"]).parse::<i64>().unwrap();
        let serving: i64 =
            members(&root).iter().filter(|one| one["LifecycleState"] == "InService").map(units).sum();
        assert!(serving >= 4, "{serving} {:?}", members(&root));
        told(&root, &id)["Status"] == "Successful"
    });
    assert_eq!(kinds(&root), counted(&[("t3.small", false, 2)]));
    let seen = group(&root)["MixedInstancesPolicy"]["LaunchTemplate"].clone();
    assert_eq!(seen["LaunchTemplateSpecification"]["Version"], "2");
    assert_eq!(seen["Overrides"][0]["WeightedCapacity"], "4");
    // Those that match are spared.
    let before = ids(&root);
    let id = refresh(&root, Some(bigger()), json!({ "SkipMatching": true }));
    until(&cloud, || told(&root, &id)["Status"] == "Successful");
    assert_eq!(ids(&root), before);
    // All are replaced where nothing is said of what they shall be.
    let id = refresh(&root, None, json!({ "MinHealthyPercentage": 0, "InstanceWarmup": 0 }));
    until(&cloud, || told(&root, &id)["Status"] == "Successful");
    assert_eq!(kinds(&root), counted(&[("t3.small", false, 2)]));
    assert!(ids(&root).iter().all(|id| !before.contains(id)));
}

#[test]
fn a_refresh_of_a_mixed_group_is_turned_round() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&root);
    let mut wanted = asked(json!([]), json!({}), json!({ "DesiredCapacity": 2 }));
    wanted["MixedInstancesPolicy"] = policy("1", json!([{ "InstanceType": "t3.micro" }]));
    wanted["MixedInstancesPolicy"]["InstancesDistribution"] =
        json!({ "OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 0 });
    asg(&root, "CreateAutoScalingGroup", wanted);
    until(&cloud, || settled(&root, 2));
    let both = counted(&[("t3.micro", false, 1), ("t3.micro", true, 1)]);
    assert_eq!(kinds(&root), both);
    let small = policy("1", json!([{ "InstanceType": "t3.small" }]));
    let rest = json!({ "MinHealthyPercentage": 50, "InstanceWarmup": 0, "CheckpointPercentages": [50, 100] });
    let id = refresh(&root, Some(small), rest);
    until(&cloud, || told(&root, &id)["PercentageComplete"] == "50" && settled(&root, 2));
    assert_eq!(kinds(&root).into_iter().filter(|((kind, _), _)| kind == "t3.small").count(), 1);
    asg(&root, "RollbackInstanceRefresh", json!({ "AutoScalingGroupName": "web" }));
    until(&cloud, || told(&root, &id)["Status"] == "RollbackSuccessful" && settled(&root, 2));
    assert_eq!(kinds(&root), both);
    let over = &group(&root)["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"][0];
    assert_eq!(over["InstanceType"], "t3.micro");
}

#[test]
fn a_stack_makes_a_mixed_group() {
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
      MinSize: '2'
      MaxSize: '2'
      AvailabilityZones: [us-east-1a]
      CapacityRebalance: true
      MixedInstancesPolicy:
        InstancesDistribution: {{ OnDemandBaseCapacity: 1, OnDemandPercentageAboveBaseCapacity: 0 }}
        LaunchTemplate:
          LaunchTemplateSpecification: {{ LaunchTemplateId: !Ref Template, Version: '1' }}
          Overrides: [{{ InstanceType: t3.micro }}]
"
    );
    root.call("cloudformation", "CreateStack", json!({ "StackName": "mixed", "TemplateBody": stack })).ok();
    let made = || {
        let told = root.call("cloudformation", "DescribeStacks", json!({ "StackName": "mixed" })).ok();
        told["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    };
    until(&cloud, made);
    assert_eq!(kinds(&root), counted(&[("t3.micro", false, 1), ("t3.micro", true, 1)]));
    assert_eq!(group(&root)["CapacityRebalance"], "true");
}

/// By one template alone a group is of one type from then on; a refresh that is broken off leaves it its policy.
#[test]
fn a_refresh_takes_the_policy_away() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let overrides = json!([{ "InstanceType": "m5.large" }]);
    asg(&root, "CreateAutoScalingGroup", asked(overrides, json!({}), json!({ "DesiredCapacity": 2 })));
    until(&cloud, || settled(&root, 2));
    let wanted = json!({ "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "1" } });
    let start = || {
        let asked = json!({ "AutoScalingGroupName": "web", "DesiredConfiguration": wanted, "Preferences": { "InstanceWarmup": 0 } });
        text(&asg(&root, "StartInstanceRefresh", asked)["InstanceRefreshId"])
    };
    let first = start();
    asg(&root, "CancelInstanceRefresh", json!({ "AutoScalingGroupName": "web" }));
    until(&cloud, || told(&root, &first)["Status"] == "Cancelled" && settled(&root, 2));
    assert!(group(&root)["MixedInstancesPolicy"].is_object());
    let second = start();
    until(&cloud, || told(&root, &second)["Status"] == "Successful" && settled(&root, 2));
    let seen = group(&root);
    assert!(seen["MixedInstancesPolicy"].is_null(), "{seen}");
    assert_eq!(seen["LaunchTemplate"]["LaunchTemplateName"], "web");
    assert!(items(&seen["Instances"]).iter().all(|one| one["InstanceType"] == "t3.micro"), "{seen}");
}
