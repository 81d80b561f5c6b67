//! A VPC and everything in it that a packet can meet, as plain structs: what the EC2 API's records say, without the
//! records. Ids are AWS's (`eni-…`, `rtb-…`), and each thing knows its own.
//!
//! [`walk`](crate::walk) asks a [`Topology`] where a packet goes; [`program`](crate::program) compiles one VPC of it.
//! Whoever fills it in keeps references whole: what names something that is not there is treated as absent (a group
//! without rules, a route to nothing), never as a way through.

use crate::cidr::{Cidr, Prefixes};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// An AWS resource id.
pub type Id = String;

/// Everything that decides about packets, for as many VPCs as are of interest: for a program at least the VPC and those
/// that it is peered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    pub vpcs: BTreeMap<Id, Vpc>,
    /// Active ones only.
    pub peerings: BTreeMap<Id, Peering>,
    /// Customers' and AWS's own.
    pub prefix_lists: BTreeMap<Id, Vec<Cidr>>,
    /// Availability zones that are out: their interfaces neither send nor receive.
    pub failed_zones: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vpc {
    pub id: Id,
    /// Of both families; the primary IPv4 block first.
    pub cidrs: Vec<Cidr>,
    pub subnets: BTreeMap<Id, Subnet>,
    pub route_tables: BTreeMap<Id, RouteTable>,
    /// For the subnets without a table of their own.
    pub main_route_table: Id,
    pub acls: BTreeMap<Id, NetworkAcl>,
    pub security_groups: BTreeMap<Id, SecurityGroup>,
    pub interfaces: BTreeMap<Id, NetworkInterface>,
    /// The attached one.
    pub internet_gateway: Option<InternetGateway>,
    pub egress_only_internet_gateways: BTreeSet<Id>,
    /// Available ones only.
    pub nat_gateways: BTreeMap<Id, NatGateway>,
    /// Machines of one interface that hand on what sandboxes behind them send, as if it were their own.
    pub relays: BTreeSet<Id>,
    /// Available ones only, of the gateway type. An interface endpoint is an interface whose machine is the endpoint.
    pub gateway_endpoints: BTreeMap<Id, GatewayEndpoint>,
    /// The interfaces whose packets are counted by flow.
    pub watched: BTreeSet<Id>,
    /// How fast machines are, by all their interfaces here together; the others are as fast as can be.
    pub bandwidths: BTreeMap<Id, Bandwidth>,
}

/// How fast a machine is, each way, in bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    pub receives: u64,
    pub sends: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub id: Id,
    pub zone: String,
    /// Of IPv4, but for a subnet of IPv6 alone.
    pub cidr: Cidr,
    pub ipv6_cidr: Option<Cidr>,
    /// Of the explicit association; otherwise the main table decides.
    pub route_table: Option<Id>,
    pub acl: Id,
}

/// An elastic network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInterface {
    pub id: Id,
    pub subnet: Id,
    pub mac: [u8; 6],
    /// The primary IPv4 address first.
    pub addresses: Vec<Address>,
    pub groups: Vec<Id>,
    pub source_dest_check: bool,
    /// None: a packet to it has nowhere to go.
    pub attachment: Option<Attachment>,
}

/// A private address of an interface, and the public one that stands for it on the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub private: IpAddr,
    /// An Elastic IP address or one assigned at launch. IPv6 addresses are public themselves.
    pub public: Option<IpAddr>,
}

impl Address {
    /// The one of `all` that an end with `own` addresses sends to: of a family that both have, or else the first.
    pub fn to(all: &[Address], own: &[Address]) -> Option<Address> {
        let both_have = |to: &&Address| own.iter().any(|from| from.private.is_ipv4() == to.private.is_ipv4());
        all.iter().find(both_have).or(all.first()).copied()
    }
}

/// What an interface is plugged into: an instance, a NAT gateway, a load balancer's node, a database, an endpoint, …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attachment {
    /// The id of the machine whose network it is part of.
    pub machine: Id,
    /// 0 is the interface that has the default route.
    pub device: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityGroup {
    pub id: Id,
    pub ingress: Vec<SecurityGroupRule>,
    pub egress: Vec<SecurityGroupRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroupRule {
    /// `sgr-…`
    pub id: Id,
    pub traffic: Traffic,
    /// The source (ingress) or destination (egress).
    pub peer: Peer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    Cidr(Cidr),
    /// The private addresses of the interfaces that are in this group, here or across a peering connection.
    Group(Id),
    PrefixList(Id),
}

/// The packets that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Traffic {
    /// Protocol `-1`.
    All,
    Tcp(Ports),
    Udp(Ports),
    /// None: any.
    Icmp {
        kind: Option<u8>,
        code: Option<u8>,
    },
    Icmpv6 {
        kind: Option<u8>,
        code: Option<u8>,
    },
    /// Any other protocol, by its IANA number.
    Protocol(u8),
}

