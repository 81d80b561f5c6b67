//! Update policies: how a group takes up a new template, what it keeps, who has to say so, and the way back.

use crate::autoscaling::{asg, group, ids, members};
use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, settle};
use crate::cloudformation_tags::unmarked;
use crate::ec2_profiles::IMAGE;
use crate::harness::{Caller, Cloud};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

/// A group of machines of a type, with a policy.
fn template(kind: &str, policy: &str, more: &str) -> String {
    format!(
        "
Resources:
  Template: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: {IMAGE}, InstanceType: {kind} }} }} }}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      AvailabilityZones: [us-east-1a, us-east-1b]
      LaunchTemplate: {{ LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber }}
      {more}
    UpdatePolicy: {policy}
"
    )
}

const NAMED: &str = "AutoScalingGroupName: web\n      MinSize: 3\n      MaxSize: 4";

fn update(root: &Caller<'_>, template: &str) {
    root.call("cloudformation", "UpdateStack", json!({ "StackName": "s", "TemplateBody": template })).ok();
}

/// What the group of the stack has said.
fn told(root: &Caller<'_>) -> Vec<String> {
    let of_group = |event: String| event.strip_prefix("Group ").map(str::to_owned);
    events(root, "s").into_iter().filter_map(of_group).collect()
}

fn kinds(root: &Caller<'_>) -> Vec<Value> {
    members(root).iter().map(|member| member["InstanceType"].clone()).collect()
}

fn suspended(root: &Caller<'_>) -> Vec<Value> {
    let all = group(root)["SuspendedProcesses"].as_array().cloned().unwrap_or_default();
    all.iter().map(|one| one["ProcessName"].clone()).collect()
}

/// Lets the cloud work until it is so; whether it came to that.
fn comes_to(cloud: &Cloud, what: impl Fn() -> bool) -> bool {
    (0..400).any(|_| {
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(2));
        what()
    })
}

#[test]
fn instances_are_replaced_in_batches_and_enough_stay_in_service() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let policy = "{ AutoScalingRollingUpdate: { MaxBatchSize: 2, MinInstancesInService: 2, PauseTime: PT30S, SuspendProcesses: [AlarmNotification] } }";
    created(&cloud, &root, "s", &template("t3.micro", policy, NAMED));
    let before = ids(&root);
    assert_eq!(before.len(), 3);
    update(&root, &template("t3.small", policy, NAMED));
    assert!(comes_to(&cloud, || suspended(&root) == ["AlarmNotification"]), "{:#?}", told(&root));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", told(&root));
    assert!(comes_to(&cloud, || members(&root).len() == 3));
    assert_eq!(kinds(&root), ["t3.small", "t3.small", "t3.small"]);
    assert!(ids(&root).iter().all(|id| !before.contains(id)));
    assert!(suspended(&root).is_empty());
    assert_eq!((&group(&root)["MinSize"], &group(&root)["DesiredCapacity"]), (&json!("3"), &json!("3")));
    let told = told(&root);
    for said in [
        "Rolling update initiated. Terminating 3 obsolete instance(s) in batches of 2, while keeping at least 2 instance(s) in service.",
        "Temporarily setting autoscaling group MinSize and DesiredCapacity to 4.",
        "replacing with 2 new instance(s).",
        "(Progress 66%).",
        "replacing with 1 new instance(s).",
        "(Progress 100%).",
    ] {
        assert!(told.iter().any(|event| event.contains(said)), "{said} in {told:#?}");
    }
    // What changes nothing of how they are launched replaces none.
    let after = ids(&root);
    update(&root, &template("t3.small", policy, &format!("{NAMED}\n      Cooldown: '60'")));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert_eq!(ids(&root), after);
}

