//! What watched interfaces pass and refuse is counted, flow by flow.

use crate::lab::{Lab, SHORT};
use host::{Count, Driver, Flow, Place};
use net::program::flows::link;
use net::sample::{self, cidr, ip};
use net::topology::{AclEntry, Target, Traffic};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn lab(watched: &[&str]) -> Lab {
    let mut lab = Lab::new(sample::two_tier());
    lab.vpc().watched = watched.iter().map(|machine| format!("eni-{machine}")).collect();
    lab.apply();
    lab
}

/// Datagrams of so many bytes, from a port of the machine.
fn send(lab: &Lab, from: &str, port: u16, to: &str, sizes: &[usize]) {
    let place = Place::Machine(from.to_owned());
    let own = format!("0.0.0.0:{port}").parse().unwrap();
    let socket = lab.plane.datagrams(&place, own).unwrap();
    let to: SocketAddr = to.parse().unwrap();
    for size in sizes {
        socket.send_to(&vec![7; *size], to).unwrap();
    }
}

/// Looks until as many packets as are expected have been seen, or for a while.
fn look(lab: &Lab, wanted: u64, like: impl Fn(&Flow) -> bool) -> Vec<Flow> {
    let (began, mut all) = (Instant::now(), Vec::new());
    loop {
        all.extend(lab.plane.flows("vpc-1").unwrap().flows.into_iter().filter(&like));
        let packets: u64 = all.iter().map(|flow: &Flow| flow.count.packets).sum();
        if packets >= wanted || began.elapsed() > Duration::from_secs(10) {
            return all;
        }
    }
}

