//! What things cost for as long as they stand: what is counted, and at which price.

use crate::ebs_direct::{complete, put};
use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::instance;
use crate::ec2_zones::until;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, subnet, text, vpc};
use crate::vpc_plane::cloud;
use crate::vpc_routes::gateway;
use host::Simulator;
use kernel::ClockChange;
use kernel::meter::{Charge, Query, Used, standing, usage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const HOUR: Duration = Duration::from_secs(3_600);

fn all(cloud: &Cloud) -> Vec<Used> {
    let now = cloud.cloud.clock().now();
    let query = Query { from: now.minus(HOUR * 1_000), to: now.plus(HOUR), account: None };
    usage(&cloud.cloud, &query).unwrap()
}

/// Units, and what they cost, by usage type; of what stands and not of what is asked for.
fn told(cloud: &Cloud) -> BTreeMap<String, (f64, String)> {
    let mut sums: BTreeMap<String, (f64, Vec<Charge>)> = BTreeMap::new();
    for used in all(cloud).into_iter().filter(|used| !used.usage_type.ends_with("Requests")) {
        let sum = sums.entry(used.usage_type.clone()).or_default();
        sum.0 += used.amount() as f64 / used.per as f64;
        sum.1.extend(used.charge());
    }
    let told =
        |(units, charges): (f64, Vec<Charge>)| (units, charges.into_iter().sum::<Charge>().to_string());
    sums.into_iter().map(|(kind, sum)| (kind, told(sum))).collect()
}

/// Moves the clock as `virga clock` does.
fn pass(cloud: &Cloud, hours: u32) {
    let change = ClockChange { advance: HOUR * hours, ..ClockChange::default() };
    cloud.block_on(cloud.cloud.change_clock(change)).unwrap();
    cloud.reconcile();
}

fn launch(root: &Caller<'_>, more: Value) -> String {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    text(&ec2(root, "RunInstances", asked)["instancesSet"][0]["instanceId"])
}

fn is(cloud: &Cloud, root: &Caller<'_>, id: &str, state: &str) {
    until(cloud, || instance(root, id)["instanceState"]["name"] == state);
}

fn close(found: &BTreeMap<String, (f64, String)>, kind: &str, units: f64, dollars: &str) {
    let (told, charge) = found.get(kind).unwrap_or_else(|| panic!("no {kind}: {found:?}"));
    assert!((told - units).abs() < units * 1e-6, "{kind}: {told} and not {units}");
    assert_eq!(charge, dollars, "{kind}");
}

#[test]
fn machines_cost_while_they_run_and_volumes_while_they_are_there() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let machine = launch(&root, json!({}));
    let spot = launch(&root, json!({ "InstanceMarketOptions": { "MarketType": "spot" } }));
    for id in [&machine, &spot] {
        is(&cloud, &root, id, "running");
    }
    let fast = json!({ "AvailabilityZone": "us-east-1a", "Size": 100, "VolumeType": "gp3", "Iops": 4_000, "Throughput": 253 });
    let volume = text(&ec2(&root, "CreateVolume", fast)["volumeId"]);
    cloud.reconcile();
    pass(&cloud, 10);
    let found = told(&cloud);
    close(&found, "BoxUsage:t3.micro", 10.0, "0.10");
    // What a spot machine costs is in no list.
    close(&found, "SpotUsage:t3.micro", 10.0, "0.00");
    // With the two roots, as their image has them.
    close(&found, "EBS:VolumeUsage.gp3", 116.0 * 10.0 / 730.0, "0.13");
    close(&found, "EBS:VolumeP-IOPS.gp3", 1_000.0 * 10.0 / 730.0, "0.068");
    close(&found, "EBS:VolumeP-Throughput.gp3", 0.125 * 10.0 / 730.0, "0.070");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [machine] }));
    is(&cloud, &root, &machine, "stopped");
    ec2(&root, "DeleteVolume", json!({ "VolumeId": volume }));
    pass(&cloud, 10);
    let found = told(&cloud);
    close(&found, "BoxUsage:t3.micro", 10.0, "0.10");
    close(&found, "SpotUsage:t3.micro", 20.0, "0.00");
    close(&found, "EBS:VolumeUsage.gp3", (116.0 + 16.0) * 10.0 / 730.0, "0.14");
    close(&found, "EBS:VolumeP-IOPS.gp3", 1_000.0 * 10.0 / 730.0, "0.068");
    // Each is told by its ARN.
    let hours = all(&cloud).into_iter().find(|used| used.usage_type == "BoxUsage:t3.micro").unwrap();
    assert_eq!(hours.resource, format!("arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{machine}"));
    assert_eq!((hours.product.as_str(), hours.operation.as_str()), ("AmazonEC2", "RunInstances"));
}

#[test]
fn what_changes_between_two_hours_is_counted_by_the_second() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = json!({ "AvailabilityZone": "us-east-1a", "Size": 730, "VolumeType": "gp2" });
    let volume = text(&ec2(&root, "CreateVolume", create)["volumeId"]);
    cloud.reconcile();
    // As time passes by itself: nobody has looked at all of it since.
    cloud.advance(HOUR / 2);
    ec2(&root, "DeleteVolume", json!({ "VolumeId": volume }));
    // Looks follow each other by a second at least.
    std::thread::sleep(Duration::from_millis(1_050));
    cloud.reconcile();
    cloud.advance(HOUR);
    close(&told(&cloud), "EBS:VolumeUsage.gp2", 0.5, "0.050");
}

