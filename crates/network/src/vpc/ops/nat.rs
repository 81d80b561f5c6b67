//! NAT gateways: make, describe, delete. [`work`](crate::vpc::work) takes them through their states.

use super::interface::{New, plug};
use super::{item, maybe, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::in_vpc;
use crate::vpc::model::{ADDRESSES, Address, InterfaceKind, NATS, Nat, NatAddress, NatState, Subnet};
use base::Timestamp;
use base::tag::Tags;
use ec2::attachment::CLOUD;
use ec2::describe::{self, Ask, all, check_id};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{ELASTIC_IP, NAT_GATEWAY, SUBNET};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::Cx;

kernel::ops! {
    pub(crate) static OPS:
        CreateNatGateway: create, "ec2:CreateNatGateway", |cx, r| on(cx, r)?.new(&NAT_GATEWAY).one(&SUBNET, "SubnetId").one(&ELASTIC_IP, "AllocationId").many(&ELASTIC_IP, "SecondaryAllocationIds").done();
        DeleteNatGateway: delete, "ec2:DeleteNatGateway", |cx, r| on(cx, r)?.one(&NAT_GATEWAY, "NatGatewayId").done();
        DescribeNatGateways: describe, "ec2:DescribeNatGateways", list;
}

/// In one zone. AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const NATS_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        allocation: Option<String> = "AllocationId",
        token: Option<String> = "ClientToken",
        subnet: Option<String> = "SubnetId",
        tags: Vec<TagSpecification> = "TagSpecifications",
        kind: Option<String> = "ConnectivityType",
        address: Option<String> = "PrivateIpAddress",
        allocations: Vec<String> = "SecondaryAllocationIds",
        addresses: Vec<String> = "SecondaryPrivateIpAddresses",
        count: Option<i64> = "SecondaryPrivateIpAddressCount",
    }

    #[derive(Debug)]
    struct Made {
        token: Option<String> = "ClientToken",
        gateway: View = "NatGateway",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        created: Timestamp = "CreateTime",
        deleted: Option<Timestamp> = "DeleteTime",
        failure_code: Option<String> = "FailureCode",
        failure: Option<String> = "FailureMessage",
        addresses: Vec<AddressView> = "NatGatewayAddresses",
        id: String = "NatGatewayId",
        state: String = "State",
        subnet: String = "SubnetId",
        vpc: String = "VpcId",
        tags: Option<Vec<Tag>> = "Tags",
        kind: String = "ConnectivityType",
        mode: String = "AvailabilityMode",
    }

    #[derive(Debug)]
    pub(crate) struct AddressView {
        allocation: Option<String> = "AllocationId",
        interface: Option<String> = "NetworkInterfaceId",
        private: Option<String> = "PrivateIp",
        public: Option<String> = "PublicIp",
        association: Option<String> = "AssociationId",
        primary: bool = "IsPrimary",
        status: String = "Status",
    }

    #[derive(Debug)]
    struct OneNat { id: String = "NatGatewayId" }

    #[derive(Debug)]
    struct Describe {
        filters: Vec<Filter> = "Filter",
        max: Option<i64> = "MaxResults",
        ids: Vec<String> = "NatGatewayIds",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Gateways {
        gateways: Vec<View> = "NatGateways",
        next: Option<String> = "NextToken",
    }
}

item!(View, id);

pub(crate) fn save(cx: &mut Cx<'_>, nat: &Nat) {
    NATS.put(cx.tx, &register::key(cx.account, cx.region, &nat.id), nat);
}

pub(crate) fn address_views(nat: &Nat, status: &str) -> Vec<AddressView> {
    let view = |(at, address): (usize, &NatAddress)| AddressView {
        allocation: address.allocation.clone(),
        interface: Some(address.interface.clone()),
        private: Some(address.private.clone()),
        public: address.public.clone(),
        association: address.association.clone(),
        primary: at == 0,
        status: status.to_owned(),
    };
    nat.addresses.iter().enumerate().map(view).collect()
}

