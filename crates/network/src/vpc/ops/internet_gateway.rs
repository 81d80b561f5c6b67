//! Internet gateways, and egress-only ones for IPv6.

use super::{item, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::in_vpc;
use crate::vpc::model::{
    ADDRESSES, EGRESS_GATEWAYS, EgressGateway, INTERFACES, INTERNET_GATEWAYS, InternetGateway,
};
use ec2::attachment;
use ec2::describe::{self, Ask, all, get, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{EGRESS_ONLY_GATEWAY, INTERNET_GATEWAY, VPC};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! {
    pub(crate) static OPS:
        CreateInternetGateway: create, "ec2:CreateInternetGateway", |cx, r| on(cx, r)?.new(&INTERNET_GATEWAY).done();
        DeleteInternetGateway: delete, "ec2:DeleteInternetGateway", |cx, r| on(cx, r)?.one(&INTERNET_GATEWAY, "InternetGatewayId").done();
        AttachInternetGateway: attach, "ec2:AttachInternetGateway", |cx, r| on(cx, r)?.one(&INTERNET_GATEWAY, "InternetGatewayId").one(&VPC, "VpcId").done();
        DetachInternetGateway: detach, "ec2:DetachInternetGateway", |cx, r| on(cx, r)?.one(&INTERNET_GATEWAY, "InternetGatewayId").one(&VPC, "VpcId").done();
        DescribeInternetGateways: describe, "ec2:DescribeInternetGateways", list;
        CreateEgressOnlyInternetGateway: create_egress, "ec2:CreateEgressOnlyInternetGateway", |cx, r| on(cx, r)?.new(&EGRESS_ONLY_GATEWAY).one(&VPC, "VpcId").done();
        DeleteEgressOnlyInternetGateway: delete_egress, "ec2:DeleteEgressOnlyInternetGateway", |cx, r| on(cx, r)?.one(&EGRESS_ONLY_GATEWAY, "EgressOnlyInternetGatewayId").done();
        DescribeEgressOnlyInternetGateways: describe_egress, "ec2:DescribeEgressOnlyInternetGateways", list;
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const GATEWAYS_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct Create { tags: Vec<TagSpecification> = "TagSpecifications" }

    #[derive(Debug)]
    struct Made { gateway: View = "InternetGateway" }

    #[derive(Debug)]
    struct View {
        attachments: Vec<AttachmentView> = "Attachments",
        id: String = "InternetGatewayId",
        owner: String = "OwnerId",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct AttachmentView {
        state: String = "State",
        vpc: String = "VpcId",
    }

    #[derive(Debug)]
    struct OneGateway { id: String = "InternetGatewayId" }

    #[derive(Debug)]
    struct Attach {
        id: String = "InternetGatewayId",
        vpc: String = "VpcId",
    }

    #[derive(Debug)]
    struct Describe {
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        ids: Vec<String> = "InternetGatewayIds",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Gateways {
        gateways: Vec<View> = "InternetGateways",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct CreateEgress {
        token: Option<String> = "ClientToken",
        vpc: String = "VpcId",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct MadeEgress {
        token: Option<String> = "ClientToken",
        gateway: EgressView = "EgressOnlyInternetGateway",
    }

    #[derive(Debug)]
    struct EgressView {
        attachments: Vec<AttachmentView> = "Attachments",
        id: String = "EgressOnlyInternetGatewayId",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct OneEgress { id: String = "EgressOnlyInternetGatewayId" }

    #[derive(Debug)]
    struct ReturnCode { ok: bool = "ReturnCode" }

    #[derive(Debug)]
    struct DescribeEgress {
        ids: Vec<String> = "EgressOnlyInternetGatewayIds",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct EgressGateways {
        gateways: Vec<EgressView> = "EgressOnlyInternetGateways",
        next: Option<String> = "NextToken",
    }
}

item!(View, id);
item!(EgressView, id);

fn save(cx: &mut Cx<'_>, gateway: &InternetGateway) {
    INTERNET_GATEWAYS.put(cx.tx, &register::key(cx.account, cx.region, &gateway.id), gateway);
}

fn view(cx: &Cx<'_>, gateway: &InternetGateway) -> Result<View, Ec2Error> {
    // AWS's word for an attached internet gateway is that of virtual private gateways.
    let attachment = |vpc: &String| AttachmentView { state: "available".into(), vpc: vpc.clone() };
    Ok(View {
        attachments: gateway.vpc.iter().map(attachment).collect(),
        id: gateway.id.clone(),
        owner: cx.account.to_string(),
        tags: tags::view(&register::tags(cx, &gateway.id)?),
    })
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &INTERNET_GATEWAY, &[&INTERNET_GATEWAY])?;
    if INTERNET_GATEWAYS.count(cx.tx, &Key::regional(cx.account, cx.region))? >= GATEWAYS_MAX {
        return Err(Limit::InternetGateway.into());
    }
    let gateway = InternetGateway { id: INTERNET_GATEWAY.id(cx.rng()), vpc: None };
    save(cx, &gateway);
    register::enter(cx, &INTERNET_GATEWAY, &gateway.id, &tags, &[]);
    Ok(Made { gateway: view(cx, &gateway)? })
}

fn delete(cx: &mut Cx<'_>, req: OneGateway) -> Result<Empty, Ec2Error> {
    let gateway = get(cx, &INTERNET_GATEWAYS, &INTERNET_GATEWAY, &req.id)?;
    if gateway.vpc.is_some() {
        let what = format!("The internetGateway '{}' has dependencies and cannot be deleted.", gateway.id);
        return Err(Plain::DependencyViolation(what).into());
    }
    INTERNET_GATEWAYS.delete(cx.tx, &register::key(cx.account, cx.region, &gateway.id));
    register::strike(cx.tx, cx.account, cx.region, &gateway.id);
    Ok(Empty)
}

/// The internet gateway of a VPC.
pub(crate) fn of_vpc(cx: &Cx<'_>, vpc: &str) -> Result<Option<InternetGateway>, Ec2Error> {
    Ok(all(cx, &INTERNET_GATEWAYS)?.into_iter().find(|gateway| gateway.vpc.as_deref() == Some(vpc)))
}

fn attach(cx: &mut Cx<'_>, req: Attach) -> Result<Empty, Ec2Error> {
    let mut gateway = get(cx, &INTERNET_GATEWAYS, &INTERNET_GATEWAY, &req.id)?;
    let vpc = find::vpc(cx, &req.vpc)?;
    if gateway.vpc.is_some() {
        let what = format!(
            "resource {} is already attached to network {}",
            gateway.id,
            gateway.vpc.unwrap_or_default()
        );
        return Err(Plain::ResourceAlreadyAssociated(what).into());
    }
    if of_vpc(cx, &vpc.id)?.is_some() {
        let what = format!("Network {} already has an internet gateway attached", vpc.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    gateway.vpc = Some(vpc.id);
    save(cx, &gateway);
    Ok(Empty)
}

fn detach(cx: &mut Cx<'_>, req: Attach) -> Result<Empty, Ec2Error> {
    let mut gateway = get(cx, &INTERNET_GATEWAYS, &INTERNET_GATEWAY, &req.id)?;
    let vpc = find::vpc(cx, &req.vpc)?;
    if gateway.vpc.as_ref() != Some(&vpc.id) {
        let what = format!("resource {} is not attached to network {}", gateway.id, vpc.id);
        return Err(Plain::GatewayNotAttached(what).into());
    }
    if has_public(cx, &vpc.id)? {
        let what = format!(
            "Network {} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.",
            vpc.id
        );
        return Err(Plain::DependencyViolation(what).into());
    }
    super::route_table::forget(cx, &vpc.id, &gateway.id)?;
    gateway.vpc = None;
    save(cx, &gateway);
    Ok(Empty)
}

/// Whether an interface of the VPC has a public address.
fn has_public(cx: &Cx<'_>, vpc: &str) -> Result<bool, Ec2Error> {
    let with_elastic: Vec<String> =
        all(cx, &ADDRESSES)?.into_iter().filter_map(|a| a.association).map(|a| a.interface).collect();
    for interface in all(cx, &INTERFACES)?.iter().filter(|interface| interface.vpc == vpc) {
        let attached = attachment::of(cx.tx, cx.account, cx.region, &interface.id)?;
        let has_assigned = attached.is_some_and(|attachment| attachment.public_address.is_some());
        if has_assigned || with_elastic.contains(&interface.id) {
            return Ok(true);
        }
    }
    Ok(false)
}

static FILTERS: &Known<View> = &[
    ("attachment.state", |g| g.attachments.iter().map(|a| a.state.clone()).collect()),
    ("attachment.vpc-id", |g| g.attachments.iter().map(|a| a.vpc.clone()).collect()),
    ("internet-gateway-id", |g| one(&g.id)),
    ("owner-id", |g| one(&g.owner)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Gateways, Ec2Error> {
    ids_or_pages(&req.ids, "internetGatewayIds", req.max)?;
    let found = describe::some(cx, &INTERNET_GATEWAYS, &INTERNET_GATEWAY, &req.ids)?;
    let items = found.iter().map(|gateway| view(cx, gateway)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (gateways, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Gateways { gateways, next })
}

fn egress_view(cx: &Cx<'_>, gateway: &EgressGateway) -> Result<EgressView, Ec2Error> {
    Ok(EgressView {
        attachments: vec![AttachmentView { state: "attached".into(), vpc: gateway.vpc.clone() }],
        id: gateway.id.clone(),
        tags: tags::view(&register::tags(cx, &gateway.id)?),
    })
}

fn create_egress(cx: &mut Cx<'_>, req: CreateEgress) -> Result<MadeEgress, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &EGRESS_ONLY_GATEWAY, &[&EGRESS_ONLY_GATEWAY])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let gateway = get(cx, &EGRESS_GATEWAYS, &EGRESS_ONLY_GATEWAY, &id)?;
        return Ok(MadeEgress { gateway: egress_view(cx, &gateway)?, token: req.token });
    }
    let vpc = find::vpc(cx, &req.vpc)?;
    if EGRESS_GATEWAYS.count(cx.tx, &Key::regional(cx.account, cx.region))? >= GATEWAYS_MAX {
        return Err(Limit::EgressOnlyGateway.into());
    }
    let gateway = EgressGateway { id: EGRESS_ONLY_GATEWAY.id(cx.rng()), vpc: vpc.id };
    EGRESS_GATEWAYS.put(cx.tx, &register::key(cx.account, cx.region, &gateway.id), &gateway);
    let place = [in_vpc(cx, &gateway.vpc)];
    register::enter(cx, &EGRESS_ONLY_GATEWAY, &gateway.id, &tags, &place);
    token::keep(cx, req.token.as_ref(), &req, &gateway.id);
    Ok(MadeEgress { gateway: egress_view(cx, &gateway)?, token: req.token })
}

fn delete_egress(cx: &mut Cx<'_>, req: OneEgress) -> Result<ReturnCode, Ec2Error> {
    let gateway = get(cx, &EGRESS_GATEWAYS, &EGRESS_ONLY_GATEWAY, &req.id)?;
    EGRESS_GATEWAYS.delete(cx.tx, &register::key(cx.account, cx.region, &gateway.id));
    register::strike(cx.tx, cx.account, cx.region, &gateway.id);
    Ok(ReturnCode { ok: true })
}

static EGRESS_FILTERS: &Known<EgressView> = &[
    ("attachment.state", |g| g.attachments.iter().map(|a| a.state.clone()).collect()),
    ("attachment.vpc-id", |g| g.attachments.iter().map(|a| a.vpc.clone()).collect()),
    ("egress-only-internet-gateway-id", |g| one(&g.id)),
];

fn describe_egress(cx: &mut Cx<'_>, req: DescribeEgress) -> Result<EgressGateways, Ec2Error> {
    let found = describe::some(cx, &EGRESS_GATEWAYS, &EGRESS_ONLY_GATEWAY, &req.ids)?;
    let items = found.iter().map(|gateway| egress_view(cx, gateway)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (gateways, next) = describe::page(cx, items, ask, EGRESS_FILTERS)?;
    Ok(EgressGateways { gateways, next })
}
