//! Volumes at instances: states, refusals, and what a launch and an end make of them. Bytes in machines are tested end to end.

use crate::ebs_volumes::{key, shown, volume};
use crate::endpoint;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::{cloud, on};
use ec2::plane::DataPlane;
use host::{HostError, Simulator};
use serde_json::{Value, json};
use virga::wiring::Ground;

const ACCOUNT: &str = "123456789012";
const IMAGE: &str = "ami-0a1f5c0de0b1a0001";

fn launch(cloud: &Cloud, caller: &Caller<'_>, more: Value) -> Value {
    let mut asked = json!({
        "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
        "Placement": { "AvailabilityZone": "us-east-1a" },
    });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = ec2(caller, "RunInstances", asked)["instancesSet"][0].clone();
    settle(cloud);
    made
}

/// Long enough for whatever follows from a change.
fn settle(cloud: &Cloud) {
    for _ in 0..6 {
        cloud.reconcile();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn attach(
    caller: &Caller<'_>,
    volume: &str,
    instance: &str,
    device: &str,
) -> Result<Value, (String, String)> {
    let asked = json!({ "VolumeId": volume, "InstanceId": instance, "Device": device });
    let reply = caller.call("ec2", "AttachVolume", asked);
    if reply.status == 200 { Ok(reply.ok()) } else { Err(reply.error()) }
}

#[test]
fn a_volume_is_attached_and_detached() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = text(&launch(&cloud, &root, json!({}))["instanceId"]);
    let disk = volume(&cloud, &root, json!({ "Size": 1 }));
    let made = attach(&root, &disk, &instance, "/dev/sdf").unwrap();
    assert_eq!((&made["status"], &made["device"]), (&json!("attaching"), &json!("/dev/sdf")));
    cloud.reconcile();
    let there = shown(&root, &disk);
    assert_eq!(there["status"], "in-use");
    assert_eq!(there["attachmentSet"][0]["status"], "attached");
    assert_eq!(there["attachmentSet"][0]["ebsCardIndex"], "0");
    assert_eq!(there["attachmentSet"][0]["instanceId"], instance.as_str());
    let found = ec2(
        &root,
        "DescribeInstances",
        json!({ "Filters": filter("block-device-mapping.volume-id", &disk) }),
    );
    let mapping = &found["reservationSet"][0]["instancesSet"][0]["blockDeviceMapping"][1];
    assert_eq!((&mapping["deviceName"], &mapping["ebs"]["volumeId"]), (&json!("/dev/sdf"), &json!(disk)));
    root.call("ec2", "DeleteVolume", json!({ "VolumeId": disk })).refused_with(
        400,
        "VolumeInUse",
        &format!("Volume {disk} is currently attached to {instance}"),
    );
    // All snapshots of an instance in one call.
    let of = json!({ "InstanceId": instance, "ExcludeBootVolume": true });
    let all = json!({ "InstanceSpecification": of, "Description": "all" });
    let taken = items(&ec2(&root, "CreateSnapshots", all)["snapshotSet"]);
    assert_eq!((taken.len(), &taken[0]["volumeId"]), (1, &json!(disk)));
    let wrong = json!({ "VolumeId": disk, "InstanceId": "i-00000000000000000" });
    root.call("ec2", "DetachVolume", wrong).refused(400, "InvalidAttachment.NotFound");
    let gone = ec2(&root, "DetachVolume", json!({ "VolumeId": disk, "InstanceId": instance }));
    assert_eq!(gone["status"], "detaching");
    cloud.reconcile();
    assert_eq!(shown(&root, &disk)["status"], "available");
    root.call("ec2", "DetachVolume", json!({ "VolumeId": disk })).refused_with(
        400,
        "IncorrectState",
        &format!("Volume '{disk}' is in the 'available' state."),
    );
    let again = json!({ "VolumeId": disk, "DryRun": true });
    root.call("ec2", "CreateSnapshot", again).refused(412, "DryRunOperation");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let instance = text(&launch(&cloud, &root, json!({}))["instanceId"]);
    let disk = volume(&cloud, &root, json!({ "Size": 1 }));
    let far = volume(&cloud, &root, json!({ "Size": 1, "AvailabilityZone": "us-east-1b" }));
    let second = volume(&cloud, &root, json!({ "Size": 1 }));
    let said = |volume: &str, device: &str| attach(&root, volume, &instance, device).unwrap_err();
    assert_eq!(
        said(&far, "/dev/sdf"),
        (
            "InvalidVolume.ZoneMismatch".to_owned(),
            format!("The volume '{far}' is not in the same availability zone as instance '{instance}'")
        )
    );
    assert_eq!(
        said(&disk, "sdf"),
        (
            "InvalidParameterValue".to_owned(),
            "Value (sdf) for parameter device is invalid. sdf is not a valid EBS device name.".to_owned()
        )
    );
    assert_eq!(
        attach(&root, &disk, "i-00000000000000000", "/dev/sdf").unwrap_err().0,
        "InvalidInstanceID.NotFound"
    );
    attach(&root, &disk, &instance, "/dev/sdf").unwrap();
    let twice = ("VolumeInUse".to_owned(), format!("{disk} is already attached to an instance"));
    assert_eq!(said(&disk, "/dev/sdg"), twice);
    assert_eq!(
        said(&second, "/dev/xvdf"),
        (
            "InvalidParameterValue".to_owned(),
            "Invalid value '/dev/xvdf' for unixDevice. Attachment point /dev/xvdf is already in use"
                .to_owned()
        )
    );
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [instance] }));
    settle(&cloud);
    assert_eq!(said(&second, "/dev/sdg").0, "IncorrectState");
    // What was attached later stays when its instance goes.
    assert_eq!(shown(&root, &disk)["status"], "available");
}

