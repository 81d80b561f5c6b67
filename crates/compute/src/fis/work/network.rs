//! Connectivity of subnets disrupted as AWS does it: a copy of the subnet's network ACL that denies more stands in its
//! place for a time. So what packets meet is a network ACL like any other.

use super::{Doing, call};
use crate::ec2::ops::{list, text, texts};
use crate::fis::errors::invalid;
use crate::fis::model::action::{DURATION, LIST};
use crate::fis::model::disruption::{Entry, Scope, denying, within};
use crate::fis::model::{EXPERIMENTS, Run, Swap};
use kernel::{As, Cx};
use net::Cidr;
use store::{Direction, Key, Read, StoreError};
use wire::{Fault, Struct, Value};

/// The tag of the copy. AWS: policies of roles ask for it.
const TAG: (&str, &str) = ("managedByFIS", "true");
/// The entries that end a list begin here.
const LAST: i64 = 32767;
/// AWS: of a prefix list that is denied.
const LIST_ENTRIES_MAX: usize = 10;

type Members = Vec<(&'static str, Value)>;

fn filtered(name: &str, value: &str) -> Members {
    let filter = [("Name", Value::str(name)), ("Values", Value::List(vec![Value::str(value)]))];
    vec![("Filters", Value::List(vec![Value::Struct(filter.into_iter().collect())]))]
}

/// The first of what a Describe operation tells.
fn first(cx: &mut Cx<'_>, operation: &str, member: &str, asked: Members) -> Result<Option<Value>, Fault> {
    Ok(list(&call(cx, operation, asked)?, member).first().cloned())
}

fn gone(what: &str) -> Fault {
    invalid(format!("{what} was not found.")).into()
}

/// Blocks below a member, each under a name.
fn blocks(told: &Value, member: &str, name: &str) -> Vec<Cidr> {
    list(told, member).iter().filter_map(|one| text(one, name).parse().ok()).collect()
}

/// Those of a VPC or a subnet, of both families.
fn of_both(told: &Value) -> Vec<Cidr> {
    let mut all = blocks(told, "CidrBlockAssociationSet", "CidrBlock");
    all.extend(text(told, "CidrBlock").parse::<Cidr>().ok().filter(|block| !all.contains(block)));
    all.extend(blocks(told, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock"));
    all
}

/// What is denied to a subnet.
fn denied(cx: &mut Cx<'_>, scope: Scope, doing: &Doing<'_>, subnet: &Value) -> Result<Vec<Cidr>, Fault> {
    match scope {
        Scope::All | Scope::Vpc => Ok(Vec::new()),
        Scope::Zone => {
            let all = call(cx, "DescribeSubnets", filtered("vpc-id", &text(subnet, "VpcId")))?;
            let zone = text(subnet, "AvailabilityZone");
            let far = list(&all, "Subnets").iter().filter(|other| text(other, "AvailabilityZone") != zone);
            Ok(far.flat_map(of_both).collect())
        }
        Scope::Service(name) => {
            let name = format!("com.amazonaws.{}.{name}", cx.region.name());
            let asked = filtered("prefix-list-name", &name);
            let found = first(cx, "DescribeManagedPrefixLists", "PrefixLists", asked)?;
            entries_of(cx, &found.ok_or_else(|| gone(&name))?)
        }
        Scope::List => {
            let named = doing.action.parameters.get(LIST).map(String::as_str).unwrap_or_default();
            let id = named.rsplit('/').next().unwrap_or(named);
            let member = if id.starts_with("pl-") { "prefix-list-id" } else { "prefix-list-name" };
            let found = first(cx, "DescribeManagedPrefixLists", "PrefixLists", filtered(member, id))?;
            let found = found.filter(|found| text(found, "OwnerId") != "AWS").ok_or_else(|| gone(named))?;
            let entries = entries_of(cx, &found)?;
            if entries.len() > LIST_ENTRIES_MAX {
                let what = format!("The prefix list {named} has more than {LIST_ENTRIES_MAX} entries.");
                return Err(invalid(what).into());
            }
            Ok(entries)
        }
    }
}

fn entries_of(cx: &mut Cx<'_>, list: &Value) -> Result<Vec<Cidr>, Fault> {
    let asked = [("PrefixListId", Value::Str(text(list, "PrefixListId")))];
    Ok(blocks(&call(cx, "GetManagedPrefixListEntries", asked)?, "Entries", "Cidr"))
}

/// The entries of an ACL, in the order in which they are asked.
fn entries(acl: &Value) -> Vec<Entry<Struct>> {
    let number = |entry: &Value| entry.member("RuleNumber").and_then(Value::as_int).unwrap_or(LAST);
    let mut all: Vec<&Value> = list(acl, "Entries").iter().filter(|entry| number(entry) < LAST).collect();
    all.sort_by_key(|entry| number(entry));
    let entry = |told: &Value| {
        let block = text(told, "CidrBlock").parse().ok().or_else(|| text(told, "Ipv6CidrBlock").parse().ok());
        let kept = ["Protocol", "RuleAction", "PortRange", "IcmpTypeCode"];
        let rest = kept.into_iter().filter_map(|name| Some((name, told.member(name)?.clone())));
        let egress = told.member("Egress").and_then(Value::as_bool).unwrap_or_default();
        Some(Entry { egress, cidr: block?, rest: Some(rest.collect()) })
    };
    all.into_iter().filter_map(entry).collect()
}

/// Makes the copy.
fn copy(cx: &mut Cx<'_>, vpc: &str, entries: Vec<Entry<Struct>>) -> Result<String, Fault> {
    let structure = |members: [(&'static str, Value); 2]| Value::Struct(members.into_iter().collect());
    let tag = structure([("Key", Value::str(TAG.0)), ("Value", Value::str(TAG.1))]);
    let tags = structure([("ResourceType", Value::str("network-acl")), ("Tags", Value::List(vec![tag]))]);
    let asked = [("VpcId", Value::str(vpc)), ("TagSpecifications", Value::List(vec![tags]))];
    let made = call(cx, "CreateNetworkAcl", asked)?;
    let id = made.member("NetworkAcl").map(|acl| text(acl, "NetworkAclId")).unwrap_or_default();
    let mut numbers = [0, 0];
    for entry in entries {
        let number = &mut numbers[usize::from(entry.egress)];
        *number += 1;
        let block = if entry.cidr.is_v4() { "CidrBlock" } else { "Ipv6CidrBlock" };
        let denial =
            || [("Protocol", Value::str("-1")), ("RuleAction", Value::str("deny"))].into_iter().collect();
        let mut asked: Struct = entry.rest.unwrap_or_else(denial);
        asked.set("NetworkAclId", Value::str(&id));
        asked.set("RuleNumber", Value::Int(*number));
        asked.set("Egress", Value::Bool(entry.egress));
        asked.set(block, Value::Str(entry.cidr.to_string()));
        cx.call("ec2", "CreateNetworkAclEntry", Value::Struct(asked), As::Caller)?;
    }
    Ok(id)
}

pub(super) fn begin(cx: &mut Cx<'_>, doing: &Doing<'_>, run: &mut Run) -> Result<(), Fault> {
    let scope = doing.action.scope().unwrap_or(Scope::All);
    for id in doing.targets {
        let asked = vec![("SubnetIds", texts([id]))];
        let subnet = first(cx, "DescribeSubnets", "Subnets", asked)?.ok_or_else(|| gone(id))?;
        let vpc = text(&subnet, "VpcId");
        let asked = filtered("association.subnet-id", id);
        let acl = first(cx, "DescribeNetworkAcls", "NetworkAcls", asked)?.ok_or_else(|| gone(id))?;
        // What is put back at the end must not be a copy that goes before.
        if list(&acl, "Tags").iter().any(|tag| text(tag, "Key") == TAG.0) {
            let what = format!("The connectivity of the subnet {id} is disrupted already.");
            return Err(invalid(what).into());
        }
        let before = entries(&acl);
        let wanted = match scope {
            // What no entry is about is denied.
            Scope::All => Vec::new(),
            Scope::Vpc => {
                let asked = vec![("VpcIds", texts([&vpc]))];
                let found = first(cx, "DescribeVpcs", "Vpcs", asked)?.ok_or_else(|| gone(&vpc))?;
                within(&of_both(&found), &before)
            }
            _ => denying(&denied(cx, scope, doing, &subnet)?, &before),
        };
        let made = copy(cx, &vpc, wanted)?;
        let association = list(&acl, "Associations").iter().find(|one| text(one, "SubnetId") == *id);
        let association = association.map(|one| text(one, "NetworkAclAssociationId")).unwrap_or_default();
        replace(cx, association, &made)?;
        let before = text(&acl, "NetworkAclId");
        run.swaps.push(Swap { subnet: id.clone(), vpc, before, acl: made });
    }
    run.due = doing.action.after(DURATION, cx.now);
    Ok(())
}

fn replace(cx: &mut Cx<'_>, association: String, acl: &str) -> Result<(), Fault> {
    let asked = [("AssociationId", Value::Str(association)), ("NetworkAclId", Value::str(acl))];
    call(cx, "ReplaceNetworkAclAssociation", asked).map(drop)
}

/// Puts back what was there, and deletes the copies. Who has given a subnet another ACL meanwhile keeps that.
pub(super) fn end(cx: &mut Cx<'_>, run: &mut Run) -> Result<(), Fault> {
    for swap in &run.swaps {
        let find = |id: &str| filtered("network-acl-id", id);
        let Some(made) = first(cx, "DescribeNetworkAcls", "NetworkAcls", find(&swap.acl))? else { continue };
        let held: Vec<String> =
            list(&made, "Associations").iter().map(|one| text(one, "NetworkAclAssociationId")).collect();
        if !held.is_empty() {
            let back = match first(cx, "DescribeNetworkAcls", "NetworkAcls", find(&swap.before))? {
                Some(_) => swap.before.clone(),
                None => default(cx, &swap.vpc)?,
            };
            for association in held {
                replace(cx, association, &back)?;
            }
        }
        call(cx, "DeleteNetworkAcl", [("NetworkAclId", Value::str(&swap.acl))])?;
    }
    run.swaps.clear();
    Ok(())
}

/// The ACL of those subnets of a VPC that have no other.
fn default(cx: &mut Cx<'_>, vpc: &str) -> Result<String, Fault> {
    let all = call(cx, "DescribeNetworkAcls", filtered("vpc-id", vpc))?;
    let is_default = |acl: &&Value| acl.member("IsDefault").and_then(Value::as_bool) == Some(true);
    let found = list(&all, "NetworkAcls").iter().find(is_default);
    found.map(|acl| text(acl, "NetworkAclId")).ok_or_else(|| gone(vpc))
}

/// The experiment that has put a network ACL where it is.
///
/// # Errors
/// When the store cannot be read.
pub fn experiment_of(from: &dyn Read, acl: &str) -> Result<Option<String>, StoreError> {
    for pair in EXPERIMENTS.scan(from, &Key::empty(), Direction::Forward) {
        let (_, experiment) = pair?;
        if experiment.runs.values().flat_map(|run| &run.swaps).any(|swap| swap.acl == acl) {
            return Ok(Some(experiment.id));
        }
    }
    Ok(None)
}
