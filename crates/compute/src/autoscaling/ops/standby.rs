//! Instances on standby: of the group, but not counted, and nobody looks whether they are healthy.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html>

use super::activity::View;
use super::group::at;
use super::{find, keep};
use crate::autoscaling::access::group as named;
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::{Group, IN_SERVICE, Member, PENDING, STANDBY};
use crate::autoscaling::work::instance::activity;
use crate::autoscaling::work::tell;
use kernel::Cx;

kernel::ops! {
    /// Standby.
    pub static OPS:
        EnterStandby: enter, "autoscaling:EnterStandby", named;
        ExitStandby: exit, "autoscaling:ExitStandby", named;
}

/// AWS: of one call.
pub(super) const INSTANCES_MAX: usize = 20;

wire::shape! {
    #[derive(Debug)]
    struct Enter {
        ids: Vec<String> = "InstanceIds",
        name: String = "AutoScalingGroupName",
        shrink: bool = "ShouldDecrementDesiredCapacity",
    }

    #[derive(Debug)]
    struct Exit {
        ids: Vec<String> = "InstanceIds",
        name: String = "AutoScalingGroupName",
    }

    #[derive(Debug)]
    struct Moved { activities: Vec<View> = "Activities" }
}

/// The instances that a call names, which it must.
pub(super) fn check_ids(ids: &[String]) -> Result<i64, AutoScalingError> {
    if ids.is_empty() || ids.len() > INSTANCES_MAX {
        return Err(invalid(format!("Specify 1 to {INSTANCES_MAX} instances.")));
    }
    if ids.iter().enumerate().any(|(at, id)| ids[..at].contains(id)) {
        return Err(invalid("Each instance may be named once."));
    }
    Ok(i64::try_from(ids.len()).unwrap_or_default())
}

/// The member with an id, in one of some states.
pub(super) fn member<'g>(
    group: &'g mut Group,
    id: &str,
    states: &[&str],
) -> Result<&'g mut Member, AutoScalingError> {
    let name = group.name.clone();
    let found = group.members.iter_mut().find(|member| member.id == id);
    let found = found
        .ok_or_else(|| invalid(format!("The instance {id} is not part of Auto Scaling group {name}.")))?;
    if states.contains(&found.state.as_str()) {
        return Ok(found);
    }
    let (state, states) = (&found.state, states.join(" or "));
    Err(invalid(format!("The instance {id} is in the state {state} and not {states}.")))
}

/// Takes so many from the wanted size, or refuses it.
pub(super) fn shrink(group: &mut Group, by: i64, doing: &str) -> Result<(), AutoScalingError> {
    let Group { min, max, desired, .. } = *group;
    if desired - by < min {
        let (name, s) = (&group.name, if by == 1 { "" } else { "s" });
        return Err(invalid(format!(
            "AutoScalingGroup {name} has min-size={min}, max-size={max}, and desired-size={desired}. To {doing} {by} instance{s}, please update the AutoScalingGroup sizes appropriately."
        )));
    }
    group.desired -= by;
    Ok(())
}

fn enter(cx: &mut Cx<'_>, req: Enter) -> Result<Moved, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    check_ids(&req.ids)?;
    let mut size = group.desired;
    if req.shrink {
        let by = group.units_of(&req.ids);
        shrink(&mut group, by, "place into standby")?;
    }
    let mut activities = Vec::new();
    for id in &req.ids {
        let now = cx.now;
        let units = group.units_of(std::slice::from_ref(id));
        let found = member(&mut group, id, &[IN_SERVICE])?;
        (found.state, found.since) = (STANDBY.into(), now);
        let found = found.clone();
        let mut words = format!("instance {id} was moved to standby in response to a user request");
        if req.shrink {
            words.push_str(&format!(", shrinking the capacity from {size} to {}", size - units));
            size -= units;
        }
        let description = format!("Moving EC2 instance to Standby: {id}");
        let cause = at(now, &format!("{words}."));
        let mut told = activity(cx, &group, description, cause, found.place());
        (told.end, told.status) = (Some(now), "Successful".into());
        tell(cx, &told).map_err(|fault| AutoScalingError::Validation(fault.message))?;
        activities.push(View::of(told));
    }
    group.scaled = cx.now;
    keep(cx, &group);
    Ok(Moved { activities })
}

/// AWS: they come into service as new ones do, and the wanted size grows by them.
fn exit(cx: &mut Cx<'_>, req: Exit) -> Result<Moved, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    check_ids(&req.ids)?;
    let mut size = group.desired;
    let by = group.units_of(&req.ids);
    super::attachment::grow(&mut group, by)?;
    let mut activities = Vec::new();
    for id in &req.ids {
        let now = cx.now;
        let units = group.units_of(std::slice::from_ref(id));
        let found = member(&mut group, id, &[STANDBY])?.clone();
        let words = format!(
            "instance {id} was moved out of standby in response to a user request, increasing the capacity from {size} to {}.",
            size + units
        );
        size += units;
        let description = format!("Moving EC2 instance out of Standby: {id}");
        let mut told = activity(cx, &group, description, at(now, &words), found.place());
        told.status = "PreInService".into();
        tell(cx, &told).map_err(|fault| AutoScalingError::Validation(fault.message))?;
        let found = member(&mut group, id, &[STANDBY])?;
        (found.state, found.since, found.acted) = (PENDING.into(), now, Some(now));
        found.activity.clone_from(&told.id);
        activities.push(View::of(told));
    }
    group.scaled = cx.now;
    keep(cx, &group);
    Ok(Moved { activities })
}
