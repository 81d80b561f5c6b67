//! Which groups each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html>

use super::SELF;
use super::errors::AutoScalingError;
use super::model::policy::Policy;
use super::model::{GROUPS, Group, key};
use base::tag::Tags;
use base::{AccountId, Arn};
use kernel::{Cx, Target};
use store::{Direction, Key};
use wire::{Fault, Struct, Value};

pub(crate) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

fn by_name(cx: &Cx<'_>, name: &str) -> Result<Target, AutoScalingError> {
    match GROUPS.get(cx.tx, &key(cx.account, cx.region, name))? {
        Some(group) => Ok(of(cx, &group)),
        None => {
            let resource = format!("autoScalingGroup:*:autoScalingGroupName/{name}");
            Ok(Target::on(cx.arn("autoscaling", &resource).to_string()))
        }
    }
}

fn of(cx: &Cx<'_>, group: &Group) -> Target {
    let tags: Tags = group.tags.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect();
    let target = Target::on(group.arn(cx.account, cx.region));
    let target = tags
        .iter()
        .fold(target, |target, (key, value)| target.key(format!("autoscaling:ResourceTag/{key}"), value));
    if tags.is_empty() { target } else { target.tagged(tags) }
}

/// The group that the request names.
pub(crate) fn group(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let target = by_name(cx, request.str("AutoScalingGroupName").unwrap_or_default())?;
    let sizes = [("MinSize", "autoscaling:MinSize"), ("MaxSize", "autoscaling:MaxSize")];
    let target = sizes.iter().fold(target, |target, (member, name)| {
        match request.get(member).and_then(Value::as_int) {
            Some(size) => target.key(*name, size.to_string()),
            None => target,
        }
    });
    Ok(vec![target])
}

/// Hands a role to Auto Scaling. One of another account cannot be passed.
pub(crate) fn pass(role: &str) -> Target {
    let target = Target::on(role).doing("iam:PassRole").key("iam:PassedToService", SELF);
    match Arn::parse(role).and_then(|arn| AccountId::parse(&arn.account)) {
        Some(owner) => target.owned_by(owner),
        None => target,
    }
}

/// The group that the request names, and the role in whose name one hook of it tells its target.
pub(crate) fn hook(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = group(cx, request)?;
    targets.extend(request.str("RoleARN").map(pass));
    Ok(targets)
}

/// The same of the hooks that a group begins with.
pub(crate) fn hooks(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = group(cx, request)?;
    let hooks = request.get("LifecycleHookSpecificationList").and_then(Value::as_list).unwrap_or_default();
    let roles = hooks.iter().filter_map(|hook| hook.member("RoleARN").and_then(Value::as_str));
    targets.extend(roles.map(pass));
    Ok(targets)
}

/// The groups whose tags the request changes, with those tags.
pub(crate) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let tags = request.get("Tags").and_then(Value::as_list).unwrap_or_default();
    let text = |tag: &Value, name: &str| tag.member(name).and_then(Value::as_str).map(str::to_owned);
    let mut names: Vec<String> = tags.iter().filter_map(|tag| text(tag, "ResourceId")).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        names.push("*".into());
    }
    let keys: Vec<String> = tags.iter().filter_map(|tag| text(tag, "Key")).collect();
    let with = |target: Target| {
        let pairs = tags.iter().filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?)));
        let target =
            pairs.fold(target, |target, (key, value)| target.key(format!("aws:RequestTag/{key}"), value));
        if keys.is_empty() { target } else { target.keys("aws:TagKeys", keys.clone()) }
    };
    names.iter().map(|name| Ok(with(by_name(cx, name)?))).collect()
}

/// The group of a policy, which its ARN names where the request does not.
pub(crate) fn policy(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let within = request.str("PolicyName").and_then(Policy::named).map(|(group, _)| group);
    let name = within.or(request.str("AutoScalingGroupName")).unwrap_or("*");
    Ok(vec![by_name(cx, name)?])
}

/// The group that the named instance is in.
pub(crate) fn instance(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let found = holder(cx, request.str("InstanceId").unwrap_or_default())?;
    let any = || Target::on(cx.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*").to_string());
    Ok(vec![found.as_ref().map_or_else(any, |group| of(cx, group))])
}

/// The group of an instance.
pub(crate) fn holder(cx: &Cx<'_>, instance: &str) -> Result<Option<Group>, AutoScalingError> {
    for pair in GROUPS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        let (_, group) = pair?;
        if group.members.iter().any(|member| member.id == instance) {
            return Ok(Some(group));
        }
    }
    Ok(None)
}
