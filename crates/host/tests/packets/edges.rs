//! Edge associations: what comes in from the internet is led through a machine that looks at it, and so are the answers;
//! and so is what begins inside, which the gateway translates when it comes from that machine.
//! The machine may see one direction only.

use crate::lab::{Lab, SHORT};
use crate::processes::spawn;
use host::{Driver, Place};
use net::Topology;
use net::sample::{self, anyone, ip, tcp};
use net::topology::{Target, Traffic};
use std::io::{Read, Write};

/// `web` behind `inspect`, both ways: the gateway's own table leads in through it, the subnet's leads out through it.
fn inspected() -> Topology {
    let mut v = sample::vpc("1", "10.0.0.0/16");
    let inspect = || Target::NetworkInterface("eni-inspect".into());
    sample::table(&mut v, "rtb-edge", &[("10.0.1.0/24", inspect())]);
    sample::table(&mut v, "rtb-web", &[("0.0.0.0/0", inspect())]);
    sample::table(&mut v, "rtb-inspect", &[("0.0.0.0/0", Target::InternetGateway("igw-1".into()))]);
    sample::subnet(&mut v, "subnet-web", "10.0.1.0/24", "rtb-web");
    sample::subnet(&mut v, "subnet-inspect", "10.0.2.0/24", "rtb-inspect");
    sample::group(&mut v, "sg-web", &[(tcp(80), anyone())], None);
    sample::group(&mut v, "sg-inspect", &[(Traffic::All, anyone())], None);
    sample::interface(&mut v, "web", "subnet-web", "10.0.1.10", Some("203.0.113.10"), &["sg-web"]);
    sample::interface(
        &mut v,
        "inspect",
        "subnet-inspect",
        "10.0.2.10",
        Some("203.0.113.20"),
        &["sg-inspect"],
    );
    if let Some(card) = v.interfaces.get_mut("eni-inspect") {
        card.source_dest_check = false;
    }
    if let Some(gateway) = &mut v.internet_gateway {
        gateway.route_table = Some("rtb-edge".into());
    }
    Topology { vpcs: [(v.id.clone(), v)].into(), ..Topology::default() }
}

#[test]
fn what_comes_in_goes_through_the_machine_that_the_gateways_table_names() {
    let mut lab = Lab::new(inspected());
    lab.serve_machine("web", 80);
    let client = "192.0.2.80";
    // It passes nothing on yet.
    lab.blocked(client, "203.0.113.10", 80);
    forwards(&lab, "inspect");
    assert_eq!(lab.seen_as(client, "203.0.113.10", 80, true), Some(ip(client)));
    assert!(lab.count("sgr-sg-inspect-in-0") > 0);
    // What begins inside goes the same way, and has the public address of whom it is from when it leaves.
    lab.serve(&Place::Internet(ip(client)), client, 81);
    let before = lab.count("sgr-sg-inspect-in-0");
    assert_eq!(lab.seen_as("web", client, 81, true), Some(ip("203.0.113.10")));
    assert!(lab.count("sgr-sg-inspect-in-0") > before);
    // Its own public address is its own.
    assert_eq!(lab.seen_as("inspect", client, 81, true), Some(ip("203.0.113.20")));
    // Who has no public address does not leave, though the machine has one.
    let address = |public: Option<&str>| public.map(ip);
    lab.vpc().interfaces.get_mut("eni-web").unwrap().addresses[0].public = address(None);
    lab.apply();
    lab.blocked("web", client, 81);
    assert!(lab.count("igw-1/no-public-address") > 0);
    lab.vpc().interfaces.get_mut("eni-web").unwrap().addresses[0].public = address(Some("203.0.113.10"));
    lab.apply();
    assert_eq!(lab.seen_as(client, "203.0.113.10", 80, true), Some(ip(client)));
    // With its check it takes only what is its own.
    lab.vpc().interfaces.get_mut("eni-inspect").unwrap().source_dest_check = true;
    lab.apply();
    lab.blocked(client, "203.0.113.10", 80);
    // Without the association it is met by nothing that comes in.
    lab.vpc().internet_gateway.as_mut().unwrap().route_table = None;
    sample::table(lab.vpc(), "rtb-web", &[("0.0.0.0/0", Target::InternetGateway("igw-1".into()))]);
    lab.apply();
    lab.works(client, "203.0.113.10", 80);
}

