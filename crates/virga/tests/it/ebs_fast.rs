//! Fast snapshot restores: their course by the clock, what the bus is told, which volumes are restored fast, what is refused.

use crate::ebs_events::life;
use crate::ebs_volumes::volume;
use crate::ec2_events::outbox;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const ZONE: &str = "us-east-1a";

fn snapshot(cloud: &Cloud, root: &Caller<'_>) -> String {
    let of = volume(cloud, root, json!({ "Size": 100 }));
    let id = text(&ec2(root, "CreateSnapshot", json!({ "VolumeId": of }))["snapshotId"]);
    cloud.reconcile();
    id
}

fn asked(snapshot: &str) -> Value {
    json!({ "AvailabilityZones": [ZONE], "SourceSnapshotIds": [snapshot] })
}

fn state(caller: &Caller<'_>, snapshot: &str) -> Value {
    let filters = filter("snapshot-id", snapshot);
    ec2(caller, "DescribeFastSnapshotRestores", json!({ "Filters": filters }))["fastSnapshotRestoreSet"][0]
        .clone()
}

#[test]
fn a_snapshot_is_optimized_and_then_enabled() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = snapshot(&cloud, &root);
    let made = ec2(&root, "EnableFastSnapshotRestores", asked(&id));
    let one = &made["successful"][0];
    assert_eq!(
        (&one["snapshotId"], &one["state"], &one["availabilityZoneId"]),
        (&json!(id), &json!("enabling"), &json!("use1-az1"))
    );
    assert_eq!(
        (&one["stateTransitionReason"], &one["ownerId"]),
        (&json!("Client.UserInitiated"), &json!(ACCOUNT))
    );
    let of = |zone: &str| json!({ "AvailabilityZone": zone, "SnapshotId": id });
    let fast = |zone: &str| ec2(&root, "CreateVolume", of(zone))["fastRestored"].clone();
    assert!(fast(ZONE).is_null(), "it is not enabled yet");
    cloud.advance(Duration::from_secs(10));
    life(&cloud);
    assert_eq!(state(&root, &id)["state"], "optimizing");
    // A hundred GiB: not quite six minutes.
    cloud.advance(Duration::from_secs(360));
    life(&cloud);
    let now = state(&root, &id);
    assert_eq!(now["state"], "enabled");
    assert_eq!(now["stateTransitionReason"], "Client.UserInitiated - Lifecycle state transition");
    assert!(
        now["optimizingTime"].is_string() && now["enabledTime"].is_string() && now["disablingTime"].is_null()
    );
    // Ten credits, in this zone only.
    assert_eq!(fast(ZONE), "true");
    assert!(fast("us-east-1b").is_null());
    let rest = (0..12).filter(|_| fast(ZONE) == "true").count();
    assert_eq!(rest, 9);
    let found = ec2(&root, "DescribeVolumes", json!({ "Filters": filter("fast-restored", "true") }));
    assert_eq!(items(&found["volumeSet"]).len(), 10);
    let (code, message) = root.call("ec2", "DeleteSnapshot", json!({ "SnapshotId": id })).error();
    assert_eq!(code, "InvalidSnapshot.InUse");
    assert!(message.contains("is currently enabled for fast restores in us-east-1a."), "{message}");
    // Each event has the time of its own second, so that it comes after those before.
    cloud.advance(Duration::from_secs(1));
    let done = ec2(&root, "DisableFastSnapshotRestores", asked(&id));
    assert_eq!(done["successful"][0]["state"], "disabling");
    cloud.advance(Duration::from_secs(10));
    life(&cloud);
    assert_eq!(state(&root, &id)["state"], "disabled");
    let told: Vec<(String, String)> = outbox_of(&cloud);
    let states: Vec<&str> = told.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["enabling", "optimizing", "enabled", "disabling", "disabled"]);
    assert_eq!(told[0].1, format!("arn:aws:ec2:us-east-1::snapshot/{id}"));
    ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": id }));
    assert!(state(&root, &id).is_null());
}

fn outbox_of(cloud: &Cloud) -> Vec<(String, String)> {
    let name = "EBS Fast Snapshot Restore State-change Notification";
    let ours = outbox(cloud).into_iter().filter(|event| event.detail_type == name);
    ours.map(|event| {
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        (text(&detail["state"]), text(&detail["snapshot_id"]))
    })
    .collect()
}

#[test]
fn what_cannot_be_enabled_is_told_beside_what_can() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = snapshot(&cloud, &root);
    let both = json!({ "AvailabilityZoneIds": ["use1-az1"], "SourceSnapshotIds": [id, "snap-12345678"] });
    let made = ec2(&root, "EnableFastSnapshotRestores", both);
    assert_eq!(items(&made["successful"]).len(), 1);
    let failed = &made["unsuccessful"][0];
    assert_eq!(failed["snapshotId"], "snap-12345678");
    let error = &failed["fastSnapshotRestoreStateErrorSet"][0];
    assert_eq!(
        (&error["availabilityZone"], &error["error"]["code"]),
        (&json!(ZONE), &json!("InvalidSnapshot.NotFound"))
    );
    let code = |operation: &str, asked: Value| {
        let made = ec2(&root, operation, asked);
        text(&made["unsuccessful"][0]["fastSnapshotRestoreStateErrorSet"][0]["error"]["code"])
    };
    assert_eq!(code("EnableFastSnapshotRestores", asked(&id)), "IncorrectState");
    ec2(&root, "DisableFastSnapshotRestores", asked(&id));
    assert_eq!(code("DisableFastSnapshotRestores", asked(&id)), "IncorrectState");
    // AWS: five snapshots in a region.
    let all: Vec<String> = (0..6).map(|_| snapshot(&cloud, &root)).collect();
    let made = ec2(
        &root,
        "EnableFastSnapshotRestores",
        json!({ "AvailabilityZones": [ZONE], "SourceSnapshotIds": all }),
    );
    assert_eq!((items(&made["successful"]).len(), items(&made["unsuccessful"]).len()), (5, 1));
    let eleven: Vec<String> = (0..11).map(|_| id.clone()).collect();
    for (asked, code) in [
        (json!({ "AvailabilityZones": [ZONE], "SourceSnapshotIds": eleven }), "InvalidRequest"),
        (json!({ "AvailabilityZones": ["us-east-1z"], "SourceSnapshotIds": [id] }), "InvalidZone.NotFound"),
        (json!({ "SourceSnapshotIds": [id] }), "MissingParameter"),
        (
            json!({ "AvailabilityZones": [ZONE], "AvailabilityZoneIds": ["use1-az1"], "SourceSnapshotIds": [id] }),
            "InvalidParameterCombination",
        ),
    ] {
        let (found, message) = root.call("ec2", "EnableFastSnapshotRestores", asked).error();
        assert_eq!(found, code, "{message}");
    }
}
