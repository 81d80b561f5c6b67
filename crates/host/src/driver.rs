//! What services ask of a data plane.

use crate::image::Bind;
use crate::{HostError, Sandbox, Share};
use net::Topology;
use net::program::flows::FlowKey;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

/// Where in the cloud something is done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The internet of the cloud (not the developer's), as the host that has this address.
    Internet(IpAddr),
    /// A VPC's router, where its resolver, metadata and gateway endpoints answer.
    Router(String),
    /// A machine: whatever interfaces are attached to.
    Machine(String),
}

/// What a rule has seen. A rule of connections (a security group's) counts their first packets only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub packets: u64,
    pub bytes: u64,
}

/// What watched interfaces have passed and refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    pub flows: Vec<Flow>,
    /// There were more than could be counted.
    pub overflown: bool,
}

/// Packets that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    pub key: FlowKey,
    pub count: Count,
    /// How long ago the last of them came.
    pub ago: Duration,
}

/// What a machine has used since it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How long processors have worked for it, all together.
    pub processor: Duration,
    pub received: Count,
    pub sent: Count,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// A program to be run in a machine's network.
#[derive(Debug, Default)]
pub struct Spawn {
    /// Found by path, or in the `PATH` of Virga.
    pub program: OsString,
    pub args: Vec<OsString>,
    /// Beside nothing: the environment is not passed on.
    pub env: Vec<(OsString, OsString)>,
    pub stdin: Option<OwnedFd>,
    pub stdout: Option<OwnedFd>,
    pub stderr: Option<OwnedFd>,
    /// Only if the machine is booted: else it would see what the data plane sees, and is refused.
    pub booted: bool,
}

/// A machine to be booted: a system container, or a virtual machine.
#[derive(Debug, Default)]
pub struct Boot {
    /// Folders that its root file system is made of, read-only, the uppermost first.
    pub layers: Vec<PathBuf>,
    /// A folder of its own, where what it changes is kept over reboots. On a file system that can hold an overlay.
    pub disk: PathBuf,
    pub binds: Vec<Bind>,
    pub hostname: OsString,
    /// Its first process; when that ends, all of the machine's do.
    pub init: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    /// Where what init says goes.
    pub console: Option<OwnedFd>,
    /// How many bytes its files may take, which may change while it runs ([`crate::room`]). Without it they may take all that
    /// this machine has.
    pub room: Option<u64>,
    /// Under which what it writes is sealed ([`crate::seal`]): only where its files have a room.
    pub key: Option<crate::seal::Key>,
    /// Where stands how fast all its volumes may be together ([`crate::pace::Common`]).
    pub pace: Option<PathBuf>,
    /// It has a kernel of its own.
    pub guest: Option<Guest>,
}

/// A virtual machine's hardware.
#[derive(Clone, Debug)]
pub struct Guest {
    /// What of this machine it is built of.
    pub share: Share,
    /// What it calls itself.
    pub product: String,
    /// How many interfaces it may have at a time.
    pub interfaces: u32,
    /// The name of a disk that it boots from by itself, as soon as that is plugged in. Nothing else of the boot's is used
    /// then but the interfaces, the folder and the console. Without one it has the layers, and a kernel of ours.
    pub root: Option<String>,
}

/// A process in a machine's network. It ends with the data plane at the latest.
pub trait Process: Send + Sync + Debug {
    /// Waits for its end: the exit code, or 128 and the signal's number. One may wait while others send signals.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    fn wait(&self) -> Result<i32, HostError>;

    /// Sends a signal.
    ///
    /// # Errors
    /// [`HostError::Ended`]; a process that has ended is no error.
    fn signal(&self, signal: i32) -> Result<(), HostError>;
}

/// A data plane. Calls block; none takes longer than its work.
pub trait Driver: Send + Sync + Debug {
    /// Makes a VPC what the topology says, whatever it was before: as little as possible is touched, connections and
    /// counters live on. Machines that interfaces are attached to come into being. If it fails, the VPC's router is
    /// gone, and the next call makes all of it.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::Ended`]
    fn apply(&self, topology: &Topology, vpc: &str) -> Result<(), HostError>;

    /// Takes a VPC's router away, with all links. Machines stay.
    ///
    /// # Errors
    /// [`HostError::Ended`]; a VPC that is not there is none.
    fn remove_vpc(&self, vpc: &str) -> Result<(), HostError>;

    /// Takes a machine away, and kills the processes that run in it.
    ///
    /// # Errors
    /// [`HostError::Ended`]; a machine that is not there is none.
    fn remove_machine(&self, machine: &str) -> Result<(), HostError>;

    /// What the rules of a VPC have seen, by name (`sgr-…`, `acl-…/ingress/100`, `eni-…/egress/none`, …): since the
    /// VPC was made, over changes of the rules.
    ///
    /// # Errors
    /// [`HostError::NotThere`], [`HostError::Ended`]
    fn counters(&self, vpc: &str) -> Result<BTreeMap<String, Count>, HostError>;

    /// What the watched interfaces of a VPC have passed and refused since this was last asked. Nothing is told twice; what
    /// is not told before the VPC is removed, or watched no more, is lost.
    ///
    /// # Errors
    /// [`HostError::NotThere`], [`HostError::Refused`], [`HostError::Ended`]
    fn flows(&self, vpc: &str) -> Result<Flows, HostError>;

