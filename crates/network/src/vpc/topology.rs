//! From records to [`net::Topology`]: what the data plane is built by and the reachability analyzer walks through.

use super::model::{
    ADDRESSES, AclEntry, EGRESS_GATEWAYS, ENDPOINTS, EndpointKind, GROUPS, INTERFACES, INTERNET_GATEWAYS,
    Interface, InterfaceKind, NATS, NETWORK_ACLS, NatState, PEERINGS, PREFIX_LISTS, Peer, PeeringSide,
    PeeringState, ROUTE_TABLES, Rule, SUBNETS, Target, VPCS, managed,
};
use base::{AccountId, Region};
use ec2::attachment;
use ec2::zone;
use net::Cidr;
use net::topology as plan;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use store::{Direction, Key, Read, Record, StoreError, Table};

/// A VPC by where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub account: AccountId,
    pub region: Region,
    pub vpc: &'a str,
}

impl Place<'_> {
    fn key(self, id: &str) -> Key {
        ec2::register::key(self.account, self.region, id)
    }

    /// # Errors
    /// When the store cannot be read.
    pub(super) fn all<R: Record>(self, from: &dyn Read, table: &Table<R>) -> Result<Vec<R>, StoreError> {
        let found = table.scan(from, &Key::regional(self.account, self.region), Direction::Forward);
        found.map(|pair| pair.map(|(_, record)| record)).collect()
    }
}

/// A VPC with those that it is peered with: everything that decides about its packets.
///
/// # Errors
/// When the store cannot be read.
pub fn topology(from: &dyn Read, place: Place<'_>) -> Result<plan::Topology, StoreError> {
    let mut out = plan::Topology::default();
    out.vpcs.extend(vpc(from, place)?.map(|vpc| (vpc.id.clone(), vpc)));
    lists(from, place, &mut out)?;
    for pair in PEERINGS.scan(from, &Key::global(), Direction::Forward) {
        let (_, peering) = pair?;
        let Some((own, other)) = peering.from(place.vpc) else { continue };
        if peering.state != PeeringState::Active || (own.account, own.region) != (place.account, place.region)
        {
            continue;
        }
        let PeeringSide { account, region, vpc: id, .. } = other;
        let there = Place { account: *account, region: *region, vpc: id };
        out.vpcs.extend(vpc(from, there)?.map(|vpc| (vpc.id.clone(), vpc)));
        lists(from, there, &mut out)?;
        let connection = plan::Peering {
            id: peering.id.clone(),
            requester: peering.requester.vpc.clone(),
            accepter: peering.accepter.vpc.clone(),
        };
        out.peerings.insert(peering.id, connection);
    }
    Ok(out)
}

fn lists(from: &dyn Read, place: Place<'_>, out: &mut plan::Topology) -> Result<(), StoreError> {
    for list in managed(place.region).into_iter().chain(place.all(from, &PREFIX_LISTS)?) {
        let blocks = list.current().iter().filter_map(|entry| entry.cidr.parse().ok()).collect();
        out.prefix_lists.insert(list.id, blocks);
    }
    Ok(())
}

fn vpc(from: &dyn Read, place: Place<'_>) -> Result<Option<plan::Vpc>, StoreError> {
    let Some(record) = VPCS.get(from, &place.key(place.vpc))? else { return Ok(None) };
    let mut out = plan::Vpc { id: record.id.clone(), cidrs: record.all_blocks(), ..plan::Vpc::default() };
    gateways(from, place, &mut out)?;
    routes(from, place, &mut out)?;
    acls(from, place, &mut out)?;
    for group in place.all(from, &GROUPS)?.into_iter().filter(|group| group.vpc == place.vpc) {
        let side =
            |egress: bool| group.rules.iter().filter(|r| r.egress == egress).filter_map(rule).collect();
        let (ingress, egress) = (side(false), side(true));
        out.security_groups.insert(group.id.clone(), plan::SecurityGroup { id: group.id, ingress, egress });
    }
    let machines = machines(from, place)?;
    for interface in place.all(from, &INTERFACES)?.into_iter().filter(|i| i.vpc == place.vpc) {
        if interface.kind == InterfaceKind::Lambda {
            out.relays.insert(interface.id.clone());
        }
        out.interfaces.insert(interface.id.clone(), self::interface(from, place, &interface, &machines)?);
    }
    out.watched = super::flows::watched(from, place)?;
    bandwidths(from, place, &mut out)?;
    fail(&mut out, &zone::down(from)?);
    Ok(Some(out))
}

