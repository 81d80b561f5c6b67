//! Instance refreshes: everything is replaced while enough serves; paused, broken off, turned round, and failed.

use crate::autoscaling::{activities, asg, asked, group, ids, members, refused, settled, template};
use crate::ec2_profiles::IMAGE;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use kernel::bus::Event;
use serde_json::{Value, json};
use std::time::Duration;
use store::{Direction, KeyRange, Read, Record};

const ACCOUNT: &str = "123456789012";

/// A group by version 1 of a template that has a second one; it has settled.
fn begin(size: usize, second: Value) -> Cloud {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let version = json!({ "LaunchTemplateName": "web", "SourceVersion": "1", "LaunchTemplateData": second });
    ec2(&root, "CreateLaunchTemplateVersion", version);
    let by = json!({ "LaunchTemplateName": "web", "Version": "1" });
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": size, "LaunchTemplate": by })));
    until(&cloud, || settled(&root, size));
    cloud
}

fn bigger() -> Value {
    json!({ "InstanceType": "t3.small" })
}

/// Begins a refresh towards version 2; its id.
fn start(root: &Caller<'_>, preferences: Value) -> String {
    let wanted = json!({ "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "2" } });
    let asked =
        json!({ "AutoScalingGroupName": "web", "DesiredConfiguration": wanted, "Preferences": preferences });
    text(&asg(root, "StartInstanceRefresh", asked)["InstanceRefreshId"])
}

fn refresh(root: &Caller<'_>, id: &str) -> Value {
    let asked = json!({ "AutoScalingGroupName": "web", "InstanceRefreshIds": [id] });
    asg(root, "DescribeInstanceRefreshes", asked)["InstanceRefreshes"][0].clone()
}

fn is(root: &Caller<'_>, id: &str, status: &str) -> bool {
    refresh(root, id)["Status"] == status
}

/// The versions that the group's instances are of.
fn versions(root: &Caller<'_>) -> Vec<String> {
    let mut all: Vec<String> = members(root).iter().map(|m| text(&m["LaunchTemplate"]["Version"])).collect();
    all.sort();
    all
}

fn serving(root: &Caller<'_>) -> usize {
    members(root).iter().filter(|member| member["LifecycleState"] == "InService").count()
}

fn named() -> Value {
    json!({ "AutoScalingGroupName": "web" })
}

/// What has been told of refreshes and is still on its way: the kinds, and the details.
fn told(cloud: &Cloud) -> Vec<(String, Value)> {
    let snapshot = cloud.cloud.store().snapshot();
    let pairs = snapshot.scan(KeyRange::prefix(&[0, 2]), Direction::Forward);
    let events = pairs.map(|pair| Event::from_bytes(&pair.unwrap().1).unwrap());
    let about = |event: &Event| event.detail_type.contains("Instance Refresh");
    let events = events.filter(about);
    events.map(|event| (event.detail_type.clone(), serde_json::from_str(&event.detail).unwrap())).collect()
}

/// Runs only what keeps machines and groups, so that events stay to be seen.
#[track_caller]
fn keep_until(cloud: &Cloud, what: impl Fn() -> bool) {
    let own = ["machines", "auto scaling groups", "networks"];
    for _ in 0..2000 {
        if what() {
            return;
        }
        for reconciler in cloud.cloud.reconcilers().iter().filter(|one| own.contains(&one.name())) {
            reconciler.run(&cloud.cloud).unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it did not happen");
}

#[test]
fn everything_is_replaced_while_enough_serves() {
    let cloud = begin(4, bigger());
    let root = cloud.root(ACCOUNT);
    let before = ids(&root);
    let id = start(&root, json!({ "MinHealthyPercentage": 50 }));
    let waits = refresh(&root, &id);
    assert_eq!(waits["Status"], "Pending");
    for member in ["StartTime", "PercentageComplete", "InstancesToUpdate"] {
        assert!(waits[member].is_null(), "{waits}");
    }
    let (code, message) = refused(&root, "StartInstanceRefresh", named());
    assert_eq!(code, "InstanceRefreshInProgress");
    assert_eq!(
        message,
        "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
    );
    keep_until(&cloud, || {
        // Never fewer than half.
        assert!(serving(&root) >= 2, "{:?}", members(&root));
        is(&root, &id, "Successful")
    });
    assert!(settled(&root, 4));
    assert_eq!(versions(&root), ["2"; 4]);
    assert!(ids(&root).iter().all(|id| !before.contains(id)));
    assert!(members(&root).iter().all(|member| member["InstanceType"] == "t3.small"));
    assert_eq!(group(&root)["LaunchTemplate"]["Version"], "2");
    let seen = refresh(&root, &id);
    for (member, expected) in
        [("PercentageComplete", "100"), ("InstancesToUpdate", "0"), ("Strategy", "Rolling")]
    {
        assert_eq!(seen[member], expected, "{seen}");
    }
    assert_eq!(seen["DesiredConfiguration"]["LaunchTemplate"]["Version"], "2");
    // What was said, and what always holds.
    let preferences = seen["Preferences"].as_object().unwrap();
    let names: std::collections::BTreeSet<&str> = preferences.keys().map(String::as_str).collect();
    let always =
        ["AlarmSpecification", "AutoRollback", "InstanceWarmup", "MinHealthyPercentage", "SkipMatching"];
    assert_eq!(names, always.into());
    assert_eq!(seen["Preferences"]["MinHealthyPercentage"], "50");
    for member in ["StartTime", "EndTime"] {
        assert_eq!(text(&seen[member]).len(), "2026-01-15T12:00:00Z".len(), "{seen}");
    }
    // All of the new ones came for it, and all of the old ones went for it.
    let causes = |words: &str| {
        let all = activities(&root);
        all.iter().filter(|told| text(&told["Cause"]).ends_with(&format!("Z {words}"))).count()
    };
    assert_eq!(causes("an instance was launched in response to an instance refresh."), 4);
    assert_eq!(causes("an instance was taken out of service in response to an instance refresh."), 4);
    // Whoever comes after it comes for another reason.
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 5 }));
    keep_until(&cloud, || settled(&root, 5));
    assert_eq!(causes("an instance was launched in response to an instance refresh."), 4);
    let events: Vec<String> = told(&cloud).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(events.len(), 2, "{events:?}");
    for word in ["Started", "Succeeded"] {
        assert!(events.contains(&format!("EC2 Auto Scaling Instance Refresh {word}")), "{events:?}");
    }
    // What matches already is left alone.
    let now = ids(&root);
    let skips = json!({ "AutoScalingGroupName": "web", "Preferences": { "SkipMatching": true } });
    let id = text(&asg(&root, "StartInstanceRefresh", skips)["InstanceRefreshId"]);
    keep_until(&cloud, || is(&root, &id, "Successful"));
    assert_eq!(ids(&root), now);
    // The newest first, in pages.
    let first = json!({ "AutoScalingGroupName": "web", "MaxRecords": 1 });
    let page = asg(&root, "DescribeInstanceRefreshes", first);
    assert_eq!(items(&page["InstanceRefreshes"]).len(), 1);
    let rest = json!({ "AutoScalingGroupName": "web", "NextToken": page["NextToken"] });
    assert_eq!(items(&asg(&root, "DescribeInstanceRefreshes", rest)["InstanceRefreshes"]).len(), 1);
}

#[test]
fn more_are_launched_first_where_none_may_be_missing() {
    let cloud = begin(2, bigger());
    let root = cloud.root(ACCOUNT);
    let id = start(
        &root,
        json!({ "MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 60 }),
    );
    let most = std::cell::Cell::new(0);
    keep_until(&cloud, || {
        assert!(serving(&root) >= 2, "{:?}", members(&root));
        let there = members(&root).iter().filter(|m| !text(&m["LifecycleState"]).starts_with("Term")).count();
        most.set(most.get().max(there));
        // Whoever is new counts after a minute.
        cloud.advance(Duration::from_secs(5));
        is(&root, &id, "Successful")
    });
    assert_eq!((most.get(), versions(&root)), (3, vec!["2".to_owned(), "2".to_owned()]));
    assert_eq!(refresh(&root, &id)["Preferences"]["MaxHealthyPercentage"], "150");
    let came = "an instance was launched in response to an instance refresh.";
    assert_eq!(activities(&root).iter().filter(|told| text(&told["Cause"]).ends_with(came)).count(), 2);
}

#[test]
fn it_rests_at_checkpoints_and_turns_round() {
    let cloud = begin(2, bigger());
    let root = cloud.root(ACCOUNT);
    let preferences =
        json!({ "MinHealthyPercentage": 0, "CheckpointPercentages": [50, 100], "CheckpointDelay": 600 });
    let id = start(&root, preferences.clone());
    keep_until(&cloud, || told(&cloud).iter().any(|(kind, _)| kind.ends_with("Checkpoint Reached")));
    let events = told(&cloud);
    let (_, detail) = events.iter().find(|(kind, _)| kind.ends_with("Checkpoint Reached")).unwrap();
    let expected = json!({ "InstanceRefreshId": id, "AutoScalingGroupName": "web", "CheckpointPercentage": "50", "CheckpointDelay": "600" });
    assert_eq!(*detail, expected);
    until(&cloud, || settled(&root, 2));
    cloud.advance(Duration::from_secs(599));
    cloud.reconcile();
    assert_eq!(versions(&root), ["1", "2"]);
    let seen = refresh(&root, &id);
    assert_eq!((&seen["PercentageComplete"], &seen["InstancesToUpdate"]), (&json!("50"), &json!("1")));
    cloud.advance(Duration::from_secs(1));
    until(&cloud, || is(&root, &id, "Successful"));
    assert_eq!(versions(&root), ["2", "2"]);

    // Back to version 2 from the first half of version 1.
    let wanted = json!({ "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "1" } });
    let asked =
        json!({ "AutoScalingGroupName": "web", "DesiredConfiguration": wanted, "Preferences": preferences });
    let id = text(&asg(&root, "StartInstanceRefresh", asked)["InstanceRefreshId"]);
    until(&cloud, || settled(&root, 2) && versions(&root) == ["1", "2"]);
    asg(&root, "RollbackInstanceRefresh", named());
    let seen = refresh(&root, &id);
    assert_eq!(seen["Status"], "RollbackInProgress");
    assert_eq!(seen["RollbackDetails"]["PercentageCompleteOnRollback"], "50", "{seen}");
    assert_eq!(seen["RollbackDetails"]["RollbackReason"], "Rollback triggered due to user request.");
    assert_eq!(seen["Preferences"]["CheckpointDelay"], "600");
    let waits = "Waiting for a health check interval to pass before continuing.";
    let reason = || refresh(&root, &id)["StatusReason"].clone();
    keep_until(&cloud, || reason() == waits);
    until(&cloud, || is(&root, &id, "RollbackSuccessful"));
    let seen = refresh(&root, &id);
    assert_eq!(
        (versions(&root), &seen["PercentageComplete"], &seen["InstancesToUpdate"], &seen["StatusReason"]),
        (vec!["2".to_owned(); 2], &json!("0"), &json!("2"), &Value::Null)
    );
    assert_eq!(group(&root)["LaunchTemplate"]["Version"], "2");
}

#[test]
fn it_is_broken_off_and_what_it_did_stays() {
    let cloud = begin(2, bigger());
    let root = cloud.root(ACCOUNT);
    let id = start(&root, json!({ "MinHealthyPercentage": 0, "CheckpointPercentages": [50, 100] }));
    until(&cloud, || settled(&root, 2) && versions(&root) == ["1", "2"]);
    let answer = asg(&root, "CancelInstanceRefresh", named());
    assert_eq!(answer["InstanceRefreshId"], id.as_str());
    assert!(is(&root, &id, "Cancelling"));
    until(&cloud, || is(&root, &id, "Cancelled"));
    assert_eq!(refresh(&root, &id)["StatusReason"], "Cancelled due to user request.");
    cloud.advance(Duration::from_secs(7200));
    for _ in 0..5 {
        cloud.reconcile();
    }
    assert_eq!(versions(&root), ["1", "2"]);
    assert_eq!(group(&root)["LaunchTemplate"]["Version"], "1");
    for (operation, words) in [
        ("CancelInstanceRefresh", "No in progress, baking, pending, or cancelling"),
        ("RollbackInstanceRefresh", "No in progress or baking"),
    ] {
        let (code, message) = refused(&root, operation, named());
        assert_eq!(code, "ActiveInstanceRefreshNotFound");
        assert_eq!(message, format!("{words} Instance Refresh found for Auto Scaling group web."));
    }
    let id = start(&root, json!({ "StandbyInstances": "Ignore" }));
    let hastily = json!({ "AutoScalingGroupName": "web", "WaitForTransitioningInstances": false });
    asg(&root, "CancelInstanceRefresh", hastily);
    until(&cloud, || is(&root, &id, "Cancelled"));
    let seen = refresh(&root, &id);
    let words =
        "Cancelled without waiting for ongoing instance launches and terminations due to user request.";
    assert_eq!(
        (&seen["StatusReason"], &seen["Preferences"]["StandbyInstances"]),
        (&json!(words), &json!("Ignore"))
    );
}

#[test]
fn one_that_does_not_come_on_fails_or_goes_back() {
    // EC2 refuses to launch by version 2.
    let cloud = begin(1, json!({ "InstanceType": "x1.32xlarge" }));
    let root = cloud.root(ACCOUNT);
    let id = start(&root, json!({ "MinHealthyPercentage": 0, "InstanceWarmup": 0 }));
    until(&cloud, || ids(&root).is_empty());
    assert!(is(&root, &id, "InProgress"));
    cloud.advance(Duration::from_secs(3601));
    until(&cloud, || is(&root, &id, "Failed"));
    let reason = text(&refresh(&root, &id)["StatusReason"]);
    assert!(reason.contains("did not become healthy within an hour"), "{reason}");
    // The group is launched as before.
    cloud.advance(Duration::from_secs(600));
    until(&cloud, || settled(&root, 1) && versions(&root) == ["1"]);
    let id = start(&root, json!({ "MinHealthyPercentage": 0, "InstanceWarmup": 0, "AutoRollback": true }));
    until(&cloud, || ids(&root).is_empty());
    cloud.advance(Duration::from_secs(3601));
    until(&cloud, || is(&root, &id, "RollbackInProgress"));
    cloud.advance(Duration::from_secs(600));
    until(&cloud, || is(&root, &id, "RollbackSuccessful"));
    assert_eq!(versions(&root), ["1"]);
    let why = text(&refresh(&root, &id)["RollbackDetails"]["RollbackReason"]);
    assert!(why.contains("did not become healthy"), "{why}");

    // Nor does it come on where one more is to be launched first.
    let id = start(
        &root,
        json!({ "MinHealthyPercentage": 100, "MaxHealthyPercentage": 200, "InstanceWarmup": 0 }),
    );
    until(&cloud, || is(&root, &id, "InProgress"));
    for _ in 0..5 {
        cloud.reconcile();
    }
    assert!(settled(&root, 1) && is(&root, &id, "InProgress"));
    cloud.advance(Duration::from_secs(3601));
    until(&cloud, || is(&root, &id, "Failed"));
    assert!(settled(&root, 1) && versions(&root) == ["1"]);
    // Whoever is protected is waited for.
    let all =
        json!({ "AutoScalingGroupName": "web", "InstanceIds": ids(&root), "ProtectedFromScaleIn": true });
    asg(&root, "SetInstanceProtection", all);
    let waits = json!({ "AutoScalingGroupName": "web" });
    let id = text(&asg(&root, "StartInstanceRefresh", waits.clone())["InstanceRefreshId"]);
    until(&cloud, || is(&root, &id, "InProgress"));
    cloud.advance(Duration::from_secs(3601));
    until(&cloud, || is(&root, &id, "Failed"));
    let mut ignores = waits;
    ignores["Preferences"] = json!({ "ScaleInProtectedInstances": "Ignore" });
    let before = ids(&root);
    let id = text(&asg(&root, "StartInstanceRefresh", ignores)["InstanceRefreshId"]);
    until(&cloud, || is(&root, &id, "Successful"));
    assert_eq!(ids(&root), before);
}

#[test]
fn what_cannot_be_a_refresh() {
    let cloud = begin(0, bigger());
    let root = cloud.root(ACCOUNT);
    let wanted = json!({ "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "2" } });
    for (more, words) in [
        (
            json!({ "Strategy": "ReplaceRootVolume" }),
            "The request isn't valid. The DesiredConfiguration parameter must be specified when using ReplaceRootVolume. Add the DesiredConfiguration parameter and try again.",
        ),
        (
            json!({ "Strategy": "ReplaceRootVolume", "DesiredConfiguration": wanted }),
            "ReplaceRootVolume is not built",
        ),
        (json!({ "Preferences": { "MaxHealthyPercentage": 110 } }), "must be specified with"),
        (
            json!({ "Preferences": { "MinHealthyPercentage": 0, "MaxHealthyPercentage": 200 } }),
            "The difference between MaxHealthyPercentage and MinHealthyPercentage must be less than or equal to 100.",
        ),
        (
            json!({ "Preferences": { "CheckpointPercentages": [40, 20] } }),
            "Checkpoint percentages must be sorted in ascending order with no duplicates.",
        ),
        (json!({ "Preferences": { "CheckpointDelay": 10 } }), "needs CheckpointPercentages"),
        (
            json!({ "Preferences": { "AlarmSpecification": { "Alarms": ["a"] } } }),
            "AlarmSpecification is not built",
        ),
        (
            json!({ "Preferences": { "AutoRollback": true } }),
            "The request isn’t valid. The AutoRollback parameter cannot be set to true when the DesiredConfiguration parameter is empty. Set AutoRollback to false or specify a desired configuration and try again.",
        ),
        (
            json!({ "DesiredConfiguration": { "LaunchTemplate": { "LaunchTemplateName": "none" } } }),
            "valid fully-formed",
        ),
    ] {
        let mut asked = named();
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (code, message) = refused(&root, "StartInstanceRefresh", asked);
        assert_eq!(code, "ValidationError", "{more}");
        assert!(message.contains(words), "{message}");
    }
    let (code, _) = refused(&root, "DescribeInstanceRefreshes", json!({ "AutoScalingGroupName": "none" }));
    assert_eq!(code, "ValidationError");
    // One without a desired configuration cannot go back, nor one of a group that follows its template.
    asg(&root, "StartInstanceRefresh", named());
    let (code, message) = refused(&root, "RollbackInstanceRefresh", named());
    assert_eq!(code, "IrreversibleInstanceRefresh");
    assert!(message.contains("no desired configuration"), "{message}");
    until(&cloud, || refused(&root, "CancelInstanceRefresh", named()).0 == "ActiveInstanceRefreshNotFound");
    let latest = json!({ "AutoScalingGroupName": "web", "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "$Latest" } });
    asg(&root, "UpdateAutoScalingGroup", latest);
    let asked = json!({ "AutoScalingGroupName": "web", "DesiredConfiguration": wanted, "Preferences": { "AutoRollback": true } });
    let (_, message) = refused(&root, "StartInstanceRefresh", asked);
    assert!(message.contains("$Latest or $Default"), "{message}");
}
