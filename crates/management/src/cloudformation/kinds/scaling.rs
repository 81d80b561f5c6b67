//! Launch templates, and the groups of Auto Scaling that are made of them.

use super::on::{On, Pair, at, map, text_at, texts_at};
use super::vpc::EC2;
use super::{BASE, Done, Kind, Made, Refusal, look, scaling_beside};
use wire::Value;

pub(super) const SCALING: &str = "autoscaling";

pub(super) static KINDS: &[Kind] = &[TEMPLATE, GROUP, POLICY, ACTION, HOOK];

const TEMPLATE: Kind = Kind {
    name: "AWS::EC2::LaunchTemplate",
    changes: &["LaunchTemplateData", "VersionDescription"],
    fixed: &["LaunchTemplateName", "TagSpecifications"],
    attributes: &["DefaultVersionNumber", "LatestVersionNumber", "LaunchTemplateId"],
    varies: &["DefaultVersionNumber", "LatestVersionNumber"],
    named: Some("LaunchTemplateName"),
    create: |on| {
        let input = map([
            ("LaunchTemplateName", Value::Str(on.name("LaunchTemplateName", 128))),
            ("VersionDescription", on.prop("VersionDescription")),
            ("LaunchTemplateData", on.prop("LaunchTemplateData")),
            ("TagSpecifications", on.prop("TagSpecifications")),
        ]);
        let answer = on.call(EC2, "CreateLaunchTemplate", input)?;
        let id = text_at(&answer, "LaunchTemplate.LaunchTemplateId");
        let attributes = vec![
            ("LaunchTemplateId", Value::str(&id)),
            ("DefaultVersionNumber", Value::str("1")),
            ("LatestVersionNumber", Value::str("1")),
        ];
        Ok(on.made(id, attributes))
    },
    // AWS: a change is a further version, and the default stays.
    update: |on| {
        let input = map([
            ("LaunchTemplateId", on.physical()),
            ("VersionDescription", on.prop("VersionDescription")),
            ("LaunchTemplateData", on.prop("LaunchTemplateData")),
        ]);
        let answer = on.call(EC2, "CreateLaunchTemplateVersion", input)?;
        let number = text_at(&answer, "LaunchTemplateVersion.VersionNumber");
        Ok(on.made(on.physical, vec![("LatestVersionNumber", Value::Str(number))]))
    },
    delete: |on| on.end(EC2, "DeleteLaunchTemplate", map([("LaunchTemplateId", on.physical())])),
    look: Some(&look::machine::TEMPLATE),
    ..BASE
};

pub(super) const GROUP_NAME: &str = "AWS::AutoScaling::AutoScalingGroup";

