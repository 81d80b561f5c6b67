//! Capacity reservations: who is in them, who gets in, what is left, what ends them, and what they are counted as.

use crate::ec2_profiles::IMAGE;
use crate::ec2_spot::instance;
use crate::ec2_zones::{set, until};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use kernel::meter::{Query, usage};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const HOUR: Duration = Duration::from_secs(3600);

fn with(mut asked: Value, more: Value) -> Value {
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn asked(more: Value) -> Value {
    with(
        json!({ "InstanceType": "t3.micro", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a", "InstanceCount": 2 }),
        more,
    )
}

fn reserve(caller: &Caller<'_>, more: Value) -> String {
    text(
        &ec2(caller, "CreateCapacityReservation", asked(more))["capacityReservation"]["capacityReservationId"],
    )
}

fn told(caller: &Caller<'_>, id: &str) -> Value {
    let found = ec2(caller, "DescribeCapacityReservations", json!({ "CapacityReservationIds": [id] }));
    found["capacityReservationSet"][0].clone()
}

fn left(caller: &Caller<'_>, id: &str) -> String {
    text(&told(caller, id)["availableInstanceCount"])
}

fn launching(more: Value) -> Value {
    with(
        json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
            "Placement": { "AvailabilityZone": "us-east-1a" } }),
        more,
    )
}

fn launch(caller: &Caller<'_>, more: Value) -> String {
    text(&ec2(caller, "RunInstances", launching(more))["instancesSet"][0]["instanceId"])
}

fn target(id: &str) -> Value {
    json!({ "CapacityReservationSpecification": { "CapacityReservationTarget": { "CapacityReservationId": id } } })
}

fn held(caller: &Caller<'_>, id: &str) -> Value {
    instance(caller, id)["capacityReservationId"].clone()
}

fn is(cloud: &Cloud, caller: &Caller<'_>, id: &str, state: &str) {
    until(cloud, || instance(caller, id)["instanceState"]["name"] == state);
}

#[test]
fn machines_that_fit_are_in_an_open_reservation_while_they_run() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    // One that runs already is in it from the beginning.
    let first = launch(&root, json!({}));
    let spare = launch(
        &root,
        json!({ "CapacityReservationSpecification": { "CapacityReservationPreference": "none" } }),
    );
    let id = reserve(&root, json!({}));
    assert!(id.starts_with("cr-"), "{id}");
    let seen = told(&root, &id);
    for (member, value) in [
        ("state", "active"),
        ("totalInstanceCount", "2"),
        ("availableInstanceCount", "1"),
        ("endDateType", "unlimited"),
        ("instanceMatchCriteria", "open"),
        ("availabilityZoneId", "use1-az1"),
        ("ownerId", ACCOUNT),
    ] {
        assert_eq!(seen[member], value, "{seen}");
    }
    assert_eq!((held(&root, &first), held(&root, &spare)), (json!(id), Value::Null));
    let second = launch(&root, json!({}));
    assert_eq!((held(&root, &second), left(&root, &id)), (json!(id), "0".into()));
    let shown = &instance(&root, &second)["capacityReservationSpecification"];
    assert_eq!(shown["capacityReservationPreference"], "open");
    // There is room elsewhere for those that only may be in it.
    let third = launch(&root, json!({}));
    assert!(held(&root, &third).is_null());
    launch(&root, json!({ "InstanceType": "t3.small" }));
    launch(&root, json!({ "Placement": { "AvailabilityZone": "us-east-1b" } }));
    // Who stops leaves; the oldest that waits comes in.
    is(&cloud, &root, &first, "running");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [first] }));
    is(&cloud, &root, &first, "stopped");
    until(&cloud, || held(&root, &third) == json!(id));
    assert!(held(&root, &first).is_null());
    ec2(&root, "StartInstances", json!({ "InstanceIds": [first] }));
    is(&cloud, &root, &first, "running");
    assert!(held(&root, &first).is_null());
    ec2(&root, "ModifyCapacityReservation", json!({ "CapacityReservationId": id, "InstanceCount": 3 }));
    assert_eq!((held(&root, &first), left(&root, &id)), (json!(id), "0".into()));
    // It is ended: they run on.
    ec2(&root, "CancelCapacityReservation", json!({ "CapacityReservationId": id }));
    assert_eq!((told(&root, &id)["state"].clone(), left(&root, &id)), (json!("cancelled"), "0".into()));
    assert!(held(&root, &first).is_null());
    assert_eq!(instance(&root, &first)["instanceState"]["name"], "running");
    let (code, _) =
        root.call("ec2", "CancelCapacityReservation", json!({ "CapacityReservationId": id })).error();
    assert_eq!(code, "InvalidCapacityReservationState");
}

