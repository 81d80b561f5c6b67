//! Looking things up: by id with EC2's refusals, and what belongs to a VPC or subnet.

use super::model::{
    ENDPOINTS, Endpoint, GROUPS, Group, INTERFACES, Interface, NATS, NETWORK_ACLS, Nat, NetworkAcl, PEERINGS,
    Peering, ROUTE_TABLES, RouteTable, SUBNETS, Subnet, VPCS, Vpc, peering_key,
};
use ec2::describe::{all, check_id, get};
use ec2::kind;
use ec2::{Ec2Error, Plain};
use kernel::Cx;
use store::{Direction, Key};

pub(crate) fn vpc(cx: &Cx<'_>, id: &str) -> Result<Vpc, Ec2Error> {
    get(cx, &VPCS, &kind::VPC, id)
}

/// A VPC whose id may be anything. Recorded: what makes subnets and route tables does not look at its form.
pub(crate) fn vpc_by_any(cx: &Cx<'_>, id: &str) -> Result<Vpc, Ec2Error> {
    let found = VPCS.get(cx.tx, &ec2::register::key(cx.account, cx.region, id))?;
    found.ok_or_else(|| Ec2Error::not_found(&kind::VPC, id))
}

pub(crate) fn subnet(cx: &Cx<'_>, id: &str) -> Result<Subnet, Ec2Error> {
    get(cx, &SUBNETS, &kind::SUBNET, id)
}

pub(crate) fn route_table(cx: &Cx<'_>, id: &str) -> Result<RouteTable, Ec2Error> {
    get(cx, &ROUTE_TABLES, &kind::ROUTE_TABLE, id)
}

pub(crate) fn interface(cx: &Cx<'_>, id: &str) -> Result<Interface, Ec2Error> {
    get(cx, &INTERFACES, &kind::NETWORK_INTERFACE, id)
}

pub(crate) fn group(cx: &Cx<'_>, id: &str) -> Result<Group, Ec2Error> {
    get(cx, &GROUPS, &kind::SECURITY_GROUP, id)
}

pub(crate) fn acl(cx: &Cx<'_>, id: &str) -> Result<NetworkAcl, Ec2Error> {
    get(cx, &NETWORK_ACLS, &kind::NETWORK_ACL, id)
}

pub(crate) fn endpoint(cx: &Cx<'_>, id: &str) -> Result<Endpoint, Ec2Error> {
    get(cx, &ENDPOINTS, &kind::VPC_ENDPOINT, id)
}

pub(crate) fn nat(cx: &Cx<'_>, id: &str) -> Result<Nat, Ec2Error> {
    check_id(&kind::NAT_GATEWAY, id)?;
    let found = NATS.get(cx.tx, &ec2::register::key(cx.account, cx.region, id))?;
    found.ok_or_else(|| Ec2Error::nat_not_found(id))
}

/// A peering connection, for those at its ends only.
pub(crate) fn peering(cx: &Cx<'_>, id: &str) -> Result<Peering, Ec2Error> {
    check_id(&kind::PEERING, id)?;
    let found = PEERINGS.get(cx.tx, &peering_key(id))?.filter(|p| p.is_side(cx.account, cx.region));
    found.ok_or_else(|| Ec2Error::not_found(&kind::PEERING, id))
}

/// All peering connections that the account and region see.
pub(crate) fn peerings(cx: &Cx<'_>) -> Result<Vec<Peering>, Ec2Error> {
    let mut out = Vec::new();
    for pair in PEERINGS.scan(cx.tx, &Key::global(), Direction::Forward) {
        let (_, peering) = pair?;
        if peering.is_side(cx.account, cx.region) {
            out.push(peering);
        }
    }
    Ok(out)
}

pub(crate) fn subnets_of(cx: &Cx<'_>, vpc: &str) -> Result<Vec<Subnet>, Ec2Error> {
    Ok(all(cx, &SUBNETS)?.into_iter().filter(|s| s.vpc == vpc).collect())
}

pub(crate) fn tables_of(cx: &Cx<'_>, vpc: &str) -> Result<Vec<RouteTable>, Ec2Error> {
    Ok(all(cx, &ROUTE_TABLES)?.into_iter().filter(|t| t.vpc == vpc).collect())
}

pub(crate) fn acls_of(cx: &Cx<'_>, vpc: &str) -> Result<Vec<NetworkAcl>, Ec2Error> {
    Ok(all(cx, &NETWORK_ACLS)?.into_iter().filter(|acl| acl.vpc == vpc).collect())
}

pub(crate) fn groups_of(cx: &Cx<'_>, vpc: &str) -> Result<Vec<Group>, Ec2Error> {
    Ok(all(cx, &GROUPS)?.into_iter().filter(|g| g.vpc == vpc).collect())
}

/// A VPC's main route table.
pub(crate) fn main_table(cx: &Cx<'_>, vpc: &str) -> Result<RouteTable, Ec2Error> {
    let main = tables_of(cx, vpc)?.into_iter().find(|table| table.main.is_some());
    main.ok_or_else(|| Plain::InternalError.into())
}

/// A VPC's default network ACL.
pub(crate) fn default_acl(cx: &Cx<'_>, vpc: &str) -> Result<NetworkAcl, Ec2Error> {
    let found = acls_of(cx, vpc)?.into_iter().find(|acl| acl.is_default);
    found.ok_or_else(|| Plain::InternalError.into())
}

/// A VPC's default security group.
pub(crate) fn default_group(cx: &Cx<'_>, vpc: &str) -> Result<Group, Ec2Error> {
    let found = groups_of(cx, vpc)?.into_iter().find(|group| group.name == super::make::DEFAULT_GROUP);
    found.ok_or_else(|| Plain::InternalError.into())
}

/// The account's default VPC in the region.
pub(crate) fn default_vpc(cx: &Cx<'_>) -> Result<Option<Vpc>, Ec2Error> {
    Ok(all(cx, &VPCS)?.into_iter().find(|vpc| vpc.is_default))
}

/// An availability zone of the region by its name or its id.
pub(crate) fn zone(cx: &Cx<'_>, name: Option<&str>, id: Option<&str>) -> Result<Option<String>, Ec2Error> {
    // AWS: an empty one is none.
    let some = |text: &&str| !text.is_empty();
    let (name, id) = (name.filter(some), id.filter(some));
    let found = match (name, id) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let what = "AvailabilityZone and AvailabilityZoneId cannot be used together.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        (Some(name), None) => cx.region.zones().find(|zone| zone == name),
        (None, Some(id)) => cx.region.zone_named_by_id(id),
    };
    let said = name.or(id).unwrap_or_default();
    if found.is_none() {
        let all: Vec<String> = cx.region.zones().collect();
        let why = format!(
            "Subnets can currently only be created in the following availability zones: {}.",
            all.join(", ")
        );
        return Err(Ec2Error::value(said, "availabilityZone", &why));
    }
    Ok(found)
}
