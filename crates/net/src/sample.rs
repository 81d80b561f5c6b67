//! Topologies to test with: a two-tier VPC, and random ones.

use crate::cidr::Cidr;
use crate::topology::{
    AclEntry, Address, Attachment, Destination, InternetGateway, NatGateway, NetworkAcl, NetworkInterface,
    Peer, Peering, Ports, Route, RouteTable, SecurityGroup, SecurityGroupRule, Subnet, Target, Topology,
    Traffic, Vpc,
};
use std::net::IpAddr;

/// Reads an address or a block that a test has written down.
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]))
}

/// As [`ip`].
pub fn cidr(text: &str) -> Cidr {
    text.parse().unwrap_or(Cidr::ALL_V4)
}

/// A VPC with an internet gateway `igw-NAME`, an ACL `acl-NAME` that allows all, and the main table `rtb-NAME` that has
/// only what is local.
pub fn vpc(name: &str, block: &str) -> Vpc {
    let mut vpc = Vpc { id: format!("vpc-{name}"), cidrs: vec![cidr(block)], ..Vpc::default() };
    vpc.main_route_table = format!("rtb-{name}");
    table(&mut vpc, &format!("rtb-{name}"), &[]);
    let acl = NetworkAcl::allow_all(&format!("acl-{name}"));
    vpc.acls.insert(acl.id.clone(), acl);
    vpc.internet_gateway = Some(InternetGateway { id: format!("igw-{name}"), route_table: None });
    vpc
}

/// Adds a route table.
pub fn table(vpc: &mut Vpc, id: &str, routes: &[(&str, Target)]) {
    let route = |(block, target): &(&str, Target)| Route {
        destination: Destination::Cidr(cidr(block)),
        target: target.clone(),
    };
    let routes = routes.iter().map(route).collect();
    vpc.route_tables.insert(id.to_owned(), RouteTable { id: id.to_owned(), routes });
}

/// Adds a subnet in zone `z1` with the VPC's ACL.
pub fn subnet(vpc: &mut Vpc, id: &str, block: &str, table: &str) {
    let acl = vpc.acls.keys().next().cloned().unwrap_or_default();
    let subnet = Subnet {
        id: id.to_owned(),
        zone: "z1".to_owned(),
        cidr: cidr(block),
        ipv6_cidr: None,
        route_table: Some(table.to_owned()),
        acl,
    };
    vpc.subnets.insert(id.to_owned(), subnet);
}

/// Adds an interface `eni-MACHINE` and plugs it into the machine.
pub fn interface(
    vpc: &mut Vpc,
    machine: &str,
    subnet: &str,
    private: &str,
    public: Option<&str>,
    groups: &[&str],
) {
    let id = format!("eni-{machine}");
    let hash = id.bytes().fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b))).to_be_bytes();
    let interface = NetworkInterface {
        id: id.clone(),
        subnet: subnet.to_owned(),
        mac: [2, 1, hash[0], hash[1], hash[2], hash[3]],
        addresses: vec![Address { private: ip(private), public: public.map(ip) }],
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        source_dest_check: true,
        attachment: Some(Attachment { machine: machine.to_owned(), device: 0 }),
    };
    vpc.interfaces.insert(id, interface);
}

/// Adds a NAT gateway with its interface.
pub fn nat(vpc: &mut Vpc, id: &str, subnet: &str, private: &str, public: Option<&str>) {
    interface(vpc, id, subnet, private, public, &[]);
    let gateway = NatGateway { id: id.to_owned(), interface: format!("eni-{id}") };
    vpc.nat_gateways.insert(id.to_owned(), gateway);
}

/// Adds a group; its rules are numbered `sgr-GROUP-in-0`, … Everything may go out unless `egress` says otherwise.
pub fn group(vpc: &mut Vpc, id: &str, ingress: &[(Traffic, Peer)], egress: Option<&[(Traffic, Peer)]>) {
    let all = [(Traffic::All, Peer::Cidr(Cidr::ALL_V4))];
    let rules = |rules: &[(Traffic, Peer)], direction: &str| {
        let rule = |(n, (traffic, peer)): (usize, &(Traffic, Peer))| SecurityGroupRule {
            id: format!("sgr-{id}-{direction}-{n}"),
            traffic: *traffic,
            peer: peer.clone(),
        };
        rules.iter().enumerate().map(rule).collect::<Vec<_>>()
    };
    let group = SecurityGroup {
        id: id.to_owned(),
        ingress: rules(ingress, "in"),
        egress: rules(egress.unwrap_or(&all), "out"),
    };
    vpc.security_groups.insert(id.to_owned(), group);
}

/// TCP to one port.
pub fn tcp(port: u16) -> Traffic {
    Traffic::Tcp(Ports::one(port))
}

