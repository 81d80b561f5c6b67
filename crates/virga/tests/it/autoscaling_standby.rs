//! Instances on standby, and those that come into a group and leave it as they are.

use crate::autoscaling::{activities, asg, asked, group, ids, members, refused, settled, template};
use crate::ec2_instances;
use crate::ec2_profiles::IMAGE;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn begin(size: usize) -> Cloud {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(
        &root,
        "CreateAutoScalingGroup",
        asked(json!({ "DesiredCapacity": size, "MinSize": 1, "MaxSize": 3 })),
    );
    until(&cloud, || settled(&root, size));
    cloud
}

fn named(ids: &[&String], shrink: Option<bool>) -> Value {
    let mut asked = json!({ "AutoScalingGroupName": "web", "InstanceIds": ids });
    if let Some(shrink) = shrink {
        asked["ShouldDecrementDesiredCapacity"] = json!(shrink);
    }
    asked
}

fn state(root: &Caller<'_>, id: &str) -> Option<String> {
    members(root)
        .iter()
        .find(|member| member["InstanceId"] == id)
        .map(|member| text(&member["LifecycleState"]))
}

fn desired(root: &Caller<'_>) -> String {
    text(&group(root)["DesiredCapacity"])
}

#[test]
fn whoever_is_on_standby_is_not_counted_and_comes_back() {
    let cloud = begin(2);
    let root = cloud.root(ACCOUNT);
    let all = ids(&root);
    let moved = asg(&root, "EnterStandby", named(&[&all[0]], Some(true)));
    let told = &moved["Activities"][0];
    assert_eq!(told["Description"], format!("Moving EC2 instance to Standby: {}", all[0]));
    let cause = text(&told["Cause"]);
    assert!(
        cause.ends_with(&format!(
            "instance {} was moved to standby in response to a user request, shrinking the capacity from 2 to 1.",
            all[0]
        )),
        "{cause}"
    );
    assert_eq!((state(&root, &all[0]).as_deref(), desired(&root).as_str()), (Some("Standby"), "1"));
    // Nobody looks whether it is healthy, and nobody is launched in its stead.
    ec2(&root, "StopInstances", json!({ "InstanceIds": [all[0]] }));
    ec2_instances::until(&cloud, &root, &all[0], "stopped");
    for _ in 0..5 {
        cloud.reconcile();
    }
    assert_eq!((members(&root).len(), state(&root, &all[0]).as_deref()), (2, Some("Standby")));
    ec2(&root, "StartInstances", json!({ "InstanceIds": [all[0]] }));
    ec2_instances::until(&cloud, &root, &all[0], "running");
    let (code, message) = refused(&root, "EnterStandby", named(&[&all[1]], Some(true)));
    assert_eq!(code, "ValidationError");
    assert_eq!(
        message,
        "AutoScalingGroup web has min-size=1, max-size=3, and desired-size=1. To place into standby 1 instance, please update the AutoScalingGroup sizes appropriately."
    );
    let (code, _) = refused(&root, "EnterStandby", named(&[&all[0]], Some(false)));
    assert_eq!(code, "ValidationError");
    let (code, _) = refused(&root, "ExitStandby", named(&[&all[1]], None));
    assert_eq!(code, "ValidationError");
    let moved = asg(&root, "ExitStandby", named(&[&all[0]], None));
    assert_eq!(moved["Activities"][0]["StatusCode"], "PreInService");
    assert_eq!((state(&root, &all[0]).as_deref(), desired(&root).as_str()), (Some("Pending"), "2"));
    until(&cloud, || settled(&root, 2));
    let description = format!("Moving EC2 instance out of Standby: {}", all[0]);
    let back =
        activities(&root).into_iter().find(|told| told["Description"] == description.as_str()).unwrap();
    assert_eq!(back["StatusCode"], "Successful");

    // Without giving its place up it is replaced, and there is one too many when it is back. It stays, wherever it is.
    let rests = json!({ "AutoScalingGroupName": "web", "ScalingProcesses": ["AZRebalance"] });
    asg(&root, "SuspendProcesses", rests);
    asg(&root, "EnterStandby", named(&[&all[0]], Some(false)));
    until(&cloud, || members(&root).len() == 3 && state(&root, &all[0]).as_deref() == Some("Standby"));
    assert_eq!(desired(&root), "2");
    asg(&root, "ExitStandby", named(&[&all[0]], None));
    until(&cloud, || settled(&root, 3));
    // One on standby goes with its group.
    asg(&root, "EnterStandby", named(&[&all[0]], Some(true)));
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web", "ForceDelete": true }));
    ec2_instances::until(&cloud, &root, &all[0], "terminated");
}

