//! Instances that come into a group and leave it as they are.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-detach-attach-instances.html>

use super::activity::View;
use super::group::at;
use super::standby::{check_ids, member, shrink};
use super::{call, find, keep, list, text, texts};
use crate::autoscaling::access::{group as named, holder};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::{Group, IN_SERVICE, Member, PENDING, STANDBY};
use crate::autoscaling::work::instance::{activity, mark, unmark};
use crate::autoscaling::work::tell;
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! {
    /// Coming and leaving.
    pub static OPS:
        AttachInstances: attach, "autoscaling:AttachInstances", named;
        DetachInstances: detach, "autoscaling:DetachInstances", named;
}

wire::shape! {
    #[derive(Debug)]
    struct Attach {
        ids: Vec<String> = "InstanceIds",
        name: String = "AutoScalingGroupName",
    }

    #[derive(Debug)]
    struct Detach {
        ids: Vec<String> = "InstanceIds",
        name: String = "AutoScalingGroupName",
        shrink: bool = "ShouldDecrementDesiredCapacity",
    }

    #[derive(Debug)]
    struct Detached { activities: Vec<View> = "Activities" }
}

/// Adds so many to the wanted size, or refuses it.
pub(super) fn grow(group: &mut Group, by: i64) -> Result<(), AutoScalingError> {
    let (desired, max) = (group.desired + by, group.max);
    if desired > max {
        let name = &group.name;
        return Err(invalid(format!(
            "New SetDesiredCapacity value {desired} is above max value {max} for the AutoScalingGroup {name}."
        )));
    }
    group.desired = desired;
    Ok(())
}

/// What EC2 says of an instance that may come into a group.
fn candidates(cx: &mut Cx<'_>, group: &Group, ids: &[String]) -> Result<Vec<Value>, AutoScalingError> {
    let found = call(cx, "ec2", "DescribeInstances", [("InstanceIds", texts(ids))]);
    let found = found.map_err(|fault| invalid(format!("Invalid Instance ID(s). {}", fault.message)))?;
    let found = list(&found, "Reservations").iter().flat_map(|shown| list(shown, "Instances"));
    let found: Vec<Value> = found.cloned().collect();
    for instance in &found {
        let (id, zone) = (text(instance, "InstanceId"), instance.at(&["Placement", "AvailabilityZone"]));
        let zone = zone.and_then(Value::as_str).unwrap_or_default();
        let state = instance.member("State").map(|state| text(state, "Name")).unwrap_or_default();
        if state != "running" {
            return Err(invalid(format!(
                "Instance {id} is not in correct state. Instance(s) must be in 'running' state."
            )));
        }
        if let Some(other) = holder(cx, &id)? {
            let name = other.name;
            return Err(invalid(format!("Instance {id} is already part of AutoScalingGroup:{name}")));
        }
        if !group.zones().into_iter().any(|of| of == zone) {
            let name = &group.name;
            return Err(invalid(format!(
                "The availability zone {zone} of instance {id} is not part of Auto Scaling group: {name}"
            )));
        }
    }
    Ok(found)
}

fn attach(cx: &mut Cx<'_>, req: Attach) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    let count = check_ids(&req.ids)?;
    let found = candidates(cx, &group, &req.ids)?;
    let before = group.desired;
    grow(&mut group, count)?;
    for (nth, instance) in (1..).zip(&found) {
        let id = text(instance, "InstanceId");
        let zone =
            instance.at(&["Placement", "AvailabilityZone"]).and_then(Value::as_str).unwrap_or_default();
        let words = format!(
            "an instance was attached in response to a user request, increasing the capacity from {} to {}.",
            before + nth - 1,
            before + nth
        );
        let description = format!("Attaching an existing EC2 instance: {id}");
        let subnet = text(instance, "SubnetId");
        let told = activity(cx, &group, description, at(cx.now, &words), (zone, &subnet));
        let refused = |fault: wire::Fault| AutoScalingError::Validation(fault.message);
        tell(cx, &told).map_err(refused)?;
        let id = mark(cx, &group, id).map_err(refused)?;
        group.members.push(Member {
            kind: text(instance, "InstanceType"),
            zone: zone.to_owned(),
            subnet,
            state: PENDING.into(),
            since: cx.now,
            protected: group.protects_new,
            activity: told.id,
            launched: cx.now,
            acted: Some(cx.now),
            id,
            ..Member::default()
        });
    }
    group.scaled = cx.now;
    keep(cx, &group);
    Ok(Empty)
}

/// They go on running, and are nobody's.
fn detach(cx: &mut Cx<'_>, req: Detach) -> Result<Detached, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    check_ids(&req.ids)?;
    let before = group.desired;
    if req.shrink {
        // Whoever is on standby is not counted.
        let counted = group.present().filter(|member| req.ids.contains(&member.id)).map(Member::units).sum();
        shrink(&mut group, counted, "detach")?;
    }
    let mut activities = Vec::new();
    let mut size = before;
    for id in &req.ids {
        let units = group.units_of(std::slice::from_ref(id));
        let found = member(&mut group, id, &[IN_SERVICE, STANDBY])?;
        let (found, counts) = (found.clone(), found.state != STANDBY);
        let mut words = format!("instance {id} was detached in response to a user request");
        if req.shrink && counts {
            words.push_str(&format!(", shrinking the capacity from {size} to {}", size - units));
            size -= units;
        }
        let description = format!("Detaching EC2 instance: {id}");
        let mut told = activity(cx, &group, description, at(cx.now, &format!("{words}.")), found.place());
        (told.end, told.status) = (Some(cx.now), "Successful".into());
        let refused = |fault: wire::Fault| AutoScalingError::Validation(fault.message);
        tell(cx, &told).map_err(refused)?;
        unmark(cx, id).map_err(refused)?;
        group.members.retain(|member| member.id != *id);
        activities.push(View::of(told));
    }
    group.scaled = cx.now;
    keep(cx, &group);
    Ok(Detached { activities })
}
