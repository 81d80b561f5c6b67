//! Spot machines are taken back: for the price, for their place, with two minutes' notice; and come again.

use crate::autoscaling;
use crate::ec2_events::outbox;
use crate::ec2_instances::until;
use crate::ec2_spot::{at, described, instance, is_at, prices, request, spot};
use crate::ec2_zones;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, text};
use crate::vpc_plane::cloud;
use compute::ec2::spot::notice;
use host::{Driver, Simulator};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const NOTICE: Duration = Duration::from_secs(120);

pub(crate) fn interrupt(cloud: &Cloud, id: &str) -> Result<(), String> {
    let mut tx = cloud.cloud.store().begin();
    notice::interrupt(&cloud.cloud, &mut tx, id)?;
    tx.commit().wait().unwrap();
    Ok(())
}

fn state(caller: &Caller<'_>, id: &str) -> String {
    text(&instance(caller, id)["instanceState"]["name"])
}

/// The warnings on their way.
fn warnings(cloud: &Cloud) -> Vec<Value> {
    let all = outbox(cloud).into_iter();
    let all = all.filter(|event| event.detail_type == "EC2 Spot Instance Interruption Warning");
    all.map(|event| serde_json::from_str(&event.detail).unwrap()).collect()
}

/// Reconciles until a request has a machine that runs; its id.
#[track_caller]
fn machine(cloud: &Cloud, caller: &Caller<'_>, request: &str) -> String {
    ec2_zones::until(cloud, || at(caller, request).0 == "active");
    let id = text(&described(caller, request)["instanceId"]);
    until(cloud, caller, &id, "running");
    id
}

#[test]
fn a_price_that_rises_takes_the_machine() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let price = |zone: &str| prices(&cloud, &root).into_iter().find(|(name, _)| name == zone).unwrap().1;
    let first = price("us-east-1a");
    let mut asked = spot(json!({ "MaxPrice": first.to_string() }));
    asked["Placement"] = json!({ "AvailabilityZone": "us-east-1a" });
    let made = ec2(&root, "RunInstances", asked)["instancesSet"][0].clone();
    let (id, spot) = (text(&made["instanceId"]), text(&made["spotInstanceRequestId"]));
    until(&cloud, &root, &id, "running");
    // As long as the price is not above the maximum nothing happens.
    for _ in 0..200 {
        cloud.advance(Duration::from_secs(3600));
        if price("us-east-1a") > first {
            break;
        }
        cloud.reconcile();
        is_at(&root, &spot, "active", "fulfilled");
    }
    assert!(price("us-east-1a") > first);
    assert!(warnings(&cloud).is_empty());
    // Only its own reconciler: the events are still to be seen.
    let own = || {
        let all = cloud.cloud.reconcilers();
        let spot = all.iter().find(|reconciler| reconciler.name() == "spot requests").unwrap();
        spot.run(&cloud.cloud).unwrap();
    };
    own();
    is_at(&root, &spot, "active", "marked-for-termination");
    assert_eq!(warnings(&cloud), [json!({ "instance-id": id, "instance-action": "terminate" })]);
    own();
    assert_eq!(warnings(&cloud).len(), 1);
    cloud.advance(NOTICE - Duration::from_secs(1));
    cloud.reconcile();
    assert_eq!(state(&root, &id), "running");
    assert!(plane.inventory().unwrap().machines.contains(&id));
    cloud.advance(Duration::from_secs(1));
    until(&cloud, &root, &id, "terminated");
    ec2_zones::until(&cloud, || !plane.inventory().unwrap().machines.contains(&id));
    let seen = instance(&root, &id);
    assert_eq!(
        seen["stateReason"],
        json!({ "code": "Server.SpotInstanceTermination", "message": "Server.SpotInstanceTermination: Spot instance termination" })
    );
    assert_eq!(seen["reason"], "Server.SpotInstanceTermination");
    cloud.reconcile();
    is_at(&root, &spot, "closed", "instance-terminated-by-price");
}