#[test]
fn instances_leave_as_they_are_and_come_in() {
    let cloud = begin(2);
    let root = cloud.root(ACCOUNT);
    // Whoever comes in stays, wherever it is.
    let rests = json!({ "AutoScalingGroupName": "web", "ScalingProcesses": ["AZRebalance"] });
    asg(&root, "SuspendProcesses", rests);
    let all = ids(&root);
    let moved = asg(&root, "DetachInstances", named(&[&all[0]], Some(true)));
    let told = &moved["Activities"][0];
    assert_eq!(told["Description"], format!("Detaching EC2 instance: {}", all[0]));
    assert!(text(&told["Cause"]).ends_with("shrinking the capacity from 2 to 1."), "{told}");
    assert_eq!(ids(&root), [all[1].clone()]);
    for _ in 0..5 {
        cloud.reconcile();
    }
    // It runs on, and belongs to nobody.
    ec2_instances::until(&cloud, &root, &all[0], "running");
    assert_eq!(ids(&root), [all[1].clone()]);
    let (code, message) = refused(&root, "DetachInstances", named(&[&all[1]], Some(true)));
    assert_eq!(code, "ValidationError");
    assert!(
        message.ends_with("To detach 1 instance, please update the AutoScalingGroup sizes appropriately."),
        "{message}"
    );
    let (code, message) = refused(&root, "DetachInstances", named(&[&all[0]], Some(true)));
    assert_eq!(code, "ValidationError");
    assert_eq!(message, format!("The instance {} is not part of Auto Scaling group web.", all[0]));

    asg(&root, "AttachInstances", named(&[&all[0]], None));
    assert_eq!((state(&root, &all[0]).as_deref(), desired(&root).as_str()), (Some("Pending"), "2"));
    until(&cloud, || settled(&root, 2));
    let description = format!("Attaching an existing EC2 instance: {}", all[0]);
    let told =
        activities(&root).into_iter().find(|told| told["Description"] == description.as_str()).unwrap();
    assert_eq!(told["StatusCode"], "Successful");
    assert!(text(&told["Cause"]).ends_with("increasing the capacity from 1 to 2."), "{told}");
    // It was launched by no template of the group's.
    let shown = members(&root).into_iter().find(|member| member["InstanceId"] == all[0].as_str()).unwrap();
    assert!(shown["LaunchTemplate"].is_null(), "{shown}");

    let (code, message) = refused(&root, "AttachInstances", named(&[&all[0]], None));
    assert_eq!(code, "ValidationError");
    assert_eq!(message, format!("Instance {} is already part of AutoScalingGroup:web", all[0]));
    let run = |zone: &str| {
        let launch = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
            "Placement": { "AvailabilityZone": zone } });
        text(&ec2(&root, "RunInstances", launch)["instancesSet"][0]["instanceId"])
    };
    let far = run("us-east-1f");
    let (_, message) = refused(&root, "AttachInstances", named(&[&far], None));
    assert_eq!(
        message,
        format!("Instance {far} is not in correct state. Instance(s) must be in 'running' state.")
    );
    ec2_instances::until(&cloud, &root, &far, "running");
    let (_, message) = refused(&root, "AttachInstances", named(&[&far], None));
    assert!(message.starts_with("The availability zone us-east-1f of instance"), "{message}");
    let (near, more) = (run("us-east-1a"), run("us-east-1b"));
    ec2_instances::until(&cloud, &root, &near, "running");
    ec2_instances::until(&cloud, &root, &more, "running");
    let (code, _) = refused(&root, "AttachInstances", named(&[&near, &more], None));
    assert_eq!(code, "ValidationError");
    asg(&root, "AttachInstances", named(&[&near], None));
    until(&cloud, || settled(&root, 3));
    // Detached without giving its place up, it is replaced.
    asg(&root, "DetachInstances", named(&[&near], Some(false)));
    until(&cloud, || settled(&root, 3) && !ids(&root).contains(&near));
    for operation in ["AttachInstances", "ExitStandby"] {
        let (code, _) = refused(&root, operation, json!({ "AutoScalingGroupName": "web" }));
        assert_eq!(code, "ValidationError");
    }
    let none = String::from("i-00000000000000000");
    let (code, _) = refused(&root, "AttachInstances", named(&[&none], None));
    assert_eq!(code, "ValidationError");
}
