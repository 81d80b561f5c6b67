//! The wire between an interface of a machine's namespace and the card of its guest.
//!
//! A packet socket sees what comes in at the interface, and what is written to it goes out there: so no device is made
//! for it, and nobody needs `/dev/net/tun`. The guest's frames meet the same link as a container's do.

use super::super::plane::ROUTER_MAC;
use crate::guest::dhcp::{self, Lease};
use crate::guest::{Card, frames};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice, recv, send, socket_with,
    socketpair,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// More than any message: 64 KiB of packets in one, and the headers.
const MESSAGE_MAX: usize = 68 << 10;
/// Between two tries to find an interface that is gone: it is made anew with its VPC's router.
const STEP: Duration = Duration::from_millis(50);
/// What waits for the guest, at most.
const QUEUE_BYTES: usize = 1 << 20;

#[derive(Debug)]
struct Wire {
    link: String,
    socket: Mutex<Arc<OwnedFd>>,
    /// For a guest that asks.
    lease: Option<Lease>,
    /// There is no such card any more.
    is_cut: AtomicBool,
}

/// A wire that can be cut.
#[derive(Debug)]
pub(super) struct Relay {
    wire: Arc<Wire>,
    guest: Arc<OwnedFd>,
}

impl Relay {
    /// Nothing goes through it any more, either way.
    pub(super) fn cut(&self) {
        self.wire.is_cut.store(true, Ordering::Relaxed);
        // Who waits for what the guest says hears its end; it may be heard already.
        let _ = rustix::net::shutdown(&self.guest, rustix::net::Shutdown::Both);
    }
}

/// Links an interface of this namespace to a card; QEMU's end of the wire.
pub(super) fn start(card: &Card) -> io::Result<(OwnedFd, Relay)> {
    let link = format!("eth{}", card.device);
    let (near, far) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    for end in [&near, &far] {
        rustix::net::sockopt::set_socket_send_buffer_size(end, QUEUE_BYTES)?;
    }
    let socket = Mutex::new(Arc::new(open(&link)?));
    let wire = Wire { link, socket, lease: card.lease(), is_cut: AtomicBool::new(false) };
    let (wire, near) = (Arc::new(wire), Arc::new(near));
    let relay = Relay { wire: Arc::clone(&wire), guest: Arc::clone(&near) };
    let (inward, outward) = ((Arc::clone(&wire), Arc::clone(&near)), (wire, near));
    thread::Builder::new().name("inward".into()).spawn(move || inward.0.carry_in(&inward.1))?;
    thread::Builder::new().name("outward".into()).spawn(move || outward.0.carry_out(&outward.1))?;
    Ok((far, relay))
}

impl Wire {
    fn socket(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.socket.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    /// To the guest, for as long as this process lives or the card is there. An interface that goes wakes who waits for it.
    fn carry_in(&self, guest: &OwnedFd) {
        let mut message = vec![0; MESSAGE_MAX];
        while !self.is_cut() {
            match recv(&*self.socket(), &mut message[..], RecvFlags::empty()) {
                Ok((length, _)) => frames::complete(&mut message[..length], |frame| {
                    // A guest that is not there yet hears nothing, as on any wire.
                    let _ = send(guest, frame, SendFlags::empty());
                }),
                Err(Errno::INTR) => {}
                // The interface is down or gone.
                Err(_) => self.find_again(),
            }
        }
    }

    /// From the guest. A frame that cannot be sent is lost.
    fn carry_out(&self, guest: &OwnedFd) {
        let mut message = vec![0; MESSAGE_MAX];
        loop {
            // Without a word in the header: the frame is as it is.
            match recv(guest, &mut message[frames::HEADER..], RecvFlags::empty()) {
                Ok(_) if self.is_cut() => return,
                Ok((length, _)) => {
                    let whole = &message[..frames::HEADER + length];
                    let asks = |lease| dhcp::answer(&whole[frames::HEADER..], lease, ROUTER_MAC);
                    let _ = match self.lease.as_ref().and_then(asks) {
                        Some(answer) => send(guest, &answer, SendFlags::empty()),
                        None => send(&*self.socket(), whole, SendFlags::empty()),
                    };
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn find_again(&self) {
        thread::sleep(STEP);
        if let Ok(found) = open(&self.link) {
            *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        }
    }
}

/// A packet socket at an interface of this namespace: it hears what comes in.
fn open(link: &str) -> io::Result<OwnedFd> {
    // Until it is bound it hears nothing.
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    set(&socket, libc::PACKET_VNET_HDR)?;
    set(&socket, libc::PACKET_IGNORE_OUTGOING)?;
    let index = netdevice::name_to_index(&socket, link)?;
    bind(&socket, index)?;
    Ok(socket)
}

fn set(socket: &OwnedFd, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).map_err(|_| Errno::INVAL)?;
    let (socket, value): (RawFd, *const libc::c_int) = (socket.as_raw_fd(), &raw const on);
    // SAFETY: the descriptor is open, and the value is a whole int that lives until the call returns.
    let done = unsafe { libc::setsockopt(socket, libc::SOL_PACKET, option, value.cast(), length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes it hear all that comes in at one interface.
fn bind(socket: &OwnedFd, index: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(|_| Errno::INVAL)?,
        sll_protocol: u16::try_from(libc::ETH_P_ALL).map_err(|_| Errno::INVAL)?.to_be(),
        sll_ifindex: i32::try_from(index).map_err(|_| Errno::INVAL)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&address)).map_err(|_| Errno::INVAL)?;
    // SAFETY: the descriptor is open, and the address is a whole one that lives until the call returns.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
