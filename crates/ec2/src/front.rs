//! Where the cloud itself answers to its machines: on the cloud's own internet, at addresses that its VPCs' resolvers give
//! for AWS's names. So a subnet reaches it as it reaches the internet, by an internet gateway or by NAT; or through the
//! endpoints of its VPC ([`Gate`]), or not at all.
//!
//! The addresses are of the test networks of RFC 5737, which belong to nobody.

use base::{AccountId, Region};
use host::{Driver, HostError, Place};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Within S3's prefix list.
const S3: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// Within DynamoDB's prefix list.
const DYNAMODB: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 129);
const OTHERS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const PORTS: [(u16, bool); 2] = [(80, false), (443, true)];

/// The address behind one of AWS's names (`sqs.eu-west-1.amazonaws.com`), as it is asked for in a region; `None` for names
/// of others, and of services that the cloud does not know. Prefix lists are a region's, so the services of other
/// regions are outside of them.
pub fn address_of(name: &str, region: Region) -> Option<Ipv4Addr> {
    if !name.ends_with(".amazonaws.com") {
        return None;
    }
    let read = wire::route::host::read(name);
    let is_here = read.region.unwrap_or(Region::US_EAST_1.name()) == region.name();
    match read.endpoint_prefix? {
        "s3" if is_here => Some(S3),
        "dynamodb" if is_here => Some(DYNAMODB),
        _ => Some(OTHERS),
    }
}

/// Whether the cloud answers there.
pub fn is_cloud(address: Ipv4Addr) -> bool {
    [S3, DYNAMODB, OTHERS].contains(&address)
}

/// The service whose gateway endpoints lead to an address.
pub fn service_at(address: Ipv4Addr) -> Option<&'static str> {
    match address {
        S3 => Some("s3"),
        DYNAMODB => Some("dynamodb"),
        _ => None,
    }
}

/// A way into the cloud out of a VPC, past the internet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gate {
    pub account: AccountId,
    pub region: Region,
    pub vpc: String,
    pub through: Through,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Through {
    /// The VPC's router, at this address of a service: by which of the gateway endpoints is a matter of who comes.
    Router(Ipv4Addr),
    /// An interface of an endpoint.
    Interface { endpoint: String, interface: String, address: Ipv4Addr },
}

impl Gate {
    /// Those of a VPC's gateway endpoints. They stand open as soon as there is an endpoint: routes decide who comes.
    pub fn of_router(account: AccountId, region: Region, vpc: &str) -> [Gate; 2] {
        let gate = |address| Gate { account, region, vpc: vpc.to_owned(), through: Through::Router(address) };
        [S3, DYNAMODB].map(gate)
    }

    fn address(&self) -> Ipv4Addr {
        match self.through {
            Through::Router(address) | Through::Interface { address, .. } => address,
        }
    }

    fn place(&self) -> Place {
        match &self.through {
            Through::Router(_) => Place::Router(self.vpc.clone()),
            Through::Interface { interface, .. } => Place::Machine(interface.clone()),
        }
    }
}

/// A socket that machines connect to.
#[derive(Debug)]
pub struct Entrance {
    pub listener: TcpListener,
    pub tls: bool,
    /// Set when what it belongs to is no more.
    pub closed: Arc<AtomicBool>,
    /// `None` on the internet.
    pub gate: Option<Gate>,
}

/// Whoever serves what comes in; nobody, where nothing is real.
#[derive(Default)]
pub struct Door(OnceLock<Box<dyn Fn(Entrance) + Send + Sync>>);

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// Opens it, once.
    pub fn open(&self, enter: Box<dyn Fn(Entrance) + Send + Sync>) {
        let _ = self.0.set(enter);
    }
}

/// The entrances in the data plane that runs now.
#[derive(Debug)]
pub struct Front {
    door: Arc<Door>,
    there: Mutex<Option<(Arc<dyn Driver>, Closing)>>,
    /// By place and address.
    gates: Mutex<BTreeMap<(Place, Ipv4Addr), Open>>,
}

