//! Roots of instances that run, replaced by others. What is in them is tested with real machines.

use crate::ebs_volumes::key;
use crate::ec2_instances::until;
use crate::ec2_profiles::IMAGE;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn root_of(root: &Caller<'_>, instance: &str) -> Vec<Value> {
    items(
        &ec2(root, "DescribeVolumes", json!({ "Filters": filter("attachment.instance-id", instance) }))["volumeSet"],
    )
}

fn task(root: &Caller<'_>, id: &str) -> Value {
    let asked = json!({ "ReplaceRootVolumeTaskIds": [id] });
    ec2(root, "DescribeReplaceRootVolumeTasks", asked)["replaceRootVolumeTaskSet"][0].clone()
}

fn instance(root: &Caller<'_>, id: &str) -> Value {
    ec2(root, "DescribeInstances", json!({ "InstanceIds": [id] }))["reservationSet"][0]["instancesSet"][0]
        .clone()
}

#[track_caller]
fn over(cloud: &Cloud, root: &Caller<'_>, id: &str) -> Value {
    for _ in 0..200 {
        let now = task(root, id);
        if now.get("completeTime").is_some() {
            return now;
        }
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{}", task(root, id));
}

fn run(cloud: &Cloud, root: &Caller<'_>) -> String {
    let launch = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
        "BlockDeviceMappings": [{ "DeviceName": "/dev/xvda", "Ebs": { "VolumeSize": 9 } }] });
    let id = text(&ec2(root, "RunInstances", launch)["instancesSet"][0]["instanceId"]);
    until(cloud, root, &id, "running");
    id
}

#[test]
fn a_root_is_replaced_while_its_instance_runs() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&cloud, &root);
    let before = instance(&root, &id);
    let old = text(&root_of(&root, &id)[0]["volumeId"]);
    let snapshot = text(&ec2(&root, "CreateSnapshot", json!({ "VolumeId": old }))["snapshotId"]);
    let tagged = json!([{ "ResourceType": "replace-root-volume-task", "Tags": [{ "Key": "why", "Value": "broken" }] }]);
    let asked = json!({ "InstanceId": id, "TagSpecifications": tagged, "ClientToken": "once" });
    let made = ec2(&root, "CreateReplaceRootVolumeTask", asked.clone())["replaceRootVolumeTask"].clone();
    assert_eq!((&made["taskState"], &made["instanceId"]), (&json!("pending"), &json!(id)));
    assert_eq!(made["tagSet"], json!([{ "key": "why", "value": "broken" }]));
    let first = text(&made["replaceRootVolumeTaskId"]);
    assert!(first.starts_with("replacevol-"), "{first}");
    let again = ec2(&root, "CreateReplaceRootVolumeTask", asked);
    assert_eq!(again["replaceRootVolumeTask"]["replaceRootVolumeTaskId"], first.as_str());
    root.call("ec2", "CreateReplaceRootVolumeTask", json!({ "InstanceId": id })).refused_with(
        400,
        "IncorrectState",
        &format!("The root volume of instance '{id}' is not 'attached'."),
    );
    assert_eq!(over(&cloud, &root, &first)["taskState"], "succeeded");
    // It ran all the while, with what it had; only its root is another, of the same size and type.
    let after = instance(&root, &id);
    for member in ["instanceState", "ipAddress", "privateIpAddress", "launchTime", "imageId"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    let roots = root_of(&root, &id);
    assert_eq!((roots.len(), &roots[0]["size"]), (1, &json!("9")));
    assert_eq!(roots[0]["attachmentSet"][0]["deleteOnTermination"], "true");
    let new = text(&roots[0]["volumeId"]);
    assert_ne!(new, old);
    let kept = ec2(&root, "DescribeVolumes", json!({ "VolumeIds": [old] }));
    assert_eq!(kept["volumeSet"][0]["status"], "available");
    // As a snapshot was that is of a root that it had; that one is deleted.
    let asked = json!({ "InstanceId": id, "SnapshotId": snapshot, "DeleteReplacedRootVolume": true });
    let made = ec2(&root, "CreateReplaceRootVolumeTask", asked);
    let second = over(&cloud, &root, &text(&made["replaceRootVolumeTask"]["replaceRootVolumeTaskId"]));
    assert_eq!((&second["taskState"], &second["snapshotId"]), (&json!("succeeded"), &json!(snapshot)));
    assert_eq!(root_of(&root, &id)[0]["snapshotId"], snapshot.as_str());
    let gone = root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [new] }));
    gone.refused(400, "InvalidVolume.NotFound");
    let all = ec2(&root, "DescribeReplaceRootVolumeTasks", json!({ "Filters": filter("instance-id", &id) }));
    assert_eq!(items(&all["replaceRootVolumeTaskSet"]).len(), 2);
}

