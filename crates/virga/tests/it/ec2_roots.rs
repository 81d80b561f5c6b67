//! Roots of machines as volumes: how they are made, kept, detached and imaged. What is in them is tested end to end.

use crate::ebs_volumes::key;
use crate::ec2_instances::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const IMAGE: &str = "ami-0a1f5c0de0b1a0001";

fn asked(root: Value) -> Value {
    json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
        "BlockDeviceMappings": [{ "DeviceName": "/dev/xvda", "Ebs": root }] })
}

/// A machine that runs, with a root as it is asked for.
fn machine(cloud: &Cloud, caller: &Caller<'_>, root: Value) -> String {
    let id = text(&ec2(caller, "RunInstances", asked(root))["instancesSet"][0]["instanceId"]);
    until(cloud, caller, &id, "running");
    id
}

fn root_of(caller: &Caller<'_>, instance: &str) -> Value {
    let found =
        ec2(caller, "DescribeVolumes", json!({ "Filters": filter("attachment.instance-id", instance) }));
    found["volumeSet"][0].clone()
}

#[track_caller]
fn soon(cloud: &Cloud, mut what: impl FnMut() -> bool) {
    for _ in 0..100 {
        if what() {
            return;
        }
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not come to be");
}

fn stop(cloud: &Cloud, caller: &Caller<'_>, instance: &str) {
    ec2(caller, "StopInstances", json!({ "InstanceIds": [instance] }));
    until(cloud, caller, instance, "stopped");
}

#[test]
fn a_launch_makes_the_root_that_it_asks_for() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let image = ec2(&root, "DescribeImages", json!({ "ImageIds": [IMAGE] }))["imagesSet"][0].clone();
    assert_eq!((&image["rootDeviceName"], &image["rootDeviceType"]), (&json!("/dev/xvda"), &json!("ebs")));
    let mapping = &image["blockDeviceMapping"][0];
    assert_eq!((&mapping["deviceName"], &mapping["ebs"]["volumeSize"]), (&json!("/dev/xvda"), &json!("8")));

    let plain = machine(&cloud, &root, json!({}));
    let volume = root_of(&root, &plain);
    assert_eq!(
        (&volume["size"], &volume["volumeType"], &volume["status"]),
        (&json!("8"), &json!("gp3"), &json!("in-use"))
    );
    let seen = ec2(&root, "DescribeInstances", json!({ "Filters": filter("root-device-name", "/dev/xvda") }));
    let seen = &seen["reservationSet"][0]["instancesSet"][0];
    assert_eq!((&seen["rootDeviceName"], &seen["rootDeviceType"]), (&json!("/dev/xvda"), &json!("ebs")));
    let mapped = &seen["blockDeviceMapping"][0];
    assert_eq!((&mapped["deviceName"], &mapped["ebs"]["status"]), (&json!("/dev/xvda"), &json!("attached")));
    assert_eq!(mapped["ebs"]["deleteOnTermination"], "true");

    let asked_for =
        json!({ "VolumeSize": 20, "VolumeType": "io1", "Iops": 200, "DeleteOnTermination": false });
    let other = machine(&cloud, &root, asked_for);
    let kept = root_of(&root, &other);
    assert_eq!(
        (&kept["size"], &kept["volumeType"], &kept["iops"]),
        (&json!("20"), &json!("io1"), &json!("200"))
    );
    for instance in [&plain, &other] {
        ec2(&root, "TerminateInstances", json!({ "InstanceIds": [instance] }));
        until(&cloud, &root, instance, "terminated");
    }
    let status = |id: &Value| {
        let found = root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [id] }));
        if found.status == 200 { text(&found.ok()["volumeSet"][0]["status"]) } else { found.error().0 }
    };
    soon(&cloud, || status(&volume["volumeId"]) == "InvalidVolume.NotFound");
    soon(&cloud, || status(&kept["volumeId"]) == "available");
}

