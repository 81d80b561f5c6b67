//! Groups: what they should be. [`crate::autoscaling::work`] makes them so.

use super::activity::forget_old;
use super::fit::{self, unfit};
use super::hook::{self, Specification};
use super::mixed::{self, MixedShape};
use super::tag::{self, Filter};
use super::{all, call, find, keep, linked, list, of_group, page, size, text, texts, warm_pool};
use crate::autoscaling::access::{any, group as named, hooks as passing};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::mixed::Mixed;
use crate::autoscaling::model::policy::POLICIES;
use crate::autoscaling::model::refresh::REFRESHES;
use crate::autoscaling::model::schedule::ACTIONS;
use crate::autoscaling::model::{GROUPS, Group, Member, POLICIES_OF_TERMINATION, Template, key};
use crate::requirements::Unit;
use base::{Region, Timestamp};
use kernel::access::allowed;
use kernel::{Cx, Empty, Target};
use std::collections::BTreeMap;
use store::{Direction, Key, Record, Table};
use wire::{Struct, Value};

kernel::ops! {
    /// Groups.
    pub static OPS:
        CreateAutoScalingGroup: create, "autoscaling:CreateAutoScalingGroup", passing;
        UpdateAutoScalingGroup: update, "autoscaling:UpdateAutoScalingGroup", named;
        DescribeAutoScalingGroups: describe, "autoscaling:DescribeAutoScalingGroups", any;
        DeleteAutoScalingGroup: delete, "autoscaling:DeleteAutoScalingGroup", named;
}

