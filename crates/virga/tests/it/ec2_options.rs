//! What a launch answers beside what is described of it, and the options that it may ask for: processors, upkeep, bandwidth.

use crate::ec2_instances::until;
use crate::ec2_profiles::IMAGE;
use crate::harness::Caller;
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn asked(more: Value) -> Value {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn run(root: &Caller<'_>, more: Value) -> Value {
    ec2(root, "RunInstances", asked(more))["instancesSet"][0].clone()
}

fn shown(root: &Caller<'_>, id: &str) -> Value {
    ec2(root, "DescribeInstances", json!({ "InstanceIds": [id] }))["reservationSet"][0]["instancesSet"][0]
        .clone()
}

/// Recorded: RunInstances and DescribeInstances of one machine, seconds apart.
#[test]
fn a_launch_tells_less_than_is_described_later() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    cloud.advance(Duration::from_millis(250));
    let root = cloud.root(ACCOUNT);
    let made = run(&root, json!({}));
    let id = text(&made["instanceId"]);
    assert_eq!(made["stateReason"], json!({ "code": "pending", "message": "pending" }));
    assert_eq!(made["operator"], json!({ "managed": "false" }));
    assert!(items(&made["blockDeviceMapping"]).is_empty(), "{made}");
    assert_eq!(made["networkInterfaceSet"][0]["attachment"]["status"], "attaching");
    assert_eq!(made["networkInterfaceSet"][0]["operator"], json!({ "managed": "false" }));
    for later in [
        "hibernationOptions",
        "platformDetails",
        "usageOperation",
        "usageOperationUpdateTime",
        "networkPerformanceOptions",
    ] {
        assert!(made[later].is_null(), "{later}: {made}");
    }
    until(&cloud, &root, &id, "running");
    let seen = shown(&root, &id);
    assert!(seen["stateReason"].is_null(), "{seen}");
    for (member, value) in [
        ("operator", json!({ "managed": "false", "hiddenByDefault": "false" })),
        ("cpuOptions", json!({ "coreCount": "1", "threadsPerCore": "2" })),
        ("maintenanceOptions", json!({ "autoRecovery": "default", "rebootMigration": "default" })),
        ("networkPerformanceOptions", json!({ "bandwidthWeighting": "default" })),
        ("hibernationOptions", json!({ "configured": "false" })),
        ("platformDetails", json!("Linux/UNIX")),
        ("launchTime", json!("2026-01-15T12:00:00.000Z")),
        ("usageOperationUpdateTime", json!("2026-01-15T12:00:00.000Z")),
    ] {
        assert_eq!(seen[member], value, "{member}");
    }
    let disk = &seen["blockDeviceMapping"][0]["ebs"];
    assert_eq!(
        (&disk["ebsCardIndex"], &disk["attachTime"]),
        (&json!("0"), &json!("2026-01-15T12:00:00.000Z"))
    );
    let card = &seen["networkInterfaceSet"][0]["attachment"];
    assert_eq!(
        (&card["status"], &card["attachTime"]),
        (&json!("attached"), &json!("2026-01-15T12:00:00.000Z"))
    );
    // Stopped, it says when that was asked for; started again, it was launched then, and used since it was made.
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    assert_eq!(shown(&root, &id)["reason"], "User initiated (2026-01-15 12:00:00 GMT)");
    cloud.advance(Duration::from_secs(60));
    ec2(&root, "StartInstances", json!({ "InstanceIds": [id] }));
    let again = shown(&root, &id);
    assert_eq!(again["launchTime"], "2026-01-15T12:01:00.000Z");
    assert_eq!(again["usageOperationUpdateTime"], "2026-01-15T12:00:00.000Z");
}