/// How fast the instances are that are plugged in.
fn bandwidths(from: &dyn Read, place: Place<'_>, out: &mut plan::Vpc) -> Result<(), StoreError> {
    const BITS: u64 = 8;
    let plugged = out.interfaces.values().filter_map(|interface| interface.attachment.as_ref());
    let machines: BTreeSet<String> = plugged.map(|attachment| attachment.machine.clone()).collect();
    for machine in machines {
        if let Some(found) = ec2::bandwidth::of(from, place.account, place.region, &machine)? {
            let held = plan::Bandwidth { receives: found.receives / BITS, sends: found.sends / BITS };
            out.bandwidths.insert(machine, held);
        }
    }
    Ok(())
}

/// What failed zones take away: links, and the gateways and routes that go by them.
fn fail(vpc: &mut plan::Vpc, down: &BTreeSet<String>) {
    let lost = |subnet: &String| vpc.subnets.get(subnet).is_some_and(|subnet| down.contains(&subnet.zone));
    for interface in vpc.interfaces.values_mut().filter(|interface| lost(&interface.subnet)) {
        interface.attachment = None;
    }
    let plugged = |id: &String| vpc.interfaces.get(id).is_some_and(|found| found.attachment.is_some());
    let gone: Vec<String> =
        vpc.nat_gateways.values().filter(|nat| !plugged(&nat.interface)).map(|nat| nat.id.clone()).collect();
    for route in vpc.route_tables.values_mut().flat_map(|table| &mut table.routes) {
        let dead = match &route.target {
            plan::Target::NatGateway(id) => gone.contains(id),
            plan::Target::NetworkInterface(id) => !plugged(id),
            _ => false,
        };
        if dead {
            route.target = plan::Target::Blackhole;
        }
    }
    vpc.nat_gateways.retain(|id, _| !gone.contains(id));
}

/// Where the interfaces of the cloud's own services are plugged in: a NAT gateway is one machine once it is available, and
/// an endpoint one in each of its subnets. (A machine that came before its gateway was one would be none that translates.)
fn machines(from: &dyn Read, place: Place<'_>) -> Result<BTreeMap<String, String>, StoreError> {
    let mut out = BTreeMap::new();
    for nat in place.all(from, &NATS)?.into_iter().filter(|nat| nat.state == NatState::Available) {
        out.extend(nat.addresses.into_iter().map(|address| (address.interface, nat.id.clone())));
    }
    for endpoint in place.all(from, &ENDPOINTS)? {
        out.extend(endpoint.interfaces.into_iter().map(|interface| (interface.clone(), interface)));
    }
    Ok(out)
}

fn gateways(from: &dyn Read, place: Place<'_>, out: &mut plan::Vpc) -> Result<(), StoreError> {
    let attached = |gateway: &super::model::InternetGateway| gateway.vpc.as_deref() == Some(place.vpc);
    if let Some(gateway) = place.all(from, &INTERNET_GATEWAYS)?.into_iter().find(attached) {
        out.internet_gateway = Some(plan::InternetGateway { id: gateway.id, route_table: None });
    }
    let egress = place.all(from, &EGRESS_GATEWAYS)?.into_iter().filter(|gateway| gateway.vpc == place.vpc);
    out.egress_only_internet_gateways.extend(egress.map(|gateway| gateway.id));
    for nat in place.all(from, &NATS)?.into_iter().filter(|nat| nat.vpc == place.vpc) {
        if nat.state == NatState::Available
            && let Some(first) = nat.addresses.first()
        {
            let gateway = plan::NatGateway { id: nat.id.clone(), interface: first.interface.clone() };
            out.nat_gateways.insert(nat.id, gateway);
        }
    }
    let lists = managed(place.region);
    for endpoint in place.all(from, &ENDPOINTS)?.into_iter().filter(|endpoint| endpoint.vpc == place.vpc) {
        if endpoint.kind == EndpointKind::Gateway
            && let Some(list) = lists.iter().find(|list| list.name == endpoint.service)
        {
            let gateway = plan::GatewayEndpoint { id: endpoint.id.clone(), prefix_list: list.id.clone() };
            out.gateway_endpoints.insert(endpoint.id, gateway);
        }
    }
    Ok(())
}

