//! Instances of a group launched and ended by EC2's public operations, with the activities that tell of it.

use super::mixed::Place;
use super::{hook, notify, tell};
use crate::autoscaling::model::warm;
use crate::autoscaling::model::{
    ACTIVITIES, Activity, Group, Member, PENDING, TERMINATING, TERMINATING_WAIT, Template, key,
};
use crate::autoscaling::ops::{call, list, structure, text};
use base::tag::{is_own, is_reserved};
use ec2::{fault, zone};
use kernel::{As, Cx};
use std::collections::BTreeMap;
use wire::{Fault, Value};

/// An activity that begins now.
pub(crate) fn activity(
    cx: &Cx<'_>,
    group: &Group,
    description: String,
    cause: String,
    place: (&str, &str),
) -> Activity {
    let (zone, subnet) = place;
    let zone_id = cx.region.zone_id(zone).unwrap_or_default();
    let pairs =
        [("Availability Zone ID", zone_id.as_str()), ("Subnet ID", subnet), ("Availability Zone", zone)];
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let details = Value::map(pairs.map(|(name, value)| (name, Value::str(value))));
    Activity {
        id: base::id::uuid(cx.rng()),
        group: group.name.clone(),
        description,
        cause,
        start: cx.now,
        end: None,
        status: "InProgress".into(),
        message: None,
        details: wire::json::text(&details),
        arn: group.arn(cx.account, cx.region),
        way: None,
    }
}

/// The template's data, and the number of the version that is meant.
pub(crate) fn data(cx: &mut Cx<'_>, template: &Template) -> Result<(Value, String), Fault> {
    let version = template.version.as_deref().unwrap_or("$Default");
    let versions = Value::List(vec![Value::str(version)]);
    let named = [("LaunchTemplateId", Value::str(&template.id)), ("Versions", versions)];
    let found = call(cx, "ec2", "DescribeLaunchTemplateVersions", named)?;
    let shown = list(&found, "LaunchTemplateVersions").first().cloned().unwrap_or(Value::Null);
    let number = shown.member("VersionNumber").and_then(Value::as_int).unwrap_or_default();
    Ok((shown.member("LaunchTemplateData").cloned().unwrap_or(Value::Null), number.to_string()))
}

fn tag(key: &str, value: &str) -> Value {
    structure([("Key", Value::str(key)), ("Value", Value::str(value))])
}

/// The template's tags for instances with the group's, and that by which they tell of their group.
fn tags(group: &Group, data: &Value) -> Vec<Value> {
    let mut instance = BTreeMap::new();
    let mut others = Vec::new();
    for specification in list(data, "TagSpecifications") {
        if text(specification, "ResourceType") == "instance" {
            let tags = list(specification, "Tags").iter();
            instance.extend(tags.map(|tag| (text(tag, "Key"), text(tag, "Value"))));
        } else {
            others.push(specification.clone());
        }
    }
    let own = group.tags.iter().filter(|(key, (_, propagate))| *propagate && !is_reserved(key));
    instance.extend(own.map(|(key, (value, _))| (key.clone(), value.clone())));
    instance.insert(MARK.into(), group.name.clone());
    let tags: Vec<Value> = instance.iter().map(|(key, value)| tag(key, value)).collect();
    others.push(structure([("ResourceType", Value::str("instance")), ("Tags", Value::List(tags))]));
    others
}

/// One that was not launched for the group tells of it as well.
pub(crate) fn mark(cx: &mut Cx<'_>, group: &Group, id: String) -> Result<String, Fault> {
    tagged(cx, "CreateTags", &id, tag(MARK, &group.name)).map(|()| id)
}

/// What CloudFormation says of the group it says of the instance, too: nobody else sets such tags.
fn mark_by_stack(cx: &mut Cx<'_>, group: &Group, id: String) -> Result<String, Fault> {
    const STACKS: &str = "cloudformation.amazonaws.com";
    let own =
        group.tags.iter().filter(|(key, (_, propagate))| *propagate && is_own(Some("cloudformation"), key));
    let tags: Vec<Value> = own.map(|(key, (value, _))| tag(key, value)).collect();
    if tags.is_empty() {
        return Ok(id);
    }
    let members = [("Resources", Value::List(vec![Value::str(&id)])), ("Tags", Value::List(tags))];
    let who = As::Service { name: STACKS, account: cx.account };
    cx.call("ec2", "CreateTags", Value::Struct(members.into_iter().collect()), who).map(|_| id)
}

