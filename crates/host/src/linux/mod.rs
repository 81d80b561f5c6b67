//! The data plane on Linux: the parent's side of the host process.

mod boot;
mod child;
mod counters;
mod cover;
mod disk;
mod filter;
mod flows;
mod frame;
mod groups;
mod guest;
mod interruptions;
mod links;
mod listen;
mod netlink;
mod plane;
mod powers;
mod process;
mod residents;
mod room;
mod sandbox;
mod start;
mod steps;
mod template;
mod usage;

pub use child::{raise_descriptor_limit, run_child};
pub use disk::missing as missing_for_disks;
pub use groups::missing as missing_for_limits;
pub use start::{Missing, missing, missing_for_logins};

use crate::{Boot, Count, Driver, Flows, HostError, Inventory, Place, Process, Sandbox, Share, Spawn, Usage};
use frame::{Order, Put, Take};
use groups::Groups;
use net::Topology;
use netlink::Messages;
use plane::Plane;
use process::Exits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// The data plane in a host process of its own. When it is dropped, or its owner dies, nothing is left.
#[derive(Debug)]
pub struct Linux {
    line: Arc<Line>,
    plane: Mutex<Plane>,
    child: Mutex<std::process::Child>,
    inside: u32,
    /// Or why there are none. They end after the host process.
    groups: Mutex<Result<Groups, String>>,
}

/// The line to the host process. Orders may be given by many threads; answers find their way by number.
#[derive(Debug)]
struct Line {
    socket: UnixStream,
    waiting: Mutex<Waiting>,
    /// Held while a frame is written, so that frames do not mix; not while answers are handed out.
    writing: Mutex<()>,
    exits: Exits,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u32,
    answers: HashMap<u32, mpsc::Sender<frame::Frame>>,
    ended: bool,
}

impl Linux {
    /// Starts the host process: a program that does nothing but call [`run_child`], with the arguments that lead there
    /// (`virga host`).
    ///
    /// # Errors
    /// [`HostError::Unable`] when this machine does not let it make its namespaces.
    pub fn start(mut command: Command) -> Result<Linux, HostError> {
        let groups = Groups::find();
        if let Ok(groups) = &groups {
            command.env(groups::HOMES, groups.homes());
        }
        let start::Started { child, socket, ipv6, inside } = start::start(command)?;
        let line = Arc::new(Line {
            socket,
            waiting: Mutex::new(Waiting { next: 1, ..Waiting::default() }),
            writing: Mutex::new(()),
            exits: Exits::default(),
        });
        let reader = Arc::clone(&line);
        std::thread::Builder::new()
            .name("host-answers".into())
            .spawn(move || reader.read())
            .map_err(|why| HostError::refused("start a thread", why))?;
        let plane = Plane::new(Arc::clone(&line), ipv6)?;
        Ok(Linux {
            line,
            plane: Mutex::new(plane),
            child: Mutex::new(child),
            inside,
            groups: Mutex::new(groups),
        })
    }

    /// The host process, for whoever looks at it from outside.
    pub fn process_id(&self) -> u32 {
        self.inside
    }

    fn plane(&self) -> MutexGuard<'_, Plane> {
        self.plane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn groups(&self) -> MutexGuard<'_, Result<Groups, String>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a machine is, and the doors of its groups.
    fn machine(&self, machine: &str) -> Result<(u32, Vec<File>), HostError> {
        let space = self.plane().place(&Place::Machine(machine.to_owned()))?;
        let refused = |why| HostError::refused(format!("enter the groups of {machine}"), why);
        match &*self.groups() {
            Ok(groups) => Ok((space, groups.doors(machine).map_err(refused)?)),
            Err(_) => Ok((space, Vec::new())),
        }
    }

    /// Numbers that a machine is measured by.
    fn measure<const N: usize>(&self, machine: &str, order: Order) -> Result<[u64; N], HostError> {
        let space = self.plane().place(&Place::Machine(machine.to_owned()))?;
        let answer = self.line.call(order, &Put::default().u32(space).0, &[])?;
        let (body, _) = answer.map_err(|why| HostError::refused("measure a machine", why))?;
        let mut take = Take(&body);
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = take.u64().map_err(|_| HostError::Ended)?;
        }
        Ok(numbers)
    }

    fn socket(
        &self,
        at: &Place,
        stream: bool,
        address: SocketAddr,
        listen: bool,
    ) -> Result<OwnedFd, HostError> {
        let space = self.plane().place(at)?;
        let body = Put::default().u32(space).u8(u8::from(stream)).address(address).u8(u8::from(listen));
        let (_, descriptors) = self
            .line
            .call(Order::Socket, &body.0, &[])?
            .map_err(|why| HostError::refused(format!("a socket at {address}"), why))?;
        descriptors.into_iter().next().ok_or(HostError::Ended)
    }
}

