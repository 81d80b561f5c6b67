//! The instance metadata service: what answers at 169.254.169.254, and by IPv6 at fd00:ec2::254 to instances that have asked
//! for it, inside each VPC with instances.
//!
//! A VPC's router hears the request, so its source address tells which instance asks; nobody else can ask. Tokens are
//! sealed texts: nothing is kept of them, and they outlive a restart. What a machine can do to the service is bounded:
//! heads by size and time, connections by [`CONNECTIONS_MAX`], those of one machine by [`CONNECTIONS_OF_ONE_MAX`].

mod credentials;
mod facts;
mod request;
mod scaling;
mod tree;

pub(crate) use tree::is_readable;

use crate::ec2::ops::SELF;
use base::Timestamp;
use credentials::Given;
use facts::Asker;
use host::{Driver, HostError, Place};
use kernel::Cloud;
use net::program::services::{METADATA, METADATA_V6};
use request::{HEAD_BYTES_MAX, Request, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tree::{Leaf, Tree};

const PORT: u16 = 80;
/// In one VPC.
const CONNECTIONS_MAX: usize = 128;
const CONNECTIONS_OF_ONE_MAX: usize = 16;
/// How long a head may take to come, and an answer to go.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How much is read after the answer, and how long is waited for it.
const REST_BYTES_MAX: u64 = 64 << 10;
const LINGER: Duration = Duration::from_secs(1);
/// What tokens are sealed for.
const PURPOSE: &str = "instance metadata";

/// The services of all VPCs with instances.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    servers: Mutex<BTreeMap<String, Server>>,
    given: Arc<Given>,
}

/// Listening sockets; they end with this.
#[derive(Debug)]
struct Server {
    sockets: Vec<OwnedFd>,
    stopped: Arc<AtomicBool>,
    driver: Arc<dyn Driver>,
    incarnation: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the threads that wait for connections. The call is the same for any socket.
        for socket in self.sockets.drain(..) {
            let _ = TcpStream::from(socket).shutdown(Shutdown::Both);
        }
    }
}

impl Metadata {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that a VPC has its service: in the router that it has now.
    ///
    /// # Errors
    /// [`HostError::NotThere`] as long as there is no router.
    pub(crate) fn serve(
        &self,
        cloud: &Arc<Cloud>,
        driver: &Arc<dyn Driver>,
        vpc: &str,
    ) -> Result<(), HostError> {
        let at = Place::Router(vpc.to_owned());
        let incarnation = driver.incarnation(&at)?;
        let mut servers = self.lock();
        let same = |server: &Server| server.incarnation == incarnation && Arc::ptr_eq(&server.driver, driver);
        if servers.get(vpc).is_some_and(same) {
            return Ok(());
        }
        servers.remove(vpc);
        let refused = |why| HostError::Refused { step: format!("serve metadata in {vpc}"), why };
        let stopped = Arc::new(AtomicBool::new(false));
        let room = Arc::new(Room {
            cloud: Arc::downgrade(cloud),
            vpc: vpc.to_owned(),
            given: Arc::clone(&self.given),
            open: Mutex::default(),
        });
        let mut server = Server { sockets: Vec::new(), stopped, driver: Arc::clone(driver), incarnation };
        for address in driver.has_ipv6().then_some(METADATA_V6).into_iter().chain([METADATA]) {
            let listener = driver.listen(&at, SocketAddr::new(address, PORT))?;
            server.sockets.push(OwnedFd::from(listener.try_clone().map_err(refused)?));
            let (room, ends) = (Arc::clone(&room), Arc::clone(&server.stopped));
            let thread = std::thread::Builder::new().name("metadata".into());
            thread.spawn(move || accept(&listener, &room, &ends)).map_err(refused)?;
        }
        servers.insert(vpc.to_owned(), server);
        Ok(())
    }

    /// Ends the services of other VPCs, and forgets the credentials of other instances.
    pub(crate) fn retain(&self, vpcs: &BTreeSet<String>, instances: &BTreeSet<String>) {
        self.lock().retain(|vpc, _| vpcs.contains(vpc));
        self.given.retain(instances);
    }
}

/// What the connections of one VPC share.
#[derive(Debug)]
struct Room {
    cloud: Weak<Cloud>,
    vpc: String,
    given: Arc<Given>,
    /// How many connections each address has.
    open: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A place among the open connections.
struct Slot(Arc<Room>, IpAddr);

impl Slot {
    fn take(room: &Arc<Room>, address: IpAddr) -> Option<Slot> {
        let mut open = room.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.entry(address).or_default();
        if all >= CONNECTIONS_MAX || *own >= CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        *own += 1;
        Some(Slot(Arc::clone(room), address))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.1) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.1);
            }
        }
    }
}

