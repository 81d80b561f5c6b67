//! Further blocks of VPCs and subnets.

use super::needed;
use super::vpc::{CidrView, Ipv6View, block};
use crate::vpc::access::on;
use crate::vpc::find;
use crate::vpc::make;
use crate::vpc::model::{CidrBlock, Ipv6Block, PeeringState, SUBNETS, Target, USED, VPCS, Vpc, used_key};
use ec2::describe::all;
use ec2::errors::Limit;
use ec2::kind::{SUBNET, VPC};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use net::Cidr;
use net::cidr::{Refused, check_secondary, check_subnet};
use store::Key;

kernel::ops! {
    pub(crate) static OPS:
        AssociateVpcCidrBlock: associate_vpc, "ec2:AssociateVpcCidrBlock", |cx, r| on(cx, r)?.one(&VPC, "VpcId").done();
        DisassociateVpcCidrBlock: disassociate_vpc, "ec2:DisassociateVpcCidrBlock", vpc_of_association;
        AssociateSubnetCidrBlock: associate_subnet, "ec2:AssociateSubnetCidrBlock", |cx, r| on(cx, r)?.one(&SUBNET, "SubnetId").done();
        DisassociateSubnetCidrBlock: disassociate_subnet, "ec2:DisassociateSubnetCidrBlock", subnet_of_association;
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const IPV4_MAX: usize = 5;
const IPV6_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct AssociateVpc {
        cidr: Option<String> = "CidrBlock",
        vpc: String = "VpcId",
        ipv6: Option<bool> = "AmazonProvidedIpv6CidrBlock",
    }

    #[derive(Debug)]
    struct VpcAssociation {
        ipv6: Option<Ipv6View> = "Ipv6CidrBlockAssociation",
        cidr: Option<CidrView> = "CidrBlockAssociation",
        vpc: String = "VpcId",
    }

    #[derive(Debug)]
    struct OneAssociation { id: String = "AssociationId" }

    #[derive(Debug)]
    struct AssociateSubnet {
        subnet: String = "SubnetId",
        cidr: Option<String> = "Ipv6CidrBlock",
    }

    #[derive(Debug)]
    struct SubnetAssociation {
        ipv6: SubnetIpv6 = "Ipv6CidrBlockAssociation",
        subnet: String = "SubnetId",
    }

    #[derive(Debug)]
    pub(crate) struct SubnetIpv6 {
        pub(crate) id: String = "AssociationId",
        pub(crate) cidr: String = "Ipv6CidrBlock",
        pub(crate) state: SubnetBlockState = "Ipv6CidrBlockState",
        attribute: String = "Ipv6AddressAttribute",
        source: String = "IpSource",
    }

    #[derive(Debug)]
    pub(crate) struct SubnetBlockState { pub(crate) state: String = "State" }
}

impl SubnetIpv6 {
    pub(crate) fn of(block: &Ipv6Block, state: &str) -> SubnetIpv6 {
        SubnetIpv6 {
            id: block.id.clone(),
            cidr: block.cidr.clone(),
            state: SubnetBlockState { state: state.into() },
            attribute: "public".into(),
            source: "amazon".into(),
        }
    }
}

/// The VPC whose association a request names.
fn vpc_of_association(cx: &mut Cx<'_>, r: &wire::Struct) -> Result<Vec<kernel::Target>, wire::Fault> {
    let access = on(cx, r)?;
    let found = with_association(access.cx, r.str("AssociationId").unwrap_or_default())?;
    match found {
        Some(vpc) => access.id(&VPC, &vpc.id).done(),
        None => access.new(&VPC).done(),
    }
}

fn subnet_of_association(cx: &mut Cx<'_>, r: &wire::Struct) -> Result<Vec<kernel::Target>, wire::Fault> {
    let access = on(cx, r)?;
    let id = r.str("AssociationId").unwrap_or_default();
    let found = all(access.cx, &SUBNETS)?.into_iter().find(|s| s.ipv6.iter().any(|block| block.id == id));
    match found {
        Some(subnet) => access.id(&SUBNET, &subnet.id).done(),
        None => access.new(&SUBNET).done(),
    }
}

fn with_association(cx: &Cx<'_>, id: &str) -> Result<Option<Vpc>, Ec2Error> {
    let has = |vpc: &Vpc| vpc.cidrs.iter().any(|b| b.id == id) || vpc.ipv6.iter().any(|b| b.id == id);
    Ok(all(cx, &VPCS)?.into_iter().find(has))
}

fn save(cx: &mut Cx<'_>, vpc: &Vpc) {
    VPCS.put(cx.tx, &register::key(cx.account, cx.region, &vpc.id), vpc);
}

