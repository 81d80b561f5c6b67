//! Experiments on machines: what they do, by whose rights, in which order, and what stops them.

use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::{instance, spot};
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn fis(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("fis", operation, parameters).ok()
}

#[track_caller]
pub(crate) fn refused(caller: &Caller<'_>, operation: &str, parameters: Value) -> (String, String) {
    caller.call("fis", operation, parameters).error()
}

/// A role that FIS may assume, with some rights.
pub(crate) fn role(root: &Caller<'_>, actions: Value) -> String {
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
        "Principal": { "Service": "fis.amazonaws.com" }, "Action": "sts:AssumeRole" } });
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } });
    let made = root
        .call(
            "iam",
            "CreateRole",
            json!({ "RoleName": "chaos", "AssumeRolePolicyDocument": trust.to_string() }),
        )
        .ok();
    let put = json!({ "RoleName": "chaos", "PolicyName": "own", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
    text(&made["Role"]["Arn"])
}

pub(crate) fn machine(cloud: &Cloud, root: &Caller<'_>, tag: &str) -> String {
    let tags = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "chaos", "Value": tag }] }]);
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "TagSpecifications": tags });
    let id = text(&ec2(root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    until(cloud, || state(root, &id) == "running");
    id
}

pub(crate) fn state(root: &Caller<'_>, id: &str) -> String {
    text(&instance(root, id)["instanceState"]["name"])
}

/// A template by its actions and targets.
pub(crate) fn plan(role: &str, actions: Value, targets: Value) -> Value {
    let mut hasher = DefaultHasher::new();
    format!("{actions}{targets}").hash(&mut hasher);
    json!({ "clientToken": format!("of-{}", hasher.finish()),
        "description": "a trial", "roleArn": role, "stopConditions": [{ "source": "none" }],
        "actions": actions, "targets": targets })
}

fn tagged(kind: &str, value: &str, mode: &str) -> Value {
    json!({ "resourceType": kind, "resourceTags": { "chaos": value }, "selectionMode": mode })
}

pub(crate) fn make(caller: &Caller<'_>, plan: Value) -> String {
    text(&fis(caller, "CreateExperimentTemplate", plan)["experimentTemplate"]["id"])
}

pub(crate) fn start(caller: &Caller<'_>, template: &str) -> String {
    let asked = json!({ "clientToken": format!("of-{template}"), "experimentTemplateId": template });
    text(&fis(caller, "StartExperiment", asked)["experiment"]["id"])
}

pub(crate) fn experiment(caller: &Caller<'_>, id: &str) -> Value {
    fis(caller, "GetExperiment", json!({ "id": id }))["experiment"].clone()
}

pub(crate) fn is(caller: &Caller<'_>, id: &str, status: &str) -> bool {
    experiment(caller, id)["state"]["status"] == status
}

#[test]
fn machines_are_stopped_for_a_time_in_the_order_of_the_actions() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (one, other) = (machine(&cloud, &root, "yes"), machine(&cloud, &root, "no"));
    let role = role(
        &root,
        json!(["ec2:DescribeInstances", "ec2:StopInstances", "ec2:StartInstances", "ec2:RebootInstances"]),
    );
    let actions = json!({
        "first": { "actionId": "aws:fis:wait", "parameters": { "duration": "PT1M" } },
        "stop": { "actionId": "aws:ec2:stop-instances", "startAfter": ["first"],
            "parameters": { "startInstancesAfterDuration": "PT2M" }, "targets": { "Instances": "mine" } },
        "then": { "actionId": "aws:ec2:reboot-instances", "startAfter": ["stop"], "targets": { "Instances": "mine" } },
    });
    let template =
        make(&root, plan(&role, actions, json!({ "mine": tagged("aws:ec2:instance", "yes", "ALL") })));
    assert!(template.starts_with("EXT"), "{template}");
    let id = start(&root, &template);
    let seen = experiment(&root, &id);
    assert_eq!(seen["state"], json!({ "status": "initiating", "reason": "Experiment is initiating." }));
    assert_eq!(seen["actions"]["stop"]["state"], json!({ "status": "pending", "reason": "Initial state" }));
    cloud.reconcile();
    assert!(is(&root, &id, "running"));
    assert_eq!(
        (state(&root, &one), &experiment(&root, &id)["actions"]["first"]["state"]["status"]),
        ("running".into(), &json!("running"))
    );
    let found = fis(&root, "ListExperimentResolvedTargets", json!({ "experimentId": id }));
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{one}");
    assert_eq!(
        found["resolvedTargets"],
        json!([{ "resourceType": "aws:ec2:instance", "targetName": "mine", "targetInformation": { "arn": arn } }])
    );
    cloud.advance(MINUTE);
    until(&cloud, || state(&root, &one) == "stopped");
    assert_eq!(state(&root, &other), "running");
    cloud.advance(MINUTE * 2);
    let goes_on = || {
        // It looks again by the cloud's clock.
        cloud.advance(Duration::from_secs(1));
        is(&root, &id, "completed") && state(&root, &one) == "running"
    };
    until(&cloud, goes_on);
    let seen = experiment(&root, &id);
    assert_eq!(seen["state"]["reason"], "Experiment completed.");
    assert_eq!(
        seen["actions"]["then"]["state"],
        json!({ "status": "completed", "reason": "Action was completed." })
    );
    assert!(seen["endTime"].as_f64() >= seen["startTime"].as_f64());
    let all = fis(&root, "ListExperiments", json!({ "experimentTemplateId": template }));
    assert_eq!(items(&all["experiments"]).len(), 1);
    let (code, _) = refused(&root, "StopExperiment", json!({ "id": id }));
    assert_eq!(code, "ValidationException");
}

