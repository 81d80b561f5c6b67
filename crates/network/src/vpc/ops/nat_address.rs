//! Further addresses of NAT gateways.

use super::address::{link, unlink};
use super::interface_address::{drop_address, take};
use super::nat::{AddressView, address_views, free_address, save};
use crate::vpc::access::on;
use crate::vpc::find;
use crate::vpc::model::{Nat, NatAddress, NatState, PrivateAddress};
use ec2::errors::Limit;
use ec2::kind::{ELASTIC_IP, NAT_GATEWAY};
use ec2::{Ec2Error, Plain};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    pub(crate) static OPS:
        AssignPrivateNatGatewayAddress: assign, "ec2:AssignPrivateNatGatewayAddress", |cx, r| on(cx, r)?.one(&NAT_GATEWAY, "NatGatewayId").done();
        UnassignPrivateNatGatewayAddress: unassign, "ec2:UnassignPrivateNatGatewayAddress", |cx, r| on(cx, r)?.one(&NAT_GATEWAY, "NatGatewayId").done();
        AssociateNatGatewayAddress: associate, "ec2:AssociateNatGatewayAddress", |cx, r| on(cx, r)?.one(&NAT_GATEWAY, "NatGatewayId").many(&ELASTIC_IP, "AllocationIds").done();
        DisassociateNatGatewayAddress: disassociate, "ec2:DisassociateNatGatewayAddress", of_associations;
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
pub(crate) const PUBLIC_MAX: usize = 2;
const PRIVATE_MAX: usize = 8;

wire::shape! {
    #[derive(Debug)]
    struct Assign {
        id: String = "NatGatewayId",
        addresses: Vec<String> = "PrivateIpAddresses",
        count: Option<i64> = "PrivateIpAddressCount",
    }

    #[derive(Debug)]
    struct Unassign {
        id: String = "NatGatewayId",
        addresses: Vec<String> = "PrivateIpAddresses",
    }

    #[derive(Debug)]
    struct Associate {
        id: String = "NatGatewayId",
        allocations: Vec<String> = "AllocationIds",
        addresses: Vec<String> = "PrivateIpAddresses",
    }

    #[derive(Debug)]
    struct Disassociate {
        id: String = "NatGatewayId",
        associations: Vec<String> = "AssociationIds",
    }

    #[derive(Debug)]
    struct Addresses {
        id: String = "NatGatewayId",
        addresses: Vec<AddressView> = "NatGatewayAddresses",
    }
}

/// The gateway, and the addresses whose associations a request names.
fn of_associations(cx: &mut Cx<'_>, r: &Struct) -> Result<Vec<Target>, Fault> {
    let access = on(cx, r)?.one(&NAT_GATEWAY, "NatGatewayId");
    let named = r.get("AssociationIds").and_then(Value::as_list).unwrap_or_default();
    let named: Vec<&str> = named.iter().filter_map(Value::as_str).collect();
    let nat = find::nat(access.cx, r.str("NatGatewayId").unwrap_or_default()).ok();
    let of_nat = nat.map(|nat| nat.addresses).unwrap_or_default();
    let is_named =
        |address: &&NatAddress| address.association.as_deref().is_some_and(|id| named.contains(&id));
    let allocations = of_nat.iter().filter(is_named).filter_map(|address| address.allocation.as_deref());
    allocations.fold(access, |access, id| access.id(&ELASTIC_IP, id)).done()
}

/// A gateway of the wanted kind that is available.
fn usable(cx: &Cx<'_>, id: &str, private: bool) -> Result<Nat, Ec2Error> {
    let nat = find::nat(cx, id)?;
    if nat.private != private {
        let kind = if private { "private" } else { "public" };
        let what = format!("This operation is supported for {kind} NAT Gateways only.");
        return Err(Plain::InvalidParameter(what).into());
    }
    if nat.state != NatState::Available {
        let what = format!("NatGateway {id} is in state {}", nat.state.word());
        return Err(Plain::IncorrectState(what).into());
    }
    Ok(nat)
}