/// Everybody of IPv4.
pub fn anyone() -> Peer {
    Peer::Cidr(Cidr::ALL_V4)
}

/// Web servers in a public subnet, a database in a private one that reaches the internet through a NAT gateway.
///
/// `web` 10.0.1.10 (203.0.113.10), `app` 10.0.1.11 (203.0.113.11), `db` 10.0.2.10, NAT 10.0.1.50 (203.0.113.50).
pub fn two_tier() -> Topology {
    let mut v = vpc("1", "10.0.0.0/16");
    table(&mut v, "rtb-public", &[("0.0.0.0/0", Target::InternetGateway("igw-1".into()))]);
    table(&mut v, "rtb-private", &[("0.0.0.0/0", Target::NatGateway("nat-1".into()))]);
    subnet(&mut v, "subnet-public", "10.0.1.0/24", "rtb-public");
    subnet(&mut v, "subnet-private", "10.0.2.0/24", "rtb-private");
    // An ACL of its own, so that tests can change it.
    v.acls.insert("acl-private".into(), NetworkAcl::allow_all("acl-private"));
    if let Some(subnet) = v.subnets.get_mut("subnet-private") {
        subnet.acl = "acl-private".into();
    }
    let web = Peer::Group("sg-web".into());
    group(&mut v, "sg-web", &[(tcp(80), anyone())], None);
    group(&mut v, "sg-app", &[(tcp(5201), web.clone())], None);
    group(&mut v, "sg-db", &[(tcp(5432), web)], None);
    interface(&mut v, "web", "subnet-public", "10.0.1.10", Some("203.0.113.10"), &["sg-web"]);
    interface(&mut v, "app", "subnet-public", "10.0.1.11", Some("203.0.113.11"), &["sg-app"]);
    interface(&mut v, "db", "subnet-private", "10.0.2.10", None, &["sg-db"]);
    nat(&mut v, "nat-1", "subnet-public", "10.0.1.50", Some("203.0.113.50"));
    let mut topology = Topology::default();
    topology.vpcs.insert(v.id.clone(), v);
    topology
}

/// Ports that machines of random topologies listen on.
pub const PORTS: [u16; 3] = [80, 443, 5432];

/// Chance that a seed repeats.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % n.max(1)
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }
}

/// Three VPCs, of which the first and the last have the same addresses; some are peered. Everything else is chance.
pub fn random(seed: u64) -> Topology {
    let dice = &mut Dice::new(seed);
    let mut topology = Topology::default();
    let mut peerings = Vec::new();
    for (id, from, to) in [("pcx-ab", "vpc-a", "vpc-b"), ("pcx-bc", "vpc-b", "vpc-c")] {
        // With both, an address of the first would be one of the last too.
        if peerings.is_empty() && !dice.one_in(3) {
            peerings.push(Peering { id: id.into(), requester: from.into(), accepter: to.into() });
        }
    }
    for (n, (name, block)) in [("a", "10.0"), ("b", "10.1"), ("c", "10.0")].into_iter().enumerate() {
        let vpc = random_vpc(dice, name, block, n, &peerings);
        topology.vpcs.insert(vpc.id.clone(), vpc);
    }
    topology.peerings = peerings.into_iter().map(|p| (p.id.clone(), p)).collect();
    if dice.one_in(5) {
        topology.failed_zones.insert("z2".into());
    }
    topology
}

