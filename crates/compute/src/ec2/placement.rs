//! Placement groups, and whose hardware a machine is on.
//!
//! All machines of this cloud are on one host. What AWS says of a group holds all the same: a cluster is in one zone, a
//! group that is spread has seven machines that run in each, and partitions are filled evenly. Who wants hardware of their
//! own is told that it is dedicated; it is charged as shared hardware is.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-groups.html>
//!
//! Not here: Dedicated Hosts, groups on Outposts, and groups that are linked.

use super::kinds;
use super::model::{INSTANCES, Instance, state};
use base::Timestamp;
use ec2::kind::PLACEMENT_GROUP;
use ec2::{Ec2Error, Plain, describe, register, zone};
use kernel::{Cx, Target};
use std::collections::{BTreeMap, BTreeSet};
use store::Table;

pub(crate) const CLUSTER: &str = "cluster";
pub(crate) const SPREAD: &str = "spread";
pub(crate) const PARTITION: &str = "partition";
/// AWS: of a group that is spread over racks, in one zone.
const SPREAD_MAX: usize = 7;
/// AWS: on dedicated hardware.
const PARTITIONS_DEDICATED_MAX: i64 = 2;

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Group {
        1 => pub(crate) id: String,
        2 => pub(crate) name: String,
        /// [`CLUSTER`], [`SPREAD`] or [`PARTITION`].
        3 => pub(crate) strategy: String,
        /// None but where that is [`PARTITION`].
        4 => pub(crate) partitions: i64,
        5 => pub(crate) created: Timestamp,
    }
}

pub(crate) const GROUPS: Table<Group> = Table::new(0x2270, "compute/placement-groups");

wire::shape! {
    /// Where a launch is to be.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Placement {
        pub(crate) zone: Option<String> = "AvailabilityZone",
        pub(crate) group_id: Option<String> = "GroupId",
        pub(crate) group: Option<String> = "GroupName",
        pub(crate) partition: Option<i64> = "PartitionNumber",
        pub(crate) tenancy: Option<String> = "Tenancy",
    }
}

impl Placement {
    /// The zone, if one is named. AWS: an empty one is none.
    pub(crate) fn zone(&self) -> Option<&String> {
        self.zone.as_ref().filter(|zone| !zone.is_empty())
    }

    pub(crate) fn of(zone: &str) -> Placement {
        Placement { zone: Some(zone.to_owned()), ..Placement::default() }
    }
}

/// The group with a name.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn named(cx: &Cx<'_>, name: &str) -> Result<Option<Group>, Ec2Error> {
    Ok(describe::all(cx, &GROUPS)?.into_iter().find(|group| group.name == name))
}

/// The group that a request means, if it means one.
///
/// # Errors
/// `InvalidPlacementGroup.Unknown`, `InvalidPlacementGroupId.Malformed`, `InvalidParameterCombination` where both say it.
pub(crate) fn find(
    cx: &Cx<'_>,
    id: Option<&String>,
    name: Option<&String>,
) -> Result<Option<Group>, Ec2Error> {
    let said = |text: &&String| !text.is_empty();
    match (id.filter(said), name.filter(said)) {
        (None, None) => Ok(None),
        (Some(id), None) => describe::get(cx, &GROUPS, &PLACEMENT_GROUP, id).map(Some),
        (None, Some(name)) => {
            let found = named(cx, name)?;
            found.map(Some).ok_or_else(|| Plain::PlacementGroupUnknown(name.clone()).into())
        }
        (Some(_), Some(_)) => {
            let what = "The parameter groupName cannot be used with the parameter groupId";
            Err(Plain::InvalidParameterCombination(what.into()).into())
        }
    }
}

/// What a policy is asked about a group: AWS names it by its name.
pub(crate) fn target(cx: &Cx<'_>, name: &str) -> Target {
    let region = cx.region.name();
    let target = Target::on(register::arn(cx.account, cx.region, PLACEMENT_GROUP.noun, name))
        .key("ec2:Region", region)
        .key("ec2:PlacementGroupName", name);
    let Ok(Some(group)) = named(cx, name) else { return target };
    let target = target.key("ec2:PlacementGroupStrategy", &group.strategy);
    let Ok(Some(entry)) = register::find(cx.tx, cx.account, cx.region, &group.id) else { return target };
    entry.tag(target)
}

/// The name of the group that a request means, for its policies; what is wrong with it is the handler's to say.
pub(crate) fn name_of(cx: &Cx<'_>, id: Option<&str>, name: Option<&str>) -> Option<String> {
    let given = |text: &&str| !text.is_empty();
    match (id.filter(given), name.filter(given)) {
        (_, Some(name)) => Some(name.to_owned()),
        (Some(id), None) => {
            let found = describe::get(cx, &GROUPS, &PLACEMENT_GROUP, id);
            Some(found.map_or_else(|_| "*".to_owned(), |group| group.name))
        }
        (None, None) => None,
    }
}

/// `dedicated`, else `default`.
pub(crate) fn tenancy(instance: &Instance) -> &'static str {
    if instance.dedicated { "dedicated" } else { "default" }
}

/// The group of a machine, while it is there.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn of(cx: &Cx<'_>, instance: &Instance) -> Result<Option<Group>, Ec2Error> {
    match &instance.group {
        Some(id) => Ok(GROUPS.get(cx.tx, &register::key(cx.account, cx.region, id))?),
        None => Ok(None),
    }
}