/// AWS: 500 in a region, and 50 tags of each.
pub(super) const GROUPS_MAX: usize = 500;
pub(super) const TAGS_MAX: usize = 50;
/// AWS's default.
const COOLDOWN: i64 = 300;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct TemplateSpecification {
        pub(super) id: Option<String> = "LaunchTemplateId",
        pub(super) name: Option<String> = "LaunchTemplateName",
        pub(super) version: Option<String> = "Version",
    }

    #[derive(Debug)]
    pub(super) struct Tag {
        pub(super) group: Option<String> = "ResourceId",
        kind: Option<String> = "ResourceType",
        pub(super) key: String = "Key",
        pub(super) value: Option<String> = "Value",
        pub(super) propagate: Option<bool> = "PropagateAtLaunch",
    }

    #[derive(Debug)]
    struct Create {
        name: String = "AutoScalingGroupName",
        template: Option<TemplateSpecification> = "LaunchTemplate",
        mixed: Option<MixedShape> = "MixedInstancesPolicy",
        rebalances: Option<bool> = "CapacityRebalance",
        unit: Option<String> = "DesiredCapacityType",
        min: i64 = "MinSize",
        max: i64 = "MaxSize",
        desired: Option<i64> = "DesiredCapacity",
        cooldown: Option<i64> = "DefaultCooldown",
        warmup: Option<i64> = "DefaultInstanceWarmup",
        zones: Vec<String> = "AvailabilityZones",
        subnets: Option<String> = "VPCZoneIdentifier",
        placement: Option<String> = "PlacementGroup",
        check: Option<String> = "HealthCheckType",
        grace: Option<i64> = "HealthCheckGracePeriod",
        protects: Option<bool> = "NewInstancesProtectedFromScaleIn",
        policies: Vec<String> = "TerminationPolicies",
        tags: Vec<Tag> = "Tags",
        role: Option<String> = "ServiceLinkedRoleARN",
        hooks: Vec<Specification> = "LifecycleHookSpecificationList",
    }

    #[derive(Debug)]
    struct Update {
        name: String = "AutoScalingGroupName",
        template: Option<TemplateSpecification> = "LaunchTemplate",
        mixed: Option<MixedShape> = "MixedInstancesPolicy",
        rebalances: Option<bool> = "CapacityRebalance",
        unit: Option<String> = "DesiredCapacityType",
        min: Option<i64> = "MinSize",
        max: Option<i64> = "MaxSize",
        desired: Option<i64> = "DesiredCapacity",
        cooldown: Option<i64> = "DefaultCooldown",
        warmup: Option<i64> = "DefaultInstanceWarmup",
        zones: Vec<String> = "AvailabilityZones",
        subnets: Option<String> = "VPCZoneIdentifier",
        placement: Option<String> = "PlacementGroup",
        check: Option<String> = "HealthCheckType",
        grace: Option<i64> = "HealthCheckGracePeriod",
        protects: Option<bool> = "NewInstancesProtectedFromScaleIn",
        policies: Vec<String> = "TerminationPolicies",
        role: Option<String> = "ServiceLinkedRoleARN",
    }

    #[derive(Debug)]
    struct Describe {
        filters: Vec<Filter> = "Filters",
        names: Vec<String> = "AutoScalingGroupNames",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxRecords",
    }

    #[derive(Debug)]
    struct Described {
        groups: Vec<View> = "AutoScalingGroups",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        name: String = "AutoScalingGroupName",
        arn: String = "AutoScalingGroupARN",
        template: Option<TemplateSpecification> = "LaunchTemplate",
        mixed: Option<MixedShape> = "MixedInstancesPolicy",
        rebalances: Option<bool> = "CapacityRebalance",
        unit: Option<String> = "DesiredCapacityType",
        pool: Option<warm_pool::View> = "WarmPoolConfiguration",
        pool_size: Option<i64> = "WarmPoolSize",
        min: i64 = "MinSize",
        max: i64 = "MaxSize",
        desired: i64 = "DesiredCapacity",
        cooldown: i64 = "DefaultCooldown",
        warmup: Option<i64> = "DefaultInstanceWarmup",
        zones: Vec<String> = "AvailabilityZones",
        zone_ids: Vec<String> = "AvailabilityZoneIds",
        /// Of load balancers none is attached.
        balancers: Vec<String> = "LoadBalancerNames",
        targets: Vec<String> = "TargetGroupARNs",
        sources: Vec<Value> = "TrafficSources",
        distribution: Distribution = "AvailabilityZoneDistribution",
        reservations: Reservations = "CapacityReservationSpecification",
        lifecycle: Lifecycle = "InstanceLifecyclePolicy",
        check: String = "HealthCheckType",
        grace: i64 = "HealthCheckGracePeriod",
        instances: Vec<InstanceView> = "Instances",
        created: Timestamp = "CreatedTime",
        suspended: Vec<Suspended> = "SuspendedProcesses",
        metrics: Vec<Enabled> = "EnabledMetrics",
        identifier: Option<String> = "VPCZoneIdentifier",
        placement: Option<String> = "PlacementGroup",
        status: Option<String> = "Status",
        tags: Vec<Tag> = "Tags",
        policies: Vec<String> = "TerminationPolicies",
        protects: bool = "NewInstancesProtectedFromScaleIn",
        role: Option<String> = "ServiceLinkedRoleARN",
    }

    #[derive(Debug)]
    struct Distribution { strategy: String = "CapacityDistributionStrategy" }

    #[derive(Debug)]
    struct Reservations { preference: String = "CapacityReservationPreference" }

    #[derive(Debug)]
    struct Lifecycle { triggers: Triggers = "RetentionTriggers" }

    #[derive(Debug)]
    struct Triggers { abandoned: String = "TerminateHookAbandon" }

    #[derive(Debug)]
    struct Enabled {
        name: String = "Metric",
        granularity: String = "Granularity",
    }

    #[derive(Debug)]
    struct Suspended {
        name: String = "ProcessName",
        why: String = "SuspensionReason",
    }

    #[derive(Debug)]
    pub(super) struct InstanceView {
        id: String = "InstanceId",
        kind: String = "InstanceType",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        state: String = "LifecycleState",
        health: String = "HealthStatus",
        template: Option<TemplateSpecification> = "LaunchTemplate",
        protected: bool = "ProtectedFromScaleIn",
        weight: Option<String> = "WeightedCapacity",
    }

    #[derive(Debug)]
    struct Delete {
        name: String = "AutoScalingGroupName",
        force: Option<bool> = "ForceDelete",
    }
}

impl TemplateSpecification {
    pub(super) fn of(group: &Group, version: Option<String>) -> TemplateSpecification {
        let (id, name) = (group.template.id.clone(), group.template.name.clone());
        TemplateSpecification { id: Some(id), name: Some(name), version }
    }

