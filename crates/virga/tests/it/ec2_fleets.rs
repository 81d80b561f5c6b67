//! Fleets: launched at once, asked for, maintained; where the prices and zones lead them; and who may.

use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::{described, instance, prices};
use crate::ec2_spot_interruptions::interrupt;
use crate::ec2_zones::{set, until};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use kernel::bus::Event;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{Direction, KeyRange, Read, Record};

const ACCOUNT: &str = "123456789012";
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn template(root: &Caller<'_>) -> String {
    let data = json!({ "ImageId": IMAGE, "InstanceType": "m5.large" });
    let made = ec2(
        root,
        "CreateLaunchTemplate",
        json!({ "LaunchTemplateName": "fleet", "LaunchTemplateData": data }),
    );
    text(&made["launchTemplate"]["launchTemplateId"])
}

/// A request for so many units, by the template with some overrides.
fn asked(kind: &str, total: i64, default: &str, overrides: Value) -> Value {
    let by = json!({ "LaunchTemplateName": "fleet", "Version": "$Latest" });
    json!({
        "Type": kind,
        "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": by, "Overrides": overrides }],
        "TargetCapacitySpecification": { "TotalTargetCapacity": total, "DefaultTargetCapacityType": default },
    })
}

fn with(mut asked: Value, more: Value) -> Value {
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn zones(names: &[&str]) -> Value {
    names.iter().map(|zone| json!({ "AvailabilityZone": zone })).collect()
}

fn number(value: &Value) -> f64 {
    text(value).parse().unwrap()
}

fn make(caller: &Caller<'_>, asked: Value) -> String {
    text(&ec2(caller, "CreateFleet", asked)["fleetId"])
}

fn fleet(caller: &Caller<'_>, id: &str) -> Value {
    ec2(caller, "DescribeFleets", json!({ "FleetIds": [id] }))["fleetSet"][0].clone()
}

fn active(caller: &Caller<'_>, id: &str) -> Vec<Value> {
    items(&ec2(caller, "DescribeFleetInstances", json!({ "FleetId": id }))["activeInstanceSet"])
}

fn ids(caller: &Caller<'_>, id: &str) -> Vec<String> {
    active(caller, id).iter().map(|one| text(&one["instanceId"])).collect()
}

/// How many machines of a fleet each zone has.
fn by_zone(caller: &Caller<'_>, id: &str) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for id in ids(caller, id) {
        *out.entry(text(&instance(caller, &id)["placement"]["availabilityZone"])).or_default() += 1;
    }
    out
}

fn history(caller: &Caller<'_>, id: &str, kind: Option<&str>) -> Vec<String> {
    let mut asked = json!({ "FleetId": id, "StartTime": "2020-01-01T00:00:00Z" });
    if let Some(kind) = kind {
        asked["EventType"] = json!(kind);
    }
    let told = ec2(caller, "DescribeFleetHistory", asked);
    items(&told["historyRecordSet"])
        .iter()
        .map(|one| text(&one["eventInformation"]["eventSubType"]))
        .collect()
}

fn refused(caller: &Caller<'_>, asked: Value) -> (String, String) {
    caller.call("ec2", "CreateFleet", asked).error()
}

fn is_fulfilled(caller: &Caller<'_>, id: &str, count: usize) -> bool {
    fleet(caller, id)["activityStatus"] == "fulfilled" && active(caller, id).len() == count
}

/// The zones of a type by price, the cheapest first.
fn cheapest(cloud: &Cloud, caller: &Caller<'_>) -> Vec<String> {
    let mut all = prices(cloud, caller);
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    all.into_iter().map(|(zone, _)| zone).collect()
}

