//! Lifecycle hooks, and what those say for whom instances wait.

use super::{find, keep};
use crate::autoscaling::access::{any, group as named, hook as passing};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::{Group, HOOKS_MAX, Hook, LAUNCHING, TERMINATING_HOOK, Wait, after};
use crate::autoscaling::work::target;
use kernel::{Cx, Empty, Nothing};

kernel::ops! {
    /// Lifecycle hooks.
    pub static OPS:
        PutLifecycleHook: put, "autoscaling:PutLifecycleHook", passing;
        DescribeLifecycleHooks: describe, "autoscaling:DescribeLifecycleHooks", any;
        DescribeLifecycleHookTypes: types, "autoscaling:DescribeLifecycleHookTypes", any;
        DeleteLifecycleHook: delete, "autoscaling:DeleteLifecycleHook", named;
        CompleteLifecycleAction: complete, "autoscaling:CompleteLifecycleAction", named;
        RecordLifecycleActionHeartbeat: heartbeat, "autoscaling:RecordLifecycleActionHeartbeat", named;
}

/// AWS: seconds of a heartbeat, by default and at least and at most.
const TIMEOUT: i64 = 3_600;
const TIMEOUTS: std::ops::RangeInclusive<i64> = 30..=7_200;

wire::shape! {
    #[derive(Debug)]
    struct Put {
        group: String = "AutoScalingGroupName",
        name: String = "LifecycleHookName",
        transition: Option<String> = "LifecycleTransition",
        target: Option<String> = "NotificationTargetARN",
        role: Option<String> = "RoleARN",
        metadata: Option<String> = "NotificationMetadata",
        timeout: Option<i64> = "HeartbeatTimeout",
        result: Option<String> = "DefaultResult",
    }

    /// A hook of a group that is made.
    #[derive(Debug)]
    pub(super) struct Specification {
        name: String = "LifecycleHookName",
        transition: String = "LifecycleTransition",
        target: Option<String> = "NotificationTargetARN",
        role: Option<String> = "RoleARN",
        metadata: Option<String> = "NotificationMetadata",
        timeout: Option<i64> = "HeartbeatTimeout",
        result: Option<String> = "DefaultResult",
    }

    #[derive(Debug)]
    struct Describe {
        group: String = "AutoScalingGroupName",
        names: Vec<String> = "LifecycleHookNames",
    }

    #[derive(Debug)]
    struct View {
        name: String = "LifecycleHookName",
        group: String = "AutoScalingGroupName",
        transition: String = "LifecycleTransition",
        target: Option<String> = "NotificationTargetARN",
        role: Option<String> = "RoleARN",
        metadata: Option<String> = "NotificationMetadata",
        timeout: i64 = "HeartbeatTimeout",
        most: i64 = "GlobalTimeout",
        result: String = "DefaultResult",
    }

    #[derive(Debug)]
    struct Described { hooks: Vec<View> = "LifecycleHooks" }

    #[derive(Debug)]
    struct Types { all: Vec<String> = "LifecycleHookTypes" }

    #[derive(Debug)]
    struct Delete {
        group: String = "AutoScalingGroupName",
        name: String = "LifecycleHookName",
    }

    #[derive(Debug)]
    struct Complete {
        group: String = "AutoScalingGroupName",
        hook: String = "LifecycleHookName",
        token: Option<String> = "LifecycleActionToken",
        result: String = "LifecycleActionResult",
        instance: Option<String> = "InstanceId",
    }

    #[derive(Debug)]
    struct Heartbeat {
        group: String = "AutoScalingGroupName",
        hook: String = "LifecycleHookName",
        token: Option<String> = "LifecycleActionToken",
        instance: Option<String> = "InstanceId",
    }
}

fn is_result(result: &str) -> Result<(), AutoScalingError> {
    match result {
        "CONTINUE" | "ABANDON" => Ok(()),
        other => Err(invalid(format!("The result must be CONTINUE or ABANDON, not {other}."))),
    }
}

fn put(cx: &mut Cx<'_>, req: Put) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.group)?;
    add(cx, &mut group, req)?;
    keep(cx, &group);
    Ok(Empty)
}

/// Gives a group that is being made the hooks that it begins with.
///
/// # Errors
/// Those of `PutLifecycleHook`.
pub(super) fn begin(
    cx: &mut Cx<'_>,
    group: &mut Group,
    asked: Vec<Specification>,
) -> Result<(), AutoScalingError> {
    for Specification { name, transition, target, role, metadata, timeout, result } in asked {
        let (of, transition) = (group.name.clone(), Some(transition));
        add(cx, group, Put { group: of, name, transition, target, role, metadata, timeout, result })?;
    }
    Ok(())
}

