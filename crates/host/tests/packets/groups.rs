//! Groups of many rules, which are sets: what protocols, ports, kinds of ICMP, blocks and prefix lists mean to packets.

use crate::lab::{Lab, SHORT};
use crate::processes::spawn;
use host::{Driver, Place};
use net::sample::{self, anyone, cidr, ip, tcp};
use net::topology::{Address, Peer, Ports, Traffic};
use std::net::SocketAddr;

/// A ping by a socket for it: whether it is answered. Of another kind it is only sent.
const PING: &str = "
import socket, sys, struct
source, to, kind, code = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
v6 = ':' in to
family, protocol = (socket.AF_INET6, 58) if v6 else (socket.AF_INET, 1)
out = socket.socket(family, socket.SOCK_RAW, protocol)
out.bind((source, 0))
out.settimeout(0.25)
head = struct.pack('!BBHHH', kind, code, 0, 7, 1)
total = sum(struct.unpack('!4H', head)) if not v6 else 0
out.sendto(struct.pack('!BBHHH', kind, code, ~(total + (total >> 16)) & 0xffff, 7, 1), (to, 0))
try:
    while True:
        got, who = out.recvfrom(2048)
        if who[0] == to and got[0 if v6 else 20] == (129 if v6 else 0):
            sys.exit(0)
except TimeoutError:
    sys.exit(1)
";

/// A packet of a protocol that has no ports.
const PROTOCOL: &str = "
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, int(sys.argv[2]))
out.sendto(b'nothing that anybody reads', (sys.argv[1], 0))
";

impl Lab {
    fn python(&self, machine: &str, program: &str, args: &[&str]) -> bool {
        let args: Vec<&str> = ["-c", program].into_iter().chain(args.iter().copied()).collect();
        self.plane.spawn(machine, spawn("python3", &args, None)).unwrap().wait().unwrap() == 0
    }

    /// Whether `to` is told what is sent to one of its ports.
    fn told(&self, from: &str, to: &str, address: &str) -> bool {
        let address: SocketAddr = address.parse().unwrap();
        let inside = self.plane.datagrams(&Place::Machine(to.into()), address).unwrap();
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let out = self.plane.datagrams(&Place::Machine(from.into()), any.parse().unwrap()).unwrap();
        out.send_to(b"x", address).unwrap();
        inside.set_read_timeout(Some(SHORT)).unwrap();
        inside.recv(&mut [0; 8]).is_ok()
    }

    fn counts(&self, group: &str, rules: usize) -> Vec<u64> {
        (0..rules).map(|n| self.count(&format!("sgr-{group}-in-{n}"))).collect()
    }
}

fn block(text: &str) -> Peer {
    Peer::Cidr(cidr(text))
}

fn ping(kind: u8, code: Option<u8>) -> Traffic {
    Traffic::Icmp { kind: Some(kind), code }
}

