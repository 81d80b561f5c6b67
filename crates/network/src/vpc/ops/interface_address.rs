//! Private addresses of interfaces: which are free, and assigning further ones.

use super::interface::{PRIVATE_MAX, own, save};
use super::subnet::native;
use crate::vpc::access::on;
use crate::vpc::find;
use crate::vpc::model::{INTERFACES, Interface, PrivateAddress, Subnet, USED, Used, used_key};
use ec2::errors::Limit;
use ec2::kind::NETWORK_INTERFACE;
use ec2::{Ec2Error, Plain};
use kernel::{Cx, Empty};
use net::cidr::{free, is_reserved};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use store::{Direction, Key};

kernel::ops! {
    pub(crate) static OPS:
        AssignPrivateIpAddresses: assign, "ec2:AssignPrivateIpAddresses", |cx, r| on(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").done();
        UnassignPrivateIpAddresses: unassign, "ec2:UnassignPrivateIpAddresses", |cx, r| on(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").done();
        AssignIpv6Addresses: assign_ipv6, "ec2:AssignIpv6Addresses", |cx, r| on(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").done();
        UnassignIpv6Addresses: unassign_ipv6, "ec2:UnassignIpv6Addresses", |cx, r| on(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Assign {
        id: String = "NetworkInterfaceId",
        addresses: Vec<String> = "PrivateIpAddresses",
        count: Option<i64> = "SecondaryPrivateIpAddressCount",
        reassign: Option<bool> = "AllowReassignment",
    }

    #[derive(Debug)]
    struct Assigned {
        id: String = "NetworkInterfaceId",
        addresses: Vec<AssignedAddress> = "AssignedPrivateIpAddresses",
    }

    #[derive(Debug)]
    struct AssignedAddress { address: String = "PrivateIpAddress" }

    #[derive(Debug)]
    struct Unassign {
        id: String = "NetworkInterfaceId",
        addresses: Vec<String> = "PrivateIpAddresses",
    }

    #[derive(Debug)]
    struct AssignIpv6 {
        id: String = "NetworkInterfaceId",
        addresses: Vec<String> = "Ipv6Addresses",
        count: Option<i64> = "Ipv6AddressCount",
    }

    #[derive(Debug)]
    struct AssignedIpv6 {
        addresses: Vec<String> = "AssignedIpv6Addresses",
        id: String = "NetworkInterfaceId",
    }

    #[derive(Debug)]
    struct UnassignIpv6 {
        id: String = "NetworkInterfaceId",
        addresses: Vec<String> = "Ipv6Addresses",
    }

    #[derive(Debug)]
    struct UnassignedIpv6 {
        id: String = "NetworkInterfaceId",
        addresses: Vec<String> = "UnassignedIpv6Addresses",
    }
}

fn key(cx: &Cx<'_>, subnet: &str, address: Ipv4Addr) -> Key {
    used_key(Key::regional(cx.account, cx.region), subnet, Some(address))
}

/// An IPv4 address that is written as one and may be had in the subnet.
fn in_subnet(subnet: &Subnet, text: &str) -> Result<Ipv4Addr, Ec2Error> {
    let malformed = || Ec2Error::value(text, "privateIpAddress", "Invalid IPv4 address.");
    let address: Ipv4Addr = text.parse().map_err(|_| malformed())?;
    let block = subnet.block().ok_or(Plain::InternalError)?;
    if !block.contains(IpAddr::V4(address)) {
        let what = "Address does not fall within the subnet's address range";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    if is_reserved(block, IpAddr::V4(address)) {
        let what = "Address is in subnet's reserved address range";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    Ok(address)
}

/// Takes the named addresses and `more` free ones, in this order.
///
/// # Errors
/// `InvalidParameterValue`, `InvalidIPAddress.InUse`, `InsufficientFreeAddressesInSubnet`,
/// `PrivateIpAddressLimitExceeded`.
pub(crate) fn take(
    cx: &mut Cx<'_>,
    subnet: &Subnet,
    interface: &str,
    named: &[String],
    more: usize,
) -> Result<Vec<String>, Ec2Error> {
    if named.len() + more > PRIVATE_MAX {
        return Err(Limit::PrivateAddresses(PRIVATE_MAX).into());
    }
    if let Some(address) = named.first().filter(|_| subnet.is_native()) {
        return Err(native(&subnet.id, &format!("'{address}' for privateIpAddress")));
    }
    if more > 0 && subnet.is_native() {
        return Err(native(&subnet.id, &format!("'{more}' for secondaryPrivateIpAddressCount")));
    }
    let used = Used { interface: interface.to_owned() };
    let mut out = Vec::new();
    for text in named {
        let address = in_subnet(subnet, text)?;
        let key = key(cx, &subnet.id, address);
        if USED.contains(cx.tx, &key)? {
            return Err(Plain::InvalidAddressInUse(format!("Address {address} is in use.")).into());
        }
        USED.put(cx.tx, &key, &used);
        out.push(address.to_string());
    }
    if more == 0 {
        return Ok(out);
    }
    let mut taken = BTreeSet::new();
    let prefix = used_key(Key::regional(cx.account, cx.region), &subnet.id, None);
    for pair in USED.scan(cx.tx, &prefix, Direction::Forward) {
        let (key, _) = pair?;
        let mut reader = key.reader();
        let number = reader
            .scope()
            .and_then(|_| reader.region())
            .and_then(|_| reader.str())
            .and_then(|_| reader.u32());
        taken.extend(number.map(Ipv4Addr::from));
    }
    let block = subnet.block().ok_or(Plain::InternalError)?;
    for _ in 0..more {
        let is_taken = |address: IpAddr| matches!(address, IpAddr::V4(v4) if taken.contains(&v4));
        let Some(IpAddr::V4(address)) = free(block, is_taken) else {
            let what = format!(
                "The specified subnet {} does not have enough free addresses to satisfy the request.",
                subnet.id
            );
            return Err(Plain::InsufficientFreeAddresses(what).into());
        };
        taken.insert(address);
        USED.put(cx.tx, &key(cx, &subnet.id, address), &used);
        out.push(address.to_string());
    }
    Ok(out)
}

/// Gives addresses back.
pub(crate) fn release(cx: &mut Cx<'_>, subnet: &str, addresses: &[String]) {
    for address in addresses.iter().filter_map(|address| address.parse().ok()) {
        USED.delete(cx.tx, &key(cx, subnet, address));
    }
}

/// Chooses IPv6 addresses of a subnet: the named ones and `more`.
///
/// # Errors
/// `InvalidParameterValue`, `InvalidIPAddress.InUse`.
pub(crate) fn ipv6(
    cx: &Cx<'_>,
    subnet: &Subnet,
    named: &[String],
    more: usize,
) -> Result<Vec<String>, Ec2Error> {
    if named.is_empty() && more == 0 {
        return Ok(Vec::new());
    }
    let Some(block) = subnet.ipv6_block() else {
        let what = format!("Subnet {} does not have an IPv6 CIDR block associated.", subnet.id);
        return Err(Plain::InvalidParameterValue(what).into());
    };
    let there: Vec<String> = ec2::describe::all(cx, &INTERFACES)?
        .into_iter()
        .filter(|interface| interface.subnet == subnet.id)
        .flat_map(|interface| interface.ipv6)
        .collect();
    let mut out: Vec<String> = Vec::new();
    for text in named {
        let malformed = || Ec2Error::value(text, "ipv6Addresses", "Invalid IPv6 address.");
        let address: Ipv6Addr = text.parse().map_err(|_| malformed())?;
        if !block.contains(IpAddr::V6(address)) || is_reserved(block, IpAddr::V6(address)) {
            let what = "Address does not fall within the subnet's address range";
            return Err(Plain::InvalidParameterValue(what.into()).into());
        }
        let address = address.to_string();
        if there.contains(&address) || out.contains(&address) {
            return Err(Plain::InvalidAddressInUse(format!("Address {address} is in use.")).into());
        }
        out.push(address);
    }
    while out.len() < named.len() + more {
        let drawn = 4 + u128::from(cx.rng().below(u64::MAX - 8)) % (block.size() - 5);
        let address = block.nth(drawn).map(|address| address.to_string()).unwrap_or_default();
        if !there.contains(&address) && !out.contains(&address) {
            out.push(address);
        }
    }
    Ok(out)
}

/// Takes an address away from the interface of the same subnet that has it as a secondary one.
fn reassign(cx: &mut Cx<'_>, subnet: &Subnet, text: &str) -> Result<(), Ec2Error> {
    let address = in_subnet(subnet, text)?;
    let Some(used) = USED.get(cx.tx, &key(cx, &subnet.id, address))? else { return Ok(()) };
    let mut other = find::interface(cx, &used.interface)?;
    let at = other.addresses.iter().position(|a| a.address == text);
    match at {
        Some(0) | None => Err(Plain::InvalidAddressInUse(format!("Address {address} is in use.")).into()),
        Some(at) => {
            let moved = other.addresses.remove(at);
            if let Some(allocation) = moved.allocation {
                super::address::unlink(cx, &allocation)?;
            }
            release(cx, &subnet.id, &[moved.address]);
            save(cx, &other);
            Ok(())
        }
    }
}

fn assign(cx: &mut Cx<'_>, req: Assign) -> Result<Assigned, Ec2Error> {
    let mut interface = find::interface(cx, &req.id)?;
    own(&interface)?;
    let count = usize::try_from(req.count.unwrap_or(0)).unwrap_or(0);
    if req.addresses.is_empty() == (count == 0) {
        let what = "Exactly one of privateIpAddresses and secondaryPrivateIpAddressCount must be specified.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    // AWS: what it has already it has.
    let is_new = |address: &String| !interface.addresses.iter().any(|own| own.address == *address);
    let asked: Vec<String> = req.addresses.into_iter().filter(is_new).collect();
    if interface.addresses.len() + asked.len() + count > PRIVATE_MAX {
        return Err(Limit::PrivateAddresses(PRIVATE_MAX).into());
    }
    let subnet = find::subnet(cx, &interface.subnet)?;
    if req.reassign == Some(true) {
        for address in &asked {
            reassign(cx, &subnet, address)?;
        }
        interface = find::interface(cx, &req.id)?;
    }
    let taken = take(cx, &subnet, &interface.id, &asked, count)?;
    let new = taken.iter().map(|address| PrivateAddress { address: address.clone(), allocation: None });
    interface.addresses.extend(new);
    save(cx, &interface);
    let addresses = taken.into_iter().map(|address| AssignedAddress { address }).collect();
    Ok(Assigned { id: interface.id, addresses })
}

fn unassign(cx: &mut Cx<'_>, req: Unassign) -> Result<Empty, Ec2Error> {
    let mut interface = find::interface(cx, &req.id)?;
    own(&interface)?;
    if req.addresses.is_empty() {
        return Err(Plain::MissingParameter("privateIpAddresses".into()).into());
    }
    for address in &req.addresses {
        drop_address(cx, &mut interface, address)?;
    }
    save(cx, &interface);
    Ok(Empty)
}

/// Takes a secondary address from an interface.
///
/// # Errors
/// `InvalidParameterValue` for the primary one, and for one that it has not.
pub(crate) fn drop_address(
    cx: &mut Cx<'_>,
    interface: &mut Interface,
    address: &str,
) -> Result<(), Ec2Error> {
    let refused = || {
        let what = format!("Some of the specified addresses are not assigned to interface {}", interface.id);
        Plain::InvalidParameterValue(what)
    };
    let at = interface.addresses.iter().position(|a| a.address == address).ok_or_else(refused)?;
    if at == 0 {
        let what = format!(
            "Address {address} is the primary address of interface {} and cannot be unassigned.",
            interface.id
        );
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let gone = interface.addresses.remove(at);
    if let Some(allocation) = gone.allocation {
        super::address::unlink(cx, &allocation)?;
    }
    release(cx, &interface.subnet, &[gone.address]);
    Ok(())
}

fn assign_ipv6(cx: &mut Cx<'_>, req: AssignIpv6) -> Result<AssignedIpv6, Ec2Error> {
    let mut interface = find::interface(cx, &req.id)?;
    own(&interface)?;
    let count = usize::try_from(req.count.unwrap_or(0)).unwrap_or(0);
    if req.addresses.is_empty() == (count == 0) {
        let what = "Exactly one of ipv6Addresses and ipv6AddressCount must be specified.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let subnet = find::subnet(cx, &interface.subnet)?;
    let addresses = ipv6(cx, &subnet, &req.addresses, count)?;
    if interface.ipv6.len() + addresses.len() > PRIVATE_MAX {
        return Err(Limit::PrivateAddresses(PRIVATE_MAX).into());
    }
    interface.ipv6.extend(addresses.iter().cloned());
    save(cx, &interface);
    Ok(AssignedIpv6 { addresses, id: interface.id })
}

fn unassign_ipv6(cx: &mut Cx<'_>, req: UnassignIpv6) -> Result<UnassignedIpv6, Ec2Error> {
    let mut interface = find::interface(cx, &req.id)?;
    own(&interface)?;
    let canonical = |text: &String| text.parse::<Ipv6Addr>().map_or_else(|_| text.clone(), |a| a.to_string());
    let addresses: Vec<String> = req.addresses.iter().map(canonical).collect();
    if let Some(other) = addresses.iter().find(|address| !interface.ipv6.contains(address)) {
        let what = format!("The address {other} is not assigned to interface {}", interface.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    if interface.addresses.is_empty() && interface.ipv6.len() == addresses.len() {
        let what =
            format!("Interface {} is in an IPv6-only subnet: it keeps one of its addresses.", interface.id);
        return Err(Plain::OperationNotPermitted(what).into());
    }
    interface.ipv6.retain(|address| !addresses.contains(address));
    save(cx, &interface);
    Ok(UnassignedIpv6 { id: interface.id, addresses })
}