/// The ARN of a machine's group.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn arn(cx: &Cx<'_>, instance: &Instance) -> Result<Option<String>, Ec2Error> {
    let group = of(cx, instance)?;
    Ok(group.map(|group| register::arn(cx.account, cx.region, PLACEMENT_GROUP.noun, &group.name)))
}

/// Machines of a group that are there, but for one.
fn others(cx: &Cx<'_>, group: &Group, but: &str) -> Result<Vec<Instance>, Ec2Error> {
    let mut all = describe::all(cx, &INSTANCES)?;
    all.retain(|other| other.group.as_ref() == Some(&group.id) && other.id != but && !other.is_over());
    Ok(all)
}

/// Whether a group has machines: it cannot go then.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn is_used(cx: &Cx<'_>, group: &Group) -> Result<bool, Ec2Error> {
    Ok(!others(cx, group, "")?.is_empty())
}

/// What a launch or a change says of where a machine is to be, put into its record.
///
/// # Errors
/// What AWS refuses to combine.
pub(crate) fn put(cx: &Cx<'_>, instance: &mut Instance, wanted: Option<&Placement>) -> Result<(), Ec2Error> {
    let Some(wanted) = wanted else { return Ok(()) };
    instance.dedicated = match wanted.tenancy.as_deref() {
        None | Some("" | "default") => false,
        Some("dedicated") => true,
        Some("host") => {
            let what = "Dedicated Hosts are not built in this version of Virga.";
            return Err(Plain::UnsupportedTenancy(what.into()).into());
        }
        Some(other) => {
            return Err(Ec2Error::value(other, "tenancy", "Valid values: default, dedicated, host."));
        }
    };
    let group = find(cx, wanted.group_id.as_ref(), wanted.group.as_ref())?;
    join(instance, group.as_ref(), wanted.partition)
}

/// Puts a machine into a group, or in none.
///
/// # Errors
/// What AWS refuses to combine.
pub(crate) fn join(
    instance: &mut Instance,
    group: Option<&Group>,
    partition: Option<i64>,
) -> Result<(), Ec2Error> {
    let refuse = |what: String| Err(Plain::InvalidParameterCombination(what).into());
    instance.group = group.map(|group| group.id.clone());
    instance.partition = partition.unwrap_or(0);
    let Some(group) = group else {
        return match partition {
            Some(_) => refuse("A partition number may be specified with a placement group only.".into()),
            None => Ok(()),
        };
    };
    match group.strategy.as_str() {
        CLUSTER if kinds::find(&instance.kind).is_some_and(kinds::InstanceType::is_burstable) => {
            return refuse(format!(
                "Cluster placement groups are not supported by the '{}' instance type. Specify a supported instance type or change the placement group strategy, and try again.",
                instance.kind
            ));
        }
        SPREAD if instance.dedicated => {
            return refuse("Spread placement groups are not supported for Dedicated Instances.".into());
        }
        PARTITION if instance.dedicated && group.partitions > PARTITIONS_DEDICATED_MAX => {
            return refuse(format!(
                "Partition placement groups with Dedicated Instances have at most {PARTITIONS_DEDICATED_MAX} partitions."
            ));
        }
        _ => {}
    }
    match partition {
        Some(_) if group.strategy != PARTITION => {
            refuse(format!("The placement group '{}' has no partitions.", group.name))
        }
        Some(number) if !(1..=group.partitions).contains(&number) => {
            let what = format!("The placement group '{}' has {} partitions.", group.name, group.partitions);
            Err(Ec2Error::value(number, "partitionNumber", &what))
        }
        _ => Ok(()),
    }
}

/// A machine that is to run takes its place in its group.
///
/// # Errors
/// `InvalidPlacementGroup.InUse` where a cluster is in another zone, `InsufficientInstanceCapacity` where a group that is
/// spread is full in this one.
pub(crate) fn take(cx: &Cx<'_>, instance: &mut Instance) -> Result<(), Ec2Error> {
    let Some(id) = &instance.group else { return Ok(()) };
    let group = describe::get(cx, &GROUPS, &PLACEMENT_GROUP, id)?;
    let others = others(cx, &group, &instance.id)?;
    let running = others.iter().filter(|other| matches!(other.state, state::PENDING | state::RUNNING));
    match group.strategy.as_str() {
        CLUSTER => match running.map(|other| &other.zone).find(|zone| **zone != instance.zone) {
            Some(zone) => {
                let what = format!(
                    "The placement group '{}' is in use in another availability zone: {zone}",
                    group.name
                );
                Err(Plain::PlacementGroupInUse(what).into())
            }
            None => Ok(()),
        },
        SPREAD if running.filter(|other| other.zone == instance.zone).count() >= SPREAD_MAX => {
            let full = BTreeSet::from([instance.zone.clone()]);
            Err(zone::no_capacity(cx, &instance.zone, &instance.kind, &full))
        }
        PARTITION if instance.partition == 0 => {
            let mut counts: BTreeMap<i64, usize> = (1..=group.partitions).map(|number| (number, 0)).collect();
            for other in &others {
                *counts.entry(other.partition).or_default() += 1;
            }
            let emptiest = counts.into_iter().min_by_key(|(number, count)| (*count, *number));
            instance.partition = emptiest.map_or(1, |(number, _)| number);
            Ok(())
        }
        _ => Ok(()),
    }
}