#[test]
fn new_instances_say_that_they_are_well_or_the_stack_goes_back() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let policy = "{ AutoScalingRollingUpdate: { MaxBatchSize: 2, WaitOnResourceSignals: true, PauseTime: PT5M, SuspendProcesses: [AZRebalance] } }";
    let two = "AutoScalingGroupName: web\n      MinSize: 2\n      MaxSize: 2";
    created(&cloud, &root, "s", &template("t3.micro", policy, two));
    let signal = |id: &str, status: &str| {
        let asked =
            json!({ "StackName": "s", "LogicalResourceId": "Group", "UniqueId": id, "Status": status });
        root.call("cloudformation", "SignalResource", asked)
    };
    assert_eq!(signal("i-1", "SUCCESS").error().0, "ValidationError", "nobody waits for it");
    update(&root, &template("t3.small", policy, two));
    let waits = "Waiting on 2 resource signal(s) with a timeout of PT5M.";
    assert!(comes_to(&cloud, || told(&root).iter().any(|event| event.contains(waits))), "{:#?}", told(&root));
    assert!(comes_to(&cloud, || kinds(&root) == ["t3.small", "t3.small"]));
    for id in ids(&root) {
        signal(&id, "SUCCESS").ok();
    }
    assert!(
        comes_to(&cloud, || describe(&root, "s")["StackStatus"] == "UPDATE_COMPLETE"),
        "{:#?}",
        told(&root)
    );
    let good = ids(&root);
    assert!(good.iter().all(|id| {
        told(&root).contains(&format!("UPDATE_IN_PROGRESS Received SUCCESS signal with UniqueId {id}"))
    }));
    // One that fails is enough, and all are again what they were.
    update(&root, &template("t3.medium", policy, two));
    assert!(comes_to(&cloud, || kinds(&root) == ["t3.medium", "t3.medium"]));
    assert!(comes_to(&cloud, || told(&root).iter().filter(|event| event.contains(waits)).count() == 2));
    signal(&ids(&root)[0], "SUCCESS").ok();
    signal(&ids(&root)[1], "FAILURE").ok();
    assert!(comes_to(&cloud, || describe(&root, "s")["StackStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"));
    let why = "UPDATE_FAILED Received 1 SUCCESS signal(s) out of 2. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement";
    assert!(told(&root).iter().any(|event| event == why), "{:#?}", told(&root));
    // The way back waits for those that it brings, too.
    assert!(comes_to(&cloud, || kinds(&root) == ["t3.small", "t3.small"]), "{:#?}", told(&root));
    assert!(comes_to(&cloud, || told(&root).iter().filter(|event| event.contains(waits)).count() == 3));
    assert_eq!(describe(&root, "s")["StackStatus"], "UPDATE_ROLLBACK_IN_PROGRESS");
    for id in ids(&root) {
        signal(&id, "SUCCESS").ok();
    }
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", told(&root));
    assert_eq!(kinds(&root), ["t3.small", "t3.small"]);
    assert!(suspended(&root).is_empty());
    // Silence is a failure, too; a policy may bear one.
    let bears = policy.replace("PauseTime", "MinSuccessfulInstancesPercent: 50, PauseTime");
    update(&root, &template("t3.medium", &bears, two));
    assert!(comes_to(&cloud, || told(&root).iter().filter(|event| event.contains(waits)).count() == 4));
    assert!(comes_to(&cloud, || kinds(&root) == ["t3.medium", "t3.medium"]));
    signal(&ids(&root)[0], "SUCCESS").ok();
    cloud.advance(Duration::from_secs(301));
    assert!(
        comes_to(&cloud, || describe(&root, "s")["StackStatus"] == "UPDATE_COMPLETE"),
        "{:#?}",
        told(&root)
    );
}

#[test]
fn instances_move_to_another_placement_group() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let policy = "{ AutoScalingRollingUpdate: { MaxBatchSize: 2 } }";
    let within = |name: &str| {
        let groups = "\n  P1: { Type: 'AWS::EC2::PlacementGroup', Properties: { Strategy: spread } }\n  P2: { Type: 'AWS::EC2::PlacementGroup', Properties: { Strategy: spread } }\n";
        let more = format!(
            "AutoScalingGroupName: web\n      MinSize: 2\n      MaxSize: 2\n      PlacementGroup: !Ref {name}"
        );
        template("t3.micro", policy, &more) + groups
    };
    created(&cloud, &root, "s", &within("P1"));
    let before = ids(&root);
    assert_eq!(before.len(), 2);
    update(&root, &within("P2"));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", told(&root));
    assert!(comes_to(&cloud, || members(&root).len() == 2));
    assert!(ids(&root).iter().all(|id| !before.contains(id)), "{:#?}", told(&root));
    let said = "Rolling update initiated. Terminating 2 obsolete instance(s) in batches of 2";
    assert!(told(&root).iter().any(|event| event.contains(said)), "{:#?}", told(&root));
}

