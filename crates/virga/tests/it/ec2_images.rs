//! Images that are made of machines: states, refusals, who may launch them. What is in them is tested end to end.

use crate::ebs_volumes::volume;
use crate::ec2_instances::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::{Folder, cloud};
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const BUILT_IN: &str = "ami-0a1f5c0de0b1a0001";

/// A machine that runs.
fn machine(cloud: &Cloud, caller: &Caller<'_>, more: Value) -> String {
    let mut asked = json!({ "ImageId": BUILT_IN, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = text(&ec2(caller, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    until(cloud, caller, &id, "running");
    id
}

fn image(caller: &Caller<'_>, id: &str) -> Value {
    ec2(caller, "DescribeImages", json!({ "ImageIds": [id] }))["imagesSet"][0].clone()
}

/// Reconciles until an image is in a state.
#[track_caller]
fn becomes(cloud: &Cloud, caller: &Caller<'_>, id: &str, state: &str) -> Value {
    for _ in 0..100 {
        let seen = image(caller, id);
        if seen["imageState"] == state {
            return seen;
        }
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{}", image(caller, id));
}

fn created(cloud: &Cloud, caller: &Caller<'_>, instance: &str, name: &str, more: Value) -> String {
    let mut asked = json!({ "InstanceId": instance, "Name": name });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = text(&ec2(caller, "CreateImage", asked)["imageId"]);
    becomes(cloud, caller, &id, "available");
    id
}

#[test]
fn an_image_is_made_launched_and_deregistered() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = machine(&cloud, &root, json!({ "Placement": { "AvailabilityZone": "us-east-1a" } }));
    let of_root = json!({ "Filters": filter("attachment.device", "/dev/xvda") });
    let own_root = ec2(&root, "DescribeVolumes", of_root)["volumeSet"][0].clone();
    let disk = volume(&cloud, &root, json!({ "Size": 2 }));
    let attach = json!({ "VolumeId": disk, "InstanceId": instance, "Device": "/dev/sdf" });
    ec2(&root, "AttachVolume", attach);
    cloud.reconcile();
    let mapped = json!([
        { "DeviceName": "/dev/sdf", "Ebs": { "DeleteOnTermination": true, "VolumeSize": 3 } },
        { "DeviceName": "/dev/sdg", "Ebs": { "VolumeSize": 1 } },
    ]);
    let asked = json!({ "InstanceId": instance, "Name": "first", "BlockDeviceMappings": mapped });
    let id = text(&ec2(&root, "CreateImage", asked)["imageId"]);
    let seen = image(&root, &id);
    assert_eq!((&seen["imageState"], &seen["isPublic"]), (&json!("pending"), &json!("false")));
    let launch = json!({ "ImageId": id, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    root.call("ec2", "RunInstances", launch.clone()).refused_with(
        400,
        "InvalidAMIID.Unavailable",
        &format!("The image id '[{id}]' is not available"),
    );
    let seen = becomes(&cloud, &root, &id, "available");
    until(&cloud, &root, &instance, "running");
    let mappings = items(&seen["blockDeviceMapping"]);
    let devices: Vec<_> =
        mappings.iter().map(|one| (text(&one["deviceName"]), text(&one["ebs"]["volumeSize"]))).collect();
    let wanted = [("/dev/xvda", "8"), ("/dev/sdf", "3"), ("/dev/sdg", "1")];
    assert_eq!(devices, wanted.map(|(device, size)| (device.to_owned(), size.to_owned())));
    let snapshot = text(&mappings[0]["ebs"]["snapshotId"]);
    let shown =
        ec2(&root, "DescribeSnapshots", json!({ "SnapshotIds": [snapshot] }))["snapshotSet"][0].clone();
    assert_eq!((&shown["status"], &shown["volumeId"]), (&json!("completed"), &own_root["volumeId"]));
    let found =
        ec2(&root, "DescribeImages", json!({ "Owners": ["self"], "Filters": filter("name", "first") }));
    assert_eq!(items(&found["imagesSet"]).len(), 1);

    // What is not said otherwise comes with the image.
    let other = json!([{ "DeviceName": "/dev/sdg", "NoDevice": "" }]);
    let second = machine(&cloud, &root, json!({ "ImageId": id, "BlockDeviceMappings": other }));
    let volumes =
        ec2(&root, "DescribeVolumes", json!({ "Filters": filter("attachment.instance-id", &second) }));
    let mut volumes = items(&volumes["volumeSet"]);
    volumes.sort_by_key(|volume| text(&volume["size"]));
    assert_eq!((volumes.len(), &volumes[0]["size"]), (2, &json!("3")));
    for (volume, mapping) in volumes.iter().zip([&mappings[1], &mappings[0]]) {
        assert_eq!(volume["snapshotId"], mapping["ebs"]["snapshotId"]);
    }

    root.call("ec2", "DeleteSnapshot", json!({ "SnapshotId": snapshot })).refused_with(
        400,
        "InvalidSnapshot.InUse",
        &format!("The snapshot {snapshot} is currently in use by {id}"),
    );
    assert_eq!(ec2(&root, "DeregisterImage", json!({ "ImageId": id }))["return"], "true");
    root.call("ec2", "RunInstances", launch).refused(400, "InvalidAMIID.NotFound");
    ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": snapshot }));
    root.call("ec2", "DeregisterImage", json!({ "ImageId": id })).refused(400, "InvalidAMIID.NotFound");
}

#[test]
fn what_no_image_can_be_of_is_refused() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = machine(&cloud, &root, json!({}));
    let id = created(&cloud, &root, &instance, "taken", json!({ "NoReboot": true }));
    let malformed = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
    let named = |name: &str| root.call("ec2", "CreateImage", json!({ "InstanceId": instance, "Name": name }));
    named("a:b").refused_with(400, "InvalidAMIName.Malformed", malformed);
    // Its length is in the model, and asked about before.
    for name in ["ab", &"x".repeat(129)] {
        named(name).refused(400, "InvalidParameterValue");
    }
    root.call("ec2", "CreateImage", json!({ "InstanceId": instance, "Name": "taken" })).refused_with(
        400,
        "InvalidAMIName.Duplicate",
        &format!("AMI name taken is already in use by AMI {id}"),
    );
    let register = |more: Value| {
        let mut asked =
            json!({ "Name": "registered", "Architecture": "x86_64", "VirtualizationType": "hvm" });
        asked["Architecture"] = image(&root, &id)["architecture"].clone();
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "RegisterImage", asked).error().0
    };
    let of = |snapshot: &str| json!([{ "DeviceName": "/dev/xvda", "Ebs": { "SnapshotId": snapshot } }]);
    let rows = [
        (json!({}), "InvalidBlockDeviceMapping"),
        (json!({ "Architecture": "i386" }), "Unsupported"),
        (json!({ "BlockDeviceMappings": of("snap-00000000000000000") }), "InvalidSnapshot.NotFound"),
        (
            json!({ "BlockDeviceMappings": [{ "DeviceName": "/dev/sdf", "Ebs": { "VolumeSize": 1 } }] }),
            "InvalidBlockDeviceMapping",
        ),
    ];
    for (more, code) in rows {
        assert_eq!(register(more.clone()), code, "{more}");
    }
    let copy = |more: Value| {
        let mut asked = json!({ "Name": "copied", "SourceImageId": id, "SourceRegion": "us-east-1" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "CopyImage", asked).error().0
    };
    for (more, code) in [
        (json!({ "Encrypted": true, "KmsKeyId": "alias/none" }), "InvalidParameterValue"),
        (json!({ "SourceRegion": "us-east-9" }), "InvalidParameterValue"),
        (json!({ "SourceImageId": BUILT_IN }), "InvalidRequest"),
        (json!({ "SourceRegion": "eu-west-1" }), "InvalidAMIID.NotFound"),
        (json!({ "Name": "taken" }), "InvalidAMIName.Duplicate"),
    ] {
        assert_eq!(copy(more.clone()), code, "{more}");
    }
    root.call("ec2", "DeregisterImage", json!({ "ImageId": BUILT_IN })).refused(403, "AuthFailure");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [instance] }));
    until(&cloud, &root, &instance, "terminated");
    let what = format!(
        "Invalid value '{instance}' for instanceId. Instance is not in state 'running' or 'stopping' or 'stopped'"
    );
    let late = json!({ "InstanceId": instance, "Name": "late" });
    root.call("ec2", "CreateImage", late).refused_with(400, "InvalidParameterValue", &what);
}

#[test]
fn an_image_whose_machine_goes_too_early_fails() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = machine(&cloud, &root, json!({}));
    let id = text(&ec2(&root, "CreateImage", json!({ "InstanceId": instance, "Name": "late" }))["imageId"]);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [instance] }));
    let seen = becomes(&cloud, &root, &id, "failed");
    assert_eq!(seen["stateReason"]["code"], "Client.InvalidInstance");
    let snapshot = text(&seen["blockDeviceMapping"][0]["ebs"]["snapshotId"]);
    let state = || {
        ec2(&root, "DescribeSnapshots", json!({ "SnapshotIds": [snapshot] }))["snapshotSet"][0]["status"]
            .clone()
    };
    assert_eq!(state(), "error");
    // One that is given up before leaves a snapshot that says so, and that can be deleted.
    let instance = machine(&cloud, &root, json!({}));
    let id =
        text(&ec2(&root, "CreateImage", json!({ "InstanceId": instance, "Name": "given up" }))["imageId"]);
    let snapshot = text(&image(&root, &id)["blockDeviceMapping"][0]["ebs"]["snapshotId"]);
    ec2(&root, "DeregisterImage", json!({ "ImageId": id }));
    let shown =
        ec2(&root, "DescribeSnapshots", json!({ "SnapshotIds": [snapshot] }))["snapshotSet"][0].clone();
    assert_eq!(shown["status"], "error");
    ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": snapshot }));
    cloud.reconcile();
    until(&cloud, &root, &instance, "running");
}

