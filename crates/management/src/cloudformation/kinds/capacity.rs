//! Room for machines, and machines in numbers: capacity reservations and EC2 fleets.

use super::on::{On, at, map, text_at};
use super::vpc::{EC2, TAGGER};
use super::{Attributes, BASE, Done, Kind, Refusal, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[RESERVATION, FLEET];

const RESERVATION: Kind = Kind {
    name: "AWS::EC2::CapacityReservation",
    changes: &["EndDate", "EndDateType", "InstanceCount", "InstanceMatchCriteria"],
    fixed: &[
        "AvailabilityZone",
        "AvailabilityZoneId",
        "InstancePlatform",
        "InstanceType",
        "TagSpecifications",
        "Tenancy",
    ],
    attributes: &[
        "AvailableInstanceCount",
        "CapacityReservationArn",
        "Id",
        "OwnerId",
        "StartDate",
        "State",
        "TotalInstanceCount",
    ],
    create: |on| {
        let answer = on.call(EC2, "CreateCapacityReservation", given(on, &RESERVATION))?;
        Ok(on.made(text_at(&answer, "CapacityReservation.CapacityReservationId"), Vec::new()))
    },
    update: |on| {
        if on.changed("InstanceMatchCriteria") {
            return Err(Refusal::of("The match criteria of a capacity reservation cannot be changed."));
        }
        let Value::Map(mut input) = said(on, &["EndDate", "EndDateType", "InstanceCount"]) else {
            return Ok(on.same());
        };
        input.push(("CapacityReservationId".to_owned(), on.physical()));
        on.call(EC2, "ModifyCapacityReservation", Value::Map(input))?;
        Ok(on.same())
    },
    delete: |on| on.end(EC2, "CancelCapacityReservation", map([("CapacityReservationId", on.physical())])),
    ready: |on| {
        let told = reservation(on)?;
        let attribute = |name: &'static str| (name, Value::Str(text_at(&told, name)));
        let mut attributes: Attributes = ["AvailableInstanceCount", "OwnerId", "StartDate", "State"]
            .into_iter()
            .chain(["CapacityReservationArn", "TotalInstanceCount"])
            .map(attribute)
            .collect();
        attributes.push(("Id", on.physical()));
        Ok(Some(attributes))
    },
    gone: |on| Ok(text_at(&reservation(on)?, "State") != "active"),
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::machine::RESERVATION),
    ..BASE
};

fn said(on: &On<'_, '_>, names: &[&str]) -> Value {
    let all = names.iter().map(|name| ((*name).to_owned(), on.prop(name)));
    Value::Map(all.filter(|(_, value)| !matches!(value, Value::Null)).collect())
}

/// All that the template says.
fn given(on: &On<'_, '_>, kind: &Kind) -> Value {
    said(on, &[kind.changes, kind.fixed].concat())
}

fn reservation(on: &mut On<'_, '_>) -> Done<Value> {
    let ids = Value::List(vec![on.physical()]);
    let told = on.call(EC2, "DescribeCapacityReservations", map([("CapacityReservationIds", ids)]))?;
    Ok(at(&told, "CapacityReservations.0").cloned().unwrap_or(Value::Null))
}

const FLEET: Kind = Kind {
    name: "AWS::EC2::EC2Fleet",
    changes: &["ExcessCapacityTerminationPolicy", "TargetCapacitySpecification"],
    fixed: &[
        "LaunchTemplateConfigs",
        "OnDemandOptions",
        "ReplaceUnhealthyInstances",
        "SpotOptions",
        "TagSpecifications",
        "TerminateInstancesWithExpiration",
        "Type",
        "ValidFrom",
        "ValidUntil",
    ],
    attributes: &["FleetId"],
    create: |on| {
        let id = text_at(&on.call(EC2, "CreateFleet", given(on, &FLEET))?, "FleetId");
        Ok(on.made(id.clone(), vec![("FleetId", Value::Str(id))]))
    },
    update: |on| {
        let input = map([
            ("FleetId", on.physical()),
            ("ExcessCapacityTerminationPolicy", on.prop("ExcessCapacityTerminationPolicy")),
            ("TargetCapacitySpecification", on.prop("TargetCapacitySpecification")),
        ]);
        on.call(EC2, "ModifyFleet", input)?;
        Ok(on.same())
    },
    delete: |on| {
        let ids = Value::List(vec![on.physical()]);
        on.end(EC2, "DeleteFleets", map([("FleetIds", ids), ("TerminateInstances", Value::Bool(true))]))
    },
    ready: |on| {
        let told = fleet(on)?;
        match text_at(&told, "FleetState").as_str() {
            "submitted" | "modifying" => Ok(None),
            "failed" => Err(Refusal::of(format!("The fleet {} has failed.", on.physical))),
            _ => Ok(Some(Vec::new())),
        }
    },
    gone: |on| Ok(!matches!(text_at(&fleet(on)?, "FleetState").as_str(), "active" | "deleted_terminating")),
    look: Some(&look::machine::FLEET),
    ..BASE
};

fn fleet(on: &mut On<'_, '_>) -> Done<Value> {
    let ids = Value::List(vec![on.physical()]);
    let told = on.call(EC2, "DescribeFleets", map([("FleetIds", ids)]))?;
    Ok(at(&told, "Fleets.0").cloned().unwrap_or(Value::Null))
}
