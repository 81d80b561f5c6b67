//! What a rolling update asks a group of Auto Scaling's, and has it do. What is to be done stands in the wanted value.

use super::Done;
use super::on::{On, at, items, map, text_at, texts};
use super::scaling::{SCALING, described};
use super::vpc::EC2;
use crate::cloudformation::template::{get, text};
use wire::Value;

/// A group as it is.
#[derive(Debug)]
pub(crate) struct Members {
    /// Every instance that it has.
    pub(crate) all: Vec<String>,
    /// Those that were launched by what it no longer launches by, or are where it no longer launches.
    pub(crate) obsolete: Vec<String>,
    pub(crate) in_service: usize,
    pub(crate) desired: i64,
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) suspended: Vec<String>,
}

/// The ids and the numbers of what the group launches by: one template, and those that some of its types have instead.
fn launches_by(on: &mut On<'_, '_>, group: &Value) -> Done<Vec<(String, String)>> {
    const MIXED: &str = "MixedInstancesPolicy.LaunchTemplate";
    let overrides = items(at(group, &format!("{MIXED}.Overrides")).cloned().unwrap_or(Value::Null));
    let own = ["LaunchTemplate".to_owned(), format!("{MIXED}.LaunchTemplateSpecification")];
    let own = own.iter().filter_map(|place| at(group, place).cloned());
    let others = overrides.iter().filter_map(|one| at(one, "LaunchTemplateSpecification").cloned());
    let named: Vec<Value> = own.chain(others).collect();
    named.iter().map(|template| number(on, template)).collect()
}

/// The id of a template, and the number of the version that is meant.
fn number(on: &mut On<'_, '_>, named: &Value) -> Done<(String, String)> {
    let id = text_at(named, "LaunchTemplateId");
    let version = Some(text_at(named, "Version")).filter(|version| !version.is_empty());
    let version = version.unwrap_or_else(|| "$Default".to_owned());
    if version.parse::<u64>().is_ok() {
        return Ok((id, version));
    }
    let versions = Value::List(vec![Value::Str(version)]);
    let asked = map([("LaunchTemplateId", Value::str(&id)), ("Versions", versions)]);
    let told = on.call(EC2, "DescribeLaunchTemplateVersions", asked)?;
    Ok((id, text_at(&told, "LaunchTemplateVersions.0.VersionNumber")))
}

/// Instances that are in none of these subnets, or not in the placement group that is named.
fn elsewhere(on: &mut On<'_, '_>, ids: &[String], subnets: &str, placement: &str) -> Done<Vec<String>> {
    if subnets.is_empty() && placement.is_empty() || ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = Value::List(ids.iter().map(Value::str).collect());
    let told = on.call(EC2, "DescribeInstances", map([("InstanceIds", ids)]))?;
    let reservations = items(at(&told, "Reservations").cloned().unwrap_or(Value::Null));
    let instances = reservations
        .into_iter()
        .flat_map(|reservation| items(at(&reservation, "Instances").cloned().unwrap_or(Value::Null)));
    let is_in = |instance: &Value| {
        let own = text_at(instance, "SubnetId");
        let there = subnets.is_empty() || own.is_empty() || subnets.split(',').any(|one| one.trim() == own);
        there && (placement.is_empty() || text_at(instance, "Placement.GroupName") == placement)
    };
    let others = instances.filter(|instance| !is_in(instance));
    Ok(others.map(|instance| text_at(&instance, "InstanceId")).collect())
}

/// How the group is now.
pub(crate) fn look(on: &mut On<'_, '_>) -> Done<Members> {
    let told = described(on)?;
    let group = at(&told, "AutoScalingGroups.0").cloned().unwrap_or(Value::Null);
    let instances = items(at(&group, "Instances").cloned().unwrap_or(Value::Null));
    let id = |instance: &Value| text_at(instance, "InstanceId");
    let is_at = |instance: &Value, state: &str| text_at(instance, "LifecycleState").starts_with(state);
    let here: Vec<&Value> =
        instances.iter().filter(|one| is_at(one, "InService") || is_at(one, "Pending")).collect();
    let templates = launches_by(on, &group)?;
    let ids: Vec<String> = here.iter().map(|one| id(one)).collect();
    let (subnets, placement) = (text_at(&group, "VPCZoneIdentifier"), text_at(&group, "PlacementGroup"));
    let elsewhere = elsewhere(on, &ids, &subnets, &placement)?;
    let by = |one: &Value| {
        (text_at(one, "LaunchTemplate.LaunchTemplateId"), text_at(one, "LaunchTemplate.Version"))
    };
    let is_old = |one: &&&Value| !templates.contains(&by(one)) || elsewhere.contains(&id(one));
    let number = |name: &str| text_at(&group, name).parse().unwrap_or(0);
    let suspended = items(at(&group, "SuspendedProcesses").cloned().unwrap_or(Value::Null));
    Ok(Members {
        obsolete: here.iter().filter(is_old).map(|one| id(one)).collect(),
        in_service: instances.iter().filter(|one| is_at(one, "InService")).count(),
        all: instances.iter().map(id).collect(),
        desired: number("DesiredCapacity"),
        min: number("MinSize"),
        max: number("MaxSize"),
        suspended: suspended.iter().map(|one| text_at(one, "ProcessName")).collect(),
    })
}

fn named(on: &On<'_, '_>) -> (&'static str, Value) {
    ("AutoScalingGroupName", on.physical())
}

/// Ends instances, in whose stead the group launches others.
pub(crate) fn terminate(on: &mut On<'_, '_>) -> Done<()> {
    for id in texts(get(on.wanted, "Instances")) {
        let input =
            map([("InstanceId", Value::Str(id)), ("ShouldDecrementDesiredCapacity", Value::Bool(false))]);
        on.end(SCALING, "TerminateInstanceInAutoScalingGroup", input)?;
    }
    Ok(())
}

pub(crate) fn resize(on: &mut On<'_, '_>) -> Done<()> {
    let number = |name: &str| get(on.wanted, name).cloned().unwrap_or(Value::Null);
    let input =
        map([named(on), ("MinSize", number("MinSize")), ("DesiredCapacity", number("DesiredCapacity"))]);
    on.call(SCALING, "UpdateAutoScalingGroup", input).map(drop)
}

fn processes(on: &mut On<'_, '_>, operation: &str) -> Done<()> {
    let list = get(on.wanted, "ScalingProcesses").cloned().unwrap_or(Value::Null);
    if items(list.clone()).iter().filter_map(text).next().is_none() {
        return Ok(());
    }
    on.call(SCALING, operation, map([named(on), ("ScalingProcesses", list)])).map(drop)
}

pub(crate) fn suspend(on: &mut On<'_, '_>) -> Done<()> {
    processes(on, "SuspendProcesses")
}

pub(crate) fn resume(on: &mut On<'_, '_>) -> Done<()> {
    processes(on, "ResumeProcesses")
}