/// Route tables, and the subnets by what they are associated with.
fn routes(from: &dyn Read, place: Place<'_>, out: &mut plan::Vpc) -> Result<(), StoreError> {
    let mut of_subnet = BTreeMap::new();
    for table in place.all(from, &ROUTE_TABLES)?.into_iter().filter(|table| table.vpc == place.vpc) {
        if table.main.is_some() {
            out.main_route_table.clone_from(&table.id);
        }
        for association in &table.associations {
            match &mut out.internet_gateway {
                Some(gateway) if gateway.id == association.with => {
                    gateway.route_table = Some(table.id.clone());
                }
                _ => {
                    of_subnet.insert(association.with.clone(), table.id.clone());
                }
            }
        }
        let mut routes = Vec::new();
        for route in &table.routes {
            let destination = match route.destination.parse() {
                Ok(cidr) => plan::Destination::Cidr(cidr),
                Err(_) => plan::Destination::PrefixList(route.destination.clone()),
            };
            routes.push(plan::Route { destination, target: target(from, place, &route.target)? });
        }
        out.route_tables.insert(table.id.clone(), plan::RouteTable { id: table.id, routes });
    }
    for subnet in place.all(from, &SUBNETS)?.into_iter().filter(|subnet| subnet.vpc == place.vpc) {
        let ipv6_cidr = subnet.ipv6_block();
        let Some(cidr) = subnet.block().or(ipv6_cidr) else { continue };
        let plan = plan::Subnet {
            route_table: of_subnet.remove(&subnet.id),
            id: subnet.id.clone(),
            zone: subnet.zone,
            cidr,
            ipv6_cidr,
            acl: String::new(),
        };
        out.subnets.insert(subnet.id, plan);
    }
    Ok(())
}

fn target(from: &dyn Read, place: Place<'_>, target: &Target) -> Result<plan::Target, StoreError> {
    let alive = |there: bool, target: plan::Target| if there { target } else { plan::Target::Blackhole };
    let key = place.key(target.id());
    let id = target.id().to_owned();
    Ok(match target {
        Target::Local => plan::Target::Local,
        Target::InternetGateway(_) => {
            let gateway = INTERNET_GATEWAYS.get(from, &key)?;
            alive(gateway.is_some_and(|g| g.vpc.is_some()), plan::Target::InternetGateway(id))
        }
        Target::EgressGateway(_) => {
            alive(EGRESS_GATEWAYS.contains(from, &key)?, plan::Target::EgressOnlyInternetGateway(id))
        }
        Target::Nat(_) => {
            let is_up = |nat: super::model::Nat| nat.state == NatState::Available;
            alive(NATS.get(from, &key)?.is_some_and(is_up), plan::Target::NatGateway(id))
        }
        Target::Interface(_) => {
            let attached = attachment::live(from, place.account, place.region, &id)?.is_some();
            alive(attached && INTERFACES.contains(from, &key)?, plan::Target::NetworkInterface(id))
        }
        Target::Peering(_) => {
            let peering = PEERINGS.get(from, &super::model::peering_key(&id))?;
            alive(peering.is_some_and(|p| p.state == PeeringState::Active), plan::Target::Peering(id))
        }
        Target::Endpoint(_) => alive(ENDPOINTS.contains(from, &key)?, plan::Target::GatewayEndpoint(id)),
    })
}

fn acls(from: &dyn Read, place: Place<'_>, out: &mut plan::Vpc) -> Result<(), StoreError> {
    for acl in place.all(from, &NETWORK_ACLS)?.into_iter().filter(|acl| acl.vpc == place.vpc) {
        for association in &acl.associations {
            if let Some(subnet) = out.subnets.get_mut(&association.subnet) {
                subnet.acl.clone_from(&acl.id);
            }
        }
        let side =
            |egress: bool| acl.entries.iter().filter(|e| e.egress == egress).filter_map(entry).collect();
        let (ingress, egress) = (side(false), side(true));
        out.acls.insert(acl.id.clone(), plan::NetworkAcl { id: acl.id, ingress, egress });
    }
    Ok(())
}