/// Machine, whether it sent it, whether it passed, packets, bytes.
type Line = (&'static str, bool, bool, u64, u64);

fn lines(flows: &[Flow]) -> Vec<Line> {
    let machine = |flow: &Flow| {
        ["web", "app", "db", "nat-1"].into_iter().find(|m| link(&format!("eni-{m}")) == flow.key.link)
    };
    let line = |f: &Flow| {
        let Count { packets, bytes } = f.count;
        (machine(f).unwrap_or("?"), f.key.egress, f.key.accepted, packets, bytes)
    };
    let mut lines: Vec<Line> = flows.iter().map(line).collect();
    lines.sort_unstable();
    lines
}

fn udp(port: u16) -> Traffic {
    Traffic::Udp(net::topology::Ports::one(port))
}

#[test]
fn each_side_is_counted_by_itself_with_packets_and_bytes() {
    let mut lab = lab(&["web", "db"]);
    sample::group(lab.vpc(), "sg-db", &[(udp(9000), sample::anyone())], None);
    lab.apply();
    send(&lab, "web", 4000, "10.0.2.10:9000", &[10, 20]);
    send(&lab, "web", 4001, "10.0.2.10:9001", &[100]);
    // Not watched.
    send(&lab, "app", 4002, "10.0.1.10:9002", &[1]);
    let of = |flow: &Flow| flow.key.protocol == 17;
    let flows = look(&lab, 7, of);
    // 28 bytes of IP and UDP before each. What `app` sent is seen where `web` refuses it.
    let expected: [Line; 5] = [
        ("db", false, false, 1, 128),
        ("db", false, true, 2, 86),
        ("web", false, false, 1, 29),
        ("web", true, true, 1, 128),
        ("web", true, true, 2, 86),
    ];
    assert_eq!(lines(&flows), expected);
    let passed = flows.iter().find(|f| f.key.destination_port == 9000 && !f.key.egress).unwrap();
    assert_eq!((passed.key.source, passed.key.source_port), (ip("10.0.1.10"), 4000));
    assert_eq!(passed.key.destination, ip("10.0.2.10"));
    assert!(passed.ago < Duration::from_secs(30), "{:?}", passed.ago);
    // Nothing is told twice.
    assert_eq!(look(&lab, 0, of), []);
}

#[test]
fn the_side_that_refuses_is_named() {
    let mut lab = lab(&["web", "db"]);
    let of = |flow: &Flow| flow.key.protocol == 17;
    let everything = [(Traffic::All, sample::anyone())];
    sample::group(lab.vpc(), "sg-db", &everything, None);
    // The sender's group, although the receiver's ACL would refuse it too.
    sample::group(lab.vpc(), "sg-web", &[], Some(&[(udp(9000), sample::anyone())]));
    let deny = |number, block: &str| AclEntry { number, traffic: udp(9001), cidr: cidr(block), allow: false };
    lab.vpc().acls.get_mut("acl-private").unwrap().ingress.push(deny(1, "10.0.1.0/24"));
    lab.apply();
    send(&lab, "web", 4000, "10.0.2.10:9001", &[1]);
    assert_eq!(lines(&look(&lab, 1, of)), [("web", true, false, 1, 29)]);
    // The receiver's ACL.
    sample::group(lab.vpc(), "sg-web", &[], None);
    lab.apply();
    send(&lab, "web", 4000, "10.0.2.10:9001", &[1]);
    assert_eq!(lines(&look(&lab, 2, of)), [("db", false, false, 1, 29), ("web", true, true, 1, 29)]);
    // The sender's ACL; within a subnet there is none.
    lab.vpc().acls.get_mut("acl-1").unwrap().egress.push(deny(1, "10.0.2.0/24"));
    lab.apply();
    send(&lab, "web", 4000, "10.0.2.10:9001", &[1]);
    assert_eq!(lines(&look(&lab, 1, of)), [("web", true, false, 1, 29)]);
    // What leads nowhere has passed at the sender.
    sample::table(lab.vpc(), "rtb-public", &[("192.0.2.0/24", Target::Blackhole)]);
    lab.apply();
    send(&lab, "web", 4000, "192.0.2.9:9000", &[1]);
    send(&lab, "web", 4000, "10.0.2.99:9000", &[1]);
    assert_eq!(lines(&look(&lab, 2, of)), [("web", true, true, 1, 29); 2]);
}

#[test]
fn connections_are_counted_both_ways_with_their_flags() {
    let lab = lab(&["web", "db", "nat-1"]);
    lab.serve_machine("db", 5432);
    lab.serve(&Place::Internet(ip("192.0.2.80")), "192.0.2.80", 80);
    lab.works("web", "10.0.2.10", 5432);
    let flags = |flows: &[Flow], link_of: &str, egress: bool| {
        let of = |f: &&Flow| f.key.link == link(&format!("eni-{link_of}")) && f.key.egress == egress;
        flows.iter().filter(of).map(|f| f.key.tcp_flags).fold(0, |all, one| all | one)
    };
    let flows = look(&lab, 12, |f| f.key.protocol == 6);
    for (machine, egress) in [("web", true), ("db", false)] {
        assert_eq!(flags(&flows, machine, egress) & 2, 2, "{machine}");
        let first = |f: &&Flow| f.key.tcp_flags == 2 && f.key.egress == egress && f.key.accepted;
        assert_eq!(flows.iter().filter(first).map(|f| f.count.packets).sum::<u64>(), 1);
    }
    assert!(flows.iter().any(|f| f.key.tcp_flags == 18 && f.key.source_port == 5432 && f.key.egress));
    assert!(flows.iter().all(|f| f.key.accepted), "{flows:?}");
    // Through a NAT gateway: as it comes to it and as it leaves it.
    lab.works("db", "192.0.2.80", 80);
    let flows = look(&lab, 4, |f| f.key.link == link("eni-nat-1") && f.key.destination_port == 80);
    let seen = |egress: bool| flows.iter().find(|f| f.key.egress == egress).map(|f| f.key.source);
    assert_eq!((seen(false), seen(true)), (Some(ip("10.0.2.10")), Some(ip("10.0.1.50"))));
    // A connection goes on while rules are changed for counting.
    lab.works("web", "10.0.2.10", 5432);
}

#[test]
fn what_the_router_answers_is_not_counted_and_watching_can_end() {
    let mut lab = lab(&["web", "db"]);
    lab.serve(&Place::Router("vpc-1".into()), "169.254.169.254", 80);
    lab.works("web", "169.254.169.254", 80);
    send(&lab, "web", 4000, "10.0.0.2:53", &[1]);
    std::thread::sleep(SHORT);
    assert_eq!(lab.plane.flows("vpc-1").unwrap().flows, []);
    lab.serve_machine("db", 5432);
    lab.vpc().watched.clear();
    lab.apply();
    lab.works("web", "10.0.2.10", 5432);
    lab.blocked("app", "10.0.2.10", 5432);
    assert_eq!(lab.plane.flows("vpc-1").unwrap(), host::Flows::default());
    lab.vpc().watched.insert("eni-db".into());
    lab.apply();
    lab.works("web", "10.0.2.10", 5432);
    lab.blocked("app", "10.0.2.10", 5432);
    let refused = look(&lab, 1, |f| f.key.source == ip("10.0.1.11"));
    assert!(refused.iter().all(|f| !f.key.accepted && !f.key.egress) && !refused.is_empty());
}

#[test]
fn what_goes_through_a_gateway_endpoint_is_counted_both_ways() {
    let mut lab = lab(&["db"]);
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
    lab.works("db", "52.216.7.7", 443);
    let flows = look(&lab, 8, |f| f.key.protocol == 6);
    let syn = |flags| flows.iter().filter(|f| f.key.tcp_flags == flags).map(|f| f.key.egress).collect();
    let (asked, answered): (Vec<bool>, Vec<bool>) = (syn(2), syn(18));
    assert_eq!((asked, answered), (vec![true], vec![false]));
    let everything = AclEntry { number: 1, traffic: Traffic::All, cidr: cidr("52.216.0.0/15"), allow: false };
    lab.vpc().acls.get_mut("acl-private").unwrap().ingress.push(everything);
    lab.apply();
    lab.blocked("db", "52.216.7.7", 443);
    let flows = look(&lab, 2, |f| matches!(f.key.tcp_flags, 2 | 18));
    let refused: Vec<bool> = flows.iter().filter(|f| !f.key.accepted).map(|f| f.key.egress).collect();
    assert_eq!(refused, [false], "{flows:?}");
}

#[test]
fn there_is_an_end_to_what_is_counted_and_it_is_told() {
    let lab = lab(&["web"]);
    let place = Place::Machine("web".into());
    let socket = lab.plane.datagrams(&place, "0.0.0.0:4000".parse().unwrap()).unwrap();
    // The gateway would send none of it on, but the interface has sent it.
    let send = |third: u8| {
        for port in 1..20_000u16 {
            socket.send_to(b"x", SocketAddr::new(ip(&format!("10.0.9.{third}")), port)).unwrap();
        }
    };
    send(1);
    let flows = lab.plane.flows("vpc-1").unwrap();
    assert!(!flows.overflown && flows.flows.len() > 10_000, "{}", flows.flows.len());
    send(2);
    send(3);
    let flows = lab.plane.flows("vpc-1").unwrap();
    let most = net::program::flows::FLOWS_MAX as usize;
    assert!(flows.overflown && flows.flows.len() == most, "{}", flows.flows.len());
    // And then there is room again.
    assert!(!lab.plane.flows("vpc-1").unwrap().overflown);
}
