//! IPv6: addresses that are public themselves, and the gateway that only lets out.

use crate::lab::Lab;
use net::Topology;
use net::sample::{self, cidr, ip, tcp};
use net::topology::{Address, NetworkInterface, Peer, Route, Target, Traffic, Vpc};

fn add_v6(vpc: &mut Vpc, machine: &str, address: &str) {
    let interface: &mut NetworkInterface = vpc.interfaces.get_mut(&format!("eni-{machine}")).unwrap();
    interface.addresses.push(Address { private: ip(address), public: None });
}

fn topology() -> Topology {
    let mut t = sample::two_tier();
    let vpc = t.vpcs.get_mut("vpc-1").unwrap();
    vpc.cidrs.push(cidr("2600:1f14:1::/56"));
    vpc.egress_only_internet_gateways.insert("eigw-1".into());
    for (subnet, block) in [("subnet-public", "2600:1f14:1:1::/64"), ("subnet-private", "2600:1f14:1:2::/64")]
    {
        vpc.subnets.get_mut(subnet).unwrap().ipv6_cidr = Some(cidr(block));
    }
    let everything = net::topology::Destination::Cidr(cidr("::/0"));
    let route = |target| Route { destination: everything.clone(), target };
    let out = route(Target::InternetGateway("igw-1".into()));
    vpc.route_tables.get_mut("rtb-public").unwrap().routes.push(out);
    let only_out = route(Target::EgressOnlyInternetGateway("eigw-1".into()));
    vpc.route_tables.get_mut("rtb-private").unwrap().routes.push(only_out);
    let all = [(Traffic::All, Peer::Cidr(cidr("0.0.0.0/0"))), (Traffic::All, Peer::Cidr(cidr("::/0")))];
    sample::group(vpc, "sg-web", &[(tcp(80), Peer::Cidr(cidr("::/0")))], Some(&all));
    sample::group(
        vpc,
        "sg-db",
        &[(tcp(5432), Peer::Group("sg-web".into())), (tcp(80), all[1].1.clone())],
        Some(&all),
    );
    add_v6(vpc, "web", "2600:1f14:1:1::10");
    add_v6(vpc, "db", "2600:1f14:1:2::10");
    t
}

#[test]
fn ipv6_goes_by_the_same_rules_and_needs_no_translation() {
    let mut lab = Lab::new(topology());
    for (machine, port) in [("web", 80), ("db", 5432), ("db", 80)] {
        lab.serve(&host::Place::Machine(machine.into()), "::", port);
    }
    let outside = "2001:db8::80";
    lab.serve(&host::Place::Internet(ip(outside)), outside, 80);
    assert_eq!(lab.seen_as("web", "2600:1f14:1:2::10", 5432, true), Some(ip("2600:1f14:1:1::10")));
    lab.blocked("db", "2600:1f14:1:1::10", 443);
    assert_eq!(lab.seen_as("web", outside, 80, true), Some(ip("2600:1f14:1:1::10")));
    lab.works(outside, "2600:1f14:1:1::10", 80);
    // Out, but not in, by the egress-only gateway; whatever the group says.
    assert_eq!(lab.seen_as("db", outside, 80, true), Some(ip("2600:1f14:1:2::10")));
    lab.blocked(outside, "2600:1f14:1:2::10", 80);
    lab.blocked("web", "2600:1f14:1:1::77", 80);
    lab.vpc().internet_gateway = None;
    lab.apply();
    lab.blocked(outside, "2600:1f14:1:1::10", 80);
    lab.works("db", outside, 80);
}

#[test]
fn the_walk_says_the_same() {
    use net::walk::{Flow, Origin, Transport, walk};
    let mut t = topology();
    let outside = "2001:db8::80";
    let inside = |machine: &str| Origin::Interface { id: format!("eni-{machine}"), source: None };
    for (from, to, port, works) in [
        (inside("web"), "2600:1f14:1:2::10", 5432, true),
        (inside("db"), "2600:1f14:1:1::10", 443, false),
        (inside("web"), outside, 80, true),
        (inside("db"), outside, 80, true),
        (Origin::Internet(ip(outside)), "2600:1f14:1:1::10", 80, true),
        (Origin::Internet(ip(outside)), "2600:1f14:1:2::10", 80, false),
    ] {
        let walked = walk(&t, &Flow { from, to: ip(to), transport: Transport::tcp(port) });
        assert_eq!(walked.works(), works, "{to}:{port} {walked:#?}");
    }
    // Where the egress-only gateway is the only one, answers come in by it and nothing else does.
    t.vpcs.get_mut("vpc-1").unwrap().internet_gateway = None;
    for (from, to, works) in [
        (inside("db"), outside, true),
        (Origin::Internet(ip(outside)), "2600:1f14:1:1::10", false),
        (Origin::Internet(ip(outside)), "2600:1f14:1:2::10", false),
    ] {
        let walked = walk(&t, &Flow { from, to: ip(to), transport: Transport::tcp(80) });
        assert_eq!(walked.works(), works, "{to} {walked:#?}");
    }
}

#[test]
fn flows_are_counted_by_their_whole_addresses() {
    let mut lab = Lab::new(topology());
    lab.vpc().watched.insert("eni-db".into());
    lab.apply();
    lab.serve(&host::Place::Machine("db".into()), "::", 5432);
    lab.works("web", "2600:1f14:1:2::10", 5432);
    let flows = host::Driver::flows(&lab.plane, "vpc-1").unwrap().flows;
    let first = flows.iter().find(|flow| flow.key.tcp_flags == 2).unwrap();
    assert_eq!(first.key.source, ip("2600:1f14:1:1::10"));
    assert_eq!((first.key.destination, first.key.destination_port), (ip("2600:1f14:1:2::10"), 5432));
    assert_eq!((first.count.packets, first.key.egress, first.key.accepted), (1, false, true));
}
