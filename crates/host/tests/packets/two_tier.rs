//! The two-tier VPC: groups, ACLs, gateways, routes, services, what is counted.

use crate::lab::{Lab, SHORT};
use host::{Driver, Place};
use net::sample::{self, anyone, cidr, ip, tcp};
use net::topology::{AclEntry, Address, Peer, Ports, Target, Traffic};
use net::walk::{Flow, Origin, Transport, walk};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

fn lab() -> Lab {
    let lab = Lab::new(sample::two_tier());
    for (machine, port) in [("web", 80), ("app", 80), ("app", 5201), ("db", 5432)] {
        lab.serve_machine(machine, port);
    }
    lab.serve(&Place::Internet(ip("192.0.2.80")), "192.0.2.80", 80);
    lab
}

/// Denies, before everything else that the private subnet's ACL says.
fn deny(lab: &mut Lab, egress: bool, traffic: Traffic, block: &str) {
    let acl = lab.vpc().acls.get_mut("acl-private").unwrap();
    let entry = AclEntry { number: 1, traffic, cidr: cidr(block), allow: false };
    if egress {
        acl.egress.push(entry);
    } else {
        acl.ingress.push(entry);
    }
    lab.apply();
}

#[test]
fn groups_allow_by_reference_and_deny_by_default() {
    let mut lab = lab();
    lab.works("web", "10.0.1.11", 5201);
    lab.works("web", "10.0.2.10", 5432);
    lab.blocked("web", "10.0.1.11", 80);
    lab.blocked("db", "10.0.1.11", 5201);
    let rules = [(tcp(5201), Peer::Group("sg-web".into())), (tcp(80), anyone())];
    sample::group(lab.vpc(), "sg-app", &rules, None);
    lab.apply();
    lab.works("web", "10.0.1.11", 80);
    // A member more is one that is let in.
    lab.vpc().interfaces.get_mut("eni-db").unwrap().groups = vec!["sg-db".into(), "sg-web".into()];
    lab.apply();
    lab.works("db", "10.0.1.11", 5201);
    sample::group(lab.vpc(), "sg-web", &[(tcp(80), anyone())], Some(&[(tcp(80), anyone())]));
    lab.apply();
    lab.blocked("web", "10.0.1.11", 5201);
    lab.works("web", "10.0.1.11", 80);
}

#[test]
fn acls_deny_what_groups_allow_and_know_no_connections() {
    let mut lab = lab();
    lab.works("web", "10.0.2.10", 5432);
    deny(&mut lab, false, tcp(5432), "10.0.1.10/32");
    lab.blocked("web", "10.0.2.10", 5432);
    assert!(lab.count("acl-private/ingress/1") > 0);
    lab.vpc().acls.get_mut("acl-private").unwrap().ingress.pop();
    lab.apply();
    lab.works("web", "10.0.2.10", 5432);
    // The answers alone.
    deny(&mut lab, true, Traffic::Tcp(Ports { from: 1024, to: 65535 }), "10.0.1.0/24");
    lab.blocked("web", "10.0.2.10", 5432);
    assert!(lab.count("acl-private/egress/1") > 0);
    // Within a subnet nobody asks an ACL.
    lab.works("web", "10.0.1.11", 5201);
}

#[test]
fn the_internet_gateway_translates_one_to_one() {
    let lab = lab();
    assert_eq!(lab.seen_as("web", "192.0.2.80", 80, true), Some(ip("203.0.113.10")));
    assert_eq!(lab.seen_as("198.51.100.9", "203.0.113.10", 80, true), Some(ip("198.51.100.9")));
    lab.blocked("198.51.100.9", "203.0.113.11", 80);
    // Round by the public address: as from outside; by the private one: as from inside.
    assert_eq!(lab.seen_as("app", "203.0.113.10", 80, true), Some(ip("203.0.113.11")));
    assert_eq!(lab.seen_as("app", "10.0.1.10", 80, true), Some(ip("10.0.1.11")));
    // Nobody on the internet has a private address.
    lab.blocked("10.9.9.9", "203.0.113.10", 80);
    lab.blocked("web", "192.168.1.1", 80);
}

