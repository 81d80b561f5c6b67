//! Spot Fleets. How much they are to hold changes in place; AWS replaces them for the rest, which is refused here.

use super::on::{On, at, map, text_at};
use super::vpc::EC2;
use super::{BASE, Done, Kind, Refusal, look};
use crate::cloudformation::template::alike;
use wire::Value;

pub(super) const DATA: &str = "SpotFleetRequestConfigData";
/// What [`ModifySpotFleetRequest`] takes.
///
/// [`ModifySpotFleetRequest`]: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySpotFleetRequest.html
const SIZES: [&str; 3] = ["ExcessCapacityTerminationPolicy", "OnDemandTargetCapacity", "TargetCapacity"];

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::EC2::SpotFleet",
    changes: &[DATA],
    attributes: &["Id"],
    create: |on| {
        let answer = on.call(EC2, "RequestSpotFleet", map([("SpotFleetRequestConfig", on.prop(DATA))]))?;
        let id = text_at(&answer, "SpotFleetRequestId");
        Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
    },
    update: |on| {
        let (wanted, was) = (on.prop(DATA), on.was(DATA));
        let rest = |data: &Value| match data {
            Value::Map(entries) => {
                let rest = entries.iter().filter(|(name, _)| !SIZES.contains(&name.as_str()));
                Value::Map(rest.cloned().collect())
            }
            other => other.clone(),
        };
        if !alike(Some(&rest(&wanted)), Some(&rest(&was))) {
            return Err(Refusal::of(
                "Updates of a Spot Fleet beyond its capacity, for which AWS replaces it, are not built.",
            ));
        }
        let own = SIZES.map(|name| (name, at(&wanted, name).cloned().unwrap_or(Value::Null)));
        let Value::Map(mut input) = map(own) else { return Ok(on.same()) };
        input.push(("SpotFleetRequestId".to_owned(), on.physical()));
        on.call(EC2, "ModifySpotFleetRequest", Value::Map(input))?;
        Ok(on.same())
    },
    delete: |on| {
        let ids = Value::List(vec![on.physical()]);
        let input = map([("SpotFleetRequestIds", ids), ("TerminateInstances", Value::Bool(true))]);
        on.end(EC2, "CancelSpotFleetRequests", input)
    },
    ready: |on| match state(on)?.as_str() {
        "submitted" | "modifying" => Ok(None),
        "failed" => Err(Refusal::of(format!("The Spot Fleet {} has failed.", on.physical))),
        _ => Ok(Some(Vec::new())),
    },
    gone: |on| Ok(!matches!(state(on)?.as_str(), "active" | "modifying" | "cancelled_terminating")),
    look: Some(&look::machine::SPOT_FLEET),
    ..BASE
}];

fn state(on: &mut On<'_, '_>) -> Done<String> {
    let ids = Value::List(vec![on.physical()]);
    let told = on.call(EC2, "DescribeSpotFleetRequests", map([("SpotFleetRequestIds", ids)]))?;
    Ok(text_at(&told, "SpotFleetRequestConfigs.0.SpotFleetRequestState"))
}