    /// A connection out of a place.
    ///
    /// # Errors
    /// [`HostError::Unreachable`] when there is no answer in time or it is "no".
    fn connect(&self, from: &Place, to: SocketAddr, timeout: Duration) -> Result<TcpStream, HostError>;

    /// A socket that listens at a place: at a machine's own address, at one of a router's or of its gateway endpoints',
    /// at a host's on the internet. At any other address it hears nothing.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`]
    fn listen(&self, at: &Place, address: SocketAddr) -> Result<TcpListener, HostError>;

    /// Whether packets of IPv6 go anywhere; without, addresses of it are left out.
    fn has_ipv6(&self) -> bool;

    /// A number that is another when the place was made anew: sockets of the old one hear nothing any more.
    ///
    /// # Errors
    /// [`HostError::NotThere`], [`HostError::Ended`]
    fn incarnation(&self, at: &Place) -> Result<u64, HostError>;

    /// A datagram socket at a place. What it sends from an address that is not the place's own is what it says: spoofed.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`]
    fn datagrams(&self, at: &Place, address: SocketAddr) -> Result<UdpSocket, HostError>;

    /// Boots a machine that interfaces are attached to. The process is its init.
    ///
    /// Its root is root of the data plane's user namespace: it may do in its own namespaces what root may, and nothing
    /// outside. What it takes is limited by [`Driver::limit`] only.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`]; a machine that runs already is refused with "busy".
    fn boot(&self, machine: &str, boot: Boot) -> Result<Box<dyn Process>, HostError>;

    /// Whether machines can have kernels of their own.
    ///
    /// # Errors
    /// [`HostError::Unable`]
    fn guests(&self) -> Result<(), HostError>;

    /// Whether a machine that was booted has a kernel of its own.
    fn is_guest(&self, machine: &str) -> bool;

    /// Runs a program in a machine: in its network, and in all of it while it is booted.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`]
    fn spawn(&self, machine: &str, command: Spawn) -> Result<Box<dyn Process>, HostError>;

    /// Whether machines can have disks, and roots that are held to a size ([`Boot::room`]).
    ///
    /// # Errors
    /// [`HostError::Unable`]
    fn disks(&self) -> Result<(), HostError>;

    /// Plugs a disk into a machine that is booted: a file `/dev/nvme1n1` (or the next number), known as `device` too.
    /// The channel is to be served ([`crate::disk::serve`]): nothing can be read before. `None` where nothing is real.
    ///
    /// # Errors
    /// [`HostError::Refused`] ("host unreachable" where it is off), [`HostError::NotThere`], [`HostError::Ended`]
    fn plug(&self, machine: &str, device: &str) -> Result<Option<OwnedFd>, HostError>;

    /// Pulls a disk out. With `force` also where a program has it open.
    ///
    /// # Errors
    /// [`HostError::Refused`] ("busy" where it is in use), [`HostError::NotThere`], [`HostError::Ended`]; one that is
    /// not there is no error.
    fn unplug(&self, machine: &str, device: &str, force: bool) -> Result<(), HostError>;

    /// Makes a machine without interfaces: its loopback is all its network.
    ///
    /// # Errors
    /// [`HostError::Refused`], also where it is there.
    fn lone_machine(&self, machine: &str) -> Result<(), HostError>;

    /// Links a machine without interfaces to a relay ([`net::topology::Vpc::relays`]): what it sends goes out by the
    /// relay's interface, from that one's address; nothing can come in.
    ///
    /// # Errors
    /// [`HostError::Refused`]; [`HostError::NotThere`], also where the other is no relay.
    fn tether(&self, machine: &str, relay: &str) -> Result<(), HostError>;

    /// Shuts a program into a machine: it and what it starts are nobody, and see nothing but what the sandbox has.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`]; a machine that runs already is refused with "busy".
    fn confine(&self, machine: &str, sandbox: Sandbox) -> Result<Box<dyn Process>, HostError>;

    /// Holds all that runs in a machine to a share, from now on: also what is booted, shut in or run in it later, but not
    /// what runs already where it had no limits before.
    ///
    /// # Errors
    /// [`HostError::Unable`] where there are no control groups to be had, [`HostError::Refused`]
    fn limit(&self, machine: &str, share: Share) -> Result<(), HostError>;

    /// What those processes in a machine that are there, and their children that have ended, have used.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`]
    fn usage(&self, machine: &str) -> Result<Usage, HostError>;

    /// How much memory the processes in a machine have for themselves, in bytes.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`]
    fn memory(&self, machine: &str) -> Result<u64, HostError>;

    /// Stops all that runs in a machine where it is, or lets it go on. What cannot be stopped as a whole goes on.
    ///
    /// # Errors
    /// [`HostError::Refused`], [`HostError::NotThere`], [`HostError::Ended`]
    fn freeze(&self, machine: &str, still: bool) -> Result<(), HostError>;

    /// The VPCs and machines that there are, but for lone ones.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    fn inventory(&self) -> Result<Inventory, HostError>;
}

/// What is there, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    pub vpcs: Vec<String>,
    pub machines: Vec<String>,
}
