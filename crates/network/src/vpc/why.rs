//! Why a packet arrives or does not, for `virga why --from --to`: a walk through what the data plane is made from, with
//! what its rules have counted.
//!
//! Whoever asks is the cloud's owner, so the ends may be in any accounts and regions.

use super::model::{INTERFACES, Interface};
use super::topology::{Place, topology};
use base::{AccountId, Region};
use ec2::attachment::ATTACHMENTS;
use ec2::kind::{INSTANCE, NETWORK_INTERFACE};
use ec2::plane::DataPlane;
use host::Count;
use kernel::Cloud;
use net::Topology;
use net::topology::Address;
use net::walk::{End, Flow, Origin, Transport, Walk, walk};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use store::{Direction, Key, Read, StoreError};

/// The data plane, for whoever asks what it has counted.
#[derive(Debug, Default)]
pub(super) struct Plane(pub(super) OnceLock<Arc<DataPlane>>);

/// What is asked: each end an instance, an interface or an address on the internet.
#[derive(Clone, Debug)]
pub struct Question {
    pub from: String,
    pub to: String,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    Tcp(u16),
    Udp(u16),
    /// Is it there?
    Echo,
}

/// The answer.
#[derive(Debug)]
pub struct Told {
    pub walk: Walk,
    /// Whether the packet arrives where it should and its answer comes back.
    pub works: bool,
    /// Where it ends instead.
    pub astray: Option<String>,
    /// By VPC and rule.
    counters: BTreeMap<String, BTreeMap<String, Count>>,
}

impl Told {
    /// What a rule has seen; none where no data plane counts.
    pub fn count(&self, vpc: Option<&String>, rule: &str) -> Option<Count> {
        self.counters.get(vpc?)?.get(rule).copied()
    }
}

/// One end of the way.
enum Spot {
    Interface(Box<Plugged>),
    Internet(IpAddr),
}

struct Plugged {
    account: AccountId,
    region: Region,
    interface: Interface,
}

/// What cannot be told: a sentence; the inner one is the asker's fault.
type Outcome<T> = Result<Result<T, String>, StoreError>;

/// # Errors
/// When the store cannot be read; inside, what is wrong with the question.
pub fn why(cloud: &Arc<Cloud>, question: &Question) -> Outcome<Told> {
    let tx = cloud.store().begin();
    let (from, to) = match (resolve(&tx, &question.from)?, resolve(&tx, &question.to)?) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
    };
    let mut plan = Topology::default();
    let mut near = Vec::new();
    for spot in [&from, &to] {
        let Spot::Interface(plugged) = spot else { continue };
        let vpc = &plugged.interface.vpc;
        let place = Place { account: plugged.account, region: plugged.region, vpc };
        let part = topology(&tx, place)?;
        near.push(part.vpcs.keys().cloned().collect::<Vec<_>>());
        plan.vpcs.extend(part.vpcs);
        plan.peerings.extend(part.peerings);
        plan.prefix_lists.extend(part.prefix_lists);
    }
    let addresses = |plugged: &Plugged| {
        plan.interface(&plugged.interface.id).map(|(_, there)| there.addresses.clone()).unwrap_or_default()
    };
    let destination = match (&from, &to) {
        (_, Spot::Internet(address)) if matches!(from, Spot::Interface(_)) => Ok(*address),
        (Spot::Internet(source), Spot::Interface(to)) => {
            // Addresses of IPv6 are public themselves.
            let public = |a: &Address| a.public.or(Some(a.private).filter(IpAddr::is_ipv6));
            let mut all = addresses(to).into_iter().filter_map(|address| public(&address));
            all.find(|address| address.is_ipv4() == source.is_ipv4()).ok_or_else(|| {
                format!("{} has no public address: nobody on the internet can send to it", question.to)
            })
        }
        (Spot::Interface(from), Spot::Interface(to)) => {
            let found = Address::to(&addresses(to), &addresses(from)).map(|address| {
                let by_private = near.first().is_some_and(|vpcs| vpcs.contains(&to.interface.vpc));
                address.public.filter(|_| !by_private).unwrap_or(address.private)
            });
            found.ok_or_else(|| format!("{} has no address", to.interface.id))
        }
        _ => Err("one end must be an instance or a network interface".to_owned()),
    };
    Ok(destination.map(|to_address| {
        let origin = match &from {
            Spot::Interface(plugged) => Origin::Interface { id: plugged.interface.id.clone(), source: None },
            Spot::Internet(address) => Origin::Internet(*address),
        };
        let transport = match question.protocol {
            Protocol::Tcp(port) => Transport::tcp(port),
            Protocol::Udp(port) => Transport::udp(port),
            Protocol::Echo => Transport::echo(to_address),
        };
        let walk = walk(&plan, &Flow { from: origin, to: to_address, transport });
        tell(cloud, walk, &to)
    }))
}

fn tell(cloud: &Arc<Cloud>, walk: Walk, to: &Spot) -> Told {
    let astray = match (to, &walk.forward.end) {
        (Spot::Interface(to), Some(End::Interface(id))) if *id != to.interface.id => Some(id.clone()),
        (Spot::Interface(_), Some(End::NextHop(id))) => Some(id.clone()),
        (Spot::Interface(_), Some(End::Internet)) => Some("the internet".to_owned()),
        _ => None,
    };
    let paths = std::iter::once(&walk.forward).chain(&walk.back);
    let met =
        paths.flat_map(|path| path.hops.iter().map(|h| &h.vpc).chain(path.obstacles.iter().map(|o| &o.vpc)));
    let mut counters = BTreeMap::new();
    if let Some(driver) = cloud.memory::<Plane>().0.get().and_then(|plane| plane.running()) {
        for vpc in met.flatten() {
            if !counters.contains_key(vpc)
                && let Ok(found) = driver.counters(vpc)
            {
                counters.insert(vpc.clone(), found);
            }
        }
    }
    Told { works: walk.works() && astray.is_none(), walk, astray, counters }
}

fn resolve(from: &dyn Read, text: &str) -> Outcome<Spot> {
    if let Ok(address) = text.parse() {
        return Ok(Ok(Spot::Internet(address)));
    }
    if NETWORK_INTERFACE.fits(text) {
        return plugged(from, text, || format!("there is no network interface {text}"));
    }
    if !INSTANCE.fits(text) {
        return Ok(Err(format!("{text:?} is no instance (i-…), network interface (eni-…) or address")));
    }
    for pair in ATTACHMENTS.scan(from, &Key::empty(), Direction::Forward) {
        let (key, attachment) = pair?;
        if attachment.instance.as_deref() == Some(text) && attachment.device_index == 0 {
            let mut reader = key.reader();
            let id = reader.regional().and_then(|_| reader.str()).unwrap_or_default();
            return plugged(from, &id, || format!("{text} has no network interface any more"));
        }
    }
    Ok(Err(format!("there is no instance {text} that is plugged into a network")))
}

fn plugged(from: &dyn Read, id: &str, missing: impl Fn() -> String) -> Outcome<Spot> {
    for pair in INTERFACES.scan(from, &Key::empty(), Direction::Forward) {
        let (key, interface) = pair?;
        if interface.id == id
            && let Some((account, region)) = key.reader().regional()
        {
            return Ok(Ok(Spot::Interface(Box::new(Plugged { account, region, interface }))));
        }
    }
    Ok(Err(missing()))
}