#[test]
fn an_instant_fleet_launches_at_once_and_tells_what_it_could_not() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let by = template(&root);
    set(&cloud, "us-east-1a", true);
    let overrides = json!([
        { "InstanceType": "t3.micro", "AvailabilityZone": "us-east-1a", "Priority": 0.0 },
        { "InstanceType": "t3.small", "AvailabilityZone": "us-east-1b", "Priority": 1.0, "WeightedCapacity": 2.0 },
    ]);
    let tags = json!([
        { "ResourceType": "fleet", "Tags": [{ "Key": "team", "Value": "blue" }] },
        { "ResourceType": "instance", "Tags": [{ "Key": "of", "Value": "fleet" }] },
    ]);
    let more =
        json!({ "OnDemandOptions": { "AllocationStrategy": "prioritized" }, "TagSpecifications": tags });
    let mut wanted = with(asked("instant", 4, "on-demand", overrides), more);
    wanted["TargetCapacitySpecification"]["SpotTargetCapacity"] = json!(1);
    let made = ec2(&root, "CreateFleet", wanted.clone());
    let id = text(&made["fleetId"]);
    // The zone that is down was asked for both markets, and answered so.
    let flaws = items(&made["errorSet"]);
    assert_eq!(flaws.len(), 1, "{made}");
    assert_eq!(flaws[0]["errorCode"], "InsufficientInstanceCapacity");
    assert_eq!(flaws[0]["lifecycle"], "on-demand");
    let by_what = &flaws[0]["launchTemplateAndOverrides"];
    assert_eq!(by_what["overrides"]["instanceType"], "t3.micro");
    assert_eq!(by_what["launchTemplateSpecification"]["launchTemplateId"], by.as_str());
    // Three units on demand are two machines of two; one to spare is one more.
    let mut count = BTreeMap::new();
    for group in items(&made["fleetInstanceSet"]) {
        assert_eq!(
            (&group["instanceType"], &group["availabilityZone"]),
            (&json!("t3.small"), &json!("us-east-1b"))
        );
        count.insert(text(&group["lifecycle"]), items(&group["instanceIds"]).len());
        for one in items(&group["instanceIds"]) {
            let seen = instance(&root, one.as_str().unwrap());
            assert_eq!(seen["instanceLifecycle"] == "spot", group["lifecycle"] == "spot", "{seen}");
            let tags: Vec<String> = items(&seen["tagSet"]).iter().map(|tag| text(&tag["value"])).collect();
            assert!(tags.contains(&id) && tags.contains(&"fleet".to_owned()), "{tags:?}");
        }
    }
    assert_eq!(count, BTreeMap::from([("on-demand".into(), 2), ("spot".into(), 1)]));

    // It is told where it is asked for, and not among the others.
    let seen = fleet(&root, &id);
    assert_eq!((&seen["fleetState"], &seen["activityStatus"]), (&json!("active"), &json!("fulfilled")));
    assert_eq!((number(&seen["fulfilledCapacity"]), number(&seen["fulfilledOnDemandCapacity"])), (6.0, 4.0));
    assert_eq!(seen["tagSet"][0], json!({ "key": "team", "value": "blue" }));
    assert_eq!((items(&seen["errorSet"]).len(), items(&seen["fleetInstanceSet"]).len()), (1, 2));
    assert!(items(&ec2(&root, "DescribeFleets", json!({}))["fleetSet"]).is_empty());
    let (code, message) = root.call("ec2", "DescribeFleetInstances", json!({ "FleetId": id })).error();
    assert_eq!(code, "Unsupported");
    assert_eq!(
        message,
        format!(
            "Fleet {id} is instant fleet. Describe fleet instances is not supported by this type of fleet"
        )
    );

    // Its machines end with it.
    let kept = ec2(&root, "DeleteFleets", json!({ "FleetIds": [id], "TerminateInstances": false }));
    assert_eq!(kept["unsuccessfulFleetDeletionSet"][0]["error"]["code"], "NoTerminateInstancesNotSupported");
    let gone = ec2(&root, "DeleteFleets", json!({ "FleetIds": [id], "TerminateInstances": true }));
    assert_eq!(gone["successfulFleetDeletionSet"][0]["currentFleetState"], "deleted_terminating");
    until(&cloud, || fleet(&root, &id)["fleetState"] == "deleted");
    let again =
        ec2(&root, "DeleteFleets", json!({ "FleetIds": [id, "fleet-1"], "TerminateInstances": true }));
    let why = |at: usize| text(&again["unsuccessfulFleetDeletionSet"][at]["error"]["code"]);
    assert_eq!((why(0), why(1)), ("fleetNotInDeletableState".into(), "fleetIdMalformed".into()));
}

