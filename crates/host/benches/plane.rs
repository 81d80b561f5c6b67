//! What a network costs: `cargo bench -p host --bench plane`.
//!
//! A VPC from nothing; 1,000 interfaces and 100,000 rules; throughput through the rules beside a plain pair of links.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use host::{Driver, Linux, Place, Spawn};
use net::Topology;
use net::sample::{self, anyone};
use net::topology::{Peer, Ports, Target, Traffic};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

fn start() -> Linux {
    Linux::start(Command::new(env!("CARGO_BIN_EXE_virga-host"))).expect("namespaces")
}

fn figures(what: &str, mut times: Vec<Duration>) {
    times.sort();
    println!("{what:<58} best {:>9.1?}  median {:>9.1?}", times[0], times[times.len() / 2]);
}

/// Two subnets with a machine each; public and private.
fn small(name: &str) -> Topology {
    let mut v = sample::vpc(name, "10.0.0.0/16");
    let igw = Target::InternetGateway(format!("igw-{name}"));
    sample::table(&mut v, "rtb-public", &[("0.0.0.0/0", igw)]);
    sample::subnet(&mut v, "subnet-1", "10.0.1.0/24", "rtb-public");
    sample::subnet(&mut v, "subnet-2", "10.0.2.0/24", "rtb-public");
    sample::group(&mut v, "sg", &[(Traffic::All, anyone())], None);
    let machines = [format!("{name}-1"), format!("{name}-2")];
    sample::interface(&mut v, &machines[0], "subnet-1", "10.0.1.10", None, &["sg"]);
    sample::interface(&mut v, &machines[1], "subnet-2", "10.0.2.10", None, &["sg"]);
    Topology { vpcs: [(v.id.clone(), v)].into(), ..Topology::default() }
}

fn from_nothing() {
    let mut starts = Vec::new();
    let (mut applies, mut first_packets) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let began = Instant::now();
        let plane = start();
        starts.push(began.elapsed());
        for n in 0..10 {
            let name = format!("n{n}");
            let topology = small(&name);
            let began = Instant::now();
            plane.apply(&topology, &format!("vpc-{name}")).expect("a VPC");
            applies.push(began.elapsed());
            let to: SocketAddr = "10.0.2.10:80".parse().expect("an address");
            let listener = plane.listen(&Place::Machine(format!("{name}-2")), to).expect("a listener");
            let began = Instant::now();
            plane
                .connect(&Place::Machine(format!("{name}-1")), to, Duration::from_secs(5))
                .expect("a connection");
            first_packets.push(began.elapsed());
            drop(listener);
        }
    }
    figures("host process started", starts);
    figures("VPC, gateway, 2 subnets, 2 interfaces, from nothing", applies);
    figures("first connection between them", first_packets);
}

/// `groups` groups of 100 rules each, among 1,000 interfaces.
fn large(groups: usize, port: u16) -> Topology {
    let mut v = sample::vpc("large", "10.0.0.0/16");
    sample::subnet(&mut v, "subnet-1", "10.0.0.0/18", "rtb-large");
    for g in 0..groups {
        let rule = |n: u16| {
            let block = format!("10.{}.{}.0/24", n / 10, g % 250).parse().expect("a block");
            (Traffic::Tcp(Ports { from: port + n, to: port + n + 5 }), Peer::Cidr(block))
        };
        let mut rules: Vec<_> = (0..99).map(rule).collect();
        rules.push((sample::tcp(80), anyone()));
        sample::group(&mut v, &format!("sg-{g}"), &rules, None);
    }
    for n in 0..1000 {
        let address = format!("10.0.{}.{}", n / 250, n % 250 + 4);
        sample::interface(
            &mut v,
            &format!("m{n}"),
            "subnet-1",
            &address,
            None,
            &[&format!("sg-{}", n % groups)],
        );
    }
    Topology { vpcs: [(v.id.clone(), v)].into(), ..Topology::default() }
}

