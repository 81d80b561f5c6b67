//! What volumes and snapshots tell the event bus.

use crate::ebs_volumes::volume;
use crate::ec2_events::outbox;
use crate::harness::Cloud;
use crate::vpc_networks::{ec2, text};
use kernel::bus::Event;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

/// Runs only what takes volumes on, so that events stay to be seen.
pub(crate) fn life(cloud: &Cloud) {
    let all = cloud.cloud.reconcilers();
    all.iter().find(|one| one.name() == "volumes").unwrap().run(&cloud.cloud).unwrap();
}

/// The events of EBS since the last look, by their name.
fn told(cloud: &Cloud, seen: &mut usize) -> Vec<(Event, Value)> {
    let all: Vec<Event> =
        outbox(cloud).into_iter().filter(|event| event.detail_type.starts_with("EBS ")).collect();
    let mut new: Vec<(Event, Value)> = all
        .into_iter()
        .skip(*seen)
        .map(|event| {
            let detail = serde_json::from_str(&event.detail).unwrap();
            (event, detail)
        })
        .collect();
    *seen += new.len();
    new.sort_by_key(|(_, detail)| detail["event"].as_str().unwrap().to_owned());
    new
}

#[test]
fn volumes_tell_what_becomes_of_them() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let reply = root.call("ec2", "CreateVolume", json!({ "AvailabilityZone": "us-east-1a", "Size": 1 })).ok();
    let id = text(&reply["volumeId"]);
    assert!(outbox(&cloud).is_empty());
    life(&cloud);
    let mut seen = 0;
    let events = told(&cloud, &mut seen);
    let (event, detail) = &events[0];
    assert_eq!((events.len(), event.detail_type.as_str()), (1, "EBS Volume Notification"));
    assert_eq!(event.resources, [format!("arn:aws:ec2:us-east-1:{ACCOUNT}:volume/{id}")]);
    let expected = json!({ "result": "available", "cause": "", "event": "createVolume", "request-id": reply["requestId"] });
    assert_eq!(*detail, expected);
    // Each event has the time of its own second, so that it comes after those before.
    let later = || cloud.advance(std::time::Duration::from_secs(1));
    later();
    ec2(&root, "ModifyVolume", json!({ "VolumeId": id, "Size": 2 }));
    let events = told(&cloud, &mut seen);
    assert_eq!(
        (&events[0].1["event"], &events[0].1["result"]),
        (&json!("modifyVolume"), &json!("optimizing"))
    );
    later();
    ec2(&root, "DeleteVolume", json!({ "VolumeId": id }));
    let events = told(&cloud, &mut seen);
    assert_eq!((&events[0].1["event"], &events[0].1["result"]), (&json!("deleteVolume"), &json!("deleted")));
    assert_eq!(events[0].0.resources, [format!("arn:aws:ec2:us-east-1:{ACCOUNT}:volume/{id}")]);
    life(&cloud);
    assert!(told(&cloud, &mut seen).is_empty());
}

