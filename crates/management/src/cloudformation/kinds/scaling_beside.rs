//! What a group of Auto Scaling's template says that other operations than the group's own bring about: hooks, topics,
//! metrics and the pool of warm instances.

use super::on::{On, at, items, map};
use super::scaling::SCALING;
use super::{BASE, Done, Kind, look};
use crate::cloudformation::template::get;
use wire::Value;

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::AutoScaling::WarmPool",
    changes: &["InstanceReusePolicy", "MaxGroupPreparedCapacity", "MinSize", "PoolState"],
    fixed: &["AutoScalingGroupName"],
    create: |on| {
        put_pool(on, on.prop("MaxGroupPreparedCapacity"))?;
        Ok(on.made(on.text("AutoScalingGroupName").unwrap_or_default(), Vec::new()))
    },
    update: |on| {
        // AWS: what is no longer said is taken away by this.
        let most = match on.prop("MaxGroupPreparedCapacity") {
            Value::Null if on.changed("MaxGroupPreparedCapacity") => Value::Int(-1),
            most => most,
        };
        put_pool(on, most)?;
        Ok(on.same())
    },
    delete: |on| {
        // It goes with its group.
        if !is_there(on)? {
            return Ok(());
        }
        let input = map([("AutoScalingGroupName", on.physical()), ("ForceDelete", Value::Bool(true))]);
        on.end(SCALING, "DeleteWarmPool", input)
    },
    gone: |on| Ok(!is_there(on)?),
    look: Some(&look::scaling::POOL),
    taken: Some(|on| look::scaling::POOL.taken(on)),
    ..BASE
}];

fn put_pool(on: &mut On<'_, '_>, most: Value) -> Done<()> {
    let input = map([
        ("AutoScalingGroupName", on.prop("AutoScalingGroupName")),
        ("InstanceReusePolicy", on.prop("InstanceReusePolicy")),
        ("MaxGroupPreparedCapacity", most),
        ("MinSize", on.prop("MinSize")),
        ("PoolState", on.prop("PoolState")),
    ]);
    on.call(SCALING, "PutWarmPool", input).map(drop)
}

fn is_there(on: &mut On<'_, '_>) -> Done<bool> {
    let names = Value::List(vec![on.physical()]);
    let told = on.call(SCALING, "DescribeAutoScalingGroups", map([("AutoScalingGroupNames", names)]))?;
    Ok(at(&told, "AutoScalingGroups.0.WarmPoolConfiguration").is_some())
}

/// A list of a group: the property, what names an item, and the operations.
type List = (&'static str, &'static str, &'static str, &'static str);

static LISTS: &[List] = &[
    ("LifecycleHookSpecificationList", "LifecycleHookName", "PutLifecycleHook", "DeleteLifecycleHook"),
    (
        "NotificationConfigurations",
        "TopicARN",
        "PutNotificationConfiguration",
        "DeleteNotificationConfiguration",
    ),
];

const TARGET: &str = "NotificationTargetARN";

/// Brings the lists of a group to what is wanted.
pub(super) fn settings(on: &mut On<'_, '_>, group: &str) -> Done<()> {
    for (property, naming, put, delete) in LISTS {
        let of_group = ("AutoScalingGroupName".to_owned(), Value::str(group));
        let (gone, fresh) = on.list_changes(property, naming);
        for item in gone {
            let named = ((*naming).to_owned(), get(&item, naming).cloned().unwrap_or(Value::Null));
            on.call(SCALING, delete, Value::Map(vec![of_group.clone(), named]))?;
        }
        for item in fresh {
            // AWS: a target that is no longer said is taken away by an empty one.
            let is_bare = *put == "PutLifecycleHook" && get(&item, TARGET).is_none();
            let bare = is_bare.then(|| (TARGET.to_owned(), Value::str("")));
            let Value::Map(entries) = item else { continue };
            let input = entries.into_iter().chain(bare).chain([of_group.clone()]).collect();
            on.call(SCALING, put, Value::Map(input))?;
        }
    }
    metrics(on, group)
}

/// Which metrics of a group there are; all, where none is named.
fn metrics(on: &mut On<'_, '_>, group: &str) -> Done<()> {
    if !on.changed("MetricsCollection") {
        return Ok(());
    }
    let of_group = ("AutoScalingGroupName", Value::str(group));
    if on.was("MetricsCollection") != Value::Null {
        on.call(SCALING, "DisableMetricsCollection", map([of_group.clone()]))?;
    }
    for wanted in items(on.prop("MetricsCollection")) {
        let own = |name| get(&wanted, name).cloned().unwrap_or(Value::Null);
        let input = [of_group.clone(), ("Granularity", own("Granularity")), ("Metrics", own("Metrics"))];
        on.call(SCALING, "EnableMetricsCollection", map(input))?;
    }
    Ok(())
}
