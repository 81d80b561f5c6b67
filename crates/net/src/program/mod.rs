//! A VPC compiled to what a data plane applies: links, addresses, routes per table, and filter rules that bear names.
//!
//! The layout is routed, without bridges. A VPC is one router. Every interface is a link of it to a machine, with a
//! host route; the links of a subnet form a group, whose number marks packets and names the route table that decides
//! for them. Internet gateways and peering connections are links too: to the internet's router, and to the other VPC's.
//! A NAT gateway is a machine that translates. So what the rules see is what AWS's components see: private addresses,
//! after the internet gateway's translation on the way in and before it on the way out.
//!
//! A program is data: it can be printed, compared, and the difference between two ([`Delta`]) is what has to be done.

mod allowed;
mod bandwidth;
mod delta;
mod filter;
mod filters;
pub mod flows;
pub mod names;
mod nat;
mod routes;
pub mod services;
#[cfg(test)]
mod tests;

pub use allowed::{Allowed, Span, ranges};
pub use bandwidth::measure;
pub use delta::{Delta, Element, FilterDelta};
pub use filter::{
    Action, Base, Chain, Data, Datum, Field, Filter, Hook, Key, Match, Rule, Set, Value, Verdict,
};
pub use nat::{NatCounters, guest_filter, nat_filter, relay_filter};

use crate::cidr::{self, Cidr};
use crate::topology::{Attachment, Id, NetworkInterface, Subnet, Topology, Vpc};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// The group of the internet gateway's link, and the table for what comes in there.
pub const GROUP_INTERNET: u32 = 1;
/// The group of all peering connections' links, and the table for what comes in there.
pub const GROUP_PEERING: u32 = 2;
/// The group of the egress-only internet gateway's link. Nothing comes in there.
pub const GROUP_EGRESS_ONLY: u32 = 3;
/// The table that is asked last; it knows every interface of the VPC.
pub const TABLE_MAIN: u32 = 254;

/// The name of the internet gateway's link.
pub const LINK_INTERNET: &str = "igw";
/// The name of the egress-only internet gateway's link.
pub const LINK_EGRESS_ONLY: &str = "eigw";

/// What makes one VPC real.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub vpc: Id,
    /// By name.
    pub links: BTreeMap<String, Link>,
    /// The router's own.
    pub addresses: BTreeSet<IpAddr>,
    /// By table and prefix.
    pub routes: BTreeMap<(u32, Cidr), Hop>,
    pub filter: Filter,
    /// What the internet's router has to send here.
    pub public: BTreeSet<IpAddr>,
    /// Machines that are NAT gateways.
    pub nat_gateways: BTreeSet<Id>,
    /// Machines that are relays.
    pub relays: BTreeSet<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub group: u32,
    /// Whether it carries packets.
    pub up: bool,
    pub to: Far,
}

/// What is at the other end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Far {
    Machine(Plug),
    /// The internet's router.
    Internet,
    /// Another VPC's router.
    Peer {
        peering: Id,
        vpc: Id,
    },
}

/// A machine's end of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plug {
    pub interface: Id,
    pub attachment: Attachment,
    pub mac: [u8; 6],
    /// Private addresses with the length of their subnet's prefix (128 for IPv6, as AWS's DHCP hands them out).
    pub addresses: Vec<(IpAddr, u8)>,
    /// The router, by IPv4.
    pub gateway: Option<IpAddr>,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// Out of a link: to a machine by its address, to a router at the other end, or to whom the packet is for.
    Link { name: String, via: Via },
    /// To the next table, and so in the end to [`TABLE_MAIN`].
    Throw,
    /// To the loopback link, on the way to which it is counted and dropped. (A route that drops would count nothing,
    /// and the router would not answer for the address: interfaces would look for it and fail, where in AWS they are
    /// answered and hear nothing more.)
    Nowhere,
    /// To the router itself: services that have these addresses.
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Destination,
    Machine(IpAddr),
    Router,
}

impl Program {
    /// Compiles a VPC of the topology; an empty program for one that is not there.
    pub fn compile(topology: &Topology, vpc: &str) -> Program {
        let Some(vpc) = topology.vpcs.get(vpc) else {
            return Program { vpc: vpc.to_owned(), ..Program::default() };
        };
        let plan = Plan::new(topology, vpc);
        let mut program = Program { vpc: vpc.id.clone(), ..Program::default() };
        plan.links(&mut program);
        plan.routes(&mut program);
        plan.filter(&mut program);
        let machines = vpc.nat_gateways.values().filter_map(|nat| vpc.interfaces.get(&nat.interface));
        program.nat_gateways =
            machines.filter_map(|i| i.attachment.as_ref()).map(|at| at.machine.clone()).collect();
        program.relays.clone_from(&vpc.relays);
        program
    }

    /// What has to be done to what `before` made.
    pub fn since(&self, before: &Program) -> Delta {
        Delta::between(before, self)
    }
}