#[test]
fn a_part_of_a_new_group_may_keep_silent() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let creates = |percent: u32| {
        let text =
            template("t3.micro", "{}", "AutoScalingGroupName: web\n      MinSize: 2\n      MaxSize: 2");
        text.replace(
            "UpdatePolicy: {}",
            &format!("CreationPolicy: {{ AutoScalingCreationPolicy: {{ MinSuccessfulInstancesPercent: {percent} }}, ResourceSignal: {{ Count: 2, Timeout: PT5M }} }}"),
        )
    };
    let begin = |name: &str, percent: u32| {
        let id = crate::cloudformation_stacks::create(&root, name, &creates(percent), json!({}));
        assert!(comes_to(&cloud, || ids(&root).len() == 2));
        let asked = json!({ "StackName": name, "LogicalResourceId": "Group", "UniqueId": ids(&root)[0], "Status": "SUCCESS" });
        root.call("cloudformation", "SignalResource", asked).ok();
        assert!(comes_to(&cloud, || events(&root, name)
            .iter()
            .any(|event| event.contains("Received SUCCESS"))));
        cloud.advance(Duration::from_secs(301));
        id
    };
    let id = begin("s", 50);
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE", "{:#?}", told(&root));
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE");
    let id = begin("t", 100);
    assert_eq!(settle(&cloud, &root, &id), "ROLLBACK_COMPLETE");
    let why = "Group CREATE_FAILED Received 1 SUCCESS signal(s) out of 2. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement";
    assert!(events(&root, &id).iter().any(|event| event == why), "{:#?}", events(&root, &id));
}

#[test]
fn a_group_that_is_replaced_goes_when_the_other_is_there() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let policy = "{ AutoScalingReplacingUpdate: { WillReplace: true } }";
    let one = "MinSize: 1\n      MaxSize: 1";
    created(&cloud, &root, "s", &template("t3.micro", policy, one));
    let names = || {
        let all = asg(&root, "DescribeAutoScalingGroups", json!({}))["AutoScalingGroups"].clone();
        all.as_array().unwrap().iter().map(|one| one["AutoScalingGroupName"].clone()).collect::<Vec<_>>()
    };
    let before = names();
    // A change set says so: whatever else changes, another template means another group.
    let asked =
        json!({ "StackName": "s", "ChangeSetName": "c", "TemplateBody": template("t3.small", policy, one) });
    root.call("cloudformation", "CreateChangeSet", asked).ok();
    cloud.reconcile();
    let set = root
        .call("cloudformation", "DescribeChangeSet", json!({ "StackName": "s", "ChangeSetName": "c" }))
        .ok();
    let changes = set["Changes"].as_array().unwrap().clone();
    let of_group =
        changes.iter().map(|one| &one["ResourceChange"]).find(|one| one["LogicalResourceId"] == "Group");
    assert_eq!(of_group.unwrap()["Replacement"], "Conditional", "{set}");
    update(&root, &template("t3.small", policy, one));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", told(&root));
    let after = names();
    assert!(after.len() == 1 && after != before, "{before:?} {after:?}");
    assert!(
        told(&root).iter().any(|event| event.contains("requires the creation of a new physical resource"))
    );
    // Another size is no reason.
    update(&root, &template("t3.small", policy, "MinSize: 0\n      MaxSize: 1"));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert_eq!(names(), after);
}

#[test]
fn sizes_that_others_have_set_are_left_alone() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let sizes = "AutoScalingGroupName: web\n      MinSize: 0\n      MaxSize: 4\n      DesiredCapacity: '1'";
    let keeps = "{ AutoScalingScheduledAction: { IgnoreUnmodifiedGroupSizeProperties: true } }";
    created(&cloud, &root, "s", &template("t3.micro", keeps, sizes));
    let wanted = || group(&root)["DesiredCapacity"].clone();
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 3 }));
    update(&root, &template("t3.micro", keeps, &format!("{sizes}\n      Cooldown: '60'")));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert_eq!((wanted(), group(&root)["DefaultCooldown"].clone()), (json!("3"), json!("60")));
    update(&root, &template("t3.micro", "{}", &format!("{sizes}\n      Cooldown: '61'")));
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert_eq!(wanted(), json!("1"));
}

#[test]
fn a_group_has_the_metrics_that_its_template_names() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let of = |metrics: &str| {
        let more = format!("AutoScalingGroupName: web\n      MinSize: 0\n      MaxSize: 1{metrics}");
        template(
            "t3.micro",
            "{ AutoScalingScheduledAction: { IgnoreUnmodifiedGroupSizeProperties: true } }",
            &more,
        )
    };
    let enabled = || {
        let all = group(&root)["EnabledMetrics"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<Value> = all.iter().map(|one| one["Metric"].clone()).collect();
        names.sort_by_key(Value::to_string);
        names
    };
    let two = "\n      MetricsCollection: [{ Granularity: 1Minute, Metrics: [GroupMinSize, GroupMaxSize] }]";
    created(&cloud, &root, "s", &of(two));
    assert_eq!(enabled(), ["GroupMaxSize", "GroupMinSize"]);
    for (metrics, count) in [
        ("\n      MetricsCollection: [{ Granularity: 1Minute, Metrics: [GroupTotalInstances] }]", 1),
        ("", 0),
    ] {
        update(&root, &of(metrics));
        assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", told(&root));
        assert_eq!(enabled().len(), count, "{metrics}");
    }
}

