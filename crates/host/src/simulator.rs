//! A data plane in memory: nothing is real but what [`net::walk`] says, and sockets that stand in on loopback.

use crate::{Boot, Count, Driver, Flows, HostError, Inventory, Place, Process, Sandbox, Share, Spawn, Usage};
use net::walk::{End, Flow, Origin, Transport, walk};
use net::{Program, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Records programs, and answers by the walk: a connection that would arrive is made on loopback to the listener that
/// stands in for the one in the cloud, and counted under the rules that let it pass or stopped it.
#[derive(Debug, Default)]
pub struct Simulator {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    topology: Topology,
    programs: BTreeMap<String, Program>,
    machines: BTreeSet<String>,
    guests: BTreeSet<String>,
    /// Those among them that have no place in any network.
    lone: BTreeSet<String>,
    /// By which relay they send.
    tethers: BTreeMap<String, String>,
    /// Where the listener for (place, port) really is; by address for hosts on the internet.
    listeners: BTreeMap<(Place, u16), SocketAddr>,
    counts: BTreeMap<String, BTreeMap<String, Count>>,
    booted: BTreeMap<String, Arc<Switch>>,
    shares: BTreeMap<String, Share>,
    /// What machines are said to have used.
    usage: BTreeMap<String, Usage>,
    /// What is said to be missing for virtual machines.
    lacks: Option<String>,
    /// And for disks.
    lacks_disks: Option<String>,
}

/// Whether a machine is on; its exit code when it is off.
#[derive(Debug, Default)]
struct Switch {
    code: Mutex<Option<i32>>,
    changed: Condvar,
}

impl Switch {
    fn code(&self) -> Option<i32> {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn off(&self, code: i32) {
        self.code.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(code);
        self.changed.notify_all();
    }
}

/// Stands for the init of a machine: it runs nothing, and ends at the first signal.
#[derive(Debug)]
struct Booted(Arc<Switch>);

impl Process for Booted {
    fn wait(&self) -> Result<i32, HostError> {
        let code = self.0.code.lock().unwrap_or_else(PoisonError::into_inner);
        let code = self.0.changed.wait_while(code, |code| code.is_none());
        code.unwrap_or_else(PoisonError::into_inner).ok_or(HostError::Ended)
    }

    fn signal(&self, signal: i32) -> Result<(), HostError> {
        self.0.off(128 + signal);
        Ok(())
    }
}

impl Simulator {
    pub fn new() -> Simulator {
        Simulator::default()
    }

    /// What was last applied for a VPC.
    pub fn program(&self, vpc: &str) -> Option<Program> {
        self.state().programs.get(vpc).cloned()
    }

    /// What a machine was last held to.
    pub fn share(&self, machine: &str) -> Option<Share> {
        self.state().shares.get(machine).copied()
    }

    /// Lets it have no virtual machines from now on, and say that this is missing.
    pub fn lack_guests(&self, what: &str) {
        self.state().lacks = Some(what.to_owned());
    }

    /// Lets its machines have no disks from now on, and roots that nothing holds to a size, and say that this is missing.
    pub fn lack_disks(&self, what: &str) {
        self.state().lacks_disks = Some(what.to_owned());
    }

    /// Counts more packets under a name in a VPC.
    pub fn count(&self, vpc: &str, name: &str, more: Count) {
        *self.state().counts.entry(vpc.to_owned()).or_default().entry(name.to_owned()).or_default() += more;
    }

    /// Says what a machine has used so far.
    pub fn use_up(&self, machine: &str, usage: Usage) {
        self.state().usage.insert(machine.to_owned(), usage);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// An interface of the machine.
    fn interface(&self, machine: &str) -> Option<String> {
        let machine = self.tethers.get(machine).map_or(machine, String::as_str);
        let interfaces = self.topology.vpcs.values().flat_map(|vpc| vpc.interfaces.values());
        let mut plugged = interfaces.filter_map(|i| Some((i.attachment.as_ref()?, i)));
        plugged.find(|(at, _)| at.machine == machine && at.device == 0).map(|(_, i)| i.id.clone())
    }

    fn machine_of(&self, interface: &str) -> Option<String> {
        Some(self.topology.interface(interface)?.1.attachment.as_ref()?.machine.clone())
    }

    fn check(&self, place: &Place) -> Result<(), HostError> {
        let (there, id) = match place {
            Place::Internet(_) => return Ok(()),
            Place::Router(vpc) => (self.programs.contains_key(vpc), vpc),
            Place::Machine(machine) => (self.machines.contains(machine), machine),
        };
        if there { Ok(()) } else { Err(HostError::NotThere(id.clone())) }
    }

    /// Where a connection really goes.
    fn resolve(&mut self, from: &Place, to: SocketAddr) -> Option<SocketAddr> {
        let from = match from {
            Place::Internet(address) => Origin::Internet(*address),
            Place::Machine(machine) => Origin::Interface { id: self.interface(machine)?, source: None },
            Place::Router(_) => return None,
        };
        let flow = Flow { from, to: to.ip(), transport: Transport::tcp(to.port()) };
        let walked = walk(&self.topology, &flow);
        let passed = walked.forward.hops.iter().chain(walked.back.iter().flat_map(|path| &path.hops));
        let counted: Vec<_> = passed
            .map(|hop| (hop.vpc.clone(), hop.counter()))
            .chain(walked.obstacles().take(1).map(|o| (o.vpc.clone(), o.counter())))
            .collect();
        for (vpc, name) in counted {
            if let (Some(vpc), Some(name)) = (vpc, name) {
                *self.counts.entry(vpc).or_default().entry(name).or_default() +=
                    Count { packets: 1, bytes: 60 };
            }
        }
        let place = match walked.forward.end.as_ref().filter(|_| walked.works())? {
            End::Interface(id) => Place::Machine(self.machine_of(id)?),
            End::Router(vpc) => Place::Router(vpc.clone()),
            End::GatewayEndpoint(_) => Place::Router(walked.forward.hops.first()?.vpc.clone()?),
            End::Internet => Place::Internet(to.ip()),
            End::NextHop(_) => return None,
        };
        self.listeners.get(&(place, to.port())).copied()
    }
}

/// Stands for a program in a sandbox: it speaks to the last server that listens there as functions do to the Runtime
/// API, and answers each event with the event itself, or with an error where `"fail"` stands in it.
mod echo {
    use std::io::{self, BufRead, BufReader, Read, Write};
    use std::net::{SocketAddr, TcpStream};

    const API: &str = "/2018-06-01/runtime/invocation";

    pub(super) fn start(server: SocketAddr) {
        let _ = std::thread::Builder::new().name("echo".into()).spawn(move || run(server));
    }

    fn run(server: SocketAddr) -> io::Result<()> {
        loop {
            let (id, event) = ask(server, &format!("GET {API}/next"), b"")?;
            let fails = event.windows(6).any(|part| part == b"\"fail\"");
            let error = br#"{"errorMessage":"it was told to","errorType":"Told","stackTrace":[]}"#;
            let (path, body): (_, &[u8]) = if fails { ("error", error) } else { ("response", &event) };
            ask(server, &format!("POST {API}/{id}/{path}"), body)?;
        }
    }

    /// One request by a connection of its own: the id of the invocation and the body of the answer.
    fn ask(server: SocketAddr, line: &str, body: &[u8]) -> io::Result<(String, Vec<u8>)> {
        let mut stream = TcpStream::connect(server)?;
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nhost: runtime\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        )?;
        stream.write_all(body)?;
        let (mut id, mut reader) = (String::new(), BufReader::new(stream));
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("lambda-runtime-aws-request-id")
            {
                value.trim().clone_into(&mut id);
            }
            line.clear();
        }
        let mut answer = Vec::new();
        reader.read_to_end(&mut answer)?;
        Ok((id, answer))
    }
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Driver for Simulator {
    fn apply(&self, topology: &Topology, vpc: &str) -> Result<(), HostError> {
        let mut state = self.state();
        let program = Program::compile(topology, vpc);
        let machines = topology.vpcs.get(vpc).into_iter().flat_map(|vpc| vpc.interfaces.values());
        state.machines.extend(machines.filter_map(|i| Some(i.attachment.as_ref()?.machine.clone())));
        if let Some(known) = topology.vpcs.get(vpc) {
            state.topology.vpcs.insert(vpc.to_owned(), known.clone());
        }
        // What is not a VPC's own is as the last caller knows it.
        state.topology.peerings.clone_from(&topology.peerings);
        state.topology.prefix_lists.clone_from(&topology.prefix_lists);
        state.topology.failed_zones.clone_from(&topology.failed_zones);
        state.programs.insert(vpc.to_owned(), program);
        Ok(())
    }

    fn remove_vpc(&self, vpc: &str) -> Result<(), HostError> {
        let mut state = self.state();
        state.programs.remove(vpc);
        state.topology.vpcs.remove(vpc);
        state.counts.remove(vpc);
        Ok(())
    }

    fn remove_machine(&self, machine: &str) -> Result<(), HostError> {
        let mut state = self.state();
        state.machines.remove(machine);
        state.lone.remove(machine);
        state.shares.remove(machine);
        state.usage.remove(machine);
        state.tethers.remove(machine);
        if let Some(switch) = state.booted.remove(machine) {
            switch.off(128 + 9);
        }
        state.listeners.retain(|(place, _), _| *place != Place::Machine(machine.to_owned()));
        Ok(())
    }

    fn counters(&self, vpc: &str) -> Result<BTreeMap<String, Count>, HostError> {
        let state = self.state();
        state.check(&Place::Router(vpc.to_owned()))?;
        Ok(state.counts.get(vpc).cloned().unwrap_or_default())
    }

    fn flows(&self, vpc: &str) -> Result<Flows, HostError> {
        // Where nothing is real no packet passes.
        self.state().check(&Place::Router(vpc.to_owned())).map(|()| Flows::default())
    }

    fn connect(&self, from: &Place, to: SocketAddr, timeout: Duration) -> Result<TcpStream, HostError> {
        let mut state = self.state();
        state.check(from)?;
        let unreachable = || HostError::Unreachable(to.to_string());
        let real = state.resolve(from, to).ok_or_else(unreachable)?;
        drop(state);
        TcpStream::connect_timeout(&real, timeout).map_err(|_| unreachable())
    }

    fn listen(&self, at: &Place, address: SocketAddr) -> Result<TcpListener, HostError> {
        let mut state = self.state();
        state.check(at)?;
        let refused = |why| HostError::refused(format!("a socket at {address}"), why);
        let listener = TcpListener::bind(LOOPBACK).map_err(refused)?;
        let real = listener.local_addr().map_err(refused)?;
        state.listeners.insert((at.clone(), address.port()), real);
        Ok(listener)
    }

    fn has_ipv6(&self) -> bool {
        true
    }

    fn incarnation(&self, at: &Place) -> Result<u64, HostError> {
        // Listeners stand on loopback, whatever becomes of the place.
        self.state().check(at).map(|()| 0)
    }

    fn datagrams(&self, at: &Place, address: SocketAddr) -> Result<UdpSocket, HostError> {
        self.state().check(at)?;
        UdpSocket::bind(LOOPBACK).map_err(|why| HostError::refused(format!("a socket at {address}"), why))
    }

    fn boot(&self, machine: &str, boot: Boot) -> Result<Box<dyn Process>, HostError> {
        let mut state = self.state();
        state.check(&Place::Machine(machine.to_owned()))?;
        if state.booted.get(machine).is_some_and(|on| on.code().is_none()) {
            return Err(HostError::refused(format!("boot {machine}"), std::io::ErrorKind::ResourceBusy));
        }
        let switch = Arc::new(Switch::default());
        state.booted.insert(machine.to_owned(), Arc::clone(&switch));
        if boot.guest.is_some() {
            state.guests.insert(machine.to_owned());
        }
        Ok(Box::new(Booted(switch)))
    }

    fn guests(&self) -> Result<(), HostError> {
        self.state().lacks.clone().map_or(Ok(()), |what| Err(HostError::Unable(what)))
    }

    fn is_guest(&self, machine: &str) -> bool {
        self.state().guests.contains(machine)
    }

    fn disks(&self) -> Result<(), HostError> {
        self.state().lacks_disks.clone().map_or(Ok(()), |what| Err(HostError::Unable(what)))
    }

    fn plug(&self, machine: &str, _device: &str) -> Result<Option<OwnedFd>, HostError> {
        let state = self.state();
        state.check(&Place::Machine(machine.to_owned()))?;
        match state.booted.get(machine).is_some_and(|on| on.code().is_none()) {
            true => Ok(None),
            false => Err(HostError::refused("plug a disk in", std::io::ErrorKind::HostUnreachable)),
        }
    }

    fn unplug(&self, machine: &str, _device: &str, _force: bool) -> Result<(), HostError> {
        self.state().check(&Place::Machine(machine.to_owned()))
    }

    fn lone_machine(&self, machine: &str) -> Result<(), HostError> {
        let mut state = self.state();
        match state.machines.insert(machine.to_owned()) {
            true => {
                state.lone.insert(machine.to_owned());
                Ok(())
            }
            false => Err(HostError::refused(format!("make {machine}"), std::io::ErrorKind::AlreadyExists)),
        }
    }

    fn tether(&self, machine: &str, relay: &str) -> Result<(), HostError> {
        let mut state = self.state();
        state.check(&Place::Machine(machine.to_owned()))?;
        if !state.programs.values().any(|program| program.relays.contains(relay)) {
            return Err(HostError::NotThere(relay.to_owned()));
        }
        state.tethers.insert(machine.to_owned(), relay.to_owned());
        Ok(())
    }

    fn confine(&self, machine: &str, sandbox: Sandbox) -> Result<Box<dyn Process>, HostError> {
        let place = Place::Machine(machine.to_owned());
        let server = self
            .state()
            .listeners
            .range((place.clone(), 0)..=(place, u16::MAX))
            .next_back()
            .map(|(_, at)| *at);
        let booted = self.boot(machine, Boot { hostname: sandbox.hostname, ..Boot::default() })?;
        if let Some(server) = server {
            echo::start(server);
        }
        Ok(booted)
    }

    fn limit(&self, machine: &str, share: Share) -> Result<(), HostError> {
        self.state().shares.insert(machine.to_owned(), share);
        Ok(())
    }

    fn usage(&self, machine: &str) -> Result<Usage, HostError> {
        let state = self.state();
        state.check(&Place::Machine(machine.to_owned()))?;
        Ok(state.usage.get(machine).copied().unwrap_or_default())
    }

    fn memory(&self, machine: &str) -> Result<u64, HostError> {
        self.state().check(&Place::Machine(machine.to_owned())).map(|()| 0)
    }

    fn freeze(&self, machine: &str, _: bool) -> Result<(), HostError> {
        self.state().check(&Place::Machine(machine.to_owned()))
    }

    fn spawn(&self, machine: &str, _command: Spawn) -> Result<Box<dyn Process>, HostError> {
        self.state().check(&Place::Machine(machine.to_owned()))?;
        Err(HostError::Unable("the simulator runs no processes".to_owned()))
    }

    fn inventory(&self) -> Result<Inventory, HostError> {
        let state = self.state();
        Ok(Inventory {
            vpcs: state.programs.keys().cloned().collect(),
            machines: state.machines.difference(&state.lone).cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::sample;
    use std::io::{Read, Write};

    #[test]
    fn what_the_walk_lets_pass_is_connected_and_counted() {
        let simulator = Simulator::new();
        let topology = sample::two_tier();
        simulator.apply(&topology, "vpc-1").unwrap();
        let db = Place::Machine("db".into());
        let listener = simulator.listen(&db, "0.0.0.0:5432".parse().unwrap()).unwrap();
        let to: SocketAddr = "10.0.2.10:5432".parse().unwrap();
        let second = Duration::from_secs(1);
        let mut out = simulator.connect(&Place::Machine("web".into()), to, second).unwrap();
        out.write_all(b"x").unwrap();
        listener.accept().unwrap().0.read_exact(&mut [0]).unwrap();
        assert!(simulator.connect(&Place::Machine("app".into()), to, second).is_err());
        let counts = simulator.counters("vpc-1").unwrap();
        assert_eq!(counts["sgr-sg-db-in-0"].packets, 1);
        assert_eq!(counts["eni-db/ingress/none"].packets, 1);
        assert!(simulator.program("vpc-1").is_some());
        simulator.remove_vpc("vpc-1").unwrap();
        assert!(matches!(simulator.counters("vpc-1"), Err(HostError::NotThere(_))));
    }
}