#[test]
fn a_token_makes_one_fleet() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let wanted = with(asked("instant", 1, "on-demand", json!([])), json!({ "ClientToken": "once" }));
    let first = ec2(&root, "CreateFleet", wanted.clone());
    let again = ec2(&root, "CreateFleet", wanted);
    assert_eq!(
        (&again["fleetId"], &again["fleetInstanceSet"]),
        (&first["fleetId"], &first["fleetInstanceSet"])
    );
    let other = with(asked("instant", 2, "on-demand", json!([])), json!({ "ClientToken": "once" }));
    assert_eq!(refused(&root, other).0, "IdempotentParameterMismatch");
}

#[test]
fn strategies_go_by_the_prices() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let order = cheapest(&cloud, &root);
    let names: Vec<&str> = order.iter().map(String::as_str).collect();
    let launched = |options: Value| {
        let wanted = with(asked("instant", 3, "spot", zones(&names[..3])), json!({ "SpotOptions": options }));
        let made = ec2(&root, "CreateFleet", wanted);
        assert!(items(&made["errorSet"]).is_empty(), "{made}");
        let group = |group: &Value| (text(&group["availabilityZone"]), items(&group["instanceIds"]).len());
        items(&made["fleetInstanceSet"]).iter().map(group).collect::<BTreeMap<String, usize>>()
    };
    let cheap = BTreeMap::from([(order[0].clone(), 3)]);
    for strategy in ["lowest-price", "price-capacity-optimized", "capacity-optimized"] {
        assert_eq!(launched(json!({ "AllocationStrategy": strategy })), cheap, "{strategy}");
    }
    let all: BTreeMap<String, usize> = order[..3].iter().map(|zone| (zone.clone(), 1)).collect();
    assert_eq!(launched(json!({ "AllocationStrategy": "diversified" })), all);
    let two = launched(json!({ "AllocationStrategy": "lowest-price", "InstancePoolsToUseCount": 2 }));
    assert_eq!(two, BTreeMap::from([(order[0].clone(), 2), (order[1].clone(), 1)]));
    let one = launched(json!({ "AllocationStrategy": "diversified", "SingleAvailabilityZone": true }));
    assert_eq!(one.len(), 1, "{one:?}");

    // What is paid in all, and fewer than are of use.
    let price = prices(&cloud, &root).into_iter().find(|(zone, _)| *zone == order[0]).unwrap().1;
    let limited = json!({ "SpotOptions": { "MaxTotalPrice": format!("{:.6}", price * 2.5) } });
    let made = ec2(&root, "CreateFleet", with(asked("instant", 3, "spot", zones(&names[..1])), limited));
    assert_eq!(items(&made["fleetInstanceSet"][0]["instanceIds"]).len(), 2, "{made}");
    assert_eq!(made["errorSet"][0]["errorCode"], "UnfulfillableCapacity");
    let least = json!({ "SpotOptions": { "MaxTotalPrice": format!("{:.6}", price * 2.5), "MinTargetCapacity": 3,
        "SingleAvailabilityZone": true } });
    let made = ec2(&root, "CreateFleet", with(asked("instant", 3, "spot", zones(&names[..1])), least));
    assert!(items(&made["fleetInstanceSet"]).is_empty(), "{made}");
    // A maximum that is too low is refused for each override.
    let cheap = json!([{ "AvailabilityZone": names[0], "MaxPrice": "0.0011" }]);
    let made = ec2(&root, "CreateFleet", asked("instant", 1, "spot", cheap));
    assert_eq!(made["errorSet"][0]["errorCode"], "SpotMaxPriceTooLow");
    assert_eq!(made["errorSet"][0]["launchTemplateAndOverrides"]["overrides"]["maxPrice"], "0.0011");
}