fn thousands() {
    for groups in [10, 1000] {
        let plane = start();
        let topology = large(groups, 1000);
        let began = Instant::now();
        plane.apply(&topology, "vpc-large").expect("a VPC");
        let all = began.elapsed();
        let changed = large(groups, 2000);
        let began = Instant::now();
        plane.apply(&changed, "vpc-large").expect("other rules");
        println!(
            "1,000 interfaces in {groups:>4} groups of 100 rules: all of it {all:.2?}; all rules changed {:.2?}",
            began.elapsed()
        );
        let began = Instant::now();
        let counters = plane.counters("vpc-large").expect("counters").len();
        println!("  {counters} counters read in {:.1?}", began.elapsed());
        let mut one = large(groups, 2000);
        let vpc = one.vpcs.get_mut("vpc-large").expect("a VPC");
        vpc.security_groups.get_mut("sg-1").expect("a group").ingress[0].traffic = sample::tcp(9);
        let began = Instant::now();
        plane.apply(&one, "vpc-large").expect("another rule");
        println!("  one rule changed in {:.1?}", began.elapsed());
        let began = Instant::now();
        drop(plane);
        println!("  gone in {:.1?}", began.elapsed());
    }
}

/// Gigabits per second through a connection between two machines, one way.
fn throughput(plane: &Linux, from: &str, to: &str, address: &str) -> f64 {
    let address: SocketAddr = address.parse().expect("an address");
    let listener = plane.listen(&Place::Machine(to.to_owned()), address).expect("a listener");
    let mut out = plane
        .connect(&Place::Machine(from.to_owned()), address, Duration::from_secs(5))
        .expect("a connection");
    let mut inside = listener.accept().expect("a connection").0;
    let reader = std::thread::spawn(move || {
        let (mut buffer, mut got, began) = (vec![0; 1 << 18], 0, Instant::now());
        while let Ok(n @ 1..) = inside.read(&mut buffer) {
            got += n;
        }
        got as f64 * 8.0 / began.elapsed().as_secs_f64() / 1e9
    });
    let (buffer, began) = (vec![7; 1 << 18], Instant::now());
    while began.elapsed() < Duration::from_secs(2) {
        out.write_all(&buffer).expect("a connection");
    }
    drop(out);
    reader.join().expect("no panic")
}

fn shell(plane: &Linux, machine: &str, script: &str) -> i32 {
    let command = Spawn {
        program: "sh".into(),
        args: vec!["-ec".into(), script.into()],
        env: vec![("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())],
        ..Spawn::default()
    };
    plane.spawn(machine, command).and_then(|process| process.wait()).expect("a process")
}

fn through_the_rules() {
    let plane = start();
    plane.apply(&small("t"), "vpc-t").expect("a VPC");
    // A plain pair between the same two machines.
    let sleep = Spawn { program: "sleep".into(), args: vec!["600.5".into()], ..Spawn::default() };
    let env = vec![("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())];
    plane.spawn("t-2", Spawn { env, ..sleep }).expect("a process");
    let far = "pid=$(pgrep -f '^sleep 600.5' | head -1); ip link add p0 mtu 9001 type veth peer name p1 mtu 9001 netns $pid; \
               ip addr add 192.168.9.1/24 dev p0; ip link set p0 up";
    let plain = shell(&plane, "t-1", far) == 0
        && shell(&plane, "t-2", "ip addr add 192.168.9.2/24 dev p1; ip link set p1 up") == 0;
    for _ in 0..3 {
        let rules = throughput(&plane, "t-1", "t-2", "10.0.2.10:81");
        if plain {
            let plain = throughput(&plane, "t-1", "t-2", "192.168.9.2:82");
            println!(
                "through router and rules {rules:.2} Gbit/s; plain pair {plain:.2} Gbit/s: {:.0} %",
                rules / plain * 100.0
            );
        } else {
            println!("through router and rules {rules:.2} Gbit/s; no `ip` here to make a plain pair with");
        }
    }
}

fn main() {
    from_nothing();
    thousands();
    through_the_rules();
}