    /// What an instance was launched by; nothing where that was no template of a group's.
    pub(super) fn of_member(group: &Group, member: &Member) -> Option<TemplateSpecification> {
        let known = [Some(&group.template), group.launches.as_ref()].into_iter().flatten();
        let known = known.into_iter().find(|template| template.id == member.template);
        let is_groups = member.template.is_empty() && !member.version.is_empty();
        let name = known.or(is_groups.then_some(&group.template)).map(|template| template.name.clone());
        let id = if is_groups { group.template.id.clone() } else { member.template.clone() };
        (!id.is_empty()).then(|| TemplateSpecification {
            id: Some(id),
            name,
            version: Some(member.version.clone()),
        })
    }
}

impl From<Template> for TemplateSpecification {
    fn from(template: Template) -> TemplateSpecification {
        let Template { id, name, version } = template;
        TemplateSpecification { id: Some(id), name: Some(name), version }
    }
}

impl InstanceView {
    pub(super) fn of(region: Region, group: &Group, member: &Member) -> InstanceView {
        InstanceView {
            id: member.id.clone(),
            kind: member.kind.clone(),
            zone: member.zone.clone(),
            zone_id: region.zone_id(&member.zone),
            state: member.state.clone(),
            health: health(member).into(),
            template: TemplateSpecification::of_member(group, member),
            protected: member.protected,
            weight: weight(member),
        }
    }
}

/// As AWS tells it, where it is told.
pub(super) fn weight(member: &Member) -> Option<String> {
    (member.weight > 0).then(|| member.weight.to_string())
}

pub(super) fn health(member: &Member) -> &'static str {
    if member.flaw.is_some() { "Unhealthy" } else { "Healthy" }
}

impl Tag {
    /// Those of a group.
    pub(super) fn of(group: &Group) -> Vec<Tag> {
        let tag = |(key, (value, propagate)): (&String, &(String, bool))| Tag {
            group: Some(group.name.clone()),
            kind: Some("auto-scaling-group".into()),
            key: key.clone(),
            value: Some(value.clone()),
            propagate: Some(*propagate),
        };
        group.tags.iter().map(tag).collect()
    }
}

impl View {
    fn of(cx: &Cx<'_>, group: &Group) -> View {
        let suspended = |(name, why): (&String, &String)| Suspended { name: name.clone(), why: why.clone() };
        let enabled =
            |name: &String| Enabled { name: name.clone(), granularity: super::metrics::GRANULARITY.into() };
        View {
            name: group.name.clone(),
            arn: group.arn(cx.account, cx.region),
            template: group
                .mixed
                .is_none()
                .then(|| TemplateSpecification::of(group, group.template.version.clone())),
            mixed: group.mixed.as_ref().map(|mixed| MixedShape::of(&group.template, mixed)),
            rebalances: group.rebalances.then_some(true),
            unit: group.unit.clone(),
            pool: group.pool.as_ref().map(warm_pool::View::of),
            pool_size: group.pool.as_ref().map(|_| group.warm_size()),
            min: group.min,
            max: group.max,
            desired: group.desired,
            cooldown: group.cooldown,
            warmup: group.warmup,
            zones: group.zones().into_iter().cloned().collect(),
            zone_ids: group.zones().into_iter().filter_map(|zone| cx.region.zone_id(zone)).collect(),
            balancers: Vec::new(),
            targets: Vec::new(),
            sources: Vec::new(),
            // Where a zone has no room, the next one is tried.
            distribution: Distribution { strategy: "balanced-best-effort".into() },
            // Launches say nothing of reservations but what their template does.
            reservations: Reservations { preference: "default".into() },
            // Whose hook is abandoned on the way out is ended all the same.
            lifecycle: Lifecycle { triggers: Triggers { abandoned: "terminate".into() } },
            check: "EC2".into(),
            grace: group.grace,
            instances: group
                .members
                .iter()
                .map(|member| InstanceView::of(cx.region, group, member))
                .collect(),
            created: group.created,
            suspended: group.suspended.iter().map(suspended).collect(),
            metrics: group.metrics.iter().map(enabled).collect(),
            // AWS: empty where only zones were named.
            identifier: Some(group.identifier.clone().unwrap_or_default()),
            placement: group.placement.clone(),
            status: group.deleting.then(|| "Delete in progress".into()),
            tags: Tag::of(group),
            policies: group.policies(),
            protects: group.protects_new,
            role: group.role.clone(),
        }
    }
}

