//! The model is held against reality: in random topologies, what `net::walk` says of each flow is what packets do.

use crate::lab::{serve, start};
use host::{Driver, Linux, Place};
use net::sample::{self, Dice, ip};
use net::topology::Topology;
use net::walk::{End, Flow, Origin, Transport, Walk, walk};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const TOPOLOGIES: u64 = 30;
/// Beyond this no further topology is begun.
const TIME_MAX: Duration = Duration::from_secs(50);
const INTERNET: [&str; 2] = ["192.0.2.80", "198.51.100.7"];

struct Trial {
    from: Place,
    to: SocketAddr,
    walked: Walk,
}

impl Trial {
    /// What the model says; at a next hop nobody forwards here.
    fn expected(&self) -> bool {
        self.walked.works() && !matches!(self.walked.forward.end, Some(End::NextHop(_)))
    }
}

fn machines(t: &Topology) -> Vec<(String, String, std::net::IpAddr, Option<std::net::IpAddr>)> {
    let mut all = Vec::new();
    for vpc in t.vpcs.values() {
        for i in vpc.interfaces.values().filter(|i| vpc.nat_gateway_at(&i.id).is_none()) {
            if let Some(at) = &i.attachment {
                all.push((at.machine.clone(), i.id.clone(), i.addresses[0].private, i.addresses[0].public));
            }
        }
    }
    all
}

fn trials(t: &Topology, dice: &mut Dice) -> Vec<Trial> {
    let machines = machines(t);
    let mut trials = Vec::new();
    let mut add = |from: Place, origin: Origin, to: std::net::IpAddr, port: u16| {
        let walked = walk(t, &Flow { from: origin, to, transport: Transport::tcp(port) });
        trials.push(Trial { from, to: SocketAddr::new(to, port), walked });
    };
    for (machine, id, private, _) in &machines {
        let place = || Place::Machine(machine.clone());
        let origin = || Origin::Interface { id: id.clone(), source: None };
        for (_, other, address, public) in machines.iter().filter(|m| m.1 != *id && m.2 != *private) {
            let _ = other;
            add(place(), origin(), *address, sample::PORTS[dice.below(3)]);
            if let (Some(public), 0) = (public, dice.below(4)) {
                add(place(), origin(), *public, sample::PORTS[dice.below(3)]);
            }
        }
        for host in INTERNET {
            add(place(), origin(), ip(host), sample::PORTS[dice.below(3)]);
        }
    }
    for public in machines.iter().filter_map(|m| m.3) {
        for host in INTERNET {
            add(Place::Internet(ip(host)), Origin::Internet(ip(host)), public, sample::PORTS[dice.below(3)]);
        }
    }
    trials
}

/// Tries all at once: most of the time is waiting for what does not come.
fn try_all(plane: &Linux, trials: &[Trial]) -> Vec<bool> {
    std::thread::scope(|scope| {
        let tries = trials.iter().map(|trial| {
            // A loaded machine may be slow, but not silent: what should work is given time, and a lost packet is sent
            // again after a second.
            let wait = Duration::from_millis(if trial.expected() { 8000 } else { 400 });
            scope.spawn(move || plane.connect(&trial.from, trial.to, wait).is_ok())
        });
        let tries: Vec<_> = tries.collect();
        tries.into_iter().map(|one| one.join().expect("no panic")).collect()
    })
}

#[test]
fn packets_do_what_the_walk_says() {
    let began = Instant::now();
    let plane = start();
    let (mut tried, mut working, mut topologies) = (0, 0, 0);
    for host in INTERNET {
        for port in sample::PORTS {
            let place = Place::Internet(ip(host));
            serve(plane.listen(&place, SocketAddr::new(ip(host), port)).expect("a listener"));
        }
    }
    for seed in 0..TOPOLOGIES {
        if began.elapsed() > TIME_MAX {
            break;
        }
        topologies += 1;
        let t = sample::random(seed);
        // The VPCs of the last round become those of this one: differences are tried as well as beginnings.
        for vpc in t.vpcs.keys() {
            plane.apply(&t, vpc).unwrap_or_else(|why| panic!("seed {seed}, {vpc}: {why}"));
        }
        for (machine, ..) in machines(&t) {
            for port in sample::PORTS {
                let place = Place::Machine(machine.clone());
                // The one of the round before may still be there.
                match plane.listen(&place, SocketAddr::new(ip("0.0.0.0"), port)) {
                    Ok(listener) => serve(listener),
                    Err(why) => assert!(why.to_string().contains("in use"), "{why}"),
                }
            }
        }
        let trials = trials(&t, &mut Dice::new(seed));
        let got = try_all(&plane, &trials);
        for (trial, got) in trials.iter().zip(got) {
            let (from, to) = (&trial.from, trial.to);
            assert_eq!(got, trial.expected(), "seed {seed}: {from:?} -> {to}\n{:#?}", trial.walked);
            working += usize::from(got);
        }
        tried += trials.len();
    }
    eprintln!("{topologies} topologies, {tried} flows, {working} of them work, in {:?}", began.elapsed());
    // Both kinds, or it shows nothing.
    assert!(topologies >= 5 && working * 10 > tried && working * 10 < tried * 9, "{working} of {tried}");
}