#[test]
fn a_fleet_is_maintained_changed_and_deleted() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let spread = json!({ "SpotOptions": { "AllocationStrategy": "diversified" } });
    let overrides = zones(&["us-east-1a", "us-east-1b", "us-east-1c"]);
    let mut wanted = with(asked("maintain", 4, "spot", overrides), spread);
    wanted["TargetCapacitySpecification"]["OnDemandTargetCapacity"] = json!(1);
    let id = make(&root, wanted);
    assert_eq!(fleet(&root, &id)["fleetState"], "submitted");
    until(&cloud, || is_fulfilled(&root, &id, 4));
    let seen = fleet(&root, &id);
    assert_eq!(
        (&seen["fleetState"], &seen["excessCapacityTerminationPolicy"]),
        (&json!("active"), &json!("termination"))
    );
    assert_eq!((number(&seen["fulfilledCapacity"]), number(&seen["fulfilledOnDemandCapacity"])), (4.0, 1.0));
    let role = root.call("iam", "GetRole", json!({ "RoleName": "AWSServiceRoleForEC2Fleet" })).ok();
    assert_eq!(role["Role"]["Path"], "/aws-service-role/ec2fleet.amazonaws.com/");

    // One that is interrupted, and one that is ended, are replaced.
    let spot = active(&root, &id).into_iter().find(|one| !one["spotInstanceRequestId"].is_null()).unwrap();
    let lost = text(&spot["instanceId"]);
    assert_eq!(described(&root, &text(&spot["spotInstanceRequestId"]))["state"], "active");
    until(&cloud, || text(&instance(&root, &lost)["instanceState"]["name"]) == "running");
    interrupt(&cloud, &lost).unwrap();
    cloud.reconcile();
    assert!(ids(&root, &id).contains(&lost), "it has two minutes");
    cloud.advance(Duration::from_secs(121));
    until(&cloud, || is_fulfilled(&root, &id, 4) && !ids(&root, &id).contains(&lost));
    let paid = active(&root, &id).into_iter().find(|one| one["spotInstanceRequestId"].is_null()).unwrap();
    let paid = text(&paid["instanceId"]);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [paid] }));
    until(&cloud, || is_fulfilled(&root, &id, 4) && !ids(&root, &id).contains(&paid));

    // A zone that fails: its machines stop, and others come elsewhere.
    set(&cloud, "us-east-1a", true);
    until(&cloud, || is_fulfilled(&root, &id, 4));
    let change = |total: i64, more: Value| {
        let target = json!({ "TotalTargetCapacity": total });
        let asked = with(json!({ "FleetId": id, "TargetCapacitySpecification": target }), more);
        ec2(&root, "ModifyFleet", asked)
    };
    assert_eq!(change(6, json!({}))["return"], "true");
    assert_eq!(fleet(&root, &id)["fleetState"], "modifying");
    until(&cloud, || is_fulfilled(&root, &id, 6) && fleet(&root, &id)["fleetState"] == "active");
    assert_eq!(number(&fleet(&root, &id)["fulfilledOnDemandCapacity"]), 1.0);
    // What is too much may stay, or goes.
    change(3, json!({ "ExcessCapacityTerminationPolicy": "no-termination" }));
    cloud.reconcile();
    assert_eq!(active(&root, &id).len(), 6);
    change(3, json!({ "ExcessCapacityTerminationPolicy": "termination" }));
    until(&cloud, || is_fulfilled(&root, &id, 3));

    let told = history(&root, &id, None);
    for sub in [
        "submitted",
        "active",
        "launched",
        "terminated",
        "termination_notified",
        "modify_in_progress",
        "modify_succeeded",
    ] {
        assert!(told.iter().any(|one| one == sub), "{sub}: {told:?}");
    }
    assert!(history(&root, &id, Some("fleet-change")).iter().all(|sub| sub != "launched"));
    let found = ec2(&root, "DescribeFleets", json!({ "Filters": filter("fleet-state", "active") }));
    assert_eq!(items(&found["fleetSet"]).len(), 1);

    let left = ids(&root, &id);
    let gone = ec2(&root, "DeleteFleets", json!({ "FleetIds": [id], "TerminateInstances": false }));
    let gone = &gone["successfulFleetDeletionSet"][0];
    assert_eq!(
        (&gone["currentFleetState"], &gone["previousFleetState"]),
        (&json!("deleted_running"), &json!("active"))
    );
    cloud.reconcile();
    assert!(left.iter().all(|one| text(&instance(&root, one)["instanceState"]["name"]) != "terminated"));
    let (code, message) = root.call("ec2", "ModifyFleet", json!({ "FleetId": id })).error();
    assert_eq!(code, "FleetNotInModifiableState");
    assert_eq!(message, format!("Fleet Request: {id} is not a modifiable fleet request type."));
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": left }));
    until(&cloud, || fleet(&root, &id)["fleetState"] == "deleted");
    cloud.advance(DAY * 2);
    cloud.reconcile();
    let (code, message) = root.call("ec2", "DescribeFleets", json!({ "FleetIds": [id] })).error();
    assert_eq!(code, "InvalidFleetId.NotFound");
    assert_eq!(message, format!("The fleet ID '{id}' does not exist"));
}

