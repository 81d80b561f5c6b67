//! A small AWS client: signed requests, and what became of them.

use super::xml;
use auth::sigv4::sign::{Signer, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, Dialect, Payload, Secret};
use base::Clock;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(crate) const REGION: &str = "us-east-1";
/// Of the services that are called by the query protocol.
const VERSIONS: &[(&str, &str)] = &[
    ("autoscaling", "2011-01-01"),
    ("cloudformation", "2010-05-15"),
    ("ec2", "2016-11-15"),
    ("iam", "2010-05-08"),
    ("sts", "2011-06-15"),
];
const TIMEOUT: Duration = Duration::from_secs(30);
const REPLY_BYTES_MAX: u64 = 16 << 20;

/// Somebody with a key.
#[derive(Clone, Debug)]
pub(crate) struct Caller<'e> {
    pub(crate) endpoint: &'e str,
    pub(crate) region: &'e str,
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) body: String,
}

impl Reply {
    /// The refusal's code, in whichever of AWS's forms it comes.
    pub(crate) fn code(&self) -> String {
        if let Some(code) = xml::text(&self.body, "Code") {
            return xml::plain(code);
        }
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        let kind = body["__type"].as_str().unwrap_or_default();
        kind.rsplit('#').next().unwrap_or_default().to_owned()
    }

    /// What a successful call has answered.
    pub(crate) fn good(self, what: &str) -> Result<String, String> {
        match self.status {
            200..300 => Ok(self.body),
            status => {
                let message = xml::text(&self.body, "Message").map(xml::plain);
                let message = message.unwrap_or_else(|| self.body.clone());
                Err(format!("{what}: {status} {}: {message}", self.code()))
            }
        }
    }
}

impl<'e> Caller<'e> {
    /// The root of an account, by its shared key.
    pub(crate) fn root(endpoint: &'e str, account: &str) -> Caller<'e> {
        Caller {
            endpoint,
            region: REGION,
            access_key: account.to_owned(),
            secret: "test".into(),
            token: None,
        }
    }

    /// What a successful call of such an operation has answered.
    pub(crate) fn call(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, String> {
        self.query(service, action, parameters)?.good(action)
    }

    /// An operation of a service that speaks AWS's query protocol.
    pub(crate) fn query(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Reply, String> {
        let version = VERSIONS.iter().find(|(name, _)| *name == service).map_or("", |(_, version)| version);
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            let _ = write!(body, "&{name}={}", escaped(value, ""));
        }
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send(service, "POST", "/", &[kind], body.as_bytes())
    }

    /// An operation of a service that speaks JSON.
    pub(crate) fn json(
        &self,
        service: &str,
        target: &str,
        body: &serde_json::Value,
    ) -> Result<Reply, String> {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        self.send(service, "POST", "/", &headers, body.to_string().as_bytes())
    }

    /// A request to S3; `path` is `/bucket/key`, not escaped.
    pub(crate) fn s3(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, String> {
        self.send("s3", method, &escaped(path, "/"), headers, body)
    }

    /// A request to a service that speaks REST, as it stands.
    pub(crate) fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        extra: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, String> {
        let authority = self.endpoint.strip_prefix("http://").unwrap_or(self.endpoint);
        let mut headers = HeaderMap::new();
        let header = |text: &str| HeaderValue::from_str(text).map_err(|_| format!("{text:?} is no header"));
        headers.insert("host", header(authority)?);
        for (name, value) in extra {
            let name = HeaderName::try_from(*name).map_err(|e| e.to_string())?;
            headers.insert(name, header(value)?);
        }
        let secret = Secret::new(self.secret.clone());
        let signer = Signer {
            access_key: &self.access_key,
            secret: &secret,
            session_token: self.token.as_deref(),
            region: self.region,
            service,
            dialect: if service == "s3" { Dialect::S3 } else { Dialect::Query },
            algorithm: Algorithm::Hmac,
        };
        let payload = match BodyHash::of(body) {
            BodyHash::Of(hash) => Payload::Hash(hash),
            BodyHash::Unread => Payload::Unsigned,
        };
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        let now = Clock::system().now();
        sign_headers(&signer, method, plain, query, &mut headers, payload, now)
            .map_err(|_| "a request cannot be signed".to_owned())?;
        let mut head = format!("{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in &headers {
            let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        exchange(authority, &(head + "\r\n"), body)
    }
}

/// Sends a request as it stands, and reads the answer to the connection's end.
pub(crate) fn exchange(authority: &str, head: &str, body: &[u8]) -> Result<Reply, String> {
    let say = |e: std::io::Error| format!("{authority}: {e}");
    let mut stream = TcpStream::connect(authority).map_err(say)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(say)?;
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).map_err(say)?;
    let mut reply = Vec::new();
    stream.take(REPLY_BYTES_MAX).read_to_end(&mut reply).map_err(say)?;
    read(&reply).ok_or_else(|| format!("{authority}: an answer that is not HTTP"))
}

/// An HTTP answer.
pub(crate) fn read(reply: &[u8]) -> Option<Reply> {
    let split = reply.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&reply[..split]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let ids = ["x-amzn-requestid", "x-amz-request-id"];
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let request_id = lines.find(|(name, _)| ids.iter().any(|id| name.eq_ignore_ascii_case(id)));
    let body = String::from_utf8_lossy(&reply[split + 4..]).into_owned();
    let request_id = request_id.map(|(_, id)| id.to_owned());
    let request_id = request_id.or_else(|| xml::text(&body, "RequestId").map(str::to_owned));
    Some(Reply { status, request_id: request_id.unwrap_or_default(), body })
}

/// Escaped for an address, but for what may stay.
fn escaped(text: &str, stays: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if is_plain || stays.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, read};

    #[test]
    fn answers_and_addresses() {
        let reply = read(b"HTTP/1.1 403 Forbidden\r\nx-amz-request-id: abc\r\n\r\n<Error><Code>AccessDenied</Code></Error>");
        let reply = reply.unwrap();
        assert_eq!(
            (reply.status, reply.request_id.as_str(), reply.code().as_str()),
            (403, "abc", "AccessDenied")
        );
        let reply = read(b"HTTP/1.1 400 Bad\r\n\r\n{\"__type\":\"a#Denied\"}").unwrap();
        assert_eq!(reply.code(), "Denied");
        assert_eq!(escaped("/a b/ü", "/"), "/a%20b/%C3%BC");
    }
}