#[test]
fn a_stopped_experiment_starts_again_what_it_has_stopped() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let one = machine(&cloud, &root, "yes");
    let role = role(&root, json!("ec2:*"));
    let actions = json!({
        "stop": { "actionId": "aws:ec2:stop-instances", "parameters": { "startInstancesAfterDuration": "PT1H" },
            "targets": { "Instances": "mine" } },
        "after": { "actionId": "aws:fis:wait", "startAfter": ["stop"], "parameters": { "duration": "PT1M" } },
    });
    let id = start(
        &root,
        &make(&root, plan(&role, actions, json!({ "mine": tagged("aws:ec2:instance", "yes", "ALL") }))),
    );
    until(&cloud, || state(&root, &one) == "stopped");
    let stopping = fis(&root, "StopExperiment", json!({ "id": id }));
    assert_eq!(
        stopping["experiment"]["state"],
        json!({ "status": "stopping", "reason": "Experiment is stopping." })
    );
    until(&cloud, || is(&root, &id, "stopped") && state(&root, &one) == "running");
    let seen = experiment(&root, &id);
    assert_eq!(
        (&seen["actions"]["stop"]["state"]["status"], &seen["actions"]["after"]["state"]["status"]),
        (&json!("stopped"), &json!("cancelled"))
    );
}

#[test]
fn an_alarm_stops_an_experiment() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let role = role(&root, json!("ec2:*"));
    let alarm = json!({ "AlarmName": "too much", "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold" });
    root.call("cloudwatch", "PutMetricAlarm", alarm).ok();
    let mut wanted = plan(
        &role,
        json!({ "wait": { "actionId": "aws:fis:wait", "parameters": { "duration": "PT1H" } } }),
        json!({}),
    );
    wanted["stopConditions"] = json!([{ "source": "aws:cloudwatch:alarm", "value": format!("arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:too much") }]);
    let id = start(&root, &make(&root, wanted));
    cloud.reconcile();
    assert!(is(&root, &id, "running"));
    root.call(
        "cloudwatch",
        "SetAlarmState",
        json!({ "AlarmName": "too much", "StateValue": "ALARM", "StateReason": "now" }),
    )
    .ok();
    cloud.reconcile();
    let seen = experiment(&root, &id);
    assert_eq!(
        seen["state"],
        json!({ "status": "stopped", "reason": "Experiment stopped by stop condition." })
    );
    assert_eq!(seen["actions"]["wait"]["state"]["status"], "stopped");
}