#[test]
fn a_group_of_many_rules_asks_for_what_each_says() {
    let mut lab = Lab::new(sample::two_tier());
    let rules = [
        (Traffic::Tcp(Ports { from: 5000, to: 5003 }), block("10.0.1.10/32")),
        (Traffic::Udp(Ports { from: 7000, to: 7001 }), block("10.0.0.0/16")),
        (ping(8, None), block("10.0.1.0/24")),
        (ping(13, Some(0)), block("10.0.1.0/24")),
        (Traffic::Protocol(47), block("10.0.1.0/24")),
        (Traffic::All, block("10.0.2.10/32")),
        (tcp(5002), anyone()),
    ];
    sample::group(lab.vpc(), "sg-app", &rules, None);
    lab.apply();
    for port in [4999, 5000, 5003, 5004, 7000] {
        lab.serve_machine("app", port);
    }
    let app = "10.0.1.11";
    lab.works("web", app, 5000);
    lab.works("web", app, 5003);
    for port in [4999, 5004, 7000] {
        lab.blocked("web", app, port);
    }
    assert_eq!(lab.counts("sg-app", 7), [2, 0, 0, 0, 0, 0, 0]);
    assert!(lab.told("web", "app", "10.0.1.11:7000") && lab.told("db", "app", "10.0.1.11:7001"));
    assert!(!lab.told("web", "app", "10.0.1.11:7002") && !lab.told("web", "app", "10.0.1.11:5000"));
    assert_eq!(lab.counts("sg-app", 7), [2, 2, 0, 0, 0, 0, 0], "the broader block is asked first");
    assert!(lab.python("web", PING, &["10.0.1.10", app, "8", "0"]));
    // A kind that is let in, if the code is right, and one that is not.
    for (kind, code) in [("13", "0"), ("13", "1"), ("15", "0")] {
        assert!(!lab.python("web", PING, &["10.0.1.10", app, kind, code]));
    }
    assert_eq!(lab.counts("sg-app", 7), [2, 2, 1, 1, 0, 0, 0]);
    for protocol in ["47", "50"] {
        assert!(lab.python("web", PROTOCOL, &[app, protocol]));
    }
    assert_eq!(lab.counts("sg-app", 7), [2, 2, 1, 1, 1, 0, 0]);
    // All is also what has no ports, and what a broader block says for others.
    lab.works("db", app, 4999);
    assert!(lab.python("db", PING, &["10.0.2.10", app, "8", "0"]));
    assert!(lab.python("db", PROTOCOL, &[app, "50"]));
    assert_eq!(lab.counts("sg-app", 7), [2, 2, 1, 1, 1, 3, 0]);
    lab.blocked("web", app, 22);
    assert!(lab.count("eni-app/ingress/none") > 0);
}

#[test]
fn another_set_takes_the_place_of_one_and_what_it_has_counted_stays() {
    let mut lab = Lab::new(sample::two_tier());
    let mut rules: Vec<(Traffic, Peer)> = (0..9).map(|n| (tcp(5000 + n), block("10.0.1.0/24"))).collect();
    sample::group(lab.vpc(), "sg-app", &rules, None);
    lab.apply();
    for port in [5000, 5008, 6000] {
        lab.serve_machine("app", port);
    }
    lab.works("web", "10.0.1.11", 5000);
    lab.works("web", "10.0.1.11", 5008);
    // One changes; a second one is in the shadow of a broader block, and is told of all the same.
    rules[8].0 = tcp(6000);
    rules.push((tcp(5000), anyone()));
    sample::group(lab.vpc(), "sg-app", &rules, None);
    lab.apply();
    lab.blocked("web", "10.0.1.11", 5008);
    lab.works("web", "10.0.1.11", 6000);
    lab.works("web", "10.0.1.11", 5000);
    assert_eq!(lab.counts("sg-app", 10), [1, 0, 0, 0, 0, 0, 0, 0, 2, 1]);
    assert!(lab.plane.counters("vpc-1").unwrap().contains_key("sgr-sg-app-in-0"));
    // So few are a chain again.
    sample::group(lab.vpc(), "sg-app", &rules[..2], None);
    lab.apply();
    lab.works("web", "10.0.1.11", 5000);
    lab.blocked("web", "10.0.1.11", 6000);
    assert_eq!(lab.counts("sg-app", 10), [2, 0, 0, 0, 0, 0, 0, 0, 2, 1]);
}

