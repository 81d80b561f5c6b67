//! The resources that a target comes to, as the role of the experiment sees them.

use super::call_of;
use crate::ec2::ops::{list, text, texts};
use crate::fis::SELF;
use crate::fis::model::Target;
use crate::fis::model::action::{GROUP, ROLE, SPOT, SUBNET, VOLUME, VPC, ZONE};
use crate::fis::model::choice::{Mode, passes};
use kernel::{As, Cx};
use wire::{Fault, Value};

/// What fits, and of that as much as the mode says, by chance.
pub(super) fn resolve(cx: &mut Cx<'_>, target: &Target) -> Result<Vec<String>, Fault> {
    let mut found = match target.kind.as_str() {
        SUBNET => subnets(cx, target)?,
        VOLUME => volumes(cx, target)?,
        GROUP => groups(cx, target)?,
        ROLE => roles(cx, target)?,
        _ => instances(cx, target)?,
    };
    let wanted = Mode::read(&target.mode).unwrap_or(Mode::All).of(found.len());
    let mut chosen = Vec::new();
    while chosen.len() < wanted && !found.is_empty() {
        let at = cx.rng().below(u64::try_from(found.len()).unwrap_or(1));
        chosen.push(found.swap_remove(usize::try_from(at).unwrap_or_default()));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// How EC2 is asked for them: by ids, or by tags.
fn asked(target: &Target, ids: &'static str) -> Vec<(&'static str, Value)> {
    let filter = |(key, value): (&String, &String)| {
        let values = Value::List(vec![Value::str(value)]);
        let name = Value::Str(format!("tag:{key}"));
        Value::Struct([("Name", name), ("Values", values)].into_iter().collect())
    };
    if target.arns.is_empty() {
        let filters: Vec<Value> = target.tags.iter().map(filter).collect();
        return if filters.is_empty() { Vec::new() } else { vec![("Filters", Value::List(filters))] };
    }
    let named: Vec<String> =
        target.arns.iter().filter_map(|arn| arn.rsplit('/').next().map(str::to_owned)).collect();
    vec![(ids, texts(&named))]
}

fn instances(cx: &mut Cx<'_>, target: &Target) -> Result<Vec<String>, Fault> {
    let told = call_of(cx, "ec2", "DescribeInstances", asked(target, "InstanceIds"))?;
    let mut found = Vec::new();
    for instance in list(&told, "Reservations").iter().flat_map(|shown| list(shown, "Instances")) {
        let state = instance.at(&["State", "Name"]).and_then(Value::as_str).unwrap_or_default();
        let is_there = !matches!(state, "terminated" | "shutting-down");
        let is_kind = target.kind != SPOT || text(instance, "InstanceLifecycle") == "spot";
        if is_there && is_kind && passes(instance, &target.filters) {
            found.push(text(instance, "InstanceId"));
        }
    }
    Ok(found)
}

fn subnets(cx: &mut Cx<'_>, target: &Target) -> Result<Vec<String>, Fault> {
    let told = call_of(cx, "ec2", "DescribeSubnets", asked(target, "SubnetIds"))?;
    let is_in = |subnet: &&Value, parameter: &str, members: &[&str]| {
        let wanted = target.parameters.get(parameter);
        wanted.is_none_or(|wanted| members.iter().any(|member| text(subnet, member) == *wanted))
    };
    let found = list(&told, "Subnets").iter().filter(|subnet| {
        is_in(subnet, ZONE, &["AvailabilityZone", "AvailabilityZoneId"])
            && is_in(subnet, VPC, &["VpcId"])
            && passes(subnet, &target.filters)
    });
    Ok(found.map(|subnet| text(subnet, "SubnetId")).collect())
}

fn volumes(cx: &mut Cx<'_>, target: &Target) -> Result<Vec<String>, Fault> {
    let told = call_of(cx, "ec2", "DescribeVolumes", asked(target, "VolumeIds"))?;
    let is_in = |volume: &&Value| {
        let zone = target.parameters.get(ZONE);
        zone.is_none_or(|zone| {
            ["AvailabilityZone", "AvailabilityZoneId"].iter().any(|member| text(volume, member) == *zone)
        })
    };
    let found = list(&told, "Volumes").iter();
    let found = found.filter(|volume| is_in(volume) && passes(volume, &target.filters));
    Ok(found.map(|volume| text(volume, "VolumeId")).collect())
}

fn groups(cx: &mut Cx<'_>, target: &Target) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let members = next.take().map(|next: String| ("NextToken", Value::Str(next)));
        let told = call_of(cx, "autoscaling", "DescribeAutoScalingGroups", members)?;
        for group in list(&told, "AutoScalingGroups") {
            let arn = text(group, "AutoScalingGroupARN");
            let has = |(key, value): (&String, &String)| {
                list(group, "Tags").iter().any(|tag| text(tag, "Key") == *key && text(tag, "Value") == *value)
            };
            let is_named = target.arns.is_empty() || target.arns.contains(&arn);
            if is_named && target.tags.iter().all(has) && passes(group, &target.filters) {
                found.push(arn);
            }
        }
        let more = text(&told, "NextToken");
        if more.is_empty() {
            return Ok(found);
        }
        next = Some(more);
    }
}

/// Those that are there. AWS asks for no right to look at them.
fn roles(cx: &mut Cx<'_>, target: &Target) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    for arn in &target.arns {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let members = Value::Struct([("RoleName", Value::str(name))].into_iter().collect());
        let who = As::Service { name: SELF, account: cx.account };
        match cx.call("iam", "GetRole", members, who) {
            Ok(told) if told.at(&["Role", "Arn"]).and_then(Value::as_str) == Some(arn) => {
                found.push(arn.clone());
            }
            Err(fault) if fault.status != 404 => return Err(fault),
            _ => {}
        }
    }
    Ok(found)
}