#[test]
fn a_request_fleet_places_its_capacity_once() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let order = cheapest(&cloud, &root);
    // It waits in the zone that its strategy has chosen, though others are there.
    set(&cloud, &order[0], true);
    let id = make(&root, asked("request", 2, "spot", zones(&[&order[0], &order[1]])));
    cloud.reconcile();
    assert_eq!(
        (active(&root, &id).len(), &fleet(&root, &id)["activityStatus"]),
        (0, &json!("pending_fulfillment"))
    );
    set(&cloud, &order[0], false);
    until(&cloud, || is_fulfilled(&root, &id, 2));
    assert_eq!(by_zone(&root, &id), BTreeMap::from([(order[0].clone(), 2)]));
    let first = ids(&root, &id).remove(0);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [first] }));
    until(&cloud, || active(&root, &id).len() == 1);
    (0..3).for_each(|_| cloud.reconcile());
    assert_eq!(active(&root, &id).len(), 1);
    assert_eq!(
        root.call("ec2", "ModifyFleet", json!({ "FleetId": id })).error().0,
        "FleetNotInModifiableState"
    );
}

#[test]
fn a_fleet_has_its_time() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let now = cloud.cloud.clock().now();
    let time = json!({ "ValidFrom": now.plus(DAY).iso8601(), "ValidUntil": now.plus(DAY * 2).iso8601(),
        "TerminateInstancesWithExpiration": true });
    let id = make(&root, with(asked("maintain", 1, "on-demand", json!([])), time));
    cloud.reconcile();
    assert_eq!(fleet(&root, &id)["fleetState"], "submitted");
    cloud.advance(DAY);
    until(&cloud, || is_fulfilled(&root, &id, 1));
    cloud.advance(DAY);
    until(&cloud, || fleet(&root, &id)["fleetState"] == "deleted");
    assert!(history(&root, &id, Some("fleet-change")).iter().any(|sub| sub == "expired"));
}

#[test]
fn a_fleet_that_rebalances_replaces_before_the_interruption() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let rebalance = json!({ "ReplacementStrategy": "launch-before-terminate", "TerminationDelay": 120 });
    let options = json!({ "SpotOptions": { "MaintenanceStrategies": { "CapacityRebalance": rebalance } } });
    let id = make(&root, with(asked("maintain", 1, "spot", json!([])), options));
    until(&cloud, || is_fulfilled(&root, &id, 1));
    let first = ids(&root, &id).remove(0);
    until(&cloud, || text(&instance(&root, &first)["instanceState"]["name"]) == "running");
    interrupt(&cloud, &first).unwrap();
    until(&cloud, || ids(&root, &id).iter().any(|one| *one != first));
    assert_eq!(instance(&root, &first)["instanceState"]["name"], "running");
}