fn add(cx: &mut Cx<'_>, group: &mut Group, req: Put) -> Result<(), AutoScalingError> {
    let old = group.hooks.iter().find(|hook| hook.name == req.name);
    if old.is_none() && group.hooks.len() >= HOOKS_MAX {
        return Err(AutoScalingError::Limit(
            "The maximum number of lifecycle hooks has been reached.".into(),
        ));
    }
    // AWS: what is not said of a hook that is there stays.
    let mut hook =
        old.cloned().unwrap_or_else(|| Hook { name: req.name, timeout: TIMEOUT, ..Hook::default() });
    match req.transition.as_deref() {
        Some(LAUNCHING) => hook.launches = true,
        Some(TERMINATING_HOOK) => hook.launches = false,
        Some(other) => return Err(invalid(format!("Invalid lifecycle transition: {other}"))),
        None if old.is_none() => {
            return Err(invalid("LifecycleTransition is required for new lifecycle hooks."));
        }
        None => {}
    }
    if let Some(timeout) = req.timeout {
        if !TIMEOUTS.contains(&timeout) {
            return Err(invalid("HeartbeatTimeout must be from 30 to 7200 seconds."));
        }
        hook.timeout = timeout;
    }
    if let Some(result) = req.result {
        is_result(&result)?;
        hook.goes_on = result == "CONTINUE";
    }
    hook.metadata = req.metadata.or(hook.metadata);
    let is_other = req.target.is_some() || req.role.is_some();
    // AWS: an empty one takes away what there was.
    hook.target = req.target.or(hook.target).filter(|target| !target.is_empty());
    hook.role = req.role.or(hook.role);
    if is_other {
        try_target(cx, group, &hook)?;
    }
    group.hooks.retain(|other| other.name != hook.name);
    group.hooks.push(hook);
    Ok(())
}

/// Whether a hook's target can be told, which it is that it will be.
fn try_target(cx: &mut Cx<'_>, group: &Group, hook: &Hook) -> Result<(), AutoScalingError> {
    let Some(target) = &hook.target else { return Ok(()) };
    if base::Arn::parse(target).is_some_and(|arn| arn.service == "lambda") {
        return Err(invalid(
            "Functions as targets of lifecycle hooks are not built in this version of Virga; use a rule of EventBridge.",
        ));
    }
    let Some(role) = &hook.role else {
        return Err(invalid("A NotificationTargetARN requires a RoleARN, by which the target is told."));
    };
    match target::test(cx, group, hook) {
        Err(fault) if fault.status >= 500 => Err(AutoScalingError::Internal),
        Err(_) => Err(invalid(format!(
            "Unable to publish test message to notification target {target} using IAM role {role}. Please check your target and role configuration and try to put lifecycle hook again."
        ))),
        Ok(()) => Ok(()),
    }
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let group = find(cx, &req.group)?;
    let wanted = |hook: &&Hook| req.names.is_empty() || req.names.contains(&hook.name);
    let view = |hook: &Hook| View {
        name: hook.name.clone(),
        group: group.name.clone(),
        transition: hook.transition().to_owned(),
        target: hook.target.clone(),
        role: hook.role.clone(),
        metadata: hook.metadata.clone(),
        timeout: hook.timeout,
        most: hook.most(),
        result: if hook.goes_on { "CONTINUE" } else { "ABANDON" }.to_owned(),
    };
    Ok(Described { hooks: group.hooks.iter().filter(wanted).map(view).collect() })
}

fn types(_: &mut Cx<'_>, _: Nothing) -> Result<Types, AutoScalingError> {
    Ok(Types { all: [LAUNCHING, TERMINATING_HOOK].map(str::to_owned).to_vec() })
}

/// AWS: who waits for it is abandoned on its way in, and goes on on its way out.
fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.group)?;
    let Some(at) = group.hooks.iter().position(|hook| hook.name == req.name) else {
        let what = format!("No Lifecycle Hook found with name: {}", req.name);
        return Err(invalid(what));
    };
    let hook = group.hooks.remove(at);
    let result = if hook.launches { "ABANDON" } else { "CONTINUE" };
    let all = group.members.iter_mut().chain(&mut group.warmed);
    let waits = all.flat_map(|member| &mut member.waits);
    waits.filter(|wait| wait.hook == hook.name).for_each(|wait| wait.result = Some(result.to_owned()));
    keep(cx, &group);
    Ok(Empty)
}

/// What an instance waits for, by the instance or the token.
fn wait<'g>(
    group: &'g mut Group,
    hook: &str,
    instance: Option<&String>,
    token: Option<&String>,
) -> Result<&'g mut Wait, AutoScalingError> {
    let Some(named) = instance.or(token) else {
        return Err(invalid("Either LifecycleActionToken or InstanceId must be specified."));
    };
    let what = if instance.is_some() { "instance ID" } else { "token" };
    let none = || invalid(format!("No active Lifecycle Action found with {what} {named}"));
    let all = group.members.iter_mut().chain(&mut group.warmed);
    let members = all.filter(|member| instance.is_none_or(|id| *id == member.id));
    let mut waits = members.flat_map(|member| &mut member.waits);
    let is_meant = |wait: &&mut Wait| {
        wait.hook == hook && wait.result.is_none() && token.is_none_or(|token| *token == wait.token)
    };
    waits.find(is_meant).ok_or_else(none)
}

fn complete(cx: &mut Cx<'_>, req: Complete) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.group)?;
    is_result(&req.result)?;
    wait(&mut group, &req.hook, req.instance.as_ref(), req.token.as_ref())?.result = Some(req.result);
    keep(cx, &group);
    Ok(Empty)
}

fn heartbeat(cx: &mut Cx<'_>, req: Heartbeat) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.group)?;
    let now = cx.now;
    let wait = wait(&mut group, &req.hook, req.instance.as_ref(), req.token.as_ref())?;
    wait.until = after(now, wait.timeout).min(wait.most);
    keep(cx, &group);
    Ok(Empty)
}
