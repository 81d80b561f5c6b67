//! Availability zones that fail: what stops, what is told, what is refused, and that all comes back.

use crate::ec2_profiles::IMAGE;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use ec2::zone;
use host::{Driver, Simulator};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";

pub(crate) fn set(cloud: &Cloud, zone: &str, down: bool) {
    let mut tx = cloud.cloud.store().begin();
    zone::set(&mut tx, zone, down, cloud.cloud.clock().now()).unwrap();
    tx.commit().wait().unwrap();
}

fn launch(zone: Option<&str>) -> Value {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    if let Some(zone) = zone {
        asked["Placement"] = json!({ "AvailabilityZone": zone });
    }
    asked
}

fn run(caller: &Caller<'_>, zone: Option<&str>) -> Value {
    ec2(caller, "RunInstances", launch(zone))["instancesSet"][0].clone()
}

fn status(caller: &Caller<'_>, id: &str) -> Value {
    let asked = json!({ "InstanceIds": [id], "IncludeAllInstances": true });
    ec2(caller, "DescribeInstanceStatus", asked)["instanceStatusSet"][0].clone()
}

/// Reconciles until something holds.
#[track_caller]
pub(crate) fn until(cloud: &Cloud, what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(20));
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_failed_zone_stops_its_machines_and_takes_no_new_ones() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let near = text(&run(&root, Some("us-east-1a"))["instanceId"]);
    let far = text(&run(&root, Some("us-east-1b"))["instanceId"]);
    let idle = text(&run(&root, Some("us-east-1a"))["instanceId"]);
    let ok = |id: &str| status(&root, id)["systemStatus"]["status"] == "ok";
    until(&cloud, || ok(&near) && ok(&far) && ok(&idle));
    ec2(&root, "StopInstances", json!({ "InstanceIds": [idle] }));
    until(&cloud, || status(&root, &idle)["instanceState"]["name"] == "stopped");
    let machines = || plane.inventory().unwrap().machines;
    assert!(machines().contains(&near));

    set(&cloud, "us-east-1a", true);
    let failed_at = cloud.cloud.clock().now().iso8601();
    until(&cloud, || !machines().contains(&near));
    assert!(machines().contains(&far));
    // It is not told that it was shut down: its zone is gone, its record is not.
    for _ in 0..5 {
        cloud.reconcile();
    }
    let seen = status(&root, &near);
    assert_eq!(seen["instanceState"]["name"], "running");
    for check in ["systemStatus", "instanceStatus"] {
        assert_eq!(seen[check]["status"], "impaired", "{seen}");
        assert_eq!(seen[check]["details"][0]["status"], "failed");
        assert!(text(&seen[check]["details"][0]["impairedSince"]).starts_with(&failed_at[..19]));
    }
    assert!(ok(&far));
    let zones = ec2(&root, "DescribeAvailabilityZones", json!({ "Filters": filter("state", "unavailable") }));
    let zones = items(&zones["availabilityZoneInfo"]);
    assert_eq!((zones.len(), &zones[0]["zoneName"]), (1, &json!("us-east-1a")));
    assert_eq!(zones[0]["messageSet"][0]["message"], "The Availability Zone us-east-1a has failed.");

    let (code, message) = root.call("ec2", "RunInstances", launch(Some("us-east-1a"))).error();
    assert_eq!(code, "InsufficientInstanceCapacity");
    assert_eq!(
        message,
        "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (us-east-1a). Our system will be working on provisioning additional capacity. You can currently get t3.micro capacity by not specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f."
    );
    let (code, _) = root.call("ec2", "StartInstances", json!({ "InstanceIds": [idle] })).error();
    assert_eq!(code, "InsufficientInstanceCapacity");
    // Who names no zone gets another.
    assert_ne!(run(&root, None)["placement"]["availabilityZone"], "us-east-1a");

    set(&cloud, "us-east-1a", false);
    until(&cloud, || machines().contains(&near) && ok(&near));
    ec2(&root, "StartInstances", json!({ "InstanceIds": [idle] }));
    until(&cloud, || ok(&idle));
}

#[test]
fn a_zone_that_is_back_before_anybody_looked_has_failed_all_the_same() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = text(&run(&root, Some("us-east-1a"))["instanceId"]);
    until(&cloud, || status(&root, &id)["systemStatus"]["status"] == "ok");
    set(&cloud, "us-east-1a", true);
    set(&cloud, "us-east-1a", false);
    for _ in 0..5 {
        cloud.reconcile();
    }
    until(&cloud, || plane.inventory().unwrap().machines.contains(&id));
    assert_eq!(status(&root, &id)["instanceState"]["name"], "running");
    // And one that goes while its zone is down is gone.
    set(&cloud, "us-east-1a", true);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, || status(&root, &id)["instanceState"]["name"] == "terminated");
    set(&cloud, "us-east-1a", false);
    cloud.reconcile();
    assert!(plane.inventory().unwrap().machines.is_empty());
}

#[test]
fn what_lies_in_a_failed_zone_is_no_way_for_packets() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let subnets =
        ec2(&root, "DescribeSubnets", json!({ "Filters": filter("availability-zone", "us-east-1a") }));
    let subnet = text(&subnets["subnetSet"][0]["subnetId"]);
    let made = ec2(&root, "CreateNatGateway", json!({ "SubnetId": subnet, "ConnectivityType": "private" }));
    let nat = text(&made["natGateway"]["natGatewayId"]);
    let machines = || plane.inventory().unwrap().machines;
    until(&cloud, || machines().contains(&nat));
    set(&cloud, "us-east-1a", true);
    until(&cloud, || !machines().contains(&nat));
    set(&cloud, "us-east-1a", false);
    until(&cloud, || machines().contains(&nat));
}
