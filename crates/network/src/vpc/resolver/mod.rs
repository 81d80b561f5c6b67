//! The resolver of each VPC, at the second address of its first block, at 169.254.169.253 and at fd00:ec2::253; and its clock
//! ([`super::time`]), which is served likewise.
//!
//! It answers for the names of the addresses that there are (`ip-10-0-0-5.ec2.internal`, `i-….ec2.internal` where an instance
//! is known by its id, and the public ones of
//! a VPC with DNS hostnames, which inside lead to the private addresses), for those of interface endpoints, and for AWS's
//! own, which lead to the cloud ([`ec2::front`]) or to the endpoint that has taken them over, by UDP; where the VPC has no
//! DNS support, it is silent. Not here: names of the world outside and hosted zones (refused), DNS by TCP, names by DHCP options.

mod message;
mod names;

use super::model::{INTERFACES, VPCS};
use super::topology::{Place, topology};
use super::way;
use base::{AccountId, Region};
use ec2::attachment::{self, Attachment};
use host::{Driver, HostError};
use kernel::Cloud;
use message::{Answer, Kind, MESSAGE_BYTES_MAX, Question};
use names::Zone;
use net::Cidr;
use net::program::services::{RESOLVER, RESOLVER_V6, TIME, TIME_V6};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use store::{Read, StoreError};

const PORT: u16 = 53;
const TIME_PORT: u16 = 123;
/// How long the end of a resolver may take to be noticed.
const LOOK: Duration = Duration::from_secs(2);

/// The resolvers and clocks of all VPCs that are real.
#[derive(Debug, Default)]
pub(super) struct Resolvers(Mutex<BTreeMap<String, Resolver>>);

/// Threads that answer; they end with this.
#[derive(Debug)]
struct Resolver {
    stopped: Arc<AtomicBool>,
    driver: Arc<dyn Driver>,
    incarnation: u64,
    addresses: Vec<IpAddr>,
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// A VPC by where it is.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) vpc: String,
}

impl Home {
    pub(super) fn place(&self) -> Place<'_> {
        Place { account: self.account, region: self.region, vpc: &self.vpc }
    }
}

impl Resolvers {
    /// Sees to it that a VPC has its resolver: in the router that it has now, at the addresses of its blocks.
    ///
    /// # Errors
    /// What the data plane says.
    pub(super) fn serve(
        &self,
        cloud: &Arc<Cloud>,
        driver: &Arc<dyn Driver>,
        home: &Home,
        blocks: &[Cidr],
    ) -> Result<(), HostError> {
        let at = host::Place::Router(home.vpc.clone());
        let incarnation = driver.incarnation(&at)?;
        let first = blocks.iter().find(|block| block.is_v4()).map(|block| net::cidr::resolver(*block));
        let v6 = driver.has_ipv6().then_some(RESOLVER_V6);
        let addresses: Vec<IpAddr> = std::iter::once(RESOLVER).chain(first).chain(v6).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |r: &Resolver| {
            r.incarnation == incarnation && Arc::ptr_eq(&r.driver, driver) && r.addresses == addresses
        };
        if all.get(&home.vpc).is_some_and(same) {
            return Ok(());
        }
        all.remove(&home.vpc);
        let stopped = Arc::new(AtomicBool::new(false));
        let names = addresses.iter().map(|address| (SocketAddr::new(*address, PORT), resolve as Answering));
        let clocks = [TIME].into_iter().chain(driver.has_ipv6().then_some(TIME_V6));
        let clocks = clocks.map(|address| (SocketAddr::new(address, TIME_PORT), tell_time as Answering));
        for (address, answer) in names.chain(clocks) {
            let socket = driver.datagrams(&at, address)?;
            let refused = |why| HostError::Refused { step: format!("serve {address} in {}", home.vpc), why };
            socket.set_read_timeout(Some(LOOK)).map_err(refused)?;
            let (cloud, home, ends) = (Arc::downgrade(cloud), home.clone(), Arc::clone(&stopped));
            let thread = std::thread::Builder::new().name("resolver".into());
            thread.spawn(move || listen(&socket, &cloud, &home, &ends, answer)).map_err(refused)?;
        }
        all.insert(
            home.vpc.clone(),
            Resolver { stopped, driver: Arc::clone(driver), incarnation, addresses },
        );
        Ok(())
    }