#[test]
fn a_machine_has_the_processors_that_it_was_asked_for() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let types = ec2(&root, "DescribeInstanceTypes", json!({ "InstanceTypes": ["m5.2xlarge"] }));
    let cpus = json!({ "defaultVCpus": "8", "defaultCores": "4", "defaultThreadsPerCore": "2",
        "validCores": ["2", "4"], "validThreadsPerCore": ["1", "2"] });
    assert_eq!(types["instanceTypeSet"][0]["vCpuInfo"], cpus);
    let few = |cores: i64, threads: i64| json!({ "CoreCount": cores, "ThreadsPerCore": threads });
    let made = run(&root, json!({ "InstanceType": "m5.2xlarge", "CpuOptions": few(2, 1) }));
    let told = |cores: &str, threads: &str| json!({ "coreCount": cores, "threadsPerCore": threads });
    assert_eq!(made["cpuOptions"], told("2", "1"));
    let id = text(&made["instanceId"]);
    for (more, code, message) in [
        (
            json!({ "CpuOptions": { "CoreCount": 1 } }),
            "MissingParameter",
            "When specifying CpuOptions you must specify both CoreCount and ThreadsPerCore.",
        ),
        (
            json!({ "CpuOptions": few(2, 2) }),
            "InvalidParameterValue",
            "Value (2) for parameter CpuOptions.CoreCount is invalid. Valid values for t3.micro: 1.",
        ),
        (
            json!({ "CpuOptions": few(1, 3) }),
            "InvalidParameterValue",
            "Value (3) for parameter CpuOptions.ThreadsPerCore is invalid. Valid values for t3.micro: 1, 2.",
        ),
        (
            json!({ "InstanceType": "t2.micro", "CpuOptions": few(1, 1) }),
            "Unsupported",
            "The requested configuration is currently not supported. Please check the documentation for supported configurations.",
        ),
        (
            json!({ "NetworkPerformanceOptions": { "BandwidthWeighting": "vpc-1" } }),
            "Unsupported",
            "Instance type t3.micro does not support the bandwidth weighting vpc-1.",
        ),
        (
            json!({ "MinCount": 2, "MaxCount": 1 }),
            "InvalidParameterValue",
            "Maximum instance count must not be smaller than minimum instance count",
        ),
        (
            json!({ "BlockDeviceMappings": [{ "DeviceName": "/dev/sdf", "Ebs": { "VolumeSize": 1, "VolumeType": "gp9" } }] }),
            "UnknownVolumeType",
            "Unsupported volume type 'gp9' for volume creation.",
        ),
    ] {
        assert_eq!(root.call("ec2", "RunInstances", asked(more)).error(), (code.into(), message.into()));
    }
    // A stopped one may get others, and another type has its own.
    let change = json!({ "InstanceId": id, "CoreCount": 4, "ThreadsPerCore": 1 });
    until(&cloud, &root, &id, "running");
    let (code, message) = root.call("ec2", "ModifyInstanceCpuOptions", change.clone()).error();
    assert_eq!(
        (code.as_str(), message),
        ("IncorrectInstanceState", format!("The instance '{id}' is not in the 'stopped' state."))
    );
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    let changed = ec2(&root, "ModifyInstanceCpuOptions", change);
    assert_eq!(
        (&changed["instanceId"], &changed["coreCount"], &changed["threadsPerCore"]),
        (&json!(id), &json!("4"), &json!("1"))
    );
    assert_eq!(shown(&root, &id)["cpuOptions"], told("4", "1"));
    let none = json!({ "InstanceId": id, "CoreCount": 3, "ThreadsPerCore": 1 });
    root.call("ec2", "ModifyInstanceCpuOptions", none).refused(400, "InvalidParameterValue");
    let unknown = json!({ "InstanceId": "i-00000000000000000", "CoreCount": 1, "ThreadsPerCore": 1 });
    root.call("ec2", "ModifyInstanceCpuOptions", unknown).refused(400, "InvalidInstanceID.NotFound");
    let unknown = json!({ "InstanceId": id, "InstanceType": { "Value": "t9.huge" } });
    assert_eq!(
        root.call("ec2", "ModifyInstanceAttribute", unknown).error(),
        ("InvalidParameterValue".into(), "Invalid value 't9.huge' for InstanceType.".into())
    );
    ec2(
        &root,
        "ModifyInstanceAttribute",
        json!({ "InstanceId": id, "InstanceType": { "Value": "m5.large" } }),
    );
    assert_eq!(shown(&root, &id)["cpuOptions"], told("1", "2"));
}

#[test]
fn whether_a_machine_recovers_is_kept_and_changed() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let off = json!({ "MaintenanceOptions": { "AutoRecovery": "disabled" } });
    let id = text(&run(&root, off)["instanceId"]);
    run(&root, json!({}));
    let found = |word: &str| {
        let filters = filter("maintenance-options.auto-recovery", word);
        items(&ec2(&root, "DescribeInstances", json!({ "Filters": filters }))["reservationSet"]).len()
    };
    assert_eq!((found("disabled"), found("default")), (1, 1));
    let more = json!({ "InstanceId": id, "AutoRecovery": "default", "RebootMigration": "disabled" });
    let changed = ec2(&root, "ModifyInstanceMaintenanceOptions", more);
    assert_eq!(
        (&changed["autoRecovery"], &changed["rebootMigration"]),
        (&json!("default"), &json!("disabled"))
    );
    assert_eq!(
        shown(&root, &id)["maintenanceOptions"],
        json!({ "autoRecovery": "default", "rebootMigration": "disabled" })
    );
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "terminated");
    let late = json!({ "InstanceId": id, "AutoRecovery": "default" });
    root.call("ec2", "ModifyInstanceMaintenanceOptions", late).refused(400, "IncorrectInstanceState");
}