#[test]
fn permissions_and_descriptions_are_changed_and_shown() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let instance = machine(&cloud, &root, json!({}));
    let id = created(&cloud, &root, &instance, "shared", json!({ "Description": "old" }));
    let shown = |attribute: &str| {
        ec2(&root, "DescribeImageAttribute", json!({ "ImageId": id, "Attribute": attribute }))
    };
    let modify = |more: Value| {
        let mut asked = json!({ "ImageId": id });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "ModifyImageAttribute", asked)
    };
    modify(json!({ "Description": { "Value": "new" } })).ok();
    assert_eq!(shown("description")["description"]["value"], "new");
    let seen = || items(&ec2(&other, "DescribeImages", json!({ "ImageIds": [id] }))["imagesSet"]).len();
    other.call("ec2", "DescribeImages", json!({ "ImageIds": [id] })).refused_with(
        400,
        "InvalidAMIID.NotFound",
        &format!("The image id '[{id}]' does not exist"),
    );
    other.call("ec2", "DescribeImages", json!({ "ImageIds": [id, "ami-1234abcd"] })).refused_with(
        400,
        "InvalidAMIID.NotFound",
        &format!("The image ids '[{id}, ami-1234abcd]' do not exist"),
    );
    modify(json!({ "Attribute": "launchPermission", "OperationType": "add", "UserIds": [OTHER] })).ok();
    assert_eq!(shown("launchPermission")["launchPermission"][0]["userId"], OTHER);
    assert_eq!(seen(), 1);
    machine(&cloud, &other, json!({ "ImageId": id }));
    let theirs = json!({ "ImageId": id, "Description": { "Value": "theirs" } });
    other.call("ec2", "ModifyImageAttribute", theirs).refused_with(
        403,
        "AuthFailure",
        &format!("Not authorized for image:{id}"),
    );
    modify(json!({ "LaunchPermission": { "Remove": [{ "UserId": OTHER }], "Add": [{ "Group": "all" }] } }))
        .ok();
    assert_eq!(shown("launchPermission")["launchPermission"][0]["group"], "all");
    let public = ec2(&other, "DescribeImages", json!({ "ExecutableUsers": ["all"], "Owners": [ACCOUNT] }));
    assert_eq!(public["imagesSet"][0]["isPublic"], "true");
    ec2(&root, "ResetImageAttribute", json!({ "ImageId": id, "Attribute": "launchPermission" }));
    other.call("ec2", "DescribeImages", json!({ "ImageIds": [id] })).refused(400, "InvalidAMIID.NotFound");
    for (more, code) in [
        (json!({ "LaunchPermission": { "Add": [{ "UserId": "nobody" }] } }), "InvalidAMIAttributeItemValue"),
        (
            json!({ "LaunchPermission": { "Add": [{ "UserId": OTHER, "Group": "all" }] } }),
            "InvalidAMIAttributeItemValue",
        ),
        (json!({ "Attribute": "kernel", "Value": "x" }), "InvalidParameterValue"),
        (json!({ "UserIds": [OTHER] }), "MissingParameter"),
        (json!({}), "MissingParameter"),
    ] {
        assert_eq!(modify(more.clone()).error().0, code, "{more}");
    }
}