#[test]
fn a_public_address_that_moves_takes_no_connection_along() {
    let mut lab = lab();
    let listener = lab.plane.listen(&Place::Machine("web".into()), "10.0.1.10:81".parse().unwrap()).unwrap();
    sample::group(lab.vpc(), "sg-web", &[(Traffic::Tcp(Ports { from: 80, to: 81 }), anyone())], None);
    sample::group(lab.vpc(), "sg-app", &[(tcp(80), anyone())], None);
    lab.apply();
    let host = Place::Internet(ip("192.0.2.80"));
    let mut out = lab.plane.connect(&host, "203.0.113.10:81".parse().unwrap(), SHORT * 10).unwrap();
    let mut inside = listener.accept().unwrap().0;
    let mut exchange = |byte: u8| {
        let mut got = [0];
        inside.set_read_timeout(Some(SHORT)).unwrap();
        out.write_all(&[byte]).unwrap();
        inside.read_exact(&mut got).is_ok()
    };
    assert!(exchange(1));
    let public = |lab: &mut Lab, machine: &str, address: &str| {
        lab.vpc().interfaces.get_mut(machine).unwrap().addresses[0].public = Some(ip(address));
    };
    public(&mut lab, "eni-web", "203.0.113.11");
    public(&mut lab, "eni-app", "203.0.113.10");
    lab.apply();
    assert!(!exchange(2), "a connection went on at who had the address before");
    assert_eq!(lab.seen_as("192.0.2.80", "203.0.113.10", 80, true), Some(ip("192.0.2.80")));
    assert_eq!(lab.seen_as("app", "192.0.2.80", 80, true), Some(ip("203.0.113.10")));
}

/// An error is about a packet that the sender knows.
#[test]
fn errors_are_translated_with_what_they_quote() {
    let mut lab = lab();
    sample::group(lab.vpc(), "sg-web", &[(Traffic::All, anyone())], None);
    lab.apply();
    let refused = |from: &Place, bound: &str, to: &str| {
        let socket = lab.plane.datagrams(from, bound.parse().unwrap()).unwrap();
        socket.connect(to.parse::<SocketAddr>().unwrap()).unwrap();
        socket.send(b"to a port at which nobody listens").unwrap();
        socket.set_read_timeout(Some(SHORT * 4)).unwrap();
        socket.recv(&mut [0; 8]).unwrap_err().kind() == std::io::ErrorKind::ConnectionRefused
    };
    let (web, db) = (Place::Machine("web".into()), Place::Machine("db".into()));
    let host = Place::Internet(ip("192.0.2.80"));
    assert!(refused(&web, "0.0.0.0:0", "192.0.2.80:9"), "to who sent by the gateway");
    assert!(refused(&host, "192.0.2.80:0", "203.0.113.10:9"), "to who sent to a public address");
    assert!(refused(&db, "0.0.0.0:0", "192.0.2.80:9"), "to who sent by a NAT gateway");
}

#[test]
fn without_a_gateway_a_public_address_is_nothing() {
    let mut lab = lab();
    lab.works("192.0.2.80", "203.0.113.10", 80);
    lab.vpc().internet_gateway = None;
    lab.apply();
    lab.blocked("192.0.2.80", "203.0.113.10", 80);
    lab.blocked("web", "192.0.2.80", 80);
    lab.vpc().internet_gateway =
        Some(net::topology::InternetGateway { id: "igw-1".into(), route_table: None });
    lab.apply();
    lab.works("192.0.2.80", "203.0.113.10", 80);
    // A subnet without a route to it is private, with whatever addresses.
    sample::table(lab.vpc(), "rtb-public", &[]);
    lab.apply();
    lab.blocked("192.0.2.80", "203.0.113.10", 80);
    lab.blocked("web", "192.0.2.80", 80);
    lab.works("web", "10.0.2.10", 5432);
}