/// It is nobody's any more.
pub(crate) fn unmark(cx: &mut Cx<'_>, id: &str) -> Result<(), Fault> {
    tagged(cx, "DeleteTags", id, structure([("Key", Value::str(MARK))]))
}

/// AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>
pub(crate) const MARK: &str = "aws:autoscaling:groupName";

fn tagged(cx: &mut Cx<'_>, operation: &str, id: &str, tag: Value) -> Result<(), Fault> {
    let members = [("Resources", Value::List(vec![Value::str(id)])), ("Tags", Value::List(vec![tag]))];
    call(cx, "ec2", operation, members).map(drop)
}

/// In a zone, and in the placement group of the group.
fn placement(group: &Group, zone: &str) -> Value {
    let within = group.placement.as_ref().map(|name| ("GroupName", Value::str(name)));
    structure([("AvailabilityZone", Value::str(zone))].into_iter().chain(within))
}

/// Launches one instance, for the group or for where else its way leads.
pub(super) fn launch(
    cx: &mut Cx<'_>,
    group: &Group,
    place: &Place,
    cause: String,
    way: Option<(&str, &str)>,
) -> Result<Member, Fault> {
    let (zone, subnet) = (place.zone.as_str(), place.subnet.as_str());
    let template = place.template.clone();
    let (data, version) = data(cx, &template)?;
    let shut = fault::shut_for(cx, &group.arn(cx.account, cx.region)).map_err(super::internal)?;
    if shut.contains(zone) {
        let kind = place.kind.clone().unwrap_or_else(|| text(&data, "InstanceType"));
        return Err(zone::no_capacity(cx, zone, &kind, &shut).into());
    }
    let by = structure([("LaunchTemplateId", Value::str(&template.id)), ("Version", Value::str(&version))]);
    let placement = placement(group, zone);
    let mut members = vec![
        ("LaunchTemplate", by),
        ("MinCount", Value::Int(1)),
        ("MaxCount", Value::Int(1)),
        ("Placement", placement),
    ];
    members.extend(place.kind.as_ref().map(|kind| ("InstanceType", Value::str(kind))));
    members.extend(place.image.as_ref().map(|image| ("ImageId", Value::str(image))));
    if place.is_spot {
        let options = structure(place.max.as_ref().map(|max| ("MaxPrice", Value::str(max))));
        let market = structure([("MarketType", Value::str("spot")), ("SpotOptions", options)]);
        members.push(("InstanceMarketOptions", market));
    }
    // The group says in which subnet; where the template has interfaces, the first of them is there.
    let mut plugs = list(&data, "NetworkInterfaces").to_vec();
    match plugs.first_mut() {
        Some(Value::Struct(first)) => {
            first.set("SubnetId", Value::str(subnet));
            members.push(("NetworkInterfaces", Value::List(plugs)));
        }
        _ => members.push(("SubnetId", Value::str(subnet))),
    }
    members.push(("TagSpecifications", Value::List(tags(group, &data))));
    let made = call(cx, "ec2", "RunInstances", members)?;
    let made = list(&made, "Instances").first().cloned().unwrap_or(Value::Null);
    let id = mark_by_stack(cx, group, text(&made, "InstanceId"))?;
    let into = if way.is_some() { " into warm pool" } else { "" };
    let description = format!("Launching a new EC2 instance{into}: {id}");
    let mut told = activity(cx, group, description, cause, (zone, subnet));
    told.way = way.map(|(from, to)| (from.to_owned(), to.to_owned()));
    tell(cx, &told)?;
    Ok(Member {
        kind: text(&made, "InstanceType"),
        zone: zone.to_owned(),
        subnet: subnet.to_owned(),
        state: PENDING.into(),
        since: cx.now,
        flaw: None,
        protected: group.protects_new,
        version,
        activity: told.id,
        launched: cx.now,
        acted: Some(cx.now),
        waits: Vec::new(),
        template: template.id,
        weight: place.weight,
        spot: place.is_spot,
        id,
        ..Member::default()
    })
}