#[test]
fn policies_may_ask_whose_an_image_is_and_what_its_tags_are() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = machine(&cloud, &root, json!({}));
    let tags = json!([{ "ResourceType": "image", "Tags": [{ "Key": "stage", "Value": "prod" }] }]);
    let id = created(&cloud, &root, &instance, "tagged", json!({ "TagSpecifications": tags }));
    let plain = created(&cloud, &root, &instance, "plain", json!({}));
    let image = "arn:aws:ec2:*::image/*";
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:RunInstances", "NotResource": image },
        { "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": image,
          "Condition": { "StringEquals": { "ec2:ResourceTag/stage": "prod", "ec2:Owner": ACCOUNT } } },
    ] });
    let user = cloud.user(&root, "launcher", &policy.to_string());
    let launch =
        |id: &str| json!({ "ImageId": id, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    user.call("ec2", "RunInstances", launch(&id)).ok();
    for other in [plain.as_str(), BUILT_IN] {
        user.call("ec2", "RunInstances", launch(other)).refused(403, "UnauthorizedOperation");
    }
}

#[test]
fn layers_that_nobody_needs_are_removed() {
    let folder = Folder::new("layers");
    std::fs::create_dir_all(folder.join("layers/snap-00000000000000000/etc")).unwrap();
    let (cloud, _plane) = cloud(Simulator::new(), Some(folder.to_path_buf()));
    let root = cloud.root(ACCOUNT);
    let instance = machine(&cloud, &root, json!({}));
    assert!(!folder.join("layers/snap-00000000000000000").exists());
    let id = created(&cloud, &root, &instance, "kept", json!({ "NoReboot": true }));
    let layer =
        folder.join("layers").join(text(&image(&root, &id)["blockDeviceMapping"][0]["ebs"]["snapshotId"]));
    assert!(layer.exists());
    let second = machine(&cloud, &root, json!({ "ImageId": id }));
    ec2(&root, "DeregisterImage", json!({ "ImageId": id }));
    cloud.reconcile();
    assert!(layer.exists(), "a machine needs it");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [second] }));
    until(&cloud, &root, &second, "terminated");
    cloud.reconcile();
    assert!(!layer.exists());
}