#[test]
fn an_image_takes_the_roots_place() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&cloud, &root);
    let asked = json!({ "InstanceId": id, "Name": "mine", "NoReboot": true });
    let image = text(&ec2(&root, "CreateImage", asked)["imageId"]);
    let shown = || ec2(&root, "DescribeImages", json!({ "ImageIds": [image] }))["imagesSet"][0].clone();
    for _ in 0..200 {
        if shown()["imageState"] == "available" {
            break;
        }
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
    let made = ec2(&root, "CreateReplaceRootVolumeTask", json!({ "InstanceId": id, "ImageId": image }));
    let done = over(&cloud, &root, &text(&made["replaceRootVolumeTask"]["replaceRootVolumeTaskId"]));
    assert_eq!((&done["taskState"], &done["imageId"]), (&json!("succeeded"), &json!(image)));
    assert_eq!(instance(&root, &id)["imageId"], image.as_str());
    let of_image = text(&shown()["blockDeviceMapping"][0]["ebs"]["snapshotId"]);
    assert_eq!(root_of(&root, &id)[0]["snapshotId"], of_image.as_str());
}

#[test]
fn what_cannot_replace_a_root_is_refused() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&cloud, &root);
    let call = |with: Value| {
        let mut asked = json!({ "InstanceId": id });
        asked.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        root.call("ec2", "CreateReplaceRootVolumeTask", asked)
    };
    let zone = text(&instance(&root, &id)["placement"]["availabilityZone"]);
    let other = ec2(&root, "CreateVolume", json!({ "AvailabilityZone": zone, "Size": 1 }));
    cloud.reconcile();
    let foreign = ec2(&root, "CreateSnapshot", json!({ "VolumeId": other["volumeId"] }));
    let foreign = text(&foreign["snapshotId"]);
    cloud.reconcile();
    call(json!({ "SnapshotId": foreign })).refused_with(
        400,
        "InvalidParameterValue",
        &format!(
            "Value ({foreign}) for parameter snapshotId is invalid. It is not of a root that the instance '{id}' has or had."
        ),
    );
    call(json!({ "SnapshotId": foreign, "ImageId": IMAGE })).refused(400, "InvalidParameterCombination");
    call(json!({ "SnapshotId": "snap-00000000000000000" })).refused(400, "InvalidSnapshot.NotFound");
    call(json!({ "DryRun": true })).refused(412, "DryRunOperation");
    assert_eq!(
        items(&ec2(&root, "DescribeReplaceRootVolumeTasks", json!({}))["replaceRootVolumeTaskSet"]).len(),
        0
    );
    let own = format!("arn:aws:ec2:*:*:instance/{id}");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "ec2:CreateReplaceRootVolumeTask", "Resource": own },
    ] });
    let user = cloud.user(&root, "u", &policy.to_string());
    user.call("ec2", "CreateReplaceRootVolumeTask", json!({ "InstanceId": id }))
        .refused(403, "UnauthorizedOperation");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    call(json!({})).refused_with(
        400,
        "IncorrectInstanceState",
        &format!("The instance '{id}' is not in the 'running' state."),
    );
}

#[test]
fn an_instance_that_ends_meanwhile_leaves_no_volume() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&cloud, &root);
    let made = ec2(&root, "CreateReplaceRootVolumeTask", json!({ "InstanceId": id }));
    let task = text(&made["replaceRootVolumeTask"]["replaceRootVolumeTaskId"]);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "terminated");
    assert_eq!(over(&cloud, &root, &task)["taskState"], "failed");
    for _ in 0..100 {
        cloud.reconcile();
    }
    assert_eq!(items(&ec2(&root, "DescribeVolumes", json!({}))["volumeSet"]), Vec::<Value>::new());
}

#[test]
fn what_replaces_an_encrypted_root_is_encrypted() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
        "BlockDeviceMappings": [{ "DeviceName": "/dev/xvda", "Ebs": { "Encrypted": true, "KmsKeyId": own } }] });
    let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    until(&cloud, &root, &id, "running");
    let volume = || {
        let filters = filter("attachment.instance-id", &id);
        ec2(&root, "DescribeVolumes", json!({ "Filters": filters }))["volumeSet"][0].clone()
    };
    let first = volume();
    let taken = text(&ec2(&root, "CreateSnapshot", json!({ "VolumeId": first["volumeId"] }))["snapshotId"]);
    let state = || {
        ec2(&root, "DescribeSnapshots", json!({ "SnapshotIds": [taken] }))["snapshotSet"][0]["status"].clone()
    };
    for _ in 0..100 {
        cloud.reconcile();
        if state() == "completed" {
            break;
        }
    }
    assert_eq!(state(), "completed");
    for more in [json!({}), json!({ "SnapshotId": taken })] {
        let before = text(&volume()["volumeId"]);
        let mut asked = json!({ "InstanceId": id });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = ec2(&root, "CreateReplaceRootVolumeTask", asked)["replaceRootVolumeTask"].clone();
        // Whoever may use the key has asked: from here on the cloud goes on by itself.
        let done = over(&cloud, &root, &text(&made["replaceRootVolumeTaskId"]));
        assert_eq!(done["taskState"], "succeeded", "{done}");
        let now = volume();
        assert_ne!(text(&now["volumeId"]), before);
        assert_eq!((&now["encrypted"], &now["kmsKeyId"]), (&json!("true"), &json!(own)), "{more}");
        until(&cloud, &root, &id, "running");
    }
}