impl Drop for Linux {
    fn drop(&mut self) {
        let _ = self.line.socket.shutdown(std::net::Shutdown::Both);
        // It ends by itself now, and everything with it; waiting makes sure that nothing is left when we return.
        let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

impl Line {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands answers to those who wait, until the host process is gone.
    fn read(&self) {
        while let Ok(Some(frame)) = frame::receive(&self.socket) {
            if frame.id == 0 {
                let mut take = Take(&frame.body);
                if let (Ok(pid), Ok(code)) = (take.u32(), take.u32()) {
                    self.exits.ended(pid, code.cast_signed());
                }
            } else if let Some(answer) = self.waiting().answers.remove(&frame.id) {
                let _ = answer.send(frame);
            }
        }
        let mut waiting = self.waiting();
        waiting.ended = true;
        waiting.answers.clear();
        self.exits.all_ended();
    }

    /// Gives an order. Orders are done in turn; the answer can be waited for later.
    fn post(
        &self,
        order: Order,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<mpsc::Receiver<frame::Frame>, HostError> {
        let (sender, receiver) = mpsc::channel();
        let mut waiting = self.waiting();
        if waiting.ended {
            return Err(HostError::Ended);
        }
        let id = waiting.next;
        waiting.next = waiting.next.checked_add(1).unwrap_or(1);
        waiting.answers.insert(id, sender);
        drop(waiting);
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        frame::send(&self.socket, id, order as u32, body, descriptors).map_err(|_| HostError::Ended)?;
        Ok(receiver)
    }

    /// Gives an order and waits; the inner error is the child's own.
    fn call(&self, order: Order, body: &[u8], descriptors: &[BorrowedFd<'_>]) -> Answer {
        answer(&self.post(order, body, descriptors)?)
    }

    /// Sends messages into a namespace: `filter` by the netfilter socket, else by the routing one.
    fn post_netlink(&self, space: u32, filter: bool, mut messages: Messages) -> Result<Posted, HostError> {
        let head = Put::default().u32(space).u8(u8::from(filter)).u8(u8::from(messages.dump));
        let receiver = self.post(Order::Netlink, &head.bytes(&messages.bytes).0, &[])?;
        messages.bytes = Vec::new();
        Ok(Posted { receiver, messages })
    }

    /// The same, and waits for what comes.
    fn netlink(&self, space: u32, filter: bool, messages: Messages) -> Result<Vec<u8>, HostError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        self.post_netlink(space, filter, messages)?.wait()
    }
}

/// What the child says to an order: a body and descriptors, or why not.
type Answer = Result<io::Result<(Vec<u8>, Vec<OwnedFd>)>, HostError>;

fn answer(receiver: &mpsc::Receiver<frame::Frame>) -> Answer {
    let frame = receiver.recv().map_err(|_| HostError::Ended)?;
    if frame.word == 0 {
        Ok(Ok((frame.body, frame.descriptors)))
    } else {
        Ok(Err(io::Error::from_raw_os_error(frame.word.cast_signed())))
    }
}

/// Messages that are under way.
#[derive(Debug)]
struct Posted {
    receiver: mpsc::Receiver<frame::Frame>,
    /// Their steps, for the wording.
    messages: Messages,
}

impl Posted {
    /// Waits for what the kernel answered.
    fn wait(self) -> Result<Vec<u8>, HostError> {
        let (body, _) =
            answer(&self.receiver)?.map_err(|why| HostError::refused("speak with the kernel", why))?;
        let answers = Take(&body).bytes().map_err(|_| HostError::Ended)?.to_vec();
        match self.messages.refused(&answers) {
            Some((step, why)) => Err(HostError::refused(step, why)),
            None => Ok(answers),
        }
    }
}

impl Driver for Linux {
    fn apply(&self, topology: &Topology, vpc: &str) -> Result<(), HostError> {
        self.plane().apply(topology, vpc)
    }

    fn remove_vpc(&self, vpc: &str) -> Result<(), HostError> {
        self.plane().remove_vpc(vpc)
    }

    fn remove_machine(&self, machine: &str) -> Result<(), HostError> {
        self.plane().remove_machine(machine)?;
        if let Ok(groups) = &mut *self.groups() {
            groups.remove(machine);
        }
        Ok(())
    }

    fn counters(&self, vpc: &str) -> Result<BTreeMap<String, Count>, HostError> {
        self.plane().counters(vpc)
    }

    fn flows(&self, vpc: &str) -> Result<Flows, HostError> {
        self.plane().flows(vpc)
    }

    fn connect(&self, from: &Place, to: SocketAddr, timeout: Duration) -> Result<TcpStream, HostError> {
        let source = match from {
            Place::Internet(address) => *address,
            _ if to.is_ipv4() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = self.socket(from, true, SocketAddr::new(source, 0), false)?;
        connect_within(&socket, to, timeout)
            .map_err(|why| HostError::Unreachable(format!("{to} ({why})")))?;
        Ok(TcpStream::from(socket))
    }

    fn listen(&self, at: &Place, address: SocketAddr) -> Result<TcpListener, HostError> {
        Ok(TcpListener::from(self.socket(at, true, address, true)?))
    }

    fn has_ipv6(&self) -> bool {
        self.plane().ipv6
    }

    fn incarnation(&self, at: &Place) -> Result<u64, HostError> {
        Ok(self.plane().place(at)?.into())
    }

    fn datagrams(&self, at: &Place, address: SocketAddr) -> Result<UdpSocket, HostError> {
        Ok(UdpSocket::from(self.socket(at, false, address, true)?))
    }

    fn boot(&self, machine: &str, boot: Boot) -> Result<Box<dyn Process>, HostError> {
        let (space, doors) = self.machine(machine)?;
        let Some(own) = boot.guest.clone() else { return process::boot(&self.line, space, boot, &doors) };
        let made = process::machine(boot);
        let made = made.map_err(|why| HostError::refused(format!("boot {machine}"), why))?;
        guest::boot(&self.line, || self.plane(), machine, own, made, &doors)
    }

    fn guests(&self) -> Result<(), HostError> {
        crate::guest::missing_for_guests().map_or(Ok(()), |what| Err(HostError::Unable(what)))
    }

    fn is_guest(&self, machine: &str) -> bool {
        self.plane().machines.get(machine).is_some_and(|machine| machine.is_silent)
    }

    fn spawn(&self, machine: &str, command: Spawn) -> Result<Box<dyn Process>, HostError> {
        let (space, doors) = self.machine(machine)?;
        process::spawn(&self.line, space, command, &doors)
    }

    fn disks(&self) -> Result<(), HostError> {
        disk::missing().map_or(Ok(()), |what| Err(HostError::Unable(what)))
    }

    fn plug(&self, machine: &str, device: &str) -> Result<Option<OwnedFd>, HostError> {
        let space = self.plane().place(&Place::Machine(machine.to_owned()))?;
        let body = Put::default().u32(space).bytes(device.as_bytes());
        let answer = self.line.call(Order::Plug, &body.0, &[])?;
        let refused = |why| HostError::refused(format!("plug a disk in as {device}"), why);
        let (_, descriptors) = answer.map_err(refused)?;
        descriptors.into_iter().next().map(Some).ok_or(HostError::Ended)
    }

    fn unplug(&self, machine: &str, device: &str, force: bool) -> Result<(), HostError> {
        let space = self.plane().place(&Place::Machine(machine.to_owned()))?;
        let body = Put::default().u32(space).bytes(device.as_bytes()).u8(u8::from(force));
        let answer = self.line.call(Order::Unplug, &body.0, &[])?;
        answer.map(|_| ()).map_err(|why| HostError::refused(format!("pull the disk {device} out"), why))
    }

    fn lone_machine(&self, machine: &str) -> Result<(), HostError> {
        self.plane().lone_machine(machine)
    }

    fn tether(&self, machine: &str, relay: &str) -> Result<(), HostError> {
        self.plane().tether(machine, relay)
    }

    fn confine(&self, machine: &str, sandbox: Sandbox) -> Result<Box<dyn Process>, HostError> {
        let (space, doors) = self.machine(machine)?;
        sandbox::confine(&self.line, space, sandbox, &doors)
    }

    fn memory(&self, machine: &str) -> Result<u64, HostError> {
        let [bytes] = self.measure(machine, Order::Memory)?;
        Ok(bytes)
    }

    fn limit(&self, machine: &str, share: Share) -> Result<(), HostError> {
        match &mut *self.groups() {
            Ok(groups) => groups.limit(machine, share),
            Err(why) => Err(HostError::Unable(why.clone())),
        }
    }

    fn usage(&self, machine: &str) -> Result<Usage, HostError> {
        let [ticks, bytes_in, packets_in, bytes_out, packets_out] = self.measure(machine, Order::Usage)?;
        Ok(Usage {
            // The kernel tells it to programs in hundredths of a second.
            processor: Duration::from_millis(ticks.saturating_mul(10)),
            received: Count { packets: packets_in, bytes: bytes_in },
            sent: Count { packets: packets_out, bytes: bytes_out },
        })
    }

    fn freeze(&self, machine: &str, still: bool) -> Result<(), HostError> {
        let space = self.plane().place(&Place::Machine(machine.to_owned()))?;
        let body = Put::default().u32(space).u8(u8::from(still)).0;
        let answer = self.line.call(Order::Freeze, &body, &[])?;
        answer.map(drop).map_err(|why| HostError::refused("stop a machine or let it go on", why))
    }

    fn inventory(&self) -> Result<Inventory, HostError> {
        Ok(self.plane().inventory())
    }
}

/// A socket belongs to the namespace that it was made in, wherever it is connected from.
fn connect_within(socket: &OwnedFd, to: SocketAddr, timeout: Duration) -> io::Result<()> {
    rustix::io::ioctl_fionbio(socket, true)?;
    match rustix::net::connect(socket, &to) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
        Err(why) => return Err(why.into()),
    }
    let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut fds = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT)];
    if poll(&mut fds, Some(&timeout))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    rustix::net::sockopt::socket_error(socket)??;
    rustix::io::ioctl_fionbio(socket, false)?;
    Ok(())
}