#[test]
fn a_launch_makes_its_volumes_and_the_end_takes_them() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let mappings = json!([
        { "DeviceName": "/dev/sdf", "Ebs": { "VolumeSize": 8, "VolumeType": "gp3" } },
        { "DeviceName": "/dev/sdg", "Ebs": { "VolumeSize": 2, "DeleteOnTermination": false, "Encrypted": true, "KmsKeyId": own } },
        { "DeviceName": "/dev/sdh", "NoDevice": "" },
    ]);
    let tags = json!([{ "ResourceType": "volume", "Tags": [{ "Key": "of", "Value": "launch" }] }]);
    let made = launch(&cloud, &root, json!({ "BlockDeviceMappings": mappings, "TagSpecifications": tags }));
    let seen = ec2(&root, "DescribeInstances", json!({ "InstanceIds": [made["instanceId"]] }));
    let disks = items(&seen["reservationSet"][0]["instancesSet"][0]["blockDeviceMapping"]);
    assert_eq!(disks.len(), 3, "{seen}");
    let id = |n: usize| text(&disks[n]["ebs"]["volumeId"]);
    let first = shown(&root, &id(1));
    assert_eq!((&first["status"], &first["size"]), (&json!("in-use"), &json!("8")));
    for made in [&first, &shown(&root, &id(0))] {
        assert_eq!(made["tagSet"], json!([{ "key": "of", "value": "launch" }]));
    }
    assert_eq!(shown(&root, &id(2))["kmsKeyId"], own.as_str());
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [made["instanceId"]] }));
    settle(&cloud);
    for gone in [id(0), id(1)] {
        root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [gone] }))
            .refused(400, "InvalidVolume.NotFound");
    }
    assert_eq!(shown(&root, &id(2))["status"], "available");
    for (mapping, code) in [
        (json!({ "DeviceName": "/dev/sdb", "VirtualName": "ephemeral0" }), "InvalidBlockDeviceMapping"),
        (json!({ "DeviceName": "/dev/sdf", "Ebs": { "VolumeType": "gp2" } }), "MissingParameter"),
    ] {
        let asked = json!({
            "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
            "BlockDeviceMappings": [mapping],
        });
        root.call("ec2", "RunInstances", asked).refused(400, code);
    }
    // The launch is authorized for its volumes, and KMS asks about whoever launches.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},
        {"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"NumericGreaterThan":{"ec2:VolumeSize":"10"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    let asked = |ebs: Value| {
        json!({
            "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
            "BlockDeviceMappings": [{ "DeviceName": "/dev/sdf", "Ebs": ebs }],
        })
    };
    ec2(&eva, "RunInstances", asked(json!({ "VolumeSize": 10 })));
    eva.call("ec2", "RunInstances", asked(json!({ "VolumeSize": 11 }))).refused(403, "UnauthorizedOperation");
    let sealed = json!({ "VolumeSize": 1, "Encrypted": true, "KmsKeyId": own });
    // AWS: the call succeeds, and the instance ends and says so.
    let id = text(&ec2(&eva, "RunInstances", asked(sealed))["instancesSet"][0]["instanceId"]);
    crate::ec2_instances::until(&cloud, &root, &id, "terminated");
    let shown = ec2(&root, "DescribeInstances", json!({ "InstanceIds": [id] }));
    let ended = &shown["reservationSet"][0]["instancesSet"][0];
    assert_eq!(ended["stateReason"]["message"], "Client.InternalError: Client error on launch");
}

#[test]
fn where_there_can_be_no_disk_it_is_said() {
    let plane = DataPlane::new(Box::new(|| Err(HostError::Unable("there is no kernel".into()))));
    let cloud = on(Ground {
        networks: plane,
        machines: None,
        functions: None,
        hot: None,
        front: std::sync::Arc::default(),
        authority: compute::ec2::work::Trust::nobody(),
        door: std::sync::Arc::default(),
        client: endpoint::nobody(),
    });
    let root = cloud.root(ACCOUNT);
    cloud.reconcile();
    // Without machines there is nothing to attach to; the volumes themselves need none.
    let disk = volume(&cloud, &root, json!({ "Size": 1 }));
    let said = attach(&root, &disk, "i-00000000000000000", "/dev/sdf").unwrap_err();
    assert_eq!(said.0, "InvalidInstanceID.NotFound");
    ec2(&root, "CreateSnapshot", json!({ "VolumeId": disk }));
}