const GROUP: Kind = Kind {
    name: GROUP_NAME,
    changes: &[
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
        "MetricsCollection",
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
    fixed: &["AutoScalingGroupName"],
    attributes: &["AutoScalingGroupARN"],
    named: Some("AutoScalingGroupName"),
    create: |on| {
        let name = on.name("AutoScalingGroupName", 255);
        let input = group(on, &name, on.prop("Tags"));
        on.call(SCALING, "CreateAutoScalingGroup", input)?;
        scaling_beside::settings(on, &name)?;
        Ok(on.made(name, Vec::new()))
    },
    update: |on| {
        let input = group(on, on.physical, Value::Null);
        on.call(SCALING, "UpdateAutoScalingGroup", input)?;
        scaling_beside::settings(on, on.physical)?;
        retag(on)?;
        Ok(on.same())
    },
    delete: |on| {
        let told = described(on)?;
        let is_there = at(&told, "AutoScalingGroups.0").is_some();
        if !is_there || !text_at(&told, "AutoScalingGroups.0.Status").is_empty() {
            return Ok(());
        }
        let input = map([("AutoScalingGroupName", on.physical()), ("ForceDelete", Value::Bool(true))]);
        on.end(SCALING, "DeleteAutoScalingGroup", input)
    },
    // AWS: what the group launches tells of its stack, too.
    mark: Some(|on| {
        let of_group = |(key, value): Pair| {
            map([
                ("Key", Value::Str(key)),
                ("Value", value.map_or(Value::Null, Value::Str)),
                ("PropagateAtLaunch", Value::Bool(true)),
                ("ResourceId", on.physical()),
                ("ResourceType", Value::str("auto-scaling-group")),
            ])
        };
        let tags = on.marks().into_iter().map(of_group).collect();
        on.mark_by(SCALING, "CreateOrUpdateTags", map([("Tags", Value::List(tags))]))
    }),
    ready,
    gone: |on| Ok(text_at(&described(on)?, "AutoScalingGroups.0.AutoScalingGroupName").is_empty()),
    look: Some(&look::scaling::GROUP),
    ..BASE
};

const POLICY_MEMBERS: &[&str] = &[
    "AdjustmentType",
    "Cooldown",
    "EstimatedInstanceWarmup",
    "MinAdjustmentMagnitude",
    "PolicyType",
    "ScalingAdjustment",
    "StepAdjustments",
    "TargetTrackingConfiguration",
];

const POLICY: Kind = Kind {
    name: "AWS::AutoScaling::ScalingPolicy",
    changes: POLICY_MEMBERS,
    fixed: &["AutoScalingGroupName"],
    attributes: &["Arn", "PolicyName"],
    create: |on| {
        let name = on.generated(255);
        put_policy(on, &name)
    },
    update: |on| {
        let name = on.attribute("PolicyName");
        put_policy(on, &name)
    },
    delete: |on| ended(on, "DeletePolicy", map([("PolicyName", on.physical())])),
    look: Some(&look::scaling::POLICY),
    ..BASE
};

fn put_policy(on: &mut On<'_, '_>, name: &str) -> Done<Made> {
    let arn = on.call(SCALING, "PutScalingPolicy", members(on, ("PolicyName", name), POLICY_MEMBERS))?;
    let arn = text_at(&arn, "PolicyARN");
    let attributes = vec![("Arn", Value::str(&arn)), ("PolicyName", Value::str(name))];
    Ok(on.made(arn, attributes))
}

const ACTION_MEMBERS: &[&str] =
    &["DesiredCapacity", "EndTime", "MaxSize", "MinSize", "Recurrence", "StartTime", "TimeZone"];

const ACTION: Kind = Kind {
    name: "AWS::AutoScaling::ScheduledAction",
    changes: ACTION_MEMBERS,
    fixed: &["AutoScalingGroupName"],
    attributes: &["ScheduledActionName"],
    create: |on| {
        let name = on.generated(255);
        put_action(on, &name)
    },
    update: |on| put_action(on, on.physical),
    delete: |on| {
        let group = Value::List(vec![on.was("AutoScalingGroupName")]);
        let asked = map([("AutoScalingGroupNames", group)]);
        let there = on.call(SCALING, "DescribeAutoScalingGroups", asked)?;
        // It has gone with its group, or of itself once its time was over.
        if at(&there, "AutoScalingGroups.0").is_none() {
            return Ok(());
        }
        let names = Value::List(vec![on.physical()]);
        let group = on.was("AutoScalingGroupName");
        let asked = map([("AutoScalingGroupName", group), ("ScheduledActionNames", names)]);
        on.end(SCALING, "BatchDeleteScheduledAction", asked)
    },
    look: Some(&look::scaling::ACTION),
    ..BASE
};

fn put_action(on: &mut On<'_, '_>, name: &str) -> Done<Made> {
    let input = members(on, ("ScheduledActionName", name), ACTION_MEMBERS);
    on.call(SCALING, "PutScheduledUpdateGroupAction", input)?;
    Ok(on.made(name, vec![("ScheduledActionName", Value::str(name))]))
}

const HOOK_MEMBERS: &[&str] = &[
    "DefaultResult",
    "HeartbeatTimeout",
    "LifecycleTransition",
    "NotificationMetadata",
    "NotificationTargetARN",
    "RoleARN",
];

const HOOK: Kind = Kind {
    name: "AWS::AutoScaling::LifecycleHook",
    changes: HOOK_MEMBERS,
    fixed: &["AutoScalingGroupName", "LifecycleHookName"],
    named: Some("LifecycleHookName"),
    create: |on| {
        let name = on.name("LifecycleHookName", 255);
        put_hook(on, &name)
    },
    update: |on| put_hook(on, on.physical),
    delete: |on| {
        let group = on.was("AutoScalingGroupName");
        let asked = map([("AutoScalingGroupNames", Value::List(vec![group.clone()]))]);
        let there = on.call(SCALING, "DescribeAutoScalingGroups", asked)?;
        if at(&there, "AutoScalingGroups.0").is_none() {
            return Ok(());
        }
        let asked = map([("AutoScalingGroupName", group), ("LifecycleHookName", on.physical())]);
        ended(on, "DeleteLifecycleHook", asked)
    },
    look: Some(&look::scaling::HOOK),
    taken: Some(|on| look::scaling::HOOK.taken(on)),
    ..BASE
};

/// Ends what belongs to a group. The service tells of what is not there by the code of everything that does not fit.
fn ended(on: &mut On<'_, '_>, operation: &str, input: Value) -> Done<()> {
    match on.call(SCALING, operation, input) {
        Err(refusal) if is_missing(&refusal) => Ok(()),
        other => other.map(drop),
    }
}

pub(super) fn is_missing(refusal: &Refusal) -> bool {
    refusal.gone
        || ["not found", "No Lifecycle Hook found"].iter().any(|words| refusal.reason.contains(words))
}

fn put_hook(on: &mut On<'_, '_>, name: &str) -> Done<Made> {
    let mut input = members(on, ("LifecycleHookName", name), HOOK_MEMBERS);
    let target = "NotificationTargetARN";
    // AWS: a target that is no longer said is taken away by an empty one.
    if let Value::Map(entries) = &mut input
        && on.changed(target)
        && on.prop(target) == Value::Null
    {
        entries.push((target.to_owned(), Value::str("")));
    }
    on.call(SCALING, "PutLifecycleHook", input)?;
    Ok(on.made(name, Vec::new()))
}

/// What a thing of a group is put with: its name, and the properties that the operation calls the same.
fn members(on: &On<'_, '_>, (noun, name): (&str, &str), properties: &[&str]) -> Value {
    let own = [(noun, Value::str(name)), ("AutoScalingGroupName", on.prop("AutoScalingGroupName"))];
    let rest = properties.iter().map(|property| (*property, on.prop(property)));
    let all = own.into_iter().chain(rest).filter(|(_, value)| !matches!(value, Value::Null));
    Value::Map(all.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn group(on: &On<'_, '_>, name: &str, tags: Value) -> Value {
    let subnets = match on.prop("VPCZoneIdentifier") {
        Value::List(_) => {
            let (subnets, _) = on.lists("VPCZoneIdentifier");
            Value::Str(subnets.join(","))
        }
        other => other,
    };
    // AWS: what is no longer said is taken away by this.
    let warmup = match on.prop("DefaultInstanceWarmup") {
        Value::Null if on.changed("DefaultInstanceWarmup") => Value::Int(-1),
        warmup => warmup,
    };
    let placement = match on.prop("PlacementGroup") {
        Value::Null if on.changed("PlacementGroup") => Value::str(""),
        placement => placement,
    };
    map([
        ("AutoScalingGroupName", Value::str(name)),
        ("AvailabilityZones", on.prop("AvailabilityZones")),
        ("CapacityRebalance", on.prop("CapacityRebalance")),
        ("DefaultCooldown", on.prop("Cooldown")),
        ("DefaultInstanceWarmup", warmup),
        ("DesiredCapacity", on.prop("DesiredCapacity")),
        ("DesiredCapacityType", on.prop("DesiredCapacityType")),
        ("HealthCheckGracePeriod", on.prop("HealthCheckGracePeriod")),
        ("HealthCheckType", on.prop("HealthCheckType")),
        ("LaunchTemplate", on.prop("LaunchTemplate")),
        ("MaxSize", on.prop("MaxSize")),
        ("MinSize", on.prop("MinSize")),
        ("MixedInstancesPolicy", on.prop("MixedInstancesPolicy")),
        ("NewInstancesProtectedFromScaleIn", on.prop("NewInstancesProtectedFromScaleIn")),
        ("PlacementGroup", placement),
        ("ServiceLinkedRoleARN", on.prop("ServiceLinkedRoleARN")),
        ("Tags", tags),
        ("TerminationPolicies", on.prop("TerminationPolicies")),
        ("VPCZoneIdentifier", subnets),
    ])
}

/// Brings the tags of what is there to what is wanted: those of groups say of which they are.
fn retag(on: &mut On<'_, '_>) -> Done<()> {
    let (wanted, was) = (on.prop("Tags"), on.was("Tags"));
    let keys = texts_at(&wanted, "Key");
    let of_group = |tags: Value, keep: &dyn Fn(&str) -> bool| {
        let Value::List(items) = tags else { return Vec::new() };
        let kept = items.into_iter().filter(|item| keep(&text_at(item, "Key")));
        let own = [("ResourceId", on.physical()), ("ResourceType", Value::str("auto-scaling-group"))];
        let with = |item: Value| match item {
            Value::Map(entries) => {
                let own = own.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                Value::Map(entries.into_iter().chain(own).collect())
            }
            other => other,
        };
        kept.map(with).collect()
    };
    let dropped = of_group(was, &|key| !keys.iter().any(|own| own == key));
    let fresh = of_group(wanted, &|_| true);
    for (operation, tags) in [("DeleteTags", dropped), ("CreateOrUpdateTags", fresh)] {
        if !tags.is_empty() {
            on.call(SCALING, operation, map([("Tags", Value::List(tags))]))?;
        }
    }
    Ok(())
}

pub(super) fn described(on: &mut On<'_, '_>) -> Done<Value> {
    let names = Value::List(vec![on.physical()]);
    on.call(SCALING, "DescribeAutoScalingGroups", map([("AutoScalingGroupNames", names)]))
}

/// AWS: a group is there once as many instances are in service as it is to have.
fn ready(on: &mut On<'_, '_>) -> Done<Option<super::Attributes>> {
    let told = described(on)?;
    let gone = || Refusal::gone(format!("The group {} does not exist any more.", on.physical));
    let wanted = text_at(&told, "AutoScalingGroups.0.DesiredCapacity");
    let wanted: usize = wanted.parse().map_err(|_| gone())?;
    // One that is being deleted wants no instance any more, and is not made by that.
    if !text_at(&told, "AutoScalingGroups.0.Status").is_empty() {
        return Ok(None);
    }
    let instances = at(&told, "AutoScalingGroups.0.Instances").cloned().unwrap_or(Value::Null);
    let serving = match &instances {
        Value::List(items) => {
            items.iter().filter(|item| text_at(item, "LifecycleState") == "InService").count()
        }
        _ => 0,
    };
    let arn = Value::Str(text_at(&told, "AutoScalingGroups.0.AutoScalingGroupARN"));
    Ok((serving >= wanted).then(|| vec![("AutoScalingGroupARN", arn)]))
}
