//! Snapshots: taken, shared, copied, restored and deleted.

use crate::ebs_direct::{complete, first_byte, put, start};
use crate::ebs_volumes::{key, volume};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

fn shown(caller: &Caller<'_>, id: &str) -> Value {
    ec2(caller, "DescribeSnapshots", json!({ "SnapshotIds": [id] }))["snapshotSet"][0].clone()
}

fn taken(cloud: &Cloud, caller: &Caller<'_>, volume: &str) -> String {
    let made = ec2(caller, "CreateSnapshot", json!({ "VolumeId": volume, "Description": "daily" }));
    assert_eq!(made["status"], "pending", "{made}");
    cloud.reconcile();
    text(&made["snapshotId"])
}

#[test]
fn a_snapshot_is_taken_shown_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let disk = volume(&cloud, &root, json!({ "Size": 3 }));
    let id = taken(&cloud, &root, &disk);
    let there = shown(&root, &id);
    assert_eq!((&there["status"], &there["progress"]), (&json!("completed"), &json!("100%")));
    assert_eq!((&there["volumeId"], &there["volumeSize"]), (&json!(disk), &json!("3")));
    assert_eq!((&there["ownerId"], &there["description"]), (&json!(ACCOUNT), &json!("daily")));
    let found = |parameters: Value| items(&ec2(&root, "DescribeSnapshots", parameters)["snapshotSet"]).len();
    assert_eq!(found(json!({ "OwnerIds": ["self"] })), 1);
    assert_eq!(found(json!({ "OwnerIds": ["amazon"] })), 0);
    assert_eq!(found(json!({ "Filters": filter("volume-id", &disk) })), 1);
    assert_eq!(found(json!({ "Filters": filter("status", "pending") })), 0);
    let restored = volume(&cloud, &root, json!({ "SnapshotId": id }));
    let disk_again =
        ec2(&root, "DescribeVolumes", json!({ "VolumeIds": [restored] }))["volumeSet"][0].clone();
    assert_eq!((&disk_again["size"], &disk_again["snapshotId"]), (&json!("3"), &json!(id)));
    let small = json!({ "AvailabilityZone": "us-east-1a", "SnapshotId": id, "Size": 2 });
    root.call("ec2", "CreateVolume", small).refused(400, "InvalidParameterValue");
    ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": id }));
    let gone = root.call("ec2", "DescribeSnapshots", json!({ "SnapshotIds": [id] }));
    gone.refused_with(400, "InvalidSnapshot.NotFound", &format!("The snapshot '{id}' does not exist."));
    for (operation, parameters) in [
        ("DescribeSnapshots", json!({ "SnapshotIds": ["snap-0400DC0055E85B9BF"] })),
        (
            "DescribeSnapshotAttribute",
            json!({ "SnapshotId": "snap-0400DC0055E85B9BF", "Attribute": "createVolumePermission" }),
        ),
        ("CreateVolume", json!({ "SnapshotId": "snap-0400DC0055E85B9BF", "AvailabilityZone": "us-east-1a" })),
    ] {
        root.call("ec2", operation, parameters).refused_with(
            400,
            "InvalidParameterValue",
            "Value (snap-0400DC0055E85B9BF) for parameter snapshotId is invalid. Expected: 'snap-...'.",
        );
    }
    root.call("ec2", "CreateSnapshot", json!({ "VolumeId": "vol-00000000000000000" }))
        .refused(400, "InvalidVolume.NotFound");
    root.call("ec2", "ListSnapshotsInRecycleBin", json!({})).refused(501, "NotImplemented");
}

