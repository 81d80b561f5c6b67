//! The host process: it holds the namespaces and does in them what it is told. It knows nothing of VPCs.
//!
//! It comes up in two steps, each an own process. The first enters new namespaces (user, mount, network, process ids)
//! and waits until its parent has mapped its ids; the second is the first process of the new process namespace, so that
//! all that run in it end with it. It ends when its parent does: its end of the socket is then the only one left.

use super::boot::{Ends, Machine};
use super::disk;
use super::frame::{Frame, Order, Put, Take, receive, send};
use super::guest::{GUEST, Guest, keeper, runs};
use super::listen;
use super::residents::signal_all;
use super::sandbox::Cell;
use super::template::{self, Running};
use super::{groups, powers, usage};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open};
use rustix::thread::{
    LinkNameSpaceType, ThreadNameSpaceType, UnshareFlags, move_into_link_name_space,
    move_into_thread_name_spaces, unshare_unsafe,
};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// The argument of the second step.
const INSIDE: &str = "inside";
/// That of what stands for a program in one.
const RUN: &str = "run";
/// What the first step says and hears on the socket before frames begin.
pub(super) const ENTERED: u8 = b'e';
pub(super) const MAPPED: u8 = b'm';
/// How often it looks whether a template is still needed.
const LOOK: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// The host process's `main`; the socket to its parent is its standard input.
pub fn run_child(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let done = match args.next() {
        Some(word) if word == INSIDE => serve(),
        Some(word) if word == GUEST => return keeper::run(),
        Some(word) if word == RUN => return runs::stand_for(&args.collect::<Vec<_>>()),
        Some(word) if word == listen::WORD => listen::run(args),
        _ => enter(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // 100 and the error's number: the parent words it.
        Err(why) => {
            ExitCode::from(100u8.saturating_add(why.raw_os_error().unwrap_or(0).try_into().unwrap_or(155)))
        }
    }
}

fn enter() -> io::Result<()> {
    let flags = UnshareFlags::NEWUSER | UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWPID;
    // SAFETY: this process has one thread, and descriptors are not unshared.
    unsafe { unshare_unsafe(flags) }?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.write_all(&[ENTERED])?;
    let mut word = [0];
    socket.read_exact(&mut word)?;
    if word != [MAPPED] {
        return Err(Errno::PERM.into());
    }
    drop(socket);
    let status = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1).chain([INSIDE.into()]))
        .env_clear()
        .stdin(Stdio::inherit())
        .status()?;
    groups::sweep();
    if status.success() { Ok(()) } else { Err(Errno::CHILD.into()) }
}

fn serve() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    raise_descriptor_limit();
    // What is mounted here is nobody else's business.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    // A view of this process namespace; where that is not allowed the old one serves as well.
    let _ = mount("proc", "/proc", "proc", MountFlags::empty(), None);
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let home = File::open("/proc/self/ns/net")?;
    let ipv6 = std::path::Path::new("/proc/sys/net/ipv6").exists();
    send(&socket, 0, 0, &Put::default().u8(u8::from(ipv6)).0, &[])?;
    let mut child = Child {
        socket,
        home,
        mounts: File::open("/proc/self/ns/mnt")?,
        spaces: BTreeMap::new(),
        next: 1,
        guarded: powers::are_the_hosts(),
        processes: BTreeMap::new(),
        keepers: BTreeMap::new(),
        templates: Vec::new(),
    };
    child.run()
}

/// Lets this process have as many descriptors as the system allows it: the usual 1,024 are for programs that answer
/// nobody. Where that is refused, it serves as well with what it has, only fewer at a time.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// A network namespace with the sockets by which the kernel is spoken to in it.
pub(super) struct Space {
    namespace: File,
    route: OwnedFd,
    filter: OwnedFd,
    /// Of a machine that is booted: its first process.
    init: Option<OwnedFd>,
    /// What that process keeps, if it is a virtual machine.
    pub(super) guest: Option<Guest>,
}

/// This program again, for another purpose.
pub(super) fn again(purpose: &str) -> Vec<OsString> {
    let own = std::env::args_os().skip(1).filter(|arg| arg != INSIDE);
    std::iter::once("/proc/self/exe".into()).chain(own).chain([purpose.into()]).collect()
}