#[test]
fn a_targeted_reservation_is_for_those_that_name_it() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = reserve(&root, json!({ "InstanceMatchCriteria": "targeted", "InstanceCount": 1 }));
    let other = launch(&root, json!({}));
    assert!(held(&root, &other).is_null());
    let named = launch(&root, target(&id));
    assert_eq!(held(&root, &named), json!(id));
    let shown = instance(&root, &named)["capacityReservationSpecification"].clone();
    assert_eq!(shown["capacityReservationTarget"]["capacityReservationId"], id.as_str());
    let (code, message) = root.call("ec2", "RunInstances", launching(target(&id))).error();
    assert!(
        code == "ReservationCapacityExceeded" && message.starts_with("The targeted Capacity Reservation"),
        "{message}"
    );
    is(&cloud, &root, &named, "running");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [named] }));
    is(&cloud, &root, &named, "stopped");
    let taker = launch(&root, target(&id));
    let (code, _) = root.call("ec2", "StartInstances", json!({ "InstanceIds": [named] })).error();
    assert_eq!(code, "ReservationCapacityExceeded");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [taker] }));
    is(&cloud, &root, &taker, "terminated");
    ec2(&root, "StartInstances", json!({ "InstanceIds": [named] }));
    assert_eq!(held(&root, &named), json!(id));
    // By a template as well.
    ec2(&root, "ModifyCapacityReservation", json!({ "CapacityReservationId": id, "InstanceCount": 2 }));
    let data = with(
        json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "Placement": { "AvailabilityZone": "us-east-1a" } }),
        target(&id),
    );
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data }));
    let by = json!({ "LaunchTemplate": { "LaunchTemplateName": "web" }, "MinCount": 1, "MaxCount": 1 });
    let made = ec2(&root, "RunInstances", by)["instancesSet"][0].clone();
    assert_eq!(made["capacityReservationId"], id.as_str());
    // What does not fit, or is not there.
    for (more, code) in [
        (with(target(&id), json!({ "InstanceType": "t3.small" })), "InvalidParameterValue"),
        (
            with(target(&id), json!({ "InstanceMarketOptions": { "MarketType": "spot" } })),
            "InvalidParameterValue",
        ),
        (target("cr-12345678"), "InvalidCapacityReservationId.NotFound"),
        (target("other"), "InvalidCapacityReservationId.Malformed"),
    ] {
        let (found, message) = root.call("ec2", "RunInstances", launching(more)).error();
        assert_eq!(found, code, "{message}");
    }
    // Who launches into it must be let.
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*" },
        { "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:capacity-reservation/*" }] });
    let user = cloud.user(&root, "user", &policy.to_string());
    let (code, _) = user.call("ec2", "RunInstances", launching(target(&id))).error();
    assert_eq!(code, "UnauthorizedOperation");
}