#[test]
fn policies_that_are_none_are_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refused = |template: &str| {
        let asked = json!({ "StackName": "x", "TemplateBody": template });
        root.call("cloudformation", "CreateStack", asked).refused(400, "ValidationError")
    };
    let queue =
        "Resources: { Q: { Type: 'AWS::SQS::Queue', UpdatePolicy: { AutoScalingRollingUpdate: {} } } }";
    assert_eq!(refused(queue), "UpdatePolicy is not supported for resource type AWS::SQS::Queue");
    let alias = template("t3.micro", "{ CodeDeployLambdaAliasUpdate: { ApplicationName: a } }", NAMED);
    assert!(refused(&alias).contains("is not built in this version of Virga"));
    let id = crate::cloudformation_stacks::create(
        &root,
        "y",
        &template("t3.micro", "{ AutoScalingRollingUpdate: { MaxBatchSize: 0 } }", NAMED),
        json!({}),
    );
    assert_eq!(settle(&cloud, &root, &id), "ROLLBACK_COMPLETE");
    let said = events(&root, &id);
    assert!(
        said.iter().any(|event| event
            .contains("UpdatePolicy of resource Group: MaxBatchSize must be from 1 to 100 and not 0")),
        "{said:#?}"
    );
}

#[test]
fn the_tags_of_a_stack_come_to_its_groups_and_what_they_launch() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let tags = |value: &str| json!([{ "Key": "env", "Value": value }, { "Key": "own", "Value": "stack" }]);
    let own = "AutoScalingGroupName: web\n      MinSize: 1\n      MaxSize: 1\n      Tags: [{ Key: own, Value: group, PropagateAtLaunch: false }]";
    let template = template("t3.micro", "{ AutoScalingReplacingUpdate: { WillReplace: false } }", own);
    let mut input = json!({ "StackName": "s", "TemplateBody": template, "Tags": tags("a") });
    root.call("cloudformation", "CreateStack", input.clone()).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE", "{:#?}", events(&root, "s"));
    let seen = || {
        let tags = unmarked(&group(&root)["Tags"]).as_array().unwrap().clone();
        let one = |tag: &Value| format!("{} {} {}", tag["Key"], tag["Value"], tag["PropagateAtLaunch"]);
        let mut all: Vec<String> = tags.iter().map(|tag| one(tag).replace('"', "")).collect();
        all.sort();
        all
    };
    assert_eq!(seen(), ["env a true", "own group false"]);
    let id = ids(&root)[0].clone();
    let asked = json!({ "Filters": [{ "Name": "resource-id", "Values": [id] }, { "Name": "key", "Values": ["env", "own"] }] });
    let told = root.call("ec2", "DescribeTags", asked).ok();
    let launched: Vec<_> = told["tagSet"].as_array().unwrap().iter().map(|tag| &tag["value"]).collect();
    assert_eq!(launched, ["a"]);
    // So do the tags that tell of the stack, which nobody else sets or takes away.
    let marks = |tags: &Value, key: &str| -> Vec<String> {
        let all = tags
            .as_array()
            .unwrap()
            .iter()
            .filter(|tag| tag[key].as_str().unwrap().starts_with("aws:cloudformation:"));
        let mut all: Vec<String> = all.map(|tag| tag[key].as_str().unwrap()[19..].to_owned()).collect();
        all.sort();
        all
    };
    let three = ["logical-id", "stack-id", "stack-name"];
    assert_eq!(marks(&group(&root)["Tags"], "Key"), three);
    let asked = json!({ "Filters": [{ "Name": "resource-id", "Values": [id] }] });
    assert_eq!(marks(&root.call("ec2", "DescribeTags", asked).ok()["tagSet"], "key"), three);
    let own = json!({ "Tags": [{ "ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": "aws:cloudformation:stack-name", "Value": "x" }] });
    for operation in ["CreateOrUpdateTags", "DeleteTags"] {
        root.call("autoscaling", operation, own.clone()).refused(400, "ValidationError");
    }
    input["Tags"] = tags("b");
    root.call("cloudformation", "UpdateStack", input).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(seen(), ["env b true", "own group false"]);
}