#[test]
fn spot_instances_are_interrupted_with_notice() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let mut asked = spot(json!({}));
    asked["TagSpecifications"] =
        json!([{ "ResourceType": "instance", "Tags": [{ "Key": "chaos", "Value": "yes" }] }]);
    let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    let ordinary = machine(&cloud, &root, "yes");
    until(&cloud, || state(&root, &id) == "running");
    let role = role(&root, json!(["ec2:DescribeInstances", "ec2:SendSpotInstanceInterruptions"]));
    let actions = json!({ "take": { "actionId": "aws:ec2:send-spot-instance-interruptions",
        "parameters": { "durationBeforeInterruption": "PT3M" }, "targets": { "SpotInstances": "mine" } } });
    let mut target = tagged("aws:ec2:spot-instance", "yes", "PERCENT(100)");
    target["filters"] = json!([{ "path": "State.Name", "values": ["running"] }]);
    let run = start(&root, &make(&root, plan(&role, actions, json!({ "mine": target }))));
    cloud.reconcile();
    cloud.advance(MINUTE);
    cloud.reconcile();
    assert_eq!(state(&root, &id), "running");
    cloud.advance(MINUTE * 2);
    until(&cloud, || state(&root, &id) == "terminated" && is(&root, &run, "completed"));
    assert_eq!(state(&root, &ordinary), "running");
}

#[test]
fn an_experiment_may_do_what_its_role_may() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let one = machine(&cloud, &root, "yes");
    let role = role(&root, json!("ec2:DescribeInstances"));
    let end =
        json!({ "end": { "actionId": "aws:ec2:terminate-instances", "targets": { "Instances": "mine" } } });
    let template = make(
        &root,
        plan(&role, end.clone(), json!({ "mine": tagged("aws:ec2:instance", "yes", "COUNT(1)") })),
    );
    let id = start(&root, &template);
    until(&cloud, || is(&root, &id, "failed"));
    let seen = experiment(&root, &id);
    let why = text(&seen["actions"]["end"]["state"]["reason"]);
    assert!(
        seen["actions"]["end"]["state"]["status"] == "failed" && why.contains("ec2:TerminateInstances"),
        "{why}"
    );
    assert_eq!(state(&root, &one), "running");
    // A target that is nothing fails, or is passed by where that is wanted.
    let change = json!({ "id": template, "targets": { "mine": tagged("aws:ec2:instance", "none", "ALL") } });
    fis(&root, "UpdateExperimentTemplate", change);
    let again = json!({ "clientToken": "again", "experimentTemplateId": template });
    let id = text(&fis(&root, "StartExperiment", again)["experiment"]["id"]);
    until(&cloud, || is(&root, &id, "failed"));
    assert_eq!(experiment(&root, &id)["state"]["reason"], "Target resolution returned empty set.");
    fis(
        &root,
        "UpdateExperimentTemplate",
        json!({ "id": template, "experimentOptions": { "emptyTargetResolutionMode": "skip" } }),
    );
    let third = json!({ "clientToken": "third", "experimentTemplateId": template });
    let id = text(&fis(&root, "StartExperiment", third)["experiment"]["id"]);
    until(&cloud, || is(&root, &id, "completed"));
    assert_eq!(experiment(&root, &id)["actions"]["end"]["state"]["status"], "skipped");
    // Nothing is done where that is asked for.
    let dry = json!({ "clientToken": "dry", "experimentTemplateId": template, "experimentOptions": { "actionsMode": "skip-all" } });
    let id = text(&fis(&root, "StartExperiment", dry)["experiment"]["id"]);
    until(&cloud, || is(&root, &id, "completed"));
    // The maker hands the role over.
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "fis:*", "Resource": "*" } });
    let maker = cloud.user(&root, "maker", &policy.to_string());
    let mut wanted = plan(&role, end, json!({ "mine": tagged("aws:ec2:instance", "yes", "ALL") }));
    wanted["clientToken"] = json!("maker");
    let (code, message) = refused(&maker, "CreateExperimentTemplate", wanted);
    assert!(code == "AccessDeniedException" && message.contains("iam:PassRole"), "{message}");
}