    /// Ends those of other VPCs.
    pub(super) fn retain(&self, vpcs: &BTreeSet<&String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|vpc, _| vpcs.contains(vpc));
    }
}

/// What a message is answered; `None` is silence.
type Answering = fn(&Arc<Cloud>, &Home, &[u8]) -> Option<Vec<u8>>;

fn tell_time(cloud: &Arc<Cloud>, _: &Home, message: &[u8]) -> Option<Vec<u8>> {
    super::time::answer(message, cloud.clock().now())
}

fn resolve(cloud: &Arc<Cloud>, home: &Home, message: &[u8]) -> Option<Vec<u8>> {
    let question = Question::parse(message)?;
    let answer = answer(&cloud.store().snapshot(), home, &question).unwrap_or(Some(Answer::Failed));
    Some(question.answered(&answer?))
}

fn listen(socket: &UdpSocket, cloud: &Weak<Cloud>, home: &Home, stopped: &AtomicBool, answer: Answering) {
    let mut message = [0; MESSAGE_BYTES_MAX];
    while !stopped.load(Ordering::Relaxed) {
        let (length, from) = match socket.recv_from(&mut message) {
            Ok(came) => came,
            Err(why) if why.kind() == ErrorKind::WouldBlock => continue,
            Err(_) => {
                std::thread::sleep(LOOK);
                continue;
            }
        };
        let Some(cloud) = cloud.upgrade() else { return };
        let Some(told) = answer(&cloud, home, &message[..length]) else { continue };
        // Who has gone away misses it.
        let _ = socket.send_to(&told, from);
    }
}

/// What there is under an instance's id.
fn named(from: &dyn Read, home: &Home, instance: &str, kind: Kind) -> Result<Answer, StoreError> {
    for interface in home.place().all(from, &INTERFACES)?.into_iter().filter(|found| found.vpc == home.vpc) {
        let attached = attachment::of(from, home.account, home.region, &interface.id)?;
        let is_it = |attached: &Attachment| {
            attached.instance.as_deref() == Some(instance) && attached.device_index == 0
        };
        let Some(attached) = attached.filter(is_it).filter(|found| found.named || found.named_v6) else {
            continue;
        };
        let v4 = interface.primary().parse().ok().filter(|_| attached.named);
        let v6 = interface.ipv6.first().and_then(|first| first.parse().ok()).filter(|_| attached.named_v6);
        return Ok(match kind {
            Kind::A => v4.map_or(Answer::Nothing, |address| Answer::Addresses(vec![address])),
            Kind::Aaaa => v6.map_or(Answer::Nothing, Answer::AddressV6),
            Kind::Ptr | Kind::Other => Answer::Nothing,
        });
    }
    Ok(Answer::NoSuchName)
}

/// What the records say now; `None` where the VPC has no DNS support.
fn answer(from: &dyn Read, home: &Home, question: &Question) -> Result<Option<Answer>, StoreError> {
    let key = ec2::register::key(home.account, home.region, &home.vpc);
    let Some(record) = VPCS.get(from, &key)?.filter(|record| record.dns_support) else { return Ok(None) };
    if let Some(addresses) = way::named(from, home, record.dns_hostnames, &question.name)? {
        let is_right = question.kind == Kind::A;
        return Ok(Some(if is_right { Answer::Addresses(addresses) } else { Answer::Nothing }));
    }
    if let Some(instance) = names::instance(&question.name, home.region) {
        return named(from, home, instance, question.kind).map(Some);
    }
    let mut zone = Zone { region: home.region, private: Vec::new(), public: Vec::new() };
    if zone.goes_by_addresses(&question.name) {
        for (id, known) in &topology(from, home.place())?.vpcs {
            for address in known.interfaces.values().flat_map(|interface| &interface.addresses) {
                let IpAddr::V4(private) = address.private else { continue };
                zone.private.push(private);
                let is_named = *id == home.vpc && record.dns_hostnames;
                if let Some(IpAddr::V4(public)) = address.public.filter(|_| is_named) {
                    zone.public.push((public, private));
                }
            }
        }
    }
    Ok(Some(zone.answer(question)))
}
