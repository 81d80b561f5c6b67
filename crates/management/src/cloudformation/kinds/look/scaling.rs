//! Auto Scaling groups and what belongs to them. When a scheduled action begins and ends is not seen: a time is written
//! in many ways.

use super::machine::put;
use super::{Look, PLAIN, Seen, gone, list, own};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::kinds::scaling::{SCALING, is_missing};
use wire::Value;

pub(in crate::cloudformation::kinds) static GROUP: Look = Look {
    sees: &[
        "AutoScalingGroupName",
        "AvailabilityZones",
        "CapacityRebalance",
        "Cooldown",
        "DefaultInstanceWarmup",
        "DesiredCapacity",
        "DesiredCapacityType",
        "HealthCheckGracePeriod",
        "HealthCheckType",
        "LaunchTemplate",
        "LifecycleHookSpecificationList",
        "MaxSize",
        "MinSize",
        "MixedInstancesPolicy",
        "NewInstancesProtectedFromScaleIn",
        "NotificationConfigurations",
        "PlacementGroup",
        "ServiceLinkedRoleARN",
        "Tags",
        "TerminationPolicies",
        "VPCZoneIdentifier",
    ],
    read: group,
    identifiers: &["AutoScalingGroupName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static POLICY: Look = Look {
    sees: &[
        "AdjustmentType",
        "AutoScalingGroupName",
        "Cooldown",
        "EstimatedInstanceWarmup",
        "MinAdjustmentMagnitude",
        "PolicyType",
        "ScalingAdjustment",
        "StepAdjustments",
        "TargetTrackingConfiguration",
    ],
    read: |on| {
        let (group, name) = policy_names(on.physical).ok_or_else(|| gone(on.physical))?;
        let asked = [("PolicyNames", Value::List(vec![Value::str(name)]))];
        let told = of_group(on, group, "DescribePolicies", "ScalingPolicies", &asked)?;
        let attributes = vec![("Arn", own(&told, "PolicyARN")), ("PolicyName", own(&told, "PolicyName"))];
        Ok(Seen::of(POLICY.rows(on, &told, &[]), attributes))
    },
    identifiers: &["Arn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ACTION: Look = Look {
    sees: &["AutoScalingGroupName", "DesiredCapacity", "MaxSize", "MinSize", "Recurrence", "TimeZone"],
    read: |on| {
        let group = on.identity("AutoScalingGroupName");
        let asked = [("ScheduledActionNames", Value::List(vec![on.physical()]))];
        let told = of_group(on, &group, "DescribeScheduledActions", "ScheduledUpdateGroupActions", &asked)?;
        Ok(Seen::of(ACTION.rows(on, &told, &[]), vec![("ScheduledActionName", on.physical())]))
    },
    identifiers: &["ScheduledActionName", "AutoScalingGroupName"],
    called: |values| values[0].clone(),
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static HOOK: Look = Look {
    sees: &[
        "AutoScalingGroupName",
        "DefaultResult",
        "HeartbeatTimeout",
        "LifecycleHookName",
        "LifecycleTransition",
        "NotificationMetadata",
        "NotificationTargetARN",
        "RoleARN",
    ],
    read: |on| {
        let group = on.identity("AutoScalingGroupName");
        let asked = [("LifecycleHookNames", Value::List(vec![on.physical()]))];
        let told = of_group(on, &group, "DescribeLifecycleHooks", "LifecycleHooks", &asked)?;
        Ok(Seen::of(HOOK.rows(on, &told, &[]), Vec::new()))
    },
    identifiers: &["AutoScalingGroupName", "LifecycleHookName"],
    called: |values| values[1].clone(),
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static POOL: Look = Look {
    sees: &[
        "AutoScalingGroupName",
        "InstanceReusePolicy",
        "MaxGroupPreparedCapacity",
        "MinSize",
        "PoolState",
    ],
    read: |on| {
        let told = asked(on, "DescribeWarmPool", map([("AutoScalingGroupName", on.physical())]))?;
        let told = own(&told, "WarmPoolConfiguration");
        if told == Value::Null {
            return Err(gone(on.physical));
        }
        let mut all = POOL.rows(on, &told, &[]);
        put(&mut all, "AutoScalingGroupName", on.physical());
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["AutoScalingGroupName"],
    ..PLAIN
};

/// The group and the policy that an ARN names.
fn policy_names(arn: &str) -> Option<(&str, &str)> {
    let (_, names) = arn.split_once(":autoScalingGroupName/")?;
    names.split_once(":policyName/")
}

/// The one that belongs to a group; it is gone with it.
fn of_group(
    on: &mut On<'_, '_>,
    group: &str,
    operation: &str,
    noun: &str,
    more: &[(&str, Value)],
) -> Done<Value> {
    let group = ("AutoScalingGroupName", Value::str(group));
    let input = Value::map([group].into_iter().chain(more.iter().cloned()));
    match own(&asked(on, operation, input)?, &format!("{noun}.0")) {
        Value::Null => Err(gone(on.physical)),
        found => Ok(found),
    }
}

fn asked(on: &mut On<'_, '_>, operation: &str, input: Value) -> Done<Value> {
    match on.ask(SCALING, operation, input) {
        Err(refusal) if is_missing(&refusal) => Err(gone(on.physical)),
        other => other,
    }
}

fn group(on: &mut On<'_, '_>) -> Done<Seen> {
    let asked = map([("AutoScalingGroupNames", Value::List(vec![on.physical()]))]);
    let told = on.ask(SCALING, "DescribeAutoScalingGroups", asked)?;
    let told = own(&told, "AutoScalingGroups.0");
    if told == Value::Null || own(&told, "Status") != Value::Null {
        return Err(gone(on.physical));
    }
    let mut all = GROUP.rows(on, &told, &[("Cooldown", "DefaultCooldown")]);
    let subnets = text_at(&told, "VPCZoneIdentifier");
    let subnets = subnets.split(',').filter(|id| !id.is_empty()).map(Value::str).collect();
    put(&mut all, "VPCZoneIdentifier", Value::List(subnets));
    let tag = |tag: &Value| {
        let told = ["Key", "Value", "PropagateAtLaunch"].map(|name| (name, own(tag, name)));
        (!text_at(tag, "Key").starts_with("aws:")).then(|| map(told))
    };
    put(&mut all, "Tags", Value::List(list(&told, "Tags").iter().filter_map(tag).collect()));
    let name = ("AutoScalingGroupName", on.physical());
    let hooks = on.ask(SCALING, "DescribeLifecycleHooks", map([name]))?;
    let beside = on.attached("AWS::AutoScaling::LifecycleHook")?;
    let is_own =
        |hook: &Value| beside.iter().all(|(physical, _)| *physical != text_at(hook, "LifecycleHookName"));
    let hooks = list(&hooks, "LifecycleHooks").into_iter().filter(is_own).collect();
    put(&mut all, "LifecycleHookSpecificationList", Value::List(hooks));
    put(&mut all, "NotificationConfigurations", notifications(on)?);
    Ok(Seen::of(all, vec![("AutoScalingGroupARN", own(&told, "AutoScalingGroupARN"))]))
}

/// The service tells of each kind of news by itself; a template, topic by topic.
fn notifications(on: &mut On<'_, '_>) -> Done<Value> {
    let names = vec![("AutoScalingGroupNames", Value::List(vec![on.physical()]))];
    let pages = ("NextToken", "NextToken");
    let operation = (SCALING, "DescribeNotificationConfigurations");
    let told = on.ask_all(operation, names, "NotificationConfigurations", pages)?;
    let mut topics: Vec<(String, Vec<Value>)> = Vec::new();
    for one in &told {
        let (topic, news) = (text_at(one, "TopicARN"), own(one, "NotificationType"));
        match topics.iter_mut().find(|(known, _)| *known == topic) {
            Some((_, all)) => all.push(news),
            None => topics.push((topic, vec![news])),
        }
    }
    let topic = |(arn, news): (String, Vec<Value>)| {
        map([("TopicARN", Value::Str(arn)), ("NotificationTypes", Value::List(news))])
    };
    Ok(Value::List(topics.into_iter().map(topic).collect()))
}
