//! Where the cloud itself answers to its machines: on the cloud's own internet, at addresses that its VPCs' resolvers give
//! for AWS's names. So a subnet reaches it as it reaches the internet, by an internet gateway or by NAT, or not at all.
//!
//! The addresses are of the test networks of RFC 5737, which belong to nobody.
//! Not here: gateway and interface endpoints as a way to the cloud.

use host::{Driver, HostError, Place};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Within S3's prefix list.
const S3: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// Within DynamoDB's prefix list.
const DYNAMODB: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 129);
const OTHERS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const PORTS: [(u16, bool); 2] = [(80, false), (443, true)];

/// The address behind one of AWS's names (`sqs.eu-west-1.amazonaws.com`); `None` for names of others, and of services
/// that the cloud does not know.
pub fn address_of(name: &str) -> Option<Ipv4Addr> {
    if !name.ends_with(".amazonaws.com") {
        return None;
    }
    match wire::route::host::read(name).endpoint_prefix? {
        "s3" | "s3-control" => Some(S3),
        "dynamodb" | "streams.dynamodb" => Some(DYNAMODB),
        _ => Some(OTHERS),
    }
}

/// A socket that machines connect to.
#[derive(Debug)]
pub struct Entrance {
    pub listener: TcpListener,
    pub tls: bool,
    /// Set when the data plane that it belongs to is no more.
    pub closed: Arc<AtomicBool>,
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
}

/// Closes the entrances of a data plane with it.
#[derive(Debug)]
struct Closing(Arc<AtomicBool>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Front {
    pub fn new(door: Arc<Door>) -> Front {
        Front { door, there: Mutex::new(None) }
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
        let closed = Arc::new(AtomicBool::new(false));
        let closing = Closing(Arc::clone(&closed));
        for address in [S3, DYNAMODB, OTHERS].map(IpAddr::V4) {
            for (port, tls) in PORTS {
                let listener = driver.listen(&Place::Internet(address), SocketAddr::new(address, port))?;
                enter(Entrance { listener, tls, closed: Arc::clone(&closed) });
            }
        }
        *there = Some((Arc::clone(driver), closing));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{DYNAMODB, OTHERS, S3, address_of};

    #[test]
    fn awss_names_have_addresses() {
        for (name, address) in [
            ("s3.us-east-1.amazonaws.com", Some(S3)),
            ("my.bucket.s3.eu-west-1.amazonaws.com", Some(S3)),
            ("dynamodb.us-east-1.amazonaws.com", Some(DYNAMODB)),
            ("sts.amazonaws.com", Some(OTHERS)),
            ("logs.eu-west-1.amazonaws.com", Some(OTHERS)),
            ("nothing.amazonaws.com", None),
            ("amazonaws.com", None),
            ("sqs.us-east-1.example.com", None),
            ("s3.us-east-1.localhost", None),
        ] {
            assert_eq!(address_of(name), address, "{name}");
        }
    }
}
