//! A client for the cloud's own `/_virga/*` pages: plain HTTP/1.0 on loopback, one request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const REPLY_BYTES_MAX: u64 = 64 << 20;
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// Sends one request and returns the JSON that answers it.
pub(crate) fn call(
    endpoint: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<serde_json::Value, String> {
    let stream = send(endpoint, method, path, body)?;
    let mut reply = Vec::new();
    stream.take(REPLY_BYTES_MAX).read_to_end(&mut reply).map_err(|e| format!("{endpoint}: {e}"))?;
    parse(&reply).ok_or_else(|| format!("{endpoint}: an answer that is not HTTP with JSON"))?
}

/// Sends one request and returns what answers it behind the head, however long that takes to come.
pub(crate) fn stream(
    endpoint: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<BufReader<TcpStream>, String> {
    let reply = BufReader::new(send(endpoint, method, path, body)?);
    behind_head(endpoint, reply, b" 200")
}

/// Asks for a connection that is no HTTP any more once it has been answered. What has come with the answer is in the
/// reader's buffer.
pub(crate) fn upgrade(endpoint: &str, path: &str, to: &str) -> Result<BufReader<TcpStream>, String> {
    let (mut stream, authority) = open(endpoint)?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: {to}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).map_err(|e| format!("{endpoint}: {e}"))?;
    let reply = behind_head(endpoint, BufReader::new(stream), b" 101")?;
    reply.get_ref().set_read_timeout(None).map_err(|e| format!("{endpoint}: {e}"))?;
    Ok(reply)
}

/// Reads an answer's head, which must have this status.
fn behind_head(
    endpoint: &str,
    mut reply: BufReader<TcpStream>,
    status: &[u8],
) -> Result<BufReader<TcpStream>, String> {
    let say = |e: std::io::Error| format!("{endpoint}: {e}");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let line = (&mut reply).take(HEAD_BYTES_MAX).read_until(b'\n', &mut head).map_err(say)?;
        if line == 0 || head.len() as u64 > HEAD_BYTES_MAX {
            return Err(format!("{endpoint}: an answer that is not HTTP"));
        }
    }
    if head.get(b"HTTP/1.1".len()..).is_none_or(|rest| !rest.starts_with(status)) {
        reply.take(REPLY_BYTES_MAX).read_to_end(&mut head).map_err(say)?;
        let refused = parse(&head).and_then(Result::err);
        return Err(refused.unwrap_or_else(|| format!("{endpoint}: an answer that was not asked for")));
    }
    Ok(reply)
}

/// A connection, and how the other end is called.
fn open(endpoint: &str) -> Result<(TcpStream, &str), String> {
    let authority =
        endpoint.strip_prefix("http://").ok_or_else(|| format!("not an http endpoint: {endpoint}"))?;
    let say = |e: std::io::Error| format!("{endpoint}: {e}");
    let stream = TcpStream::connect(authority).map_err(say)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(say)?;
    Ok((stream, authority))
}

fn send(endpoint: &str, method: &str, path: &str, body: &str) -> Result<TcpStream, String> {
    let say = |e: std::io::Error| format!("{endpoint}: {e}");
    let (mut stream, authority) = open(endpoint)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(say)?;
    let length = body.len();
    // The older version: its answers end with the connection, and come in no chunks.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(say)?;
    Ok(stream)
}

/// Splits head from body. `None` where it is no HTTP reply; an inner error for a status other than 2xx.
fn parse(reply: &[u8]) -> Option<Result<serde_json::Value, String>> {
    let split = reply.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&reply[..split]).ok()?;
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let value: serde_json::Value = serde_json::from_slice(&reply[split + 4..]).ok()?;
    if (200..300).contains(&status) {
        return Some(Ok(value));
    }
    let message = value.get("message").and_then(|m| m.as_str()).unwrap_or("refused");
    Some(Err(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_refusal_is_its_message() {
        let reply = b"HTTP/1.1 403 Forbidden\r\nx: y\r\n\r\n{\"message\":\"no\"}";
        assert_eq!(parse(reply), Some(Err("no".to_owned())));
        assert_eq!(parse(b"hello"), None);
        let good = b"HTTP/1.1 200 OK\r\n\r\n{\"a\":1}";
        assert_eq!(parse(good), Some(Ok(serde_json::json!({"a": 1}))));
    }
}