/// AWS: others come in its stead, and it comes back where its pool is the one to launch in.
#[test]
fn a_machine_that_an_interruption_stops_is_kept_for_later() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let options = json!({ "SpotOptions": { "InstanceInterruptionBehavior": "stop" } });
    let wanted = with(asked("maintain", 1, "spot", zones(&["us-east-1a"])), options.clone());
    let id = make(&root, wanted);
    assert_eq!(fleet(&root, &id)["spotOptions"]["instanceInterruptionBehavior"], "stop");
    let state = |machine: &str| text(&instance(&root, machine)["instanceState"]["name"]);
    let runs = || ids(&root, &id).into_iter().find(|one| state(one) == "running");
    until(&cloud, || runs().is_some());
    let first = runs().unwrap();
    let stop = |machine: &str| {
        interrupt(&cloud, machine).unwrap();
        cloud.advance(Duration::from_secs(120));
        until(&cloud, || state(machine) == "stopped");
    };
    stop(&first);
    until(&cloud, || is_fulfilled(&root, &id, 1) && runs().is_some());
    let second = runs().unwrap();
    assert_ne!(first, second);
    // Its place is free again, and nothing is missing.
    cloud.advance(Duration::from_secs(600));
    cloud.reconcile();
    cloud.reconcile();
    assert_eq!(state(&first), "stopped");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [second] }));
    until(&cloud, || state(&first) == "running" && is_fulfilled(&root, &id, 1));
    assert_eq!(runs().as_ref(), Some(&first));
    // With its fleet goes what is stopped, and what runs stays where that is wanted.
    stop(&first);
    until(&cloud, || runs().is_some());
    let third = runs().unwrap();
    ec2(&root, "DeleteFleets", json!({ "FleetIds": [id], "TerminateInstances": false }));
    until(&cloud, || state(&first) == "terminated");
    assert_eq!(state(&third), "running");
    let code =
        root.call("ec2", "CreateFleet", with(asked("request", 1, "spot", json!([])), options)).error().0;
    assert_eq!(code, "InvalidParameterCombination");
}

#[test]
fn an_unhealthy_machine_is_replaced_where_that_is_asked_for() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let overrides = zones(&["us-east-1a", "us-east-1b"]);
    let options = json!({ "ReplaceUnhealthyInstances": true,
        "OnDemandOptions": { "AllocationStrategy": "lowest-price" } });
    let id = make(&root, with(asked("maintain", 1, "on-demand", overrides), options));
    until(&cloud, || is_fulfilled(&root, &id, 1));
    let first = ids(&root, &id).remove(0);
    until(&cloud, || text(&instance(&root, &first)["instanceState"]["name"]) == "running");
    let zone = by_zone(&root, &id).into_keys().next().unwrap();
    set(&cloud, &zone, true);
    until(&cloud, || is_fulfilled(&root, &id, 1) && !ids(&root, &id).contains(&first));
    assert!(!by_zone(&root, &id).contains_key(&zone));
}

#[test]
fn fleets_tell_the_event_bus() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let cheap = json!([{ "AvailabilityZone": "us-east-1a", "MaxPrice": "0.0011" }]);
    let id = make(&root, asked("maintain", 1, "spot", cheap));
    // Only its own reconciler: the events are still to be seen.
    let all = cloud.cloud.reconcilers();
    all.iter().find(|reconciler| reconciler.name() == "fleets").unwrap().run(&cloud.cloud).unwrap();
    let snapshot = cloud.cloud.store().snapshot();
    let pairs = snapshot.scan(KeyRange::prefix(&[0, 2]), Direction::Forward);
    // Those of one moment have no order.
    let told: BTreeSet<(String, String)> = pairs
        .map(|pair| Event::from_bytes(&pair.unwrap().1).unwrap())
        .filter(|event| event.source == "aws.ec2fleet")
        .map(|event| {
            assert_eq!(event.resources, [format!("arn:aws:ec2:us-east-1:{ACCOUNT}:fleet/{id}")]);
            let detail: Value = serde_json::from_str(&event.detail).unwrap();
            (event.detail_type, text(&detail["sub-type"]))
        })
        .collect();
    let expected = [
        ("EC2 Fleet State Change", "submitted"),
        ("EC2 Fleet State Change", "active"),
        ("EC2 Fleet Information", "launchSpecUnusable"),
        ("EC2 Fleet Information", "fleetProgressHalted"),
    ];
    assert_eq!(told, expected.map(|(kind, sub)| (kind.to_owned(), sub.to_owned())).into());
    assert_eq!(fleet(&root, &id)["activityStatus"], "pending_fulfillment");
}

