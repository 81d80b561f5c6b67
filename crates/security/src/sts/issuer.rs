//! Where the keys of an OpenID Connect issuer come from.
//!
//! AWS fetches them over HTTPS from the issuer's address. Virga has no way out to the internet and trusts no
//! certificates, so it asks only issuers on this machine, over plain HTTP: `localhost` and the loopback addresses.
//! Of any other it says that it cannot be reached. The call says whose it is, so that the cloud itself answers it as a stranger's. What was fetched is kept in the store for an hour, and fetched
//! again when a token names a key that is not there.
//!
//! The fetch happens within the request: at most two seconds, at most 256 KiB. The transaction is optimistic, so it
//! holds up nobody meanwhile but the thread that serves the request.

use super::errors::StsError;
use super::jwt::Keys;
use base::Timestamp;
use kernel::outbound::{Address, Agent, Client, Request, Trust};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use store::{Key, Table, Tx};

store::record! {
    /// Key: global, the issuer without its scheme.
    #[derive(Clone, PartialEq, Debug)]
    pub struct IssuerKeys {
        /// The key set, as it was answered.
        1 => pub jwks: String,
        2 => pub fetched: Timestamp,
    }
}

pub const ISSUER_KEYS: Table<IssuerKeys> = Table::new(0x0201, "sts/issuer-keys");

const KEPT: Duration = Duration::from_secs(3600);
const DEADLINE: Duration = Duration::from_secs(2);

/// The keys of `issuer` (an address without scheme), kept or fetched.
///
/// # Errors
/// `IDPCommunicationError`.
pub fn keys(tx: &mut Tx, issuer: &str, key_id: Option<&str>, now: Timestamp) -> Result<Keys, StsError> {
    let key = Key::global().str(issuer);
    if let Some(kept) = ISSUER_KEYS.get(tx, &key)?
        && now.since(kept.fetched) < KEPT
        && let Some(keys) = Keys::read(&kept.jwks).filter(|keys| keys.has(key_id))
    {
        return Ok(keys);
    }
    let jwks = fetch(issuer).map_err(|why| {
        StsError::IdpCommunication(format!(
            "Couldn't retrieve verification key from your identity provider: {why}"
        ))
    })?;
    let damaged =
        || StsError::IdpCommunication(format!("The key set of {issuer} is not a JSON Web Key Set."));
    let keys = Keys::read(&jwks).ok_or_else(damaged)?;
    ISSUER_KEYS.put(tx, &key, &IssuerKeys { jwks, fetched: now });
    Ok(keys)
}

/// The key set that the issuer's discovery document names.
fn fetch(issuer: &str) -> Result<String, String> {
    let deadline = Instant::now() + DEADLINE;
    let base = issuer.trim_end_matches('/');
    let discovery = get(&format!("http://{base}/.well-known/openid-configuration"), deadline)?;
    let discovery: serde_json::Value = serde_json::from_str(&discovery)
        .map_err(|_| format!("the discovery document of {issuer} is not JSON"))?;
    let uri = discovery.get("jwks_uri").and_then(serde_json::Value::as_str);
    get(uri.ok_or_else(|| format!("the discovery document of {issuer} has no jwks_uri"))?, deadline)
}

/// What a URL on this machine answers.
fn get(url: &str, deadline: Instant) -> Result<String, String> {
    let address = target(url)?;
    let request = Request {
        agent: Agent::Identities,
        method: "GET",
        address: &address,
        headers: vec![("Accept".to_owned(), "application/json".to_owned())],
        body: &[],
        within: deadline.saturating_duration_since(Instant::now()),
    };
    // Over plain HTTP nobody has to be trusted.
    let answer = Client::new(Trust::nobody()).call(&request, true);
    let answer = answer.map_err(|why| format!("{url}: {why}"))?;
    match answer.status {
        200 => String::from_utf8(answer.body).map_err(|_| format!("{url} did not answer text")),
        status => Err(format!("{url} answered {status}")),
    }
}

/// A URL on this machine, which is reached over plain HTTP whatever it says.
fn target(url: &str) -> Result<Address, String> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let rest = rest.ok_or_else(|| format!("{url} is not an address"))?;
    // No other name is even looked up.
    let is_here = |address: &Address| {
        let name = address.name();
        (name == "localhost" || name.parse::<IpAddr>().is_ok()) && address.is_loopback()
    };
    let host = rest.split('/').next().unwrap_or_default();
    let elsewhere = || format!("{host} is not on this machine, and Virga reaches no other");
    Address::read(&format!("http://{rest}")).filter(is_here).ok_or_else(elsewhere)
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn only_this_machine_is_asked() {
        for (url, expected) in [
            ("http://localhost:8080/a/b", Some(("/a/b", "localhost:8080"))),
            ("https://127.0.0.2", Some(("/", "127.0.0.2"))),
            ("http://[::1]:9/x", Some(("/x", "[::1]:9"))),
            ("http://192.0.2.1/x", None),
            ("http://example.com/x", None),
            ("http://localhost.example.com/x", None),
            ("http://localhost:1@192.0.2.1/x", None),
            ("http://localhost/a\r\nX: y", None),
            ("ftp://localhost/", None),
        ] {
            let found = target(url).ok().map(|address| (address.path.clone(), address.host()));
            assert_eq!(found, expected.map(|(path, host)| (path.into(), host.into())), "{url}");
        }
    }
}
