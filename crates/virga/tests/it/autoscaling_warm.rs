//! Warm pools: instances that are ready before they are needed, drawn from, taken back, and gone with their pool.

use crate::autoscaling::{activities, asg, asked, group, ids, members, refused, settled, template};
use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::instance;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn named(more: Value) -> Value {
    let mut asked = json!({ "AutoScalingGroupName": "web" });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn pool(root: &Caller<'_>) -> Value {
    asg(root, "DescribeWarmPool", named(json!({})))
}

/// The instances of the pool with their states.
fn warm(root: &Caller<'_>) -> Vec<(String, String)> {
    let one = |one: &Value| (text(&one["InstanceId"]), text(&one["LifecycleState"]));
    items(&pool(root)["Instances"]).iter().map(one).collect()
}

fn are(root: &Caller<'_>, count: usize, state: &str) -> bool {
    let warm = warm(root);
    warm.len() == count && warm.iter().all(|(_, is)| is == state)
}

fn state(root: &Caller<'_>, id: &str) -> String {
    text(&instance(root, id)["instanceState"]["name"])
}

/// A group of so many, with room for more, and a pool.
fn ready(cloud: &Cloud, root: &Caller<'_>, desired: i64, of: Value) {
    template(root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": desired, "MaxSize": desired + 2 })));
    until(cloud, || settled(root, usize::try_from(desired).unwrap()));
    asg(root, "PutWarmPool", named(of));
}

fn resize(root: &Caller<'_>, desired: i64) {
    asg(root, "SetDesiredCapacity", named(json!({ "DesiredCapacity": desired })));
}

#[test]
fn a_pool_is_filled_and_drawn_from() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&cloud, &root, 1, json!({}));
    // What the group lacks to its largest size is ready, and stopped.
    until(&cloud, || are(&root, 2, "Warmed:Stopped"));
    let first = ids(&root);
    let (prepared, _) = warm(&root).into_iter().next().unwrap();
    assert_eq!(state(&root, &prepared), "stopped");
    assert_eq!(pool(&root)["WarmPoolConfiguration"]["PoolState"], "Stopped");
    let seen = group(&root);
    assert_eq!((seen["WarmPoolSize"].as_str(), items(&seen["Instances"]).len()), (Some("2"), 1));
    let all = asg(&root, "DescribeAutoScalingInstances", json!({}));
    assert_eq!(items(&all["AutoScalingInstances"]).len(), 3);
    assert!(activities(&root).iter().any(|told| {
        text(&told["Description"]).starts_with("Launching a new EC2 instance into warm pool: i-")
    }));

    // One that is needed comes from there, and none is launched.
    resize(&root, 2);
    until(&cloud, || settled(&root, 2) && are(&root, 1, "Warmed:Stopped"));
    let second = ids(&root).into_iter().find(|id| !first.contains(id)).unwrap();
    assert_eq!(state(&root, &second), "running");
    let told = activities(&root);
    let drawn = told.iter().find(|told| text(&told["Description"]).contains("from warm pool")).unwrap();
    assert_eq!(drawn["Description"], format!("Launching a new EC2 instance from warm pool: {second}"));
    assert_eq!(drawn["StatusCode"], "Successful");
    // What goes is terminated, and another is made ready.
    resize(&root, 1);
    until(&cloud, || settled(&root, 1) && are(&root, 2, "Warmed:Stopped"));
    assert_eq!(ids(&root).len(), 1);

    // A pool that is larger, and one that is smaller.
    asg(&root, "PutWarmPool", named(json!({ "MinSize": 3 })));
    until(&cloud, || are(&root, 3, "Warmed:Stopped"));
    asg(&root, "PutWarmPool", named(json!({ "MinSize": 0, "MaxGroupPreparedCapacity": 2 })));
    until(&cloud, || are(&root, 1, "Warmed:Stopped"));
    asg(&root, "PutWarmPool", named(json!({ "MaxGroupPreparedCapacity": -1 })));
    until(&cloud, || are(&root, 2, "Warmed:Stopped"));
    // One that is lost is replaced.
    let (lost, _) = warm(&root).remove(0);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [lost] }));
    until(&cloud, || are(&root, 2, "Warmed:Stopped") && warm(&root).iter().all(|(id, _)| *id != lost));

    let (code, message) = refused(&root, "DeleteAutoScalingGroup", named(json!({})));
    assert_eq!(code, "ResourceInUse", "{message}");
    asg(&root, "DeleteWarmPool", named(json!({})));
    assert_eq!(pool(&root)["WarmPoolConfiguration"]["Status"], "PendingDelete");
    until(&cloud, || pool(&root)["WarmPoolConfiguration"].is_null() && warm(&root).is_empty());
    assert!(settled(&root, 1));
}

