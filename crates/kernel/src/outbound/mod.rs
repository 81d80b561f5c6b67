//! Calls out of the cloud: to HTTP and HTTPS endpoints on this machine, from a thread of the caller's.
//!
//! Nothing beyond the machine is reached: an address must be one of its loopback addresses, whatever its name is.
//! By HTTPS an endpoint must show a certificate for that name, of an authority that the cloud trusts ([`Trust`]).
//!
//! Not here: redirects, which nobody follows, connections that are used twice, certificates of one's own.

mod address;
mod exchange;
mod trust;

pub use address::Address;
pub use exchange::{Answer, is_field};
pub use trust::Trust;

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Who calls, as AWS's services say it of themselves. No call is without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agent {
    Topics,
    Destinations,
    /// Asks issuers of web identities for their keys.
    Identities,
}

impl Agent {
    const ALL: [Agent; 3] = [Agent::Topics, Agent::Destinations, Agent::Identities];

    pub fn name(self) -> &'static str {
        match self {
            Agent::Topics => "Amazon Simple Notification Service Agent",
            Agent::Destinations => "Amazon/EventBridge/ApiDestinations",
            Agent::Identities => "AWS Security Token Service",
        }
    }
}

/// Whether the cloud has called for one of its users. It reaches what the machine keeps to itself, so whoever guards that by the
/// caller's address must ask.
pub fn is_own_call(user_agent: &str) -> bool {
    Agent::ALL.iter().any(|agent| agent.name() == user_agent)
}

/// One call.
#[derive(Debug)]
pub struct Request<'r> {
    pub agent: Agent,
    pub method: &'r str,
    pub address: &'r Address,
    /// Those beside [`OWN`].
    pub headers: Vec<(String, String)>,
    pub body: &'r [u8],
    /// The whole call has so long.
    pub within: Duration,
}

/// Headers that a call has in any case, so that none of a user's stands in their place.
pub const OWN: &[&str] = &["Connection", "Content-Length", "Host", "Transfer-Encoding", "User-Agent"];

/// Makes calls.
#[derive(Debug)]
pub struct Client {
    trust: Trust,
    /// Made when it is first needed: most clouds call nobody by HTTPS.
    config: Mutex<Option<Arc<ClientConfig>>>,
}

impl Client {
    pub fn new(trust: Trust) -> Arc<Client> {
        Arc::new(Client { trust, config: Mutex::default() })
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*config {
            return Ok(Arc::clone(made));
        }
        let made = self.trust.config()?;
        Ok(Arc::clone(config.insert(made)))
    }

    /// Calls; the answer, without its body unless that is `wanted`.
    ///
    /// # Errors
    /// A sentence about why there is no answer.
    pub fn call(&self, request: &Request<'_>, wanted: bool) -> Result<Answer, String> {
        let until = Instant::now() + request.within;
        let socket = request.address.socket().ok_or("the endpoint is not on this machine")?;
        let stream =
            TcpStream::connect_timeout(&socket, request.within).map_err(|error| error.to_string())?;
        let mut stream = exchange::Timed { stream, until };
        if !request.address.is_secure {
            return exchange::exchange(&mut stream, request, wanted);
        }
        let name = ServerName::try_from(request.address.name().to_owned());
        let name = name.map_err(|_| "the endpoint's name is none of a certificate".to_owned())?;
        let secure = ClientConnection::new(self.config()?, name).map_err(|error| error.to_string())?;
        exchange::exchange(&mut StreamOwned::new(secure, stream), request, wanted)
    }
}