#[test]
fn roots_that_cannot_be_are_refused() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let launch = |mapping: Value| {
        let mut asked = asked(json!({}));
        asked["BlockDeviceMappings"] = json!([mapping]);
        root.call("ec2", "RunInstances", asked).error()
    };
    for (mapping, code, why) in [
        (
            json!({ "DeviceName": "/dev/xvda", "NoDevice": "" }),
            "InvalidBlockDeviceMapping",
            "cannot be left out",
        ),
        (
            json!({ "DeviceName": "/dev/sda1", "Ebs": { "VolumeSize": 8 } }),
            "InvalidBlockDeviceMapping",
            "The root of this image is /dev/xvda",
        ),
        (
            json!({ "DeviceName": "/dev/xvda", "Ebs": { "SnapshotId": "snap-00000000000000000" } }),
            "InvalidBlockDeviceMapping",
            "snapshotId cannot be modified on root device",
        ),
        (
            json!({ "DeviceName": "/dev/xvda", "Ebs": { "KmsKeyId": "alias/none" } }),
            "InvalidParameterDependency",
            "requires the parameter Encrypted",
        ),
        (
            json!({ "DeviceName": "/dev/xvda", "Ebs": { "Encrypted": true, "KmsKeyId": "alias/none" } }),
            "InvalidParameterValue",
            "alias/none",
        ),
    ] {
        let (found, message) = launch(mapping.clone());
        assert_eq!(found, code, "{mapping}");
        assert!(message.contains(why), "{message}");
    }
    // A launch is authorized for its root.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},
        {"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"NumericGreaterThan":{"ec2:VolumeSize":"8"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    ec2(&eva, "RunInstances", asked(json!({})));
    eva.call("ec2", "RunInstances", asked(json!({ "VolumeSize": 9 }))).refused(403, "UnauthorizedOperation");
    assert!(items(&ec2(&root, "DescribeVolumes", json!({}))["volumeSet"]).len() == 1);
}

#[test]
fn a_root_goes_to_another_machine() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let zone = json!({ "AvailabilityZone": "us-east-1a" });
    let there = || {
        let mut asked = asked(json!({}));
        asked["Placement"] = zone.clone();
        let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
        until(&cloud, &root, &id, "running");
        id
    };
    let (first, second) = (there(), there());
    let (own, other) =
        (text(&root_of(&root, &first)["volumeId"]), text(&root_of(&root, &second)["volumeId"]));
    root.call("ec2", "DetachVolume", json!({ "VolumeId": own })).refused_with(
        400,
        "OperationNotPermitted",
        &format!("Unable to detach root volume '{own}' from instance '{first}'"),
    );
    let state = |id: &str| {
        text(&ec2(&root, "DescribeVolumes", json!({ "VolumeIds": [id] }))["volumeSet"][0]["status"])
    };
    for (instance, volume) in [(&first, &own), (&second, &other)] {
        stop(&cloud, &root, instance);
        ec2(&root, "DetachVolume", json!({ "VolumeId": volume }));
        soon(&cloud, || state(volume) == "available");
    }
    root.call("ec2", "StartInstances", json!({ "InstanceIds": [first] })).refused_with(
        400,
        "InvalidParameterValue",
        &format!("Invalid value '{first}' for instanceId. Instance does not have a volume attached at root (/dev/xvda)"),
    );
    let late = json!({ "InstanceId": first, "Name": "rootless" });
    root.call("ec2", "CreateImage", late).refused(400, "IncorrectInstanceState");
    let attach = json!({ "VolumeId": own, "InstanceId": second, "Device": "/dev/sda1" });
    ec2(&root, "AttachVolume", attach);
    root.call(
        "ec2",
        "AttachVolume",
        json!({ "VolumeId": other, "InstanceId": second, "Device": "/dev/xvda" }),
    )
    .refused(400, "InvalidParameterValue");
    soon(&cloud, || root_of(&root, &second)["attachmentSet"][0]["status"] == "attached");
    assert_eq!(root_of(&root, &second)["attachmentSet"][0]["device"], "/dev/xvda");
    ec2(&root, "StartInstances", json!({ "InstanceIds": [second] }));
    until(&cloud, &root, &second, "running");
    // To one that runs no root is attached.
    root.call(
        "ec2",
        "AttachVolume",
        json!({ "VolumeId": other, "InstanceId": second, "Device": "/dev/xvda" }),
    )
    .refused(400, "InvalidParameterValue");
    // What was attached by hand stays at the end, unless that is changed.
    let change = |delete: bool, device: &str| {
        let mapping = json!([{ "DeviceName": device, "Ebs": { "DeleteOnTermination": delete } }]);
        root.call(
            "ec2",
            "ModifyInstanceAttribute",
            json!({ "InstanceId": second, "BlockDeviceMappings": mapping }),
        )
    };
    change(true, "/dev/sdz").refused_with(
        400,
        "InvalidInstanceAttributeValue",
        "No device is currently mapped at /dev/sdz",
    );
    change(true, "/dev/xvda").ok();
    let asked = json!({ "InstanceId": second, "Attribute": "blockDeviceMapping" });
    let shown = ec2(&root, "DescribeInstanceAttribute", asked)["blockDeviceMapping"][0].clone();
    assert_eq!(
        (&shown["ebs"]["volumeId"], &shown["ebs"]["deleteOnTermination"]),
        (&json!(own), &json!("true"))
    );
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [second] }));
    until(&cloud, &root, &second, "terminated");
    soon(&cloud, || root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [own] })).status == 400);
}

