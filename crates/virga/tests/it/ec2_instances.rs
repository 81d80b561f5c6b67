//! Instances: what is refused, how states follow each other, and machines that really run.

use crate::endpoint;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, subnet, text, vpc};
use crate::vpc_plane::{Folder, cloud, linux, on};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ec2::plane::DataPlane;
use host::{Driver, HostError, Place, Simulator};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use virga::wiring::Ground;

const ACCOUNT: &str = "123456789012";
const IMAGE: &str = "ami-0a1f5c0de0b1a0001";

fn run(caller: &Caller<'_>, more: Value) -> Vec<String> {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = ec2(caller, "RunInstances", asked);
    items(&made["instancesSet"]).iter().map(|instance| text(&instance["instanceId"])).collect()
}

fn instance(caller: &Caller<'_>, id: &str) -> Value {
    let found = ec2(caller, "DescribeInstances", json!({ "InstanceIds": [id] }));
    found["reservationSet"][0]["instancesSet"][0].clone()
}

fn state(caller: &Caller<'_>, id: &str) -> String {
    text(&instance(caller, id)["instanceState"]["name"])
}

#[track_caller]
fn refused(caller: &Caller<'_>, operation: &str, parameters: Value) -> String {
    caller.call("ec2", operation, parameters).error().0
}