fn associate_vpc(cx: &mut Cx<'_>, req: AssociateVpc) -> Result<VpcAssociation, Ec2Error> {
    let mut vpc = find::vpc(cx, &req.vpc)?;
    if req.ipv6 == Some(true) {
        if req.cidr.is_some() {
            let what = "CidrBlock and AmazonProvidedIpv6CidrBlock cannot be used together.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        if vpc.ipv6.len() >= IPV6_MAX {
            return Err(Limit::Cidr(vpc.id, IPV6_MAX).into());
        }
        let block = make::block6(cx, &vpc.id)?;
        vpc.ipv6.push(block.clone());
        save(cx, &vpc);
        make::open_to_ipv6(cx, &vpc)?;
        let ipv6 = Some(Ipv6View::of(cx, &block, "associating"));
        return Ok(VpcAssociation { ipv6, cidr: None, vpc: vpc.id });
    }
    let text = needed(req.cidr.as_ref(), "cidrBlock")?;
    let cidr = block(text, "cidrBlock")?;
    check_secondary(&vpc.blocks(), cidr).map_err(|refused| match refused {
        Refused::Restricted => Plain::InvalidVpcRestricted(text.to_owned()),
        _ => Plain::InvalidVpcRange(text.to_owned()),
    })?;
    for peering in find::peerings(cx)?.iter().filter(|p| p.state == PeeringState::Active) {
        let Some((_, other)) = peering.from(&vpc.id) else { continue };
        if other.cidrs.iter().filter_map(|c| c.parse::<Cidr>().ok()).any(|c| c.overlaps(cidr)) {
            let what = format!("The CIDR '{text}' overlaps with that of the peered VPC {}.", other.vpc);
            return Err(Plain::InvalidParameterValue(what).into());
        }
    }
    no_narrower_route(cx, &vpc.id, cidr)?;
    if vpc.cidrs.len() >= IPV4_MAX {
        return Err(Limit::Cidr(vpc.id, IPV4_MAX).into());
    }
    let block = CidrBlock { id: make::id(cx, "vpc-cidr-assoc"), cidr: cidr.to_string() };
    vpc.cidrs.push(block.clone());
    save(cx, &vpc);
    Ok(VpcAssociation { ipv6: None, cidr: Some(CidrView::of(&block, "associating")), vpc: vpc.id })
}

/// A new block may not be the same as or larger than the destination of a route that is there.
///
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#vpc-resize>
fn no_narrower_route(cx: &Cx<'_>, vpc: &str, cidr: Cidr) -> Result<(), Ec2Error> {
    for table in find::tables_of(cx, vpc)? {
        let covered = |route: &&crate::vpc::model::Route| {
            route.destination.parse::<Cidr>().is_ok_and(|to| cidr.covers(to)) && route.target != Target::Local
        };
        if let Some(route) = table.routes.iter().find(covered) {
            let what = format!(
                "The CIDR '{cidr}' is the same as or larger than the destination {} of a route in {}.",
                route.destination, table.id
            );
            return Err(Plain::InvalidParameterValue(what).into());
        }
    }
    Ok(())
}

fn disassociate_vpc(cx: &mut Cx<'_>, req: OneAssociation) -> Result<VpcAssociation, Ec2Error> {
    let gone = || Plain::InvalidCidrAssociation(req.id.clone());
    let mut vpc = with_association(cx, &req.id)?.ok_or_else(gone)?;
    if vpc.cidrs.first().is_some_and(|primary| primary.id == req.id) {
        let what = format!(
            "The vpc CIDR block with association ID {} may not be disassociated. It is the primary IPv4 CIDR block of the VPC",
            req.id
        );
        return Err(Plain::OperationNotPermitted(what).into());
    }
    let is_used = |cidr: &str, blocks: Vec<Cidr>| {
        cidr.parse::<Cidr>().is_ok_and(|cidr| blocks.iter().any(|block| cidr.covers(*block)))
    };
    let blocks: Vec<Cidr> = find::subnets_of(cx, &vpc.id)?.iter().flat_map(|s| s.blocks()).collect();
    let used = |id: &str, cidr: &str| {
        let what = format!(
            "The vpc CIDR block with association ID {id} ({cidr}) is in use by a subnet and may not be disassociated."
        );
        Plain::OperationNotPermitted(what)
    };
    if let Some(at) = vpc.cidrs.iter().position(|block| block.id == req.id) {
        let block = vpc.cidrs.remove(at);
        if is_used(&block.cidr, blocks) {
            return Err(used(&block.id, &block.cidr).into());
        }
        save(cx, &vpc);
        return Ok(VpcAssociation {
            ipv6: None,
            cidr: Some(CidrView::of(&block, "disassociating")),
            vpc: vpc.id,
        });
    }
    let at = vpc.ipv6.iter().position(|block| block.id == req.id).ok_or_else(gone)?;
    let block = vpc.ipv6.remove(at);
    if is_used(&block.cidr, blocks) {
        return Err(used(&block.id, &block.cidr).into());
    }
    make::release6(cx, &block);
    save(cx, &vpc);
    let ipv6 = Some(Ipv6View::of(cx, &block, "disassociating"));
    Ok(VpcAssociation { ipv6, cidr: None, vpc: vpc.id })
}