fn accept(listener: &TcpListener, room: &Arc<Room>, stopped: &AtomicBool) {
    while !stopped.load(Ordering::Relaxed) {
        let Ok((stream, peer)) = listener.accept() else {
            // It ends, or there are no descriptors left just now.
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        // Who has too many is not answered.
        let Some(slot) = Slot::take(room, peer.ip()) else { continue };
        let thread = std::thread::Builder::new().name("metadata-answer".into());
        let _ = thread.spawn(move || {
            // Who goes away or sends nothing is its own affair.
            let _ = converse(&stream, &slot);
        });
    }
}

/// An answer on its way.
#[derive(Debug, Default)]
struct Reply {
    status: u16,
    body: Vec<u8>,
    /// The seconds that a token lasts.
    left: Option<i64>,
    /// How far it may travel.
    hops: Option<u8>,
}

impl Reply {
    fn refuse(status: u16) -> Reply {
        Reply { status, body: reason(status).as_bytes().to_vec(), ..Reply::default() }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Internal Server Error",
    }
}

/// One request and its answer.
fn converse(mut stream: &TcpStream, slot: &Slot) -> io::Result<()> {
    let head = head(stream)?;
    let parsed = head.as_deref().and_then(Request::parse);
    let without_body = parsed.as_ref().is_some_and(|request| request.method == "HEAD");
    let reply = match parsed {
        Some(request) => slot.0.answer(&request, slot.1),
        None => Reply::refuse(400),
    };
    if let Some(hops) = reply.hops {
        match slot.1 {
            IpAddr::V4(_) => stream.set_ttl(hops.into())?,
            IpAddr::V6(_) => rustix::net::sockopt::set_ipv6_unicast_hops(stream, Some(hops))?,
        }
    }
    let left = reply.left.map(|left| format!("X-Aws-Ec2-Metadata-Token-Ttl-Seconds: {left}\r\n"));
    let out = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{}Server: EC2ws\r\nConnection: close\r\n\r\n",
        reply.status,
        reason(reply.status),
        reply.body.len(),
        left.unwrap_or_default(),
    );
    let mut out = out.into_bytes();
    if !without_body {
        out.extend(reply.body);
    }
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&out)?;
    // What still comes (a body, the rest of a head that was too long) would break the answer off if it were not read.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    let mut rest = stream.take(REST_BYTES_MAX);
    io::copy(&mut rest, &mut io::sink()).map(|_| ())
}

/// What comes up to the empty line; `None` where that is too much.
fn head(mut stream: &TcpStream) -> io::Result<Option<Vec<u8>>> {
    let until = Instant::now() + TIMEOUT;
    let mut head = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&piece[..length]);
        let end = head.windows(4).position(|four| four == b"\r\n\r\n");
        if end.unwrap_or(head.len()) > HEAD_BYTES_MAX {
            return Ok(None);
        }
        if let Some(end) = end {
            head.truncate(end);
            return Ok(Some(head));
        }
    }
}

impl Room {
    fn answer(&self, request: &Request, from: IpAddr) -> Reply {
        let Some(cloud) = self.cloud.upgrade() else { return Reply::refuse(500) };
        let mut tx = cloud.store().begin();
        let reply = match facts::asker(&cloud, &mut tx, &self.vpc, &from.to_string()) {
            Ok(Some(asker)) if from.is_ipv6() && !asker.instance.metadata.ipv6 => Reply::refuse(403),
            Ok(Some(asker)) => self.tell(&cloud, &mut tx, request, &asker),
            Ok(None) => return Reply::refuse(404),
            Err(_) => return Reply::refuse(500),
        };
        // What was called on the way may have something to keep.
        if !tx.is_read_only() && tx.commit().wait().is_err() {
            return Reply::refuse(500);
        }
        reply
    }

    fn tell(&self, cloud: &Arc<Cloud>, tx: &mut store::Tx, request: &Request, asker: &Asker) -> Reply {
        let instance = &asker.instance;
        let now = cloud.clock().now();
        let step = request.judge(&instance.metadata, |token| lasts(cloud, &instance.id, token, now));
        let left = match step {
            Step::Refuse(status) => return Reply::refuse(status),
            Step::Token(seconds) => {
                let body = token(cloud, &instance.id, seconds, now).into_bytes();
                let hops = u8::try_from(instance.metadata.hops()).ok();
                return Reply { status: 200, body, left: Some(seconds), hops };
            }
            Step::Read(left) => left,
        };
        let read = cloud.act(tx, SELF, asker.account, asker.region, |cx| {
            let found = Tree::of(&facts::of(cx, instance)?).get(&request.path);
            Ok::<_, ec2::Ec2Error>(found.map(|leaf| match leaf {
                Leaf::Text(bytes) => bytes,
                Leaf::Credentials(role) => {
                    self.given.document(cx, instance, left.is_some(), &role).into_bytes()
                }
            }))
        });
        match read {
            Ok(Some(body)) => Reply { status: 200, body, left, hops: None },
            Ok(None) => Reply::refuse(404),
            Err(why) => {
                let why = why.message().to_owned();
                kernel::log::error(
                    "metadata cannot be told",
                    &[("instance", &instance.id), ("problem", &why)],
                );
                Reply::refuse(500)
            }
        }
    }
}

/// A token of one instance's: its id and when it ends, sealed.
fn token(cloud: &Cloud, instance: &str, seconds: i64, now: Timestamp) -> String {
    let until = now.plus(Duration::from_secs(seconds.unsigned_abs()));
    let plain = format!("{} {instance}", until.iso8601());
    cloud.sealer().seal_compact(cloud.rng(), PURPOSE, plain.as_bytes())
}

/// The seconds that a token still lasts; `None` for one that is over, another's or none.
fn lasts(cloud: &Cloud, instance: &str, token: &str, now: Timestamp) -> Option<i64> {
    let plain = cloud.sealer().open_compact(PURPOSE, token).ok()?;
    let (until, of) = std::str::from_utf8(&plain).ok()?.split_once(' ')?;
    let until = Timestamp::parse_iso8601(until)?;
    let left = i64::try_from(until.since(now).as_secs()).ok()?;
    (of == instance && until > now).then_some(left)
}