/// What is said of the addresses of a gateway that has just been asked for. Recorded: of Elastic IP addresses no more
/// than which they are.
fn begun(nat: &Nat) -> Vec<AddressView> {
    if nat.private {
        return address_views(nat, "succeeded");
    }
    let bare = |view: AddressView| AddressView { interface: None, private: None, public: None, ..view };
    address_views(nat, "associating").into_iter().map(bare).collect()
}

fn view(cx: &Cx<'_>, nat: &Nat) -> Result<View, Ec2Error> {
    Ok(View {
        created: nat.created.whole_seconds(),
        deleted: nat.deleted.map(Timestamp::whole_seconds),
        failure_code: (!nat.failure_code.is_empty()).then(|| nat.failure_code.clone()),
        failure: (!nat.failure.is_empty()).then(|| nat.failure.clone()),
        addresses: address_views(nat, "succeeded"),
        id: nat.id.clone(),
        state: nat.state.word().into(),
        subnet: nat.subnet.clone(),
        vpc: nat.vpc.clone(),
        tags: Some(tags::view(&register::tags(cx, &nat.id)?)),
        kind: if nat.private { "private" } else { "public" }.into(),
        mode: "zonal".into(),
    })
}

/// An Elastic IP address that nobody uses.
///
/// # Errors
/// `InvalidElasticIpID.Malformed`, `InvalidElasticIpID.NotFound`, `Resource.AlreadyAssociated`.
pub(crate) fn free_address(cx: &Cx<'_>, id: &str) -> Result<Address, Ec2Error> {
    if !ELASTIC_IP.fits(id) {
        return Err(Ec2Error::not_an_id("InvalidElasticIpID.Malformed", "elastic-ip", id));
    }
    let found = ADDRESSES.get(cx.tx, &register::key(cx.account, cx.region, id))?;
    let found = found.ok_or_else(|| Plain::ElasticIpNotFound(id.to_owned()))?;
    if found.association.is_some() {
        let what = format!("Elastic IP address [{id}] is already associated");
        return Err(Plain::ResourceAlreadyAssociated(what).into());
    }
    Ok(found)
}