/// Destination ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ports {
    pub from: u16,
    pub to: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkAcl {
    pub id: Id,
    /// In any order: the numbers decide. What no entry is about is denied.
    pub ingress: Vec<AclEntry>,
    pub egress: Vec<AclEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclEntry {
    pub number: u16,
    pub traffic: Traffic,
    pub cidr: Cidr,
    pub allow: bool,
}

/// The `local` routes for the VPC's own blocks are there without being listed; a listed one replaces the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    pub id: Id,
    pub routes: Vec<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: Destination,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Cidr(Cidr),
    PrefixList(Id),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Local,
    InternetGateway(Id),
    EgressOnlyInternetGateway(Id),
    NatGateway(Id),
    /// An interface, or an instance by its primary one.
    NetworkInterface(Id),
    Peering(Id),
    GatewayEndpoint(Id),
    /// The target is gone.
    Blackhole,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternetGateway {
    pub id: Id,
    /// Of the edge association: where what comes in is sent first.
    pub route_table: Option<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatGateway {
    pub id: Id,
    /// Its interface; attached to the machine that has the gateway's id. A public gateway's has a public address.
    pub interface: Id,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayEndpoint {
    pub id: Id,
    /// The addresses of the service.
    pub prefix_list: Id,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    pub id: Id,
    pub requester: Id,
    pub accepter: Id,
}

impl Ports {
    pub const ALL: Ports = Ports { from: 0, to: u16::MAX };

    pub fn one(port: u16) -> Ports {
        Ports { from: port, to: port }
    }

    pub fn contains(self, port: u16) -> bool {
        (self.from..=self.to).contains(&port)
    }
}

impl Peering {
    /// The VPC at the other end.
    pub fn other(&self, vpc: &str) -> Option<&Id> {
        if self.requester == vpc {
            Some(&self.accepter)
        } else {
            (self.accepter == vpc).then_some(&self.requester)
        }
    }
}

impl NetworkInterface {
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|a| a.private == address)
    }

    /// The first IPv4 address, or the first at all.
    pub fn primary(&self) -> Option<IpAddr> {
        let v4 = self.addresses.iter().find(|a| a.private.is_ipv4());
        v4.or(self.addresses.first()).map(|a| a.private)
    }
}

impl Topology {
    /// The VPC and interface with this id.
    pub fn interface(&self, id: &str) -> Option<(&Vpc, &NetworkInterface)> {
        self.vpcs.values().find_map(|vpc| Some((vpc, vpc.interfaces.get(id)?)))
    }

    /// Who has this public address (or this IPv6 address) behind an internet gateway; answers to IPv6 also come to who has an
    /// egress-only one.
    pub fn public(&self, address: IpAddr) -> Option<(&Vpc, &NetworkInterface, IpAddr)> {
        let only_out = |vpc: &Vpc| address.is_ipv6() && !vpc.egress_only_internet_gateways.is_empty();
        let behind_gateway =
            self.vpcs.values().filter(move |vpc| vpc.internet_gateway.is_some() || only_out(vpc));
        behind_gateway.flat_map(|vpc| vpc.interfaces.values().map(move |i| (vpc, i))).find_map(|(vpc, i)| {
            let of = |a: &&Address| a.public == Some(address) || (address.is_ipv6() && a.private == address);
            i.addresses.iter().find(of).map(|a| (vpc, i, a.private))
        })
    }

    /// Whether the address is the public one of an interface, reachable or not.
    pub fn is_assigned(&self, address: IpAddr) -> bool {
        let interfaces = self.vpcs.values().flat_map(|vpc| vpc.interfaces.values());
        interfaces.flat_map(|i| &i.addresses).any(|a| a.public == Some(address))
    }

    /// Whether packets can be given to the interface: it is attached and its zone is there.
    pub fn is_up(&self, vpc: &Vpc, interface: &NetworkInterface) -> bool {
        let zone_works = vpc
            .subnets
            .get(&interface.subnet)
            .is_some_and(|subnet| !self.failed_zones.contains(&subnet.zone));
        interface.attachment.is_some() && zone_works
    }

    /// The VPCs that are peered with this one, with the connection.
    pub fn peers<'a>(&'a self, vpc: &'a str) -> impl Iterator<Item = (&'a Peering, &'a Vpc)> {
        self.peerings.values().filter_map(move |p| Some((p, self.vpcs.get(p.other(vpc)?)?)))
    }

    /// The interfaces of a VPC and of its peers: groups of both may be named in its rules.
    fn interfaces_near<'t>(&'t self, vpc: &'t Vpc) -> impl Iterator<Item = &'t NetworkInterface> {
        let peers = self.peers(&vpc.id).map(|(_, peer)| peer);
        std::iter::once(vpc).chain(peers).flat_map(|vpc| vpc.interfaces.values())
    }

    /// The private addresses that a reference to this group, in a rule of this VPC, stands for.
    pub fn members(&self, vpc: &Vpc, group: &str) -> BTreeSet<IpAddr> {
        self.interfaces_near(vpc)
            .filter(|i| i.groups.iter().any(|g| g == group))
            .flat_map(|i| i.addresses.iter().map(|a| a.private))
            .collect()
    }

    /// The same of every group that has members.
    pub fn all_members<'t>(&'t self, vpc: &'t Vpc) -> BTreeMap<&'t str, BTreeSet<IpAddr>> {
        let mut all: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
        for interface in self.interfaces_near(vpc) {
            for group in &interface.groups {
                all.entry(group).or_default().extend(interface.addresses.iter().map(|a| a.private));
            }
        }
        all
    }

    /// The blocks of a prefix list; none for one that is not there.
    pub fn prefix_list(&self, id: &str) -> &[Cidr] {
        self.prefix_lists.get(id).map_or(&[], Vec::as_slice)
    }

    /// The blocks that rules of a group are about, each with its rule, in the order in which they are asked: of the broader
    /// block first, then as listed. AWS's groups have no order, as their rules only allow; but each packet counts for one of
    /// them. Rules that name a group come after these.
    pub fn blocks<'a>(&self, rules: &'a [SecurityGroupRule]) -> Vec<(Cidr, &'a SecurityGroupRule)> {
        let mut all = Vec::with_capacity(rules.len());
        for rule in rules {
            match &rule.peer {
                Peer::Cidr(cidr) => all.push((*cidr, rule)),
                Peer::PrefixList(list) => all.extend(self.prefix_list(list).iter().map(|cidr| (*cidr, rule))),
                Peer::Group(_) => {}
            }
        }
        all.sort_by_key(|(cidr, _)| cidr.length());
        all
    }

    /// A route table with its local routes and prefix lists spread out: what decides by the longest prefix. Where a
    /// block is named twice, a route by block goes before one by prefix list.
    pub fn routes(&self, vpc: &Vpc, table: &str) -> Prefixes<Target> {
        let mut routes = Prefixes::default();
        for cidr in &vpc.cidrs {
            routes.insert(*cidr, Target::Local);
        }
        let listed = vpc.route_tables.get(table).map_or(&[][..], |table| &table.routes);
        for route in listed {
            if let Destination::PrefixList(list) = &route.destination {
                for cidr in self.prefix_list(list) {
                    routes.insert(*cidr, route.target.clone());
                }
            }
        }
        for route in listed {
            if let Destination::Cidr(cidr) = &route.destination {
                routes.insert(*cidr, route.target.clone());
            }
        }
        routes
    }
}