/// A type or code of ICMP; -1 is any.
fn icmp(number: Option<i64>) -> Option<u8> {
    number.and_then(|number| u8::try_from(number).ok())
}

fn ports(from: Option<i64>, to: Option<i64>) -> Option<plan::Ports> {
    Some(plan::Ports { from: u16::try_from(from?).ok()?, to: u16::try_from(to?).ok()? })
}

/// `tcp`, `6`, `-1`: groups go by names, ACLs by numbers.
fn traffic(protocol: &str, from: Option<i64>, to: Option<i64>) -> Option<plan::Traffic> {
    Some(match protocol {
        "-1" => plan::Traffic::All,
        "tcp" | "6" => plan::Traffic::Tcp(ports(from, to)?),
        "udp" | "17" => plan::Traffic::Udp(ports(from, to)?),
        "icmp" | "1" => plan::Traffic::Icmp { kind: icmp(from), code: icmp(to) },
        "icmpv6" | "58" => plan::Traffic::Icmpv6 { kind: icmp(from), code: icmp(to) },
        number => plan::Traffic::Protocol(number.parse().ok()?),
    })
}

fn entry(entry: &AclEntry) -> Option<plan::AclEntry> {
    let range = entry.ports.as_ref().or(entry.icmp.as_ref());
    let (from, to) = (range.map(|range| range.from), range.map(|range| range.to));
    Some(plan::AclEntry {
        number: u16::try_from(entry.number).ok()?,
        traffic: traffic(&entry.protocol, from, to)?,
        cidr: entry.cidr.parse().ok()?,
        allow: entry.allow,
    })
}

fn rule(rule: &Rule) -> Option<plan::SecurityGroupRule> {
    let peer = match &rule.peer {
        Peer::Nobody => return None,
        Peer::Ipv4(cidr) | Peer::Ipv6(cidr) => plan::Peer::Cidr(cidr.parse::<Cidr>().ok()?),
        Peer::Group(reference) => plan::Peer::Group(reference.group.clone()),
        Peer::PrefixList(id) => plan::Peer::PrefixList(id.clone()),
    };
    let traffic = traffic(&rule.protocol, rule.from, rule.to)?;
    Some(plan::SecurityGroupRule { id: rule.id.clone(), traffic, peer })
}

fn interface(
    from: &dyn Read,
    place: Place<'_>,
    interface: &Interface,
    machines: &BTreeMap<String, String>,
) -> Result<plan::NetworkInterface, StoreError> {
    let attached = attachment::live(from, place.account, place.region, &interface.id)?;
    let assigned = attached.as_ref().and_then(|attachment| attachment.public_address.clone());
    let mut addresses = Vec::new();
    for (at, address) in interface.addresses.iter().enumerate() {
        let Ok(private) = address.address.parse::<IpAddr>() else { continue };
        let elastic = match &address.allocation {
            Some(id) => ADDRESSES.get(from, &place.key(id))?.map(|elastic| elastic.address),
            None => assigned.clone().filter(|_| at == 0),
        };
        addresses.push(plan::Address { private, public: elastic.and_then(|public| public.parse().ok()) });
    }
    let ipv6 = interface.ipv6.iter().filter_map(|address| address.parse().ok());
    addresses.extend(ipv6.map(|private| plan::Address { private, public: None }));
    let mut mac = [0; 6];
    for (byte, text) in mac.iter_mut().zip(interface.mac.split(':')) {
        *byte = u8::from_str_radix(text, 16).unwrap_or_default();
    }
    let machine = |attachment: attachment::Attachment| plan::Attachment {
        machine: attachment
            .instance
            .or_else(|| machines.get(&interface.id).cloned())
            .unwrap_or_else(|| interface.id.clone()),
        // Services of the cloud are on the network by one interface, which AWS shows as the second.
        device: if machines.contains_key(&interface.id) || interface.kind == InterfaceKind::Lambda {
            0
        } else {
            u32::try_from(attachment.device_index).unwrap_or(0)
        },
    };
    Ok(plan::NetworkInterface {
        id: interface.id.clone(),
        subnet: interface.subnet.clone(),
        mac,
        addresses,
        groups: interface.groups.clone(),
        source_dest_check: !interface.no_source_dest_check,
        attachment: attached.map(machine),
    })
}