fn check_sizes(group: &Group) -> Result<(), AutoScalingError> {
    let Group { min, max, desired, .. } = *group;
    if min < 0 || max < 0 || group.cooldown < 0 || group.grace < 0 {
        return Err(invalid("Sizes, cooldown and grace period may not be negative."));
    }
    if min > max {
        return Err(invalid(format!("Max bound, {max}, must be greater than or equal to min bound, {min}")));
    }
    if desired < min || desired > max {
        return Err(invalid(format!(
            "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
        )));
    }
    Ok(())
}

fn termination(asked: Vec<String>) -> Result<Vec<String>, AutoScalingError> {
    let unknown: Vec<&str> =
        asked.iter().map(String::as_str).filter(|name| !POLICIES_OF_TERMINATION.contains(name)).collect();
    if unknown.iter().any(|name| name.starts_with("arn:") && name.contains(":lambda:")) {
        return Err(invalid(
            "A termination policy by a Lambda function is not built in this version of Virga.",
        ));
    }
    if unknown.is_empty() {
        return Ok(asked);
    }
    // AWS's words, which know of functions as well.
    let unknown = unknown.join(", ");
    Err(invalid(format!(
        "[{unknown}] is not a valid termination policy. Valid termination policies are: [AllocationStrategy, ClosestToNextInstanceHour, Default, Lambda, NewestInstance, OldestInstance, OldestLaunchConfiguration, OldestLaunchTemplate]."
    )))
}

/// AWS: a warm-up of -1 takes away what there was.
fn warmup(asked: Option<i64>, before: Option<i64>) -> Result<Option<i64>, AutoScalingError> {
    match asked {
        None => Ok(before),
        Some(-1) => Ok(None),
        Some(seconds) if seconds < 0 => {
            Err(invalid("DefaultInstanceWarmup must be -1, or a number of seconds."))
        }
        seconds => Ok(seconds),
    }
}

fn check_type(check: Option<&String>) -> Result<(), AutoScalingError> {
    match check {
        Some(kind) if kind != "EC2" => {
            Err(invalid(format!("Of health checks, only EC2 is known in this version of Virga, not {kind}.")))
        }
        _ => Ok(()),
    }
}

/// The subnets by their zones: those that are named, or the default ones of the zones.
fn subnets(
    cx: &mut Cx<'_>,
    identifier: Option<&String>,
    zones: &[String],
) -> Result<Vec<(String, String)>, AutoScalingError> {
    let ids: Vec<String> = identifier
        .map(|ids| ids.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect())
        .unwrap_or_default();
    if ids.is_empty() && zones.is_empty() {
        return Err(invalid("At least one Availability Zone or VPC Subnet is required."));
    }
    let members = if ids.is_empty() {
        let filter = |name: &str, values: Value| {
            Value::Struct([("Name", Value::str(name)), ("Values", values)].into_iter().collect())
        };
        let own = filter("default-for-az", Value::List(vec![Value::str("true")]));
        vec![("Filters", Value::List(vec![own, filter("availability-zone", texts(zones))]))]
    } else {
        vec![("SubnetIds", texts(&ids))]
    };
    let found = call(cx, "ec2", "DescribeSubnets", members).map_err(|fault| invalid(fault.message))?;
    let pair = |subnet: &Value| (text(subnet, "AvailabilityZone"), text(subnet, "SubnetId"));
    let pairs: Vec<(String, String)> = list(&found, "Subnets").iter().map(pair).collect();
    let has = |zone: &String| pairs.iter().any(|(of, _)| of == zone);
    if let Some(none) = zones.iter().find(|zone| !has(zone)) {
        return Err(invalid(format!("One or more Availability Zones have no subnet of the group: {none}")));
    }
    Ok(pairs)
}

/// The placement group that is named; an empty name is none.
fn placement(cx: &mut Cx<'_>, named: Option<String>) -> Result<Option<String>, AutoScalingError> {
    let Some(name) = named.filter(|name| !name.is_empty()) else { return Ok(None) };
    let members = [("GroupNames", texts([&name]))];
    call(cx, "ec2", "DescribePlacementGroups", members).map_err(|fault| invalid(fault.message))?;
    Ok(Some(name))
}