#[test]
fn what_becomes_of_an_image_is_an_event_and_its_snapshots_may_go_with_it() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let queue = json!({ "QueueName": "images", "Attributes": { "Policy": json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*" }],
    }).to_string() } });
    let url = text(&root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"]);
    let pattern = json!({ "source": ["aws.ec2"], "detail-type": ["EC2 AMI State Change"] }).to_string();
    root.call("events", "PutRule", json!({ "Name": "images", "EventPattern": pattern })).ok();
    let target = json!({ "Id": "q", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:images") });
    root.call("events", "PutTargets", json!({ "Rule": "images", "Targets": [target] })).ok();
    let instance = machine(&cloud, &root, json!({}));
    let id = created(&cloud, &root, &instance, "told", json!({ "NoReboot": true }));
    let snapshot = text(&image(&root, &id)["blockDeviceMapping"][0]["ebs"]["snapshotId"]);
    // Another image of the same snapshot keeps it.
    let of = json!([{ "DeviceName": "/dev/xvda", "Ebs": { "SnapshotId": snapshot } }]);
    let architecture = image(&root, &id)["architecture"].clone();
    let asked = json!({ "Name": "again", "Architecture": architecture, "VirtualizationType": "hvm",
        "BlockDeviceMappings": of });
    let again = text(&ec2(&root, "RegisterImage", asked)["imageId"]);
    becomes(&cloud, &root, &again, "available");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:DeregisterImage", "Resource": "*" } ] });
    let user = cloud.user(&root, "cleaner", &policy.to_string());
    let gone = |caller: &Caller<'_>, id: &str| {
        let gone =
            ec2(caller, "DeregisterImage", json!({ "ImageId": id, "DeleteAssociatedSnapshots": true }));
        let results = items(&gone["deleteSnapshotResultSet"]);
        assert_eq!((results.len(), &results[0]["snapshotId"]), (1, &json!(snapshot)), "{gone}");
        text(&results[0]["returnCode"])
    };
    assert_eq!(gone(&root, &id), "skipped");
    let shown = || root.call("ec2", "DescribeSnapshots", json!({ "SnapshotIds": [snapshot] })).status;
    assert_eq!(gone(&user, &again), "missing-permissions");
    assert_eq!(shown(), 200);
    let third = created(&cloud, &root, &instance, "third", json!({ "NoReboot": true }));
    let own = text(&image(&root, &third)["blockDeviceMapping"][0]["ebs"]["snapshotId"]);
    let last = ec2(&root, "DeregisterImage", json!({ "ImageId": third, "DeleteAssociatedSnapshots": true }));
    assert_eq!(items(&last["deleteSnapshotResultSet"])[0]["returnCode"], "success");
    root.call("ec2", "DescribeSnapshots", json!({ "SnapshotIds": [own] }))
        .refused(400, "InvalidSnapshot.NotFound");
    let mut told = Vec::new();
    for _ in 0..50 {
        cloud.reconcile();
        let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
        let got = root.call("sqs", "ReceiveMessage", asked).ok();
        for message in got["Messages"].as_array().into_iter().flatten() {
            let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            let detail = &event["detail"];
            assert_eq!(
                event["resources"][0],
                format!("arn:aws:ec2:us-east-1::image/{}", text(&detail["ImageId"]))
            );
            assert!(!text(&detail["RequestId"]).is_empty());
            told.push((text(&detail["ImageId"]), text(&detail["State"])));
        }
        if told.len() == 6 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    told.sort();
    let mut wanted: Vec<_> = [&id, &again, &third]
        .into_iter()
        .flat_map(|id| ["available", "deregistered"].map(|state| (id.clone(), state.to_owned())))
        .collect();
    wanted.sort();
    assert_eq!(told, wanted);
}

#[test]
fn an_image_that_needs_uefi_is_refused() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let architecture = image(&root, BUILT_IN)["architecture"].clone();
    let asked = json!({ "Name": "uefi", "Architecture": architecture, "VirtualizationType": "hvm", "BootMode": "uefi" });
    root.call("ec2", "RegisterImage", asked).refused_with(
        400,
        "Unsupported",
        "Virtual machines here have a BIOS and no UEFI: an image's BootMode is legacy-bios or uefi-preferred.",
    );
    assert!(items(&ec2(&root, "DescribeImages", json!({ "Owners": ["self"] }))["imagesSet"]).is_empty());
}
