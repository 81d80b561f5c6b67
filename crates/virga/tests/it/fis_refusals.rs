//! Calls and launches that experiments let fail: whose, where, how many, how long, and by whose rights.

use crate::autoscaling::{activities, asg, asked, members, settled, template};
use crate::ec2_profiles::IMAGE;
use crate::ec2_zones::until;
use crate::fis::{ACCOUNT, MINUTE, experiment, fis, is, make, plan, role, start};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

/// A session of a role of the account's that may do everything in EC2, and the role.
fn worker<'c>(cloud: &'c Cloud, root: &Caller<'c>) -> (Caller<'c>, String) {
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
        "Principal": { "AWS": ACCOUNT }, "Action": "sts:AssumeRole" } });
    let asked = json!({ "RoleName": "worker", "AssumeRolePolicyDocument": trust.to_string() });
    let arn = text(&root.call("iam", "CreateRole", asked).ok()["Role"]["Arn"]);
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": ["ec2:*", "iam:CreateServiceLinkedRole"], "Resource": "*" } });
    let put = json!({ "RoleName": "worker", "PolicyName": "own", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
    let anybody = cloud.user(
        root,
        "anybody",
        &json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "sts:*", "Resource": "*" } })
            .to_string(),
    );
    let asked = json!({ "RoleArn": arn, "RoleSessionName": "work" });
    let credentials = anybody.call("sts", "AssumeRole", asked).ok()["Credentials"].clone();
    (cloud.session(&credentials), arn)
}

fn begin(root: &Caller<'_>, role: &str, action: &str, parameters: Value, arn: &str) -> String {
    let (name, kind) = match action.contains("asg") {
        true => ("AutoScalingGroups", "aws:ec2:autoscaling-group"),
        false => ("Roles", "aws:iam:role"),
    };
    let actions =
        json!({ "harm": { "actionId": action, "parameters": parameters, "targets": { name: "mine" } } });
    let target = json!({ "resourceType": kind, "resourceArns": [arn], "selectionMode": "ALL" });
    start(root, &make(root, plan(role, actions, json!({ "mine": target }))))
}

fn runs(cloud: &Cloud, root: &Caller<'_>, id: &str) {
    until(cloud, || experiment(root, id)["actions"]["harm"]["state"]["status"] != "pending");
    assert!(is(root, id, "running"), "{}", experiment(root, id));
}

fn launch(caller: &Caller<'_>, zone: Option<&str>) -> Result<Value, (String, String)> {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    if let Some(zone) = zone {
        asked["Placement"] = json!({ "AvailabilityZone": zone });
    }
    let reply = caller.call("ec2", "RunInstances", asked);
    if reply.status == 200 { Ok(reply.ok()["instancesSet"][0].clone()) } else { Err(reply.error()) }
}

#[test]
fn calls_of_a_role_fail_while_it_lasts() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (worker, arn) = worker(&cloud, &root);
    let role = role(&root, json!("fis:Inject*"));
    for (action, status, code, message) in [
        ("aws:fis:inject-api-throttle-error", 503, "RequestLimitExceeded", "Request limit exceeded."),
        (
            "aws:fis:inject-api-unavailable-error",
            503,
            "Unavailable",
            "The server is overloaded and can't handle the request.",
        ),
        ("aws:fis:inject-api-internal-error", 500, "InternalError", "An internal error has occurred"),
    ] {
        let parameters = json!({ "duration": "PT5M", "service": "ec2", "percentage": "100",
            "operations": "DescribeInstances,CreateVpc" });
        let id = begin(&root, &role, action, parameters, &arn);
        runs(&cloud, &root, &id);
        worker.call("ec2", "DescribeInstances", json!({})).refused_with(status, code, message);
        worker.call("ec2", "CreateVpc", json!({ "CidrBlock": "10.9.0.0/16" })).refused(status, code);
        // Other operations, and others' calls, go through.
        worker.call("ec2", "DescribeVpcs", json!({})).ok();
        root.call("ec2", "DescribeInstances", json!({})).ok();
        cloud.advance(MINUTE * 5);
        // Its time is over, whether or not anybody has looked.
        worker.call("ec2", "DescribeInstances", json!({})).ok();
        until(&cloud, || is(&root, &id, "completed"));
    }
}