pub(super) struct Child {
    socket: OwnedFd,
    home: File,
    mounts: File,
    pub(super) spaces: BTreeMap<u32, Space>,
    next: u32,
    /// Root of a machine would be the host's.
    pub(super) guarded: bool,
    /// By process id.
    processes: BTreeMap<i32, OwnedFd>,
    /// Of virtual machines, by the same; where they are told something.
    pub(super) keepers: BTreeMap<i32, UnixStream>,
    templates: Vec<Running>,
}

impl Child {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let readable = {
                let mut fds = vec![PollFd::new(&self.socket, PollFlags::IN)];
                fds.extend(self.processes.values().map(|fd| PollFd::new(fd, PollFlags::IN)));
                // Only templates end by themselves.
                let wait = (!self.templates.is_empty()).then_some(LOOK);
                match poll(&mut fds, wait.as_ref()) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(why) => return Err(why.into()),
                }
                !fds[0].revents().is_empty()
            };
            self.reap()?;
            self.templates.retain(|template| !template.is_idle());
            if readable {
                let Some(frame) = receive(&self.socket)? else { return Ok(()) };
                let id = frame.id;
                match self.obey(frame) {
                    Ok((body, fd)) => {
                        let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
                        send(&self.socket, id, 0, &body.0, &fds)?;
                    }
                    Err(why) => {
                        let errno = why.raw_os_error().unwrap_or_else(|| Errno::INVAL.raw_os_error());
                        send(&self.socket, id, errno.unsigned_abs(), &[], &[])?;
                    }
                }
            }
        }
    }

    /// Tells of processes that have ended. Those whose parents are gone are this process's children too.
    fn reap(&mut self) -> io::Result<()> {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let pid = pid.as_raw_nonzero().get();
            if self.processes.remove(&pid).is_none() {
                continue;
            }
            self.keepers.remove(&pid);
            let signal = || status.terminating_signal().map(|signal| 128 + signal);
            let code = status.exit_status().or_else(signal).unwrap_or(255).unsigned_abs();
            send(&self.socket, 0, 0, &Put::default().u32(pid.unsigned_abs()).u32(code).0, &[])?;
        }
        Ok(())
    }

    fn obey(&mut self, frame: Frame) -> io::Result<(Put, Option<OwnedFd>)> {
        let order = u8::try_from(frame.word).ok().and_then(Order::from_byte).ok_or(Errno::NOSYS)?;
        let mut take = Take(&frame.body);
        let put = Put::default();
        match order {
            Order::NewSpace => self.new_space(&mut take).map(|body| (body, None)),
            Order::DropSpace => {
                if let Some(space) = self.spaces.remove(&take.u32()?) {
                    space.kill_all();
                }
                Ok((put, None))
            }
            Order::Boot => self.boot(&mut take, frame.descriptors).map(|pid| (put.u32(pid), None)),
            Order::Guest => self.guest(&mut take, frame.descriptors).map(|pid| (put.u32(pid), None)),
            Order::Confine => self.confine(&mut take, frame.descriptors).map(|pid| (put.u32(pid), None)),
            Order::Memory => {
                let space = self.spaces.get(&take.u32()?).ok_or(Errno::NODEV)?;
                Ok((put.u64(usage::memory(&space.namespace)?), None))
            }
            Order::Usage => {
                let space = self.spaces.get(&take.u32()?).ok_or(Errno::NODEV)?;
                Ok((usage::usage(&space.namespace)?.into_iter().fold(put, Put::u64), None))
            }
            Order::Freeze => {
                let space = self.spaces.get(&take.u32()?).ok_or(Errno::NODEV)?;
                space.freeze(take.u8()? != 0)?;
                Ok((put, None))
            }
            Order::Plug | Order::Unplug if self.is_guest(&take)? => self.obey_of_guest(order, &mut take),
            Order::Cards => self.cards(&mut take).map(|()| (put, None)),
            Order::Plug => {
                // The machine has no such file, and its own would not be ours.
                let channel = disk::channel()?;
                let key = take.u32()?;
                let device = take.text()?.to_owned();
                self.in_machine(key, || disk::plug(&channel, &device))?;
                Ok((put, Some(channel)))
            }
            Order::Unplug => {
                let key = take.u32()?;
                let (device, force) = (take.text()?.to_owned(), take.u8()? != 0);
                self.in_machine(key, || disk::unplug(&device, force))?;
                Ok((put, None))
            }
            Order::Netlink => {
                let space = self.spaces.get(&take.u32()?).ok_or(Errno::NODEV)?;
                let socket = if take.u8()? == 0 { &space.route } else { &space.filter };
                let dump = take.u8()? != 0;
                Ok((put.bytes(&converse(socket, take.bytes()?, dump)?), None))
            }
            Order::Socket => {
                let key = take.u32()?;
                let (stream, address) = (take.u8()? != 0, take.address()?);
                let listen = take.u8()? != 0;
                let socket = self.within(key, || open(stream, address, listen))?;
                Ok((put, Some(socket)))
            }
            Order::Spawn => self.spawn(&mut take, frame.descriptors).map(|pid| (put.u32(pid), None)),
            Order::Signal => {
                let (pid, signal) = (take.u32()?.cast_signed(), take.u32()?.cast_signed());
                let process = self.processes.get(&pid).ok_or(Errno::SRCH)?;
                let signal = Signal::from_named_raw(signal).ok_or(Errno::INVAL)?;
                if let Some(keeper) = self.keepers.get(&pid).filter(|_| signal == Signal::TERM) {
                    // One that has just ended cannot be told any more.
                    let _ = send(keeper, 0, Order::Signal as u32, &[], &[]);
                    return Ok((put, None));
                }
                rustix::process::pidfd_send_signal(process, signal)?;
                Ok((put, None))
            }
        }
    }

    fn new_space(&mut self, take: &mut Take<'_>) -> io::Result<Put> {
        // SAFETY: this process has one thread, and descriptors are not unshared.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
        let made = Space::here(take);
        self.go_home()?;
        let space = made?;
        let key = self.next;
        self.next += 1;
        let put = Put::default().u32(key).u32(space.namespace.as_raw_fd().unsigned_abs());
        self.spaces.insert(key, space);
        Ok(put)
    }

    /// Does something in a namespace, and comes back.
    fn within<T>(&self, key: u32, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let space = self.spaces.get(&key).ok_or(Errno::NODEV)?;
        move_into_link_name_space(space.namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        let done = work();
        self.go_home()?;
        done
    }

    /// Does something where a booted machine has its files, and comes back.
    pub(super) fn in_machine<T>(&self, key: u32, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let space = self.spaces.get(&key).ok_or(Errno::NODEV)?;
        let init = space.running_init().ok_or(Errno::HOSTUNREACH)?;
        move_into_thread_name_spaces(init.as_fd(), ThreadNameSpaceType::MOUNT)?;
        let done = work();
        if move_into_link_name_space(self.mounts.as_fd(), Some(LinkNameSpaceType::Mount)).is_err() {
            // Among a machine's files this process must not go on.
            std::process::exit(1);
        }
        done
    }

    fn go_home(&self) -> io::Result<()> {
        Ok(move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    fn boot(&mut self, take: &mut Take<'_>, descriptors: Vec<OwnedFd>) -> io::Result<u32> {
        let key = take.u32()?;
        let (mut machine, guarded) = (Machine::read(take)?, self.guarded);
        self.is_off(key)?;
        machine.serve(&descriptors)?;
        self.first_process(key, descriptors, |network, ends| machine.boot(network, ends, guarded))
    }

    fn confine(&mut self, take: &mut Take<'_>, descriptors: Vec<OwnedFd>) -> io::Result<u32> {
        let key = take.u32()?;
        let cell = Cell::read(take)?;
        if let Some(pid) = self.copied(key, &cell, &descriptors)? {
            return Ok(pid);
        }
        // What it sees is found out before anything is begun.
        let steps = cell.steps()?;
        self.first_process(key, descriptors, |network, ends| cell.start(steps, network, ends))
    }

    /// Begins as a copy of a template, where there is one that is ready; else one is there for the next.
    fn copied(&mut self, key: u32, cell: &Cell, descriptors: &[OwnedFd]) -> io::Result<Option<u32>> {
        let Some(wanted) = &cell.template else { return Ok(None) };
        self.is_off(key)?;
        let Some(place) = self.templates.iter().position(|template| template.is(wanted)) else {
            // Where it does not start, programs start as they do without it.
            self.templates.extend(Running::start(wanted));
            return Ok(None);
        };
        let template = &mut self.templates[place];
        if !template.is_ready() {
            return Ok(None);
        }
        let space = self.spaces.get(&key).ok_or(Errno::NODEV)?;
        let handed = template::handed(descriptors, space.namespace.as_fd(), self.mounts.as_fd());
        let copied = template.copy(cell, &handed);
        let Ok(Some(pid)) = copied else {
            self.templates.swap_remove(place);
            return copied.map(|_| None);
        };
        self.adopt_first(key, Pid::from_raw(pid).ok_or(Errno::INVAL)?).map(Some)
    }

    /// Starts what is to be the first process of a new process namespace.
    pub(super) fn first_process(
        &mut self,
        key: u32,
        descriptors: Vec<OwnedFd>,
        start: impl FnOnce(File, Ends) -> io::Result<std::process::Child>,
    ) -> io::Result<u32> {
        let network = self.is_off(key)?.namespace.try_clone()?;
        let ends = Ends::of(descriptors);
        let own = File::open("/proc/self/ns/pid")?;
        // SAFETY: this process has one thread, and descriptors are not unshared.
        unsafe { unshare_unsafe(UnshareFlags::NEWPID) }?;
        let booted = start(network, ends);
        // Children are born here again.
        move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
        self.adopt_first(key, Pid::from_child(&booted?))
    }

    /// The namespace of a machine that is not booted.
    pub(super) fn is_off(&self, key: u32) -> io::Result<&Space> {
        let space = self.spaces.get(&key).ok_or(Errno::NODEV)?;
        if space.running_init().is_some() { Err(Errno::BUSY.into()) } else { Ok(space) }
    }

    fn adopt_first(&mut self, key: u32, process: Pid) -> io::Result<u32> {
        let init = self.adopt(process)?;
        if let (Some(space), Some(descriptor)) = (self.spaces.get_mut(&key), self.processes.get(&init)) {
            space.init = Some(descriptor.try_clone()?);
        }
        Ok(init.unsigned_abs())
    }

    fn spawn(&mut self, take: &mut Take<'_>, descriptors: Vec<OwnedFd>) -> io::Result<u32> {
        let space = self.spaces.get(&take.u32()?).ok_or(Errno::NODEV)?;
        let namespace = space.namespace.try_clone()?;
        let init = space.running_init().map(OwnedFd::try_clone).transpose()?;
        // A guest's programs are not here: somebody stands for them.
        let is_guest = init.is_some() && space.guest.is_some();
        let init = init.filter(|_| !is_guest);
        let program = OsStr::from_bytes(take.bytes()?);
        let words = if is_guest { again(RUN) } else { Vec::new() };
        let mut words = words.into_iter().chain([program.to_owned()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.env_clear().args(words);
        for _ in 0..take.u32()? {
            command.arg(OsStr::from_bytes(take.bytes()?));
        }
        for _ in 0..take.u32()? {
            command.env(OsStr::from_bytes(take.bytes()?), OsStr::from_bytes(take.bytes()?));
        }
        if take.u8()? != 0 && init.is_none() && !is_guest {
            return Err(Errno::HOSTUNREACH.into());
        }
        let Ends { streams: [stdin, stdout, stderr], doors } = Ends::of(descriptors);
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        let own = File::open("/proc/self/ns/pid")?;
        if let Some(init) = &init {
            // Which process namespace a child is born in is decided before it is born.
            move_into_thread_name_spaces(init.as_fd(), ThreadNameSpaceType::PROCESS_ID)?;
        }
        let inside = ThreadNameSpaceType::MOUNT
            | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
            | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION;
        let guarded = self.guarded;
        // SAFETY: the closure makes system calls only, in a child of a process with one thread.
        unsafe {
            command.pre_exec(move || {
                doors.iter().try_for_each(groups::enter)?;
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
                if let Some(init) = &init {
                    move_into_thread_name_spaces(init.as_fd(), inside)?;
                    if guarded {
                        powers::shed()?;
                    }
                }
                Ok(())
            });
        }
        let process = command.spawn();
        move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
        Ok(self.adopt(Pid::from_child(&process?))?.unsigned_abs())
    }

    /// Keeps an eye on a new process.
    fn adopt(&mut self, pid: Pid) -> io::Result<i32> {
        // A process that has ended is still there until it is waited for.
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        let pid = pid.as_raw_nonzero().get();
        self.processes.insert(pid, descriptor);
        Ok(pid)
    }
}

impl Space {
    /// The first process of the machine, while it lives.
    pub(super) fn running_init(&self) -> Option<&OwnedFd> {
        let init = self.init.as_ref()?;
        let mut fds = [PollFd::new(init, PollFlags::IN)];
        let ended = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0);
        (!ended).then_some(init)
    }

    /// Kills what runs in the namespace. A machine's init takes all of it along; processes of one that is not booted
    /// are found by their network.
    fn kill_all(&self) {
        if let Some(init) = self.running_init() {
            let _ = rustix::process::pidfd_send_signal(init, Signal::KILL);
        }
        // Its first process takes all along that could not be found.
        let _ = signal_all(&self.namespace, Signal::KILL);
    }

    /// Stops all that runs in the namespace, or lets it go on: where not all of it can be stopped, none of it is.
    fn freeze(&self, still: bool) -> io::Result<()> {
        if !still {
            return signal_all(&self.namespace, Signal::CONT);
        }
        signal_all(&self.namespace, Signal::STOP).inspect_err(|_| {
            let _ = signal_all(&self.namespace, Signal::CONT);
        })
    }

    /// In the namespace that the thread is in: sets what the order says below `/proc/sys/net`.
    fn here(take: &mut Take<'_>) -> io::Result<Space> {
        let namespace = File::open("/proc/thread-self/ns/net")?;
        for _ in 0..take.u32()? {
            let (path, value) = (take.text()?, take.bytes()?);
            match File::options().write(true).open(format!("/proc/sys/net/{path}")) {
                Ok(mut file) => file.write_all(value)?,
                // A kernel without IPv6 has none of its settings, and needs none.
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => return Err(why),
            }
        }
        let (route, filter) = (netlink_socket(None)?, netlink_socket(Some(netlink::NETFILTER))?);
        // What is done in every new namespace (its loopback link goes up).
        let answers = converse(&route, take.bytes()?, false)?;
        match super::netlink::error(&answers) {
            Some(why) => Err(why),
            None => Ok(Space { namespace, route, filter, init: None, guest: None }),
        }
    }
}

fn netlink_socket(protocol: Option<rustix::net::Protocol>) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    // A transaction is one message: as large as the system allows without privileges.
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, 1 << 22);
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 1 << 22);
    Ok(socket)
}