/// Reconciles until an instance is in a state.
#[track_caller]
pub(crate) fn until(cloud: &Cloud, caller: &Caller<'_>, id: &str, wanted: &str) {
    let began = Instant::now();
    while state(caller, id) != wanted {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", instance(caller, id));
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn key_pairs_are_made_brought_along_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let rsa = ec2(&root, "CreateKeyPair", json!({ "KeyName": "a" }));
    assert!(text(&rsa["keyMaterial"]).starts_with("-----BEGIN RSA PRIVATE KEY-----\nMII"), "{rsa}");
    assert_eq!(text(&rsa["keyFingerprint"]).len(), 59);
    let made = ec2(&root, "CreateKeyPair", json!({ "KeyName": "b", "KeyType": "ed25519" }));
    assert!(text(&made["keyMaterial"]).starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    let all = ec2(&root, "DescribeKeyPairs", json!({ "IncludePublicKey": true }));
    let public = |name: &str| {
        let all = items(&all["keySet"]);
        text(&all.iter().find(|pair| pair["keyName"] == name).unwrap()["publicKey"])
    };
    // The same key, brought along under another name: it has the same fingerprint where that is of the public half.
    let import =
        |name: &str, key: &str| json!({ "KeyName": name, "PublicKeyMaterial": STANDARD.encode(key) });
    let same = ec2(&root, "ImportKeyPair", import("c", &public("b")));
    assert_eq!(same["keyFingerprint"], made["keyFingerprint"]);
    ec2(&root, "ImportKeyPair", import("d", &public("a")));
    root.call("ec2", "CreateKeyPair", json!({ "KeyName": "a" })).refused_with(
        400,
        "InvalidKeyPair.Duplicate",
        "The keypair already exists",
    );
    assert_eq!(refused(&root, "ImportKeyPair", import("e", "ssh-rsa no")), "InvalidKey.Format");
    let gone = ec2(&root, "DeleteKeyPair", json!({ "KeyName": "a" }));
    assert_eq!(gone["keyPairId"], rsa["keyPairId"]);
    assert_eq!(refused(&root, "DescribeKeyPairs", json!({ "KeyNames": ["a"] })), "InvalidKeyPair.NotFound");
    ec2(&root, "DeleteKeyPair", json!({ "KeyName": "a" }));
}

#[test]
fn images_and_types_are_listed_and_what_is_not_there_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let images = ec2(&root, "DescribeImages", json!({ "Owners": ["amazon"] }));
    assert_eq!(images["imagesSet"][0]["imageId"], IMAGE);
    assert!(items(&ec2(&root, "DescribeImages", json!({ "Owners": ["self"] }))["imagesSet"]).is_empty());
    let types = ec2(&root, "DescribeInstanceTypes", json!({ "InstanceTypes": ["t3.micro"] }));
    assert_eq!(types["instanceTypeSet"][0]["memoryInfo"]["sizeInMiB"], "1024");
    let no_image = json!({ "ImageIds": ["ami-00000000000000000"] });
    assert_eq!(refused(&root, "DescribeImages", no_image), "InvalidAMIID.NotFound");
    let no_type = json!({ "InstanceTypes": ["x1.32xlarge"] });
    assert_eq!(refused(&root, "DescribeInstanceTypes", no_type), "InvalidInstanceType");
    let rows = [
        (json!({ "ImageId": "ami-00000000000000000" }), "InvalidAMIID.NotFound"),
        (json!({ "ImageId": "image" }), "InvalidAMIID.Malformed"),
        (json!({ "ImageId": IMAGE, "InstanceType": "t9.huge" }), "InvalidParameterValue"),
        (json!({ "ImageId": IMAGE, "KeyName": "nobody" }), "InvalidKeyPair.NotFound"),
        (json!({ "ImageId": IMAGE, "UserData": "%%" }), "InvalidUserData.Malformed"),
        (json!({ "ImageId": IMAGE, "SubnetId": "subnet-00000000000000000" }), "InvalidSubnetID.NotFound"),
        (json!({ "ImageId": IMAGE, "MinCount": 2 }), "InvalidParameterValue"),
        (json!({ "ImageId": IMAGE, "DryRun": true }), "DryRunOperation"),
    ];
    for (more, code) in rows {
        let mut asked = json!({ "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(refused(&root, "RunInstances", asked), code, "{more}");
    }
    assert!(items(&ec2(&root, "DescribeInstances", json!({}))["reservationSet"]).is_empty());
    assert!(items(&ec2(&root, "DescribeNetworkInterfaces", json!({}))["networkInterfaceSet"]).is_empty());
}

#[test]
fn states_follow_each_other() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": "web" }] }]);
    let asked = json!({ "MaxCount": 2, "ClientToken": "once", "TagSpecifications": tags, "Placement": { "AvailabilityZone": "us-east-1b" } });
    let ids = run(&root, asked.clone());
    assert_eq!(ids.len(), 2);
    // The same token makes nothing new.
    assert_eq!(run(&root, asked), ids);
    let id = ids[0].as_str();
    assert_eq!(state(&root, id), "pending");
    let named = json!({ "InstanceIds": [id] });
    assert_eq!(refused(&root, "RebootInstances", named.clone()), "IncorrectInstanceState");
    until(&cloud, &root, id, "running");
    let seen = instance(&root, id);
    assert_eq!(seen["placement"]["availabilityZone"], "us-east-1b");
    assert!(text(&seen["ipAddress"]).starts_with("198.18."), "{seen}");
    assert!(plane.inventory().unwrap().machines.contains(&ids[0]));
    let by_tag =
        ec2(&root, "DescribeInstances", json!({ "Filters": filter("tag:Name", "web"), "MaxResults": 5 }));
    assert_eq!(items(&by_tag["reservationSet"][0]["instancesSet"]).len(), 2);
    let status = ec2(&root, "DescribeInstanceStatus", named.clone());
    assert_eq!(status["instanceStatusSet"][0]["instanceStatus"]["status"], "ok");
    for asked in [named.clone(), json!({ "Filters": filter("instance-id", id) })] {
        let credits = ec2(&root, "DescribeInstanceCreditSpecifications", asked);
        let wanted = json!([{ "cpuCredits": "unlimited", "instanceId": id }]);
        assert_eq!(credits["instanceCreditSpecificationSet"], wanted);
    }
    assert_eq!(
        refused(
            &root,
            "DescribeInstanceCreditSpecifications",
            json!({ "InstanceIds": ["i-00000000000000000"] })
        ),
        "InvalidInstanceID.NotFound"
    );
    assert_eq!(
        refused(&root, "StartInstances", json!({ "InstanceIds": ["i-00000000000000000"] })),
        "InvalidInstanceID.NotFound"
    );
    for malformed in ["i-", "i-000000000", "i", "10.10.1.202"] {
        root.call("ec2", "DescribeInstances", json!({ "InstanceIds": [malformed] })).refused_with(
            400,
            "InvalidInstanceID.Malformed",
            &format!("Invalid id: \"{malformed}\""),
        );
    }
    // AWS: of several that are not there it names all.
    let gone = json!({ "InstanceIds": [id, "i-00000000000000001", "i-00000000000000002"] });
    root.call("ec2", "DescribeInstances", gone).refused_with(
        400,
        "InvalidInstanceID.NotFound",
        "The instance IDs 'i-00000000000000001, i-00000000000000002' do not exist",
    );
    assert_eq!(
        refused(&root, "StartInstances", json!({ "InstanceIds": ["web"] })),
        "InvalidInstanceID.Malformed"
    );
    root.call("ec2", "TerminateInstances", json!({ "InstanceIds": ["i-web"] })).refused_with(
        400,
        "InvalidInstanceID.Malformed",
        "The instance ID 'i-web' is malformed",
    );
    let protect = |on: bool| json!({ "InstanceId": id, "DisableApiTermination": { "Value": on } });
    ec2(&root, "ModifyInstanceAttribute", protect(true));
    assert_eq!(refused(&root, "TerminateInstances", json!({ "InstanceIds": ids })), "OperationNotPermitted");
    let asked = json!({ "InstanceId": id, "Attribute": "disableApiTermination" });
    assert_eq!(ec2(&root, "DescribeInstanceAttribute", asked)["disableApiTermination"]["value"], "true");
    let kind = json!({ "InstanceId": id, "InstanceType": { "Value": "t3.small" } });
    assert_eq!(refused(&root, "ModifyInstanceAttribute", kind.clone()), "IncorrectInstanceState");
    let stopping = ec2(&root, "StopInstances", named.clone());
    assert_eq!(stopping["instancesSet"][0]["currentState"]["name"], "stopping");
    assert_eq!(refused(&root, "StartInstances", named.clone()), "IncorrectInstanceState");
    until(&cloud, &root, id, "stopped");
    assert!(instance(&root, id)["ipAddress"].is_null());
    ec2(&root, "ModifyInstanceAttribute", kind);
    ec2(&root, "StartInstances", named.clone());
    until(&cloud, &root, id, "running");
    assert_eq!(instance(&root, id)["instanceType"], "t3.small");
    ec2(&root, "ModifyInstanceAttribute", protect(false));
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": ids }));
    for id in &ids {
        until(&cloud, &root, id, "terminated");
    }
    cloud.reconcile();
    assert_eq!(plane.inventory().unwrap(), host::Inventory::default());
    assert!(items(&ec2(&root, "DescribeNetworkInterfaces", json!({}))["networkInterfaceSet"]).is_empty());
    // After an hour nobody remembers.
    cloud.advance(Duration::from_secs(3601));
    cloud.reconcile();
    assert_eq!(refused(&root, "DescribeInstances", named), "InvalidInstanceID.NotFound");
}

#[test]
fn a_machine_that_cannot_be_is_refused_at_the_call() {
    let unable = || Err(HostError::Unable("no user namespaces".into()));
    let cloud = on(Ground {
        front: std::sync::Arc::default(),
        authority: compute::ec2::work::Trust::nobody(),
        networks: DataPlane::new(Box::new(unable)),
        machines: None,
        functions: None,
        hot: None,
        door: std::sync::Arc::default(),
        client: endpoint::nobody(),
    });
    let root = cloud.root(ACCOUNT);
    cloud.reconcile();
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    let (code, message) = root.call("ec2", "RunInstances", asked).error();
    assert_eq!(code, "Unsupported");
    assert!(message.contains("no user namespaces"), "{message}");
    assert!(items(&ec2(&root, "DescribeInstances", json!({}))["reservationSet"]).is_empty());
    assert!(items(&ec2(&root, "DescribeNetworkInterfaces", json!({}))["networkInterfaceSet"]).is_empty());
}

#[test]
fn a_machine_whose_disks_cannot_be_read_is_booted_when_they_can() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&root, json!({})).remove(0);
    let here = base::Region::US_EAST_1;
    let key = ec2::register::key(base::AccountId::parse(ACCOUNT).unwrap(), here, "vol-0");
    let key = ec2::disk::DISK_ATTACHMENTS.stored_key(&key);
    let store = cloud.cloud.store();
    let mut tx = store.begin();
    tx.put(key.clone(), b"\xff".to_vec());
    tx.commit().wait().unwrap();
    let all = cloud.cloud.reconcilers();
    let named = |name: &str| all.iter().find(|reconciler| reconciler.name() == name).unwrap();
    named("networks").run(&cloud.cloud).unwrap();
    let why = named("machines").run(&cloud.cloud).unwrap_err();
    assert!(why.starts_with(&format!("the disks of {id}: ")), "{why}");
    assert!(plane.inventory().unwrap().machines.contains(&id), "plugged in, and not booted");
    let mut tx = store.begin();
    tx.delete(key);
    tx.commit().wait().unwrap();
    until(&cloud, &root, &id, "running");
}