/// A gate where it stands open.
#[derive(Debug)]
struct Open {
    gate: Gate,
    driver: Arc<dyn Driver>,
    incarnation: u64,
    _closing: Closing,
}

/// Closes entrances with what they belong to.
#[derive(Debug)]
struct Closing(Arc<AtomicBool>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Front {
    pub fn new(door: Arc<Door>) -> Front {
        Front { door, there: Mutex::new(None), gates: Mutex::default() }
    }

    /// Sees to it that the cloud answers in this data plane.
    ///
    /// # Errors
    /// What the data plane says.
    pub fn serve(&self, driver: &Arc<dyn Driver>) -> Result<(), HostError> {
        let Some(enter) = self.door.0.get() else { return Ok(()) };
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        if there.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, driver)) {
            return Ok(());
        }
        *there = None;
        let closing = Closing(Arc::default());
        for address in [S3, DYNAMODB, OTHERS] {
            let place = Place::Internet(address.into());
            enter_at(enter, driver, &place, address, &closing, None)?;
        }
        *there = Some((Arc::clone(driver), closing));
        Ok(())
    }

    /// Sees to it that just these gates stand open.
    ///
    /// # Errors
    /// What the data plane says.
    pub fn open(&self, driver: &Arc<dyn Driver>, wanted: Vec<Gate>) -> Result<(), HostError> {
        let Some(enter) = self.door.0.get() else { return Ok(()) };
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        // A router's stay as long as it does: who opened them again at once would find the address in use.
        gates.retain(|(place, _), open| {
            let stays = || matches!(place, Place::Router(_)) && driver.incarnation(place).is_ok();
            Arc::ptr_eq(&open.driver, driver) && (wanted.contains(&open.gate) || stays())
        });
        for gate in wanted {
            let (place, address) = (gate.place(), gate.address());
            let incarnation = driver.incarnation(&place)?;
            let key = (place, address);
            if gates.get(&key).is_some_and(|open| open.incarnation == incarnation) {
                continue;
            }
            gates.remove(&key);
            let closing = Closing(Arc::default());
            enter_at(enter, driver, &key.0, address, &closing, Some(&gate))?;
            gates.insert(key, Open { gate, driver: Arc::clone(driver), incarnation, _closing: closing });
        }
        Ok(())
    }
}

/// Lets in whoever comes to an address.
fn enter_at(
    enter: &(dyn Fn(Entrance) + Send + Sync),
    driver: &Arc<dyn Driver>,
    place: &Place,
    address: Ipv4Addr,
    closing: &Closing,
    gate: Option<&Gate>,
) -> Result<(), HostError> {
    for (port, tls) in PORTS {
        let listener = driver.listen(place, SocketAddr::new(IpAddr::V4(address), port))?;
        enter(Entrance { listener, tls, closed: Arc::clone(&closing.0), gate: gate.cloned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DYNAMODB, OTHERS, S3, address_of};
    use base::Region;

    #[test]
    fn awss_names_have_addresses() {
        for (name, address) in [
            ("s3.us-east-1.amazonaws.com", Some(S3)),
            ("s3.amazonaws.com", Some(S3)),
            ("my.bucket.s3.us-east-1.amazonaws.com", Some(S3)),
            ("my.bucket.s3.eu-west-1.amazonaws.com", Some(OTHERS)),
            ("dynamodb.us-east-1.amazonaws.com", Some(DYNAMODB)),
            // AWS has no gateway endpoints for it.
            ("streams.dynamodb.us-east-1.amazonaws.com", Some(OTHERS)),
            ("sts.amazonaws.com", Some(OTHERS)),
            ("logs.eu-west-1.amazonaws.com", Some(OTHERS)),
            ("nothing.amazonaws.com", None),
            ("amazonaws.com", None),
            ("sqs.us-east-1.example.com", None),
            ("s3.us-east-1.localhost", None),
        ] {
            assert_eq!(address_of(name, Region::US_EAST_1), address, "{name}");
        }
    }
}
