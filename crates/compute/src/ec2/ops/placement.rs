//! Placement groups made, told and ended; and machines that change theirs.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreatePlacementGroup.html>

use crate::ec2::model::{INSTANCES, state};
use crate::ec2::placement::{
    CLUSTER, GROUPS, Group, PARTITION, SPREAD, arn, find, is_used, join, name_of, named, of, target,
};
use ec2::access::{Access, list};
use ec2::describe::{self, Ask, Item};
use ec2::filter::{Filter, Known};
use ec2::kind::{INSTANCE, PLACEMENT_GROUP};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty, Target};
use store::Key;
use wire::{Fault, Struct};

kernel::ops! {
    /// Placement groups.
    pub static OPS:
        CreatePlacementGroup: create, "ec2:CreatePlacementGroup", created;
        DescribePlacementGroups: describe_groups, "ec2:DescribePlacementGroups", list;
        DeletePlacementGroup: delete, "ec2:DeletePlacementGroup", deleted;
        ModifyInstancePlacement: modify, "ec2:ModifyInstancePlacement", modified;
}

/// AWS: of an account in a region.
const GROUPS_MAX: usize = 500;
/// AWS: in a zone.
const PARTITIONS_MAX: i64 = 7;
/// AWS's default.
const PARTITIONS: i64 = 2;
const RACK: &str = "rack";