#[test]
fn snapshots_are_taken_of_roots() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = machine(&cloud, &root, json!({ "VolumeSize": 10 }));
    let volume = text(&root_of(&root, &instance)["volumeId"]);
    let taken = ec2(&root, "CreateSnapshot", json!({ "VolumeId": volume, "Description": "of a root" }));
    assert_eq!((&taken["status"], &taken["volumeSize"]), (&json!("pending"), &json!("10")));
    let of_set = json!({ "InstanceSpecification": { "InstanceId": instance } });
    let set = ec2(&root, "CreateSnapshots", of_set)["snapshotSet"].clone();
    assert_eq!((items(&set).len(), &set[0]["volumeId"]), (1, &json!(volume)));
    let without = json!({ "InstanceSpecification": { "InstanceId": instance, "ExcludeBootVolume": true } });
    assert!(items(&ec2(&root, "CreateSnapshots", without)["snapshotSet"]).is_empty());
    let seen = |id: &Value| {
        ec2(&root, "DescribeSnapshots", json!({ "SnapshotIds": [id] }))["snapshotSet"][0].clone()
    };
    for snapshot in [&taken["snapshotId"], &set[0]["snapshotId"]] {
        soon(&cloud, || seen(snapshot)["status"] == "completed");
    }
    // An image of it is an image like any other; a root may not be smaller than what it is of.
    let mapped = json!([{ "DeviceName": "/dev/xvda", "Ebs": { "SnapshotId": taken["snapshotId"] } }]);
    let register = json!({ "Name": "of a root", "Architecture": std::env::consts::ARCH.replace("aarch64", "arm64"),
        "VirtualizationType": "hvm", "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": mapped });
    let image = ec2(&root, "RegisterImage", register)["imageId"].clone();
    let of = |root_of: Value| {
        let mut asked = asked(root_of);
        asked["ImageId"] = image.clone();
        asked
    };
    soon(&cloud, || {
        ec2(&root, "DescribeImages", json!({ "ImageIds": [image] }))["imagesSet"][0]["imageState"]
            == "available"
    });
    let snapshot = text(&taken["snapshotId"]);
    root.call("ec2", "RunInstances", of(json!({ "VolumeSize": 9 }))).refused_with(
        400,
        "InvalidBlockDeviceMapping",
        &format!("Volume of size 9GB is smaller than  snapshot '{snapshot}', expect size >= 10GB"),
    );
    let made = ec2(&root, "RunInstances", of(json!({})))["instancesSet"][0].clone();
    let seen = root_of(&root, &text(&made["instanceId"]));
    assert_eq!((&seen["snapshotId"], &seen["size"]), (&taken["snapshotId"], &json!("10")));
}

#[test]
fn templates_say_how_roots_are() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let disk = |device: &str, size: i64| json!({ "DeviceName": device, "Ebs": { "VolumeSize": size } });
    let data = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro",
        "BlockDeviceMappings": [disk("/dev/xvda", 12), disk("/dev/sdf", 1)] });
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "disks", "LaunchTemplateData": data }));
    let versions = ec2(&root, "DescribeLaunchTemplateVersions", json!({ "LaunchTemplateName": "disks" }));
    let shown = &versions["launchTemplateVersionSet"][0]["launchTemplateData"]["blockDeviceMappingSet"];
    assert_eq!(
        (&shown[0]["deviceName"], &shown[0]["ebs"]["volumeSize"]),
        (&json!("/dev/xvda"), &json!("12"))
    );
    let launch = |more: Value| {
        let mut asked =
            json!({ "LaunchTemplate": { "LaunchTemplateName": "disks" }, "MinCount": 1, "MaxCount": 1 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
        let found =
            ec2(&root, "DescribeVolumes", json!({ "Filters": filter("attachment.instance-id", &id) }));
        let mut sizes: Vec<_> = items(&found["volumeSet"]).iter().map(|one| text(&one["size"])).collect();
        sizes.sort();
        (id, sizes)
    };
    let (id, sizes) = launch(json!({}));
    assert_eq!(sizes, ["1", "12"]);
    // What is said at the launch counts instead.
    assert_eq!(launch(json!({ "BlockDeviceMappings": [disk("/dev/xvda", 9)] })).1, ["9"]);
    let got = ec2(&root, "GetLaunchTemplateData", json!({ "InstanceId": id }))["launchTemplateData"].clone();
    let mappings = items(&got["blockDeviceMappingSet"]);
    let devices: Vec<_> =
        mappings.iter().map(|one| (text(&one["deviceName"]), text(&one["ebs"]["volumeSize"]))).collect();
    let wanted = [("/dev/xvda", "12"), ("/dev/sdf", "1")];
    assert_eq!(devices, wanted.map(|(device, size)| (device.to_owned(), size.to_owned())));
}

#[test]
fn a_size_that_nothing_holds_is_refused_where_it_is_asked_for() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    machine(&cloud, &root, json!({ "VolumeSize": 20 }));
    plane.lack_disks("there is no /dev/fuse");
    root.call("ec2", "RunInstances", asked(json!({ "VolumeSize": 20 }))).refused_with(
        400,
        "Unsupported",
        "This machine cannot hold the root of a container to a size: there is no /dev/fuse (`virga doctor` says more)",
    );
    // Who asks for none has what the image says, and its console says that nothing holds it to that.
    machine(&cloud, &root, json!({ "VolumeType": "gp2" }));
}