fn random_vpc(dice: &mut Dice, name: &str, block: &str, n: usize, peerings: &[Peering]) -> Vpc {
    let mut v = vpc(name, &format!("{block}.0.0/16"));
    if dice.one_in(8) {
        v.internet_gateway = None;
    }
    let igw = Target::InternetGateway(format!("igw-{name}"));
    let nat_id = format!("nat-{name}");
    let mut public = vec![("0.0.0.0/0", igw.clone())];
    let mut private = vec![("0.0.0.0/0", Target::NatGateway(nat_id.clone()))];
    let mut half = vec![("192.0.2.0/24", igw)];
    for peering in peerings {
        let blocks = if name == "b" { "10.0.0.0/16" } else { "10.1.0.0/16" };
        if peering.other(&v.id).is_none() {
            continue;
        }
        for routes in [&mut public, &mut private, &mut half] {
            if !dice.one_in(4) {
                routes.push((blocks, Target::Peering(peering.id.clone())));
            }
        }
    }
    if dice.one_in(4) {
        private.push(("198.51.100.0/24", Target::Blackhole));
    }
    let tables = [("public", public), ("private", private), ("half", half)];
    for (kind, routes) in &tables {
        table(&mut v, &format!("rtb-{name}-{kind}"), routes);
    }
    random_groups(dice, &mut v, name);
    for s in 0..3 {
        let acl = random_acl(dice, &format!("acl-{name}-{s}"));
        let kind = if s == 0 { "public" } else { dice.of(&tables).0 };
        let id = format!("subnet-{name}-{s}");
        subnet(&mut v, &id, &format!("{block}.{s}.0/24"), &format!("rtb-{name}-{kind}"));
        if let Some(subnet) = v.subnets.get_mut(&id) {
            subnet.zone = if s == 2 { "z2".into() } else { "z1".into() };
            subnet.acl.clone_from(&acl.id);
        }
        v.acls.insert(acl.id.clone(), acl);
        for i in 0..=dice.below(2) {
            let machine = format!("i-{name}{s}{i}");
            let public = (!dice.one_in(3)).then(|| format!("203.0.113.{}", 10 + n * 50 + s * 10 + i));
            let groups = [format!("sg-{name}-{}", dice.below(3)), format!("sg-{name}-{}", dice.below(3))];
            let groups: Vec<&str> = groups.iter().take(1 + dice.below(2)).map(String::as_str).collect();
            let private = format!("{block}.{s}.{}", 10 + i);
            interface(&mut v, &machine, &id, &private, public.as_deref(), &groups);
            if dice.one_in(12)
                && let Some(interface) = v.interfaces.get_mut(&format!("eni-{machine}"))
            {
                interface.attachment = None;
            }
        }
    }
    if !dice.one_in(5) {
        let public = (!dice.one_in(5)).then(|| format!("203.0.113.{}", 50 + n * 50));
        nat(&mut v, &nat_id, &format!("subnet-{name}-0"), &format!("{block}.0.50"), public.as_deref());
    }
    if dice.one_in(2) {
        v.watched = v.interfaces.keys().filter(|_| dice.one_in(2)).cloned().collect();
    }
    v
}

/// Blocks that groups' rules of random topologies are about, inside each other.
const BLOCKS: [&str; 3] = ["10.0.0.0/16", "10.1.1.0/24", "10.0.1.10/32"];

fn random_groups(dice: &mut Dice, v: &mut Vpc, name: &str) {
    for g in 0..3 {
        let rules = |dice: &mut Dice, at_least: usize| {
            // Of some groups most rules name groups, and of these there are enough to be a set.
            let by_name = dice.one_in(4);
            let rule = |dice: &mut Dice| {
                let traffic = match dice.below(4) {
                    0 => Traffic::All,
                    1 => Traffic::Tcp(Ports { from: 1, to: 1000 }),
                    _ => tcp(*dice.of(&PORTS)),
                };
                let named = |dice: &mut Dice| {
                    Peer::Group(format!("sg-{}-{}", dice.of(&["a", "b", "c"]), dice.below(3)))
                };
                let peer = match dice.below(6) {
                    at if by_name && at > 0 => named(dice),
                    5 => Peer::Cidr(cidr(BLOCKS[dice.below(3)])),
                    0 => Peer::Cidr(cidr("10.0.0.0/15")),
                    1 => named(dice),
                    2 => Peer::Cidr(cidr("192.0.2.0/24")),
                    _ => anyone(),
                };
                (traffic, peer)
            };
            // Of some groups there are enough to be a set.
            let more = if by_name || dice.one_in(3) { 4 + dice.below(6) } else { dice.below(3) };
            (0..at_least + more).map(|_| rule(dice)).collect::<Vec<_>>()
        };
        let ingress = rules(dice, 1);
        let egress = dice.one_in(3).then(|| rules(dice, 1));
        group(v, &format!("sg-{name}-{g}"), &ingress, egress.as_deref());
    }
}

fn random_acl(dice: &mut Dice, id: &str) -> NetworkAcl {
    let mut acl = NetworkAcl::allow_all(id);
    if dice.one_in(2) {
        return acl;
    }
    for entries in [&mut acl.ingress, &mut acl.egress] {
        for _ in 0..dice.below(3) {
            let traffic = match dice.below(4) {
                0 => Traffic::All,
                1 => Traffic::Tcp(Ports { from: 1024, to: 65535 }),
                _ => tcp(*dice.of(&PORTS)),
            };
            let block = dice.of(&["10.0.0.0/16", "10.1.1.0/24", "10.0.1.10/32", "192.0.2.0/24", "0.0.0.0/0"]);
            let number = u16::try_from(dice.below(150)).unwrap_or(0) + 1;
            entries.push(AclEntry { number, traffic, cidr: cidr(block), allow: dice.one_in(3) });
        }
        // Two entries of one number cannot be.
        entries.sort_by_key(|entry| entry.number);
        entries.dedup_by_key(|entry| entry.number);
    }
    acl
}