wire::shape! {
    #[derive(Debug)]
    struct Create {
        name: Option<String> = "GroupName",
        strategy: Option<String> = "Strategy",
        partitions: Option<i64> = "PartitionCount",
        spread: Option<String> = "SpreadLevel",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Created { group: View = "PlacementGroup" }

    #[derive(Debug)]
    struct Describe {
        names: Vec<String> = "GroupNames",
        ids: Vec<String> = "GroupIds",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Described { groups: Vec<View> = "PlacementGroups" }

    #[derive(Debug)]
    struct View {
        id: String = "GroupId",
        name: String = "GroupName",
        arn: String = "GroupArn",
        state: String = "State",
        strategy: String = "Strategy",
        partitions: Option<i64> = "PartitionCount",
        spread: Option<String> = "SpreadLevel",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Delete { name: String = "GroupName" }

    #[derive(Debug)]
    struct Modify {
        id: String = "InstanceId",
        group_id: Option<String> = "GroupId",
        group: Option<String> = "GroupName",
        partition: Option<i64> = "PartitionNumber",
    }

    #[derive(Debug)]
    struct Modified { done: bool = "Return" }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

fn created(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let strategy = request.str("Strategy").unwrap_or(CLUSTER).to_owned();
    Access::of(cx, request).new(&PLACEMENT_GROUP).key("ec2:PlacementGroupStrategy", strategy).done()
}

fn deleted(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![target(cx, request.str("GroupName").unwrap_or("*"))])
}

/// A machine, and the group that it is to be in.
fn modified(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let group = name_of(cx, request.str("GroupId"), request.str("GroupName")).map(|name| target(cx, &name));
    Access::of(cx, request).one(&INSTANCE, "InstanceId").target_if(group).done()
}

fn view(cx: &Cx<'_>, group: Group) -> Result<View, Ec2Error> {
    Ok(View {
        arn: register::arn(cx.account, cx.region, PLACEMENT_GROUP.noun, &group.name),
        tags: tags::view(&register::tags(cx, &group.id)?),
        id: group.id,
        name: group.name,
        state: "available".into(),
        partitions: (group.strategy == PARTITION).then_some(group.partitions),
        spread: (group.strategy == SPREAD).then(|| RACK.to_owned()),
        strategy: group.strategy,
    })
}

/// How many partitions a group has; none where it is not divided.
fn partitions(req: &Create, strategy: &str) -> Result<i64, Ec2Error> {
    match req.partitions {
        None if strategy == PARTITION => Ok(PARTITIONS),
        None => Ok(0),
        Some(_) if strategy != PARTITION => {
            let what = "The parameter partitionCount may be used with the strategy partition only.";
            Err(Plain::InvalidParameterCombination(what.into()).into())
        }
        Some(count) if (1..=PARTITIONS_MAX).contains(&count) => Ok(count),
        Some(count) => {
            Err(Ec2Error::value(count, "partitionCount", &format!("Valid values: 1 to {PARTITIONS_MAX}.")))
        }
    }
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    let own = tags::of_new(cx.caller, &req.tags, &PLACEMENT_GROUP, &[&PLACEMENT_GROUP])?;
    let Some(name) = req.name.as_ref().filter(|name| !name.is_empty()) else {
        return Err(Plain::MissingParameter("groupName".into()).into());
    };
    if name.len() > 255 || !name.is_ascii() {
        return Err(Ec2Error::value(name, "groupName", "Up to 255 ASCII characters are allowed."));
    }
    let strategy = req.strategy.as_deref().unwrap_or(CLUSTER);
    if ![CLUSTER, SPREAD, PARTITION].contains(&strategy) {
        return Err(Ec2Error::value(strategy, "strategy", "Valid values: cluster, spread, partition."));
    }
    match req.spread.as_deref() {
        None => {}
        Some(RACK) if strategy == SPREAD => {}
        Some("host") if strategy == SPREAD => {
            let what = "Groups that are spread over hosts are for Outposts, which this cloud has none of.";
            return Err(Plain::UnsupportedOperation(what.into()).into());
        }
        Some(_) if strategy != SPREAD => {
            let what = "The parameter spreadLevel may be used with the strategy spread only.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        Some(other) => return Err(Ec2Error::value(other, "spreadLevel", "Valid values: host, rack.")),
    }
    let partitions = partitions(&req, strategy)?;
    if named(cx, name)?.is_some() {
        return Err(Plain::PlacementGroupDuplicate(name.clone()).into());
    }
    if !cx.has_room(&GROUPS, &Key::regional(cx.account, cx.region), GROUPS_MAX)? {
        return Err(Plain::PlacementGroupLimit(GROUPS_MAX).into());
    }
    let (id, strategy) = (PLACEMENT_GROUP.id(cx.rng()), strategy.to_owned());
    let group = Group { id, name: name.clone(), strategy, partitions, created: cx.now };
    GROUPS.put(cx.tx, &register::key(cx.account, cx.region, &group.id), &group);
    let keys = [
        ("ec2:PlacementGroupName", group.name.clone()),
        ("ec2:PlacementGroupStrategy", group.strategy.clone()),
    ];
    register::enter(cx, &PLACEMENT_GROUP, &group.id, &own, &keys);
    Ok(Created { group: view(cx, group)? })
}

static FILTERS: &Known<View> = &[
    ("group-arn", |g| vec![g.arn.clone()]),
    ("group-name", |g| vec![g.name.clone()]),
    ("spread-level", |g| g.spread.iter().cloned().collect()),
    ("state", |g| vec![g.state.clone()]),
    ("strategy", |g| vec![g.strategy.clone()]),
];

fn describe_groups(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    let mut found = describe::some(cx, &GROUPS, &PLACEMENT_GROUP, &req.ids)?;
    if !req.names.is_empty() {
        let all = describe::all(cx, &GROUPS)?;
        let unknown = |name: &&String| !all.iter().any(|group| group.name == **name);
        if let Some(name) = req.names.iter().find(unknown) {
            return Err(Plain::PlacementGroupUnknown(name.clone()).into());
        }
        found.retain(|group| req.names.contains(&group.name));
    }
    let items = found.into_iter().map(|group| view(cx, group)).collect::<Result<_, _>>()?;
    let (groups, _) = describe::page(cx, items, Ask::new(&req.filters, None, None), FILTERS)?;
    Ok(Described { groups })
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, Ec2Error> {
    let group = named(cx, &req.name)?.ok_or_else(|| Plain::PlacementGroupUnknown(req.name.clone()))?;
    if is_used(cx, &group)? {
        let what = format!("The placement group '{}' is in use and may not be deleted.", group.name);
        return Err(Plain::PlacementGroupInUse(what).into());
    }
    GROUPS.delete(cx.tx, &register::key(cx.account, cx.region, &group.id));
    register::strike(cx.tx, cx.account, cx.region, &group.id);
    Ok(Empty)
}

/// AWS: an empty name takes the machine out of its group.
fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Modified, Ec2Error> {
    let mut instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.id)?;
    if req.group_id.is_none() && req.group.is_none() && req.partition.is_none() {
        let what = "The request must say a placement group or a partition.";
        return Err(Plain::MissingTarget(what.into()).into());
    }
    if instance.state != state::STOPPED {
        let what = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    let group = match (&req.group_id, &req.group) {
        (None, None) => of(cx, &instance)?,
        (id, name) => find(cx, id.as_ref(), name.as_ref())?,
    };
    join(&mut instance, group.as_ref(), req.partition)?;
    let arn = arn(cx, &instance)?;
    register::set_key(cx, &instance.id, "ec2:PlacementGroup", arn)?;
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Modified { done: true })
}