impl Vpc {
    /// Whether the address is in one of the VPC's blocks.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.cidrs.iter().any(|cidr| cidr.contains(address))
    }

    /// The interface with this private address.
    pub fn interface_at(&self, address: IpAddr) -> Option<&NetworkInterface> {
        self.interfaces.values().find(|i| i.has(address))
    }

    /// The security groups of an interface.
    pub fn groups_of<'a>(
        &'a self,
        interface: &'a NetworkInterface,
    ) -> impl Iterator<Item = &'a SecurityGroup> {
        interface.groups.iter().filter_map(|id| self.security_groups.get(id))
    }

    /// The table that decides for a subnet.
    pub fn route_table_of<'a>(&'a self, subnet: &'a Subnet) -> &'a str {
        subnet.route_table.as_deref().unwrap_or(&self.main_route_table)
    }

    /// Whether the interface may only send from, and be given what is for, its own addresses.
    pub fn is_checked(&self, interface: &NetworkInterface) -> bool {
        interface.source_dest_check && self.nat_gateway_at(&interface.id).is_none()
    }

    /// The NAT gateway whose interface this is.
    pub fn nat_gateway_at(&self, interface: &str) -> Option<&NatGateway> {
        self.nat_gateways.values().find(|nat| nat.interface == interface)
    }
}

impl NetworkAcl {
    /// The entries of one direction as they are asked: by number.
    pub fn entries(&self, egress: bool) -> Vec<AclEntry> {
        let mut entries = if egress { self.egress.clone() } else { self.ingress.clone() };
        entries.sort_by_key(|entry| entry.number);
        entries
    }

    /// The ACL that a VPC begins with: everything may pass, both ways.
    pub fn allow_all(id: &str) -> NetworkAcl {
        let entry = |cidr, number| AclEntry { number, traffic: Traffic::All, cidr, allow: true };
        let entries = vec![entry(Cidr::ALL_V4, 100), entry(Cidr::ALL_V6, 101)];
        NetworkAcl { id: id.to_owned(), ingress: entries.clone(), egress: entries }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Local => "local",
            Target::Blackhole => "blackhole",
            Target::InternetGateway(id)
            | Target::EgressOnlyInternetGateway(id)
            | Target::NatGateway(id)
            | Target::NetworkInterface(id)
            | Target::Peering(id)
            | Target::GatewayEndpoint(id) => id,
        })
    }
}