/// The template that is named, once the caller may launch by it and hand its role over.
/// AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html>
pub(super) fn template(cx: &mut Cx<'_>, asked: &TemplateSpecification) -> Result<Template, AutoScalingError> {
    let id = asked.id.as_ref().map(|id| ("LaunchTemplateId", Value::str(id)));
    let name = asked.name.as_ref().map(|name| ("LaunchTemplateName", Value::str(name)));
    let version = fit::version(cx, id.into_iter().chain(name), asked.version.as_deref())?;
    let (id, name) = (text(&version, "LaunchTemplateId"), text(&version, "LaunchTemplateName"));
    let data = version.member("LaunchTemplateData").filter(|data| !text(data, "ImageId").is_empty());
    let data = data.ok_or_else(|| unfit("The request must contain the parameter ImageId"))?;
    fit::there(cx, data)?;
    let arn = cx.arn("ec2", &format!("launch-template/{id}")).to_string();
    let mut asks = vec![("ec2:RunInstances", Target::on(&arn).key("ec2:LaunchTemplate", &arn))];
    let instance = cx.arn("ec2", "instance/*").to_string();
    asks.push(("ec2:RunInstances", Target::on(instance).key("ec2:LaunchTemplate", &arn)));
    if let Some(profile) = data.member("IamInstanceProfile") {
        let named = [text(profile, "Name"), text(profile, "Arn")].into_iter().find(|name| !name.is_empty());
        let named = named.unwrap_or_default();
        let named = named.rsplit('/').next().unwrap_or_default();
        let found = call(cx, "iam", "GetInstanceProfile", [("InstanceProfileName", Value::str(named))]);
        let found = found.map_err(|fault| unfit(&fault.message))?;
        let roles = found.member("InstanceProfile").map(|shown| list(shown, "Roles")).unwrap_or_default();
        let pass =
            |role: &Value| Target::on(text(role, "Arn")).key("iam:PassedToService", "ec2.amazonaws.com");
        asks.extend(roles.iter().map(|role| ("iam:PassRole", pass(role))));
    }
    for (action, target) in asks {
        if !allowed(cx, action, &target, &Struct::new())? {
            let what = format!("You are not authorized to use launch template: {name}");
            return Err(AutoScalingError::AccessDenied(what));
        }
    }
    Ok(Template { id, name, version: asked.version.clone() })
}

/// Nobody but AWS's services sets what begins with `aws:`, or takes it away.
pub(super) fn check_key(key: &str) -> Result<(), AutoScalingError> {
    match key.is_empty() || base::tag::is_reserved(key) {
        true => Err(invalid("The tag key is empty or begins with aws:, which is reserved.")),
        false => Ok(()),
    }
}