#[test]
fn a_private_subnet_reaches_out_through_nat_and_nobody_reaches_in() {
    let mut lab = lab();
    assert_eq!(lab.seen_as("db", "192.0.2.80", 80, true), Some(ip("203.0.113.50")));
    assert!(lab.count("nat-1") > 0);
    let counters = net::program::NatCounters::of("nat-1");
    let [sent, answers] = [&counters.sent, &counters.answers].map(|name| lab.count(name));
    assert!(sent > lab.count("nat-1") && answers > 0, "{sent} {answers}");
    assert_eq!(
        lab.count(&counters.connections),
        lab.count("nat-1"),
        "each connection begins with one packet"
    );
    lab.blocked("192.0.2.80", "203.0.113.50", 5432);
    lab.blocked("web", "10.0.1.50", 5432);
    sample::table(lab.vpc(), "rtb-private", &[("0.0.0.0/0", Target::Blackhole)]);
    lab.apply();
    lab.blocked("db", "192.0.2.80", 80);
    lab.works("web", "192.0.2.80", 80);
    sample::table(lab.vpc(), "rtb-private", &[("0.0.0.0/0", Target::NatGateway("nat-1".into()))]);
    lab.apply();
    lab.works("db", "192.0.2.80", 80);
    // The gateway is in the public subnet: its way out is that subnet's.
    sample::table(lab.vpc(), "rtb-public", &[]);
    lab.apply();
    lab.blocked("db", "192.0.2.80", 80);
}