fn forwards(lab: &Lab, machine: &str) {
    let switch = spawn("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], None);
    assert_eq!(lab.plane.spawn(machine, switch).unwrap().wait().unwrap(), 0);
}

/// Whether bytes go both ways, again and again, through one connection.
fn converse(lab: &Lab, from: &Place, to: (&Place, &str), called: &str) -> bool {
    let listener = lab.plane.listen(to.0, to.1.parse().unwrap()).unwrap();
    let Ok(mut out) = lab.plane.connect(from, called.parse().unwrap(), SHORT * 8) else { return false };
    let mut inside = listener.accept().unwrap().0;
    for stream in [&out, &inside] {
        stream.set_read_timeout(Some(SHORT * 8)).unwrap();
    }
    let mut got = [0; 3];
    (0..5).all(|_| {
        out.write_all(b"ask").is_ok()
            && inside.read_exact(&mut got).is_ok()
            && inside.write_all(b"say").is_ok()
            && out.read_exact(&mut got).is_ok()
    })
}

#[test]
fn answers_may_go_another_way() {
    let mut lab = Lab::new(inspected());
    forwards(&lab, "inspect");
    let (web, host) = (Place::Machine("web".into()), Place::Internet(ip("192.0.2.80")));
    let met = |lab: &Lab| lab.count("sgr-sg-inspect-in-0");
    // In through the machine, and straight out.
    let out = [("0.0.0.0/0", Target::InternetGateway("igw-1".into()))];
    sample::table(lab.vpc(), "rtb-web", &out);
    lab.apply();
    assert!(converse(&lab, &host, (&web, "10.0.1.10:80"), "203.0.113.10:80"));
    assert!(met(&lab) > 0);
    // Out through the machine, and straight in.
    sample::table(lab.vpc(), "rtb-web", &[("0.0.0.0/0", Target::NetworkInterface("eni-inspect".into()))]);
    lab.vpc().internet_gateway.as_mut().unwrap().route_table = None;
    lab.apply();
    let before = met(&lab);
    assert!(converse(&lab, &web, (&host, "192.0.2.80:81"), "192.0.2.80:81"));
    assert!(met(&lab) > before);
    // Its group is asked, though it sees but half.
    sample::group(lab.vpc(), "sg-inspect", &[(tcp(80), anyone())], None);
    lab.apply();
    assert!(!converse(&lab, &web, (&host, "192.0.2.80:81"), "192.0.2.80:81"));
    // So is that of whom it sends on to, for what it sends on.
    sample::group(lab.vpc(), "sg-inspect", &[(Traffic::All, anyone())], Some(&[(tcp(80), anyone())]));
    lab.apply();
    assert!(!converse(&lab, &web, (&host, "192.0.2.80:81"), "192.0.2.80:81"));
}

#[test]
fn within_a_vpc_one_direction_may_go_through_a_machine() {
    let mut lab = Lab::new(inspected());
    forwards(&lab, "inspect");
    let inspect = || Target::NetworkInterface("eni-inspect".into());
    sample::table(lab.vpc(), "rtb-db", &[]);
    sample::subnet(lab.vpc(), "subnet-db", "10.0.3.0/24", "rtb-db");
    sample::group(lab.vpc(), "sg-db", &[(tcp(5432), anyone())], None);
    sample::interface(lab.vpc(), "db", "subnet-db", "10.0.3.10", None, &["sg-db"]);
    sample::table(lab.vpc(), "rtb-web", &[("10.0.3.0/24", inspect())]);
    lab.apply();
    let (web, db) = (Place::Machine("web".into()), Place::Machine("db".into()));
    assert!(converse(&lab, &web, (&db, "10.0.3.10:5432"), "10.0.3.10:5432"));
    assert!(lab.count("sgr-sg-inspect-in-0") > 0);
    assert!(!converse(&lab, &web, (&db, "10.0.3.10:5433"), "10.0.3.10:5433"));
    // The other direction alone.
    sample::table(lab.vpc(), "rtb-web", &[]);
    sample::table(lab.vpc(), "rtb-db", &[("10.0.1.0/24", inspect())]);
    lab.apply();
    assert!(converse(&lab, &web, (&db, "10.0.3.10:5432"), "10.0.3.10:5432"));
}
