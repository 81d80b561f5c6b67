//! A group's instances: told, ended, protected, and called unhealthy.

use super::activity;
use super::group::{TemplateSpecification, at, health, weight};
use super::{all, find, keep, page, size};
use crate::autoscaling::access::{self, any, group as named, holder};
use crate::autoscaling::errors::AutoScalingError;
use crate::autoscaling::model::{Group, IN_SERVICE, Member};
use crate::autoscaling::work::instance::end;
use kernel::{Cx, Empty};

kernel::ops! {
    /// Instances.
    pub static OPS:
        DescribeAutoScalingInstances: describe, "autoscaling:DescribeAutoScalingInstances", any;
        TerminateInstanceInAutoScalingGroup: terminate, "autoscaling:TerminateInstanceInAutoScalingGroup", access::instance;
        SetInstanceHealth: set_health, "autoscaling:SetInstanceHealth", access::instance;
        SetInstanceProtection: protect, "autoscaling:SetInstanceProtection", named;
}

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "InstanceIds",
        max: Option<i64> = "MaxRecords",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        instances: Vec<View> = "AutoScalingInstances",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        id: String = "InstanceId",
        kind: String = "InstanceType",
        group: String = "AutoScalingGroupName",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        state: String = "LifecycleState",
        health: String = "HealthStatus",
        template: Option<TemplateSpecification> = "LaunchTemplate",
        protected: bool = "ProtectedFromScaleIn",
        weight: Option<String> = "WeightedCapacity",
    }

    #[derive(Debug)]
    struct Terminate {
        id: Option<String> = "InstanceId",
        shrink: bool = "ShouldDecrementDesiredCapacity",
    }

    #[derive(Debug)]
    struct Terminated { activity: activity::View = "Activity" }

    #[derive(Debug)]
    struct SetHealth {
        id: String = "InstanceId",
        status: String = "HealthStatus",
        grace: Option<bool> = "ShouldRespectGracePeriod",
    }

    #[derive(Debug)]
    struct Protect {
        ids: Vec<String> = "InstanceIds",
        name: String = "AutoScalingGroupName",
        protected: bool = "ProtectedFromScaleIn",
    }
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut views = Vec::new();
    for group in all(cx)? {
        for member in group
            .members
            .iter()
            .chain(&group.warmed)
            .filter(|member| req.ids.is_empty() || req.ids.contains(&member.id))
        {
            views.push(View {
                id: member.id.clone(),
                kind: member.kind.clone(),
                group: group.name.clone(),
                zone: member.zone.clone(),
                zone_id: cx.region.zone_id(&member.zone),
                state: member.state.clone(),
                health: health(member).to_uppercase(),
                template: TemplateSpecification::of_member(&group, member),
                protected: member.protected,
                weight: weight(member),
            });
        }
    }
    let (instances, next) = page(cx, views, size(req.max, 50, 50)?, req.next.as_ref())?;
    Ok(Described { instances, next })
}

/// The group of an instance that is not on its way out.
fn of(cx: &Cx<'_>, id: &str) -> Result<Group, AutoScalingError> {
    let group = holder(cx, id)?
        .filter(|group| group.members.iter().any(|member| member.id == id && !member.is_going()));
    group.ok_or_else(|| AutoScalingError::NoInstance(id.to_owned()))
}

fn member<'g>(group: &'g mut Group, id: &str) -> Result<&'g mut Member, AutoScalingError> {
    let found = group.members.iter_mut().find(|member| member.id == id && !member.is_going());
    found.ok_or_else(|| AutoScalingError::NoInstance(id.to_owned()))
}

fn terminate(cx: &mut Cx<'_>, req: Terminate) -> Result<Terminated, AutoScalingError> {
    let id = req.id.ok_or_else(|| AutoScalingError::Validation("InstanceId is missing.".into()))?;
    let mut group = of(cx, &id)?;
    let mut words = format!("instance {id} was taken out of service in response to a user request");
    if req.shrink {
        let by = group.units_of(std::slice::from_ref(&id));
        if group.desired - by < group.min {
            let what = format!(
                "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
                group.min
            );
            return Err(AutoScalingError::Validation(what));
        }
        let before = group.desired;
        group.desired -= by;
        words.push_str(&format!(", shrinking the capacity from {before} to {}", group.desired));
    }
    let cause = at(cx.now, &format!("{words}."));
    let activity =
        end(cx, &mut group, &id, cause).map_err(|fault| AutoScalingError::Validation(fault.message))?;
    keep(cx, &group);
    Ok(Terminated { activity: activity::View::of(activity) })
}

fn set_health(cx: &mut Cx<'_>, req: SetHealth) -> Result<Empty, AutoScalingError> {
    let mut group = of(cx, &req.id)?;
    let grace = std::time::Duration::from_secs(u64::try_from(group.grace).unwrap_or_default());
    let now = cx.now;
    let found = member(&mut group, &req.id)?;
    match req.status.as_str() {
        "Healthy" => found.flaw = None,
        "Unhealthy" => {
            // AWS: the grace period counts unless the caller says otherwise.
            let spared = req.grace != Some(false) && found.since.plus(grace) > now;
            if !spared || found.state != IN_SERVICE {
                found.flaw = Some("a user health-check.".into());
            }
        }
        other => {
            let what = format!("HealthStatus must be Healthy or Unhealthy, not {other}.");
            return Err(AutoScalingError::Validation(what));
        }
    }
    keep(cx, &group);
    Ok(Empty)
}

fn protect(cx: &mut Cx<'_>, req: Protect) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    for id in &req.ids {
        member(&mut group, id)?.protected = req.protected;
    }
    keep(cx, &group);
    Ok(Empty)
}