#[test]
fn a_nat_gateway_sends_from_all_its_addresses() {
    let mut lab = lab();
    let seen = |lab: &Lab| {
        let seen = |_| lab.seen_as("db", "192.0.2.80", 80, true).unwrap();
        (0..24).map(seen).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(seen(&lab), [ip("203.0.113.50")].into());
    let before = lab.count("nat-1");
    let more = [("10.0.1.51", "203.0.113.51"), ("10.0.1.52", "203.0.113.52")];
    let more = more.map(|(private, public)| Address { private: ip(private), public: Some(ip(public)) });
    lab.vpc().interfaces.get_mut("eni-nat-1").unwrap().addresses.extend(more);
    lab.apply();
    assert_eq!(seen(&lab), [ip("203.0.113.50"), ip("203.0.113.51"), ip("203.0.113.52")].into());
    assert_eq!(lab.count("nat-1"), before + 24, "what was counted stays, and is counted once");
    lab.vpc().interfaces.get_mut("eni-nat-1").unwrap().addresses.truncate(1);
    lab.apply();
    assert_eq!(seen(&lab), [ip("203.0.113.50")].into());
}

#[test]
fn a_foreign_source_goes_nowhere() {
    let lab = lab();
    let place = Place::Machine("web".into());
    let check = net::program::names::source_check("vpc-1");
    let target: SocketAddr = "10.0.2.10:5432".parse().unwrap();
    let genuine = lab.plane.datagrams(&place, "10.0.1.10:0".parse().unwrap()).unwrap();
    let spoofed = lab.plane.datagrams(&place, "10.0.1.99:0".parse().unwrap()).unwrap();
    let before = lab.count(&check);
    genuine.send_to(b"x", target).unwrap();
    std::thread::sleep(SHORT / 5);
    assert_eq!(lab.count(&check), before);
    spoofed.send_to(b"x", target).unwrap();
    std::thread::sleep(SHORT / 5);
    assert_eq!(lab.count(&check), before + 1);
}

/// Whether a byte comes there and back through a connection.
fn exchange(mut out: TcpStream, mut inside: TcpStream) -> impl FnMut(u8) -> bool {
    for stream in [&out, &inside] {
        stream.set_read_timeout(Some(SHORT)).unwrap();
    }
    move |byte| {
        let mut got = [0];
        let arrived = out.write_all(&[byte]).is_ok() && inside.read_exact(&mut got).is_ok();
        arrived && inside.write_all(&got).is_ok() && out.read_exact(&mut got).is_ok() && got == [byte]
    }
}

/// What everybody may do, and all answers to everybody, is not tracked.
#[test]
fn what_passes_by_rules_for_everybody_ends_with_them() {
    let mut lab = lab();
    let listener = lab.plane.listen(&Place::Machine("db".into()), "0.0.0.0:3306".parse().unwrap()).unwrap();
    let group = |lab: &mut Lab, rules: &[(Traffic, Peer)], egress: Option<&[(Traffic, Peer)]>| {
        sample::group(lab.vpc(), "sg-db", rules, egress);
        lab.apply();
    };
    let connect = |lab: &Lab| {
        let to = "10.0.2.10:3306".parse().unwrap();
        let out = lab.plane.connect(&Place::Machine("web".into()), to, SHORT * 10).unwrap();
        exchange(out, listener.accept().unwrap().0)
    };
    let open = [(tcp(3306), anyone())];
    for watched in [false, true] {
        if watched {
            lab.vpc().watched.insert("eni-db".into());
        }
        group(&mut lab, &open, None);
        let mut first = connect(&lab);
        assert!(first(1));
        // Narrower, but about it as well.
        group(&mut lab, &[(tcp(3306), Peer::Cidr(cidr("10.0.1.10/32")))], None);
        assert!(first(2));
        // From now on others are tracked, and this one was not.
        let mut second = connect(&lab);
        assert!(second(3));
        if watched {
            group(&mut lab, &open, None);
        }
        group(&mut lab, &[(tcp(5432), anyone())], None);
        assert!(!first(4), "it passed by a rule that is gone");
        assert!(second(4), "it was tracked from its first packet on");
        // Another rule that is about it lets it go on.
        group(&mut lab, &open, None);
        let mut third = connect(&lab);
        assert!(third(5));
        // Answers pass by a rule as well.
        group(&mut lab, &open, Some(&[(tcp(1), anyone())]));
        assert!(!third(6), "its answers passed by a rule that is gone");
        drop(second);
    }
    // The next that connects is asked as always.
    lab.blocked("db", "10.0.1.11", 5201);
}

#[test]
fn what_is_established_survives_the_rule_that_allowed_it() {
    let mut lab = lab();
    let listener = lab.plane.listen(&Place::Machine("db".into()), "0.0.0.0:3306".parse().unwrap()).unwrap();
    let group = |lab: &mut Lab, rules: &[(Traffic, Peer)]| {
        sample::group(lab.vpc(), "sg-db", rules, None);
        lab.apply();
    };
    group(&mut lab, &[(tcp(3306), Peer::Cidr(cidr("10.0.1.0/24"))), (tcp(5432), anyone())]);
    let to = "10.0.2.10:3306".parse().unwrap();
    let out = lab.plane.connect(&Place::Machine("web".into()), to, SHORT * 10).unwrap();
    let mut exchange = exchange(out, listener.accept().unwrap().0);
    assert!(exchange(1));
    group(&mut lab, &[(tcp(5432), anyone())]);
    lab.blocked("web", "10.0.2.10", 3306);
    assert!(exchange(2), "a tracked connection was cut");
    // An ACL knows no connections: it cuts.
    deny(&mut lab, false, Traffic::All, "10.0.1.0/24");
    assert!(!exchange(3), "an ACL let an established connection pass");
}

#[test]
fn counters_name_the_rule_that_decided() {
    let mut lab = lab();
    for (from, to, port, works) in [
        ("web", "10.0.2.10", 5432, true),
        ("app", "10.0.2.10", 5432, false),
        ("web", "10.0.1.11", 80, false),
        ("db", "192.0.2.80", 80, true),
    ] {
        let flow = Flow {
            from: Origin::Interface { id: format!("eni-{from}"), source: None },
            to: ip(to),
            transport: Transport::tcp(port),
        };
        let walked = walk(&lab.topology, &flow);
        let hops = walked.forward.hops.iter().filter_map(net::walk::Hop::counter);
        let names: Vec<String> = match walked.obstacles().next() {
            Some(obstacle) => vec![obstacle.counter().expect("a counter")],
            None => hops.collect(),
        };
        assert!(!names.is_empty());
        let before: Vec<u64> = names.iter().map(|name| lab.count(name)).collect();
        if works {
            lab.works(from, to, port);
        } else {
            lab.blocked(from, to, port);
        }
        for (name, before) in names.iter().zip(before) {
            assert!(lab.count(name) > before, "{from} -> {to}:{port} did not move {name}");
        }
    }
    // They outlive the rules' renewal.
    let before = lab.count("sgr-sg-db-in-0");
    let rules = [(tcp(5432), Peer::Group("sg-web".into())), (tcp(1), anyone())];
    sample::group(lab.vpc(), "sg-db", &rules, None);
    lab.apply();
    assert_eq!(lab.count("sgr-sg-db-in-0"), before);
    lab.works("web", "10.0.2.10", 5432);
    assert_eq!(lab.count("sgr-sg-db-in-0"), before + 1);
}

#[test]
fn counters_of_thousands_of_rules_are_read_too() {
    let mut lab = lab();
    for n in 0..3u8 {
        let rule = |port: u16| (tcp(port), Peer::Cidr(cidr(&format!("10.{n}.0.0/16"))));
        let rules: Vec<_> = (5000..5900).map(rule).collect();
        sample::group(lab.vpc(), &format!("sg-many-{n}"), &rules, None);
    }
    lab.vpc().interfaces.get_mut("eni-app").unwrap().groups.push("sg-many-0".into());
    lab.apply();
    lab.works("web", "10.0.1.11", 5201);
    // The group that has fewer rules is asked first.
    assert_eq!((lab.count("sgr-sg-app-in-0"), lab.count("sgr-sg-many-0-in-201")), (1, 0));
    lab.vpc().interfaces.get_mut("eni-app").unwrap().groups.remove(0);
    lab.apply();
    lab.works("db", "10.0.1.11", 5201);
    assert_eq!(lab.count("sgr-sg-many-0-in-201"), 1);
}

#[test]
fn metadata_and_resolver_know_who_asks() {
    let mut lab = lab();
    let router = Place::Router("vpc-1".into());
    lab.serve(&router, "169.254.169.254", 80);
    assert_eq!(lab.seen_as("web", "169.254.169.254", 80, true), Some(ip("10.0.1.10")));
    assert_eq!(lab.seen_as("db", "169.254.169.254", 80, true), Some(ip("10.0.2.10")));
    let resolver = lab.plane.datagrams(&router, "10.0.0.2:53".parse().unwrap()).unwrap();
    let asker = lab.plane.datagrams(&Place::Machine("db".into()), "0.0.0.0:0".parse().unwrap()).unwrap();
    // Neither groups nor ACLs see it.
    sample::group(lab.vpc(), "sg-db", &[], Some(&[]));
    deny(&mut lab, true, Traffic::All, "0.0.0.0/0");
    asker.send_to(b"who", "10.0.0.2:53".parse::<SocketAddr>().unwrap()).unwrap();
    let mut buffer = [0; 8];
    resolver.set_read_timeout(Some(SHORT * 10)).unwrap();
    let (length, from) = resolver.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from.ip()), (&b"who"[..], ip("10.0.2.10")));
    resolver.send_to(b"you", from).unwrap();
    asker.set_read_timeout(Some(SHORT * 10)).unwrap();
    assert_eq!(asker.recv(&mut buffer).unwrap(), 3);
    // Nothing else listens there, and nobody else is heard.
    lab.serve(&router, "10.0.0.2", 8080);
    lab.blocked("web", "10.0.0.2", 8080);
}