/// The IPv6 block that a subnet asks for, within the VPC's and beside the other subnets'.
///
/// # Errors
/// `InvalidParameterValue`, `InvalidSubnet.Range`, `InvalidSubnet.Conflict`.
pub(crate) fn ipv6_of_subnet(cx: &Cx<'_>, vpc: &Vpc, text: &str) -> Result<String, Ec2Error> {
    let cidr = block(text, "ipv6CidrBlock")?;
    if cidr.is_v4() {
        return Err(Ec2Error::value(text, "ipv6CidrBlock", "This is not a valid IPv6 CIDR block."));
    }
    let present: Vec<Cidr> = find::subnets_of(cx, &vpc.id)?.iter().filter_map(|s| s.ipv6_block()).collect();
    check_subnet(&vpc.all_blocks(), &present, cidr).map_err(|refused| match refused {
        Refused::Overlaps(_) => Plain::InvalidSubnetConflict(text.to_owned()),
        _ => Plain::InvalidSubnetRange(text.to_owned()),
    })?;
    Ok(cidr.to_string())
}

fn associate_subnet(cx: &mut Cx<'_>, req: AssociateSubnet) -> Result<SubnetAssociation, Ec2Error> {
    let text = needed(req.cidr.as_ref(), "ipv6CidrBlock")?;
    let mut subnet = find::subnet(cx, &req.subnet)?;
    if !subnet.ipv6.is_empty() {
        return Err(Limit::Cidr(subnet.id, 1).into());
    }
    let vpc = find::vpc(cx, &subnet.vpc)?;
    let cidr = ipv6_of_subnet(cx, &vpc, text)?;
    let block = Ipv6Block { id: make::id(cx, "subnet-cidr-assoc"), cidr };
    subnet.ipv6.push(block.clone());
    SUBNETS.put(cx.tx, &register::key(cx.account, cx.region, &subnet.id), &subnet);
    Ok(SubnetAssociation { ipv6: SubnetIpv6::of(&block, "associating"), subnet: subnet.id })
}

fn disassociate_subnet(cx: &mut Cx<'_>, req: OneAssociation) -> Result<SubnetAssociation, Ec2Error> {
    let has = |block: &Ipv6Block| block.id == req.id;
    let found = all(cx, &SUBNETS)?.into_iter().find(|s| s.ipv6.iter().any(has));
    let mut subnet = found.ok_or_else(|| Plain::InvalidSubnetCidrAssociation(req.id.clone()))?;
    if subnet.is_native() {
        let what = format!(
            "The subnet CIDR block with association ID {} may not be disassociated. Subnet {} is an IPv6-only subnet.",
            req.id, subnet.id
        );
        return Err(Plain::OperationNotPermitted(what).into());
    }
    let interfaces = all(cx, &crate::vpc::model::INTERFACES)?;
    if interfaces.iter().any(|i| i.subnet == subnet.id && !i.ipv6.is_empty()) {
        let what = format!(
            "The subnet CIDR block with association ID {} is in use and may not be disassociated.",
            req.id
        );
        return Err(Plain::OperationNotPermitted(what).into());
    }
    let at = subnet.ipv6.iter().position(has).ok_or(Plain::InternalError)?;
    let block = subnet.ipv6.remove(at);
    subnet.assign_ipv6 = false;
    SUBNETS.put(cx.tx, &register::key(cx.account, cx.region, &subnet.id), &subnet);
    Ok(SubnetAssociation { ipv6: SubnetIpv6::of(&block, "disassociating"), subnet: subnet.id })
}

/// How many private addresses of a subnet somebody has.
pub(crate) fn used(cx: &Cx<'_>, subnet: &str) -> Result<usize, Ec2Error> {
    Ok(USED.count(cx.tx, &used_key(Key::regional(cx.account, cx.region), subnet, None))?)
}