/// Sends messages and gathers what the kernel says: it has done all of them when it takes them, and says nothing of
/// those that went well. A dump goes on until its end.
fn converse(socket: &OwnedFd, messages: &[u8], dump: bool) -> io::Result<Vec<u8>> {
    const DONE: u16 = 3;
    rustix::net::send(socket, messages, SendFlags::empty())?;
    let mut all = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let flags = if dump { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        let length = match rustix::net::recv(socket, &mut buffer[..], flags) {
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(all),
            Err(Errno::INTR) => continue,
            Err(why) => return Err(why.into()),
        };
        let part = &buffer[..length];
        all.extend_from_slice(part);
        // The last message of a dump stands alone or at the end; an error ends it as well.
        if dump && super::netlink::messages(part).any(|message| message.kind == DONE || message.kind == 2) {
            return Ok(all);
        }
    }
}

fn open(stream: bool, address: SocketAddr, listen: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = if stream { SocketType::STREAM } else { SocketType::DGRAM };
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if listen {
        rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    if listen || !address.ip().is_unspecified() || address.port() != 0 {
        match rustix::net::bind(&socket, &address) {
            // An address of a gateway endpoint is the router's by some route tables only.
            Err(Errno::ADDRNOTAVAIL) => {
                speak_for_others(&socket)?;
                rustix::net::bind(&socket, &address)?;
            }
            other => other?,
        }
    }
    if listen && stream {
        rustix::net::listen(&socket, 1024)?;
    }
    Ok(socket)
}

/// Lets a socket have an address that is not the namespace's own (`IP_TRANSPARENT`).
fn speak_for_others(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).map_err(|_| Errno::INVAL)?;
    let (level, option) = (libc::SOL_IP, libc::IP_TRANSPARENT);
    // SAFETY: the descriptor is open, and the value is a whole int that lives until the call returns.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