#[test]
fn a_gateway_endpoint_is_the_only_way_out_of_an_isolated_subnet() {
    let mut lab = lab();
    lab.topology.prefix_lists.insert("pl-s3".into(), vec![cidr("52.216.0.0/15")]);
    let endpoint = net::topology::GatewayEndpoint { id: "vpce-1".into(), prefix_list: "pl-s3".into() };
    lab.vpc().gateway_endpoints.insert("vpce-1".into(), endpoint);
    let route = net::topology::Route {
        destination: net::topology::Destination::PrefixList("pl-s3".into()),
        target: Target::GatewayEndpoint("vpce-1".into()),
    };
    lab.vpc().route_tables.get_mut("rtb-private").unwrap().routes = vec![route];
    lab.apply();
    lab.serve(&Place::Router("vpc-1".into()), "52.216.7.7", 443);
    assert_eq!(lab.seen_as("db", "52.216.7.7", 443, true), Some(ip("10.0.2.10")));
    lab.blocked("db", "192.0.2.80", 80);
    // Not by the way of other subnets, whose tables do not know the endpoint.
    lab.blocked("web", "52.216.7.7", 443);
    deny(&mut lab, false, Traffic::All, "52.216.0.0/15");
    lab.blocked("db", "52.216.7.7", 443);
    lab.vpc().acls.get_mut("acl-private").unwrap().ingress.pop();
    sample::group(lab.vpc(), "sg-db", &[], Some(&[(tcp(443), Peer::PrefixList("pl-none".into()))]));
    lab.apply();
    lab.blocked("db", "52.216.7.7", 443);
    sample::group(lab.vpc(), "sg-db", &[], Some(&[(tcp(443), Peer::PrefixList("pl-s3".into()))]));
    lab.apply();
    lab.works("db", "52.216.7.7", 443);
}

