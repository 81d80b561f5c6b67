//! VPCs beside each other: the same addresses twice, peering, and what peering is not.

use crate::lab::Lab;
use host::Driver;
use net::Topology;
use net::sample::{self, anyone, ip, tcp};
use net::topology::{Peer, Peering, Target};

fn add(topology: &mut Topology, name: &str, block: &str, routes: &[(&str, &str)], peer: Peer) {
    let mut v = sample::vpc(name, &format!("{block}.0.0/16"));
    let routes: Vec<_> = routes.iter().map(|(to, by)| (*to, Target::Peering((*by).to_owned()))).collect();
    sample::table(&mut v, "rtb", &routes);
    sample::subnet(&mut v, &format!("subnet-{name}"), &format!("{block}.0.0/24"), "rtb");
    sample::group(&mut v, &format!("sg-{name}"), &[(tcp(80), peer)], None);
    let groups = format!("sg-{name}");
    sample::interface(&mut v, name, &format!("subnet-{name}"), &format!("{block}.0.10"), None, &[&groups]);
    topology.vpcs.insert(v.id.clone(), v);
}

fn peering(topology: &mut Topology, id: &str, requester: &str, accepter: &str) {
    let peering = Peering { id: id.into(), requester: requester.into(), accepter: accepter.into() };
    topology.peerings.insert(id.into(), peering);
}

#[test]
fn peering_connects_two_and_is_not_transitive() {
    let mut t = Topology::default();
    add(&mut t, "a", "10.1", &[("10.2.0.0/16", "pcx-ab"), ("10.3.0.0/16", "pcx-ab")], anyone());
    add(
        &mut t,
        "b",
        "10.2",
        &[("10.1.0.0/16", "pcx-ab"), ("10.3.0.0/16", "pcx-bc")],
        Peer::Group("sg-a".into()),
    );
    add(&mut t, "c", "10.3", &[("10.2.0.0/16", "pcx-bc"), ("10.1.0.0/16", "pcx-bc")], anyone());
    peering(&mut t, "pcx-ab", "vpc-a", "vpc-b");
    peering(&mut t, "pcx-bc", "vpc-b", "vpc-c");
    let mut lab = Lab::new(t);
    ["a", "b", "c"].iter().for_each(|machine| lab.serve_machine(machine, 80));
    // By a group of the other VPC; the address is the private one.
    assert_eq!(lab.seen_as("a", "10.2.0.10", 80, true), Some(ip("10.1.0.10")));
    lab.works("b", "10.1.0.10", 80);
    lab.works("b", "10.3.0.10", 80);
    lab.blocked("c", "10.2.0.10", 80);
    lab.blocked("a", "10.3.0.10", 80);
    // Gone, and back; by either side.
    let gone = lab.topology.peerings.remove("pcx-ab").unwrap();
    lab.apply();
    lab.blocked("a", "10.2.0.10", 80);
    lab.topology.peerings.insert("pcx-ab".into(), gone);
    lab.apply();
    lab.works("a", "10.2.0.10", 80);
    lab.plane.remove_vpc("vpc-b").unwrap();
    lab.blocked("a", "10.2.0.10", 80);
    lab.apply();
    lab.works("a", "10.2.0.10", 80);
    lab.works("b", "10.3.0.10", 80);
}

#[test]
fn two_vpcs_have_the_same_addresses_at_the_same_time() {
    let mut t = Topology::default();
    for name in ["a", "b"] {
        add(&mut t, name, "10.0", &[], anyone());
        let vpc = t.vpcs.get_mut(&format!("vpc-{name}")).unwrap();
        sample::interface(
            vpc,
            &format!("client-{name}"),
            &format!("subnet-{name}"),
            "10.0.0.20",
            None,
            &[&format!("sg-{name}")],
        );
    }
    let lab = Lab::new(t);
    // Only in one of them does anybody listen.
    lab.serve_machine("a", 80);
    lab.works("client-a", "10.0.0.10", 80);
    lab.blocked("client-b", "10.0.0.10", 80);
}