#[test]
fn a_root_knows_what_its_volume_has_become() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = machine(&cloud, &root, json!({ "VolumeSize": 9 }));
    let volume = text(&root_of(&root, &id)["volumeId"]);
    let known = || {
        let (account, region) = (base::AccountId::parse(ACCOUNT).unwrap(), base::Region::US_EAST_1);
        let from = cloud.cloud.store().snapshot();
        let found = ec2::disk::of_volume(&from, account, region, &volume).unwrap().unwrap();
        let rate = found.held.unwrap().rate();
        (found.size, rate.operations.most, rate.bytes.most / f64::from(1 << 20))
    };
    assert_eq!(known(), (Some(9), 3000.0, 125.0));
    ec2(&root, "ModifyVolume", json!({ "VolumeId": volume, "Size": 11, "Iops": 5000, "Throughput": 250 }));
    soon(&cloud, || known() == (Some(11), 5000.0, 250.0));
}

/// An instance's state and why it is in it.
fn why(caller: &Caller<'_>, instance: &str) -> (String, String, String) {
    let found = ec2(caller, "DescribeInstances", json!({ "InstanceIds": [instance] }));
    let found = &found["reservationSet"][0]["instancesSet"][0];
    let reason = &found["stateReason"];
    let said = |name: &str| reason[name].as_str().unwrap_or_default().to_owned();
    (text(&found["instanceState"]["name"]), said("code"), said("message"))
}