#[test]
fn what_runs_in_a_pool_comes_back_into_it() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let reuse = json!({ "PoolState": "Running", "InstanceReusePolicy": { "ReuseOnScaleIn": true } });
    ready(&cloud, &root, 2, reuse);
    until(&cloud, || are(&root, 2, "Warmed:Running"));
    let before: Vec<String> = ids(&root);
    resize(&root, 1);
    until(&cloud, || settled(&root, 1) && are(&root, 3, "Warmed:Running"));
    let back = before.iter().find(|id| !ids(&root).contains(id)).unwrap();
    assert!(warm(&root).iter().any(|(id, _)| id == back));
    assert_eq!(state(&root, back), "running");
    // A group that goes takes its pool with it.
    asg(&root, "DeleteAutoScalingGroup", named(json!({ "ForceDelete": true })));
    until(&cloud, || group(&root).is_null());
    until(&cloud, || state(&root, back) == "terminated");
}

#[test]
fn who_comes_back_waits_for_the_hooks_of_its_end() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let reuse = json!({ "PoolState": "Running", "InstanceReusePolicy": { "ReuseOnScaleIn": true } });
    ready(&cloud, &root, 2, reuse);
    until(&cloud, || are(&root, 2, "Warmed:Running"));
    let before = ids(&root);
    for (name, transition) in [("in", "LAUNCHING"), ("out", "TERMINATING")] {
        let transition = format!("autoscaling:EC2_INSTANCE_{transition}");
        asg(
            &root,
            "PutLifecycleHook",
            named(json!({ "LifecycleHookName": name, "LifecycleTransition": transition })),
        );
    }
    let done = |hook: &str, id: &str, result: &str| {
        named(json!({ "LifecycleHookName": hook, "InstanceId": id, "LifecycleActionResult": result }))
    };
    // Whatever is said of it, it comes back.
    for (desired, result) in [(1, "CONTINUE"), (0, "ABANDON")] {
        resize(&root, desired);
        let waiting = || warm(&root).into_iter().find(|(_, state)| state == "Warmed:Pending:Wait");
        until(&cloud, || waiting().is_some());
        let (back, _) = waiting().unwrap();
        assert!(before.contains(&back) && !ids(&root).contains(&back));
        assert_eq!(
            refused(&root, "CompleteLifecycleAction", done("in", &back, "CONTINUE")).0,
            "ValidationError"
        );
        asg(&root, "CompleteLifecycleAction", done("out", &back, result));
        let count = 4 - usize::try_from(desired).unwrap();
        until(&cloud, || are(&root, count, "Warmed:Running"));
        assert_eq!(state(&root, &back), "running");
    }
    assert!(
        activities(&root).iter().all(|told| told["StatusCode"] == "Successful"),
        "{:#?}",
        activities(&root)
    );
}

#[test]
fn hooks_hold_up_the_way_into_the_pool_and_out_of_it() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 0, "MaxSize": 1 })));
    let hook =
        json!({ "LifecycleHookName": "ready", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING" });
    asg(&root, "PutLifecycleHook", named(hook));
    asg(&root, "PutWarmPool", named(json!({})));
    until(&cloud, || are(&root, 1, "Warmed:Pending:Wait"));
    let (id, _) = warm(&root).remove(0);
    assert_eq!(refused(&root, "DeleteWarmPool", named(json!({}))).0, "ScalingActivityInProgress");
    let go = |result: &str| {
        let done = json!({ "LifecycleHookName": "ready", "InstanceId": id, "LifecycleActionResult": result });
        asg(&root, "CompleteLifecycleAction", named(done));
    };
    go("CONTINUE");
    until(&cloud, || are(&root, 1, "Warmed:Stopped"));
    resize(&root, 1);
    until(&cloud, || members(&root).iter().any(|one| one["LifecycleState"] == "Pending:Wait"));
    assert_eq!(ids(&root), std::slice::from_ref(&id));
    go("CONTINUE");
    until(&cloud, || settled(&root, 1));
}

#[test]
fn a_pool_may_be_deleted_at_once() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&cloud, &root, 1, json!({}));
    until(&cloud, || warm(&root).len() == 2);
    let (id, _) = warm(&root).remove(0);
    asg(&root, "DeleteWarmPool", named(json!({ "ForceDelete": true })));
    assert!(pool(&root)["WarmPoolConfiguration"].is_null());
    until(&cloud, || warm(&root).is_empty());
    assert_eq!(state(&root, &id), "terminated");
    let (code, message) = refused(&root, "DeleteWarmPool", named(json!({})));
    assert!(code == "ValidationError" && message.contains("No warm pool found"), "{message}");
}

