//! Sandboxes that send by an interface of a VPC.

use crate::lab::{Lab, SHORT};
use host::{Driver, HostError, Place};
use net::sample::{self, ip};
use std::net::SocketAddr;

/// The two-tier VPC with a relay in its private subnet, which is in the web servers' group, and two sandboxes behind it.
fn lab() -> Lab {
    let mut topology = sample::two_tier();
    let vpc = topology.vpcs.values_mut().next().unwrap();
    sample::interface(vpc, "relay", "subnet-private", "10.0.2.77", None, &["sg-web"]);
    vpc.relays.insert("relay".into());
    let lab = Lab::new(topology);
    for sandbox in ["one", "two"] {
        lab.plane.lone_machine(sandbox).unwrap();
        lab.plane.tether(sandbox, "relay").unwrap();
    }
    for (machine, port) in [("web", 80), ("db", 5432), ("db", 80), ("two", 80), ("relay", 80)] {
        lab.serve_machine(machine, port);
    }
    lab.serve(&Place::Internet(ip("192.0.2.80")), "192.0.2.80", 80);
    lab
}

#[test]
fn what_they_send_comes_from_the_interface_and_obeys_its_rules() {
    let mut lab = lab();
    for sandbox in ["one", "two"] {
        assert_eq!(lab.seen_as(sandbox, "10.0.2.10", 5432, true), Some(ip("10.0.2.77")));
        lab.blocked(sandbox, "10.0.2.10", 80);
        // Out by the gateway of the subnet.
        assert_eq!(lab.seen_as(sandbox, "192.0.2.80", 80, true), Some(ip("203.0.113.50")));
    }
    assert!(lab.count("sgr-sg-db-in-0") >= 2);
    sample::table(lab.vpc(), "rtb-private", &[]);
    lab.apply();
    lab.blocked("one", "192.0.2.80", 80);
    lab.works("one", "10.0.2.10", 5432);
}

#[test]
fn nobody_reaches_them_nor_they_each_other() {
    let lab = lab();
    for address in ["169.254.64.1", "169.254.64.2", "10.0.2.77", "169.254.0.1"] {
        lab.blocked("one", address, 80);
        lab.blocked("web", address, 80);
        lab.blocked("db", address, 80);
    }
}

#[test]
fn they_go_alone_and_with_their_relay() {
    let mut lab = lab();
    assert!(matches!(lab.plane.tether("none", "relay"), Err(HostError::NotThere(id)) if id == "none"));
    lab.plane.lone_machine("three").unwrap();
    // A machine that translates nothing is none to send by.
    assert!(matches!(lab.plane.tether("three", "db"), Err(HostError::NotThere(id)) if id == "db"));
    assert!(matches!(lab.plane.tether("one", "relay"), Err(HostError::Refused { .. })));
    lab.plane.remove_machine("one").unwrap();
    // The place that it had is free.
    lab.plane.tether("three", "relay").unwrap();
    lab.works("three", "10.0.2.10", 5432);
    let relay = Place::Machine("relay".into());
    let before = lab.plane.incarnation(&relay).unwrap();
    lab.vpc().interfaces.remove("eni-relay");
    lab.apply();
    lab.plane.remove_machine("relay").unwrap();
    let db: SocketAddr = "10.0.2.10:5432".parse().unwrap();
    assert!(lab.plane.connect(&Place::Machine("three".into()), db, SHORT).is_err());
    sample::interface(lab.vpc(), "relay", "subnet-private", "10.0.2.77", None, &["sg-web"]);
    lab.apply();
    assert_ne!(lab.plane.incarnation(&relay).unwrap(), before);
    lab.plane.lone_machine("four").unwrap();
    lab.plane.tether("four", "relay").unwrap();
    lab.works("four", "10.0.2.10", 5432);
}
