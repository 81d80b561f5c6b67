use super::*;
use crate::sample::{self, Dice, anyone, cidr, ip, tcp};
use crate::topology::{AclEntry, Peer, Peering, Traffic, Vpc};
use proptest::prelude::*;

fn flow(from: &str, to: &str, port: u16) -> Flow {
    let from = match from.parse() {
        Ok(address) => Origin::Internet(address),
        Err(_) => Origin::Interface { id: format!("eni-{from}"), source: None },
    };
    Flow { from, to: ip(to), transport: Transport::tcp(port) }
}

/// Empty when the flow works, else the codes of what stands in its way.
fn codes(topology: &Topology, from: &str, to: &str, port: u16) -> Vec<&'static str> {
    let walk = walk(topology, &flow(from, to, port));
    assert_eq!(walk.works(), walk.obstacles().next().is_none(), "{walk:#?}");
    walk.obstacles().map(|o| o.code.as_str()).collect()
}

fn one(topology: &mut Topology) -> &mut Vpc {
    topology.vpcs.get_mut("vpc-1").unwrap()
}

#[test]
fn a_two_tier_vpc() {
    let t = sample::two_tier();
    let works: &[&'static str] = &[];
    let table: &[(&str, &str, u16, &[&str])] = &[
        ("web", "10.0.1.11", 5201, works),
        ("web", "10.0.1.11", 80, &["ENI_SG_RULES_MISMATCH"]),
        ("db", "10.0.1.11", 5201, &["ENI_SG_RULES_MISMATCH"]),
        ("web", "10.0.2.10", 5432, works),
        ("web", "192.0.2.80", 80, works),
        ("192.0.2.80", "203.0.113.10", 80, works),
        ("192.0.2.80", "203.0.113.11", 80, &["ENI_SG_RULES_MISMATCH"]),
        ("192.0.2.80", "203.0.113.50", 80, &["NO_POSSIBLE_DESTINATION"]),
        ("db", "192.0.2.80", 80, works),
        ("app", "203.0.113.10", 80, works),
        ("db", "203.0.113.10", 80, works),
        ("web", "10.0.1.77", 80, &["NO_POSSIBLE_DESTINATION"]),
        ("web", "192.168.7.7", 80, &["IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"]),
        ("web", "169.254.169.254", 80, works),
        ("db", "10.0.0.2", 53, works),
        ("db", "169.254.169.254", 22, &["NO_POSSIBLE_DESTINATION"]),
        ("10.9.9.9", "203.0.113.10", 80, &["IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS"]),
    ];
    for (from, to, port, wanted) in table {
        assert_eq!(codes(&t, from, to, *port), *wanted, "{from} -> {to}:{port}");
    }
}

#[test]
fn the_hops_tell_the_way_and_what_let_it_pass() {
    let t = sample::two_tier();
    let walk = walk(&t, &flow("db", "192.0.2.80", 443));
    let ids: Vec<&str> = walk.forward.hops.iter().map(|hop| hop.component.id()).collect();
    assert_eq!(
        ids,
        [
            "eni-db",
            "sg-db",
            "rtb-private",
            "acl-private",
            "acl-1",
            "eni-nat-1",
            "nat-1",
            "eni-nat-1",
            "rtb-public",
            "acl-1",
            "igw-1",
            "internet"
        ]
    );
    let seen_as = walk.forward.hops.last().unwrap().packet.source;
    assert_eq!(seen_as, ip("203.0.113.50"));
    let back = walk.back.unwrap();
    let back: Vec<&str> = back.hops.iter().map(|hop| hop.component.id()).collect();
    assert_eq!(
        back,
        [
            "igw-1",
            "vpc-1",
            "acl-1",
            "eni-nat-1",
            "nat-1",
            "eni-nat-1",
            "rtb-public",
            "acl-1",
            "acl-private",
            "sg-db",
            "eni-db"
        ]
    );
    let counters: Vec<String> = walk.forward.hops.iter().filter_map(Hop::counter).collect();
    assert_eq!(
        counters,
        ["sgr-sg-db-out-0", "acl-private/egress/100", "acl-1/ingress/100", "acl-1/egress/100"]
    );
}

#[test]
fn acls_are_asked_in_both_directions() {
    let mut t = sample::two_tier();
    let answers = AclEntry {
        number: 1,
        traffic: Traffic::Tcp(crate::topology::Ports { from: 1024, to: 65535 }),
        cidr: cidr("10.0.1.0/24"),
        allow: false,
    };
    one(&mut t).acls.get_mut("acl-private").unwrap().egress.push(answers);
    let walk = walk(&t, &flow("web", "10.0.2.10", 5432));
    assert!(walk.forward.works() && !walk.works());
    let obstacle = walk.obstacles().next().unwrap();
    assert_eq!((obstacle.code, obstacle.component.id()), (Code::AclRestriction, "acl-private"));
    assert_eq!(obstacle.counter().as_deref(), Some("acl-private/egress/1"));
}

#[test]
fn without_a_way_out_or_a_public_address() {
    let mut t = sample::two_tier();
    sample::table(one(&mut t), "rtb-private", &[]);
    assert_eq!(codes(&t, "db", "192.0.2.80", 80), ["NO_ROUTE_TO_DESTINATION"]);
    assert_eq!(codes(&t, "web", "192.0.2.80", 80), [""; 0]);
    let igw = Target::InternetGateway("igw-1".into());
    sample::table(one(&mut t), "rtb-private", &[("0.0.0.0/0", igw)]);
    assert_eq!(codes(&t, "db", "192.0.2.80", 80), ["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    one(&mut t).internet_gateway = None;
    assert_eq!(codes(&t, "web", "192.0.2.80", 80), ["BAD_STATE_ROUTE"]);
    // The address is still the interface's, but the internet knows no way to it.
    assert_eq!(codes(&t, "192.0.2.80", "203.0.113.10", 80), ["NO_POSSIBLE_DESTINATION"]);
}

#[test]
fn peering_is_not_transitive() {
    let mut t = Topology::default();
    for (name, block) in [("a", "10.1.0.0/16"), ("b", "10.2.0.0/16"), ("c", "10.3.0.0/16")] {
        let mut v = sample::vpc(name, block);
        let (ab, bc) = (Target::Peering("pcx-ab".into()), Target::Peering("pcx-bc".into()));
        let routes: &[(&str, Target)] = match name {
            "a" => &[("10.2.0.0/16", ab.clone()), ("10.3.0.0/16", ab)],
            "b" => &[("10.1.0.0/16", ab), ("10.3.0.0/16", bc)],
            _ => &[("10.2.0.0/16", bc.clone()), ("10.1.0.0/16", bc)],
        };
        sample::table(&mut v, "rtb", routes);
        sample::subnet(&mut v, "subnet", &block.replace("0.0/16", "0.0/24"), "rtb");
        sample::group(&mut v, &format!("sg-{name}"), &[(tcp(80), Peer::Group("sg-a".into()))], None);
        let address = block.replace("0.0/16", "0.10");
        sample::interface(&mut v, name, "subnet", &address, None, &[&format!("sg-{name}")]);
        t.vpcs.insert(v.id.clone(), v);
    }
    for (id, requester, accepter) in [("pcx-ab", "vpc-a", "vpc-b"), ("pcx-bc", "vpc-b", "vpc-c")] {
        let peering = Peering { id: id.into(), requester: requester.into(), accepter: accepter.into() };
        t.peerings.insert(id.into(), peering);
    }
    // The group of the other VPC is known across the connection.
    assert_eq!(codes(&t, "a", "10.2.0.10", 80), [""; 0]);
    assert_eq!(codes(&t, "c", "10.2.0.10", 80), ["ENI_SG_RULES_MISMATCH"]);
    assert_eq!(codes(&t, "a", "10.3.0.10", 80), ["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
}

#[test]
fn checks_and_states_of_interfaces() {
    let mut t = sample::two_tier();
    let spoofed = Flow {
        from: Origin::Interface { id: "eni-web".into(), source: Some(ip("10.0.1.99")) },
        ..flow("web", "10.0.2.10", 5432)
    };
    let found: Vec<_> = walk(&t, &spoofed).obstacles().map(|o| o.code).collect();
    assert!(found.contains(&Code::SourceDestCheck), "{found:?}");
    // A route to an instance: delivered only when it is not checked, and then nobody knows what it does.
    let through = Target::NetworkInterface("eni-app".into());
    sample::table(one(&mut t), "rtb-private", &[("0.0.0.0/0", through)]);
    one(&mut t).security_groups.get_mut("sg-app").unwrap().ingress[0].peer = anyone();
    assert_eq!(codes(&t, "db", "192.0.2.80", 5201), ["ENI_SOURCE_DEST_CHECK_RESTRICTION"]);
    one(&mut t).interfaces.get_mut("eni-app").unwrap().source_dest_check = false;
    let passed = walk(&t, &flow("db", "192.0.2.80", 5201));
    assert_eq!((passed.works(), passed.forward.end), (true, Some(End::NextHop("eni-app".into()))));
    t.failed_zones.insert("z1".into());
    assert_eq!(codes(&t, "web", "10.0.2.10", 5432), ["BAD_STATE", "BAD_STATE"]);
    t.failed_zones.clear();
    one(&mut t).interfaces.get_mut("eni-db").unwrap().attachment = None;
    assert_eq!(codes(&t, "web", "10.0.2.10", 5432), ["BAD_STATE_ATTACHMENT"]);
}

#[test]
fn gateway_endpoints_take_tcp_and_pings_by_the_rules() {
    let mut t = sample::two_tier();
    t.prefix_lists.insert("pl-s3".into(), vec![cidr("52.216.0.0/15")]);
    let endpoint = crate::topology::GatewayEndpoint { id: "vpce-1".into(), prefix_list: "pl-s3".into() };
    one(&mut t).gateway_endpoints.insert("vpce-1".into(), endpoint);
    let route = crate::topology::Route {
        destination: crate::topology::Destination::PrefixList("pl-s3".into()),
        target: Target::GatewayEndpoint("vpce-1".into()),
    };
    one(&mut t).route_tables.get_mut("rtb-private").unwrap().routes = vec![route];
    assert_eq!(codes(&t, "db", "52.216.1.1", 443), [""; 0]);
    assert_eq!(codes(&t, "db", "52.220.1.1", 443), ["NO_ROUTE_TO_DESTINATION"]);
    let udp = Flow { transport: Transport::udp(443), ..flow("db", "52.216.1.1", 443) };
    assert_eq!(walk(&t, &udp).obstacles().next().unwrap().code.as_str(), "VPCE_GATEWAY_PROTOCOL_RESTRICTION");
    let web_only = Peer::PrefixList("pl-s3".into());
    sample::group(one(&mut t), "sg-db", &[], Some(&[(tcp(80), web_only)]));
    assert_eq!(codes(&t, "db", "52.216.1.1", 443), ["ENI_SG_RULES_MISMATCH"]);
    assert_eq!(codes(&t, "db", "52.216.1.1", 80), [""; 0]);
}

/// Whether a TCP connection between two interfaces of one VPC works, said in one go and without the walker.
fn naive(t: &Topology, v: &Vpc, from: &str, to: &str, port: u16) -> bool {
    let (a, b) = (&v.interfaces[from], &v.interfaces[to]);
    let (source, target) = (a.addresses[0].private, b.addresses[0].private);
    let up =
        [a, b].iter().all(|i| i.attachment.is_some() && !t.failed_zones.contains(&v.subnets[&i.subnet].zone));
    let hits = |traffic: Traffic, port: u16| match traffic {
        Traffic::All => true,
        Traffic::Tcp(ports) => ports.from <= port && port <= ports.to,
        _ => false,
    };
    let group = |groups: &[String], egress: bool, peer: IpAddr| {
        groups.iter().any(|g| {
            let rules = if egress { &v.security_groups[g].egress } else { &v.security_groups[g].ingress };
            rules.iter().any(|r| {
                hits(r.traffic, port)
                    && match &r.peer {
                        Peer::Cidr(cidr) => cidr.contains(peer),
                        Peer::Group(g) => t.members(v, g).contains(&peer),
                        Peer::PrefixList(_) => false,
                    }
            })
        })
    };
    let acl = |subnet: &str, egress: bool, peer: IpAddr, port: u16| {
        let acl = &v.acls[&v.subnets[subnet].acl];
        let mut entries = if egress { acl.egress.clone() } else { acl.ingress.clone() };
        entries.sort_by_key(|e| e.number);
        entries.iter().find(|e| e.cidr.contains(peer) && hits(e.traffic, port)).is_some_and(|e| e.allow)
    };
    let acls = a.subnet == b.subnet
        || (acl(&a.subnet, true, target, port)
            && acl(&b.subnet, false, source, port)
            && acl(&b.subnet, true, source, 49152)
            && acl(&a.subnet, false, target, 49152));
    up && acls && group(&a.groups, true, target) && group(&b.groups, false, source)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn within_a_vpc_the_walk_is_what_a_naive_evaluation_says(seed in any::<u64>()) {
        let t = sample::random(seed);
        let mut dice = Dice::new(seed);
        for v in t.vpcs.values() {
            let machines: Vec<&String> =
                v.interfaces.keys().filter(|id| v.nat_gateway_at(id).is_none()).collect();
            for from in &machines {
                for to in machines.iter().filter(|to| *to != from) {
                    let port = sample::PORTS[dice.below(3)];
                    let flow = Flow {
                        from: Origin::Interface { id: (*from).clone(), source: None },
                        to: v.interfaces[*to].addresses[0].private,
                        transport: Transport::tcp(port),
                    };
                    let walked = walk(&t, &flow);
                    prop_assert_eq!(walked.works(), naive(&t, v, from, to, port), "{:#?}", walked);
                }
            }
        }
    }

    #[test]
    fn every_walk_ends_and_says_why(seed in any::<u64>()) {
        let t = sample::random(seed);
        for v in t.vpcs.values() {
            for from in v.interfaces.keys() {
                for to in ["192.0.2.80", "198.51.100.7", "203.0.113.10", "203.0.113.110", "10.0.1.10", "10.1.1.10"] {
                    let from = Origin::Interface { id: from.clone(), source: None };
                    let walked = walk(&t, &Flow { from, to: ip(to), transport: Transport::tcp(80) });
                    let stopped = walked.obstacles().next().is_some();
                    prop_assert_eq!(walked.works(), !stopped, "{:#?}", walked);
                }
            }
        }
    }
}