#[test]
fn both_families_have_their_own_set() {
    let mut t = sample::two_tier();
    let vpc = t.vpcs.get_mut("vpc-1").unwrap();
    vpc.cidrs.push(cidr("2600:1f14:1::/56"));
    vpc.subnets.get_mut("subnet-public").unwrap().ipv6_cidr = Some(cidr("2600:1f14:1:1::/64"));
    for (machine, address) in [("web", "2600:1f14:1:1::10"), ("app", "2600:1f14:1:1::11")] {
        let interface = vpc.interfaces.get_mut(&format!("eni-{machine}")).unwrap();
        interface.addresses.push(Address { private: ip(address), public: None });
    }
    let out = [(Traffic::All, anyone()), (Traffic::All, block("::/0"))];
    sample::group(vpc, "sg-web", &[], Some(&out));
    let echo = Traffic::Icmpv6 { kind: Some(128), code: None };
    let rules = [
        (tcp(5000), block("::/0")),
        (tcp(5001), anyone()),
        (Traffic::Udp(Ports::one(7000)), block("2600:1f14:1:1::10/128")),
        (Traffic::Udp(Ports::one(7001)), block("2600:1f14:1:1::11/128")),
        (echo, block("2600:1f14:1:1::/64")),
    ];
    sample::group(vpc, "sg-app", &rules, None);
    let lab = Lab::new(t);
    let (v4, v6) = ("10.0.1.11", "2600:1f14:1:1::11");
    for port in [5000, 5001] {
        lab.serve(&Place::Machine("app".into()), "::", port);
    }
    lab.works("web", v6, 5000);
    lab.blocked("web", v6, 5001);
    lab.works("web", v4, 5001);
    lab.blocked("web", v4, 5000);
    assert!(lab.told("web", "app", "[2600:1f14:1:1::11]:7000"));
    assert!(!lab.told("web", "app", "[2600:1f14:1:1::11]:7001"));
    assert!(lab.python("web", PING, &["2600:1f14:1:1::10", v6, "128", "0"]));
    assert!(!lab.python("web", PING, &["10.0.1.10", v4, "8", "0"]), "that is another protocol");
    assert_eq!(lab.counts("sg-app", 5), [1, 1, 1, 0, 1]);
}

#[test]
fn a_prefix_list_stands_for_its_blocks_and_follows_them() {
    let mut lab = Lab::new(sample::two_tier());
    let list = |lab: &mut Lab, blocks: &[&str]| {
        lab.topology.prefix_lists.insert("pl-1".into(), blocks.iter().map(|text| cidr(text)).collect());
        lab.apply();
    };
    sample::group(lab.vpc(), "sg-db", &[(tcp(5432), Peer::PrefixList("pl-1".into()))], None);
    lab.apply();
    lab.serve_machine("db", 5432);
    lab.blocked("web", "10.0.2.10", 5432);
    let few = ["10.0.1.10/32", "192.168.0.0/16"];
    let many = ["10.0.1.10/32", "192.168.1.0/24", "192.168.2.0/24", "192.168.3.0/24", "192.168.4.0/24"];
    for (blocks, passed) in [(&few[..], 1), (&many[..], 2)] {
        list(&mut lab, blocks);
        lab.works("web", "10.0.2.10", 5432);
        lab.blocked("app", "10.0.2.10", 5432);
        assert_eq!(lab.count("sgr-sg-db-in-0"), passed);
    }
    list(&mut lab, &["10.0.1.11/32"]);
    lab.works("app", "10.0.2.10", 5432);
    lab.blocked("web", "10.0.2.10", 5432);
    // Two blocks of a list that lie in each other are one rule's.
    list(&mut lab, &["10.0.1.11/32", "10.0.1.0/24", "10.0.0.0/16", "10.0.0.0/15", "10.0.0.0/14"]);
    lab.works("web", "10.0.2.10", 5432);
    assert_eq!(lab.count("sgr-sg-db-in-0"), 4);
}

#[test]
fn many_rules_that_name_groups_are_asked_in_one_go_and_follow_the_members() {
    let mut lab = Lab::new(sample::two_tier());
    let rule = |port: u16| (tcp(port), Peer::Group(if port < 5006 { "sg-web" } else { "sg-db" }.into()));
    let rules: Vec<(Traffic, Peer)> = (5001..=5007).map(rule).collect();
    sample::group(lab.vpc(), "sg-app", &rules, None);
    lab.apply();
    for port in [5001, 5005, 5006] {
        lab.serve_machine("app", port);
    }
    let app = "10.0.1.11";
    lab.works("web", app, 5001);
    lab.works("web", app, 5005);
    lab.works("db", app, 5006);
    lab.blocked("web", app, 5006);
    lab.blocked("db", app, 5001);
    assert_eq!(lab.counts("sg-app", 7), [1, 0, 0, 0, 1, 1, 0]);
    lab.vpc().interfaces.get_mut("eni-web").unwrap().groups = vec!["sg-db".into()];
    lab.apply();
    lab.works("web", app, 5006);
    lab.blocked("web", app, 5001);
    assert_eq!(lab.counts("sg-app", 7), [1, 0, 0, 0, 1, 2, 0]);
}
