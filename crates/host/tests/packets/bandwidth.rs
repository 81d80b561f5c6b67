//! Machines are as fast as they are said to be, each way, and no faster.

use crate::lab::Lab;
use host::{Driver, Place};
use net::sample;
use net::topology::{Address, Bandwidth};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SLOW: u64 = 4_000_000;
const FAST: u64 = 4 * SLOW;
/// What comes at once after a rest is over by then.
const BEGINS: Duration = Duration::from_millis(700);
const TAKES: Duration = Duration::from_secs(2);

fn speeds(lab: &mut Lab, machines: &[(&str, u64, u64)]) {
    let vpc = lab.vpc();
    vpc.bandwidths.clear();
    for (machine, receives, sends) in machines {
        let bandwidth = Bandwidth { receives: *receives, sends: *sends };
        vpc.bandwidths.insert((*machine).to_owned(), bandwidth);
    }
    lab.apply();
}

/// Bytes a second that a machine gets from another by one connection.
fn carried(lab: &Lab, from: &str, to: &str, address: &str) -> u64 {
    let address: SocketAddr = address.parse().unwrap();
    let listener = lab.plane.listen(&Place::Machine(to.to_owned()), address).unwrap();
    let machine = Place::Machine(from.to_owned());
    let mut out = lab.plane.connect(&machine, address, Duration::from_secs(5)).unwrap();
    let mut inside = listener.accept().unwrap().0;
    std::thread::spawn(move || while out.write_all(&[7; 1 << 16]).is_ok() {});
    let (mut buffer, mut got, began) = (vec![0; 1 << 18], 0, Instant::now());
    while began.elapsed() < BEGINS + TAKES {
        let read = inside.read(&mut buffer).unwrap();
        if began.elapsed() > BEGINS {
            got += read as u64;
        }
    }
    got * 1_000 / u64::try_from((began.elapsed() - BEGINS).as_millis()).unwrap()
}

fn near(carried: u64, said: u64) {
    assert!(carried < said * 5 / 4 && carried > said / 2, "{carried} of {said}");
}

#[test]
fn a_machine_is_as_fast_as_is_said_each_way() {
    let mut lab = Lab::new(sample::two_tier());
    let to_db = |lab: &Lab| carried(lab, "web", "db", "10.0.2.10:5432");
    assert!(to_db(&lab) > 4 * FAST);
    speeds(&mut lab, &[("web", 1 << 33, SLOW)]);
    near(to_db(&lab), SLOW);
    assert!(lab.count("web/egress/bandwidth") > 0);
    speeds(&mut lab, &[("db", SLOW, 1 << 33)]);
    near(to_db(&lab), SLOW);
    // The slower of the two decides; and one that becomes faster is at once.
    speeds(&mut lab, &[("web", SLOW, FAST), ("db", 4 * FAST, SLOW)]);
    near(to_db(&lab), FAST);
    speeds(&mut lab, &[]);
    assert!(to_db(&lab) > 4 * FAST);
}

#[test]
fn all_interfaces_of_a_machine_are_as_fast_as_it_together() {
    let mut topology = sample::two_tier();
    let vpc = topology.vpcs.get_mut("vpc-1").unwrap();
    let second = vpc.interfaces["eni-db"].clone();
    let mut second = net::topology::NetworkInterface { id: "eni-second".into(), ..second };
    second.mac[5] ^= 1;
    second.addresses = vec![Address { private: sample::ip("10.0.2.11"), public: None }];
    second.attachment.as_mut().unwrap().device = 1;
    vpc.interfaces.insert(second.id.clone(), second);
    let mut lab = Lab::new(topology);
    speeds(&mut lab, &[("db", SLOW, SLOW)]);
    let (first, second) = std::thread::scope(|scope| {
        let lab = &lab;
        let second = scope.spawn(move || carried(lab, "web", "db", "10.0.2.11:5432"));
        (carried(lab, "web", "db", "10.0.2.10:5432"), second.join().unwrap())
    });
    assert!(first > 0 && second > 0);
    near(first + second, SLOW);
}