#[test]
fn a_share_of_calls_fails_and_stopping_ends_it() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (worker, arn) = worker(&cloud, &root);
    let role = role(&root, json!("fis:Inject*"));
    let parameters =
        json!({ "duration": "PT1H", "service": "ec2", "percentage": "30", "operations": "DescribeVpcs" });
    let id = begin(&root, &role, "aws:fis:inject-api-throttle-error", parameters, &arn);
    runs(&cloud, &root, &id);
    let failed = (0..200).filter(|_| worker.call("ec2", "DescribeVpcs", json!({})).status == 503).count();
    assert!((30..100).contains(&failed), "{failed}");
    fis(&root, "StopExperiment", json!({ "id": id }));
    until(&cloud, || is(&root, &id, "stopped"));
    assert!((0..50).all(|_| worker.call("ec2", "DescribeVpcs", json!({})).status == 200));
}

#[test]
fn a_role_gets_no_machines_in_some_zones() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (worker, arn) = worker(&cloud, &root);
    let role = role(&root, json!("ec2:InjectApiError"));
    let idle = text(&launch(&worker, Some("us-east-1a")).unwrap()["instanceId"]);
    let state = || text(&crate::ec2_spot::instance(&root, &idle)["instanceState"]["name"]);
    until(&cloud, || state() == "running");
    ec2(&worker, "StopInstances", json!({ "InstanceIds": [idle] }));
    until(&cloud, || state() == "stopped");
    // By name and by id.
    let parameters = json!({ "duration": "PT10M", "percentage": "100", "availabilityZoneIdentifiers": "us-east-1a,use1-az2" });
    let action = "aws:ec2:api-insufficient-instance-capacity-error";
    let id = begin(&root, &role, action, parameters, &arn);
    runs(&cloud, &root, &id);
    for zone in ["us-east-1a", "us-east-1b"] {
        let (code, message) = launch(&worker, Some(zone)).unwrap_err();
        assert_eq!(code, "InsufficientInstanceCapacity");
        assert!(
            message.ends_with("or choosing us-east-1c, us-east-1d, us-east-1e, us-east-1f."),
            "{message}"
        );
    }
    let (code, _) = worker.call("ec2", "StartInstances", json!({ "InstanceIds": [idle] })).error();
    assert_eq!(code, "InsufficientInstanceCapacity");
    launch(&worker, Some("us-east-1c")).unwrap();
    let elsewhere = text(&launch(&worker, None).unwrap()["placement"]["availabilityZone"]);
    assert!(!["us-east-1a", "us-east-1b"].contains(&elsewhere.as_str()), "{elsewhere}");
    launch(&root, Some("us-east-1a")).unwrap();
    // A fleet goes elsewhere, and tells why.
    let data = json!({ "ImageId": IMAGE, "InstanceType": "m5.large" });
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "fleet", "LaunchTemplateData": data }));
    let overrides = json!([{ "AvailabilityZone": "us-east-1a" }, { "AvailabilityZone": "us-east-1c" }]);
    let asked = json!({ "Type": "instant",
        "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": { "LaunchTemplateName": "fleet", "Version": "$Latest" }, "Overrides": overrides }],
        "TargetCapacitySpecification": { "TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand" } });
    let made = ec2(&worker, "CreateFleet", asked);
    assert_eq!(items(&made["fleetInstanceSet"]).len(), 1);
    assert_eq!(items(&made["errorSet"])[0]["errorCode"], "InsufficientInstanceCapacity", "{made}");
    cloud.advance(MINUTE * 10);
    until(&cloud, || is(&root, &id, "completed"));
    launch(&worker, Some("us-east-1a")).unwrap();
}

