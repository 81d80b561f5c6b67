//! Subnets.

use super::vpc::{block, missing};
use super::vpc_cidr::{SubnetIpv6, ipv6_of_subnet, used};
use super::{item, maybe, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::{self, BY_ID, NewSubnet, arn};
use crate::vpc::model::{NETWORK_ACLS, SUBNETS, Subnet, USED, used_key};
use ec2::describe::{self, Ask, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{SUBNET, VPC};
use ec2::shapes::{Blocks, Flag};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};
use net::Cidr;
use net::cidr::{Refused, available, check_subnet};
use store::{Direction, Key};

kernel::ops! {
    pub(crate) static OPS:
        CreateSubnet: create_subnet, "ec2:CreateSubnet", |cx, r| on(cx, r)?.new(&SUBNET).one(&VPC, "VpcId").done();
        DeleteSubnet: delete_subnet, "ec2:DeleteSubnet", |cx, r| on(cx, r)?.one(&SUBNET, "SubnetId").done();
        DescribeSubnets: describe_subnets, "ec2:DescribeSubnets", list;
        ModifySubnetAttribute: modify_attribute, "ec2:ModifySubnetAttribute", |cx, r| on(cx, r)?.one(&SUBNET, "SubnetId").attributes(ATTRIBUTES).done();
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const SUBNETS_MAX: usize = 200;

/// What of a subnet can be modified.
const ATTRIBUTES: &[&str] = &[
    "AssignIpv6AddressOnCreation",
    "MapPublicIpOnLaunch",
    "PrivateDnsHostnameTypeOnLaunch",
    "EnableResourceNameDnsARecordOnLaunch",
    "EnableResourceNameDnsAAAARecordOnLaunch",
];

wire::shape! {
    #[derive(Debug)]
    struct CreateSubnet {
        tags: Vec<TagSpecification> = "TagSpecifications",
        zone: Option<String> = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        cidr: Option<String> = "CidrBlock",
        ipv6: Option<String> = "Ipv6CidrBlock",
        ipv6_native: Option<bool> = "Ipv6Native",
        vpc: String = "VpcId",
    }

    #[derive(Debug)]
    struct Made { subnet: SubnetView = "Subnet" }

    #[derive(Debug)]
    struct OneSubnet { id: String = "SubnetId" }

    #[derive(Debug)]
    struct DescribeSubnets {
        filters: Vec<Filter> = "Filters",
        ids: Vec<String> = "SubnetIds",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    struct SubnetList {
        next: Option<String> = "NextToken",
        subnets: Vec<SubnetView> = "Subnets",
    }

    #[derive(Debug)]
    pub(crate) struct SubnetView {
        zone_id: Option<String> = "AvailabilityZoneId",
        map_customer: bool = "MapCustomerOwnedIpOnLaunch",
        owner: String = "OwnerId",
        assign_ipv6: bool = "AssignIpv6AddressOnCreation",
        ipv6: Vec<SubnetIpv6> = "Ipv6CidrBlockAssociationSet",
        tags: Option<Vec<Tag>> = "Tags",
        /// Lists tell it, and not what makes one.
        blocks: Option<Blocks> = "BlockPublicAccessStates",
        arn: String = "SubnetArn",
        dns64: bool = "EnableDns64",
        ipv6_native: bool = "Ipv6Native",
        dns: DnsOptions = "PrivateDnsNameOptionsOnLaunch",
        id: String = "SubnetId",
        state: String = "State",
        vpc: String = "VpcId",
        cidr: Option<String> = "CidrBlock",
        available: i64 = "AvailableIpAddressCount",
        zone: String = "AvailabilityZone",
        default: bool = "DefaultForAz",
        map_public: bool = "MapPublicIpOnLaunch",
    }

    #[derive(Debug)]
    struct DnsOptions {
        hostname_type: String = "HostnameType",
        a: bool = "EnableResourceNameDnsARecord",
        aaaa: bool = "EnableResourceNameDnsAAAARecord",
    }

    #[derive(Debug)]
    struct ModifyAttribute {
        assign_ipv6: Option<Flag> = "AssignIpv6AddressOnCreation",
        map_public: Option<Flag> = "MapPublicIpOnLaunch",
        id: String = "SubnetId",
        hostname_type: Option<String> = "PrivateDnsHostnameTypeOnLaunch",
        a: Option<Flag> = "EnableResourceNameDnsARecordOnLaunch",
        aaaa: Option<Flag> = "EnableResourceNameDnsAAAARecordOnLaunch",
    }
}

item!(SubnetView, id);

pub(crate) fn view(cx: &Cx<'_>, subnet: &Subnet) -> Result<SubnetView, Ec2Error> {
    let taken = used(cx, &subnet.id)? as u128;
    let left = subnet.block().map_or(0, |block| available(block, taken));
    let hostname_type =
        if subnet.hostname_type.is_empty() { "ip-name".into() } else { subnet.hostname_type.clone() };
    Ok(SubnetView {
        zone_id: cx.region.zone_id(&subnet.zone),
        map_customer: false,
        owner: cx.account.to_string(),
        assign_ipv6: subnet.assign_ipv6,
        ipv6: subnet.ipv6.iter().map(|block| SubnetIpv6::of(block, "associated")).collect(),
        tags: tags::if_any(&register::tags(cx, &subnet.id)?),
        blocks: None,
        arn: arn(cx, SUBNET.noun, &subnet.id),
        dns64: false,
        ipv6_native: subnet.is_native(),
        dns: DnsOptions { hostname_type, a: subnet.name_dns_a, aaaa: subnet.name_dns_aaaa },
        id: subnet.id.clone(),
        state: "available".into(),
        vpc: subnet.vpc.clone(),
        cidr: subnet.block().map(|block| block.to_string()),
        available: i64::try_from(left).unwrap_or(i64::MAX),
        zone: subnet.zone.clone(),
        default: subnet.default_for_zone,
        map_public: subnet.map_public,
    })
}

/// The block of IPv4 that is asked for, as it is written and as it is meant; none for a subnet of IPv6 alone.
fn ipv4(req: &CreateSubnet) -> Result<Option<(&str, Cidr)>, Ec2Error> {
    if req.ipv6_native != Some(true) {
        let text = req.cidr.as_deref().ok_or_else(|| missing("cidrBlock", "ipv4IpamPoolId"))?;
        return Ok(Some((text, block(text, "cidrBlock")?)));
    }
    // Recorded: what it lacks is told before what it has too much of.
    if req.ipv6.is_none() {
        return Err(missing("ipv6CidrBlock", "ipv6IpamPoolId"));
    }
    if req.cidr.is_some() {
        let what = "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    Ok(None)
}

fn create_subnet(cx: &mut Cx<'_>, req: CreateSubnet) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &SUBNET, &[&SUBNET])?;
    let cidr = ipv4(&req)?;
    let zone = find::zone(cx, req.zone.as_deref(), req.zone_id.as_deref())?;
    let vpc = find::vpc_by_any(cx, &req.vpc)?;
    let others = find::subnets_of(cx, &vpc.id)?;
    if let Some((text, cidr)) = cidr {
        let present: Vec<Cidr> = others.iter().filter_map(Subnet::block).collect();
        check_subnet(&vpc.blocks(), &present, cidr).map_err(|refused| match refused {
            Refused::Overlaps(_) => Plain::InvalidSubnetConflict(text.to_owned()),
            _ => Plain::InvalidSubnetRange(text.to_owned()),
        })?;
    }
    if others.len() >= SUBNETS_MAX {
        return Err(Limit::Subnet.into());
    }
    let ipv6 = req.ipv6.as_deref().map(|text| ipv6_of_subnet(cx, &vpc, text)).transpose()?;
    // AWS chooses a zone where none is named; here it is the first of those with the fewest subnets of the VPC.
    let count = |zone: &String| others.iter().filter(|other| other.zone == *zone).count();
    let zone = zone.or_else(|| cx.region.zones().min_by_key(count)).ok_or(Plain::InternalError)?;
    let cidr = cidr.map(|(_, cidr)| cidr.to_string());
    let new = NewSubnet { cidr, ipv6, zone, is_default: false };
    let subnet = make::subnet(cx, &vpc, new, &tags)?;
    Ok(Made { subnet: view(cx, &subnet)? })
}

fn delete_subnet(cx: &mut Cx<'_>, req: OneSubnet) -> Result<Empty, Ec2Error> {
    let subnet = find::subnet(cx, &req.id)?;
    let prefix = used_key(Key::regional(cx.account, cx.region), &subnet.id, None);
    if USED.scan(cx.tx, &prefix, Direction::Forward).next().transpose()?.is_some() {
        let what = format!("The subnet '{}' has dependencies and cannot be deleted.", subnet.id);
        return Err(Plain::DependencyViolation(what).into());
    }
    super::route_table::forget(cx, &subnet.vpc, &subnet.id)?;
    for mut acl in find::acls_of(cx, &subnet.vpc)? {
        if acl.associations.iter().any(|association| association.subnet == subnet.id) {
            acl.associations.retain(|association| association.subnet != subnet.id);
            NETWORK_ACLS.put(cx.tx, &register::key(cx.account, cx.region, &acl.id), &acl);
        }
    }
    SUBNETS.delete(cx.tx, &register::key(cx.account, cx.region, &subnet.id));
    register::strike(cx.tx, cx.account, cx.region, &subnet.id);
    Ok(Empty)
}

static FILTERS: &Known<SubnetView> = &[
    ("availability-zone", |s| one(&s.zone)),
    ("availabilityZone", |s| one(&s.zone)),
    ("availability-zone-id", |s| maybe(&s.zone_id)),
    ("availabilityZoneId", |s| maybe(&s.zone_id)),
    ("available-ip-address-count", |s| one(s.available)),
    ("cidr", |s| maybe(&s.cidr)),
    ("cidr-block", |s| maybe(&s.cidr)),
    ("cidrBlock", |s| maybe(&s.cidr)),
    ("customer-owned-ipv4-pool", |_| Vec::new()),
    ("default-for-az", |s| one(s.default)),
    ("defaultForAz", |s| one(s.default)),
    ("enable-dns64", |s| one(s.dns64)),
    ("enable-lni-at-device-index", |_| Vec::new()),
    ("ipv6-cidr-block-association.association-id", |s| s.ipv6.iter().map(|b| b.id.clone()).collect()),
    ("ipv6-cidr-block-association.ipv6-cidr-block", |s| s.ipv6.iter().map(|b| b.cidr.clone()).collect()),
    ("ipv6-cidr-block-association.state", |s| s.ipv6.iter().map(|b| b.state.state.clone()).collect()),
    ("ipv6-native", |s| one(s.ipv6_native)),
    ("map-customer-owned-ip-on-launch", |s| one(s.map_customer)),
    ("map-public-ip-on-launch", |s| one(s.map_public)),
    ("outpost-arn", |_| Vec::new()),
    ("owner-id", |s| one(&s.owner)),
    ("private-dns-name-options-on-launch.hostname-type", |s| one(&s.dns.hostname_type)),
    ("private-dns-name-options-on-launch.enable-resource-name-dns-a-record", |s| one(s.dns.a)),
    ("private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", |s| one(s.dns.aaaa)),
    ("state", |s| one(&s.state)),
    ("subnet-arn", |s| one(&s.arn)),
    ("subnet-id", |s| one(&s.id)),
    ("vpc-id", |s| one(&s.vpc)),
];

fn describe_subnets(cx: &mut Cx<'_>, req: DescribeSubnets) -> Result<SubnetList, Ec2Error> {
    ids_or_pages(&req.ids, "subnetIds", req.max)?;
    let found = describe::some_of_any(cx, &SUBNETS, &SUBNET, &req.ids)?;
    let listed = |subnet: &Subnet| Ok(SubnetView { blocks: Some(Blocks::none()), ..view(cx, subnet)? });
    let views = found.iter().map(listed).collect::<Result<Vec<_>, Ec2Error>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (subnets, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(SubnetList { next, subnets })
}

/// What needs an address of IPv4, in a subnet of IPv6 alone.
pub(crate) fn native(subnet: &str, what: &str) -> Ec2Error {
    Plain::InvalidParameterValue(format!("Invalid value {what}. Subnet {subnet} is an IPv6-only subnet."))
        .into()
}

/// One attribute a call, as AWS has it.
fn modify_attribute(cx: &mut Cx<'_>, req: ModifyAttribute) -> Result<Empty, Ec2Error> {
    let mut subnet = find::subnet(cx, &req.id)?;
    let flags = [req.assign_ipv6, req.map_public, req.a, req.aaaa];
    let given = flags.iter().flatten().count() + usize::from(req.hostname_type.is_some());
    if given == 0 {
        return Err(Plain::InvalidParameterCombination("No attributes specified.".into()).into());
    }
    if given > 1 {
        let what = "Fields for multiple attribute types specified";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let wants_ipv6 = req.assign_ipv6.and_then(|flag| flag.value) == Some(true);
    if wants_ipv6 && subnet.ipv6.is_empty() {
        let what = format!(
            "Invalid value 'true' for assignIpv6AddressOnCreation. Subnet {} does not have IPv6 CIDR block associated.",
            subnet.id
        );
        return Err(Plain::InvalidParameterValue(what).into());
    }
    // AWS: there is no public address of IPv4 for what has no private one, and no name by it.
    if subnet.is_native() {
        if req.map_public.and_then(|flag| flag.value) == Some(true) {
            return Err(native(&subnet.id, "'true' for mapPublicIpOnLaunch"));
        }
        if req.a.and_then(|flag| flag.value) == Some(true) {
            return Err(native(&subnet.id, "'true' for enableResourceNameDnsARecordOnLaunch"));
        }
        if req.hostname_type.as_deref().is_some_and(|kind| kind != BY_ID) {
            return Err(native(&subnet.id, "'ip-name' for privateDnsHostnameTypeOnLaunch"));
        }
    }
    let set = |flag: Option<Flag>, field: &mut bool| {
        if let Some(value) = flag.and_then(|flag| flag.value) {
            *field = value;
        }
    };
    set(req.assign_ipv6, &mut subnet.assign_ipv6);
    set(req.map_public, &mut subnet.map_public);
    set(req.a, &mut subnet.name_dns_a);
    set(req.aaaa, &mut subnet.name_dns_aaaa);
    if let Some(kind) = req.hostname_type {
        subnet.hostname_type = kind;
    }
    SUBNETS.put(cx.tx, &register::key(cx.account, cx.region, &subnet.id), &subnet);
    Ok(Empty)
}