#[test]
fn a_persistent_request_comes_again() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let spot = request(&root, json!({ "Type": "persistent" }));
    let first = machine(&cloud, &root, &spot);
    // Its user ends the machine: there is another at once.
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [first] }));
    until(&cloud, &root, &first, "terminated");
    cloud.reconcile();
    let second = machine(&cloud, &root, &spot);
    assert_ne!(first, second);
    // Its place is needed: over for the request at once, and the machine has its two minutes.
    interrupt(&cloud, &second).unwrap();
    is_at(&root, &spot, "open", "instance-terminated-no-capacity");
    cloud.reconcile();
    assert_eq!(state(&root, &second), "running");
    cloud.advance(NOTICE);
    until(&cloud, &root, &second, "terminated");
    cloud.reconcile();
    is_at(&root, &spot, "open", "capacity-not-available");
    cloud.advance(Duration::from_secs(599));
    cloud.reconcile();
    is_at(&root, &spot, "open", "capacity-not-available");
    cloud.advance(Duration::from_secs(1));
    cloud.reconcile();
    let third = machine(&cloud, &root, &spot);
    assert_ne!(second, third);
    ec2(&root, "CancelSpotInstanceRequests", json!({ "SpotInstanceRequestIds": [spot] }));
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [third] }));
    until(&cloud, &root, &third, "terminated");
    cloud.reconcile();
    is_at(&root, &spot, "cancelled", "instance-terminated-by-user");
}

#[test]
fn a_one_time_request_is_closed_when_its_place_is_needed() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let spot = request(&root, json!({}));
    let id = machine(&cloud, &root, &spot);
    interrupt(&cloud, &id).unwrap();
    is_at(&root, &spot, "closed", "instance-terminated-no-capacity");
    // One notice is enough.
    let before = instance(&root, &id);
    let mut tx = cloud.cloud.store().begin();
    notice::interrupt(&cloud.cloud, &mut tx, &id).unwrap();
    assert!(tx.is_read_only());
    assert_eq!(instance(&root, &id), before);
    cloud.advance(NOTICE);
    until(&cloud, &root, &id, "terminated");
    let why = interrupt(&cloud, &id).unwrap_err();
    assert_eq!(why, format!("{id} is terminated"));
    assert_eq!(interrupt(&cloud, "i-1").unwrap_err(), "there is no instance \"i-1\"");
    let launch = json!({ "ImageId": crate::ec2_profiles::IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    let other = text(&ec2(&root, "RunInstances", launch)["instancesSet"][0]["instanceId"]);
    assert_eq!(interrupt(&cloud, &other).unwrap_err(), format!("{other} is not a Spot Instance"));
}

#[test]
fn a_machine_that_is_stopped_comes_back_as_it_was() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let asked = spot(json!({ "SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop" }));
    let made = ec2(&root, "RunInstances", asked)["instancesSet"][0].clone();
    let (id, spot) = (text(&made["instanceId"]), text(&made["spotInstanceRequestId"]));
    until(&cloud, &root, &id, "running");
    let named = json!({ "InstanceIds": [id] });
    // By its user.
    ec2(&root, "StopInstances", named.clone());
    cloud.reconcile();
    until(&cloud, &root, &id, "stopped");
    cloud.reconcile();
    is_at(&root, &spot, "disabled", "instance-stopped-by-user");
    cloud.advance(Duration::from_secs(3600));
    cloud.reconcile();
    assert_eq!(state(&root, &id), "stopped");
    ec2(&root, "StartInstances", named.clone());
    until(&cloud, &root, &id, "running");
    is_at(&root, &spot, "active", "fulfilled");
    // By an interruption.
    interrupt(&cloud, &id).unwrap();
    is_at(&root, &spot, "active", "marked-for-stop");
    assert_eq!(warnings(&cloud), [json!({ "instance-id": id, "instance-action": "stop" })]);
    cloud.advance(NOTICE);
    cloud.reconcile();
    until(&cloud, &root, &id, "stopped");
    cloud.reconcile();
    is_at(&root, &spot, "disabled", "instance-stopped-no-capacity");
    assert_eq!(instance(&root, &id)["stateReason"]["code"], "Server.SpotInstanceShutdown");
    root.call("ec2", "StartInstances", named.clone()).refused_with(
        400,
        "IncorrectSpotRequestState",
        &format!("You can't start the Spot Instance '{id}' because the associated Spot Instance request is not in an appropriate state to support start."),
    );
    cloud.advance(Duration::from_secs(600));
    cloud.reconcile();
    until(&cloud, &root, &id, "running");
    is_at(&root, &spot, "active", "fulfilled");
    // Stopped when its request is cancelled, it is terminated.
    ec2(&root, "StopInstances", named.clone());
    until(&cloud, &root, &id, "stopped");
    cloud.reconcile();
    ec2(&root, "CancelSpotInstanceRequests", json!({ "SpotInstanceRequestIds": [spot] }));
    is_at(&root, &spot, "cancelled", "instance-terminated-by-service");
    until(&cloud, &root, &id, "terminated");
    root.call("ec2", "StartInstances", named).refused(400, "IncorrectInstanceState");
}