#[test]
fn templates_are_made_once_changed_tagged_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let role = role(&root, json!("ec2:*"));
    let mut wanted = plan(
        &role,
        json!({ "wait": { "actionId": "aws:fis:wait", "parameters": { "duration": "PT1M" } } }),
        json!({}),
    );
    wanted["tags"] = json!({ "team": "blue" });
    let first = fis(&root, "CreateExperimentTemplate", wanted.clone())["experimentTemplate"].clone();
    assert_eq!(fis(&root, "CreateExperimentTemplate", wanted.clone())["experimentTemplate"], first);
    let mut other = wanted.clone();
    other["description"] = json!("another");
    assert_eq!(refused(&root, "CreateExperimentTemplate", other).0, "ConflictException");
    let id = text(&first["id"]);
    assert_eq!(first["arn"], format!("arn:aws:fis:us-east-1:{ACCOUNT}:experiment-template/{id}"));
    assert_eq!(first["stopConditions"], json!([{ "source": "none" }]));
    let changed = fis(&root, "UpdateExperimentTemplate", json!({ "id": id, "description": "better" }));
    assert_eq!(changed["experimentTemplate"]["description"], "better");
    let arn = &first["arn"];
    fis(&root, "TagResource", json!({ "resourceArn": arn, "tags": { "more": "x" } }));
    fis(&root, "UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] }));
    assert_eq!(
        fis(&root, "ListTagsForResource", json!({ "resourceArn": arn }))["tags"],
        json!({ "more": "x" })
    );
    assert_eq!(items(&fis(&root, "ListExperimentTemplates", json!({}))["experimentTemplates"]).len(), 1);
    fis(&root, "DeleteExperimentTemplate", json!({ "id": id }));
    assert_eq!(refused(&root, "GetExperimentTemplate", json!({ "id": id })).0, "ResourceNotFoundException");
    let start = json!({ "clientToken": "x", "experimentTemplateId": id });
    assert_eq!(refused(&root, "StartExperiment", start).0, "ResourceNotFoundException");
}

#[test]
fn what_there_is_is_told_and_what_is_not_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let role = role(&root, json!("ec2:*"));
    let first = fis(&root, "ListActions", json!({ "maxResults": 2 }));
    let rest = fis(&root, "ListActions", json!({ "nextToken": first["nextToken"] }));
    assert_eq!((items(&first["actions"]).len(), items(&rest["actions"]).len()), (2, 11));
    let stop = fis(&root, "GetAction", json!({ "id": "aws:ec2:stop-instances" }))["action"].clone();
    assert_eq!(stop["targets"], json!({ "Instances": { "resourceType": "aws:ec2:instance" } }));
    assert_eq!(stop["parameters"]["startInstancesAfterDuration"]["required"], false);
    assert_eq!(refused(&root, "GetAction", json!({ "id": "aws:none:none" })).0, "ResourceNotFoundException");
    assert_eq!(items(&fis(&root, "ListTargetResourceTypes", json!({}))["targetResourceTypes"]).len(), 6);
    let kind = fis(&root, "GetTargetResourceType", json!({ "resourceType": "aws:ec2:instance" }));
    assert_eq!(kind["targetResourceType"]["resourceType"], "aws:ec2:instance");

    let wait = |parameters: Value| json!({ "a": { "actionId": "aws:fis:wait", "parameters": parameters } });
    let minute = || wait(json!({ "duration": "PT1M" }));
    let end = |target: &str| json!({ "a": { "actionId": "aws:ec2:terminate-instances", "targets": { "Instances": target } } });
    let all = |kind: &str, mode: &str| json!({ "t": tagged(kind, "x", mode) });
    let mut log = plan(&role, minute(), json!({}));
    log["logConfiguration"] = json!({ "logSchemaVersion": 2 });
    let mut stops = plan(&role, minute(), json!({}));
    stops["stopConditions"] = json!([{ "source": "aws:cloudwatch:alarm" }]);
    for (wanted, code) in [
        (plan(&role, json!({}), json!({})), "ValidationException"),
        (plan(&role, wait(json!({})), json!({})), "ValidationException"),
        (plan(&role, wait(json!({ "duration": "1M" })), json!({})), "ValidationException"),
        (plan(&role, json!({ "a": { "actionId": "aws:ecs:stop-task" } }), json!({})), "NotImplemented"),
        (plan(&role, end("none"), json!({})), "ValidationException"),
        (plan(&role, end("t"), all("aws:ecs:task", "ALL")), "NotImplemented"),
        (plan(&role, end("t"), all("aws:ec2:instance", "SOME(1)")), "ValidationException"),
        (
            plan(
                &role,
                end("t"),
                json!({ "t": { "resourceType": "aws:ec2:instance", "selectionMode": "ALL" } }),
            ),
            "ValidationException",
        ),
        (
            plan(
                &role,
                json!({ "a": { "actionId": "aws:fis:wait", "parameters": { "duration": "PT1M" }, "startAfter": ["a"] } }),
                json!({}),
            ),
            "ValidationException",
        ),
        (log, "NotImplemented"),
        (stops, "ValidationException"),
    ] {
        let (found, message) = refused(&root, "CreateExperimentTemplate", wanted.clone());
        assert_eq!(found, code, "{wanted} {message}");
    }
}