/// `own`: whether a key is one that the caller alone sets.
pub(super) fn tags(
    group: &str,
    asked: &[Tag],
    own: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, (String, bool)>, AutoScalingError> {
    let mut tags = BTreeMap::new();
    for tag in asked {
        let (of, kind) = (tag.group.as_deref(), tag.kind.as_deref());
        if of.is_some_and(|of| of != group) || kind.is_some_and(|kind| kind != "auto-scaling-group") {
            return Err(invalid("A tag is of this group and of the type auto-scaling-group."));
        }
        if !own(&tag.key) {
            check_key(&tag.key)?;
        }
        let held = (tag.value.clone().unwrap_or_default(), tag.propagate.unwrap_or(false));
        if tags.insert(tag.key.clone(), held).is_some() {
            return Err(invalid(format!("Duplicate tag key: {}", tag.key)));
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("A group may have up to {TAGS_MAX} tags.")));
    }
    Ok(tags)
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Empty, AutoScalingError> {
    check_type(req.check.as_ref())?;
    if GROUPS.contains(cx.tx, &key(cx.account, cx.region, &req.name))? {
        return Err(AutoScalingError::AlreadyExists(req.name));
    }
    if all(cx)?.len() >= GROUPS_MAX {
        return Err(AutoScalingError::Limit(
            "The maximum number of Auto Scaling groups has been reached.".into(),
        ));
    }
    let (template, mixed) = match (&req.template, &req.mixed) {
        (Some(asked), None) => (of_one_type(cx, asked)?, None),
        (None, Some(asked)) => {
            let (template, mixed) = mixed::policy(cx, asked, None)?;
            (template, Some(mixed))
        }
        _ => {
            let what = "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.";
            return Err(invalid(what));
        }
    };
    let desired = req.desired.unwrap_or(req.min);
    let words = format!(
        "a user request created an AutoScalingGroup changing the desired capacity from 0 to {desired}."
    );
    let mut group = Group {
        id: base::id::uuid(cx.rng()),
        template,
        mixed,
        rebalances: req.rebalances == Some(true),
        unit: req.unit,
        min: req.min,
        max: req.max,
        desired,
        cooldown: req.cooldown.unwrap_or(COOLDOWN),
        warmup: warmup(req.warmup, None)?,
        grace: req.grace.unwrap_or(0),
        subnets: subnets(cx, req.subnets.as_ref(), &req.zones)?,
        identifier: req.subnets,
        placement: placement(cx, req.placement)?,
        protects_new: req.protects.unwrap_or(false),
        tags: tags(&req.name, &req.tags, |_| false)?,
        termination: termination(req.policies)?,
        created: cx.now,
        scaled: cx.now,
        cause: at(cx.now, &words),
        name: req.name,
        ..Group::default()
    };
    fit::linked(cx, &group)?;
    check_sizes(&group)?;
    check_unit(&group)?;
    let role = match &req.role {
        Some(asked) => linked::named(cx, asked)?,
        None => linked::default(cx)?,
    };
    hook::begin(cx, &mut group, req.hooks)?;
    keep(cx, &Group { role: Some(role), ..group });
    Ok(Empty)
}

/// AWS: sizes are counted in processors or memory where types are chosen by attributes.
fn check_unit(group: &Group) -> Result<(), AutoScalingError> {
    let Some(unit) = &group.unit else { return Ok(()) };
    if Unit::named(unit).is_none() {
        return Err(invalid(format!("DesiredCapacityType must be units, vcpu or memory-mib, not {unit}.")));
    }
    if !group.mixed.as_ref().is_some_and(Mixed::goes_by_attributes) {
        return Err(invalid("DesiredCapacityType can be specified only with InstanceRequirements."));
    }
    Ok(())
}

/// A template by which types are chosen is for groups of several.
pub(super) fn of_one_type(
    cx: &mut Cx<'_>,
    asked: &TemplateSpecification,
) -> Result<Template, AutoScalingError> {
    let found = template(cx, asked)?;
    if mixed::says(cx, &found, "InstanceRequirements")? {
        return Err(invalid(
            "A launch template with InstanceRequirements needs a MixedInstancesPolicy whose overrides have them.",
        ));
    }
    Ok(found)
}

/// `At 2026-01-15T12:00:00Z …`
pub(crate) fn at(now: Timestamp, words: &str) -> String {
    let time = now.iso8601();
    let seconds = time.split('.').next().unwrap_or_default().trim_end_matches('Z');
    format!("At {seconds}Z {words}")
}

/// What instances are launched by from now on: one template, or several types.
fn change_launches(cx: &mut Cx<'_>, group: &mut Group, req: &Update) -> Result<(), AutoScalingError> {
    match (&req.template, &req.mixed) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            return Err(invalid("LaunchTemplate and MixedInstancesPolicy may not be specified together."));
        }
        (Some(asked), None) => {
            group.template = of_one_type(cx, asked)?;
            group.mixed = None;
        }
        (None, Some(_)) if group.pool.is_some() => {
            return Err(invalid("A group that has a warm pool may not have a mixed instances policy."));
        }
        (None, Some(_)) if group.refreshes => return Err(AutoScalingError::RefreshInProgress),
        (None, Some(asked)) => {
            let (template, mixed) = mixed::policy(cx, asked, Some(group))?;
            (group.template, group.mixed) = (template, Some(mixed));
        }
    }
    (group.failures, group.retry) = (0, cx.now);
    Ok(())
}