#[test]
fn a_snapshot_is_shared_with_whom_its_owner_says() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let disk = volume(&cloud, &root, json!({ "Size": 1 }));
    let id = taken(&cloud, &root, &disk);
    let make = json!({ "AvailabilityZone": "us-east-1a", "SnapshotId": id });
    other.call("ec2", "CreateVolume", make.clone()).refused(400, "InvalidSnapshot.NotFound");
    let add = json!({ "SnapshotId": id, "CreateVolumePermission": { "Add": [{ "UserId": OTHER }] } });
    ec2(&root, "ModifySnapshotAttribute", add);
    let asked = json!({ "SnapshotId": id, "Attribute": "createVolumePermission" });
    let permissions = ec2(&root, "DescribeSnapshotAttribute", asked.clone());
    assert_eq!(permissions["createVolumePermission"], json!([{ "userId": OTHER }]));
    ec2(&other, "CreateVolume", make.clone());
    assert_eq!(shown(&other, &id)["ownerId"], ACCOUNT);
    let restorable = json!({ "RestorableByUserIds": [OTHER] });
    assert_eq!(items(&ec2(&root, "DescribeSnapshots", restorable)["snapshotSet"]).len(), 1);
    other.call("ec2", "DeleteSnapshot", json!({ "SnapshotId": id })).refused(403, "AuthFailure");
    ec2(&root, "ResetSnapshotAttribute", asked);
    other.call("ec2", "CreateVolume", make.clone()).refused(400, "InvalidSnapshot.NotFound");
    // With all, unless that is blocked.
    let all = json!({ "SnapshotId": id, "OperationType": "add", "GroupNames": ["all"] });
    ec2(&root, "EnableSnapshotBlockPublicAccess", json!({ "State": "block-all-sharing" }));
    root.call("ec2", "ModifySnapshotAttribute", all.clone()).refused(400, "OperationNotPermitted");
    ec2(&root, "DisableSnapshotBlockPublicAccess", json!({}));
    ec2(&root, "ModifySnapshotAttribute", all);
    ec2(&other, "CreateVolume", make);
    // Under the default key it is nobody else's.
    let sealed = volume(&cloud, &root, json!({ "Size": 1, "Encrypted": true }));
    let sealed = taken(&cloud, &root, &sealed);
    let add = json!({ "SnapshotId": sealed, "CreateVolumePermission": { "Add": [{ "UserId": OTHER }] } });
    root.call("ec2", "ModifySnapshotAttribute", add).refused_with(
        400,
        "OperationNotPermitted",
        "Encrypted snapshots with EBS default key cannot be shared.",
    );
}

/// A volume of a snapshot, and a snapshot of that.
fn through_a_volume(cloud: &Cloud, root: &Caller<'_>, more: Value) -> String {
    let disk = volume(cloud, root, more);
    taken(cloud, root, &disk)
}

#[test]
fn bytes_go_through_volumes_keys_and_regions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let first = start(&root, json!({ "VolumeSize": 1 }));
    put(&root, &first, 0, 7).ok();
    put(&root, &first, 9, 8).ok();
    complete(&root, &first, 2);
    let plain = through_a_volume(&cloud, &root, json!({ "SnapshotId": first }));
    assert_eq!(first_byte(&root, &plain, 9), Some(8));
    let sealed =
        through_a_volume(&cloud, &root, json!({ "SnapshotId": first, "Encrypted": true, "KmsKeyId": own }));
    assert_eq!(shown(&root, &sealed)["kmsKeyId"], own.as_str());
    assert_eq!(first_byte(&root, &sealed, 0), Some(7));
    let there = root.in_region("eu-west-1");
    for (source, encrypted) in [(&plain, false), (&sealed, true)] {
        let asked = json!({ "SourceRegion": "us-east-1", "SourceSnapshotId": source, "Description": "far" });
        let copy = text(&ec2(&there, "CopySnapshot", asked)["snapshotId"]);
        assert_eq!(shown(&there, &copy)["status"], "pending");
        cloud.reconcile();
        assert_eq!(shown(&there, &copy)["status"], "completed");
        assert_eq!(shown(&there, &copy)["encrypted"], encrypted.to_string());
        assert_eq!(first_byte(&there, &copy, 9), Some(8));
    }
    // What is shared by maps stays when what it was taken from goes.
    ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": first }));
    cloud.reconcile();
    assert_eq!(first_byte(&root, &plain, 0), Some(7));
    // Without its key, nothing is read.
    root.call("kms", "DisableKey", json!({ "KeyId": own })).ok();
    cloud.advance(std::time::Duration::from_secs(301));
    assert_eq!(first_byte(&root, &sealed, 0), None);
    assert_eq!(first_byte(&root, &plain, 0), Some(7));
}

#[test]
fn what_nobody_holds_any_more_leaves_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = start(&root, json!({ "VolumeSize": 1 }));
    put(&root, &first, 0, 1).ok();
    complete(&root, &first, 1);
    let disk = volume(&cloud, &root, json!({ "SnapshotId": first }));
    let mut all: Vec<String> = (0..3).map(|_| taken(&cloud, &root, &disk)).collect();
    all.push(first);
    for id in &all[..3] {
        ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": id }));
        cloud.reconcile();
    }
    ec2(&root, "DeleteVolume", json!({ "VolumeId": disk }));
    ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": all[3] }));
    cloud.reconcile();
    let store = cloud.cloud.store().snapshot();
    let empty = store::Key::empty();
    let left = storage::ebs::blocks::MAPS.count(&store, &empty).unwrap()
        + storage::ebs::blocks::BLOCKS.count(&store, &empty).unwrap()
        + blob::refs::CONTENTS.count(&store, &empty).unwrap();
    assert_eq!(left, 0);
}
