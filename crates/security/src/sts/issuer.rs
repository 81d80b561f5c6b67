//! Where the keys of an OpenID Connect issuer come from.
//!
//! AWS fetches them over HTTPS from the issuer's address. Virga has no way out to the internet and trusts no
//! certificates, so it asks only issuers on this machine, over plain HTTP: `localhost` and the loopback addresses.
//! Of any other it says that it cannot be reached. What was fetched is kept in the store for an hour, and fetched
//! again when a token names a key that is not there.
//!
//! The fetch happens within the request: at most two seconds, at most 256 KiB. The transaction is optimistic, so it
//! holds up nobody meanwhile but the thread that serves the request.

use super::errors::StsError;
use super::jwt::Keys;
use base::Timestamp;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
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
const BYTES_MAX: u64 = 256 * 1024;

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

/// One HTTP/1.0 request, so that the end of the answer is the end of the connection.
fn get(url: &str, deadline: Instant) -> Result<String, String> {
    let (host, path, address) = target(url)?;
    let problem = |error: std::io::Error| format!("{url}: {error}");
    let left = || deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
    let late = || format!("{url} did not answer within {} seconds", DEADLINE.as_secs());
    let mut stream = TcpStream::connect_timeout(&address, left().ok_or_else(late)?).map_err(problem)?;
    stream.set_write_timeout(left()).map_err(problem)?;
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(problem)?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        stream.set_read_timeout(Some(left().ok_or_else(late)?)).map_err(problem)?;
        match stream.read(&mut chunk).map_err(problem)? {
            0 => break,
            n => answer.extend_from_slice(&chunk[..n]),
        }
        if answer.len() as u64 > BYTES_MAX {
            return Err(format!("{url} answered more than {BYTES_MAX} bytes"));
        }
    }
    let answer = String::from_utf8(answer).map_err(|_| format!("{url} did not answer text"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{url} did not answer HTTP"))?;
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        status => Err(format!("{url} answered {}", status.unwrap_or("nothing"))),
    }
}

/// Host, path and address of a URL on this machine.
fn target(url: &str) -> Result<(&str, &str, SocketAddr), String> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let rest = rest.ok_or_else(|| format!("{url} is not an address"))?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let elsewhere = || format!("{host} is not on this machine, and Virga reaches no other");
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().map_err(|_| elsewhere())?),
        _ => (host, 80),
    };
    let address: IpAddr = match name {
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        name => name.trim_matches(['[', ']']).parse().map_err(|_| elsewhere())?,
    };
    let is_clean = !path.contains(|c: char| c.is_ascii_control() || c == ' ');
    if !address.is_loopback() || !is_clean {
        return Err(elsewhere());
    }
    Ok((host, if path.is_empty() { "/" } else { path }, SocketAddr::new(address, port)))
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn only_this_machine_is_asked() {
        for (url, expected) in [
            ("http://localhost:8080/a/b", Some(("/a/b", "127.0.0.1:8080"))),
            ("https://127.0.0.2", Some(("/", "127.0.0.2:80"))),
            ("http://[::1]:9/x", Some(("/x", "[::1]:9"))),
            ("http://192.0.2.1/x", None),
            ("http://example.com/x", None),
            ("http://localhost.example.com/x", None),
            ("http://localhost:1@example.com/x", None),
            ("http://localhost/a\r\nX: y", None),
            ("ftp://localhost/", None),
        ] {
            let found = target(url).ok();
            let found = found.map(|(_, path, address)| (path.to_owned(), address.to_string()));
            assert_eq!(found, expected.map(|(path, address)| (path.into(), address.into())), "{url}");
        }
    }
}