fn update(cx: &mut Cx<'_>, req: Update) -> Result<Empty, AutoScalingError> {
    check_type(req.check.as_ref())?;
    let mut group = find(cx, &req.name)?;
    let before = group.desired;
    change_launches(cx, &mut group, &req)?;
    group.rebalances = req.rebalances.unwrap_or(group.rebalances);
    if let Some(asked) = &req.role {
        group.role = Some(linked::named(cx, asked)?);
    }
    let is_moved = req.subnets.is_some() || !req.zones.is_empty();
    if is_moved {
        group.subnets = subnets(cx, req.subnets.as_ref(), &req.zones)?;
        group.identifier = req.subnets;
    }
    if is_moved || req.template.is_some() || req.mixed.is_some() {
        fit::linked(cx, &group)?;
    }
    if req.placement.is_some() {
        group.placement = placement(cx, req.placement)?;
    }
    group.unit = req.unit.clone().or(group.unit);
    group.min = req.min.unwrap_or(group.min);
    group.max = req.max.unwrap_or(group.max);
    // AWS: a size that the new bounds leave out is moved to the nearer of them.
    let kept = group.desired.clamp(group.min.min(group.max), group.max);
    group.desired = req.desired.unwrap_or(kept);
    group.cooldown = req.cooldown.unwrap_or(group.cooldown);
    group.warmup = warmup(req.warmup, group.warmup)?;
    group.grace = req.grace.unwrap_or(group.grace);
    group.protects_new = req.protects.unwrap_or(group.protects_new);
    if !req.policies.is_empty() {
        group.termination = termination(req.policies)?;
    }
    check_sizes(&group)?;
    check_unit(&group)?;
    if group.desired != before {
        group.rest = None;
        let Group { min, max, desired, .. } = group;
        group.cause = at(
            cx.now,
            &format!(
                "a user request update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {desired} changing the desired capacity from {before} to {desired}."
            ),
        );
        group.scaled = cx.now;
    }
    keep(cx, &group);
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut found = all(cx)?;
    found.retain(|group| req.names.is_empty() || req.names.contains(&group.name));
    let mut kept = Vec::new();
    // A filter that is none is refused where there is no group, too.
    tag::has(&Group::default(), &req.filters)?;
    for group in found {
        if tag::has(&group, &req.filters)? {
            kept.push(group);
        }
    }
    let found = kept;
    let (found, next) = page(cx, found, size(req.max, 50, 100)?, req.next.as_ref())?;
    Ok(Described { groups: found.iter().map(|group| View::of(cx, group)).collect(), next })
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    if group.members.is_empty() && group.warmed.is_empty() {
        remove(cx, &group)?;
        return Ok(Empty);
    }
    if req.force != Some(true) {
        return Err(AutoScalingError::ResourceInUse);
    }
    let words = format!(
        "a user request force deleted AutoScaling group changing the desired capacity from {} to 0.",
        group.desired
    );
    group.cause = at(cx.now, &words);
    (group.min, group.max, group.desired, group.deleting) = (0, 0, 0, true);
    keep(cx, &group);
    Ok(Empty)
}

/// Deletes all that a table has of a group.
fn forget<R: Record>(cx: &mut Cx<'_>, table: &Table<R>, group: &Key) -> Result<(), AutoScalingError> {
    let all = table.scan(cx.tx, group, Direction::Forward).map(|pair| pair.map(|(key, _)| key));
    let all: Vec<Key> = all.collect::<Result<_, _>>()?;
    all.iter().for_each(|key| table.delete(cx.tx, key));
    Ok(())
}

/// Takes away a group without instances, its policies, scheduled actions and refreshes. Its activities are told on for
/// their time; what is over of any group goes now, since nobody writes those of a deleted one any more.
pub(crate) fn remove(cx: &mut Cx<'_>, group: &Group) -> Result<(), AutoScalingError> {
    for policy in of_group(cx, &POLICIES, Some(&group.name))? {
        super::policy::remove(cx, &policy)?;
    }
    for action in of_group(cx, &ACTIONS, Some(&group.name))? {
        action.delete(cx.tx, (cx.account, cx.region));
    }
    let place = key(cx.account, cx.region, &group.name);
    forget(cx, &REFRESHES, &place)?;
    GROUPS.delete(cx.tx, &place);
    forget_old(cx)?;
    Ok(())
}