/// What may not be given together, and what must.
fn check(req: &Create, private: bool) -> Result<(), Ec2Error> {
    let combination = |what: &str| Err(Plain::InvalidParameterCombination(what.into()).into());
    match (private, &req.allocation) {
        (true, Some(_)) => return combination("AllocationId can only be specified for public NAT Gateways"),
        (false, None) => {
            let what = "The request must include the AllocationId parameter. Add the required parameter and retry the request.";
            return Err(Plain::MissingTarget(what.into()).into());
        }
        _ => {}
    }
    if private && !req.allocations.is_empty() {
        return combination("SecondaryAllocationIds can only be specified for public NAT Gateways");
    }
    if !private && req.count.is_some() {
        return combination("SecondaryPrivateIpAddressCount can only be specified for private NAT Gateways");
    }
    if !req.addresses.is_empty() && req.count.is_some() {
        return combination(
            "SecondaryPrivateIpAddresses and SecondaryPrivateIpAddressCount cannot be used together",
        );
    }
    if !private && !req.addresses.is_empty() && req.addresses.len() != req.allocations.len() {
        return combination(
            "The number of SecondaryPrivateIpAddresses must match that of SecondaryAllocationIds",
        );
    }
    if req.allocations.len() + 1 > super::nat_address::PUBLIC_MAX && !private {
        return Err(Limit::Address.into());
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &NAT_GATEWAY, &[&NAT_GATEWAY])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let nat = find::nat(cx, &id)?;
        return Ok(Made { gateway: view(cx, &nat)?, token: req.token });
    }
    let private = req.kind.as_deref() == Some("private");
    check(&req, private)?;
    let subnet = super::needed(req.subnet.as_ref(), "SubnetId")?;
    if !SUBNET.fits(subnet) {
        return Err(Ec2Error::not_an_id("InvalidSubnet", "subnet", subnet));
    }
    let subnet = find::subnet(cx, subnet)?;
    room(cx, &subnet)?;
    let id = NAT_GATEWAY.id(cx.rng());
    let mut elastic = Vec::new();
    for allocation in req.allocation.iter().chain(&req.allocations) {
        let address = free_address(cx, allocation)?;
        if elastic.iter().any(|other: &Address| other.id == address.id) {
            let what = format!("Elastic IP address [{allocation}] is already associated");
            return Err(Plain::ResourceAlreadyAssociated(what).into());
        }
        elastic.push(address);
    }
    let addresses: Vec<String> = req.address.iter().chain(&req.addresses).cloned().collect();
    if req.address.is_none() && !req.addresses.is_empty() {
        let what = "SecondaryPrivateIpAddresses require PrivateIpAddress";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let chosen = if private { req.count.unwrap_or(0) } else { 0 };
    let more = usize::try_from(chosen).unwrap_or(0)
        + if req.addresses.is_empty() { req.allocations.len() } else { 0 };
    let description = format!("Interface for NAT Gateway {id}");
    let new = New {
        description,
        addresses,
        more,
        kind: InterfaceKind::Nat,
        requester: Some(CLOUD.into()),
        ..New::default()
    };
    let interface = plug(cx, &subnet, new, &Tags::new())?;
    let mut elastic = elastic.into_iter().map(Some).chain(std::iter::repeat(None));
    let address = |private: &crate::vpc::model::PrivateAddress| {
        let elastic = elastic.next().flatten();
        NatAddress {
            private: private.address.clone(),
            interface: interface.id.clone(),
            public: elastic.as_ref().map(|e| e.address.clone()),
            allocation: elastic.map(|e| e.id),
            association: None,
        }
    };
    let nat = Nat {
        id,
        subnet: subnet.id.clone(),
        vpc: subnet.vpc.clone(),
        private,
        state: NatState::Pending,
        created: cx.now,
        addresses: interface.addresses.iter().map(address).collect(),
        ..Nat::default()
    };
    save(cx, &nat);
    let place = [in_vpc(cx, &nat.vpc)];
    register::enter(cx, &NAT_GATEWAY, &nat.id, &tags, &place);
    token::keep(cx, req.token.as_ref(), &req, &nat.id);
    let gateway = View { addresses: begun(&nat), tags: tags::if_any(&tags), ..view(cx, &nat)? };
    Ok(Made { gateway, token: req.token })
}

fn room(cx: &Cx<'_>, subnet: &Subnet) -> Result<(), Ec2Error> {
    let mut count = 0;
    for nat in all(cx, &NATS)? {
        let alive = matches!(nat.state, NatState::Pending | NatState::Available | NatState::Deleting);
        if alive && find::subnet(cx, &nat.subnet).is_ok_and(|other| other.zone == subnet.zone) {
            count += 1;
        }
    }
    if count < NATS_MAX { Ok(()) } else { Err(Limit::NatGateway(NATS_MAX).into()) }
}

fn delete(cx: &mut Cx<'_>, req: OneNat) -> Result<OneNat, Ec2Error> {
    let mut nat = find::nat(cx, &req.id)?;
    if matches!(nat.state, NatState::Pending | NatState::Available) {
        nat.state = NatState::Deleting;
        nat.deleted = Some(cx.now);
        save(cx, &nat);
    }
    Ok(OneNat { id: nat.id })
}

static FILTERS: &Known<View> = &[
    ("nat-gateway-id", |n| one(&n.id)),
    ("state", |n| one(&n.state)),
    ("subnet-id", |n| one(&n.subnet)),
    ("vpc-id", |n| one(&n.vpc)),
    ("connectivity-type", |n| one(&n.kind)),
    ("allocation-id", |n| n.addresses.iter().flat_map(|a| maybe(&a.allocation)).collect()),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Gateways, Ec2Error> {
    req.ids.iter().try_for_each(|id| check_id(&NAT_GATEWAY, id))?;
    let found = if req.ids.is_empty() {
        all(cx, &NATS)?
    } else {
        req.ids.iter().map(|id| find::nat(cx, id)).collect::<Result<_, _>>()?
    };
    let items = found.iter().map(|nat| view(cx, nat)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (gateways, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Gateways { gateways, next })
}