#[test]
fn a_reservation_ends_in_its_time_and_is_counted_while_it_is_not_used() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let end = cloud.cloud.clock().now().plus(HOUR * 4).iso8601();
    let id = reserve(
        &root,
        json!({ "InstanceCount": 3, "EndDate": end, "EndDateType": "limited",
        "TagSpecifications": [{ "ResourceType": "capacity-reservation", "Tags": [{ "Key": "team", "Value": "blue" }] }] }),
    );
    let seen = told(&root, &id);
    assert_eq!((&seen["endDateType"], &seen["tagSet"][0]["value"]), (&json!("limited"), &json!("blue")));
    let machine = launch(&root, json!({}));
    is(&cloud, &root, &machine, "running");
    cloud.advance(HOUR * 2);
    let now = cloud.cloud.clock().now();
    let query = Query { from: now.minus(HOUR * 24), to: now.plus(HOUR), account: None };
    let used = usage(&cloud.cloud, &query).unwrap();
    let of_reservation = used.iter().filter(|one| one.usage_type == "UnusedBox:t3.micro");
    let unused: u64 = of_reservation.map(|one| one.each * u64::from(one.hours)).sum();
    // Two of the three, for two hours.
    assert_eq!(unused, 2 * 2 * 3600, "{used:?}");
    cloud.advance(HOUR * 3);
    cloud.reconcile();
    assert_eq!(told(&root, &id)["state"], "expired");
    assert!(held(&root, &machine).is_null());
    let active = ec2(&root, "DescribeCapacityReservations", json!({ "Filters": filter("state", "active") }));
    assert!(items(&active["capacityReservationSet"]).is_empty());
    cloud.advance(HOUR * 2);
    cloud.reconcile();
    let (code, _) =
        root.call("ec2", "DescribeCapacityReservations", json!({ "CapacityReservationIds": [id] })).error();
    assert_eq!(code, "InvalidCapacityReservationId.NotFound");
}

#[test]
fn what_a_reservation_cannot_be_is_refused() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let past = "2020-01-01T00:00:00Z";
    let future = cloud.cloud.clock().now().plus(HOUR).iso8601();
    for (more, code) in [
        (json!({ "InstanceType": "x1.large" }), "InvalidParameterValue"),
        (json!({ "InstancePlatform": "Windows" }), "InvalidParameterValue"),
        (json!({ "InstanceCount": 0 }), "InvalidParameterValue"),
        (json!({ "InstanceCount": 1001 }), "InvalidParameterValue"),
        (json!({ "Tenancy": "dedicated" }), "InvalidParameterValue"),
        (json!({ "AvailabilityZone": "us-east-1x" }), "InvalidZone.NotFound"),
        (json!({ "EndDateType": "limited" }), "InvalidParameterCombination"),
        (json!({ "EndDateType": "unlimited", "EndDate": future }), "InvalidParameterCombination"),
        (json!({ "EndDate": future }), "InvalidParameterCombination"),
        (json!({ "EndDateType": "limited", "EndDate": past }), "InvalidParameterValue"),
    ] {
        let (found, message) = root.call("ec2", "CreateCapacityReservation", asked(more)).error();
        assert_eq!(found, code, "{message}");
    }
    set(&cloud, "us-east-1a", true);
    let (code, _) = root.call("ec2", "CreateCapacityReservation", asked(json!({}))).error();
    assert_eq!(code, "InsufficientInstanceCapacity");
    set(&cloud, "us-east-1a", false);
    let again = || asked(json!({ "ClientToken": "once" }));
    let one = ec2(&root, "CreateCapacityReservation", again());
    assert_eq!(
        ec2(&root, "CreateCapacityReservation", again())["capacityReservation"],
        one["capacityReservation"]
    );
    let id = text(&one["capacityReservation"]["capacityReservationId"]);
    launch(&root, json!({}));
    launch(&root, json!({}));
    let less = json!({ "CapacityReservationId": id, "InstanceCount": 1 });
    let (code, message) = root.call("ec2", "ModifyCapacityReservation", less).error();
    assert!(code == "InvalidParameterValue" && message.contains("2 instances run"), "{message}");
    let both = json!({ "CapacityReservationSpecification": { "CapacityReservationPreference": "open",
        "CapacityReservationTarget": { "CapacityReservationId": id } } });
    assert_eq!(root.call("ec2", "RunInstances", launching(both)).error().0, "InvalidParameterCombination");
    let only = json!({ "CapacityReservationSpecification": { "CapacityReservationPreference": "capacity-reservations-only" } });
    assert_eq!(root.call("ec2", "RunInstances", launching(only)).error().0, "InvalidParameterValue");
}