/// What waits meanwhile is tested end to end.
#[test]
fn volumes_pause_where_the_role_may_and_they_are_attached() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = machine(&cloud, &root, "yes");
    let own = instance_zone(&root, &instance);
    let disk = |zone: &str| {
        let tags = json!([{ "ResourceType": "volume", "Tags": [{ "Key": "chaos", "Value": "disk" }] }]);
        let asked = json!({ "AvailabilityZone": zone, "Size": 1, "TagSpecifications": tags });
        text(&ec2(&root, "CreateVolume", asked)["volumeId"])
    };
    let volume = disk(&own);
    let pause = json!({ "hold": { "actionId": "aws:ebs:pause-volume-io", "parameters": { "duration": "PT10M" },
        "targets": { "Volumes": "mine" } } });
    let mut mine = tagged("aws:ec2:ebs-volume", "disk", "ALL");
    mine["parameters"] = json!({ "availabilityZoneIdentifier": own });
    let run = |role: &str, target: Value, wanted: &str| {
        let id = start(&root, &make(&root, plan(role, pause.clone(), json!({ "mine": target }))));
        until(&cloud, || is(&root, &id, wanted));
        (id.clone(), text(&experiment(&root, &id)["actions"]["hold"]["state"]["reason"]))
    };
    let able = role(&root, json!(["ec2:DescribeVolumes", "ec2:PauseVolumeIO"]));
    let (_, why) = run(&able, mine.clone(), "failed");
    assert_eq!(why, format!("The volume {volume} is not attached to an instance."));
    ec2(&root, "AttachVolume", json!({ "VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf" }));
    cloud.reconcile();
    // A root that is files answers by itself.
    let filter = [("Name", json!("attachment.device")), ("Values", json!(["/dev/xvda"]))];
    let filter: Value = filter
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let of_root =
        text(&ec2(&root, "DescribeVolumes", json!({ "Filters": [filter] }))["volumeSet"][0]["volumeId"]);
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:volume/{of_root}");
    let named =
        json!({ "resourceType": "aws:ec2:ebs-volume", "resourceArns": [arn], "selectionMode": "ALL" });
    let (_, why) = run(&able, named, "failed");
    assert!(why.contains("is the root of an instance whose files"), "{why}");
    mine["selectionMode"] = json!("COUNT(1)");
    let (id, _) = run(&able, mine.clone(), "running");
    until(&cloud, || experiment(&root, &id)["actions"]["hold"]["state"]["status"] == "running");
    cloud.advance(MINUTE * 10);
    until(&cloud, || is(&root, &id, "completed"));
    // Who may not, does not.
    root.call("iam", "PutRolePolicy", json!({ "RoleName": "chaos", "PolicyName": "own",
        "PolicyDocument": json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "ec2:DescribeVolumes", "Resource": "*" } }).to_string() })).ok();
    mine["selectionMode"] = json!("PERCENT(100)");
    let (_, why) = run(&able, mine, "failed");
    assert!(why.contains("ec2:PauseVolumeIO"), "{why}");
}

fn instance_zone(root: &Caller<'_>, id: &str) -> String {
    text(&instance(root, id)["placement"]["availabilityZone"])
}