/// What the parts of a compilation share.
struct Plan<'t> {
    topology: &'t Topology,
    vpc: &'t Vpc,
    /// The group of each subnet.
    groups: BTreeMap<&'t str, u32>,
    /// The interfaces that are attached, with their link's name.
    plugged: Vec<(&'t NetworkInterface, &'t Subnet, String)>,
    /// Whether one of them is watched.
    watches: bool,
}

impl<'t> Plan<'t> {
    fn new(topology: &'t Topology, vpc: &'t Vpc) -> Plan<'t> {
        let plugged = vpc.interfaces.values().filter(|i| i.attachment.is_some());
        let with_subnet = plugged.filter_map(|i| Some((i, vpc.subnets.get(&i.subnet)?)));
        let plugged: Vec<_> = with_subnet.map(|(i, subnet)| (i, subnet, names::link('e', &i.id))).collect();
        let watches = plugged.iter().any(|(i, ..)| vpc.watched.contains(&i.id));
        Plan { topology, vpc, groups: groups(vpc), plugged, watches }
    }

    fn group(&self, subnet: &str) -> u32 {
        self.groups.get(subnet).copied().unwrap_or(0)
    }

    /// Whether there is a link to the internet.
    fn has_internet(&self) -> bool {
        self.vpc.internet_gateway.is_some() || self.has_egress_only()
    }

    fn has_egress_only(&self) -> bool {
        !self.vpc.egress_only_internet_gateways.is_empty()
    }

    /// The peering connections, with their link's name and the VPC behind.
    fn peerings(&self) -> impl Iterator<Item = (String, &'t Id, &'t Vpc)> {
        let (topology, vpc) = (self.topology, self.vpc);
        topology.peers(&vpc.id).map(|(peering, peer)| (names::link('p', &peering.id), &peering.id, peer))
    }

    fn links(&self, program: &mut Program) {
        for (interface, subnet, name) in &self.plugged {
            let Some(attachment) = interface.attachment.clone() else { continue };
            let with_length = |a: IpAddr| (a, if a.is_ipv4() { subnet.cidr.length() } else { 128 });
            let plug = Plug {
                interface: interface.id.clone(),
                attachment,
                mac: interface.mac,
                addresses: interface.addresses.iter().map(|a| with_length(a.private)).collect(),
                gateway: subnet.cidr.is_v4().then(|| cidr::router(subnet.cidr)),
            };
            let up = self.topology.is_up(self.vpc, interface);
            let link = Link { group: self.group(&subnet.id), up, to: Far::Machine(plug) };
            program.links.insert(name.clone(), link);
        }
        let mut internet = |name: &str, group| {
            program.links.insert(name.to_owned(), Link { group, up: true, to: Far::Internet });
        };
        if self.has_internet() {
            internet(LINK_INTERNET, GROUP_INTERNET);
        }
        if self.has_egress_only() {
            internet(LINK_EGRESS_ONLY, GROUP_EGRESS_ONLY);
        }
        for (name, peering, peer) in self.peerings() {
            let to = Far::Peer { peering: peering.clone(), vpc: peer.id.clone() };
            program.links.insert(name, Link { group: GROUP_PEERING, up: true, to });
        }
        program.addresses = services::of(self.vpc).iter().map(|service| service.address).collect();
        // By IPv6 the router is found at an address of each link.
        let blocks = self.vpc.subnets.values().map(|subnet| subnet.cidr);
        program.addresses.extend(blocks.filter(|block| block.is_v4()).map(cidr::router));
        if self.has_internet() {
            let addresses = self.plugged.iter().flat_map(|(i, ..)| &i.addresses);
            program.public = addresses
                .filter_map(|a| if a.private.is_ipv6() { Some(a.private) } else { a.public })
                .collect();
        }
    }
}

/// Numbers for subnets that stay the same whatever comes and goes beside them: what runs keeps its marks and tables.
fn groups(vpc: &Vpc) -> BTreeMap<&str, u32> {
    const FIRST: u32 = 0x1_0000;
    let mut taken = BTreeSet::new();
    let mut groups = BTreeMap::new();
    for id in vpc.subnets.keys() {
        // FNV-1a; two of a VPC's few subnets meet once in many millions, and then the later one moves.
        let hash =
            id.bytes().fold(0x811c_9dc5_u32, |h, byte| (h ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let mut group = FIRST + hash % 0x7000_0000;
        while !taken.insert(group) {
            group += 1;
        }
        groups.insert(id.as_str(), group);
    }
    groups
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, link) in &self.links {
            writeln!(f, "link {name} {link:?}")?;
        }
        for address in &self.addresses {
            writeln!(f, "address {address}")?;
        }
        for ((table, prefix), hop) in &self.routes {
            writeln!(f, "route {table} {prefix} {hop:?}")?;
        }
        write!(f, "{}", self.filter)
    }
}