#[test]
fn snapshots_tell_that_they_are_there_copied_and_shared() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let of = volume(&cloud, &root, json!({ "Size": 1 }));
    let id = text(&ec2(&root, "CreateSnapshot", json!({ "VolumeId": of }))["snapshotId"]);
    let start = cloud.cloud.clock().now().iso8601();
    let mut seen = 0;
    assert!(told(&cloud, &mut seen).is_empty());
    life(&cloud);
    let events = told(&cloud, &mut seen);
    let (event, detail) = &events[0];
    assert_eq!((events.len(), event.detail_type.as_str()), (1, "EBS Snapshot Notification"));
    let arn = format!("arn:aws:ec2:us-east-1::snapshot/{id}");
    assert_eq!(event.resources, [arn.as_str()]);
    let expected = json!({
        "event": "createSnapshot", "result": "succeeded", "cause": "", "request-id": "", "snapshot_id": arn,
        "source": format!("arn:aws:ec2:us-east-1::volume/{of}"), "startTime": start, "endTime": start,
    });
    assert_eq!(*detail, expected);

    cloud.advance(std::time::Duration::from_secs(1));
    let west = root.in_region("us-west-2");
    let copy = json!({ "SourceRegion": "us-east-1", "SourceSnapshotId": id });
    let copy = text(&ec2(&west, "CopySnapshot", copy)["snapshotId"]);
    life(&cloud);
    let events = told(&cloud, &mut seen);
    let (event, detail) = &events[0];
    assert_eq!((events.len(), event.region.as_str()), (1, "us-west-2"));
    assert_eq!((&detail["event"], &detail["source"]), (&json!("copySnapshot"), &json!(arn)));
    assert_eq!(detail["snapshot_id"], format!("arn:aws:ec2:us-west-2::snapshot/{copy}"));
    assert_eq!(detail["Incremental"], "true");

    // The other account hears of it, once.
    cloud.advance(std::time::Duration::from_secs(1));
    let share = json!({ "SnapshotId": id, "Attribute": "createVolumePermission", "OperationType": "add", "UserIds": [OTHER] });
    ec2(&root, "ModifySnapshotAttribute", share.clone());
    ec2(&root, "ModifySnapshotAttribute", share);
    let events = told(&cloud, &mut seen);
    let (event, detail) = &events[0];
    assert_eq!((events.len(), event.account.as_str()), (1, OTHER));
    assert_eq!((&detail["event"], &detail["source"]), (&json!("shareSnapshot"), &json!(ACCOUNT)));
    assert_eq!(detail["snapshot_id"], arn.as_str());
    // Of a public one nobody is told.
    ec2(
        &root,
        "ModifySnapshotAttribute",
        json!({ "SnapshotId": id, "Attribute": "createVolumePermission", "OperationType": "add", "GroupNames": ["all"] }),
    );
    ec2(
        &root,
        "ModifySnapshotAttribute",
        json!({ "SnapshotId": id, "Attribute": "createVolumePermission", "OperationType": "add", "UserIds": ["111122223333"] }),
    );
    assert!(told(&cloud, &mut seen).is_empty());
}

#[test]
fn snapshots_of_a_whole_instance_are_complete_together() {
    let (cloud, _plane) = crate::vpc_plane::cloud(host::Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let disk = |device: &str| json!({ "DeviceName": device, "Ebs": { "VolumeSize": 1 } });
    let launch = json!({ "ImageId": crate::ec2_profiles::IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
        "BlockDeviceMappings": [disk("/dev/sdf"), disk("/dev/sdg")] });
    let instance = text(&ec2(&root, "RunInstances", launch)["instancesSet"][0]["instanceId"]);
    crate::ec2_instances::until(&cloud, &root, &instance, "running");
    cloud.reconcile();
    let mut seen = 0;
    assert!(told(&cloud, &mut seen).is_empty());
    let of = json!({ "InstanceId": instance, "ExcludeBootVolume": true });
    let taken = ec2(&root, "CreateSnapshots", json!({ "InstanceSpecification": of }));
    let ids: Vec<String> =
        crate::vpc_networks::items(&taken["snapshotSet"]).iter().map(|s| text(&s["snapshotId"])).collect();
    assert_eq!(ids.len(), 2);
    life(&cloud);
    let events = told(&cloud, &mut seen);
    let names: Vec<&Value> = events.iter().map(|(_, detail)| &detail["event"]).collect();
    assert_eq!(names, ["createSnapshot", "createSnapshot", "createSnapshots"]);
    let (event, detail) = events.last().unwrap();
    assert_eq!(event.detail_type, "EBS Multi-Volume Snapshots Completion Status");
    assert_eq!((&detail["result"], event.resources.len()), (&json!("succeeded"), 2));
    let all = detail["snapshots"].as_array().unwrap();
    assert!(all.iter().all(|one| one["status"] == "completed"), "{detail}");
    assert!(
        ids.iter().all(|id| all.iter().any(|one| text(&one["snapshot_id"]).ends_with(id.as_str()))),
        "{detail}"
    );
}