#[test]
fn a_zone_that_fails_is_silent_until_it_is_back() {
    let mut lab = lab();
    lab.vpc().subnets.get_mut("subnet-private").unwrap().zone = "z2".into();
    lab.apply();
    lab.works("web", "10.0.2.10", 5432);
    lab.topology.failed_zones.insert("z2".into());
    lab.apply();
    lab.blocked("web", "10.0.2.10", 5432);
    lab.blocked("db", "192.0.2.80", 80);
    lab.works("web", "192.0.2.80", 80);
    lab.topology.failed_zones.clear();
    lab.apply();
    lab.works("web", "10.0.2.10", 5432);
    lab.works("db", "192.0.2.80", 80);
}

#[test]
fn interfaces_and_vpcs_come_and_go() {
    let mut lab = lab();
    let address = |lab: &mut Lab, private: &str| {
        let interface = lab.vpc().interfaces.get_mut("eni-db").unwrap();
        interface.addresses[0].private = ip(private);
        lab.apply();
    };
    address(&mut lab, "10.0.2.20");
    lab.works("web", "10.0.2.20", 5432);
    lab.blocked("web", "10.0.2.10", 5432);
    let interface = lab.vpc().interfaces.remove("eni-db").unwrap();
    lab.apply();
    lab.blocked("web", "10.0.2.20", 5432);
    lab.vpc().interfaces.insert("eni-db".into(), interface);
    lab.apply();
    lab.works("web", "10.0.2.20", 5432);
    lab.plane.remove_vpc("vpc-1").unwrap();
    lab.blocked("192.0.2.80", "203.0.113.10", 80);
    lab.apply();
    lab.works("192.0.2.80", "203.0.113.10", 80);
    lab.works("db", "192.0.2.80", 80);
    lab.plane.remove_machine("db").unwrap();
    assert!(!lab.plane.inventory().unwrap().machines.contains(&"db".to_owned()));
    lab.blocked("web", "10.0.2.20", 5432);
}