#[test]
fn who_may_not_launch_has_no_fleet_that_does() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let policy = |actions: Value| {
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } })
            .to_string()
    };
    let most = json!(["ec2:CreateFleet", "ec2:DeleteFleets", "iam:CreateServiceLinkedRole"]);
    let maker = cloud.user(&root, "maker", &policy(most));
    let (code, message) = refused(&maker, asked("maintain", 1, "spot", json!([])));
    assert_eq!(code, "UnauthorizedOperation");
    assert!(message.contains("ec2:RunInstances on resource: arn:aws:ec2:us-east-1:"), "{message}");
    // An instant fleet is made, and tells that it may launch nothing.
    let made = ec2(&maker, "CreateFleet", asked("instant", 1, "on-demand", json!([])));
    assert_eq!(made["errorSet"][0]["errorCode"], "UnauthorizedOperation");
    assert!(items(&made["fleetInstanceSet"]).is_empty());
    // Who may not end machines does not end a fleet's.
    let whole = ec2(&root, "CreateFleet", asked("instant", 1, "on-demand", json!([])));
    let gone =
        ec2(&maker, "DeleteFleets", json!({ "FleetIds": [whole["fleetId"]], "TerminateInstances": true }));
    assert_eq!(gone["unsuccessfulFleetDeletionSet"][0]["error"]["code"], "UnauthorizedOperation");
    assert_eq!(fleet(&root, &text(&whole["fleetId"]))["fleetState"], "active");

    let launcher = cloud.user(&root, "launcher", &policy(json!(["ec2:CreateFleet", "ec2:RunInstances"])));
    let (code, message) = refused(
        &cloud.user(&root, "other", &policy(json!("ec2:RunInstances"))),
        asked("instant", 1, "spot", json!([])),
    );
    assert_eq!(code, "UnauthorizedOperation", "{message}");
    // The role is there by now.
    make(&launcher, asked("maintain", 1, "on-demand", json!([])));
}

#[test]
fn what_is_not_built_or_does_not_fit_is_refused() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    template(&root);
    let one = || asked("maintain", 1, "spot", json!([]));
    let requirements = json!([{ "InstanceType": "t3.micro", "InstanceRequirements": { "VCpuCount": { "Min": 1 }, "MemoryMiB": { "Min": 1 } } }]);
    let no_version = json!({ "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": { "LaunchTemplateName": "fleet" } }] });
    let unknown = json!({ "LaunchTemplateConfigs": [{ "LaunchTemplateSpecification": { "LaunchTemplateName": "none", "Version": "1" } }] });
    let tags = json!({ "TagSpecifications": [{ "ResourceType": "instance", "Tags": [{ "Key": "a", "Value": "b" }] }] });
    for (wanted, code) in [
        (asked("maintain", 1, "spot", requirements), "InvalidParameterCombination"),
        (with(one(), no_version), "MissingParameter"),
        (with(one(), unknown), "InvalidLaunchTemplateName.NotFoundException"),
        (with(one(), tags), "InvalidParameterValue"),
        (asked("maintain", 1, "spot", json!([{ "InstanceType": "x1.large" }])), "InvalidParameterValue"),
        (asked("maintain", 1, "spot", json!([{ "AvailabilityZone": "us-east-1x" }])), "InvalidZone.NotFound"),
        (
            asked("maintain", 1, "spot", json!([{ "SubnetId": "subnet-12345678" }])),
            "InvalidSubnetID.NotFound",
        ),
        (asked("maintain", 1, "spot", json!([{ "MaxPrice": "0.001" }])), "InvalidParameterValue"),
        (asked("maintain", 1, "spot", json!([{ "WeightedCapacity": 0.0 }])), "InvalidParameterValue"),
        (
            with(asked("request", 1, "spot", json!([])), json!({ "ReplaceUnhealthyInstances": true })),
            "InvalidParameterCombination",
        ),
        (
            with(one(), json!({ "SpotOptions": { "InstanceInterruptionBehavior": "hibernate" } })),
            "InvalidParameterValue",
        ),
        (with(one(), json!({ "ValidUntil": "2020-01-01T00:00:00Z" })), "InvalidParameterValue"),
    ] {
        let (found, message) = refused(&root, wanted.clone());
        assert_eq!(found, code, "{wanted} {message}");
    }
    for id in ["fleet-1", "i-12345678"] {
        let (code, _) = root.call("ec2", "DescribeFleets", json!({ "FleetIds": [id] })).error();
        assert_eq!(code, "InvalidFleetId.Malformed");
    }
}
