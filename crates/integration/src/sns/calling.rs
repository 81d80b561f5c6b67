//! Calls to HTTP endpoints on this machine.

use super::delivery_policy::Policy;
use super::envelope;
use super::model::Delivery;
use super::signing::Signer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// AWS: an endpoint has so long to answer.
const TIMEOUT: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Where an endpoint is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    host: String,
    port: u16,
    path: String,
}

impl Address {
    /// Reads `http://host:port/path`.
    pub(crate) fn read(url: &str) -> Option<Address> {
        let rest = url.strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, 80),
        };
        let good = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if host.is_empty() || !good(host) || !good(path) || host.contains('@') {
            return None;
        }
        let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        Some(Address { host: host.to_owned(), port, path })
    }

    fn socket(&self) -> Option<SocketAddr> {
        (self.host.trim_matches(['[', ']']), self.port)
            .to_socket_addrs()
            .ok()?
            .find(|address| address.ip().is_loopback())
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.socket().is_some()
    }
}

/// Delivers; the endpoint's status, or why there is none.
///
/// # Errors
/// A sentence for the log.
pub(crate) fn call(delivery: &Delivery, signer: &Signer) -> Result<u16, String> {
    let address = Address::read(&delivery.endpoint).ok_or("the endpoint is no address")?;
    let socket = address.socket().ok_or("the endpoint is not on this machine")?;
    let kind = if delivery.token.is_some() { "SubscriptionConfirmation" } else { "Notification" };
    let body = if delivery.raw { delivery.message.clone() } else { envelope::document(delivery, signer) };
    // What a policy says is about notifications.
    let policy = if delivery.token.is_some() { Policy::default() } else { delivery.policy() };
    let content_type = policy.content_type();
    let mut head = vec![
        format!("POST {} HTTP/1.1", address.path),
        format!("Host: {}:{}", address.host, address.port),
        format!("x-amz-sns-message-type: {kind}"),
        format!("x-amz-sns-message-id: {}", delivery.message_id),
        format!("x-amz-sns-topic-arn: {}", delivery.topic_arn()),
        format!("Content-Type: {content_type}"),
        format!("Content-Length: {}", body.len()),
        "User-Agent: Amazon Simple Notification Service Agent".to_owned(),
        "Connection: close".to_owned(),
    ];
    if delivery.token.is_none() {
        head.push(format!("x-amz-sns-subscription-arn: {}", delivery.subscription_arn()));
    }
    if delivery.raw {
        head.push("x-amz-sns-rawdelivery: true".to_owned());
    }
    let say = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&socket, TIMEOUT).map_err(say)?;
    stream
        .set_read_timeout(Some(TIMEOUT))
        .and_then(|()| stream.set_write_timeout(Some(TIMEOUT)))
        .map_err(say)?;
    let head = format!("{}\r\n\r\n", head.join("\r\n"));
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(say)?;
    status(&mut stream).ok_or_else(|| "what came is no answer".to_owned())
}

fn status(stream: &mut TcpStream) -> Option<u16> {
    let (mut head, mut piece) = (Vec::new(), [0; 512]);
    while !head.contains(&b'\n') && head.len() < HEAD_BYTES_MAX {
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&piece[..read]);
    }
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\n').next()?).ok()?;
    line.split(' ').nth(1)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses() {
        let read =
            |url: &str| Address::read(url).map(|a| (a.host.clone(), a.port, a.path.clone(), a.is_loopback()));
        let expected =
            |host: &str, port, path: &str, here| Some((host.to_owned(), port, path.to_owned(), here));
        assert_eq!(read("http://127.0.0.1:8080/a?b=c"), expected("127.0.0.1", 8080, "/a?b=c", true));
        assert_eq!(read("http://192.0.2.1"), expected("192.0.2.1", 80, "/", false));
        for bad in ["https://a", "http://", "http://a:b/", "http://u@127.0.0.1/", "http://127.0.0.1/a b"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