#[test]
fn what_a_pool_cannot_be() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&cloud, &root, 1, json!({}));
    for (operation, wanted, code, words) in [
        ("PutWarmPool", json!({ "PoolState": "Hibernated" }), "ValidationError", "hibernation"),
        (
            "PutWarmPool",
            json!({ "MaxGroupPreparedCapacity": -1, "MinSize": 1, "PoolState": "Hibernated" }),
            "ValidationError",
            "Hibernated",
        ),
    ] {
        let (found, message) = refused(&root, operation, named(wanted));
        assert!(found == code && message.contains(words), "{found} {message}");
    }
    let by = json!({ "LaunchTemplateSpecification": { "LaunchTemplateName": "web" } });
    let wanted = json!({ "MixedInstancesPolicy": { "LaunchTemplate": by } });
    let (_, message) =
        refused(&root, "StartInstanceRefresh", named(json!({ "DesiredConfiguration": wanted })));
    assert!(message.contains("mixed instances policy"), "{message}");
    let mixed = named(json!({ "MixedInstancesPolicy": { "LaunchTemplate": by } }));
    assert_eq!(refused(&root, "UpdateAutoScalingGroup", mixed.clone()).0, "ValidationError");
    asg(&root, "DeleteWarmPool", named(json!({ "ForceDelete": true })));
    asg(&root, "UpdateAutoScalingGroup", mixed);
    let (_, message) = refused(&root, "PutWarmPool", named(json!({})));
    assert!(message.contains("mixed instances policy"), "{message}");
    let none = json!({ "AutoScalingGroupName": "none" });
    assert_eq!(refused(&root, "PutWarmPool", none).0, "ValidationError");
}

/// A refresh replaces those of the pool as well, and what is still old in it is not drawn meanwhile.
#[test]
fn a_refresh_reaches_the_pool() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    ready(&cloud, &root, 1, json!({}));
    until(&cloud, || are(&root, 2, "Warmed:Stopped"));
    let before: Vec<String> =
        ids(&root).into_iter().chain(warm(&root).into_iter().map(|(id, _)| id)).collect();
    let version = json!({ "LaunchTemplateName": "web", "SourceVersion": "1",
        "LaunchTemplateData": { "InstanceType": "t3.small" } });
    ec2(&root, "CreateLaunchTemplateVersion", version);
    let wanted = json!({ "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "2" } });
    let asked = named(json!({ "DesiredConfiguration": wanted, "Preferences": { "InstanceWarmup": 0 } }));
    let id = asg(&root, "StartInstanceRefresh", asked)["InstanceRefreshId"].clone();
    let told = || {
        asg(&root, "DescribeInstanceRefreshes", named(json!({ "InstanceRefreshIds": [id] })))["InstanceRefreshes"][0].clone()
    };
    let first = told();
    // Who waits has not counted yet.
    for member in ["InstancesToUpdate", "PercentageComplete", "ProgressDetails"] {
        assert!(first[member].is_null(), "{first}");
    }
    refused(&root, "PutWarmPool", named(json!({ "MinSize": 1 })));
    until(&cloud, || told()["Status"] == "Successful");
    until(&cloud, || are(&root, 2, "Warmed:Stopped"));
    let after: Vec<String> =
        ids(&root).into_iter().chain(warm(&root).into_iter().map(|(id, _)| id)).collect();
    assert!(after.iter().all(|id| !before.contains(id)), "{before:?} {after:?}");
    assert!(after.iter().all(|id| instance(&root, id)["instanceType"] == "t3.small"));
    let last = told();
    assert_eq!((&last["InstancesToUpdate"], &last["PercentageComplete"]), (&json!("0"), &json!("100")));
    assert_eq!(last["ProgressDetails"]["WarmPoolProgress"]["PercentageComplete"], "100");
    let of_pool = "an instance was taken out of the warm pool in response to an instance refresh.";
    let ended = activities(&root).iter().filter(|one| text(&one["Cause"]).contains(of_pool)).count();
    assert_eq!(ended, 2);
    // What matches already is left alone.
    let again = named(json!({ "DesiredConfiguration": wanted, "Preferences": { "SkipMatching": true } }));
    let id = asg(&root, "StartInstanceRefresh", again)["InstanceRefreshId"].clone();
    let told = || {
        asg(&root, "DescribeInstanceRefreshes", named(json!({ "InstanceRefreshIds": [id] })))["InstanceRefreshes"][0].clone()
    };
    until(&cloud, || told()["Status"] == "Successful");
    assert!(warm(&root).iter().all(|(id, _)| after.contains(id)));
}