/// AWS: whose root was detached meanwhile is terminated where it would be started.
#[test]
fn a_machine_without_its_root_does_not_come_back() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let asked = spot(json!({ "SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop" }));
    let made = ec2(&root, "RunInstances", asked)["instancesSet"][0].clone();
    let id = text(&made["instanceId"]);
    until(&cloud, &root, &id, "running");
    let seen = ec2(&root, "DescribeInstances", json!({ "InstanceIds": [id] }));
    let volume =
        text(&seen["reservationSet"][0]["instancesSet"][0]["blockDeviceMapping"][0]["ebs"]["volumeId"]);
    interrupt(&cloud, &id).unwrap();
    cloud.advance(NOTICE);
    cloud.reconcile();
    until(&cloud, &root, &id, "stopped");
    ec2(&root, "DetachVolume", json!({ "VolumeId": volume }));
    cloud.reconcile();
    cloud.advance(Duration::from_secs(600));
    cloud.reconcile();
    until(&cloud, &root, &id, "terminated");
    assert_eq!(instance(&root, &id)["stateReason"]["code"], "Client.InternalError");
    let left = ec2(&root, "DescribeVolumes", json!({ "VolumeIds": [volume] }))["volumeSet"][0].clone();
    assert_eq!(left["status"], "available");
}

/// A machine whose request is cancelled is a spot machine still, that can only be terminated.
#[test]
fn without_its_request_it_is_terminated() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let stops = json!({ "Type": "persistent", "InstanceInterruptionBehavior": "stop" });
    let spot = request(&root, stops);
    let id = machine(&cloud, &root, &spot);
    ec2(&root, "CancelSpotInstanceRequests", json!({ "SpotInstanceRequestIds": [spot] }));
    root.call("ec2", "StopInstances", json!({ "InstanceIds": [id] }))
        .refused(400, "IncorrectSpotRequestState");
    interrupt(&cloud, &id).unwrap();
    is_at(&root, &spot, "cancelled", "request-canceled-and-instance-running");
    cloud.advance(NOTICE);
    until(&cloud, &root, &id, "terminated");
    cloud.reconcile();
    is_at(&root, &spot, "cancelled", "instance-terminated-no-capacity");
}

/// A group whose template asks for spot machines replaces what is taken from it.
#[test]
fn a_group_of_spot_machines_is_kept_at_its_size() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let market = json!({ "MarketType": "spot" });
    let data = json!({ "ImageId": crate::ec2_profiles::IMAGE, "InstanceType": "t3.micro", "InstanceMarketOptions": market });
    autoscaling::template(&root, data);
    autoscaling::asg(&root, "CreateAutoScalingGroup", autoscaling::asked(json!({ "DesiredCapacity": 2 })));
    ec2_zones::until(&cloud, || autoscaling::settled(&root, 2));
    let before = autoscaling::ids(&root);
    assert!(before.iter().all(|id| instance(&root, id)["instanceLifecycle"] == "spot"));
    interrupt(&cloud, &before[0]).unwrap();
    cloud.reconcile();
    assert_eq!(autoscaling::ids(&root), before);
    cloud.advance(NOTICE);
    ec2_zones::until(&cloud, || {
        autoscaling::settled(&root, 2) && !autoscaling::ids(&root).contains(&before[0])
    });
}
