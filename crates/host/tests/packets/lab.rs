//! A data plane to try things on, with machines that listen.

use host::{Driver, Linux, Place};
use net::Topology;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

pub(crate) struct Lab {
    pub(crate) plane: Linux,
    pub(crate) topology: Topology,
}

/// How long a packet that is not dropped may take here at worst, and how long we wait for one that is.
const LONG: Duration = Duration::from_secs(5);
pub(crate) const SHORT: Duration = Duration::from_millis(250);

pub(crate) fn start() -> Linux {
    Linux::start(Command::new(env!("CARGO_BIN_EXE_virga-host")))
        .expect("namespaces are needed for these tests")
}

impl Lab {
    pub(crate) fn new(topology: Topology) -> Lab {
        let lab = Lab { plane: start(), topology };
        lab.apply();
        lab
    }

    /// Makes every VPC what the topology says.
    pub(crate) fn apply(&self) {
        for vpc in self.topology.vpcs.keys() {
            self.plane.apply(&self.topology, vpc).unwrap_or_else(|why| panic!("{vpc}: {why}"));
        }
    }

    pub(crate) fn vpc(&mut self) -> &mut net::topology::Vpc {
        self.topology.vpcs.values_mut().next().expect("a VPC")
    }

    /// Answers every connection to the port with the address that it came from.
    pub(crate) fn serve(&self, place: &Place, address: &str, port: u16) {
        let address = SocketAddr::new(address.parse().expect("an address"), port);
        serve(self.plane.listen(place, address).unwrap_or_else(|why| panic!("{place:?}: {why}")));
    }

    pub(crate) fn serve_machine(&self, machine: &str, port: u16) {
        self.serve(&Place::Machine(machine.to_owned()), "0.0.0.0", port);
    }

    /// Who the other side says that we are; none when it cannot be reached. `expected` decides how long we wait.
    pub(crate) fn seen_as(&self, from: &str, to: &str, port: u16, expected: bool) -> Option<IpAddr> {
        let from = match from.parse() {
            Ok(address) => Place::Internet(address),
            Err(_) => Place::Machine(from.to_owned()),
        };
        let to = SocketAddr::new(to.parse().expect("an address"), port);
        let mut stream = self.plane.connect(&from, to, if expected { LONG } else { SHORT }).ok()?;
        stream.set_read_timeout(Some(LONG)).expect("a socket");
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.parse().ok()
    }

    pub(crate) fn works(&self, from: &str, to: &str, port: u16) {
        assert!(self.seen_as(from, to, port, true).is_some(), "{from} -> {to}:{port} is blocked");
    }

    pub(crate) fn blocked(&self, from: &str, to: &str, port: u16) {
        assert!(self.seen_as(from, to, port, false).is_none(), "{from} -> {to}:{port} works");
    }

    /// How often a rule of the VPC was met.
    pub(crate) fn count(&self, rule: &str) -> u64 {
        let vpc = self.topology.vpcs.keys().next().expect("a VPC");
        self.plane.counters(vpc).expect("counters").get(rule).map_or(0, |count| count.packets)
    }
}

pub(crate) fn serve(listener: TcpListener) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || answer(stream));
        }
    });
}

/// Says who called, then echoes until the caller is done.
fn answer(mut stream: TcpStream) {
    let Ok(peer) = stream.peer_addr() else { return };
    let _ = stream.write_all(peer.ip().to_string().as_bytes());
    let _ = stream.shutdown(std::net::Shutdown::Write);
}
