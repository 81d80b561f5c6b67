//! What EC2 says of a group's instances and zones.

use crate::autoscaling::model::Group;
use crate::autoscaling::ops::{call, list, text, texts};
use crate::ec2::errors::is_of_launch;
use kernel::Cx;
use std::collections::{BTreeMap, BTreeSet};
use wire::{Fault, Value};

/// Instances asked about at once: what a filter may have as values.
const CHUNK: usize = 200;

pub(super) struct Seen {
    /// EC2's words for the states of those that it still knows.
    pub(super) states: BTreeMap<String, String>,
    /// Those whose launch was accepted and has failed, and why.
    pub(super) failed: BTreeMap<String, String>,
    /// Those whose status checks fail.
    pub(super) impaired: BTreeSet<String>,
    /// Spot instances that are told that they will be interrupted, where their group wants to know.
    pub(super) interrupted: BTreeSet<String>,
    /// The zones that are available.
    pub(super) available: BTreeSet<String>,
}

pub(super) fn look(cx: &mut Cx<'_>, group: &Group) -> Result<Seen, Fault> {
    let (mut states, mut failed) = (BTreeMap::new(), BTreeMap::new());
    let ids: Vec<String> =
        group.members.iter().chain(&group.warmed).map(|member| member.id.clone()).collect();
    for chunk in ids.chunks(CHUNK) {
        let filter = [("Name", Value::str("instance-id")), ("Values", texts(chunk))];
        let filters = Value::List(vec![Value::Struct(filter.into_iter().collect())]);
        let found = call(cx, "ec2", "DescribeInstances", [("Filters", filters)])?;
        for instance in list(&found, "Reservations").iter().flat_map(|shown| list(shown, "Instances")) {
            let state = instance.member("State").map(|state| text(state, "Name")).unwrap_or_default();
            if let Some(reason) = instance.member("StateReason")
                && is_of_launch(&text(reason, "Code"))
                && matches!(state.as_str(), "shutting-down" | "terminated")
            {
                failed.insert(text(instance, "InstanceId"), text(reason, "Message"));
            }
            states.insert(text(instance, "InstanceId"), state);
        }
    }
    let running: Vec<String> =
        states.iter().filter(|(_, state)| *state == "running").map(|(id, _)| id.clone()).collect();
    let mut impaired = BTreeSet::new();
    for chunk in running.chunks(CHUNK) {
        let found = call(cx, "ec2", "DescribeInstanceStatus", [("InstanceIds", texts(chunk))])?;
        for status in list(&found, "InstanceStatuses") {
            let fails =
                |check: &str| status.at(&[check, "Status"]).and_then(Value::as_str) == Some("impaired");
            if fails("SystemStatus") || fails("InstanceStatus") {
                impaired.insert(text(status, "InstanceId"));
            }
        }
    }
    let interrupted = if group.rebalances { interrupted(cx, &ids)? } else { BTreeSet::new() };
    let zones = call(cx, "ec2", "DescribeAvailabilityZones", [])?;
    let up = |zone: &&Value| text(zone, "State") == "available";
    let available =
        list(&zones, "AvailabilityZones").iter().filter(up).map(|zone| text(zone, "ZoneName")).collect();
    Ok(Seen { states, failed, impaired, interrupted, available })
}

/// A spot request that is no longer fulfilled though its instance is there says that this is about to end.
fn interrupted(cx: &mut Cx<'_>, ids: &[String]) -> Result<BTreeSet<String>, Fault> {
    let mut out = BTreeSet::new();
    for chunk in ids.chunks(CHUNK) {
        let filter = [("Name", Value::str("instance-id")), ("Values", texts(chunk))];
        let filters = Value::List(vec![Value::Struct(filter.into_iter().collect())]);
        let found = call(cx, "ec2", "DescribeSpotInstanceRequests", [("Filters", filters)])?;
        for request in list(&found, "SpotInstanceRequests") {
            let code = request.at(&["Status", "Code"]).and_then(Value::as_str).unwrap_or_default();
            if matches!(code, "marked-for-termination" | "instance-terminated-no-capacity") {
                out.insert(text(request, "InstanceId"));
            }
        }
    }
    Ok(out)
}
