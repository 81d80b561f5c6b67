//! VPCs: make, describe, modify, delete.

use super::{item, maybe, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::{self, DEFAULT_GROUP, NewVpc};
use crate::vpc::model::{
    EGRESS_GATEWAYS, ENDPOINTS, GROUPS, INTERFACES, INTERNET_GATEWAYS, NATS, NETWORK_ACLS, PeeringState,
    ROUTE_TABLES, VPCS, Vpc,
};
use crate::vpc::{defaults, model};
use ec2::describe::{self, Ask, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::VPC;
use ec2::shapes::{Blocks, Flag};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};
use net::Cidr;
use net::cidr::check_vpc;
use store::Key;

kernel::ops! {
    pub(crate) static OPS:
        CreateVpc: create_vpc, "ec2:CreateVpc", |cx, r| on(cx, r)?.new(&VPC).done();
        CreateDefaultVpc: create_default_vpc, "ec2:CreateDefaultVpc", list;
        CreateDefaultSubnet: create_default_subnet, "ec2:CreateDefaultSubnet", list;
        DeleteVpc: delete_vpc, "ec2:DeleteVpc", |cx, r| on(cx, r)?.one(&VPC, "VpcId").done();
        DescribeVpcs: describe_vpcs, "ec2:DescribeVpcs", list;
        DescribeVpcAttribute: describe_attribute, "ec2:DescribeVpcAttribute", |cx, r| on(cx, r)?.one(&VPC, "VpcId").done();
        ModifyVpcAttribute: modify_attribute, "ec2:ModifyVpcAttribute", |cx, r| on(cx, r)?.one(&VPC, "VpcId").attributes(&["EnableDnsHostnames", "EnableDnsSupport"]).done();
        ModifyVpcTenancy: modify_tenancy, "ec2:ModifyVpcTenancy", |cx, r| on(cx, r)?.one(&VPC, "VpcId").attributes(&["InstanceTenancy"]).done();
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const VPCS_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct CreateVpc {
        cidr: Option<String> = "CidrBlock",
        tags: Vec<TagSpecification> = "TagSpecifications",
        tenancy: Option<String> = "InstanceTenancy",
        ipv6: Option<bool> = "AmazonProvidedIpv6CidrBlock",
    }

    #[derive(Debug)]
    struct Made { vpc: VpcView = "Vpc" }

    #[derive(Debug)]
    struct MadeSubnet { subnet: super::subnet::SubnetView = "Subnet" }

    #[derive(Debug)]
    struct CreateDefaultSubnet {
        zone: Option<String> = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
    }

    #[derive(Debug)]
    struct OneVpc { id: String = "VpcId" }

    #[derive(Debug)]
    struct DescribeVpcs {
        filters: Vec<Filter> = "Filters",
        ids: Vec<String> = "VpcIds",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    struct VpcList {
        next: Option<String> = "NextToken",
        vpcs: Vec<VpcView> = "Vpcs",
    }

    #[derive(Debug)]
    pub(crate) struct VpcView {
        owner: String = "OwnerId",
        tenancy: String = "InstanceTenancy",
        ipv6: Option<Vec<Ipv6View>> = "Ipv6CidrBlockAssociationSet",
        cidrs: Vec<CidrView> = "CidrBlockAssociationSet",
        is_default: bool = "IsDefault",
        tags: Option<Vec<Tag>> = "Tags",
        /// Lists tell it, and not what makes one.
        blocks: Option<Blocks> = "BlockPublicAccessStates",
        id: String = "VpcId",
        state: String = "State",
        cidr: String = "CidrBlock",
        dhcp_options: String = "DhcpOptionsId",
    }

    #[derive(Debug)]
    pub(crate) struct CidrView {
        id: String = "AssociationId",
        cidr: String = "CidrBlock",
        state: BlockState = "CidrBlockState",
    }

    #[derive(Debug)]
    pub(crate) struct Ipv6View {
        id: String = "AssociationId",
        cidr: String = "Ipv6CidrBlock",
        state: BlockState = "Ipv6CidrBlockState",
        border: Option<String> = "NetworkBorderGroup",
        pool: Option<String> = "Ipv6Pool",
        attribute: String = "Ipv6AddressAttribute",
        source: String = "IpSource",
    }

    #[derive(Debug)]
    pub(crate) struct BlockState { state: String = "State" }

    #[derive(Debug)]
    struct DescribeAttribute {
        attribute: String = "Attribute",
        id: String = "VpcId",
    }

    #[derive(Debug)]
    struct AttributeView {
        hostnames: Option<Flag> = "EnableDnsHostnames",
        support: Option<Flag> = "EnableDnsSupport",
        metrics: Option<Flag> = "EnableNetworkAddressUsageMetrics",
        id: String = "VpcId",
    }

    #[derive(Debug)]
    struct ModifyAttribute {
        hostnames: Option<Flag> = "EnableDnsHostnames",
        support: Option<Flag> = "EnableDnsSupport",
        id: String = "VpcId",
    }

    #[derive(Debug)]
    struct ModifyTenancy {
        id: String = "VpcId",
        tenancy: String = "InstanceTenancy",
    }

    #[derive(Debug)]
    struct ReturnValue { ok: bool = "ReturnValue" }
}

item!(VpcView, id);

impl CidrView {
    pub(crate) fn of(block: &model::CidrBlock, state: &str) -> CidrView {
        CidrView { id: block.id.clone(), cidr: block.cidr.clone(), state: BlockState { state: state.into() } }
    }
}

impl Ipv6View {
    pub(crate) fn of(cx: &Cx<'_>, block: &model::Ipv6Block, state: &str) -> Ipv6View {
        Ipv6View {
            id: block.id.clone(),
            cidr: block.cidr.clone(),
            state: BlockState { state: state.into() },
            border: Some(cx.region.name().into()),
            pool: Some("Amazon".into()),
            attribute: "public".into(),
            source: "amazon".into(),
        }
    }
}

pub(crate) fn view(cx: &Cx<'_>, vpc: &Vpc, state: &str) -> Result<VpcView, Ec2Error> {
    let dhcp = if vpc.dhcp_options.is_empty() { "default" } else { &vpc.dhcp_options };
    Ok(VpcView {
        owner: cx.account.to_string(),
        tenancy: vpc.tenancy.clone(),
        ipv6: Some(vpc.ipv6.iter().map(|block| Ipv6View::of(cx, block, "associated")).collect()),
        cidrs: vpc.cidrs.iter().map(|block| CidrView::of(block, "associated")).collect(),
        is_default: vpc.is_default,
        tags: tags::if_any(&register::tags(cx, &vpc.id)?),
        blocks: None,
        id: vpc.id.clone(),
        state: state.into(),
        cidr: vpc.cidr().into(),
        dhcp_options: dhcp.into(),
    })
}

/// A block that is not there, nor a pool that one could be of.
pub(crate) fn missing(block: &str, pool: &str) -> Ec2Error {
    Plain::MissingTarget(format!("Either '{block}' or '{pool}' should be provided.")).into()
}

/// A block that is written as one.
///
/// # Errors
/// `InvalidParameterValue`.
pub(crate) fn block(text: &str, name: &str) -> Result<Cidr, Ec2Error> {
    text.parse().map_err(|_| Ec2Error::value(text, name, "This is not a valid CIDR block."))
}

fn create_vpc(cx: &mut Cx<'_>, req: CreateVpc) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &VPC, &[&VPC])?;
    let text = req.cidr.as_deref().ok_or_else(|| missing("cidrBlock", "ipv4IpamPoolId"))?;
    let cidr = block(text, "cidrBlock")?;
    check_vpc(cidr).map_err(|_| Plain::InvalidVpcRange(text.into()))?;
    let tenancy = req.tenancy.unwrap_or_else(|| "default".into());
    if tenancy == "host" {
        return Err(Plain::UnsupportedTenancy("The tenancy value host is not supported.".into()).into());
    }
    room(cx)?;
    let ipv6 = req.ipv6 == Some(true);
    let new = NewVpc { cidr: cidr.to_string(), tenancy, is_default: false, ipv6 };
    let vpc = make::vpc(cx, new, &tags)?;
    let mut made = view(cx, &vpc, "pending")?;
    made.ipv6 = Some(vpc.ipv6.iter().map(|block| Ipv6View::of(cx, block, "associating")).collect());
    Ok(Made { vpc: made })
}

fn room(cx: &Cx<'_>) -> Result<(), Ec2Error> {
    let count = VPCS.count(cx.tx, &Key::regional(cx.account, cx.region))?;
    if count < VPCS_MAX { Ok(()) } else { Err(Limit::Vpc.into()) }
}

fn create_default_vpc(cx: &mut Cx<'_>, _: kernel::Nothing) -> Result<Made, Ec2Error> {
    if find::default_vpc(cx)?.is_some() {
        return Err(Plain::DefaultVpcAlreadyExists.into());
    }
    room(cx)?;
    let vpc = defaults::vpc(cx)?;
    Ok(Made { vpc: view(cx, &vpc, "pending")? })
}

fn create_default_subnet(cx: &mut Cx<'_>, req: CreateDefaultSubnet) -> Result<MadeSubnet, Ec2Error> {
    let zone = find::zone(cx, req.zone.as_deref(), req.zone_id.as_deref())?;
    let zone = zone.ok_or_else(|| Plain::MissingParameter("availabilityZone".into()))?;
    let vpc = find::default_vpc(cx)?.ok_or(Plain::DefaultVpcDoesNotExist)?;
    let there = find::subnets_of(cx, &vpc.id)?.into_iter().find(|s| s.default_for_zone && s.zone == zone);
    if let Some(there) = there {
        let what = format!("'{}' is already the default subnet in {zone}.", there.id);
        return Err(Plain::DefaultSubnetAlreadyExists(what).into());
    }
    let subnet = defaults::subnet(cx, &vpc, &zone)?;
    Ok(MadeSubnet { subnet: super::subnet::view(cx, &subnet)? })
}

fn delete_vpc(cx: &mut Cx<'_>, req: OneVpc) -> Result<Empty, Ec2Error> {
    let vpc = find::vpc(cx, &req.id)?;
    if has_dependents(cx, &vpc)? {
        let what = format!("The vpc '{}' has dependencies and cannot be deleted.", vpc.id);
        return Err(Plain::DependencyViolation(what).into());
    }
    let key = |cx: &Cx<'_>, id: &str| register::key(cx.account, cx.region, id);
    let mut gone = vec![vpc.id.clone()];
    for group in find::groups_of(cx, &vpc.id)? {
        GROUPS.delete(cx.tx, &key(cx, &group.id));
        gone.extend(group.rules.into_iter().map(|rule| rule.id));
        gone.push(group.id);
    }
    for table in find::tables_of(cx, &vpc.id)? {
        ROUTE_TABLES.delete(cx.tx, &key(cx, &table.id));
        gone.push(table.id);
    }
    for acl in find::acls_of(cx, &vpc.id)? {
        NETWORK_ACLS.delete(cx.tx, &key(cx, &acl.id));
        gone.push(acl.id);
    }
    for block in &vpc.ipv6 {
        make::release6(cx, block);
    }
    VPCS.delete(cx.tx, &key(cx, &vpc.id));
    for id in gone {
        register::strike(cx.tx, cx.account, cx.region, &id);
    }
    Ok(Empty)
}

/// Whatever was put into the VPC beside what it came with.
fn has_dependents(cx: &Cx<'_>, vpc: &Vpc) -> Result<bool, Ec2Error> {
    let id = &vpc.id;
    let peerings = find::peerings(cx)?;
    let is_peered = peerings.iter().any(|p| p.state == PeeringState::Active && p.from(id).is_some());
    Ok(!find::subnets_of(cx, id)?.is_empty()
        || find::groups_of(cx, id)?.iter().any(|group| group.name != DEFAULT_GROUP)
        || find::tables_of(cx, id)?.iter().any(|table| table.main.is_none())
        || find::acls_of(cx, id)?.iter().any(|acl| !acl.is_default)
        || describe::all(cx, &INTERNET_GATEWAYS)?.iter().any(|gateway| gateway.vpc.as_ref() == Some(id))
        || describe::all(cx, &EGRESS_GATEWAYS)?.iter().any(|gateway| gateway.vpc == *id)
        || describe::all(cx, &ENDPOINTS)?.iter().any(|endpoint| endpoint.vpc == *id)
        || describe::all(cx, &INTERFACES)?.iter().any(|interface| interface.vpc == *id)
        || describe::all(cx, &NATS)?.iter().any(|nat| nat.vpc == *id && nat.state.is_there())
        || is_peered)
}

static FILTERS: &Known<VpcView> = &[
    ("cidr", |v| one(&v.cidr)),
    ("cidr-block", |v| one(&v.cidr)),
    ("cidrBlock", |v| one(&v.cidr)),
    ("cidr-block-association.association-id", |v| v.cidrs.iter().map(|c| c.id.clone()).collect()),
    ("cidr-block-association.cidr-block", |v| v.cidrs.iter().map(|c| c.cidr.clone()).collect()),
    ("cidr-block-association.state", |v| v.cidrs.iter().map(|c| c.state.state.clone()).collect()),
    ("dhcp-options-id", |v| one(&v.dhcp_options)),
    ("dhcpOptionsId", |v| one(&v.dhcp_options)),
    ("ipv6-cidr-block-association.association-id", |v| {
        v.ipv6.iter().flatten().map(|c| c.id.clone()).collect()
    }),
    ("ipv6-cidr-block-association.ipv6-cidr-block", |v| {
        v.ipv6.iter().flatten().map(|c| c.cidr.clone()).collect()
    }),
    ("ipv6-cidr-block-association.ipv6-pool", |v| {
        v.ipv6.iter().flatten().flat_map(|c| maybe(&c.pool)).collect()
    }),
    ("ipv6-cidr-block-association.state", |v| {
        v.ipv6.iter().flatten().map(|c| c.state.state.clone()).collect()
    }),
    ("is-default", |v| one(v.is_default)),
    ("isDefault", |v| one(v.is_default)),
    ("owner-id", |v| one(&v.owner)),
    ("state", |v| one(&v.state)),
    ("vpc-id", |v| one(&v.id)),
];

fn describe_vpcs(cx: &mut Cx<'_>, req: DescribeVpcs) -> Result<VpcList, Ec2Error> {
    ids_or_pages(&req.ids, "vpcIds", req.max)?;
    let found = describe::some(cx, &VPCS, &VPC, &req.ids)?;
    let listed = |vpc: &Vpc| {
        let view = view(cx, vpc, "available")?;
        // AWS: a list of them leaves out what its maker was shown, though it was empty.
        let ipv6 = view.ipv6.filter(|blocks| !blocks.is_empty());
        Ok(VpcView { ipv6, blocks: Some(Blocks::none()), ..view })
    };
    let views = found.iter().map(listed).collect::<Result<Vec<_>, Ec2Error>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (vpcs, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(VpcList { next, vpcs })
}

fn describe_attribute(cx: &mut Cx<'_>, req: DescribeAttribute) -> Result<AttributeView, Ec2Error> {
    let vpc = find::vpc(cx, &req.id)?;
    let mut view = AttributeView { hostnames: None, support: None, metrics: None, id: vpc.id };
    match req.attribute.as_str() {
        "enableDnsHostnames" => view.hostnames = Flag::of(vpc.dns_hostnames),
        "enableDnsSupport" => view.support = Flag::of(vpc.dns_support),
        _ => view.metrics = Flag::of(false),
    }
    Ok(view)
}

fn modify_attribute(cx: &mut Cx<'_>, req: ModifyAttribute) -> Result<Empty, Ec2Error> {
    let mut vpc = find::vpc(cx, &req.id)?;
    let given: Vec<bool> =
        [req.hostnames, req.support].into_iter().flatten().filter_map(|f| f.value).collect();
    if given.len() > 1 {
        let what = "Fields for multiple attribute types specified";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    if given.is_empty() {
        return Err(Plain::InvalidParameterCombination("No attributes specified.".into()).into());
    }
    let set = |flag: Option<Flag>, field: &mut bool| {
        if let Some(value) = flag.and_then(|flag| flag.value) {
            *field = value;
        }
    };
    set(req.hostnames, &mut vpc.dns_hostnames);
    set(req.support, &mut vpc.dns_support);
    VPCS.put(cx.tx, &register::key(cx.account, cx.region, &vpc.id), &vpc);
    Ok(Empty)
}

fn modify_tenancy(cx: &mut Cx<'_>, req: ModifyTenancy) -> Result<ReturnValue, Ec2Error> {
    let mut vpc = find::vpc(cx, &req.id)?;
    vpc.tenancy = req.tenancy;
    VPCS.put(cx.tx, &register::key(cx.account, cx.region, &vpc.id), &vpc);
    if let Some(mut entry) = register::find(cx.tx, cx.account, cx.region, &vpc.id)? {
        entry.keys.insert("ec2:Tenancy".into(), vpc.tenancy.clone());
        register::REGISTER.put(cx.tx, &register::key(cx.account, cx.region, &vpc.id), &entry);
    }
    Ok(ReturnValue { ok: true })
}