#[test]
fn a_root_is_encrypted_where_that_is_asked_for_and_stays_so() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let first = machine(&cloud, &root, json!({ "Encrypted": true, "KmsKeyId": own }));
    let volume = root_of(&root, &first);
    assert_eq!((&volume["encrypted"], &volume["kmsKeyId"]), (&json!("true"), &json!(own)));
    // Snapshots and images of it are, and what is made of those.
    let taken = text(&ec2(&root, "CreateSnapshot", json!({ "VolumeId": volume["volumeId"] }))["snapshotId"]);
    let shown =
        |id: &str| ec2(&root, "DescribeSnapshots", json!({ "SnapshotIds": [id] }))["snapshotSet"][0].clone();
    soon(&cloud, || shown(&taken)["status"] == "completed");
    assert_eq!((&shown(&taken)["encrypted"], &shown(&taken)["kmsKeyId"]), (&json!("true"), &json!(own)));
    let image = text(&ec2(&root, "CreateImage", json!({ "InstanceId": first, "Name": "of it" }))["imageId"]);
    let state = |id: &str| {
        let found = ec2(&root, "DescribeImages", json!({ "ImageIds": [id] }));
        found["imagesSet"][0].clone()
    };
    soon(&cloud, || state(&image)["imageState"] == "available");
    assert_eq!(state(&image)["blockDeviceMapping"][0]["ebs"]["encrypted"], "true");
    let of_image = |id: &str, root: Value| {
        let mut asked = asked(root);
        asked["ImageId"] = json!(id);
        asked
    };
    let launched = |asked: Value| {
        let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
        until(&cloud, &root, &id, "running");
        root_of(&root, &id)
    };
    let second = launched(of_image(&image, json!({})));
    assert_eq!((&second["encrypted"], &second["kmsKeyId"]), (&json!("true"), &json!(own)));
    let other = key(&root);
    assert_eq!(
        launched(of_image(&image, json!({ "Encrypted": true, "KmsKeyId": other })))["kmsKeyId"],
        json!(other)
    );
    let architecture = state(&image)["architecture"].clone();
    let registered = json!({ "Name": "again", "Architecture": architecture, "VirtualizationType": "hvm", "RootDeviceName": "/dev/xvda",
        "BlockDeviceMappings": [{ "DeviceName": "/dev/xvda", "Ebs": { "SnapshotId": taken } }] });
    let registered = text(&ec2(&root, "RegisterImage", registered)["imageId"]);
    soon(&cloud, || state(&registered)["imageState"] == "available");
    assert_eq!(launched(of_image(&registered, json!({})))["kmsKeyId"], json!(own));
    // A copy is encrypted where that is asked for, or where the account has it so.
    let plain = machine(&cloud, &root, json!({}));
    assert_eq!(root_of(&root, &plain)["encrypted"], "false");
    let plain = text(&ec2(&root, "CreateImage", json!({ "InstanceId": plain, "Name": "plain" }))["imageId"]);
    soon(&cloud, || state(&plain)["imageState"] == "available");
    let copy = |name: &str, more: Value| {
        let mut asked = json!({ "Name": name, "SourceImageId": plain, "SourceRegion": "us-east-1" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = text(&ec2(&root, "CopyImage", asked)["imageId"]);
        soon(&cloud, || state(&id)["imageState"] == "available");
        launched(of_image(&id, json!({})))
    };
    assert_eq!(copy("copied", json!({ "Encrypted": true, "KmsKeyId": own }))["kmsKeyId"], json!(own));
    assert_eq!(copy("not", json!({}))["encrypted"], "false");
    assert_eq!(launched(of_image(&plain, json!({ "Encrypted": true })))["encrypted"], "true");
    ec2(&root, "EnableEbsEncryptionByDefault", json!({}));
    assert_eq!(copy("by default", json!({}))["encrypted"], "true");
    assert_eq!(root_of(&root, &machine(&cloud, &root, json!({})))["encrypted"], "true");
}

#[test]
fn who_may_not_use_its_key_starts_no_machine() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let id = machine(&cloud, &root, json!({ "Encrypted": true, "KmsKeyId": own }));
    stop(&cloud, &root, &id);
    // AWS: the call succeeds, and the machine stops at once and says why.
    let starts = |caller: &Caller<'_>| {
        let said = ec2(caller, "StartInstances", json!({ "InstanceIds": [id] }));
        assert_eq!(said["instancesSet"][0]["currentState"]["name"], "pending");
        soon(&cloud, || why(&root, &id).0 != "pending");
        soon(&cloud, || why(&root, &id).0 != "stopping");
        why(&root, &id)
    };
    let said = ["stopped", "Client.InternalError", "Client.InternalError: Client error on launch"];
    let refused: (String, String, String) = said.map(str::to_owned).into();
    root.call("kms", "DisableKey", json!({ "KeyId": own })).ok();
    assert_eq!(starts(&root), refused);
    // A launch, too: its machine has never been up, and is terminated.
    let ends = |caller: &Caller<'_>, said: [&str; 3]| {
        let launched = ec2(caller, "RunInstances", asked(json!({ "Encrypted": true, "KmsKeyId": own })));
        let launched = &launched["instancesSet"][0];
        assert_eq!(launched["instanceState"]["name"], "pending");
        let id = text(&launched["instanceId"]);
        soon(&cloud, || why(&root, &id).0 == "terminated");
        assert_eq!(why(&root, &id), said.map(str::to_owned).into());
    };
    let volumes = || items(&ec2(&root, "DescribeVolumes", json!({}))["volumeSet"]).len();
    let before = volumes();
    let invalid = "Client.InvalidKMSKey.InvalidState";
    let words = "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state";
    ends(&root, ["terminated", invalid, words]);
    root.call("kms", "EnableKey", json!({ "KeyId": own })).ok();
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    ends(&eva, ["terminated", "Client.InternalError", "Client.InternalError: Client error on launch"]);
    assert_eq!(volumes(), before);
    assert_eq!(starts(&eva), refused);
    assert_eq!(starts(&root).0, "running");
    // What runs goes on, as its key has been opened; a deleted one ends that at the next start.
    root.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": own, "PendingWindowInDays": 7 })).ok();
    ec2(&root, "RebootInstances", json!({ "InstanceIds": [id] }));
    cloud.reconcile();
    assert_eq!(why(&root, &id).0, "running");
    stop(&cloud, &root, &id);
    assert_eq!(starts(&root), refused);
    // And where nothing can encrypt it, it is refused at the call.
    plane.lack_disks("there is no /dev/fuse");
    root.call("ec2", "RunInstances", asked(json!({ "Encrypted": true }))).refused_with(
        400,
        "Unsupported",
        "This machine cannot encrypt the root of a container: there is no /dev/fuse (`virga doctor` says more)",
    );
}