/// Ends an instance, once it has waited for those hooks that there are.
pub(crate) fn end(cx: &mut Cx<'_>, group: &mut Group, id: &str, cause: String) -> Result<Activity, Fault> {
    let whole = group.clone();
    let member = group.members.iter_mut().find(|member| member.id == id);
    let Some(member) = member.filter(|_| !whole.deleting && whole.hooks.iter().any(|hook| !hook.launches))
    else {
        return end_now(cx, group, id, cause);
    };
    let told = activity(cx, &whole, format!("Terminating EC2 instance: {id}"), cause, member.place());
    tell(cx, &told)?;
    member.waits.clear();
    member.activity.clone_from(&told.id);
    hook::begin(cx, &whole, member, false, [warm::GROUP, warm::EC2]);
    (member.state, member.since, member.acted) = (TERMINATING_WAIT.into(), cx.now, Some(cx.now));
    Ok(told)
}

pub(super) fn end_now(
    cx: &mut Cx<'_>,
    group: &mut Group,
    id: &str,
    cause: String,
) -> Result<Activity, Fault> {
    stop(cx, id)?;
    let place = group.members.iter().find(|member| member.id == id).map(Member::place).unwrap_or_default();
    let told = activity(cx, group, format!("Terminating EC2 instance: {id}"), cause, place);
    tell(cx, &told)?;
    for member in group.members.iter_mut().filter(|member| member.id == id) {
        member.waits.clear();
        (member.state, member.since, member.acted) = (TERMINATING.into(), cx.now, Some(cx.now));
        member.activity.clone_from(&told.id);
    }
    Ok(told)
}

/// Ends the machine; protection against that is for others.
/// AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html>
pub(super) fn stop(cx: &mut Cx<'_>, id: &str) -> Result<(), Fault> {
    let ids = || [("InstanceIds", Value::List(vec![Value::str(id)]))];
    let done = match call(cx, "ec2", "TerminateInstances", ids()) {
        Err(fault) if fault.code == "OperationNotPermitted" => {
            let off = structure([("Value", Value::Bool(false))]);
            let members = [("InstanceId", Value::str(id)), ("DisableApiTermination", off)];
            call(cx, "ec2", "ModifyInstanceAttribute", members)?;
            call(cx, "ec2", "TerminateInstances", ids())
        }
        done => done,
    };
    match done {
        // Gone for so long that EC2 has forgotten it.
        Err(fault) if fault.code != "InvalidInstanceID.NotFound" => Err(fault),
        _ => Ok(()),
    }
}

/// Ends the activity that is about an instance, and says so on the bus.
pub(super) fn finish(
    cx: &mut Cx<'_>,
    group: &Group,
    member: &Member,
    event: &'static str,
    failed: Option<String>,
) -> Result<(), Fault> {
    let place = key(cx.account, cx.region, &group.name);
    let key = place.time(member.told()).str(&member.activity);
    let found = ACTIVITIES.get(cx.tx, &key).map_err(super::internal)?;
    let Some(mut activity) = found else { return Ok(()) };
    let status = if failed.is_some() { "Cancelled" } else { "Successful" };
    (activity.end, activity.status, activity.message) = (Some(cx.now), status.into(), failed);
    ACTIVITIES.put(cx.tx, &key, &activity);
    emit(cx, group, &activity, Some(&member.id), event);
    Ok(())
}

/// A launch that EC2 has refused.
pub(super) fn failed(cx: &mut Cx<'_>, group: &Group, fault: &Fault) {
    let (size, desired) = (group.size(), group.desired);
    let words = format!(
        "an instance was started in response to a difference between desired and actual capacity, increasing the capacity from {size} to {desired}."
    );
    let cause = format!("{}  {}", group.cause, crate::autoscaling::ops::group::at(cx.now, &words));
    let why = format!("{} Launching EC2 instance failed.", fault.message);
    let description = format!("Launching a new EC2 instance.  Status Reason: {why}");
    let mut told = activity(cx, group, description, cause, ("", ""));
    (told.end, told.status, told.message) = (Some(cx.now), "Failed".into(), Some(why));
    // Where it cannot be told, the group is kept all the same.
    let _ = tell(cx, &told);
    emit(cx, group, &told, None, "EC2 Instance Launch Unsuccessful");
}

/// AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html>
fn emit(cx: &mut Cx<'_>, group: &Group, activity: &Activity, instance: Option<&String>, event: &'static str) {
    let id = instance.map(String::as_str).unwrap_or_default();
    notify::tell(cx, group, activity, id, event);
    let mut resources = vec![activity.arn.clone()];
    resources.extend(instance.map(|id| cx.arn("ec2", &format!("instance/{id}")).to_string()));
    let detail = notify::detail(activity, id, event);
    cx.emit("aws.autoscaling", event, resources, &Value::map(detail));
}
