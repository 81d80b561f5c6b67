//! Elastic IP addresses.

use super::{item, maybe, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make;
use crate::vpc::model::{ADDRESSES, Address, AddressAssociation, INTERFACES, Interface};
use ec2::access::Access;
use ec2::attachment;
use ec2::describe::{self, Ask, all, get};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{ELASTIC_IP, INSTANCE, NETWORK_INTERFACE};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, public, register};
use kernel::{Cx, Empty, Target};
use std::net::Ipv4Addr;
use store::Key;
use wire::{Fault, Struct};

kernel::ops! {
    pub(crate) static OPS:
        AllocateAddress: allocate, "ec2:AllocateAddress", |cx, r| on(cx, r)?.new(&ELASTIC_IP).done();
        ReleaseAddress: release, "ec2:ReleaseAddress", |cx, r| named(cx, r)?.done();
        DescribeAddresses: describe, "ec2:DescribeAddresses", list;
        DescribeAddressesAttribute: describe_attributes, "ec2:DescribeAddressesAttribute", list;
        AssociateAddress: associate, "ec2:AssociateAddress", |cx, r| named(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").one(&INSTANCE, "InstanceId").done();
        DisassociateAddress: disassociate, "ec2:DisassociateAddress", of_association;
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
pub(crate) const ADDRESSES_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct Allocate {
        /// `vpc` is the only kind.
        _domain: Option<String> = "Domain",
        address: Option<String> = "Address",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Allocated {
        id: String = "AllocationId",
        pool: String = "PublicIpv4Pool",
        border: String = "NetworkBorderGroup",
        domain: String = "Domain",
        address: String = "PublicIp",
    }

    #[derive(Debug)]
    struct Release {
        id: Option<String> = "AllocationId",
        address: Option<String> = "PublicIp",
    }

    #[derive(Debug)]
    struct Describe {
        addresses: Vec<String> = "PublicIps",
        filters: Vec<Filter> = "Filters",
        ids: Vec<String> = "AllocationIds",
    }

    #[derive(Debug)]
    struct Addresses { addresses: Vec<View> = "Addresses" }

    #[derive(Debug)]
    struct View {
        id: String = "AllocationId",
        association: Option<String> = "AssociationId",
        domain: String = "Domain",
        interface: Option<String> = "NetworkInterfaceId",
        interface_owner: Option<String> = "NetworkInterfaceOwnerId",
        private: Option<String> = "PrivateIpAddress",
        tags: Vec<Tag> = "Tags",
        pool: String = "PublicIpv4Pool",
        border: String = "NetworkBorderGroup",
        instance: Option<String> = "InstanceId",
        address: String = "PublicIp",
    }

    #[derive(Debug)]
    struct DescribeAttributes {
        ids: Vec<String> = "AllocationIds",
        /// `domain-name` is the only one.
        _attribute: Option<String> = "Attribute",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    struct Attributes {
        addresses: Vec<AttributeView> = "Addresses",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct AttributeView {
        address: String = "PublicIp",
        id: String = "AllocationId",
    }

    #[derive(Debug)]
    struct Associate {
        id: Option<String> = "AllocationId",
        instance: Option<String> = "InstanceId",
        address: Option<String> = "PublicIp",
        interface: Option<String> = "NetworkInterfaceId",
        private: Option<String> = "PrivateIpAddress",
        reassociate: Option<bool> = "AllowReassociation",
    }

    #[derive(Debug)]
    struct Associated { id: String = "AssociationId" }

    #[derive(Debug)]
    struct Disassociate {
        id: Option<String> = "AssociationId",
        address: Option<String> = "PublicIp",
    }
}

item!(View, id);

/// The address that a request names by its allocation or itself.
fn named<'a, 'c>(cx: &'a mut Cx<'c>, r: &'a Struct) -> Result<Access<'a, 'c>, Fault> {
    let access = on(cx, r)?;
    let id = match (r.str("AllocationId"), r.str("PublicIp")) {
        (Some(id), _) => Some(id.to_owned()),
        (None, Some(address)) => by_address(access.cx, address).ok().map(|found| found.id),
        (None, None) => None,
    };
    Ok(match id {
        Some(id) => access.id(&ELASTIC_IP, &id),
        None => access.new(&ELASTIC_IP),
    })
}

fn of_association(cx: &mut Cx<'_>, r: &Struct) -> Result<Vec<Target>, Fault> {
    let access = on(cx, r)?;
    let found = match (r.str("AssociationId"), r.str("PublicIp")) {
        (Some(id), _) => by_association(access.cx, id).ok(),
        (None, Some(address)) => by_address(access.cx, address).ok(),
        (None, None) => None,
    };
    match found {
        Some(Address { id, association: Some(association), .. }) => {
            access.id(&ELASTIC_IP, &id).id(&NETWORK_INTERFACE, &association.interface).done()
        }
        Some(address) => access.id(&ELASTIC_IP, &address.id).done(),
        None => access.new(&ELASTIC_IP).done(),
    }
}

fn save(cx: &mut Cx<'_>, address: &Address) {
    ADDRESSES.put(cx.tx, &register::key(cx.account, cx.region, &address.id), address);
}

fn by_address(cx: &Cx<'_>, text: &str) -> Result<Address, Ec2Error> {
    let address: Ipv4Addr =
        text.parse().map_err(|_| Ec2Error::value(text, "publicIp", "Invalid IPv4 address."))?;
    let holder = public::holder(cx, address)?.filter(|h| h.account == cx.account && h.region == cx.region);
    let found = match holder {
        Some(holder) => ADDRESSES.get(cx.tx, &register::key(cx.account, cx.region, &holder.id))?,
        None => None,
    };
    found.ok_or_else(|| Plain::InvalidAddressNotFound(text.to_owned()).into())
}

fn by_association(cx: &Cx<'_>, id: &str) -> Result<Address, Ec2Error> {
    let has = |a: &Address| a.association.as_ref().is_some_and(|association| association.id == id);
    all(cx, &ADDRESSES)?.into_iter().find(has).ok_or_else(|| Plain::InvalidAssociation(id.to_owned()).into())
}

fn one_of(cx: &Cx<'_>, id: Option<&String>, address: Option<&String>) -> Result<Address, Ec2Error> {
    match (id, address) {
        (Some(_), Some(_)) => {
            let what = "You may specify public IP or allocation id, but not both in the same call";
            Err(Plain::InvalidParameterCombination(what.into()).into())
        }
        (Some(id), None) => get(cx, &ADDRESSES, &ELASTIC_IP, id),
        (None, Some(address)) => by_address(cx, address),
        (None, None) => Err(Plain::MissingParameter("AllocationId".into()).into()),
    }
}

fn allocate(cx: &mut Cx<'_>, req: Allocate) -> Result<Allocated, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &ELASTIC_IP, &[&ELASTIC_IP])?;
    if ADDRESSES.count(cx.tx, &Key::regional(cx.account, cx.region))? >= ADDRESSES_MAX {
        return Err(Limit::Address.into());
    }
    let id = ELASTIC_IP.id(cx.rng());
    let address = match &req.address {
        None => public::take(cx, &id)?,
        // One that the account had before, or any other that nobody has.
        Some(text) => {
            let wanted: Option<Ipv4Addr> = text.parse().ok().filter(|address| public::is_ours(*address));
            let free = match wanted {
                Some(address) if public::holder(cx, address)?.is_none() => address,
                _ => return Err(Plain::AddressUnavailable(text.clone()).into()),
            };
            public::give(cx, free, &id);
            free
        }
    };
    let record = Address { id: id.clone(), address: address.to_string(), association: None };
    save(cx, &record);
    let keys = [("ec2:Domain", "vpc".to_owned()), ("ec2:PublicIpAddress", record.address.clone())];
    register::enter(cx, &ELASTIC_IP, &id, &tags, &keys);
    Ok(Allocated {
        id,
        pool: "amazon".into(),
        border: cx.region.name().into(),
        domain: "vpc".into(),
        address: record.address,
    })
}

fn release(cx: &mut Cx<'_>, req: Release) -> Result<Empty, Ec2Error> {
    let address = one_of(cx, req.id.as_ref(), req.address.as_ref())?;
    if req.id.is_none() {
        let what = "You must specify an allocation id when releasing a VPC elastic IP address";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    if address.association.is_some() {
        let what = format!("Address {} is in use.", address.address);
        return Err(Plain::InvalidAddressInUse(what).into());
    }
    ADDRESSES.delete(cx.tx, &register::key(cx.account, cx.region, &address.id));
    if let Ok(number) = address.address.parse() {
        public::release(cx.tx, number);
    }
    register::strike(cx.tx, cx.account, cx.region, &address.id);
    Ok(Empty)
}

fn view(cx: &Cx<'_>, address: &Address) -> Result<View, Ec2Error> {
    let association = address.association.clone();
    let attached = match &association {
        Some(association) => attachment::of(cx.tx, cx.account, cx.region, &association.interface)?,
        None => None,
    };
    Ok(View {
        id: address.id.clone(),
        association: association.as_ref().map(|a| a.id.clone()),
        domain: "vpc".into(),
        interface_owner: association.as_ref().map(|_| cx.account.to_string()),
        interface: association.as_ref().map(|a| a.interface.clone()),
        private: association.map(|a| a.private),
        tags: tags::view(&register::tags(cx, &address.id)?),
        pool: "amazon".into(),
        border: cx.region.name().into(),
        instance: attached.and_then(|attachment| attachment.instance),
        address: address.address.clone(),
    })
}

static FILTERS: &Known<View> = &[
    ("allocation-id", |a| one(&a.id)),
    ("association-id", |a| maybe(&a.association)),
    ("domain", |a| one(&a.domain)),
    ("instance-id", |a| maybe(&a.instance)),
    ("network-border-group", |a| one(&a.border)),
    ("network-interface-id", |a| maybe(&a.interface)),
    ("network-interface-owner-id", |a| maybe(&a.interface_owner)),
    ("private-ip-address", |a| maybe(&a.private)),
    ("public-ip", |a| one(&a.address)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Addresses, Ec2Error> {
    let mut found = describe::some(cx, &ADDRESSES, &ELASTIC_IP, &req.ids)?;
    if !req.addresses.is_empty() {
        for address in &req.addresses {
            by_address(cx, address)?;
        }
        found.retain(|address| req.addresses.contains(&address.address));
    }
    let items = found.iter().map(|address| view(cx, address)).collect::<Result<Vec<_>, _>>()?;
    let (addresses, _) = describe::page(cx, items, Ask::new(&req.filters, None, None), FILTERS)?;
    Ok(Addresses { addresses })
}

/// No address has a name of its own for reverse look-ups: the operation that gives one is not built.
fn describe_attributes(cx: &mut Cx<'_>, req: DescribeAttributes) -> Result<Attributes, Ec2Error> {
    let found = describe::some(cx, &ADDRESSES, &ELASTIC_IP, &req.ids)?;
    let view = |address: Address| AttributeView { address: address.address, id: address.id };
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let all = found.into_iter().map(view).collect();
    let (addresses, next) = describe::cut(cx, all, ask, |address| address.id.clone())?;
    Ok(Attributes { addresses, next })
}

/// The interface that a request means, by itself or as the first one of an instance.
fn target(cx: &Cx<'_>, req: &Associate) -> Result<Interface, Ec2Error> {
    // AWS: an empty id is none.
    let some = |id: &&String| !id.is_empty();
    match (req.interface.as_ref().filter(some), req.instance.as_ref().filter(some)) {
        (Some(_), Some(_)) => {
            let what = "You may specify instance id or network interface id, but not both in the same call";
            Err(Plain::InvalidParameterCombination(what.into()).into())
        }
        (Some(id), None) => find::interface(cx, id),
        (None, Some(instance)) => {
            describe::check_id(&INSTANCE, instance)?;
            for interface in all(cx, &INTERFACES)? {
                let attached = attachment::of(cx.tx, cx.account, cx.region, &interface.id)?;
                if attached.is_some_and(|a| a.instance.as_ref() == Some(instance) && a.device_index == 0) {
                    return Ok(interface);
                }
            }
            Err(Ec2Error::not_found(&INSTANCE, instance))
        }
        (None, None) => {
            let what = "Either 'InstanceId' or 'NetworkInterfaceId' must be specified.";
            Err(Plain::MissingTarget(what.into()).into())
        }
    }
}

fn associate(cx: &mut Cx<'_>, req: Associate) -> Result<Associated, Ec2Error> {
    let address = one_of(cx, req.id.as_ref(), req.address.as_ref())?;
    let interface = target(cx, &req)?;
    super::interface::own(&interface)?;
    if interface.addresses.is_empty() {
        let what = format!("The network interface '{}' does not have a private IPv4 address.", interface.id);
        return Err(Plain::InvalidParameterCombination(what).into());
    }
    let private = req.private.clone().unwrap_or_else(|| interface.primary().to_owned());
    link(cx, address, &interface.id, &private, req.reassociate != Some(false)).map(|id| Associated { id })
}

/// Puts an Elastic IP address before a private one.
///
/// # Errors
/// `Gateway.NotAttached`, `InvalidParameterValue`, `Resource.AlreadyAssociated`.
pub(crate) fn link(
    cx: &mut Cx<'_>,
    mut address: Address,
    interface: &str,
    private: &str,
    again: bool,
) -> Result<String, Ec2Error> {
    let wanted = find::interface(cx, interface)?;
    if super::internet_gateway::of_vpc(cx, &wanted.vpc)?.is_none() {
        let what = format!("Network {} is not attached to any internet gateway", wanted.vpc);
        return Err(Plain::GatewayNotAttached(what).into());
    }
    if let Some(there) = &address.association {
        if there.interface == interface && there.private == private {
            return Ok(there.id.clone());
        }
        if !again {
            let what =
                format!("resource {} is already associated with associate-id {}", address.id, there.id);
            return Err(Plain::ResourceAlreadyAssociated(what).into());
        }
        super::interface::own(&find::interface(cx, &there.interface)?)?;
        unlink(cx, &address.id)?;
    }
    let mut wanted = find::interface(cx, interface)?;
    let outside = || {
        let what = format!("The private IP address {private} is not assigned to interface {interface}.");
        Plain::InvalidParameterValue(what)
    };
    let at = wanted.addresses.iter().position(|a| a.address == private).ok_or_else(outside)?;
    if let Some(other) = wanted.addresses[at].allocation.clone() {
        if !again {
            let what = format!("resource {interface} is already associated with address {other}");
            return Err(Plain::ResourceAlreadyAssociated(what).into());
        }
        unlink(cx, &other)?;
    }
    wanted.addresses[at].allocation = Some(address.id.clone());
    super::interface::save(cx, &wanted);
    let id = make::id(cx, "eipassoc");
    address.association = Some(AddressAssociation {
        id: id.clone(),
        interface: interface.to_owned(),
        private: private.to_owned(),
    });
    save(cx, &address);
    Ok(id)
}

/// Ends the association of an address.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn unlink(cx: &mut Cx<'_>, allocation: &str) -> Result<(), Ec2Error> {
    let Some(mut address) = ADDRESSES.get(cx.tx, &register::key(cx.account, cx.region, allocation))? else {
        return Ok(());
    };
    if let Some(association) = address.association.take() {
        let key = register::key(cx.account, cx.region, &association.interface);
        if let Some(mut interface) = INTERFACES.get(cx.tx, &key)? {
            for private in &mut interface.addresses {
                if private.allocation.as_deref() == Some(allocation) {
                    private.allocation = None;
                }
            }
            INTERFACES.put(cx.tx, &key, &interface);
        }
    }
    save(cx, &address);
    Ok(())
}

fn disassociate(cx: &mut Cx<'_>, req: Disassociate) -> Result<Empty, Ec2Error> {
    let address = match (&req.id, &req.address) {
        (Some(id), _) => by_association(cx, id)?,
        (None, Some(address)) => by_address(cx, address)?,
        (None, None) => return Err(Plain::MissingParameter("AssociationId".into()).into()),
    };
    if let Some(association) = &address.association {
        super::interface::own(&find::interface(cx, &association.interface)?)?;
        unlink(cx, &address.id)?;
    }
    Ok(Empty)
}