#[test]
fn a_group_launches_in_its_other_zones() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "DesiredCapacity": 0 })));
    let arn = text(&crate::autoscaling::group(&root)["AutoScalingGroupARN"]);
    let role = role(&root, json!(["ec2:InjectApiError", "autoscaling:DescribeAutoScalingGroups"]));
    let action = "aws:ec2:asg-insufficient-instance-capacity-error";
    let zones = |zones: &str| json!({ "duration": "PT10M", "availabilityZoneIdentifiers": zones });
    let id = begin(&root, &role, action, zones("us-east-1a"), &arn);
    runs(&cloud, &root, &id);
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 2 }));
    until(&cloud, || settled(&root, 2));
    assert!(members(&root).iter().all(|member| member["AvailabilityZone"] != "us-east-1a"));
    let failed: Vec<Value> =
        activities(&root).into_iter().filter(|told| told["StatusCode"] == "Failed").collect();
    assert!(
        text(&failed[0]["StatusMessage"]).contains("do not have sufficient t3.micro capacity"),
        "{failed:?}"
    );
    fis(&root, "StopExperiment", json!({ "id": id }));
    until(&cloud, || is(&root, &id, "stopped"));

    // Nowhere: it waits, and launches when there is room again.
    let id = begin(&root, &role, action, zones("us-east-1a,us-east-1b,us-east-1c"), &arn);
    runs(&cloud, &root, &id);
    asg(&root, "SetDesiredCapacity", json!({ "AutoScalingGroupName": "web", "DesiredCapacity": 3 }));
    for _ in 0..5 {
        cloud.advance(MINUTE);
        cloud.reconcile();
    }
    assert_eq!(members(&root).len(), 2);
    cloud.advance(MINUTE * 10);
    until(&cloud, || is(&root, &id, "completed"));
    cloud.advance(MINUTE * 10);
    until(&cloud, || settled(&root, 3));
}

#[test]
fn faults_need_their_own_rights_and_real_targets() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (_, arn) = worker(&cloud, &root);
    let role = role(&root, json!("ec2:Describe*"));
    let zones =
        json!({ "duration": "PT10M", "percentage": "100", "availabilityZoneIdentifiers": "us-east-1a" });
    let action = "aws:ec2:api-insufficient-instance-capacity-error";
    let id = begin(&root, &role, action, zones.clone(), &arn);
    until(&cloud, || is(&root, &id, "failed"));
    let why = text(&experiment(&root, &id)["actions"]["harm"]["state"]["reason"]);
    assert!(why.contains("is not authorized to perform: ec2:InjectApiError"), "{why}");
    // Only for this action, and this target.
    let policy = |action: &str| {
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "ec2:InjectApiError", "Resource": "*",
        "Condition": { "StringEquals": { "ec2:FisActionId": action }, "ForAllValues:StringEquals": { "ec2:FisTargetArns": arn } } } })
    };
    for (named, ends) in [("aws:ec2:asg-insufficient-instance-capacity-error", "failed"), (action, "running")]
    {
        let put =
            json!({ "RoleName": "chaos", "PolicyName": "own", "PolicyDocument": policy(named).to_string() });
        root.call("iam", "PutRolePolicy", put).ok();
        let mut other = zones.clone();
        other["percentage"] = json!(if ends == "failed" { "99" } else { "98" });
        let id = begin(&root, &role, action, other, &arn);
        until(&cloud, || experiment(&root, &id)["actions"]["harm"]["state"]["status"] != "pending");
        assert!(is(&root, &id, ends), "{}", experiment(&root, &id));
    }
    let nobody = format!("arn:aws:iam::{ACCOUNT}:role/nobody");
    let mut other = zones.clone();
    other["percentage"] = json!("97");
    let id = begin(&root, &role, action, other, &nobody);
    until(&cloud, || is(&root, &id, "failed"));
    assert_eq!(experiment(&root, &id)["state"]["reason"], "Target resolution returned empty set.");
}

#[test]
fn alarms_are_held_to_their_states() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let role = role(&root, json!("cloudwatch:DescribeAlarms"));
    let alarm = json!({ "AlarmName": "well", "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold" });
    root.call("cloudwatch", "PutMetricAlarm", alarm).ok();
    let arn = format!("arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:well");
    for (states, ends) in [("OK,INSUFFICIENT_DATA", "completed"), ("ALARM", "failed")] {
        let actions = json!({ "look": { "actionId": "aws:cloudwatch:assert-alarm-state",
            "parameters": { "alarmArns": arn, "alarmStates": states } } });
        let id = start(&root, &make(&root, plan(&role, actions, json!({}))));
        until(&cloud, || is(&root, &id, ends));
    }
}