#[test]
fn gateways_endpoints_addresses_and_keys_cost_by_the_hour() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let (inside, igw) = (subnet(&root, &id, "10.0.1.0/24"), gateway(&root, &id));
    assert!(igw.starts_with("igw-"));
    let allocation = text(&ec2(&root, "AllocateAddress", json!({}))["allocationId"]);
    ec2(&root, "CreateNatGateway", json!({ "SubnetId": inside, "AllocationId": allocation }));
    ec2(&root, "CreateNatGateway", json!({ "SubnetId": inside, "ConnectivityType": "private" }));
    ec2(&root, "AllocateAddress", json!({}));
    let service = "com.amazonaws.us-east-1.sqs";
    let endpoint = json!({ "VpcId": id, "ServiceName": service, "VpcEndpointType": "Interface", "SubnetIds": [inside], "PrivateDnsEnabled": false });
    ec2(&root, "CreateVpcEndpoint", endpoint);
    let free = json!({ "VpcId": id, "ServiceName": "com.amazonaws.us-east-1.s3" });
    ec2(&root, "CreateVpcEndpoint", free);
    let key = || text(&root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["KeyId"]);
    let (kept, going) = (key(), key());
    root.call("kms", "DisableKey", json!({ "KeyId": kept })).ok();
    root.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": going })).ok();
    cloud.reconcile();
    // An endpoint is made in a moment of its own.
    pass(&cloud, 1);
    let before = told(&cloud);
    pass(&cloud, 10);
    let found = told(&cloud);
    let hours = |kind: &str| found[kind].0 - before.get(kind).map_or(0.0, |(units, _)| *units);
    for (kind, units) in [
        ("NatGateway-Hours", 20.0),
        ("VpcEndpoint-Hours", 10.0),
        ("PublicIPv4:InUseAddress", 10.0),
        ("PublicIPv4:IdleAddress", 10.0),
        ("KMS-Keys", 10.0 / 730.0),
    ] {
        assert!((hours(kind) - units).abs() < 1e-6, "{kind}: {}", hours(kind));
    }
    // What an hour costs, and all of it.
    let stands = standing(&cloud.cloud, None).unwrap();
    let dollars: BTreeMap<&str, String> =
        stands.iter().filter_map(|one| Some((one.usage_type.as_str(), one.charge()?.to_string()))).collect();
    let expected = BTreeMap::from([
        ("KMS-Keys", "0.0014".to_owned()),
        ("NatGateway-Hours", "0.045".to_owned()),
        ("PublicIPv4:IdleAddress", "0.0050".to_owned()),
        ("PublicIPv4:InUseAddress", "0.0050".to_owned()),
        ("VpcEndpoint-Hours", "0.010".to_owned()),
    ]);
    assert_eq!(dollars, expected);
    let hour: Charge = stands.iter().filter_map(Used::charge).sum();
    assert_eq!(hour.to_string(), "0.11");
}

#[test]
fn snapshots_cost_what_they_keep_and_others_do_not() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let start = |more: Value| {
        let mut asked = json!({ "VolumeSize": 1 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&root.call("ebs", "StartSnapshot", asked).ok()["SnapshotId"])
    };
    let first = start(json!({}));
    (0..4).for_each(|index| drop(put(&root, &first, index, 7).ok()));
    complete(&root, &first, 4);
    cloud.reconcile();
    let second = start(json!({ "ParentSnapshotId": first }));
    put(&root, &second, 1, 8).ok();
    complete(&root, &second, 1);
    cloud.reconcile();
    let blocks = |snapshot: &str| {
        all(&cloud);
        let stands = standing(&cloud.cloud, None).unwrap();
        let own = stands.iter().find(|one| one.resource.ends_with(snapshot));
        // Of a block for an hour.
        own.map_or(0, |own| own.amount() / 3_600)
    };
    assert_eq!([blocks(&first), blocks(&second)], [4, 1]);
    // What the one kept for the other is now the other's.
    ec2(&root, "DeleteSnapshot", json!({ "SnapshotId": first }));
    cloud.reconcile();
    assert_eq!([blocks(&first), blocks(&second)], [0, 4]);
}

#[test]
fn logs_cost_by_what_comes_in_and_by_the_class_of_their_group() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let now = cloud.cloud.clock().now().seconds() * 1_000;
    for (name, class) in [("often", "STANDARD"), ("seldom", "INFREQUENT_ACCESS")] {
        root.call("logs", "CreateLogGroup", json!({ "logGroupName": name, "logGroupClass": class })).ok();
        let stream = json!({ "logGroupName": name, "logStreamName": "s" });
        root.call("logs", "CreateLogStream", stream).ok();
        let events: Vec<Value> =
            (0..10).map(|_| json!({ "timestamp": now, "message": "x".repeat(974) })).collect();
        let put = json!({ "logGroupName": name, "logStreamName": "s", "logEvents": events });
        root.call("logs", "PutLogEvents", put).ok();
    }
    let found = told(&cloud);
    // AWS: 26 bytes more for each event.
    let gigabytes = 10_000.0 / f64::from(1 << 30);
    close(&found, "DataProcessing-Bytes", gigabytes, "0.0000047");
    close(&found, "DataProcessingIA-Bytes", gigabytes, "0.0000023");
}
