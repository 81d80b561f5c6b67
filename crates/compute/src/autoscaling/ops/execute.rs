//! A policy is carried out: for its user, or for an alarm.

use super::group::at;
use super::policy::{find_policy, is_low};
use super::{find, keep, of_group};
use crate::autoscaling::access::policy as of_policy;
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::policy::{POLICIES, Policy, SIMPLE, TRACKING, Tracking};
use crate::autoscaling::model::{Group, IN_SERVICE};
use auth::policy::Principal;
use kernel::{Cx, Empty};

kernel::ops! {
    /// Policies at work.
    pub static OPS:
        ExecutePolicy: execute, "autoscaling:ExecutePolicy", of_policy;
}

wire::shape! {
    #[derive(Debug)]
    struct Execute {
        group: Option<String> = "AutoScalingGroupName",
        policy: String = "PolicyName",
        honour: Option<bool> = "HonorCooldown",
        value: Option<f64> = "MetricValue",
        threshold: Option<f64> = "BreachThreshold",
    }
}

/// The alarm for whose sake CloudWatch calls.
fn alarm(cx: &Cx<'_>) -> Option<String> {
    let is_watch =
        matches!(&cx.caller.principal, Principal::Service { name } if name == "cloudwatch.amazonaws.com");
    let (arn, _) = cx.request.source.as_ref().filter(|_| is_watch)?;
    arn.split_once(":alarm:").map(|(_, name)| name.to_owned())
}

fn execute(cx: &mut Cx<'_>, req: Execute) -> Result<Empty, AutoScalingError> {
    let policy = find_policy(cx, req.group.as_ref(), &req.policy)?;
    let mut group = find(cx, &policy.group)?;
    let alarm = alarm(cx);
    if policy.disabled {
        return Err(invalid(format!("The policy {} is disabled.", policy.name)));
    }
    if alarm.is_some() && group.is_suspended("AlarmNotification") {
        return Err(invalid("The process AlarmNotification of the group is suspended."));
    }
    let wanted = match (policy.kind.as_str(), &policy.tracks) {
        (SIMPLE, _) => simple(cx, &group, &policy, alarm.is_some() || req.honour == Some(true))?,
        (TRACKING, _) if alarm.is_none() => {
            return Err(invalid(
                "Policies of the type TargetTrackingScaling are carried out by their alarms alone.",
            ));
        }
        (_, Some(tracks)) => match req.value {
            Some(value) => follow(cx, &group, &policy, tracks, value)?,
            // The alarm stands as it does for want of data.
            None => group.desired,
        },
        _ => step(cx, &group, &policy, req.value, req.threshold)?,
    };
    let before = group.desired;
    if group.resize(wanted, policy.cooldown, cx.now) {
        let why = match alarm {
            Some(alarm) => format!("a monitor alarm {alarm} in state ALARM triggered policy {}", policy.name),
            None => format!("a user request executed policy {}", policy.name),
        };
        group.cause =
            at(cx.now, &format!("{why} changing the desired capacity from {before} to {}.", group.desired));
        keep(cx, &group);
    }
    Ok(Empty)
}

fn simple(cx: &Cx<'_>, group: &Group, policy: &Policy, honour: bool) -> Result<i64, AutoScalingError> {
    if honour && group.rests_until().is_none_or(|until| until > cx.now) {
        return Err(AutoScalingError::InProgress(group.name.clone()));
    }
    Ok(policy.changed(group.desired, policy.by.unwrap_or_default()))
}

/// Seconds until a new instance counts.
fn warmup(group: &Group, policy: &Policy) -> i64 {
    policy.warmup.or(group.warmup).unwrap_or(group.cooldown)
}

/// AWS: new instances do not count for more of them until they are warm, and while there are such nothing is taken away;
/// those that are ending still count then.
fn step(
    cx: &Cx<'_>,
    group: &Group,
    policy: &Policy,
    value: Option<f64>,
    threshold: Option<f64>,
) -> Result<i64, AutoScalingError> {
    let Some(threshold) = threshold else {
        return Err(invalid("BreachThreshold and MetricValue must be specified for policy type StepScaling"));
    };
    let value = value.unwrap_or(threshold);
    let Some(step) = policy.step(value, threshold) else {
        let what = format!(
            "No step adjustment found for metric value [{value:?}] and breach threshold {threshold:?}"
        );
        return Err(invalid(what));
    };
    let warm = group.warm(warmup(group, policy), cx.now);
    let out = policy.changed(warm, step.by);
    if out > warm {
        // What is being added already may be enough.
        return Ok(out.max(group.desired));
    }
    let there = i64::try_from(group.members.len()).unwrap_or(i64::MAX);
    let smaller = policy.changed(there, step.by);
    shrink(cx, group, policy, smaller)
}

fn shrink(cx: &Cx<'_>, group: &Group, policy: &Policy, smaller: i64) -> Result<i64, AutoScalingError> {
    let grows = group.size() < group.desired
        || group.live().any(|member| member.state != IN_SERVICE)
        || group.warm(warmup(group, policy), cx.now) < group.size();
    if smaller < group.desired && grows {
        return Err(AutoScalingError::Overridden);
    }
    Ok(smaller.min(group.desired))
}

/// AWS: as many more as it takes, at once; fewer one after the other, and only once all policies that track agree.
fn follow(
    cx: &mut Cx<'_>,
    group: &Group,
    policy: &Policy,
    tracks: &Tracking,
    value: f64,
) -> Result<i64, AutoScalingError> {
    if value > tracks.target {
        let warm = group.warm(warmup(group, policy), cx.now);
        return Ok(tracks.wanted(warm, value).max(group.desired));
    }
    let there = i64::try_from(group.members.len()).unwrap_or(i64::MAX);
    let smaller = tracks.wanted(there, value).max(group.desired - 1);
    let others = of_group(cx, &POLICIES, Some(&group.name))?;
    for other in others.iter().filter(|other| other.name != policy.name && !other.disabled) {
        let may_shrink = other.tracks.as_ref().is_some_and(|tracks| !tracks.only_out);
        if may_shrink && !is_low(cx, other)? {
            return Ok(group.desired);
        }
    }
    shrink(cx, group, policy, smaller)
}