#[test]
fn files_that_no_record_keeps_are_removed() {
    let folder = Folder::new("swept");
    for left in ["i-00000000000000000/disk", "image/usr"] {
        std::fs::create_dir_all(folder.join(left)).unwrap();
    }
    let (cloud, _plane) = cloud(Simulator::new(), Some(folder.to_path_buf()));
    cloud.reconcile();
    assert!(!folder.join("i-00000000000000000").exists());
    assert!(folder.join("image/usr").exists());
}

#[test]
fn machines_run_what_user_data_says_and_keep_what_they_write() {
    let Some(linux) = linux() else { return };
    let folder = Folder::new("instances");
    let (cloud, plane) = cloud(linux, Some(folder.to_path_buf()));
    let root = cloud.root(ACCOUNT);
    let network = vpc(&root);
    let inside = subnet(&root, &network, "10.0.1.0/24");
    let script = "#!/bin/sh\necho first boot of $(hostname || cat /etc/hostname)\necho kept > /var/file\n";
    let ids = run(
        &root,
        json!({ "MaxCount": 2, "SubnetId": inside, "UserData": STANDARD.encode(script),
            "InstanceInitiatedShutdownBehavior": "terminate" }),
    );
    let [id, other] = ids.as_slice() else { panic!("{ids:?}") };
    until(&cloud, &root, id, "running");
    until(&cloud, &root, other, "running");
    let console = || {
        let said = ec2(&root, "GetConsoleOutput", json!({ "InstanceId": id }));
        String::from_utf8(STANDARD.decode(said["output"].as_str().unwrap_or_default()).unwrap()).unwrap()
    };
    let said = |what: &str, times: usize| {
        let began = Instant::now();
        while console().matches(what).count() < times {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", console());
            cloud.reconcile();
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    said("first boot of", 1);
    // Packets: the default group lets its members talk to each other, and nobody else in.
    let address = text(&instance(&root, id)["privateIpAddress"]);
    let to = format!("{address}:80").parse().unwrap();
    let listener = plane.listen(&Place::Machine(id.clone()), to).unwrap();
    plane.connect(&Place::Machine(other.clone()), to, Duration::from_secs(2)).unwrap();
    listener.accept().unwrap();
    let outside = Place::Internet("192.0.2.1".parse().unwrap());
    let out = plane.connect(&outside, to, Duration::from_millis(300));
    assert!(matches!(out, Err(HostError::Unreachable(_))));
    let shell = |script: &str| host::Spawn {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        ..host::Spawn::default()
    };
    // Boots again, and has what it wrote; the script is for the first boot only.
    ec2(&root, "RebootInstances", json!({ "InstanceIds": [id] }));
    said("is up", 2);
    until(&cloud, &root, id, "running");
    assert_eq!(plane.spawn(id, shell("test -e /var/file")).unwrap().wait().unwrap(), 0);
    assert_eq!(console().matches("first boot of").count(), 1);
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, id, "stopped");
    ec2(&root, "StartInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, id, "running");
    assert_eq!(plane.spawn(id, shell("grep -q kept /var/file")).unwrap().wait().unwrap(), 0);
    // Shut down from within: terminated, as it was launched.
    plane.spawn(id, shell("kill -TERM 1")).unwrap().wait().unwrap_or_default();
    until(&cloud, &root, id, "terminated");
    assert_eq!(instance(&root, id)["stateReason"]["code"], "Client.InstanceInitiatedShutdown");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [other] }));
    until(&cloud, &root, other, "terminated");
    cloud.reconcile();
    assert_eq!(plane.inventory().unwrap(), host::Inventory::default());
    assert!(!folder.join(id).exists() && !folder.join(other).exists());
}