/// Takes private addresses for a gateway's interface.
fn extend(cx: &mut Cx<'_>, nat: &Nat, named: &[String], more: usize) -> Result<Vec<NatAddress>, Ec2Error> {
    let id = nat.addresses.first().map(|a| a.interface.clone()).unwrap_or_default();
    let subnet = find::subnet(cx, &nat.subnet)?;
    let taken = take(cx, &subnet, &id, named, more)?;
    let mut interface = find::interface(cx, &id)?;
    interface.addresses.extend(taken.iter().map(|a| PrivateAddress { address: a.clone(), allocation: None }));
    super::interface::save(cx, &interface);
    let new = |private: String| NatAddress { private, interface: id.clone(), ..NatAddress::default() };
    Ok(taken.into_iter().map(new).collect())
}

fn assign(cx: &mut Cx<'_>, req: Assign) -> Result<Addresses, Ec2Error> {
    let mut nat = usable(cx, &req.id, true)?;
    let count = usize::try_from(req.count.unwrap_or(0)).unwrap_or(0);
    if req.addresses.is_empty() == (count == 0) {
        let what = "Exactly one of PrivateIpAddresses and PrivateIpAddressCount must be specified.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    if nat.addresses.len() + req.addresses.len() + count > PRIVATE_MAX {
        return Err(Limit::PrivateAddresses(PRIVATE_MAX).into());
    }
    let new = extend(cx, &nat, &req.addresses, count)?;
    nat.addresses.extend(new);
    save(cx, &nat);
    Ok(Addresses { addresses: address_views(&nat, "assigning"), id: nat.id })
}

fn drop_private(cx: &mut Cx<'_>, nat: &mut Nat, private: &str) -> Result<(), Ec2Error> {
    let missing = || {
        let what = format!("The address {private} is not one of NatGateway {}", nat.id);
        Plain::InvalidParameterValue(what)
    };
    let at = nat.addresses.iter().position(|a| a.private == private).ok_or_else(missing)?;
    if at == 0 {
        let what = "The primary address of a NAT Gateway cannot be removed.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    let gone = nat.addresses.remove(at);
    if let Some(allocation) = &gone.allocation {
        unlink(cx, allocation)?;
    }
    let mut interface = find::interface(cx, &gone.interface)?;
    drop_address(cx, &mut interface, private)?;
    super::interface::save(cx, &interface);
    Ok(())
}

fn unassign(cx: &mut Cx<'_>, req: Unassign) -> Result<Addresses, Ec2Error> {
    let mut nat = usable(cx, &req.id, true)?;
    for private in &req.addresses {
        drop_private(cx, &mut nat, private)?;
    }
    save(cx, &nat);
    Ok(Addresses { addresses: address_views(&nat, "succeeded"), id: nat.id })
}

fn associate(cx: &mut Cx<'_>, req: Associate) -> Result<Addresses, Ec2Error> {
    let mut nat = usable(cx, &req.id, false)?;
    if nat.addresses.len() + req.allocations.len() > PUBLIC_MAX {
        return Err(Limit::Address.into());
    }
    if !req.addresses.is_empty() && req.addresses.len() != req.allocations.len() {
        let what = "The number of PrivateIpAddresses must match that of AllocationIds";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let more = if req.addresses.is_empty() { req.allocations.len() } else { 0 };
    let new = extend(cx, &nat, &req.addresses, more)?;
    for (mut address, allocation) in new.into_iter().zip(&req.allocations) {
        let elastic = free_address(cx, allocation)?;
        address.public = Some(elastic.address.clone());
        address.allocation = Some(allocation.clone());
        address.association = Some(link(cx, elastic, &address.interface, &address.private, false)?);
        nat.addresses.push(address);
    }
    save(cx, &nat);
    Ok(Addresses { addresses: address_views(&nat, "associating"), id: nat.id })
}

fn disassociate(cx: &mut Cx<'_>, req: Disassociate) -> Result<Addresses, Ec2Error> {
    let mut nat = usable(cx, &req.id, false)?;
    for association in &req.associations {
        let found = nat.addresses.iter().find(|a| a.association.as_ref() == Some(association));
        let private = found.map(|a| a.private.clone());
        let private = private.ok_or_else(|| Plain::InvalidAssociation(association.clone()))?;
        drop_private(cx, &mut nat, &private)?;
    }
    save(cx, &nat);
    Ok(Addresses { addresses: address_views(&nat, "succeeded"), id: nat.id })
}
