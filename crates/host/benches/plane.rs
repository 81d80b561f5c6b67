//! What a network costs: `cargo bench -p host --bench plane`. With `--hold` a bar that is missed fails it.
//!
//! A VPC from nothing; 1,000 interfaces and 100,000 rules; what a packet costs among them; throughput through the rules
//! beside a plain pair of links.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use host::{Driver, Linux, Place, Spawn};
use net::Topology;
use net::sample::{self, anyone};
use net::topology::{Peer, Ports, Target, Traffic};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// All rules of 1,000 interfaces, 100 of each, are changed within this, whether interfaces share their groups or each has its
/// own.
const RULES_MAX: Duration = Duration::from_secs(1);
/// Through the rules at least this part of what goes through a plain pair of links.
const OF_PLAIN_MIN: f64 = 0.7;
/// A new connection among 100,000 rules takes at most so many times what it takes among one.
const AMONG_RULES_MAX: f64 = 1.5;
const CONNECTIONS: usize = 300;
/// How often what a bar is about is tried: a moment in which the machine has something else to do is no measure.
const TRIES: u16 = 3;

/// A bar: what was measured, and whether that is enough.
fn bar(missed: &mut usize, is_met: bool, text: &str) {
    println!("{} {text}", if is_met { "held  " } else { "MISSED" });
    *missed += usize::from(!is_met);
}

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

/// What a new connection takes where nothing else holds it up. The kernel still tidies up for a while after large changes.
fn connection(plane: &Linux, from: &str, to: &str, address: &str) -> Duration {
    let address: SocketAddr = address.parse().expect("an address");
    let listener = plane.listen(&Place::Machine(to.to_owned()), address).expect("a listener");
    let from = Place::Machine(from.to_owned());
    let one = |_| {
        let began = Instant::now();
        let out = plane.connect(&from, address, Duration::from_secs(5)).expect("a connection");
        let took = began.elapsed();
        drop((listener.accept().expect("a connection"), out));
        took
    };
    let some = |_| {
        std::thread::sleep(Duration::from_millis(500));
        let mut times: Vec<Duration> = (0..CONNECTIONS).map(one).collect();
        times.sort();
        times[times.len() / 10]
    };
    (0..TRIES).map(some).min().unwrap_or_default()
}

fn thousands(missed: &mut usize) {
    let few = start();
    few.apply(&small("few"), "vpc-few").expect("a VPC");
    let among_few = connection(&few, "few-1", "few-2", "10.0.2.10:80");
    drop(few);
    for groups in [10, 1000] {
        let plane = start();
        let topology = large(groups, 1000);
        let began = Instant::now();
        plane.apply(&topology, "vpc-large").expect("a VPC");
        let all = began.elapsed();
        let change = |n: u16| {
            let changed = large(groups, 1000 + 1000 * n);
            let began = Instant::now();
            plane.apply(&changed, "vpc-large").expect("other rules");
            began.elapsed()
        };
        let rules = (1..=TRIES).map(change).min().unwrap_or_default();
        println!("1,000 interfaces in {groups:>4} groups of 100 rules: all of it {all:.2?}");
        let text = format!("  all rules changed in {rules:.2?}, at most {RULES_MAX:.0?}");
        bar(missed, rules <= RULES_MAX, &text);
        // The rule that lets it pass is the last of its group.
        let among_many = connection(&plane, "m0", "m1", "10.0.0.5:80");
        let times = among_many.as_secs_f64() / among_few.as_secs_f64();
        let text = format!(
            "  a new connection in {among_many:.0?}, {times:.2} of the {among_few:.0?} among one rule, at most {AMONG_RULES_MAX}"
        );
        bar(missed, times <= AMONG_RULES_MAX, &text);
        let began = Instant::now();
        let counters = plane.counters("vpc-large").expect("counters").len();
        println!("  {counters} counters read in {:.1?}", began.elapsed());
        let mut one = large(groups, 1000 + 1000 * TRIES);
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

fn through_the_rules(missed: &mut usize) {
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
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let rules = throughput(&plane, "t-1", "t-2", "10.0.2.10:81");
        if plain {
            let plain = throughput(&plane, "t-1", "t-2", "192.168.9.2:82");
            println!(
                "through router and rules {rules:.2} Gbit/s; plain pair {plain:.2} Gbit/s: {:.0} %",
                rules / plain * 100.0
            );
            best = best.max(rules / plain);
        } else {
            println!("through router and rules {rules:.2} Gbit/s; no `ip` here to make a plain pair with");
        }
    }
    if plain {
        let text = format!(
            "  at best {:.0} % of a plain pair, at least {:.0} %",
            best * 100.0,
            OF_PLAIN_MIN * 100.0
        );
        bar(missed, best >= OF_PLAIN_MIN, &text);
    }
}

fn main() -> ExitCode {
    let mut missed = 0;
    from_nothing();
    thousands(&mut missed);
    through_the_rules(&mut missed);
    let holds = std::env::args().any(|argument| argument == "--hold");
    if holds && missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
